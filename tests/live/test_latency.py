"""The loop measured over a real server, and what `check` and `bench --live` tell of it."""

from __future__ import annotations

import json
import threading
import time

import pytest

from agent.devices import audio_device, latency
from agent.devices.portaudio import DeviceError
from agent.settings import config
from agent.verbs import bench_live, bench_rivals, check
from tests.live.jackrig import Rig, needs_jack

pytestmark = needs_jack


@pytest.fixture(autouse=True)
def short_loop(monkeypatch):
    """A loop of one server is a few periods long: nobody waits a second for what has long come back."""
    monkeypatch.setattr(latency, "LONGEST_LOOP_S", 0.4)


@pytest.mark.parametrize(("hop", "period", "rate"), [(0.25, 256, 48000), (0.5, 512, 44100)])
def test_the_servers_own_loop_takes_one_period(hop, period, rate):
    with Rig(period=period, rate=rate):
        budget = latency.measure(audio_device.choose(), hop, 40.0)
    if budget.xruns and budget.loop != period:
        pytest.skip(f"a busy machine: {budget.xruns} xruns")
    assert (budget.loop, budget.spread, budget.block, budget.through) == (period, 0, period, "server")
    slack, size = round(0.04 * rate), round(hop * rate)
    assert budget.total == pytest.approx(1000 * (size + slack + period) / rate)
    assert budget.device_in + budget.device_out == pytest.approx(1000 * period / rate)


def test_a_cable_is_measured_where_there_is_one():
    with Rig(period=1024) as rig:

        def plug():
            rig.wait_for("antiphon:out_0")
            rig.connect("antiphon:out_0", "antiphon:in_0")

        friend = threading.Thread(target=plug)
        friend.start()
        time.sleep(0.1)
        budget = latency.measure(audio_device.choose(), 0.5, 40.0)
        friend.join()
    assert (budget.loop, budget.through) == (1024, "cable") or budget.xruns


def test_a_slack_shorter_than_a_block_is_lengthened_in_the_budget_too():
    with Rig(period=2048):
        budget = latency.measure(audio_device.choose(), 0.25, 20.0)
    assert budget.slack == pytest.approx(1000 * (2048 + 480) / 48000)


@pytest.mark.slow
def test_check_prints_the_budget_and_what_the_machine_sustains(tiny, antiphon, monkeypatch):
    monkeypatch.setattr(check, "Wav2Vec2Config", lambda: bench_rivals.Wav2Vec2Config(num_hidden_layers=1))
    with Rig(period=1024):
        said = antiphon("check", "--model", tiny, "--input", "system", "--output", "--json")
    found = json.loads(said.out)
    assert said.code == 0 and found["latency"]["loop"] >= 1024
    assert [one["hop"] for one in found["sustains"]] == [0.25, 0.5]
    text = "\n".join(check.lines(found))
    assert "device out" in text and "largest model" in text


def test_check_refuses_a_device_that_is_not_there(tiny, antiphon):
    with Rig(period=1024):
        said = antiphon("check", "--model", tiny, "--input", "sistem")
    assert "there is no sound input 'sistem'" in said.sentence


def test_a_one_sided_pair_has_no_loop():
    with Rig(period=1024), pytest.raises(DeviceError, match="a loop has two ends"):
        latency.measure(audio_device.choose("", None), 0.25, 40.0)


@pytest.mark.slow
def test_bench_plays_with_everything_on(stage):
    with Rig(period=1024):
        found = bench_live.run(stage.settings(hop=0.25), 0.1)
    assert found["hops"] >= 20 and found["guest"]["sent"] > 100 and found["latency"]["loop"] >= 1024
    assert {"xruns", "missed", "mind"} <= set(found) and "xruns" in "\n".join(bench_live.lines(found))
    with pytest.raises(config.ConfigError, match="--minutes 0: expected"):
        bench_live.run(stage.settings(hop=0.25), 0)
