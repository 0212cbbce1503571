"""Files that PyTorch has saved, read without running their pickle.

Such a file is a zip archive: a pickle, which locates the weights, beside their bytes. The pickle is parsed and not
executed (`perception/safe_unpickle.py`), so a checkpoint of a stranger can do no more than be refused.
"""

from __future__ import annotations

import math
import struct
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from perception.safe_unpickle import MalformedError, Name, parse_pickle

LONGEST_PICKLE_BYTES = 4 << 20  # ten times the pickle of a model of 24 layers with its optimizer
LARGEST_STORAGE_BYTES = 64 << 20  # largest single weight
ITEMS = {  # storage -> dtype
    "torch FloatStorage": torch.float32,
    "torch HalfStorage": torch.float16,
    "torch BFloat16Storage": torch.bfloat16,
    "torch DoubleStorage": torch.float64,
}


@dataclass(frozen=True)
class Weight:
    """Location of a tensor: key of its storage, first item, size and stride in items."""

    dtype: torch.dtype
    key: str
    first: int
    size: tuple[int, ...]
    stride: tuple[int, ...]


@contextmanager
def opened(file: Path) -> Iterator[TorchFile]:
    """A file of PyTorch, open for the block. MalformedError for any fault of the file, there or in the block."""
    try:
        with zipfile.ZipFile(file) as archive:
            yield TorchFile(archive)
        return
    except zipfile.BadZipFile as error:
        why = "cut off, of PyTorch before 1.6, or something else" if "not a zip" in str(error) else str(error)
    except OSError as error:
        why = (error.strerror or str(error)).lower()
    except (MalformedError, EOFError, struct.error) as error:
        why = " ".join(str(error).split())[:160]
    raise MalformedError(why)


class TorchFile:
    """What PyTorch has saved. content: dictionaries, lists, numbers and strings, as `parse_pickle` returns them."""

    def __init__(self, archive: zipfile.ZipFile):
        pickles = [name for name in archive.namelist() if name.split("/")[1:] == ["data.pkl"]]
        if len(pickles) != 1:
            raise MalformedError("the archive is not PyTorch's: it holds no data.pkl")
        self.archive, self.root = archive, pickles[0].removesuffix("data.pkl")
        order = self.root + "byteorder"
        if order in archive.namelist() and self._bytes(order, 16) != b"little":
            raise MalformedError("its weights are not little-endian")
        self.content = parse_pickle(self._bytes(pickles[0], LONGEST_PICKLE_BYTES))

    def read(self, name: str, weight: Weight) -> Tensor:
        """One weight, as float32; `name` is that of its error. MalformedError where its bytes are not there."""
        try:
            content = self._bytes(f"{self.root}data/{weight.key}", LARGEST_STORAGE_BYTES)
        except KeyError:
            raise MalformedError(f"the bytes of '{name}' are missing") from None
        try:
            storage = torch.frombuffer(bytearray(content), dtype=weight.dtype)
            if math.prod(weight.size) > len(storage):  # which strides of 0 would allow, to any size
                raise ValueError(f"{weight.size} of {len(storage)} numbers")
            return torch.as_strided(storage, weight.size, weight.stride, weight.first).float()
        except (ValueError, RuntimeError) as error:  # too few bytes, or a stride beyond them
            raise MalformedError(f"the bytes of '{name}' do not hold it ({error})") from None

    def _bytes(self, name: str, most: int) -> bytes:
        entry = self.archive.getinfo(name)
        if entry.file_size > most or entry.compress_type != zipfile.ZIP_STORED:
            raise MalformedError(f"its '{name}' is compressed or larger than {most} bytes")
        try:
            return self.archive.read(name)
        except RuntimeError as error:  # encrypted
            raise MalformedError(str(error)) from None


def locate(name: Any, note: Any) -> Weight:
    """The location of the tensor that a call in a pickle would rebuild. MalformedError, with `name`."""
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


def read_state(file: Path) -> dict[str, Tensor]:
    """The float32 tensors of a saved state dictionary, such as a pytorch_model.bin; anything else in it is left out.

    MalformedError.
    """
    tensors: dict[str, Tensor] = {}
    with opened(file) as saved:
        content = saved.content if isinstance(saved.content, dict) else {}
        for name, note in content.items():
            try:
                weight = locate(name, note)
            except MalformedError:  # a counter, or a note of whoever saved it
                continue
            tensors[str(name)] = saved.read(str(name), weight)
    if not tensors:
        raise MalformedError("it holds no weights")
    return tensors
