"""The coherence meter: what its process answers, how often it is asked, how it ends and begins anew, who is told."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from contextlib import ExitStack, suppress
from itertools import cycle
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from rich.console import Console

from agent.coherence import meter, meter_worker
from agent.coherence.meter import CoherenceMeter
from agent.control.bus import Bus
from agent.control.table import REPORTS
from agent.engine import file_transport
from agent.engine.buffers import AudioBuffers
from agent.engine.engine import Engine
from agent.interfaces.terminal.view import ViewState, render
from agent.records.replay import sounds
from agent.records.session_log import SessionLog
from agent.settings.config import ConfigError
from agent.verbs import play
from corpora.audio import resample
from perception.coherence import Coherence
from perception.fit_stream import FitState, hear, measure
from perception.pulse import NO_BEAT, Beat
from tests.agent.interfaces.terminal.test_app import NOW
from tests.conftest import melody, noise

RATE = 22050
PATIENCE_S = 300.0  # for two processes to begin on a busy machine
ALIKE = (
    "from agent.coherence import meter_worker as m; m.lower_priority = lambda: None; m.main()"  # where others are busy
)
SPEAKS = """
import json, sys, time
frames, wait, lives = 5 * int(sys.argv[2]), {wait}, {lives}
print(json.dumps({{"ready": True}}), flush=True)
scores = {{"both": 3.0, "harmonic": 2.0, "percussive": 1.0, "position": 0.5, "in_tune": 0.25, "in_time": None}}
while lives and len(head := sys.stdin.buffer.read(16)) == 16:
    sys.stdin.buffer.read(8 * int.from_bytes(head[8:], "little") + 8 * frames)
    time.sleep(wait)
    print(json.dumps(scores), flush=True)
    lives -= 1
