"""Excerpts of songs and what is true of them: what the model of words learns from, and is measured on.

A song is a folder as train/songs/render.py and recordings.py make them: its parts, notes.npz, song.json. Of each some
stretches are drawn, of one part or of several together; a stretch is encoded once (FOLDER/<split>/<song>.npz) and gives
windows of 10 s every 5 s. What is true of a window is found anew from its notes, beats, levels and instruments.
"""

from __future__ import annotations

import csv
import io
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from corpora.whole_files import atomic_write
from perception.level import level_db
from perception.onsets import onsets_of
from perception.wav2vec2 import SAMPLERATE, Wav2Vec2Encoder
from perception.words import LEVEL, STEP_S, WINDOW_STEPS, rows_of
from train.common.errors import TrainError, reading
from train.common.progress import progress
from train.data import captions
from train.data.stems import Song, duration, excerpt, read, songs_below

WINDOW_S = STEP_S * WINDOW_STEPS
WARM_UP_S = 2.0  # heard before the first window: the context of the encoder
BETWEEN_S = 5.0  # time from a window to the next
STRETCH_S = WARM_UP_S + WINDOW_S + 2 * BETWEEN_S
AUDIBLE_DB = -45.0  # mean level from which on a part counts in a window
RECORDED_TIMES = 8  # factor by which a recording gives more stretches: they are long and few
SIZES, SIZE_SHARES = (1, 2, 3, 99), (0.5, 0.2, 0.15, 0.15)  # how many parts sound together, at most


@dataclass(frozen=True)
class SongFolder:
    """A song: the file of its encoded stretches, its folder and parts, and what song.json says."""

    features: Path
    folder: Path
    parts: Song
    info: dict[str, Any]

    @property
    def score(self) -> str:
        """What was played: the same of several renderings."""
        return str(self.info.get("source", self.folder.name))

    @property
    def recorded(self) -> bool:
        """Whether it is a recording, whose notes and beats are estimates."""
        return "programs" not in self.info


@dataclass(frozen=True)
class Stretch:
    """A drawn stretch of a song: its parts, and where it begins, in s."""

    parts: tuple[str, ...]
    begin: float


@dataclass(frozen=True)
class Described:
    """n windows: rows (n, WINDOW_STEPS, row_dim) float32, truths (n, values) int8, see `captions.truth`.

    scores (n,): what is played, see `SongFolder.score`. recorded: (n,) bool. texts: captions of somebody's own.
    """

    rows: np.ndarray
    truths: np.ndarray
    scores: np.ndarray
    recorded: np.ndarray
    texts: tuple[tuple[str, ...], ...]

    def __len__(self) -> int:
        return len(self.rows)

    def part(self, chosen: np.ndarray) -> Described:
        """Those windows alone. chosen: (n,) bool, or their numbers."""
        n = np.arange(len(self))[chosen]
        texts = tuple(self.texts[k] for k in n)
        return Described(self.rows[n], self.truths[n], self.scores[n], self.recorded[n], texts)


def songs_of(data: list[Path], split: str, folder: Path, most: int = 100_000) -> list[SongFolder]:
    """The songs of a split that have notes.npz and song.json, at most so many of each data folder."""
    found = []
    for source in data:
        songs = songs_below(source, split) if (source / split).is_dir() else {}
        for song, parts in list(songs.items())[:most]:
            place = source / split / song
            if (place / "song.json").exists() and (place / "notes.npz").exists():
                with reading(place):
                    info = json.loads((place / "song.json").read_text(encoding="utf-8"))
                found.append(SongFolder(folder / split / f"{source.name}-{song}.npz", place, parts, info))
    return found


def is_held_out(song: SongFolder, every: int) -> bool:
    """Whether a song of the training split is for validation: always the same ones, whatever other songs there are."""
    return bool(every) and zlib.crc32(song.score.encode()) % every == 0


def stretches(song: SongFolder, count: int, seed: int) -> list[Stretch]:
    """`count` stretches of a song, drawn by its name and a seed: one part, or several that sound together."""
    rng = np.random.default_rng([seed, zlib.crc32(song.folder.name.encode())])
    seconds = min(map(duration, song.parts.values()))
    drawn = []
    for _ in range(count * (RECORDED_TIMES if song.recorded else 1)):
        size = min(len(song.parts), int(rng.choice(SIZES, p=SIZE_SHARES)))
        chosen = tuple(sorted(rng.choice(sorted(song.parts), size, replace=False).tolist()))
        last = seconds - STRETCH_S
        begin = float(np.floor(rng.random() * last)) if last > 0 else 0.0
        drawn.append(Stretch(chosen, begin))
    return drawn if seconds >= WINDOW_S else []


