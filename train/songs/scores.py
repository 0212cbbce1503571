"""Scores with parts: MIDI files, POP909 with its chords and beats, and MusicXML, such as the quartets of OpenScore.

    parts, chords, beats = read_score(Path("sq7313978.mxl"))
    for path, split in splits_of(Path("openscore")): ...

MusicXML is read by partitura (Cancino-Chacón et al., 2022).
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from train.common.errors import TrainError
from train.common.files import visible
from train.songs.lead_sheet import Chord, read_chord

MUSICXML = (".mxl", ".musicxml")
SUFFIXES = (".mid", *MUSICXML)
FEWEST_NOTES = 10  # of a part
UNMARKED_BPM = 90.0  # quarters a minute where a score in MusicXML has no tempo
UNMARKED_VELOCITY = 80
VELOCITIES = {"ppp": 36, "pp": 46, "p": 58, "mp": 70, "mf": 82, "f": 95, "ff": 108, "fff": 118}  # of MusicXML's marks
Clock = Callable[[ArrayLike], np.ndarray]  # quarters -> s
OPENSCORE = re.compile(r"(sq|lc)\d*(\d)")  # names of its files: the number that MuseScore gave them


class Score(NamedTuple):
    """parts: {name: (n, 4) float32 [onset s, offset s, MIDI pitch, velocity 1-127]}; chords, in s, of which some may be
    silent; beats: (n, 2) [s, 1 on a downbeat else 0]."""

    parts: dict[str, np.ndarray]
    chords: list[Chord]
    beats: np.ndarray


def read_score(path: Path) -> Score:
    """Read a MIDI file with POP909's chords and beats, or MusicXML; parts of fewer than ten notes are left out.

    Drums of a MIDI file are left out. A score without annotation has no chords, and the beats of its time signature.
    TrainError for MusicXML that cannot be read.
    """
    return _read_musicxml(path) if path.suffix in MUSICXML else _read_midi(path)


def _read_midi(path: Path) -> Score:
    import pretty_midi

    midi = pretty_midi.PrettyMIDI(str(path))
    parts = _named(
        (instrument.name.strip().lower().replace("/", "-"),
         [(n.start, n.end, n.pitch, n.velocity) for n in ([] if instrument.is_drum else instrument.notes)])
        for instrument in midi.instruments
    )  # fmt: skip
    chord_file, beat_file = path.with_name("chord_midi.txt"), path.with_name("beat_midi.txt")
    chords = []
    for line in chord_file.read_text().splitlines() if chord_file.exists() else []:
        start, end, name = line.split()[:3]
        chords.append(read_chord(float(start), float(end), name))
    if beat_file.exists():  # time, whether it is a beat of a meter of two, whether it is a downbeat
        beats = np.array([line.split()[:3] for line in beat_file.read_text().splitlines()], float).reshape(-1, 3)[
            :, [0, 2]
        ]
    else:
        times = midi.get_beats()
        beats = np.column_stack([times, np.isin(times, midi.get_downbeats())])
    return Score(parts, chords, beats)


def _named(parts: Iterable[tuple[str, Any]]) -> dict[str, np.ndarray]:
    """{name: (n, 4) float32} of (name, notes) in the order of the score; a name that recurs has its number added."""
    result: dict[str, np.ndarray] = {}
    for number, (name, notes) in enumerate(parts, 1):
        if len(notes) >= FEWEST_NOTES:
            name = name or f"voice{number}"
            result[name if name not in result else f"{name}{number}"] = np.array(notes, np.float32)
    return result


def _read_musicxml(path: Path) -> Score:
    """MusicXML as written, without repeats; tied notes are one, grace notes are left out.

    A position is counted in quarters, which parts have in common, unlike their divisions. Its time has the tempi that
    playback has (`sound tempo`), each up to the next. Dynamics are those of the marks, from one to the next.
    """
    import partitura

    try:
        with warnings.catch_warnings(action="ignore"):
            read = partitura.load_musicxml(path).parts
    except Exception as error:  # what a damaged file raises is not documented
        why = " ".join(f"{type(error).__name__} {error}".split())[:120]
        raise TrainError(f"'{path}' cannot be read as MusicXML ({why})") from None
    seconds = _clock(read)
    notes = {part: [note for note in part.notes_tied if note.duration_tied] for part in read}
    parts = _named((_part_name(part), _notes(part, notes[part], seconds)) for part in read)
    return Score(parts, [], _beats(read[0], seconds) if read else np.zeros((0, 2)))


def _part_name(part: Any) -> str:
    """The name of a part as a file may have it, in lower case."""
    return re.sub(r"[^\w .()-]+", "-", " ".join(str(part.part_name or "").lower().split())).strip(" -.")


def _clock(parts: list[Any]) -> Clock:
    """The times of quarters, by the tempi of all parts."""
    from partitura.score import Tempo

    marked = {
        float(part.quarter_map(mark.start.t)): mark.microseconds_per_quarter / 1e6
        for part in reversed(parts)  # where two parts disagree, the upper one counts
        for mark in part.iter_all(Tempo)
        if mark.bpm > 0
    }
    first = min((float(part.quarter_map(part.first_point.t)) for part in parts if part.first_point), default=0.0)
    marked.setdefault(first, marked[min(marked)] if marked else 60 / UNMARKED_BPM)
    at, lasts = (np.array(each) for each in zip(*sorted(marked.items()), strict=True))  # from each on, s of a quarter
    begins = np.concatenate([[0.0], np.cumsum(np.diff(at) * lasts[:-1])])

    def seconds(quarters: ArrayLike) -> np.ndarray:
        quarters = np.asarray(quarters, np.float64)
        tempo = np.clip(np.searchsorted(at, quarters, side="right") - 1, 0, None)
        return begins[tempo] + (quarters - at[tempo]) * lasts[tempo]

    return seconds


def _notes(part: Any, notes: list[Any], seconds: Clock) -> np.ndarray:
    """(n, 4) notes of a part, by onset."""
    from partitura.score import ConstantLoudnessDirection

    if not notes:
        return np.zeros((0, 4), np.float32)
    marks = [mark for mark in part.iter_all(ConstantLoudnessDirection) if mark.text in VELOCITIES]
    at, loud = [mark.start.t for mark in marks], [UNMARKED_VELOCITY, *(VELOCITIES[mark.text] for mark in marks)]
    begins = np.array([note.start.t for note in notes])
    ends = begins + [note.duration_tied for note in notes]
    velocities = np.array(loud)[np.searchsorted(at, begins, side="right")]
    times = [seconds(part.quarter_map(when)) for when in (begins, ends)]
    result = np.column_stack([*times, [note.midi_pitch for note in notes], velocities])
    return result[np.lexsort((result[:, 2], result[:, 0]))]


def _beats(part: Any, seconds: Clock) -> np.ndarray:
    """(n, 2) beats of a part's measures [s, 1 on a downbeat else 0]; a pickup has the last ones."""
    from partitura.score import Measure, TimeSignature

    meters = [(meter.start.t, 4 * meter.beats / meter.beat_type, meter.musical_beats)
              for meter in part.iter_all(TimeSignature)] or [(0, 4.0, 4)]  # fmt: skip
    result = []
    for number, measure in enumerate(part.iter_all(Measure)):
        begin, end = (float(part.quarter_map(point.t)) for point in (measure.start, measure.end))
        _, length, count = [meter for meter in meters if meter[0] <= measure.start.t or meter is meters[0]][-1]
        first = end - length if number == 0 and end - begin < length else begin
        beats = first + np.arange(max(1, round((end - first) * count / length))) * length / count
        result += [(beat, float(at == 0)) for at, beat in enumerate(beats) if beat >= begin - 1e-6]
    beats = np.array(result).reshape(-1, 2)
    return np.column_stack([seconds(beats[:, 0]), beats[:, 1]])


def split_of(path: Path, names: list[str]) -> str:
    """Split of a score.

    POP909: 001-799 train, 800-854 validation, 855-909 test. OpenScore: by the last digit of its number, 9 test, 8
    validation. Else the last 50 of `names` test, the 50 before them validation.
    """
    if path.with_name("chord_midi.txt").exists():
        number = int(path.stem)
        return "train" if number < 800 else "validation" if number < 855 else "test"
    if path.suffix in MUSICXML and (numbered := OPENSCORE.fullmatch(path.stem)):
        return {"9": "test", "8": "validation"}.get(numbered[2], "train")
    index = names.index(path.stem)
    return "test" if index >= len(names) - 50 else "validation" if index >= len(names) - 100 else "train"


def splits_of(scores: Path) -> Iterator[tuple[Path, str]]:
    """(file, its split) of all scores in a folder. TrainError if there is none."""
    files = [path for suffix in SUFFIXES for path in visible(scores, f"**/*{suffix}")]
    files.sort(key=lambda path: (len(path.stem), path.stem))
    if not files:
        raise TrainError(f"no {', '.join(SUFFIXES)} file below {scores}")
    names = [path.stem for path in files]
    for path in files:
        yield path, split_of(path, names)
