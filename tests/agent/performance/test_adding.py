"""What is to be added: the part that is asked for is played, live as from a file, and what cannot be is refused."""

import re

import numpy as np
import pytest

from agent.control.command import CommandError
from agent.performance import adding, wording
from agent.performance.controls import apply
from agent.performance.target import rhythm
from agent.settings.config import ConfigError
from corpora.build import label
from corpora.corpus import Section
from decision.fill import FillError
from perception.onsets import DELAY_FRAMES, ONSET_RATE
from tests.agent.performance.test_controls import GUIDE, HOPS, make, run
from tests.perception.test_traits import strokes

RATE = 48000
HALF_S = 8.0
LEVELS = {  # what is asked for -> strokes of the half that has it, and of the other one: every s, pitch, peak
    "low": ((0.25, 43, 0.3), (0.25, 74, 0.3)),
    "high": ((0.25, 74, 0.3), (0.25, 43, 0.3)),
    "sparse": ((1.0, 57, 0.3), (0.125, 57, 0.3)),
    "dense": ((0.125, 57, 0.3), (1.0, 57, 0.3)),
    "soft": ((0.25, 57, 0.03), (0.25, 57, 0.5)),
    "loud": ((0.25, 57, 0.5), (0.25, 57, 0.03)),
}


@pytest.fixture(scope="module")
def two(stage):
    return make(stage)


def added(session, name: str, *halves: tuple[float, int, float]) -> int:
    """The number of a new memory of these halves."""
    audio = np.concatenate([strokes(HALF_S, *half, RATE) for half in halves])
    return session.repertoire.add(label(audio, name, session.listener), audio)


@pytest.mark.parametrize("asked", LEVELS)
@pytest.mark.parametrize("first", [True, False])
def test_what_is_asked_for_is_played_in_most_hops(stage, asked, first):
    """A memory of which one half alone has it: it is played from there, and from all of it once nothing is asked."""
    session = stage.session("decision.rests=never", hop=0.25)
    number = added(session, "halves", *(LEVELS[asked] if first else LEVELS[asked][::-1]))
    _, events, _ = run(session, {0: [("memory", number), ("add", asked)]}, HOPS[:48])
    half = len(session.repertoire[number]) / 2
    has_it = np.array([(event.segment < half) == first for event in events[2:] if event.segment >= 0])
    assert has_it.mean() > 0.8, f"{asked}: in {has_it.mean():.0%} of {len(has_it)} hops"
    assert np.mean([event.places[0]["worth"] > 0.5 for event in events[2:] if event.places]) > 0.8


def test_a_weight_of_nothing_and_an_empty_word_change_nothing(two):
    plain, events, _ = run(two)
    for controls in ([("add", "sparse low"), ("obey", 0.0)], [("add", "sparse low"), ("add", "")]):
        spoken, same, _ = run(two, {0: controls})
        assert np.array_equal(plain, spoken) and events == same
    state = two.start()
    assert wording.places(state, two.model, two.repertoire[0])[0] is two.repertoire[0].places
    apply(two, state, "add", ("sparse",))
    weighed = wording.places(state, two.model, two.repertoire[0])[0]
    assert weighed.worth.any() and wording.places(state, two.model, two.repertoire[0])[0] is weighed, "computed once"


def test_live_equals_file_with_a_part_to_add(stage):
    """The same hops, heard hop by hop or at once by another session: the same samples and events."""
    sets = ("action.add=loud, high and off the beat", "decision.rests=never")
    one = stage.session(*sets, hop=0.25)
    spoken, events, _ = run(one, {20: [("add", "low")], 30: [("obey", 3.0)], 50: [("add", "")]})
    again, same, _ = run(stage.session(*sets, hop=0.25), {20: [("add", "low")], 30: [("obey", 3.0)], 50: [("add", "")]})
    assert np.array_equal(spoken, again) and events == same
    plain, others, _ = run(stage.session("decision.rests=never", hop=0.25))
    assert events != others and len(GUIDE) == plain.size


def test_words_that_are_said_and_a_part_to_add_weigh_together(two):
    memory, state = two.repertoire[0], two.start()
    worths = []
    for controls in ([("say", "low piano")], [("say", ""), ("add", "dense")], [("say", "low piano")]):
        for name, value in controls:
            apply(two, state, name, (value,))
        worths.append(wording.places(state, two.model, memory)[0].worth)
    assert np.allclose(worths[0] + worths[1], worths[2], atol=1e-5)


# --- on the beat, and off it


@pytest.mark.parametrize(("words", "late"), [("on the beat", 0.0), ("off the beat", 0.25)])
def test_onsets_are_wanted_on_the_beat_or_off_it(two, words, late):
    state = two.start()
    run(two, {}, HOPS[:8], state=state)
    for beat in range(8):
        apply(two, state, "beat", (), at=round((0.1 + 0.5 * beat) * RATE))
    assert not adding.beats(state, 4.0).confidence
    before = rhythm(state, two.repertoire[0], 0.0, np.ones(1))
    apply(two, state, "add", (words,))
    wanted = adding.beats(state, 4.0)
    assert wanted.period == pytest.approx(0.5 * ONSET_RATE, abs=0.5) and wanted.confidence > 0
    at_s = (wanted.frame - DELAY_FRAMES) / ONSET_RATE
    assert (at_s - 0.1 - late + 0.25) % 0.5 == pytest.approx(0.25, abs=0.02)
    after = rhythm(state, two.repertoire[0], 0.0, np.ones(1))
    assert after is not None and (before is None or not np.allclose(before.expected, after.expected))


