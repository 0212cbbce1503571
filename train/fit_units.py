"""Alphabets and the token cache: every stem encoded once, k-means over its hops, every stem named.

    python -m train.fit_units DATA... -o OUT --encoder DIR        (antiphon train units is the same)

    OUT/features/<split>/<song>.npz    per part: (hops, dim) float16 at each hop, and the level of each hop in dBFS
    OUT/units/k64_h0.50.safetensors    one alphabet for each K and hop
    OUT/tokens/k64_h0.50.npz           "<split>/<song>/<part>": (hops,) int16 labels, silence = K; "meta": JSON

Songs that are encoded already are not encoded again, so a run that was cut off goes on where it stopped.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile as sf
import torch

from perception.units import Alphabet, file_stem, fit_alphabet, fit_transposable_alphabet
from perception.wav2vec2 import SAMPLERATE, Wav2Vec2Encoder
from train.common.errors import TrainError, told
from train.common.settings import settings_from_flags
from train.data import token_pairs

GATE = -50.0  # dBFS, as in agent.toml
FINEST = 0.25  # s; coarser hops are whole multiples and share its windows
SPANS = {0.25: 1, 0.5: 2}


@dataclass(frozen=True)
class Settings:
    """What a run of this recipe can change."""

    encoder: str = ""  # folder of the encoder
    units: str = "16,64,256"  # alphabet sizes
    hops: int = 300_000  # hops that k-means sees
    alphabets: str = ""  # folder of alphabets to name with, instead of fitting new ones: more music for an old model
    taught: bool = True  # by pitch classes and chord roots where scores are known; else principal directions
    jobs: int = 2
    songs: int = 100_000  # of each split and data folder, the first so many
    seconds: float = 0.0  # of each song, from its beginning; 0 is all of it
    seed: int = 0


@dataclass(frozen=True)
class Song:
    """Where a song's features are, and the folder that has its score."""

    features: Path
    score: Path


def stem_features(encoder: Wav2Vec2Encoder, audio: np.ndarray) -> dict[str, np.ndarray]:
    """Of one stem at 16 kHz: features f0.25, f0.5 (hops, dim) float16 and levels l0.25, l0.5 (hops,) float16."""
    with torch.autocast("cpu", torch.bfloat16):  # faster; of 514 hops it renamed none (train/LOG.md)
        found = encoder.batch(audio, tuple(SPANS.values()))
    out = {}
    for (hop, span), features in zip(SPANS.items(), found, strict=True):
        length = encoder.hop * span
        power = np.square(audio[: len(features) * length].reshape(-1, length), dtype=np.float64).mean(1)
        out[f"f{hop}"] = features.astype(np.float16)
        out[f"l{hop}"] = (10 * np.log10(power + 1e-12)).astype(np.float16)
    return out


def encode_song(song: Path, target: Path, encoder_folder: str, seconds: float) -> None:
    """Encode all parts of a song into one file, whole or not at all."""
    torch.set_num_threads(1)
    encoder = _encoder(encoder_folder)
    held: dict[str, Any] = {}
    for path in sorted(song.glob("*.flac")):
        with told(song):
            audio = sf.read(path, frames=round(seconds * SAMPLERATE) or -1, dtype="float32")[0]
        held |= {f"{path.stem}/{key}": value for key, value in stem_features(encoder, audio).items()}
    temporary = target.with_suffix(".part")
    with open(temporary, "wb") as file:
        np.savez(file, **held)
    os.replace(temporary, target)


_loaded: dict[str, Wav2Vec2Encoder] = {}


def _encoder(folder: str) -> Wav2Vec2Encoder:
    if folder not in _loaded:
        _loaded[folder] = Wav2Vec2Encoder.load(folder, FINEST)
    return _loaded[folder]


