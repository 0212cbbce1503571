"""The grid of the re-generation (Bujard et al. 2025, §6, figures 4 to 8): every K, hop, constraint and look-ahead.

    antiphon evaluate regeneration DATA --grid [--model DIR] -o OUT [--modes full 1 2 4] [--examples 2] [--jobs 2]

A cell is K units at one hop, answered given all of A (full) or A up to k hops before (live), under one constraint. The
grid has the cells for which DATA and the model have an alphabet and a decision; which of the paper's nine
configurations are absent is said, with the commands that make them. A cell that is done is kept in OUT, and --resume
goes on with the others: after a killed run, or with another decision in the model folder. The figures are those of the
evaluation of one configuration, by the same seed.

OUT/regeneration.json, .md   every number with its n; the tables      OUT/regeneration.html   figures, tables, examples
OUT/figures/                 TPP, LCP and entropy by constraint       OUT/cells/              what is done
OUT/labels/                  of the stems, if DATA is stems           OUT/audio/              A left, the answer right
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from corpora.whole_files import atomic_write, together, write_files
from decision.model import Decision
from decision.sampling import CONSTRAINTS
from perception.units import Alphabet
from perception.wav2vec2 import Wav2Vec2Encoder
from train.common.cluster import CLUSTER_HELP, check_cluster, mapped
from train.common.errors import TrainError
from train.common.progress import progress
from train.common.settings import frozen, setting
from train.data import token_pairs
from train.data.stems import Song
from train.data.token_pairs import Tokens
from train.data.tokenise import (
    caches_of,
    decision_folder,
    label_stem,
    name_of,
    name_of_cache,
    pitched_songs,
    shared_configurations,
)
from train.evaluate import regeneration_audio as audio
from train.evaluate import regeneration_grid_report as report
from train.evaluate.configuration import Configuration, RegenerationEvaluation, Row, assembled, mode_name
from train.evaluate.metrics import tpp
from train.evaluate.resumable import begin, read_part
from train.evaluate.rollout import Mode

UNITS, HOPS = (16, 64, 256), (0.25, 0.35, 0.5)  # of the paper
Name = tuple[int, float]  # K, hop in s


@dataclass(frozen=True)
class GridEvaluation(RegenerationEvaluation):
    """Settings of a grid; saved with it. Which cells it has may change when it goes on, what a cell is may not."""

    modes: tuple[Mode, ...] = setting(
        ("full", 1, 2, 4), "what is heard: full, or how many hops behind", may_change=True
    )
    units: int = setting(0, "only this K; 0: all", may_change=True)
    hop: float = setting(0.0, "only this hop, s; 0: all", may_change=True)
    examples: int = setting(2, "answers of each cell to listen to, of as many songs, where DATA is stems")
    jobs: int = setting(1, "processes, each with one K and hop at a time", may_change=True)
    cluster: str = setting("", CLUSTER_HELP, may_change=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.examples < 0 or self.jobs < 1:
            raise TrainError(f"examples = {self.examples}, jobs = {self.jobs}: expected 0 or more, and 1 or more")


def grid(
    data: Path | str, model: Path | str, out: Path | str, *, resume: bool = False, corpus: Path | str = "", **settings
) -> dict[str, Any]:
    """Evaluate every cell that DATA and a model have and OUT has not yet; write the files of OUT; return the JSON.

    data, model, corpus: as of `train.evaluate.regeneration.regeneration`. resume: keep what OUT has. settings: fields
    of `GridEvaluation`. TrainError, DecisionError, AlphabetError, AudioError.
    """
    s, data, model, out = GridEvaluation(**frozen(settings)), Path(data), Path(model), Path(out)
    check_cluster(s.cluster)
    songs = {} if caches_of(data) else pitched_songs(data, s.split)
    wanted = _wanted(data, model, s)
    if songs:  # before they are encoded, which takes longest
        _check_decisions(model, wanted)
    paths = {"data": data, "model": model, "corpus": Path(corpus) if corpus else None}
    run = {name: str(path.resolve()) if path else "" for name, path in paths.items()}
    begin(out, ("cells", "figures", *(("audio", "labels") if songs else ())), run | asdict(s), s, resume)
    if songs:
        _label(songs, model, wanted, out / "labels", s)
    work = _Work(data, model, paths["corpus"], songs, out, s)
    mapped(evaluate_configuration, [(work, each) for each in wanted], s.jobs, s.cluster, "evaluating")
    result: dict[str, Any] = {"task": "regeneration", "data": data.name, "model": model.name}
    result["settings"] = {name: value for name, value in asdict(s).items() if name not in ("jobs", "cluster")}
    result["absent"] = absent(data, model, wanted, s)
    result |= _collected(work, [name_of(*each) for each in wanted])
    result = json.loads(json.dumps(result))  # what is returned is what is written
    _write(result, out)
    return result


def _write(result: dict[str, Any], out: Path) -> None:
    for name, picture in report.figures(result).items():
        atomic_write(out / "figures" / name, picture)
    atomic_write(out / "regeneration.html", report.html(result))
    atomic_write(out / "regeneration.md", report.markdown(result))
    atomic_write(out / "regeneration.json", json.dumps(result, indent=1) + "\n")


# Which cells there are


def _wanted(data: Path, model: Path, s: GridEvaluation) -> list[Name]:
    """(K, hop) of the cells that can be evaluated, by K, then hop. TrainError if there is none."""
    caches = caches_of(data)
    if len(caches) == 1:
        return list(_caches(data))
    shared = sorted(shared_configurations(data, model, units=s.units, hop=s.hop))
    wanted = [each for each in shared if caches or _alphabet(model, each).is_file()]
    if not wanted:
        Alphabet.load(_alphabet(model, shared[0]))  # which says that it is not there
    return wanted


def _check_decisions(model: Path, wanted: list[Name]) -> None:
    """DecisionError or AlphabetError where an alphabet and its decision do not belong together."""
    for name in wanted:
        alphabet = Alphabet.load(_alphabet(model, name))
        Decision.load(model / "decision" / name_of(*name)).check(alphabet.hash, alphabet.hop)


def _caches(data: Path) -> dict[Name, Path]:
    """The token caches at DATA; one alone may have any name."""
    caches = caches_of(data)
    if len(caches) == 1:
        tokens = token_pairs.load(caches[0])
        return {(tokens.units, tokens.hop): caches[0]}
    return {(int(k), float(h)): path for path in caches for k, h in [name_of_cache(path)[1:].split("_h")]}


def _alphabet(model: Path, name: Name) -> Path:
    return model / "units" / f"{name_of(*name)}.safetensors"


def absent(data: Path, model: Path, present: Iterable[Name], s: GridEvaluation) -> list[Row]:
    """The configurations of the paper that are not `present`: {"name", "missing": what, "commands": that make it}."""
    names = [(k, h) for k, h in product(UNITS, HOPS) if s.units in (0, k) and s.hop in (0.0, h)]
    return [_absent(data, model, name) for name in names if name not in set(present)]


def _absent(data: Path, model: Path, name: Name) -> Row:
    text, has_alphabet = name_of(*name), _alphabet(model, name).is_file()
    given = " --alphabets MODEL/units" if has_alphabet else ""
    missing = [] if has_alphabet else ["alphabet"]
    commands = [f"antiphon train units STEMS -o WORK --encoder MODEL/encoder{given} --units {name[0]}"]
    if not has_alphabet:
        commands.append(f"cp WORK/units/{text}.safetensors MODEL/units/")
    if decision_folder(model, *name) is None:
        missing.append("decision")
        commands.append(f"antiphon train decision WORK/tokens/{text} -o MODEL/decision/{text}")
    if caches_of(data):
        missing.append("labels")
        commands.append("antiphon evaluate regeneration WORK/tokens --grid --model MODEL -o OUT")
    return {"name": text, "missing": missing, "commands": commands}


# Labels of stems


def _label(songs: dict[str, Song], model: Path, wanted: list[Name], folder: Path, s: GridEvaluation) -> None:
    """Write the labels of every stem, where they are missing, by all alphabets of a hop at once."""
    arguments = []
    for hop in sorted({hop for _, hop in wanted}):
        names = [name for name in wanted if name[1] == hop]
        alphabets = [Alphabet.load(_alphabet(model, name)) for name in names]
        for song, parts in songs.items():
            stems = {part: (path, _labels_file(folder, hop, song, part)) for part, path in parts.items()}
            missing = [each for each in stems.values() if not _is_labelled(each[1], each[0], alphabets)]
            if missing:
                arguments.append((missing, model, hop, names))
    if arguments:
        mapped(label_stems, arguments, s.jobs, s.cluster, "encoding")


def label_stems(stems: list[tuple[Path, Path]], model: Path, hop: float, names: list[Name]) -> None:
    """Write a file of labels for each stem, (stem, file), by the alphabets of one hop, s. AudioError, TrainError."""
    alphabets = [Alphabet.load(_alphabet(model, name)) for name in names]
    encoder = Wav2Vec2Encoder.load(model / "encoder", hop)
    for path, labels_file in stems:
        arrays: dict[str, Any] = {"stem": _version(path)}
        for alphabet, (labels, features) in zip(alphabets, label_stem(path, encoder, alphabets), strict=True):
            arrays |= {f"{alphabet.hash}/labels": labels, f"{alphabet.hash}/features": features}
        content = io.BytesIO()
        np.savez(content, allow_pickle=False, **arrays)
        write_files(labels_file.parent, {labels_file.name: content.getvalue()})


def _labels_file(folder: Path, hop: float, song: str, part: str) -> Path:
    return folder / song / f"{part}_h{hop:.2f}.npz"


def _is_labelled(labels: Path, stem: Path, alphabets: list[Alphabet]) -> bool:
    """Whether a file has the labels of this very stem by each alphabet."""
    if not labels.exists():
        return False
    arrays = _arrays(labels)
    same = np.array_equal(arrays.get("stem", np.zeros(0)), _version(stem))
    return same and all(f"{alphabet.hash}/labels" in arrays for alphabet in alphabets)


def _version(stem: Path) -> np.ndarray:
    """(2,) int64: by which a file is told from another that takes its place."""
    about = stem.stat()
    return np.array([about.st_size, about.st_mtime_ns])


def _arrays(path: Path) -> dict[str, np.ndarray]:
    """The labels and features of a stem; TrainError if they are damaged."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            return dict(archive)
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise TrainError(f"'{path}' is damaged ({error}): delete it, and the stem is labelled again") from None


