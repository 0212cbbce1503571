"""Convert checkpoints of fairseq (wav2vec 2.0, HuBERT, data2vec-audio; .pt) into encoder folders.

    antiphon train encoder --import CHECKPOINT.pt -o DIR

wav2vec 2.0 trained on music (Ragano et al., 2023) comes as such a file. Its pickle holds objects of fairseq and of
omegaconf beside the weights; it is parsed without executing it (perception/torch_file.py). What the shapes of the
weights do not tell, such as strides and the number of attention heads, is read from the attributes of these objects.

DIR gets config.json and model.safetensors, as transformers reads them, and preprocessor_config.json, which says whether
the model was trained on normalised sound. What was only used in training (quantizer, projections, heads) is left out.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import Wav2Vec2FeatureExtractor

from corpora.whole_files import atomic_folder
from perception.safe_unpickle import Call, MalformedError
from perception.torch_file import TorchFile, locate, opened
from perception.wav2vec2 import KINDS, PREPROCESSOR, SAMPLERATE, WEIGHTS
from train.common.errors import TrainError
from train.common.settings import parse_arguments

FILES = ("config.json", WEIGHTS, PREPROCESSOR)
# Regular expression of a name in fairseq -> our name, that of transformers. All others below these roots are refused.
NAMES = {
    r"feature_extractor\.conv_layers\.(\d+)\.0\.(weight|bias)": r"feature_extractor.conv_layers.\1.conv.\2",
    r"feature_extractor\.conv_layers\.(\d+)\.2(?:\.1)?\.(weight|bias)": (
        r"feature_extractor.conv_layers.\1.layer_norm.\2"
    ),
    r"post_extract_proj\.(weight|bias)": r"feature_projection.projection.\1",
    r"layer_norm\.(weight|bias)": r"feature_projection.layer_norm.\1",
    r"mask_emb": r"masked_spec_embed",
    r"encoder\.layer_norm\.(weight|bias)": r"encoder.layer_norm.\1",
    r"encoder\.pos_conv\.0\.bias": r"encoder.pos_conv_embed.conv.bias",
    r"encoder\.pos_conv\.0\.(?:weight_g|parametrizations\.weight\.original0)": (
        r"encoder.pos_conv_embed.conv.parametrizations.weight.original0"
    ),
    r"encoder\.pos_conv\.0\.(?:weight_v|parametrizations\.weight\.original1)": (
        r"encoder.pos_conv_embed.conv.parametrizations.weight.original1"
    ),
    r"encoder\.pos_conv\.(\d+)\.0\.(weight|bias)": r"encoder.pos_conv_embed.layers.\1.conv.\2",
    r"encoder\.layers\.(\d+)\.self_attn\.([qkv]|out)_proj\.(weight|bias)": r"encoder.layers.\1.attention.\2_proj.\3",
    r"encoder\.layers\.(\d+)\.self_attn_layer_norm\.(weight|bias)": r"encoder.layers.\1.layer_norm.\2",
    r"encoder\.layers\.(\d+)\.fc1\.(weight|bias)": r"encoder.layers.\1.feed_forward.intermediate_dense.\2",
    r"encoder\.layers\.(\d+)\.fc2\.(weight|bias)": r"encoder.layers.\1.feed_forward.output_dense.\2",
    r"encoder\.layers\.(\d+)\.final_layer_norm\.(weight|bias)": r"encoder.layers.\1.final_layer_norm.\2",
}
ROOTS = ("feature_extractor.", "encoder.", "post_extract_proj.", "layer_norm.")
FINE_TUNED = "w2v_model."  # prefix of the names in a model with a head: what stands behind it is the encoder
ACTIVATIONS = {"gelu", "relu"}
STANDARD_KERNELS, STANDARD_STRIDES = (10, 3, 3, 3, 3, 2, 2), (5, 2, 2, 2, 2, 2, 2)
HEAD_DIM = 64  # size of a head in all published models


def convert(file: Path | str, out: Path | str) -> str:
    """Write the encoder of a fairseq checkpoint as the folder `out`, whole or not at all; returns its kind.

    TrainError for a checkpoint that cannot be read, AudioError where `out` cannot be written.
    """
    try:
        with opened(Path(file)) as checkpoint:
            kind, model, normalise = _model(checkpoint)
    except MalformedError as error:
        raise TrainError(
            f"'{file}' cannot be imported ({error}): give a .pt file of fairseq with a wav2vec 2.0, HuBERT or "
            "data2vec-audio model"
        ) from None
    with atomic_folder(out, replaces=FILES) as folder:
        model.save_pretrained(folder)
        Wav2Vec2FeatureExtractor(do_normalize=normalise, sampling_rate=SAMPLERATE).save_pretrained(folder)
    return kind


def main(argv: list[str] | None = None) -> None:
    """Command line: --import CHECKPOINT -o OUT."""
    parser = argparse.ArgumentParser(description="Convert a checkpoint of fairseq.")
    parser.add_argument("--import", dest="file", type=Path, required=True, help="checkpoint of fairseq (.pt)")
    parser.add_argument("-o", "--out", type=Path, required=True, help="folder of the encoder")
    given = parse_arguments(parser, argv)
    print(f"{given.out}: an encoder of the kind {convert(given.file, given.out)}")


def _model(checkpoint: TorchFile) -> tuple[str, Any, bool]:
    """(kind, model, whether it hears normalised sound)."""
    content = checkpoint.content if isinstance(checkpoint.content, dict) else {}
    if not isinstance(content.get("model"), dict):
        raise MalformedError("it holds no weights under 'model'")
    state = {}
    for name, note in content["model"].items():
        if (ours := _renamed(str(name))) is not None:
            state[ours] = checkpoint.read(str(name), locate(name, note))
    if "feature_extractor.conv_layers.0.conv.weight" not in state or "encoder.layer_norm.weight" not in state:
        raise MalformedError("it holds no model of the wav2vec 2.0 family")
    about = _settings(content)
    if about.get("sample_rate", SAMPLERATE) != SAMPLERATE:
        raise MalformedError(f"its sample_rate is {about['sample_rate']} Hz, and Antiphon's is {SAMPLERATE}")
    kind = _kind(state, about)
    of_config, of_model = KINDS[kind]
    try:
        shape = _shape(kind, state, about)
        model = of_model(of_config(**shape))
        absent, foreign = model.load_state_dict(state, strict=False)
    except MalformedError:
        raise
    except (ValueError, TypeError, RuntimeError, IndexError, ArithmeticError) as error:  # sizes that do not fit
        raise MalformedError(f"the sizes of its weights do not fit each other ({error})") from None
    wrong = sorted(set(absent) - {"masked_spec_embed"}) or sorted(foreign)
    if wrong:
        raise MalformedError(f"'{wrong[0]}' is {'missing' if wrong[0] in absent else 'no weight of such a model'}")
    return kind, model.eval(), bool(about.get("normalize", shape.get("feat_extract_norm") != "group"))


def _renamed(name: str) -> str | None:
    """Our name of a weight; None for what was used in training only. MalformedError for an unknown part."""
    name = name.rpartition(FINE_TUNED)[2]
    for pattern, ours in NAMES.items():
        if found := re.fullmatch(pattern, name):
            return found.expand(ours)
    if name.startswith(ROOTS):
        raise MalformedError(f"'{name}' is of a layer that is not known")
    return None


def _settings(content: dict[Any, Any]) -> dict[str, Any]:
    """The settings of model and task by their names: of `cfg` (since 2020-11), else of `args`.

    A fine-tuned model has those of the model that it began with under `w2v_args`.
    """
    cfg = _fields(content.get("cfg"))
    groups = [_fields(cfg.get("task")), _fields(cfg.get("model"))] if cfg else [_fields(content.get("args"))]
    if began := _fields(groups[-1].get("w2v_args")):
        groups += [_fields(began.get("task")), _fields(began.get("model"))] if "model" in began else [began]
    merged: dict[str, Any] = {}
    for group in groups:
        merged |= {key: value for key in group if (value := _value(group[key])) is not None}
    return merged


def _fields(node: Any) -> Mapping[str, Any]:
    """The items of a dictionary, of a dictionary of omegaconf, or the attributes of another object; else nothing."""
    if isinstance(node, Call):
        node = node.attributes.get("_val", node)
    if isinstance(node, Call):
        node = node.attributes.get("_content", node.attributes)
    return node if isinstance(node, dict) else {}


def _value(node: Any) -> Any:
    """A number or a string, which omegaconf puts into an object; the name of an enumeration's member."""
    if isinstance(node, Call):
        node = node.attributes.get("_val", node)
    if isinstance(node, Call) and isinstance(node.arguments, tuple) and len(node.arguments) == 1:
        node = node.arguments[0]
    return node if isinstance(node, (str, int, float, bool)) else None


