"""Work in several processes that end with the one that started them, however that ends.

A worker ignores SIGINT, which a terminal sends to it too: its parent decides. When the parent fails or is told to stop,
it sends SIGTERM, upon which a worker unwinds what it is doing, so that half-written folders go. When the parent is
killed, a thread in each worker sees it and kills the worker with all that it started (fluidsynth).
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing import active_children, parent_process
from types import FrameType
from typing import Any, TypeVar

T = TypeVar("T")
UNWIND_S = 10.0  # what a worker may take to unwind before it is killed


def in_processes(work: Callable[..., T], arguments: Iterable[tuple[Any, ...]], jobs: int) -> list[T]:
    """[work(*each) for each of the arguments], in `jobs` processes; the first error ends all of them."""
    others, futures = set(active_children()), list[Future[T]]()
    pool = ProcessPoolExecutor(jobs, initializer=_start_worker)
    try:
        for each in arguments:
            futures.append(pool.submit(_call, work, each))
        return [future.result() for future in futures]
    except BaseException:
        _end(set(active_children()) - others)
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def _end(workers: set[Any]) -> None:
    for worker in workers:
        worker.terminate()
    for worker in workers:
        worker.join(UNWIND_S)
        if worker.is_alive():
            worker.kill()
            worker.join()


def _start_worker() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _leave)
    if hasattr(os, "setpgid"):
        os.setpgid(0, 0)  # a group of its own: itself and what it starts
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _leave(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


def _call(work: Callable[..., T], arguments: tuple[Any, ...]) -> T:
    try:
        return work(*arguments)
    except SystemExit:  # unwound; a pool would go on with the next call
        os._exit(128 + signal.SIGTERM)


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is None:
        return
    parent.join()
    if hasattr(os, "killpg") and os.getpgrp() == os.getpid():
        os.killpg(os.getpgrp(), signal.SIGKILL)
    os._exit(128 + signal.SIGTERM)
