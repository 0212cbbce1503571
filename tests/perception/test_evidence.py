"""Laws of what tells that two sounds were played together: each measure hears what it claims; the sum joins them."""

import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from perception.coherence import MODES, WINDOW_SAMPLES, Calibration, Coherence, CoherenceError
from perception.evidence import (
    FILE,
    MEASURES,
    EvidenceMeter,
    Joined,
    Traces,
    chroma_of,
    join,
    joined_file,
    load_joined,
    onsets_of,
)
from perception.hpss import SAMPLERATE, harmonic_percussive
from perception.time_embedding import DIM, TimeEmbedding, agreement, agreement_by_lag, tone_spectrum
from tests.conftest import melody

WIDE = melody(7, SAMPLERATE)


def tone(hz: float, seconds: float = 5.0) -> np.ndarray:
    return (0.1 * np.sin(2 * np.pi * hz * np.arange(round(seconds * SAMPLERATE)) / SAMPLERATE)).astype(np.float32)


@pytest.fixture(scope="module")
def meter() -> EvidenceMeter:
    torch.manual_seed(0)
    return EvidenceMeter(Coherence().eval(), TimeEmbedding().eval())


@settings(max_examples=30)
@given(st.integers(24, 100))
def test_the_chroma_of_a_tone_is_its_pitch_class(pitch):
    audio = torch.from_numpy(tone(440 * 2 ** ((pitch - 69) / 12)))[None]
    chroma = chroma_of(tone_spectrum(audio), audio)[0]
    assert chroma.shape == (10, 12)
    if 40 <= pitch < 96:  # lower quarter tones are narrower than what 256 ms can tell
        assert (chroma.argmax(1) == pitch % 12).all()


def test_silence_has_no_harmony_and_no_onsets():
    audio = torch.zeros(1, WINDOW_SAMPLES)
    assert not chroma_of(tone_spectrum(audio), audio).any() and not tone_spectrum(audio).any()
    assert not onsets_of(torch.zeros(1, 2, 64, 501)).any()


@settings(max_examples=20)
@given(st.integers(-20, 20), st.integers(1, 4))
def test_a_delayed_trace_agrees_most_at_its_delay(lag, n):
    traces = torch.randn(n, 251, DIM, generator=torch.Generator().manual_seed(0))
    by_lag = agreement_by_lag(traces, traces.roll(lag, 1), 25)
    assert (by_lag.argmax(1) - 25 == lag).all()
    direct = agreement_by_lag(traces, traces, 25)[:, 25]
    torch.testing.assert_close(direct, agreement(traces, traces).diagonal())


def test_embeddings_have_mean_square_length_1_and_do_not_hear_level(meter):
    sounds = [WIDE[:WINDOW_SAMPLES], 0.1 * WIDE[:WINDOW_SAMPLES]]
    time = meter.traces(sounds).time
    assert time.shape == (2, 251, DIM)
    torch.testing.assert_close(time.square().sum(2).mean(1), torch.ones(2), atol=1e-3, rtol=0)
    assert (time[0] - time[1]).abs().max() < 0.05


def test_measures_of_a_sound_with_itself_fall_when_it_is_displaced(meter):
    first = WIDE[:WINDOW_SAMPLES]
    measured = [
        meter.measure(meter.traces([first]), meter.traces([WIDE[late : late + WINDOW_SAMPLES]]))[0]
        for late in (0, 4000, 16000)
    ]
    assert measured[0].shape == (len(MEASURES),)
    for name in ("time", "time ahead", "onsets"):
        place = MEASURES.index(name)
        assert measured[0][place] > max(each[place] for each in measured[1:]), name
    assert measured[0][MEASURES.index("harmony")] == pytest.approx(1, abs=1e-4)
    assert measured[0][MEASURES.index("harmony")] > measured[2][MEASURES.index("harmony")]


def test_all_pairs_are_measured_as_one_by_one(meter):
    traces = meter.traces([WIDE[n * 8000 :][:WINDOW_SAMPLES] for n in range(3)])
    table = meter.measure_all(traces, traces)
    for n in range(3):
        for m in range(3):
            one = meter.measure(traces.at(slice(n, n + 1)), traces.at(slice(m, m + 1)))[0]
            torch.testing.assert_close(table[n, m], one, atol=1e-4, rtol=1e-4)


