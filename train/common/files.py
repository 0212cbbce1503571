"""Which files of a folder count: those a person can see. Hidden ones are somebody's notes, or half-written."""

from __future__ import annotations

from pathlib import Path


def visible(folder: Path, pattern: str) -> list[Path]:
    """Paths below `folder` that match a glob pattern, sorted, without any that is hidden or in a hidden folder.

    What is being written has a hidden name until it is whole, and so have .DS_Store and the ._x.wav of macOS.
    """
    return sorted(
        path
        for path in folder.glob(pattern)
        if not any(part.startswith(".") for part in path.relative_to(folder).parts)
    )
