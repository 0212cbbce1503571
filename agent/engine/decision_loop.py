"""The decision loop: perceives, decides and answers, hop by hop, between the audio buffers and the session.

Two states alternate. Before input hop t is processed, hop t of the answer has been accepted. After it, hop t + 1 of the
answer is due: it is proposed, published, and accepted when the callback has decided that it was played; otherwise the
fallback that was played is accepted. So after a stall all hops are processed in their order.

All methods are for one thread, the engine's decision thread; the attributes may be read from any thread.
"""

from __future__ import annotations

import time
from collections import deque
from typing import Any, Protocol

import numpy as np

from action.selection import silent_choice
from agent.control.bus import Bus
from agent.engine.buffers import AudioBuffers
from agent.engine.remote_listener import RemoteListener
from agent.performance.session import Session
from agent.performance.state import Event, HeardHop, Proposal
from perception.pulse import NO_BEAT, Beat
from perception.stream import LabelledHop

RESPONSE_TIMES_KEPT = 14_400  # hops: an hour at 0.25 s
CLOCK_JUMP_S = 0.2  # a sample counter that differs by more has stood still
CLOCK_DRIFT_S = 1e-4  # largest drift of the device's clock in a hop
SAME_BEAT_S, SAME_TEMPO, SAME_CONFIDENCE = 0.005, 0.005, 0.1  # a beat that differs less is not logged again
SILENT_DB = -120.0  # dBFS of a hop that was lost


class Log(Protocol):
    """The log of the decision loop: `agent.records.session_log.SessionLog`."""

    def hop(self, event: Event) -> None:
        """This hop was played."""

    def fader(self, gain: float, at: int) -> None:
        """The fader moves to `gain` (linear) from output sample `at` on."""

    def control(self, name: str, args: Any, source: str, hop: int, at: int | None = None) -> None:
        """A command was carried out before `hop` was decided; at: sample of the input at which it came."""

    def beat(self, beat: Beat, source: str, hop: int) -> None:
        """The beat that leads, as known before `hop` was decided."""

    def coherence(self, found: dict[str, float], hop: int) -> None:
        """The scores of input and output up to `hop`."""

    def midi(self, message: bytes, clock: float, at: int, *, sent: bool) -> None:
        """A MIDI message beside the missing part, or of it (`sent`), at a clock of the song and an input sample."""

    def end(self, samples: int) -> None:
        """The output had so many samples in all."""


class Recorder(Protocol):
    """Where input and output are recorded: `agent.records.recorder.Recorder`."""

    def heard(self, audio: np.ndarray) -> None:
        """(n,) float32 of input."""

    def spoken(self, audio: np.ndarray) -> None:
        """(n,) float32 of output."""


