"""One setting: what it may be, and the sentence for what it may not be."""

from __future__ import annotations

import ipaddress
import math
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any


class ConfigError(ValueError):
    """A mistake in the settings, told in the user's words."""


@dataclass(frozen=True)
class Setting:
    """What a setting may be. `low` and `high` are both allowed values; `live`: may change while playing."""

    kind: Any  # int, float, str, tuple (a span of two floats), list (of texts, kept as a tuple) or dict (text to text)
    default: Any
    low: float | None = None
    high: float | None = None
    choices: tuple = ()
    unit: str = ""
    live: bool = False
    meaning: str = ""


def setting(default: Any, low: float | None = None, high: float | None = None, **more: Any) -> Any:
    """One line of the table: a dataclass field that carries its `Setting`."""
    kind = more.pop("kind", type(default))
    factory: Any = {"default_factory": dict} if kind is dict else {"default": default}
    return field(**factory, metadata={"setting": Setting(kind, default, low, high, **more)})


def checked(name: str, about: Setting, value: Any) -> Any:
    """`value` in the setting's own type, if it is one that the setting may have."""
    if about.kind is tuple:
        return _checked_span(name, about, value)
    if about.kind in (list, dict):
        return _checked_texts(name, about, value)
    if about.kind is float and type(value) is int:
        value = float(value) if abs(value) < 2**53 else math.inf
    if type(value) is not about.kind:
        raise ConfigError(f"{name} = {value!r}: expected {_expected(about)}")
    if about.choices and value not in about.choices:
        hint = ""
        if isinstance(value, str) and (near := get_close_matches(value, about.choices, 1)):
            hint = f"; did you mean '{near[0]}'?"
        raise ConfigError(f"{name} = {value!r}: expected {_expected(about)}{hint}")
    if about.low is not None and about.high is not None and not about.low <= value <= about.high:  # NaN fails too
        raise ConfigError(f"{name} = {value!r}: expected {_expected(about)}")
    if about.kind is str and "\0" in value:
        raise ConfigError(f"{name} = {value!r}: expected text without NUL")
    return value


def _checked_span(name: str, about: Setting, value: Any) -> tuple[float, float]:
    one = Setting(float, 0.0, about.low, about.high)
    if not isinstance(value, (list, tuple)) or len(value) != 2:
        raise ConfigError(f"{name} = {value!r}: expected {_expected(about)}")
    low, high = (checked(name, one, v) for v in value)
    if not low < high:
        raise ConfigError(f"{name} = {value!r}: expected the first number to be smaller than the second")
    return low, high


def _checked_texts(name: str, about: Setting, value: Any) -> Any:
    """A list of texts as a tuple, or a dict of text to text as a copy."""
    one = Setting(str, "")
    if about.kind is dict and isinstance(value, dict):
        return {checked(name, one, key): checked(name, one, content) for key, content in value.items()}
    if about.kind is list and isinstance(value, (list, tuple)):
        return tuple(checked(name, one, text) for text in value)
    raise ConfigError(f"{name} = {value!r}: expected {_expected(about)}")


def is_address(text: str) -> bool:
    """An address in numbers: names would have to be asked for, and the answer may change."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def is_network(text: str) -> bool:
    """An address, or a span of them like 192.168.1.0/24."""
    try:
        ipaddress.ip_network(text)
    except ValueError:
        return False
    return True


def _expected(about: Setting) -> str:
    unit = f" {about.unit}" if about.unit else ""
    if about.choices:
        return f"{', '.join(map(str, about.choices[:-1]))} or {about.choices[-1]}{unit}"
    if about.kind is str:
        return "text in quotes"
    if about.kind is list:
        return "a list of texts, like ['one', 'two']"
    if about.kind is dict:
        return "a table of texts, like {'cc 1 64' = 'hold'}"
    span = f"{about.low:.10g} to {about.high:.10g}{unit}"
    if about.kind is tuple:
        return f"two numbers from {span}, like [0.0, 0.5]"
    return f"{'a whole number' if about.kind is int else 'a number'} from {span}"
