"""What the probe listens with, and what it is asked: features of hops of rendered songs, and the notes below them."""

from __future__ import annotations

import json
import warnings
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import Wav2Vec2Model

from corpora.audio import open_audio
from perception.wav2vec2 import SAMPLERATE, Wav2Vec2Encoder, music_filters
from train.fit_encoder import worsen
from train.windows import GATE, levels, progress

FRAME = 320  # samples between frames of MFCC and chroma
QUESTIONS = {"pitch class": "melody", "chord root": "piano"}  # and the part that is asked
Kind = Callable[
    [np.ndarray, "list[int]"], "list[np.ndarray]"
]  # audio at 16 kHz, samples per hop -> (hops, dim) of each


class ProbeError(ValueError):
    """A probe that cannot be made, told in the user's words."""


@dataclass(frozen=True)
class Hops:
    """Hops that sound, of the parts asked in all songs. features: kind -> (n, dim); answer, song: (n,) int64."""

    features: dict[str, np.ndarray]
    answer: np.ndarray
    song: np.ndarray


# Kinds of features


def kinds_of(encoder: Path, finest: float, chosen: str = "", seed: int = 0) -> dict[str, Kind]:
    """Every kind of feature that is compared, or those chosen, separated by commas. finest: s of the shortest hop.

    random: the same architecture with the weights `transformers` gives it; untrained: with our filter bank as its first
    layer, as training begins (only where the encoder has that front end).
    """
    own = Wav2Vec2Encoder.load(encoder, finest)
    kinds: dict[str, Kind] = {"encoder": _by(own)}
    for name in ("random", "untrained"):
        torch.manual_seed(seed)
        drawn = Wav2Vec2Model(own.model.config)
        first: Any = drawn.feature_extractor.conv_layers[0].conv
        if name == "untrained":
            if first.weight.shape[2] < 256 or first.weight.shape[0] % 4 or first.bias is None:
                continue
            with torch.no_grad():
                bank = music_filters(first.weight.shape[0] // 4, first.weight.shape[2])
                first.weight.copy_(torch.from_numpy(bank)[:, None])
                first.bias.zero_()
        kinds[name] = _by(Wav2Vec2Encoder(drawn, finest, own.window * own.stride / SAMPLERATE))
    kinds |= {"mfcc": mfcc, "chroma stft": chroma_stft, "chroma cqt": chroma_cqt}
    wanted = [name.strip() for name in chosen.split(",") if name.strip()] or list(kinds)
    if unknown := [name for name in wanted if name not in kinds]:
        raise ProbeError(f"there is no kind of feature '{unknown[0]}': choose from {', '.join(kinds)}")
    return {name: kinds[name] for name in wanted}


def _by(encoder: Wav2Vec2Encoder) -> Kind:
    return lambda audio, hops: encoder.batch(audio, tuple(hop // encoder.hop for hop in hops))


def mfcc(audio: np.ndarray, hops: list[int]) -> list[np.ndarray]:
    """Mean over the hop of 20 MFCC, librosa."""
    import librosa

    frames = librosa.feature.mfcc(y=audio, sr=SAMPLERATE, n_mfcc=20, n_fft=2048, hop_length=FRAME)
    return [per_hop(frames, hop, len(audio) // hop) for hop in hops]


def chroma_stft(audio: np.ndarray, hops: list[int]) -> list[np.ndarray]:
    """Mean over the hop of librosa's chroma of a 256 ms STFT."""
    import librosa

    frames = librosa.feature.chroma_stft(y=audio, sr=SAMPLERATE, n_fft=4096, hop_length=FRAME, tuning=0.0)
    return [per_hop(frames, hop, len(audio) // hop) for hop in hops]


def chroma_cqt(audio: np.ndarray, hops: list[int]) -> list[np.ndarray]:
    """Mean over the hop of librosa's constant-Q chroma, seven octaves from C1."""
    import librosa

    frames = librosa.feature.chroma_cqt(y=audio, sr=SAMPLERATE, hop_length=FRAME, tuning=0.0)
    return [per_hop(frames, hop, len(audio) // hop) for hop in hops]


def per_hop(frames: np.ndarray, hop: int, count: int) -> np.ndarray:
    """(dim, frames), frame j centred at sample 320 j, -> (count, dim): mean of the frames centred in each hop."""
    first = np.minimum(-(-np.arange(count + 1) * hop // FRAME), frames.shape[1])
    summed = np.concatenate([np.zeros((1, len(frames))), np.cumsum(frames.T, axis=0, dtype=np.float64)])
    return ((summed[first[1:]] - summed[first[:-1]]) / np.maximum(np.diff(first), 1)[:, None]).astype(np.float32)


# Listening


def listen(
    songs: list[Path], kinds: dict[str, Kind], hops: list[float], *, seconds: float = 0.0, worse: bool = False, seed=0
) -> dict[float, dict[str, Hops]]:
    """{hop: {question: Hops}} of the parts that are asked, at most `seconds` (0: all) of each song, from a place drawn
    per song. worse: in a room, with noise, tilted, see `train.fit_encoder.worsen`; silent then is what still is."""
    there = {part for song in songs for part in parts_of(song)}
    found: dict[float, dict[str, list]] = {hop: {question: [] for question in QUESTIONS} for hop in hops}
    for number, song in enumerate(progress(songs, "listening")):
        about = json.loads((song / "song.json").read_text())
        rng = np.random.default_rng([seed, zlib.crc32(song.name.encode())])
        length = seconds or about["seconds"]
        begin = rng.uniform(0, max(0.0, about["seconds"] - length))
        for part, path in parts_of(song).items():
            asked = [q for q, wanted in QUESTIONS.items() if part == wanted or wanted not in there]
            audio = _read(path, begin, length) if asked else np.zeros(0, np.float32)
            if len(audio) < SAMPLERATE or not audio.any():
                continue
            audio = worsen(audio, rng) if worse else audio
            features = _features(audio, kinds, hops)
            for question in asked:
                events = _events(song, part, about, question) - [begin, begin, 0]
                for place, hop in enumerate(hops):
                    here = {kind: heard[place] for kind, heard in features.items()}
                    found[hop][question].append((number, *_answered(here, audio, events, hop)))
    return {hop: {q: _joined(rows, kinds) for q, rows in asked.items()} for hop, asked in found.items()}


def _read(path: Path, begin: float, length: float) -> np.ndarray:
    with open_audio(path) as file:
        audio = file.read(SAMPLERATE)
    return audio[round(begin * SAMPLERATE) :][: round(length * SAMPLERATE)].copy()


def _features(audio: np.ndarray, kinds: dict[str, Kind], hops: list[float]) -> dict[str, list[np.ndarray]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # librosa warns of empty mel bands and of silence
        return {name: kind(audio, [round(hop * SAMPLERATE) for hop in hops]) for name, kind in kinds.items()}


def _answered(features: dict[str, np.ndarray], audio: np.ndarray, events: np.ndarray, hop: float):
    """(features of the hops that sound and have an answer, those answers)."""
    level = levels(audio, round(hop * SAMPLERATE))
    answer = longest(events, hop, len(level))
    kept = (answer >= 0) & (level >= GATE)
    return {kind: heard[kept] for kind, heard in features.items()}, answer[kept]


def longest(events: np.ndarray, hop: float, count: int) -> np.ndarray:
    """(count,) int64: which class of the events (n, 3) [begin s, end s, class or pitch] lasts longest in each hop, 0 to
    11; -1 where there is none."""
    lasts = np.zeros((count, 12))
    for begin, end, kind in events:
        first, last = max(0, int(begin // hop)), min(count - 1, int(end // hop))
        for i in range(first, last + 1):
            lasts[i, int(kind) % 12] += max(0.0, min(end, (i + 1) * hop) - max(begin, i * hop))
    return np.where(lasts.max(axis=1, initial=0) > 0, lasts.argmax(axis=1), -1)


def _events(song: Path, part: str, about: dict[str, Any], question: str) -> np.ndarray:
    if question == "chord root":
        return np.array(about["chords"], np.float64).reshape(-1, 3)
    with np.load(song / "notes.npz") as notes:
        return notes[part].astype(np.float64).reshape(-1, 3)


def _joined(rows: list, kinds: Iterable[str]) -> Hops:
    if not sum(len(answer) for _, _, answer in rows):
        return Hops({}, np.zeros(0, np.int64), np.zeros(0, np.int64))
    features = {kind: np.concatenate([found[kind] for _, found, _ in rows]) for kind in kinds}
    song = np.concatenate([np.full(len(answer), number) for number, _, answer in rows])
    return Hops(features, np.concatenate([answer for _, _, answer in rows]), song)


# Songs


def songs_in(folder: Path, count: int) -> list[Path]:
    """At most `count` rendered songs of a folder, evenly spaced; ProbeError if there is none."""
    songs = sorted(path.parent for path in folder.glob("*/song.json"))
    if not songs:
        raise ProbeError(f"no rendered song in '{folder}': make them with python -m train.render SCORES -o DATA")
    if count < 1:
        raise ProbeError(f"songs = {count}: give at least one to learn from and one to examine")
    return [songs[i] for i in np.unique(np.linspace(0, len(songs) - 1, min(count, len(songs))).round().astype(int))]


def parts_of(song: Path) -> dict[str, Path]:
    """{part: file} of a rendered song."""
    return {path.stem: path for path in sorted(song.glob("*.flac"))}
