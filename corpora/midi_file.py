"""Standard MIDI Files: their tempo, time signature and marker events, their notes, tracks added to them, new ones.

What is damaged in a track ends that track; what came before counts. A track is added without a change of any byte of
the others. (The Complete MIDI 1.0 Detailed Specification, RP-001, 1996.)
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import numpy as np

CLOCKS_PER_BEAT = 24  # of the MIDI clock, in a quarter note
DRUM_CHANNEL = 9  # General MIDI, from 0
DEFAULT_TEMPO, DEFAULT_METRE = 500_000, (4, 2)  # µs a quarter note; numerator, exponent of the denominator
NAME, MARKER, TEMPO, METRE = 0x03, 0x06, 0x51, 0x58  # types of meta events
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


class Voice(NamedTuple):
    """The notes of a track on one channel (0 to 15; 9: drums): (n, 4) int [first tick, end tick, pitch, velocity].

    name: of the track, "" for none. program: the first on that channel, from 0.
    """

    name: str
    channel: int
    program: int
    notes: np.ndarray


def read(data: bytes) -> TimeMap:
    """The time map of a file; MidiFileError says why there is none."""
    header = _header(data)
    found = TimeMap(header.ticks)
    for track in _tracks(data, header):
        _read_track(track, found)
    return found


def read_voices(data: bytes) -> list[Voice]:
    """The notes of a file by track and channel, in order; a note that never ends does at the end of its track."""
    return [voice for track in _tracks(data, _header(data)) for voice in _voices(track)]


def used_channels(data: bytes) -> set[int]:
    """The channels, 0 to 15, on which anything is sent."""
    return {status & 0x0F for track in _tracks(data, _header(data)) for _, status, _ in _events(track) if status < 0xF0}


def empty(tempo_bpm: float, ticks: int = 480) -> bytes:
    """A file (format 1) that holds a tempo, in quarter notes a minute, and no notes yet. ticks: in a quarter note."""
    tempo = min(max(round(60e6 / tempo_bpm), 1), 0xFFFFFF)
    content = b"\x00\xff\x51\x03" + tempo.to_bytes(3, "big") + b"\x00\xff\x2f\x00"
    header = b"MThd" + (6).to_bytes(4, "big") + b"".join(number.to_bytes(2, "big") for number in (1, 1, ticks))
    return header + b"MTrk" + len(content).to_bytes(4, "big") + content


def with_track(data: bytes, notes: np.ndarray, channel: int, program: int | None, name: str) -> bytes:
    """A file with one more track: (n, 4) int notes [first tick, end tick, pitch, velocity] on a channel, 0 to 15.

    program: sent at the beginning; None: none is sent. All other tracks keep their bytes; a file of one track becomes
    one of several. MidiFileError where no track can be added: damage at the end, or songs one after the other.
    """
    header = _header(data)
    data = data[header.begin :]
    if header.form == 2:
        raise MidiFileError("holds songs one after the other (format 2): export it again as format 1")
    at, tracks = 8 + header.length, 0
    while at < len(data) and data[at:].strip(b"\0"):
        end = at + 8 + int.from_bytes(data[at + 4 : at + 8], "big")
        if end > len(data):
            raise MidiFileError("is cut short: export it again")
        tracks += data[at : at + 4] == b"MTrk"
        at = end
    counted = b"".join(number.to_bytes(2, "big") for number in (1, tracks + 1))
    return data[:8] + counted + data[12:at] + _track_of(notes, channel, program, name)


def _track_of(notes: np.ndarray, channel: int, program: int | None, name: str) -> bytes:
    """An MTrk chunk. Of events at one tick, note offs come first."""
    title = name.encode("utf-8")
    events = [(0, 0, b"\xff\x03" + _number(len(title)) + title)]
    if program is not None:
        events.append((0, 1, bytes((0xC0 | channel, program))))
    for begin, end, pitch, velocity in np.asarray(notes, int).tolist():
        events.append((begin, 3, bytes((0x90 | channel, pitch, max(1, velocity)))))
        events.append((max(end, begin + 1), 2, bytes((0x80 | channel, pitch, 0))))
    content, before = b"", 0
    for tick, _, event in sorted(events):
        content += _number(tick - before) + event
        before = tick
    content += b"\x00\xff\x2f\x00"
    return b"MTrk" + len(content).to_bytes(4, "big") + content


def _number(value: int) -> bytes:
    """A number as a file has it, seven bits a byte."""
    result = [value & 0x7F]
    while value := value >> 7:
        result.insert(0, value & 0x7F | 0x80)
    return bytes(result)


class _Header(NamedTuple):
    begin: int  # where MThd stands
    length: int  # of its content
    form: int
    ticks: int  # in a quarter note


def _header(data: bytes) -> _Header:
    begin = max(0, data.find(b"MThd")) if data[:4] == b"RIFF" else 0  # a MIDI file in an RMID file
    data = data[begin:]
    if data[:4] != b"MThd" or len(data) < 14:
        raise MidiFileError("is no MIDI file: export it again")
    length, form, division = (int.from_bytes(data[a:b], "big") for a, b in ((4, 8), (8, 10), (12, 14)))
    if division & 0x8000:
        raise MidiFileError("counts in SMPTE frames and knows no beats: export it with ticks per quarter note (PPQ)")
    if not division:
        raise MidiFileError("has no ticks in a quarter note: export it again")
    return _Header(begin, max(6, length), form, division)


def _tracks(data: bytes, header: _Header) -> Iterator[bytes]:
    """Yield the content of each track; of tracks of their own, one after the other (format 2), the first alone."""
    at = header.begin + 8 + header.length
    while at + 8 <= len(data):
        kind, size = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "big")
        if kind == b"MTrk":
            yield data[at + 8 : at + 8 + size]
            if header.form == 2:
                return
        at += 8 + size


def _voices(track: bytes) -> list[Voice]:
    name, now = "", 0
    programs: dict[int, int] = {}
    notes: dict[int, list[list[int]]] = {}
    sounding: dict[tuple[int, int], list[list[int]]] = {}
    for tick, status, content in _events(track):
        now, kind, channel = tick, status & 0xF0, status & 0x0F
        if status == 0xFF and content[0] == NAME and not name:
            name = content[1:].decode("utf-8", "replace").strip("\0 ")
        elif kind == 0xC0:
            programs.setdefault(channel, content[0])
        elif kind == 0x90 and content[1]:
            note = [tick, -1, content[0], content[1]]
            notes.setdefault(channel, []).append(note)
            sounding.setdefault((channel, content[0]), []).append(note)
        elif kind in (0x80, 0x90) and sounding.get((channel, content[0])):
            sounding[channel, content[0]].pop(0)[1] = tick
    for open_notes in sounding.values():
        for note in open_notes:
            note[1] = now
    return [
        Voice(name, channel, programs.get(channel, 0), np.array(of, int).reshape(-1, 4))
        for channel, of in sorted(notes.items())
    ]


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
    for tick, status, content in _events(track):
        if status == 0xFF:
            yield tick, content[0], content[1:]


def _events(track: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Yield (tick, status, content) of all events of channels and meta events, up to the end or the first damage.

    The content of a meta event begins with its type.
    """
    at, tick, status = 0, 0, 0
    try:
        while at < len(track):
            delta, at = _variable(track, at)
            tick += delta
            if track[at] & 0x80:
                status, at = track[at], at + 1
            if status == 0xFF:
                kind = track[at : at + 1]
                size, at = _variable(track, at + 1)
                if at + size > len(track):
                    return
                yield tick, status, kind + track[at : at + size]
                at += size
            elif status in (0xF0, 0xF7):
                size, at = _variable(track, at)
                at += size
            elif 0x80 <= status < 0xF0:
                size = 1 if 0xC0 <= status < 0xE0 else 2
                content = track[at : at + size]
                if len(content) == size:
                    yield tick, status, bytes(byte & 0x7F for byte in content)
                at += size
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
