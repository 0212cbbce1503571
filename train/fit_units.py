"""Train the alphabets and make the token caches: encode every stem once, fit k-means on its hops, label every stem.

    python -m train.fit_units DATA... -o OUT --encoder DIR        (antiphon train units is the same)

    OUT/features/            "<split>/<song>/<part>/f0.5": (hops, dim) float16 of each hop length; l0.5: levels in dBFS
    OUT/units/k64_h0.50.safetensors    one alphabet for each K and hop
    OUT/tokens/k64_h0.50/    "<split>/<song>/<part>": (hops,) int16 labels, silence = K
    OUT/tokens/hearing_h0.50/          the same keys: (hops, n) float16 features of the decision model's input

Features and tokens are stores (train.data.shards) of SHARD_SONGS songs a shard. On a CPU `jobs` processes make them, a
song in memory at a time; on a GPU the songs of a shard are encoded at once while those of the next are read. What is
made is not made again, so a run that was killed goes on, and songs are added. Parts called drums are left out; songs of
three parts or more also have submixes of two, "mix-<part>+<part>".
"""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from corpora.whole_files import atomic_write
from perception.transformer import native_precision
from perception.units import Alphabet, file_stem, fit_alphabet, fit_transposable_alphabet
from perception.wav2vec2 import Wav2Vec2Encoder, weights_hash
from train.common import command_line
from train.common.cluster import CLUSTER_HELP, check_cluster, mapped
from train.common.errors import TrainError
from train.common.log import Log
from train.common.progress import progress
from train.common.settings import setting
from train.data import hearing, shards, token_pairs
from train.data.encode import Frames, Stem, stem_features
from train.data.projection import NO_MOMENT, TaughtHops, harmony_of, taught_projection
from train.data.shards import Shards
from train.data.stems import GATE_DB, stems_of
from train.data.store import Store, StoredSong, song_folders

SPLITS = ("train", "validation", "test")
HOPS = (0.25, 0.35, 0.5)  # s, that an agent can have
MAX_SUBMIXES = 2  # submixes of a song
LIKE_ROUNDS = 3  # of Lloyd's algorithm where labels are to keep their meaning
SHARD_SONGS = 16  # songs of a shard: what a killed process loses, and what a GPU encodes at once


@dataclass(frozen=True)
class UnitsTraining:
    """Settings of this recipe; each is a flag, and they are saved with a run."""

    encoder: str = setting("", "folder of the encoder")
    units: str = setting("16,64,256", "sizes of the alphabets, separated by commas")
    lengths: tuple[float, ...] = setting(HOPS, "s of the hops that alphabets are fitted for", choices=HOPS)
    hops: int = setting(300_000, "hops that k-means is fitted on")
    alphabets: str = setting("", "folder of alphabets to label with instead of fitting new ones: more data for a model")
    like: str = setting(
        "", "folder of alphabets of another encoder whose labels new ones are to keep, for decisions to go on from"
    )
    taught: bool = setting(
        True, "project on the harmony of all parts and chord roots where scores are known, else on principal directions"
    )
    jobs: int = setting(2, "processes on a CPU; threads that read files for a GPU", may_change=True)
    cluster: str = setting("", CLUSTER_HELP, may_change=True)
    songs: int = setting(100_000, "songs of each split and data folder, at most")
    seconds: float = setting(0.0, "s of each song that are encoded, from its beginning; 0: all of it")
    seed: int = setting(0, "of k-means, of the choice of hops and of submixes")
    device: str = setting("auto", "cpu, cuda or auto", may_change=True)


@dataclass(frozen=True)
class Song:
    """A song: "<split>/<data folder>-<song>", and the folder of its stems and score."""

    name: str
    folder: Path


