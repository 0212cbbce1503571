"""`antiphon tokens`: labels every hop of a recording."""

from __future__ import annotations

from pathlib import Path

from agent.performance.model import Model
from agent.settings.config import Config
from corpora.audio import BLOCK, open_audio, regroup, warn_if_silent
from perception.stream import hop_sizes


def tokens(recording: str | Path, config: Config, *, units: int | None = None, block: int | None = None) -> dict:
    """Label each whole hop of a recording.

    units: size K of the alphabet; None: the alphabet of the decision model. block: samples fed at a time, which does
    not change the result. Returns {"tokens": [int], "hop": s, "units": K, "silence": label of silence, "alphabet":
    hash}. AudioError, ModelError or AlphabetError.
    """
    hop, labels = config.live.hop, []
    with open_audio(recording, at_least=hop) as file:
        model = Model.load(config.agent.model, hop, units, decide=False, perception=config.perception)
        listener = model.listener(file.samplerate, config.perception.gate_db)
        hearing = listener.start()
        for audio in regroup(file.blocks(block or BLOCK), hop_sizes(hop, file.samplerate)):
            if len(audio) == listener.next_hop_samples(hearing):  # an incomplete last hop has no label
                labels.append(listener.step(hearing, audio).label)
    alphabet = model.alphabet
    warn_if_silent(recording, labels, alphabet.silence, config.perception.gate_db)
    return {
        "tokens": labels, "hop": hop, "units": alphabet.units, "silence": alphabet.silence, "alphabet": alphabet.hash,
    }  # fmt: skip


def lines(result: dict) -> list[str]:
    """The labels in one line, silence as '-'."""
    return [" ".join("-" if label == result["silence"] else str(label) for label in result["tokens"])]
