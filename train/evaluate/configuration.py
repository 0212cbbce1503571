"""One configuration of re-generation, K units at one hop: its windows, what the model and its rivals answer, figures.

Every figure has random numbers of its own, by the seed and what it is for. So it does not depend on which others are
asked for, nor in which order, and a grid that goes on later gives what one evaluation gives.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from decision.model import Decision
from decision.sampling import CONSTRAINTS
from train.common.errors import TrainError
from train.common.settings import setting
from train.data import token_pairs
from train.data.hearing import store_name
from train.data.token_pairs import Tokens
from train.data.tokenise import decision_folder, name_of, offered, with_features
from train.evaluate.baselines import EXPLAINED, LabelStatistics
from train.evaluate.metrics import active_tpp, compare, describe, entropy, lcp, silence_share, tpp
from train.evaluate.rollout import Mode, model_cross_entropy, model_labels, roll
from train.evaluate.windows import add_features, choose_windows, windows_of

RIVALS = tuple(EXPLAINED)
COPY = "copy of A"
Row = dict[str, Any]


@dataclass(frozen=True)
class RegenerationEvaluation:
    """Settings of one evaluation; saved with it."""

    split: str = setting("test", "split of DATA, where it has splits")
    seconds: float = setting(15.0, "s of a window")
    pairs: int = setting(256, "windows, spread evenly over the songs; 0: all there are")
    top_p: float = setting(0.8, "nucleus that labels are drawn from")
    seed: int = setting(0, "same seed, same figures")
    modes: tuple[Mode, ...] = setting(("full", 1), "what is heard: full, or how many hops behind")
    units: int = setting(0, "K, where DATA or the model offer several; 0: 64 if there is one")
    hop: float = setting(0.0, "s per label, likewise; 0: 0.5 if there is one")

    def __post_init__(self) -> None:
        object.__setattr__(self, "modes", tuple(self.modes))
        for mode in self.modes:
            if mode != "full" and (not isinstance(mode, int) or mode < 1):
                raise TrainError(f"mode {mode!r}: expected full, or how many hops behind, 1 or more")
        if not self.modes:
            raise TrainError("no mode to evaluate: give full, 1 or both")
        if not 0 <= self.top_p <= 1:
            raise TrainError(f"top_p = {self.top_p}: expected 0 to 1 (the paper has 0.8)")
        if self.seconds <= 0 or self.pairs < 0:
            raise TrainError("seconds must be above 0, pairs 0 (all) or more")


def mode_name(mode: Mode) -> str:
    """The name of the model in a mode: "model full", "model live 1"."""
    return f"model {mode}" if isinstance(mode, str) else f"model live {mode}"


class Configuration:
    """A decision model, and the windows that it and its rivals answer.

    data: where the tokens were read, for the features beside them. corpus: a token cache, or folder of caches, whose
    training split teaches the rivals; None: that of the tokens or, if they have none, for each song the others.
    TrainError or DecisionError where model, tokens and corpus do not belong together.
    """

    def __init__(self, tokens: Tokens, model: Path, data: Path, corpus: Path | None, s: RegenerationEvaluation):
        self.s, self.units = s, tokens.units
        self.model = _decision(model, tokens)
        every = windows_of(tokens, s.split, s.seconds)
        self.windows = choose_windows(every, s.pairs, self.rng("windows"))
        if self.model.config.key_dim:
            self.windows = add_features(self.windows, _with_features(tokens, data, model), s.split)
        taught = _rival_tokens(corpus, tokens) if corpus else tokens
        if s.split != "train" and taught.songs.get("train"):
            known, of = windows_of(taught, "train", s.seconds), "the training split"
            self.statistics = LabelStatistics.of(known, self.vocab, len(self.windows.song))
        else:
            known, of = every, "the other songs of this split"
            self.statistics = LabelStatistics.leaving_out(every, self.vocab, self.windows.song)
        self._about = {
            "name": name_of(tokens.units, tokens.hop),
            "units": tokens.units,
            "hop": tokens.hop,
            "alphabet": tokens.alphabet,
            "labels_per_window": self.windows.played.shape[1],
            "windows": len(self.windows.song),
            "windows_there_are": len(every.song),
            "songs": len(np.unique(self.windows.song)),
            "rivals_learned_from": {"what": of, "windows": len(known.song), "songs": len(np.unique(known.song))},
        }
        self._rival_answers: dict[tuple[str, str], np.ndarray] = {}
        self._nats: dict[Mode, Row] = {}

    @property
    def vocab(self) -> int:
        """Number of labels, silence included."""
        return self.model.config.vocab

    @cached_property
    def allowed(self) -> np.ndarray:
        """(n, vocab) bool: the labels of each window of B."""
        return self.windows.allowed(self.vocab)

    def rng(self, *purpose: str) -> np.random.Generator:
        """A generator of its own for every purpose, so that no result depends on the rest of the evaluation."""
        return np.random.default_rng([self.s.seed, zlib.crc32("/".join(purpose).encode())])

    def _described(self, values: np.ndarray, *purpose: str) -> Row:
        return describe(values, self.windows.song, self.rng(*purpose))

    def facts(self) -> Row:
        """What the windows are, and B itself."""
        played, number = self.windows.played, self.allowed.sum(axis=1).astype(float)
        truth = {"entropy": entropy(played), "silence": silence_share(played, self.units), "labels_allowed": number}
        return {**self._about, "truth": {name: self._described(values, "truth") for name, values in truth.items()}}

    def rivals(self) -> Row:
        """Cross-entropies of the rivals by name, and the figures of their answers by constraint."""
        nats = self.statistics.cross_entropies(self.windows)
        return {
            "cross_entropy": {name: self._described(values, name, "nats") for name, values in nats.items()},
            "answers": {
                constraint: [self._measured(name, constraint, self._rival(name, constraint)) for name in RIVALS]
                for constraint in CONSTRAINTS
            },
        }

    def answer(self, mode: Mode, constraint: str) -> np.ndarray:
        """(n, T) int64 labels that the model answers."""
        uniform = self.rng(mode_name(mode), constraint).random(self.windows.played.shape)
        return model_labels(self.model, self.windows, uniform, mode, top_p=self.s.top_p, constraint=constraint)

    def cell(self, mode: Mode, constraint: str, answer: np.ndarray) -> Row:
        """Figures of an answer (n, T) of the model: its cross-entropy, its measures, and beside each rival."""
        return {
            "cross_entropy": self._cross_entropy(mode),
            "answer": self._measured(mode_name(mode), constraint, answer),
            "comparisons": [self._compared(mode_name(mode), rival, constraint, answer) for rival in RIVALS],
        }

    def _cross_entropy(self, mode: Mode) -> Row:
        """Nats per label of B given the true ones before it; the rivals' are without nucleus."""
        if mode not in self._nats:
            values = model_cross_entropy(self.model, self.windows, mode)
            self._nats[mode] = self._described(values, mode_name(mode), "nats")
        return self._nats[mode]

    def _rival(self, name: str, constraint: str) -> np.ndarray:
        """(n, T) labels that a rival answers."""
        if name == COPY:
            return self.windows.input
        if (name, constraint) not in self._rival_answers:
            scores, top_p = self.statistics.players(self.windows.input)[name]
            uniform = self.rng(name, constraint).random(self.windows.played.shape)
            top_p = self.s.top_p if top_p is None else top_p
            answer = roll(scores, self.allowed, uniform, top_p=top_p, constraint=constraint)
            self._rival_answers[name, constraint] = answer
        return self._rival_answers[name, constraint]

    def _measured(self, name: str, constraint: str, answer: np.ndarray) -> Row:
        truth, song, rng = self.windows.played, self.windows.song, self.rng(name, constraint, "interval")
        prefixes, values, bits = lcp(answer, truth), tpp(answer, truth), entropy(answer)
        by_hop = {"mean_by_place": prefixes.mean(axis=0).tolist(), "sd_by_place": prefixes.std(axis=0).tolist()}
        return {
            "who": name,
            "constraint": constraint,
            "tpp": describe(values, song, rng) | {"range": [float(values.min()), float(values.max())]},
            "tpp_sounding": describe(active_tpp(answer, truth, self.units), song, rng),
            "tpp_by_window": np.round(values, 3).tolist(),
            "lcp": describe(prefixes.mean(axis=1), song, rng) | by_hop,
            "entropy": describe(bits, song, rng),
            "entropy_by_window": np.round(bits, 3).tolist(),
            "silence": describe(silence_share(answer, self.units), song, rng),
        }

    def _compared(self, name: str, rival: str, constraint: str, ours: np.ndarray) -> Row:
        """An answer of the model against that of a rival under the same constraint, by each measure."""
        theirs, truth = self._rival(rival, constraint), self.windows.played
        measures = {
            "tpp": lambda answer: tpp(answer, truth),
            "tpp_sounding": lambda answer: active_tpp(answer, truth, self.units),
            "lcp": lambda answer: lcp(answer, truth).mean(axis=1),
        }
        row: Row = {"who": name, "rival": rival, "constraint": constraint}
        rng = self.rng(name, rival, constraint)
        for measure, values in measures.items():
            row[measure] = compare(values(ours), values(theirs), self.windows.song, rng)
        return row


