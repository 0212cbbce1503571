"""RMS level: the one measure that the gate, a corpus, level following and the meter share."""

from __future__ import annotations

import numpy as np

FLOOR_DB = -120.0  # dBFS, the level of digital silence


def rms(audio: np.ndarray) -> np.ndarray:
    """RMS of samples about their own mean, full scale = 1: [*, n] -> [*] float64; 0 where n is 0.

    The mean of a hop is its direct current. It is inaudible, but many converters add some: an offset of 0.004 alone
    has -48 dBFS, above the usual gate, so that with it no hop of such a recording would ever be silent. Nothing else is
    lost: a hop is at least 0.1 s long, and what is slower than a period per hop is below 10 Hz.

    >>> float(rms(np.array([0.5, -0.5, 0.5, -0.5]))), float(rms(np.full(4, 0.004)))
    (0.5, 0.0)
    """
    if audio.shape[-1] == 0:
        return np.zeros(audio.shape[:-1])
    with np.errstate(invalid="ignore"):  # the RMS of NaN or Inf is NaN
        return np.asarray(np.std(audio, axis=-1, dtype=np.float64))


def level_db(audio: np.ndarray) -> np.ndarray:
    """`rms` in dBFS, [*, n] -> [*] float64, FLOOR_DB or more: a sine of full scale has -3 dBFS.

    >>> round(float(level_db(np.sin(np.arange(48000) * np.pi / 100))), 2), float(level_db(np.zeros(8)))
    (-3.01, -120.0)
    """
    return np.asarray(10 * np.log10(np.square(rms(audio)) + 10 ** (FLOOR_DB / 10)))
