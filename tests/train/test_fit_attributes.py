"""Teaching a decision to be asked: what can be told from the tokens is learned, the decision stays, runs resume."""

import dataclasses
import json

import numpy as np
import pytest
import soundfile as sf
import torch
from safetensors.torch import load_file

from corpora.whole_files import write_files
from decision.attributes import AttributeTokens
from decision.model import Decision, DecisionConfig
from tests.perception.test_traits import strokes
from train import fit_attributes
from train.common.errors import TrainError
from train.data import measures, token_pairs
from train.fit_attributes import AttributesTraining

UNITS, RATE, SECONDS = 8, 16000, 40
TINY = AttributesTraining(steps=150, batch=8, evaluate=50, crops=24, report=8, warmup=5, rate=0.05, own_share=0.2)
KINDS = {"sparse": (1.0, 40, 0.4), "middle": (0.5, 57, 0.2), "dense": (0.125, 74, 0.1)}


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """(token cache, stems, decision): what B plays depends on nothing but how densely: labels 0-3 sparse, 4-7 dense."""
    root = tmp_path_factory.mktemp("attributes")
    rng, labels = np.random.default_rng(0), {}
    for number in range(12):
        split = "validation" if number % 4 == 3 else "train"
        song = root / "songs" / split / f"{number}"
        song.mkdir(parents=True)
        kind = list(KINDS)[number % 3]
        sound = strokes(SECONDS, *KINDS[kind], RATE)
        sf.write(song / "bass.wav", sound, RATE)
        (song / "song.json").write_text(json.dumps({"beats": [[beat / 2, 1] for beat in range(2 * SECONDS)]}))
        low, high = {"sparse": (0, 4), "middle": (0, 8), "dense": (4, 8)}[kind]
        key = f"{split}/songs-{number}"
        labels[f"{key}/bass"] = rng.integers(low, high, SECONDS)
        labels[f"{key}/mix-a+b"] = rng.integers(0, UNITS, SECONDS)
    token_pairs.save(root / "tokens", labels, UNITS, 1.0, "k8-test")
    torch.manual_seed(1)
    config = DecisionConfig(units=UNITS, hop=1.0, window=15, dim=32, layers=2, heads=2, ff=64, alphabet="k8-test")
    decision = Decision(config)
    with torch.no_grad():
        for weights in decision.parameters():
            weights.add_(0.15 * torch.randn_like(weights))
    write_files(root / "decision", decision.files())
    return root / "tokens", root / "songs", root / "decision"


def fit(world, out, settings=TINY, resume=False):
    tokens, stems, decision = world
    settings = settings and dataclasses.replace(settings, start=str(decision))
    return fit_attributes.fit([tokens, stems], out, resume, settings)


def test_what_is_asked_is_learned_and_the_decision_stays(world, tmp_path):
    before = (world[2] / "decision.safetensors").read_bytes()
    card = fit(world, tmp_path / "run")
    scores = card["scores"]
    assert scores["true_ce"] < scores["none_ce"] - 0.2 < scores["opposite_ce"] - 0.2
    assert scores["density_true_ce"] < scores["density_none_ce"] - 0.2
    asked = scores["asked"]["density"]
    assert asked["1"]["high"]["labels"] > asked["1"]["none"]["labels"] > asked["1"]["low"]["labels"]
    assert asked["1"]["none"] == asked["4"]["none"] and asked["4"]["higher"]["labels"][0] > 0
    assert (world[2] / "decision.safetensors").read_bytes() == before
    tokens = AttributeTokens.load(tmp_path / "run", world[2])
    assert tokens.card == json.loads(json.dumps(card))
    assert tokens.config.bounds["bass"]["density"][0] < tokens.config.bounds["bass"]["density"][1]
    write_files(world[2], {f"attributes.{end}": (tmp_path / "run" / f"attributes.{end}").read_bytes()
                           for end in ("json", "safetensors")})  # fmt: skip
    assert AttributeTokens.load(world[2]) is not None


