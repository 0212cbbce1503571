"""Sound devices: which there are, a full-duplex stream on two of them, and finding them again when they are lost.

The callback is `buffers.callback`, one compiled function: nothing in here runs in the audio thread. The block size is
left to the device (a fixed one costs a block on JACK); the buffers take blocks of any size.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from difflib import get_close_matches
from typing import Any

from agent.devices.portaudio import JACK, DeviceError, begin_again, jack_server, leave_behind, sounddevice

CLIENT = "antiphon"  # our name on JACK
SILENT = 1.0  # s without a callback after which a device counts as lost
RETRY = 1.0  # s between two attempts to find it again
POLL = 0.1  # s
CLOSING = 3.0  # s that closing a stream may take

__all__ = ["CLIENT", "Device", "DeviceError", "DevicePair", "Stream", "StreamWatchdog", "channels", "choose", "listing"]


@dataclass(frozen=True)
class Device:
    """One device of one sound system ("host API"), as PortAudio sees it."""

    number: int
    name: str
    api: str
    inputs: int  # channels
    outputs: int
    samplerate: int  # Hz, its own
    default_input: bool
    default_output: bool

    def __str__(self) -> str:
        return f"{self.number} '{self.name}' ({self.api}, {self.inputs} in, {self.outputs} out)"


@dataclass(frozen=True)
class DevicePair:
    """What to hear and what to speak through, in one stream; either may be absent, then a file takes its place."""

    input: Device | None
    output: Device | None
    samplerate: int  # Hz
    block: int  # samples a callback, as far as can be known before the stream runs; 0 if it cannot
    client: str = CLIENT

    @property
    def name(self) -> str:
        """For a person."""
        both = [device.name for device in (self.input, self.output) if device]
        return both[0] if len(set(both)) == 1 else " and ".join(both)

    @property
    def on_jack(self) -> bool:
        """Does it go through a JACK server?"""
        return any(device is not None and device.api == JACK for device in (self.input, self.output))


def listing(client: str = CLIENT) -> list[Device]:
    """All devices there are now; DeviceError if PortAudio is absent. No stream of ours may be open."""
    module = begin_again(client)
    apis = module.query_hostapis()
    return [
        Device(
            number, about["name"], apis[about["hostapi"]]["name"], about["max_input_channels"],
            about["max_output_channels"], round(about["default_samplerate"]),
            apis[about["hostapi"]]["default_input_device"] == number,
            apis[about["hostapi"]]["default_output_device"] == number,
        )
        for number, about in enumerate(module.query_devices())
    ]  # fmt: skip


def choose(input: str | None = "", output: str | None = "", samplerate: int = 0, client: str = CLIENT) -> DevicePair:
    """The devices asked for, as a pair that can run in one stream; DeviceError says what to do if there is none.

    input, output: a number, a name or a part of it, "" for the system's own, None for no device on this side.
    samplerate: Hz, 0 for the device's own.
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
    pair = DevicePair(heard, spoken, rate, 0, client)
    _check_rate(pair)
    server = jack_server() if pair.on_jack else None
    return DevicePair(heard, spoken, rate, server[1] if server else 0, client)


def _find(devices: list[Device], which: str, side: str, beside: Device | None = None) -> Device:
    """The one device meant by `which` that has channels on this side; `beside`: prefer its sound system."""
    able = [device for device in devices if (device.inputs if side == "input" else device.outputs) > 0]
    if not able:
        raise DeviceError(f"this machine has no sound {side}: start JACK or plug a sound card in, or give a file")
    if which == "":
        own = [d for d in able if (d.default_input if side == "input" else d.default_output)] or able
        return next((device for device in own if beside and device.api == beside.api), own[0])
    if which.isdecimal():
        found = [device for device in able if device.number == int(which)]
    else:
        wanted = which.casefold()
        exact = [
            device for device in able if wanted in (device.name.casefold(), f"{device.name} {device.api}".casefold())
        ]
        found = exact or [d for d in able if all(w in f"{d.name} {d.api}".casefold() for w in wanted.split())]
    if len(found) > 1 and beside:
        found = [device for device in found if device.api == beside.api] or found
    if len(found) == 1:
        return found[0]
    if found:
        raise DeviceError(f"{side} = '{which}' may be {_told(found)}: give its number")
    names = [device.name for device in able]
    near = [d for d in able if d.name in get_close_matches(which, names, 3, 0.5)] or able
    raise DeviceError(f"there is no sound {side} '{which}': there is {_told(near)}; give a number or a part of a name")


