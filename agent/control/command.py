"""Commands: every control that comes from OSC, MIDI, keyboard or page is checked here.

`parse_command` is the only way in: input from any of the four becomes a checked `Command`, or is refused
in a sentence. The tables themselves are in agent/control/table.py.
"""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from agent.control.table import ALIASES, CONTROLS, MAX_TEXT_LENGTH, REPORTS, ROOT, Arg, Control, ReportField, ReportSpec
from agent.settings.config import Config, ConfigError, change

__all__ = [
    "ALIASES",
    "CONTROLS",
    "REPORTS",
    "ROOT",
    "Arg",
    "Command",
    "CommandError",
    "Control",
    "ReportField",
    "ReportSpec",
    "find_control",
    "parse_command",
    "printable",
]

_DEFAULTS = Config()
MAX_LIST_VALUES = 4096  # most values of a control that takes any number
FILE_NAME_PATTERN = re.compile(r"\w(?:[\w .-]{0,62}[\w-])?")  # a name that is also the name of a file, everywhere


class CommandError(ValueError):
    """A command that cannot be carried out; its text says why, and what to do."""


@dataclass(frozen=True)
class Command:
    """A control and its values, checked by `parse_command`."""

    name: str
    args: tuple[Any, ...] = ()
    source: str = ""  # "osc 127.0.0.1:53211", "midi", "key", "page"; of beats also "midi clock" and "link"
    at: int | None = None  # sample of the input at which it came; beats alone need it


def parse_command(name: Any, args: Iterable[Any] = (), source: str = "") -> Command:
    """The checked command, with typed values and its full name. CommandError with what was wrong.

    An int is accepted for a float and 3.0 for 3, since many patches have one kind of number; True and False are
    accepted by toggles only.
    """
    control = find_control(name)
    given = tuple(args)
    least = sum(not arg.optional for arg in control.args)
    most = MAX_LIST_VALUES if control.args and control.args[-1].many else len(control.args)
    if not least <= len(given) <= most:
        takes = ", ".join(f"{arg.name}{'…' if arg.many else ''}" for arg in control.args) or "no value"
        count = "no value was" if not given else "1 value was" if len(given) == 1 else f"{len(given)} values were"
        raise CommandError(f"{control.name}: {count} given, expected {takes}")
    values = tuple(_value(control, control.args[min(n, len(control.args) - 1)], value) for n, value in enumerate(given))
    if control.setting:
        try:
            change(_DEFAULTS, control.setting, values if len(values) > 1 else values[0], control.group)
        except ConfigError as error:
            raise CommandError(str(error).removeprefix(f"{control.group}: ")) from None
    return Command(control.name, values, source)


def find_control(name: Any) -> Control:
    """The control of this name or alias; CommandError with the near miss."""
    text = name if isinstance(name, str) else ""
    if (full := ALIASES.get(text, text)) in CONTROLS:
        return CONTROLS[full]
    near = get_close_matches(text[:64], [*CONTROLS, *ALIASES], 1)
    hint = f"did you mean '{near[0]}'?" if near else "antiphon osc  lists all there are"
    raise CommandError(f"there is no control '{printable(name)}': {hint}")


def printable(value: Any) -> str:
    """A value as it may stand in a sentence: 60 characters at most, on one line."""
    if isinstance(value, bytes) or (isinstance(value, int) and value.bit_length() > 256):
        return "bytes" if isinstance(value, bytes) else "a huge number"  # too long to be written out
    text = value if isinstance(value, str) else repr(value)
    text = "".join(letter if letter.isprintable() else "?" for letter in text[:80])
    return text if len(text) <= 60 else text[:59] + "…"


def _value(control: Control, arg: Arg, value: Any) -> Any:
    """`value` in the type of `arg`, if it is one that it may have."""
    kept = value
    if control.toggle and isinstance(value, bool):
        kept = int(value)
    elif arg.kind == "f" and type(value) is int:
        kept = float(value) if abs(value) < 2**53 else math.inf
    elif arg.kind in ("i", "is") and type(value) is float and value.is_integer():
        kept = int(value)
    if type(kept) is float:
        kept = next(
            (float(bound) for bound in (arg.low, arg.high) if bound is not None and _float32(bound) == kept), kept
        )
    if type(kept) not in {"i": (int,), "f": (float,), "s": (str,), "is": (int, str)}[arg.kind] or not _fits(arg, kept):
        hint = ""
        if arg.choices and isinstance(value, str) and (near := get_close_matches(value[:64], arg.choices, 1)):
            hint = f"; did you mean '{near[0]}'?"
        what = control.name if len(control.args) == 1 else f"{control.name}: {arg.name}"
        raise CommandError(f"{what} = {printable(value)}: expected {arg.expected}{hint}")
    return kept


def _float32(value: float) -> float:
    """The number that arrives where `value` was sent with 32 bits, as OSC does: 0.7 as 0.699999988."""
    return float(struct.unpack("f", struct.pack("f", value))[0])


def _fits(arg: Arg, value: Any) -> bool:
    if isinstance(value, str):
        if arg.choices:
            return value in arg.choices
        return (
            len(value) <= MAX_TEXT_LENGTH
            and value.isprintable()
            and bool(not arg.plain or FILE_NAME_PATTERN.fullmatch(value))
        )
    return arg.low is None or arg.high is None or arg.low <= value <= arg.high  # NaN is not
