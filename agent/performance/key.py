"""Key matching: the transposition of a memory, in semitones, that brings it nearest to the musician's harmony.

For every input hop and every transposition by up to `REACH` semitones, the agreement is the mean cosine with the best
matching positions of the memory. (A mean over keys would not do: two pieces of one key may share no chord, and those of
two keys many.) The running mean of the agreement decides, with hysteresis, so that the transposition does not follow
single chords.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

REACH = 2  # semitones either way; further away a sound is no longer the instrument that it was
MEAN_HOPS = 32.0  # of the running mean
LEAST_HOPS = 8  # that must have sounded before anything is known
MARGIN = 0.015  # of agreement, by which another transposition must be better
BEST_SHARE = 0.01  # of the positions, the best, whose agreement counts
LEAST_BEST = 8  # but at least so many
MOST_PLACES = 1500  # of a memory that are compared
LEAST_SOUND = 0.3  # length of the key of a hop that sounds, see `perception.chroma`
SHIFTS = np.arange(-REACH, REACH + 1)


@dataclass
class KeyState:
    """How well each transposition has agreed so far with one memory."""

    memory: int = -1  # its number
    hops: int = 0  # that have sounded
    agreement: np.ndarray = field(default_factory=lambda: np.zeros(len(SHIFTS)))
    semitones: int = 0  # the transposition chosen


def follow(state: KeyState, memory: int, heard: np.ndarray, recorded: np.ndarray) -> None:
    """Take another hop into account, and choose the transposition.

    memory: number of the memory; another one begins anew. heard: (12,) key of the input hop. recorded: (n, 12) keys of
    the memory, see `perception.chroma.ChromaTrack`.

    >>> chords = np.roll(np.eye(12, dtype=np.float32), 2, axis=1)[[0, 4, 7]]
    >>> state = KeyState()
    >>> for hop in range(LEAST_HOPS):
    ...     follow(state, 0, np.eye(12, dtype=np.float32)[[0, 4, 7][hop % 3]], chords)
    >>> state.semitones
    -2
    """
    if memory != state.memory:
        state.memory, state.hops, state.semitones = memory, 0, 0
        state.agreement = np.zeros(len(SHIFTS))
    if not len(recorded) or np.linalg.norm(heard) < LEAST_SOUND:
        return
    state.hops += 1
    rate = max(1 / state.hops, 1 / MEAN_HOPS)
    state.agreement = state.agreement + rate * (_agreement(heard, recorded) - state.agreement)
    best = int(state.agreement.argmax())
    gain = state.agreement[best] - state.agreement[state.semitones + REACH]
    if state.hops >= LEAST_HOPS and gain > MARGIN:
        state.semitones = int(SHIFTS[best])


def _agreement(heard: np.ndarray, recorded: np.ndarray) -> np.ndarray:
    """(shifts,): for each transposition, the mean cosine of a hop with the best matching positions."""
    wanted = np.stack([np.roll(heard, -shift) for shift in SHIFTS], axis=1)
    cosines = recorded[:: max(1, len(recorded) // MOST_PLACES)] @ wanted
    best = min(len(cosines), max(LEAST_BEST, round(BEST_SHARE * len(cosines))))
    return np.asarray(np.partition(cosines, -best, axis=0)[-best:].mean(axis=0), np.float64)
