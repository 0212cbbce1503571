"""The recipes from stems to alphabet, on songs of sine tones that the test makes itself."""

import dataclasses
import json
import shutil

import numpy as np
import pytest
import soundfile as sf
import torch
from scipy.signal import hilbert

from corpora.whole_files import AudioError
from perception.units import Alphabet, AlphabetError, fit_alphabet
from perception.wav2vec2 import Wav2Vec2Encoder
from train import fit_encoder, fit_units
from train.common.errors import TrainError
from train.common.settings import parse_recipe
from train.data import augment, examples, token_pairs
from train.data.examples import LOWEST_PITCH, PITCHES, ExampleMaker, pitch_classes
from train.data.store import Store

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
    assert set(scores) == {
        f"valid_{name}" for name in ("pitch_class", "pitch", "onset", "root", "harmony", "hop_shares")
    }
    return out


def maker_of(data, split="train"):
    encoder = Wav2Vec2Encoder(fit_encoder.new_model(TINY)[0].wav2vec2, 0.25)
    return ExampleMaker(Store([data], split), encoder, 20160 + encoder.support)


def test_what_was_trained_loads_as_a_plain_wav2vec2_and_streams(encoder):
    loaded = Wav2Vec2Encoder.load(encoder, 0.25)
    assert (loaded.dim, loaded.window) == (32, 64)
    assert np.isfinite(loaded.step(loaded.start(), np.zeros(4000, np.float32))).all()


def test_a_run_that_is_over_resumes_to_the_same_weights(data, encoder):
    before = Wav2Vec2Encoder.load(encoder, 0.25).model.state_dict()
    fit_encoder.fit([data], encoder, True, TINY)
    after = Wav2Vec2Encoder.load(encoder, 0.25).model.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_the_filter_bank_does_not_learn(encoder):
    learned = Wav2Vec2Encoder.load(encoder, 0.25).model.feature_extractor.conv_layers[0].conv.weight
    made = fit_encoder.new_model(TINY)[0].wav2vec2.feature_extractor.conv_layers[0].conv.weight
    assert torch.equal(learned, made.half().float())


def test_the_teacher_names_the_note_that_sounds_as_it_sounds(data, monkeypatch):
    """Transposed, mixed or not: the loudest partial of an example is one of the notes that its labels say."""
    monkeypatch.setattr(examples, "VIBRATO_SHARE", 0.0)
    maker = maker_of(data)
    for clean in (True, False):
        drawn = maker.draw(16, np.random.default_rng(3), clean=clean)
        assert drawn.active.shape == drawn.onset.shape == (16, maker.frames, PITCHES)
        for audio, active in zip(drawn.audio.numpy(), drawn.active, strict=True):
            spectrum = np.abs(np.fft.rfft(audio * np.hanning(len(audio)), 1 << 17))
            loudest = np.argmax(spectrum[800:]) + 800  # above 98 Hz, where coloured noise is weak
            named = np.flatnonzero(active.any(0)) + LOWEST_PITCH
            distance = np.abs(named - (69 + 12 * np.log2(loudest * 16000 / (1 << 17) / 440))).min()
            assert distance < 0.1 + (0 if clean else examples.MAX_DETUNING_SEMITONES)


def test_the_harmony_of_a_song_is_heard_in_each_of_its_parts(data):
    """Clean or transposed: it has what the part plays, and the fifth that the other part adds to it."""
    maker = maker_of(data)
    for clean in (True, False):
        drawn = maker.draw(24, np.random.default_rng(3), clean=clean)
        own = pitch_classes(drawn.active)
        assert (drawn.harmony | ~own).all()
        sounding = own.any(-1)
        assert (drawn.harmony[sounding].sum(-1) >= 2).all()
        root = drawn.harmony.gather(2, drawn.root.clamp(min=0)[..., None])[..., 0]
        assert root[drawn.root >= 0].all()