def encode(data: list[Path], out: Path, settings: Settings) -> list[Song]:
    """Encode what is not encoded yet; returns all songs, sorted. TrainError if there is none."""
    waiting, known = [], []
    for folder in data:
        for split in ("train", "validation", "test"):
            songs = sorted((folder / split).glob("*/song.json"), key=lambda path: path.parent.name)
            (out / "features" / split).mkdir(parents=True, exist_ok=True)
            for song in songs[: settings.songs]:
                target = out / "features" / split / f"{folder.name}-{song.parent.name}.npz"
                known.append(Song(target, song.parent))
                if not target.exists():
                    waiting.append((song.parent, target, settings.encoder, settings.seconds))
    if not known:
        raise TrainError(f"no song below {data[0]}: make them with python -m train.data.render")
    with ProcessPoolExecutor(settings.jobs) as pool:
        for done in [pool.submit(encode_song, *each) for each in waiting]:
            done.result()
    return sorted(known, key=lambda song: song.features)


def training_hops(songs: Iterable[Song], hop: float, count: int, seed: int) -> dict[str, np.ndarray]:
    """About `count` sounding hops of the training songs, drawn evenly over the songs, and what their scores say.

    features (n, dim) float32 · chroma (n, 12): the share of the hop for which each pitch class sounds, of unit length
    · root (n, 12): the share of each chord root, all 0 where no chord is known or one voice alone cannot tell it.
    Songs without notes.npz (recordings) have neither: chroma is NaN there.
    """
    rng = np.random.default_rng(seed)
    training = [song for song in songs if song.features.parent.name == "train"]
    each, found = count // max(len(training), 1) + 1, []
    for song in training:
        hops = [np.concatenate(columns) for columns in zip(*_sounding_hops(song, hop), strict=True)]
        drawn = rng.permutation(len(hops[0]))[:each]
        found.append([column[drawn] for column in hops])
    features, chroma, root = (np.concatenate(columns).astype(np.float32) for columns in zip(*found, strict=True))
    return {"features": features, "chroma": chroma, "root": root}


def _sounding_hops(song: Song, hop: float) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """(features, chroma, root) of each part of a song, at the hops above the gate."""
    notes, chords = {}, []
    if (song.score / "notes.npz").exists():
        with np.load(song.score / "notes.npz") as held:
            notes = {part: held[part] for part in held.files}
        chords = json.loads((song.score / "song.json").read_text())["chords"]
    with np.load(song.features) as held:
        for part in sorted({key.rsplit("/", 1)[0] for key in held.files}):
            sounding = held[f"{part}/l{hop}"] > GATE
            chroma = np.full((len(sounding), 12), np.nan)
            root = np.zeros((len(sounding), 12))
            if part in notes:
                chroma = shares(notes[part], hop, len(sounding))
                if sounding.any() and (chroma[sounding] > 0).sum(1).mean() > 1.5:  # chords, not a voice alone
                    root = shares(np.array(chords).reshape(-1, 3), hop, len(sounding))
                chroma /= np.maximum(np.linalg.norm(chroma, axis=1, keepdims=True), 1e-6)
            yield held[f"{part}/f{hop}"][sounding], chroma[sounding], root[sounding]


def shares(spans: np.ndarray, hop: float, hops: int) -> np.ndarray:
    """(hops, 12) share of each hop that spans (n, 3) [start s, end s, pitch or root] cover, by pitch class, 0 to 1."""
    covered = np.zeros((hops, 12))
    for start, end, pitch in spans:
        for number in range(max(0, int(start / hop)), min(hops, int(end / hop) + 1)):
            covered[number, int(pitch) % 12] += max(0.0, min(end, (number + 1) * hop) - max(start, number * hop)) / hop
    return np.minimum(covered, 1.0)


