"""The trained parts of a model folder (`agent.performance.model_folder`), loaded for one hop.

Parts that were not made for each other (alphabet hash, hop, sizes) are refused with what to do.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from agent.performance.model_folder import ModelError, describe, encoder_of, find
from agent.settings.config import PerceptionSection
from decision.attributes import AttributeTokens
from decision.model import Decision
from perception.stream import Listener
from perception.transformer import native_precision, torch_threads
from perception.units import Alphabet, file_stem
from perception.wav2vec2 import Wav2Vec2Encoder, weights_hash
from perception.words import FILE, Words, WordsError


@dataclass
class Model:
    """The trained parts: encoder, alphabet, and the decision model of that alphabet.

    decision: None if the model is loaded only to listen. words: None if the folder has none that belong to its encoder;
    then `no_words` says why, and what to do.
    """

    folder: Path
    encoder: Wav2Vec2Encoder
    alphabet: Alphabet
    decision: Decision | None
    second: Decision | None = None  # of another folder, to be compared while playing
    attributes: tuple[AttributeTokens | None, AttributeTokens | None] = (None, None)  # of the first, of the second
    words: Words | None = None
    no_words: str = "this model was loaded without words"

    @classmethod
    def load(
        cls,
        name: str | Path,
        hop: float,
        units: int | None = None,
        decide: bool = True,
        perception: PerceptionSection | None = None,
    ) -> Model:
        """Load the parts for a hop (s).

        units: K of the alphabet; None: the K of model.json. decide: load the decision model too. perception: the
        settings that say in what precision the encoder multiplies and what it recomputes; None: the defaults.
        ModelError, AlphabetError, EncoderError, DecisionError or AttributesError, each a sentence with the remedy.
        """
        folder = find(name)
        hops = describe(folder)["hops"]
        if hop not in hops and (decide or units is None):
            learned = " or ".join(f"{key:g}" for key in sorted(hops))
            raise ModelError(f"model '{name}' has not learned a hop of {hop:g} s: set live.hop to {learned}")
        units = units or hops[hop]
        alphabet = Alphabet.load(folder / "units" / f"{file_stem(units, hop)}.safetensors")
        encoder_path = encoder_of(folder)
        own_encoder = encoder_path == folder / "encoder"
        if own_encoder and not (folder / "encoder" / "config.json").is_file():  # else transformers would ask the hub
            raise ModelError(f"model '{folder}' has no encoder/config.json: copy the model folder again")
        perception = perception or PerceptionSection()
        precision = native_precision() if perception.precision == "auto" else perception.precision
        encoder = Wav2Vec2Encoder.load(encoder_path, hop, precision=precision, recompute=perception.recompute)
        if len(alphabet.mean) != encoder.dim:
            raise ModelError(
                f"the alphabet of model '{folder}' places {len(alphabet.mean)} features, its encoder makes "
                f"{encoder.dim}: they do not belong together, copy the model folder again"
            )
        torch_threads(1 if encoder.dim < 512 else 2)  # a small model leaves the second core to the other threads
        decision, attributes = None, None
        if decide:
            decision = Decision.load(folder / "decision" / file_stem(units, hop))
            attributes = AttributeTokens.load(folder / "decision" / file_stem(units, hop))
            decision.check(alphabet.hash, hop)
            if decision.config.key_dim not in (0, alphabet.projection.shape[1]):
                raise ModelError(
                    f"the decision of model '{folder}' hears keys of {decision.config.key_dim} numbers, its alphabet "
                    f"makes {alphabet.projection.shape[1]}: they do not belong together, copy the model folder again"
                )
        model = cls(folder, encoder, alphabet, decision, attributes=(attributes, None))
        if decide:
            model._load_words(encoder_path)
        return model

    def _load_words(self, encoder: Path | str) -> None:
        """Load the words; a model plays without any, so it is not refused for them."""
        try:
            self.words = load_words(self.folder, encoder)
        except WordsError as error:
            self.no_words = str(error)

    def load_second(self, name: str) -> None:
        """Load the decision model of another folder for this alphabet and hop, to be compared with while playing.

        ModelError, DecisionError or AttributesError, each a sentence with the remedy.
        """
        stem, folder = file_stem(self.alphabet.units, self.alphabet.hop), find(name)
        if not (folder / "decision" / stem).is_dir():
            raise ModelError(
                f"agent.second_model = '{name}' has no decision model for {self.alphabet.units} labels at a hop of "
                f"{self.alphabet.hop:g} s, as '{self.folder.name}' has: make one from it with  antiphon train duo"
            )
        self.second = Decision.load(folder / "decision" / stem)
        self.second.check(self.alphabet.hash, self.alphabet.hop)
        self.attributes = self.attributes[0], AttributeTokens.load(folder / "decision" / stem)

    def listener(self, samplerate: int, gate_db: float) -> Listener:
        """A listener at a device rate (Hz) with a gate (dBFS), below which a hop is silence."""
        return Listener(self.encoder, self.alphabet, samplerate, gate_db)


def load_words(folder: Path, encoder: Path | str) -> Words:
    """The words of a model folder; WordsError if there are none, or if they were learned with another encoder."""
    if not (folder / "words" / FILE).is_file():
        raise WordsError(
            f"model '{folder.name}' knows no words: learn some, python -m train.fit_words DATA -o RUN --encoder "
            f"{encoder}, and copy RUN/{FILE} to {folder / 'words'}"
        )
    return Words.load(folder / "words" / FILE, weights_hash(encoder))
