"""Traits of music at every moment: how densely it begins, how high it lies, how loud it is.

Each is of the two seconds about a moment, and in the unit of its own scale: onsets a second, semitones (60 is the
middle C), dB of full scale. Height is the mean of the logarithm of frequency, each frequency by its power, from the
lowest bass to where overtones alone remain: on single lines it follows their pitch (correlation .97 with that of pYIN).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from perception.onsets import DELAY_FRAMES, ONSET_RATE

WINDOW_S = 2.0
HEIGHT_STEP_S = 0.25
LOWEST_HZ, HIGHEST_HZ = 40.0, 2000.0
BATCH = 64  # spectra computed at a time
STRONG = 0.9  # quantile of the audible peaks of an onset envelope that counts as a strong onset
SHARE_STRONG = 0.3  # share of that from which on a peak is an onset; it tells a wavering pad from notes
SHARE_ABOUT = 0.2  # share of the strongest peak in the window, likewise
LEAST_ONSET = 0.01  # least value of the envelope at a peak
APART_S = 0.035  # least time between two onsets
AUDIBLE = 0.003  # level above which something sounds, full scale = 1
SILENT_DB = -100.0


class Traits(NamedTuple):
    """(n,) float32 each."""

    density: np.ndarray  # onsets a second
    register: np.ndarray  # semitones
    dynamics: np.ndarray  # dB of full scale, RMS


def traits(
    moments_s: np.ndarray, audio: np.ndarray, samplerate: int, onsets: np.ndarray, rms: np.ndarray, hop: float
) -> Traits:
    """The traits of a recording about some moments of it, (n,), s.

    audio: (samples,) float32 at `samplerate` Hz; onsets: (frames,), see `perception.onsets`; rms: (segments,) the level
    of each stretch of `hop` s, full scale = 1.
    """
    seconds = len(rms) * hop
    begins = np.clip(moments_s - WINDOW_S / 2, 0, seconds)
    ends = np.clip(moments_s + WINDOW_S / 2, 0, seconds)
    lasting = np.maximum(ends - begins, hop / 2)

    def within(step_s: float, values: np.ndarray) -> np.ndarray:
        """The sum of what lies in each window, of values that each stand for step_s."""
        sums = np.concatenate([[0.0], np.cumsum(values, dtype=np.float64)])
        times = np.arange(len(sums)) * step_s
        return np.asarray(np.interp(ends, times, sums) - np.interp(begins, times, sums))

    begin_at = onset_times(onsets, rms, hop)
    count = np.searchsorted(begin_at, ends) - np.searchsorted(begin_at, begins)
    power, weighted = heights(audio, samplerate)
    loudness = within(hop, np.square(rms, dtype=np.float64)) / (lasting / hop)
    register = within(HEIGHT_STEP_S, weighted) / np.maximum(within(HEIGHT_STEP_S, power), 1e-12)
    level = 10 * np.log10(np.maximum(loudness, 10 ** (SILENT_DB / 10)))
    return Traits(*(np.asarray(trait, np.float32) for trait in (count / lasting, register, level)))


def onset_times(onsets: np.ndarray, rms: np.ndarray, hop: float) -> np.ndarray:
    """(n,) s: where something audible begins; what is weak beside the strong onsets, here and in all, does not count.

    onsets: (frames,), the envelope. rms: (segments,) the level of each stretch of `hop` s, full scale = 1.
    """
    envelope = np.asarray(onsets, np.float32)
    if len(envelope) < 3:
        return np.zeros(0)
    inner = envelope[1:-1]
    peaks = 1 + np.flatnonzero((inner > envelope[:-2]) & (inner >= envelope[2:]))
    reach = round(WINDOW_S / 2 * ONSET_RATE)
    about = np.lib.stride_tricks.sliding_window_view(np.pad(envelope, reach), 2 * reach + 1)[peaks].max(1, initial=0)
    times = np.maximum((peaks - DELAY_FRAMES) / ONSET_RATE, 0)
    segment = np.minimum((times / hop).astype(int), len(rms) - 1)
    level = np.maximum(rms[segment], rms[np.minimum(segment + 1, len(rms) - 1)])
    audible = (level > AUDIBLE) & (envelope[peaks] > LEAST_ONSET)
    if not audible.any():
        return np.zeros(0)
    strong = np.quantile(envelope[peaks][audible], STRONG)
    times = times[audible & (envelope[peaks] >= np.maximum(SHARE_ABOUT * about, SHARE_STRONG * strong))]
    return np.asarray(times[np.diff(times, prepend=-APART_S) >= APART_S])


def heights(audio: np.ndarray, samplerate: int) -> tuple[np.ndarray, np.ndarray]:
    """(steps,) power of each step of a recording between LOWEST_HZ and HIGHEST_HZ, and that times its height.

    Height: semitones, by frequency. audio: (samples,) float32 at `samplerate` Hz; a step that it does not fill counts.
    """
    steps = int(np.ceil(len(audio) / (HEIGHT_STEP_S * samplerate)))
    size = round(HEIGHT_STEP_S * samplerate)
    window = np.hanning(size).astype(np.float32)
    hertz = np.fft.rfftfreq(size, 1 / samplerate)
    heard = (hertz >= LOWEST_HZ) & (hertz <= HIGHEST_HZ)
    semitones = 69 + 12 * np.log2(hertz[heard] / 440)
    power, weighted = np.zeros(steps), np.zeros(steps)
    for first in range(0, steps, BATCH):
        rows = np.zeros((min(BATCH, steps - first), size), np.float32)
        for row, number in zip(rows, range(first, steps), strict=False):
            samples = audio[round(number * HEIGHT_STEP_S * samplerate) :][:size]
            row[: len(samples)] = samples
        spectra = np.square(np.abs(np.fft.rfft(rows * window)[:, heard]))
        power[first : first + len(rows)] = spectra.sum(1)
        weighted[first : first + len(rows)] = spectra @ semitones
    return power, weighted
