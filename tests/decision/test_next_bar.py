"""The laws of the next bar: what is not heard yet changes nothing, a song that repeats itself is foretold exactly."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decision.fill import Instruction
from decision.next_bar import OPEN, foretold, metre_of, next_bar, repetition, still_sounding, with_bar

BAR = 16
CHORDS = [(0, 8, 60, 80), (0, 8, 64, 80), (8, 16, 65, 80), (8, 15, 69, 70), (20, 22, 62, 60), (27, 31, 71, 90)]
NOTE = st.tuples(st.integers(0, 95), st.integers(1, 20), st.integers(40, 80), st.integers(1, 127))


def notes(*rows):
    return np.array(rows, int).reshape(-1, 4)


def loop(rows, steps, times):
    return notes(*((b + n * steps, e + n * steps, p, v) for n in range(times) for b, e, p, v in rows))


def as_set(part):
    return {tuple(row) for row in part.tolist()}


@given(heard=st.integers(4 * BAR, 6 * BAR), ahead=st.integers(1, 3 * BAR))
def test_what_repeats_is_foretold_to_the_step(heard, ahead):
    whole = loop(CHORDS, 2 * BAR, 8)
    parts = [("chords", still_sounding(whole, heard))]
    assert repetition(parts, heard, BAR) == 2 * BAR
    (role, told), *_ = foretold(parts, heard, heard + ahead, BAR)
    assert role == "chords" and as_set(told) == as_set(whole[whole[:, 0] < heard + ahead])


def test_parts_repeat_together():
    """A line that is the same in every bar does not hide that the chords need four."""
    line = loop([(0, 4, 40, 80), (4, 8, 40, 80)], BAR, 12)
    chords = loop([(at * BAR, (at + 1) * BAR, pitch, 80) for at, pitch in enumerate((60, 65, 67, 69))], 4 * BAR, 3)
    heard = 11 * BAR
    parts = [("bass", still_sounding(line, heard)), ("pad", still_sounding(chords, heard))]
    assert repetition(parts[:1], heard, BAR) == BAR and repetition(parts, heard, BAR) == 4 * BAR


def test_before_a_bar_nothing_is_foretold():
    part = notes((0, 4, 60, 80), (8, OPEN, 62, 80))
    assert repetition([("melody", part)], BAR - 1, BAR) == 0
    ((_, told),) = foretold([("melody", part)], BAR - 4, 64, BAR)
    assert as_set(told) == {(0, 4, 60, 80), (8, BAR, 62, 80)}
    assert repetition([("melody", notes())], 64, BAR) == 0 and foretold([], 64, 80, BAR) == []


@given(st.lists(NOTE, max_size=12), st.integers(1, 96), st.integers(0, 64))
def test_the_past_stays_and_nothing_is_open(rows, heard, ahead):
    part = notes(*((b, b + n, p, v) for b, n, p, v in rows))
    ((_, told),) = foretold([("riff", still_sounding(part, heard))], heard, heard + ahead, BAR)
    assert (told[:, 1] > told[:, 0]).all() and (told[:, 0] < heard + ahead).all()
    ended = part[(part[:, 0] < heard) & (part[:, 1] <= heard)]
    assert as_set(ended) <= as_set(told)


@settings(max_examples=8)
@given(st.integers(0, 3), st.lists(NOTE, min_size=1, max_size=6))
def test_what_comes_later_changes_no_bar(busy_fill, seed, later):
    heard = 5 * BAR - 4
    past = loop(CHORDS, 2 * BAR, 3)
    future = notes(*((heard + b, heard + b + n, p, v) for b, n, p, v in later))
    bars = [
        next_bar(busy_fill, [("chords", still_sounding(song, heard))], notes(), Instruction("bass"),
                 heard=heard, begin=5 * BAR, beats=4, seed=seed)
        for song in (past, np.concatenate([past[past[:, 0] < heard], future]))
    ]  # fmt: skip
    assert as_set(bars[0]) == as_set(bars[1]) and len(bars[0])


@pytest.mark.parametrize("beats", [3, 4, 5, 8])
@pytest.mark.parametrize("role", ["bass", "drums", "chords"])
def test_a_part_of_bars_lies_in_its_bars_and_holds_over_a_bar_line_once(busy_fill, role, beats):
    bar, own = 4 * beats, notes()
    song = loop([(0, bar // 2, 60, 80), (0, bar, 67, 80)], bar, 8)
    for begin in range(bar, 6 * bar, bar):
        heard = begin - 4
        written = next_bar(
            busy_fill, [("chords", still_sounding(song, heard))], own, Instruction(role), heard=heard, begin=begin,
            beats=beats,
        )  # fmt: skip
        assert (written[:, 1] <= begin + bar).all() and (written[:, 1] > written[:, 0]).all()
        held = written[written[:, 0] < begin]
        known = {(b, p) for b, e, p, _ in own.tolist() if e == begin}
        assert {(b, p) for b, _, p, _ in held.tolist()} <= known
        before = len(own)
        own = with_bar(own, written, begin)
        assert len(own) == before + len(written) - len(held)
    assert len(own)


def test_the_metre_counts_sixteenths():
    assert metre_of(17, 4)[[0, 1, 4, 15, 16]].tolist() == [[0, 0, 4], [3, 0, 4], [0, 1, 4], [9, 3, 4], [0, 0, 4]]
