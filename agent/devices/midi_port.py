"""The MIDI input itself: found by name, listened to, told when it is unplugged and taken again when it is back."""

from __future__ import annotations

import ctypes
import re
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from agent.control.bus import Bus
from agent.control.command import printable
from agent.settings.config import ConfigError

VIRTUAL = "virtual"  # [midi] port: no instrument, but a port of our own that others connect to
TICK = 0.002  # s between two looks at what has come
LOOK = 1.0  # s between two looks whether the instrument is still there
KIND = "MIDI "  # begins the name of an instrument in reports


class MidiPort:
    """A MIDI input by (part of) its name, or VIRTUAL; ConfigError if there is none or not one alone.

    receive: called with the bytes of each message, from the thread of the port; must not raise. bus: is told `device`
    when the instrument is lost or open again.

    Messages are fetched by a thread of ours. In a callback, the thread that brings them would wait for the
    interpreter: under JACK that is an xrun for everybody, and what came later in the same block is overwritten. An
    instrument that is unplugged is told as a lost `device`, and taken again when it is back. So is a JACK server; a
    client that has outlived its server is never called again, not even to close it, for that ends the program.
    """

    def __init__(self, name: str, receive: Callable[[bytes], None], bus: Bus, client: str = "antiphon"):
        self._receive, self._bus, self._client = receive, bus, client
        self._input, self.name = _open(name, client)
        self._watch = _watch(self._input, client)
        self._there, self._leaving = True, threading.Event()
        self._thread = threading.Thread(target=self._run, name="antiphon-midi", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Hear no more."""
        self._leaving.set()
        self._thread.join(2)
        if self._input is not None and self._watch is not None and not self._watch.lives:
            self._leave_behind()
        if self._input is not None:
            self._input.close_port()
            self._input.delete()

    def _run(self) -> None:
        looked = time.monotonic()
        while not self._leaving.wait(TICK):
            while self._input is not None and (event := self._input.get_message()) is not None:
                self._receive(bytes(event[0]))
            if time.monotonic() - looked > LOOK:
                with suppress(OSError):  # of rtmidi: not yet
                    self._look()
                looked = time.monotonic()

    def _look(self) -> None:
        """Is the instrument still there, or there again?"""
        if self._watch is not None and not self._watch.lives:
            self._leave_behind()
            self._tell(False)
        if self._input is None:
            try:
                self._input, self.name = _open(self.name, self._client)
            except ConfigError:
                return
            self._watch = _watch(self._input, self._client)
            self._tell(True)
        elif self.name != VIRTUAL:
            here = [number for number, one in enumerate(self._input.get_ports()) if _plain(one) == self.name]
            if bool(here) != self._there:
                self._input.close_port()
                if here:
                    self._input.open_port(here[0], "midi_in")
                self._tell(bool(here))

    def _tell(self, there: bool) -> None:
        if there != self._there:
            self._bus.publish("device", "open" if there else "lost", KIND + self.name)
        self._there = there

    def _leave_behind(self) -> None:
        """Never call it again; Python would, at the latest when it forgets it."""
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(self._input))
        self._input = self._watch = None


def _watch(one: Any, client: str) -> Any:
    """What tells us that the JACK server of an input has gone; None of other systems."""
    import rtmidi

    if one.get_current_api() != rtmidi.API_UNIX_JACK:
        return None
    from agent.devices.portaudio import Watch

    return Watch(f"{client}-midi-watch")


def ports(client: str = "antiphon") -> list[str]:
    """Names of all MIDI inputs of this machine."""
    return [_plain(name) for _, names in _systems(client) for name in names]


def _plain(name: str) -> str:
    """A port's name without the numbers that ALSA adds: they are others when it is plugged in again."""
    return re.sub(r" [0-9]+:[0-9]+$", "", name)


def _systems(client: str) -> list[tuple[int, list[str]]]:
    """Of every MIDI system that runs here: its number and its inputs."""
    import rtmidi

    found = []
    for api in rtmidi.get_compiled_api():
        try:
            one = rtmidi.MidiIn(api, client)
        except rtmidi.RtMidiError:  # not running
            continue
        found.append((api, one.get_ports()))
        one.delete()
    return found


def _open(name: str, client: str) -> tuple[Any, str]:
    """The input, open, and its name in full; ConfigError."""
    import rtmidi

    systems = _systems(client)
    if name == VIRTUAL and systems:
        one = rtmidi.MidiIn(systems[0][0], client)
        one.open_virtual_port("midi_in")
        return one, VIRTUAL
    known = [(api, number, _plain(one)) for api, names in systems for number, one in enumerate(names)]
    chosen = [one for one in known if one[2] == name][:1] or [one for one in known if name.lower() in one[2].lower()]
    if len(chosen) != 1:
        what = (
            f"{len(chosen)} MIDI inputs are named '{printable(name)}'"
            if chosen
            else f"no MIDI input '{printable(name)}'"
        )
        names = ", ".join(f"'{printable(one[2])}'" for one in known) or "none: connect one, and start again"
        raise ConfigError(f"midi.port: {what}; there are {names}")
    api, number, full = chosen[0]
    try:
        one = rtmidi.MidiIn(api, client)
        one.open_port(number, "midi_in")
    except rtmidi.RtMidiError as error:
        raise ConfigError(f"midi.port = '{full}' cannot be opened ({error}): is another program using it?") from None
    return one, full
