"""Words that are said: they weigh the places of the memory, live as from a file, and what says nothing is refused."""

import shutil

import numpy as np
import pytest

from agent.control.command import CommandError
from agent.performance import loading, wording
from agent.performance.controls import apply
from agent.performance.session import Session
from agent.settings.config import ConfigError
from corpora.build import label
from perception.chroma import FRAME_RATE
from perception.words import FILE, STEP_S, WINDOW_STEPS
from tests.agent.performance.test_controls import GUIDE, HOPS, make, run
from tests.conftest import melody, noise

SAY = ("say", "low piano")


@pytest.fixture(scope="module")
def two(stage):
    return make(stage)


def fits(session: Session, number: int, text: str) -> np.ndarray:
    """(windows,) cosines of a memory and a text."""
    words = session.model.words
    return session.repertoire[number].windows[1] @ words.place(words.read(text)[0])


def test_places_are_worth_what_the_windows_about_them_fit(two):
    state, memory = two.start(), two.repertoire[0]
    plain, _ = wording.places(state, two.model, memory)
    assert not len(plain.worth) and plain is memory.places
    apply(two, state, *_args(SAY))
    weighed, bounds = wording.places(state, two.model, memory)
    cosines, (middles, _) = fits(two, 0, "low piano"), memory.windows
    expected = (cosines - cosines.min()) / max(np.ptp(cosines), wording.CONTRAST)
    at = np.rint(middles * FRAME_RATE).astype(int)
    inside = at < len(weighed.worth)
    assert np.allclose(weighed.worth[at[inside]], expected[inside], atol=0.02) and weighed.worth.min() >= 0
    assert np.array_equal(bounds.places.worth, weighed.worth[bounds.frame])
    assert wording.places(state, two.model, memory)[0] is weighed, "computed once"
    apply(two, state, "words", (2.0,))
    assert np.allclose(wording.places(state, two.model, memory)[0].worth, 2 * weighed.worth, atol=1e-5)
    other = wording.places(state, two.model, two.repertoire[1])[0]
    assert len(other.worth) == len(two.repertoire[1].places.segment)
    for name, value in (("words", 0.0), ("say", "")):
        apply(two, state, name, (value,))
        assert not len(wording.places(state, two.model, memory)[0].worth)
        apply(two, state, "words", (1.0,))


def _args(command):
    return command[0], command[1:]


def test_windows_of_a_memory_are_those_of_its_hops(two):
    memory = two.repertoire[0]
    middles, placed = memory.windows
    assert middles[0] == WINDOW_STEPS * STEP_S / 2 and np.isclose(middles[-1] + 5.0, memory.seconds)
    assert np.allclose(np.linalg.norm(placed, axis=1), 1, atol=1e-5)


def test_what_was_said_decides_what_is_played_and_ends_with_no_words(two, monkeypatch):
    """A memory whose first half alone fits: it is played from while the words hold, and all of it again afterwards."""
    memory = two.repertoire[0]
    middles = np.arange(0, memory.seconds, 1.0)
    meant = two.model.words.place(two.model.words.read("low piano")[0])
    halves = np.where((middles < memory.seconds / 2)[:, None], meant, -meant)
    monkeypatch.setattr(memory, "windows", (middles, halves.astype(np.float32)))
    loud = [("words", 3.0), ("taboo", 0), ("max_continuity", 4)]
    _, events, _ = run(two, {0: [SAY, *loud], 40: [("say", "")]})
    first = np.array([event.segment < len(memory) / 2 for event in events if event.segment >= 0])
    assert first[2:40].mean() > 0.9 > first[45:].mean()
    assert all(place["worth"] > 0 for event in events[4:40] for place in event.places[:1])


def test_live_equals_file_with_words_said(stage):
    """The same hops and words, heard hop by hop or at once by another session: the same samples and events."""
    sets = ("action.say=slow flute", "decision.rests=never")
    one = stage.session(*sets, hop=0.25)
    spoken, events, _ = run(one, {20: [SAY], 30: [("words", 3.0)]})
    again, same, _ = run(stage.session(*sets, hop=0.25), {20: [SAY], 30: [("words", 3.0)]})
    assert np.array_equal(spoken, again) and events == same
    plain, others, _ = run(stage.session("decision.rests=never", hop=0.25))
    assert events != others and len(GUIDE) == plain.size


