"""The recipes from stems to alphabet, on songs of sine tones that the test makes itself."""

import json
import shutil

import numpy as np
import pytest
import soundfile as sf
import torch
from sklearn.metrics import normalized_mutual_info_score

from corpora.disk import AudioError
from perception.units import Alphabet, fit_alphabet
from perception.wav2vec2 import Wav2Vec2Encoder
from train import fit_encoder, fit_units
from train.common.errors import TrainError
from train.common.settings import parse_recipe
from train.data import augment, token_pairs

TINY = fit_encoder.EncoderTraining(minutes=0.02, batch=2, dim=32, layers=1, heads=2, pitches=24, threads=1)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Two songs of two parts in each split: a second per note, the two parts a fifth apart."""
    root, rng = tmp_path_factory.mktemp("stems"), np.random.default_rng(0)
    for split in ("train", "validation", "test"):
        for number in range(2):
            song = root / split / str(number)
            song.mkdir(parents=True)
            melody = rng.integers(55, 75, 8)
            notes = {}
            for part, shift in (("high", 7), ("low", 0)):
                seconds = np.arange(16000) / 16000
                tones = [np.sin(2 * np.pi * 440 * 2 ** ((p + shift - 69) / 12) * seconds) for p in melody]
                sf.write(song / f"{part}.flac", 0.1 * np.concatenate(tones), 16000)
                notes[part] = np.array([[i, i + 1, p + shift] for i, p in enumerate(melody)], np.float32)
            np.savez(song / "notes.npz", **notes)
            chords = [[i, i + 1, int(p) % 12] for i, p in enumerate(melody)]
            (song / "song.json").write_text(json.dumps({"chords": chords, "seconds": 8.0}))
    return root


@pytest.fixture(scope="module")
def encoder(data, tmp_path_factory):
    out = tmp_path_factory.mktemp("encoder")
    scores = fit_encoder.fit([data], out, False, TINY)
    assert set(scores) == {"valid_pitch_class", "valid_pitch", "valid_root"}
    return out


def songs_of(data, split="train"):
    encoder = Wav2Vec2Encoder(fit_encoder.new_model(TINY)[0].wav2vec2, 0.25)
    return fit_encoder.Songs([data], split, 20160 + encoder.support, encoder), encoder


def test_what_was_trained_loads_as_a_plain_wav2vec2_and_streams(encoder):
    ear = Wav2Vec2Encoder.load(encoder, 0.25)
    assert (ear.dim, ear.window) == (32, 64)
    assert np.isfinite(ear.step(ear.start(), np.zeros(4000, np.float32))).all()


def test_a_run_that_is_over_resumes_to_the_same_weights(data, encoder):
    before = Wav2Vec2Encoder.load(encoder, 0.25).model.state_dict()
    fit_encoder.fit([data], encoder, True, TINY)
    after = Wav2Vec2Encoder.load(encoder, 0.25).model.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_the_filter_bank_does_not_learn(encoder):
    learned = Wav2Vec2Encoder.load(encoder, 0.25).model.feature_extractor.conv_layers[0].conv.weight
    made = fit_encoder.new_model(TINY)[0].wav2vec2.feature_extractor.conv_layers[0].conv.weight
    assert torch.equal(learned, made.half().float())


def test_the_teacher_names_the_note_that_sounds(data):
    songs, _ = songs_of(data)
    for number in range(20):
        audio, pitches, _ = songs.sample(np.random.default_rng(number), augment=False)
        spectrum = np.abs(np.fft.rfft(audio * np.hanning(len(audio)), 1 << 17))
        loudest = np.argmax(spectrum) * 16000 / (1 << 17)
        named = np.flatnonzero(pitches.any(0)) + fit_encoder.PITCHES[0]
        assert np.abs(named - (69 + 12 * np.log2(loudest / 440))).min() < 0.5


def test_transposition_moves_sound_and_target_together(data):
    songs, _ = songs_of(data)
    for number in range(20):
        rng = np.random.default_rng(number)
        audio, pitches, _ = songs.sample(rng)
        assert audio.shape == (songs.samples,) and np.isfinite(audio).all()
        assert pitches.shape[0] == songs.frames


def test_worsening_keeps_length_and_is_finite():
    rng = np.random.default_rng(0)
    for _ in range(50):
        audio = augment.degrade(rng.standard_normal(8000).astype(np.float32) * 0.1, rng)
        assert audio.shape == (8000,) and np.isfinite(audio).all() and audio.dtype == np.float32


def test_tokens_of_every_stem_and_alphabets_that_load(data, encoder, tmp_path):
    settings = fit_units.UnitsTraining(encoder=str(encoder), units="4,6", hops=400, jobs=1)
    report = fit_units.fit([data], tmp_path, False, settings)
    assert set(report) == {f"k{k}_h{hop}" for k in (4, 6) for hop in ("0.25", "0.50")}
    for name, about in report.items():
        alphabet = Alphabet.load(tmp_path / "units" / f"{name}.safetensors")
        tokens = token_pairs.load(tmp_path / "tokens" / f"{name}.npz")
        assert alphabet.hash == tokens.alphabet == about["hash"]
        stems = [stem for song in tokens.songs["train"].values() for stem in song.values()]
        assert len(stems) == 4 and all(len(stem) == round(8 / alphabet.hop) for stem in stems)


def test_an_empty_folder_is_refused_with_the_remedy(tmp_path):
    with pytest.raises(TrainError, match="python -m train"):
        fit_encoder.fit([tmp_path], tmp_path / "out", False, TINY)
    with pytest.raises(TrainError, match="python -m train"):
        fit_units.fit([tmp_path], tmp_path / "out", False, fit_units.UnitsTraining())


def test_every_setting_is_a_flag():
    recipe = parse_recipe("", fit_encoder.EncoderTraining, ["x", "-o", "y", "--rate", "0.1", "--resume"])
    assert recipe.resume and recipe.given == {"rate": 0.1}


def test_shares_are_what_sounds():
    spans = np.array([[0.0, 0.5, 60], [0.25, 1.25, 64], [0.5, 0.75, 72]])
    covered = fit_units.shares(spans, 0.5, 3)
    assert covered[0, 0] == 1 and covered[0, 4] == 0.5
    assert covered[1, 0] == 0.5 and covered[1, 4] == 1
    assert covered[2, 4] == 0.5 and covered.sum() == 3.5


def test_a_taught_alphabet_finds_the_pitch_class_that_timbre_hides():
    rng = np.random.default_rng(0)
    pitch = rng.integers(0, 12, 3000)
    features = np.hstack([np.eye(12)[pitch], 20 * rng.standard_normal((3000, 20))]) @ rng.standard_normal((32, 32))
    hops = {"features": features.astype(np.float32), "chroma": np.eye(12)[pitch], "root": np.zeros((3000, 12))}
    projection = fit_units.taught_projection(hops)
    assert projection.shape == (32, 12), "no chord was known, so none is taught"
    labels = fit_alphabet(hops["features"], 12, 0.5, projection).quantize(hops["features"])
    guess = fit_alphabet(hops["features"], 12, 0.5).quantize(hops["features"])
    assert normalized_mutual_info_score(pitch, labels) > 0.9 > 0.2 > normalized_mutual_info_score(pitch, guess)


def test_without_scores_nothing_is_taught():
    hops = {
        "features": np.ones((500, 4), np.float32),
        "chroma": np.full((500, 12), np.nan),
        "root": np.zeros((500, 12)),
    }
    assert fit_units.taught_projection(hops) is None


def test_a_run_is_not_begun_over_another(data, encoder):
    with pytest.raises(TrainError, match="already holds a run: add --resume"):
        fit_encoder.fit([data], encoder, False, TINY)


@pytest.mark.parametrize("file", ["song.json", "notes.npz", "high.flac"])
def test_a_damaged_song_is_named(data, encoder, tmp_path, file):
    broken = tmp_path / "stems"
    shutil.copytree(data, broken)
    for song in broken.glob("train/*"):
        (song / file).write_bytes(b"no music")
    said = r"high\.flac' is not audio" if file.endswith("flac") else "damaged"
    with pytest.raises((TrainError, AudioError), match=said):
        songs = songs_of(broken)[0]
        for number in range(20):
            songs.sample(np.random.default_rng(number))
    if file.endswith("flac"):
        settings = fit_units.UnitsTraining(encoder=str(encoder), units="4", hops=400, jobs=1)
        with pytest.raises(AudioError, match=said):
            fit_units.fit([broken], tmp_path / "out", False, settings)
