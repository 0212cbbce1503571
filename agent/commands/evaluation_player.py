"""Answers made to sound for an evaluation: what `antiphon respond` would play, from sound held in memory.

`train.evaluate.sound` says what it needs of a player; `Player` is the agent as it is, with one setting after the other
at its default unless told. The same hop, memory and seed give the same answer, sample for sample.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from copy import copy
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from agent.performance import rerank
from agent.performance.hops import live_hops, offline_hops
from agent.performance.model_folder import Model
from agent.performance.session import Session
from agent.settings import config as settings
from corpora.audio import BLOCK, regroup
from corpora.build import label
from perception.stream import Listener, boundary, hop_sizes


@dataclass(frozen=True)
class Answer:
    """What was played, hop by hop. audio: (n,) float32. The others (hops,): labels and segments (-1: silence) played,
    wanted: the label the plan began with (-1: nothing was asked), why: one of `action.selection.WHY`,
    "" for hop 0, live.
    """

    audio: np.ndarray
    labels: np.ndarray
    segments: np.ndarray
    wanted: np.ndarray
    why: tuple[str, ...]


class Player:
    """The agent, for sounds at one sample rate.

    model: folder or embedded name. hop: s. sets: settings like "decision.top_p=0.8". ModelError, ConfigError...
    """

    def __init__(self, model: str | Path, hop: float, samplerate: int, sets: Iterable[str] = ()):
        self.config = settings.read(None, [*sets, f"live.hop={hop:g}"])
        self.model, self.samplerate = Model.load(model, self.config.live.hop), samplerate
        self.hop, self.silence = self.model.alphabet.hop, self.model.alphabet.silence
        self._reward = rerank.reward_for(self.config, self.model)

    def remember(self, name: str, audio: np.ndarray) -> Session:
        """A memory of (n,) float32, its last hop filled up with silence. CorpusError if there is nothing to play."""
        segments = 1 + int((len(audio) - 1) / (self.hop * self.samplerate))
        missing = boundary(segments, self.hop, self.samplerate) - len(audio)
        audio = np.pad(audio, (0, max(missing, 0)))
        return Session(self.model, label(audio, name, self._listener()), self.config, self.samplerate, audio)

    def again(self, memory: Session) -> Session:
        """The same memory, listened to already, with the settings of this player."""
        made = copy(memory)
        made.config, made.reward = self.config, self._reward
        return made

    def labels(self, memory: Session) -> np.ndarray:
        """(segments,) int: what a memory holds, hop by hop."""
        return np.asarray(memory.repertoire[0].labels)

    def name(self, audio: np.ndarray) -> np.ndarray:
        """(hops,) int: labels of a sound of its own, (n,) float32; what is left over of the last hop is not named."""
        listener = self._listener()
        hearing, labels = listener.start(), []
        for hop in regroup([audio], hop_sizes(self.hop, self.samplerate)):
            if len(hop) == listener.next_hop_samples(hearing):
                labels.append(listener.step(hearing, hop).label)
        return np.array(labels)

    def answer(self, memory: Session, guide: np.ndarray, mode: str | int, seed: int) -> Answer:
        """Answer a guide, (n,) float32, as long as it is. mode: "full", all of it is known, or a lookahead in hops."""
        full = isinstance(mode, str)
        state = memory.start(seed, offline=full)
        state.config = self.config if full else settings.change(self.config, "decision.lookahead", mode)
        held = _Held(guide)
        hops = list(offline_hops(memory, state, held) if full else live_hops(memory, state, held.blocks()))
        events = [event for _, _, event in hops]
        return Answer(
            np.concatenate([spoken for _, spoken, _ in hops]),
            np.array([event.label if event else self.silence for event in events]),
            np.array([event.segment if event else -1 for event in events]),
            np.array([event.plan[0] if event and event.plan else -1 for event in events]),
            tuple(event.why if event else "" for event in events),
        )

    def sound(self, memory: Session, segments: np.ndarray, samples: int) -> Answer:
        """Given segments (hops,), -1 for silence, through the same action module; `samples` in all."""
        voice, parts = memory.repertoire[0].sound.start(), []
        for segment, frames in zip(segments, hop_sizes(self.hop, self.samplerate), strict=False):
            parts.append(memory.repertoire[0].sound.step(voice, int(segment), frames))
        labels = np.where(segments < 0, self.silence, self.labels(memory)[segments])
        return Answer(np.concatenate(parts)[:samples], labels, segments, np.full(len(segments), -1), ())

    def _listener(self) -> Listener:
        return self.model.listener(self.samplerate, self.config.perception.gate_db)


@dataclass(frozen=True)
class _Held:
    """A sound that can be read from its beginning, like a file."""

    audio: np.ndarray

    def blocks(self) -> Iterator[np.ndarray]:
        return (self.audio[begin : begin + BLOCK] for begin in range(0, len(self.audio), BLOCK))
