"""The beats and markers of a Standard MIDI File: its tempo, time signature and marker events, and nothing else of it.

What is damaged in a track ends that track; what came before counts. (The Complete MIDI 1.0 Detailed Specification,
RP-001, 1996.)
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

DEFAULT_TEMPO, DEFAULT_METRE = 500_000, (4, 2)  # µs a quarter note; numerator, exponent of the denominator
MARKER, TEMPO, METRE = 0x06, 0x51, 0x58  # types of meta events
MAX_BEATS_A_SECOND = 20  # more are not made; what is too fast to be a beat is refused where beats are read


class MidiFileError(ValueError):
    """A MIDI file of no use; its text follows the name of the file in a sentence."""


@dataclass
class TimeMap:
    """What a MIDI file says about time, by tick."""

    ticks: int  # in a quarter note
    tempos: dict[int, int] = field(default_factory=dict)  # µs a quarter note
    metres: dict[int, tuple[int, int]] = field(default_factory=dict)  # numerator, log2 of the denominator
    markers: list[tuple[int, bytes]] = field(default_factory=list)  # tick, text

    def seconds(self, tick: float) -> float:
        """The time of a tick, s."""
        ticks, times, tempos = self._pieces
        piece = bisect_right(ticks, tick) - 1
        return times[piece] + (tick - ticks[piece]) * tempos[piece] / 1e6 / self.ticks

    @cached_property
    def _pieces(self) -> tuple[list[int], list[float], list[int]]:
        """Ticks at which the tempo changes, their times in s, and the tempos from there on."""
        ticks, times, tempos = [0], [0.0], [DEFAULT_TEMPO]
        for tick, tempo in sorted(self.tempos.items()):
            times.append(times[-1] + (tick - ticks[-1]) * tempos[-1] / 1e6 / self.ticks)
            ticks.append(tick)
            tempos.append(tempo)
        return ticks, times, tempos

    def beats(self, seconds: float) -> np.ndarray:
        """(n,) float64: the beats from 0 up to `seconds`, excluded, s; the last tempo goes on beyond the file.

        A beat is the note that the time signature counts, in 6, 9 and 12 eighths (or shorter) three of them. It begins
        anew at every time signature.
        """
        beats: list[float] = []
        metres = sorted({0: DEFAULT_METRE, **self.metres}.items())
        stops = [*(tick for tick, _ in metres[1:]), np.inf]
        for (first, metre), stop in zip(metres, stops, strict=True):
            step = self.ticks * _quarters(metre)
            tick = float(first)
            while tick < stop - step / 2 or tick == first:
                if (at := self.seconds(tick)) >= seconds:
                    return np.array(beats)
                if len(beats) > MAX_BEATS_A_SECOND * (1 + seconds):
                    raise MidiFileError(f"has more than {MAX_BEATS_A_SECOND} beats a second: mend its tempo")
                beats.append(at)
                tick += step
        return np.array(beats)


def _quarters(metre: tuple[int, int]) -> float:
    """Quarter notes in a beat."""
    numerator, exponent = metre
    counted = 3 if exponent >= 3 and numerator in (6, 9, 12) else 1
    return counted * 4.0 / 2.0**exponent


def read(data: bytes) -> TimeMap:
    """The time map of a file; MidiFileError says why there is none."""
    if data[:4] == b"RIFF":  # a MIDI file in an RMID file
        data = data[max(0, data.find(b"MThd")) :]
    if data[:4] != b"MThd" or len(data) < 14:
        raise MidiFileError("is no MIDI file: export it again")
    length, form, division = (int.from_bytes(data[a:b], "big") for a, b in ((4, 8), (8, 10), (12, 14)))
    if division & 0x8000:
        raise MidiFileError("counts in SMPTE frames and knows no beats: export it with ticks per quarter note (PPQ)")
    if not division:
        raise MidiFileError("has no ticks in a quarter note: export it again")
    found, at = TimeMap(division), 8 + max(6, length)
    while at + 8 <= len(data):
        kind, size = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "big")
        if kind == b"MTrk":
            _read_track(data[at + 8 : at + 8 + size], found)
            if form == 2:  # tracks of their own, one after the other: the first is taken
                break
        at += 8 + size
    return found


def _read_track(track: bytes, found: TimeMap) -> None:
    for tick, kind, content in _meta_events(track):
        if kind == TEMPO and len(content) >= 3 and (tempo := int.from_bytes(content[:3], "big")):
            found.tempos[tick] = tempo
        elif kind == METRE and len(content) >= 2 and content[0] and content[1] <= 6:
            found.metres[tick] = content[0], content[1]
        elif kind == MARKER:
            found.markers.append((tick, content))


def _meta_events(track: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Yield (tick, type, content) of every meta event, up to the end or the first damage."""
    at, tick, status = 0, 0, 0
    try:
        while at < len(track):
            delta, at = _variable(track, at)
            tick += delta
            if track[at] & 0x80:
                status, at = track[at], at + 1
            if status == 0xFF:
                kind = track[at]
                size, at = _variable(track, at + 1)
                if at + size > len(track):
                    return
                yield tick, kind, track[at : at + size]
                at += size
            elif status in (0xF0, 0xF7):
                size, at = _variable(track, at)
                at += size
            elif 0x80 <= status < 0xF0:
                at += 1 if 0xC0 <= status < 0xE0 else 2
            else:  # no status yet, or one that no file may have
                return
    except IndexError:
        return


def _variable(track: bytes, at: int) -> tuple[int, int]:
    """A number of one to four bytes, and where it ends; IndexError if it does not."""
    value = 0
    for place in range(at, at + 4):
        value = value << 7 | track[place] & 0x7F
        if not track[place] & 0x80:
            return value, place + 1
    raise IndexError("a number of more than four bytes")
