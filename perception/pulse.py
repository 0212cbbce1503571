"""Beat tracking: a causal tracker that predicts, and the same offline, for whole recordings.

A `Beat` is a straight line: the time of one beat, the period, and a confidence. Every later moment has a
phase on that line, so the next beats are known before they sound.

The model is the bar-pointer state space of Krebs, Boeck & Widmer ("An efficient state-space model for joint tempo and
meter tracking", ISMIR 2015) with one beat for a bar. A state is a period of p frames and a position 0 ... p - 1 in it.
With each frame of 10 ms every position moves on by one; at the end of a beat the period may change a little. What is
observed is the onset activation: the spectral flux of 64 mel bands, each measured by its own maximum of late (Stowell
& Plumbley, "Adaptive whitening for improved real-time audio onset detection", ICMC 2007), so that neither level nor
timbre counts. `PulseTracker` filters forward only, which is
causal; `beats_of` finds the best path through a whole recording (Viterbi).

The states of one period form a ring. Position q at frame t stands at index (q - t) mod p of its ring, so that moving on
copies nothing, and only the states near a beat are weighted. A frame costs about 10 microseconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import soxr
from numpy.lib.stride_tricks import sliding_window_view

from perception.compiled import compiled
from perception.hpss import SAMPLERATE, mel_filters

FRAME_STEP = 160  # samples of a frame, 10 ms
FRAME_RATE = SAMPLERATE // FRAME_STEP  # frames a second
FFT_SIZE = 1024  # samples of the window that ends with a frame
ONSET_DELAY = 480.0  # samples from an onset to the end of the frame in which its activation peaks; measured on clicks
SLOWEST_BPM, FASTEST_BPM = 40.0, 240.0  # tempi of the state space
DEFAULT_TEMPO_RANGE = (55.0, 215.0)  # beats a minute
LIKELIEST_BPM, TEMPO_SPREAD = 120.0, 0.7  # centre and deviation, in octaves, of the prior of the tempo
STEADINESS = 100.0  # exp(-STEADINESS |change of period|) is the weight of a change from one beat to the next
WIDEST_CHANGE = 12  # frames by which the period may change at once
LEAK = 1e-5  # share of what ends a beat that is spread over all periods: the tracker can always begin anew
BEAT_WIDTH, BEAT_WIDTH_SHARE = 2.0, 0.06  # deviation of an onset from its beat: frames, or a share of the period
BEAT_SHARE = 8  # a beat fills 1 / BEAT_SHARE of its period
EXPONENT = 0.5  # power of the likelihood of a frame, below 1 since neighbouring frames are dependent
FLUX_GAIN, FLUX_LAG = 1000.0, 3  # log(1 + gain * power), power by its decaying maximum, rises over so many frames
BAND_DECAY = 0.999  # factor by which the maximum of a band falls in a frame: to 1 / e in 10 s
QUIET_BAND = 1e-4  # power by the loudest band's maximum: a band is not raised above this
LEAST_POWER = 1e-7  # power of the loudest band below which there is silence, -70 dBFS
LEAST_FLUX, PEAK_DECAY = 0.05, 0.9995  # activation is flux by its decaying maximum
REST_DECAY, REST_ACTIVATION, PLAYING_ACTIVATION = 0.985, 0.03, 0.1  # see `_attention`
WIDTH_LEVELS = 16  # weights that a state near a beat may have
REPORT_FRAMES = 5  # frames between two looks at the belief
PERIOD_TOLERANCE = 0.04  # periods that differ less are one tempo
ONSET_FRAMES = 64  # whose activation is kept
NEAR_BEAT = 0.1  # distance from a beat, in periods, within which an onset counts as that beat
BEAT_OVER = 0.25  # phase from which on nothing more is expected of a beat
CLEAR = 0.3  # share of the belief that one tempo and phase must have before a line begins
LONGEST_FIT = 8  # beats that the line is fitted to
LOST_PHASE = 0.15  # distance of a beat from its line, in periods, from which on a new line begins

SHORTEST, LONGEST = round(60 * FRAME_RATE / FASTEST_BPM), round(60 * FRAME_RATE / SLOWEST_BPM)  # frames
PERIODS = np.arange(SHORTEST, LONGEST + 1)
STARTS = np.concatenate([[0], np.cumsum(PERIODS)[:-1]])  # index at which the ring of each period begins
STATES = int(PERIODS.sum())


class Beat(NamedTuple):
    """A beat, and with it all that follow if the tempo stays: one at time_s + n * period_s for each whole n."""

    time_s: float  # of one beat, s since the stream began
    period_s: float
    confidence: float  # 0 nothing is known, 1 certain

    def phase_at(self, time_s: float) -> float:
        """Phase in [0, 1) at a moment, also of the future; 0 is on the beat, nan if there is no beat."""
        return (time_s - self.time_s) / self.period_s % 1.0 if self.period_s > 0 else float("nan")


NO_BEAT = Beat(0.0, 0.0, 0.0)


class Beats(NamedTuple):
    """The beats of a whole recording, in order; all (m,) float64."""

    times_s: np.ndarray
    periods_s: np.ndarray  # to the next beat
    confidence: np.ndarray  # 0 to 1


@dataclass
class PulseState:
    """State of a `PulseTracker` after the samples since the stream began."""

    samples: int  # seen so far
    recent: np.ndarray  # (< FFT_SIZE + FRAME_STEP,) float32, newest samples not yet left behind by the window
    bands: np.ndarray  # (FLUX_LAG, 64) float32, log power of the newest frames, oldest first
    peaks: np.ndarray  # (64,) float32, decaying maximum of the power of each band
    belief: np.ndarray  # (STATES,) float64, probability of each period and position
    onsets: np.ndarray  # (ONSET_FRAMES,) float64, activation of frame f at f % ONSET_FRAMES
    line: np.ndarray  # (LINE,) float64, see `_look`
    tempo_range: tuple[float, float]  # beats a minute


# Places in `PulseState.line`
LEVEL, FRAME, BEAT, PERIOD, FITTED, TRUST, ON_BEAT, OFF_BEAT, PHASE, RECENT, LINE = range(11)


class PulseTracker:
    """Follows the beat of a mono signal at 16 kHz and predicts it.

    It is causal, and its result depends on the samples, not on the sizes of their blocks.
    tempo_range: beats a minute, within [SLOWEST_BPM, FASTEST_BPM]; ValueError otherwise.
    """

    def __init__(self, tempo_range: tuple[float, float] = DEFAULT_TEMPO_RANGE):
        _model(tempo_range)
        self.tempo_range = tempo_range

    def start(self) -> PulseState:
        """State of a stream that has not begun."""
        line = np.zeros(LINE)
        line[LEVEL] = LEAST_FLUX
        belief = _model(self.tempo_range).first.copy()
        recent = np.zeros(FFT_SIZE - FRAME_STEP, np.float32)
        bands, onsets = np.zeros((FLUX_LAG, 64), np.float32), np.zeros(ONSET_FRAMES)
        peaks = np.zeros(64, np.float32)
        return PulseState(0, recent, bands, peaks, belief, onsets, line, self.tempo_range)

    def step(self, state: PulseState, audio: np.ndarray) -> Beat:
        """Hear a block of any length, (n,) float32 mono at 16 kHz; returns `beat`."""
        state.samples += len(audio)
        heard = np.concatenate([state.recent, np.asarray(audio, np.float32)])
        bands = _whitened_bands(heard, state.peaks)
        state.recent = heard[len(bands) * FRAME_STEP :]
        if len(bands):
            known = np.concatenate([state.bands, bands])
            state.bands = known[len(bands) :]
            model = _model(state.tempo_range)
            _filter(
                known, state.belief, state.onsets, state.line, PERIODS, STARTS, model.transition, model.prior,
                model.near, model.reach, model.circle,
            )  # fmt: skip
        return self.beat(state)

    @staticmethod
    def beat(state: PulseState) -> Beat:
        """The newest beat, in s since the stream began; NO_BEAT before there is one."""
        line = state.line
        if line[PERIOD] <= 0:
            return NO_BEAT
        seconds = (line[BEAT] * FRAME_STEP - ONSET_DELAY) / SAMPLERATE
        return Beat(float(seconds), float(line[PERIOD] / FRAME_RATE), float(line[TRUST]))

    def phase_at(self, state: PulseState, sample: float) -> float:
        """Phase in [0, 1) at a sample at 16 kHz, past or to come; nan if there is no beat."""
        return self.beat(state).phase_at(sample / SAMPLERATE)

    @staticmethod
    def set_range(state: PulseState, tempo_range: tuple[float, float]) -> None:
        """From now on look for tempi in this range, beats a minute; ValueError if it is not in the state space."""
        _model(tempo_range)
        state.tempo_range = tempo_range

    @staticmethod
    def scale_tempo(state: PulseState, factor: float) -> None:
        """Take `factor` times the tempo, 2 or 1/2; the newest beat stays a beat, and the range follows.

        The range becomes the octave around the new tempo, since the audio would else restore the old one.
        Without a beat, or where the new tempo is outside the state space, nothing changes.
        """
        period = state.line[PERIOD] / factor
        if not SHORTEST <= period <= LONGEST:
            return
        bpm, half = 60 * FRAME_RATE / period, np.sqrt(2)
        state.tempo_range = max(SLOWEST_BPM, bpm / half), min(FASTEST_BPM, bpm * half)
        state.belief[:] = _rescaled(state.belief, int(state.line[FRAME]), factor)
        state.line[PERIOD], state.line[FITTED] = period, 1


def beats_of(audio: np.ndarray, rate: int, tempo_range: tuple[float, float] = DEFAULT_TEMPO_RANGE) -> Beats:
    """The beats of a recording with hindsight, (n,) float32 mono at `rate` Hz; many hundred times real time.

    The same model as `PulseTracker`, but the likeliest path through the whole recording (Viterbi, 1967).
    """
    if rate != SAMPLERATE:
        audio = soxr.resample(np.asarray(audio, np.float32), rate, SAMPLERATE, "HQ")
    before_it, heard = np.zeros(FFT_SIZE - FRAME_STEP, np.float32), np.asarray(audio, np.float32)
    bands = _whitened_bands(np.concatenate([before_it, heard]), np.zeros(64, np.float32))
    empty = np.zeros(0)
    if len(bands) <= LONGEST:
        return Beats(empty, empty, empty)
    model = _model(tempo_range)
    activation = _activations(np.concatenate([np.zeros((FLUX_LAG, 64), np.float32), bands]))
    before = np.zeros((len(bands), len(PERIODS)), np.uint8)
    last = _viterbi(
        activation, model.log_first.copy(), before, PERIODS, STARTS, model.log_transition, model.log_prior, model.near,
        model.reach,
    )  # fmt: skip
    frames = _trace(before, *last, PERIODS)
    if len(frames) < 2:
        return Beats(empty, empty, empty)
    times = (_refined(activation, frames) + 1) * FRAME_STEP / SAMPLERATE - ONSET_DELAY / SAMPLERATE
    periods = np.diff(times, append=2 * times[-1] - times[-2])
    return Beats(times, periods, _contrast(activation, frames))


def phase_of(beats: Beats, times_s: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(phase in [0, 1), period s) at moments of a recording, both shaped as times_s; nan before the first beat.

    After the last beat the phase continues with the last period, for one period.

    >>> beats = Beats(np.array([1.0, 1.5]), np.array([0.5, 0.5]), np.ones(2))
    >>> [part.tolist() for part in phase_of(beats, np.array([0.5, 1.25, 1.75]))]
    [[nan, 0.5, 0.5], [nan, 0.5, 0.5]]
    """
    times = np.asarray(times_s, np.float64)
    if not len(beats.times_s):
        return np.full(times.shape, np.nan), np.full(times.shape, np.nan)
    beat = np.searchsorted(beats.times_s, times, "right") - 1
    period = np.where(beat >= 0, beats.periods_s[np.maximum(beat, 0)], np.nan)
    phase = (times - beats.times_s[np.maximum(beat, 0)]) / period
    inside = (beat >= 0) & (phase < 1)
    return np.where(inside, phase, np.nan), np.where(inside, period, np.nan)


