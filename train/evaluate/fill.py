"""Measure a fill model on songs that it never saw: does the part fit the others, and is it what was asked for?

    python -m train.evaluate.fill SCORES --model DIR [-o OUT] [--songs 55] [--steps 256] [--groove FOLDER] [--lead 1]

SCORES is POP909 as published; songs 855-909 are used, of each so many steps from a quarter of the song on. A part is
taken away and written again, asked for in the style of the song ("pop", of a band its own):

    bass     given melody, bridge and the rest of the piano        chords   given melody, bridge and bass
    piano    bass and chords, given melody and bridge alone        drums    given a band over the song's chords

and compared with the true part ("true"), with the true part of the same song 30 s later ("elsewhere"), with one written
live, bar by bar, from what was heard `lead` beats before each ("live", decision/next_bar.py), with that of
another song ("other"), also transposed to the key in which it fits best ("other in key"). Per song, then meaned:

    harmony  share of the melody's notes at whose onset, 50 ms either way, the part sounds the same pitch class
    onsets   share of the melody's onsets that have one of the part within 50 ms, which a busy part has more of
    F1       the same both ways, which it has not
    in chord share of the part's notes that are in the annotated chord

Obedience: for each role and attribute, the share of parts below the lower tercile of the training parts where low is
asked for, and above the upper where high is; by chance 1/3. OUT holds report.json.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections import defaultdict
from collections.abc import Collection
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from corpora.whole_files import atomic_write
from decision import roll
from decision.fill import PASSES, Fill, Instruction
from decision.next_bar import STEPS_PER_BEAT, next_bar, still_sounding, with_bar
from decision.roll import ATTRIBUTES, PITCHED
from train.common import command_line
from train.common.table import table
from train.evaluate.metrics import describe
from train.songs.arrangements import Arrangement, as_written, of_band, sheet_of, unpacked
from train.songs.bands import STYLES, write_band
from train.songs.lead_sheet import Chord, Sheet
from train.songs.scores import read_score, splits_of
from train.songs.takes import draw_takes

TOGETHER_S = 0.05
ELSEWHERE_S = 30.0
CASES = {"bass": ("bass",), "chords": ("chords",), "piano": ("bass", "chords"), "drums": ("drums",)}
ASKED_ROLES = ("bass", "chords", "melody", "drums")
MEASURES = ("harmony", "onsets", "F1", "in chord")
COLUMNS = ("true", "fill", "live", "elsewhere", "other", "other in key")


class Song(NamedTuple):
    """A test song on its grid, and an excerpt of it from step `first` on. melody: the part that the others fit."""

    arrangement: Arrangement
    sheet: Sheet
    melody: str
    first: int
    steps: int

    @property
    def metre(self) -> np.ndarray:
        """(steps, 3) int of the excerpt."""
        return self.arrangement.metre[self.first : self.first + self.steps]

    @property
    def span(self) -> tuple[float, float]:
        """Where the excerpt begins and ends, s."""
        begin, end = self.sheet.seconds(np.array([self.first, self.first + len(self.metre)]) / self.sheet.steps)
        return float(begin), float(end)

    def heard(self, without: Collection[str]) -> list[tuple[str, np.ndarray]]:
        """(role, notes) of the parts with other names, in steps of the excerpt."""
        return [
            (role, notes - np.array([self.first, self.first, 0, 0]))
            for name, (role, notes) in self.arrangement.parts.items()
            if name not in without
        ]

    def seconds(self, notes: np.ndarray) -> np.ndarray:
        """(n, 4) notes in steps of the song -> in s."""
        times = self.sheet.seconds(notes[:, :2] / self.sheet.steps) if len(notes) else notes[:, :2]
        return np.column_stack([times, notes[:, 2:]])


def excerpt(arrangement: Arrangement, sheet: Sheet, melody: str, steps: int) -> Song:
    """The excerpt of a song that begins with the first bar after a quarter of it."""
    bars = np.flatnonzero((arrangement.metre[:, 0] == 0) & (arrangement.metre[:, 1] == 0))
    first = int(bars[np.searchsorted(bars, len(arrangement.metre) // 4)])
    return Song(arrangement, sheet, melody, first, steps)


def harmony(melody: np.ndarray, part: np.ndarray) -> float:
    """Share of the melody's notes at whose onset the part sounds the same pitch class."""
    if not len(melody) or not len(part):
        return 0.0
    at = melody[:, 0, None]
    sounds = (part[:, 0] <= at + TOGETHER_S) & (part[:, 1] > at - TOGETHER_S)
    return float((sounds & ((part[:, 2] - melody[:, 2, None]) % 12 == 0)).any(1).mean())


