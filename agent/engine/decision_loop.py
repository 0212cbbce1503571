"""The mind: hears, decides and answers, hop by hop, between the rings and the session. One thread calls it.

Two states take turns. Before hop t is heard, hop t of the answer has been accepted; after it, hop t + 1 of the answer
is due: proposed, published, and accepted when the callback has decided that it was played, or else what sounded
instead. So after a stall everything is caught up in the order in which it happened.
"""

from __future__ import annotations

import time
from collections import deque
from typing import Any, Protocol

import numpy as np

from action.selection import silent_choice
from agent.control.bus import Bus
from agent.engine.buffers import Rings
from agent.performance.session import Session
from agent.performance.state import Event, Proposal
from perception.stream import LabelledHop

REMEMBERED = 14_400  # hops of which the times are known: an hour at 0.25 s


class Log(Protocol):
    """Where the mind writes what it does: `agent.records.session_log.Journal`."""

    def hop(self, event: Event) -> None:
        """This was played."""

    def fader(self, gain: float, at: int) -> None:
        """The fader moved, from this output sample on."""

    def control(self, name: str, args: Any, source: str, hop: int) -> None:
        """Someone has asked for this."""

    def coherence(self, found: dict[str, float], hop: int) -> None:
        """So well did both fit until this hop."""

    def end(self, samples: int) -> None:
        """So many samples were spoken in all."""


class Records(Protocol):
    """Where what is heard and spoken goes: `agent.records.recorder.Recorder`."""

    def heard(self, audio: np.ndarray) -> None:
        """(n,) float32 that came in."""

    def spoken(self, audio: np.ndarray) -> None:
        """(n,) float32 that went out."""


class Labels(Protocol):
    """An ear elsewhere: `agent.engine.engine.Patch`."""

    def next(self) -> LabelledHop:
        """The hop that has just passed."""


