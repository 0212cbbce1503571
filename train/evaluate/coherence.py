"""Evaluation of a coherence meter: classification of sub-mixtures, and sensitivity to changes of true pairs.

    python -m train.evaluate.coherence DATA -o OUT [--model DIR|CKPT]...    (antiphon evaluate coherence is the same)

DATA holds stems, <split>/<song>/<stem>.flac or <song>/<stem>.flac, drums included. --model: a folder of a coherence
model or a checkpoint of the official code; several are compared on the same pairs.

OUT/coherence.json   every number with its n     OUT/coherence.md   the tables     OUT/coherence.png   the curves

--cluster: windows, changed pairs and each measure of each meter are heard at once on a Ray cluster, to the same figures
(train/common/cluster.py). Only this machine needs the models, and writes OUT.

Classification is eq. (4) of Ciranni et al. (2024): among K windows, the share whose first sub-mixture scores highest
with the second one of the same window. Every window is embedded once; many batches are drawn from them, of K different
songs where there are as many, else as evenly over the songs as can be, no two windows sharing more than half.

A meter with a time-keeping embedding is also judged by each of its measures and by their sum (perception/evidence.py),
beside librosa's chroma in the same windows: classification, pairs against displaced ones and, with --whole true, parts
of whole files.

A reader of the meter has one scale for all inputs, so the accuracy of one common threshold is reported too.

Sensitivity: the output of true pairs is transposed, displaced in time (with music of the same song, so without
silence), stretched from its beginning on, or exchanged. To separate the change from its artefacts, both sides are also
transposed or stretched alike, which leaves them coherent.
"""

from __future__ import annotations

import argparse
import json
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from corpora.whole_files import atomic_write, disk_errors, temporary_name
from perception.coherence import WINDOW_S, Coherence, CoherenceError
from perception.evidence import EvidenceMeter
from perception.scoring import Embeddings, embed_windows
from perception.transformer import torch_threads
from train.common import command_line
from train.common.cluster import CLUSTER_HELP, check_cluster, mapped
from train.common.errors import TrainError
from train.common.progress import progress
from train.common.settings import add_arguments, parse_arguments, setting
from train.data.submixes import pairs_of, submix_songs
from train.evaluate import coherence_report as report
from train.evaluate import evidence
from train.evaluate.metrics import interval
from train.evaluate.sensitivity import WindowOrigins, embedded_changes, measure

FILES = ("coherence.png", "coherence.md", "coherence.json")
DRAWS_PER_WINDOW = 20  # mean number of batches that a window is drawn into
MIN_BATCHES = 100  # batches for each K


@dataclass(frozen=True)
class CoherenceEvaluation:
    """Settings of one evaluation; saved with it."""

    split: str = setting("test", "split of DATA, where it has splits")
    windows: int = setting(256, "windows that are classified, spread over the songs")
    pairs: int = setting(40, "pairs whose answers are changed; 0: none")
    k: tuple[int, ...] = setting((2, 8, 16, 64), "how many windows there are to choose among")
    whole: bool = setting(False, "also compare whole files, part by part (meters with a time-keeping embedding)")
    overlap: float = setting(0.5, "share of a window that another one in its batch may have too, at most")
    beat: float = setting(0.5, "s per beat of songs that do not say it (song.json: bpm)")
    seed: int = setting(0, "same seed, same figures")
    cluster: str = setting("", CLUSTER_HELP)

    def __post_init__(self) -> None:
        object.__setattr__(self, "k", tuple(self.k))
        if not self.k or min(self.k) < 2:
            raise TrainError(f"k = {list(self.k)}: expected numbers of windows to choose among, 2 or more each")
        if self.windows < 2 or self.pairs < 0 or self.seed < 0:
            raise TrainError("windows must be 2 or more, pairs 0 (no sensitivity) or more, seed 0 or more")
        if not 0.1 <= self.beat <= 2:
            raise TrainError(f"beat = {self.beat:g} s: expected 0.1 to 2 s")
        if not 0 <= self.overlap <= 1:
            raise TrainError(f"overlap = {self.overlap:g}: expected a share of a window, 0 to 1")


