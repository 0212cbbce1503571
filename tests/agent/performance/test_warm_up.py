"""Nothing is compiled on stage: after `warm_up` no kernel sees types that it has not seen."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
PROGRAM = """
import json, sys
import numpy as np
from numba.core.registry import CPUDispatcher
from agent.engine.engine import Engine
from agent.control.bus import Bus
from agent.performance import loading
from agent.performance.controls import apply
from agent.settings.config import read
from tests.conftest import glide, melody, noise

FOLDERS = ("action", "agent", "corpora", "decision", "perception")
CHANGES = {
    8: [("record", "input")], 16: [("speed", 1.2)], 20: [("speed", 1.0), ("transpose", 3)], 24: [("choice", "match")],
    28: [("choice", "cost"), ("hold", 1)], 32: [("hold", 0), ("like",)], 36: [("back",), ("record", "off")],
    38: [("memory", "live")], 50: [("change",)], 54: [("jump",)], 58: [("region", 0.2, 0.6)],
    62: [("behaviour", "after")],
}

def kernels():
    modules = [m for name, m in list(sys.modules.items()) if name.split(".")[0] in FOLDERS]
    found = {id(v): v for m in modules for v in vars(m).values() if isinstance(v, CPUDispatcher)}
    return {f"{v.py_func.__module__}.{v.py_func.__name__}": len(v.signatures) for v in found.values()}

config = read(None, sys.argv[1:])
session, _ = loading.open_session(config, 48000)
Engine(session, samplerate=48000, slack_ms=40.0, bus=Bus()).warm_up()
before, state, position = kernels(), session.start(), 0
audio = np.concatenate([melody(12, 48000, 2), noise(4, 48000, 3), glide(4, 48000, 4), np.zeros(96000, np.float32)])
for hop in range(70):
    for name, *values in CHANGES.get(hop, ()):
        apply(session, state, name, tuple(values))
    frames = session.listener.next_hop_samples(state.hearing)
    session.step(state, audio[position : position + frames])
    position += frames
after = kernels()
print(json.dumps([sum(after.values()), {k: (before.get(k), n) for k, n in after.items() if n != before.get(k)}]))
"""


def test_nothing_is_compiled_on_stage(tiny, memory):
    """Compiling took 9.6 s of the third hop where the cache was empty, and loading 0.08 s where it was not."""
    words = [f"agent.model={tiny}", f"agent.memory={memory}", "live.hop=0.25"]
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM, *words], cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    kernels, compiled = json.loads(run.stdout.splitlines()[-1])
    assert kernels > 20 and compiled == {}
