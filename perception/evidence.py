"""Measures beside COCOLA that two windows were played together: time-keeping, harmony, onsets; and their sum.

For each pair of windows of 5 s there are six measures:

- cocola: the lead of COCOLA's score;
- time: c(0) of the time-keeping embedding; time ahead: its difference from the highest c(l), l being 60 ms to 1 s;
- harmony: mean cosine of centred chroma, per half second in which both sound; harmony ahead: its difference from the
  mean over displacements of 1 s or more;
- onsets: correlation of onset strengths at a lag of 10 ms at most, in standard deviations of all lags up to 2 s.

The last four need no training of ours. `Joined` is a weighted sum of them, fitted by logistic regression on songs that
neither network has learned from; the position of a pair is that of this sum between strangers and partners.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from perception.coherence import Coherence, CoherenceError, CoherenceScores
from perception.hpss import SAMPLERATE
from perception.time_embedding import (
    OCTAVES,
    TONE_RANGE_DB,
    TONE_STEP,
    TONES,
    TimeEmbedding,
    agreement_by_lag,
    tone_spectrum,
)

MEASURES = ("cocola", "time", "time ahead", "harmony", "harmony ahead", "onsets")
FILE = "evidence.json"
FORMAT = 1
LAGS = (3, 50)  # frames of 20 ms
ONSET_LAG, ONSET_LAGS = 1, 200  # frames of 10 ms
DISPLACED = 2  # half seconds, from which on a harmony is of another moment
ONSET_RISE = 2  # frames over which a band rises
HALF_SAMPLES = SAMPLERATE // 2
GATE_DB = -45.0  # dBFS; a half second that is quieter has no harmony
QUANTILES = 33


class Traces(NamedTuple):
    """Descriptors of n windows, from which pairs of them are measured.

    cocola (n, 512); time (n, frames, 32); chroma (n, half seconds, 12), 0 where nothing sounds; onsets (n, frames),
    of mean 0 and length 1.
    """

    cocola: Tensor
    time: Tensor
    chroma: Tensor
    onsets: Tensor

    def at(self, index: Tensor | slice) -> Traces:
        """Those of some windows."""
        return Traces(*(each[index] for each in self))


@dataclass(frozen=True)
class Joined:
    """A weighted sum of measures. weights: measure -> weight. true, shuffled: quantiles of the sums of partners and of
    strangers, increasing. source: the music it was fitted on. CoherenceError if they are no numbers."""

    weights: dict[str, float]
    true: list[float]
    shuffled: list[float]
    source: str = ""

    def __post_init__(self) -> None:
        values = [*self.weights.values(), *self.true, *self.shuffled]
        if set(self.weights) != set(MEASURES) or not self.true or not self.shuffled or not np.isfinite(values).all():
            raise CoherenceError(f"the weights of its measures are not those of {', '.join(MEASURES)}")

    def sums(self, measures: Tensor) -> Tensor:
        """(..., 6) measures -> (...)."""
        return measures @ torch.tensor([self.weights[name] for name in MEASURES])

    def positions(self, measures: Tensor) -> np.ndarray:
        """(..., 6) -> (...) in [0, 1]: 0 at the median of strangers or below, 1 at that of partners or above."""
        low, high = float(np.median(self.shuffled)), float(np.median(self.true))
        sums = self.sums(measures).numpy().astype(np.float64)
        return np.clip((sums - low) / (high - low), 0, 1) if low < high else np.full(sums.shape, 0.5)


class EvidenceMeter:
    """COCOLA, the time-keeping embedding beside it, and what joins them.

    time, joined: None in folders that have none; then nothing is measured beside COCOLA.
    """

    def __init__(self, coherence: Coherence, time: TimeEmbedding | None, joined: Joined | None = None):
        self.coherence, self.time, self.joined = coherence, time, joined

    @classmethod
    def load(cls, folder: Path | str) -> EvidenceMeter:
        """Read a folder of a coherence model, of any version. CoherenceError with its fault."""
        coherence = Coherence.load(folder)
        time = TimeEmbedding.load(folder) if coherence.separated else None  # which hears both parts
        return cls(coherence, time, load_joined(folder) if time else None)

    @torch.inference_mode()
    def traces(self, windows: Sequence[np.ndarray]) -> Traces:
        """Of windows (80000,) float32 at 16 kHz, with the time-keeping embedding."""
        features = torch.stack([self.coherence.features(window) for window in windows])
        return self._traces(windows, self.coherence(features), features)

    def _traces(self, windows: Sequence[np.ndarray], embeddings: Tensor, features: Tensor) -> Traces:
        assert self.time is not None
        audio = torch.from_numpy(np.stack(windows))
        tones = tone_spectrum(audio)
        return Traces(embeddings, self.time(features, tones), chroma_of(tones, audio), onsets_of(features))

    @torch.inference_mode()
    def measure(self, inputs: Traces, outputs: Traces) -> Tensor:
        """Measures (n, 6) of n pairs, in the order of MEASURES."""
        scores = ((inputs.cocola @ self.coherence.similarity) * outputs.cocola).sum(1)
        leads = self.coherence.leads(scores, inputs.cocola, "both")
        columns = [leads, *_time(inputs.time, outputs.time), *_harmony(inputs.chroma, outputs.chroma)]
        return torch.stack([*columns, _onsets(inputs.onsets, outputs.onsets)], 1)

    @torch.inference_mode()
    def measure_all(self, inputs: Traces, outputs: Traces) -> Tensor:
        """Measures (n, m, 6) of each input with each output."""
        count = len(outputs.cocola)
        rows = [self.measure(inputs.at(torch.full((count,), n)), outputs) for n in range(len(inputs.cocola))]
        return torch.stack(rows)

    def compare(self, heard: np.ndarray, spoken: np.ndarray) -> CoherenceScores:
        """COCOLA's scores of two windows, and positions; that of "both" by all measures, if they are joined."""
        return self.compare_pairs([(heard, spoken)])[0]

    @torch.inference_mode()
    def compare_pairs(self, pairs: Sequence[tuple[np.ndarray, np.ndarray]]) -> list[CoherenceScores]:
        """As `compare`, of several pairs (heard, spoken), all windows of one length."""
        windows = [sound for side in (0, 1) for sound in (pair[side] for pair in pairs)]
        embeddings, features = self.coherence.embed_modes(windows)
        halves = {mode: tuple(each.chunk(2)) for mode, each in embeddings.items()}
        scores = self.coherence.compare_embeddings({mode: (x, y) for mode, (x, y) in halves.items()})
        if self.joined is None or self.time is None or self.coherence.calibration is None:
            return scores
        traces = self._traces(windows, embeddings["both"], features)
        positions = self.joined.positions(
            self.measure(traces.at(slice(len(pairs))), traces.at(slice(len(pairs), None)))
        )
        return [
            CoherenceScores(each.scores, (each.positions or {}) | {"both": float(position)})
            for each, position in zip(scores, positions, strict=True)
        ]


