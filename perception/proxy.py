"""The proxy: an estimate of coherence from hop features, fast enough to score many segments per hop (microseconds).

The score of the hops heard, h, and a segment s is ((Hh)ᵀ(Ss) - ‖Ss‖²/2) / √rank: up to a term without s, minus half
the squared distance of Hh and Ss. h are the features of the last `context` hops heard, s those of the segment, both
measured from the mean of the training hops, with a 1 appended for the bias; a silent hop counts as that mean. The
training is COCOLA's (Ciranni et al., 2024, eq. (3)): given h, identify the partner's next segment among its
segments elsewhere (train/fit_proxy.py). Hence the score estimates log p(s | h) / p(s), up to a constant: how much more
likely the segment is because of what was heard. The score has no unit; only differences between segments mean
something.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

FORMAT = 1
PARTS = ("mean", "heard", "heard_bias", "segment", "segment_bias")
Hops = Sequence[np.ndarray | None]  # features (dim,) of hops, None where nothing sounded


class ProxyError(ValueError):
    """A proxy that cannot be used; the message says why and what to do."""


@dataclass(frozen=True)
class Proxy:
    """mean (dim,), heard (context * dim, rank), heard_bias (rank,), segment (dim, rank), segment_bias (rank,): float32.

    alphabet: hash of the alphabet made with the same encoder at the same hop; features of another mean nothing here.
    """

    mean: np.ndarray
    heard: np.ndarray
    heard_bias: np.ndarray
    segment: np.ndarray
    segment_bias: np.ndarray
    alphabet: str

    @property
    def context(self) -> int:
        """Number of newest input hops that enter a score."""
        return len(self.heard) // len(self.mean)

    def scores(self, heard: Hops, segments: Hops) -> np.ndarray:
        """(len(segments),) float32. heard: the newest hop last; hops that are missing at the beginning were silent."""
        newest = list(heard)[-self.context :]
        row = self._centred([None] * (self.context - len(newest)) + newest).ravel()
        projected = self._centred(segments) @ self.segment + self.segment_bias
        scores = projected @ (row @ self.heard + self.heard_bias) - np.square(projected).sum(1) / 2
        return np.asarray(scores / np.sqrt(np.float32(projected.shape[1])), np.float32)

    def _centred(self, hops: Hops) -> np.ndarray:
        """(hops, dim) float32 features less their mean; 0 for silent hops."""
        out = np.zeros((len(hops), len(self.mean)), np.float32)
        for row, feature in zip(out, hops, strict=True):
            if feature is not None:
                np.subtract(feature, self.mean, out=row, casting="same_kind")
        return out

    def to_bytes(self) -> bytes:
        """The content of a .safetensors file in float16, as `load` reads it."""
        tensors = {name: np.ascontiguousarray(getattr(self, name), np.float16) for name in PARTS}
        return bytes(save(tensors, metadata={"format": str(FORMAT), "alphabet": self.alphabet}))

    @classmethod
    def load(cls, path: Path, alphabet: str) -> Proxy:
        """Read what `to_bytes` made; ProxyError if it is damaged, or made for another alphabet (its hash)."""
        try:
            raw = path.read_bytes()
            metadata = json.loads(raw[8 : 8 + int.from_bytes(raw[:8], "little")])["__metadata__"]
            made_with, version = metadata["alphabet"], int(metadata["format"])
            parts = {name: value.astype(np.float32) for name, value in load(raw).items()}
            proxy = cls(**parts, alphabet=made_with)
            proxy._check()
        except (OSError, KeyError, TypeError, ValueError, AttributeError, SafetensorError) as error:
            why = " ".join(str(error).split())[:120]
            raise ProxyError(f"'{path}' is no proxy, or damaged ({why}): copy it again, or delete it") from None
        if version != FORMAT:
            raise ProxyError(f"'{path}' has format {version}, this Antiphon reads {FORMAT}: update Antiphon")
        if made_with != alphabet:
            raise ProxyError(
                f"'{path}' was made for alphabet {made_with}, the model speaks {alphabet}: delete it, or make another: "
                "python -m train.fit_proxy UNITS -o MODEL"
            )
        return proxy

    def _check(self) -> None:
        dim, rank = self.segment.shape
        fits = self.mean.shape == (dim,) and self.heard_bias.shape == self.segment_bias.shape == (rank,)
        if not fits or self.heard.shape != (self.context * dim, rank) or not self.context:
            raise ValueError("its parts do not belong together")
        if not all(np.isfinite(getattr(self, name)).all() for name in PARTS):
            raise ValueError("it holds what is no number")
