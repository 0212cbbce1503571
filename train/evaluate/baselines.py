"""Baselines that a decision model must beat: label frequencies, transitions, and labels given the input's."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from train.evaluate.rollout import Scores
from train.evaluate.windows import Windows


@dataclass(frozen=True)
class LabelStatistics:
    """Log probabilities of labels in the training music of the baselines; m sets of tables.

    marginal (m, vocab): log p(b_t). given (m, vocab, vocab): log p(b_t | a_t); behind: log p(b_t | a_(t-1)), the most
    a live player can know; after: log p(b_t | b_(t-1)). which (n,): the set that serves each window.
    """

    marginal: np.ndarray
    given: np.ndarray
    behind: np.ndarray
    after: np.ndarray
    which: np.ndarray

    @classmethod
    def of(cls, known: Windows, vocab: int, count: int) -> LabelStatistics:
        """Statistics of `known`, music other than the `count` windows they serve."""
        marginal, given, behind, after = _logs(_counts(known, vocab), vocab)
        return cls(marginal, given, behind, after, np.zeros(count, np.int64))

    @classmethod
    def leaving_out(cls, known: Windows, vocab: int, songs: np.ndarray) -> LabelStatistics:
        """Without a training split: each window of the `songs` (n,) is served by the statistics of the other songs."""
        total, rows = _counts(known, vocab), []
        served, which = np.unique(songs, return_inverse=True)
        for song in served:
            of = known.song == song
            own = _counts(Windows(known.input[of], known.played[of], known.song[of]), vocab)
            rows.append(_logs([every - mine for every, mine in zip(total, own, strict=True)], vocab))
        marginal, given, behind, after = (np.concatenate(part) for part in zip(*rows, strict=True))
        return cls(marginal, given, behind, after, which)

    def players(self, input: np.ndarray) -> dict[str, tuple[Scores, float | None]]:
        """name -> (scores, its own top_p or None for the model's), for windows whose A has labels `input` (n, T)."""
        w, start, vocab = self.which, self.marginal[self.which], self.marginal.shape[1]

        def hold(t: int, last: np.ndarray | None) -> np.ndarray:
            return start if last is None else np.where(np.arange(vocab) == last[:, None], 0.0, -np.inf)

        return {
            "uniform": (lambda t, last: np.zeros_like(start), 1.0),
            "marginal": (lambda t, last: start, None),
            "commonest": (lambda t, last: start, 0.0),
            "hold": (hold, None),
            "after own": (lambda t, last: start if last is None else self.after[w, last], None),
            "given A": (lambda t, last: self.given[w, input[:, t]], None),
            "given A before": (lambda t, last: self.behind[w, input[:, t - 1]] if t else start, None),
        }

    def cross_entropies(self, windows: Windows) -> dict[str, np.ndarray]:
        """name -> (n,) nats per label of B, each label predicted from the true ones before it."""
        input, played, w = windows.input, windows.played, self.which[:, None]
        first = self.marginal[w, played[:, :1]]
        tables = {
            "marginal": self.marginal[w, played],
            "after own": np.hstack([first, self.after[w, played[:, :-1], played[:, 1:]]]),
            "given A": self.given[w, input, played],
            "given A before": np.hstack([first, self.behind[w, input[:, :-1], played[:, 1:]]]),
        }
        flat = np.full(len(input), np.log(self.marginal.shape[1]))
        return {"uniform": flat} | {name: -table.mean(axis=1, dtype=np.float64) for name, table in tables.items()}


EXPLAINED = {
    "uniform": "any label, all alike (the paper's baseline)",
    "marginal": "labels as often as the corpus has them",
    "commonest": "the commonest label, always",
    "hold": "the first label drawn from the marginal, then held",
    "after own": "B's label drawn given its own label before (does not listen)",
    "given A": "B's label drawn given A's at the same hop",
    "given A before": "B's label drawn given A's one hop before (all a live player knows)",
    "copy of A": "the label just heard, whatever the constraint",
}


def _counts(windows: Windows, vocab: int) -> list[np.ndarray]:
    input, played = windows.input, windows.played
    pairs = (input, played), (input[:, :-1], played[:, 1:]), (played[:, :-1], played[:, 1:])
    tables = [np.bincount((a * vocab + b).ravel(), minlength=vocab * vocab).reshape(vocab, vocab) for a, b in pairs]
    return [np.bincount(played.ravel(), minlength=vocab), *tables]


def _logs(counts: list[np.ndarray], vocab: int) -> list[np.ndarray]:
    """Counts -> log probabilities float32, with a first axis of 1.

    Half a count per label is added; in the tables it is distributed as the marginal, so that rare rows tend to it.
    """
    marginal = (counts[0] + 0.5) / (counts[0].sum() + 0.5 * vocab)
    tables = [(c + 0.5 * vocab * marginal) / (c.sum(axis=1, keepdims=True) + 0.5 * vocab) for c in counts[1:]]
    return [np.log(table)[None].astype(np.float32) for table in (marginal, *tables)]
