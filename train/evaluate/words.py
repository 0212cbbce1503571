"""Evaluation of a model of words: finding music by a caption of it, and telling true captions from nearly true ones.

    python -m train.evaluate.words DATA... -o OUT --encoder DIR --words [NAME=]FILE    (antiphon evaluate words DATA...)

DATA are the folders that train.fit_words learns from; judged are the songs that it keeps for validation. OUT/words.md
and words.json; OUT/features holds what was encoded, or --features names it.

Found: as in Manco, Salamon & Nieto (ISMIR 2024), in random galleries of 500 excerpts each one is looked for by a
caption of its own; R@10 is how often it is among the first ten, MR its median rank. A caption names one to four true
values, as a musician would. It is as true of some other excerpts as of the one looked for, so even an *oracle* that
knows every value may miss it: its R@10 is the ceiling.
Told apart: how often the true caption of an excerpt is nearer to it than the same with one word swapped for a false
one.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from corpora.whole_files import write_files
from perception.wav2vec2 import Wav2Vec2Encoder, weights_hash
from perception.words import FILE, MAX_WORDS, STEP_S, Words, tokens
from train.common import command_line
from train.common.errors import TrainError
from train.common.settings import add_arguments, parse_arguments, setting
from train.common.table import NOTHING, table, with_interval
from train.data import captions, described
from train.data.captions import Caption
from train.data.described import Described
from train.evaluate.metrics import describe

FOUND_AMONG = 10  # R@10
BATCH = 256  # excerpts or captions at a time
ORACLE = "oracle"
SETS = {"rendered": False, "recorded": True}


@dataclass(frozen=True)
class WordsEvaluation:
    """Settings of this evaluation; each is a flag."""

    features: str = setting("", "folder of the encoded excerpts; OUT/features if there is none")
    stretches: int = setting(3, "excerpts of each song, of 22 s, as in training")
    held_out: int = setting(10, "one score of the training split in so many is judged, as in training")
    songs: int = setting(100_000, "songs of each split and data folder, at most")
    named: tuple[int, ...] = setting((1, 2, 3, 4), "values that a caption names")
    gallery: int = setting(500, "excerpts in which one is looked for, at most")
    galleries: int = setting(20, "random galleries")
    seed: int = setting(0, "of excerpts, captions and galleries")


def read_excerpts(data: list[Path], folder: Path, encoder: Wav2Vec2Encoder, settings: WordsEvaluation) -> Described:
    """The validation excerpts of all songs, encoded where they are not yet. TrainError, AudioError."""
    songs = described.songs_of(data, "train", folder, settings.songs)
    songs = [song for song in songs if described.is_held_out(song, settings.held_out)]
    songs += described.songs_of(data, "validation", folder, settings.songs)
    described.encode(songs, encoder, settings.stretches, settings.seed)
    return described.described(songs)


@torch.inference_mode()
def place_texts(model: Words, texts: Sequence[str]) -> np.ndarray:
    """(n, size) of captions; words that this model has not learned are left out."""
    placed = [np.zeros((0, model.config.size), np.float32)]
    for begin in range(0, len(texts), BATCH):
        found = [tokens(text) for text in texts[begin : begin + BATCH]]
        known = [[model.numbers[word] for word in words if word in model.numbers] for words in found]
        numbers = np.zeros((len(known), max(1, *map(len, known))), np.int64)
        for row, words in zip(numbers, known, strict=True):
            row[: len(words)] = words
        placed.append(model.embed_text(torch.from_numpy(numbers[:, :MAX_WORDS])).numpy())
    return np.concatenate(placed)


@torch.inference_mode()
def place_music(model: Words, excerpts: Described) -> np.ndarray:
    """(n, size) of excerpts."""
    rows = torch.from_numpy(excerpts.rows)
    return np.concatenate([model.embed_music(part).numpy() for part in rows.split(BATCH)])


def queries(excerpts: Described, named: int, seed: int) -> list[Caption]:
    """A caption of each excerpt that names so many true values, or as many as are known."""
    rng = np.random.default_rng([seed, named])
    return [Caption(captions.view(truth, named, rng), int(rng.integers(2**31))) for truth in excerpts.truths]


def ranks(scores: np.ndarray) -> np.ndarray:
    """(n,) rank of each excerpt, from 1, by scores (n captions, n excerpts) of its own caption; ties share the mean."""
    own = np.diagonal(scores)[:, None]
    return np.asarray(1 + (scores > own).sum(1) + ((scores == own).sum(1) - 1) / 2)


def found(ranked: np.ndarray, ties: np.ndarray) -> np.ndarray:
    """(n,) chance that an excerpt is among the first FOUND_AMONG. ties: how many share its rank, itself included."""
    first = ranked - (ties - 1) / 2
    return np.asarray(np.clip((FOUND_AMONG + 1 - first) / ties, 0, 1))


def search(scores: np.ndarray, settings: WordsEvaluation) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(which excerpt, found, rank) of every one that is looked for in random galleries; scores (n captions, n)."""
    rng, size = np.random.default_rng(settings.seed), min(settings.gallery, len(scores))
    which, hits, places = [], [], []
    for _ in range(settings.galleries if size < len(scores) else 1):
        gallery = rng.permutation(len(scores))[:size]
        within = scores[np.ix_(gallery, gallery)]
        ranked = ranks(within)
        ties = (within == np.diagonal(within)[:, None]).sum(1)
        which.append(gallery)
        hits.append(found(ranked, ties))
        places.append(ranked)
    return np.concatenate(which), np.concatenate(hits), np.concatenate(places)


