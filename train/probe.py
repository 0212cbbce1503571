"""What the alphabet knows of music: notes and chords read off its tokens, beside MFCC, chroma and untrained encoders.

    python -m train.probe DATA --model DIR -o OUT [--worsen 1] [--test FOLDER]

DATA: songs rendered by train/render.py, <split>/<song>/. --test: other rendered songs to be examined instead of the
split "test" of DATA: another sound font, other rooms, scale passages. DIR: a model folder, or an encoder's alone.

OUT/probe.json   every number with its n          OUT/probe.md   the tables

Two questions are put to every kind of feature, at hops that sound and only there:
- pitch class: the one that sounds longest in the hop, in the part "melody" (any part, where no song has that one);
- chord root: the chord that lasts longest in the hop, in the part "piano" (likewise).
Answered by NMI, sklearn's normalized mutual information between the answer and the token, k-means having been fitted on
the training songs, all parts that are asked; and by a linear probe, multinomial logistic regression on the features,
fitted on training songs: its share of right answers. The encoder's k-means is the recipe of perception/units.py as
shipped; every rival gets the best of three whitenings, chosen on the very test songs, which favours the rivals.
"""

from __future__ import annotations

import argparse
import json
import warnings
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from corpora.disk import atomic_write
from perception.units import Alphabet, fit_alphabet, principal
from train.probe_features import QUESTIONS, Hops, ProbeError, kinds_of, listen, songs_in
from train.windows import name_of

SHIPPED = 0.5  # whitening of the alphabets that ship, perception/units.py
WHITENINGS = (SHIPPED, 0.0, 1.0)
PROBED = 12_000  # hops at most that a linear probe is fitted on


@dataclass(frozen=True)
class Settings:
    """Of one probe; saved with it. Each field is a flag of the same name."""

    songs: int = 60  # training songs, evenly spaced among those there are
    test_songs: int = 1000  # at most
    seconds: float = 40.0  # of each song, from a place drawn per song; 0 = all
    units: int = 64
    hops: str = "0.5,0.25"
    worsen: int = 0  # 1: the test songs are heard in a room, with noise, tilted (train.fit_encoder.worsen)
    kinds: str = ""  # only these, separated by commas
    seed: int = 0

    def lengths(self) -> list[float]:
        """The hops in s; ProbeError unless each is a multiple of the shortest."""
        try:
            hops = [float(hop) for hop in self.hops.split(",")]
        except ValueError:
            raise ProbeError(f"hops = {self.hops}: expected seconds separated by commas, such as 0.5,0.25") from None
        if min(hops) <= 0 or any(abs(hop / min(hops) - round(hop / min(hops))) > 1e-6 for hop in hops):
            raise ProbeError(f"hops = {self.hops}: expected multiples of the shortest; probe the others by themselves")
        return hops


def probe(
    data: Path | str, model: Path | str, out: Path | str, *, test: Path | str | None = None, **settings
) -> dict[str, Any]:
    """Examine the encoder of `model` on songs below `data`; write OUT/probe.{json,md}; return the JSON.

    ProbeError, EncoderError, AudioError (ValueError) for what the user can mend. settings: fields of `Settings`.
    """
    s, data, model = Settings(**settings), Path(data), Path(model)
    hops, encoder = s.lengths(), model / "encoder" if (model / "encoder").is_dir() else model
    folder = Path(test) if test else data
    taught = songs_in(data / "train", s.songs)
    asked = songs_in(folder / "test" if not test or (folder / "test").is_dir() else folder, s.test_songs)
    kinds = kinds_of(encoder, min(hops), s.kinds, s.seed)
    learned = listen(taught, kinds, hops, seconds=s.seconds, seed=s.seed)
    examined = listen(asked, kinds, hops, seconds=s.seconds, seed=s.seed, worse=bool(s.worsen))
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
    hop: float, learned: dict[str, Hops], examined: dict[str, Hops], kinds: list[str], model: Path, s: Settings
):
    """Scores of every kind at one hop length."""
    rows = []
    for kind in kinds:
        taught = np.concatenate([h.features[kind] for h in learned.values() if h.features])
        whitenings = (SHIPPED,) if kind == "encoder" else WHITENINGS
        alphabets = [fit_alphabet(taught, s.units, hop, principal(taught, power=p), s.seed) for p in whitenings]
        row: dict[str, Any] = {"kind": kind, "dim": taught.shape[1], "kmeans_hops": len(taught)}
        for question, test in examined.items():
            row[question] = _scores(kind, learned[question], test, alphabets, whitenings, s)
        rows.append(row)
    path = model / "units" / f"{name_of(s.units, hop)}.safetensors"
    if path.is_file() and "encoder" in kinds:
        alphabet, row = [Alphabet.load(path)], {"kind": "encoder, its own alphabet", "dim": rows[0]["dim"]}
        for question, test in examined.items():
            row[question] = _scores("encoder", None, test, alphabet, (SHIPPED,), s)
        rows.append(row)
    return {"hop": hop, "rows": rows, "stronger_chroma": _stronger(rows)}