def encode(songs: list[SongFolder], encoder: Wav2Vec2Encoder, count: int, seed: int) -> None:
    """Encode the stretches of the songs that have none yet."""
    for song in progress([song for song in songs if not song.features.exists()], "encoding songs"):
        content = io.BytesIO()
        np.savez(content, **_encoded(song, encoder, count, seed))
        song.features.parent.mkdir(parents=True, exist_ok=True)
        atomic_write(song.features, content.getvalue())


def _encoded(song: SongFolder, encoder: Wav2Vec2Encoder, count: int, seed: int) -> dict[str, Any]:
    """Rows and levels of each stretch of a song, and what they are."""
    arrays: dict[str, Any] = {}
    drawn, parts = stretches(song, count, seed), song.parts
    for number, stretch in enumerate(drawn):
        sounds = [excerpt(parts[part], stretch.begin, round(STRETCH_S * SAMPLERATE)) for part in stretch.parts]
        steps = int(min(STRETCH_S, duration(parts[stretch.parts[0]]) - stretch.begin) / STEP_S)
        sounds = [sound[: round(steps * STEP_S * SAMPLERATE)] for sound in sounds]
        arrays[f"rows{number}"] = rows_of_sound(np.sum(sounds, axis=0), encoder).astype(np.float16)
        arrays[f"levels{number}"] = np.stack([_levels(sound) for sound in sounds]).astype(np.float16)
    arrays["about"] = json.dumps([[stretch.parts, stretch.begin] for stretch in drawn])
    return arrays


def rows_of_sound(audio: np.ndarray, encoder: Wav2Vec2Encoder) -> np.ndarray:
    """(n,) float32 at 16 kHz -> (steps, row_dim), see `perception.words.rows_of`. encoder: at a hop of STEP_S."""
    features = encoder.batch(audio)[0]
    return rows_of(features, _levels(audio)[: len(features)], onsets_of(audio, SAMPLERATE), STEP_S)


