"""Re-generation: how well the model reproduces B given A as input (Bujard et al. 2025, §5.3 to §7).

    antiphon evaluate regeneration DATA [--model DIR] -o OUT [--grid]

DATA is a token cache (.npz, or a folder of them), or a folder of stems <song>/<stem>.flac, perhaps below <split>/, then
tokenised with the model's own encoder. Drums, percussion and effects are left out, as in the paper; so are submixes.

OUT/regeneration.json   every number with its n     OUT/regeneration.md   the tables     OUT/regeneration.png   the plot
With --sound N answers are rendered and their coherence is measured instead: see train/evaluate/sound.py.

Windows of 15 s, one every 10 s, each pair both ways, B not silent for more than 80 %. The model begins each window with
its start symbol and draws from its nucleus, given all of A (full, as in the paper) or A up to k hops before (live).
Differences to the paper's code: the allowed labels are those of the window of B, not of the whole batch; the label that
crosses top_p belongs to the nucleus; silence is a label, hence TPP is also given where B sounds, since a player that
never plays is right wherever B rests. All rivals draw from the same nucleus, except `uniform`.
"""

from __future__ import annotations

import argparse
import json
import zlib
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from corpora.disk import atomic_write
from decision.model import Decision
from decision.sampling import CONSTRAINTS
from train.common import command_line
from train.common.errors import TrainError
from train.common.progress import progress
from train.common.settings import add_arguments, parse_arguments, setting
from train.data import token_pairs
from train.data.token_pairs import Tokens
from train.data.tokenise import decision_folder, name_of, offered, tokens_of
from train.evaluate import regeneration_report as report
from train.evaluate import sound as sound_evaluation
from train.evaluate import sound_report
from train.evaluate.baselines import LabelStatistics
from train.evaluate.metrics import active_tpp, compare, describe, entropy, lcp, silence_share, tpp
from train.evaluate.rollout import Mode, model_cross_entropy, model_labels, roll
from train.evaluate.sound import Factory
from train.evaluate.windows import Windows, choose_windows, windows_of


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


def regeneration(
    data: Path | str, model: Path | str, out: Path | str, *, grid: bool = False, corpus: Path | str = "", **settings
) -> dict[str, Any]:
    """Evaluate a model on a token cache or a folder of stems; write OUT/regeneration.{json,md,png}; return the JSON.

    model: a model folder, or one decision model (decision.json) if DATA is tokens. grid: every configuration (K, hop)
    that both sides have. corpus: a token cache whose split "train" teaches the simple rivals; by default that of DATA
    or, if it has none, for each song the others evaluated. settings: fields of `RegenerationEvaluation`.
    TrainError, DecisionError, AudioError.
    """
    s, data, model, out = RegenerationEvaluation(**settings), Path(data), Path(model), Path(out)
    collected = []
    for tokens in tokens_of(data, model, s.split, grid=grid, units=s.units, hop=s.hop):
        name = name_of(tokens.units, tokens.hop)
        folder = decision_folder(model, tokens.units, tokens.hop)
        if folder is None:
            raise TrainError(f"no decision model for {name} in '{model}': {offered(model)}")
        decision = Decision.load(folder)
        decision.check(tokens.alphabet, tokens.hop)
        if decision.config.key_dim:
            raise TrainError(
                f"the decision model in '{folder}' hears features, and re-generation plays tokens alone, to which it "
                "would be half deaf: judge it by antiphon evaluate listening"
            )
        taught = _rival_tokens(Path(corpus), name, tokens) if corpus else tokens
        collected.append({"name": name} | _configuration(tokens, decision, taught, s))
    result = {"task": "regeneration", "data": data.name, "model": model.name, "settings": asdict(s)}
    result = json.loads(json.dumps({**result, "configurations": collected}))  # what is returned is what is written
    text, table, plot = json.dumps(result, indent=1) + "\n", report.markdown(result), report.png(result)
    out.mkdir(parents=True, exist_ok=True)
    atomic_write(out / "regeneration.png", plot)
    atomic_write(out / "regeneration.md", table)
    atomic_write(out / "regeneration.json", text)
    return result


