"""Checkpoints of fairseq become encoders with the same features, and nothing that is in them is carried out."""

import argparse
import re
import sys
import types
from unittest.mock import patch

import numpy as np
import pytest
import torch
from transformers import (
    Data2VecAudioConfig,
    Data2VecAudioModel,
    HubertConfig,
    HubertModel,
    Wav2Vec2Config,
    Wav2Vec2Model,
)

from perception.wav2vec2 import Wav2Vec2Encoder
from tests.conftest import melody, tree
from train.common.errors import TrainError
from train.fit_encoder import main
from train.import_fairseq import FILES, convert

SMALL = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64,
         "conv_dim": (16,) * 7, "num_conv_pos_embedding_groups": 4}  # fmt: skip
LARGE = {"feat_extract_norm": "layer", "do_stable_layer_norm": True, "conv_bias": True, "num_conv_pos_embeddings": 16}
LAYERS = "[(16, 10, 5)] + [(16, 3, 2)] * 4 + [(16,2,2)] * 2"
ABOUT = {"encoder_attention_heads": 4, "conv_feature_layers": LAYERS, "activation_fn": "gelu"}


def models() -> dict:
    """Random models as fairseq has them: kind, model, settings of the model, settings of the task."""
    torch.manual_seed(3)
    positions = Data2VecAudioConfig(**SMALL, conv_pos_kernel_size=5, num_conv_pos_embeddings=3)
    made = {
        "base": ("wav2vec2", Wav2Vec2Model(Wav2Vec2Config(**SMALL, num_conv_pos_embeddings=16)),
                 {"_name": "wav2vec2", "layer_norm_first": False}, {"normalize": False}),
        "large": ("wav2vec2", Wav2Vec2Model(Wav2Vec2Config(**SMALL, **LARGE)),
                  {"_name": "wav2vec2", "layer_norm_first": True}, {"normalize": True}),
        "hubert": ("hubert", HubertModel(HubertConfig(**SMALL, num_conv_pos_embeddings=16)),
                   {"_name": "hubert", "layer_norm_first": False}, {"normalize": False}),
        "data2vec": ("data2vec-audio", Data2VecAudioModel(positions),
                     {"_name": "data2vec_audio", "layer_norm_first": False}, {"normalize": True}),
    }  # fmt: skip
    for _, model, about, _ in made.values():
        about |= ABOUT
        for name, value in model.named_parameters():
            if name.endswith("bias"):
                value.data.normal_(0, 0.1)
    return made


def as_fairseq(model, weight_norm: str = "weight_{}") -> dict[str, torch.Tensor]:
    """The weights by the names that fairseq gives them, with some of what is left out.

    weight_norm: how PyTorch named the two weights of a weight norm.
    """
    grouped = getattr(model.config, "feat_extract_norm", "layer") == "group"
    size, direction = (weight_norm.format(part) for part in ("gv" if weight_norm == "weight_{}" else "01"))
    words = (
        (r"conv_layers\.(\d+)\.conv\.", r"conv_layers.\1.0."),
        (r"conv_layers\.(\d+)\.layer_norm\.", r"conv_layers.\1.2." if grouped else r"conv_layers.\1.2.1."),
        (r"feature_projection\.projection\.", "post_extract_proj."),
        (r"feature_projection\.layer_norm\.", "layer_norm."),
        ("masked_spec_embed", "mask_emb"),
        (r"pos_conv_embed\.conv\.parametrizations\.weight\.original0", f"pos_conv.0.{size}"),
        (r"pos_conv_embed\.conv\.parametrizations\.weight\.original1", f"pos_conv.0.{direction}"),
        (r"pos_conv_embed\.conv\.", "pos_conv.0."),
        (r"pos_conv_embed\.layers\.(\d+)\.conv\.", r"pos_conv.\1.0."),
        (r"(layers\.\d+)\.layer_norm\.", r"\1.self_attn_layer_norm."),
        (r"\.attention\.", ".self_attn."),
        (r"feed_forward\.intermediate_dense", "fc1"),
        (r"feed_forward\.output_dense", "fc2"),
    )  # fmt: skip
    state = {}
    for name, value in model.state_dict().items():
        for ours, theirs in words:
            if not ("self_attn_layer_norm" in theirs and name.startswith("feature")):
                name = re.sub(ours, theirs, name)
        state[name] = value.clone()
    unused = {
        "quantizer.vars": torch.zeros(1, 8, 4),
        "project_q.weight": torch.zeros(4, 4),
        "final_proj.bias": torch.ones(3),
    }
    return state | unused


def omegaconf(values: dict, fields):
    """A dictionary as the objects that omegaconf pickles."""
    node = fields["DictConfig"]()
    node.__dict__ |= {"_metadata": None, "_parent": node, "_content": {}}
    for key, value in values.items():
        leaf = fields["AnyNode"]()
        leaf.__dict__ |= {"_val": value, "_parent": node}
        node.__dict__["_content"][key] = omegaconf(value, fields) if isinstance(value, dict) else leaf
    return node


class Trap:
    """Pickles as a call that leaves a file behind."""

    def __init__(self, file):
        self.file = file

    def __reduce__(self):
        return open, (str(self.file), "w")


