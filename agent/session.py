"""One performance, hop by hop: hear, decide, choose, sound. No clock, no thread, no input or output.

`Session` holds what was learned and what was loaded, `Piece` what has happened since the piece began. Live, from a
file or in a test the same `step` is called with the same hops, hence the same answer, sample for sample.
"""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field

import numpy as np

from action import concat, oracle
from agent.config import Config
from agent.model import Model
from corpora.corpus import Corpus, check
from corpora.search import nearest_labels
from decision.model import DecisionState
from decision.sampling import sample
from perception.stream import Heard, Hearing, boundary

PHRASE = 8  # hops: density decides by the phrase, or a rest would be a stutter
RECENT = 16  # labels the repetition penalty looks back on
LOUDER = 12.0  # dB that level following may add or take away


@dataclass(frozen=True)
class Event:
    """What was decided for one hop, and why; one line of the session log."""

    hop: int  # of the answer, counted from the beginning of the piece
    heard: int  # newest label heard, -1 if none yet
    level: float  # dBFS of the newest hop heard
    plan: tuple[int, ...]  # labels wanted from this hop on
    segment: int  # of the memory, -1 is silence
    label: int  # really played
    why: str  # one of action.oracle.WHY
    match: int  # labels of the plan the memory bears from here on
    run: int  # length of the contiguous run so far, in segments
    gain: float | None  # linear, reached at the end of the hop; None leaves the memory untouched
    frames: int  # samples of the answer
    times: dict[str, float] = field(default_factory=dict, compare=False)  # ms by stage


@dataclass
class Piece:
    """What has happened since the piece began."""

    hearing: Hearing
    decision: DecisionState
    navigation: oracle.Navigation
    voice: concat.Voice
    rng: np.random.Generator
    config: Config  # may change while playing
    waiting: deque = field(default_factory=deque)  # labels heard that `lookahead` still holds back
    recent: deque = field(default_factory=lambda: deque(maxlen=RECENT))
    heard: Heard | None = None
    hop: int = 0  # number of the next hop to be answered
    resting: bool = False  # what density decided for this phrase
    allowed: tuple = ()  # (region, segments, mask) the mask was made for