class Mind:
    """On a session and its rings. `turn` does the next thing there is to do."""

    def __init__(self, session: Session, rings: Rings, bus: Bus, log: Log | None, records: Records | None,
                 labels: Labels | None = None):  # fmt: skip
        self.session, self.rings, self.bus = session, rings, bus
        self.log, self.records, self.labels = log, records, labels
        self.piece = session.start()
        self.broken = False  # an exception came out of the session: it is not asked again until `begin`
        self.times: deque[float] = deque(maxlen=REMEMBERED)  # ms from the end of a hop to its published answer
        self.newest: Event | None = None  # played
        self.latency_out = 0.0  # s, of the device
        self._pending: Proposal | None = None
        self._after: list[Proposal] = []  # what sounds after the pending hop if the mind is late
        self._chain: list[Proposal] = []  # the same after the hop answered last
        self._fades = self._taken = self._said = 0
        self._clock = 0.0  # unix time of sample 0
        self._heard_ms = 0.0

    # --- turns

    def turn(self) -> bool:
        """Accept, hear or answer; False if there is nothing to be done yet."""
        piece, rings = self.piece, self.rings
        due = piece.hop == piece.hearing.hops  # else a hop has to be heard first
        played = rings.decided(piece.hop) if due else None
        if played is not None:
            self._accept(played)
        elif due and self._pending is None and (rings.waits or rings.heard < rings.sounds_at(piece.hop)):
            self._answer()
        elif not due and rings.heard >= rings.boundary(piece.hearing.hops + 1):
            self._hear()
        else:
            return False
        return True

    @property
    def between(self) -> bool:
        """Is nothing published that has not been decided? Only then may a control touch the piece."""
        return self._pending is None

    def until(self) -> float:
        """Seconds, about, until there will be something to do."""
        piece, rings = self.piece, self.rings
        due = piece.hop == piece.hearing.hops
        sample = rings.sounds_at(piece.hop) if due else rings.boundary(piece.hearing.hops + 1)
        return (sample - rings.heard) / rings.samplerate

    def _hear(self) -> None:
        began, piece = time.perf_counter(), self.piece
        hop, rings = piece.hearing.hops, self.rings
        self._look_at_the_clock()
        audio = rings.hear(rings.boundary(hop), rings.boundary(hop + 1))
        self._record(rings.boundary(hop + 1))
        self._log_fades()
        heard = None
        try:
            heard = self._heard(audio)
        finally:
            if heard is None:  # a failing ear is deaf for a hop, and new
                piece.hearing = self.session.listener.start()
                piece.hearing.hops = hop + 1
            label, level = (heard.label, heard.level_db) if heard else (self.session.silence, -120.0)
            self.bus.publish("heard", hop, label, level, self._date(rings.boundary(hop)))
        self._heard_ms = 1e3 * (time.perf_counter() - began)
        if not self.broken:
            self.session.hear(piece, heard, audio)

    def _heard(self, audio: np.ndarray) -> LabelledHop:
        if self.labels is None:
            return self.session.listen(self.piece, audio)
        self.piece.hearing.hops += 1
        return self.labels.next()

    def _answer(self) -> None:
        piece, session, rings = self.piece, self.session, self.rings
        began = time.perf_counter()
        heard, self._heard_ms = self._heard_ms, 0.0
        if self.broken:
            made, after = self._rest(), self._chain[1:]
        else:
            made = session.propose(piece, {"perception": heard})
            after = session.chain(piece, made, session.patience + 1)
        rings.publish(piece.hop, made.audio, [late.audio for late in after])
        self._pending, self._after = made, after
        self.times.append(heard + 1e3 * (time.perf_counter() - began))
        self._tell(made.event)

    def _rest(self) -> Proposal:
        """What goes on without the session: the chain, then silence."""
        if self._chain:
            return self._chain[0]
        piece, memory = self.piece, self.session.memories[self.piece.sounding]
        choice, frames = silent_choice(memory.oracle), self.session.frames(self.piece.hop)
        event = Event(piece.hop, -1, -120.0, (), -1, choice.label, choice.why, 0, 0, None, frames,
                      memory=piece.sounding, held=len(memory.sound.audio))  # fmt: skip
        return Proposal(event, np.zeros(frames, np.float32), choice, memory.sound.start(), piece.sounding)

    def _accept(self, played: bool) -> None:
        """The callback has decided on hop `piece.hop`: so it was."""
        piece = self.piece
        if played and self._pending:
            proposal, self._chain = self._pending, self._after
        elif self._chain:
            proposal, self._chain = self._chain[0], self._chain[1:]
        else:
            proposal = self._rest() if self.broken else self.session.chain(piece, None, 1)[0]
        self._pending, self._after = None, []
        try:
            if self.broken:
                piece.voice, piece.sounding = proposal.voice, proposal.memory
            else:
                self.session.accept(piece, proposal)
        finally:
            piece.hop = proposal.event.hop + 1
            self.newest = proposal.event
            if self.log:
                self.log.hop(proposal.event)
        if not played:
            self._tell(proposal.event)

    # --- after an error

    def give_up(self) -> None:
        """The session has failed: on without it, with what was to sound, and then silence."""
        self.broken = True

    def begin(self) -> None:
        """The session may be asked again: what it did not hear was silence."""
        if self.broken:
            piece, held = self.piece, self.piece.config.decision.lookahead - 1
            piece.decision = self.session.decision.start(origin=max(0, piece.hearing.hops - held))
            piece.waiting.clear()
            piece.waiting.extend([self.session.silence] * min(held, piece.hearing.hops))
        self.broken = False

    # --- telling

    def _tell(self, event: Event) -> None:
        rings, memory = self.rings, self.session.memories[event.memory]
        position = self.session.memories[event.memory].sound.boundary(event.segment) / rings.samplerate
        begins = rings.sounds_at(event.hop)
        date = self._date(begins) + self.latency_out
        if event.plan:
            self.bus.publish("plan", event.hop, *event.plan)
        self.bus.publish(
            "event", event.hop, event.why, event.segment, event.label, event.match, event.run,
            position if event.segment >= 0 else -1.0, event.frames / rings.samplerate,
            1.0 if event.gain is None else event.gain, memory.name, date - time.time(), date,
        )  # fmt: skip

    def _look_at_the_clock(self) -> None:
        """When was sample 0? What is read comes late by up to a block: the earliest is true, unless time has passed."""
        now = time.time() - self.rings.heard / self.rings.samplerate
        self._clock = min(now, self._clock + 1e-4) if abs(now - self._clock) < 0.2 else now

    def _date(self, sample: int) -> float:
        return self._clock + sample / self.rings.samplerate

    def _log_fades(self) -> None:
        for at, goal in self.rings.fades(self._fades):
            self._fades += 1
            if self.log:
                self.log.fader(goal, at)

    def _record(self, heard: int) -> None:
        """Hand on what was heard up to this sample, and what was spoken."""
        rings, spoken = self.rings, self.rings.spoken
        if self.records and heard > self._taken:
            self.records.heard(rings.hear(self._taken, heard))
        if self.records and spoken > self._said:
            self.records.spoken(rings.said(self._said, spoken))
        self._taken, self._said = heard, spoken

    def finish(self) -> None:
        """The stream has ended: write down what was still played."""
        piece, rings = self.piece, self.rings
        while (played := rings.decided(piece.hop)) is not None:
            piece.hearing.hops = max(piece.hearing.hops, piece.hop)  # what was heard last decides nothing any more
            self._accept(played)
        self._log_fades()
        self._record(rings.heard)
        if self.log:
            self.log.end(rings.spoken)