def chroma_of(tones: Tensor, audio: Tensor) -> Tensor:
    """Quarter tones (n, 120, frames) of sounds (n, samples) -> centred chroma (n, half seconds, 12) of length 1.

    Zeros where a half second is below the gate. The strongest class of each frame counts 1.
    """
    magnitude = 10 ** (TONE_RANGE_DB / 20 * (tones - 1)) * (tones > 0)
    folded = magnitude.reshape(len(tones), OCTAVES, TONES, -1).sum(1)  # (n, 24, frames)
    classes = folded[:, ::2] + (folded[:, 1::2] + folded[:, 1::2].roll(1, 1)) / 2
    classes = classes / classes.amax(1, keepdim=True).clamp_min(1e-9)
    halves = audio.shape[1] // HALF_SAMPLES
    edges = [round(n * HALF_SAMPLES / TONE_STEP) for n in range(halves + 1)]
    means = torch.stack([classes[:, :, low:high].mean(2) for low, high in pairwise(edges)], 1)
    sounding = audio[:, : halves * HALF_SAMPLES].reshape(len(audio), halves, -1).square().mean(2) > 10 ** (GATE_DB / 10)
    centred = means - means.mean(2, keepdim=True)
    chroma: Tensor = centred / centred.norm(dim=2, keepdim=True).clamp_min(1e-9) * sounding[..., None]
    return chroma


def onsets_of(mel: Tensor) -> Tensor:
    """Mel pictures (n, 2, 64, frames) dB -> onset strengths (n, frames), how much bands rise, of length 1."""
    rise = (mel[..., ONSET_RISE:] - mel[..., :-ONSET_RISE]).clamp_min(0).mean((1, 2))
    rise = rise - rise.mean(1, keepdim=True)
    return F.pad(rise / rise.norm(dim=1, keepdim=True).clamp_min(1e-9), (ONSET_RISE, 0))


