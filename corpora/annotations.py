"""Beats and sections that a musician has marked in another program, read from its files.

Read are label tracks of Audacity (begin, end and name, separated by tabs), the CSV of REAPER's region and marker
manager, Standard MIDI Files, and text with one time a line. A file is known by its content, not by its name. Times are
seconds of the recording that they belong to, `seconds` its length; what lies outside of it is left out.
"""

from __future__ import annotations

import csv
import logging
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from corpora.corpus import NAME_LENGTH, CorpusError, Section
from corpora.midi_file import MidiFileError
from corpora.midi_file import read as read_midi
from corpora.whole_files import reason

MAX_BYTES = 1 << 25
MAX_TIMES = 300_000  # beats of twelve hours at 400 a minute
MAX_SECTIONS = 10_000
SHORTEST_BEAT_S = 0.15  # 400 beats a minute
SAME_S = 0.001  # two beats that are nearer are one
KINDS = "a label track of Audacity, a CSV of REAPER's region manager, a MIDI file, or text with one time in s a line"
_NUMBER = re.compile(r"[+-]?([0-9]+([.,][0-9]*)?|[.,][0-9]+)(e[+-]?[0-9]{1,3})?", re.IGNORECASE)
_CLOCK = re.compile(r"-?[0-9]+(:[0-9]{1,2}){1,2}([.,][0-9]*)?")
_FRAMES = re.compile(r"-?[0-9]+(:[0-9]+){3}([.,][0-9]+)?")
_BARS = re.compile(r"-?[0-9]+[.,][0-9]+[.,][0-9]+")

logger = logging.getLogger("corpora.annotations")


class _Mark(NamedTuple):
    begin: float  # s
    end: float | None  # s; None of a point
    name: str
    is_region: bool = False  # of REAPER, which numbers its regions R1 and its markers M1


def read_beats(path: str | Path, seconds: float) -> np.ndarray:
    """(n,) float64: the beats of a recording, rising, at least two of them; CorpusError in one sentence.

    Of a MIDI file they are those of its tempo map, up to the end of the recording.
    """
    data = _bytes(path)
    if _is_midi(data):
        try:
            beats = read_midi(data).beats(seconds)
        except MidiFileError as error:
            raise CorpusError(f"'{path}' {error}") from None
    else:
        marks = list(_text_marks(path, data))
        markers = [mark for mark in marks if not mark.is_region]
        beats = np.array([mark.begin for mark in markers or marks])
    return _checked_beats(path, np.sort(beats), seconds)


def read_sections(path: str | Path, seconds: float) -> list[Section]:
    """The named sections of a recording, in the order of their beginnings; CorpusError in one sentence.

    A point lasts until the next section begins, the last one to the end of the recording.
    """
    data = _bytes(path)
    if _is_midi(data):
        try:
            found = read_midi(data)
        except MidiFileError as error:
            raise CorpusError(f"'{path}' {error}") from None
        marks = [_Mark(found.seconds(tick), None, _decoded(text)) for tick, text in found.markers]
        if not marks:
            raise CorpusError(f"'{path}' has no markers: add a marker where each section begins, or give other labels")
    else:
        marks = list(_text_marks(path, data))
    marks = sorted(set(marks), key=lambda mark: mark.begin)
    begins = np.unique([mark.begin for mark in marks])
    sections = []
    for mark in marks:
        following = np.searchsorted(begins, mark.begin, side="right")
        end = mark.end if mark.end is not None else begins[following] if following < len(begins) else seconds
        begin, end = max(0.0, mark.begin), min(float(end), seconds)
        if begin < end:
            sections.append(Section(mark.name, begin, end))
    _tell_what_is_outside(path, len(marks) - len(sections), len(marks), seconds)
    if len(sections) > MAX_SECTIONS:
        raise CorpusError(
            f"'{path}' has {len(sections)} labels, {MAX_SECTIONS} at most can be chosen from: remove some"
        )
    return sections


def named_apart(sections: Sequence[Section]) -> list[Section]:
    """The same sections with a name each that can be told and that no other one has: "verse", "verse 2"."""
    taken: set[str] = set()
    counts: dict[str, int] = {}
    result = []
    for number, section in enumerate(sections, 1):
        letters = "".join(letter if letter.isprintable() else " " for letter in section.name)
        name = plain = " ".join(letters.split())[: NAME_LENGTH - 8].strip() or f"section {number}"
        while name in taken:
            counts[plain] = counts.get(plain, 1) + 1
            name = f"{plain} {counts[plain]}"
        taken.add(name)
        result.append(section._replace(name=name))
    return result


def _checked_beats(path: str | Path, beats: np.ndarray, seconds: float) -> np.ndarray:
    """Sorted beats without those outside of the recording and without doubles; CorpusError if they can be none."""
    inside = beats[(beats >= 0) & (beats < seconds)]
    _tell_what_is_outside(path, len(beats) - len(inside), len(beats), seconds)
    inside = inside[np.diff(inside, prepend=-1.0) >= SAME_S]
    if len(inside) < 2:
        raise CorpusError(f"'{path}' has one beat in the {seconds:.1f} s of its recording: at least two are needed")
    near = int(np.diff(inside).argmin())
    if inside[near + 1] - inside[near] < SHORTEST_BEAT_S:
        raise CorpusError(
            f"'{path}' has beats at {inside[near]:.3f} and {inside[near + 1]:.3f} s: expected {SHORTEST_BEAT_S} s at "
            "least between two; are these times beats, and in seconds?"
        )
    return inside


