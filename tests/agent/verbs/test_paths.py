"""No output of any verb is one of its inputs: over all verbs and flags of the parser, by any way that leads there."""

import argparse
import json
import os
import shutil
from pathlib import Path

import pytest

from agent import cli
from agent.settings.config import FIELDS
from agent.verbs import paths
from agent.verbs.parser import PathFlag, Verb
from tests.conftest import tree

RECIPES = ("train", "model", "evaluate")  # they have parsers of their own: tests/train/common/test_run_folder.py
NO_PATHS = {  # settings with text that are no paths
    "live.input", "live.output",  # paths at times: what --input and --output are
    "live.input_channels", "live.output_channels", "live.client", "osc.host", "osc.allow", "osc.subscribers",
    "action.section", "action.say", "action.add", "midi.port", "page.host", "page.allow",
    "fill.port", "fill.part", "fill.say",
}  # fmt: skip


def verbs(parser: argparse.ArgumentParser | None = None, words: tuple[str, ...] = ()) -> dict[tuple[str, ...], Verb]:
    """{words of the verb: its parser}, of those that have no verbs below them."""
    parser = parser or cli.parser()
    below = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    if not below:
        return {words: parser}  # type: ignore[dict-item]
    return {key: verb for name, one in below[0].choices.items() for key, verb in verbs(one, (*words, name)).items()}


VERBS = {words: verb for words, verb in verbs().items() if words[0] not in RECIPES}
NEVER_FOLDERS = ("log read", "recording", "endpoint")  # kinds of input
PAIRS = [
    pytest.param(words, written, read, folder, id=f"{' '.join(words)} {written.name} {read.name} {'/' * folder}")
    for words, verb in VERBS.items()
    for written in verb.paths
    for read in verb.paths
    for folder in (False, True)
    if (written.role, read.role) == ("output", "input")
    if not (folder and (read.kind in NEVER_FOLDERS or read.dest in ("config", "audio")))
]
OUTPUTS = [  # of verbs with settings; the files of a recording have names of their own
    pytest.param(words, flag, id=f"{' '.join(words)} {flag.name}")
    for words, verb in VERBS.items()
    for flag in verb.paths
    if flag.role == "output" and flag.kind != "record" and "set" in verb.texts
]
TWO_OUTPUTS = [
    pytest.param(words, first, second, id=f"{' '.join(words)} {first.name} {second.name}")
    for words, verb in VERBS.items()
    for number, first in enumerate(verb.paths)
    for second in verb.paths[:number]
    if first.role == second.role == "output"
]


@pytest.mark.parametrize("words", VERBS, ids=" ".join)
def test_each_flag_with_free_text_is_declared(words):
    verb = VERBS[words]
    declared = {flag.dest for flag in verb.paths} | verb.texts
    free = {action.dest for action in verb._actions if action.nargs != 0 and not action.type and not action.choices}
    assert free == declared, "add it by add_input, add_output or add_text"
    assert all(flag.kind in paths.KINDS for flag in verb.paths)


def test_each_setting_with_free_text_is_declared():
    free = {name for name, field in FIELDS.items() if field.kind in (str, list) and not field.choices}
    assert free == set(paths.SETTINGS_THAT_ARE_PATHS) | NO_PATHS


@pytest.fixture
def house(tmp_path, tiny, monkeypatch) -> Path:
    """A folder in which every input has a file or folder of its own: <dest>.takes/heard.wav, and whole folders."""
    monkeypatch.chdir(tmp_path)
    for flag in {flag.dest: flag for verb in VERBS.values() for flag in verb.paths if flag.role == "input"}.values():
        folder = tmp_path / f"{flag.dest}.takes"
        folder.mkdir()
        (folder / "heard.wav").write_text(f"the only recording of {flag.dest}")
    (tmp_path / "config.takes" / "heard.wav").write_text("[live]\nhop = 0.5\n")
    (tmp_path / "log.takes" / "heard.wav").write_text(json.dumps({"antiphon": 2, "memories": [{"name": "old.wav"}]}))
    (tmp_path / "old.wav").write_text("the only recording of what was played then")
    return tmp_path


def command(words: tuple[str, ...], values: dict[str, str]) -> list[str]:
    """A verb with all that it needs; values: of flags by dest, the others that it needs have files of their own."""
    line = list(words)
    for flag in VERBS[words].paths:
        action = next(action for action in VERBS[words]._actions if action.dest == flag.dest)
        value = values.get(flag.dest)
        if value is None and (action.required or flag.dest == "input"):
            value = f"{flag.dest}.takes/heard.wav" if flag.role == "input" else f"made-{flag.dest}.wav"
        if value is not None:
            line += [action.option_strings[0], value] if action.option_strings else [value]
    return line