class DecisionLoop:
    """Works on a session and the audio buffers; `step` does the next thing that is due.

    log, recorder: may also be given to `start`. remote: labels of a remote listener, instead of the input's sound.
    """

    def __init__(
        self,
        session: Session,
        buffers: AudioBuffers,
        bus: Bus,
        *,
        log: Log | None = None,
        recorder: Recorder | None = None,
        remote: RemoteListener | None = None,
    ):
        self.session, self.buffers, self.bus = session, buffers, bus
        self._log, self._recorder, self._remote = log, recorder, remote
        self.state = session.start()
        self.suspended = False  # the session has failed: it is not asked again until `resume`
        self.response_ms: deque[float] = deque(maxlen=RESPONSE_TIMES_KEPT)  # from the end of a hop to its answer
        self.last_event: Event | None = None  # of the hop played last
        self._output_latency_s = 0.0
        self._pending: Proposal | None = None  # published, and not yet decided by the callback
        self._pending_fallback: list[Proposal] = []  # the hops after it, should the next answer be late
        self._fallback: list[Proposal] = []  # the hops after the one answered last
        self._fades_logged = self._input_recorded = self._output_recorded = 0
        self._start_time = 0.0  # monotonic time of sample 0, s
        self._listening_ms = 0.0
        self._beat_reported, self._beat_logged = False, (NO_BEAT, "")

    def start(self, log: Log | None, recorder: Recorder | None, output_latency_s: float = 0.0) -> None:
        """Before the first step: where to write, and how late the device sounds."""
        self._log, self._recorder, self._output_latency_s = log, recorder, output_latency_s
        self.state.output_delay = self.buffers.slack

    # --- steps

    def step(self) -> bool:
        """Accept, hear or answer a hop; False if there is nothing to be done yet."""
        state, buffers = self.state, self.buffers
        due = state.hop == state.hearing.hops  # else an input hop is due first
        answered = buffers.answered(state.hop) if due else None
        if answered is not None:
            self._accept(answered)
        elif due and self._pending is None and (buffers.waits or buffers.samples_in < buffers.output_start(state.hop)):
            self._answer()
        elif not due and buffers.samples_in >= buffers.boundary(state.hearing.hops + 1):
            self._hear()
        else:
            return False
        return True

    @property
    def accepts_controls(self) -> bool:
        """Whether no proposal waits for the callback's decision; only then may a control change the state."""
        return self._pending is None

    def seconds_until_due(self) -> float:
        """Seconds, about, until there will be something to do."""
        state, buffers = self.state, self.buffers
        due = state.hop == state.hearing.hops
        sample = buffers.output_start(state.hop) if due else buffers.boundary(state.hearing.hops + 1)
        return (sample - buffers.samples_in) / buffers.samplerate

    def _hear(self) -> None:
        began, state = time.perf_counter(), self.state
        hop, buffers = state.hearing.hops, self.buffers
        self._follow_sample_clock()
        audio = buffers.read_input(buffers.boundary(hop), buffers.boundary(hop + 1))
        self._record(buffers.boundary(hop + 1))
        self._log_fades()
        heard = None
        try:
            heard = self._listen(audio)
        finally:
            if heard is None:  # a listener that fails misses a hop and begins anew
                state.hearing = self.session.listener.start()
                state.hearing.hops = hop + 1
            label, level = (heard.label, heard.level_db) if heard else (self.session.silence, SILENT_DB)
            self.bus.publish("heard", hop, label, level, time.time() + self._lead(buffers.boundary(hop)))
        self._listening_ms = 1e3 * (time.perf_counter() - began)
        if not self.suspended:
            self.session.hear(state, heard, audio)
        self._report_beat(buffers.boundary(hop + 1))

    def _listen(self, audio: np.ndarray) -> LabelledHop:
        if self._remote is None:
            return self.session.perceive(self.state, audio)
        self.state.hearing.hops += 1
        self.session.note_beat(self.state, NO_BEAT, self.state.hearing.hops)
        return self._remote.next()

    def _answer(self) -> None:
        state, session, buffers = self.state, self.session, self.buffers
        began = time.perf_counter()
        listening_ms, self._listening_ms = self._listening_ms, 0.0
        if self.suspended:
            proposal, fallback = self._without_session(), self._fallback[1:]
        else:
            proposal = session.propose(state, {"perception": listening_ms})
            fallback = session.fallback(state, proposal, session.fallback_hops + 1)
        buffers.publish(state.hop, proposal.audio, [late.audio for late in fallback])
        self._pending, self._pending_fallback = proposal, fallback
        self.response_ms.append(listening_ms + 1e3 * (time.perf_counter() - began))
        self._report_event(proposal.event)

    def _without_session(self) -> Proposal:
        """The next hop where the session cannot be asked: the fallback, then silence."""
        if self._fallback:
            return self._fallback[0]
        state, memory = self.state, self.session.repertoire[self.state.sounding_memory]
        choice, frames = silent_choice(memory.oracle), self.session.repertoire.hop_frames(self.state.hop)
        event = Event(
            hop=state.hop, heard=-1, level=SILENT_DB, plan=(), segment=-1, label=choice.label, why=choice.why,
            match=0, run=0, gain=None, frames=frames, memory=state.sounding_memory, held=len(memory.sound.audio),
        )  # fmt: skip
        audio, voice = np.zeros(frames, np.float32), memory.sound.start()
        return Proposal(event=event, audio=audio, choice=choice, voice=voice, memory=state.sounding_memory)

    def _accept(self, answered: bool) -> None:
        """The callback has decided on hop `state.hop`: take over what it played."""
        state = self.state
        if answered and self._pending:
            proposal, self._fallback = self._pending, self._pending_fallback
        elif self._fallback:
            proposal, self._fallback = self._fallback[0], self._fallback[1:]
        else:
            proposal = self._without_session() if self.suspended else self.session.fallback(state, None, 1)[0]
        self._pending, self._pending_fallback = None, []
        try:
            if self.suspended:
                state.voice, state.sounding_memory = proposal.voice, proposal.memory
            else:
                self.session.accept(state, proposal)
        finally:
            state.hop = proposal.event.hop + 1
            self.last_event = proposal.event
            if self._log:
                self._log.hop(proposal.event)
        if not answered:
            self._report_event(proposal.event)

    # --- after an error

    def suspend(self) -> None:
        """The session has failed: go on without it, with the fallback and then silence."""
        self.suspended = True

    def resume(self) -> None:
        """Ask the session again; input that it missed counts as silence."""
        if self.suspended:
            state, held = self.state, self.state.config.decision.lookahead - 1
            state.decision = self.session.decision.start(origin=max(0, state.hearing.hops - held))
            state.delayed_hops.clear()
            state.delayed_hops.extend([HeardHop(self.session.silence, None)] * min(held, state.hearing.hops))
            state.add_heard(None, None, state.hearing.hops)
        self.suspended = False

    # --- reports and records

    def _report_event(self, event: Event) -> None:
        buffers, memory = self.buffers, self.session.repertoire[event.memory]
        position = (memory.sound.boundary(event.segment) + event.shift) / buffers.samplerate
        begins = buffers.output_start(event.hop)
        lead = self._lead(begins) + self._output_latency_s
        if event.plan:
            self.bus.publish("plan", event.hop, *event.plan)
        self.bus.publish(
            "event", event.hop, event.why, event.segment, event.label, event.match, event.run,
            position if event.segment >= 0 else -1.0, event.frames / buffers.samplerate,
            1.0 if event.gain is None else event.gain, memory.name, lead, time.time() + lead,
        )  # fmt: skip

    def _report_beat(self, sample: int) -> None:
        """Tell the beat that leads at an input sample, by its next beat; once that there is none any more."""
        beat, source = self.state.beat_at(sample), self.state.beat_source_at(sample)
        if not source and not self._beat_reported:
            return
        self._beat_reported, now_s = bool(source), sample / self.buffers.samplerate
        phase = beat.phase_at(now_s) if source else 0.0
        lead = self._lead(sample) + (1 - phase) * beat.period_s
        bpm = 60 / beat.period_s if source else 0.0
        self.bus.publish("pulse", lead, bpm, phase, beat.confidence, source, time.time() + lead)
        if self._log and _differs(beat, source, *self._beat_logged, now_s):
            self._beat_logged = beat, source
            self._log.beat(beat, source, self.state.hop)

    def sample_at(self, monotonic_s: float) -> int:
        """The sample of the input at a monotonic time, s; where samples are the time, and before the first hop, now."""
        if self.buffers.waits or self._start_time == 0.0:
            return self.buffers.samples_in
        return max(0, round((monotonic_s - self._start_time) * self.buffers.samplerate))

    def _follow_sample_clock(self) -> None:
        """The monotonic time of sample 0, s.

        The sample counter is read up to a block too late, so the earliest estimate is the best. It may rise slowly, for
        the device's clock and the computer's drift apart, and anew where the device has stood still.
        """
        now = time.monotonic() - self.buffers.samples_in / self.buffers.samplerate
        stood_still = abs(now - self._start_time) >= CLOCK_JUMP_S
        self._start_time = now if stood_still else min(now, self._start_time + CLOCK_DRIFT_S)

    def _lead(self, sample: int) -> float:
        """Seconds until a sample is there, below 0 if it was; a wall clock that is set does not change it."""
        return self._start_time + sample / self.buffers.samplerate - time.monotonic()

    def _log_fades(self) -> None:
        for at, goal in self.buffers.fades(self._fades_logged):
            self._fades_logged += 1
            if self._log:
                self._log.fader(goal, at)

    def _record(self, stop: int) -> None:
        """Hand on the input up to sample `stop`, and the output so far."""
        buffers, samples_out = self.buffers, self.buffers.samples_out
        if self._recorder and stop > self._input_recorded:
            self._recorder.heard(buffers.read_input(self._input_recorded, stop))
        if self._recorder and samples_out > self._output_recorded:
            self._recorder.spoken(buffers.read_output(self._output_recorded, samples_out))
        self._input_recorded, self._output_recorded = stop, samples_out

    def log_control(self, name: str, args: Any, source: str, hop: int, at: int | None = None) -> None:
        """Write a command into the log, if there is one. From any thread."""
        if self._log:
            self._log.control(name, args, source, hop, at)

    def log_coherence(self, scores: dict[str, float], hop: int) -> None:
        """Write the scores up to `hop` into the log, if there is one. From any thread."""
        if self._log:
            self._log.coherence(scores, hop)

    def log_midi(self, message: bytes, clock: float, time_s: float, *, sent: bool) -> None:
        """Write a MIDI message heard, or `sent`, at a monotonic time into the log, if there is one. From any thread."""
        if self._log:
            self._log.midi(message, clock, self.sample_at(time_s), sent=sent)

    def finish(self) -> None:
        """The stream has ended: write down what was still played."""
        state, buffers = self.state, self.buffers
        while (answered := buffers.answered(state.hop)) is not None:
            state.hearing.hops = max(state.hearing.hops, state.hop)  # the last input affects no further hop
            self._accept(answered)
        self._log_fades()
        self._record(buffers.samples_in)
        if self._log:
            self._log.end(buffers.samples_out)


def _differs(beat: Beat, source: str, last: Beat, last_source: str, now_s: float) -> bool:
    """Whether a beat is not the one that was logged last, gone on."""
    if source != last_source or not source:
        return source != last_source
    away = abs((beat.phase_at(now_s) - last.phase_at(now_s) + 0.5) % 1.0 - 0.5) * beat.period_s
    moved = away > SAME_BEAT_S or abs(beat.period_s / last.period_s - 1) > SAME_TEMPO
    return moved or abs(beat.confidence - last.confidence) > SAME_CONFIDENCE
