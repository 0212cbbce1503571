"""Descriptions of a recording by librosa: chroma per half second, onsets, beats.

Audio is (n,) float32 mono at `SAMPLERATE`. The measures that compare two recordings are those of `perception.fit`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import librosa.beat as librosa_beat
import librosa.effects as librosa_effects
import librosa.onset as librosa_onset
import numpy as np
from librosa import cqt, frames_to_time
from librosa.feature import chroma_cqt
from librosa.feature import rms as librosa_rms

from perception.fit import (
    SEGMENT_S,
    ChromaSegments,
    centred,
    ghost,
    harmony,
    holes,
    level_difference,
    on_beat,
)

SAMPLERATE = 22050  # Hz
HOP_SAMPLES = 512  # samples between two frames of librosa
TIGHTNESS = 100  # setting of the beat tracker, librosa's default
AUDIBLE = 10 ** (-50 / 20)  # level above which something sounds, full scale = 1
LOWEST_MIDI = 24  # C1, lowest note of a constant-Q transform
GHOST_Z = 3.0  # standard deviations, above which an answer fits its moment


def cuts(frames: int, step: float, width: float, rate: float) -> list[slice]:
    """`frames` slices of `width` s, one every `step` s, of an array with `rate` values a second."""
    return [slice(int(n * step * rate), int((n * step + width) * rate)) for n in range(frames)]


def chroma_segments(audio: np.ndarray) -> ChromaSegments:
    """The constant-Q chroma and the level of every whole half second."""
    chroma = chroma_cqt(y=audio, sr=SAMPLERATE, hop_length=HOP_SAMPLES)
    segments = int(len(audio) / SAMPLERATE / SEGMENT_S)
    rms = [np.sqrt((audio[part] ** 2).mean()) for part in cuts(segments, SEGMENT_S, SEGMENT_S, SAMPLERATE)]
    means = [chroma[:, part].mean(axis=1) for part in cuts(segments, SEGMENT_S, SEGMENT_S, SAMPLERATE / HOP_SAMPLES)]
    return ChromaSegments(centred(np.stack(means)), np.array(rms)) if segments else _nothing()


def _nothing() -> ChromaSegments:
    return ChromaSegments(np.zeros((0, 12)), np.zeros(0))


def onsets(audio: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(times in s, strengths) of the onsets."""
    envelope = librosa_onset.onset_strength(y=audio, sr=SAMPLERATE, hop_length=HOP_SAMPLES)
    frames = librosa_onset.onset_detect(onset_envelope=envelope, sr=SAMPLERATE, hop_length=HOP_SAMPLES)
    return frames_to_time(frames, sr=SAMPLERATE, hop_length=HOP_SAMPLES), envelope[frames]


def strong_onset(audio: np.ndarray) -> float:
    """The onset strength that one frame in twenty of those that sound exceeds, by which `traits` counts onsets."""
    envelope, audible = _envelope(audio)
    return float(np.quantile(envelope[audible], 0.95)) if audible.any() else 1.0


