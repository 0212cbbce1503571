"""Writes the control surface for Max: antiphon.control.maxpat."""

from __future__ import annotations

from typing import Any

from agent.control.command import REPORTS, ROOT
from patches.max_canvas import MaxCanvas
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

ROW_HEIGHT_PX = 28.0
GROUP_AREAS = group_areas((170, 240, 430), int(ROW_HEIGHT_PX))
COLOURS = ([0.82, 0.94, 0.82, 1.0], [0.80, 0.90, 1.0, 1.0])
ACCENT = {"panic": [0.9, 0.3, 0.3, 1.0], "stop": [0.95, 0.6, 0.5, 1.0]}


def control() -> MaxCanvas:
    """The patcher: widgets send `/antiphon/...` by udpsend; reports from udpreceive move displays and widgets."""
    canvas = MaxCanvas(3200, 1800, 1050)
    canvas.comment("ANTIPHON - control surface", (10, 8, 400, 24), fontsize=16.0)
    words = (
        f"The agent listens on {HOST}:{AGENT_PORT} and tells on port {SURFACE_PORT}. It may be started before or after."
    )
    canvas.row()
    canvas.comment(words, (10, 32, 640, 20))
    for n, group in enumerate(GROUPS):
        canvas.row()
        canvas.panel(GROUP_AREAS[group], COLOURS[n % 2])
        canvas.comment(GROUPS[group], (GROUP_AREAS[group][0] + 6, GROUP_AREAS[group][1] + 2, 140, 20), fontface=1)
    targets: dict[str, list[Any]] = {}
    _network(canvas)
    tall = 22.0  # of the row before
    for group in GROUPS:
        x, y = GROUP_AREAS[group][0] + 8.0, GROUP_AREAS[group][1] + 24.0
        for widget in widgets(group):
            canvas.row(tall)
            tall = 44.0 if widget.kind == "word" else 22.0
            _draw(canvas, widget, x, y, targets)
            y += ROW_HEIGHT_PX
    _echo(canvas, targets)
    _displays(canvas)
    return canvas


def _network(canvas: MaxCanvas) -> Any:
    """The two sockets. The patch subscribes again every second, so that the agent may be started later."""
    canvas.row()
    canvas.comment(
        "NETWORK: [s antiphon] takes whole messages, e.g. /antiphon/temperature 0.7 ; [r antiphon.in] gives reports"
    )
    canvas.row()
    out = canvas.add(f"udpsend {HOST} {AGENT_PORT}")
    canvas.connect(canvas.add("r antiphon"), out)
    canvas.row()
    receive, reports_in = canvas.add(f"udpreceive {SURFACE_PORT}"), canvas.add("s antiphon.in")
    canvas.connect(receive, reports_in)
    canvas.row()
    load, metro = canvas.add("loadmess 1"), canvas.add("metro 1000")
    words = canvas.add(f"message {ROOT}subscribe {SURFACE_PORT} {' '.join(DISPLAYED_REPORTS)}", wide=300, tall=52)
    canvas.connect(load, metro, words, out)
    canvas.row(52)
    reports_out, order = canvas.add("r antiphon.in"), canvas.add("t b b")
    route = canvas.add(f"route {ROOT}status")
    wait, off, on = canvas.add("delay 3000"), canvas.add("message 0"), canvas.add("message 1")
    alive, lamp = canvas.add("change"), canvas.add("toggle", (760, 30, 22, 22), 24)
    canvas.connect(reports_out, route, order, wait, off, alive, lamp)
    canvas.connect((order, 1), on, alive)
    canvas.row()
    ask = canvas.add(f"message {ROOT}state")
    canvas.connect(alive, canvas.add("sel 1"), canvas.add("delay 200"), ask, out)
    canvas.comment("when the heartbeat begins, ask for all settings", (786, 32, 80, 20), 300)
    canvas.patcher._boxes[-1]._kwds["text"] = "connected"
    return out


def _draw(canvas: MaxCanvas, widget: Widget, x: float, y: float, targets: dict[str, list[Any]]) -> None:
    """Draw one widget and connect it to [s antiphon]; add the boxes that `changed` moves to `targets`."""
    kind, address = widget.kind, ROOT + widget.name
    if kind == "button":
        button = canvas.add(
            "textbutton", (x, y, 150, 22), 90, label=widget.name, bgcolor=ACCENT.get(widget.name, [0.95] * 3 + [1.0])
        )
        canvas.connect(button, canvas.add(f"message {address}"), canvas.add("s antiphon"))
        return
    if kind == "message":
        canvas.connect(
            canvas.add(f"message {ROOT}{MESSAGE_EXAMPLES[widget.name]}", (x, y, 220, 22)), canvas.add("s antiphon")
        )
        return
    wide = {"switch": 28}.get(kind, 262 if widget.control.setting else 132)
    last = canvas.add(f"prepend {address}")
    canvas.connect(last, canvas.add("s antiphon"))
    canvas.comment(widget.label, (x + wide, y, 160, 20), 160)
    if kind == "switch":
        switch = canvas.add("toggle", (x, y, 22, 22), 24)
        canvas.connect(switch, last)
        targets[widget.name] = [switch]
    elif kind == "choice":
        items = [item for choice in widget.control.args[0].choices for item in (choice, ",")][:-1]
        menu = canvas.add("umenu", (x, y, 110, 22), 100, items=items)
        canvas.connect((menu, 1), last)
        targets[widget.name] = [(menu, "setsymbol")]
    elif kind == "word":
        text = canvas.add("textedit", (x, y, 120, 22), 120, 44, keymode=1, lines=1)
        canvas.connect(text, canvas.add("route text"), canvas.add("tosymbol"), last)
    else:
        targets[widget.name] = _numbers(canvas, widget, x, y, last)