def _told(devices: Iterable[Device]) -> str:
    return ", ".join(str(device) for device in devices)


def _check_rate(pair: DevicePair) -> None:
    """DeviceError if the devices do not run at the pair's rate."""
    module = sounddevice()
    for device, check in ((pair.input, module.check_input_settings), (pair.output, module.check_output_settings)):
        if device is None:
            continue
        try:
            check(device=device.number, channels=1, dtype="float32", samplerate=pair.samplerate)
        except (module.PortAudioError, ValueError):
            raise DeviceError(
                f"'{device.name}' ({device.api}) runs at {device.samplerate} Hz, not at {pair.samplerate} Hz: "
                + ("restart JACK at that rate, " if device.api == JACK else "set it to that rate, ")
                + "or set live.samplerate = 0 and begin anew"
            ) from None


def channels(text: str, device: Device | None, side: str) -> list[int]:
    """ "1,2" -> [0, 1]: channels of a device, which musicians count from 1; "" is all. DeviceError."""
    there = 0 if device is None else device.inputs if side == "input" else device.outputs
    if device is None or not text.strip():
        return list(range(there))
    try:
        chosen = [int(word) for word in text.split(",")]
    except ValueError:
        raise DeviceError(f"live.{side}_channels = '{text}': expected numbers from 1 on, like 1,2") from None
    for one in chosen:
        if not 1 <= one <= there:
            raise DeviceError(
                f"live.{side}_channels = '{text}': '{device.name}' has {there} {side} "
                f"channel{'s' if there != 1 else ''}, so choose among 1 to {there}"
            )
    return [one - 1 for one in dict.fromkeys(chosen)]


class Stream:
    """Audio between a pair of devices and the buffers, from `start` to `close`.

    buffers: anything with `callback` and `userdata` (C pointers), `channels_in`, `channels_out` (0: no device on this
    side), and the counters `callbacks` and `block`.
    """

    def __init__(self, buffers: Any, pair: DevicePair):
        self.buffers, self.pair = buffers, pair
        self._stream: Any = None
        self._kept: list[Any] = []  # streams left behind: their memory must stay

    def start(self) -> None:
        """Open and run; DeviceError."""
        module, pair, buffers = sounddevice(), self.pair, self.buffers
        about: dict[str, Any] = {
            "samplerate": pair.samplerate, "blocksize": 0, "dtype": "float32", "latency": "low",
            "callback": buffers.callback, "userdata": buffers.userdata,
        }  # fmt: skip
        try:
            if pair.input and pair.output:
                self._stream = module._StreamBase(
                    "duplex", device=(pair.input.number, pair.output.number),
                    channels=(buffers.channels_in, buffers.channels_out), **about,
                )  # fmt: skip
            elif pair.input:
                self._stream = module._StreamBase(
                    "input", device=pair.input.number, channels=buffers.channels_in, **about
                )
            elif pair.output:
                self._stream = module._StreamBase(
                    "output", device=pair.output.number, channels=buffers.channels_out, **about
                )
            self._stream.start()
        except (module.PortAudioError, ValueError) as error:
            raise DeviceError(f"'{pair.name}' does not open ({_reason(error)}): is another program using it?") from None

    @property
    def active(self) -> bool:
        """Does PortAudio believe that it runs?"""
        return self._stream is not None and bool(self._stream.active)

    def info(self) -> dict[str, Any]:
        """{"name", "samplerate", "block" seen so far, "latency_in", "latency_out" in s as the driver claims}."""
        claimed: Any = self._stream.latency if self._stream else (0.0, 0.0)
        one_sided = (claimed, 0.0) if self.pair.output is None else (0.0, claimed)
        both = claimed if isinstance(claimed, tuple) else one_sided
        # PipeWire has claimed a day; nobody plays with a second.
        sane = [seconds if 0 <= seconds < 1 else 0.0 for seconds in both]
        return {"name": self.pair.name, "samplerate": self.pair.samplerate, "block": self.buffers.longest_block,
                "latency_in": sane[0], "latency_out": sane[1]}  # fmt: skip

    def close(self) -> None:
        """End it. What cannot be closed is left behind: this never waits longer than `CLOSING` s."""
        stream, self._stream = self._stream, None
        if stream is None:
            return
        if self.pair.on_jack and not stream.active:
            self._leave(stream)
            return
        closing = threading.Thread(target=_close, args=(stream,), name="closing", daemon=True)
        closing.start()
        closing.join(CLOSING)
        if closing.is_alive():
            self._leave(stream)

    def _leave(self, stream: Any) -> None:
        self._kept.append(stream)
        leave_behind()

    def reopen(self) -> None:
        """Find the same devices again, by name, and run; DeviceError while they are not there, or not as before."""
        self.close()
        before = self.pair
        heard, spoken = (f"{device.name} {device.api}" if device else None for device in (before.input, before.output))
        self.pair = choose(heard, spoken, before.samplerate, before.client)
        try:
            for device, old in ((self.pair.input, before.input), (self.pair.output, before.output)):
                if device and old and (device.inputs < old.inputs or device.outputs < old.outputs):
                    raise DeviceError(f"{device} has fewer channels than before: plug the same device in")
            self.start()
        except DeviceError:
            self.pair = before
            raise


