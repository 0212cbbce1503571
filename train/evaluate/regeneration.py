"""Re-generation: how well the model reproduces B given A as input (Bujard et al. 2025, §5.3 to §7).

    antiphon evaluate regeneration DATA [--model DIR] -o OUT

DATA is a token cache or a folder of them, or a folder of stems <song>/<stem>.flac, perhaps below <split>/, then
tokenised with the model's own encoder. Drums, percussion and effects are left out, as in the paper; so are submixes.

OUT/regeneration.json   every number with its n     OUT/regeneration.md   the tables     OUT/regeneration.png   the plot
With --grid every cell of the paper's grid that DATA and the model have: see train/evaluate/regeneration_grid.py. With
--sound N answers are rendered and their coherence is measured instead: see train/evaluate/sound.py.

Windows of 15 s, one every 10 s, each pair both ways, B not silent for more than 80 %. The model begins each window with
its start symbol and draws from its nucleus, given all of A (full, as in the paper) or A up to k hops before (live).
Differences to the paper's code: the allowed labels are those of the window of B, not of the whole batch; the label that
crosses top_p belongs to the nucleus; silence is a label, hence TPP is also given where B sounds, since a player that
never plays is right wherever B rests. All rivals draw from the same nucleus, except `uniform`. A decision that hears
features is given those beside the token cache, or of the stems.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import asdict, fields
from itertools import product
from pathlib import Path
from typing import Any

from corpora.whole_files import atomic_write
from decision.sampling import CONSTRAINTS
from train.common import command_line
from train.common.errors import TrainError
from train.common.progress import progress
from train.common.settings import add_arguments, parse_arguments
from train.data.tokenise import tokens_of
from train.evaluate import regeneration_grid_report, sound_report
from train.evaluate import regeneration_report as report
from train.evaluate import sound as sound_evaluation
from train.evaluate.configuration import Configuration, RegenerationEvaluation, assembled
from train.evaluate.regeneration_grid import GridEvaluation, grid
from train.evaluate.rollout import Mode
from train.evaluate.sound import Factory


def regeneration(
    data: Path | str, model: Path | str, out: Path | str, *, corpus: Path | str = "", **settings
) -> dict[str, Any]:
    """Evaluate a model on a token cache or a folder of stems; write OUT/regeneration.{json,md,png}; return the JSON.

    model: a model folder, or one decision model (decision.json) if DATA is tokens. corpus: a token cache whose split
    "train" teaches the simple rivals; by default that of DATA or, if it has none, for each song the others evaluated.
    settings: fields of `RegenerationEvaluation`. TrainError, DecisionError, AudioError.
    """
    s, data, model, out = RegenerationEvaluation(**settings), Path(data), Path(model), Path(out)
    taught = Path(corpus) if corpus else None
    tokens = tokens_of(data, model, s.split, units=s.units, hop=s.hop)
    evaluated = _evaluated(Configuration(tokens, model, data, taught, s), s.modes)
    result = {"task": "regeneration", "data": data.name, "model": model.name, "settings": asdict(s)}
    result = json.loads(json.dumps({**result, "configurations": [evaluated]}))  # what is returned is what is written
    text, table, plot = json.dumps(result, indent=1) + "\n", report.markdown(result), report.png(result)
    out.mkdir(parents=True, exist_ok=True)
    atomic_write(out / "regeneration.png", plot)
    atomic_write(out / "regeneration.md", table)
    atomic_write(out / "regeneration.json", text)
    return result


def _evaluated(configuration: Configuration, modes: tuple[Mode, ...]) -> dict[str, Any]:
    cells = {
        (mode, constraint): configuration.cell(mode, constraint, configuration.answer(mode, constraint))
        for mode, constraint in progress(list(product(modes, CONSTRAINTS)), "answering")
    }
    return assembled(configuration.facts(), configuration.rivals(), cells, modes)


# Command line


def main(argv: list[str] | None = None, player: Factory | None = None, resolve: Callable[[str], Path] = Path) -> None:
    """Command line of this evaluation. player: the agent, for --sound. resolve: name of a model -> its folder.

    Errors as of `regeneration`.
    """
    given = vars(parse_arguments(_parser(), argv))
    data, model, out = given.pop("data"), resolve(given.pop("model")), given.pop("out")
    sound = {name: given.pop(name) for name in ("sound", "coherence", "keep", "set")}
    as_grid, resume = given.pop("grid"), given.pop("resume")
    if not as_grid and (resume or {"examples", "jobs", "cluster"} & set(given)):
        raise TrainError("--resume, --examples, --jobs and --cluster belong to --grid: add --grid")
    if sound["sound"] is None:
        if any(sound.values()):
            raise TrainError("--coherence, --keep and --set belong to --sound: add --sound 40")
        if as_grid:
            print(regeneration_grid_report.markdown(grid(data, model, out, resume=resume, **given)))
        else:
            print(report.markdown(regeneration(data, model, out, **given)))
        return
    if player is None:
        raise TrainError("--sound needs the whole agent: run it as  antiphon evaluate regeneration")
    if as_grid or given.pop("corpus") or {"units", "pairs"} & set(given):
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
    parser.add_argument(
        "--grid", action="store_true", help="every K, hop and constraint, heard as --modes (default: full 1 2 4)"
    )
    parser.add_argument("--resume", action="store_true", help="keep the cells of --grid that OUT has already")
    add_arguments(parser, GridEvaluation, without=tuple(field.name for field in fields(RegenerationEvaluation)))
    parser.add_argument("--corpus", default="", help="token cache whose training split teaches the baselines")
    add_arguments(parser, RegenerationEvaluation)
    parser.add_argument("--sound", type=int, metavar="N", help="render answers to N pairs of stems instead, such as 40")
    parser.add_argument("--coherence", metavar="DIR", help="meter of --sound (default: the model's own)")
    parser.add_argument("--keep", action="store_true", help="keep the answers of --sound as FLAC, A on the left")
    parser.add_argument("--set", action="append", metavar="K.K=V", help="a setting of the agent for --sound")
    return parser


if __name__ == "__main__":
    command_line.run(main)
