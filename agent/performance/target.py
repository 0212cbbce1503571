"""The query of the next hops: harmony and label of a place (`query`), and onsets (`rhythm`).

The value of a place is the correlation of the chroma that the musician is expected to play
(`perception.anticipation`) with the chroma of the memory from there on, and a bonus for the planned label.
"""

from __future__ import annotations

import numpy as np

from action.cost import NO_LABEL, Query, Rhythm
from agent.performance import adding
from agent.performance.memories import Memory
from agent.performance.state import PerformanceState
from perception.anticipation import MEMORY_S, anticipate, anticipate_onsets
from perception.chroma import FRAME_RATE
from perception.onsets import DELAY_FRAMES, ONSET_RATE
from perception.tatum import BLOCK, NO_TATUM, Tatum

HARMONY_WEIGHT = 1.0  # weight of the cosine of what is expected and what the memory has
LABEL_WEIGHT = 0.1  # value of having the label planned for the hop
RHYTHM_WEIGHT = 1.0  # weight of the correlation of expected onsets with those of a place
RHYTHM_S = 2.0  # length of the onsets that are compared
RHYTHM_REACH_S = 0.25  # most by which a cut begins earlier or later, so that onsets coincide
LEAST_RHYTHM = 0.2  # least certainty of the expected onsets, 0 to 1
GRID_WEIGHT = 4.0  # weight of a certain grid beside the onsets expected, both of standard deviation 1
BEAT_WEIGHT = 20.0  # weight of a certain beat, where on or off it is asked for
GRID_FRAMES = 2.0  # standard deviation of a point of the grid, in frames of the onset envelope
SILENCE_COST = 1.0  # cost of a hop of silence within a run
KEY_SHIFT_COST = 0.1  # cost of each semitone by which a place is moved to what is heard


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


def query(expected: np.ndarray, plan: np.ndarray, semitones: int, key_shift: int = 0) -> Query:
    """What is wanted of the places of a memory that is played `semitones` higher: harmony, and the labels planned.

    expected: (horizon, 12), see `wanted`. plan: (n,) labels as the memory has them, from the same hop on; no label is
    wanted where it has ended. key_shift: of the semitones those that nobody asked for, which cost something.
    """
    keys = np.roll(HARMONY_WEIGHT * expected, -semitones, axis=1)
    labels = np.full(len(expected), NO_LABEL, np.int32)
    labels[: len(plan)] = plan[: len(expected)]
    shift_cost = KEY_SHIFT_COST * abs(key_shift)
    return Query(np.ascontiguousarray(keys, np.float32), labels, LABEL_WEIGHT, SILENCE_COST, key_shift, shift_cost)


def rhythm(state: PerformanceState, memory: Memory, delay_s: float, speeds: np.ndarray) -> Rhythm | None:
    """The onsets expected from hop `state.hop` on, and those of a memory; None: nothing can be expected.

    Expected is what the musician is likely to play, from what they have played, and beside it a regular grid, by its
    confidence, and the beat or what is off it, where that is to be added. delay_s: from the beginning of that hop to
    the moment when its answer sounds. speeds: (blocks,) how fast each block of the memory's tatums would be played.
    """
    hop_s, heard_hops = state.config.live.hop, state.heard_hops - len(state.delayed_hops)
    heard = state.heard_onsets.frames[: round(heard_hops * hop_s * ONSET_RATE)]
    begins_s = state.hop * hop_s + delay_s
    begins, frames = round(begins_s * ONSET_RATE) + DELAY_FRAMES, round(RHYTHM_S * ONSET_RATE)
    expected, sure = anticipate_onsets(heard, begins, frames, ONSET_RATE)
    regular = grid(state, begins_s)
    asked = adding.beats(state, begins_s)
    if sure < LEAST_RHYTHM and not regular.confidence and not asked.confidence:
        return None
    expected = _standardised(expected) * (sure >= LEAST_RHYTHM)
    expected += GRID_WEIGHT * regular.confidence * _standardised(regular.comb(begins, frames, GRID_FRAMES))
    expected += BEAT_WEIGHT * asked.confidence * _standardised(asked.comb(begins, frames, GRID_FRAMES))
    reach = round(RHYTHM_REACH_S * ONSET_RATE)
    return Rhythm(
        expected, memory.onsets.frames, ONSET_RATE / FRAME_RATE, DELAY_FRAMES, reach, RHYTHM_WEIGHT, speeds, BLOCK
    )


def grid(state: PerformanceState, time_s: float) -> Tatum:
    """The regular grid at a moment, s since the performance began; its frames are those of the onset envelope.

    The half beats of a clock, of Link, of OSC or of taps, if one of them leads, else the tatum that is heard, if
    `pulse.beat_source` lets what is heard lead.
    """
    sample = time_s * state.pulse.samplerate
    if state.beat_source_at(sample) in ("", "audio"):
        return state.tatum.tatum if state.config.pulse.beat_source in ("auto", "audio") else NO_TATUM
    beat = state.beat_at(sample)
    return Tatum(beat.time_s * ONSET_RATE + DELAY_FRAMES, beat.period_s * ONSET_RATE / 2, 1.0)


def _standardised(envelope: np.ndarray) -> np.ndarray:
    """(n,) float32 with mean 0 and standard deviation 1; zeros where nothing moves."""
    centred = envelope - envelope.mean()
    return np.asarray(centred / max(float(centred.std()), 1e-6), np.float32)
