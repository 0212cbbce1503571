"""The control surface for Max: antiphon.control.maxpat."""

from __future__ import annotations

from typing import Any

from agent.control.command import REPORTS, ROOT
from patches.maxboard import Board
from patches.surface import EXAMPLES, GROUPS, HEADS, HOST, RECEIVE, SEND, SHOWN, Widget, fields, reports, widgets

LINE = 28.0
FIELDS = fields((170, 240, 430), int(LINE))
COLOURS = ([0.82, 0.94, 0.82, 1.0], [0.80, 0.90, 1.0, 1.0])
ACCENT = {"panic": [0.9, 0.3, 0.3, 1.0], "stop": [0.95, 0.6, 0.5, 1.0]}


def control() -> Board:
    """Widgets in, `/antiphon/...` messages out by udpsend; udpreceive in, displays and widgets moved."""
    board = Board(2900, 1800, 950)
    board.say("ANTIPHON - control surface", (10, 8, 400, 24), fontsize=16.0)
    words = f"The agent listens on {HOST}:{SEND} and tells on port {RECEIVE}. It may be started before or after."
    board.row()
    board.say(words, (10, 32, 640, 20))
    for n, group in enumerate(GROUPS):
        board.row()
        board.panel(FIELDS[group], COLOURS[n % 2])
        board.say(GROUPS[group], (FIELDS[group][0] + 6, FIELDS[group][1] + 2, 140, 20), fontface=1)
    moved: dict[str, list[Any]] = {}
    _network(board)
    for group in GROUPS:
        x, y = FIELDS[group][0] + 8.0, FIELDS[group][1] + 24.0
        for widget in widgets(group):
            board.row(44 if widget.kind == "word" else 22)
            _draw(board, widget, x, y, moved)
            y += LINE
    _echo(board, moved)
    _displays(board)
    return board


def _network(board: Board) -> Any:
    """The two sockets; the subscription is made again every second, so that the agent may come later."""
    board.row()
    board.say(
        "NETWORK: [s antiphon] takes whole messages, e.g. /antiphon/temperature 0.7 ; [r antiphon.in] gives reports"
    )
    board.row()
    out = board.add(f"udpsend {HOST} {SEND}")
    board.wire(board.add("r antiphon"), out)
    board.row()
    hear, into = board.add(f"udpreceive {RECEIVE}"), board.add("s antiphon.in")
    board.wire(hear, into)
    board.row()
    load, metro = board.add("loadmess 1"), board.add("metro 1000")
    words = board.add(f"message {ROOT}subscribe {RECEIVE} {' '.join(SHOWN)}", wide=300, tall=52)
    board.wire(load, metro, words, out)
    board.row(52)
    beat, order = board.add("r antiphon.in"), board.add("t b b")
    route = board.add(f"route {ROOT}status")
    wait, gone, here = board.add("delay 3000"), board.add("message 0"), board.add("message 1")
    alive, lamp = board.add("change"), board.add("toggle", (760, 30, 22, 22), 24)
    board.wire(beat, route, order, wait, gone, alive, lamp)
    board.wire((order, 1), here, alive)
    board.row()
    ask = board.add(f"message {ROOT}state")
    board.wire(alive, board.add("sel 1"), board.add("delay 200"), ask, out)
    board.say("when the heartbeat begins, ask for all settings", (786, 32, 80, 20), 300)
    board.patcher._boxes[-1]._kwds["text"] = "connected"
    return out


def _draw(board: Board, widget: Widget, x: float, y: float, moved: dict[str, list[Any]]) -> None:
    """One widget, from the hand to [s antiphon]; `moved` collects what the agent's answers move."""
    kind, address = widget.kind, ROOT + widget.name
    if kind == "button":
        button = board.add(
            "textbutton", (x, y, 150, 22), 90, label=widget.name, bgcolor=ACCENT.get(widget.name, [0.95] * 3 + [1.0])
        )
        board.wire(button, board.add(f"message {address}"), board.add("s antiphon"))
        return
    if kind == "message":
        board.wire(board.add(f"message {ROOT}{EXAMPLES[widget.name]}", (x, y, 220, 22)), board.add("s antiphon"))
        return
    wide = {"switch": 28}.get(kind, 262 if widget.control.setting else 132)
    last = board.add(f"prepend {address}")
    board.wire(last, board.add("s antiphon"))
    board.say(widget.label, (x + wide, y, 160, 20), 160)
    if kind == "switch":
        switch = board.add("toggle", (x, y, 22, 22), 24)
        board.wire(switch, last)
        moved[widget.name] = [switch]
    elif kind == "choice":
        items = [item for choice in widget.control.args[0].choices for item in (choice, ",")][:-1]
        menu = board.add("umenu", (x, y, 110, 22), 100, items=items)
        board.wire((menu, 1), last)
        moved[widget.name] = [(menu, "setsymbol")]
    elif kind == "word":
        text = board.add("textedit", (x, y, 120, 22), 120, 44, keymode=1, lines=1)
        board.wire(text, board.add("route text"), board.add("tosymbol"), last)
    else:
        moved[widget.name] = _numbers(board, widget, x, y, last)