# --- activation


def _whitened_bands(heard: np.ndarray, peaks: np.ndarray) -> np.ndarray:
    """`band_power` in the measure of each band: (n,) float32 -> (frames, 64) float32, 0 to log(1 + FLUX_GAIN).

    peaks: (64,) float32, the maxima of the bands so far, which are updated.
    """
    bands = band_power(heard)
    _whiten(bands, peaks)
    return bands


def band_power(heard: np.ndarray) -> np.ndarray:
    """(n,) float32 at 16 kHz -> (frames, 64) float32: power in mel bands of each window that `heard` holds."""
    if len(heard) < FFT_SIZE:
        return np.zeros((0, 64), np.float32)
    filters, first, last, window = _filters()
    frames = sliding_window_view(heard, FFT_SIZE)[::FRAME_STEP]
    bands = np.empty((len(frames), 64), np.float32)
    for begin in range(0, len(frames), 1000):  # the spectra of a long file would fill the memory
        spectra = np.fft.rfft(frames[begin : begin + 1000] * window)
        _band_power(spectra, filters, first, last, bands[begin : begin + 1000])
    return bands


@lru_cache
def _filters() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """((64, bins) float32 filters of unit sum, first and last bin of each, (FFT_SIZE,) window of unit gain)."""
    filters = mel_filters().astype(np.float32)
    filters = filters / filters.sum(axis=1, keepdims=True)
    used = filters > 0
    first, last = used.argmax(axis=1), filters.shape[1] - used[:, ::-1].argmax(axis=1)
    window = (1 - np.cos(2 * np.pi * np.arange(FFT_SIZE) / FFT_SIZE)) / FFT_SIZE * 2
    return filters, first, last, window.astype(np.float32)


