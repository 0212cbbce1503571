"""The monitor: what it tells, when, and that it goes on."""

from __future__ import annotations

import math
import time

import pytest

from agent.control import command
from agent.control.bus import Bus
from agent.interfaces.monitor import Monitor

CALM = {"state": "playing", "hop": 4, "xruns": 0, "missed": 0, "in_db": -20.04, "out_db": -31.0, "memory": "demo",
        "mind": {"p50": 11.234, "p99": 20.0},
        "latency": {"hop": 500, "slack": 40, "in": 5, "out": 6, "total": 551}}  # fmt: skip


class Changing:
    """An engine whose snapshot a test sets."""

    def __init__(self):
        self.now = dict(CALM)

    def snapshot(self) -> dict:
        if self.now is None:
            raise RuntimeError("taken apart")
        return dict(self.now)


def told(looks: list[dict], interval_s: float = 0.05) -> list[tuple]:
    """Reports of so many snapshots, one each `interval_s`; each differs from CALM in this."""
    engine, bus = Changing(), Bus()
    tap, monitor = bus.tap(), Monitor(engine, bus)
    for count, differs in enumerate(looks):
        engine.now = CALM | differs
        monitor.update(1000.0 + count * interval_s)
    return list(tap.drain())


@pytest.mark.parametrize("interval_s", [0.01, 0.05, 0.11, 0.25, 0.99])
def test_levels_at_every_look_and_a_heartbeat_every_second_however_long_a_look_takes(interval_s):
    """Seconds are time that passes, not looks that are counted: a busy machine looks less often."""
    count = int(10 / interval_s)
    names = [name for name, _ in told([{}] * count, interval_s)]
    assert names.count("meter") == count and names.count("latency") == 1
    assert abs(names.count("status") - 10 / math.ceil(1 / interval_s - 1e-9) / interval_s) <= 1
    assert "xruns" not in names and "missed" not in names


def test_only_changes_are_told():
    reports = told([{}, {"xruns": 2}, {"xruns": 2}, {"missed": 1, "hop": 9}, {"missed": 1, "hop": 10}, {}])
    assert [r for r in reports if r[0] == "xruns"] == [("xruns", (2,)), ("xruns", (0,))]
    assert [r for r in reports if r[0] == "missed"] == [("missed", (1, 9)), ("missed", (0, 4))]


def test_the_values_are_those_of_the_table():
    for name, values in told([{"xruns": 3, "missed": 3}]):
        fields = command.REPORTS[name].fields
        assert len(values) == len(fields), name
        for value, field in zip(values, fields, strict=True):
            assert isinstance(value, {"i": int, "f": float, "s": str}[field.kind]), (name, field.name)


def test_an_engine_that_fails_is_told_of_once_and_looked_at_again(caplog):
    engine, bus = Changing(), Bus()
    tap, monitor = bus.tap(), Monitor(engine, bus).start()
    engine.now = None
    time.sleep(0.3)
    engine.now = dict(CALM)
    time.sleep(0.2)
    monitor.close()
    names = [name for name, _ in tap.drain()]
    assert "taken apart" in caplog.text and "Traceback" in caplog.text
    assert names.count("error") == 1 and names[-1] == "meter" and not monitor._thread.is_alive()


def test_closing_one_that_never_began():
    Monitor(Changing(), Bus()).close()
