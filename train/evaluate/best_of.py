"""Best of n: the gain in fit of an answer when several plans are drawn for each hop and the best one is played.

    antiphon evaluate best-of STEMS -o OUT [--sound 40] [--coherence DIR] [--plans 4] [--rewards proxy cocola]

STEMS holds <split>/<song>/<stem>.flac. Each window of A is answered as `antiphon respond` would, live, from B's whole
recording and from the same part of another song; with best_of = 1, and with best_of = PLANS by each reward, the seed
being the same. Scored with COCOLA against A as in train/evaluate/sound.py, and by the true positive percentage of the
labels really played. Differences are pair by pair, intervals are 95 % by bootstrap over the songs.

OUT/best_of.json   every number, pair by pair     OUT/best_of.md   the table

The reward `cocola` is the same meter that scores the answers, so its gain is an upper bound for all rewards.
"""

from __future__ import annotations

import argparse
import json
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from corpora.whole_files import atomic_write
from perception.coherence import Coherence
from perception.hpss import SAMPLERATE
from perception.scoring import parallel_map
from train.common.errors import TrainError
from train.common.progress import progress
from train.common.settings import add_arguments, frozen, parse_arguments, setting
from train.common.table import NOTHING, table, with_interval
from train.data.tokenise import pitched_songs
from train.evaluate.metrics import compare, describe, tpp
from train.evaluate.sound import Factory, scores
from train.evaluate.sound_players import Memories, Pair, Player, choose_pairs, donor_of_each

MEMORIES = ("own", "other")
PLAIN = "1"


@dataclass(frozen=True)
class BestOfEvaluation:
    """Settings of one evaluation; saved with it."""

    sound: int = setting(40, "pairs of stems")
    split: str = setting("test", "split of STEMS, where it has splits")
    seconds: float = setting(15.0, "s of a window")
    plans: int = setting(4, "plans that are compared for each hop")
    rewards: tuple[str, ...] = setting(("proxy", "cocola"), "what they are compared by", choices=("proxy", "cocola"))
    top_p: float = setting(0.8, "nucleus that labels are drawn from")
    hop: float = setting(0.5, "s per label")
    seed: int = setting(0, "same seed, same figures")
    set: tuple[str, ...] = setting((), "a setting of the agent, K.K=V; may be given several times", repeat=True)
    workers: int = setting(2, "threads")

    def __post_init__(self) -> None:
        if self.sound < 2 or not 2 <= self.plans <= 16:
            raise TrainError(f"sound = {self.sound}, plans = {self.plans}: expected 2 pairs or more, 2 to 16 plans")

    def conditions(self, meter: Path) -> dict[str, list[str]]:
        """{condition: settings of the agent, "K.K=V" each}: one plan, and `plans` of them by each reward.

        meter: the folder of the coherence meter.
        """
        common = [f"decision.top_p={self.top_p:g}", *self.set]
        asked = {
            f"{self.plans} {reward}": [f"decision.best_of={self.plans}", f"decision.reward={reward}"]
            for reward in self.rewards
        }
        every = {PLAIN: common} | {name: common + sets for name, sets in asked.items()}
        return {name: [*sets, f"coherence.model={meter}"] for name, sets in every.items()}


def best_of(
    data: Path, model: Path, meter: Path, out: Path, player: Factory, settings: BestOfEvaluation
) -> dict[str, Any]:
    """Answer, score and compare; write OUT/best_of.{json,md}; return the JSON.

    TrainError, CoherenceError, AudioError.
    """
    s = settings
    pairs = choose_pairs(pitched_songs(data, s.split), s.sound, s.seconds, s.hop, _rng(s, "pairs"))
    players = {name: player(model, s.hop, SAMPLERATE, sets) for name, sets in s.conditions(meter).items()}
    judge = Coherence.load(meter)
    memories = Memories(players[PLAIN])
    work = (
        (number, pair, {"own": memories.of(pair), "other": memories.of(pairs[donor])})
        for number, (pair, donor) in progress(
            [(n, (pairs[n], donor)) for n, donor in enumerate(donor_of_each(pairs))], "answering"
        )
    )
    collected = list(parallel_map(lambda item: _measured(*item, players, judge, s), work, s.workers))
    song, keys = np.array([pair.song for pair in pairs]), list(collected[0])
    values = {key: {m: np.array([item[key][m] for item in collected]) for m in collected[0][key]} for key in keys}
    result = {
        "task": "best of",
        "data": data.name,
        "settings": vars(s),
        "meter": judge.source,
        "pairs": [[pair.song, pair.input, pair.played, pair.first * s.hop] for pair in pairs],
        "rows": [_row(*key, values[key], song, s) for key in keys],
        "comparisons": [
            {"memory": memory, "who": who} | _compared(values[memory, who], values[memory, PLAIN], song, s, memory, who)
            for memory, who in keys
            if who != PLAIN
        ],
    }
    out.mkdir(parents=True, exist_ok=True)
    atomic_write(out / "best_of.md", markdown(result))
    atomic_write(out / "best_of.json", json.dumps(result, indent=1) + "\n")
    return result


