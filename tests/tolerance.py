"""How far two ways of computing the same numbers may differ, derived from the arithmetic and not from one machine."""

from __future__ import annotations

import numpy as np

SURE = 8.0  # of Higham & Mary (2019): a sum strays further with a chance of 2 exp(-SURE^2 / 2) = 3e-14


def rounding(*, steps: int, terms: int, scale: float, dtype: type = np.float32) -> float:
    """Largest difference that rounding makes between two evaluations, in any order, of `steps` sums in a row.

    Each step adds up to `terms` products of numbers whose results are at most `scale`. In any order such a sum strays
    from the exact one by no more than SURE * sqrt(terms) * u times the size of what is added (Higham & Mary, "A new
    approach to probabilistic rounding error analysis", 2019, theorem 2.4), u being half the spacing of the type at 1.
    Errors of steps in a row add up, the norms between them keeping what is passed on at the same size, and each of the
    two evaluations strays by as much. No processor, library, thread count or order of a sum goes beyond it.
    """
    return float(2 * steps * SURE * np.sqrt(terms) * np.finfo(dtype).eps / 2 * scale)
