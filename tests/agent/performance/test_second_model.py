"""A second model to compare with: who decides is changed while playing, from the next hop on."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
import torch

from agent.control.command import CommandError
from agent.performance import loading
from agent.performance.controls import apply
from agent.performance.model_folder import ModelError
from agent.settings.config import ConfigError
from corpora.whole_files import atomic_write
from decision.model import Decision, DecisionError
from tests.agent.performance.test_session import run
from tests.conftest import melody

RATE = 48000


@pytest.fixture(scope="module")
def second(tiny, tmp_path_factory):
    """A folder with the encoder and alphabets of the tiny model, and other weights in its decision models."""
    folder = tmp_path_factory.mktemp("second") / "mine"
    shutil.copytree(tiny, folder)
    for kept in (folder / "decision").iterdir():
        decision = Decision.load(kept)
        torch.manual_seed(99)
        with torch.no_grad():
            for weights in decision.parameters():
                weights.add_(torch.randn_like(weights) * 0.1)
        for name, content in decision.files(dtype=torch.float32).items():
            atomic_write(kept / name, content)
    return folder


def plans(session, changes=(), seed=5):
    """The plans of a performance; changes: {hop: which model decides from there on}."""
    changes = dict(changes)

    def each(state, number):
        if number in changes:
            apply(session, state, "model", (changes[number],))

    return [event.plan for event in run(session, melody(12, RATE, 3), seed, each)[1]]


def test_the_model_chosen_decides_and_both_know_what_was_played(stage, second):
    session = stage.session(f"agent.second_model={second}", rate=RATE)
    alone, other = stage.session(rate=RATE), stage.session(f"agent.model={second}", rate=RATE)
    first, others = plans(alone), plans(other)
    assert plans(session) == first != others
    assert plans(session, {0: "second"}) == others
    changed = plans(session, {8: "second", 16: "first"})
    assert changed[:8] == first[:8] and changed != first
    assert plans(session, {8: "second", 16: "first"}) == changed


def test_what_both_know_after_a_change_is_the_whole_past(stage, second):
    session = stage.session(f"agent.second_model={second}", rate=RATE)
    _, events, state = run(session, melody(12, RATE, 3), 5, lambda state, n: n == 9 and apply(
        session, state, "model", ("second",)))  # fmt: skip
    for model, own in zip(session.decision.models, state.decision.states, strict=True):
        retold = model.start()
        model.commit(retold, session.silence)
        for event in events:
            model.hear(retold, event.heard)
            model.commit(retold, event.label)
        np.testing.assert_array_equal(model.logits(retold), model.logits(own))


def test_without_a_second_model_it_is_refused(stage, other, tmp_path):
    session = stage.session(rate=RATE)
    state = session.start()
    with pytest.raises(CommandError, match="there is no second model to compare with"):
        apply(session, state, "model", ("second",))
    assert state.config.decision.model == "first"
    for sets, error, said in (
        (["decision.model=second"], ConfigError, "there is no second model; name one"),
        ([f"agent.second_model={other}"], DecisionError, "speaks alphabet"),
        ([f"agent.second_model={tmp_path}"], ModelError, "."),
    ):
        with pytest.raises(error, match=said):
            loading.open_session(stage.settings(*sets), RATE)
