"""`antiphon play --fill` beside a sequencer: JACK carries clock and notes, and the part comes back in time."""

import json
import shutil
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from agent import cli
from agent.performance.model_folder import EMBEDDED
from agent.records import midi_replay
from corpora import midi_file
from tests.live.jackrig import Rig, needs_jack
from tests.live.sequencer import CLOCK_S, TEMPO_BPM

ROOT = Path(__file__).parents[2]
rtmidi = pytest.importorskip("rtmidi", reason="python-rtmidi or libasound2 is not installed", exc_type=ImportError)
pytestmark = [
    needs_jack,
    pytest.mark.skipif(
        rtmidi.API_UNIX_JACK not in rtmidi.get_compiled_api(), reason="this python-rtmidi was built without JACK"
    ),
]


@dataclass
class Agent:
    """The program that plays the missing part; its words are in a file, so that no pipe of them fills up."""

    program: subprocess.Popen
    words: Path
    log: Path

    def said(self):
        """All that it has printed."""
        return self.words.read_text()


class Sequencer:
    """The sequencer of tests/live/sequencer.py, and what it heard: (s since the start, message)."""

    def __init__(self, env):
        words = [sys.executable, "-m", "tests.live.sequencer"]
        self._program = subprocess.Popen(
            words, cwd=ROOT, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.heard, self.began, self._played = [], 0.0, threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self._program.stdout:
            word, time_s, *message = line.split()
            if word == "began":
                self.began = float(time_s)
            elif word == "played":
                self._played.set()
            else:
                self.heard.append((float(time_s) - self.began, bytes.fromhex(message[0])))

    def tell(self, line):
        self._program.stdin.write(line + "\n")
        self._program.stdin.flush()

    def play(self, bars):
        """So many bars of clock and chords from the beginning of the song; waits until they are over."""
        self._played.clear()
        self.tell(f"play {bars}")
        assert self._played.wait(60)

    def close(self):
        self._program.kill()
        self._program.wait()
        self._reader.join()

    def notes(self):
        """(n, 3) [begin, end, pitch] in s of what was heard; the end of a note that hangs is inf."""
        notes = []
        for at, message in list(self.heard):
            kind, pitch = message[0] & 0xF0, message[1]
            if kind == 0x90 and message[2]:
                notes.append([at, np.inf, pitch])
            elif kind in (0x80, 0x90):
                for note in notes:
                    if note[2] == pitch and note[1] == np.inf:
                        note[1] = at
        return np.array(notes).reshape(-1, 3)


@contextmanager
def players(rig, model, memory, folder):
    """An agent that plays the missing part, and a sequencer connected to both its ports."""
    env = rig.env | {"PYTHONPATH": str(ROOT)}
    words = [
        sys.executable, "-m", "agent.cli", "play", "--input", "osc", "--output", "osc", "--osc", "0",
        "--midi", "virtual", "--fill", "virtual", "--model", model, "--memory", memory, "--log", folder / "s.jsonl",
    ]  # fmt: skip
    said = folder / "said.txt"
    with said.open("w") as file:
        program = subprocess.Popen(list(map(str, words)), cwd=folder, env=env, stdout=file, stderr=subprocess.STDOUT)
    sequencer = Sequencer(env)
    try:
        rig.wait_for("antiphon-fill:midi_out", 90)
        for port in ("antiphon:midi_in", "seq:out", "seq-in:in"):
            rig.wait_for(port)
        rig.connect("seq:out", "antiphon:midi_in")
        rig.connect("antiphon-fill:midi_out", "seq-in:in")
        yield sequencer, Agent(program, said, folder / "s.jsonl")
    finally:
        program.kill()
        program.wait()
        sequencer.close()


@pytest.fixture
def stage(tiny, memory, tmp_path):
    """A server, an agent that plays the missing part, and a sequencer, none of which JACK has forgotten."""
    shutil.copytree(tiny, tmp_path / "model")
    shutil.copytree(EMBEDDED / "small" / "fill", tmp_path / "model" / "fill")
    for _ in range(4):
        with Rig(period=128) as rig, players(rig, tmp_path / "model", memory, tmp_path) as both:
            if not rig.stuck():
                yield both
                return
    pytest.fail("JACK has started four times a client that it never wakes")


def test_the_part_is_in_time_and_ends_when_the_clock_stops(stage, capsys):
    sequencer, agent = stage
    sequencer.play(8)
    sequencer.tell("stop")
    time.sleep(0.5)
    notes = sequencer.notes()
    assert len(notes) > 8, (len(sequencer.heard), agent.said())
    assert notes[0, 0] > 96 * CLOCK_S, "it plays after a bar of the others"
    assert np.isfinite(notes[:, 1]).all(), "no note hangs"
    steps = notes[:, 0] / (6 * CLOCK_S)
    off_ms = 1000 * (steps - np.rint(steps)) * 6 * CLOCK_S
    assert abs(np.median(off_ms)) < 15
    assert agent.program.poll() is None
    agent.program.terminate()
    agent.program.wait(20)
    sound, midi = (agent.log.with_suffix(suffix) for suffix in (".wav", ".mid"))
    cli.main(["replay", str(agent.log), "-o", str(sound), "--midi", str(midi), "--json"])
    counts, voices = json.loads(capsys.readouterr().out)["midi"], midi_file.read_voices(midi.read_bytes())
    logged = next(voice.notes for voice in voices if voice.name == "missing part")
    assert counts["bpm"] == pytest.approx(TEMPO_BPM, rel=0.01) and counts["heard"] > 2 * 3 * 7
    assert logged[:, 2].tolist() == notes[:, 2].tolist(), "the log has the notes that were heard, in their order"
    lags_s = logged[:, 0] * 60 / counts["bpm"] / midi_replay.TICKS - notes[:, 0]
    assert np.ptp(lags_s) < 0.05, "at the times at which they were heard"
    print(f"{len(notes)} notes, off the grid: median {np.median(off_ms):.2f} ms, "
          f"{np.percentile(off_ms, 1):.2f} to {np.percentile(off_ms, 99):.2f}")  # fmt: skip


@pytest.mark.parametrize("how", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.slow)])
def test_a_signal_in_the_middle_leaves_no_note(stage, how):
    sequencer, agent = stage
    player = threading.Thread(target=sequencer.play, args=(7,))
    player.start()
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and not np.isinf(sequencer.notes()[:, 1:2]).any():
        time.sleep(0.02)
    assert np.isinf(sequencer.notes()[:, 1]).any(), ("nothing ever sounded", agent.said())
    agent.program.send_signal(how)
    agent.program.wait(20)
    player.join()
    assert np.isfinite(sequencer.notes()[:, 1]).all(), sequencer.heard[-5:]
    assert agent.program.returncode == 0, agent.said()
