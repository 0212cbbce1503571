"""Laws of a store: what is written is read, mapped; a shard is whole or absent; what was lost is made again alike."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from train.common.errors import TrainError
from train.data import shards
from train.data.shards import Shards

ABOUT = {"holds": "labels", "hop": 0.5}


def store(folder, numbers=range(3)):
    """A store of one song a shard."""
    held = {f"train-{n:05d}": [f"train/{n}"] for n in numbers}
    for name in shards.begin(folder, ABOUT, held):
        shards.write_shard(folder, name, arrays_of(int(name[-5:])))
    return folder


def arrays_of(number):
    rng = np.random.default_rng(number)
    labels, features = rng.integers(0, 64, 5).astype(np.int16), rng.normal(size=(5, 3)).astype(np.float16)
    return {
        f"train/{number}/a": labels,
        f"train/{number}/b": features,
        f"train/{number}/c": np.zeros((0, 3), np.float32),
    }


def test_what_is_written_is_read_and_mapped(tmp_path):
    known = Shards(store(tmp_path / "s"))
    assert len(known) == 9 and known.about["hop"] == 0.5
    for number in range(3):
        for key, value in arrays_of(number).items():
            assert known[key].dtype == value.dtype and np.array_equal(known[key], value)
            assert not known[key].flags.writeable and isinstance(known[key].base, np.memmap)


def test_equal_arrays_give_equal_bytes(tmp_path):
    store(tmp_path / "a")
    for name, path in ((path.name, path) for path in store(tmp_path / "b").iterdir()):
        assert path.read_bytes() == (tmp_path / "a" / name).read_bytes()


def test_a_store_that_is_not_whole_is_refused(tmp_path):
    folder = store(tmp_path / "s")
    assert shards.is_whole(folder)
    path = shards.shard_path(folder, "train-00001")
    content = path.read_bytes()
    for cut in (0, 7, len(content) - 1):
        path.write_bytes(content[:cut])
        with pytest.raises(TrainError, match=r"train-00001\.safetensors' is damaged.*delete it"):
            Shards(folder)
    path.unlink()
    assert not shards.is_whole(folder)
    with pytest.raises(TrainError, match="lacks its shard train-00001: give the command again"):
        Shards(folder)
    (folder / "manifest.json").write_text('{"format": 9, "shards": {}}')
    with pytest.raises(TrainError, match="version 9, this is 1: make it again"):
        Shards(folder)
    with pytest.raises(TrainError, match="no store"):
        Shards(tmp_path)


def test_only_what_is_missing_or_of_something_else_is_made(tmp_path):
    folder = store(tmp_path / "s")
    (folder / ".antiphon-12345678.part").write_bytes(b"half")  # of a killed process
    shards.shard_path(folder, "train-00002").unlink()
    held = {f"train-{n:05d}": [f"train/{n}"] for n in range(3)}
    assert shards.begin(folder, ABOUT, held) == ["train-00002"]
    assert not list(folder.glob(".antiphon*"))
    assert shards.begin(folder, ABOUT, held | {"train-00000": ["train/9"]}) == ["train-00000", "train-00002"]
    assert shards.begin(folder, ABOUT | {"hop": 0.25}, held) == list(held), "another alphabet leaves nothing"
    assert [path.name for path in folder.iterdir()] == ["manifest.json"]


@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 7), st.sets(st.integers(0, 79)))
def test_what_was_lost_is_planned_again_alike(tmp_path_factory, training, test, size, lost):
    """Whatever shards a killed run left, the same songs get the same shards."""
    folder = tmp_path_factory.mktemp("s") / "s"
    songs = {"train": [f"train/{n}" for n in range(training)], "test": [f"test/{n}" for n in range(test)]}
    plan = shards.grouped(folder, songs, size)
    assert sorted(song for held in plan.values() for song in held) == sorted(songs["train"] + songs["test"])
    for number, name in enumerate(shards.begin(folder, ABOUT, plan)):
        if number not in lost:
            shards.shard_path(folder, name).touch()
    assert shards.grouped(folder, songs, size) == plan


def test_new_songs_come_into_new_shards(tmp_path):
    folder = store(tmp_path / "s")
    known = shards.read_manifest(folder)["shards"]
    plan = shards.grouped(folder, {"train": [f"train/{n}" for n in range(6)]}, 2)
    assert plan == known | {"train-00003": ["train/3", "train/4"], "train-00004": ["train/5"]}
