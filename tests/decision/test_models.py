"""Two models in step: each remembers what it would alone, whichever decides."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from decision.model import Decision, DecisionConfig, DecisionError
from decision.models import DecisionModels

CONFIG = DecisionConfig(units=16, hop=0.5, window=30, dim=16, layers=2, heads=2, ff=32, alphabet="a")


def model(seed: int, config: DecisionConfig = CONFIG) -> Decision:
    """A model with random weights."""
    torch.manual_seed(seed)
    return Decision(config).eval()


@settings(max_examples=15)
@given(st.lists(st.tuples(st.integers(0, 16), st.integers(0, 16), st.integers(0, 1)), min_size=1, max_size=40))
def test_each_model_is_what_it_would_be_alone(hops):
    first, second = model(1), model(2, replace(CONFIG, window=40, key_dim=12))
    both, alone = DecisionModels(first, second), (first, second)
    state, states = both.start(), [one.start() for one in alone]
    rng = np.random.default_rng(0)
    for heard, played, deciding in hops:
        state.deciding = deciding
        expected = alone[deciding].plan(states[deciding], lambda logits: int(logits.argmax()), 3)
        assert both.plan(state, lambda logits: int(logits.argmax()), 3) == expected
        np.testing.assert_array_equal(both.logits(state), alone[deciding].logits(states[deciding]))
        np.testing.assert_array_equal(both.query(state), alone[deciding].query(states[deciding]))
        features = rng.normal(size=12).astype(np.float32)
        both.commit(state, played)
        both.hear(state, heard, features)
        for one, own, known in zip(alone, states, (None, features), strict=True):
            one.commit(own, played)
            one.hear(own, heard, known)
        assert (state.heard, state.played) == (states[0].heard, states[0].played)
    assert both.config.window == 30 and both.config.key_dim == 12


@pytest.mark.parametrize(
    ("differs", "said"),
    [
        ({"alphabet": "b"}, "speaks alphabet b, not a"),
        ({"hop": 0.25, "window": 60}, "trained at a hop of 0.25 s, not 0.5 s"),
    ],
)
def test_models_that_do_not_belong_together_are_refused(differs, said):
    with pytest.raises(DecisionError, match=said):
        DecisionModels(model(1), model(2, replace(CONFIG, **differs)))


def test_models_that_hear_other_features_are_refused():
    with pytest.raises(DecisionError, match="hear 12 and 14 features of a hop"):
        DecisionModels(model(1, replace(CONFIG, key_dim=12)), model(2, replace(CONFIG, key_dim=12, extra_dim=2)))
