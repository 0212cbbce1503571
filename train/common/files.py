"""Listing of the visible files of a folder. Hidden files are notes of somebody, or half-written."""

from __future__ import annotations

from pathlib import Path


def visible(folder: Path, pattern: str) -> list[Path]:
    """Paths below `folder` that match a glob pattern, sorted, without any that is hidden or in a hidden folder.

    A file has a hidden name until it is written whole; .DS_Store and the ._x.wav of macOS are hidden too.
    """
    return sorted(
        path
        for path in folder.glob(pattern)
        if not any(part.startswith(".") for part in path.relative_to(folder).parts)
    )
