"""Whose beat leads, what each source says, and that a piece has the same beats however it is cut."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from agent.performance.controls import apply
from agent.performance.hops import offline_hops
from agent.performance.leading_beat import SOURCES, BeatState, beats_within, before, forget, tell_beat, tell_tempo
from perception.pulse import NO_BEAT, Beat, PulseTracker
from tests.perception.test_pulse import clicks

RATE = 48000


def fresh() -> BeatState:
    return BeatState(RATE, PulseTracker().start())


def click_hops(bpm: float, seconds: float) -> np.ndarray:
    """A click track at 48 kHz, cut into hops of 0.25 s."""
    audio = np.repeat(clicks(bpm, seconds)[0], 3)
    return audio[: len(audio) // 12000 * 12000].reshape(-1, 12000)


# --- lines


@given(st.floats(0, 1000), st.floats(0.2, 2), st.floats(0, 1000))  # a beat, its period, a moment
def test_a_line_told_by_another_beat_is_the_same_line(time_s, period_s, moment):
    beat = before(Beat(time_s, period_s, 0.5), moment)
    assert moment - period_s - 1e-6 <= beat.time_s <= moment + 1e-6
    shift = (beat.time_s - time_s) / period_s
    assert shift == pytest.approx(round(shift), abs=1e-6)


def test_the_beats_within_a_hop():
    assert list(beats_within(Beat(0.5, 0.5, 1.0), 1.0, 2.0)) == [1.0, 1.5]
    assert list(beats_within(NO_BEAT, 0.0, 9.0)) == []


# --- what others say


@settings(max_examples=20)
@example(46.0, 0.25, [0.0] * 12)  # the first beat comes as long after the start as a beat of another tempo would
@given(st.floats(45, 230), st.floats(0, 50), st.lists(st.floats(-0.005, 0.005), min_size=12, max_size=24))
def test_beats_with_jitter_make_a_steady_line(bpm, first_s, jitter):
    state, period = fresh(), 60 / bpm
    for n, late in enumerate(jitter):
        tell_beat(state, "osc", first_s + n * period + late)
    beat = state.beat("osc", first_s + len(jitter) * period)
    phase = beat.phase_at(first_s + len(jitter) * period)
    assert beat.period_s == pytest.approx(period, abs=0.006)
    assert min(phase, 1 - phase) * period < 0.02


@given(st.floats(30, 300), st.floats(0, 100))
def test_one_beat_and_a_tempo_are_enough(bpm, time_s):
    state = fresh()
    tell_tempo(state, "osc", bpm, time_s)
    assert state.beat("osc", time_s) == NO_BEAT
    tell_beat(state, "osc", time_s)
    assert state.beat("osc", time_s + 0.01).period_s == pytest.approx(60 / bpm)


def test_a_beat_that_moves_begins_a_new_line():
    state = fresh()
    for time_s in (0.0, 0.5, 1.0, 1.5, 1.75, 2.25, 2.75):
        tell_beat(state, "osc", time_s)
    assert state.beat("osc", 2.8).phase_at(3.25) == pytest.approx(0, abs=0.05)


def test_sources_lead_in_their_order_and_leave_when_they_fall_silent():
    state = fresh()
    state.heard_beat = Beat(0.0, 0.6, 0.4)
    assert state.source("auto", 1.0) == "audio"
    for source in ("tap", "osc", "link", "midi"):
        for time_s in (0.0, 0.5, 1.0):
            tell_beat(state, source, time_s)
        assert state.source("auto", 1.1) == source
    for source in SOURCES:
        assert state.source(source, 1.1) == source, "each can be chosen"
    assert state.source("none", 1.1) == "" and state.beat("none", 1.1) == NO_BEAT
    assert state.source("auto", 5.0) == "link", "MIDI clock has fallen silent"
    forget(state, "link")
    assert state.source("auto", 5.0) == "osc"
    assert state.source("auto", 500.0) == "audio"


# --- controls


def test_controls_tell_beats_and_scale_them(stage):
    session = stage.session(hop=0.25)
    state = session.start()
    for n in range(4):
        apply(session, state, "beat", (), "osc 127.0.0.1:9", at=n * RATE // 2)
    at = 2 * RATE
    assert state.beat_source_at(at) == "osc"
    assert state.beat_at(at).period_s == pytest.approx(0.5)
    state.pulse.now_s = 2.0
    apply(session, state, "beat/double")
    assert state.beat_at(at).period_s == pytest.approx(0.25)
    apply(session, state, "beat/half")
    apply(session, state, "beat/half")
    assert state.beat_at(at).period_s == pytest.approx(1.0)
    apply(session, state, "beat_source", ("audio",))
    assert state.beat_at(at) == NO_BEAT
    apply(session, state, "beat_source", ("auto",))
    apply(session, state, "beat/stop", (), "osc 127.0.0.1:9")
    assert state.beat_at(at) == NO_BEAT
    for n in range(4):
        apply(session, state, "tap", (), "key", at=at + round(n * RATE * 0.4))
    assert state.beat_source_at(at + 2 * RATE) == "tap"
    assert 60 / np.array(state.pulse.heard.tempo_range) == pytest.approx(np.array([0.4 * 2**0.5, 0.4 / 2**0.5]))
    apply(session, state, "tempo_range", (100.0, 140.0))
    assert state.pulse.heard.tempo_range == (100.0, 140.0)


def test_the_beat_heard_is_on_the_clock_of_the_input(stage):
    session = stage.session(hop=0.25)
    state = session.start()
    for hop in click_hops(100, 10):
        session.step(state, hop)
    assert state.pulse.now_s == pytest.approx(9.75, abs=0.3)
    assert state.beat_source_at(10 * RATE) == "audio"
    for ahead in (10.1, 10.7, 11.3):  # 0.5 + n * 0.6
        phase = state.beat_at(ahead * RATE).phase_at(ahead)
        assert min(phase, 1 - phase) * 0.6 < 0.02
    assert state.beat_at(10 * RATE).confidence > 0.5


def test_offline_the_beat_of_each_hop_is_the_one_that_was_live(stage):
    session = stage.session(hop=0.25)
    hops = click_hops(120, 6)

    class Clicks:
        def blocks(self):
            return iter(hops)

    live, offline = session.start(), session.start(offline=True)
    told = [session.perceive(live, hop) and live.pulse.heard_beat for hop in hops]
    again = [offline.pulse.heard_beat for _ in offline_hops(session, offline, Clicks())]
    assert told == again and told[-1].period_s == pytest.approx(0.5, rel=0.01)


def test_a_hop_that_was_missed_does_not_move_the_beat(stage):
    session = stage.session(hop=0.25)
    state = session.start()
    for number, hop in enumerate(click_hops(100, 12)):
        if number == 20:  # the listener fails, as in the decision loop
            state.hearing = session.listener.start()
            state.hearing.hops = number + 1
            continue
        session.perceive(state, hop)
    phase = state.beat_at(12 * RATE).phase_at(0.5 + 20 * 0.6)
    assert min(phase, 1 - phase) * 0.6 < 0.02
