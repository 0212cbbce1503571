"""A thread that writes to the disk for other threads, which never wait for it."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from corpora.whole_files import AudioError

logger = logging.getLogger("antiphon.records")

WRITE_QUEUE_SIZE = 4096  # items that may wait: about ten minutes of hops; with more the disk has failed
WRITE_TIMEOUT_S = 10.0  # a disk that does not answer within this time is given up


class BackgroundWriter:
    """A thread that writes the items that other threads hand over, in order; they never wait for the disk.

    write: called in this thread with the items since its last call. failed: called once, with the AudioError after
    which nothing more is written.
    """

    def __init__(self, name: str, write: Callable[[list], None], failed: Callable[[AudioError], None]):
        self.error: AudioError | None = None
        self._write, self._failed = write, failed
        self._queue: queue.SimpleQueue = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name=f"antiphon-{name}", daemon=True)
        self._thread.start()

    def put(self, item: Any) -> None:
        """Hand over an item, which takes one append; after an error it is dropped."""
        if self.error is None:
            self._queue.put(item)
            if self._queue.qsize() > WRITE_QUEUE_SIZE:
                self.fail(
                    AudioError(
                        f"the disk does not keep up ({WRITE_QUEUE_SIZE} pieces wait for it): record on a faster one"
                    )
                )

    def fail(self, error: AudioError) -> None:
        """Write nothing more; call `failed` if this is the first error."""
        if self.error is None:
            self.error = error
            self._failed(error)

    def settle(self, timeout_s: float = WRITE_TIMEOUT_S) -> None:
        """Wait until all items handed over so far are written, at most `timeout_s`."""
        written = threading.Event()
        self._queue.put(written)
        written.wait(timeout_s)

    def close(self, timeout_s: float = WRITE_TIMEOUT_S) -> None:
        """Write the remaining items and end; give up after `timeout_s`."""
        self._queue.put(None)
        self._thread.join(timeout_s)

    def _run(self) -> None:
        while True:
            items = [self._queue.get()]
            with suppress(queue.Empty):
                while True:
                    items.append(self._queue.get_nowait())
            work = [item for item in items if item is not None and not isinstance(item, threading.Event)]
            if work and self.error is None:
                try:
                    self._write(work)
                except AudioError as error:
                    self.fail(error)
                except Exception as error:  # the thread must go on, since others wait for it
                    logger.exception("the thread '%s' cannot write", self._thread.name)
                    self.fail(AudioError(f"writing failed ({error}): tell us how it came about"))
            for item in items:
                if isinstance(item, threading.Event):
                    item.set()
            if None in items:
                return
