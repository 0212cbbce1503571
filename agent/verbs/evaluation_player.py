"""Renders the agent's answers for an evaluation: what `antiphon respond` would play.

`Player` answers arrays and implements the protocol of `train.evaluate.sound_players.Player`; `Responder` answers files
and implements that of `train.evaluate.listening.Responder`. Every setting has its default unless it is given. The same
hop, memory and seed give the same answer, sample for sample.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from action.selection import CARRY_ON, CONTINUE, HOLD, JUMP, LATE, REST, WHY
from agent.performance.hops import Hop, live_hops, offline_hops
from agent.performance.loading import LoadedMemory, load_memory
from agent.performance.model import Model
from agent.performance.session import Session
from agent.settings import config as settings
from corpora.audio import BLOCK, open_audio, regroup
from corpora.build import label
from perception.stream import Listener, boundary, hop_sizes

GOES_ON = {WHY[why] for why in (CONTINUE, CARRY_ON, LATE, HOLD)}
LOADED_MEMORIES = 4  # a song's pairs need their own two and those of the next song


@dataclass(frozen=True)
class Answer:
    """What was played. audio: (n,) float32; the other fields have one entry for each hop.

    labels: (hops,) int, played. segments: (hops,) int, played; -1: silence. wanted: (hops,) int, first label of the
    plan; -1: there was no plan. why: of `action.selection.WHY`; "" for hop 0, live. samplerate: Hz.
    """

    audio: np.ndarray
    labels: np.ndarray
    segments: np.ndarray
    wanted: np.ndarray
    why: tuple[str, ...]
    samplerate: int

    @property
    def cut(self) -> np.ndarray:
        """(hops,) bool: whether the hop did not go on where the one before ended, at whatever speed it was played."""
        return np.array([why not in GOES_ON for why in self.why]) | (self.segments < 0)


class Player:
    """The agent, for sounds at one sample rate (Hz).

    model: folder or name of an embedded model. hop: s. sets: settings like "decision.top_p=0.8". ModelError or
    ConfigError if they cannot be used.
    """

    def __init__(self, model: str | Path, hop: float, samplerate: int, sets: Iterable[str] = ()):
        self.config = settings.read(None, [*sets, f"live.hop={hop:g}"])
        self.model = Model.load(model, self.config.live.hop, perception=self.config.perception)
        self.samplerate = samplerate
        self.hop, self.silence = self.model.alphabet.hop, self.model.alphabet.silence

    def remember(self, name: str, audio: np.ndarray) -> Session:
        """A session on a memory, (n,) float32; silence fills up its last hop. CorpusError if it has no segment."""
        segments = 1 + int((len(audio) - 1) / (self.hop * self.samplerate))
        missing = boundary(segments, self.hop, self.samplerate) - len(audio)
        audio = np.pad(audio, (0, max(missing, 0)))
        return Session(self.model, label(audio, name, self._listener()), self.config, self.samplerate, audio)

    def labels(self, memory: Session) -> np.ndarray:
        """(segments,) int: the labels of a memory."""
        return np.asarray(memory.repertoire[0].labels)

    def name(self, audio: np.ndarray) -> np.ndarray:
        """(hops,) int: labels of a sound, (n,) float32; an incomplete last hop has none."""
        listener = self._listener()
        hearing, labels = listener.start(), []
        for hop in regroup([audio], hop_sizes(self.hop, self.samplerate)):
            if len(hop) == listener.next_hop_samples(hearing):
                labels.append(listener.step(hearing, hop).label)
        return np.array(labels)

    def answer(self, memory: Session, guide: np.ndarray, mode: str | int, seed: int) -> Answer:
        """Answer a guide, (n,) float32, with as many samples. mode: "full" (offline), or a lookahead in hops (live)."""
        full = isinstance(mode, str)
        state = memory.start(seed, offline=full)
        state.config = self.config if full else settings.change(self.config, "decision.lookahead", mode)
        source = _ArraySource(guide)
        hops = offline_hops(memory, state, source) if full else live_hops(memory, state, source.blocks())
        return _answer_of(hops, self.silence, self.samplerate)

    def sound(self, memory: Session, segments: np.ndarray, samples: int) -> Answer:
        """Render given segments, (hops,) int, -1: silence, with the same concatenation; `samples` in all."""
        voice, parts = memory.repertoire[0].sound.start(), []
        for segment, frames in zip(segments, hop_sizes(self.hop, self.samplerate), strict=False):
            parts.append(memory.repertoire[0].sound.step(voice, int(segment), frames))
        labels = np.where(segments < 0, self.silence, self.labels(memory)[segments])
        goes_on = np.diff(segments, prepend=-2) == 1
        why = [
            WHY[REST if segment < 0 else CONTINUE if on else JUMP]
            for segment, on in zip(segments, goes_on, strict=True)
        ]
        audio = np.concatenate(parts)[:samples]
        return Answer(audio, labels, segments, np.full(len(segments), -1), tuple(why), self.samplerate)

    def _listener(self) -> Listener:
        return self.model.listener(self.samplerate, self.config.perception.gate_db)


class Responder:
    """Answers recordings from memories, both of them files, as `antiphon respond` does live.

    model: folder or name of an embedded model. sets: settings like "decision.top_p=0.8". The memories used last stay
    loaded. ModelError or ConfigError if they cannot be used.
    """

    def __init__(self, model: str | Path, sets: Iterable[str] = ()):
        self.config = settings.read(None, [*sets, f"agent.model={model}"])
        self.model = Model.load(self.config.agent.model, self.config.live.hop, perception=self.config.perception)
        self.hop = self.config.live.hop
        self._memories: OrderedDict[tuple[Path, int], LoadedMemory] = OrderedDict()

    def answer(self, guide: Path, memory: Path, seed: int, add: str = "") -> Answer:
        """Answer a guide from a memory, with as many samples as the guide has. AudioError or CorpusError.

        add: what is to be added, in words.
        """
        config = settings.change(self.config, "action.add", add) if add else self.config
        with open_audio(guide, at_least=self.hop) as file:
            loaded = self._memory(memory, file.samplerate)
            session = Session(self.model, loaded.corpus, config, file.samplerate, loaded.audio)
            return _answer_of(live_hops(session, session.start(seed), file.blocks()), session.silence, file.samplerate)

    def _memory(self, path: Path, samplerate: int) -> LoadedMemory:
        key = path, samplerate
        if key not in self._memories:
            self._memories[key] = load_memory(str(path), self.model, samplerate, self.config.perception.gate_db)
        self._memories.move_to_end(key)
        while len(self._memories) > LOADED_MEMORIES:
            self._memories.popitem(last=False)
        return self._memories[key]


def _answer_of(hops: Iterable[Hop], silence: int, samplerate: int) -> Answer:
    """What was played in all of these hops."""
    hops = list(hops)
    events = [event for _, _, event in hops]
    return Answer(
        np.concatenate([spoken for _, spoken, _ in hops]),
        np.array([event.label if event else silence for event in events]),
        np.array([event.segment if event else -1 for event in events]),
        np.array([event.plan[0] if event and event.plan else -1 for event in events]),
        tuple(event.why if event else "" for event in events),
        samplerate,
    )


@dataclass(frozen=True)
class _ArraySource:
    """A sound that can be read from its beginning, like a file."""

    audio: np.ndarray

    def blocks(self) -> Iterator[np.ndarray]:
        return (self.audio[begin : begin + BLOCK] for begin in range(0, len(self.audio), BLOCK))
