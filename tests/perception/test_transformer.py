"""The Transformer in other numbers and of less of its window, and what its products are made of."""

from __future__ import annotations

import json

import numpy as np
import pytest
import soundfile as sf
import torch
from transformers import Wav2Vec2Config, Wav2Vec2Model

from agent.performance.model import Model
from agent.settings.config import PerceptionSection
from perception.transformer import Int8Linear, PackedLinear, Transformer, torch_threads
from perception.wav2vec2 import EncoderError, Wav2Vec2Encoder
from tests.tolerance import network_rounding, rounding

SIZE = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64,
        "conv_dim": (16,) * 7, "num_conv_pos_embeddings": 16, "num_conv_pos_embedding_groups": 2}  # fmt: skip
LAYER_NORM = {"feat_extract_norm": "layer", "do_stable_layer_norm": True, "conv_bias": True}  # robust, large


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
    for norm in ({}, LAYER_NORM):
        torch.manual_seed(0)
        model = Wav2Vec2Model(Wav2Vec2Config(**SIZE, **norm)).eval()
        reader, window = Transformer(model), torch.randn(40, 32)
        with torch.inference_mode():
            whole, seen = reader.advance(window, 5, 40, None, 0)
            assert torch.equal(whole, reader(window, 5))
            part, _ = reader.advance(window, 5, 12, seen, 0)
            allowed = network_rounding(model.encoder, scale=float(whole.abs().max()), window=len(window))
            assert (part - whole).abs().max() <= allowed


@pytest.mark.parametrize("norm", [{}, LAYER_NORM])
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
