"""A MIDI input: finds it by name, reads its messages, reports when it is unplugged and opens it again."""

from __future__ import annotations

import ctypes
import logging
import re
import threading
import time
from collections.abc import Callable
from typing import Any

from agent.control.bus import Bus
from agent.control.command import printable
from agent.settings.config import ConfigError

logger = logging.getLogger("antiphon.midi")

VIRTUAL = "virtual"  # value of midi.port for a port of our own, to which other programs connect
MESSAGE_POLL_S = 0.002
PORT_POLL_S = 1.0  # time between two checks whether the instrument is connected
CLOSE_TIMEOUT_S = 2.0
REPORT_PREFIX = "MIDI "  # before the name of an instrument in reports


class MidiPort:
    """A MIDI input by (part of) its name, or VIRTUAL; ConfigError unless exactly one input has that name.

    receive: called with the bytes of each message, from the thread of the port; must not raise. bus: gets `device`
    when the instrument is lost or open again, and `error` when it cannot be read or opened again.

    A thread of ours polls the messages. A callback would make the thread that delivers them wait for the interpreter:
    under JACK that is an xrun for every client, and later messages of the same block are overwritten. An unplugged
    instrument is reported as a lost `device`, and is opened again when it is back. The same holds for a JACK server. A
    client whose server has gone is never called again, not even to close it, because that would end the program.
    """

    def __init__(self, name: str, receive: Callable[[bytes], None], bus: Bus, client: str = "antiphon"):
        self._receive, self._bus, self._client = receive, bus, client
        self._input, self.name = _open(name, client)
        self._watch = _watch(self._input, client)
        self._connected, self._ended = True, threading.Event()
        self._reported = ""
        self._thread = threading.Thread(target=self._run, name="antiphon-midi", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop reading and close the port."""
        self._ended.set()
        self._thread.join(CLOSE_TIMEOUT_S)
        if self._input is not None and self._watch is not None and not self._watch.server_lives:
            self._abandon()
        if self._input is not None:
            self._input.close_port()
            self._input.delete()

    def _run(self) -> None:
        last_check = time.monotonic()
        while not self._ended.wait(MESSAGE_POLL_S):
            try:
                while self._input is not None and (event := self._input.get_message()) is not None:
                    self._receive(bytes(event[0]))
                if time.monotonic() - last_check > PORT_POLL_S:
                    last_check = time.monotonic()
                    self._check_connection()
            except _rtmidi().RtMidiError as error:
                self._report(f"MIDI '{self.name}' cannot be read ({error}): plug it in again")
            except Exception as error:
                logger.exception("the MIDI input %s has failed", self.name)
                self._report(f"MIDI '{self.name}' has failed ({type(error).__name__}: {error}): the music goes on")

    def _check_connection(self) -> None:
        """Report an instrument that is gone; open one that is back."""
        if self._watch is not None and not self._watch.server_lives:
            self._abandon()
            self._set_connected(False)
        if self._input is None:
            try:
                self._input, self.name = _open(self.name, self._client)
            except ConfigError:  # not yet, which "lost" has reported
                return
            self._watch = _watch(self._input, self._client)
            self._set_connected(True)
        elif self.name != VIRTUAL:
            here = [number for number, port in enumerate(self._input.get_ports()) if _plain(port) == self.name]
            if bool(here) != self._connected:
                self._input.close_port()
                if here:
                    self._input.open_port(here[0], "midi_in")
                self._set_connected(bool(here))

    def _set_connected(self, connected: bool) -> None:
        if connected != self._connected:
            self._bus.publish("device", "open" if connected else "lost", REPORT_PREFIX + self.name)
            self._reported = ""
        self._connected = connected

    def _report(self, sentence: str) -> None:
        """Publish a sentence as `error`, unless it was the last one published."""
        if sentence != self._reported:
            self._bus.publish("error", sentence)
        self._reported = sentence

    def _abandon(self) -> None:
        """Never call the input again. The extra reference keeps Python from calling it when it frees it."""
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(self._input))
        self._input = self._watch = None


def _rtmidi() -> Any:
    """The module rtmidi; ConfigError if it or the ALSA library is not installed."""
    try:
        import rtmidi
    except ModuleNotFoundError:
        raise ConfigError("midi.port: python-rtmidi is absent: for MIDI  pip install python-rtmidi") from None
    except ImportError as error:  # it is there, and a library of the system that it needs is not
        raise ConfigError(f"midi.port: python-rtmidi cannot be loaded ({error}): apt install libasound2") from None
    return rtmidi


def _watch(port: Any, client: str) -> Any:
    """The watch on the JACK server of an input; None for other MIDI systems."""
    if port.get_current_api() != _rtmidi().API_UNIX_JACK:
        return None
    from agent.devices.portaudio import JackWatch

    return JackWatch(f"{client}-midi-watch")


def ports(client: str = "antiphon") -> list[str]:
    """Names of all MIDI inputs of this machine."""
    return [_plain(name) for _, names in _systems(client) for name in names]


def _plain(name: str) -> str:
    """The name of a port without the numbers that ALSA adds: they change when it is plugged in again."""
    return re.sub(r" [0-9]+:[0-9]+$", "", name)


def _systems(client: str) -> list[tuple[int, list[str]]]:
    """(number, names of its inputs) of every MIDI system that runs on this machine."""
    rtmidi, systems = _rtmidi(), []
    for api in rtmidi.get_compiled_api():
        try:
            port = rtmidi.MidiIn(api, client)
            systems.append((api, port.get_ports()))
            port.delete()
        except rtmidi.RtMidiError:  # not running
            continue
    return systems


def _open(name: str, client: str) -> tuple[Any, str]:
    """Open an input by (part of) its name; return it with its full name. ConfigError."""
    rtmidi, systems = _rtmidi(), _systems(client)
    if name == VIRTUAL and not systems:
        raise ConfigError("midi.port = 'virtual': no MIDI system runs here: start JACK or ALSA, and begin again")
    api, number, full = (systems[0][0], -1, VIRTUAL) if name == VIRTUAL else _find(name, systems)
    try:
        port = rtmidi.MidiIn(api, client)
        port.ignore_types(timing=False)  # MIDI clock
        if number < 0:
            port.open_virtual_port("midi_in")
        else:
            port.open_port(number, "midi_in")
    except rtmidi.RtMidiError as error:
        raise ConfigError(f"midi.port = '{full}' cannot be opened ({error}): is another program using it?") from error
    return port, full


def _find(name: str, systems: list[tuple[int, list[str]]]) -> tuple[int, int, str]:
    """(system, number, full name) of the one input that `name` matches; ConfigError if there is not exactly one."""
    known = [(api, number, _plain(port)) for api, names in systems for number, port in enumerate(names)]
    exact = [port for port in known if port[2] == name][:1]
    chosen = exact or [port for port in known if name.lower() in port[2].lower()]
    if len(chosen) == 1:
        return chosen[0]
    many = f"{len(chosen)} MIDI inputs are named '{printable(name)}'"
    names = ", ".join(f"'{printable(port[2])}'" for port in known) or "none: connect one, and start again"
    raise ConfigError(f"midi.port: {many if chosen else f'no MIDI input {printable(name)!r}'}; there are {names}")
