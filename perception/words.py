"""Music and words in one space: 10 s of hop features and a short text, compared by their cosine.

Two branches, each a small Transformer whose [CLS] token stands for the whole, learned by contrast from music and true
captions of it (train/fit_words.py), as Manco, Salamon & Nieto do ("Augment, Drop & Swap", ISMIR 2024). The text is made
of the words of these captions; for any other word the nearest known ones are told, and none is passed over silently.

Music enters in steps of half a second, whatever the hop: the features of the encoder, the level and the onsets, which
every corpus has (`rows_of`). Nothing of the sound itself is needed.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor, nn

from perception.onsets import DELAY_FRAMES, ONSET_RATE

FORMAT = 1
FILE = "words.safetensors"
STEP_S = 0.5  # length of music that a token stands for
WINDOW_STEPS = 20  # 10 s
STRIDE_STEPS = 2  # steps from one window of a recording to the next
ONSETS_PER_STEP = 10  # values of the envelope, 50 ms each: a single value for a step would show no rhythm
LEVEL = -1 - ONSETS_PER_STEP  # column of the level, behind the features
FLOOR_DB = -80.0  # lowest level that enters
MAX_WORDS = 32  # longest text
MAX_SHOWN = 3  # words that a sentence has something to say about
BATCH_WINDOWS = 256  # windows encoded at a time
_SEPARATORS = re.compile(r"[\s.,;:!?\"'()\[\]/&+_–—-]+")
_SIGNS = {"#": " sharp", "♯": " sharp", "♭": " flat"}


class WordsError(ValueError):
    """Words that cannot be used, or a model of words; the message says why and what to do."""


@dataclass(frozen=True)
class WordsConfig:
    """Shape of the model, what it was learned with, and its words.

    words: all it knows, of which `glue` says nothing by itself ("a", "with"). topics: {topic: its words}, for a
    sentence that shows some. encoder: hash of the encoder whose features it reads. dim: of these features.
    """

    words: tuple[str, ...]
    encoder: str
    dim: int
    glue: tuple[str, ...] = ()
    topics: Mapping[str, Sequence[str]] | None = None
    size: int = 256
    layers: int = 2
    heads: int = 2
    inner: int = 256  # width of the feed-forward layers

    @property
    def row_dim(self) -> int:
        """Numbers of a step of music."""
        return self.dim + 1 + ONSETS_PER_STEP

    def __post_init__(self) -> None:
        if min(self.dim, self.size, self.layers, self.heads, self.inner) < 1 or self.size % self.heads:
            raise WordsError("the shape of this model of words is none: copy the model folder again")


class Branch(nn.Module):
    """A sequence of vectors -> one vector of length 1: a Transformer, of whose tokens the first one is read."""

    def __init__(self, config: WordsConfig, length: int, dropout: float):
        super().__init__()
        self.first = nn.Parameter(torch.randn(config.size) * 0.02)
        self.positions = nn.Parameter(torch.randn(length, config.size) * 0.02)
        layer = nn.TransformerEncoderLayer(
            config.size, config.heads, config.inner, dropout, "gelu", batch_first=True, norm_first=True
        )
        self.layers = nn.TransformerEncoder(layer, config.layers, nn.LayerNorm(config.size), enable_nested_tensor=False)

    def forward(self, tokens: Tensor, absent: Tensor | None = None) -> Tensor:
        """(n, length, size) -> (n, size). absent: (n, length) bool, tokens that are none."""
        first = self.first.expand(len(tokens), 1, -1)
        sequence = torch.cat([first, tokens + self.positions[: tokens.shape[1]]], 1)
        if absent is not None:
            absent = F.pad(absent, (1, 0))
        return F.normalize(self.layers(sequence, src_key_padding_mask=absent)[:, 0].float(), dim=-1)


class Words(nn.Module):
    """The two branches with their vocabulary. A text is a row of word numbers from 1 on, padded with 0."""

    mean: Tensor
    scale: Tensor

    def __init__(self, config: WordsConfig, dropout: float = 0.0):
        super().__init__()
        self.config = config
        self.register_buffer("mean", torch.zeros(config.row_dim))  # of a step of music
        self.register_buffer("scale", torch.ones(config.row_dim))
        self.step = nn.Linear(config.row_dim, config.size)
        self.word = nn.Embedding(1 + len(config.words), config.size, padding_idx=0)
        self.music = Branch(config, WINDOW_STEPS, dropout)
        self.text = Branch(config, MAX_WORDS, dropout)

    def embed_music(self, rows: Tensor) -> Tensor:
        """(n, WINDOW_STEPS, row_dim) -> (n, size) of length 1."""
        placed: Tensor = self.music(self.step((rows - self.mean) / self.scale))
        return placed

    def embed_text(self, words: Tensor) -> Tensor:
        """(n, at most MAX_WORDS) word numbers -> (n, size) of length 1."""
        placed: Tensor = self.text(self.word(words), words == 0)
        return placed

    # --- of a recording, and of a text

    @torch.inference_mode()
    def windows(self, rows: np.ndarray, stride: int = STRIDE_STEPS) -> tuple[np.ndarray, np.ndarray]:
        """Embed a recording, (steps, row_dim): first step of each window, and (windows, size) float32 of length 1.

        A recording shorter than a window is taken as often as it takes to fill one; the last window ends with it.
        """
        if len(rows) < WINDOW_STEPS:
            rows = np.resize(rows, (WINDOW_STEPS, rows.shape[1]))
        begins = np.arange(0, len(rows) - WINDOW_STEPS + stride, stride)
        begins = np.minimum(begins, len(rows) - WINDOW_STEPS)
        placed = [np.zeros((0, self.config.size), np.float32)]
        steps = np.arange(WINDOW_STEPS)
        for part in np.split(begins, range(BATCH_WINDOWS, len(begins), BATCH_WINDOWS)):
            placed.append(self.embed_music(torch.from_numpy(rows[part[:, None] + steps])).numpy())
        return begins, np.concatenate(placed)

    @torch.inference_mode()
    def place(self, words: Sequence[int]) -> np.ndarray:
        """(size,) float32 of length 1: a text of these word numbers."""
        return np.asarray(self.embed_text(torch.tensor([list(words)]))[0].numpy())

    @cached_property
    def numbers(self) -> dict[str, int]:
        """{word: its number}."""
        return {word: number for number, word in enumerate(self.config.words, 1)}

    def read(self, text: str) -> tuple[list[int], str]:
        """The numbers of the words of a text, and a sentence about those that are not known, "" if all are.

        WordsError if no word of it says anything, or if it has more than MAX_WORDS.
        """
        found = tokens(text)
        if not found:
            raise WordsError("no words: say what it should sound like, such as 'sparse low piano, minor'")
        if len(found) > MAX_WORDS:
            raise WordsError(f"a text of {len(found)} words: say it in {MAX_WORDS} or fewer")
        unknown = list(dict.fromkeys(word for word in found if word not in self.numbers))
        known = [self.numbers[word] for word in found if word in self.numbers]
        sentence = self._about(unknown) if unknown else ""
        if all(word in self.config.glue for word in found if word in self.numbers):
            raise WordsError(sentence or f"'{shown(text)}' describes nothing: {self._examples()}")
        return known, sentence

    def _about(self, unknown: list[str]) -> str:
        """The sentence for words that are not known, with the nearest that are."""
        folded = [word for word in self.config.words if word not in self.config.glue]
        told = []
        for word in unknown[:MAX_SHOWN]:
            near = get_close_matches(word[:32], folded, 2, 0.6)
            told.append(f"'{shown(word)}'" + (f" (did you mean {' or '.join(map(repr, near))}?)" if near else ""))
        more = f" and {len(unknown) - MAX_SHOWN} more" if len(unknown) > MAX_SHOWN else ""
        are = "is no word" if len(unknown) == 1 else "are no words"
        return f"{', '.join(told)}{more} {are} that it has learned: {self._examples()}"

    def _examples(self) -> str:
        """Some words that it knows, one of each topic."""
        topics = [next(iter(words)) for words in (self.config.topics or {}).values() if words]
        return f"it knows words such as {', '.join(topics or self.config.words[:8])}"

    # --- file

    def to_bytes(self) -> bytes:
        """The content of a .safetensors file in float16, as `load` reads it."""
        about: dict[str, object] = {"format": FORMAT}
        about |= {key: getattr(self.config, key) for key in ("size", "layers", "heads", "inner", "dim", "encoder")}
        about |= {"words": self.config.words, "glue": self.config.glue, "topics": dict(self.config.topics or {})}
        tensors = {name: value.detach().cpu().half().contiguous() for name, value in self.state_dict().items()}
        return bytes(save_tensors(tensors, {"config": json.dumps(about)}))  # one entry: several have no order

    @classmethod
    def load(cls, path: Path, encoder: str) -> Words:
        """Read what `to_bytes` made; WordsError if it is damaged, or learned with another encoder (its hash)."""
        try:
            raw = Path(path).read_bytes()
            metadata = json.loads(raw[8 : 8 + int.from_bytes(raw[:8], "little")])["__metadata__"]
            about = json.loads(metadata["config"])
            if (version := int(about.pop("format"))) != FORMAT:
                raise WordsError(f"'{path}' has format {version}, this Antiphon reads {FORMAT}: update Antiphon")
            config = WordsConfig(**about | {key: tuple(about[key]) for key in ("words", "glue")})
            model = cls(config)
            weights = {name: value.float() for name, value in load_tensors(raw).items()}
            if not all(bool(value.isfinite().all()) for value in weights.values()):
                raise ValueError("it holds what is no number")
            model.load_state_dict(weights)
        except WordsError:
            raise
        except (OSError, KeyError, TypeError, ValueError, AttributeError, RuntimeError, SafetensorError) as error:
            why = " ".join(str(error).split())[:120]
            raise WordsError(f"'{path}' is no model of words, or damaged ({why}): copy or learn it again") from None
        if config.encoder != encoder:
            raise WordsError(
                f"the words in '{path}' were learned with encoder {config.encoder[:8]}, this model has "
                f"{encoder[:8]}: learn them again, python -m train.fit_words DATA -o RUN --encoder "
                f"{Path(path).parent.parent / 'encoder'}, and copy RUN/{FILE} there"
            )
        return model.eval().requires_grad_(False)


def tokens(text: str) -> list[str]:
    """The words of a text in small letters, without punctuation; what is neither stays a word of its own.

    >>> tokens("Sparse, low PIANO - in F# minor 🎹")
    ['sparse', 'low', 'piano', 'in', 'f', 'sharp', 'minor', '🎹']
    """
    text = unicodedata.normalize("NFKC", text).casefold()
    for sign, word in _SIGNS.items():
        text = text.replace(sign, word)
    return [word for word in _SEPARATORS.split(text) if word]


def shown(text: str) -> str:
    """A text as it may stand in a sentence: 40 characters at most, on one line."""
    printable = "".join(letter if letter.isprintable() else "?" for letter in text[:48])
    return printable if len(printable) <= 40 else printable[:39] + "…"


def rows_of(features: np.ndarray, level_db: np.ndarray, onsets: np.ndarray, hop: float) -> np.ndarray:
    """Hops of any length as steps of STEP_S: (steps, dim + 1 + ONSETS_PER_STEP) float32, at least one.

    features (n, dim) and level_db (n,), dBFS, of each hop; hop: s. onsets: (frames,), see `perception.onsets`, which
    are DELAY_FRAMES late. A step has the mean of the features and of the power, by the time it shares with each hop.
    """
    steps = max(1, int(len(features) * hop / STEP_S + 1e-6))
    edges = np.minimum(np.arange(steps + 1) * STEP_S / hop, len(features))
    power = np.maximum(10.0 ** (np.asarray(level_db, np.float64) / 10), 10.0 ** (FLOOR_DB / 10))
    columns = np.column_stack([np.asarray(features, np.float64), power])
    sums = np.concatenate([np.zeros((1, columns.shape[1])), np.cumsum(columns, 0)])
    whole = np.minimum(edges.astype(int), len(features) - 1)
    at_edges = sums[whole] + (edges - whole)[:, None] * columns[whole]
    means = np.diff(at_edges, axis=0) / np.maximum(np.diff(edges), 1e-9)[:, None]
    means[:, -1] = 10 * np.log10(np.maximum(means[:, -1], 10.0 ** (FLOOR_DB / 10)))
    frames = round(STEP_S * ONSET_RATE) * steps
    envelope = np.asarray(onsets, np.float32)[DELAY_FRAMES : DELAY_FRAMES + frames]
    envelope = np.pad(envelope, (0, frames - len(envelope))).reshape(steps, ONSETS_PER_STEP, -1).mean(2)
    return np.concatenate([means, envelope], axis=1).astype(np.float32)