@settings(max_examples=12)
@given(st.integers(0, 5), st.integers(0, 100))
def test_the_sum_follows_the_measure_that_tells(place, seed):
    """Of six measures one is higher for partners; one is lower, and gets no weight."""
    rng = np.random.default_rng(seed)
    true, wrong = rng.standard_normal((200, 6)), rng.standard_normal((200, 6))
    true[:, place] += 3
    true[:, (place + 1) % 6] -= 1
    joined = join(true, wrong, np.ones(200), "here")
    weights = list(joined.weights.values())
    assert np.argmax(weights) == place and weights[(place + 1) % 6] < 0.05 * weights[place]
    positions = joined.positions(torch.from_numpy(np.stack([true, wrong])).float())
    assert positions[0].mean() > 0.8 and positions[1].mean() < 0.4 and positions.min() >= 0 and positions.max() <= 1


def some_joined() -> Joined:
    return Joined(dict.fromkeys(MEASURES, 1.0), [0.0, 2.0, 4.0], [-1.0, 0.0, 1.0], "here")


def folder_with(meter, tmp_path, joined=None):
    for name, content in (
        meter.coherence.files() | meter.time.files() | (joined_file(joined) if joined else {})
    ).items():
        (tmp_path / name).write_bytes(content)
    return tmp_path


def test_a_folder_comes_back_and_its_position_is_that_of_the_sum(meter, tmp_path):
    loaded = EvidenceMeter.load(folder_with(meter, tmp_path, some_joined()))
    assert loaded.joined == some_joined() and loaded.time is not None
    first, second = WIDE[:WINDOW_SAMPLES], WIDE[16000 : 16000 + WINDOW_SAMPLES]
    assert loaded.compare(first, second).positions is None, "without a calibration there is no scale"
    quantiles = {mode: [0.0, 1.0] for mode in MODES}
    loaded.coherence.calibration = Calibration(quantiles, quantiles, "here", 8)
    scores = loaded.compare(first, second)
    traces = loaded.traces([first, second])
    sums = loaded.joined.sums(loaded.measure(traces.at(slice(1)), traces.at(slice(1, 2))))
    assert scores.positions["both"] == pytest.approx(np.clip(float(sums[0]) / 2, 0, 1), abs=1e-3)
    assert scores.scores == pytest.approx(loaded.coherence.score(first, second), abs=1e-3)


def test_a_folder_of_before_gives_what_it_gave(meter, tmp_path):
    folder = folder_with(meter, tmp_path)
    (folder / "time_embedding.safetensors").unlink()
    loaded = EvidenceMeter.load(folder)
    assert loaded.time is None and loaded.joined is None
    first, second = WIDE[:WINDOW_SAMPLES], WIDE[16000 : 16000 + WINDOW_SAMPLES]
    ours, theirs = loaded.compare(first, second), Coherence.load(folder).compare(first, second)
    assert ours.scores == pytest.approx(theirs.scores, abs=1e-3) and ours.positions == theirs.positions is None


@pytest.mark.parametrize(
    "content", ["{", "[]", '{"format": 2}', '{"format": 1, "weights": {}, "true": [], "shuffled": []}']
)
def test_damaged_joins_are_named(meter, tmp_path, content):
    folder = folder_with(meter, tmp_path)
    (folder / FILE).write_text(content)
    with pytest.raises(CoherenceError, match="does not say how measures are joined"):
        load_joined(folder)


def test_a_damaged_time_embedding_is_named(meter, tmp_path):
    folder = folder_with(meter, tmp_path, some_joined())
    (folder / "time_embedding.safetensors").write_bytes(b"no weights")
    with pytest.raises(CoherenceError, match="is no time-keeping embedding"):
        EvidenceMeter.load(folder)


def test_infinite_weights_are_refused():
    held = json.loads(joined_file(some_joined())[FILE]) | {"true": [float("nan")]}
    held.pop("format")
    with pytest.raises(CoherenceError, match="weights of its measures"):
        Joined(**held)


def test_the_file_is_small(meter):
    assert len(meter.time.files()["time_embedding.safetensors"]) < 2_000_000


def test_traces_hold_what_is_compared(meter):
    traces = meter.traces([WIDE[:WINDOW_SAMPLES]])
    assert isinstance(traces, Traces) and [len(each) for each in traces] == [1] * 4
    mel = torch.from_numpy(harmonic_percussive(WIDE[:WINDOW_SAMPLES]))[None]
    torch.testing.assert_close(traces.onsets, onsets_of(mel))
