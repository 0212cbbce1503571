"""Windows of pairs of stems, A the input and B what was played with it, as labels."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from train.common.errors import TrainError
from train.data import token_pairs
from train.data.token_pairs import Tokens, labels_present

OVERLAP_SHARE = 1 / 3  # of two neighbouring windows: 5 s of 15, paper §5.1


@dataclass(frozen=True)
class Windows:
    """n windows of pairs (A, B).

    input, played: (n, T) int64 labels of A and of B; song: (n,) int64 number of the song.
    """

    input: np.ndarray
    played: np.ndarray
    song: np.ndarray

    def allowed(self, vocab: int) -> np.ndarray:
        """(n, vocab) bool: the labels that occur in each window of B.

        The paper's code allows the labels of the whole batch, more than a memory of B would have.
        """
        return labels_present(self.played, vocab)


def windows_of(tokens: Tokens, split: str, seconds: float) -> Windows:
    """All windows of a split, every pair of stems both ways; TrainError when there is none."""
    length = math.ceil(seconds / tokens.hop - 1e-6)
    stride = max(1, round(length * (1 - OVERLAP_SHARE)))
    input, played, which = [], [], []
    for number, (_, song) in enumerate(sorted(tokens.songs.get(split, {}).items())):
        stems = {part: labels for part, labels in song.items() if not part.startswith(token_pairs.SUBMIX_PREFIX)}
        for a, b in token_pairs.stem_pairs(stems):
            for begin in range(0, min(len(song[a]), len(song[b])) - length + 1, stride):
                answer = song[b][begin : begin + length]
                if np.count_nonzero(answer == tokens.units) <= token_pairs.MAX_SILENCE_SHARE * length:
                    input.append(song[a][begin : begin + length])
                    played.append(answer)
                    which.append(number)
    if not input:
        raise TrainError(
            f"no window of {seconds:g} s to evaluate in the split '{split}': it needs songs that long, with two stems "
            f"other than drums that sound (splits here: {', '.join(sorted(tokens.songs)) or 'none'})"
        )
    return Windows(np.array(input, np.int64), np.array(played, np.int64), np.array(which, np.int64))


def choose_windows(windows: Windows, count: int, rng: np.random.Generator) -> Windows:
    """`count` random windows (0: all), spread evenly over the songs."""
    if not 0 < count < len(windows.song):
        return windows
    shuffled = rng.permutation(len(windows.song))
    order = shuffled[np.argsort(windows.song[shuffled], kind="stable")]
    song = windows.song[order]
    rank = np.arange(len(song)) - np.searchsorted(song, song)  # the how manieth of its song
    taken = np.sort(order[np.lexsort((rng.random(len(song)), rank))[:count]])
    return Windows(windows.input[taken], windows.played[taken], windows.song[taken])