def ways(written: PathFlag, read: str, folder: bool) -> dict[str, str]:
    """{how: value of the output flag} by which it comes to write what is read, a file or a folder."""
    if written.kind == "record":
        return {"beside": str(Path(read).parent)} if not folder else {"inside": read}
    found = {"same": read, "dotted": f"./nowhere/../{read}", "absolute": os.path.abspath(read), "link": "link"}
    os.symlink(read, "link")
    if folder:
        found |= {"inside": f"{read}/heard.wav", "new inside": f"{read}/new.wav"}
    else:
        os.link(read, "hard")
        found |= {"hard link": "hard"}
    if written.kind == "folder" and not folder:
        found |= {"around": str(Path(read).parent)}
    if written.kind == "log written" and not folder:
        found |= {"takes": str(Path(read).parent.with_suffix(".jsonl"))}
    if written.kind == "endpoint":
        found = {how: value for how, value in found.items() if paths.endpoint_kind(value) == "file"}
    return found


@pytest.mark.parametrize(("words", "written", "read", "folder"), PAIRS)
def test_an_output_that_is_an_input(antiphon, house, words, written, read, folder):
    """Every way is refused by a sentence with both flags, and nothing in the folder changes."""
    name = f"{read.dest}.takes" if folder else f"{read.dest}.takes/heard.wav"
    for how, value in ways(written, name, folder).items():
        before = tree(house)
        sentence = antiphon(*command(words, {read.dest: name, written.dest: value})).sentence
        assert written.name in sentence and read.name in sentence, (how, sentence)
        assert "which would be lost: give it another name" in sentence
        assert tree(house) == before, how


@pytest.mark.parametrize(("words", "written"), OUTPUTS)
@pytest.mark.parametrize("setting", [*paths.SETTINGS_THAT_ARE_PATHS, "agent.toml"])
def test_an_output_that_the_settings_name(antiphon, house, words, written, setting):
    """What is read because agent.toml says so, or agent.toml itself, is an input like any other."""
    section, key = setting.split(".")
    value = '["other.wav", "precious.wav"]' if key == "memories" else '"precious.wav"'
    target = "agent.toml" if key == "toml" else "precious.wav"
    (house / "precious.wav").write_text("precious")
    (house / "agent.toml").write_text("" if key == "toml" else f"[{section}]\n{key} = {value}\n")
    before = tree(house)
    sentence = antiphon(*command(words, {written.dest: target})).sentence
    assert written.name in sentence and setting in sentence and "which would be lost" in sentence
    assert tree(house) == before


@pytest.mark.parametrize(("words", "first", "second"), TWO_OUTPUTS)
def test_two_outputs_that_are_one(antiphon, house, words, first, second):
    (house / "rec").mkdir()
    values = {flag.dest: "rec" if flag.kind == "record" else "rec/heard.wav" for flag in (first, second)}
    sentence = antiphon(*command(words, values)).sentence
    assert first.name in sentence and second.name in sentence and "both are written" in sentence
    assert not list((house / "rec").iterdir())


def test_what_a_log_was_played_with_is_read_too(antiphon, house):
    assert "old.wav" in antiphon("replay", "log.takes/heard.wav", "-o", "old.wav").sentence
    os.rename("log.takes/heard.wav", "S.jsonl")
    os.mkdir("S.takes")
    assert "S.takes" in antiphon("replay", "S.jsonl", "-o", "S.takes/take-1.wav").sentence


def test_the_settings_of_the_home_folder(antiphon, house, monkeypatch):
    monkeypatch.setenv("HOME", str(house))
    Path("mine.toml").write_text("[live]\nhop = 0.5\n")
    said = antiphon("respond", "guide.takes/heard.wav", "--config", "~/mine.toml", "-o", "mine.toml")
    assert "-o 'mine.toml' is the same as --config" in said.sentence


def test_the_encoder_of_a_model_is_read_too(antiphon, house, tiny, guide):
    shutil.copytree(tiny, "model")
    shutil.move("model/encoder", "elsewhere")
    about = json.loads(Path("model/model.json").read_text())
    Path("model/model.json").write_text(json.dumps(about | {"encoder": str(house / "elsewhere")}))
    sentence = antiphon("respond", guide, "--model", "model", "-o", "elsewhere/model.safetensors").sentence
    assert "-o 'elsewhere/model.safetensors' lies inside --model" in sentence


def test_the_recording_that_was_lost(antiphon, house, memory, tiny):
    """As it was reported: the second memory was answered into itself, and the settings were made a log."""
    shutil.copy(memory, "a.wav")
    shutil.copy(memory, "b.wav")
    (house / "agent.toml").write_text(f'[agent]\nmodel = "{tiny}"\n')
    before = tree(house)
    play = ("play", "--input", "a.wav", "--memory", "a.wav", "--memory", "b.wav", "--speed", 0)
    assert "--output 'b.wav' is the same as --memory" in antiphon(*play, "--output", "b.wav").sentence
    assert "--log 'agent.toml' is the same as" in antiphon(*play, "--output", "c.wav", "--log", "agent.toml").sentence
    assert tree(house) == before
