"""Generators of the hops of a performance: live from blocks of any size, or offline from a whole guide.

The caller decides when it asks for the next hop; that is the only difference between rendering and playing in time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

import numpy as np

from agent.performance.session import Session
from agent.performance.state import Event, PerformanceState
from corpora.audio import regroup
from perception.stream import hop_sizes

Hop = tuple[np.ndarray, np.ndarray, Event | None]  # input and output, (frames,) float32 each, and the decision


class Guide(Protocol):
    """A mono sound that can be read from its beginning several times."""

    def blocks(self) -> Iterator[np.ndarray]:
        """Yield its samples, (n,) float32 each."""


def live_hops(session: Session, state: PerformanceState, blocks: Iterable[np.ndarray]) -> Iterator[Hop]:
    """Answer each hop of an input from the hops before it. blocks: (n,) float32, of any sizes.

    The last hop may be shorter than the others; each answer is as long as its input.
    """
    previous = None
    for heard in regroup(blocks, hop_sizes(session.hop, session.samplerate)):
        if previous is None:
            yield heard, np.zeros(len(heard), np.float32), None
        else:
            spoken, event = session.step(state, previous)
            yield heard, spoken[: len(heard)], event
        previous = heard


def offline_hops(session: Session, state: PerformanceState, file: Guide) -> Iterator[Hop]:
    """Perceive a guide to its end, then answer it from its beginning.

    The guide is read twice, so that only one label and one feature per hop are stored.
    """
    labelled, beats, inputs = [], [], []
    for heard in regroup(file.blocks(), hop_sizes(session.hop, session.samplerate)):
        samples = session.listener.next_hop_samples(state.hearing)
        labelled.append(session.listener.step(state.hearing, np.pad(heard, (0, samples - len(heard)))))
        beats.append(session.follow_beat(state))
        session.note_beat(state, beats[-1], len(beats))
        inputs.append(session.heard_hop(state, labelled[-1]))
    ahead, window = 0, session.decision.config.window
    for number, heard in enumerate(regroup(file.blocks(), hop_sizes(session.hop, session.samplerate))):
        while ahead < min(len(labelled), number + window):
            session.decision.hear(state.decision, *inputs[ahead])
            ahead += 1
        session.note_newest(state, labelled[number])
        session.note_beat(state, beats[number], number + 1)
        spoken, event = session.answer(state)
        yield heard, spoken[: len(heard)], event
