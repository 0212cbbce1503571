"""How well one recording fits another: the coherence of every 5 s of them, over files of any length (antiphon score).

The input comes first and the answer second; swapped, the score is another. The time that both have in common is
compared, sample by sample from their beginnings: for a live session take heard.wav and spoken.wav of --record, which
begin at the same sample.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from corpora.audio import AudioFile, open_audio
from corpora.corpus import boundary
from perception.coherence import (
    GATE_DB,
    MODES,
    WINDOW_S,
    WINDOW_SAMPLES,
    Calibration,
    Coherence,
    CoherenceError,
    CoherenceScores,
    audible,
)
from perception.evidence import EvidenceMeter
from perception.hpss import SAMPLERATE
from perception.scoring import compare_pairs

STEP_RANGE_S = (0.05, 3600.0)  # least and most between two windows
MAX_LENGTH_DIFFERENCE_S = 1.0  # difference in length of two files that is not mentioned
MEANINGS = (  # positions from which on a sentence holds
    (0.75, "as music that was played together does"),
    (0.5, "more as partners do than as strangers do"),
    (0.25, "more as strangers do than as partners do"),
    (0.0, "as music does that has nothing to do with it"),
)
BLOCKS = "▁▂▃▄▅▆▇█"
CURVE_COLUMNS = 60


def run(
    heard: str | Path,
    spoken: str | Path,
    model: str | Path,
    step: float = 1.0,
    progress: Callable[[float, float], None] | None = None,
    calibration: Calibration | None = None,
) -> dict[str, Any]:
    """Score a window of 5 s every `step` s. Files of hours are streamed.

    heard, spoken: audio files, the input A and the answer B. model: folder of a coherence model. calibration: instead
    of the model's own. Returns the JSON of `antiphon score`: means, and "curve" with one entry for each window that was
    scored, its "time" being where it begins, in s. AudioError, CoherenceError.
    """
    if not STEP_RANGE_S[0] <= step <= STEP_RANGE_S[1]:  # NaN fails too
        raise CoherenceError(
            f"--step {step:g}: expected {STEP_RANGE_S[0]:g} to {STEP_RANGE_S[1]:g} s between two windows"
        )
    meter = EvidenceMeter.load(model)
    if calibration:  # is of COCOLA's scores alone
        meter.coherence.calibration, meter.joined = calibration, None
    with open_audio(heard) as a, open_audio(spoken) as b:
        common = min(a.seconds, b.seconds)
        for file in (a, b):
            if file.frames and file.seconds < WINDOW_S:
                raise CoherenceError(
                    f"'{file.path}' lasts {file.seconds:.3g} s, less than the {WINDOW_S:g} s that are compared at a "
                    f"time: give at least {WINDOW_S:g} s"
                )
        times: list[float] = []
        silent: list[float] = []
        curve: list[dict[str, Any]] = []
        for scores in compare_pairs(meter, _audible_pairs(_window_pairs(a, b, step), times, silent)):
            time = times[len(curve)]
            curve.append({"time": time, **_row(scores)})
            if progress:
                progress(time + step, common)
        if progress:
            progress(common, common)
        if not curve:
            raise CoherenceError(_no_window(a, b, silent))
        return _report(meter.coherence, curve, len(silent), step, common, a, b)


def _window_pairs(a: AudioFile, b: AudioFile, step: float) -> Iterator[tuple[float, np.ndarray, np.ndarray]]:
    """(begin in s, 5 s of A, 5 s of B), every `step` s, as long as both last."""
    for n, (one, other) in enumerate(zip(windows(a, step), windows(b, step), strict=False)):
        yield boundary(n, step, SAMPLERATE) / SAMPLERATE, one, other


def windows(file: AudioFile, step: float) -> Iterator[np.ndarray]:
    """Windows (80000,) float32 at 16 kHz of a file, one every `step` s; what is left at its end is none."""
    held, begin, n = np.zeros(0, np.float32), 0, 0  # `held` begins at sample `begin` of the file
    for block in file.blocks(rate=SAMPLERATE):
        held = np.concatenate([held, block])
        while (at := boundary(n, step, SAMPLERATE) - begin) + WINDOW_SAMPLES <= len(held):
            yield held[at : at + WINDOW_SAMPLES]
            n += 1
        held, begin = held[at:], begin + min(at, len(held))


def _audible_pairs(
    pairs: Iterable[tuple[float, np.ndarray, np.ndarray]], times: list[float], silent: list[float]
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The pairs in which both sides are audible; their times (s) go to `times`, those of the others to `silent`."""
    for time, one, other in pairs:
        heard = audible(one) and audible(other)
        (times if heard else silent).append(time)
        if heard:
            yield one, other