"""


def asked(folder: Path, *pairs: tuple[np.ndarray, np.ndarray], tail: bytes = b"", beats=(), every: float = 5) -> list:
    """What the process would answer to so many pairs at RATE, one after the other, each `every` s after the last."""
    go, ends = io.StringIO(), [round((5 + every * number) * RATE) for number in range(len(pairs))]
    parts = [part for end, pair in zip(ends, pairs, strict=True) for part in meter_worker.request(end, beats, *pair)]
    come = io.BytesIO(b"".join(parts) + tail)
    meter_worker.serve(str(folder), RATE, come, go)
    return [json.loads(line) for line in go.getvalue().splitlines()]


# --- the process


def test_it_answers_the_scores_of_the_model_and_the_calibrated_position(tiny_coherence):
    heard, spoken = melody(5, RATE, 3), noise(5, RATE, 4)
    ready, one, other, *more = asked(
        tiny_coherence, (heard, spoken), (spoken, heard), tail=meter_worker.HEADER.pack(0, 0) + b"not a whole pair"
    )
    model = Coherence.load(tiny_coherence)
    expected = model.compare(resample(heard, RATE, 16000), resample(spoken, RATE, 16000))
    assert ready == {"ready": True} and not more and one != other
    assert {name: one[name] for name in expected.scores} == pytest.approx(expected.scores)
    assert one["position"] == pytest.approx(expected.positions["both"])


def test_what_is_measured_needs_its_time_and_is_that_of_the_whole(tiny_coherence):
    """Windows of 5 s, one a second, are the same minute as the sound in one piece; after a gap it begins anew."""
    heard, spoken, beats = melody(20, RATE, 3), melody(20, RATE, 4), np.arange(45) * 0.4
    windows = [tuple(x[begin * RATE : (begin + 5) * RATE] for x in (heard, spoken)) for begin in range(16)]
    _, first, *others, last = asked(tiny_coherence, *windows, beats=beats, every=1)
    assert first["in_tune"] is None, "there is no other moment yet"
    state = FitState()
    hear(state, *(resample(x, RATE, 16000) for x in (heard, spoken)))
    whole = measure(state, beats)
    assert last["in_tune"] == pytest.approx(whole.in_tune, abs=0.02), "a window is resampled without what is around it"
    assert last["in_time"] == pytest.approx(whole.in_time, abs=0.05)
    count = 1 + next(number for number, one in enumerate((first, *others)) if one["in_tune"] is not None)
    after_gap = asked(tiny_coherence, *windows[: count + 1], beats=beats, every=6)[-1]
    assert after_gap["in_tune"] is None


def test_silence_is_not_scored(tiny_coherence):
    heard, still = melody(5, RATE), np.full(5 * RATE, 1e-4)
    assert asked(tiny_coherence, (heard, still), (still, heard))[1:] == [{"silent": "spoken"}, {"silent": "heard"}]


def test_without_calibration_and_without_separation(tmp_path):
    for name, content in Coherence(separated=False).files().items():
        (tmp_path / name).write_bytes(content)
    _, found = asked(tmp_path, (melody(5, RATE), noise(5, RATE)))
    assert set(found) == {"both", "position", "in_tune", "in_time"} and found["position"] == meter_worker.UNCALIBRATED


def test_a_damaged_meter_says_so(tiny_coherence, tmp_path):
    (tmp_path / "coherence.json").write_bytes((tiny_coherence / "coherence.json").read_bytes())
    (said,) = asked(tmp_path)
    assert said["refused"].startswith(f"'{tmp_path}' is no coherence model") and "\n" not in said["refused"]


@pytest.mark.skipif(not hasattr(os, "SCHED_IDLE"), reason="not on this system")
def test_it_takes_only_what_nobody_else_wants():
    program = "import os; from agent.coherence.meter_worker import lower_priority; lower_priority()"
    program += "; print(os.sched_getscheduler(0), os.nice(0))"
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert said.split() == [str(os.SCHED_IDLE), "19"]


# --- the meter, on buffers that a test fills


class Stand:
    """Buffers in which something sounds, and what else a meter knows of an engine."""

    def __init__(self):
        self.samplerate, self.bus, self.over, self.interval = RATE, Bus(), threading.Event(), 0.0
        self.buffers, self.tap, self.errors = AudioBuffers(0.5, RATE, 0), self.bus.tap(), []
        self.sound, self.beats_asked = melody(10, RATE), list[int]()

    def beat_at(self, sample: int) -> Beat:
        self.beats_asked.append(sample)
        return Beat(0.0, 0.5, 1.0)

    def set_coherence_interval(self, seconds: float) -> None:
        self.interval = seconds

    def log_coherence(self, scores: dict, hop: int) -> None:
        pass

    def play(self, seconds: float) -> None:
        """So much is heard and spoken."""
        for _ in range(round(2 * seconds)):
            hop = self.buffers.current_hop + 1
            n = self.buffers.boundary(hop + 1) - self.buffers.boundary(hop)
            if hop:
                self.buffers.publish(hop, self.sound[:n])
            self.buffers.process(self.sound[-n:], np.empty(n, np.float32))

    def reports(self, name: str, count: int = 1, seconds: float = 60) -> list[tuple]:
        """Wait for so many reports of this name; errors that come meanwhile are kept."""
        until, found = time.monotonic() + seconds, []
        while len(found) < count and time.monotonic() < until:
            for one, values in self.tap.drain():
                found += [values] if one == name else []
                self.errors += [values[0]] if one == "error" != name else []
            time.sleep(0.01)
        return found


@pytest.fixture
def stand():
    return Stand()


@pytest.fixture
def speaks(monkeypatch):
    """`speaks(wait, lives)`: instead of our process one that needs `wait` s and ends after so many scores."""

    def program(wait: float, lives: int = 1000) -> None:
        monkeypatch.setattr(meter, "PROGRAM", (sys.executable, "-c", SPEAKS.format(wait=wait, lives=lives)))

    return program


def test_a_slow_one_is_asked_less_often(stand, speaks, tmp_path):
    """At most half of the time it is at work: after 0.3 s of work 0.5 s is too early, 1 s is due."""
    speaks(0.3)
    one = CoherenceMeter(stand, tmp_path, 0.5).start()
    try:
        stand.play(5)
        assert stand.reports("coherence") == [(0.5, 3.0, 2.0, 1.0)]
        stand.play(0.5)
        assert not stand.reports("coherence", seconds=0.6)
        stand.play(0.5)
        assert stand.reports("coherence")
        means = {"position": 0.5, "both": 3.0, "harmonic": 2.0, "percussive": 1.0, "in_tune": 0.25}
        assert one.summary() == {"scores": 2} | means
    finally:
        one.close()


def test_what_is_measured_is_reported_and_unknown_is_minus_one(stand, speaks, tmp_path):
    """The beat that is asked for is the one where the 5 s end."""
    speaks(0)
    with ExitStack() as stack:
        stack.callback(CoherenceMeter(stand, tmp_path, 0.5).start().close)
        stand.play(5.5)
        assert stand.reports("fit") == [(0.25, -1.0)] and 5 * RATE <= stand.beats_asked[0] <= 5.5 * RATE


def test_beats_are_put_together_without_a_gap_and_none_twice():
    """However often they are asked for, and though each time they are known a little better."""
    for every in (0.3, 1.0, 2.7):
        recent, rng = meter.RecentBeats(), np.random.default_rng(0)
        for now in np.arange(every, 30, every):
            times = recent.add(Beat(now + rng.uniform(-0.02, 0.02) - now % 0.5, 0.5, 1.0), now)
        assert len(times) in (19, 20, 21) and times[-1] > now - 0.55 and times[0] > now - 10
        np.testing.assert_allclose(np.diff(times), 0.5, atol=0.05)


def test_beats_before_a_stretch_without_are_forgotten():
    recent = meter.RecentBeats()
    assert len(recent.add(Beat(0.0, 0.5, 1.0), 4.1)) == 8
    assert len(recent.add(NO_BEAT, 7.0)) == 8 and len(recent.add(Beat(7.25, 0.5, 1.0), 8.0)) == 2
    assert len(recent.add(NO_BEAT, 30.0)) == 0


def test_nothing_new_sounds_nothing_new_is_scored(stand, speaks, tmp_path):
    speaks(0)
    with ExitStack() as stack:
        stack.callback(CoherenceMeter(stand, tmp_path, 0.5).start().close)
        stand.play(4.5)
        assert not stand.reports("coherence", seconds=0.3), "5 s are needed"
        stand.play(0.5)
        assert stand.reports("coherence") and not stand.reports("coherence", seconds=0.8)


def test_it_is_begun_once_more_and_then_given_up(stand, speaks, tmp_path):
    speaks(0, lives=1)
    one = CoherenceMeter(stand, tmp_path, 0.5).start()
    assert stand.interval == one.interval_s
    for _ in range(100):
        if not stand.interval:
            break
        stand.play(0.5)
        time.sleep(0.1)
    assert len(stand.reports("coherence", seconds=0.1)) == 2 and [said.split(":")[0] for said in stand.errors] == [
        "the coherence meter has ended by itself", "the coherence meter has ended again"
    ]  # fmt: skip
    one.close()
    assert one.process.poll() is not None


def test_what_refuses_is_not_begun_again(stand, monkeypatch, tmp_path):
    program = "import json; print(json.dumps({'refused': 'it is broken: mend it'}))"
    monkeypatch.setattr(meter, "PROGRAM", (sys.executable, "-c", program))
    with ExitStack() as stack:
        stack.callback(CoherenceMeter(stand, tmp_path, 0.5).start().close)
        assert stand.reports("error") == [("the music goes on without a coherence meter: it is broken: mend it",)]
        assert not stand.reports("error", seconds=0.5) and not stand.interval


def test_closing_waits_for_no_score_and_says_nothing(stand, speaks, tmp_path):
    speaks(30)
    one = CoherenceMeter(stand, tmp_path, 0.5).start()
    stand.play(6)
    time.sleep(0.5)
    began = time.monotonic()
    one.close()
    assert time.monotonic() - began < 20 and not one._thread.is_alive() and one.process.poll() is not None
    assert not stand.reports("error", seconds=0.1)


# --- whether there is one


def test_off_lacking_or_chosen(stage, stand, speaks, tiny_coherence):
    said: list[str] = []
    speaks(0)
    with ExitStack() as stack:
        assert meter.open_meter(stand, stage.settings("coherence.every=0"), stack, said.append) is None and not said
        assert meter.open_meter(stand, stage.settings(), stack, said.append) is None
        assert said == [f"no coherence is shown: model '{stage.model}' has no coherence meter: make one with: "
                        "antiphon train coherence DATA -o DIR"]  # fmt: skip
        chosen = meter.open_meter(stand, stage.settings(f"coherence.model={tiny_coherence}"), stack, said.append)
        assert chosen.folder == tiny_coherence and chosen.interval_s == 1.0 and stand.interval == 1.0
    assert chosen.process.poll() is not None
    with pytest.raises(ConfigError, match=r"coherence.model = 'nowhere': expected a folder with a coherence.json"):
        meter.open_meter(stand, stage.settings("coherence.model=nowhere"), ExitStack(), said.append)


def test_from_file_to_file_there_is_none(antiphon, tiny, memory, guide, tiny_coherence):
    said = antiphon("play", "--input", guide, "--output", "out.wav", "--model", tiny, "--memory", memory, "--speed", 0,
                    "--set", f"coherence.model={tiny_coherence}", "--json")  # fmt: skip
    assert said.code == 0 and "coherence" not in json.loads(said.out) and not said.err


def test_the_report_in_a_line():
    report = {"samples": RATE, "samplerate": RATE, "hops": 2, "missed": 0, "xruns": 0, "mind_ms": {"p50": 1, "p99": 2}}

    def line(coherence):
        return play.lines(report | {"coherence": coherence}, play.PlayOptions())[0]

    assert "coherence" not in line({}) + line({"scores": 0})
    assert line({"position": 0.625, "both": 3.0}).endswith("; coherence 0.62")
    assert line({"both": 3.0}).endswith("; coherence 3.00")


# --- all of it


def test_the_real_one_on_an_engine(stage, tiny_coherence, monkeypatch, tmp_path):
    """Scores come while it plays and after its process was killed; they are in the log, which replays to the sound."""
    monkeypatch.setattr(meter, "PROGRAM", (sys.executable, "-c", ALIKE))
    session, bus, written = stage.session(hop=0.5, rate=RATE), Bus(), []
    tap = bus.tap()
    with SessionLog(tmp_path / "S.jsonl", session, str(stage.memory), bus=bus, slack=882) as log:
        engine = Engine(session, samplerate=RATE, slack_ms=40, bus=bus)
        engine.warm_up()
        one = CoherenceMeter(engine, tiny_coherence, 1.0).start()
        engine.start(log)
        loop = file_transport.BlockLoop(engine, cycle(np.split(melody(20, RATE, 8), 1000)), 2.0, written.append)
        until, killed = time.monotonic() + PATIENCE_S, None
        scores, errors, fits = [], [], []
        while time.monotonic() < until and len(scores) < 2 + 2 * bool(killed):
            for name, values in tap.drain():
                scores += [values] if name == "coherence" else []
                fits += [values] if name == "fit" else []
                errors += values if name == "error" else []
            if len(scores) >= 2 and killed is None:
                killed = one.process
                killed.kill()
            time.sleep(0.02)
        engine.over.set()
        loop.close()
        one.close()
        engine.stop()
    assert len(scores) >= 4 and one.process is not killed and len(errors) == 1, errors
    assert len(fits) >= len(scores) - 1 and all(-1 <= value <= 1 for values in fits for value in values)
    for values in scores:
        assert len(values) == len(REPORTS["coherence"].fields) and 0 <= values[0] <= 1 and np.isfinite(values).all()
    lines = [json.loads(line) for line in (tmp_path / "S.jsonl").read_text().splitlines()]
    kept = [line["coherence"]["both"] for line in lines if "coherence" in line]
    assert kept[: len(scores)] == [values[1] for values in scores] and "end" in lines[-1]
    assert np.concatenate(list(sounds(tmp_path / "S.jsonl"))).tobytes() == np.concatenate(written).tobytes()


PARENT = """
import sys, threading, time
from types import SimpleNamespace
from agent.coherence import meter
from agent.control.bus import Bus
from agent.engine.buffers import AudioBuffers
meter.PROGRAM = (sys.executable, "-c", sys.argv[2])
bus = Bus()
tap = bus.tap()
engine = SimpleNamespace(samplerate=48000, bus=bus, over=threading.Event(), buffers=AudioBuffers(0.5, 48000, 0),
                         set_coherence_interval=lambda seconds: None, beat_at=None)
