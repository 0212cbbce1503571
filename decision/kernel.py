"""One row of the decision model at a time, compiled: what playing costs.

The same mathematics as `Decision.forward`, on key and value caches, without torch: at one row the matrix products only
read weights, and calling torch for each of them cost five times this (SMALL, one core: 2.6 ms per row, here 0.5). One
kernel call per row, without the GIL, allocating a few vectors; single-threaded, so the same input gives the same bits.
The law that holds both together: a cached row equals the row of `forward` but for rounding, wherever it is.
"""

from __future__ import annotations

import platform
from dataclasses import dataclass, field
from math import cos, erf, exp, sin, sqrt
from typing import Any, NamedTuple

import numpy as np
from llvmlite import binding, ir
from numba import types
from numba.extending import intrinsic, overload

from decision.compiled import compiled

NATIVE_HALF = platform.machine() in ("arm64", "aarch64") or binding.get_host_cpu_features().get("f16c", False)
NEVER = -(1 << 60)  # hop number before every performance
LAYER_NORM_EPSILON = 1e-5  # as in torch
FOLLOWED = 4  # newest input hops whose keys a query can use


class Weights(NamedTuple):
    """The model as the kernel reads it, float32 except the frequencies. Made by `Decision.packed_weights`.

    `layers` and `head` are the bits of float16, uint16, where all their weights are float16 numbers, as in a model from
    a file: reading them from memory is what a row costs, and half as many bytes give the same floats.
    """

    embedding: np.ndarray  # (vocab + 1, dim) of the label that enters a row
    heard: np.ndarray  # (vocab, dim) of an input label
    heard_features: np.ndarray  # (features, dim) added to it for each feature of an input hop
    heard_out: np.ndarray  # (n,) norm of that sum, then its keys and values in all layers, end to end
    null_kv: np.ndarray  # (layers, 2, heads, head dim) key and value that are always visible
    layers: np.ndarray  # (layers, n) each layer end to end, in the order the kernel takes it
    head: np.ndarray  # (n,) final norm, output head and, if the model has a query, those of query and gates, end to end
    centroids: np.ndarray  # (vocab, key dim) unit centroids of the labels, silence 0, times their weight in the logits
    sharpness: float  # by which a query is multiplied, so that its products with keys are nats
    frequencies: np.ndarray  # (head dim / 2,) float64, radians per hop
    window: int  # hops
    ff: int  # width of the feed-forward part


class Caches(NamedTuple):
    """Cached keys and values, float32, (layers, keys|values, batch, heads, 2 * window, head dim) each.

    The batch counts twice while something is asked for: see `ask`.

    Slots of `own`: a ring of `window` committed rows, then `window` scratch rows for the current one and a plan. Slots
    of `heard`: a ring of 2 * window input hops. `keys` (batch, 2 * window, key dim) are the keys of these hops.
    """

    own: np.ndarray
    heard: np.ndarray
    keys: np.ndarray


class Position(NamedTuple):
    """Position of a row in the performance, in hop numbers."""

    played: int  # of the next label to be played
    ahead: int  # of the row, counted from `played`
    heard: int  # of the next input label
    origin: int  # at which the performance began


@dataclass
class DecisionState:
    """State of input and output since the performance began. Made by `Decision.start`; copy.deepcopy copies it."""

    caches: Caches
    last: np.ndarray  # (batch,) int64, the label that enters the next row
    single: bool  # made without a batch: labels are int, logits (vocab,)
    origin: int  # hop number at which the performance began
    heard: int  # hop number of the next input label
    played: int  # hop number of the next label to be played
    tokens: np.ndarray  # (layers, 2, heads, n, head dim) keys and values of what is asked for, see `ask`
    leaning: np.ndarray  # (vocab,) nats by which what is asked for favours each label
    guidance: float = 1.0  # how far it goes from the row that was asked nothing, 0, to the one that was, 1, and beyond
    logits_at: int = NEVER  # value of `heard` for which `logits` was computed
    logits: np.ndarray = field(default_factory=lambda: np.zeros(0, np.float32))  # (batch, vocab) of the current row
    query: np.ndarray = field(default_factory=lambda: np.zeros(0, np.float32))  # (batch, key dim) of the current row


