"""The rivals of an answer, none of which learns.

Audio is (n,) float32 at `listening_measures.SAMPLERATE`. Rivals are causal: each half second is chosen by the half
second of the guide before it.
"""

from __future__ import annotations

from dataclasses import dataclass

import librosa
import numpy as np

from perception.fit import SEGMENT_S, ChromaSegments, centred
from train.evaluate.listening_measures import HOP_SAMPLES, SAMPLERATE, cuts, stretched

CONTINUITY_BONUS = 0.4  # bonus of the segment that follows the last one, in cosines of chroma
PHASE_BONUS = 0.4  # where the beats of memory and guide coincide, in cosines of chroma
TABOO_SEGMENTS = 8  # half seconds before a segment may be jumped to again
FADE_S = 0.02
CANDIDATE_STEP_S = 0.125  # distance of two candidates of the memory, with known beats
MAX_STRETCH_RATIO = 1.41  # an octave of tempo apart, half and double time are as near


@dataclass(frozen=True)
class RivalAnswer:
    """audio: (n,). starts: position in the memory of each half second, s; the first is played from 0.5 s on."""

    audio: np.ndarray
    starts: np.ndarray


def random_runs(memory: np.ndarray, lengths: np.ndarray, hop: float) -> np.ndarray:
    """Excerpts of the memory of these lengths (in hops of `hop` s) from random positions, after one hop of silence."""
    rng, parts = np.random.default_rng(0), [np.zeros(int(hop * SAMPLERATE), np.float32)]
    for length in lengths:
        samples = int(length * hop * SAMPLERATE)
        start = int(rng.integers(0, max(1, len(memory) - samples)))
        parts.append(memory[start : start + samples])
    return np.concatenate(parts)


def chroma_matcher(guide: ChromaSegments, memory: ChromaSegments, audio: np.ndarray, samples: int) -> RivalAnswer:
    """Play the half second of the memory nearest in chroma to the last one of the guide, with a bonus for continuing.

    audio: of the memory. samples: of the answer.
    """
    active, previous, starts = memory.sounding, -9, []
    last_played = np.full(len(memory), -99)
    for now in range(1, len(guide)):
        score = memory.vectors @ guide.vectors[now - 1]
        score[~active] = -1
        score[(now - last_played < TABOO_SEGMENTS) & (np.arange(len(memory)) != previous + 1)] -= 9
        if previous + 1 < len(memory):
            score[max(previous + 1, 0)] += CONTINUITY_BONUS
        previous = int(score.argmax())
        last_played[previous] = now
        starts.append(previous * SEGMENT_S)
    return RivalAnswer(joined(audio, np.array(starts), samples), np.array(starts))


def chroma_matcher_on_beats(
    guide: ChromaSegments, guide_beats: np.ndarray, audio: np.ndarray, beats: np.ndarray, samples: int
) -> RivalAnswer:
    """As `chroma_matcher`, with the beats of guide and memory (s) known: jumps are moved so that beats coincide.

    A memory of another tempo is stretched as a whole.
    """
    rate = float(np.median(np.diff(beats)) / np.median(np.diff(guide_beats)))
    while rate > MAX_STRETCH_RATIO:
        rate /= 2
    while rate < 1 / MAX_STRETCH_RATIO:
        rate *= 2
    if abs(rate - 1) > 1e-9:
        audio, beats = stretched(audio, rate), beats / rate
    starts = _in_phase(guide, guide_beats, audio, beats)
    return RivalAnswer(joined(audio, starts, samples), starts)


def _in_phase(guide: ChromaSegments, guide_beats: np.ndarray, audio: np.ndarray, beats: np.ndarray) -> np.ndarray:
    candidates = _candidates(audio)
    times, period = np.arange(len(candidates)) * CANDIDATE_STEP_S, np.median(np.diff(beats))
    phases = _phase(times, beats)
    last_played, starts = np.full(len(candidates), -99), list[float]()
    for now in range(1, len(guide)):
        phase, score = _phase(now * SEGMENT_S, guide_beats), candidates.vectors @ guide.vectors[now - 1]
        score[~candidates.sounding] = -1
        if not np.isnan(phase):
            score = score + PHASE_BONUS * np.nan_to_num(np.cos(2 * np.pi * (phases - phase)))
        jump = score.copy()
        jump[now - last_played < TABOO_SEGMENTS] -= 9
        best = int(jump.argmax())
        following = None if not starts else round((starts[-1] + SEGMENT_S) / CANDIDATE_STEP_S)
        if following is not None and following < len(score) and score[following] + CONTINUITY_BONUS >= jump[best]:
            at, best = starts[-1] + SEGMENT_S, following
        else:
            at = float(times[best])
            if not np.isnan(phase) and not np.isnan(phases[best]):
                at = max(0.0, at + (((phase - phases[best] + 0.5) % 1) - 0.5) * period)
        last_played[max(0, best - 2) : best + 3] = now
        starts.append(at)
    return np.array(starts)


def _candidates(audio: np.ndarray) -> ChromaSegments:
    """Half seconds of a memory, one every CANDIDATE_STEP_S."""
    chroma = librosa.feature.chroma_cqt(y=audio, sr=SAMPLERATE, hop_length=HOP_SAMPLES)
    rms = librosa.feature.rms(y=audio, hop_length=HOP_SAMPLES)[0]
    parts = cuts(
        int((len(audio) / SAMPLERATE - SEGMENT_S) / CANDIDATE_STEP_S),
        CANDIDATE_STEP_S,
        SEGMENT_S,
        SAMPLERATE / HOP_SAMPLES,
    )
    means = np.stack([chroma[:, part].mean(axis=1) for part in parts])
    return ChromaSegments(centred(means), np.array([rms[part].mean() for part in parts]))


def _phase(times: np.ndarray | float, beats: np.ndarray) -> np.ndarray:
    """Phase of the beat at each time, 0 to 1; NaN outside the beats."""
    return np.asarray(np.interp(times, beats, np.arange(len(beats)), left=np.nan, right=np.nan) % 1)


def joined(audio: np.ndarray, starts: np.ndarray, samples: int) -> np.ndarray:
    """(samples,): half seconds of a memory in a row, the first at 0.5 s.

    starts: s. Those contiguous in the memory are copied whole, others with fades of 20 ms.
    """
    out, fade, first = np.zeros(samples + SAMPLERATE, np.float32), int(FADE_S * SAMPLERATE), 0
    while first < len(starts):
        end = first + 1
        while end < len(starts) and abs(starts[end] - starts[end - 1] - SEGMENT_S) < 1e-6:
            end += 1
        begin, seconds = int(starts[first] * SAMPLERATE), (end - first) * SEGMENT_S
        part = audio[begin : int((starts[first] + seconds) * SAMPLERATE) + fade].copy()
        at = int((first + 1) * SEGMENT_S * SAMPLERATE)
        if len(part) > 2 * fade:
            part[:fade] *= np.linspace(0, 1, fade)
            part[-fade:] *= np.linspace(1, 0, fade)
            target = out[at : at + len(part)]
            target += part[: len(target)]
        first = end
    return out[:samples]
