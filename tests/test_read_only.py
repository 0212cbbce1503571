"""Without a place for compiled code everything runs: a read-only installation, no home, no temporary directory."""

from __future__ import annotations

import ast
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import melody, samples, write

ROOT = Path(__file__).parents[1]
PACKAGES = ("agent", "perception", "decision", "action", "corpora")
NOBODY = "65534"


@pytest.fixture(scope="module")
def installation() -> Iterator[Path]:
    """A copy of the program in which nothing was ever compiled and nobody but root may write."""
    with tempfile.TemporaryDirectory() as folder:  # pytest's own may be read by root alone
        os.chmod(folder, 0o755)
        place = Path(folder) / "installed"
        for package in PACKAGES:
            shutil.copytree(ROOT / package, place / package, ignore=shutil.ignore_patterns("__pycache__"))
        for path in (place, *place.rglob("*")):
            path.chmod(0o555 if path.is_dir() else 0o444)
        yield place


def as_nobody(installation: Path, *words: object) -> subprocess.CompletedProcess:
    """Run Python as nobody, who has no home, no temporary directory and a current one that is read-only."""
    env = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "TMPDIR": "/proc", "PYTHONPATH": str(installation)}
    become = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    return subprocess.run([*become, sys.executable, *map(str, words)], env=env, cwd=installation,
                          capture_output=True, text=True, timeout=500)  # fmt: skip


@pytest.fixture(scope="module")
def nobody(installation):
    """`nobody(words)` runs Python as nobody in the installation; skipped where that cannot be."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0 or shutil.which("setpriv") is None:
        pytest.skip("only root can become somebody else, with setpriv of util-linux")
    if as_nobody(installation, "-c", "import numba").returncode:
        pytest.skip("nobody may not read this Python")
    return lambda *words: as_nobody(installation, *words)


def test_nobody_really_may_not_write(nobody, installation):
    words = "import agent, pathlib; print(agent.__file__, flush=True); pathlib.Path('x').touch()"
    done = nobody("-c", words)
    assert done.stdout.startswith(str(installation)) and "Permission denied" in done.stderr


def test_all_that_is_compiled_loads_and_runs(nobody):
    """Perception, decision, action and the callback, each of which asks for a cache of its own."""
    words = """
import perception.hpss, decision.kernel, action.search, action.selection, action.concat
from agent.engine import buffers, fader
buffers.warm_up(), fader.warm_up()
print("runs")
"""
    done = nobody("-c", words)
    assert (done.stdout, done.returncode) == ("runs\n", 0), done.stderr[-2000:]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["play", "--input", "no such device", "--output", "out.wav"], "no such device"),
        (["play", "--input", "missing.wav", "--output", "out.wav"], "missing.wav"),
        (["respond", "missing.wav", "-o", "out.wav"], "missing.wav"),
    ],
)
def test_what_is_absent_is_told_before_anything_is_compiled(tmp_path, words, told):
    """Without a cache compiling takes a minute; here whatever would compile, or needs it, cannot be imported."""
    program = "import sys; sys.modules['numba'] = sys.modules['torch'] = None; from agent import cli; cli.main()"
    run = [sys.executable, "-c", program, *words]
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(run, env=env, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2 and "Traceback" not in done.stderr, done.stderr[-2000:]
    assert told in done.stderr or "PortAudio" in done.stderr or "no sound" in done.stderr


@pytest.fixture(scope="module")
def place(installation, tiny, memory) -> Path:
    """The folder beside the installation: a model, a memory, a guide, and `out`, the one in which nobody may write."""
    folder = installation.parent
    shutil.copytree(tiny, folder / "model")
    shutil.copy(memory, folder / "memory.wav")
    for path in (folder / "model").rglob("*"):  # weights are written for their owner's eyes
        path.chmod(0o755)
    write(folder / "guide.wav", melody(0.6, 16000, 1), 16000)
    (folder / "out").mkdir()
    (folder / "out").chmod(0o777)
    return folder


def test_a_verb_runs_where_nothing_may_be_written(nobody, place):
    done = nobody("-m", "agent.cli", "tokens", place / "guide.wav", "--model", place / "model", "--json")
    assert done.returncode == 0 and not done.stderr, done.stderr[-2000:]
    assert json.loads(done.stdout)


@pytest.mark.slow
def test_a_verb_runs_where_nothing_but_its_output_may_be_written(nobody, place):
    done = nobody("-m", "agent.cli", "respond", place / "guide.wav", "-o", place / "out" / "answer.wav",
                  "--model", place / "model", "--memory", place / "memory.wav")  # fmt: skip
    assert done.returncode == 0 and not done.stderr, done.stderr[-2000:]
    assert len(samples(place / "out" / "answer.wav")) == len(samples(place / "guide.wav"))


def test_compiled_code_is_kept_by_one_function_of_each_package():
    """Whoever asks Numba for its cache otherwise gets a traceback where there is no place for one."""
    asking = []
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and any(word.arg == "cache" for word in node.keywords):
                    asking.append(path.name)
    assert set(asking) == {"compiled.py"}
    homes = [(ROOT / package / "compiled.py").read_text() for package in ("decision", "perception")]
    assert homes[0] == homes[1], "one function, said twice"
