"""Answers to many windows at once: by the decision model, and by the simple players it must beat.

Every player is a function scores(t, last) -> (n, vocab) logits for label t, given the labels `last` (n,) it drew before
(None at t = 0), and all draw through the same `draw_all`: the same nucleus, constraint and random numbers decide for
the model and for its rivals. `draw_all` is `decision.sampling.sample` for many rows, label for label the same.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F

from decision.model import Decision
from decision.sampling import CONSTRAINTS

ROWS = 64  # windows the model answers at a time
Scores = Callable[[int, "np.ndarray | None"], np.ndarray]
Mode = str | int  # "full": all of A is heard; k: A is heard up to k hops ago


@dataclass(frozen=True)
class Windows:
    """Windows of pairs (A, B). heard, played: (n, T) int64 labels of A and of B; song: (n,) int64, which song."""

    heard: np.ndarray
    played: np.ndarray
    song: np.ndarray

    def allowed(self, vocab: int) -> np.ndarray:
        """(n, vocab) bool: the labels that occur in that very window of B.

        The paper's code allows what occurs anywhere in the batch, which is more than a memory of B would hold.
        """
        mask = np.zeros((len(self.played), vocab), bool)
        np.put_along_axis(mask, self.played, True, axis=1)
        return mask


def draw_all(
    logits: np.ndarray, allowed: np.ndarray, uniform: np.ndarray, *, top_p: float = 0.8, constraint: str = "none"
) -> np.ndarray:
    """One label per row, (n,) int64, of logits (n, vocab) and allowed (n, vocab) bool; uniform (n,) in [0, 1).

    Equal, row by row, to `decision.sampling.sample` at temperature 1 when its rng gives the number in `uniform`.
    """
    if constraint not in CONSTRAINTS:
        raise ValueError(f"constraint = {constraint!r}: expected one of {', '.join(CONSTRAINTS)}")
    scores = logits.astype(np.float64)
    if constraint == "require":
        scores = np.where(allowed, scores, -np.inf)
    p = np.exp(scores - scores.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    order = np.argsort(-p, axis=1, kind="stable")
    ranked = np.take_along_axis(p, order, axis=1)
    kept = ranked > 0
    if top_p < 1:
        before = np.cumsum(ranked, axis=1) < top_p - 1e-12  # these do not reach it; the next one crosses it and is kept
        kept[:, 1:] &= before[:, :-1]
    if constraint == "prefer":
        wanted = kept & np.take_along_axis(allowed, order, axis=1)
        kept = np.where(wanted.any(axis=1, keepdims=True), wanted, kept)
    total = np.cumsum(np.where(kept, ranked, 0.0), axis=1)
    place = (total <= uniform[:, None] * total[:, -1:]).sum(axis=1)
    last = kept.shape[1] - 1 - kept[:, ::-1].argmax(axis=1)
    return np.take_along_axis(order, np.minimum(place, last)[:, None], axis=1)[:, 0]


def roll(scores: Scores, allowed: np.ndarray, uniform: np.ndarray, *, top_p: float, constraint: str) -> np.ndarray:
    """(n, T) int64: one label after the other; uniform (n, T) decides."""
    labels, last = np.empty(uniform.shape, np.int64), None
    for t in range(uniform.shape[1]):
        last = draw_all(scores(t, last), allowed, uniform[:, t], top_p=top_p, constraint=constraint)
        labels[:, t] = last
    return labels


# The model


def model_scores(model: Decision, heard: np.ndarray, mode: Mode) -> Scores:
    """The model as a player of windows whose A is `heard` (n, T); each begins at the start symbol, as in the paper.

    In full mode it has heard as far ahead as its window reaches, else A up to `mode` hops before the label it gives.
    """
    state, (_, length) = model.start(batch=len(heard)), heard.shape

    def scores(t: int, last: np.ndarray | None) -> np.ndarray:
        if last is not None:
            model.commit(state, last)
        known = t + model.config.window if isinstance(mode, str) else t - mode + 1
        while state.heard < min(known, length):
            model.hear(state, heard[:, state.heard])
        return model.logits(state)

    return scores


def model_answers(
    model: Decision, windows: Windows, uniform: np.ndarray, mode: Mode, *, top_p: float, constraint: str
) -> np.ndarray:
    """(n, T) labels the model answers to every window."""
    allowed, parts = windows.allowed(model.config.vocab), []
    for begin in range(0, len(uniform), ROWS):
        rows = slice(begin, begin + ROWS)
        scores = model_scores(model, windows.heard[rows], mode)
        parts.append(roll(scores, allowed[rows], uniform[rows], top_p=top_p, constraint=constraint))
    return np.concatenate(parts)


@torch.no_grad()
def model_cross_entropy(model: Decision, windows: Windows, mode: Mode) -> np.ndarray:
    """Nats per label of B, (n,), when each label is predicted from the true ones before it."""
    found, lookahead = [], None if isinstance(mode, str) else mode
    device = next(model.parameters()).device
    for begin in range(0, len(windows.heard), ROWS):
        heard = torch.from_numpy(windows.heard[begin : begin + ROWS]).to(device)
        played = torch.from_numpy(windows.played[begin : begin + ROWS]).to(device)
        logits = model(heard, played, lookahead).float()
        found.append(F.cross_entropy(logits.transpose(1, 2), played, reduction="none").mean(1).cpu().numpy())
    return np.concatenate(found).astype(np.float64)


# The rivals


@dataclass(frozen=True)
class Habits:
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
    def of(cls, known: Windows, vocab: int, count: int) -> Habits:
        """Learned from `known`, which is other music than the `count` windows they are to serve."""
        marginal, given, behind, after = _logs(_counts(known, vocab), vocab)
        return cls(marginal, given, behind, after, np.zeros(count, np.int64))

    @classmethod
    def leaving_out(cls, known: Windows, vocab: int, songs: np.ndarray) -> Habits:
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
