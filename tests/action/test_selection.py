"""The laws of choosing a segment, against a chooser that tries everything."""

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from action.oracle import FactorOracle, _extend, _read
from action.selection import (
    WHY,
    Choice,
    Navigation,
    _choose,
    _choose_all,
    _commit,
    choose,
    choose_all,
    commit,
    continuation,
    continue_run,
    run_lengths,
    silent_choice,
    warm_up,
)

VOCAB = 4  # three units and silence
SILENCE = VOCAB - 1
labels_of = st.lists(st.integers(0, VOCAB - 1), min_size=1, max_size=40)
plans = st.lists(st.integers(0, VOCAB - 1), min_size=1, max_size=30)
law = settings(max_examples=100)  # the first example compiles


def repeating(n, units, repeat, seed):
    """(n,) int32 labels, each equal to the one before with probability `repeat`."""
    rng = np.random.default_rng(seed)
    fresh, keep = rng.integers(0, units, n), rng.random(n) < repeat
    keep[0] = False
    return fresh[np.maximum.accumulate(np.where(keep, 0, np.arange(n)))].astype(np.int32)


def state(navigation):
    """Everything a navigation remembers, to compare."""
    return navigation.state.tolist(), navigation.history.tolist(), [p for p in navigation.played_at.tolist() if p >= 0]


def agreement(a, b):
    """Length of the common beginning of two lists."""
    return next((m for m, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))


def naive_best(labels, played, plan, free):
    """All equally good segments of `free` for plan[0], and their match."""
    heard = [labels[s] if s >= 0 else SILENCE for s in played]

    def rank(i):
        ago = len(played) - max((t for t, s in enumerate(played) if s == i), default=-(10**9))
        past = agreement(labels[:i][::-1], heard[::-1][:16])
        return agreement(labels[i:], plan), past, ago

    bearing = [i for i in free if labels[i] == plan[0]]
    top = max(map(rank, bearing), default=None)
    return [i for i in bearing if rank(i) == top], top[0] if top else 0


def naive_choice(labels, played, run, plan, max_continuity, taboo, region, neighbours):
    """(segments that may be chosen, why, match, run) by trying everything."""
    last, inside = (played[-1] if played else -1), range(max(region[0], 0), min(region[1], len(labels)))
    going = last >= 0 and last + 1 in inside and run < max_continuity
    if going and labels[last + 1] == plan[0]:
        return [last + 1], "continue", agreement(labels[last + 1 :], plan), run + 1
    barred = set(played[len(played) - min(taboo, len(played)) :]) | ({last + 1} if last >= 0 else set())
    free = [i for i in inside if i not in barred]
    best, match = naive_best(labels, played, plan, free)
    if best:
        return best, "jump", match, 1
    if plan[0] == SILENCE:
        return [-1], "rest", 0, 0
    for near in [] if neighbours is None or not len(inside) else neighbours[plan[0]].tolist():
        if near in (plan[0], SILENCE):
            continue
        if going and labels[last + 1] == near:
            return [last + 1], "nearest", 0, run + 1
        best, _ = naive_best(labels, played, [near, *plan[1:]], free)
        if best:
            return best, "nearest", 0, 1
    return ([last + 1], "carry on", 0, run + 1) if going else ([-1], "fade", 0, 0)


@settings(law, max_examples=300)
@given(labels_of, plans, st.integers(1, 4), st.integers(0, 6), st.data())
def test_choice_equals_trying_everything(labels, plan, max_continuity, taboo, data):
    region = data.draw(st.just((0, len(labels))) | st.tuples(st.integers(-2, 40), st.integers(-2, 45)))
    rows = st.permutations(range(VOCAB))
    neighbours = data.draw(st.none() | st.lists(rows, min_size=VOCAB, max_size=VOCAB).map(np.array))
    oracle, navigation, played = FactorOracle(VOCAB, labels), Navigation(data.draw(st.integers(0, 99))), []
    rules = {"max_continuity": max_continuity, "taboo": taboo, "region": region, "neighbours": neighbours}
    for step in range(len(plan)):
        may, why, match, run = naive_choice(
            labels, played, navigation.run, plan[step:], max_continuity, taboo, region, neighbours
        )
        choice = choose(oracle, navigation, plan[step:], **rules)
        assert choice.segment in may
        assert (choice.why, choice.match, choice.run) == (why, match, run)
        assert choice.label == (labels[choice.segment] if choice.segment >= 0 else SILENCE)
        commit(oracle, navigation, choice)
        played.append(choice.segment)


