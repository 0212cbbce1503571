"""A model folder: encoder, alphabets and decision models that belong together; `agent.performance.model` loads them.

model.json                         format, name, and for each hop the size of the alphabet that plays;
                                   "encoder": a folder or hub id, if the encoder is not in encoder/
encoder/                           config.json + model.safetensors, as transformers reads it
units/k64_h0.50.safetensors        one alphabet for each K and hop
decision/k64_h0.50/                decision.json + decision.safetensors; those that do not play serve evaluations;
                                   attributes.json + attributes.safetensors, if it can be asked (decision/attributes.py)
coherence/                         coherence.json + coherence.safetensors, the meter (perception/coherence.py)
words/words.safetensors            music and words in one space, for action.say and corpus find (perception/words.py)
fill/                              fill.json + fill.safetensors, for antiphon fill (decision/fill.py)
CARD.md                            data, licence, scores, how it was made
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path

from agent.settings.config import EMBEDDED_MODELS as EMBEDDED
from agent.settings.config import is_embedded_model

FORMAT = 1


class ModelError(ValueError):
    """A model folder cannot be used; the sentence says why and what to do."""


def named_folder(name: str | Path) -> Path:
    """The folder that the name of a model means, whether or not there is a model in it.

    A name without a slash means the embedded model of that name if there is one; any other name is a path, so that
    ./small is the folder small in the current folder. A leading ~ is the home of the user.
    """
    text = str(name)
    if is_embedded_model(text):
        return EMBEDDED / text
    with suppress(RuntimeError):  # there is no such user
        return Path(text).expanduser()
    return Path(text)


def find(name: str | Path) -> Path:
    """The folder of a model by its name or path; ModelError, which lists the embedded models, if there is none."""
    folder = named_folder(name)
    if os.path.isfile(folder / "model.json"):
        return folder
    known = ", ".join(sorted(p.parent.name for p in EMBEDDED.glob("*/model.json"))) or "none"
    raise ModelError(
        f"there is no model '{name}': give a folder with a model.json, or an embedded one ({known}); "
        "antiphon model make  makes one from an encoder and stems"
    )


def describe(folder: Path) -> dict:
    """The checked contents of model.json, with `hops` as {s: K}; ModelError if it is damaged."""
    try:
        description = json.loads((folder / "model.json").read_text())
        version = description["format"]
        if version == FORMAT:
            description["hops"] = {float(hop): int(units) for hop, units in description["hops"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        reason = " ".join(str(error).split())
        raise ModelError(f"'{folder}/model.json' is damaged ({reason}): copy the model folder again") from None
    if version != FORMAT:
        raise ModelError(f"model '{folder}' has format {version}, this Antiphon reads {FORMAT}: update Antiphon")
    return description


def encoder_of(folder: Path) -> Path | str:
    """The encoder of a model: its folder encoder/, or the one that its model.json names; ModelError.

    A folder that model.json names is looked up in the model folder first, then in the current folder; a name that is
    not a folder is a hub id, returned as a str.
    """
    named = describe(folder).get("encoder")
    if not named:
        return folder / "encoder"
    encoder = named_folder(named)
    if os.path.isdir(folder / encoder):
        return folder / encoder
    return encoder if os.path.isdir(encoder) else str(named)


def encoder_named(name: str) -> str:
    """The encoder that a name means: that of a model where it names one; else a folder, file or hub id, as it is."""
    if (named_folder(name) / "model.json").is_file():
        return str(encoder_of(named_folder(name)))
    return str(named_folder(name)) if name.startswith("~") else name


def coherence_folder(name: str | Path) -> Path:
    """The folder of a meter: `name` itself, or coherence/ in the model `name`; ModelError if there is neither."""
    if os.path.isfile(named_folder(name) / "coherence.json"):
        return named_folder(name)
    folder = find(name) / "coherence"
    if not (folder / "coherence.json").is_file():
        raise ModelError(f"model '{name}' has no coherence meter: make one with: antiphon train coherence DATA -o DIR")
    return folder
