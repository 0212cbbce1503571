"""The terminal view of a performance, for those without a browser: the same reports and the same keys as the page.

Keys come one by one from the terminal (termios), so that one press is one command; the terminal is given back as it
was, whatever happens. Neither the audio callback nor the decision loop waits for anything here.
"""

from __future__ import annotations

import atexit
import io
import logging
import os
import select
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from agent.control.command import CONTROLS, CommandError, parse_command
from agent.control.table import MAX_TEXT_LENGTH
from agent.engine.snapshot import SettingValue
from agent.interfaces.monitor import Monitor
from agent.interfaces.terminal.view import FALLBACK_HANDLER, ViewState, render
from agent.settings.config import ConfigError
from corpora.interruption import is_default

if TYPE_CHECKING:
    from agent.engine.engine import Engine

REDRAW_INTERVAL_S = 0.1
ESCAPE_TIMEOUT_S = 0.03  # time after which an escape is a key of its own and not the beginning of an arrow's code
TYPED = {"/": "say", "a": "add"}  # controls whose words are typed after a key
FADER_STEPS = 20  # key presses from one end of a fader to the other
ARROWS = {b"A": "up", b"B": "down", b"C": "right", b"D": "left"}

logger = logging.getLogger("antiphon.terminal")


class Terminal:
    """Shows an engine and carries out the keys of the table, until `quit`, Ctrl-C or the engine's `over`.

    Besides the table's keys, the arrows choose a setting and change it, / begins words to be said, and
    a those of the part to be added. ConfigError without a terminal.
    """

    def __init__(self, engine: Engine, monitor: Monitor):
        for name, stream in (("keys", sys.stdin), ("screen", sys.stdout)):
            if stream is None or not stream.isatty():
                raise ConfigError(f"--tui found no terminal for its {name}: leave it out, or run it in a terminal")
        self.engine, self.monitor = engine, monitor
        self.view = ViewState(engine.session)
        self._tap = engine.bus.tap()

    def run(self) -> None:
        """Show the view until it is over; the terminal is then as it was."""
        from rich.console import Console
        from rich.live import Live

        try:
            with (
                encodable(sys.stdout),
                raw(sys.stdin.fileno()) as keys,
                Live(console=(console := Console()), screen=True, auto_refresh=False) as live,
            ):
                redraw_due = 0.0
                while not self.engine.over.is_set():
                    for key in keys.read(REDRAW_INTERVAL_S / 2):
                        self.press(key)
                    if (now := time.monotonic()) >= redraw_due:
                        redraw_due = now + REDRAW_INTERVAL_S
                        self._read_reports()
                        live.update(render(self.view, self.monitor.latest, console.width, console.height), refresh=True)
        except (
            OSError
        ):  # the terminal has gone, and the person with it: an end as by SIGHUP, even where that is ignored
            raise SystemExit(128 + signal.SIGHUP) from None
        finally:
            self.engine.bus.leave(self._tap)

    def press(self, key: str) -> None:
        """Carry out one key: 'p', 'escape', 'up'. A refusal is shown, an unknown key does nothing."""
        view, snapshot = self.view, self.monitor.latest
        if view.typed is not None and key != "escape":
            self._type(key, view.typed)
        elif key in TYPED:
            view.typed, view.typed_for = "", TYPED[key]
        elif key in ("up", "down"):
            view.chosen = (view.chosen + (1 if key == "down" else -1)) % len(view.settings)
        elif key in ("left", "right"):
            name = view.settings[view.chosen]
            value = snapshot["settings"][name]
            sections = ("", *view.sections(snapshot["memory"])) if name == "section" else ()
            self._command(name, next_value(name, value, 1 if key == "right" else -1, sections))
        elif found := control_of(key, snapshot["recording"]):
            name, args = found
            view.typed = None  # escape is panic, whatever is being typed
            self._command(name, *args)
            if name == "quit":
                self.engine.over.set()

    def _type(self, key: str, typed: str) -> None:
        """A key of the words: they are sent with the enter key, and no words end what was said or to be added."""
        if key in ("\n", "\r"):
            self.view.typed = None
            self._command(self.view.typed_for, typed.strip())
        elif key in ("\x7f", "\b"):
            self.view.typed = typed[:-1]
        elif len(key) == 1 and key.isprintable():
            self.view.typed = (typed + key)[:MAX_TEXT_LENGTH]

    def _command(self, name: str, *args: Any) -> None:
        try:
            self.engine.command(parse_command(name, args, "key"))
        except CommandError as error:
            self.view.show(str(error))
        except Exception as error:  # our own fault in one command must not close the view
            logger.exception("%s failed", name)
            self.view.show(f"{name} failed ({type(error).__name__}: {error}): try again")

    def _read_reports(self) -> None:
        for name, values in self._tap.drain():
            self.view.update(name, values)


