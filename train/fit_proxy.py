"""Train the proxy of the coherence model: the fit of a segment to the last hops of the input, from hop features.

    python -m train.fit_proxy UNITS... -o MODEL

    UNITS                               folders made by train.fit_units: features/
    MODEL/proxy/k64_h0.50.safetensors   one for each alphabet of the decision models of MODEL (perception/proxy.py)

Contrastive, as COCOLA: the last hops of one part of a song against the next hop of another. In a batch of songs x
places the loss is the cross-entropy of the true partner among the places of its song, as in live play, and, with a
smaller weight, among all. About a minute on one core for each hop length. Reported: how often the true segment scores
best among 3 and 15 others of its song, in validation and test.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from corpora.whole_files import write_files
from perception.proxy import Proxy
from perception.units import Alphabet, file_stem
from train.common import command_line
from train.common.errors import TrainError
from train.common.log import Log
from train.common.schedule import cosine, set_rate
from train.common.settings import setting
from train.data.shards import Shards, is_store, songs_of
from train.data.stems import GATE_DB

UNITS = 64  # K of the decision models
OTHER_SEGMENTS = 15  # segments that compete with the true one in `accuracy`
LOG_EVERY_STEPS = 50
MIN_DISTANCE_HOPS = 4  # distance from the true segment to a wrong one


@dataclass(frozen=True)
class ProxyTraining:
    """Settings of this recipe; each is a flag, and they are saved with a run."""

    context: int = setting(4, "hops heard before the segment")
    rank: int = setting(32, "dimensions in which both are compared")
    steps: int = setting(4000, "updates of each proxy")
    songs: int = setting(16, "pairs of parts in a batch")
    places: int = setting(16, "places of each pair")
    among: float = setting(0.1, "weight of finding the partner among all songs")
    rate: float = setting(2e-3, "highest learning rate of AdamW")
    decay: float = setting(1e-2, "of the weights, decoupled")
    seed: int = setting(0, "of weights and batches")


@dataclass(frozen=True)
class Pair:
    """Two parts of a song, (hops, dim) float16 standardised, silent hops 0, and the hops at which B is chosen."""

    input: np.ndarray
    played: np.ndarray
    places: np.ndarray  # (n,) int hops of `played`


class Towers(nn.Module):
    """The two linear towers, for standardised features."""

    def __init__(self, dim: int, settings: ProxyTraining):
        super().__init__()
        self.input, self.segment = nn.Linear(settings.context * dim, settings.rank), nn.Linear(dim, settings.rank)
        for side in (self.input, self.segment):
            nn.init.normal_(side.weight, std=0.75 * side.in_features**-0.5)

    def forward(self, inputs: Tensor, segments: Tensor) -> Tensor:
        """(n, context * dim), (m, dim) -> (n, m) scores."""
        places = self.segment(segments)
        return (self.input(inputs) @ places.T - places.square().sum(1) / 2) / places.shape[1] ** 0.5


def read_features(folders: list[Path], split: str, hop: float) -> list[dict[str, tuple[np.ndarray, np.ndarray]]]:
    """For each song of a split: part -> (features (hops, dim) float16, (hops,) bool: above the gate)."""
    songs = []
    for features in (Shards(folder / "features") for folder in folders if is_store(folder / "features")):
        for song, parts in songs_of(features).items():
            if song.startswith(f"{split}/"):
                stems = {part: f"{song}/{part}" for part in parts}
                hops = min(len(features[f"{stem}/l{hop}"]) for stem in stems.values())
                songs.append(
                    {
                        part: (features[f"{stem}/f{hop}"][:hops], features[f"{stem}/l{hop}"][:hops] >= GATE_DB)
                        for part, stem in stems.items()
                    }
                )
    return songs


def pairs_of(songs: list[dict], mean: np.ndarray, scale: np.ndarray, settings: ProxyTraining) -> list[Pair]:
    """Every two parts of a song, both ways, with enough hops at which B sounds, or rests after both sounded."""
    result = []
    for song in songs:
        parts = {
            name: np.where(sounds[:, None], (features - mean) / scale, 0).astype(np.float16)
            for name, (features, sounds) in song.items()
        }
        for source, (_, sounds) in song.items():
            for played, (_, active) in song.items():
                now = np.arange(settings.context, len(active))
                places = now[active[now] | (sounds[now - 1] & active[now - 1])]  # a rest after sound is a choice too
                if source != played and len(places) >= max(settings.places, 2 * MIN_DISTANCE_HOPS + OTHER_SEGMENTS + 1):
                    result.append(Pair(parts[source], parts[played], places))
    return result


def context_before(pair: Pair, places: np.ndarray, context: int) -> np.ndarray:
    """(n, context * dim) float32: the last `context` hops of the input before each place."""
    return pair.input[places[:, None] + np.arange(-context, 0)].reshape(len(places), -1).astype(np.float32)


def batches(pairs: list[Pair], settings: ProxyTraining) -> Iterator[tuple[Tensor, Tensor]]:
    """Endless batches: (songs * places, context * dim) inputs and (songs * places, dim) segments that follow them."""
    rng = np.random.default_rng(settings.seed)
    while True:
        inputs, played = [], []
        for number in rng.integers(len(pairs), size=settings.songs):
            places = rng.choice(pairs[number].places, settings.places, replace=False)
            inputs.append(context_before(pairs[number], places, settings.context))
            played.append(pairs[number].played[places].astype(np.float32))
        yield torch.from_numpy(np.concatenate(inputs)), torch.from_numpy(np.concatenate(played))


def train(pairs: list[Pair], settings: ProxyTraining, log: Log | None = None) -> Towers:
    """Learn from pairs of parts; the loss is logged every LOG_EVERY steps."""
    torch.manual_seed(settings.seed)
    towers, began = Towers(pairs[0].input.shape[1], settings), time.monotonic()
    optimizer = torch.optim.AdamW(towers.parameters(), settings.rate, weight_decay=settings.decay)
    warmup = max(1, settings.steps // 10)
    for step, (inputs, played) in zip(range(settings.steps), batches(pairs, settings), strict=False):
        set_rate(optimizer, settings.rate * cosine(step, step / settings.steps, warmup=warmup))
        loss = loss_of(towers(inputs, played), settings)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if log and step % LOG_EVERY_STEPS == LOG_EVERY_STEPS - 1:
            log.write(step + 1, time.monotonic() - began, {"loss": float(loss.detach())})
    return towers


def loss_of(scores: Tensor, settings: ProxyTraining) -> Tensor:
    """Cross-entropy of the partner of each place, by scores (songs * places, songs * places): among the places of its
    own song and, weighted by `among`, among all."""
    own = torch.arange(settings.places).repeat(settings.songs)
    blocks = scores.view(settings.songs, settings.places, settings.songs, settings.places)
    within = blocks[torch.arange(settings.songs), :, torch.arange(settings.songs)].reshape(len(own), -1)
    return F.cross_entropy(within, own) + settings.among * F.cross_entropy(scores, torch.arange(len(scores)))


@torch.no_grad()
def accuracy(towers: Towers, pairs: list[Pair], settings: ProxyTraining, cases: int = 4000) -> dict[str, float]:
    """How often the true segment scores best among 3 and among 15 others of its song; by chance 0.25 and 0.0625."""
    rng, ranks = np.random.default_rng(settings.seed), []
    for number in rng.integers(len(pairs), size=cases):
        pair = pairs[number]
        true = rng.choice(pair.places)
        far = pair.places[np.abs(pair.places - true) > MIN_DISTANCE_HOPS]
        segments = pair.played[[true, *rng.choice(far, OTHER_SEGMENTS, replace=False)]].astype(np.float32)
        inputs = context_before(pair, np.array([true]), settings.context)
        scores = towers(torch.from_numpy(inputs), torch.from_numpy(segments))[0].numpy()
        ranks.append(scores[1:] >= scores[0])
    better = np.array(ranks)
    return {
        "of 4": round(float((~better[:, :3].any(1)).mean()), 4),
        f"of {1 + OTHER_SEGMENTS}": round(float((~better.any(1)).mean()), 4),
    }


def fit(data: list[Path], out: Path, resume: bool, settings: ProxyTraining) -> dict:
    """Train the proxy of each hop length of MODEL, replacing those there; returns {name: {split: accuracies}}."""
    report = {}
    (out / "proxy").mkdir(parents=True, exist_ok=True)
    for hop, units in json.loads((out / "model.json").read_text())["hops"].items():
        name = file_stem(units, float(hop))
        alphabet = Alphabet.load(out / "units" / f"{name}.safetensors")
        songs = read_features(data, "train", float(hop))
        if not songs:
            raise TrainError(f"no features below {data[0]}: make them with  antiphon train units DATA -o UNITS")
        drawn = [features[sounds][::7].astype(np.float32) for song in songs for features, sounds in song.values()]
        mean, scale = np.concatenate(drawn).mean(0), np.concatenate(drawn).std(0) + 1e-3
        towers = train(pairs_of(songs, mean, scale, settings), settings, Log(data[0]))
        proxy = proxy_of(towers, mean, scale, alphabet.hash)
        write_files(out / "proxy", {f"{name}.safetensors": proxy.to_bytes()})
        report[name] = {
            split: accuracy(towers, evaluated, settings)
            for split in ("validation", "test")
            if (evaluated := pairs_of(read_features(data, split, float(hop)), mean, scale, settings))
        }
    return report


def proxy_of(towers: Towers, mean: np.ndarray, scale: np.ndarray, alphabet: str) -> Proxy:
    """The towers as a proxy for raw features, with mean and scale folded into the weights."""
    inputs, segment = (side.weight.detach().numpy().T for side in (towers.input, towers.segment))
    scales = np.tile(scale, len(inputs) // len(scale))
    return Proxy(
        mean.astype(np.float32),
        inputs / scales[:, None],
        towers.input.bias.detach().numpy(),
        segment / scale[:, None],
        towers.segment.bias.detach().numpy(),
        alphabet,
    )


def main(argv: list[str] | None = None) -> None:
    """Command line of this recipe."""
    command_line.recipe(__doc__ or "", ProxyTraining, fit, argv)


if __name__ == "__main__":
    command_line.run(main)
