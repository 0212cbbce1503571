"""The measurements measure what they say, and `check` tells a musician what is missing."""

from __future__ import annotations

import copy
import importlib
import json
from functools import partial

import numpy as np
import pytest
import soundfile as sf
import torch
from transformers import Wav2Vec2Config, Wav2Vec2Model

from agent import cli
from agent.verbs import bench, bench_loop, bench_rivals, check, measure
from perception.transformer import Transformer, reference_hidden_states
from perception.wav2vec2 import Wav2Vec2Encoder, music_config
from tests.tolerance import encoder_rounding, network_rounding

SIZE = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64,
        "conv_dim": (16,) * 7, "num_conv_pos_embeddings": 16, "num_conv_pos_embedding_groups": 2}  # fmt: skip


def test_rivals_take_turns_and_the_warm_up_is_not_counted():
    calls: list[str] = []
    rivals = {name: lambda name=name: calls.append(name) for name in "ab"}
    found = measure.in_turns(rivals, rounds=3, warm=1)
    assert calls == ["a", "b"] * 4
    assert set(found) == {"a", "b"} and all(ms["wall"] >= 0 for ms in found.values())


def test_spread_is_of_the_times_given():
    assert measure.spread(np.arange(101.0)) == {"p50": 50.0, "p99": 99.0, "max": 100.0}


def test_the_decision_loop_is_measured_stage_by_stage(tiny, monkeypatch, tmp_path):
    for name, seconds in (("guide", 3), ("memory", 4)):
        noise = np.random.default_rng(seconds).uniform(-0.1, 0.1, seconds * 16000)
        sf.write(tmp_path / f"{name}.flac", noise, 16000)
    monkeypatch.setattr(bench.loading, "DEMO", tmp_path)
    found = bench_loop.decision_loop(
        bench.open_demo(str(tiny), 0.5), hops=8
    )  # more hops than the guide has: it begins again
    assert set(found["stages"]) == {"perception", "decision", "action", "sound", "mind"}
    assert found["hops"] == 8 and 0 < found["stages"]["mind"]["p50"] <= found["stages"]["mind"]["max"]


def test_repeating_labels_repeat_as_often_as_asked():
    labels = bench._repeating(np.random.default_rng(0), 20_000, 65, 0.98)
    assert 0.975 < (labels[1:] == labels[:-1]).mean() < 0.985
    assert labels.min() >= 0 and labels.max() < 64 and labels.dtype == np.int32


def test_choice_by_cost_of_a_short_and_a_long_memory():
    for segments in (400, 20_000):
        found = bench.cost_times(segments, 0.25, queries=5)
        assert found["segments"] == segments
        assert 0 < found["query"]["p50"] <= found["query"]["max"]


def test_oracle_of_ten_thousand_labels():
    found = bench.oracle_times(10_000, queries=20)
    assert found["labels"] == 10_000 and found["query"]["p50"] > 0 and found["build"] > 0


def test_a_stretched_hop_is_measured_beside_one_as_recorded():
    found = bench.stretch_times(0.25, rounds=2)
    assert len(found) == 3 and all(ms["cpu"] > 0 for ms in found.values())


def test_an_hour_is_reached_with_a_full_window():
    config = bench_rivals.DecisionConfig(units=8, hop=0.5, window=30, dim=16, layers=1, heads=2, ff=16)
    state = bench_rivals._at_minute(bench_rivals.Decision(config).eval(), 60)
    assert (state.heard, state.played) == (7200, 7200)


def test_coherence_is_measured_beside_the_official_way(monkeypatch):
    monkeypatch.setattr(bench_rivals, "in_turns", partial(measure.in_turns, warm=0))
    found = bench_rivals.coherence(rounds=1)
    assert set(found["ratios"]) == {"features", "score"} and min(found["ratios"].values()) > 0
    assert all(found[name]["cpu"] > 0 for name in ("features", "features, official", "score", "score, official"))


def test_bars_and_lines_tell_of_everything_measured():
    ms, two = {"p50": 1.0, "p99": 2.0, "max": 3.0}, {"wall": 1.0, "cpu": 1.0}
    found = {
        "machine": measure.machine() | {"load_before": 0.1, "load_after": 0.2},
        "model": "small",
        "hop": 0.25,
        "mind": {"hops": 240, "stages": {"mind": ms}, "cpu": ms},
        "encoder": {kind: {"parameters": 95e6, "window": 2.0, "naive": two, "step": two, "ratio_step": 6.0,
                           "recompute": two, "ratio_recompute": 7.0} for kind in ("model", "base")},
        "large": {"recompute": {"hops": 240, "stages": {"mind": ms}, "cpu": ms}},
        "decision": {"small": {"minute_1": two, "minute_60": two, "ratio": 1.2}},
        "cost": [{"segments": 100_000, "query": ms}],
        "oracle": [{"labels": 10_000, "self_repeat": 0.98, "build": 1.0, "query": ms}],
        "stretch": {"as recorded": two},
        "coherence": {"score": two, "score, official": two, "ratios": {"score": 4.0}},
        "respond": {"memory_minutes": 30, "peak_mib": {"guide_1_min": 1000.0, "guide_3_min": 1010.0}},
    }  # fmt: skip
    found["bars"] = bench.bars(found)
    met = {bar["what"]: bar["met"] for bar in found["bars"]}
    assert (
        met["naive / step, base"]
        and met["decision loop p50, ms"]
        and not met["decision at minute 60 / minute 1, small"]
    )
    assert met["respond, peak memory, MiB"] and met["respond, growth from 1 to 3 min"]
    assert not met["official / our score of coherence"]
    assert met["largest models, decision loop p50, ms"] and met["naive / recompute, base"]
    text = "\n".join(bench.lines(found))
    assert "largest models, recompute: p50 1.0, p99 2.0 ms" in text
    assert "NO  decision at minute 60" in text and measure.machine()["cpu"] in text
    json.dumps(found)


