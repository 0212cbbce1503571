"""Make the embedded model from the data: every recipe in order, each resumed where it stopped.

    python -m train.make_small DATA -o WORK [--encoder-minutes 45] [--decision-minutes 30] [...]   (make small)

DATA holds the scores, pop909.tgz and, if they are there:
    js_fakes/      chorales
    openscore/     quartets and songs in MusicXML, the collections of OpenScore
    bank/, rooms/  real notes and impulse responses, made by train.songs.make_bank and train.songs.make_rooms
    groove/        takes of real drummers, the Groove MIDI Dataset
    recordings/    stems of people playing together, made by train.songs.recordings
WORK gets the results of the recipes: stems/, encoder/, units/, tokens/, decision/, attributes/, coherence/, words/,
fill/, and finished.json, which says what is done. At the end agent/models/small is replaced as a whole, with its
CARD.md. On a GPU, use --batch 512 --pool 8.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from corpora.whole_files import atomic_write, write_files
from decision.attributes import FILE as ATTRIBUTES
from decision.attributes import weights_of
from decision.fill import FILES as FILL_FILES
from decision.model import Decision
from perception.units import file_stem
from perception.words import FILE
from train import fit_attributes, fit_coherence, fit_decision, fit_encoder, fit_fill, fit_units, fit_words
from train.common import command_line
from train.common.settings import add_arguments, setting
from train.data import token_pairs
from train.make_model import assemble
from train.songs import render

UNITS, HOPS = 64, (0.25, 0.35, 0.5)  # of the decision models
EXCERPT_S = 60.0  # of scores in MusicXML: the movements of a quartet last half an hour
FINISHED = "finished.json"  # in WORK: the recipes that are done, and with which settings
Recipe = Callable[[list[Path], Path, bool, Any], object]  # data, folder, resume, settings
EMBEDDED = Path(__file__).parents[1] / "agent" / "models"


@dataclass(frozen=True)
class SmallModel:
    """Settings of this recipe; each is a flag."""

    encoder_minutes: float = setting(45.0, "minutes of learning of the encoder")
    decision_minutes: float = setting(30.0, "minutes of learning of the decision, for each hop")
    attributes_steps: int = setting(700, "updates of the tokens by which the decision is asked, for each hop")
    coherence_minutes: float = setting(90.0, "minutes of learning of the coherence meter")
    words_epochs: int = setting(18, "times that the model of words learns from all its excerpts")
    fill_minutes: float = setting(30.0, "minutes of learning of the fill model")
    songs: int = setting(100_000, "songs of each set and split, to name")
    seconds: float = setting(120.0, "s of each training song that are rendered")
    excerpts: int = setting(1, "excerpts of 60 s of each score in MusicXML that are rendered")
    bands: int = setting(500, "songs that a band plays")
    jobs: int = setting(2, "processes that render, and threads that read")
    batch: int = setting(0, "examples per step of encoder and decision; 0: what suits a CPU")
    pool: int = setting(1, "batches of the decision that are rolled out at once")


def make(data: Path, work: Path, settings: SmallModel) -> Path:
    """Run every recipe that is not done; returns the folder of the finished model. Errors as of the recipes."""
    stems = render_all(data, work, settings)
    batch: dict[str, Any] = {"batch": settings.batch} if settings.batch else {}
    rooms = str(data / "rooms") if (data / "rooms").is_dir() else ""
    encoder = fit_encoder.EncoderTraining(minutes=settings.encoder_minutes, rooms=rooms, **batch)
    _once(work, "encoder", fit_encoder.fit, stems, encoder)
    if not token_pairs.is_made(work / "tokens" / file_stem(UNITS, HOPS[-1])):
        named = fit_units.UnitsTraining(encoder=str(work / "encoder"), songs=settings.songs, jobs=settings.jobs)
        fit_units.fit(stems, work, True, named)
    decision = fit_decision.DecisionTraining(
        minutes=settings.decision_minutes, pool=settings.pool, recordings="recordings", **batch
    )
    names = [file_stem(UNITS, hop) for hop in HOPS]
    for name in names:
        _once(work, f"decision/{name}", fit_decision.fit, [work / "tokens" / name], decision)
    meter = fit_coherence.CoherenceTraining(minutes=settings.coherence_minutes)
    _once(work, "coherence", fit_coherence.fit, stems, meter)
    model = assemble(work, EMBEDDED / "small", dict.fromkeys(HOPS, UNITS), *_card(work, EMBEDDED / "small"))
    for name in names:  # so that three of them fit in the 50 MB that the model may have
        write_files(model / "decision" / name, Decision.load(model / "decision" / name).files(dtype=torch.int8))
        asked = fit_attributes.AttributesTraining(str(model / "decision" / name), settings.attributes_steps)
        made = _once(
            work,
            f"attributes/{name}",
            fit_attributes.fit,
            [work / "tokens" / name, *stems],
            asked,
            weights_of(model / "decision" / name),
        )
        _put(made, model / "decision" / name, [f"{ATTRIBUTES}.json", f"{ATTRIBUTES}.safetensors"])
    words = fit_words.WordsTraining(encoder=str(work / "encoder"), epochs=settings.words_epochs, songs=settings.songs)
    _put(_once(work, "words", fit_words.fit, stems, words), model / "words", [FILE])
    groove = str(data / "groove") if (data / "groove").is_dir() else ""
    filling = fit_fill.FillTraining(minutes=settings.fill_minutes, groove=groove, jobs=settings.jobs)
    _put(_once(work, "fill", fit_fill.fit, [data / "pop909.tgz"], filling), model / "fill", FILL_FILES)
    return model


def _once(work: Path, name: str, recipe: Recipe, data: list[Path], settings: Any, of: str = "") -> Path:
    """Run a recipe with its folder WORK/name, unless it has finished with these settings; returns the folder.

    of: hash of other weights that its own belong to. A recipe that is resumed where it has finished validates and
    calibrates again, for minutes.
    """
    note, now = work / FINISHED, json.loads(json.dumps(asdict(settings) | {"of": of}))
    finished = json.loads(note.read_text(encoding="utf-8")) if note.exists() else {}
    if finished.get(name) != now:
        recipe(data, work / name, True, settings)
        atomic_write(note, json.dumps(finished | {name: now}, indent=1) + "\n")
    return work / name


def _put(made: Path, into: Path, files: Iterable[str]) -> None:
    """Copy files of a recipe's folder into a folder of the model."""
    write_files(into, {file: (made / file).read_bytes() for file in files})