def save(path, model, about, task, how: str = "cfg") -> None:
    """A checkpoint as fairseq writes it; its classes are gone once it is saved. how: where its settings are."""
    module = types.ModuleType("omegaconf_gone")
    fields = {name: type(name, (), {"__module__": module.__name__}) for name in ("DictConfig", "AnyNode")}
    module.__dict__.update(fields)
    state = as_fairseq(model, "parametrizations.weight.original{}" if how == "omegaconf" else "weight_{}")
    content: dict = {"args": None, "cfg": None, "model": state, "task_state": {}, "extra_state": {"epoch": 3}}
    content["last_optimizer_state"] = {"state": {0: {"step": 5}}, "more": Trap(path.parent / "trap")}
    if how == "args":
        content["args"] = argparse.Namespace(arch=about["_name"], **about, **task, trap=Trap(path.parent / "trap"))
    elif how == "fine-tuned":
        content["model"] = {f"w2v_encoder.w2v_model.{name}": value for name, value in state.items()}
        content["model"]["w2v_encoder.proj.weight"] = torch.zeros(30, 32)
        content["cfg"] = {"task": task, "model": {"_name": "wav2vec_ctc", "w2v_args": {"model": about, "task": task}}}
    elif how == "omegaconf":
        content["cfg"] = omegaconf({"task": task, "model": about}, fields)
    else:
        content["cfg"] = {"task": task, "model": about, "common": {"seed": 1}}
    with patch.dict(sys.modules, {module.__name__: module}):
        torch.save(content, path)


def features(encoder: Wav2Vec2Encoder) -> np.ndarray:
    return encoder.batch(melody(3.0, 16000, 2))[0]


@pytest.mark.parametrize("how", ["cfg", "args", "omegaconf", "fine-tuned"])
@pytest.mark.parametrize("which", ["base", "large", "hubert", "data2vec"])
def test_a_checkpoint_has_the_features_of_the_model_it_was_saved_from(tmp_path, which, how):
    kind, model, about, task = models()[which]
    save(tmp_path / "in.pt", model, about, task, how)
    main(["--import", str(tmp_path / "in.pt"), "-o", str(tmp_path / "out")])
    assert {path.name for path in (tmp_path / "out").iterdir()} == set(FILES)
    encoder = Wav2Vec2Encoder.load(tmp_path / "out", 0.5)
    assert encoder.model.config.model_type == kind or how == "fine-tuned"
    assert encoder.normalise == task["normalize"]
    plain = Wav2Vec2Encoder(model.eval(), 0.5, normalise=task["normalize"])
    np.testing.assert_array_equal(features(encoder), features(plain))
    assert not (tmp_path / "trap").exists(), "what the pickle calls is not called"


def change(content: dict, about: dict, task: dict, fate: str) -> None:
    """Make a checkpoint one that is refused."""
    if fate == "no model":
        del content["model"]
    elif fate == "no encoder":
        content["model"] = {"decoder.weight": torch.zeros(2)}
    elif fate == "conformer":
        content["model"]["encoder.layers.0.conv_module.layer_norm.weight"] = torch.zeros(32)
    elif fate == "missing":
        del content["model"]["encoder.layers.1.fc2.bias"]
    elif fate == "heads":
        about["encoder_attention_heads"] = 5
    elif fate == "heads as text":
        about["encoder_attention_heads"] = "many"
    elif fate == "no heads":
        about["encoder_attention_heads"] = 0
    elif fate == "code for strides":
        about["conv_feature_layers"] = "__import__('os').system('touch trap')"
    elif fate == "other strides":
        about["conv_feature_layers"] = "[(16, 10, 5)] * 7"
    elif fate == "rate":
        task["sample_rate"] = 24000
    elif fate == "activation":
        about["activation_fn"] = "swish"
    elif fate == "flat":
        content["model"]["encoder.pos_conv.0.weight_v"] = torch.zeros(32)
    elif fate == "a trap":
        content["model"]["encoder.layer_norm.weight"] = Trap("trap")


REFUSED = {
    "no model": "no weights under 'model'", "no encoder": "no model of the wav2vec 2.0 family",
    "conformer": "'encoder.layers.0.conv_module.layer_norm.weight' is of a layer that is not known",
    "missing": "output_dense.bias' is missing", "heads": "do not fit", "heads as text": "do not fit",
    "no heads": "do not fit", "code for strides": "do not tell the strides", "other strides": "do not tell the strides",
    "rate": "sample_rate is 24000", "activation": "activation_fn is 'swish'", "flat": "do not fit",
    "a trap": "no tensor",
}  # fmt: skip


@pytest.mark.parametrize("fate", REFUSED)
def test_what_cannot_be_converted_is_refused_in_a_sentence_and_leaves_nothing(tmp_path, monkeypatch, fate):
    monkeypatch.chdir(tmp_path)
    _, model, about, task = models()["base"]
    content = {"cfg": {"model": about, "task": task}, "model": as_fairseq(model)}
    change(content, about, task, fate)
    torch.save(content, "in.pt")
    before = tree(tmp_path)
    with pytest.raises(TrainError, match=re.escape(REFUSED[fate])) as refusal:
        convert("in.pt", "out")
    assert "\n" not in str(refusal.value) and "cannot be imported" in str(refusal.value)
    assert tree(tmp_path) == before


@pytest.mark.parametrize("content", [b"", b"no checkpoint"])
def test_what_is_no_checkpoint_is_a_sentence(antiphon, tmp_path, content):
    (tmp_path / "in.pt").write_bytes(content)
    assert "give a .pt file of fairseq" in antiphon("train", "encoder", "--import", "in.pt", "-o", "out").sentence
    assert not (tmp_path / "out").exists()
