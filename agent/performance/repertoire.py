"""The memories of a session, and the segments and labels that settings and state allow at a given moment.

`number` counts the memories from 0.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TypedDict

import numpy as np

from action import concat, cost, selection
from action.stretch import MAX_SEMITONES, ONE
from agent.performance import adding, tempo, wording
from agent.performance.memories import CAPACITY_S, GROWING, GrowingMemory, Memory, MemorySnapshot, TakeListeners
from agent.performance.model import Model
from agent.performance.state import PerformanceState
from agent.performance.target import grid, query, rhythm, wanted
from agent.settings.config import Config
from corpora.corpus import Corpus, check
from corpora.search import nearest_labels
from perception.chroma import FRAME_RATE, chroma_of
from perception.onsets import DELAY_FRAMES, ONSET_RATE, onsets_of
from perception.stream import boundary

COST_HORIZON = 6  # hops that a choice by cost looks ahead
KEY_REACH = 2  # semitones by which a run may be moved; further away a sound is no longer its instrument
FRESH_COST = 0.5  # cost of a segment that has just been played
JOIN_COST = 0.6  # cost of a cut between sounds that have nothing in common
CUT_HOP_S = 0.5  # hop at which a cut costs `action.cut_cost`; at half of it, where it can come twice as often, twice
LEVEL_FOLLOW_LIMIT_DB = 12.0  # most by which level following raises or lowers a segment


class SelectionRules(TypedDict):
    """Keyword arguments of `action.selection.choose` and `choose_all`."""

    max_continuity: int
    taboo: int
    region: tuple[int, int]
    neighbours: np.ndarray


class Repertoire:
    """The memories of a session at a device rate (Hz), in the order in which they were added; empty at first."""

    def __init__(self, model: Model, config: Config, samplerate: int):
        self.model, self.config, self.samplerate = model, config, samplerate
        self.hop, self.silence = model.alphabet.hop, model.alphabet.silence
        self.take_listeners = TakeListeners()
        self._memories: list[Memory] = []

    def __len__(self) -> int:
        return len(self._memories)

    def __getitem__(self, number: int) -> Memory:
        return self._memories[number]

    def __iter__(self) -> Iterator[Memory]:
        return iter(self._memories)

    def add(self, corpus: Corpus, audio: np.ndarray, name: str = "") -> int:
        """Add a memory and return its number.

        corpus: labelled with the alphabet of the model, else CorpusError. audio: (n,) float32, its recording at
        `samplerate`. name: by which it is selected, that of the corpus if empty; a number is added if it is taken.
        """
        alphabet = self.model.alphabet
        check(corpus, alphabet.hash, self.hop, model=self.model.folder)
        projected = alphabet.project(corpus.features.astype(np.float32))
        neighbours = nearest_labels(projected, corpus.labels, alphabet.centroids)
        name = self._unused_name(name or corpus.name)
        chroma = chroma_of(audio, self.samplerate) if corpus.chroma is None else corpus.chroma
        onsets = onsets_of(audio, self.samplerate) if corpus.onsets is None else corpus.onsets
        sound = self._concatenator(audio)
        memory = Memory(name, corpus, self.silence + 1, sound, neighbours, chroma, onsets)
        if self.model.words is not None:
            memory.windows = wording.windows_of(self.model.words, corpus, onsets)
        memory.traits = adding.traits_of(corpus, onsets, audio, self.samplerate)
        self._memories.append(memory)
        return len(self._memories) - 1

    def growing(self) -> GrowingMemory:
        """The memory that records the performance; it is made at the first call."""
        for memory in self._memories:
            if isinstance(memory, GrowingMemory):
                return memory
        alphabet = self.model.alphabet
        no_features, no_labels = np.zeros((0, alphabet.centroids.shape[1]), np.float32), np.zeros(0, np.int32)
        neighbours = nearest_labels(no_features, no_labels, alphabet.centroids)
        sound = self._concatenator(np.zeros(0, np.float32), CAPACITY_S)
        growing = GrowingMemory(
            GROWING, self.silence + 1, sound, neighbours, (alphabet.hash, alphabet.units), self.take_listeners
        )
        self._memories.append(growing)
        return growing

    def snapshot(self) -> MemorySnapshot:
        """The growing memory as it is now, to be saved by another thread."""
        return self.growing().snapshot()

    def index(self, memory: Memory) -> int:
        """Number of a memory."""
        return self._memories.index(memory)

    def _concatenator(self, audio: np.ndarray, capacity_s: float = 0.0) -> concat.Concatenator:
        action = self.config.action
        return concat.Concatenator(
            audio, self.samplerate, self.hop, crossfade=action.crossfade_ms / 1000, align=action.align_ms / 1000,
            room=capacity_s,
        )  # fmt: skip

    def _unused_name(self, name: str) -> str:
        taken = {memory.name for memory in self._memories} | {GROWING}
        candidates = (f"{name} {n}" if n > 1 else name for n in range(1, len(taken) + 2))
        return next(candidate for candidate in candidates if candidate not in taken)

    def hop_frames(self, hop: int) -> int:
        """Number of samples of hop `hop`; hops differ by one sample if a hop is not a whole number of samples."""
        return boundary(hop + 1, self.hop, self.samplerate) - boundary(hop, self.hop, self.samplerate)

    def choose(self, state: PerformanceState, plan: tuple[int, ...]) -> selection.Choice:
        """The choice of the selected memory for a plan, labels as they shall sound; nothing is committed."""
        navigation = state.navigation_of(state.selected_memory)
        oracle = self[state.selected_memory].oracle
        if state.config.action.choice == "cost" and state.hop not in state.scenario and plan[0] != self.silence:
            choice = self._choose_by_cost(state, plan)
            if choice is not None:
                return choice
        key_shift = navigation.key_shift if self._key_shifts(state)[1:] else 0
        choice = selection.choose(oracle, navigation, self._of_memory(state, plan, key_shift), **self.rules(state))
        return replace(choice, key_shift=key_shift) if choice.segment >= 0 else choice

    def _of_memory(self, state: PerformanceState, plan: tuple[int, ...], key_shift: int) -> np.ndarray:
        """(n,) int32: the labels of a memory that sound as those of a plan, where it is moved by so many semitones."""
        transposed = self.model.alphabet.transposition(-self.semitones(state, key_shift))
        return np.asarray(transposed[list(plan)], np.int32)

    def _key_shifts(self, state: PerformanceState) -> list[int]:
        """Semitones by which a run may be moved to what is heard, beyond `action.transpose`; 0 comes first."""
        action = state.config.action
        reach = KEY_REACH if action.match_key == "auto" and action.choice == "cost" else 0
        shifts = (shift * sign for shift in range(reach + 1) for sign in ((1, -1) if shift else (1,)))
        return [shift for shift in shifts if abs(action.transpose + shift) <= MAX_SEMITONES]

    def _choose_by_cost(self, state: PerformanceState, plan: tuple[int, ...]) -> selection.Choice | None:
        """The choice of the selected memory by cost; None if no place of it may be played."""
        memory, navigation = self[state.selected_memory], state.navigation_of(state.selected_memory)
        navigation.make_room(memory.oracle)
        rules = self._cost_rules(state, memory, navigation)
        goes_on_at = -1
        if navigation.last >= 0:
            goes_on_at = round(state.voice.head.nominal / ONE / self.samplerate * FRAME_RATE)
        speeds = self._speeds(state, memory)
        in_time = rhythm(state, memory, state.output_delay / self.samplerate, speeds)
        hop_frames = max(1, round(memory.chroma.hop_frames * float(np.median(speeds))))
        shifts, expected = self._key_shifts(state), wanted(state, COST_HORIZON)
        now = navigation.key_shift if navigation.key_shift in shifts else 0
        queries = {
            shift: query(expected, self._of_memory(state, plan, shift), self.semitones(state, shift), shift)
            for shift in shifts
        }
        places, boundaries = wording.places(state, self.model, memory)
        found = cost.choose(
            queries.pop(now), places, hop_frames, goes_on_at, navigation.played, rules, in_time, boundaries,
            tuple(queries.values()),
        )  # fmt: skip
        if not found:
            return None
        return self._choice_of(memory, navigation, found, self._of_memory(state, plan, found[0].key_shift))

    def _choice_of(
        self, memory: Memory, navigation: selection.Navigation, found: list[cost.Place], plan: np.ndarray
    ) -> selection.Choice:
        """The first of the places found as a choice. plan: (n,) labels of the memory."""
        place = found[0]
        if place.goes_on:
            segment, why, run, shift = navigation.last + 1, selection.CONTINUE, navigation.run + 1, navigation.shift
        else:
            segment, why, run = int(memory.places.segment[place.frame]), selection.JUMP, 1
            start_s = place.frame / FRAME_RATE + place.shift / ONSET_RATE
            shift = round(start_s * self.samplerate) - memory.sound.boundary(segment)
        label = int(memory.labels[segment])
        following = memory.labels[segment : segment + len(plan)]
        differs = np.flatnonzero(following != plan[: len(following)])
        match = int(differs[0]) if len(differs) else len(following)
        return selection.Choice(segment, label, selection.WHY[why], match, run, shift, place.key_shift, tuple(found))

    def _cost_rules(self, state: PerformanceState, memory: Memory, navigation: selection.Navigation) -> cost.Rules:
        """What settings, region and requests allow, and what it costs."""
        action, decision = state.config.action, state.config.decision
        (low, high), hop = self.region(state, state.selected_memory), self.hop * FRAME_RATE
        first = min(int(np.ceil(low * hop)), len(memory.places.segment))
        stop = min(max(int((high - 1) * hop), first) + 1, len(memory.places.segment))
        following, may_go_on = navigation.last + 1, navigation.last >= 0 and not state.jump_requested
        return cost.Rules(
            first=first,
            stop=stop,
            may_go_on=may_go_on and low <= following < high and navigation.run < action.max_continuity,
            taboo=action.taboo,
            cut=action.cut_cost * CUT_HOP_S / self.hop,
            fresh=FRESH_COST,
            join=JOIN_COST,
            temperature=decision.temperature,
            top_p=decision.top_p,
        )

    def rules(self, state: PerformanceState) -> SelectionRules:
        """The arguments of the selection that follow from settings and state."""
        action = state.config.action
        return {
            "max_continuity": 1 if state.jump_requested else action.max_continuity,
            "taboo": action.taboo,
            "region": self.region(state, state.selected_memory),
            "neighbours": self[state.selected_memory].neighbours,
        }

    def allowed(self, state: PerformanceState) -> np.ndarray:
        """(vocab,) bool: the labels that the region of the selected memory can sound, and silence where it may rest."""
        number = state.selected_memory
        memory, region = self[number], self.region(state, number)
        semitones = tuple(self.semitones(state, shift) for shift in self._key_shifts(state))
        key = number, region, len(memory), memory.edits, semitones
        if state.mask_cache[:1] != (key,):
            mask, labels = np.zeros(self.silence + 1, bool), np.unique(memory.labels[slice(*region)])
            for moved in semitones:
                mask[self.model.alphabet.transposition(moved)[labels]] = True
            state.mask_cache = key, mask
        mask = state.mask_cache[1].copy()
        rests, heard = state.config.decision.rests, state.newest_heard
        silent = heard is None or heard.label == self.silence
        follows = rests == "follow" and silent and state.config.decision.behaviour == "free"
        mask[self.silence] = rests == "free" or follows or not mask[: self.silence].any()
        return mask

    def region(self, state: PerformanceState, number: int) -> tuple[int, int]:
        """(first, stop) of the segments of a memory that may be played: at least one, unless the memory is empty.

        They are those of the section asked for, where the memory has it, from the segment boundaries nearest to its
        beginning and end, else those of the region.
        """
        low, high = state.config.action.region
        segments = len(self[number])
        section = self[number].section(name) if (name := state.config.action.section) else None
        if section is not None:
            first = min(round(section.begin / self.hop), segments - 1)
            return first, min(max(first + 1, round(section.end / self.hop)), segments)
        first = max(min(int(low * segments), segments - 1), 0)
        return first, min(max(first + 1, round(high * segments)), segments)

    def shares(self, state: PerformanceState, number: int) -> tuple[float, float]:
        """The part of a memory that may be played, from 0 (its start) to 1 (its end)."""
        if not state.config.action.section or self[number].section(state.config.action.section) is None:
            return state.config.action.region
        first, stop = self.region(state, number)
        return first / len(self[number]), stop / len(self[number])

    def ratio(self, state: PerformanceState, number: int, sample: float, hop: int) -> float:
        """Seconds of a memory that are played in a second, in a hop of the answer that begins at a sample of it."""
        action, rate = state.config.action, self.samplerate
        if action.stretch == "off":
            return action.speed
        heard_s, recorded_s = self._sounds_at_s(state, hop), sample / rate
        followed = tempo.ratio(
            tempo.line(grid(state, heard_s)),
            tempo.line(self[number].tatums.at(recorded_s * ONSET_RATE + DELAY_FRAMES)),
            heard_s=heard_s,
            recorded_s=recorded_s,
            hop_s=self.hop,
            follows=state.voice.ratio != action.speed,
        )
        return action.speed if followed is None else followed

    def _speeds(self, state: PerformanceState, memory: Memory) -> np.ndarray:
        """(blocks,) float64: how fast each block of a memory would be played in the musician's tempo; see `ratio`."""
        action = state.config.action
        periods, confidences = memory.tatums.periods()
        if action.stretch == "off" or not len(periods):
            return np.full(max(1, len(periods)), action.speed)
        return tempo.speeds(grid(state, self._sounds_at_s(state, state.hop)), periods, confidences, action.speed)

    def _sounds_at_s(self, state: PerformanceState, hop: int) -> float:
        """When the answer of a hop begins to sound, s since the performance began."""
        return (boundary(hop, self.hop, self.samplerate) + state.output_delay) / self.samplerate

    def semitones(self, state: PerformanceState, key_shift: int) -> int:
        """By which a memory is transposed in a run that is moved by so many to what is heard."""
        action = state.config.action
        moved = action.transpose + (key_shift if action.match_key == "auto" else 0)
        return min(MAX_SEMITONES, max(-MAX_SEMITONES, moved))

    def gain(self, state: PerformanceState, number: int, segment: int) -> float | None:
        """Linear gain of a segment; None: the segment is played unchanged.

        The gain in dB is `action.gain_db`, plus `action.follow_level` times the difference between the level heard and
        that of the segment, limited to `LEVEL_FOLLOW_LIMIT_DB` either way.
        """
        action = state.config.action
        gain_db = action.gain_db
        if action.follow_level and segment >= 0 and state.newest_heard is not None:
            segment_db = 20 * np.log10(self[number].level(segment) + 1e-6)
            difference_db = np.clip(
                state.newest_heard.level_db - segment_db, -LEVEL_FOLLOW_LIMIT_DB, LEVEL_FOLLOW_LIMIT_DB
            )
            gain_db += action.follow_level * float(difference_db)
        return None if gain_db == 0 else float(10 ** (gain_db / 20))
