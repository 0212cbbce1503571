"""The recipe of the coherence meter, on chords of sine tones that the test makes itself."""

import itertools
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
import soundfile as sf
import torch

from corpora.whole_files import AudioError
from perception.coherence import Coherence
from perception.hpss import RANGE_DB
from perception.time_embedding import TimeEmbedding
from train import fit_coherence as recipe
from train.common.errors import TrainError
from train.common.settings import parse_recipe

TINY = recipe.CoherenceTraining(minutes=0.03, batch=2, held=4, calibrated=8, threads=1)
RATE = 16000


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Two songs of three stems in each split: other chords every second, each stem in its own octave."""
    root, rng = tmp_path_factory.mktemp("stems"), np.random.default_rng(0)
    for split in ("train", "validation"):
        for number in range(2):
            song = root / split / str(number)
            song.mkdir(parents=True)
            roots = rng.integers(0, 12, 13)
            for octave, stem in enumerate(("low", "middle", "high")):
                pitches = np.repeat(48 + 12 * octave + roots, RATE)
                tone = np.sin(2 * np.pi * np.cumsum(440 * 2 ** ((pitches - 69) / 12)) / RATE)
                sf.write(song / f"{stem}.flac", 0.1 * tone, RATE)
            (song / "song.json").write_text(json.dumps({"seconds": 13.0}))
    return root


def damaged(data, tmp_path, change):
    """A copy of the data whose stems have been changed: (audio) -> audio."""
    for path in data.rglob("*.flac"):
        target = tmp_path / path.relative_to(data)
        target.parent.mkdir(parents=True, exist_ok=True)
        sf.write(target, change(sf.read(path)[0]), RATE)
        (target.parent / "song.json").write_text("{}")
    return tmp_path


# --- what is drawn


def test_a_batch_is_what_both_networks_would_be_shown(data):
    for separated in (True, False):
        pairs = recipe.PairBatches([data], "train", replace(TINY, separated=separated), 2, "cpu")
        batch = pairs.batch(0, pairs.draw(0))
        assert batch.pictures.shape == (6, 1 + separated, 64, 501) and batch.tones.shape == (6, 120, 126)
        assert batch.mel.shape == (6, 2, 64, 501) and batch.mel.max() == 0 and batch.mel.min() >= -RANGE_DB
        assert batch.score.shape == (6, 251, 13)


def test_batches_depend_on_their_number_alone(data):
    pairs = recipe.PairBatches([data], "train", TINY, 2, "cpu")
    with ThreadPoolExecutor(2) as pool:
        drawn = dict(itertools.islice(pairs.drawn(pool, 3), 4))
    assert list(drawn) == [3, 4, 5, 6]
    for number, draw in drawn.items():
        again, batch = pairs.batch(number, pairs.draw(number)), pairs.batch(number, draw)
        assert all(torch.equal(*both) for both in zip(again, batch, strict=True))


@pytest.mark.parametrize("seconds, message", [(4, "no song of 5 s with 2 stems"), (0, "high.flac' is empty")])
def test_songs_without_a_window_are_no_data(data, tmp_path, seconds, message):
    with pytest.raises((TrainError, AudioError), match=message):
        recipe.PairBatches([damaged(data, tmp_path, lambda audio: audio[: seconds * RATE])], "train", TINY, 2, "cpu")


# --- what is learned


def pictures_of(seed, k=3, frames=21):
    return -RANGE_DB * torch.rand(3, k, 2, 64, frames, generator=torch.Generator().manual_seed(seed))


def test_one_channel_or_none_is_masked_and_the_same_in_both_of_a_pair():
    before = pictures_of(0, 400) - 1
    after = recipe.mask_randomly(before, 0.5, torch.Generator().manual_seed(0))
    gone = (after == 0).all(-1).all(-1)
    assert torch.equal(gone[0], gone[1]) and torch.equal(gone[0], gone[2]) and int(gone[0].sum(1).max()) == 1
    assert all(70 < int(n) < 130 for n in gone[0].sum(0))
    assert torch.equal(after[~gone], before[~gone])
    assert torch.equal(recipe.mask_randomly(before, 0.0, torch.Generator()), before)


def test_the_loss_is_equation_3_and_the_accuracy_equation_4():
    torch.manual_seed(0)
    model, features = Coherence().eval(), torch.randn(12, 1280, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        loss, accuracy, ahead = recipe.contrastive_loss(model, features)
        h1, h2, late = model.project_features(features).double().chunk(3)
        sim = h1 @ model.similarity.double() @ h2.T
        log = [sim[k, k] - torch.log(torch.exp(sim[k]).sum()) for k in range(4)]
        meant = sim.diagonal() - (h1 @ model.similarity.double() @ late.T).diagonal()
    assert float(loss) == pytest.approx(-float(sum(log)) / 4, abs=1e-4)
    assert float(accuracy) == np.mean([int(sim[k].argmax()) == k for k in range(4)])
    np.testing.assert_allclose(ahead.numpy(), meant.numpy(), atol=1e-4)


@pytest.mark.parametrize("late", [-40, -5, 5, 40])
def test_the_loss_of_time_is_least_where_partners_keep_time(late):
    """Embeddings of noise: partners at lag 0; partners that are late by 3 frames, of another pair, or never found."""
    first = torch.randn(4, 251, 32, generator=torch.Generator().manual_seed(0))
    first = first / first.square().sum(2, keepdim=True).mean(1, keepdim=True).sqrt()
    moved, sharpness, by = first.roll(-late, 1), torch.tensor(20.0).log(), torch.full((4,), float(late))
    true, right, apart = recipe.time_loss(torch.cat([first, first, moved]), sharpness, by)
    assert float(true) < 0.1 and float(right) == 1 and bool((apart > 0.5).all())
    for second, third in ((moved, first), (first.roll(1, 0), moved), (first, first.roll(late, 1))):
        assert float(recipe.time_loss(torch.cat([first, second, third]), sharpness, by)[0]) > 1


def test_a_code_of_the_time_in_the_window_is_no_way_to_keep_time():
    """What is the same for all windows, frame by frame, wins nothing: neither among pairs nor among lags."""
    code = torch.randn(1, 251, 32, generator=torch.Generator().manual_seed(0)).expand(12, -1, -1)
    code = code / code.square().sum(2, keepdim=True).mean(1, keepdim=True).sqrt()
    loss, _, apart = recipe.time_loss(code, torch.tensor(20.0).log(), torch.tensor([-20.0, -5, 9, 40]))
    assert float(loss) > 1.5 and float(apart.abs().max()) < 1e-5


def test_the_slots_of_the_teacher_are_those_of_the_encoder():
    assert Coherence().encoder.feature_maps(torch.zeros(1, 2, 64, 501)).shape[-1] == recipe.SLOTS


def test_an_unknown_score_teaches_nothing():
    teachers, generator = recipe.Teachers(), torch.Generator().manual_seed(0)
    maps = torch.randn(2, 1280, 2, recipe.SLOTS, generator=generator)
    hidden = torch.randn(2, 64, 251, generator=generator)
    unknown = torch.full((2, 251, 13), -1.0)
    assert float(teachers(maps, hidden, unknown).detach()) == 0
    assert float(teachers(maps, hidden, unknown.abs()).detach()) > 0


def test_a_run_leaves_a_model_that_loads_and_goes_on_where_it_stopped(data, tmp_path):
    scores = recipe.fit([data], tmp_path, False, TINY)
    assert {"valid_loss", "valid_accuracy", "time_valid_accuracy"} <= set(scores)
    assert np.isfinite(list(scores.values())).all()
    model, checkpoint = Coherence.load(tmp_path / "model"), (tmp_path / "checkpoint.safetensors").read_bytes()
    assert set(model.score(*np.random.default_rng(0).standard_normal((2, 80000)).astype("f4"))) == set(model.modes)
    assert TimeEmbedding.load(tmp_path / "model") is not None
    assert recipe.fit([data], tmp_path, True, TINY) == scores  # its time was over
    with pytest.raises(TrainError, match="--resume"):
        recipe.fit([data], tmp_path, False, TINY)
    assert len(checkpoint) > 4 * 3 * 4_900_000  # of weights and both moments of Adam
    begun = recipe.new_model(replace(TINY, init=str(tmp_path / "model")))
    assert torch.equal(begun.similarity.half(), Coherence.load(tmp_path / "model", fuse=False).similarity.half())


def test_reused_pairs_are_mixed_and_stay_pairs(data):
    """Of three steps one makes a batch; the others hold pairs of those before, each with its own partner."""
    s = replace(TINY, uses=3, kept=2, time_only=True)
    pairs, pool = recipe.PairBatches([data], "train", s, 2, "cpu"), recipe.BatchPool(s)
    draws = ((number, pairs.draw(number)) for number in itertools.count())
    made = [pool.batch(pairs, draws, step) for step in range(7)]
    assert len(pool.batches) == 2 and all(batch.mel.shape[0] == 6 for batch in made)
    known = [mel.unflatten(0, (3, 2))[:, n] for mel in (made[0].mel, made[3].mel) for n in range(2)]
    for step in (4, 5):
        mixed = made[step].mel.unflatten(0, (3, 2))
        places = [next(k for k, pair in enumerate(known) if torch.equal(pair, mixed[:, n])) for n in range(2)]
        assert len(set(places)) == 2


@pytest.mark.slow
def test_time_can_be_learned_alone(data, tmp_path):
    scores = recipe.fit([data], tmp_path, False, replace(TINY, minutes=0.02, uses=4, time_only=True))
    assert set(scores) == {"time_valid_loss", "time_valid_accuracy", "time_valid_displaced"}
    begun, time = recipe.new_model(TINY), TimeEmbedding.load(tmp_path / "model")
    assert torch.equal(begun.similarity.half(), Coherence.load(tmp_path / "model", fuse=False).similarity.half())
    torch.manual_seed(TINY.seed)
    assert time is not None and not torch.equal(time.out.weight, recipe.Learning(begun).time.out.weight)


def test_every_setting_is_a_flag():
    asked = parse_recipe("", recipe.CoherenceTraining, ["a", "b", "-o", "c", "--separated", "0"])
    assert (len(asked.data), str(asked.out), asked.resume, asked.given) == (2, "c", False, {"separated": False})
