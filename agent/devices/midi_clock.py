"""MIDI clock to beats: 24 clocks a beat, start, stop, continue and song position (MIDI 1.0).

Clocks come with the jitter of wire and polling, and on a busy machine some come late and in a burst. A line through the
last two beats of clocks gives tempo and beat. Its slope is the median over clocks half of them apart, its height the
median over all (as Theil and Sen do), so that a burst moves neither. Each beat is reported once, by the line; who plays
between the beats asks the line where the song is.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import numpy as np

from corpora.midi_file import CLOCKS_PER_BEAT

CLOCK, START, CONTINUE, STOP, SONG_POSITION = 0xF8, 0xFA, 0xFB, 0xFC, 0xF2
CLOCKS_PER_SIXTEENTH = 6  # the unit of the song position
FITTED_CLOCKS = 48
LEAST_CLOCKS = 12  # clocks after which the line is trusted
LONGEST_GAP_S = 0.5  # time between two clocks after which the line begins anew


class MidiClock:
    """Turns the bytes of MIDI messages into beats.

    tell: called with (what, value, monotonic s): ("beat", 0.0, when), ("tempo", beats a minute, when) once a beat, and
    ("beat/stop", 0.0, when) when the clock stops.
    """

    def __init__(self, tell: Callable[[str, float, float], None] = lambda what, value, time_s: None):
        self._tell = tell
        self._clocks: deque[tuple[int, float]] = deque(maxlen=FITTED_CLOCKS)  # number, monotonic s
        self.count = 0  # clocks since the beginning of the song, of the next clock
        self.running = True  # many senders send clocks without a start
        self.jumps = 0  # times the place in the song was set anew
        self._fitted: tuple[tuple[int, float], tuple[int, float, float]] | None = None  # newest clock, line up to it

    def receive(self, message: bytes, time_s: float) -> bool:
        """A MIDI message and its monotonic time; False if it is not of the clock."""
        kind = message[0] if message else 0
        if kind == CLOCK:
            if self.running:
                self._clock(time_s)
        elif kind in (START, CONTINUE):
            self._begin(0 if kind == START else self.count)
        elif kind == STOP:
            self.running = False
            self._clocks.clear()
            self._tell("beat/stop", 0.0, time_s)
        elif kind == SONG_POSITION and len(message) == 3:
            self._begin_at((message[1] | message[2] << 7) * CLOCKS_PER_SIXTEENTH)
        else:
            return False
        return True

    def position(self, time_s: float) -> float | None:
        """Clocks since the beginning of the song at a monotonic time, by the line; None while no clock can be told.

        None before LEAST_CLOCKS clocks, while the clock stands, and LONGEST_GAP_S after the newest clock.
        """
        if len(self._clocks) < LEAST_CLOCKS or not self.runs_at(time_s):
            return None
        number, at, period = self._line()
        return number + (time_s - at) / period

    def runs_at(self, time_s: float) -> bool:
        """Whether a clock has come within LONGEST_GAP_S before a monotonic time."""
        return bool(self._clocks) and time_s - self._clocks[-1][1] <= LONGEST_GAP_S

    def _begin(self, position: int) -> None:
        self._begin_at(position)
        self.running = True

    def _begin_at(self, position: int) -> None:
        self.jumps += position != self.count
        self.count = position
        self._clocks.clear()

    def _clock(self, time_s: float) -> None:
        if self._clocks and not 0 <= time_s - self._clocks[-1][1] < LONGEST_GAP_S:
            self._clocks.clear()  # some were lost, or the sender has paused: where the beat is stays as counted
        number = self.count
        self._clocks.append((number, time_s))
        self.count = number + 1
        if number % CLOCKS_PER_BEAT:
            return
        if len(self._clocks) < LEAST_CLOCKS:
            self._tell("beat", 0.0, time_s)
            return
        _, at, period = self._line()
        self._tell("tempo", 60 / (period * CLOCKS_PER_BEAT), time_s)
        self._tell("beat", 0.0, at)

    def _line(self) -> tuple[int, float, float]:
        """The newest clock, when it is by the line in monotonic s, and s from one clock to the next."""
        newest = self._clocks[-1]
        if self._fitted is None or self._fitted[0] != newest:
            numbers, times = np.array(self._clocks).T
            apart = len(times) // 2
            period = np.median((times[apart:] - times[:-apart]) / apart)
            at = np.median(times - period * (numbers - numbers[-1]))
            self._fitted = newest, (newest[0], float(at), float(period))
        return self._fitted[1]