def encode(data: list[Path], out: Path, settings: UnitsTraining) -> list[Song]:
    """Encode into OUT/features the songs that it does not have; returns all songs, sorted.

    TrainError if there is none.
    """
    device = ("cuda" if torch.cuda.is_available() else "cpu") if settings.device == "auto" else settings.device
    check_cluster(settings.cluster)
    songs = _songs(data, settings.songs)
    if not songs:
        raise TrainError(
            f"no song below {data[0]}: expected folders <split>/<song>/<stem>.flac, such as python -m "
            f"train.songs.render makes, with a split of {', '.join(SPLITS)}"
        )
    folder = out / "features"
    about = _about_features(folder, settings)
    of_split = {split: [name for name in songs if name.startswith(f"{split}/")] for split in SPLITS}
    plan = shards.grouped(folder, of_split, SHARD_SONGS)
    absent = shards.begin(folder, about, plan)
    settings = replace(settings, lengths=tuple(about["lengths"]))
    work = [(folder, shard, [songs[name] for name in plan[shard]], settings) for shard in absent]
    if device == "cpu":
        _each(encode_shard, work, settings, "encoding")
    else:
        _encode_on(device, work)
    return [songs[name] for name in sorted(songs)]


def _songs(data: list[Path], most: int) -> dict[str, Song]:
    """The songs that have a stem by name, in the order of the splits and of DATA; at most `most` of each."""
    songs: dict[str, Song] = {}
    for split in SPLITS:
        for folder in data:
            for song in filter(stems_of, song_folders([folder], split, most)):
                name = f"{split}/{folder.name}-{song.name}"
                if name in songs:
                    raise TrainError(f"'{songs[name].folder}' and '{song}' have one name: rename one of their folders")
                songs[name] = Song(name, song)
    return songs


def _each(work: Callable[..., None], arguments: list[tuple[Any, ...]], settings: UnitsTraining, text: str) -> None:
    """work(*each) of all arguments, in processes of one thread each; in this one where one job is asked for."""
    if settings.jobs > 1 or settings.cluster:
        mapped(_in_one_thread, [(work, *each) for each in arguments], settings.jobs, settings.cluster, text)
    else:
        mapped(work, arguments, 1, "", text)


def _in_one_thread(work: Callable[..., None], *arguments: Any) -> None:
    torch.set_num_threads(1)
    with threadpool_limits(1):
        work(*arguments)


def _encode_on(device: str, work: list[tuple[Path, str, list[Song], UnitsTraining]]) -> None:
    """Encode shards on a device, each while the stems of the next are read."""

    def load(songs: list[Song], settings: UnitsTraining) -> Store:
        return Store((), "", device, threads=max(2, settings.jobs), songs=[song.folder for song in songs])

    with ThreadPoolExecutor(1) as ahead:
        following = [ahead.submit(load, *each[2:]) for each in work[:1]]
        for number, (folder, shard, songs, settings) in enumerate(progress(work, "encoding")):
            store = following.pop().result()
            following = [ahead.submit(load, *other[2:]) for other in work[number + 1 : number + 2]]
            encode_shard(folder, shard, songs, settings, store)


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


def encode_shard(
    folder: Path, shard: str, songs: list[Song], settings: UnitsTraining, store: Store | None = None
) -> None:
    """Encode all stems of some songs into a shard of the store at `folder`.

    store: the songs, on a GPU, to be encoded at once; None: each is read when its turn comes.
    """
    encoders = _encoders(settings.encoder, settings.lengths, weights_hash(Path(settings.encoder)))
    names = {song.folder: song.name for song in songs}
    arrays: dict[str, np.ndarray] = {}
    for group in [store] if store else (Store((), "", songs=[song.folder]) for song in songs):
        stems = [(song, stem) for song in group.songs for stem in stems_to_encode(song, settings.seed)]
        frames: Frames = {}
        for base, shared in spans(settings.lengths).items():
            of_base = tuple(shared.values()), settings.seconds, frames
            encoded = stem_features(encoders[base], group, [stem for _, stem in stems], *of_base)
            for (song, stem), by_span in zip(stems, encoded, strict=True):
                for hop, span in shared.items():
                    key = f"{names[song.folder]}/{stem.name}"
                    arrays[f"{key}/f{hop}"], arrays[f"{key}/l{hop}"] = by_span[span]
    shards.write_shard(folder, shard, arrays)


