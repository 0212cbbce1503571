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
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile as sf
import torch

from perception.units import Alphabet, file_stem, fit_alphabet
from perception.wav2vec2 import SAMPLERATE, Wav2Vec2Encoder
from train import pairs
from train.run import TrainError, settings_from_flags

GATE = -50.0  # dBFS, as in agent.toml
FINEST = 0.25  # s; coarser hops are whole multiples and share its windows
SPANS = {0.25: 1, 0.5: 2}


@dataclass(frozen=True)
class Settings:
    """What a run of this recipe can change."""

    encoder: str = ""  # folder of the encoder
    units: str = "16,64,256"  # alphabet sizes
    hops: int = 300_000  # hops that k-means sees
    kept: int = 48  # principal directions
    power: float = 0.5  # 0 keeps the variance of each direction, 1 whitens
    jobs: int = 2
    songs: int = 100_000  # of each split and data folder, the first so many
    seconds: float = 0.0  # of each song, from its beginning; 0 is all of it
    seed: int = 0


def stem_features(encoder: Wav2Vec2Encoder, audio: np.ndarray) -> dict[str, np.ndarray]:
    """Of one stem at 16 kHz: features f0.25, f0.5 (hops, dim) float16 and levels l0.25, l0.5 (hops,) float16."""
    with torch.autocast("cpu", torch.bfloat16):  # twice as fast; renames about 1 hop in 100, as a noisier room would
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


def encode(data: list[Path], out: Path, settings: Settings) -> list[Path]:
    """Encode what is not encoded yet; returns the feature files, sorted. ValueError if there is no song."""
    waiting, files = [], []
    for folder in data:
        for split in ("train", "validation", "test"):
            songs = sorted((folder / split).glob("*/song.json"), key=lambda path: path.parent.name)
            (out / "features" / split).mkdir(parents=True, exist_ok=True)
            for song in songs[: settings.songs]:
                target = out / "features" / split / f"{folder.name}-{song.parent.name}.npz"
                files.append(target)
                if not target.exists():
                    waiting.append((song.parent, target, settings.encoder, settings.seconds))
    if not files:
        raise TrainError(f"no song below {data[0]}: make them with python -m train.render")
    with ProcessPoolExecutor(settings.jobs) as pool:
        for done in [pool.submit(encode_song, *each) for each in waiting]:
            done.result()
    return sorted(files)


def training_hops(files: Iterable[Path], hop: float, count: int, seed: int) -> np.ndarray:
    """(about count, dim) float32 features of sounding hops of the training songs, drawn evenly over the songs."""
    rng = np.random.default_rng(seed)
    songs = [path for path in files if path.parent.name == "train"]
    each, found = count // max(len(songs), 1) + 1, []
    for path in songs:
        with np.load(path) as song:
            parts = sorted({key.split("/")[0] for key in song.files})
            sounding = [song[f"{p}/f{hop}"][song[f"{p}/l{hop}"] > GATE] for p in parts]
        features = np.concatenate(sounding)
        found.append(features[rng.permutation(len(features))[:each]])
    return np.concatenate(found).astype(np.float32)


def name_all(files: Iterable[Path], alphabet: Alphabet) -> dict[str, np.ndarray]:
    """{"<split>/<song>/<part>": (hops,) int16 labels} of every stem."""
    tokens = {}
    for path in files:
        with np.load(path) as song:
            for key in song.files:
                part, kind = key.rsplit("/", 1)
                if kind == f"f{alphabet.hop}":
                    labels = alphabet.name(song[key].astype(np.float32))
                    silent = song[f"{part}/l{alphabet.hop}"] < GATE
                    labels = np.where(silent, alphabet.silence, labels).astype(np.int16)
                    tokens[f"{path.parent.name}/{path.stem}/{part}"] = labels
    return tokens


def fit(data: list[Path], out: Path, resume: bool, settings: Settings) -> dict:
    """Encode, fit every alphabet, name every stem; {"k64_h0.50": its fingerprint, hops and silence, ...}.

    What is encoded already is kept, with or without `resume`; give another folder for another encoder.
    """
    files = encode(data, out, settings)
    for folder in ("units", "tokens"):
        (out / folder).mkdir(parents=True, exist_ok=True)
    report = {}
    for hop in SPANS:
        features = training_hops(files, hop, settings.hops, settings.seed)
        for units in (int(k) for k in settings.units.split(",")):
            alphabet = fit_alphabet(features, units, hop, settings.kept, settings.power, settings.seed)
            name = file_stem(units, hop)
            alphabet.save(out / "units" / f"{name}.safetensors")
            tokens = name_all(files, alphabet)
            pairs.save(out / "tokens" / f"{name}.npz", tokens, units, hop, alphabet.hash)
            labels = np.concatenate(list(tokens.values()))
            report[name] = {
                "hash": alphabet.hash,
                "stems": len(tokens),
                "hops": len(labels),
                "silent": round(float((labels == units).mean()), 4),
            }
    return report


def main(argv: list[str] | None = None) -> None:
    """Command line of this recipe."""
    print(json.dumps(fit(*settings_from_flags(__doc__, Settings, argv)), indent=1))


if __name__ == "__main__":
    main()
