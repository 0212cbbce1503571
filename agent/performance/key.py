"""By how many semitones a memory is transposed so that it is nearer to the musician's key.

The mean chroma of what was heard lately is compared with the mean chroma of the memory, turned by up to `REACH`
semitones either way. Another transposition must fit clearly better than the present one before it is taken, so that
the key of a piece does not waver with its chords.
"""

from __future__ import annotations

import numpy as np

from perception.chroma import FRAME_RATE

REACH = 2  # semitones either way; further away a sound is no longer the instrument that it was
HEARD_S = 16.0  # of what was heard that are compared
LEAST_S = 4.0  # of it, before anything is known
MARGIN = 0.05  # of the correlation


def semitones(heard: np.ndarray, recorded: np.ndarray, now: int) -> int:
    """The transposition, -REACH to REACH; `now` is the present one.

    heard: (frames, 12) chroma of what was heard, newest last. recorded: (frames, 12) chroma of the memory.

    >>> scale = np.array([1, 0, 1, 0, 1, 1, 0, 1, 0, 1, 0, 1], np.float32)
    >>> semitones(np.tile(np.roll(scale, 2), (100, 1)), scale[None], 0)
    2
    """
    lately = heard[-round(HEARD_S * FRAME_RATE) :]
    if not len(recorded) or np.count_nonzero(lately.any(axis=1)) < LEAST_S * FRAME_RATE:
        return now
    wanted = _centred(lately.mean(axis=0))
    own = _centred(recorded.mean(axis=0))
    fits = {shift: float(wanted @ np.roll(own, shift)) for shift in range(-REACH, REACH + 1)}
    best = max(fits, key=lambda shift: (fits[shift], -abs(shift)))
    return best if now not in fits or fits[best] > fits[now] + MARGIN else now


def _centred(chroma: np.ndarray) -> np.ndarray:
    """(12,) of mean 0 and length 1; zeros where nothing sounds."""
    centred = chroma - chroma.mean()
    return np.asarray(centred / (np.linalg.norm(centred) + 1e-9))