def onsets(melody: np.ndarray, part: np.ndarray) -> dict[str, float]:
    """Share of the melody's onsets that have one of the part within TOGETHER_S, and F1 of both ways."""
    if not len(melody) or not len(part):
        return {"onsets": 0.0, "F1": 0.0}
    ours, others = np.unique(melody[:, 0]), np.unique(part[:, 0])
    near = np.abs(ours[:, None] - others) <= TOGETHER_S
    recall, precision = float(near.any(1).mean()), float(near.any(0).mean())
    return {"onsets": recall, "F1": 2 * recall * precision / max(recall + precision, 1e-9)}


def in_chord(chords: list[Chord], part: np.ndarray) -> float:
    """Share of the part's notes in the chord that is annotated at their onset; notes without a chord do not count."""
    starts = np.array([chord.start for chord in chords])
    at = np.searchsorted(starts, part[:, 0] + TOGETHER_S, "right") - 1
    inside = [
        int(pitch) % 12 in chords[place].tones
        for place, pitch in zip(at.tolist(), part[:, 2].tolist(), strict=True)
        if place >= 0 and chords[place].tones
    ]
    return float(np.mean(inside)) if inside else 0.0


def scores(song: Song, part: np.ndarray, drums: bool) -> dict[str, float]:
    """All measures of a part in s, in the excerpt; of drums the onsets alone."""
    begin, end = song.span
    melody, part = (
        notes[(notes[:, 0] >= begin) & (notes[:, 0] < end)]
        for notes in (song.seconds(song.arrangement.parts[song.melody][1]), part)
    )
    found = onsets(melody, part)
    if not drums:
        found |= {"harmony": harmony(melody, part), "in chord": in_chord(song.sheet.chords, part)}
    return found


def best_key(song: Song, part: np.ndarray) -> np.ndarray:
    """A part transposed so that the most of its notes are in the chords."""
    begin, end = song.span
    inside = part[(part[:, 0] >= begin) & (part[:, 0] < end)]
    return max(
        (inside + np.array([0, 0, shift, 0]) for shift in range(12)), key=lambda each: in_chord(song.sheet.chords, each)
    )


def written_again(model: Fill, song: Song, case: str, seed: int) -> np.ndarray:
    """The parts of a case, written one after the other given what is left of the song; (n, 4) notes in s."""
    heard, result = song.heard(CASES[case]), []
    for role in CASES[case]:
        notes = model.write(heard, song.metre, Instruction(role, song.arrangement.style), seed=seed)
        heard = [*heard, (role, notes)]
        result.append(notes)
    return song.seconds(np.concatenate(result) + np.array([song.first, song.first, 0, 0]))


def written_live(model: Fill, song: Song, role: str, seed: int, lead: float) -> np.ndarray:
    """The part written bar by bar, each `lead` beats before it begins, as `antiphon play --fill` does; (n, 4) in s.

    The others are heard from the beginning of the song.
    """
    beats = int(song.metre[0, 2])
    bar, own = beats * STEPS_PER_BEAT, np.zeros((0, 4), int)
    early = song.first % bar  # so many steps are left out, for bars that begin at multiples of a bar
    heard = [
        (other, notes - np.array([early, early, 0, 0]))
        for name, (other, notes) in song.arrangement.parts.items()
        if name != role
    ]
    for begin in range(song.first - early, song.first - early + len(song.metre), bar):
        until = begin - round(lead * STEPS_PER_BEAT)
        notes = next_bar(
            model, [(other, still_sounding(notes, until)) for other, notes in heard], own,
            Instruction(role, song.arrangement.style), heard=until, begin=begin, beats=beats, seed=seed + begin // bar,
        )  # fmt: skip
        own = with_bar(own, notes, begin)
    return song.seconds(own + np.array([early, early, 0, 0]))


