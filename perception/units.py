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
    """An alphabet that cannot be used; the message says why and what to do."""


def file_stem(units: int, hop: float) -> str:
    """File name without ending of all that belongs to the alphabet of K units at a hop (s): k64_h0.50."""
    return f"k{units}_h{hop:.2f}"


@dataclass(frozen=True)
class Alphabet:
    """K units in a projected space: the label of a feature is the index of the centroid nearest to its projection.

    mean (dim,), projection (dim, d), centroids (K, d): float32. hop: seconds of the hops it was fitted on. shapes: s if
    units 12 p + r, p < s, are shape p on pitch class r, so that labels can be transposed; 0 if they cannot.
    """

    mean: np.ndarray
    projection: np.ndarray
    centroids: np.ndarray
    hop: float
    shapes: int = 0

    @property
    def units(self) -> int:
        """Number of units K, silence not counted."""
        return len(self.centroids)

    @property
    def silence(self) -> int:
        """The label of a hop below the gate."""
        return self.units

    @property
    def hash(self) -> str:
        """Fingerprint such as k64-0.5s-3fa1c2 (6 digits of SHA-256); corpus and decision model must agree on it."""
        digest = hashlib.sha256()
        for part in (self.mean, self.projection, self.centroids):
            digest.update(np.ascontiguousarray(part, "<f4").tobytes())
        return f"k{self.units}-{self.hop:g}s-{digest.hexdigest()[:6]}"

    def project(self, features: np.ndarray) -> np.ndarray:
        """Features (n, dim) -> (n, d), in the space of the centroids."""
        return np.asarray((features - self.mean) @ self.projection)

    def keys(self, features: np.ndarray) -> np.ndarray:
        """Features (n, dim) -> keys (n, d) float32: projected, centred, of unit length.

        The product of two keys is the similarity of two hops in what the alphabet was taught, whatever their timbre.
        """
        projected = self.project(np.atleast_2d(features))
        return np.asarray(projected / (np.linalg.norm(projected, axis=1, keepdims=True) + 1e-9), np.float32)

    def quantize(self, features: np.ndarray) -> np.ndarray:
        """(n, dim) features -> (n,) int32 labels in [0, K)."""
        projected = self.project(np.atleast_2d(features))
        distance = (self.centroids**2).sum(1) - 2 * projected @ self.centroids.T  # without the norm of the feature
        return np.asarray(distance.argmin(1), np.int32)

    def transposition(self, semitones: int) -> np.ndarray:
        """(K + 1,) int32: what each label, silence included, becomes when its sound is transposed.

        An alphabet that cannot be transposed has no better name for it than the old one.

        >>> alphabet = Alphabet(np.zeros(1), np.zeros((1, 12)), np.zeros((16, 12)), 0.5, shapes=1)
        >>> alphabet.transposition(2).tolist()
        [2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 0, 1, 12, 13, 14, 15, 16]
        """
        labels = np.arange(self.units + 1, dtype=np.int32)
        turning = labels < 12 * self.shapes
        return np.where(turning, labels // 12 * 12 + (labels + semitones) % 12, labels).astype(np.int32)

    def to_bytes(self) -> bytes:
        """The content of a .safetensors file, as `load` reads it; equal alphabets give equal bytes."""
        tensors = {"mean": self.mean, "projection": self.projection, "centroids": self.centroids}
        tensors = {key: np.ascontiguousarray(value, np.float32) for key, value in tensors.items()}
        metadata = {"hop": str(self.hop), "hash": self.hash, "shapes": str(self.shapes), "format": "1"}
        raw = bytes(save(tensors, metadata=metadata))  # whose metadata come in any order
        end = 8 + int.from_bytes(raw[:8], "little")
        header = json.loads(raw[8:end])
        header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
        return raw[:8] + json.dumps(header, separators=(",", ":")).encode().ljust(end - 8) + raw[end:]

    @classmethod
    def load(cls, path: Path) -> Alphabet:
        """Read what `to_bytes` made; AlphabetError if there is none or it is damaged."""
        try:
            raw = Path(path).read_bytes()
            metadata = json.loads(raw[8 : 8 + int.from_bytes(raw[:8], "little")])["__metadata__"]
            alphabet = cls(**load(raw), hop=float(metadata["hop"]), shapes=int(metadata.get("shapes", 0)))
            stored, calculated = metadata["hash"], alphabet.hash
        except OSError as error:
            why = (error.strerror or "").lower()
            raise AlphabetError(f"no alphabet at '{path}' ({why}): make one with  antiphon train units") from None
        except (KeyError, TypeError, ValueError, SafetensorError) as error:
            why = " ".join(str(error).split())[:160]
            raise AlphabetError(f"'{path}' is no alphabet, or damaged ({why}): copy or fit it again") from None
        if calculated != stored:
            raise AlphabetError(f"'{path}' is damaged, it is {calculated} and says {stored}: copy or fit it again")
        return alphabet


def pca_projection(features: np.ndarray, dimensions: int = 48, power: float = 0.5) -> np.ndarray:
    """(dim, dimensions) float32 projection on the first principal directions of features (n, dim).

    power: 0 leaves the variance of each direction, 1 whitens it.
    """
    values, vectors = np.linalg.eigh(np.cov(features.T.astype(np.float64)))
    d = min(dimensions, len(values))
    values, vectors = np.maximum(values[::-1][:d], 1e-9), vectors[:, ::-1][:, :d]
    return np.asarray(vectors * values ** (-power / 2), np.float32)


def fit_alphabet(
    features: np.ndarray, units: int, hop: float, projection: np.ndarray | None = None, seed: int = 0
) -> Alphabet:
    """k-means (scikit-learn) over hop features (n, dim), projected by `projection` (dim, d).

    projection: None takes `pca_projection`. AlphabetError if there are fewer
    than ten hops for each unit.
    """
    from sklearn.cluster import MiniBatchKMeans

    if len(features) < 10 * units:
        raise AlphabetError(f"{len(features)} hops are too few for {units} units: give at least {10 * units}")
    mean = features.mean(0)
    projection = pca_projection(features) if projection is None else projection.astype(np.float32)
    projected = (features - mean).astype(np.float32) @ projection
    means = MiniBatchKMeans(units, random_state=seed, batch_size=8192, n_init=4, max_iter=60).fit(projected)
    return Alphabet(mean.astype(np.float32), projection, means.cluster_centers_.astype(np.float32), hop)


def fit_transposable_alphabet(
    features: np.ndarray,
    units: int,
    hop: float,
    projection: np.ndarray,
    rounds: int = 30,
    seed: int = 0,
    begin: Alphabet | None = None,
) -> Alphabet:
    """k-means under transposition: the first 12 s units are s shapes on each of the 12 pitch classes.

    projection (dim, 12 b) gives b blocks of 12 pitch classes for a hop, so a transposition by t semitones rotates each
    block by t; unit 12 p + r is shape p rotated by r, and label 12 p + r transposed is label 12 p + (r + t) mod 12.
    The other 4 units (units = 12 s + 4) do not rotate: each is constant within a block, for what has no pitch class.
    Shapes begin as scikit-learn's k-means of hops rotated to their strongest pitch class; then all rotations compete
    in `rounds` rounds of Lloyd's algorithm. begin: an alphabet of another encoder, of the same K and taught the same,
    whose units these begin as: projections that are taught have one space, so that labels keep their meaning, the more
    the fewer rounds. AlphabetError if units is no multiple of 12 plus 4, hops are fewer than ten a unit, or `begin`
    does not fit.
    """
    shapes, level = (units - 4) // 12, 4
    if shapes < 1 or units != 12 * shapes + level or projection.shape[1] % 12:
        raise AlphabetError(f"units = {units}: an alphabet that can be transposed has 12 s + 4, as 16, 64 and 256")
    if len(features) < 10 * units:
        raise AlphabetError(f"{len(features)} hops are too few for {units} units: give at least {10 * units}")
    mean = features.mean(0)
    projected = ((features - mean) @ projection).astype(np.float32).reshape(len(features), -1, 12)
    start = projected.mean(2, keepdims=True).reshape(len(projected), -1)
    if begin is not None:
        if (begin.shapes, begin.centroids.shape) != (shapes, (units, projection.shape[1])):
            raise AlphabetError(
                f"an alphabet of {begin.units} units in {begin.centroids.shape[1]} dimensions, {begin.shapes} of whose "
                f"shapes turn, is no beginning of one of {units} in {projection.shape[1]}"
            )
        shape_centroids = begin.centroids[: 12 * shapes : 12].astype(np.float64)
        level_centroids = begin.centroids[12 * shapes :, ::12].astype(np.float64)
    else:
        canonical = transposed(projected, -projected[:, 0].argmax(1)).reshape(len(projected), -1)
        shape_centroids = _k_means(canonical, shapes, seed)
        level_centroids = _k_means(start, level, seed)
    flat = projected.reshape(len(projected), -1)
    for _ in range(rounds):
        centroids = _all_rotations(shape_centroids, level_centroids)
        labels = _nearest(flat, centroids)
        shape, rotation = np.divmod(labels, 12)
        back = transposed(projected, -rotation).reshape(len(projected), -1)
        shape_centroids = np.stack(
            [back[shape == p].mean(0) if (shape == p).any() else shape_centroids[p] for p in range(shapes)]
        )
        for extra in range(level):
            members = labels == 12 * shapes + extra
            if members.any():
                level_centroids[extra] = start[members].mean(0)
    centroids = _all_rotations(shape_centroids, level_centroids).astype(np.float32)
    return Alphabet(mean.astype(np.float32), projection.astype(np.float32), centroids, hop, shapes)


def _k_means(points: np.ndarray, units: int, seed: int) -> np.ndarray:
    """(units, d) centroids of points (n, d)."""
    from sklearn.cluster import MiniBatchKMeans

    means = MiniBatchKMeans(units, random_state=seed, batch_size=8192, n_init=4).fit(points)
    return np.asarray(means.cluster_centers_)


def transposed(projected: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """Blocks of pitch classes (n, b, 12), each row moved up by its own number of semitones (n,)."""
    where = (np.arange(12)[None] - np.asarray(steps)[:, None]) % 12
    return np.take_along_axis(projected, np.broadcast_to(where[:, None], projected.shape), axis=2)


def _all_rotations(shapes: np.ndarray, level_centroids: np.ndarray) -> np.ndarray:
    """(12 s + 4, 12 b) centroids of s shapes (s, 12 b) and 4 units (4, b) that do not rotate."""
    blocks = np.repeat(shapes.reshape(len(shapes), -1, 12), 12, axis=0)
    rotated = transposed(blocks, np.tile(np.arange(12), len(shapes))).reshape(len(blocks), -1)
    return np.vstack([rotated, np.repeat(level_centroids, 12, axis=1)])


def _nearest(points: np.ndarray, centroids: np.ndarray) -> np.ndarray:
    """(n,) index of the centroid (K, d) nearest to each point (n, d)."""
    return np.asarray(((centroids**2).sum(1) - 2 * points @ centroids.T).argmin(1))
