"""Checks of what a command is to write, before any work begins: no output is an input, and each can be written."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from corpora.interruption import temporaries
from corpora.whole_files import AudioError, disk_errors, temporary_name

FINISHED = ("model.json", "corpus.json", "config.json", "decision.json", "coherence.json")
Named = tuple[str, str | Path]  # a flag, as the user knows it, and its path


def refuse_overlap(inputs: Iterable[Named], outputs: Iterable[Named]) -> None:
    """AudioError if an output is an input, lies inside one, contains one, or overlaps the output of another flag.

    A folder that is an input counts as a whole, since anything in it may be read; so does a folder that is an output,
    since it is replaced. Links are followed, and files are compared by identity too, so that a hard link is seen. A
    command that adds files to a folder names these files as its outputs, not the folder.
    """
    inputs, outputs = list(inputs), list(outputs)
    for number, (flag, path) in enumerate(outputs):
        for other_flag, other in inputs:
            if relation := _overlap(Path(path), Path(other)):
                raise AudioError(
                    f"{flag} '{path}' {relation} {other_flag} '{other}', which would be lost: give it another name"
                )
        for other_flag, other in outputs[:number]:
            if other_flag != flag and (relation := _overlap(Path(path), Path(other))):
                raise AudioError(
                    f"{flag} '{path}' {relation} {other_flag} '{other}', and both are written: give it another name"
                )


def refuse_run_folder(inputs: Iterable[Named], flag: str, out: str | Path) -> None:
    """AudioError if a folder to which files are added is an input, or lies in a finished model or corpus that is one.

    Files are added to the folder of a training run or of an evaluation. It may contain inputs and may lie beside songs.
    """
    for other_flag, other in inputs:
        relation = _overlap(Path(out), Path(other))
        if relation == "is the same as" or (relation == "lies inside" and _is_finished(Path(other))):
            raise AudioError(
                f"{flag} '{out}' {relation} {other_flag} '{other}', which would be lost: give it another name"
            )


def _is_finished(folder: Path) -> bool:
    """Is it a model, a part of one or a corpus, rather than a folder of data?"""
    return any((folder / name).is_file() for name in FINISHED)


def refuse_unwritable(path: str | Path) -> None:
    """AudioError if no file can be written at `path`: no folder, no permission, or something else stands there."""
    with disk_errors(Path(path)):
        temporary = temporary_name(Path(path))[1]
        temporary.touch(exist_ok=False)
        temporary.unlink()
        temporaries.discard(temporary)


def _overlap(path: Path, other: Path) -> str | None:
    """How two paths overlap, in words that stand between them; None if they do not."""
    real, real_other = _without_links(path), _without_links(other)
    if real == real_other or _same_file(path, other):
        return "is the same as"
    if _contains(real_other, real):
        return "lies inside"
    if _contains(real, real_other):
        return "contains"
    return None


def _without_links(path: Path) -> Path:
    with suppress(ValueError):  # a NUL in a name, which is told where the file is opened
        return Path(os.path.realpath(path))
    return path.absolute()


def _same_file(path: Path, other: Path) -> bool:
    """Do both exist and are they one file or folder, by a hard link say, or on a disk that ignores upper case?"""
    with suppress(OSError, ValueError):
        return os.path.samefile(path, other)
    return False


def _contains(folder: Path, path: Path) -> bool:
    """Is `path` below `folder`, both without links? Folders are compared by identity, like files."""
    with suppress(OSError, ValueError):
        return folder.is_dir() and any(_same_file(parent, folder) for parent in path.parents)
    return False
