"""The fill recipe: what its examples hide and show, its words, and that it learns; and what the evaluation measures."""

import dataclasses
import json

import numpy as np
import pytest
import torch

from decision import roll
from decision.fill import MASK, Fill, FillConfig
from decision.roll import ATTRIBUTES, MONOPHONIC, ONSET, ROLES
from train import fit_fill
from train.common.errors import TrainError
from train.evaluate import fill as evaluation
from train.fit_fill import CUTS, Examples, FillTraining
from train.songs import arrangements
from train.songs.arrangements import STYLE_NAMES
from train.songs.lead_sheet import Chord, Sheet

SETTINGS = FillTraining(batch=4, warmup=2, dim=24, layers=1, heads=2, steps=12, minutes=0.0, validate=6)


@pytest.fixture(scope="module")
def songs():
    """Arrangements of generated songs, which need no data."""
    return [song for number in range(3) for song in arrangements.arrange(None, f"test {number}", 2, None)]


@pytest.fixture(scope="module")
def model(songs):
    torch.manual_seed(0)
    bounds = fit_fill.bounds_of(songs, 128, np.random.default_rng(0), 400)
    return Fill(FillConfig(24, 1, 2, styles=STYLE_NAMES, bounds=bounds)).eval()


def test_songs_are_saved_and_read(songs, tmp_path):
    arrangements.save(tmp_path / "songs.npz", {"train": songs[:2], "validation": songs[2:]})
    read = arrangements.load(tmp_path / "songs.npz")
    assert {split: [song.name for song in of] for split, of in read.items()} == {
        "train": [song.name for song in songs[:2]], "validation": [song.name for song in songs[2:]],
    }  # fmt: skip
    for before, after in zip(songs, read["train"] + read["validation"], strict=True):
        np.testing.assert_array_equal(before.metre, after.metre)
        assert before.style == after.style and before.parts.keys() == after.parts.keys()
        for part, (role, notes) in before.parts.items():
            assert after.parts[part][0] == role and np.array_equal(after.parts[part][1], notes)
    (tmp_path / "songs.npz").write_bytes(b"PK")
    with pytest.raises(TrainError, match="is damaged"):
        arrangements.load(tmp_path / "songs.npz")


def test_arrangements_lie_on_their_grid(songs):
    for song in songs:
        for role, notes in song.parts.values():
            assert role in ROLES
            assert (notes[:, 0] >= 0).all() and (notes[:, 0] < len(song.metre)).all()
            assert (notes[:, 1] > notes[:, 0]).all()
        again = arrangements.arrange(None, song.name.partition("-band")[0], 2, None)
        assert any(np.array_equal(song.metre, other.metre) for other in again), "the same name, the same song"


def test_notes_find_the_step_they_were_played_on():
    """Human timing and swing are taken away again."""
    beats = np.column_stack([0.5 * np.arange(32), np.arange(32) % 4 == 0])
    for swing in (0.5, 0.62):
        sheet = Sheet([Chord(0, 16, 0)], beats, swing=swing)
        steps = np.arange(0, 120)
        late = np.random.default_rng(0).uniform(-0.02, 0.02, len(steps))
        onsets = sheet.seconds(steps / 4) + late
        notes = np.column_stack([onsets, onsets + 0.1, np.full(120, 60), np.full(120, 80)])
        np.testing.assert_array_equal(arrangements.in_steps(sheet, notes)[:, 0], steps[(steps / 4 >= 0)])


def test_a_piano_has_a_bass_and_the_rest():
    piano = np.array([(0, 4, 36, 80), (0, 4, 48, 80), (0, 4, 60, 80), (4, 8, 62, 80), (8, 9, 40, 80)])
    bass, rest = arrangements.split_piano(piano)
    assert bass[:, 2].tolist() == [36, 40] and rest[:, 2].tolist() == [48, 60, 62]


def test_an_example_hides_a_part_and_shows_no_note_of_it(model, songs):
    draws = Examples(songs, SETTINGS, 0)
    seen = set()
    for _ in range(200):
        each = draws.draw(model)
        role, seen = ROLES[each.words[0]], seen | {(ROLES[each.words[0]], each.rhythmic)}
        hidden = each.cells == MASK
        assert (each.true[~hidden] == each.cells[~hidden]).all(), "what is not hidden is true"
        assert hidden.any() or not each.rhythmic
        known = ~hidden.any(1)
        rows = hidden[~known].any(0)
        assert not rows[roll.PITCHES :].any() if role != "drums" else not rows[: roll.PITCHES].any()
        if each.rhythmic:
            assert not (each.rhythm[known] == MASK).any()
        else:
            np.testing.assert_array_equal(each.rhythm == 1, (each.true == ONSET).any(1))
            if role in MONOPHONIC:
                assert (hidden[:, : roll.PITCHES].all(1) | known).all(), "a line is hidden by steps"
        assert (each.loud > 0).sum() == (each.true == ONSET).sum()
    assert {rhythmic for _, rhythmic in seen} == {True, False} and len({role for role, _ in seen}) >= 5