one = meter.CoherenceMeter(engine, sys.argv[1], 1.0).start()
print(one.process.pid, flush=True)
time.sleep(float(sys.argv[3]))
"""


@pytest.mark.slow
@pytest.mark.parametrize("killed", [True, False])
def test_it_does_not_outlive_who_began_it(tiny_coherence, killed):
    """Killed, or at the end of a program that closes nothing."""
    words = [textwrap.dedent(PARENT), tiny_coherence, ALIKE, 60 if killed else 0.5]
    parent = subprocess.Popen([sys.executable, "-c", *map(str, words)], stdout=subprocess.PIPE, text=True)
    number = int(parent.stdout.readline())
    if killed:
        parent.send_signal(signal.SIGKILL)
    assert parent.wait(20) == (-signal.SIGKILL if killed else 0)
    until = time.monotonic() + 60
    with suppress(ProcessLookupError):
        while time.monotonic() < until:
            os.kill(number, 0)
            if " Z " in Path(f"/proc/{number}/stat").read_text():
                break
            time.sleep(0.05)
    assert time.monotonic() < until


# --- what is seen


def seen(*values: float, every: float = 1.0, ago: float = 0.0, fit: tuple = (), begins: str = "fit ") -> str:
    """A line of the terminal's picture after such reports, so long ago."""
    memory, alphabet = SimpleNamespace(name="demo", seconds=60.0), SimpleNamespace(shapes=5)
    view = ViewState(SimpleNamespace(silence=64, repertoire=[memory], model=SimpleNamespace(alphabet=alphabet)))
    if values:
        view.update("coherence", values)
        view.coherence_time -= ago
    if fit:
        view.update("fit", fit)
    console = Console(width=100, height=40, file=io.StringIO())
    console.print(render(view, NOW | {"meter": every}, 100, 40))
    return next((line for line in console.file.getvalue().splitlines() if line.startswith(begins)), "")


