"""The memory as a factor oracle over integer labels, and the choice of the next segment in it.

Oracle: Allauzen, Crochemore & Raffinot, "Factor oracle: a new structure for pattern matching", 1999. State i is
reached when the first i labels have been read, so segment i lies between states i and i + 1. All edges into a state
carry the label of the segment before it; hence the edge i -> i + 1 needs no storage, and of the others, n - 1 at most,
only the targets are kept. Nothing here recurses, and nothing depends on how often a label repeats itself.

Time is counted in steps, one per hop; segments and labels are integers; a segment of -1 is silence.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numba import njit

WHY = ("continue", "jump", "nearest", "carry on", "fade", "rest", "late", "hold")
CONTINUE, JUMP, NEAREST, CARRY_ON, FADE, REST, LATE, HOLD = range(8)
UNKNOWN = -1  # the plan begins with a label outside the alphabet
HORIZON = 32  # labels of the plan that are compared with the memory
PAST = 16  # labels played that are compared with the memory
VISITS = 12_288  # segments weighed per search, so that the worst one takes 1 ms; 51 minutes of one label at 0.25 s
LINKS = 64  # suffix links followed per search
BLOCK = 1024  # segments between two rows of `Tables.anchors`
NEVER = -(1 << 40)  # step of a segment that has not been played

_LAST, _RUN, _STEP, _SEED = range(4)  # fields of Navigation.state
_ANYTHING = np.zeros((0, 0), np.int32)

# What Python never calls needs no wrapper for Python, which is a good part of the compilation.
_BARE: dict[str, Any] = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
_inner = njit(cache=True, nogil=True, **_BARE)


class Tables(NamedTuple):
    """The oracle and its index, all int32; `size` = (segments, stored edges) is written in place."""

    size: np.ndarray  # (2,)
    labels: np.ndarray  # (capacity,)
    suffix: np.ndarray  # (capacity + 1,) state where the longest repeated suffix was read before, -1 at 0
    first: np.ndarray  # (vocab,) state reached from 0 by a label, -1 if the memory lacks it
    head: np.ndarray  # (capacity + 1,) newest stored edge of a state, -1 if it has none
    target: np.ndarray  # (capacity,) state an edge leads to
    sibling: np.ndarray  # (capacity,) the next edge of the same state, -1 at the end
    older: np.ndarray  # (capacity,) the segment before this one that bears the same label, -1 if none
    newest: np.ndarray  # (vocab,) the newest segment that bears a label, -1 if none
    rank: np.ndarray  # (capacity,) how many segments before this one bear its label
    age: np.ndarray  # (capacity,) how many equal labels come just before
    anchors: np.ndarray  # (capacity // BLOCK + 1, vocab) `newest` as it was before segment row * BLOCK


@njit(cache=True, nogil=True)
def _read(t, state, label):
    """State reached from `state` by `label`, -1 if there is none."""
    if state == 0:
        return t.first[label]
    if state < t.size[0] and t.labels[state] == label:
        return state + 1
    edge = t.head[state]
    while edge >= 0 and t.labels[t.target[edge] - 1] != label:
        edge = t.sibling[edge]
    return t.target[edge] if edge >= 0 else -1


@njit(cache=True, nogil=True)
def _extend(t, new):
    """Append labels, O(1) each, amortised; the tables have room for them."""
    for label in new:
        n = np.int64(t.size[0])
        if n % BLOCK == 0:
            for known in range(len(t.newest)):  # a loop compiles a second faster than an array assignment
                t.anchors[n // BLOCK, known] = t.newest[known]
        t.labels[n] = label
        t.older[n] = t.newest[label]
        t.rank[n] = t.rank[t.older[n]] + 1 if t.older[n] >= 0 else 0
        t.newest[label] = n
        t.age[n] = t.age[n - 1] + 1 if n > 0 and t.labels[n - 1] == label else 0
        k = np.int64(t.suffix[n])
        while k > 0 and _read(t, k, label) < 0:
            edge = t.size[1]
            t.target[edge], t.sibling[edge], t.head[k] = n + 1, t.head[k], edge
            t.size[1] = edge + 1
            k = np.int64(t.suffix[k])
        t.suffix[n + 1] = 0 if k < 0 else max(_read(t, k, label), 0)
        if t.first[label] < 0:
            t.first[label] = n + 1
        t.head[n + 1] = -1
        t.size[0] = n + 1


@njit(cache=True, nogil=True)
def _walk(t, word):
    """State reached from 0 by a word, -1 if the oracle does not read it."""
    state = np.int64(0)
    for label in word:
        state = np.int64(_read(t, state, label))
        if state < 0:
            break
    return state


def _tables(vocab: int, capacity: int) -> Tables:
    def column(rows: int) -> np.ndarray:
        return np.empty(rows, np.int32)

    none = np.full((2, vocab), -1, np.int32)
    suffix, head = column(capacity + 1), column(capacity + 1)
    suffix[0] = head[0] = -1
    anchors = np.empty((capacity // BLOCK + 1, vocab), np.int32)
    labels, target, sibling, older, rank, age = (column(capacity) for _ in range(6))
    size = np.zeros(2, np.int32)
    return Tables(size, labels, suffix, none[0], head, target, sibling, older, none[1], rank, age, anchors)


def _plain(labels: Sequence[int] | np.ndarray) -> np.ndarray:
    """Labels as a writable int32 array in C order: the one kind that is compiled for, so nothing compiles on stage."""
    if type(labels) is np.ndarray and labels.dtype == np.int32 and labels.flags.carray:
        return labels
    found = np.asarray(labels)
    if found.size and not np.issubdtype(found.dtype, np.integer):
        raise ValueError(f"labels are whole numbers, got {found.dtype}")
    return np.array(found, np.int32, order="C")


def _unknown(vocab: int, label: int) -> str:
    return f"label {label}: this memory knows 0 to {vocab - 1}; was it made with another alphabet?"


def _as_labels(labels: Sequence[int] | np.ndarray, vocab: int) -> np.ndarray:
    found = _plain(labels).ravel()
    if found.size and (found.min() < 0 or found.max() >= vocab):
        wrong = found[(found < 0) | (found >= vocab)][0]
        raise ValueError(_unknown(vocab, wrong))
    return found


class Memory:
    """A growing sequence of labels, one per segment, with its factor oracle.

    vocab: labels known, silence (vocab - 1) included. labels: what it holds from the start, (n,) int in [0, vocab).
    capacity: segments to make room for now; it doubles when full, so `append` stays cheap on average.
    Costs about 28 bytes per segment plus vocab / 256. Not saved: 100,000 labels are rebuilt in milliseconds.
    """

    def __init__(self, vocab: int, labels: Sequence[int] | np.ndarray = (), capacity: int = BLOCK):
        if vocab < 1:
            raise ValueError(f"vocab = {vocab}: a memory needs at least one label")
        self.vocab = vocab
        self.tables = _tables(vocab, max(capacity, len(labels), 1))
        if len(labels):
            self.extend(labels)

    def __len__(self) -> int:
        return int(self.tables.size[0])

    @property
    def labels(self) -> np.ndarray:
        """(n,) int32 view of the labels held."""
        return self.tables.labels[: len(self)]

    @property
    def suffix(self) -> np.ndarray:
        """(n + 1,) int32 view of the suffix links, -1 at state 0."""
        return self.tables.suffix[: len(self) + 1]

    def append(self, label: int) -> int:
        """Append one label in [0, vocab); return the number of its segment."""
        self.extend((label,))
        return len(self) - 1

    def extend(self, labels: Sequence[int] | np.ndarray) -> None:
        """Append many labels, (n,) int in [0, vocab)."""
        new = _as_labels(labels, self.vocab)
        need, room = len(self) + len(new), len(self.tables.labels)
        if need > room:
            self._grow(max(need, 2 * room))
        _extend(self.tables, new)

    def truncate(self, segments: int) -> None:
        """Forget all but the first so many segments; what remains is as if no other had ever been appended."""
        if not 0 <= segments <= len(self):
            raise ValueError(f"truncate to {segments} segments: the memory holds 0 to {len(self)}")
        kept, t = self.labels[:segments].copy(), self.tables
        t.size[:], t.first[:], t.newest[:] = 0, -1, -1
        _extend(t, kept)

    def reads(self, word: Sequence[int] | np.ndarray) -> bool:
        """Whether the oracle reads `word`: always for a stretch of the memory, seldom for anything else."""
        return bool(_walk(self.tables, _as_labels(word, self.vocab)) >= 0)

    def bears(self, label: int) -> bool:
        """Whether a segment of the memory bears `label`."""
        return bool(self.tables.newest[label] >= 0)

    def held(self) -> np.ndarray:
        """(vocab,) bool: the labels that some segment bears. A mask for `decision.sampling`."""
        return np.asarray(self.tables.newest >= 0)

    def _grow(self, capacity: int) -> None:
        larger = _tables(self.vocab, capacity)
        for old, new in zip(self.tables, larger, strict=True):
            new[: len(old)] = old
        self.tables = larger


@dataclass(frozen=True)
class Choice:
    """One event: what to play next, and why."""

    segment: int  # -1 is silence
    label: int  # of that segment; vocab - 1 for silence
    why: str  # one of WHY
    match: int  # labels of the plan matched from here on, this one included
    run: int  # length of the contiguous run that ends here, in segments; 0 for silence


class Answer(NamedTuple):
    """A whole plan answered, arrays (n,) with the fields of `Choice`; `why` holds indices into WHY."""

    segment: np.ndarray
    label: np.ndarray
    why: np.ndarray
    match: np.ndarray
    run: np.ndarray


@dataclass
class Navigation:
    """What has been played since the piece began. `commit` writes it; `choose` and `follow` only read it.

    Ties are broken by a hash of seed, step and segment, so there is no generator to carry along: a choice that came
    too late and was dropped leaves no trace, and a replay takes the same turns.
    """

    seed: int = 0
    state: np.ndarray = field(init=False)  # (4,) int64: last segment, run, steps made, seed
    past: np.ndarray = field(init=False)  # (PAST,) int32 labels played, newest last, -1 before the beginning
    played_at: np.ndarray = field(init=False)  # (>= segments,) int64 step at which a segment was last played

    def __post_init__(self) -> None:
        self.state = np.array([-1, 0, 0, self.seed % (1 << 62)], np.int64)
        self.past = np.full(PAST, -1, np.int32)
        self.played_at = np.full(0, NEVER, np.int64)

    @property
    def last(self) -> int:
        """Segment played last, -1 for silence."""
        return int(self.state[_LAST])

    @property
    def run(self) -> int:
        """Length of the contiguous run so far, in segments."""
        return int(self.state[_RUN])

    @property
    def step(self) -> int:
        """Steps made since the piece began."""
        return int(self.state[_STEP])

    def make_room(self, memory: Memory) -> None:
        """Follow a memory that has grown."""
        if len(self.played_at) < len(memory):
            played_at = np.full(len(memory.tables.labels), NEVER, np.int64)
            played_at[: len(self.played_at)] = self.played_at
            self.played_at = played_at

    def leave(self) -> None:
        """Something else sounds, or nothing: the next segment chosen here goes on from none."""
        self.state[_LAST], self.state[_RUN] = -1, 0

    def shun(self, memory: Memory, segment: int, around: int) -> None:
        """Count a segment and those up to `around` segments from it as just played."""
        self.make_room(memory)
        near = self.played_at[max(0, segment - around) : min(segment + around + 1, len(memory))]
        np.maximum(near, self.step - 1, out=near)

    def forget(self, segments: int) -> None:
        """A memory was truncated to so many segments: what came after them has never been played."""
        self.played_at[segments:] = NEVER
        if self.last >= segments:
            self.leave()


@_inner
def _hash(seed, step, segment):
    """A number below 2^63 from three; the finaliser of splitmix64 (Steele, Lea & Flood 2014), used twice."""
    x = np.uint64(seed) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(step)
    for salt in (np.uint64(segment), np.uint64(0)):
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        x = (x ^ (x >> np.uint64(31))) + salt
    return np.int64(x >> np.uint64(1))


@_inner
def _lead(word):
    """Length of the run of equal labels a word begins with."""
    n = 1
    while n < len(word) and word[n] == word[0]:
        n += 1
    return n


@_inner
def _ahead(labels, age, n, i, plan, lead, floor):
    """Labels of the plan that the memory bears from segment i on; any smaller number where that is below `floor`.

    Segment i bears plan[0]. `age` answers for the `lead` equal labels at once, so drones cost what melodies cost.
    """
    end = i + lead
    if end <= n and labels[end - 1] == plan[0] and age[end - 1] >= lead - 1:
        m = lead
    elif floor >= lead:
        return 0
    else:
        m = 1
    while m < len(plan) and i + m < n and labels[i + m] == plan[m]:
        m += 1
    return m


@_inner
def _behind(labels, age, i, past, tail):
    """Labels played last, out of `past`, that the memory bears just before segment i; `past` ends in `tail` equals."""
    newest = len(past) - 1
    if i == 0 or labels[i - 1] != past[newest]:
        return 0
    if age[i - 1] < tail - 1:
        return age[i - 1] + 1
    m = tail
    while m <= newest and i - 1 - m >= 0 and labels[i - 1 - m] == past[newest - m]:
        m += 1
    return m


@_inner
def _bearer_before(t, position, label):
    """The last segment before `position` that bears `label`, -1 if none; at most BLOCK steps."""
    row = (position + BLOCK - 1) // BLOCK
    i = t.anchors[row, label] if row * BLOCK < t.size[0] else t.newest[label]
    while i >= position:
        i = t.older[i]
    return i


@_inner
def _linked(t, state, label, found):
    """Write to `found` what bears `label` and shares a past with the run, by suffix links; return the count."""
    count, k = 0, np.int64(t.suffix[state[_LAST] + 1] if state[_LAST] >= 0 else -1)
    for _ in range(len(found)):
        if k < 0:
            break
        to = _read(t, k, label)
        if to > 0:
            found[count] = to - 1
            count += 1
        k = np.int64(t.suffix[k])
    return count


@_inner
def _entry(t, state, label, first, stop):
    """(newest bearer of `label` in [first, stop), where to begin, how many to weigh); count 0 if there is none.

    Up to VISITS bearers are all weighed, newest first; of more, VISITS in a row from a place drawn at each step.
    """
    top, below = _bearer_before(t, stop, label), _bearer_before(t, first, label)
    if top < 0 or top == below:
        return top, top, 0
    bearers = t.rank[top] - (t.rank[below] if below >= 0 else -1)
    if bearers <= VISITS:
        return top, top, bearers
    drawn = first + _hash(state[_SEED], state[_STEP], -1) % (stop - first)
    return top, _bearer_before(t, drawn + 1, label), VISITS


@_inner
def _best(labels, age, older, n, state, past, played_at, plan, limits, found, count, entry):
    """Weigh the `count` segments in `found`, then entry[2] bearers from entry[1] down; (segment, match) or (-1, 0).

    Order of importance: match with the plan, common past, longest unplayed, lot. A segment met twice changes nothing.
    """
    taboo, first, stop = limits
    lead, tail = _lead(plan), _lead(past[::-1])
    free = state[_STEP] - taboo  # what was played at this step or later is taboo
    after = state[_LAST] + 1 if state[_LAST] >= 0 else np.int64(-1)
    segment, match, common, since, lot = np.int64(-1), np.int64(0), np.int64(-1), np.int64(0), np.int64(0)
    top, walker, bearers = entry
    for visit in range(count + bearers):
        if visit < count:
            i = np.int64(found[visit])
        else:
            i = np.int64(walker if walker >= first else top)  # past the oldest: on with the newest
            walker = older[i]
        if i < first or i >= stop or i == after or played_at[i] >= free:
            continue
        ahead = _ahead(labels, age, n, i, plan, lead, match)
        if ahead < match:
            continue
        behind, played = _behind(labels, age, i, past, tail), played_at[i]
        if ahead == match and (behind < common or (behind == common and played > since)):
            continue
        drawn = _hash(state[_SEED], state[_STEP], i)
        if ahead == match and behind == common and played == since and drawn <= lot:
            continue
        segment, match, common, since, lot = i, ahead, behind, played, drawn
    return segment, match


@_inner
def _search(t, state, past, played_at, plan, taboo, first, stop):
    """Best segment to jump to for plan[0] in [first, stop), and its match; (-1, 0) if none is free."""
    found = np.empty(LINKS, np.int32)
    entry = _entry(t, state, plan[0], first, stop)
    count = _linked(t, state, plan[0], found) if entry[2] == VISITS else 0
    limits = (taboo, first, stop)
    return _best(t.labels, t.age, t.older, t.size[0], state, past, played_at, plan, limits, found, count, entry)


@njit(cache=True, nogil=True)
def _decide(t, state, past, played_at, plan, max_continuity, taboo, first, stop, neighbours):
    """(segment, why, match, run) for plan[0]; the rule is told in `choose`."""
    n, vocab = t.size[0], len(t.newest)
    first, stop = max(first, 0), min(stop, n)
    following = state[_LAST] + 1
    may_go_on = state[_LAST] >= 0 and first <= following < stop and state[_RUN] < max_continuity
    if plan[0] < 0 or plan[0] >= vocab:
        return np.int64(-1), UNKNOWN, np.int64(0), np.int64(0)
    if may_go_on and t.labels[following] == plan[0]:
        match = _ahead(t.labels, t.age, n, following, plan, _lead(plan), 0)
        return following, CONTINUE, np.int64(match), state[_RUN] + 1
    if first < stop:
        segment, match = _search(t, state, past, played_at, plan, taboo, first, stop)
        if segment >= 0:
            return segment, JUMP, match, np.int64(1)
    if plan[0] == vocab - 1:
        return np.int64(-1), REST, np.int64(0), np.int64(0)
    if first < stop and len(neighbours) == vocab:
        near = plan.copy()
        for label in neighbours[plan[0]]:
            if label == plan[0] or not 0 <= label < vocab - 1 or t.newest[label] < 0:
                continue  # silence, vocab - 1, is near to no sound
            if may_go_on and t.labels[following] == label:
                return following, NEAREST, np.int64(0), state[_RUN] + 1
            near[0] = label
            segment, match = _search(t, state, past, played_at, near, taboo, first, stop)
            if segment >= 0:
                return segment, NEAREST, np.int64(0), np.int64(1)
    if may_go_on:
        return following, CARRY_ON, np.int64(0), state[_RUN] + 1
    return np.int64(-1), FADE, np.int64(0), np.int64(0)


@njit(cache=True, nogil=True)
def _commit(state, past, played_at, segment, label, run):
    for k in range(len(past) - 1):
        past[k] = past[k + 1]
    past[-1] = label
    if segment >= 0:
        played_at[segment] = state[_STEP]
    state[_LAST], state[_RUN] = segment, run
    state[_STEP] += 1


@njit(cache=True, nogil=True)
def _recite(t, state, past, played_at, plan, horizon, max_continuity, taboo, first, stop, neighbours):
    """Decide and commit label after label; rows (segment, label, why, match, run)."""
    rows = np.empty((5, len(plan)), np.int64)
    for step in range(len(plan)):
        seen = plan[step : step + horizon]
        segment, why, match, run = _decide(
            t, state, past, played_at, seen, max_continuity, taboo, first, stop, neighbours
        )
        label = t.labels[segment] if segment >= 0 else len(t.newest) - 1
        _commit(state, past, played_at, segment, label, run)
        rows[0, step], rows[1, step], rows[2, step], rows[3, step], rows[4, step] = segment, label, why, match, run
    return rows


def _checked(
    memory: Memory,
    navigation: Navigation,
    plan: Sequence[int] | np.ndarray,
    max_continuity: int,
    taboo: int,
    region: tuple[int, int] | None,
    neighbours: np.ndarray | None,
) -> tuple[np.ndarray, tuple]:
    """The plan, and the arguments of `_decide` after it, with their types made one."""
    plan = _plain(plan)
    if plan.ndim != 1 or not len(plan):
        raise ValueError(f"a plan is a row of at least one label, got shape {plan.shape}")
    if max_continuity < 1:
        raise ValueError(f"max_continuity = {max_continuity}: expected 1 or more segments (1 jumps at every step)")
    if taboo < 0:
        raise ValueError(f"taboo = {taboo}: expected 0 or more steps (0 lets a segment return at once)")
    neighbours = _ANYTHING if neighbours is None else _plain(neighbours)
    if len(neighbours) and neighbours.shape != (memory.vocab, memory.vocab):
        raise ValueError(f"neighbours {neighbours.shape}: expected a row and a column per label, {memory.vocab} each")
    navigation.make_room(memory)
    first, stop = (0, len(memory)) if region is None else region
    return plan, (int(max_continuity), int(taboo), int(first), int(stop), neighbours)


def choose(
    memory: Memory,
    navigation: Navigation,
    plan: Sequence[int] | np.ndarray,
    *,
    max_continuity: int = 16,
    taboo: int = 8,
    region: tuple[int, int] | None = None,
    neighbours: np.ndarray | None = None,
) -> Choice:
    """Choose the segment for plan[0]. Nothing is recorded: `commit` what is really played.

    continue  the next segment bears plan[0] and the run is shorter than `max_continuity`.
    jump      else, of the segments that bear plan[0]: the one with the longest match with the plan, then the longest
              common past with what was played, then the least recently played; a tie is drawn by the seed.
    rest      silence is asked and no silent segment is free: segment -1.
    nearest   no segment that bears plan[0] is free: the same two rules for the nearest label that has one.
    carry on  no label has one, or no `neighbours` are given: the next segment, whatever it bears.
    fade      there is no next segment, or the run is at its longest: segment -1.

    plan: (H,) labels in [0, vocab), int32 to avoid a copy; the first HORIZON count. max_continuity: longest run,
    exact, >= 1. taboo: a segment played within so many steps is not jumped to. region: (first, stop), the only
    segments played; None is all. neighbours: (vocab, vocab), row a lists all labels, nearest to a first; int32 too.
    ValueError: a value out of range. At most VISITS segments are weighed per label.
    """
    asked, rules = _checked(memory, navigation, plan, max_continuity, taboo, region, neighbours)
    state, past, played_at = navigation.state, navigation.past, navigation.played_at
    segment, why, match, run = _decide(memory.tables, state, past, played_at, asked[:HORIZON], *rules)
    if why == UNKNOWN:
        raise ValueError(_unknown(memory.vocab, asked[0]))
    label = int(memory.tables.labels[segment]) if segment >= 0 else memory.vocab - 1
    return Choice(int(segment), label, WHY[why], int(match), int(run))


def follow(memory: Memory, navigation: Navigation) -> Choice:
    """What sounds when the mind is late: the current run goes on, however long it is; silence stays silence.

    At the end of the memory there is nothing to go on with: `fade`. Nothing is recorded until `commit`.
    """
    return going_on(memory, navigation.last, navigation.run)


def going_on(memory: Memory, segment: int, run: int) -> Choice:
    """The same after any segment, whether it has been played yet or not; run: segments in a row up to it."""
    following = segment + 1
    if segment < 0:
        return silence(memory, LATE)
    if following >= len(memory):
        return silence(memory, FADE)
    return Choice(following, int(memory.tables.labels[following]), WHY[LATE], 0, run + 1)


def silence(memory: Memory, why: int = REST) -> Choice:
    """A hop of silence, and why there is one."""
    return Choice(-1, memory.vocab - 1, WHY[why], 0, 0)


def commit(memory: Memory, navigation: Navigation, choice: Choice) -> None:
    """Record what was really played in this step."""
    navigation.make_room(memory)
    state, past, played_at = navigation.state, navigation.past, navigation.played_at
    _commit(state, past, played_at, choice.segment, choice.label, choice.run)


def recite(
    memory: Memory,
    navigation: Navigation,
    plan: Sequence[int] | np.ndarray,
    *,
    max_continuity: int = 16,
    taboo: int = 8,
    region: tuple[int, int] | None = None,
    neighbours: np.ndarray | None = None,
    horizon: int = HORIZON,
) -> Answer:
    """Answer a plan known as a whole: `choose` and `commit` for each of its labels, in one call.

    horizon: labels of the plan seen at each step, 1 to HORIZON. The rest is as in `choose`.
    """
    horizon = int(horizon)
    if not 1 <= horizon <= HORIZON:
        raise ValueError(f"horizon = {horizon}: expected 1 to {HORIZON} labels")
    asked, rules = _checked(memory, navigation, plan, max_continuity, taboo, region, neighbours)
    if asked.min() < 0 or asked.max() >= memory.vocab:
        raise ValueError(_unknown(memory.vocab, asked[(asked < 0) | (asked >= memory.vocab)][0]))
    state, past, played_at = navigation.state, navigation.past, navigation.played_at
    return Answer(*_recite(memory.tables, state, past, played_at, asked, horizon, *rules))


def run_lengths(segments: Sequence[int] | np.ndarray) -> np.ndarray:
    """Lengths of the contiguous runs in a row of segments, in order, (runs,) int64; silence (-1) ends a run."""
    row = np.asarray(segments, np.int64)
    begins = np.ones(len(row), bool)
    begins[1:] = (row[1:] != row[:-1] + 1) | (row[:-1] < 0)
    lengths = np.diff(np.append(np.flatnonzero(begins), len(row)))
    return lengths[row[begins] >= 0]


def warm_up() -> None:
    """Compile what a performance calls, before it begins: a second or two the first time, then from the cache."""
    memory, navigation = Memory(3, (0, 1, 0, 1)), Navigation()
    commit(memory, navigation, choose(memory, navigation, (0, 1), neighbours=np.zeros((3, 3), np.int32)))
    recite(memory, navigation, (1, 0))
    memory.reads((0, 1))
