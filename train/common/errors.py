"""The one error of all recipes and evaluations, and what turns a damaged song into it."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import soundfile as sf


class TrainError(ValueError):
    """Data, settings or a run that a recipe cannot work with: what is wrong, its value, and the remedy."""


@contextmanager
def told(song: Path) -> Iterator[None]:
    """Turns what a damaged song raises inside the block into a TrainError that names it."""
    try:
        yield
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile, sf.SoundFileError) as error:
        why = " ".join(str(error).split())[:120]
        raise TrainError(f"song '{song}' is damaged ({why}): delete its folder and render it again") from None
