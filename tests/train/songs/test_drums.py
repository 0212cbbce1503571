"""A drummer for rendered songs: on the beats where chords change, when and never which note, whole or not at all."""

import json
import random
import shutil
from itertools import pairwise

import numpy as np
import pytest
import soundfile as sf
from hypothesis import given
from hypothesis import strategies as st

from train.common.errors import TrainError
from train.data.pair_draws import ONSET_BIT, SCORE_STEP_SAMPLES, score_bits
from train.data.store import Store
from train.data.submixes import submix_songs
from train.songs import drums, render
from train.songs.drums import BAR_BEATS, STEPS_PER_BEAT

HAS_SYNTH = shutil.which("fluidsynth") is not None and any(render.Path(path).is_file() for path in render.SOUNDFONTS)
needs_synth = pytest.mark.skipif(not HAS_SYNTH, reason="fluidsynth or its sound font is not installed")
BEAT = 0.5


def song(folder, seconds=12.0, bars=6):
    """A rendered song of two stems, whose chords change with every bar."""
    folder.mkdir(parents=True)
    rng, notes = np.random.default_rng(0), {}
    for part in ("melody", "piano"):
        sf.write(folder / f"{part}.flac", 0.1 * rng.standard_normal(int(16000 * seconds)), 16000)
        notes[part] = np.array([[0.5, 0.9, 60], [1.0, 1.4, 64]], np.float32)
    np.savez(folder / "notes.npz", **notes)
    chords = [[BAR_BEATS * BEAT * bar, BAR_BEATS * BEAT * (bar + 1), bar % 12] for bar in range(bars)]
    (folder / "song.json").write_text(json.dumps({"seconds": seconds, "chords": chords, "bpm": 120, "programs": {}}))
    return folder


@given(
    st.lists(st.integers(1, 8), min_size=1, max_size=12), st.floats(0.4, 0.8), st.floats(-1, 5), st.floats(-0.2, 0.2)
)
def test_chords_change_on_beats(lengths, beat, begin, loose):
    """The first beat of each chord is where it begins; a tempo that is a little off does not add up."""
    starts = begin + beat * (1 + loose / 8) * np.concatenate([[0], np.cumsum(lengths)])
    chords = [[a, b, 0] for a, b in pairwise(starts)]
    times, downbeat = drums.beats_of(chords, beat)
    assert len(times) == sum(lengths) and 0 <= downbeat < BAR_BEATS
    np.testing.assert_allclose(times[np.concatenate([[0], np.cumsum(lengths)[:-1]])], starts[:-1])
    assert (np.diff(times) > 0).all()


def test_a_downbeat_is_where_most_chords_change():
    upbeat, bars = [[0.0, 0.5, 0]], [[0.5 + 2 * bar, 2.5 + 2 * bar, 0] for bar in range(5)]
    assert drums.beats_of(upbeat + bars, 0.5)[1] == 1


@given(st.integers(0, 10**6))
def test_a_drummer_keeps_time(seed):
    """Each hit is within 12 ms of a sixteenth, or of one that swings; every bar has its first beat."""
    times = 1.0 + BEAT * np.arange(64)
    hits = drums.drum_hits(times, 0, BEAT, random.Random(seed))
    step, loose = BEAT / STEPS_PER_BEAT, 0.0121
    step_number = np.floor((hits[:, 0] - 1.0 + loose) / step)
    late = hits[:, 0] - 1.0 - step * step_number
    assert late.min() >= -loose and late[step_number % 2 == 0].max() <= loose and late.max() <= 0.33 * step + loose
    assert set(hits[:, 2]) <= {*drums.CLOCKS, *drums.TOMS, drums.KICK, drums.STICK, drums.SNARE, drums.CLAP,
                               drums.OPEN, drums.CRASH}  # fmt: skip
    assert hits[:, 3].min() >= 20 and hits[:, 3].max() <= 127
    kicks = hits[hits[:, 2] == drums.KICK, 0]
    assert all(np.abs(kicks - first).min() < 0.05 for first in times[::BAR_BEATS])
    again = drums.drum_hits(times, 0, BEAT, random.Random(seed))
    np.testing.assert_array_equal(hits, again)


