"""The processes that train one model together, one for each device, through accelerate.

    torchrun --nproc-per-node 2 -m train.fit_decision TOKENS -o DIR        (or accelerate launch -m train.fit_decision)

All begin with the same weights, learn from different examples, and step by the mean of their gradients, so their
weights stay equal. The first writes checkpoints and logs, and its clock counts. A process alone needs no accelerate.
"""

from __future__ import annotations

import atexit
import os
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from train.common.errors import TrainError


class Ranks:
    """This process, number `rank` of `count`, and its `device`.

    device: cpu, cuda or auto; each process has a GPU of its own. count: None: as many as were started. TrainError where
    several were started and accelerate is not installed.
    """

    def __init__(self, device: str = "auto", count: int | None = None):
        self.rank, self.count, self._accelerator = 0, count or started(), None
        kind = ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device
        self.device = torch.device(kind)
        if self.count > 1:
            self._accelerator = _accelerator(kind == "cpu")
            atexit.register(_leave)
            self.rank, self.device = self._accelerator.process_index, self._accelerator.device

    @property
    def first(self) -> bool:
        """Whether this process writes, and speaks."""
        return self.rank == 0

    def parts(self, rows: int, each: int = 1) -> list[slice]:
        """This process's share of `rows` examples, in `each` parts; all parts of all processes differ by one at most.

        >>> Ranks("cpu").parts(5, 2)
        [slice(0, 2, None), slice(2, 5, None)]
        """
        total = self.count * each
        bounds = [rows * part // total for part in range(self.rank * each, (self.rank + 1) * each + 1)]
        return [slice(begin, end) for begin, end in pairwise(bounds)]

    def mean_gradients(self, learned: nn.Module) -> None:
        """Replace the gradients by their mean over all processes. The same parameters must have one in each."""
        gradients = [p.grad for p in learned.parameters() if p.grad is not None]
        if self._accelerator is None or not gradients:
            return
        mean = self._accelerator.reduce(torch.cat([gradient.flatten() for gradient in gradients]), "mean")
        for gradient, part in zip(gradients, mean.split([gradient.numel() for gradient in gradients]), strict=True):
            gradient.copy_(part.view_as(gradient))

    def mean(self, value: Tensor) -> Tensor:
        """The mean of a tensor over all processes."""
        return value if self._accelerator is None else self._accelerator.reduce(value, "mean")

    def of_first(self, *numbers: float) -> tuple[float, ...]:
        """The first process's numbers, for all: what they decide by must be equal, or one waits for ever."""
        if self._accelerator is None:
            return numbers
        from accelerate.utils import broadcast

        return tuple(broadcast(torch.tensor(numbers, dtype=torch.float64, device=self.device)).tolist())

    @contextmanager
    def own_randomness(self, seed: int) -> Iterator[None]:
        """A block in which PyTorch draws other numbers than in the other processes, from a seed; afterwards it draws
        as if the block had not been."""
        with torch.random.fork_rng([self.device] if self.device.type == "cuda" else []):
            torch.manual_seed(seed * self.count + self.rank)
            yield


def started() -> int:
    """How many processes torchrun or accelerate has started together; 1 for a process alone."""
    return int(os.environ.get("WORLD_SIZE", 1))


def _leave() -> None:
    """End the threads by which processes speak: where they live on, the end of the program aborts now and then."""
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


def _accelerator(cpu: bool) -> Any:
    try:
        from accelerate import Accelerator
    except ImportError:
        raise TrainError(
            "several processes train together by accelerate, which is not installed: pip install 'antiphon[train]'"
        ) from None
    return Accelerator(cpu=cpu)
