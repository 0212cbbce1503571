"""`antiphon corpus find`: the moments of many corpora and recordings that fit some words best."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from agent.performance import wording
from agent.performance.model import load_words
from agent.performance.model_folder import encoder_of, find
from agent.verbs.console import ShowProgress
from agent.verbs.paths import AUDIO_SUFFIXES
from corpora import corpus as corpora
from corpora.audio import open_audio
from corpora.corpus import CorpusError
from corpora.whole_files import AudioError
from perception.level import level_db
from perception.onsets import onsets_of
from perception.units import Alphabet, AlphabetError
from perception.wav2vec2 import SAMPLERATE, Wav2Vec2Encoder
from perception.words import STEP_S, WINDOW_STEPS, Words, rows_of

WINDOW_S = STEP_S * WINDOW_STEPS


@dataclass(frozen=True)
class Moment:
    """Some seconds of a corpus or recording, and the cosine of their music and the words."""

    file: str
    begin: float
    end: float
    score: float


def search(
    text: str, folder: str | Path, model: str, count: int = 10, progress: ShowProgress | None = None
) -> dict[str, Any]:
    """The `count` best moments of 10 s below a folder, best first; no two of one file overlap.

    Corpora of the model's alphabets are searched by what they hold, other corpora and recordings are heard first, at
    some 40 times their speed. What cannot be read is told in "skipped". WordsError if the text says nothing, AudioError
    if there is nothing below the folder.
    """
    model_folder = find(model)
    encoder_path = encoder_of(model_folder)
    words = load_words(model_folder, encoder_path)
    numbers, unknown = words.read(text)
    meant, searcher = words.place(numbers), _Searcher(words, model_folder, encoder_path)
    corpora_found, recordings = _below(Path(folder))
    if not corpora_found and not recordings:
        raise AudioError(f"there is no corpus and no recording below '{folder}': name a folder that holds some")
    moments, skipped, seconds = list[Moment](), list[dict[str, str]](), 0.0
    files = [*corpora_found, *recordings]
    for number, path in enumerate(files):
        try:
            begins, placed, length = searcher.windows(path)
        except (AudioError, CorpusError) as error:
            skipped.append({"file": str(path), "why": str(error)})
            continue
        moments += _best(str(path), begins, placed @ meant, length, count)
        seconds += length
        if progress:
            progress(number + 1, len(files))
    moments.sort(key=lambda moment: (-moment.score, moment.file, moment.begin))
    return {
        "words": text, "unknown": unknown, "corpora": len(corpora_found), "recordings": len(recordings),
        "seconds": round(seconds, 1), "skipped": skipped, "found": [vars(moment) for moment in moments[:count]],
    }  # fmt: skip


def _below(folder: Path) -> tuple[list[Path], list[Path]]:
    """Corpora, and recordings that are part of none, below a folder or named by it; hidden ones are left out."""
    if folder.is_file():
        return [], [folder]
    paths = sorted(
        path for path in folder.rglob("*") if not any(p.startswith(".") for p in path.relative_to(folder).parts)
    )
    found = [path.parent for path in [folder / "corpus.json", *paths] if path.name == "corpus.json" and path.is_file()]
    found = list(dict.fromkeys(found))
    sounds = [path for path in paths if path.suffix.lower() in AUDIO_SUFFIXES and path.is_file()]
    return found, [path for path in sounds if path.parent not in found]


class _Searcher:
    """Places the windows of corpora and recordings among words; the encoder is loaded when it is first needed."""

    def __init__(self, words: Words, model: Path, encoder: Path | str):
        self.words, self.encoder_path = words, encoder
        self.alphabets = set[str]()
        for path in (model / "units").glob("*.safetensors"):
            try:
                self.alphabets.add(Alphabet.load(path).hash)
            except AlphabetError:  # told where it is needed
                continue

    @cached_property
    def encoder(self) -> Wav2Vec2Encoder:
        """The encoder of the model."""
        return Wav2Vec2Encoder.load(self.encoder_path, STEP_S)

    def windows(self, path: Path) -> tuple[np.ndarray, np.ndarray, float]:
        """(begins in s, windows, length in s) of a corpus folder or a recording. CorpusError, AudioError."""
        if not path.is_dir():
            return self._heard(path)
        corpus = corpora.load(path)
        if corpus.alphabet not in self.alphabets:
            return self._heard(path / "audio.flac")
        onsets = onsets_of(corpus.audio(), corpus.samplerate) if corpus.onsets is None else corpus.onsets
        middles, placed = wording.windows_of(self.words, corpus, onsets)
        return middles - WINDOW_S / 2, placed, len(corpus) * corpus.hop

    def _heard(self, path: Path) -> tuple[np.ndarray, np.ndarray, float]:
        with open_audio(path, at_least=STEP_S) as file:
            audio = file.read(SAMPLERATE)
        step = round(STEP_S * SAMPLERATE)
        levels = level_db(audio[: len(audio) // step * step].reshape(-1, step))
        rows = rows_of(self.encoder.batch(audio)[0], levels, onsets_of(audio, SAMPLERATE), STEP_S)
        begins, placed = self.words.windows(rows)
        return begins * STEP_S, placed, len(audio) / SAMPLERATE


def _best(file: str, begins: np.ndarray, scores: np.ndarray, length: float, count: int) -> list[Moment]:
    """The best windows of a file that do not overlap."""
    taken: list[Moment] = []
    for n in np.argsort(-scores, kind="stable"):
        begin = float(begins[n])
        if all(abs(begin - other.begin) >= WINDOW_S for other in taken):
            end = round(min(length, begin + WINDOW_S), 2)
            taken.append(Moment(file, begin, end, round(float(scores[n]), 4)))
            if len(taken) == count:
                break
    return taken


def lines(result: dict[str, Any]) -> list[str]:
    """One line for each moment, then what was not understood and what could not be read."""
    told = [f"{moment['score']:.2f}  {moment['file']}  {clock(moment['begin'])} to {clock(moment['end'])}"
            for moment in result["found"]]  # fmt: skip
    told += [result["unknown"]] if result["unknown"] else []
    return told + [f"left out: {entry['why']}" for entry in result["skipped"]]


def clock(seconds: float) -> str:
    """1:02.5 for 62.5 s."""
    return f"{int(seconds // 60)}:{seconds % 60:04.1f}"
