"""Streams on a real JACK server: opened, heard, unplugged, found again."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from agent.devices import audio_device
from agent.devices.portaudio import DeviceError, jack_server
from agent.engine import buffers
from tests.live.jackrig import Rig, needs_jack
from tests.live.musician import take

pytestmark = needs_jack
HOP = 0.25


@pytest.fixture
def rig():
    with Rig(period=1024) as running:
        yield running


@pytest.fixture
def playing(rig):
    """`playing(...)` -> (buffers, stream), closed after the test."""
    opened = []

    def make(input="", output="", channels_in=1, channels_out=1, slack=4000, wait=False):
        pair = audio_device.choose(input, output)
        shared = buffers.AudioBuffers(HOP, pair.samplerate, slack, wait=wait)
        shared.set_channels(channels_in, channels_out)
        stream = audio_device.Stream(shared, pair)
        stream.start()
        opened.append((shared, stream))
        return shared, stream

    yield make
    for shared, stream in opened:
        shared.close()
        stream.close()


@pytest.fixture
def kept(playing):
    """(buffers, reports): a stream that plays, and what its keeper says of it."""
    shared, stream = playing()
    reports = []
    keeper = audio_device.StreamWatchdog(stream, lambda *report: reports.append(report))
    keeper.start()
    assert until(lambda: shared.callbacks > 3)
    yield shared, reports
    keeper.end()


def answers(shared: buffers.AudioBuffers, ends: threading.Event) -> None:
    """A mind that plays back what it has heard: the answer of hop h is hop h - 2."""
    hop = 1
    while not ends.is_set():
        if shared.samples_in < shared.boundary(hop) or shared.answered(hop - 1) is None:
            time.sleep(0.0005)
            continue
        frames = shared.boundary(hop + 1) - shared.boundary(hop)
        start = shared.boundary(hop) - frames
        shared.publish(hop, shared.read_input(start, start + frames))
        hop += 1


def until(true, seconds: float = 15.0) -> bool:
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def test_the_server_is_the_systems_own_device(rig):
    found = audio_device.listing()
    (system,) = [one for one in found if one.name == "system"]
    assert (system.inputs, system.outputs, system.samplerate) == (2, 2, 48000)
    pair = audio_device.choose()
    assert pair.on_jack and pair.name == "system" and (pair.samplerate, pair.block) == (48000, 1024)
    assert jack_server() == (48000, 1024)


def test_a_device_goes_by_number_by_name_and_by_a_part_of_it(rig):
    number = audio_device.choose().output.number
    for which in (str(number), "system", "SYS", "sys jack"):
        assert audio_device.choose(which, which).output.number == number
    with pytest.raises(DeviceError, match=r"there is no sound input 'sistem': there is \d+ 'system' \(JACK"):
        audio_device.choose("sistem")
    with pytest.raises(DeviceError, match="no sound output '77'"):
        audio_device.choose("", "77")


def test_another_rate_is_refused_with_the_remedy(rig):
    with pytest.raises(DeviceError, match="runs at 48000 Hz, not at 44100 Hz: restart JACK at that rate"):
        audio_device.choose(samplerate=44100)


def test_channels_are_those_of_the_device(rig):
    pair = audio_device.choose()
    assert audio_device.channels("2", pair.input, "input") == [1]
    assert audio_device.channels("1, 2", pair.output, "output") == [0, 1]
    assert audio_device.channels("", pair.output, "output") == [0, 1]
    with pytest.raises(DeviceError, match="'system' has 2 input channels, so choose among 1 to 2"):
        audio_device.channels("3", pair.input, "input")
    with pytest.raises(DeviceError, match="expected numbers from 1 on"):
        audio_device.channels("left", pair.input, "input")


@pytest.mark.parametrize("rate", [48000, 44100])
def test_what_is_heard_is_answered_to_the_sample(rate):
    with Rig(period=512, rate=rate) as rig:
        pair = audio_device.choose()
        shared = buffers.AudioBuffers(HOP, pair.samplerate, 3000, wait=True)
        shared.set_channels(1, 2)
        stream = audio_device.Stream(shared, pair)
        ends = threading.Event()
        mind = threading.Thread(target=answers, args=(shared, ends))
        stream.start()
        mind.start()
        try:
            audio = np.random.default_rng(0).uniform(-0.5, 0.5, 4 * rate).astype(np.float32)
            heard = take(rig, audio, out_of=(0, 1), tail=1.0)
        finally:
            ends.set()
            shared.close()
            stream.close()
            mind.join()
    assert heard.xruns == 0 and heard.missing == 0
    lag = shared.boundary(1) + shared.slack
    expected = np.concatenate([np.zeros(lag, np.float32), heard.played])[: len(heard.played)]
    assert np.abs(expected).max() > 0.4
    assert shared.missed == 0
    for channel in range(2):
        assert np.abs(heard.spoken[:, channel] - expected).max() == 0.0


def test_the_block_is_the_servers_and_the_name_ours(rig, playing):
    shared, stream = playing(channels_in=2, channels_out=2)
    assert until(lambda: shared.callbacks > 3)
    info = stream.info()
    assert (info.name, info.samplerate, info.block) == ("system", 48000, 1024)
    assert {"antiphon:in_0", "antiphon:in_1", "antiphon:out_0", "antiphon:out_1"} <= set(rig.ports())
    stream.close()
    assert until(lambda: not rig.ports("antiphon:"))


def test_one_side_may_be_a_file(rig):
    for pair in (audio_device.choose(None, ""), audio_device.choose("", None)):
        shared = buffers.AudioBuffers(HOP, pair.samplerate, 4000)
        shared.set_channels(1 if pair.input else 0, 2 if pair.output else 0)
        stream = audio_device.Stream(shared, pair)
        stream.start()
        assert until(lambda shared=shared: shared.samples_in > 4096)
        assert (not rig.ports("antiphon:in_0")) == (pair.input is None)
        assert stream.info().input_latency_s == 0.0 and stream.active
        stream.close()
        assert not stream.active


@pytest.mark.parametrize("how", ["kill", "stop"])
def test_a_server_that_goes_is_said_and_found_again(rig, kept, how):
    shared, reports = kept
    lost, found = ("device", "lost", "system"), ("device", "open", "system")
    for expected in ([lost, found], [lost, found] * 2):
        getattr(rig, how)()
        assert until(lambda: reports[-1:] == [lost], 5)
        before = shared.samples_in
        time.sleep(0.5)
        assert shared.samples_in == before
        rig.start()
        assert until(lambda: reports[-1:] == [found])
        assert reports == expected and shared.samples_in > before and "antiphon:in_0" in rig.ports()
    audio = np.random.default_rng(0).uniform(-0.5, 0.5, 24000).astype(np.float32)
    take(rig, audio, tail=0.0)
    heard = shared.read_input(0, shared.samples_in)
    at = int(np.flatnonzero(heard)[0])
    assert np.array_equal(heard[at : at + len(audio)], audio)


def test_a_server_that_comes_back_at_another_rate_is_refused(rig, kept):
    shared, reports = kept
    rig.kill()
    rig.start(rate=44100)
    assert until(lambda: any(name == "error" for name, *_ in reports))
    (said,) = {report[1] for report in reports if report[0] == "error"}
    assert "runs at 44100 Hz, not at 48000 Hz: restart JACK at that rate" in said
    before = shared.samples_in
    rig.kill()
    rig.start(rate=48000)
    assert until(lambda: reports[-1] == ("device", "open", "system")) and until(lambda: shared.samples_in > before)
    assert sum(report[0] == "error" for report in reports) == 1


def test_a_server_that_sleeps_goes_on_with_the_same_stream(rig, kept):
    _, reports = kept
    rig.process.send_signal(signal.SIGSTOP)
    assert until(lambda: ("device", "lost", "system") in reports, 5)
    rig.process.send_signal(signal.SIGCONT)
    assert until(lambda: ("device", "open", "system") in reports)


def test_a_program_ends_well_when_the_server_has_gone_before_it(rig):
    words = (
        "from agent.devices import audio_device as device\nfrom agent.engine import buffers as buffers\n"
        "shared = buffers.AudioBuffers(0.25, 48000, 4000)\n"
        "stream = device.Stream(shared, device.choose())\n"
        "stream.start()\n"
        "print('on', flush=True)\n"
        "input()\n"
        "stream.close()\n"
        "print('closed', flush=True)\n"
    )
    agent = subprocess.Popen(
        [sys.executable, "-c", words], env=rig.env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert agent.stdout.readline() == "on\n"
    rig.kill()
    out, _ = agent.communicate("\n", timeout=20)
    assert out == "closed\n" and agent.returncode == 0


def test_devices_lists_what_there_is(rig, antiphon):
    said = antiphon("devices")
    assert said.code == 0 and "'system' (JACK" in said.out and "48000 Hz" in said.out
    (one,) = json.loads(antiphon("devices", "--json").out)["devices"]
    assert one["name"] == "system" and one["outputs"] == 2


def test_without_a_server_there_is_a_sentence(antiphon, monkeypatch):
    monkeypatch.setenv("JACK_DEFAULT_SERVER", "antiphon-nobody")
    monkeypatch.setenv("JACK_NO_START_SERVER", "1")
    if audio_device.listing():
        pytest.skip("this machine has a sound card")
    assert "no sound device" in antiphon("devices").out
    with pytest.raises(DeviceError, match="this machine has no sound input: start JACK or plug"):
        audio_device.choose()
