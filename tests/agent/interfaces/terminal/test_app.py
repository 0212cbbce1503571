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
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from agent.control import command
from agent.control.bus import Bus
from agent.interfaces.terminal import app
from agent.interfaces.terminal import view as view_module
from agent.interfaces.terminal.view import ASCII_FALLBACKS, FALLBACK_HANDLER, REASON_MARKS, ViewState, render
from agent.settings.config import FIELDS, ConfigError

fcntl, termios = pytest.importorskip("fcntl"), pytest.importorskip("termios")

MEMORY = SimpleNamespace(name="demo", seconds=60.0)
SESSION = SimpleNamespace(silence=64, repertoire=[MEMORY], model=SimpleNamespace(alphabet=SimpleNamespace(shapes=5)))
NOW = {"state": "playing", "hop": 130, "seconds": 65.0, "memory": "demo", "missed": 1, "xruns": 0, "nan": 0,
       "in_db": -20.0, "out_db": -30.0, "recording": "off", "mind": {"p50": 9.0, "p99": 20.0}, "meter": 0.0,
       "latency": {"hop": 500.0, "slack": 40.0, "in": 8.0, "out": 8.0, "total": 556.0}, "region": [0.0, 0.5],
       "position": -1.0, "toggles": {"mute": 0, "hold": 0, "listen": 0},
       "pulse": {"source": "audio", "bpm": 97.3, "confidence": 0.6},
       "settings": {"temperature": 1.0, "region": [0.0, 0.5], "constraint": "require"}}  # fmt: skip

