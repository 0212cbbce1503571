"""Simple players that a decision model must beat: they know label frequencies, transitions and the input's labels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from train.evaluate.rollout import Scores
from train.evaluate.windows import Windows


@dataclass(frozen=True)
class LabelStatistics:
    """How often labels occur in the music a simple player knows. Tables of log probabilities, one set per row.

    marginal (m, vocab): of a label. given (m, vocab, vocab): of B's label given A's at the same hop; behind: given A's
    one hop before, which is all a live player knows; after: given B's own label one hop before.
    which (n,): the row that serves each window.
    """

    marginal: np.ndarray
    given: np.ndarray
    behind: np.ndarray
    after: np.ndarray
    which: np.ndarray

    @classmethod
    def of(cls, known: Windows, vocab: int, count: int) -> LabelStatistics:
        """Learned from `known`, which is other music than the `count` windows they are to serve."""
        marginal, given, behind, after = _logs(_counts(known, vocab), vocab)
        return cls(marginal, given, behind, after, np.zeros(count, np.int64))

    @classmethod
    def leaving_out(cls, known: Windows, vocab: int, songs: np.ndarray) -> LabelStatistics:
        """For music without a training split: windows of the `songs` (n,) are served by what all other songs taught."""
        total, rows = _counts(known, vocab), []
        served, which = np.unique(songs, return_inverse=True)
        for song in served:
            of = known.song == song
            own = _counts(Windows(known.heard[of], known.played[of], known.song[of]), vocab)
            rows.append(_logs([every - mine for every, mine in zip(total, own, strict=True)], vocab))
        marginal, given, behind, after = (np.concatenate(part) for part in zip(*rows, strict=True))
        return cls(marginal, given, behind, after, which)

    def players(self, heard: np.ndarray) -> dict[str, tuple[Scores, float | None]]:
        """name -> (scores, its own top_p or None for that of the model), for windows whose A is `heard` (n, T)."""
        w, start, vocab = self.which, self.marginal[self.which], self.marginal.shape[1]

        def hold(t: int, last: np.ndarray | None) -> np.ndarray:
            return start if last is None else np.where(np.arange(vocab) == last[:, None], 0.0, -np.inf)

        return {
            "uniform": (lambda t, last: np.zeros_like(start), 1.0),
            "marginal": (lambda t, last: start, None),
            "commonest": (lambda t, last: start, 0.0),
            "hold": (hold, None),
            "after own": (lambda t, last: start if last is None else self.after[w, last], None),
            "given A": (lambda t, last: self.given[w, heard[:, t]], None),
            "given A before": (lambda t, last: self.behind[w, heard[:, t - 1]] if t else start, None),
        }

    def cross_entropies(self, windows: Windows) -> dict[str, np.ndarray]:
        """name -> nats per label of B, (n,), each label predicted from the true ones before it."""
        heard, played, w = windows.heard, windows.played, self.which[:, None]
        first = self.marginal[w, played[:, :1]]
        tables = {
            "marginal": self.marginal[w, played],
            "after own": np.hstack([first, self.after[w, played[:, :-1], played[:, 1:]]]),
            "given A": self.given[w, heard, played],
            "given A before": np.hstack([first, self.behind[w, heard[:, :-1], played[:, 1:]]]),
        }
        flat = np.full(len(heard), np.log(self.marginal.shape[1]))
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
    heard, played = windows.heard, windows.played
    pairs = (heard, played), (heard[:, :-1], played[:, 1:]), (played[:, :-1], played[:, 1:])
    tables = [np.bincount((a * vocab + b).ravel(), minlength=vocab * vocab).reshape(vocab, vocab) for a, b in pairs]
    return [np.bincount(played.ravel(), minlength=vocab), *tables]


def _logs(counts: list[np.ndarray], vocab: int) -> list[np.ndarray]:
    """Counts -> log probabilities float32, with a first axis of 1. Half a count per label is added, in the tables
    spread as the marginal is, so that a rare row says what is common."""
    marginal = (counts[0] + 0.5) / (counts[0].sum() + 0.5 * vocab)
    tables = [(c + 0.5 * vocab * marginal) / (c.sum(axis=1, keepdims=True) + 0.5 * vocab) for c in counts[1:]]
    return [np.log(table)[None].astype(np.float32) for table in (marginal, *tables)]