def coherence(
    data: Path | str, meters: Mapping[str, Coherence | EvidenceMeter], out: Path | str, **settings
) -> dict[str, Any]:
    """Evaluate {name: model or meter} on folders of stems; write OUT/coherence.{json,md,png}; return the first.

    settings: fields of `CoherenceEvaluation`. TrainError, CoherenceError, AudioError.
    """
    s, data, out = CoherenceEvaluation(**settings), Path(data), Path(out)
    check_cluster(s.cluster)
    models = {name: meter.coherence if isinstance(meter, EvidenceMeter) else meter for name, meter in meters.items()}
    wider = {name: meter for name, meter in meters.items() if isinstance(meter, EvidenceMeter) and meter.time}
    songs = submix_songs(data, s.split)
    _writable(out)
    heard = _heard(songs, models, wider, s)
    origins, embedded = heard["windows"]
    result: dict[str, Any] = {"task": "coherence", "data": data.resolve().name}
    result["settings"] = {name: value for name, value in asdict(s).items() if name != "cluster"}
    result |= {"songs": len(np.unique(origins.song)), "windows": len(origins.song)}
    result["models"] = [_model_info(name, model) for name, model in models.items()]
    result |= _classification(models, embedded, origins, s, _wider_tables(heard))
    result["threshold"] = list(_threshold(models, embedded, origins, s))
    result["sensitivity"] = []
    if s.pairs:
        strangers = [second for _, second in embedded]
        result["sensitivity"] = measure(heard["changes"], models, strangers, origins, s.seed)
        result["displaced"] = [row for name in wider for row in heard["displaced", name]]
    if s.whole:
        result["whole_files"] = [row for name in wider for row in heard["whole files", name]]
    result["paper"] = report.PAPER
    result = json.loads(json.dumps(result))  # what is returned is what is written
    contents: tuple[bytes | str, ...] = report.png(result), report.markdown(result), json.dumps(result, indent=1) + "\n"
    for name, content in zip(FILES, contents, strict=True):
        atomic_write(out / name, content)
    return result


def _writable(out: Path) -> None:
    """AudioError where the results cannot be written, raised before the work."""
    with disk_errors(out):
        out.mkdir(parents=True, exist_ok=True)
        temporary = temporary_name(out / FILES[-1])[1]
        temporary.touch(exist_ok=False)
        temporary.unlink()


def _model_info(name: str, model: Coherence) -> dict[str, Any]:
    calibration = model.calibration
    info = {"source": calibration.source, "pairs": calibration.pairs} if calibration else None
    return {"name": name, "separated": model.separated, "source": model.source, "calibration": info}


def _heard(
    songs: dict[str, list[Path]],
    models: dict[str, Coherence],
    wider: dict[str, EvidenceMeter],
    s: CoherenceEvaluation,
) -> dict[Any, Any]:
    """All that is computed from sound, here or on a cluster: {what, or (what, name of a meter): its result}."""
    work: dict[Any, tuple[Any, ...]] = {"windows": (_embedded_windows, songs, models, s)}
    if s.pairs:
        work["changes"] = (embedded_changes, songs, models, s.pairs, s.beat, s.seed)
    for name, meter in wider.items():
        work["tables", name] = (evidence.tables, meter, songs, s.windows, s.seed)
        if s.pairs:
            work["displaced", name] = (evidence.displaced, name, meter, songs, s.pairs, s.seed + 1, s.beat)
        if s.whole:
            work["whole files", name] = (evidence.whole_files, name, meter, songs, s.seed)
    if wider:
        work["chroma"] = (evidence.chroma_table, songs, s.windows, s.seed)
    if s.cluster:
        results = mapped(_in_one_thread, list(work.values()), 1, s.cluster, "listening")
    else:  # each has a progress bar of its own
        results = [_in_one_thread(*each) for each in work.values()]
    return dict(zip(work, results, strict=True))


def _in_one_thread(work: Callable[..., Any], *arguments: Any) -> Any:
    """work(*arguments), rows as a list; its products by one thread each, as a worker of a cluster has them."""
    before = torch_threads()
    torch_threads(1)
    try:
        with threadpool_limits(1):
            result = work(*arguments)
            return list(result) if isinstance(result, Iterator) else result
    finally:
        torch_threads(before)