@compiled()
def _band_power(
    spectra: np.ndarray, filters: np.ndarray, first: np.ndarray, last: np.ndarray, bands: np.ndarray
) -> None:
    """Write the power of each band. Summed bin by bin, so that a frame does not depend on others."""
    power = np.empty(spectra.shape[1], np.float32)
    for frame in range(len(spectra)):
        for b in range(spectra.shape[1]):
            point = spectra[frame, b]
            power[b] = point.real * point.real + point.imag * point.imag
        for band in range(len(filters)):
            total = np.float32(0.0)
            for b in range(first[band], last[band]):
                total += power[b] * filters[band, b]
            bands[frame, band] = total


@compiled()
def _whiten(bands: np.ndarray, peaks: np.ndarray) -> None:
    """Replace power by log(1 + FLUX_GAIN * power by its decaying maximum), frame by frame."""
    for frame in range(len(bands)):
        loudest = max(np.float32(LEAST_POWER), peaks.max())
        for band in range(len(peaks)):
            peaks[band] = max(bands[frame, band], peaks[band] * np.float32(BAND_DECAY))
            scale = max(peaks[band], loudest * np.float32(QUIET_BAND))
            bands[frame, band] = np.log1p(np.float32(FLUX_GAIN) * bands[frame, band] / scale)


