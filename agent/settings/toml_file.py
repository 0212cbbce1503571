"""TOML files that a musician edits too: agent.toml and presets.toml, as any editor of any system saves them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from corpora.whole_files import atomic_write

if TYPE_CHECKING:
    from tomlkit import TOMLDocument


class TomlError(ValueError):
    """The content of a file is not TOML; the text says where."""


def read_text(path: Path) -> str:
    """The text of a UTF-8 file, with or without a byte order mark, its line ends as they are; OSError, TomlError."""
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise TomlError("it is not a text file in UTF-8: save it again as UTF-8") from None


def read_document(path: Path) -> TOMLDocument:
    """The file with its comments, an empty document where there is no file; OSError, TomlError."""
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    try:
        text = read_text(path)
    except FileNotFoundError:
        return tomlkit.document()
    try:
        return tomlkit.parse(text)
    except (TOMLKitError, ValueError, RecursionError) as error:  # ValueError: a number of more digits than Python takes
        reason = str(error).splitlines()[0][:120] if str(error) else "it is nested too deeply"
        raise TomlError(reason) from None


def edit_document(path: Path, change: Callable[[TOMLDocument], None]) -> None:
    """Let `change` edit the file, or an empty one, and write it whole or not at all.

    Comments stay, and so do the line ends: CRLF if the file has any. OSError, TomlError, AudioError.
    """
    import tomlkit

    crlf = path.exists() and b"\r\n" in path.read_bytes()
    document = read_document(path)
    change(document)
    text = tomlkit.dumps(document).replace("\r\n", "\n")
    atomic_write(path, text.replace("\n", "\r\n") if crlf else text)
