"""Writes the control surface for Pure Data: antiphon-control.pd."""

from __future__ import annotations

from agent.control.command import REPORTS, ReportField
from patches.pd_network import network
from patches.pd_patch import BLUE, CHARACTER_PX, RED, Patch
from patches.surface import (
    AGENT_PORT,
    DETAILED_REPORTS,
    DISPLAYED_REPORTS,
    GROUPS,
    HOST,
    MESSAGE_EXAMPLES,
    SURFACE_PORT,
    Widget,
    group_areas,
    reports,
    widgets,
)

ROW_HEIGHT_PX = 26
GROUP_AREAS = group_areas((150, 260, 430), ROW_HEIGHT_PX, top=60)


def control() -> Patch:
    """The patch: widgets and displays, with four subpatches that send and receive."""
    patch = Patch(1340, 800)
    patch.text(10, 8, "ANTIPHON - control surface. Start the agent first or later: antiphon play ...")
    patch.text(
        10, 28, f"It hears on port {AGENT_PORT} and tells on port {SURFACE_PORT} of {HOST}; see [pd network] below."
    )
    patch.toggle(620, 14, 20, "connected", "", "$0-connected")
    for n, group in enumerate(GROUPS):
        x, y, width, height = GROUP_AREAS[group]
        patch.panel(x, y, width, height, GROUPS[group], BLUE if n % 2 else "#d0f0d0")
        for k, widget in enumerate(widgets(group)):
            _draw(patch, widget, x + 8, y + 24 + ROW_HEIGHT_PX * k)
    _displays(patch, 886, 60)
    patch.sub(10, 680, network(SURFACE_PORT, DISPLAYED_REPORTS, "antiphon-in", state=True))
    patch.sub(120, 680, _sender())
    patch.sub(210, 680, _display_router())
    patch.sub(300, 680, _echo())
    patch.text(10, 706, "From your own patches: [s antiphon] takes messages such as  temperature 0.7  and  mute 1 ;")
    patch.text(10, 726, "[r antiphon-in] gives every report, e.g. -> [route event heard status]")
    return patch


def _draw(patch: Patch, widget: Widget, x: int, y: int) -> None:
    """Draw one widget, which sends to $0-NAME and is moved by $0-NAME-set."""
    send, receive, kind = f"$0-{widget.name}", f"$0-{widget.name}-set", widget.kind
    if kind == "button":
        patch.bang(x, y, 20, widget.name, send, colour=RED if widget.name in ("panic", "stop") else "#fcfcfc")
    elif kind == "switch":
        patch.toggle(x, y, 20, widget.name, send, receive)
    elif kind == "message":
        patch.msg(x, y, f"; antiphon {MESSAGE_EXAMPLES[widget.name]}")
    elif kind == "word":
        patch.symbol(x, y, 14, send=send)
        patch.text(x + 120, y, widget.name)
    else:
        _draw_value(patch, widget, x, y, send, receive)


def _draw_value(patch: Patch, widget: Widget, x: int, y: int, send: str, receive: str) -> None:
    settings = widget.control.setting is not None
    label = x + (250 if settings else 120)
    if widget.kind == "choice":
        choices = widget.control.args[0].choices
        patch.radio(x, y, len(choices), send, f"{send}-row")
        patch.text(x + 70, y, f"{' / '.join(choices)}")
        label = max(label, x + 70 + round(CHARACTER_PX * (3 + len(" / ".join(choices)))))
        if not settings:
            return
    elif widget.kind == "span":
        for n, arg in enumerate(widget.control.args):
            patch.entry(x + 80 * n, y, 6, (arg.low or 0, arg.high or 1), f"{send}-{arg.name}", f"{receive}-{arg.name}")
    elif widget.kind == "fader":
        patch.slider(x, y, widget.fader_range, False, f"{send}-slide", f"{send}-fader")
        patch.entry(x + 172, y, 6, widget.value_range, send, receive)
    else:
        patch.entry(x, y, 5, widget.value_range, send, receive)
    patch.text(label, y, widget.label)


