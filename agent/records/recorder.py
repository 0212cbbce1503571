"""What must outlive a crash: sound written while it is played, by a thread of its own, whole at every moment.

libsndfile mends the header of a WAV when a file is closed, so each append opens the file, adds to it and closes it
(0.7 ms): whoever kills the agent finds a file that every program reads, up to the last append. While a header has
length 0, some programs read nothing, although libsndfile itself would read to the end of the file.
"""

from __future__ import annotations

import errno
import os
import queue
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import soundfile as sf

from agent.control.bus import Bus
from corpora.audio import WAV_LIMIT, Disk
from corpora.disk import AudioError, disk_errors, reason
from corpora.interruption import deferred

ROOM = 4096  # items that may wait for the disk, about ten minutes of hops heard and spoken: more is a dead disk
SYNC = 1.0  # s between two orders to the system to bring its cache to the disk: what a power cut may cost
FULL = "no space left on device"


class SafeWav:
    """A float32 mono WAV that is whole after every `append`. samplerate: Hz. AudioError if it cannot be written."""

    def __init__(self, path: str | Path, samplerate: int):
        self.path, self.samplerate, self.frames = Path(path), int(samplerate), 0
        self._synced = time.monotonic()
        with disk_errors(self.path), open(self.path, "w+b", buffering=0) as file:
            self._sound(file, "w", samplerate=self.samplerate, channels=1, subtype="FLOAT", format="WAV")

    def append(self, audio: np.ndarray) -> None:
        """Add (n,) float32 samples; in the file when this returns. AudioError when the disk takes no more."""
        audio, size = np.ascontiguousarray(audio, np.float32), 4 * (self.frames + len(audio))
        try:
            if size > WAV_LIMIT:
                raise OSError(errno.EFBIG, "a wav holds 4 gigabytes")
            with open(self.path, "r+b", buffering=0) as file:
                self._sound(file, "r+", audio)
                if os.fstat(file.fileno()).st_size < size:
                    raise OSError(FULL)
                if time.monotonic() > self._synced + SYNC:
                    os.fsync(file.fileno())
                    self._synced = time.monotonic()
        except OSError as error:
            raise AudioError(
                f"'{self.path}' takes no more ({reason(error)}): its first {self.frames / self.samplerate:.1f} s are "
                "kept, make room or record elsewhere"
            ) from None
        self.frames += len(audio)

    @staticmethod
    def _sound(file: Any, mode: str, audio: np.ndarray | None = None, **kind: Any) -> None:
        """Open, append, close; OSError. libsndfile swallows what the disk says, `Disk` keeps it."""
        disk = Disk(file)
        try:
            with deferred(), sf.SoundFile(disk, mode, **kind) as sound:
                if audio is not None:
                    sound.seek(0, sf.SEEK_END)
                    sound.write(audio)
        except (AssertionError, sf.SoundFileError) as error:  # AssertionError: the disk took less
            raise disk.error or OSError(str(error) or FULL) from None
        if disk.error:
            raise disk.error


class BackgroundWriter:
    """A thread that writes what others hand over, in order; they never wait for the disk.

    write: called in that thread with all that has come since the last call. failed: called once, with the AudioError
    after which nothing more is written.
    """

    def __init__(self, name: str, write: Callable[[list], None], failed: Callable[[AudioError], None]):
        self.error: AudioError | None = None
        self._write, self._failed = write, failed
        self._queue: queue.SimpleQueue = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def put(self, item: Any) -> None:
        """Hand over; costs one append. What comes after an error is dropped."""
        if self.error is None:
            self._queue.put(item)
            if self._queue.qsize() > ROOM:
                self.fail(AudioError("the disk has not written anything for minutes: record on another one"))

    def fail(self, error: AudioError) -> None:
        """Nothing more is written; told once."""
        if self.error is None:
            self.error = error
            self._failed(error)

    def settle(self, seconds: float = 10.0) -> None:
        """Wait until all that was handed over so far is written."""
        written = threading.Event()
        self._queue.put(written)
        written.wait(seconds)

    def close(self, seconds: float = 10.0) -> None:
        """Write what is left; a disk that does not answer is given up after so many seconds."""
        self._queue.put(None)
        self._thread.join(seconds)

    def _run(self) -> None:
        while True:
            items = [self._queue.get()]
            with suppress(queue.Empty):
                while True:
                    items.append(self._queue.get_nowait())
            work = [item for item in items if item is not None and not isinstance(item, threading.Event)]
            if work and self.error is None:
                try:
                    self._write(work)
                except AudioError as error:
                    self.fail(error)
                except Exception as error:  # the thread must live: others wait for it
                    self.fail(AudioError(f"writing failed ({error}): tell us how it came about"))
            for item in items:
                if isinstance(item, threading.Event):
                    item.set()
            if None in items:
                return


class Recorder:
    """heard.wav and spoken.wav in a folder, crash-safe, float32 mono at `samplerate` Hz; use it in a `with` block.

    Recordings that were there are kept as heard~.wav, heard~2.wav and so on. A disk that fails ends the recording with
    one report `error` on the bus; play goes on. AudioError if it cannot begin.
    """

    def __init__(self, folder: str | Path, samplerate: int, bus: Bus | None = None):
        self.folder, self._bus = Path(folder), bus
        with disk_errors(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
        paths = {name: self.folder / f"{name}.wav" for name in ("heard", "spoken")}
        aside(*paths.values())
        self._files = {name: SafeWav(path, samplerate) for name, path in paths.items()}
        self._behind = BackgroundWriter("recorder", self._write, self._failed)

    @property
    def error(self) -> AudioError | None:
        """Why it no longer records."""
        return self._behind.error

    def heard(self, audio: np.ndarray) -> None:
        """Add (n,) float32 that came in; best a hop at a time. Copied, so the caller may write over it."""
        self._behind.put(("heard", np.array(audio, np.float32)))

    def spoken(self, audio: np.ndarray) -> None:
        """Add (n,) float32 that the device was given."""
        self._behind.put(("spoken", np.array(audio, np.float32)))

    def settle(self) -> None:
        """Wait until everything is on the disk."""
        self._behind.settle()

    def close(self) -> None:
        """Write what is left."""
        self._behind.close()

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


def aside(*paths: Path) -> dict[Path, Path]:
    """Rename what is there to the first of name~, name~2, ... that is free for all: {was: is}. AudioError."""
    known = [path for path in paths if os.path.lexists(path)]
    marks = (f"~{number}" if number > 1 else "~" for number in count(1))
    for mark in marks if known else ():
        free = {path: path.with_name(f"{path.stem}{mark}{path.suffix}") for path in paths}
        if not any(map(os.path.lexists, free.values())):
            break
    for path in known:
        with disk_errors(path):
            os.rename(path, free[path])
    return {path: free[path] for path in known}
