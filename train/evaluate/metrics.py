"""Measures of re-generation: agreement of an answer with what was really played, with intervals and tests.

Bujard et al. (2025), §5.3 (TPP, LCP) and annex (entropy). Labels are ints, silence among them; an answer and its truth
are (n, T) arrays, n windows of T labels, aligned in time. Each measure gives one number per window, (n,), by default.
No model and no file is used here.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np


def tpp(answer: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """True positive percentage, eq. 5: 100 * mean over t of [answer_t = truth_t]."""
    _check(answer, truth)
    return 100.0 * (answer == truth).mean(axis=1)


def active_tpp(answer: np.ndarray, truth: np.ndarray, silence: int) -> np.ndarray:
    """TPP over the hops where the truth is not the label `silence`: an answer of silence alone scores 0.

    Not in the paper, which has no such label; with one, resting throughout is right wherever B rests. ValueError for a
    window that is silent throughout.
    """
    _check(answer, truth)
    sounds = truth != silence
    if not sounds.any(axis=1).all():
        raise ValueError("a window that is silent throughout has no hop that sounds")
    return 100.0 * ((answer == truth) & sounds).sum(axis=1) / sounds.sum(axis=1)


def lcp(answer: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Longest common prefix at every hop, (n, T) int64: the number of right labels in a row from that hop on.

    0 to T - t at hop t: the end of the window ends the count.
    """
    _check(answer, truth)
    right = answer == truth
    result = np.zeros(right.shape, np.int64)
    run = np.zeros(len(right), np.int64)
    for hop in range(right.shape[1] - 1, -1, -1):
        run = np.where(right[:, hop], run + 1, 0)
        result[:, hop] = run
    return result


def entropy(labels: np.ndarray) -> np.ndarray:
    """Entropy of the label frequencies of each window, bits: 0 for one label throughout, at most log2 T."""
    bits = []
    for window in labels:
        share = np.unique(window, return_counts=True)[1] / len(window)
        bits.append(-(share * np.log2(share)).sum() + 0.0)  # + 0.0: no minus zero
    return np.array(bits)


def silence_share(labels: np.ndarray, silence: int) -> np.ndarray:
    """Share of each window that is the label `silence`, 0 to 1."""
    return (labels == silence).mean(axis=1)


def interval(
    values: np.ndarray, songs: np.ndarray, rng: np.random.Generator, draws: int = 2000
) -> tuple[float, float] | None:
    """95 % interval of the mean of `values` (n,), by bootstrap over the songs (n,) they come from.

    Windows of one song resemble each other, so whole songs are drawn, with replacement. None for a single song.
    """
    names, song = np.unique(songs, return_inverse=True)
    if len(names) < 2:
        return None
    total, count = np.bincount(song, values), np.bincount(song)
    drawn = rng.integers(len(names), size=(draws, len(names)))
    means = total[drawn].sum(axis=1) / count[drawn].sum(axis=1)
    low, high = np.percentile(means, [2.5, 97.5])
    return float(low), float(high)


def describe(values: np.ndarray, songs: np.ndarray, rng: np.random.Generator) -> dict[str, Any]:
    """Mean with its 95 % interval over songs, sd, quartiles, and the numbers of windows and songs."""
    low, median, high = np.percentile(values, [25, 50, 75])
    return {
        "mean": float(values.mean()),
        "interval": interval(values, songs, rng),
        "sd": float(values.std()),
        "quartiles": [float(low), float(median), float(high)],
        "n": len(values),
        "songs": len(np.unique(songs)),
    }


def compare(
    ours: np.ndarray, theirs: np.ndarray, songs: np.ndarray, rng: np.random.Generator
) -> dict[str, float | int | Sequence[float] | None]:
    """Our values against theirs for the same windows, each (n,), of `songs` (n,).

    p: Mann-Whitney U, two-sided, as in the paper; it assumes independent windows, which those of one song are not.
    superiority: U / n^2, the chance that one of ours exceeds one of theirs (a tie counts half). difference: of the
    means, window by window, with its 95 % interval over songs.
    """
    from scipy.stats import mannwhitneyu

    test = mannwhitneyu(ours, theirs, alternative="two-sided")
    return {
        "difference": float((ours - theirs).mean()),
        "interval": interval(ours - theirs, songs, rng),
        "U": float(test.statistic),
        "p": float(test.pvalue),
        "superiority": float(test.statistic / (len(ours) * len(theirs))),
        "n": len(ours),
        "songs": len(np.unique(songs)),
    }


def _check(answer: np.ndarray, truth: np.ndarray) -> None:
    if answer.shape != truth.shape or answer.ndim != 2 or truth.shape[1] == 0:
        raise ValueError(f"answers {answer.shape} against truth {truth.shape}: expected both (windows, labels) alike")


def describe_known(values: np.ndarray, songs: np.ndarray, rng: np.random.Generator) -> dict[str, Any] | None:
    """`describe` of the values that are not NaN, (n,), with their songs; None if there is none."""
    known = ~np.isnan(values)
    return describe(values[known], songs[known], rng) if known.any() else None


def compare_known(
    ours: np.ndarray, theirs: np.ndarray, songs: np.ndarray, rng: np.random.Generator
) -> dict[str, Any] | None:
    """`compare` where neither value is NaN, (n,), with their songs; None if that is nowhere."""
    known = ~np.isnan(ours) & ~np.isnan(theirs)
    return compare(ours[known], theirs[known], songs[known], rng) if known.any() else None


def seeded(seed: int, *purpose: str) -> np.random.Generator:
    """Random numbers that follow from a seed and from what they are for."""
    return np.random.default_rng([seed, zlib.crc32("/".join(purpose).encode())])
