"""What a control surface shows of each control, read from the stage table; Max and Pd draw the same surface."""

from __future__ import annotations

from dataclasses import dataclass

from agent.control.command import CONTROLS, REPORTS, Control, ReportSpec

HOST, SEND, RECEIVE, PLAYER = "127.0.0.1", 9000, 9001, 9002  # the agent's port, the surface's, the player's
GROUPS = {  # of the table -> title on the surface; "osc", "hear" and "midi" are not for the hand
    "stage": "stage",
    "choice": "choice",
    "memory": "memory",
    "presets": "presets",
    "scenario": "scenario",
    "settings": "settings",
}
COLUMNS = (("stage", "choice"), ("memory", "presets", "scenario"), ("settings",))
HEADS = ("heard", "event", "status", "latency")  # reports shown value by value; the rest as a line
SHOWN = tuple(name for name in REPORTS if name not in ("pong",))
EXAMPLES = {"scenario": "scenario 40 3 3 -1 7", "scenario/next": "scenario/next 3 3 -1 7"}


@dataclass(frozen=True)
class Widget:
    """A control as a hand finds it."""

    control: Control
    kind: str  # button, switch, fader, number, choice, span, word or message

    @property
    def name(self) -> str:
        """Of the control."""
        return self.control.name

    @property
    def label(self) -> str:
        """What stands beside it."""
        unit = self.control.args[0].unit if self.control.args else ""
        return self.control.name + (f" ({unit})" if unit else "")

    @property
    def span(self) -> tuple[float, float]:
        """Lowest and highest value allowed."""
        arg = self.control.args[0]
        return (0.0 if arg.low is None else arg.low, 1.0 if arg.high is None else arg.high)

    @property
    def fader_range(self) -> tuple[float, float]:
        """Lowest and highest value of the fader."""
        return self.control.fader_range or self.span

    @property
    def whole(self) -> bool:
        """Takes whole numbers alone."""
        return self.control.args[0].kind in ("i", "is")


def kind_of(control: Control) -> str:
    """Which widget a control needs, by its values."""
    args = control.args
    if not args:
        return "button"
    if control.toggle:
        return "switch"
    if args[-1].many:
        return "message"
    if len(args) == 2:
        return "span"
    if args[0].choices:
        return "choice"
    if args[0].kind == "s":
        return "word"
    return "fader" if control.setting else "number"


def widgets(group: str) -> list[Widget]:
    """The controls of a group, in the order of the table."""
    return [Widget(one, kind_of(one)) for one in CONTROLS.values() if one.group == group]


def fields(widths: tuple[int, ...], line: int, left: int = 10, top: int = 60) -> dict[str, tuple[int, int, int, int]]:
    """Where the field of each group lies: x, y, width, height in px; `line` is the height of a widget's row."""
    found, x = {}, left
    for column, width in zip(COLUMNS, widths, strict=True):
        y = top
        for group in column:
            height = line * len(widgets(group)) + 30
            found[group] = (x, y, width, height)
            y += height + 8
        x += width + 8
    return found


def reports() -> list[ReportSpec]:
    """What the surface shows, the parts a musician looks at first in front."""
    first = [REPORTS[name] for name in HEADS]
    return first + [REPORTS[name] for name in SHOWN if name not in HEADS]