@lru_cache(1)
def _encoders(encoder: str, lengths: tuple[float, ...], weights: str) -> dict[float, Wav2Vec2Encoder]:
    """{hop, s: encoder} of the hops to be encoded; by the hash of the weights, for a folder may get others."""
    return {hop: Wav2Vec2Encoder.load(encoder, hop, precision=native_precision()) for hop in spans(lengths)}


def _about_features(folder: Path, settings: UnitsTraining) -> dict[str, Any]:
    """What the manifest of a store of features says; TrainError where the one in `folder` is of something else."""
    if not shards.is_store(folder) and folder.is_dir() and any(folder.iterdir()):
        raise TrainError(f"'{folder}' holds features of an earlier version: delete it, or name another folder with -o")
    lengths = sorted(set(settings.lengths))
    about: dict[str, Any] = {"holds": "features", "encoder": weights_hash(settings.encoder)}
    about |= {"seconds": settings.seconds, "lengths": lengths}
    if shards.is_store(folder):
        before = shards.read_manifest(folder)
        absent = [hop for hop in lengths if hop not in before["lengths"]]
        if absent or any(before.get(name) != about[name] for name in ("encoder", "seconds")):
            raise TrainError(
                f"the features in '{folder}' are of another encoder, or of {before.get('seconds')} s of each song and "
                f"not {about['seconds']} s (0: all of it), or not of hops of {', '.join(map(str, absent or lengths))} "
                "s: give the settings they were made with, or another folder"
            )
        about["lengths"] = before["lengths"]
    return about


def training_hops(
    songs: Iterable[Song], features: Mapping[str, np.ndarray], hop: float, count: int, seed: int
) -> TaughtHops:
    """About `count` hops above the gate of the training songs, or fewer, spread evenly over the songs.

    Of a moment that is drawn, the hops of all parts that sound. TrainError where there is no training song.
    """
    rng, parts = np.random.default_rng(seed), shards.songs_of(features)
    training = [song for song in songs if song.name.startswith("train/")]
    if not training:
        raise TrainError("there is no song in the split 'train', of which an alphabet is made: give some")
    result, moments = [], 0
    for song in training:
        hops = active_hops(song, parts[song.name], features, hop)
        length = int(hops.moment.max(initial=0)) + 1
        share = count / len(training) / max(len(hops.moment), 1)
        drawn = rng.random(length) < share
        kept = np.where(hops.moment == NO_MOMENT, rng.random(len(hops.moment)) < share, drawn[hops.moment])
        moment = np.where(hops.moment == NO_MOMENT, NO_MOMENT, hops.moment + moments)
        result.append(TaughtHops(*(column[kept] for column in hops._replace(moment=moment))))
        moments += length
    return TaughtHops(*(np.concatenate(columns) for columns in zip(*result, strict=True)))


