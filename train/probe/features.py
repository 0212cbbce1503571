"""Features of the probe, and its targets: features of hops of rendered songs, with their notes and chords."""

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

from perception.wav2vec2 import SAMPLERATE, WIDE_BANDS, Wav2Vec2Encoder, music_filters
from train.common.errors import TrainError
from train.common.files import visible
from train.common.progress import progress
from train.data.augment import degrade
from train.data.shards import Shards, is_store
from train.data.stems import GATE_DB, levels, read_from, stems_of

FRAME_SAMPLES = 320  # samples between frames of MFCC and chroma
BOTH = "encoder both sides"
QUESTIONS = {"pitch class": "melody", "chord root": "piano"}  # target -> its part
Kind = Callable[
    [np.ndarray, "list[int]"], "list[np.ndarray]"
]  # audio at 16 kHz, samples per hop -> (hops, dim) of each


@dataclass(frozen=True)
class Hops:
    """n hops above the gate with a known answer, of all songs. features: kind -> (n, dim); answer, song: (n,) int64.

    lead (n,): s by which the longest class outlasts the second. early (n,): the answer without the end of the hop that
    the encoder does not see, -1 where there is none.
    """

    features: dict[str, np.ndarray]
    answer: np.ndarray
    song: np.ndarray
    lead: np.ndarray
    early: np.ndarray


# Kinds of features


def feature_kinds(own: Wav2Vec2Encoder, chosen: str = "", seed: int = 0) -> dict[str, Kind]:
    """Every kind of feature that is compared, or those chosen, separated by commas. own: at the shortest hop.

    encoder: as it plays, causal; both sides: see `from_both_sides`; random: the same architecture as initialised by
    `transformers`; untrained: with our filter bank as its first layer, as training begins (only for encoders with that
    front end). TrainError for an unknown kind.
    """
    finest = own.hop / SAMPLERATE
    kinds: dict[str, Kind] = {"encoder": _by(own), BOTH: lambda audio, hops: from_both_sides(own, audio, hops)}
    for name in ("random", "untrained"):
        torch.manual_seed(seed)
        drawn = type(own.model)(own.model.config)
        first: Any = drawn.feature_extractor.conv_layers[0].conv
        if name == "untrained":
            if first.weight.shape[2] < 256 or first.weight.shape[0] % 4 or first.bias is None:
                continue
            with torch.no_grad():
                bands, kernel = first.weight.shape[0] // 4, first.weight.shape[2]
                wide = WIDE_BANDS if hasattr(own.model.config, "centre") else 0  # older front ends had none
                bank = music_filters(bands - wide, wide, kernel)
                first.weight.copy_(torch.from_numpy(bank)[:, None])
                first.bias.zero_()
        kinds[name] = _by(Wav2Vec2Encoder(drawn, finest, own.window * own.stride / SAMPLERATE, normalise=own.normalise))
    kinds |= {"mfcc": mfcc, "chroma stft": chroma_stft, "chroma cqt": chroma_cqt}
    wanted = [name.strip() for name in chosen.split(",") if name.strip()] or list(kinds)
    if unknown := [name for name in wanted if name not in kinds]:
        raise TrainError(f"there is no kind of feature '{unknown[0]}': choose from {', '.join(kinds)}")
    return {name: kinds[name] for name in wanted}


