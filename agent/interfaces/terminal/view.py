"""What the reports of the bus add up to, and how a terminal shows it."""

from __future__ import annotations

import colorsys
import time
from collections import deque
from typing import Any

from rich.console import Group, RenderableType
from rich.style import Style
from rich.table import Table
from rich.text import Text

from agent.control import command

COLOURS = {"playing": "green", "listening": "blue", "held": "yellow", "muted": "magenta", "error": "red"}
MARKS = {"jump": "↷", "nearest": "≈", "late": "!", "carry on": "→", "fade": "↘", "hold": "‖"}
CELL = 4  # columns of one hop
NAME = 9  # columns of the name of a row
PATIENCE = 8.0  # s that a sentence stays
FRESH = 3.0  # s that a score of how well both fit is shown


class ViewState:
    """The newest of everything that was reported. `hear` takes a report of the bus."""

    def __init__(self, session: Any, room: int = 64):
        self.session = session  # for what is loaded
        self.heard: deque[tuple[int, int, float]] = deque(maxlen=room)  # hop, label, dBFS
        self.events: deque[tuple[int, str, int]] = deque(maxlen=room)  # hop, why, label
        self.plan: tuple[int, tuple[int, ...]] = (0, ())  # first hop, labels
        self.meter = (-120.0, -120.0)  # dBFS in, out
        self.fit: tuple[float, ...] = ()  # how well both fit: position, and three scores
        self.fitted = 0.0  # when that was
        self.sounding: dict[str, Any] = {}  # of the newest event
        self.sentence, self.since = "", 0.0
        self.settings = [one.name for one in command.CONTROLS.values() if one.setting and len(one.args) == 1]
        self.chosen = 0  # of `settings`, by the arrows

    def seconds(self, memory: str) -> float:
        """Length of a memory, 0 if there is none of that name."""
        return next((one.seconds for one in self.session.repertoire if one.name == memory), 0.0)

    def hear(self, name: str, values: tuple) -> None:
        """One report; those that the board does not show are passed over."""
        if name == "heard":
            self.heard.append((int(values[0]), int(values[1]), float(values[2])))
        elif name == "event":
            names = [one.name for one in command.REPORTS["event"].fields]
            self.sounding = dict(zip(names, values, strict=False))
            self.events.append((int(values[0]), str(values[1]), int(values[3])))
        elif name == "plan":
            self.plan = int(values[0]), tuple(int(label) for label in values[1:])
        elif name == "meter":
            self.meter = float(values[0]), float(values[1])
        elif name == "coherence":
            self.fit, self.fitted = tuple(map(float, values)), time.monotonic()
        elif name in ("error", "device"):
            self.sentence, self.since = " ".join(map(str, values)), time.monotonic()


def render(board: ViewState, now: dict[str, Any], width: int, height: int) -> RenderableType:
    """The whole screen, `width` columns by `height` lines. now: a snapshot of the engine."""
    lines: list[RenderableType] = [
        _state(board, now),
        Text(),
        _row(board, "you", [(label, "") for _, label, _ in board.heard], [], width),
        _row(board, "antiphon", [(label, why) for _, why, label in board.events], _planned(board), width),
        Text(" " * NAME + _why(board), style="bold"),
        _place(board, now, width),
        Text(),
        _meters(board, width),
        *_fit(board, now, width),
        _costs(now),
        Text(),
        _settings(board, now),
    ]
    if time.monotonic() - board.since < PATIENCE and board.sentence:
        lines.append(Text(board.sentence, style="bold white on red"))
    return Group(*lines, _keys())


def _state(board: ViewState, now: dict[str, Any]) -> Text:
    state = str(now.get("state", "gone"))
    seconds = float(now.get("seconds", 0.0))
    text = Text.assemble(
        (f" {state.upper()} ", f"bold black on {COLOURS.get(state, 'white')}"),
        f"  {int(seconds // 60)}:{int(seconds % 60):02d}  {now.get('memory', '')}",
    )
    if (source := now.get("recording", "off")) != "off":
        text.append(f"  ● records {source}", style="bold red")
    return text


