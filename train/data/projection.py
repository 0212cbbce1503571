"""The projection of an alphabet that is taught from scores: from the features of a hop to what parts have in common.

Parts that sound together share harmony, not timbre, register or notes, and an answer can only know of its partner what
both share. So every hop of a part is asked for the harmony of all parts: its label says less of the instrument, and
more of what another part will play.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

NEIGHBOURS = 1  # hops before and after that count for the harmony of a hop, as one has
LEAST_HOPS = 100  # hops with a score from which on a block is taught
RIDGE = 100.0  # strength
SHARED_POWER = 0.25  # power of the correlation between parts by which a component is weighed
NO_MOMENT = -1


class TaughtHops(NamedTuple):
    """n hops above the gate. features (n, dim) float32; harmony (n, 12): pitch classes of all parts, unit norm, and
    root (n, 12): share of the hop of each chord root, both NaN where not known; moment (n,) int: equal for hops of the
    parts of a song that sound together, NO_MOMENT for submixes."""

    features: np.ndarray
    harmony: np.ndarray
    root: np.ndarray
    moment: np.ndarray


def harmony_of(parts: list[np.ndarray], hops: int) -> np.ndarray:
    """(hops, 12) pitch classes of all parts, each (hops, 12) shares, as the mean of a hop and its neighbours.

    Of unit norm; NaN where nothing sounds.
    """
    together = np.sum(parts, axis=0) if parts else np.zeros((hops, 12))
    kernel = np.ones(2 * NEIGHBOURS + 1)
    smooth = np.stack([np.convolve(column, kernel)[NEIGHBOURS : NEIGHBOURS + hops] for column in together.T], 1)
    norm = np.linalg.norm(smooth, axis=1, keepdims=True)
    return np.where(norm > 1e-6, smooth / np.maximum(norm, 1e-6), np.nan)


def taught_projection(hops: TaughtHops, seed: int = 0) -> np.ndarray | None:
    """(dim, 12 b) float32: ridge regression weights of harmony and of chord roots, balanced; None without scores."""
    features = hops.features.astype(np.float64)
    mean, taught = features.mean(0), []
    for targets in (hops.harmony, hops.root):
        known = np.isfinite(targets).all(1)
        if known.sum() >= LEAST_HOPS:
            taught.append(_ridge(features[known] - mean, targets[known].astype(np.float64)))
    if not taught:
        return None
    projection = np.hstack(taught)
    pairs = pairs_of_parts(hops.moment, np.random.default_rng(seed))
    weights = shared_weights((features - mean) @ projection, pairs)
    return np.asarray(filtered(projection, weights), np.float32)


def pairs_of_parts(moment: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(pairs, 2) numbers of two hops of one moment, drawn once for each moment that has two or more."""
    order = rng.permutation(len(moment))
    order = order[moment[order] != NO_MOMENT]
    order = order[np.argsort(moment[order], kind="stable")]
    sorted_moments = moment[order]
    first = np.flatnonzero(np.r_[True, sorted_moments[1:] != sorted_moments[:-1]][: len(order)])
    first = first[(first + 1 < len(order))]
    first = first[sorted_moments[first] == sorted_moments[first + 1]]
    return np.stack([order[first], order[first + 1]], 1)


def shared_weights(projected: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """(b, 7) weights of the Fourier components of each block of 12 pitch classes.

    projected (n, 12 b), of mean 0; pairs (m, 2): numbers of hops of two parts that sound together. A component z,
    complex, has the variance s^2 = E|z|^2 and between parts the correlation r = Re E[z_a conj(z_b)] / s^2. Its weight
    is r^SHARED_POWER / s: divided by s, so that k-means does not spend its units on the components that ridge
    regression predicts best and therefore shrinks least; times a power of r, so that what no other part knows counts
    little. Real weights of the components are a circular filter, which commutes with transposition, a rotation of the
    block. Without pairs r counts as 1.
    """
    components = np.fft.rfft(projected.reshape(len(projected), -1, 12), axis=2)
    variance = (np.abs(components) ** 2).mean(0)
    shared = np.ones_like(variance)
    if len(pairs):
        a, b = components[pairs[:, 0]], components[pairs[:, 1]]
        power = ((np.abs(a) ** 2).mean(0) + (np.abs(b) ** 2).mean(0)) / 2
        shared = np.clip((a * b.conj()).real.mean(0) / np.maximum(power, 1e-12), 0.0, 1.0)
    deviation = np.sqrt(variance)
    return np.asarray(shared**SHARED_POWER / np.maximum(deviation, 1e-3 * deviation.max()))


def filtered(projection: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """A projection (dim, 12 b) with each block's Fourier components multiplied by weights (b, 7)."""
    blocks = projection.reshape(len(projection), -1, 12)
    return np.fft.irfft(np.fft.rfft(blocks, axis=2) * weights, n=12, axis=2).reshape(projection.shape)


def _ridge(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """(dim, 12) weights of x (n, dim) for y (n, 12)."""
    gram = x.T @ x + RIDGE * np.eye(x.shape[1])
    return np.asarray(np.linalg.solve(gram, x.T @ (y - y.mean(0))))
