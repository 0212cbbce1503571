"""Train the decision model on cached tokens.

    python -m train.fit_decision TOKENS -o DIR [--resume] [--preset paper] [--steps N] [--minutes M] [--seed N] ...
    torchrun --nproc-per-node N -m train.fit_decision ...                   on N GPUs (train/common/ranks.py)

DIR gets decision.json + decision.safetensors (the best so far on the validation songs, as `Decision.load` reads it),
checkpoint.safetensors (the newest weights and the optimizer, with the step and settings in its header) and log.jsonl.

Differences to the paper (Bujard et al. 2025, §5.2), most of which --preset paper undoes:
- the mask over the input is drawn per batch, none or live 1, 2, 4 hops behind, so one model serves files and live play;
- some crops are one window long, as in the evaluation, some two, where the window slides past the start symbol;
- in most batches the history is the model's own: rolled out autoregressively, as it will play, under each constraint in
  turn. Scheduled sampling (Bengio et al. 2015) in one parallel pass draws from predictions on the true history, and
  such labels are nearly the truth: a model trained so relies on its own last label more than on the input;
- on its own history a calibrated model has a high entropy over units, which sampling makes costly: a bounded loss
  sharpens units, not rests;
- the best checkpoint is the one with the highest TPP on its own history where B sounds: more rests raise TPP elsewhere;
- where the token cache has features (train.data.hearing), the input has features too, and the query is trained with the
  labels: its score of the true next segment of B against other segments of the crop and of other crops;
- histories are dropped, label by label or whole: a part depends more on its own past than on its partner, and a model
  that always has the past does not learn to use the input;
- AdamW, warm-up, cosine, dropout and random replacement of input labels, against overfitting to a few hundred songs.

All randomness of step n comes from (seed, n). Hence a resumed run ends with the weights of an uninterrupted one (except
with `minutes`, where the clock sets the learning rate, and with a pool of several batches, which begins anew). Several
processes, and the parts of a batch with `accumulate`, draw the same batch and history and each learn from their rows of
it: but for dropout, whose masks differ, they learn what one process learns from the whole.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from corpora.whole_files import write_files
from decision.attributes import Asked
from decision.heard import EXTRA_DIM
from decision.model import PAPER, SMALL, Decision, DecisionConfig
from decision.sampling import CONSTRAINTS
from train.common import command_line
from train.common.errors import TrainError
from train.common.ranks import Ranks
from train.common.run import Run, refuse_to_overwrite, settings_of
from train.common.schedule import cosine, set_rate
from train.common.settings import setting
from train.data import hearing, token_pairs
from train.data.token_pairs import Crop, Song

SIZES = {"small": SMALL, "paper": PAPER}
MASK_SHARES = {1: 9 / 13, 2: 2 / 13, 4: 2 / 13}  # lookahead of a mask over the input -> share; 1 hop is live play
REPORTED_LOOKAHEADS: dict[str, int | None] = {"full": None, "live": 1}
ALIKE_PRODUCT = 0.98  # inner product of two keys above which their segments count as the same
KEY_NOISE_STD = 0.03  # noise on the keys of the input, for encoders err
LEVEL_STD = 0.3  # level offset of a crop: 6 dB
BEATLESS_SHARE = 0.4  # share of the crops that lose the phase of the beat


class Batch(NamedTuple):
    """n crops. input, played (n, T) int64 labels of A and B. features (n, T, feature dim) of A and keys (n, T, key dim)
    of B, float32; None where the cache has no features."""

    input: Tensor
    played: Tensor
    features: Tensor | None
    keys: Tensor | None

    def rows(self, which: slice | Tensor) -> Batch:
        """Some of the crops."""
        features, keys = (None if part is None else part[which] for part in self[2:])
        return Batch(self.input[which], self.played[which], features, keys)


@dataclass(frozen=True)
class DecisionTraining:
    """Settings of this recipe; each is a flag, and they are saved with a run."""

    size: str = setting("small", f"size of the model: {' or '.join(SIZES)}, or '' for that of `start`, window and all")
    steps: int = setting(20000, "updates, at most", may_change=True)
    minutes: float = setting(
        0.0, "minutes of learning, at most; 0: no limit; the rate falls with whichever comes first", may_change=True
    )
    seed: int = setting(0, "of weights, crops and histories")
    start: str = setting("", "folder of a model whose weights to begin with, for fine-tuning")
    renamed: bool = setting(
        False, "go on from `start` though these tokens have another alphabet, made like the one of it"
    )
    layers: int = setting(0, "newest layers that learn in fine-tuning, with the heads; 0: everything learns")
    window: float = setting(15.0, "s seen back, and ahead offline")
    batch: int = setting(32, "crops of one window per step; half as many of two windows")
    rate: float = setting(5e-4, "highest learning rate of AdamW")
    warmup: int = setting(200, "steps until the rate is highest")
    decay: float = setting(0.1, "of the weights, decoupled")
    clip: float = setting(1.0, "highest norm of the gradient")
    dropout: float = setting(0.15, "share of activations that are dropped")
    smoothing: float = setting(0.02, "of the targets")
    bound: float = setting(
        0.5, "q of the loss (1 - p^q) / q of the units (Zhang & Sabuncu 2018): what none could foresee counts less"
    )
    noise: float = setting(0.05, "share of the input's labels that are replaced at random")
    transposed: float = setting(1.0, "share of the crops that are transposed, where the alphabet allows")
    long: float = setting(0.25, "share of the batches whose crops are two windows long")
    own: float = setting(1.0, "highest chance that a label of the history is the model's own")
    own_rise: float = setting(10.0, "how fast that chance rises, own * (1 - exp(-own_rise * share of the run))")
    own_share: float = setting(0.85, "share of the batches with such a history; the others have the true one")
    own_top_p: float = setting(0.8, "nucleus that the model's own history is drawn from")
    pool: int = setting(
        1, "batches whose histories are rolled out at once: more are quicker on a GPU, and some steps old when used"
    )
    forget: float = setting(0.2, "share of the crops whose whole history is dropped")
    forget_some: float = setting(0.1, "share of the labels of the other histories that are dropped")
    query: float = setting(0.5, "weight of the loss of the query")
    others: int = setting(256, "segments of other crops that the true one is told from")
    recordings: str = setting("real", "how the names of recordings begin in the token cache")
    recorded: float = setting(0.3, "share of the crops from recordings, where there are any")
    best: str = setting(
        "tpp",
        "checkpoint kept: most hits on its own history where B sounds (tpp), lowest cross-entropy (ce), last (last)",
    )
    evaluate: int = setting(250, "steps between two validations")
    crops: int = setting(256, "crops of one window to validate on")
    masked: float = setting(0.65, "share of the batches that hear A as live play does; the others hear all of it")
    floor: float = setting(0.02, "share of the highest rate that is left at the end")
    decoupled: bool = setting(True, "AdamW, whose decay is decoupled; false: Adam, as in the paper")
    accumulate: int = setting(
        1, "parts in which each process learns from its share of a batch, for less memory", may_change=True
    )
    patience: int = setting(0, "validations without a new best after which to stop; 0: never", may_change=True)
    save: float = setting(120.0, "s between two checkpoints", may_change=True)
    precision: str = setting("auto", "float32, bfloat16, or auto: bfloat16 where the hardware has it")
    device: str = setting("auto", "cpu, cuda or auto", may_change=True)

    PRESETS: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "paper": {  # Bujard et al. (2025), §5.2; what it does not say is as in ours
            "size": "paper", "batch": 24, "rate": 1e-6, "warmup": 0, "floor": 1.0, "decay": 1e-5, "decoupled": False,
            "dropout": 0.1, "smoothing": 0.0, "bound": 0.0, "noise": 0.0, "long": 0.0, "own_share": 1.0, "forget": 0.0,
            "forget_some": 0.0, "query": 0.0, "masked": 0.0, "best": "ce", "steps": 1_000_000, "patience": 20,
        }
    }  # fmt: skip

    def __post_init__(self) -> None:
        if self.size not in SIZES and (self.size or not self.start):
            raise TrainError(f"size = {self.size!r}: expected {' or '.join(SIZES)}")
        if self.precision not in ("auto", "float32", "bfloat16"):
            raise TrainError(f"precision = {self.precision!r}: expected auto, float32 or bfloat16")
        if min(self.steps, self.batch, self.evaluate, self.crops, self.pool, self.accumulate) < 1:
            raise TrainError("steps, batch, evaluate, crops, pool and accumulate must be 1 or more")
        if self.best not in ("tpp", "ce", "last"):
            raise TrainError(f"best = {self.best!r}: expected tpp, ce or last")
        shares = self.own, self.own_share, self.own_top_p, self.long, self.bound, self.masked, self.transposed
        if not (0 <= self.noise < 1 and 0 <= self.smoothing < 1 and all(0 <= share <= 1 for share in shares)):
            raise TrainError(
                "noise, smoothing, long, own, own_share, own_top_p, bound, masked and transposed are shares: "
                "expected 0 to 1"
            )


def fit(data: list[Path], out: Path, resume: bool, settings: DecisionTraining | None = None) -> dict[str, Any]:
    """Train on one token cache and leave the best model in `out`; returns its card (steps, data, scores).

    data: the cache, or a folder with one. settings: None: those saved in `out`, else the defaults. TrainError,
    DecisionError.
    """
    if len(data) != 1:
        raise TrainError(f"{len(data)} token caches: the decision model learns from one, give one")
    refuse_to_overwrite(out, resume)
    settings = settings or settings_of(DecisionTraining, out, resume)
    return _Trainer(data[0], out, settings, resume).train()


class _Trainer:
    """Data, model, optimizer and run of one session."""

    def __init__(self, source: Path, out: Path, settings: DecisionTraining, resume: bool):
        cache = token_pairs.load(source)
        self.cache, self.s = cache, settings
        self.songs, self.validation_songs = cache.split_for_training()
        known = hearing.load(token_pairs.find_cache(source).parent, cache.hop, cache.alphabet)
        self.features: Mapping[str, np.ndarray] = known[0] if known else {}
        centroids = known[1] if known else None
        self.weights = song_weights(self.songs, settings.recordings, settings.recorded)
        self.ranks = Ranks(settings.device)
        self.device = self.ranks.device
        fewest, parts = max(1, settings.batch // (1 + (settings.long > 0))), self.ranks.count * settings.accumulate
        if fewest < parts:
            raise TrainError(f"batch = {settings.batch}: {fewest} crops are too few for {parts} parts: give more")
        self.precision = torch.bfloat16 if _use_bfloat16(settings.precision, self.device) else torch.float32
        shape = dict(SIZES[settings.size]) if settings.size else _shape(settings.start)
        self.window = shape.pop("window", math.ceil(settings.window / cache.hop - 1e-6))
        torch.manual_seed(settings.seed)
        config = DecisionConfig(
            units=cache.units,
            hop=cache.hop,
            window=self.window,
            dropout=settings.dropout,
            alphabet=cache.alphabet,
            lookaheads=tuple(MASK_SHARES) if settings.masked else (),
            key_dim=0 if centroids is None else centroids.shape[1],
            extra_dim=0 if centroids is None else EXTRA_DIM,
            **shape,
        )
        self.model = _begin(config, settings.start, settings.renamed)
        if centroids is not None:
            self.model.set_centroids(centroids)
        self.model.to(self.device)
        if settings.layers:
            _hold_all_but(self.model, settings.layers)
        kind = torch.optim.AdamW if settings.decoupled else torch.optim.Adam
        self.optimizer = kind(_groups(self.model, settings.decay), lr=settings.rate, fused=True)
        rng = np.random.default_rng(settings.seed)
        self.valid = self._draw(self.validation_songs, self.window, settings.crops, rng)
        played = self.valid.played.cpu().numpy()
        self.baselines = token_pairs.baseline_cross_entropies(self.songs, played, config.vocab)
        facts = {"units": config.units, "hop": config.hop, "window": config.window, "alphabet": config.alphabet}
        self.run = Run(
            out, settings, self.model, self.optimizer, resume,
            facts=facts, save_every=settings.save, ranks=self.ranks,
        )  # fmt: skip
        self.prepared: list[tuple[Batch, Tensor, int | None]] = []
        self.best = {"value": math.inf, "step": 0, "scores": {}} | self.run.state.get("best", {})

    def train(self) -> dict[str, Any]:
        """Train until the limit of steps, minutes or patience; returns the card of the best model."""
        run, s = self.run, self.s
        losses = [torch.tensor(loss, device=self.device) for loss in run.state.get("losses", [])]
        run.state["losses"] = losses  # since the last validation
        if s.start and not run.step:
            self._validate(0)  # what learning makes worse is not kept
        while self._share() < 1 and not self._out_of_patience():
            with run.clock():
                losses.append(self._update())
            ends = run.step + 1 >= s.steps or self._share() >= 1
            if (run.step + 1) % s.evaluate == 0 or ends:
                scores = {"loss": float(torch.stack(losses).mean()), **self._validate(run.step + 1)}
                losses.clear()
                run.tick(scores=scores)
            else:
                run.tick()
        run.save()
        return self._card(run.step)

    def _share(self) -> float:
        return self.run.share(self.s.minutes, self.s.steps)

    def _update(self) -> Tensor:
        """One step of the optimizer; returns the loss, nats per label, on the device, so that nothing waits for it."""
        s, step, model = self.s, self.run.step, self.model
        if not self.prepared:
            self.prepared = self._prepare(np.random.default_rng((s.seed, step)))
        batch, history, lookahead = self.prepared.pop()
        set_rate(self.optimizer, s.rate * cosine(step, self._share(), warmup=s.warmup, floor=s.floor))
        model.train()
        with self._autocast():
            history = forgotten(history, s.forget, s.forget_some, model.config.start)
        self.optimizer.zero_grad()
        loss = self.ranks.mean(self._learn(batch, history, lookahead))
        self.ranks.mean_gradients(model)
        torch.nn.utils.clip_grad_norm_(model.parameters(), s.clip)
        self.optimizer.step()
        return loss

    def _learn(self, batch: Batch, history: Tensor, lookahead: int | None) -> Tensor:
        """Add to the gradients what this process learns from its rows of a batch; returns its share of the loss.

        A part counts by its rows, or hops at which B sounds, times the number of processes, so that the mean over all
        processes is the loss of the whole batch.
        """
        s, ranks, silence = self.s, self.ranks, self.cache.units
        parts = ranks.parts(len(history), s.accumulate)
        alone = parts == [slice(0, len(history))]
        others = None if alone else draw_others(batch, s.others)
        losses = []
        with nullcontext() if alone else ranks.own_randomness(s.seed + self.run.step):
            for rows in parts:
                part = batch.rows(rows)
                with self._autocast():
                    logits, query = self.model.both_heads(part.input, history[rows], lookahead, features=part.features)
                loss = bounded_nats(logits.float().flatten(0, 1), part.played.flatten(), s.bound, s.smoothing)
                loss = loss * (ranks.count * len(part.played) / len(history))
                if part.keys is not None:
                    drawn = others or draw_others(batch, s.others)
                    asked = query_nats(query.float(), logits.detach().float(), part, drawn)
                    share = (part.played != silence).sum() / (batch.played != silence).sum()
                    loss = loss + s.query * asked * (ranks.count * share)
                loss.backward()
                losses.append(loss.detach())
        return torch.stack(losses).sum()

    def _prepare(self, rng: np.random.Generator) -> list[tuple[Batch, Tensor, int | None]]:
        """`pool` batches, each with its history (n, T) and the lookahead of its mask."""
        s, model = self.s, self.model
        torch.manual_seed(int(rng.integers(2**63)))
        long = rng.random() < s.long
        count = max(1, s.batch // (1 + long))
        drawn = self._crops(self.window * (1 + long), count * s.pool, rng)
        masks = {None: 1 - s.masked} | {k: s.masked * share for k, share in MASK_SHARES.items()}
        lookahead = list(masks)[rng.choice(len(masks), p=list(masks.values()))]
        input = replace_some(drawn.input, s.noise, model.config.vocab)
        batch = drawn._replace(input=input, features=disturbed(drawn.features))
        history, own = batch.played, s.own * (1 - math.exp(-s.own_rise * self._share()))
        if rng.random() < s.own_share and own > 0:
            model.eval()
            constraint = CONSTRAINTS[self.run.step // s.pool % 3]
            rows = self._own_rows(count)
            with self._autocast():
                rolled = roll_out(model, batch, lookahead, own, constraint, s.own_top_p, rng, rows)
            history = rolled if rows is None else history.index_copy(0, rows, rolled)
        columns = [[None] * s.pool if part is None else part.split(count) for part in batch]
        batches = [Batch(*parts) for parts in zip(*columns, strict=True)]
        return [(each, past, lookahead) for each, past in zip(batches, history.split(count), strict=True)]

    def _own_rows(self, count: int) -> Tensor | None:
        """(n,) rows that this process learns from, of `pool` batches of `count` rows, one after another; None: all."""
        if self.ranks.count == 1:
            return None
        (own,) = self.ranks.parts(count)
        return torch.cat([torch.arange(own.start, own.stop) + n * count for n in range(self.s.pool)]).to(self.device)

    def _autocast(self) -> AbstractContextManager[None]:
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.precision == torch.bfloat16)

    def _crops(self, length: int, count: int, rng: np.random.Generator) -> Batch:
        """Crops of the training songs, A and B of a share of them transposed by the same random interval where the
        alphabet allows."""
        batch = self._draw(self.songs, length, count, rng, self.weights)
        if not self.cache.shapes:
            return batch
        drawn = rng.integers(0, 12, (count, 1))
        if self.s.transposed < 1:
            drawn *= rng.random((count, 1)) < self.s.transposed
        return transposed(batch, torch.from_numpy(drawn).to(self.device), self.cache.shapes, self.model.config.key_dim)

    def _draw(
        self,
        songs: list[Song],
        length: int,
        count: int,
        rng: np.random.Generator,
        weights: np.ndarray | None = None,
    ) -> Batch:
        crops = token_pairs.pick_crops(songs, length, count, rng, self.cache.units, weights)
        return batch_of(crops, length, self.features, self.model.config.key_dim, self.cache.units, self.device)

    def _validate(self, step: int) -> dict[str, float]:
        """Score the validation crops after so many steps; save the model if it is the best so far."""
        scores: dict[str, float] = {}
        with self.run.clock(), self._autocast():
            if self.ranks.first:
                scores = evaluate(self.model, self.valid)
                scores |= free_running(self.model, self.valid, self.s.own_top_p)
        kind, sign = ("_sounding", -1) if self.s.best == "tpp" else ("_ce", 1)
        counted = [sign * value for name, value in scores.items() if name.endswith(kind) and "unpaired" not in name]
        (mean,) = self.ranks.of_first(sum(counted) / max(1, len(counted)))
        if mean < self.best["value"] or self.s.best == "last":
            self.best = {"value": mean, "step": step, "scores": scores}
            if self.ranks.first:
                write_files(self.run.out, self.model.files(self._card(step)))
        self.run.state["best"] = self.best
        return {**scores, "best_step": self.best["step"]}

    def _out_of_patience(self) -> bool:
        return self.s.patience > 0 and self.run.step - self.best["step"] >= self.s.patience * self.s.evaluate

    def _card(self, step: int) -> dict[str, Any]:
        """Steps, data, scores and settings of the best model, for decision.json."""
        stems = [labels for song in self.songs for labels in song.values()]
        return {
            "steps": step,
            "best_step": self.best["step"],
            "seconds": round(self.run.spent, 1),
            "data": {
                "songs": len(self.songs),
                "stems": len(stems),
                "hours": round(sum(map(len, stems)) * self.cache.hop / 3600, 2),
                "validation_songs": len(self.validation_songs),
            },
            "scores": {"validation": self.best["scores"], "baselines": self.baselines, "crops": self.s.crops},
            "precision": str(self.precision).removeprefix("torch."),
            "settings": asdict(self.s) | {"start": Path(self.s.start).name},
        }


def batch_of(
    crops: list[Crop],
    length: int,
    features: Mapping[str, np.ndarray],
    key_dim: int,
    silence: int,
    device: torch.device | str = "cpu",
) -> Batch:
    """The batch of crops of `length` labels. features: of all stems, see train.data.hearing; empty: not known."""

    def labels_of(parts: list[str]) -> Tensor:
        rows = [crop.song[part][crop.begin : crop.begin + length] for crop, part in zip(crops, parts, strict=True)]
        return torch.from_numpy(np.array(rows, np.int64)).to(device)

    def features_of(parts: list[str]) -> Tensor:
        stems = [f"{crop.song.name}/{part}" for crop, part in zip(crops, parts, strict=True)]
        rows = [features[stem][crop.begin : crop.begin + length] for stem, crop in zip(stems, crops, strict=True)]
        return torch.from_numpy(np.stack(rows)).to(device).float()

    inputs, outputs = [crop.input for crop in crops], [crop.played for crop in crops]
    heard, played = labels_of(inputs), labels_of(outputs)
    if not features:
        return Batch(heard, played, None, None)
    known = features_of(inputs)
    known[..., :key_dim] *= (heard != silence)[..., None]  # silence has no key
    return Batch(heard, played, known, features_of(outputs)[..., :key_dim])


def transposed(batch: Batch, semitones: Tensor, shapes: int, key_dim: int) -> Batch:
    """A batch in other keys; semitones (n, 1). shapes: of the alphabet, see `token_pairs.Tokens`."""
    input, played = (transposed_labels(part, semitones, shapes) for part in batch[:2])
    features, keys = (part if part is None else transposed_keys(part, semitones, key_dim) for part in batch[2:])
    return Batch(input, played, features, keys)


@torch.no_grad()
def evaluate(model: Decision, batch: Batch) -> dict[str, float]:
    """Teacher-forced scores of crops: cross-entropy (nats per label) and top-1 accuracy.

    "full_ce", "full_top1": the whole input; "live_*": the input up to the hop before; "unpaired_*": live, the input of
    another crop, where a model that uses its input is worse; "*_query": nats of the true segment among those of the
    crop.
    """
    model.eval()
    asked: dict[str, tuple[Batch, int | None]] = {
        name: (batch, lookahead) for name, lookahead in REPORTED_LOOKAHEADS.items()
    }
    asked["unpaired"] = another_input(batch), 1
    scores = {}
    for name, (given, lookahead) in asked.items():
        logits, query = model.both_heads(given.input, given.played, lookahead, features=given.features)
        logits = logits.float()
        scores[f"{name}_ce"] = F.cross_entropy(logits.flatten(0, 1), given.played.flatten()).item()
        scores[f"{name}_top1"] = (logits.argmax(-1) == given.played).float().mean().item()
        if given.keys is not None:
            scores[f"{name}_query"] = query_nats(query.float(), logits, given, draw_others(given, 0)).item()
    return scores


def another_input(batch: Batch) -> Batch:
    """The crops, each with the input of the next one."""
    features = None if batch.features is None else batch.features.roll(1, 0)
    return batch._replace(input=batch.input.roll(1, 0), features=features)


@torch.no_grad()
def free_running(model: Decision, batch: Batch, top_p: float) -> dict[str, float]:
    """TPP, 0 to 100, of rollouts on the model's own history, by log key.

    "full_none_tpp", "live_require_tpp"...: for each of REPORTED_LOOKAHEADS and each constraint; "..._sounding": the
    same where B sounds; "full_silence", "live_silence": share of silence, unconstrained; "live_ghost": hops in 100 that
    change with the input of another crop.
    """
    model.eval()
    scores = {}
    for name, lookahead in REPORTED_LOOKAHEADS.items():
        for constraint in CONSTRAINTS:
            answer = _answer(model, batch, lookahead, constraint, top_p)
            right, sounds = answer == batch.played, batch.played != model.config.units
            scores[f"{name}_{constraint}_tpp"] = 100 * right.float().mean().item()
            scores[f"{name}_{constraint}_sounding"] = 100 * right[sounds].float().mean().item()
            if constraint == "none":
                scores[f"{name}_silence"] = (answer == model.config.units).float().mean().item()
    ghost = _answer(model, another_input(batch), 1, "require", top_p)
    scores["live_ghost"] = 100 * (ghost != answer).float().mean().item()
    return scores


def _answer(model: Decision, batch: Batch, lookahead: int | None, constraint: str, top_p: float) -> Tensor:
    """Labels (n, T), drawn with the same random numbers at every call, so that checkpoints are comparable."""
    return roll_out(model, batch, lookahead, 1.0, constraint, top_p, np.random.default_rng(0))


def roll_out(
    model: Decision,
    batch: Batch,
    lookahead: int | None,
    own: float,
    constraint: str,
    top_p: float,
    rng: np.random.Generator,
    rows: Tensor | None = None,
    asked: Asked | None = None,
) -> Tensor:
    """A history (n, T) as the model would play it. asked: what it is asked for, see `decision.attributes`.

    Each label is, with probability `own`, drawn by the model given this history so far, else that of B. Allowed are the
    labels of the crop of B. rows: only of these crops, with the random numbers that they have among all.
    """
    device = batch.played.device
    uniform = torch.from_numpy(rng.random(batch.played.shape)).to(device)
    mine = torch.from_numpy(rng.random(batch.played.shape) < own).to(device)
    if rows is not None:
        batch, uniform, mine = batch.rows(rows), uniform[rows], mine[rows]
    played = batch.played
    allowed = torch.zeros(len(played), model.config.vocab, dtype=torch.bool, device=device).scatter_(1, played, True)

    def choose(t: int, logits: Tensor) -> Tensor:
        drawn = draw(logits.double(), allowed, uniform[:, t], top_p, constraint)
        return torch.where(mine[:, t], drawn, played[:, t])

    return model.generate(batch.input, choose, lookahead, features=batch.features, asked=asked)


def draw(logits: Tensor, allowed: Tensor, uniform: Tensor, top_p: float, constraint: str) -> Tensor:
    """(n,) int64: `decision.sampling.sample_rows` on the device of the logits (n, vocab) float64.

    allowed (n, vocab) bool; uniform (n,): random numbers in [0, 1).
    """
    if constraint == "require":
        logits = logits.masked_fill(~allowed, -torch.inf)
    ranked, order = logits.softmax(-1).sort(dim=-1, descending=True, stable=True)
    nucleus = ranked > 0
    if top_p < 1:
        nucleus[:, 1:] &= ranked.cumsum(-1)[:, :-1] < top_p - 1e-12
    if constraint == "prefer":
        preferred = nucleus & allowed.gather(1, order)
        nucleus = torch.where(preferred.any(-1, keepdim=True), preferred, nucleus)
    total = (ranked * nucleus).cumsum(-1)
    rank = (total <= uniform[:, None] * total[:, -1:]).sum(-1)
    last = nucleus.shape[1] - 1 - nucleus.flip(1).int().argmax(1)  # rounding must not lead past it
    return order.gather(1, torch.minimum(rank, last)[:, None])[:, 0]


def draw_others(batch: Batch, count: int) -> tuple[Tensor, Tensor] | None:
    """(keys (count, key dim), labels (count,)) of segments drawn from all crops; None where there are no keys."""
    if batch.keys is None:
        return None
    drawn = torch.randint(batch.played.numel(), (count,), device=batch.played.device)
    return batch.keys.flatten(0, 1)[drawn], batch.played.flatten()[drawn]


def query_nats(query: Tensor, logits: Tensor, batch: Batch, others: tuple[Tensor, Tensor] | None) -> Tensor:
    """Cross-entropy of the true segments by q . k + log p(label), in nats per hop at which B sounds.

    query (n, T, key dim), logits (n, T, vocab). The candidates are the other segments of its crop that are not silent,
    and `others`, of `draw_others`, without those alike (ALIKE_PRODUCT).
    """
    assert batch.keys is not None and others is not None
    silence, log_p = logits.shape[-1] - 1, logits.log_softmax(-1)
    active, (other_keys, other_labels) = batch.played != silence, others
    inside = query @ batch.keys.transpose(1, 2) + log_p.gather(2, batch.played[:, None].expand(-1, len(query[0]), -1))
    outside = query @ other_keys.T + log_p[..., other_labels]
    itself = torch.eye(query.shape[1], dtype=torch.bool, device=query.device)
    alike = (batch.keys @ batch.keys.transpose(1, 2) > ALIKE_PRODUCT) & ~itself
    alike_outside = batch.keys @ other_keys.T > ALIKE_PRODUCT
    inside = inside.masked_fill(alike | ~active[:, None], -torch.inf)
    outside = outside.masked_fill(alike_outside | (other_labels == silence), -torch.inf)
    scores = torch.cat([inside, outside], -1)[active]
    truth = torch.arange(query.shape[1], device=query.device).expand(len(query), -1)[active]
    return F.cross_entropy(scores, truth)


def forgotten(history: Tensor, whole: float, some: float, start: int) -> Tensor:
    """A history (n, T) with labels replaced by the start symbol: all of them in a share `whole` of the rows, else a
    share `some` of them."""
    dropped = torch.rand(history.shape, device=history.device) < some
    dropped |= torch.rand(len(history), 1, device=history.device) < whole
    return history.masked_fill(dropped, start)


def disturbed(features: Tensor | None) -> Tensor | None:
    """Features (n, T, dim) with noise on the keys, another level, and no beat in BEATLESS_SHARE of the crops."""
    if features is None:
        return None
    moved, count, device = features.clone(), len(features), features.device
    keys = moved[..., :-EXTRA_DIM]
    keys += KEY_NOISE_STD * torch.randn_like(keys) * (keys != 0)
    moved[..., -EXTRA_DIM] += LEVEL_STD * torch.randn(count, 1, device=device)
    moved[..., 1 - EXTRA_DIM :] *= (torch.rand(count, 1, 1, device=device) >= BEATLESS_SHARE).float()
    return moved


def transposed_labels(labels: Tensor, semitones: Tensor, shapes: int) -> Tensor:
    """`token_pairs.transpose` on the device of the labels (n, T); semitones (n, 1)."""
    return torch.where(labels < 12 * shapes, labels // 12 * 12 + (labels + semitones) % 12, labels)


def transposed_keys(features: Tensor, semitones: Tensor, key_dim: int) -> Tensor:
    """Features (n, T, dim) of the transposed music: each block of 12 pitch classes in the key is rotated.

    semitones (n, 1).
    """
    blocks = features[..., :key_dim].unflatten(-1, (-1, 12))
    source = (torch.arange(12, device=features.device) - semitones) % 12  # (n, 12)
    turned = blocks.gather(-1, source[:, None, None].expand_as(blocks))
    return torch.cat([turned.flatten(-2), features[..., key_dim:]], -1)


def song_weights(songs: list[Song], recordings: str, share: float) -> np.ndarray | None:
    """Probability of each song: those whose names begin with `recordings` have `share` in sum; None, uniform, without
    recordings or without others."""
    recorded = np.array([song.name.split("/")[-1].startswith(recordings) for song in songs])
    if not recorded.any() or recorded.all():
        return None
    return np.where(recorded, share / recorded.sum(), (1 - share) / (~recorded).sum())


def _groups(model: Decision, decay: float) -> list[dict[str, Any]]:
    """Parameter groups of AdamW: matrices decay; gains, offsets, embeddings and the null key do not."""
    matrices = {id(m.weight) for m in model.modules() if isinstance(m, torch.nn.Linear)}
    learning = [p for p in model.parameters() if p.requires_grad]
    decayed = [p for p in learning if id(p) in matrices]
    others = [p for p in learning if id(p) not in matrices]
    return [{"params": decayed, "weight_decay": decay}, {"params": others, "weight_decay": 0.0}]


def _shape(start: str) -> dict[str, int]:
    """The sizes of a saved model, and its window in labels."""
    config = Decision.load(start).config
    return {name: getattr(config, name) for name in (*SMALL, "window")}


def _begin(config: DecisionConfig, start: str, renamed: bool) -> Decision:
    """A new model or, for fine-tuning, one with the weights of the model in `start`.

    renamed: of another alphabet, whose labels these are like. TrainError where it does not fit.
    """
    model = Decision(config)
    if start:
        old = Decision.load(start)
        old.check(old.config.alphabet if renamed else config.alphabet, config.hop)
        try:
            model.load_state_dict(old.state_dict())
        except RuntimeError:
            raise TrainError(f"the model in {start} has another size: give the --size it was made with") from None
    return model


def _hold_all_but(model: Decision, layers: int) -> None:
    """Let only the newest layers learn, and what follows them."""
    model.requires_grad_(False)
    for part in (*model.blocks[-layers:], model.norm, model.head):
        part.requires_grad_(True)


def bounded_nats(logits: Tensor, labels: Tensor, bound: float, smoothing: float = 0.0) -> Tensor:
    """Loss of logits (n, vocab) for labels (n,): cross-entropy of silence or not, plus (1 - p^q) / q of the unit.

    q = `bound`; at q = 0 the sum is the cross-entropy. The optimum of the second term is that of the cross-entropy at a
    temperature of 1 - q. Silence is not part of it: as the commonest label it would dominate.
    """
    silence = logits.shape[1] - 1
    rests, log_p = labels == silence, F.log_softmax(logits, -1)
    whether = -torch.where(rests, log_p[:, silence], log_p[:, :silence].logsumexp(-1))
    units = labels.clamp(max=silence - 1)
    which = F.cross_entropy(logits[:, :silence], units, label_smoothing=smoothing, reduction="none")
    if bound:
        which = (1 - torch.exp(-bound * which)) / bound
    return (whether + which * ~rests).mean()


def replace_some(labels: Tensor, share: float, vocab: int) -> Tensor:
    """`labels`, a share of them replaced by random ones, as encoders err, and against overfitting."""
    chosen = torch.rand(labels.shape, device=labels.device) < share
    return torch.where(chosen, torch.randint_like(labels, vocab), labels)


def _use_bfloat16(precision: str, device: torch.device) -> bool:
    """On a GPU, and on CPUs that multiply bfloat16 (AVX-512 BF16: 1.5 x per step); elsewhere it is emulated."""
    if precision == "auto":
        return device.type == "cuda" or torch.cpu._is_avx512_bf16_supported()
    return precision == "bfloat16"


def main(argv: list[str] | None = None) -> None:
    """Command line of this recipe; prints the scores of the best model."""

    def scores(data: list[Path], out: Path, resume: bool, settings: DecisionTraining) -> dict[str, Any]:
        return {"out": str(out), **fit(data, out, resume, settings)["scores"]}

    command_line.recipe(__doc__ or "", DecisionTraining, scores, argv)


if __name__ == "__main__":
    command_line.run(main)