@torch.no_grad()
def test_a_hop_is_taught_how_much_of_it_each_pitch_class_sounds():
    """Least where the prediction is these shares, whatever frames they are in; hops are counted from the newest frame,
    and what is silent teaches nothing."""
    teacher, sounding = fit_encoder.Teacher(3), torch.zeros(1, 64, 2, 12)
    sounding[0, -12:-3, :, 4] = 1  # nine frames of the newest hop of twelve
    sounding[0, -3:, :, 7] = 1
    teacher.hop_shares.weight.zero_()
    teacher.hop_shares.bias.copy_(torch.full((24,), -30.0))
    teacher.hop_shares.bias[[4, 16]], teacher.hop_shares.bias[[7, 19]] = np.log(0.75), np.log(0.25)
    entropy = -(0.75 * np.log(0.75) + 0.25 * np.log(0.25))
    context = torch.randn(1, 64, 3)
    assert float(fit_encoder.hop_shares_loss(teacher, context, sounding, 12)) == pytest.approx(entropy, abs=1e-5)
    teacher.hop_shares.bias[[4, 16]], teacher.hop_shares.bias[[7, 19]] = np.log(0.25), np.log(0.75)
    assert float(fit_encoder.hop_shares_loss(teacher, context, sounding, 12)) > entropy + 0.1
    assert float(fit_encoder.hop_shares_loss(teacher, context, 0 * sounding, 12)) == 0
    assert float(fit_encoder.hop_shares_loss(teacher, context[:, :9], sounding[:, :9], 12)) == 0, "no hop fits"


def test_vibrato_moves_the_pitch_by_what_it_says(data):
    """The frequency of a tone of 1 kHz that is read with vibrato swings by the excursion that was drawn."""
    maker = maker_of(data)
    begin = int(maker.store.begin[0])
    tone = torch.sin(2 * np.pi * 1000 * torch.arange(int(maker.store.length[0])) / 16000)
    maker.store.samples[begin : begin + len(tone)] = (tone * 16000).to(torch.int16)
    rate, faster = 5.0, 2 ** (0.4 / 12) - 1
    vibrato = np.array([[rate], [faster * 16000 / (2 * np.pi * rate)], [0.0]])
    audio = maker._audio(np.array([0]), np.array([1.0]), np.ones(1), vibrato)[0].numpy()
    phase = np.unwrap(np.angle(hilbert(audio)))
    frequency = np.convolve(np.diff(phase) * 16000 / (2 * np.pi), np.ones(64) / 64, "valid")[2000:-2000]
    assert frequency.max() == pytest.approx(1000 * (1 + faster), rel=2e-3)
    assert frequency.min() == pytest.approx(1000 * (1 - faster), rel=2e-3)


def test_frames_begin_where_the_sound_does(data):
    """A window in which a note ends and the next begins: the labels change within a frame of the boundary."""
    maker = maker_of(data)
    part, begin_s = np.array([0]), np.array([0.5])
    active, begins = maker._notes(part, begin_s, np.ones(1))
    first = np.flatnonzero((active[0, 1:] != active[0, :-1]).any(-1).numpy())
    frame_s = maker.encoder.stride / 16000
    expected = (0.5 - maker.encoder.centre / 16000) / frame_s  # the note that begins at 1 s, in frames
    assert np.abs(first + 1 - expected).min() <= 1
    assert np.abs(np.flatnonzero(begins[0].any(-1).numpy()) - expected).min() <= 1


def test_degraded_examples_keep_their_shape_and_are_finite():
    generator = torch.Generator().manual_seed(0)
    rooms = torch.randn(3, 8000, generator=generator) * torch.linspace(1, 0, 8000) ** 4
    for given in (None, rooms):
        audio = augment.degrade(torch.randn(50, 8000, generator=generator) * 0.1, generator, given)
        assert audio.shape == (50, 8000) and audio.isfinite().all() and audio.dtype == torch.float32
    assert augment.degrade(torch.zeros(4, 8000), generator).isfinite().all()


