"""A model that is named is the one that is evaluated, however the flag is written and wherever it is."""

import json
import shutil

import numpy as np
import pytest

from train.data import token_pairs


@pytest.fixture
def mine(tiny, tmp_path):
    """A model folder of one's own, and a token cache in its alphabet."""
    shutil.copytree(tiny, tmp_path / "mine")
    config = json.loads((tiny / "decision" / "k64_h0.50" / "decision.json").read_text())["config"]
    rng = np.random.default_rng(0)
    stems = {f"test/{song}/{part}": rng.integers(64, size=90) for song in range(2) for part in "ab"}
    token_pairs.save(tmp_path / "tokens", stems, 64, 0.5, config["alphabet"])
    return tmp_path / "mine"


@pytest.mark.parametrize("words", [("--model=mine",), ("--model", "./mine/")])
def test_the_model_named_is_evaluated(antiphon, mine, words):
    assert antiphon("evaluate", "regeneration", "tokens", *words, "-o", "out", "--pairs", "2").code == 0
    assert json.loads((mine.parent / "out" / "regeneration.json").read_text())["model"] == "mine"


def test_this_folder_is_this_folder(antiphon, mine, monkeypatch):
    monkeypatch.chdir(mine)
    words = ("evaluate", "regeneration", mine.parent / "tokens", "--model", ".")
    result = antiphon(*words, "-o", "../out", "--pairs", "2")
    assert result.code == 0, result.err
    empty = mine.parent / "empty"
    empty.mkdir()
    monkeypatch.chdir(empty)
    result = antiphon(*words, "-o", "out")
    assert "no decision model for k64_h0.50 in '.'" in result.sentence


def test_the_embedded_model_has_another_alphabet(antiphon, mine):
    assert "speaks alphabet" in antiphon("evaluate", "regeneration", "tokens", "-o", "out").sentence
