"""The control surface of Max and Pd: a widget for each control of the table, and where its group is drawn."""

from __future__ import annotations

from dataclasses import dataclass

from agent.control.command import CONTROLS, REPORTS, Control, ReportSpec

HOST, AGENT_PORT, SURFACE_PORT, PLAYER_PORT = "127.0.0.1", 9000, 9001, 9002
GROUPS = {  # group of the table -> its title; the groups "osc", "hear" and "midi" have no widgets
    "stage": "stage",
    "choice": "choice",
    "memory": "memory",
    "presets": "presets",
    "scenario": "scenario",
    "pulse": "beat",
    "fill": "missing part",
    "settings": "settings",
}
COLUMNS = (("stage", "choice", "pulse"), ("memory", "presets", "scenario", "fill"), ("settings",))
DETAILED_REPORTS = ("heard", "event", "status", "latency")  # shown value by value; the other reports as a line
DISPLAYED_REPORTS = tuple(name for name in REPORTS if name not in ("pong",))
MESSAGE_EXAMPLES = {"scenario": "scenario 40 3 3 -1 7", "scenario/next": "scenario/next 3 3 -1 7"}

Area = tuple[int, int, int, int]  # x, y, width, height in px


@dataclass(frozen=True)
class Widget:
    """A control and the kind of widget that draws it."""

    control: Control
    kind: str  # button, switch, fader, number, choice, span, word or message

    @property
    def name(self) -> str:
        """The name of the control."""
        return self.control.name

    @property
    def label(self) -> str:
        """The text beside the widget: name and unit."""
        unit = self.control.args[0].unit if self.control.args else ""
        return self.control.name + (f" ({unit})" if unit else "")

    @property
    def value_range(self) -> tuple[float, float]:
        """Lowest and highest value allowed."""
        arg = self.control.args[0]
        return (0.0 if arg.low is None else arg.low, 1.0 if arg.high is None else arg.high)

    @property
    def fader_range(self) -> tuple[float, float]:
        """Lowest and highest value of the fader."""
        return self.control.fader_range or self.value_range

    @property
    def takes_integers(self) -> bool:
        """Whether it takes only whole numbers."""
        return self.control.args[0].kind in ("i", "is")


def kind_of(control: Control) -> str:
    """The kind of widget for the values of a control, see `Widget.kind`."""
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
    return [Widget(control, kind_of(control)) for control in CONTROLS.values() if control.group == group]


def group_areas(widths: tuple[int, ...], row_height: int, left: int = 10, top: int = 60) -> dict[str, Area]:
    """The area of each group. widths: of `COLUMNS`, px. row_height: of a widget, px. left, top: of the first, px."""
    areas, x = {}, left
    for column, width in zip(COLUMNS, widths, strict=True):
        y = top
        for group in column:
            height = row_height * len(widgets(group)) + 30
            areas[group] = (x, y, width, height)
            y += height + 8
        x += width + 8
    return areas


def reports() -> list[ReportSpec]:
    """The reports that the surface shows, the detailed ones first."""
    first = [REPORTS[name] for name in DETAILED_REPORTS]
    return first + [REPORTS[name] for name in DISPLAYED_REPORTS if name not in DETAILED_REPORTS]
