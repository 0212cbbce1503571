"""The worker process of the coherence meter, started by agent/coherence/meter.py: scores how well two sounds fit.

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
from typing import Any, BinaryIO, TextIO

import numpy as np

UNCALIBRATED = -1.0  # position of a score of a model without calibration
LOWEST_PRIORITY = 19  # as `nice` counts


def lower_priority() -> None:
    """Take only the processor time that nobody else wants, as far as the system can promise that."""
    with suppress(AttributeError, OSError):
        os.nice(LOWEST_PRIORITY)
    with suppress(AttributeError, OSError):
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))


def serve(folder: str, samplerate: int, requests: BinaryIO, answers: TextIO) -> None:
    """Load the model in `folder`, then answer until the input ends. samplerate: of the requests, Hz."""
    from corpora.audio import resample
    from perception.coherence import SAMPLERATE, WINDOW_S, WINDOW_SAMPLES, Coherence, CoherenceError, audible
    from perception.transformer import torch_threads

    torch_threads(1)
    try:
        model = Coherence.load(folder)
    except CoherenceError as error:
        return _write(answers, {"refused": str(error)})
    noise = np.random.default_rng(0).standard_normal(WINDOW_SAMPLES).astype(np.float32)
    model.score(noise, noise)  # compiles
    _write(answers, {"ready": True})
    frames = round(WINDOW_S * samplerate)
    while len(raw := requests.read(8 * frames)) == 8 * frames:
        sounds = np.frombuffer(raw, np.float32).reshape(2, frames)
        heard, spoken = (resample(sound, samplerate, SAMPLERATE) for sound in sounds)
        if not (audible(heard) and audible(spoken)):
            _write(answers, {"silent": "spoken" if audible(heard) else "heard"})
            continue
        scores = model.compare(heard, spoken)
        _write(answers, scores.scores | {"position": scores.positions["both"] if scores.positions else UNCALIBRATED})


def _write(answers: TextIO, line: dict[str, Any]) -> None:
    answers.write(json.dumps(line) + "\n")
    answers.flush()


def main() -> None:
    """Serve on standard input and output; what libraries print goes to standard error."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the agent, which then ends us
    lower_priority()
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    with suppress(BrokenPipeError):
        serve(sys.argv[1], int(sys.argv[2]), sys.stdin.buffer, answers)


if __name__ == "__main__":
    main()
