"""COCOLA: a score of how well an output fits an input (Ciranni et al., 2024, §III).

An EfficientNet-B0 embeds 5 s of sound in 512 dimensions, h. The score of an input x and an output y is h(x)ᵀ W h(y),
eq. (2). Training maximises, for each sub-mixture of a song, the score of the other sub-mixture of the same 5 s among
those of a batch, eq. (3). W is not symmetric: the input, what the musician played (`heard`), always comes first, the
output, what the agent played (`spoken`), second.

The score has no unit. `Calibration` gives it a scale, with three words of ours:
- a partner of an input is an output that was played together with it;
- a stranger is an output of other music: the impostor of speaker verification, and all strangers are its cohort;
- the lead of a score is its difference from the mean score of the same input with the strangers.

The harmonic and the percussive score set the other channel of the features to 0, before the network. Each channel is in
dB below its own maximum, so the level of a window changes nothing, and silence looks like a masked channel. A caller
must not score silent windows (`audible`).
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
WINDOW_SAMPLES = int(WINDOW_S * SAMPLERATE)
SHORTEST_WINDOW_SAMPLES = 31 * FRAME_STEP  # 32 frames: the network halves them five times
EMBEDDING_DIM = 512
MODES = ("both", "harmonic", "percussive")
GATE_DB = -50.0  # dBFS RMS; a window below it is silent and is not scored
FORMAT = 2


@dataclass(frozen=True)
class Calibration:
    """Quantiles of the leads of partners and of strangers, for each mode.

    Some inputs score high with any output (chorales more than pop), so raw scores of different inputs cannot be
    compared. The lead is the zero normalisation of speaker verification, (s - mean) / sd over a cohort of impostors
    (Auckenthaler, Carey & Lloyd-Thomas, "Score normalization for text-independent speaker verification systems", 2000),
    without the division by sd, which changed little. The score is linear in h(y), so the mean score of x with the
    cohort is the score of x with the mean embedding of the cohort: one vector is stored instead of the cohort.

    true, shuffled: mode -> quantiles of the leads of partners and of strangers, increasing, at probabilities evenly
    spaced from 0 to 1. source: the music measured. pairs: number of true pairs. strangers: mode -> (512,) mean
    embedding of the cohort; empty in old models, whose quantiles are of scores. CoherenceError if they are no numbers
    or modes are missing.
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
        for mode, embedding in self.strangers.items():
            if np.shape(embedding) != (EMBEDDING_DIM,) or not np.isfinite(embedding).all():
                raise CoherenceError(f"its strangers for '{mode}' are not {EMBEDDING_DIM} numbers")

    def position(self, lead: float | np.ndarray, mode: str = "both") -> np.ndarray:
        """Positions in [0, 1] of leads, of any shape: 0 at the median of strangers or below, 1 at that of partners.

        Linear between the two, NaN where the lead is NaN. 0.5 if the median of partners is not above that of strangers.
        """
        low, high = float(np.median(self.shuffled[mode])), float(np.median(self.true[mode]))
        lead = np.asarray(lead, np.float64)
        return np.clip((lead - low) / (high - low), 0, 1) if low < high else np.where(np.isnan(lead), np.nan, 0.5)


class CoherenceScores(NamedTuple):
    """Of one pair of windows: {mode: score}, and {mode: position in [0, 1]}, None without a calibration."""

    scores: dict[str, float]
    positions: dict[str, float] | None


