"""How far two ways of computing the same numbers may differ, derived from the arithmetic and not from one machine.

Where the code can compute in float64, `float32_step` is the bound: what differs by less cannot be told apart by a
program that plays in float32. Where it computes in float32 only, `rounding` says what the order of sums may change.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from torch import nn

SURE = 8.0  # of Higham & Mary (2019): a sum strays further with a chance of 2 exp(-SURE^2 / 2) = 3e-14


def float32_step(scale: float) -> float:
    """What rounding a number as large as `scale` to float32 changes at most: the bound of a comparison in float64.

    Two orders of the same sums differ by A u scale: u is the rounding unit, 2^-53 in float64, and A says how much the
    network amplifies it. A is below 2^24, or the same network in float32, where u is 2^-24, would give no digit at
    all. So any network that can be played in float32 differs in float64 by less than 2^24 2^-53 = 2^-29 of `scale`, a
    32nd of this bound, on every processor; another formula differs by more.
    """
    return scale * 2.0**-24


def rounding(*, steps: int, terms: int, scale: float, evaluations: int = 2) -> float:
    """Largest difference that float32 makes between two evaluations, in any order, of `steps` sums in a row.

    Each step adds up to `terms` products of numbers whose results are at most `scale`; norms between the steps keep
    what is passed on at that size. The `steps * terms` roundings of an evaluation are each of mean zero given those
    before them, so they add up as a random walk: in any order the result strays from the exact one by no more than
    SURE * sqrt(steps * terms) * u * scale, u = 2^-24 (Higham & Mary, "A new approach to probabilistic rounding error
    analysis", 2019, theorem 2.4). No processor, library, thread count or order of a sum goes beyond it.
    evaluations: 2 where both are of float32, 1 where the other one is of float64 and as good as exact.
    """
    return float(evaluations * SURE * np.sqrt(steps * terms) * 2.0**-24 * scale)


def network_rounding(network: nn.Module, *, scale: float, window: int = 1, evaluations: int = 2) -> float:
    """`rounding` of a whole network: each of its layers with weights, in a row, is a step of its longest sum.

    An attention is counted by its projections: those of query, key and value are made side by side, which leaves two
    steps for the products with them. window: frames that are summed over, by an attention or a norm. scale: the largest
    number that comes out.
    """
    weights = [layer.weight for layer in network.modules() if isinstance(getattr(layer, "weight", None), nn.Parameter)]
    terms = max(weight.numel() // weight.shape[0] for weight in weights)
    return rounding(steps=len(weights), terms=max(terms, window), scale=scale, evaluations=evaluations)


def encoder_rounding(encoder: Any, features: np.ndarray) -> float:
    """`network_rounding` of a `Wav2Vec2Encoder`, whose norms sum over the first layer's frames, for its features."""
    frames = encoder.window_samples // encoder.model.config.conv_stride[0]
    return network_rounding(encoder.model, scale=float(np.abs(features).max()), window=frames)
