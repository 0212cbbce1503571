"""The controls of the stage: what each does to the music, that it does so at its hop, and that nothing breaks it."""

import copy
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from action.selection import WHY
from agent.control.command import CONTROLS, CommandError, parse_command
from agent.performance import loading
from agent.performance.controls import apply
from agent.performance.memories import GROWING
from agent.settings.config import FIELDS, ConfigError
from corpora.build import build, label
from corpora.corpus import Section
from decision.models import DecisionModels
from perception.chroma import FRAME_RATE, ChromaTrack
from perception.onsets import ONSET_RATE, OnsetTrack
from tests.conftest import glide, melody, noise

HOP = 12000  # samples of a hop of 0.25 s at 48 kHz
GUIDE = np.concatenate([melody(10, 48000, 2), noise(4, 48000, 3), glide(4, 48000, 4)])
HOPS = GUIDE.reshape(-1, HOP)
INERT = (
    "taboo",
    "constraint",
    "rests",
    "behaviour",
    "stretch",
    "match_key",
    "model",
    "words",
    "obey",
    "guidance",
)  # settings that change nothing here


def make(stage, *sets):
    """A session of two memories at 0.25 s; the second is a melody."""
    session = stage.session("decision.rests=never", *sets, hop=0.25)
    tune = melody(5, 48000, 9)
    session.repertoire.add(label(tune, "tune", session.listener), tune)
    return session


@pytest.fixture(scope="module")
def two(stage):
    return make(stage)


def run(session, controls=(), hops=HOPS, seed=1, state=None):
    """(spoken (n, HOP), events, piece); controls: {number of the hop heard: [(name, args), ...]} from then on."""
    state, spoken, events = state or session.start(seed), [], []
    for number, hop in enumerate(hops):
        session.hear(state, session.perceive(state, hop), hop)
        for name, *args in dict(controls).get(number, ()):
            apply(session, state, name, tuple(args))
        audio, event = session.answer(state)
        spoken.append(audio)
        events.append(event)
    return np.array(spoken), events, state


# --- hold, listen, stop, play


