"""Tokens once: however many processes make them and whatever kills those, the stores are the same to the byte."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from perception.units import Alphabet
from tests.conftest import melody
from train import fit_units
from train.common.errors import TrainError
from train.data import hearing, token_pairs
from train.data.shards import Shards

PATIENCE_S = 120.0
SETTINGS = {"units": "4", "hops": 200, "lengths": (0.35, 0.5)}
RECIPE = """
import json, sys
from pathlib import Path
from train import fit_units
fit_units.SHARD_SONGS = 1
settings = fit_units.UnitsTraining(**json.loads(sys.argv[3]))
fit_units.fit([Path(sys.argv[1])], Path(sys.argv[2]), False, settings)
"""


@pytest.fixture(scope="module")
def stems(tmp_path_factory) -> Path:
    """Eight songs of two stems, one with beats and one with three stems."""
    root = tmp_path_factory.mktemp("data") / "stems"
    for number in range(8):
        song = root / ("train" if number < 6 else "validation") / f"{number}"
        song.mkdir(parents=True)
        for part in "abc" if number == 1 else "ab":
            sf.write(song / f"{part}.flac", melody(20, 16000, 10 * number + ord(part)), 16000)
    (root / "train" / "0" / "song.json").write_text(json.dumps({"beats": list(range(20)), "chords": []}))
    return root


def made(stems: Path, out: Path, encoder: Path, jobs: int = 1) -> dict[str, bytes]:
    """What the recipe makes of the stems."""
    fit_units.fit([stems], out, False, fit_units.UnitsTraining(encoder=str(encoder), jobs=jobs, **SETTINGS))
    return content(out)


def content(out: Path) -> dict[str, bytes]:
    return {
        path.relative_to(out).as_posix(): path.read_bytes()
        for path in sorted(out.rglob("*"))
        if path.is_file() and not path.name.startswith(("log.jsonl", "events.out."))  # times, and those of TensorBoard
    }


@pytest.fixture(scope="module")
def whole(stems, tiny, tmp_path_factory) -> Path:
    """OUT of a run in one go, one song a shard."""
    out = tmp_path_factory.mktemp("whole")
    with pytest.MonkeyPatch.context() as m:
        m.setattr(fit_units, "SHARD_SONGS", 1)
        made(stems, out, tiny / "encoder")
    return out


@pytest.mark.slow
def test_a_killed_run_goes_on_and_ends_with_the_same_bytes(stems, whole, tiny, tmp_path, monkeypatch):
    settings = json.dumps(SETTINGS | {"encoder": str(tiny / "encoder"), "jobs": 2})
    words = [sys.executable, "-c", RECIPE, str(stems), str(tmp_path / "out"), settings]
    process = subprocess.Popen(words, cwd=Path(__file__).parents[2], env=os.environ, start_new_session=True)
    end = time.monotonic() + PATIENCE_S
    while len(list(tmp_path.glob("out/features/train-*.safetensors"))) < 2 and process.poll() is None:
        assert time.monotonic() < end
        time.sleep(0.002)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    time.sleep(0.5)  # until its processes have noticed
    before = {path: path.stat().st_mtime_ns for path in tmp_path.glob("out/features/*.safetensors")}
    assert 0 < len(before) < 8
    monkeypatch.setattr(fit_units, "SHARD_SONGS", 1)
    assert made(stems, tmp_path / "out", tiny / "encoder") == content(whole)
    assert all(path.stat().st_mtime_ns == written for path, written in before.items()), (
        "what was done is not done again"
    )


def test_processes_make_what_one_makes(stems, whole, tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(fit_units, "SHARD_SONGS", 1)
    assert made(stems, tmp_path, tiny / "encoder", jobs=2) == content(whole)


def test_a_device_that_reads_ahead_makes_the_same(stems, whole, tiny, tmp_path):
    """The way of a GPU, on a processor that is named like one."""
    settings = fit_units.UnitsTraining(encoder=str(tiny / "encoder"), device="cpu:0", **SETTINGS)
    fit_units.encode([stems], tmp_path, settings)
    one, many = Shards(tmp_path / "features"), Shards(whole / "features")
    assert one.keys() == many.keys() and all(np.array_equal(one[key], many[key]) for key in one)


def test_the_size_of_a_shard_changes_nothing_that_is_read(stems, whole, tiny, tmp_path):
    made(stems, tmp_path, tiny / "encoder")
    assert len(list(tmp_path.glob("features/*.safetensors"))) == 2 < len(list(whole.glob("features/*.safetensors")))
    for store in ("features", "tokens/k4_h0.50", "tokens/hearing_h0.35"):
        one, many = Shards(tmp_path / store), Shards(whole / store)
        assert one.keys() == many.keys() and all(np.array_equal(one[key], many[key]) for key in one)


def test_labels_and_features_are_those_of_the_hops(stems, whole):
    alphabet = Alphabet.load(whole / "units" / "k4_h0.50.safetensors")
    tokens, features = token_pairs.load(whole / "tokens" / "k4_h0.50"), Shards(whole / "features")
    assert features.about["encoder"] == Shards(whole / "tokens" / "k4_h0.50").about["encoder"]
    assert set(tokens.songs["train"]["stems-1"]) > {"a", "b", "c"} and len(tokens.songs["validation"]) == 2
    heard, centroids = hearing.load(whole / "tokens", 0.5, alphabet.hash)
    assert np.array_equal(centroids, alphabet.centroids)
    for split, songs in tokens.songs.items():
        for song, parts in songs.items():
            for part, labels in parts.items():
                key = f"{split}/{song}/{part}"
                placed, level_db = features[f"{key}/f0.5"].astype(np.float32), features[f"{key}/l0.5"]
                silent = level_db < fit_units.GATE_DB
                assert np.array_equal(labels, np.where(silent, alphabet.silence, alphabet.quantize(placed)))
                assert heard[key].shape == (len(labels), centroids.shape[1] + 3)
                assert heard[key][:, -2:].any() == (song == "stems-0"), "beats where they are known"


def test_songs_are_added_and_taken_away(stems, tiny, tmp_path):
    """The tokens are those of the songs that are given, and no song is encoded twice."""
    settings = fit_units.UnitsTraining(encoder=str(tiny / "encoder"), jobs=1, songs=2, **SETTINGS)
    fit_units.fit([stems], tmp_path, False, settings)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.glob("features/*.safetensors")}
    made(stems, tmp_path, tiny / "encoder")
    assert all(path.stat().st_mtime_ns == written for path, written in before.items())
    assert len(token_pairs.load(tmp_path / "tokens" / "k4_h0.50").songs["train"]) == 6
    fit_units.fit([stems], tmp_path, False, settings)
    assert len(token_pairs.load(tmp_path / "tokens" / "k4_h0.50").songs["train"]) == 2
    assert len(Shards(tmp_path / "features").about["shards"]) == 3


def test_what_does_not_fit_is_refused(stems, whole, tiny, other, tmp_path):
    (tmp_path / "old" / "features" / "train").mkdir(parents=True)
    with pytest.raises(TrainError, match="features of an earlier version: delete it"):
        made(stems, tmp_path / "old", tiny / "encoder")
    settings = fit_units.UnitsTraining(encoder=str(tiny / "encoder"), seconds=5.0, **SETTINGS)
    with pytest.raises(TrainError, match="give the settings they were made with"):
        fit_units.fit([stems], whole, False, settings)
    twin = tmp_path / "twin" / "stems"
    twin.parent.mkdir()
    twin.symlink_to(stems)
    with pytest.raises(TrainError, match="have one name"):
        fit_units.fit([stems, twin], tmp_path / "x", False, settings)