class Session:
    """A model and a memory, ready to play at a device rate (Hz).

    corpus: labelled with the model's alphabet at its hop, CorpusError if not. audio: (n,) float32, its recording at
    `samplerate`.
    """

    def __init__(self, model: Model, corpus: Corpus, config: Config, samplerate: int, audio: np.ndarray):
        check(corpus, model.alphabet.hash, model.alphabet.hop, model=model.folder)
        if model.decision is None:
            raise ValueError("this model was loaded to listen only")
        self.model, self.corpus, self.config, self.samplerate = model, corpus, config, int(samplerate)
        self.hop, self.silence = model.alphabet.hop, model.alphabet.silence
        self.decision = model.decision
        self.listener = model.listener(samplerate, config.perception.gate_db)
        self.memory = oracle.Memory(self.silence + 1, corpus.labels)
        placed = model.alphabet.place(corpus.features.astype(np.float32))
        self.neighbours = nearest_labels(placed, corpus.labels, model.alphabet.centroids)
        action = config.action
        self.sound = concat.Concatenator(
            audio, samplerate, self.hop, crossfade=action.crossfade_ms / 1000, align=action.align_ms / 1000
        )

    def start(self, seed: int | None = None, offline: bool = False) -> Piece:
        """A piece that has not begun; the same seed and input give the same answer.

        Its first hop is silence, for nothing has been heard before it, unless `offline`: then the whole guide is
        heard first, and hop 0 is answered like any other.
        """
        seed = self.config.agent.seed if seed is None else seed
        piece = Piece(
            self.listener.start(),
            self.decision.start(),
            oracle.Navigation(seed),
            self.sound.start(),
            np.random.default_rng(seed),
            self.config,
        )
        if not offline:
            self.decision.commit(piece.decision, self.silence)
            piece.hop = 1
        return piece

    def warm_up(self) -> None:
        """Compile and touch everything a hop needs, before the first one."""
        concat.warm_up()
        oracle.warm_up()
        piece = self.start()
        for _ in range(3):
            self.step(piece, np.zeros(self.listener.expected(piece.hearing), np.float32))

    def frames(self, hop: int) -> int:
        """Samples of hop number `hop`."""
        return boundary(hop + 1, self.hop, self.samplerate) - boundary(hop, self.hop, self.samplerate)

    def step(self, piece: Piece, audio: np.ndarray) -> tuple[np.ndarray, Event]:
        """Hear one hop, (expected,) float32 mono; return the next hop to speak, (frames,) float32, and its event."""
        began = time.perf_counter()
        heard = self.listener.step(piece.hearing, audio)
        listened = time.perf_counter()
        self.hear(piece, heard)
        return self.answer(piece, {"perception": 1e3 * (listened - began)})

    def hear(self, piece: Piece, heard: Heard) -> None:
        """A hop has been named; with lookahead k the decision learns of it k - 1 hops later."""
        piece.heard = heard
        piece.waiting.append(heard.label)
        if len(piece.waiting) >= piece.config.decision.lookahead:
            self.decision.hear(piece.decision, piece.waiting.popleft())

    def answer(self, piece: Piece, times: dict[str, float] | None = None) -> tuple[np.ndarray, Event]:
        """Decide on the next hop from all that the decision has heard, and sound it."""
        times, began = dict(times or {}), time.perf_counter()
        plan = self._plan(piece)
        decided = time.perf_counter()
        action = piece.config.action
        choice = oracle.choose(
            self.memory,
            piece.navigation,
            np.array(plan, np.int32),
            max_continuity=action.max_continuity,
            taboo=action.taboo,
            region=self._region(piece),
            neighbours=self.neighbours,
        )
        times |= {"decision": 1e3 * (decided - began), "action": 1e3 * (time.perf_counter() - decided)}
        return self._play(piece, choice, tuple(plan), times)

    def late(self, piece: Piece) -> tuple[np.ndarray, Event]:
        """The mind was late: what sounds goes on."""
        return self._play(piece, oracle.follow(self.memory, piece.navigation), (), {})

    def _play(self, piece: Piece, choice: oracle.Choice, plan: tuple, times: dict) -> tuple[np.ndarray, Event]:
        """Sound a choice and remember it: what was really played is what decision and oracle know of."""
        began = time.perf_counter()
        frames, gain = self.frames(piece.hop), self._gain(piece, choice.segment)
        audio = self.sound.step(piece.voice, choice.segment, frames, gain)
        oracle.commit(self.memory, piece.navigation, choice)
        self.decision.commit(piece.decision, choice.label)
        piece.recent.append(choice.label)
        label, level = (piece.heard.label, piece.heard.level) if piece.heard else (-1, -120.0)
        times["sound"] = 1e3 * (time.perf_counter() - began)
        event = Event(
            piece.hop, label, level, plan, choice.segment, choice.label, choice.why, choice.match, choice.run,
            gain, frames, times,
        )  # fmt: skip
        piece.hop += 1
        return audio, event

    def _plan(self, piece: Piece) -> list[int]:
        settings, allowed = piece.config.decision, self._allowed(piece)
        forbidden = () if allowed[self.silence] else (self.silence,)

        def choose(logits: np.ndarray) -> int:
            logits[list(forbidden)] = -np.inf
            return sample(
                logits,
                allowed,
                piece.rng,
                temperature=settings.temperature,
                top_p=settings.top_p,
                top_k=settings.top_k,
                repetition_penalty=settings.repetition_penalty,
                recent=piece.recent,
                constraint=settings.constraint,
            )

        plan = self.decision.plan(piece.decision, choose, settings.horizon)
        if piece.hop % PHRASE == 1:
            piece.resting = piece.rng.random() >= settings.density
        return [self.silence] * settings.horizon if piece.resting else plan

    def _allowed(self, piece: Piece) -> np.ndarray:
        """(vocab,) bool: what the region of the memory bears, and silence where a rest is allowed."""
        region = self._region(piece)
        if piece.allowed[:2] != (region, len(self.memory)):
            mask = np.zeros(self.memory.vocab, bool)
            mask[self.memory.labels[slice(*region)]] = True
            piece.allowed = (region, len(self.memory), mask)
        mask = piece.allowed[2].copy()
        rests = piece.config.decision.rests
        silent = piece.heard is None or piece.heard.label == self.silence
        mask[self.silence] = rests == "free" or (rests == "follow" and silent) or not mask[: self.silence].any()
        return mask

    def _region(self, piece: Piece) -> tuple[int, int]:
        """[first, stop) segments that may be played: at least one."""
        low, high = piece.config.action.region
        first = min(int(low * len(self.memory)), len(self.memory) - 1)
        return first, max(first + 1, round(high * len(self.memory)))

    def _gain(self, piece: Piece, segment: int) -> float | None:
        """Linear gain of a segment: the fader, and so much of the difference to the level heard as is asked for."""
        action = piece.config.action
        decibels = action.gain_db
        if action.follow_level and segment >= 0 and piece.heard is not None:
            own = 20 * np.log10(float(self.corpus.rms[segment]) + 1e-6)
            decibels += action.follow_level * float(np.clip(piece.heard.level - own, -LOUDER, LOUDER))
        return None if decibels == 0 else float(10 ** (decibels / 20))
