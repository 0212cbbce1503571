"""The house rules: who may import whom, what may be imported where, no pickle, and a docstring on what is public."""

import ast
from functools import cache
from pathlib import Path

import pytest

from tests import import_graph

ROOT = Path(__file__).parents[1]
ARROWS = {  # folder -> folders of ours that it may import
    "agent": {"agent", "perception", "decision", "action", "corpora"},
    "train": {"train", "perception", "decision", "action", "corpora"},
    "corpora": {"corpora"},
    "perception": {"perception"},
    "decision": {"decision"},
    "action": {"action"},
    "patches": {"patches", "agent"},  # written from the table of controls
}
EXCEPTIONS = {
    ("corpora/build.py", "perception"),
    ("agent/cli.py", "train"),  # its verbs train, model and evaluate, loaded when they are asked for
    ("agent/verbs/score.py", "train"),  # what calibrates and imports a meter, loaded when it is asked for
}
AGENT = (  # a room of agent/ may import rooms of earlier rows only
    ("settings",),
    ("control",),
    ("performance",),
    ("engine",),
    ("devices", "records", "coherence"),
    ("interfaces",),
    ("verbs",),
    ("cli",),
)
TRAIN = (  # the same in train/
    ("common",),
    ("data",),
    ("songs",),
    ("official_cocola", "import_fairseq"),
    (
        "fit_encoder",
        "fit_units",
        "fit_decision",
        "fit_coherence",
        "fit_words",
        "fit_fill",
        "evaluate",
        "probe",
    ),
    ("make_model", "fit_duo", "fit_attributes"),
    ("make_small",),
)
NO_CLOCK = {"threading", "socket", "subprocess", "signal", "asyncio", "multiprocessing", "concurrent"}
NAIVE = {"agent/verbs/bench_rivals.py"}  # measures the naive way beside ours, hence with torch
TORCH = {"torch", "torchaudio", "transformers", "safetensors", "diffusers", "torchsde"}
DEVICES = {"sounddevice", "pythonosc", "websockets", "mido", "rtmidi"}
STDLIB_PICKLES = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}
ACTION = {
    "numpy", "numba", "__future__", "action", "bisect", "collections", "contextlib", "dataclasses", "functools", "math",
    "typing",
}  # fmt: skip
FILES = sorted(path for folder in ARROWS for path in (ROOT / folder).rglob("*.py"))


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), name_of(path))


