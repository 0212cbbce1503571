"""Alphabets and the token cache: every stem encoded once, k-means over its hops, every stem named.

    python -m train.fit_units DATA... -o OUT --encoder DIR        (antiphon train units is the same)

    OUT/features/<split>/<song>.npz    per part: (hops, dim) float16 at each hop, and the level of each hop in dBFS
    OUT/units/k64_h0.50.safetensors    one alphabet for each K and hop
    OUT/tokens/k64_h0.50.npz           "<split>/<song>/<part>": (hops,) int16 labels, silence = K; "meta": JSON

Songs that are encoded already are not encoded again, so a run that was cut off goes on where it stopped.
"""

from __future__ import annotations

import hashlib
import io
import json
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch

from corpora.disk import atomic_write
from perception.units import Alphabet, file_stem, fit_alphabet, fit_transposable_alphabet
from perception.wav2vec2 import Wav2Vec2Encoder
from train.common import command_line
from train.common.errors import TrainError, reading
from train.common.files import visible
from train.common.log import Log
from train.common.processes import in_processes
from train.common.settings import setting
from train.data import token_pairs
from train.data.stems import GATE_DB, levels, read, stems_of

SPLITS = ("train", "validation", "test")
FINEST_S = 0.25  # coarser hops are whole multiples and share its windows
SPANS = {0.25: 1, 0.5: 2}


@dataclass(frozen=True)
class UnitsTraining:
    """Settings of this recipe; each is a flag, and they are saved with a run."""

    encoder: str = setting("", "folder of the encoder")
    units: str = setting("16,64,256", "sizes of the alphabets, separated by commas")
    hops: int = setting(300_000, "hops that k-means is fitted on")
    alphabets: str = setting("", "folder of alphabets to label with instead of fitting new ones: more data for a model")
    taught: bool = setting(
        True, "project on pitch classes and chord roots where scores are known, else on principal directions"
    )
    jobs: int = setting(2, "processes", may_change=True)
    songs: int = setting(100_000, "songs of each split and data folder, at most")
    seconds: float = setting(0.0, "s of each song that are encoded, from its beginning; 0: all of it")
    seed: int = setting(0, "of k-means and of the choice of hops")


@dataclass(frozen=True)
class Song:
    """Where a song's features are, and the folder that has its score."""

    features: Path
    score: Path


def stem_features(encoder: Wav2Vec2Encoder, audio: np.ndarray) -> dict[str, np.ndarray]:
    """Of one stem at 16 kHz: features f0.25, f0.5 (hops, dim) float16 and levels l0.25, l0.5 (hops,) float16."""
    with torch.autocast("cpu", torch.bfloat16):  # faster; of 514 hops it renamed none (train/LOG.md)
        by_span = encoder.batch(audio, tuple(SPANS.values()))
    out = {}
    for (hop, span), features in zip(SPANS.items(), by_span, strict=True):
        out[f"f{hop}"] = features.astype(np.float16)
        out[f"l{hop}"] = levels(audio, encoder.hop * span)[: len(features)].astype(np.float16)
    return out


def encode_song(song: Path, target: Path, encoder_folder: str, seconds: float) -> None:
    """Encode all stems of a song into one file, whole or not at all. AudioError names a stem that cannot be read."""
    torch.set_num_threads(1)
    encoder, arrays = _encoder(encoder_folder), dict[str, Any]()
    for name, path in stems_of(song).items():
        arrays |= {f"{name}/{key}": value for key, value in stem_features(encoder, read(path, seconds)).items()}
    content = io.BytesIO()
    np.savez(content, **arrays)
    atomic_write(target, content.getvalue())


@lru_cache(1)
def _encoder(folder: str) -> Wav2Vec2Encoder:
    return Wav2Vec2Encoder.load(folder, FINEST_S)


def encode(data: list[Path], out: Path, settings: UnitsTraining) -> list[Song]:
    """Encode what is not encoded yet; returns all songs, sorted. TrainError if there is none."""
    missing, known = [], []
    for folder in data:
        for split in SPLITS:
            songs = [path for path in visible(folder, f"{split}/*") if path.is_dir() and stems_of(path)]
            (out / "features" / split).mkdir(parents=True, exist_ok=True)
            for song in songs[: settings.songs]:
                target = out / "features" / split / f"{folder.name}-{song.name}.npz"
                known.append(Song(target, song))
                if not target.exists():
                    missing.append((song, target, settings.encoder, settings.seconds))
    if not known:
        raise TrainError(
            f"no song below {data[0]}: expected folders <split>/<song>/<stem>.flac, such as python -m "
            f"train.data.render makes, with a split of {', '.join(SPLITS)}"
        )
    _check_features(out / "features", settings)
    in_processes(encode_song, missing, settings.jobs)
    return sorted(known, key=lambda song: song.features)


