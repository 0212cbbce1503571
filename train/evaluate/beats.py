"""Beats: how well the causal tracker of perception/pulse.py finds them, beside others, in one run.

The tatum of perception/tatum.py, on which the answer is placed, is no beat but a grid, and so every player is judged as
a grid too, every 0.5 s: the tatum as it is, a beat tracker by the half beats of a line through its newest beats.

    python -m train.evaluate.beats SONGS -o OUT [--seconds 60] [--from 40] [--rival NAME=FILE.py ...]

SONGS/<song>/<part>.flac with SONGS/<song>/beats.txt, a time in s on each line; the sum of all parts is judged as "mix".
A rival is a Python file with a function beats(audio, rate) -> times of the beats in s, each known when it comes.

F1         beats within 70 ms of annotated ones, from second 5 on: at the level annotated, and at the best of half, one
           and two times its tempo, since a listener may tap any of them
lock       s until four beats in a row are within 70 ms, at the best level; the length of the excerpt where it never is
error      ms, median distance of the beats that were hit
change     the same as lock, in beats, after the tempo of the mix has risen by 10 % in the middle
grid       |mean of exp(2 pi i phase)| of the annotated half beats of the next 2 s on the grid known by now, from second
           5 on: 1 where they always have one phase, whichever it is, 0 where they have any
period     share of the grids whose period is the half beat, or a half, a third or a quarter of it, within 2 %
ratio      median of the period by the half beat; the finer a grid, the easier 1 is for `grid`
steady     s until `grid` is .9 over four grids in a row; the length of the excerpt where it never is
again      the same as steady, in beats, after the change
cost       ms of processor time for 0.25 s of sound
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from corpora.audio import resample
from corpora.whole_files import atomic_write
from perception.onsets import DELAY_FRAMES, ONSET_RATE, onsets_of
from perception.pulse import NO_BEAT, PulseTracker, beats_of
from perception.tatum import BLOCK, TatumState, hear
from perception.wav2vec2 import SAMPLERATE
from train.common import command_line
from train.common.errors import TrainError
from train.common.progress import progress
from train.common.table import table, with_interval
from train.data import stems
from train.evaluate.metrics import describe

WITHIN_S = 0.07
HEARD_IN_S = 5.0  # beats before are not judged
IN_A_ROW = 4  # beats that are right, and it is locked
STEP = SAMPLERATE // 10  # samples that our tracker hears between two predictions
HOP_S = 0.25  # hop for which the cost is told
FASTER = 1.1  # tempo after the change
GRID_S = BLOCK / ONSET_RATE  # time from one grid to the next
AHEAD_S = 2.0  # time for which a grid is judged
LINE_BEATS = 4  # newest beats to which the line of a beat tracker is fitted
STEADY = 0.9
SAME_PERIOD = 0.02
FINEST = 4  # parts of a half beat
TATUM = "tatum"
Player = Callable[[np.ndarray], np.ndarray]  # (n,) float32 at 16 kHz -> times of the beats, s; or grids, as `tatums`


def predicted(audio: np.ndarray) -> np.ndarray:
    """Beats as `PulseTracker` predicts them: those of each 0.1 s by what was heard before it."""
    tracker, estimated = PulseTracker(), [-1.0]
    state = tracker.start()
    for begin in range(0, len(audio) - STEP, STEP):
        beat = tracker.step(state, audio[begin : begin + STEP])
        now, later = (begin + STEP) / SAMPLERATE, (begin + 2 * STEP) / SAMPLERATE
        if beat == NO_BEAT:
            continue
        first = beat.time_s + np.ceil((now - beat.time_s) / beat.period_s) * beat.period_s
        estimated += [t for t in np.arange(first, later, beat.period_s) if t - estimated[-1] > beat.period_s / 2]
    return np.array(estimated[1:])


def hindsight(audio: np.ndarray) -> np.ndarray:
    """Beats as memories have them, with all of the sound known."""
    return beats_of(audio, SAMPLERATE).times_s


def tatums(audio: np.ndarray) -> np.ndarray:
    """(grids, 2) float64: time of one point and period of the tatum as known at GRID_S, 2 GRID_S ..., in s; 0: none."""
    state, onsets, grids = TatumState(), onsets_of(audio, SAMPLERATE), [np.zeros((0, 2))]
    for begin in range(0, len(onsets) - BLOCK + 1, BLOCK):
        hear(state, onsets[begin : begin + BLOCK])
        grids.append(np.array([[state.tatum.frame - DELAY_FRAMES, state.tatum.period]]) / ONSET_RATE)
    return np.concatenate(grids)


def grids_of(estimated: np.ndarray, seconds: float) -> np.ndarray:
    """(grids, 2) as of `tatums`: the half beats of a line through the LINE_BEATS beats known by then."""
    grids = np.zeros((int(seconds / GRID_S), 2))
    for number in range(len(grids)):
        known = estimated[estimated <= (number + 1) * GRID_S][-LINE_BEATS:]
        if len(known) == LINE_BEATS:
            index = np.rint((known - known[-1]) / np.median(np.diff(known)))
            period, time_s = np.polyfit(index, known, 1)
            grids[number] = time_s, period / 2
    return grids


def rival(path: str) -> Player:
    """The function `beats` of a Python file; TrainError if there is none."""
    spec = importlib.util.spec_from_file_location(Path(path).stem, path)
    if spec is None or spec.loader is None or not Path(path).is_file():
        raise TrainError(f"--rival {path}: expected NAME=FILE.py with a function beats(audio, rate)")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return lambda audio: np.asarray(module.beats(audio, SAMPLERATE), float)


# --- measures


def hits(estimated: np.ndarray, true: np.ndarray) -> np.ndarray:
    """(estimated,) distance in s to the nearest true beat, nan where it is further than WITHIN_S."""
    if not len(true):
        return np.full(len(estimated), np.nan)
    distance = np.array([true[np.abs(true - t).argmin()] - t for t in estimated])
    return np.where(np.abs(distance) <= WITHIN_S, distance, np.nan)


def f1(estimated: np.ndarray, true: np.ndarray) -> float:
    """F1 of the beats from HEARD_IN_S on; a true beat counts once."""
    estimated, true = estimated[estimated >= HEARD_IN_S], true[true >= HEARD_IN_S]
    if not len(estimated) or not len(true):
        return 0.0
    nearest = np.array([np.abs(true - t).argmin() for t in estimated])
    right = len(set(nearest[~np.isnan(hits(estimated, true))].tolist()))
    return 2 * right / (len(estimated) + len(true))


def levels_of(true: np.ndarray) -> list[np.ndarray]:
    """The annotated beats, those at double tempo, and both ways to take every other."""
    return [true, np.sort(np.concatenate([true, (true[1:] + true[:-1]) / 2])), true[::2], true[1::2]]


def locked_at(estimated: np.ndarray, true: np.ndarray) -> float:
    """The time of the first of IN_A_ROW right beats in a row, about a beat apart; inf if there are none."""
    right = ~np.isnan(hits(estimated, true))
    period = np.median(np.diff(true)) if len(true) > 1 else np.inf
    for n in range(len(estimated) - IN_A_ROW + 1):
        steps = np.diff(estimated[n : n + IN_A_ROW])
        if right[n : n + IN_A_ROW].all() and (np.abs(steps / period - 1) < 0.25).all():
            return float(estimated[n])
    return float("inf")


def judge(estimated: np.ndarray, true: np.ndarray, seconds: float) -> dict[str, float]:
    """F1 at the level annotated and at the best, time to lock (s) and median error (ms)."""
    levels = levels_of(true)
    scores = [f1(estimated, level) for level in levels]
    best = levels[int(np.argmax(scores))]
    distance = hits(estimated[estimated >= HEARD_IN_S], best)
    known = distance[~np.isnan(distance)]
    return {
        "f1": scores[0],
        "best": max(scores),
        "lock": min(seconds, *(locked_at(estimated, level) for level in levels)),
        "error": 1e3 * float(np.median(np.abs(known))) if len(known) else 1e3 * WITHIN_S,
    }


def turns(grids: np.ndarray, true: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(sum of exp(2 pi i phase), number) of the half beats of the AHEAD_S after each grid was known; (grids,) both."""
    halves = levels_of(true)[1]
    sums, counts = np.zeros(len(grids), complex), np.zeros(len(grids))
    for number, (time_s, period) in enumerate(grids):
        now = (number + 1) * GRID_S
        coming = halves[(halves > now) & (halves <= now + AHEAD_S)]
        counts[number] = len(coming)
        if period > 0:
            sums[number] = np.exp(2j * np.pi * (coming - time_s) / period).sum()
    return sums, counts


