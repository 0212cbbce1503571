"""One command from an encoder and stems to a model that plays: what it writes, refuses and does not do twice."""

import json
import shutil

import numpy as np
import pytest
import soundfile as sf
import torch
from transformers import HubertConfig, HubertModel, Wav2Vec2FeatureExtractor

from agent.performance.model import Model
from tests.conftest import melody, tree
from tests.train.test_import_fairseq import models, save
from train import fit_decision, fit_units, make_model
from train.common.errors import TrainError
from train.songs import pairs

RATE = 16000
QUICK = ("--hops", 0.5, "--units", 5, "--steps", 2, "--batch", 2, "--crops", 4, "--jobs", 1)


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """hubert/: a random base HuBERT in small, that hears normalised sound. songs/: two songs of 31 s, one of 16 s."""
    folder = tmp_path_factory.mktemp("made of")
    torch.manual_seed(4)
    HubertModel(
        HubertConfig(
            hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=64, conv_dim=(16,) * 7,
            num_conv_pos_embeddings=16, num_conv_pos_embedding_groups=4,
        )
    ).save_pretrained(folder / "hubert")  # fmt: skip
    Wav2Vec2FeatureExtractor(do_normalize=True).save_pretrained(folder / "hubert")
    for split, song, seconds in (("train", "one", 31), ("train", "two", 31), ("validation", "three", 16)):
        (folder / "songs" / split / song).mkdir(parents=True)
        for number, part in enumerate(("flute", "viola", "drums")):
            audio = melody(seconds, RATE, 10 * len(song) + number)
            sf.write(folder / "songs" / split / song / f"{part}.wav", audio, RATE)
    return folder


@pytest.fixture
def room(shared, tmp_path):
    """A copy of `shared` where the command runs."""
    shutil.copytree(shared, tmp_path, dirs_exist_ok=True)
    return tmp_path


def test_an_encoder_of_others_becomes_a_model_that_plays(antiphon, room, guide, memory, monkeypatch):
    words = ("model", "make", "--encoder", "hubert", "--data", "songs", "-o", "mine", *QUICK)
    done = antiphon(*words)
    assert done.code == 0, done.err
    assert "labels hit live" in done.out and "antiphon play --model mine" in done.out
    assert {path.name for path in (room / "mine").iterdir()} == {
        "model.json", "CARD.md", "encoder", "units", "decision"
    }  # fmt: skip
    card = (room / "mine" / "CARD.md").read_text()
    for told in (
        "`hubert`: hubert, 0.0", "32 features", "normalised over its window", "`songs`", "| train | 2 | ",
        "| validation | 1 | ", "| 0.5 | 5 | k5-0.5s-", "cross-entropy live", "labels hit live",
        "antiphon model make --encoder hubert --data songs --hops 0.5 --units 5 --steps 2 --batch 2 --crops 4 --jobs 1",
        "antiphon play --model mine", "## Licence",
    ):  # fmt: skip
        assert told in card, told
    assert "nan" not in card
    model = Model.load(room / "mine", 0.5)
    assert model.encoder.model.config.model_type == "hubert" and model.encoder.normalise
    answered = antiphon("respond", guide, "--memory", memory, "--model", "mine", "-o", "answer.wav", "--json")
    assert answered.code == 0 and set(json.loads(answered.out)["heard"]) - {5}
    assert antiphon("check", "--model", "mine").code == 0

    monkeypatch.setattr(fit_units, "encode", None)  # what is done is not done again
    monkeypatch.setattr(fit_decision._Trainer, "_update", None)
    before = {name: content for name, content in tree(room / "mine").items()}
    assert antiphon(*words).code == 0
    assert tree(room / "mine") == before


@pytest.mark.slow
def test_stopped_it_goes_on_where_it_was(antiphon, room, monkeypatch):
    words = ("model", "make", "--encoder", "hubert", "--data", "songs", "-o", "mine", *QUICK)
    assert antiphon(*words[:6], "-o", "whole", *QUICK).code == 0
    fit = fit_decision.fit

    def stopped(*given):
        raise KeyboardInterrupt

    monkeypatch.setattr(fit_decision, "fit", stopped)
    assert antiphon(*words).code == 130
    assert not (room / "mine").exists() and (room / "mine.run" / "tokens").is_dir()
    monkeypatch.setattr(fit_decision, "fit", fit)
    monkeypatch.setattr(fit_units, "encode", None)
    assert antiphon(*words).code == 0
    mine, whole = (Model.load(room / name, 0.5) for name in ("mine", "whole"))
    assert mine.alphabet.hash == whole.alphabet.hash
    weights = whole.decision.state_dict()
    assert all(torch.equal(value, weights[name]) for name, value in mine.decision.state_dict().items())


