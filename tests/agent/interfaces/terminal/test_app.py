"""The terminal view: keys, settings by arrows, and a terminal that comes back as it was."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import sys
import textwrap
import time
from types import SimpleNamespace

import pytest
from rich.console import Console

from agent.control import command
from agent.control.bus import Bus
from agent.interfaces.terminal import app
from agent.interfaces.terminal.view import ViewState, render
from agent.settings.config import FIELDS, ConfigError

fcntl, termios = pytest.importorskip("fcntl"), pytest.importorskip("termios")

MEMORY = SimpleNamespace(name="demo", seconds=60.0)
SESSION = SimpleNamespace(silence=64, memories=[MEMORY], model=SimpleNamespace(alphabet=SimpleNamespace(shapes=5)))
NOW = {"state": "playing", "seconds": 65.0, "memory": "demo", "missed": 1, "xruns": 0, "recording": "off",
       "mind": {"p50": 9.0, "p99": 20.0}, "latency": {"total": 556.0},
       "settings": {"temperature": 1.0, "region": [0.0, 0.5], "constraint": "require"}}  # fmt: skip

SHOW = """
import os
from types import SimpleNamespace as NS
from agent.control.bus import Bus
from agent.interfaces.terminal.app import Terminal
class Engine:
    session = NS(silence=64, memories=[], model=NS(alphabet=NS(shapes=5)))
    def command(self, command): os.write(2, repr(command).encode())
Terminal(Engine(), Bus(), NS(latest={"state": "playing"})).run()
"""


@pytest.fixture
def terminal():
    """(our side, its side) of a terminal, and what it was set to."""
    ours, theirs = pty.openpty()
    yield ours, theirs
    for end in (ours, theirs):
        os.close(end)


def pressed(ours: int, theirs: int, typed: bytes) -> list[str]:
    with app.raw(theirs) as keys:
        os.write(ours, typed)
        found: list[str] = []
        until = time.monotonic() + 0.5
        while time.monotonic() < until and (new := list(keys.read(0.1))):
            found += new
    return found


# --- keys


@pytest.mark.parametrize(
    "typed, keys",
    [
        (b"mjQ", ["m", "j", "Q"]),
        (b"\x1b", ["escape"]),
        (b"\x1bm", ["escape", "m"]),
        (b"\x1b\x1b", ["escape", "escape"]),
        (b"\x1b[A\x1b[B\x1b[C\x1b[Dp", ["up", "down", "right", "left", "p"]),
        (b"\x1bOA", ["up"]),
        (b"\x1b[15~s", ["s"]),
        (b"\x1b[1;5Ak", ["k"]),
        (b"\xff\x00", ["\xff", "\x00"]),
    ],
)
def test_keys_one_by_one(terminal, typed, keys):
    assert pressed(*terminal, typed) == keys


def test_every_key_of_the_table_does_its_control():
    for control in command.CONTROLS.values():
        for key in "1" if control.key == "1-9" else [control.key] if control.key else []:
            name, args = app.bound(key)
            assert command.parse_command(name, args, "key").name == control.name
    assert app.bound("9") == ("memory", (8,)) and app.bound("R", "input") == ("record", ("off",))
    assert app.bound("§") is None and app.bound("") is None and app.bound("up") is None


def test_arrows_stay_in_the_range_of_every_setting():
    for name in ViewState(SESSION).settings:
        value = FIELDS[command.CONTROLS[name].setting].default
        for by in (1, -1):
            for _ in range(60):
                value = app.step(name, value, by)
                command.parse_command(name, (value,), "key")


# --- the terminal comes back


@pytest.mark.parametrize("end", [None, RuntimeError, KeyboardInterrupt, SystemExit])
def test_whatever_happens_the_terminal_is_as_it_was(terminal, end):
    _, theirs = terminal
    before, stopping = termios.tcgetattr(theirs), signal.getsignal(signal.SIGTSTP)
    try:
        with app.raw(theirs):
            assert not termios.tcgetattr(theirs)[3] & (termios.ICANON | termios.ECHO)
            if end:
                raise end
    except (RuntimeError, KeyboardInterrupt, SystemExit):
        pass
    assert termios.tcgetattr(theirs) == before and signal.getsignal(signal.SIGTSTP) == stopping


@pytest.mark.parametrize("second", [False, True])
def test_a_signal_is_obeyed_where_keys_are_read_a_second_one_at_once(terminal, second):
    ours, theirs = terminal
    before, ending = termios.tcgetattr(theirs), signal.signal(signal.SIGTERM, signal.SIG_DFL)
    drawn = False
    try:
        with pytest.raises(SystemExit) as left, app.raw(theirs) as keys:
            os.write(ours, b"m")
            signal.raise_signal(signal.SIGTERM)
            if second:
                signal.raise_signal(signal.SIGTERM)
            drawn = True
            list(keys.read(0.1))
    finally:
        signal.signal(signal.SIGTERM, ending)
    assert drawn != second and left.value.code == 128 + signal.SIGTERM and termios.tcgetattr(theirs) == before


@pytest.mark.parametrize("how", ["q", "ctrl-c", signal.SIGTERM, signal.SIGHUP])
def test_the_whole_view_in_a_terminal(terminal, how):
    ours, theirs = terminal
    before = termios.tcgetattr(theirs)
    show = viewed(ours, theirs, as_a_shell_would)
    os.write(ours, b"m\x1b[B\x1b")
    assert b"name='panic'" in (said := read_until(show.stderr, b"panic")) and b"name='mute'" in said
    if how == "q":
        os.write(ours, b"q")
    elif how == "ctrl-c":
        os.write(ours, b"\x03")
    else:
        show.send_signal(how)
    until = time.monotonic() + 10
    while show.poll() is None and time.monotonic() < until:
        if select.select([ours], [], [], 0.05)[0]:
            os.read(ours, 65536)  # or the program would wait to be seen
    assert show.poll() is not None and termios.tcgetattr(theirs) == before
    assert (b"name='quit'" in show.stderr.read()) == (how == "q") and (show.returncode == 0) == (how == "q")
    show.stderr.close()


def test_a_terminal_that_goes_ends_the_view_even_under_nohup():
    ours, theirs = pty.openpty()
    show = viewed(ours, theirs, as_nohup_would)
    for end in (ours, theirs):
        os.close(end)
    assert show.wait(10) == 128 + signal.SIGHUP and show.stderr.read() == b""
    show.stderr.close()


def viewed(ours: int, theirs: int, prepare) -> subprocess.Popen:
    """The view in a process of its own, once it can be seen."""
    show = subprocess.Popen([sys.executable, "-c", textwrap.dedent(SHOW)], stdin=theirs, stdout=theirs,
                            stderr=subprocess.PIPE, start_new_session=True, preexec_fn=prepare)  # fmt: skip
    screen, until = b"", time.monotonic() + 20
    while b"PLAYING" not in screen and time.monotonic() < until:
        if select.select([ours], [], [], 0.1)[0]:
            screen += os.read(ours, 65536)
    assert b"PLAYING" in screen and b"?1049h" in screen
    return show


def as_nohup_would() -> None:
    """A terminal of its own, whose end is to be survived."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)


