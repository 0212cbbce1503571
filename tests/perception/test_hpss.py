"""The features against librosa's, to 1e-3 dB; the medians against SciPy's, bit for bit."""

from __future__ import annotations

import warnings
from concurrent.futures import ThreadPoolExecutor

import librosa
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import median_filter

from perception import hpss
from perception.hpss import CoherenceError, harmonic_percussive, mel_filters, mel_spectrogram, running_median
from tests.conftest import glide, melody

RATE = hpss.SAMPLERATE
TOLERANCE = 1e-3  # dB


def expected(audio: np.ndarray) -> np.ndarray:
    """What the official code computes, with librosa."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # n_fft is larger than a short sound
        whole = librosa.stft(audio, n_fft=1024, win_length=400, hop_length=160)
        shape = {"sr": RATE, "fmin": 60.0, "fmax": 7800.0, "n_mels": 64}
        parts = librosa.decompose.hpss(whole) if whole.shape[1] > 15 else by_hand_hpss(np.abs(whole))
        powers = [librosa.feature.melspectrogram(S=np.abs(part) ** 2, **shape) for part in parts]
        return np.stack([librosa.power_to_db(power, ref=np.max) for power in powers])


def by_hand_hpss(magnitude: np.ndarray) -> list[np.ndarray]:
    """librosa's formula with medians of ours: of less than half a kernel SciPy 1.17 mirrors memory that is not its own.

    (It answers with other numbers each time, and NaN among them.)
    """
    harmonic, percussive = by_hand(magnitude.T).T, by_hand(magnitude)
    pairs = ((harmonic, percussive), (percussive, harmonic))
    return [magnitude * librosa.util.softmask(*pair, power=2.0, split_zeros=True) for pair in pairs]


def by_hand(columns: np.ndarray) -> np.ndarray:
    """Medians of 31 down each column, slowly."""
    padded = np.pad(columns, ((15, 15), (0, 0)), mode="symmetric")
    return np.median(np.lib.stride_tricks.sliding_window_view(padded, 31, axis=0), axis=-1)


def expected_plain(audio: np.ndarray) -> np.ndarray:
    """torchaudio's MelSpectrogram and AmplitudeToDB at the official settings, as they are documented."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        whole = librosa.stft(audio, n_fft=1024, win_length=400, hop_length=160, pad_mode="reflect")
    filters = librosa.filters.mel(sr=RATE, n_fft=1024, n_mels=64, fmin=60.0, fmax=7800.0, htk=True, norm=None)
    return 10 * np.log10(np.maximum(filters @ np.abs(whole) ** 2, 1e-10))[None]