def test_the_terminal_shows_where_between_strangers_and_partners():
    assert not seen(every=0.0) and seen().endswith("partners  –")
    line = seen(0.75, 12.0, 3.0, -1.0)
    bar = line.split()[2]
    assert len(bar) == 40 and bar.index("█") == 30 and "0.75" in line and "harmonic 3.0" in line
    assert "█" not in seen(-1.0, 12.0, 3.0, -1.0) and "12.0" in seen(-1.0, 12.0, 3.0, -1.0)
    assert seen(0.75, 12.0, 3.0, -1.0, ago=3.5).endswith("partners  –")
    assert "0.75" in seen(0.75, 12.0, 3.0, -1.0, ago=3.5, every=10.0)


def test_the_terminal_shows_in_tune_and_in_time():
    scored = (0.75, 12.0, 3.0, -1.0)
    assert not seen(every=0.0, begins="in tune")
    line = seen(*scored, fit=(0.5, 0.9), begins="in tune")
    assert "0.50" in line and "in time" in line and "0.90" in line and "█" in line
    assert seen(*scored, fit=(-1.0, -1.0), begins="in tune").count("–") == 2
    assert "-0.20" in seen(*scored, fit=(-0.2, -1.0), begins="in tune")
    assert seen(*scored, fit=(0.5, 0.9), ago=9, begins="in tune").count("–") == 2
