"""How the decision hears a hop beside its label: its key, its level, the phase of the beat.

A file of features belongs to the token caches of a hop: "<split>/<song>/<part>": (hops, key dim + 3) float16, and
"centroids/<alphabet>": (K, key dim) of each alphabet, with the fingerprint that its token cache has.
"""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np

from decision.heard import heard_features as heard_features
from perception.units import Alphabet
from train.common.errors import TrainError

CENTROIDS = "centroids/"


def file_name(hop: float) -> str:
    """Name of the file beside the token caches of a hop (s)."""
    return f"hearing_h{hop:.2f}.npz"


def phases(beats: np.ndarray, hop: float, hops: int) -> np.ndarray:
    """(hops,) phase of the beat, 0 to 1, in the middle of each hop; NaN before the first beat and after the last."""
    if len(beats) < 2:
        return np.full(hops, np.nan)
    middle = (np.arange(hops) + 0.5) * hop
    return np.interp(middle, beats, np.arange(len(beats), dtype=np.float64), left=np.nan, right=np.nan) % 1


def to_bytes(features: dict[str, np.ndarray], alphabets: list[Alphabet]) -> bytes:
    """The content of such a file."""
    content = io.BytesIO()
    arrays = {f"{CENTROIDS}{alphabet.hash}": alphabet.centroids for alphabet in alphabets}
    np.savez(content, allow_pickle=False, **features, **arrays)  # type: ignore[arg-type]
    return content.getvalue()


def load(folder: Path, hop: float, alphabet: str) -> tuple[dict[str, np.ndarray], np.ndarray] | None:
    """Features of all stems and the centroids of the alphabet with this fingerprint; None where a folder has none.

    TrainError where they were made with another alphabet.
    """
    path = folder / file_name(hop)
    if not path.is_file():
        return None
    try:
        with np.load(path, allow_pickle=False) as held:
            arrays = {key: held[key] for key in held.files}
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise TrainError(f"'{path}' cannot be read ({error}): make it again with: antiphon train units") from None
    centroids = arrays.get(f"{CENTROIDS}{alphabet}")
    if centroids is None:
        raise TrainError(f"'{path}' was not made with the alphabet {alphabet}: make it again with antiphon train units")
    return {key: value for key, value in arrays.items() if not key.startswith(CENTROIDS)}, centroids
