"""A memory is transposed towards what is heard, if that is near; what fits about as well changes nothing."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.performance.key import LEAST_HOPS, MARGIN, REACH, KeyState, follow

law = settings(deadline=None, max_examples=40)


def chords(seed, count=20):
    """(count, 12) keys of chords, of mean 0 and length 1."""
    rows = np.random.default_rng(seed).normal(size=(count, 12))
    rows -= rows.mean(axis=1, keepdims=True)
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def heard(memory, hops, shift=0):
    """The state after so many hops of the memory's own chords, transposed."""
    state, many = KeyState(), np.repeat(memory, 20, axis=0)
    for hop in range(hops):
        follow(state, 0, np.roll(memory[hop % len(memory)], shift), many)
    return state


@law
@given(st.integers(0, 999), st.integers(-REACH, REACH))
def test_the_transposition_of_the_same_chords_is_found(seed, shift):
    assert heard(chords(seed), 40, shift).semitones == shift


@law
@given(st.integers(0, 999), st.integers(0, LEAST_HOPS - 1))
def test_until_enough_was_heard_nothing_changes(seed, hops):
    assert heard(chords(seed), hops, 2).semitones == 0


def test_silence_says_nothing():
    state, memory = KeyState(), chords(1)
    for _ in range(100):
        follow(state, 0, np.zeros(12, np.float32), memory)
        follow(state, 0, memory[0], memory[:0])
    assert (state.hops, state.semitones) == (0, 0)


def test_another_memory_begins_anew():
    state, memory = heard(chords(2), 40, 2), chords(3)
    assert state.semitones == 2
    follow(state, 1, memory[0], memory)
    assert (state.memory, state.hops, state.semitones) == (1, 1, 0)


def test_what_hardly_fits_better_changes_nothing():
    """A memory with chords of two keys, which fit about alike, stays in the one that it is in."""
    memory = chords(4)
    both = np.concatenate([np.repeat(memory, 20, axis=0), np.repeat(np.roll(memory, 1, axis=1), 20, axis=0)])
    state = KeyState()
    for hop in range(200):
        follow(state, 0, memory[hop % len(memory)], both)
        assert state.semitones == 0
    assert state.agreement[REACH] == pytest.approx(1.0, abs=MARGIN)
