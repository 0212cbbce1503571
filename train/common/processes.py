"""Work in several processes, which end with their parent, whatever ends it.

Each worker has a process group of its own. A signal reaches the parent alone, which then ends the workers, the programs
they started (fluidsynth), and removes their unfinished files. A thread in each worker notices that the parent was
killed.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from types import FrameType
from typing import Any, TypeVar

from corpora.interruption import SIGNALS, remove_temporaries, temporaries
from train.common.progress import progress

T = TypeVar("T")


def in_processes(work: Callable[..., T], arguments: Iterable[tuple[Any, ...]], jobs: int, text: str = "") -> list[T]:
    """[work(*each) for each of the arguments], in `jobs` processes; the first error ends all of them.

    text: of a progress bar; "": none.
    """
    before = set(multiprocessing.active_children())
    pool = ProcessPoolExecutor(jobs, initializer=_begin_worker)
    try:
        futures = [pool.submit(work, *each) for each in arguments]
        return [future.result() for future in (progress(futures, text) if text else futures)]
    except BaseException:
        for process in set(multiprocessing.active_children()) - before:
            _terminate(process.pid)
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def _begin_worker() -> None:
    temporaries.clear()  # those are its parent's
    if hasattr(os, "setpgrp"):
        os.setpgrp()
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN if number == signal.SIGINT else _end_worker)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_worker(number: int, frame: FrameType | None) -> None:
    remove_temporaries()
    os._exit(128 + number)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        remove_temporaries()
        if hasattr(os, "killpg"):
            os.killpg(os.getpgrp(), signal.SIGKILL)
        os._exit(1)


def _terminate(pid: int | None) -> None:
    """End a worker and what it has started."""
    with suppress(ProcessLookupError, TypeError):
        try:
            os.killpg(pid, signal.SIGTERM)  # type: ignore[arg-type]
        except ProcessLookupError:  # it has not come so far as to have a group
            os.kill(pid, signal.SIGKILL)  # type: ignore[arg-type]
