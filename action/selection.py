"""Which segment of a memory sounds next, given a plan: choose, then commit what was really played.

The navigation of Dicy2 and Somax (continuity, taboo, region) on a factor oracle. Segments and labels are whole
numbers, a segment of -1 is silence, and time is counted in steps, one per hop.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from action.compiled import compiled
from action.cost import Place
from action.oracle import FactorOracle, Labels, Tables, as_int32, unknown_label
from action.oracle import warm_up as warm_up_oracle
from action.search import (
    HISTORY_LABELS,
    LAST,
    NEVER,
    RUN,
    STEP,
    Played,
    Rules,
    equal_labels,
    match_ahead,
    search,
)

WHY = ("continue", "jump", "nearest", "carry on", "fade", "rest", "late", "hold")
CONTINUE, JUMP, NEAREST, CARRY_ON, FADE, REST, LATE, HOLD = range(8)
UNKNOWN = -1  # the plan begins with a label outside the alphabet
MAX_HORIZON = 32  # labels of the plan that are compared with the memory
_NO_NEIGHBOURS = np.zeros((0, 0), np.int32)


@dataclass(frozen=True)
class Choice:
    """One event: what to play next, and why."""

    segment: int  # -1 is silence
    label: int  # of that segment; vocab - 1 for silence
    why: str  # one of WHY
    match: int  # labels of the plan matched from here on, this one included
    run: int  # length of the contiguous run that ends here, in segments; 0 for silence
    shift: int = 0  # samples after the boundary of the segment at which it begins, or before it
    key_shift: int = 0  # semitones by which it is moved to what is heard, beyond those that are set
    places: tuple[Place, ...] = field(default=(), compare=False)  # chosen by cost: this place, and the second best


class Choices(NamedTuple):
    """A whole plan answered, arrays (n,) int64 with the fields of `Choice`; `why` holds indices into WHY."""

    segment: np.ndarray
    label: np.ndarray
    why: np.ndarray
    match: np.ndarray
    run: np.ndarray


@dataclass
class Navigation:
    """Navigation since the performance began. `commit` writes it; `choose` and `continue_run` only read it.

    Ties are broken by a hash of seed, step and segment, so there is no generator whose state changes: a late choice
    that was dropped leaves no trace, and a replay makes the same choices.
    """

    seed: int = 0
    shift: int = field(default=0, init=False)  # samples, of the segment played last, see `Choice`
    key_shift: int = field(default=0, init=False)  # semitones, of the same
    state: np.ndarray = field(init=False)  # the three arrays of `action.search.Played`
    history: np.ndarray = field(init=False)
    played_at: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        self.state = np.array([-1, 0, 0, self.seed % (1 << 62)], np.int64)
        self.history = np.full(HISTORY_LABELS, -1, np.int32)
        self.played_at = np.full(0, NEVER, np.int64)

    @property
    def last(self) -> int:
        """The segment before the one that goes on, as a rule the one played last; -1 for silence."""
        return int(self.state[LAST])

    @property
    def run(self) -> int:
        """Length of the contiguous run so far, in segments."""
        return int(self.state[RUN])

    @property
    def step(self) -> int:
        """Steps since the performance began."""
        return int(self.state[STEP])

    @property
    def played(self) -> Played:
        """The arrays themselves, as the kernels take them."""
        return Played(self.state, self.history, self.played_at)

    def copy(self) -> Navigation:
        """An independent copy, to try out a plan."""
        copied = Navigation()
        copied.seed, copied.shift, copied.key_shift = self.seed, self.shift, self.key_shift
        copied.state, copied.history, copied.played_at = (part.copy() for part in self.played)
        return copied

    def make_room(self, oracle: FactorOracle) -> None:
        """Make the arrays as long as a memory that has grown."""
        if len(self.played_at) < len(oracle):
            played_at = np.full(len(oracle.tables.labels), NEVER, np.int64)
            played_at[: len(self.played_at)] = self.played_at
            self.played_at = played_at

    def end_run(self) -> None:
        """Another memory sounds, or none: the next segment chosen here continues no run."""
        self.state[LAST], self.state[RUN] = -1, 0
        self.shift = self.key_shift = 0

    def goes_on_with(self, oracle: FactorOracle, following: int) -> None:
        """What sounds goes on with segment `following`, which is not the next one where a memory is played faster."""
        if self.last >= 0:
            self.state[LAST] = min(following, len(oracle)) - 1

    def make_taboo(self, oracle: FactorOracle, segment: int, around: int) -> None:
        """Count a segment and those up to `around` segments from it as just played."""
        self.make_room(oracle)
        near = self.played_at[max(0, segment - around) : min(segment + around + 1, len(oracle))]
        np.maximum(near, self.step - 1, out=near)

    def truncate(self, segments: int) -> None:
        """A memory was truncated to so many segments: what came after them has never been played."""
        self.played_at[segments:] = NEVER
        if self.last >= segments:
            self.end_run()


@compiled()
def _choose(t: Tables, played: Played, plan: np.ndarray, rules: Rules) -> tuple[np.int64, int, np.int64, np.int64]:
    """(segment, why, match, run) for plan[0]; `choose` describes the rules."""
    state, vocab = played.state, len(t.newest)
    rules = Rules(rules.max_continuity, rules.taboo, max(rules.first, 0), min(rules.stop, t.size[0]), rules.neighbours)
    following = state[LAST] + 1
    may_continue = state[LAST] >= 0 and rules.first <= following < rules.stop and state[RUN] < rules.max_continuity
    if plan[0] < 0 or plan[0] >= vocab:
        return np.int64(-1), UNKNOWN, np.int64(0), np.int64(0)
    if may_continue and t.labels[following] == plan[0]:
        match = match_ahead(t, following, plan, equal_labels(plan), 0)
        return following, CONTINUE, np.int64(match), state[RUN] + 1
    if rules.first < rules.stop:
        segment, match = search(t, played, plan, rules)
        if segment >= 0:
            return segment, JUMP, match, np.int64(1)
    if plan[0] == vocab - 1:
        return np.int64(-1), REST, np.int64(0), np.int64(0)
    if rules.first < rules.stop and len(rules.neighbours) == vocab:
        near = plan.copy()
        for label in rules.neighbours[plan[0]]:
            if label == plan[0] or not 0 <= label < vocab - 1 or t.newest[label] < 0:
                continue  # silence, vocab - 1, is near to no sound
            if may_continue and t.labels[following] == label:
                return following, NEAREST, np.int64(0), state[RUN] + 1
            near[0] = label
            segment, match = search(t, played, near, rules)
            if segment >= 0:
                return segment, NEAREST, np.int64(0), np.int64(1)
    if may_continue:
        return following, CARRY_ON, np.int64(0), state[RUN] + 1
    return np.int64(-1), FADE, np.int64(0), np.int64(0)


@compiled()
def _commit(played: Played, segment: int, label: int, run: int) -> None:
    state, history = played.state, played.history
    for k in range(len(history) - 1):
        history[k] = history[k + 1]
    history[-1] = label
    if segment >= 0:
        played.played_at[segment] = state[STEP]
    state[LAST], state[RUN] = segment, run
    state[STEP] += 1


@compiled()
def _choose_all(t: Tables, played: Played, plan: np.ndarray, horizon: int, rules: Rules) -> np.ndarray:
    """Choose and commit label after label; rows (segment, label, why, match, run)."""
    rows = np.empty((5, len(plan)), np.int64)
    for step in range(len(plan)):
        segment, why, match, run = _choose(t, played, plan[step : step + horizon], rules)
        label = t.labels[segment] if segment >= 0 else len(t.newest) - 1
        _commit(played, segment, label, run)
        rows[0, step], rows[1, step], rows[2, step], rows[3, step], rows[4, step] = segment, label, why, match, run
    return rows


def _checked_plan(plan: Labels) -> np.ndarray:
    labels = as_int32(plan)
    if labels.ndim != 1 or not len(labels):
        raise ValueError(f"a plan is a row of at least one label, got shape {labels.shape}")
    return labels


def _checked_rules(
    oracle: FactorOracle,
    max_continuity: int,
    taboo: int,
    region: tuple[int, int] | None,
    neighbours: np.ndarray | None,
) -> Rules:
    """The rules with their types made one, so that the kernels are compiled once."""
    if max_continuity < 1:
        raise ValueError(f"max_continuity = {max_continuity}: expected 1 or more segments (1 jumps at every step)")
    if taboo < 0:
        raise ValueError(f"taboo = {taboo}: expected 0 or more steps (0 lets a segment return at once)")
    neighbours = _NO_NEIGHBOURS if neighbours is None else as_int32(neighbours)
    if len(neighbours) and neighbours.shape != (oracle.vocab, oracle.vocab):
        raise ValueError(f"neighbours {neighbours.shape}: expected a row and a column per label, {oracle.vocab} each")
    first, stop = (0, len(oracle)) if region is None else region
    return Rules(int(max_continuity), int(taboo), int(first), int(stop), neighbours)


def choose(
    oracle: FactorOracle,
    navigation: Navigation,
    plan: Labels,
    *,
    max_continuity: int = 16,
    taboo: int = 8,
    region: tuple[int, int] | None = None,
    neighbours: np.ndarray | None = None,
) -> Choice:
    """Choose the segment for plan[0]. Nothing is recorded: `commit` what is really played.

    continue  the next segment has plan[0] and the run is shorter than `max_continuity`.
    jump      else, of the segments that have plan[0]: the one with the longest match with the plan, then the longest
              common past with what was played, then the least recently played; a tie is drawn by the seed.
    rest      silence is asked and no silent segment is free: segment -1.
    nearest   no segment that has plan[0] is free: the same two rules for the nearest label that has one.
    carry on  no label has one, or no `neighbours` are given: the next segment, whatever its label.
    fade      there is no next segment, or the run is at its longest: segment -1.

    plan: (H,) labels in [0, vocab), int32 to avoid a copy; the first MAX_HORIZON count. max_continuity: longest run in
    segments, exact, >= 1. taboo: a segment played within so many steps is not jumped to. region: (first, stop), the
    only segments played; None is all. neighbours: (vocab, vocab), row a lists all labels, nearest to a first; int32
    too. ValueError: a value out of range. At most `action.search.MAX_CANDIDATES` segments are compared per label.

    >>> oracle, navigation = FactorOracle(3, [0, 1, 1, 0, 1, 0]), Navigation()
    >>> choose(oracle, navigation, [1, 1, 0])
    Choice(segment=1, label=1, why='jump', match=3, run=1, shift=0, key_shift=0, places=())
    """
    labels = _checked_plan(plan)
    rules = _checked_rules(oracle, max_continuity, taboo, region, neighbours)
    navigation.make_room(oracle)
    segment, why, match, run = _choose(oracle.tables, navigation.played, labels[:MAX_HORIZON], rules)
    if why == UNKNOWN:
        raise ValueError(unknown_label(oracle.vocab, labels[0]))
    label = int(oracle.tables.labels[segment]) if segment >= 0 else oracle.vocab - 1
    return Choice(int(segment), label, WHY[why], int(match), int(run))


def choose_all(
    oracle: FactorOracle,
    navigation: Navigation,
    plan: Labels,
    *,
    max_continuity: int = 16,
    taboo: int = 8,
    region: tuple[int, int] | None = None,
    neighbours: np.ndarray | None = None,
    horizon: int = MAX_HORIZON,
) -> Choices:
    """Answer a plan known as a whole: `choose` and `commit` for each of its labels, in one call.

    horizon: labels of the plan seen at each step, 1 to MAX_HORIZON. The rest is as in `choose`.
    """
    horizon = int(horizon)
    if not 1 <= horizon <= MAX_HORIZON:
        raise ValueError(f"horizon = {horizon}: expected 1 to {MAX_HORIZON} labels")
    labels = _checked_plan(plan)
    rules = _checked_rules(oracle, max_continuity, taboo, region, neighbours)
    if labels.min() < 0 or labels.max() >= oracle.vocab:
        raise ValueError(unknown_label(oracle.vocab, labels[(labels < 0) | (labels >= oracle.vocab)][0]))
    navigation.make_room(oracle)
    return Choices(*_choose_all(oracle.tables, navigation.played, labels, horizon, rules))


def continue_run(oracle: FactorOracle, navigation: Navigation) -> Choice:
    """The choice when no decision came in time: the current run continues, however long it is; silence stays silence.

    At the end of the memory: `fade`. Nothing is recorded until `commit`.
    """
    return continuation(oracle, navigation.last, navigation.run, navigation.shift, navigation.key_shift)


def continuation(oracle: FactorOracle, segment: int, run: int, shift: int = 0, key_shift: int = 0) -> Choice:
    """`continue_run` after any segment, whether it has been played yet or not.

    run: segments in a row up to it. shift, key_shift: its own, see `Choice`.
    """
    following = segment + 1
    if segment < 0:
        return silent_choice(oracle, LATE)
    if following >= len(oracle):
        return silent_choice(oracle, FADE)
    return Choice(following, int(oracle.tables.labels[following]), WHY[LATE], 0, run + 1, shift, key_shift)


def silent_choice(oracle: FactorOracle, why: int = REST) -> Choice:
    """A hop of silence. why: index into WHY."""
    return Choice(-1, oracle.vocab - 1, WHY[why], 0, 0)


def commit(oracle: FactorOracle, navigation: Navigation, choice: Choice) -> None:
    """Record the choice that was really played in this step."""
    navigation.make_room(oracle)
    _commit(navigation.played, choice.segment, choice.label, choice.run)
    navigation.shift, navigation.key_shift = choice.shift, choice.key_shift


def run_lengths(segments: Sequence[int] | np.ndarray) -> np.ndarray:
    """Lengths of the contiguous runs in a row of segments, in order, (runs,) int64; silence (-1) ends a run.

    >>> run_lengths([3, 4, 5, 1, -1, 0, 1]).tolist()
    [3, 1, 2]
    """
    row = np.asarray(segments, np.int64)
    begins = np.ones(len(row), bool)
    begins[1:] = (row[1:] != row[:-1] + 1) | (row[:-1] < 0)
    lengths = np.diff(np.append(np.flatnonzero(begins), len(row)))
    return np.asarray(lengths[row[begins] >= 0])


def warm_up() -> None:
    """Compile what a performance calls, before it begins: a second or two the first time, then from the cache."""
    oracle, navigation = FactorOracle(3, (0, 1, 0, 1)), Navigation()
    commit(oracle, navigation, choose(oracle, navigation, (0, 1), neighbours=np.zeros((3, 3), np.int32)))
    choose_all(oracle, navigation, (1, 0))
    warm_up_oracle(oracle)