def imports(tree: ast.AST) -> set[str]:
    """Full dotted names of all that is imported, inside functions and TYPE_CHECKING too."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            found.add(node.module or "")
        elif isinstance(node, ast.Call) and called(node) in ("import_module", "importlib.import_module", "__import__"):
            argument = node.args[0]
            if isinstance(argument, ast.JoinedStr) and isinstance(argument.values[0], ast.Constant):
                argument = argument.values[0]
            assert isinstance(argument, ast.Constant), "the beginning of what is imported is written out"
            found.add(str(argument.value))
    return found


def called(call: ast.Call) -> str:
    """Dotted name of what is called, "" if it has none."""
    names, at = [], call.func
    while isinstance(at, ast.Attribute):
        names.append(at.attr)
        at = at.value
    return ".".join([at.id, *reversed(names)]) if isinstance(at, ast.Name) else ""


@cache
def tops(path: Path) -> set[str]:
    return {name.split(".")[0] for name in imports(tree_of(path))}


def wrong_arrows(path: Path) -> set[str]:
    folder = name_of(path).split("/")[0]
    allowed = ARROWS[folder] | {to for file, to in EXCEPTIONS if file == name_of(path)}
    return tops(path) & (set(ARROWS) | {"tests"}) - allowed


@pytest.mark.parametrize(("folder", "rows"), [("agent", AGENT), ("train", TRAIN)])
def test_rooms_import_downward_only(folder, rows):
    """Every room is in the table, and imports rooms of earlier rows only."""
    level = {f"{folder}.{name}": n for n, row in enumerate(rows) for name in row}
    rooms = import_graph.room_graph(import_graph.file_graph())
    assert {room for room in rooms if room.startswith(f"{folder}.")} == set(level)
    upward = [(room, other) for room in level for other in rooms[room] if level.get(other, -1) >= level[room]]
    assert not upward


def test_no_circle_of_files_or_rooms():
    print(import_graph.summary())
    files = import_graph.file_graph()
    assert not import_graph.circles(files)
    assert not import_graph.circles(import_graph.room_graph(files))


def test_a_circle_is_seen():
    graph = {"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a", "d"}, "e": set()}
    assert import_graph.circles(graph) == [["a", "b", "c"]]


@pytest.mark.parametrize("path", sorted((ROOT / "agent" / "performance").glob("*.py")), ids=lambda path: path.name)
def test_the_music_knows_no_thread_and_no_network(path):
    assert not tops(path) & (NO_CLOCK | DEVICES)


def test_there_is_something_to_check():
    assert {name_of(path).split("/")[0] for path in FILES} == set(ARROWS)


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_the_arrows(path):
    assert not wrong_arrows(path), f"{name_of(path)} must not import these"


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_what_stays_in_its_folder(path):
    folder, found = name_of(path).split("/")[0], tops(path)
    if folder not in ("perception", "decision", "train") and name_of(path) not in NAIVE:
        assert not found & TORCH, f"no torch in {folder}/"
    if folder != "agent":
        assert not found & DEVICES, f"devices and the network are agent/'s, not {folder}/'s"
    if folder == "action":
        assert found <= ACTION, "action/ is numpy and numba"


def test_diffusers_is_imported_where_a_voice_is_loaded_and_nowhere_else():
    """It takes seconds and a hundred megabytes, which no other verb pays, and need not be installed."""
    found = {name_of(path) for path in FILES if "diffusers" in tops(path)}
    assert found == {"decision/diffusion.py"}
    for node in tree_of(ROOT / "decision" / "diffusion.py").body:
        if not isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            assert not {name.split(".")[0] for name in imports(node)} & {"diffusers"}
    assert {name_of(path) for path in FILES if "decision.diffusion" in imports(tree_of(path))} == {
        "agent/verbs/render.py"
    }


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_nothing_is_loaded_by_pickle(path):
    tree = tree_of(path)
    assert not tops(path) & STDLIB_PICKLES
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = called(node)
            assert name not in ("torch.load", "torch.save", "torch.hub.load"), f"line {node.lineno}: {name}"
            assert name not in ("eval", "exec"), f"line {node.lineno}: {name}"
            for word in node.keywords:
                value = word.value.value if isinstance(word.value, ast.Constant) else None
                assert (word.arg, value) not in (("allow_pickle", True), ("weights_only", False)), node.lineno
                assert word.arg != "trust_remote_code", node.lineno
                assert (word.arg, value) != ("use_safetensors", False), node.lineno


def public(tree: ast.Module):
    """(name, node) of the module's public functions and classes, and of the public methods of those classes."""
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)) and not node.name.startswith("_"):
            yield node.name, node
            for inner in node.body if isinstance(node, ast.ClassDef) else ():
                if isinstance(inner, (ast.FunctionDef, ast.AsyncFunctionDef)) and not inner.name.startswith("_"):
                    yield f"{node.name}.{inner.name}", inner


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_what_is_public_is_explained(path):
    tree = tree_of(path)
    assert ast.get_docstring(tree), f"{name_of(path)} begins with what it is"
    silent = [name for name, node in public(tree) if not ast.get_docstring(node)]
    assert not silent, f"{name_of(path)}: no docstring on {', '.join(silent)}"


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_nothing_is_left_unfinished(path):
    text = path.read_text(encoding="utf-8")
    for word in ("TO" + "DO", "FIX" + "ME", "XX" + "X", "raise NotImplemented"):
        assert word not in text
    for place in ("/" + "home/", "/" + "work/", "/" + "root/"):
        assert place not in text, "no path of one machine"


def test_top_level_folders_are_the_ones_agreed():
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert packages - {"tests"} == set(ARROWS)
    assert (ROOT / "agent.toml").is_file()


@pytest.mark.parametrize(
    ("file", "text", "wrong"),
    [
        ("action/x.py", "from agent import config", {"agent"}),
        ("corpora/x.py", "def f():\n    import perception.stream", {"perception"}),
        ("corpora/build.py", "from perception.stream import Heard", set()),
        ("agent/x.py", "import train.common.run", {"train"}),
        ("train/x.py", "from importlib import import_module\nimport_module(f'agent.{1}')", {"agent"}),
        ("perception/x.py", "import tests.conftest", {"tests"}),
        ("decision/x.py", "import decision.kernel, numpy", set()),
    ],
)
def test_a_wrong_arrow_is_seen(monkeypatch, tmp_path, file, text, wrong):
    monkeypatch.setattr(f"{__name__}.ROOT", tmp_path)
    (tmp_path / file).parent.mkdir()
    (tmp_path / file).write_text(text)
    assert wrong_arrows(tmp_path / file) == wrong
