"""Who is there when patches are tested: the agent's ear alone, the agent as a whole, Pd."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from agent.control.bus import Bus
from agent.control.command import Command
from agent.interfaces.osc.server import OscServer
from agent.settings.config import read
from patches import make

PATCHES = Path(make.__file__).parent
RATE = 48000
PROGRAM = "import sys; from agent.cli import main; main(sys.argv[1:])"


def free_ports(count: int) -> list[int]:
    """UDP ports nobody listens on at the moment."""
    sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def until(true: Callable[[], object], seconds: float, what: str) -> None:
    """Wait until `true()`; fails with `what` after so many seconds."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"waited {seconds} s for {what}"
        time.sleep(0.02)


class Desk:
    """The agent's real OSC server without an engine: what it was told, and a bus to tell from."""

    def __init__(self) -> None:
        self.commands: list[Command] = []
        self.bus = Bus()
        config = read(None, [f"osc.port={free_ports(1)[0]}"])
        self.server = OscServer(self.commands.append, self.bus, config)
        self.port = self.server.port

    def __enter__(self) -> Desk:
        self.server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.stop()

    def reports(self, name: str) -> list[tuple]:
        """The values of every command of this name so far."""
        return [one.args for one in self.commands if one.name == name]

    def has(self, port: int) -> bool:
        """Has this port subscribed?"""
        return ("127.0.0.1", port) in self.server.subscribers

    def status(self) -> None:
        """One heartbeat."""
        self.bus.publish("status", "playing", 3, 1.0, 2.0, 0, 0, "demo")

    def event(self, hop: int, segment: int, length: float, due: float, gain: float = 1.0, memory: str = "demo") -> None:
        """Hop number `hop` is a segment of `length` s, to sound at the time `due`."""
        values = (hop, "jump", segment, 1, 1, 1, max(segment, 0) * length, length, gain, memory, 0.0, due)
        self.bus.publish("event", *values)


class Pd:
    """A headless Pd on copies of our patches that use ports of their own."""

    def __init__(self, folder: Path, port: int):
        self.folder, self.log = folder / "pd", folder / "pd.log"
        self.control, self.player = free_ports(2)
        self.folder.mkdir(parents=True)
        for path in (PATCHES / "pd").glob("*.pd"):
            text = path.read_text(encoding="utf-8")
            for old, new in (("9000", port), ("9001", self.control), ("9002", self.player)):
                text = re.sub(rf"\b{old}\b", str(new), text)
            (self.folder / path.name).write_text(text, encoding="utf-8")

    def write(self, name: str, text: str) -> Path:
        """A patch of the test's own beside ours."""
        path = self.folder / name
        path.write_text(text)
        return path

    @contextmanager
    def run(self, *patches: str, send: tuple[str, ...] = (), words: str = "-noaudio", env=None) -> Iterator[Pd]:
        """Open these patches and send these messages, for the length of the block."""
        command = ["pd", "-nogui", "-nomidi", *words.split(), "-r", str(RATE), "-path", str(self.folder)]
        for name in patches:
            command += ["-open", str(self.folder / name)]
        for message in send:
            command += ["-send", f"; {message}"]
        with self.log.open("w") as log:
            process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, env=env)
            try:
                yield self
            finally:
                if process.poll() is None:
                    process.terminate()
                process.wait(10)

    def said(self) -> str:
        """What Pd has printed."""
        return self.log.read_text(errors="replace")


@contextmanager
def agent(folder: Path, *words: object, env=None) -> Iterator[subprocess.Popen]:
    """`antiphon play` with these words; what it says goes to agent.log."""
    with (folder / "agent.log").open("w") as log:
        command = [sys.executable, "-c", PROGRAM, "play", *map(str, words)]
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, env=env, cwd=folder)
        try:
            yield process
        finally:
            if process.poll() is None:
                process.terminate()
            process.wait(20)


def absent(*programs: str) -> str:
    """Why a test cannot run here; empty if it can."""
    missing = [name for name in programs if not shutil.which(name)]
    return f"{', '.join(missing)} not found" if missing else ""
