"""One performance, hop by hop: hear, decide, choose, sound. No clock, no thread, no input or output.

`Session` holds what was learned and what was loaded, `Piece` what has happened since the piece began. Live, from a
file or in a test the same `step` is called with the same hops, hence the same answer, sample for sample. On stage a
hop is first proposed, and accepted when it was really played: a choice that came too late leaves no trace.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import numpy as np

from action import concat, oracle, selection
from agent.performance import controls, rerank
from agent.performance.memories import GROWING, ROOM, Growing, Snapshot, Stored, TakeListeners, settled, speak
from agent.performance.model_folder import Model
from agent.performance.state import Event, Piece, Proposal
from agent.settings.config import Config
from corpora.corpus import Corpus, check
from corpora.search import nearest_labels
from decision.sampling import sample
from perception.stream import LabelledHop, boundary

__all__ = ["Event", "Piece", "Proposal", "Session"]

PHRASE = 8  # hops: density decides by the phrase, or a rest would be a stutter
PATIENCE = 2.0  # s that the memory goes on by itself when the mind is late
PAUSE = 0.5  # s of silence heard that are a rest of the musician's
LOUDER = 12.0  # dB that level following may add or take away


class Session:
    """A model and its memories, ready to play at a device rate (Hz).

    corpus: labelled with the model's alphabet at its hop, CorpusError if not. audio: (n,) float32, its recording at
    `samplerate`. `add` gives it more memories.
    """

    def __init__(self, model: Model, corpus: Corpus, config: Config, samplerate: int, audio: np.ndarray):
        check(corpus, model.alphabet.hash, model.alphabet.hop, model=model.folder)
        if model.decision is None:
            raise ValueError("this model was loaded to listen only")
        self.model, self.config, self.samplerate = model, config, int(samplerate)
        self.hop, self.silence = model.alphabet.hop, model.alphabet.silence
        self.decision = model.decision
        self.listener = model.listener(samplerate, config.perception.gate_db)
        self.patience = max(1, round(PATIENCE / self.hop))
        self.reward = rerank.of(config, model)
        self.memories: list[Stored] = []
        self.take_listeners = TakeListeners()
        self.add(corpus, audio)

    @property
    def _remembered(self) -> int:
        return round(rerank.SECONDS * self.samplerate)

    @property
    def corpus(self) -> Corpus:
        """Of the first memory."""
        assert self.memories[0].corpus is not None
        return self.memories[0].corpus

    @property
    def memory(self) -> oracle.FactorOracle:
        """Oracle of the first memory."""
        return self.memories[0].oracle

    @property
    def sound(self) -> concat.Concatenator:
        """Audio of the first memory."""
        return self.memories[0].sound

    def add(self, corpus: Corpus, audio: np.ndarray, name: str = "") -> int:
        """One memory more; return its number. name: as it is selected, the corpus's own unless told.

        CorpusError if it was labelled with another alphabet.
        """
        check(corpus, self.model.alphabet.hash, self.hop, model=self.model.folder)
        placed = self.model.alphabet.project(corpus.features.astype(np.float32))
        neighbours = nearest_labels(placed, corpus.labels, self.model.alphabet.centroids)
        name = self._unused(name or corpus.name)
        self.memories.append(Stored(name, corpus, self.silence + 1, self._sound(audio), neighbours))
        return len(self.memories) - 1

    def growing(self) -> Growing:
        """The memory that records the performance, made when it is first asked for."""
        for stored in self.memories:
            if isinstance(stored, Growing):
                return stored
        alphabet = self.model.alphabet
        none = np.zeros((0, alphabet.centroids.shape[1]), np.float32), np.zeros(0, np.int32)
        sound = self._sound(np.zeros(0, np.float32), ROOM)
        about = alphabet.hash, alphabet.units
        neighbours = nearest_labels(*none, alphabet.centroids)
        made = Growing(GROWING, self.silence + 1, sound, neighbours, about, self.take_listeners)
        self.memories.append(made)
        return made

    def snapshot(self) -> Snapshot:
        """The growing memory as it is now, to be saved by another thread."""
        return self.growing().snapshot()

    def _sound(self, audio: np.ndarray, room: float = 0.0) -> concat.Concatenator:
        fade, align = self.config.action.crossfade_ms / 1000, self.config.action.align_ms / 1000
        return concat.Concatenator(audio, self.samplerate, self.hop, crossfade=fade, align=align, room=room)

    def _unused(self, name: str) -> str:
        taken = {stored.name for stored in self.memories} | {GROWING}
        names = (f"{name} {n}" if n > 1 else name for n in range(1, len(taken) + 2))
        return next(one for one in names if one not in taken)

    def start(self, seed: int | None = None, offline: bool = False) -> Piece:
        """A piece that has not begun; the same seed and input give the same answer.

        Its first hop is silence, for nothing has been heard before it, unless `offline`: then the whole guide is
        heard first, and hop 0 is answered like any other.
        """
        seed = self.config.agent.seed if seed is None else seed
        piece = Piece(self.listener.start(), self.decision.start(), self.sound.start(), self.config, seed)
        if not offline:
            self.decision.commit(piece.decision, self.silence)
            piece.hop = 1
        return piece

    def warm_up(self) -> None:
        """Compile and touch everything a hop needs, before the first one."""
        concat.warm_up()
        selection.warm_up()
        piece = self.start()
        for _ in range(3):
            self.step(piece, np.zeros(self.listener.next_hop_samples(piece.hearing), np.float32))

    def frames(self, hop: int) -> int:
        """Samples of hop number `hop`."""
        return boundary(hop + 1, self.hop, self.samplerate) - boundary(hop, self.hop, self.samplerate)

    def step(self, piece: Piece, audio: np.ndarray) -> tuple[np.ndarray, Event]:
        """Hear one hop, (expected,) float32 mono; return the next hop to speak, (frames,) float32, and its event."""
        began = time.perf_counter()
        heard = self.listen(piece, audio)
        listened = time.perf_counter()
        self.hear(piece, heard, audio)
        return self.answer(piece, {"perception": 1e3 * (listened - began)})

    def listen(self, piece: Piece, audio: np.ndarray) -> LabelledHop:
        """Name one hop, (expected,) float32 mono."""
        return self.listener.step(piece.hearing, audio, piece.config.perception.gate_db)

    def hear(self, piece: Piece, heard: LabelledHop, audio: np.ndarray | None = None) -> None:
        """A hop has been named; with lookahead k the decision learns of it k - 1 hops later.

        audio: the hop itself, for the memory that records what is heard; a hop without is remembered as silence.
        """
        self.notice(piece, heard)
        if audio is not None:
            self.overhear(piece, audio)
        piece.pause = piece.pause + 1 if heard.label == self.silence else 0
        piece.waiting.append(heard.label)
        self.catch_up(piece)
        if piece.recording == "input":
            if audio is None:
                audio = np.zeros(self.frames(piece.hop - 1), np.float32)
            self.growing().append(audio, heard.label, heard.feature)

    def notice(self, piece: Piece, heard: LabelledHop) -> None:
        """The newest hop heard, of which the level and the reward know at once."""
        piece.heard = heard
        piece.past.features.append(heard.feature if heard.label != self.silence and heard.feature.any() else None)

    def overhear(self, piece: Piece, audio: np.ndarray) -> None:
        """The sound of a hop heard, (frames,) float32, for a reward that listens to sound."""
        if self.reward is not None and self.reward.sounding:
            piece.past.keep(piece.past.heard, audio, self._remembered)

    def catch_up(self, piece: Piece) -> None:
        """Tell the decision all that `lookahead` does not hold back."""
        while len(piece.waiting) >= piece.config.decision.lookahead:
            self.decision.hear(piece.decision, piece.waiting.popleft())

    def answer(self, piece: Piece, times: dict[str, float] | None = None) -> tuple[np.ndarray, Event]:
        """Decide on the next hop from all that the decision has heard, and sound it."""
        proposal = self.propose(piece, times)
        self.accept(piece, proposal)
        return proposal.audio, proposal.event

    def late(self, piece: Piece) -> tuple[np.ndarray, Event]:
        """The mind was late: what sounds goes on."""
        (proposal,) = self.chain(piece, None, 1)
        self.accept(piece, proposal)
        return proposal.audio, proposal.event

    def apply(self, piece: Piece, name: str, args: tuple = ()) -> str:
        """Turn a control of the stage vocabulary, in force from the next hop proposed; see controls.py.

        Returns a sentence if only a part could be done, else "". CommandError or ConfigError say why nothing was done.
        """
        return controls.apply(self, piece, name, args)

    def propose(self, piece: Piece, times: dict[str, float] | None = None) -> Proposal:
        """Decide on the next hop and render it. Of the piece only the generator `rng` moves on."""
        times, began = dict(times or {}), time.perf_counter()
        plan: tuple[int, ...] = ()
        memory, decided, phrase, resting = piece.memory, began, piece.phrase, piece.resting
        compared: tuple[int, float | None] = (1, None)
        choice = controls.instead(self, piece)
        if choice is None:
            phrase, resting, plans = self._plans(piece)
            decided = time.perf_counter()
            (plan, choice), compared = rerank.best(self, piece, plans)
        elif choice.why == selection.WHY[selection.HOLD]:
            memory = piece.sounding
        times |= {"decision": 1e3 * (decided - began), "action": 1e3 * (time.perf_counter() - decided)}
        made = self._render(piece, choice, plan, memory, (piece.sounding, piece.voice), piece.hop, times)
        event = replace(made.event, candidates=compared[0], reward=compared[1])
        return replace(made, event=event, phrase=phrase, resting=resting, obeyed=(piece.jump, piece.goto))

    def accept(self, piece: Piece, proposal: Proposal) -> None:
        """It was played: what really sounded is what decision and oracle know of, whatever was planned.

        Accept it before the hop during which it sounded is heard. ValueError if another hop is due.
        """
        began, event, choice, memory = time.perf_counter(), proposal.event, proposal.choice, proposal.memory
        if event.hop != piece.hop:
            raise ValueError(f"hop {event.hop} was accepted, the next to be played is {piece.hop}")
        stored = self.memories[memory]
        if memory != piece.sounding:
            piece.navigation.end_run()
            piece.sounding = memory
        selection.commit(stored.oracle, piece.navigation, choice)
        piece.voice = settled(stored, proposal.voice, event.held)
        if choice.segment >= len(stored):  # taken back while it sounded
            piece.navigation.truncate(len(stored))
        self.decision.commit(piece.decision, choice.label)
        piece.played(proposal)
        if self.reward is not None and self.reward.sounding:
            piece.past.keep(piece.past.spoken, proposal.audio, self._remembered)
        if piece.recording == "self":
            self._remember(proposal)
        event.times["sound"] += 1e3 * (time.perf_counter() - began)

    def _remember(self, proposal: Proposal) -> None:
        """What was played becomes a segment of the growing memory, with the features of where it came from."""
        stored, segment = self.memories[proposal.memory], proposal.choice.segment
        known = 0 <= segment < len(stored)
        feature = stored.feature(segment) if known else np.zeros(len(self.model.alphabet.mean), np.float16)
        self.growing().append(proposal.audio, proposal.choice.label, feature)

    def chain(self, piece: Piece, after: Proposal | None, hops: int) -> list[Proposal]:
        """What sounds in the `hops` hops after `after` was accepted (None: after all that was) if the mind is late.

        The memory goes on for up to `PATIENCE`, then fades, then rests. To be accepted in order, after `after`.
        """
        voice, memory, hop, late = piece.voice, piece.sounding, piece.hop, piece.late
        segment, run = piece.navigation.last, piece.navigation.run
        if after is not None:
            voice, memory, hop, late = after.voice, after.memory, after.event.hop + 1, after.late
            segment, run = after.choice.segment, after.choice.run
        made: list[Proposal] = []
        held = self.memories[memory].oracle
        for _ in range(hops):
            late += 1
            choice = selection.continuation(held, segment, run)
            if late > self.patience:
                choice = selection.silent_choice(held, selection.FADE if segment >= 0 else selection.REST)
            made.append(self._render(piece, choice, (), memory, (memory, voice), hop, {}, late))
            voice, segment, run, hop = made[-1].voice, choice.segment, choice.run, hop + 1
        return made

    def _render(
        self, piece: Piece, choice: selection.Choice, plan: tuple[int, ...], memory: int,
        before: tuple[int, concat.Voice], hop: int, times: dict[str, float], late: int = 0,
    ) -> Proposal:  # fmt: skip
        """Sound a choice, after what sounded `before`: (memory, voice)."""
        began = time.perf_counter()
        frames, gain = self.frames(hop), self.gain(piece, memory, choice.segment)
        sounding, voice = before
        audio, voice = speak(self.memories, voice, sounding, memory, choice.segment, frames, gain)
        label, level = (piece.heard.label, piece.heard.level_db) if piece.heard else (-1, -120.0)
        times["sound"] = 1e3 * (time.perf_counter() - began)
        event = Event(
            hop, label, level, plan, choice.segment, choice.label, choice.why, choice.match, choice.run, gain, frames,
            times, memory, len(self.memories[memory].sound.audio),
        )  # fmt: skip
        return Proposal(event, audio, choice, voice, memory, late)

    def _plans(self, piece: Piece) -> tuple[int, bool, list[tuple[int, ...]]]:
        """The phrase, whether density lets it rest, and `best_of` times the labels wanted from the next hop on."""
        settings = piece.config.decision
        asked = [piece.scenario.get(piece.hop + ahead, -1) for ahead in range(settings.horizon)]
        plans = [self._plan(piece, asked)]
        phrase, resting = (piece.hop - 1) // PHRASE, piece.resting
        if phrase != piece.phrase:
            resting = bool(piece.rng.random() >= settings.density)
        with_them = settings.density < 1 and settings.rests == "follow" and piece.pause * self.hop >= PAUSE
        if resting or with_them:
            return phrase, resting, [tuple(self.silence if wanted < 0 else wanted for wanted in asked)]
        if self.reward is not None and min(asked) < 0:
            plans += [self._plan(piece, asked) for _ in range(settings.best_of - 1)]
        return phrase, resting, plans

    def _plan(self, piece: Piece, asked: list[int]) -> tuple[int, ...]:
        """Draw the labels wanted from the next hop on; those `asked` for, from 0 on, are as they are."""
        settings, allowed = piece.config.decision, self._allowed(piece)
        forbidden = () if allowed[self.silence] else (self.silence,)
        coming = iter(asked)

        def choose(logits: np.ndarray) -> int:
            wanted = next(coming)
            if wanted >= 0:
                piece.rng.random()  # as many dice as for a free choice: what follows does not depend on it
                return wanted
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

        return tuple(self.decision.plan(piece.decision, choose, settings.horizon))

    def chosen(self, piece: Piece, plan: tuple[int, ...]) -> selection.Choice:
        """What the memory to be played would answer to a plan now; nothing is committed."""
        memory, navigation = self.memories[piece.memory].oracle, piece.navigation_of(piece.memory)
        return selection.choose(memory, navigation, np.array(plan, np.int32), **self.rules(piece))

    def rules(self, piece: Piece) -> dict[str, Any]:
        """What the settings ask of the oracle, as `action.selection.choose` and `choose_all` take it."""
        action = piece.config.action
        return {
            "max_continuity": 1 if piece.jump else action.max_continuity,
            "taboo": action.taboo,
            "region": self._region(piece),
            "neighbours": self.memories[piece.memory].neighbours,
        }

    def _allowed(self, piece: Piece) -> np.ndarray:
        """(vocab,) bool: what the region of the memory bears, and silence where a rest is allowed."""
        stored, region = self.memories[piece.memory], self._region(piece)
        about = piece.memory, region, len(stored), stored.edits
        if piece.allowed[:1] != (about,):
            mask = np.zeros(self.silence + 1, bool)
            mask[stored.labels[slice(*region)]] = True
            piece.allowed = about, mask
        mask = piece.allowed[1].copy()
        rests = piece.config.decision.rests
        silent = piece.heard is None or piece.heard.label == self.silence
        mask[self.silence] = rests == "free" or (rests == "follow" and silent) or not mask[: self.silence].any()
        return mask

    def _region(self, piece: Piece, memory: int | None = None) -> tuple[int, int]:
        """[first, stop) segments that may be played: at least one, unless the memory is empty."""
        low, high = piece.config.action.region
        n = len(self.memories[piece.memory if memory is None else memory])
        first = max(min(int(low * n), n - 1), 0)
        return first, min(max(first + 1, round(high * n)), n)

    def gain(self, piece: Piece, memory: int, segment: int) -> float | None:
        """Linear gain of a segment: the fader, and so much of the difference to the level heard as is asked for."""
        action = piece.config.action
        decibels = action.gain_db
        if action.follow_level and segment >= 0 and piece.heard is not None:
            own = 20 * np.log10(self.memories[memory].level(segment) + 1e-6)
            decibels += action.follow_level * float(np.clip(piece.heard.level_db - own, -LOUDER, LOUDER))
        return None if decibels == 0 else float(10 ** (decibels / 20))
