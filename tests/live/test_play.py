"""`antiphon play` as a program of its own: how it ends."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.live.jackrig import Rig, needs_jack
from tests.live.soak import metering

ROOT = Path(__file__).parents[2]


def begun(run: subprocess.Popen, log: Path) -> None:
    """Wait until a first hop is in the log."""
    until = time.monotonic() + 60
    while not log.is_file() or log.read_text().count("\n") < 2:
        assert run.poll() is None and time.monotonic() < until
        time.sleep(0.05)


@pytest.mark.parametrize("stop", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)])
def test_a_signal_ends_the_piece_well(tiny, memory, tmp_path, stop):
    """The log has its end, what was recorded is whole, the exit code is 0."""
    words = ["play", "--input", "osc", "--output", "osc", "--osc", "0", "--model", tiny, "--memory", memory]
    command = [sys.executable, "-m", "agent.cli", *map(str, words), "--log", "S.jsonl", "--json"]
    run = subprocess.Popen(
        command,
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    begun(run, tmp_path / "S.jsonl")
    run.send_signal(stop)
    out, err = run.communicate(timeout=20)
    assert (run.returncode, err) == (0, b"") and json.loads(out)["state"] == "stopped"
    assert json.loads((tmp_path / "S.jsonl").read_text().splitlines()[-1])["end"] == json.loads(out)["samples"]


@pytest.mark.slow
@needs_jack
@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGKILL])
def test_the_meter_ends_with_the_agent(tiny, memory, tiny_coherence, tmp_path, stop):
    """Ctrl-C goes to everybody in the terminal, and ends all of it without a word; so does an end without warning."""
    words = ["play", "--osc", "0", "--model", tiny, "--memory", memory, "--set", f"coherence.model={tiny_coherence}"]
    command = [sys.executable, "-m", "agent.cli", *map(str, words), "--log", "S.jsonl", "--json"]
    with Rig(period=1024) as rig:
        env = rig.env | {"PYTHONPATH": str(ROOT)}
        pipe = subprocess.PIPE
        run = subprocess.Popen(command, cwd=tmp_path, env=env, stdout=pipe, stderr=pipe, start_new_session=True)
        try:
            rig.wait_for("antiphon:out_0", 90)
            begun(run, tmp_path / "S.jsonl")
            meter = metering(run.pid)
            assert meter
            if stop == signal.SIGINT:
                os.killpg(run.pid, stop)
            else:
                run.send_signal(stop)
            out, err = run.communicate(timeout=30)
        finally:
            run.kill()
    if stop == signal.SIGINT:
        assert run.returncode == 0 and json.loads(out)["coherence"]["scores"] >= 0
        assert b"Traceback" not in err and b"meter" not in err
    until = time.monotonic() + 120  # at the lowest priority, on a busy machine, even ending takes its time
    while alive(meter):
        assert time.monotonic() < until
        time.sleep(0.05)


def alive(process: int) -> bool:
    """Is there such a process, other than one whose end nobody has asked for?"""
    stat = Path(f"/proc/{process}/stat")
    return stat.exists() and stat.read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