def _rival_tokens(corpus: Path, name: str, tokens: Tokens) -> Tokens:
    """The token cache that the rivals learn from: `corpus`, or the cache `name` in a folder."""
    taught = token_pairs.load(corpus / f"{name}.npz" if corpus.is_dir() else corpus)
    if taught.alphabet != tokens.alphabet:
        raise TrainError(
            f"'{corpus}' is written in alphabet {taught.alphabet}, what is evaluated in {tokens.alphabet}: "
            "give the cache made with the same model"
        )
    return taught


# One configuration


def _configuration(tokens: Tokens, model: Decision, taught: Tokens, s: RegenerationEvaluation) -> dict[str, Any]:
    every = windows_of(tokens, s.split, s.seconds)
    windows, vocab = choose_windows(every, s.pairs, _rng(s, "windows")), model.config.vocab
    if s.split != "train" and taught.songs.get("train"):
        known = windows_of(taught, "train", s.seconds)
        statistics, of = LabelStatistics.of(known, vocab, len(windows.song)), "the training split"
    else:
        known, of = every, "the other songs of this split"
        statistics = LabelStatistics.leaving_out(every, vocab, windows.song)
    generated = _generate_all(model, statistics, windows, s)
    allowed = windows.allowed(vocab).sum(axis=1)
    return {
        "units": tokens.units,
        "hop": tokens.hop,
        "alphabet": tokens.alphabet,
        "labels_per_window": windows.played.shape[1],
        "windows": len(windows.song),
        "windows_there_are": len(every.song),
        "songs": len(np.unique(windows.song)),
        "rivals_learned_from": {"what": of, "windows": len(known.song), "songs": len(np.unique(known.song))},
        "truth": {
            "entropy": describe(entropy(windows.played), windows.song, _rng(s, "truth")),
            "silence": describe(silence_share(windows.played, tokens.units), windows.song, _rng(s, "truth")),
            "labels_allowed": describe(allowed.astype(float), windows.song, _rng(s, "truth")),
        },
        "cross_entropy": _cross_entropies(model, statistics, windows, s),
        "answers": [_measured(*key, answer, windows, tokens.units, s) for key, answer in generated.items()],
        "comparisons": _comparisons(generated, windows, tokens.units, s),
    }


Generated = dict[tuple[str, str], np.ndarray]  # (who, constraint) -> (n, T) labels


def mode_name(mode: Mode) -> str:
    """The name of the model in a mode: "model full", "model live 1"."""
    return f"model {mode}" if isinstance(mode, str) else f"model live {mode}"


def _generate_all(
    model: Decision, statistics: LabelStatistics, windows: Windows, s: RegenerationEvaluation
) -> Generated:
    vocab, generated = model.config.vocab, {}
    allowed, rivals = windows.allowed(vocab), statistics.players(windows.input)
    for constraint in progress(CONSTRAINTS, "answering"):
        for mode in s.modes:
            uniform = _rng(s, mode_name(mode), constraint).random(windows.played.shape)
            answer = model_labels(model, windows, uniform, mode, top_p=s.top_p, constraint=constraint)
            generated[mode_name(mode), constraint] = answer
        for name, (scores, top_p) in rivals.items():
            uniform = _rng(s, name, constraint).random(windows.played.shape)
            top_p = s.top_p if top_p is None else top_p
            generated[name, constraint] = roll(scores, allowed, uniform, top_p=top_p, constraint=constraint)
        generated["copy of A", constraint] = windows.input
    return generated


def _measured(
    name: str, constraint: str, answer: np.ndarray, windows: Windows, silence: int, s: RegenerationEvaluation
) -> dict[str, Any]:
    prefixes, rng = lcp(answer, windows.played), _rng(s, name, constraint, "interval")
    by_hop = {"mean_by_place": prefixes.mean(axis=0).tolist(), "sd_by_place": prefixes.std(axis=0).tolist()}
    values = tpp(answer, windows.played)
    return {
        "who": name,
        "constraint": constraint,
        "tpp": describe(values, windows.song, rng) | {"range": [float(values.min()), float(values.max())]},
        "tpp_sounding": describe(active_tpp(answer, windows.played, silence), windows.song, rng),
        "tpp_by_window": np.round(values, 3).tolist(),
        "lcp": describe(prefixes.mean(axis=1), windows.song, rng) | by_hop,
        "entropy": describe(entropy(answer), windows.song, rng),
        "silence": describe(silence_share(answer, silence), windows.song, rng),
    }


