"""Token caches, and the pairs (A input, B played) drawn from them.

A token cache is a store (train.data.shards): per stem a key "<split>/<song>/<part>" with (n,) int16 labels, silence =
units; its manifest says {"units": 64, "hop": 0.5, "alphabet": "k64-xxxx", ...}. A part may be a submix,
"mix-<part>+<part>...". Stems are tokenised once, by train.fit_units. Caches of before, one npz file each, are read.

Pairs follow Bujard et al. (2025), §5.1: any two stems of a song, both ways, drums excluded.
"""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from train.common.errors import TrainError
from train.common.files import visible
from train.data import shards
from train.data.shards import Shards

LABELS = "labels"  # what the manifest of a token cache says it holds
NPZ_VERSION = 1  # version of the caches of before
UNPITCHED = {"drums", "drum", "percussion", "fx"}
MAX_SILENCE_SHARE = 0.8  # largest share of silence in a crop of B
MAX_TRIES = 1000  # rounds of drawing, after which songs have no crop
SUBMIX_PREFIX = "mix-"


class Song(dict[str, np.ndarray]):
    """part -> (n,) labels. name: "<split>/<song>"."""

    name = ""


class Crop(NamedTuple):
    """A crop: its song, the parts of A (`input`) and B (`played`), and its first hop."""

    song: Song
    input: str
    played: str
    begin: int