def _kind(state: Mapping[str, Tensor], about: Mapping[str, Any]) -> str:
    if any(name.startswith("encoder.pos_conv_embed.layers.") for name in state):
        return "data2vec-audio"
    named = str(about.get("_name", about.get("arch", "")))
    return "hubert" if named.startswith("hubert") else "wav2vec2"


def _shape(kind: str, state: Mapping[str, Tensor], about: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration in the words of transformers. MalformedError where it cannot be told."""
    convolutions = [state[name] for name in _numbered(state, "feature_extractor.conv_layers.{}.conv.weight")]
    kernels = tuple(weight.shape[-1] for weight in convolutions)
    layers = _numbered(state, "encoder.layers.{}.feed_forward.intermediate_dense.weight")
    if not layers or any(weight.ndim != 3 for weight in convolutions):
        raise MalformedError("it holds no Transformer above convolutions")
    hidden = len(state["encoder.layer_norm.weight"])
    layered = "feature_extractor.conv_layers.1.layer_norm.weight" in state
    activation = str(about.get("activation_fn", "gelu"))
    if activation not in ACTIVATIONS:
        raise MalformedError(f"its activation_fn is '{activation}', expected {' or '.join(sorted(ACTIVATIONS))}")
    shape: dict[str, Any] = {
        "hidden_size": hidden,
        "num_hidden_layers": len(layers),
        "num_attention_heads": int(about.get("encoder_attention_heads", hidden // HEAD_DIM)),
        "intermediate_size": len(state[layers[0]]),
        "hidden_act": activation,
        "conv_dim": tuple(len(weight) for weight in convolutions),
        "conv_kernel": kernels,
        "conv_stride": _strides(kernels, about),
        "conv_bias": "feature_extractor.conv_layers.0.conv.bias" in state,
        "num_feat_extract_layers": len(kernels),
    }
    if kind == "data2vec-audio":
        positions = _numbered(state, "encoder.pos_conv_embed.layers.{}.conv.weight")
        weight = state[positions[0]]
        shape |= {"conv_pos_kernel_size": weight.shape[2], "num_conv_pos_embeddings": len(positions)}
        if not layered or about.get("layer_norm_first"):
            raise MalformedError("a data2vec without layer_norm or with layer_norm_first is not known to transformers")
    else:
        weight = state.get("encoder.pos_conv_embed.conv.parametrizations.weight.original1", torch.zeros(1, 1, 1))
        shape |= {
            "num_conv_pos_embeddings": weight.shape[2],
            "feat_extract_norm": "layer" if layered else "group",
            "do_stable_layer_norm": bool(about.get("layer_norm_first", layered)),
        }
    return shape | {"num_conv_pos_embedding_groups": hidden // weight.shape[1]}


def _numbered(state: Mapping[str, Tensor], pattern: str) -> list[str]:
    """The names `pattern` with 0, 1, ... for {}, as far as they are there."""
    names: list[str] = []
    while pattern.format(len(names)) in state:
        names.append(pattern.format(len(names)))
    return names


def _strides(kernels: tuple[int, ...], about: Mapping[str, Any]) -> tuple[int, ...]:
    """The strides of the front end, which only `conv_feature_layers` tells: "[(512, 10, 5)] + [(512, 3, 2)] * 4"."""
    told = re.sub(r"\s", "", str(about.get("conv_feature_layers", "")))
    group = r"\[((?:\(\d{1,5},\d{1,5},\d{1,5}\),?)+)\](?:\*(\d{1,2}))?"
    if told and re.fullmatch(rf"{group}(?:\+{group})*", told):
        layers = [
            (int(kernel), int(stride))
            for inside, times in re.findall(group, told)
            for _, kernel, stride in re.findall(r"\((\d+),(\d+),(\d+)\)", inside) * int(times or 1)
        ]
        if tuple(kernel for kernel, _ in layers) == kernels and all(stride for _, stride in layers):
            return tuple(stride for _, stride in layers)
    elif not told and kernels == STANDARD_KERNELS:
        return STANDARD_STRIDES
    raise MalformedError(f"its conv_feature_layers {told or 'are absent and'} do not tell the strides of {kernels}")
