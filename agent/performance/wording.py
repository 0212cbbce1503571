"""What was said (`action.say`): how well each place of a memory fits the words, as a term of its value.

The windows of a memory are placed among the words when it is added, since that takes a second for half an hour of it;
the words when they are said. After that nothing is computed: the places of the memory carry the term with them.
"""

from __future__ import annotations

import numpy as np

from action.cost import Boundaries, Places, boundaries
from agent.performance import adding
from agent.performance.memories import Memory
from agent.performance.model import Model
from agent.performance.state import PerformanceState
from corpora.corpus import Corpus
from perception.chroma import FRAME_RATE
from perception.words import STEP_S, WINDOW_STEPS, Words, WordsError, rows_of

CONTRAST = 0.3  # difference of cosine between the worst and the best window of a memory that earns the full weight


def windows_of(words: Words, corpus: Corpus, onsets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The windows of a corpus: their middles (n,), s, and where they are among the words, (n, size) float32.

    onsets: (frames,), of its audio.
    """
    level_db = 20 * np.log10(corpus.rms.astype(np.float64) + 1e-6)
    rows = rows_of(corpus.features, level_db, onsets, corpus.hop)
    begins, placed = words.windows(rows)
    return (begins + WINDOW_STEPS / 2) * STEP_S, placed


def read(model: Model, text: str) -> tuple[list[int], str]:
    """Numbers of the words of a text, and a sentence about those that are not known; WordsError if it says nothing."""
    if model.words is None:
        raise WordsError(model.no_words)
    return model.words.read(text)


def places(state: PerformanceState, model: Model, memory: Memory) -> tuple[Places, Boundaries | None]:
    """The places of a memory and its boundaries, with what they are worth by what was said and what is to be added."""
    action, plain = state.config.action, memory.places
    says = bool(action.say and action.words) and memory.windows is not None
    adds = bool(action.add and action.obey) and memory.traits is not None
    if not (says or adds) or not len(plain.segment):
        return plain, memory.boundaries
    key = memory.name, action.say, action.words, action.add, action.obey
    if state.said[:1] != (key,):
        worth = np.zeros(len(plain.segment))
        if says:
            worth += action.words * _fits(model, memory, action.say, len(worth))
        if adds:
            worth += adding.worth(action, memory)
        weighed = plain._replace(worth=worth.astype(np.float32))
        state.said = key, weighed, boundaries(weighed, memory.sound.hop * FRAME_RATE)
    return state.said[1], state.said[2]


def _fits(model: Model, memory: Memory, text: str, count: int) -> np.ndarray:
    """(count,) how well the music about each place fits a text, from 0 where it fits least to 1 at most."""
    assert memory.windows is not None
    try:
        numbers, _ = read(model, text)
    except WordsError:  # of a preset or a liked moment of another model
        return np.zeros(count)
    assert model.words is not None
    middles, placed = memory.windows
    cosines = placed @ model.words.place(numbers)
    fits = (cosines - cosines.min()) / max(float(np.ptp(cosines)), CONTRAST)
    return np.interp(np.arange(count) / FRAME_RATE, middles, fits)