def _measured(
    number: int, pair: Pair, memories: dict[str, Any], players: dict[str, Player], judge: Coherence, s: BestOfEvaluation
) -> dict[tuple[str, str], dict[str, float]]:
    """{(memory, who): {measure: value}} of the answers to a pair; NaN where no window could be scored."""
    seed = zlib.crc32(f"{s.seed}/{number}".encode())
    outputs = {
        (memory, who): player.answer(player.again(recording), pair.guide, 1, seed)
        for memory, recording in memories.items()
        for who, player in players.items()
    }
    labels = players[PLAIN].labels(memories["own"])
    truth = labels[pair.first : pair.first + round(s.seconds / s.hop)]
    scored, _ = scores(judge, pair.guide, {key: answer.audio for key, answer in outputs.items()})
    return {
        key: {mode: _mean(windows) for mode, windows in scored[key].items()}
        | {"tpp": float(tpp(answer.labels[None, : len(truth)], truth[None])[0])}
        | {"wanted": 100 * float(np.mean(answer.wanted == answer.labels))}
        for key, answer in outputs.items()
    }


def _mean(values: np.ndarray) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else float("nan")


def _row(memory: str, who: str, values: dict[str, np.ndarray], song: np.ndarray, s: BestOfEvaluation) -> dict[str, Any]:
    row: dict[str, Any] = {"memory": memory, "who": who}
    for name, value in values.items():
        known = ~np.isnan(value)
        row[name] = describe(value[known], song[known], _rng(s, memory, who, name)) if known.any() else None
        row[f"{name} by pair"] = [None if np.isnan(x) else round(float(x), 4) for x in value]
    return row


def _compared(
    ours: dict[str, np.ndarray], theirs: dict[str, np.ndarray], song: np.ndarray, s: BestOfEvaluation, *purpose: str
) -> dict[str, Any]:
    collected = {}
    for name in ours:
        known = ~np.isnan(ours[name]) & ~np.isnan(theirs[name])
        rng = _rng(s, *purpose, name, "difference")
        collected[name] = compare(ours[name][known], theirs[name][known], song[known], rng) if known.any() else None
    return collected


def markdown(result: dict[str, Any]) -> str:
    """The table of scores by memory and condition, in Markdown. result: what `best_of` returned."""
    modes = [name for name in ("both", "harmonic", "percussive") if name in result["rows"][0]]
    names = [*modes, "tpp", "wanted"]
    s = result["settings"]
    differences = {(item["memory"], item["who"]): item for item in result["comparisons"]}
    rows = []
    for row in result["rows"]:
        compared = differences.get((row["memory"], row["who"]), {})
        rows.append([row["memory"], row["who"], *(_cell(row[name], compared.get(name)) for name in names)])
    lines = [
        f"# Best of {s['plans']}",
        "",
        f"{len(result['pairs'])} windows of {s['seconds']:g} s of {result['data']}, {s['split']}; answered live, seed "
        f"{s['seed']}. COCOLA by {result['meter'] or 'an unnamed meter'}. In parentheses the difference to one plan, "
        "pair by pair, with its 95 % interval over songs. tpp: true positive percentage; wanted: labels that were "
        "played as the plan wanted, %.",
        "",
        *table(["memory", "plans", *names], rows),
    ]
    return "\n".join(lines) + "\n"


def _cell(value: dict[str, Any] | None, difference: dict[str, Any] | None) -> str:
    if value is None:
        return NOTHING
    compared = f" ({with_interval(difference, key='difference', sign=True)})" if difference else ""
    return f"{value['mean']:.2f}{compared}"


def _rng(s: BestOfEvaluation, *purpose: str) -> np.random.Generator:
    return np.random.default_rng([s.seed, zlib.crc32("/".join(purpose).encode())])


def main(
    argv: list[str] | None, player: Factory, resolve: Callable[[str], Path], meter_of: Callable[[str], Path]
) -> None:
    """Command line of this evaluation.

    player: the agent. resolve: the folder of a named model. meter_of: the folder of the meter of a named model. The
    errors say what the user can mend.
    """
    parser = argparse.ArgumentParser(
        prog="antiphon evaluate best-of", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, help="folder of stems, <split>/<song>/<stem>.flac")
    parser.add_argument(
        "--model", default="small", metavar="DIR", help="model folder or embedded model (default: small)"
    )
    parser.add_argument("-o", "--out", type=Path, required=True, help="folder of the results")
    parser.add_argument("--coherence", metavar="DIR", help="the meter (default: the model's own)")
    add_arguments(parser, BestOfEvaluation)
    given = vars(parse_arguments(parser, argv))
    data, model, out, meter = (given.pop(name) for name in ("data", "model", "out", "coherence"))
    settings = BestOfEvaluation(**frozen(given))
    print(markdown(best_of(data, resolve(model), meter_of(meter or model), out, player, settings)))
