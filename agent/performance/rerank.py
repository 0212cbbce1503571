"""Best of n: chooses among several plans drawn for a hop the one whose segment fits the input best.

This is inference-time scaling by a reward. The plans are drawn with the random generator of the performance and
answered by the oracle without committing anything; plans that lead to the same segment are one candidate. A reward
gives each candidate a number, and the first with the highest number is played. The same seed and input therefore give
the same answer, live or from a file.

proxy   log p of the decision plus `perception.proxy`: labels and hop features only, microseconds; for live use.
cocola  `perception.coherence` on each candidate, rendered over the horizon: some 50 ms each; for files.
"""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from action import selection
from agent.performance.memories import render_segment
from agent.performance.model import Model
from agent.performance.model_folder import ModelError, coherence_folder
from agent.performance.repertoire import Repertoire
from agent.performance.state import PerformanceState
from agent.settings.config import Config
from decision.models import DecisionModels

if TYPE_CHECKING:
    from perception.coherence import Coherence
    from perception.proxy import Proxy

Side = deque[np.ndarray]  # the sound of one side, hop by hop


class Candidate(NamedTuple):
    """A plan, and the choice it leads to."""

    plan: tuple[int, ...]
    choice: selection.Choice


class Best(NamedTuple):
    """The candidate to play. candidates: how many there were. reward: None if there was nothing to compare."""

    plan: tuple[int, ...]
    choice: selection.Choice
    candidates: int
    reward: float | None


class Reward(Protocol):
    """A measure of the fit of candidates to the input."""

    needs_audio: bool  # whether it needs the sound of input and output

    def scores(
        self, repertoire: Repertoire, state: PerformanceState, candidates: Sequence[Candidate]
    ) -> Sequence[float]:
        """A number for each candidate, the higher the better; the state is not changed."""


class ProxyReward:
    """Log p of the candidate's label by the decision, plus the proxy's score of its segment's features, in nats.

    The decision knows only labels but the whole past, the proxy knows the sound of the last hops. Between the true
    segment and one from elsewhere in the song the sum prefers the true one in 71 of 100 cases, the decision alone in
    68, the proxy alone in 61, and the gain of the decision by hearing in 38 (train/LOG.md).
    """

    needs_audio = False

    def __init__(self, proxy: Proxy, decision: DecisionModels):
        self.proxy, self.decision = proxy, decision

    def scores(
        self, repertoire: Repertoire, state: PerformanceState, candidates: Sequence[Candidate]
    ) -> Sequence[float]:
        """See `Reward`."""
        memory = repertoire[state.selected_memory]
        segments = [c.choice.segment if c.choice.label != repertoire.silence else -1 for c in candidates]
        features = [memory.feature(segment) if segment >= 0 else None for segment in segments]
        features = [None if feature is None or not feature.any() else feature for feature in features]
        logits = self.decision.logits(state.decision)
        log_p = (logits - np.logaddexp.reduce(logits))[[c.choice.label for c in candidates]]
        return (log_p + self.proxy.scores(state.history.heard_features, features)).tolist()


