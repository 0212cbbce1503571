"""A time-keeping embedding beside COCOLA's: what sounds when, every 20 ms, in 32 dimensions. It is ours, not COCOLA's.

COCOLA embeds 5 s as the mean over a map with 15 columns, so its score hardly changes if an answer comes an eighth of a
beat late. Here nothing is averaged before the comparison. e(t) is the embedding of frame t, its mean square over a
window is 1, and two windows x and y agree at lag l by

    c(l) = mean over t of e_x(t)' e_y(t + l)            within [-1, 1] at l = 0

Training (train/fit_coherence.py) raises c(0) of sounds that were played together above c(0) of strangers and above
c(l) of their own at other lags. The network sets the norm of each frame, so uninformative frames can be
left out.

Two inputs: the two mel pictures of `perception.hpss` (harmonic, percussive; a frame each 10 ms) show onsets and their
timbre, and a spectrum of quarter tones, with windows of 256 ms, shows pitch, which 64 mel bands cannot.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor, nn

from perception.hpss import RANGE_DB, SAMPLERATE, CoherenceError

FILE = "time_embedding.safetensors"
FRAME_STEP = 320  # samples, 20 ms
DIM = 32
TONE_WINDOW, TONE_STEP = 4096, 640  # samples
OCTAVES, TONES, LOWEST_HZ = 5, 24, 65.406  # quarter tones from C2 on
TONE_RANGE_DB = 60.0
HIDDEN = 64
DILATIONS = (1, 2, 4, 8, 16, 32)  # frames; the last layer sees 1.26 s on either side


@lru_cache
def tone_filters() -> np.ndarray:
    """(2049, 120) float32 triangles over the bins, of unit area, as wide as two quarter tones or four bins."""
    bins = np.arange(TONE_WINDOW // 2 + 1) * SAMPLERATE / TONE_WINDOW
    centres = LOWEST_HZ * 2 ** (np.arange(OCTAVES * TONES) / TONES)
    half = np.maximum(centres * (2 ** (1 / TONES) - 1), 2 * SAMPLERATE / TONE_WINDOW)
    triangles = np.maximum(0, 1 - np.abs(bins[:, None] - centres) / half)
    return np.asarray(triangles / triangles.sum(0), np.float32)


def tone_spectrum(audio: Tensor) -> Tensor:
    """(n, samples) float32 at 16 kHz -> (n, 120, 1 + samples // 640) in [0, 1]: quarter tones, 60 dB below the loudest.

    Silence is 0 throughout.
    """
    window = torch.hann_window(TONE_WINDOW, device=audio.device)
    padded = F.pad(audio, (TONE_WINDOW // 2, TONE_WINDOW // 2))
    frames = padded.unfold(1, TONE_WINDOW, TONE_STEP) * window
    power = torch.fft.rfft(frames).abs().square()
    bands = power @ torch.from_numpy(tone_filters()).to(audio.device)
    decibels = 10 * torch.log10(bands.clamp_min(1e-10))
    top = decibels.amax((1, 2), keepdim=True)
    levels = ((decibels - top) / TONE_RANGE_DB + 1).clamp_min(0)
    return torch.where(top > -100 + 1e-3, levels, 0).transpose(1, 2)


def _conv2d(inner: int, outer: int, kernel: tuple[int, int], stride: tuple[int, int] = (1, 1)) -> nn.Sequential:
    padding = (kernel[0] // 2, kernel[1] // 2)
    return nn.Sequential(nn.Conv2d(inner, outer, kernel, stride, padding, bias=False), nn.BatchNorm2d(outer), nn.GELU())


class Dilated(nn.Module):
    """A residual layer over frames: (n, 64, frames) -> the same."""

    def __init__(self, dilation: int):
        super().__init__()
        self.wide = nn.Conv1d(HIDDEN, HIDDEN, 3, padding=dilation, dilation=dilation, bias=False)
        self.norm = nn.BatchNorm1d(HIDDEN)
        self.mix = nn.Conv1d(HIDDEN, HIDDEN, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(n, 64, frames) -> the same."""
        result: Tensor = x + self.mix(F.gelu(self.norm(self.wide(x))))
        return result


class TimeEmbedding(nn.Module):
    """The network e. About 200,000 weights."""

    def __init__(self) -> None:
        super().__init__()
        self.strokes = nn.Sequential(  # (n, 2, 64, 501) -> (n, 32, 8, 251)
            _conv2d(2, 16, (5, 3), (2, 2)), _conv2d(16, 24, (5, 3), (2, 1)), _conv2d(24, 32, (5, 3), (2, 1))
        )
        self.stroke = nn.Conv1d(32 * 8, HIDDEN, 1)
        self.tones = nn.Sequential(_conv2d(1, 8, (7, 3)), _conv2d(8, 16, (5, 3)))
        self.folded = _conv2d(16 * OCTAVES, 24, (1, 3))
        self.tone = nn.Conv1d(24 * TONES, HIDDEN, 1)
        self.join = nn.Conv1d(2 * HIDDEN, HIDDEN, 1)
        self.layers = nn.Sequential(*(Dilated(dilation) for dilation in DILATIONS))
        self.out = nn.Conv1d(HIDDEN, DIM, 1)

    def hidden(self, mel: Tensor, tones: Tensor) -> Tensor:
        """As `forward` -> (n, 64, frames), before the last layer."""
        strokes = self.stroke(self.strokes(mel / (RANGE_DB / 2) + 1).flatten(1, 2))
        octaves = self.tones(tones[:, None])
        n, channels, _, columns = octaves.shape
        folded = self.folded(octaves.reshape(n, channels * OCTAVES, TONES, columns))
        held = F.interpolate(self.tone(folded.flatten(1, 2)), strokes.shape[-1], mode="linear", align_corners=True)
        result: Tensor = self.layers(self.join(torch.cat([strokes, held], 1)))
        return result

    def forward(self, mel: Tensor, tones: Tensor) -> Tensor:
        """mel (n, 2, 64, 501) dB, tones (n, 120, 126) -> (n, 251, 32), of mean square length 1 in each window."""
        return self.embed_hidden(self.hidden(mel, tones))

    def embed_hidden(self, hidden: Tensor) -> Tensor:
        """What `hidden` gave -> (n, frames, 32)."""
        embedded = self.out(hidden).float().transpose(1, 2)
        length = embedded.square().sum(2, keepdim=True).mean(1, keepdim=True)
        scaled: Tensor = embedded / (length + 1e-8).sqrt()
        return scaled

    def files(self, dtype: torch.dtype = torch.float16) -> dict[str, bytes]:
        """{name: content} of the file that `load` reads, beside coherence.safetensors; the caller writes it."""
        state = {name: value for name, value in self.state_dict().items() if "num_batches" not in name}
        return {FILE: save({name: value.detach().cpu().to(dtype).contiguous() for name, value in state.items()})}

    @classmethod
    def load(cls, folder: Path | str) -> TimeEmbedding | None:
        """Read the embedding in a folder; None where there is none. CoherenceError with its fault."""
        path = Path(folder) / FILE
        if not path.exists():
            return None
        embedding = cls()
        try:
            report = embedding.load_state_dict({n: v.float() for n, v in load_file(path).items()}, strict=False)
            wrong = [name for name in report.missing_keys + report.unexpected_keys if "num_batches" not in name]
            wrong += [name for name, value in embedding.state_dict().items() if not value.isfinite().all()]
            if wrong:
                raise ValueError(f"weight {wrong[0]} is missing, too many or no number")
        except (OSError, ValueError, RuntimeError, SafetensorError) as error:
            why = " ".join(str(error).split())[:120]
            raise CoherenceError(
                f"'{path}' is no time-keeping embedding ({why}): delete it, or make the model again with: "
                "antiphon train coherence"
            ) from None
        return embedding.eval().requires_grad_(False)


def agreement(inputs: Tensor, outputs: Tensor) -> Tensor:
    """Embeddings (n, frames, 32) and (m, frames, 32) -> c(0) (n, m), of each with each."""
    values: Tensor = inputs.flatten(1) @ outputs.flatten(1).T / inputs.shape[1]
    return values


def agreement_by_lag(inputs: Tensor, outputs: Tensor, most: int) -> Tensor:
    """Embeddings (n, frames, 32) of n pairs -> c(l) (n, 2 most + 1), l = -most to most frames.

    At l > 0 the output is late. Each is a mean over the frames that both have at this lag.
    """
    frames = inputs.shape[1]
    size = 1 << (frames + most - 1).bit_length()
    first, second = (torch.fft.rfft(each.float().transpose(1, 2), size) for each in (inputs, outputs))
    sums = torch.fft.irfft((first.conj() * second).sum(1), size)
    lags = torch.arange(-most, most + 1, device=sums.device)
    values: Tensor = sums[:, lags % size] / (frames - lags.abs())
    return values