def assembled(facts: Row, rivals: Row, cells: Mapping[tuple[Mode, str], Row], modes: tuple[Mode, ...]) -> Row:
    """All figures of a configuration, of its `facts`, its `rivals`, and a `cell` for each mode and constraint."""
    answers, comparisons = [], []
    for constraint in CONSTRAINTS:
        ours = [cells[mode, constraint] for mode in modes]
        answers += [cell["answer"] for cell in ours] + rivals["answers"][constraint]
        comparisons += [row for cell in ours for row in cell["comparisons"]]
    nats = {mode_name(mode): cells[mode, CONSTRAINTS[0]]["cross_entropy"] for mode in modes}
    nats |= rivals["cross_entropy"]
    return {**facts, "cross_entropy": nats, "answers": answers, "comparisons": comparisons}


def _decision(model: Path, tokens: Tokens) -> Decision:
    """The decision model of the tokens' configuration."""
    folder = decision_folder(model, tokens.units, tokens.hop)
    if folder is None:
        raise TrainError(f"no decision model for {name_of(tokens.units, tokens.hop)} in '{model}': {offered(model)}")
    decision = Decision.load(folder)
    decision.check(tokens.alphabet, tokens.hop)
    return decision


def _with_features(tokens: Tokens, data: Path, model: Path) -> Tokens:
    """The tokens with features, their own or those beside their cache at `data`; TrainError if there are none."""
    tokens = tokens if tokens.features else with_features(tokens, data)
    if not tokens.features:
        raise TrainError(
            f"the decision model of '{model}' hears features, and there is no {store_name(tokens.hop)} beside the "
            f"tokens in '{data}', without which it would be half deaf: give the folder that antiphon train units made, "
            "or the stems themselves"
        )
    return tokens


def _rival_tokens(corpus: Path, tokens: Tokens) -> Tokens:
    """The token cache that the rivals learn from: `corpus`, or the one of the tokens' configuration in a folder."""
    name = name_of(tokens.units, tokens.hop)
    taught = token_pairs.load(corpus if token_pairs.is_cache(corpus) else corpus / name)
    if taught.alphabet != tokens.alphabet:
        raise TrainError(
            f"'{corpus}' is written in alphabet {taught.alphabet}, what is evaluated in {tokens.alphabet}: "
            "give the cache made with the same model"
        )
    return taught
