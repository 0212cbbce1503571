"""The features of COCOLA: two mel spectrograms of a sound, of its harmonic and of its percussive part.

STFT of 1024 points (Hann window of 400 samples, one frame each 160, centred, zeros beyond the ends) at 16 kHz. A steady
tone is a line along time in the spectrogram, a stroke a line along frequency. So the median over 31 frames keeps the
harmonic part H, the median over 31 bins the percussive part P, and the soft masks H^2 / (H^2 + P^2) and
P^2 / (H^2 + P^2) divide the magnitude between them (FitzGerald, "Harmonic/percussive separation using median
filtering", DAFx 2010). Then 64 Slaney mel bands from 60 to 7800 Hz, in dB below the maximum of each part, 80 dB at
most. The values equal those of librosa's `decompose.hpss`, `melspectrogram` and `power_to_db`, on which the official
checkpoints were trained; `running_median` makes them cheaper.
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
TILE_ROWS, LANE_COLUMNS = (
    528,
    64,
)  # rows and columns that `running_median` takes at a time: 5 s, within a processor's cache
RANGE_DB = 80.0  # levels further below the maximum are raised to it
POWER_FLOOR = np.float32(1e-10)  # lowest power before the logarithm: -100 dB
TINY = np.float32(1.1754944e-38)  # magnitude, the least normal float32; where both medians are below, masks are 1/2
MAX_AMPLITUDE = 1e15  # full scales; the power of a louder sample overflows float32


class CoherenceError(ValueError):
    """A coherence model, or a sound to be scored, cannot be used; the message says why and what to do."""


def harmonic_percussive(audio: np.ndarray, pool: ThreadPoolExecutor | None = None) -> np.ndarray:
    """(n,) float32 mono at 16 kHz -> (2, 64, 1 + n // 160) float32 dB in [-80, 0]: harmonic, percussive.

    pool: calculates one of the two medians in another thread. CoherenceError if the sound is empty, has several
    channels or holds NaN, Inf or samples beyond MAX_AMPLITUDE.
    """
    magnitude = stft_magnitude(audio, "constant")
    if pool is None:
        harmonic, percussive = running_median(magnitude), _median_over_bins(magnitude)
    else:
        future = pool.submit(_median_over_bins, magnitude)
        harmonic, percussive = running_median(magnitude), future.result()
    decibels = _decibels(soft_masked_power(magnitude, harmonic, percussive), mel_filters())
    return np.asarray(np.maximum(decibels - decibels.max(axis=(1, 2), keepdims=True), -RANGE_DB))


def mel_spectrogram(audio: np.ndarray) -> np.ndarray:
    """(n,) float32 mono at 16 kHz -> (1, 64, 1 + n // 160) float32 dB, -100 or more: for models without separation.

    The official models without separation were trained on torchaudio's features: HTK mel bands without normalisation,
    the ends mirrored, dB of full scale. CoherenceError as in `harmonic_percussive`.
    """
    return _decibels(np.square(stft_magnitude(audio, "reflect"))[None], mel_filters(htk=True))


def _median_over_bins(magnitude: np.ndarray) -> np.ndarray:
    """(frames, bins) -> (frames, bins): the median over 31 bins around each, within its frame."""
    return np.ascontiguousarray(running_median(np.ascontiguousarray(magnitude.T)).T)


def _decibels(power: np.ndarray, filters: np.ndarray) -> np.ndarray:
    """Power (channels, frames, bins) -> dB (channels, bands, frames), -100 or more."""
    return np.ascontiguousarray((10 * np.log10(np.maximum(power @ filters.T, POWER_FLOOR))).transpose(0, 2, 1))


def stft_magnitude(audio: np.ndarray, ends: Literal["constant", "reflect"]) -> np.ndarray:
    """(1 + n // 160, 513) float32 magnitudes. ends: samples beyond the sound are 0 ("constant") or "reflect" it.

    The transform is in float64, as librosa's: in float32 the ratio of two medians 80 dB below a loud tone is off by
    4e-3 dB. librosa pads the 400 samples of a window to 1024 on both sides, here zeros follow them; that changes the
    phases only.
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
    """(64, 513) float32 triangular filters over the bins: Slaney's, of unit area, or HTK's, of unit height."""
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
    """Magnitudes of (frames, bins) complex128, float32."""
    magnitudes = np.empty(points.shape, np.float32)
    for i in range(points.shape[0]):
        for j in range(points.shape[1]):
            magnitudes[i, j] = np.sqrt(points[i, j].real ** 2 + points[i, j].imag ** 2)  # hypot is ten times slower
    return magnitudes


@compiled()
def running_median(columns: np.ndarray) -> np.ndarray:
    """(n, m) float32 -> (n, m): down each column, the median of the 31 values around each, the ends mirrored.

    Neighbouring windows share most values, so they share the sorting (Adams, "Fast median filters using separable
    sorting networks", ACM Transactions on Graphics 40(4), 2021). The median is the 16th of a window's 31 values.

    h neighbouring windows have 32 - h values in common, and each has h - 1 values besides. A common value that is the
    k-th of the common ones is, in any of these windows, between the k-th and the (k + h - 1)-th. It can be the 16th
    only if 17 - h <= k <= 16. So h values, the middle ones, are enough to carry on: for h = 1 that is the median.

    Start: sort the 16 values that 16 windows have in common, by merging sorted runs of 1, 2, 4 and 8 values (`_merge`).
    Step: of 2 h windows, each half has h more values in common, which are one of the sorted runs of the start.
    `_middle_of_halves` finds the middle h of the old 2 h and the new h values. After h = 8, 4, 2, 1 each window has its
    median.

    All this is minima and maxima in an order that does not depend on the values, so 64 columns go at once in vector
    registers. It is exact, and 6 times faster than a sorted window that is updated. NaN spoils only windows near it.
    """
    n, m = columns.shape
    out = np.empty((n, m), np.float32)
    runs = np.zeros(
        (5, TILE_ROWS + 32, LANE_COLUMNS), np.float32
    )  # runs[e]: sorted runs of 2^e values; row i is value i - 16 of the tile
    middle = np.empty((2, TILE_ROWS, LANE_COLUMNS), np.float32)
    for top in range(0, n, TILE_ROWS):
        high = (min(TILE_ROWS, n - top) + 15) // 16 * 16
        for left in range(0, m, LANE_COLUMNS):
            wide = min(LANE_COLUMNS, m - left)
            for i in range(high + 32):
                j = (top + i - 1 - MEDIAN_WIDTH // 2) % (2 * n)
                runs[0, i, :wide] = columns[min(j, 2 * n - 1 - j), left : left + wide]
            for level in range(4):
                _merge(runs[level], runs[level + 1], 1 << level, high + 32)
            middle[0, :high] = runs[4, 16 : 16 + high]
            for level in range(3, -1, -1):
                _middle_of_halves(middle[(level + 1) % 2], runs[level], middle[level % 2], 1 << level, high)
            for i in range(min(high, n - top)):
                out[top + i, left : left + wide] = middle[0, i, :wide]
    return out


@compiled()
def _merge(runs: np.ndarray, merged: np.ndarray, h: int, high: int) -> None:
    """Sorted runs of h values in `runs` become sorted runs of 2 h in `merged`, both (rows, lanes), `high` rows of them.

    The minima of a rising and a reversed rising run are the h lowest of both, the maxima the h highest, and both are
    bitonic: they rise and then fall, or after a rotation (Batcher, 1968).
    """
    for first in range(0, high, 2 * h):
        for i in range(h):
            low, top = first + i, first + 2 * h - 1 - i
            for lane in range(LANE_COLUMNS):
                a, b = runs[low, lane], runs[top, lane]
                merged[low, lane] = a if a < b else b
                merged[top, lane] = b if a < b else a
        _sort_bitonic(merged, first, h)
        _sort_bitonic(merged, first + h, h)


@compiled()
def _middle_of_halves(wider: np.ndarray, runs: np.ndarray, middle: np.ndarray, h: int, high: int) -> None:
    """From the middle 2 h common values of 2 h windows to the middle h common values of each half of these windows.

    wider: sorted w of 2 h values for each 2 h windows. runs: sorted runs of h; v is the one of the h values that the
    windows of this half have in common besides. The middle h of all 3 h values are the medians of the triples
    w[i], w[h + i], v[h - 1 - i]. By the 0-1 principle it is enough to see this for zeros and ones. Let w have p ones
    and v q of them: v[h - 1 - i] is 1 for i < q. If p <= h, w[i] is 0 and w[h + i] is 1 for i >= h - p, so the median
    is 1 for h - p <= i < q: p + q - h of the h values, as among the middle ones. If p > h, w[h + i] is 1 and w[i] is 1
    for i >= 2 h - p, so it is 1 for i >= 2 h - p or i < q: again p + q - h of them, or all. The ones are adjacent, if
    need be round the end: the sequence is bitonic, and `_sort_bitonic` sorts it.
    """
    for half in range(high // h):
        old = half // 2 * 2 * h
        new = h * (half + 1 if half % 2 == 0 else half + 32 // h - 1)  # first row of v
        for i in range(h):
            for lane in range(LANE_COLUMNS):
                a, b, c = wider[old + i, lane], wider[old + h + i, lane], runs[new + h - 1 - i, lane]
                a = a if a > c else c
                middle[half * h + i, lane] = a if a < b else b
        _sort_bitonic(middle, half * h, h)


@compiled()
def _sort_bitonic(rows: np.ndarray, first: int, count: int) -> None:
    """Sort `count` rows from `first` on, a power of 2, bitonic in each lane (Batcher's bitonic merger, 1968)."""
    step = count // 2
    while step:
        for i in range(first, first + count):
            if not (i - first) & step:
                for lane in range(LANE_COLUMNS):
                    a, b = rows[i, lane], rows[i + step, lane]
                    rows[i, lane] = a if a < b else b
                    rows[i + step, lane] = b if a < b else a
        step //= 2


@compiled(error_model="numpy")  # without a check for 0 in each division
def soft_masked_power(magnitude: np.ndarray, harmonic: np.ndarray, percussive: np.ndarray) -> np.ndarray:
    """Power (2, frames, bins) of both parts of a magnitude (frames, bins), given its two medians, by soft masks.

    The masks are a^2 / (a^2 + b^2) and b^2 / (a^2 + b^2) of the medians, both divided by the larger one, or no square
    of a quiet sound would be a float32. Where both medians are below TINY, the masks are 1/2.
    """
    frames, bins = magnitude.shape
    power = np.empty((2, frames, bins), np.float32)
    unit = np.float32(1)
    for i in range(frames):
        for j in range(bins):
            a, b = harmonic[i, j], percussive[i, j]
            larger = a if a > b else b
            silent = larger < TINY
            a = unit if silent else a / larger
            b = unit if silent else b / larger
            a, b = a * a, b * b
            scale = magnitude[i, j] / (a + b)
            power[0, i, j] = (a * scale) ** 2
            power[1, i, j] = (b * scale) ** 2
    return power
