"""Coherence scores of true pairs with a changed output: a part of `antiphon evaluate coherence`.

The output is transposed, displaced, stretched from the beginning of the window on, or taken from elsewhere. A displaced
output is the music of the same song at the displaced time, so that it has no silence. Phase vocoders leave artefacts;
therefore both sides are also transposed and stretched alike, which keeps them coherent, so that a lower score there
measures the artefacts.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from perception.coherence import WINDOW_S, WINDOW_SAMPLES, Coherence
from perception.hpss import SAMPLERATE
from perception.scoring import Embeddings, embed_windows, pair_scores, parallel_map
from train.common.errors import TrainError
from train.common.progress import progress
from train.data.submixes import BEAT_RANGE_S, Pair, pairs_of
from train.evaluate.metrics import describe

Change = tuple[str, float]  # kind, amount
TRUE: Change = ("none", 0.0)
ELSEWHERE: Change = ("elsewhere in the song", 0.0)
STRANGER: Change = ("another song", 0.0)
BOTH = "both "  # prefix of the changes of both sides
CHANGES: tuple[Change, ...] = (
    TRUE,
    *(("transposed", float(n)) for n in (-6, -5, -4, -3, -2, -1, 1, 2, 3, 4, 5, 6)),  # semitones
    *(("displaced", n) for n in (-2.0, -1.0, -0.5, -0.25, -0.125, 0.125, 0.25, 0.5, 1.0, 2.0)),  # beats later
    *(("stretched", float(n)) for n in (-20, -10, -5, -3, 3, 5, 10, 20)),  # % longer
    *(("both transposed", float(n)) for n in (-6, -3, -1, 1, 3, 6)),
    *(("both stretched", float(n)) for n in (-20, -5, 5, 20)),
)
STRANGERS_PER_INPUT = 8  # outputs from elsewhere in the song, and from other songs


@dataclass(frozen=True)
class WindowOrigins:
    """Origins of n windows: song (n,) int, begin (n,) s in the song."""

    song: np.ndarray
    begin: np.ndarray

    @classmethod
    def of(cls, where: list[tuple[int, float]]) -> WindowOrigins:
        """From a list of (song, begin in s), one for each window."""
        return cls(*(np.array(column) for column in zip(*where, strict=True)))

    def apart(self, overlap: float) -> np.ndarray:
        """(n, n) bool: windows that overlap by at most the share `overlap`, and so may be in one batch."""
        near = np.abs(self.begin[:, None] - self.begin[None]) < (1 - overlap) * WINDOW_S - 1e-9
        return ~(near & (self.song[:, None] == self.song[None]))


def apply_change(pair: Pair, change: Change) -> tuple[np.ndarray, np.ndarray]:
    """(input, output), (80000,) float32 each, after a change."""
    kind, amount = change
    first, second = pair.window
    if change == TRUE:
        return first, second
    if kind == "displaced":
        begin = pair.margin - round(amount * pair.beat * SAMPLERATE)
        return first, pair.second[begin : begin + WINDOW_SAMPLES]
    how = transpose_window if kind.endswith("transposed") else stretch_window
    answer = how(pair.second, pair.margin, amount)
    return (how(pair.first, pair.margin, amount) if kind.startswith(BOTH) else first), answer


def transpose_window(sound: np.ndarray, margin: int, semitones: float) -> np.ndarray:
    """(80000,): the window inside (margin + 80000 + margin,), transposed by `semitones` at the same speed."""
    from librosa.effects import pitch_shift

    result = pitch_shift(sound, sr=SAMPLERATE, n_steps=semitones, res_type="soxr_hq")
    return result[margin : margin + WINDOW_SAMPLES].astype(np.float32)


def stretch_window(sound: np.ndarray, margin: int, percent: float) -> np.ndarray:
    """(80000,): the music from the beginning of the window on, `percent` % longer, at the same pitch."""
    from librosa.effects import time_stretch

    result = time_stretch(sound, rate=1 / (1 + percent / 100))
    begin = round(margin * (1 + percent / 100))
    return result[begin : begin + WINDOW_SAMPLES].astype(np.float32)


EmbeddedChanges = tuple[list[tuple[int, float]], list[Embeddings]]


def measure(
    changes: EmbeddedChanges,
    models: dict[str, Coherence],
    strangers: list[Embeddings],
    origins: WindowOrigins,
    seed: int,
) -> list[dict[str, Any]]:
    """For each model, mode and change: scores and positions of the pairs, and the share below the true pair.

    changes: of `embedded_changes`. strangers: for each model, embeddings of other outputs, of the windows in `origins`.
    """
    where, result = changes
    here = WindowOrigins.of(where)
    rows: list[dict[str, Any]] = []
    for (name, model), item, others in zip(models.items(), result, strangers, strict=True):
        for mode in model.modes:
            inputs, outputs = _by_change(item[mode].reshape(len(where), -1, item[mode].shape[-1]))
            scores = {c: pair_scores(model, inputs[c], outputs[c]).numpy()[:, None] for c in CHANGES}
            with torch.inference_mode():
                table = model.similarities(inputs[TRUE], others[mode]).numpy()
            scores |= _met(table, here, origins, np.random.default_rng([seed, zlib.crc32(b"strangers")]))
            for change, values in scores.items():
                row = {"model": name, "mode": mode, "kind": change[0], "amount": change[1]}
                at = None
                if model.calibration:
                    at = model.positions(torch.from_numpy(values), inputs.get(change, inputs[TRUE]), mode)
                rows.append(row | _measured(values, at, scores[TRUE], here.song, seed))
    return rows


def embedded_changes(
    songs: dict[str, list[Path]], models: dict[str, Coherence], count: int, beat: float, seed: int
) -> EmbeddedChanges:
    """Origins of about `count` pairs, and each model's embeddings of their changes: for each change its input, where it
    has one of its own, then its output.

    beat: s, where a song does not give its own. TrainError if no song is long enough.
    """
    where: list[tuple[int, float]] = []
    margin = 2 * max(BEAT_RANGE_S[1], beat)
    pairs = pairs_of(songs, count, seed + 1, margin, beat)

    def windows() -> Iterator[np.ndarray]:
        made = parallel_map(lambda pair: (pair, [apply_change(pair, change) for change in CHANGES]), pairs)
        for pair, changed in progress(made, "pulling apart", count):
            where.append((pair.song, pair.begin))
            for change, (first, second) in zip(CHANGES, changed, strict=True):
                yield from (first, second) if _own_input(change) else (second,)

    result = embed_windows(list(models.values()), windows())
    if not where:
        raise TrainError(
            f"no song lasts {WINDOW_S + 2 * margin:.1f} s, which displacing needs: give longer ones, or --pairs 0"
        )
    return where, result


def _own_input(change: Change) -> bool:
    return change == TRUE or change[0].startswith(BOTH)


def _by_change(embedded: torch.Tensor) -> tuple[dict[Change, torch.Tensor], dict[Change, torch.Tensor]]:
    """(pairs, windows of a pair, 512) in the order of `_placed` -> {change: (pairs, 512)}, inputs and outputs."""
    inputs, outputs, at = {}, {}, 0
    for change in CHANGES:
        own = _own_input(change)
        inputs[change] = embedded[:, at] if own else embedded[:, 0]
        outputs[change] = embedded[:, at + own]
        at += 1 + own
    return inputs, outputs


def _met(
    table: np.ndarray, here: WindowOrigins, there: WindowOrigins, rng: np.random.Generator
) -> dict[Change, np.ndarray]:
    """Scores (pairs, 8) of each input with random outputs from elsewhere in its song and from others; NaN if fewer."""
    same = here.song[:, None] == there.song[None]
    far = np.abs(here.begin[:, None] - there.begin[None]) >= WINDOW_S
    result = {}
    for change, which in ((ELSEWHERE, same & far), (STRANGER, ~same)):
        result[change] = np.full((len(table), STRANGERS_PER_INPUT), np.nan)
        for row, scores, may in zip(result[change], table, which, strict=True):
            chosen = rng.permutation(np.flatnonzero(may))[:STRANGERS_PER_INPUT]
            row[: len(chosen)] = scores[chosen]
    return result


def _measured(
    values: np.ndarray, positions: np.ndarray | None, true: np.ndarray, song: np.ndarray, seed: int
) -> dict[str, Any]:
    """Means of scores and positions (pairs, m), NaN where missing, over each row and then over the pairs."""
    rows = np.isfinite(values).any(axis=1)
    if not rows.any():
        return {"score": None, "position": None, "below": None, "n": 0}
    values, true, song = values[rows], true[rows], song[rows]
    below = np.nanmean(np.where(np.isnan(values), np.nan, values < true), axis=1)
    measures = {"score": np.nanmean(values, axis=1), "below": 100 * below}
    if positions is not None:
        measures["position"] = np.nanmean(positions[rows], axis=1)
    result: dict[str, Any] = {"position": None, "n": len(values)}
    return result | {name: describe(each, song, np.random.default_rng(seed)) for name, each in measures.items()}
