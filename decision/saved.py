"""A network as two files: NAME.safetensors, and NAME.json with its sizes and the hash of the weights it belongs to."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor, nn

FORMATS = (1, 2)  # 2: the large matrices are in whole numbers of 8 bits
LARGE = 10_000  # numbers in a matrix that 8 bits make smaller by something
SCALE = "/scale"  # ends the name of the scales of a matrix

M = TypeVar("M", bound=nn.Module)


def to_files(name: str, model: nn.Module, config: Any, card: Mapping[str, Any], dtype: torch.dtype) -> dict[str, bytes]:
    """{name: content} of both files. config: a dataclass. card: JSON values. dtype: of the weights in the file.

    int8: of the large matrices, each row of which has a scale; the others are float16. What is loaded from such a file
    is float16 numbers, so saving it as float16 changes nothing.
    """
    state = {name: value.detach().cpu() for name, value in model.state_dict().items()}
    eight_bits = dtype == torch.int8
    rounded = _in_eight_bits(state) if eight_bits else {name: value.to(dtype) for name, value in state.items()}
    weights = save_tensors({name: value.contiguous() for name, value in rounded.items()})
    digest = hashlib.sha256(weights).hexdigest()
    header = {"format": FORMATS[eight_bits], "config": asdict(config), "weights": digest, "card": dict(card)}
    return {f"{name}.safetensors": weights, f"{name}.json": json.dumps(header, indent=1).encode()}


def _in_eight_bits(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    rounded = {}
    for name, value in state.items():
        if value.ndim < 2 or value.numel() < LARGE:
            rounded[name] = value.half()
            continue
        scale = (value.abs().flatten(1).amax(1) / 127).clamp(min=1e-7).half()
        steps = value / scale.float().view(-1, *[1] * (value.ndim - 1))
        rounded |= {name: steps.round().clamp(-127, 127).to(torch.int8), name + SCALE: scale}
    return rounded


def _as_floats(rounded: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """float32 weights of either format."""
    weights = {name: value.float() for name, value in rounded.items() if not name.endswith(SCALE)}
    for name in weights:
        if rounded[name].dtype == torch.int8:
            scale = rounded[name + SCALE].float().view(-1, *[1] * (weights[name].ndim - 1))
            weights[name] = (weights[name] * scale).half().float()
    return weights


def load(
    folder: Path, name: str, make: Callable[[Mapping[str, Any]], M], remedy: str, error: type[ValueError]
) -> tuple[M, dict[str, Any]]:
    """(the model saved in `folder`, in float32, ready to be used; its card).

    make: a model from its sizes. `error`, with the remedy, where the files are absent, damaged, or do not belong
    together.
    """
    try:
        header = json.loads((folder / f"{name}.json").read_bytes())
        weights = (folder / f"{name}.safetensors").read_bytes()
    except FileNotFoundError as e:
        raise error(f"no {name} model in {folder} ({Path(e.filename).name} is missing): {remedy}") from None
    except (OSError, ValueError) as e:
        raise error(f"the {name} model in {folder} cannot be read ({e}): {remedy}") from None
    if not isinstance(header, dict) or header.get("format") not in FORMATS:
        version = header.get("format") if isinstance(header, dict) else None
        raise error(f"{folder}/{name}.json is of format {version}, this program reads {FORMATS[-1]}: {remedy}")
    if header.get("weights") != hashlib.sha256(weights).hexdigest():
        raise error(f"{folder}: {name}.json and {name}.safetensors do not belong together: {remedy}")
    try:
        model = make(header["config"])
        model.load_state_dict(_as_floats(load_tensors(weights)))
    except (TypeError, KeyError, RuntimeError, SafetensorError) as e:
        raise error(f"the {name} model in {folder} is damaged ({str(e).splitlines()[0]}): {remedy}") from None
    if not all(p.isfinite().all() for p in model.parameters()):
        raise error(f"the {name} model in {folder} holds numbers that are not finite: {remedy}")
    return model.eval(), header.get("card", {})
