"""The laws of sampling: only what is allowed, the whole nucleus, the right proportions."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.stats import chisquare

from decision.sampling import CONSTRAINTS, apply_repetition_penalty, invert_cdf, nucleus, sample, softmax

FINITE = st.floats(-1e4, 1e4, width=32)


def nucleus_of(p, top_p=1.0, top_k=0):
    """Labels of the nucleus of one row, likeliest first."""
    order, kept = nucleus(p[None], top_p, top_k)
    return order[kept]


@st.composite
def questions(draw_):
    """Logits, allowed with at least one True, and settings."""
    vocab = draw_(st.integers(1, 70))
    logits = draw_(hnp.arrays(np.float32, vocab, elements=FINITE))
    allowed = draw_(hnp.arrays(bool, vocab))
    allowed[draw_(st.integers(0, vocab - 1))] = True
    how = {
        "temperature": draw_(st.floats(1e-3, 100)),
        "top_p": draw_(st.floats(0, 1)),
        "top_k": draw_(st.integers(0, 80)),
        "repetition_penalty": draw_(st.floats(0.1, 10)),
        "recent": draw_(st.lists(st.integers(0, vocab - 1), max_size=20)),
    }
    return logits, allowed, np.random.default_rng(draw_(st.integers(0, 99))), how


@settings(max_examples=300)
@given(questions())
def test_require_draws_only_what_is_allowed(question):
    logits, allowed, rng, how = question
    assert allowed[sample(logits, allowed, rng, constraint="require", **how)]


@settings(max_examples=200)
@given(questions())
def test_prefer_is_allowed_inside_the_nucleus_else_the_nucleus(question):
    logits, allowed, rng, how = question
    scores = apply_repetition_penalty(logits, how["recent"], how["repetition_penalty"])
    kept = nucleus_of(softmax(scores[None], how["temperature"])[0], how["top_p"], how["top_k"])
    label = sample(logits, allowed, rng, constraint="prefer", **how)
    assert label in kept
    assert allowed[label] or not allowed[kept].any()


@settings(max_examples=200)
@given(questions(), st.sampled_from(CONSTRAINTS))
def test_same_rng_same_label_and_one_number_drawn(question, constraint):
    logits, allowed, _, how = question
    one, other, third = (np.random.default_rng(5) for _ in range(3))
    before = logits.copy()
    assert sample(logits, allowed, one, constraint=constraint, **how) == sample(
        logits, allowed, other, constraint=constraint, **how
    )
    third.random()
    assert one.random() == third.random()
    assert (logits == before).all()


@settings(max_examples=300)
@given(hnp.arrays(np.float64, st.integers(1, 60), elements=st.floats(0.001, 1)), st.floats(0, 1))
def test_nucleus_is_the_smallest_set_that_reaches_top_p(p, top_p):
    p /= p.sum()
    kept = nucleus_of(p, top_p)
    assert len(kept) >= 1 and (np.diff(p[kept]) <= 0).all()
    assert p[kept].sum() >= min(top_p, 1) - 1e-9
    assert p[kept][:-1].sum() < top_p or len(kept) == 1
    assert p[kept].min() >= np.delete(p, kept).max(initial=0)


@pytest.mark.parametrize(
    ("top_p", "top_k", "expected"),
    [
        (0, 0, [1]),
        (0.5, 0, [1]),
        (0.51, 0, [1, 0]),
        (0.79, 0, [1, 0]),
        (0.8, 0, [1, 0]),
        (0.9, 0, [1, 0, 2]),
        (1, 0, [1, 0, 2, 3]),
        (1, 2, [1, 0]),
        (0.9, 1, [1]),
        (0, 3, [1]),
    ],
)
def test_the_label_that_crosses_top_p_is_kept(top_p, top_k, expected):
    assert nucleus_of(np.array([0.3, 0.5, 0.1, 0.1]), top_p, top_k).tolist() == expected


def test_floats_do_not_widen_the_nucleus():
    assert nucleus_of(np.array([0.7, 0.2, 0.1]), 0.9).tolist() == [0, 1]  # 0.7 + 0.2 = 0.8999999999999999


def test_top_p_1_may_draw_any_label_of_any_probability():
    rng = np.random.default_rng(0)
    logits, allowed = np.array([0.0, -3.0, -6.0], np.float32), np.ones(3, bool)
    drawn = {sample(logits, allowed, rng, top_p=1.0) for _ in range(5000)}
    assert drawn == {0, 1, 2}


@pytest.mark.parametrize("constraint", CONSTRAINTS)
@pytest.mark.parametrize("top_p", [1.0, 0.8])
def test_labels_come_in_the_right_proportions(constraint, top_p):
    """Chi-square against the distribution worked out by hand, temperature 2."""
    logits, rng = np.log(np.array([0.4, 0.25, 0.2, 0.1, 0.05])) * 2, np.random.default_rng(7)
    allowed = np.array([False, True, True, False, True])
    p = np.array([0.4, 0.25, 0.2, 0.1, 0.05])
    labels = {1.0: [0, 1, 2, 3, 4], 0.8: [0, 1, 2]}[top_p]
    kept = {"none": labels, "prefer": [i for i in labels if allowed[i]], "require": [1, 2, 4]}[constraint]
    if constraint == "require" and top_p == 0.8:
        kept = [1, 2]  # 0.25 + 0.2 of 0.5 is 0.9
    draws = [sample(logits, allowed, rng, temperature=2.0, top_p=top_p, constraint=constraint) for _ in range(4000)]
    counts = np.bincount(draws, minlength=5)
    assert counts.sum() == counts[kept].sum()
    assert chisquare(counts[kept], p[kept] / p[kept].sum() * 4000).pvalue > 1e-3


def test_the_paper_case_where_no_allowed_label_is_likely():
    """Allowed labels outside the nucleus: `prefer` lets them go, `require` never."""
    p, allowed = np.array([0.5, 0.3, 0.1, 0.06, 0.04]), np.array([False, False, False, True, True])
    rng = np.random.default_rng(0)
    assert {sample(np.log(p), allowed, rng, top_p=0.8, constraint="prefer") for _ in range(500)} == {0, 1}
    assert {sample(np.log(p), allowed, rng, top_p=0.8, constraint="require") for _ in range(500)} == {3, 4}


def test_penalty_makes_recent_labels_less_likely_whatever_their_sign():
    scores = apply_repetition_penalty(np.array([2.0, -2.0, 0.0, 1.0]), [0, 1, 1, 2], 2.0)
    assert scores.tolist() == [1.0, -4.0, 0.0, 1.0]


def test_draw_reaches_the_last_label_and_no_further():
    p = np.array([[0.1] * 10 + [0.0]] * 2)
    assert invert_cdf(p, np.array([np.nextafter(1.0, 0.0), 0.0])).tolist() == [9, 0]


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"temperature": 0.0}, "temperature = 0.0: expected more than 0"),
        ({"temperature": float("nan")}, "temperature = nan"),
        ({"top_p": 1.1}, "top_p = 1.1: expected 0 to 1"),
        ({"top_k": -1}, "top_k = -1"),
        ({"repetition_penalty": 0}, "repetition_penalty = 0"),
        ({"constraint": "maybe"}, "expected one of none, prefer, require"),
        ({"repetition_penalty": 2.0, "recent": [9]}, "recent labels 9 to 9"),
    ],
)
def test_refuses_what_makes_no_sense(wrong, says):
    with pytest.raises(ValueError, match=says):
        sample(np.zeros(3, np.float32), np.ones(3, bool), np.random.default_rng(0), **wrong)


def test_refuses_when_nothing_is_left():
    rng, none = np.random.default_rng(0), np.zeros(3, bool)
    with pytest.raises(ValueError, match="the memory holds no label"):
        sample(np.zeros(3, np.float32), none, rng)
    with pytest.raises(ValueError, match="nothing to choose from"):
        sample(np.full(3, -np.inf, np.float32), ~none, rng)
    with pytest.raises(ValueError, match="not numbers"):
        sample(np.array([0, np.nan, 0], np.float32), ~none, rng)
    assert sample(np.zeros(3, np.float32), none, rng, constraint="prefer") in range(3)