class CocolaReward:
    """COCOLA's score of the last 5 s of input against the last 5 s of output and rendered plan."""

    needs_audio = True

    def __init__(self, model: Coherence):
        self.model = model

    def scores(
        self, repertoire: Repertoire, state: PerformanceState, candidates: Sequence[Candidate]
    ) -> Sequence[float]:
        """See `Reward`."""
        rate, history = repertoire.samplerate, state.history
        heard = self._window(list(history.heard_audio), rate)
        spoken = [[*history.spoken_audio, *rendered_plan(repertoire, state, c.plan)] for c in candidates]
        embedded = self.model.embed([heard, *(self._window(hops, rate) for hops in spoken)])
        return self.model.similarities(embedded[:1], embedded[1:])[0].tolist()

    def _window(self, hops: list[np.ndarray], samplerate: int) -> np.ndarray:
        """(80000,) float32: the last 5 s of the hops at 16 kHz, preceded by silence if they are shorter."""
        import soxr

        from perception.coherence import WINDOW_SAMPLES
        from perception.hpss import SAMPLERATE

        samples = -(-WINDOW_SAMPLES * samplerate // SAMPLERATE)
        sound = np.concatenate([np.zeros(samples, np.float32), *hops])[-samples:]
        resampled = soxr.resample(sound, samplerate, SAMPLERATE) if samplerate != SAMPLERATE else sound
        return np.asarray(np.pad(resampled, (max(0, WINDOW_SAMPLES - len(resampled)), 0))[-WINDOW_SAMPLES:], np.float32)


def reward_for(config: Config, model: Model, decision: DecisionModels) -> Reward | None:
    """The reward of the settings; None if best_of is 1 and the model has no proxy. ModelError if it cannot be made."""
    if config.decision.reward == "cocola":
        from perception.coherence import Coherence

        return CocolaReward(Coherence.load(coherence_folder(config.coherence.model or model.folder)))
    if model.proxy is not None:
        return ProxyReward(model.proxy, decision)
    if config.decision.best_of > 1:
        raise ModelError(no_proxy(model))
    return None


def no_proxy(model: Model) -> str:
    """The sentence that says why plans cannot be compared."""
    return (
        f"model '{model.folder}' has no proxy to compare plans by: set decision.best_of to 1, or make one: "
        "python -m train.fit_proxy UNITS -o MODEL"
    )


def distinct_candidates(
    repertoire: Repertoire, state: PerformanceState, plans: Sequence[tuple[int, ...]]
) -> list[Candidate]:
    """The candidates of the plans, answered by the oracle; of plans with the same segment only the first."""
    by_segment: dict[tuple[int, int], Candidate] = {}
    for plan in dict.fromkeys(plans):
        choice = repertoire.choose(state, plan)
        by_segment.setdefault((choice.segment, choice.key_shift), Candidate(plan, choice))
    return list(by_segment.values())


def best(
    reward: Reward | None, repertoire: Repertoire, state: PerformanceState, plans: Sequence[tuple[int, ...]]
) -> Best:
    """Choose the candidate to play. plans: at least one, each a sequence of labels."""
    candidates = distinct_candidates(repertoire, state, plans)
    if len(candidates) == 1 or reward is None:
        return Best(*candidates[0], len(candidates), None)
    scores = np.nan_to_num(reward.scores(repertoire, state, candidates), nan=-np.inf)
    first = int(np.argmax(scores))
    return Best(*candidates[first], len(candidates), float(scores[first]))


def rendered_plan(repertoire: Repertoire, state: PerformanceState, plan: tuple[int, ...]) -> list[np.ndarray]:
    """Render a whole plan, hop by hop, (frames,) float32 each; nothing is committed."""
    selected, trial, hops = state.selected_memory, copy.copy(state), []
    trial.navigations = [state.navigation_of(number).copy() for number in range(len(repertoire))]
    for ahead in range(len(plan)):
        choice = repertoire.choose(trial, plan[ahead:])
        frames, gain = repertoire.hop_frames(trial.hop), repertoire.gain(state, selected, choice.segment)
        audio, trial.voice = render_segment(
            repertoire, trial.voice, trial.sounding_memory, selected, choice.segment, frames, gain, choice.shift,
            ratio=state.voice.ratio, semitones=repertoire.semitones(state, choice.key_shift),
        )  # fmt: skip
        memory, navigation = repertoire[selected], trial.navigation_of(selected)
        selection.commit(memory.oracle, navigation, choice)
        navigation.goes_on_with(memory.oracle, memory.sound.following(trial.voice))
        trial.sounding_memory, trial.jump_requested, trial.hop = selected, False, trial.hop + 1
        hops.append(audio)
    return hops
