"""The coherence meter of a performance: how well the last 5 s heard and the same 5 s spoken fit, once a second.

A process of its own at the lowest priority does the work (meter_worker.py), a thread here hands it copies of what was
heard and spoken and publishes its scores. Neither mind nor callback waits for them: on a busy machine there are fewer
scores. A process that ends before the performance is begun once more; after that the music goes on without it.

Time is counted in samples: while nothing sounds, because a device is lost, nothing new is scored.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path

import numpy as np

from agent.engine.engine import Engine
from agent.performance.model_folder import ModelError, coherence_folder
from agent.settings.config import Config, ConfigError
from perception.coherence import MODES, WINDOW_S

ROOT = Path(__file__).parents[2]
PROGRAM = (sys.executable, "-m", "agent.coherence.meter_worker")
SHARE = 0.5  # of the time that it may be at work
NAP = 0.2  # s, at most, between two looks at the time
QUIET = {  # one thread, and no module taken from the folder in which somebody plays
    "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1",
    "PYTHONSAFEPATH": "1", "PYTHONPATH": str(ROOT),
}  # fmt: skip


class Ended(Exception):
    """The process is no longer there."""


class Refused(Exception):
    """The process says why it cannot score."""


class Meter:
    """Scores an engine until `close`; reports `coherence` to its bus and its log.

    folder: of a coherence model. every: s between two scores, at least.
    """

    def __init__(self, engine: Engine, folder: Path, every: float):
        self.engine, self.folder, self.every = engine, folder, every
        self.process: subprocess.Popen | None = None
        self.scores = 0  # so far
        self._sums = {name: (0, 0.0) for name in ("position", *MODES)}  # how many, and their sum
        self._frames = round(WINDOW_S * engine.samplerate)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="antiphon-meter", daemon=True)

    def start(self) -> Meter:
        """The process begins to load, and works as soon as 5 s have been heard."""
        self._begin()
        self.engine.set_coherence_interval(self.every)
        self._thread.start()
        return self

    def close(self) -> None:
        """No more reports; nobody waits for a score under way."""
        self._over.set()
        self._end()
        if self._thread.ident is not None:
            self._thread.join(timeout=2)

    def summary(self) -> dict[str, float]:
        """{"scores": how many, and the means of "position", "both", ...}, of what there is to take a mean of."""
        means = {name: round(total / count, 4) for name, (count, total) in self._sums.items() if count}
        return {"scores": self.scores} | means

    # --- the process

    def _begin(self) -> None:
        command = [*PROGRAM, str(self.folder), str(self.engine.samplerate)]
        flags = getattr(subprocess, "IDLE_PRIORITY_CLASS", 0) | getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(
            command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, env=os.environ | QUIET, creationflags=flags
        )

    def _end(self) -> None:
        """It keeps nothing that could be lost."""
        process = self.process
        if process is not None:
            with suppress(OSError, subprocess.TimeoutExpired):
                process.kill()
                process.wait(2)

    def _read(self) -> dict:
        assert self.process and self.process.stdout
        line = self.process.stdout.readline()
        if not line.endswith(b"\n"):
            raise Ended
        said = json.loads(line)
        if "refused" in said:
            raise Refused(said["refused"])
        return said

    def _ask(self, *sounds: np.ndarray) -> dict:
        assert self.process and self.process.stdin
        try:
            for audio in sounds:
                self.process.stdin.write(audio.data)
            self.process.stdin.flush()
        except OSError:
            raise Ended from None
        return self._read()

    # --- in the thread

    def _run(self) -> None:
        try:
            try:
                self._serve()
            except Ended:
                if self._wanted("the coherence meter has ended by itself: it is begun once more"):
                    self._begin()
                    self._serve()
        except Ended:
            self._wanted("the coherence meter has ended again: the music goes on without it")
        except Refused as refused:
            self._wanted(f"the music goes on without a coherence meter: {refused}")
        except Exception as error:
            self._wanted(f"the coherence meter has failed ({error}): the music goes on without it")
        self.engine.set_coherence_interval(0.0)
        self._end()

    def _wanted(self, sentence: str) -> bool:
        """Say this, unless all is over anyway; who asks all of us to end may ask the process first."""
        if self._over.wait(0.2) or self.engine.over.is_set():
            return False
        self.engine.bus.publish("error", sentence)
        return True

    def _serve(self) -> None:
        """Score until all is over."""
        self._read()
        rate, due = self.engine.samplerate, self._frames
        while (now := self._await(due)) is not None:
            began = time.monotonic()
            first, buffers = now - self._frames, self.engine.buffers
            hop = max(buffers.current_hop, 0)
            found = self._ask(buffers.read_input(first, now), buffers.read_output(first, now))
            took = time.monotonic() - began
            if "both" in found and not self._over.is_set():
                self._tell({name: float(value) for name, value in found.items()}, hop, took)
            due = now + round(rate * self.every * max(1, math.ceil(took / SHARE / self.every)))

    def _await(self, due: int) -> int | None:
        """Sleep until sample number `due` has been heard and spoken; the number reached, or None when all is over."""
        buffers = self.engine.buffers
        while (now := min(buffers.samples_in, buffers.samples_out)) < due:
            if self._over.wait(min(max((due - now) / buffers.samplerate, 0.005), NAP)):
                return None
        return None if self._over.is_set() else now

    def _tell(self, found: dict[str, float], hop: int, took: float) -> None:
        """A model that does not separate has no harmonic and percussive score: 0."""
        self.scores += 1
        for name, (count, total) in self._sums.items():
            if name in found and (name != "position" or found[name] >= 0):
                self._sums[name] = count + 1, total + found[name]
        self.engine.bus.publish("coherence", found["position"], *(found.get(name, 0.0) for name in MODES))
        self.engine.log_coherence({**found, "seconds": round(took, 3)}, hop)


def opened(engine: Engine, config: Config, stack: ExitStack, say: Callable[[str], None]) -> Meter | None:
    """The meter that the settings name, begun, closed with `stack`; None if it is off or, which is said, lacking.

    ConfigError if the settings name one that is not there.
    """
    chosen = config.coherence
    if not chosen.every:
        return None
    try:
        folder = coherence_folder(chosen.model or config.agent.model)
    except ModelError as error:
        if chosen.model:
            raise ConfigError(
                f"coherence.model = {chosen.model!r}: expected a folder with a coherence.json, or a model that has one"
            ) from None
        say(f"no coherence is shown: {error}")
        return None
    meter = Meter(engine, folder, chosen.every).start()
    stack.callback(meter.close)
    return meter
