"""Audio files in and out: WAV, FLAC, OGG, MP3 and whatever else libsndfile reads, streamed and mono.

Every failure is an `AudioError` of one sentence: the value that is wrong, then what to do. What is written appears
under its name whole or not at all (a temporary file in the same folder, flushed to the disk, then renamed).

All audio inside Antiphon is float32 mono, (n,), full scale = 1.
"""

from __future__ import annotations

import errno
import logging
import math
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from difflib import get_close_matches
from itertools import repeat
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import soundfile as sf
import soxr

from corpora.containers import Repair, View, examine
from corpora.interruption import deferred
from corpora.whole_files import (
    AudioError,
    appear,
    atomic_folder,
    atomic_write,
    disk_errors,
    reason,
    temporary_name,
    write_error,
)

if TYPE_CHECKING:
    from typing import Self

__all__ = ["AudioError", "AudioFile", "AudioWriter", "atomic_folder", "atomic_write"]
__all__ += ["open_audio", "read_at", "regroup", "resample", "warn_if_silent"]

log = logging.getLogger(__name__)  # what a user should know of a file that can be read all the same

BLOCK = 65536  # frames read or written at once
CANCELLED_DB = 17.0  # a mixdown that loses so much more than independent channels do: their correlation is below -0.98
MOST_FRAMES = 1 << 50  # more is what libsndfile says where there is none
CHANNELS = 64  # most channels that are mixed down
RATES = (100, 1_000_000)  # Hz, lowest and highest
LOUDEST = 1000.0  # full scales; beyond it a float file holds integers or damage, not music
RESAMPLER = "HQ"  # soxr's preset; 20 bit, linear phase
FORMATS = {  # ending -> libsndfile's container, encodings (the first is the default)
    ".wav": ("WAV", ("PCM_24", "PCM_16", "FLOAT")),
    ".flac": ("FLAC", ("PCM_24", "PCM_16")),
    ".ogg": ("OGG", ("VORBIS",)),
    ".mp3": ("MP3", ("MPEG_LAYER_III",)),
}
BYTES = {"PCM_16": 2, "PCM_24": 3, "FLOAT": 4}
WAV_LIMIT = 2**32 - 2**16  # bytes; a RIFF header counts with 32 bits


# --- in -------------------------------------------------------------------------------------------------------------


class Disk:
    """A file handed to libsndfile: Python reports the errors that libsndfile swallows.

    libsndfile's Ogg writer, for one, takes a full disk for success. The first error is kept in `error`.
    """

    def __init__(self, file: Any):
        self.file = file
        self.error: OSError | ValueError | None = None

    def _guard(self, call: Callable[..., Any], *arguments: Any) -> Any:
        try:
            return call(*arguments)
        except (OSError, ValueError) as error:  # ValueError: the file was closed before libsndfile let go of it
            self.error = self.error or error
            return 0

    def read(self, size: int = -1) -> Any:
        """As of a file; nothing after an error."""
        return self._guard(self.file.read, size) or b""

    def readinto(self, buffer: Any) -> Any:
        """As of a file; 0 after an error."""
        return self._guard(self.file.readinto, buffer)

    def write(self, data: Any) -> Any:
        """As of a file; nothing is written after an error."""
        return self._guard(self.file.write, bytes(data)) if self.error is None else 0

    def seek(self, offset: int, whence: int = 0) -> Any:
        """As of a file."""
        return self._guard(self.file.seek, offset, whence)

    def tell(self) -> Any:
        """As of a file."""
        return self._guard(self.file.tell)


class _Decoder(sf.SoundFile):  # type: ignore[misc]  # soundfile has no annotations
    def seekable(self) -> bool:
        """No: `read` would seek to where it is after every block, which fails at the end of some files."""
        return False


