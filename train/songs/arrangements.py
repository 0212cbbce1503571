"""Songs as parts on a grid of steps: POP909 as written, and band arrangements of it and of generated songs.

No sound is rendered: thousands of bars are made in a second.
"""

from __future__ import annotations

import json
import random
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from corpora.whole_files import atomic_file, temporary_folder
from train.common.errors import TrainError, reading
from train.common.processes import in_processes
from train.songs.bands import MIN_BEATS, ROLES, STYLES, Band, write_band
from train.songs.lead_sheet import Sheet, in_dotted_beats, invented_song
from train.songs.scores import Score, read_score, splits_of
from train.songs.takes import draw_takes

WRITTEN = "pop"  # style of the scores as written
STYLE_NAMES = (*sorted(STYLES), WRITTEN)
HIGHEST_BASS = 50  # MIDI pitch of the lowest note of a piano that counts as its bass


@dataclass(frozen=True)
class Arrangement:
    """A song on a grid. parts: {name: (role, (n, 4) int notes [first step, end step, pitch, velocity])}.

    metre: (steps, 3) int, as decision/roll.py has it. name: song, and "-band" for an arrangement of it.
    """

    name: str
    style: str
    parts: dict[str, tuple[str, np.ndarray]]
    metre: np.ndarray


def metre_of(sheet: Sheet) -> np.ndarray:
    """(steps, 3) int [place in the beat in twelfths, beat in the bar, beats in the bar] of all beats of a sheet."""
    rows: list[tuple[int, int]] = []
    first = sheet.bars[0].first if sheet.bars else len(sheet.beats)
    rows += [((number - first) % sheet.bar_beats, sheet.bar_beats) for number in range(first)] if first else []
    for bar in sheet.bars:
        rows += [(beat, bar.beats) for beat in range(bar.beats)]
    places = 12 * np.arange(sheet.steps) // sheet.steps
    return np.array([(place, beat, beats) for beat, beats in rows for place in places], int).reshape(-1, 3)


def in_steps(sheet: Sheet, notes: np.ndarray) -> np.ndarray:
    """(n, 4) notes in s -> (n, 4) int in steps of the sheet, without its swing; those outside it are left out."""
    times = sheet.position(notes[:, :2].astype(float))
    straight = np.vectorize(sheet.unswung, otypes=[float])(times) if len(times) else times
    steps = np.round(straight * sheet.steps).astype(int)
    steps[:, 1] = np.maximum(steps[:, 1], steps[:, 0] + 1)
    result = np.column_stack([steps, np.round(notes[:, 2:4]).astype(int)])
    return result[(steps[:, 0] >= 0) & (steps[:, 0] < len(sheet.beats) * sheet.steps)]


def sheet_of(score: Score) -> Sheet:
    """The sheet of a score in its own tempo: four steps a beat, three where six beats a bar are taken as two."""
    beats = np.array(score.beats, float)
    if not beats[:, 1].any():
        beats[::4, 1] = 1
    if Sheet([], beats).bar_beats == 6:
        return Sheet(score.chords, in_dotted_beats(beats), 3)
    return Sheet(score.chords, beats)


