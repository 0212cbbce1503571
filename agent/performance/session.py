"""Plays one hop after the other: perceive, decide, choose, render. It has no clock, thread, device or file.

`Session` holds what was learned and loaded, `PerformanceState` what has happened since the performance began. Live,
from a file or in a test, the same `step` with the same hops gives the same answer, sample for sample. Live, a hop is
proposed first, and accepted after it was really played: a late choice changes nothing.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

import numpy as np

from action import concat, cost, selection
from agent.performance import adding, phrases
from agent.performance.leading_beat import BeatState
from agent.performance.memories import render_segment, voice_after_truncation
from agent.performance.model import Model
from agent.performance.override import overriding_choice
from agent.performance.phrases import REST_S
from agent.performance.repertoire import Repertoire
from agent.performance.state import Event, HeardHop, PerformanceState, Proposal
from agent.settings.config import Config
from corpora.corpus import Corpus
from decision.heard import heard_features
from decision.models import DecisionModels
from decision.sampling import sample
from perception.chroma import ChromaTrack
from perception.pulse import Beat, PulseTracker
from perception.stream import LabelledHop, boundary

__all__ = ["Event", "PerformanceState", "Proposal", "Session"]

MODELS = ("first", "second")  # values of `decision.model`
PHRASE_HOPS = 8  # density decides once for a phrase, since rests of single hops would be a stutter
FALLBACK_S = 2.0  # time for which the memory continues when decisions are late
WARM_UP_S = 2.0
UNHEARD_DBFS = -120.0  # level before the first input


@dataclass(frozen=True, kw_only=True)
class _Sounding:
    """What sounds before a hop is rendered: a voice, the number of its memory, and hops in a row without a decision."""

    voice: concat.Voice
    memory: int
    late_hops: int = 0


class Session:
    """A model and its repertoire, ready to play at a device rate (Hz).

    corpus: the first memory, labelled with the alphabet of the model at its hop, else CorpusError. audio: (n,) float32,
    its recording at `samplerate`. `repertoire.add` adds more memories.
    """

    def __init__(self, model: Model, corpus: Corpus, config: Config, samplerate: int, audio: np.ndarray):
        if model.decision is None:
            raise ValueError("this model was loaded to listen only")
        self.model, self.config, self.samplerate = model, config, int(samplerate)
        self.hop, self.silence = model.alphabet.hop, model.alphabet.silence
        self.decision = DecisionModels(model.decision, model.second, model.attributes)
        self.listener = model.listener(samplerate, config.perception.gate_db)
        self.tracker = PulseTracker(config.pulse.tempo_range)
        self.fallback_hops = max(1, round(FALLBACK_S / self.hop))
        self.repertoire = Repertoire(model, config, self.samplerate)
        self.repertoire.add(corpus, audio)

    # --- begin

    def start(self, seed: int | None = None, offline: bool = False) -> PerformanceState:
        """The initial state of a performance; the same seed and input give the same answer.

        seed: None: that of the settings. Hop 0 is silence, because there is no input before it; offline, the whole
        guide is perceived first and hop 0 is answered like any other.
        """
        seed = self.config.agent.seed if seed is None else seed
        voice = self.repertoire[0].sound.start()
        listener, decision, chroma = self.listener.start(), self.decision.start(), ChromaTrack(self.hop)
        pulse = BeatState(self.samplerate, self.tracker.start())
        state = PerformanceState(listener, decision, voice, self.config, seed, chroma, pulse)
        if self.config.action.add:
            state.selected_memory, _ = adding.memory_for(self.repertoire, self.config.action.add, 0)
        self.ask(state)
        if not offline:
            self.decision.commit(state.decision, self.silence)
            state.hop = 1
        return state

    def ask(self, state: PerformanceState) -> None:
        """Ask the decision for what the settings in force ask for; nothing changes where that is asked already."""
        names = adding.attributes(state.config.action)
        self.decision.ask(state.decision, names, state.config.decision.guidance)

    def warm_up(self) -> None:
        """Answer some seconds of strokes, so that all is compiled and loaded before the first hop that is played."""
        concat.warm_up()
        cost.warm_up()
        selection.warm_up()
        state = self.start()
        for _ in range(round(WARM_UP_S / self.hop)):
            time_s = np.arange(self.listener.next_hop_samples(state.hearing)) / self.samplerate
            strokes = np.exp(-(time_s % 0.125) / 0.02) * np.sin(2 * np.pi * 440 * time_s)
            self.step(state, strokes.astype(np.float32) / 4)

    # --- an input hop

    def step(self, state: PerformanceState, audio: np.ndarray) -> tuple[np.ndarray, Event]:
        """Hear one hop, (expected,) float32 mono; return the next hop to play, (frames,) float32, and its event."""
        began = time.perf_counter()
        heard = self.perceive(state, audio)
        perceived = time.perf_counter()
        self.hear(state, heard, audio)
        return self.answer(state, {"perception": 1e3 * (perceived - began)})

    def perceive(self, state: PerformanceState, audio: np.ndarray) -> LabelledHop:
        """Label one hop, (expected,) float32 mono, and follow its beat.

        The listener says how many samples it expects.
        """
        heard = self.listener.step(state.hearing, audio, state.config.perception.gate_db)
        self.note_beat(state, self.follow_beat(state), state.hearing.hops)
        return heard

    def follow_beat(self, state: PerformanceState) -> Beat:
        """The beat of the input up to its last hop; s since the performance began."""
        tracked, newest = state.pulse.heard, state.hearing.newest
        missing = state.hearing.hops * len(newest) - len(newest) - tracked.samples
        if missing > 0:  # hops that the listener could not hear
            self.tracker.step(tracked, np.zeros(missing, np.float32))
        beat = self.tracker.step(tracked, newest)
        return beat._replace(time_s=beat.time_s - self.listener.delay_s) if beat.period_s else beat

    def note_beat(self, state: PerformanceState, beat: Beat, hops: int) -> None:
        """Note the beat of the input up to the end of so many hops."""
        state.pulse.heard_beat = beat
        state.pulse.now_s = boundary(hops, self.hop, self.samplerate) / self.samplerate

    def hear(self, state: PerformanceState, heard: LabelledHop, audio: np.ndarray | None = None) -> None:
        """Add a labelled hop to the state; with lookahead k the decision gets its label k - 1 hops later.

        audio: (frames,) float32 of this hop, for the memory that records the input; None is recorded as silence.
        """
        self.note_newest(state, heard)
        state.silent_hops = state.silent_hops + 1 if heard.label == self.silence else 0
        state.delayed_hops.append(self.heard_hop(state, heard))
        self.release_delayed(state)
        if state.recording == "input":
            if audio is None:
                audio = np.zeros(self.repertoire.hop_frames(state.hop - 1), np.float32)
            self.repertoire.growing().append(audio, heard.label, heard.feature)

    def note_newest(self, state: PerformanceState, heard: LabelledHop) -> None:
        """Note the newest input hop, which level following uses at once."""
        state.newest_heard = heard
        state.add_heard(heard.chroma, heard.onsets, state.heard_hops + 1)
        state.follow_tatum(state.heard_hops - state.config.decision.lookahead + 1)

    def release_delayed(self, state: PerformanceState) -> None:
        """Pass the labels to the decision that `lookahead` no longer delays."""
        while len(state.delayed_hops) >= state.config.decision.lookahead:
            self.decision.hear(state.decision, *state.delayed_hops.popleft())

    def heard_hop(self, state: PerformanceState, heard: LabelledHop) -> HeardHop:
        """The decision's input of the last hop, whose beat has been noted."""
        if not self.decision.config.key_dim:
            return HeardHop(heard.label, None)
        keys = self.model.alphabet.keys(heard.feature.astype(np.float32)) * (heard.label != self.silence)
        middle_s = state.pulse.now_s - self.hop / 2
        beat = state.pulse.beat(state.config.pulse.beat_source, state.pulse.now_s)
        level_db, phase = np.array([heard.level_db]), np.array([beat.phase_at(middle_s)])
        return HeardHop(heard.label, heard_features(keys, level_db, phase, beat.confidence)[0])

    # --- a hop that is answered

    def answer(self, state: PerformanceState, times: dict[str, float] | None = None) -> tuple[np.ndarray, Event]:
        """Decide on the next hop from the input so far, render it and accept it."""
        proposal = self.propose(state, times)
        self.accept(state, proposal)
        return proposal.audio, proposal.event

    def propose(self, state: PerformanceState, times: dict[str, float] | None = None) -> Proposal:
        """Decide on the next hop and render it. Of the state only the generator `rng` moves on.

        times: ms of the stages before, by name.
        """
        times, began = dict(times or {}), time.perf_counter()
        decided, phrase, resting = began, state.phrase, state.resting
        memory = state.selected_memory
        plan: tuple[int, ...] = ()
        choice = overriding_choice(self.repertoire, state)
        if choice is None:
            phrase, resting, plan = self._planned(state)
            decided = time.perf_counter()
            choice = self.repertoire.choose(state, plan)
        elif choice.why == selection.WHY[selection.HOLD]:
            memory = state.sounding_memory
        times |= {"decision": 1e3 * (decided - began), "action": 1e3 * (time.perf_counter() - decided)}
        before = _Sounding(voice=state.voice, memory=state.sounding_memory)
        rendered = self._render(state, before, state.hop, choice, memory, plan, times)
        requests_met = state.jump_requested, state.goto_segment
        return replace(rendered, phrase=phrase, resting=resting, requests_met=requests_met)

    def accept(self, state: PerformanceState, proposal: Proposal) -> None:
        """Add a hop that was played to the state: decision and oracle get what was really played, not what was planned.

        Call it before the input hop during which it was played. ValueError if another hop is due.
        """
        began, event, choice = time.perf_counter(), proposal.event, proposal.choice
        if event.hop != state.hop:
            raise ValueError(f"hop {event.hop} was accepted, the next to be played is {state.hop}")
        memory = self.repertoire[proposal.memory]
        if proposal.memory != state.sounding_memory:
            state.navigation.end_run()
            state.sounding_memory = proposal.memory
        selection.commit(memory.oracle, state.navigation, choice)
        state.voice = voice_after_truncation(memory, proposal.voice, event.held)
        if choice.segment >= len(memory):  # its take was undone while it sounded
            state.navigation.truncate(len(memory))
        state.navigation.goes_on_with(memory.oracle, memory.sound.following(proposal.voice))
        self.decision.commit(state.decision, event.label)
        state.advance(proposal)
        if state.recording == "self":
            self._record(proposal)
        event.times["sound"] += 1e3 * (time.perf_counter() - began)

    def _record(self, proposal: Proposal) -> None:
        """Append the hop that was played to the growing memory, with the features of its segment."""
        memory, segment = self.repertoire[proposal.memory], proposal.choice.segment
        exists = 0 <= segment < len(memory)
        feature = memory.feature(segment) if exists else np.zeros(len(self.model.alphabet.mean), np.float16)
        self.repertoire.growing().append(proposal.audio, proposal.event.label, feature)

    # --- a hop for which no decision came in time

    def fall_back(self, state: PerformanceState) -> tuple[np.ndarray, Event]:
        """Play the fallback, because the decision is late: the memory that sounds continues."""
        (proposal,) = self.fallback(state, None, 1)
        self.accept(state, proposal)
        return proposal.audio, proposal.event

    def fallback(self, state: PerformanceState, after: Proposal | None, hops: int) -> list[Proposal]:
        """The fallback: proposals for the `hops` hops that follow the proposal `after`, in case decisions are late.

        after: None: the last hop accepted. The memory continues for up to `FALLBACK_S`, then fades, then rests. Accept
        them in order, after `after`.
        """
        before = _Sounding(voice=state.voice, memory=state.sounding_memory, late_hops=state.late_hops)
        hop, segment, run, shift = state.hop, state.navigation.last, state.navigation.run, state.navigation.shift
        key_shift = state.navigation.key_shift
        if after is not None:
            before = _Sounding(voice=after.voice, memory=after.memory, late_hops=after.late_hops)
            hop, run = after.event.hop + 1, after.choice.run
            segment = self.repertoire[after.memory].sound.following(after.voice) - 1
            shift, key_shift = after.choice.shift, after.choice.key_shift
        proposals: list[Proposal] = []
        oracle, sound = self.repertoire[before.memory].oracle, self.repertoire[before.memory].sound
        for _ in range(hops):
            before = replace(before, late_hops=before.late_hops + 1)
            choice = selection.continuation(oracle, segment, run, shift, key_shift)
            if before.late_hops > self.fallback_hops:
                choice = selection.silent_choice(oracle, selection.FADE if segment >= 0 else selection.REST)
            proposals.append(self._render(state, before, hop, choice, before.memory, (), {}))
            before = replace(before, voice=proposals[-1].voice)
            segment, run, shift, hop = sound.following(before.voice) - 1, choice.run, choice.shift, hop + 1
        return proposals

    def _render(
        self, state: PerformanceState, before: _Sounding, hop: int, choice: selection.Choice, memory: int,
        plan: tuple[int, ...], times: dict[str, float],
    ) -> Proposal:  # fmt: skip
        """Render a choice from memory number `memory` as hop `hop`, after what sounded before."""
        began = time.perf_counter()
        repertoire, heard = self.repertoire, state.newest_heard
        frames, gain = repertoire.hop_frames(hop), repertoire.gain(state, memory, choice.segment)
        ratio = self._ratio(state, before, hop, choice, memory)
        semitones = repertoire.semitones(state, choice.key_shift)
        audio, voice = render_segment(
            repertoire, before.voice, before.memory, memory, choice.segment, frames, gain, choice.shift,
            ratio=ratio, semitones=semitones,
        )  # fmt: skip
        times["sound"] = 1e3 * (time.perf_counter() - began)
        event = Event(
            hop=hop,
            heard=heard.label if heard else -1,
            level=heard.level_db if heard else UNHEARD_DBFS,
            plan=plan,
            segment=choice.segment,
            label=int(self.model.alphabet.transposition(semitones)[choice.label]),
            why=choice.why,
            match=choice.match,
            run=choice.run,
            gain=gain,
            frames=frames,
            times=times,
            memory=memory,
            held=len(repertoire[memory].sound.audio),
            ratio=ratio,
            semitones=semitones,
            shift=choice.shift,
            places=tuple(place._asdict() for place in choice.places),
        )
        return Proposal(event=event, audio=audio, choice=choice, voice=voice, memory=memory, late_hops=before.late_hops)

    def _ratio(
        self, state: PerformanceState, before: _Sounding, hop: int, choice: selection.Choice, memory: int
    ) -> float:  # fmt: skip
        """Seconds of the memory per second in hop `hop`."""
        if choice.segment < 0:
            return state.config.action.speed
        sound = self.repertoire[memory].sound
        voice = before.voice if before.memory == memory else sound.start()
        starts_at = sound.starts_at(voice, choice.segment, choice.shift)
        return self.repertoire.ratio(state, memory, starts_at, hop)

    # --- the plan

    def _planned(self, state: PerformanceState) -> tuple[int, bool, tuple[int, ...]]:
        """(number of the phrase, whether it rests, `horizon` labels from the next hop on)."""
        settings = state.config.decision
        scenario = [state.scenario.get(state.hop + ahead, -1) for ahead in range(settings.horizon)]
        plan = self._plan(state, scenario)
        phrase, resting = (state.hop - 1) // PHRASE_HOPS, state.resting
        if phrase != state.phrase:
            resting = bool(state.rng.random() >= settings.density)
        musician_rests = state.silent_hops * self.hop >= REST_S
        waits = settings.rests == "follow" and phrases.waits(self.repertoire, state)
        if resting or waits or (settings.density < 1 and settings.rests == "follow" and musician_rests):
            plan = tuple(self.silence if label < 0 else label for label in scenario)
        return phrase, resting, plan

    def _plan(self, state: PerformanceState, scenario: list[int]) -> tuple[int, ...]:
        """Draw the labels wanted from the next hop on. scenario: fixed labels for these hops, -1: draw one."""
        settings, allowed = state.config.decision, self.repertoire.allowed(state)
        state.decision.deciding = min(MODELS.index(settings.model), len(self.decision) - 1)
        forbidden = () if allowed[self.silence] else (self.silence,)
        ahead = iter(scenario)

        def choose(logits: np.ndarray) -> int:
            wanted = next(ahead)
            if wanted >= 0:
                state.rng.random()  # one draw, as for a free choice, so that later hops do not depend on the scenario
                return wanted
            logits[list(forbidden)] = -np.inf
            return sample(
                logits,
                allowed,
                state.rng,
                temperature=settings.temperature,
                top_p=settings.top_p,
                top_k=settings.top_k,
                repetition_penalty=settings.repetition_penalty,
                recent=state.recent_labels,
                constraint=settings.constraint,
            )

        return tuple(self.decision.plan(state.decision, choose, settings.horizon))
