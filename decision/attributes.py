"""Attribute tokens: what is asked of a part, before the decision is made ("sparse", "low", "off the beat", "bass").

Each attribute and end, and each role, is a key and a value for every layer and head, which the rows of the decision
attend to beside the input while it is asked for: a trained prefix (Li & Liang 2021, arXiv:2101.00190). The decision
itself stays as it is, so that one that is asked nothing gives the same bits with tokens and without. They are made by
train/fit_attributes.py and kept beside the decision whose weights they were trained with.

How much is asked is a matter of guidance: logits and query are those of a row that was asked nothing, plus `guidance`
times their difference to those of a row that was asked (Ho & Salimans 2022, arXiv:2207.12598): see `decision.kernel`.

Beside it stands what was counted: log p(label | asked) / p(label), likewise times the guidance (that of a classifier,
Dhariwal & Nichol 2021, arXiv:2105.05233). A prefix learns from true histories, which tell the attribute already; what
it adds to them is little, and counting moves the labels more (train/LOG.md).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from decision import saved
from decision.fill import Instruction
from decision.roll import ROLES

FILE = "attributes"  # name of both files
LEVELS = {-1: "low", 1: "high"}
LEVELLED = ("density", "register", "dynamics", "place")
NAMES = (
    *(f"{attribute} {end}" for attribute in LEVELLED for end in LEVELS.values()),
    *(role for role in ROLES if role != "drums"),
)
REMEDY = "train them with: python -m train.fit_attributes TOKENS STEMS -o DIR --start DECISION"


class AttributesError(ValueError):
    """Attribute tokens that cannot be loaded or do not fit their decision; the message has the reason and remedy."""


class Asked(NamedTuple):
    """What is asked for in a batch. tokens: (layers, 2, heads, n, head dim) keys and values; seen: (batch, rows, n)
    bool, which of them each row sees."""

    tokens: Tensor
    seen: Tensor


@dataclass(frozen=True)
class AttributesConfig:
    """Sizes of the tokens, and what they belong to.

    decision: SHA-256 of the decision's weights file. names: of the tokens, some of NAMES. bounds: {role or "":
    {attribute: (low, high)}}, the terciles of what the training parts were like: below is low, above is high.
    """

    decision: str
    vocab: int
    layers: int
    heads: int
    head_dim: int
    names: tuple[str, ...] = NAMES
    bounds: Mapping[str, Mapping[str, tuple[float, float]]] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "names", tuple(self.names))
        if min(self.vocab, self.layers, self.heads, self.head_dim) < 1 or not self.names:
            sizes = f"{self.layers} layers, {self.heads} heads of {self.head_dim}"
            what = f"{len(self.names)} attribute tokens of {sizes} for {self.vocab} labels"
            raise AttributesError(f"{what}: each must be above 0; {REMEDY}")


class AttributeTokens(nn.Module):
    """The tokens of one decision model, and (names, vocab) `counted`, nats by which each favours the labels."""

    counted: Tensor

    def __init__(self, config: AttributesConfig):
        super().__init__()
        self.config = config
        self.card: dict[str, Any] = {}  # how they were made: steps, data, scores
        c = config
        self.keys_values = nn.Parameter(torch.zeros(c.layers, 2, c.heads, len(c.names), c.head_dim))
        self.register_buffer("counted", torch.zeros(len(c.names), c.vocab))

    def begin(self, null: Tensor, spread: float = 0.02) -> None:
        """Let training begin with the null key and value (layers, 2, heads, head dim) for all, and a little noise."""
        with torch.no_grad():
            self.keys_values.copy_(null[:, :, :, None] + spread * torch.randn_like(self.keys_values))

    def tokens(self, unrotated: np.ndarray) -> Tensor:
        """(layers, 2, heads, n, head dim) of all tokens, the keys zero where a query is rotated: (head dim,) bool."""
        mask = torch.from_numpy(unrotated).to(self.keys_values)
        return self.keys_values * torch.stack([mask, torch.ones_like(mask)])[:, None, None]

    def seen(self, names: Iterable[str]) -> np.ndarray:
        """(n,) bool: the tokens of these names; names that it has no token for are passed over."""
        asked = set(names)
        return np.array([name in asked for name in self.config.names])

    @torch.no_grad()
    def asking(self, names: Iterable[str], unrotated: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Tokens of these names (layers, 2, heads, n, head dim), and how they lean (vocab,), float32, for
        `Decision.ask`."""
        seen = torch.from_numpy(self.seen(names))
        tokens, leaning = self.tokens(unrotated)[:, :, :, seen], self.counted[seen].sum(0)
        return tokens.float().contiguous().numpy().copy(), leaning.float().numpy().copy()

    def files(self, dtype: torch.dtype = torch.float16) -> dict[str, bytes]:
        """{name: content} of attributes.safetensors and attributes.json, to be written beside the decision."""
        return saved.to_files(FILE, self, self.config, self.card, dtype)

    @classmethod
    def load(cls, folder: Path | str, decision: Path | str = "") -> AttributeTokens | None:
        """The tokens in `folder`, of the decision beside them or in the folder `decision`; None if there are none.

        AttributesError where they are damaged, or belong to other weights.
        """
        folder = Path(folder)
        if not (folder / f"{FILE}.json").exists() and not (folder / f"{FILE}.safetensors").exists():
            return None
        remedy = f"delete both files, or {REMEDY}"
        result, card = saved.load(folder, FILE, lambda sizes: cls(AttributesConfig(**sizes)), remedy, AttributesError)
        if result.config.decision != weights_of(decision or folder):
            raise AttributesError(f"the attribute tokens in {folder} belong to another decision: {remedy}")
        result.card = card
        return result


def weights_of(folder: Path | str) -> str:
    """SHA-256 of the weights of the decision in a folder, "" without one."""
    path = Path(folder) / "decision.safetensors"
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""


def names_of(instruction: Instruction) -> tuple[str, ...]:
    """The names of the tokens that an instruction asks for."""
    levels = [f"{attribute} {LEVELS[level]}" for attribute, level in (instruction.asked or {}).items()]
    return tuple(name for name in (*levels, instruction.role) if name in NAMES)
