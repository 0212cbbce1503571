"""The session log: one JSON line per hop, enough to render the performance again, sample for sample.

First line: what the session was made of. Then a line per hop as it is played, flushed at once, so that a log cut off
by a crash replays to its last whole line. A last line when the piece ended well.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from agent import config
from agent.session import Event, Session
from corpora.disk import AudioError, reason, told

FORMAT = 1


class LogError(ValueError):
    """A session log that cannot be replayed, told in the user's words."""


def fingerprint(audio: np.ndarray) -> str:
    """Short hash of a memory at the device rate, so that a replay of another memory is refused."""
    return hashlib.sha256(np.ascontiguousarray(audio, "<f4").tobytes()).hexdigest()[:16]


class Journal:
    """Writes a session log; use it in a `with` block. AudioError when the folder cannot be written.

    A log that was there is kept aside as `<name>~` until the new piece has ended well, and comes back if the new one is
    given up because a file cannot be read or written. After a crash both are there.
    """

    def __init__(self, path: str | Path, session: Session, memory: str, offline: bool = False):
        self.path = Path(path)
        self._old = self.path.with_name(self.path.name + "~")
        with told(self.path):
            self._kept = self.path.is_file()
            if self._kept:
                os.replace(self.path, self._old)
            self._file = open(self.path, "w", encoding="utf-8")  # noqa: SIM115, closed by __exit__
        about = {
            "antiphon": FORMAT,
            "samplerate": session.samplerate,
            "hop": session.hop,
            "model": str(session.model.folder),
            "alphabet": session.model.alphabet.hash,
            "memory": memory,
            "fingerprint": fingerprint(session.sound.audio),
            "first": 0 if offline else 1,
            "config": config.as_table(session.config),
        }
        try:
            self._write(about)
        except AudioError:
            self.__exit__(AudioError)
            raise

    def hop(self, event: Event) -> None:
        """Write one line."""
        line = asdict(event)
        line["times"] = {stage: round(ms, 3) for stage, ms in event.times.items()}
        self._write(line)

    def end(self, samples: int) -> None:
        """The piece is over after so many samples."""
        self._write({"end": samples})

    def _write(self, line: dict) -> None:
        with told(self.path):
            self._file.write(json.dumps(line, separators=(",", ":")) + "\n")
            self._file.flush()

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        with suppress(OSError):  # a full disk has been told already
            self._file.close()
        with suppress(OSError):
            if kind is not None and issubclass(kind, AudioError):
                self.path.unlink()
                if self._kept:
                    os.replace(self._old, self.path)
            elif kind is None and self._kept:
                self._old.unlink()


def read(path: str | Path) -> tuple[dict, Iterator[dict]]:
    """(header, lines) of a session log; LogError. A last line that was cut off in writing is left out."""
    path = Path(path)
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except UnicodeDecodeError:
        raise LogError(f"'{path}' is not a session log: make one with  antiphon play --log {path}") from None
    except (OSError, ValueError) as error:
        raise LogError(f"the session log '{path}' cannot be read ({reason(error)}): check its name") from None
    try:
        header = json.loads(lines[0])
        version = header["antiphon"]
    except (ValueError, KeyError, TypeError):
        raise LogError(f"'{path}' is not a session log: make one with  antiphon play --log {path}") from None
    if version != FORMAT:
        raise LogError(f"session log '{path}' has format {version}, this Antiphon replays {FORMAT}: update Antiphon")
    return header, _lines(path, lines[1:])


def _lines(path: Path, lines: list[str]) -> Iterator[dict]:
    for number, text in enumerate(lines, 2):
        if not text:
            continue
        try:
            line = json.loads(text)
        except (ValueError, RecursionError):
            line = None
            if number > len(lines):  # the last one, cut off
                return
        if not _whole(line):
            raise LogError(f"'{path}' is damaged in line {number}: nothing after it can be replayed")
        yield line


def _whole(line: Any) -> bool:
    """Has a line what a replay needs?"""
    if not isinstance(line, dict):
        return False
    if "end" in line:
        return type(line["end"]) is int
    numbers = all(type(line.get(key)) is int for key in ("hop", "segment", "frames"))
    return numbers and "gain" in line and isinstance(line["gain"], (int, float, type(None)))