class Coherence(nn.Module):
    """The network h and the matrix W.

    separated: the features are two channels, harmonic and percussive; else one mel spectrogram.
    dropout: share of the 1280 features of the encoder that training sets to 0.
    """

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
        """The modes in which this model scores: all of MODES, or "both" alone."""
        return MODES if self.separated else MODES[:1]

    def features(self, audio: np.ndarray, pool: ThreadPoolExecutor | None = None) -> Tensor:
        """(n,) float32 mono at 16 kHz -> (channels, 64, 1 + n // 160) float32."""
        return torch.from_numpy(harmonic_percussive(audio, pool) if self.separated else mel_spectrogram(audio))

    def forward(self, features: Tensor) -> Tensor:
        """(n, channels, 64, frames) -> (n, 512) embeddings in (-1, 1)."""
        return self.project_features(self.encoder(features))

    def project_features(self, encoded: Tensor) -> Tensor:
        """Output of the encoder (n, 1280) -> (n, 512) embeddings in (-1, 1)."""
        return torch.tanh(self.norm(self.project(self.dropout(encoded))))

    def similarities(self, inputs: Tensor, outputs: Tensor) -> Tensor:
        """Embeddings (n, 512) and (m, 512) -> scores (n, m)."""
        return inputs @ self.similarity @ outputs.T

    @torch.inference_mode()
    def embed(self, windows: list[np.ndarray], mode: str = "both") -> Tensor:
        """Windows (n,) float32 at 16 kHz, all of one length -> (windows, 512). CoherenceError if they differ."""
        embeddings: Tensor = self(mask_channel(self._features_of(windows), mode))
        return embeddings

    @torch.inference_mode()
    def embed_modes(self, windows: list[np.ndarray]) -> tuple[dict[str, Tensor], Tensor]:
        """Windows as in `embed` -> {mode: (windows, 512)} and their features (windows, channels, 64, frames)."""
        features = self._features_of(windows)
        return {mode: self(mask_channel(features, mode)) for mode in self.modes}, features

    @torch.inference_mode()
    def leads(self, scores: Tensor, inputs: Tensor, mode: str) -> Tensor:
        """Leads of scores (n, ...) of inputs with embeddings (n, 512); the scores themselves without a cohort."""
        strangers = self.calibration.strangers.get(mode) if self.calibration else None
        if strangers is None:
            return scores
        cohort_mean = self.similarities(inputs, torch.tensor(strangers, dtype=inputs.dtype)[None])
        return scores - cohort_mean.reshape(-1, *[1] * (scores.ndim - 1))

    def positions(self, scores: Tensor, inputs: Tensor, mode: str) -> np.ndarray:
        """Positions in [0, 1] of scores (n, ...) of inputs with embeddings (n, 512); there must be a calibration."""
        assert self.calibration is not None
        return self.calibration.position(self.leads(scores, inputs, mode).numpy(), mode)

    def score(self, heard: np.ndarray, spoken: np.ndarray, pool: ThreadPoolExecutor | None = None) -> dict[str, float]:
        """{mode: score} of two windows, see `compare`."""
        return self.compare(heard, spoken, pool).scores

    @torch.inference_mode()
    def compare(self, heard: np.ndarray, spoken: np.ndarray, pool: ThreadPoolExecutor | None = None) -> CoherenceScores:
        """Scores and positions of an input and an output, (n,) float32 at 16 kHz each; the models were trained on 5 s.

        CoherenceError if they differ in length, are shorter than 0.31 s or hold NaN or Inf.
        """
        features = self._features_of([heard, spoken], pool)
        all_modes = torch.cat([mask_channel(features, mode) for mode in self.modes])
        inputs, outputs = self(all_modes).reshape(len(self.modes), 2, EMBEDDING_DIM).unbind(1)
        return self.compare_embeddings({m: (inputs[n][None], outputs[n][None]) for n, m in enumerate(self.modes)})[0]

    @torch.inference_mode()
    def compare_embeddings(self, embeddings: dict[str, tuple[Tensor, Tensor]]) -> list[CoherenceScores]:
        """Scores and positions of n pairs. embeddings: mode -> of the inputs and of the outputs, (n, 512) each."""
        scores = {mode: ((x @ self.similarity) * y).sum(1) for mode, (x, y) in embeddings.items()}
        positions = {m: self.positions(scores[m], embeddings[m][0], m) for m in scores if self.calibration}
        return [
            CoherenceScores(
                {m: float(values[n]) for m, values in scores.items()},
                {m: float(values[n]) for m, values in positions.items()} or None,
            )
            for n in range(len(next(iter(scores.values()))))
        ]

    def _features_of(self, windows: list[np.ndarray], pool: ThreadPoolExecutor | None = None) -> Tensor:
        """`features` of windows of one length, (windows, channels, 64, frames). CoherenceError if they differ."""
        lengths = sorted({len(window) for window in windows})
        if len(lengths) != 1 or lengths[0] < SHORTEST_WINDOW_SAMPLES:
            raise CoherenceError(
                f"windows of {' and '.join(map(str, lengths)) or 'no'} samples cannot be compared: "
                f"give windows of one length, of {SHORTEST_WINDOW_SAMPLES} samples (0.31 s) or more"
            )
        return torch.stack([self.features(window, pool) for window in windows]).to(self.similarity.dtype)

    def fuse(self) -> Coherence:
        """Merge each batch normalisation into the convolution before it, in place; training is impossible afterwards.

        Weights are stored channels last, for which oneDNN's convolutions are a sixth faster.
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
        """Read a folder with coherence.json and coherence.safetensors. CoherenceError with its fault."""
        folder = Path(folder)
        try:
            header = json.loads((folder / "coherence.json").read_text())
            if header["format"] not in (1, FORMAT):  # 1 had no strangers
                raise ValueError(f"format {header['format']}, this Antiphon reads {FORMAT}")
            model = cls(bool(header["separated"]))
            model.load_weights(load_file(folder / "coherence.safetensors"))
            calibration = header.get("calibration")
            model.calibration = Calibration(**calibration) if calibration else None
            model.source = str(header.get("source", ""))
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
        """Load weights (name -> value), all of them and no others; ValueError or RuntimeError for others."""
        report = self.load_state_dict({name: value.float() for name, value in weights.items()}, strict=False)
        wrong = [name for name in report.missing_keys + report.unexpected_keys if "num_batches" not in name]
        wrong += [name for name, value in self.state_dict().items() if not value.isfinite().all()]
        if wrong:
            raise ValueError(f"weight {wrong[0]} is missing, too many or no number")

    def files(self, dtype: torch.dtype = torch.float16) -> dict[str, bytes]:
        """{name: content} of the files that `load` reads; the caller writes them.

        dtype: of the weights; float16 changes scores of the embedded model, of about 40, by up to 0.014. ValueError if
        the model has been fused.
        """
        state = {name: value for name, value in self.state_dict().items() if "num_batches" not in name}
        if "encoder.stem.0.bias" in state:
            raise ValueError("a fused model cannot be kept: load it with fuse=False")
        calibration = asdict(self.calibration) if self.calibration else None
        header = {"format": FORMAT, "separated": self.separated, "source": self.source, "calibration": calibration}
        weights = save({name: value.to(dtype).contiguous() for name, value in state.items()})
        return {"coherence.safetensors": weights, "coherence.json": (json.dumps(header) + "\n").encode()}


def mask_channel(features: Tensor, mode: str) -> Tensor:
    """Copy of features (n, channels, 64, frames) whose channel not named by `mode` is 0, as in training; "both": as is.

    ValueError: another mode, or "harmonic" or "percussive" without two channels.
    """
    if mode == "both":
        return features
    if mode not in MODES or features.shape[1] != 2:
        raise ValueError(f"mode {mode!r}: expected one of {', '.join(MODES)}, the last two with two channels")
    masked = features.clone()
    masked[:, 1 if mode == "harmonic" else 0] = 0
    return masked


def audible(window: np.ndarray, gate_db: float = GATE_DB) -> bool:
    """Whether a window (n,) can be scored: its RMS is above gate_db (dBFS) and no sample is NaN or Inf."""
    return bool(gate_db < level_db(window) < np.inf)
