"""Which place of a memory sounds next, by cost: unit selection (Hunt & Black, ICASSP 1996) over a short horizon.

A *place* is a position in the memory, in frames of a grid that is finer than the hop. Every place has a value for each
of the next hops, the *target*: how well it would fit there. A path plays one hop from each of its places; from a place
it goes on, which costs nothing, or is cut to another place, which costs `cut`. The value of a place is the value of the
best path that begins with it. As a cut costs the same wherever it leads, that is found exactly, backwards from the end
of the horizon and in one pass over the memory for each hop (Viterbi): with t(h, p) the target of place p at hop h,

    value(h, p) = t(h, p) + discount * max(value(h + 1, p + hop), max over q of value(h + 1, q) - cut).

A memory of more than `EXACT_PLACES` is searched twice: every segment by the place at its boundary, then all places of
the `SHORT` best segments, as an index is searched by its cells first and then within the best of them (Jegou, Douze &
Schmid, PAMI 2011).

A memory may be played transposed, by another number of semitones from each cut on: there is then a query for every
transposition, its harmony turned the other way. In the one that sounds now a path may go on; the others are searched by
the segment boundaries alone. Of many segments a part is searched in a step and the next one in the next, so that the
time for a step is bounded however long the memory is (`SEGMENTS`, `TRANSPOSED_SEGMENTS`).

What only the present knows is added to the best places of the best segments: how lately they were played, how the sound
before the cut joins the sound before the place (the concatenation cost of Hunt & Black), and how well their onsets
fall on those that are expected; a cut may begin a little before its place or after it for that (`Rhythm`). Of these
one is drawn, by temperature and nucleus, with a number that follows from seed and step alone: a choice that was
dropped leaves no trace, and a replay makes the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from action.compiled import compiled
from action.search import SEED, STEP, Played, seeded_hash

NO_LABEL = -1  # stands for a hop without a planned label
FORBIDDEN = -1e6  # value of a place that may not be played
DRAWN_FROM = 16  # best segments of which one is drawn
DRAWN_TRANSPOSED = 4  # the same, at most, from each transposition other than the one that sounds
EXACT_PLACES = 1 << 15  # largest memory of which every place is valued; 34 minutes at 16 places a second
SHORT = 64  # segments of a longer memory whose places are valued
SEGMENTS = 1 << 14  # whose boundaries are searched in a step; 2.3 hours at 0.5 s
TRANSPOSED_SEGMENTS = 1 << 12  # the same, for each transposition other than the one that sounds
SPREAD = 0.03  # difference in value that makes a place e times as likely, at temperature 1
FRESH_STEPS = 64.0  # steps after which the cost of having been played has fallen to 1/e
REACH_COST = 0.1  # cost of a shift by the whole `Rhythm.reach`, in units of the correlation; shorter ones cost less
_BITS = 1 << 53
_BLOCK = 4096  # places whose products stay in the processor's cache
_LANES = 16  # numbers that the processor compares at once


class Places(NamedTuple):
    """The places of a memory, in order; `hop` of them are passed in a hop.

    A place may begin where a whole hop follows, so there are fewer keys than frames of sound.
    """

    keys: np.ndarray  # (places, d) float32, what each sounds like for a hop: a query's product with it is its target
    label: np.ndarray  # (places,) int32, of the segment whose boundary is nearest
    silent: np.ndarray  # (places,) float32, 1 where that segment is silence: never cut to
    segment: np.ndarray  # (places,) int32, rising: that segment
    sound: np.ndarray  # (frames, c) float32, what sounds in each single frame, as a chroma: a join compares these
    worth: np.ndarray = np.zeros(0, np.float32)  # (places,) float32, what each is worth by itself; empty: nothing


class Boundaries(NamedTuple):
    """The places at the boundaries of the segments of a memory, gathered, with each column of the keys in one stretch.

    So the product of a query with all keys takes half of the time.
    """

    frame: np.ndarray  # (segments,) int64, of each
    places: Places


class Query(NamedTuple):
    """What is wanted of the next hops, of a memory that is played in one transposition."""

    keys: np.ndarray  # (horizon, d) float32
    labels: np.ndarray  # (horizon,) int32, planned; NO_LABEL where none is
    label_weight: float  # of a place that has the label planned
    silence_cost: float  # of a hop of silence within a run
    key_shift: int = 0  # semitones by which a place is moved to what is heard, beyond those that are set
    shift_cost: float = 0.0  # of `key_shift`


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What may be played, and what it costs; values and costs are in units of the target."""

    first: int  # [first, stop): the only places that may be played
    stop: int
    may_go_on: bool  # where the last hop ended
    taboo: int  # steps for which a segment may not be cut to
    cut: float
    fresh: float  # cost of a segment that has just been played; it fades with time
    join: float = 0.0  # cost of a cut between sounds that have nothing in common
    discount: float = 0.8  # weight of a hop, relative to the hop before it
    temperature: float = 1.0
    top_p: float = 0.9


