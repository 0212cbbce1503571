"""The error of all recipes and evaluations, and the context that raises it for a damaged song."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from corpora.whole_files import AudioError


class TrainError(ValueError):
    """Data, settings or a run that a recipe cannot work with: what is wrong, its value, and the remedy."""


@contextmanager
def reading(song: Path) -> Iterator[None]:
    """Turns what a damaged file of a song raises into a TrainError that names the song.

    Only reading and parsing belong into the block: a mistake of ours in it would be reported as damage.
    """
    try:
        yield
    except (AudioError, TrainError):  # which name the file already
        raise
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        why = " ".join(str(error).split())[:120]
        raise TrainError(f"song '{song}' is damaged ({why}): delete its folder and render it again") from None
