"""Make the relation of two musicians your own: fine-tune a model on what they played together, in minutes.

    antiphon train duo A.wav B.wav -o mine [--model small] [--steps 40]       takes that begin together
    antiphon train duo FOLDER_A FOLDER_B -o mine                              files of the same names
    antiphon play --model mine                                                answers A as B did

A is heard, B answers: the other way round is another duo. Encoder and alphabet stay; the decision model of one hop goes
on learning on the first 85 % of each take (or of the takes, if there are ten), in the keys they were played in, and is
judged on the last 15 %, which it never heard. OUT becomes a model folder. Its duo.json says what was gained, in the
same windows, against the base model, p(b|a) of the training part, and copying A. A part that is told by its own past
more than by its partner may gain nothing.

Nothing is chosen by validation: half a minute of a take is another section of the song than the one to come, and what
it prefers loses there (train/LOG.md). Few steps at a low rate are taken instead, and the weights are set part of the
way from the base to what was learned, which keeps what the base knows (Wortsman et al. 2022, arXiv:2109.01903).
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from corpora.whole_files import atomic_folder, write_files
from decision.model import Decision
from perception.units import Alphabet, file_stem
from train import fit_decision
from train.common import command_line
from train.common.errors import TrainError
from train.common.settings import add_arguments, parse_arguments, setting
from train.common.table import table
from train.data import hearing
from train.data.stems import songs_below
from train.data.token_pairs import MAX_SILENCE_SHARE, SUBMIX_PREFIX, Tokens, load, save
from train.data.tokenise import tokenise
from train.evaluate.baselines import LabelStatistics
from train.evaluate.rollout import model_labels, roll
from train.evaluate.windows import WindowPosition, Windows, add_features
from train.songs import pairs
from train.songs.datasets import find

MODEL_FILES = ("model.json", "CARD.md", "duo.json")
SHARED = ("encoder", "coherence", "words", "fill")  # folders that no hop changes
FOLDERS = (*SHARED, "units", "decision", "proxy")  # a proxy in models of earlier versions
JUDGED = "validation"  # split that is judged; nothing is chosen by it
SHARES = {"train": (0.0, 0.85), JUDGED: (0.85, 1.0)}
INPUT, PLAYED = "A", "B"  # parts in the token cache; a submix may be heard and not played
WINDOW_S, STRIDE_S = 15.0, 2.5  # s of the windows that are judged, and from one to the next
LIVE, CONSTRAINT, TOP_P = 1, "require", 0.9  # as it plays by default
DRAWS = 8  # answers to each window


@dataclass(frozen=True)
class DuoTraining:
    """Settings of this recipe; each is a flag."""

    steps: int = setting(40, "updates")
    minutes: float = setting(4.0, "minutes of learning, at most")
    hop: float = setting(0.5, "s per label; a hop that the base model has")
    layers: int = setting(0, "newest layers of the decision that learn; 0: all of it")
    rate: float = setting(1e-4, "highest learning rate")
    blend: float = setting(0.7, "how far the weights go from the base, 0, to what was learned, 1")
    transposed: float = setting(0.0, "share of the crops that are transposed, for duos that change their keys")
    own_share: float = setting(0.85, "share of the batches that are taught on the model's own history")
    bound: float = setting(0.5, "q of the loss, see antiphon train decision")
    seed: int = setting(0, "of everything drawn")
    device: str = setting("auto", "cpu, cuda or auto")

    def __post_init__(self) -> None:
        if not 0 <= self.blend <= 1:
            raise TrainError(f"blend = {self.blend:g}: expected 0, the base, to 1, what was learned")


def fit(data: list[Path], base: Path, out: Path, settings: DuoTraining, name: str = "") -> dict[str, Any]:
    """Fine-tune the model folder `base` on a duo and leave a model folder at `out`, whole or not at all.

    data: two takes, or two folders of takes of the same names; the first is heard. name: of the base model, for the
    card. Returns what duo.json holds. TrainError or AudioError for what the user can mend.
    """
    if len(data) != 2:
        raise TrainError(f"{len(data)} paths: a duo is two takes, A that is heard and B that answers, or two folders")
    units = _units(base, settings.hop)
    with tempfile.TemporaryDirectory(prefix="antiphon-duo-") as temporary:
        work = Path(temporary)
        pairs.take(data, work / "stems", leave_out=(), seed=settings.seed, jobs=1, shares=SHARES)
        tokens = _tokens(work, base, units, settings.hop, _names(data))
        _refuse_short(tokens)
        start = base / "decision" / file_stem(units, settings.hop)
        card = fit_decision.fit([tokens], work / "run", False, _decision_settings(settings, start))
        old, learned = Decision.load(start), Decision.load(work / "run")
        write_files(work / "blended", blend(old, learned, settings.blend).files())
        result = {"base": name or base.name, "settings": asdict(settings), "steps": card["best_step"]}
        result |= _judge(tokens, old, Decision.load(work / "blended"))
        _assemble(base, work / "blended", out, units, settings.hop, result)
    return result


def _units(base: Path, hop: float) -> int:
    """Size of the alphabet that a model has at a hop; TrainError, which lists its hops, if there is none."""
    try:
        hops = {float(key): int(units) for key, units in json.loads((base / "model.json").read_text())["hops"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise TrainError(f"there is no model at '{base}' ({error}): name an embedded one or a model folder") from None
    if hop not in hops:
        raise TrainError(
            f"hop = {hop:g} s: the model '{base.name}' has {', '.join(f'{each:g}' for each in sorted(hops))}"
        )
    return hops[hop]


def _tokens(work: Path, base: Path, units: int, hop: float, names: list[str]) -> Path:
    """The token cache of a duo: A can only be heard, and B only played."""
    stems: dict[str, np.ndarray] = {}
    features: dict[str, np.ndarray] = {}
    alphabet = Alphabet.load(base / "units" / f"{file_stem(units, hop)}.safetensors")
    for split in SHARES:
        songs = {song: parts for song, parts in songs_below(work / "stems", split).items() if len(parts) == 2}
        for made in tokenise(songs, base, [(units, hop)], split) if songs else ():
            for song, labels in made.songs[split].items():
                for part, name in zip(sorted(labels, key=names.index), (SUBMIX_PREFIX + INPUT, PLAYED), strict=True):
                    stems[f"{split}/{song}/{name}"] = labels[part]
                    features[f"{split}/{song}/{name}"] = made.features[f"{split}/{song}/{part}"]
    if not stems:
        raise TrainError("no take has two parts that sound together: give the takes of A and of B, of the same moment")
    path = work / "tokens" / file_stem(units, hop)
    save(path, stems, units, hop, alphabet.hash, alphabet.shapes)
    if Decision.load(base / "decision" / path.name).config.key_dim:
        hearing.save(path.parent, features, [alphabet])
    return path


def _names(data: list[Path]) -> list[str]:
    """The names under which `pairs.take` writes A and B."""
    piece = find(data).pieces[0]
    return [pairs.file_name(part, piece) for part in piece.parts]


def _refuse_short(tokens: Path) -> None:
    """TrainError where a split has no window in which B sounds."""
    cache = load(tokens)
    for split, (begin, end) in SHARES.items():
        if not len(_windows(cache, split).song):
            raise TrainError(
                f"from {begin:.0%} to {end:.0%} of the takes B sounds in no {WINDOW_S:g} s: give longer takes, "
                f"of {WINDOW_S / min(end - begin for begin, end in SHARES.values()):.0f} s or more"
            )


def _decision_settings(settings: DuoTraining, start: Path) -> fit_decision.DecisionTraining:
    return fit_decision.DecisionTraining(
        start=str(start), size="", steps=settings.steps, minutes=settings.minutes, layers=settings.layers,
        rate=settings.rate, own_share=settings.own_share, bound=settings.bound, transposed=settings.transposed,
        seed=settings.seed, device=settings.device, best="last", batch=16, warmup=20, evaluate=20, crops=16, forget=0.0,
    )  # fmt: skip


def blend(base: Decision, learned: Decision, share: float) -> Decision:
    """`learned`, each of its weights moved to that `share` of the way from `base` to it; its card stays."""
    old, new = base.state_dict(), learned.state_dict()
    learned.load_state_dict({name: old[name].lerp(new[name], share) for name in new})
    return learned.eval()


def _judge(tokens: Path, base: Decision, tuned: Decision) -> dict[str, Any]:
    """What was gained in the windows that are judged: {"windows", "tpp": {player: share of labels hit, 0 to 100},
    "cross_entropy": {player: nats per label}}, live, with the labels of B as the memory."""
    cache = load(tokens)
    heard = hearing.load(tokens.parent, cache.hop, cache.alphabet)
    cache = replace(cache, features=heard[0]) if heard else cache
    test, known = (_windows(cache, split) for split in (JUDGED, "train"))
    vocab = cache.units + 1
    features = None if test.features is None else torch.from_numpy(test.features)
    batch = fit_decision.Batch(torch.from_numpy(test.input), torch.from_numpy(test.played), features, None)
    uniform = np.random.default_rng(0).random((DRAWS, *test.played.shape))
    given_a, _ = LabelStatistics.of(known, vocab, len(test.song)).players(test.input)["given A before"]

    def hits(generate: Callable[[np.ndarray], np.ndarray]) -> float:
        return round(100 * float(np.mean([(generate(each) == test.played).mean() for each in uniform])), 2)

    def of(model: Decision) -> Callable[[np.ndarray], np.ndarray]:
        return lambda u: model_labels(model, test, u, LIVE, top_p=TOP_P, constraint=CONSTRAINT)

    allowed = test.allowed(vocab)
    return {
        "windows": len(test.song),
        "tpp": {
            "tuned": hits(of(tuned)),
            "base": hits(of(base)),
            "p(b|a)": hits(lambda u: roll(given_a, allowed, u, top_p=TOP_P, constraint=CONSTRAINT)),
            "copy of A": round(100 * float((test.input[:, :-1] == test.played[:, 1:]).mean()), 2),
        },
        "cross_entropy": {
            name: round(fit_decision.evaluate(model, batch)["live_ce"], 3)
            for name, model in (("tuned", tuned), ("base", base))
        },
    }


def _windows(cache: Tokens, split: str) -> Windows:
    """Windows of a split, A heard and B played, those left out in which B is silent for more than 80 %."""
    length, stride = round(WINDOW_S / cache.hop), max(1, round(STRIDE_S / cache.hop))
    inputs, played, song, places = [], [], [], []
    for number, (name, parts) in enumerate(cache.songs.get(split, {}).items()):
        a, b = parts[SUBMIX_PREFIX + INPUT], parts[PLAYED]
        for begin in range(0, min(len(a), len(b)) - length + 1, stride):
            answer = b[begin : begin + length]
            if np.count_nonzero(answer == cache.units) <= MAX_SILENCE_SHARE * length:
                inputs.append(a[begin : begin + length])
                played.append(answer)
                song.append(number)
                places.append(WindowPosition(name, SUBMIX_PREFIX + INPUT, PLAYED, begin))
    heard, answered = (np.reshape(np.array(each, np.int64), (-1, length)) for each in (inputs, played))
    windows = Windows(heard, answered, np.array(song), places=tuple(places))
    return add_features(windows, cache, split) if cache.features and places else windows


def _assemble(base: Path, run: Path, out: Path, units: int, hop: float, result: dict[str, Any]) -> None:
    """Write the model folder: the base with the decision of one hop exchanged, and only that hop."""
    name = file_stem(units, hop)
    with atomic_folder(out, replaces=(*MODEL_FILES, *FOLDERS)) as new:
        for folder in SHARED:
            if (base / folder).is_dir():
                shutil.copytree(base / folder, new / folder)
        (new / "units").mkdir()
        shutil.copy(base / "units" / f"{name}.safetensors", new / "units")
        (new / "decision" / name).mkdir(parents=True)
        for file in ("decision.json", "decision.safetensors"):
            shutil.copy(run / file, new / "decision" / name / file)
        description = json.loads((base / "model.json").read_text())
        description |= {"name": out.resolve().name, "hops": {f"{hop:g}": units}}
        (new / "model.json").write_text(json.dumps(description, indent=1) + "\n")
        (new / "duo.json").write_text(json.dumps(result, indent=1) + "\n")
        card = (base / "CARD.md").read_text(encoding="utf-8") if (base / "CARD.md").is_file() else ""
        what = f"`{result['base']}`, its decision fine-tuned on a duo of its owner; see duo.json."
        head = f"# {description['name']}\n\n{what}\n\n"
        (new / "CARD.md").write_text(head + card, encoding="utf-8")


def lines(result: dict[str, Any], out: Path) -> list[str]:
    """What a terminal shows of `fit`."""
    tpp, nats = result["tpp"], result["cross_entropy"]
    rows = [(who, f"{tpp[who]:.1f}", f"{nats[who]:.2f}" if who in nats else "–") for who in tpp]
    gained = tpp["tuned"] - max(value for who, value in tpp.items() if who != "tuned")
    verdict = "more than any other" if gained > 0 else f"{-gained:.1f} fewer than the best other"
    return [
        *table((f"in {result['windows']} windows it never heard", "labels hit, %", "nats per label"), rows),
        f"it hits {verdict}; play with it:  antiphon play --model {out}",
    ]


def main(argv: list[str] | None = None, find_model: Callable[[str], Path] = Path) -> None:
    """Command line of this recipe. find_model: the folder of a model by its name or path."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="+", type=Path, help="the take of A and that of B, or a folder of each")
    parser.add_argument("-o", "--out", type=Path, required=True, help="model folder to write")
    parser.add_argument("--model", default="small", help="model to begin with (default: small)")
    add_arguments(parser, DuoTraining)
    given = vars(parse_arguments(parser, argv))
    data, out, model = given.pop("data"), given.pop("out"), given.pop("model")
    print("\n".join(lines(fit(data, find_model(model), out, DuoTraining(**given), model), out)))


if __name__ == "__main__":
    command_line.run(main)
