"""The terminal view: what the reports of the bus add up to, and how it is drawn.

It is drawn with characters beyond ASCII; a terminal that has not got them shows `ASCII_FALLBACKS` instead.
"""

from __future__ import annotations

import codecs
import colorsys
import time
from collections import deque
from typing import TYPE_CHECKING, Any

from rich.cells import cell_len
from rich.console import Console, Group, RenderableType
from rich.style import Style
from rich.table import Table
from rich.text import Text

from agent.control.command import CONTROLS, REPORTS
from agent.engine.snapshot import Snapshot

if TYPE_CHECKING:
    from agent.performance.session import Session

STATE_COLOURS = {"playing": "green", "listening": "blue", "held": "yellow", "muted": "magenta", "error": "red"}
REASON_MARKS = {"jump": "↷", "nearest": "≈", "late": "!", "carry on": "→", "fade": "↘", "hold": "‖"}
ASCII_FALLBACKS = {  # one column each, as what they stand for
    "↷": "/", "≈": "~", "→": ">", "↘": "\\", "‖": "=", "●": "*", "│": "|", "━": "=", "·": ".", "█": "#", "▸": ">",
    "–": "-", "…": "~", "↑": "^", "↓": "v", "←": "<",
}  # fmt: skip
FALLBACK_HANDLER = "antiphon.fallback"  # name of the error handler for streams, as codecs know it
HOP_COLUMNS = 4
LABEL_COLUMNS = 9  # width of the names of the rows
PLAN_HOPS = 7  # hops of the plan that are shown
MAX_HOPS = 64  # shown
SENTENCE_S = 8.0  # time for which an error stays
MIN_SCORE_AGE_S = 3.0  # up to which a coherence score is shown, however often there is one
METER_RANGE_DB = 60.0  # range of the level meters, below full scale
SURE = 0.3  # confidence of a beat from which on it is shown bold
CLIPPING_DB = -6.0  # level from which on a meter is red


