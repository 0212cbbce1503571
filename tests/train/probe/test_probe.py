"""The probe: answers read from notes by hand, features in their hops, and a whole probe on songs made of sines."""

import json

import numpy as np
import pytest
import soundfile as sf
import torch
from transformers import Wav2Vec2Model

from corpora.whole_files import write_files
from perception.units import fit_alphabet
from perception.wav2vec2 import SAMPLERATE, EncoderError, Wav2Vec2Encoder, music_config
from tests.tolerance import encoder_rounding
from train.common.errors import TrainError
from train.data.shards import read_shard, write_shard
from train.fit_units import UnitsTraining, encode
from train.probe.features import (
    BOTH,
    FRAME_SAMPLES,
    Hops,
    durations,
    extract_hops,
    feature_kinds,
    from_both_sides,
    longest_class,
    per_hop,
    songs_in,
)
from train.probe.probe import ProbeEvaluation, linear_probe, main, nmi, probe

librosa = pytest.importorskip("librosa")


def tiny_encoder(folder, hop: float = 0.25) -> Wav2Vec2Encoder:
    """A music front end of random weights, saved as a real one is."""
    torch.manual_seed(0)
    Wav2Vec2Model(music_config(pitches=24, dim=32, layers=1, heads=2)).save_pretrained(folder)
    return Wav2Vec2Encoder.load(folder, hop)


def make_song(folder, seed: int, parts=("melody", "piano"), seconds: float = 16.0) -> None:
    """A note of each part every half second, a sine of two partials, with a rest of one second in the middle."""
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True)
    notes, chords = {}, []
    for part in parts:
        onsets = [t for t in np.arange(0, seconds, 0.5) if not 7.9 < t < 8.9]
        notes[part] = np.array([(t, t + 0.5, rng.integers(60, 72)) for t in onsets], np.float32)
        time, audio = np.arange(int(seconds * SAMPLERATE)) / SAMPLERATE, np.zeros(int(seconds * SAMPLERATE))
        for onset, offset, pitch in notes[part]:
            now = (time >= onset) & (time < offset)
            frequency = 440 * 2 ** ((pitch - 69) / 12)
            audio[now] += 0.1 * np.sin(2 * np.pi * frequency * time[now])
            audio[now] += 0.03 * np.sin(4 * np.pi * frequency * time[now])
        sf.write(folder / f"{part}.flac", audio, SAMPLERATE)
    if "piano" in parts:
        chords = [[float(onset), float(offset), int(pitch) % 12] for onset, offset, pitch in notes["piano"]]
    np.savez(folder / "notes.npz", **notes)
    (folder / "song.json").write_text(json.dumps({"seconds": seconds, "chords": chords}))


@pytest.fixture(autouse=True)
def fewer_draws(monkeypatch):
    """A tenth of the bootstrap: nothing here depends on how smooth an interval is."""
    monkeypatch.setattr("train.probe.probe.BOOTSTRAP_DRAWS", 10)


def encoder_of(workspace, hop: float) -> Wav2Vec2Encoder:
    return Wav2Vec2Encoder.load(workspace / "model" / "encoder", hop)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    """Rendered songs and an encoder."""
    folder = tmp_path_factory.mktemp("probe")
    for number in range(5):
        make_song(folder / "data" / "train" / f"s{number}", number)
    for number in range(3):
        make_song(folder / "data" / "test" / f"t{number}", 100 + number)
    make_song(folder / "scales" / "one", 200, parts=("violin",))
    tiny_encoder(folder / "model" / "encoder")
    return folder


