"""The whole agent over JACK: played live it says, to the sample, what it says of a file; and it says so in time."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from pythonosc.udp_client import SimpleUDPClient

from agent.performance.hops import live_hops
from agent.verbs import play, respond
from tests.conftest import KINDS, samples, write
from tests.live.jackrig import Rig, needs_jack
from tests.live.musician import Take, take

pytestmark = needs_jack
SLACK = 40.0  # ms


class Agent:
    """A concert between the ports of a rig, in a thread; OSC ends it."""

    def __init__(self, rig: Rig, stage, folder: Path):
        self.rig, self.stage, self.folder, self.report, self.said = rig, stage, folder, {}, []
        self.thread: threading.Thread | None = None

    def start(self, *sets: str, hop: float = 0.25, memory: Path | None = None, freewheel: bool = True) -> Agent:
        """Until its ports are there. `sets` as after --set."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        own = [
            f"osc.port={self.port}",
            f"live.slack_ms={SLACK}",
            *([f"agent.memory={memory}"] if memory else []),
            *sets,
        ]
        options = play.PlayOptions(
            input="system", output="system", record=str(self.folder / "record"), freewheel=freewheel
        )
        self.thread = threading.Thread(target=self._play, args=(self.stage.settings(*own, hop=hop), options))
        self.thread.start()
        self.rig.wait_for("antiphon:out_0", 60)
        return self

    def _play(self, settings, options) -> None:
        self.report = play.play(settings, options, self.said.append)

    def end(self) -> dict:
        """Its report."""
        while self.thread and self.thread.is_alive():
            SimpleUDPClient("127.0.0.1", self.port).send_message("/antiphon/quit", [])
            self.thread.join(0.5)
        assert self.report, self.said
        return self.report

    def recorded(self) -> tuple[np.ndarray, np.ndarray]:
        """(heard, spoken), (n,) float32 each, from its first sample on."""
        return samples(self.folder / "record" / "heard.wav"), samples(self.folder / "record" / "spoken.wav")


@pytest.fixture
def agent(stage, tmp_path):
    """`agent(rig)` -> an agent to start."""
    return lambda rig: Agent(rig, stage, tmp_path)


def offline(stage, audio: np.ndarray, hop: float, rate: int, memory: Path | None = None) -> np.ndarray:
    """What the agent says of a recording, SLACK later, (slack + n,) float32."""
    sets = [f"agent.memory={memory}"] if memory else []
    session = stage.session(*sets, hop=hop, rate=rate)
    state, slack = session.start(), round(SLACK * rate / 1000)
    state.output_delay = slack
    hops = live_hops(session, state, [audio])
    return np.concatenate([np.zeros(slack, np.float32), *(spoken for _, spoken, _ in hops)])


def begins(heard: np.ndarray, take: Take) -> int:
    """The agent's sample at which the musician began."""
    at = int(np.flatnonzero(heard)[0])
    played = take.played[: len(heard) - at]
    assert take.played[0] != 0 and np.array_equal(heard[at : at + len(played)], played)
    return at


def guide(rate: int, seconds: float = 12.0) -> np.ndarray:
    """A melody whose very first sample can be told from silence."""
    audio = KINDS["melody"](seconds, rate, 5)
    audio[0] = 0.01
    return audio


@pytest.mark.parametrize("rate", [48000, 44100])
def test_played_live_it_says_what_it_says_of_the_file(agent, stage, rate):
    with Rig(period=512, rate=rate) as rig:
        one = agent(rig).start()
        fed = take(rig, guide(rate))
        report = one.end()
    assert fed.missing == 0 and fed.xruns == 0
    assert report["missed"] == 0 and report["samplerate"] == rate
    heard, spoken = one.recorded()
    first, expected = begins(heard, fed), offline(stage, heard, 0.25, rate)
    n = len(fed.spoken)
    assert np.abs(expected).max() > 0.05
    assert np.abs(spoken[: first + n] - expected[: first + n]).max() == 0.0  # what the agent believes to have said
    assert np.abs(fed.spoken[:, 0] - expected[first : first + n]).max() == 0.0  # what came through JACK


@pytest.mark.parametrize("hop", [0.25, 0.5])
def test_an_answer_comes_when_the_budget_says(agent, tmp_path, hop):
    rate = 48000
    square = np.where(np.arange(8 * rate) // 100 % 2, 0.25, -0.25).astype(np.float32)  # never 0, and no direct current
    steady = write(tmp_path / "steady.wav", square, rate, "FLOAT")
    rests = ("decision.density=0.999", "action.crossfade_ms=1")  # it rests while the musician does
    silence = np.zeros(4 * rate, np.float32)
    silence[0] = 0.01
    with Rig(period=256, rate=rate) as rig:
        one = agent(rig).start(*rests, hop=hop, memory=steady)
        fed = take(rig, np.concatenate([silence, guide(rate, 3.0)]))
        report = one.end()
    heard, _ = one.recorded()
    first, length = begins(heard, fed), round(hop * rate)
    onset = first + len(silence)
    hop_heard = onset // length * length
    before = np.abs(fed.spoken[: onset - first]).max()
    answered = first + len(silence) + int(np.flatnonzero(fed.spoken[len(silence) :, 0])[0])
    budget = report["latency_ms"]
    assert before == 0 and budget["slack"] == SLACK
    assert answered - hop_heard == round((budget["hop"] + budget["slack"]) * rate / 1000)


@pytest.mark.slow
def test_in_real_time_nothing_is_missed(agent, stage):
    with Rig(period=1024) as rig:
        one = agent(rig).start(freewheel=False)
        fed = take(rig, guide(48000, 10.0), freewheel=False)
        report = one.end()
    heard, spoken = one.recorded()
    assert report["hops"] >= 40
    if fed.xruns or report["xruns"] or report["missed"]:
        pytest.skip(f"a busy machine: {fed.xruns} xruns, {report['missed']} hops missed")
    first, expected = begins(heard, fed), offline(stage, heard, 0.25, 48000)
    n = len(fed.spoken)
    assert np.abs(spoken[: first + n] - expected[: first + n]).max() == 0.0
    assert np.abs(fed.spoken[:, 0] - expected[first : first + n]).max() == 0.0


@pytest.mark.slow
def test_unplugged_the_program_says_so_and_plays_on(tiny, memory):
    words = ["play", "--input", "system", "--output", "system", "--model", tiny, "--memory", memory]
    with Rig(period=1024) as rig:
        program = subprocess.Popen(
            [sys.executable, "-m", "agent.cli", *map(str, words), "--set", "osc.port=0"],
            env=rig.env,
            cwd=Path(respond.__file__).parents[2],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            rig.wait_for("antiphon:out_0", 60)
            time.sleep(1.0)
            rig.kill()
            time.sleep(2.5)
            assert program.poll() is None
            rig.start()
            rig.wait_for("antiphon:out_0", 10)
            fed = take(rig, guide(48000, 3.0), freewheel=False)
            program.send_signal(signal.SIGINT)
            said = program.communicate(timeout=30)[1]
        finally:
            program.kill()
    assert program.returncode == 0
    assert said.splitlines() == ["open system", "lost system", "open system"]
    assert np.abs(fed.spoken).max() > 0.01