@contextmanager
def encodable(stream: Any) -> Iterator[None]:
    """While this lasts, a character that the encoding of `stream` has not got is written as its fallback."""
    if not isinstance(stream, io.TextIOWrapper):
        yield
        return
    errors = stream.errors
    stream.reconfigure(errors=FALLBACK_HANDLER)
    try:
        yield
    finally:
        stream.reconfigure(errors=errors)


def control_of(key: str, recording: str = "off") -> tuple[str, tuple[Any, ...]] | None:
    """The control and arguments of a key of the table, None if it has none. recording: what `record` would end."""
    for control in CONTROLS.values():
        if control.key == "1-9" and len(key) == 1 and key in "123456789":
            return control.name, (int(key) - 1,)
        if control.key and control.key == key.lower():
            if control.name == "record":
                return control.name, ("input" if recording == "off" else "off",)
            return control.name, ()
    return None


def next_value(name: str, value: SettingValue, step: int, choices: Sequence[str] = ()) -> float | int | str:
    """The value of a setting one step up (1) or down (-1); at the end of its range it stays.

    choices: the texts to step through where the table does not list them; after the last one comes the first.
    """
    control = CONTROLS[name]
    arg = control.args[0]
    if choices := choices or arg.choices:
        at = choices.index(str(value)) if value in choices else 0
        return choices[(at + step) % len(choices)]
    if isinstance(value, str):  # there is nothing to choose from
        return value
    assert isinstance(value, (int, float)), f"{name} = {value!r} has no next value"
    least, most = float(arg.low or 0), float(arg.high or 0)
    low, high = control.fader_range or (least, most)
    size = (high - low) / FADER_STEPS
    if arg.kind == "i":
        return round(min(most, max(least, value + step * max(1, round(size)))))
    return round(min(most, max(least, value + step * size)), 4)


class Keys:
    """Keys pressed in a terminal that is in raw mode."""

    def __init__(self, terminal: int):
        self.terminal, self._unread = terminal, b""
        self.ended = 0  # number of the signal that asks for the end

    def read(self, timeout: float) -> Iterator[str]:
        """Every key pressed within `timeout` s, as soon as one is there.

        SystemExit after a signal, OSError once the terminal has gone.
        """
        ready = self._ready(timeout)
        if self.ended:
            raise SystemExit(128 + self.ended)
        if not ready:
            return
        new = os.read(self.terminal, 64)
        if not new:
            raise OSError("the terminal has gone")
        self._unread += new
        while self._unread:
            yield from self._next_key()

    def _ready(self, timeout: float) -> bool:
        return bool(select.select([self.terminal], [], [], timeout)[0])

    def _next_key(self) -> Iterator[str]:
        """The first key that is unread. An escape that begins no sequence is a key, panic, and never lost."""
        first, rest = self._unread[:1], self._unread[1:]
        if first == b"\x1b" and not rest and self._ready(ESCAPE_TIMEOUT_S):
            rest = os.read(self.terminal, 64)
        if first == b"\x1b" and rest[:1] in (b"[", b"O"):
            end = next((i for i, one in enumerate(rest[1:], 1) if 0x40 <= one <= 0x7E), len(rest))
            self._unread = rest[end + 1 :]
            if (name := ARROWS.get(rest[end : end + 1])) and end == 1:
                yield name
            return
        self._unread = rest
        yield "escape" if first == b"\x1b" else first.decode("latin-1")


@contextmanager
def raw(terminal: int) -> Iterator[Keys]:
    """Keys one by one, without echo; however the block ends, the terminal is as it was.

    A stray Ctrl-Z would freeze the music: it is ignored meanwhile. A signal to end takes effect where keys are read,
    since an exception while the view is drawn may be lost or leave half of it; a second signal does not wait for that.
    """
    import termios
    import tty

    before = termios.tcgetattr(terminal)

    def restore() -> None:
        with suppress(termios.error, OSError):  # the terminal has been closed
            termios.tcsetattr(terminal, termios.TCSADRAIN, before)

    keys = Keys(terminal)

    def leave(number: int, _: Any) -> None:
        if keys.ended:
            raise SystemExit(128 + number)
        keys.ended = number

    handlers = {}
    if threading.current_thread() is threading.main_thread():
        handlers[signal.SIGTSTP] = signal.signal(signal.SIGTSTP, signal.SIG_IGN)
        for number in (signal.SIGTERM, signal.SIGHUP):
            if is_default(signal.getsignal(number)):
                handlers[number] = signal.signal(number, leave)
    atexit.register(restore)
    try:
        tty.setcbreak(terminal)
        yield keys
    finally:
        restore()
        atexit.unregister(restore)
        for number, handler in handlers.items():
            signal.signal(number, handler)