def _displays(patch: Patch, x: int, y: int) -> None:
    """Draw the reports: the detailed ones value by value, the others in a line each."""
    for report in reports():
        if report.name in DETAILED_REPORTS:
            patch.text(x, y, f"{report.name}: {report.meaning}")
            y = _values(patch, report.name, [field for field in report.fields if field.kind != "d"], x, y + 20) + 24
            continue
        patch.text(x, y, report.name)
        is_sentence = [field.kind for field in report.fields] == ["s"]
        (patch.symbol if is_sentence else patch.list)(x + 80, y, 48, f"$0-show-{report.name}")
        y += ROW_HEIGHT_PX


def _values(patch: Patch, report: str, values: list[ReportField], x: int, y: int) -> int:
    """Draw boxes with their names above, at most six in a row; return the y (px) of the last row."""
    for n, field in enumerate(values):
        if n and n % 6 == 0:
            y += 38
        at = x + 8 + 70 * (n % 6)
        patch.text(at, y - 2, field.name)
        add_box = patch.symbol if field.kind == "s" else patch.number
        add_box(at, y + 16, 8, f"$0-{report}-{field.name}")
    return y + 18


def _sender() -> Patch:
    """The subpatch that turns values of widgets and messages to [s antiphon] into OSC."""
    patch = Patch(1180, 760, "to-osc")
    patch.text(10, 8, "any message to [s antiphon]: its first word is the control, the others are its values")
    form, order = patch.obj(10, 180, "oscformat"), patch.obj(10, 80, "t a a")
    patch.connect(patch.obj(10, 30, "r antiphon"), patch.obj(10, 55, "list prepend"), order)
    name, values = patch.obj(150, 105, "list split 1"), patch.obj(10, 105, "list split 1")
    patch.connect(
        (order, 1), name, patch.obj(150, 130, "list prepend set antiphon"), patch.obj(150, 155, "list trim"), form
    )
    patch.connect(order, values)
    patch.connect_inlet(values, 1, form, 0)
    patch.connect(form, patch.obj(10, 205, "s $0-out"))
    x, y = 10, 250
    for group in GROUPS:
        for widget in widgets(group):
            if widget.kind != "message":
                _send(patch, widget, x, y)
                x, y = (x, y + 60) if y < 660 else (x + 290, 250)
    return patch


def _send(patch: Patch, widget: Widget, x: int, y: int) -> None:
    """Send $0-NAME as /antiphon/NAME, with the types of the table."""
    path = " ".join(["antiphon", *widget.name.split("/")])
    types = {"button": "", "word": "-f s ", "choice": "-f s ", "span": "-f ff ", "fader": "-f f ", "number": "-f f "}
    flag = "-f i " if widget.kind != "choice" and widget.control.args and widget.takes_integers else types[widget.kind]
    form = patch.obj(x, y + 24, f"oscformat {flag}{path}")
    patch.connect(form, patch.obj(x + 220, y + 24, "s $0-out"))
    if widget.kind == "span":
        _send_span(patch, widget, x, y, form)
        return
    value = patch.obj(x, y, f"r $0-{widget.name}")
    if widget.kind == "choice":
        choices = widget.control.args[0].choices
        row = patch.obj(x + 104, y, "sel " + " ".join(map(str, range(len(choices)))))
        patch.connect(value, row)
        for n, choice in enumerate(choices):
            patch.connect((row, n), patch.msg(x + 170 + 44 * n, y, f"symbol {choice}"), form)
        return
    patch.connect(value, form)
    if widget.kind == "fader":
        slide, shown = patch.obj(x + 130, y, f"r $0-{widget.name}-slide"), f"s $0-{widget.name}-set"
        between = [patch.obj(x + 130, y - 22, "i")] if widget.takes_integers else []
        patch.connect(slide, *between, patch.obj(x + 160, y - 22, shown))


