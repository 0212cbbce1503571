"""Musical fit of an answer to its guide in pitch, time and phrasing, measured by librosa, which the agent does not use.

    antiphon evaluate listening STEMS -o OUT [--songs 'eff_*'] [--limit 4] [--set decision.top_p=0.8]... [--jobs 2]

STEMS holds songs, <song>/<part>.flac (ogg, wav...), with drums or beats.txt (one time in s a line) among the parts, and
two parts that can be guide and memory: not the drums, a backing track or a mix. Of each song the first two parts answer
each other, live, from two memories: `own`, the recording of the partner itself, and `other`, the same part of the next
song, or its last. Recordings that lie in STEMS themselves are solos: own is the recording itself, other the next solo.

harmony   mean cosine of centred constant-Q chroma of guide and answer, over the half seconds in which both sound
ghost     harmony minus its mean over all circular displacements of the answer, in their standard deviations; above 3
          the answer fits this moment of the guide, not only its key
time      |mean exp(4 pi i phase)| of the answer's onsets on the beat, weighted by strength: 1 all on (half) beats
run       mean stretch played as it was recorded, s          variety   different segments / segments played
holes     share of half seconds in which the guide sounds and the answer does not       level   gain over the guide, dB

The rivals are those of `train.evaluate.listening_rivals`. Every pair is written when it is done; --resume goes on.

OUT/listening.json   every number, pair by pair     OUT/listening.md   the tables     OUT/listening.html   to listen
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from fnmatch import fnmatch
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from corpora.audio import AudioWriter, resample
from corpora.whole_files import atomic_write
from train.common.cluster import CLUSTER_HELP, check_cluster, mapped
from train.common.errors import TrainError
from train.common.files import visible
from train.common.settings import add_arguments, frozen, parse_arguments, setting
from train.data.stems import AUDIO_SUFFIXES, read_at_rate, stems_of
from train.evaluate import listening_report as report
from train.evaluate.listening_report import ANSWER, BEATS, CHROMA, KINDS, MEASURES, RANDOM, TRUE
from train.evaluate.metrics import compare_known, describe_known, seeded
from train.evaluate.resumable import begin, write_part

BACKING = "backing"  # the part that contains all others
BEAT_PARTS = ("drums", BACKING)  # parts that the beats are tracked on, without beats.txt
CACHED_RECORDINGS = 8
AUDIO = ("none", "answer", "all")


class Answer(Protocol):
    """An answer as audio, with its segments: see `agent.verbs.evaluation_player.Answer`."""

    @property
    def audio(self) -> np.ndarray:
        """(n,) float32, as long as the guide."""

    @property
    def segments(self) -> np.ndarray:
        """(hops,) int segments of the memory that were played, -1 for silence; first the hop before any answer."""

    @property
    def cut(self) -> np.ndarray:
        """(hops,) bool: True where a hop does not continue from the end of the previous one, at any playback speed."""

    @property
    def samplerate(self) -> int:
        """Sample rate of the audio, Hz."""


class Responder(Protocol):
    """An agent that answers recordings: see `agent.verbs.evaluation_player.Responder`. hop: s."""

    hop: float

    def answer(self, guide: Path, memory: Path, seed: int) -> Answer:
        """The live answer to a recording, from the recording `memory`."""


Factory = Callable[[str, tuple[str, ...]], Responder]  # (model, settings), importable by name for --jobs


@dataclass(frozen=True)
class ListeningEvaluation:
    """Settings of one evaluation; saved with it."""

    songs: str = setting("*", "which songs, as a pattern of their names")
    limit: int = setting(0, "songs at most; 0: all")
    kinds: tuple[str, ...] = setting(KINDS, "memories to answer from")
    backing: bool = setting(False, "a backing track counts as a part, and its beats as those of the song")
    seed: int = setting(1, "of the agent; same seed, same answers")
    jobs: int = setting(1, "songs at the same time, each in a process", may_change=True)
    cluster: str = setting("", CLUSTER_HELP, may_change=True)
    pictures: bool = setting(False, "waveforms, constant-Q and onsets of 20 s of each answer", may_change=True)
    audio: str = setting("answer", "what can be listened to", choices=AUDIO, may_change=True)
    set: tuple[str, ...] = setting((), "settings of the agent that are not its defaults, K.K=V", repeat=True)

    def __post_init__(self) -> None:
        if unknown := set(self.kinds) - set(KINDS):
            raise TrainError(f"kinds = {min(unknown)!r}: expected {' or '.join(KINDS)}")
        if self.limit < 0 or self.jobs < 1:
            raise TrainError(f"limit = {self.limit}, jobs = {self.jobs}: expected 0 or more, and 1 or more")


@dataclass(frozen=True)
class Song:
    """A song of the evaluation.

    parts: the two that answer each other, or a solo. beats: beats.txt or the stem to track.
    """

    name: str
    stems: dict[str, Path]
    parts: tuple[str, ...]
    beats: Path | None


# Which songs and pairs


def songs_of(data: Path, s: ListeningEvaluation) -> tuple[list[Song], list[str]]:
    """The songs below `data` that the settings choose, and the names of those that cannot be used; TrainError if none.

    A song needs two parts and beats; recordings in `data` itself are solos, which need neither.
    """
    if not data.is_dir():
        raise TrainError(f"there is no folder '{data}': give one of songs, <song>/<part>.flac")
    solos = [path for path in visible(data, "*") if path.is_file() and path.suffix.lower() in AUDIO_SUFFIXES]
    songs = [_song(folder, s) for folder in visible(data, "*") if folder.is_dir() and stems_of(folder)]
    songs += [Song(path.stem, {path.stem: path}, (path.stem,), None) for path in solos]
    chosen = [song for song in songs if fnmatch(song.name, s.songs)]
    usable = [song for song in chosen if (len(song.parts) == 2 and song.beats) or song.name in song.stems]
    left_out = [song.name for song in chosen if song not in usable]
    usable = usable[: s.limit or None]
    if len(usable) < (2 if "other" in s.kinds else 1):
        raise TrainError(
            f"{len(usable)} song below '{data}' can be used: expected two or more folders <song>/<part>.flac with two "
            "parts beside drums or beats.txt; --backing true also takes songs of one part and its backing track"
        )
    return usable, left_out


def _song(folder: Path, s: ListeningEvaluation) -> Song:
    stems = stems_of(folder)
    parts = [part for part in stems if part not in BEAT_PARTS and "mix" not in part]
    if s.backing and len(parts) == 1 and BACKING in stems:
        parts.append(BACKING)
    file, tracked = folder / "beats.txt", [stems[part] for part in BEAT_PARTS[: 1 + s.backing] if part in stems]
    return Song(folder.name, stems, tuple(parts[:2]), file if file.is_file() else next(iter(tracked), None))


@dataclass(frozen=True)
class Pair:
    """A guide, its partner, and the memory that replaces the partner; `memory_song`: the song of the memory."""

    song: Song
    guide: str
    partner: str
    kind: str
    memory: Path
    memory_song: Song

    @property
    def name(self) -> str:
        """Stem of the names of its files."""
        return f"{self.song.name}_{self.guide}_{self.kind}"


def pairs_of(songs: list[Song], number: int, kinds: Iterable[str]) -> Iterator[Pair]:
    """The pairs of song `number`, with each kind of memory."""
    song, following = songs[number], songs[(number + 1) % len(songs)]
    for guide, partner in zip(song.parts, song.parts[::-1], strict=True):
        for kind in kinds:
            if kind == "own":
                yield Pair(song, guide, partner, kind, song.stems[partner], song)
            else:
                part = partner if partner in following.stems else _melodic(following)[-1]
                yield Pair(song, guide, partner, kind, following.stems[part], following)


def _melodic(song: Song) -> list[str]:
    return [part for part in song.stems if part not in BEAT_PARTS and "mix" not in part] or list(song.parts)


# One pair


@dataclass(frozen=True)
class _Recording:
    audio: np.ndarray
    chroma: Any  # perception.fit.ChromaSegments


@lru_cache(CACHED_RECORDINGS)
def _recording(path: Path) -> _Recording:
    from train.evaluate.listening_measures import SAMPLERATE, chroma_segments

    audio = read_at_rate(path, SAMPLERATE)
    return _Recording(audio, chroma_segments(audio))


@lru_cache(CACHED_RECORDINGS)
def _beats(path: Path | None) -> np.ndarray:
    from train.evaluate.listening_measures import SAMPLERATE, read_beats, track_beats

    if path is None:
        return np.zeros(0)
    try:
        return read_beats(path) if path.suffix == ".txt" else track_beats(read_at_rate(path, SAMPLERATE))
    except (ValueError, IndexError) as error:
        raise TrainError(f"'{path}' gives no beats ({error}): expected one time in s a line") from None


@lru_cache(1)
def _responder(make: Factory, model: str, settings: tuple[str, ...]) -> Responder:
    return make(model, settings)


def answer_song(songs: list[Song], number: int, out: Path, make: Factory, model: str, s: ListeningEvaluation) -> None:
    """Answer and measure the pairs of song `number` that OUT does not have."""
    for pair in pairs_of(songs, number, s.kinds):
        if not _row_file(out, pair).exists():
            row, sounds = measure_pair(pair, _responder(make, model, s.set), s)
            _write_audio(out / "audio", pair, sounds, s.audio)
            if s.pictures:
                _write_picture(out / "audio", pair, sounds)
            write_part(_row_file(out, pair), row)


def measure_pair(pair: Pair, responder: Responder, s: ListeningEvaluation) -> tuple[dict, dict[str, np.ndarray]]:
    """All measures of an answer and its rivals, and {who: audio (n,)} at the rate of the measures."""
    from train.evaluate import listening_rivals as rivals
    from train.evaluate.listening_measures import SAMPLERATE, cut_at, fit, playing, runs

    guide, memory, beats = _recording(pair.song.stems[pair.guide]), _recording(pair.memory), _beats(pair.song.beats)
    answer = responder.answer(pair.song.stems[pair.guide], pair.memory, s.seed)
    segments, cut, samples, hop = answer.segments[1:], answer.cut[1:], len(guide.audio), responder.hop
    sounds = {ANSWER: resample(answer.audio, answer.samplerate, SAMPLERATE)}
    played = {ANSWER: playing(segments, 1, hop, cut)}
    sounds[RANDOM] = rivals.random_runs(memory.audio, runs(cut), hop)
    matched = {CHROMA: rivals.chroma_matcher(guide.chroma, memory.chroma, memory.audio, samples)}
    memory_beats = _beats(pair.memory_song.beats)
    if min(len(beats), len(memory_beats)) > 1:
        matched[BEATS] = rivals.chroma_matcher_on_beats(guide.chroma, beats, memory.audio, memory_beats, samples)
    for who, rival in matched.items():
        at, step = rival.starts, rivals.SEGMENT_S
        sounds[who], played[who] = rival.audio, playing(at, step, step, cut_at(at, step))
    if pair.partner != pair.guide:
        sounds[TRUE] = _recording(pair.song.stems[pair.partner]).audio
    row: dict[str, Any] = {"song": pair.song.name, "guide": pair.guide, "partner": pair.partner, "kind": pair.kind}
    row |= {"memory": f"{pair.memory_song.name}/{pair.memory.stem}", "name": pair.name}
    measured = {who: fit(guide.chroma, audio, beats) | played.get(who, {}) for who, audio in sounds.items()}
    return row | {"who": measured}, {"guide": guide.audio, **sounds}


def _row_file(out: Path, pair: Pair) -> Path:
    return out / "pairs" / f"{pair.name}.json"


def _write_audio(folder: Path, pair: Pair, sounds: dict[str, np.ndarray], which: str) -> None:
    """Guide on the left, answer or rival on the right, as Ogg."""
    from train.evaluate.listening_measures import SAMPLERATE

    wanted = {"none": (), "answer": (ANSWER,), "all": tuple(report.AUDIBLE)}[which]
    for who in wanted:
        if who in sounds:
            length = min(len(sounds["guide"]), len(sounds[who]))
            with AudioWriter(folder / report.audio_file(pair.name, who), SAMPLERATE, channels=2) as writer:
                writer.write(np.stack([sounds["guide"][:length], sounds[who][:length]], axis=1))


def _write_picture(folder: Path, pair: Pair, sounds: dict[str, np.ndarray]) -> None:
    from train.evaluate.listening_pictures import png

    title = f"{pair.song.name}: {pair.guide} answered from {pair.memory_song.name}/{pair.memory.stem}"
    picture = png(sounds["guide"], sounds[ANSWER], _beats(pair.song.beats), title)
    atomic_write(folder / report.picture_file(pair.name), picture)


# All of them


def listening(data: Path, model: str, out: Path, make: Factory, resume: bool = False, **settings) -> dict[str, Any]:
    """Answer and measure every pair of the songs below `data`; write OUT/listening.{json,md,html}; return the first.

    model: folder or name. resume: keep the pairs that OUT has. settings: fields of `ListeningEvaluation`. TrainError,
    AudioError, ModelError (all ValueErrors).
    """
    s = ListeningEvaluation(**frozen(settings))
    check_cluster(s.cluster)
    songs, left_out = songs_of(data, s)
    begin(out, ("pairs", "audio"), {"data": str(data.resolve()), "model": model, **asdict(s)}, s, resume)
    arguments = [(songs, number, out, make, model, s) for number in range(len(songs))]
    mapped(answer_song, arguments, s.jobs, s.cluster, "answering")
    rows = [
        json.loads(_row_file(out, pair).read_text(encoding="utf-8"))
        for number in range(len(songs))
        for pair in pairs_of(songs, number, s.kinds)
    ]
    result = {"task": "listening", "data": data.name, "model": Path(model).name, "settings": asdict(s)}
    result |= {"left_out": left_out, "rows": rows, "summary": {kind: summary(rows, kind, s.seed) for kind in s.kinds}}
    result = json.loads(json.dumps(result))  # what is returned is what is written
    atomic_write(out / "listening.html", report.html(result, out))
    atomic_write(out / "listening.md", report.markdown(result))
    atomic_write(out / "listening.json", json.dumps(result, indent=1) + "\n")
    return result


def summary(rows: list[dict[str, Any]], kind: str, seed: int) -> dict[str, Any]:
    """{who: {measure: mean with its interval over songs}} and the differences of the answer to each rival."""
    chosen = [row for row in rows if row["kind"] == kind]
    songs = np.array([row["song"] for row in chosen])
    whos = [who for who in (ANSWER, RANDOM, CHROMA, BEATS, TRUE) if any(who in row["who"] for row in chosen)]
    table = {who: {measure: _column(chosen, who, measure) for measure in MEASURES} for who in whos}
    means: dict[str, Any] = {"pairs": len(chosen), "songs": len(np.unique(songs)), "who": {}, "differences": {}}
    for who, columns in table.items():
        means["who"][who] = {m: describe_known(v, songs, seeded(seed, kind, who, m)) for m, v in columns.items()}
        if who != ANSWER:
            means["differences"][who] = {
                m: compare_known(table[ANSWER][m], v, songs, seeded(seed, kind, who, m, "difference"))
                for m, v in columns.items()
            }
    return means


def _column(rows: list[dict[str, Any]], who: str, measure: str) -> np.ndarray:
    """(pairs,) values of a measure, NaN where there is none."""
    if measure == "listens":
        from train.evaluate.listening_measures import passes_ghost_test

        ghosts = [_number(row["who"][who], "ghost") if who in row["who"] else None for row in rows]
        return np.array([np.nan if ghost is None else passes_ghost_test({"ghost": ghost}) for ghost in ghosts])
    return np.array([_number(row["who"].get(who, {}), measure) for row in rows])


def _number(measured: dict[str, float | None], measure: str) -> float:
    value = measured.get(measure)
    return float("nan") if value is None else value


# Command line


def main(argv: list[str] | None, make: Factory) -> None:
    """Command line of this evaluation. make: the factory of the agent. Errors as of `listening`."""
    parser = argparse.ArgumentParser(
        prog="antiphon evaluate listening", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, help="folder of songs, <song>/<part>.flac, or of solos")
    parser.add_argument(
        "--model", default="small", metavar="DIR", help="model folder or embedded model (default: small)"
    )
    parser.add_argument("-o", "--out", type=Path, required=True, help="folder of the results")
    parser.add_argument("--resume", action="store_true", help="keep the pairs that OUT has already")
    add_arguments(parser, ListeningEvaluation)
    given = vars(parse_arguments(parser, argv))
    data, model, out, resume = (given.pop(name) for name in ("data", "model", "out", "resume"))
    try:
        import librosa  # noqa: F401
    except ImportError:
        raise TrainError("the judge of this evaluation is librosa, which is missing: pip install librosa") from None
    print(report.markdown(listening(data, model, out, make, resume, **given)))