def test_the_words_of_an_example_are_true(model, songs):
    draws = Examples(songs, dataclasses.replace(SETTINGS, unsaid=0.0), 1)
    said = 0
    for _ in range(200):
        each = draws.draw(model)
        if each.words[0] == ROLES.index("drums"):
            assert not each.words[2 + ATTRIBUTES.index("register")], "drums have no register"
        said += (each.words[2:] > 0).sum()
    assert 150 < said < 500, "half of two thirds of five words"


@pytest.mark.parametrize("name", CUTS)
def test_bars_are_cut_to_other_metres(songs, name):
    song = next(song for song in songs if (song.metre[:, 2] == 4).all() and len(song.metre) % 16 == 0)
    made = fit_fill.cut(song, name)
    firsts = np.flatnonzero((made.metre[:, 0] == 0) & (made.metre[:, 1] == 0))
    (first, second), joined = CUTS[name]
    assert set(np.diff(firsts)) == {first + second if joined else first}
    assert (made.metre[:, 2] == -(-(first + second if joined else first) // 4)).all()
    for part, (_, notes) in made.parts.items():
        assert (notes[:, 0] < len(made.metre)).all() and (notes[:, 1] > notes[:, 0]).all()
        assert len(notes) <= len(song.parts[part][1])


def test_the_recipe_learns_and_goes_on(songs, tmp_path, monkeypatch):
    monkeypatch.setattr(fit_fill, "gather", lambda *_: {"train": songs, "validation": songs[:2]})
    card = fit_fill.fit([tmp_path / "scores"], tmp_path / "run", False, SETTINGS)
    assert card["steps"] == 12 and card["scores"]["validation cells"] > 0
    written = Fill.load(tmp_path / "run")
    assert written.card == card and set(written.config.bounds) == set(ROLES)
    further = fit_fill.fit([tmp_path / "scores"], tmp_path / "run", True, dataclasses.replace(SETTINGS, steps=15))
    assert further["steps"] == 15
    first, *_, last = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert last["validation cells"] < first["validation cells"]
    with pytest.raises(TrainError, match="2 paths: give the scores"):
        fit_fill.fit([tmp_path, tmp_path], tmp_path / "other", False, SETTINGS)


def test_data_of_no_use(tmp_path):
    (tmp_path / "scores.tgz").write_bytes(b"no archive")
    with pytest.raises(TrainError, match="is no archive"):
        arrangements.gather(tmp_path / "scores.tgz", ("train",), 1)
    (tmp_path / "empty").mkdir()
    with pytest.raises(TrainError, match=r"no \.mid, \.mxl, \.musicxml file"):
        arrangements.gather(tmp_path / "empty", ("train",), 1)


# --- the evaluation


def test_what_the_measures_are():
    melody = np.array([(0, 1, 60, 80), (1, 2, 64, 80), (2, 3, 67, 80), (3, 4, 65, 80.0)])
    part = np.array([(0.04, 2, 48, 80), (0.0, 2, 52, 80), (2.2, 4, 43, 80.0)])
    assert evaluation.harmony(melody, part) == 0.5
    assert evaluation.onsets(melody, part) == pytest.approx({"onsets": 1 / 4, "F1": 2 / 4 * (2 / 3) / (1 / 4 + 2 / 3)})
    chords = [Chord(0, 2, 0, "maj"), Chord(2, 3, None), Chord(3, 9, 7, "maj")]
    assert (
        evaluation.in_chord(chords, part) == 1.0 and evaluation.in_chord(chords, part + np.array([0, 0, 1, 0])) == 0.0
    )
    none = part[:0]
    assert evaluation.harmony(melody, none) == evaluation.in_chord(chords, none) == 0
    assert set(evaluation.onsets(melody, none).values()) == {0.0}


def test_the_evaluation_gives_every_column(model, songs):
    sheets = [
        Sheet([Chord(0, 999, 0)], np.column_stack([0.5 * np.arange(400), np.arange(400) % 4 == 0])) for _ in songs
    ]
    short = [
        evaluation.excerpt(song, sheet, "lead", 64)
        for song, sheet in zip(songs, sheets, strict=True)
        if {"bass", "lead"} <= song.parts.keys()
    ]
    found = evaluation.fit_of(model, short, "bass", 0, lead=1.0)
    assert set(found) == set(evaluation.COLUMNS)
    assert all(set(of) == set(evaluation.MEASURES) and len(of["onsets"]) == len(short) for of in found.values())
    asked = evaluation.obedience(model, short[:1], 0)
    assert set(asked) == set(evaluation.ASKED_ROLES) and set(asked["drums"]) == {"density", "place", "dynamics"}
    assert evaluation.cost_ms(model, short[0], 1) > 0
    fit = {column: {m: evaluation.described(v, 0) for m, v in of.items()} for column, of in found.items()}
    report = {"songs": 1, "ms": 1.0, "obedience": asked, "fit": {"bass": fit}}
    text = evaluation.lines(report)
    assert any(line.startswith("| bass | harmony |") for line in text)
