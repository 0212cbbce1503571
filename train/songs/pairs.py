"""`antiphon train pairs`: takes in a data set of stems, pieces of parts that sound together, divided for training.

    antiphon train pairs DATA --check                 says what there is, and what would be left out, and why
    antiphon train pairs DATA -o STEMS                (python -m train.songs.pairs is the same)
    antiphon train pairs FOLDER_A FOLDER_B -o STEMS   files of the same names were played together
    antiphon train pairs A.wav B.wav -o STEMS         one take of two musicians

DATA is MoisesDB, MUSDB18 (-HQ), Slakh2100, CocoChorales or any folder of pieces (train/songs/datasets.py). Every other
recipe learns from what is written here:

    STEMS/<split>/<piece>/<part>.flac   16 kHz mono, all at one level
    STEMS/<split>/<piece>/song.json     source, seconds
    STEMS/pairs.json                    where it came from, the split of each piece, what was left out and why

The splits of the data set are kept. Where it has none, pieces are drawn 80-10-10 by the seed; fewer than ten pieces are
divided in time instead, so that each of them is in every split. Windows are those of Bujard et al. (2025), section
5.1: 15 s, which overlap by 5 s. What is there already is not made again.
"""

from __future__ import annotations

import argparse
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile as sf

from corpora.whole_files import AudioError, atomic_folder, atomic_write
from train.common import command_line
from train.common.errors import TrainError
from train.common.processes import in_processes
from train.common.progress import progress
from train.common.settings import parse_arguments
from train.common.table import table
from train.data.stems import SAMPLERATE
from train.songs.datasets import UNPITCHED, DataSet, Part, Piece, find, seconds_of, sound_of
from train.songs.render import stem_of

SPLITS = {"train": (0.0, 0.8), "validation": (0.8, 0.9), "test": (0.9, 1.0)}  # shares of the pieces, or of each in time
FEWEST_PIECES = 10  # smallest data set that can be divided by pieces
WINDOW_S, STEP_S = 15.0, 10.0  # s of a window, and from one to the next
PAIRS = "pairs.json"
SILENT = 1e-4  # largest sample of a part that does not sound


@dataclass(frozen=True)
class Excerpt:
    """What becomes one song to learn from: a piece, or what lies between two shares of its length."""

    piece: Piece
    split: str
    begin: float = 0.0
    end: float = 1.0


@dataclass(frozen=True)
class Taken:
    """A piece with the lengths of its parts, s."""

    piece: Piece
    seconds: dict[str, float]

    def length(self, excerpt: Excerpt) -> float:
        """s of an excerpt: what is whole is as long as its longest part, what is divided has what all parts have."""
        share = excerpt.end - excerpt.begin
        return (max if share == 1 else min)(self.seconds.values()) * share


def inspect(dataset: DataSet, leave_out: Iterable[str]) -> list[Taken]:
    """The pieces that have two parts or more once those of the families `leave_out` are gone, by split and name.

    Parts that cannot be opened are left out too, and added to `dataset.left_out`.
    """
    result, excluded = [], set(leave_out)
    for piece in progress(sorted(dataset.pieces, key=lambda piece: (piece.split, piece.name)), "looking at pieces"):
        seconds = {}
        for part in piece.parts:
            if part.family in excluded:
                dataset.left_out.append((f"{piece.name}/{part.name}", f"family {part.family}"))
                continue
            try:
                seconds[part.name] = seconds_of(part)
            except AudioError as error:
                dataset.left_out.append((f"{piece.name}/{part.name}", f"broken: {error}"))
        usable = tuple(part for part in piece.parts if part.name in seconds)
        if len(usable) < 2:
            dataset.left_out.append(
                (piece.name, f"{len(usable)} part{'s' * (len(usable) != 1)} left, and a pair needs two")
            )
            continue
        result.append(Taken(Piece(piece.name, piece.split, usable), seconds))
    return result


Shares = Mapping[str, tuple[float, float]]


