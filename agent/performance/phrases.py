"""Phrases of the agent relative to those of the musician: when it plays and when it waits.

together  plays while the musician plays. In a rest of the musician it finishes its phrase, and then waits.
after     waits while the musician plays, answers with a phrase of its own, and waits again: call and response.
free      never waits.

A phrase ends where the memory continues with silence or clearly softer, or is soft at that very moment, as between two
strokes: so no note is cut.

`decision.rests` and `decision.density` are other reasons to rest (`Session._plans`), and whether a plan may contain
rests is decided by the labels allowed (`Repertoire.allowed`).
"""

from __future__ import annotations

import numpy as np

from action.stretch import ONE
from agent.performance.repertoire import Repertoire
from agent.performance.state import PerformanceState

REST_S = 0.5  # silence of the input that counts as a rest of the musician
LONGEST_PHRASE_S = 8.0  # longest phrase in a rest of the musician, whether the memory breathes or not
SHORTEST_ANSWER_S = 2.0  # shortest phrase that answers
SOFTER = 0.35  # what follows and is so much softer than the last segment ends a phrase; a factor, 9 dB
GAP_S = 0.06  # length of a soft moment between two strokes into which a fade fits


def waits(repertoire: Repertoire, state: PerformanceState) -> bool:
    """Whether the next hop is a rest, because of what the musician does."""
    behaviour, rested_s = state.config.decision.behaviour, state.silent_hops * repertoire.hop
    last = state.navigation.last
    sounds = last >= 0 and repertoire[state.sounding_memory].labels[last] != repertoire.silence
    if behaviour == "free":
        return False
    if behaviour == "together":
        ends = rested_s >= REST_S and (rested_s > LONGEST_PHRASE_S or breathes(repertoire, state))
        return ends or (rested_s > 0 and not sounds)
    if rested_s < REST_S:
        return True
    answered_s = rested_s - REST_S
    if answered_s < repertoire.hop:
        return False
    ends = answered_s >= SHORTEST_ANSWER_S and breathes(repertoire, state)
    return not sounds or answered_s > LONGEST_PHRASE_S or ends


def breathes(repertoire: Repertoire, state: PerformanceState) -> bool:
    """Whether what sounds comes to an end by itself: its memory is silent or clearly softer from here on."""
    memory, last = repertoire[state.sounding_memory], state.navigation.last
    if last < 0 or last + 1 >= len(memory):
        return True
    if memory.labels[last + 1] == repertoire.silence:
        return True
    begin = int(state.voice.head.nominal / ONE)
    following = memory.sound.audio[begin : begin + round(GAP_S * repertoire.samplerate)]
    moment = float(np.sqrt(np.square(following).mean())) if len(following) else 0.0
    return min(memory.level(last + 1), moment) < SOFTER * memory.level(last)