def _numbers(canvas: MaxCanvas, widget: Widget, x: float, y: float, last: Any) -> list[Any]:
    """Draw number boxes with the range of the table, and a slider for a fader; return the boxes to move."""
    box = "number" if widget.takes_integers else "flonum"
    more = {"minimum": widget.value_range[0], "maximum": widget.value_range[1]}
    if widget.takes_integers:
        more = {key: int(value) for key, value in more.items()}
    if widget.kind == "span":
        low, high = canvas.add(box, (x, y, 60, 22), 60, **more), canvas.add(box, (x + 70, y, 60, 22), 60, **more)
        pair, parts = canvas.add("pak 0. 1."), canvas.add("unpack 0. 0.")
        sets = [canvas.add("prepend set"), canvas.add("prepend set")]
        canvas.connect(low, pair, last)
        canvas.connect_inlet(high, 0, pair, 1)
        canvas.connect(parts, sets[0], low)
        canvas.connect((parts, 1), sets[1], high)
        return [(parts, "")]
    number = canvas.add(box, (x + (172 if widget.control.setting else 0), y, 70, 22), 60, **more)
    canvas.connect(number, last)
    if widget.kind != "fader":
        return [number]
    low, high = widget.fader_range
    whole = (
        {"floatoutput": 0, "min": low, "size": high - low + 1}
        if widget.takes_integers
        else {"floatoutput": 1, "min": low, "size": high - low}
    )
    slider = canvas.add("slider", (x, y, 164, 20), 120, orientation=1, **whole)
    canvas.connect(slider, number)
    return [number, slider]


def _echo(canvas: MaxCanvas, targets: dict[str, list[Any]]) -> None:
    """Connect `changed NAME VALUES` to the widgets, which move without sending. targets: boxes by control."""
    canvas.row()
    canvas.comment("WHAT HAS CHANGED, by whatever hand, moves the widgets and sends nothing")
    canvas.row()
    reports_out, route = canvas.add("r antiphon.in"), canvas.add(f"route {ROOT}changed")
    canvas.connect(reports_out, route)
    canvas.row()
    names = canvas.add(f"route {' '.join(targets)}", wide=600)
    canvas.connect(route, names)
    for n, boxes in enumerate(targets.values()):
        canvas.row()
        for target in boxes:
            box, word = target if isinstance(target, tuple) else (target, "set")
            if word:
                canvas.connect((names, n), canvas.add(f"prepend {word}"), box)
            else:
                canvas.connect((names, n), box)


def _displays(canvas: MaxCanvas) -> None:
    """Draw the reports: the detailed ones value by value, the others in a line each."""
    canvas.row()
    canvas.comment("WHAT THE AGENT TELLS")
    canvas.row()
    reports_out, route = (
        canvas.add("r antiphon.in"),
        canvas.add(f"route {' '.join(ROOT + report.name for report in reports())}", wide=600),
    )
    canvas.connect(reports_out, route)
    x, y = 890.0, 60.0
    for n, report in enumerate(reports()):
        canvas.row()
        if report.name not in DETAILED_REPORTS:
            canvas.comment(report.name, (x, y, 78, 20), 90, fontface=1)
            display = canvas.add("message", (x + 80, y, 396, 22), 200)
            canvas.connect((route, n), canvas.add("prepend set"), display)
            y += 28
            continue
        canvas.comment(f"{report.name}: {report.meaning}", (x, y, 480, 20), 300, fontface=1)
        y = _values(canvas, (route, n), report.name, x, y + 22)


def _values(canvas: MaxCanvas, source: Any, report: str, x: float, y: float) -> float:
    """Draw the values of a report with their names above, six in a row; return the y (px) of the next report."""
    values = [field for field in REPORTS[report].fields if field.kind != "d"]
    parts = canvas.add("unpack " + " ".join({"s": "s", "i": "0"}.get(field.kind, "0.") for field in values))
    canvas.connect(source, parts)
    for k, field in enumerate(values):
        if k % 4 == 0:
            canvas.row()
        left, top = x + 80 * (k % 6), y + 44 * (k // 6)
        canvas.comment(field.name, (left, top, 78, 20), 90)
        if field.kind == "s":
            display = canvas.add("message", (left, top + 20, 76, 22), 80)
            canvas.connect((parts, k), canvas.add("prepend set"), display)
        else:
            display = canvas.add("number" if field.kind == "i" else "flonum", (left, top + 20, 70, 22), 70)
            canvas.connect((parts, k), display)
    return y + 44 * (1 + (len(values) - 1) // 6) + 4
