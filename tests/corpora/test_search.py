"""The nearest labels of a memory, against the definition."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from corpora.search import nearest_labels


@settings(max_examples=30)
@given(st.integers(1, 8), st.integers(1, 60), st.integers(0, 2**32 - 1))
def test_every_row_lists_every_label_once_itself_first_and_silence_last(units, count, seed):
    rng = np.random.default_rng(seed)
    segments, centroids = rng.standard_normal((count, 5)), rng.standard_normal((units, 5))
    rows = nearest_labels(segments, rng.integers(0, units + 1, count), centroids)
    assert rows.shape == (units + 1, units + 1) and rows.dtype == np.int32
    assert (np.sort(rows, axis=1) == np.arange(units + 1)).all()
    assert (rows[:, 0] == np.arange(units + 1)).all()
    assert (rows[:units, -1] == units).all()


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1))
def test_labels_the_memory_holds_come_by_their_closest_segment(seed):
    rng = np.random.default_rng(seed)
    units = 6
    segments, centroids = rng.standard_normal((40, 4)), rng.standard_normal((units, 4))
    labels = np.r_[np.arange(units), rng.integers(0, units + 1, 34)]
    rows = nearest_labels(segments, labels, centroids)
    for unit in range(units):
        closest = [np.min(np.sum((segments[labels == b] - centroids[unit]) ** 2, 1)) for b in range(units)]
        expected = [unit, *(b for b in np.argsort(closest) if b != unit)]
        assert rows[unit, :units].tolist() == expected


def test_a_silent_memory_still_has_an_order():
    rows = nearest_labels(np.zeros((3, 2)), np.array([4, 4, 4]), np.eye(4, 2))
    assert (np.sort(rows, axis=1) == np.arange(5)).all()
