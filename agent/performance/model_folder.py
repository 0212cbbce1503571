"""A model folder: encoder, alphabets and decision models that belong together.

model.json                         format, name, and for each hop the alphabet the decision model speaks
                                   "encoder": another folder or hub id, where the encoder is not in encoder/
encoder/                           config.json + model.safetensors, as transformers reads it
units/k64_h0.50.safetensors        one alphabet for each K and hop
decision/k64_h0.50/                decision.json + decision.safetensors
coherence/                         coherence.json + coherence.safetensors, the meter (perception/coherence.py)
proxy/k64_h0.50.safetensors        the meter in miniature, for decision.best_of (perception/proxy.py)
CARD.md                            data, licence, scores, how it was made
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from agent.settings.config import EMBEDDED_MODELS as EMBEDDED
from agent.settings.config import is_embedded_model
from decision.model import Decision
from perception.proxy import Proxy
from perception.stream import Listener
from perception.transformer import has_bfloat16, torch_threads
from perception.units import Alphabet, file_stem
from perception.wav2vec2 import Wav2Vec2Encoder

FORMAT = 1


class ModelError(ValueError):
    """A model folder that cannot be used, told in the user's words."""


def named_folder(name: str | Path) -> Path:
    """The folder that a model's name means, whether or not there is a model in it.

    A plain name, without a folder in it, means the embedded model of that name if there is one; anything else is a
    path, so that ./small is the folder small that stands here. A leading ~ is the user's home.
    """
    text = str(name)
    if is_embedded_model(text):
        return EMBEDDED / text
    with suppress(RuntimeError):  # there is no such user
        return Path(text).expanduser()
    return Path(text)


def find(name: str | Path) -> Path:
    """The folder of an embedded model by its name, or a folder as it is; ModelError lists what there is."""
    folder = named_folder(name)
    if os.path.isfile(folder / "model.json"):
        return folder
    known = ", ".join(sorted(p.parent.name for p in EMBEDDED.glob("*/model.json"))) or "none"
    raise ModelError(
        f"there is no model '{name}': give a folder with a model.json, or an embedded one ({known}); "
        "make small builds one from scores"
    )


def describe(folder: Path) -> dict:
    """The contents of model.json, checked, `hops` as {s: K}; ModelError."""
    try:
        description = json.loads((folder / "model.json").read_text())
        version = description["format"]
        if version == FORMAT:
            description["hops"] = {float(hop): int(units) for hop, units in description["hops"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        why = " ".join(str(error).split())
        raise ModelError(f"'{folder}/model.json' is damaged ({why}): copy the model folder again") from None
    if version != FORMAT:
        raise ModelError(f"model '{folder}' has format {version}, this Antiphon reads {FORMAT}: update Antiphon")
    return description


def encoder_of(folder: Path) -> Path | str:
    """Where a model's encoder is: its folder encoder/, or what its model.json names; ModelError.

    A folder that model.json names is sought in the model folder first, then where the program runs; a name that is no
    folder is a hub id.
    """
    named = describe(folder).get("encoder")
    if not named:
        return folder / "encoder"
    place = named_folder(named)
    if os.path.isdir(folder / place):
        return folder / place
    return place if os.path.isdir(place) else str(named)


def coherence_folder(name: str | Path) -> Path:
    """Where the meter of a model is: in its coherence/, or the folder named is one itself; ModelError if neither."""
    if os.path.isfile(named_folder(name) / "coherence.json"):
        return named_folder(name)
    folder = find(name) / "coherence"
    if not (folder / "coherence.json").is_file():
        raise ModelError(f"model '{name}' has no coherence meter: make one with: antiphon train coherence DATA -o DIR")
    return folder


@dataclass
class Model:
    """What was learned: an encoder, an alphabet and, unless only listening, the decision model of that alphabet.

    proxy: None where the folder has none; then plans cannot be compared.
    """

    folder: Path
    encoder: Wav2Vec2Encoder
    alphabet: Alphabet
    decision: Decision | None
    proxy: Proxy | None = None

    @classmethod
    def load(cls, name: str | Path, hop: float, units: int | None = None, decide: bool = True) -> Model:
        """Load the parts for a hop (s). units: K; None is what the decision model of this hop speaks.

        ModelError, AlphabetError, EncoderError or DecisionError, each one sentence with the remedy.
        """
        folder = find(name)
        hops = describe(folder)["hops"]
        if hop not in hops and (decide or units is None):
            learned = " or ".join(f"{key:g}" for key in sorted(hops))
            raise ModelError(f"model '{name}' has not learned a hop of {hop:g} s: set live.hop to {learned}")
        units = units or hops[hop]
        alphabet = Alphabet.load(folder / "units" / f"{file_stem(units, hop)}.safetensors")
        encoder_path = encoder_of(folder)
        if (
            encoder_path == folder / "encoder" and not (encoder_path / "config.json").is_file()
        ):  # or it would be sought in the net
            raise ModelError(f"model '{folder}' has no encoder/config.json: copy the model folder again")
        encoder = Wav2Vec2Encoder.load(encoder_path, hop, bfloat16=has_bfloat16())
        if len(alphabet.mean) != encoder.dim:
            raise ModelError(
                f"the alphabet of model '{folder}' places {len(alphabet.mean)} features, its encoder makes "
                f"{encoder.dim}: they do not belong together, copy the model folder again"
            )
        torch_threads(1 if encoder.dim < 512 else 2)  # a small model leaves the second core to everything else
        decision, proxy = None, None
        if decide:
            decision = Decision.load(folder / "decision" / file_stem(units, hop))
            decision.check(alphabet.hash, hop)
            proxy_file = folder / "proxy" / f"{file_stem(units, hop)}.safetensors"
            proxy = Proxy.load(proxy_file, alphabet.hash) if proxy_file.exists() else None
        return cls(folder, encoder, alphabet, decision, proxy)

    def listener(self, samplerate: int, gate_db: float) -> Listener:
        """An ear at a device rate (Hz), with its gate (dBFS)."""
        return Listener(self.encoder, self.alphabet, samplerate, gate_db)