SHOW = f"""
import os, threading
from types import SimpleNamespace as NS
from agent.control.bus import Bus
from agent.interfaces.terminal.app import Terminal
class Engine:
    session = NS(silence=64, repertoire=[], model=NS(alphabet=NS(shapes=5)))
    bus, over = Bus(), threading.Event()
    def command(self, command): os.write(2, repr(command).encode())
now, engine = {NOW}, Engine()
now["memory"] = os.environ.get("MEMORY", "demo")
terminal = Terminal(engine, NS(latest=now))
for reports in os.environ.get("REPORTS", "").split("|"):
    if reports: engine.bus.publish(*eval(reports))
terminal.run()
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
            name, args = app.control_of(key)
            assert command.parse_command(name, args, "key").name == control.name
    assert app.control_of("9") == ("memory", (8,)) and app.control_of("R", "input") == ("record", ("off",))
    assert app.control_of("§") is None and app.control_of("") is None and app.control_of("up") is None


def typing():
    """A view at which keys can be pressed, and the commands that come of them."""
    sent: list[tuple] = []
    engine = SimpleNamespace(session=SESSION, bus=Bus(), over=SimpleNamespace(set=lambda: None),
                             command=lambda one: sent.append((one.name, one.args)))  # fmt: skip
    show = app.Terminal.__new__(app.Terminal)
    show.engine, show.monitor, show.view = engine, SimpleNamespace(latest=NOW), ViewState(SESSION)
    return show, sent


def test_words_are_typed_and_said_with_the_enter_key():
    """While they are typed no letter is a command, but for escape, which is panic."""
    show, said = typing()
    for key in ["/", *"lowm", "\x7f", " ", *"piano", "left", "\n", "m", "/", "\r", "/", "q", "escape", "m"]:
        show.press(key)
    assert said == [("say", ("low piano",)), ("mute", ()), ("say", ("",)), ("panic", ()), ("mute", ())]
    for key in ["/", *"x" * 250]:
        show.press(key)
    lines = Console(width=100, color_system=None).render_lines(render(show.view, NOW, 100, 40))
    drawn = ["".join(part.text for part in line) for line in lines]
    assert len(show.view.typed) == 200 and any(line.startswith("say: xxx") for line in drawn)


def test_a_part_to_add_is_typed_after_its_own_key():
    show, sent = typing()
    for key in ["a", *"a bass", "\n", "a", "\n", "/", *"low", "\n"]:
        show.press(key)
    assert sent == [("add", ("a bass",)), ("add", ("",)), ("say", ("low",))]


def test_arrows_stay_in_the_range_of_every_setting():
    for name in ViewState(SESSION).settings:
        value = FIELDS[command.CONTROLS[name].setting].default
        for by in (1, -1):
            for _ in range(60):
                value = app.next_value(name, value, by)
                command.parse_command(name, (value,), "key")


def test_arrows_go_through_the_sections_of_the_memory_and_none():
    steps = [""]
    for by in (1, 1, 1, -1):
        steps.append(app.next_value("section", steps[-1], by, ("", "verse", "chorus")))
    assert steps == ["", "verse", "chorus", "", "chorus"]
    assert app.next_value("section", "of another memory", 1, ("", "verse")) == "verse"


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


@pytest.mark.parametrize(
    "how", ["q", signal.SIGTERM, *(pytest.param(how, marks=pytest.mark.slow) for how in ("ctrl-c", signal.SIGHUP))]
)
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
    drain_until_exit(ours, show)
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


def drain_until_exit(ours: int, show: subprocess.Popen) -> None:
    """Read the screen until the program has ended, or it would wait to be read."""
    until = time.monotonic() + 10
    while show.poll() is None and time.monotonic() < until:
        if select.select([ours], [], [], 0.05)[0]:
            os.read(ours, 65536)


def read_screen(ours: int, word: bytes, times: int) -> bytes:
    """What is written to the screen until this word has come so many times."""
    screen, until = b"", time.monotonic() + 30
    while screen.count(word) < times and time.monotonic() < until:
        if select.select([ours], [], [], 0.1)[0]:
            screen += os.read(ours, 65536)
    return screen


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
            app.Terminal(SimpleNamespace(session=SESSION, bus=Bus()), SimpleNamespace(latest=NOW))


# --- what a terminal can show

EVERYTHING = "|".join(
    ascii(report)
    for report in [
        *[("event", n, why, 7, 5, 3, 1, 30.0, 0.5, 1.0, "demo", 0.0, 0.0) for n, why in enumerate(REASON_MARKS)],
        ("plan", 100, 11, 12, 64),
        ("error", "\u2603 \u66f2 caf\u00e9 \udce9 e\u0301"),
    ]
)


@pytest.mark.parametrize(
    "encoding", ["ascii", *(pytest.param(name, marks=pytest.mark.slow) for name in ("koi8-r", "utf-8"))]
)
def test_a_terminal_of_any_encoding_shows_everything(terminal, monkeypatch, encoding):
    """A character that a terminal has not got becomes its fallback, column for column, and nothing fails."""
    ours, theirs = terminal
    for name, value in (("PYTHONIOENCODING", encoding), ("MEMORY", "\u00c9lise \u66f2"), ("REPORTS", EVERYTHING)):
        monkeypatch.setenv(name, value)
    show = viewed(ours, theirs, as_a_shell_would)
    screen = read_screen(ours, b"change", times=3)  # the rest of one picture, and whole ones
    os.write(ours, b"q")
    assert b"name='quit'" in read_until(show.stderr, b"quit")
    drain_until_exit(ours, show)
    assert show.returncode == 0 and show.stderr.read() == b""
    show.stderr.close()
    text = screen.decode(encoding)
    assert ("\u2603" in text) == (encoding == "utf-8") and "1:05" in text and "setting" in text
    if encoding == "ascii":
        assert "?lise ??" in text and "? ?? caf? ? e" in text and "/" in text and "=" in text


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp437", "koi8-r", "utf-8"])
@given(text=st.text(st.characters(codec=None), max_size=40))
def test_a_fallback_has_the_columns_of_what_it_stands_for(encoding, text):
    out = text.encode(encoding, FALLBACK_HANDLER).decode(encoding)
    assert cell_len(out) == sum(map(cell_len, text)) or encoding != "ascii"
    assert encoding != "utf-8" or out == text or any(0xD800 <= ord(letter) < 0xE000 for letter in text)


def test_every_sign_of_the_view_has_a_fallback_of_one_column():
    signs = {letter for letter in Path(view_module.__file__).read_text() if ord(letter) > 127}
    assert signs <= set(ASCII_FALLBACKS)
    assert all(len(one) == 1 and one.isascii() and one.isprintable() for one in ASCII_FALLBACKS.values())


# --- a fault of ours


@pytest.mark.parametrize("fault", [ValueError, KeyError, RuntimeError])
def test_a_fault_of_ours_is_no_refusal_and_keeps_its_traceback_in_the_log(monkeypatch, caplog, fault):
    def fail(command):
        raise fault("not the musician's mistake")

    for name in ("stdin", "stdout"):
        monkeypatch.setattr(sys, name, SimpleNamespace(isatty=lambda: True))
    shown = app.Terminal(SimpleNamespace(session=SESSION, bus=Bus(), command=fail), SimpleNamespace(latest=NOW))
    shown.press("m")
    assert shown.view.sentence.startswith(f"mute failed ({fault.__name__}") and "in fail" in caplog.text


# --- what is shown


def drawn(view: ViewState, width: int = 100, now: dict = NOW) -> str:
    console = Console(width=width, height=40, color_system=None, legacy_windows=False)
    with console.capture() as capture:
        console.print(render(view, now, width, 40))
    return capture.get()


@pytest.mark.parametrize("height", [24, 30, 40])
@pytest.mark.parametrize("width", [80, 100, 140])
def test_the_keys_and_the_chosen_setting_are_there_however_low_the_terminal(width, height):
    view = ViewState(SESSION)
    view.update("error", ("the lights are out: call someone",))
    console = Console(width=width, height=height, color_system=None, legacy_windows=False)
    for chosen in range(len(view.settings)):
        view.chosen = chosen
        with console.capture() as capture:
            console.print(render(view, NOW, width, height))
        lines = capture.get().splitlines()
        assert len(lines) <= height and "change" in lines[-1] and sum("▸" in line for line in lines) == 1


def test_a_view_before_anything_was_reported():
    assert "PLAYING" in drawn(ViewState(SESSION)) and "ERROR" in drawn(ViewState(SESSION), now=NOW | {"state": "error"})


def test_heard_played_and_planned_are_there():
    view = ViewState(SESSION)
    for hop in range(100):
        view.update("heard", (hop, hop % 65, -20.0, 0.0))
        view.update(
            "event", (hop, "jump" if hop % 2 else "continue", 7, hop % 65, 3, 1, 30.0, 0.5, 1.0, "demo", 0.0, 0.0)
        )
    view.update("plan", (100, 11, 12, 64))
    view.update("error", ("the lights are out: call someone",))
    view.update("nothing known", ())
    text = drawn(view)
    assert "jump: segment 7 at 30.0 s" in text and "call someone" in text and "1:05  demo" in text
    line = next(line for line in text.splitlines() if line.startswith("antiphon"))
    assert line.split("│")[1].split() == ["11", "12", "·"] and "↷34" in line
    place = next(line for line in text.splitlines() if line.startswith("memory"))
    assert place[9:].index("█") == len(place[9:]) // 2 and place.rstrip().endswith("·")


@pytest.mark.parametrize("width", [40, 60, 80, 200])
def test_it_fits(width):
    view = ViewState(SESSION)
    for hop in range(100):
        view.update("heard", (hop, 63, -20.0, 0.0))
    lines = drawn(view, width).splitlines()
    assert max(map(len, lines)) <= width