def _levels(audio: np.ndarray) -> np.ndarray:
    step = round(STEP_S * SAMPLERATE)
    return np.asarray(level_db(audio[: len(audio) // step * step].reshape(-1, step)))


def described(songs: list[SongFolder]) -> Described:
    """All windows of encoded songs; TrainError if there is none."""
    rows, truths, owner = [], [], []
    for number, song in enumerate(songs):
        with reading(song.folder):
            for window, truth in _windows(song):
                rows.append(window)
                truths.append(truth)
                owner.append(number)
    if not rows:
        raise TrainError(
            "no song has an excerpt of 10 s: expected folders <split>/<song>/<part>.flac with notes.npz and song.json, "
            "such as python -m train.songs.render makes"
        )
    scores, recorded = (np.array([song.score for song in songs]), np.array([song.recorded for song in songs]))
    return Described(np.stack(rows), np.stack(truths), scores[owner], recorded[owner], ((),) * len(rows))


def _windows(song: SongFolder) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """(rows, truth) of each window of a song in which anything can be heard."""
    with np.load(song.folder / "notes.npz") as archive:
        notes = {part: archive[part] for part in archive.files}
    with np.load(song.features) as archive:
        for number, (parts, begin) in enumerate(json.loads(str(archive["about"]))):
            rows, levels = archive[f"rows{number}"].astype(np.float32), archive[f"levels{number}"].astype(np.float64)
            first = round(WARM_UP_S / STEP_S) if begin > 0 else 0
            for step in range(first, len(rows) - WINDOW_STEPS + 1, round(BETWEEN_S / STEP_S)):
                span = slice(step, step + WINDOW_STEPS)
                power = (10 ** (levels[:, span] / 10)).mean(1)
                heard = [part for part, p in zip(parts, power, strict=True) if p > 10 ** (AUDIBLE_DB / 10)]
                if heard:
                    true = true_of(heard, notes, song.info, begin + step * STEP_S)
                    true |= captions.of_levels(rows[span, LEVEL])
                    yield rows[span], captions.truth(true)


def true_of(heard: list[str], notes: dict[str, np.ndarray], info: dict[str, Any], begin: float) -> dict[str, list[str]]:
    """What is true of some parts of a song from `begin` s on, for 10 s, but for its levels; see `captions.TOPICS`.

    notes: {part: (n, 3) of the song}, of those parts whose notes are known. info: song.json.
    """
    end = begin + WINDOW_S
    within = [_within(notes[part], begin, end) for part in heard if part in notes]
    unwritten = [part for part in heard if part not in notes]
    true: dict[str, list[str]] = {}
    if all(instrument_of(part, info) == (captions.DRUMS,) for part in unwritten):
        true = captions.of_notes(np.concatenate([np.zeros((0, 3)), *within]), WINDOW_S)
    if unwritten:
        true.pop("density", None)
    beats = np.array([beat[0] if isinstance(beat, list) else beat for beat in info.get("beats", [])], float)
    true |= captions.of_beats(beats[(beats >= begin) & (beats < end)])
    instruments = [instrument_of(part, info) for part in heard]
    if all(instruments):
        true["instruments"] = sorted({name for names in instruments for name in names})
    return true | captions.parts_of(len(heard))


def _within(notes: np.ndarray, begin: float, end: float) -> np.ndarray:
    """Notes (n, 3) that sound between two times, cut there, in s from `begin`."""
    inside = notes[(notes[:, 1] > begin) & (notes[:, 0] < end)].astype(np.float64)
    inside[:, :2] = np.clip(inside[:, :2], begin, end) - begin
    return inside


def instrument_of(part: str, info: dict[str, Any]) -> tuple[str, ...]:
    """The instruments of a part, by its name or by what song.json says; () if they are not known."""
    if "drum" in part or part == "percussion":
        return (captions.DRUMS,)
    named = captions.instruments_of(info.get("instruments", {}).get(part, ""))
    program = info.get("programs", {}).get(part)
    return named or captions.instruments_of("" if program is not None else part, program)


def check_features(folder: Path, encoder: str, count: int, seed: int) -> None:
    """TrainError where the excerpts in a folder are others, or encoded by another encoder (its hash); notes which."""
    now, note = {"encoder": encoder, "stretches": count, "seed": seed}, folder / "settings.json"
    folder.mkdir(parents=True, exist_ok=True)
    if not note.exists():
        atomic_write(note, json.dumps(now) + "\n")
        return
    with reading(folder):
        before = json.loads(note.read_text(encoding="utf-8"))
    if before != now:
        raise TrainError(
            f"the excerpts in '{folder}' are of another encoder, number or seed ({before}): give the settings they "
            "were made with, or another folder"
        )


def own(files: Path, encoder: Wav2Vec2Encoder) -> Described:
    """Windows of recordings with captions of somebody's own: a CSV file of lines file,caption, paths from its folder.

    A recording gives windows from its beginning to its end. TrainError, AudioError.
    """
    texts: dict[Path, list[str]] = {}
    try:
        lines = list(csv.reader(files.read_text(encoding="utf-8-sig").splitlines()))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise TrainError(f"'{files}' cannot be read ({error}): expected lines of  file,caption  in UTF-8") from None
    for number, line in enumerate(lines, 1):
        if (number == 1 and line == ["file", "caption"]) or not line:
            continue
        if len(line) != 2 or not line[1].strip():
            raise TrainError(f"'{files}', line {number}: expected  file,caption  with quotes around commas, got {line}")
        texts.setdefault(files.parent / line[0], []).append(line[1])
    rows, names = [], []
    for path in progress(texts, "encoding recordings"):
        whole = rows_of_sound(read(path), encoder)
        for step in range(0, len(whole) - WINDOW_STEPS + 1, round(BETWEEN_S / STEP_S)):
            rows.append(whole[step : step + WINDOW_STEPS])
            names.append(path)
    if not rows:
        raise TrainError(f"'{files}' names no recording of 10 s or more")
    unknown = np.full((len(rows), len(captions.VALUES)), captions.UNKNOWN, np.int8)
    of = tuple(tuple(texts[path]) for path in names)
    return Described(np.stack(rows), unknown, np.array([str(path) for path in names]), np.full(len(rows), True), of)


def joined(*parts: Described) -> Described:
    """Windows of several sets, one after the other."""
    return Described(
        np.concatenate([part.rows for part in parts]),
        np.concatenate([part.truths for part in parts]),
        np.concatenate([part.scores for part in parts]),
        np.concatenate([part.recorded for part in parts]),
        tuple(texts for part in parts for texts in part.texts),
    )
