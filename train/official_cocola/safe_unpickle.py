"""Pickles read without executing them.

To unpickle is to run what an author wrote. Here the opcodes that `pickletools` lists are only read, and dictionaries,
lists, tuples, numbers and strings are made of them. What the pickle asks to import becomes a `Name`, what it asks to
call a `Call`; neither is looked up.
"""

from __future__ import annotations

import pickletools
from dataclasses import dataclass
from typing import Any

VALUES = {
    "INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT", "STRING", "BINSTRING",
    "SHORT_BINSTRING", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "UNICODE", "SHORT_BINUNICODE", "BINUNICODE",
    "BINUNICODE8",
}  # fmt: skip
EMPTY: dict[str, Any] = {
    "NONE": lambda: None, "NEWTRUE": lambda: True, "NEWFALSE": lambda: False,
    "EMPTY_TUPLE": tuple, "EMPTY_LIST": list, "EMPTY_SET": list, "EMPTY_DICT": dict,
}  # fmt: skip
MARKED: dict[str, Any] = {
    "TUPLE": tuple, "LIST": list, "FROZENSET": list, "DICT": lambda items: dict(_pairs(items)),
}  # fmt: skip
TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}


class MalformedError(ValueError):
    """What a file of others says is not what such a file can say."""


@dataclass(frozen=True)
class Name:
    """What a pickle asks to import: module and name, a space between."""

    name: str


@dataclass(frozen=True)
class Call:
    """What a pickle asks to call, usually a `Name`, and its arguments."""

    function: Any
    arguments: Any


@dataclass(frozen=True)
class Stored:
    """Data outside of the pickle, by its persistent id."""

    persistent_id: Any


def parse_pickle(pickled: bytes) -> Any:
    """What a pickle says, a set being a list, an OrderedDict a dictionary, other classes calls without attributes.

    MalformedError if it makes no sense, or has opcodes that no pickle of protocol 2 to 4 needs.
    """
    walk = _Walk()
    try:
        for opcode, argument, _ in pickletools.genops(pickled):
            if opcode.name == "STOP":
                return walk.stack.pop()
            walk.step(opcode.name, argument)
    except MalformedError:
        raise
    except (IndexError, KeyError, TypeError, ValueError, RecursionError):  # pickletools raises ValueError
        pass
    raise MalformedError("its pickle makes no sense")


def _pairs(items: list[Any]) -> list[tuple[Any, Any]]:
    """Keys and values; without keys whose hash could take for ever, such as tuples of tuples."""
    return [(key, value) for key, value in zip(items[::2], items[1::2], strict=False)
            if isinstance(key, (str, int, float, bytes))]  # fmt: skip


class _Walk:
    """The state of a pickle machine: its stack, the marks on it, its memo."""

    def __init__(self) -> None:
        self.stack: list[Any] = []
        self.marks: list[int] = []
        self.memory: dict[int, Any] = {}

    def step(self, name: str, argument: Any) -> None:
        stack = self.stack
        if name in VALUES:
            stack.append(argument)
        elif name in EMPTY:
            stack.append(EMPTY[name]())
        elif name in MARKED:
            stack.append(MARKED[name](self.since_mark()))
        elif name in TUPLES:
            stack.append(tuple(self.last(TUPLES[name])))
        elif name == "MARK":
            self.marks.append(len(stack))
        elif name in ("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"):
            self.memory[len(self.memory) if name == "MEMOIZE" else argument] = stack[-1]
        elif name in ("GET", "BINGET", "LONG_BINGET"):
            stack.append(self.memory[argument])
        elif name in ("SETITEM", "SETITEMS", "APPEND", "APPENDS", "ADDITEMS"):
            self.fill(name)
        elif name not in ("PROTO", "FRAME"):
            self.note(name, argument)

    def last(self, count: int) -> list[Any]:
        """Take the last `count` off the stack."""
        if count > len(self.stack):
            raise IndexError
        taken = self.stack[len(self.stack) - count :]
        del self.stack[len(self.stack) - count :]
        return taken

    def since_mark(self) -> list[Any]:
        """Take what is above the last mark off the stack."""
        return self.last(len(self.stack) - self.marks.pop())

    def fill(self, name: str) -> None:
        """Put items into the dictionary or list below them. Into notes nothing can be put: it is left out."""
        items = self.since_mark() if name.endswith("S") else self.last(2 if name == "SETITEM" else 1)
        below = self.stack[-1]
        if name.startswith("SETITEM"):
            if isinstance(below, dict):
                below.update(_pairs(items))
        elif isinstance(below, list):
            below.extend(items)

    def note(self, name: str, argument: Any) -> None:
        """Take notes of what would be done."""
        stack = self.stack
        if name == "GLOBAL":
            stack.append(Name(argument))
        elif name == "STACK_GLOBAL":
            stack.append(Name(" ".join(map(str, self.last(2)))))
        elif name in ("REDUCE", "NEWOBJ"):
            function, arguments = self.last(2)
            stack.append(
                {} if (function, arguments) == (Name("collections OrderedDict"), ()) else Call(function, arguments)
            )
        elif name == "BINPERSID":
            stack.append(Stored(stack.pop()))
        elif name == "BUILD":
            stack.pop()  # attributes
        else:
            raise MalformedError(f"its pickle has the opcode {name}, which checkpoints do not need")