def start(w: Weights, first: int, batch: int | None, origin: int) -> DecisionState:
    """A state in which nothing has happened; `first` is the start symbol."""
    layers, _, heads, head_dim = w.null_kv.shape
    shape = (layers, 2, batch or 1, heads, 2 * w.window, head_dim)
    keys = np.zeros((batch or 1, 2 * w.window, w.centroids.shape[1]), np.float32)
    caches = Caches(np.zeros(shape, np.float32), np.zeros(shape, np.float32), keys)
    none = np.zeros((layers, 2, heads, 0, head_dim), np.float32)
    level = np.zeros(w.embedding.shape[0] - 1, np.float32)
    return DecisionState(
        caches, np.full(batch or 1, first, np.int64), batch is None, origin, origin, origin, none, level
    )


def ask(state: DecisionState, tokens: np.ndarray, leaning: np.ndarray, guidance: float) -> None:
    """Let each sequence have a second row, which sees `tokens` (layers, 2, heads, n, head dim) too; without any: none.

    The rows so far were asked nothing: the second one begins as a copy of the first, which goes on without the tokens.
    So what was asked before leaves no trace, and a state that is asked nothing is that of a model without tokens. Both
    rows hear and play the same; their logits and queries are mixed by `guidance` (Ho & Salimans 2022,
    arXiv:2207.12598), by which `leaning` (vocab,), in nats, is added to the logits too.
    """
    state.guidance, state.leaning, state.logits_at = guidance, leaning, NEVER
    if np.array_equal(tokens, state.tokens):
        return
    batch, own, heard, keys = len(state.last), *state.caches
    rows = np.tile(np.arange(batch), 2 if tokens.shape[3] else 1)
    state.caches = Caches(own.take(rows, 2), heard.take(rows, 2), keys.take(rows, 0))
    state.tokens = np.ascontiguousarray(tokens, np.float32)


def hear(w: Weights, state: DecisionState, labels: np.ndarray, features: np.ndarray) -> None:
    """Process the input labels (batch,) and features (batch, n) of hop `state.heard`, and count it."""
    rows = len(state.caches.keys) // len(labels)
    _cache_heard(w, state.caches, state.heard, np.tile(labels, rows), np.tile(features, (rows, 1)))
    state.heard += 1


