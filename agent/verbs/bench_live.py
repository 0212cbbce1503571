"""`antiphon bench --live`: measures a real performance on a real device.

A second process (`agent.verbs.bench_load`) uses page and OSC: it sends 100 controls a second and listens to every
report. The result says how often the device lost audio (xruns), how many hops the decision loop missed and how long
the loop took.
"""

from __future__ import annotations

import socket
from typing import Any

from agent.devices import audio_device, latency
from agent.devices.portaudio import DeviceError
from agent.settings.config import Config, ConfigError, change
from agent.verbs import play
from agent.verbs.bench_load import load
from agent.verbs.measure import machine


def run(config: Config, minutes: float, input: str = "", output: str = "") -> dict[str, Any]:
    """Play for some minutes through a pair of devices; {"latency", "minutes", "hops", "xruns", "missed", "mind", ...}.

    minutes: 0.05 to 600, else ConfigError. "mind": times of the decision loop, ms. "guest": what the load counted.
    DeviceError if there are no such devices, LoadError if the load could not be made.
    """
    if not 0.05 <= minutes <= 600:  # NaN fails too
        raise ConfigError(f"--minutes {minutes:g}: expected 0.05 to 600")
    result: dict[str, Any] = {"machine": machine(), "model": config.agent.model, "hop": config.live.hop}
    result["latency"] = _measured_latency(config, input, output)
    osc_port, page_port = _free_port(socket.SOCK_DGRAM), _free_port(socket.SOCK_STREAM)
    notices: list[str] = []
    with load(osc_port, page_port) as guest:
        for name, value in (("osc.port", osc_port), ("page.port", page_port), ("decision.rests", "never"),
                            ("osc.subscribers", [f"127.0.0.1:{guest.port}"])):  # fmt: skip
            config = change(config, name, value)
        options = play.PlayOptions(input=input, output=output, osc=True, seconds=60 * minutes)
        report = play.play(config, options, notices.append)
        guest.end()
    guest.check()
    return result | {
        "minutes": minutes,
        "samplerate": report["samplerate"],
        "hops": report["hops"],
        "xruns": report["xruns"],
        "missed": report["missed"],
        "mind": report["mind_ms"],
        "guest": guest.counts,
        "said": notices,
    }


def _measured_latency(config: Config, input: str, output: str) -> dict[str, Any] | None:
    """The latency, or None where output and input are not connected and cannot be."""
    pair = audio_device.choose(input, output, config.live.samplerate, config.live.client)
    try:
        return latency.measure(pair, config.live.hop, config.live.slack_ms).as_table()
    except DeviceError:
        return None


def _free_port(kind: socket.SocketKind) -> int:
    """A port of this machine that no program uses."""
    with socket.socket(socket.AF_INET, kind) as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def lines(result: dict[str, Any]) -> list[str]:
    """The lines that a terminal shows for the result of `run`."""
    loop_ms, guest = result["mind"], result["guest"]
    times = f"decision loop p50 {loop_ms['p50']:.1f} ms, p99 {loop_ms['p99']:.1f} ms"
    shown = [
        f"{result['minutes']:g} minutes at {result['samplerate']} Hz, hop {result['hop']:g} s, {result['hops']} hops; "
        f"{guest['sent']} controls came over OSC, {guest['page']} reports went to a page:",
        f"  xruns {result['xruns']}, missed {result['missed']}, {times}",
    ]
    if result["latency"]:
        shown += latency.LatencyBudget(**result["latency"]).lines()
    return shown
