"""Pairs of sub-mixtures that a coherence meter is measured and calibrated with.

A pair is two disjoint random sub-mixtures of the stems of one window of 5 s, both audible (Ciranni et al., 2024,
§III-A). Stems are files <split>/<song>/<stem>.flac or <song>/<stem>.flac of any kind and rate that begin together,
drums included, mixture.wav excluded. A window is read when it is drawn.
"""

from __future__ import annotations

import json
import math
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch

from perception.coherence import GATE_DB, WINDOW_S, WINDOW_SAMPLES, Calibration, Coherence, CoherenceError, audible
from perception.hpss import SAMPLERATE
from perception.scoring import Embeddings, embed_windows, pair_scores, parallel_map
from train.common.errors import TrainError
from train.data.stems import duration, excerpt, songs_below

T = TypeVar("T")
MAX_TRIES = 100  # silent windows in a row, after which a song gives no more pairs
MIN_PAIRS = 8  # fewest pairs of a calibration
CALIBRATION_QUANTILES = 33
BEAT_RANGE_S = (0.4, 0.8)  # range of the length of a beat: 75 to 150 beats per minute


@dataclass(frozen=True)
class Pair:
    """Two sub-mixtures of a window, (margin + 80000 + margin,) float32 each, and the window's song and time."""

    first: np.ndarray
    second: np.ndarray
    song: int
    begin: float  # s in the song
    beat: float  # s

    @property
    def margin(self) -> int:
        """Samples of the song before the window, and after it."""
        return (len(self.first) - WINDOW_SAMPLES) // 2

    @property
    def window(self) -> tuple[np.ndarray, np.ndarray]:
        """The window without its margins: (80000,) float32 of the first and of the second sub-mixture."""
        inner = slice(self.margin, self.margin + WINDOW_SAMPLES)
        return self.first[inner], self.second[inner]


def submix_songs(data: Path, split: str) -> dict[str, list[Path]]:
    """{song: files of its stems, two or more} below DATA/<split>, DATA, or of DATA itself as the one song.

    TrainError when there is none.
    """
    if not data.is_dir():
        raise TrainError(f"there is no folder '{data}': give a folder of songs, each a folder of its stems")
    songs = {name: list(stems.values()) for name, stems in songs_below(data, split).items() if len(stems) > 1}
    if not songs:
        raise TrainError(
            f"no song in '{data}': expected folders <song>/<stem>.flac (or .wav), with two stems or more that sound "
            "together"
        )
    return songs


def pairs_of(
    songs: dict[str, list[Path]], count: int, seed: int, margin: float = 0.0, beat: float = 0.5, workers: int = 0
) -> Iterator[Pair]:
    """`count` pairs spread evenly over the songs, song by song; fewer where songs are short or silent.

    margin: s of the song on both sides of each window. beat: s, where a song does not give its own. workers: threads;
    0: by the machine.
    """
    chosen = np.random.default_rng([seed, zlib.crc32(b"songs")]).permutation(len(songs))[:count]
    parts = np.array_split(range(count), len(chosen))
    shares = {int(number): len(part) for number, part in zip(chosen, parts, strict=True)}
    named = list(songs.items())

    def drawn(number: int) -> list[Pair]:
        name, stems = named[number]
        share = shares[number]
        rng = np.random.default_rng([seed, zlib.crc32(name.encode())])
        return list(_drawn(stems, share, rng, number, margin, beat_of(stems[0].parent, beat)))

    for pairs in parallel_map(drawn, sorted(shares), workers):
        yield from pairs


def _drawn(
    stems: list[Path], count: int, rng: np.random.Generator, number: int, margin: float, beat: float
) -> Iterator[Pair]:
    """Pairs of one song, fewer than `count` after MAX_TRIES silent windows in a row."""
    around = round(margin * SAMPLERATE)
    room = min(duration(path) for path in stems) - WINDOW_S - 2 * margin
    result = tried = 0
    while room >= 0 and result < count and tried < MAX_TRIES:
        begin = math.floor(100 * rng.uniform(0, room)) / 100  # a whole sample at any usual rate
        tried += 1
        wide = np.stack([excerpt(path, begin, WINDOW_SAMPLES + 2 * around) for path in stems])
        audible_stems = [stem for stem, audio in enumerate(wide) if audible(audio[around : around + WINDOW_SAMPLES])]
        if len(audible_stems) < 2:
            continue
        first, second = (wide[chosen].sum(axis=0) for chosen in draw_disjoint(audible_stems, rng))
        yield Pair(first, second, number, begin + margin, beat)
        result, tried = result + 1, 0


