"""Measures how long an answer takes: plays a burst of noise through the real buffers, device and cable, and back.

The latency that a driver claims can be wrong (PipeWire has claimed a day). It only divides the measured latency between
input and output. What a running agent shows is `Engine.snapshot`: the same sum from the driver's claims.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from agent.devices.audio_device import DevicePair, Stream, StreamInfo
from agent.devices.errors import DeviceError
from agent.devices.portaudio import connect_loop
from agent.engine.buffers import AudioBuffers, warm_up

BURST_SAMPLES = 4096  # long enough to be recognised 20 dB below the noise of a room
BURST_LEVEL = 0.25  # full scale = 1
LONGEST_LOOP_S = 1.0  # longest way from output to input
MEASUREMENTS = 3  # bursts
LEAST_CORRELATION = 0.15  # correlation from which on it is our burst; other noise of its length reaches 0.07
NOT_HEARD = (
    "nothing came back within {longest:g} s: put a cable from output {speak} to input {hear} of '{name}', "
    "or a microphone before the loudspeaker, turn it up and measure again"
)


@dataclass(frozen=True, kw_only=True)
class LatencyBudget:
    """The time from the first sample of a hop to the first sample of its answer, part by part, in ms."""

    hop: float
    slack: float
    device_in: float
    device_out: float
    total: float
    loop: int  # samples from output to input, as measured
    spread: int  # samples between the shortest and the longest of `MEASUREMENTS` measurements
    block: int
    samplerate: int
    xruns: int
    through: str  # "cable"; "server": JACK connected output and input, without a sound card between

    def as_table(self) -> dict[str, Any]:
        """The fields as a dict, for JSON."""
        return asdict(self)

    def lines(self) -> list[str]:
        """The lines that a terminal shows, one for each part."""
        way = "output to input by a cable" if self.through == "cable" else "output to input by the JACK server itself"
        return [
            f"from what is played to its answer, {way}, {self.samplerate} Hz, blocks of {self.block}:",
            *(f"  {name:<12}{ms:9.2f} ms" for name, ms in (
                ("hop", self.hop), ("slack", self.slack), ("device in", self.device_in),
                ("device out", self.device_out), ("total", self.total),
            )),
            f"  out and in again: {self.loop} samples, {MEASUREMENTS} times, within {self.spread}; {self.xruns} xruns",
        ]  # fmt: skip


def burst(seed: int = 0) -> np.ndarray:
    """(BURST_SAMPLES,) float32 white noise, which correlates with no other sound."""
    return np.random.default_rng(seed).uniform(-BURST_LEVEL, BURST_LEVEL, BURST_SAMPLES).astype(np.float32)


def find_burst(heard: np.ndarray, sound: np.ndarray) -> int | None:
    """The sample of `heard` at which `sound` begins, both (n,) float32; None if `heard` does not contain it."""
    size = len(heard) + len(sound)
    product = np.fft.irfft(np.fft.rfft(heard, size) * np.fft.rfft(sound, size).conj(), size)
    correlation = np.abs(product[: len(heard) - len(sound) + 1])
    if not correlation.size:
        return None
    at = int(np.argmax(correlation))
    energy = np.linalg.norm(heard[at : at + len(sound)]) * np.linalg.norm(sound)
    return at if energy > 0 and correlation[at] > LEAST_CORRELATION * energy else None


def measure(
    pair: DevicePair, hop: float, slack_ms: float, inputs: Sequence[int] = (0,), outputs: Sequence[int] = (0,)
) -> LatencyBudget:
    """Play bursts through a pair of devices and measure how long they take; DeviceError if none comes back.

    hop: s. slack_ms: slack of the performance. inputs, outputs: channels, counted from 0. If nothing comes back on
    JACK, its server connects our output with our input.
    """
    if pair.input is None or pair.output is None:
        raise DeviceError("a loop has two ends: give both --input and --output as devices")
    warm_up()
    buffers = AudioBuffers(hop, pair.samplerate, _slack(pair, slack_ms, hop), kept_s=60)
    buffers.set_channels(max(inputs) + 1, max(outputs) + 1, inputs, outputs)
    stream, through = Stream(buffers, pair), "cable"
    try:
        stream.start()
        heard = _bursts(buffers, 1, 1)
        if not heard and pair.on_jack and connect_loop(outputs[0], inputs[0]):
            through = "server"
        delays = _bursts(buffers, buffers.current_hop + 1, MEASUREMENTS) if heard or through == "server" else []
        info = stream.info()
    finally:
        buffers.close()
        stream.close()
    if not delays:
        raise DeviceError(
            NOT_HEARD.format(longest=LONGEST_LOOP_S, speak=outputs[0] + 1, hear=inputs[0] + 1, name=pair.name)
        )
    return _budget(buffers, delays, info, through)


def _slack(pair: DevicePair, slack_ms: float, hop: float) -> int:
    """The slack in samples: `slack_ms`, but more than a block and less than a hop."""
    wanted = round(slack_ms * pair.samplerate / 1000)
    return min(max(wanted, pair.block + pair.samplerate // 100), round(hop * pair.samplerate) - 1)


def _bursts(buffers: AudioBuffers, first: int, times: int, again: bool = True) -> list[int]:
    """Play bursts from hop `first` on, a little more than `LONGEST_LOOP_S` apart; return the delay of each, samples.

    Returns [] if a burst did not arrive. A burst that a busy machine played too late does not count; if all were late,
    they are played once more.
    """
    spacing = 2 * max(1, int(np.ceil((LONGEST_LOOP_S + BURST_SAMPLES / buffers.samplerate) / buffers.hop / 2)))
    marked = [first + number * spacing for number in range(times)]
    sounds = {hop: burst(hop)[: buffers.boundary(hop + 1) - buffers.boundary(hop)] for hop in marked}
    for hop in range(first, marked[-1] + spacing):
        if not _wait_until(buffers, hop):
            return []
        answer = np.zeros(buffers.boundary(hop + 1) - buffers.boundary(hop), np.float32)
        if hop in sounds:
            answer[: len(sounds[hop])] = sounds[hop]
        buffers.publish(hop, answer)
    if not _wait_until(buffers, hop + 1):
        return []
    delays = []
    for hop, sound in sounds.items():
        at = buffers.output_start(hop)
        delay = find_burst(buffers.read_input(at, at + round(LONGEST_LOOP_S * buffers.samplerate) + len(sound)), sound)
        if not buffers.answered(hop):
            continue
        if delay is None:
            return []
        delays.append(delay)
    return delays if delays or not again else _bursts(buffers, buffers.current_hop + 2, times, again=False)


def _wait_until(buffers: AudioBuffers, hop: int) -> bool:
    """Wait until the answer before `hop` has begun and `hop` may be published; False if the device has stopped."""
    deadline = time.monotonic() + 2 * buffers.hop + 2
    while buffers.current_hop < hop - 1 or buffers.samples_in < buffers.boundary(hop):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.0005)
    return True


def _budget(buffers: AudioBuffers, delays: list[int], info: StreamInfo, through: str) -> LatencyBudget:
    loop, per_ms = int(np.median(delays)), buffers.samplerate / 1000
    claimed = info.input_latency_s + info.output_latency_s
    share = info.input_latency_s / claimed if claimed > 0 else 0.5
    hop, slack = buffers.boundary(1) / per_ms, buffers.slack / per_ms
    return LatencyBudget(
        hop=hop, slack=slack, device_in=share * loop / per_ms, device_out=(1 - share) * loop / per_ms,
        total=hop + slack + loop / per_ms, loop=loop, spread=max(delays) - min(delays), block=buffers.longest_block,
        samplerate=buffers.samplerate, xruns=buffers.xruns, through=through,
    )  # fmt: skip
