"""The tatum of an onset envelope: the finest regular pulse to which the onsets of a musician keep (Bilmes, 1993).

A beat tracker has to settle which pulse is *the* beat, and loses it where nothing marks it. Answering in time needs
less: some regular grid, exactly placed. So the onsets are compared with every period (a Fourier tempogram; Grosche &
Müller, "Extracting predominant local pulse information from music recordings", IEEE TASLP 2011), in a window that
forgets exponentially, and the period with the strongest sum is the tatum, its phase the phase of that sum:

    X(p) = sum over onsets k of exp(-(now - k) / memory) * strength(k) * exp(2 pi i k / p).

An onset is a frame in which the envelope is higher than before and after it. What lies between, the slope of a bow or
the noise of a distorted guitar, has no time that could be kept, and would only move the period. A period whose half is
kept to as well is preferred: where a guitarist leaves it for its off-beats, the sum over the half stays in phase.

The longer the memory, the more exact the grid, and the more it suffers where the tempo drifts. Several memories run
side by side, and each is judged by its predictions: how far the onsets of the last seconds fell where it had put
them. That, in standard deviations of what chance would give, is also the confidence.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

BLOCK = 50  # frames that are taken in at a time, 0.5 s; the envelope has 100 frames a second
STEPS = 1386  # periods of an octave; neighbours differ by 0.05 %
SUMMED = 8.0 * np.exp2(np.arange(5052) / STEPS)  # frames; periods of the tempogram
PERIODS = SUMMED[STEPS:]  # possible periods of a tatum, 16 to 100; half of each stands STEPS before it
HALF = 0.25  # weight of the power at half of a period: more is as good for bands and guitars, and worse for melodies
MEMORIES = np.array([400.0, 800.0, 2000.0, 6000.0])  # frames after which an onset counts 1 / e
LIKELIEST, SPREAD = 25.0, 0.8  # period in frames, and deviation in octaves: what is taken where several fit
FAITHFULNESS = 1.15  # ratio by which another period must be stronger than the current one
NEAR = 6  # neighbouring periods that count as the current one
MULTIPLES = (4, 3, 2)  # a pulse is as strong at parts of its period: a multiple of one that is so strong is taken
AS_STRONG = 0.85
LATER = 20  # delay, in blocks, after which the tatum of a moment of a recording is read
JUDGED = 1000.0  # frames after which a success or failure counts 1 / e
CORRELATED = 8.0  # correlation length of the envelope, frames
TO_SHORTER, TO_LONGER = 1.0, -0.5  # lead in standard deviations by which a shorter or a longer memory takes over
LONGEST, CARRIED = 300.0, 4.0  # frames between two beats of one tempo, and beats by which it goes on at its ends
CHANCE, CERTAIN = 1.0, 4.0  # standard deviations above what chance gives that are a confidence of 0 and of 1
_WEIGHTS = np.exp(-0.5 * np.square(np.log2(PERIODS / LIKELIEST) / SPREAD))
_TURNS = np.exp(2j * np.pi * np.arange(BLOCK)[:, None] / SUMMED).astype(np.complex64).view(np.float32)  # (BLOCK, 2 n)


class Tatum(NamedTuple):
    """A regular grid, at frame + n * period for every whole n."""

    frame: float  # of the envelope
    period: float  # frames, 0 if there is none
    confidence: float  # 0 no better than chance, 1 certain

    def comb(self, first: int, frames: int, width: float) -> np.ndarray:
        """(frames,) float32 from frame `first` on: 1 on the grid, with bumps of this standard deviation, in frames."""
        if not self.period:
            return np.zeros(frames, np.float32)
        phase = (first + np.arange(frames) - self.frame) / self.period
        away = np.abs(phase - np.rint(phase)) * self.period
        return np.asarray(np.exp(-0.5 * np.square(away / width)), np.float32)


NO_TATUM = Tatum(0.0, 0.0, 0.0)


@dataclass
class TatumState:
    """State after the frames so far; `hear` updates it."""

    frames: int = 0  # taken in
    recent: np.ndarray = field(default_factory=lambda: np.zeros(0, np.float32))  # received and not yet processed
    before: np.ndarray = field(default_factory=lambda: np.zeros(2))  # the last frames taken in
    sums: np.ndarray = field(default_factory=lambda: np.zeros((len(MEMORIES), len(SUMMED)), np.complex128))
    held: list[int] = field(default_factory=lambda: [-1] * len(MEMORIES))  # number of the period each memory holds
    success: np.ndarray = field(default_factory=lambda: np.zeros(len(MEMORIES)))
    power: float = 0.0  # of the frames by which they were judged
    leading: int = len(MEMORIES) - 1  # number of the memory that leads
    tatum: Tatum = NO_TATUM


def hear(state: TatumState, onsets: np.ndarray) -> None:
    """Go on with (n,) frames of an onset envelope, as `perception.onsets` makes it; n may be any number."""
    heard = np.concatenate([state.recent, np.asarray(onsets, np.float32)])
    whole = len(heard) // BLOCK * BLOCK
    for begin in range(0, whole, BLOCK):
        _take_in(state, heard[begin : begin + BLOCK].astype(np.float64))
    state.recent = heard[whole:]


def _take_in(state: TatumState, block: np.ndarray) -> None:
    """Judge every memory by a block, (BLOCK,) float64, and learn from it."""
    first, moving = state.frames, block - block.mean()
    forgetting = np.exp(-BLOCK / JUDGED)
    state.success *= forgetting
    state.power = state.power * forgetting + float(np.square(moving).sum())
    for number, held in enumerate(state.held):
        if held >= 0:
            grid = _grid(state, number)
            phase = (first + np.arange(BLOCK) - grid.frame) / grid.period
            state.success[number] += float((moving * np.cos(2 * np.pi * phase)).sum())
    state.sums *= np.exp(-BLOCK / MEMORIES)[:, None]
    at, strengths = _onsets(np.concatenate([state.before, block]))
    if len(at):
        state.sums += _turned(first - 1, at, strengths)
    state.before = block[-2:]
    state.frames = first + BLOCK
    if state.power > 0 and state.sums.any():
        state.held = [_strongest(np.abs(sums), held) for sums, held in zip(state.sums, state.held, strict=True)]
        state.tatum = _leading(state)


def _onsets(heard: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """((n,) places, (n,) float32 strengths) of the onsets in (BLOCK + 2,) frames, those at both ends left out."""
    middle = heard[1:-1]
    at = np.flatnonzero((middle > heard[:-2]) & (middle >= heard[2:]))
    return at, middle[at].astype(np.float32)


def _turned(first: int, at: np.ndarray, strengths: np.ndarray) -> np.ndarray:
    """(periods,) complex64: the sum over onsets, each turned by the phase of its frame, first + at.

    Without BLAS, whose second thread would wait for the next product by spinning.
    """
    angle = (2 * np.pi * (first / SUMMED % 1.0)).astype(np.float32)
    within = np.einsum("kp,k->p", _TURNS[at], strengths).view(np.complex64)
    return np.asarray((np.cos(angle) + 1j * np.sin(angle)) * within)


def _grid(state: TatumState, memory: int) -> Tatum:
    """That of the period which a memory holds."""
    held = state.held[memory]
    period = float(PERIODS[held])
    return Tatum(float(np.angle(state.sums[memory, STEPS + held]) / (2 * np.pi) * period), period, 0.0)


def _strongest(summed: np.ndarray, held: int) -> int:
    """The current period, moved to a stronger neighbour, unless another one is clearly stronger."""
    strength = summed[STEPS:]
    likely = np.sqrt(np.square(strength) + HALF * np.square(summed[:-STEPS])) * _WEIGHTS
    best = int(likely.argmax())
    if held >= 0:
        near = _strongest_near(likely, held)
        best = best if likely[best] >= FAITHFULNESS * likely[near] else near
    for multiple in MULTIPLES:
        longer = best + round(STEPS * np.log2(multiple))
        if longer < len(strength) and strength[near := _strongest_near(strength, longer)] >= AS_STRONG * strength[best]:
            return near
    return best


def _strongest_near(strength: np.ndarray, number: int) -> int:
    first = max(0, number - NEAR)
    return first + int(strength[first : number + NEAR + 1].argmax())


def _leading(state: TatumState) -> Tatum:
    """The tatum of the memory whose predictions came true."""
    z = state.success / np.sqrt(state.power * CORRELATED / 2)
    best = int(z.argmax())
    needed = TO_SHORTER if best < state.leading else TO_LONGER
    if best != state.leading and z[best] >= z[state.leading] + needed:
        state.leading = best
    leading = state.leading
    confidence = float(np.clip((z[leading] - CHANCE) / (CERTAIN - CHANCE), 0, 1))
    return _grid(state, leading)._replace(confidence=confidence)


class TatumTrack:
    """The tatum of a recording at every moment, as it was known `LATER` blocks after it; the recording may grow.

    onsets: (frames,) of its envelope. rows: what `rows` gave for these onsets before, if it did; then nothing is
    computed, and what is appended begins anew. Rows of another number of frames are not used.
    """

    def __init__(self, onsets: np.ndarray | None = None, rows: np.ndarray | None = None):
        self._state, self._rows = TatumState(), list[Tatum]()
        self._columns = np.zeros(0), np.zeros(0)
        if onsets is None:
            return
        if rows is None or len(rows) != len(onsets) // BLOCK:
            self.append(onsets)
            return
        self._rows = [Tatum(*row) for row in np.asarray(rows, np.float64).tolist()]
        self._begin_anew(len(onsets))

    def __len__(self) -> int:
        """Number of frames of the envelope."""
        return self._state.frames + len(self._state.recent)

    def append(self, onsets: np.ndarray) -> None:
        """Go on with (n,) frames of the onset envelope."""
        first = 0
        while first < len(onsets):
            size = BLOCK - len(self._state.recent)
            hear(self._state, onsets[first : first + size])
            if not len(self._state.recent):
                self._rows.append(self._state.tatum)
            first += size

    def truncate(self, frames: int) -> None:
        """Keep so many frames, if there are more, and begin anew from there."""
        if frames < len(self):
            del self._rows[frames // BLOCK :]
            self._columns = np.zeros(0), np.zeros(0)
            self._begin_anew(frames)

    def _begin_anew(self, frames: int) -> None:
        whole = frames // BLOCK * BLOCK
        self._state = TatumState(frames=whole, recent=np.zeros(frames - whole, np.float32))

    @property
    def rows(self) -> np.ndarray:
        """(blocks, 3) float64: frame, period and confidence after each block, from which it can be made again."""
        return np.array(self._rows, np.float64).reshape(-1, 3)

    def at(self, frame: float) -> Tatum:
        """The tatum around a frame; NO_TATUM where nothing is known."""
        if not self._rows:
            return NO_TATUM
        return self._rows[min(max(int(frame // BLOCK), 0) + LATER, len(self._rows) - 1)]

    def periods(self) -> tuple[np.ndarray, np.ndarray]:
        """(periods in frames, confidences), (blocks,) float64 each: `at` for every block."""
        if len(self._columns[0]) != len(self._rows):
            rows = [self.at(block * BLOCK) for block in range(len(self._rows))]
            self._columns = np.array([row.period for row in rows]), np.array([row.confidence for row in rows])
        return self._columns


class BeatTrack(TatumTrack):
    """The half beats that somebody has named, and the tatum where nobody has.

    beats: (n,) float64, rising, in frames of the envelope; every beat is on the grid, and the middle between two.
    spans: (first, stop) in frames of each stretch whose beats were named; it has two of them at least. There the tatum
    counts for nothing, even where no beat is near. A grid goes on for `CARRIED` beats beyond the first and the last
    one, not beyond its stretch, and ends where two beats are farther apart than `LONGEST`.
    """

    def __init__(
        self, onsets: np.ndarray, rows: np.ndarray | None, beats: np.ndarray, spans: Sequence[tuple[float, float]]
    ):
        super().__init__(onsets, rows)
        pieces: list[tuple[float, Tatum | None]] = [
            (-np.inf, None)
        ]  # from a frame on, up to the next: a grid, or None for the tatum
        for first, stop in spans:
            pieces += _pieces(beats[(beats >= first) & (beats < stop)], first, stop)
            pieces.append((stop, None))
        self._begins, self._grids = np.array([begin for begin, _ in pieces]), [grid for _, grid in pieces]

    def at(self, frame: float) -> Tatum:
        """The grid around a frame; NO_TATUM where nothing is known."""
        grid = self._grids[int(np.searchsorted(self._begins, frame, side="right")) - 1]
        return super().at(frame) if grid is None else grid


def _pieces(beats: np.ndarray, first: float, stop: float) -> list[tuple[float, Tatum | None]]:
    """The grids of one stretch, each with the frame from which on it holds."""
    pieces: list[tuple[float, Tatum | None]] = [(first, NO_TATUM)]
    breaks = np.flatnonzero(np.diff(beats) > LONGEST) + 1
    runs = [run for run in np.split(beats, breaks) if len(run) > 1]
    for number, run in enumerate(runs):
        before = (runs[number - 1][-1] + run[0]) / 2 if number else first
        after = (run[-1] + runs[number + 1][0]) / 2 if number + 1 < len(runs) else stop
        periods = np.diff(run)
        begins = [max(before, run[0] - CARRIED * periods[0]), *run[1:-1]]
        pieces += [
            (begin, Tatum(float(beat), float(period) / 2, 1.0))
            for begin, beat, period in zip(begins, run[:-1], periods, strict=True)
        ]
        pieces.append((min(after, run[-1] + CARRIED * periods[-1]), NO_TATUM))
    return pieces
