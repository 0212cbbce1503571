"""Markdown tables of all reports, and the format of a number with its interval."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

NOTHING = "–"  # a cell without a value


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Lines of a Markdown table; every row has as many cells as the header."""
    lines = [f"| {' | '.join(header)} |", "|---" * len(header) + "|"]
    for row in rows:
        if len(row) != len(header):
            raise ValueError(f"a row of {len(row)} cells in a table of {len(header)} columns: {row}")
        lines.append(f"| {' | '.join(row)} |")
    return lines


def with_interval(
    described: Mapping[str, Any] | None, digits: int = 2, *, key: str = "mean", sign: bool = False
) -> str:
    """ "1.23 [1.10, 1.36]": a value and the 95 % interval of what `metrics.describe` or `compare` returned.

    key: the value's key. sign: write a plus before positive values, for differences. Without an interval, the value
    alone.
    """
    if described is None:
        return NOTHING
    form = f"{'+' if sign else ''}.{digits}f"
    between = ""
    if described["interval"]:
        low, high = described["interval"]
        between = f" [{low:{form}}, {high:{form}}]"
    return f"{described[key]:{form}}{between}"


def p_value(compared: Mapping[str, Any] | None) -> str:
    """The p of what `metrics.compare` returned, to four digits; "< 0.0001" below that."""
    if compared is None:
        return NOTHING
    return "< 0.0001" if compared["p"] < 1e-4 else f"{compared['p']:.4f}"


def difference_and_p(compared: Mapping[str, Any] | None) -> tuple[str, str]:
    """Two cells of what `metrics.compare` returned: the difference with its interval, and p."""
    return with_interval(compared, key="difference", sign=True), p_value(compared)
