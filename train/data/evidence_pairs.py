"""Pairs of sub-mixtures, also displaced, with the measures of `perception.evidence`, and the fit of their weights."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from perception.coherence import WINDOW_S, WINDOW_SAMPLES, CoherenceError
from perception.evidence import EvidenceMeter, Joined, Traces, join
from perception.hpss import SAMPLERATE
from perception.scoring import BATCH_WINDOWS, batches, parallel_map
from train.data.submixes import BEAT_RANGE_S, MIN_PAIRS, Pair, pairs_of, submix_songs

DISPLACEMENTS_BEATS = (-1.0, -0.5, -0.25, -0.125, 0.125, 0.25, 0.5, 1.0)
UNRELATED_SHARES = {"other songs": 0.4, "elsewhere": 0.2, "displaced": 0.4}  # shares of the weight of unrelated pairs


@dataclass(frozen=True)
class MeasuredPairs:
    """n pairs. inputs, outputs: their traces; late: d -> traces of the outputs delayed by d beats.

    song (n,) int: number of the song; begin (n,): s from its beginning.
    """

    inputs: Traces
    outputs: Traces
    late: dict[float, Traces]
    song: np.ndarray
    begin: np.ndarray

    def strangers(self) -> tuple[np.ndarray, np.ndarray]:
        """(n, n) bool each: outputs of another song; outputs of the same song from a window that does not overlap."""
        same = self.song[:, None] == self.song
        return ~same, same & (np.abs(self.begin[:, None] - self.begin) >= WINDOW_S)


def displaced(pair: Pair, beats: float) -> np.ndarray:
    """(80000,) float32: the output delayed by `beats`; earlier music of the song fills the gap."""
    begin = pair.margin - round(beats * pair.beat * SAMPLERATE)
    return pair.second[begin : begin + WINDOW_SAMPLES]


def measured_pairs(
    meter: EvidenceMeter,
    songs: dict[str, list[Path]],
    count: int,
    seed: int,
    late: Sequence[float] = DISPLACEMENTS_BEATS,
    beat: float = 0.5,
) -> MeasuredPairs:
    """At most `count` pairs of songs.

    beat: s, where a song does not give its own. CoherenceError where there are none.
    """
    where: list[tuple[int, float]] = []
    margin = max(map(abs, late), default=0.0) * max(BEAT_RANGE_S[1], beat)

    def windows() -> Iterator[np.ndarray]:
        for pair in pairs_of(songs, count, seed, margin, beat):
            where.append((pair.song, pair.begin))
            yield from pair.window
            yield from (displaced(pair, beats) for beats in late)

    parts = list(parallel_map(meter.traces, batches(windows(), BATCH_WINDOWS)))
    if not parts:
        raise CoherenceError(f"no window of {WINDOW_S:g} s in which two stems sound: give more music")
    traces = Traces(*(torch.cat(each) for each in zip(*parts, strict=True)))
    step = 2 + len(late)
    inputs, outputs, *others = (traces.at(slice(n, None, step)) for n in range(step))
    song, begin = (np.array(column) for column in zip(*where, strict=True))
    return MeasuredPairs(inputs, outputs, dict(zip(late, others, strict=True)), song, begin)


def join_evidence(
    meter: EvidenceMeter, data: Sequence[Path], split: str = "validation", pairs: int = 256, seed: int = 0,
    source: str = "",
) -> Joined:  # fmt: skip
    """Fit the weights that join the measures, on pairs of folders of stems, equally many from each.

    Pairs that belong together against outputs of other songs of the folder, of the same song at another time, and
    displaced ones. CoherenceError where there are too few pairs, TrainError, AudioError.
    """
    true, wrong, weight = [], [], []
    for folder in data:
        measured = measured_pairs(meter, submix_songs(folder, split), pairs // len(data), seed)
        true.append(meter.measure(measured.inputs, measured.outputs).numpy())
        table = meter.measure_all(measured.inputs, measured.outputs).numpy()
        other, elsewhere = measured.strangers()
        late = np.concatenate([meter.measure(measured.inputs, traces).numpy() for traces in measured.late.values()])
        for kind, group in (("other songs", table[other]), ("elsewhere", table[elsewhere]), ("displaced", late)):
            if len(group):
                wrong.append(group)
                weight.append(np.full(len(group), UNRELATED_SHARES[kind] / len(group)))
    count = sum(map(len, true))
    if count < MIN_PAIRS:
        raise CoherenceError(f"{count} pairs are too few to join measures by: it needs {MIN_PAIRS} or more")
    names = ", ".join(folder.resolve().name for folder in data)
    return join(np.concatenate(true), np.concatenate(wrong), np.concatenate(weight), source or names)