@compiled()
def _activation(bands: np.ndarray, frame: int, level: float) -> tuple[float, float]:
    """(activation in [0, 1], maximum of the flux) of a frame; `bands` holds FLUX_LAG frames more, in front."""
    flux = 0.0
    for band in range(bands.shape[1]):
        flux += max(np.float32(0.0), bands[frame + FLUX_LAG, band] - bands[frame, band])
    flux /= bands.shape[1]
    level = max(flux, level * PEAK_DECAY, LEAST_FLUX)
    return flux / level, level


@compiled()
def _activations(bands: np.ndarray) -> np.ndarray:
    """(FLUX_LAG + n, 64) -> (n,) float64 activation of each frame."""
    activation, level = np.empty(len(bands) - FLUX_LAG), LEAST_FLUX
    for frame in range(len(activation)):
        activation[frame], level = _activation(bands, frame, level)
    return activation


# --- state space


class _Model(NamedTuple):
    """What the state space is like for one range of tempo."""

    first: np.ndarray  # (STATES,) prior probability
    prior: np.ndarray  # (periods,) probability of each period
    transition: np.ndarray  # (periods, periods) [from, to]
    log_first: np.ndarray
    log_prior: np.ndarray
    log_transition: np.ndarray
    near: np.ndarray  # (periods, 2 * widest reach + 1) uint8, weight of the positions from -reach to reach of a beat
    reach: np.ndarray  # (periods,) frames before and after a beat in which it is observed
    circle: np.ndarray  # (STATES, 2) cos and sin of the phase of each position


