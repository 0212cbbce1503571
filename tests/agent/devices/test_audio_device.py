"""Which device is meant, and what a loop sounds like: without a sound card."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.devices import audio_device, latency
from agent.devices.audio_device import Device, DevicePair, StreamWatchdog
from agent.devices.errors import DeviceAbsentError, DeviceError, device_errors
from agent.devices.portaudio import JACK
from agent.engine.buffers import AudioBuffers


def made(number: int, name: str, api: str = "ALSA", inputs: int = 2, outputs: int = 2, **own: bool) -> Device:
    return Device(
        number=number, name=name, api=api, inputs=inputs, outputs=outputs, samplerate=48000,
        default_input=own.get("mic", False), default_output=own.get("speaker", False),
    )  # fmt: skip


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
    assert latency.find_burst(heard, sound) == delay


def test_what_is_not_the_burst_is_not_found():
    rng, sound = np.random.default_rng(1), latency.burst()
    noise = (0.2 * rng.standard_normal(48000)).astype(np.float32)
    for heard in (
        noise,
        np.zeros(48000, np.float32),
        latency.burst(seed=1),
        np.sin(np.arange(48000)).astype(np.float32),
    ):
        assert latency.find_burst(heard, sound) is None
    assert latency.find_burst(noise[:100], sound) is None


def test_a_budget_is_told_part_by_part():
    budget = latency.LatencyBudget(
        hop=250.0, slack=40.0, device_in=5.0, device_out=7.0, total=302.0, loop=576, spread=0, block=256,
        samplerate=48000, xruns=0, through="cable",
    )  # fmt: skip
    said = "\n".join(budget.lines())
    assert all(
        part in said for part in ("hop", "slack", "device in", "device out", "302.00 ms", "576 samples", "cable")
    )
    assert latency.LatencyBudget(**budget.as_table()) == budget


# --- what devices refuse


def refusals():
    """Every PaErrorCode of this machine's PortAudio, as sounddevice raises it."""
    module = pytest.importorskip("sounddevice", exc_type=(ImportError, OSError))
    return module, range(module._lib.paNotInitialized, module._lib.paNotInitialized + 40)


def test_every_refusal_is_a_sentence_with_a_remedy():
    module, codes = refusals()
    for code in codes:
        with pytest.raises(DeviceError) as caught, device_errors(module, "Scarlett"):
            module._check(code, "Error opening Stream")
        sentence = str(caught.value)
        assert sentence.startswith("'Scarlett' ") and ": " in sentence, "what is wrong, and what to do"
        assert str(code) not in sentence and "PaErrorCode" not in sentence and "Error opening" not in sentence
    with pytest.raises(DeviceError, match="'Scarlett' cannot be used"), device_errors(module, "Scarlett"):
        raise module.PortAudioError("Error querying device 7")
    with pytest.raises(DeviceError, match=r"cannot be used \(no such device\)"), device_errors(module, "Scarlett"):
        raise OSError(19, "no such device")


@pytest.mark.parametrize("ours", [ValueError, TypeError, KeyError, ZeroDivisionError])
def test_a_fault_of_ours_is_no_fault_of_the_device(ours):
    module, _ = refusals()
    with pytest.raises(ours), device_errors(module, "Scarlett"):
        raise ours("a bug")


class Lost:
    """A stream that is lost, and what each attempt to open it again meets."""

    active = False

    def __init__(self, meets):
        self.buffers = AudioBuffers(0.25, 8000, 0)
        self.pair = DevicePair(input=STAGE[0], output=STAGE[0], samplerate=48000, block=0)
        self.meets = list(meets)

    def reopen(self) -> None:
        error = self.meets.pop(0)
        if error is not None:
            raise error


MET = st.sampled_from([
    DeviceAbsentError("there is no such device"), DeviceError("it is in use: close it"), DeviceError("it runs at 8 Hz"),
    OSError("a fault"), ValueError("a bug"),
])  # fmt: skip


@given(st.lists(MET, min_size=1, max_size=12))
def test_whatever_keeps_a_device_away_is_told_once_if_it_lasts(meets):
    reports: list[tuple] = []
    watchdog = StreamWatchdog(Lost([*meets, None]), lambda *report: reports.append(report))
    watchdog._ended.set()  # no time between two attempts
    for _ in range(len(meets) + 1):
        watchdog._search()
    lasting = [b for a, b in pairwise(meets) if a is b and not isinstance(a, DeviceAbsentError)]
    said = [report[1] for report in reports if report[0] == "error"]
    assert reports[0] == ("device", "lost", STAGE[0].name)
    assert all(any(str(error) in sentence for error in lasting) for sentence in said)
    assert all(any(str(error) in sentence for sentence in said) for error in lasting)
    assert all(a != b for a, b in pairwise(said)), "not again and again"
