"""From logits to one label: temperature, repetition penalty, constraint, nucleus; in numpy, pure, with its own rng.

The order is fixed, and it matters:
    1. repetition penalty on the raw logits (Keskar et al. 2019, CTRL, arXiv:1909.05858, eq. 1.2);
    2. temperature, then softmax;
    3. `require`: what the memory does not hold is removed here, before the nucleus is taken, so that the label drawn
       is always allowed;
    4. the nucleus (Holtzman et al. 2020, arXiv:1904.09751), cut to the `top_k` likeliest;
    5. `prefer`: the allowed labels inside the nucleus if there is any, else all of it (Bujard et al. 2025, §4.3).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

CONSTRAINTS = ("none", "prefer", "require")


def sample(
    logits: np.ndarray,
    allowed: np.ndarray,
    rng: np.random.Generator,
    *,
    temperature: float = 1.0,
    top_p: float = 0.9,
    top_k: int = 0,
    repetition_penalty: float = 1.0,
    recent: Sequence[int] | np.ndarray = (),
    constraint: str = "require",
) -> int:
    """Draw one label.

    logits              (vocab,) float, any scale; -inf for a label that must never come
    allowed             (vocab,) bool: the labels the memory holds; not read when `constraint` is "none"
    rng                 is moved on by exactly one uniform number, so two runs stay in step whatever they draw
    temperature         > 0; above 1 bolder, below 1 safer
    top_p               0 to 1; 0 is the likeliest label, 1 any label
    top_k               at most so many labels; 0 for no limit
    repetition_penalty  > 0; 1 for none, 1.2 is usual
    recent              labels played lately; each is penalised once, however often it was played
    constraint          one of CONSTRAINTS
    Returns a label in [0, vocab). ValueError for a value out of range, for logits that are not a number, and when
    nothing is left to choose from.
    """
    _check(logits, allowed, temperature, top_p, top_k, repetition_penalty, constraint)
    scores = apply_repetition_penalty(logits, recent, repetition_penalty)
    return int(_draw(scores, allowed, rng.random(), constraint, temperature, top_p, top_k))


def sample_rows(
    logits: np.ndarray, allowed: np.ndarray, uniform: np.ndarray, *, top_p: float = 0.8, constraint: str = "none"
) -> np.ndarray:
    """One label per row, (n,) int64, of logits (n, vocab) and allowed (n, vocab) bool; uniform (n,) in [0, 1).

    Equal, row by row, to `sample` at temperature 1 when its rng gives the number in `uniform`: for training and
    evaluation, which draw for many sequences at once. ValueError for an unknown constraint.
    """
    if constraint not in CONSTRAINTS:
        raise ValueError(f"constraint = {constraint!r}: expected one of {', '.join(CONSTRAINTS)}")
    return _draw(logits.astype(np.float64), allowed, uniform, constraint, 1.0, top_p, 0)


def _draw(
    scores: np.ndarray,
    allowed: np.ndarray,
    uniform: np.ndarray | float,
    constraint: str,
    temperature: float,
    top_p: float,
    top_k: int,
) -> np.ndarray:
    """Steps 2 to 5 for one row of scores (vocab,) float64, or for rows (n, vocab): int64 of shape () or (n,).

    One row uses arrays of one dimension throughout: live, it is drawn H times a hop, and the number of calls is the
    cost.
    """
    if constraint == "require":
        scores = np.where(allowed, scores, -np.inf)
    p = softmax(scores, temperature)
    order, kept = nucleus(p, top_p, top_k)
    if constraint == "prefer":
        preferred = kept & _taken(allowed, order)
        kept = np.where(preferred.any(axis=-1, keepdims=True), preferred, kept)
    rank = invert_cdf(_taken(p, order) * kept, uniform)
    return np.asarray(order[rank] if p.ndim == 1 else order[np.arange(len(p)), rank])


def _taken(rows: np.ndarray, index: np.ndarray) -> np.ndarray:
    """The elements of one row (m,) or of each row (n, m) at an index of as many dimensions."""
    if rows.ndim == 1:
        return np.asarray(rows[index])
    return np.asarray(rows[np.arange(len(rows))[:, None], index])  # a third of what take_along_axis costs


def apply_repetition_penalty(logits: np.ndarray, recent: Sequence[int] | np.ndarray, penalty: float) -> np.ndarray:
    """Copy of `logits` (vocab,) as float64, those of the `recent` labels less likely: positive ones divided by
    `penalty`, negative ones multiplied, since dividing a negative logit would raise it."""
    scores = np.array(logits, np.float64)
    if penalty != 1.0 and len(recent):
        labels = sorted({int(label) for label in recent})  # a quarter of what np.unique costs
        if labels[0] < 0 or labels[-1] >= len(scores):
            raise ValueError(f"recent labels {labels[0]} to {labels[-1]}: expected 0 to {len(scores) - 1}")
        old = scores[labels]
        scores[labels] = np.where(old > 0, old / penalty, old * penalty)
    return scores


def softmax(scores: np.ndarray, temperature: float = 1.0) -> np.ndarray:
    """Probabilities float64 of scores (vocab,) or (n, vocab), each row summing to 1.

    ValueError when every score of a row is -inf.
    """
    top = np.maximum.reduce(scores, axis=-1, keepdims=True)  # a third of what `max` costs on one row
    if np.minimum.reduce(top, axis=None) == -np.inf:
        raise ValueError("nothing to choose from: no label is both allowed and possible")
    p = np.exp((scores - top) / temperature)  # the largest first becomes 0, so a tiny temperature cannot overflow
    return np.asarray(p / np.add.reduce(p, axis=-1, keepdims=True))


def nucleus(p: np.ndarray, top_p: float = 1.0, top_k: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """The fewest labels that hold at least `top_p` of the probability p, of one row (vocab,) or of each of (n, vocab).

    Returns order, shaped as p, the labels from the likeliest down, equal ones by their numbers; and kept, bool, which
    of them, in that order, are in the nucleus. The label that crosses `top_p` is in it, hence there is always one. At
    most `top_k` when it is above 0. A label of probability 0 is never in it.

    >>> order, kept = nucleus(np.array([0.3, 0.5, 0.1, 0.1]), 0.79)
    >>> order[kept].tolist()
    [1, 0]
    """
    order = (-p).argsort(axis=-1, kind="stable")
    ranked = _taken(p, order)
    kept = ranked > 0
    if top_p < 1.0:
        # What lies before the crossing label does not reach top_p. A hair below it: 0.7 + 0.2 must reach 0.9 although
        # floats make it 0.8999999999999999.
        kept[..., 1:] &= ranked.cumsum(axis=-1)[..., :-1] < top_p - 1e-12
    if top_k > 0:
        kept[..., top_k:] = False
    return order, kept


def invert_cdf(p: np.ndarray, uniform: np.ndarray | float) -> np.ndarray:
    """The index drawn in proportion to the row p (m,), whatever its sum, or those (n,) of rows (n, m).

    Index i is drawn where the running sum first exceeds `uniform`, in [0, 1) for each row, times the whole sum.
    """
    total = p.cumsum(axis=-1)
    whole = total[..., -1:]
    sought = np.asarray(uniform)[..., None] * whole
    return np.asarray((total > np.minimum(sought, np.nextafter(whole, 0.0))).argmax(axis=-1))  # rounding stays below 1


def _check(
    logits: np.ndarray,
    allowed: np.ndarray,
    temperature: float,
    top_p: float,
    top_k: int,
    repetition_penalty: float,
    constraint: str,
) -> None:
    if constraint not in CONSTRAINTS:
        raise ValueError(f"constraint = {constraint!r}: expected one of {', '.join(CONSTRAINTS)}")
    if not temperature > 0:
        raise ValueError(f"temperature = {temperature}: expected more than 0 (1 is neutral, lower is safer)")
    if not 0 <= top_p <= 1:
        raise ValueError(f"top_p = {top_p}: expected 0 to 1 (0.9 keeps the likeliest 90 %)")
    if top_k < 0:
        raise ValueError(f"top_k = {top_k}: expected 0 (no limit) or more")
    if not repetition_penalty > 0:
        raise ValueError(f"repetition_penalty = {repetition_penalty}: expected more than 0 (1 for none)")
    if not np.maximum.reduce(logits) < np.inf:  # nor is it for NaN
        raise ValueError("logits are not numbers: the decision model is broken, load or train it again")
    if constraint != "none":
        if allowed.shape != logits.shape or allowed.dtype != bool:
            raise ValueError(f"allowed is {allowed.dtype} {allowed.shape}: expected bool {logits.shape}")
        if constraint == "require" and not allowed.any():
            raise ValueError("nothing to choose from: the memory holds no label; give it some audio")