def _envelope(audio: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(frames,) onset strengths, and whether the frame sounds."""
    envelope = librosa_onset.onset_strength(y=audio, sr=SAMPLERATE, hop_length=HOP_SAMPLES)
    level = librosa_rms(y=audio, hop_length=HOP_SAMPLES)[0][: len(envelope)]
    return envelope[: len(level)], level > AUDIBLE


def traits(audio: np.ndarray, beats: np.ndarray, strong: float) -> dict[str, float]:
    """How a recording is played: "density", "register", "dynamics" and "place", see `train.evaluate.adding`.

    beats: s; without two of them "place" is NaN. strong: of its memory, see `strong_onset`. NaN where nothing sounds.
    """
    envelope, audible = _envelope(audio)
    frames = librosa_onset.onset_detect(
        onset_envelope=envelope / max(strong, 1e-9), sr=SAMPLERATE, hop_length=HOP_SAMPLES, normalize=False, delta=0.1
    )
    frames = np.array([frame for frame in frames if audible[frame : frame + 4].any()], int)
    times, strengths = frames_to_time(frames, sr=SAMPLERATE, hop_length=HOP_SAMPLES), envelope[frames]
    power = np.square(np.abs(cqt(audio, sr=SAMPLERATE, hop_length=HOP_SAMPLES)))
    parts = cuts(int(len(audio) / SAMPLERATE / SEGMENT_S), SEGMENT_S, SEGMENT_S, SAMPLERATE)
    rms = np.array([np.sqrt(np.square(audio[part]).mean()) for part in parts])
    columns = cuts(len(rms), SEGMENT_S, SEGMENT_S, SAMPLERATE / HOP_SAMPLES)
    summed = np.array([power[:, column].sum(1) for column in columns]).reshape(len(rms), len(power))
    sounds = rms > AUDIBLE
    if not sounds.any():
        return dict.fromkeys(("density", "register", "dynamics", "place"), float("nan"))
    heights = summed[sounds] @ (LOWEST_MIDI + np.arange(len(power))) / summed[sounds].sum(1)
    inside = (times > beats[0]) & (times < beats[-1]) if len(beats) > 1 else np.zeros(len(times), bool)
    phase = np.interp(times[inside], beats, np.arange(len(beats))) if inside.any() else np.zeros(0)
    weight = strengths[inside]
    return {
        "density": len(frames) / (audible.sum() * HOP_SAMPLES / SAMPLERATE),
        "register": float(heights.mean()),
        "dynamics": float((20 * np.log10(rms[sounds])).mean()),
        "place": float(-(weight * np.cos(2 * np.pi * phase)).sum() / weight.sum()) if weight.sum() else float("nan"),
    }


def track_beats(audio: np.ndarray) -> np.ndarray:
    """(beats,) times in s, by librosa's offline tracker."""
    return librosa_beat.beat_track(y=audio, sr=SAMPLERATE, hop_length=HOP_SAMPLES, units="time", tightness=TIGHTNESS)[1]


def read_beats(path: Path) -> np.ndarray:
    """(beats,) times in s: the first number of every line. ValueError if there is none."""
    return np.loadtxt(path, ndmin=2)[:, 0]


def stretched(audio: np.ndarray, rate: float) -> np.ndarray:
    """The audio `rate` times as fast, at the same pitch."""
    return librosa_effects.time_stretch(audio, rate=rate)


def fit(guide: ChromaSegments, audio: np.ndarray, beats: np.ndarray) -> dict[str, float]:
    """Every measure of an answer `audio` (n,) to a guide. beats: of the guide, s; without any, "time" is NaN."""
    answer = chroma_segments(audio)
    return {
        "harmony": harmony(guide, answer),
        "ghost": ghost(guide, answer),
        "time": on_beat(*onsets(audio), beats),
        "holes": holes(guide, answer),
        "level": level_difference(guide, answer),
    }


def cut_at(starts: Sequence[float] | np.ndarray, step: float) -> np.ndarray:
    """(n,) bool: True where a step does not continue the previous one.

    starts: position in the memory of each step, -1 for a rest; a step continues if it is `step` after the previous one.
    A rest never continues.
    """
    return np.concatenate([[True], np.abs(np.diff(starts) - step) > 1e-6])[: len(starts)]


def runs(cut: np.ndarray) -> np.ndarray:
    """Lengths of the stretches between cuts, in steps. cut: (n,) bool, of which the first counts as True."""
    return np.diff(np.concatenate([[0], np.flatnonzero(cut[1:]) + 1, [len(cut)]]))


def playing(starts: Sequence[float] | np.ndarray, step: float, seconds: float, cut: np.ndarray) -> dict[str, float]:
    """Measures of playback from positions `starts` in a memory. seconds: of one step. cut: (n,) bool, see `cut_at`.

    run: mean time between cuts, s. variety: distinct steps of the memory / steps played.
    """
    positions = np.asarray(starts, float)
    played = np.floor(positions[positions >= 0] / step + 1e-6)
    return {
        "run": float(runs(cut).mean() * seconds) if len(positions) else float("nan"),
        "variety": len(np.unique(played)) / max(1, len(played)),
    }


def passes_ghost_test(measured: Mapping[str, float]) -> float:
    """1.0 if the answer fits its moment by the ghost test (above GHOST_Z), else 0.0; NaN counts as 0."""
    return float(measured["ghost"] > GHOST_Z)
