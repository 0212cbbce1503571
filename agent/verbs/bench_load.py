"""The load of `antiphon bench --live`: a second process that sends controls over OSC and opens a page.

    python -m agent.verbs.bench_load OSC_PORT PAGE_PORT CONTROLS_PER_SECOND

It prints the UDP port on which it listens to reports and runs until a line or the end of its input comes. Then it
prints {"sent": controls sent, "obeyed": controls that the agent reported as done, "page": messages to the page}.
"""

from __future__ import annotations

import json
import random
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from agent.interfaces.osc.codec import decode, encode

CONTROLS_PER_SECOND = 100
RETRY_S = 0.2  # time between two attempts to open the page: the agent may still be loading its model
END_TIMEOUT_S = 20.0  # time within which the process must print its counts
CONTROLS: tuple[tuple[str, Callable[[], float]], ...] = (
    ("temperature", lambda: 1.0 + random.random()),
    ("top_p", lambda: 0.9),
    ("density", lambda: 1.0),
)


class LoadError(ValueError):
    """The load could not be made, so nothing was measured; the sentence says why and what to do."""


class Load:
    """A running load. port: the UDP port on which it hears reports. counts: what it printed, empty until it ended."""

    def __init__(self, process: subprocess.Popen[str], port: int):
        self.port = port
        self.counts: dict[str, int] = {}
        self._process = process

    def end(self) -> None:
        """Stop the process and read its counts, which stay empty if it has ended early."""
        with suppress(BrokenPipeError):
            self.counts = _parsed(self._process.communicate("\n", END_TIMEOUT_S)[0])

    def check(self) -> None:
        """Raise LoadError unless controls were sent and obeyed and the page got messages."""
        if not all(self.counts.get(key) for key in ("sent", "obeyed", "page")):
            counted = ", ".join(f"{key} {count}" for key, count in self.counts.items()) or "its helper ended early"
            raise LoadError(
                f"bench --live could not make its load ({counted}), so that nothing is measured: see whether "
                "'antiphon play --page 8765 --osc 9000' is reached on this machine, then measure again"
            )


@contextmanager
def load(osc_port: int, page_port: int, rate: int = CONTROLS_PER_SECOND) -> Iterator[Load]:
    """Run the load on these ports during the block; LoadError if the process does not start."""
    words = [sys.executable, "-m", __name__, str(osc_port), str(page_port), str(rate)]
    process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout
        first = process.stdout.readline()
        if not first.strip().isdecimal():
            raise LoadError(f"the helper of bench --live did not start ({first.strip() or 'no answer'}): reinstall")
        yield Load(process, int(first))
    finally:
        process.kill()
        process.wait()


def _parsed(text: str) -> dict[str, int]:
    lines = text.splitlines()
    try:
        return json.loads(lines[-1])
    except (IndexError, json.JSONDecodeError):
        return {}


def main(osc_port: int, page_port: int, rate: int) -> None:
    """Send controls until the input ends; print the counts."""
    counts = {"sent": 0, "obeyed": 0, "page": 0}
    reports = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    reports.bind(("127.0.0.1", 0))
    print(reports.getsockname()[1], flush=True)
    over = threading.Event()
    for target, *args in (_count_obeyed, reports, counts), (_watch_page, page_port, counts), (_wait_for_end, over):
        threading.Thread(target=target, args=args, daemon=True).start()
    _send_controls(osc_port, rate, counts, over)
    print(json.dumps(counts))


def _wait_for_end(over: threading.Event) -> None:
    sys.stdin.readline()
    over.set()


def _send_controls(port: int, rate: int, counts: dict[str, int], over: threading.Event) -> None:
    """Send `rate` controls a second; a control is not counted while the agent is not listening yet."""
    out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    out.connect(("127.0.0.1", port))
    began, number = time.monotonic(), 0
    while not over.wait(max(0.0, began + number / rate - time.monotonic())):
        number += 1
        name, value = random.choice(CONTROLS)
        with suppress(OSError):
            out.send(encode(f"/antiphon/{name}", [value()]))
            counts["sent"] += 1


def _count_obeyed(reports: socket.socket, counts: dict[str, int]) -> None:
    while True:
        for _, address, _ in decode(reports.recv(1 << 16)):
            counts["obeyed"] += address == "/antiphon/changed"


def _watch_page(port: int, counts: dict[str, int]) -> None:
    """Keep the WebSocket of the page open and count its messages; connect again when it closes."""
    from websockets.sync.client import connect

    origin: Any = f"http://127.0.0.1:{port}"
    while True:
        with suppress(OSError), connect(f"ws://127.0.0.1:{port}/ws", origin=origin) as page:
            for _ in page:
                counts["page"] += 1
        time.sleep(RETRY_S)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