def _labelled(work: _Work, name: Name) -> Tokens:
    """The tokens of a configuration, of the labels that `_label` wrote."""
    alphabet, split = Alphabet.load(_alphabet(work.model, name)), work.s.split
    tokens = Tokens(*name, alphabet.hash, {split: {song: token_pairs.Song() for song in work.songs}}, alphabet.shapes)
    features = {}
    for song, parts in work.songs.items():
        for part in parts:
            arrays = _arrays(_labels_file(work.out / "labels", name[1], song, part))
            tokens.songs[split][song][part] = arrays[f"{alphabet.hash}/labels"]
            features[f"{split}/{song}/{part}"] = arrays[f"{alphabet.hash}/features"]
    return replace(tokens, features=features)


# The cells of one configuration


@dataclass(frozen=True)
class _Work:
    """What every cell is made from."""

    data: Path
    model: Path
    corpus: Path | None
    songs: dict[str, Song]  # whose audio is known
    out: Path
    s: GridEvaluation

    def part(self, name: str, mode: Mode = "", constraint: str = "") -> Path:
        """The file of a cell; without a mode, that of the rivals."""
        return self.out / "cells" / f"{self.stem(name, mode, constraint)}.json"

    def stem(self, name: str, mode: Mode = "", constraint: str = "") -> str:
        """How the names of a cell's files begin; without a mode, of those of the rivals."""
        return f"{name}_{_heard(mode)}_{constraint}".replace(" ", "_") if mode else name

    def cells(self) -> list[tuple[Mode, str]]:
        """The mode and constraint of each cell of a configuration."""
        return list(product(self.s.modes, CONSTRAINTS))


