"""Random batches of pairs of sub-mixtures for the coherence meter: which windows of which parts, audio, notes.

A batch of K pairs has 3 K rows: K inputs, the K outputs of the same windows, and these outputs displaced by 1/8 to 2
beats. Input and output are disjoint random sub-mixtures of one window of 5 s (Ciranni et al., 2024, §III-A).

The pairs of labels that the decision learns from are drawn in token_pairs.py.

Drawing needs levels only, so it runs on the CPU ahead of need; `mix_audio` and `score_rolls` run on the device.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from perception.coherence import GATE_DB, WINDOW_SAMPLES
from perception.hpss import SAMPLERATE
from train.common.errors import TrainError
from train.data.store import Store
from train.data.submixes import BEAT_RANGE_S, draw_disjoint

MAX_TRIES = 40  # windows of a song drawn per call; those silent or overlapping others are dropped
DELAYS_BEATS = (0.125, 0.25, 0.5, 1.0, 2.0)
DELAY_RANGE_S = (0.06, 1.0)  # where a song has no beats
SCORE_STEP_SAMPLES = 320  # 20 ms
SCORE_FRAMES = 1 + WINDOW_SAMPLES // SCORE_STEP_SAMPLES
ONSET_BIT = 12  # bit of a frame of the score, after those of the pitch classes
UNKNOWN = -1


@dataclass(frozen=True)
class DrawSettings:
    """pairs: K. together: windows of each song. overlap: largest share of a window that another of its song may share.

    recorded: share of the pairs from recordings. gain: largest random gain of a part, dB either way. semitones: largest
    resampling of a song, either way.
    """

    pairs: int
    together: int = 4
    overlap: float = 0.5
    recorded: float = 0.3
    gain: float = 6.0
    semitones: float = 3.0


@dataclass(frozen=True)
class Draw:
    """A batch: picks (p, 2) int64 of the store, each to be mixed with gain (p,) into row (p,) of 3 K.

    speed (3 K,): samples of the song for each of the window. song (K,): which song a pair is from.
    late (K,): delay of the displaced window, so the displaced output is early by as many frames of 20 ms.
    """

    picks: np.ndarray
    gain: np.ndarray
    row: np.ndarray
    speed: np.ndarray
    song: np.ndarray
    late: np.ndarray


class Window(NamedTuple):
    """A window of a song: its begin and the delay of its displaced window, in samples, and the audible parts."""

    begin: int
    late: int
    parts: list[int]


def draw_pairs(store: Store, s: DrawSettings, rng: np.random.Generator) -> Draw:
    """Draw K pairs: `together` of each song, more of recorded songs where there are few, more of all where K needs it.

    TrainError where the music is silent, or too short for K windows.
    """
    recorded = np.array([song.recorded for song in store.songs])
    both = 0 < recorded.mean() < 1
    share = np.where(recorded, s.recorded / max(1, recorded.sum()), (1 - s.recorded) / max(1, (~recorded).sum()))
    weight = share if both else np.ones(len(recorded))
    several = np.where(
        recorded & both, max(s.together, math.ceil(s.pairs * s.recorded / max(1, recorded.sum()))), s.together
    )
    faster = 2 ** (rng.uniform(-s.semitones, s.semitones, len(recorded)) / 12)
    windows: dict[int, list[Window]] = {}
    number_of: list[int] = []
    while True:
        before = len(number_of)
        for number in rng.choice(len(weight), len(weight), replace=False, p=weight / weight.sum()).tolist():
            known = windows.setdefault(number, [])
            more = min(int(several[number]), s.pairs - len(number_of))
            number_of += [number] * _add_windows(store, number, known, more, faster[number], s, rng)
            if len(number_of) == s.pairs:
                return _draw_submixes(windows, faster, s, rng)
        if len(number_of) == before:
            raise TrainError(
                f"too little music that sounds for {s.pairs} windows which do not overlap: is it silent? "
                "else lower --batch, or give more"
            )


def _add_windows(
    store: Store, number: int, known: list[Window], more: int, faster: float, s: DrawSettings, rng: np.random.Generator
) -> int:
    """Append at most `more` windows of a song to `known`; returns their number."""
    song = store.songs[number]
    samples, before = int(WINDOW_SAMPLES * faster), len(known)
    parts = np.array(list(song.parts.values()))
    room = int(song.seconds * SAMPLERATE) - samples
    for _ in range(MAX_TRIES if room >= 0 else 0):
        if len(known) - before == more:
            break
        begin = int(rng.integers(room + 1))
        if any(abs(begin - other.begin) < (1 - s.overlap) * samples for other in known):
            continue
        late = round(SAMPLERATE * _late(song.beats, rng))
        late = late if 0 <= begin + late <= room else -late
        audible = parts[store.level_db(parts, np.full(len(parts), begin), samples) > GATE_DB]
        if len(audible) > 1:
            known.append(Window(begin, late, audible.tolist()))
    return len(known) - before


def _draw_submixes(
    windows: dict[int, list[Window]], faster: np.ndarray, s: DrawSettings, rng: np.random.Generator
) -> Draw:
    """Two disjoint sub-mixtures of each window, the second one also displaced."""
    song = np.array([number for number, known in windows.items() for _ in known])
    rows: list[tuple[int, int, int]] = []
    gain: list[float] = []
    for pair, window in enumerate(window for known in windows.values() for window in known):
        first, second = draw_disjoint(window.parts, rng)
        rows += [(pair, part, window.begin) for part in first]
        gain += (10 ** (rng.uniform(-s.gain, s.gain, len(first)) / 20)).tolist()
        by = (10 ** (rng.uniform(-s.gain, s.gain, len(second)) / 20)).tolist()
        for version, begin in ((1, window.begin), (2, window.begin + window.late)):
            rows += [(version * s.pairs + pair, part, begin) for part in second]
            gain += by
    table = np.array(rows)
    late = np.array([window.late for known in windows.values() for window in known]) / SCORE_STEP_SAMPLES / faster[song]
    return Draw(table[:, 1:], np.array(gain, np.float32), table[:, 0], np.tile(faster[song], 3), song, late)


def _late(beats: np.ndarray, rng: np.random.Generator) -> float:
    """Displacement of an output, s, either way."""
    way = rng.choice([-1, 1])
    if len(beats) < 2:
        return float(way * np.exp(rng.uniform(*np.log(DELAY_RANGE_S))))
    beat = float(np.median(np.diff(beats)))
    beat /= 2 ** np.ceil(np.log2(beat / BEAT_RANGE_S[1]))
    return float(way * beat * rng.choice(DELAYS_BEATS))


def mix_audio(store: Store, draw: Draw) -> Tensor:
    """(3 K, 80000) float32 on the device: the mix of each row, resampled by its speed (Catmull-Rom interpolation)."""
    raw = int(np.ceil(WINDOW_SAMPLES * draw.speed.max())) + 4
    device = store.device
    parts = store.windows(draw.picks - [0, 1], raw) * torch.from_numpy(draw.gain).to(device)[:, None]
    mixed = torch.zeros(len(draw.speed), raw, device=device)
    mixed.index_add_(0, torch.from_numpy(draw.row).to(device), parts)
    speed = torch.from_numpy(draw.speed).to(device)
    read_at = 1 + torch.arange(WINDOW_SAMPLES, device=device, dtype=torch.float64) * speed[:, None]
    first = read_at.long()
    t = (read_at - first).float()
    a, b, c, d = (mixed.gather(1, first + shift) for shift in (-1, 0, 1, 2))
    return b + 0.5 * t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)))  # Catmull-Rom


def score_bits(store: Store) -> Tensor:
    """(frames of 20 ms of all parts end to end,) int16 on the device: bits 0-11 active pitch classes, bit 12 onset.

    -1 where the notes are not known. Drum hits have pitch -1, and so the onset bit only.
    """
    bits = np.full(len(store.samples) // SCORE_STEP_SAMPLES, UNKNOWN, np.int16)
    for song in store.songs:
        for name, notes in song.notes.items():
            part = song.parts[name]
            first, frames = store.begin[part] // SCORE_STEP_SAMPLES, -(-int(store.length[part]) // SCORE_STEP_SAMPLES)
            roll = bits[first : first + frames]
            roll[:] = 0
            edges = np.round(notes[:, :2] * SAMPLERATE / SCORE_STEP_SAMPLES).astype(int).clip(0, frames)
            for (on, off), pitch in zip(edges.tolist(), notes[:, 2].astype(int).tolist(), strict=True):
                if pitch >= 0:
                    roll[on : max(off, on + 1)] |= 1 << pitch % 12
                roll[on : on + 1] |= 1 << ONSET_BIT
    return torch.from_numpy(bits).to(store.device)


def score_rolls(store: Store, bits: Tensor, draw: Draw) -> Tensor:
    """(3 K, 251, 13) float32 on the device: active pitch classes and onset per frame; -1 in rows with unknown notes."""
    device = store.device
    part, begin = draw.picks.T
    speed = torch.from_numpy(draw.speed[draw.row]).to(device)[:, None]
    frame = torch.from_numpy(begin).to(device)[:, None] / SCORE_STEP_SAMPLES + speed * torch.arange(
        SCORE_FRAMES, device=device
    )
    frame = frame.round().long()
    first, length = (
        torch.from_numpy(each[part]).to(device)[:, None] // SCORE_STEP_SAMPLES for each in (store.begin, store.length)
    )
    frame_bits = bits[(first + frame.clamp_min(0)).clamp_max(len(bits) - 1)]
    frame_bits = torch.where((frame >= 0) & (frame < length) | (frame_bits < 0), frame_bits, 0)
    row, rows = torch.from_numpy(draw.row).to(device), len(draw.speed)
    classes = (frame_bits[..., None] >> torch.arange(13, device=device, dtype=torch.int16)) & 1
    result = torch.zeros(rows, SCORE_FRAMES, 13, device=device)
    result.scatter_reduce_(0, row[:, None, None].expand_as(classes), classes.float(), "amax")
    higher = torch.from_numpy(np.round(12 * np.log2(draw.speed)).astype(np.int64)).to(device)
    source = (torch.arange(12, device=device) - higher[:, None]) % 12
    pitch = result[..., :12].gather(2, source[:, None].expand(-1, SCORE_FRAMES, -1))
    onset = F.max_pool1d(result[..., 12], 3, 1, 1)  # a frame either way
    unknown = torch.zeros(rows, device=device).scatter_reduce_(0, row, (frame_bits < 0).any(1).float(), "amax")
    return torch.where(unknown[:, None, None] > 0, -1.0, torch.cat([pitch, onset[..., None]], 2))


def apply_rooms(audio: Tensor, share: float, tilt: float, noise: float, generator: torch.Generator) -> Tensor:
    """(n, samples) float32, each row with a reverberation and a spectral tilt of its own.

    share: of the rows that are convolved with a room, noise that decays by 60 dB in 0.1 to 1 s. tilt: largest slope, dB
    per octave around 1 kHz. noise: standard deviation of the noise added to all. generator: on the device of `audio`.
    """
    n, samples = audio.shape
    draw = torch.rand(n, 4, generator=generator, device=audio.device)
    time = torch.arange(SAMPLERATE, device=audio.device) / SAMPLERATE
    decay = 0.1 + 0.9 * draw[:, :1]
    white = torch.randn(n, SAMPLERATE, generator=generator, device=audio.device)
    response = white * torch.exp(-6.9 * time / decay)
    wet = (0.05 + 0.6 * draw[:, 1:2]) * (draw[:, 2:3] < share)
    response = response / response.square().sum(1, keepdim=True).sqrt() * wet
    response[:, 0] += 1
    size = 1 << (samples + SAMPLERATE - 1).bit_length()
    hz = torch.fft.rfftfreq(size, 1 / SAMPLERATE, device=audio.device).clamp(50, 7800)
    slope = tilt * (2 * draw[:, 3:] - 1)
    gain = 10 ** (slope * torch.log2(hz / 1000) / 20)
    result = torch.fft.irfft(torch.fft.rfft(audio, size) * torch.fft.rfft(response, size) * gain, size)[:, :samples]
    return result + noise * torch.randn(n, samples, generator=generator, device=audio.device)
