"""Recordings as songs to learn from: notes and beats that the teachers hear are those that were played."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from tests.conftest import write
from train.songs import recordings
from train.songs.recordings import FRAME_SAMPLES, SAMPLERATE, TEACHER_RATE

NETWORK = Path(__file__).parents[4] / "shared" / "data" / "teachers" / "basic_pitch_nmp.onnx"
needs_teacher = pytest.mark.skipif(not NETWORK.is_file(), reason="the note teacher is not here")
FRAME_S = FRAME_SAMPLES / TEACHER_RATE


def test_a_note_lasts_while_it_is_probable_and_is_split_where_it_begins_anew():
    sounds, begins = np.zeros((100, 88)), np.zeros((100, 88))
    sounds[10:50, 40] = 0.9
    begins[[10, 30], 40] = 0.9
    sounds[60:64, 50] = 0.9  # shorter than a note can be
    sounds[70:90, 60] = 0.2  # less probable than a note must be
    notes = recordings.notes_of(sounds, begins)
    pitch = 40 + recordings.LOWEST_PITCH
    expected = [[10 * FRAME_S, 30 * FRAME_S, pitch], [30 * FRAME_S, 50 * FRAME_S, pitch]]
    np.testing.assert_allclose(notes, expected, atol=1e-5)


def clicks(bpm: float, seconds: float, rng: np.random.Generator) -> np.ndarray:
    """A stroke of noise on every beat."""
    out, beat = np.zeros(int(seconds * SAMPLERATE), np.float32), 60 / bpm
    for at in (np.arange(0.1, seconds - 0.2, beat) * SAMPLERATE).astype(int):
        out[at : at + 1600] += rng.standard_normal(1600) * np.exp(-np.arange(1600) / 200)
    return out * 0.3


@pytest.mark.parametrize("names", [("drums", "keys"), ("band", "guitar")])
def test_a_song_says_its_beats_with_and_without_a_stem_of_drums(tmp_path, monkeypatch, names):
    """The beat of the strokes, in the stem called drums or somewhere in the band; a loud tone beside them rests."""
    monkeypatch.setattr(recordings, "activations", lambda audio, network: (np.zeros((9, 88)), np.zeros((9, 88))))
    rng, time = np.random.default_rng(1), np.arange(20 * SAMPLERATE) / SAMPLERATE
    sounds = clicks(100, 20, rng), (0.2 * np.sin(2 * np.pi * 220 * time)).astype(np.float32)
    stems = {
        name: write(tmp_path / f"{name}.wav", sound, SAMPLERATE) for name, sound in zip(names, sounds, strict=True)
    }
    recordings.make_song(stems, tmp_path / "song", NETWORK)
    beats = np.array(json.loads((tmp_path / "song" / "song.json").read_text())["beats"])
    assert len(beats) > 25
    phases = (beats - 0.1) / 0.6
    assert np.abs(phases - np.round(phases)).max() < 0.12


@needs_teacher
def test_notes_of_a_recording_are_those_played(tmp_path):
    pytest.importorskip("onnxruntime")
    pitches = [60, 64, 67, 72]
    time = np.arange(SAMPLERATE // 2) / SAMPLERATE
    tones = [sum(np.sin(2 * np.pi * k * 440 * 2 ** ((p - 69) / 12) * time) / k for k in (1, 2, 3, 4)) for p in pitches]
    melody = np.concatenate([tone * np.exp(-2 * time) for tone in tones]).astype(np.float32) * 0.2
    stems = {"keys": write(tmp_path / "keys.wav", melody, SAMPLERATE),
             "drums": write(tmp_path / "drums.wav", clicks(120, 2, np.random.default_rng(0)), SAMPLERATE)}  # fmt: skip
    recordings.make_song(stems, tmp_path / "song", NETWORK)
    with np.load(tmp_path / "song" / "notes.npz") as notes:
        assert set(notes.files) == {"keys"}
        found = notes["keys"]
    for number, pitch in enumerate(pitches):
        onsets = found[found[:, 2] == pitch, 0]
        assert len(onsets) and np.abs(onsets - number / 2).min() < 0.06
    assert sf.info(tmp_path / "song" / "drums.flac").samplerate == SAMPLERATE