@law
@given(labels_of, plans, st.integers(0, 2**63))
def test_a_plan_recited_is_chosen_step_by_step_and_the_seed_decides(labels, plan, seed):
    oracle, one, two, three = FactorOracle(VOCAB, labels), Navigation(seed), Navigation(seed), Navigation(seed)
    answer = choose_all(oracle, one, plan, taboo=2)
    for step in range(len(plan)):
        choice = choose(oracle, two, plan[step:], taboo=2)
        assert choice == choose(oracle, two, plan[step:], taboo=2), "choosing records nothing"
        assert choice == Choice(
            *(int(a[step]) for a in answer[:2]), WHY[answer.why[step]], *(a[step] for a in answer[3:])
        )
        commit(oracle, two, choice)
    assert state(one) == state(two)
    assert np.array_equal(answer, choose_all(oracle, three, plan, taboo=2))


def test_another_seed_takes_other_turns():
    oracle, plan = FactorOracle(5, repeating(400, 4, 0.3, 0)), repeating(60, 4, 0.0, 1)
    turns = {tuple(choose_all(oracle, Navigation(seed), plan).segment.tolist()) for seed in range(5)}
    assert len(turns) > 1


@pytest.mark.parametrize("longest", [1, 2, 3, 5, 16])
def test_max_continuity_is_exact(longest):
    labels = repeating(300, 3, 0.5, 4)
    answer = choose_all(FactorOracle(VOCAB, labels), Navigation(), labels[:250], max_continuity=longest)
    lengths = run_lengths(answer.segment)
    assert lengths.max() == longest == answer.run.max()
    assert (answer.label == labels[:250]).all()


@law
@given(labels_of, plans, st.integers(1, 5))
def test_no_run_is_ever_longer_than_max_continuity(labels, plan, longest):
    neighbours = np.array([[0, 1, 2, 3], [1, 0, 2, 3], [2, 1, 0, 3], [3, 0, 1, 2]])
    answer = choose_all(
        FactorOracle(VOCAB, labels), Navigation(), plan, max_continuity=longest, taboo=1, neighbours=neighbours
    )
    assert run_lengths(answer.segment).max(initial=0) <= longest


@law
@given(labels_of, plans, st.integers(0, 10))
def test_taboo_keeps_what_was_just_played_from_being_jumped_to(labels, plan, taboo):
    answer = choose_all(FactorOracle(VOCAB, labels), Navigation(), plan, taboo=taboo)
    for step in np.flatnonzero(answer.why == WHY.index("jump")):
        assert answer.segment[step] not in answer.segment[max(0, step - taboo) : step]


@law
@given(labels_of, plans, st.integers(0, 40), st.integers(0, 40))
def test_nothing_outside_the_region_is_played(labels, plan, first, stop):
    answer = choose_all(FactorOracle(VOCAB, labels), Navigation(), plan, region=(first, stop))
    sounding = answer.segment[answer.segment >= 0]
    assert ((sounding >= first) & (sounding < stop)).all()


def test_a_region_that_moves_away_is_jumped_into():
    oracle, navigation = FactorOracle(VOCAB, [0, 1, 0, 1, 0, 1, 0, 1]), Navigation()
    commit(oracle, navigation, choose(oracle, navigation, [0, 1], region=(0, 2)))
    choice = choose(oracle, navigation, [1], region=(6, 8))
    assert (choice.segment, choice.why) == (7, "jump")


def test_the_longest_match_wins_then_the_longest_past_then_the_longest_unplayed():
    oracle = FactorOracle(5, [0, 1, 2, 0, 1, 3, 2, 1, 3])
    assert choose(oracle, Navigation(), [0, 1, 3]).segment == 3
    navigation = Navigation()
    commit(oracle, navigation, Choice(6, 2, "jump", 1, 1))
    assert choose(oracle, navigation, [1, 3], max_continuity=1, taboo=0).segment == 4, "7 would go on"
    commit(oracle, navigation, Choice(2, 2, "jump", 1, 1))
    assert choose(oracle, navigation, [1, 3], taboo=0).segment == 7, "2 was played last, and 7 comes after a 2"
    turns = [choice.segment for choice in _played(FactorOracle(2, [0, 1, 0, 1, 0]), [0] * 6)]
    assert sorted(turns[:3]) == [0, 2, 4] and turns[3:] == turns[:3]


def _played(oracle, labels, **rules):
    navigation = Navigation()
    for label in labels:
        choice = choose(oracle, navigation, [label], taboo=0, **rules)
        commit(oracle, navigation, choice)
        yield choice