def _send_span(patch: Patch, widget: Widget, x: int, y: int, form: int) -> None:
    """Send two numbers; a change of either sends both."""
    low, high = (f"r $0-{widget.name}-{arg.name}" for arg in widget.control.args)
    pair, again = patch.obj(x, y - 22, "pack 0 1"), patch.obj(x + 100, y - 22, "t b f")
    patch.connect(patch.obj(x, y, low), pair, form)
    patch.connect(patch.obj(x + 130, y, high), again, pair)
    patch.connect_inlet(again, 1, pair, 1)


def _display_router() -> Patch:
    """The subpatch that routes reports to the boxes that show them."""
    patch = Patch(1180, 60 + 60 * len(DISPLAYED_REPORTS), "to-show")
    names = " ".join(DISPLAYED_REPORTS)
    route = patch.obj(10, 40, f"route {names}")
    patch.connect(patch.obj(10, 10, "r antiphon-in"), route)
    for n, name in enumerate(DISPLAYED_REPORTS):
        y = 80 + 50 * n
        if name not in DETAILED_REPORTS:
            patch.connect((route, n), patch.obj(10, y, "list"), patch.obj(120, y, f"s $0-show-{name}"))
            continue
        fields = [field for field in REPORTS[name].fields if field.kind != "d"]
        parts = patch.obj(10, y, "unpack " + " ".join("s" if field.kind == "s" else "0" for field in fields))
        patch.connect((route, n), parts)
        for k, field in enumerate(fields):
            patch.connect(
                (parts, k), patch.obj(10 + 150 * (k % 7), y + 22 + 18 * (k // 7), f"s $0-{name}-{field.name}")
            )
    return patch


def _echo() -> Patch:
    """The subpatch that moves the widgets when the agent reports `changed`, without sending."""
    patch = Patch(1180, 760, "to-widgets")
    patch.text(10, 8, "changed NAME VALUES -> [s $0-NAME-set] with the message: set VALUES")
    split, send = patch.obj(10, 70, "list split 1"), patch.obj(10, 190, "send")
    patch.connect(
        patch.obj(10, 30, "r antiphon-in"), patch.obj(120, 30, "route changed"), patch.obj(240, 30, "list"), split
    )
    values = patch.obj(10, 130, "list append")
    order, name = patch.obj(10, 100, "t b s"), patch.obj(160, 130, "makefilename $0-%s-set")
    patch.connect_inlet(split, 1, values, 1)  # the values arrive before the name
    patch.connect(split, order, values, patch.obj(10, 150, "list prepend set"), patch.obj(10, 170, "list trim"), send)
    patch.connect((order, 1), name)
    patch.connect_inlet(name, 0, send, 1)
    x, y = 10, 240
    for group in GROUPS:
        for widget in widgets(group):
            if widget.kind in ("fader", "choice", "span"):
                _follow(patch, widget, x, y)
                x, y = (x, y + 80) if y < 640 else (x + 290, 240)
    return patch


def _follow(patch: Patch, widget: Widget, x: int, y: int) -> None:
    """Move the parts of a widget that do not understand `set VALUE`."""
    name = f"$0-{widget.name}"
    route = patch.obj(x + 140, y, "route set")
    patch.connect(patch.obj(x, y, f"r {name}-set"), route)
    if widget.kind == "fader":
        patch.connect(route, patch.msg(x, y + 24, "set $1"), patch.obj(x + 60, y + 24, f"s {name}-fader"))
    elif widget.kind == "choice":
        choices = widget.control.args[0].choices
        row, last = patch.obj(x, y + 24, "sel " + " ".join(choices)), patch.obj(x + 160, y + 48, f"s {name}-row")
        patch.connect(route, patch.obj(x + 220, y, "list"), row)
        for n in range(len(choices)):
            patch.connect((row, n), patch.msg(x + 50 * n, y + 48, f"set {n}"), last)
    else:
        ends = patch.obj(x, y + 24, "unpack 0 1")
        patch.connect(route, ends)
        for n, arg in enumerate(widget.control.args):
            message = patch.msg(x + 140 * n, y + 46, "set $1")
            patch.connect((ends, n), message, patch.obj(x + 50 + 140 * n, y + 46, f"s {name}-set-{arg.name}"))