def _close(stream: Any) -> None:
    stream.close(ignore_errors=True)


def _reason(error: Exception) -> str:
    """PortAudio's own words, without its numbers."""
    text = str(error.args[0] if error.args else error)
    return text.split(": ", 1)[-1].rstrip(".")


class StreamWatchdog(threading.Thread):
    """Watches a stream and brings it back. report(name, *values) gets "device" and "error", as `Bus.publish` does.

    patience: s without a callback before a device counts as lost; more where the callback waits for the mind.
    """

    def __init__(self, stream: Stream, report: Callable[..., None], patience: float = SILENT):
        super().__init__(name="keeper", daemon=True)
        self.stream, self.report, self.patience = stream, report, patience
        self.lost = False
        self._ended = threading.Event()
        self._said = ""

    def run(self) -> None:
        """Until `end`."""
        beats, since = -1, time.monotonic()
        while not self._ended.wait(POLL):
            now = time.monotonic()
            if self.stream.buffers.callbacks != beats:
                beats, since = self.stream.buffers.callbacks, now
                if self.lost:
                    self._found()
            elif self.lost or now - since > self.patience or not self.stream.active:
                self._search()

    def end(self) -> None:
        """Look after it no more; afterwards the stream may be closed."""
        self._ended.set()
        if self.is_alive():
            self.join(2 * CLOSING)

    def _search(self) -> None:
        """One attempt, and the time until the next."""
        if not self.lost:
            self.lost = True
            self.report("device", "lost", self.stream.pair.name)
        # A JACK server that neither calls nor says goodbye is asleep, and will go on with the stream it has.
        if not (self.stream.pair.on_jack and self.stream.active):
            try:
                self.stream.reopen()
                return
            except DeviceError as error:
                if str(error) != self._said and "Hz" in str(error):
                    self.report("error", str(error))
                self._said = str(error)
        self._ended.wait(RETRY)

    def _found(self) -> None:
        self.lost, self._said = False, ""
        self.report("device", "open", self.stream.pair.name)


def marks(device: Device) -> str:
    """Which of the two is the system's own, for `antiphon devices`."""
    own = [side for side, is_own in (("input", device.default_input), ("output", device.default_output)) if is_own]
    return f", default {' and '.join(own)}" if own else ""


def table(devices: list[Device]) -> list[dict[str, Any]]:
    """For `antiphon devices --json`."""
    return [asdict(device) for device in devices]
