"""Does what is added obey, and what does that cost: a mix without one of its parts, to which that part is added.

    antiphon evaluate adding STEMS -o OUT [--songs 'eff_*'] [--limit 2] [--span 20 110] [--set action.obey=2]...

STEMS holds songs as for  antiphon evaluate listening. Each of their two parts is taken out of the mix of all stems, and
what is left is answered live from the recording of that part: as ever, and with each attribute asked for at both ends.
How it was played is measured by librosa, which the agent does not use:

density    onsets in a second that sounds      register   semitones, by the power of constant-Q bins
dynamics   dBFS of the half seconds that sound place      mean -cos(2 pi phase) of the onsets: -1 on the beat, 1 off it

Obeyed is an attribute where it is higher asked for high than asked for low. Harmony, ghost and time are those of
antiphon evaluate listening. Every pair is written when it is done; --resume goes on.

OUT/adding.json   every number     OUT/adding.md   the tables     OUT/guides   what was answered
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from corpora.audio import AudioWriter, resample
from corpora.whole_files import atomic_write
from train.common.errors import TrainError
from train.common.settings import add_arguments, frozen, parse_arguments, setting
from train.common.table import NOTHING, table, with_interval
from train.data.stems import read_at_rate
from train.evaluate.listening import BACKING, Answer, ListeningEvaluation, Song, songs_of
from train.evaluate.metrics import compare, describe_known, seeded
from train.evaluate.resumable import begin, read_part, write_part

ASKED = {  # attribute -> words that ask for its low end and its high end
    "density": ("sparse", "dense"),
    "register": ("low", "high"),
    "dynamics": ("soft", "loud"),
    "place": ("on the beat", "off the beat"),
}
FIT = ("harmony", "ghost", "time", "holes")
GUIDE_RATE, GUIDE_PEAK = 32_000, 0.9  # Hz, full scale = 1


class Responder(Protocol):
    """An agent that adds to recordings: see `agent.verbs.evaluation_player.Responder`."""

    def answer(self, guide: Path, memory: Path, seed: int, add: str = "") -> Answer:
        """The live answer to a recording, from the recording `memory`. add: what is to be added, in words."""


@dataclass(frozen=True)
class AddingEvaluation:
    """Settings of one evaluation; saved with it."""

    songs: str = setting("*", "which songs, as a pattern of their names")
    limit: int = setting(0, "songs at most; 0: all")
    span: tuple[float, float] = setting((20.0, 110.0), "s of a song that is answered, from and to")
    seed: int = setting(1, "of the agent; same seed, same answers")
    set: tuple[str, ...] = setting((), "settings of the agent that are not its defaults, K.K=V", repeat=True)

    def __post_init__(self) -> None:
        if self.limit < 0 or not 0 <= self.span[0] < self.span[1]:
            raise TrainError(
                f"limit = {self.limit}, span = {self.span}: expected 0 or more, and s from a first to a last"
            )


def write_guide(song: Song, part: str, path: Path, span: tuple[float, float]) -> None:
    """Write the mix of all stems but `part`, of a stretch of the song, s. A backing track has all others already."""
    first, last = (round(end * GUIDE_RATE) for end in span)
    mix = np.zeros(last - first, np.float32)
    for name, stem in song.stems.items():
        if name != part and (BACKING not in song.stems or name == BACKING) and "mix" not in name:
            heard = read_at_rate(stem, GUIDE_RATE)[first:last]
            mix[: len(heard)] += heard
    if not mix.any():
        raise TrainError(
            f"song '{song.name}' has nothing but its {part} from {span[0]:g} s to {span[1]:g} s: see --span"
        )
    with AudioWriter(path, GUIDE_RATE) as writer:
        writer.write(mix * min(1, GUIDE_PEAK / float(np.abs(mix).max())))


def measure(song: Song, part: str, guide: Path, responder: Responder, s: AddingEvaluation) -> dict[str, Any]:
    """{words: {measure: value}} of the answers to a guide; "" is without words."""
    from train.evaluate import listening_measures as judge

    heard = judge.chroma_segments(read_at_rate(guide, judge.SAMPLERATE))
    tracked = read_at_rate(song.beats, judge.SAMPLERATE) if song.beats else np.zeros(0, np.float32)
    first, last = (round(end * judge.SAMPLERATE) for end in s.span)
    beats = judge.track_beats(tracked[first:last]) if len(tracked) > first else np.zeros(0)
    strong = judge.strong_onset(read_at_rate(song.stems[part], judge.SAMPLERATE))
    rows = {}
    for words in ("", *(word for pair in ASKED.values() for word in pair)):
        answer = responder.answer(guide, song.stems[part], s.seed, words)
        audio = resample(answer.audio, answer.samplerate, judge.SAMPLERATE)
        fit = judge.fit(heard, audio, beats)
        rows[words] = judge.traits(audio, beats, strong) | {name: fit[name] for name in FIT}
    return rows


def adding(
    data: Path, model: str, out: Path, make: Callable[[str, tuple[str, ...]], Responder], resume: bool = False,
    **settings,
) -> dict[str, Any]:  # fmt: skip
    """Measure every part of the songs below `data`; write OUT/adding.{json,md}; return the first.

    model: folder or name. make: the factory of the agent. resume: keep what OUT has. settings: fields of
    `AddingEvaluation`. TrainError, AudioError, ModelError (all ValueErrors).
    """
    s = AddingEvaluation(**frozen(settings))
    songs, _ = songs_of(data, ListeningEvaluation(songs=s.songs, limit=s.limit, kinds=("own",), backing=True))
    begin(out, ("pairs", "guides"), {"data": str(data.resolve()), "model": model, **asdict(s)}, s, resume)
    responder, rows = make(model, s.set), []
    for song in songs:
        for part in (part for part in song.parts if part != BACKING and len(song.stems) > 1):
            file, guide = out / "pairs" / f"{song.name}_{part}.json", out / "guides" / f"{song.name}_{part}.wav"
            if not file.exists():
                write_guide(song, part, guide, s.span)
                row = {"song": song.name, "part": part, "played": measure(song, part, guide, responder, s)}
                write_part(file, row)
            rows.append(read_part(file))
    if not rows:
        raise TrainError(f"no song below '{data}' is a mix of several stems: expected folders <song>/<part>.flac")
    result = {"task": "adding", "data": data.name, "model": Path(model).name, "settings": asdict(s), "rows": rows}
    result |= {"attributes": {name: _attribute(rows, name, s.seed) for name in ASKED}, "fit": _fit(rows, s.seed)}
    result = json.loads(json.dumps(result))  # what is returned is what is written
    atomic_write(out / "adding.json", json.dumps(result, indent=1) + "\n")
    atomic_write(out / "adding.md", markdown(result))
    return result


def _column(rows: list[dict[str, Any]], words: str, measure: str) -> np.ndarray:
    values = [row["played"][words][measure] for row in rows]
    return np.array([np.nan if value is None else value for value in values], float)


def _attribute(rows: list[dict[str, Any]], name: str, seed: int) -> dict[str, Any]:
    """Means of an attribute, asked for low, not at all and high; how much higher high is; where that is so."""
    low, free, high = (_column(rows, words, name) for words in (ASKED[name][0], "", ASKED[name][1]))
    known = ~np.isnan(low) & ~np.isnan(high) & ~np.isnan(free)
    songs = np.array([row["song"] for row in rows])[known]
    if not known.any():
        return {"pairs": 0}
    return {
        "pairs": int(known.sum()), "low": float(low[known].mean()), "free": float(free[known].mean()),
        "high": float(high[known].mean()), "obeyed": float((high[known] > low[known]).mean()),
        "difference": compare(high[known], low[known], songs, seeded(seed, name)),
    }  # fmt: skip


def _fit(rows: list[dict[str, Any]], seed: int) -> dict[str, Any]:
    """{measure: {"" or attribute: mean, or difference to that without words}}."""
    found: dict[str, Any] = {}
    songs = np.array([row["song"] for row in rows])
    for measure in FIT:
        free, columns = _column(rows, "", measure), {}
        for name, (low, high) in ASKED.items():
            cost = (_column(rows, low, measure) + _column(rows, high, measure)) / 2 - free
            columns[name] = describe_known(cost, songs, seeded(seed, measure, name))
        found[measure] = {"": describe_known(free, songs, seeded(seed, measure, "")), **columns}
    return found


def markdown(result: dict[str, Any]) -> str:
    """The tables of a result."""
    attributes = [
        [name, *(f"{one[end]:.2f}" for end in ("low", "free", "high")),
         with_interval(one["difference"], key="difference", sign=True), f"{one['obeyed']:.0%} of {one['pairs']}"]
        if one["pairs"] else [name, *[NOTHING] * 5]
        for name, one in result["attributes"].items()
    ]  # fmt: skip
    fit = [
        [measure, with_interval(columns[""]), *(with_interval(columns[name], sign=True) for name in ASKED)]
        for measure, columns in result["fit"].items()
    ]
    return "\n".join([
        f"# What is added obeys: {result['data']}, model {result['model']}", "",
        *table(["asked for", "low", "nothing", "high", "high - low", "obeyed"], attributes), "",
        "Fit without words, and by how much it changes where an attribute is asked for, mean of both ends:", "",
        *table(["", "without", *ASKED], fit), "",
    ])  # fmt: skip


def main(argv: list[str] | None, make: Callable[[str, tuple[str, ...]], Responder]) -> None:
    """Command line of this evaluation. make: the factory of the agent. Errors as of `adding`."""
    parser = argparse.ArgumentParser(
        prog="antiphon evaluate adding", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, help="folder of songs, <song>/<part>.flac")
    parser.add_argument("--model", default="small", metavar="DIR", help="model folder or embedded model")
    parser.add_argument("-o", "--out", type=Path, required=True, help="folder of the results")
    parser.add_argument("--resume", action="store_true", help="keep the pairs that OUT has already")
    add_arguments(parser, AddingEvaluation)
    given = vars(parse_arguments(parser, argv))
    data, model, out, resume = (given.pop(name) for name in ("data", "model", "out", "resume"))
    try:
        import librosa  # noqa: F401
    except ImportError:
        raise TrainError("the judge of this evaluation is librosa, which is missing: pip install librosa") from None
    print(markdown(adding(data, model, out, make, resume, **given)))
