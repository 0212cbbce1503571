"""The judge of beats: right beats score 1, half and double tempo at the best level only, and a rival is any file."""

import json

import numpy as np
import pytest
import soundfile as sf

from tests.perception.test_pulse import clicks
from train.common.errors import TrainError
from train.evaluate.beats import beats_until_locked, f1, judge, main, predicted, rival

TRUE = np.arange(0.5, 40, 0.5)


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


def test_the_recipe_judges_a_folder_of_songs(tmp_path, capsys):
    for name, bpm in (("slow", 90), ("fast", 150)):
        audio, times = clicks(bpm, 12)
        (tmp_path / "songs" / name).mkdir(parents=True)
        sf.write(tmp_path / "songs" / name / "drums.wav", audio, 16000)
        np.savetxt(tmp_path / "songs" / name / "beats.txt", times)
    (tmp_path / "metronome.py").write_text("import numpy as np\ndef beats(audio, rate): return np.arange(0, 12, 0.4)\n")
    main([str(tmp_path / "songs"), "-o", str(tmp_path / "out"), "--rival", f"metronome={tmp_path}/metronome.py"])
    rows = json.loads((tmp_path / "out" / "beats.json").read_text())
    score = {(row["song"], row["player"]): row["f1"] for row in rows if row["part"] == "drums"}
    assert score["slow", "ours"] > 0.9 and score["fast", "ours, hindsight"] > 0.9
    assert score["slow", "metronome"] < 0.5
    assert "| drums | metronome | 2 |" in (tmp_path / "out" / "beats.md").read_text()


def test_what_it_cannot_use_is_said(tmp_path):
    with pytest.raises(TrainError, match=r"beats\.txt"):
        main([str(tmp_path), "-o", str(tmp_path / "out")])
    with pytest.raises(TrainError, match="NAME=FILE"):
        rival(str(tmp_path / "nothing.py"))
