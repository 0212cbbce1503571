"""The musical alphabet: k-means over the features of whole hops (paper 4.1), and its fingerprint.

Labels 0..K-1 are units, label K is silence, an ordinary symbol to the corpus, the decision and the oracle.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save


class AlphabetError(ValueError):
    """An alphabet that cannot be used, told in the user's words."""


def file_stem(units: int, hop: float) -> str:
    """What everything that speaks the alphabet of K units at a hop (s) is called on disk: k64_h0.50."""
    return f"k{units}_h{hop:.2f}"


@dataclass(frozen=True)
class Alphabet:
    """K units in a whitened space: a feature is projected, then named after the nearest centroid.

    mean (dim,), projection (dim, kept), centroids (K, kept): float32. hop: seconds it was fitted at. shapes: s where
    units 12 p + r, p < s, are shape p on pitch class r, so that labels can be transposed; 0 where they cannot.
    """

    mean: np.ndarray
    projection: np.ndarray
    centroids: np.ndarray
    hop: float
    shapes: int = 0

    @property
    def units(self) -> int:
        """K."""
        return len(self.centroids)

    @property
    def silence(self) -> int:
        """The label of a hop below the gate."""
        return self.units

    @property
    def hash(self) -> str:
        """Short fingerprint, such as k64-0.5s-3fa1c2; corpus and decision store it and must agree."""
        digest = hashlib.sha256()
        for part in (self.mean, self.projection, self.centroids):
            digest.update(np.ascontiguousarray(part, "<f4").tobytes())
        return f"k{self.units}-{self.hop:g}s-{digest.hexdigest()[:6]}"

    def project(self, features: np.ndarray) -> np.ndarray:
        """(n, dim) -> (n, kept): where features lie among the centroids."""
        return np.asarray((features - self.mean) @ self.projection)

    def quantize(self, features: np.ndarray) -> np.ndarray:
        """(n, dim) features -> (n,) int32 labels in [0, K)."""
        placed = self.project(np.atleast_2d(features))
        distance = (self.centroids**2).sum(1) - 2 * placed @ self.centroids.T
        return np.asarray(distance.argmin(1), np.int32)

    def to_bytes(self) -> bytes:
        """The content of a .safetensors file, as `load` reads it."""
        tensors = {"mean": self.mean, "projection": self.projection, "centroids": self.centroids}
        tensors = {key: np.ascontiguousarray(value, np.float32) for key, value in tensors.items()}
        about = {"hop": str(self.hop), "hash": self.hash, "shapes": str(self.shapes), "format": "1"}
        return bytes(save(tensors, metadata=about))

    @classmethod
    def load(cls, path: Path) -> Alphabet:
        """Read what `to_bytes` made; AlphabetError if there is none or it is damaged."""
        try:
            raw = Path(path).read_bytes()
            about = json.loads(raw[8 : 8 + int.from_bytes(raw[:8], "little")])["__metadata__"]
            alphabet = cls(**load(raw), hop=float(about["hop"]), shapes=int(about.get("shapes", 0)))
            said, found = about["hash"], alphabet.hash
        except OSError as error:
            why = (error.strerror or "").lower()
            raise AlphabetError(f"no alphabet at '{path}' ({why}): make one with  antiphon train units") from None
        except (KeyError, TypeError, ValueError, SafetensorError) as error:
            why = " ".join(str(error).split())[:160]
            raise AlphabetError(f"'{path}' is no alphabet, or damaged ({why}): copy or fit it again") from None
        if found != said:
            raise AlphabetError(f"'{path}' is damaged, it is {found} and says {said}: copy or fit it again")
        return alphabet


def pca_projection(features: np.ndarray, kept: int = 48, power: float = 0.5) -> np.ndarray:
    """(dim, kept) float32 projection on the first principal directions of features (n, dim).

    power: 0 keeps the variance of each direction, 1 whitens it.
    """
    values, vectors = np.linalg.eigh(np.cov(features.T.astype(np.float64)))
    kept = min(kept, len(values))
    values, vectors = np.maximum(values[::-1][:kept], 1e-9), vectors[:, ::-1][:, :kept]
    return np.asarray(vectors * values ** (-power / 2), np.float32)


