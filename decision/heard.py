"""The input features of a hop beside its label: computed alike while playing and, by train/data/hearing.py, stored."""

from __future__ import annotations

import numpy as np

EXTRA_DIM = 3  # level, cosine and sine of the beat's phase
MIDDLE_DB, SPREAD_DB = -30.0, 20.0  # of the level of music: the feature is (dB - MIDDLE_DB) / SPREAD_DB, within +-2


def heard_features(keys: np.ndarray, level_db: np.ndarray, phase: np.ndarray, confidence: float = 1.0) -> np.ndarray:
    """(n, key dim + EXTRA_DIM) float32 of hops with keys (n, key dim), levels (n,) in dBFS and beat phases (n,).

    A phase is 0 to 1, NaN where no beat is known. confidence: 0 to 1, by which the two numbers of the phase shrink.
    """
    known = np.isfinite(phase)
    angle = 2 * np.pi * np.where(known, phase, 0.0)
    beat = np.stack([np.cos(angle), np.sin(angle)], 1) * known[:, None] * confidence
    level = np.clip((np.asarray(level_db, np.float64) - MIDDLE_DB) / SPREAD_DB, -2, 2)
    return np.hstack([keys, level[:, None], beat]).astype(np.float32)