def test_the_longest_sounding_class_of_a_hop():
    notes = np.array(
        [[0.0, 0.3, 60], [0.3, 0.5, 61], [0.5, 0.7, 60], [0.7, 0.85, 62], [0.85, 1.0, 72 + 2], [1.6, 1.7, 71]]
    )
    assert longest_class(durations(notes, 0.5, 5)).tolist() == [
        0,
        2,
        -1,
        11,
        -1,
    ]  # 62 and 74 are one class, longer than 60 together
    assert longest_class(durations(np.zeros((0, 3)), 0.5, 3)).tolist() == [-1, -1, -1]
    cut = np.array([[-1.0, 0.1, 60], [0.9, 5.0, 61]])  # at the excerpt's ends
    assert longest_class(durations(cut, 0.5, 2)).tolist() == [0, 1]
    assert longest_class(durations(cut, 0.5, 2, unseen_s=0.1)).tolist() == [0, -1]


@pytest.mark.parametrize("hop", [4000, 8000, 5600])
def test_frames_fall_into_the_hop_that_holds_their_centre(hop):
    frames = np.arange(200.0)[None]  # its own number
    averaged = per_hop(frames, hop, 5)
    for i in range(5):
        inside = [j for j in range(200) if i * hop <= j * FRAME_SAMPLES < (i + 1) * hop]
        assert averaged[i, 0] == pytest.approx(np.mean(inside))


def test_features_of_a_coarser_hop_are_those_of_an_encoder_at_that_hop(workspace):
    audio = np.random.default_rng(0).normal(size=SAMPLERATE * 4).astype(np.float32) * 0.1
    fine, coarse = feature_kinds(encoder_of(workspace, 0.25))["encoder"](audio, [4000, 8000])
    assert fine.shape == (16, 32)
    encoder = Wav2Vec2Encoder.load(workspace / "model" / "encoder", 0.5)
    expected = encoder.batch(audio)[0]
    np.testing.assert_allclose(coarse, expected, rtol=0, atol=encoder_rounding(encoder, expected))


def test_the_untrained_encoders_are_the_same_architecture_with_other_weights(workspace):
    kinds, audio = feature_kinds(encoder_of(workspace, 0.5), seed=3), np.ones(SAMPLERATE * 2, np.float32) * 0.1
    features = {name: kinds[name](audio, [8000])[0] for name in ("encoder", "random", "untrained")}
    assert all(each.shape == (4, 32) for each in features.values())
    assert not np.allclose(features["encoder"], features["random"]) and not np.allclose(
        features["random"], features["untrained"]
    )
    again = feature_kinds(encoder_of(workspace, 0.5), seed=3)["random"](audio, [8000])[0]
    assert (again == features["random"]).all()


def test_only_hops_that_sound_and_have_an_answer_are_asked(workspace):
    songs = songs_in(workspace / "data" / "test", 10)
    extracted = extract_hops(songs, feature_kinds(encoder_of(workspace, 0.5), "mfcc"), [0.5])
    melody = extracted[0.5]["pitch class"]
    assert len(melody.answer) == 3 * 30 and melody.features["mfcc"].shape == (90, 20)  # 32 hops, 2 of them rest
    with np.load(songs[0] / "notes.npz") as notes:
        assert melody.answer[:30].tolist() == (notes["melody"][:, 2].astype(int) % 12).tolist()


