"""The command lines of the recipes: their output, and their exit codes."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from corpora.interruption import Interrupted, Interruption, handled
from corpora.whole_files import AudioError
from train.common.settings import parse_recipe

OURS = {"train", "corpora", "perception", "decision", "action"}  # whose error classes speak to the user
Fit = Callable[[list[Path], Path, bool, Any], dict[str, Any]]


def recipe(doc: str, settings_class: type, fit: Fit, argv: list[str] | None = None) -> None:
    """Run a recipe from its command line and print what it returns as JSON.

    With --resume the settings saved in OUT are the defaults.
    """
    from train.common.run import settings_of  # with torch: not for those who only ask for help

    data, out, resume, given = parse_recipe(doc, settings_class, argv)
    settings: Any = settings_of(settings_class, out, resume, given)
    try:
        result = json.dumps(fit(data, out, resume, settings), indent=1)
        if os.environ.get("RANK", "0") == "0":  # of processes that train together the first speaks
            print(result)
    except KeyboardInterrupt:
        print(f"stopped; go on with --resume -o {out}", file=sys.stderr)
        raise


@contextmanager
def system_refusals() -> Iterator[None]:
    """Turns what the system refuses inside the block into an AudioError, which the user can mend."""
    try:
        yield
    except OSError as error:
        raise AudioError(
            f"'{error.filename}' cannot be used ({(error.strerror or str(error)).lower()}): check its name and folder, "
            "who may read and write there, and the room on the disk"
        ) from None


def run(main: Callable[[], None]) -> None:
    """Run a recipe as a program: exit code 2 and one line for the user's mistake, 128 + n when signal n ends it.

    A mistake is an error class of ours. Anything else is our own fault and keeps its traceback.
    """
    try:
        with handled() as interruption:
            _run(main, interruption)
    except Interrupted as late:  # the recipe had ended, and was being cleared up
        raise SystemExit(128 + late.number) from None


def _run(main: Callable[[], None], interruption: Interruption) -> None:
    try:
        with system_refusals():
            main()
    except KeyboardInterrupt:
        raise SystemExit(interruption.exit_code or 128 + signal.SIGINT) from None
    except Exception as error:
        if interruption.exit_code:  # what a signal did to code of others
            raise SystemExit(interruption.exit_code) from None
        if type(error).__module__.partition(".")[0] not in OURS:
            raise
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(2) from None