def decode_row(w: Weights, state: DecisionState, ahead: int, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Logits (batch, vocab) and query (batch, key dim), float32, of the row `ahead` hops after the next to be played.

    `labels` (batch,) enter it. Writes scratch slot `ahead` only; the scratch slots before it must hold the rows before.
    """
    batch, rows = len(labels), len(state.caches.keys)
    logits = np.empty((rows, w.embedding.shape[0] - 1), np.float32)
    query = np.zeros((rows, w.centroids.shape[1]), np.float32)
    entering, at = np.tile(labels, rows // batch), Position(state.played, ahead, state.heard, state.origin)
    _decode_row(w, state.caches, at, state.tokens, entering, logits, query)
    if rows == batch:
        return logits, query
    return guided(logits, state.guidance) + np.float32(state.guidance) * state.leaning, guided(query, state.guidance)


def guided(rows: np.ndarray, guidance: float) -> np.ndarray:
    """(batch, n) float32 of rows (2 * batch, n), those that were asked nothing and those that were."""
    plain, asked = rows[: len(rows) // 2], rows[len(rows) // 2 :]
    return np.asarray(plain + np.float32(guidance) * (asked - plain), np.float32)


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


@intrinsic
def _widened(typing: Any, bits: Any) -> Any:
    """The float32 that equals the float16 that has these bits, uint16; by an instruction of the processor."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.fpext(builder.bitcast(arguments[0], ir.HalfType()), ir.FloatType())

    return types.float32(types.uint16), generate


def _float(weight):  # type: ignore[no-untyped-def]  # Numba compares signatures, annotations too
    """A weight as float32, whichever way it is stored."""


@compiled(inline="always")
def _widened_by_integers(bits):  # type: ignore[no-untyped-def]
    """As `_widened`, in plain integers, which vectorise, for a processor that has no such instruction.

    Sign, exponent and fraction are moved to where float32 has them; 2^112 makes good the difference of the biases, for
    subnormals too.
    """
    moved = np.int32(np.int16(bits)) << np.int32(13)
    return _as_float(moved & np.int32(-0x70002000)) * np.float32(2.0**112)  # type: ignore[call-arg]


@overload(_float, inline="always")
def _any_float(weight):  # type: ignore[no-untyped-def]
    if weight != types.uint16:
        return lambda weight: weight
    if NATIVE_HALF:
        return lambda weight: _widened(weight)  # type: ignore[call-arg]
    return lambda weight: _widened_by_integers(weight)


@compiled(fastmath=True)
def _linear(x: np.ndarray, flat: np.ndarray, at: int, out: np.ndarray) -> int:
    """out (batch, n) = x (batch, k) W^T + b, W (n, k) then b (n,) read from flat[at:]; where the next weights begin.

    Four rows of W at once, so that four sums are in flight and x is read once for all; each is read from memory once
    for the whole batch. What a row of the batch gives does not depend on the others.
    """
    batch, k = x.shape
    n = out.shape[1]
    bias = at + n * k
    for i in range(0, n - n % 4, 4):
        w0, w1 = flat[at + i * k : at + (i + 1) * k], flat[at + (i + 1) * k : at + (i + 2) * k]
        w2, w3 = flat[at + (i + 2) * k : at + (i + 3) * k], flat[at + (i + 3) * k : at + (i + 4) * k]
        for b in range(batch):
            row = x[b]
            s0 = s1 = s2 = s3 = np.float32(0)
            for j in range(k):
                s0 += _float(w0[j]) * row[j]  # type: ignore[no-untyped-call]
                s1 += _float(w1[j]) * row[j]  # type: ignore[no-untyped-call]
                s2 += _float(w2[j]) * row[j]  # type: ignore[no-untyped-call]
                s3 += _float(w3[j]) * row[j]  # type: ignore[no-untyped-call]
            out[b, i], out[b, i + 1], out[b, i + 2], out[b, i + 3] = s0, s1, s2, s3
            for j in range(i, i + 4):
                out[b, j] += _float(flat[bias + j])  # type: ignore[no-untyped-call]
    for i in range(n - n % 4, n):
        weights = flat[at + i * k : at + (i + 1) * k]
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
def _cache_heard(w: Weights, caches: Caches, hop: int, labels: np.ndarray, features: np.ndarray) -> None:
    """Write key, rotated, and value of an input hop into its slot, in all layers, and its key for the query."""
    batch, dim = len(labels), w.heard.shape[1]
    layers, _, heads, head_dim = w.null_kv.shape
    factors, slot = _rotary_factors(hop, w.frequencies), hop % (2 * w.window)
    x, normed = np.empty((batch, dim), np.float32), np.empty((batch, dim), np.float32)
    kv = np.empty((batch, 2 * layers * dim), np.float32)
    for b in range(batch):
        x[b] = w.heard[labels[b]]
        for i in range(len(w.heard_features)):
            for j in range(dim):
                x[b, j] += features[b, i] * w.heard_features[i, j]
        for i in range(caches.keys.shape[2]):
            caches.keys[b, slot, i] = features[b, i]
    _linear(normed, w.heard_out, _norm(x, w.heard_out, 0, normed), kv)
    for b in range(batch):
        by_layer = kv[b].reshape(layers, 2, heads, head_dim)
        for i in range(layers):
            _rotate(by_layer[i, 0], factors)
            caches.heard[i, 0, b, :, slot] = by_layer[i, 0]
            caches.heard[i, 1, b, :, slot] = by_layer[i, 1]


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
def _attend_or_null(
    query: np.ndarray, null_kv: np.ndarray, tokens: np.ndarray, kv: np.ndarray, slots: np.ndarray, out: np.ndarray
) -> None:
    """As `_attend` to kv (2, slots, head dim), with more keys and values that are always visible: null_kv (2, head dim)
    and tokens (2, m, head dim)."""
    n, m, head_dim = len(slots), tokens.shape[1], len(query)
    first = 1 + m
    k, v = np.empty((first + n, head_dim), np.float32), np.empty((first + n, head_dim), np.float32)
    k[0], v[0] = null_kv[0], null_kv[1]
    for i in range(m):
        k[1 + i], v[1 + i] = tokens[0, i], tokens[1, i]
    for i in range(n):
        k[first + i], v[first + i] = kv[0, slots[i]], kv[1, slots[i]]
    _attend(query, k, v, np.arange(first + n), out)


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
    queries: np.ndarray,
    factors: np.ndarray,
    null_kv: np.ndarray,
    tokens: np.ndarray,
    cache: np.ndarray,
    slots: np.ndarray,
    out: np.ndarray,
) -> None:
    """out (batch, dim): queries (batch, dim) attend to null_kv (2, heads, head dim) and to `slots` of the cache.

    Those of the second half of the batch, if there are tokens (2, heads, n, head dim), attend to these too.
    """
    heads, head_dim = null_kv.shape[1], null_kv.shape[2]
    plain = len(queries) // 2 if tokens.shape[2] else len(queries)
    for b in range(len(queries)):
        query = queries[b].reshape(heads, head_dim)
        _rotate(query, factors)
        for h in range(heads):
            part = out[b, h * head_dim : (h + 1) * head_dim]
            seen = tokens[:, h] if b >= plain else tokens[:, h, :0]
            _attend_or_null(query[h], null_kv[:, h], seen, cache[:, b, h], slots, part)