def draw_disjoint(things: list[T], rng: np.random.Generator) -> tuple[list[T], list[T]]:
    """Two disjoint non-empty random subsets, of random sizes, of two things or more."""
    order = [things[number] for number in rng.permutation(len(things))]
    size = int(rng.integers(1, len(things)))
    other = int(rng.integers(1, len(things) - size + 1))
    return order[:size], order[size : size + other]


def beat_of(folder: Path, default: float) -> float:
    """Beat of a song in s, by "bpm", "beats" or the shortest chords in song.json or meta.json; else `default`."""
    for name in ("song.json", "meta.json"):
        try:
            info = json.loads((folder / name).read_text())
            if "bpm" in info:
                return _folded(60 / float(info["bpm"]))
            beats = np.unique([float(np.ravel(beat)[0]) for beat in info.get("beats", [])])  # with or without downbeats
            if len(beats) >= 4:
                return _folded(float(np.median(np.diff(beats))))
            lengths = [float(end) - float(begin) for begin, end, *_ in info.get("chords", [])]
        except (OSError, ValueError, TypeError, KeyError, AttributeError, ZeroDivisionError):
            continue
        if len(lengths) >= 4 and min(lengths) > 0.05:
            return _folded(float(np.percentile(lengths, 10)))
    return default


def _folded(beat: float) -> float:
    """A beat length in s halved or doubled into BEAT_RANGE_S."""
    return beat / 2 ** math.ceil(math.log2(beat / BEAT_RANGE_S[1]))


# Calibration


def calibrate(
    model: Coherence,
    data: Path | str | Sequence[Path | str],
    split: str = "validation",
    pairs: int = 256,
    seed: int = 0,
    source: str = "",
) -> Calibration:
    """Calibrate on `pairs` true pairs of folders of stems, and on each input with outputs of the folder's other songs.

    source: the music in a few words; the folders' names by default. CoherenceError where there are too few pairs, or
    where the model scores true pairs no higher; TrainError, AudioError.
    """
    if pairs < MIN_PAIRS:
        raise CoherenceError(
            f"{pairs} pairs are too few to calibrate by: give {MIN_PAIRS} or more (256 is a good choice)"
        )
    if seed < 0:
        raise CoherenceError(f"seed = {seed}: expected 0 or more")
    folders = [Path(data)] if isinstance(data, (str, Path)) else [Path(each) for each in data]
    of = {(n, song): stems for n, folder in enumerate(folders) for song, stems in submix_songs(folder, split).items()}
    result = list(pairs_of({f"{n}/{song}": stems for (n, song), stems in of.items()}, pairs, seed))
    names = ", ".join(f"'{folder.resolve().name}'" for folder in folders)
    song = np.array([pair.song for pair in result], int)
    kind = np.array([n for n, _ in of])[song]
    stranger = (song[:, None] != song[None]) & (kind[:, None] == kind[None])
    if len(result) < MIN_PAIRS or not stranger.any():
        raise CoherenceError(
            f"{names} gives {len(result)} pairs of {len(np.unique(song))} songs, too few to calibrate by: it needs "
            f"{MIN_PAIRS} windows of {WINDOW_S:g} s, of two songs or more, in which two stems sound "
            f"(above {GATE_DB:g} dBFS)"
        )
    first, second = (embed_windows([model], (pair.window[side] for pair in result))[0] for side in (0, 1))
    return calibration_of(model, first, second, stranger, source or names)


@torch.inference_mode()
def calibration_of(
    model: Coherence, first: Embeddings, second: Embeddings, stranger: np.ndarray, source: str
) -> Calibration:
    """Quantiles of the leads of true and mismatched pairs, given their embeddings. stranger: (n, n) bool, mismatched.

    A lead is a score above the mean score of its input with other outputs. CoherenceError if the median lead of true
    pairs is not above that of mismatched ones.
    """
    probabilities = np.linspace(0, 1, CALIBRATION_QUANTILES)
    true, shuffled, strangers = {}, {}, {}
    for mode in model.modes:
        strangers[mode] = [round(value, 4) for value in second[mode].mean(0).tolist()]
        usual = model.similarities(first[mode], torch.tensor(strangers[mode])[None])[:, 0]
        true[mode] = np.quantile(
            (pair_scores(model, first[mode], second[mode]) - usual).numpy(), probabilities
        ).tolist()
        leads = model.similarities(first[mode], second[mode]) - usual[:, None]
        shuffled[mode] = np.quantile(leads.numpy()[stranger], probabilities).tolist()
    if np.median(true["both"]) <= np.median(shuffled["both"]):
        raise CoherenceError(
            f"{source} cannot calibrate this meter: above what their input scores anyway, pairs that belong together "
            f"score {np.median(true['both']):.2f}, strangers {np.median(shuffled['both']):.2f}; check that the stems "
            "of a song begin at the same time, or train the meter further"
        )
    return Calibration(true, shuffled, source, len(stranger), strangers)
