"""The embedded model from data to folder: every recipe in order, each going on where it stopped.

    python -m train.make_small DATA -o WORK [--encoder-minutes 45] [--decision-minutes 30] [...]   (make small)

DATA holds the scores: pop909.tgz and, if it is there, js_fakes/. WORK gets what is made on the way: stems/, drums/,
encoder/, units/, tokens/, decision/, coherence/. At the end agent/models/small is replaced, with its CARD.md, as a
whole.
"""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path

from corpora.disk import atomic_folder
from perception.units import file_stem
from train import fit_coherence, fit_decision, fit_encoder, fit_proxy, fit_units
from train.common import command_line
from train.data import drums, render

UNITS, HOPS = 64, (0.25, 0.5)  # of the decision models
FORMAT = 1  # of model.json, as agent/performance/model_folder.py reads it
EMBEDDED = Path(__file__).parents[1] / "agent" / "models"


def make(
    data: Path, work: Path, encoder_minutes: float, decision_minutes: float, coherence_minutes: float, songs: int
) -> Path:
    """Run every recipe that is not done; return the folder of the finished model."""
    stems = [work / "stems" / "pop909"]
    render.render(data / "pop909.tgz", stems[0], transpose=True, seconds=120.0)
    if (data / "js_fakes").is_dir():
        stems.append(work / "stems" / "chorales")
        render.render(data / "js_fakes", stems[1], transpose=True)
    if not (work / "encoder" / "model.safetensors").exists():
        fit_encoder.fit(stems[:1], work / "encoder", True, fit_encoder.EncoderTraining(minutes=encoder_minutes))
    if not (work / "tokens" / f"{file_stem(UNITS, HOPS[-1])}.npz").exists():
        fit_units.fit(stems, work, True, fit_units.UnitsTraining(encoder=str(work / "encoder"), songs=songs))
    for hop in HOPS:
        name = file_stem(UNITS, hop)
        settings = fit_decision.DecisionTraining(minutes=decision_minutes)
        fit_decision.fit([work / "tokens" / f"{name}.npz"], work / "decision" / name, True, settings)
    drums.make(stems[0], work / "drums" / "pop909")
    music = [work / "drums" / "pop909", *stems[1:]]
    fit_coherence.fit(music, work / "coherence", True, fit_coherence.CoherenceTraining(minutes=coherence_minutes))
    model = assemble(work, EMBEDDED / "small")
    fit_proxy.fit([work], model, True, fit_proxy.ProxyTraining())
    return model


def assemble(work: Path, out: Path) -> Path:
    """Gather the parts of a model below `work` into the folder `out`, which is replaced as a whole or not at all."""
    held = {path.name for path in out.iterdir()} if out.exists() else set()
    with atomic_folder(out, held) as new:
        (new / "encoder").mkdir()
        for file in ("config.json", "model.safetensors"):
            shutil.copy(work / "encoder" / file, new / "encoder" / file)
        shutil.copytree(work / "units", new / "units")
        for hop in HOPS:
            folder = new / "decision" / file_stem(UNITS, hop)
            folder.mkdir(parents=True)
            for file in ("decision.json", "decision.safetensors"):
                shutil.copy(work / "decision" / file_stem(UNITS, hop) / file, folder / file)
        shutil.copytree(work / "coherence" / "model", new / "coherence")
        info = {"format": FORMAT, "name": out.name, "hops": {f"{hop:g}": UNITS for hop in HOPS}}
        (new / "model.json").write_text(json.dumps(info, indent=1) + "\n")
        card = work / "CARD.md" if (work / "CARD.md").exists() else out / "CARD.md"
        if card.exists():
            shutil.copy(card, new / "CARD.md")
    return out


def main(argv: list[str] | None = None) -> None:
    """Command line of this recipe."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("-o", "--work", type=Path, required=True)
    parser.add_argument("--resume", action="store_true", help="always so: what is done is not done again")
    parser.add_argument("--encoder-minutes", type=float, default=45.0)
    parser.add_argument("--decision-minutes", type=float, default=30.0, help="for each of the two hops")
    parser.add_argument("--coherence-minutes", type=float, default=90.0)
    parser.add_argument("--songs", type=int, default=100_000, help="of each set and split, to name")
    given = vars(parser.parse_args(argv))
    given.pop("resume")
    print(make(**given))


if __name__ == "__main__":
    command_line.run(main)