def test_hold_goes_on_as_recorded_and_round_its_region(two):
    spoken, events, _ = run(two, {4: [("region", 0.25, 0.5), ("hold", 1)], 60: [("hold", 0)]})
    n = len(two.repertoire[0])
    for before, event in pairwise(events[4:60]):
        assert event.why == "hold" and event.plan == ()
        on = before.segment + 1
        assert (event.segment, event.run) == ((on, before.run + 1) if n // 4 <= on < n // 2 else (n // 4, 1))
    assert {event.segment for event in events[5:60]} >= set(range(n // 4, n // 2))
    assert {event.why for event in events[60:]} <= {"continue", "jump", "nearest"}
    head = None
    for audio, event in zip(spoken[5:60], events[5:60], strict=True):
        if event.run == 1:  # a jump may be aligned: its fade apart, it is found again in the memory within 10 ms
            starts = range(max(0, event.segment * HOP - 480), event.segment * HOP + 481)
            found = [
                s for s in starts if np.array_equal(audio[2400:], two.repertoire[0].sound.audio[s + 2400 : s + HOP])
            ]
            head = found[0] if len(found) == 1 else None
        if head is not None:
            assert np.array_equal(audio[2400:], two.repertoire[0].sound.audio[head + 2400 : head + HOP])
            head += HOP


def test_hold_from_silence_stays_silent(two):
    _, events, _ = run(two, {0: [("listen", 1)], 2: [("hold", 1), ("listen", 0)]}, HOPS[:8])
    assert [(event.segment, event.why) for event in events[2:]] == [(-1, "hold")] * 6


def test_a_jump_moves_what_is_held(two):
    _, events, _ = run(two, {3: [("hold", 1)], 10: [("jump",)]}, HOPS[:16])
    assert events[10].why in ("jump", "nearest") and events[10].segment != events[9].segment + 1
    assert [event.why for event in events[11:]] == ["hold"] * 5
    assert events[11].segment == events[10].segment + 1


def test_listening_only_hears_and_rests(two):
    spoken, events, state = run(two, {8: [("listen",)], 20: [("listen",)]}, HOPS[:30])
    assert {event.why for event in events[8:20]} == {"rest"} and not spoken[9:20].any()
    assert state.decision.heard == 30 and state.hop == 31
    assert all(event.segment >= 0 for event in events[20:24])


def test_play_is_a_new_piece_but_the_count_goes_on(two):
    """From play on the agent does what one does that heard nothing before."""
    _, events, state = run(two, {0: [("match_key", "off")], 10: [("stop",)], 12: [("play",)]}, HOPS[:40])
    assert [event.segment for event in events[10:12]] == [-1, -1]
    assert [event.hop for event in events] == list(range(1, 41))
    fresh = two.start(1)
    fresh.hearing, fresh.heard, fresh.config = copy.deepcopy(state.hearing), None, state.config
    fresh.decision = two.decision.start(origin=12)
    two.decision.commit(fresh.decision, two.silence)
    fresh.hop = 13
    for number, event in enumerate(events[12:], 12):
        fresh.heard = type(state.newest_heard)(event.heard, np.zeros(1), event.level)
        frames = round((number + 1) * two.hop * FRAME_RATE)
        fresh.heard_chroma, fresh.heard_hops = ChromaTrack(two.hop, state.heard_chroma.frames[:frames]), number + 1
        fresh.heard_onsets = OnsetTrack(state.heard_onsets.frames[: round((number + 1) * two.hop * ONSET_RATE)])
        fresh.follow_tatum(number + 1)
        two.decision.hear(fresh.decision, event.heard)
        made = two.answer(fresh)[1]
        assert (made.plan, made.segment, made.why) == (event.plan, event.segment, event.why), number


@pytest.mark.parametrize("lookahead", [1, 2, 5])
def test_play_at_once_and_with_lookahead(two, lookahead):
    for at in (1, 3, 17):
        _, events, state = run(two, {0: [("lookahead", lookahead)], at: [("play",)]}, HOPS[:24])
        assert state.decision.played == 25 and state.decision.heard == 25 - lookahead
        assert len(events) == 24


# --- where it plays


def test_jump_does_not_go_on(two):
    for at in range(4, 24):
        _, events, state = run(two, {at: [("max_continuity", 100), ("taboo", 0), ("jump",)]}, HOPS[: at + 1])
        assert events[at].segment != events[at - 1].segment + 1 or events[at].segment == -1
        assert not state.jump_requested


def test_back_returns_to_what_was_liked(two):
    controls = {
        5: [("temperature", 0.5)], 9: [("like",)], 14: [("region", 0.5, 1.0), ("temperature", 2.0)], 18: [("like",)],
        22: [("region", 0.0, 0.3)], 30: [("back",)], 34: [("back",)], 38: [("back",)], 40: [("memory", 1)],
        44: [("like",)], 48: [("memory", 0)], 50: [("back",)],
    }  # fmt: skip
    _, events, state = run(two, controls, HOPS[:54])
    assert events[30].segment == events[17].segment and events[30].why == "jump"
    assert events[34].segment == events[38].segment == events[8].segment
    assert (events[50].memory, events[50].segment) == (1, events[43].segment)
    _, _, state = run(two, {**controls, 40: [], 44: [], 48: [], 50: []}, HOPS[:33])
    assert (state.config.action.region, state.config.decision.temperature) == ((0.5, 1.0), 2.0)
    _, _, state = run(two, {**controls, 40: [], 44: [], 48: [], 50: []}, HOPS[:36])
    assert (state.config.action.region, state.config.decision.temperature) == ((0.0, 1.0), 0.5)


def test_change_leaves_the_neighbourhood(two):
    for at in range(6, 40, 3):
        _, events, _ = run(two, {0: [("taboo", 20)], at: [("region", 0.0, 1.0), ("change",)]}, HOPS[: at + 1])
        recent = [event.segment for event in events[max(0, at - 16) : at] if event.segment >= 0]
        assert events[at].segment == -1 or min(abs(events[at].segment - segment) for segment in recent) > 8


def test_memories_are_switched_by_number_and_by_name(two):
    spoken, events, _ = run(two, {10: [("memory", "tune")], 20: [("memory", 0)], 30: [("memory", 1)]}, HOPS[:40])
    assert [event.memory for event in events] == [0] * 10 + [1] * 10 + [0] * 10 + [1] * 10
    for event in events:
        if event.segment >= 0:
            assert event.label == two.repertoire[event.memory].labels[event.segment]
    assert all(events[at].why in ("jump", "nearest") and events[at].run == 1 for at in (10, 20, 30))
    steepest = max(np.abs(np.diff(stored.sound.audio)).max() for stored in two.repertoire)
    assert np.abs(np.diff(spoken.ravel())).max() <= 1.5 * steepest


def test_past_labels_are_common_to_all_memories(two):
    _, events, state = run(two, {10: [("memory", 1)], 14: [("memory", 0)]}, HOPS[:20])
    played = [event.label for event in events]
    assert state.navigations[0].history.tolist() == state.navigations[1].history.tolist() == played[-16:]
    assert state.navigations[1].last == -1


# --- scenario


def test_a_scenario_is_the_plan_from_its_hop_on(two):
    wanted = [3, -1, two.silence, 5, 5]
    _, events, state = run(two, {4: [("scenario", 9, *wanted)]}, HOPS[:16])
    assert events[8].hop == 9
    assert [event.plan[0] for event in events[8:13]] == [3, events[9].plan[0], two.silence, 5, 5]
    assert events[5].plan[3] == 3 and events[8].plan[2] == two.silence
    assert events[10].label == two.silence and not state.scenario
    free = run(two, {}, HOPS[:16])[1]
    assert events[:4] == free[:4]


def test_a_later_scenario_overrides_from_its_date_on(two):
    state = two.start()
    apply(two, state, "scenario", (5, 1, 2, 3, 4))
    apply(two, state, "scenario", (7, 9))
    assert state.scenario == {5: 1, 6: 2, 7: 9}
    apply(two, state, "scenario/next", (7, -1, 8))
    assert state.scenario == {1: 7, 3: 8}
    apply(two, state, "scenario/clear")
    assert not state.scenario


def test_hops_already_begun_are_left_out_with_a_sentence(two):
    _, _, state = run(two, {}, HOPS[:10])
    assert (
        apply(two, state, "scenario", (9, 1, 2, 3, 4)) == "scenario: hops 9 to 10 have begun already and were left out"
    )
    assert state.scenario == {11: 3, 12: 4}
    with pytest.raises(CommandError, match="hop 10 has begun already, the next one is 11"):
        apply(two, state, "scenario", (9, 1, 2))
    assert state.scenario == {11: 3, 12: 4}


# --- settings


def test_every_live_setting_is_a_control_and_counts_from_its_hop(two, monkeypatch):
    """Turned at hop 12: nothing before it is other, and the value is there."""
    monkeypatch.setattr(two, "decision", DecisionModels(two.model.decision, two.model.decision))
    values = {"model": "second", "temperature": 3.0, "top_p": 0.2, "top_k": 1, "repetition_penalty": 5.0,
              "constraint": "none",
              "lookahead": 4, "horizon": 9, "rests": "free", "density": 0.0, "max_continuity": 1, "taboo": 0,
              "choice": "match", "cut_cost": 1.5, "behaviour": "after",
              "section": "late", "say": "low piano", "words": 2.0,
              "add": "a sparse, loud part off the beat", "obey": 2.0, "guidance": 2.0,
              "region": (0.4, 0.5), "follow_level": 1.0, "gain_db": -6.0, "gate_db": -10.0,
              "speed": 1.2, "transpose": 2, "stretch": "auto", "match_key": "auto",
              "beat_source": "none", "tempo_range": (100.0, 150.0)}  # fmt: skip
    monkeypatch.setattr(two.repertoire[0].corpus, "sections", [Section("late", 9.0, 11.0)])
    monkeypatch.setattr(two.repertoire[0], "_sections", None)
    free, before, _ = run(two, {}, HOPS[:24])
    for name, about in FIELDS.items():
        if not about.live:
            continue
        section, key = name.split(".")
        value = values[key] if isinstance(values[key], tuple) else (values[key],)
        spoken, events, state = run(two, {12: [(key, *value)]}, HOPS[:24])
        assert np.array_equal(spoken[:12], free[:12]) and events[:12] == before[:12]
        assert getattr(getattr(state.config, section), key) == values[key]
        assert events != before or section == "pulse" or key in INERT
    assert two.config.decision.temperature == 1.0, "the session's own settings are as they were"


def test_aliases_and_whole_floats_are_understood(two):
    state = two.start()
    for name, value in (("continuity", 3.0), ("gain", -6), ("horizon", 2.0)):
        apply(two, state, name, (value,))
    assert state.config.action.max_continuity == 3 and state.config.action.gain_db == -6.0
    assert state.config.decision.horizon == 2


def test_lookahead_is_held_back_and_handed_on_while_playing(two):
    state = two.start()
    for number, hop in enumerate(HOPS[:30]):
        two.hear(state, two.perceive(state, hop), hop)
        for at, k in ((6, 4), (15, 2), (20, 1)):
            if number == at:
                apply(two, state, "lookahead", (k,))
        lookahead = state.config.decision.lookahead
        expected = max(number + 2 - lookahead, 7 if number >= 6 else 0)
        assert state.decision.heard == expected
        two.answer(state)
    assert state.decision.heard == 30 and not state.delayed_hops


def test_with_density_below_one_it_rests_where_the_musician_rests(stage):
    session = stage.session("decision.density=0.999", hop=0.25)
    quiet = np.zeros((8, HOP), np.float32)
    _, events, _ = run(session, {}, np.concatenate([HOPS[:8], quiet, HOPS[8:16]]), seed=3)
    assert {event.label for event in events[9:16]} == {session.silence}
    assert any(event.segment >= 0 for event in events[16:])


# --- record


def test_what_is_recorded_can_be_played_and_taken_back(two):
    session = two
    before = run(session, {}, HOPS[:40])
    spoken, events, state = run(
        session,
        {2: [("record", "input")], 12: [("record", "off"), ("memory", GROWING)], 24: [("record", "self")],
         30: [("record", "input")], 34: [("undo",)], 36: [("undo",)]},
        HOPS[:40],
    )  # fmt: skip
    live = session.repertoire.growing()
    number = session.repertoire.index(live)
    assert np.array_equal(spoken[:12], before[0][:12]), "recording alone changes nothing"
    assert {event.memory for event in events[12:]} == {number}
    assert len(live) == 10 and np.array_equal(live.sound.audio, HOPS[3:13].ravel())
    assert all(event.segment < len(live) for event in events[36:])
    apply(session, state, "undo")
    assert len(live) == 0
    with pytest.raises(CommandError, match="nothing was recorded"):
        apply(session, state, "undo")
    with pytest.raises(CommandError, match="'live' is empty"):
        apply(session, state, "memory", (GROWING,))
    session.repertoire._memories.pop()


def test_undo_of_what_is_playing_falls_silent_without_a_click(stage):
    session = make(stage)
    tone = (0.3 * np.sin(2 * np.pi * 220 * np.arange(40 * HOP) / 48000)).astype(np.float32).reshape(-1, HOP)
    controls = {1: [("record", "input")], 9: [("memory", GROWING)], 11: [("hold", 1)], 14: [("undo",)]}
    spoken, events, _ = run(session, controls, tone)
    assert events[13].memory == 2 and events[13].segment >= 0
    assert [event.segment for event in events[14:]] == [-1] * 26
    assert spoken[14][:2400].any() and not spoken[14][2400:].any()
    joined = np.concatenate([spoken[13][-200:], spoken[14]])
    assert np.abs(np.diff(joined)).max() < 1.5 * np.abs(np.diff(tone.ravel())).max()


# --- laws


def test_the_same_controls_at_the_same_hops_give_the_same_samples(stage):
    controls = {3: [("record", "input"), ("jump",)], 8: [("like",), ("memory", "tune")], 14: [("memory", GROWING)],
                18: [("change",), ("temperature", 2.0)], 24: [("back",), ("record", "self")],
                30: [("undo",), ("hold", 1)], 36: [("hold", 0), ("scenario/next", 3, 4, 5)],
                44: [("play",), ("density", 0.5)]}  # fmt: skip
    first, again = (run(make(stage), controls) for _ in range(2))
    assert np.array_equal(first[0], again[0]) and first[1] == again[1]


@pytest.mark.parametrize(
    "name, args, told",
    [
        ("memory", (7,), "there is no memory 7: there are 0 "),
        ("memory", ("tuna",), "there is no memory tuna"),
        ("like", (), "nothing has been played yet"),
        ("back", (), "nothing was liked"),
        ("undo", (), "nothing was recorded"),
        ("scenario/next", (99,), "label 99: expected 0 to 16, or -1"),
        ("scenario", (5, *[1] * 4097), "more than 4096 labels"),
        ("mute", (1,), "'mute' is no control of the session"),
        ("nonsense", (), "'nonsense' is no control"),
    ],
)
def test_refusals_say_why_and_change_nothing(stage, name, args, told):
    session = make(stage)
    state = session.start()
    before = copy.deepcopy({key: value for key, value in vars(state).items() if key not in ("rng", "navigations")})
    with pytest.raises(CommandError, match=told):
        apply(session, state, name, args)
    after = {key: value for key, value in vars(state).items() if key not in ("rng", "navigations")}
    assert repr(after) == repr(before)


def test_a_value_out_of_range_is_refused(two):
    with pytest.raises(ConfigError, match="temperature = 99"):
        apply(two, two.start(), "temperature", (99,))


def test_every_control_of_the_table_belongs_to_someone(two):
    """What the session refuses as not its own is the engine's, and no more than that."""
    others = set()
    for name, control in CONTROLS.items():
        try:
            args = [arg.choices[0] if arg.choices else {"f": 0.5, "s": "x"}.get(arg.kind, 1) for arg in control.args]
            apply(two, two.start(), name, parse_command(name, (0.2, 0.5) if name == "region" else args).args)
        except CommandError as error:
            if "no control of the session" in str(error):
                others.add(name)
    assert others == {
        "mute", "panic", "quit", "save", "preset/save", "preset/recall", "hear/label", "hear/feature", "midi/learn",
        "midi/forget", "fill/part", "fill/say", "subscribe", "unsubscribe", "ping", "state",
    }  # fmt: skip
    del two.repertoire._memories[2:]


def value_of(arg):
    """Any value that a control's argument may have, and now and then one that it may not."""
    if arg.choices:
        return st.sampled_from(arg.choices)
    if arg.kind == "f":
        return st.floats(arg.low, arg.high)
    if arg.kind == "is":
        return st.sampled_from([0, 1, 2, "tune", GROWING])
    low, high = (arg.low or 0, min(arg.high, 70)) if arg.kind == "i" else (0, 0)
    return st.integers(int(low), int(high)) if arg.kind == "i" else st.just("x")


def asked(control):
    """One control with values."""
    args = [value_of(arg) for arg in control.args]
    more = st.lists(value_of(control.args[-1]), max_size=5) if control.args and control.args[-1].many else st.just([])
    given = st.tuples(st.tuples(*args), more).map(lambda both: (control.name, *both[0], *both[1]))
    return st.one_of(given, st.just((control.name,))) if control.toggle else given


OURS = [one for one in CONTROLS.values() if one.setting or one.group in ("choice", "memory", "scenario", "stage")]
walks = st.lists(st.tuples(st.integers(0, 2), st.one_of([asked(one) for one in OURS])), max_size=60)


@settings(max_examples=60)
@given(walks, st.integers(0, 99), st.integers(0, 7))
def test_nothing_that_is_asked_can_break_it(two, steps, seed, misses):
    """Any controls in any order, with hops missed in between: always a whole hop, finite, never above full scale."""
    state, number, dice = two.start(seed), 0, np.random.default_rng(seed)
    del two.repertoire._memories[2:]
    after = None
    for hops, (name, *args) in steps:
        for _ in range(hops):
            hop = HOPS[number % len(HOPS)] if number % 9 else np.zeros(HOP, np.float32)
            two.hear(state, two.perceive(state, hop), hop)
            number += 1
            proposal = two.propose(state)
            chain = after[1:] if after else two.fallback(state, None, 1)
            if dice.integers(8) < misses and chain:
                proposal, after = chain[0], chain
            else:
                after = [proposal, *two.fallback(state, proposal, 3)]
            two.accept(state, proposal)
            event = proposal.event
            assert proposal.audio.shape == (HOP,) and np.isfinite(proposal.audio).all()
            assert np.abs(proposal.audio).max() <= 1.0 and event.why in WHY
            assert state.decision.played == state.hop == number + 1
        try:
            apply(two, state, name, parse_command(name, args).args)
        except (CommandError, ConfigError) as error:
            assert len(str(error).splitlines()) == 1


def missed(session, state, proposals):
    """The next of `proposals` was played instead of what would have been decided."""
    session.accept(state, proposals.pop(0))


def test_what_sounded_while_it_was_taken_back_is_left_and_never_gone_on_with(stage):
    """Undo, and the hop after it is missed: what plays then was rendered from the take that is gone."""
    session = make(stage)
    _, _, state = run(session, {1: [("record", "input")], 9: [("memory", GROWING)], 11: [("hold", 1)]}, HOPS[:14])
    live, rendered = session.repertoire.growing(), session.fallback(state, None, 3)
    apply(session, state, "undo")
    assert state.navigation.last == -1 and state.voice.continuation is not None
    missed(session, state, rendered)
    assert (
        state.navigation.last == -1
        and state.voice.continuation is not None
        and state.voice.next_sample > len(live.sound.audio)
    )
    apply(session, state, "record", ("input",))
    apply(session, state, "hold", (0,))
    for hop in HOPS[14:50]:
        session.hear(state, session.perceive(state, hop), hop)
        audio, event = session.answer(state)
        assert event.segment < len(live) and np.isfinite(audio).all()


def test_a_memory_recorded_anew_is_asked_for_what_it_holds_now(stage):
    """Taken back and recorded again to the same length: the labels that may be drawn are those of the new take."""
    session, state = make(stage, "decision.constraint=require"), None
    _, _, state = run(session, {0: [("record", "input")], 8: [("memory", GROWING)]}, HOPS[:12])
    apply(session, state, "undo")
    apply(session, state, "record", ("input",))
    for hop in HOPS[60:71]:
        session.hear(state, session.perceive(state, hop), hop)
        session.fall_back(state)
    live = session.repertoire.growing()
    held = np.zeros(session.silence + 1, bool)
    held[live.labels] = True
    held[session.silence] = False
    assert np.array_equal(session.repertoire.allowed(state)[: session.silence], held[: session.silence])


# --- sections


@pytest.fixture(scope="module")
def song(stage):
    """A session whose second memory has sections; some of them overlap."""
    session = make(stage)
    session.repertoire[1].corpus.sections = [
        Section("Verse", 0.0, 1.5), Section("chorus", 1.5, 2.75), Section("chorus 2", 2.0, 4.0),
        Section("Ende", 4.97, 5.0),
    ]  # fmt: skip
    return session


@pytest.mark.parametrize("name", ["Verse", "chorus", "chorus 2", "CHORUS", "Ende"])
@pytest.mark.parametrize("choice", ["cost", "match"])
def test_a_section_is_a_region_by_name(song, name, choice):
    """It sounds, bit for bit, what the region with the same ends gives."""
    section, hops = song.repertoire[1].section(name), len(song.repertoire[1])
    first = min(round(section.begin / 0.25), hops - 1)
    stop = max(first + 1, round(section.end / 0.25))
    region = ("region", (first + 0.01) / hops, stop / hops)
    by_region, regional, _ = run(song, {0: [("memory", 1), ("choice", choice), region]}, HOPS[:40])
    by_name, named, state = run(song, {0: [("memory", 1), ("choice", choice), ("section", name)]}, HOPS[:40])
    assert np.array_equal(by_region, by_name) and regional == named
    assert {event.segment for event in named} - {-1} <= set(range(first, stop))
    assert song.repertoire.shares(state, 1) == pytest.approx((first / hops, stop / hops))
    assert song.repertoire.region(state, 0) == (0, len(song.repertoire[0])), "the other memory has none of that name"


def test_a_section_ends_when_it_is_empty_or_a_region_is_asked_for(song):
    state = song.start()
    apply(song, state, "memory", ("tune",))
    apply(song, state, "region", (0.5, 1.0))
    apply(song, state, "section", ("Verse",))
    assert song.repertoire.region(state, 1) == (0, 6) and state.config.action.region == (0.5, 1.0)
    apply(song, state, "section", ("",))
    assert song.repertoire.region(state, 1) == (10, 20) and song.repertoire.shares(state, 1) == (0.5, 1.0)
    apply(song, state, "section", ("chorus",))
    apply(song, state, "region", (0.0, 0.1))
    assert state.config.action.section == "" and song.repertoire.region(state, 1) == (0, 2)


@pytest.mark.parametrize(
    ("number", "name", "told"),
    [
        (1, "corus", "has no section 'corus': did you mean 'chorus' or 'chorus 2'?"),
        (1, "vers", "did you mean 'Verse'?"),
        (1, "en", "did you mean 'Ende'?"),
        (1, "bridge", "has no section 'bridge': it has Verse, chorus, chorus 2, Ende"),
        (1, "x" * 200, "it has Verse"),
        (0, "Verse", "has no sections: build it with  antiphon corpus build ... --labels FILE"),
    ],
)
def test_a_section_that_is_not_there(song, number, name, told):
    state = song.start()
    apply(song, state, "memory", (number,))
    with pytest.raises(CommandError, match=r"^section: the memory '") as error:
        apply(song, state, "section", (name,))
    assert told in str(error.value) and state.config.action.section == ""


def test_a_section_that_the_settings_name(stage, memory, tmp_path):
    (tmp_path / "labels.txt").write_text("0\t6\tverse\n6\t24\tchorus\n")
    session = stage.session(hop=0.25)
    corpus = build([memory], lambda rate: session.listener, tmp_path / "c", labels=[tmp_path / "labels.txt"])
    assert len(corpus.sections) == 2
    for name, span in (("chorus", (24, 96)), ("verse", (0, 24))):
        opened = loading.open_session(
            stage.settings(f"agent.memory={tmp_path / 'c'}", f"action.section={name}", hop=0.25), 48000
        )[0]
        assert opened.repertoire.region(opened.start(), 0) == span
    with pytest.raises(ConfigError, match=r"action.section = 'vers': .*did you mean 'verse'\?"):
        stage_of = stage.settings(f"agent.memory={tmp_path / 'c'}", "action.section=vers", hop=0.25)
        loading.open_full_session(stage_of, 48000)