def as_a_shell_would() -> None:
    """A terminal of its own, and signals that count even where these tests run under `nohup` or behind a `&`."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)


def read_until(stream, word: bytes) -> bytes:
    """What a program says until it has said this."""
    said, until = b"", time.monotonic() + 10
    while word not in said and time.monotonic() < until:
        if select.select([stream], [], [], 0.1)[0]:
            said += os.read(stream.fileno(), 4096)
    return said


def test_no_terminal_no_view(monkeypatch):
    with open(os.devnull) as nothing:
        monkeypatch.setattr(sys, "stdin", nothing)
        with pytest.raises(ConfigError, match="--tui found no terminal for its keys: leave it out"):
            app.Terminal(SimpleNamespace(session=SESSION), Bus(), SimpleNamespace(latest=NOW))


# --- what is shown


def shown(board: ViewState, width: int = 100, now: dict = NOW) -> str:
    console = Console(width=width, height=40, color_system=None, legacy_windows=False)
    with console.capture() as capture:
        console.print(render(board, now, width, 40))
    return capture.get()


def test_an_empty_board_and_an_agent_that_says_nothing():
    assert "PLAYING" in shown(ViewState(SESSION)) and "GONE" in shown(ViewState(SESSION), now={})


def test_heard_played_and_planned_are_there():
    board = ViewState(SESSION)
    for hop in range(100):
        board.hear("heard", (hop, hop % 65, -20.0, 0.0))
        board.hear(
            "event", (hop, "jump" if hop % 2 else "continue", 7, hop % 65, 3, 1, 30.0, 0.5, 1.0, "demo", 0.0, 0.0)
        )
    board.hear("plan", (100, 11, 12, 64))
    board.hear("error", ("the lights are out: call someone",))
    board.hear("nothing known", ())
    text = shown(board)
    assert "jump: segment 7 at 30.0 s" in text and "call someone" in text and "1:05  demo" in text
    line = next(line for line in text.splitlines() if line.startswith("antiphon"))
    assert line.split("│")[1].split() == ["11", "12", "·"] and "↷34" in line
    place = next(line for line in text.splitlines() if line.startswith("memory"))
    assert place[9:].index("█") == len(place[9:]) // 2 and place.rstrip().endswith("·")


@pytest.mark.parametrize("width", [40, 60, 80, 200])
def test_it_fits(width):
    board = ViewState(SESSION)
    for hop in range(100):
        board.hear("heard", (hop, 63, -20.0, 0.0))
    lines = shown(board, width).splitlines()
    assert max(map(len, lines)) <= width
