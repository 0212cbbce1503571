"""What COCOLA hears: 5 s of sound as two mel spectrograms, what sustains and what strikes.

STFT of 1024 points (Hann window of 400 samples, one frame each 160, centred, zeros beyond the ends) at 16 kHz; harmonic
and percussive parts by medians over 31 frames and 31 bins and soft masks of power 2 (FitzGerald, 2010); 64 Slaney mel
bands from 60 to 7800 Hz; dB below each part's own maximum, at most 80. The same numbers as librosa's `decompose.hpss`,
`melspectrogram` and `power_to_db` give, on which the official checkpoints were trained, without its cost.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from perception.compiled import compiled

SAMPLERATE = 16000
FFT_SIZE, WINDOW_SIZE, FRAME_STEP = 1024, 400, 160  # samples
MEL_BANDS, MEL_LOW_HZ, MEL_HIGH_HZ = 64, 60.0, 7800.0  # Hz
MEDIAN_WIDTH = 31  # frames, and bins, of a median
TILE, LANES = 528, 64  # rows and columns at a time: what fits a processor's cache, and 5 s in one piece
RANGE_DB = 80.0  # dB that are kept below the maximum
POWER_FLOOR = np.float32(1e-10)  # power, what silence is taken for
TINY = np.float32(1.1754944e-38)  # magnitude below which both medians count as nothing: the least normal float32
MAX_AMPLITUDE = 1e15  # sample; the power of a sound beyond it would be no float32


class CoherenceError(ValueError):
    """A coherence model, or sound to be scored, that cannot be used, told in the user's words."""


def harmonic_percussive(audio: np.ndarray, pool: ThreadPoolExecutor | None = None) -> np.ndarray:
    """(n,) float32 mono at 16 kHz -> (2, 64, 1 + n // 160) float32 dB in [-80, 0]: what sustains, what strikes.

    pool: does one of the two medians meanwhile, for two cores. CoherenceError if the sound is empty, has several
    channels or holds what is no number.
    """
    magnitude = stft_magnitude(audio, "constant")
    if pool is None:
        sustained, struck = running_median(magnitude), _across(magnitude)
    else:
        waiting = pool.submit(_across, magnitude)
        sustained, struck = running_median(magnitude), waiting.result()
    decibels = _decibels(soft_masked_power(magnitude, sustained, struck), mel_filters())
    return np.asarray(np.maximum(decibels - decibels.max(axis=(1, 2), keepdims=True), -RANGE_DB))


def mel_spectrogram(audio: np.ndarray) -> np.ndarray:
    """(n,) float32 mono at 16 kHz -> (1, 64, 1 + n // 160) float32 dB, -100 at least: for models without separation.

    The official ones were trained on another recipe, torchaudio's: HTK mel bands without normalization, mirrored ends,
    dB of full scale. CoherenceError as above.
    """
    return _decibels(np.square(stft_magnitude(audio, "reflect"))[None], mel_filters(htk=True))


def _across(magnitude: np.ndarray) -> np.ndarray:
    """Medians over the bins of each frame."""
    return np.ascontiguousarray(running_median(np.ascontiguousarray(magnitude.T)).T)


def _decibels(power: np.ndarray, filters: np.ndarray) -> np.ndarray:
    """(channels, frames, bins) -> (channels, bands, frames)."""
    return np.ascontiguousarray((10 * np.log10(np.maximum(power @ filters.T, POWER_FLOOR))).transpose(0, 2, 1))


def stft_magnitude(audio: np.ndarray, ends: Literal["constant", "reflect"]) -> np.ndarray:
    """(1 + n // 160, 513) float32 magnitudes. ends: "constant" (zeros) or "reflect", what is beyond them.

    Transformed in float64 as librosa does: in float32 the ratio of two medians 80 dB below a loud tone strays by 4e-3
    dB. The window is put before the zeros that make 1024 of its 400 samples, not amid them; only phases differ by that.
    """
    if np.ndim(audio) != 1 or not len(audio):
        raise CoherenceError(f"sound of shape {np.shape(audio)}: expected samples of one channel, at least one")
    padded = np.pad(np.asarray(audio, np.float64), WINDOW_SIZE // 2, ends)
    if not np.abs(padded).max() < MAX_AMPLITUDE:  # NaN fails too
        raise CoherenceError(
            "the sound holds samples that are no numbers, or far beyond full scale: look for what made them"
        )
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(WINDOW_SIZE) / WINDOW_SIZE)  # Hann's, periodic
    frames = sliding_window_view(padded, WINDOW_SIZE)[::FRAME_STEP] * window
    magnitudes: np.ndarray = complex_magnitude(np.fft.rfft(frames, FFT_SIZE))
    return magnitudes