def steady_at(grids: np.ndarray, true: np.ndarray, begin: float = 0.0) -> float:
    """When the first of IN_A_ROW grids was known, from `begin` on, on which half beats keep one phase; inf if never."""
    sums, counts = turns(grids, true)
    for number in range(max(0, int(np.ceil(begin / GRID_S)) - 1), len(grids) - IN_A_ROW + 1):
        row = slice(number, number + IN_A_ROW)
        if counts[row].all() and np.abs(sums[row].sum()) >= STEADY * counts[row].sum():
            return (number + 1) * GRID_S
    return float("inf")


def judge_grids(grids: np.ndarray, true: np.ndarray, seconds: float) -> dict[str, float]:
    """How far the half beats keep one phase on the grids, whether the periods are right, time until it is so (s)."""
    sums, counts = turns(grids, true)
    judged = (np.arange(len(grids)) + 1) * GRID_S >= HEARD_IN_S
    halves = levels_of(true)[1]
    periods = grids[:, 1]
    known = judged & (periods > 0) & (len(halves) > 1)
    if not known.any():
        return {"grid": 0.0, "period": 0.0, "ratio": 0.0, "steady": seconds}
    place = np.searchsorted(halves, (np.flatnonzero(known) + 1) * GRID_S)
    ratios = periods[known] / np.diff(halves)[np.clip(place - 1, 0, len(halves) - 2)]
    parts = np.clip(np.rint(1 / ratios), 1, FINEST)
    return {
        "grid": float(np.abs(sums[judged].sum()) / max(1, counts[judged].sum())),
        "period": float((np.abs(ratios * parts - 1) < SAME_PERIOD).sum() / judged.sum()),
        "ratio": float(np.median(ratios)),
        "steady": min(seconds, steady_at(grids, true)),
    }


