"""Work in several processes, which end with the one that started them, however that ends.

Signals are the affair of `corpora.interruption.process_pool`. What it cannot see is a parent that is killed: a thread
in each worker waits for that, and kills the worker with all that it has started (fluidsynth).
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterable
from functools import lru_cache
from multiprocessing import parent_process
from typing import Any, TypeVar

from corpora.interruption import process_pool

T = TypeVar("T")


def in_processes(work: Callable[..., T], arguments: Iterable[tuple[Any, ...]], jobs: int) -> list[T]:
    """[work(*each) for each of the arguments], in `jobs` processes; the first error ends all of them."""
    with process_pool(jobs) as pool:
        futures = [pool.submit(_call, work, each) for each in arguments]
        return [future.result() for future in futures]


def _call(work: Callable[..., T], arguments: tuple[Any, ...]) -> T:
    _end_with_parent()
    return work(*arguments)


@lru_cache(1)
def _end_with_parent() -> None:
    """Start the thread that waits for the end of the parent, once in each worker."""
    threading.Thread(target=_wait_for_parent, daemon=True).start()


def _wait_for_parent() -> None:
    parent = parent_process()
    if parent is None:  # this is no worker
        return
    parent.join()
    if hasattr(os, "killpg") and os.getpgrp() == os.getpid():
        os.killpg(os.getpgrp(), signal.SIGKILL)
    os._exit(1)
