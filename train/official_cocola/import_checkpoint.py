"""Convert checkpoints of the official COCOLA code (Lightning's .ckpt) into coherence models.

The pickle in such a file is parsed without executing it (perception/torch_file.py).
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from corpora.whole_files import atomic_folder, atomic_write
from perception.coherence import Coherence, CoherenceError
from perception.safe_unpickle import MalformedError
from perception.torch_file import TorchFile, Weight, locate, opened
from train.common.settings import parse_arguments

WHOLE = {"_conv_stem": "stem.0", "_bn0": "stem.1", "_conv_head": "head.0", "_bn1": "head.1"}
BLOCK = {
    "_expand_conv": "expand.0",
    "_bn0": "expand.1",
    "_depthwise_conv": "depthwise",
    "_bn1": "norm",
    "_se_reduce": "squeeze",
    "_se_expand": "excite",
    "_project_conv": "project.0",
    "_bn2": "project.1",
}
BEHIND = {"encoder.projection.": "project.", "layer_norm.": "norm.", "similarity.w": "similarity"}


def convert(file: Path | str, out: Path | str) -> Coherence:
    """Write the model of an official checkpoint as the folder `out`, whole or not at all, in float32; returns it.

    CoherenceError for a checkpoint that cannot be read, AudioError where `out` cannot be written.
    """
    model = read(Path(file))
    files = model.files(torch.float32)
    with atomic_folder(out, replaces=files) as folder:
        for name, content in files.items():
            atomic_write(folder / name, content)
    return model


def main(argv: list[str] | None = None) -> None:
    """Command line: --import CHECKPOINT -o OUT."""
    parser = argparse.ArgumentParser(description="Convert a checkpoint of the official COCOLA code.")
    parser.add_argument(
        "--import", dest="file", type=Path, required=True, help="checkpoint of the official code (.ckpt)"
    )
    parser.add_argument("-o", "--out", type=Path, required=True, help="folder of the coherence model")
    given = parse_arguments(parser, argv)
    model = convert(given.file, given.out)
    how = "with" if model.separated else "without"
    print(f"{given.out}: a coherence model {how} harmonic-percussive separation")


def read(file: Path) -> Coherence:
    """The model of an official checkpoint, in eval mode. CoherenceError with the fault of the file."""
    try:
        with opened(file) as checkpoint:
            model = _model(checkpoint)
    except MalformedError as error:
        raise CoherenceError(
            f"'{file}' cannot be imported ({error}): give a .ckpt file of the official COCOLA code"
        ) from None
    model.source = f"imported from {file.name}"
    return model.eval()


def _model(checkpoint: TorchFile) -> Coherence:
    content = checkpoint.content
    state = content.get("state_dict", content) if isinstance(content, dict) else None
    if not isinstance(state, dict):
        raise MalformedError("it holds no weights")
    notes = {_renamed(name): locate(name, note) for name, note in state.items()
             if not str(name).endswith("num_batches_tracked")}  # fmt: skip
    if "encoder.stem.0.weight" not in notes:
        raise MalformedError("it holds no weights of a COCOLA model")
    model = Coherence(separated=notes["encoder.stem.0.weight"].size[1:2] == (2,))
    shapes = {name: tuple(value.shape) for name, value in model.state_dict().items()}
    weights = {name: _tensor(checkpoint, name, note, shapes) for name, note in notes.items()}
    try:
        model.load_weights(weights)
    except (ValueError, RuntimeError) as error:  # which says of a weight what is wrong
        raise MalformedError(str(error)) from None
    return model


def _renamed(name: Any) -> str:
    """Our name of an official weight; an unknown one keeps its name, and is refused later."""
    result = re.fullmatch(r"encoder\.encoder\.model\.0\.(?:_blocks\.(\d+)\.)?(\w+)\.(\w+)", str(name))
    if result:
        block, part, leaf = result.groups()
        known, prefix = (WHOLE, "") if block is None else (BLOCK, f"blocks.{block}.")
        return f"encoder.{prefix}{known.get(part, part)}.{leaf}"
    for theirs, ours in BEHIND.items():
        if str(name).startswith(theirs):
            return ours + str(name)[len(theirs) :]
    return str(name)


def _tensor(checkpoint: TorchFile, name: str, weight: Weight, shapes: dict) -> Tensor:
    """Read one weight, as float32 in our shape; official 1 x 1 convolutions are our matrices. MalformedError."""
    shape = shapes.get(name)
    if shape is None:
        raise MalformedError(f"'{name}' is no weight of a COCOLA model")
    if weight.size not in (shape, (*shape, 1, 1) if ".squeeze." in name or ".excite." in name else shape):
        raise MalformedError(f"'{name}' has the shape {weight.size}, expected {shape}")
    return checkpoint.read(name, weight).reshape(shape)
