"""One performance: repeatable by its seed, true to its memory, and as long as what it answers."""

import json
from collections import deque
from dataclasses import replace

import numpy as np
import pytest
import soundfile as sf
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from action.selection import WHY
from agent.performance import loading
from agent.performance.tempo import DEAD_ZONE, PULL
from agent.settings import config
from agent.settings.config import ConfigError
from agent.verbs import respond
from corpora.corpus import CorpusError, boundary
from decision.heard import EXTRA_DIM
from decision.model import Decision
from decision.models import DecisionModels
from tests.conftest import glide, melody, noise, samples, write

SOME = settings(max_examples=10)


def hops_of(session, state, audio):
    """Each whole hop of the audio."""
    while True:
        start = boundary(state.hearing.hops, session.hop, session.samplerate)
        end = boundary(state.hearing.hops + 1, session.hop, session.samplerate)
        if end > len(audio):
            return
        yield audio[start:end]


def run(session, audio, seed=None, each=None):
    """(spoken hops, events, piece); `each(piece, number)` is called before every hop."""
    state, spoken, events = session.start(seed), [], []
    for number, hop in enumerate(hops_of(session, state, audio)):
        if each:
            each(state, number)
        answer, event = session.step(state, hop)
        spoken.append(answer)
        events.append(event)
    return spoken, events, state


def tune(state, *sets):
    """Change settings while playing, through the same checks as the file."""
    for text in sets:
        state.config = config.change(state.config, *config._parse_set(text))


@pytest.fixture(scope="module")
def half(stage):
    return stage.session(hop=0.5)


@pytest.fixture(scope="module")
def quarter(stage):
    return stage.session("action.follow_level=0", hop=0.25)


@pytest.fixture(scope="module")
def long_guide():
    return np.concatenate([melody(8, 48000, 2), noise(4, 48000, 3), glide(4, 48000, 4)])


# --- the same again


def test_a_seed_decides_everything(quarter, long_guide):
    first, again, changed = (run(quarter, long_guide, seed) for seed in (3, 3, 4))
    assert first[1] == again[1]
    assert np.concatenate(first[0]).tobytes() == np.concatenate(again[0]).tobytes()
    assert first[1] != changed[1]
    assert [e.heard for e in first[1]] == [e.heard for e in changed[1]], "the dice do not change what is heard"


def test_pieces_of_one_session_do_not_know_of_each_other(quarter, long_guide):
    alone = run(quarter, long_guide, 1)[1]
    one, two, events = quarter.start(1), quarter.start(2), []
    for hop in hops_of(quarter, one, long_guide):
        events.append(quarter.step(one, hop)[1])
        quarter.step(two, hop[::-1].copy())
    assert events == alone


# --- true to the memory


@SOME
@given(seed=st.integers(0, 999), rests=st.sampled_from(["follow", "free", "never"]), low=st.floats(0, 0.8))
def test_require_plays_only_what_the_memory_holds(quarter, seed, rests, low):
    held = set(quarter.repertoire[0].corpus.labels.tolist())
    sets = (f"decision.rests='{rests}'", f"action.region=[{low}, 1.0]", "decision.top_p=1.0")
    audio = melody(6.0, 48000, seed)
    _, events, state = run(quarter, audio, seed, lambda state, n: tune(state, *sets))
    first, stop = quarter.repertoire.region(state, 0)
    inside = set(quarter.repertoire[0].corpus.labels[first:stop].tolist())
    for event in events:
        assert event.why in WHY
        assert event.label in held | {quarter.silence}
        assert event.plan[0] in inside | {quarter.silence}
        if event.segment >= 0:
            assert first <= event.segment < stop
            assert event.label == quarter.repertoire[0].corpus.labels[event.segment]
        else:
            assert event.label == quarter.silence
        if rests == "never":
            assert event.plan[0] != quarter.silence
        if rests == "follow" and event.heard != quarter.silence:
            assert quarter.silence not in event.plan