class Rhythm(NamedTuple):
    """The onsets that are expected, and those of the memory; both envelopes have the same frame rate."""

    expected: np.ndarray  # (n,) float32, from the beginning of the hop on; empty: nothing is expected
    envelope: np.ndarray  # (m,) float32, of the memory
    frames_per_place: float  # frames of an envelope from one place to the next
    delay: int  # frames by which the envelopes are late
    reach: int  # frames by which a cut may begin earlier or later
    weight: float  # of the correlation, in units of the target
    speeds: np.ndarray = np.ones(1)  # (blocks,) float64, how fast each block of the memory is played
    block: int = 1 << 62  # frames of a block


class Place(NamedTuple):
    """A place that may sound next, with the terms of its value."""

    frame: int
    goes_on: bool  # where the last hop ended: no cut
    value: float
    target: float  # how well it fits the first hop
    ahead: float  # value of the hops after the first
    fresh: float  # cost of having been played lately
    cut: float  # cost of the cut
    join: float  # how much the sound before the cut differs from the sound before this place in the memory
    rhythm: float = 0.0  # how well its onsets fit those expected
    shift: int = 0  # frames of the onset envelope by which it begins later than its place
    key_shift: int = 0  # semitones, see `Query`
    shift_cost: float = 0.0
    worth: float = 0.0  # of the target, what the place is worth by itself


class _Horizon(NamedTuple):
    """What the value of a place follows from, once the best cut of each hop is known."""

    after_cut: np.ndarray  # (horizon + 1,) float32: value of being cut to the best place at that hop
    best: np.ndarray  # (horizon,) int64, that place
    hop: int
    stop: int
    discount: float


_FAST = {"reassoc", "contract", "nsz", "nnan"}


@compiled(fastmath=_FAST)
def _finish(
    fits: np.ndarray, labels: np.ndarray, silent: np.ndarray, worth: np.ndarray, wanted: int, weight: np.float32,
    silence: np.float32, ahead: np.ndarray, after_cut: np.float32, discount: np.float32,
) -> None:  # fmt: skip
    """Add to the products of one hop what else counts: labels, silence, worth, and what follows, at best.

    ahead: values at the next hop of what goes on, shorter than `fits` where nothing does. Short loops without a branch
    are what the compiler turns into vectors.
    """
    for p in range(len(fits)):
        fits[p] += (weight if labels[p] == wanted else np.float32(0)) - silence * silent[p]
    for p in range(len(worth)):
        fits[p] += worth[p]
    for p in range(len(ahead)):
        fits[p] += discount * (ahead[p] if ahead[p] > after_cut else after_cut)
    for p in range(len(ahead), len(fits)):
        fits[p] += discount * after_cut


@compiled(fastmath=_FAST)
def _best_cut(value: np.ndarray, silent: np.ndarray) -> tuple[np.float32, int]:
    """The largest value of a place that is not silent, and the first such place; about FORBIDDEN if there is none."""
    lanes, whole = np.full(_LANES, np.float32(FORBIDDEN)), len(value) - len(value) % _LANES
    for begin in range(0, whole, _LANES):
        for lane in range(_LANES):
            x = value[begin + lane] + np.float32(FORBIDDEN) * silent[begin + lane]
            lanes[lane] = x if x > lanes[lane] else lanes[lane]
    best = lanes.max()
    for p in range(whole, len(value)):
        x = value[p] + np.float32(FORBIDDEN) * silent[p]
        best = x if x > best else best
    at = 0
    while at < len(value) and value[at] + np.float32(FORBIDDEN) * silent[at] < best:
        at += 1
    return np.float32(best), at