def split_piano(notes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(bass, rest) of a piano, (n, 4) notes: the bass is the lowest of the notes that begin together, if it is low."""
    order = np.lexsort((notes[:, 2], notes[:, 0]))
    notes = notes[order]
    begins = np.diff(notes[:, 0], prepend=-np.inf) > 0
    low = begins & (notes[:, 2] <= HIGHEST_BASS)
    return notes[low], notes[~low]


def as_written(name: str, score: Score) -> Arrangement:
    """A score of POP909 as it is: melody, bridge, and its piano as bass and chords."""
    sheet = sheet_of(score)
    parts: dict[str, tuple[str, np.ndarray]] = {}
    for part, notes in score.parts.items():
        steps = in_steps(sheet, notes)
        if part == "piano":
            bass, chords = split_piano(steps)
            parts |= {"bass": ("bass", bass), "chords": ("chords", chords)}
        else:
            parts[part] = ("answer" if part == "bridge" else "melody"), steps
    return Arrangement(name, WRITTEN, {part: each for part, each in parts.items() if len(each[1])}, metre_of(sheet))


def of_band(name: str, band: Band) -> Arrangement:
    """A band arrangement on its grid."""
    roles = ROLES | {"riff": "riff", "answer": "answer"}
    parts = {part: (roles[part], in_steps(band.sheet, played.notes)) for part, played in band.parts.items()}
    return Arrangement(name, band.style, {part: each for part, each in parts.items() if len(each[1])},
                       metre_of(band.sheet))  # fmt: skip


def arrange(path: Path | None, name: str, bands: int, groove: Path | None) -> list[Arrangement]:
    """A score as written and `bands` band arrangements of it; of a generated song where path is None.

    Deterministic in `name`. groove: folder of takes of real drummers.
    """
    rng, result = random.Random(f"fill {name}"), []
    if path is None:
        chords, beats, melody = *invented_song(rng), None
    else:
        with reading(path):
            score = read_score(path)
        if len(score.beats) < MIN_BEATS or not any(chord.tones for chord in score.chords):
            return []
        chords, beats, melody = score.chords, score.beats, score.parts.get("melody")
        result.append(as_written(name, score))
    for number in range(bands):
        style = rng.choice(sorted(STYLES))
        takes = draw_takes(groove, style, rng) if groove else []
        result.append(of_band(f"{name}-band{number}", write_band(chords, beats, melody, rng, style, takes)))
    return result


@contextmanager
def unpacked(scores: Path) -> Iterator[Path]:
    """The folder of scores, for a block; an archive is unpacked into a temporary folder."""
    if not scores.is_file():
        yield scores
        return
    with temporary_folder() as folder:
        try:
            with tarfile.open(scores) as archive:
                archive.extractall(folder, filter="data")
        except (OSError, tarfile.TarError) as error:
            raise TrainError(
                f"'{scores}' is no archive of scores ({error}): give the folder or .tgz of POP909"
            ) from None
        yield folder


def gather(
    scores: Path, splits: tuple[str, ...], bands: int, groove: Path | None = None, jobs: int = 1
) -> dict[str, list[Arrangement]]:
    """{split: arrangements} of all scores of these splits, and half as many generated songs as bands.

    TrainError. scores: a folder of MIDI files, or POP909 as published (folder or .tgz).
    """
    with unpacked(scores) as folder:
        work: list[tuple[str, tuple[Path | None, str, int, Path | None]]]
        work = [(split, (path, path.stem, bands, groove)) for path, split in splits_of(folder) if split in splits]
        for split in splits:
            count = sum(each == split for each, _ in work) * bands // 2
            work += [(split, (None, f"{split} {number}", 1, groove)) for number in range(count)]
        made = in_processes(arrange, [each for _, each in work], jobs)
    result: dict[str, list[Arrangement]] = {split: [] for split in splits}
    for (split, _), arrangements in zip(work, made, strict=True):
        result[split] += arrangements
    for split in splits:
        if not result[split]:
            raise TrainError(f"no song of '{scores}' is in the split {split}: give POP909 with its chords and beats")
    return result


def save(path: Path, arrangements: dict[str, list[Arrangement]]) -> None:
    """Write {split: arrangements} as one .npz, whole or not at all."""
    arrays: dict[str, Any] = {}
    index: list[Any] = []
    for split, songs in arrangements.items():
        for song in songs:
            number = len(index)
            index.append([split, song.name, song.style, [[part, role] for part, (role, _) in song.parts.items()]])
            arrays[f"{number}/metre"] = song.metre.astype(np.int8)
            for part, (_, notes) in song.parts.items():
                arrays[f"{number}/{part}"] = notes.astype(np.int16)
    arrays["index"] = np.frombuffer(json.dumps(index).encode(), np.uint8)
    with atomic_file(path) as temporary, open(temporary, "wb") as file:
        np.savez_compressed(file, **arrays)


def load(path: Path) -> dict[str, list[Arrangement]]:
    """What `save` wrote. TrainError where it is damaged."""
    result: dict[str, list[Arrangement]] = {}
    with reading(path), np.load(path) as archive:
        for number, (split, name, style, parts) in enumerate(json.loads(archive["index"].tobytes())):
            of = {part: (role, archive[f"{number}/{part}"].astype(int)) for part, role in parts}
            song = Arrangement(name, style, of, archive[f"{number}/metre"].astype(int))
            result.setdefault(split, []).append(song)
    return result
