"""Files and folders that appear whole or not at all, and the sentences for what a disk refuses."""

from __future__ import annotations

import errno
import os
import shutil
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from tempfile import mkdtemp

from corpora.interruption import deferred, temporaries

_waiting: ContextVar[list[tuple[Path, Path]] | None] = ContextVar("waiting", default=None)  # of `together`


class AudioError(ValueError):
    """A file that cannot be read or written; the message says what to do."""


def atomic_write(path: str | Path, data: bytes | str) -> None:
    """Write a small file whole or not at all; AudioError says why not. Text is written as UTF-8."""
    with atomic_file(path) as temporary:
        temporary.write_bytes(data.encode() if isinstance(data, str) else data)


def write_files(folder: str | Path, files: Mapping[str, bytes]) -> None:
    """Write {name: content} into a folder, which is made if need be: all of them or none. AudioError says why not."""
    with disk_errors(Path(folder)):
        Path(folder).mkdir(parents=True, exist_ok=True)
    with together():
        for name, content in files.items():
            atomic_write(Path(folder) / name, content)


@contextmanager
def atomic_file(path: str | Path) -> Iterator[Path]:
    """Yield a path to write to; the file takes the place of `path` when the block ends well, else is removed.

    AudioError says why it cannot be done.
    """
    target, temporary = temporary_name(Path(path))
    try:
        yield temporary
        with deferred():
            with open(temporary, "rb+") as file:
                os.fsync(file.fileno())
            appear(temporary, target)
    except BaseException as error:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        temporaries.discard(temporary)
        if isinstance(error, OSError):
            raise write_error(Path(path), error) from None
        raise


def appear(temporary: Path, target: Path) -> None:
    """Give a finished file its name, now or at the end of the block `together` in which this is called. OSError."""
    waiting = _waiting.get()
    if waiting is None:
        os.replace(temporary, target)
        temporaries.discard(temporary)
    else:
        waiting.append((temporary, target))


@contextmanager
def together() -> Iterator[None]:
    """All files that are written in the block appear when it ends well, and none of them otherwise."""
    waiting: list[tuple[Path, Path]] = []
    token = _waiting.set(waiting)
    try:
        try:
            yield
        finally:
            _waiting.reset(token)
        with deferred():
            for temporary, target in waiting:
                with disk_errors(target):
                    appear(temporary, target)
    except BaseException:
        for temporary, _ in waiting:
            temporary.unlink(missing_ok=True)
            temporaries.discard(temporary)
        raise


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """An empty folder among the system's temporary files that is removed with its contents, by a signal too."""
    with deferred():
        folder = Path(mkdtemp(prefix="antiphon-"))
        temporaries.add(folder)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        temporaries.discard(folder)


@contextmanager
def atomic_folder(path: str | Path, replaces: Iterable[str] = ()) -> Iterator[Path]:
    """Yield an empty temporary folder that takes the place of `path` when the block ends well, else is removed.

    replaces: file names that a folder already there may hold; one that holds anything else is refused, so that a
    slip of `-o` costs nobody their recordings. AudioError says why it cannot be done.
    """
    path = Path(path)
    refuse_to_replace(path, set(replaces))
    target, temporary = temporary_name(path, folder=True)
    with disk_errors(path):
        temporary.mkdir()
    token = _waiting.set(None)  # files in the folder appear with it
    try:
        yield temporary
        with deferred(), disk_errors(path):
            _swap(temporary, target)
            temporaries.discard(temporary)
    except AudioError as error:  # about a file in the temporary folder, whose name means nothing to the user
        raise AudioError(str(error).replace(str(temporary), str(path))) from None
    finally:
        _waiting.reset(token)
        shutil.rmtree(temporary, ignore_errors=True)


def refuse_to_replace(path: Path, replaces: set[str]) -> None:
    """AudioError if a folder already holds other files than `replaces`, or something else is there."""
    with disk_errors(path):
        if not path.exists():
            return
        if not path.is_dir():
            raise AudioError(f"'{path}' is a file, not a folder: choose another name with -o")
        foreign = sorted(other.name for other in path.iterdir() if other.name not in replaces)
    if foreign:
        raise AudioError(
            f"'{path}' holds '{foreign[0]}', which would be lost: choose a new folder with -o, or move it away"
        )


def _swap(temporary: Path, target: Path) -> None:
    """Rename `temporary` to `target`; what was there stays until the new one is in place, and returns if it fails."""
    old = temporary.with_name(temporary.name + ".old")
    if not target.exists():
        os.rename(temporary, target)
        return
    os.rename(target, old)
    try:
        os.rename(temporary, target)
    except OSError:
        os.rename(old, target)
        raise
    shutil.rmtree(old, ignore_errors=True)


def temporary_name(path: Path, folder: bool = False) -> tuple[Path, Path]:
    """(what to rename to, links followed; a free hidden name in its folder). AudioError if something else is there."""
    with disk_errors(path):
        target = Path(os.path.realpath(path))
        if target.exists() and not (target.is_dir() if folder else target.is_file()):
            raise AudioError(f"'{path}' is not a {'folder' if folder else 'file'}: choose another name with -o")
    temporary = target.with_name(f".antiphon-{uuid.uuid4().hex[:8]}.part")
    temporaries.add(temporary)
    return target, temporary


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turns what the system refuses inside the block into an AudioError about `path`."""
    try:
        yield
    except AudioError:
        raise
    except (OSError, ValueError) as error:  # ValueError: a name with a NUL in it
        raise write_error(path, error) from None


def write_error(path: Path, error: OSError | ValueError) -> AudioError:
    """The sentence for what the system answered when `path` was to be written."""
    code = getattr(error, "errno", None)
    if code in (errno.ENOSPC, errno.EDQUOT):
        return AudioError(f"no room on the disk for '{path}': make room or write elsewhere; nothing was left behind")
    if code == errno.EFBIG:
        return AudioError(f"'{path}' is larger than this disk or account allows: write elsewhere, or name it .flac")
    if code == errno.ENOENT:
        return AudioError(f"there is no folder '{path.parent}': make it first, or choose another for '{path.name}'")
    if code == errno.ENOTDIR:
        return AudioError(f"'{path.parent}' is not a folder: choose another place for '{path.name}'")
    if code in (errno.EACCES, errno.EPERM, errno.EROFS):
        return AudioError(f"'{path.parent}' may not be written in: choose another folder for '{path.name}'")
    return AudioError(f"'{path}' cannot be written ({reason(error)}): choose another name or folder")


def reason(error: Exception) -> str:
    """The system's own words, for the cases that have no sentence here."""
    return str(getattr(error, "strerror", None) or error).lower()
