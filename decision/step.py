"""One row of the decision model at a time, compiled: what playing costs.

The same mathematics as `Decision.forward`, on caches, without torch: at one row the matrix products only read weights,
and calling torch for each of them cost five times this (SMALL, one core: 2.6 ms per row, here 0.5). One kernel call
per row, without the GIL, allocating a few vectors; single-threaded, so the same input gives the same bits.
The law that holds both together: a cached row equals the row of `forward` to 1e-5, wherever in the piece it is.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import cos, erf, exp, sin, sqrt
from typing import Any, NamedTuple

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic, overload

NEVER = -(1 << 60)  # hop number before every piece


class Weights(NamedTuple):
    """The model as the kernel reads it, float32 except the frequencies. Made by `Decision.weights`.

    `layers` and `last` are the bits of float16, uint16, where all their weights are float16 numbers, as in a model from
    a file: reading them from memory is what a row costs, and half as many bytes give the same floats.
    """

    played: np.ndarray  # (vocab + 1, dim) what enters a row
    ears: np.ndarray  # (vocab, layers, 2, heads, head) key and value of each label that may be heard, not yet turned
    null: np.ndarray  # (layers, 2, heads, head) key and value that are always visible
    layers: np.ndarray  # (layers, n) each layer end to end, in the order the kernel takes it
    last: np.ndarray  # (n,) final norm and output head, end to end
    frequencies: np.ndarray  # (head / 2,) float64, radians per hop
    window: int
    ff: int


@dataclass
class DecisionState:
    """What has been heard and played since the piece began. Made by `Decision.start`; copy.deepcopy copies it.

    Slots of `rows`: a ring of `window` committed rows, then `window` scratch rows for the current one and a plan.
    Slots of `ears`: a ring of 2 * window heard labels.
    """

    rows: np.ndarray  # (layers, keys|values, batch, heads, 2 * window, head) float32
    ears: np.ndarray  # (layers, keys|values, batch, heads, 2 * window, head) float32
    last: np.ndarray  # (batch,) int64, what enters the next row
    single: bool  # made without a batch: labels are int, logits (vocab,)
    origin: int  # hop number at which the piece began
    heard: int  # hop number of the next label to be heard
    played: int  # hop number of the next label to be played
    fresh: int = NEVER  # value of `heard` for which the current row was computed
    current: np.ndarray = field(default_factory=lambda: np.zeros(0, np.float32))  # (batch, vocab) its logits


def start(w: Weights, first: int, batch: int | None, origin: int) -> DecisionState:
    """A state in which nothing has happened; `first` is the start symbol."""
    layers, _, heads, head = w.null.shape
    shape = (layers, 2, batch or 1, heads, 2 * w.window, head)
    last = np.full(batch or 1, first, np.int64)
    return DecisionState(
        np.zeros(shape, np.float32), np.zeros(shape, np.float32), last, batch is None, origin, origin, origin
    )


def hear(w: Weights, state: DecisionState, labels: np.ndarray) -> None:
    """Write the keys and values of the labels (batch,) heard at hop `state.heard`, and count it."""
    heard = w.ears[labels].transpose(1, 2, 0, 3, 4).copy()  # (layers, 2, batch, heads, head)
    angle = state.heard * w.frequencies
    c, s = np.cos(angle).astype(np.float32), np.sin(angle).astype(np.float32)
    a, b = np.split(heard[:, 0].copy(), 2, axis=-1)
    heard[:, 0] = np.concatenate([a * c - b * s, b * c + a * s], axis=-1)
    state.ears[..., state.heard % (2 * w.window), :] = heard
    state.heard += 1


def row(w: Weights, state: DecisionState, ahead: int, labels: np.ndarray) -> np.ndarray:
    """Logits (batch, vocab) float32 of the row `ahead` hops after the next to be played; `labels` (batch,) enter it.

    Writes scratch slot `ahead` only; the scratch slots before it must hold the rows before it.
    """
    out = np.empty((len(labels), w.played.shape[0] - 1), np.float32)
    counts = np.array([state.played, ahead, state.heard, state.origin, w.window, w.ff])
    _row(w.played, w.layers, w.last, w.null, w.frequencies, state.rows, state.ears, counts, labels, out)
    return out


def commit(w: Weights, state: DecisionState, labels: np.ndarray) -> None:
    """Turn the current row into history and let `labels` (batch,) enter the next."""
    state.rows[..., state.played % w.window, :] = state.rows[..., w.window, :]
    state.last, state.fresh = labels, NEVER
    state.played += 1


def packed(weights: np.ndarray) -> np.ndarray:
    """float32 weights as the bits of float16, uint16, if that loses nothing, else as they are."""
    with np.errstate(over="ignore"):
        short = weights.astype(np.float16)
    return short.view(np.uint16) if np.array_equal(short.astype(np.float32), weights) else weights


@intrinsic
def _as_float(typing: Any, bits: Any) -> Any:
    """The float32 that has these bits, int32."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], ir.FloatType())

    return types.float32(types.int32), generate


