"""A performance as a generator of hops over one session: live from blocks of any size, or offline from a whole guide.

Who asks for the next hop, and when, is the only difference between rendering a file and playing it in time.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Protocol

import numpy as np

from agent.performance.session import Session
from agent.performance.state import Event, PerformanceState
from corpora.audio import regroup
from perception.stream import hop_sizes

Hop = tuple[np.ndarray, np.ndarray, Event | None]  # heard, spoken (equally long), what was decided


class Guide(Protocol):
    """A sound that can be read from its beginning as often as one likes."""

    def blocks(self) -> Iterator[np.ndarray]:
        """Its samples, (n,) float32 each."""


def live_hops(session: Session, state: PerformanceState, blocks: Iterable[np.ndarray]) -> Iterator[Hop]:
    """The performance over an input cut in any way: each hop is answered from the hops before it.

    The last hop may be shorter than the others; what is spoken is always as long as what is heard.
    """
    before = None
    for heard in regroup(blocks, hop_sizes(session.hop, session.samplerate)):
        if before is None:
            yield heard, np.zeros(len(heard), np.float32), None
        else:
            spoken, event = session.step(state, before)
            yield heard, spoken[: len(heard)], event
        before = heard


def offline_hops(session: Session, state: PerformanceState, file: Guide) -> Iterator[Hop]:
    """The performance over a guide that is known as a whole: heard to its end, then answered from its beginning.

    Memory use does not depend on the guide's length beyond one label and one feature per hop: it is read twice.
    """
    known = []
    for heard in regroup(file.blocks(), hop_sizes(session.hop, session.samplerate)):
        wanted = session.listener.next_hop_samples(state.hearing)
        known.append(session.listener.step(state.hearing, np.pad(heard, (0, wanted - len(heard)))))
    ahead, window = 0, session.decision.config.window
    blocks, upcoming = regroup(file.blocks(), hop_sizes(session.hop, session.samplerate)), deque[np.ndarray]()
    for number in range(len(known)):
        while ahead < min(len(known), number + window):
            session.decision.hear(state.decision, known[ahead].label)
            ahead += 1
        session.note_newest(state, known[number])
        for audio in islice(blocks, max(0, state.config.decision.horizon - len(upcoming))):  # as far as a plan reaches
            session.keep_heard(state, audio)
            upcoming.append(audio)
        spoken, event = session.answer(state)
        heard = upcoming.popleft()
        yield heard, spoken[: len(heard)], event
