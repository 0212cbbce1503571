"""The coherence meter of a performance: how well the last 5 s of input and the same 5 s of output fit, once a second.

A worker process at the lowest priority computes the scores (meter_worker.py), and two measures without training, in
tune and in time, over the last 10 s. A thread here sends it copies of input and output and publishes the scores.
Neither the decision loop nor the audio callback waits for them: a busy machine gets fewer scores. A worker that ends
before the performance is restarted once; after that the performance continues without scores.

Time is counted in samples: while a device is lost and nothing sounds, nothing new is scored.
"""

from __future__ import annotations

import json
import logging
import math
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import numpy as np

from agent.coherence.meter_worker import request
from agent.engine.engine import Engine
from agent.performance.model_folder import ModelError, coherence_folder
from agent.settings.config import Config, ConfigError
from perception.coherence import MODES, WINDOW_S
from perception.fit import RECENT_S
from perception.pulse import Beat

ROOT = Path(__file__).parents[2]
PROGRAM = (sys.executable, "-m", "agent.coherence.meter_worker")
MAX_DUTY_CYCLE = 0.5  # share of the time that the worker may compute
POLL_INTERVAL_S = (0.005, 0.2)  # least and most, while waiting for samples
MEASURED = ("in_tune", "in_time")  # beside what is learned
UNKNOWN = -1.0  # stands for a measure that has no value
MISSED_BEAT = 1.5  # periods; beats that are further apart have one or more between them
END_GRACE_S = 0.2  # who ends all of us may end the worker first
STOP_TIMEOUT_S = 2.0
WORKER_ENVIRONMENT = {  # one thread, and no module taken from the folder in which somebody plays
    "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1",
    "PYTHONSAFEPATH": "1", "PYTHONPATH": str(ROOT),
}  # fmt: skip


logger = logging.getLogger("antiphon.coherence")


class WorkerEnded(Exception):
    """The worker process is no longer there."""


class WorkerRefused(Exception):
    """The worker cannot score; the text says why."""


class RecentBeats:
    """The beats of the last 10 s, put together from what was known of the beat now and then."""

    def __init__(self) -> None:
        self._times: list[float] = []
        self._until = 0.0  # s

    def add(self, beat: Beat, now: float) -> np.ndarray:
        """Take the beat that leads now, for all since the last time; return (beats,) their times. All in s.

        Beats before a stretch without a beat are dropped: their number is unknown.
        """
        if beat.period_s > 0:
            begin = self._until
            if self._times and begin - self._times[-1] < MISSED_BEAT * beat.period_s:
                begin = self._times[-1] + beat.period_s / 2  # the next beat may now be known to have been before
            first = math.floor((begin - beat.time_s) / beat.period_s) + 1
            for number in range(first, math.floor((now - beat.time_s) / beat.period_s) + 1):
                self._append(beat.time_s + number * beat.period_s, beat.period_s)
        self._until = now
        self._times = [time for time in self._times if time > now - RECENT_S]
        return np.array(self._times)

    def _append(self, time: float, period: float) -> None:
        if self._times and time - self._times[-1] > MISSED_BEAT * period:
            self._times = []
        if not self._times or time - self._times[-1] > period / 2:  # the same beat, known better
            self._times.append(time)


