"""What is wanted of the next hops (`wanted`), and how well every place of a memory would answer it (`target`).

A place is wanted for its harmony: the chroma that the musician is expected to play (`perception.anticipation`), against
the chroma of the memory from there on; and for its label: the one that the decision has planned for that hop.
"""

from __future__ import annotations

import numpy as np

from agent.performance.memories import Memory
from agent.performance.state import PerformanceState
from perception.anticipation import MEMORY_S, anticipate
from perception.chroma import FRAME_RATE

HARMONY_WEIGHT = 1.0  # of the cosine of what is expected and what the memory has
LABEL_WEIGHT = 0.1  # of a place that has the label planned for the hop
SILENCE_COST = 1.0  # of a hop of silence within a run


def wanted(state: PerformanceState, horizon: int) -> np.ndarray:
    """(horizon, 12) float32: the chroma expected from hop `state.hop` on.

    What has been heard of these hops already, as when a whole guide is known, is taken as it was.
    """
    track = state.heard_chroma
    known = min(max(state.heard_hops - state.hop, 0), horizon)
    late = max(state.hop - state.heard_hops, 0)
    keys, frames = track.keys, track.hop_frames
    rows = [keys[max(0, len(keys) - 1 - (known - 1 - ahead) * frames)] for ahead in range(known)] if len(keys) else []
    expected = anticipate(keys, frames, horizon - len(rows) + late, round(MEMORY_S * FRAME_RATE))[late:]
    return np.concatenate([np.reshape(rows, (-1, 12)).astype(np.float32), expected])


def target(memory: Memory, query: np.ndarray, plan: tuple[int, ...]) -> np.ndarray:
    """(horizon, places) float32: how well each place fits each of the next hops.

    query: (horizon, 12) from `wanted`. plan: the labels planned for these hops; where it is shorter, none is.
    """
    places = memory.places
    fits = HARMONY_WEIGHT * (query @ memory.chroma.keys[: len(places.segment)].T)
    for ahead, label in enumerate(plan[: len(fits)]):
        fits[ahead] += np.float32(LABEL_WEIGHT) * (places.label == label)
    fits -= np.float32(SILENCE_COST) * places.silent
    return np.asarray(fits, np.float32)
