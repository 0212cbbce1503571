"""Stems from scores: at the time and pitch that the score says, aligned, the same again, and whole or not at all."""

import json
import shutil

import numpy as np
import pytest
import soundfile as sf

from tests.conftest import tree
from train.common.errors import TrainError
from train.songs import render
from train.songs.render import SAMPLERATE

pretty_midi = pytest.importorskip("pretty_midi")
HAS_SYNTH = shutil.which("fluidsynth") is not None and any(render.Path(path).is_file() for path in render.SOUNDFONTS)
needs_synth = pytest.mark.skipif(not HAS_SYNTH, reason="fluidsynth or its sound font is not installed")
PIANO = 0


def score(path, names=("Melody", "Piano"), notes=12, seed=0):
    """Write a MIDI file: a part per name, each of so many notes of 0.4 s, one every half second."""
    rng, midi = np.random.default_rng(seed), pretty_midi.PrettyMIDI()
    for name in names:
        part = pretty_midi.Instrument(PIANO, is_drum=name == "Drums", name=name)
        for number in range(notes):
            pitch = int(rng.integers(55, 75))
            part.notes.append(pretty_midi.Note(90, pitch, 0.5 * number, 0.5 * number + 0.4))
        midi.instruments.append(part)
    path.parent.mkdir(parents=True, exist_ok=True)
    midi.write(str(path))
    return path


# --- without the synthesiser


def test_a_score_is_read_by_its_parts(tmp_path):
    path = score(tmp_path / "song.mid", ("Melody", "Piano", "Melody", "Drums"))
    parts, chords, _ = render.read_score(path)
    assert list(parts) == ["melody", "piano", "melody3"] and chords == []
    assert parts["melody"].shape == (12, 4)
    np.testing.assert_allclose(parts["melody"][:, 0], 0.5 * np.arange(12), atol=2e-3)
    (tmp_path / "chord_midi.txt").write_text("0.0 1.0 C:maj\n1.0 2.0 Bb:min7\n2.0 3.0 F#:maj\n3.0 4.0 N\n")
    chords = render.read_score(path).chords
    assert [(chord.start, chord.end, chord.root) for chord in chords] == [
        (0, 1, 0),
        (1, 2, 10),
        (2, 3, 6),
        (3, 4, None),
    ]


def test_a_score_says_its_beats_in_the_time_of_the_excerpt(tmp_path):
    """By its annotation, else by its time signature; timed from where the excerpt begins, as its notes are."""
    path = score(tmp_path / "song.mid")
    np.testing.assert_allclose(render.read_score(path).beats[:5], [[0, 1], [0.5, 0], [1, 0], [1.5, 0], [2, 1]])
    (tmp_path / "beat_midi.txt").write_text("".join(f"{0.1 + 0.5 * n} {n % 2}.0 {n % 3 == 1:.1f}\n" for n in range(9)))
    beats = render.read_score(path).beats
    np.testing.assert_allclose(beats, [[0.1 + 0.5 * n, n % 3 == 1] for n in range(9)])
    beats_found = render.Excerpt(1.0, 2.0, 3).beats(beats)
    np.testing.assert_allclose(beats_found, [[0.1 + 0.5 * n - 1.0, n % 3 == 1] for n in range(2, 6)])


def test_a_part_of_a_few_notes_is_left_out(tmp_path):
    assert render.read_score(score(tmp_path / "song.mid", notes=9))[0] == {}


def test_splits_are_the_published_ones(tmp_path):
    for number, split in ((1, "train"), (799, "train"), (800, "validation"), (854, "validation"), (855, "test")):
        folder = tmp_path / f"{number:03}"
        folder.mkdir()
        (folder / "chord_midi.txt").touch()
        assert render.split_of(folder / f"{number:03}.mid", []) == split
    names = [f"{n}" for n in range(200)]
    splits = [render.split_of(tmp_path / f"{name}.mid", names) for name in names]
    assert [splits.count(split) for split in ("train", "validation", "test")] == [100, 50, 50]


def test_low_parts_get_low_instruments():
    import random

    low, high = np.array([[0, 1, 36]] * 5), np.array([[0, 1, 72]] * 5)
    for seed in range(20):
        assert render.draw_program("bass", low, random.Random(seed)) in render.LOW
        assert render.draw_program("melody", high, random.Random(seed)) in render.SUSTAINED + render.STRUCK


def test_what_is_missing_has_its_sentence(tmp_path, monkeypatch):
    with pytest.raises(TrainError, match=r"no sound font at .*nosuch\.sf2: install it .*--soundfont"):
        render.find_soundfont("nosuch.sf2")
    font = tmp_path / "font.sf2"
    font.touch()
    with pytest.raises(TrainError, match=r"no \.mid file below"):
        render.render(tmp_path, tmp_path / "out", soundfont=str(font))
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
    whole = render.read_score(path)[0]["melody"]
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
