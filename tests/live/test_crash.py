"""kill -9 of a real performance: log, recordings and the memory that grew are there, to the last second."""

import json
import os
import signal
import socket
import subprocess
import sys
import time

import numpy as np
import pytest
import soundfile as sf

from agent.control.bus import Bus
from agent.engine.engine import Engine
from agent.records.replay import sounds
from agent.records.session_log import read
from agent.verbs import respond
from tests.conftest import melody, samples, write
from tests.live.jackrig import Rig, needs_jack

RATE, HOP = 48000, 0.25
PROGRAM = [sys.executable, "-c", "from agent.cli import main; main()"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """guide.wav: 30 s; memory.wav: 12 s."""
    folder = tmp_path_factory.mktemp("crash")
    write(folder / "guide.wav", melody(30.0, RATE, 8), RATE, "FLOAT")
    write(folder / "memory.wav", melody(12.0, RATE, 9), RATE, "FLOAT")
    return folder


@pytest.fixture(scope="module", autouse=True)
def compiled(stage):
    """Fills Numba's cache: on a busy machine, compiling alone may take longer than `wait_for` does."""
    Engine(stage.session(hop=HOP, rate=RATE), samplerate=RATE, slack_ms=40, bus=Bus()).warm_up()


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def begin(tmp_path, tiny, folder, *words, env=None):
    use = ("--model", tiny, "--memory", folder / "memory.wav", "--set", f"live.hop={HOP}", "--log", "S.jsonl")
    command = [*PROGRAM, "play", *map(str, use), *map(str, words)]
    return subprocess.Popen(command, cwd=tmp_path, env=env or os.environ, stderr=subprocess.PIPE, text=True)


def hops(log):
    """Hop lines that are in the file now."""
    if not log.is_file():
        return 0
    return sum('"segment"' in line for line in log.read_text().split("\n")[:-1])


def wait_for(process, log, number):
    """Until so many hops have been logged; the time."""
    until = time.monotonic() + 60
    while hops(log) < number:
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < until, "it does not play"
        time.sleep(0.01)
    return time.monotonic()


def kill(process):
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stderr.close()


def played(log):
    return np.concatenate(list(sounds(log)))


def test_kill_9_from_file_to_file(tmp_path, tiny, folder):
    """The log replays to its last second, and is what the same performance would have been."""
    log = tmp_path / "S.jsonl"
    process = begin(tmp_path, tiny, folder, "--input", folder / "guide.wav", "--output", "o.wav")
    began = wait_for(process, log, 1)
    wait_for(process, log, 12)
    passed = time.monotonic() - began
    kill(process)
    again = played(log)
    assert len(again) / RATE > passed - 1.0
    respond.respond(folder / "guide.wav", tmp_path / "whole.wav", settings_of(log))
    whole = samples(tmp_path / "whole.wav")
    write(tmp_path / "again.wav", again, RATE, "PCM_24")
    slack = read(log)[0]["slack"]
    n = len(again) - slack
    assert not again[:slack].any()
    assert samples(tmp_path / "again.wav")[slack:].tobytes() == whole[:n].tobytes()


def settings_of(log):
    from agent.settings.config import from_table

    return from_table(read(log)[0]["config"])


def osc(port, address, *args):
    from pythonosc.udp_client import SimpleUDPClient

    SimpleUDPClient("127.0.0.1", port).send_message(address, list(args))


@needs_jack
@pytest.mark.slow
@pytest.mark.parametrize("ear", ["device", "file"])
def test_kill_9_on_stage(tmp_path, tiny, folder, ear):
    """What the device was given is what the log says; recordings and the memory that grew are kept."""
    log, port = tmp_path / "S.jsonl", free_port()
    with Rig(period=1024) as rig:
        name = "system" if ear == "device" else folder / "guide.wav"
        process = begin(tmp_path, tiny, folder, "--input", name, "--output", "system", "--record", "R",
                        "--osc", port, env=rig.env)  # fmt: skip
        wait_for(process, log, 4)
        osc(port, "/antiphon/record", "input")
        osc(port, "/antiphon/mute", 1)
        wait_for(process, log, 8)
        osc(port, "/antiphon/mute", 0)
        osc(port, "/antiphon/memory", "live")
        wait_for(process, log, 14)
        osc(port, "/antiphon/record", "off")
        osc(port, "/antiphon/record", "self")
        count = hops(log)
        began = wait_for(process, log, count + 1)
        wait_for(process, log, count + 10)
        passed = time.monotonic() - began
        kill(process)
    again, spoken = played(log), samples(tmp_path / "R" / "spoken.wav")
    n = min(len(again), len(spoken))
    assert again[:n].tobytes() == spoken[:n].tobytes()
    logged = hops(log)
    assert (logged - count) * HOP > passed - 1.0
    for kept in (spoken, samples(tmp_path / "R" / "heard.wav")):
        assert len(kept) / RATE > (logged - 4) * HOP
    kinds = [json.loads(line) for line in log.read_text().split("\n")[:-1]]
    assert {line["control"] for line in kinds if "control" in line} == {"record", "mute", "memory"}
    assert sum("fader" in line for line in kinds) == 2
    grown = sum(line["samples"] for line in kinds if "grow" in line)
    takes = [samples(path) for path in sorted((tmp_path / "S.takes").iterdir())]
    assert sum(map(len, takes)) >= grown >= 14 * HOP * RATE
    if ear == "file":
        heard = samples(folder / "guide.wav")
        assert takes[0].tobytes() in heard.tobytes()
    assert sf.info(tmp_path / "S.takes" / "take-1.wav").subtype == "FLOAT"


@needs_jack
@pytest.mark.slow
def test_a_full_disk_on_stage(tmp_path, tiny, folder, disk):
    """Log and recording end, are told once each, and the music goes on."""
    full = disk("400k")
    with Rig(period=1024) as rig:
        process = begin(tmp_path, tiny, folder, "--input", folder / "guide.wav", "--output", "system", "--record",
                        full / "R", "--seconds", "9", "--log", full / "S.jsonl", env=rig.env)  # fmt: skip
        said = process.communicate(timeout=60)[1]
    assert process.returncode == 0, said
    assert said.count("play goes on") in (1, 2) and "no space left on device" in said, said
    again, spoken = played(full / "S.jsonl") if hops(full / "S.jsonl") else [], samples(full / "R" / "spoken.wav")
    n = min(len(again), len(spoken))
    assert n > RATE // 2
    assert again[:n].tobytes() == spoken[:n].tobytes()
