"""The search for the segment of a memory that continues a plan best, compiled.

A candidate is a segment that has the wanted label. Candidates are compared by, in this order: how many labels of the
plan the memory has from there on, how many of the labels played last it has just before, how long ago the segment was
played, and a random number drawn by a hash. Time is counted in steps, one per hop.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from action.compiled import compiled
from action.oracle import BARE, INDEX_BLOCK, Tables, transition

HISTORY_LABELS = 16  # labels played last that are compared with the memory
MAX_CANDIDATES = 12_288  # compared per search, so that the worst one takes 1 ms: 51 minutes of one label at 0.25 s
MAX_LINKS = 64  # suffix links followed per search
NEVER = -(1 << 40)  # step of a segment that has not been played

LAST, RUN, STEP, SEED = range(4)  # fields of Played.state

inner = compiled(**BARE)


class Played(NamedTuple):
    """The segments and labels played so far, as the kernels read and write them."""

    state: np.ndarray  # (4,) int64: last segment (-1 silence), length of its run, steps made, seed
    history: np.ndarray  # (HISTORY_LABELS,) int32 labels played, newest last, -1 before the beginning
    played_at: np.ndarray  # (>= segments,) int64 step at which a segment was last played


class Rules(NamedTuple):
    """Limits of a choice; see `action.selection.choose`."""

    max_continuity: int  # segments
    taboo: int  # steps
    first: int  # [first, stop): the only segments that may be played
    stop: int
    neighbours: np.ndarray  # (vocab, vocab) int32, or (0, 0) for none


class Candidates(NamedTuple):
    """The candidates of one search: some from suffix links, then `size` of a label's segments in a ring."""

    linked: np.ndarray  # (MAX_LINKS,) int32
    links: int  # how many of them there are
    newest: int  # newest segment of the label in the region
    begin: int  # where to begin, going back in time
    size: int  # how many to compare


@compiled()
def seeded_hash(seed: int, step: int, segment: int) -> np.int64:
    """A number below 2^63 from three: the finaliser of splitmix64 (Steele, Lea & Flood 2014), used twice."""
    x = np.uint64(seed) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(step)
    for salt in (np.uint64(segment), np.uint64(0)):
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        x = (x ^ (x >> np.uint64(31))) + salt
    return np.int64(x >> np.uint64(1))


@inner
def equal_labels(word: np.ndarray) -> int:
    """Number of equal labels a word begins with."""
    n = 1
    while n < len(word) and word[n] == word[0]:
        n += 1
    return n


@inner
def match_ahead(t: Tables, i: int, plan: np.ndarray, lead: int, floor: int) -> int:
    """Labels of the plan that the memory has from segment i on; any smaller number where that is below `floor`.

    Segment i has plan[0], and the plan begins with `lead` equal labels. `repeats` compares all of these at once, so a
    drone costs what a melody costs.
    """
    n, end = t.size[0], i + lead
    if end <= n and t.labels[end - 1] == plan[0] and t.repeats[end - 1] >= lead - 1:
        m = lead
    elif floor >= lead:
        return 0
    else:
        m = 1
    while m < len(plan) and i + m < n and t.labels[i + m] == plan[m]:
        m += 1
    return m


@inner
def _match_behind(t: Tables, i: int, history: np.ndarray, tail: int) -> int:
    """Labels played last that the memory has just before segment i; `history` ends in `tail` equal labels."""
    newest = len(history) - 1
    if i == 0 or t.labels[i - 1] != history[newest]:
        return 0
    if t.repeats[i - 1] < tail - 1:
        return int(t.repeats[i - 1]) + 1
    m = tail
    while m <= newest and i - 1 - m >= 0 and t.labels[i - 1 - m] == history[newest - m]:
        m += 1
    return m


@inner
def _last_before(t: Tables, position: int, label: int) -> int:
    """The last segment before `position` that has `label`, -1 if none; at most INDEX_BLOCK steps."""
    row = (position + INDEX_BLOCK - 1) // INDEX_BLOCK
    i = t.anchors[row, label] if row * INDEX_BLOCK < t.size[0] else t.newest[label]
    while i >= position:
        i = t.previous[i]
    return int(i)


@inner
def _follow_links(t: Tables, last: int, label: int, linked: np.ndarray) -> int:
    """Write to `linked` the segments that have `label` and share a past with segment `last`; return how many."""
    count, k = 0, np.int64(t.suffix_link[last + 1] if last >= 0 else -1)
    for _ in range(len(linked)):
        if k < 0:
            break
        to = transition(t, k, label)
        if to > 0:
            linked[count] = to - 1
            count += 1
        k = np.int64(t.suffix_link[k])
    return count


@inner
def _candidates(t: Tables, state: np.ndarray, label: int, first: int, stop: int) -> Candidates:
    """The segments of [first, stop) to compare for a label.

    Up to MAX_CANDIDATES are all compared, newest first. Of more, so many in a row from a random position at each step,
    and those that suffix links lead to.
    """
    linked, links = np.empty(MAX_LINKS, np.int32), 0
    newest, below = _last_before(t, stop, label), _last_before(t, first, label)
    begin, size = newest, np.int64(0)
    if newest >= 0 and newest != below:
        size = np.int64(t.rank[newest] - (t.rank[below] if below >= 0 else -1))
        if size > MAX_CANDIDATES:
            drawn = first + seeded_hash(state[SEED], state[STEP], -1) % (stop - first)
            begin, size = _last_before(t, drawn + 1, label), np.int64(MAX_CANDIDATES)
            links = _follow_links(t, state[LAST], label, linked)
    return Candidates(linked, links, newest, begin, int(size))


@inner
def _best(
    t: Tables, played: Played, plan: np.ndarray, rules: Rules, candidates: Candidates
) -> tuple[np.int64, np.int64]:
    """(segment, match) of the best candidate, (-1, 0) if none is free. A segment met twice changes nothing."""
    state, lead, tail = played.state, equal_labels(plan), equal_labels(played.history[::-1])
    free = state[STEP] - rules.taboo  # what was played at this step or later is taboo
    after = state[LAST] + 1 if state[LAST] >= 0 else np.int64(-1)
    segment, match, common, since, lot = np.int64(-1), np.int64(0), np.int64(-1), np.int64(0), np.int64(0)
    walker = candidates.begin
    for visit in range(candidates.links + candidates.size):
        if visit < candidates.links:
            i = np.int64(candidates.linked[visit])
        else:
            i = np.int64(walker if walker >= rules.first else candidates.newest)  # past the oldest: back to the newest
            walker = t.previous[i]
        if i < rules.first or i >= rules.stop or i == after or played.played_at[i] >= free:
            continue
        ahead = match_ahead(t, i, plan, lead, match)
        if ahead < match:
            continue
        behind, at = _match_behind(t, i, played.history, tail), played.played_at[i]
        if ahead == match and (behind < common or (behind == common and at > since)):
            continue
        drawn = seeded_hash(state[SEED], state[STEP], i)
        if ahead == match and behind == common and at == since and drawn <= lot:
            continue
        segment, match, common, since, lot = i, ahead, behind, at, drawn
    return segment, match


@inner
def search(t: Tables, played: Played, plan: np.ndarray, rules: Rules) -> tuple[np.int64, np.int64]:
    """(segment, match): the best segment to jump to for plan[0]; (-1, 0) if none is free."""
    candidates = _candidates(t, played.state, plan[0], rules.first, rules.stop)
    best: tuple[np.int64, np.int64] = _best(t, played, plan, rules, candidates)
    return best
