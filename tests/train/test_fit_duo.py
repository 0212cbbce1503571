"""A duo of one's own: what is learned, what is judged, and the model folder that comes of it."""

import json
import shutil

import numpy as np
import pytest
import soundfile as sf
import torch

from agent.performance.model import Model
from agent.performance.model_folder import find
from corpora.whole_files import write_files
from decision.model import Decision, DecisionConfig
from perception.units import Alphabet
from tests.conftest import melody, tree
from train import fit_duo
from train.common.errors import TrainError
from train.data import token_pairs

RATE = 16000


@pytest.fixture
def takes(tmp_path):
    """Two minutes in which B plays what A played, a while later."""
    a = melody(120, RATE, 1)
    paths = tmp_path / "sax.wav", tmp_path / "piano.wav"
    for path, audio in zip(paths, (a, np.roll(a, RATE)), strict=True):
        sf.write(path, audio, RATE)
    return paths


def test_a_duo_becomes_a_model_that_plays(antiphon, tiny, takes, tmp_path):
    out = tmp_path / "mine"
    done = antiphon("train", "duo", *takes, "--model", tiny, "-o", out, "--minutes", 0.05)
    assert done.code == 0
    assert "labels hit" in done.out
    result = json.loads((out / "duo.json").read_text())
    assert set(result["tpp"]) == {"tuned", "base", "p(b|a)", "copy of A"}
    assert all(0 <= value <= 100 for value in result["tpp"].values())
    assert result["windows"] >= 2
    model, base = Model.load(str(out), 0.5), Model.load(str(tiny), 0.5)
    assert model.alphabet.hash == base.alphabet.hash
    answered = antiphon("respond", takes[0], "--memory", takes[1], "--model", out, "-o", tmp_path / "answer.wav")
    assert answered.code == 0
    assert sf.info(tmp_path / "answer.wav").duration == pytest.approx(120, abs=0.01)


def test_every_part_of_the_base_is_kept(tmp_path):
    base = find("small")
    fit_duo._assemble(base, base / "decision" / "k64_h0.50", tmp_path / "mine", 64, 0.5, {"base": "small"})
    assert {path.name for path in (tmp_path / "mine").iterdir()} == {path.name for path in base.iterdir()} | {
        "duo.json"
    }


def test_a_is_heard_and_b_is_played_never_the_other_way(tiny, takes, tmp_path):
    fit_duo.pairs.take(list(takes), tmp_path / "stems", leave_out=(), jobs=1, shares=fit_duo.SHARES)
    path = fit_duo._tokens(tmp_path, tiny, 64, 0.5, ["sax", "piano"])
    cache = token_pairs.load(path)
    for split in fit_duo.SHARES:
        for song in cache.split(split):
            assert token_pairs.stem_pairs(song) == [("mix-A", "B")]
    song = cache.split("train")[0]
    assert len(song["B"]) == pytest.approx(0.85 * 240, abs=2)
    shifted = (song["mix-A"][:-2] == song["B"][2:]).mean()
    assert shifted > (song["mix-A"] == song["B"]).mean(), "B is A, a second later"


def test_a_part_that_is_written_by_its_family_is_still_a_or_b(takes, tmp_path):
    """A take called "my drums" becomes drums.flac, the name that other recipes leave out."""
    drums = takes[1].rename(tmp_path / "my drums.wav")
    assert fit_duo._names([takes[0], drums]) == ["sax", "drums"]
    fit_duo.pairs.take([takes[0], drums], tmp_path / "stems", leave_out=(), jobs=1, shares=fit_duo.SHARES)
    assert {path.stem for path in (tmp_path / "stems" / "train").rglob("*.flac")} == {"sax", "drums"}


def test_a_blend_lies_between_the_base_and_what_was_learned():
    about = DecisionConfig(units=64, hop=0.5, window=30, dim=32, layers=1, heads=2, ff=64)
    old, new = Decision(about).state_dict(), Decision(about).state_dict()

    def blended(share):
        base, learned = Decision(about), Decision(about)
        base.load_state_dict(old)
        learned.load_state_dict(new)
        return fit_duo.blend(base, learned, share).state_dict()

    for name, between in blended(0.25).items():
        assert torch.equal(blended(0.0)[name], old[name]) and torch.equal(blended(1.0)[name], new[name])
        torch.testing.assert_close(between, 0.75 * old[name] + 0.25 * new[name])


