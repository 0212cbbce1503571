"""The judge of beats: right beats score 1, half and double tempo at the best level only, and a rival is any file."""

import json

import numpy as np
import pytest
import soundfile as sf

from tests.perception.test_pulse import clicks
from train.common.errors import TrainError
from train.evaluate.beats import (
    GRID_S,
    beats_until_locked,
    beats_until_steady,
    f1,
    grids_of,
    judge,
    judge_grids,
    main,
    predicted,
    rival,
    tatums,
)

TRUE = np.arange(0.5, 40, 0.5)


def grids(time_s: np.ndarray | float, period: float) -> np.ndarray:
    """The same grid, or one at each of these times, for 40 s."""
    return np.stack([np.broadcast_to(time_s, 80), np.full(80, period)], axis=1)


def test_the_true_beats_are_right_at_once():
    found = judge(TRUE, TRUE, 40.0)
    assert found == {"f1": 1.0, "best": 1.0, "lock": 0.5, "error": 0.0}


@pytest.mark.parametrize(
    "other", [TRUE[::2], TRUE[1::2], np.arange(0.5, 40, 0.25)], ids=["half", "half, odd", "double"]
)
def test_half_and_double_are_right_at_the_best_level_alone(other):
    found = judge(other, TRUE, 40.0)
    assert found["f1"] == pytest.approx(2 / 3, abs=0.02) and found["best"] > 0.97


def test_a_tolerance_of_70_ms():
    assert f1(TRUE + 0.069, TRUE) == 1.0 and f1(TRUE + 0.071, TRUE) == 0.0
    assert f1(np.zeros(0), TRUE) == 0.0 and f1(TRUE, np.zeros(0)) == 0.0
    assert judge(TRUE + 0.2, TRUE, 40.0)["lock"] == 40.0


def test_ours_locks_again_after_a_change_of_tempo():
    audio, times = clicks(110, 30)
    assert f1(predicted(audio), times) > 0.95
    assert beats_until_locked(predicted, audio, times) <= 10


@pytest.mark.parametrize(("period", "ratio"), [(0.25, 1.0), (0.125, 0.5), (0.25 / 3, 1 / 3)])
def test_a_grid_that_stands_still_is_right_at_any_phase(period, ratio):
    found = judge_grids(grids(0.03, period), TRUE, 40.0)
    assert found["grid"] == pytest.approx(1) and found["period"] == 1 and found["steady"] == GRID_S
    assert found["ratio"] == pytest.approx(ratio)


def test_a_grid_of_another_period_or_with_any_phase_is_wrong():
    coarse, odd = (judge_grids(grids(0.0, period), TRUE, 40.0) for period in (0.5, 0.375))
    assert coarse["grid"] < 0.05 and odd["grid"] < 0.05 and coarse["period"] == odd["period"] == 0
    leaping = judge_grids(grids(np.where(np.arange(80) % 2, 0.0, 0.125), 0.25), TRUE, 40.0)
    assert leaping["grid"] < 0.05 and leaping["period"] == 1 and leaping["steady"] == 40.0
    assert judge_grids(np.zeros((80, 2)), TRUE, 40.0) == {"grid": 0, "period": 0, "ratio": 0, "steady": 40.0}


def test_a_grid_is_steady_from_where_it_keeps_its_phase():
    turning = np.where(np.arange(80) < 20, np.arange(80) * 0.1, 0.0)
    assert judge_grids(grids(turning, 0.25), TRUE, 40.0)["steady"] == pytest.approx(10.5, abs=GRID_S)


def test_beats_are_a_grid_of_half_beats_known_once_four_have_come():
    found = grids_of(np.delete(TRUE, 3), 40.0)  # one beat is missed
    assert not found[:4, 1].any() and found[6:, 1] == pytest.approx(0.25)
    assert judge_grids(found, TRUE, 40.0)["grid"] == pytest.approx(1)


def test_the_tatum_of_clicks_is_their_grid_and_found_again_after_a_change_of_tempo():
    audio, times = clicks(220, 30)
    beats = times[::2]
    found = judge_grids(tatums(audio), beats, 30.0)
    assert found["grid"] > 0.97 and found["period"] > 0.9 and found["steady"] < 8
    np.testing.assert_array_equal(tatums(audio[: 16000 * 12]), tatums(audio)[:24])  # causal
    assert beats_until_steady(tatums, audio, beats) < len(beats) / 2 - 2


def test_the_recipe_judges_a_folder_of_songs(tmp_path, capsys):
    for name, bpm in (("slow", 90), ("fast", 150)):
        audio, times = clicks(bpm, 12)
        (tmp_path / "songs" / name).mkdir(parents=True)
        sf.write(tmp_path / "songs" / name / "drums.wav", audio, 16000)
        np.savetxt(tmp_path / "songs" / name / "beats.txt", times)
    (tmp_path / "metronome.py").write_text("import numpy as np\ndef beats(audio, rate): return np.arange(0, 12, 0.4)\n")
    main([str(tmp_path / "songs"), "-o", str(tmp_path / "out"), "--rival", f"metronome={tmp_path}/metronome.py"])
    rows = json.loads((tmp_path / "out" / "beats.json").read_text())
    score = {(row["song"], row["player"]): row.get("f1") for row in rows if row["part"] == "drums"}
    assert score["slow", "ours"] > 0.9 and score["fast", "ours, hindsight"] > 0.9
    assert score["slow", "metronome"] < 0.5
    grid = {(row["song"], row["player"]): row["grid"] for row in rows if row["part"] == "mix"}
    assert grid["slow", "ours"] > 0.8 and grid["slow", "metronome"] < 0.5
    assert all("f1" not in row and "again" in row for row in rows if (row["part"], row["player"]) == ("mix", "tatum"))
    assert "| drums | metronome | 2 |" in (tmp_path / "out" / "beats.md").read_text()


def test_what_it_cannot_use_is_said(tmp_path):
    with pytest.raises(TrainError, match=r"beats\.txt"):
        main([str(tmp_path), "-o", str(tmp_path / "out")])
    with pytest.raises(TrainError, match="NAME=FILE"):
        rival(str(tmp_path / "nothing.py"))
