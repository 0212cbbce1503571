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

import math
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from corpora.disk import write_files
from decision.model import PAPER, SMALL, Decision, DecisionConfig
from decision.sampling import CONSTRAINTS, sample_rows
from train.common import command_line
from train.common.errors import TrainError
from train.common.run import Run, refuse_to_overwrite, settings_of
from train.common.schedule import cosine, set_rate
from train.common.settings import setting
from train.data import token_pairs
from train.data.token_pairs import Song

SIZES = {"small": SMALL, "paper": PAPER}
# Masks over what is heard and how often: None is everything, else hops behind. One hop behind is how it will play.
MASKS: dict[int | None, float] = {None: 0.35, 1: 0.45, 2: 0.1, 4: 0.1}
REPORTED: dict[str, int | None] = {"full": None, "live": 1}


@dataclass(frozen=True)
class DecisionTraining:
    """Settings of this recipe; each is a flag, and they are saved with a run."""

    size: str = setting("small", f"size of the model: {' or '.join(SIZES)}")
    steps: int = setting(20000, "updates, at most", may_change=True)
    minutes: float = setting(
        0.0, "minutes of learning, at most; 0: no limit; the rate falls with whichever comes first", may_change=True
    )
    seed: int = setting(0, "of weights, crops and histories")
    start: str = setting("", "folder of a model whose weights to begin with, for fine-tuning")
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
    long: float = setting(0.25, "share of the batches whose crops are two windows long")
    own: float = setting(1.0, "highest chance that a label of the history is the model's own")
    own_rise: float = setting(10.0, "how fast that chance rises, own * (1 - exp(-own_rise * share of the run))")
    own_share: float = setting(0.85, "share of the batches with such a history; the others have the true one")
    own_top_p: float = setting(0.8, "nucleus that the model's own history is drawn from")
    best: str = setting(
        "tpp", "checkpoint that is kept: most hits on its own history where B sounds (tpp), lowest cross-entropy (ce)"
    )
    evaluate: int = setting(250, "steps between two validations")
    crops: int = setting(256, "crops of one window to validate on")
    patience: int = setting(0, "validations without a new best after which to stop; 0: never", may_change=True)
    save: float = setting(120.0, "s between two checkpoints", may_change=True)
    precision: str = setting("auto", "float32, bfloat16, or auto: bfloat16 where the hardware has it")
    device: str = setting("auto", "cpu, cuda or auto", may_change=True)

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


def fit(data: list[Path], out: Path, resume: bool, settings: DecisionTraining | None = None) -> dict[str, Any]:
    """Train on one token cache and leave the best model in `out`; return its card (steps, data, scores).

    data: the cache, or the folder that holds just one. settings: None goes on with those saved in `out`, or begins with
    the defaults. TrainError or DecisionError for what the user can mend.
    """
    if len(data) != 1:
        raise TrainError(f"{len(data)} token caches: the decision model learns from one, give one")
    cache = token_pairs.load(data[0])
    refuse_to_overwrite(out, resume)
    settings = settings or settings_of(DecisionTraining, out, resume)
    return _Trainer(cache, out, settings, resume).train()


