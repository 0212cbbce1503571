"""MIDI through a real server: JACK carries the messages, rtmidi hears them."""

import os
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from agent.control.bus import Bus
from agent.devices.midi_clock import CLOCK, START, MidiClock
from agent.devices.midi_port import VIRTUAL, MidiPort, ports
from agent.interfaces.midi_mapping import MidiMapping
from agent.settings.config import Config, ConfigError, change
from tests.live.jackrig import Rig, needs_jack

ROOT = Path(__file__).parents[2]

rtmidi = pytest.importorskip("rtmidi", reason="python-rtmidi or libasound2 is not installed", exc_type=ImportError)
pytestmark = [
    needs_jack,
    pytest.mark.skipif(
        rtmidi.API_UNIX_JACK not in rtmidi.get_compiled_api(), reason="this python-rtmidi was built without JACK"
    ),
]


@pytest.fixture(scope="module")
def rig():
    with Rig(period=256) as rig:
        yield rig


def instrument():
    """Another client of the server."""
    out = rtmidi.MidiOut(rtmidi.API_UNIX_JACK, "keys")
    out.open_virtual_port("out")
    return out


@pytest.fixture
def keyboard(rig):
    """An instrument, as long as the test."""
    out = instrument()
    yield out
    out.close_port()
    out.delete()


class Stage:
    def __init__(self, path=None):
        self.commands, self.times = [], []
        lines = {"cc 1 64": "hold", "note 1 60": "jump", "cc 1 1": "temperature"}
        self.mapping = MidiMapping(self.take, Bus(), change(Config(), "midi.map", lines), path)

    def take(self, command):
        self.times.append(time.perf_counter())
        self.commands.append(command)

    def wait(self, count, seconds=8.0):
        until = time.monotonic() + seconds
        while len(self.commands) < count and time.monotonic() < until:
            time.sleep(0.002)
        return [(one.name, one.args) for one in self.commands]


def test_pedal_key_and_fader_of_a_named_instrument(keyboard):
    stage = Stage()
    assert any("keys" in name for name in ports())
    port = MidiPort("KEYS", stage.mapping.receive, stage.mapping.bus)
    try:
        time.sleep(0.1)
        for message in ([0xB0, 64, 127], [0x90, 60, 100], [0x80, 60, 0], [0xB0, 1, 0], [0xB0, 64, 0]):
            keyboard.send_message(message)
        assert stage.wait(4) == [("hold", (1,)), ("jump", ()), ("temperature", (0.2,)), ("hold", (0,))]
    finally:
        port.close()
    keyboard.send_message([0x90, 60, 100])
    time.sleep(0.1)
    assert len(stage.commands) == 4


def test_a_port_of_our_own_is_connected_by_the_musician(rig, keyboard):
    stage = Stage()
    port = MidiPort(VIRTUAL, stage.mapping.receive, stage.mapping.bus, client="agentmidi")
    try:
        rig.connect("keys:out", "agentmidi:midi_in")
        took = []
        for number in range(50):
            began = time.perf_counter()
            keyboard.send_message([0x90, 60, 100])
            stage.wait(number + 1)
            took.append(stage.times[number] - began)
            time.sleep(0.002)
        print(f"median {1e3 * sorted(took)[25]:.1f} ms, longest {1e3 * max(took):.1f} ms")
        assert len(stage.commands) == 50 and sorted(took)[25] < 0.05
    finally:
        port.close()


def test_learning_with_a_real_pedal(tmp_path, keyboard):
    from agent.control.command import Command
    from agent.settings.config import read

    path = tmp_path / "agent.toml"
    path.write_text("# mine\n[midi]\nport = 'keys'\n")
    stage = Stage(path)
    port = MidiPort("keys", stage.mapping.receive, stage.mapping.bus)
    try:
        time.sleep(0.1)
        stage.mapping.handle(Command("midi/learn", ("mute",), "key"))
        keyboard.send_message([0xB0, 80, 127])
        keyboard.send_message([0xB0, 80, 0])
        assert stage.wait(1) == [("mute", (0,))]
    finally:
        port.close()
    assert read(path).midi.map == {"cc 1 80": "mute"} and path.read_text().startswith("# mine\n")


def test_a_thousand_messages_a_second(rig, keyboard):
    stage, before = Stage(), rig.xruns()
    port = MidiPort("keys", stage.mapping.receive, stage.mapping.bus)
    try:
        time.sleep(0.1)
        for number in range(1000):
            keyboard.send_message([0xB0, 1, number % 128])
            time.sleep(0.001)
        count = len(stage.wait(1000))
        lost = rig.xruns() - before  # with each, JACK may have dropped what was on the wire: 5 messages, or some more
        assert max(900, 1000 - 16 * lost) <= count <= 1000, (lost, rig.log()[-1000:])
    finally:
        port.close()


def test_messages_of_one_block_stay_apart_while_we_are_busy(keyboard):
    stage, heard = Stage(), []
    receive = stage.mapping.receive
    stage.mapping.receive = lambda message: (time.sleep(0.02), heard.append(tuple(message)), receive(message))
    port = MidiPort("keys", stage.mapping.receive, stage.mapping.bus)
    try:
        time.sleep(0.1)
        sent = [(0xB0, 1, number) for number in range(40)]
        for message in sent:
            keyboard.send_message(message)
        stage.wait(40)
        assert heard == sent
    finally:
        port.close()


