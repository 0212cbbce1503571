"""Stems from scores: at the time and pitch that the score says, aligned, the same again, and whole or not at all."""

import json
import random
import shutil

import numpy as np
import pytest
import soundfile as sf

from tests.conftest import tree
from tests.train.songs.test_scores import musicxml, note, score, tempo
from train.common.errors import TrainError
from train.songs import render
from train.songs.render import SAMPLERATE
from train.songs.scores import read_score

pretty_midi = pytest.importorskip("pretty_midi")
HAS_SYNTH = shutil.which("fluidsynth") is not None and any(render.Path(path).is_file() for path in render.SOUNDFONTS)
needs_synth = pytest.mark.skipif(not HAS_SYNTH, reason="fluidsynth or its sound font is not installed")
PIANO = 0


# --- without the synthesiser


def test_low_parts_get_low_instruments():
    low, high = np.array([[0, 1, 36]] * 5), np.array([[0, 1, 72]] * 5)
    for seed in range(20):
        assert render.draw_program("bass", low, random.Random(seed)) in render.LOW
        assert render.draw_program("melody", high, random.Random(seed)) in render.SUSTAINED + render.STRUCK


def test_what_is_missing_has_its_sentence(tmp_path, monkeypatch):
    with pytest.raises(TrainError, match=r"no sound font at .*nosuch\.sf2: install it .*--soundfont"):
        render.find_soundfont("nosuch.sf2")
    font = tmp_path / "font.sf2"
    font.touch()
    with pytest.raises(TrainError, match=r"no \.mid, \.mxl, \.musicxml file below"):
        render.render(tmp_path, tmp_path / "out", soundfonts=[str(font)])
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(TrainError, match=r"fluidsynth is not installed \(Debian: apt-get install fluidsynth\)"):
        render.fluidsynth(np.array([[0, 1, 60]]), PIANO, font)


# --- with it


@needs_synth
def test_a_note_sounds_when_and_as_high_as_it_says():
    notes = np.array([[0.5, 1.5, 69], [2.5, 3.5, 57]], np.float32)
    audio = render.fluidsynth(notes, PIANO, render.find_soundfont())
    assert audio.dtype == np.float32 and audio.ndim == 1
    level = np.sqrt(np.convolve(audio**2, np.ones(160) / 160, "same"))
    for onset, frequency in ((0.5, 440.0), (2.5, 220.0)):
        at = round(onset * SAMPLERATE)
        assert level[at - 800 : at - 160].max() < 0.2 * level[at : at + 3200].max()
        loud = np.flatnonzero(level[at - 400 :] > 0.2 * level[at : at + 3200].max())[0] - 400
        assert abs(loud) < 0.04 * SAMPLERATE, "within 40 ms"
        spectrum = np.abs(np.fft.rfft(audio[at + 1600 : at + 9600] * np.hanning(8000)))
        peak = np.argmax(spectrum[: round(600 / 2)]) * 2  # bins of 2 Hz
        assert abs(peak - frequency) <= 4


@needs_synth
def test_a_song_becomes_a_folder_of_aligned_stems(tmp_path):
    score(tmp_path / "scores" / "a.mid")
    path = score(tmp_path / "scores" / "b.mid", seed=1)
    (tmp_path / "song").parent.mkdir(exist_ok=True)
    render.render_song(path, tmp_path / "song", render.Studio(render.find_soundfont()), False, None)
    described = json.loads((tmp_path / "song" / "song.json").read_text())
    assert (
        described["source"] == "b.mid"
        and described["transposed"] == 0
        and set(described["programs"]) == {"melody", "piano"}
    )
    with np.load(tmp_path / "song" / "notes.npz", allow_pickle=False) as notes:
        assert set(notes.files) == {"melody", "piano"} and notes["melody"].shape == (12, 3)
    lengths = set()
    for part in ("melody", "piano"):
        info = sf.info(tmp_path / "song" / f"{part}.flac")
        assert (info.samplerate, info.channels) == (SAMPLERATE, 1)
        lengths.add(info.frames)
        stem = sf.read(tmp_path / "song" / f"{part}.flac")[0]
        assert np.sqrt(np.mean(stem**2)) == pytest.approx(render.STEM_RMS, rel=0.1)
    assert lengths == {int(described["seconds"] * SAMPLERATE)}
    before = tree(tmp_path / "song")
    shutil.rmtree(tmp_path / "song")
    render.render_song(path, tmp_path / "song", render.Studio(render.find_soundfont()), False, None)
    after = tree(tmp_path / "song")
    assert {n: v for n, v in before.items() if n != "notes.npz"} == {n: v for n, v in after.items() if n != "notes.npz"}


