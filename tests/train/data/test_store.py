"""Laws of the store: a window of it is the excerpt of its file, wherever it lies; what songs tell is theirs."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
from hypothesis import given
from hypothesis import strategies as st

from corpora.whole_files import AudioError
from train.common.errors import TrainError
from train.data.stems import excerpt
from train.data.store import Store

SAMPLES = 8000


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Songs of noise: 16 kHz mono FLAC as rendered, and recordings at other rates, with two channels, lossy."""
    root, rng = tmp_path_factory.mktemp("data"), np.random.default_rng(0)
    kinds = {"rendered": ("flac", 16000, 1), "recorded": ("wav", 44100, 2), "lossy": ("ogg", 32000, 1)}
    for song, (kind, rate, channels) in kinds.items():
        song_folder = root / "train" / song
        song_folder.mkdir(parents=True)
        for part, seconds in (("bass", 3.1), ("drums", 2.0), ("silent", 2.5)):
            sound = 0.1 * rng.standard_normal((round(seconds * rate), channels)) * (part != "silent")
            sf.write(song_folder / f"{part}.{kind}", sound, rate)
    (root / "train/rendered/song.json").write_text(
        json.dumps({"beats": [0.5, 1.0, 1.5], "chords": [[0.5, 1.5, 7, "G"]], "seconds": 3.1})
    )
    bass = np.array([[0.5, 1.0, 40]], np.float32)
    np.savez(root / "train/rendered/notes.npz", bass=bass, silent=np.zeros((0, 3), np.float32))
    return root


@pytest.fixture(scope="module")
def store(folder) -> Store:
    return Store([folder], "train", threads=4)


@given(st.integers(0, 8), st.integers(-2 * SAMPLES, 60000), st.integers(1, SAMPLES))
def test_a_window_is_the_excerpt_of_its_file(store, part, begin, samples):
    song = store.songs[store.song[part]]
    name = next(name for name, number in song.parts.items() if number == part)
    path = next(song.folder.glob(f"{name}.*"))
    window = store.windows([(part, begin)], samples)[0].numpy()
    before = min(samples, max(0, -begin))
    meant = np.zeros(samples, np.float32)
    if before < samples:
        meant[before:] = excerpt(path, (begin + before) / 16000, samples - before)
    tolerance = 0.51 / 32768 if song.name == "rendered" else 0.1  # resampling rings at the edges of an excerpt
    inner = slice(None) if song.name == "rendered" else slice(200, -200)
    assert window.dtype == np.float32
    assert np.abs(window - meant)[inner].max(initial=0) <= tolerance


@given(st.lists(st.tuples(st.integers(0, 8), st.integers(-9000, 60000)), max_size=5))
def test_windows_of_a_batch_are_those_of_single_calls(store, picks):
    together = store.windows(picks, SAMPLES)
    assert together.shape == (len(picks), SAMPLES)
    for window, pick in zip(together, picks, strict=True):
        assert np.array_equal(window, store.windows([pick], SAMPLES)[0])


@given(st.integers(0, 8), st.integers(0, 30))
def test_the_level_is_that_of_the_window(store, part, block):
    begin = 1600 * block
    window = store.windows([(part, begin)], SAMPLES)[0].double().numpy()
    power = np.square(window).mean()
    level = store.level_db([part], [begin], SAMPLES)[0]
    assert level == pytest.approx(10 * np.log10(power), abs=0.01) if power > 1e-12 else level == -np.inf


def test_songs_tell_what_their_files_do(store):
    songs = {song.name: song for song in store.songs}
    rendered, recorded = songs["rendered"], songs["recorded"]
    assert rendered.beats.tolist() == [0.5, 1.0, 1.5] and rendered.chords.tolist() == [[0.5, 1.5, 7.0]]
    assert rendered.notes["bass"].tolist() == [[0.5, 1.0, 40.0]] and rendered.notes["silent"].shape == (0, 3)
    assert not len(recorded.beats) and not len(recorded.chords) and not recorded.notes
    assert rendered.seconds == recorded.seconds == 3.1
    for number, song in enumerate(store.songs):
        assert all(store.song[part] == number for part in song.parts.values())


@pytest.mark.parametrize("least", [{"fewest_parts": 4}, {"shortest_s": 3.2}])
def test_no_song_is_reported(folder, least):
    with pytest.raises(TrainError, match="no song of"):
        Store([folder], "train", **least)
    with pytest.raises(TrainError, match="in the split 'test'"):
        Store([folder], "test")


@pytest.mark.parametrize("name, content", [("bass.flac", b"no sound"), ("notes.npz", b"x"), ("song.json", b"{")])
def test_a_damaged_file_is_named(folder, tmp_path, name, content):
    song = tmp_path / "train" / "song"
    song.mkdir(parents=True)
    sf.write(song / "other.flac", np.zeros(1600), 16000)
    (song / name).write_bytes(content)
    with pytest.raises((AudioError, TrainError), match="song"):
        Store([tmp_path], "train")
