"""The features of `perception.hpss`, of many windows at once on the device that learns; equal to 1e-4 dB.

The running median is that of `perception.hpss.running_median`, which derives it: minima and maxima of whole tensors in
an order that does not depend on the values, some 40 passes instead of a sort of 31 copies.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from perception.hpss import (
    FFT_SIZE,
    FRAME_STEP,
    MEDIAN_WIDTH,
    POWER_FLOOR,
    RANGE_DB,
    TINY,
    WINDOW_SIZE,
    mel_filters,
)

CHUNK_WINDOWS = 64  # windows per pass; their spectra take 0.5 GB


@torch.no_grad()
def harmonic_percussive(audio: Tensor) -> Tensor:
    """(n, samples) float32 at 16 kHz -> (n, 2, 64, 1 + samples // 160) float32 dB in [-80, 0]."""
    with torch.autocast(audio.device.type, enabled=False):
        return torch.cat([_separated(part) for part in audio.split(CHUNK_WINDOWS)])


@torch.no_grad()
def mel_spectrogram(audio: Tensor) -> Tensor:
    """(n, samples) float32 at 16 kHz -> (n, 1, 64, 1 + samples // 160) float32 dB, -100 or more."""
    with torch.autocast(audio.device.type, enabled=False):
        parts = [
            _decibels(_magnitude(part, "reflect")[:, None].square(), htk=True) for part in audio.split(CHUNK_WINDOWS)
        ]
        return torch.cat(parts).transpose(2, 3).contiguous()


def _magnitude(audio: Tensor, ends: str) -> Tensor:
    """(n, samples) -> (n, frames, 513) float32."""
    padded = F.pad(audio.double(), (WINDOW_SIZE // 2, WINDOW_SIZE // 2), ends)
    window = torch.hann_window(WINDOW_SIZE, dtype=torch.float64, device=audio.device)
    return torch.fft.rfft(padded.unfold(1, WINDOW_SIZE, FRAME_STEP) * window, FFT_SIZE).abs().float()


def _decibels(power: Tensor, htk: bool = False) -> Tensor:
    """(..., frames, 513) -> (..., frames, 64) dB."""
    bands = power @ torch.from_numpy(mel_filters(htk)).to(power.device).T
    return 10 * torch.log10(bands.clamp_min(float(POWER_FLOOR)))


def _separated(audio: Tensor) -> Tensor:
    magnitude = _magnitude(audio, "constant")
    harmonic = running_median(magnitude)
    percussive = running_median(magnitude.transpose(1, 2).contiguous()).transpose(1, 2)
    larger = torch.maximum(harmonic, percussive)
    silent = larger < float(TINY)
    divisor = larger.masked_fill(silent, 1)
    a, b = ((part / divisor).masked_fill(silent, 1).square() for part in (harmonic, percussive))
    scale = magnitude / (a + b)
    power = torch.stack([(a * scale).square(), (b * scale).square()], 1)
    decibels = _decibels(power)
    return (decibels - decibels.amax((2, 3), keepdim=True)).clamp_min(-RANGE_DB).transpose(2, 3).contiguous()


def running_median(columns: Tensor) -> Tensor:
    """(n, rows, m) -> the same: down each column, the median of the 31 values around each, the ends mirrored."""
    n, rows, m = columns.shape
    high = (rows + 15) // 16 * 16
    at = (np.arange(high + 32) - 1 - MEDIAN_WIDTH // 2) % (2 * rows)
    mirrored = torch.from_numpy(np.minimum(at, 2 * rows - 1 - at)).to(columns.device)
    runs = [columns[:, mirrored]]  # runs[e]: sorted runs of 2^e values
    for level in range(4):
        pairs = runs[-1].reshape(n, -1, 2, 1 << level, m)
        runs.append(_merged(pairs[:, :, 0], pairs[:, :, 1].flip(2)).reshape(n, high + 32, m))
    middle = runs[4][:, 16 : 16 + high]  # of each 16 windows, the 16 values that all have
    for level in range(3, -1, -1):
        h = 1 << level
        old = middle.reshape(n, -1, 2, h, m)
        groups = runs[level].reshape(n, -1, h, m)
        count = high // (2 * h)
        news = (groups[:, 1::2][:, :count], groups[:, 32 // h :: 2][:, :count])
        halves = [
            _sorted_bitonic(torch.minimum(torch.maximum(old[:, :, 0], new.flip(2)), old[:, :, 1])) for new in news
        ]
        middle = torch.stack(halves, 2)
    return middle.reshape(n, high, m)[:, :rows]


def _merged(rising: Tensor, falling: Tensor) -> Tensor:
    """Two runs (n, groups, h, m) -> (n, groups, 2, h, m): the h lowest of both, then the h highest, both sorted."""
    both = torch.stack([torch.minimum(rising, falling), torch.maximum(rising, falling)], 2)
    return _sorted_bitonic(both.flatten(1, 2)).reshape(both.shape)


def _sorted_bitonic(rows: Tensor) -> Tensor:
    """(n, groups, h, m) -> sorted along h, a power of 2; each column is bitonic."""
    shape, step = rows.shape, rows.shape[2] // 2
    while step:
        low, top = rows.reshape(*shape[:2], -1, 2, step, shape[-1]).unbind(3)
        rows = torch.stack([torch.minimum(low, top), torch.maximum(low, top)], 3)
        step //= 2
    return rows.reshape(shape)
