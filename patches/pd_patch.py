"""Writes Pure Data files: boxes, cords, subpatches, with vanilla objects only and the same bytes each time."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

WHITE, DARK, GREY, RED, BLUE = "#fcfcfc", "#202020", "#e0e0e0", "#ff8080", "#c0e0ff"
FONT = 12
CHARACTER_PX = 7.2  # width of a character of the font
NO_NAME = "empty"  # in a Pd file


def escape(text: object) -> str:
    """A text as one atom of a Pd file, with separators, dollars and spaces escaped."""
    out = str(text).replace("\\", "/")
    for mark in (",", ";", "$", " "):
        out = out.replace(mark, "\\" + mark)
    return out


def _escaped_text(text: str) -> str:
    """The text of a box as a file writes it."""
    return text.replace("$", "\\$").replace(", ", " \\, ").replace("; ", " \\; ").strip()


class Patch:
    """One canvas. A method that adds a box returns its number, for `connect`. x, y, sizes: px."""

    def __init__(self, width: int = 900, height: int = 600, name: str = "", at: tuple[int, int] = (40, 60)):
        self.head = f"#N canvas {at[0]} {at[1]} {width} {height} "
        self.name = name
        self.boxes: list[str] = []
        self.cords: list[str] = []
        self.tail: list[str] = []

    def _add(self, text: str) -> int:
        self.boxes.append(text)
        return len(self.boxes) - 1

    def obj(self, x: int, y: int, text: str) -> int:
        """Add an object box. text: name and arguments, as typed in Pd."""
        return self._add(f"#X obj {x} {y} {_escaped_text(text)};")

    def msg(self, x: int, y: int, text: str) -> int:
        """Add a message box. text: a comma separates messages, a semicolon begins one to a receiver."""
        return self._add(f"#X msg {x} {y} {_escaped_text(text)};")

    def text(self, x: int, y: int, words: str, width: int = 0) -> int:
        """Add a comment, `width` characters wide (0: as wide as its text)."""
        words = words.replace(",", " \\,").replace(";", " \\;").replace("$", "\\$")
        return self._add(f"#X text {x} {y} {words}{f', f {width}' if width else ''};")

    def number(self, x: int, y: int, width: int, receive: str = "", send: str = "") -> int:
        """Add a number box, `width` characters wide."""
        return self._add(f"#X floatatom {x} {y} {width} 0 0 0 - {escape(receive) or '-'} {escape(send) or '-'} {FONT};")

    def symbol(self, x: int, y: int, width: int, receive: str = "", send: str = "") -> int:
        """Add a box for one word or sentence, `width` characters wide."""
        return self._add(
            f"#X symbolatom {x} {y} {width} 0 0 0 - {escape(receive) or '-'} {escape(send) or '-'} {FONT};"
        )

    def list(self, x: int, y: int, width: int, receive: str = "", send: str = "") -> int:
        """Add a box for several values, `width` characters wide (Pd 0.52 or newer)."""
        return self._add(f"#X listbox {x} {y} {width} 0 0 0 - {escape(receive) or '-'} {escape(send) or '-'} {FONT};")

    def toggle(self, x: int, y: int, size: int, label: str, send: str, receive: str) -> int:
        """Add a switch with its label to the right."""
        return self._gui(x, y, f"tgl {size} 0", label, send, receive, (size + 6, size // 2), "0 1")

    def bang(self, x: int, y: int, size: int, label: str, send: str, receive: str = "", colour: str = WHITE) -> int:
        """Add a button with its label to the right."""
        return self._gui(x, y, f"bng {size} 250 50 0", label, send, receive, (size + 6, size // 2), "", colour)

    def slider(self, x: int, y: int, span: tuple[float, float], log: bool, send: str, receive: str) -> int:
        """Add a horizontal slider from span[0] to span[1], 160 px long."""
        return self._gui(x, y, f"hsl 160 18 {span[0]:g} {span[1]:g} {int(log)} 0", "", send, receive, (0, 0), "0 1")

    def entry(self, x: int, y: int, chars: int, span: tuple[float, float], send: str, receive: str) -> int:
        """Add a number to drag or type, `chars` characters wide, limited to its span."""
        kind = f"nbx {chars} 18 {span[0]:g} {span[1]:g} 0 0"
        return self._gui(x, y, kind, "", send, receive, (0, 0), "0 256")

    def radio(self, x: int, y: int, choices: int, send: str, receive: str) -> int:
        """Add a row of `choices` cells, of which one is chosen."""
        return self._gui(x, y, f"hradio 18 1 0 {choices}", "", send, receive, (0, 0), "0")

    def _gui(self, x, y, kind, label, send, receive, offset, tail, colour=WHITE) -> int:
        names = " ".join(escape(name) or NO_NAME for name in (send, receive, label.replace(" ", "_")))
        look = f"{offset[0]} {offset[1]} 0 {FONT} {colour} #000000 #000000"
        return self._add(f"#X obj {x} {y} {kind} {names} {look} {tail}".rstrip() + ";")

    def panel(self, x: int, y: int, width: int, height: int, label: str, colour: str = GREY) -> int:
        """Add a coloured field behind a group of boxes; call it before they are added."""
        label = escape(label.replace(" ", "_")) or NO_NAME
        return self._add(
            f"#X obj {x} {y} cnv 12 {width} {height} {NO_NAME} {NO_NAME} {label} 8 12 0 13 {colour} {DARK} 0;"
        )

    def sub(self, x: int, y: int, patch: Patch) -> int:
        """Add a subpatch in a box."""
        return self._add(f"{patch.body()}\n#X restore {x} {y} pd {patch.name};")

    def graph_on_parent(self, width: int, height: int) -> None:
        """Show the upper left corner of this patch in the patch that uses it (graph on parent)."""
        self.tail = [f"#X coords 0 0 1 1 {width} {height} 2 0 0;"]

    def connect(self, *path: int | tuple[int, int]) -> None:
        """Connect each box with the next one; (box, n) is outlet n of a box, else 0. The inlet is always 0."""
        for source, target in pairwise(path):
            box, outlet = source if isinstance(source, tuple) else (source, 0)
            self.connect_inlet(box, outlet, target if isinstance(target, int) else target[0], 0)

    def connect_inlet(self, source: int, outlet: int, target: int, inlet: int) -> None:
        """Connect one outlet with one inlet, counted from 0."""
        self.cords.append(f"#X connect {source} {outlet} {target} {inlet};")

    def body(self) -> str:
        """The text of the canvas as a subpatch."""
        return "\n".join([self.head + f"{self.name or '(subpatch)'} 0;", *self.boxes, *self.cords, *self.tail])

    def save(self, path: Path) -> None:
        """Write the patch as a file of its own."""
        path.write_text(
            "\n".join([self.head + f"{FONT};", *self.boxes, *self.cords, *self.tail]) + "\n", encoding="utf-8"
        )
