"""Chroma of an endless signal: how strongly each of the 12 pitch classes sounds, sixteen times a second.

A constant-Q transform (Brown, "Calculation of a constant Q spectral transform", JASA 1991) by one FFT a frame, as Brown
& Puckette (JASA 1992) compute it: three filters a semitone from C1 to B7, each `PERIODS` periods long, `FFT_SIZE`
samples at most. All filters of a frame end where the frame ends, so that nothing is ever awaited: a high note is known
after some milliseconds, a bass note after half a second. The strengths of a pitch class in all octaves are added.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import soxr

from perception.compiled import compiled

SAMPLERATE = 16_000  # Hz
FRAME_STEP = 1000  # samples from one frame to the next, 1/16 s
FRAME_RATE = SAMPLERATE // FRAME_STEP  # frames a second
FFT_SIZE = 8192  # samples, 0.512 s: the longest filter
LOWEST_HZ, OCTAVES, BINS_PER_SEMITONE = 32.7032, 7, 3  # C1
PERIODS = 25.0  # length of a filter in periods of its pitch, where that is shorter than FFT_SIZE
BLOCK_SAMPLES = 1 << 20  # samples of a recording analysed at a time
SILENT = 0.01  # added to the length of a key, so that a hop that hardly sounds has a key near 0
NEGLIGIBLE = 0.005  # share of the largest value of a filter's spectrum below which a value is left out


class _Bank(NamedTuple):
    """The filters in the frequency domain: bin b is the sum of spectrum[first[b] + k] * values[offset[b] + k]."""

    first: np.ndarray  # (bins,) int64
    offset: np.ndarray  # (bins + 1,) int64
    values: np.ndarray  # complex64


@lru_cache(maxsize=1)
def _bank() -> _Bank:
    bins = 12 * BINS_PER_SEMITONE * OCTAVES
    first, offset, values = np.empty(bins, np.int64), np.zeros(bins + 1, np.int64), []
    for number in range(bins):
        hertz = LOWEST_HZ * 2 ** ((number - (BINS_PER_SEMITONE - 1) / 2) / (12 * BINS_PER_SEMITONE))
        length = min(FFT_SIZE, round(PERIODS * SAMPLERATE / hertz))
        kernel = np.zeros(FFT_SIZE, np.complex128)
        wave = np.exp(2j * np.pi * hertz * np.arange(length) / SAMPLERATE)
        kernel[FFT_SIZE - length :] = np.hanning(length + 2)[1:-1] * wave / np.sqrt(length)
        spectrum = np.conj(np.fft.fft(kernel)[: FFT_SIZE // 2 + 1]) / FFT_SIZE
        kept = np.flatnonzero(np.abs(spectrum) > NEGLIGIBLE * np.abs(spectrum).max())
        first[number], offset[number + 1] = kept[0], offset[number] + kept[-1] - kept[0] + 1
        values.append(spectrum[kept[0] : kept[-1] + 1])
    return _Bank(first, offset, np.concatenate(values).astype(np.complex64))


@compiled()
def _fold(spectrum: np.ndarray, first: np.ndarray, offset: np.ndarray, values: np.ndarray, chroma: np.ndarray) -> None:
    """Add the strength of each filter of one frame to its pitch class."""
    for number in range(len(first)):
        total = np.complex64(0)
        start, begin = first[number], offset[number]
        for k in range(offset[number + 1] - begin):
            total += spectrum[start + k] * values[begin + k]
        chroma[number // BINS_PER_SEMITONE % 12] += np.abs(total)


@dataclass
class ChromaStream:
    """State of the analysis: the newest samples. `hear` returns the frames that end within the new samples."""

    recent: np.ndarray = field(default_factory=lambda: np.zeros(FFT_SIZE, np.float32))
    waiting: int = 0  # samples of the next frame so far

    def hear(self, audio: np.ndarray) -> np.ndarray:
        """The next (n,) float32 samples at 16 kHz -> (frames, 12) float32, the frames that end in them."""
        bank, heard = _bank(), np.concatenate([self.recent, np.asarray(audio, np.float32)])
        frames = np.zeros(((self.waiting + len(audio)) // FRAME_STEP, 12), np.float32)
        for number, frame in enumerate(frames):
            end = FFT_SIZE + (number + 1) * FRAME_STEP - self.waiting
            spectrum = np.fft.rfft(heard[end - FFT_SIZE : end]).astype(np.complex64)
            _fold(spectrum, bank.first, bank.offset, bank.values, frame)
        self.waiting = (self.waiting + len(audio)) % FRAME_STEP
        self.recent = heard[-FFT_SIZE:]
        return frames


def chroma_of(audio: np.ndarray, samplerate: int) -> np.ndarray:
    """The chroma of a whole recording, (n,) float32 at `samplerate` Hz -> (frames, 12) float32."""
    stream, frames = ChromaStream(), [np.zeros((0, 12), np.float32)]
    resampler = soxr.ResampleStream(samplerate, SAMPLERATE, 1, "float32", "HQ")
    for begin in range(0, len(audio), BLOCK_SAMPLES):
        last = begin + BLOCK_SAMPLES >= len(audio)
        frames.append(stream.hear(resampler.resample_chunk(audio[begin : begin + BLOCK_SAMPLES], last=last)))
    return np.concatenate(frames)


class ChromaTrack:
    """A chroma that grows, and the *keys* in it: the mean chroma of each stretch of one hop, centred, of length 1.

    hop: seconds. The cosine of two keys is the correlation of two chords: 1 for the same, about 0 for strangers.
    """

    def __init__(self, hop: float, frames: np.ndarray | None = None):
        self.hop_frames = max(1, round(hop * FRAME_RATE))
        self._frames, self._keys, self._size = np.zeros((1024, 12), np.float32), np.zeros((1024, 12), np.float32), 0
        if frames is not None:
            self.append(frames)

    def __len__(self) -> int:
        """Number of frames."""
        return self._size

    def __repr__(self) -> str:
        return f"ChromaTrack(hop_frames={self.hop_frames}, frames={self.frames!r})"

    @property
    def frames(self) -> np.ndarray:
        """(frames, 12) float32 view."""
        return self._frames[: self._size]

    @property
    def keys(self) -> np.ndarray:
        """(frames - hop_frames + 1, 12) float32 view: row i is the key of the hop that begins with frame i."""
        return self._keys[: max(0, self._size - self.hop_frames + 1)]

    def append(self, frames: np.ndarray) -> None:
        """Add (n, 12) frames at the end."""
        begin, self._size = self._size, self._size + len(frames)
        if self._size > len(self._frames):
            room = max(self._size, 2 * len(self._frames))
            self._frames, self._keys = (_longer(part, room) for part in (self._frames, self._keys))
        self._frames[begin : self._size] = frames
        self._write_keys(max(0, begin - self.hop_frames + 1))

    def truncate(self, frames: int) -> None:
        """Keep so many frames, if there are more."""
        self._size = min(self._size, frames)

    def _write_keys(self, first: int) -> None:
        stop = self._size - self.hop_frames + 1
        if stop <= first:
            return
        sums = np.zeros((self._size - first + 1, 12))
        np.cumsum(self._frames[first : self._size], axis=0, out=sums[1:], dtype=np.float64)
        means = (sums[self.hop_frames :] - sums[: -self.hop_frames]) / self.hop_frames
        means -= means.mean(axis=1, keepdims=True)
        self._keys[first:stop] = means / (np.linalg.norm(means, axis=1, keepdims=True) + SILENT)


def _longer(rows: np.ndarray, room: int) -> np.ndarray:
    longer = np.zeros((room, rows.shape[1]), rows.dtype)
    longer[: len(rows)] = rows
    return longer
