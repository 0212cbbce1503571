"""Features that the decision model reads of a hop beside its label: key, level and phase of the beat.

One file of features serves all token caches of a hop length: "<split>/<song>/<part>": (hops, key dim + 3) float16, and
"centroids/<alphabet>": (K, key dim) of each alphabet, by the fingerprint in its token cache.
"""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import numpy as np

from decision.heard import heard_features as heard_features
from perception.units import Alphabet
from train.common.errors import TrainError, reading

CENTROIDS_PREFIX = "centroids/"


def file_name(hop: float) -> str:
    """Name of the features file of a hop length, in s."""
    return f"hearing_h{hop:.2f}.npz"


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


def to_bytes(features: dict[str, np.ndarray], alphabets: list[Alphabet]) -> bytes:
    """The content of a features file. features: "<split>/<song>/<part>" -> (hops, key dim + 3)."""
    content = io.BytesIO()
    arrays = {f"{CENTROIDS_PREFIX}{alphabet.hash}": alphabet.centroids for alphabet in alphabets}
    np.savez(content, allow_pickle=False, **features, **arrays)  # type: ignore[arg-type]
    return content.getvalue()


def load(folder: Path, hop: float, alphabet: str) -> tuple[dict[str, np.ndarray], np.ndarray] | None:
    """(features of all stems, centroids of the alphabet with this fingerprint); None where a folder has no such file.

    hop: s. TrainError where the file is damaged or was made with another alphabet.
    """
    path = folder / file_name(hop)
    if not path.is_file():
        return None
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {key: archive[key] for key in archive.files}
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise TrainError(f"'{path}' cannot be read ({error}): make it again with: antiphon train units") from None
    centroids = arrays.get(f"{CENTROIDS_PREFIX}{alphabet}")
    if centroids is None:
        raise TrainError(f"'{path}' was not made with the alphabet {alphabet}: make it again with antiphon train units")
    return {key: value for key, value in arrays.items() if not key.startswith(CENTROIDS_PREFIX)}, centroids