def replace_unencodable(error: UnicodeError) -> tuple[str, int]:
    """An error handler as `codecs.register_error` takes it: the fallback of each character, else "?" per column."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end]
    return "".join(ASCII_FALLBACKS.get(letter, "?" * cell_len(letter)) for letter in text), error.end


codecs.register_error(FALLBACK_HANDLER, replace_unencodable)


class ViewState:
    """The newest of everything that was reported. `update` takes each report of the bus."""

    def __init__(self, session: Session, capacity: int = MAX_HOPS):
        self.session = session
        self.heard: deque[tuple[int, int, float]] = deque(maxlen=capacity)  # hop, label, dBFS
        self.events: deque[tuple[int, str, int]] = deque(maxlen=capacity)  # hop, reason, label
        self.plan: tuple[int, tuple[int, ...]] = (0, ())  # first hop, labels
        self.levels_db = (-120.0, -120.0)  # in, out
        self.coherence: tuple[float, ...] = ()  # position, and three scores
        self.coherence_time = 0.0  # monotonic s
        self.fit = (-1.0, -1.0)  # in tune, in time; -1: unknown
        self.last_event: dict[str, Any] = {}  # by the names of the report
        self.sentence, self.sentence_time = "", 0.0
        self.settings = [one.name for one in CONTROLS.values() if one.setting and len(one.args) == 1]
        self.chosen = 0  # number of the setting that the arrows change
        self.typed: str | None = None  # words being typed; None: keys are those of the table
        self.typed_for = "say"  # the control that gets them

    def seconds(self, memory: str) -> float:
        """Length of a memory, 0 if there is none of that name."""
        return next((stored.seconds for stored in self.session.repertoire if stored.name == memory), 0.0)

    def sections(self, memory: str) -> list[str]:
        """The names of the sections of a memory, none if there is no memory of that name."""
        found = (stored.sections for stored in self.session.repertoire if stored.name == memory)
        return [section.name for section in next(found, [])]

    def update(self, name: str, values: tuple[Any, ...]) -> None:
        """Take in one report; those that are not shown are ignored."""
        if name == "heard":
            self.heard.append((int(values[0]), int(values[1]), float(values[2])))
        elif name == "event":
            self.last_event = dict(zip((field.name for field in REPORTS["event"].fields), values, strict=False))
            self.events.append((int(values[0]), str(values[1]), int(values[3])))
        elif name == "plan":
            self.plan = int(values[0]), tuple(int(label) for label in values[1:])
        elif name == "meter":
            self.levels_db = float(values[0]), float(values[1])
        elif name == "coherence":
            self.coherence, self.coherence_time = tuple(map(float, values)), time.monotonic()
        elif name == "fit":
            self.fit = float(values[0]), float(values[1])
        elif name in ("error", "device"):
            self.show(" ".join(map(str, values)))

    def show(self, sentence: str) -> None:
        """Show a sentence for some seconds."""
        self.sentence, self.sentence_time = sentence, time.monotonic()


def render(state: ViewState, snapshot: Snapshot, width: int, height: int) -> RenderableType:
    """The whole screen, `width` columns by `height` lines; a low one shows the settings about the chosen one alone."""
    lines: list[RenderableType] = [
        _state_line(snapshot),
        Text(),
        _label_row(state, "you", [(label, "") for _, label, _ in state.heard], [], width),
        _label_row(state, "antiphon", [(label, why) for _, why, label in state.events], _open_plan(state), width),
        Text(" " * LABEL_COLUMNS + _event_line(state), style="bold"),
        _memory_line(state, snapshot, width),
        Text(),
        _level_line(state, width),
        *_coherence_line(state, snapshot, width),
        *_fit_line(state, snapshot, width),
        _latency_line(snapshot),
        Text(),
    ]
    notes: list[RenderableType] = []
    if state.sentence and time.monotonic() - state.sentence_time < SENTENCE_S:
        notes.append(Text(state.sentence, style="bold white on red"))
    if state.typed is not None:
        notes.append(Text(f"{state.typed_for}: {state.typed[-max(1, width - 8) :]}█", style="bold black on cyan"))
    notes.append(_key_line())
    console = Console(width=width, height=height, color_system=None)
    taken = sum(len(console.render_lines(line)) for line in (*lines, *notes))
    return Group(*lines, _settings_table(state, snapshot, height - taken), *notes)


def _state_line(snapshot: Snapshot) -> Text:
    state, seconds = snapshot["state"], snapshot["seconds"]
    text = Text.assemble(
        (f" {state.upper()} ", f"bold black on {STATE_COLOURS.get(state, 'white')}"),
        f"  {int(seconds // 60)}:{int(seconds % 60):02d}  {snapshot['memory']}",
    )
    if (pulse := snapshot["pulse"])["source"]:
        trust = "bold" if pulse["confidence"] > SURE else "dim"
        text.append(f"  ● {pulse['bpm']:.1f} bpm ({pulse['source']})", style=trust)
    if (source := snapshot["recording"]) != "off":
        text.append(f"  ● records {source}", style="bold red")
    return text


def _label_row(state: ViewState, name: str, cells: list[tuple[int, str]], planned: list[int], width: int) -> Text:
    """One cell for each hop, the newest to the right, then the plan in outline. cells: (label, reason)."""
    room = max(1, (width - LABEL_COLUMNS) // HOP_COLUMNS - PLAN_HOPS - 1)
    silence, shapes = int(state.session.silence), int(state.session.model.alphabet.shapes)
    text = Text(f"{name:<{LABEL_COLUMNS}}", style="dim", no_wrap=True)
    for label, why in cells[-room:]:
        text.append(f"{REASON_MARKS.get(why, ' ')}{_label_text(label, silence):>2} ", _style(label, silence, shapes))
    if planned:
        text.append("│", "bold white")
    for label in planned[:PLAN_HOPS]:
        text.append(f" {_label_text(label, silence):>2} ", _style(label, silence, shapes, filled=False))
    return text


def _open_plan(state: ViewState) -> list[int]:
    """The labels of the plan that have not been played yet."""
    first, labels = state.plan
    newest = state.events[-1][0] if state.events else first - 1
    return list(labels[max(0, newest + 1 - first) :])


def _event_line(state: ViewState) -> str:
    event = state.last_event
    if not event:
        return ""
    place = f"segment {event['segment']} at {event['position']:.1f} s"
    return f"{event['why']}: {place}, match {event['match']}, run {event['run']}"


def _memory_line(state: ViewState, snapshot: Snapshot, width: int) -> Text:
    """The memory as a line: its region, and the position that is played."""
    columns = max(10, width - LABEL_COLUMNS - 1)
    low, high = snapshot["region"]
    line = ["━" if low * columns <= column < high * columns else "·" for column in range(columns)]
    seconds, position = state.seconds(state.last_event.get("memory", "")), state.last_event.get("position", -1.0)
    if seconds and state.last_event.get("segment", -1) >= 0:
        line[min(columns - 1, int(columns * position / seconds))] = "█"
    return Text(f"{'memory':<{LABEL_COLUMNS}}", style="dim").append("".join(line), style="cyan")


def _level_line(state: ViewState, width: int) -> Text:
    columns = max(5, (width - 2 * LABEL_COLUMNS - 14) // 2)
    text = Text(no_wrap=True)
    for name, level in zip(("in", "out"), state.levels_db, strict=True):
        lit = round(columns * max(0.0, min(1.0, 1 + level / METER_RANGE_DB)))
        text.append(f"{name:<{LABEL_COLUMNS if name == 'in' else 4}}", "dim")
        text.append("█" * lit, "green" if level < CLIPPING_DB else "red").append("·" * (columns - lit), "dim")
        text.append(f" {level:5.0f}  ")
    return text


def _coherence_line(state: ViewState, snapshot: Snapshot, width: int) -> list[Text]:
    """Where between strangers and partners both were in the last seconds; no line without a meter."""
    interval = snapshot["meter"]
    if not interval:
        return []
    text = Text(f"{'fit':<{LABEL_COLUMNS}}strangers ", "dim", no_wrap=True)
    columns = max(10, min(40, width - LABEL_COLUMNS - 50))
    if not _is_scored(state, interval):
        return [text.append("·" * columns + " partners  –")]
    position, both, harmonic, percussive = state.coherence
    line = ["·"] * columns
    if position >= 0:
        line[min(columns - 1, int(position * columns))] = "█"
    text.append("".join(line), "magenta" if position < 0.5 else "green").append(" partners")
    text.append(f"  {position:.2f}" if position >= 0 else f"  {both:.1f}", "bold default")
    return [text.append(f"   harmonic {harmonic:.1f}  percussive {percussive:.1f}")]


def _is_scored(state: ViewState, interval_s: float) -> bool:
    """Is the newest score young enough to be shown?"""
    age = time.monotonic() - state.coherence_time
    return bool(state.coherence) and age <= max(MIN_SCORE_AGE_S, 2.5 * interval_s)


def _fit_line(state: ViewState, snapshot: Snapshot, width: int) -> list[Text]:
    """Whether both agree in pitch and keep one beat, each as a bar from 0 to 1; no line without a meter."""
    if not snapshot["meter"]:
        return []
    columns, text = max(6, min(24, (width - LABEL_COLUMNS - 26) // 2)), Text(no_wrap=True)
    for name, value in zip(("in tune", "in time"), state.fit, strict=True):
        known = value > -1 and _is_scored(state, snapshot["meter"])
        lit = round(columns * max(0.0, min(1.0, value))) if known else 0
        text.append(f"{name:<{LABEL_COLUMNS}}", "dim").append("█" * lit, "green" if value >= 0.5 else "magenta")
        text.append("·" * (columns - lit), "dim").append(f"  {value:.2f}  " if known else "  –     ", "bold default")
    return [text]


def _latency_line(snapshot: Snapshot) -> Text:
    times, missed, xruns = snapshot["mind"], snapshot["missed"], snapshot["xruns"]
    text = Text(f"{'latency':<{LABEL_COLUMNS}}", "dim")
    text.append(f"{snapshot['latency']['total']:.0f} ms   ", "default")
    text.append(f"mind {times['p50']:.0f} / {times['p99']:.0f} ms   ", "default")
    text.append(f"missed {missed}   ", "bold red" if missed else "default")
    return text.append(f"xruns {xruns}", "bold red" if xruns else "default")


def _settings_table(state: ViewState, snapshot: Snapshot, most_rows: int) -> Table:
    """Names and values in two columns, the chosen one marked and, of more than `most_rows` rows, amid those shown."""
    table = Table.grid(padding=(0, 3))
    half = (len(state.settings) + 1) // 2
    rows = max(1, min(half, most_rows))
    first = min(max(0, state.chosen % half - rows // 2), half - rows)
    for row in range(first, first + rows):
        cells = []
        for number in (row, row + half):
            if number < len(state.settings):
                control, chosen = CONTROLS[state.settings[number]], number == state.chosen
                value = snapshot["settings"].get(control.name, "–")
                value_text = f"{value:.3g}" if isinstance(value, float) else str(value)
                name = (control.alias or control.name).replace("_", " ")
                cells += [
                    Text(f"{'▸' if chosen else ' '} {name}", "bold cyan" if chosen else "dim"),
                    Text(f"{value_text} {control.args[0].unit}".strip(), "bold" if chosen else "default"),
                ]
        table.add_row(*cells)
    return table


def _key_line() -> Text:
    text = Text("\n")
    for control in CONTROLS.values():
        if control.key:
            text.append(f"{control.key.replace('escape', 'esc')} ", "bold cyan").append(f"{control.name}  ")
    return (
        text.append("↑↓ ", "bold cyan")
        .append("setting  ")
        .append("←→ ", "bold cyan")
        .append("change  ")
        .append("/ ", "bold cyan")
        .append("say  ")
        .append("a ", "bold cyan")
        .append("add")
    )


def _label_text(label: int, silence: int) -> str:
    return str(label) if 0 <= label < silence else "·"


def _style(label: int, silence: int, shapes: int, filled: bool = True) -> Style:
    """A colour for each label, the same as on the page: the circle of fifths where labels know pitch classes."""
    if not 0 <= label < silence:
        return Style.parse("dim")
    hue = (label % 12 * 7 % 12) / 12 if label < 12 * shapes else label * 137.508 % 360 / 360
    red, green, blue = (round(255 * part) for part in colorsys.hls_to_rgb(hue, 0.62, 0.6))
    shade = f"rgb({red},{green},{blue})"
    return Style.parse(f"bold black on {shade}" if filled else f"bold {shade}")
