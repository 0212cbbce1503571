"""MIDI ports: an input, found by name, read, reported when it is unplugged and opened again; and an output."""

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
        self._input, self.name = _open("midi.port", name, client)
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
                self._input, self.name = _open("midi.port", self.name, self._client)
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
        """Never call the input again."""
        _never_free(self._input)
        self._input = self._watch = None


class MidiOutput:
    """A MIDI output by (part of) its name, or VIRTUAL for a port of our own; ConfigError unless exactly one has it.

    setting: the one that names it, for the errors. bus: gets `error`, once, when it can no longer be written.
    """

    def __init__(self, setting: str, name: str, bus: Bus, client: str = "antiphon"):
        self._output, self.name = _open(setting, name, client, output=True)
        self._bus, self._failed = bus, False
        self._watch = _watch(self._output, f"{client}-out")

    def send(self, message: bytes) -> None:
        """Send a message. Where that fails the sentence is reported, and nothing more is sent."""
        if self._failed or (self._watch is not None and not self._watch.server_lives):
            self._fail("its server has gone")
            return
        try:
            self._output.send_message(message)
        except _rtmidi().RtMidiError as error:
            self._fail(str(error))

    def close(self) -> None:
        """Close the port; send the last note offs before."""
        if self._watch is not None and not self._watch.server_lives:
            _never_free(self._output)
            return
        self._output.close_port()
        self._output.delete()

    def _fail(self, why: str) -> None:
        if not self._failed:
            self._bus.publish("error", f"MIDI '{self.name}' cannot be written ({why}): plug it in, and start again")
        self._failed = True


def _rtmidi() -> Any:
    """The module rtmidi; ConfigError if it or the ALSA library is not installed."""
    try:
        import rtmidi
    except ModuleNotFoundError:
        raise ConfigError("midi.port: python-rtmidi is absent: for MIDI  pip install python-rtmidi") from None
    except ImportError as error:  # it is there, and a library of the system that it needs is not
        raise ConfigError(f"midi.port: python-rtmidi cannot be loaded ({error}): apt install libasound2") from None
    return rtmidi


def _never_free(port: Any) -> None:
    """Keep Python from calling a client whose server has gone when it would free it, by one more reference."""
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(port))


def _watch(port: Any, client: str) -> Any:
    """The watch on the JACK server of an input; None for other MIDI systems."""
    if port.get_current_api() != _rtmidi().API_UNIX_JACK:
        return None
    from agent.devices.portaudio import JackWatch

    return JackWatch(f"{client}-midi-watch")


def ports(client: str = "antiphon") -> list[str]:
    """Names of all MIDI inputs of this machine."""
    return [_plain(name) for _, names in _systems(client, output=False) for name in names]


def _plain(name: str) -> str:
    """The name of a port without the numbers that ALSA adds: they change when it is plugged in again."""
    return re.sub(r" [0-9]+:[0-9]+$", "", name)


def _systems(client: str, output: bool) -> list[tuple[int, list[str]]]:
    """(number, names of its inputs or outputs) of every MIDI system that runs on this machine."""
    rtmidi, systems = _rtmidi(), []
    make = rtmidi.MidiOut if output else rtmidi.MidiIn
    for api in rtmidi.get_compiled_api():
        try:
            port = make(api, client)
            systems.append((api, port.get_ports()))
            port.delete()
        except rtmidi.RtMidiError:  # not running
            continue
    return systems


def _open(setting: str, name: str, client: str, output: bool = False) -> tuple[Any, str]:
    """Open an input, or an output, by (part of) its name; return it with its full name. ConfigError names `setting`."""
    rtmidi, systems = _rtmidi(), _systems(client, output)
    if name == VIRTUAL and not systems:
        raise ConfigError(f"{setting} = 'virtual': no MIDI system runs here: start JACK or ALSA, and begin again")
    api, number, full = (systems[0][0], -1, VIRTUAL) if name == VIRTUAL else _find(setting, name, systems, output)
    label = "midi_out" if output else "midi_in"
    try:
        port = rtmidi.MidiOut(api, client) if output else rtmidi.MidiIn(api, client)
        if not output:
            port.ignore_types(timing=False)  # MIDI clock
        if number < 0:
            port.open_virtual_port(label)
        else:
            port.open_port(number, label)
    except rtmidi.RtMidiError as error:
        raise ConfigError(f"{setting} = '{full}' cannot be opened ({error}): is another program using it?") from error
    return port, full


def _find(setting: str, name: str, systems: list[tuple[int, list[str]]], output: bool) -> tuple[int, int, str]:
    """(system, number, full name) of the one port that `name` matches; ConfigError if there is not exactly one."""
    known = [(api, number, _plain(port)) for api, names in systems for number, port in enumerate(names)]
    exact = [port for port in known if port[2] == name][:1]
    chosen = exact or [port for port in known if name.lower() in port[2].lower()]
    if len(chosen) == 1:
        return chosen[0]
    kind = "output" if output else "input"
    many = f"{len(chosen)} MIDI {kind}s are named '{printable(name)}'"
    names = ", ".join(f"'{printable(port[2])}'" for port in known) or "none: connect one, and start again"
    raise ConfigError(f"{setting}: {many if chosen else f'no MIDI {kind} {printable(name)!r}'}; there are {names}")