def _float(weight):  # type: ignore[no-untyped-def]  # Numba compares signatures
    """A weight as float32, whichever way it is stored."""


@overload(_float, inline="always")
def _any_float(weight):  # type: ignore[no-untyped-def]
    if weight == types.uint16:
        # Sign, exponent and fraction moved to where float32 has them; 2^112 makes good the difference of the biases,
        # for subnormals too. In plain integers, for not every processor converts by itself, and this vectorises.
        def widen(weight):  # type: ignore[no-untyped-def]
            bits = np.int32(np.int16(weight)) << np.int32(13)
            return _as_float(bits & np.int32(-0x70002000)) * np.float32(2.0**112)  # type: ignore[call-arg]

        return widen
    return lambda weight: weight


@njit(cache=True, nogil=True, fastmath=True)
def _linear(x, flat, at, out):
    """out (batch, n) = x (batch, k) W^T + b, W (n, k) then b (n,) read from flat[at:]; where the next weights begin."""
    batch, k = x.shape
    n = out.shape[1]
    bias = at + n * k
    for i in range(n):
        weights = flat[at + i * k : at + (i + 1) * k]  # read from memory once for the whole batch
        for b in range(batch):
            total = np.float32(0)
            for j in range(k):
                total += _float(weights[j]) * x[b, j]
            out[b, i] = total + _float(flat[bias + i])
    return bias + n


@njit(cache=True, nogil=True, fastmath=True)
def _norm(x, flat, at, out):
    """out = layer norm of x (batch, dim), gain then offset read from flat[at:]; where the next weights begin."""
    batch, dim = x.shape
    for b in range(batch):
        mean = np.float32(0)
        for j in range(dim):
            mean += x[b, j]
        mean /= dim
        variance = np.float32(0)
        for j in range(dim):
            variance += (x[b, j] - mean) ** 2
        scale = np.float32(1 / sqrt(variance / dim + 1e-5))
        for j in range(dim):
            out[b, j] = (x[b, j] - mean) * scale * _float(flat[at + j]) + _float(flat[at + dim + j])
    return at + 2 * dim


@njit(cache=True, nogil=True, fastmath=True)
def _turn(x, factors):
    """Turn each head of x (heads, head) in place; factors (2, head / 2) are cosines and sines."""
    heads, head = x.shape
    half = head // 2
    for h in range(heads):
        for i in range(half):
            a, b = x[h, i], x[h, i + half]
            x[h, i] = a * factors[0, i] - b * factors[1, i]
            x[h, i + half] = b * factors[0, i] + a * factors[1, i]


@njit(cache=True, nogil=True, fastmath=True)
def _attend(query, keys, values, slots, out):
    """out (head,) = attention of query (head,) to the given slots of keys and values (slots, head)."""
    head, n = len(query), len(slots)
    scores = np.empty(n, np.float32)
    scale = np.float32(1 / sqrt(head))
    top = np.float32(-1e30)
    for i in range(n):
        total = np.float32(0)
        for j in range(head):
            total += query[j] * keys[slots[i], j]
        scores[i] = total * scale
        top = max(top, scores[i])
    norm = np.float32(0)
    for i in range(n):
        scores[i] = np.float32(exp(scores[i] - top))
        norm += scores[i]
    out[:] = 0
    for i in range(n):
        share = scores[i] / norm
        for j in range(head):
            out[j] += share * values[slots[i], j]


@njit(cache=True, nogil=True, fastmath=True)
def _attend_or_null(query, null, keys, values, slots, out):
    """As `_attend`, with one more key and value, null (2, head), always visible."""
    n, head = len(slots), len(query)
    k, v = np.empty((n + 1, head), np.float32), np.empty((n + 1, head), np.float32)
    k[0], v[0] = null[0], null[1]
    for i in range(n):
        k[i + 1], v[i + 1] = keys[slots[i]], values[slots[i]]
    _attend(query, k, v, np.arange(n + 1), out)


