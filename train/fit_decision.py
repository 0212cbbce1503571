"""Train the decision model on cached tokens.

    python -m train.fit_decision TOKENS -o DIR [--resume] [--size small|paper] [--steps N] [--minutes M] [--seed N] ...

DIR gets decision.json + decision.safetensors (the best so far on the validation songs; what `Decision.load` reads),
checkpoint.safetensors (the newest weights, the optimizer, and where we are, in its header) and log.jsonl.

What differs from the paper (Bujard et al. 2025, §5.2), and why:
- the mask over what is heard is drawn per batch, all or live 1, 2, 4 hops behind, so one model serves file and stage;
- some crops are one window long, as in the evaluation, some are two: the window slides past the start symbol;
- in most batches the history is the model's own: rolled out label after label, as it will play, under each constraint
  in turn. Scheduled sampling (Bengio et al. 2015) in one parallel pass draws from predictions on the true history, and
  such labels are nearly the truth: a model so trained trusts its own last label more than what it hears;
- on its own history a calibrated model is so unsure of the unit that drawing wastes what it knows: a bounded loss makes
  it surer of units, not of rests;
- the best checkpoint is the one that hits most when it plays on its own, where there is something to hit: resting more
  raises TPP and teaches nothing;
- AdamW, warm-up, cosine, dropout, and labels misheard at random: a few hundred songs are soon known by heart.

All randomness of step n comes from (seed, n) alone. Hence an interrupted run that resumes ends with the weights of one
that was never interrupted. (Not with `minutes`, where the clock sets the learning rate.)
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as save_tensors
from torch import Tensor

from decision.model import PAPER, SMALL, Decision, DecisionConfig, DecisionError, write_atomic
from decision.sampling import CONSTRAINTS, sample_rows
from train.common.errors import TrainError
from train.data import token_pairs
from train.data.token_pairs import Song, Tokens

SIZES = {"small": SMALL, "paper": PAPER}
# Masks over what is heard and how often: None is everything, else hops behind. One hop behind is how it will play.
MASKS: dict[int | None, float] = {None: 0.35, 1: 0.45, 2: 0.1, 4: 0.1}
REPORTED: dict[str, int | None] = {"full": None, "live": 1}
CHECKPOINT = "checkpoint.safetensors"


@dataclass(frozen=True)
class Settings:
    """Of one run. Each field is a flag of the same name."""

    size: str = "small"  # small or paper
    steps: int = 20000  # at most
    minutes: float = 0.0  # at most, by the clock; 0 = no limit; the learning rate ends with whichever comes first
    seed: int = 0
    start: str = ""  # folder of a model whose weights to begin with: fine-tuning
    window: float = 15.0  # s seen back, and ahead offline
    batch: int = 32  # crops of one window; half as many of two
    rate: float = 5e-4  # highest learning rate
    warmup: int = 200  # steps
    decay: float = 0.1  # of the weights, decoupled
    clip: float = 1.0  # norm of the gradient
    dropout: float = 0.15
    smoothing: float = 0.02  # of the targets
    bound: float = 0.5  # q of (1 - p^q) / q for the units (Zhang & Sabuncu 2018): what none could foresee counts less
    noise: float = 0.05  # share of heard labels misheard at random
    long: float = 0.25  # share of the batches whose crops are two windows long
    own: float = 1.0  # highest chance that a label of the history is the model's own
    own_rise: float = 10.0  # its growth, own * (1 - exp(-own_rise * progress)): exponential decay of the truth
    own_share: float = 0.85  # of the batches have such a history, the others the true one: its coherence is music too
    own_top_p: float = 0.8  # nucleus it is drawn from
    best: str = "tpp"  # checkpoint kept: most hits on its own history where B sounds (tpp), lowest cross-entropy (ce)
    evaluate: int = 250  # steps between validations
    crops: int = 256  # of one window, to validate on
    patience: int = 0  # validations without a new best after which to stop; 0 = never
    save: float = 120.0  # s between checkpoints
    precision: str = "auto"  # float32, bfloat16, or auto = bfloat16 where the hardware has it
    device: str = "auto"  # cpu, cuda or auto

    def __post_init__(self) -> None:
        if self.size not in SIZES:
            raise TrainError(f"size = {self.size!r}: expected {' or '.join(SIZES)}")
        if self.precision not in ("auto", "float32", "bfloat16"):
            raise TrainError(f"precision = {self.precision!r}: expected auto, float32 or bfloat16")
        if min(self.steps, self.batch, self.evaluate, self.crops) < 1:
            raise TrainError("steps, batch, evaluate and crops must be 1 or more")
        if self.best not in ("tpp", "ce"):
            raise TrainError(f"best = {self.best!r}: expected tpp or ce")
        shares = self.own, self.own_share, self.own_top_p, self.long, self.bound
        if not (0 <= self.noise < 1 and 0 <= self.smoothing < 1 and all(0 <= share <= 1 for share in shares)):
            raise TrainError("noise, smoothing, long, own, own_share, own_top_p and bound are shares: expected 0 to 1")


@dataclass
class Progress:
    """Where a run is; saved with every checkpoint."""

    step: int = 0
    seconds: float = 0.0  # spent so far, over all sessions
    best: float = math.inf  # lowest mean of the validation cross-entropies, nats per label, or of -TPP where B sounds
    best_step: int = 0
    scores: dict[str, float] = dataclasses.field(default_factory=dict)  # at the best step

    def share(self, s: Settings) -> float:
        """How much of the run is done, 0 to 1."""
        clock = self.seconds / (60 * s.minutes) if s.minutes else 0.0
        return min(1.0, max(self.step / s.steps, clock))


def fit(
    tokens: Path | str, out: Path | str, settings: Settings | None = None, *, resume: bool = False
) -> dict[str, Any]:
    """Train on a token cache and leave the best model in `out`; return its card (steps, data, scores).

    `resume` goes on from the checkpoint in `out`, with its settings unless others are given, or begins when there is
    none. TrainError, TrainError or DecisionError for what the user can mend.
    """
    out = Path(out)
    cache = token_pairs.load(tokens)
    saved = read_settings(out) if resume else None
    if not resume and (out / CHECKPOINT).exists():
        raise TrainError(f"{out} already holds a run: add --resume to go on, or name another folder")
    return _Run(cache, out, settings or saved or Settings()).work(resume=saved is not None)


class _Run:
    """One session of training: data, model, optimizer, place to write."""

    def __init__(self, cache: Tokens, out: Path, settings: Settings):
        self.cache, self.out, self.s = cache, out, settings
        self.songs, self.held = cache.split_for_training()
        self.device = torch.device(settings.device if settings.device != "auto" else _best_device())
        self.precision = torch.bfloat16 if _use_bfloat16(settings.precision, self.device) else torch.float32
        self.window = math.ceil(settings.window / cache.hop - 1e-6)
        torch.manual_seed(settings.seed)
        config = DecisionConfig(
            units=cache.units,
            hop=cache.hop,
            window=self.window,
            dropout=settings.dropout,
            alphabet=cache.alphabet,
            lookaheads=tuple(k for k in MASKS if k),
            **SIZES[settings.size],
        )
        self.model = _begin(config, settings.start).to(self.device)
        self.optimizer = torch.optim.AdamW(_groups(self.model, settings.decay), lr=settings.rate, fused=True)
        self.progress = Progress()
        rng = np.random.default_rng(settings.seed)
        self.valid = self._draw(self.held, self.window, settings.crops, rng)
        self.baselines = token_pairs.baselines(self.songs, self.valid[1].cpu().numpy(), config.vocab)

    def work(self, resume: bool) -> dict[str, Any]:
        """Train to the end, by steps, minutes or patience; the card of the best model."""
        self.out.mkdir(parents=True, exist_ok=True)
        if resume:
            self._restore()
        p, s, saved, losses = self.progress, self.s, time.monotonic(), []
        with _bar(s) as show:
            while p.share(s) < 1 and not self._worn_out():
                began = time.monotonic()
                losses.append(self._step())
                p.step += 1
                p.seconds += time.monotonic() - began
                done = p.share(s) >= 1
                if p.step % s.evaluate == 0 or done:
                    self._validate(float(torch.stack(losses).mean()))
                    losses = []
                if done or time.monotonic() - saved > s.save:
                    self._save()
                    saved = time.monotonic()
                show(p, losses)
        self._save()
        return self._card()

    def _step(self) -> Tensor:
        """One update; the loss, nats per label, left on the device so that nothing waits for it."""
        s, p, model = self.s, self.progress, self.model
        rng = np.random.default_rng((s.seed, p.step))
        torch.manual_seed(int(rng.integers(2**63)))
        long = rng.random() < s.long
        count = max(1, s.batch // (1 + long))
        heard, played = self._draw(self.songs, self.window * (1 + long), count, rng)
        if self.cache.shapes:  # the same music in any key: twelve times the data, and no key is the favourite
            semitones = rng.integers(0, 12, (count, 1))
            heard, played = (
                torch.from_numpy(token_pairs.transpose(part.cpu().numpy(), semitones, self.cache.shapes)).to(
                    part.device
                )
                for part in (heard, played)
            )
        lookahead = list(MASKS)[rng.choice(len(MASKS), p=list(MASKS.values()))]
        heard = _mishear(heard, s.noise, model.config.vocab)
        history, own = played, s.own * (1 - math.exp(-s.own_rise * p.share(s)))
        for group in self.optimizer.param_groups:
            group["lr"] = s.rate * min(1.0, (p.step + 1) / max(1, s.warmup)) * _cosine(p.share(s))
        if rng.random() < s.own_share and own > 0:
            model.eval()
            with self._autocast():
                history = roll_out(model, heard, played, lookahead, own, CONSTRAINTS[p.step % 3], s.own_top_p, rng)
        model.train()
        with self._autocast():
            logits = model(heard, history, lookahead)
        loss = bounded_nats(logits.float().flatten(0, 1), played.flatten(), s.bound, s.smoothing)
        self.optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), s.clip)
        self.optimizer.step()
        return loss.detach()

    def _autocast(self) -> torch.autocast:
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.precision == torch.bfloat16)

    def _draw(self, songs: list[Song], length: int, count: int, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        heard, played = token_pairs.draw(songs, length, count, rng, self.cache.units)
        return torch.from_numpy(heard).to(self.device), torch.from_numpy(played).to(self.device)

    def _validate(self, loss: float) -> None:
        """Score the held-out crops, log a line, keep the model if it is the best so far."""
        p, began = self.progress, time.monotonic()
        scores = evaluate(self.model, *self.valid)
        with self._autocast():
            scores |= free_running(self.model, *self.valid, self.s.own_top_p)
        p.seconds += time.monotonic() - began
        kind, sign = ("_sounding", -1) if self.s.best == "tpp" else ("_ce", 1)
        counted = [sign * value for name, value in scores.items() if name.endswith(kind) and "unpaired" not in name]
        mean = sum(counted) / len(counted)
        if mean < p.best:
            p.best, p.best_step, p.scores = mean, p.step, scores
            self.model.save(self.out, self._card())
        line = {"step": p.step, "seconds": round(p.seconds, 1), "loss": loss, **scores, "best_step": p.best_step}
        with open(self.out / "log.jsonl", "a") as log:
            log.write(json.dumps(line) + "\n")
        if not sys.stderr.isatty():
            full, live, hits = scores["full_ce"], scores["live_ce"], scores["live_none_tpp"]
            text = f"step {p.step}: loss {loss:.3f}, full {full:.3f}, live {live:.3f}, live TPP {hits:.2f}"
            print(text, file=sys.stderr, flush=True)

    def _worn_out(self) -> bool:
        p, s = self.progress, self.s
        return s.patience > 0 and p.step - p.best_step >= s.patience * s.evaluate

    def _card(self) -> dict[str, Any]:
        """How the best model was made, for decision.json."""
        c, p = self.cache, self.progress
        stems = [labels for song in self.songs for labels in song.values()]
        return {
            "steps": p.step,
            "best_step": p.best_step,
            "seconds": round(p.seconds, 1),
            "data": {
                "songs": len(self.songs),
                "stems": len(stems),
                "hours": round(sum(map(len, stems)) * c.hop / 3600, 2),
                "validation_songs": len(self.held),
            },
            "scores": {"validation": p.scores, "baselines": self.baselines, "crops": self.s.crops},
            "precision": str(self.precision).removeprefix("torch."),
            "settings": asdict(self.s),
        }

    def _save(self) -> None:
        """Weights, optimizer and progress, in one file so that they can never disagree."""
        tensors = {f"model.{k}": v for k, v in self.model.state_dict().items()}
        for name, parameter in self.model.named_parameters():
            for key, value in self.optimizer.state[parameter].items():
                tensors[f"optimizer.{key}.{name}"] = value
        header = {
            "settings": json.dumps(asdict(self.s)),
            "progress": json.dumps(asdict(self.progress)),
            "config": json.dumps(asdict(self.model.config)),
        }
        plain = {k: v.detach().cpu().contiguous() for k, v in tensors.items()}
        write_atomic(self.out / CHECKPOINT, save_tensors(plain, header))

    def _restore(self) -> None:
        header, tensors = _read_checkpoint(self.out)
        before, now = json.loads(header["config"]), json.loads(json.dumps(asdict(self.model.config)))
        for key in before:
            if before[key] != now.get(key) and key != "dropout":
                raise TrainError(
                    f"the run in {self.out} has {key} = {before[key]}, now it would be {now.get(key)}: "
                    "give the tokens and settings it began with, or name another folder"
                )
        self.model.load_state_dict({k.removeprefix("model."): v for k, v in tensors.items() if k.startswith("model.")})
        for name, parameter in self.model.named_parameters():
            for key in ("step", "exp_avg", "exp_avg_sq"):
                value = tensors.get(f"optimizer.{key}.{name}")
                if value is not None:
                    self.optimizer.state[parameter][key] = value if key == "step" else value.to(self.device)
        self.progress = Progress(**json.loads(header["progress"]))
        log = self.out / "log.jsonl"
        if log.exists():  # what was logged after the checkpoint comes again
            lines = [line for line in log.read_text().splitlines() if json.loads(line)["step"] <= self.progress.step]
            write_atomic(log, "".join(f"{line}\n" for line in lines).encode())


@torch.no_grad()
def evaluate(model: Decision, heard: Tensor, played: Tensor) -> dict[str, float]:
    """Teacher-forced scores of crops (B, T): cross-entropy (nats per label) and share of labels that came out first,
    hearing everything ("full_ce", "full_top1"), up to the hop before ("live_*"), and, live, what another crop heard
    ("unpaired_*"): a model that listens is worse there."""
    model.eval()
    asked = {name: (heard, lookahead) for name, lookahead in REPORTED.items()}
    asked["unpaired"] = heard.roll(1, 0), 1
    scores = {}
    for name, (ears, lookahead) in asked.items():
        logits = torch.cat([model(h, p, lookahead) for h, p in zip(ears.split(64), played.split(64), strict=True)])
        scores[f"{name}_ce"] = F.cross_entropy(logits.flatten(0, 1), played.flatten()).item()
        scores[f"{name}_top1"] = (logits.argmax(-1) == played).float().mean().item()
    return scores


@torch.no_grad()
def free_running(model: Decision, heard: Tensor, played: Tensor, top_p: float) -> dict[str, float]:
    """TPP, 0 to 100, of a model that plays `played` (B, T) again on its own labels: "full_none_tpp",
    "live_require_tpp", for each mask of `REPORTED` and each constraint; "..._sounding": the same where `played` sounds;
    "full_silence", "live_silence": share of silence, unconstrained."""
    model.eval()
    scores = {}
    for name, lookahead in REPORTED.items():
        for constraint in CONSTRAINTS:
            rng = np.random.default_rng(0)  # the same numbers each time, or they would choose the best checkpoint
            answer = roll_out(model, heard, played, lookahead, 1.0, constraint, top_p, rng)
            right, sounds = answer == played, played != model.config.units
            scores[f"{name}_{constraint}_tpp"] = 100 * right.float().mean().item()
            scores[f"{name}_{constraint}_sounding"] = 100 * right[sounds].float().mean().item()
            if constraint == "none":
                scores[f"{name}_silence"] = (answer == model.config.units).float().mean().item()
    return scores


def roll_out(
    model: Decision,
    heard: Tensor,
    played: Tensor,
    lookahead: int | None,
    own: float,
    constraint: str,
    top_p: float,
    rng: np.random.Generator,
) -> Tensor:
    """A history (B, T) as the model would play it: each label with the chance `own` drawn by the model, given the
    labels before it in this history, else that of `played` (B, T). The labels of `played` are what the memory holds."""
    truth = played.cpu().numpy()
    allowed = token_pairs.labels_present(truth, model.config.vocab)
    uniform, mine = rng.random(truth.shape), rng.random(truth.shape) < own

    def choose(t: int, logits: Tensor) -> Tensor:
        scores = logits.float().cpu().numpy()
        drawn = sample_rows(scores, allowed, uniform[:, t], top_p=top_p, constraint=constraint)
        return torch.from_numpy(np.where(mine[:, t], drawn, truth[:, t])).to(played.device)

    return model.answer(heard, choose, lookahead)


def read_settings(out: Path) -> Settings | None:
    """Settings of the run in a folder; None when there is no run."""
    if not (out / CHECKPOINT).exists():
        return None
    try:
        return Settings(**json.loads(_read_checkpoint(out, tensors=False)[0]["settings"]))
    except (TypeError, KeyError):
        raise TrainError(
            f"the run in {out} was begun by another version: name another folder and begin again"
        ) from None


def _read_checkpoint(out: Path, tensors: bool = True) -> tuple[dict[str, str], dict[str, Tensor]]:
    try:
        with safe_open(out / CHECKPOINT, "pt") as f:
            return f.metadata(), {k: f.get_tensor(k) for k in f.offset_keys()} if tensors else {}
    except (OSError, SafetensorError) as e:
        raise TrainError(f"{out / CHECKPOINT} is damaged ({e}): name another folder and begin again") from None


def _groups(model: Decision, decay: float) -> list[dict[str, Any]]:
    """Matrices decay; gains, offsets, embeddings and the null key do not."""
    matrices = {id(m.weight) for m in model.modules() if isinstance(m, torch.nn.Linear)}
    decayed = [p for p in model.parameters() if id(p) in matrices]
    others = [p for p in model.parameters() if id(p) not in matrices]
    return [{"params": decayed, "weight_decay": decay}, {"params": others, "weight_decay": 0.0}]


def _begin(config: DecisionConfig, start: str) -> Decision:
    """A new model or, for fine-tuning, the weights of one with the same alphabet. TrainError if it does not fit."""
    model = Decision(config)
    if start:
        old = Decision.load(start)
        old.check(config.alphabet, config.hop)
        try:
            model.load_state_dict(old.state_dict())
        except RuntimeError:
            raise TrainError(f"the model in {start} has another size: give the --size it was made with") from None
    return model


def bounded_nats(logits: Tensor, labels: Tensor, bound: float, smoothing: float = 0.0) -> Tensor:
    """Loss of logits (n, vocab) for labels (n,): whether to rest, by cross-entropy, plus which unit, by (1 - p^q) / q.

    q = `bound`; at 0 both together are the cross-entropy. The optimum of the second is as sure as the cross-entropy's
    at a temperature of 1 - q; rests are left out of it, for they are the commonest label and would take over.
    """
    silence = logits.shape[1] - 1
    rests, said = labels == silence, F.log_softmax(logits, -1)
    whether = -torch.where(rests, said[:, silence], said[:, :silence].logsumexp(-1))
    units = labels.clamp(max=silence - 1)
    which = F.cross_entropy(logits[:, :silence], units, label_smoothing=smoothing, reduction="none")
    if bound:
        which = (1 - torch.exp(-bound * which)) / bound
    return (whether + which * ~rests).mean()


def _mishear(labels: Tensor, share: float, vocab: int) -> Tensor:
    """`labels`, a share of them replaced by any label: an ear errs, and no song should be known by its first bar."""
    return torch.where(_chance(labels, share), torch.randint_like(labels, vocab), labels)


def _chance(like: Tensor, share: float) -> Tensor:
    """Bool of the same shape, True for about a share of it."""
    return torch.rand(like.shape, device=like.device) < share


def _cosine(share: float) -> float:
    return 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * share))


def _best_device() -> str:
    return "cuda" if torch.cuda.is_available() else "cpu"


def _use_bfloat16(precision: str, device: torch.device) -> bool:
    """On a GPU, and on CPUs that multiply bfloat16 (AVX-512 BF16: 1.5 x per step); elsewhere it is emulated."""
    if precision == "auto":
        return device.type == "cuda" or torch.cpu._is_avx512_bf16_supported()
    return precision == "bfloat16"


@contextmanager
def _bar(s: Settings) -> Iterator[Any]:
    """show(progress, losses): a progress bar, on a terminal only."""
    if not sys.stderr.isatty():
        yield lambda progress, losses: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    text = TextColumn("{task.description}")
    with Bar(text, BarColumn(), TimeRemainingColumn(), console=Console(stderr=True)) as bar:
        task = bar.add_task("decision", total=1.0)

        def show(p: Progress, losses: list[Tensor]) -> None:
            if p.step % 10 == 0:
                bar.update(task, completed=p.share(s), description=f"step {p.step}, best {p.best:.3f} at {p.best_step}")

        yield show


def main(arguments: list[str] | None = None) -> int:
    """Command line; 0 when done, 2 for what the user can mend."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("tokens", type=Path, help="token cache, or the folder that holds one")
    parser.add_argument("-o", "--out", type=Path, required=True, help="folder of the run")
    parser.add_argument("--resume", action="store_true", help="go on from the checkpoint in the folder")
    for f in dataclasses.fields(Settings):
        kind = type(f.default)
        parser.add_argument(f"--{f.name.replace('_', '-')}", type=kind, metavar=kind.__name__, help=f"{f.default}")
    given = vars(parser.parse_args(arguments))
    tokens, out, resume = given.pop("tokens"), given.pop("out"), given.pop("resume")
    given = {key: value for key, value in given.items() if value is not None}
    try:
        before = (read_settings(out) if resume else None) or Settings()
        card = fit(tokens, out, dataclasses.replace(before, **given), resume=resume)
    except (TrainError, DecisionError) as e:
        print(f"error: {e}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"stopped; go on with --resume -o {out}", file=sys.stderr)
        return 130
    print(json.dumps({"out": str(out), **card["scores"]}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
