"""The musical fit of two sounds while they sound: chroma and onsets of our own, quick and causal but for 0.8 s.

Chroma is that of a constant-Q transform (Brown, "Calculation of a constant Q spectral transform", JASA 1991; computed
by kernels in the frequency domain, Brown & Puckette 1992): 84 semitones from C1, three filters each, of 51 periods. An
octave has its own size of FFT, twice that of the next higher one, so that every filter fits into its window. Onsets are
peaks of the spectral flux of 64 mel bands. Both follow librosa's definitions; a test compares them.

Audio is (n,) float32 mono at 16 kHz.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from perception import fit
from perception.fit import RECENT_S, SEGMENT_S, ChromaSegments, Floats, centred
from perception.hpss import SAMPLERATE, mel_filters

LOWEST_HZ = 440 * 2 ** (-45 / 12)  # C1
OCTAVES = 7
BINS = 36  # filters in an octave
PERIODS = 1 / (2 ** (1 / BINS) - 1)  # length of a filter in periods, so that neighbours meet at their half width
SEGMENT = round(SEGMENT_S * SAMPLERATE)  # samples
FRAMES = 16  # chroma frames in a segment
STEP = SEGMENT // FRAMES  # samples
MOST_OVERLAP = 16  # windows of an octave that overlap at most; more would say nothing new
LONGEST = 2 ** int(np.ceil(np.log2(PERIODS * SAMPLERATE / LOWEST_HZ)))  # samples, the window of the lowest octave
CONTEXT = round(PERIODS * SAMPLERATE / LOWEST_HZ / 2)  # samples on either side of a segment that its chroma hears
INAUDIBLE = 1e-5  # share of a filter's strongest response below which a bin is left out

FLUX_STEP = 160  # samples between two frames of onset strength
FLUX_WINDOW = 1024
FLUX_LAG = 2  # frames over which the level rises
RANGE_DB = 80.0  # depth of the spectrum below its loudest band
PEAK_FRAMES, MEAN_FRAMES, GAP_FRAMES = 3, 10, 3  # an onset is the highest of so many, above the mean, and alone
PEAK_ABOVE = 0.07  # height of a peak above the mean around it, as a share of the strongest onset

HISTORY_S = 60.0  # minute from which the displaced moments are taken
RECENT, HISTORY = round(RECENT_S / SEGMENT_S), round(HISTORY_S / SEGMENT_S)  # segments


# --- chroma


@dataclass(frozen=True)
class _Octave:
    size: int  # samples of its FFT
    band: slice  # of the FFT, outside which its filters are 0
    filters: np.ndarray  # (bins of the band, BINS) complex64


@lru_cache(1)
def _octaves() -> list[_Octave]:
    """The filters, octave by octave from the lowest one."""
    octaves = []
    for number in range(OCTAVES):
        size = LONGEST >> number
        pitches = LOWEST_HZ * 2 ** (number + np.arange(BINS) / BINS)
        time = np.arange(size) - size / 2
        filters = np.zeros((size // 2 + 1, BINS), np.complex128)
        for place, pitch in enumerate(pitches):
            length = PERIODS * SAMPLERATE / pitch
            window = np.where(np.abs(time) < length / 2, 0.5 + 0.5 * np.cos(2 * np.pi * time / length), 0)
            tone = window / window.sum() * np.sqrt(length) * np.exp(2j * np.pi * pitch / SAMPLERATE * time)
            filters[:, place] = np.conj(np.fft.fft(tone)[: size // 2 + 1]) / size
        heard = np.flatnonzero(np.abs(filters).max(axis=1) > INAUDIBLE * np.abs(filters).max())
        band = slice(int(heard[0]), int(heard[-1]) + 1)
        octaves.append(_Octave(size, band, filters[band].astype(np.complex64)))
    return octaves


def chroma(audio: np.ndarray, first: int, segments: int) -> np.ndarray:
    """Chroma of half seconds of a sound: (segments, 12) float, 0 to 1, the mean of frames whose strongest class is 1.

    first: sample at which the first half second begins; what lies beyond the sound is silence.
    """
    frames = segments * FRAMES
    strength = np.zeros((frames, 12))
    classes = (np.arange(BINS) + 1) // 3 % 12  # three filters around each semitone
    for octave in _octaves():
        every = max(1, octave.size // MOST_OVERLAP // STEP)  # frames to one window
        centres = first + STEP * (np.arange(0, frames, every) + every / 2)
        tones = np.abs(_spectra(audio, centres.astype(int), octave) @ octave.filters)
        for pitch in range(12):
            strength[:, pitch] += np.repeat(tones[:, classes == pitch].sum(axis=1), every)[:frames]
    strongest = strength.max(axis=1, keepdims=True)
    return np.asarray((strength / np.where(strongest > 0, strongest, 1)).reshape(segments, FRAMES, 12).mean(axis=1))


def _spectra(audio: np.ndarray, centres: np.ndarray, octave: _Octave) -> np.ndarray:
    """(centres, bins of the band) complex: the spectrum of the window around each of these samples."""
    half = octave.size // 2
    padded = np.pad(np.asarray(audio, np.float32), half)
    windows = sliding_window_view(padded, octave.size)[np.clip(centres, 0, len(audio))]
    return np.asarray(np.fft.rfft(windows, axis=1)[:, octave.band])


def chroma_segments(audio: np.ndarray) -> ChromaSegments:
    """Chroma and level of every whole half second of a sound."""
    segments = len(audio) // SEGMENT
    if not segments:
        return ChromaSegments(np.zeros((0, 12)), np.zeros(0))
    return ChromaSegments(centred(chroma(audio, 0, segments)), _levels(audio, segments))


def _levels(audio: np.ndarray, segments: int) -> np.ndarray:
    cut = np.asarray(audio[: segments * SEGMENT], np.float64).reshape(segments, SEGMENT)
    return np.asarray(np.sqrt(np.square(cut).mean(axis=1)))


# --- onsets


def onset_strength(audio: np.ndarray) -> Floats:
    """(frames,) mean rise of the mel bands, dB, every 10 ms; the window of frame f ends at sample 160 f."""
    padded = np.pad(np.asarray(audio, np.float32), (FLUX_WINDOW, 0))
    windows = sliding_window_view(padded, FLUX_WINDOW)[::FLUX_STEP]
    spectra = np.abs(np.fft.rfft(windows * np.hanning(FLUX_WINDOW).astype(np.float32), axis=1)) ** 2
    power = 10 * np.log10(np.maximum(1e-10, spectra @ mel_filters().T))
    power = np.maximum(power, power.max() - RANGE_DB)
    rise = np.maximum(0, power[FLUX_LAG:] - power[:-FLUX_LAG]).mean(axis=1)
    return np.concatenate([np.zeros(FLUX_LAG), rise])


def onsets(audio: np.ndarray) -> tuple[Floats, Floats]:
    """(times in s, strengths) of the onsets: peaks of `onset_strength` that stand out from what is around them."""
    strength = onset_strength(audio)
    if len(strength) < 2 * MEAN_FRAMES or strength.max() <= 0:
        return np.zeros(0), np.zeros(0)
    level = (strength - strength.min()) / (strength.max() - strength.min())
    highest = sliding_window_view(np.pad(level, (PEAK_FRAMES, 0)), PEAK_FRAMES + 1).max(axis=1)
    total = np.cumsum(np.pad(level, (MEAN_FRAMES + 1, MEAN_FRAMES)))
    count = np.cumsum(np.pad(np.ones(len(level)), (MEAN_FRAMES + 1, MEAN_FRAMES)))
    width = 2 * MEAN_FRAMES + 1
    mean = (total[width:] - total[:-width]) / (count[width:] - count[:-width])
    peaks: list[int] = []
    for frame in np.flatnonzero((level >= highest) & (level >= mean + PEAK_ABOVE)).tolist():
        if not peaks or frame > peaks[-1] + GAP_FRAMES:
            peaks.append(frame)
    return np.array(peaks) * FLUX_STEP / SAMPLERATE, strength[peaks]


# --- both sounds, while they sound


@dataclass
class FitState:
    """State of both signals since the stream began, as far as it is needed.

    heard, spoken: the newest samples of input and output. begin: sample of the stream at which they begin. chroma_*: of
    the last minute, one row for each half second, the newest ending at sample `done` of the stream.
    """

    begin: int = 0
    done: int = 0
    heard: np.ndarray = field(default_factory=lambda: np.zeros(0, np.float32))
    spoken: np.ndarray = field(default_factory=lambda: np.zeros(0, np.float32))
    chroma_heard: ChromaSegments = field(default_factory=lambda: chroma_segments(np.zeros(0)))
    chroma_spoken: ChromaSegments = field(default_factory=lambda: chroma_segments(np.zeros(0)))


@dataclass(frozen=True)
class Fit:
    """in_tune: harmony of the last 10 s minus that of displaced moments, -1 to 1. in_time: onsets on the beat, 0 to 1.

    NaN where too little sounds.
    """

    in_tune: float
    in_time: float


def hear(state: FitState, heard: np.ndarray, spoken: np.ndarray) -> None:
    """Take the next samples of both sounds, equally many of each."""
    state.heard, state.spoken = np.concatenate([state.heard, heard]), np.concatenate([state.spoken, spoken])
    ready = (state.begin + len(state.heard) - CONTEXT - state.done) // SEGMENT
    if ready > 0:
        first = state.done - state.begin
        state.chroma_heard = _grown(state.chroma_heard, state.heard, first, ready)
        state.chroma_spoken = _grown(state.chroma_spoken, state.spoken, first, ready)
        state.done += ready * SEGMENT
    surplus = len(state.heard) - max(
        round(RECENT_S * SAMPLERATE), state.begin + len(state.heard) - state.done + CONTEXT
    )
    if surplus > 0:
        state.heard, state.spoken = state.heard[surplus:], state.spoken[surplus:]
        state.begin += surplus


def _grown(known: ChromaSegments, audio: np.ndarray, first: int, segments: int) -> ChromaSegments:
    """A minute at most: what is known, and so many segments of the sound from sample `first` on."""
    rms = _levels(audio[first:], segments)
    vectors = np.concatenate([known.vectors, centred(chroma(audio, first, segments))])[-HISTORY:]
    return ChromaSegments(vectors, np.concatenate([known.rms, rms])[-HISTORY:])


def measure(state: FitState, beats: Floats) -> Fit:
    """How both sounds fit in the last 10 s. beats: their times in s since the stream began."""
    times, strengths = onsets(state.spoken[-round(RECENT_S * SAMPLERATE) :])
    began = (state.begin + len(state.spoken)) / SAMPLERATE - min(RECENT_S, len(state.spoken) / SAMPLERATE)
    return Fit(
        fit.agreement_now(state.chroma_heard, state.chroma_spoken, RECENT),
        fit.on_beat_beyond_chance(times + began, strengths, beats),
    )