def _comparisons(
    generated: Generated, windows: Windows, silence: int, s: RegenerationEvaluation
) -> list[dict[str, Any]]:
    """Every mode of the model against every rival under the same constraint, by each measure."""
    collected, models, truth = [], {mode_name(mode) for mode in s.modes}, windows.played
    measures = {
        "tpp": lambda answer: tpp(answer, truth),
        "tpp_sounding": lambda answer: active_tpp(answer, truth, silence),
        "lcp": lambda answer: lcp(answer, truth).mean(axis=1),
    }
    for (name, constraint), ours in generated.items():
        for (rival, same), theirs in generated.items():
            if name in models and rival not in models and constraint == same:
                row: dict[str, Any] = {"who": name, "rival": rival, "constraint": constraint}
                rng = _rng(s, name, rival, constraint)
                for measure, values in measures.items():
                    row[measure] = compare(values(ours), values(theirs), windows.song, rng)
                collected.append(row)
    return collected


def _cross_entropies(
    model: Decision, statistics: LabelStatistics, windows: Windows, s: RegenerationEvaluation
) -> dict[str, Any]:
    """Nats per label of B given the true ones before it; the rivals' without nucleus."""
    values = {mode_name(mode): model_cross_entropy(model, windows, mode) for mode in s.modes}
    values |= statistics.cross_entropies(windows)
    return {name: describe(nats, windows.song, _rng(s, name, "nats")) for name, nats in values.items()}


def _rng(s: RegenerationEvaluation, *purpose: str) -> np.random.Generator:
    """A generator of its own for every purpose, so that no result depends on the rest of the evaluation."""
    return np.random.default_rng([s.seed, zlib.crc32("/".join(purpose).encode())])


# Command line


def main(argv: list[str] | None = None, player: Factory | None = None, resolve: Callable[[str], Path] = Path) -> None:
    """Command line of this evaluation. player: the agent, for --sound. resolve: name of a model -> its folder.

    Errors as of `regeneration`.
    """
    given = vars(parse_arguments(_parser(), argv))
    data, model, out = given.pop("data"), resolve(given.pop("model")), given.pop("out")
    sound = {name: given.pop(name) for name in ("sound", "coherence", "keep", "set")}
    if sound["sound"] is None:
        if any(sound.values()):
            raise TrainError("--coherence, --keep and --set belong to --sound: add --sound 40")
        print(report.markdown(regeneration(data, model, out, **given)))
        return
    if player is None:
        raise TrainError("--sound needs the whole agent: run it as  antiphon evaluate regeneration")
    if given.pop("grid") or given.pop("corpus") or {"units", "pairs"} & set(given):
        raise TrainError("--grid, --corpus, --units and --pairs are for labels: leave them out with --sound")
    given["modes"] = RegenerationEvaluation(modes=given.get("modes", RegenerationEvaluation.modes)).modes
    given |= {"sound": sound["sound"], "set": tuple(sound["set"] or ()), "keep": sound["keep"]}
    meter = str(resolve(sound["coherence"])) if sound["coherence"] else ""
    result = sound_evaluation.regeneration(data, model, out, player, coherence=meter, **given)
    print(sound_report.markdown(result))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="antiphon evaluate regeneration",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("data", type=Path, help="token cache, folder of caches, or folder of stems")
    parser.add_argument(
        "--model", default="small", metavar="DIR", help="model folder or embedded model (default: small)"
    )
    parser.add_argument("-o", "--out", type=Path, required=True, help="folder of the results")
    parser.add_argument("--grid", action="store_true", help="every K and hop that DATA and the model have")
    parser.add_argument("--corpus", default="", help="token cache whose training split teaches the baselines")
    add_arguments(parser, RegenerationEvaluation)
    parser.add_argument("--sound", type=int, metavar="N", help="render answers to N pairs of stems instead, such as 40")
    parser.add_argument("--coherence", metavar="DIR", help="meter of --sound (default: the model's own)")
    parser.add_argument("--keep", action="store_true", help="keep the answers of --sound as FLAC, A on the left")
    parser.add_argument("--set", action="append", metavar="K.K=V", help="a setting of the agent for --sound")
    return parser


if __name__ == "__main__":
    command_line.run(main)
