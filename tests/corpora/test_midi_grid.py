"""Notes of MIDI files, the track that is added to them, and the grid on which they lie."""

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpora import midi_file, midi_grid
from corpora.midi_file import MidiFileError, TimeMap
from tests.corpora.test_annotations import metre, midi, tempo, track

CONDUCTOR = track((0, tempo(120)), (0, metre(4, 2)), (0, b"\xff\x03\x04Song"))


def voice(notes, channel=0, program=None, name=""):
    """A file of one track with these notes, and what `with_track` makes of it."""
    return midi_file.with_track(midi(CONDUCTOR), np.array(notes, int), channel, program, name)


lists_of_notes = st.lists(
    st.tuples(st.integers(0, 1 << 20), st.integers(1, 5000), st.integers(0, 127), st.integers(1, 127)),
    max_size=20, unique_by=lambda note: note[2],
)  # fmt: skip


@given(lists_of_notes, st.integers(0, 15), st.none() | st.integers(0, 127), st.text(max_size=200), st.booleans())
def test_a_track_that_is_added_is_read_back(drawn, channel, program, name, single):
    before = midi(CONDUCTOR, form=0) if single else midi(CONDUCTOR, track((0, b"\x91\x3c\x40"), (480, b"\x3c\0")))
    notes = np.array([(at, at + length, pitch, loud) for at, length, pitch, loud in drawn], int).reshape(-1, 4)
    after = midi_file.with_track(before, notes, channel, program, name)
    assert after[14 : len(before)] == before[14:], "every byte of the other tracks"
    assert int.from_bytes(after[8:10], "big") == 1 and int.from_bytes(after[10:12], "big") == 2 + (not single)
    found = [v for v in midi_file.read_voices(after)[0 if single else 1 :]]
    assert len(found) == bool(drawn)
    if drawn:
        assert found[0].channel == channel and found[0].program == (program or 0)
        assert found[0].name == name.encode("utf-8", "replace").decode().strip("\0 ")
        assert {tuple(n) for n in found[0].notes.tolist()} == {tuple(n) for n in notes.tolist()}
    assert midi_file.read(after).tempos == midi_file.read(before).tempos


def test_another_reader_reads_the_same():
    pretty_midi = pytest.importorskip("pretty_midi")
    data = voice([(0, 480, 60, 90), (480, 960, 64, 80), (480, 1920, 67, 1)], 3, 33, "bass")
    (instrument,) = pretty_midi.PrettyMIDI(io.BytesIO(data)).instruments
    assert (instrument.program, instrument.name) == (33, "bass")
    found = sorted((n.start, n.end, n.pitch, n.velocity) for n in instrument.notes)
    assert found == [(0.0, 0.5, 60, 90), (0.5, 1.0, 64, 80), (0.5, 2.0, 67, 1)]


def test_what_is_on_a_track():
    played = track(
        (0, b"\xff\x03\x02me"), (0, b"\xc2\x20"), (0, b"\x92\x24\x40"), (240, b"\x24\x50"), (0, b"\x93\x30\x01"),
        (240, b"\x82\x24\0"), (0, b"\x24\0"), (480, b"\xb4\x07\x10"),
    )  # fmt: skip
    low, open_ended = midi_file.read_voices(midi(CONDUCTOR, played))
    assert (low.name, low.channel, low.program) == ("me", 2, 32)
    assert low.notes.tolist() == [[0, 480, 36, 64], [240, 480, 36, 80]]
    assert open_ended.notes.tolist() == [[240, 960, 48, 1]], "up to the end of the track"
    assert midi_file.used_channels(midi(CONDUCTOR, played)) == {2, 3, 4}


def test_files_to_which_nothing_can_be_added():
    none = np.zeros((0, 4), int)
    for data, said in ((midi(CONDUCTOR)[:-5], "is cut short"), (midi(CONDUCTOR, form=2), "format 2"), (b"", "no MIDI")):
        with pytest.raises(MidiFileError, match=said):
            midi_file.with_track(data, none, 0, None, "")