@pytest.mark.slow
def test_a_blend_of_nothing_plays_as_the_base(tiny, takes, tmp_path):
    result = fit_duo.fit(list(takes), tiny, tmp_path / "mine", fit_duo.DuoTraining(steps=2, blend=0.0))
    assert result["steps"] == 2
    assert result["tpp"]["tuned"] == result["tpp"]["base"]
    name = "decision/k64_h0.50"
    base, mine = (Decision.load(folder / name).state_dict() for folder in (tiny, tmp_path / "mine"))
    assert all(torch.equal(base[key], mine[key]) for key in base)


def test_b_may_rest_anywhere_but_where_it_is_judged(tiny, takes, tmp_path):
    audio, _ = sf.read(takes[1])
    audio[80 * RATE : 100 * RATE] = 0  # from 67 to 83 %
    sf.write(takes[1], audio, RATE)
    assert fit_duo.fit(list(takes), tiny, tmp_path / "mine", fit_duo.DuoTraining(steps=1))["windows"] > 0


@pytest.mark.slow
def test_only_the_newest_layers_learn_where_asked(tiny, takes, tmp_path):
    settings = fit_duo.DuoTraining(minutes=0.03, layers=1)
    assert fit_duo._decision_settings(settings, tiny).layers == 1  # what they do: tests/train/test_fit_decision.py
    fit_duo.fit(list(takes), tiny, tmp_path / "mine", settings)
    name = "decision/k64_h0.50"
    before, after = (Decision.load(folder / name).state_dict() for folder in (tiny, tmp_path / "mine"))
    last = max(int(key.split(".")[1]) for key in before if key.startswith("blocks."))
    moved = {key for key in before if not np.array_equal(before[key], after[key])}
    assert all(key.startswith((f"blocks.{last}.", "norm.", "head.")) for key in moved)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--hop", "0.4"], "hop = 0.4 s"),
        (["--model", "nowhere"], "no model 'nowhere'"),
        (["--blend", "1.5"], "blend = 1.5"),
    ],
)
def test_what_cannot_be_tuned_is_a_sentence(antiphon, tiny, takes, tmp_path, words, says):
    words = words if "--model" in words else [*words, "--model", tiny]
    done = antiphon("train", "duo", *takes, "-o", tmp_path / "mine", *words)
    assert done.code == 2
    assert says in done.err
    assert not (tmp_path / "mine").exists()


def test_a_take_that_is_too_short_is_a_sentence_and_leaves_nothing(antiphon, tiny, tmp_path):
    for name in "ab":
        sf.write(tmp_path / f"{name}.wav", melody(20, RATE, 1), RATE)
    before = tree(tmp_path)
    done = antiphon("train", "duo", "a.wav", "b.wav", "--model", tiny, "-o", "mine", "--minutes", 0.02)
    assert done.code == 2
    assert "Traceback" not in done.err
    assert tree(tmp_path) == before


def test_a_duo_is_two(tiny, takes, tmp_path):
    with pytest.raises(TrainError, match="two takes"):
        fit_duo.fit([takes[0]], tiny, tmp_path / "mine", fit_duo.DuoTraining())


def test_a_model_that_hears_features_goes_on_hearing_them(tiny, takes, tmp_path):
    """The cache of a duo has the features of both parts, and they are those that an evaluation makes."""
    alphabet = Alphabet.load(tiny / "units" / "k64_h0.50.safetensors")
    base = tmp_path / "base"
    shutil.copytree(tiny, base)
    about = DecisionConfig(
        units=64, hop=0.5, window=30, alphabet=alphabet.hash, dim=32, layers=1, heads=2, ff=64,
        key_dim=alphabet.projection.shape[1], extra_dim=3,
    )  # fmt: skip
    model = Decision(about)
    model.set_centroids(alphabet.centroids)
    write_files(base / "decision" / "k64_h0.50", model.files())
    result = fit_duo.fit(list(takes), base, tmp_path / "mine", fit_duo.DuoTraining(minutes=0.02))
    assert result["windows"] > 0 and Decision.load(tmp_path / "mine/decision/k64_h0.50").config.key_dim == about.key_dim