@dataclass(frozen=True)
class Tokens:
    """The content of a token cache. songs: split -> song -> part -> (n,) int16 labels in [0, units]."""

    units: int
    hop: float  # s per label
    alphabet: str
    songs: dict[str, dict[str, Song]]
    shapes: int = 0  # units 12 p + r, p < shapes, are shape p on pitch class r; 0: labels cannot be transposed
    features: Mapping[str, np.ndarray] = field(default_factory=dict)  # see train.data.hearing; empty: not known

    def split(self, name: str) -> list[Song]:
        """The songs of a split that have a pair of stems, in the order of their names."""
        return [song for _, song in sorted(self.songs.get(name, {}).items()) if stem_pairs(song)]

    def split_for_training(self) -> tuple[list[Song], list[Song]]:
        """(training songs, validation songs): the splits "train" and "validation" or, without the latter, the last
        tenth of "train". TrainError when either is empty."""
        songs, validation = self.split("train"), self.split("validation")
        if not validation:
            rest = max(1, len(songs) // 10)
            songs, validation = songs[:-rest], songs[-rest:]
        if not songs or not validation:
            raise TrainError("too few songs: two or more in the split 'train', each with two stems other than drums")
        return songs, validation


def save(
    path: Path | str, stems: Mapping[str, np.ndarray], units: int, hop: float, alphabet: str, shapes: int = 0
) -> None:
    """Write a token cache of one shard. stems: "<split>/<song>/<part>" -> (n,) labels in [0, units]."""
    path, arrays = Path(path), {key: np.asarray(labels, np.int16) for key, labels in stems.items()}
    for key, labels in arrays.items():
        _check_stem(path, key, labels, units)
    about = manifest(units, hop, alphabet, shapes)
    shards.begin(path, about, {"all": sorted(arrays)})
    shards.write_shard(path, "all", arrays)


def manifest(units: int, hop: float, alphabet: str, shapes: int, **more: str) -> dict[str, Any]:
    """What the manifest of a token cache says of all its shards."""
    return {"holds": LABELS, "units": units, "hop": hop, "alphabet": alphabet, "shapes": shapes, **more}


def load(path: Path | str) -> Tokens:
    """Read a token cache: a store, an npz file of before, or a folder with just one. TrainError when it is none.

    The labels of a store are mapped, not loaded.
    """
    path = find_cache(Path(path))
    stems, meta = _read_npz(path) if path.is_file() else _read_store(path)
    try:
        units, hop, alphabet = int(meta["units"]), float(meta["hop"]), str(meta["alphabet"])
        shapes = int(meta.get("shapes", 0))
    except (ValueError, KeyError, TypeError) as e:
        raise TrainError(f"{path} is not a token cache ({e}): {shards.REMEDY}") from None
    songs: dict[str, dict[str, Song]] = {}
    for key, labels in stems.items():
        split, song, part = _check_stem(path, key, labels, units)
        of_song = songs.setdefault(split, {}).setdefault(song, Song())
        of_song.name, of_song[part] = f"{split}/{song}", labels
    return Tokens(units, hop, alphabet, songs, shapes)


def _read_store(path: Path) -> tuple[Mapping[str, np.ndarray], dict[str, Any]]:
    store = Shards(path)
    if store.about.get("holds") != LABELS:
        raise TrainError(f"{path} is not a token cache: it holds {store.about.get('holds')}")
    return store, store.about


def _read_npz(path: Path) -> tuple[Mapping[str, np.ndarray], dict[str, Any]]:
    """The labels and the "meta" of a cache of before."""
    try:
        with np.load(path, allow_pickle=False) as cache:
            stems = {key: cache[key] for key in cache.files}
        meta = dict(json.loads(stems.pop("meta").tobytes()))
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as e:
        raise TrainError(f"{path} is not a token cache ({e}): {shards.REMEDY}") from None
    if meta.get("version") != NPZ_VERSION:
        raise TrainError(
            f"{path} is a token cache of version {meta.get('version')}, this is {NPZ_VERSION}: {shards.REMEDY}"
        )
    return stems, meta


def is_cache(path: Path) -> bool:
    """Whether there is a token cache at a path, or an npz file that may be one."""
    return path.is_file() or (shards.is_store(path) and shards.read_manifest(path).get("holds") == LABELS)


def is_made(path: Path) -> bool:
    """Whether a whole token cache is at a path, or, of before, at it with .npz."""
    return shards.is_whole(path) or Path(f"{path}.npz").is_file()


def caches_in(folder: Path) -> list[Path]:
    """The token caches in a folder, sorted; an npz file of before only where there is no store of its name."""
    stores = [path.parent for path in visible(folder, f"*/{shards.MANIFEST}") if is_cache(path.parent)]
    files = [path for path in visible(folder, "*.npz") if not path.name.startswith("hearing_")]
    return sorted([*stores, *(path for path in files if path.with_suffix("") not in stores)])


def find_cache(path: Path) -> Path:
    """The token cache at a path, with or without .npz, or the only one in a folder. TrainError for none or several."""
    for each in (path, Path(f"{path}.npz"), Path(str(path).removesuffix(".npz"))):
        if is_cache(each):
            return each
    result = caches_in(path)
    if len(result) == 1:
        return result[0]
    if result:
        raise TrainError(f"{path} holds several token caches: name one of {', '.join(p.name for p in result)}")
    raise TrainError(f"no token cache at {path}: make one with: antiphon train units DATA -o TOKENS")


def _check_stem(path: Path, key: str, labels: np.ndarray, units: int) -> tuple[str, str, str]:
    names = key.split("/")
    if len(names) != 3:
        raise TrainError(f"{path}: stem '{key}': expected <split>/<song>/<part>")
    if labels.ndim != 1 or labels.dtype.kind != "i" or (len(labels) and not 0 <= labels.min() <= labels.max() <= units):
        raise TrainError(f"{path}: stem '{key}' holds other than labels 0 to {units}: make the cache again")
    return names[0], names[1], names[2]


def parts_of(name: str) -> set[str]:
    """The parts of a stem: itself, or those of a submix."""
    return set(name.removeprefix(SUBMIX_PREFIX).split("+")) if name.startswith(SUBMIX_PREFIX) else {name}


def stem_pairs(song: Mapping[str, np.ndarray]) -> list[tuple[str, str]]:
    """All pairs (A, B), both ways. A may be a submix without B; B is never a submix; neither contains drums."""
    return list(_pairs(tuple(sorted(song))))


def pitched(name: str) -> bool:
    """Whether a stem, by its name, has no drums, percussion or effects."""
    return not any(set(re.findall("[a-z]+", part.lower())) & UNPITCHED for part in parts_of(name))


@lru_cache(1 << 16)
def _pairs(names: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    those = [name for name in names if pitched(name)]
    return tuple((a, b) for b in those if not b.startswith(SUBMIX_PREFIX) for a in those if b not in parts_of(a))


def draw_crops(
    songs: Sequence[Song], length: int, count: int, rng: np.random.Generator, silence: int
) -> tuple[np.ndarray, np.ndarray]:
    """(A, B) labels of `count` crops, each (count, length) int64; see `pick_crops`."""
    crops = pick_crops(songs, length, count, rng, silence)
    inputs = [crop.song[crop.input][crop.begin : crop.begin + length] for crop in crops]
    played = [crop.song[crop.played][crop.begin : crop.begin + length] for crop in crops]
    return np.array(inputs, np.int64), np.array(played, np.int64)


def pick_crops(
    songs: Sequence[Song],
    length: int,
    count: int,
    rng: np.random.Generator,
    silence: int,
    weights: np.ndarray | None = None,
) -> list[Crop]:
    """`count` crops of `length` labels: a song by `weights`, then a pair and a first hop, both uniform.

    weights (songs,), summing to 1; None: uniform. A crop whose B has the label `silence` in more than 80 % is drawn
    again. TrainError when the songs have no such crop.
    """
    bounds = np.cumsum(np.full(len(songs), 1 / len(songs)) if weights is None else weights)
    crops: list[Crop] = []
    for _ in range(MAX_TRIES):
        numbers = rng.random((3, count - len(crops)))  # which song, which pair of it, where
        at = np.minimum(np.searchsorted(bounds, numbers[0] * bounds[-1], "right"), len(songs) - 1)
        drawn = (_crop(songs[n], pair, where, length, silence) for n, pair, where in zip(at, *numbers[1:], strict=True))
        crops += [crop for crop in drawn if crop is not None]
        if len(crops) == count:
            return crops
    raise TrainError(
        f"no crop of {length} labels found in {len(songs)} songs: they are shorter, or silent; give more music"
    )


def _crop(song: Song, pair: float, where: float, length: int, silence: int) -> Crop | None:
    """The crop of a song that `pair` and `where`, in [0, 1), choose; None where it is too short, or B too silent."""
    choices = stem_pairs(song)
    a, b = choices[int(pair * len(choices))]
    room = min(len(song[a]), len(song[b])) - length
    if room < 0:
        return None
    begin = int(where * (room + 1))
    silent = np.count_nonzero(song[b][begin : begin + length] == silence)
    return None if silent > MAX_SILENCE_SHARE * length else Crop(song, a, b, begin)


def labels_present(labels: np.ndarray, vocab: int) -> np.ndarray:
    """(n, vocab) bool: the labels that occur in each row of `labels` (n, T), values in [0, vocab)."""
    present = np.zeros((len(labels), vocab), bool)
    np.put_along_axis(present, labels, True, axis=1)
    return present


def transpose(labels: np.ndarray, semitones: int | np.ndarray, shapes: int) -> np.ndarray:
    """Labels of the transposed music: 12 p + r becomes 12 p + (r + semitones) mod 12 for each shape p < `shapes`.

    semitones: a number, or one per row of labels, (count, 1).
    """
    return np.where(labels < 12 * shapes, labels // 12 * 12 + (labels + semitones) % 12, labels)


def baseline_cross_entropies(songs: list[Song], played: np.ndarray, vocab: int) -> dict[str, float]:
    """Cross-entropies of `played` (n, T), nats per label, under models without input; a model must beat both.

    "marginal_ce": label frequencies of the songs; "bigram_ce": label given the previous one. Half a count per label is
    added.
    """
    once, twice = np.full(vocab, 0.5), np.full((vocab, vocab), 0.5)
    for song in songs:
        for part in {b for _, b in stem_pairs(song)}:
            once += np.bincount(song[part], minlength=vocab)
            np.add.at(twice, (song[part][:-1], song[part][1:]), 1)
    once, twice = once / once.sum(), twice / twice.sum(1, keepdims=True)
    first, rest = np.log(once[played[:, 0]]).sum(), np.log(twice[played[:, :-1], played[:, 1:]]).sum()
    return {"marginal_ce": float(-np.log(once[played]).mean()), "bigram_ce": float(-(first + rest) / played.size)}