def test_the_fallbacks_are_named():
    neighbours = np.array([[0, 1, 2, 3], [1, 0, 2, 3], [2, 1, 0, 3], [3, 2, 1, 0]])
    oracle, navigation = FactorOracle(VOCAB, [0, 1, 0, 1]), Navigation()
    assert choose(oracle, navigation, [2]) == Choice(-1, SILENCE, "fade", 0, 0)
    assert choose(oracle, navigation, [SILENCE]) == Choice(-1, SILENCE, "rest", 0, 0)
    near = choose(oracle, navigation, [2, 0], neighbours=neighbours)
    assert (near.segment, near.label, near.why) == (1, 1, "nearest"), "the 1 that the plan's 0 comes after"
    commit(oracle, navigation, near)
    assert choose(oracle, navigation, [2]) == Choice(2, 0, "carry on", 0, 2)
    assert choose(oracle, navigation, [2], max_continuity=1).why == "fade"
    assert choose(oracle, navigation, [SILENCE], neighbours=neighbours).why == "rest"
    assert choose(FactorOracle(VOCAB), Navigation(), [0], neighbours=neighbours).why == "fade"


def test_a_late_mind_lets_the_run_go_on_to_the_end_of_the_memory():
    oracle, navigation = FactorOracle(VOCAB, [0, 1, 2]), Navigation()
    assert continue_run(oracle, navigation) == Choice(-1, SILENCE, "late", 0, 0)
    commit(oracle, navigation, choose(oracle, navigation, [1]))
    late = continue_run(oracle, navigation)
    assert late == Choice(2, 2, "late", 0, 2)
    commit(oracle, navigation, late)
    assert continue_run(oracle, navigation).why == "fade"
    assert navigation.run == 2 and navigation.step == 2 and navigation.last == 2


def test_a_memory_may_grow_while_it_is_played():
    oracle, navigation = FactorOracle(VOCAB, [0, 1], capacity=2), Navigation()
    for step in range(50):
        choice = choose(oracle, navigation, [step % 3], taboo=0)
        commit(oracle, navigation, choice)
        assert oracle.append(step % 3) == step + 2
        assert choice.segment < len(oracle) - 1
    assert choice.label == step % 3


def test_following_is_going_on_from_what_was_played():
    oracle, navigation = FactorOracle(VOCAB, [0, 1, 2, 0]), Navigation()
    assert continue_run(oracle, navigation) == continuation(oracle, -1, 0) == Choice(-1, SILENCE, "late", 0, 0)
    for label in (1, 2):
        commit(oracle, navigation, choose(oracle, navigation, [label]))
        assert continue_run(oracle, navigation) == continuation(oracle, navigation.last, navigation.run)
    assert continuation(oracle, 3, 9) == Choice(-1, SILENCE, "fade", 0, 0) and silent_choice(oracle).why == "rest"


def test_what_is_shunned_counts_as_just_played():
    oracle, navigation = FactorOracle(VOCAB, [0, 1] * 20), Navigation()
    commit(oracle, navigation, choose(oracle, navigation, [0]))
    navigation.end_run()
    assert (navigation.last, navigation.run, navigation.step) == (-1, 0, 1)
    navigation.make_taboo(oracle, 20, 15)
    assert {choose(oracle, navigation, [0], taboo=5).segment for _ in range(3)} <= {2, 4, 36, 38}
    navigation.make_taboo(oracle, 0, 8)
    navigation.make_taboo(oracle, 39, 8)
    assert choose(oracle, navigation, [0], taboo=5).why == "fade"
    assert choose(oracle, navigation, [0], taboo=0).why == "jump"


def test_what_was_taken_back_was_never_played():
    oracle, navigation = FactorOracle(VOCAB, [0, 1, 2]), Navigation()
    commit(oracle, navigation, choose(oracle, navigation, [2]))
    oracle.truncate(1)
    navigation.truncate(1)
    oracle.extend([1, 2])
    assert navigation.last == -1 and choose(oracle, navigation, [2]) == Choice(2, 2, "jump", 1, 1)


def test_nothing_compiles_after_the_warm_up():
    warm_up()
    compiled = (_choose, _extend, _commit, _choose_all, _read)
    before = [len(f.signatures) for f in compiled]
    frozen, strided = np.array([0, 1, 0], np.int64), np.zeros((9, 2), np.int32)[:, 0]
    frozen.flags.writeable = False
    for plan in (frozen, frozen.astype(np.int32), strided, [0, 1], (1,)):
        oracle, navigation = FactorOracle(VOCAB, plan), Navigation()
        for neighbours in (None, np.eye(VOCAB, dtype=np.int64), np.zeros((VOCAB, VOCAB), np.int32).T):
            commit(oracle, navigation, choose(oracle, navigation, plan, neighbours=neighbours, region=(np.int32(0), 2)))
            choose_all(oracle, navigation, plan, neighbours=neighbours)
        commit(oracle, navigation, continue_run(oracle, navigation))
        oracle.append(np.int64(1))
        assert oracle.accepts(plan)
    assert before == [len(f.signatures) for f in compiled] == [1] * 5


