"""Autoregressive rollout over many windows at once, by the decision model or any other scorer of labels.

A scorer is a function scores(t, last) -> (n, vocab) logits of label t, given the last drawn labels (n,), None at t = 0.
All draw by `decision.sampling.sample_rows`: model and baselines share nucleus, constraint and random numbers.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F

from decision.model import Decision
from decision.sampling import sample_rows
from train.evaluate.windows import Windows

BATCH_WINDOWS = 64
Scores = Callable[[int, "np.ndarray | None"], np.ndarray]
Mode = str | int  # "full": all of A is the input; k: A up to k hops before


def roll(scores: Scores, allowed: np.ndarray, uniform: np.ndarray, *, top_p: float, constraint: str) -> np.ndarray:
    """(n, T) int64 labels drawn in order. allowed (n, vocab) bool; uniform (n, T): random numbers in [0, 1)."""
    labels, last = np.empty(uniform.shape, np.int64), None
    for t in range(uniform.shape[1]):
        last = sample_rows(scores(t, last), allowed, uniform[:, t], top_p=top_p, constraint=constraint)
        labels[:, t] = last
    return labels


# The model


def model_scores(model: Decision, windows: Windows, mode: Mode) -> Scores:
    """The model as a scorer, for the A of some windows, beginning with the start symbol.

    Its input for label t is A up to the end of its window in full mode, else up to label t - mode.
    """
    inputs, features = windows.input, _heard_features(model, windows)
    state, (_, length) = model.start(batch=len(inputs)), inputs.shape

    def scores(t: int, last: np.ndarray | None) -> np.ndarray:
        if last is not None:
            model.commit(state, last)
        known = t + model.config.window if isinstance(mode, str) else t - mode + 1
        while state.heard < min(known, length):
            model.hear(state, inputs[:, state.heard], None if features is None else features[:, state.heard])
        return model.logits(state)

    return scores


def model_labels(
    model: Decision, windows: Windows, uniform: np.ndarray, mode: Mode, *, top_p: float, constraint: str
) -> np.ndarray:
    """(n, T) labels that the model generates for every window. uniform (n, T): random numbers in [0, 1)."""
    allowed, parts = windows.allowed(model.config.vocab), []
    for rows in _batches(len(uniform)):
        scores = model_scores(model, windows.at(rows), mode)
        parts.append(roll(scores, allowed[rows], uniform[rows], top_p=top_p, constraint=constraint))
    return np.concatenate(parts)


@torch.no_grad()
def model_cross_entropy(model: Decision, windows: Windows, mode: Mode) -> np.ndarray:
    """(n,) nats per label of B, each label predicted from the true ones before it (teacher forcing)."""
    result, lookahead = [], None if isinstance(mode, str) else mode
    device = next(model.parameters()).device
    for rows in _batches(len(windows.input)):
        batch = windows.at(rows)
        known = _heard_features(model, batch)
        inputs, played = (torch.from_numpy(labels).to(device) for labels in (batch.input, batch.played))
        features = None if known is None else torch.from_numpy(known).to(device)
        logits = model(inputs, played, lookahead, features=features).float()
        result.append(F.cross_entropy(logits.transpose(1, 2), played, reduction="none").mean(1).cpu().numpy())
    return np.concatenate(result).astype(np.float64)


def _batches(count: int) -> list[np.ndarray]:
    return [np.arange(begin, min(begin + BATCH_WINDOWS, count)) for begin in range(0, count, BATCH_WINDOWS)]


def _heard_features(model: Decision, windows: Windows) -> np.ndarray | None:
    """The features of A, where the model hears any."""
    return windows.features if model.config.key_dim else None
