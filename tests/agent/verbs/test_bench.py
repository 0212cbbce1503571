"""The measurements measure what they say, and `check` tells a musician what is missing."""

from __future__ import annotations

import copy
import importlib
import json

import numpy as np
import pytest
import soundfile as sf
import torch
from transformers import Wav2Vec2Config, Wav2Vec2Model

from agent import cli
from agent.performance.model import Model
from agent.settings.config import PerceptionSection
from agent.verbs import bench, bench_loop, bench_rivals, check, measure
from perception.transformer import Int8Linear, PackedLinear, Transformer, reference_hidden_states, torch_threads
from perception.wav2vec2 import EncoderError, Wav2Vec2Encoder, music_config
from tests.tolerance import encoder_rounding, network_rounding, rounding

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


def test_coherence_is_measured_beside_the_official_way():
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


@pytest.mark.parametrize("precision", ["bfloat16", "int8"])
def test_fast_strays_little(precision):
    torch.manual_seed(0)
    model = Wav2Vec2Model(Wav2Vec2Config(**SIZE)).eval()
    exact, fast = Wav2Vec2Encoder(model, 0.25), Wav2Vec2Encoder(model, 0.25, precision=precision)
    audio = np.random.default_rng(0).standard_normal(4000).astype(np.float32) / 5
    one, other = exact.step(exact.start(), audio), fast.step(fast.start(), audio)
    assert 0 < np.abs(one - other).max() < 0.1 * one.std() + 0.02


def test_whole_numbers_of_8_bits_stray_little_with_onednn_and_without(monkeypatch):
    """A factor is wrong by half a step at most: a 127th of the largest weight of a row, a 255th of the range of x."""
    torch.manual_seed(0)
    weight, bias, x = torch.randn(24, 48), torch.randn(24), 3 * torch.randn(2, 9, 48) + 1
    packed, exact = Int8Linear(weight, bias), torch.nn.functional.linear(x, weight, bias)
    monkeypatch.delattr(torch.ops.onednn, "qlinear_prepack", raising=False)
    monkeypatch.setattr(torch.ops, "onednn", object())
    plain = Int8Linear(weight, bias)
    assert not plain.packed
    x_step, w_step = (x.max() - x.min()) / 255, weight.abs().amax(1) / 127
    # The zero of x is rounded too, which moves what lies at an end of its range by half a step more.
    allowed = x_step * weight.abs().sum(1) + (w_step / 2)[None] * (x.abs().sum(-1, keepdim=True) + 48 * x_step)
    assert ((plain(x) - exact).abs() <= allowed).all()
    monkeypatch.undo()
    scale = float(exact.abs().max()) + 48 * float(weight.abs().max() * x.abs().max())
    assert (packed(x) - plain(x)).abs().max() <= rounding(steps=1, terms=48, scale=scale)


def test_what_is_remembered_of_older_frames_is_what_was_computed():
    """The newest frames by advance, of a window that has not moved, are those of a call: all of it was remembered."""
    for norm in ({}, bench_rivals.LAYER_NORM):
        torch.manual_seed(0)
        model = Wav2Vec2Model(Wav2Vec2Config(**SIZE, **norm)).eval()
        reader, window = Transformer(model), torch.randn(40, 32)
        with torch.inference_mode():
            whole, seen = reader.advance(window, 5, 40, None, 0)
            assert torch.equal(whole, reader(window, 5))
            part, _ = reader.advance(window, 5, 12, seen, 0)
            allowed = network_rounding(model.encoder, scale=float(whole.abs().max()), window=len(window))
            assert (part - whole).abs().max() <= allowed


@pytest.mark.parametrize("norm", [{}, bench_rivals.LAYER_NORM])
def test_a_hop_recomputes_what_is_new_and_the_block_that_it_is_told_to(norm):
    """The whole window: as without. Less of it: near, with the frames of a window remembered from the start."""
    torch.manual_seed(0)
    model = Wav2Vec2Model(Wav2Vec2Config(**SIZE, **norm)).eval()
    exact, all_of_it, some = (Wav2Vec2Encoder(model, 0.25, 1.0, recompute=seconds) for seconds in (0.0, 1.0, 0.5))
    states = [encoder.start() for encoder in (exact, all_of_it, some)]
    audio = np.random.default_rng(0).standard_normal((12, 4000)).astype(np.float32) / 5
    for hop in audio:
        one, same, near = (
            encoder.step(state, hop) for encoder, state in zip((exact, all_of_it, some), states, strict=True)
        )
        np.testing.assert_array_equal(one, same)
        assert np.abs(near - one).max() < 0.2 * one.std()
        assert [keys.shape[2] for keys, _ in states[2].seen] == [some.window] * 2
    assert some.fresh == 26 and all_of_it.fresh == all_of_it.window and states[0].seen is states[1].seen is None


def test_the_settings_of_hearing_reach_the_encoder_and_live_is_file(antiphon, tiny, tmp_path):
    sf.write(tmp_path / "noise.wav", np.random.default_rng(0).uniform(-0.1, 0.1, 4 * 16000), 16000)
    words = ("tokens", "noise.wav", "--model", tiny, "--json", "--set", "live.hop=0.25")
    cheap = (*words, "--set", "perception.precision=int8", "--set", "perception.recompute=0.5")
    whole, blocks = antiphon(*cheap), antiphon(*cheap, "--block", 999)
    assert json.loads(whole.out) == json.loads(blocks.out) and len(json.loads(whole.out)["tokens"]) == 16
    hearing = PerceptionSection(precision="int8", recompute=0.5)
    encoder = Model.load(tiny, 0.25, decide=False, perception=hearing).encoder
    assert (encoder.precision, encoder.fresh) == ("int8", 26)
    assert "recompute = 0.1 s" in antiphon(*words, "--set", "perception.recompute=0.1").sentence


def test_what_cannot_be_recomputed_or_multiplied_is_refused():
    model = Wav2Vec2Model(Wav2Vec2Config(**SIZE)).eval()
    with pytest.raises(EncoderError, match=r"recompute = 0.1 s: expected 0, which is all, or at least a hop, 0.25 s"):
        Wav2Vec2Encoder(model, 0.25, recompute=0.1)
    with pytest.raises(EncoderError, match="precision = 'int4': expected one of float32, bfloat16, int8"):
        Wav2Vec2Encoder(model, 0.25, precision="int4")


def test_a_product_without_onednn_is_a_plain_one(monkeypatch):
    weight, bias, x = torch.randn(5, 7), torch.randn(5), torch.randn(3, 7)
    packed = PackedLinear(weight, bias, 3)
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    plain = PackedLinear(weight, bias, 3)
    assert not plain.packed
    torch.testing.assert_close(packed(x), plain(x))


def test_threads_are_told_and_changed():
    before = torch_threads()
    assert torch_threads(1) == 1 == torch_threads()
    torch_threads(before)


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
