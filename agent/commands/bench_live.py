"""A real performance on a real device, measured: everything on, for as many minutes as asked for.

Page and OSC are served and used by a second process: it holds a WebSocket open, sends 100 controls a second and
listens to every report. What the device loses (xruns), what the mind misses and how long it takes is told at the end.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from typing import Any

from agent.commands import play
from agent.commands.bench import machine
from agent.devices import latency
from agent.devices.portaudio import DeviceError
from agent.settings.config import Config, ConfigError, change

RATE = 100  # controls a second
GUEST = """
import json, random, sys, threading, time
from pythonosc.osc_message_builder import build_msg
from pythonosc.udp_client import UDPClient
from websockets.sync.client import connect

osc, page, rate = int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
client, seen = UDPClient("127.0.0.1", osc), {"page": 0, "sent": 0}

def watch():
    while True:  # the agent is still loading its model, or has gone
        try:
            with connect(f"ws://127.0.0.1:{page}/ws", origin=f"http://127.0.0.1:{page}") as socket:
                for _ in socket:
                    seen["page"] += 1
        except OSError:
            time.sleep(0.2)

threading.Thread(target=watch, daemon=True).start()
began, ends = time.monotonic(), threading.Event()
threading.Thread(target=lambda: (sys.stdin.readline(), ends.set()), daemon=True).start()
while not ends.wait(max(0, began + seen["sent"] / rate - time.monotonic())):
    name, value = random.choice((("temperature", 1.0 + random.random()), ("top_p", 0.9), ("density", 1.0)))
    try:
        client.send(build_msg("/antiphon/" + name, [value]))
    except OSError:
        pass
    seen["sent"] += 1
print(json.dumps(seen))
"""


def run(config: Config, minutes: float, input: str = "", output: str = "") -> dict[str, Any]:
    """Play so many minutes through a pair of devices; {"latency", "minutes", "hops", "xruns", "missed", "mind", ...}.

    DeviceError without such devices; ConfigError if the minutes make no sense.
    """
    if not 0.05 <= minutes <= 600:  # NaN fails too
        raise ConfigError(f"--minutes {minutes:g}: expected 0.05 to 600")
    found: dict[str, Any] = {"machine": machine(), "model": config.agent.model, "hop": config.live.hop}
    found["latency"] = _loop(config, input, output)
    ports = _free(socket.SOCK_DGRAM), _free(socket.SOCK_STREAM)
    for name, value in (("osc.port", ports[0]), ("page.port", ports[1]), ("osc.subscribers", ["127.0.0.1:9001"]),
                        ("decision.rests", "never")):  # fmt: skip
        config = change(config, name, value)
    guest = subprocess.Popen(
        [sys.executable, "-c", GUEST, *map(str, ports), str(RATE)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    said: list[str] = []
    try:
        report = play.play(
            config, play.PlayOptions(input=input, output=output, osc=True, seconds=60 * minutes), said.append
        )
    finally:
        told = guest.communicate("\n", timeout=20)[0]
    return found | {
        "minutes": minutes,
        "samplerate": report["samplerate"],
        "hops": report["hops"],
        "xruns": report["xruns"],
        "missed": report["missed"],
        "mind": report["mind_ms"],
        "guest": json.loads(told or "{}"),
        "said": said,
    }


def _loop(config: Config, input: str, output: str) -> dict[str, Any] | None:
    """The latency, where output and input are connected or can be."""
    from agent.devices import audio_device

    pair = audio_device.choose(input, output, config.live.samplerate, config.live.client)
    try:
        return latency.measure(pair, config.live.hop, config.live.slack_ms).as_table()
    except DeviceError:
        return None


def _free(kind: socket.SocketKind) -> int:
    """A port of this machine that nobody has."""
    with socket.socket(socket.AF_INET, kind) as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def lines(found: dict[str, Any]) -> list[str]:
    """The report for a terminal."""
    mind, guest = found["mind"], found["guest"]
    told = [
        f"{found['minutes']:g} minutes at {found['samplerate']} Hz, hop {found['hop']:g} s, {found['hops']} hops; "
        f"{guest.get('sent', 0)} controls came over OSC, {guest.get('page', 0)} reports went to a page:",
        f"  xruns {found['xruns']}, missed {found['missed']}, mind p50 {mind['p50']:.1f} ms, p99 {mind['p99']:.1f} ms",
    ]
    if found["latency"]:
        told += latency.LatencyBudget(**found["latency"]).lines()
    return told
