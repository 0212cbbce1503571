"""The rivals of an answer, each of a few lines and without any learning.

Audio is (n,) float32 at `listening_measures.SAMPLERATE`. Rivals play live: what they play in a half second follows from
the half second before.
"""

from __future__ import annotations

from dataclasses import dataclass

import librosa
import numpy as np

from perception.fit import SEGMENT_S, ChromaSegments, centred
from train.evaluate.listening_measures import HOP, SAMPLERATE, cuts, stretched

GOING_ON = 0.4  # what it is worth to go on, in cosines of chroma
IN_PHASE = 0.4  # what it is worth that the beats of memory and guide coincide
TABOO = 8  # half seconds before a place may be jumped to again
FADE_S = 0.02
PLACE_S = 0.125  # between two places of the memory that are weighed, with known beats
LARGEST_STRETCH = 1.41  # an octave of tempo apart, half and double time are as near


@dataclass(frozen=True)
class RivalAnswer:
    """audio: (n,). starts: where in the memory each half second was taken from, s; the first answers the first."""

    audio: np.ndarray
    starts: np.ndarray


def random_runs(memory: np.ndarray, lengths: np.ndarray, hop: float) -> np.ndarray:
    """Stretches of these lengths (hops of `hop` s) from anywhere in the memory, after one hop of silence."""
    rng, parts = np.random.default_rng(0), [np.zeros(int(hop * SAMPLERATE), np.float32)]
    for length in lengths:
        samples = int(length * hop * SAMPLERATE)
        start = int(rng.integers(0, max(1, len(memory) - samples)))
        parts.append(memory[start : start + samples])
    return np.concatenate(parts)


def chroma_matcher(guide: ChromaSegments, memory: ChromaSegments, audio: np.ndarray, samples: int) -> RivalAnswer:
    """Play the half second of the memory nearest in chroma to what was heard, with a bonus for going on.

    audio: of the memory. samples: of the answer.
    """
    sounding, previous, starts = memory.sounding, -9, []
    last_played = np.full(len(memory), -99)
    for now in range(1, len(guide)):
        score = memory.vectors @ guide.vectors[now - 1]
        score[~sounding] = -1
        score[(now - last_played < TABOO) & (np.arange(len(memory)) != previous + 1)] -= 9
        if previous + 1 < len(memory):
            score[max(previous + 1, 0)] += GOING_ON
        previous = int(score.argmax())
        last_played[previous] = now
        starts.append(previous * SEGMENT_S)
    return RivalAnswer(joined(audio, np.array(starts), samples), np.array(starts))


def chroma_matcher_on_beats(
    guide: ChromaSegments, guide_beats: np.ndarray, audio: np.ndarray, beats: np.ndarray, samples: int
) -> RivalAnswer:
    """The same with the beats known, those of guide and memory (s): jumps are moved so that beats coincide.

    A memory of another tempo is stretched as a whole.
    """
    rate = float(np.median(np.diff(beats)) / np.median(np.diff(guide_beats)))
    while rate > LARGEST_STRETCH:
        rate /= 2
    while rate < 1 / LARGEST_STRETCH:
        rate *= 2
    if abs(rate - 1) > 1e-9:
        audio, beats = stretched(audio, rate), beats / rate
    starts = _in_phase(guide, guide_beats, audio, beats)
    return RivalAnswer(joined(audio, starts, samples), starts)


def _in_phase(guide: ChromaSegments, guide_beats: np.ndarray, audio: np.ndarray, beats: np.ndarray) -> np.ndarray:
    places = _places(audio)
    times, period = np.arange(len(places)) * PLACE_S, np.median(np.diff(beats))
    phases = _phase(times, beats)
    last_played, starts = np.full(len(places), -99), list[float]()
    for now in range(1, len(guide)):
        phase, score = _phase(now * SEGMENT_S, guide_beats), places.vectors @ guide.vectors[now - 1]
        score[~places.sounding] = -1
        if not np.isnan(phase):
            score = score + IN_PHASE * np.nan_to_num(np.cos(2 * np.pi * (phases - phase)))
        jump = score.copy()
        jump[now - last_played < TABOO] -= 9
        best = int(jump.argmax())
        following = None if not starts else round((starts[-1] + SEGMENT_S) / PLACE_S)
        if following is not None and following < len(score) and score[following] + GOING_ON >= jump[best]:
            at, best = starts[-1] + SEGMENT_S, following
        else:
            at = float(times[best])
            if not np.isnan(phase) and not np.isnan(phases[best]):
                at = max(0.0, at + (((phase - phases[best] + 0.5) % 1) - 0.5) * period)
        last_played[max(0, best - 2) : best + 3] = now
        starts.append(at)
    return np.array(starts)


def _places(audio: np.ndarray) -> ChromaSegments:
    """Half seconds of a memory, one every `PLACE_S`."""
    chroma = librosa.feature.chroma_cqt(y=audio, sr=SAMPLERATE, hop_length=HOP)
    rms = librosa.feature.rms(y=audio, hop_length=HOP)[0]
    parts = cuts(int((len(audio) / SAMPLERATE - SEGMENT_S) / PLACE_S), PLACE_S, SEGMENT_S, SAMPLERATE / HOP)
    means = np.stack([chroma[:, part].mean(axis=1) for part in parts])
    return ChromaSegments(centred(means), np.array([rms[part].mean() for part in parts]))


def _phase(times: np.ndarray | float, beats: np.ndarray) -> np.ndarray:
    """Place within its beat of each time, 0 to 1; NaN outside the beats."""
    return np.asarray(np.interp(times, beats, np.arange(len(beats)), left=np.nan, right=np.nan) % 1)


def joined(audio: np.ndarray, starts: np.ndarray, samples: int) -> np.ndarray:
    """Half seconds of a memory, one after the other, the first one beginning at 0.5 s: (samples,).

    starts: s. Those that follow each other in the memory are taken whole, others with fades of 20 ms.
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
            place = out[at : at + len(part)]
            place += part[: len(place)]
        first = end
    return out[:samples]
