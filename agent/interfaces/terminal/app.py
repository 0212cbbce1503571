"""The stage in a terminal, for those without a browser: the same reports, the same keys.

Keys come raw from the terminal (termios), so that one press is one command; whatever happens, the terminal is given
back as it was. Nothing here is waited for by callback or mind.
"""

from __future__ import annotations

import atexit
import os
import select
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from agent.control import command
from agent.control.bus import Bus
from agent.interfaces.monitor import Monitor
from agent.interfaces.terminal.view import ViewState, render
from agent.settings.config import ConfigError
from corpora.interruption import is_default

EVERY = 0.1  # s between two pictures
LONE = 0.03  # s after which an escape stands for itself and not for an arrow
STEPS = 20  # of a fader from end to end
ARROWS = {b"A": "up", b"B": "down", b"C": "right", b"D": "left"}


class Terminal:
    """Shows an engine and obeys the keys of the table until `quit`, Ctrl-C or `over`.

    Besides the table's keys, the arrows choose a setting and change it. ConfigError without a terminal.
    """

    def __init__(self, engine: Any, bus: Bus, monitor: Monitor, over: threading.Event | None = None):
        for name, stream in (("keys", sys.stdin), ("screen", sys.stdout)):
            if stream is None or not stream.isatty():
                raise ConfigError(f"--tui found no terminal for its {name}: leave it out, or run it in a terminal")
        self.engine, self.bus, self.monitor = engine, bus, monitor
        self.over = over or threading.Event()
        self.board = ViewState(engine.session)
        self._tap = bus.tap()

    def run(self) -> None:
        """Until it is over; the terminal is then as it was."""
        from rich.console import Console
        from rich.live import Live

        console = Console()
        try:
            with raw(sys.stdin.fileno()) as keys, Live(console=console, screen=True, auto_refresh=False) as live:
                shown = 0.0
                while not self.over.is_set():
                    for key in keys.read(EVERY / 2):
                        self.press(key)
                    if time.monotonic() - shown >= EVERY:
                        shown = time.monotonic()
                        self._listen()
                        live.update(
                            render(self.board, self.monitor.latest, console.width, console.height), refresh=True
                        )
        except OSError:  # it has gone, and with it who watched: an end as by SIGHUP, even where that is ignored
            raise SystemExit(128 + signal.SIGHUP) from None
        finally:
            self.bus.leave(self._tap)

    def press(self, key: str) -> None:
        """Obey one key: 'p', 'escape', 'up'. A refusal is shown, an unknown key does nothing."""
        settings = self.board.settings
        if key in ("up", "down"):
            self.board.chosen = (self.board.chosen + (1 if key == "down" else -1)) % len(settings)
        elif key in ("left", "right"):
            name = settings[self.board.chosen]
            now = self.monitor.latest.get("settings", {}).get(name)
            if now is not None:
                self._say(name, step(name, now, 1 if key == "right" else -1))
        elif meant := bound(key, self.monitor.latest.get("recording", "off")):
            self._say(meant[0], *meant[1])
            if meant[0] == "quit":
                self.over.set()

    def _say(self, name: str, *args: Any) -> None:
        try:
            self.engine.command(command.parse_command(name, args, "key"))
        except ValueError as error:
            self.board.hear("error", (str(error),))

    def _listen(self) -> None:
        for name, values in self._tap.drain():
            self.board.hear(name, values)


def bound(key: str, recording: str = "off") -> tuple[str, tuple] | None:
    """The control and arguments of a key of the table, None if it has none. recording: what `record` would end."""
    for control in command.CONTROLS.values():
        if control.key == "1-9" and len(key) == 1 and key in "123456789":
            return control.name, (int(key) - 1,)
        if control.key and control.key == key.lower():
            if control.name == "record":
                return control.name, ("input" if recording == "off" else "off",)
            return control.name, ()
    return None


def step(name: str, now: Any, by: int) -> Any:
    """The next value of a setting, one step up or down; what its range ends at stays."""
    control = command.CONTROLS[name]
    arg = control.args[0]
    if arg.choices:
        return arg.choices[(arg.choices.index(now) + by) % len(arg.choices)]
    least, most = float(arg.low or 0), float(arg.high or 0)
    low, high = control.fader_range or (least, most)
    size = (high - low) / STEPS
    if arg.kind == "i":
        return round(min(most, max(least, now + by * max(1, round(size)))))
    return round(min(most, max(least, now + by * size)), 4)


class Keys:
    """Presses from a terminal in raw mode."""

    def __init__(self, terminal: int):
        self.terminal, self._waiting = terminal, b""
        self.ended = 0  # number of the signal that asks for the end

    def read(self, patience: float) -> Iterator[str]:
        """Every key pressed within `patience` s, as soon as one is there.

        SystemExit after a signal, OSError once the terminal has gone.
        """
        ready = self._ready(patience)
        if self.ended:
            raise SystemExit(128 + self.ended)
        if not ready:
            return
        new = os.read(self.terminal, 64)
        if not new:
            raise OSError("the terminal has gone")
        self._waiting += new
        while self._waiting:
            yield from self._next()

    def _ready(self, patience: float) -> bool:
        return bool(select.select([self.terminal], [], [], patience)[0])

    def _next(self) -> Iterator[str]:
        """One key off the front. An escape that begins no sequence is panic, and never lost."""
        first, rest = self._waiting[:1], self._waiting[1:]
        if first == b"\x1b" and not rest and self._ready(LONE):
            rest = os.read(self.terminal, 64)
        if first == b"\x1b" and rest[:1] in (b"[", b"O"):
            end = next((i for i, one in enumerate(rest[1:], 1) if 0x40 <= one <= 0x7E), len(rest))
            self._waiting = rest[end + 1 :]
            if (name := ARROWS.get(rest[end : end + 1])) and end == 1:
                yield name
            return
        self._waiting = rest
        yield "escape" if first == b"\x1b" else first.decode("latin-1")


@contextmanager
def raw(terminal: int) -> Iterator[Keys]:
    """Keys one by one and unseen; in the end, and at any other end, the terminal is as it was.

    A stray Ctrl-Z would freeze the music: it is ignored meanwhile. A signal to end is obeyed where keys are read, since
    an exception in the middle of a picture may be lost or leave half of it; a second signal does not wait for that.
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
