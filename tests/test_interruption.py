"""At any point, any signal, any verb: all or nothing, an exit code that says so, and no process left."""

import importlib
import os
import random
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from itertools import cycle
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from agent import cli
from corpora import whole_files
from corpora.audio import AudioWriter, read_at
from corpora.interruption import Interrupted, deferred, handled, is_default, temporaries
from tests.conftest import SIGNALS, melody, play_files, tree
from train.common import command_line
from train.common.errors import TrainError

pytestmark = pytest.mark.usefixtures("interruptible")
PATIENCE_S = 300.0  # for a process to begin, or to end once it is asked to


# --- the parts


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_becomes_an_exception_and_the_handlers_return(number):
    before = [signal.getsignal(each) for each in SIGNALS]
    with pytest.raises(Interrupted), handled() as interruption:
        assert is_default(signal.getsignal(number))
        os.kill(os.getpid(), number)
        time.sleep(PATIENCE_S)
    assert interruption.exit_code == 128 + number
    assert [signal.getsignal(each) for each in SIGNALS] == before


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_waits_until_a_module_is_loaded(tmp_path, monkeypatch, number):
    """C++ that is initialised there would end the program by the exception."""
    lines = ("import os, time", f"os.kill(os.getpid(), {int(number)})", "time.sleep(0.1)", "whole = True")
    (tmp_path / "loaded_slowly.py").write_text("\n".join(lines))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "loaded_slowly", raising=False)
    whole = False
    with pytest.raises(Interrupted), handled() as interruption:
        whole = importlib.import_module("loaded_slowly").whole
        time.sleep(5)
    assert whole and interruption.exit_code == 128 + number


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize("module", ["llvmlite.binding.ffi", "numba.core.codegen"])
def test_a_signal_waits_while_numba_is_at_work(module, number):
    """Between LLVM's taking an object and the note that it did so, an exception makes it be freed twice."""
    lines = ("import os, time", f"os.kill(os.getpid(), {int(number)})", "time.sleep(0.1)", "whole = True")
    done = {"__name__": module}
    with pytest.raises(Interrupted), handled() as interruption:
        exec("\n".join(lines), done)
        time.sleep(5)
    assert done["whole"] and interruption.exit_code == 128 + number


def test_a_signal_waits_for_the_end_of_a_deferred_block():
    done = []
    with pytest.raises(Interrupted), handled():
        with deferred():
            with deferred():
                os.kill(os.getpid(), signal.SIGTERM)
            done.append("all of it")
        done.append("no more")
    assert done == ["all of it"]


def test_an_exception_that_was_lost_comes_again():
    """Code of others may swallow it, a callback of C for one."""
    with pytest.raises(Interrupted), handled() as interruption:
        with pytest.raises(Interrupted):
            os.kill(os.getpid(), signal.SIGHUP)
            time.sleep(PATIENCE_S)
        assert interruption.exit_code == 129
        with deferred():
            pass


def test_a_second_signal_does_not_interrupt_what_the_first_has_begun(tmp_path, monkeypatch):
    """Neither the clearing up of a block nor that of the program: one whose exception was lost comes while it lasts."""
    path = tmp_path / "begun"
    path.touch()
    temporaries.add(path)
    done = []

    def collect():
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.05)
        done.append("the program")

    monkeypatch.setattr("corpora.interruption.gc.collect", collect)
    with pytest.raises(Interrupted), handled() as interruption:
        try:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(PATIENCE_S)
        finally:
            with suppress(ZeroDivisionError):
                os.kill(os.getpid(), signal.SIGTERM)
                time.sleep(0.05)
                raise ZeroDivisionError
            done.append("a block")
    assert done == ["a block", "the program"] and not path.exists() and interruption.exit_code in (130, 143)


def test_an_ignored_signal_stays_ignored():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with handled() as interruption:
            os.kill(os.getpid(), signal.SIGHUP)
            assert interruption.exit_code == 0
    finally:
        signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize("ending", ["wav", "flac", "ogg", "mp3"])