def wait_for(report, tap, seconds=10.0):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if report in list(tap.drain()):
            return True
        time.sleep(0.05)
    return False


def test_a_pedal_that_is_unplugged_is_taken_again(rig):
    stage = Stage()
    tap = stage.mapping.bus.tap()
    out = instrument()
    port = MidiPort("keys", stage.mapping.receive, stage.mapping.bus)
    try:
        out.close_port(), out.delete()
        assert wait_for(("device", ("lost", "MIDI keys:out")), tap)
        out = instrument()
        assert wait_for(("device", ("open", "MIDI keys:out")), tap)
        time.sleep(0.1)
        out.send_message([0x90, 60, 100])
        assert stage.wait(1) == [("jump", ())]
    finally:
        port.close()
        out.close_port(), out.delete()


PLAYER = """
    import time
    from tests.live.test_midi import instrument
    keys = instrument()
    while True:
        keys.send_message([0x90, 60, 100])
        time.sleep(0.05)
"""
RESTART = """
    from agent.devices.midi_port import MidiPort
    from agent.devices.portaudio import sounddevice
    from tests.live.jackrig import Rig
    from tests.live.test_midi import PLAYER, Stage, script, wait_for

    sounddevice()  # PortAudio is there as on stage
    with Rig(period=256) as rig:
        stage, playing = Stage(), script(PLAYER)
        rig.wait_for("keys:out")
        tap = stage.mapping.bus.tap()
        port = MidiPort("keys", stage.mapping.receive, stage.mapping.bus)
        for _ in range(2):
            assert stage.wait(5)[:1] == [("jump", ())]
            playing.kill()
            rig.kill()
            assert wait_for(("device", ("lost", "MIDI keys:out")), tap, 15), "lost"
            rig.start()
            playing = script(PLAYER)
            assert wait_for(("device", ("open", "MIDI keys:out")), tap, 20), "open"
            stage.commands.clear()
        assert len(stage.wait(5)) >= 5
        playing.kill()
        rig.kill()
        port.close()
        rig.start()
    print("done")
"""


def script(code):
    """A program of its own: one process cannot outlive its JACK server well."""
    env = os.environ | {"PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"}
    words = [sys.executable, "-X", "faulthandler", "-c", textwrap.dedent(code)]
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT, env=env)


@pytest.mark.slow
def test_a_server_that_is_restarted_is_found_again():
    program = script(RESTART)
    out, err = program.communicate(timeout=90)
    assert program.returncode == 0 and out.endswith("done\n"), err[-3000:]


def test_which_instrument_is_a_question(rig, keyboard):
    stage = Stage()
    with pytest.raises(ConfigError, match=r"midi\.port: no MIDI input 'harp'; there are '.*keys.*'"):
        MidiPort("harp", stage.mapping.receive, stage.mapping.bus)
    other = rtmidi.MidiOut(rtmidi.API_UNIX_JACK, "keys two")
    other.open_virtual_port("out")
    try:
        with pytest.raises(ConfigError, match=r"2 MIDI inputs are named 'keys'; there are"):
            MidiPort("keys", stage.mapping.receive, stage.mapping.bus)
        MidiPort("keys:out", stage.mapping.receive, stage.mapping.bus).close()
    finally:
        other.close_port()
        other.delete()


def test_a_machine_without_midi_is_told_so():
    code = """
        from agent.devices.midi_port import MidiPort, ports
        from agent.control.bus import Bus
        from agent.settings.config import ConfigError
        print(ports())
        try:
            MidiPort("keys", print, Bus())
        except ConfigError as error:
            print(error)
    """
    env = {"JACK_DEFAULT_SERVER": "nobody-is-here", "JACK_NO_START_SERVER": "1", "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], env=env, capture_output=True, text=True, timeout=60
    )
    assert done.stdout.endswith("midi.port: no MIDI input 'keys'; there are none: connect one, and start again\n")


def test_a_clock_keeps_its_beat_through_jack(keyboard):
    """24 clocks a beat through JACK, its thread and ours: the line is steadier than the messages."""
    told, sent = [], []
    clock = MidiClock(lambda *what: told.append(what))
    port = MidiPort("keys", lambda message: clock.receive(message, time.monotonic()), Bus(), "clock")
    try:
        keyboard.send_message([START])
        begin = time.monotonic() + 0.1
        for n in range(24 * 5 + 1):
            due = begin + n * 0.5 / 24
            time.sleep(max(0.0, due - time.monotonic()))
            keyboard.send_message([CLOCK])
            sent.append(time.monotonic())
        time.sleep(0.2)
    finally:
        port.close()
    tempi = [value for what, value, _ in told if what == "tempo"]
    beats = [when for what, _, when in told if what == "beat"]
    assert len(beats) >= 5 and abs(tempi[-1] - 120) < 3
    late = [beat - sent[24 * n] for n, beat in enumerate(beats[:6])]
    assert max(late[2:]) - min(late[2:]) < 0.02, "the beat does not jump about"
