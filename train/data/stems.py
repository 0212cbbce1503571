"""Stems: the audio files of a folder, and the only reader of them in training and evaluation.

A stem of any rate and number of channels is read as (n,) float32 mono at 16 kHz. Hidden files and files without the
suffix of an audio file are skipped. AudioError names a file that cannot be read.
"""

from __future__ import annotations

import math
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

import numpy as np
import soundfile as sf

from corpora.audio import LOUDEST, open_audio, read_at, resample
from perception.level import level_db
from perception.stream import DEFAULT_GATE_DB
from perception.wav2vec2 import SAMPLERATE
from train.common.errors import TrainError
from train.common.files import visible

AUDIO_SUFFIXES = {".flac", ".wav", ".aif", ".aiff", ".ogg", ".mp3"}
STEM_FOLDERS = ("stems", "stems_audio")  # subfolders of a song in Slakh2100 and CocoChorales
MIXTURE_NAMES = {"mix", "mixture", "mixdown", "master"}  # files beside the stems that hold all of them
GATE_DB = DEFAULT_GATE_DB  # dBFS below which a hop is silent, as in the agent
Song = dict[str, Path]  # stem -> its file


def stems_of(song: Path) -> Song:
    """{stem: file} of a song's folder, or of the folder of stems inside it; mixtures of all stems are left out.

    TrainError where two files have the same stem name.
    """
    folder = next((song / name for name in STEM_FOLDERS if (song / name).is_dir()), song)
    stems: Song = {}
    for path in visible(folder, "*"):
        if path.suffix.lower() in AUDIO_SUFFIXES and path.stem.lower() not in MIXTURE_NAMES and path.is_file():
            if path.stem in stems:
                raise TrainError(f"'{stems[path.stem]}' and '{path}' are one stem twice: move one of them away")
            stems[path.stem] = path
    return stems


def songs_below(data: Path, split: str) -> dict[str, Song]:
    """{song: its stems} below DATA/<split> if there is one, else below DATA, else DATA itself as the only song."""
    top = data / split if split and (data / split).is_dir() else data
    folders = [*(path for path in visible(top, "*") if path.is_dir()), top]
    result = {folder.resolve().name: stems_of(folder) for folder in folders}
    return {song: stems for song, stems in result.items() if stems}


def read(path: Path, seconds: float = 0.0) -> np.ndarray:
    """(n,) float32 at 16 kHz: the first `seconds` of a stem, or all of it (0). AudioError if it cannot be read."""
    if seconds and seconds < duration(path):
        return excerpt(path, 0.0, round(seconds * SAMPLERATE))
    return read_at(path, SAMPLERATE)


def read_at_rate(path: Path, samplerate: int) -> np.ndarray:
    """(n,) float32 mono at `samplerate` Hz: all of a recording. AudioError if it cannot be read."""
    return read_at(path, samplerate)


def read_from(path: Path, begin: float, seconds: float) -> np.ndarray:
    """(at most seconds * 16000,) float32 from `begin` s on; shorter at the end of the stem. AudioError likewise."""
    available_s = max(0.0, min(seconds, duration(path) - begin))
    return excerpt(path, begin, round(available_s * SAMPLERATE))


def duration(path: Path) -> float:
    """How long a stem lasts, in s; AudioError if it cannot be opened."""
    info = path.stat() if path.is_file() else None
    return _duration(path, info and (info.st_mtime_ns, info.st_size))


@lru_cache(1 << 16)
def _duration(path: Path, version: tuple[int, int] | None) -> float:
    with open_audio(path) as file:
        return file.seconds


def excerpt(path: Path, begin: float, samples: int) -> np.ndarray:
    """(samples,) float32 at 16 kHz from `begin` s on, zeros after the end. AudioError if the stem cannot be read.

    Only the excerpt is decoded, or the whole stem where seeking fails, as in files with a wrong header.
    """
    audio = _seek_excerpt(path, begin, samples)
    if audio is None:
        audio = read(path)[round(begin * SAMPLERATE) :]
    out = np.zeros(samples, np.float32)
    out[: len(audio)] = audio[:samples]
    return out


def _seek_excerpt(path: Path, begin: float, samples: int) -> np.ndarray | None:
    """(at most samples,) float32 from `begin` s on; None where seeking gives fewer samples than the file holds."""
    available_s = min(samples / SAMPLERATE, max(0.0, duration(path) - begin))  # s
    try:
        with sf.SoundFile(path) as file:
            rate, first = file.samplerate, round(begin * file.samplerate)
            file.seek(min(first, file.frames))
            audio = file.read(math.ceil(samples / SAMPLERATE * rate), "float32", always_2d=True).mean(axis=1)
    except (OSError, sf.SoundFileError, RuntimeError):
        return None
    if len(audio) < math.floor(available_s * rate) - 1 or not np.abs(audio).max(initial=0) <= LOUDEST:  # NaN fails too
        return None
    return resample(audio, rate, SAMPLERATE)[:samples]


def stored_length(path: Path) -> int:
    """Samples at 16 kHz of a stem: by the header where the recipes wrote the file, else by its content."""
    with suppress(OSError, sf.SoundFileError, RuntimeError):
        info = sf.info(path)
        if (info.samplerate, info.channels, info.subtype, info.format) == (SAMPLERATE, 1, "PCM_16", "FLAC"):
            return int(info.frames)
    return round(duration(path) * SAMPLERATE)


def decode_stored(path: Path, out: np.ndarray) -> bool:
    """Decode a 16-bit mono file at 16 kHz of n samples into `out` (n,) int16; False for a file of another format."""
    try:
        with sf.SoundFile(path) as file:
            if (file.samplerate, file.channels, file.subtype) != (SAMPLERATE, 1, "PCM_16"):
                return False
            return len(file.read(dtype="int16", out=out)) == len(out)
    except (OSError, sf.SoundFileError, RuntimeError):
        return False  # `read` may succeed, or names the fault


def levels(audio: np.ndarray, hop: int) -> np.ndarray:
    """(hops,) `perception.level` in dBFS of every whole hop of `hop` samples in (n,) audio; a remainder is dropped."""
    return level_db(audio[: len(audio) // hop * hop].reshape(-1, hop))
