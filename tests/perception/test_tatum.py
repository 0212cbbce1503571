"""The tatum: exact on what is regular, doubtful of what is not, and the same for any blocks."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perception.tatum import BLOCK, LATER, LONGEST, NO_TATUM, BeatTrack, Tatum, TatumState, TatumTrack, hear


def envelope(times: np.ndarray, frames: int, strengths: np.ndarray | None = None) -> np.ndarray:
    """Bumps of 15 ms at these times, in frames."""
    k = np.arange(frames)
    strengths = np.ones(len(times)) if strengths is None else strengths
    bumps = (s * np.exp(-0.5 * np.square((k - t) / 1.5)) for t, s in zip(times, strengths, strict=True))
    return sum(bumps, np.zeros(frames)).astype(np.float32)


def tatum_of(onsets: np.ndarray) -> Tatum:
    state = TatumState()
    hear(state, onsets)
    return state.tatum


def away(tatum: Tatum, times: np.ndarray) -> np.ndarray:
    """Frames from each time to the nearest point of the grid."""
    phase = (times - tatum.frame) / tatum.period
    return np.abs(phase - np.rint(phase)) * tatum.period


@settings(max_examples=20)
@given(st.floats(18.0, 40.0), st.floats(0.0, 40.0))
def test_a_regular_pulse_is_found_exactly_and_goes_on(period, begin):
    times = np.arange(begin, 3000, period)
    found = tatum_of(envelope(times, 3000))
    assert abs(found.period / period - 1) < 2e-3 or abs(found.period * 2 / period - 1) < 2e-3
    assert found.confidence == 1.0
    assert away(found, times[-1] + period * np.arange(1, 9)).max() < 1.0


def test_gaps_and_accents_do_not_matter():
    rng = np.random.default_rng(0)
    times = np.arange(7, 4000, 22.0)
    kept = rng.random(len(times)) < 0.5
    moved = times + rng.normal(0, 1.0, len(times))  # a musician is 10 ms early or late
    found = tatum_of(envelope(moved[kept], 4000, rng.uniform(0.2, 1, kept.sum())))
    assert away(found, times[-4:]).max() < 2.0 and found.confidence > 0.8


def test_what_lies_between_onsets_does_not_move_the_grid():
    times = np.arange(7, 4000, 22.0)
    slopes = np.maximum(0, 1 - np.arange(4000) % 61 / 30)  # what falls for long, and begins elsewhere
    slopes[::61] = 0  # no onset of its own
    found = tatum_of(np.maximum(envelope(times, 4000), 0.8 * slopes.astype(np.float32)))
    assert found.period == pytest.approx(22, rel=1e-3) and away(found, times[-4:]).max() < 1.5


@pytest.mark.parametrize("first", [BLOCK - 1, BLOCK, BLOCK + 1])
def test_an_onset_at_the_border_of_a_block_counts(first):
    state = TatumState()
    hear(state, envelope(np.arange(first, 1000, BLOCK), 1000))
    assert state.tatum.period and away(state.tatum, np.arange(first, 1200, BLOCK)).max() < 0.5


def test_a_step_that_stays_is_no_error():
    state = TatumState()
    hear(state, np.concatenate([np.zeros(BLOCK), np.ones(3 * BLOCK)]).astype(np.float32))
    assert state.tatum == NO_TATUM or np.isfinite(state.tatum.frame)


def test_what_comes_by_chance_is_not_trusted():
    confidences = []
    for seed in range(12):
        rng, state = np.random.default_rng(seed), TatumState()
        onsets = envelope(np.cumsum(rng.exponential(30, 200)) + 20, 5000)
        for begin in range(0, 5000, BLOCK):
            hear(state, onsets[begin : begin + BLOCK])
            confidences.append(state.tatum.confidence)
    assert np.mean(confidences) < 0.15 and np.mean(np.array(confidences) > 0.8) < 0.02


def test_silence_has_no_tatum():
    assert tatum_of(np.zeros(1000, np.float32)) == NO_TATUM
    assert not NO_TATUM.comb(0, 10, 2.0).any()


def test_another_tempo_is_found_within_seconds():
    times = np.concatenate([np.arange(0, 3000, 25.0), np.arange(3000, 6000, 22.0)])
    state, onsets = TatumState(), envelope(times, 6000)
    hear(state, onsets[:3000])
    lost = []
    for begin in range(3000, 6000, BLOCK):
        hear(state, onsets[begin : begin + BLOCK])
        upcoming = np.arange(3000, 6200, 22.0)
        lost.append(away(state.tatum, upcoming[upcoming > begin + BLOCK][:4]).max() > 3)
    assert not any(lost[20:])  # 10 s


@settings(max_examples=20)
@given(st.lists(st.integers(1, 130), min_size=1, max_size=20))
def test_the_blocks_in_which_it_is_heard_do_not_matter(sizes):
    rng = np.random.default_rng(1)
    onsets = envelope(np.arange(5, 900, 21.0) + rng.normal(0, 1, 43), 900)
    whole, parts, at = TatumState(), TatumState(), 0
    hear(whole, onsets)
    for size in [*sizes, 900]:
        hear(parts, onsets[at : at + size])
        at += size
    assert parts.tatum == whole.tatum and parts.frames == whole.frames
    np.testing.assert_array_equal(parts.sums, whole.sums)


@pytest.mark.parametrize("first", [0, 17, 10_000])
def test_the_comb_stands_where_the_grid_is(first):
    grid = Tatum(3.0, 25.0, 1.0)
    comb = grid.comb(first, 200, 2.0)
    at = first + np.flatnonzero(comb > 0.99)
    assert len(at) == 8 and np.all((at - 3) % 25 == 0) and comb.min() < 1e-6


@pytest.mark.parametrize("period", [26.0, 42.0, 62.0, 90.0])
def test_a_pulse_is_not_taken_for_its_half_or_third(period):
    assert tatum_of(envelope(np.arange(3, 4000, period), 4000)).period == pytest.approx(period, rel=1e-3)


def test_a_recording_has_its_tatum_everywhere_and_may_grow_and_shrink():
    onsets = envelope(np.concatenate([np.arange(0, 4000, 25.0), np.arange(4000, 8000, 21.0)]), 8000)
    whole, growing = TatumTrack(onsets), TatumTrack()
    assert TatumTrack().at(0) == NO_TATUM and len(whole) == 8000
    for begin in range(0, 8000, 37):
        growing.append(onsets[begin : begin + 37])
    for frame in (0, 1000, 3000, 6000, 7999):
        assert growing.at(frame) == whole.at(frame)
        assert whole.at(frame).period == pytest.approx(25 if frame < 4000 else 21, rel=2e-3)
    periods, confidences = whole.periods()
    assert len(periods) == len(confidences) == 160 and periods[20] == whole.at(1000).period
    growing.truncate(3010)
    assert len(growing) == 3010 and growing.at(500) == whole.at(500)
    growing.append(envelope(np.arange(3010, 6000, 30.0) - 3010, 2990))
    grid = growing.at(5500)
    assert grid.period == pytest.approx(30, rel=2e-3) and away(grid, np.arange(5410, 5800, 30.0)).max() < 1
    assert LATER * BLOCK == 1000  # 10 s


def test_what_was_stored_is_what_is_computed():
    onsets = envelope(np.arange(3, 3020, 24.0), 3020)
    computed = TatumTrack(onsets)
    stored = TatumTrack(onsets, computed.rows)
    assert len(stored) == len(computed) and computed.rows.shape == (60, 3)
    np.testing.assert_array_equal(stored.rows, computed.rows)
    np.testing.assert_array_equal(stored.periods(), computed.periods())
    assert all(stored.at(frame) == computed.at(frame) for frame in range(0, 3020, 7))
    np.testing.assert_array_equal(TatumTrack(onsets, computed.rows[:-1]).rows, computed.rows)  # of others: not used
    assert TatumTrack(onsets[:30], np.zeros((0, 3))).at(0) == NO_TATUM
    for track in (stored, computed):
        track.truncate(1010)
        track.append(envelope(np.arange(1000, 3000, 30.0) - 1000, 2000))
    np.testing.assert_array_equal(stored.rows, computed.rows)


beats_s = st.lists(st.floats(16.0, 400.0), min_size=1, max_size=30)


@settings(max_examples=60)
@given(st.floats(0.0, 300.0), beats_s, st.floats(0.0, 1.0))
def test_named_beats_and_the_middles_between_them_are_the_grid(first, steps, share):
    beats = np.cumsum([first, *steps])
    track = BeatTrack(np.zeros(8000, np.float32), None, beats, [(0.0, beats[-1] + 1)])
    for begin, end in pairwise(beats):
        grid = track.at(begin + share * (end - begin) * 0.999)
        if end - begin > LONGEST:
            continue
        assert grid.confidence == 1.0 and grid.period == pytest.approx((end - begin) / 2)
        assert away(grid, np.array([begin, (begin + end) / 2, end])).max() < 1e-6


def test_beyond_the_named_beats_nobody_claims_any_and_elsewhere_the_tatum_counts():
    onsets = envelope(np.arange(0, 8000, 25.0), 8000)
    beats = np.concatenate([np.arange(3000, 3500, 42.0), np.arange(4500, 5001, 50.0)])
    track, tatum = BeatTrack(onsets, None, beats, [(2000.0, 6000.0)]), TatumTrack(onsets)
    assert track.at(1999) == tatum.at(1999) and track.at(6000) == tatum.at(6000)
    assert track.at(2500) == track.at(4000) == track.at(5900) == NO_TATUM
    assert track.at(3000 - 4 * 42 + 1).period == 21 and track.at(3000 - 4 * 42 - 1) == NO_TATUM
    assert track.at(5000 + 4 * 50 - 1).period == 25 and track.at(5000 + 4 * 50) == NO_TATUM
    periods, confidences = track.periods()
    assert len(periods) == len(confidences) == 160
    assert periods[70 - 8] == 21 and confidences[62] == 1 and periods[80] == confidences[80] == 0
    assert periods[20] == tatum.at(1000).period and periods[140] == tatum.at(7000).period