class Mixdown:
    """Channels to mono by their mean, and how much they cancel each other."""

    def __init__(self) -> None:
        self.channels = 1
        self._before = self._after = 0.0  # energy per channel, and of the mean

    def mixed(self, block: np.ndarray) -> np.ndarray:
        """(n, channels) float32 -> their mean, (n,) float32."""
        self.channels = block.shape[1]
        if self.channels == 1:
            return block[:, 0].copy()
        mono: np.ndarray = block.mean(axis=1, dtype=np.float32)
        self._before += float(np.square(block, dtype=np.float64).mean(axis=1).sum())
        self._after += float(np.square(mono, dtype=np.float64).sum())
        return mono

    @property
    def loss_db(self) -> float:
        """By how much the mean is quieter than a channel, in dB; independent channels lose 10 log10 of their number."""
        return min(200.0, 10 * math.log10((self._before + 1e-30) / (self._after + 1e-30)))

    @property
    def cancels(self) -> bool:
        """Whether far more is lost than independent channels lose."""
        return self.channels > 1 and self.loss_db > 10 * math.log10(self.channels) + CANCELLED_DB


class AudioFile:
    """An audio file opened for reading; use it in a `with` block.

    path: as given · samplerate: Hz · channels · frames: per channel, as many as the file holds whatever its header
    says · seconds · remark: a sentence if header and content differ, else "" (it is logged as a warning too).
    Several channels are mixed down by their mean. Build one with `open_audio`.
    """

    def __init__(self, path: str | Path, at_least: float = 0.0, warn: bool = True):
        self.path = Path(path)
        self._file = _open(self.path)
        try:
            repair = self._examine()
            self._sound = self._decoder(repair)
            self.samplerate, self.channels = int(self._sound.samplerate), int(self._sound.channels)
            self.frames = int(self._sound.frames)
            self.seconds = self.frames / self.samplerate if self.samplerate else 0.0
            self._check(at_least)
        except AudioError:
            self._file.close()
            raise
        self.remark = self._remark(repair)
        if self.remark and warn:
            log.warning(self.remark)

    def _examine(self) -> Repair:
        try:
            if not self._file.read(1):
                raise AudioError(f"'{self.path}' is empty, it holds 0 samples: record or export it again")
            return examine(self._file)
        except OSError as error:
            raise self._unreadable(error) from None

    def _unreadable(self, error: Exception) -> AudioError:
        return AudioError(f"'{self.path}' cannot be read ({reason(error)}): check the disk, and who may read it")

    def _decoder(self, repair: Repair) -> sf.SoundFile:
        self._disk = Disk(View(self._file, repair))
        with deferred(), suppress(sf.SoundFileError, TypeError, ValueError):
            return _Decoder(self._disk)
        if self._disk.error:
            raise self._unreadable(self._disk.error)
        raise AudioError(f"'{self.path}' is not audio that can be read: give a WAV, FLAC, OGG, MP3 or AIFF file")

    def _remark(self, repair: Repair) -> str:
        """What a user should know of the length of this file, in one sentence."""
        read_length = f"'{self.path}' is read for {self.seconds:.3f} s"
        if repair.remark:
            return f"{read_length}: {repair.remark}; export it again if that is too short"
        if repair.share is None:
            return ""
        header_seconds = repair.share * self.seconds
        why = "it was cut off, export or copy it again" if header_seconds > self.seconds else "so much sound is in it"
        return f"{read_length}, its header says about {header_seconds:.3f} s: {why}"

    def _check(self, at_least: float) -> None:
        if not 0 < self.frames < MOST_FRAMES:
            raise AudioError(f"'{self.path}' holds 0 samples: record or export it again")
        if not RATES[0] <= self.samplerate <= RATES[1]:
            raise AudioError(
                f"'{self.path}' has a sample rate of {self.samplerate} Hz: convert it to one from {RATES[0]} to "
                f"{RATES[1]} Hz (48000 is a good choice)"
            )
        if self.channels > CHANNELS:
            raise AudioError(
                f"'{self.path}' has {self.channels} channels: at most {CHANNELS} are mixed down, export fewer"
            )
        if self.seconds < at_least:
            raise AudioError(
                f"'{self.path}' lasts {self.seconds:.3g} s, less than one hop of {at_least:g} s: "
                f"give at least {at_least:g} s of music"
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; blocks() and read() cannot be called afterwards."""
        with deferred():
            self._sound.close()
            self._file.close()

    def blocks(self, frames: int = BLOCK, rate: int | None = None) -> Iterator[np.ndarray]:
        """The whole file from its beginning, (frames,) float32 mono at a time, the last one shorter.

        rate: resampled to so many Hz on the way; None keeps the file's own. One block is held at a time.
        AudioError where the file is damaged or holds a sample that is no sound (NaN, Inf).
        """
        if rate is None or rate == self.samplerate:
            return self._mono(frames)
        return regroup(_resampled(self._mono(BLOCK), self.samplerate, rate), repeat(frames))

    def read(self, rate: int | None = None) -> np.ndarray:
        """The whole file as one array, (n,) float32 mono; resampled to `rate` Hz unless None."""
        expected = self.frames if rate is None else int(self.frames * rate / self.samplerate) + 1
        try:
            audio, n = np.empty(expected, np.float32), 0
            for block in self.blocks(rate=rate):
                if n + len(block) > len(audio):
                    audio = np.concatenate([audio[:n], np.empty(n + len(block), np.float32)])
                audio[n : n + len(block)] = block
                n += len(block)
        except MemoryError:
            raise AudioError(
                f"'{self.path}' lasts {self.seconds / 3600:.1f} h, more than this machine's memory holds: cut it"
            ) from None
        return audio[:n]

    def _mono(self, frames: int) -> Iterator[np.ndarray]:
        done, mixdown, rewound = 0, Mixdown(), False
        while True:
            block = None
            with deferred(), suppress(sf.SoundFileError, RuntimeError):
                rewound = rewound or self._sound.seek(0) == 0
                block = self._sound.read(min(frames, self.frames - done), dtype="float32", always_2d=True)
            if block is None or self._disk.error:
                raise self._damaged(done)
            self._refuse_nonsense(block, done)
            done += len(block)
            if len(block):
                yield mixdown.mixed(block)
            if len(block) < frames:
                break
        if done < self.frames:
            raise self._damaged(done)
        if mixdown.cancels:
            log.warning(
                f"'{self.path}' cancels out: its channels are out of phase and their mean, which is what is heard, is "
                f"{mixdown.loss_db:.0f} dB quieter than they are; invert one of them, or give one channel alone"
            )

    def _damaged(self, frames: int) -> AudioError:
        return AudioError(
            f"'{self.path}' cannot be read beyond {frames / self.samplerate:.3f} s: "
            "the file is damaged, export or copy it again"
        )

    def _refuse_nonsense(self, block: np.ndarray, done: int) -> None:
        good = np.abs(block) <= LOUDEST  # False for NaN too
        if good.all():
            return
        frame, channel = np.argwhere(~good)[0]
        value, seconds = block[frame, channel], (done + frame) / self.samplerate
        raise AudioError(
            f"'{self.path}' holds a sample of {value:.3g} at {seconds:.3f} s in channel {channel + 1}: "
            "repair it, or export it again as 24-bit WAV"
        )


def warn_if_silent(path: str | Path, labels: Iterable[int], silence: int, gate_db: float) -> None:
    """Log a warning if every hop of an input got the label `silence`, for it was below the gate (dBFS RMS)."""
    count = 0
    for label in labels:
        if label != silence:
            return
        count += 1
    if count:
        log.warning(
            f"'{path}' is silent: none of its {count} hops reaches the gate of {gate_db:g} dBFS; record it louder, or "
            "lower the gate with  --set perception.gate_db=-80"
        )


def open_audio(path: str | Path, at_least: float = 0.0, warn: bool = True) -> AudioFile:
    """Open an audio file for reading; AudioError if it is missing, not audio, empty or shorter than `at_least` s.

    warn: log a warning if its header gives another length than its bytes hold, see `AudioFile.remark`.
    """
    return AudioFile(path, at_least, warn)


def read_at(path: str | Path, rate: int | None = None) -> np.ndarray:
    """The whole file as (n,) float32 mono at `rate` Hz (None: its own)."""
    with open_audio(path) as file:
        return file.read(rate)


def resample(audio: np.ndarray, from_rate: float, to_rate: float) -> np.ndarray:
    """(n,) float32 at `from_rate` Hz -> (round(n * to_rate / from_rate),) float32 at `to_rate` Hz."""
    audio = np.asarray(audio, np.float32)
    if from_rate == to_rate or not len(audio):
        return audio
    resampled: np.ndarray = soxr.resample(audio, from_rate, to_rate, quality=RESAMPLER)
    return resampled


def regroup(blocks: Iterable[np.ndarray], sizes: Iterable[int]) -> Iterator[np.ndarray]:
    """The same samples cut anew into blocks of `sizes`, whatever came in; the last one may be shorter."""
    waiting, n = [], 0
    source = iter(blocks)
    for size in sizes:
        while n < size and (block := next(source, None)) is not None:
            waiting.append(block)
            n += len(block)
        if n == 0:
            return
        joined = np.concatenate(waiting) if len(waiting) > 1 else waiting[0]
        yield joined[:size]
        waiting, n = ([joined[size:]], n - size) if n > size else ([], 0)


def _resampled(blocks: Iterable[np.ndarray], from_rate: int, to_rate: int) -> Iterator[np.ndarray]:
    """Sample for sample what `resample` makes of the whole."""
    stream = soxr.ResampleStream(from_rate, to_rate, 1, dtype="float32", quality=RESAMPLER)
    for block in blocks:
        yield stream.resample_chunk(block)
    yield stream.resample_chunk(np.zeros(0, np.float32), last=True)


def _open(path: Path) -> Any:
    try:
        if path.exists() and not path.is_file():
            raise AudioError(f"'{path}' is not a file: name one audio file")
        return open(path, "rb")
    except FileNotFoundError:
        raise AudioError(f"there is no file '{path}': {_near(path)}") from None
    except (OSError, ValueError) as error:
        if isinstance(error, AudioError):
            raise
        raise AudioError(f"'{path}' cannot be opened ({reason(error)}): check its name and who may read it") from None


def _near(path: Path) -> str:
    names: list[str] = []
    with suppress(OSError):
        names = sorted(other.name for other in path.parent.iterdir() if other.is_file())
    near = get_close_matches(path.name, names, 1)
    return f"did you mean '{path.with_name(near[0])}'?" if near else "check its name and folder"


# --- out ------------------------------------------------------------------------------------------------------------


class AudioWriter:
    """Writes one audio file in a `with` block; it appears when the block ends well and never otherwise.

    path: .wav, .flac, .ogg or .mp3 · samplerate: Hz · subtype: libsndfile's name, the ending's default if None ·
    channels · seconds: if the length is known, room on the disk is checked before the first sample (WAV only: what
    the others need is known afterwards). Samples beyond full scale are clipped, except in FLOAT.
    """

    def __init__(
        self,
        path: str | Path,
        samplerate: int,
        subtype: str | None = None,
        channels: int = 1,
        seconds: float | None = None,
    ):
        self.path, self.samplerate, self.channels, self.frames = Path(path), int(samplerate), channels, 0
        if self.path.suffix.lower() not in FORMATS:
            raise AudioError(f"'{self.path}' ends in '{self.path.suffix}': name the output .wav, .flac, .ogg or .mp3")
        self._container, subtypes = FORMATS[self.path.suffix.lower()]
        self.subtype = subtype or subtypes[0]
        if self.subtype not in subtypes:
            raise AudioError(f"'{self.path}' cannot hold {self.subtype}: choose among {', '.join(subtypes)}")
        if seconds is not None:
            self._check_room(seconds)

    def _check_room(self, seconds: float) -> None:
        if self._container != "WAV":
            return
        needed = round(seconds * self.samplerate) * self._frame_bytes
        self._check_size(needed)
        with suppress(OSError):  # a folder that is not there has its own sentence later
            free = shutil.disk_usage(self.path.resolve().parent).free
            if needed > free:
                raise AudioError(
                    f"no room on the disk for '{self.path}': it needs {needed / 1e6:.0f} MB and {free / 1e6:.0f} MB "
                    "are free; make room or write elsewhere"
                )

    def _check_size(self, size: int) -> None:
        if self._container == "WAV" and size > WAV_LIMIT:
            raise AudioError(f"'{self.path}' would exceed 4 GB, the most a WAV holds: name the output .flac")

    @property
    def _frame_bytes(self) -> int:
        return BYTES.get(self.subtype, 0) * self.channels

    def __enter__(self) -> Self:
        self._target, self._temporary = temporary_name(self.path)
        with deferred():
            with disk_errors(self.path):
                self._file = open(self._temporary, "x+b")
            self._disk = Disk(self._file)
            self._sound = self._encoder()
        return self

    def _encoder(self) -> sf.SoundFile:
        try:
            return sf.SoundFile(
                self._disk,
                "w",
                self.samplerate,
                self.channels,
                self.subtype,
                format=self._container,
                compression_level=1.0 if self._container == "FLAC" else None,  # lossless: smallest
            )
        except (sf.SoundFileError, TypeError, ValueError):
            failed = self._disk.error
            self._discard()
            if failed:
                raise write_error(self.path, failed) from None
            raise AudioError(
                f"'{self.path}' cannot be made: {self._container} does not hold {self.channels} channels at "
                f"{self.samplerate} Hz, name the output .wav or choose 48000 Hz"
            ) from None

    def write(self, audio: np.ndarray) -> None:
        """Append (n,) mono or (n, channels) samples, full scale = 1; AudioError when the disk takes no more."""
        audio = np.asarray(audio, np.float32)
        if not np.isfinite(audio).all():
            raise AudioError(
                f"'{self.path}' was not written: the sound holds NaN or Inf after {self.frames / self.samplerate:.3f} s"
            )
        self._check_size((self.frames + len(audio)) * self._frame_bytes)
        for start in range(0, len(audio), BLOCK):  # libsndfile's Ogg writer overflows its stack on long arrays
            # Raised when the disk took less; reported below.
            with deferred(), suppress(AssertionError, sf.SoundFileError):
                self._sound.write(audio[start : start + BLOCK])
            self._raise_if_disk_failed()
        self.frames += len(audio)

    def __exit__(self, kind: object, *_: object) -> None:
        with deferred():
            if kind is not None:
                self._discard()
                return
            try:
                self._finish()
            except BaseException:
                self._discard()
                raise

    def _finish(self) -> None:
        if self.frames == 0:
            raise AudioError(f"'{self.path}' was not written: there is no sound to put in it, give at least 1 sample")
        self._sound.close()  # writes the header and what the encoder still holds
        self._raise_if_disk_failed()
        with disk_errors(self.path):
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            appear(self._temporary, self._target)

    def _raise_if_disk_failed(self) -> None:
        if self._disk.error is not None:
            raise write_error(self.path, self._disk.error) from None

    def _discard(self) -> None:
        with suppress(Exception), deferred():  # after a full disk, closing fails again
            self._disk.error = self._disk.error or OSError(errno.ECANCELED, "given up")
            self._sound.close()
        with suppress(OSError):
            self._file.close()
        with suppress(OSError):
            os.unlink(self._temporary)
