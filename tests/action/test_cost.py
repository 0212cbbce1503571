"""The choice by cost against trying every path, and what no weight may overrule."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from action import cost
from action.cost import FORBIDDEN, FRESH_STEPS, REACH_COST, Places, Query, Rhythm, Rules, boundaries, choose
from action.search import NEVER, Played

law = settings(max_examples=60)
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


def asked(target, silent=None, segment=None, sound=None):
    """A query and places whose targets are these, (horizon, frames); each place is a segment if `segment` is None."""
    horizon, frames = target.shape
    silent = np.zeros(frames, np.float32) if silent is None else silent.astype(np.float32)
    segment = np.arange(frames, dtype=np.int32) if segment is None else segment
    sound = np.zeros((frames, 1), np.float32) if sound is None else sound
    places = Places(np.ascontiguousarray(target.T), np.full(frames, -2, np.int32), silent, segment, sound)
    return Query(np.eye(horizon, dtype=np.float32), np.full(horizon, -1, np.int32), 0.0, 0.0), places


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
    query, places = asked(target, silent)
    found, ahead = cost._values(query, places, HOP, limits)
    for place in range(frames):
        paths = (
            path for path in itertools.product(range(frames), repeat=horizon)
            if path[0] == place
            and all(not silent[after] or after == before + HOP for before, after in itertools.pairwise(path))
        )  # fmt: skip
        assert found[0, place] == pytest.approx(max(path_value(path, target, limits) for path in paths), abs=1e-5)
        alone = cost._target(query, places, 0, place) + cost._ahead(query, places, ahead, 0, place)
        assert found[0, place] == pytest.approx(alone, abs=1e-5), "one place alone has the value that it has among all"


@law
@given(SEEDS, st.integers(1, 3), FRAMES, st.integers(-1, 8), st.floats(0, 1))
def test_without_temperature_the_best_place_is_played(seed, horizon, frames, on, cut):
    """The best of going on and of all cuts, where each place is a segment of its own."""
    target, silent = drawn(seed, horizon, frames)
    on, limits = min(on, frames - 1), rules(frames, cut=cut)
    query, places = asked(target, silent)
    found = choose(query, places, HOP, on, played(frames), limits)
    value = cost._values(query, places, HOP, limits)[0][0]
    worth = {p: value[p] - cut for p in range(frames) if not silent[p] and p != on}
    if on >= 0:
        worth[on] = value[on]
    if not worth:
        assert found == []
        return
    assert found[0].value == pytest.approx(max(worth.values()), abs=1e-5)
    assert found[0].goes_on == (found[0].frame == on)
    for place in found:
        terms = place.target + place.ahead - place.cut - place.fresh - place.join
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
    for place in choose(*asked(target, silent, segment_of), HOP, on, past, limits):
        assert first <= place.frame < limits.stop
        assert not silent[place.frame]
        assert 100 - past.played_at[segment_of[place.frame]] > taboo
        assert not place.goes_on
        assert on < 0 or segment_of[place.frame] != segment_of[on]


def test_a_segment_is_fresh_again_after_a_while():
    frames, target = 4, np.array([[0.5, 0.5, 0.0, 0.0]], np.float32)
    limits = rules(frames, fresh=1.0, cut=0.0)
    just = choose(*asked(target), HOP, -1, played(frames, at={0: 99}), limits)
    assert just[0].frame == 1
    assert just[0].value == pytest.approx(0.5)
    long_ago = 100 - round(10 * FRESH_STEPS)
    again = choose(*asked(target), HOP, -1, played(frames, at={0: long_ago, 1: 99}), limits)
    assert again[0].frame == 0
    assert again[0].fresh == pytest.approx(np.exp(-10), abs=1e-4)


@law
@given(SEEDS, st.floats(0, 1))
def test_a_draw_follows_from_seed_and_step_alone(seed, top_p):
    target, silent = drawn(seed, 3, 40)
    args = *asked(target, silent), HOP, -1
    limits = rules(40, top_p=top_p, temperature=2.0)
    assert choose(*args, played(40, seed=seed), limits) == choose(*args, played(40, seed=seed), limits)


def test_temperature_and_nucleus_open_the_choice():
    """With top_p 0 always the best; else each of several as often as its value says."""
    frames, target = 8, np.array([[0.0, 0.01, 0.02, 0.03, 0.04, 0.05, 0.06, 0.07]], np.float32)

    def places(**values):
        limits = rules(frames, cut=0.0, **values)
        return [choose(*asked(target), HOP, -1, played(8, step=step), limits)[0].frame for step in range(400)]

    assert set(places(top_p=0.0)) == {7}
    narrow, wide = places(top_p=1.0, temperature=0.5), places(top_p=1.0, temperature=4.0)
    assert len(set(narrow)) > 1
    assert np.std(wide) > np.std(narrow)
    assert narrow.count(7) > narrow.count(6) > narrow.count(4)


def test_nothing_may_be_played():
    silent = np.ones(5, bool)
    nothing = choose(*asked(np.zeros((2, 5), np.float32), silent), HOP, -1, played(5), rules(5))
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
    args = *asked(target), HOP, -1, played(80)
    found = choose(*args, limits, Rhythm(envelope[at : at + 200].copy(), envelope, per_place, delay, 25, 0.1))[0]
    assert (found.frame, found.shift) == (place, late)
    assert found.rhythm == pytest.approx(0.1 * (1 - REACH_COST * abs(late) / 25), abs=1e-5)
    assert choose(*args, limits)[0].shift == 0


def test_what_goes_on_is_not_moved():
    envelope, target = np.random.default_rng(3).random(600).astype(np.float32), np.zeros((1, 80), np.float32)
    rhythm = Rhythm(envelope[100:200].copy(), envelope, 6.25, 8, 25, 0.1)
    found = choose(*asked(target), HOP, 15, played(80), rules(80, cut=9.0), rhythm)[0]
    assert found.goes_on
    assert found.shift == 0


def memory_of(seed, frames, hop, horizon=4, dim=12):
    """A query, and places whose keys change slowly, as those of music do, in segments of `hop` places."""
    rng = np.random.default_rng(seed)
    steps = rng.normal(size=(frames // hop + 2, dim))
    keys = np.repeat(steps, hop, axis=0)[:frames]
    keys = sum(np.roll(keys, shift, axis=0) for shift in range(hop)).astype(np.float32)
    keys /= np.linalg.norm(keys, axis=1, keepdims=True)
    segment = np.minimum(np.arange(frames) / hop + 0.5, frames // hop - 1).astype(np.int32)
    label, silent = rng.integers(0, 9, frames // hop)[segment].astype(np.int32), rng.random(frames // hop) < 0.05
    wanted = rng.normal(size=(horizon, dim)).astype(np.float32)
    wanted /= np.linalg.norm(wanted, axis=1, keepdims=True)
    query = Query(wanted, rng.integers(0, 9, horizon).astype(np.int32), 0.1, 1.0)
    sound = rng.random((frames, dim)).astype(np.float32)
    return query, Places(keys, label, silent[segment].astype(np.float32), segment, sound)


@pytest.fixture(scope="module")
def every_memory_is_long():
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(cost, "EXACT_PLACES", 0)
        yield


@settings(max_examples=20)
@given(SEEDS, st.floats(0, 1.5), st.integers(-1, 4000), st.booleans())
def test_a_long_memory_is_searched_by_its_boundaries_first(every_memory_is_long, seed, cut, on, region):
    """What is found so is hardly worse than the best of all places, and obeys the same rules."""
    frames, hop = 4096, 8
    query, places = memory_of(seed, frames, hop)
    limits = rules(frames, cut=cut, taboo=3, fresh=0.3, first=1000 * region, stop=frames - 700 * region)
    past = played(frames // hop, at={segment: 90 + segment % 10 for segment in range(0, frames // hop, 7)})
    exact = choose(query, places, hop, on, past, limits)
    coarse = choose(query, places, hop, on, past, limits, None, boundaries(places, hop))
    assert coarse[0].value <= exact[0].value + 1e-5
    _, ahead = cost._values(query, places, hop, limits)
    same = cost._with_terms(np.array([coarse[0].frame]), query, places, ahead, on, past, limits)[0]
    assert same.value >= exact[0].value - 0.15  # of 300 such memories: the best in 97 %, 0.09 below it at worst
    for place in coarse:
        assert limits.first <= place.frame < limits.stop
        assert place.goes_on or 100 - past.played_at[places.segment[place.frame]] > 3
        assert place.goes_on or not places.silent[place.frame]


def test_a_cut_joins_what_sounds_alike():
    """Of two places that fit alike the one whose past sounds like what sounds now, level and all."""
    sound = np.ones((40, 3), np.float32)
    sound[19] = [1, 0, 0]  # before place 20
    sound[29], sound[33] = [1, 0, 0], [0.1, 0, 0]
    target = np.zeros((1, 40), np.float32)
    target[0, [30, 34]] = 1.0
    found = choose(*asked(target, sound=sound), HOP, 20, played(40), rules(40, cut=0.2, join=0.5))
    assert [place.frame for place in found] == [30, 34]
    assert found[0].join == pytest.approx(0.0)
    assert found[1].join == pytest.approx(0.5 * 0.9 / 1.1)
    assert all(place.join == 0 for place in choose(*asked(target, sound=sound), HOP, -1, played(40), rules(40)))


def transposed_to(query, semitones, shift_cost=0.0):
    """The query for a memory that is moved by so many semitones."""
    keys = np.ascontiguousarray(np.roll(query.keys, -semitones, axis=1))
    return query._replace(keys=keys, key_shift=semitones, shift_cost=shift_cost * abs(semitones))


def test_a_place_in_another_key_is_moved_to_the_one_wanted():
    """A memory whose chords are all two semitones too high is played two lower, where that costs less than it gains."""
    query, places = memory_of(7, 256, 8)
    query = query._replace(keys=np.ascontiguousarray(np.roll(places.keys[[40, 48]], -2, axis=1)), label_weight=0.0)
    for shift_cost, moved in ((0.1, -2), (1.0, 0)):
        others = [transposed_to(query, shift, shift_cost) for shift in (-2, -1, 1, 2)]
        found = choose(query, places, 8, -1, played(32), rules(256), None, boundaries(places, 8), others)
        assert found[0].key_shift == moved and found[0].shift_cost == abs(moved) * shift_cost
        assert moved == 0 or found[0].frame == 40


@law
@given(SEEDS, st.integers(-1, 500), st.integers(-2, 2), st.floats(0, 0.3))
def test_more_transpositions_never_fit_worse(seed, on, now, shift_cost):
    """The terms add up, what goes on keeps its transposition, and nothing forbidden is played."""
    query, places = memory_of(seed, 512, 8)
    limits, coarse = rules(512, taboo=3, fresh=0.3, join=0.6, first=64, stop=480), boundaries(places, 8)
    past = played(64, at={segment: 90 + segment % 10 for segment in range(0, 64, 7)})
    queries = {shift: transposed_to(query, shift, shift_cost) for shift in range(-2, 3)}
    here = queries.pop(now)
    alone = choose(here, places, 8, on, past, limits, None, coarse)
    found = choose(here, places, 8, on, past, limits, None, coarse, list(queries.values()))
    assert found[0].value >= alone[0].value - 1e-6
    assert found == choose(here, places, 8, on, past, limits, None, coarse, list(queries.values()))
    for place in found:
        terms = place.target + place.ahead - place.cut - place.fresh - place.join - place.shift_cost
        assert place.value == pytest.approx(terms, abs=1e-5)
        assert place.key_shift == now or not place.goes_on
        assert limits.first <= place.frame < limits.stop
        assert place.goes_on or not places.silent[place.frame]
        assert place.goes_on or 100 - past.played_at[places.segment[place.frame]] > 3


def test_of_a_long_memory_every_part_has_its_turn(monkeypatch):
    """In other transpositions a part is searched in a step; the chord wanted is found when its part is searched."""
    monkeypatch.setattr(cost, "TRANSPOSED_SEGMENTS", 10)
    query, places = memory_of(3, 400, 8)
    query = query._replace(keys=np.ascontiguousarray(np.roll(places.keys[[200]], 1, axis=1)), label_weight=0.0)
    other, found = transposed_to(query, 1), []
    for step in range(100, 105):
        best = choose(query, places, 8, -1, played(50, step), rules(400), None, boundaries(places, 8), [other])[0]
        found.append(best.frame == 200 and best.key_shift == 1)
    assert found == [False, False, True, False, False], "segment 25 is in the third of five parts"


def test_a_cut_to_another_transposition_joins_what_then_sounds_alike():
    sound = np.zeros((64, 12), np.float32)
    sound[7, 4] = sound[31, 2] = 1.0  # before place 8, and before place 32, two semitones lower
    rng = np.random.default_rng(0)
    keys = rng.normal(size=(64, 12)).astype(np.float32)
    places = Places(keys, np.zeros(64, np.int32), np.zeros(64, np.float32), np.arange(64, dtype=np.int32) // 8, sound)
    query = Query(np.roll(keys[[32]], 2, axis=1), np.full(1, -1, np.int32), 0.0, 0.0)
    others = [transposed_to(query, shift) for shift in (2,)]
    found = choose(query, places, 8, 8, played(8), rules(64, join=0.5), None, boundaries(places, 8), others)
    assert (found[0].frame, found[0].key_shift, found[0].join) == (32, 2, pytest.approx(0.0))


@settings(max_examples=20)
@given(SEEDS, st.integers(0, 3900), st.integers(0, 7))
def test_what_goes_on_is_valued_alike_whichever_part_is_searched(every_memory_is_long, seed, on, step):
    query, places = memory_of(seed, 4096, 8)
    limits, past = rules(4096, cut=10.0), played(512, step=step)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(cost, "SEGMENTS", 100)
        parts = choose(query, places, 8, on, past, limits, None, boundaries(places, 8))
    whole = choose(query, places, 8, on, past, limits, None, boundaries(places, 8))
    assert (parts[0].frame, parts[0].goes_on) == (whole[0].frame, True)
    last = on + 8 * (len(query.keys) - 1)
    if last < 4096:
        assert parts[0].value == pytest.approx(whole[0].value, abs=1e-5)


# --- what places are worth


@law
@given(SEEDS, st.integers(1, 4), FRAMES, st.floats(0, 2))
def test_what_a_place_is_worth_counts_as_if_it_were_in_every_target(seed, horizon, frames, cut):
    """On all places and at boundaries alone, and in the terms of those found."""
    target, silent = drawn(seed, horizon, frames)
    worth = np.random.default_rng([seed, 1]).normal(size=frames).astype(np.float32)
    limits = rules(frames, cut=cut)
    query, places = asked(target, silent)
    same, whole = asked(target + worth, silent)
    for one, other in ((places._replace(worth=worth), whole), (boundaries(places._replace(worth=worth), HOP).places,
                                                              boundaries(whole, HOP).places)):  # fmt: skip
        few = rules(len(one.segment), cut=cut)
        values, expected = cost._values(query, one, HOP, few), cost._values(same, other, HOP, few)
        assert np.allclose(values[0], expected[0], atol=1e-4)
        assert np.allclose(values[1].after_cut, expected[1].after_cut, atol=1e-4)
    found = choose(query, places._replace(worth=worth), HOP, -1, played(frames), limits)
    for place in found:
        assert place.worth == worth[place.frame]
        assert place.target == pytest.approx(target[0, place.frame] + worth[place.frame], abs=1e-4)


def test_worth_nothing_changes_nothing():
    target, silent = drawn(3, 4, 9)
    query, places = asked(target, silent)
    zeros = places._replace(worth=np.zeros(9, np.float32))
    assert choose(query, places, HOP, -1, played(9), rules(9)) == choose(query, zeros, HOP, -1, played(9), rules(9))


def test_in_a_long_memory_what_is_worth_most_is_found():
    """Of places that are alike, in more than are valued one by one, those worth more are played."""
    frames = 1 << 16
    target, segment = np.zeros((3, frames), np.float32), np.arange(frames, dtype=np.int32) // HOP
    query, places = asked(target, segment=segment)
    worth = np.zeros(frames, np.float32)
    worth[1000:1100] = 0.5
    weighed = places._replace(worth=worth)
    found = choose(query, weighed, HOP, -1, played(frames // HOP, step=0), rules(frames), None,
                   boundaries(weighed, HOP))  # fmt: skip
    assert 999 <= found[0].frame < 1100
