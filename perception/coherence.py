"""COCOLA: how well an answer fits what it answers (Ciranni et al., 2024, §III).

An EfficientNet-B0 places 5 s of sound in 512 dimensions; the score of an input x and an output y is h(x)ᵀ W h(y), eq.
(2), learned by finding for each sub-mixture of a song the other one of the same 5 s, eq. (3). W is not symmetric: the
input, what the musician played, always comes first. The score has no unit and no scale: `Calibration` says where it
lies between pairs that were played together and pairs that were not, measured against what that input scores anyway.

The harmonic and the percussive score mask the other channel of the features, not of what the network makes of them.
Level is invisible, each channel being measured against its own maximum, and silence looks like a masked channel: who
scores silence must gate it (`audible`).
"""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_weights

from perception.efficientnet import FEATURE_DIM, Conv, EfficientNet
from perception.hpss import FRAME_STEP, harmonic_percussive, mel_spectrogram
from perception.hpss import SAMPLERATE as SAMPLERATE
from perception.hpss import CoherenceError as CoherenceError
from perception.level import level_db

WINDOW_S = 5.0
WINDOW_SAMPLES = int(WINDOW_S * SAMPLERATE)  # of a window
SHORTEST_WINDOW_SAMPLES = 31 * FRAME_STEP  # samples of a window whose picture can be halved five times
EMBEDDING_DIM = 512
MODES = ("both", "harmonic", "percussive")
GATE_DB = -50.0  # dBFS, RMS of a window below which there is nothing to score
FORMAT = 2