def test_two_performances_of_a_session_do_not_share_what_was_said(two):
    """Words said in one leave the other as it is."""
    alone, events, _ = run(two, {}, HOPS[:20])
    state = two.start(1)
    apply(two, state, *_args(SAY))
    run(two, {}, HOPS[:5], state=state)
    again, same, _ = run(two, {}, HOPS[:20])
    assert np.array_equal(alone, again) and events == same


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("pian", "say: 'pian' \\(did you mean 'piano'\\?\\) is no word that it has learned"),
        ("in a", "say: 'in a' describes nothing"),
        ("🎹", "say: '🎹' is no word"),
        (" ", "say: no words"),
        ("low " * 40, "say: a text of 40 words"),
    ],
)
def test_what_says_nothing_is_refused_and_changes_nothing(two, text, said):
    state = two.start()
    apply(two, state, *_args(SAY))
    with pytest.raises(CommandError, match=said):
        apply(two, state, "say", (text,))
    assert state.config.action.say == "low piano"


def test_what_is_said_in_part_or_in_vain_is_told(two):
    state = two.start()
    assert apply(two, state, "say", ("low fluet",)) == (
        "say: 'fluet' (did you mean 'flute'?) is no word that it has learned: it knows words such as slow, low, piano"
    )
    assert state.config.action.say == "low fluet"
    apply(two, state, "choice", ("match",))
    assert "words weigh only where choice is cost" in apply(two, state, *_args(SAY))
    apply(two, state, "choice", ("cost",))
    apply(two, state, "record", ("input",))
    run(two, {}, HOPS[:4], state=state)
    apply(two, state, "memory", ("live",))
    assert "words weigh nothing in 'live'" in apply(two, state, *_args(SAY))
    run(two, {}, HOPS[:4], state=state)


def test_a_model_without_words_plays_and_says_so(tiny, memory, stage, tmp_path):
    folder = tmp_path / "silent"
    shutil.copytree(tiny, folder)
    shutil.rmtree(folder / "words")
    session = stage.session(f"agent.model={folder}")
    state = session.start()
    with pytest.raises(
        CommandError, match=r"say: model 'silent' knows no words: learn some, python -m train.fit_words"
    ):
        apply(session, state, *_args(SAY))
    apply(session, state, "say", ("",))
    with pytest.raises(ConfigError, match=r"action.say = 'low piano': model 'silent' knows no words"):
        stage.session(f"agent.model={folder}", "action.say=low piano")
    with pytest.raises(ConfigError, match=r"action.say = 'low pian': 'pian' \(did you mean 'piano'\?\)"):
        stage.session("action.say=low pian")


def test_words_of_another_encoder_are_not_used_and_it_is_said(tiny, stage, tmp_path):
    folder = tmp_path / "mixed"
    shutil.copytree(tiny, folder)
    path = folder / "words" / FILE
    raw = path.read_bytes()
    model = loading.Model.load(tiny, 0.5).words
    path.write_bytes(raw.replace(model.config.encoder.encode(), b"0" * 64))
    session = stage.session(f"agent.model={folder}")
    assert session.model.words is None and session.repertoire[0].windows is None
    with pytest.raises(CommandError, match=r"say: the words in .* were learned with encoder 00000000, this model has"):
        apply(session, session.start(), *_args(SAY))


def test_a_memory_shorter_than_a_window_can_be_asked_for(stage):
    session = stage.session("decision.rests=never", hop=0.25)
    short = np.concatenate([melody(1, 48000, 1), noise(1, 48000, 2)])
    number = session.repertoire.add(label(short, "short", session.listener), short)
    _, events, _ = run(session, {0: [("memory", number), SAY]}, HOPS[:12])
    assert {event.memory for event in events[1:]} == {number}
