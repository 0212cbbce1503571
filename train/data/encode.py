"""Hop features of stored stems, on the device that holds them.

On a processor one stem after the other, whose samples are convolved once for all hop lengths, and whose windows pass
the Transformer in batches that fit its caches. On a GPU, where launches cost more than products, the hops of all stems
at once: a feature depends on the last `context` seconds alone, so each hop has a window of its own. Both give the same
features, up to the rounding of larger products. Those of hops below the gate are 0: nothing reads them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from perception.level import FLOOR_DB
from perception.wav2vec2 import SAMPLERATE, Wav2Vec2Encoder
from train.common.errors import TrainError
from train.data.stems import GATE_DB, levels
from train.data.store import Store

BATCH_WINDOWS = 4096  # hops that pass the encoder of a GPU at once
CACHED_WINDOWS = 32  # and that of a processor
Frames = dict[tuple[int, ...], Tensor]  # parts of a stem -> its frames, (n, hidden), see `Wav2Vec2Encoder.frames`


@dataclass(frozen=True)
class Stem:
    """A part of a store, or a submix of several, by their numbers in it."""

    name: str
    parts: tuple[int, ...]


def stem_features(
    encoder: Wav2Vec2Encoder,
    store: Store,
    stems: list[Stem],
    spans: tuple[int, ...] = (1,),
    seconds: float = 0.0,
    frames: Frames | None = None,
) -> list[dict[int, tuple[np.ndarray, np.ndarray]]]:
    """For each stem {span m: (features (hops, dim) float16, levels (hops,) float16 in dBFS)}, hops taken m at a time.

    encoder: on any device; it is moved to that of the store, unless it normalises its input by what came before, as
    most encoders of others do: those work on the processor. seconds: of each stem, from its beginning; 0: all of it.
    frames: of these stems, by an encoder that differs in its hop alone; those that are computed are added.
    """
    if store.device.type == "cpu" or encoder.grouped or encoder.normalise:
        frames = {} if frames is None else frames
        return [_stem_by_stem(encoder, store, stem, spans, seconds, frames) for stem in stems]
    return at_once(encoder, store, stems, spans, seconds)


def _stem_by_stem(
    encoder: Wav2Vec2Encoder, store: Store, stem: Stem, spans: tuple[int, ...], seconds: float, frames: Frames
) -> dict[int, tuple[np.ndarray, np.ndarray]]:
    samples = _samples(store, stem, seconds)
    audio = _mixed(store, np.array(stem.parts)[:, None], np.zeros(1, np.int64), samples)[0].cpu().numpy()
    hops = samples // encoder.hop
    level_db = {m: levels(audio, m * encoder.hop)[: hops // m].astype(np.float16) for m in spans}
    if encoder.normalise:  # by the window that ends with a hop, so its frames are those of this hop alone
        features = dict(zip(spans, encoder.batch(audio, spans), strict=True))
    else:
        if stem.parts not in frames:
            frames[stem.parts] = encoder.frames(audio, encoder.file_block)
        features = _of_windows(encoder, frames[stem.parts], level_db)
    return {m: (_silenced(features[m], level_db[m]), level_db[m]) for m in spans}


@torch.inference_mode()
def _of_windows(encoder: Wav2Vec2Encoder, frames: Tensor, level_db: dict[int, np.ndarray]) -> dict[int, np.ndarray]:
    """{span m: features (hops, dim)} of the hops above the gate, whose levels are {m: (hops,)}; 0 for others."""
    features = {m: np.zeros((len(level), encoder.dim), np.float32) for m, level in level_db.items()}
    sounding = {m: set(((np.flatnonzero(level >= GATE_DB) + 1) * m - 1).tolist()) for m, level in level_db.items()}
    wanted = sorted(set().union(*sounding.values()))
    before, longest = encoder.complete_frames(0), max(level_db) * encoder.hop / encoder.stride  # frames of a hop
    for begin in range(0, len(wanted), CACHED_WINDOWS):
        ends = wanted[begin : begin + CACHED_WINDOWS]
        first = torch.tensor([encoder.complete_frames((hop + 1) * encoder.hop) - before for hop in ends])
        windows = frames[first[:, None] + torch.arange(encoder.window)]
        hidden = encoder.transformer.batch(windows, min(int(longest) + 2, encoder.window))
        for hop, states in zip(ends, hidden, strict=True):
            for m, rows in features.items():
                if hop in sounding[m]:
                    number = (hop + 1) // m - 1
                    start, end = encoder.hop_frames(number, m)
                    rows[number] = states[len(states) - (end - start) :].mean(0).numpy()
    return features


def _silenced(features: np.ndarray, level_db: np.ndarray) -> np.ndarray:
    """Features (hops, dim) as float16, those of hops below the gate 0."""
    return np.where((level_db >= GATE_DB)[:, None], features, 0).astype(np.float16)


def at_once(
    encoder: Wav2Vec2Encoder, store: Store, stems: list[Stem], spans: tuple[int, ...] = (1,), seconds: float = 0.0
) -> list[dict[int, tuple[np.ndarray, np.ndarray]]]:
    """The same with the windows of all stems in large batches; see `stem_features`."""
    if encoder.grouped or encoder.normalise:
        raise TrainError("stems are encoded at once by encoders with layer norm alone: this one normalises its input")
    counts = [_samples(store, stem, seconds) // encoder.hop for stem in stems]
    owner = np.repeat(np.arange(len(stems)), counts)
    hop = np.concatenate([np.arange(count) for count in counts]) if counts else np.zeros(0, np.int64)
    most = max((len(stem.parts) for stem in stems), default=0)
    parts = np.full((most, len(stems)), -1, np.int64)
    for number, stem in enumerate(stems):
        parts[: len(stem.parts), number] = stem.parts
    features = {m: np.zeros((len(hop), encoder.dim), np.float16) for m in spans}
    level_db = {m: np.zeros(len(hop), np.float16) for m in spans}
    model = encoder.model.to(store.device)
    for begin in range(0, len(hop), BATCH_WINDOWS):
        rows = slice(begin, begin + BATCH_WINDOWS)
        by_span = _encode(encoder, model, store, parts[:, owner[rows]], hop[rows], spans)
        for m, (values, level) in by_span.items():
            features[m][rows], level_db[m][rows] = values, level
    result, first = [], 0
    for count in counts:
        rows = slice(first, first + count)
        of_span = {m: (features[m][rows][m - 1 :: m], level_db[m][rows][m - 1 :: m]) for m in spans}
        result.append({m: (_silenced(*both), both[1]) for m, both in of_span.items()})
        first += count
    return result


def _samples(store: Store, stem: Stem, seconds: float) -> int:
    """Samples of a stem that are encoded."""
    samples = int(store.length[list(stem.parts)].max())
    return min(samples, round(seconds * SAMPLERATE)) if seconds else samples


@torch.inference_mode()
def _encode(
    encoder: Wav2Vec2Encoder,
    model: torch.nn.Module,
    store: Store,
    parts: np.ndarray,
    hop: np.ndarray,
    spans: tuple[int, ...],
) -> dict[int, tuple[np.ndarray, np.ndarray]]:
    """Of hops (n,) of stems made of parts (most, n): {m: (features (n, dim), levels (n,))} of the last m hops."""
    ends = (hop + 1) * encoder.hop
    complete = (ends - encoder.support) // encoder.stride + 1
    audio = _mixed(store, parts, (complete - encoder.window) * encoder.stride, encoder.window_samples)
    with torch.autocast(store.device.type, torch.bfloat16):
        hidden = model(audio).last_hidden_state.float()
    result = {}
    for m in spans:
        first = np.array([encoder.hop_frames((h + 1) // m - 1, m)[0] if h + 1 >= m else 0 for h in hop])
        newest = torch.from_numpy(np.clip(complete - first, 1, encoder.window)).to(hidden.device)
        counted = torch.arange(encoder.window, device=hidden.device) >= encoder.window - newest[:, None]
        mean = (hidden * counted[..., None]).sum(1) / newest[:, None]
        sound = _mixed(store, parts, ends - m * encoder.hop, m * encoder.hop)
        power = sound.var(1, correction=0) + 10 ** (FLOOR_DB / 10)
        result[m] = mean.half().cpu().numpy(), (10 * power.log10()).half().cpu().numpy()
    return result


def _mixed(store: Store, parts: np.ndarray, begin: np.ndarray, samples: int) -> Tensor:
    """(n, samples): the sum of parts (most, n), -1 for none, from samples `begin` (n,) on."""
    total = store.windows(np.column_stack([parts[0], begin]), samples)
    for more in parts[1:]:
        there = np.flatnonzero(more >= 0)
        if len(there):
            rows = torch.from_numpy(there).to(total.device)
            total[rows] += store.windows(np.column_stack([more[there], begin[there]]), samples)
    return total
