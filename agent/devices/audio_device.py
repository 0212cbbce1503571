"""Sound devices: lists and chooses them, runs a full-duplex stream on two of them, opens it again when they are lost.

The callback is `buffers.callback`, one compiled function; no code of this file runs in the audio thread. The device
chooses the block size, since a fixed one adds a block of latency on JACK; the buffers take blocks of any size.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Protocol

from agent.devices.errors import INVALID_SAMPLERATE, DeviceAbsentError, DeviceError, device_error, device_errors
from agent.devices.portaudio import JACK, abandon, jack_server, reinitialise, sounddevice

if TYPE_CHECKING:  # else listing the devices would compile the callback
    from agent.engine.buffers import AudioBuffers

logger = logging.getLogger("antiphon.devices")

CLIENT = "antiphon"  # our name on JACK
DEVICE_LOST_S = 1.0  # without a callback, after which a device counts as lost
DEVICE_RETRY_S = 1.0  # time between two attempts to open it again
WATCHDOG_POLL_S = 0.1
STREAM_CLOSE_TIMEOUT_S = 3.0
LATENCY_LIMIT_S = 1.0  # a claim of more is ignored: PipeWire has claimed a day

__all__ = ["CLIENT", "Device", "DeviceError", "DevicePair", "Stream", "StreamWatchdog", "channels", "choose", "listing"]


@dataclass(frozen=True, kw_only=True)
class Device:
    """One device of one sound system ("host API"), as PortAudio sees it."""

    number: int
    name: str
    api: str
    inputs: int  # channels
    outputs: int
    samplerate: int  # Hz, its default
    default_input: bool
    default_output: bool

    def __str__(self) -> str:
        return f"{self.number} '{self.name}' ({self.api}, {self.inputs} in, {self.outputs} out)"


@dataclass(frozen=True, kw_only=True)
class DevicePair:
    """Input and output of one stream; either may be None where a file takes its place."""

    input: Device | None
    output: Device | None
    samplerate: int  # Hz
    block: int  # samples a callback; 0 if unknown before the stream runs
    client: str = CLIENT

    @property
    def name(self) -> str:
        """The names of both devices, for a person."""
        names = [device.name for device in (self.input, self.output) if device]
        return names[0] if len(set(names)) == 1 else " and ".join(names)

    @property
    def on_jack(self) -> bool:
        """Whether one of them is a JACK server."""
        return any(device is not None and device.api == JACK for device in (self.input, self.output))


def listing(client: str = CLIENT) -> list[Device]:
    """All devices of this machine now; DeviceError if PortAudio is absent. No stream of ours may be open."""
    module = reinitialise(client)
    with device_errors(module, "the sound system"):
        apis, devices = module.query_hostapis(), module.query_devices()
    return [_device(number, properties, apis[properties["hostapi"]]) for number, properties in enumerate(devices)]


def _device(number: int, properties: dict[str, Any], api: dict[str, Any]) -> Device:
    """A device, made from PortAudio's properties of it and of its host API."""
    return Device(
        number=number, name=properties["name"], api=api["name"], inputs=properties["max_input_channels"],
        outputs=properties["max_output_channels"], samplerate=round(properties["default_samplerate"]),
        default_input=api["default_input_device"] == number, default_output=api["default_output_device"] == number,
    )  # fmt: skip


def choose(input: str | None = "", output: str | None = "", samplerate: int = 0, client: str = CLIENT) -> DevicePair:
    """Choose a pair of devices that can run in one stream; DeviceError says what to do if there is none.

    input, output: a number, a name or a part of it, "" for the default of the system, None for no device on this
    side. samplerate: Hz, 0 for the default of the device.
    """
    devices = listing(client)
    heard = None if input is None else _find(devices, input, "input")
    spoken = None if output is None else _find(devices, output, "output", heard)
    if heard and input == "" and spoken and heard.api != spoken.api:
        heard = _find([device for device in devices if device.api == spoken.api], "", "input")
    if heard and spoken and heard.api != spoken.api:
        raise DeviceError(f"input {heard} and output {spoken} are of two sound systems: choose both of one")
    main = spoken or heard
    if main is None:
        raise ValueError("neither an input nor an output is asked for")
    rate = samplerate or main.samplerate
    pair = DevicePair(input=heard, output=spoken, samplerate=rate, block=0, client=client)
    _check_rate(pair)
    server = jack_server() if pair.on_jack else None
    return replace(pair, block=server[1] if server else 0)