def _row(scores: CoherenceScores) -> dict[str, Any]:
    row: dict[str, Any] = {mode: scores.scores.get(mode) for mode in MODES}
    return row | {"position": scores.positions and scores.positions["both"], "positions": scores.positions}


def _report(meter: Coherence, curve: list[dict], silent: int, step: float, common: float, a: AudioFile, b: AudioFile):
    calibration = meter.calibration
    report: dict[str, Any] = {"heard": str(a.path), "spoken": str(b.path), "seconds": common, "step": step}
    report |= {"windows": len(curve), "silent": silent}
    for key in (*MODES, "position"):
        report[key] = None if curve[0][key] is None else float(np.mean([row[key] for row in curve]))
    by_mode = [row.pop("positions") for row in curve]
    report["positions"] = (
        {mode: float(np.mean([row[mode] for row in by_mode])) for mode in by_mode[0]} if calibration else None
    )
    report["calibration"] = {"source": calibration.source, "pairs": calibration.pairs} if calibration else None
    report["notes"] = list(_notes(report, a, b))
    return report | {"curve": curve}


def _notes(report: dict[str, Any], a: AudioFile, b: AudioFile) -> Iterator[str]:
    if abs(a.seconds - b.seconds) > MAX_LENGTH_DIFFERENCE_S:
        yield (f"'{a.path}' lasts {a.seconds:.1f} s, '{b.path}' {b.seconds:.1f} s: "
               f"the first {report['seconds']:.1f} s are compared")  # fmt: skip
    if report["silent"]:
        yield (f"{report['silent']} of {report['windows'] + report['silent']} windows are left out: "
               f"one side is silent there (below {GATE_DB:g} dBFS)")  # fmt: skip
    if report["calibration"] is None:
        yield ("this meter is not calibrated, so its scores have no scale: "
               "add --calibrate DATA, a folder of songs in stems, to learn where they lie")  # fmt: skip


def _no_window(a: AudioFile, b: AudioFile, silent: list[float]) -> str:
    if silent:
        return (f"there is nothing to compare in '{a.path}' and '{b.path}': in each of their {len(silent)} windows "
                f"of {WINDOW_S:g} s one of them is silent, below {GATE_DB:g} dBFS; raise its level")  # fmt: skip
    return (f"'{a.path}' and '{b.path}' have less than {WINDOW_S:g} s in common: "
            f"give at least {WINDOW_S:g} s of each")  # fmt: skip


def lines(report: dict[str, Any]) -> list[str]:
    """The report of `run` as lines of text: how well B fits A, the scores, the curve."""
    text = [f"{report['spoken']} answers {report['heard']}: {report['windows']} windows of {WINDOW_S:g} s, "
            f"one each {report['step']:g} s"]  # fmt: skip
    position = report["position"]
    if position is not None:
        meaning = next(meaning for least, meaning in MEANINGS if position >= least)
        text += ["", f"  it fits  {_bar(position)}  {position:.2f}   {meaning}"]
    text.append("")
    for mode in MODES:
        if report[mode] is not None:
            at = (
                f"  {_bar(report['positions'][mode], 10)}  {report['positions'][mode]:.2f}"
                if position is not None
                else ""
            )
            text.append(f"  {mode:<10}  score {report[mode]:8.2f}{at}")
    text += ["", *_plot(report)]
    if position is not None:
        source = report["calibration"]
        text += ["", f"  0: like strangers, 1: like partners, by {source['pairs']} pairs of {source['source']}"]
    return text + [f"  {note}" for note in report["notes"]]


def _bar(position: float, columns: int = 30) -> str:
    full = round(position * columns)
    return "█" * full + "░" * (columns - full)


def _plot(report: dict[str, Any]) -> list[str]:
    """The curve as one line of blocks, each the mean of its share of the windows, and where it is best and worst."""
    key = "both" if report["position"] is None else "position"
    values = np.array([row[key] for row in report["curve"]])
    if len(values) < 2:
        return []
    edges = np.linspace(0, len(values), min(len(values), CURVE_COLUMNS) + 1).astype(int)
    means = np.array([values[i:j].mean() for i, j in pairwise(edges)])
    low, high = (0.0, 1.0) if key == "position" else (means.min(), max(means.max(), means.min() + 1e-9))
    blocks = "".join(BLOCKS[min(int(8 * (mean - low) / (high - low)), 7)] for mean in means)
    best, worst = (report["curve"][int(at)] for at in (values.argmax(), values.argmin()))
    curve = f"  {_clock(report['curve'][0]['time'])} {blocks} {_clock(report['curve'][-1]['time'] + WINDOW_S)}"
    if values.max() - values.min() < 0.005:
        return [curve]
    return [curve,
            f"  best from {_clock(best['time'])} ({best[key]:.2f}), worst from {_clock(worst['time'])} "
            f"({worst[key]:.2f})"]  # fmt: skip


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