@lru_cache(maxsize=16)
def _model(tempo_range: tuple[float, float]) -> _Model:
    slow, fast = tempo_range
    tempi = 60 * FRAME_RATE / PERIODS
    inside = (tempi >= slow * 0.98) & (tempi <= fast * 1.02)
    if not SLOWEST_BPM <= slow < fast <= FASTEST_BPM or not inside.any():
        raise ValueError(
            f"tempo range {slow:g} to {fast:g}: expected two tempi from {SLOWEST_BPM:g} to {FASTEST_BPM:g}"
        )
    prior = np.exp(-0.5 * (np.log2(tempi / LIKELIEST_BPM) / TEMPO_SPREAD) ** 2) * inside
    prior /= prior.sum()
    change = np.abs(PERIODS[None] / PERIODS[:, None] - 1)
    transition = np.exp(-STEADINESS * change) * inside * (np.abs(PERIODS[None] - PERIODS[:, None]) <= WIDEST_CHANGE)
    transition = (1 - LEAK) * transition / np.maximum(transition.sum(axis=1, keepdims=True), 1e-30)
    width = np.maximum(BEAT_WIDTH, BEAT_WIDTH_SHARE * PERIODS)
    reach = np.minimum(np.ceil(2 * width), PERIODS // 2 - 1).astype(np.int64)
    offset = np.arange(2 * reach.max() + 1) - reach[:, None]
    near = np.round((WIDTH_LEVELS - 1) * np.exp(-0.5 * (offset / width[:, None]) ** 2)).astype(np.uint8)
    phase = 2 * np.pi * np.concatenate([np.arange(period) / period for period in PERIODS])
    first = np.repeat(prior / PERIODS, PERIODS)
    with np.errstate(divide="ignore"):
        logs = np.log(first), np.log(LEAK * prior), np.log(transition)
    circle = np.stack([np.cos(phase), np.sin(phase)], axis=1)
    return _Model(first, prior, transition, *logs, near, reach, circle)


@compiled()
def _attention(recent: float) -> float:
    """How far a frame counts, in [0, 1], by the decaying maximum of the activation.

    In a rest the lack of an onset says nothing against a beat. From 1.5 s after the last onset on it counts less and
    less, and after 2.5 s not at all.
    """
    if recent <= REST_ACTIVATION:
        return 0.0
    return float(min(1.0, np.log(recent / REST_ACTIVATION) / np.log(PLAYING_ACTIVATION / REST_ACTIVATION)))


@compiled()
def _likelihoods(activation: float, recent: float, table: np.ndarray) -> None:
    """Write the likelihood of a frame for each weight of a beat, by that far from any beat."""
    bounded = min(max(activation, 0.01), 0.99)
    ratio = (bounded * (BEAT_SHARE - 1) / (1 - bounded)) ** (EXPONENT * _attention(recent))
    for level in range(WIDTH_LEVELS):
        table[level] = 1 + level / (WIDTH_LEVELS - 1) * (ratio - 1)


@compiled()
def _filter(
    bands: np.ndarray, belief: np.ndarray, onsets: np.ndarray, line: np.ndarray, periods: np.ndarray,
    starts: np.ndarray, transition: np.ndarray, prior: np.ndarray, near: np.ndarray, reach: np.ndarray,
    circle: np.ndarray,
) -> None:  # fmt: skip
    """Update belief and line by every frame of `bands`, which holds FLUX_LAG frames more, in front."""
    ending, table, mass = np.empty(len(periods)), np.empty(WIDTH_LEVELS), np.empty(len(periods))
    for n in range(len(bands) - FLUX_LAG):
        activation, line[LEVEL] = _activation(bands, n, line[LEVEL])
        frame = int(line[FRAME]) + 1
        line[FRAME] = frame
        onsets[frame % ONSET_FRAMES] = activation
        _move(belief, frame, periods, starts, transition, prior, ending)
        line[RECENT] = max(activation, line[RECENT] * REST_DECAY)
        _likelihoods(activation, line[RECENT], table)
        for p in range(len(periods)):
            ring, place = belief[starts[p] : starts[p] + periods[p]], (-reach[p] - frame) % periods[p]
            for offset in range(2 * reach[p] + 1):
                ring[place] *= table[near[p, offset]]
                place += 1
                if place == periods[p]:
                    place = 0
        _compare(line, frame, activation)
        if frame % REPORT_FRAMES == 0:
            belief /= belief.sum()
            _look(belief, onsets, line, periods, starts, circle, mass)


@compiled()
def _move(
    belief: np.ndarray, frame: int, periods: np.ndarray, starts: np.ndarray, transition: np.ndarray,
    prior: np.ndarray, ending: np.ndarray,
) -> None:  # fmt: skip
    """Let the beats that end with the frame before begin anew, with the same or a nearby period."""
    total = 0.0
    for p in range(len(periods)):
        ending[p] = belief[starts[p] + (-frame) % periods[p]]
        total += ending[p]
    for p in range(len(periods)):
        arriving = LEAK * total * prior[p]
        for q in range(max(0, p - WIDEST_CHANGE), min(len(periods), p + WIDEST_CHANGE + 1)):
            arriving += ending[q] * transition[q, p]
        belief[starts[p] + (-frame) % periods[p]] = arriving


@compiled()
def _look(
    belief: np.ndarray, onsets: np.ndarray, line: np.ndarray, periods: np.ndarray, starts: np.ndarray,
    circle: np.ndarray, mass: np.ndarray,
) -> None:  # fmt: skip
    """Read tempo and phase from the belief; where a beat has passed, fit the line of beats to it.

    The tempo is that of the heaviest group of neighbouring periods, the phase its circular mean.
    """
    for p in range(len(periods)):
        mass[p] = belief[starts[p] : starts[p] + periods[p]].sum()
    heaviest, best = 0.0, 0
    for p in range(len(periods)):
        width = max(1, int(PERIOD_TOLERANCE * periods[p]))
        total = mass[max(0, p - width) : p + width + 1].sum()
        if total > heaviest:
            heaviest, best = total, p
    width, frame = max(1, int(PERIOD_TOLERANCE * periods[best])), int(line[FRAME])
    x, y, period = 0.0, 0.0, 0.0
    for p in range(max(0, best - width), min(len(periods), best + width + 1)):
        period += mass[p] * periods[p] / heaviest
        place = (-frame) % periods[p]
        for position in range(starts[p], starts[p] + periods[p]):
            x += belief[starts[p] + place] * circle[position, 0]
            y += belief[starts[p] + place] * circle[position, 1]
            place = place + 1 if place + 1 < periods[p] else 0
    phase = np.arctan2(y, x) / (2 * np.pi) % 1.0
    clear, passed = np.sqrt(x * x + y * y), BEAT_OVER <= phase < BEAT_OVER + 0.5
    if clear > CLEAR and _attention(line[RECENT]) > 0 and passed and not BEAT_OVER <= line[PHASE] < BEAT_OVER + 0.5:
        _fit(line, _beat_before(onsets, frame, phase, period), period)
    line[PHASE] = phase
    contrast = (line[ON_BEAT] - line[OFF_BEAT]) / (line[ON_BEAT] + line[OFF_BEAT] + 0.05)
    line[TRUST] = clear * min(max(contrast, 0.0), 1.0)


@compiled()
def _beat_before(onsets: np.ndarray, frame: int, phase: float, period: float) -> float:
    """The frame of the last beat: where the phase was 0, drawn to the strongest onset near it, by its strength."""
    beat = frame - phase * period
    strongest = int(np.rint(beat))
    width = int(NEAR_BEAT * period)
    for near in range(int(np.rint(beat)) - width, min(int(np.rint(beat)) + width, frame) + 1):
        if onsets[near % ONSET_FRAMES] > onsets[strongest % ONSET_FRAMES]:
            strongest = near
    return float(beat + onsets[strongest % ONSET_FRAMES] * (strongest - beat))


@compiled()
def _fit(line: np.ndarray, beat: float, period: float) -> None:
    """Fit the line to one more beat, at frame `beat`: least squares, of which old beats are forgotten.

    With n beats the gains are those of a growing fit of a straight line, and stay as they are from LONGEST_FIT on.
    """
    if line[PERIOD] > 0 and abs(line[PERIOD] / period - 1) < 2 * PERIOD_TOLERANCE:
        beats = np.rint((beat - line[BEAT]) / line[PERIOD])
        error = beat - line[BEAT] - beats * line[PERIOD]
        if beats < 1 and abs(error) < LOST_PHASE * line[PERIOD]:
            return
        if abs(error) < LOST_PHASE * line[PERIOD]:
            line[FITTED] = min(line[FITTED] + 1, LONGEST_FIT)
            n = line[FITTED]
            line[BEAT] += beats * line[PERIOD] + error * 2 * (2 * n - 1) / (n * (n + 1))
            line[PERIOD] += error / beats * 6 / (n * (n + 1))
            return
    line[BEAT], line[PERIOD], line[FITTED] = beat, period, 1


@compiled()
def _compare(line: np.ndarray, frame: int, activation: float) -> None:
    """Keep the mean activation on the beats and between them, over the last four beats or so."""
    if line[PERIOD] <= 0:
        return
    phase = (frame - line[BEAT]) / line[PERIOD] % 1.0
    away = min(phase, 1 - phase)
    if away < 0.08:
        line[ON_BEAT] += (activation - line[ON_BEAT]) / (0.16 * 4 * line[PERIOD])
    elif 0.15 < away < 0.4:
        line[OFF_BEAT] += (activation - line[OFF_BEAT]) / (0.5 * 4 * line[PERIOD])


@compiled()
def _rescaled(belief: np.ndarray, frame: int, factor: float) -> np.ndarray:
    """The belief at `factor` times the tempo: each state goes where the same time since its beat has passed."""
    scaled = np.full(len(belief), 1e-12)
    start = 0
    for period in range(SHORTEST, LONGEST + 1):
        other = int(np.rint(period / factor))
        if SHORTEST <= other <= LONGEST:
            begin = (other - SHORTEST) * (SHORTEST + other - 1) // 2
            for position in range(period):
                scaled[begin + (position % other - frame) % other] += belief[start + (position - frame) % period]
        start += period
    scaled /= scaled.sum()
    return scaled


# --- hindsight


@compiled()
def _viterbi(
    activation: np.ndarray, score: np.ndarray, before: np.ndarray, periods: np.ndarray, starts: np.ndarray,
    transition: np.ndarray, prior: np.ndarray, near: np.ndarray, reach: np.ndarray,
) -> tuple[int, int, int]:  # fmt: skip
    """(last frame, period, position) of the best path; `before` gets the period before each beat that may begin.

    score: (STATES,) log probability of each state before the first frame; transition, prior: logs.
    """
    ending, table, recent = np.empty(len(periods)), np.empty(WIDTH_LEVELS), 0.0
    for frame in range(len(activation)):
        best = 0
        for p in range(len(periods)):
            ending[p] = score[starts[p] + (-frame) % periods[p]]
            if ending[p] > ending[best]:
                best = p
        for p in range(len(periods)):
            arriving, origin = ending[best] + prior[p], best
            for q in range(max(0, p - WIDEST_CHANGE), min(len(periods), p + WIDEST_CHANGE + 1)):
                if ending[q] + transition[q, p] > arriving:
                    arriving, origin = ending[q] + transition[q, p], q
            score[starts[p] + (-frame) % periods[p]], before[frame, p] = arriving, origin
        recent = max(activation[frame], recent * REST_DECAY)
        _likelihoods(activation[frame], recent, table)
        for level in range(WIDTH_LEVELS):
            table[level] = np.log(table[level])
        for p in range(len(periods)):
            ring, place = score[starts[p] : starts[p] + periods[p]], (-reach[p] - frame) % periods[p]
            for offset in range(2 * reach[p] + 1):
                ring[place] += table[near[p, offset]]
                place += 1
                if place == periods[p]:
                    place = 0
    last, winner, place = len(activation) - 1, 0, 0
    for p in range(len(periods)):
        index = starts[p] + np.argmax(score[starts[p] : starts[p] + periods[p]])
        if score[index] > score[starts[winner] + (place - last) % periods[winner]] or p == 0:
            winner, place = p, (index - starts[p] + last) % periods[p]
    return last, winner, place


@compiled()
def _trace(before: np.ndarray, frame: int, period: int, position: int, periods: np.ndarray) -> np.ndarray:
    """Frames of the beats on the path that ends in a state, oldest first."""
    beats = np.empty(len(before) // periods[0] + 2, np.int64)
    count, beat = 0, frame - position
    while beat >= 0:
        beats[count] = beat
        count += 1
        period = before[beat, period]
        beat -= periods[period]
    return beats[:count][::-1].copy()


def _refined(activation: np.ndarray, frames: np.ndarray) -> np.ndarray:
    """Times of the beats in frames, less grained than whole frames: a straight line through each five of them."""
    index = np.arange(len(frames))
    width = min(2, (len(frames) - 1) // 2)
    smooth = frames.astype(np.float64)
    for n in index[width : len(frames) - width]:
        smooth[n] = frames[n - width : n + width + 1].mean()
    return np.where(np.abs(smooth - frames) < 3, smooth, frames)


def _contrast(activation: np.ndarray, frames: np.ndarray) -> np.ndarray:
    """(m,) confidence: by how much the activation on beats exceeds that between them, over eight beats around each."""
    edges = np.append(frames, 2 * frames[-1] - frames[-2])
    total = np.concatenate([[0.0], np.cumsum(activation)])
    on = np.array([activation[max(0, beat - 3) : beat + 4].mean() for beat in frames])
    off = np.diff(total[np.clip(edges, 0, len(activation))]) / np.diff(edges)
    kernel = np.ones(min(9, len(frames))) / min(9, len(frames))
    on, off = np.convolve(on, kernel, "same"), np.convolve(off, kernel, "same")
    return np.clip((on - off) / (on + off + 0.02), 0, 1)
