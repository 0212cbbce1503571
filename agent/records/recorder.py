"""Records sound while it is played, in a thread of its own, into files that are valid at every moment.

libsndfile corrects the header of a WAV when it closes the file. Each append therefore opens the file, adds to it and
closes it (0.7 ms): after a crash every program can read the file up to the last append. Some programs read nothing
from a file whose header says length 0, although libsndfile would read to its end.
"""

from __future__ import annotations

import errno
import os
import time
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import soundfile as sf

from agent.control.bus import Bus
from agent.records.background_writer import BackgroundWriter
from corpora.audio import WAV_LIMIT, Disk
from corpora.interruption import deferred
from corpora.whole_files import AudioError, disk_errors, reason

SYNC_EVERY_S = 1.0  # time between two requests to write the system's cache to the disk: the most a power cut costs
DISK_FULL = "no space left on device"


class SafeWav:
    """A float32 mono WAV that is complete after every `append`. samplerate: Hz. AudioError if it cannot be written."""

    def __init__(self, path: str | Path, samplerate: int):
        self.path, self.samplerate, self.frames = Path(path), int(samplerate), 0
        self._sync_time = time.monotonic()
        with disk_errors(self.path), open(self.path, "w+b", buffering=0) as file:
            self._sound(file, "w", samplerate=self.samplerate, channels=1, subtype="FLOAT", format="WAV")

    def append(self, audio: np.ndarray) -> None:
        """Add (n,) float32 samples, which are in the file on return. AudioError if the disk accepts no more."""
        audio, size = np.ascontiguousarray(audio, np.float32), 4 * (self.frames + len(audio))
        try:
            if size > WAV_LIMIT:
                raise OSError(errno.EFBIG, "a wav holds 4 gigabytes")
            with open(self.path, "r+b", buffering=0) as file:
                self._sound(file, "r+", audio)
                if os.fstat(file.fileno()).st_size < size:
                    raise OSError(DISK_FULL)
                if time.monotonic() > self._sync_time + SYNC_EVERY_S:
                    os.fsync(file.fileno())
                    self._sync_time = time.monotonic()
        except OSError as error:
            raise AudioError(
                f"'{self.path}' takes no more ({reason(error)}): its first {self.frames / self.samplerate:.1f} s are "
                "kept, make room or record elsewhere"
            ) from None
        self.frames += len(audio)

    @staticmethod
    def _sound(file: Any, mode: str, audio: np.ndarray | None = None, **kind: Any) -> None:
        """Open, append, close; OSError. libsndfile hides errors of the disk, `Disk` keeps them."""
        disk = Disk(file)
        try:
            with deferred(), sf.SoundFile(disk, mode, **kind) as sound:
                if audio is not None:
                    sound.seek(0, sf.SEEK_END)
                    sound.write(audio)
        except (AssertionError, sf.SoundFileError) as error:  # AssertionError: the disk accepted only a part
            raise disk.error or OSError(str(error) or DISK_FULL) from None
        if disk.error:
            raise disk.error


class Recorder:
    """Records heard.wav and spoken.wav in a folder, float32 mono at `samplerate` Hz; use it in a `with` block.

    Older recordings are renamed to heard~.wav, heard~2.wav and so on. If the disk fails, the recording ends with one
    report `error` on the bus and the performance continues. AudioError if the recording cannot begin.
    """

    def __init__(self, folder: str | Path, samplerate: int, bus: Bus | None = None):
        self.folder, self._bus = Path(folder), bus
        with disk_errors(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
        paths = {name: self.folder / f"{name}.wav" for name in ("heard", "spoken")}
        set_aside(*paths.values())
        self._files = {name: SafeWav(path, samplerate) for name, path in paths.items()}
        self._writer = BackgroundWriter("recorder", self._write, self._failed)

    @property
    def error(self) -> AudioError | None:
        """The error that ended the recording, None while it records."""
        return self._writer.error

    def heard(self, audio: np.ndarray) -> None:
        """Add (n,) float32 of the input, best a hop at a time. It is copied, so the caller may overwrite it."""
        self._writer.put(("heard", np.array(audio, np.float32)))

    def spoken(self, audio: np.ndarray) -> None:
        """Add (n,) float32 of the output; it is copied."""
        self._writer.put(("spoken", np.array(audio, np.float32)))

    def settle(self) -> None:
        """Wait until everything handed over is written."""
        self._writer.settle()

    def close(self) -> None:
        """Write the rest and end."""
        self._writer.close()

    def __enter__(self) -> Recorder:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _write(self, items: list[tuple[str, np.ndarray]]) -> None:
        for name, file in self._files.items():
            if audio := [samples for kind, samples in items if kind == name]:
                file.append(np.concatenate(audio))

    def _failed(self, error: AudioError) -> None:
        if self._bus:
            self._bus.publish("error", f"recording has ended, play goes on: {error}")


def set_aside(*paths: Path) -> dict[Path, Path]:
    """Rename existing files to name~, name~2, ..., the first mark that is free for all; {old: new path}. AudioError."""
    existing = [path for path in paths if os.path.lexists(path)]
    marks = (f"~{number}" if number > 1 else "~" for number in count(1))
    for mark in marks if existing else ():
        free = {path: path.with_name(f"{path.stem}{mark}{path.suffix}") for path in paths}
        if not any(map(os.path.lexists, free.values())):
            break
    for path in existing:
        with disk_errors(path):
            os.rename(path, free[path])
    return {path: free[path] for path in existing}