def _heard(mode: Mode) -> str:
    """ "full", "live 1": the name of a mode."""
    return mode_name(mode).removeprefix("model ")


def evaluate_configuration(work: _Work, units_and_hop: Name) -> None:
    """Evaluate the cells of K units at a hop (s) that OUT does not have. Errors as of `grid`."""
    name = name_of(*units_and_hop)
    tokens = _labelled(work, units_and_hop) if work.songs else token_pairs.load(_caches(work.data)[units_and_hop])
    origin = _origin(work, tokens)
    missing = [each for each in work.cells() if not _is_kept(work.part(name, *each), origin, name)]
    rivals_kept = _is_kept(work.part(name), origin, name)
    if not missing and rivals_kept:
        return
    configuration = Configuration(tokens, work.model, work.data, work.corpus, work.s)
    if not rivals_kept:
        with together():
            about = {"facts": configuration.facts(), "rivals": configuration.rivals()}
            _keep(work.part(name), origin, about, _true_examples(work, name, tokens, configuration))
    for mode, constraint in progress(missing, name):
        answer = configuration.answer(mode, constraint)
        with together():
            cell = configuration.cell(mode, constraint, answer)
            examples = _examples(work, work.stem(name, mode, constraint), tokens, configuration, answer)
            _keep(work.part(name, mode, constraint), origin, cell, examples)


