"""Tokens of stems for an evaluation: read from token caches, or made by encoding the stems with a model folder."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from perception.units import Alphabet
from perception.wav2vec2 import Wav2Vec2Encoder
from train.common.errors import TrainError
from train.common.progress import progress
from train.data import hearing, token_pairs
from train.data.stems import GATE_DB, Song, levels, read, songs_below
from train.data.token_pairs import Tokens

CONFIGURATION_NAME = re.compile(r"k(\d+)_h(\d+\.\d+)")
Configuration = tuple[int, float]  # K, hop in s


def tokens_of(data: Path, model: Path, split: str, *, units: int = 0, hop: float = 0.0) -> Tokens:
    """The token cache at `data`, or tokens of the stems there by the encoder of a model folder.

    Of K = `units` and `hop` s, where there are several; 0: K = 64 and 0.5 s if there are, else the first. TrainError,
    AudioError.
    """
    caches = caches_of(data)
    if len(caches) == 1:
        return token_pairs.load(caches[0])
    chosen = shared_configurations(data, model, units=units, hop=hop)[0]
    if caches:
        return token_pairs.load(data / name_of(*chosen))
    return next(tokenise(pitched_songs(data, split), model, [chosen], split))


def caches_of(data: Path) -> list[Path]:
    """The token caches at `data`: itself, or those in the folder; none in a folder of stems. TrainError for nothing."""
    if token_pairs.is_cache(data):
        return [data]
    if not data.exists():
        raise TrainError(f"there is nothing at '{data}': give a token cache or a folder of stems")
    return [path for path in token_pairs.caches_in(data) if CONFIGURATION_NAME.fullmatch(name_of_cache(path))]


def name_of_cache(path: Path) -> str:
    """Name of a token cache, without the ending of a file of before: k64_h0.50."""
    return path.name.removesuffix(".npz")


def shared_configurations(data: Path, model: Path, *, units: int = 0, hop: float = 0.0) -> list[Configuration]:
    """Each (K, hop) that a folder of token caches or of stems and a model have; K = 64 at 0.5 s first.

    units, hop: only those of this K and hop (s); 0: any. TrainError where there is none.
    """
    caches = caches_of(data)
    names = [name_of_cache(path) for path in caches] if caches else _decisions_for_stems(model)
    available = [each for each in _configurations(names, units, hop) if decision_folder(model, *each)]
    if not available:
        raise TrainError(f"'{data}' and the model '{model}' share no such configuration: {offered(model)}")
    return available


def with_features(tokens: Tokens, data: Path) -> Tokens:
    """Tokens of the cache at `data`, itself or its folder, with the features beside it if there are any. TrainError."""
    folder = data.parent if token_pairs.is_cache(data) else data
    known = hearing.load(folder, tokens.hop, tokens.alphabet)
    return replace(tokens, features=known[0]) if known else tokens


def tokenise(songs: dict[str, Song], model: Path, wanted: list[Configuration], split: str) -> Iterator[Tokens]:
    """Tokens for each (K, hop) wanted, of {song: {stem: audio file}}, with the features of the decision's input.

    Every stem is encoded once for each hop.
    """
    for hop in sorted({hop for _, hop in wanted}):
        alphabets = [Alphabet.load(model / "units" / f"{name_of(k, h)}.safetensors") for k, h in wanted if h == hop]
        encoder = Wav2Vec2Encoder.load(model / "encoder", hop)
        songs_of = [{song: token_pairs.Song() for song in songs} for _ in alphabets]
        heard: list[dict[str, np.ndarray]] = [{} for _ in alphabets]
        stems = [(song, part, path) for song, parts in songs.items() for part, path in parts.items()]
        for song, part, path in progress(stems, f"encoding, {hop:g} s"):
            for named, known, labelled in zip(songs_of, heard, label_stem(path, encoder, alphabets), strict=True):
                named[song][part], known[f"{split}/{song}/{part}"] = labelled
        for alphabet, named, known in zip(alphabets, songs_of, heard, strict=True):
            yield Tokens(alphabet.units, hop, alphabet.hash, {split: named}, alphabet.shapes, known)


def label_stem(
    path: Path, encoder: Wav2Vec2Encoder, alphabets: list[Alphabet]
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """For each alphabet (hops,) int16 labels of a stem, and (hops, key dim + 3) float16 features of the input.

    Beats are those of a song.json beside the stem. AudioError, TrainError.
    """
    audio = read(path)
    features = encoder.batch(audio)[0]
    level_db = levels(audio, encoder.hop)[: len(features)]
    phase = hearing.phases(hearing.beats_of(path.parent), alphabets[0].hop, len(features))
    for alphabet in alphabets:
        labels = np.where(level_db < GATE_DB, alphabet.silence, alphabet.quantize(features))
        heard = hearing.heard_features(alphabet.keys(features), level_db, phase)
        yield labels.astype(np.int16), heard.astype(np.float16)


def pitched_songs(data: Path, split: str) -> dict[str, Song]:
    """{song: its stems with pitch} of the songs below DATA/<split>, DATA, or of DATA itself as the only song.

    Drums, percussion and effects are left out, and so never encoded. TrainError when no song has two stems with pitch.
    """
    songs = {}
    for name, stems in songs_below(data, split).items():
        pitched = {part for _, part in token_pairs.stem_pairs(dict.fromkeys(stems, np.zeros(0)))}
        if pitched:
            songs[name] = {part: path for part, path in stems.items() if part in pitched}
    if not songs:
        raise TrainError(
            f"no song in '{data}': expected folders <song>/<stem>.flac (or .wav), with two stems other than drums"
        )
    return songs


def name_of(units: int, hop: float) -> str:
    """Name of a configuration: k64_h0.50 for K = 64 at a hop of 0.5 s."""
    return f"k{units}_h{hop:.2f}"


def decision_folder(model: Path, units: int, hop: float) -> Path | None:
    """Folder of the decision model for (K, hop), in a model folder, in one of decision models or itself; else None."""
    name = name_of(units, hop)
    folders = (model / "decision" / name, model / name, model)
    return next((folder for folder in folders if (folder / "decision.json").is_file()), None)


def offered(model: Path) -> str:
    """The end of an error message: the decision models of a folder, or the command that trains one."""
    names = sorted({path.parent.name for path in model.glob("**/decision.json")})
    return f"it has {', '.join(names)}" if names else "train one with: antiphon train decision TOKENS -o DIR"


def _configurations(names: list[str], units: int, hop: float) -> list[Configuration]:
    """The configurations named, such as k64_h0.50, that match `units` and `hop` (0: any); K = 64 at 0.5 s first."""
    matches = [CONFIGURATION_NAME.fullmatch(name) for name in names]
    available = {(int(m[1]), float(m[2])) for m in matches if m}
    return sorted(
        (c for c in available if units in (0, c[0]) and hop in (0.0, c[1])), key=lambda c: (c != (64, 0.5), c)
    )


def _decisions_for_stems(model: Path) -> list[str]:
    if not (model / "encoder").is_dir():
        raise TrainError(f"'{model}' has no encoder for stems: give a model folder, or a token cache as DATA")
    return [path.parent.name for path in sorted((model / "decision").glob("*/decision.json"))]
