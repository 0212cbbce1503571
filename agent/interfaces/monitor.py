"""The monitor: a thread that takes snapshots of a running engine and publishes levels, counters and the heartbeat.

It works on copies and may skip a snapshot: neither the audio callback nor the decision loop waits for it.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import Any, Protocol

from agent.control.bus import Bus
from agent.engine.snapshot import Snapshot

LEVEL_REPORTS_PER_S = 20
HEARTBEAT_INTERVAL_S = 1.0
CLOSE_TIMEOUT_S = 2.0
LATENCY_PARTS = ("hop", "slack", "in", "out", "total")  # in the order of the report `latency`

logger = logging.getLogger("antiphon.monitor")


class SnapshotSource(Protocol):
    """What the monitor needs of an engine."""

    def snapshot(self) -> Snapshot:
        """State, counters, settings, and the levels since the last call."""
        ...


class Monitor:
    """Publishes `meter` 20 times a second, `status` once a second, and `latency`, `xruns` and `missed` on change.

    A snapshot has the levels since the one before, so only the monitor may take any: all others read `latest`. Start
    and close it once.
    """

    def __init__(self, engine: SnapshotSource, bus: Bus):
        self.engine, self.bus = engine, bus
        self.latest = engine.snapshot()
        self._published: dict[str, tuple[Any, ...]] = {"xruns": (0,), "missed": (0,)}
        self._heartbeat_due = 0.0  # monotonic s
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="antiphon-monitor", daemon=True)

    def start(self) -> Monitor:
        """Publish once, and go on in a thread."""
        self.update(time.monotonic())
        self._thread.start()
        return self

    def close(self) -> None:
        """End the thread."""
        self._over.set()
        if self._thread.ident is not None:
            self._thread.join(CLOSE_TIMEOUT_S)

    def update(self, now: float) -> None:
        """Take a snapshot at the monotonic time `now` (s) and publish what follows from it."""
        snapshot = self.latest = self.engine.snapshot()
        self.bus.publish("meter", round(snapshot["in_db"], 1), round(snapshot["out_db"], 1))
        latency: dict[str, float] = dict(snapshot["latency"])  # type: ignore[arg-type]
        self._publish_change("latency", *(round(float(latency[part]), 2) for part in LATENCY_PARTS))
        self._publish_change("xruns", snapshot["xruns"])
        self._publish_change("missed", snapshot["missed"], beside=(snapshot["hop"],))
        if now >= self._heartbeat_due:
            self._heartbeat_due = now + HEARTBEAT_INTERVAL_S
            self.bus.publish("status", *status(snapshot))

    def _publish_change(self, name: str, *values: Any, beside: tuple[Any, ...] = ()) -> None:
        """Publish `values`, and `beside` after them, if `values` differ from the last time."""
        if self._published.get(name) != values:
            self._published[name] = values
            self.bus.publish(name, *values, *beside)

    def _run(self) -> None:
        failing = False
        while not self._over.wait(1 / LEVEL_REPORTS_PER_S):
            try:
                self.update(time.monotonic())
                failing = False
            except Exception as error:  # the reports must not end because one snapshot failed
                if not failing:
                    logger.exception("a snapshot failed")
                    self.bus.publish("error", f"the meters stand still ({error}): the sound goes on without them")
                failing = True


def status(snapshot: Snapshot) -> tuple[str, int, float, float, int, int, str]:
    """The heartbeat: state, hop, p50 and p99 of the decision loop in ms, missed hops, xruns, memory."""
    times = snapshot["mind"]
    return (
        snapshot["state"],
        snapshot["hop"],
        round(times["p50"], 2),
        round(times["p99"], 2),
        snapshot["missed"],
        snapshot["xruns"],
        snapshot["memory"],
    )