@dataclass(frozen=True)
class Calibration:
    """Leads of pairs that were played together and of the same windows shuffled, per mode: their quantiles.

    A lead is what a score is above the mean score of its input with strangers. Some inputs score high with anything
    (chorales do, beside pop), so the score itself tells the kind of music before it tells the fit. It is the zero
    normalization of speaker verification (Auckenthaler et al., 2000) without its variance, which changed little.

    true, shuffled: mode -> increasing quantiles, evenly spaced from 0 to 1. source: what music. pairs: how many.
    strangers: mode -> (512,) mean place of the outputs that inputs were shuffled with; without it scores are the leads.
    """

    true: dict[str, list[float]]
    shuffled: dict[str, list[float]]
    source: str
    pairs: int
    strangers: dict[str, list[float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if (
            not isinstance(self.true, dict)
            or not isinstance(self.shuffled, dict)
            or not isinstance(self.strangers, dict)
            or set(self.true) != set(self.shuffled)
            or (self.strangers and set(self.strangers) != set(self.true))
        ):
            raise CoherenceError("its calibration lacks the scores of true or of shuffled pairs, or strangers")
        for mode, quantiles in [*self.true.items(), *self.shuffled.items()]:
            scores = np.asarray(quantiles, np.float64)
            if scores.ndim != 1 or not scores.size or not np.isfinite(scores).all():
                raise CoherenceError(f"its calibration for '{mode}' is no list of numbers")
        for mode, place in self.strangers.items():
            if np.shape(place) != (EMBEDDING_DIM,) or not np.isfinite(place).all():
                raise CoherenceError(f"its strangers for '{mode}' are not {EMBEDDING_DIM} numbers")

    def position(self, lead: float | np.ndarray, mode: str = "both") -> np.ndarray:
        """0: no better than the median of strangers, 1: as good as the median of partners, a line between them.

        Of any shape, and NaN where the lead is. 0.5 where partners do not lead strangers: that tells nothing.
        """
        low, high = float(np.median(self.shuffled[mode])), float(np.median(self.true[mode]))
        lead = np.asarray(lead, np.float64)
        return np.clip((lead - low) / (high - low), 0, 1) if low < high else np.where(np.isnan(lead), np.nan, 0.5)


class CoherenceScores(NamedTuple):
    """How well one window fits another: {mode: score}, and {mode: position} where there is a calibration."""

    scores: dict[str, float]
    positions: dict[str, float] | None


class Coherence(nn.Module):
    """What was learned. separated: hears harmonic and percussive parts in two channels, else one plain mel picture."""

    def __init__(self, separated: bool = True, dropout: float = 0.1):
        super().__init__()
        self.separated = separated
        self.encoder = EfficientNet(2 if separated else 1)
        self.dropout = nn.Dropout(dropout)
        self.project: nn.Module = nn.Linear(FEATURE_DIM, EMBEDDING_DIM)
        self.norm = nn.LayerNorm(EMBEDDING_DIM)
        self.similarity = nn.Parameter(torch.empty(EMBEDDING_DIM, EMBEDDING_DIM).normal_(0, 0.05))

    calibration: Calibration | None = None
    source: str = ""

    @property
    def modes(self) -> tuple[str, ...]:
        """The scores this model can give."""
        return MODES if self.separated else MODES[:1]

    def features(self, audio: np.ndarray, pool: ThreadPoolExecutor | None = None) -> Tensor:
        """(n,) float32 mono at 16 kHz -> (channels, 64, 1 + n // 160) float32."""
        return torch.from_numpy(harmonic_percussive(audio, pool) if self.separated else mel_spectrogram(audio))

    def forward(self, features: Tensor) -> Tensor:
        """(n, channels, 64, frames) -> (n, 512) embeddings in (-1, 1)."""
        return self.project_features(self.encoder(features))

    def project_features(self, found: Tensor) -> Tensor:
        """What the encoder found, (n, 1280) -> (n, 512) embeddings in (-1, 1)."""
        return torch.tanh(self.norm(self.project(self.dropout(found))))

    def similarities(self, inputs: Tensor, outputs: Tensor) -> Tensor:
        """Embeddings (n, 512) and (m, 512) -> scores (n, m)."""
        return inputs @ self.similarity @ outputs.T

    @torch.inference_mode()
    def embed(self, windows: list[np.ndarray], mode: str = "both") -> Tensor:
        """Windows (n,) float32 at 16 kHz, all of one length -> (windows, 512). CoherenceError if they are not."""
        embeddings: Tensor = self(mask_channel(self._pictures(windows), mode))
        return embeddings

    @torch.inference_mode()
    def leads(self, scores: Tensor, inputs: Tensor, mode: str) -> Tensor:
        """Scores (n, ...) of inputs placed at (n, 512), less what these score with the calibration's strangers."""
        strangers = self.calibration.strangers.get(mode) if self.calibration else None
        if strangers is None:
            return scores
        usual = self.similarities(inputs, torch.tensor(strangers, dtype=inputs.dtype)[None])
        return scores - usual.reshape(-1, *[1] * (scores.ndim - 1))

    def positions(self, scores: Tensor, inputs: Tensor, mode: str) -> np.ndarray:
        """Scores (n, ...) of inputs placed at (n, 512) -> where the calibration, which there must be, has them."""
        assert self.calibration is not None
        return self.calibration.position(self.leads(scores, inputs, mode).numpy(), mode)

    def score(self, heard: np.ndarray, spoken: np.ndarray, pool: ThreadPoolExecutor | None = None) -> dict[str, float]:
        """The scores of two windows, {"both", "harmonic", "percussive"} or {"both"}: see `compare`."""
        return self.compare(heard, spoken, pool).scores

    @torch.inference_mode()
    def compare(self, heard: np.ndarray, spoken: np.ndarray, pool: ThreadPoolExecutor | None = None) -> CoherenceScores:
        """How well one window answers another; 5 s is what was learned.

        CoherenceError if they differ in length, are shorter than 0.31 s or hold what is no number.
        """
        pictures = self._pictures([heard, spoken], pool)
        every = torch.cat([mask_channel(pictures, mode) for mode in self.modes])
        inputs, outputs = self(every).reshape(len(self.modes), 2, EMBEDDING_DIM).unbind(1)
        return self.compare_embeddings({m: (inputs[n][None], outputs[n][None]) for n, m in enumerate(self.modes)})[0]

    @torch.inference_mode()
    def compare_embeddings(self, placed: dict[str, tuple[Tensor, Tensor]]) -> list[CoherenceScores]:
        """Of n pairs, given where each mode places their inputs and their outputs, (n, 512) each."""
        scores = {mode: ((x @ self.similarity) * y).sum(1) for mode, (x, y) in placed.items()}
        where = {mode: self.positions(scores[mode], placed[mode][0], mode) for mode in scores if self.calibration}
        return [
            CoherenceScores(
                {m: float(of[n]) for m, of in scores.items()}, {m: float(of[n]) for m, of in where.items()} or None
            )
            for n in range(len(next(iter(scores.values()))))
        ]

    def _pictures(self, windows: list[np.ndarray], pool: ThreadPoolExecutor | None = None) -> Tensor:
        lengths = sorted({len(window) for window in windows})
        if len(lengths) != 1 or lengths[0] < SHORTEST_WINDOW_SAMPLES:
            raise CoherenceError(
                f"windows of {' and '.join(map(str, lengths)) or 'no'} samples cannot be compared: "
                f"give windows of one length, of {SHORTEST_WINDOW_SAMPLES} samples (0.31 s) or more"
            )
        return torch.stack([self.features(window, pool) for window in windows]).to(self.similarity.dtype)

    def fuse(self) -> Coherence:
        """For playing: normalizations become part of the convolutions before them. Cannot be trained any more.

        Channels last in memory: oneDNN's convolutions are a sixth faster for it.
        """
        self.eval()
        for module in self.encoder.modules():
            for (_, conv), (name, norm) in pairwise(list(module.named_children())):
                if isinstance(conv, Conv) and isinstance(norm, nn.BatchNorm2d):
                    assert norm.running_mean is not None and norm.running_var is not None
                    weight, conv.bias = fuse_conv_bn_weights(
                        conv.weight, conv.bias, norm.running_mean, norm.running_var, norm.eps, norm.weight, norm.bias
                    )
                    conv.weight = nn.Parameter(weight.to(memory_format=torch.channels_last))
                    setattr(module, name, nn.Identity())
        return self.requires_grad_(False)

    @classmethod
    def load(cls, folder: Path | str, fuse: bool = True) -> Coherence:
        """From a folder with coherence.json and coherence.safetensors. CoherenceError says what is wrong with it."""
        folder = Path(folder)
        try:
            about = json.loads((folder / "coherence.json").read_text())
            if about["format"] not in (1, FORMAT):  # 1 had no strangers
                raise ValueError(f"format {about['format']}, this Antiphon reads {FORMAT}")
            model = cls(bool(about["separated"]))
            model.load_weights(load_file(folder / "coherence.safetensors"))
            held = about.get("calibration")
            model.calibration, model.source = Calibration(**held) if held else None, str(about.get("source", ""))
            if model.calibration and not set(model.modes) <= set(model.calibration.true):
                raise KeyError("its calibration lacks a mode")
        except (OSError, ValueError, KeyError, TypeError, RuntimeError, AttributeError, SafetensorError) as error:
            why = " ".join(str(error).split())[:120]
            raise CoherenceError(
                f"'{folder}' is no coherence model ({why}): give a folder with coherence.json, "
                "or make one with: antiphon train coherence"
            ) from None
        model.eval()
        return model.fuse() if fuse else model

    def load_weights(self, weights: dict[str, Tensor]) -> None:
        """Load weights (name -> value), all of them and no others; ValueError or RuntimeError says what is wrong."""
        found = self.load_state_dict({name: value.float() for name, value in weights.items()}, strict=False)
        wrong = [name for name in found.missing_keys + found.unexpected_keys if "num_batches" not in name]
        wrong += [name for name, value in self.state_dict().items() if not value.isfinite().all()]
        if wrong:
            raise ValueError(f"weight {wrong[0]} is missing, too many or no number")

    def files(self, dtype: torch.dtype = torch.float16) -> dict[str, bytes]:
        """What `load` reads: name -> content. To be written atomically by who knows the disk.

        dtype: of the weights; float16 changed scores of the embedded model by up to 0.014 of 40. ValueError once fused.
        """
        state = {name: value for name, value in self.state_dict().items() if "num_batches" not in name}
        if "encoder.stem.0.bias" in state:
            raise ValueError("a fused model cannot be kept: load it with fuse=False")
        held = asdict(self.calibration) if self.calibration else None
        about = {"format": FORMAT, "separated": self.separated, "source": self.source, "calibration": held}
        weights = save({name: value.to(dtype).contiguous() for name, value in state.items()})
        return {"coherence.safetensors": weights, "coherence.json": (json.dumps(about) + "\n").encode()}


def mask_channel(features: Tensor, mode: str) -> Tensor:
    """(n, channels, 64, frames) with the channel that `mode` does not name set to 0, as in training; "both": as is."""
    if mode == "both":
        return features
    if mode not in MODES or features.shape[1] != 2:
        raise ValueError(f"mode {mode!r}: expected one of {', '.join(MODES)}, the last two with two channels")
    found = features.clone()
    found[:, 1 if mode == "harmonic" else 0] = 0
    return found


def audible(window: np.ndarray, gate_db: float = GATE_DB) -> bool:
    """Whether there is something to score in a window (n,): its level is above the gate, and it is all numbers."""
    return bool(gate_db < level_db(window) < np.inf)
