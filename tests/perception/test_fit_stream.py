"""Chroma and onsets of our own are librosa's, whatever the blocks; what is measured follows from the last seconds."""

import numpy as np
import pytest

from agent.settings.config import DEMO
from corpora.audio import read_at
from perception import fit, fit_stream
from perception.fit_stream import FitState, hear, measure
from tests.conftest import melody

RATE = fit_stream.SAMPLERATE
CLOSE = 0.98  # cosine with librosa's chroma; ours has no tuning, and a third of a semitone is its finest difference
LEFT_OUT = 1e-3  # hundreds of bins of a filter below `INAUDIBLE` let something of its surroundings through


def tone(pitches: list[float], seconds: float, rate: int = RATE) -> np.ndarray:
    time = np.arange(round(seconds * rate)) / rate
    return (0.1 * sum(np.sin(2 * np.pi * pitch * time) for pitch in pitches)).astype(np.float32)


def chord(root: int, seconds: float = 1.0) -> np.ndarray:
    """A major triad on a pitch class, two octaves of it."""
    return tone([65.4064 * 2 ** ((root + step) / 12) for step in (0, 7, 12, 16, 24)], seconds)


def clicks(seconds: float, period: float, first: float = 0.25) -> np.ndarray:
    out, rng = np.zeros(round(seconds * RATE), np.float32), np.random.default_rng(0)
    for at in np.arange(first, seconds - 0.1, period):
        out[round(at * RATE) :][:400] += 0.3 * rng.standard_normal(400) * np.exp(-np.arange(400) / 80)
    return out


# --- beside librosa


@pytest.fixture(scope="module", params=["guide", "memory"])
def recording(request) -> tuple[np.ndarray, np.ndarray]:
    """20 s of the demo at our rate and at librosa's."""
    path = DEMO / f"{request.param}.flac"
    return read_at(path, RATE)[: 20 * RATE], read_at(path, 22050)[: 20 * 22050]


def test_chroma_is_that_of_librosa(recording):
    measures = pytest.importorskip("train.evaluate.listening_measures", exc_type=ImportError)
    ours, theirs = fit_stream.chroma_segments(recording[0]), measures.chroma_segments(recording[1])
    cosines = (ours.vectors * theirs.vectors).sum(axis=1)[theirs.sounding]
    assert len(cosines) > 20 and cosines.min() > CLOSE
    np.testing.assert_allclose(ours.rms, theirs.rms, atol=1e-3)


def test_harmony_is_that_of_librosa(recording):
    """Two cosines of vectors that are CLOSE to each other differ by no more than twice the sine of the angle."""
    measures = pytest.importorskip("train.evaluate.listening_measures", exc_type=ImportError)
    both = [
        make(sound)
        for make, sound in zip((fit_stream.chroma_segments, measures.chroma_segments), recording, strict=True)
    ]
    by_ours, by_theirs = (fit.harmony(x, fit.ChromaSegments(np.roll(x.vectors, 3, 0), x.rms)) for x in both)
    assert abs(by_ours - by_theirs) < 2 * np.sqrt(1 - CLOSE**2)


def test_onset_strength_is_that_of_librosa(recording):
    librosa = pytest.importorskip("librosa")
    theirs = librosa.onset.onset_strength(y=recording[1], sr=22050, hop_length=512)
    at = np.arange(len(theirs)) * 512 / 22050
    ours = fit_stream.onset_strength(recording[0])
    shifted = [np.interp(at + late, np.arange(len(ours)) / 100, ours) for late in np.arange(-5, 6) / 100]
    assert max(np.corrcoef(each, theirs)[0, 1] for each in shifted) > 0.9


# --- what is known without librosa


@pytest.mark.parametrize("pitch_class", range(12))
def test_a_tone_is_its_pitch_class_in_every_octave(pitch_class):
    for octave in range(1, 7):
        sound = tone([fit_stream.LOWEST_HZ * 2 ** (octave + pitch_class / 12)], 3)
        assert fit_stream.chroma(sound, RATE, 2).mean(axis=0).argmax() == pitch_class, octave


