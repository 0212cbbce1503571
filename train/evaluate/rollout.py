"""Answers to many windows at once, drawn label after label: by the decision model, and by any other scorer of labels.

A scorer is a function scores(t, last) -> (n, vocab) logits for label t, given the labels `last` (n,) it drew before
(None at t = 0). All draw through `decision.sampling.sample_rows`: the same nucleus, constraint and random numbers
decide for the model and for its baselines.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F

from decision.model import Decision
from decision.sampling import sample_rows
from train.evaluate.windows import Windows

ROWS = 64  # windows the model answers at a time
Scores = Callable[[int, "np.ndarray | None"], np.ndarray]
Mode = str | int  # "full": all of A is heard; k: A is heard up to k hops ago


def roll(scores: Scores, allowed: np.ndarray, uniform: np.ndarray, *, top_p: float, constraint: str) -> np.ndarray:
    """(n, T) int64: one label after the other; uniform (n, T) decides."""
    labels, last = np.empty(uniform.shape, np.int64), None
    for t in range(uniform.shape[1]):
        last = sample_rows(scores(t, last), allowed, uniform[:, t], top_p=top_p, constraint=constraint)
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
    result, lookahead = [], None if isinstance(mode, str) else mode
    device = next(model.parameters()).device
    for begin in range(0, len(windows.heard), ROWS):
        heard = torch.from_numpy(windows.heard[begin : begin + ROWS]).to(device)
        played = torch.from_numpy(windows.played[begin : begin + ROWS]).to(device)
        logits = model(heard, played, lookahead).float()
        result.append(F.cross_entropy(logits.transpose(1, 2), played, reduction="none").mean(1).cpu().numpy())
    return np.concatenate(result).astype(np.float64)
