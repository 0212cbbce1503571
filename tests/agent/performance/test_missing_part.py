"""The missing part hears notes by their place in the song, and writes the same bar however they came."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.performance import missing_part
from agent.performance.missing_part import MissingPart, PartState
from corpora.midi_file import CLOCKS_PER_BEAT, Voice
from decision.fill import Instruction

BASS = Instruction("bass")


@pytest.fixture(scope="module")
def part(busy_fill):
    return MissingPart(busy_fill, beats=4, lead=1.0, seed=5)


def chords(bars, channel=0):
    """[(clock, message)] of a chord on every half bar."""
    found = []
    for half in range(2 * bars):
        for pitch in ((48, 52, 55), (53, 57, 60))[half % 2]:
            found.append((48 * half + 2, bytes((0x90 | channel, pitch, 80))))
            found.append((48 * half + 40, bytes((0x80 | channel, pitch, 0))))
    return sorted(found)


def played(part, messages, bars, delay=0.0):
    """The bars that are written, where every message is read `delay` clocks after it came."""
    state, waiting, written = PartState(), list(messages), []
    for clock in np.arange(0, bars * 96, 0.5):
        while waiting and waiting[0][0] + delay <= clock:
            at, message = waiting.pop(0)
            part.hear(state, message, at)
        part.catch_up(state, clock)
        while clock >= part.due(state) + delay:
            bar = part.order(state, BASS)
            notes = part.write(bar)
            part.take(state, bar, notes)
            written.append((bar.number, notes.tolist()))
            part.catch_up(state, clock)
    return written


def test_it_rests_for_a_bar_then_plays_in_every_bar(part):
    written = dict(played(part, chords(6), 6))
    assert sorted(written) == list(range(7)) and not written[0] and not written[1]
    assert all(written[bar] for bar in range(2, 6))


@settings(max_examples=5)
@given(st.floats(0, 6))
def test_a_bar_does_not_depend_on_when_messages_are_read(part, delay):
    assert dict(played(part, chords(4), 4, delay)) == {
        number: notes for number, notes in played(part, chords(4), 4) if number < 5
    }


def test_it_rests_when_the_others_have_stopped_and_begins_again(part):
    messages = chords(4) + [(clock + 96 * 9, message) for clock, message in chords(3)]
    written = dict(played(part, messages, 12))
    assert written[3] and not written[7] and not written[8] and written[11]


def test_an_evening_is_forgotten_but_for_what_can_be_repeated(part):
    state = PartState()
    for clock, message in chords(120):
        part.hear(state, message, clock)
    state.next_bar = 120
    bar = part.order(state, BASS)
    assert len(state.heard[0]) == sum(len(notes) for _, notes in bar.parts) <= 6 * (missing_part.HISTORY_BARS + 1)


def test_a_second_bass_is_not_heard(part):
    state = PartState()
    for at in range(8):
        part.hear(state, bytes((0x91, 36, 90)), at * CLOCKS_PER_BEAT)
        part.hear(state, bytes((0x91, 36, 0)), at * CLOCKS_PER_BEAT + 20)
    state.next_bar = 3
    assert not part.order(state, BASS).parts
    assert [role for role, _ in part.order(state, Instruction("chords")).parts] == ["bass"]


@given(st.lists(st.tuples(st.binary(max_size=4), st.floats(0, 400)), max_size=30))
def test_any_bytes_are_heard(part, messages):
    state = PartState(next_bar=5)
    for message, clock in messages:
        part.hear(state, message, clock)
    for _, notes in part.order(state, BASS).parts:
        assert ((notes[:, 1] > notes[:, 0]) | (notes[:, 1] == -1)).all()


@pytest.mark.parametrize(
    ("channel", "program", "pitches", "role"),
    [
        (9, 0, [36], "drums"), (0, 33, [40], "bass"), (0, 0, [36], "bass"), (0, 33, [60], "melody"),
        (0, 0, [72], "melody"),
        (0, 0, [48, 52, 55], "chords"), (0, 48, [48, 52, 55], "pad"),
    ],
)  # fmt: skip
def test_what_a_track_plays(channel, program, pitches, role):
    notes = np.array([(at, at + 9, pitch, 80) for at in range(0, 90, 10) for pitch in pitches])
    assert missing_part.role_of(Voice("", channel, program, notes)) == role
