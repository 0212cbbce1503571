"""The definition of one setting: the values it may have, and the error for those it may not."""

from __future__ import annotations

import dataclasses
import ipaddress
import math
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any


class ConfigError(ValueError):
    """A mistake in the settings; its text says what was wrong, with the value, and what to do."""


@dataclass(frozen=True)
class Field:
    """The definition of a setting. `low` and `high` are both allowed; `live`: it may change while playing."""

    kind: Any  # int, float, str, tuple (a range of two floats), list (of texts, kept as a tuple), dict (text to text)
    default: Any
    low: float | None = None
    high: float | None = None
    choices: tuple = ()
    unit: str = ""
    live: bool = False
    names: str = ""  # what on disk the value names: "model", "memory" or "file"
    meaning: str = ""


def define(default: Any, low: float | None = None, high: float | None = None, **more: Any) -> Any:
    """A dataclass field that carries its definition, a `Field`, in `metadata["field"]`."""
    kind = more.pop("kind", type(default))
    factory: Any = {"default_factory": dict} if kind is dict else {"default": default}
    return dataclasses.field(**factory, metadata={"field": Field(kind, default, low, high, **more)})


def validated(name: str, field: Field, value: Any) -> Any:
    """`value` in the type of the field; ConfigError if the field may not have it."""
    if field.kind is tuple:
        return _validated_span(name, field, value)
    if field.kind in (list, dict):
        return _validated_texts(name, field, value)
    if field.kind is float and type(value) is int:
        value = float(value) if abs(value) < 2**53 else math.inf
    if type(value) is not field.kind:
        raise ConfigError(f"{name} = {value!r}: expected {_expected(field)}")
    if field.choices and value not in field.choices:
        hint = ""
        if isinstance(value, str) and (near := get_close_matches(value, field.choices, 1)):
            hint = f"; did you mean '{near[0]}'?"
        raise ConfigError(f"{name} = {value!r}: expected {_expected(field)}{hint}")
    if field.low is not None and field.high is not None and not field.low <= value <= field.high:  # NaN fails too
        raise ConfigError(f"{name} = {value!r}: expected {_expected(field)}")
    if field.kind is str and "\0" in value:
        raise ConfigError(f"{name} = {value!r}: expected text without NUL")
    return value


def _validated_span(name: str, field: Field, value: Any) -> tuple[float, float]:
    bound = Field(float, 0.0, field.low, field.high)
    if not isinstance(value, (list, tuple)) or len(value) != 2:
        raise ConfigError(f"{name} = {value!r}: expected {_expected(field)}")
    low, high = (validated(name, bound, end) for end in value)
    if not low < high:
        raise ConfigError(f"{name} = {value!r}: expected the first number to be smaller than the second")
    return low, high


def _validated_texts(name: str, field: Field, value: Any) -> Any:
    """A list of texts as a tuple, or a dict of text to text as a copy."""
    text_field = Field(str, "")
    if field.kind is dict and isinstance(value, dict):
        return {
            validated(name, text_field, key): validated(name, text_field, content) for key, content in value.items()
        }
    if field.kind is list and isinstance(value, (list, tuple)):
        return tuple(validated(name, text_field, text) for text in value)
    raise ConfigError(f"{name} = {value!r}: expected {_expected(field)}")


def is_address(text: str) -> bool:
    """Is it an IP address? A host name is not: it would have to be looked up, and the answer may change."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def is_network(text: str) -> bool:
    """Is it an IP address, or a network like 192.168.1.0/24?"""
    try:
        ipaddress.ip_network(text)
    except ValueError:
        return False
    return True


def _expected(field: Field) -> str:
    unit = f" {field.unit}" if field.unit else ""
    if field.choices:
        return f"{', '.join(map(str, field.choices[:-1]))} or {field.choices[-1]}{unit}"
    if field.kind is str:
        return "text in quotes"
    if field.kind is list:
        return "a list of texts, like ['one', 'two']"
    if field.kind is dict:
        return "a table of texts, like {'cc 1 64' = 'hold'}"
    span = f"{field.low:.10g} to {field.high:.10g}{unit}"
    if field.kind is tuple:
        return f"two numbers from {span}, like [0.0, 0.5]"
    return f"{'a whole number' if field.kind is int else 'a number'} from {span}"