def _numbers(board: Board, widget: Widget, x: float, y: float, last: Any) -> list[Any]:
    """Number boxes kept to the range of the table, and a slider where there is one."""
    box = "number" if widget.whole else "flonum"
    more = {"minimum": widget.span[0], "maximum": widget.span[1]}
    if widget.whole:
        more = {key: int(value) for key, value in more.items()}
    if widget.kind == "span":
        low, high = board.add(box, (x, y, 60, 22), 60, **more), board.add(box, (x + 70, y, 60, 22), 60, **more)
        pair, parts = board.add("pak 0. 1."), board.add("unpack 0. 0.")
        sets = [board.add("prepend set"), board.add("prepend set")]
        board.wire(low, pair, last)
        board.join(high, 0, pair, 1)
        board.wire(parts, sets[0], low)
        board.wire((parts, 1), sets[1], high)
        return [(parts, "")]
    number = board.add(box, (x + (172 if widget.control.setting else 0), y, 70, 22), 60, **more)
    board.wire(number, last)
    if widget.kind != "fader":
        return [number]
    low, high = widget.fader_range
    whole = (
        {"floatoutput": 0, "min": low, "size": high - low + 1}
        if widget.whole
        else {"floatoutput": 1, "min": low, "size": high - low}
    )
    slider = board.add("slider", (x, y, 164, 20), 120, orientation=1, **whole)
    board.wire(slider, number)
    return [number, slider]


def _echo(board: Board, moved: dict[str, list[Any]]) -> None:
    """`changed NAME VALUES` moves a widget without sending it back."""
    board.row()
    board.say("WHAT HAS CHANGED, by whatever hand, moves the widgets and sends nothing")
    board.row()
    into, route = board.add("r antiphon.in"), board.add(f"route {ROOT}changed")
    board.wire(into, route)
    board.row()
    names = board.add(f"route {' '.join(moved)}", wide=600)
    board.wire(route, names)
    for n, targets in enumerate(moved.values()):
        board.row()
        for target in targets:
            box, word = target if isinstance(target, tuple) else (target, "set")
            if word:
                board.wire((names, n), board.add(f"prepend {word}"), box)
            else:
                board.wire((names, n), box)


def _displays(board: Board) -> None:
    """Reports: the parts first looked at value by value, the others a line each."""
    board.row()
    board.say("WHAT THE AGENT TELLS")
    board.row()
    into, route = (
        board.add("r antiphon.in"),
        board.add(f"route {' '.join(ROOT + one.name for one in reports())}", wide=600),
    )
    board.wire(into, route)
    x, y = 890.0, 60.0
    for n, about in enumerate(reports()):
        board.row()
        if about.name not in HEADS:
            board.say(about.name, (x, y, 78, 20), 90, fontface=1)
            show = board.add("message", (x + 80, y, 396, 22), 200)
            board.wire((route, n), board.add("prepend set"), show)
            y += 28
            continue
        board.say(f"{about.name}: {about.meaning}", (x, y, 480, 20), 300, fontface=1)
        y = _values(board, (route, n), about.name, x, y + 22)


def _values(board: Board, source: Any, report: str, x: float, y: float) -> float:
    """The values of a report with their names above, six to a row; returns where the next may begin."""
    values = [one for one in REPORTS[report].fields if one.kind != "d"]
    parts = board.add("unpack " + " ".join({"s": "s", "i": "0"}.get(one.kind, "0.") for one in values))
    board.wire(source, parts)
    for k, field in enumerate(values):
        if k % 4 == 0:
            board.row()
        left, top = x + 80 * (k % 6), y + 44 * (k // 6)
        board.say(field.name, (left, top, 78, 20), 90)
        if field.kind == "s":
            show = board.add("message", (left, top + 20, 76, 22), 80)
            board.wire((parts, k), board.add("prepend set"), show)
        else:
            show = board.add("number" if field.kind == "i" else "flonum", (left, top + 20, 70, 22), 70)
            board.wire((parts, k), show)
    return y + 44 * (1 + (len(values) - 1) // 6) + 4
