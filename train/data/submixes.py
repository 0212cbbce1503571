"""Pairs of sub-mixtures to measure a coherence meter with, and its calibration by them.

A pair is two disjoint random sub-mixtures of the stems of one window of 5 s, both of which can be heard (Ciranni et
al., 2024, §III-A). Stems are files <split>/<song>/<stem>.flac or <song>/<stem>.flac of any kind and rate, which begin
together; drums belong to them, mixture.wav does not. Only what is drawn is read, and only once it is needed.
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
TRIES = 100  # places tried in a row, after which a song has no more pairs
LEAST = 8  # pairs, below which a calibration would be an anecdote
QUANTILES = 33  # of a calibration
BEATS = (0.4, 0.8)  # s, where the length of a beat is looked for: 75 to 150 in a minute


@dataclass(frozen=True)
class Pair:
    """Two sub-mixtures of a window, (margin + 80000 + margin,) float32 each, and where it was cut from."""

    first: np.ndarray
    second: np.ndarray
    song: int
    begin: float  # s in the song
    beat: float  # s

    @property
    def margin(self) -> int:
        """Samples of the song before the window, and as many after it."""
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
    """`count` pairs, about as many of each song as of any other, song by song; fewer where songs are short or silent.

    margin: s of the song that go with each window on both sides. beat: s, where the song does not tell its own.
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
    """Pairs of one song, fewer than `count` where TRIES places in a row are silent."""
    around = round(margin * SAMPLERATE)
    room = min(duration(path) for path in stems) - WINDOW_S - 2 * margin
    result = tried = 0
    while room >= 0 and result < count and tried < TRIES:
        begin = math.floor(100 * rng.uniform(0, room)) / 100  # a whole sample at any usual rate
        tried += 1
        wide = np.stack([excerpt(path, begin, WINDOW_SAMPLES + 2 * around) for path in stems])
        heard = [stem for stem, audio in enumerate(wide) if audible(audio[around : around + WINDOW_SAMPLES])]
        if len(heard) < 2:
            continue
        first, second = (wide[chosen].sum(axis=0) for chosen in draw_disjoint(heard, rng))
        yield Pair(first, second, number, begin + margin, beat)
        result, tried = result + 1, 0


def draw_disjoint(things: list[T], rng: np.random.Generator) -> tuple[list[T], list[T]]:
    """Two non-empty subsets of two things or more, without one in common, of random sizes; the rest is left out."""
    order = [things[number] for number in rng.permutation(len(things))]
    size = int(rng.integers(1, len(things)))
    other = int(rng.integers(1, len(things) - size + 1))
    return order[:size], order[size : size + other]


def beat_of(folder: Path, default: float) -> float:
    """The length of a beat of a song in s: by its song.json or meta.json ("bpm", or chords, which change on beats)."""
    for name in ("song.json", "meta.json"):
        try:
            info = json.loads((folder / name).read_text())
            if "bpm" in info:
                return _folded(60 / float(info["bpm"]))
            lengths = [float(end) - float(begin) for begin, end, *_ in info.get("chords", [])]
        except (OSError, ValueError, TypeError, KeyError, AttributeError, ZeroDivisionError):
            continue
        if len(lengths) >= 4 and min(lengths) > 0.05:
            return _folded(float(np.percentile(lengths, 10)))
    return default


def _folded(beat: float) -> float:
    """Halved or doubled until it lies in BEATS."""
    return beat / 2 ** math.ceil(math.log2(beat / BEATS[1]))


# Calibration


def calibrate(
    model: Coherence,
    data: Path | str | Sequence[Path | str],
    split: str = "validation",
    pairs: int = 256,
    seed: int = 0,
    source: str = "",
) -> Calibration:
    """What `pairs` true pairs of folders of stems score, and each input with the answers of the folder's other songs.

    source: what music it is, in a few words; the folders' names by default. CoherenceError where there are too few,
    or where the model hears no difference; TrainError, AudioError.
    """
    if pairs < LEAST:
        raise CoherenceError(f"{pairs} pairs are too few to calibrate by: give {LEAST} or more (256 is a good choice)")
    if seed < 0:
        raise CoherenceError(f"seed = {seed}: expected 0 or more")
    folders = [Path(data)] if isinstance(data, (str, Path)) else [Path(each) for each in data]
    of = {(n, song): stems for n, folder in enumerate(folders) for song, stems in submix_songs(folder, split).items()}
    result = list(pairs_of({f"{n}/{song}": stems for (n, song), stems in of.items()}, pairs, seed))
    names = ", ".join(f"'{folder.resolve().name}'" for folder in folders)
    song = np.array([pair.song for pair in result], int)
    kind = np.array([n for n, _ in of])[song]
    stranger = (song[:, None] != song[None]) & (kind[:, None] == kind[None])
    if len(result) < LEAST or not stranger.any():
        raise CoherenceError(
            f"{names} gives {len(result)} pairs of {len(np.unique(song))} songs, too few to calibrate by: it needs "
            f"{LEAST} windows of {WINDOW_S:g} s, of two songs or more, in which two stems sound "
            f"(above {GATE_DB:g} dBFS)"
        )
    first, second = (embed_windows([model], (pair.window[side] for pair in result))[0] for side in (0, 1))
    return calibration_of(model, first, second, stranger, source or names)


@torch.inference_mode()
def calibration_of(
    model: Coherence, first: Embeddings, second: Embeddings, stranger: np.ndarray, source: str
) -> Calibration:
    """The quantiles of what pairs lead by, given their embeddings; stranger: (n, n) which do not belong.

    CoherenceError if this model does not prefer what belongs together: its scores give no position.
    """
    places = np.linspace(0, 1, QUANTILES)
    true, shuffled, strangers = {}, {}, {}
    for mode in model.modes:
        strangers[mode] = [round(value, 4) for value in second[mode].mean(0).tolist()]
        usual = model.similarities(first[mode], torch.tensor(strangers[mode])[None])[:, 0]
        true[mode] = np.quantile((pair_scores(model, first[mode], second[mode]) - usual).numpy(), places).tolist()
        leads = model.similarities(first[mode], second[mode]) - usual[:, None]
        shuffled[mode] = np.quantile(leads.numpy()[stranger], places).tolist()
    if np.median(true["both"]) <= np.median(shuffled["both"]):
        raise CoherenceError(
            f"{source} cannot calibrate this meter: above what their input scores anyway, pairs that belong together "
            f"score {np.median(true['both']):.2f}, strangers {np.median(shuffled['both']):.2f}; check that the stems "
            "of a song begin at the same time, or train the meter further"
        )
    return Calibration(true, shuffled, source, len(stranger), strangers)