def divide(taken: list[Taken], seed: int, shares: Shares = SPLITS) -> list[Excerpt]:
    """What becomes a song, and in which split: see the head of this file.

    shares: of each split, where the data set has none. One that has "train" and "test" alone gives a ninth of "train"
    for validation.
    """
    splits = {each.piece.split for each in taken}
    if splits == {""} and len(taken) < FEWEST_PIECES:
        return [Excerpt(each.piece, split, *span) for each in taken for split, span in shares.items()]
    rng, result = np.random.default_rng(seed), []
    for split in sorted(splits):
        pieces = [each.piece for each in taken if each.piece.split == split]
        spans = {split: (0.0, 1.0)} if split else shares
        if split == "train" and "validation" not in splits and len(pieces) > 1:
            spans = {"train": (0.0, 8 / 9), "validation": (8 / 9, 1.0)}
        order = rng.permutation(len(pieces))
        for name, (begin, end) in spans.items():
            chosen = order[round(begin * len(pieces)) : round(end * len(pieces))]
            result += [Excerpt(pieces[number], name) for number in sorted(chosen)]
    return result


def windows(seconds: float) -> int:
    """Windows of 15 s, overlapping by 5 s, in a piece of so many s.

    >>> windows(14), windows(15), windows(60)
    (0, 1, 5)
    """
    return 0 if seconds < WINDOW_S else 1 + int((seconds - WINDOW_S) / STEP_S)


def write(excerpt: Excerpt, folder: Path) -> list[tuple[str, str]]:
    """Write a song's folder, whole or not at all; returns what was left out of it and why.

    Nothing is written where fewer than two parts sound.
    """
    left_out, sounds = [], {}
    for part in excerpt.piece.parts:
        try:
            audio = sound_of(part)
        except AudioError as error:
            left_out.append((f"{excerpt.piece.name}/{part.name}", f"broken: {error}"))
            continue
        sounds[file_name(part, excerpt.piece)] = audio
    whole = excerpt.end - excerpt.begin == 1
    length = (max if whole else min)(map(len, sounds.values()), default=0)  # what is divided is what all parts have
    begin, end = (round(share * length) for share in (excerpt.begin, excerpt.end))
    sounds = {name: audio[begin:end] for name, audio in sounds.items()}
    silent = [name for name, audio in sounds.items() if not len(audio) or np.abs(audio).max() < SILENT]
    left_out += [(f"{excerpt.piece.name}/{name}", f"silent in {excerpt.split}") for name in silent]
    sounds = {name: audio for name, audio in sounds.items() if name not in silent}
    if len(sounds) < 2:
        return [*left_out, (excerpt.piece.name, f"{len(sounds)} parts sound in {excerpt.split}, and a pair needs two")]
    seconds = (end - begin) / SAMPLERATE
    folder.parent.mkdir(parents=True, exist_ok=True)
    with atomic_folder(folder) as new:
        for name, audio in sounds.items():
            sf.write(new / f"{name}.flac", stem_of(audio, seconds), SAMPLERATE, subtype="PCM_16")
        info = {"source": excerpt.piece.name, "seconds": seconds, "chords": [], "beats": []}
        (new / "song.json").write_text(json.dumps(info) + "\n", encoding="utf-8")
    return left_out


def file_name(part: Part, piece: Piece) -> str:
    """The file of a part, without suffix: its family where no other part has it and other recipes leave it out."""
    alone = [each.family for each in piece.parts].count(part.family) == 1 and part.family in UNPITCHED
    return plain(part.family if alone else part.name)


def plain(name: str) -> str:
    """A name that a file may have everywhere, and that is not hidden."""
    return re.sub(r'[\\/:*?"<>|\x00-\x1f]', "_", name).lstrip(".") or "_"


def take(
    data: list[Path],
    out: Path | None,
    *,
    leave_out: Iterable[str] = UNPITCHED,
    seed: int = 0,
    jobs: int = 2,
    shares: Shares = SPLITS,
) -> dict[str, Any]:
    """Look at a data set and write it to `out`, or look alone (None); returns what pairs.json holds.

    shares: see `divide`. TrainError where it has no piece of two parts.
    """
    dataset = find(data)
    taken = inspect(dataset, leave_out)
    if not taken:
        whys = "; ".join(f"{why}: {n}" for why, n in _reasons(dataset.left_out))
        raise TrainError(f"no piece of '{data[0]}' has two parts to learn from ({whys}): see --leave-out")
    made_with = {"data": [str(path.resolve()) for path in data], "seed": seed, "leave_out": sorted(leave_out)}
    excerpts, left_out = divide(taken, seed, shares), list(dataset.left_out)
    if out is not None:
        left_out = _left_out_before(out, made_with) + left_out + _write_all(excerpts, out, jobs)
    result = made_with | _summary(dataset.layout, taken, excerpts, list(dict.fromkeys(left_out)))
    if out is not None:
        atomic_write(out / PAIRS, json.dumps(result, indent=1, ensure_ascii=False) + "\n")
    return result