def test_the_history_is_what_was_really_played(quarter, long_guide):
    """Law 5: forced away from its plan by a tight region, the model still remembers what sounded."""
    _, events, state = run(
        quarter, long_guide, 5, lambda state, n: tune(state, "decision.constraint='none'", "action.region=[0.3, 0.4]")
    )
    played = [event.label for event in events]
    assert sum(event.plan[0] != event.label for event in events) > 10, "the test has something to show"
    assert list(state.recent_labels) == played[-state.recent_labels.maxlen :]
    assert state.navigation.history[-8:].tolist() == played[-8:]
    decision = quarter.decision
    retold = decision.start()
    decision.commit(retold, quarter.silence)
    for event in events:
        decision.hear(retold, event.heard)
        decision.commit(retold, event.label)
    np.testing.assert_array_equal(decision.logits(retold), decision.logits(state.decision))


def test_a_run_is_the_recording_bit_for_bit(quarter, long_guide):
    sets = "action.max_continuity=100", "action.match_key='off'"
    spoken, events, _ = run(quarter, long_guide, 8, lambda state, n: tune(state, *sets))
    memory, head, runs = quarter.repertoire[0].sound.audio, None, 0
    for answer, event in zip(spoken, events, strict=True):
        assert len(answer) == event.frames
        if event.run > 1 and head is not None:
            expected = memory[head : head + event.frames]
            assert answer[: len(expected)].tobytes() == expected.tobytes()
            head += event.frames
            runs += 1
        elif event.segment >= 0:
            start, reach = boundary(event.segment, 0.25, 48000) + event.shift, round(0.01 * 48000)
            fade = round(0.05 * 48000)
            ends = [start + shift + event.frames for shift in range(-reach, reach + 1)]
            tail = answer[fade:]
            heads = [end for end in ends if end <= len(memory) and np.array_equal(memory[end - len(tail) : end], tail)]
            head = heads[0] if len(heads) == 1 else None  # digital silence says nothing about where it was read
    assert runs > 3


def test_what_is_transposed_is_known_by_what_it_sounds_like(quarter, long_guide):
    """Plans and the labels played are those that sound; only the segment is looked for by what was recorded."""
    turned = quarter.model.alphabet.transposition(2)
    _, events, state = run(quarter, long_guide, 3, lambda state, n: tune(state, "action.transpose=2"))
    sounding = [event for event in events if event.segment >= 0]
    assert sounding and all(event.label == turned[quarter.repertoire[0].labels[event.segment]] for event in sounding)
    playable = {*turned[quarter.repertoire[0].labels].tolist(), quarter.silence}
    assert all(playable.issuperset(event.plan) for event in sounding)
    assert list(state.recent_labels) == [event.label for event in events][-state.recent_labels.maxlen :]


@pytest.mark.parametrize("speed", [0.7, 1.3])
def test_at_another_speed_a_run_goes_on_where_the_memory_is(quarter, long_guide, speed):
    """The segment of an event is the one that sounds, whatever is left out or comes twice."""

    def each(state, number):
        tune(state, f"action.speed={speed}")
        state.holding = number > 3

    spoken, events, _ = run(quarter, long_guide, 8, each)
    begun, hops = 0, 0
    for event in events:
        begun, hops = (event.segment, 0) if event.run == 1 else (begun, hops + 1)
        if event.segment >= 0:
            assert abs(begun + hops * speed - event.segment) <= 1
    assert max(event.run for event in events) > 4
    assert all(len(answer) == event.frames for answer, event in zip(spoken, events, strict=True))


def test_going_on_is_followed_to_the_longest_stretch(quarter, long_guide):
    for longest in (1, 2, 7):
        _, events, _ = run(
            quarter, long_guide, 1, lambda state, n, k=longest: tune(state, f"action.max_continuity={k}")
        )
        runs = [event.run for event in events]
        assert max(runs) <= longest
        assert longest > 2 or max(runs) == longest


