"""Onsets: where something begins, whatever the blocks; and those that a rhythm lets expect."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perception.anticipation import anticipate_onsets
from perception.onsets import DELAY_FRAMES, ONSET_RATE, OnsetStream, OnsetTrack, onsets_of
from perception.pulse import SAMPLERATE

law = settings(max_examples=25)


def clicks(times_s, seconds):
    """(n,) float32: short bursts of noise at these times."""
    audio = np.zeros(round(seconds * SAMPLERATE), np.float32)
    burst = np.random.default_rng(0).normal(0, 0.3, 400) * np.exp(-np.arange(400) / 80)
    for time in times_s:
        at = round(time * SAMPLERATE)
        audio[at : at + 400] += burst[: len(audio) - at].astype(np.float32)
    return audio


@law
@given(st.floats(0.5, 2.5))
def test_an_onset_peaks_where_it_begins(time):
    frames = onsets_of(clicks([time], 3.0), SAMPLERATE)
    assert abs((int(frames.argmax()) - DELAY_FRAMES) / ONSET_RATE - time) <= 0.015


@law
@given(st.lists(st.integers(1, 5000), min_size=1, max_size=12), st.integers(0, 99))
def test_frames_do_not_depend_on_the_blocks(blocks, seed):
    audio = np.random.default_rng(seed).normal(0, 0.1, sum(blocks)).astype(np.float32)
    whole, stream = OnsetStream().hear(audio), OnsetStream()
    parts = np.concatenate([stream.hear(part) for part in np.split(audio, np.cumsum(blocks)[:-1])])
    assert len(parts) == len(whole) == len(audio) // 160
    np.testing.assert_allclose(parts, whole, atol=1e-5)


def test_a_track_grows_and_is_truncated():
    rng = np.random.default_rng(1)
    frames, track = rng.random(5000).astype(np.float32), OnsetTrack()
    for part in np.split(frames, [7, 900, 2000, 4999]):
        track.append(part)
    assert np.array_equal(track.frames, frames)
    track.truncate(100)
    assert np.array_equal(track.frames, frames[:100])


@law
@given(st.integers(110, 390), st.integers(0, 99), st.integers(0, 300))
def test_a_rhythm_that_repeats_is_foreseen(period, seed, ahead):
    """Whatever follows in a pattern that comes again and again, also further ahead than a period."""
    pattern = np.random.default_rng(seed).random(period).astype(np.float32) ** 4
    envelope = np.tile(pattern, 2000 // period + 6)
    known = 2000
    expected, sure = anticipate_onsets(envelope[:known], known + ahead, 150, ONSET_RATE)
    assert sure == pytest.approx(1.0, abs=1e-4)
    np.testing.assert_allclose(expected, envelope[known + ahead :][:150], atol=1e-6)


def test_what_is_known_is_not_guessed():
    envelope = np.random.default_rng(2).random(3000).astype(np.float32)
    expected, _ = anticipate_onsets(envelope, 2500, 400, ONSET_RATE)
    np.testing.assert_allclose(expected, envelope[2500:2900], atol=1e-6)


@pytest.mark.parametrize("envelope", [np.zeros(0), np.zeros(500), np.zeros(3000)])
def test_nothing_is_foreseen_of_nothing(envelope):
    expected, sure = anticipate_onsets(envelope.astype(np.float32), len(envelope) + 8, 100, ONSET_RATE)
    assert expected.shape == (100,)
    assert sure == 0.0