@pytest.mark.parametrize("seed", range(3))
def test_a_signal_while_a_file_is_written_is_not_lost(tmp_path, ending, seed):
    """The exception used to vanish in libsndfile's callback, and with it some samples in the middle of the file."""
    path, sound = tmp_path / f"x.{ending}", np.random.default_rng(0).uniform(-0.5, 0.5, 48000 * 2)
    path.write_bytes(b"what was there")
    wait = random.Random(seed).uniform(0.0005, 0.02)
    with pytest.raises(Interrupted), handled():
        _interrupt_in(wait)
        with AudioWriter(path, 48000) as writer:
            while True:
                writer.write(sound)
    assert tree(tmp_path) == {path.name: b"what was there"} and not temporaries


@pytest.mark.parametrize("seed", range(3))
def test_a_signal_while_a_file_is_read_is_no_damage(tmp_path, seed):
    sf.write(tmp_path / "x.flac", np.random.default_rng(0).uniform(-0.5, 0.5, 48000 * 20), 48000)
    with pytest.raises(Interrupted), handled():
        _interrupt_in(random.Random(seed).uniform(0.0005, 0.05))
        while True:
            read_at(tmp_path / "x.flac", 44100)


def _interrupt_in(seconds: float) -> None:
    threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGINT)).start()


def test_what_is_written_together_appears_together(tmp_path):
    with pytest.raises(ZeroDivisionError), whole_files.together():
        whole_files.atomic_write(tmp_path / "a", "one")
        with AudioWriter(tmp_path / "b.wav", 48000) as writer:
            writer.write(np.zeros(9, np.float32))
        raise ZeroDivisionError
    assert tree(tmp_path) == {}
    with whole_files.together():
        whole_files.atomic_write(tmp_path / "a", "one")
        assert not (tmp_path / "a").exists()
    assert tree(tmp_path) == {"a": b"one"}


def test_what_cannot_appear_leaves_nothing_unfinished(tmp_path, monkeypatch):
    replace = os.replace

    def full(source, target):
        if Path(target).name == "b":
            raise OSError(28, "No space left on device")
        replace(source, target)

    monkeypatch.setattr("corpora.whole_files.os.replace", full)
    with pytest.raises(whole_files.AudioError, match="no room on the disk"), whole_files.together():
        for name in "abc":
            whole_files.atomic_write(tmp_path / name, name)
    assert tree(tmp_path) == {"a": b"a"} and not temporaries


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_that_comes_when_all_is_said_is_told_by_the_exit_code(monkeypatch, number):
    """A verb or a recipe has ended, with a sentence even, and is being cleared up."""

    def come(*_, **__):
        os.kill(os.getpid(), number)
        time.sleep(PATIENCE_S)

    def refuse():
        raise TrainError("no data")

    monkeypatch.setattr(cli, "_run", come)
    monkeypatch.setattr(command_line, "print", come, raising=False)
    for program in (lambda: cli.main(["devices"]), lambda: command_line.run(refuse)):
        with pytest.raises(SystemExit) as left:
            program()
        assert left.value.code == 128 + number


def _until(done) -> None:
    end = time.monotonic() + PATIENCE_S
    while not done():
        assert time.monotonic() < end
        time.sleep(0.002)


# --- the verbs


@pytest.fixture(scope="module")
def room(tmp_path_factory, tiny_coherence, stage, voices) -> Path:
    """What the verbs read."""
    folder = tmp_path_factory.mktemp("room")
    (folder / "coherence").symlink_to(tiny_coherence)
    (folder / "voice").symlink_to(voices["start"])
    for song in ("one", "two"):
        for number, part in enumerate(("bass", "keys", "drums")):
            path = folder / "stems" / "train" / song / f"{part}.flac"
            path.parent.mkdir(parents=True, exist_ok=True)
            sf.write(path, melody(12, 16000, number + len(song)), 16000)
    sf.write(folder / "guide.wav", melody(20, 16000, 1), 16000)
    sf.write(folder / "memory.wav", melody(8, 16000, 2), 16000)
    settings = stage.settings(f"agent.memory={folder / 'memory.wav'}")
    play_files(folder / "guide.wav", folder / "x.wav", settings, log=folder / "log.jsonl", speed=0)
    return folder