def fit_alphabet(
    features: np.ndarray, units: int, hop: float, projection: np.ndarray | None = None, seed: int = 0
) -> Alphabet:
    """k-means (scikit-learn) over hop features (n, dim), where `projection` (dim, kept) places them.

    projection: what shall tell units apart; None takes the `principal` directions. AlphabetError if there are fewer
    than ten hops for each unit.
    """
    from sklearn.cluster import MiniBatchKMeans

    if len(features) < 10 * units:
        raise AlphabetError(f"{len(features)} hops are too few for {units} units: give at least {10 * units}")
    mean = features.mean(0)
    projection = pca_projection(features) if projection is None else projection.astype(np.float32)
    placed = (features - mean).astype(np.float32) @ projection
    means = MiniBatchKMeans(units, random_state=seed, batch_size=8192, n_init=4, max_iter=60).fit(placed)
    return Alphabet(mean.astype(np.float32), projection, means.cluster_centers_.astype(np.float32), hop)


def fit_transposable_alphabet(
    features: np.ndarray, units: int, hop: float, projection: np.ndarray, rounds: int = 30, seed: int = 0
) -> Alphabet:
    """k-means under transposition: the first 12 s units are s shapes on each of the 12 pitch classes.

    projection (dim, 12 b) places a hop as b blocks of 12 pitch classes, so a transposition by t semitones turns each
    block by t; unit 12 p + r is shape p turned by r, and label 12 p + r transposed is label 12 p + (r + t) mod 12.
    The other 4 units (units = 12 s + 4) do not turn: each is level within a block, for what has no pitch class.
    Shapes begin as scikit-learn's k-means of hops turned to their strongest pitch class, then all turns compete
    (Lloyd's rounds). AlphabetError if units is no multiple of 12 plus 4, or hops are fewer than ten a unit.
    """
    from sklearn.cluster import MiniBatchKMeans

    shapes, level = (units - 4) // 12, 4
    if shapes < 1 or units != 12 * shapes + level or projection.shape[1] % 12:
        raise AlphabetError(f"units = {units}: an alphabet that can be transposed has 12 s + 4, as 16, 64 and 256")
    if len(features) < 10 * units:
        raise AlphabetError(f"{len(features)} hops are too few for {units} units: give at least {10 * units}")
    mean = features.mean(0)
    placed = ((features - mean) @ projection).astype(np.float32).reshape(len(features), -1, 12)
    canonical = transposed(placed, -placed[:, 0].argmax(1)).reshape(len(placed), -1)
    found = MiniBatchKMeans(shapes, random_state=seed, batch_size=8192, n_init=4).fit(canonical).cluster_centers_
    start = placed.mean(2, keepdims=True).reshape(len(placed), -1)
    quiet = MiniBatchKMeans(level, random_state=seed, batch_size=8192, n_init=4).fit(start).cluster_centers_
    flat = placed.reshape(len(placed), -1)
    for _ in range(rounds):
        centroids = _all_turns(found, quiet)
        labels = _nearest(flat, centroids)
        shape, turn = np.divmod(labels, 12)
        back = transposed(placed, -turn).reshape(len(placed), -1)
        found = np.stack([back[shape == p].mean(0) if (shape == p).any() else found[p] for p in range(shapes)])
        for extra in range(level):
            mine = labels == 12 * shapes + extra
            if mine.any():
                quiet[extra] = start[mine].mean(0)
    centroids = _all_turns(found, quiet).astype(np.float32)
    return Alphabet(mean.astype(np.float32), projection.astype(np.float32), centroids, hop, shapes)


def transposed(placed: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """Blocks of pitch classes (n, b, 12), each row moved up by its own number of semitones (n,)."""
    where = (np.arange(12)[None] - np.asarray(steps)[:, None]) % 12
    return np.take_along_axis(placed, np.broadcast_to(where[:, None], placed.shape), axis=2)


def _all_turns(shapes: np.ndarray, quiet: np.ndarray) -> np.ndarray:
    """(12 s + 4, 12 b) centroids of s shapes (s, 12 b) and 4 units (4, b) that do not turn."""
    blocks = np.repeat(shapes.reshape(len(shapes), -1, 12), 12, axis=0)
    turns = transposed(blocks, np.tile(np.arange(12), len(shapes))).reshape(len(blocks), -1)
    return np.vstack([turns, np.repeat(quiet, 12, axis=1)])


def _nearest(points: np.ndarray, centroids: np.ndarray) -> np.ndarray:
    return np.asarray(((centroids**2).sum(1) - 2 * points @ centroids.T).argmin(1))
