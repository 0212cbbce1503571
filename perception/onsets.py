"""Onsets of an endless signal: how suddenly it grows louder, a hundred times a second.

The spectral flux of the pulse (`perception.pulse`): the rise of the log power in 64 mel bands over three frames, in the
mean. It is smoothed over some hundredths of a second, so that two onsets that nearly coincide count as coinciding.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import soxr

from perception.hpss import SAMPLERATE
from perception.pulse import FFT_SIZE, FLUX_LAG, FRAME_RATE, FRAME_STEP, ONSET_DELAY, band_power

ONSET_RATE = FRAME_RATE  # frames a second
BLOCK_SAMPLES = 1 << 20  # samples of a recording analysed at a time
POWER_GAIN = np.float32(3e4)  # log(1 + gain * power): from -45 dBFS on a band counts
SMOOTHING_FRAMES = 5  # reach of the smoothing on each side
SMOOTHING_S = 0.015  # standard deviation
DELAY_FRAMES = round(ONSET_DELAY / FRAME_STEP) + SMOOTHING_FRAMES  # distance from an onset to its peak in the envelope
_OFFSETS = np.arange(-SMOOTHING_FRAMES, SMOOTHING_FRAMES + 1) / FRAME_RATE
_KERNEL = np.exp(-0.5 * np.square(_OFFSETS / SMOOTHING_S))
_KERNEL = (_KERNEL / _KERNEL.sum()).astype(np.float32)


@dataclass
class OnsetStream:
    """State of the analysis; `hear` returns the frames that end within the new samples."""

    recent: np.ndarray = field(default_factory=lambda: np.zeros(FFT_SIZE - FRAME_STEP, np.float32))  # samples
    bands: np.ndarray = field(default_factory=lambda: np.zeros((FLUX_LAG, 64), np.float32))
    flux: np.ndarray = field(default_factory=lambda: np.zeros(2 * SMOOTHING_FRAMES, np.float32))

    def hear(self, audio: np.ndarray) -> np.ndarray:
        """The next (n,) float32 samples at 16 kHz -> (frames,) float32, 0 or more; DELAY_FRAMES late."""
        heard = np.concatenate([self.recent, np.asarray(audio, np.float32)])
        bands = np.log1p(POWER_GAIN * band_power(heard))
        self.recent = heard[len(bands) * FRAME_STEP :]
        if not len(bands):
            return np.zeros(0, np.float32)
        bands = np.concatenate([self.bands, bands])
        rise = np.maximum(bands[FLUX_LAG:] - bands[:-FLUX_LAG], 0).mean(axis=1)
        self.bands = bands[-FLUX_LAG:]
        flux = np.concatenate([self.flux, rise])
        self.flux = flux[-2 * SMOOTHING_FRAMES :]
        return np.asarray(np.lib.stride_tricks.sliding_window_view(flux, len(_KERNEL)) @ _KERNEL, np.float32)


def onsets_of(audio: np.ndarray, samplerate: int) -> np.ndarray:
    """The onsets of a whole recording, (n,) float32 at `samplerate` Hz -> (frames,) float32, DELAY_FRAMES late."""
    stream, frames = OnsetStream(), [np.zeros(0, np.float32)]
    resampler = soxr.ResampleStream(samplerate, SAMPLERATE, 1, "float32", "HQ")
    for begin in range(0, len(audio), BLOCK_SAMPLES):
        last = begin + BLOCK_SAMPLES >= len(audio)
        frames.append(stream.hear(resampler.resample_chunk(audio[begin : begin + BLOCK_SAMPLES], last=last)))
    return np.concatenate(frames)


class OnsetTrack:
    """An onset envelope that grows."""

    def __init__(self, frames: np.ndarray | None = None):
        self._frames, self._size = np.zeros(1024, np.float32), 0
        if frames is not None:
            self.append(frames)

    def __len__(self) -> int:
        """Number of frames."""
        return self._size

    def __repr__(self) -> str:
        return f"OnsetTrack({self.frames!r})"

    @property
    def frames(self) -> np.ndarray:
        """(frames,) float32 view."""
        return self._frames[: self._size]

    def append(self, frames: np.ndarray) -> None:
        """Add (n,) frames at the end."""
        need = self._size + len(frames)
        if need > len(self._frames):
            longer = np.zeros(max(need, 2 * len(self._frames)), np.float32)
            longer[: self._size] = self.frames
            self._frames = longer
        self._frames[self._size : need] = frames
        self._size = need

    def truncate(self, frames: int) -> None:
        """Keep so many frames, if there are more."""
        self._size = min(self._size, frames)