@compiled(fastmath=True)
def _gelu(x: np.ndarray) -> None:
    """In place on (batch, n)."""
    for b in range(x.shape[0]):
        for j in range(x.shape[1]):
            x[b, j] *= np.float32(0.5 * (1 + erf(x[b, j] * 0.7071067811865476)))


@compiled(fastmath=True)
def _follow(w: Weights, keys: np.ndarray, at: Position, gates: np.ndarray, query: np.ndarray) -> None:
    """Add the keys of the newest hops that the row may follow, times its gates, to the query, and sharpen it."""
    newest = min(at.heard - 1, at.played + at.ahead)
    for b in range(len(query)):
        for back in range(FOLLOWED):
            if newest - back >= at.origin:
                key = keys[b, (newest - back) % (2 * w.window)]
                for j in range(query.shape[1]):
                    query[b, j] += gates[b, back] * key[j]
        for j in range(query.shape[1]):
            query[b, j] *= np.float32(w.sharpness)


@compiled()
def _decode_row(
    w: Weights,
    caches: Caches,
    at: Position,
    tokens: np.ndarray,
    labels: np.ndarray,
    logits: np.ndarray,
    query: np.ndarray,
) -> None:
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
        _cross_attention(mixed, factors, w.null_kv[i], tokens[i], caches.heard[i], heard_slots, normed)
        end = _linear(normed, flat, end, mixed)
        _add(x, mixed)
        end = _linear(normed, flat, _norm(x, flat, end, normed), wide)
        _gelu(wide)
        _linear(wide, flat, end, mixed)
        _add(x, mixed)
    end = _linear(normed, w.head, _norm(x, w.head, 0, normed), logits)
    if query.shape[1]:
        gates = np.empty((batch, FOLLOWED), np.float32)
        _linear(normed, w.head, _linear(normed, w.head, end, query), gates)
        _follow(w, caches.keys, at, gates, query)
        for b in range(batch):
            for k in range(logits.shape[1]):
                for j in range(query.shape[1]):
                    logits[b, k] += query[b, j] * w.centroids[k, j]
