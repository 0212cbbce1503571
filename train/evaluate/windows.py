"""Windows of pairs of stems, A the input and B what was played with it, as labels."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from decision.heard import EXTRA_DIM
from train.common.errors import TrainError
from train.data import token_pairs
from train.data.token_pairs import Tokens, labels_present

OVERLAP_SHARE = 1 / 3  # overlap of two neighbouring windows: 5 s of 15, paper §5.1


class WindowPosition(NamedTuple):
    """Where a window is: its song, the parts of A and B, and its first hop."""

    song: str
    input: str
    played: str
    first: int


@dataclass(frozen=True)
class Windows:
    """n windows of pairs (A, B).

    input, played: (n, T) int64 labels of A and of B; song: (n,) int64 number of the song. features: (n, T, dim) float32
    of A beside its labels (train.data.hearing); None: not known. places: of the windows; () where nobody asks for them.
    """

    input: np.ndarray
    played: np.ndarray
    song: np.ndarray
    features: np.ndarray | None = None
    places: tuple[WindowPosition, ...] = ()

    def allowed(self, vocab: int) -> np.ndarray:
        """(n, vocab) bool: the labels that occur in each window of B.

        The paper's code allows the labels of the whole batch, more than a memory of B would have.
        """
        return labels_present(self.played, vocab)

    def at(self, which: np.ndarray) -> Windows:
        """The windows `which`, (m,) int, in that order."""
        features = None if self.features is None else self.features[which]
        places = tuple(self.places[n] for n in which) if self.places else ()
        return Windows(self.input[which], self.played[which], self.song[which], features, places)


def windows_of(tokens: Tokens, split: str, seconds: float) -> Windows:
    """All windows of a split, every pair of stems both ways; TrainError when there is none."""
    length = math.ceil(seconds / tokens.hop - 1e-6)
    stride = max(1, round(length * (1 - OVERLAP_SHARE)))
    input, played, which, places = [], [], [], []
    for number, (name, parts) in enumerate(sorted(tokens.songs.get(split, {}).items())):
        stems = {part: labels for part, labels in parts.items() if not part.startswith(token_pairs.SUBMIX_PREFIX)}
        for a, b in token_pairs.stem_pairs(stems):
            for begin in range(0, min(len(parts[a]), len(parts[b])) - length + 1, stride):
                answer = parts[b][begin : begin + length]
                if np.count_nonzero(answer == tokens.units) <= token_pairs.MAX_SILENCE_SHARE * length:
                    input.append(parts[a][begin : begin + length])
                    played.append(answer)
                    which.append(number)
                    places.append(WindowPosition(name, a, b, begin))
    if not input:
        raise TrainError(
            f"no window of {seconds:g} s to evaluate in the split '{split}': it needs songs that long, with two stems "
            f"other than drums that sound (splits here: {', '.join(sorted(tokens.songs)) or 'none'})"
        )
    heard, answered, number_of = (np.array(each, np.int64) for each in (input, played, which))
    return Windows(heard, answered, number_of, places=tuple(places))


def add_features(windows: Windows, tokens: Tokens, split: str) -> Windows:
    """Windows of a split of the tokens, with the features of A that the tokens have; silence has no key."""
    length = windows.input.shape[1]
    rows = [tokens.features[f"{split}/{at.song}/{at.input}"][at.first : at.first + length] for at in windows.places]
    features = np.stack(rows).astype(np.float32)
    features[..., :-EXTRA_DIM] *= (windows.input != tokens.units)[..., None]
    return replace(windows, features=features)


def choose_windows(windows: Windows, count: int, rng: np.random.Generator) -> Windows:
    """`count` random windows (0: all), spread evenly over the songs."""
    if not 0 < count < len(windows.song):
        return windows
    shuffled = rng.permutation(len(windows.song))
    order = shuffled[np.argsort(windows.song[shuffled], kind="stable")]
    song = windows.song[order]
    rank = np.arange(len(song)) - np.searchsorted(song, song)  # the how manieth of its song
    taken = np.sort(order[np.lexsort((rng.random(len(song)), rank))[:count]])
    return windows.at(taken)