def _origin(work: _Work, tokens: Tokens) -> dict[str, str]:
    """Fingerprints of what a cell depends on beside the settings."""
    labels = hashlib.sha256(tokens.alphabet.encode())
    for split, songs in sorted(tokens.songs.items()):
        for song, parts in sorted(songs.items()):
            for part, values in sorted(parts.items()):
                labels.update(f"{split}/{song}/{part}".encode() + values.tobytes())
    folder = decision_folder(work.model, tokens.units, tokens.hop)
    decision = hashlib.sha256((folder / "decision.json").read_bytes() if folder else b"")
    return {"labels": labels.hexdigest()[:12], "decision": decision.hexdigest()[:12]}


def _is_kept(path: Path, origin: dict[str, str], name: str) -> bool:
    """Whether a part is done. TrainError if it was made from something else."""
    if not path.exists():
        return False
    if read_part(path).get("origin") != origin:
        raise TrainError(
            f"'{path}' was made with other labels or another decision model than '{name}' has now: choose another "
            f"folder with -o, or delete {path.parent / name}* to evaluate it again"
        )
    return True


def _keep(path: Path, origin: dict[str, str], figures: Row, examples: list[Row]) -> None:
    atomic_write(path, json.dumps({"origin": origin, **figures, "examples": examples}) + "\n")


def _chosen(work: _Work, configuration: Configuration) -> list[int]:
    """The windows to listen to, each of another song, where A mostly sounds; the same in every cell."""
    song, rests = configuration.windows.song, (configuration.windows.input == configuration.units).mean(axis=1) > 0.5
    order = configuration.rng("examples").permutation(len(song))
    order = order[np.argsort(rests[order], kind="stable")]
    first = np.unique(song[order], return_index=True)[1]
    return order[np.sort(first)][: work.s.examples].tolist() if work.songs else []


def _true_examples(work: _Work, name: str, tokens: Tokens, configuration: Configuration) -> list[Row]:
    """Write B itself beside A for each window to listen to; where they are, and the names of the files."""
    rows, hops = [], configuration.windows.played.shape[1]
    for number, window in enumerate(_chosen(work, configuration)):
        at, file = configuration.windows.places[window], f"{name}_true_{number}.ogg"
        guide, truth = (
            audio.excerpt(work.songs[at.song][part], at.first, hops, tokens.hop) for part in (at.input, at.played)
        )
        audio.write(work.out / "audio" / file, guide, truth)
        where = {"song": at.song, "heard": at.input, "played": at.played, "begin": round(at.first * tokens.hop, 3)}
        rows.append({**where, "file": file})
    return rows


def _examples(work: _Work, stem: str, tokens: Tokens, configuration: Configuration, answer: np.ndarray) -> list[Row]:
    """Write answers (n, T) beside A for each window to listen to; their TPP and the names of the files."""
    rows, hops = [], answer.shape[1]
    for number, window in enumerate(_chosen(work, configuration)):
        at, file = configuration.windows.places[window], f"{stem}_{number}.ogg"
        path, memory = work.songs[at.song][at.played], tokens.songs[work.s.split][at.song][at.played]
        guide = audio.excerpt(work.songs[at.song][at.input], at.first, hops, tokens.hop)
        sound = audio.render(answer[window], memory, path, tokens.hop, tokens.units, work.s.seed)
        audio.write(work.out / "audio" / file, guide, sound)
        right = tpp(answer[window : window + 1], configuration.windows.played[window : window + 1])
        rows.append({"tpp": round(float(right[0]), 1), "file": file})
    return rows


# All of them


def _collected(work: _Work, names: list[str]) -> dict[str, Any]:
    """The configurations as `regeneration` gives them, and the examples by configuration and cell."""
    configurations, examples = [], {}
    for name in names:
        rivals = read_part(work.part(name))
        cells = {each: read_part(work.part(name, *each)) for each in work.cells()}
        configurations.append(assembled(rivals["facts"], rivals["rivals"], cells, work.s.modes))
        heard = {f"{_heard(mode)} {constraint}": cells[mode, constraint]["examples"] for mode, constraint in cells}
        examples[name] = {"true": rivals["examples"], "cells": heard}
    return {"configurations": configurations, "examples": examples}
