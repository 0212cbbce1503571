"""Stores the features of decision/heard.py for training: key, level and phase of the beat of every hop.

One store of features (train.data.shards) serves all token caches of a hop length: "<split>/<song>/<part>": (hops, key
dim + 3) float16, and "centroids/<alphabet>": (K, key dim) of each alphabet, by the fingerprint in its token cache.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from decision.heard import heard_features as heard_features
from perception.units import Alphabet
from train.common.errors import TrainError, reading
from train.data import shards
from train.data.shards import Shards

CENTROIDS_PREFIX = "centroids/"


def store_name(hop: float) -> str:
    """Name of the store of features of a hop length, in s, beside the token caches."""
    return f"hearing_h{hop:.2f}"


def beats_of(song: Path) -> np.ndarray:
    """(n,) times of the beats of a song's folder, s; empty where they are not known. TrainError if it is damaged."""
    if not (song / "song.json").exists():
        return np.zeros(0)
    with reading(song):
        return np.array([np.ravel(beat)[0] for beat in json.loads((song / "song.json").read_text()).get("beats", [])])


def phases(beats: np.ndarray, hop: float, hops: int) -> np.ndarray:
    """(hops,) phase of the beat, 0 to 1, in the middle of each hop; NaN before the first beat and after the last.

    beats (n,): times in s. hop: s.
    """
    if len(beats) < 2:
        return np.full(hops, np.nan)
    middle = (np.arange(hops) + 0.5) * hop
    return np.interp(middle, beats, np.arange(len(beats), dtype=np.float64), left=np.nan, right=np.nan) % 1


def begin(folder: Path, alphabets: Sequence[Alphabet], held: Mapping[str, Sequence[str]], **more: str) -> list[str]:
    """Make the store of features in `folder`, with the centroids, or go on with it; see `shards.begin`.

    alphabets: of one hop, which have their keys in common. held: shard -> what it holds. more: for the manifest.
    """
    hashes, hop = [alphabet.hash for alphabet in alphabets], alphabets[0].hop
    about = {"holds": "features", "hop": hop, "alphabet": hashes[0], **more}
    absent = shards.begin(folder, about, {**held, "centroids": hashes})
    if "centroids" in absent:
        centroids = {f"{CENTROIDS_PREFIX}{alphabet.hash}": alphabet.centroids for alphabet in alphabets}
        shards.write_shard(folder, "centroids", centroids)
    return [name for name in absent if name != "centroids"]


def save(folder: Path, features: Mapping[str, np.ndarray], alphabets: Sequence[Alphabet]) -> None:
    """Write the features of all stems, as one shard, beside the token caches in `folder`."""
    store = folder / store_name(alphabets[0].hop)
    for shard in begin(store, alphabets, {"all": sorted(features)}):
        shards.write_shard(store, shard, features)


def load(folder: Path, hop: float, alphabet: str) -> tuple[Mapping[str, np.ndarray], np.ndarray] | None:
    """(features of all stems, centroids of the alphabet with this fingerprint); None where a folder has no such store.

    hop: s. The features of a store are mapped, not loaded. TrainError where it is damaged or was made with another
    alphabet.
    """
    path = folder / store_name(hop)
    arrays = Shards(path) if shards.is_store(path) else _read_npz(path.with_name(f"{path.name}.npz"))
    if arrays is None:
        return None
    centroids = arrays.get(f"{CENTROIDS_PREFIX}{alphabet}")
    if centroids is None:
        raise TrainError(f"'{path}' was not made with the alphabet {alphabet}: make it again with antiphon train units")
    return arrays, np.array(centroids)


def _read_npz(path: Path) -> Mapping[str, np.ndarray] | None:
    """The arrays of a features file of before; None where there is none."""
    if not path.is_file():
        return None
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {key: archive[key] for key in archive.files}
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise TrainError(f"'{path}' cannot be read ({error}): make it again with: antiphon train units") from None
