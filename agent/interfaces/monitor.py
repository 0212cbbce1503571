"""What the stage page, the terminal and OSC show of a running engine: a thread that looks, and tells the bus.

It works on copies and may skip: nothing here is waited for by the callback or the mind.
"""

from __future__ import annotations

import threading
from typing import Any, Protocol

from agent.control.bus import Bus

METERS = 20  # /s
HEARTBEAT = METERS  # looks between two status reports: 1 s
FLOOR = -120.0  # dBFS, what digital silence is shown as


class Watched(Protocol):
    """What an engine offers to those who show it."""

    def snapshot(self) -> dict[str, Any]:
        """State, counters, levels since the last call, the mind's times, settings."""
        ...


class Monitor:
    """Publishes `meter` 20 times a second, `status` once, and `latency`, `xruns` and `missed` when they change.

    The levels of a snapshot are those since the snapshot before, so only one may ask for them: everyone else reads
    `latest`. Start and close once.
    """

    def __init__(self, engine: Watched, bus: Bus):
        self.engine, self.bus = engine, bus
        self.latest: dict[str, Any] = {}
        self._told: dict[str, tuple] = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="antiphon-monitor", daemon=True)

    def start(self) -> Monitor:
        """Look once, so that `latest` is there, and go on looking in a thread."""
        self.look(0)
        self._thread.start()
        return self

    def close(self) -> None:
        """Stop looking; returns when the thread has ended."""
        self._over.set()
        if self._thread.ident is not None:
            self._thread.join(timeout=2)

    def look(self, count: int) -> None:
        """Look number `count`: one snapshot, and what it gives to tell."""
        now = self.latest = self.engine.snapshot()
        self.bus.publish("meter", round(float(now["in_db"]), 1), round(float(now["out_db"]), 1))
        if now.get("latency"):
            self._changed("latency", {}, *(round(float(now["latency"][part]), 2) for part in PARTS))
        self._changed("xruns", 0, int(now["xruns"]))
        self._changed("missed", 0, int(now["missed"]), beside=(int(now["hop"]),))
        if count % HEARTBEAT == 0:
            self.bus.publish("status", *status(now))

    def _changed(self, name: str, at_first: Any, *values: Any, beside: tuple = ()) -> None:
        """Tell `values`, and what goes `beside` them, if they differ from the last time, or from `at_first`."""
        if self._told.get(name, (at_first,)) != values:
            self._told[name] = values
            self.bus.publish(name, *values, *beside)

    def _watch(self) -> None:
        count, well = 0, True
        while not self._over.wait(1 / METERS):
            count += 1
            try:
                self.look(count)
                well = True
            except Exception as error:  # what shows must not end because one look failed; it is told once
                if well:
                    self.bus.publish("error", f"the meters stand still ({error}): the sound goes on without them")
                well = False


PARTS = ("hop", "slack", "in", "out", "total")  # of the latency, ms, in the order of the report


def status(now: dict[str, Any]) -> tuple:
    """The heartbeat: state, hop, p50 and p99 of the mind in ms, missed hops, xruns, memory."""
    mind = now.get("mind") or {}
    return (
        str(now["state"]),
        int(now["hop"]),
        round(float(mind.get("p50", 0.0)), 2),
        round(float(mind.get("p99", 0.0)), 2),
        int(now["missed"]),
        int(now["xruns"]),
        str(now.get("memory", "")),
    )