class CoherenceMeter:
    """Scores an engine until `close`; reports `coherence` and `fit` to its bus and its log.

    folder: of a coherence model. interval_s: between two scores, at least.
    """

    def __init__(self, engine: Engine, folder: Path, interval_s: float):
        self.engine, self.folder, self.interval_s = engine, folder, interval_s
        self._beats = RecentBeats()
        self.process: subprocess.Popen | None = None
        self.scores = 0  # so far
        self._sums = {name: (0, 0.0) for name in ("position", *MODES, *MEASURED)}  # how many, and their sum
        self._frames = round(WINDOW_S * engine.samplerate)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="antiphon-meter", daemon=True)

    def start(self) -> CoherenceMeter:
        """Start the worker, which loads its model and scores after the first 5 s of input."""
        self._start_worker()
        self.engine.set_coherence_interval(self.interval_s)
        self._thread.start()
        return self

    def close(self) -> None:
        """End the worker, without waiting for a score under way; no more reports."""
        self._over.set()
        self._kill_worker()
        if self._thread.ident is not None:
            self._thread.join(STOP_TIMEOUT_S)

    def summary(self) -> dict[str, float]:
        """{"scores": their number} and the mean of each score that was known, "position", "both", "in_tune" ..."""
        means = {name: round(total / count, 4) for name, (count, total) in self._sums.items() if count}
        return {"scores": self.scores} | means

    # --- the worker process

    def _start_worker(self) -> None:
        command = [*PROGRAM, str(self.folder), str(self.engine.samplerate)]
        flags = getattr(subprocess, "IDLE_PRIORITY_CLASS", 0) | getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(
            command,
            stdin=pipe,
            stdout=pipe,
            stderr=subprocess.DEVNULL,
            env=os.environ | WORKER_ENVIRONMENT,
            creationflags=flags,
        )

    def _kill_worker(self) -> None:
        """The worker keeps nothing that could be lost."""
        process = self.process
        if process is not None:
            with suppress(OSError, subprocess.TimeoutExpired):
                process.kill()
                process.wait(STOP_TIMEOUT_S)

    def _read_line(self) -> dict[str, Any]:
        assert self.process and self.process.stdout
        line = self.process.stdout.readline()
        if not line.endswith(b"\n"):
            raise WorkerEnded
        answer = json.loads(line)
        if "refused" in answer:
            raise WorkerRefused(answer["refused"])
        return answer

    def _score(self, end: int, *sounds: np.ndarray) -> dict[str, Any]:
        """The worker's reply to 5 s of input and 5 s of output, (n,) float32, that end at this sample."""
        assert self.process and self.process.stdin
        beats = self._beats.add(self.engine.beat_at(end), end / self.engine.samplerate)
        try:
            for part in request(end, beats, *sounds):
                self.process.stdin.write(part)
            self.process.stdin.flush()
        except OSError:
            raise WorkerEnded from None
        return self._read_line()

    # --- the thread

    def _run(self) -> None:
        try:
            try:
                self._serve()
            except WorkerEnded:
                if self._report("the coherence meter has ended by itself: it is begun once more"):
                    self._start_worker()
                    self._serve()
        except WorkerEnded:
            self._report("the coherence meter has ended again: the music goes on without it")
        except WorkerRefused as refused:
            self._report(f"the music goes on without a coherence meter: {refused}")
        except Exception as error:
            logger.exception("the coherence meter has failed")
            self._report(f"the coherence meter has failed ({error}): the music goes on without it")
        self.engine.set_coherence_interval(0.0)
        self._kill_worker()

    def _report(self, sentence: str) -> bool:
        """Publish an error, unless the performance is over; was it published?"""
        if self._over.wait(END_GRACE_S) or self.engine.over.is_set():
            return False
        self.engine.bus.publish("error", sentence)
        return True

    def _serve(self) -> None:
        """Score until it is over."""
        self._read_line()  # that it is ready
        rate, due = self.engine.samplerate, self._frames
        while (now := self._wait_for(due)) is not None:
            began = time.monotonic()
            first, buffers = now - self._frames, self.engine.buffers
            hop = max(buffers.current_hop, 0)
            answer = self._score(now, buffers.read_input(first, now), buffers.read_output(first, now))
            took = time.monotonic() - began
            if "both" in answer and not self._over.is_set():
                known = {name: float(value) for name, value in answer.items() if value is not None}
                self._publish(known, hop, took)
            due = now + round(rate * self.interval_s * max(1, math.ceil(took / MAX_DUTY_CYCLE / self.interval_s)))

    def _wait_for(self, due: int) -> int | None:
        """Sleep until input and output have `due` samples; how many they have, or None when it is over."""
        buffers, (least, most) = self.engine.buffers, POLL_INTERVAL_S
        while (now := min(buffers.samples_in, buffers.samples_out)) < due:
            if self._over.wait(min(max((due - now) / buffers.samplerate, least), most)):
                return None
        return None if self._over.is_set() else now

    def _publish(self, scores: dict[str, float], hop: int, took: float) -> None:
        """Report the scores of the 5 s up to `hop`. A model that does not separate has harmonic and percussive 0."""
        self.scores += 1
        for name, (count, total) in self._sums.items():
            if name in scores and (name != "position" or scores[name] >= 0):
                self._sums[name] = count + 1, total + scores[name]
        self.engine.bus.publish("coherence", scores["position"], *(scores.get(name, 0.0) for name in MODES))
        self.engine.bus.publish("fit", *(scores.get(name, UNKNOWN) for name in MEASURED))
        self.engine.log_coherence({**scores, "seconds": round(took, 3)}, hop)


def open_meter(engine: Engine, config: Config, stack: ExitStack, say: Callable[[str], None]) -> CoherenceMeter | None:
    """Start the meter of the settings, to be closed by `stack`; None if it is off, or missing, which is reported.

    ConfigError if the settings name one that is not there.
    """
    settings = config.coherence
    if not settings.every:
        return None
    try:
        folder = coherence_folder(settings.model or config.agent.model)
    except ModelError as error:
        if settings.model:
            raise ConfigError(
                f"coherence.model = {settings.model!r}: expected a folder with a coherence.json, "
                "or a model that has one"
            ) from None
        say(f"no coherence is shown: {error}")
        return None
    meter = CoherenceMeter(engine, folder, settings.every).start()
    stack.callback(meter.close)
    return meter
