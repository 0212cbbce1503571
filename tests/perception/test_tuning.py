"""The tuning: exact on detuned notes, doubtful of what has no pitch, and the same for any blocks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perception.tuning import SAMPLERATE, Tuning, TuningStream, tuning_of


def notes(cents: float, partials: int = 1, vibrato: float = 0.0, seconds: float = 12.0, seed: int = 0) -> np.ndarray:
    """Notes of half a second from B3 to C6, so many cents above A = 440 Hz: (n,) float32 at 16 kHz."""
    rng, n = np.random.default_rng(seed), SAMPLERATE // 2
    time, made = np.arange(n) / SAMPLERATE, []
    for _ in range(round(2 * seconds)):
        pitch = 440 * 2 ** ((rng.integers(59, 84) - 69) / 12 + cents / 1200)
        bent = vibrato * np.sin(2 * np.pi * 5.5 * time + rng.uniform(0, 6))
        phase = 2 * np.pi * np.cumsum(pitch * 2 ** (bent / 1200)) / SAMPLERATE
        wave = sum(np.sin(k * phase) / k**0.8 for k in range(1, partials + 1) if k * pitch < 7900)
        made.append(0.1 * wave * np.minimum(1, np.minimum(time, time[::-1]) / 0.03))
    return np.concatenate(made).astype(np.float32)


def away(tuning: Tuning, cents: float) -> float:
    """Cents from one tuning to another, on their circle."""
    return abs((tuning.cents - cents + 50) % 100 - 50)


@settings(max_examples=15)
@given(st.floats(-50, 50), st.sampled_from([1, 10]), st.integers(0, 99))
def test_detuned_notes_are_known_to_a_cent(cents, partials, seed):
    found = tuning_of(notes(cents, partials, seed=seed), SAMPLERATE)
    assert away(found, cents) < 1 and found.confidence > 0.8


def test_a_violin_at_442_with_vibrato():
    found = [tuning_of(notes(7.85, 10, 15, 20, seed), SAMPLERATE) for seed in range(3)]
    assert all(away(one, 7.85) < 1.5 and one.confidence > 0.5 for one in found)
    assert found[0].a_hz == pytest.approx(442, abs=0.5)


@pytest.mark.parametrize("rate", [8000, 22050, 44100])
def test_the_rate_does_not_matter(rate):
    import soxr

    sound = notes(-20)
    assert away(tuning_of(soxr.resample(sound, SAMPLERATE, rate), rate), -20) < 0.5


def test_what_has_no_pitch_is_not_sure():
    rng, n = np.random.default_rng(0), 20 * SAMPLERATE
    glide = 0.1 * np.sin(2 * np.pi * np.cumsum(300 * 2 ** np.linspace(0, 2, n)) / SAMPLERATE)
    free = np.concatenate([notes(cents, seconds=0.5, seed=n) for n, cents in enumerate(np.arange(-50, 50, 2.5))])
    for sound in (0.1 * rng.standard_normal(n), glide, free):
        assert tuning_of(sound.astype(np.float32), SAMPLERATE).confidence < 0.1
    for nothing in (np.zeros(n), np.zeros(0), 1e-5 * notes(10)):
        assert tuning_of(nothing.astype(np.float32), SAMPLERATE) == Tuning(0.0, 0.0)


@settings(max_examples=10)
@given(st.lists(st.integers(1, 9000), min_size=1, max_size=20))
def test_the_blocks_in_which_it_is_heard_do_not_matter(sizes):
    sound, at = notes(12, 3, seconds=4), 0
    whole, parts = TuningStream(), TuningStream()
    whole.hear(sound)
    for size in [*sizes, len(sound)]:
        parts.hear(sound[at : at + size])
        at += size
    assert (parts.total, parts.tuning) == (whole.total, whole.tuning)