def true_part(song: Song, case: str) -> np.ndarray:
    """The same as they were; (n, 4) notes in s."""
    return song.seconds(np.concatenate([song.arrangement.parts[name][1] for name in CASES[case]]))


def moved(part: np.ndarray, seconds: float) -> np.ndarray:
    """(n, 4) notes in s, `seconds` later."""
    return part + np.array([seconds, seconds, 0, 0])


def fit_of(
    model: Fill, songs: list[Song], case: str, seed: int, lead: float | None = None
) -> dict[str, dict[str, list[float]]]:
    """{column: {measure: [of each song]}} of a case."""
    found: dict[str, dict[str, list[float]]] = {column: defaultdict(list) for column in COLUMNS}
    usable = [song for song in songs if all(name in song.arrangement.parts for name in (*CASES[case], song.melody))]
    for number, song in enumerate(usable):
        stranger, true = usable[(number + 1) % len(usable)], true_part(song, case)
        other = moved(true_part(stranger, case), song.span[0] - stranger.span[0])
        parts = {
            "true": true, "fill": written_again(model, song, case, seed), "elsewhere": moved(true, -ELSEWHERE_S),
            "other": other,
        }  # fmt: skip
        if lead is not None and len(CASES[case]) == 1:
            parts["live"] = written_live(model, song, CASES[case][0], seed, lead)
        if case != "drums":
            parts["other in key"] = best_key(song, other)
        for column, part in parts.items():
            for measure, value in scores(song, part, case == "drums").items():
                found[column][measure].append(value)
    return {column: of for column, of in found.items() if of}


def obedience(model: Fill, songs: list[Song], seed: int) -> dict[str, dict[str, dict[str, float]]]:
    """{role: {attribute: {"low", "high": share that obeys, "unasked low", "unasked high": of parts not asked}}}."""
    result: dict[str, dict[str, dict[str, float]]] = {}
    for role in ASKED_ROLES:
        bounds = (model.config.bounds or {})[role]
        like: dict[tuple[str, int], list[dict[str, float]]] = defaultdict(list)
        for number, song in enumerate(songs):
            metre = song.metre[: model.config.window]
            heard = [each for each in song.heard(()) if each[0] != role]
            attributes = [each for each in ATTRIBUTES if role != "drums" or each not in PITCHED]
            for attribute, level in [("", 0), *((each, level) for each in attributes for level in (-1, 1))]:
                asked = {attribute: level} if attribute else {}
                notes = model.write(heard, metre, Instruction(role, asked=asked), seed=seed + number)
                like[attribute, level].append(roll.measured(notes, metre, 0, role == "drums"))
        result[role] = {}
        for attribute in attributes:
            low, high = bounds[attribute]
            result[role][attribute] = {
                f"{'' if name else 'unasked '}{way}": _share(like[(attribute, level) if name else ("", 0)], attribute,
                                                            level, low if level < 0 else high)
                for name in (True, False)
                for way, level in (("low", -1), ("high", 1))
            }  # fmt: skip
    return result


def _share(like: list[dict[str, float]], attribute: str, level: int, bound: float) -> float:
    values = [each[attribute] for each in like if attribute in each]
    beyond = [value <= bound if level < 0 else value >= bound for value in values]
    return round(float(np.mean(beyond)), 3) if beyond else 0.0


def cost_ms(model: Fill, song: Song, repeats: int = 3) -> float:
    """ms of one pass of the network over one window, guided, the shortest of several."""
    parts, metre = song.heard(("bass",)), song.metre[: model.config.window]
    spent = []
    for seed in range(repeats):
        began = time.perf_counter()
        model.write(parts, metre, Instruction("bass", asked={"density": 1}), seed=seed)
        spent.append(time.perf_counter() - began)
    return 1000 * min(spent) / PASSES