def judge_search(models: Mapping[str, Words], excerpts: Described, settings: WordsEvaluation) -> list[dict[str, Any]]:
    """A row for each model and number of values named, the oracle among them."""
    rows = []
    music = {name: place_music(model, excerpts) for name, model in models.items()}
    for named in settings.named:
        asked = queries(excerpts, named, settings.seed)
        scores = {
            name: place_texts(model, [caption.text for caption in asked]) @ music[name].T
            for name, model in models.items()
        }
        scores[ORACLE] = np.stack([caption.is_true_of(excerpts.truths) for caption in asked]).astype(float)
        for name, values in scores.items():
            which, hits, places = search(values, settings)
            at10 = describe(100 * hits, excerpts.scores[which], np.random.default_rng(settings.seed))
            gallery = min(settings.gallery, len(excerpts))
            rows.append({"model": name, "named": named, "gallery": gallery, "median rank": float(np.median(places)),
                         "r@10": at10})  # fmt: skip
    return rows


def judge_swaps(models: Mapping[str, Words], excerpts: Described, settings: WordsEvaluation) -> list[dict[str, Any]]:
    """A row for each model and topic, and for all: how often the true caption of three values is nearer, %."""
    rng, cases = np.random.default_rng([settings.seed, 9]), []
    for n, caption in enumerate(queries(excerpts, 3, settings.seed + 1)):
        for wrong in captions.swapped(caption, excerpts.truths[n], rng):
            (at,) = (k for k, value in enumerate(caption.values) if wrong.values[k] != value)
            cases.append((n, caption, wrong, captions.VALUES[caption.values[at]][0]))
    which = np.array([case[0] for case in cases])
    topics = np.array([case[3] for case in cases])
    rows = []
    for name, model in models.items():
        music = place_music(model, excerpts)[which]
        true = place_texts(model, [caption.text for _, caption, _, _ in cases])
        false = place_texts(model, [wrong.text for _, _, wrong, _ in cases])
        right = 100.0 * ((music * true).sum(1) > (music * false).sum(1))
        for topic in ("all", *captions.TOPICS):
            chosen = (topics == topic) | (topic == "all")
            if chosen.any():
                share = describe(right[chosen], excerpts.scores[which[chosen]], np.random.default_rng(settings.seed))
                rows.append({"model": name, "topic": topic, "right": share})
    return rows


