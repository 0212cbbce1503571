"""Ableton Link with a real peer on this machine, where aalink is installed."""

import asyncio
import threading
import time

import numpy as np
import pytest

from agent.devices import link
from agent.settings.config import ConfigError


def test_without_the_package_it_says_what_to_do(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "aalink", None)
    with pytest.raises(ConfigError, match=r"antiphon\[link\].*GPL"):
        link.LinkClock(lambda *_: None)


def test_beats_of_a_peer_are_told_while_it_is_there():
    aalink = pytest.importorskip("aalink")
    leave, beats = threading.Event(), []

    async def peer():
        other = aalink.Link(150)
        other.enabled = True
        while not leave.is_set():
            now, beat = time.monotonic(), other.beat
            beats.append(now - beat * 60 / other.tempo)
            await asyncio.sleep(0.05)
        other.enabled = False

    thread = threading.Thread(target=lambda: asyncio.run(peer()))
    thread.start()
    time.sleep(0.5)
    told = []
    clock = link.LinkClock(lambda *what: told.append(what))
    try:
        deadline = time.monotonic() + 10
        while sum(what == "beat" for what, *_ in told) < 6 and time.monotonic() < deadline:
            time.sleep(0.05)
        if not clock.peers:
            pytest.skip("this network carries no multicast")
        origin = np.median(beats[-10:])
        tempo = next(value for what, value, _ in reversed(told) if what == "tempo")
        assert tempo == pytest.approx(150, abs=0.01)
        errors = [((when - origin) * tempo / 60 + 0.5) % 1 - 0.5 for what, _, when in told if what == "beat"][-4:]
        assert np.abs(errors).max() * 60 / tempo < 0.02
        leave.set()
        thread.join()
        while told[-1][0] != "beat/stop" and time.monotonic() < deadline + 10:
            time.sleep(0.05)
        assert told[-1][0] == "beat/stop"
    finally:
        leave.set()
        clock.close()
