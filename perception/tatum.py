"""The tatum of an onset envelope: the finest regular pulse to which the onsets of a musician keep (Bilmes, 1993).

A beat tracker has to settle which pulse is *the* beat, and loses it where nothing marks it. Answering in time needs
less: some regular grid, exactly placed. So the envelope is compared with every period (a Fourier tempogram; Grosche &
Müller, "Extracting predominant local pulse information from music recordings", IEEE TASLP 2011), in a window that
forgets exponentially, and the period with the strongest sum is the tatum, its phase the phase of that sum:

    X(p) = sum over frames k of exp(-(now - k) / memory) * sqrt(onset(k)) * exp(2 pi i k / p).

The longer the memory, the more exact the grid, and the more it suffers where the tempo drifts. Several memories run
side by side, and each is judged by what it said beforehand: how far the onsets of the last seconds fell where it had
put them. That, in standard deviations of what chance would give, is also the confidence.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

BLOCK = 50  # frames that are taken in at a time, 0.5 s; the envelope has 100 frames a second
PERIODS = np.exp(np.linspace(np.log(16.0), np.log(60.0), 2400))  # frames; neighbours differ by 0.05 %
MEMORIES = np.array([800.0, 2000.0, 6000.0])  # frames after which an onset counts 1 / e
LIKELIEST, SPREAD = 25.0, 0.8  # period in frames, and deviation in octaves: what is taken where several fit
FAITHFULNESS = 1.15  # by which another period must be stronger than the one held
NEAR = 6  # neighbouring periods that count as the one held
JUDGED = 1000.0  # frames after which a success or failure counts 1 / e
CORRELATED = 8.0  # frames of the envelope that say about the same
TO_SHORTER, TO_LONGER = 1.5, -0.5  # lead in standard deviations by which a shorter or a longer memory takes over
CHANCE, CERTAIN = 1.0, 4.0  # standard deviations above what chance gives that are a confidence of 0 and of 1
_WEIGHTS = np.exp(-0.5 * np.square(np.log2(PERIODS / LIKELIEST) / SPREAD))
_TURN = np.exp(2j * np.pi * np.arange(BLOCK) / PERIODS[:, None])  # (periods, BLOCK)


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
    """What has been learned from the frames heard; `hear` goes on with it."""

    frames: int = 0  # taken in
    recent: np.ndarray = field(default_factory=lambda: np.zeros(0, np.float32))  # heard and not yet taken in
    sums: np.ndarray = field(default_factory=lambda: np.zeros((len(MEMORIES), len(PERIODS)), np.complex128))
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
        _take_in(state, np.sqrt(np.maximum(heard[begin : begin + BLOCK], 0)).astype(np.float64))
    state.recent = heard[whole:]


def _take_in(state: TatumState, block: np.ndarray) -> None:
    """Judge every memory by a block, (BLOCK,) float64, and learn from it."""
    first, moving = state.frames, block - block.mean()
    forgetting = np.exp(-BLOCK / JUDGED)
    state.success *= forgetting
    state.power = state.power * forgetting + float(np.square(moving).sum())
    for number, held in enumerate(state.held):
        if held >= 0:
            grid = _grid(state.sums[number, held], PERIODS[held])
            phase = (first + np.arange(BLOCK) - grid.frame) / grid.period
            state.success[number] += float((moving * np.cos(2 * np.pi * phase)).sum())
    state.sums *= np.exp(-BLOCK / MEMORIES)[:, None]
    state.sums += np.exp(2j * np.pi * first / PERIODS) * (_TURN @ block)
    state.frames = first + BLOCK
    if state.power > 0:
        state.held = [
            _strongest(np.abs(sums) * _WEIGHTS, held) for sums, held in zip(state.sums, state.held, strict=True)
        ]
        state.tatum = _leading(state)


def _grid(total: complex, period: float) -> Tatum:
    return Tatum(float(np.angle(total) / (2 * np.pi) * period), float(period), 0.0)


def _strongest(strength: np.ndarray, held: int) -> int:
    """The period that is held, moved to a stronger neighbour, unless another one is clearly stronger."""
    best = int(strength.argmax())
    if held < 0:
        return best
    first = max(0, held - NEAR)
    near = first + int(strength[first : held + NEAR + 1].argmax())
    return best if strength[best] >= FAITHFULNESS * strength[near] else near


def _leading(state: TatumState) -> Tatum:
    """The tatum of the memory whose predictions came true."""
    z = state.success / np.sqrt(state.power * CORRELATED / 2)
    best = int(z.argmax())
    needed = TO_SHORTER if best < state.leading else TO_LONGER
    if best != state.leading and z[best] >= z[state.leading] + needed:
        state.leading = best
    leading = state.leading
    confidence = float(np.clip((z[leading] - CHANCE) / (CERTAIN - CHANCE), 0, 1))
    held = state.held[leading]
    return _grid(state.sums[leading, held], PERIODS[held])._replace(confidence=confidence)
