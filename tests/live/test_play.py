"""`antiphon play` as a program of its own: how it ends."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
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
    until = time.monotonic() + 60
    while not (tmp_path / "S.jsonl").is_file() or (tmp_path / "S.jsonl").read_text().count("\n") < 2:
        assert run.poll() is None and time.monotonic() < until
        time.sleep(0.05)
    run.send_signal(stop)
    out, err = run.communicate(timeout=20)
    assert (run.returncode, err) == (0, b"") and json.loads(out)["state"] == "stopped"
    assert json.loads((tmp_path / "S.jsonl").read_text().splitlines()[-1])["end"] == json.loads(out)["samples"]