@lru_cache
def mel_filters(htk: bool = False) -> np.ndarray:
    """(64, 513) float32 triangles over the bins: Slaney's, of unit area, or HTK's, of unit height."""
    if htk:
        low, high = (2595 * np.log10(1 + hz / 700) for hz in (MEL_LOW_HZ, MEL_HIGH_HZ))
        edges = 700 * (10 ** (np.linspace(low, high, MEL_BANDS + 2) / 2595) - 1)
    else:  # linear up to 1 kHz, 200 / 3 Hz each; then 27 to the factor 6.4
        step = np.log(6.4) / 27
        low, high = (hz / (200 / 3) if hz < 1000 else 15 + np.log(hz / 1000) / step for hz in (MEL_LOW_HZ, MEL_HIGH_HZ))
        mel = np.linspace(low, high, MEL_BANDS + 2)
        edges = np.where(mel < 15, mel * 200 / 3, 1000 * np.exp(step * (mel - 15)))
    bins = np.linspace(0, SAMPLERATE / 2, FFT_SIZE // 2 + 1)
    rising = (bins - edges[:-2, None]) / np.diff(edges)[:-1, None]
    falling = (edges[2:, None] - bins) / np.diff(edges)[1:, None]
    triangles = np.maximum(0, np.minimum(rising, falling))
    if not htk:
        triangles *= (2 / (edges[2:] - edges[:-2]))[:, None]
    return triangles.astype(np.float32)


@compiled()
def complex_magnitude(points: np.ndarray) -> np.ndarray:
    """(frames, bins) complex128 -> float32."""
    found = np.empty(points.shape, np.float32)
    for i in range(points.shape[0]):
        for j in range(points.shape[1]):
            found[i, j] = np.sqrt(points[i, j].real ** 2 + points[i, j].imag ** 2)  # hypot is ten times slower
    return found


@compiled()
def running_median(columns: np.ndarray) -> np.ndarray:
    """(n, m) float32 -> (n, m): down each column, the median of the 31 values around each, the ends mirrored.

    Windows that are neighbours share most values, so they share the sorting (Adams, "Fast median filters using
    separable sorting networks", 2021). What 16 of them have in common, 16 values, is sorted; then 8 of them have 8 more
    in common, and so on, and of h windows only the middle h values of what they have in common can be a median yet.
    All of it is minima and maxima, the same for any values, done for 64 columns at once: 6 times faster than to
    keep a sorted window, exact, and NaN does no harm but to what is near it.
    """
    n, m = columns.shape
    out = np.empty((n, m), np.float32)
    runs = np.zeros((5, TILE + 32, LANES), np.float32)  # sorted, of 1, 2, 4, 8 and 16 values
    middle = np.empty((2, TILE, LANES), np.float32)
    for top in range(0, n, TILE):
        high = (min(TILE, n - top) + 15) // 16 * 16
        for left in range(0, m, LANES):
            wide = min(LANES, m - left)
            for i in range(high + 32):
                j = (top + i - 1 - MEDIAN_WIDTH // 2) % (2 * n)
                runs[0, i, :wide] = columns[min(j, 2 * n - 1 - j), left : left + wide]
            for level in range(4):
                _merge(runs[level], runs[level + 1], 1 << level, high + 32)
            middle[0, :high] = runs[4, 16 : 16 + high]
            for level in range(3, -1, -1):
                _narrow(middle[(level + 1) % 2], runs[level], middle[level % 2], 1 << level, high)
            for i in range(min(high, n - top)):
                out[top + i, left : left + wide] = middle[0, i, :wide]
    return out


@compiled()
def _merge(runs: np.ndarray, merged: np.ndarray, h: int, high: int) -> None:
    """Sorted runs of h values become sorted runs of 2 h."""
    for first in range(0, high, 2 * h):
        for i in range(h):
            one, other = first + i, first + 2 * h - 1 - i
            for lane in range(LANES):
                a, b = runs[one, lane], runs[other, lane]
                merged[one, lane] = a if a < b else b
                merged[other, lane] = b if a < b else a
        _straighten(merged, first, h)
        _straighten(merged, first + h, h)


@compiled()
def _narrow(wider: np.ndarray, runs: np.ndarray, middle: np.ndarray, h: int, high: int) -> None:
    """From the middle 2 h values of what 2 h windows share to the middle h of what each half of them shares."""
    for half in range(high // h):
        old = half // 2 * 2 * h
        new = h * (half + 1 if half % 2 == 0 else half + 32 // h - 1)  # the h values that this half has more
        for i in range(h):
            for lane in range(LANES):
                a, b, c = wider[old + i, lane], wider[old + h + i, lane], runs[new + h - 1 - i, lane]
                a = a if a > c else c
                middle[half * h + i, lane] = a if a < b else b
        _straighten(middle, half * h, h)


@compiled()
def _straighten(rows: np.ndarray, first: int, count: int) -> None:
    """Sort `count` rows that rise and fall (Batcher's bitonic merger)."""
    step = count // 2
    while step:
        for i in range(first, first + count):
            if not (i - first) & step:
                for lane in range(LANES):
                    a, b = rows[i, lane], rows[i + step, lane]
                    rows[i, lane] = a if a < b else b
                    rows[i + step, lane] = b if a < b else a
        step //= 2


@compiled(error_model="numpy")  # without a check for 0 in each division
def soft_masked_power(magnitude: np.ndarray, sustained: np.ndarray, struck: np.ndarray) -> np.ndarray:
    """(frames, bins) each -> power (2, frames, bins) of the two parts: soft masks of power 2, halves of nothing."""
    frames, bins = magnitude.shape
    power = np.empty((2, frames, bins), np.float32)
    one = np.float32(1)
    for i in range(frames):
        for j in range(bins):
            a, b = sustained[i, j], struck[i, j]
            most = a if a > b else b
            nothing = most < TINY
            a = one if nothing else a / most
            b = one if nothing else b / most
            a, b = a * a, b * b
            whole = magnitude[i, j] / (a + b)
            power[0, i, j] = (a * whole) ** 2
            power[1, i, j] = (b * whole) ** 2
    return power