def taught_projection(hops: dict[str, np.ndarray], strength: float = 100.0) -> np.ndarray | None:
    """(dim, 24) float32: the directions that tell pitch classes and chord roots, by ridge regression; None unscored.

    Principal directions spend most units on timbre and register, which an answer in another instrument cannot use:
    at K = 64 their tokens know less of the melody's pitch class (train/LOG.md, 2026-11-21).
    """
    features = hops["features"].astype(np.float64)
    centred, taught = features - features.mean(0), []
    scored, chordal = np.isfinite(hops["chroma"]).all(1), hops["root"].any(1)
    for targets, known in ((hops["chroma"], scored), (hops["root"], chordal)):
        if known.sum() < 100:
            continue
        x, y = centred[known], targets[known].astype(np.float64)
        gram = x.T @ x + strength * np.eye(x.shape[1])
        taught.append(np.linalg.solve(gram, x.T @ (y - y.mean(0))))
    return np.hstack(taught).astype(np.float32) if taught else None


def name_all(songs: Iterable[Song], alphabet: Alphabet) -> dict[str, np.ndarray]:
    """{"<split>/<song>/<part>": (hops,) int16 labels} of every stem."""
    tokens = {}
    for song in songs:
        with np.load(song.features) as held:
            for key in held.files:
                part, kind = key.rsplit("/", 1)
                if kind == f"f{alphabet.hop}":
                    labels = alphabet.quantize(held[key].astype(np.float32))
                    silent = held[f"{part}/l{alphabet.hop}"] < GATE
                    labels = np.where(silent, alphabet.silence, labels).astype(np.int16)
                    tokens[f"{song.features.parent.name}/{song.features.stem}/{part}"] = labels
    return tokens


def _alphabets(songs: list[Song], hop: float, settings: Settings) -> Iterator[Alphabet]:
    """One alphabet of each size for a hop (s): those given, else new ones."""
    sizes = [int(k) for k in settings.units.split(",")]
    if settings.alphabets:
        for units in sizes:
            yield Alphabet.load(Path(settings.alphabets) / f"{file_stem(units, hop)}.safetensors")
        return
    hops = training_hops(songs, hop, settings.hops, settings.seed)
    projection = taught_projection(hops) if settings.taught else None
    for units in sizes:
        yield _fit(hops["features"], units, hop, projection, settings.seed)


def _fit(features: np.ndarray, units: int, hop: float, projection: np.ndarray | None, seed: int) -> Alphabet:
    """An alphabet that can be transposed, where pitch classes were taught and its size allows it."""
    if projection is not None and units % 12 == 4 and units > 4:
        return fit_transposable_alphabet(features, units, hop, projection, seed=seed)
    return fit_alphabet(features, units, hop, projection, seed)


def fit(data: list[Path], out: Path, resume: bool, settings: Settings) -> dict:
    """Encode, fit every alphabet, name every stem; {"k64_h0.50": its fingerprint, hops and silence, ...}.

    With `settings.alphabets` none is fitted: those are used. What is encoded already is kept, with or without
    `resume`; give another folder for another encoder.
    """
    songs = encode(data, out, settings)
    for folder in ("units", "tokens"):
        (out / folder).mkdir(parents=True, exist_ok=True)
    report = {}
    for hop in SPANS:
        for alphabet in _alphabets(songs, hop, settings):
            name = file_stem(alphabet.units, hop)
            alphabet.save(out / "units" / f"{name}.safetensors")
            tokens = name_all(songs, alphabet)
            token_pairs.save(
                out / "tokens" / f"{name}.npz", tokens, alphabet.units, hop, alphabet.hash, alphabet.shapes
            )
            labels = np.concatenate(list(tokens.values()))
            report[name] = {
                "hash": alphabet.hash,
                "stems": len(tokens),
                "hops": len(labels),
                "silent": round(float((labels == alphabet.silence).mean()), 4),
            }
    return report


def main(argv: list[str] | None = None) -> None:
    """Command line of this recipe."""
    print(json.dumps(fit(*settings_from_flags(__doc__, Settings, argv)), indent=1))


if __name__ == "__main__":
    main()
