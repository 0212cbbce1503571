"""Train the alphabets and make the token caches: encode every stem once, fit k-means on its hops, label every stem.

    python -m train.fit_units DATA... -o OUT --encoder DIR        (antiphon train units is the same)

    OUT/features/<split>/<song>.npz    per part: (hops, dim) float16 at each hop, and the level of each hop in dBFS
    OUT/units/k64_h0.50.safetensors    one alphabet for each K and hop
    OUT/tokens/k64_h0.50.npz           "<split>/<song>/<part>": (hops,) int16 labels, silence = K; "meta": JSON
    OUT/tokens/hearing_h0.50.npz       "<split>/<song>/<part>": (hops, n) float16 features of the decision model's input

Encoded songs are not encoded again, so an interrupted run resumes. Parts called drums are left out; songs of three
parts or more also have submixes of two, "mix-<part>+<part>".
"""

from __future__ import annotations

import io
import itertools
import json
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from corpora.disk import atomic_write
from perception.units import Alphabet, file_stem, fit_alphabet, fit_transposable_alphabet
from perception.wav2vec2 import Wav2Vec2Encoder, weights_hash
from train.common import command_line
from train.common.errors import TrainError, reading
from train.common.files import visible
from train.common.log import Log
from train.common.settings import setting
from train.data import hearing, token_pairs
from train.data.encode import Stem, stem_features
from train.data.stems import GATE_DB
from train.data.store import Store, StoredSong

SPLITS = ("train", "validation", "test")
HOPS = (0.25, 0.35, 0.5)  # s, that an agent can have
MAX_SUBMIXES = 2  # of a song
GROUP_SONGS = 64  # encoded together


@dataclass(frozen=True)
class UnitsTraining:
    """Settings of this recipe; each is a flag, and they are saved with a run."""

    encoder: str = setting("", "folder of the encoder")
    units: str = setting("16,64,256", "sizes of the alphabets, separated by commas")
    lengths: tuple[float, ...] = setting(HOPS, "s of the hops that alphabets are fitted for", choices=HOPS)
    hops: int = setting(300_000, "hops that k-means is fitted on")
    alphabets: str = setting("", "folder of alphabets to label with instead of fitting new ones: more data for a model")
    taught: bool = setting(
        True, "project on pitch classes and chord roots where scores are known, else on principal directions"
    )
    jobs: int = setting(2, "threads that read files", may_change=True)
    songs: int = setting(100_000, "songs of each split and data folder, at most")
    seconds: float = setting(0.0, "s of each song that are encoded, from its beginning; 0: all of it")
    seed: int = setting(0, "of k-means, of the choice of hops and of submixes")
    device: str = setting("auto", "cpu, cuda or auto", may_change=True)


@dataclass(frozen=True)
class Song:
    """A song: the file of its features, and the folder of its score."""

    features: Path
    score: Path


def encode(data: list[Path], out: Path, settings: UnitsTraining) -> list[Song]:
    """Encode the songs that have no features yet; returns all songs, sorted. TrainError if there is none."""
    device = ("cuda" if torch.cuda.is_available() else "cpu") if settings.device == "auto" else settings.device
    (out / "features").mkdir(parents=True, exist_ok=True)
    _check_features(out / "features", settings)
    if not any(path.is_dir() for folder in data for split in SPLITS for path in visible(folder, f"{split}/*")):
        raise TrainError(
            f"no song below {data[0]}: expected folders <split>/<song>/<stem>.flac, such as python -m "
            f"train.songs.render makes, with a split of {', '.join(SPLITS)}"
        )
    encoders = {hop: Wav2Vec2Encoder.load(settings.encoder, hop) for hop in spans(settings.lengths)}
    known: list[Song] = []
    for split in SPLITS:
        (out / "features" / split).mkdir(parents=True, exist_ok=True)
        for folder in data:
            if not any(path.is_dir() for path in visible(folder, f"{split}/*")):
                continue
            store = Store([folder], split, device, threads=max(2, settings.jobs), most_songs=settings.songs)
            songs = [(song, _target(out, split, folder, song)) for song in store.songs if stems_to_encode(song, 0)]
            known += [Song(target, song.folder) for song, target in songs]
            missing = [(song, target) for song, target in songs if not target.exists()]
            for begin in range(0, len(missing), GROUP_SONGS):
                encode_songs(store, missing[begin : begin + GROUP_SONGS], encoders, settings)
    return sorted(known, key=lambda song: song.features)


def spans(lengths: Iterable[float]) -> dict[float, dict[float, int]]:
    """{encoded hop, s: {hop, s: encoded hops in it}}: a hop that is whole times a shorter one is not encoded again.

    >>> spans((0.5, 0.35, 0.25)), spans((0.5,))
    ({0.25: {0.25: 1, 0.5: 2}, 0.35: {0.35: 1}}, {0.5: {0.5: 1}})
    """
    result: dict[float, dict[float, int]] = {}
    for hop in sorted(set(lengths)):
        base = next((base for base in result if abs(hop / base - round(hop / base)) < 1e-6), hop)
        result.setdefault(base, {})[hop] = round(hop / base)
    return result


