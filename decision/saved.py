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
from torch import nn

FORMAT = 1

M = TypeVar("M", bound=nn.Module)


def to_files(name: str, model: nn.Module, config: Any, card: Mapping[str, Any], dtype: torch.dtype) -> dict[str, bytes]:
    """{name: content} of both files. config: a dataclass. card: JSON values. dtype: of the weights in the file."""
    weights = save_tensors({k: v.detach().cpu().to(dtype).contiguous() for k, v in model.state_dict().items()})
    digest = hashlib.sha256(weights).hexdigest()
    header = {"format": FORMAT, "config": asdict(config), "weights": digest, "card": dict(card)}
    return {f"{name}.safetensors": weights, f"{name}.json": json.dumps(header, indent=1).encode()}


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
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        version = header.get("format") if isinstance(header, dict) else None
        raise error(f"{folder}/{name}.json is of format {version}, this program reads {FORMAT}: {remedy}")
    if header.get("weights") != hashlib.sha256(weights).hexdigest():
        raise error(f"{folder}: {name}.json and {name}.safetensors do not belong together: {remedy}")
    try:
        model = make(header["config"])
        model.load_state_dict({k: v.float() for k, v in load_tensors(weights).items()})
    except (TypeError, KeyError, RuntimeError, SafetensorError) as e:
        raise error(f"the {name} model in {folder} is damaged ({str(e).splitlines()[0]}): {remedy}") from None
    if not all(p.isfinite().all() for p in model.parameters()):
        raise error(f"the {name} model in {folder} holds numbers that are not finite: {remedy}")
    return model.eval(), header.get("card", {})
