"""Only our own error classes are the user's mistakes; a bug of ours keeps its traceback, in every verb."""

import ast
import importlib
from pathlib import Path

import pytest

from agent import cli
from agent.verbs.errors import USER_ERRORS
from tests.agent.verbs.test_paths import verbs

ROOT = Path(__file__).parents[3]
FOLDERS = ("agent", "perception", "decision", "action", "corpora", "train")
INTERNAL = {  # modules whose errors are caught by their callers and never reach the user
    "agent.records.replay",
    "agent.interfaces.osc.codec",
    "agent.coherence.meter",
    "agent.settings.toml_file",
    "perception.safe_unpickle",
    "corpora.midi_file",
}
VERBS = [words for words in verbs() if words != ("corpus",)]
BUGS = [ValueError("ours"), KeyError("ours"), TypeError("ours"), OSError("ours"), RuntimeError("ours"), IndexError()]


def exception_classes() -> set[tuple[str, str]]:
    """(module, class) of every class of ours that is raised as an error."""
    found = set()
    for path in (path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")):
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            bases = [ast.unparse(base) for base in node.bases] if isinstance(node, ast.ClassDef) else []
            if any(base.endswith(("Error", "Exception")) for base in bases):
                found.add((module, node.name))
    return found


def test_each_error_class_is_registered():
    registered = {getattr(importlib.import_module(module), name) for module, name in USER_ERRORS}
    defined = {getattr(importlib.import_module(module), name)
               for module, name in exception_classes() if module not in INTERNAL}  # fmt: skip
    assert registered <= defined
    assert all(issubclass(error, tuple(registered)) for error in defined)


def command(words: tuple[str, ...]) -> list[str]:
    """The shortest line that the parser takes for this verb; nothing in it exists."""
    given = {
        ("respond",): ["guide.wav", "-o", "out.wav"], ("replay",): ["log", "-o", "out.wav"], ("tokens",): ["a.wav"],
        ("score",): ["a.wav", "b.wav"], ("fill",): ["a.mid", "-o", "out.mid"],
        ("render",): ["a.wav", "-o", "out.wav", "--say", "bass", "--voice", "folder"],
        ("corpus", "build"): ["a.wav", "-o", "out"], ("corpus", "info"): ["folder"],
        ("corpus", "find"): ["low piano", "folder"],
        ("train",): ["units"], ("model",): ["make"], ("evaluate",): ["coherence"],
    }  # fmt: skip
    return [*words, *given.get(words, [])]


def raising(monkeypatch, words: tuple[str, ...], error: Exception) -> None:
    """Have a verb raise an error wherever it works."""

    def run(given) -> None:
        raise error

    run.__name__ = "_".join(words)
    monkeypatch.setattr(cli, run.__name__, run)


@pytest.mark.parametrize("words", VERBS, ids=" ".join)
@pytest.mark.parametrize("bug", BUGS, ids=repr)
def test_a_bug_keeps_its_traceback(antiphon, monkeypatch, words, bug):
    raising(monkeypatch, words, bug)
    with pytest.raises(type(bug)) as raised:
        antiphon(*command(words))
    assert raised.value is bug


@pytest.mark.parametrize("words", VERBS, ids=" ".join)
@pytest.mark.parametrize("where", USER_ERRORS, ids=".".join)
def test_a_mistake_is_one_sentence(antiphon, monkeypatch, words, where):
    module, name = where
    raising(monkeypatch, words, getattr(importlib.import_module(module), name)("seed = 'x': expected a number"))
    assert antiphon(*command(words)).sentence == "antiphon: seed = 'x': expected a number"


@pytest.mark.parametrize("words", VERBS, ids=" ".join)
@pytest.mark.parametrize("file", ["take.wav", b"take.wav"])
def test_what_the_system_refuses_is_told_with_its_name(antiphon, monkeypatch, words, file):
    raising(monkeypatch, words, PermissionError(13, "Permission denied", file))
    assert "'take.wav' cannot be used (permission denied): check" in antiphon(*command(words)).sentence
