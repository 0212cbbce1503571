"""Which place of a memory sounds next, by cost: unit selection (Hunt & Black, ICASSP 1996) over a short horizon.

A *place* is a position in the memory, in frames of a grid that is finer than the hop. Every place has a value for each
of the next hops, the *target*: how well it would fit there. A path plays one hop from each of its places; from a place
it goes on, which costs nothing, or is cut to another place, which costs `cut`. The value of a place is the value of the
best path that begins with it. As a cut costs the same wherever it leads, that is found exactly, backwards from the end
of the horizon and in one pass over the memory for each hop (Viterbi): with t(h, p) the target of place p at hop h,

    value(h, p) = t(h, p) + discount * max(value(h + 1, p + hop), max over q of value(h + 1, q) - cut).

What only the present knows is added to the first hop: what fits `now`, and how lately a place was played. A cut may
begin a little before its place or after it, where the onsets of the memory fall on those that are expected (`Rhythm`).
Of the best places of the best segments one is drawn, by temperature and nucleus, with a number that follows from seed
and step alone: a choice that was dropped leaves no trace, and a replay makes the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from action.compiled import compiled
from action.search import Played, seeded_hash

FORBIDDEN = -1e6  # value of a place that may not be played
DRAWN_FROM = 16  # best segments of which one is drawn
SPREAD = 0.03  # difference in value that makes a place e times as likely, at temperature 1
FRESH_STEPS = 64.0  # after which the cost of having been played has fallen to 1/e
REACH_COST = 0.1  # of correlation, of the largest shift
_BITS = 1 << 53


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What may be played, and what it costs; values and costs are in units of the target."""

    first: int  # [first, stop): the only places that may be played
    stop: int
    may_go_on: bool  # where the last hop ended
    taboo: int  # steps for which a segment may not be cut to
    cut: float
    fresh: float  # cost of a segment that has just been played; it fades with time
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
    now: float  # how well it fits what only the present knows
    ahead: float  # value of the hops after the first
    fresh: float  # cost of having been played lately
    cut: float  # cost of the cut
    rhythm: float = 0.0  # how well its onsets fit those expected
    shift: int = 0  # frames of the onset envelope by which it begins later than its place


@compiled(fastmath={"reassoc", "contract", "nsz"})
def _values(
    target: np.ndarray, silent: np.ndarray, hop: int, first: int, stop: int, cut: float, discount: float
) -> np.ndarray:
    """(frames,) float64: the value of each place at the first hop; see the module. target: (horizon, frames)."""
    horizon, frames = target.shape
    value, following = np.zeros(frames), np.zeros(frames)
    following[first:stop] = target[horizon - 1, first:stop]
    for h in range(horizon - 2, -1, -1):
        best = FORBIDDEN
        for p in range(first, stop):
            best = max(best, following[p] if not silent[p] else FORBIDDEN)
        after_cut = best - cut
        last = max(first, stop - hop)  # from here on nothing goes on
        for p in range(first, last):
            value[p] = target[h, p] + discount * max(following[p + hop], after_cut)
        for p in range(last, stop):
            value[p] = target[h, p] + discount * after_cut
        value, following = following, value
    return following


@compiled()
def _shortlist(
    value: np.ndarray, silent: np.ndarray, segment_of: np.ndarray, played_at: np.ndarray,
    step: int, taboo: int, fresh: float, first: int, stop: int, after: int, around: int,
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """(places, values): the best place of each of the `DRAWN_FROM` best segments, best first; -1 where there is none.

    after, around: places nearer than `around` to the place `after`, or in its segment, are left out: they would go on.
    """
    places, values = np.full(DRAWN_FROM, -1, np.int64), np.full(DRAWN_FROM, FORBIDDEN)
    p = first
    while p < stop:
        segment = segment_of[p]
        best, at = FORBIDDEN, np.int64(-1)
        while p < stop and segment_of[p] == segment:
            if not silent[p] and value[p] > best and (after < 0 or abs(p - after) >= around):
                best, at = value[p], np.int64(p)
            p += 1
        ago = step - played_at[segment]
        if best <= values[-1] or ago <= taboo or (0 <= after < len(segment_of) and segment == segment_of[after]):
            continue
        best -= fresh * np.exp(-ago / FRESH_STEPS)
        if best <= values[-1]:
            continue
        k = DRAWN_FROM - 1
        while k > 0 and values[k - 1] < best:
            values[k], places[k] = values[k - 1], places[k - 1]
            k -= 1
        values[k], places[k] = best, at
    return places, values


def choose(
    target: np.ndarray, now: np.ndarray, silent: np.ndarray, segment_of: np.ndarray, hop: int, on: int,
    played: Played, rules: Rules, rhythm: Rhythm | None = None,
) -> list[Place]:  # fmt: skip
    """The place that sounds next, and the best other one; fewer if fewer may be played.

    target: (horizon, frames) float32. now: (frames,) float32, added to the first hop. silent: (frames,) bool, places
    that are never cut to. segment_of: (frames,) int32, rising, the segment of each place. hop: frames from a place to
    the next one of its run. on: the place where the last hop ended, -1 if nothing sounds.
    """
    value = _values(target, silent, hop, rules.first, rules.stop, rules.cut, rules.discount)
    total = value + now
    step, seed = int(played.state[2]), int(played.state[3])
    places, values = _shortlist(
        total, silent, segment_of, played.played_at, step, rules.taboo, rules.fresh, rules.first, rules.stop, on,
        max(1, hop // 2),
    )  # fmt: skip
    found = []
    if rules.may_go_on and rules.first <= on < rules.stop:
        found.append(_place(on, True, float(total[on]), target, now, value, rules))
    for place, worth in zip(places.tolist(), values.tolist(), strict=True):
        if place >= 0:
            found.append(_place(place, False, worth - rules.cut, target, now, value, rules))
    if rhythm is not None:
        found = [_in_rhythm(place, rhythm) for place in found]
    found.sort(key=lambda candidate: (-candidate.value, candidate.frame))
    if len(found) < 2:
        return found
    drawn = found[_drawn([candidate.value for candidate in found], seed, step, rules)]
    return [drawn, next(candidate for candidate in found if candidate is not drawn)]


def _place(
    frame: int, goes_on: bool, worth: float, target: np.ndarray, now: np.ndarray, value: np.ndarray, rules: Rules
) -> Place:
    fits, cut = float(target[0, frame]), 0.0 if goes_on else rules.cut
    ahead = float(value[frame]) - fits
    fresh = 0.0 if goes_on else float(value[frame] + now[frame]) - cut - worth
    return Place(frame, goes_on, worth, fits, float(now[frame]), ahead, fresh, cut)


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
