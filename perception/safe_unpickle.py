"""Parse pickles without executing them.

Unpickling runs the code of an author. Here the opcodes that `pickletools` lists are interpreted as dictionaries, lists,
tuples, numbers and strings only. An import becomes a `Name`, a call becomes a `Call`; neither is resolved.
`perception/torch_file.py` reads the weights that such a pickle locates.
"""

from __future__ import annotations

import pickletools
from dataclasses import dataclass, field
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
    """The file is not a checkpoint as PyTorch saves it; the message says why."""


@dataclass(frozen=True)
class Name:
    """An import of a pickle: "<module> <name>"."""

    name: str


@dataclass
class Call:
    """A call of a pickle: the function, usually a `Name`, its arguments, and the attributes its result would get."""

    function: Any
    arguments: Any
    attributes: dict[Any, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Stored:
    """Data outside the pickle, by its persistent id."""

    persistent_id: Any


def parse_pickle(pickled: bytes) -> Any:
    """The content of a pickle: sets as lists, OrderedDicts as dictionaries, other classes as calls.

    MalformedError for an invalid pickle, and for opcodes that checkpoints of protocol 2 to 4 do not need.
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
    """(key, value) pairs, without keys whose hash may not terminate in time, such as nested tuples."""
    return [(key, value) for key, value in zip(items[::2], items[1::2], strict=False)
            if isinstance(key, (str, int, float, bytes))]  # fmt: skip


class _Walk:
    """State of the pickle machine: stack, marks, memo."""

    def __init__(self) -> None:
        self.stack: list[Any] = []
        self.marks: list[int] = []
        self.memo: dict[int, Any] = {}

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
            self.memo[len(self.memo) if name == "MEMOIZE" else argument] = stack[-1]
        elif name in ("GET", "BINGET", "LONG_BINGET"):
            stack.append(self.memo[argument])
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
        """Put items into the dictionary or list below them on the stack; items for a `Call` are dropped."""
        items = self.since_mark() if name.endswith("S") else self.last(2 if name == "SETITEM" else 1)
        below = self.stack[-1]
        if name.startswith("SETITEM"):
            if isinstance(below, dict):
                below.update(_pairs(items))
        elif isinstance(below, list):
            below.extend(items)

    def note(self, name: str, argument: Any) -> None:
        """Push the `Name`, `Call` or `Stored` of an opcode that would import, call or load."""
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
            self.build(stack.pop())
        else:
            raise MalformedError(f"its pickle has the opcode {name}, which checkpoints do not need")

    def build(self, state: Any) -> None:
        """Give the `Call` on the stack its attributes: a dictionary, or a tuple that begins with one."""
        below = self.stack[-1]
        attributes = state[0] if isinstance(state, tuple) and state else state
        if isinstance(below, Call) and isinstance(attributes, dict):
            below.attributes = attributes
