"""Signals that end the program, and what they must not cut in two.

SIGINT, SIGTERM and SIGHUP become the exception `Interrupted` in the main thread, wherever it is, except in a block
`with deferred():`, at whose end it is raised instead. Such blocks are short: calls of libsndfile, in whose callbacks an
exception would be lost and with it the samples, and the renaming of what has been written. A signal whose exception
gets lost in a callback of others comes again a little later, and the exit code tells of it in any case. So does one
that comes while a module is loaded, or while Numba compiles or loads what it has compiled: C++ that is initialised
there, such as PyTorch's, ends the program by an exception, and LLVM's when it is left with what is half made.

Install the handlers with `with handled() as interruption:` around the whole of a program.
"""

from __future__ import annotations

import gc
import os
import shutil
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
AGAIN_S = 0.02  # time until a signal comes again whose exception was lost, or for which it was too early
IMPORT = "<frozen importlib._bootstrap>"  # file of the code that loads modules
COMPILERS = ("numba", "llvmlite")  # packages

Hook = Callable[["sys.UnraisableHookArgs"], object]

temporaries: set[Path] = set()  # files and folders that are begun; what is left when the program ends is removed


class Interrupted(KeyboardInterrupt):
    """A signal asks the program to end. number: of the signal."""

    def __init__(self, number: int):
        super().__init__(f"signal {number}")
        self.number = number


class Interruption:
    """What has come so far. number: of the last signal, 0 if there was none."""

    def __init__(self) -> None:
        self.number = 0
        self.depth = 0  # of blocks in which signals wait

    @property
    def exit_code(self) -> int:
        """As a shell reports a program that a signal has ended; 0 if there was none."""
        return 128 + self.number if self.number else 0

    def handle(self, number: int, frame: FrameType | None) -> None:
        """What the system calls, in the main thread. While a first signal is being obeyed, a second changes nothing."""
        self.number = number
        if self.depth or _being_obeyed():
            return
        if _is_fragile(frame):
            _send_later(number)
            return
        raise Interrupted(number)


_current = Interruption()


def _being_obeyed() -> bool:
    """Whether the main thread is in an `except` or `finally` block that an `Interrupted` has brought it to."""
    error = sys.exc_info()[1]
    while error is not None and not isinstance(error, Interrupted):
        error = error.__context__
    return error is not None


def _is_fragile(frame: FrameType | None) -> bool:
    """Whether the main thread is in code of others that an exception breaks: a module is loaded, or Numba is at work.

    Between the moment when LLVM takes an object and the note in Python that it has, an exception makes it be freed
    twice. Compiled code that runs has no frame and is none of this.
    """
    while frame is not None:
        package = str(frame.f_globals.get("__name__")).partition(".")[0]
        if package in COMPILERS or frame.f_code.co_filename == IMPORT:
            return True
        frame = frame.f_back
    return False


def _send_later(number: int) -> None:
    again = threading.Timer(AGAIN_S, os.kill, (os.getpid(), number))
    again.daemon = True
    again.start()


class deferred:
    """`with deferred():` a signal that comes in the block is obeyed at its end. In other threads none comes at all."""

    def __enter__(self) -> None:
        if threading.current_thread() is threading.main_thread():
            _current.depth += 1

    def __exit__(self, *_: object) -> None:
        if threading.current_thread() is not threading.main_thread():
            return
        _current.depth -= 1
        if _current.depth == 0 and _current.number and sys.exc_info()[0] is None:
            raise Interrupted(_current.number)


@contextmanager
def handled() -> Iterator[Interruption]:
    """Turn signals into exceptions in the block; afterwards no temporary file of ours is left.

    Signals that are ignored, as under nohup, stay so, and so do handlers of others.
    """
    global _current
    interruption = _current = Interruption()
    before = {}
    if threading.current_thread() is threading.main_thread():
        before = {number: signal.getsignal(number) for number in SIGNALS}
    defaults = [number for number, handler in before.items() if is_default(handler)]
    hook, sys.unraisablehook = sys.unraisablehook, _send_again(interruption, sys.unraisablehook)
    try:
        try:
            for number in defaults:
                signal.signal(number, interruption.handle)
            yield interruption
        finally:
            interruption.depth += 1  # for good: what follows is not interrupted
    finally:
        interruption.depth += 1  # once more, for a signal that came before the line above
        for number in defaults:
            signal.signal(number, signal.SIG_IGN)
        remove_temporaries()
        if interruption.number:
            gc.collect()  # what was being made, while nothing is said of it
        sys.unraisablehook = hook
        _current = Interruption()
        for number in defaults:
            signal.signal(number, before[number])


def _send_again(interruption: Interruption, otherwise: Hook) -> Hook:
    """A hook for exceptions that Python cannot raise, as in callbacks of C: a signal that is lost there comes again."""

    def hook(lost: sys.UnraisableHookArgs) -> None:
        if not isinstance(lost.exc_value, Interrupted):
            if not interruption.number:  # afterwards what was being made is deleted half made
                otherwise(lost)
            return
        _send_later(lost.exc_value.number)

    return hook


def is_default(handler: object) -> bool:
    """Whether nobody but Python, or `handled`, has a say in what a signal does. handler: as of signal.getsignal."""
    ours = isinstance(getattr(handler, "__self__", None), Interruption)
    return ours or handler in (signal.SIG_DFL, signal.default_int_handler)


def remove_temporaries() -> None:
    """Remove what this process has begun to write and has not finished."""
    for path in list(temporaries):
        with suppress(OSError):
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
    temporaries.clear()
