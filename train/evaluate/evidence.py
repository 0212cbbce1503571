"""The measures beside COCOLA, each and joined: a part of `antiphon evaluate coherence`.

Displaced: the share of pairs that score above themselves with the output up to a beat late or early. Whole files: the
share of comparisons in which two parts of a song, by the mean over their windows, are above parts of two songs.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch

from perception.coherence import WINDOW_S, WINDOW_SAMPLES, audible
from perception.evidence import MEASURES, EvidenceMeter, Traces
from perception.hpss import SAMPLERATE
from perception.scoring import BATCH_WINDOWS, batches, parallel_map
from train.common.progress import progress
from train.data.evidence_pairs import DISPLACEMENTS_BEATS, MeasuredPairs, measured_pairs
from train.data.stems import read
from train.data.submixes import pairs_of
from train.evaluate.metrics import interval

JOINED = "joined"
CHROMA_CQT = "chroma CQT"
CHROMA_HOP_SAMPLES = 512
MIN_WINDOWS = 2  # windows in which both of two compared parts are audible
MAX_WINDOWS = 60  # windows of a part, 5 s each


def by_measure(meter: EvidenceMeter, measures: torch.Tensor) -> dict[str, np.ndarray]:
    """(..., 6) measures -> {measure: (...)} without COCOLA, and their weighted sum where the meter has one."""
    named = {name: measures[..., n].numpy() for n, name in enumerate(MEASURES) if name != "cocola"}
    return named | ({JOINED: meter.joined.sums(measures).numpy()} if meter.joined else {})


def tables(meter: EvidenceMeter, songs: dict[str, list[Path]], count: int, seed: int) -> dict[str, np.ndarray]:
    """{measure: (n, n) each input with each output} of the classified pairs."""
    pairs = measured_pairs(meter, songs, count, seed, ())
    return by_measure(meter, meter.measure_all(pairs.inputs, pairs.outputs))


def chroma_table(songs: dict[str, list[Path]], count: int, seed: int) -> np.ndarray:
    """(n, n) mean cosines of librosa's centred constant-Q chroma per half second, of the classified pairs."""
    sides = list(parallel_map(lambda pair: [_chroma_cqt(sound) for sound in pair.window], pairs_of(songs, count, seed)))
    first, second = (np.stack([pair[side] for pair in sides]).reshape(len(sides), -1) for side in (0, 1))
    return np.asarray(first @ second.T)


def _chroma_cqt(sound: np.ndarray) -> np.ndarray:
    """(80000,) at 16 kHz -> (10, 12), centred, of length 1."""
    from librosa.feature import chroma_cqt

    chroma = chroma_cqt(y=sound, sr=SAMPLERATE, hop_length=CHROMA_HOP_SAMPLES)
    edges = np.linspace(0, len(sound) / CHROMA_HOP_SAMPLES, round(2 * WINDOW_S) + 1).round().astype(int)
    means = np.stack([chroma[:, low:high].mean(1) for low, high in pairwise(edges)])
    means = means - means.mean(1, keepdims=True)
    return np.asarray(means / np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-9))


def displaced(
    name: str, meter: EvidenceMeter, songs: dict[str, list[Path]], count: int, seed: int, beat: float
) -> Iterator[dict[str, Any]]:
    """A row for each measure and displacement in beats: the share of pairs above their displaced version, %."""
    pairs: MeasuredPairs = measured_pairs(meter, songs, count, seed, DISPLACEMENTS_BEATS, beat)
    measured = meter.measure(pairs.inputs, pairs.outputs)
    true = by_measure(meter, measured) | {"cocola": measured[:, 0].numpy()}
    for beats, traces in pairs.late.items():
        changed = meter.measure(pairs.inputs, traces)
        for measure, values in (by_measure(meter, changed) | {"cocola": changed[:, 0].numpy()}).items():
            share = 100.0 * (true[measure] > values)
            row = {"model": name, "measure": measure, "beats": beats, "n": len(share), "share": float(share.mean())}
            yield row | {"interval": interval(share, pairs.song, np.random.default_rng(seed))}


def whole_files(name: str, meter: EvidenceMeter, songs: dict[str, list[Path]], seed: int) -> Iterator[dict[str, Any]]:
    """A row for each measure: the share of comparisons in which two parts of a song are above parts of two songs, %."""
    parts = [(number, path) for number, paths in enumerate(songs.values()) for path in paths]
    traces = [_part_traces(meter, path) for _, path in progress(parts, "hearing whole files", len(parts))]
    true: list[np.ndarray] = []
    fake: list[np.ndarray] = []
    origin: list[int] = []
    for (number, traces_a), (other, traces_b) in combinations(zip((n for n, _ in parts), traces, strict=True), 2):
        mean = _mean_measures(meter, traces_a, traces_b)
        if mean is not None:
            (true if number == other else fake).append(mean)
            origin += [number] * (number == other)
    if not true or not fake:
        return
    partners, strangers = (torch.from_numpy(np.stack(each)) for each in (true, fake))
    above = by_measure(meter, partners) | {"cocola": partners[:, 0].numpy()}
    below = by_measure(meter, strangers) | {"cocola": strangers[:, 0].numpy()}
    for measure in above:
        share = 100 * (above[measure][:, None] > below[measure]).mean(1)
        row = {"model": name, "measure": measure, "n": len(true), "strangers": len(fake), "share": float(share.mean())}
        yield row | {"interval": interval(share, np.array(origin), np.random.default_rng(seed))}


def _part_traces(meter: EvidenceMeter, path: Path) -> tuple[Traces, np.ndarray]:
    """Traces of the consecutive windows of a part, and (windows,) bool: audible."""
    audio = read(path, MAX_WINDOWS * WINDOW_S)
    windows = list(audio[: len(audio) // WINDOW_SAMPLES * WINDOW_SAMPLES].reshape(-1, WINDOW_SAMPLES))
    active = np.array([audible(window) for window in windows], bool)
    parts = list(parallel_map(meter.traces, batches(windows, BATCH_WINDOWS)))
    return Traces(*(torch.cat(each) for each in zip(*parts, strict=True))), active


def _mean_measures(
    meter: EvidenceMeter, first: tuple[Traces, np.ndarray], second: tuple[Traces, np.ndarray]
) -> np.ndarray | None:
    """(6,) means over the windows in which both parts are audible; None below MIN_WINDOWS of them."""
    count = min(len(first[1]), len(second[1]))
    both = torch.from_numpy(np.flatnonzero(first[1][:count] & second[1][:count]))
    if len(both) < MIN_WINDOWS:
        return None
    return np.asarray(meter.measure(first[0].at(both), second[0].at(both)).mean(0))