@pytest.mark.slow
def test_a_checkpoint_of_fairseq_prepared_stems_and_two_hops(antiphon, room):
    _, model, about, task = models()["large"]
    save(room / "music.pt", model, about, task)
    pairs.take([room / "songs"], room / "stems", jobs=1)
    done = antiphon(
        "model", "make", "--encoder", "music.pt", "--data", "stems", "-o", "mine", *QUICK, "--hops", 0.25, 0.5
    )
    assert done.code == 0, done.err
    assert json.loads((room / "mine" / "model.json").read_text())["hops"] == {"0.25": 5, "0.5": 5}
    assert not (room / "mine.run" / "stems").exists(), "stems that are there are not made again"
    for hop in (0.25, 0.5):
        encoder = Model.load(room / "mine", hop).encoder
        assert encoder.normalise and torch.equal(encoder.model.encoder.layer_norm.bias, model.encoder.layer_norm.bias)


@pytest.mark.parametrize("weights", ["model.safetensors", "pytorch_model.bin"])
def test_the_encoder_is_copied_with_what_it_says_of_its_input(room, weights):
    if weights == "pytorch_model.bin":
        model = HubertModel.from_pretrained(room / "hubert")
        (room / "hubert" / "model.safetensors").unlink()
        torch.save(model.state_dict(), room / "hubert" / weights)
    make_model.take_encoder(str(room / "hubert"), room / "taken", 0.5)
    features = [
        make_model.Wav2Vec2Encoder.load(room / name, 0.5).batch(melody(3, RATE))[0] for name in ("hubert", "taken")
    ]
    np.testing.assert_array_equal(*features)


@pytest.mark.slow
def test_a_model_gives_its_encoder(antiphon, room, tiny):
    done = antiphon("model", "make", "--encoder", tiny, "--data", "songs", "-o", "mine", *QUICK)
    assert done.code == 0, done.err
    name = "encoder/model.safetensors"
    assert (room / "mine" / name).read_bytes() == (tiny / name).read_bytes()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((), "give --encoder X and --data Y"),
        (("--encoder", "hubert"), "give --encoder X and --data Y"),
        (("--encoder", "nowhere", "--data", "songs"), "no wav2vec 2.0 model at 'nowhere'"),
        (("--encoder", "songs", "--data", "songs"), "no wav2vec 2.0 model at 'songs'"),
        (("--encoder", "songs/train/one/flute.wav", "--data", "songs"), "give a .pt file of fairseq"),
        (("--encoder", "hubert", "--data", "nowhere"), "nothing at 'nowhere'"),
        (("--encoder", "hubert", "--data", "hubert"), "no piece in 'hubert'"),
        (("--encoder", "hubert", "--data", "songs", "--seconds", 20), "has 20 s of two parts"),
        (("--encoder", "hubert", "--data", "songs", "--units", 64), "needs 320 s of stems"),
        (("--encoder", "hubert", "--data", "songs", "--units", 1), "units must be 2 or more"),
        (("--encoder", "hubert", "--data", "songs", "--hops", 0.3), "invalid choice: 0.3"),
        (("--encoder", "hubert", "--data", "songs", "-o", "songs"), "-o 'songs' is the same as --data 'songs'"),
        (("--encoder", "hubert", "--data", "songs", "-o", "songs/new"), "-o 'songs/new' lies inside --data 'songs'"),
        (("--encoder", "hubert", "--data", "songs", "-o", "."), "-o '.' contains --encoder 'hubert'"),
        (("--encoder", "hubert", "--data", "songs", "-o", "no/where"), "no folder"),
    ],
)
def test_what_cannot_be_made_is_a_sentence_and_leaves_nothing(antiphon, room, words, told):
    before = tree(room)
    where = () if "-o" in words else ("-o", "mine")
    hops = () if "--hops" in words else ("--hops", 0.5)
    done = antiphon("model", "make", *words, *where, *hops)
    assert done.code == 2 and "Traceback" not in done.err and told in done.err, done.err
    assert tree(room) == before and not (room / "mine.run").exists()


def test_a_folder_with_something_else_in_it_is_not_replaced_and_found_out_at_once(antiphon, room):
    (room / "mine").mkdir()
    (room / "mine" / "take.wav").write_text("precious")
    before = tree(room)
    done = antiphon("model", "make", "--encoder", "hubert", "--data", "songs", "-o", "mine", *QUICK)
    assert "holds 'take.wav', which would be lost" in done.sentence
    assert tree(room) == before


def test_a_run_of_other_settings_is_not_gone_on_with(tmp_path, capsys):
    def begin(**changed):
        make_model._begin(tmp_path / "run", make_model.ModelMaking(**{"encoder": "x", "data": ("y",)} | changed))

    begin(hops=(0.5,))
    with pytest.raises(TrainError, match=r"hops = \(0\.5,\), now \(0\.25,\)"):
        begin(hops=(0.25,))
    with pytest.raises(TrainError, match="encoder = 'x', now 'z'"):
        begin(hops=(0.5,), encoder="z")
    begin(hops=(0.5,), minutes=60.0)  # more learning may be asked for
    assert "going on with minutes = 60.0" in capsys.readouterr().err
    (tmp_path / "run" / make_model.SETTINGS).write_text("[")
    with pytest.raises(TrainError, match=r"making\.json' is damaged"):
        begin()
