"""`antiphon corpus build` and `antiphon corpus info`: make a corpus from recordings, and describe a corpus."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from agent.performance.model import Model
from agent.settings.config import Config
from agent.verbs.console import ShowProgress
from agent.verbs.paths import NO_MARKS
from corpora import build as corpus_builder
from corpora import corpus as corpora
from corpora.corpus import Corpus, CorpusError
from perception.onsets import ONSET_RATE
from perception.tuning import Tuning

SURE, LIKELY = 0.3, 0.1  # confidence of a tuning from which on it is called so
REGULAR = 0.5  # confidence of a tatum from which on its tempo counts
SLOWEST_BPM = 70.0  # a tempo is told between this and its double
STEADY = 1.03  # ratio of fastest to slowest up to which it is one tempo


def build(
    recordings: Sequence[str | Path],
    out: str | Path,
    config: Config,
    *,
    licence: str = "",
    beats: Sequence[str] = (),
    labels: Sequence[str] = (),
    progress: ShowProgress | None = None,
) -> dict:
    """Cut recordings into labelled segments of one hop and write them as the corpus folder `out`; return its info.

    beats, labels: files with beats and named sections, none at all or one for each recording, "none" for none.
    AudioError if a recording cannot be read or the folder cannot be written, CorpusError if beats or labels cannot be
    used, ModelError if the model cannot be used.
    """
    beat_files, label_files = _one_each("--beats", beats, recordings), _one_each("--labels", labels, recordings)
    model = Model.load(config.agent.model, config.live.hop, decide=False, perception=config.perception)
    corpus = corpus_builder.build(
        recordings,
        lambda samplerate: model.listener(samplerate, config.perception.gate_db),
        out,
        licence=licence,
        beats=beat_files,
        labels=label_files,
        progress=progress,
    )
    return _described(corpus)


def _one_each(flag: str, files: Sequence[str], recordings: Sequence[str | Path]) -> list[str | None]:
    """The files, None where there is none; CorpusError unless there is one for each recording, or none at all."""
    if files and len(files) != len(recordings):
        raise CorpusError(
            f"{flag} was given {len(files)} times for {len(recordings)} recordings: give it once for each, in their "
            f"order, with '{NO_MARKS}' for a recording without"
        )
    return [None if file == NO_MARKS else file for file in files]


def info(folder: str | Path) -> dict:
    """Describe a corpus folder: name, segments, hop, alphabet, licence and so on; CorpusError if it cannot be read."""
    return _described(corpora.load(folder))


def _described(corpus: Corpus) -> dict:
    corpus = corpus_builder.completed(corpus)
    assert corpus.tuning is not None
    tuning = Tuning(*corpus.tuning)
    return corpora.info(corpus) | {
        "tuning": {"cents": tuning.cents, "a_hz": round(tuning.a_hz, 2), "confidence": tuning.confidence},
        "tempo": _tempo(corpus),
        "beats": len(corpus.beats),
        "sections": [section._asdict() for section in corpus.sections],
    }


def _tempo(corpus: Corpus) -> dict[str, Any] | None:
    """Beats a minute (median, and nine tenths of the time from `slowest` to `fastest`), and the share of the time in
    which there are any; None without. `given`: by beats that were given, else by the tatum, and then an octave is told
    that may be another one."""
    if len(corpus.beats) > 1:
        apart = np.diff(corpus.beats)
        apart = apart[apart <= 3.0]  # more is a rest, or another recording
        bpm, weights, share = 60 / apart, apart, float(apart.sum() / (len(corpus) * corpus.hop))
    else:
        assert corpus.tatums is not None
        sure = (corpus.tatums[:, 2] >= REGULAR) & (corpus.tatums[:, 1] > 0)
        found = 60 * ONSET_RATE / corpus.tatums[sure, 1]
        bpm = SLOWEST_BPM * 2.0 ** (np.log2(found / SLOWEST_BPM) % 1)
        weights, share = np.ones(len(bpm)), float(sure.mean()) if len(sure) else 0.0
    if not len(bpm):
        return None
    order = np.argsort(bpm)
    reached = np.cumsum(weights[order]) / weights.sum()
    slowest, median, fastest = (float(bpm[order][np.searchsorted(reached, q)]) for q in (0.05, 0.5, 0.95))
    return {"bpm": round(median, 1), "slowest": round(slowest, 1), "fastest": round(fastest, 1),
            "share": round(min(1.0, share), 3), "given": len(corpus.beats) > 1}  # fmt: skip


def lines(result: dict) -> list[str]:
    """One line for each fact; tuning, tempo and sections in words."""
    words = {
        "tuning": _tuning_in_words(result["tuning"]),
        "tempo": _tempo_in_words(result["tempo"]),
        "sections": _sections_in_words(result["sections"]),
    }
    return [f"{key}: {words.get(key) or json.dumps(value)}" for key, value in result.items()]


def _tuning_in_words(tuning: dict) -> str:
    cents, a_hz = tuning["cents"], tuning["a_hz"]
    if tuning["confidence"] < LIKELY:
        return "none that could be told; its pitches lie anywhere between the keys"
    where = f"{abs(cents):.0f} cents {'above' if cents > 0 else 'below'} 440" if abs(cents) >= 1 else "not detuned"
    return f"A = {a_hz:.1f} Hz, {where}{'' if tuning['confidence'] >= SURE else '; not sure'}"


def _tempo_in_words(tempo: dict | None) -> str:
    if tempo is None:
        return "free; no regular beat was found"
    steady = tempo["fastest"] <= STEADY * tempo["slowest"]
    bpm = f"{tempo['bpm']:.0f}" if steady else f"{tempo['slowest']:.0f} to {tempo['fastest']:.0f}"
    whose = "by the beats given" if tempo["given"] else "or half or twice that"
    return f"{bpm} beats a minute, {whose}, in {100 * tempo['share']:.0f} % of the time"


def _sections_in_words(sections: list[dict]) -> str:
    named = [f"{section['name']} ({_clock(section['begin'])} to {_clock(section['end'])})" for section in sections]
    return ", ".join(named) or "none"


def _clock(seconds: float) -> str:
    return f"{int(seconds // 60)}:{seconds % 60:04.1f}"