def test_nmi_and_the_linear_probe_know_all_or_nothing():
    rng = np.random.default_rng(0)
    answer = rng.integers(0, 12, 2000)
    assert nmi(answer, (answer * 5) % 12) == pytest.approx(1.0)
    assert nmi(answer, rng.integers(0, 12, 2000)) < 0.05
    features = np.eye(12)[answer] + rng.normal(size=(2000, 12)) * 0.05
    training, test = (
        Hops({"x": features[i]}, answer[i], np.arange(1000) // 100, np.ones(1000), answer[i])
        for i in (slice(1000), slice(1000, 2000))
    )
    right, info = linear_probe(training, test, "x", 0)
    assert right.shape == (1000,) and right.all() and info["probe_hops"] == 1000


def test_a_probe_is_regularised_as_the_training_songs_ask():
    """Many features, few hops and doubtful answers: what a probe needs least is freedom."""
    rng = np.random.default_rng(0)
    answer = rng.integers(0, 12, 1200)
    x = rng.normal(size=(1200, 200)).astype(np.float32)
    x[:, :24] += 1.5 * np.tile(np.eye(12), 2)[answer]
    answer[:240] = rng.integers(0, 12, 240)
    training, test = (
        Hops({"x": x[i]}, answer[i], np.arange(600) // 20, 0 * x[i][:, 0], answer[i])
        for i in (slice(600), slice(600, 1200))
    )
    right, info = linear_probe(training, test, "x", 0)
    assert info["probe_c"] < 1.0 and right.mean() > 0.2


def test_both_sides_are_the_frames_of_the_hop_wherever_a_block_begins(workspace):
    encoder = encoder_of(workspace, 0.25)
    audio = np.random.default_rng(0).normal(size=SAMPLERATE * 20).astype(np.float32) * 0.1
    fine, coarse = from_both_sides(encoder, audio, [4000, 8000])
    assert fine.shape == (80, 32) and coarse.shape == (40, 32)
    alone = from_both_sides(encoder, audio[6 * SAMPLERATE : 14 * SAMPLERATE], [4000])[0]
    far = np.abs(fine - fine.mean(0)).mean()
    for hop in (16, 23):  # 10 s, amid a block, and 11.75 s, as it ends: the same but for what is far away
        assert np.abs(alone[hop] - fine[24 + hop]).mean() < 0.2 * far
    silent = audio.copy()
    silent[5 * SAMPLERATE :] = 0
    assert not np.allclose(from_both_sides(encoder, silent, [8000])[0][9], coarse[9], atol=1e-3)  # it looks ahead


@pytest.mark.slow
def test_features_may_come_from_the_cache_of_the_alphabets(workspace, tmp_path):
    encode([workspace / "data"], tmp_path, UnitsTraining(encoder=str(workspace / "model" / "encoder"), songs=10))
    listened, read = (
        run(workspace, hops="0.5", kinds="encoder,mfcc", features=each)["hops"][0]["rows"]
        for each in (None, tmp_path / "features")
    )
    assert read[1] == listened[1]
    assert read[0]["pitch class"]["n"] == listened[0]["pitch class"]["n"]
    assert read[0]["pitch class"]["accuracy"] == pytest.approx(listened[0]["pitch class"]["accuracy"], abs=0.1)
    arrays = read_shard(tmp_path / "features", "train-00000")
    write_shard(tmp_path / "features", "train-00000", {k: -v for k, v in arrays.items()})
    with pytest.raises(TrainError, match="another encoder"):
        run(workspace, kinds="encoder", features=tmp_path / "features")
    with pytest.raises(TrainError, match="no features of these songs"):
        run(workspace, kinds="encoder", features=tmp_path / "nowhere")


def run(workspace, **more):
    settings = {"units": 16, "seconds": 0.0, "songs": 5} | more
    return probe(workspace / "data", workspace / "model", workspace / "out", **settings)


def test_a_whole_probe(workspace):
    result = run(workspace)
    assert sorted(p.name for p in (workspace / "out").iterdir()) == ["probe.json", "probe.md"]
    assert json.loads((workspace / "out" / "probe.json").read_text()) == result
    assert (result["training_songs"], result["test_songs"]) == (5, 3)
    assert [at["hop"] for at in result["hops"]] == [0.5, 0.25]
    for at in result["hops"]:
        rows = {row["kind"]: row for row in at["rows"]}
        assert list(rows) == ["encoder", BOTH, "random", "untrained", "mfcc", "chroma stft", "chroma cqt"]
        assert len({row["kmeans_hops"] for row in rows.values()}) == 1
        for row in rows.values():
            assert row["pitch class"]["n"] == row["chord root"]["n"] == round(45 / at["hop"])
            assert row["pitch class"]["songs"] == 3
        assert rows["encoder"]["pitch class"]["whitening"] == 0.5
        assert at["notes"]["pitch class"] == {"clear": 1.0, "accuracy": 1.0}  # a note every half second
        best = rows[at["stronger_chroma"]]  # sines of one octave: chroma must know them
        assert best["pitch class"]["nmi"] > 0.7 and best["pitch class"]["accuracy"] > 0.9
    assert "(the stronger)" in (workspace / "out" / "probe.md").read_text()


def test_the_same_seed_gives_the_same_bytes(workspace):
    run(workspace, kinds="encoder,mfcc", hops="0.5", worsen=1)
    first = (workspace / "out" / "probe.json").read_bytes()
    run(workspace, kinds="encoder,mfcc", hops="0.5", worsen=1)
    assert first == (workspace / "out" / "probe.json").read_bytes()


def test_only_the_test_songs_get_a_room_and_noise(workspace):
    songs, kinds = songs_in(workspace / "data" / "test", 10), feature_kinds(encoder_of(workspace, 0.5), "mfcc")
    clean, degraded = (extract_hops(songs, kinds, [0.5], degraded=w)[0.5]["pitch class"] for w in (False, True))
    assert 0 < len(degraded.answer) <= len(clean.answer)
    assert not np.isin(degraded.features["mfcc"].round(3), clean.features["mfcc"].round(3)).all()
    rows = [run(workspace, kinds="mfcc", hops="0.5", worsen=w)["hops"][0]["rows"][0] for w in (0, 1)]
    assert rows[0]["kmeans_hops"] == rows[1]["kmeans_hops"] and rows[1]["pitch class"]["n"] == len(degraded.answer)
    assert rows[0]["pitch class"] != rows[1]["pitch class"]


def test_other_songs_may_be_examined_whatever_their_parts_are_called(workspace):
    result = probe(
        workspace / "data",
        workspace / "model",
        workspace / "out",
        test=workspace / "scales",
        units=16,
        songs=5,
        kinds="chroma cqt",
    )
    row = result["hops"][0]["rows"][0]
    assert (row["pitch class"]["n"], row["chord root"]) == (30, None)
    assert result["test"] == "scales" and row["pitch class"]["interval"] is None


def test_an_alphabet_in_the_model_folder_is_examined_as_well(workspace, tmp_path):
    tiny_encoder(tmp_path / "model" / "encoder")
    (tmp_path / "model" / "units").mkdir()
    features = np.random.default_rng(0).normal(size=(400, 32)).astype(np.float32)
    alphabet = fit_alphabet(features, 16, 0.5)
    write_files(tmp_path / "model" / "units", {"k16_h0.50.safetensors": alphabet.to_bytes()})
    result = probe(
        workspace / "data",
        tmp_path / "model",
        tmp_path / "out",
        units=16,
        songs=5,
        seconds=0.0,
        kinds="encoder",
        hops="0.5",
    )
    assert [row["kind"] for row in result["hops"][0]["rows"]] == ["encoder", "encoder, its own alphabet"]
    assert "accuracy" not in result["hops"][0]["rows"][1]["pitch class"]


def test_mistakes_are_reported_with_the_remedy(workspace, capsys):
    with pytest.raises(TrainError, match=r"no kind of feature 'mel'.*mfcc"):
        run(workspace, kinds="mel")
    with pytest.raises(TrainError, match=r"no rendered song.*train\.songs\.render"):
        probe(workspace / "nowhere", workspace / "model", workspace / "out")
    with pytest.raises(TrainError, match="songs = 0"):
        run(workspace, songs=0)
    for hops in ("0.5,0.35", "half", "0"):
        with pytest.raises(TrainError, match="hops = "):
            ProbeEvaluation(hops=hops).lengths()
    with pytest.raises(EncoderError, match=r"no wav2vec 2\.0 model"):
        main([str(workspace / "data"), "--model", str(workspace / "nowhere"), "-o", str(workspace / "out")])


def test_the_command_line(workspace, capsys):
    arguments = [str(workspace / "data"), "--model", str(workspace / "model"), "-o", str(workspace / "out")]
    main([*arguments, "--units", "16", "--kinds", "mfcc", "--hops", "0.5", "--songs", "3"])
    assert "| mfcc | 20 |" in capsys.readouterr().out
