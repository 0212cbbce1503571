"""What moves the sound through an engine's buffers: a loop over files, or helpers beside a device's callback.

All clocks are sample counters. Without a device the loop is the clock: as fast as it goes, or paced to real time.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator

import numpy as np

from agent.engine.audio_callback import ANSWER_TIMEOUT_S
from agent.engine.buffers import AudioBuffers
from agent.engine.engine import Engine
from agent.engine.remote_listener import RemoteListener

READ_AHEAD_S = 2.0  # length of a file that is read ahead of the device
FEED_POLL_S = 0.02
LABEL_POLL_S = 0.001
CATCH_UP_LIMIT_S = 1.0  # a paced loop that has fallen further behind does not catch up the rest
LOOP_CLOSE_TIMEOUT_S = ANSWER_TIMEOUT_S + 5.0  # it may be waiting for an answer
FEEDER_CLOSE_TIMEOUT_S = 2.0


class BlockLoop:
    """A thread that passes mono blocks through the engine, at `speed` times real time (0: as fast as it goes).

    write: gets the output, block by block. strict: an error of the decision loop ends it. It runs until the blocks or
    `engine.over` end it, and sets `engine.over`; `error` says why it ended before.
    """

    def __init__(
        self, engine: Engine, blocks: Iterable[np.ndarray], speed: float = 0.0,
        write: Callable[[np.ndarray], None] | None = None, strict: bool = False,
    ):  # fmt: skip
        self.error: Exception | None = None
        self._engine, self._blocks, self._write, self._strict = engine, blocks, write, strict
        self._pace = _Pace(speed, engine.samplerate)
        self._thread = threading.Thread(target=self._run, name="antiphon-clock", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Wait for it to end; set `over` first."""
        self._thread.join(LOOP_CLOSE_TIMEOUT_S)

    def _run(self) -> None:
        engine = self._engine
        try:
            for heard in self._blocks:
                self._pace.wait(len(heard), engine.over)
                if engine.over.is_set():
                    break
                spoken = np.empty(len(heard), np.float32)
                engine.buffers.process(heard, spoken)
                if self._strict and engine.failure:
                    raise engine.failure
                if self._strict and engine.buffers.missed:  # better no file than another one
                    raise TimeoutError(f"the answer of one hop took longer than {ANSWER_TIMEOUT_S:g} s")
                if self._write:
                    self._write(spoken)
        except Exception as error:
            self.error = error
        engine.over.set()


class _Pace:
    """Lets blocks through at the time they would arrive; the sample counter is the clock."""

    def __init__(self, speed: float, samplerate: int):
        self._rate, self._due = speed * samplerate, time.monotonic()

    def wait(self, samples: int, over: threading.Event) -> None:
        """Until so many more samples would have come."""
        if self._rate <= 0:
            return
        now = time.monotonic()
        self._due = max(self._due, now - CATCH_UP_LIMIT_S) + samples / self._rate
        if self._due > now:
            over.wait(self._due - now)


def silent_blocks(buffers: AudioBuffers, block: int, seconds: float | None = None) -> Iterator[np.ndarray]:
    """Blocks of silence, where labels are the input instead of sound; endless unless `seconds`."""
    left = None if seconds is None else round(seconds * buffers.samplerate)
    while left is None or left > 0:
        n = block if left is None else min(block, left)
        left = None if left is None else left - n
        yield np.zeros(n, np.float32)


def limited_blocks(blocks: Iterable[np.ndarray], samples: int) -> Iterator[np.ndarray]:
    """Blocks until there have been so many samples."""
    for block in blocks:
        if samples <= 0:
            return
        yield block[:samples]
        samples -= len(block)


def blocks_by_label(engine: Engine, remote: RemoteListener, seconds: float | None = None) -> Iterator[np.ndarray]:
    """One hop of silence for each label that arrives: the labels are the clock."""
    hop, buffers = 0, engine.buffers
    while not engine.over.is_set() and (seconds is None or buffers.samples_in < seconds * buffers.samplerate):
        if remote.received > hop:
            yield np.zeros(buffers.boundary(hop + 1) - buffers.boundary(hop), np.float32)
            hop += 1
        else:
            time.sleep(LABEL_POLL_S)


class Feeder:
    """A thread that feeds a file to the buffers instead of the device's input."""

    def __init__(self, buffers: AudioBuffers, blocks: Iterable[np.ndarray]):
        self.done = False
        self.samples_fed = 0
        self.error: Exception | None = None
        self._buffers, self._blocks = buffers, blocks
        self._over = threading.Event()
        buffers.feed(np.zeros(0, np.float32))
        self._thread = threading.Thread(target=self._run, name="antiphon-feeder", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Read no more."""
        self._over.set()
        self._thread.join(FEEDER_CLOSE_TIMEOUT_S)

    @property
    def finished(self) -> bool:
        """Whether the whole file has been processed."""
        return self.done and self._buffers.input_pending == 0

    def _run(self) -> None:
        try:
            for block in self._blocks:
                while len(block) and not self._over.is_set():
                    n = (
                        self._buffers.feed(block)
                        if self._buffers.input_pending < READ_AHEAD_S * self._buffers.samplerate
                        else 0
                    )
                    block, self.samples_fed = block[n:], self.samples_fed + n
                    if not n:
                        time.sleep(FEED_POLL_S)
                if self._over.is_set():
                    break
        except Exception as error:  # a damaged file: raised by the reader of `error`
            self.error = error
        self.done = True


class Drain:
    """What is spoken through a device, for a file; call `pull` more often than the buffers are long."""

    def __init__(self, buffers: AudioBuffers, write: Callable[[np.ndarray], None]):
        self._buffers, self._write, self._done = buffers, write, 0

    def pull(self) -> None:
        """Write what has been spoken since the last time."""
        now = self._buffers.samples_out
        if now > self._done:
            self._write(self._buffers.read_output(self._done, now))
            self._done = now