@torch.inference_mode()
def from_both_sides(encoder: Wav2Vec2Encoder, audio: np.ndarray, hops: list[int]) -> list[np.ndarray]:
    """Non-causal features of the encoder, which show what its weights know beyond what its causal frames see.

    Mean of all frames centred in a hop, including those that end after it; in blocks of 6 s with 1 s of context on both
    sides. audio (n,) at 16 kHz; hops: samples -> (hops, dim) of each.
    """
    size, margin = 6 * SAMPLERATE // encoder.stride, SAMPLERATE // encoder.stride
    silence = np.zeros(encoder.support, np.float32)  # so that the last frames end, too
    state, parts = encoder.start(), []
    for block in np.split(np.concatenate([audio, silence]), range(encoder.file_block, len(audio), encoder.file_block)):
        parts.append(encoder._hear(state, torch.from_numpy(np.ascontiguousarray(block))))
    stream = torch.cat(parts)[-encoder.complete_frames(0) :]  # frame 0 begins at sample 0
    read = []
    for begin in range(0, len(stream), size):
        first = max(0, begin - margin)
        states = encoder.model.encoder(stream[None, first : begin + size + margin]).last_hidden_state[0]
        read.append(states[begin - first : begin - first + size].float())
    frames = torch.cat(read).T.numpy()
    centres = encoder.support / 2 + encoder.stride * np.arange(frames.shape[1])
    return [per_hop(frames, hop, len(audio) // hop, centres) for hop in hops]


def _by(encoder: Wav2Vec2Encoder) -> Kind:
    return lambda audio, hops: encoder.batch(audio, tuple(hop // encoder.hop for hop in hops))


def mfcc(audio: np.ndarray, hops: list[int]) -> list[np.ndarray]:
    """Mean over the hop of 20 MFCC, librosa."""
    import librosa

    frames = librosa.feature.mfcc(y=audio, sr=SAMPLERATE, n_mfcc=20, n_fft=2048, hop_length=FRAME_SAMPLES)
    return [per_hop(frames, hop, len(audio) // hop) for hop in hops]


def chroma_stft(audio: np.ndarray, hops: list[int]) -> list[np.ndarray]:
    """Mean over the hop of librosa's chroma of a 256 ms STFT."""
    import librosa

    frames = librosa.feature.chroma_stft(y=audio, sr=SAMPLERATE, n_fft=4096, hop_length=FRAME_SAMPLES, tuning=0.0)
    return [per_hop(frames, hop, len(audio) // hop) for hop in hops]


def chroma_cqt(audio: np.ndarray, hops: list[int]) -> list[np.ndarray]:
    """Mean over the hop of librosa's constant-Q chroma, seven octaves from C1."""
    import librosa

    frames = librosa.feature.chroma_cqt(y=audio, sr=SAMPLERATE, hop_length=FRAME_SAMPLES, tuning=0.0)
    return [per_hop(frames, hop, len(audio) // hop) for hop in hops]


def per_hop(frames: np.ndarray, hop: int, count: int, centres: np.ndarray | None = None) -> np.ndarray:
    """(dim, frames), frame j centred at sample centres[j], or 320 j, -> (count, dim) means per hop of `hop` samples."""
    centres = FRAME_SAMPLES * np.arange(frames.shape[1]) if centres is None else centres
    first = np.searchsorted(centres, np.arange(count + 1) * hop)
    summed = np.concatenate([np.zeros((1, len(frames))), np.cumsum(frames.T, axis=0, dtype=np.float64)])
    return ((summed[first[1:]] - summed[first[:-1]]) / np.maximum(np.diff(first), 1)[:, None]).astype(np.float32)


# Extraction


def extract_hops(
    songs: list[Path],
    kinds: dict[str, Kind],
    hops: list[float],
    *,
    seconds: float = 0.0,
    degraded: bool = False,
    seed: int = 0,
    unseen_s: float = 0.0,
    cache: Shards | None = None,
) -> dict[float, dict[str, Hops]]:
    """{hop: {question: Hops}} of the parts of each question, for hops in s.

    seconds: of each song, from a random position; 0: all. degraded: through `train.data.augment.degrade`, with the gate
    applied afterwards. unseen_s: s at the end of a hop that the encoder does not see. cache: see `cached`; not used for
    degraded songs.
    """
    there = {part for song in songs for part in stems_of(song)}
    result: dict[float, dict[str, list]] = {hop: {question: [] for question in QUESTIONS} for hop in hops}
    for number, song in enumerate(progress(songs, "listening")):
        info = json.loads((song / "song.json").read_text())
        rng = np.random.default_rng([seed, zlib.crc32(song.name.encode())])
        length = seconds or info["seconds"]
        begin = rng.uniform(0, max(0.0, info["seconds"] - length)) // max(hops) * max(hops)
        for part, path in stems_of(song).items():
            asked = [q for q, wanted in QUESTIONS.items() if part == wanted or wanted not in there]
            audio = read_from(path, begin, length) if asked else np.zeros(0, np.float32)
            if len(audio) < SAMPLERATE or not audio.any():
                continue
            audio = _degraded(audio, rng) if degraded else audio
            known = cached(cache, song, part, hops, begin, len(audio)) if cache and not degraded else None
            features = _features(audio, kinds, hops, known)
            for question in asked:
                events = _events(song, part, info, question) - [begin, begin, 0]
                for index, hop in enumerate(hops):
                    here = {kind: columns[index] for kind, columns in features.items()}
                    result[hop][question].append((number, *_answered(here, audio, events, hop, unseen_s)))
    return {hop: {q: _joined(rows, kinds) for q, rows in asked.items()} for hop, asked in result.items()}


def _degraded(audio: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(n,) float32, degraded."""
    generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
    return np.asarray(degrade(torch.from_numpy(audio)[None], generator)[0])


def _features(
    audio: np.ndarray, kinds: dict[str, Kind], hops: list[float], known: list[np.ndarray] | None
) -> dict[str, list[np.ndarray]]:
    lengths = [round(hop * SAMPLERATE) for hop in hops]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # librosa warns of empty mel bands and of silence
        return {name: known if known and name == "encoder" else kind(audio, lengths) for name, kind in kinds.items()}


def cached(
    features: Shards, song: Path, part: str, hops: list[float], begin: float, samples: int
) -> list[np.ndarray] | None:
    """The encoder's features of a stem from `begin` s on, of OUT/features of train/fit_units.py, for each hop.

    None where they are missing, or shorter than `samples`. Their context includes 2 or 3 hops before the excerpt.
    """
    result = []
    for hop in hops:
        first, count = round(begin / hop), samples // round(hop * SAMPLERATE)
        known = features.get(f"{song.parent.name}/{song.parent.parent.name}-{song.name}/{part}/f{hop}")
        if known is None or len(known) < first + count:
            return None
        result.append(known[first : first + count].astype(np.float32))
    return result


def open_cache(folder: Path, songs: list[Path], encoder: Wav2Vec2Encoder, hop: float) -> Shards:
    """The features in a folder; TrainError unless this encoder made those of the first of these stems that is there, up
    to bfloat16's rounding."""
    if is_store(folder):
        features = Shards(folder)
        for song in songs:
            for part, path in stems_of(song).items():
                if known := cached(features, song, part, [hop], 0.0, 4 * SAMPLERATE):
                    own = encoder.batch(read_from(path, 0.0, 4.0), (round(hop * SAMPLERATE) // encoder.hop,))[0]
                    if known[0].shape != own.shape or np.abs(known[0] - own).mean() > 0.05 * np.abs(own).mean():
                        raise TrainError(
                            f"'{folder}' was encoded by another encoder: leave --features out, or encode again"
                        )
                    return features
    raise TrainError(f"no features of these songs in '{folder}': give OUT/features of train.fit_units, or leave it out")


def _answered(features: dict[str, np.ndarray], audio: np.ndarray, events: np.ndarray, hop: float, unseen_s: float):
    """(features, answer, lead, early) of the hops above the gate that have an answer; see `Hops`."""
    level = levels(audio, round(hop * SAMPLERATE))
    lasts = durations(events, hop, len(level))
    answer, early = longest_class(lasts), longest_class(durations(events, hop, len(level), unseen_s))
    ranked = np.sort(lasts, axis=1)
    used = (answer >= 0) & (level >= GATE_DB)
    by_kind = {kind: each[used] for kind, each in features.items()}
    return by_kind, answer[used], (ranked[:, -1] - ranked[:, -2])[used], early[used]


def durations(events: np.ndarray, hop: float, count: int, unseen_s: float = 0.0) -> np.ndarray:
    """(count, 12): s for which each pitch class lasts in each hop, without its last `unseen_s` s.

    events (n, 3): [begin s, end s, class or pitch].
    """
    lasts = np.zeros((count, 12))
    for begin, end, kind in events:
        first, last = max(0, int(begin // hop)), min(count - 1, int(end // hop))
        for i in range(first, last + 1):
            lasts[i, int(kind) % 12] += max(0.0, min(end, (i + 1) * hop - unseen_s) - max(begin, i * hop))
    return lasts


def longest_class(lasts: np.ndarray) -> np.ndarray:
    """(count,) int64: the class that lasts longest in each hop, 0 to 11; -1 without any. lasts (count, 12), s."""
    return np.where(lasts.max(axis=1, initial=0) > 0, lasts.argmax(axis=1), -1)


def _events(song: Path, part: str, info: dict[str, Any], question: str) -> np.ndarray:
    if question == "chord root":
        return np.array(info["chords"], np.float64).reshape(-1, 3)
    with np.load(song / "notes.npz") as notes:
        return notes[part].astype(np.float64).reshape(-1, 3)


def _joined(rows: list, kinds: Iterable[str]) -> Hops:
    if not sum(len(row[2]) for row in rows):
        return Hops({}, *(np.zeros(0, np.int64),) * 4)
    features = {kind: np.concatenate([row[1][kind] for row in rows]) for kind in kinds}
    song = np.concatenate([np.full(len(row[2]), row[0]) for row in rows])
    answer, lead, early = (np.concatenate([row[column] for row in rows]) for column in (2, 3, 4))
    return Hops(features, answer, song, lead, early)


# Songs


def songs_in(folder: Path, count: int) -> list[Path]:
    """At most `count` rendered songs of a folder, evenly spaced; TrainError if there is none."""
    songs = [path.parent for path in visible(folder, "*/song.json")]
    if not songs:
        raise TrainError(f"no rendered song in '{folder}': make them with python -m train.songs.render SCORES -o DATA")
    if count < 1:
        raise TrainError(f"songs = {count}: give at least one to learn from and one to examine")
    return [songs[i] for i in np.unique(np.linspace(0, len(songs) - 1, min(count, len(songs))).round().astype(int))]