@njit(cache=True, nogil=True)
def _visible(counts):
    """Slots a row sees: of the rows (committed ring, then scratch up to itself), and of the ears."""
    played, ahead, heard, origin, window = counts[0], counts[1], counts[2], counts[3], counts[4]
    first = max(origin, played + ahead - window + 1)
    own = np.empty(played + ahead + 1 - first, np.int64)
    for i in range(len(own)):
        own[i] = (first + i) % window if first + i < played else window + first + i - played
    ears = np.empty(max(0, heard - first), np.int64)
    for i in range(len(ears)):
        ears[i] = (first + i) % (2 * window)
    return own, ears


@njit(cache=True, nogil=True, fastmath=True)
def _add(x, y):
    """x += y, (batch, dim)."""
    for b in range(x.shape[0]):
        for j in range(x.shape[1]):
            x[b, j] += y[b, j]


@njit(cache=True, nogil=True)
def _look_back(three, factors, rows, slot, slots, out):
    """Queries, keys and values three (batch, 3 * dim): remember the two last in `slot` of rows (2, batch, heads, slots,
    head), attend to `slots`, into out (batch, dim)."""
    dim, heads, head = out.shape[1], rows.shape[2], rows.shape[4]
    for b in range(len(three)):
        query, key = three[b, :dim].reshape(heads, head), three[b, dim : 2 * dim].reshape(heads, head)
        _turn(query, factors)
        _turn(key, factors)
        rows[0, b, :, slot] = key
        rows[1, b, :, slot] = three[b, 2 * dim :].reshape(heads, head)
        for h in range(heads):
            _attend(query[h], rows[0, b, h], rows[1, b, h], slots, out[b, h * head : (h + 1) * head])


@njit(cache=True, nogil=True)
def _listen(queries, factors, null, ears, slots, out):
    """Attend from queries (batch, dim) to null (2, heads, head) and to `slots` of ears (2, batch, heads, n, head)."""
    heads, head = null.shape[1], null.shape[2]
    for b in range(len(queries)):
        query = queries[b].reshape(heads, head)
        _turn(query, factors)
        for h in range(heads):
            place = out[b, h * head : (h + 1) * head]
            _attend_or_null(query[h], null[:, h], ears[0, b, h], ears[1, b, h], slots, place)


@njit(cache=True, nogil=True, fastmath=True)
def _gelu(x):
    """In place on (batch, n)."""
    for b in range(x.shape[0]):
        for j in range(x.shape[1]):
            x[b, j] *= np.float32(0.5 * (1 + erf(x[b, j] * 0.7071067811865476)))


@njit(cache=True, nogil=True)
def _row(played, layers, last, null, frequencies, rows, ears, counts, labels, out):
    """The whole row: see `row`. counts: played, ahead, heard, origin, window, ff."""
    batch, dim, half = len(labels), played.shape[1], len(frequencies)
    own, heard = _visible(counts)
    factors = np.empty((2, half), np.float32)
    for i in range(half):
        angle = (counts[0] + counts[1]) * frequencies[i]  # float64: hop numbers grow large
        factors[0, i], factors[1, i] = cos(angle), sin(angle)
    x = np.empty((batch, dim), np.float32)
    for b in range(batch):
        x[b] = played[labels[b]]
    normed, mixed = np.empty_like(x), np.empty_like(x)
    three, wide = np.empty((batch, 3 * dim), np.float32), np.empty((batch, counts[5]), np.float32)
    for i in range(len(layers)):
        flat = layers[i]
        at = _linear(normed, flat, _norm(x, flat, 0, normed), three)
        _look_back(three, factors, rows[i], counts[4] + counts[1], own, mixed)
        at = _linear(mixed, flat, at, normed)
        _add(x, normed)
        at = _linear(normed, flat, _norm(x, flat, at, normed), mixed)
        _listen(mixed, factors, null[i], ears[i], heard, normed)
        at = _linear(normed, flat, at, mixed)
        _add(x, mixed)
        at = _linear(normed, flat, _norm(x, flat, at, normed), wide)
        _gelu(wide)
        _linear(wide, flat, at, mixed)
        _add(x, mixed)
    _linear(normed, last, _norm(x, last, 0, normed), out)