def _find(devices: list[Device], which: str, side: str, beside: Device | None = None) -> Device:
    """The one device that `which` matches and that has channels on this side. beside: prefer its sound system."""
    candidates = [device for device in devices if (device.inputs if side == "input" else device.outputs) > 0]
    if not candidates:
        raise DeviceAbsentError(f"this machine has no sound {side}: start JACK or plug a sound card in, or give a file")
    if which == "":
        defaults = [d for d in candidates if (d.default_input if side == "input" else d.default_output)] or candidates
        return next((device for device in defaults if beside and device.api == beside.api), defaults[0])
    if which.isdecimal():
        matches = [device for device in candidates if device.number == int(which)]
    else:
        wanted = which.casefold()
        exact = [
            device
            for device in candidates
            if wanted in (device.name.casefold(), f"{device.name} {device.api}".casefold())
        ]
        matches = exact or [d for d in candidates if all(w in f"{d.name} {d.api}".casefold() for w in wanted.split())]
    if len(matches) > 1 and beside:
        matches = [device for device in matches if device.api == beside.api] or matches
    if len(matches) == 1:
        return matches[0]
    if matches:
        raise DeviceError(f"{side} = '{which}' may be {_listed(matches)}: give its number")
    names = [device.name for device in candidates]
    similar = [d for d in candidates if d.name in get_close_matches(which, names, 3, 0.5)] or candidates
    raise DeviceAbsentError(
        f"there is no sound {side} '{which}': there is {_listed(similar)}; give a number or a part of a name"
    )


def _listed(devices: Iterable[Device]) -> str:
    return ", ".join(str(device) for device in devices)


def _check_rate(pair: DevicePair) -> None:
    """Raise DeviceError if a device does not run at the sample rate of the pair."""
    module = sounddevice()
    for device, check in ((pair.input, module.check_input_settings), (pair.output, module.check_output_settings)):
        if device is None:
            continue
        try:
            check(device=device.number, channels=1, dtype="float32", samplerate=pair.samplerate)
        except module.PortAudioError as error:
            if error.args[1:2] != (INVALID_SAMPLERATE,):
                raise device_error(device.name, error) from error
            raise DeviceError(
                f"'{device.name}' ({device.api}) runs at {device.samplerate} Hz, not at {pair.samplerate} Hz: "
                + ("restart JACK at that rate, " if device.api == JACK else "set it to that rate, ")
                + "or set live.samplerate = 0 and begin anew"
            ) from error


def channels(text: str, device: Device | None, side: str) -> list[int]:
    """Channels of a device, counted from 0, for a text that counts from 1: "1,2" -> [0, 1]; "" is all. DeviceError."""
    available = 0 if device is None else device.inputs if side == "input" else device.outputs
    if device is None or not text.strip():
        return list(range(available))
    try:
        chosen = [int(word) for word in text.split(",")]
    except ValueError:
        raise DeviceError(f"live.{side}_channels = '{text}': expected numbers from 1 on, like 1,2") from None
    for channel in chosen:
        if not 1 <= channel <= available:
            raise DeviceError(
                f"live.{side}_channels = '{text}': '{device.name}' has {available} {side} "
                f"channel{'s' if available != 1 else ''}, so choose among 1 to {available}"
            )
    return [channel - 1 for channel in dict.fromkeys(chosen)]


@dataclass(frozen=True, kw_only=True)
class StreamInfo:
    """What is known of a running stream."""

    name: str
    samplerate: int  # Hz
    block: int  # samples of the longest block so far
    input_latency_s: float  # as the driver claims; 0 if it claims more than `LATENCY_LIMIT_S`
    output_latency_s: float


class Stream:
    """Audio between a pair of devices and the buffers, from `start` to `close`. One thread at a time calls it.

    buffers: their `channels_in` and `channels_out` are those of the pair, 0 on a side without a device.
    """

    def __init__(self, buffers: AudioBuffers, pair: DevicePair):
        self.buffers, self.pair = buffers, pair
        self._stream: Any = None  # of sounddevice, which is imported late
        self._abandoned: list[Any] = []  # streams that cannot be closed: Python must not free them

    def start(self) -> None:
        """Open the stream and run it; DeviceError."""
        module, pair, buffers = sounddevice(), self.pair, self.buffers
        if pair.input and pair.output:
            kind, numbers = "duplex", (pair.input.number, pair.output.number)
            sides: dict[str, Any] = {"device": numbers, "channels": (buffers.channels_in, buffers.channels_out)}
        elif pair.input:
            kind, sides = "input", {"device": pair.input.number, "channels": buffers.channels_in}
        elif pair.output:
            kind, sides = "output", {"device": pair.output.number, "channels": buffers.channels_out}
        else:
            raise ValueError("a stream needs a device on one side at least")
        with device_errors(module, pair.name):
            self._stream = module._StreamBase(
                kind, samplerate=pair.samplerate, blocksize=0, dtype="float32", latency="low",
                callback=buffers.callback, userdata=buffers.userdata, **sides,
            )  # fmt: skip
            self._stream.start()

    @property
    def active(self) -> bool:
        """Whether the stream runs, according to PortAudio; False if it cannot tell."""
        try:
            return self._stream is not None and bool(self._stream.active)
        except sounddevice().PortAudioError:
            return False

    def info(self) -> StreamInfo:
        """What is known of the stream so far."""
        claimed: Any = self._stream.latency if self._stream else (0.0, 0.0)
        one_sided = (claimed, 0.0) if self.pair.output is None else (0.0, claimed)
        both = claimed if isinstance(claimed, tuple) else one_sided
        input_s, output_s = (seconds if 0 <= seconds < LATENCY_LIMIT_S else 0.0 for seconds in both)
        return StreamInfo(name=self.pair.name, samplerate=self.pair.samplerate, block=self.buffers.longest_block,
                          input_latency_s=input_s, output_latency_s=output_s)  # fmt: skip

    def close(self) -> None:
        """Close the stream, or abandon it if closing takes longer than `STREAM_CLOSE_TIMEOUT_S`."""
        stream, self._stream = self._stream, None
        if stream is None:
            return
        if self.pair.on_jack and not stream.active:
            self._abandon(stream)
            return
        closing = threading.Thread(target=_close, args=(stream,), name="antiphon-closing", daemon=True)
        closing.start()
        closing.join(STREAM_CLOSE_TIMEOUT_S)
        if closing.is_alive():
            self._abandon(stream)

    def _abandon(self, stream: Any) -> None:
        self._abandoned.append(stream)
        abandon()

    def reopen(self) -> None:
        """Find the same devices by name and run; DeviceError while they are absent or have fewer channels."""
        self.close()
        old_pair = self.pair
        heard, spoken = (
            f"{device.name} {device.api}" if device else None for device in (old_pair.input, old_pair.output)
        )
        self.pair = choose(heard, spoken, old_pair.samplerate, old_pair.client)
        try:
            for device, old in ((self.pair.input, old_pair.input), (self.pair.output, old_pair.output)):
                if device and old and (device.inputs < old.inputs or device.outputs < old.outputs):
                    raise DeviceError(f"{device} has fewer channels than before: plug the same device in")
            self.start()
        except DeviceError:
            self.pair = old_pair
            raise