# --- roles


def test_the_memory_whose_name_tells_the_role_is_played(stage):
    session = stage.session("decision.rests=never", hop=0.25)
    keys, bass = added(session, "Keys_02", LEVELS["high"][0]), added(session, "BASS di", LEVELS["low"][0])
    _, events, state = run(session, {8: [("add", "a sparse bass")], 30: [("add", "piano")]})
    memories = np.array([event.memory for event in events])
    assert set(memories[1:8]) == {0} and set(memories[9:30]) == {bass} and set(memories[31:]) == {keys}
    assert apply(session, state, "add", ("",)) == "" and state.selected_memory == keys


def test_names_tell_a_role_and_the_instrument_where_they_name_one(stage):
    session = stage.session(hop=0.25)
    numbers = {name: added(session, name, LEVELS["low"][0]) for name in ("piano", "rhythm guitar 2", "kick drum")}
    for text, name in (("chords", "piano"), ("guitar", "rhythm guitar 2"), ("keys", "piano"), ("drums", "kick drum")):
        assert adding.memory_for(session.repertoire, text, 0) == (numbers[name], "")
    assert adding.memory_for(session.repertoire, "a chord", numbers["rhythm guitar 2"])[0] == numbers["rhythm guitar 2"]
    assert adding.memory_for(session.repertoire, "sparse", numbers["piano"]) == (numbers["piano"], "")
    number, sentence = adding.memory_for(session.repertoire, "a bass", 1)
    assert number == 0 and sentence == "add: nothing tells what 'memory' is: it is taken for bass"
    named = list(session.repertoire)[1:]
    with pytest.raises(FillError, match=r"none of the memories is bass \('piano', 'rhythm guitar 2', 'kick drum'\)"):
        adding.memory_for(named, "a bass", 0)


def test_a_memory_of_several_parts_is_played_where_the_part_is(stage):
    session = stage.session("decision.rests=never", hop=0.25)
    number = added(session, "band", LEVELS["low"][0], LEVELS["high"][0])
    corpus = session.repertoire[number].corpus
    corpus.sources = [
        {"file": "takes/bass.wav", "start": 0, "seconds": HALF_S},
        {"file": "takes\\flute.wav", "start": len(corpus) // 2, "seconds": HALF_S},
    ]
    for part, first in (("bass", True), ("flute", False)):
        _, events, _ = run(session, {0: [("memory", 0), ("add", part)]}, HOPS[:40])
        assert {event.memory for event in events[1:]} == {number}
        assert all((event.segment < len(corpus) / 2) == first for event in events[2:])
    corpus.sections = [Section("Drums alone", 3.0, 6.0)]
    _, events, _ = run(session, {0: [("add", "drums")]}, HOPS[:40])
    assert np.mean([12 <= event.segment < 24 for event in events[2:]]) > 0.9


# --- what is refused or in vain


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("quitar", "add: 'quitar' is not understood; the nearest known: guitar"),
        ("🎹", "add: '🎹' is not understood; known are sparse"),
        ("тихий", "add: 'тихий' is not understood"),
        ("静かな", "add: '静かな' is not understood"),
        (" ", "add is empty: say what to play"),
        ("x" * 10_000, "add has 10000 characters: say it in 400 or fewer"),
        ("low and high", "add asks for 'low' and 'high': say one of them"),
        ("bass and drums", "add asks for 'bass' and 'drums': say one of them"),
        ("low drums", "'low' says nothing about drums"),
        ("jazz bass", "add: 'jazz' cannot be measured in a recording: leave it out"),
        ("staccato", "add: 'staccato' cannot be measured"),
    ],
)
def test_what_is_not_understood_is_refused_and_changes_nothing(two, stage, text, said):
    state = two.start()
    apply(two, state, "add", ("sparse",))
    with pytest.raises(CommandError, match=re.escape(said)):
        apply(two, state, "add", (text,))
    assert state.config.action.add == "sparse" and state.selected_memory == 0
    if text.strip():
        with pytest.raises(ConfigError, match=re.escape(re.sub("^add", "action.add", said))):
            stage.session(f"action.add={text}", hop=0.25)


def test_what_weighs_nothing_is_told(two):
    state = two.start()
    apply(two, state, "choice", ("match",))
    assert apply(two, state, "add", ("dense",)) == "add: words weigh only where choice is cost: send  choice cost"
    apply(two, state, "choice", ("cost",))
    apply(two, state, "record", ("input",))
    run(two, {}, HOPS[:4], state=state)
    apply(two, state, "memory", ("live",))
    assert "words weigh nothing in 'live'" in apply(two, state, "add", ("dense",))
    run(two, {}, HOPS[:4], state=state)
