"""What is wanted of the next hops (`wanted`), and how well every place of a memory would answer it (`target`).

A place is wanted for its harmony: the chroma that the musician is expected to play (`perception.anticipation`), against
the chroma of the memory from there on; and for its label: the one that the decision has planned for that hop.
"""

from __future__ import annotations

import numpy as np

from action.cost import Rhythm
from agent.performance.memories import Memory
from agent.performance.state import PerformanceState
from perception.anticipation import MEMORY_S, anticipate, anticipate_onsets
from perception.chroma import FRAME_RATE
from perception.onsets import DELAY_FRAMES, ONSET_RATE

HARMONY_WEIGHT = 1.0  # of the cosine of what is expected and what the memory has
LABEL_WEIGHT = 0.1  # of a place that has the label planned for the hop
RHYTHM_WEIGHT = 1.2  # of the correlation of expected onsets with those of a place
RHYTHM_S = 2.0  # of onsets that are compared
RHYTHM_REACH_S = 0.25  # by which a cut may begin earlier or later, so that onsets coincide
LEAST_RHYTHM = 0.2  # how sure the expected onsets must be
SILENCE_COST = 1.0  # of a hop of silence within a run


def wanted(state: PerformanceState, horizon: int) -> np.ndarray:
    """(horizon, 12) float32: the chroma expected from hop `state.hop` on.

    What has been heard of these hops already, as when a whole guide is known, is taken as it was. What `lookahead`
    delays has not been heard yet.
    """
    track, heard_hops = state.heard_chroma, state.heard_hops - len(state.delayed_hops)
    known = min(max(heard_hops - state.hop, 0), horizon)
    late = max(state.hop - heard_hops, 0)
    frames = track.hop_frames
    keys = track.keys[: max(0, round(heard_hops * state.config.live.hop * FRAME_RATE) - frames + 1)]
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


def rhythm(state: PerformanceState, memory: Memory, delay_s: float) -> Rhythm | None:
    """The onsets expected from hop `state.hop` on, and those of a memory; None: nobody knows what to expect.

    delay_s: from the beginning of that hop to the moment when its answer sounds.
    """
    hop_s, heard_hops = state.config.live.hop, state.heard_hops - len(state.delayed_hops)
    heard = state.heard_onsets.frames[: round(heard_hops * hop_s * ONSET_RATE)]
    begins = round((state.hop * hop_s + delay_s) * ONSET_RATE) + DELAY_FRAMES
    expected, sure = anticipate_onsets(heard, begins, round(RHYTHM_S * ONSET_RATE), ONSET_RATE)
    if sure < LEAST_RHYTHM:
        return None
    reach = round(RHYTHM_REACH_S * ONSET_RATE)
    return Rhythm(expected, memory.onsets.frames, ONSET_RATE / FRAME_RATE, DELAY_FRAMES, reach, RHYTHM_WEIGHT)
