"""`antiphon play --fill` beside a sequencer: JACK carries clock and notes, and the part comes back in time."""

import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from agent.performance.model_folder import EMBEDDED
from tests.live.jackrig import Rig, needs_jack

ROOT = Path(__file__).parents[2]
rtmidi = pytest.importorskip("rtmidi", reason="python-rtmidi or libasound2 is not installed", exc_type=ImportError)
pytestmark = [
    needs_jack,
    pytest.mark.skipif(
        rtmidi.API_UNIX_JACK not in rtmidi.get_compiled_api(), reason="this python-rtmidi was built without JACK"
    ),
]
CLOCK, START, STOP = [0xF8], [0xFA], [0xFC]
TEMPO_BPM = 150
CLOCK_S = 60 / TEMPO_BPM / 24
LOOP = ((57, 60, 64), (53, 57, 60), (48, 52, 55), (55, 59, 62))  # a chord for each bar


class Sequencer:
    """Sends clock and chords, and writes down what comes back: (s since the start, message)."""

    def __init__(self):
        self.out = rtmidi.MidiOut(rtmidi.API_UNIX_JACK, "seq")
        self.out.open_virtual_port("out")
        self.input = rtmidi.MidiIn(rtmidi.API_UNIX_JACK, "seq-in")
        self.input.open_virtual_port("in")
        self.heard, self._ended = [], threading.Event()
        self.began = time.monotonic()
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def _listen(self):
        while not self._ended.wait(0.0005):
            while (event := self.input.get_message()) is not None:
                self.heard.append((time.monotonic() - self.began, bytes(event[0])))

    def play(self, bars):
        """So many bars of clock and chords from the beginning of the song, at TEMPO_BPM."""
        self.began = time.monotonic() + 0.05
        self.out.send_message(START)
        for clock in range(96 * bars):
            time.sleep(max(0.0, self.began + clock * CLOCK_S - time.monotonic()))
            self.out.send_message(CLOCK)
            chord = LOOP[clock // 96 % len(LOOP)]
            if clock % 48 == 0:
                for pitch in chord:
                    self.out.send_message([0x90, pitch, 90])
            if clock % 48 == 40:
                for pitch in chord:
                    self.out.send_message([0x80, pitch, 0])

    def close(self):
        self._ended.set()
        self._listener.join()
        for port in (self.out, self.input):
            port.close_port()
            port.delete()

    def notes(self):
        """(n, 3) [begin, end, pitch] in s of what was heard; the end of a note that hangs is inf."""
        notes = []
        for at, message in self.heard:
            kind, pitch = message[0] & 0xF0, message[1]
            if kind == 0x90 and message[2]:
                notes.append([at, np.inf, pitch])
            elif kind in (0x80, 0x90):
                for note in notes:
                    if note[2] == pitch and note[1] == np.inf:
                        note[1] = at
        return np.array(notes).reshape(-1, 3)


@pytest.fixture
def stage(tiny, memory, tmp_path):
    """A server, an agent that plays the missing part, and a sequencer connected to both its ports."""
    shutil.copytree(tiny, tmp_path / "model")
    shutil.copytree(EMBEDDED / "small" / "fill", tmp_path / "model" / "fill")
    with Rig(period=128) as rig:
        sequencer = Sequencer()
        words = [
            sys.executable, "-m", "agent.cli", "play", "--input", "osc", "--output", "osc", "--osc", "0",
            "--midi", "virtual", "--fill", "virtual", "--model", tmp_path / "model", "--memory", memory,
        ]  # fmt: skip
        program = subprocess.Popen(
            list(map(str, words)), cwd=tmp_path, env=rig.env | {"PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        rig.wait_for("antiphon-fill:midi_out", 90)
        rig.wait_for("antiphon:midi_in")
        rig.connect("seq:out", "antiphon:midi_in")
        rig.connect("antiphon-fill:midi_out", "seq-in:in")
        time.sleep(0.3)
        yield sequencer, program
        program.kill()
        program.communicate()
        sequencer.close()


def test_the_part_is_in_time_and_ends_when_the_clock_stops(stage):
    sequencer, program = stage
    sequencer.play(8)
    sequencer.out.send_message(STOP)
    time.sleep(0.5)
    notes = sequencer.notes()
    assert len(notes) > 8 and notes[0, 0] > 96 * CLOCK_S, "it plays after a bar of the others"
    assert np.isfinite(notes[:, 1]).all(), "no note hangs"
    steps = notes[:, 0] / (6 * CLOCK_S)
    off_ms = 1000 * (steps - np.rint(steps)) * 6 * CLOCK_S
    print(f"{len(notes)} notes, off the grid: median {np.median(off_ms):.2f} ms, "
          f"{np.percentile(off_ms, 1):.2f} to {np.percentile(off_ms, 99):.2f}")  # fmt: skip
    assert abs(np.median(off_ms)) < 15
    assert program.poll() is None


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_in_the_middle_leaves_no_note(stage, how):
    sequencer, program = stage
    player = threading.Thread(target=sequencer.play, args=(7,))
    player.start()
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and not np.isinf(sequencer.notes()[:, 1:2]).any():
        time.sleep(0.02)
    assert np.isinf(sequencer.notes()[:, 1]).any(), "nothing ever sounded"
    program.send_signal(how)
    _, err = program.communicate(timeout=20)
    player.join()
    assert np.isfinite(sequencer.notes()[:, 1]).all(), sequencer.heard[-5:]
    assert program.returncode == 0, err
