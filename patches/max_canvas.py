"""Writes a Max patcher. Its boxes are laid out in rows, one for each line of connected boxes, and do not overlap."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

from py2max import Patcher
from py2max.core.common import Rect

BOX_HEIGHT_PX, GAP_PX, CHARACTER_PX = 22.0, 8.0, 6.6

PanelRect = tuple[float, float, float, float]  # x, y, width, height in px on the panel (presentation mode)


class MaxCanvas:
    """One patcher, at least `width` px wide. Boxes are added row by row.

    With a `panel_rect` they are also on the panel (presentation mode).
    """

    def __init__(self, width: float, height: float, columns: float = 620.0, panel: bool = True):
        self.patcher = Patcher(openinpresentation=int(panel))
        self.patcher.rect = Rect(60.0, 80.0, width, height)
        self._height, self._columns = height, columns
        self._x, self._y, self._left = 20.0, 20.0, 20.0

    def row(self, tall: float = BOX_HEIGHT_PX) -> None:
        """Begin a row below the last one, whose boxes are `tall` px high; at the bottom begin a column."""
        self._x, self._y = self._left, self._y + tall + GAP_PX
        if self._y > self._height - 60:
            self._left += self._columns
            self._x, self._y = self._left, 20.0

    def add(
        self, text: str, panel_rect: PanelRect | None = None, wide: float = 0, tall: float = BOX_HEIGHT_PX, **more: Any
    ) -> Any:
        """Add a box after the last one of the row. text: name and arguments, as typed in Max. wide, tall: px."""
        width = wide or max(40.0, CHARACTER_PX * len(text) + 14)
        rect = Rect(self._x, self._y, width, tall)
        self._x += width + GAP_PX
        window = self.patcher.rect
        self.patcher.rect = window._replace(w=max(window.w, self._x + GAP_PX))
        if panel_rect:
            more |= {"presentation": 1, "presentation_rect": list(map(float, panel_rect))}
        kind, _, rest = text.partition(" ")
        label = more.pop("label", None)
        if kind == "message":
            box = self.patcher.add_message(rest, patching_rect=rect, **more)
        elif kind == "comment":
            box = self.patcher.add_comment(rest, patching_rect=rect, **more)
        else:
            box = self.patcher.add_textbox(text, patching_rect=rect, **more)
        if label is not None:
            box._kwds["text"] = label
        return box

    def comment(self, text: str, panel_rect: PanelRect | None = None, wide: float = 0, **more: Any) -> Any:
        """Add a comment."""
        return self.add(f"comment {text}", panel_rect, wide or max(60.0, 6.2 * len(text) + 12), **more)

    def panel(self, panel_rect: PanelRect, colour: list[float]) -> None:
        """Add a coloured rectangle to the panel. colour: red, green, blue, alpha from 0 to 1."""
        self.add("panel", panel_rect, 40, bgcolor=colour, mode=0, rounded=6, background=1)

    def connect(self, *path: Any) -> None:
        """Connect each box with the next one; (box, n) is outlet n of a box, else 0. The inlet is always 0."""
        for source, target in pairwise(path):
            box, outlet = source if isinstance(source, tuple) else (source, 0)
            self.connect_inlet(box, outlet, target[0] if isinstance(target, tuple) else target, 0)

    def connect_inlet(self, source: Any, outlet: int, target: Any, inlet: int) -> None:
        """Connect one outlet with one inlet, counted from 0."""
        self.patcher.link(source, target, inlet=inlet, outlet=outlet)

    def save(self, path: Path) -> None:
        """Write the file that Max opens."""
        self.patcher.save_as(str(path))