def _left_out_before(out: Path, made_with: dict[str, Any]) -> list[tuple[str, str]]:
    """What was left out when `out` was begun; TrainError if that was of other data, or with other settings."""
    if not (out / PAIRS).exists():
        return []
    try:
        before = json.loads((out / PAIRS).read_text(encoding="utf-8"))
        differs = [name for name, value in made_with.items() if before[name] != value]
        left_out = [(str(what), str(why)) for what, why in before["left_out"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TrainError(f"'{out / PAIRS}' is damaged ({error}): name another folder with -o") from None
    if differs:
        raise TrainError(f"'{out}' was made with another {' and '.join(differs)}: name another folder with -o")
    return left_out


def _reasons(left_out: Iterable[tuple[str, str]]) -> list[tuple[str, int]]:
    """Why things were left out, and how often, most frequent first."""
    return Counter(why.partition(":")[0] for _, why in left_out).most_common()


def _write_all(excerpts: list[Excerpt], out: Path, jobs: int) -> list[tuple[str, str]]:
    folders = [out / each.split / plain(each.piece.name) for each in excerpts]
    todo = [(each, folder) for each, folder in zip(excerpts, folders, strict=True) if not folder.exists()]
    return [entry for entries in in_processes(write, todo, jobs) for entry in entries]


def _summary(
    layout: str, taken: list[Taken], excerpts: list[Excerpt], left_out: list[tuple[str, str]]
) -> dict[str, Any]:
    of_piece = {each.piece: each for each in taken}
    splits: dict[str, dict[str, float]] = defaultdict(lambda: {"pieces": 0, "hours": 0.0, "pairs": 0, "windows": 0})
    for each in excerpts:
        seconds, parts = of_piece[each.piece].length(each), len(each.piece.parts)
        of_split = splits[each.split]
        of_split["pieces"] += 1
        of_split["hours"] += seconds * parts / 3600
        of_split["pairs"] += parts * (parts - 1)
        of_split["windows"] += parts * (parts - 1) * windows(seconds)
    return {
        "layout": layout,
        "splits": {
            name: splits[name] | {"hours": round(splits[name]["hours"], 3)} for name in SPLITS if name in splits
        },
        "families": dict(Counter(part.family for each in taken for part in each.piece.parts).most_common()),
        "pieces": {name: [each.piece.name for each in excerpts if each.split == name] for name in SPLITS},
        "left_out": [list(entry) for entry in left_out],
    }


def lines(result: dict[str, Any]) -> list[str]:
    """What a terminal shows of `take`."""
    rows = [
        (name, str(of["pieces"]), f"{of['hours']:.2f}", str(of["pairs"]), str(of["windows"]))
        for name, of in result["splits"].items()
    ]
    broken = [f"  {what}: {why}" for what, why in result["left_out"] if why.startswith("broken")]
    return [
        f"{result['layout']}: {', '.join(f'{n} {family}' for family, n in result['families'].items())}",
        *table(("split", "pieces", "hours of parts", "pairs", "windows of 15 s"), rows),
        *(f"left out, {n} times: {why}" for why, n in _reasons(result["left_out"])),
        *broken,
    ]


def main(argv: list[str] | None = None) -> None:
    """Command line of this recipe."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="+", type=Path)
    parser.add_argument("-o", "--out", type=Path, help="folder to write")
    parser.add_argument("--check", action="store_true", help="look alone, write nothing")
    parser.add_argument(
        "--leave-out",
        nargs="*",
        default=list(UNPITCHED),
        metavar="FAMILY",
        help=f"families (default: {' '.join(UNPITCHED)})",
    )
    parser.add_argument("--seed", type=int, default=0, help="of the division (default: 0)")
    parser.add_argument("--jobs", type=int, default=2, help="processes (default: 2)")
    given = parse_arguments(parser, argv)
    if given.out is None and not given.check:
        raise TrainError("nothing would be written: give -o STEMS, or --check to look alone")
    out = None if given.check else given.out
    print("\n".join(lines(take(given.data, out, leave_out=given.leave_out, seed=given.seed, jobs=given.jobs))))


if __name__ == "__main__":
    command_line.run(main)