def songs_of(scores: Path, count: int, steps: int, groove: Path | None) -> tuple[list[Song], list[Song]]:
    """(the songs as written, a band arrangement of each), of the test split."""
    written, bands = [], []
    with unpacked(scores) as folder:
        paths = [path for path, split in splits_of(folder) if split == "test"][:count]
        for path in paths:
            score, rng = read_score(path), random.Random(f"fill test {path.stem}")
            written.append(excerpt(as_written(path.stem, score), sheet_of(score), "melody", steps))
            style = rng.choice(sorted(STYLES))
            takes = draw_takes(groove, style, rng) if groove else []
            band = write_band(score.chords, score.beats, score.parts.get("melody"), rng, style, takes)
            bands.append(excerpt(of_band(path.stem, band), band.sheet, "comp", steps))
    return written, bands


def evaluate(
    model: Fill,
    scores: Path,
    count: int = 55,
    steps: int = 256,
    asked: int = 24,
    groove: Path | None = None,
    seed: int = 0,
    lead: float | None = None,
) -> dict[str, Any]:
    """Everything in the module's docstring: {"fit": {case: {column: {measure: described}}}, "obedience", "ms"}.

    count: songs, at most; steps: of each; asked: songs of which every attribute is asked; lead: beats before a bar at
    which a single part is written live, None: it is not.
    """
    written, bands = songs_of(scores, count, steps, groove)
    fit = {}
    for case in CASES:
        found = fit_of(model, bands if case == "drums" else written, case, seed, lead)
        fit[case] = {
            column: {measure: described(values, seed) for measure, values in of.items()} for column, of in found.items()
        }
    half = max(1, min(asked, len(written)) // 2)
    obeyed = obedience(model, [*written[:half], *bands[-half:]], seed)
    return {"songs": len(written), "fit": fit, "obedience": obeyed, "ms": round(cost_ms(model, written[0]), 2)}


def described(values: list[float], seed: int) -> dict[str, Any]:
    """`metrics.describe` of one value a song."""
    return describe(np.array(values), np.arange(len(values)), np.random.default_rng(seed))


def lines(report: dict[str, Any]) -> list[str]:
    """The report as Markdown tables."""
    rows = [
        (case, measure, *(f"{of[column][measure]['mean']:.3f}" if measure in of.get(column, {}) else "–"
                          for column in COLUMNS))
        for case, of in report["fit"].items() for measure in MEASURES if measure in of["fill"]
    ]  # fmt: skip
    asked = [
        (
            role,
            attribute,
            f"{of['low']:.2f}",
            f"{of['unasked low']:.2f}",
            f"{of['high']:.2f}",
            f"{of['unasked high']:.2f}",
        )
        for role, attributes in report["obedience"].items()
        for attribute, of in attributes.items()
    ]
    return [
        *table(("part", "measure", *COLUMNS), rows), "",
        *table(("part", "attribute", "asked low", "unasked", "asked high", "unasked"), asked), "",
        f"{report['songs']} songs; {report['ms']:.1f} ms a pass of a window, {PASSES} passes",
    ]  # fmt: skip


def main(argv: list[str] | None = None) -> None:
    """Command line of this evaluation."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scores", type=Path)
    parser.add_argument("--model", type=Path, required=True, help="folder with fill.json")
    parser.add_argument("-o", "--out", type=Path, help="folder for report.json")
    parser.add_argument("--songs", type=int, default=55)
    parser.add_argument("--steps", type=int, default=256, help="of each song, four a beat")
    parser.add_argument("--asked", type=int, default=24, help="songs of which every attribute is asked")
    parser.add_argument("--groove", type=Path, help="folder of takes of real drummers")
    parser.add_argument("--lead", type=float, help="beats before a bar at which it is also written live")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args(argv)
    report = evaluate(
        Fill.load(given.model),
        given.scores,
        given.songs,
        given.steps,
        given.asked,
        given.groove,
        given.seed,
        given.lead,
    )
    if given.out:
        given.out.mkdir(parents=True, exist_ok=True)
        atomic_write(given.out / "report.json", json.dumps(report, indent=1))
    print("\n".join(lines(report)))


if __name__ == "__main__":
    command_line.run(main)
