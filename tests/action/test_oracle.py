"""The laws of the factor oracle, against its definition."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from action.oracle import FactorOracle, _read, transition

VOCAB = 4  # three units and silence
labels_of = st.lists(st.integers(0, VOCAB - 1), min_size=1, max_size=40)
words = st.lists(st.integers(0, 2), min_size=1, max_size=30)
law = settings(max_examples=100)  # the first example compiles


def naive_oracle(labels):
    """Suffix links and all edges, by the construction of Allauzen et al. with a dictionary per state."""
    edges, suffix = [{} for _ in range(len(labels) + 1)], [-1] * (len(labels) + 1)
    for i, label in enumerate(labels):
        edges[i][label] = i + 1
        k = suffix[i]
        while k >= 0 and label not in edges[k]:
            edges[k][label] = i + 1
            k = suffix[k]
        suffix[i + 1] = 0 if k < 0 else edges[k][label]
    return edges, suffix


@law
@given(words)
def test_every_stretch_of_the_memory_is_read(labels):
    oracle = FactorOracle(VOCAB, labels)
    for i in range(len(labels)):
        for j in range(i, len(labels)):
            assert oracle.accepts(labels[i : j + 1])


@law
@given(words)
def test_oracle_equals_its_definition(labels):
    oracle = FactorOracle(VOCAB, labels)
    edges, suffix = naive_oracle(labels)
    assert oracle.suffix_links.tolist() == suffix
    for k in range(len(labels) + 1):
        for label in range(VOCAB):
            assert transition(oracle.tables, k, np.int32(label)) == edges[k].get(label, -1)
    assert sum(len(e) for e in edges) <= 2 * len(labels) - 1


@law
@given(words)
def test_suffix_link_is_where_the_longest_repeated_suffix_is_read(labels):
    oracle = FactorOracle(VOCAB, labels)
    for i in range(1, len(labels) + 1):
        repeated = max(m for m in range(i) if any(labels[j - m : j] == labels[i - m : i] for j in range(m, i)))
        assert oracle.suffix_links[i] == _read(oracle.tables, np.array(labels[i - repeated : i], np.int32))


def test_a_word_whose_pairs_do_not_occur_is_not_read():
    oracle = FactorOracle(VOCAB, [0, 1, 0, 1])
    assert not oracle.accepts([1, 1]) and not oracle.accepts([2])


@law
@given(words, st.integers(1, 5))
def test_growing_label_by_label_equals_building_at_once(labels, capacity):
    whole, grown = FactorOracle(VOCAB, labels), FactorOracle(VOCAB, capacity=capacity)
    assert [grown.append(label) for label in labels] == list(range(len(labels)))
    assert grown.labels.tolist() == whole.labels.tolist() == labels
    assert grown.suffix_links.tolist() == whole.suffix_links.tolist()
    assert grown.label_mask().tolist() == [label in labels for label in range(VOCAB)]


@law
@given(labels_of, labels_of, st.integers(0, 40))
def test_a_truncated_memory_is_as_if_it_had_never_grown(labels, more, left):
    left = min(left, len(labels))
    oracle, plain = FactorOracle(VOCAB, labels), FactorOracle(VOCAB, labels[:left])
    oracle.truncate(left)
    oracle.extend(more)
    plain.extend(more)
    assert (
        oracle.labels.tolist() == plain.labels.tolist() and oracle.suffix_links.tolist() == plain.suffix_links.tolist()
    )
    for one, other in zip(oracle.tables, plain.tables, strict=True):
        rows = {len(oracle.tables.labels): len(plain), len(oracle.tables.suffix_link): len(plain) + 1}.get(
            len(one), len(one)
        )
        if one is oracle.tables.edge_target or one is oracle.tables.next_edge:
            rows = int(plain.tables.size[1])
        if one.ndim == 1:
            assert one[:rows].tolist() == other[:rows].tolist()
    with pytest.raises(ValueError, match="truncate to"):
        oracle.truncate(len(oracle) + 1)