def active_hops(song: Song, parts: list[str], features: Mapping[str, np.ndarray], hop: float) -> TaughtHops:
    """The hops above the gate of all parts of a song; their `moment` is the number of the hop."""
    placed = [np.asarray(features[f"{song.name}/{part}/f{hop}"], np.float32) for part in parts]
    numbers = [np.flatnonzero(features[f"{song.name}/{part}/l{hop}"] > GATE_DB) for part in parts]
    length = max(map(len, placed), default=0)
    harmony = root = np.full((length, 12), np.nan)
    if (song.folder / "notes.npz").exists():
        with np.load(song.folder / "notes.npz") as archive:
            pitched = [part for part in archive.files if token_pairs.pitched(part)]
            harmony = harmony_of([shares(archive[part], hop, length) for part in pitched], length)
        chords = json.loads((song.folder / "song.json").read_text(encoding="utf-8"))["chords"]
        if chords:
            root = shares(np.array(chords).reshape(-1, 3), hop, length)
            root = np.where(root.any(1, keepdims=True), root, np.nan)
    submix = [part.startswith(token_pairs.SUBMIX_PREFIX) for part in parts]
    moment = np.concatenate(
        [np.full_like(at, NO_MOMENT) if mix else at for at, mix in zip(numbers, submix, strict=True)]
    )
    where = np.concatenate(numbers)
    rows = np.concatenate([part[at] for part, at in zip(placed, numbers, strict=True)])
    return TaughtHops(rows, harmony[where].astype(np.float32), root[where].astype(np.float32), moment)


def shares(spans: np.ndarray, hop: float, hops: int) -> np.ndarray:
    """(hops, 12) share of each hop that spans (n, 3) [start s, end s, pitch or root] cover, by pitch class, 0 to 1."""
    covered = np.zeros((hops, 12))
    for start, end, pitch in spans:
        for number in range(max(0, int(start / hop)), min(hops, int(end / hop) + 1)):
            covered[number, int(pitch) % 12] += max(0.0, min(end, (number + 1) * hop) - max(start, number * hop)) / hop
    return np.minimum(covered, 1.0)


def label_shard(out: Path, shard: str, songs: list[Song], alphabets: list[Alphabet]) -> None:
    """Label the stems of some songs in a shard of OUT/features by all alphabets of a hop.

    Writes the shard of this name of each token cache and of the decision model's input features.
    """
    arrays, hop = shards.read_shard(out / "features", shard), alphabets[0].hop
    labels: list[dict[str, np.ndarray]] = [{} for _ in alphabets]
    heard: dict[str, np.ndarray] = {}
    for song in songs:
        beats = hearing.beats_of(song.folder)
        for part in shards.songs_of(arrays)[song.name]:
            stem = f"{song.name}/{part}"
            features, level_db = arrays[f"{stem}/f{hop}"].astype(np.float32), arrays[f"{stem}/l{hop}"]
            phase = hearing.phases(beats, hop, len(features))
            keys = alphabets[0].keys(features)
            heard[stem] = hearing.heard_features(keys, level_db.astype(np.float32), phase).astype(np.float16)
            for alphabet, named in zip(alphabets, labels, strict=True):
                units = np.where(level_db < GATE_DB, alphabet.silence, alphabet.quantize(features))
                named[stem] = units.astype(np.int16)
    shards.write_shard(out / "tokens" / hearing.store_name(hop), shard, heard)
    for alphabet, named in zip(alphabets, labels, strict=True):
        shards.write_shard(out / "tokens" / file_stem(alphabet.units, hop), shard, named)


def _label(out: Path, songs: list[Song], alphabets: list[Alphabet], settings: UnitsTraining) -> None:
    """Make the token caches of all alphabets of a hop, and the features beside them, or what they lack."""
    features, by_name = shards.read_manifest(out / "features"), {song.name: song for song in songs}
    known = {shard: [name for name in held if name in by_name] for shard, held in features["shards"].items()}
    held, tokens, more = {shard: names for shard, names in known.items() if names}, out / "tokens", features["encoder"]
    absent = set(hearing.begin(tokens / hearing.store_name(alphabets[0].hop), alphabets, held, encoder=more))
    for each in alphabets:
        about = token_pairs.manifest(each.units, each.hop, each.hash, each.shapes, encoder=more)
        absent |= set(shards.begin(tokens / file_stem(each.units, each.hop), about, held))
    work = [(out, shard, [by_name[name] for name in held[shard]], alphabets) for shard in sorted(absent)]
    _each(label_shard, work, settings, f"labelling, {alphabets[0].hop:g} s")