@compiled(fastmath=_FAST)
def _backwards(
    fits: np.ndarray, labels: np.ndarray, silent: np.ndarray, worth: np.ndarray, wanted: np.ndarray,
    weight: np.float32, silence: np.float32, hop: int, cut: np.float32, discount: np.float32,
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """Turn products (horizon, n) into values, from the last hop to the first; (after_cut, best) as in `_Horizon`."""
    horizon = len(fits)
    after_cut, best = np.zeros(horizon + 1, np.float32), np.zeros(horizon, np.int64)
    for h in range(horizon - 1, -1, -1):
        last = h + 1 == horizon
        ahead, weight_ahead = fits[h, :0] if last else fits[h + 1, hop:], np.float32(0.0) if last else discount
        _finish(fits[h], labels, silent, worth, wanted[h], weight, silence, ahead, after_cut[h + 1], weight_ahead)
        value, best[h] = _best_cut(fits[h], silent)
        after_cut[h] = value - cut
    return after_cut, best


@compiled(fastmath=_FAST)
def _add_four(
    out: np.ndarray, a: np.ndarray, b: np.ndarray, c: np.ndarray, d: np.ndarray, weights: np.ndarray
) -> None:  # fmt: skip
    for p in range(len(out)):
        out[p] += weights[0] * a[p] + weights[1] * b[p] + weights[2] * c[p] + weights[3] * d[p]


@compiled(fastmath=_FAST)
def _products(query_keys: np.ndarray, rows: np.ndarray, first: int, stop: int) -> np.ndarray:
    """query_keys (horizon, d) @ rows[:, first:stop], rows (d, n): on this thread alone, as fast as BLAS is on two."""
    horizon, size = query_keys.shape
    products = np.zeros((horizon, stop - first), np.float32)
    for begin in range(first, stop, _BLOCK):
        end = min(begin + _BLOCK, stop)
        for h in range(horizon):
            out = products[h, begin - first : end - first]
            for k in range(0, size - size % 4, 4):
                _add_four(
                    out, rows[k, begin:end], rows[k + 1, begin:end], rows[k + 2, begin:end], rows[k + 3, begin:end],
                    query_keys[h, k : k + 4],
                )  # fmt: skip
            for k in range(size - size % 4, size):
                for p in range(begin, end):
                    out[p - begin] += query_keys[h, k] * rows[k, p]
    return products


def _values(query: Query, places: Places, hop: int, rules: Rules) -> tuple[np.ndarray, _Horizon]:
    """(horizon, stop - first) float32: values of the places at each hop, and what they follow from; see the module."""
    part = slice(rules.first, rules.stop)
    keys, silent, labels, worth = places.keys, places.silent[part], places.label[part], places.worth[part]
    by_rows = keys.flags.f_contiguous and not keys.flags.c_contiguous
    fits = _products(query.keys, keys.T, rules.first, rules.stop) if by_rows else query.keys @ keys[part].T
    weight, silence = np.float32(query.label_weight), np.float32(query.silence_cost)
    cut, discount = np.float32(rules.cut), np.float32(rules.discount)
    after_cut, best = _backwards(fits, labels, silent, worth, query.labels, weight, silence, hop, cut, discount)
    return fits, _Horizon(after_cut, best + rules.first, hop, rules.stop, rules.discount)


@compiled(fastmath=_FAST)
def _target(query: Query, places: Places, h: int, p: int) -> np.float32:
    """How well a place fits hop h."""
    fits = np.float32(0)
    for k in range(places.keys.shape[1]):
        fits += query.keys[h, k] * places.keys[p, k]
    if query.labels[h] == places.label[p]:
        fits += np.float32(query.label_weight)
    if len(places.worth):
        fits += places.worth[p]
    return np.float32(fits - np.float32(query.silence_cost) * places.silent[p])


@compiled(fastmath=_FAST)
def _ahead(query: Query, places: Places, ahead: _Horizon, hop: int, p: int) -> np.float32:
    """Value of the hops that follow hop number `hop`, which plays place p: the same as in `_values`, for one place."""
    last = hop + 1  # hop at which a path that goes on would be cut, or leave what may be played
    while last < len(query.keys) and p + (last - hop) * ahead.hop < ahead.stop:
        last += 1
    discount = np.float32(ahead.discount)
    value = discount * ahead.after_cut[last] if last < len(query.keys) else np.float32(0)
    for h in range(last - 1, hop, -1):
        value += _target(query, places, h, p + (h - hop) * ahead.hop)
        value = discount * (value if value > ahead.after_cut[h] else ahead.after_cut[h])
    return value


@compiled(fastmath=_FAST)
def _refine(query: Query, places: Places, ahead: _Horizon, best: np.ndarray, first: int, cut: float) -> None:
    """Raise `ahead.after_cut` to the best of all places in the segment that is best by its boundary, hop by hop.

    best: (horizon,) int32, that segment for each hop.
    """
    for h in range(len(best) - 1, 0, -1):
        begin, end = np.searchsorted(places.segment, best[h]), np.searchsorted(places.segment, best[h], "right")
        for p in range(max(begin, first), min(end, ahead.stop)):
            value = _target(query, places, h, p) + _ahead(query, places, ahead, h, p) - np.float32(cut)
            if value > ahead.after_cut[h] and places.silent[p] == 0:
                ahead.after_cut[h] = value


@compiled(fastmath=_FAST)
def _values_of_segments(
    query: Query, places: Places, ahead: _Horizon, segments: np.ndarray, first: int
) -> tuple[np.ndarray, np.ndarray]:
    """(places, values) of all places of these segments within [first, ahead.stop), segment by segment."""
    begins = np.searchsorted(places.segment, segments)
    ends = np.searchsorted(places.segment, segments, "right")
    frames = np.empty((ends - begins).sum(), np.int64)
    values = np.empty(len(frames), np.float32)
    size = 0
    for k in range(len(segments)):
        for p in range(max(begins[k], first), min(ends[k], ahead.stop)):
            frames[size] = p
            values[size] = _target(query, places, 0, p) + _ahead(query, places, ahead, 0, p)
            size += 1
    return frames[:size], values[:size]


@compiled()
def _shortlist(
    frames: np.ndarray, values: np.ndarray, silent: np.ndarray, segment_of: np.ndarray, played_at: np.ndarray,
    step: int, taboo: int, fresh: float, count: int, after: int, around: int,
) -> np.ndarray:  # fmt: skip
    """The best place of each of the `count` best segments, best first; fewer where there are fewer.

    frames, values: (n,) the places to compare, those of a segment together. after, around: places nearer than `around`
    to the place `after`, or in its segment, are left out: they would go on.
    """
    best_frames, best_values = np.full(count, -1, np.int64), np.full(count, FORBIDDEN)
    passed = segment_of[after] if 0 <= after < len(segment_of) else -1
    n = 0
    while n < len(frames):
        if values[n] <= best_values[-1]:  # nearly all of a long memory
            n += 1
            continue
        segment = segment_of[frames[n]]
        best, at = FORBIDDEN, np.int64(-1)
        while n < len(frames) and segment_of[frames[n]] == segment:
            p = frames[n]
            if silent[p] == 0 and values[n] > best and (after < 0 or abs(p - after) >= around):
                best, at = values[n], p
            n += 1
        ago = step - played_at[segment]
        if best <= best_values[-1] or ago <= taboo or segment == passed:
            continue
        best -= fresh * np.exp(-ago / FRESH_STEPS)
        if best <= best_values[-1]:
            continue
        k = count - 1
        while k > 0 and best_values[k - 1] < best:
            best_values[k], best_frames[k] = best_values[k - 1], best_frames[k - 1]
            k -= 1
        best_values[k], best_frames[k] = best, at
    return best_frames[: (best_frames >= 0).sum()]


def boundaries(places: Places, hop: float) -> Boundaries:
    """The places at the boundaries of the segments; hop: places that a segment is long."""
    frame = np.rint(np.arange(int((len(places.segment) - 1) / hop) + 1) * hop).astype(np.int64)
    keys, label, silent, segment = (part[frame] for part in places[:4])
    worth = places.worth[frame] if len(places.worth) else places.worth
    return Boundaries(frame, Places(np.asfortranarray(keys), label, silent, segment, places.sound, worth))


def choose(
    query: Query, places: Places, hop: int, on: int, played: Played, rules: Rules, rhythm: Rhythm | None = None,
    at_boundaries: Boundaries | None = None, transposed: Sequence[Query] = (),
) -> list[Place]:  # fmt: skip
    """The place that sounds next, and the best other one; fewer if fewer may be played.

    query: for the transposition that sounds now. hop: places from a place to the next one of its run. on: the place
    where the last hop ended, -1 if nothing sounds. at_boundaries: needed by a memory of more than `EXACT_PLACES`, else
    every place is valued, and by `transposed`: queries for other transpositions, in which nothing goes on.
    """
    if at_boundaries is None or rules.stop - rules.first <= EXACT_PLACES:
        of_hops, ahead = _values(query, places, hop, rules)
        values, frames = of_hops[0], np.arange(rules.first, rules.first + of_hops.shape[1])
    else:
        part = _part_of(rules, at_boundaries, int(played.state[STEP]), SEGMENTS)
        frames, values, ahead = _values_near_boundaries(query, places, hop, on, played, part, at_boundaries, SHORT)
        ahead = ahead._replace(stop=rules.stop)  # what goes on may leave the part
    short = _shortlist(
        frames, values, places.silent, places.segment, played.played_at, int(played.state[STEP]), rules.taboo,
        rules.fresh, DRAWN_FROM, on, max(1, hop // 2),
    )  # fmt: skip
    candidates = _with_terms(short, query, places, ahead, on, played, rules)
    if at_boundaries is not None and transposed:
        for other in transposed:
            turn = other.key_shift - query.key_shift
            candidates += _transposed(other, places, hop, on, played, rules, at_boundaries, turn)
        candidates = sorted(candidates, key=_rank)[:DRAWN_FROM]
    if rules.may_go_on and rules.first <= on < rules.stop:
        candidates += _with_terms(np.array([on]), query, places, ahead, on, played, rules)
    if rhythm is not None:
        candidates = [_in_rhythm(place, rhythm) for place in candidates]
    candidates.sort(key=_rank)
    if len(candidates) < 2:
        return candidates
    step, seed = int(played.state[STEP]), int(played.state[SEED])
    drawn = candidates[_drawn([candidate.value for candidate in candidates], seed, step, rules)]
    return [drawn, next(candidate for candidate in candidates if candidate is not drawn)]


def _rank(place: Place) -> tuple[float, int, int]:
    """Sorts the best place first; equal ones by what they are, so that the order is always the same."""
    return -place.value, place.frame, place.key_shift


def _transposed(
    query: Query, places: Places, hop: int, on: int, played: Played, rules: Rules, at_boundaries: Boundaries, turn: int
) -> list[Place]:  # fmt: skip
    """The best places to be cut to in another transposition, of the segments whose turn it is in this step.

    turn: semitones by which it is higher than what sounds.
    """
    step, around = int(played.state[STEP]), max(1, hop // 2)
    rules = _part_of(rules, at_boundaries, step, TRANSPOSED_SEGMENTS)
    if rules.first >= rules.stop:
        return []
    found, values, ahead = _values_near_boundaries(
        query, places, hop, on, played, rules, at_boundaries, DRAWN_FROM,
    )  # fmt: skip
    short = _shortlist(
        found, values, places.silent, places.segment, played.played_at, step, rules.taboo, rules.fresh,
        DRAWN_TRANSPOSED, on, around,
    )  # fmt: skip
    return _with_terms(short, query, places, ahead, on, played, rules, turn)


def _part_of(rules: Rules, at_boundaries: Boundaries, step: int, size: int) -> Rules:
    """The rules with the part of what may be played that is searched in this step, about `size` segments.

    Empty where nothing that may be played is the boundary of a segment.
    """
    frames = at_boundaries.frame
    first, stop = (int(np.searchsorted(frames, frame)) for frame in (rules.first, rules.stop))
    if first >= stop:
        return replace(rules, stop=rules.first)
    parts = -(-(stop - first) // size)
    edges = np.linspace(first, stop, parts + 1).astype(int)[step % parts :]
    begin, end = int(edges[0]), int(edges[1])
    return replace(
        rules,
        first=int(frames[begin]) if begin > first else rules.first,
        stop=int(frames[end]) if end < stop else rules.stop,
    )


def _values_near_boundaries(
    query: Query, places: Places, hop: int, on: int, played: Played, rules: Rules,
    at_boundaries: Boundaries, count: int,
) -> tuple[np.ndarray, np.ndarray, _Horizon]:  # fmt: skip
    """(places, values) of the `count` best segments by their boundaries, and what the values follow from."""
    frames, coarse = at_boundaries
    first, stop = (int(np.searchsorted(frames, frame)) for frame in (rules.first, rules.stop))
    values, ahead = _values(query, coarse, 1, replace(rules, first=first, stop=stop))
    passed = int(places.segment[on]) - int(coarse.segment[0]) if 0 <= on < len(places.segment) else -1
    best = _shortlist(
        coarse.segment[first:stop], values[0], coarse.silent, coarse.segment, played.played_at, int(played.state[STEP]),
        rules.taboo, rules.fresh, count, passed, 0,
    )  # fmt: skip
    ahead = ahead._replace(hop=hop, stop=rules.stop)
    _refine(query, places, ahead, coarse.segment[np.minimum(ahead.best, stop - 1)], rules.first, rules.cut)
    return *_values_of_segments(query, places, ahead, coarse.segment[np.sort(best)], rules.first), ahead


@compiled(fastmath=_FAST)
def _difference(sound: np.ndarray, one: int, other: int, turn: int) -> np.float32:
    """Of two frames: 0 where they sound alike, 1 where they have nothing in common, or one of them is silent.

    turn: columns by which the other one is turned, so many semitones higher.
    """
    apart, power, other_power = np.float32(0), np.float32(0), np.float32(0)
    for k in range(sound.shape[1]):
        apart += (sound[one, k] - sound[other, (k - turn) % sound.shape[1]]) ** 2
        power += sound[one, k] ** 2
        other_power += sound[other, k] ** 2
    whole = np.sqrt(power) + np.sqrt(other_power)
    return np.float32(np.sqrt(apart) / whole if whole > 0 else 0.0)


@compiled()
def _terms(
    query: Query, places: Places, ahead: _Horizon, frames: np.ndarray, on: int, played_at: np.ndarray, step: int,
    turn: int,
) -> np.ndarray:  # fmt: skip
    """(n, 4) of each place: target, value of what follows, how lately it was played, how it differs from `on`."""
    terms, last = np.zeros((len(frames), 4)), len(places.sound) - 1
    for n in range(len(frames)):
        p = frames[n]
        terms[n, 0], terms[n, 1] = _target(query, places, 0, p), _ahead(query, places, ahead, 0, p)
        terms[n, 2] = np.exp((played_at[places.segment[p]] - step) / FRESH_STEPS)
        if on > 0 and p > 0:
            terms[n, 3] = _difference(places.sound, min(on - 1, last), min(p - 1, last), turn)
    return terms


def _with_terms(
    frames: np.ndarray, query: Query, places: Places, ahead: _Horizon, on: int, played: Played, rules: Rules,
    turn: int = 0,
) -> list[Place]:  # fmt: skip
    """These places with the terms of their values; if one of them is `on`, it goes on. turn: see `_transposed`."""
    found = []
    terms = _terms(query, places, ahead, frames, on, played.played_at, int(played.state[STEP]), turn)
    for frame, (target, later, lately, differs) in zip(frames.tolist(), terms.tolist(), strict=True):
        fresh, cut, join = (0.0, 0.0, 0.0) if frame == on else (rules.fresh * lately, rules.cut, rules.join * differs)
        value = target + later - fresh - cut - join - query.shift_cost
        found.append(
            Place(
                frame, frame == on, value, target, later, fresh, cut, join,
                key_shift=query.key_shift, shift_cost=query.shift_cost,
                worth=float(places.worth[frame]) if len(places.worth) else 0.0,
            )
        )  # fmt: skip
    return found


def _in_rhythm(place: Place, rhythm: Rhythm) -> Place:
    """The place, moved to where its onsets fit best; one that goes on stays where it is."""
    at, reach = round(place.frame * rhythm.frames_per_place) + rhythm.delay, 0 if place.goes_on else rhythm.reach
    speed = float(rhythm.speeds[min(max(at, 0) // rhythm.block, len(rhythm.speeds) - 1)])
    expected = rhythm.expected
    if speed != 1.0:  # as it will have been in the time of the memory
        frames = np.arange(round(speed * len(expected)))
        expected = np.interp(frames / speed, np.arange(len(expected)), expected).astype(np.float32)
    shift, correlation = _best_shift(expected, rhythm.envelope, at, reach)
    fits = rhythm.weight * float(correlation)
    return place._replace(value=place.value + fits, rhythm=fits, shift=int(shift))


@compiled(fastmath={"reassoc", "contract", "nsz"})
def _best_shift(expected: np.ndarray, envelope: np.ndarray, at: int, reach: int) -> tuple[int, float]:
    """(shift, correlation): where `envelope` from `at` + shift on resembles `expected` (n,) most, |shift| <= reach.

    The largest shift costs REACH_COST of correlation, others in proportion. (0, 0.0) where nothing resembles it.
    """
    n = len(expected)
    best, best_score, mean, power = 0, 0.0, 0.0, 0.0
    for k in range(n):
        mean += expected[k] / n
    for k in range(n):
        power += (expected[k] - mean) ** 2
    for shift in range(-reach, reach + 1):
        begin = at + shift
        if begin < 0 or begin + n > len(envelope):
            continue
        total, squares, product = 0.0, 0.0, 0.0
        for k in range(n):
            x = envelope[begin + k]
            total += x
            squares += x * x
            product += x * (expected[k] - mean)
        spread = (squares - total * total / n) * power
        if spread <= 1e-12:
            continue
        score = product / np.sqrt(spread) - REACH_COST * abs(shift) / max(reach, 1)
        if score > best_score or (reach == 0 and best_score == 0.0):
            best, best_score = shift, score
    return best, best_score


def _drawn(values: list[float], seed: int, step: int, rules: Rules) -> int:
    """Index of the candidate drawn, of values in falling order: softmax, then the nucleus of `top_p`."""
    p = np.exp((np.array(values) - values[0]) / (SPREAD * rules.temperature))
    p /= p.sum()
    nucleus = p[: int(np.searchsorted(np.cumsum(p), rules.top_p)) + 1]
    drawn = int(seeded_hash(seed, step, -2)) % _BITS / _BITS * nucleus.sum()
    return min(int(np.searchsorted(np.cumsum(nucleus), drawn, side="right")), len(nucleus) - 1)


def warm_up() -> None:
    """Compile what a performance calls, before it begins: seconds the first time, then from the cache."""
    frames, hop = 64, 4
    keys, envelope = np.zeros((frames, 12), np.float32), np.zeros(8 * frames, np.float32)
    segment = np.arange(frames, dtype=np.int32) // hop
    places = Places(keys, segment, np.zeros(frames, np.float32), segment, keys)
    played = Played(np.array([-1, 0, 0, 0]), np.zeros(16, np.int32), np.full(frames // hop, -frames, np.int64))
    rules = Rules(first=0, stop=frames, may_go_on=True, taboo=0, cut=1.0, fresh=0.0)
    query = Query(keys[:2], np.zeros(2, np.int32), 0.0, 0.0)
    rhythm = Rhythm(envelope[:16] + np.float32(1), envelope, 6.25, 0, 4, 1.0)
    choose(query, places, hop, 8, played, rules, rhythm, boundaries(places, hop), [query])
