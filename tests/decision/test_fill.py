"""The laws of the fill model: what is given stays, what is drawn is allowed, the same seed plays the same notes; and
its words."""

import dataclasses
import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from corpora.whole_files import write_files
from decision import instruction, roll
from decision.fill import GIVEN, MASK, PASSES, Fill, FillConfig, FillError, Instruction, State, rows_of, sharpened
from decision.roll import HOLD, LOWEST, MONOPHONIC, OFF, ONSET, PITCHES, ROLES, ROWS

WINDOW = 80
STYLES = ("jazz", "rock")


@pytest.fixture(scope="module")
def model():
    """A model whose every weight matters, and that plays and rests."""
    torch.manual_seed(1)
    made = Fill(FillConfig(24, 1, 2, WINDOW, STYLES))
    with torch.no_grad():
        for p in made.parameters():
            p.add_(0.1 * torch.randn_like(p))
    return made.eval()


def metre(steps, beats=4, per_beat=4):
    place, beat = np.arange(steps) % per_beat, np.arange(steps) // per_beat % beats
    return np.column_stack([12 // per_beat * place, beat, np.full(steps, beats)])


def a_part(steps, seed=0, low=40, high=76):
    """Notes that last one to six steps, of a line with chords."""
    rng, notes, at = np.random.default_rng(seed), [], 0
    while at < steps:
        length = int(rng.integers(1, 7))
        for pitch in rng.choice(np.arange(low, high), rng.integers(1, 4), replace=False):
            notes.append((at, min(at + length, steps), int(pitch), int(rng.integers(30, 120))))
        at += length
    return np.array(notes, int)


SONG = [("chords", a_part(200)), ("melody", a_part(200, 1, 60, 90)), ("drums", a_part(200, 2, 35, 52))]


def note_set(notes):
    return {tuple(note) for note in notes.tolist()}


# --- rolls


notes_strategy = st.lists(
    st.tuples(st.integers(0, 40), st.integers(1, 9), st.integers(LOWEST, LOWEST + PITCHES - 1), st.integers(1, 127)),
    min_size=1, max_size=12, unique_by=lambda note: note[2],
)  # fmt: skip


@given(notes_strategy, st.integers(-5, 6))
def test_a_roll_gives_its_notes_back(drawn, shift):
    part = np.array([(at, at + length, pitch, loud) for at, length, pitch, loud in drawn], int)
    inside = part[(part[:, 2] + shift >= LOWEST) & (part[:, 2] + shift < LOWEST + PITCHES)]
    made = roll.roll_of(inside, 0, 60, False, shift)
    loud = np.zeros(made.shape, int)
    loud[inside[:, 0], roll.row_of(inside[:, 2] + shift, False)] = inside[:, 3]
    assert note_set(roll.notes_of(made, loud, shift)) == note_set(inside)


@given(st.integers(0, 127))
def test_every_pitch_and_every_key_has_a_row(pitch):
    assert 0 <= roll.row_of(np.array([pitch]), False)[0] < PITCHES <= roll.row_of(np.array([pitch]), True)[0] < ROWS
    if LOWEST <= pitch < LOWEST + PITCHES:
        assert roll.pitch_of(int(roll.row_of(np.array([pitch]), False)[0])) == pitch
    assert (roll.pitch_of(int(roll.row_of(np.array([pitch]), False)[0])) - pitch) % 12 == 0


@pytest.mark.parametrize("tonic", range(12))
def test_a_key_is_moved_to_c(tonic):
    scale = np.isin((np.arange(12) - tonic) % 12, (0, 2, 4, 5, 7, 9, 11)).astype(float)
    assert (tonic + roll.key_shift(scale)) % 12 == 0 and -5 <= roll.key_shift(scale) <= 6


@given(st.integers(-5, 6))
def test_a_context_in_another_key_is_the_same_context(shift):
    """The physics of `key_shift`: a model sees no key, so a song transposed is the same song."""
    moved = [(role, part + np.array([0, 0, shift, 0]) if role != "drums" else part) for role, part in SONG]
    seen = [
        roll.context_of(parts, 16, WINDOW, roll.key_shift(roll.chroma_of(roll.window_parts(parts, 16, WINDOW))))
        for parts in (SONG, moved)
    ]
    key = [roll.key_shift(roll.chroma_of(roll.window_parts(parts, 16, WINDOW))) for parts in (SONG, moved)]
    if key[0] - key[1] == shift:  # else the same key lies an octave away
        np.testing.assert_array_equal(*seen)
    assert (key[0] - key[1] - shift) % 12 == 0


def test_what_is_measured_of_a_part():
    part = np.array([(0, 4, 40, 100), (6, 8, 42, 50), (6, 8, 52, 50)])
    like = roll.measured(part, metre(16), 0, False)
    assert like == pytest.approx({"density": 2 / 4, "register": 134 / 3, "place": 0.5, "length": 2 / 3,
                                  "dynamics": 200 / 3})  # fmt: skip
    assert roll.measured(part, metre(16), 16, False) == {} and "register" not in roll.measured(part, metre(16), 0, True)


# --- writing


@pytest.mark.parametrize("role", ROLES)
def test_the_same_seed_writes_the_same_notes(model, role):
    wanted = Instruction(role, "jazz", {"density": 1})
    first, again, other = (model.write(SONG, metre(200), wanted, seed=seed) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first, again)
    assert len(first) and note_set(first) != note_set(other)


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("steps", [1, 7, WINDOW, WINDOW + 1, 200])
def test_every_note_is_one_that_can_be_played(model, role, steps):
    notes = model.write(SONG, metre(steps), Instruction(role), seed=1)
    assert (notes[:, 0] >= 0).all() and (notes[:, 0] < notes[:, 1]).all() and (notes[:, 1] <= steps).all()
    assert (notes[:, 2] >= 0).all() and (notes[:, 2] <= 127).all() and (notes[:, 3] > 0).all()
    order = np.lexsort((notes[:, 2], notes[:, 0]))
    np.testing.assert_array_equal(order, np.arange(len(notes)))
    if role in MONOPHONIC:
        assert (notes[1:, 0] >= notes[:-1, 1]).all(), "a line has one voice"
    for pitch in np.unique(notes[:, 2]):
        same = notes[notes[:, 2] == pitch]
        assert (same[1:, 0] >= same[:-1, 1]).all(), "no key is pressed twice"
    if role == "drums":
        assert set(notes[:, 2]) <= set(roll.DRUM_KEYS)


@settings(max_examples=12)
@given(st.sampled_from(ROLES), st.integers(1, 150), st.integers(0, 99))
def test_what_is_given_stays_and_nothing_is_added_before_its_end(model, role, until, seed):
    drums = role == "drums"
    given_notes = a_part(until, seed, *(35, 52) if drums else (40, 76))
    notes = model.write(SONG, metre(160), Instruction(role), seed=seed, given=given_notes)
    end = given_notes[:, 1].max()
    assert note_set(notes[notes[:, 0] < end]) == note_set(given_notes)


def test_a_song_of_one_window_and_a_long_one_are_written_alike(model):
    """What is written up to the last GIVEN steps of a window depends on nothing beyond it."""
    short = model.write(SONG, metre(WINDOW + 40), Instruction("bass"), seed=5)
    long = model.write(SONG, metre(200), Instruction("bass"), seed=5)
    until = WINDOW - 16
    assert note_set(short[short[:, 1] < until]) == note_set(long[long[:, 1] < until])
    assert until > GIVEN


def test_the_instruction_has_an_effect_and_guidance_one_has_the_trained(model):
    plain = model.write(SONG, metre(64), Instruction("chords"), seed=2)
    np.testing.assert_array_equal(plain, model.write(SONG, metre(64), Instruction("chords"), seed=2, guidance=5.0))
    asked = model.write(SONG, metre(64), Instruction("chords", "rock", {"density": -1}), seed=2, guidance=4.0)
    assert note_set(plain) != note_set(asked)


@pytest.mark.parametrize("passes", [2, PASSES, 20])
def test_after_the_last_pass_nothing_is_masked(model, passes):
    rng = np.random.default_rng(0)
    for drums in (False, True):
        state = State.given(np.zeros((30, ROWS), np.uint8), 5, drums)
        assert (state.cells[5:, rows_of(drums)] == MASK).all() and (state.cells[:5] == OFF).all()
        for number in range(passes):
            if number < passes // 2:
                state.draw_rhythm(rng.normal(size=30), 1 / (passes // 2 - number), rng)
            else:
                state.draw_cells(rng.normal(size=(30, ROWS, 3)), 1 / (passes - number), rng, drums)
        assert not (state.rhythm == MASK).any() and not (state.cells == MASK).any()
        np.testing.assert_array_equal((state.cells == ONSET).any(1), state.rhythm == 1)
        assert not drums or not (state.cells == HOLD).any()


@given(st.lists(st.floats(0.0, 1.0), min_size=1, max_size=20), st.floats(0.3, 1.0))
def test_what_is_likelier_becomes_likelier_and_as_much_is_expected(chances, temperature):
    before = np.array(chances)
    after = sharpened(before, temperature)
    assert after.sum() == pytest.approx(before.sum(), abs=1e-3) and (after >= 0).all() and (after <= 1).all()
    assert (np.diff(after[np.argsort(before, kind="stable")]) >= -1e-9).all()


# --- files


def test_a_saved_model_is_the_same_model(model, tmp_path):
    write_files(tmp_path, model.files({"steps": 3}, torch.float32))
    loaded = Fill.load(tmp_path)
    assert loaded.card == {"steps": 3} and loaded.config == model.config
    for role in ("bass", "drums"):
        np.testing.assert_array_equal(
            model.write(SONG, metre(90), Instruction(role)), loaded.write(SONG, metre(90), Instruction(role))
        )


def test_a_model_that_cannot_be_read(model, tmp_path):
    with pytest.raises(FillError, match=r"fill\.json is missing"):
        Fill.load(tmp_path)
    write_files(tmp_path, model.files())
    header = json.loads((tmp_path / "fill.json").read_text())
    for damage, said in (
        ({"format": 9}, "is of format 9"),
        ({"weights": "0"}, "do not belong together"),
        ({"config": header["config"] | {"dim": 36}}, "is damaged"),
        ({"config": header["config"] | {"dim": 25}}, "expected a multiple"),
    ):
        (tmp_path / "fill.json").write_text(json.dumps(header | damage))
        with pytest.raises(FillError, match=said):
            Fill.load(tmp_path)
    (tmp_path / "fill.json").write_text("{")
    with pytest.raises(FillError, match="cannot be read"):
        Fill.load(tmp_path)


def test_an_instruction_that_the_model_does_not_know(model):
    with pytest.raises(FillError, match="style 'polka': this model knows jazz, rock"):
        model.words_of(Instruction("bass", "polka"))
    with pytest.raises(FillError, match="part 'tuba': expected one of bass"):
        model.words_of(Instruction("tuba"))


# --- words


@pytest.mark.parametrize(
    ("text", "part", "role", "style", "asked"),
    [
        (None, "bass", "bass", "", {}),
        ("a sparse, low jazz bass off the beat", None, "bass", "jazz", {"density": -1, "register": -1, "place": 1}),
        ("Walking!", "bass", "bass", "jazz", {}),
        ("busy and LOUD", "drums", "drums", "", {"density": 1, "dynamics": 1}),
        ("call and response, high", None, "answer", "", {"register": 1}),
        ("long pads", None, "pad", "", {"length": 1}),
        ("syncopated off-beat guitar", "chords", "chords", "", {"place": 1}),
    ],
)
def test_words_that_are_understood(text, part, role, style, asked):
    assert instruction.read(text, part).instruction == Instruction(role, style, asked)


@pytest.mark.parametrize(
    ("text", "part", "said"),
    [
        ("spars bass", None, "'spars' is not understood; the nearest known: sparse"),
        ("🎸", "bass", "'🎸' is not understood; known are sparse"),
        ("", "bass", "is empty"), (" ,.! ", "bass", "is empty"),
        ("low " * 2500, "bass", "has 10000 characters: say it in 400 or fewer"),
        ("sparse and busy", "bass", "asks for 'sparse' and 'busy'"),
        ("jazz and rock", "bass", "asks for 'jazz' and 'rock'"),
        ("drums", "bass", "--say names the drums, --part the bass"),
        ("low", "drums", "'low' says nothing about drums"),
        ("low", None, "no part is named: add --part"),
        (None, None, "no part is named"),
        (None, "bas", "did you mean bass?"), (None, "tuba", "expected one of bass, chords"),
    ],
)  # fmt: skip
def test_words_that_are_not(text, part, said):
    with pytest.raises(FillError) as refused:
        instruction.read(text, part)
    assert said in str(refused.value) and len(str(refused.value)) < 400 and "\n" not in str(refused.value)


def test_each_program_is_one_of_general_midi_and_each_word_has_one_meaning():
    tables = [instruction.LEVELS, instruction.ROLE_WORDS, instruction.STYLE_WORDS, dict.fromkeys(instruction.SILENT)]
    assert len(set().union(*tables)) == sum(map(len, tables))
    assert set(instruction.PROGRAMS) == set(ROLES) and all(0 <= p < 128 for p in instruction.PROGRAMS.values())
    assert {role for role, _ in instruction.ROLE_WORDS.values()} == set(ROLES)


def test_sizes_that_make_no_model():
    for sizes in ({"dim": 25}, {"layers": 0}, {"window": GIVEN}):
        with pytest.raises(FillError):
            dataclasses.replace(FillConfig(24, 1, 2, WINDOW), **sizes)