def test_silence_of_the_memory_is_played_when_asked():
    oracle = FactorOracle(VOCAB, [0, SILENCE, 1])
    assert choose(oracle, Navigation(), [SILENCE]) == Choice(1, SILENCE, "jump", 1, 1)


def test_run_lengths():
    assert run_lengths([3, 4, 5, 1, -1, -1, 0, 1]).tolist() == [3, 1, 2]
    assert run_lengths([]).tolist() == [] and run_lengths([-1]).tolist() == []


@pytest.mark.parametrize(
    "wrong, told",
    [
        (lambda: FactorOracle(0), "vocab = 0"),
        (lambda: FactorOracle(VOCAB, [0, 4]), "label 4: this memory knows 0 to 3"),
        (lambda: FactorOracle(VOCAB, [0.5]), "labels are whole numbers"),
        (lambda: choose(FactorOracle(VOCAB, [0]), Navigation(), [7]), "label 7: this memory knows 0 to 3"),
        (lambda: choose_all(FactorOracle(VOCAB, [0]), Navigation(), [0, -1]), "label -1: this memory knows"),
        (lambda: choose(FactorOracle(VOCAB, [0]), Navigation(), []), "at least one label"),
        (lambda: choose(FactorOracle(VOCAB, [0]), Navigation(), [0], max_continuity=0), "max_continuity = 0"),
        (lambda: choose(FactorOracle(VOCAB, [0]), Navigation(), [0], taboo=-1), "taboo = -1"),
        (
            lambda: choose(FactorOracle(VOCAB, [0]), Navigation(), [0], neighbours=np.eye(3, dtype=int)),
            "neighbours (3, 3)",
        ),
        (lambda: choose_all(FactorOracle(VOCAB, [0]), Navigation(), [0], horizon=0), "horizon = 0"),
    ],
)
def test_errors_name_the_value_and_the_range(wrong, told):
    with pytest.raises(ValueError) as error:
        wrong()
    assert told in str(error.value)


def processor_time(labels, units, plans, **rules):
    """Least processor time of a choice, s: what else the machine does only adds to it."""
    oracle, navigation, least = FactorOracle(units + 1, labels), Navigation(), np.inf
    choose(oracle, navigation, plans[0], **rules)
    for plan in plans:
        begin = time.thread_time()
        choice = choose(oracle, navigation, plan, **rules)
        least = min(least, time.thread_time() - begin)
        commit(oracle, navigation, choice)
    return least


@pytest.mark.parametrize("units, repeat", [(16, 0.9), (16, 0.98), (1, 1.0), (64, 0.0)])
def test_a_long_memory_is_searched_in_no_more_than_its_share(units, repeat):
    """Ten times the memory takes ten times as long at most, of one run. Milliseconds are told by `antiphon bench`."""
    plans = [repeating(30, units, repeat, seed) for seed in range(20)]
    short, long = (processor_time(repeating(n, units, repeat, 5), units, plans) for n in (14_400, 144_000))
    assert long < 30 * short


def test_a_memory_that_alternates_is_no_slower():
    """Every other segment matches the whole plan; no more than MAX_CANDIDATES of them are compared. Of one run."""
    labels = (np.arange(144_000) % 2).astype(np.int32)
    oracle, navigation = FactorOracle(3, labels), Navigation()
    for _ in range(20):
        choice = choose(oracle, navigation, labels[:30], max_continuity=1)
        commit(oracle, navigation, choice)
        assert choice.match == 30 or choice.segment > len(labels) - 30
    short, long = (processor_time(labels[:n], 2, [labels[:30]] * 20, max_continuity=1) for n in (14_400, 144_000))
    assert long < 5 * short, "without MAX_CANDIDATES 10 times as long"


def test_growing_past_many_blocks_equals_building_at_once():
    labels = repeating(5000, 5, 0.6, 1)
    whole, grown = FactorOracle(6, labels), FactorOracle(6, capacity=1)
    for label in labels:
        grown.append(int(label))
    assert np.array_equal(grown.suffix_links, whole.suffix_links)
    same = {"max_continuity": 3, "region": (1030, 4100)}
    first = choose_all(whole, Navigation(3), labels[200:260], **same)
    assert np.array_equal(first, choose_all(grown, Navigation(3), labels[200:260], **same))


def test_a_hundred_thousand_equal_labels():
    oracle = FactorOracle(2, np.zeros(100_000, np.int32))
    assert oracle.suffix_links[-1] == 99_999
    answer = choose_all(oracle, Navigation(), np.zeros(2000, np.int32), max_continuity=4)
    assert (answer.label == 0).all() and run_lengths(answer.segment).max() == 4
    jumps = answer.segment[answer.why == WHY.index("jump")]
    assert jumps.min() < 20_000 and jumps.max() > 80_000, "a sampled drone is sampled over its whole length"
