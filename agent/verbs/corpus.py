"""`antiphon corpus build` and `antiphon corpus info`: make a corpus from recordings, and describe a corpus."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from agent.performance.model import Model
from agent.settings.config import Config
from agent.verbs.console import ShowProgress
from corpora import build as corpus_builder
from corpora import corpus as corpora


def build(
    recordings: Sequence[str | Path],
    out: str | Path,
    config: Config,
    *,
    licence: str = "",
    progress: ShowProgress | None = None,
) -> dict:
    """Cut recordings into labelled segments of one hop and write them as the corpus folder `out`; return its info.

    AudioError if a recording cannot be read or the folder cannot be written, ModelError if the model cannot be used.
    """
    model = Model.load(config.agent.model, config.live.hop, decide=False)
    corpus = corpus_builder.build(
        recordings,
        lambda samplerate: model.listener(samplerate, config.perception.gate_db),
        out,
        licence=licence,
        progress=progress,
    )
    return corpora.info(corpus)


def info(folder: str | Path) -> dict:
    """Describe a corpus folder: name, segments, hop, alphabet, licence and so on; CorpusError if it cannot be read."""
    return corpora.info(corpora.load(folder))


def lines(result: dict) -> list[str]:
    """One line for each fact."""
    return [f"{key}: {json.dumps(value)}" for key, value in result.items()]
