"""Answers of re-generation to listen to: labels made audible by segments of B's own recording.

As in the paper (§4.3), each label is a segment of the memory that has it, chosen by the factor oracle so that runs are
long, and a label that the memory lacks is silence. The memory is the whole recording of B, the window itself included.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np

from action.concat import Concatenator
from action.oracle import FactorOracle
from action.selection import Navigation, choose_all
from corpora.audio import AudioWriter
from perception.hpss import SAMPLERATE
from perception.stream import boundary, hop_sizes
from train.data.stems import read

CACHED_STEMS = 8


@lru_cache(CACHED_STEMS)
def _stem(path: Path) -> np.ndarray:
    return read(path)


def excerpt(path: Path, first: int, hops: int, hop: float) -> np.ndarray:
    """(n,) float32 at 16 kHz: `hops` hops of `hop` s of a stem from hop `first` on."""
    begin, end = (boundary(n, hop, SAMPLERATE) for n in (first, first + hops))
    audio = np.zeros(end - begin, np.float32)
    known = _stem(path)[begin:end]
    audio[: len(known)] = known
    return audio


def render(answer: np.ndarray, memory: np.ndarray, path: Path, hop: float, silence: int, seed: int) -> np.ndarray:
    """(n,) float32 at 16 kHz: labels (T,) by segments of a stem that has the labels `memory` (segments,), hop by hop.

    silence: the label of rests. The same seed gives the same samples.
    """
    chosen = choose_all(
        FactorOracle(silence + 1, memory), Navigation(seed), answer, max_continuity=len(answer), taboo=0
    )
    segments = np.where(chosen.label == answer, chosen.segment, -1)
    player = Concatenator(_stem(path), SAMPLERATE, hop)
    voice, sizes = player.start(), hop_sizes(hop, SAMPLERATE)
    return np.concatenate([player.step(voice, int(s), size) for s, size in zip(segments, sizes, strict=False)])


def write(path: Path, left: np.ndarray, right: np.ndarray) -> None:
    """Write A (n,) and an answer (n,) as the left and right channel of an Ogg file. AudioError."""
    length = min(len(left), len(right))
    with AudioWriter(path, SAMPLERATE, channels=2) as writer:
        writer.write(np.stack([left[:length], right[:length]], axis=1))