def _scores(kind: str, learned: Hops | None, test: Hops, alphabets: list[Alphabet], whitenings, s: Settings):
    """NMI of the best alphabet and accuracy of the linear probe; None where the songs do not answer the question."""
    if not len(test.answer):
        return None
    tokens = [alphabet.name(test.features[kind]) for alphabet in alphabets]
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
        scores |= linear_probe(learned.features[kind], learned.answer, test.features[kind], test.answer, s.seed)
    return scores


def nmi(answer: np.ndarray, token: np.ndarray) -> float:
    """Normalized mutual information, 0 to 1, of two labellings (n,), arithmetic mean of the entropies."""
    from sklearn.metrics import normalized_mutual_info_score

    return float(normalized_mutual_info_score(answer, token))


def _interval(test: Hops, token: np.ndarray, s: Settings, draws: int = 100) -> list[float] | None:
    """95 % of NMI by bootstrap over songs. A resample repeats songs, which raises NMI a little: it is a spread."""
    songs, rng = np.unique(test.song), np.random.default_rng([s.seed, 1])
    if len(songs) < 2:
        return None
    where = [np.flatnonzero(test.song == song) for song in songs]
    drawn = (np.concatenate([where[i] for i in rng.integers(len(songs), size=len(songs))]) for _ in range(draws))
    return np.percentile([nmi(test.answer[i], token[i]) for i in drawn], [2.5, 97.5]).tolist()


def linear_probe(train: np.ndarray, answer: np.ndarray, test: np.ndarray, truth: np.ndarray, seed: int) -> dict:
    """{"accuracy", "probe_hops"}: of logistic regression on standardised features, (n, dim) and (n,) each."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    taken = np.random.default_rng(seed).permutation(len(answer))[:PROBED]
    reader = make_pipeline(StandardScaler(), LogisticRegression(max_iter=300))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # 300 rounds are enough here, converged or not
        reader.fit(train[taken], answer[taken])
    return {"accuracy": float((reader.predict(test) == truth).mean()), "probe_hops": len(taken)}


def _stronger(rows: list[dict[str, Any]]) -> str | None:
    """The chroma with the higher NMI over both questions."""
    chromas = {
        row["kind"]: sum((row[q] or {"nmi": 0})["nmi"] for q in QUESTIONS) for row in rows if "chroma" in row["kind"]
    }
    return max(chromas, key=lambda kind: chromas[kind]) if chromas else None


def markdown(result: dict[str, Any]) -> str:
    """The table of every hop length."""
    s = result["settings"]
    heard = "in a room with noise" if s["worsen"] else "as they are"
    lines = [
        f"# Probe of the alphabet: {result['model']} on {result['data']}/{result['test']}",
        "",
        f"K = {s['units']}; k-means and linear probes learned from {result['training_songs']} training songs; "
        f"{result['test_songs']} test songs, heard {heard}, at most {s['seconds']:g} s of each. NMI with its 95 % "
        "spread over songs; linear: right answers of a linear probe, as a share. Rivals have the best of 3 whitenings.",
    ]
    for at in result["hops"]:
        lines += [
            "",
            f"## {at['hop']:g} s",
            "",
            "| features | dim | pitch class NMI | linear | n | chord root NMI | linear | n |",
        ]
        lines.append("|---|---|---|---|---|---|---|---|")
        for row in at["rows"]:
            mark = " (the stronger)" if row["kind"] == at["stronger_chroma"] else ""
            cells = " | ".join(_cell(row[question]) for question in QUESTIONS)
            lines.append(f"| {row['kind']}{mark} | {row['dim']} | {cells} |")
    return "\n".join(lines) + "\n"


def _cell(scores: dict[str, Any] | None) -> str:
    if scores is None:
        return " | | "
    spread = " [{:.3f}, {:.3f}]".format(*scores["interval"]) if scores["interval"] else ""
    accuracy = f"{scores['accuracy']:.3f}" if "accuracy" in scores else ""
    return f"{scores['nmi']:.3f}{spread} | {accuracy} | {scores['n']}"


def main(argv: list[str] | None = None) -> None:
    """Command line of this recipe; exit code 2 for the user's mistake."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("-o", "--out", type=Path, required=True)
    parser.add_argument("--test", type=Path, help="folder of rendered songs to examine instead of DATA/test")
    for field in fields(Settings):
        parser.add_argument(f"--{field.name.replace('_', '-')}", type=type(field.default), default=field.default)
    try:
        print(markdown(probe(**vars(parser.parse_args(argv)))))
    except ValueError as error:
        parser.exit(2, f"probe: {error}\n")


if __name__ == "__main__":
    main()
