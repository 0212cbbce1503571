"""Named arrays in shards: files that are each whole or absent, read through memory maps, and listed in a manifest.

    STORE/manifest.json                what all shards have in common, and "shards": {name: [what it holds, ...]}
    STORE/train-00000.safetensors      its arrays by name

The manifest is written first, then its shards, in any order and by any process: whoever is killed leaves whole shards,
and `begin` tells those that are missing. What is read is mapped and not loaded, so a store may be larger than memory.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save

from corpora.whole_files import atomic_write, disk_errors
from train.common.errors import TrainError
from train.common.files import visible

MANIFEST, SUFFIX = "manifest.json", ".safetensors"
FORMAT = 1
DTYPES = {"I16": "<i2", "I64": "<i8", "F16": "<f2", "F32": "<f4", "F64": "<f8"}  # names of the file format
REMEDY = "make it again with: antiphon train units DATA -o OUT"


class Shards(Mapping[str, np.ndarray]):
    """The arrays of a whole store by name, each a read-only view of a memory map. about: its manifest.

    TrainError where there is no store, a shard is missing or damaged.
    """

    def __init__(self, folder: Path):
        self.folder, self.about = folder, read_manifest(folder)
        self._arrays: dict[str, np.ndarray] = {}
        for name in self.about["shards"]:
            if not shard_path(folder, name).is_file():
                raise TrainError(f"'{folder}' lacks its shard {name}: give the command again by which it was begun")
            self._arrays |= read_shard(folder, name)

    def __getitem__(self, key: str) -> np.ndarray:
        return self._arrays[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._arrays)

    def __len__(self) -> int:
        return len(self._arrays)


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a store; TrainError if there is none, or it is damaged or of another version."""
    try:
        about = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        version, known = about["format"], isinstance(about["shards"], dict)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TrainError(f"'{folder}' is no store of tokens or features ({_first_line(error)}): {REMEDY}") from None
    if version != FORMAT or not known:
        raise TrainError(f"'{folder}' is a store of version {version}, this is {FORMAT}: {REMEDY}")
    return dict(about)


def is_store(folder: Path) -> bool:
    """Whether there is a store, whole or not."""
    return (folder / MANIFEST).is_file()


def is_whole(folder: Path) -> bool:
    """Whether there is a store with all its shards. TrainError if its manifest is damaged."""
    return is_store(folder) and not missing(folder, read_manifest(folder)["shards"])


def missing(folder: Path, shards: Sequence[str] | Mapping[str, Any]) -> list[str]:
    """Those of the named shards that a store does not have."""
    return [name for name in shards if not shard_path(folder, name).is_file()]


def shard_path(folder: Path, name: str) -> Path:
    """The file of a shard."""
    return folder / f"{name}{SUFFIX}"


def begin(folder: Path, about: Mapping[str, Any], shards: Mapping[str, Sequence[str]]) -> list[str]:
    """Make a store, or go on with it; returns the names of the shards that are to be written.

    about: what all shards have in common, as JSON values. shards: name -> what it holds. Shards of a store about
    something else, and those that hold something else, are removed. AudioError for what the disk refuses.
    """
    manifest = json.loads(json.dumps({"format": FORMAT, **about, "shards": shards}))
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for killed in folder.glob(".antiphon-*.part"):  # of a process that could not remove it
            killed.unlink()
        before = read_manifest(folder) if is_store(folder) else {"shards": {}}
        same = before | {"shards": {}} == manifest | {"shards": {}}
        for path in visible(folder, f"*{SUFFIX}"):
            if not same or before["shards"].get(path.stem) != manifest["shards"].get(path.stem):
                path.unlink()
    if before != manifest:
        atomic_write(folder / MANIFEST, json.dumps(manifest, indent=1) + "\n")
    return missing(folder, shards)


def grouped(folder: Path, songs: Mapping[str, Sequence[str]], size: int) -> dict[str, list[str]]:
    """{shard: its songs}: those that a store has, and new ones of at most `size` songs for the others.

    songs: split -> names. Given the same songs again, what an interrupted run had not written gets the same shards.
    """
    known = read_manifest(folder)["shards"] if is_store(folder) else {}
    plan: dict[str, list[str]] = {name: held for name, held in known.items() if shard_path(folder, name).is_file()}
    for split, names in songs.items():
        there = {song for shard, held in plan.items() if split_of(shard) == split for song in held}
        absent, number = [name for name in names if name not in there], 0
        for first in range(0, len(absent), size):
            while (shard := f"{split}-{number:05d}") in plan:
                number += 1
            plan[shard] = absent[first : first + size]
    return dict(sorted(plan.items()))


def split_of(shard: str) -> str:
    """The split of a shard that `grouped` has named."""
    return shard.rsplit("-", 1)[0]


def songs_of(features: Iterable[str]) -> dict[str, list[str]]:
    """{"<split>/<song>": its parts}, both sorted, of the keys of a store of features.

    >>> songs_of(["train/a/piano/f0.5", "train/a/bass/f0.5", "train/a/bass/l0.5"])
    {'train/a': ['bass', 'piano']}
    """
    stems = sorted({tuple(key.rsplit("/", 2)[:2]) for key in features})
    return {song: [part for _, part in group] for song, group in groupby(stems, lambda stem: stem[0])}


def write_shard(folder: Path, name: str, arrays: Mapping[str, np.ndarray]) -> None:
    """Write a shard, whole or not at all; equal arrays give equal bytes. AudioError for what the disk refuses."""
    atomic_write(shard_path(folder, name), save({key: np.ascontiguousarray(value) for key, value in arrays.items()}))


def read_shard(folder: Path, name: str) -> dict[str, np.ndarray]:
    """The arrays of a shard by name, read-only views of a memory map. TrainError if it is damaged."""
    path = shard_path(folder, name)
    try:
        content = np.memmap(path, np.uint8, "r")
        first = 8 + int.from_bytes(content[:8].tobytes(), "little")
        header = json.loads(content[8:first].tobytes())
        header.pop("__metadata__", None)
        if first + max((entry["data_offsets"][1] for entry in header.values()), default=0) != len(content):
            raise ValueError("it has been cut")
        return {
            key: np.ndarray(entry["shape"], DTYPES[entry["dtype"]], content, first + entry["data_offsets"][0])
            for key, entry in header.items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise TrainError(
            f"'{path}' is damaged ({_first_line(error)}): delete it, and give the command again by which it was made"
        ) from None


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)[:120]
