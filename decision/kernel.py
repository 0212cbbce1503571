"""One row of the decision model at a time, compiled: what playing costs.

The same mathematics as `Decision.forward`, on key and value caches, without torch: at one row the matrix products only
read weights, and calling torch for each of them cost five times this (SMALL, one core: 2.6 ms per row, here 0.5). One
kernel call per row, without the GIL, allocating a few vectors; single-threaded, so the same input gives the same bits.
The law that holds both together: a cached row equals the row of `forward` but for rounding, wherever it is.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import cos, erf, exp, sin, sqrt
from typing import Any, NamedTuple

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic, overload

from decision.compiled import compiled

NEVER = -(1 << 60)  # hop number before every piece
LAYER_NORM_EPSILON = 1e-5  # as torch's


class Weights(NamedTuple):
    """The model as the kernel reads it, float32 except the frequencies. Made by `Decision.packed_weights`.

    `layers` and `head` are the bits of float16, uint16, where all their weights are float16 numbers, as in a model from
    a file: reading them from memory is what a row costs, and half as many bytes give the same floats.
    """

    embedding: np.ndarray  # (vocab + 1, dim) of the label that enters a row
    heard_kv: np.ndarray  # (vocab, layers, 2, heads, head dim) key and value of each label that may be heard, unrotated
    null_kv: np.ndarray  # (layers, 2, heads, head dim) key and value that are always visible
    layers: np.ndarray  # (layers, n) each layer end to end, in the order the kernel takes it
    head: np.ndarray  # (n,) final norm and output head, end to end
    frequencies: np.ndarray  # (head dim / 2,) float64, radians per hop
    window: int  # hops
    ff: int  # width of the feed-forward part


class Caches(NamedTuple):
    """Keys and values that stay, float32, (layers, keys|values, batch, heads, 2 * window, head dim) each.

    Slots of `own`: a ring of `window` committed rows, then `window` scratch rows for the current one and a plan. Slots
    of `heard`: a ring of 2 * window heard labels.
    """

    own: np.ndarray
    heard: np.ndarray


class Position(NamedTuple):
    """Where a row is in the piece, in hop numbers."""

    played: int  # of the next label to be played
    ahead: int  # of the row, counted from `played`
    heard: int  # of the next label to be heard
    origin: int  # at which the piece began


@dataclass
class DecisionState:
    """What has been heard and played since the piece began. Made by `Decision.start`; copy.deepcopy copies it."""

    caches: Caches
    last: np.ndarray  # (batch,) int64, the label that enters the next row
    single: bool  # made without a batch: labels are int, logits (vocab,)
    origin: int  # hop number at which the piece began
    heard: int  # hop number of the next label to be heard
    played: int  # hop number of the next label to be played
    logits_at: int = NEVER  # value of `heard` for which `logits` was computed
    logits: np.ndarray = field(default_factory=lambda: np.zeros(0, np.float32))  # (batch, vocab) of the current row


def start(w: Weights, first: int, batch: int | None, origin: int) -> DecisionState:
    """A state in which nothing has happened; `first` is the start symbol."""
    layers, _, heads, head_dim = w.null_kv.shape
    shape = (layers, 2, batch or 1, heads, 2 * w.window, head_dim)
    caches = Caches(np.zeros(shape, np.float32), np.zeros(shape, np.float32))
    return DecisionState(caches, np.full(batch or 1, first, np.int64), batch is None, origin, origin, origin)


def hear(w: Weights, state: DecisionState, labels: np.ndarray) -> None:
    """Write the keys and values of the labels (batch,) heard at hop `state.heard`, and count it."""
    _cache_heard(w, state.caches, state.heard, labels)
    state.heard += 1


def decode_row(w: Weights, state: DecisionState, ahead: int, labels: np.ndarray) -> np.ndarray:
    """Logits (batch, vocab) float32 of the row `ahead` hops after the next to be played; `labels` (batch,) enter it.

    Writes scratch slot `ahead` only; the scratch slots before it must hold the rows before it.
    """
    out = np.empty((len(labels), w.embedding.shape[0] - 1), np.float32)
    _decode_row(w, state.caches, Position(state.played, ahead, state.heard, state.origin), labels, out)
    return out


def commit(w: Weights, state: DecisionState, labels: np.ndarray) -> None:
    """Turn the current row into history and let `labels` (batch,) enter the next."""
    own = state.caches.own
    own[..., state.played % w.window, :] = own[..., w.window, :]
    state.last, state.logits_at = labels, NEVER
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


def _float(weight):  # type: ignore[no-untyped-def]  # Numba compares signatures, annotations too
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


@compiled(fastmath=True)
def _linear(x: np.ndarray, flat: np.ndarray, at: int, out: np.ndarray) -> int:
    """out (batch, n) = x (batch, k) W^T + b, W (n, k) then b (n,) read from flat[at:]; where the next weights begin."""
    batch, k = x.shape
    n = out.shape[1]
    bias = at + n * k
    for i in range(n):
        weights = flat[at + i * k : at + (i + 1) * k]  # read from memory once for the whole batch
        for b in range(batch):
            total = np.float32(0)
            for j in range(k):
                total += _float(weights[j]) * x[b, j]  # type: ignore[no-untyped-call]
            out[b, i] = total + _float(flat[bias + i])  # type: ignore[no-untyped-call]
    return int(bias + n)


@compiled(fastmath=True)
def _norm(x: np.ndarray, flat: np.ndarray, at: int, out: np.ndarray) -> int:
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
        scale = np.float32(1 / sqrt(variance / dim + LAYER_NORM_EPSILON))
        for j in range(dim):
            gain, offset = _float(flat[at + j]), _float(flat[at + dim + j])  # type: ignore[no-untyped-call]
            out[b, j] = (x[b, j] - mean) * scale * gain + offset
    return int(at + 2 * dim)


@compiled()
def _rotary_factors(hop: int, frequencies: np.ndarray) -> np.ndarray:
    """(2, head dim / 2) float32 cosines and sines at a hop; angles in float64, since hop numbers grow large."""
    factors = np.empty((2, len(frequencies)), np.float32)
    for i in range(len(frequencies)):
        factors[0, i], factors[1, i] = cos(hop * frequencies[i]), sin(hop * frequencies[i])
    return factors


@compiled(fastmath=True)
def _rotate(x: np.ndarray, factors: np.ndarray) -> None:
    """Rotate each head of x (heads, head dim) in place, as `decision.model.apply_rotary` does."""
    heads, head_dim = x.shape
    half = head_dim // 2
    for h in range(heads):
        for i in range(half):
            a, b = x[h, i], x[h, i + half]
            x[h, i] = a * factors[0, i] - b * factors[1, i]
            x[h, i + half] = b * factors[0, i] + a * factors[1, i]


@compiled()
def _cache_heard(w: Weights, caches: Caches, hop: int, labels: np.ndarray) -> None:
    """Write key, rotated, and value of labels (batch,) into the slot of their hop, in all layers."""
    factors, slot = _rotary_factors(hop, w.frequencies), hop % (2 * w.window)
    for b in range(len(labels)):
        for i in range(len(w.layers)):
            key = w.heard_kv[labels[b], i, 0].copy()
            _rotate(key, factors)
            caches.heard[i, 0, b, :, slot] = key
            caches.heard[i, 1, b, :, slot] = w.heard_kv[labels[b], i, 1]


@compiled(fastmath=True)
def _attend(query: np.ndarray, keys: np.ndarray, values: np.ndarray, slots: np.ndarray, out: np.ndarray) -> None:
    """out (head dim,) = attention of query (head dim,) to the given slots of keys and values (slots, head dim)."""
    head_dim, n = len(query), len(slots)
    scores = np.empty(n, np.float32)
    scale = np.float32(1 / sqrt(head_dim))
    top = np.float32(-1e30)
    for i in range(n):
        total = np.float32(0)
        for j in range(head_dim):
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
        for j in range(head_dim):
            out[j] += share * values[slots[i], j]


@compiled(fastmath=True)
def _attend_or_null(query: np.ndarray, null_kv: np.ndarray, kv: np.ndarray, slots: np.ndarray, out: np.ndarray) -> None:
    """As `_attend` to kv (2, slots, head dim), with one more key and value, null_kv (2, head dim), always visible."""
    n, head_dim = len(slots), len(query)
    k, v = np.empty((n + 1, head_dim), np.float32), np.empty((n + 1, head_dim), np.float32)
    k[0], v[0] = null_kv[0], null_kv[1]
    for i in range(n):
        k[i + 1], v[i + 1] = kv[0, slots[i]], kv[1, slots[i]]
    _attend(query, k, v, np.arange(n + 1), out)


@compiled()
def _visible_slots(at: Position, window: int) -> tuple[np.ndarray, np.ndarray]:
    """Slots that a row sees: of `Caches.own` (committed ring, then scratch up to itself), and of `Caches.heard`."""
    first = max(at.origin, at.played + at.ahead - window + 1)
    own = np.empty(at.played + at.ahead + 1 - first, np.int64)
    for i in range(len(own)):
        own[i] = (first + i) % window if first + i < at.played else window + first + i - at.played
    heard = np.empty(max(0, at.heard - first), np.int64)
    for i in range(len(heard)):
        heard[i] = (first + i) % (2 * window)
    return own, heard


@compiled(fastmath=True)
def _add(x: np.ndarray, y: np.ndarray) -> None:
    """x += y, (batch, dim)."""
    for b in range(x.shape[0]):
        for j in range(x.shape[1]):
            x[b, j] += y[b, j]


@compiled()
def _self_attention(
    qkv: np.ndarray, factors: np.ndarray, cache: np.ndarray, slot: int, slots: np.ndarray, out: np.ndarray
) -> None:
    """out (batch, dim) from queries, keys and values qkv (batch, 3 * dim).

    Writes keys and values into `slot` of cache (2, batch, heads, 2 * window, head dim) and attends to `slots`.
    """
    dim, heads, head_dim = out.shape[1], cache.shape[2], cache.shape[4]
    for b in range(len(qkv)):
        query, key = qkv[b, :dim].reshape(heads, head_dim), qkv[b, dim : 2 * dim].reshape(heads, head_dim)
        _rotate(query, factors)
        _rotate(key, factors)
        cache[0, b, :, slot] = key
        cache[1, b, :, slot] = qkv[b, 2 * dim :].reshape(heads, head_dim)
        for h in range(heads):
            _attend(query[h], cache[0, b, h], cache[1, b, h], slots, out[b, h * head_dim : (h + 1) * head_dim])


@compiled()
def _cross_attention(
    queries: np.ndarray, factors: np.ndarray, null_kv: np.ndarray, cache: np.ndarray, slots: np.ndarray, out: np.ndarray
) -> None:
    """out (batch, dim): queries (batch, dim) attend to null_kv (2, heads, head dim) and to `slots` of the cache."""
    heads, head_dim = null_kv.shape[1], null_kv.shape[2]
    for b in range(len(queries)):
        query = queries[b].reshape(heads, head_dim)
        _rotate(query, factors)
        for h in range(heads):
            part = out[b, h * head_dim : (h + 1) * head_dim]
            _attend_or_null(query[h], null_kv[:, h], cache[:, b, h], slots, part)


@compiled(fastmath=True)
def _gelu(x: np.ndarray) -> None:
    """In place on (batch, n)."""
    for b in range(x.shape[0]):
        for j in range(x.shape[1]):
            x[b, j] *= np.float32(0.5 * (1 + erf(x[b, j] * 0.7071067811865476)))


@compiled()
def _decode_row(w: Weights, caches: Caches, at: Position, labels: np.ndarray, out: np.ndarray) -> None:
    """The whole row, layer by layer: see `decode_row`."""
    batch, dim = len(labels), w.embedding.shape[1]
    own_slots, heard_slots = _visible_slots(at, w.window)
    factors = _rotary_factors(at.played + at.ahead, w.frequencies)
    x = np.empty((batch, dim), np.float32)
    for b in range(batch):
        x[b] = w.embedding[labels[b]]
    normed, mixed = np.empty_like(x), np.empty_like(x)
    qkv, wide = np.empty((batch, 3 * dim), np.float32), np.empty((batch, w.ff), np.float32)
    for i in range(len(w.layers)):
        flat = w.layers[i]
        end = _linear(normed, flat, _norm(x, flat, 0, normed), qkv)
        _self_attention(qkv, factors, caches.own[i], w.window + at.ahead, own_slots, mixed)
        end = _linear(mixed, flat, end, normed)
        _add(x, normed)
        end = _linear(normed, flat, _norm(x, flat, end, normed), mixed)
        _cross_attention(mixed, factors, w.null_kv[i], caches.heard[i], heard_slots, normed)
        end = _linear(normed, flat, end, mixed)
        _add(x, mixed)
        end = _linear(normed, flat, _norm(x, flat, end, normed), wide)
        _gelu(wide)
        _linear(wide, flat, end, mixed)
        _add(x, mixed)
    _linear(normed, w.head, _norm(x, w.head, 0, normed), out)
