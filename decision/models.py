"""One or two decision models of one alphabet, kept in step, of which one decides: to compare them while one plays.

All of them hear every hop and remember what was really played, whichever of them planned it. A change from one to the
other therefore takes effect at the next hop, and none has a past that the other lacks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from decision.attributes import AttributeTokens
from decision.kernel import DecisionState
from decision.model import Decision, DecisionError


@dataclass
class DecisionStates:
    """The states of all models; `deciding` is the number of the one that plans."""

    states: list[DecisionState]
    deciding: int = 0

    @property
    def heard(self) -> int:
        """Hop number of the next input label."""
        return self.states[0].heard

    @property
    def played(self) -> int:
        """Hop number of the next label to be played."""
        return self.states[0].played


class DecisionModels:
    """Has the methods of `decision.model.Decision` that a performance needs.

    second: DecisionError if it speaks another alphabet than the first, or hears other features. attributes: the tokens
    of each; one without any is asked nothing.
    """

    def __init__(
        self,
        first: Decision,
        second: Decision | None = None,
        attributes: tuple[AttributeTokens | None, AttributeTokens | None] = (None, None),
    ):
        self.models, self.config, self.attributes = [first], first.config, attributes
        if second is None:
            return
        second.check(first.config.alphabet, first.config.hop)
        features = {model.config.feature_dim for model in (first, second)} - {0}
        if len(features) > 1:
            raise DecisionError(
                f"the two decision models hear {first.config.feature_dim} and {second.config.feature_dim} features of "
                "a hop: train the second one with the data of the first"
            )
        self.models.append(second)
        hears_more = first.config if first.config.feature_dim else second.config
        self.config = replace(hears_more, window=min(model.config.window for model in self.models))

    def __len__(self) -> int:
        """Number of models."""
        return len(self.models)

    @property
    def can_be_asked(self) -> bool:
        """Whether a model has attribute tokens."""
        return any(tokens is not None for tokens in self.attributes)

    def start(self, *, origin: int = 0) -> DecisionStates:
        """See `Decision.start`; the first model decides."""
        return DecisionStates([model.start(origin=origin) for model in self.models])

    def hear(self, state: DecisionStates, label: int, features: np.ndarray | None = None) -> None:
        """See `Decision.hear`; a model without features gets the label alone."""
        for model, own in zip(self.models, state.states, strict=True):
            model.hear(own, label, features if model.config.feature_dim else None)

    def commit(self, state: DecisionStates, label: int) -> None:
        """See `Decision.commit`."""
        for model, own in zip(self.models, state.states, strict=True):
            model.commit(own, label)

    def ask(self, state: DecisionStates, names: Iterable[str], guidance: float) -> None:
        """Ask all models for attributes, by the names of their tokens; no names, or a guidance of 0, asks nothing."""
        asked = tuple(names) if guidance else ()
        for model, own, tokens in zip(self.models, state.states, self.attributes, strict=False):
            if tokens is not None:
                model.ask(own, *tokens.asking(asked, model.unrotated), guidance)

    def logits(self, state: DecisionStates) -> np.ndarray:
        """(vocab,) float32, of the model that decides."""
        return self.models[state.deciding].logits(state.states[state.deciding])

    def query(self, state: DecisionStates) -> np.ndarray:
        """(key dim,) float32, of the model that decides."""
        return self.models[state.deciding].query(state.states[state.deciding])

    def plan(self, state: DecisionStates, choose: Callable[[np.ndarray], Any], horizon: int) -> list[Any]:
        """See `Decision.plan`; by the model that decides."""
        return self.models[state.deciding].plan(state.states[state.deciding], choose, horizon)
