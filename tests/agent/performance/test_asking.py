"""The decision is asked for what is to be added: live as from a file, and from its hop on."""

import shutil

import numpy as np
import pytest
import torch

from agent.performance.controls import apply
from agent.performance.hops import live_hops
from corpora.whole_files import write_files
from decision.attributes import AttributesConfig, AttributeTokens, weights_of
from decision.model import Decision
from tests.agent.performance.test_controls import HOPS, run
from tests.conftest import samples
from tests.test_streaming import cut

ADD = "a sparse, loud part off the beat"


@pytest.fixture(scope="module")
def asking(tiny, tmp_path_factory):
    """The tiny model, with random tokens beside its decision models."""
    folder = tmp_path_factory.mktemp("asking") / "mine"
    shutil.copytree(tiny, folder)
    for kept in (folder / "decision").iterdir():
        c = Decision.load(kept).config
        torch.manual_seed(9)
        tokens = AttributeTokens(AttributesConfig(weights_of(kept), c.vocab, c.layers, c.heads, c.dim // c.heads))
        with torch.no_grad():
            tokens.keys_values.copy_(3 * torch.randn_like(tokens.keys_values))
        write_files(kept, tokens.files())
    return folder


@pytest.fixture(scope="module")
def sessions(stage, asking):
    """`sessions(*settings)` on the model that can be asked, whose costs do not obey."""

    def session(*sets):
        fixed = ("action.obey=0", "decision.guidance=1", "decision.rests=never")
        return stage.session(f"agent.model={asking}", *fixed, *sets, hop=0.25)

    return session


def plans(events):
    return [event.plan for event in events]


def test_nothing_asked_is_the_model_without_tokens(stage, sessions):
    plain, events, _ = run(stage.session("decision.rests=never", hop=0.25))
    for sets, controls in (((), {}), (("decision.guidance=0", f"action.add={ADD}", "action.obey=0"), {})):
        spoken, same, _ = run(sessions(*sets), controls)
        assert np.array_equal(plain, spoken) and plans(events) == plans(same)


def test_what_is_asked_counts_from_its_hop_until_it_is_cleared(sessions):
    session = sessions()
    free, asked = run(session)[1], run(session, {12: [("add", ADD)]})[1]
    assert plans(asked)[:12] == plans(free)[:12] and plans(asked)[12] != plans(free)[12]
    more = run(session, {12: [("add", ADD), ("guidance", 4.0)]})[1]
    assert plans(more)[12] != plans(asked)[12]
    state = session.start()
    before = session.decision.logits(state.decision)
    for name, value in (("add", ADD), ("guidance", 3.0), ("add", "dense"), ("add", "")):
        apply(session, state, name, (value,))
    assert np.array_equal(session.decision.logits(state.decision), before)


def test_a_model_that_cannot_be_asked_says_so(stage, sessions):
    plain, asked = stage.session(hop=0.25), sessions()
    sentence = "guidance: this model cannot be asked: see  antiphon check --model"
    assert apply(plain, plain.start(), "guidance", (2.0,)) == sentence
    assert apply(plain, plain.start(), "guidance", (0.0,)) == apply(asked, asked.start(), "guidance", (2.0,)) == ""


def test_words_that_are_said_ask_too(sessions):
    session = sessions()
    said = run(session, {0: [("say", "sparse low piano")]}, HOPS[:16])[1]
    added = run(session, {0: [("add", "sparse low chords")]}, HOPS[:16])[1]
    assert plans(said)[0] == plans(added)[0] != plans(run(session, {}, HOPS[:16])[1])[0]
    silent = run(session, {0: [("words", 0.0), ("say", "sparse low piano")]}, HOPS[:16])[1]
    assert plans(silent) == plans(run(session, {0: [("words", 0.0)]}, HOPS[:16])[1])


@pytest.mark.parametrize("sets", [(f"action.add={ADD}",), (f"action.add={ADD}", "decision.guidance=3")])
def test_live_equals_file_whatever_the_block(sessions, sets):
    audio = np.concatenate(HOPS[:24])
    spoken = [np.concatenate([heard for _, heard, _ in live_hops(session, session.start(), blocks)])
              for session in (sessions(*sets), sessions(*sets))
              for blocks in ([audio], cut(audio, [64]), cut(audio, [30000, 1, 999]))]  # fmt: skip
    assert all(each.tobytes() == spoken[0].tobytes() for each in spoken)


def test_live_equals_file_where_what_is_asked_changes(sessions):
    controls = {4: [("add", ADD)], 10: [("guidance", 2.0)], 18: [("add", "low")], 25: [("play",)], 30: [("add", "")],
                40: [("add", "dense")]}  # fmt: skip
    one, events, _ = run(sessions(), controls)
    again, same, _ = run(sessions(), controls)
    assert np.array_equal(one, again) and events == same
    free = run(sessions(), {25: [("play",)]})[1]
    assert plans(events) != plans(free) and plans(events)[:4] == plans(free)[:4]


def test_a_new_performance_is_asked_what_is_in_force(sessions):
    session = sessions()
    state = session.start()
    apply(session, state, "add", (ADD,))
    asked = session.decision.logits(state.decision)
    apply(session, state, "play", ())
    assert state.decision.states[0].tokens.shape[3] == 3
    assert np.array_equal(session.decision.logits(state.decision), asked)


def test_tokens_that_do_not_belong_are_a_sentence(antiphon, asking, guide, memory, tmp_path):
    shutil.copytree(asking, tmp_path / "mine")
    (tmp_path / "mine" / "decision" / "k64_h0.50" / "attributes.safetensors").write_bytes(b"damaged")
    said = antiphon("respond", guide, "--memory", memory, "--model", tmp_path / "mine", "-o", tmp_path / "out.wav")
    assert said.code == 2 and "attributes.json and attributes.safetensors do not belong together" in said.sentence


def test_what_was_asked_for_is_replayed_bit_for_bit(antiphon, asking, guide, memory, tmp_path):
    use = ("--model", asking, "--memory", memory, "--set", "decision.guidance=4", "--set", "action.obey=0")
    live = ("play", "--input", guide, "--speed", "0", "--osc", "0", *use, "--add", ADD)
    assert antiphon(*live, "--output", "a.wav", "--log", "a.jsonl").code == 0
    assert antiphon("replay", "a.jsonl", "-o", "again.wav").code == 0
    assert np.array_equal(samples(tmp_path / "a.wav"), samples(tmp_path / "again.wav"))
    assert antiphon("respond", guide, "-o", "file.wav", *use, "--add", ADD).code == 0
    assert (tmp_path / "file.wav").read_bytes() == (tmp_path / "a.wav").read_bytes(), "live = file"
    assert antiphon("respond", guide, "-o", "other.wav", *use).code == 0
    assert (tmp_path / "other.wav").read_bytes() != (tmp_path / "a.wav").read_bytes()