VERBS = {  # verb -> (words, what it writes; None: a folder of a run, to which whole files are added)
    "respond": (["respond", "{room}/guide.wav", "--memory", "{room}/memory.wav", "--model", "{model}", "-o", "out.wav",
                 "--mix", "mix.flac", "--report", "report.json"], {"out.wav", "mix.flac", "report.json"}),
    "play": (["play", "--input", "{room}/guide.wav", "--memory", "{room}/memory.wav", "--model", "{model}", "--output",
              "out.ogg", "--log", "log.jsonl", "--speed", "8"], {"out.ogg", "log.jsonl"}),
    "replay": (["replay", "{room}/log.jsonl", "-o", "out.wav"], {"out.wav"}),
    "corpus": (["corpus", "build", "{room}/guide.wav", "{room}/memory.wav", "--model", "{model}", "-o", "corpus"],
               {"corpus/audio.flac", "corpus/corpus.json", "corpus/segments.npz"}),
    "score": (["score", "{room}/guide.wav", "{room}/memory.wav", "--model", "{room}/coherence", "--calibrate",
               "{room}/stems/train", "--pairs", "16", "-o", "meter"],
              {"meter/coherence.json", "meter/coherence.safetensors"}),
    "bench": (["bench", "--model", "{model}", "--hop", "0.5", "-o", "bench.json"], {"bench.json"}),
    "train": (["train", "units", "{room}/stems", "--encoder", "{model}/encoder", "--units", "8", "-o", "run"], None),
    "listening": (["evaluate", "listening", "{room}/stems/train", "--model", "{model}", "-o", "run"], None),
    "render": (["render", "{room}/guide.wav", "--voice", "{room}/voice", "--say", "bass", "-o", "out.wav"],
               {"out.wav"}),
}  # fmt: skip


def _start(folder: Path, *words: str) -> subprocess.Popen:
    command = [sys.executable, "-m", "agent.cli", *words]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=folder, start_new_session=True, stdout=pipe, stderr=pipe, env=_environment())


def _environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(Path(__file__).parents[1]), "PYTHONFAULTHANDLER": "1"}


def _processes(session: int) -> list[str]:
    """Those that are left of a session."""
    left = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if int(fields[3]) == session and fields[0] != "Z":
            left.append(stat.parent.name)
    return left


def _interrupted(folder: Path, room: Path, model: Path, verb: str, number: int, wait) -> None:
    """Run a verb, interrupt it when `wait(folder, process)` returns, and look at what is left."""
    words, written = VERBS[verb]
    process = _start(folder, *(word.format(room=room, model=model) for word in words))
    wait(folder, process)
    process.send_signal(number)
    _, said = process.communicate(timeout=PATIENCE_S)
    found = set(tree(folder))
    assert found in (set(), written) or written is None, (process.returncode, said)
    assert not any(
        name.startswith(".antiphon-") or name.endswith(".part") for path in found for name in Path(path).parts
    )
    assert process.returncode in (128 + number, -number, 0), said  # -number: before Python could listen
    assert process.returncode == 0 or b"Traceback" not in said or process.returncode == -number
    assert process.returncode != 0 or found == (written or found)
    _until(lambda: not _processes(process.pid))


def _after(seconds: float):
    """Waits so long, if the process does not end before."""

    def wait(folder: Path, process: subprocess.Popen) -> None:
        with suppress(subprocess.TimeoutExpired):
            process.wait(seconds)

    return wait


def _written_to(seed: float):
    """Waits until a temporary file is there, and a little longer."""

    def wait(folder: Path, process: subprocess.Popen) -> None:
        _until(lambda: any(folder.rglob(".antiphon-*")) or process.poll() is not None)
        time.sleep(random.Random(seed).uniform(0, 0.3))

    return wait


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks for processes in /proc")
@pytest.mark.parametrize(("verb", "number"), zip(("respond", "play", "corpus", "train"), cycle(SIGNALS), strict=False))
def test_a_verb_that_is_interrupted_while_it_writes(tmp_path, room, tiny, verb, number):
    _interrupted(tmp_path, room, tiny, verb, number, _written_to(1))


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks for processes in /proc")
@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_that_is_interrupted_at_any_point(tmp_path, room, tiny, verb, number):
    """Anywhere in its first seconds, and soon after it has begun to write, for which a bench takes too long."""
    moments = random.Random(f"{verb} {number}")
    for name, wait in (("early", _after(moments.uniform(0, 8))), ("late", _written_to(moments.random()))):
        if (verb, name) != ("bench", "late"):
            (tmp_path / name).mkdir()
            _interrupted(tmp_path / name, room, tiny, verb, number, wait)
