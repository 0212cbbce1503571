"""What is wanted of a place in time: the grid that is told, else the one heard, known no earlier than it may be."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from agent.performance.controls import apply
from agent.performance.leading_beat import tell_beat
from agent.performance.target import grid, rhythm
from perception.onsets import DELAY_FRAMES, ONSET_RATE
from perception.tatum import NO_TATUM
from tests.agent.performance.test_session import run, tune
from tests.conftest import write

RATE = 16000


def clicks(seconds: float, every_s: float, begin_s: float = 0.1) -> np.ndarray:
    """Short bursts of noise, (n,) float32, the same one every time."""
    audio = np.zeros(int(seconds * RATE), np.float32)
    burst = 0.5 * np.random.default_rng(0).normal(size=400) * np.exp(-np.arange(400) / 80)
    for at in np.arange(begin_s, seconds - 0.1, every_s):
        audio[round(at * RATE) :][:400] += burst.astype(np.float32)
    return audio


def expected_at(state, memory) -> np.ndarray:
    """Times in s at which an onset is expected from the next hop on."""
    found = rhythm(state, memory, 0.0, np.ones(1))
    assert found is not None
    inner = found.expected[1:-1]
    peaks = 1 + np.flatnonzero((inner > found.expected[:-2]) & (inner >= found.expected[2:]) & (inner > 1.0))
    return state.hop * state.config.live.hop + peaks / ONSET_RATE


def away(times: np.ndarray, every_s: float, begin_s: float) -> np.ndarray:
    phase = (times - begin_s) / every_s
    return np.abs(phase - np.rint(phase)) * every_s


@pytest.mark.parametrize("hop", [0.25, 0.5])
def test_what_is_heard_regularly_is_expected_to_go_on(stage, hop):
    session = stage.session(hop=hop, rate=RATE)
    _, _, state = run(session, clicks(16.0, 0.22))
    times = expected_at(state, session.repertoire[0])
    assert len(times) >= 7 and away(times, 0.22, 0.1).max() < 0.02
    assert state.tatum.tatum.confidence > 0.9


def test_a_beat_that_is_told_leads(stage):
    session = stage.session(hop=0.5, rate=RATE)
    _, _, state = run(session, clicks(16.0, 0.22))
    for beat in range(8):
        tell_beat(state.pulse, "osc", 12.03 + 0.5 * beat)
    state.tatum.tatum = state.tatum.tatum._replace(confidence=1.0)
    assert away(expected_at(state, session.repertoire[0]), 0.25, 0.03).max() < 0.02
    tune(state, "pulse.beat_source=audio")
    assert away(expected_at(state, session.repertoire[0]), 0.22, 0.1).max() < 0.02
    tune(state, "pulse.beat_source=none")
    assert grid(state, 16.0) == NO_TATUM


def test_what_lookahead_delays_is_not_known_yet(stage):
    audio = clicks(12.0, 0.22)
    heard = {}
    for lookahead in (1, 3):
        session = stage.session(f"decision.lookahead={lookahead}", hop=0.5, rate=RATE)
        heard[lookahead] = run(session, audio)[2].tatum
    session = stage.session(hop=0.5, rate=RATE)
    shorter = run(session, audio[:-RATE])[2].tatum
    assert heard[3].tatum == shorter.tatum != heard[1].tatum
    assert heard[3].frames == heard[1].frames - 100 and DELAY_FRAMES > 0


def chords(pitches: list[int], seconds_each: float = 1.0) -> np.ndarray:
    """Triads with overtones on these roots (MIDI numbers), one after the other: (n,) float32."""
    time = np.arange(round(seconds_each * RATE)) / RATE
    notes = [
        sum(
            np.sin(2 * np.pi * part * 440 * 2 ** ((pitch + third - 69) / 12) * time) / part**2
            for third in (0, 4, 7)
            for part in (1, 2, 3)
        )
        for pitch in pitches
    ]
    return (0.1 * np.concatenate(notes)).astype(np.float32)


def test_a_memory_in_a_neighbouring_key_is_moved_to_yours(stage, tmp_path):
    """What goes on keeps its transposition; `match_key = "off"` leaves the memory as it is."""
    progression = [48, 53, 50, 55] * 6
    recorded = write(tmp_path / "higher.wav", chords([pitch + 2 for pitch in progression]), RATE)
    session = stage.session(f"agent.memory={recorded}", hop=0.5, rate=RATE)
    _, events, _ = run(session, chords(progression))
    late = [event.semitones for event in events[16:] if event.segment >= 0]
    assert len(late) > 25 and late.count(-2) > 0.9 * len(late)
    for before, after in pairwise(events):
        assert after.semitones == before.semitones or after.why != "continue"
    _, events, _ = run(session, chords(progression), None, lambda state, n: tune(state, "action.match_key='off'"))
    assert {event.semitones for event in events} == {0}
    _, events, _state = run(session, chords(progression), None, lambda state, n: tune(state, "action.transpose=12"))
    assert {event.semitones for event in events if event.segment >= 0} <= {10, 11, 12}


def test_what_was_liked_comes_back_in_the_key_in_which_it_was(stage, tmp_path):
    recorded = write(tmp_path / "higher.wav", chords([50, 55, 52, 57] * 6), RATE)
    session = stage.session(f"agent.memory={recorded}", hop=0.5, rate=RATE)
    guide, liked = chords([48, 53, 50, 55] * 6), []

    def each(state, number):
        if number == 24:
            liked.append((state.recent_segments[-1][1], state.navigation.key_shift))
            apply(session, state, "like")
        if number == 36:
            apply(session, state, "back")

    _, events, _ = run(session, guide, None, each)
    returned = [(event.segment, event.semitones) for event in events[36:38]]
    assert liked[0][1] == -2 and liked[0] in returned
