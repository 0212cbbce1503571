"""Real-time scheduling: the threads of a performance run before all other programs, where the system permits it.

The decision loop shares the interpreter's lock with the threads that send, show and record. Whichever of them holds the
lock while another program has its core keeps the decision waiting, so all of them are scheduled alike: round robin at
the lowest real-time priority, after the audio callback of JACK or PipeWire, before everything ordinary. Threads inherit
the scheduling of the thread that starts them; what may compute for long asks to be `ordinary`.

Linux permits it to the users whom /etc/security/limits.conf grants a real-time priority (`rtprio`), as audio
distributions do for the group `audio`. Elsewhere, and without the permission, nothing changes.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress


@contextmanager
def real_time() -> Iterator[bool]:
    """Schedule this thread, and those that it starts, before ordinary programs; yields whether that is permitted."""
    granted = _set_real_time()
    try:
        yield granted
    finally:
        if granted:
            ordinary()


def ordinary() -> None:
    """Schedule this thread like that of any program, whatever the thread was that started it."""
    if is_real_time():  # a container may forbid every change, this one too
        with suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))


def is_real_time() -> bool:
    """Whether this thread is scheduled before ordinary programs."""
    return hasattr(os, "sched_getscheduler") and os.sched_getscheduler(0) in (os.SCHED_RR, os.SCHED_FIFO)


def _set_real_time() -> bool:
    if not hasattr(os, "sched_setscheduler"):  # macOS, Windows
        return False
    try:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(os.sched_get_priority_min(os.SCHED_RR)))
    except OSError:  # not permitted, or a container whose group of processes has no real-time share
        return False
    return True
