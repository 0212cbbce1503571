"""The recipe of the coherence meter, on chords of sine tones that the test makes itself."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
import soundfile as sf
import torch
from hypothesis import given
from hypothesis import strategies as st

from corpora.disk import AudioError
from perception.coherence import WINDOW_S, Coherence
from perception.hpss import RANGE_DB
from train import fit_coherence as recipe
from train.common.errors import TrainError
from train.common.settings import parse_recipe
from train.data.submixes import draw_disjoint

TINY = recipe.CoherenceTraining(minutes=0.03, batch=2, kept=40, held=4, calibrated=8, threads=1)
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


@pytest.fixture(scope="module")
def pool():
    with ThreadPoolExecutor(1) as pool:
        yield pool


@pytest.fixture(scope="module")
def shelf_of(data, pool):
    """Makes shelves of `count` pairs, of the songs in `folder` unless those above."""

    def make(count=0, folder=None, **settings):
        s = recipe.CoherenceTraining(**{"batch": 2, "kept": 40, "threads": 1, **settings})
        shelf = recipe.PairBuffer(
            recipe.StemWindows([folder or data], "train", s, Coherence(bool(s.separated))), s, pool
        )
        shelf.make(count, np.random.default_rng(1))
        return shelf

    return make


@pytest.fixture(scope="module")
def shelf(shelf_of):
    return shelf_of(16)


def damaged(data, tmp_path, change):
    """A copy of the data whose stems have been changed: (audio) -> audio."""
    for path in data.rglob("*.flac"):
        target = tmp_path / path.relative_to(data)
        target.parent.mkdir(parents=True, exist_ok=True)
        sf.write(target, change(sf.read(path)[0]), RATE)
        (target.parent / "song.json").write_text("{}")
    return tmp_path


# --- what is drawn


@given(st.integers(2, 9), st.integers(0, 2**32 - 1))
def test_submixtures_are_disjoint_and_not_empty(stems, seed):
    first, second = draw_disjoint(list(range(stems)), np.random.default_rng(seed))
    assert len(first) and len(second) and not set(first) & set(second)
    assert set(first) | set(second) <= set(range(stems))


def test_every_pair_of_single_stems_and_every_mixture_occurs():
    rng = np.random.default_rng(0)
    drawn = {tuple(frozenset(part) for part in draw_disjoint([0, 1, 2], rng)) for _ in range(400)}
    assert len(drawn) == 12  # of 3 stems: 6 ordered pairs of one and one, 3 of one and two, 3 of two and one


def test_windows_of_a_batch_overlap_by_half_at_most(shelf):
    for seed in range(50):
        one, other = shelf.batch(np.random.default_rng(seed))
        assert one.song != other.song or abs(one.begin - other.begin) >= WINDOW_S / 2


@pytest.mark.parametrize("together, songs", [(1, 8), (4, 2)])
def test_so_many_windows_of_a_song_are_in_a_batch(shelf, together, songs):
    full = recipe.PairBuffer(shelf.stems, replace(shelf.settings, batch=8), shelf.pool)
    full.pairs = [recipe.Pair(np.zeros(0), np.zeros(0), song, 5.0 * n) for song in range(10) for n in range(6)]
    chosen = full.batch(np.random.default_rng(0), together)
    assert len(chosen) == 8 and len({pair.song for pair in chosen}) == songs
    assert len({(pair.song, pair.begin) for pair in chosen}) == 8


def test_too_little_music_for_a_batch_is_said(shelf):
    greedy = recipe.PairBuffer(shelf.stems, replace(shelf.settings, batch=12), shelf.pool)
    greedy.pairs = shelf.pairs
    with pytest.raises(TrainError, match="lower --batch"):
        greedy.batch(np.random.default_rng(0))


def test_the_shelf_keeps_the_newest_and_no_more(shelf_of):
    shelf = shelf_of(6, kept=4)
    last = shelf.pairs[1]
    shelf.make(1, np.random.default_rng(5))
    assert len(shelf.pairs) == 4 and shelf.made == 7 and shelf.pairs[1] is last


def test_a_pair_is_what_the_model_would_be_shown(shelf, shelf_of):
    for picture in shelf.pairs[0].pictures:
        assert picture.shape == (2, 64, 501) and picture.max() == 0 and picture.min() >= -RANGE_DB
    assert shelf_of(1, separated=0).pairs[0].pictures.shape == (2, 1, 64, 501)


def test_silent_stems_are_not_drawn(data, tmp_path, shelf_of, monkeypatch):
    monkeypatch.setattr(recipe, "TRIES", 20)
    with pytest.raises(TrainError, match="is the music silent"):
        shelf_of(1, damaged(data, tmp_path, np.zeros_like))


@pytest.mark.parametrize("seconds, told", [(4, "no song of 5 s with two stems"), (0, "high.flac' is empty")])
def test_songs_without_a_window_are_no_data(data, tmp_path, shelf_of, seconds, told):
    with pytest.raises((TrainError, AudioError), match=told):
        shelf_of(0, damaged(data, tmp_path, lambda audio: audio[: seconds * RATE]))


# --- what is learned


def pictures_of(seed, k=3, frames=21):
    return -RANGE_DB * torch.rand(2, k, 2, 64, frames, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("seed", range(6))
def test_half_a_picture_keeps_its_score_and_its_partner(seed):
    """Pictures and scores whose values are their slots."""
    slots = torch.arange(recipe.SLOTS).float()
    pictures = (torch.arange(501) // recipe.STRIDE).float().expand(2, 3, 2, 64, 501)
    score = slots[:, None].expand(2, 3, recipe.SLOTS, 13)
    part, told = recipe.crop_half(pictures, score, torch.Generator().manual_seed(seed))
    assert torch.equal(part[0], part[1]) and told.shape[2] == recipe.SLOTS // 2
    assert torch.equal(part[0, 0, 0, 0, :: recipe.STRIDE][:7], told[0, 0, :, 0])
    assert Coherence().encoder.feature_maps(part[0, :1]).shape[-1] == told.shape[2]


@given(st.integers(0, 1000), st.floats(0, 20))
def test_a_tilted_picture_keeps_its_maximum_and_its_floor(seed, most):
    before = pictures_of(seed) - pictures_of(seed).amax((-2, -1), keepdim=True)
    after = recipe.tilt_bands(before, most, torch.Generator().manual_seed(seed))
    assert float(after.amax((-2, -1)).abs().max()) < 1e-4 and float(after.min()) >= -RANGE_DB - 1e-4
    rise = (after - before).mean((-3, -1)).diff(dim=-1)
    if most == 0:
        assert float(rise.abs().max()) < 1e-4


def test_one_channel_or_none_is_masked_and_the_same_in_both_of_a_pair():
    before = pictures_of(0, 400) - 1
    after = recipe.mask_randomly(before, 0.5, torch.Generator().manual_seed(0))
    gone = (after == 0).all(-1).all(-1)
    assert torch.equal(gone[0], gone[1]) and int(gone[0].sum(1).max()) == 1
    assert all(70 < int(n) < 130 for n in gone[0].sum(0))
    assert torch.equal(after[~gone], before[~gone])
    assert torch.equal(recipe.mask_randomly(before, 0.0, torch.Generator()), before)


def test_the_loss_is_equation_3_and_the_accuracy_equation_4():
    torch.manual_seed(0)
    model, found = Coherence().eval(), torch.randn(8, 1280, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        loss, accuracy = recipe.contrastive_loss(model, found)
        h1, h2 = model.project_features(found).double().chunk(2)
        sim = h1 @ model.similarity.double() @ h2.T
        log = [sim[k, k] - torch.log(torch.exp(sim[k]).sum()) for k in range(4)]
    assert float(loss) == pytest.approx(-float(sum(log)) / 4, abs=1e-4)
    assert float(accuracy) == np.mean([int(sim[k].argmax()) == k for k in range(4)])


def test_the_teacher_reads_the_score_of_the_very_window(tmp_path):
    """One note of MIDI pitch 61 from 7.0 to 8.0 s, seen from 6.0 s: slots of a third of a second 3, 4 and 5."""
    np.savez(tmp_path / "notes.npz", high=np.array([[7.0, 8.0, 61]], np.float32), low=np.zeros((0, 3), np.float32))
    score = recipe.score_of([tmp_path / "high.flac", tmp_path / "low.flac"], 6.0)
    assert np.flatnonzero(score[:, 1]).tolist() == [3, 4, 5] and np.flatnonzero(score[:, 12]).tolist() == [3]
    assert score.sum() == 4 and not recipe.score_of([tmp_path / "low.flac"], 6.0).any()
    assert (recipe.score_of([tmp_path / "elsewhere" / "high.flac"], 6.0) == -1).all()


def test_the_slots_of_the_teacher_are_those_of_the_encoder():
    assert Coherence().encoder.feature_maps(torch.zeros(1, 2, 64, 501)).shape[-1] == recipe.SLOTS


def test_an_unknown_score_teaches_nothing():
    teacher, maps = recipe.Teacher(), torch.randn(2, 1280, 2, recipe.SLOTS)
    unknown = torch.full((2, recipe.SLOTS, 13), -1.0)
    assert float(teacher(maps, unknown).detach()) == 0 and float(teacher(maps, unknown.abs()).detach()) > 0


def test_a_run_leaves_a_model_that_loads_and_goes_on_where_it_stopped(data, tmp_path):
    scores = recipe.fit([data], tmp_path, False, TINY)
    assert set(scores) == {"valid_loss", "valid_accuracy"} and np.isfinite(scores["valid_loss"])
    model, checkpoint = Coherence.load(tmp_path / "model"), (tmp_path / "checkpoint.safetensors").read_bytes()
    assert set(model.score(*np.random.default_rng(0).standard_normal((2, 80000)).astype("f4"))) == set(model.modes)
    assert recipe.fit([data], tmp_path, True, TINY) == scores  # its time was over
    with pytest.raises(TrainError, match="--resume"):
        recipe.fit([data], tmp_path, False, TINY)
    assert len(checkpoint) > 4 * 3 * 4_900_000  # of weights and both moments of Adam


def test_every_setting_is_a_flag():
    asked = parse_recipe("", recipe.CoherenceTraining, ["a", "b", "-o", "c", "--separated", "0"])
    assert (len(asked.data), str(asked.out), asked.resume, asked.given) == (2, "c", False, {"separated": False})