def evaluate(data: list[Path], models: Mapping[str, Words], encoder: Path, out: Path, settings: WordsEvaluation) -> str:
    """Judge models on rendered and on recorded excerpts; write OUT/words.json and words.md; the report.

    TrainError, AudioError, EncoderError.
    """
    features = Path(settings.features) if settings.features else out / "features"
    described.check_features(features, weights_hash(encoder), settings.stretches, settings.seed)
    excerpts = read_excerpts(data, features, Wav2Vec2Encoder.load(encoder, STEP_S), settings)
    result: dict[str, Any] = {}
    for name, recorded in SETS.items():
        chosen = excerpts.part(excerpts.recorded == recorded)
        if len(chosen):
            result[name] = {
                "excerpts": len(chosen), "songs": len(set(chosen.scores)),
                "search": judge_search(models, chosen, settings), "swaps": judge_swaps(models, chosen, settings),
            }  # fmt: skip
    if not result:
        raise TrainError(f"no song below {data[0]} is for validation: give more, or another --held-out")
    report = "\n".join(markdown(result)) + "\n"
    write_files(out, {"words.json": json.dumps(result, indent=1).encode(), "words.md": report.encode()})
    return report


def markdown(result: Mapping[str, Any]) -> list[str]:
    """The tables of the report."""
    lines = ["# Music found by words"]
    for name, part in result.items():
        lines += ["", f"## {name.capitalize()}: {part['excerpts']} excerpts of 10 s, {part['songs']} songs", ""]
        numbers = sorted({row["named"] for row in part["search"]})
        header = ["model", *(f"{what}, {n} named" for n in numbers for what in (f"R@{FOUND_AMONG}, %", "MR"))]
        cells = []
        for model in dict.fromkeys(row["model"] for row in part["search"]):
            of = {row["named"]: row for row in part["search"] if row["model"] == model}
            cells.append([model, *(cell for n in numbers for cell in (
                with_interval(of[n]["r@10"], 1), f"{of[n]['median rank']:g}"))])  # fmt: skip
        gallery = part["search"][0]["gallery"]
        lines += [f"Galleries of {gallery}; by chance R@{FOUND_AMONG} is {100 * FOUND_AMONG / gallery:.1f} %.", ""]
        lines += table(header, cells)
        models = list(dict.fromkeys(row["model"] for row in part["swaps"]))
        by = {(row["model"], row["topic"]): row["right"] for row in part["swaps"]}
        topics = dict.fromkeys(row["topic"] for row in part["swaps"])
        lines += ["", "The true caption is nearer than one with a word swapped, %; by chance 50.", ""]
        lines += table(
            ["topic", "n", *models],
            [
                [topic, str(by[models[0], topic]["n"]), *(
                    with_interval(by.get((model, topic)), 1) if (model, topic) in by else NOTHING for model in models)]
                for topic in topics
            ],
        )  # fmt: skip
    return lines


def main(argv: list[str] | None = None, find: Callable[[str], Path] = Path) -> None:
    """Command line of this evaluation. find: the folder of a named model. TrainError, WordsError, AudioError."""
    parser = argparse.ArgumentParser(
        prog="antiphon evaluate words", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, nargs="+", help="folders of songs, as train.fit_words takes them")
    parser.add_argument("--model", default="small", metavar="DIR", help="model whose encoder and words are judged")
    parser.add_argument("--encoder", type=Path, metavar="DIR", help="folder of another encoder")
    parser.add_argument(
        "--words", action="append", default=[], metavar="[NAME=]FILE", help="other words of that encoder; repeat it"
    )
    parser.add_argument("-o", "--out", type=Path, required=True, help="folder of the results")
    add_arguments(parser, WordsEvaluation)
    given = vars(parse_arguments(parser, argv))
    folder = find(given.pop("model"))
    encoder = given.pop("encoder") or folder / "encoder"
    named = [text.rpartition("=") for text in given.pop("words")]
    files = {name or Path(file).parent.name: Path(file) for name, _, file in named} or {
        folder.name: folder / "words" / FILE
    }
    models = {name: Words.load(file, weights_hash(encoder)) for name, file in files.items()}
    data, out = given.pop("data"), given.pop("out")
    print(evaluate(data, models, encoder, out, WordsEvaluation(**given)), end="")


if __name__ == "__main__":
    command_line.run(main)