def _target(out: Path, split: str, folder: Path, song: StoredSong) -> Path:
    return out / "features" / split / f"{folder.name}-{song.name}.npz"


def stems_to_encode(song: StoredSong, seed: int) -> list[Stem]:
    """The parts of a song that have a pitch, and some submixes of two of them."""
    pitched = sorted({a for pair in token_pairs.stem_pairs(dict.fromkeys(song.parts, np.zeros(0))) for a in pair})
    pitched = pitched or sorted(song.parts)[:1]
    stems = [Stem(part, (song.parts[part],)) for part in pitched]
    if len(pitched) > 2:
        pairs = list(itertools.combinations(pitched, 2))
        drawn = np.random.default_rng([seed, len(song.name), int(song.seconds)]).permutation(len(pairs))[:MAX_SUBMIXES]
        mixes = [pairs[n] for n in drawn]
        stems += [Stem(f"{token_pairs.SUBMIX_PREFIX}{a}+{b}", (song.parts[a], song.parts[b])) for a, b in mixes]
    return stems


def encode_songs(
    store: Store, songs: list[tuple[StoredSong, Path]], encoders: dict[float, Wav2Vec2Encoder], settings: UnitsTraining
) -> None:
    """Encode all stems of some songs, each song into one file, whole or not at all."""
    of_song = [stems_to_encode(song, settings.seed) for song, _ in songs]
    stems = [stem for group in of_song for stem in group]
    arrays: list[dict[str, Any]] = [{} for _ in songs]
    owner = [number for number, group in enumerate(of_song) for _ in group]
    for base, shared in spans(settings.lengths).items():
        encoded = stem_features(encoders[base], store, stems, tuple(shared.values()), settings.seconds)
        for number, stem, by_span in zip(owner, stems, encoded, strict=True):
            for hop, span in shared.items():
                arrays[number][f"{stem.name}/f{hop}"], arrays[number][f"{stem.name}/l{hop}"] = by_span[span]
    for (_, target), song_arrays in zip(songs, arrays, strict=True):
        content = io.BytesIO()
        np.savez(content, **song_arrays)
        atomic_write(target, content.getvalue())


def _check_features(folder: Path, settings: UnitsTraining) -> None:
    """TrainError where another encoder or length made the features in a folder; notes them in settings.json."""
    lengths = sorted(set(settings.lengths))
    now = {"encoder": weights_hash(settings.encoder), "seconds": settings.seconds, "lengths": lengths}
    note = folder / "settings.json"
    if note.exists():
        with reading(folder):
            before = {"lengths": list(HOPS)} | json.loads(note.read_text(encoding="utf-8"))
        absent = [hop for hop in lengths if hop not in before["lengths"]]
        if absent or before | {"lengths": lengths} != now:
            raise TrainError(
                f"the features in '{folder}' are of another encoder, or of {before.get('seconds')} s of each song and "
                f"not {now['seconds']} s (0: all of it), or not of hops of {', '.join(map(str, absent or lengths))} s: "
                "give the settings they were made with, or another folder"
            )
        return
    atomic_write(note, json.dumps(now) + "\n")


def training_hops(songs: Iterable[Song], hop: float, count: int, seed: int) -> dict[str, np.ndarray]:
    """`count` hops above the gate of the training songs, or fewer, spread evenly over the songs, with their notes.

    features (n, dim) float32; chroma (n, 12): share of the hop of each pitch class, of unit norm, NaN without
    notes.npz; root (n, 12): share of the hop of each chord root, 0 without chords and for parts of one voice.
    """
    rng = np.random.default_rng(seed)
    training = [song for song in songs if song.features.parent.name == "train"]
    if not training:
        raise TrainError("there is no song in the split 'train', of which an alphabet is made: give some")
    each, result = count // max(len(training), 1) + 1, []
    for song in training:
        hops = [np.concatenate(columns) for columns in zip(*_active_hops(song, hop), strict=True)]
        drawn = rng.permutation(len(hops[0]))[:each]
        result.append([column[drawn] for column in hops])
    features, chroma, root = (np.concatenate(columns).astype(np.float32) for columns in zip(*result, strict=True))
    return {"features": features, "chroma": chroma, "root": root}


def _active_hops(song: Song, hop: float) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """(features, chroma, root) of each part of a song, at the hops above the gate; see `training_hops`."""
    notes, chords = {}, []
    if (song.score / "notes.npz").exists():
        with np.load(song.score / "notes.npz") as archive:
            notes = {part: archive[part] for part in archive.files}
        chords = json.loads((song.score / "song.json").read_text())["chords"]
    with np.load(song.features) as archive:
        for part in sorted({key.rsplit("/", 1)[0] for key in archive.files}):
            active = archive[f"{part}/l{hop}"] > GATE_DB
            chroma = np.full((len(active), 12), np.nan)
            root = np.zeros((len(active), 12))
            if part in notes:
                chroma = shares(notes[part], hop, len(active))
                if active.any() and (chroma[active] > 0).sum(1).mean() > 1.5:  # chords, not a voice alone
                    root = shares(np.array(chords).reshape(-1, 3), hop, len(active))
                chroma /= np.maximum(np.linalg.norm(chroma, axis=1, keepdims=True), 1e-6)
            yield archive[f"{part}/f{hop}"][active], chroma[active], root[active]


