"""What is wanted of a place in time: the grid that is told, else the one heard, known no earlier than it may be."""

from __future__ import annotations

import numpy as np
import pytest

from agent.performance.pulse import tell_beat
from agent.performance.target import grid, rhythm
from perception.onsets import DELAY_FRAMES, ONSET_RATE
from perception.tatum import NO_TATUM
from tests.agent.performance.test_session import run, tune

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
