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
import zlib
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import Wav2Vec2Model

from corpora.audio import open_audio
from corpora.disk import atomic_write
from perception.units import Alphabet, fit_alphabet
from perception.wav2vec2 import SAMPLERATE, Wav2Vec2Encoder, music_filters
from train.fit_encoder import worsen
from train.windows import GATE, levels, name_of, progress

FINEST = 0.25  # s; other hops are whole multiples
FRAME = 320  # samples between frames of MFCC and chroma
SHIPPED = 0.5  # whitening of the alphabets that ship, perception/units.py
WHITENINGS = (SHIPPED, 0.0, 1.0)
QUESTIONS = {"pitch class": "melody", "chord root": "piano"}
PROBED = 12_000  # hops at most that a linear probe is fitted on
Kinds = dict[str, Callable[[np.ndarray, int], np.ndarray]]  # name -> (audio at 16 kHz, hops) -> (hops, dim) at 0.25 s


class ProbeError(ValueError):
    """A probe that cannot be made, told in the user's words."""


@dataclass(frozen=True)
class Settings:
    """Of one probe; saved with it. Each field is a flag of the same name."""

    songs: int = 80  # training songs, evenly spaced among those there are
    test_songs: int = 1000  # at most
    seconds: float = 60.0  # of each song, from a place drawn per song; 0 = all
    units: int = 64
    hops: str = "0.5,0.25"
    worsen: int = 0  # 1: the test songs are heard in a room, with noise, tilted (train.fit_encoder.worsen)
    kinds: str = ""  # only these, separated by commas
    seed: int = 0


@dataclass
class Hops:
    """Hops that sound, of one part of all songs. features: kind -> (n, dim); answer (n,) int64; song (n,) int64."""

    features: dict[str, np.ndarray]
    answer: np.ndarray
    song: np.ndarray


def probe(
    data: Path | str, model: Path | str, out: Path | str, *, test: Path | str | None = None, **settings
) -> dict[str, Any]:
    """Examine the encoder of `model` on songs below `data`; write OUT/probe.{json,md}; return the JSON.

    ProbeError, EncoderError, AudioError (ValueError) for what the user can mend. settings: fields of `Settings`.
    """
    s, data, model = Settings(**settings), Path(data), Path(model)
    encoder = model / "encoder" if (model / "encoder").is_dir() else model
    taught = _evenly(_songs(data / "train"), s.songs)
    if test is None:
        asked = _evenly(_songs(data / "test"), s.test_songs)
    else:
        asked = _evenly(_songs(Path(test) / "test" if (Path(test) / "test").is_dir() else Path(test)), s.test_songs)
    kinds = kinds_of(encoder, s)
    spans = {float(hop): round(float(hop) / FINEST) for hop in s.hops.split(",")}
    learned = _listen(taught, kinds, spans, s, worse=False)
    examined = _listen(asked, kinds, spans, s, worse=bool(s.worsen))
    result: dict[str, Any] = {
        "task": "probe",
        "data": data.name,
        "test": Path(test).name if test else "test",
        "model": model.name,
        "settings": asdict(s),
        "training_songs": len(taught),
        "test_songs": len(asked),
        "hops": [_at_hop(hop, learned[hop], examined[hop], list(kinds), model, s) for hop in spans],
    }
    text, table = json.dumps(result, indent=1) + "\n", markdown(result)
    Path(out).mkdir(parents=True, exist_ok=True)
    atomic_write(Path(out) / "probe.md", table)
    atomic_write(Path(out) / "probe.json", text)
    return result


# Features