def _close(stream: Any) -> None:
    stream.close(ignore_errors=True)


class WatchedStream(Protocol):
    """The part of a `Stream` that the watchdog uses."""

    buffers: AudioBuffers
    pair: DevicePair

    @property
    def active(self) -> bool:
        """Whether it runs."""

    def reopen(self) -> None:
        """Find the devices again and run; DeviceError."""


class StreamWatchdog(threading.Thread):
    """A thread that watches a stream and opens it again when it is lost.

    report: called like `Bus.publish`, with "device" and "error". lost_after_s: time without a callback after which the
    device counts as lost; longer where the callback waits for answers.
    """

    def __init__(self, stream: WatchedStream, report: Callable[..., None], lost_after_s: float = DEVICE_LOST_S):
        super().__init__(name="antiphon-watchdog", daemon=True)
        self.stream, self.report, self.lost_after_s = stream, report, lost_after_s
        self.lost = False
        self._ended = threading.Event()
        self._last_error, self._reported = "", ""

    def run(self) -> None:
        """Watch until `end`."""
        callbacks, since = -1, time.monotonic()
        while not self._ended.wait(WATCHDOG_POLL_S):
            now = time.monotonic()
            if self.stream.buffers.callbacks != callbacks:
                callbacks, since = self.stream.buffers.callbacks, now
                if self.lost:
                    self._found()
            elif self.lost or now - since > self.lost_after_s or not self.stream.active:
                self._search()

    def end(self) -> None:
        """Stop watching; afterwards the stream may be closed."""
        self._ended.set()
        if self.is_alive():
            self.join(2 * STREAM_CLOSE_TIMEOUT_S)

    def _search(self) -> None:
        """Report the device as lost, try once to open it again, and wait until the next attempt."""
        if not self.lost:
            self.lost = True
            self.report("device", "lost", self.stream.pair.name)
        # A JACK server that neither calls back nor ends is suspended, and will continue the stream that it has.
        if not (self.stream.pair.on_jack and self.stream.active):
            try:
                self.stream.reopen()
                return
            except DeviceAbsentError:  # which "lost" has reported
                self._last_error = ""
            except DeviceError as error:
                self._report_lasting(str(error))
            except Exception as error:
                logger.exception("the device %s cannot be opened again", self.stream.pair.name)
                self._report_lasting(f"'{self.stream.pair.name}' cannot be opened again ({error}): begin anew")
        self._ended.wait(DEVICE_RETRY_S)

    def _report_lasting(self, sentence: str) -> None:
        """Report an error once, when two attempts in a row have had it."""
        if sentence == self._last_error != self._reported:
            self.report("error", sentence)
            self._reported = sentence
        self._last_error = sentence

    def _found(self) -> None:
        self.lost, self._last_error, self._reported = False, "", ""
        self.report("device", "open", self.stream.pair.name)


def marks(device: Device) -> str:
    """Text that says whether a device is the default of the system, for `antiphon devices`."""
    defaults = [side for side, is_own in (("input", device.default_input), ("output", device.default_output)) if is_own]
    return f", default {' and '.join(defaults)}" if defaults else ""


def table(devices: list[Device]) -> list[dict[str, Any]]:
    """The devices as dicts, for `antiphon devices --json`."""
    return [asdict(device) for device in devices]
