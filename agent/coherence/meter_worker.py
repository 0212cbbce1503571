"""The worker process of the coherence meter, started by agent/coherence/meter.py: scores how well two sounds fit.

    python -m agent.coherence.meter_worker FOLDER SAMPLERATE

In, for each score, what `request` packs: the end of its 5 s, the beats, 5 s of input, then the same 5 s of output,
float32 at the device's rate. Out: lines of JSON, first {"ready": true} or {"refused": sentence}, then for each score
{"both": .., "harmonic": .., "percussive": .., "position": .., "in_tune": .., "in_time": ..}, or {"silent": "heard" or
"spoken"} where there is nothing to score. The last two are measured (`perception.fit_stream`), null where they are
unknown. It ends when its input ends, and so with the agent, whatever ends it.
"""

from __future__ import annotations

import json
import math
import os
import signal
import struct
import sys
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any, BinaryIO, TextIO

import numpy as np

if TYPE_CHECKING:
    from perception.fit_stream import Fit, FitState

HEADER = struct.Struct("<qq")  # sample of the performance at which the sounds end, and the number of beats that follow
UNCALIBRATED = -1.0  # position of a score of a model without calibration
LOWEST_PRIORITY = 19  # in the scale of `nice`


def lower_priority() -> None:
    """Run at the lowest priority that the system offers."""
    with suppress(AttributeError, OSError):
        os.nice(LOWEST_PRIORITY)
    with suppress(AttributeError, OSError):
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))


def request(end: int, beats: np.ndarray, heard: np.ndarray, spoken: np.ndarray) -> Iterator[bytes]:
    """The bytes of a request. end: sample of the performance at which both sounds end. beats: times in s, or none.

    heard, spoken: 5 s of input and output, (n,) float32 at the device's rate.
    """
    yield HEADER.pack(end, len(beats))
    yield np.asarray(beats, np.float64).tobytes()
    yield np.ascontiguousarray(heard, np.float32).tobytes()
    yield np.ascontiguousarray(spoken, np.float32).tobytes()


def _requests(stream: BinaryIO, frames: int) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """Every whole request of a stream: where it ends, its beats, and (2, frames) both sounds."""
    while len(header := stream.read(HEADER.size)) == HEADER.size:
        end, count = HEADER.unpack(header)
        times, sounds = stream.read(8 * count), stream.read(8 * frames)
        if len(sounds) < 8 * frames:
            return
        yield end, np.frombuffer(times), np.frombuffer(sounds, np.float32).reshape(2, frames)


def serve(folder: str, samplerate: int, requests: BinaryIO, answers: TextIO) -> None:
    """Load the model in `folder`, then answer until the input ends. samplerate: of the requests, Hz."""
    from corpora.audio import resample
    from perception.coherence import SAMPLERATE, WINDOW_S, WINDOW_SAMPLES, CoherenceError, audible
    from perception.evidence import EvidenceMeter
    from perception.fit_stream import FitState, measure
    from perception.transformer import torch_threads

    torch_threads(1)
    try:
        model = EvidenceMeter.load(folder)
    except CoherenceError as error:
        return _write(answers, {"refused": str(error)})
    noise = np.random.default_rng(0).standard_normal(WINDOW_SAMPLES).astype(np.float32)
    model.compare(noise, noise)  # compiles
    _write(answers, {"ready": True})
    state = FitState()
    for end, beats, sounds in _requests(requests, round(WINDOW_S * samplerate)):
        heard, spoken = (resample(sound, samplerate, SAMPLERATE) for sound in sounds)
        state = _hear(state, round(end * SAMPLERATE / samplerate), heard, spoken)
        if not (audible(heard) and audible(spoken)):
            _write(answers, {"silent": "spoken" if audible(heard) else "heard"})
            continue
        scores = model.compare(heard, spoken)
        position = scores.positions["both"] if scores.positions else UNCALIBRATED
        _write(answers, scores.scores | {"position": position} | _known(measure(state, beats)))


def _hear(state: FitState, end: int, heard: np.ndarray, spoken: np.ndarray) -> FitState:
    """Take the new part of both sounds, which end at this sample of the performance, 16 kHz; restart after a gap."""
    from perception.fit_stream import FitState, hear

    new = end - state.begin - len(state.heard)
    if not 0 <= new <= len(heard):
        state, new = FitState(begin=end - len(heard), done=end - len(heard)), len(heard)
    hear(state, heard[len(heard) - new :], spoken[len(spoken) - new :])
    return state


def _known(fit: Fit) -> dict[str, float | None]:
    """The measured fit as JSON has it, null where nothing is known."""
    return {name: None if math.isnan(value) else value for name, value in vars(fit).items()}


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
