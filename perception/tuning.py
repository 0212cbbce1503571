"""The tuning of a recording: how far its pitches lie from equal temperament on A = 440 Hz, and how sure that is.

Each spectral peak has a deviation d from the nearest pitch, -50 to 50 cents, and 50 is -50: a circle. So the tuning is
the direction of a circular mean (Mardia & Jupp, "Directional Statistics", 2000, chapter 2),

    tuning = 100 / (2 pi) * angle(sum of w * exp(2 pi i * d / 100)),    d = 1200 * log2(f / 440 Hz),

and the length R of that mean, divided by the sum of the weights, tells whether the peaks agree. n peaks of any pitch
have R^2 = 1 / n in the mean; what is more is the confidence. w is the root of the amplitude, so that one loud note
does not decide alone.

Not every peak tells the tuning. The third, fifth, sixth, seventh, ... partial of a note is no pitch of equal
temperament: the fifth is 14 cents lower. A glide and the noise of a stroke have no pitch. So a peak counts only if it
stands alone in the spectrum, was there a frame ago, and is no such multiple of a lower one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import soxr

SAMPLERATE = 16_000  # Hz
FFT_SIZE, FRAME_STEP = 4096, 2000  # samples; a longer window would smear a vibrato
BLOCK_SAMPLES = 1 << 20  # samples of a recording analysed at a time
LOWEST_BIN, HIGHEST_BIN = 38, 640  # 150 to 2500 Hz
QUIETEST = 1e-3  # full scale = 1: a frame without a louder peak is not read
BELOW_LOUDEST = 10 ** (-25 / 20)  # share of the loudest peak of a frame above which a peak counts
ALONE_BINS, ALONE = 3, 2.0  # how many times as strong a peak is as what lies so many bins beside it
STEADY_CENTS = 15.0  # largest distance from a peak of the frame before
MULTIPLE_OCTAVES = 0.02  # tolerance within which a peak is a multiple of a lower one
FRAMES_A_NOTE = 4.0  # peaks that say the same, about half a second
_WINDOW = np.hanning(FFT_SIZE + 1)[:-1].astype(np.float32)
_LOUD = FFT_SIZE / 4  # strength of a sine of full scale in the spectrum


class Tuning(NamedTuple):
    """How much higher than A = 440 Hz a recording is tuned."""

    cents: float  # -50 to 50
    confidence: float  # 0 the pitches are spread evenly, 1 all of them agree

    @property
    def a_hz(self) -> float:
        """Frequency of its A, Hz."""
        return float(440 * 2 ** (self.cents / 1200))


@dataclass
class TuningStream:
    """What the peaks heard so far add up to; `hear` goes on with it, `tuning` reads it."""

    recent: np.ndarray = field(default_factory=lambda: np.zeros(0, np.float32))  # samples of the frames to come
    peaks: np.ndarray = field(default_factory=lambda: np.zeros(0))  # Hz, of the frame before
    total: complex = 0j
    weight: float = 0.0
    squared: float = 0.0

    def hear(self, audio: np.ndarray) -> None:
        """Go on with (n,) float32 samples at 16 kHz; n may be any number."""
        heard = np.concatenate([self.recent, np.asarray(audio, np.float32)])
        begin = 0
        while begin + FFT_SIZE <= len(heard):
            self._take_in(heard[begin : begin + FFT_SIZE])
            begin += FRAME_STEP
        self.recent = heard[begin:]

    def _take_in(self, frame: np.ndarray) -> None:
        hertz, strength = _peaks(np.abs(np.fft.rfft(frame * _WINDOW)))
        kept = _steady(hertz, self.peaks) & ~_partials(hertz)
        self.peaks = hertz
        weights = np.sqrt(strength[kept])
        self.total += complex((weights * np.exp(24j * np.pi * np.log2(hertz[kept] / 440))).sum())
        self.weight += float(weights.sum())
        self.squared += float(np.square(weights).sum())

    @property
    def tuning(self) -> Tuning:
        """The tuning of what was heard; 0 cents with confidence 0 if nothing had a pitch."""
        if not self.weight:
            return Tuning(0.0, 0.0)
        notes = self.weight**2 / self.squared / FRAMES_A_NOTE
        agreement = min(1.0, abs(self.total) / self.weight) ** 2
        confidence = np.sqrt(max(0.0, (notes * agreement - 1) / (notes - 1))) if notes > 1 else 0.0
        cents = 100 * float(np.angle(self.total)) / (2 * np.pi)
        return Tuning(round(cents, 3), round(float(confidence), 4))


def _peaks(spectrum: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(Hz, strengths) of the peaks that stand alone, each (peaks,); exact to some hundredths of a bin.

    Through the logarithms of a peak and its neighbours goes a parabola (Smith & Serra, "PARSHL", ICMC 1987).
    """
    inside = spectrum[LOWEST_BIN:HIGHEST_BIN]
    loudest = float(inside.max())
    if loudest < QUIETEST * _LOUD:
        return np.zeros(0), np.zeros(0)
    is_peak = (inside > spectrum[LOWEST_BIN - 1 : HIGHEST_BIN - 1]) & (
        inside >= spectrum[LOWEST_BIN + 1 : HIGHEST_BIN + 1]
    )
    for beside in (-ALONE_BINS, ALONE_BINS):
        is_peak &= inside > ALONE * spectrum[LOWEST_BIN + beside : HIGHEST_BIN + beside]
    at = LOWEST_BIN + np.flatnonzero(is_peak & (inside > BELOW_LOUDEST * loudest))
    left, middle, right = (np.log(spectrum[at + step].astype(np.float64) + 1e-12) for step in (-1, 0, 1))
    away = 0.5 * (left - right) / np.minimum(left - 2 * middle + right, -1e-9)
    return (at + away) * SAMPLERATE / FFT_SIZE, np.exp(middle - 0.25 * (left - right) * away)


