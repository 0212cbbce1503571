"""Which device is meant, and what a loop sounds like: without a sound card."""

from __future__ import annotations

import numpy as np
import pytest

from agent.devices import audio_device, latency
from agent.devices.audio_device import Device, DeviceError
from agent.devices.portaudio import JACK


def made(number: int, name: str, api: str = "ALSA", inputs: int = 2, outputs: int = 2, **own: bool) -> Device:
    return Device(number, name, api, inputs, outputs, 48000, own.get("mic", False), own.get("speaker", False))


STAGE = [
    made(0, "HDA Intel: analog", mic=True, speaker=True),
    made(1, "HDMI", inputs=0),
    made(2, "Scarlett 2i2 USB"),
    made(3, "system", JACK, mic=True, speaker=True),
    made(4, "Scarlett 2i2 USB", JACK),
]


def test_nothing_asked_is_the_systems_own():
    assert audio_device._find(STAGE, "", "input").number == 0
    assert audio_device._find(STAGE, "", "output", beside=STAGE[3]).number == 3
    assert audio_device._find(STAGE[1:2], "", "output").number == 1


@pytest.mark.parametrize(("which", "number"), [("1", 1), ("hdmi", 1), ("system", 3), ("intel", 0), ("2i2 jack", 4)])
def test_a_number_a_name_or_a_part_of_it_will_do(which, number):
    assert audio_device._find(STAGE, which, "output").number == number


def test_the_other_side_decides_between_two_of_a_name():
    assert audio_device._find(STAGE, "scarlett", "output", beside=STAGE[3]).number == 4
    with pytest.raises(
        DeviceError, match=r"output = 'scarlett' may be 2 'Scarlett.*ALSA.*, 4 'Scarlett.*give its number"
    ):
        audio_device._find(STAGE, "scarlett", "output")


def test_what_is_not_there_is_told_with_what_is():
    with pytest.raises(DeviceError, match=r"no sound input 'Skarlett 2i2': there is 2 'Scarlett 2i2 USB'.*4 'Scarlett"):
        audio_device._find(STAGE, "Skarlett 2i2", "input")
    with pytest.raises(DeviceError, match="no sound input '1'"):  # HDMI hears nothing
        audio_device._find(STAGE, "1", "input")
    with pytest.raises(DeviceError, match="this machine has no sound input"):
        audio_device._find(STAGE[1:2], "", "input")


def test_channels_count_from_one_and_come_once():
    assert audio_device.channels("2,1,2", STAGE[0], "input") == [1, 0]
    assert audio_device.channels("", STAGE[1], "output") == [0, 1]
    assert audio_device.channels("1", None, "input") == []
    for wrong in ("0", "3", "1,,2", "a", "1.5"):
        with pytest.raises(DeviceError, match=f"live.input_channels = '{wrong}'"):
            audio_device.channels(wrong, STAGE[0], "input")


def test_what_is_the_systems_own_is_marked():
    assert audio_device.marks(STAGE[0]) == ", default input and output" and audio_device.marks(STAGE[1]) == ""
    assert audio_device.table(STAGE)[1]["name"] == "HDMI"


@pytest.mark.parametrize("delay", [0, 1, 512, 30_001])
@pytest.mark.parametrize("gain", [1.0, -0.05])
def test_a_burst_is_found_to_the_sample(delay, gain):
    rng, sound = np.random.default_rng(delay), latency.burst()
    heard = (0.003 * rng.standard_normal(48000)).astype(np.float32)
    heard[delay : delay + len(sound)] += np.float32(gain) * sound
    assert latency.find(heard, sound) == delay


def test_what_is_not_the_burst_is_not_found():
    rng, sound = np.random.default_rng(1), latency.burst()
    noise = (0.2 * rng.standard_normal(48000)).astype(np.float32)
    for heard in (
        noise,
        np.zeros(48000, np.float32),
        latency.burst(seed=1),
        np.sin(np.arange(48000)).astype(np.float32),
    ):
        assert latency.find(heard, sound) is None
    assert latency.find(noise[:100], sound) is None


def test_a_budget_is_told_part_by_part():
    budget = latency.LatencyBudget(250.0, 40.0, 5.0, 7.0, 302.0, 576, 0, 256, 48000, 0, "cable")
    said = "\n".join(budget.lines())
    assert all(
        part in said for part in ("hop", "slack", "device in", "device out", "302.00 ms", "576 samples", "cable")
    )
    assert latency.LatencyBudget(**budget.as_table()) == budget