def _offered(settings: UnitsTraining, hop: float) -> bool:
    """Whether alphabets for a hop (s) are given, or new ones are to be fitted."""
    sizes = [int(k) for k in settings.units.split(",")]
    given = Path(settings.alphabets)
    return not settings.alphabets or any((given / f"{file_stem(k, hop)}.safetensors").exists() for k in sizes)


def _alphabets(songs: list[Song], features: Shards, hop: float, settings: UnitsTraining) -> Iterator[Alphabet]:
    """One alphabet of each size for a hop (s): those given, else new ones."""
    sizes = [int(k) for k in settings.units.split(",")]
    if settings.alphabets:
        for units in sizes:
            yield Alphabet.load(Path(settings.alphabets) / f"{file_stem(units, hop)}.safetensors")
        return
    hops = training_hops(songs, features, hop, settings.hops, settings.seed)
    projection = taught_projection(hops, settings.seed) if settings.taught else None
    for units in sizes:
        begin = _begin(settings, units, hop)
        if begin is not None and projection is None:
            raise TrainError("like: labels are kept by what is taught, and these songs have no scores: leave it out")
        yield _fit(hops.features, units, hop, projection, settings.seed, begin)


def _check_like(settings: UnitsTraining) -> None:
    """Refuse what cannot be kept before hours of encoding. TrainError, AlphabetError."""
    if settings.like and (settings.alphabets or not settings.taught):
        raise TrainError("like needs alphabets that are fitted and taught: leave out alphabets, and taught = false")
    for hop, units in itertools.product(settings.lengths, settings.units.split(",")):
        _begin(settings, int(units), hop)


def _begin(settings: UnitsTraining, units: int, hop: float) -> Alphabet | None:
    """The alphabet of `settings.like` whose labels one of K = `units` at a hop (s) keeps; None where none is named.

    TrainError for one that cannot turn, AlphabetError where there is none.
    """
    if not settings.like:
        return None
    alphabet = Alphabet.load(Path(settings.like) / f"{file_stem(units, hop)}.safetensors")
    if not alphabet.shapes:
        raise TrainError(f"like: only an alphabet that can turn keeps its labels, that of {units} units cannot")
    return alphabet


def _fit(
    features: np.ndarray, units: int, hop: float, projection: np.ndarray | None, seed: int, begin: Alphabet | None
) -> Alphabet:
    """An alphabet, one that can turn where there is a taught projection and K = 12 s + 4, begun as `begin` if given."""
    if projection is not None and units % 12 == 4 and units > 4:
        rounds = 30 if begin is None else LIKE_ROUNDS
        return fit_transposable_alphabet(features, units, hop, projection, rounds, seed, begin)
    return fit_alphabet(features, units, hop, projection, seed)


def fit(data: list[Path], out: Path, resume: bool, settings: UnitsTraining) -> dict[str, Any]:
    """Encode, fit every alphabet, label every stem; returns {"k64_h0.50": {hash, stems, hops, silent}, ...}.

    With `settings.alphabets`, those are used and none is fitted. Existing features are used with or without `resume`.
    TrainError, AudioError.
    """
    began = time.monotonic()
    _check_like(settings)
    out.mkdir(parents=True, exist_ok=True)
    songs = encode(data, out, settings)
    features = Shards(out / "features")
    report: dict[str, Any] = {}
    for hop in [hop for hop in HOPS if hop in settings.lengths and _offered(settings, hop)]:
        alphabets = list(_alphabets(songs, features, hop, settings))
        (out / "units").mkdir(exist_ok=True)
        for alphabet in alphabets:
            atomic_write(out / "units" / f"{file_stem(alphabet.units, hop)}.safetensors", alphabet.to_bytes())
        _label(out, songs, alphabets, settings)
        for alphabet in alphabets:
            name = file_stem(alphabet.units, hop)
            tokens = Shards(out / "tokens" / name)
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
