"""The memories of a session, and the segments and labels that settings and state allow at a given moment.

`number` counts the memories from 0.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypedDict

import numpy as np

from action import concat, selection
from agent.performance.memories import CAPACITY_S, GROWING, GrowingMemory, Memory, MemorySnapshot, TakeListeners
from agent.performance.model_folder import Model
from agent.performance.state import PerformanceState
from agent.settings.config import Config
from corpora.corpus import Corpus, check
from corpora.search import nearest_labels
from perception.stream import boundary

LEVEL_FOLLOW_LIMIT_DB = 12.0  # by which level following may raise or lower a segment


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
        self._memories.append(Memory(name, corpus, self.silence + 1, self._concatenator(audio), neighbours))
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
        plan = tuple(self.model.alphabet.transposition(-self.semitones(state))[list(plan)].tolist())
        return selection.choose(oracle, navigation, np.array(plan, np.int32), **self.rules(state))

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
        """(vocab,) bool: the labels in the region of the selected memory, and silence where a rest is allowed."""
        number = state.selected_memory
        memory, region = self[number], self.region(state, number)
        semitones = self.semitones(state)
        key = number, region, len(memory), memory.edits, semitones
        if state.mask_cache[:1] != (key,):
            mask = np.zeros(self.silence + 1, bool)
            mask[self.model.alphabet.transposition(semitones)[memory.labels[slice(*region)]]] = True
            state.mask_cache = key, mask
        mask = state.mask_cache[1].copy()
        rests, heard = state.config.decision.rests, state.newest_heard
        silent = heard is None or heard.label == self.silence
        mask[self.silence] = rests == "free" or (rests == "follow" and silent) or not mask[: self.silence].any()
        return mask

    def region(self, state: PerformanceState, number: int) -> tuple[int, int]:
        """(first, stop) of the segments of a memory that may be played: at least one, unless the memory is empty."""
        low, high = state.config.action.region
        segments = len(self[number])
        first = max(min(int(low * segments), segments - 1), 0)
        return first, min(max(first + 1, round(high * segments)), segments)

    def ratio(self, state: PerformanceState) -> float:
        """Seconds of the memory that are played in a second."""
        return state.config.action.speed

    def semitones(self, state: PerformanceState) -> int:
        """By which the memory is transposed."""
        return state.config.action.transpose

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