@needs_synth
def test_an_excerpt_is_transposed_and_its_notes_with_it(tmp_path):
    path = score(tmp_path / "x.mid", notes=40, seed=2)
    whole = read_score(path)[0]["melody"]
    render.render_song(path, tmp_path / "song", render.Studio(render.find_soundfont()), True, 6.0)
    described = json.loads((tmp_path / "song" / "song.json").read_text())
    assert described["seconds"] == 6.0 and -5 <= described["transposed"] <= 6
    with np.load(tmp_path / "song" / "notes.npz") as notes:
        notes_melody = notes["melody"]
    assert notes_melody[:, 0].min() >= 0 and notes_melody[:, 1].max() <= 6
    pitches = (notes_melody[:, 2] - described["transposed"]).astype(int).tolist()
    assert any(pitches == whole[i : i + len(pitches), 2].astype(int).tolist() for i in range(len(whole)))


@needs_synth
def test_songs_that_are_there_are_not_made_again(tmp_path):
    for name in ("1", "2"):
        score(tmp_path / "scores" / f"{name}.mid", seed=int(name))
    assert render.render(tmp_path / "scores", tmp_path / "data", jobs=1) == 2
    songs = sorted((tmp_path / "data").glob("*/*/song.json"))
    shutil.rmtree(songs[0].parent)
    (songs[1].parent / "mark").touch()
    assert render.render(tmp_path / "scores", tmp_path / "data", jobs=1) == 2
    assert (songs[1].parent / "mark").exists()


@needs_synth
def test_a_song_of_one_part_leaves_nothing_behind(tmp_path):
    path = score(tmp_path / "scores" / "solo.mid", ("Melody",))
    render.render_song(path, tmp_path / "song", render.Studio(render.find_soundfont()), False, None)
    assert sorted(tree(tmp_path)) == ["scores/solo.mid"]


@needs_synth
def test_scores_in_musicxml_become_excerpts_and_a_damaged_one_is_named(tmp_path, capsys):
    """Twice in the split to learn from, once in that to validate on, each as long as asked, by the notes written."""
    bars = [note("C5") + note("E5") + note("G5", 8), note("F4", 8) + note("A4", 8)] * 4
    for number in (1, 8):
        musicxml(tmp_path / f"sq{number}.mxl", {"Violin 1": [tempo(120) + bars[0], *bars[1:]], "Viola": bars})
    (tmp_path / "sq2.mxl").write_bytes(b"no archive")
    out = tmp_path / "out"
    assert render.render(tmp_path, out, True, 4.0, jobs=1, excerpts=2, only=("train", "validation")) == 3
    assert "left out: " in (said := capsys.readouterr().err) and "sq2.mxl' cannot be read as MusicXML" in said
    assert sorted(folder.name for folder in out.glob("*/*")) == ["sq1", "sq1-2", "sq8"]
    for folder in out.glob("*/*"):
        about = json.loads((folder / "song.json").read_text())
        assert about["seconds"] == 4.0 and about["source"].startswith("sq")
        assert sf.info(folder / "violin 1.flac").frames == 4 * SAMPLERATE
        assert np.allclose(np.diff([when for when, _ in about["beats"]]), 0.5)
        pitches = np.load(folder / "notes.npz")["viola"][:, 2] - about["transposed"]
        assert set(pitches) <= {72, 76, 79, 65, 69}


def test_parts_of_musicxml_have_the_instrument_they_are_written_for():
    """In six of ten cases, by the name of the part; what has another name has none of its own."""
    notes, rng = np.array([[0, 1, 60, 80]] * 5, float), random.Random(1)
    studio = render.Studio(render.Path("font.sf2"))
    for part, programs in (
        ("violin 2", {40, 48}),
        ("viola", {41}),
        ("violoncello", {42}),
        ("pianoforte", {0, 1, 2, 3}),
        ("singstimme", {52, 53, 54, 85, 91}),
        ("bass ii", {52, 53, 54, 85, 91}),
    ):
        drawn = [render.as_written(part, notes, studio, rng) for _ in range(400)]
        assert {each.program for each in drawn if each} == programs
        assert 0.5 < np.mean([each is not None for each in drawn]) < 0.7
    assert render.as_written("bridge", notes, studio, rng) is None