def faster_later(audio: np.ndarray, true: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """(sound, beats, s of the change): from the beat in the middle on the tempo is 10 % higher."""
    middle = float(true[len(true) // 2])
    cut = round(middle * SAMPLERATE)
    faster = resample(audio[cut:], round(SAMPLERATE * FASTER), SAMPLERATE)
    later = np.where(true >= middle, middle + (true - middle) / FASTER, true)
    return np.concatenate([audio[:cut], faster]), later, middle


def beats_until_locked(play: Player, audio: np.ndarray, true: np.ndarray) -> float:
    """Beats after a rise of tempo by 10 % in the middle until it is locked again; at most as many as there are."""
    audio, true, middle = faster_later(audio, true)
    estimated, later = play(audio), true[true >= middle]
    locked = min(locked_at(estimated[estimated >= middle], level) for level in levels_of(later))
    return float(np.searchsorted(later, min(locked, later[-1])))


def beats_until_steady(play: Player, audio: np.ndarray, true: np.ndarray) -> float:
    """The same until half beats keep one phase on the grids that `play` returns."""
    audio, true, middle = faster_later(audio, true)
    later = true[true >= middle]
    return float(np.searchsorted(later, min(steady_at(play(audio), true, middle), later[-1])))


# --- the run


def excerpts(data: Path, begin: float, seconds: float) -> Iterator[tuple[str, dict[str, np.ndarray], np.ndarray]]:
    """(song, {part: (n,) float32 at 16 kHz}, beats in s from the beginning of the excerpt) of all songs with beats."""
    for song, paths in stems.songs_below(data, "").items():
        beats = data / song / "beats.txt"
        if not beats.exists() or not paths:
            continue
        whole = {part: stems.read(path) for part, path in paths.items()}
        length = min(map(len, whole.values()))
        cut = slice(round(begin * SAMPLERATE), min(length, round((begin + seconds) * SAMPLERATE)))
        parts = {part: audio[cut] for part, audio in whole.items()}
        parts = {part: audio for part, audio in parts.items() if len(audio) and np.abs(audio).max() > 1e-3}
        true = np.loadtxt(beats, ndmin=2)[:, 0] - begin
        if parts:
            parts["mix"] = np.sum(list(parts.values()), axis=0)
            yield song, parts, true[(true >= 0) & (true < len(parts["mix"]) / SAMPLERATE)]


def evaluate(data: Path, out: Path, begin: float, seconds: float, rivals: dict[str, Player]) -> dict[str, Any]:
    """Judge every player on every part; write OUT/beats.json and beats.md."""
    players = {"ours": predicted, "ours, hindsight": hindsight, TATUM: tatums, **rivals}
    for play in players.values():
        play(np.zeros(3 * SAMPLERATE, np.float32))  # compiled
    rows: list[dict[str, Any]] = []
    for song, parts, true in progress(list(excerpts(data, begin, seconds)), "songs"):
        for part, audio in parts.items():
            for name, play in players.items():
                began = time.process_time()
                estimated = play(audio)
                cost = 1e3 * (time.process_time() - began) / (len(audio) / SAMPLERATE / HOP_S)
                row = {"song": song, "part": part, "player": name, "cost": cost}
                row |= judged(name, play, estimated, audio, true, part == "mix")
                rows.append(row)
    if not rows:
        raise TrainError(
            f"'{data}': no song has a file beats.txt beside its parts: write one, a time in s on each line"
        )
    atomic_write(out / "beats.json", json.dumps(rows, indent=1))
    atomic_write(out / "beats.md", "\n".join(report(rows, list(players))) + "\n")
    return {"songs": len({row["song"] for row in rows}), "rows": len(rows)}


def judged(
    name: str, play: Player, estimated: np.ndarray, audio: np.ndarray, true: np.ndarray, change: bool
) -> dict[str, float]:
    """All figures of what a player found in `audio`; with `change`, those after a change of tempo too."""
    seconds = len(audio) / SAMPLERATE
    if name == TATUM:
        row, grids = judge_grids(estimated, true, seconds), play
    else:
        row = judge(estimated, true, seconds) | judge_grids(grids_of(estimated, seconds), true, seconds)

        def grids(sound: np.ndarray) -> np.ndarray:
            return grids_of(play(sound), len(sound) / SAMPLERATE)

        if change and name != "ours, hindsight":
            row["change"] = beats_until_locked(play, audio, true)
    if change and name != "ours, hindsight":
        row["again"] = beats_until_steady(grids, audio, true)
    return row


def report(rows: list[dict[str, Any]], players: list[str]) -> list[str]:
    """A table with the means and their 95 % intervals over songs, part by part."""
    rng = np.random.default_rng(0)
    columns = (
        ("f1", "F1", 2),
        ("best", "F1 at the best level", 2),
        ("lock", "lock, s", 1),
        ("error", "error, ms", 0),
        ("change", "change, beats", 1),
        ("grid", "grid", 2),
        ("period", "period", 2),
        ("ratio", "ratio", 2),
        ("steady", "steady, s", 1),
        ("again", "again, beats", 1),
        ("cost", "cost, ms", 2),
    )
    cells = []
    for part in sorted({row["part"] for row in rows}, key=lambda name: (name != "mix", name)):
        for player in players:
            chosen = [row for row in rows if (row["part"], row["player"]) == (part, player)]
            songs = np.array([row["song"] for row in chosen])
            line = [part, player, str(len(chosen))]
            for key, _, digits in columns:
                known = key in chosen[0]
                values = np.array([row[key] for row in chosen]) if known else np.zeros(0)
                line.append(with_interval(describe(values, songs, rng), digits) if known else "–")
            cells.append(line)
    return table(["part", "player", "songs", *(name for _, name, _ in columns)], cells)


def main(argv: list[str] | None = None) -> None:
    """Command line of this recipe."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("songs", type=Path)
    parser.add_argument("-o", "--out", type=Path, required=True)
    parser.add_argument("--from", dest="begin", type=float, default=0.0, help="second at which the excerpts begin")
    parser.add_argument("--seconds", type=float, default=60.0, help="length of an excerpt")
    parser.add_argument("--rival", action="append", default=[], metavar="NAME=FILE.py")
    given = parser.parse_args(argv)
    rivals = {name: rival(path) for name, _, path in (text.partition("=") for text in given.rival)}
    given.out.mkdir(parents=True, exist_ok=True)
    print(evaluate(given.songs, given.out, given.begin, given.seconds, rivals))


if __name__ == "__main__":
    command_line.run(main)
