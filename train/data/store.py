"""All stems of a split in the memory of the training device: a batch of windows is one gather, without file access.

    store = Store([Path("stems")], "train", "cuda")
    store.windows([(part, begin), ...], 80000)       (n, 80000) float32

DATA/<split>/<song>/<part>.flac with song.json ("beats": times in s, or "chords") and notes.npz, where they are known.
A second at 16 kHz takes 32 kB: 100 hours take 11.5 GB. Threads decode the files into one buffer.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from perception.wav2vec2 import SAMPLERATE
from train.common.errors import TrainError, reading
from train.common.files import visible
from train.data.stems import Song, decode_stored, read, stems_of, stored_length

BLOCK_SAMPLES = 1600  # per level; parts begin with a block
FULL_SCALE = 32768.0


@dataclass(frozen=True)
class StoredSong:
    """A song. parts: name -> number of the part in the store; seconds: of its longest part.

    beats (n,) float64 s, chords (c, 3) float32 [start s, end s, root]: empty where they are not known.
    notes: part -> (n, 3 or more) float32 [onset s, offset s, MIDI pitch, ...], of the parts whose notes are known.
    recorded: a recording of people; its song.json names no synthesiser programs.
    """

    name: str
    folder: Path
    parts: dict[str, int]
    seconds: float
    beats: np.ndarray = field(default_factory=lambda: np.zeros(0))
    chords: np.ndarray = field(default_factory=lambda: np.zeros((0, 3), np.float32))
    notes: dict[str, np.ndarray] = field(default_factory=dict)
    recorded: bool = False


class Store:
    """The songs of one split. Parts are numbered through all songs.

    samples (all parts end to end,) int16 on `device`; begin, length (parts,) int64: the slice of each part in it; song
    (parts,) int64: index of each part's song in `songs`; levels (blocks,) float32: mean squares of blocks of 0.1 s.
    TrainError where there is no song, AudioError for a file that cannot be read.
    """

    def __init__(
        self,
        folders: Sequence[Path],
        split: str,
        device: str | torch.device = "cpu",
        *,
        fewest_parts: int = 1,
        shortest_s: float = 0.0,
        threads: int = 16,
        songs: Sequence[Path] = (),
    ):
        """fewest_parts, shortest_s: songs below either are left out. songs: folders of those to load; (): all."""
        candidates = [(song, stems_of(song)) for song in songs or song_folders(folders, split)]
        candidates = [(song, stems) for song, stems in candidates if stems and len(stems) >= fewest_parts]
        with ThreadPoolExecutor(threads) as pool:
            lengths = list(pool.map(_lengths, (stems for _, stems in candidates)))
            chosen = [
                (*each, n) for each, n in zip(candidates, lengths, strict=True) if max(n) >= shortest_s * SAMPLERATE
            ]
            if not chosen:
                raise TrainError(
                    f"no song of {shortest_s:g} s with {fewest_parts} stems or more in the split '{split}' of "
                    f"{' or '.join(map(str, folders))}: make some with python -m train.songs.render"
                )
            self.length = np.array([n for _, _, of_song in chosen for n in of_song], np.int64)
            self.song = np.repeat(np.arange(len(chosen)), [len(of_song) for _, _, of_song in chosen])
            blocks = -(-self.length // BLOCK_SAMPLES)
            self.begin = BLOCK_SAMPLES * np.concatenate([[0], np.cumsum(blocks)])[:-1]
            buffer = np.zeros(BLOCK_SAMPLES * int(blocks.sum()), np.int16)
            self.levels = np.zeros(int(blocks.sum()), np.float32)
            files = [path for _, stems, _ in chosen for path in stems.values()]
            firsts = np.cumsum([0, *(len(stems) for _, stems, _ in chosen)])
            list(pool.map(lambda part: self._decode(files[part], part, buffer), range(len(files))))
            self.songs = list(pool.map(_song, *zip(*chosen, strict=True), firsts[:-1].tolist()))
        self.sums = np.concatenate([[0.0], np.cumsum(self.levels, dtype=np.float64)])  # of levels, up to each block
        self.samples = torch.from_numpy(buffer).to(device)

    def _decode(self, path: Path, part: int, buffer: np.ndarray) -> None:
        """Decode a part into `buffer`, and fill its levels."""
        begin, length = int(self.begin[part]), int(self.length[part])
        target = buffer[begin : begin + length]
        if not decode_stored(path, target):
            audio = read(path)[:length]
            target[: len(audio)] = np.clip(np.rint(FULL_SCALE * audio), -FULL_SCALE, FULL_SCALE - 1)
        first, last = begin // BLOCK_SAMPLES, -(-(begin + length) // BLOCK_SAMPLES)
        sound = buffer[first * BLOCK_SAMPLES : last * BLOCK_SAMPLES].reshape(-1, BLOCK_SAMPLES).astype(np.float32)
        self.levels[first:last] = np.square(sound / FULL_SCALE).mean(1)

    @property
    def device(self) -> torch.device:
        """Device of the samples and windows."""
        return self.samples.device

    def windows(self, picks: ArrayLike, samples: int) -> Tensor:
        """(n, samples) float32 in [-1, 1) of picks (n, 2): part, and the sample at which its window begins.

        Zeros before the beginning of a part and after its end.
        """
        part, begin = np.asarray(picks, np.int64).reshape(-1, 2).T
        if not len(part):
            return torch.zeros(0, samples, device=self.device)
        inside = np.stack([np.clip(-begin, 0, samples), np.clip(self.length[part] - begin, 0, samples)])
        total = len(self.samples)
        first = self.begin[part] + begin
        rows = torch.from_numpy(np.concatenate([first, *inside])).to(self.device).reshape(3, -1, 1)
        at = torch.arange(samples, device=self.device)
        if total >= samples and first.min() >= 0 and first.max() <= total - samples:
            sound = self.samples.unfold(0, samples, 1)[rows[0, :, 0]]
        else:  # at either end of all
            sound = self.samples[(rows[0] + at).clamp(0, total - 1)]
        valid = (at >= rows[1]) & (at < rows[2])
        return sound.float().mul_(valid).div_(FULL_SCALE)

    def level_db(self, part: ArrayLike, begin: ArrayLike, samples: int) -> np.ndarray:
        """(n,) RMS in dBFS of windows of parts (n,) from samples (n,) on, in steps of 0.1 s; -inf for silence."""
        part, begin = np.asarray(part, np.int64), np.asarray(begin, np.int64)
        blocks = -(-self.length[part] // BLOCK_SAMPLES)
        low = np.clip(begin // BLOCK_SAMPLES, 0, blocks)
        high = np.clip((begin + samples) // BLOCK_SAMPLES, 0, blocks)
        first = self.begin[part] // BLOCK_SAMPLES
        power = (self.sums[first + high] - self.sums[first + low]) * BLOCK_SAMPLES / samples
        with np.errstate(divide="ignore"):
            return np.asarray(10 * np.log10(np.where(power > 1e-12, power, 0.0)))


def song_folders(folders: Sequence[Path], split: str, most: int | None = None) -> list[Path]:
    """The folders of the songs of a split, sorted, at most `most` of each data folder."""
    return [
        song for folder in folders for song in [path for path in visible(folder, f"{split}/*") if path.is_dir()][:most]
    ]


def _lengths(stems: Song) -> list[int]:
    """Samples at 16 kHz of each stem."""
    return [stored_length(path) for path in stems.values()]


def _song(folder: Path, stems: Song, lengths: list[int], first: int) -> StoredSong:
    """The song in a folder, its parts numbered from `first` on."""
    info = {}
    notes: dict[str, np.ndarray] = {}
    with reading(folder):
        if (folder / "song.json").is_file():
            info = json.loads((folder / "song.json").read_text())
        if (folder / "notes.npz").is_file():
            with np.load(folder / "notes.npz", allow_pickle=False) as archive:
                notes = {part: archive[part].reshape(-1, 3) for part in archive.files if part in stems}
        chords = np.array([chord[:3] for chord in info.get("chords", [])], np.float32).reshape(-1, 3)
        beats = np.unique([np.ravel(beat)[0] for beat in info.get("beats", [])])  # with or without downbeats
    parts = {name: first + n for n, name in enumerate(stems)}
    return StoredSong(
        folder.name, folder, parts, max(lengths) / SAMPLERATE, beats, chords, notes, "programs" not in info
    )
