"""Convert checkpoints of the official COCOLA code (Lightning's .ckpt) into coherence models.

Such a file is PyTorch's zip archive: a pickle, which locates the weights, beside their bytes. The pickle is parsed
without executing it (train/official_cocola/safe_unpickle.py).
"""

from __future__ import annotations

import argparse
import re
import struct
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from corpora.disk import atomic_folder, atomic_write
from perception.coherence import Coherence, CoherenceError
from train.common.settings import parse_arguments
from train.official_cocola.safe_unpickle import MalformedError, Name, parse_pickle

LONGEST_PICKLE_BYTES = 4 << 20  # the official one has less than a tenth
LARGEST_STORAGE_BYTES = 64 << 20  # of one weight
ITEMS = {  # storage -> dtype
    "torch FloatStorage": torch.float32,
    "torch HalfStorage": torch.float16,
    "torch BFloat16Storage": torch.bfloat16,
    "torch DoubleStorage": torch.float64,
}
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
        with zipfile.ZipFile(file) as archive:
            model = _model(archive)
    except zipfile.BadZipFile as error:
        why = "cut off, of PyTorch before 1.6, or something else" if "not a zip" in str(error) else str(error)
    except OSError as error:
        why = (error.strerror or str(error)).lower()
    except (MalformedError, EOFError, struct.error) as error:
        why = " ".join(str(error).split())[:160]
    else:
        model.source = f"imported from {file.name}"
        return model.eval()
    raise CoherenceError(f"'{file}' cannot be imported ({why}): give a .ckpt file of the official COCOLA code")


def _model(archive: zipfile.ZipFile) -> Coherence:
    pickles = [name for name in archive.namelist() if name.split("/")[1:] == ["data.pkl"]]
    if len(pickles) != 1:
        raise MalformedError("the archive is not PyTorch's: it holds no data.pkl")
    root = pickles[0].removesuffix("data.pkl")
    if root + "byteorder" in archive.namelist() and _bytes(archive, root + "byteorder", 16) != b"little":
        raise MalformedError("its weights are not little-endian")
    content = parse_pickle(_bytes(archive, pickles[0], LONGEST_PICKLE_BYTES))
    state = content.get("state_dict", content) if isinstance(content, dict) else None
    if not isinstance(state, dict):
        raise MalformedError("it holds no weights")
    notes = {_renamed(name): _note(name, note) for name, note in state.items()
             if not str(name).endswith("num_batches_tracked")}  # fmt: skip
    if "encoder.stem.0.weight" not in notes:
        raise MalformedError("it holds no weights of a COCOLA model")
    model = Coherence(separated=notes["encoder.stem.0.weight"].size[1:2] == (2,))
    shapes = {name: tuple(value.shape) for name, value in model.state_dict().items()}
    weights = {name: _tensor(archive, root, name, note, shapes) for name, note in notes.items()}
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


@dataclass(frozen=True)
class Weight:
    """Location of a tensor: key of its storage, first item, size and stride in items."""

    dtype: torch.dtype
    key: str
    first: int
    size: tuple[int, ...]
    stride: tuple[int, ...]


def _note(name: Any, note: Any) -> Weight:
    """The location of the tensor that a call in the pickle would rebuild. MalformedError."""
    try:
        if note.function == Name("torch._utils _rebuild_parameter"):
            note = note.arguments[0]
        if note.function not in (Name("torch._utils _rebuild_tensor_v2"), Name("torch._utils _rebuild_tensor")):
            raise TypeError
        stored, first, size, stride = note.arguments[:4]
        kind, storage, key, _, _ = stored.persistent_id
        numbers = (first, *size, *stride)
        if kind != "storage" or not isinstance(key, str) or not all(type(n) is int and n >= 0 for n in numbers):
            raise TypeError
        return Weight(ITEMS[storage.name], key, first, tuple(size), tuple(stride))
    except (AttributeError, TypeError, ValueError, IndexError, KeyError):
        raise MalformedError(f"'{name}' is no tensor of numbers with a point") from None


def _tensor(archive: zipfile.ZipFile, root: str, name: str, weight: Weight, shapes: dict) -> Tensor:
    """Read one weight, as float32 in our shape; official 1 x 1 convolutions are our matrices. MalformedError."""
    shape = shapes.get(name)
    if shape is None:
        raise MalformedError(f"'{name}' is no weight of a COCOLA model")
    if weight.size not in (shape, (*shape, 1, 1) if ".squeeze." in name or ".excite." in name else shape):
        raise MalformedError(f"'{name}' has the shape {weight.size}, expected {shape}")
    try:
        content = _bytes(archive, f"{root}data/{weight.key}", LARGEST_STORAGE_BYTES)
    except KeyError:
        raise MalformedError(f"the bytes of '{name}' are missing") from None
    try:
        storage = torch.frombuffer(bytearray(content), dtype=weight.dtype)
        return torch.as_strided(storage, weight.size, weight.stride, weight.first).reshape(shape).float()
    except (ValueError, RuntimeError) as error:  # too few bytes, or a stride beyond them
        raise MalformedError(f"the bytes of '{name}' do not hold it ({error})") from None


def _bytes(archive: zipfile.ZipFile, name: str, most: int) -> bytes:
    entry = archive.getinfo(name)
    if entry.file_size > most or entry.compress_type != zipfile.ZIP_STORED:
        raise MalformedError(f"its '{name}' is compressed or larger than {most} bytes")
    try:
        return archive.read(name)
    except RuntimeError as error:  # encrypted
        raise MalformedError(str(error)) from None