# Coherent sub-mix classification


SubmixEmbeddings = tuple[Embeddings, Embeddings]  # first and second sub-mixtures, mode -> (n, 512)


def _embedded_windows(
    songs: dict, models: dict[str, Coherence], s: CoherenceEvaluation
) -> tuple[WindowOrigins, list[SubmixEmbeddings]]:
    where: list[tuple[int, float]] = []

    def windows() -> Iterator[np.ndarray]:
        for pair in progress(pairs_of(songs, s.windows, s.seed), "listening", s.windows):
            where.append((pair.song, pair.begin))
            yield from pair.window

    collected = embed_windows(list(models.values()), windows())
    if len(where) < 2:
        raise TrainError(
            f"{len(where)} windows of {WINDOW_S:g} s in which two stems sound: too few to compare, give more music"
        )
    both = [[{mode: h[side::2] for mode, h in item.items()} for side in (0, 1)] for item in collected]
    return WindowOrigins.of(where), [(first, second) for first, second in both]


Tables = dict[tuple[str, str], np.ndarray]  # (model, mode) -> (n, n) of first with second sub-mixtures


def _wider_tables(heard: dict[Any, Any]) -> Tables:
    """Tables of the other measures for the classified pairs, and of librosa's chroma, which needs no learning."""
    of_meters = {key[1]: tables for key, tables in heard.items() if key[0] == "tables"}
    tables = {(name, mode): table for name, by_mode in of_meters.items() for mode, table in by_mode.items()}
    return tables | ({(evidence.CHROMA_CQT, "harmony"): heard["chroma"]} if of_meters else {})