# --- what makes a step fast must not change it


@pytest.mark.parametrize("kind", ["music", "layer", "group"])
def test_reader_equals_the_models_own_transformer(kind):
    torch.manual_seed(0)
    norm = bench_rivals.LAYER_NORM if kind == "layer" else {}
    config = music_config(24, 32, 2, 2) if kind == "music" else Wav2Vec2Config(**SIZE, **norm)
    model = Wav2Vec2Model(config).eval()
    window = torch.randn(40, 32)
    with torch.inference_mode():
        expected = model.encoder(window[None]).last_hidden_state[0]
        for newest in (1, 13, 40):
            allowed = network_rounding(model.encoder, scale=float(expected.abs().max()), window=len(window))
            assert (Transformer(model)(window, newest) - expected[-newest:]).abs().max() <= allowed


def test_a_step_equals_reencoding_the_whole_window():
    torch.manual_seed(0)
    naive = Wav2Vec2Model(Wav2Vec2Config(**SIZE, **bench_rivals.LAYER_NORM)).eval()
    encoder = Wav2Vec2Encoder(copy.deepcopy(naive), 0.25, 1.0)
    audio = np.random.default_rng(0).standard_normal(3 * 16000).astype(np.float32) / 5
    frames = encoder.start()
    for hop in range(len(audio) // encoder.hop):
        feature = encoder.step(frames, audio[hop * encoder.hop : (hop + 1) * encoder.hop])
    first, end = encoder.hop_frames(hop)
    last = (end - 1) * encoder.stride + encoder.support
    window = audio[last - (encoder.window - 1) * encoder.stride - encoder.support : last]
    hidden = np.asarray(reference_hidden_states(naive, window))
    allowed = encoder_rounding(encoder, hidden)
    np.testing.assert_allclose(feature, hidden[first - end :].mean(0), rtol=0, atol=allowed)


# --- check


def states(found: dict) -> dict[str, str]:
    return {one["what"]: one["state"] for one in found["findings"]}


def test_a_whole_model_is_ready(tiny, capsys):
    cli.main(["check", "--model", str(tiny), "--json"])
    found = json.loads(capsys.readouterr().out)
    assert found["ready"] and set(found["hops"]) == {"0.25", "0.35", "0.5"}
    assert states(found)["hop 0.35 s"] == "ok" and all(one["real_time"] > 0 for one in found["hops"].values())
    assert check.lines(found)[-1] == "ready"


def test_a_model_that_is_not_there_is_an_error_and_exit_code_2(capsys):
    with pytest.raises(SystemExit) as end:
        cli.main(["check", "--model", "no such model"])
    said = capsys.readouterr().out
    assert end.value.code == 2 and "ERROR model: there is no model 'no such model'" in said and "NOT ready" in said


@pytest.mark.parametrize(
    ("error", "remedy"),
    [(OSError("PortAudio library not found"), "libportaudio2"), (ImportError(), "pip install sounddevice")],
)
def test_a_missing_sound_card_is_a_note_with_its_remedy(monkeypatch, error, remedy):
    def absent(name):
        raise error

    monkeypatch.setattr(importlib, "import_module", absent)
    state, said = check._sound_card()
    assert state == "note" and remedy in said and "files play without it" in said


def test_a_missing_renderer_or_demo_is_a_note(monkeypatch, tmp_path):
    monkeypatch.setattr(check.shutil, "which", lambda name: None)
    assert check._renderer()[0] == "note" and "fluid-soundfont-gm" in check._renderer()[1]
    monkeypatch.setattr(check, "DEMO", tmp_path)
    assert check._demo()[0] == "note" and "guide.flac" in check._demo()[1]


def test_a_full_disk_is_told(monkeypatch, tmp_path):
    monkeypatch.setattr(check, "FREE_DISK_BYTES", 1 << 62)
    state, said = check._disk_space(tmp_path)
    assert state == "note" and "make room" in said
    assert check._disk_space(tmp_path / "absent")[0] == "error"
