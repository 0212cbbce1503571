"""Writes to the terminal for every verb: the result as lines or JSON, notices, warnings and a progress bar."""

from __future__ import annotations

import atexit
import json
import logging
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from io import TextIOWrapper

ShowProgress = Callable[[float, float], None]  # seconds done, seconds in all (0: not known)


class _InputWarnings(logging.Handler):
    """Prints each warning about an input once, and keeps it for reports."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.sentences: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if (sentence := record.getMessage()) not in self.sentences:
            self.sentences.append(sentence)
            print_notice(f"antiphon: {sentence}")


_input_warnings = _InputWarnings()


def input_warnings() -> list[str]:
    """The warnings about the inputs of this verb so far: wrong headers, channels that cancel out, silence."""
    return list(_input_warnings.sentences)


@contextmanager
def printed_warnings() -> Iterator[None]:
    """Print the warnings that `corpora` logs about inputs read in the block."""
    _input_warnings.sentences.clear()
    logger = logging.getLogger("corpora")
    logger.addHandler(_input_warnings)
    try:
        yield
    finally:
        logger.removeHandler(_input_warnings)


def escape_what_cannot_be_shown() -> None:
    """Print characters that the terminal cannot encode, and bytes of file names that are not UTF-8, as \\udce9."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def print_result(result: dict, lines: Iterable[str], *, as_json: bool) -> None:
    """Print `result`, with "warnings" if there are any, as a line of JSON on standard output, or print the lines."""
    warnings = {"warnings": input_warnings()} if input_warnings() else {}
    print(json.dumps(result | warnings) if as_json else "\n".join(lines))


def print_notice(sentence: str) -> None:
    """Print a sentence for the person at the terminal on standard error, which no script parses."""
    print(sentence, file=sys.stderr, flush=True)


def progress_bar(label: str) -> ShowProgress | None:
    """A progress bar on standard error, or None if that is no terminal. The bar ends when everything is done."""
    if not sys.stderr.isatty():
        return None
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    bar = Progress(TextColumn(label), BarColumn(), TextColumn("{task.completed:.0f} s"), TimeRemainingColumn())
    task = bar.add_task(label, total=None)
    bar.start()
    atexit.register(bar.stop)  # an error leaves the terminal as it was

    def show(done: float, total: float) -> None:
        bar.update(task, completed=done, total=total or None)
        if total and done >= total:
            bar.stop()

    return show