def _steady(hertz: np.ndarray, before: np.ndarray) -> np.ndarray:
    """(peaks,) bool: those that were there in the frame before."""
    if not len(hertz) or not len(before):
        return np.zeros(len(hertz), bool)
    return np.asarray(np.abs(1200 * np.log2(hertz[:, None] / before)).min(axis=1) < STEADY_CENTS)


def _partials(hertz: np.ndarray) -> np.ndarray:
    """(peaks,) bool: the multiples of a lower peak that are not octaves of it."""
    ratio = hertz[:, None] / hertz
    multiple = np.rint(ratio)
    near = (multiple >= 3) & (np.abs(np.log2(ratio / np.maximum(multiple, 1))) < MULTIPLE_OCTAVES)
    return np.asarray((near & (np.log2(np.maximum(multiple, 1)) % 1 > 0)).any(axis=1))


class TuningMeter:
    """The tuning of a recording at any rate (Hz) that comes block by block, (n,) float32 each."""

    def __init__(self, samplerate: int):
        self._resampler = soxr.ResampleStream(samplerate, SAMPLERATE, 1, "float32", "HQ")
        self._stream = TuningStream()

    def hear(self, audio: np.ndarray, last: bool = False) -> None:
        """Go on with the next samples; last: no more will come."""
        self._stream.hear(self._resampler.resample_chunk(np.asarray(audio, np.float32), last=last))

    @property
    def tuning(self) -> Tuning:
        """The tuning of what was heard."""
        return self._stream.tuning


def tuning_of(audio: np.ndarray, samplerate: int) -> Tuning:
    """The tuning of a whole recording, (n,) float32 at `samplerate` Hz."""
    meter = TuningMeter(samplerate)
    for begin in range(0, len(audio), BLOCK_SAMPLES):
        meter.hear(audio[begin : begin + BLOCK_SAMPLES], last=begin + BLOCK_SAMPLES >= len(audio))
    return meter.tuning