class _Trainer:
    """One session of training: data, model, optimizer, run."""

    def __init__(self, cache: token_pairs.Tokens, out: Path, settings: DecisionTraining, resume: bool):
        self.cache, self.s = cache, settings
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
        rng = np.random.default_rng(settings.seed)
        self.valid = self._draw(self.held, self.window, settings.crops, rng)
        self.baselines = token_pairs.baseline_cross_entropies(self.songs, self.valid[1].cpu().numpy(), config.vocab)
        facts = {"units": config.units, "hop": config.hop, "window": config.window, "alphabet": config.alphabet}
        self.run = Run(out, settings, self.model, self.optimizer, resume, facts=facts, save_every=settings.save)
        self.best = {"value": math.inf, "step": 0, "scores": {}} | self.run.state.get("best", {})

    def train(self) -> dict[str, Any]:
        """Train to the end, by steps, minutes or patience; the card of the best model."""
        run, s, losses = self.run, self.s, []
        while self._share() < 1 and not self._out_of_patience():
            with run.clock():
                losses.append(self._update())
            ends = run.step + 1 >= s.steps or self._share() >= 1
            if (run.step + 1) % s.evaluate == 0 or ends:
                scores, losses = self._validate(float(torch.stack(losses).mean())), []
                run.tick(scores=scores)
            else:
                run.tick()
        run.save()
        return self._card(run.step)

    def _share(self) -> float:
        return self.run.share(self.s.minutes, self.s.steps)

    def _update(self) -> Tensor:
        """One step of the optimizer; the loss, nats per label, left on the device so that nothing waits for it."""
        s, step, done, model = self.s, self.run.step, self._share(), self.model
        rng = np.random.default_rng((s.seed, step))
        torch.manual_seed(int(rng.integers(2**63)))
        long = rng.random() < s.long
        heard, played = self._crops(self.window * (1 + long), max(1, s.batch // (1 + long)), rng)
        lookahead = list(MASKS)[rng.choice(len(MASKS), p=list(MASKS.values()))]
        heard = _replace_some(heard, s.noise, model.config.vocab)
        set_rate(self.optimizer, s.rate * cosine(step, done, warmup=s.warmup, floor=0.02))
        history, own = played, s.own * (1 - math.exp(-s.own_rise * done))
        if rng.random() < s.own_share and own > 0:
            model.eval()
            with self._autocast():
                history = roll_out(model, heard, played, lookahead, own, CONSTRAINTS[step % 3], s.own_top_p, rng)
        model.train()
        with self._autocast():
            logits = model(heard, history, lookahead)
        loss = bounded_nats(logits.float().flatten(0, 1), played.flatten(), s.bound, s.smoothing)
        self.optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), s.clip)
        self.optimizer.step()
        return loss.detach()

    def _autocast(self) -> AbstractContextManager[None]:
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.precision == torch.bfloat16)

    def _crops(self, length: int, count: int, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        """Labels of A and B, (count, length) each, transposed alike where labels can be: twelve times the data, and no
        key is the favourite."""
        heard, played = self._draw(self.songs, length, count, rng)
        if not self.cache.shapes:
            return heard, played
        semitones = rng.integers(0, 12, (count, 1))
        moved = (token_pairs.transpose(part.cpu().numpy(), semitones, self.cache.shapes) for part in (heard, played))
        first, second = (torch.from_numpy(part).to(self.device) for part in moved)
        return first, second

    def _draw(self, songs: list[Song], length: int, count: int, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        heard, played = token_pairs.draw_crops(songs, length, count, rng, self.cache.units)
        return torch.from_numpy(heard).to(self.device), torch.from_numpy(played).to(self.device)

    def _validate(self, loss: float) -> dict[str, float]:
        """Score the held-out crops at the step that has just been done, keep the model if it is the best so far."""
        step = self.run.step + 1
        with self.run.clock():
            scores = evaluate(self.model, *self.valid)
            with self._autocast():
                scores |= free_running(self.model, *self.valid, self.s.own_top_p)
        kind, sign = ("_sounding", -1) if self.s.best == "tpp" else ("_ce", 1)
        counted = [sign * value for name, value in scores.items() if name.endswith(kind) and "unpaired" not in name]
        mean = sum(counted) / len(counted)
        if mean < self.best["value"]:
            self.best = {"value": mean, "step": step, "scores": scores}
            write_files(self.run.out, self.model.files(self._card(step)))
        self.run.state["best"] = self.best
        return {"loss": loss, **scores, "best_step": self.best["step"]}

    def _out_of_patience(self) -> bool:
        return self.s.patience > 0 and self.run.step - self.best["step"] >= self.s.patience * self.s.evaluate

    def _card(self, step: int) -> dict[str, Any]:
        """How the best model was made, for decision.json."""
        stems = [labels for song in self.songs for labels in song.values()]
        return {
            "steps": step,
            "best_step": self.best["step"],
            "seconds": round(self.run.spent, 1),
            "data": {
                "songs": len(self.songs),
                "stems": len(stems),
                "hours": round(sum(map(len, stems)) * self.cache.hop / 3600, 2),
                "validation_songs": len(self.held),
            },
            "scores": {"validation": self.best["scores"], "baselines": self.baselines, "crops": self.s.crops},
            "precision": str(self.precision).removeprefix("torch."),
            "settings": asdict(self.s),
        }


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

    return model.generate(heard, choose, lookahead)


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


def _replace_some(labels: Tensor, share: float, vocab: int) -> Tensor:
    """`labels`, a share of them replaced by any label: encoders err, and no song should be known by its first bar."""
    chosen = torch.rand(labels.shape, device=labels.device) < share
    return torch.where(chosen, torch.randint_like(labels, vocab), labels)


def _best_device() -> str:
    return "cuda" if torch.cuda.is_available() else "cpu"


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
