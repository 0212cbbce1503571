"""Ableton Link: the beat that the programs of a network share, by the optional package aalink (GPL-3.0).

Link has no leader. Tempo and beats are reported only while another program is in the session.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from typing import Any

from agent.settings.config import ConfigError

logger = logging.getLogger("antiphon.link")

POLL_S = 0.02
JOIN_TIMEOUT_S = 2.0
LONE_TEMPO_BPM = 120.0  # tempo of a session that we begin


class LinkClock:
    """Joins the Link session; ConfigError if aalink is not installed.

    tell: called from a thread of ours, as by `agent.devices.midi_clock.MidiClock`: ("tempo", beats a minute, monotonic
    s) and ("beat", 0.0, monotonic s) at each beat, ("beat/stop", 0.0, monotonic s) when the last other program leaves.
    """

    def __init__(self, tell: Callable[[str, float, float], None]):
        self._make, self._tell = _link_class(), tell
        self.peers = 0  # other programs in the session
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="antiphon-link", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Leave the session."""
        self._ended.set()
        self._thread.join(JOIN_TIMEOUT_S)

    def _run(self) -> None:
        try:
            asyncio.run(self._follow())
        except Exception:
            logger.exception("Link has failed: its beat has ended")
            self._tell("beat/stop", 0.0, time.monotonic())

    async def _follow(self) -> None:
        link = self._make(LONE_TEMPO_BPM)
        link.enabled = True
        newest = None  # number of the last reported beat
        while not self._ended.is_set():
            now, beat, tempo, peers = time.monotonic(), link.beat, link.tempo, link.num_peers
            if self.peers and not peers:
                self._tell("beat/stop", 0.0, now)
            self.peers = peers
            if peers and int(beat // 1) != newest:
                newest = int(beat // 1)
                self._tell("tempo", tempo, now)
                self._tell("beat", 0.0, now - (beat - newest) * 60 / tempo)
            await asyncio.sleep(POLL_S)
        link.enabled = False


def _link_class() -> Any:
    """The class Link of aalink; ConfigError if it is not installed."""
    try:
        from aalink import Link
    except ImportError:
        raise ConfigError(
            "pulse.link = 'on': aalink is absent: for Ableton Link  pip install 'antiphon[link]'  (aalink is GPL-3.0)"
        ) from None
    return Link
