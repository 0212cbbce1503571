"""A memory that follows a tempo stays on the beat, at a speed within bounds, and lets go where nothing is sure."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from action.stretch import MAX_RATIO, MIN_RATIO
from agent.performance.tempo import DEAD_ZONE, MAX_CORRECTION, MIN_CONFIDENCE, PULL, local_beat, ratio
from perception.pulse import Beat, Beats

law = settings(deadline=None, max_examples=60)


def recording(period, seconds=120.0, jitter=0.0, seed=0):
    """Beats of a recording, each up to `jitter` of a period off."""
    times = np.arange(0.3, seconds, period)
    times = times + jitter * period * np.random.default_rng(seed).uniform(-1, 1, len(times))
    return Beats(times, np.diff(times, append=2 * times[-1] - times[-2]), np.ones(len(times)))


def follow(heard, beats, begin_s, hop_s, seconds=30.0):
    """(hops, 2): the ratio of each hop, and by how much of a beat the memory was off when it began."""
    at_s, follows, rows = begin_s, False, []
    for hop in range(round(seconds / hop_s)):
        now_s, recorded = hop * hop_s, local_beat(beats, at_s)
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

    What is left is what the dead zone hides: PULL times the error is a correction of less than DEAD_ZONE. At the ends
    of the range there may be no room for a correction.
    """
    assume(abs(np.log2(recorded_s / heard_s)) < 1.5)
    heard, beats = Beat(phase * heard_s, heard_s, 1.0), recording(recorded_s)
    rows = follow(heard, beats, 5.0 + begin * recorded_s, hop, 40.0)
    assert rows[:, 0].min() >= MIN_RATIO and rows[:, 0].max() <= MAX_RATIO
    tempo = 2.0 ** -round(np.log2(recorded_s / heard_s)) * recorded_s / heard_s
    assert np.abs(rows[:, 0] / tempo - 1).max() <= MAX_CORRECTION + DEAD_ZONE
    if MIN_RATIO * (1 + MAX_CORRECTION) < tempo < MAX_RATIO * (1 - MAX_CORRECTION):
        longest_s = (0.5 / MAX_CORRECTION + 4) * max(heard_s, recorded_s / tempo, hop)
        hidden = 2 * DEAD_ZONE / PULL * max(1.0, 2 * hop / heard_s)
        left = np.abs(rows[round(min(longest_s, 36.0) / hop) :, 1])
        assert len(left) and left.max() <= hidden + 1e-6


@law
@given(st.floats(0.4, 0.8), st.integers(0, 99))
def test_beats_that_are_found_a_little_wrong_do_not_make_it_waver(period, seed):
    """The period is a median, and an error of phase counts for PULL: each beat 3 % off bends the speed by less."""
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


def test_outside_its_beats_a_recording_has_none():
    beats = recording(0.5, 10.0)
    assert local_beat(beats, 5.0).confidence == 1.0
    assert local_beat(beats, 0.1).confidence == local_beat(beats, 12.0).confidence == 0.0
    assert local_beat(Beats(*3 * (np.zeros(0),)), 1.0).confidence == 0.0
