"""A report as it goes out over OSC: in the three types that every peer reads."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

from agent.control.command import REPORTS, ROOT, ReportField
from agent.interfaces.osc.codec import encode

MAX_TEXT_LENGTH = 1000  # characters
MAX_VALUES = 256  # most values of a report
MAX_PACKET_BYTES = 4096  # Max takes 5096
DAY_S = 86400


def values(name: str, given: Iterable[Any]) -> list[Any]:
    """The values of a report as they go out: int, float and str alone, in the order of the table.

    A date becomes three whole numbers: day since 1970, second of the day (UTC), microsecond. Each of them is exact in
    a 32 bit float, the only number Pd has; and a 64 bit float derails its parser, and is 0 in Max. `lead` is counted
    from now. ValueError if the values do not fit the table.
    """
    known, fields = list(given), REPORTS[name].fields
    many = bool(fields) and fields[-1].many
    if len(known) < len(fields) - many or (len(known) > len(fields) and not many):
        raise ValueError(f"{name}: {len(known)} values for {len(fields)} fields")
    out: list[Any] = []
    for number, value in enumerate(known[:MAX_VALUES]):
        field = fields[min(number, len(fields) - 1)]
        if field.name == "lead":
            value = known[-1] - time.time()
        out += _out(field, value)
    return out


def _out(field: ReportField, value: Any) -> list[Any]:
    if field.kind == "d":
        micro = round(value * 1_000_000)
        second, micro = divmod(micro, 1_000_000)
        return [*divmod(second, DAY_S), micro]
    if field.kind == "v":
        value = value.item() if hasattr(value, "item") else value
        if isinstance(value, (list, tuple)):
            return [out for item in value for out in _out(field, item)]
        return [value if isinstance(value, (int, float)) else str(value)[:MAX_TEXT_LENGTH]]
    if field.kind == "s":
        return [str(value)[:MAX_TEXT_LENGTH]]
    return [int(value) if field.kind == "i" else float(value)]


def packet(name: str, given: Iterable[Any]) -> bytes:
    """A report as an OSC packet of at most MAX_PACKET_BYTES bytes; ValueError."""
    out = encode(ROOT + name, values(name, given))
    if len(out) > MAX_PACKET_BYTES:
        raise ValueError(f"{name}: a report of {len(out)} bytes")
    return out
