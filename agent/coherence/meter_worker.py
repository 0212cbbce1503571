"""Scores how well what was heard and what was spoken fit, in a process of its own; started by agent/coherence/meter.py.

    python -m agent.coherence.meter_worker FOLDER SAMPLERATE

In, for each score: 5 s heard, then the same 5 s spoken, float32 at the device's rate. Out: lines of JSON, first
{"ready": true} or {"refused": sentence}, then for each score {"both": .., "harmonic": .., "percussive": ..,
"position": ..}, or {"silent": "heard" or "spoken"} where there is nothing to score. It ends when its input ends: with
the agent, however that ends.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from contextlib import suppress
from typing import BinaryIO, TextIO

import numpy as np

UNKNOWN = -1.0  # position of a score that no calibration places


def humble() -> None:
    """Only what nobody else wants of the processor, as far as the system can promise that."""
    with suppress(AttributeError, OSError):
        os.nice(19)
    with suppress(AttributeError, OSError):
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))


def serve(folder: str, samplerate: int, come: BinaryIO, go: TextIO) -> None:
    """Load the meter in `folder`, then answer until nothing more comes."""
    from corpora.audio import resample
    from perception.coherence import SAMPLERATE, WINDOW_S, WINDOW_SAMPLES, Coherence, CoherenceError, audible
    from perception.transformer import torch_threads

    torch_threads(1)
    try:
        model = Coherence.load(folder)
    except CoherenceError as error:
        return _say(go, {"refused": str(error)})
    noise = np.random.default_rng(0).standard_normal(WINDOW_SAMPLES).astype(np.float32)
    model.score(noise, noise)  # compiles
    _say(go, {"ready": True})
    frames = round(WINDOW_S * samplerate)
    while len(raw := come.read(8 * frames)) == 8 * frames:
        sounds = np.frombuffer(raw, np.float32).reshape(2, frames)
        heard, spoken = (resample(one, samplerate, SAMPLERATE) for one in sounds)
        if not (audible(heard) and audible(spoken)):
            _say(go, {"silent": "spoken" if audible(heard) else "heard"})
            continue
        found = model.compare(heard, spoken)
        _say(go, found.scores | {"position": found.positions["both"] if found.positions else UNKNOWN})


def _say(go: TextIO, line: dict) -> None:
    go.write(json.dumps(line) + "\n")
    go.flush()


def main() -> None:
    """Nothing but our own lines goes to standard output: what libraries print there goes elsewhere."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the agent, which then ends us
    humble()
    go = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    with suppress(BrokenPipeError):
        serve(sys.argv[1], int(sys.argv[2]), sys.stdin.buffer, go)


if __name__ == "__main__":
    main()