def _tell_what_is_outside(path: str | Path, outside: int, count: int, seconds: float) -> None:
    if outside and outside == count:
        raise CorpusError(
            f"'{path}' has no time within the {seconds:.1f} s of its recording: is it of this one, and in seconds?"
        )
    if outside:
        logger.warning(
            "'%s': %d of %d times lie outside of the %.1f s of the recording and are left out",
            path,
            outside,
            count,
            seconds,
        )


# --- the kinds of file


def _bytes(path: str | Path) -> bytes:
    try:
        with open(path, "rb") as file:
            data = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:  # ValueError: a name with a NUL in it
        raise CorpusError(f"'{path}' cannot be read ({reason(error)}): check its name, and who may read it") from None
    if len(data) > MAX_BYTES:
        raise CorpusError(f"'{path}' has more than {MAX_BYTES >> 20} MB: expected {KINDS}")
    if not data.strip():
        raise CorpusError(f"'{path}' is empty: expected {KINDS}")
    return data


def _is_midi(data: bytes) -> bool:
    return data[:4] == b"MThd" or (data[:4] == b"RIFF" and data[8:12] == b"RMID")


def _decoded(data: bytes) -> str:
    """Text in UTF-8, in UTF-16 with its mark, or else in Latin-1."""
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _text_marks(path: str | Path, data: bytes) -> Iterator[_Mark]:
    text = _decoded(data)
    if "\0" in text:
        raise CorpusError(f"'{path}' is no text: expected {KINDS}")
    lines = re.split(r"\r\n|\r|\n", text)  # `splitlines` would cut a name at a letter of Latin-1
    first = next((line for line in lines if line.strip()), "")
    count = 0
    for count, mark in enumerate(_reaper(path, lines) if _is_reaper(first) else _labels(path, lines), 1):
        if count > MAX_TIMES:
            raise CorpusError(f"'{path}' has more than {MAX_TIMES} times: expected {KINDS}")
        yield mark
    if not count:
        raise CorpusError(f"'{path}' has no times: expected {KINDS}")


def _labels(path: str | Path, lines: Sequence[str]) -> Iterator[_Mark]:
    """Lines of a label track, or one time a line. A backslash begins the frequencies of a label of Audacity's."""
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith(("\\", "#")):
            continue
        begin, *rest = line.split("\t", 2) if "\t" in line else [line]
        end = rest[0] if rest and rest[0].strip() else None
        yield _mark(path, number, begin, end, rest[1] if len(rest) > 1 else "")


def _is_reaper(header: str) -> bool:
    names = [name.strip().strip('"').lower() for name in re.split("[,;]", header)]
    return names[0] == "#" and "start" in names


def _reaper(path: str | Path, lines: Sequence[str]) -> Iterator[_Mark]:
    """Rows of a CSV, found by the names of its columns."""
    lines = [line for line in lines if line.strip()]
    rows = csv.reader(lines, delimiter=";" if lines[0].count(";") > lines[0].count(",") else ",")
    try:
        columns = [name.strip().lower() for name in next(rows)]
        for row in rows:
            cell = dict(zip(columns, (text.strip() for text in row), strict=False))
            if not any(cell.values()):
                continue
            is_region = cell.get("#", "").upper().startswith("R")
            end = cell.get("end") or None
            yield _mark(
                path, rows.line_num, cell.get("start", ""), end if is_region else None, cell.get("name", ""), is_region
            )
    except csv.Error as error:
        raise CorpusError(f"'{path}' is no CSV ({error}): export it again from the region manager") from None


def _mark(path: str | Path, line: int, begin: str, end: str | None, name: str, is_region: bool = False) -> _Mark:
    begins = _seconds(path, line, begin)
    ends = None if end is None else _seconds(path, line, end)
    if ends is not None and ends < begins:
        raise CorpusError(f"'{path}' line {line}: it begins at {begins:g} s and ends at {ends:g} s: exchange them")
    return _Mark(begins, None if ends == begins else ends, name, is_region)


def _seconds(path: str | Path, line: int, text: str) -> float:
    """A time in seconds: "62.5", "62,5", "1:02.5", "0:01:02.5", "0:01:02:00"; CorpusError for any other."""
    text = text.strip()
    sign = -1 if text.startswith("-") else 1
    if _NUMBER.fullmatch(text):
        seconds = float(text.replace(",", "."))
        if abs(seconds) < 1e9:
            return seconds
    elif _CLOCK.fullmatch(text):
        *larger, last = text.lstrip("-").replace(",", ".").split(":")
        parts = [*map(int, larger), float(last)] if len(larger[0]) < 8 else []
        if parts and max(parts[1:]) < 60:
            return sign * sum(part * 60.0**power for power, part in enumerate(reversed(parts)))
    elif _FRAMES.fullmatch(text):
        *clock, frames = text.split(":")
        if float(frames.replace(",", ".")) == 0:
            return _seconds(path, line, ":".join(clock))
        raise CorpusError(
            f"'{path}' line {line}: {text} counts frames, and nothing says how many a second: set the ruler's unit to "
            "seconds in the program, and export it again"
        )
    elif _BARS.fullmatch(text):
        raise CorpusError(
            f"'{path}' line {line}: {text} is in measures and beats: set the ruler's unit to seconds in the program "
            "(in REAPER: View, Time unit for ruler, Seconds), and export it again"
        )
    shown = "".join(letter if letter.isprintable() else "?" for letter in text[:40])
    raise CorpusError(f"'{path}' line {line}: '{shown}' is no time: expected seconds, like 62.5, or 1:02.5")