@needs_synth
def test_a_song_gets_a_stem_that_hits_where_its_notes_say(tmp_path):
    old, new = song(tmp_path / "stems" / "train" / "one"), tmp_path / "data" / "train" / "one"
    new.parent.mkdir(parents=True)
    drums.add_drums(old, new, render.find_soundfont(), 1.0)
    audio, rate = sf.read(new / "drums.flac")
    assert (rate, len(audio)) == (16000, 12 * 16000)
    assert np.sqrt(np.mean(audio**2)) == pytest.approx(render.STEM_RMS, rel=0.1)  # a peak may be clipped
    assert set(submix_songs(tmp_path / "data", "train")["one"]) == {new / f"{stem}.flac" for stem in
                                                                ("drums", "melody", "piano")}  # fmt: skip
    with np.load(new / "notes.npz") as notes:
        hits = notes["drums"]
        assert set(notes.files) == {"drums", "melody", "piano"} and set(hits[:, 2]) == {-1}
    first = int(16000 * hits[0, 0])
    assert np.abs(audio[first : first + 1600]).max() > 10 * np.abs(audio[: max(first - 160, 1)]).max()
    store = Store([tmp_path / "data"], "train")
    score = score_bits(store)[store.begin[store.songs[0].parts["drums"]] // SCORE_STEP_SAMPLES :][:600].numpy()
    assert set(score) == {0, 1 << ONSET_BIT}  # when, never which note


@needs_synth
def test_the_command_makes_each_song_once_and_leaves_the_stems_alone(tmp_path, monkeypatch, capsys):
    for name in ("one", "two"):
        song(tmp_path / "stems" / "test" / name)
    before = {path: path.read_bytes() for path in (tmp_path / "stems").rglob("*") if path.is_file()}
    words = ["drums", str(tmp_path / "stems"), "-o", str(tmp_path / "data"), "--jobs", "1"]
    monkeypatch.setattr("sys.argv", [*words, "--share", "0"])
    drums.main()
    assert not list((tmp_path / "data").rglob("drums.flac"))
    assert len(list((tmp_path / "data").rglob("melody.flac"))) == 2
    shutil.rmtree(tmp_path / "data" / "test" / "one")
    monkeypatch.setattr("sys.argv", [*words, "--share", "1"])
    drums.main()
    assert [path.parent.name for path in (tmp_path / "data").rglob("drums.flac")] == ["one"]
    assert "1 songs with drums" in capsys.readouterr().out
    assert before == {path: path.read_bytes() for path in (tmp_path / "stems").rglob("*") if path.is_file()}


def test_a_damaged_song_is_a_sentence(tmp_path, monkeypatch):
    font = tmp_path / "any.sf2"
    font.touch()
    damaged = song(tmp_path / "stems" / "train" / "one")
    (damaged / "song.json").write_text('{"chords": []}')
    words = ["drums", str(tmp_path / "stems"), "-o", str(tmp_path / "out"), "--soundfont", str(font), "--jobs", "1"]
    monkeypatch.setattr("sys.argv", words)
    with pytest.raises(TrainError, match=r"song '.*one' is damaged .*render it again"):
        drums.main()
    assert not list((tmp_path / "out" / "train").iterdir())


def test_a_folder_without_songs_is_a_sentence(tmp_path, monkeypatch):
    font = tmp_path / "any.sf2"
    font.touch()
    monkeypatch.setattr("sys.argv", ["drums", str(tmp_path), "-o", str(tmp_path / "out"), "--soundfont", str(font)])
    with pytest.raises(TrainError, match=r"no song in .*train\.songs\.render"):
        drums.main()