def test_runs_last_as_long_at_a_shorter_hop(half, quarter, long_guide):
    """Where a cut can be made twice as often, each costs twice as much; mean s between two cuts."""
    mean_s = {}
    for session in (half, quarter):
        events = [event for seed in range(3) for event in run(session, long_guide, seed)[1] if event.segment >= 0]
        mean_s[session.hop] = session.hop * len(events) / sum(event.run == 1 for event in events)
    assert 0.7 < mean_s[0.25] / mean_s[0.5] < 1.4


def test_settings_change_while_playing(quarter, long_guide):
    """Region, taboo and the longest stretch hold from the hop on at which they were turned."""

    def turn(state, number):
        if number == 40:
            tune(state, "action.region=[0.5, 0.6]", "action.max_continuity=2", "action.taboo=3")
        if number == 80:
            tune(state, "action.region=[0.0, 0.2]", "action.taboo=0", "decision.horizon=1")

    _, events, _ = run(quarter, long_guide, 2, turn)
    n = len(quarter.repertoire[0].corpus)
    assert {e.segment for e in events[:40]} - set(range(n // 2, round(0.6 * n)))
    for event in events[40:80]:
        assert event.segment == -1 or int(0.5 * n) <= event.segment < round(0.6 * n)
        assert event.run <= 2
    for event in events[80:]:
        assert event.segment == -1 or 0 <= event.segment < round(0.2 * n)
        assert len(event.plan) == 1
    lately = deque(maxlen=3)
    for event in events[40:80]:
        if event.why in ("jump", "nearest") and event.run == 1:
            assert event.segment not in lately
        lately.append(event.segment)
    with pytest.raises(ConfigError, match="max_continuity = 0"):
        config.change(quarter.config, "action.max_continuity", 0)


def test_a_region_of_nothing_still_holds_one_segment(quarter):
    state = quarter.start()
    for region in ("[0.0, 0.001]", "[0.999, 1.0]", "[0.5, 0.5001]"):
        tune(state, f"action.region={region}")
        first, stop = quarter.repertoire.region(state, 0)
        assert stop == first + 1 and 0 <= first < len(quarter.repertoire[0].corpus)


def test_it_rests_when_the_guide_rests(quarter):
    """After a phrase, 6 s of silence: it may rest there and only there, and `never` does not."""
    audio = np.concatenate([melody(3.0, 48000, 1) + 0.01 * np.sin(np.arange(144000)).astype(np.float32),
                            np.zeros(6 * 48000, np.float32)])  # fmt: skip
    rested = 0
    for seed in range(6):
        spoken, events, _ = run(quarter, audio, seed)
        for answer, event in zip(spoken, events, strict=True):
            if quarter.silence in event.plan:
                assert event.heard == quarter.silence
            if event.segment == -1 and event.plan[0] == quarter.silence:
                rested += 1
                assert not answer[round(0.05 * 48000) :].any()
    _, events, _ = run(quarter, audio, 0, lambda state, n: tune(state, "decision.rests='never'"))
    assert all(quarter.silence not in event.plan for event in events)
    _, events, _ = run(quarter, np.zeros(12 * 48000, np.float32), 1)
    rested += sum(event.label == quarter.silence for event in events)
    assert rested > 0


def test_density_rests_by_the_phrase(quarter, long_guide):
    _, events, _ = run(quarter, long_guide, 1, lambda state, n: tune(state, "decision.density=0"))
    assert {event.plan for event in events} == {(quarter.silence,) * 4}
    assert {event.label for event in events} == {quarter.silence}
    _, events, _ = run(quarter, long_guide, 1, lambda state, n: tune(state, "decision.density=0.5"))
    asked = [event.plan == (quarter.silence,) * 4 for event in events]
    phrases = [asked[i : i + 8] for i in range(0, len(asked) - 8, 8)]
    assert all(len(set(phrase)) == 1 for phrase in phrases if all(e.heard != quarter.silence for e in events))
    assert 0 < sum(asked) < len(asked)


def test_follow_level_follows(half):
    loud, quiet = (melody(8.0, 48000, 3) * gain for gain in (1.0, 0.05))
    levels = []
    for audio in (loud, quiet):
        spoken, events, _ = run(
            half,
            audio.astype(np.float32),
            1,
            lambda state, n: tune(state, "action.follow_level=1", "decision.rests='never'"),
        )
        levels.append(np.sqrt(np.mean(np.concatenate(spoken) ** 2)))
        gains = [event.gain for event in events if event.segment >= 0]
        assert all(gain is None or 10 ** (-12.01 / 20) <= gain <= 10 ** (12.01 / 20) for gain in gains)
    assert levels[0] > 2 * levels[1]


def test_a_gain_is_never_more_than_full_scale(half, long_guide):
    spoken, _, _ = run(half, long_guide, 1, lambda state, n: tune(state, "action.gain_db=24"))
    peak = np.abs(np.concatenate(spoken)).max()
    assert 0.5 < peak <= 1.0


# --- late


def test_a_late_mind_lets_the_run_go_on(quarter, long_guide):
    state, missed = quarter.start(1), 0
    previous = None
    for number, hop in enumerate(hops_of(quarter, state, long_guide)):
        if number % 5 == 4:
            answer, event = quarter.fall_back(state)
            missed += 1
            assert event.plan == () and event.why in ("late", "fade") and event.hop == previous.hop + 1
            assert len(answer) == event.frames
            if previous.segment >= 0 and previous.segment + 1 < len(quarter.repertoire[0].corpus):
                assert event.segment == previous.segment + 1 and event.run == previous.run + 1
            elif previous.segment == -1:
                assert event.segment == -1 and not answer[2400:].any()
            assert event.label == state.recent_labels[-1]
            previous = event
            quarter.hear(state, quarter.listener.step(state.hearing, hop))  # heard all the same, answered too late
        else:
            _, previous = quarter.step(state, hop)
    assert missed > 10
    assert state.hop == missed + (state.hearing.hops - missed) + 1


def test_late_before_anything_was_played_is_silence(quarter):
    state = quarter.start()
    for hop in range(1, 4):
        answer, event = quarter.fall_back(state)
        assert (event.segment, event.label, event.hop) == (-1, quarter.silence, hop)
        assert not answer.any()


# --- proposed, accepted, dropped


def memory_of(state):
    """All that a piece remembers, to compare; the decision's scratch rows left out."""
    (decision,), navigation = state.decision.states, state.navigation
    rows = decision.caches.own[..., : decision.caches.own.shape[-2] // 2, :].tobytes()
    return (
        rows, decision.caches.heard.tobytes(), decision.last.tolist(), decision.heard, decision.played,
        navigation.state.tolist(), navigation.history.tolist(), [at for at in navigation.played_at.tolist() if at >= 0],
        repr(state.voice), list(state.recent_labels), list(state.recent_segments),
        state.hop, state.late_hops, state.phrase, state.resting,
    )  # fmt: skip


def test_a_proposal_that_is_dropped_leaves_no_trace(stage, long_guide):
    session = stage.session("decision.density=0.7", hop=0.25)
    state, plain = session.start(3), run(session, long_guide, 3)
    for number, hop in enumerate(hops_of(session, state, long_guide)):
        session.hear(state, session.listener.step(state.hearing, hop))
        before, dice = memory_of(state), state.rng.bit_generator.state
        for _ in range(number % 3):
            dropped = session.propose(state)
            session.fallback(state, dropped, 4)
            assert memory_of(state) == before
            state.rng.bit_generator.state = dice
        proposal = session.propose(state)
        session.accept(state, proposal)
        assert proposal.event == plain[1][number]
        assert np.array_equal(proposal.audio, plain[0][number])


def test_the_chain_is_what_late_would_have_given(quarter, long_guide):
    """Rendered beforehand, after a hop that is only proposed: the memory goes on for 2 s, fades, and rests."""
    limit = quarter.fallback_hops
    assert limit == 8
    for length in (3, 8, 19, 30):
        state, other = quarter.start(length), quarter.start(length)
        for number, hop in enumerate(hops_of(quarter, state, long_guide[: length * 12000])):
            heard = quarter.listener.step(state.hearing, hop)
            quarter.listener.step(other.hearing, hop)
            quarter.hear(state, heard)
            quarter.hear(other, heard)
            if number < length - 1:
                quarter.answer(state)
                quarter.answer(other)
        proposal = quarter.propose(state)
        chain = quarter.fallback(state, proposal, limit + 3)
        quarter.answer(other)
        late = [quarter.fall_back(other) for _ in range(limit + 3)]
        assert [made.event for made in chain] == [event for _, event in late]
        assert all(np.array_equal(made.audio, audio) for made, (audio, _) in zip(chain, late, strict=True))
        for made in (proposal, *chain):
            quarter.accept(state, made)
        assert memory_of(state) == memory_of(other)
        why = [made.event.why for made in chain]
        if proposal.event.segment + limit + 1 < len(quarter.repertoire[0].corpus) and proposal.event.segment >= 0:
            assert why == ["late"] * limit + ["fade", "rest", "rest"]
        assert not chain[-1].audio.any()


def test_after_a_miss_the_patience_is_whole_again(quarter, long_guide):
    state = quarter.start(1)
    for number, hop in enumerate(hops_of(quarter, state, long_guide)):
        if number % 6 == 0:
            quarter.answer(state)
        else:
            assert quarter.fall_back(state)[1].why in ("late", "fade")
        quarter.hear(state, quarter.listener.step(state.hearing, hop))


def test_hops_are_accepted_in_order(quarter, long_guide):
    state = quarter.start()
    first = quarter.propose(state)
    quarter.accept(state, first)
    with pytest.raises(ValueError, match="hop 1 was accepted, the next to be played is 2"):
        quarter.accept(state, first)


def test_density_decides_for_each_phrase_even_where_its_first_hop_was_missed(stage, long_guide):
    session = stage.session("decision.density=0", hop=0.25)
    state = session.start()
    for number, hop in enumerate(hops_of(session, state, long_guide[: 20 * 12000])):
        event = session.fall_back(state)[1] if number % 8 == 0 else session.answer(state)[1]
        assert event.label == session.silence
        session.hear(state, session.listener.step(state.hearing, hop))
    assert state.resting and state.phrase == 2


# --- lookahead, offline


def test_lookahead_holds_back_what_is_heard(stage, long_guide):
    one, three = (stage.session(f"decision.lookahead={k}", "decision.rests=free", hop=0.25) for k in (1, 3))
    state = three.start()
    for number, hop in enumerate(long_guide[: 6 * 12000].reshape(6, 12000)):
        three.step(state, hop)
        assert state.decision.heard == max(0, number - 1)
    audio = long_guide[: 48000 * 6]
    other = np.concatenate([audio[: 48000 * 5], noise(1.0, 48000, 9)])
    known = [event.plan for event in run(three, audio, 1)[1]], [event.plan for event in run(three, other, 1)[1]]
    changed = [a != b for a, b in zip(*known, strict=True)]
    assert not any(changed[: 20 + 2]), "hops 20 on are other, and known three hops later"
    assert run(one, audio, 1)[1] != run(three, audio, 1)[1]


def test_offline_answers_the_first_hop_too(antiphon, tiny, memory, guide, tmp_path):
    words = (guide, "-o", "a.wav", "--model", tiny, "--memory", memory, "--json")
    live, offline = (json.loads(antiphon("respond", *words, "--mode", mode).out) for mode in ("live", "offline"))
    assert (live["first_hop"], offline["first_hop"]) == (1, 0)
    assert offline["hops"] == live["hops"] + 1 == 13
    assert live["samples"] == offline["samples"] == len(samples(guide))


# --- length


@SOME
@given(extra=st.integers(0, 24000), hop=st.sampled_from([0.25, 0.35, 0.5]), offline=st.booleans(), data=st.data())
def test_an_answer_is_as_long_as_its_guide_to_the_sample(stage, tmp_path_factory, extra, hop, offline, data):
    rate = data.draw(st.sampled_from([22050, 44100, 48000]))
    folder = tmp_path_factory.mktemp("length")
    audio = melody(1.0, rate, extra)[: round(hop * rate) + 1]
    audio = np.concatenate([audio, melody(1.0, rate, 1)[:extra]])
    write(folder / "g.wav", audio, rate, "FLOAT")
    report = respond.respond(
        folder / "g.wav", folder / "o.wav", stage.settings(hop=hop), offline=offline, mix=folder / "m.wav"
    )
    assert report["samples"] == len(audio)
    assert len(samples(folder / "o.wav")) == len(samples(folder / "m.wav")) == len(audio)


def test_the_report_tells_what_was_played(antiphon, tiny, memory, guide, tmp_path):
    found = antiphon(
        "respond", guide, "-o", "a.wav", "--mix", "m.wav", "--report", "r.json", "--truth", guide, "--seed", 5,
        "--model", tiny, "--memory", memory, "--json",
    )  # fmt: skip
    report = json.loads(found.out)
    assert report == json.loads((tmp_path / "r.json").read_text())
    hops = report["hops"]
    assert all(len(report[key]) == hops for key in ("heard", "plan", "segments", "labels", "why"))
    assert (report["seed"], report["hop"], report["mode"]) == (5, 0.5, "live")
    assert set(report["timings_ms"]) == {"perception", "decision", "action", "sound", "mind"}
    assert 0 <= report["tpp"] <= 100
    assert sum(report["reasons"].values()) == hops
    assert sum(int(k) * v for k, v in report["runs"]["histogram"].items()) == sum(s >= 0 for s in report["segments"])
    mix, rate = sf.read(tmp_path / "m.wav", dtype="float32")
    answer, heard = samples(tmp_path / "a.wav"), samples(guide)
    both = np.stack([0.75 * heard + 0.25 * answer, 0.25 * heard + 0.75 * answer], axis=1)
    np.testing.assert_allclose(mix, both, atol=1e-6)
    assert rate == 48000


# --- what belongs together


def test_a_session_refuses_a_memory_of_another_alphabet(stage, tiny, other, half, quarter):
    with pytest.raises(CorpusError, match=r"labelled with alphabet k16-0\.25s.* the model speaks k64-0\.5s.*Run:"):
        type(half)(half.model, quarter.repertoire[0].corpus, half.config, 48000, quarter.repertoire[0].sound.audio)
    listening = replace(half.model, decision=None)
    with pytest.raises(ValueError, match="listen only"):
        type(half)(listening, half.repertoire[0].corpus, half.config, 48000, half.repertoire[0].sound.audio)


def test_a_memory_of_035_s_hops_plays(stage, long_guide):
    for rate in (22050, 44100):
        session = stage.session(hop=0.35, rate=rate)
        assert len(session.repertoire[0].sound.audio) == boundary(len(session.repertoire[0].corpus), 0.35, rate)
        spoken, events, _ = run(session, long_guide[: 10 * rate], 1)
        assert [len(hop) for hop in spoken] == [event.frames for event in events]
        assert {event.frames for event in events} <= {int(0.35 * rate), int(0.35 * rate) + 1}
        assert sum(event.frames for event in events) == boundary(1 + len(events), 0.35, rate) - boundary(1, 0.35, rate)


def strokes(period, seconds, rate, first=0.4, hertz=440.0):
    """(n,) float32: a struck tone every `period` s."""
    audio = np.zeros(round(seconds * rate), np.float32)
    stroke = np.sin(2 * np.pi * hertz * np.arange(rate // 5) / rate) * np.exp(-np.arange(rate // 5) / (0.03 * rate))
    for time in np.arange(first, seconds - 0.3, period):
        at = round(time * rate)
        audio[at : at + len(stroke)] += (0.5 * stroke).astype(np.float32)
    return audio


def off_beat(audio, rate, first, period, from_s):
    """Deviation in s of each stroke of `audio` from the nearest beat."""
    loud = np.flatnonzero(np.abs(audio) > 0.1)
    onsets = loud[np.concatenate([[True], np.diff(loud) > 0.08 * rate])] / rate
    onsets = onsets[onsets > from_s]
    return (onsets - first + period / 2) % period - period / 2


@pytest.mark.parametrize("recorded", [0.42, 0.62, 0.26])
def test_a_memory_of_another_tempo_is_played_on_the_beat(stage, tmp_path, recorded):
    """Played on as it was recorded: the tempo is the musician's, and so is the beat, half or double time included.

    Beats are known to a frame of 10 ms on both sides, and the dead zone lets 2 DEAD_ZONE / PULL of a beat stand.
    """
    rate, heard = 16000, 0.5
    memory = write(tmp_path / "memory.wav", strokes(recorded, 40, rate), rate)
    guide = strokes(heard, 32, rate)
    session = loading.open_session(stage.settings(f"agent.memory={memory}", "perception.gate_db=-90", hop=0.25), rate)[
        0
    ]
    off = {}
    for stretch in ("auto", "off"):

        def each(state, number, stretch=stretch):
            tune(state, f"action.stretch={stretch}")
            if number == 4:
                state.goto_segment = 0  # from here on it does not end before the guide does
            state.holding = number > 4

        spoken, events, _ = run(session, guide, 1, each)
        assert (np.diff([event.segment for event in events[5:]]) >= 0).all(), "it is played on"
        audio = np.concatenate([np.zeros(rate // 4, np.float32), *spoken])
        off[stretch] = np.abs(off_beat(audio, rate, 0.4, heard / (2 if recorded < 0.3 else 1), 20.0)).mean()
    assert off["auto"] < 0.02 + 2 * DEAD_ZONE / PULL * heard
    assert off["off"] > 4 * off["auto"], "the test has something to show"


@pytest.mark.parametrize("lookahead", [1, 3])
def test_a_decision_that_hears_features_is_told_those_of_the_hops_it_has_heard(stage, lookahead):
    """Their keys stand in its memory hop by hop, nothing where it was silent, and what is heard changes the answer."""
    session = stage.session(f"decision.lookahead={lookahead}", hop=0.5)
    alphabet, rate = session.model.alphabet, session.samplerate
    torch.manual_seed(0)
    config = replace(session.decision.config, key_dim=alphabet.projection.shape[1], extra_dim=EXTRA_DIM)
    session.decision = DecisionModels(Decision(config).eval())
    session.decision.models[0].set_centroids(alphabet.centroids)
    guide = np.concatenate([melody(3.0, rate), np.zeros(2 * rate, np.float32), melody(3.0, rate, 4)])
    heard = []

    def keep(state, number):
        if state.newest_heard is not None and number > len(heard):
            heard.append(state.newest_heard)

    _, events, state = run(session, guide, each=keep)
    keys = state.decision.states[0].caches.keys[0]
    for number, hop in enumerate(heard[: state.decision.heard]):
        expected = alphabet.keys(hop.feature.astype(np.float32))[0] * (hop.label != session.silence)
        np.testing.assert_array_equal(keys[number % len(keys)], expected)
    assert state.decision.heard == len(events) - lookahead + 1
    assert {hop.label == session.silence for hop in heard} == {True, False}
    again = run(session, guide)[1]
    assert [event.segment for event in again] == [event.segment for event in events]
