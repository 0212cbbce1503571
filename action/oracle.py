"""The labels of a recorded memory, indexed by a factor oracle.

Allauzen, Crochemore & Raffinot, "Factor oracle: a new structure for pattern matching", 1999. State i is reached when
the first i labels have been read, so segment i lies between states i and i + 1. All edges into a state carry the label
of the segment before it. Hence the edge i -> i + 1 needs no storage, and of the other edges, n - 1 at most, only the
targets are stored. Nothing here recurses, and no cost depends on how often a label repeats itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from action.compiled import compiled

INDEX_BLOCK = 1024  # segments between two rows of `Tables.anchors`
Labels = Sequence[int] | np.ndarray

# Kernels that Python never calls need no wrapper for Python; wrappers are a good part of the compilation.
BARE: dict[str, Any] = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}


class Tables(NamedTuple):
    """The oracle and its index, all int32. `size` = (segments, stored edges); everything is written in place."""

    size: np.ndarray  # (2,)
    labels: np.ndarray  # (capacity,)
    suffix_link: np.ndarray  # (capacity + 1,) state where the longest repeated suffix was read before, -1 at state 0
    root_edge: np.ndarray  # (vocab,) state reached from state 0 by a label, -1 if the memory lacks it
    first_edge: np.ndarray  # (capacity + 1,) newest stored edge of a state, -1 if it has none
    edge_target: np.ndarray  # (capacity,) state an edge leads to
    next_edge: np.ndarray  # (capacity,) the next edge of the same state, -1 at the end
    previous: np.ndarray  # (capacity,) the segment before this one that has the same label, -1 if none
    newest: np.ndarray  # (vocab,) the newest segment that has a label, -1 if none
    rank: np.ndarray  # (capacity,) how many segments before this one have its label
    repeats: np.ndarray  # (capacity,) how many equal labels come directly before this one
    anchors: np.ndarray  # (capacity // INDEX_BLOCK + 1, vocab) `newest` as it was before segment row * INDEX_BLOCK


@compiled()
def transition(t: Tables, state: int, label: int) -> int:
    """State reached from `state` by `label`, -1 if there is no such edge."""
    if state == 0:
        return int(t.root_edge[label])
    if state < t.size[0] and t.labels[state] == label:
        return state + 1
    edge = t.first_edge[state]
    while edge >= 0 and t.labels[t.edge_target[edge] - 1] != label:
        edge = t.next_edge[edge]
    return int(t.edge_target[edge]) if edge >= 0 else -1


@compiled()
def _extend(t: Tables, new: np.ndarray) -> None:
    """Append labels, O(1) each, amortised; the tables have room for them.

    This is `add_letter` of Allauzen et al. (1999, fig. 5). Let p be the n labels so far and S the suffix links. Each
    suffix of p is read along the states n, S(n), S(S(n)), ..., 0. The oracle of p + a must read each of these suffixes
    followed by a, so each of these states needs an edge by a to the new state n + 1. Walking from n along the links we
    add the missing edges and stop at the first state k that has an edge by a already: all states behind k have one
    too. The suffix that k reads is then the longest one that was followed by a before, so S(n + 1) is the target of
    that edge, or 0 if no state had one. Every link that is followed without stopping adds an edge, and an oracle of n
    labels has at most n - 1 edges beside those from i to i + 1: that bounds the sum of all walks by n.
    """
    for label in new:
        n = np.int64(t.size[0])
        _index(t, n, label)
        k = np.int64(t.suffix_link[n])
        while k > 0 and transition(t, k, label) < 0:
            edge = t.size[1]
            t.edge_target[edge], t.next_edge[edge], t.first_edge[k] = n + 1, t.first_edge[k], edge
            t.size[1] = edge + 1
            k = np.int64(t.suffix_link[k])
        t.suffix_link[n + 1] = 0 if k < 0 else max(transition(t, k, label), 0)
        if t.root_edge[label] < 0:
            t.root_edge[label] = n + 1
        t.first_edge[n + 1] = -1
        t.size[0] = n + 1


@compiled(**BARE)
def _index(t: Tables, n: int, label: int) -> None:
    """Enter segment n into the tables that find the segments of a label."""
    if n % INDEX_BLOCK == 0:
        for known in range(len(t.newest)):  # a loop compiles a second faster than an array assignment
            t.anchors[n // INDEX_BLOCK, known] = t.newest[known]
    t.labels[n] = label
    t.previous[n] = t.newest[label]
    t.rank[n] = t.rank[t.previous[n]] + 1 if t.previous[n] >= 0 else 0
    t.newest[label] = n
    t.repeats[n] = t.repeats[n - 1] + 1 if n > 0 and t.labels[n - 1] == label else 0


@compiled()
def _read(t: Tables, word: np.ndarray) -> np.int64:
    """State reached from state 0 by a word, -1 if the oracle does not accept it."""
    state = np.int64(0)
    for label in word:
        state = np.int64(transition(t, state, label))
        if state < 0:
            break
    return state


def _tables(vocab: int, capacity: int) -> Tables:
    def column(rows: int) -> np.ndarray:
        return np.empty(rows, np.int32)

    none = np.full((2, vocab), -1, np.int32)
    suffix_link, first_edge = column(capacity + 1), column(capacity + 1)
    suffix_link[0] = first_edge[0] = -1
    return Tables(
        size=np.zeros(2, np.int32),
        labels=column(capacity),
        suffix_link=suffix_link,
        root_edge=none[0],
        first_edge=first_edge,
        edge_target=column(capacity),
        next_edge=column(capacity),
        previous=column(capacity),
        newest=none[1],
        rank=column(capacity),
        repeats=column(capacity),
        anchors=np.empty((capacity // INDEX_BLOCK + 1, vocab), np.int32),
    )


def as_int32(labels: Labels) -> np.ndarray:
    """Labels as a writable int32 array in C order: the kernels are compiled for this type only.

    ValueError if they are not whole numbers.
    """
    if type(labels) is np.ndarray and labels.dtype == np.int32 and labels.flags.carray:
        return labels
    given = np.asarray(labels)
    if given.size and not np.issubdtype(given.dtype, np.integer):
        raise ValueError(f"labels are whole numbers, got {given.dtype}")
    return np.array(given, np.int32, order="C")


def unknown_label(vocab: int, label: int) -> str:
    """The sentence for a label outside [0, vocab)."""
    return f"label {label}: this memory knows 0 to {vocab - 1}; was it made with another alphabet?"


def _as_labels(labels: Labels, vocab: int) -> np.ndarray:
    given = as_int32(labels).ravel()
    if given.size and (given.min() < 0 or given.max() >= vocab):
        raise ValueError(unknown_label(vocab, given[(given < 0) | (given >= vocab)][0]))
    return given


class FactorOracle:
    """A growing sequence of labels, one per segment of a memory, and its factor oracle.

    vocab: number of labels, silence (vocab - 1) included. labels: the initial ones, (n,) int in
    [0, vocab). capacity: segments to make room for now; it doubles when full, so `append` stays cheap on average.
    Costs about 28 bytes per segment plus vocab / 256. It is not saved: 100,000 labels are rebuilt in milliseconds.

    >>> oracle = FactorOracle(3, [0, 1, 0, 1, 1])
    >>> oracle.suffix_links.tolist()
    [-1, 0, 0, 1, 2, 2]
    >>> oracle.accepts([0, 1, 1]), oracle.accepts([0, 0])
    (True, False)
    """

    def __init__(self, vocab: int, labels: Labels = (), capacity: int = INDEX_BLOCK):
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
        """(n,) int32 view of its labels."""
        return self.tables.labels[: len(self)]

    @property
    def suffix_links(self) -> np.ndarray:
        """(n + 1,) int32 view of the suffix links of all states, -1 at state 0."""
        return self.tables.suffix_link[: len(self) + 1]

    def append(self, label: int) -> int:
        """Append one label in [0, vocab); return the number of its segment."""
        self.extend((label,))
        return len(self) - 1

    def extend(self, labels: Labels) -> None:
        """Append many labels, (n,) int in [0, vocab); ValueError for any other."""
        new = _as_labels(labels, self.vocab)
        need, room = len(self) + len(new), len(self.tables.labels)
        if need > room:
            self._grow(max(need, 2 * room))
        _extend(self.tables, new)

    def truncate(self, segments: int) -> None:
        """Remove all but the first so many segments; the rest is as if no other had ever been appended.

        ValueError if it holds fewer.
        """
        if not 0 <= segments <= len(self):
            raise ValueError(f"truncate to {segments} segments: the memory holds 0 to {len(self)}")
        remaining, t = self.labels[:segments].copy(), self.tables
        t.size[:], t.root_edge[:], t.newest[:] = 0, -1, -1
        _extend(t, remaining)

    def accepts(self, word: Labels) -> bool:
        """Whether the oracle reads `word`, (n,) labels: always for a factor of the memory, seldom for another word."""
        return bool(_read(self.tables, _as_labels(word, self.vocab)) >= 0)

    def label_mask(self) -> np.ndarray:
        """(vocab,) bool: the labels that some segment has, as `decision.sampling` takes it."""
        return np.asarray(self.tables.newest >= 0)

    def _grow(self, capacity: int) -> None:
        larger = _tables(self.vocab, capacity)
        for old, new in zip(self.tables, larger, strict=True):
            new[: len(old)] = old
        self.tables = larger


def warm_up(oracle: FactorOracle | None = None) -> None:
    """Compile the oracle before a performance begins: a second the first time, then from the cache."""
    (oracle or FactorOracle(3, (0, 1, 0, 1))).accepts((0, 1))
