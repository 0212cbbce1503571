"""The folder of a run is none of its inputs, in every recipe and evaluation, under any name that leads there."""

import os
import shutil

import pytest

from corpora.outputs import refuse_run_folder
from corpora.whole_files import AudioError
from tests.conftest import tree

RECIPES = [("train", part) for part in ("encoder", "units", "decision", "coherence", "attributes")]
EVALUATIONS = [("evaluate", what) for what in ("regeneration", "coherence")]


def links(name: str) -> list[str]:
    """Names that lead to the same place."""
    os.symlink(name, "link")
    return [name, f"./{name}", f"nowhere/../{name}", os.path.abspath(name), "link", "link/."]


@pytest.mark.parametrize("words", RECIPES + EVALUATIONS, ids=" ".join)
def test_the_data_is_not_written_to(antiphon, tmp_path, words):
    (tmp_path / "songs").mkdir()
    (tmp_path / "songs" / "only.wav").write_text("precious")
    for out in links("songs"):
        before = tree(tmp_path)
        sentence = antiphon(*words, "songs", "-o", out).sentence
        assert f"-o '{out.removesuffix('/.').removeprefix('./')}' is the same as DATA 'songs'" in sentence
        assert tree(tmp_path) == before


@pytest.mark.parametrize("words", EVALUATIONS, ids=" ".join)
@pytest.mark.parametrize("where", ["", "/results"])
def test_the_model_is_not_written_to(antiphon, tmp_path, tiny, words, where):
    (tmp_path / "songs").mkdir()
    shutil.copytree(tiny, tmp_path / "mine")
    for name in links("mine"):
        before = tree(tmp_path)
        sentence = antiphon(*words, "songs", "--model", "mine", "-o", name + where).sentence
        assert "-o '" in sentence and "--model 'mine', which would be lost" in sentence
        assert tree(tmp_path) == before


@pytest.mark.parametrize("flag", ["--encoder", "--alphabets"])
def test_a_setting_that_names_a_folder_is_an_input(antiphon, tmp_path, tiny, flag):
    (tmp_path / "songs").mkdir()
    shutil.copytree(tiny / "encoder", tmp_path / "ear")
    before = tree(tmp_path)
    assert f"is the same as {flag} 'ear'" in antiphon("train", "units", "songs", flag, "ear", "-o", "ear").sentence
    assert tree(tmp_path) == before


def test_a_checkpoint_is_not_written_to(antiphon, tmp_path):
    (tmp_path / "best.ckpt").write_text("precious")
    sentence = antiphon("train", "coherence", "--import", "best.ckpt", "-o", "best.ckpt").sentence
    assert "-o 'best.ckpt' is the same as --import 'best.ckpt'" in sentence


def test_what_is_allowed(tmp_path):
    """A run beside its songs, or above them, loses nothing: files are added, none is replaced."""
    (tmp_path / "songs" / "tokens").mkdir(parents=True)
    for out in ("songs/run", ".", "run"):
        refuse_run_folder([("DATA", tmp_path / "songs")], "-o", tmp_path / out)
    (tmp_path / "songs" / "corpus.json").touch()
    with pytest.raises(AudioError, match="lies inside DATA"):
        refuse_run_folder([("DATA", tmp_path / "songs")], "-o", tmp_path / "songs" / "run")