def test_clicks_are_onsets_and_a_held_tone_is_none():
    times, strengths = fit_stream.onsets(clicks(10, 0.5))
    np.testing.assert_allclose(times, np.arange(0.25, 9.9, 0.5), atol=0.03)
    assert (strengths > 0).all() and len(fit_stream.onsets(tone([220], 5)[RATE:])[0]) <= 1
    assert len(fit_stream.onsets(np.zeros(RATE, np.float32))[0]) == 0


@pytest.mark.parametrize("block", [997, 8000, 80000])
def test_it_does_not_matter_in_what_blocks_the_sound_comes(block):
    heard, spoken, beats = melody(16, RATE, 1), melody(16, RATE, 2), np.arange(32) * 0.5
    once, often = FitState(), FitState()
    hear(once, heard, spoken)
    for begin in range(0, len(heard), block):
        hear(often, heard[begin : begin + block], spoken[begin : begin + block])
    np.testing.assert_allclose(often.chroma_heard.vectors, once.chroma_heard.vectors, atol=LEFT_OUT)
    np.testing.assert_allclose(often.chroma_spoken.rms, once.chroma_spoken.rms, atol=1e-6)
    assert measure(often, beats).in_tune == pytest.approx(measure(once, beats).in_tune, abs=LEFT_OUT)
    assert measure(often, beats).in_time == pytest.approx(measure(once, beats).in_time, abs=1e-6)
    whole = fit_stream.chroma_segments(heard)
    known = len(once.chroma_heard)
    assert whole.vectors[:known] == pytest.approx(once.chroma_heard.vectors, abs=LEFT_OUT), "0.8 s later all is known"
    assert known >= len(whole) - 2


def changing(order: list[int], seconds: float) -> np.ndarray:
    return np.concatenate([chord(root) for root in order * 20])[: round(seconds * RATE)]


def test_who_plays_the_same_chords_is_in_tune_and_who_is_late_or_elsewhere_is_not():
    heard = changing([0, 5, 7, 2, 9, 4], 40)
    values = {}
    for name, spoken in (("same", heard), ("late", np.roll(heard, 2 * RATE)), ("held", np.tile(chord(0), 40))):
        state = FitState()
        hear(state, heard, spoken)
        values[name] = measure(state, np.zeros(0)).in_tune
    assert values["same"] > 0.5 > 0.2 > values["late"] and abs(values["held"]) < 0.1
    assert all(-1 <= value <= 1 for value in values.values())


def test_who_plays_on_the_beat_is_in_time_whoever_gives_it():
    beats, state = np.arange(80) * 0.5, FitState()
    hear(state, clicks(30, 0.5), clicks(30, 0.25))
    on, off = measure(state, beats).in_time, measure(state, np.arange(80) * 0.5 * 1.137).in_time
    assert on > 0.95 and off < 0.5 and np.isnan(measure(state, beats[:0]).in_time)


def test_nothing_is_said_of_silence_or_of_the_first_seconds():
    state = FitState()
    nothing = measure(state, np.arange(9.0))
    assert np.isnan([nothing.in_tune, nothing.in_time]).all()
    hear(state, melody(4, RATE, 1), melody(4, RATE, 2))
    assert np.isnan(measure(state, np.arange(9.0)).in_tune)
    hear(state, np.zeros(30 * RATE, np.float32), melody(30, RATE, 2))
    assert np.isnan(measure(state, np.arange(90.0)).in_tune)


@pytest.mark.slow
def test_an_hour_takes_no_more_memory_than_a_minute():
    state, sound = FitState(), melody(10, RATE, 1)
    for _ in range(9):
        hear(state, sound, sound)
    assert len(state.chroma_heard) == fit_stream.HISTORY and len(state.heard) <= 11 * RATE + fit_stream.CONTEXT
