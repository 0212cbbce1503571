"""MIDI clock to beats: 24 clocks a beat, start, stop, continue and song position (MIDI 1.0).

Clocks come with the jitter of wire and polling, and on a busy machine some come late and in a burst. A line through the
last two beats of clocks gives tempo and beat. Its slope is the median over clocks half of them apart, its height the
median over all (as Theil and Sen do), so that a burst moves neither. Each beat is reported once, by the line.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import numpy as np

CLOCK, START, CONTINUE, STOP, SONG_POSITION = 0xF8, 0xFA, 0xFB, 0xFC, 0xF2
CLOCKS_PER_BEAT = 24
CLOCKS_PER_SIXTEENTH = 6  # the unit of the song position
FITTED_CLOCKS = 48
LEAST_CLOCKS = 12  # clocks after which the line is trusted
LONGEST_GAP_S = 0.5  # time between two clocks after which the line begins anew


class MidiClock:
    """Turns the bytes of MIDI messages into beats.

    tell: called with (what, value, monotonic s): ("beat", 0.0, when), ("tempo", beats a minute, when) once a beat, and
    ("beat/stop", 0.0, when) when the clock stops.
    """

    def __init__(self, tell: Callable[[str, float, float], None]):
        self._tell = tell
        self._clocks: deque[tuple[int, float]] = deque(maxlen=FITTED_CLOCKS)  # number, monotonic s
        self._position = 0  # clocks since the beginning of the song, of the next clock
        self.running = True  # many senders send clocks without a start

    def receive(self, message: bytes, time_s: float) -> bool:
        """A MIDI message and its monotonic time; False if it is not of the clock."""
        kind = message[0] if message else 0
        if kind == CLOCK:
            if self.running:
                self._clock(time_s)
        elif kind in (START, CONTINUE):
            self._begin(0 if kind == START else self._position)
        elif kind == STOP:
            self.running = False
            self._clocks.clear()
            self._tell("beat/stop", 0.0, time_s)
        elif kind == SONG_POSITION and len(message) == 3:
            self._position = (message[1] | message[2] << 7) * CLOCKS_PER_SIXTEENTH
            self._clocks.clear()
        else:
            return False
        return True

    def _begin(self, position: int) -> None:
        self._position, self.running = position, True
        self._clocks.clear()

    def _clock(self, time_s: float) -> None:
        if self._clocks and not 0 <= time_s - self._clocks[-1][1] < LONGEST_GAP_S:
            self._clocks.clear()  # some were lost, or the sender has paused: where the beat is stays as counted
        number = self._position
        self._clocks.append((number, time_s))
        self._position = number + 1
        if number % CLOCKS_PER_BEAT or len(self._clocks) < LEAST_CLOCKS:
            if number % CLOCKS_PER_BEAT == 0:
                self._tell("beat", 0.0, time_s)
            return
        numbers, times = np.array(self._clocks).T
        apart = len(times) // 2
        slope = np.median((times[apart:] - times[:-apart]) / apart)
        at = np.median(times - slope * (numbers - number))
        self._tell("tempo", float(60 / (slope * CLOCKS_PER_BEAT)), time_s)
        self._tell("beat", 0.0, float(at))
