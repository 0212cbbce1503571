"""A memory that follows a tempo stays on the beat, at a speed within bounds, and lets go where nothing is sure."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from action.stretch import MAX_RATIO, MIN_RATIO
from agent.performance.tempo import DEAD_ZONE, MAX_CORRECTION, MIN_CONFIDENCE, line, ratio, speeds
from perception.onsets import DELAY_FRAMES, ONSET_RATE
from perception.pulse import Beat
from perception.tatum import Tatum

law = settings(max_examples=60)


def recording(period, seconds=120.0, jitter=0.0, seed=0):
    """What is known of a recording's beat at a moment: the last beat, up to `jitter` of a period off."""
    times = np.arange(0.3, seconds, period)
    found = times + jitter * period * np.random.default_rng(seed).uniform(-1, 1, len(times))
    return lambda at_s: Beat(found[max(0, np.searchsorted(times, at_s, "right") - 1)], period, 1.0)


def follow(heard, beat_at, begin_s, hop_s, seconds=30.0):
    """(hops, 2): the ratio of each hop, and by how much of a beat the memory was off when it began."""
    at_s, follows, rows = begin_s, False, []
    for hop in range(round(seconds / hop_s)):
        now_s, recorded = hop * hop_s, beat_at(at_s)
        found = ratio(heard, recorded, heard_s=now_s, recorded_s=at_s, hop_s=hop_s, follows=follows)
        octave = round(np.log2(heard.period_s / recorded.period_s))
        phases = heard.phase_at(now_s) * 2 ** max(0, octave), recorded.phase_at(at_s) * 2 ** max(0, -octave)
        rows.append((found, (phases[0] - phases[1] + 0.5) % 1 - 0.5))
        follows, at_s = True, at_s + found * hop_s
    return np.array(rows)


@law
@given(st.floats(0.3, 1.2), st.floats(0.3, 1.2), st.floats(0, 1), st.floats(0, 1), st.sampled_from([0.25, 0.35, 0.5]))
def test_it_comes_onto_the_beat_and_stays_there(heard_s, recorded_s, phase, begin, hop):
    """From anywhere at most half a beat has to be made up for, MAX_CORRECTION of a beat each beat.

    A memory of the same tempo is left as it is. At the ends of the range there may be no room for a correction.
    """
    assume(abs(np.log2(recorded_s / heard_s)) < 1.5)
    heard = Beat(phase * heard_s, heard_s, 1.0)
    rows = follow(heard, recording(recorded_s), 5.0 + begin * recorded_s, hop, 40.0)
    assert rows[:, 0].min() >= MIN_RATIO and rows[:, 0].max() <= MAX_RATIO
    tempo = float(speeds(Tatum(0.0, heard_s, 1.0), np.array([recorded_s]), np.ones(1), 0.0)[0])
    assert np.abs(rows[:, 0] / tempo - 1).max() <= MAX_CORRECTION + 1e-9
    if tempo == 1:
        assert (rows[:, 0] == 1.0).all()
    elif MIN_RATIO * (1 + MAX_CORRECTION) < tempo < MAX_RATIO * (1 - MAX_CORRECTION):
        longest_s = (0.5 / MAX_CORRECTION + 4) * max(heard_s, recorded_s / tempo, hop)
        left = np.abs(rows[round(min(longest_s, 36.0) / hop) :, 1])
        assert len(left) and left.max() < 0.03


@law
@given(st.floats(0.4, 0.8), st.integers(0, 99))
def test_beats_that_are_found_a_little_wrong_do_not_make_it_waver(period, seed):
    """An error of phase counts for PULL: each beat 3 % off bends the speed by less."""
    rows = follow(Beat(0.0, period * 0.9, 1.0), recording(period, jitter=0.03, seed=seed), 6.0, 0.5)
    assert np.abs(rows[-30:, 0] / (1 / 0.9) - 1).max() <= MAX_CORRECTION + 2 * 0.03
    assert np.abs(rows[-30:, 1]).max() < 0.2


def test_at_the_same_tempo_and_on_the_beat_nothing_is_changed():
    rows = follow(Beat(0.0, 0.5, 1.0), recording(0.5), 0.3, 0.25)
    assert (rows[:, 0] == 1.0).all()


@pytest.mark.parametrize("heard, recorded", [(0.39, 1.0), (1.0, 0.39), (0.0, 0.5), (0.5, 0.0)])
def test_what_is_too_far_apart_is_not_stretched(heard, recorded):
    arguments = {"heard_s": 0.0, "recorded_s": 0.0, "hop_s": 0.5, "follows": True}
    found = ratio(Beat(0.0, heard, 1.0), Beat(0.0, recorded, 1.0), **arguments)
    assert found is None or MIN_RATIO <= found <= MAX_RATIO


def test_only_beats_that_are_sure_are_followed_and_those_followed_are_kept_longer():
    sure, unsure = Beat(0.0, 0.5, MIN_CONFIDENCE), Beat(0.0, 0.6, 0.6 * MIN_CONFIDENCE)
    arguments = {"heard_s": 0.0, "recorded_s": 0.0, "hop_s": 0.5}
    for one, other in ((sure, unsure), (unsure, sure)):
        assert ratio(one, other, follows=False, **arguments) is None
        assert ratio(one, other, follows=True, **arguments) is not None
    lost = Beat(0.0, 0.6, 0.4 * MIN_CONFIDENCE)
    assert ratio(sure, lost, follows=True, **arguments) is None


@law
@given(st.floats(16, 60), st.floats(16, 60), st.floats(0, 1), st.floats(0, 1))
def test_the_speeds_of_a_memory_are_its_ratios_on_the_beat(heard, recorded, sure, surer):
    """`speeds` is what `ratio` says where both phases agree, for every tatum of a memory."""
    one, other = Tatum(0.0, heard, sure), Tatum(0.0, recorded, surer)
    assume(abs(abs(np.log2(recorded / heard)) % 1 - 0.5) > 1e-6)
    found = speeds(one, np.array([recorded, 0.0]), np.array([surer, 1.0]), 0.9)
    on_beat = DELAY_FRAMES / -ONSET_RATE
    expected = ratio(line(one), line(other), heard_s=on_beat, recorded_s=on_beat, hop_s=0.5, follows=False)
    assert found[0] == pytest.approx(0.9 if expected is None else expected) and found[1] == 0.9


@pytest.mark.parametrize("level", [1, 2, 1 / 2, 4, 3, 2 / 3, 3 / 4, 5 / 4, 4 / 5])
def test_another_level_of_the_metre_is_no_other_tempo(level):
    grid, others = Tatum(0.0, 25.0, 1.0), 25.0 * level * np.array([0.997, 1.0, 1.003])
    assert (speeds(grid, others, np.ones(3), 0.9) == 1.0).all()
    assert (speeds(grid, others * 1.08, np.ones(3), 0.9) != 1.0).all()
    assert (
        abs(ratio(line(grid), line(Tatum(7.0, others[0], 1.0)), heard_s=0, recorded_s=3, hop_s=0.5, follows=True)) == 1
    )
    assert DEAD_ZONE > 0.003