def _row(board: ViewState, name: str, cells: list[tuple[int, str]], planned: list[int], width: int) -> Text:
    """One column for each hop, the newest to the right; behind them the plan, in outline."""
    room = max(1, (width - NAME) // CELL - 8)
    silence = int(board.session.silence)
    shapes = int(board.session.model.alphabet.shapes)
    text = Text(f"{name:<{NAME}}", style="dim", no_wrap=True)
    for label, why in cells[-room:]:
        text.append(f"{MARKS.get(why, ' ')}{_named(label, silence):>2} ", _style(label, silence, shapes, True))
    if planned:
        text.append("│", "bold white")
    for label in planned[:7]:
        text.append(f" {_named(label, silence):>2} ", _style(label, silence, shapes, False))
    return text


def _planned(board: ViewState) -> list[int]:
    """What of the plan has not become an event."""
    first, labels = board.plan
    newest = board.events[-1][0] if board.events else first - 1
    return list(labels[max(0, newest + 1 - first) :])


def _why(board: ViewState) -> str:
    now = board.sounding
    if not now:
        return ""
    return f"{now['why']}: segment {now['segment']} at {now['position']:.1f} s, match {now['match']}, run {now['run']}"


def _place(board: ViewState, now: dict[str, Any], width: int) -> Text:
    """The memory as a line: its region, and where in it is played."""
    wide = max(10, width - NAME - 1)
    low, high = now.get("settings", {}).get("region", (0.0, 1.0))
    line = ["━" if low * wide <= column < high * wide else "·" for column in range(wide)]
    seconds, position = board.seconds(board.sounding.get("memory", "")), board.sounding.get("position", -1.0)
    if seconds and board.sounding.get("segment", -1) >= 0:
        line[min(wide - 1, int(wide * position / seconds))] = "█"
    return Text(f"{'memory':<{NAME}}", style="dim").append("".join(line), style="cyan")


def _meters(board: ViewState, width: int) -> Text:
    wide = max(5, (width - 2 * NAME - 14) // 2)
    text = Text(no_wrap=True)
    for name, level in zip(("in", "out"), board.meter, strict=True):
        lit = round(wide * max(0.0, min(1.0, (level + 60) / 60)))
        text.append(f"{name:<{NAME if name == 'in' else 4}}", "dim")
        text.append("█" * lit, "green" if level < -6 else "red").append("·" * (wide - lit), "dim")
        text.append(f" {level:5.0f}  ")
    return text


def _fit(board: ViewState, now: dict[str, Any], width: int) -> list[Text]:
    """Where between strangers and partners both were in the last seconds; no line where nothing says that."""
    every = now.get("meter", 0.0)
    if not every:
        return []
    text, wide = Text(f"{'fit':<{NAME}}strangers ", "dim", no_wrap=True), max(10, min(40, width - NAME - 50))
    if not board.fit or time.monotonic() - board.fitted > max(FRESH, 2.5 * every):
        return [text.append("·" * wide + " partners  –")]
    position, both, harmonic, percussive = board.fit
    line = ["·"] * wide
    if position >= 0:
        line[min(wide - 1, int(position * wide))] = "█"
    text.append("".join(line), "magenta" if position < 0.5 else "green").append(" partners")
    text.append(f"  {position:.2f}" if position >= 0 else f"  {both:.1f}", "bold default")
    return [text.append(f"   harmonic {harmonic:.1f}  percussive {percussive:.1f}")]


def _costs(now: dict[str, Any]) -> Text:
    mind, latency = now.get("mind") or {}, now.get("latency") or {}
    missed, xruns = int(now.get("missed", 0)), int(now.get("xruns", 0))
    text = Text(f"{'latency':<{NAME}}", "dim")
    text.append(f"{latency.get('total', 0.0):.0f} ms   ", "default")
    text.append(f"mind {mind.get('p50', 0.0):.0f} / {mind.get('p99', 0.0):.0f} ms   ", "default")
    text.append(f"missed {missed}   ", "bold red" if missed else "default")
    return text.append(f"xruns {xruns}", "bold red" if xruns else "default")


def _settings(board: ViewState, now: dict[str, Any]) -> Table:
    values = now.get("settings", {})
    table = Table.grid(padding=(0, 3))
    names = board.settings
    half = (len(names) + 1) // 2
    for row in range(half):
        cells = []
        for column in (row, row + half):
            if column < len(names):
                control, chosen = command.CONTROLS[names[column]], column == board.chosen
                value = values.get(control.name, "–")
                shown = f"{value:.3g}" if isinstance(value, float) else str(value)
                name = (control.alias or control.name).replace("_", " ")
                unit = control.args[0].unit
                cells += [Text(f"{'▸' if chosen else ' '} {name}", "bold cyan" if chosen else "dim"),
                          Text(f"{shown} {unit}".strip(), "bold" if chosen else "default")]  # fmt: skip
        table.add_row(*cells)
    return table


def _keys() -> Text:
    text = Text("\n")
    for control in command.CONTROLS.values():
        if control.key:
            text.append(f"{control.key.replace('escape', 'esc')} ", "bold cyan").append(f"{control.name}  ")
    return text.append("↑↓ ", "bold cyan").append("setting  ").append("←→ ", "bold cyan").append("change")


def _named(label: int, silence: int) -> str:
    return str(label) if 0 <= label < silence else "·"


def _style(label: int, silence: int, shapes: int, filled: bool) -> Style:
    """A colour for each label, the page's own: around the circle of fifths where labels know pitch classes."""
    if not 0 <= label < silence:
        return Style.parse("dim")
    hue = (label % 12 * 7 % 12) / 12 if label < 12 * shapes else label * 137.508 % 360 / 360
    red, green, blue = (round(255 * part) for part in colorsys.hls_to_rgb(hue, 0.62, 0.6))
    shade = f"rgb({red},{green},{blue})"
    return Style.parse(f"bold black on {shade}" if filled else f"bold {shade}")
