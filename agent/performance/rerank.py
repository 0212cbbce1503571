"""Best of n: of several plans drawn for a hop, the one whose segment fits best what was heard.

Inference-time scaling by a reward. The plans are drawn with the dice of the piece and answered by the oracle without
committing anything; those that come to the same segment are one candidate. A reward gives each candidate a number, and
the first of the highest wins. Hence the same seed and input give the same answer, live or from a file.

proxy   the decision's own likelihood and `perception.proxy`: labels and hop features only, microseconds; for the stage.
cocola  `perception.coherence` itself, on each candidate made to sound over the horizon: some 50 ms each.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from action import selection
from agent.performance.memories import speak
from agent.performance.model_folder import Model, ModelError, coherence_folder
from agent.settings.config import Config

if TYPE_CHECKING:
    from agent.performance.session import Session
    from agent.performance.state import Piece
    from perception.coherence import Coherence
    from perception.proxy import Proxy

REMEMBERED = 64  # hops of features kept; a proxy listens to fewer
SECONDS = 6.0  # of sound kept, more than a window of COCOLA


class Candidate(NamedTuple):
    """A plan, and the choice it leads to."""

    plan: tuple[int, ...]
    choice: selection.Choice


@dataclass
class Past:
    """What a reward knows of a piece: features heard (None: silence), newest last, and the sound of both sides."""

    features: deque[np.ndarray | None] = field(default_factory=lambda: deque(maxlen=REMEMBERED))
    heard: deque[np.ndarray] = field(default_factory=deque)  # hops, (frames,) float32
    spoken: deque[np.ndarray] = field(default_factory=deque)

    def keep(self, sound: deque[np.ndarray], audio: np.ndarray, most: int) -> None:
        """One hop more of a side; at least its last `most` samples are kept."""
        sound.append(audio)
        held = sum(map(len, sound))
        while held - len(sound[0]) >= most:
            held -= len(sound.popleft())


class Reward(Protocol):
    """How well candidates fit."""

    sounding: bool  # does it need the sound of what was heard and spoken?

    def scores(self, session: Session, piece: Piece, candidates: Sequence[Candidate]) -> Sequence[float]:
        """A number for each candidate, the higher the better; the piece remains as it is."""


class ByProxy:
    """How likely the decision finds the label, and how well the segment's features fit what was heard: the sum of both.

    Two judges of one question, in nats: the first knows only labels but the whole past, the second the sound of the
    last hops. Of a true segment and one from elsewhere in the song the sum prefers the true one in 71 of 100 cases,
    the decision alone in 68, the proxy alone in 61, and what the decision gains by hearing in 38 (train/LOG.md).
    """

    sounding = False

    def __init__(self, proxy: Proxy):
        self.proxy = proxy

    def scores(self, session: Session, piece: Piece, candidates: Sequence[Candidate]) -> Sequence[float]:
        """See `Reward`."""
        stored, silence = session.memories[piece.memory], session.silence
        sounds = [one.choice.segment if one.choice.label != silence else -1 for one in candidates]
        segments = [stored.feature(segment) if segment >= 0 else None for segment in sounds]
        segments = [None if feature is None or not feature.any() else feature for feature in segments]
        logits = session.decision.logits(piece.decision)
        likely = (logits - np.logaddexp.reduce(logits))[[one.choice.label for one in candidates]]
        return (likely + self.proxy.scores(piece.past.features, segments)).tolist()


class ByCocola:
    """The last 5 s heard, and the last 5 s spoken with the candidate after them, as far as it plans."""

    sounding = True

    def __init__(self, model: Coherence):
        self.model = model

    def scores(self, session: Session, piece: Piece, candidates: Sequence[Candidate]) -> Sequence[float]:
        """See `Reward`."""
        heard = self._window(list(piece.past.heard), session.samplerate)
        spoken = [[*piece.past.spoken, *ahead(session, piece, one.plan)] for one in candidates]
        windows = [heard, *(self._window(hops, session.samplerate) for hops in spoken)]
        placed = self.model.embed(windows)
        return self.model.similarities(placed[:1], placed[1:])[0].tolist()

    def _window(self, hops: list[np.ndarray], samplerate: int) -> np.ndarray:
        """(80000,) float32: the last 5 s of some hops at 16 kHz, after silence if there are fewer."""
        import soxr

        from perception.coherence import WINDOW_SAMPLES
        from perception.hpss import SAMPLERATE

        wanted = -(-WINDOW_SAMPLES * samplerate // SAMPLERATE)
        sound = np.concatenate([np.zeros(wanted, np.float32), *hops])[-wanted:]
        found = soxr.resample(sound, samplerate, SAMPLERATE) if samplerate != SAMPLERATE else sound
        return np.asarray(np.pad(found, (max(0, WINDOW_SAMPLES - len(found)), 0))[-WINDOW_SAMPLES:], np.float32)


def of(config: Config, model: Model) -> Reward | None:
    """The reward that the settings ask for; None if they ask for none and the model has no proxy. ModelError."""
    if config.decision.reward == "cocola":
        from perception.coherence import Coherence

        return ByCocola(Coherence.load(coherence_folder(config.coherence.model or model.folder)))
    if model.proxy is not None:
        return ByProxy(model.proxy)
    if config.decision.best_of > 1:
        raise ModelError(missing(model))
    return None


def missing(model: Model) -> str:
    """Why plans cannot be compared."""
    return (
        f"model '{model.folder}' has no proxy to compare plans by: set decision.best_of to 1, or make one: "
        "python -m train.fit_proxy UNITS -o MODEL"
    )


def candidates(session: Session, piece: Piece, plans: Sequence[tuple[int, ...]]) -> list[Candidate]:
    """What the oracle would answer to each plan, the first of those that come to the same segment."""
    found: dict[int, Candidate] = {}
    for plan in dict.fromkeys(plans):
        choice = session.chosen(piece, plan)
        found.setdefault(choice.segment, Candidate(plan, choice))
    return list(found.values())


def best(
    session: Session, piece: Piece, plans: Sequence[tuple[int, ...]]
) -> tuple[Candidate, tuple[int, float | None]]:
    """The candidate to play; of how many, and its reward, None where there was nothing to compare."""
    found = candidates(session, piece, plans)
    if len(found) == 1 or session.reward is None:
        return found[0], (len(found), None)
    scores = np.nan_to_num(session.reward.scores(session, piece, found), nan=-np.inf)
    first = int(np.argmax(scores))
    return found[first], (len(found), float(scores[first]))


def ahead(session: Session, piece: Piece, plan: tuple[int, ...]) -> list[np.ndarray]:
    """How a plan would sound, hop by hop, if it were played to its end; nothing is committed."""
    stored, now = session.memories[piece.memory], piece.navigation_of(piece.memory)
    answer = selection.choose_all(stored.oracle, now.copy(), np.array(plan, np.int32), **session.rules(piece))
    voice, sounding, hops = piece.voice, piece.sounding, []
    for number, segment in enumerate(answer.segment.tolist()):
        frames, gain = session.frames(piece.hop + number), session.gain(piece, piece.memory, segment)
        audio, voice = speak(session.memories, voice, sounding, piece.memory, segment, frames, gain)
        sounding = piece.memory
        hops.append(audio)
    return hops
