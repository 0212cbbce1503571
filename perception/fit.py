"""Musical fit of two sounds, measured and not learned: whether they agree in pitch, and whether they keep one beat.

Pitch is compared by *chroma*: the strength of the 12 pitch classes, every half second. Its mean is subtracted, so that
the cosine of two chroma vectors is their correlation: 1 for the same chord, about 0 for two chords that have nothing to
do with each other. How much of an agreement belongs to this moment, and not only to the key of the piece, is seen by
displacing one sound against the other.

Nothing here reads audio: any chroma and any onsets may be compared. `perception.fit_stream` has ours, which are quick
and need nothing but NumPy; an evaluation takes those of librosa.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SEGMENT_S = 0.5  # length of sound behind one chroma vector
GATE_DB = -45.0  # dBFS; a segment that is quieter does not sound
LEAST_SEGMENTS = 10  # segments in which both must sound before their harmony is a figure
LEAST_ONSETS = 8  # fewer may be on a beat by chance
NEAR = 4  # segments; displacements up to 1.5 s are the same moment still
LEAST_DISPLACEMENTS = 10
RECENT_S = 10.0  # length of sound behind a live measure
Floats = NDArray[np.floating]


@dataclass(frozen=True)
class ChromaSegments:
    """A sound in half seconds. vectors: (n, 12), centred and of length 1. rms: (n,), full scale = 1."""

    vectors: Floats
    rms: Floats

    @property
    def sounding(self) -> NDArray[np.bool_]:
        """(n,) bool: which segments are louder than the gate."""
        return np.asarray(self.rms > 10 ** (GATE_DB / 20))

    def __len__(self) -> int:
        return len(self.vectors)

    def first(self, segments: int) -> ChromaSegments:
        """The same without what comes after so many segments."""
        return ChromaSegments(self.vectors[:segments], self.rms[:segments])


def centred(chroma: Floats) -> Floats:
    """Chroma (n, 12), 0 or more, as vectors of mean 0 and length 1; a row without any difference stays 0."""
    rows = chroma - chroma.mean(axis=1, keepdims=True)
    return np.asarray(rows / (np.linalg.norm(rows, axis=1, keepdims=True) + 1e-9))


def harmony(a: ChromaSegments, b: ChromaSegments) -> float:
    """Mean cosine of two chromas over the segments in which both sound, -1 to 1; NaN for less than 5 s of them."""
    a, b = _alike(a, b)
    both = a.sounding & b.sounding
    if both.sum() < LEAST_SEGMENTS:
        return float("nan")
    return float((a.vectors[both] * b.vectors[both]).sum(axis=1).mean())


def ghost(a: ChromaSegments, b: ChromaSegments) -> float:
    """How far the harmony of this moment stands out from that of all other moments, in standard deviations.

    The ghosts are all circular displacements of `b` by 2 s or more. Above 3 an answer belongs to this moment of what it
    answers, and not only to its key. NaN for less than 10 s.
    """
    a, b = _alike(a, b)
    values = np.array([_displaced(a, b, by) for by in range(len(a))])
    ghosts = values[NEAR:-NEAR]
    if len(ghosts) <= LEAST_DISPLACEMENTS:
        return float("nan")
    return float((values[0] - ghosts.mean()) / (ghosts.std() + 1e-9))


def _displaced(a: ChromaSegments, b: ChromaSegments, by: int) -> float:
    """Mean cosine of `a` and of `b` displaced by so many segments, over those in which both sound; 0 if none."""
    both = a.sounding & np.roll(b.sounding, by)
    cosines = (a.vectors * np.roll(b.vectors, by, axis=0)).sum(axis=1)
    return float(cosines[both].sum() / max(1, both.sum()))


def agreement_now(a: ChromaSegments, b: ChromaSegments, recent: int) -> float:
    """Harmony of the last `recent` segments, minus the mean harmony of the same ones of `a` with earlier ones of `b`.

    About 0 for what would fit as well at any other moment, -1 to 1. NaN as long as too little sounds, or there is no
    earlier moment that is 2 s or more away.
    """
    a, b = _alike(a, b)
    now = ChromaSegments(a.vectors[-recent:], a.rms[-recent:])
    ends = range(len(b) - NEAR, recent - 1, -1)
    earlier = [harmony(now, ChromaSegments(b.vectors[end - recent : end], b.rms[end - recent : end])) for end in ends]
    known = [value for value in earlier if not np.isnan(value)]
    together = harmony(now, ChromaSegments(b.vectors[-recent:], b.rms[-recent:]))
    return float(np.clip(together - np.mean(known), -1, 1)) if known else float("nan")


def on_beat(times: Floats, strengths: Floats, beats: Floats) -> float:
    """How much onsets share one phase of the half beat: |mean exp(4 pi i phase)|, weighted by their strengths, 0 to 1.

    1: all of them are on the beats and half beats, or all beside them by one and the same time; about 0: anywhere.
    times, strengths: (n,) of the onsets, s. beats: (m,) s, rising. Onsets before the first beat and after the last do
    not count. NaN for fewer than 8 onsets that count.
    """
    phases, weights = _half_beats(times, strengths, beats)
    return float(np.abs((weights * phases).sum()) / (weights.sum() + 1e-12)) if len(phases) else float("nan")


def on_beat_beyond_chance(times: Floats, strengths: Floats, beats: Floats) -> float:
    """`on_beat` without what a few onsets share by chance: about 0 for onsets anywhere, however few there are.

    The square of `on_beat` is, for onsets at random, the sum of the squared weights. This is subtracted and the rest
    scaled, so that 1 stays 1 (with equal weights the pairwise phase consistency of Vinck et al., NeuroImage 2010).
    """
    phases, weights = _half_beats(times, strengths, beats)
    if not len(phases):
        return float("nan")
    weights = weights / (weights.sum() + 1e-12)
    chance = float(np.square(weights).sum())
    beyond = (float(np.abs((weights * phases).sum())) ** 2 - chance) / max(1 - chance, 1e-9)
    return float(np.sqrt(np.clip(beyond, 0, 1)))


def _half_beats(times: Floats, strengths: Floats, beats: Floats) -> tuple[NDArray[np.complexfloating], Floats]:
    """Phases of onsets in the half beat on the unit circle, and their strengths; nothing if they are too few."""
    phase = np.interp(times, beats, np.arange(len(beats)), left=np.nan, right=np.nan) if len(beats) else times * np.nan
    known = ~np.isnan(phase)
    if known.sum() < LEAST_ONSETS:
        return np.zeros(0, complex), np.zeros(0)
    return np.exp(4j * np.pi * phase[known]), strengths[known]


def holes(guide: ChromaSegments, answer: ChromaSegments) -> float:
    """Share of all segments in which the guide sounds and the answer does not, 0 to 1."""
    guide, answer = _alike(guide, answer)
    return float((guide.sounding & ~answer.sounding).mean()) if len(guide) else float("nan")


def level_difference(guide: ChromaSegments, answer: ChromaSegments) -> float:
    """How much louder the answer is, dB, each over the segments in which it sounds; NaN if either never does."""
    levels = [np.square(x.rms[x.sounding], dtype=np.float64).mean() for x in (guide, answer) if x.sounding.any()]
    return float(10 * np.log10(levels[1] / levels[0])) if len(levels) == 2 else float("nan")


def _alike(a: ChromaSegments, b: ChromaSegments) -> tuple[ChromaSegments, ChromaSegments]:
    """Both, without what one has more."""
    length = min(len(a), len(b))
    return a.first(length), b.first(length)