def kinds_of(encoder: Path, s: Settings) -> Kinds:
    """Every kind of feature that is compared.

    random: the same architecture with the weights `transformers` gives it; untrained: with our filter bank as its first
    layer, as training begins (only where the encoder has that front end).
    """
    own = Wav2Vec2Encoder.load(encoder, FINEST)
    context = own.context / SAMPLERATE if not hasattr(own.model.config, "context") else own.model.config.context
    kinds: Kinds = {"encoder": _by(own)}
    for name in ("random", "untrained"):
        torch.manual_seed(s.seed)
        drawn = Wav2Vec2Model(own.model.config)
        first = drawn.feature_extractor.conv_layers[0].conv
        if name == "untrained":
            if first.weight.shape[2] < 256 or first.weight.shape[0] % 4 or first.bias is None:
                continue
            with torch.no_grad():
                bank = music_filters(first.weight.shape[0] // 4, first.weight.shape[2])
                first.weight.copy_(torch.from_numpy(bank)[:, None])
                first.bias.zero_()
        kinds[name] = _by(Wav2Vec2Encoder(drawn, FINEST, context))
    kinds |= {"mfcc": mfcc, "chroma stft": chroma_stft, "chroma cqt": chroma_cqt}
    chosen = [name.strip() for name in s.kinds.split(",") if name.strip()] or list(kinds)
    if unknown := [name for name in chosen if name not in kinds]:
        raise ProbeError(f"there is no kind of feature '{unknown[0]}': choose from {', '.join(kinds)}")
    return {name: kinds[name] for name in chosen}


def _by(encoder: Wav2Vec2Encoder) -> Callable[[np.ndarray, int], np.ndarray]:
    return lambda audio, hops: encoder.batch(audio)[0][:hops]


def mfcc(audio: np.ndarray, hops: int) -> np.ndarray:
    """(hops, 20): mean over the hop of 20 MFCC, librosa."""
    import librosa

    return per_hop(librosa.feature.mfcc(y=audio, sr=SAMPLERATE, n_mfcc=20, n_fft=2048, hop_length=FRAME), hops)


def chroma_stft(audio: np.ndarray, hops: int) -> np.ndarray:
    """(hops, 12): mean over the hop of librosa's chroma of a 256 ms STFT."""
    import librosa

    return per_hop(librosa.feature.chroma_stft(y=audio, sr=SAMPLERATE, n_fft=4096, hop_length=FRAME, tuning=0.0), hops)


def chroma_cqt(audio: np.ndarray, hops: int) -> np.ndarray:
    """(hops, 12): mean over the hop of librosa's constant-Q chroma, C1 to B7."""
    import librosa

    return per_hop(librosa.feature.chroma_cqt(y=audio, sr=SAMPLERATE, hop_length=FRAME, tuning=0.0), hops)


def per_hop(frames: np.ndarray, hops: int) -> np.ndarray:
    """(dim, frames), frame j centred at sample 320 j, -> (hops, dim): mean of the frames whose centre the hop holds."""
    first = -(-np.arange(hops + 1) * round(FINEST * SAMPLERATE) // FRAME)
    summed = np.concatenate([np.zeros((1, len(frames))), np.cumsum(frames.T, axis=0, dtype=np.float64)])
    first = np.minimum(first, frames.shape[1])
    return ((summed[first[1:]] - summed[first[:-1]]) / np.maximum(np.diff(first), 1)[:, None]).astype(np.float32)


def _listen(songs: list[Path], kinds: Kinds, spans: dict[float, int], s: Settings, worse: bool):
    """{hop: {question: Hops}} of the parts that are asked about."""
    there = {part for song in songs for part in _parts(song)}
    found: dict[float, dict[str, list]] = {hop: {question: [] for question in QUESTIONS} for hop in spans}
    for number, song in enumerate(progress(songs, "listening")):
        about, rng = json.loads((song / "song.json").read_text()), _rng(s, song.name)
        length = s.seconds or about["seconds"]
        begin = rng.uniform(0, max(0.0, about["seconds"] - length))
        for part, path in _parts(song).items():
            asked = [q for q, wanted in QUESTIONS.items() if part == wanted or wanted not in there]
            heard = _heard(path, begin, length, kinds, rng, worse) if asked else None
            for question in asked if heard else []:
                events = _events(song, part, about, question) - [begin, begin, 0]
                for hop, span in spans.items():
                    found[hop][question].append((number, *_answered(*heard, events, hop, span)))
    return {hop: {q: _joined(rows, list(kinds)) for q, rows in asked.items()} for hop, asked in found.items()}


def _heard(path: Path, begin: float, length: float, kinds: Kinds, rng: np.random.Generator, worse: bool):
    """(features of every kind at 0.25 s, audio) of an excerpt; None if it is shorter than 1 s."""
    with open_audio(path) as file:
        audio = file.read(SAMPLERATE)
    audio = audio[round(begin * SAMPLERATE) :][: round(length * SAMPLERATE)]
    hops = len(audio) // round(FINEST * SAMPLERATE)
    if hops * FINEST < 1 or np.abs(audio).max() == 0:
        return None
    audio = worsen(audio.copy(), rng) if worse else audio
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # librosa warns of empty mel bands and of silence
        return {name: kind(audio, hops) for name, kind in kinds.items()}, audio


def _answered(features: dict[str, np.ndarray], audio: np.ndarray, events: np.ndarray, hop: float, span: int):
    """(features of the hops that sound and have an answer, those answers)."""
    count = len(audio) // round(hop * SAMPLERATE)
    answer = longest(events, hop, count)
    kept = (answer >= 0) & (levels(audio, round(hop * SAMPLERATE))[:count] >= GATE)
    # Mean of finer hops: for the encoders the mean over all frames of the hop, each seen with the context of its own.
    merged = {k: f[: count * span].reshape(count, span, -1).mean(axis=1)[kept] for k, f in features.items()}
    return merged, answer[kept]


def longest(events: np.ndarray, hop: float, count: int) -> np.ndarray:
    """(count,) int64: of events (n, 3) [begin s, end s, class 0-11], the class that lasts longest in each hop; -1 if none."""
    lasts = np.zeros((count, 12))
    for begin, end, kind in events:
        first, last = max(0, int(begin // hop)), min(count - 1, int(end // hop))
        for i in range(first, last + 1):
            lasts[i, int(kind) % 12] += max(0.0, min(end, (i + 1) * hop) - max(begin, i * hop))
    return np.where(lasts.max(axis=1, initial=0) > 0, lasts.argmax(axis=1), -1)


def _events(song: Path, part: str, about: dict[str, Any], question: str) -> np.ndarray:
    if question == "chord root":
        return np.array(about["chords"], np.float64).reshape(-1, 3)
    with np.load(song / "notes.npz") as notes:
        return notes[part].astype(np.float64).reshape(-1, 3)


def _joined(rows: list, kinds: list[str]) -> Hops:
    if not sum(len(answer) for _, _, answer in rows):
        return Hops({}, np.zeros(0, np.int64), np.zeros(0, np.int64))
    features = {kind: np.concatenate([found[kind] for _, found, _ in rows]) for kind in kinds}
    song = np.concatenate([np.full(len(answer), number) for number, _, answer in rows])
    return Hops(features, np.concatenate([answer for _, _, answer in rows]), song)


# Questions


def _at_hop(
    hop: float, learned: dict[str, Hops], examined: dict[str, Hops], kinds: list[str], model: Path, s: Settings
):
    """Scores of every kind at one hop length."""
    rows = []
    for kind in kinds:
        taught = np.concatenate([h.features[kind] for h in learned.values() if h.features])
        whitenings = (SHIPPED,) if kind == "encoder" else WHITENINGS
        alphabets = [fit_alphabet(taught, s.units, hop, power=power, seed=s.seed) for power in whitenings]
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


def _interval(test: Hops, token: np.ndarray, s: Settings, draws: int = 200) -> list[float] | None:
    """95 % of NMI by bootstrap over songs. A resample repeats songs, which raises NMI a little: it is a spread."""
    songs, rng = np.unique(test.song), _rng(s, "interval")
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
        f"{result['test_songs']} test songs, heard {heard}, at most {s['seconds']:g} s of each. NMI with its 95 % spread "
        "over songs; linear: share of right answers of a linear probe. Rivals have the best of three whitenings.",
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


# Songs


def _songs(folder: Path) -> list[Path]:
    songs = sorted(path.parent for path in folder.glob("*/song.json"))
    if not songs:
        raise ProbeError(f"no rendered song in '{folder}': make them with python -m train.render SCORES -o DATA")
    return songs


def _evenly(songs: list[Path], count: int) -> list[Path]:
    """At most `count`, evenly spaced."""
    if count < 1:
        raise ProbeError("songs = 0: give at least one to learn from and one to examine")
    return [songs[i] for i in np.unique(np.linspace(0, len(songs) - 1, min(count, len(songs))).round().astype(int))]


def _parts(song: Path) -> dict[str, Path]:
    return {path.stem: path for path in sorted(song.glob("*.flac"))}


def _rng(s: Settings, purpose: str) -> np.random.Generator:
    return np.random.default_rng([s.seed, zlib.crc32(purpose.encode())])


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