def _check_features(folder: Path, settings: UnitsTraining) -> None:
    """TrainError where the features in a folder were made otherwise than they would be now; note how they are made."""
    now = {"encoder": _fingerprint(Path(settings.encoder)), "seconds": settings.seconds}
    note = folder / "settings.json"
    if note.exists():
        with reading(folder):
            before = json.loads(note.read_text(encoding="utf-8"))
        if before != now:
            raise TrainError(
                f"the features in '{folder}' are of another encoder, or of {before.get('seconds')} s of each song and "
                f"not {now['seconds']} s (0: all of it): give the settings they were made with, or another folder"
            )
    atomic_write(note, json.dumps(now) + "\n")


def _fingerprint(encoder: Path) -> str:
    """SHA-256 of an encoder's weights; its name where it has no file of that name."""
    weights = encoder / "model.safetensors"
    return hashlib.sha256(weights.read_bytes()).hexdigest() if weights.is_file() else str(encoder)


def training_hops(songs: Iterable[Song], hop: float, count: int, seed: int) -> dict[str, np.ndarray]:
    """About `count` hops above the gate of the training songs, drawn evenly over the songs, and what their scores say.

    features (n, dim) float32 · chroma (n, 12): the share of the hop for which each pitch class sounds, of unit length
    · root (n, 12): the share of each chord root, all 0 where no chord is known or one voice alone cannot tell it.
    Songs without notes.npz (recordings) have neither: chroma is NaN there.
    """
    rng = np.random.default_rng(seed)
    training = [song for song in songs if song.features.parent.name == "train"]
    each, result = count // max(len(training), 1) + 1, []
    for song in training:
        hops = [np.concatenate(columns) for columns in zip(*_sounding_hops(song, hop), strict=True)]
        drawn = rng.permutation(len(hops[0]))[:each]
        result.append([column[drawn] for column in hops])
    features, chroma, root = (np.concatenate(columns).astype(np.float32) for columns in zip(*result, strict=True))
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
            sounding = held[f"{part}/l{hop}"] > GATE_DB
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
                    silent = held[f"{part}/l{alphabet.hop}"] < GATE_DB
                    labels = np.where(silent, alphabet.silence, labels).astype(np.int16)
                    tokens[f"{song.features.parent.name}/{song.features.stem}/{part}"] = labels
    return tokens


def _alphabets(songs: list[Song], hop: float, settings: UnitsTraining) -> Iterator[Alphabet]:
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


def fit(data: list[Path], out: Path, resume: bool, settings: UnitsTraining) -> dict[str, Any]:
    """Encode, fit every alphabet, name every stem; {"k64_h0.50": its fingerprint, hops and silence, ...}.

    With `settings.alphabets` none is fitted: those are used. What is encoded already is kept, with or without
    `resume`; give another folder for another encoder.
    """
    began = time.monotonic()
    out.mkdir(parents=True, exist_ok=True)
    songs = encode(data, out, settings)
    for folder in ("units", "tokens"):
        (out / folder).mkdir(parents=True, exist_ok=True)
    report: dict[str, Any] = {}
    for hop in SPANS:
        for alphabet in _alphabets(songs, hop, settings):
            name = file_stem(alphabet.units, hop)
            atomic_write(out / "units" / f"{name}.safetensors", alphabet.to_bytes())
            tokens = name_all(songs, alphabet)
            token_pairs.save(
                out / "tokens" / f"{name}.npz", tokens, alphabet.units, hop, alphabet.hash, alphabet.shapes
            )
            labels = np.concatenate(list(tokens.values()))
            silent = round(float((labels == alphabet.silence).mean()), 4)
            report[name] = {"hash": alphabet.hash, "stems": len(tokens), "hops": len(labels), "silent": silent}
            Log(out).write(len(report), time.monotonic() - began, {"alphabet": name} | report[name])
    return report


def main(argv: list[str] | None = None) -> None:
    """Command line of this recipe."""
    command_line.recipe(__doc__ or "", UnitsTraining, fit, argv)


if __name__ == "__main__":
    command_line.run(main)
