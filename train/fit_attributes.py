"""Teach a decision model to be asked: a trained prefix for each attribute of a part, the model itself frozen.

    python -m train.fit_attributes TOKENS STEMS... -o DIR --start MODEL/decision/k64_h0.50
                                                                            (antiphon train attributes is the same)

TOKENS is a token cache (train.fit_units), STEMS are the folders of stems that it was made from. DIR gets
attributes.safetensors + attributes.json, to be copied beside the decision (decision/attributes.py).

What B is like in a crop, by the measures of train/data/measures.py, is what was asked for: low or high where it is in
the lower or upper third of its role, and its role. Each token is left out in half of the crops or more, all of them in
some, so that any of them can be asked alone (Ho & Salimans 2022, arXiv:2207.12598); half of the crops are asked from a
random hop on, as on stage, where the rows before saw no token. The losses are those of train/fit_decision.py.

Reported, of validation songs: nats per label and of the query with the true attributes, with none and with the opposite
ones; and live answers on the model's own history, asked for low, nothing and high, by guidance: what the labels and the
segments that the query prefers are like, and how many labels are hit.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from corpora.whole_files import write_files
from decision.attributes import LEVELS, NAMES, AttributesConfig, AttributeTokens, weights_of
from decision.attributes import Asked as AskedFor
from decision.model import Decision
from decision.sampling import CONSTRAINTS
from train import fit_decision
from train.common import command_line
from train.common.errors import TrainError
from train.common.run import Run, refuse_to_overwrite, settings_of
from train.common.schedule import cosine, set_rate
from train.common.settings import setting
from train.data import hearing, measures, token_pairs
from train.data.measures import LEVELLED
from train.data.token_pairs import Crop
from train.evaluate.metrics import interval, seeded
from train.fit_decision import Batch

WINDOWS = 4000  # random crops whose terciles are low and high
GUIDANCES = (1.0, 2.0, 4.0)  # that are reported
PRIOR = 10.0  # hops that are counted for each label before any
TOP_P = 0.9  # as it plays by default
OPPOSITE = {
    f"{name} {end}": f"{name} {other}" for name in LEVELLED for end, other in (("low", "high"), ("high", "low"))
}


@dataclass(frozen=True)
class AttributesTraining:
    """Settings of this recipe; each is a flag, and they are saved with a run."""

    start: str = setting("", "folder of the decision model that is to be asked")
    steps: int = setting(700, "updates, at most", may_change=True)
    minutes: float = setting(0.0, "minutes of learning, at most; 0: no limit", may_change=True)
    seed: int = setting(0, "of tokens, crops and histories")
    batch: int = setting(32, "crops of one window per step")
    rate: float = setting(1.5e-2, "highest learning rate of Adam")
    warmup: int = setting(50, "steps until the rate is highest")
    clip: float = setting(1.0, "highest norm of the gradient")
    unsaid: float = setting(0.5, "share of the crops in which a token is left out")
    silent: float = setting(0.1, "share of the crops in which nothing is asked")
    late: float = setting(0.3, "share of the crops that are asked from a random hop on, the others from the first")
    bound: float = setting(0.5, "q of the loss of labels, see train.fit_decision")
    query: float = setting(0.5, "weight of the loss of the query")
    others: int = setting(256, "segments of other crops that the true one is told from")
    noise: float = setting(0.05, "share of the input's labels that are replaced at random")
    own_share: float = setting(0.7, "share of the batches whose history is the model's own")
    own_top_p: float = setting(0.8, "nucleus that the model's own history is drawn from")
    forget: float = setting(0.2, "share of the crops whose whole history is dropped")
    forget_some: float = setting(0.1, "share of the labels of the other histories that are dropped")
    recordings: str = setting("real", "how the names of recordings begin in the token cache")
    recorded: float = setting(0.3, "share of the crops from recordings, where there are any")
    evaluate: int = setting(100, "steps between two validations")
    crops: int = setting(256, "crops to validate on")
    report: int = setting(128, "crops of the report on the model's own history")
    save: float = setting(120.0, "s between two checkpoints", may_change=True)

    def __post_init__(self) -> None:
        if min(self.steps, self.batch, self.evaluate, self.crops, self.report) < 1:
            raise TrainError("steps, batch, evaluate, crops and report must be 1 or more")
        shares = self.unsaid, self.silent, self.late, self.bound, self.noise, self.own_share, self.own_top_p
        if not all(0 <= share <= 1 for share in shares):
            raise TrainError("unsaid, silent, late, bound, noise, own_share and own_top_p are shares: expected 0 to 1")


class Asking(NamedTuple):
    """Crops, where they are, and what was asked for. names: of each crop, the tokens that are true of it."""

    batch: Batch
    names: list[tuple[str, ...]]
    crops: list[Crop]

    def first(self, count: int) -> Asking:
        """The first crops."""
        return Asking(self.batch.rows(slice(0, count)), self.names[:count], self.crops[:count])


class _Answer(NamedTuple):
    """A live answer, and what it was drawn by: labels (n, T), logits (n, T, vocab), query (n, T, key dim)."""

    labels: Tensor
    logits: Tensor
    query: Tensor


def fit(data: list[Path], out: Path, resume: bool, settings: AttributesTraining | None = None) -> dict[str, Any]:
    """Train the tokens of a decision model and leave the best in `out`; returns their card (steps, data, scores).

    data: a token cache, and the folders of its stems. settings: None: those saved in `out`, else the defaults.
    TrainError, DecisionError, AudioError.
    """
    refuse_to_overwrite(out, resume)
    settings = settings or settings_of(AttributesTraining, out, resume)
    if not settings.start:
        raise TrainError("no decision model: name the folder of one with --start, like MODEL/decision/k64_h0.50")
    if len(data) < 2:
        raise TrainError("give a token cache, and the folders of the stems that it was made from")
    return _Trainer(data[0], data[1:], out, settings, resume).train()


class _Trainer:
    """Data, frozen decision, tokens, optimizer and run of one session."""

    def __init__(self, source: Path, stems: Sequence[Path], out: Path, settings: AttributesTraining, resume: bool):
        self.s, self.cache = settings, token_pairs.load(source)
        self.songs, self.validation_songs = self.cache.split_for_training()
        self.model = Decision.load(settings.start).requires_grad_(False)
        self.model.check(self.cache.alphabet, self.cache.hop)
        known = hearing.load(token_pairs.find_cache(source).parent, self.cache.hop, self.cache.alphabet)
        if self.model.config.key_dim and known is None:
            raise TrainError(f"the decision in '{settings.start}' hears features, '{source}' has none beside it")
        self.features: Mapping[str, np.ndarray] = known[0] if known and self.model.config.key_dim else {}
        self.like = measures.of_stems(self.cache, stems, out / "measures")
        self.window, rng = self.model.config.window, np.random.default_rng(settings.seed)
        self.weights = fit_decision.song_weights(self.songs, settings.recordings, settings.recorded)
        counted = self._pick(WINDOWS, rng)
        self.bounds: measures.Bounds = measures.bounds_of([self._seen(crop) for crop in counted])
        torch.manual_seed(settings.seed)
        c = self.model.config
        sizes = c.vocab, c.layers, c.heads, c.dim // c.heads
        config = AttributesConfig(weights_of(settings.start), *sizes, NAMES, self.bounds)
        self.tokens = AttributeTokens(config)
        self.tokens.begin(self.model.null)
        self.tokens.counted.copy_(torch.from_numpy(self._count(counted)))
        self.optimizer = torch.optim.Adam(self.tokens.parameters(), lr=settings.rate)
        self.valid = self._draw(self._pick(settings.crops, rng, validation=True))
        facts = {"alphabet": c.alphabet, "hop": c.hop, "decision": config.decision}
        self.run = Run(out, settings, self.tokens, self.optimizer, resume, facts=facts, save_every=settings.save)
        self.best = {"value": math.inf, "step": 0} | self.run.state.get("best", {})

    def train(self) -> dict[str, Any]:
        """Train until the limit of steps or minutes; returns the card of the best tokens, with the whole report."""
        run, s = self.run, self.s
        while run.share(s.minutes, s.steps) < 1:
            with run.clock():
                loss = self._update()
            if (run.step + 1) % s.evaluate == 0 or run.step + 1 >= s.steps or run.share(s.minutes, s.steps) >= 1:
                run.tick({"loss": loss}, self._validate(run.step + 1))
            else:
                run.tick({"loss": loss})
        run.save()
        best = AttributeTokens.load(run.out, self.s.start)
        assert best is not None
        if "asked" not in best.card["scores"]:  # else a run that had ended: better tokens would come without a report
            best.card["scores"] |= self.report(best)
            write_files(run.out, best.files())
        return best.card

    def _update(self) -> float:
        """One step of the optimizer; returns the loss, nats per label."""
        s, step = self.s, self.run.step
        rng = np.random.default_rng((s.seed, step))
        torch.manual_seed(int(rng.integers(2**63)))
        set_rate(self.optimizer, s.rate * cosine(step, self.run.share(s.minutes, s.steps), warmup=s.warmup))
        drawn = self._transposed(self._draw(self._pick(s.batch, rng)), rng)
        batch = drawn.batch._replace(
            input=fit_decision.replace_some(drawn.batch.input, s.noise, self.model.config.vocab),
            features=fit_decision.disturbed(drawn.batch.features),
        )
        seen = self._said(drawn.names, rng)
        lookahead = list(fit_decision.MASK_SHARES)[rng.choice(3, p=list(fit_decision.MASK_SHARES.values()))]
        history = batch.played
        if rng.random() < s.own_share:
            with torch.no_grad():
                asked = AskedFor(self.tokens.tokens(self.model.unrotated), seen)
                history = fit_decision.roll_out(
                    self.model, batch, lookahead, 1.0, CONSTRAINTS[step % 3], s.own_top_p, rng, asked=asked
                )
        history = fit_decision.forgotten(history, s.forget, s.forget_some, self.model.config.start)
        self.optimizer.zero_grad()
        loss = self._loss(batch, history, lookahead, seen)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.tokens.parameters(), s.clip)
        self.optimizer.step()
        return float(loss.detach())

    def _loss(self, batch: Batch, history: Tensor, lookahead: int | None, seen: Tensor | None) -> Tensor:
        """Nats per label and, weighted, of the query. seen: (B, T, names) bool; None: nothing is asked."""
        asked = None if seen is None else AskedFor(self.tokens.tokens(self.model.unrotated), seen)
        logits, query = self.model.both_heads(batch.input, history, lookahead, features=batch.features, asked=asked)
        loss = fit_decision.bounded_nats(logits.flatten(0, 1), batch.played.flatten(), self.s.bound)
        if batch.keys is not None and self.s.query:
            others = fit_decision.draw_others(batch, self.s.others)
            loss = loss + self.s.query * fit_decision.query_nats(query, logits.detach(), batch, others)
        return loss

    def _said(self, names: list[tuple[str, ...]], rng: np.random.Generator) -> Tensor:
        """(B, T, names) bool: what is asked for in each row of crops of which `names` are true."""
        s, count = self.s, len(names)
        true = np.array([self.tokens.seen(each) for each in names])
        said = true & (rng.random(true.shape) >= s.unsaid) & (rng.random((count, 1)) >= s.silent)
        first = np.where(rng.random(count) < s.late, rng.integers(0, self.window, count), 0)
        return torch.from_numpy(said[:, None] & (np.arange(self.window) >= first[:, None])[..., None])

    # --- crops

    def _pick(self, count: int, rng: np.random.Generator, validation: bool = False) -> list[Crop]:
        songs, weights = (self.validation_songs, None) if validation else (self.songs, self.weights)
        return token_pairs.pick_crops(songs, self.window, count, rng, self.cache.units, weights)

    def _seen(self, crop: Crop) -> tuple[str, dict[str, float]]:
        """The role of B in a crop, and what it is like there."""
        stem, hops = self.like[f"{crop.song.name}/{crop.played}"], slice(crop.begin, crop.begin + self.window)
        return stem.role, measures.like(stem.rows[hops], crop.song[crop.played][hops] != self.cache.units)

    def _draw(self, crops: list[Crop]) -> Asking:
        """Labels, features and true names of crops."""
        names = []
        for crop in crops:
            role, seen = self._seen(crop)
            levels = measures.level_of(self.bounds, role, seen)
            names.append((*(f"{name} {LEVELS[level]}" for name, level in levels.items()), role))
        batch = fit_decision.batch_of(crops, self.window, self.features, self.model.config.key_dim, self.cache.units)
        return Asking(batch, names, crops)

    def _transposed(self, drawn: Asking, rng: np.random.Generator) -> Asking:
        """The same in random keys, where the alphabet allows; what is asked for does not change with a key."""
        if not self.cache.shapes:
            return drawn
        semitones = torch.from_numpy(rng.integers(0, 12, (len(drawn.names), 1)))
        return drawn._replace(
            batch=fit_decision.transposed(drawn.batch, semitones, self.cache.shapes, self.model.config.key_dim)
        )

    def _count(self, crops: list[Crop]) -> np.ndarray:
        """(names, vocab) log p(label | low or high) / p(label) of crops; 0 for silence and for roles.

        Where the alphabet can be transposed the pitch classes of a shape count together: no attribute has a key.
        """
        silence, shapes = self.cache.units, self.cache.shapes
        numbers = np.arange(silence + 1)
        group = np.where(numbers < 12 * shapes, numbers // 12, numbers)
        counts, every = np.full((len(NAMES), silence + 1), PRIOR), np.full(silence + 1, PRIOR)
        for crop in crops:
            role, seen = self._seen(crop)
            played = np.asarray(crop.song[crop.played][crop.begin : crop.begin + self.window], np.int64)
            here = np.bincount(group[played[played != silence]], minlength=silence + 1)
            every += here
            for name, level in measures.level_of(self.bounds, role, seen).items():
                counts[NAMES.index(f"{name} {LEVELS[level]}")] += here
        log_ratio = np.log(counts / counts.sum(1, keepdims=True)) - np.log(every / every.sum())
        levelled = np.array([name in OPPOSITE for name in NAMES])[:, None]
        return np.where(levelled & (numbers != silence), log_ratio[:, group], 0.0)

    # --- scores

    def _validate(self, step: int) -> dict[str, float]:
        """Score the validation crops after so many steps; write the tokens if they are the best so far."""
        scores = self._cross_entropies(self.tokens)
        value = scores["true_loss"]
        if value < self.best["value"]:
            self.best = {"value": value, "step": step}
            self.tokens.card = {
                "steps": self.s.steps, "best_step": step, "seconds": round(self.run.spent, 1),
                "data": {"songs": len(self.songs), "validation_songs": len(self.validation_songs)},
                "scores": scores, "crops": self.s.crops,
                "settings": asdict(self.s) | {"start": Path(self.s.start).name},
            }  # fmt: skip
            write_files(self.run.out, self.tokens.files())
        self.run.state["best"] = self.best
        return {**scores, "best_step": self.best["step"]}

    @torch.no_grad()
    def _cross_entropies(self, tokens: AttributeTokens) -> dict[str, float]:
        """Live, on the true history: "<which>_ce" nats per label, "_query" of the true segment, "_loss" of training.

        which: true, none, opposite; or those of one attribute alone, in the crops that have it: density_true, ...
        """
        names: list[tuple[str, ...]] = self.valid.names
        scores: dict[str, float] = {}
        nothing: list[tuple[str, ...]] = [()] * len(names)
        for which, each in (("none", nothing), ("true", names), ("opposite", [opposite(n) for n in names])):
            scores |= {f"{which}_{key}": value for key, value in self._score(tokens, each).items()}
        for attribute in LEVELLED:
            alone = [tuple(name for name in each if name.startswith(f"{attribute} ")) for each in names]
            rows = [row for row, each in enumerate(alone) if each]
            for which, said in (
                ("none", nothing),
                ("true", alone),
                ("opposite", [opposite(n) for n in alone]),
            ):
                found = self._score(tokens, said, rows) if rows else {}
                scores |= {f"{attribute}_{which}_{key}": value for key, value in found.items() if key != "loss"}
        return scores

    def _score(
        self, tokens: AttributeTokens, names: list[tuple[str, ...]], rows: list[int] | None = None
    ) -> dict[str, float]:
        batch = self.valid.batch if rows is None else self.valid.batch.rows(torch.tensor(rows))
        names = names if rows is None else [names[row] for row in rows]
        seen = torch.from_numpy(np.array([tokens.seen(each) for each in names]))[:, None].expand(-1, self.window, -1)
        asked = AskedFor(tokens.tokens(self.model.unrotated), seen) if seen.any() else None
        logits, query = self.model.both_heads(batch.input, batch.played, 1, features=batch.features, asked=asked)
        scores = {"ce": F.cross_entropy(logits.flatten(0, 1), batch.played.flatten()).item()}
        loss = fit_decision.bounded_nats(logits.flatten(0, 1), batch.played.flatten(), self.s.bound).item()
        if batch.keys is not None:
            scores["query"] = fit_decision.query_nats(query, logits, batch, fit_decision.draw_others(batch, 0)).item()
            loss += self.s.query * scores["query"]
        return {**scores, "loss": loss}

    def report(self, tokens: AttributeTokens) -> dict[str, Any]:
        """{"asked": {attribute: {guidance: {...}}}}: live answers to validation crops, on the model's own history.

        "low", "none", "high": {"labels": mean of the attribute over the training hops of each label drawn, "segments":
        mean over the segments of the stem of B, by q . k + log p(label), "tpp": labels of B hit where it sounds, 0 to
        100}. "higher": by how much high is above low; "cost": hits of both ends, in the mean, less those of nothing
        asked; each with its 95 % interval over songs.
        """
        rows = self.valid.first(min(self.s.report, len(self.valid.crops)))
        songs = np.array([crop.song.name for crop in rows.crops])
        of_label, nothing = self._values_of_labels(), self._answer(tokens, (), 0.0, rows)
        result: dict[str, Any] = {}
        for attribute in LEVELLED:
            free = self._measure(nothing, rows, attribute, of_label)
            for guidance in GUIDANCES:
                low, high = (
                    self._measure(
                        self._answer(tokens, (f"{attribute} {end}",), guidance, rows), rows, attribute, of_label
                    )
                    for end in LEVELS.values()
                )
                found: dict[str, Any] = {
                    end: _means(each) for end, each in (("low", low), ("none", free), ("high", high))
                }
                rng = seeded(self.s.seed, attribute)
                found["higher"] = {
                    name: _interval(high[name] - low[name], songs, rng) for name in free if name != "tpp"
                }
                found["cost"] = _interval((low["tpp"] + high["tpp"]) / 2 - free["tpp"], songs, rng)
                result.setdefault(attribute, {})[f"{guidance:g}"] = found
        return {"asked": result}

    def _values_of_labels(self) -> dict[str, np.ndarray]:
        """{attribute: (vocab,) mean of it over the training hops of each label}, NaN for silence and where it is not
        known."""
        total = {name: np.zeros((2, self.cache.units + 1)) for name in LEVELLED}
        for song in self.songs:
            for part in {b for _, b in token_pairs.stem_pairs(song)}:
                labels, rows = np.asarray(song[part], int), self.like[f"{song.name}/{part}"].rows
                for name in LEVELLED:
                    values, weight = _values(rows, name)
                    np.add.at(total[name][0], labels, values * weight)
                    np.add.at(total[name][1], labels, weight * (labels != self.cache.units))
        return {name: both[0] / np.where(both[1] > 0, both[1], np.nan) for name, both in total.items()}

    @torch.no_grad()
    def _answer(self, tokens: AttributeTokens, names: tuple[str, ...], guidance: float, rows: Asking) -> _Answer:
        """The live answer to crops, of labels of the whole stem of B; the same random numbers at every call."""
        count = len(rows.crops)
        twice = rows.batch.rows(torch.arange(count).repeat(2))
        seen = torch.zeros(2 * count, self.window, len(tokens.config.names), dtype=torch.bool)
        seen[count:] = torch.from_numpy(tokens.seen(names))
        asked = AskedFor(tokens.tokens(self.model.unrotated), seen)
        leaning = tokens.counted[torch.from_numpy(tokens.seen(names))].sum(0)
        allowed = torch.zeros(count, self.model.config.vocab, dtype=torch.bool)
        for row, crop in zip(allowed, rows.crops, strict=True):
            row[torch.from_numpy(np.unique(crop.song[crop.played])).long()] = True
        uniform = torch.from_numpy(np.random.default_rng(self.s.seed).random((count, self.window)))

        def mixed(both: Tensor) -> Tensor:
            return both[:count] + guidance * (both[count:] - both[:count])

        def choose(t: int, logits: Tensor) -> Tensor:
            leant = mixed(logits).double() + guidance * leaning
            return fit_decision.draw(leant, allowed, uniform[:, t], TOP_P, "require").repeat(2)

        labels = self.model.generate(twice.input, choose, 1, features=twice.features, asked=asked)
        both = self.model.both_heads(twice.input, labels, 1, features=twice.features, asked=asked)
        logits, query = (mixed(each) for each in both)
        return _Answer(labels[:count], logits + guidance * leaning, query)

    def _measure(
        self, answer: _Answer, rows: Asking, attribute: str, of_label: Mapping[str, np.ndarray]
    ) -> dict[str, np.ndarray]:
        """{"labels", "segments", "tpp"}: (crops,) each, NaN where it is not known, see `report`."""
        values = of_label[attribute][answer.labels.numpy()]
        right, sounds = answer.labels == rows.batch.played, rows.batch.played != self.cache.units
        known = np.isfinite(values)
        result = {
            "labels": np.where(known, values, 0).sum(1) / np.where(known.any(1), known.sum(1), np.nan),
            "tpp": 100 * ((right & sounds).sum(1) / sounds.sum(1)).numpy(),
        }
        if self.features:
            result["segments"] = np.array([
                self._preferred(crop, answer.logits[row].log_softmax(-1), answer.query[row], attribute)
                for row, crop in enumerate(rows.crops)
            ])  # fmt: skip
        return result

    def _preferred(self, crop: Crop, log_p: Tensor, query: Tensor, attribute: str) -> float:
        """Mean of an attribute over the segments of the stem of B that sound, by how much the rows of a crop prefer
        them. log_p (T, vocab), query (T, key dim)."""
        key, labels = f"{crop.song.name}/{crop.played}", np.asarray(crop.song[crop.played], np.int64)
        values, weight = _values(self.like[key].rows, attribute)
        usable = np.flatnonzero((labels != self.cache.units) & (weight > 0))
        if not len(usable):
            return math.nan
        keys = torch.from_numpy(self.features[key][usable, : self.model.config.key_dim].astype(np.float32))
        scores = query @ keys.T + log_p[:, torch.from_numpy(labels[usable])]
        return float((scores.softmax(-1).double() @ torch.from_numpy(values[usable])).mean())


def _means(columns: Mapping[str, np.ndarray]) -> dict[str, float]:
    return {name: float(np.nanmean(values)) for name, values in columns.items() if np.isfinite(values).any()}


def _interval(values: np.ndarray, songs: np.ndarray, rng: np.random.Generator) -> list[float]:
    """[mean, lower and upper end of its 95 % interval over songs] of the values that are known; [] without any."""
    known = np.isfinite(values)
    if not known.any():
        return []
    return [
        round(float(each), 4) for each in (values[known].mean(), *(interval(values[known], songs[known], rng) or ()))
    ]


def opposite(names: tuple[str, ...]) -> tuple[str, ...]:
    """The names of the other ends; a role stays."""
    return tuple(OPPOSITE.get(name, name) for name in names)


def _values(rows: np.ndarray, attribute: str) -> tuple[np.ndarray, np.ndarray]:
    """(values, weights), (hops,) float64, of an attribute of a stem's rows (hops, 5)."""
    rows = np.asarray(rows, np.float64)
    if attribute != "place":
        return rows[:, LEVELLED.index(attribute)], np.ones(len(rows))
    count = rows[:, measures.ONSETS]
    return rows[:, 3] / np.maximum(count, 1), count


def main(argv: list[str] | None = None) -> None:
    """Command line of this recipe; prints the scores of the best tokens."""

    def scores(data: list[Path], out: Path, resume: bool, settings: AttributesTraining) -> dict[str, Any]:
        return {"out": str(out), **fit(data, out, resume, settings)["scores"]}

    command_line.recipe(__doc__ or "", AttributesTraining, scores, argv)


if __name__ == "__main__":
    command_line.run(main)