def strays(audio: np.ndarray) -> float:
    """dB between ours and librosa's, at most."""
    ours, theirs = harmonic_percussive(audio), expected(audio)
    assert ours.shape == theirs.shape == (2, 64, 1 + len(audio) // 160) and ours.dtype == np.float32
    return float(np.abs(ours - theirs).max())


def white(n: int, seed: int = 0) -> np.ndarray:
    return (0.1 * np.random.default_rng(seed).standard_normal(n)).astype(np.float32)


def clicks(n: int) -> np.ndarray:
    out = np.zeros(n, np.float32)
    out[::1777] = 1
    return out


def chirp(n: int) -> np.ndarray:
    """A loud glide: far beside it, where only rounding is left, two medians still have a ratio."""
    time = np.arange(n) / RATE
    return (0.5 * np.sin(2 * np.pi * (100 * time + 300 * time**2))).astype(np.float32)


SOUNDS = {
    "noise": white(80_000),
    "tone": np.sin(2 * np.pi * 440 * np.arange(80_000) / RATE).astype(np.float32),
    "chirp": chirp(80_000),
    "melody": melody(5, RATE),
    "glide": glide(5, RATE),
    "clicks": clicks(80_000),
    "one click": clicks(1700),
    "silence": np.zeros(80_000, np.float32),
    "constant": np.full(80_000, 0.3, np.float32),
    "a half of silence": np.append(melody(2.5, RATE), np.zeros(40_000, np.float32)),
    "one sample more": white(80_001),
    "one sample less": white(79_999),
}


@pytest.mark.parametrize("name", SOUNDS)
def test_features_equal_librosas(name):
    assert strays(SOUNDS[name]) < TOLERANCE


@pytest.mark.parametrize("gain", [1e-3, 1e-6, 1e-9, 30.0])
def test_features_equal_librosas_at_any_level(gain):
    assert strays(np.float32(gain) * SOUNDS["melody"]) < TOLERANCE
    assert strays(np.float32(gain) * SOUNDS["chirp"][:20_000]) < TOLERANCE


@settings(max_examples=25)
@given(st.integers(1, 6000), st.integers(0, 2**32 - 1), st.sampled_from([1.0, 1e-3, 1e-6]))
def test_features_equal_librosas_at_any_length(n, seed, gain):
    assert strays(np.float32(gain) * white(n, seed)) < TOLERANCE


@pytest.mark.parametrize("n", [1, 2, 159, 320, 399, 400, 401, 1023, 1024, 1025])
def test_features_of_hardly_anything_equal_librosas(n):
    assert strays(white(n)) < TOLERANCE


def test_a_pool_changes_nothing_but_the_time():
    with ThreadPoolExecutor(1) as pool:
        np.testing.assert_array_equal(
            harmonic_percussive(SOUNDS["melody"], pool), harmonic_percussive(SOUNDS["melody"])
        )


def test_level_cannot_be_seen_and_each_part_is_its_own_measure():
    loud = harmonic_percussive(SOUNDS["melody"])
    assert loud.max(axis=(1, 2)).tolist() == [0, 0] and loud.min() == -80
    assert np.abs(harmonic_percussive(np.float32(0.1) * SOUNDS["melody"]) - loud).max() < 0.02
    assert not harmonic_percussive(np.zeros(80_000, np.float32)).any(), "silence is 0 dB everywhere, as if masked"


def test_what_sustains_and_what_strikes_are_told_apart():
    tone, click = (10 ** (harmonic_percussive(SOUNDS[name]) / 10) for name in ("tone", "clicks"))
    assert tone[0].argmax() // 501 == tone[0].sum(1).argmax()
    loudest = click[1].sum(0)  # a click each 11 frames
    assert loudest[11] > 100 * loudest[5]


@pytest.mark.parametrize("name", ["noise", "melody", "chirp", "silence", "constant", "one sample more"])
def test_plain_mel_equals_torchaudios_formula(name):
    found = mel_spectrogram(SOUNDS[name])
    assert found.shape == (1, 64, 1 + len(SOUNDS[name]) // 160)
    assert np.abs(found - expected_plain(SOUNDS[name])).max() < TOLERANCE


@settings(max_examples=15)
@given(st.integers(1, 6000))
def test_plain_mel_of_any_length(n):
    found = mel_spectrogram(white(n))
    assert found.shape == (1, 64, 1 + n // 160) and np.isfinite(found).all()
    if n > 512:
        assert np.abs(found - expected_plain(white(n))).max() < TOLERANCE


@pytest.mark.parametrize(("htk", "norm"), [(False, "slaney"), (True, None)])
def test_mel_filters_equal_librosas(htk, norm):
    theirs = librosa.filters.mel(sr=RATE, n_fft=1024, n_mels=64, fmin=60.0, fmax=7800.0, htk=htk, norm=norm)
    np.testing.assert_allclose(mel_filters(htk), theirs, atol=1e-6 * theirs.max())


# --- medians


@settings(max_examples=60)
@given(st.integers(1, 90), st.integers(1, 70), st.integers(0, 2**32 - 1), st.sampled_from([0, 2, 1000]))
def test_medians_are_medians(n, m, seed, values):
    """Whatever the shape, and however many are equal (values: how many there are, 0 for as many as there can be)."""
    rng = np.random.default_rng(seed)
    columns = rng.integers(0, values, (n, m)) if values else rng.standard_normal((n, m))
    columns = columns.astype(np.float32)
    found = running_median(columns)
    np.testing.assert_array_equal(found, by_hand(columns))
    if n > 15:
        np.testing.assert_array_equal(found, median_filter(columns, size=(31, 1), mode="reflect"))


@pytest.mark.parametrize("n", [hpss.TILE_ROWS - 1, hpss.TILE_ROWS, hpss.TILE_ROWS + 1, 2 * hpss.TILE_ROWS + 17])
def test_medians_of_more_than_a_tile(n):
    columns = np.random.default_rng(n).standard_normal((n, 3)).astype(np.float32)
    np.testing.assert_array_equal(running_median(columns), by_hand(columns))


def test_medians_of_what_is_no_number_come_to_an_end():
    columns = np.random.default_rng(0).standard_normal((100, 70)).astype(np.float32)
    columns[40, 7], columns[60, 8] = np.nan, np.inf
    found, clean = running_median(columns), np.delete(columns, 7, 1)
    np.testing.assert_array_equal(np.delete(found, 7, 1), by_hand(clean))
    assert running_median(np.full((50, 3), np.nan, np.float32)).shape == (50, 3)


# --- what cannot be analysed


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e30])
@pytest.mark.parametrize("picture", [harmonic_percussive, mel_spectrogram])
def test_what_is_no_sound_is_refused(bad, picture):
    audio = white(3000)
    audio[-1] = bad
    with pytest.raises(CoherenceError, match=r"no numbers, or far beyond full scale: look"):
        picture(audio)


@pytest.mark.parametrize("audio", [np.zeros(0, np.float32), np.zeros((2, 800), np.float32), np.float32(0)])
@pytest.mark.parametrize("picture", [harmonic_percussive, mel_spectrogram])
def test_shapes_that_are_no_sound_are_refused(audio, picture):
    with pytest.raises(CoherenceError, match="expected samples of one channel"):
        picture(audio)