def _card(work: Path, out: Path) -> tuple[str, set[str]]:
    """The card of the model, WORK's or the one that is there, and what is there."""
    cards = [folder / "CARD.md" for folder in (work, out) if (folder / "CARD.md").exists()]
    present = {path.name for path in out.iterdir()} if out.exists() else set()
    return cards[0].read_text(encoding="utf-8") if cards else "", present


def render_all(data: Path, work: Path, settings: SmallModel) -> list[Path]:
    """Render the scores that are not rendered yet; returns the folders of stems to train on."""
    bank, rooms, groove = (data / name if (data / name).is_dir() else None for name in ("bank", "rooms", "groove"))
    studio: dict[str, Any] = {"jobs": settings.jobs, "bank": bank, "rooms": rooms}
    stems, seconds = [work / "stems" / "pop909"], settings.seconds
    render.render(data / "pop909.tgz", stems[0], True, seconds, bands=settings.bands, groove=groove, **studio)
    if (data / "js_fakes").is_dir():
        stems.append(work / "stems" / "chorales")
        render.render(data / "js_fakes", stems[1], True, **studio)
    if (data / "openscore").is_dir():
        stems.append(work / "stems" / "openscore")
        splits = ("train", "validation")
        render.render(data / "openscore", stems[-1], True, EXCERPT_S, only=splits, excerpts=settings.excerpts, **studio)
    return stems + ([data / "recordings"] if (data / "recordings").is_dir() else [])


def main(argv: list[str] | None = None) -> None:
    """Command line of this recipe."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("-o", "--work", type=Path, required=True)
    parser.add_argument("--resume", action="store_true", help="always so: what is done is not done again")
    add_arguments(parser, SmallModel)
    given = vars(parser.parse_args(argv))
    given.pop("resume")
    print(make(given.pop("data"), given.pop("work"), SmallModel(**given)))


if __name__ == "__main__":
    command_line.run(main)
