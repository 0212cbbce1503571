"""The choice by cost against trying every path, and what no weight may overrule."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from action.cost import FORBIDDEN, FRESH_STEPS, REACH_COST, Rhythm, Rules, _values, choose
from action.search import NEVER, Played

law = settings(deadline=None, max_examples=60)
HOP = 2  # places
FRAMES = st.integers(3, 9)
SEEDS = st.integers(0, 2**32 - 1)


def rules(frames, **values):
    """Limits that forbid nothing, but for what is given."""
    free = {"first": 0, "stop": frames, "may_go_on": True, "taboo": 0, "cut": 0.3, "fresh": 0.0, "top_p": 0.0}
    return Rules(**(free | values))


def played(segments, step=100, seed=0, at=None):
    """A past in which segments were played at the steps `at`, {segment: step}."""
    when = np.full(segments, NEVER, np.int64)
    for segment, then in (at or {}).items():
        when[segment] = then
    return Played(np.array([-1, 0, step, seed], np.int64), np.zeros(16, np.int32), when)


def path_value(path, target, limits):
    """The value of a path of places, cut wherever it does not go on."""
    total, weight = 0.0, 1.0
    for hop, place in enumerate(path):
        total += weight * float(target[hop, place])
        weight *= limits.discount
        if hop + 1 < len(path) and path[hop + 1] != place + HOP:
            total -= weight * limits.cut
    return total


def drawn(seed, horizon, frames):
    """Random targets, and places of which some are silent."""
    rng = np.random.default_rng(seed)
    silent = rng.random(frames) < 0.25
    silent[rng.integers(frames)] = False
    return rng.normal(size=(horizon, frames)).astype(np.float32), silent


@law
@given(SEEDS, st.integers(1, 4), FRAMES, st.floats(0, 2))
def test_the_value_of_a_place_is_that_of_the_best_of_all_paths(seed, horizon, frames, cut):
    """No path may be cut to silence; one that goes on may cross it."""
    target, silent = drawn(seed, horizon, frames)
    limits = rules(frames, cut=cut)
    found = _values(target, silent, HOP, 0, frames, cut, limits.discount)
    for place in range(frames):
        paths = (
            path for path in itertools.product(range(frames), repeat=horizon)
            if path[0] == place
            and all(not silent[after] or after == before + HOP for before, after in itertools.pairwise(path))
        )  # fmt: skip
        assert found[place] == pytest.approx(max(path_value(path, target, limits) for path in paths), abs=1e-5)


@law
@given(SEEDS, st.integers(1, 3), FRAMES, st.integers(-1, 8), st.floats(0, 1))
def test_without_temperature_the_best_place_is_played(seed, horizon, frames, on, cut):
    """The best of going on and of all cuts, where each place is a segment of its own."""
    target, silent = drawn(seed, horizon, frames)
    on, limits, now = min(on, frames - 1), rules(frames, cut=cut), np.zeros(frames, np.float32)
    found = choose(target, now, silent, np.arange(frames, dtype=np.int32), HOP, on, played(frames), limits)
    value = _values(target, silent, HOP, 0, frames, cut, limits.discount)
    worth = {p: value[p] - cut for p in range(frames) if not silent[p] and p != on}
    if on >= 0:
        worth[on] = value[on]
    if not worth:
        assert found == []
        return
    assert found[0].value == pytest.approx(max(worth.values()))
    assert found[0].goes_on == (found[0].frame == on)
    for place in found:
        terms = place.target + place.now + place.ahead - place.cut - place.fresh
        assert place.value == pytest.approx(terms, abs=1e-5), "the terms add up to the value"


@law
@given(SEEDS, st.integers(4, 60), st.integers(0, 3), st.integers(0, 40), st.integers(1, 30))
def test_what_is_forbidden_is_never_played(seed, frames, taboo, low, wide):
    """Outside the region, on silence, within the taboo, or where a cut would only go on."""
    target, silent = drawn(seed, 2, frames)
    segment_of = (np.arange(frames) // 2).astype(np.int32)
    first = min(low, frames - 1)
    limits = rules(frames, first=first, stop=min(first + wide, frames), taboo=taboo, may_go_on=False, top_p=1.0)
    rng = np.random.default_rng(seed)
    past = played(frames, seed=seed, at={int(s): 100 - int(rng.integers(1, 6)) for s in segment_of[::3]})
    on = int(rng.integers(-1, frames))
    for place in choose(target, np.zeros(frames, np.float32), silent, segment_of, HOP, on, past, limits):
        assert first <= place.frame < limits.stop
        assert not silent[place.frame]
        assert 100 - past.played_at[segment_of[place.frame]] > taboo
        assert not place.goes_on
        assert on < 0 or segment_of[place.frame] != segment_of[on]


def test_a_segment_is_fresh_again_after_a_while():
    frames, target = 4, np.array([[0.5, 0.5, 0.0, 0.0]], np.float32)
    heard = [np.zeros(frames, np.float32), np.zeros(frames, bool), np.arange(frames, dtype=np.int32), HOP, -1]
    now, silent, segment_of, hop, on = heard
    limits = rules(frames, fresh=1.0, cut=0.0)
    just = choose(target, now, silent, segment_of, hop, on, played(frames, at={0: 99}), limits)
    assert just[0].frame == 1
    assert just[0].value == pytest.approx(0.5)
    long_ago = 100 - round(10 * FRESH_STEPS)
    again = choose(target, now, silent, segment_of, hop, on, played(frames, at={0: long_ago, 1: 99}), limits)
    assert again[0].frame == 0
    assert again[0].fresh == pytest.approx(np.exp(-10), abs=1e-4)


@law
@given(SEEDS, st.floats(0, 1))
def test_a_draw_follows_from_seed_and_step_alone(seed, top_p):
    target, silent = drawn(seed, 3, 40)
    args = target, np.zeros(40, np.float32), silent, np.arange(40, dtype=np.int32), HOP, -1
    limits = rules(40, top_p=top_p, temperature=2.0)
    assert choose(*args, played(40, seed=seed), limits) == choose(*args, played(40, seed=seed), limits)


def test_temperature_and_nucleus_open_the_choice():
    """With top_p 0 always the best; else each of several as often as its value says."""
    frames, target = 8, np.array([[0.0, 0.01, 0.02, 0.03, 0.04, 0.05, 0.06, 0.07]], np.float32)
    now, silent, segment_of = np.zeros(8, np.float32), np.zeros(8, bool), np.arange(8, dtype=np.int32)

    def places(**values):
        limits = rules(frames, cut=0.0, **values)
        return [
            choose(target, now, silent, segment_of, HOP, -1, played(8, step=step), limits)[0].frame
            for step in range(400)
        ]

    assert set(places(top_p=0.0)) == {7}
    narrow, wide = places(top_p=1.0, temperature=0.5), places(top_p=1.0, temperature=4.0)
    assert len(set(narrow)) > 1
    assert np.std(wide) > np.std(narrow)
    assert narrow.count(7) > narrow.count(6) > narrow.count(4)


def test_nothing_may_be_played():
    silent = np.ones(5, bool)
    nothing = choose(
        np.zeros((2, 5), np.float32), np.zeros(5, np.float32), silent, np.arange(5, dtype=np.int32), HOP, -1,
        played(5), rules(5),
    )  # fmt: skip
    assert nothing == []
    assert FORBIDDEN < -1e5


@law
@given(SEEDS, st.integers(-20, 20))
def test_a_cut_is_moved_to_where_its_onsets_are_those_expected(seed, late):
    """The onsets of the memory, heard `late` frames later, are found there."""
    envelope = np.random.default_rng(seed).random(600).astype(np.float32) ** 4
    place, per_place, delay = 40, 6.25, 8
    at = round(place * per_place) + delay + late
    target, limits = np.zeros((1, 80), np.float32), rules(80, cut=0.0)
    target[0, place] = 1.0
    args = target, np.zeros(80, np.float32), np.zeros(80, bool), np.arange(80, dtype=np.int32), HOP, -1, played(80)
    found = choose(*args, limits, Rhythm(envelope[at : at + 200].copy(), envelope, per_place, delay, 25, 0.1))[0]
    assert (found.frame, found.shift) == (place, late)
    assert found.rhythm == pytest.approx(0.1 * (1 - REACH_COST * abs(late) / 25), abs=1e-5)
    assert choose(*args, limits)[0].shift == 0


def test_what_goes_on_is_not_moved():
    envelope, target = np.random.default_rng(3).random(600).astype(np.float32), np.zeros((1, 80), np.float32)
    rhythm = Rhythm(envelope[100:200].copy(), envelope, 6.25, 8, 25, 0.1)
    found = choose(
        target, np.zeros(80, np.float32), np.zeros(80, bool), np.arange(80, dtype=np.int32), HOP, 15, played(80),
        rules(80, cut=9.0), rhythm,
    )[0]  # fmt: skip
    assert found.goes_on
    assert found.shift == 0
