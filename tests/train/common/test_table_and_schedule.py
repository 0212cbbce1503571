"""Tables, intervals and the learning rate."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from train.common.schedule import cosine
from train.common.table import difference_and_p, table, with_interval
from train.evaluate.metrics import compare, describe


def test_a_value_is_written_with_its_interval():
    songs, values = np.repeat(np.arange(5), 4), np.arange(20.0)
    described = describe(values, songs, np.random.default_rng(0))
    low, high = described["interval"]
    assert with_interval(described, 1) == f"9.5 [{low:.1f}, {high:.1f}]"
    alone = describe(values, np.zeros(20), np.random.default_rng(0))
    assert (with_interval(alone), with_interval(None)) == ("9.50", "–")
    text, p = difference_and_p(compare(values + 1, values, songs, np.random.default_rng(0)))
    assert text == "+1.00 [+1.00, +1.00]" and 0 < float(p) < 1
    assert difference_and_p(None) == ("–", "–")


def test_a_table_has_as_many_cells_in_every_row():
    assert table(["a", "b"], [["1", "2"]]) == ["| a | b |", "|---|---|", "| 1 | 2 |"]
    with pytest.raises(ValueError, match="1 cells in a table of 2"):
        table(["a", "b"], [["1"]])


@given(st.integers(0, 10**6), st.floats(0, 1), st.integers(0, 1000), st.floats(0, 0.5))
def test_the_rate_stays_between_nothing_and_its_highest(step, done, warmup, floor):
    assert (
        0 < cosine(step, done, warmup=warmup, floor=floor) <= 1 or done > 1 - 1e-7
    )  # where 1 + cos(pi done) is rounded to 0
    assert cosine(10**9, 1.0, warmup=warmup, floor=floor) == pytest.approx(floor, abs=1e-12)
    assert cosine(10**9, 0.0, warmup=warmup, floor=floor) == 1
