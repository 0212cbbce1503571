"""Chroma: the pitch class that sounds, whatever the blocks; and what is expected of music that repeats itself."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perception.anticipation import anticipate
from perception.chroma import FRAME_STEP, SAMPLERATE, ChromaStream, ChromaTrack, chroma_of

law = settings(max_examples=25)


def tone(midi, seconds=1.0, rate=SAMPLERATE):
    """(n,) float32 of a note with three overtones."""
    time = np.arange(round(seconds * rate)) / rate
    hertz = 440 * 2 ** ((midi - 69) / 12)
    wave = sum(np.sin(2 * np.pi * k * hertz * time) / k**2 for k in (1, 2, 4))
    return (0.2 * wave).astype(np.float32)


@law
@given(st.integers(30, 90))
def test_a_note_is_its_pitch_class(midi):
    frames = chroma_of(tone(midi), SAMPLERATE)
    assert len(frames) == SAMPLERATE // FRAME_STEP
    assert (frames[9:].argmax(axis=1) == midi % 12).all()


@law
@given(st.lists(st.integers(1, 9000), min_size=1, max_size=12), st.integers(0, 99))
def test_frames_do_not_depend_on_the_blocks(blocks, seed):
    audio = np.random.default_rng(seed).normal(0, 0.1, sum(blocks)).astype(np.float32)
    whole, stream = ChromaStream().hear(audio), ChromaStream()
    parts = np.split(audio, np.cumsum(blocks)[:-1])
    assert np.array_equal(np.concatenate([stream.hear(part) for part in parts]), whole)


def test_the_future_changes_no_frame():
    audio = np.concatenate([tone(60), tone(65)])
    assert np.array_equal(ChromaStream().hear(audio)[:16], ChromaStream().hear(audio[:16000]))


@pytest.mark.parametrize("rate", [8000, 22050, 44100, 48000])
def test_any_rate_gives_the_same_chroma(rate):
    at_rate, exact = chroma_of(tone(57, 2, rate), rate), chroma_of(tone(57, 2), SAMPLERATE)
    count = min(len(at_rate), len(exact))
    assert count >= len(exact) - 1
    np.testing.assert_allclose(at_rate[10 : count - 1], exact[10 : count - 1], atol=0.05 * exact.max())


@law
@given(st.lists(st.integers(0, 40), min_size=1, max_size=8), st.sampled_from([0.25, 0.35, 0.5]), st.integers(0, 99))
def test_keys_do_not_depend_on_how_a_track_grew(sizes, hop, seed):
    frames = np.random.default_rng(seed).random((sum(sizes), 12)).astype(np.float32)
    grown = ChromaTrack(hop)
    for part in np.split(frames, np.cumsum(sizes)[:-1]):
        grown.append(part)
    whole = ChromaTrack(hop, frames)
    assert len(grown) == len(whole) == len(frames)
    np.testing.assert_allclose(grown.keys, whole.keys, atol=1e-5)
    if len(whole.keys):
        row = frames[: whole.hop_frames].mean(0)
        row -= row.mean()
        np.testing.assert_allclose(whole.keys[0], row / (np.linalg.norm(row) + 0.01), atol=1e-5)


@law
@given(st.integers(2, 9), st.integers(0, 99))
def test_what_repeats_is_foreseen(period, seed):
    """Of a loop of chords that has been heard twice, the next ones are known."""
    rng = np.random.default_rng(seed)
    chords = rng.normal(size=(period, 12))
    chords /= np.linalg.norm(chords, axis=1, keepdims=True)
    keys = np.repeat(np.tile(chords, (4, 1)), 2, axis=0).astype(np.float32)  # two frames to a hop
    expected = anticipate(keys[:-1], 2, 3, 10_000)
    for ahead in range(3):
        assert expected[ahead] @ chords[ahead % period] > 0.9


def test_without_a_past_the_present_is_expected():
    keys = np.eye(12, dtype=np.float32)[:1]
    assert np.array_equal(anticipate(keys, 8, 2, 100), keys[[0, 0]])
    assert not anticipate(keys[:0], 8, 2, 100).any()