def _classification(
    models: dict[str, Coherence],
    embedded: list[SubmixEmbeddings],
    origins: WindowOrigins,
    s: CoherenceEvaluation,
    wider: Tables,
) -> dict[str, Any]:
    rows, skipped, batches = [], [], {}
    for k in s.k:
        rng = _rng(s, "batches", str(k))
        count = max(MIN_BATCHES, -(-DRAWS_PER_WINDOW * len(origins.song) // k))
        drawn = draw_batches(origins, k, count, s.overlap, rng)
        if drawn is None:
            skipped.append(k)
        else:
            batches[k] = drawn
    with torch.inference_mode():
        tables = {
            (name, mode): model.similarities(first[mode], second[mode]).numpy()
            for (name, model), (first, second) in zip(models.items(), embedded, strict=True)
            for mode in model.modes
        }
    for (name, mode), table in (tables | wider).items():
        for k, drawn in batches.items():
            share, seen = accuracies(table, drawn)
            row = {"model": name, "mode": mode, "k": k, "n": len(seen), "batches": len(drawn)}
            row |= {"accuracy": float(100 * share.mean()), "songs": len(np.unique(origins.song[seen]))}
            rng = _rng(s, "interval", str(k))
            rows.append(row | {"interval": interval(100 * share, origins.song[seen], rng)})
    return {"classification": rows, "skipped": skipped,
            "of_different_songs": [k for k in batches if k <= len(np.unique(origins.song))]}  # fmt: skip


def _threshold(
    models: dict[str, Coherence], embedded: list[SubmixEmbeddings], origins: WindowOrigins, s: CoherenceEvaluation
) -> Iterator[dict]:
    """Separation of partners from windows of other songs by one threshold for all inputs: area under the ROC curve, %.

    by: the score itself, or its lead over what its input scores with the calibration's strangers.
    """
    strangers = origins.song[:, None] != origins.song[None]
    if not strangers.any():
        return
    for (name, model), (first, second) in zip(models.items(), embedded, strict=True):
        for mode in model.modes:
            with torch.inference_mode():
                scores = model.similarities(first[mode], second[mode])
            known = bool(model.calibration and model.calibration.strangers)
            for by in ("score", "lead") if known else ("score",):
                table = (model.leads(scores, first[mode], mode) if by == "lead" else scores).numpy()
                share = 100 * share_below(np.diagonal(table), table[strangers])
                rng = _rng(s, "threshold")
                row = {"model": name, "mode": mode, "by": by, "n": len(share), "area": float(share.mean())}
                yield row | {"interval": interval(share, origins.song, rng)}


def share_below(values: np.ndarray, others: np.ndarray) -> np.ndarray:
    """(n,) share of `others` below each value; equal ones count half."""
    others = np.sort(others)
    return (np.searchsorted(others, values, "left") + np.searchsorted(others, values, "right")) / (2 * len(others))


def draw_batches(
    origins: WindowOrigins, k: int, count: int, overlap: float, rng: np.random.Generator
) -> np.ndarray | None:
    """(count, k) windows: of different songs if there are k, else evenly over the songs; None if too few."""
    names = np.unique(origins.song)
    of = {name: np.flatnonzero(origins.song == name) for name in names}
    apart, batches = origins.apart(overlap), np.empty((count, k), np.int64)
    for batch in batches:
        free, chosen = np.ones(len(origins.song), bool), 0
        while chosen < k:
            before = chosen
            for name in rng.permutation(names):
                there = of[name][free[of[name]]]
                if len(there) and chosen < k:
                    batch[chosen] = rng.choice(there)
                    free &= apart[batch[chosen]]
                    free[batch[chosen]] = False
                    chosen += 1
            if chosen == before:
                return None
    return batches


def accuracies(table: np.ndarray, batches: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Eq. (4) window by window: (m,) shares of its batches in which it was right, and the (m,) windows.

    table: (n, n) scores of first sub-mixtures with second ones. batches: (b, K) windows. A tie is wrong.
    """
    scores = table[batches[:, :, None], batches[:, None, :]]
    own = np.einsum("bkk->bk", scores)
    right = (scores < own[..., None]).sum(axis=2) == batches.shape[1] - 1
    times = np.bincount(batches.ravel(), minlength=len(table))
    hits = np.bincount(batches.ravel(), right.ravel(), minlength=len(table))
    seen = np.flatnonzero(times)
    return hits[seen] / times[seen], seen


def _rng(s: CoherenceEvaluation, *purpose: str) -> np.random.Generator:
    """A generator of its own for every purpose, so that no result depends on the rest of the evaluation."""
    return np.random.default_rng([s.seed, zlib.crc32("/".join(purpose).encode())])


# Command line


def main(argv: list[str] | None = None, find: Callable[[str], Path] = Path) -> None:
    """Command line of this evaluation. find: the folder of the meter of a named model.

    TrainError, CoherenceError, AudioError.
    """
    parser = argparse.ArgumentParser(
        prog="antiphon evaluate coherence", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, help="folder of songs, each a folder of its stems")
    parser.add_argument(
        "--model", action="append", metavar="DIR|CKPT", help="may be given several times (default: small)"
    )
    parser.add_argument("-o", "--out", type=Path, required=True, help="folder of the results")
    add_arguments(parser, CoherenceEvaluation)
    given = vars(parse_arguments(parser, argv))
    with ExitStack() as stack:
        models = load_models(given.pop("model") or ["small"], find, stack)
        print(report.markdown(coherence(given.pop("data"), models, given.pop("out"), **given)))


def load_models(names: list[str], find: Callable[[str], Path], stack: ExitStack) -> dict[str, EvidenceMeter]:
    """{name: meter} of folders and official checkpoints, named by the last distinctive part of the path.

    CoherenceError.
    """
    models: dict[str, EvidenceMeter] = {}
    for name in names:
        if name.endswith(".ckpt"):
            from train.official_cocola.import_checkpoint import convert

            folder = Path(stack.enter_context(TemporaryDirectory())) / "coherence"
            convert(Path(name), folder)
        else:
            folder = find(name)
        parts = [part for part in Path(name).with_suffix("").parts if part not in ("model", "coherence", "/")]
        short = parts[-1] if parts else "model"
        if short in models:
            short = f"{short} {len(models) + 1}"
        models[short] = EvidenceMeter.load(folder)
    if not models:
        raise CoherenceError("no model to evaluate: name one with --model")
    return models


if __name__ == "__main__":
    command_line.run(main)
