"""A model's name means the same folder in every verb: an embedded model if it is a plain name of one, else a path."""

import json
import shutil
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.performance import model_folder
from agent.performance.model_folder import EMBEDDED, ModelError, coherence_folder, find, named_folder
from agent.verbs import check

HOP = 0.35  # s: the tiny model has learned it, and the one that stands for the embedded one has not
VERBS = {
    "respond": ("respond", "g.wav", "--memory", "m.wav", "-o", "out.wav", "--set", f"live.hop={HOP}"),
    "play": ("play", "--input", "g.wav", "--memory", "m.wav", "--output", "out.wav", "--speed", 0, "--set",
             f"live.hop={HOP}"),
    "tokens": ("tokens", "g.wav", "--hop", HOP),
    "corpus build": ("corpus", "build", "g.wav", "-o", "out", "--hop", HOP),
    "check": ("check",),
}  # fmt: skip
NAMES = [["--model", "mine"], ["--model=mine"], ["--model", "./mine"], ["--model", "mine/"], ["--model", "up/../mine"],
         ["--model=~/mine"], ["--model", "./small"], ["--model", "small/"], ["--model", "mine/../small"]]  # fmt: skip


@pytest.fixture
def here(tiny, guide, memory, tmp_path, monkeypatch):
    """A folder, the user's home too, with models 'mine' and 'small' that are the tiny one."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(check, "pace", partial(check.pace, hops=2))  # how fast it is has nothing to do with names
    for name in ("mine", "small"):
        shutil.copytree(tiny, tmp_path / name)
    (tmp_path / "up").mkdir()
    shutil.copy(guide, tmp_path / "g.wav")
    shutil.copy(memory, tmp_path / "m.wav")
    return tmp_path


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_understands_every_name(antiphon, here, verb):
    for words in NAMES if verb == "tokens" else NAMES[1::3]:
        said = antiphon(*VERBS[verb], *words)
        assert said.code == 0, (words, said.err)
        assert verb != "check" or f"hop {HOP} s" in said.out
        shutil.rmtree(here / "out", ignore_errors=True)


@pytest.mark.parametrize("verb", VERBS)
def test_a_plain_name_is_the_embedded_model(antiphon, here, tmp_path, monkeypatch, verb):
    embedded = tmp_path / "embedded" / "small"
    embedded.mkdir(parents=True)
    for path in (EMBEDDED / "small").iterdir():
        (embedded / path.name).symlink_to(path)
    about = json.loads((embedded / "model.json").read_text())
    (embedded / "model.json").unlink()
    (embedded / "model.json").write_text(json.dumps(about | {"hops": {"0.5": about["hops"]["0.5"]}}))
    monkeypatch.setattr(model_folder, "EMBEDDED", embedded.parent)
    said = antiphon(*VERBS[verb], "--model", "small")
    if verb == "check":
        assert f"hop {HOP} s" not in said.out and "hop 0.5 s" in said.out
    else:
        assert "has not learned a hop of 0.35 s" in said.sentence


@pytest.mark.parametrize("verb", VERBS)
def test_the_folder_one_stands_in(antiphon, here, monkeypatch, verb):
    monkeypatch.chdir(here / "mine")
    words = [f"../{word}" if str(word).endswith(".wav") or word == "out" else word for word in VERBS[verb]]
    assert antiphon(*words, "--model", ".").code == 0


@given(st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=30))
def test_only_plain_names_of_embedded_models_are_embedded(name):
    folder = named_folder(name)
    if folder.parent == EMBEDDED:
        assert name == folder.name and (folder / "model.json").is_file()
    else:
        assert folder == Path(name) or name.startswith("~")  # of nobody, ~nobody is a name like others


@pytest.mark.parametrize("name", ["", ".", "..", "small/..", "no such", "x" * 300, "nul\0", "~nobody/such", "small\n"])
def test_what_is_no_model_is_a_sentence(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for search in (find, coherence_folder):
        with pytest.raises(ModelError, match="there is no model"):
            search(name)


def test_a_meter_is_named_alike(tiny_coherence, here, monkeypatch):
    monkeypatch.chdir(here)
    shutil.copytree(tiny_coherence, "small/coherence")
    shutil.copytree(tiny_coherence, "meter")
    assert coherence_folder("small") == EMBEDDED / "small" / "coherence"
    assert coherence_folder("./small") == Path("small/coherence")
    assert coherence_folder("~/meter") == here / "meter" and coherence_folder("meter") == Path("meter")