def _time(inputs: Tensor, outputs: Tensor) -> tuple[Tensor, Tensor]:
    nearest, farthest = LAGS
    by_lag = agreement_by_lag(inputs, outputs, farthest)
    here = by_lag[:, farthest]
    elsewhere = torch.cat([by_lag[:, : farthest - nearest + 1], by_lag[:, farthest + nearest :]], 1)
    return here, here - elsewhere.amax(1)


def _harmony(inputs: Tensor, outputs: Tensor) -> tuple[Tensor, Tensor]:
    table = inputs @ outputs.transpose(1, 2)
    sounds = (inputs.abs().sum(2) > 0)[:, :, None] & (outputs.abs().sum(2) > 0)[:, None]
    places = torch.arange(table.shape[1])
    apart = (places[:, None] - places).abs()
    here, elsewhere = (
        (table * kept).sum((1, 2)) / (sounds & kept).sum((1, 2)).clamp_min(1)
        for kept in (apart == 0, apart >= DISPLACED)
    )
    return here, here - elsewhere


def _onsets(inputs: Tensor, outputs: Tensor) -> Tensor:
    size = 1 << (inputs.shape[1] + ONSET_LAGS).bit_length()
    first, second = torch.fft.rfft(inputs, size), torch.fft.rfft(outputs, size)
    lags = torch.arange(-ONSET_LAGS, ONSET_LAGS + 1)
    by_lag = torch.fft.irfft(first.conj() * second, size)[:, lags % size]
    here = by_lag[:, (lags.abs() <= ONSET_LAG)].amax(1)
    deviations: Tensor = (here - by_lag.mean(1)) / (by_lag.std(1) + 1e-6)
    return deviations


def load_joined(folder: Path | str) -> Joined | None:
    """What joins the measures in a folder of a coherence model; None where there is none. CoherenceError."""
    path = Path(folder) / FILE
    if not path.exists():
        return None
    try:
        held = json.loads(path.read_text(encoding="utf-8"))
        if held.pop("format") != FORMAT:
            raise ValueError(f"another format, this Antiphon reads {FORMAT}")
        return Joined(**held)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        why = " ".join(str(error).split())[:120]
        raise CoherenceError(
            f"'{path}' does not say how measures are joined ({why}): delete it, or make the model again with: "
            "antiphon train coherence"
        ) from None


def joined_file(joined: Joined) -> dict[str, bytes]:
    """{name: content} of the file that `load_joined` reads; the caller writes it."""
    return {FILE: (json.dumps({"format": FORMAT} | asdict(joined)) + "\n").encode()}


def join(true: np.ndarray, wrong: np.ndarray, weight: np.ndarray, source: str = "", ridge: float = 1e-2) -> Joined:
    """Fit a sum of measures by logistic regression, with weights of 0 or more.

    true (n, 6), wrong (m, 6) measures of partners and of pairs that do not belong; weight (m,) of each of the latter,
    those of the partners being 1. A measure that does not help where it is higher gets 0. ridge: of the squared
    weights, of measures divided by their deviation.
    """
    x = torch.from_numpy(np.concatenate([true, wrong])).double()
    y = torch.cat([torch.ones(len(true)), torch.zeros(len(wrong))]).double()
    share = torch.cat([torch.full((len(true),), 1 / len(true)), torch.from_numpy(weight / weight.sum())]).double() / 2
    mean, deviation = x.mean(0), x.std(0) + 1e-9
    scaled = (x - mean) / deviation
    raw, bias = torch.full((x.shape[1],), 0.5, dtype=torch.float64), torch.zeros((), dtype=torch.float64)
    raw.requires_grad_(), bias.requires_grad_()
    optimizer = torch.optim.LBFGS([raw, bias], max_iter=300, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimizer.zero_grad()
        weights = raw.square()
        logits = scaled @ weights + bias
        value = (share * torch.nn.functional.binary_cross_entropy_with_logits(logits, y, reduction="none")).sum()
        value = value + ridge * weights.square().sum() / 2
        value.backward()  # type: ignore[no-untyped-call]
        return value

    optimizer.step(loss)  # type: ignore[no-untyped-call]
    weights = (raw.detach().square() / deviation).float()
    places = np.linspace(0, 1, QUANTILES)
    sums = [np.quantile((torch.from_numpy(each).float() @ weights).numpy(), places) for each in (true, wrong)]
    return Joined(dict(zip(MEASURES, weights.tolist(), strict=True)), sums[0].tolist(), sums[1].tolist(), source)