def test_tokens_of_every_stem_and_alphabets_that_load(data, encoder, tmp_path):
    settings = fit_units.UnitsTraining(encoder=str(encoder), units="4,6", hops=400, jobs=1)
    report = fit_units.fit([data], tmp_path, False, settings)
    assert set(report) == {f"k{k}_h{hop}" for k in (4, 6) for hop in ("0.25", "0.35", "0.50")}
    for name, entry in report.items():
        alphabet = Alphabet.load(tmp_path / "units" / f"{name}.safetensors")
        tokens = token_pairs.load(tmp_path / "tokens" / name)
        assert alphabet.hash == tokens.alphabet == entry["hash"]
        stems = [stem for song in tokens.songs["train"].values() for stem in song.values()]
        assert len(stems) == 4 and all(len(stem) == int(8 / alphabet.hop) for stem in stems)


def test_an_encoder_begins_with_another_and_alphabets_keep_its_labels(data, encoder, tmp_path):
    """Nothing learned since, so encoder and labels are those of before. What cannot be kept is refused at once."""
    again = dataclasses.replace(TINY, start=str(encoder), rate=0.0)
    model, _ = fit_encoder.new_model(again)
    before = Wav2Vec2Encoder.load(encoder, 0.25).model.state_dict()
    assert all(torch.equal(before[name], weights) for name, weights in model.wav2vec2.state_dict().items())
    with pytest.raises(TrainError, match="another shape"):
        fit_encoder.new_model(dataclasses.replace(again, dim=64))
    songs = tmp_path / "stems"
    for copy in ("a", "b"):
        for song in (data / "train").iterdir():
            shutil.copytree(song, songs / "train" / f"{copy}{song.name}")
    settings = fit_units.UnitsTraining(encoder=str(encoder), units="16", hops=400, lengths=(0.25,), jobs=1, seed=1)
    fit_units.fit([songs], tmp_path / "one", False, settings)
    like = dataclasses.replace(settings, like=str(tmp_path / "one" / "units"), seed=2)
    fit_units.fit([songs], tmp_path / "two", False, like)
    one, two = (token_pairs.load(tmp_path / name / "tokens" / "k16_h0.25").songs["train"] for name in ("one", "two"))
    alike = [one[song][part] == two[song][part] for song in one for part in ("high", "low")]
    assert np.mean(alike) > 0.9
    plain = fit_alphabet(np.random.default_rng(0).normal(size=(99, 32)).astype(np.float32), 6, 0.25)
    (tmp_path / "one" / "units" / "k6_h0.25.safetensors").write_bytes(plain.to_bytes())
    for change, refusal in (
        ({"units": "6"}, "cannot"), ({"units": "28"}, "no alphabet at"), ({"taught": False}, "like needs"),
        ({"alphabets": like.like}, "like needs"),
    ):  # fmt: skip
        with pytest.raises((TrainError, AlphabetError), match=refusal):
            fit_units.fit([songs], tmp_path / "three", False, dataclasses.replace(like, **change))
    assert not (tmp_path / "three").exists()


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


def test_a_run_is_not_begun_over_another(data, encoder):
    with pytest.raises(TrainError, match="already holds a run: add --resume"):
        fit_encoder.fit([data], encoder, False, TINY)


@pytest.mark.parametrize("file", ["song.json", "notes.npz", "high.flac"])
def test_a_damaged_song_is_named(data, encoder, tmp_path, file):
    broken = tmp_path / "stems"
    shutil.copytree(data, broken)
    for song in broken.glob("train/*"):
        (song / file).write_bytes(b"no music")
    message = r"high\.flac' is not audio" if file.endswith("flac") else "damaged"
    with pytest.raises((TrainError, AudioError), match=message):
        maker_of(broken)
    if file.endswith("flac"):
        settings = fit_units.UnitsTraining(encoder=str(encoder), units="4", hops=400, jobs=1)
        with pytest.raises(AudioError, match=message):
            fit_units.fit([broken], tmp_path / "out", False, settings)
