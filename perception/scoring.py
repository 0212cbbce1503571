"""Embeddings and scores of many windows, on all cores, in order.

Windows are taken from an iterator when a thread needs them, so files of hours take little memory.
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
from perception.evidence import EvidenceMeter
from perception.transformer import torch_threads

BATCH_WINDOWS = 8  # windows in one pass of a network; more is not faster on a CPU
Embeddings = dict[str, Tensor]  # mode -> (n, 512)
Item = TypeVar("Item")
Result = TypeVar("Result")


def embed_windows(models: Sequence[Coherence], windows: Iterable[np.ndarray], workers: int = 0) -> list[Embeddings]:
    """For each model, mode -> embeddings (windows, 512) of windows (n,) float32 at 16 kHz, all of one length.

    Models with equally many channels share the features. workers: threads; 0: one for each core.
    """
    parts = list(parallel_map(lambda batch: _embed(models, batch), batches(windows, BATCH_WINDOWS), workers))
    if not parts:
        return [{mode: torch.zeros(0, len(model.similarity)) for mode in model.modes} for model in models]
    return [
        {mode: torch.cat([part[number][mode] for part in parts]) for mode in model.modes}
        for number, model in enumerate(models)
    ]


def compare_pairs(
    model: Coherence | EvidenceMeter, pairs: Iterable[tuple[np.ndarray, np.ndarray]], workers: int = 0
) -> Iterator[CoherenceScores]:
    """Scores of pairs (heard, spoken), in order, as `compare` of the model gives them."""

    def compare(batch: list[tuple[np.ndarray, np.ndarray]]) -> list[CoherenceScores]:
        if isinstance(model, EvidenceMeter):
            return model.compare_pairs(batch)
        heard = _embed([model], [first for first, _ in batch])[0]
        spoken = _embed([model], [second for _, second in batch])[0]
        return model.compare_embeddings({mode: (heard[mode], spoken[mode]) for mode in model.modes})

    for scores in parallel_map(compare, batches(pairs, BATCH_WINDOWS // 2), workers):
        yield from scores


@torch.inference_mode()
def pair_scores(model: Coherence, inputs: Tensor, outputs: Tensor) -> Tensor:
    """Embeddings (n, 512) and (n, 512) -> scores (n,): input i with output i."""
    return ((inputs @ model.similarity) * outputs).sum(-1)


@torch.inference_mode()
def _embed(models: Sequence[Coherence], windows: list[np.ndarray]) -> list[Embeddings]:
    """For each model, mode -> embeddings (windows, 512) of a batch of windows."""
    features: dict[bool, Tensor] = {}
    embeddings = []
    for model in models:
        if model.separated not in features:
            features[model.separated] = torch.stack([model.features(window) for window in windows])
        embeddings.append({mode: model(mask_channel(features[model.separated], mode)) for mode in model.modes})
    return embeddings


def batches(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """Lists of `size` items, the last one perhaps shorter."""
    source = iter(items)
    while batch := list(islice(source, size)):
        yield batch


def parallel_map(work: Callable[[Item], Result], items: Iterable[Item], workers: int = 0) -> Iterator[Result]:
    """`map` on several threads, in order; at most 2 * workers + 1 items are taken before their results are asked for.

    workers: threads; 0: one for each core, 8 at most. Inside, PyTorch uses one thread per worker: products that share
    the cores would wait for each other.
    """
    workers = workers or min(os.cpu_count() or 1, 8)
    futures: deque[Future[Result]] = deque()
    before = torch_threads()
    with ThreadPoolExecutor(workers, initializer=torch_threads, initargs=(1,)) as pool:
        try:
            for item in items:
                futures.append(pool.submit(work, item))
                if len(futures) > 2 * workers:
                    yield futures.popleft().result()
            while futures:
                yield futures.popleft().result()
        finally:
            for future in futures:
                future.cancel()
            torch_threads(before)