def test_an_interrupted_run_ends_where_an_uninterrupted_one_does(world, tmp_path, monkeypatch):
    settings = dataclasses.replace(TINY, steps=8, evaluate=4, save=0.0)
    whole = fit(world, tmp_path / "whole", settings)
    update = fit_attributes._Trainer._update

    def interrupted(trainer):
        if trainer.run.step == 5:
            raise KeyboardInterrupt
        return update(trainer)

    with monkeypatch.context() as m, pytest.raises(KeyboardInterrupt):
        m.setattr(fit_attributes._Trainer, "_update", interrupted)
        fit(world, tmp_path / "cut", settings)
    torch.manual_seed(12345)
    resumed = fit(world, tmp_path / "cut", None, resume=True)
    one, other = (load_file(tmp_path / name / "attributes.safetensors") for name in ("whole", "cut"))
    assert torch.equal(one["keys_values"], other["keys_values"])
    assert whole["scores"] == resumed["scores"]
    monkeypatch.delattr(fit_attributes._Trainer, "report")  # what is done is not done again
    assert fit(world, tmp_path / "cut", None, resume=True)["scores"] == resumed["scores"]


def test_what_does_not_fit_is_told(world, tmp_path):
    tokens, stems, decision = world
    with pytest.raises(TrainError, match="no decision model: name the folder of one with --start"):
        fit_attributes.fit([tokens, stems], tmp_path / "a", False, TINY)
    settings = dataclasses.replace(TINY, start=str(decision))
    with pytest.raises(TrainError, match="give a token cache, and the folders of the stems"):
        fit_attributes.fit([tokens], tmp_path / "a", False, settings)
    (tmp_path / "songs" / "train").mkdir(parents=True)
    with pytest.raises(TrainError, match="there are no stems of 'train/songs-0'"):
        fit_attributes.fit([tokens, tmp_path / "songs"], tmp_path / "a", False, settings)
    with pytest.raises(TrainError, match="are shares: expected 0 to 1"):
        AttributesTraining(unsaid=2.0)


# --- what stems are like


def test_measures_are_those_of_the_sound(world, tmp_path):
    stems = measures.of_stems(token_pairs.load(world[0]), [world[1]], tmp_path / "measures")
    sparse, middle, dense = (stems[f"train/songs-{n}/bass"] for n in (0, 1, 2))
    assert {stem.role for stem in stems.values()} == {"bass"}
    everywhere = np.ones(SECONDS, bool)
    seen = [measures.like(stem.rows, everywhere) for stem in (sparse, middle, dense)]
    assert seen[0]["density"] < seen[1]["density"] < seen[2]["density"]
    assert seen[0]["register"] < seen[1]["register"] < seen[2]["register"]
    assert seen[0]["dynamics"] > seen[1]["dynamics"] > seen[2]["dynamics"]
    assert seen[0]["place"] == pytest.approx(-1, abs=0.1), "strokes on the beat"
    assert seen[2]["place"] == pytest.approx(0, abs=0.2), "quarters of a beat"
    assert measures.like(sparse.rows, ~everywhere) == {}
    again = measures.of_stems(token_pairs.load(world[0]), [world[1]], tmp_path / "measures")
    assert all(np.array_equal(stem.rows, again[key].rows) for key, stem in stems.items())


def test_low_and_high_are_the_outer_thirds_of_a_role():
    windows = [("bass", {"density": float(n)}) for n in range(300)] + [("pad", {"density": 1000.0})] * 20
    bounds = measures.bounds_of(windows)
    assert set(bounds) == {"", "bass"}, "too few of a pad"
    assert bounds["bass"]["density"] == pytest.approx((99.7, 199.3), abs=0.1)
    levels = [measures.level_of(bounds, "bass", {"density": value}) for value in (50, 150, 250)]
    assert levels == [{"density": -1}, {}, {"density": 1}]
    assert measures.level_of(bounds, "pad", {"density": 1000.0, "register": 3.0}) == {"density": 1}
