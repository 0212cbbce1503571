"""Probe of an alphabet: notes and chords predicted from its tokens, beside MFCC, chroma and untrained encoders.

    python -m train.probe.probe DATA --model DIR -o OUT [--worsen 1] [--test FOLDER] [--features FOLDER]

DATA: songs rendered by train/songs/render.py, <split>/<song>/. --test: other rendered songs to examine instead of the
split "test" of DATA: another sound font, other rooms, scale passages. DIR: a model folder, or an encoder's alone.
--features: OUT/features of train/fit_units.py with the same encoder, so that these songs are not encoded again.

OUT/probe.json   every number with its n          OUT/probe.md   the tables

Two questions are asked of every kind of feature, at hops above the gate:
- pitch class: the one that sounds longest in the hop, in the part "melody" (any part, where no song has that one);
- chord root: the chord that lasts longest in the hop, in the part "piano" (likewise).
Answered by NMI, sklearn's normalized mutual information between the answer and the token, k-means having been fitted on
the training songs, all parts that are asked; and by a linear probe, multinomial logistic regression on the features,
fitted on training songs: its share of right answers. Scaling and regularisation of each probe are those that do best on
a fifth of the training songs. The encoder's k-means is the recipe of perception/units.py as shipped; every rival gets
the best of three whitenings, chosen on the very test songs, which favours the rivals.

Where two classes share a hop, which of them lasts longer may be inaudible. So accuracy is also given over the `clear`
hops, led by CLEAR_LEAD_S or more; `notes` is the accuracy of the notes themselves without the end of the hop that the
live encoder does not see.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from corpora.whole_files import atomic_write
from perception.units import Alphabet, fit_alphabet, pca_projection
from perception.wav2vec2 import SAMPLERATE, Wav2Vec2Encoder
from train.common import command_line
from train.common.errors import TrainError
from train.common.settings import add_arguments, parse_arguments, setting
from train.common.table import NOTHING, table, with_interval
from train.data.tokenise import name_of
from train.probe.features import BOTH, QUESTIONS, Hops, extract_hops, feature_kinds, open_cache, songs_in

SHIPPED_WHITENING = 0.5  # whitening of the alphabets that ship, perception/units.py
WHITENINGS = (SHIPPED_WHITENING, 0.0, 1.0)
MAX_PROBE_HOPS = 12_000  # hops that a linear probe is fitted on; 44,000 gave no more (train/LOG.md)
BOOTSTRAP_DRAWS = 100  # draws of the bootstrap over songs
CLEAR_LEAD_S = 0.1  # lead of the longest class in a clear hop
PROBE_CONFIGURATIONS = [(white, c) for white in (False, True) for c in (1.0, 0.03, 0.001)]  # scaling, C of sklearn


@dataclass(frozen=True)
class ProbeEvaluation:
    """Settings of one probe; saved with it."""

    songs: int = setting(160, "training songs, evenly spaced among those there are")
    test_songs: int = setting(1000, "test songs, at most")
    seconds: float = setting(40.0, "s of each song, from a place drawn per song; 0: all")
    units: int = setting(64, "size of the alphabets, K")
    hops: str = setting("0.5,0.25", "s per label, separated by commas; multiples of the shortest")
    worsen: bool = setting(False, "hear the test songs in a room, with noise, tilted")
    kinds: str = setting("", "only these kinds of features, separated by commas")
    seed: int = setting(0, "same seed, same figures")

    def lengths(self) -> list[float]:
        """The hops in s; TrainError unless each is a multiple of the shortest."""
        try:
            hops = [float(hop) for hop in self.hops.split(",")]
        except ValueError:
            raise TrainError(f"hops = {self.hops}: expected seconds separated by commas, such as 0.5,0.25") from None
        if min(hops) <= 0 or any(abs(hop / min(hops) - round(hop / min(hops))) > 1e-6 for hop in hops):
            raise TrainError(f"hops = {self.hops}: expected multiples of the shortest; probe the others by themselves")
        return hops


def probe(
    data: Path | str,
    model: Path | str,
    out: Path | str,
    *,
    test: Path | str | None = None,
    features: Path | str | None = None,
    **settings,
) -> dict[str, Any]:
    """Probe the encoder of `model` on songs below `data`; write OUT/probe.{json,md}; return the JSON.

    test: other songs to examine. features: OUT/features of train/fit_units.py. settings: fields of `ProbeEvaluation`.
    TrainError, EncoderError, AudioError.
    """
    s, data, model = ProbeEvaluation(**settings), Path(data), Path(model)
    hops = s.lengths()
    encoder = Wav2Vec2Encoder.load(model / "encoder" if (model / "encoder").is_dir() else model, min(hops))
    folder = Path(test) if test else data
    taught = songs_in(data / "train", s.songs)
    asked = songs_in(folder / "test" if not test or (folder / "test").is_dir() else folder, s.test_songs)
    kinds = feature_kinds(encoder, s.kinds, s.seed)
    cache = open_cache(Path(features), taught, encoder, max(hops)) if features else None
    every: dict[str, Any] = {"seconds": s.seconds, "seed": s.seed, "unseen_s": encoder.support / 2 / SAMPLERATE}
    learned = extract_hops(taught, kinds, hops, cache=cache, **every)
    examined = extract_hops(asked, kinds, hops, cache=None if test else cache, degraded=s.worsen, **every)
    result: dict[str, Any] = {
        "task": "probe",
        "data": data.name,
        "test": Path(test).name if test else "test",
        "model": model.name,
        "settings": asdict(s),
        "training_songs": len(taught),
        "test_songs": len(asked),
        "hops": [_at_hop(hop, learned[hop], examined[hop], list(kinds), model, s) for hop in hops],
    }
    text, table = json.dumps(result, indent=1) + "\n", markdown(result)
    Path(out).mkdir(parents=True, exist_ok=True)
    atomic_write(Path(out) / "probe.md", table)
    atomic_write(Path(out) / "probe.json", text)
    return result


# Questions


def _at_hop(
    hop: float, learned: dict[str, Hops], examined: dict[str, Hops], kinds: list[str], model: Path, s: ProbeEvaluation
):
    """Scores of every kind at one hop length."""
    rows = []
    for kind in kinds:
        taught = np.concatenate([h.features[kind] for h in learned.values() if h.features])
        whitenings = (SHIPPED_WHITENING,) if kind in ("encoder", BOTH) else WHITENINGS
        alphabets = [fit_alphabet(taught, s.units, hop, pca_projection(taught, power=p), s.seed) for p in whitenings]
        row: dict[str, Any] = {"kind": kind, "dim": taught.shape[1], "kmeans_hops": len(taught)}
        for question, test in examined.items():
            row[question] = _scores(kind, learned[question], test, alphabets, whitenings, s)
        rows.append(row)
    path = model / "units" / f"{name_of(s.units, hop)}.safetensors"
    if path.is_file() and "encoder" in kinds:
        alphabet, row = [Alphabet.load(path)], {"kind": "encoder, its own alphabet", "dim": rows[0]["dim"]}
        for question, test in examined.items():
            row[question] = _scores("encoder", None, test, alphabet, (SHIPPED_WHITENING,), s)
        rows.append(row)
    notes = {q: _notes(test) if len(test.answer) else None for q, test in examined.items()}
    return {"hop": hop, "rows": rows, "stronger_chroma": _stronger(rows), "notes": notes}


def _notes(test: Hops) -> dict[str, float]:
    """Share of clear hops, and accuracy of the notes without the unseen end of the hop."""
    return {"clear": float((test.lead >= CLEAR_LEAD_S).mean()), "accuracy": float((test.early == test.answer).mean())}


def _scores(kind: str, learned: Hops | None, test: Hops, alphabets: list[Alphabet], whitenings, s: ProbeEvaluation):
    """NMI of the best alphabet and accuracy of the linear probe; None where the songs have no answers."""
    if not len(test.answer):
        return None
    tokens = [alphabet.quantize(test.features[kind]) for alphabet in alphabets]
    values = [nmi(test.answer, each) for each in tokens]
    best = int(np.argmax(values))
    scores: dict[str, Any] = {
        "nmi": values[best],
        "interval": _interval(test, tokens[best], s),
        "whitening": whitenings[best],
        "n": len(test.answer),
        "songs": len(np.unique(test.song)),
        "commonest": float(np.bincount(test.answer).max() / len(test.answer)),
    }
    if learned is not None and len(np.unique(learned.answer)) > 1:
        right, info = linear_probe(learned, test, kind, s.seed)
        clear = test.lead >= CLEAR_LEAD_S
        scores |= {
            "accuracy": float(right.mean()),
            "clear": float(right[clear].mean()) if clear.any() else None,
        } | info
    return scores


def nmi(answer: np.ndarray, token: np.ndarray) -> float:
    """Normalized mutual information, 0 to 1, of two labellings (n,), arithmetic mean of the entropies."""
    from sklearn.metrics import normalized_mutual_info_score

    return float(normalized_mutual_info_score(answer, token))


def _interval(test: Hops, token: np.ndarray, s: ProbeEvaluation) -> list[float] | None:
    """95 % of NMI by bootstrap over songs. A resample repeats songs, which raises NMI a little: it is a spread."""
    songs, rng = np.unique(test.song), np.random.default_rng([s.seed, 1])
    if len(songs) < 2:
        return None
    where = [np.flatnonzero(test.song == song) for song in songs]
    drawn = (
        np.concatenate([where[i] for i in rng.integers(len(songs), size=len(songs))]) for _ in range(BOOTSTRAP_DRAWS)
    )
    return np.percentile([nmi(test.answer[i], token[i]) for i in drawn], [2.5, 97.5]).tolist()


def linear_probe(learned: Hops, test: Hops, kind: str, seed: int) -> tuple[np.ndarray, dict[str, Any]]:
    """((n,) bool: which of the test's answers are right, how it was fitted) of logistic regression on one kind.

    Of PROBE_CONFIGURATIONS, the one with the best accuracy on a fifth of the training songs, fitted on the others.
    """
    rng = np.random.default_rng(seed)
    taken = rng.permutation(len(learned.answer))[:MAX_PROBE_HOPS]
    x, answer, song = learned.features[kind][taken], learned.answer[taken], learned.song[taken]
    songs = rng.permutation(np.unique(song))
    held_out = np.isin(song, songs[: len(songs) // 5])
    chosen = PROBE_CONFIGURATIONS[0]
    if held_out.any() and len(np.unique(answer[~held_out])) > 1:
        collected = [
            (_probe_model(*r).fit(x[~held_out], answer[~held_out]).predict(x[held_out]) == answer[held_out]).mean()
            for r in PROBE_CONFIGURATIONS
        ]
        chosen = PROBE_CONFIGURATIONS[int(np.argmax(collected))]
    right = _probe_model(*chosen).fit(x, answer).predict(test.features[kind]) == test.answer
    return right, {"probe_hops": len(taken), "probe_whitened": chosen[0], "probe_c": chosen[1]}


def _probe_model(whitened: bool, c: float):
    """Logistic regression on features that are standardised, or on all principal directions, each scaled to one."""
    from sklearn.decomposition import PCA
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    # Directions of less than 1e-5 of the variance are rounding.
    scaling = PCA(1 - 1e-5, whiten=True, svd_solver="full") if whitened else StandardScaler()
    return make_pipeline(scaling, LogisticRegression(C=c, max_iter=300, tol=1e-3))


def _stronger(rows: list[dict[str, Any]]) -> str | None:
    """The chroma with the higher NMI over both questions."""
    chromas = {
        row["kind"]: sum((row[q] or {"nmi": 0})["nmi"] for q in QUESTIONS) for row in rows if "chroma" in row["kind"]
    }
    return max(chromas, key=lambda kind: chromas[kind]) if chromas else None


def markdown(result: dict[str, Any]) -> str:
    """A table for every hop length, in Markdown. result: what `probe` returned."""
    s = result["settings"]
    condition = "in a room with noise" if s["worsen"] else "as they are"
    lines = [
        f"# Probe of the alphabet: {result['model']} on {result['data']}/{result['test']}",
        "",
        f"K = {s['units']}; k-means and linear probes learned from {result['training_songs']} training songs; "
        f"{result['test_songs']} test songs, heard {condition}, at most {s['seconds']:g} s of each. NMI with its 95 % "
        "spread over songs; linear: right answers of a linear probe, as a share; clear: the same, of hops in which the "
        f"answer leads by {1000 * CLEAR_LEAD_S:.0f} ms or more. Rivals have the best of 3 whitenings.",
    ]
    header = ["features", "dim", *(f"{question} NMI" if name == "NMI" else name for question in QUESTIONS
                                   for name in ("NMI", "linear", "clear", "n"))]  # fmt: skip
    for at in result["hops"]:
        rows = []
        for row in at["rows"]:
            mark = " (the stronger)" if row["kind"] == at["stronger_chroma"] else ""
            cells = [cell for question in QUESTIONS for cell in _cells(row[question])]
            rows.append([f"{row['kind']}{mark}", str(row["dim"]), *cells])
        lines += ["", f"## {at['hop']:g} s", "", *table(header, rows)]
        known = {question: notes for question, notes in at["notes"].items() if notes}
        lines += [
            "",
            "; ".join(f"{q}: {n['clear']:.3f} of hops are clear" for q, n in known.items())
            + ". Who reads the notes themselves, but not the end of a hop, heard too late by the encoder, is right in "
            + ", ".join(f"{n['accuracy']:.3f}" for n in known.values())
            + ".",
        ]
    return "\n".join(lines) + "\n"


def _cells(scores: dict[str, Any] | None) -> list[str]:
    """NMI with its interval, accuracy of the linear probe, its accuracy in clear hops, number of hops."""
    if scores is None:
        return [NOTHING] * 4
    linear = [f"{scores[key]:.3f}" if scores.get(key) is not None else NOTHING for key in ("accuracy", "clear")]
    return [with_interval(scores, 3, key="nmi"), *linear, str(scores["n"])]


def main(argv: list[str] | None = None) -> None:
    """Command line of this evaluation. Errors as of `probe`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder of rendered songs")
    parser.add_argument("--model", type=Path, required=True, help="model folder, or an encoder's alone")
    parser.add_argument("-o", "--out", type=Path, required=True, help="folder of the results")
    parser.add_argument("--test", type=Path, help="folder of rendered songs to examine instead of DATA/test")
    parser.add_argument("--features", type=Path, help="OUT/features of train.fit_units, of the same encoder")
    add_arguments(parser, ProbeEvaluation)
    print(markdown(probe(**vars(parse_arguments(parser, argv)))))


if __name__ == "__main__":
    command_line.run(main)
