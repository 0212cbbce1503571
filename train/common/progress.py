"""A progress bar on a terminal, nothing elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Iterable


def progress(things: Iterable, text: str, total: int = 0) -> Iterable:
    """Yield `things`, with a bar on a terminal.

    total: their approximate number; 0: they are counted first, which makes a list of them.
    """
    from rich.console import Console
    from rich.progress import track

    things, disable = things if total else list(things), not sys.stderr.isatty()
    return track(things, text, total or None, console=Console(stderr=True), transient=True, disable=disable)