@given(st.integers(0, 200), st.binary(max_size=4))
def test_damage_is_no_bug(cut, dirt):
    data = voice([(0, 480, 60, 90), (480, 960, 64, 80)])
    data = data[:cut] + dirt + data[cut + len(dirt) :]
    try:
        voices = midi_file.read_voices(data)
        assert all((v.notes[:, 0] <= v.notes[:, 1]).all() and (v.notes[:, 2:] < 128).all() for v in voices)
        midi_file.with_track(data, np.zeros((0, 4), int), 0, None, "")
    except MidiFileError as error:
        assert "\n" not in str(error)


# --- the grid


def notes_at(ticks, length=60):
    ticks = np.asarray(ticks, int)
    return np.column_stack([ticks, ticks + length, np.full(len(ticks), 60), np.full(len(ticks), 80)])


def grid(ticks, metres=None, division=480):
    return midi_grid.grid_of(TimeMap(division, metres=dict(metres or {})), notes_at(ticks))


@pytest.mark.parametrize(
    ("signature", "beats", "steps"),
    [
        ((4, 2), 4, 16), ((3, 2), 3, 12), ((5, 2), 5, 20), ((7, 3), 4, 14), ((2, 1), 4, 16), ((6, 3), 2, 6),
        ((12, 3), 4, 12), ((5, 3), 3, 10), ((1, 2), 1, 4), ((7, 4), 2, 7),
    ],
)  # fmt: skip
def test_bars_of_every_metre(signature, beats, steps):
    made = grid(range(0, 480 * 16, 480), {0: signature})
    assert (made.metre[:, 2] == beats).all()
    firsts = np.flatnonzero((made.metre[:, 0] == 0) & (made.metre[:, 1] == 0))
    assert set(np.diff(firsts)) == {steps} and made.bars == len(firsts)
    bar = 480 * 4 * signature[0] / 2 ** signature[1]
    np.testing.assert_allclose(made.ticks[firsts], bar * np.arange(len(firsts)), atol=1e-6)
    assert (np.diff(made.ticks) > 0).all() and made.ticks[-1] >= 480 * 15 + 60


def test_a_time_signature_begins_a_bar():
    made = grid(range(0, 9000, 240), {0: (4, 2), 1000: (3, 2)})
    assert made.metre[np.searchsorted(made.ticks, 1000)].tolist() == [0, 0, 3]
    assert (np.diff(made.ticks) > 0).all()


def test_triplets_and_swing_are_heard():
    beats = 480 * np.arange(16)
    straight = grid([*beats, *(beats + 240)])
    triplets = grid([*beats, *(beats + 160), *(beats + 320)])
    swung = grid([*beats, *(beats + 320)])
    assert (straight.steps_per_beat, straight.swing) == (4, 0.5) and straight.keeps_time
    assert (triplets.steps_per_beat, triplets.swing) == (3, 0.5) and triplets.off == pytest.approx(0)
    assert swung.steps_per_beat == 4 and swung.swing == pytest.approx(2 / 3)
    np.testing.assert_array_equal(swung.steps(beats + 320), 4 * np.arange(16) + 2)
    assert not grid(np.random.default_rng(0).integers(0, 9000, 400)).keeps_time


@settings(max_examples=40)
@given(
    st.lists(st.integers(0, 200), min_size=1, max_size=40), st.sampled_from([(4, 2), (3, 2), (7, 3), (6, 3)]),
    st.sampled_from([24, 96, 480, 960]),
)  # fmt: skip
def test_steps_become_ticks_and_the_same_steps(steps, signature, division):
    made = grid([division * 60], {0: signature}, division)
    steps = np.minimum(np.array(steps), len(made.metre) - 1)
    notes = np.column_stack([steps, steps + 1, np.full(len(steps), 60), np.full(len(steps), 80)])
    np.testing.assert_array_equal(made.in_steps(made.in_ticks(notes)), notes)


def test_a_song_that_is_too_long():
    with pytest.raises(MidiFileError, match="is longer than 15000 beats: cut it"):
        grid([480 * 60 * 120 * 3])
    with pytest.raises(MidiFileError, match="mend its time signature"):
        grid([480 * 60 * 120 * 3], {0: (1, 6)})
