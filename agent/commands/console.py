"""What every verb writes to the terminal: its result, as lines or as JSON, and a progress bar while it works."""

from __future__ import annotations

import atexit
import json
import sys
from collections.abc import Callable, Iterable

ShowProgress = Callable[[float, float], None]  # seconds done, seconds in all (0: not known)


def print_result(result: dict, lines: Iterable[str], *, as_json: bool) -> None:
    """Print `result` as one line of JSON on standard output if that was asked for, else print the lines."""
    print(json.dumps(result) if as_json else "\n".join(lines))


def print_notice(sentence: str) -> None:
    """Print a sentence for the person at the terminal on standard error, which no script parses."""
    print(sentence, file=sys.stderr, flush=True)


def progress_bar(label: str) -> ShowProgress | None:
    """A progress bar on standard error, or None where that is no terminal. It ends itself when all is done."""
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
