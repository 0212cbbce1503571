"""Plays the missing part over MIDI: the clock and the notes of others come in, the part's notes go out in time.

`MissingPart` (agent/performance/missing_part.py) writes the bars; here are the real time, the threads and the port. One
thread owns all that has happened. It takes the messages with the times at which they came, asks the clock's line where
the song is, and sends what is due. A second one writes the bars. A bar that is late begins in its middle: no note is
sent later than half a step.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from agent.control.bus import Bus
from agent.control.command import Command, CommandError
from agent.devices.midi_clock import MidiClock
from agent.engine import scheduling
from agent.performance.missing_part import (
    CLOCKS_PER_STEP,
    NOTE_OFF,
    NOTE_ON,
    PROGRAM,
    Bar,
    MissingPart,
    PartState,
)
from corpora.midi_file import CLOCKS_PER_BEAT, DRUM_CHANNEL
from decision import instruction
from decision.fill import FillError

logger = logging.getLogger("antiphon.fill")

POLL_S = 0.001
LATEST_CLOCKS = CLOCKS_PER_STEP / 2  # a note is not begun later than that
CONTROL_CHANGE, ALL_NOTES_OFF = 0xB0, 123
LOGGED = (NOTE_OFF, NOTE_ON, PROGRAM)  # kinds of messages
LAST_MESSAGES_S = 0.05  # time that a port gets to deliver the last note offs
JOIN_TIMEOUT_S = 2.0


class LogMidi(Protocol):
    """Writes a message down, at a clock of the song and a monotonic time, s; sent: by the part, else heard."""

    def __call__(self, message: bytes, clock: float, time_s: float, *, sent: bool) -> None: ...


@dataclass
class _Note:
    """A note of the part: when it begins and ends in clocks, whether it sounds, and whether it ever did."""

    begin: float
    end: float
    pitch: int
    velocity: int
    channel: int
    sounds: bool = False
    played: bool = False


class PartPlayer:
    """Plays what `part` writes until `close`.

    send: sends a MIDI message. bus: gets `fill` for each bar, `changed`, and `error`. name, say: the part and what is
    asked of it, as `decision.instruction.read` takes them; FillError. channel: 1 to 16; 0: 10 for drums, else 1.
    is_silenced: whether the stage is muted or stopped; then nothing is begun, and what sounds ends. log: called with
    each note and program that is heard, and with each note that is sent.
    """

    def __init__(
        self,
        part: MissingPart,
        send: Callable[[bytes], None],
        bus: Bus,
        *,
        name: str,
        say: str = "",
        channel: int = 0,
        is_silenced: Callable[[], bool] = lambda: False,
        log: LogMidi | None = None,
    ):
        self._part, self._port, self._bus, self._is_silenced, self._log = part, send, bus, is_silenced, log
        self._name, self._say, self._channel = name, say, channel
        self._instruction = instruction.read(say or None, name or None).instruction
        self._clock, self._jumps, self._state = MidiClock(), 0, PartState()
        self._messages: deque[tuple[bytes, float]] = deque()
        self._notes: list[_Note] = []
        self._channels_played: set[int] = set()
        self._writing: tuple[PartState, Bar, Future[tuple[np.ndarray, float]]] | None = None  # notes, ms that it took
        self._writer = ThreadPoolExecutor(1, "antiphon-fill-writer", scheduling.ordinary)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="antiphon-fill", daemon=True)
        self._thread.start()

    def receive(self, message: bytes, time_s: float) -> None:
        """A MIDI message and its monotonic time; from the thread of the port."""
        self._messages.append((message, time_s))

    def handle(self, command: Command) -> None:
        """Carry out `fill/part` or `fill/say`, from the next bar on; CommandError."""
        name, say = self._name, self._say
        if command.name == "fill/part":
            name = str(command.args[0])
        else:
            say = str(command.args[0])
        try:
            self._instruction = instruction.read(say or None, name or None).instruction
        except FillError as error:
            raise CommandError(f"{command.name}: {error}") from None
        self._name, self._say = name, say
        self._bus.publish("changed", command.name, *command.args)

    def close(self) -> None:
        """End the notes that sound, and the threads.

        The launcher's stack calls it before it closes the port, at a signal too (`agent.verbs.play`): no note hangs.
        """
        self._ended.set()
        self._thread.join(JOIN_TIMEOUT_S)
        self._writer.shutdown(cancel_futures=True)
        self._silence()
        for channel in self._channels_played:
            self._send(bytes((CONTROL_CHANGE | channel, ALL_NOTES_OFF, 0)))
        time.sleep(LAST_MESSAGES_S)

    def _channel_of(self, role: str) -> int:
        """0 to 15."""
        return self._channel - 1 if self._channel else DRUM_CHANNEL if role == "drums" else 0

    def _run(self) -> None:
        while not self._ended.wait(POLL_S):
            try:
                self._take_messages()
                self._step(time.monotonic())
            except Exception as error:
                logger.exception("the missing part has failed")
                self._bus.publish("error", f"the missing part has failed ({type(error).__name__}: {error}): it rests")
                self._begin_anew()

    def _take_messages(self) -> None:
        while self._messages:
            message, time_s = self._messages.popleft()
            if self._clock.receive(message, time_s):
                if self._clock.jumps != self._jumps:
                    self._begin_anew()
                continue
            position = self._clock.position(time_s)
            if position is None and self._clock.runs_at(time_s):
                position = float(self._clock.count)
            if position is not None:
                self._part.hear(self._state, message, position)
                if self._log and message[0] & 0xF0 in LOGGED:
                    self._log(message, position, time_s, sent=False)

    def _step(self, now_s: float) -> None:
        """Send what is due; begin to write the next bar when it is time; take the bar that is written."""
        position = self._clock.position(now_s)
        if position is None:
            self._silence()
            return
        if self._is_silenced():
            self._silence()
        else:
            self._play(position)
        self._forget_missed(position)
        self._take_bar(position)
        if self._writing is None:
            self._part.catch_up(self._state, position)
            if position >= self._part.due(self._state):
                bar = self._part.order(self._state, self._instruction)
                self._writing = self._state, bar, self._writer.submit(self._write, bar)

    def _write(self, bar: Bar) -> tuple[np.ndarray, float]:
        began = time.perf_counter()
        return self._part.write(bar), 1000 * (time.perf_counter() - began)

    def _take_bar(self, position: float) -> None:
        if self._writing is None or not self._writing[2].done():
            return
        state, bar, task = self._writing
        self._writing = None
        if state is not self._state:  # the song has begun anew meanwhile
            return
        written, took_ms = task.result()
        self._part.take(state, bar, written)
        begin, channel = bar.number * self._part.bar_clocks, self._channel_of(bar.instruction.role)
        for first, end, pitch, velocity in (written * np.array([CLOCKS_PER_STEP, CLOCKS_PER_STEP, 1, 1])).tolist():
            if first >= begin:
                self._notes.append(_Note(first, end, pitch, velocity, channel))
            for note in self._notes:
                if first < begin and note.sounds and (note.begin, note.pitch) == (first, pitch):
                    note.end = end
        self._bus.publish("fill", bar.number, len(written), took_ms, (begin - position) / CLOCKS_PER_BEAT)

    def _play(self, position: float) -> None:
        for note in self._notes:
            if note.sounds and position >= note.end:
                self._send(bytes((NOTE_OFF | note.channel, note.pitch, 0)))
                note.sounds = False
        for note in self._notes:
            if not note.played and note.begin <= position < min(note.end, note.begin + LATEST_CLOCKS):
                self._send(bytes((NOTE_ON | note.channel, note.pitch, max(1, note.velocity))))
                note.sounds = note.played = True
                self._channels_played.add(note.channel)

    def _forget_missed(self, position: float) -> None:
        """Drop the notes that have ended; those that never began, late or muted, are none of the part's past."""
        over = [note for note in self._notes if not note.sounds and position >= note.begin + LATEST_CLOCKS]
        for note in over:
            if not note.played:
                self._part.take_back(self._state, round(note.begin / CLOCKS_PER_STEP), note.pitch)
        if over:
            self._notes = [note for note in self._notes if note not in over]

    def _silence(self) -> None:
        """End what sounds."""
        for note in self._notes:
            if note.sounds:
                self._send(bytes((NOTE_OFF | note.channel, note.pitch, 0)))
                note.sounds = False

    def _send(self, message: bytes) -> None:
        self._port(message)
        if self._log and message[0] & 0xF0 in LOGGED:
            now_s = time.monotonic()
            position = self._clock.position(now_s)
            self._log(message, float(self._clock.count) if position is None else position, now_s, sent=True)

    def _begin_anew(self) -> None:
        """Forget what was heard: the song is somewhere else now."""
        self._silence()
        self._notes, self._state, self._jumps = [], PartState(), self._clock.jumps
