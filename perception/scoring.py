"""Many windows at once: where coherence models place them and what pairs of them score, on all cores, in order.

Nothing is read before it is needed, so files of hours and evaluations of thousands of windows take little memory.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from perception.coherence import Coherence, CoherenceScores, mask_channel
from perception.transformer import torch_threads

BATCH_WINDOWS = 8  # windows that go through a network together; more is no faster on a processor
Embeddings = dict[str, Tensor]  # mode -> (n, 512)
Given = TypeVar("Given")
Found = TypeVar("Found")


def embed_windows(models: Sequence[Coherence], windows: Iterable[np.ndarray], workers: int = 0) -> list[Embeddings]:
    """Where each model places windows, (n,) float32 at 16 kHz, all of one length: for each of its modes (n, 512).

    Models that hear in the same way share the pictures. workers: threads; 0: one for each core.
    """
    parts = list(parallel_map(lambda batch: _placed(models, batch), batches(windows, BATCH_WINDOWS), workers))
    if not parts:
        return [{mode: torch.zeros(0, len(model.similarity)) for mode in model.modes} for model in models]
    return [
        {mode: torch.cat([part[number][mode] for part in parts]) for mode in model.modes}
        for number, model in enumerate(models)
    ]


def compare_pairs(
    model: Coherence, pairs: Iterable[tuple[np.ndarray, np.ndarray]], workers: int = 0
) -> Iterator[CoherenceScores]:
    """How well pairs (heard, spoken) fit, one after the other, as `Coherence.compare` does."""

    def of(batch: list[tuple[np.ndarray, np.ndarray]]) -> list[CoherenceScores]:
        heard = _placed([model], [one for one, _ in batch])[0]
        spoken = _placed([model], [other for _, other in batch])[0]
        return model.compare_embeddings({mode: (heard[mode], spoken[mode]) for mode in model.modes})

    for found in parallel_map(of, batches(pairs, BATCH_WINDOWS // 2), workers):
        yield from found


@torch.inference_mode()
def pair_scores(model: Coherence, inputs: Tensor, outputs: Tensor) -> Tensor:
    """Embeddings (n, 512) and (n, 512) -> (n,): each input with the output in its own place."""
    return ((inputs @ model.similarity) * outputs).sum(-1)


@torch.inference_mode()
def _placed(models: Sequence[Coherence], windows: list[np.ndarray]) -> list[Embeddings]:
    pictures: dict[bool, Tensor] = {}
    found = []
    for model in models:
        if model.separated not in pictures:
            pictures[model.separated] = torch.stack([model.features(window) for window in windows])
        found.append({mode: model(mask_channel(pictures[model.separated], mode)) for mode in model.modes})
    return found


def batches(things: Iterable[Given], size: int) -> Iterator[list[Given]]:
    """Lists of `size` things, the last one perhaps shorter."""
    source = iter(things)
    while batch := list(islice(source, size)):
        yield batch


def parallel_map(work: Callable[[Given], Found], things: Iterable[Given], workers: int = 0) -> Iterator[Found]:
    """`map` on several cores with few things in hand: order is kept, and `things` are taken from as results are.

    Inside, every thread calculates alone: two that share the cores for each product would wait for each other.
    """
    workers = workers or min(os.cpu_count() or 1, 8)
    waiting: deque[Future[Found]] = deque()
    before = torch_threads()
    with ThreadPoolExecutor(workers, initializer=torch_threads, initargs=(1,)) as pool:
        try:
            for thing in things:
                waiting.append(pool.submit(work, thing))
                if len(waiting) > 2 * workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for one in waiting:
                one.cancel()
            torch_threads(before)