def shares(spans: np.ndarray, hop: float, hops: int) -> np.ndarray:
    """(hops, 12) share of each hop that spans (n, 3) [start s, end s, pitch or root] cover, by pitch class, 0 to 1."""
    covered = np.zeros((hops, 12))
    for start, end, pitch in spans:
        for number in range(max(0, int(start / hop)), min(hops, int(end / hop) + 1)):
            covered[number, int(pitch) % 12] += max(0.0, min(end, (number + 1) * hop) - max(start, number * hop)) / hop
    return np.minimum(covered, 1.0)


def taught_projection(hops: dict[str, np.ndarray], strength: float = 100.0) -> np.ndarray | None:
    """(dim, 24) float32: ridge regression weights of pitch classes and chord roots; None without scores.

    hops: of `training_hops`. strength: of the ridge. Principal directions spend most units on timbre and register,
    which an answer by another instrument cannot use: at K = 64 their tokens predict the melody's pitch class less well
    (train/LOG.md, 2026-11-21).
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


def label_all(songs: Iterable[Song], alphabet: Alphabet) -> dict[str, np.ndarray]:
    """{"<split>/<song>/<part>": (hops,) int16 labels} of every stem."""
    tokens = {}
    for song in songs:
        with np.load(song.features) as archive:
            for key in archive.files:
                part, kind = key.rsplit("/", 1)
                if kind == f"f{alphabet.hop}":
                    labels = alphabet.quantize(archive[key].astype(np.float32))
                    silent = archive[f"{part}/l{alphabet.hop}"] < GATE_DB
                    labels = np.where(silent, alphabet.silence, labels).astype(np.int16)
                    tokens[f"{song.features.parent.name}/{song.features.stem}/{part}"] = labels
    return tokens


def _features(songs: Iterable[Song], alphabet: Alphabet) -> dict[str, np.ndarray]:
    """{"<split>/<song>/<part>": (hops, n) float16 features of the decision model's input}, of every stem."""
    result = {}
    for song in songs:
        beats = hearing.beats_of(song.score)
        with np.load(song.features) as archive:
            for key in archive.files:
                part, kind = key.rsplit("/", 1)
                if kind == f"f{alphabet.hop}":
                    level_db = archive[f"{part}/l{alphabet.hop}"].astype(np.float32)
                    keys = alphabet.keys(archive[key].astype(np.float32))
                    features = hearing.heard_features(keys, level_db, hearing.phases(beats, alphabet.hop, len(keys)))
                    result[f"{song.features.parent.name}/{song.features.stem}/{part}"] = features.astype(np.float16)
    return result


def _offered(settings: UnitsTraining, hop: float) -> bool:
    """Whether alphabets for a hop (s) are given, or new ones are to be fitted."""
    sizes = [int(k) for k in settings.units.split(",")]
    given = Path(settings.alphabets)
    return not settings.alphabets or any((given / f"{file_stem(k, hop)}.safetensors").exists() for k in sizes)


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
    """An alphabet, a transposable one where there is a taught projection and K = 12 s + 4."""
    if projection is not None and units % 12 == 4 and units > 4:
        return fit_transposable_alphabet(features, units, hop, projection, seed=seed)
    return fit_alphabet(features, units, hop, projection, seed)


def fit(data: list[Path], out: Path, resume: bool, settings: UnitsTraining) -> dict[str, Any]:
    """Encode, fit every alphabet, label every stem; returns {"k64_h0.50": {hash, stems, hops, silent}, ...}.

    With `settings.alphabets`, those are used and none is fitted. Existing features are used with or without `resume`.
    TrainError, AudioError.
    """
    began = time.monotonic()
    out.mkdir(parents=True, exist_ok=True)
    songs = encode(data, out, settings)
    for folder in ("units", "tokens"):
        (out / folder).mkdir(parents=True, exist_ok=True)
    report: dict[str, Any] = {}
    for hop in [hop for hop in HOPS if hop in settings.lengths and _offered(settings, hop)]:
        alphabets = list(_alphabets(songs, hop, settings))
        atomic_write(
            out / "tokens" / hearing.file_name(hop), hearing.to_bytes(_features(songs, alphabets[0]), alphabets)
        )
        for alphabet in alphabets:
            name = file_stem(alphabet.units, hop)
            atomic_write(out / "units" / f"{name}.safetensors", alphabet.to_bytes())
            tokens = label_all(songs, alphabet)
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
