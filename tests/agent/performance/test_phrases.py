"""When the agent waits: by what the musician does, and by where the memory breathes."""

import numpy as np
import pytest

from agent.performance.phrases import LONGEST_PHRASE_S, REST_S, SHORTEST_ANSWER_S
from tests.agent.performance.test_session import run, tune
from tests.conftest import melody, write

HOP, RATE = 0.25, 48000


@pytest.fixture(scope="module")
def session(stage):
    return stage.session(hop=HOP)


def guide(*lengths):
    """Music, silence, music, ... of these lengths, s."""
    parts = [
        0.3 * np.sin(np.arange(round(s * RATE)) * 0.03) if not n % 2 else np.zeros(round(s * RATE))
        for n, s in enumerate(lengths)
    ]
    return np.concatenate(parts).astype(np.float32)


def sounding(session, audio, *sets):
    """(hops,) bool: which hops of the answer sound; hop n of it is answered when hop n of the guide was heard."""
    _, events, _ = run(session, audio, 3, lambda state, n: tune(state, *sets))
    return np.array([event.segment >= 0 and event.label != session.silence for event in events])


def test_together_it_plays_while_the_musician_plays_and_then_ends(session):
    plays = sounding(session, guide(5, 14, 3))
    assert plays[:20].all()
    rested = round((5 + REST_S + LONGEST_PHRASE_S) / HOP) + 1
    assert not plays[rested : round(19 / HOP)].any()
    assert plays[round(19 / HOP) + 1 :].all()


def test_together_it_does_not_begin_before_the_musician(session):
    plays = sounding(session, np.concatenate([np.zeros(3 * RATE, np.float32), guide(3)]))
    assert not plays[1 : round(3 / HOP)].any()
    assert plays[round(3 / HOP) + 1 :].any()


def test_after_it_answers_in_the_rests_and_only_there(session):
    plays = sounding(session, guide(4, 5, 4, 20), "decision.behaviour='after'")
    begins, second = round(4 / HOP), round(9 / HOP)
    assert not plays[: begins + 1].any()
    assert plays[begins + round(REST_S / HOP) : begins + round((REST_S + SHORTEST_ANSWER_S) / HOP)].all()
    assert not plays[second + 1 : round(13 / HOP)].any(), "the musician plays again"
    assert plays[round(13.5 / HOP) : round(15 / HOP)].any()
    assert not plays[round((13 + REST_S + LONGEST_PHRASE_S) / HOP) + 2 :].any(), "one phrase, and it waits"


def test_free_it_heeds_no_rest(session):
    assert sounding(session, guide(3, 14), "decision.behaviour='free'", "decision.rests='never'").all()


@pytest.mark.parametrize("behaviour", ["together", "after", "free"])
def test_never_rests_means_never(session, behaviour):
    audio = np.concatenate([np.zeros(3 * RATE, np.float32), melody(3, RATE), np.zeros(12 * RATE, np.float32)])
    assert sounding(session, audio, f"decision.behaviour='{behaviour}'", "decision.rests='never'").all()


@pytest.mark.parametrize("strokes", [True, False])
def test_a_phrase_ends_between_two_strokes_and_not_within_a_note(stage, tmp_path, strokes):
    """Strokes are about as loud hop by hop; only between them it is soft. A note that is held has no gap."""
    time_s = np.arange(20 * RATE) / RATE
    swell = 0.02 + np.exp(-(time_s % 0.4) / 0.02) if strokes else 1.0
    recorded = write(tmp_path / "memory.wav", (0.4 * swell * np.sin(2 * np.pi * 330 * time_s)).astype(np.float32), RATE)
    plays = sounding(stage.session(f"agent.memory={recorded}", hop=HOP), guide(5, 14))
    assert plays[4:20].all()
    rested_s = (np.flatnonzero(plays).max() + 1) * HOP - 5
    assert rested_s <= REST_S + 1.0 if strokes else rested_s >= LONGEST_PHRASE_S - HOP
