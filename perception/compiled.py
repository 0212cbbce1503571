"""Numba's `njit` as this project uses it: without the interpreter, and cached on disk where possible.

As `action.compiled`; perception, decision and action import nothing of each other.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba import njit


def compiled(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """`numba.njit` without the interpreter's lock, with more options of it.

    Compiled code is cached in `__pycache__` or the user's cache, so that only the first run compiles. In a read-only
    installation without a home Numba raises RuntimeError instead; then every run compiles.
    """

    def decorate(function: Callable[..., Any]) -> Any:
        try:
            return njit(nogil=True, cache=True, **options)(function)
        except RuntimeError:
            return njit(nogil=True, **options)(function)

    return decorate
