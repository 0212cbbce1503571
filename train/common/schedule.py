"""The learning rate of every recipe: a linear warm-up, then one cosine."""

from __future__ import annotations

import math
from typing import Any


def cosine(step: int, done: float, *, warmup: int, floor: float = 0.01) -> float:
    """Factor of the highest learning rate, 0 to 1, at a step counted from 0.

    done: the share of the run that is over, 0 to 1, by steps or by the clock. warmup: steps until the factor follows
    the cosine. floor: the factor at the end of the run.
    """
    return min(1.0, (step + 1) / max(1, warmup)) * (floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * done)))


def set_rate(optimizer: Any, rate: float) -> None:
    """Give all parameter groups of an optimizer the learning rate `rate`."""
    for group in optimizer.param_groups:
        group["lr"] = rate
