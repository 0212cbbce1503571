"""A report as it goes out over OSC: in the three types that every peer reads."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

from agent.control.command import REPORTS, ROOT, ReportField
from agent.interfaces.osc.codec import encode

TEXT = 1000  # characters of a text that goes out
VALUES = 256  # values of a report that go out
LONGEST = 4096  # bytes of a packet; Max takes 5096
DAY = 86400


def values(name: str, given: Iterable[Any]) -> list[Any]:
    """The values of a report as they go out: int, float and str alone, in the order of the table.

    A date becomes three whole numbers: day since 1970, second of the day (UTC), microsecond. Each of them is exact in
    a 32 bit float, the only number Pd has; and a 64 bit float derails its parser, and is 0 in Max. `lead` is counted
    from now. ValueError if the values do not fit the table.
    """
    known, about = list(given), REPORTS[name].fields
    many = bool(about) and about[-1].many
    if len(known) < len(about) - many or (len(known) > len(about) and not many):
        raise ValueError(f"{name}: {len(known)} values for {len(about)} fields")
    out: list[Any] = []
    for number, value in enumerate(known[:VALUES]):
        field = about[min(number, len(about) - 1)]
        if field.name == "lead":
            value = known[-1] - time.time()
        out += _out(field, value)
    return out


def _out(field: ReportField, value: Any) -> list[Any]:
    if field.kind == "d":
        micro = round(value * 1_000_000)
        second, micro = divmod(micro, 1_000_000)
        return [*divmod(second, DAY), micro]
    if field.kind == "v":
        value = value.item() if hasattr(value, "item") else value
        if isinstance(value, (list, tuple)):
            return [out for one in value for out in _out(field, one)]
        return [value if isinstance(value, (int, float)) else str(value)[:TEXT]]
    if field.kind == "s":
        return [str(value)[:TEXT]]
    return [int(value) if field.kind == "i" else float(value)]


def packet(name: str, given: Iterable[Any]) -> bytes:
    """A report as an OSC packet of at most LONGEST bytes; ValueError."""
    out = encode(ROOT + name, values(name, given))
    if len(out) > LONGEST:
        raise ValueError(f"{name}: a report of {len(out)} bytes")
    return out
