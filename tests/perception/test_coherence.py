"""The network against `efficientnet_pytorch`, and what a model refuses, keeps and tells."""

from __future__ import annotations

import copy
import json
import math

import numpy as np
import pytest
import torch
from efficientnet_pytorch import EfficientNet as Official
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load, save
from torch import nn

from perception import coherence
from perception.coherence import (
    SHORTEST_WINDOW_SAMPLES,
    WINDOW_SAMPLES,
    Calibration,
    Coherence,
    CoherenceError,
    audible,
    mask_channel,
)
from perception.efficientnet import Block, EfficientNet
from tests.conftest import melody, noise
from tests.tolerance import float32_step, rounding

RATE = coherence.SAMPLERATE
ALTERNATING = np.tile(np.array([1, -1], np.float32), 400)
SHOWN = 0.1  # the least difference of two scores that the meter shows: it tells one decimal
QUANTILES = {"shuffled": [-1.0, 0.0, 2.0], "true": [1.0, 4.0, 9.0]}


def stir(model: nn.Module, seed: int = 0) -> None:
    """Random statistics and weights of every normalization, as training leaves them."""
    generator = torch.Generator().manual_seed(seed)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            shape = module.weight.shape
            module.weight.data = 0.5 + torch.rand(shape, generator=generator)
            module.bias.data = 0.3 * torch.randn(shape, generator=generator)
            module.running_mean = 0.3 * torch.randn(shape, generator=generator)
            module.running_var = 0.5 + torch.rand(shape, generator=generator)


def twins(channels: int) -> tuple[Official, EfficientNet]:
    """The official network and ours in float64 with the same weights, which both name in the same order."""
    torch.manual_seed(channels)
    theirs = Official.from_name("efficientnet-b0", include_top=False, in_channels=channels, drop_connect_rate=0.0)
    stir(theirs)
    theirs, ours = theirs.double(), EfficientNet(channels).double()
    values, names = theirs.state_dict().values(), ours.state_dict()
    ours.load_state_dict({name: value.reshape(names[name].shape) for name, value in zip(names, values, strict=True)})
    for module in ours.modules():
        if isinstance(module, Block):
            module.drop = 0.0
    return theirs, ours


@pytest.fixture(scope="module", params=[2, 1])
def pair(request):
    return request.param, *twins(request.param)


SIZES = [(64, 501), (64, 500), (63, 33), (45, 77), (32, 32), (224, 224)]


def picture_of(seed: int, *shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def strays(theirs: Official, ours: EfficientNet, picture: torch.Tensor) -> float:
    """How far ours is from the official network, as a share of what comes out."""
    with torch.no_grad():
        expected, found = theirs(picture).flatten(1), ours(picture)
    return float((found - expected).norm() / expected.norm())


@pytest.mark.parametrize("size", SIZES)
def test_the_network_equals_the_official_one(pair, size):
    channels, theirs, ours = pair
    picture = picture_of(sum(size), 2, channels, *size)
    assert strays(theirs.eval(), ours.eval(), picture) < float32_step(1.0)


@pytest.mark.parametrize("size", [(64, 501), (65, 131)])  # of fewer points normalizing leaves hardly more than rounding
def test_the_network_learns_as_the_official_one(pair, size):
    channels, theirs, ours = pair
    picture = picture_of(sum(size), 4, channels, *size)
    assert strays(copy.deepcopy(theirs).train(), copy.deepcopy(ours).train(), picture) < float32_step(1.0)


def test_training_leaves_the_same_statistics():
    theirs, ours = twins(2)
    picture = picture_of(0, 3, 2, 64, 99)
    for network in (theirs, ours):
        network.train()(picture)
    for one, other in zip(theirs.buffers(), ours.buffers(), strict=True):
        assert float((one - other).abs().max()) <= float32_step(float(one.abs().max()))


def test_paths_are_dropped_in_training_only():
    torch.manual_seed(0)
    ours, picture = EfficientNet(1).double(), picture_of(0, 1, 1, 64, 64).expand(16, -1, -1, -1)
    with torch.no_grad():
        same, dropped = ours.eval()(picture), ours.train()(picture)
    assert float(same.std(0).max()) <= float32_step(float(same.abs().max()))
    assert float(dropped.std(0).max()) > 0.01 * float(dropped.abs().max())


# --- models


SOUNDS = melody(5, RATE, 1), noise(5, RATE, 2)


def make(separated: bool = True, seed: int = 0) -> Coherence:
    """Random, but a model that tells sounds apart: it has normalized some."""
    torch.manual_seed(seed)
    model = Coherence(separated)
    stir(model, seed)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 1.0
    with torch.no_grad():
        model.train()(torch.stack([model.features(sound) for sound in (*SOUNDS, melody(5, RATE, 3))]))
    return model.eval()


@pytest.fixture(scope="module")
def model() -> Coherence:
    return make()


@pytest.fixture(scope="module")
def files(model):
    """The files of a model that is calibrated."""
    calibrated = copy.deepcopy(model)
    scores = {kind: dict.fromkeys(coherence.MODES, values) for kind, values in QUANTILES.items()}
    strangers = dict.fromkeys(coherence.MODES, [0.25] * coherence.EMBEDDING_DIM)
    calibrated.calibration = Calibration(**scores, source="nothing", pairs=3, strangers=strangers)
    calibrated.source = "a test"
    return calibrated.files()


@pytest.fixture
def kept(files, tmp_path):
    """A folder with them."""
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    return tmp_path


def scale_of_scores(model: Coherence) -> float:
    """The size of a score x W y, |x_i| < 1 and |y_i| < 1: a sum, at random signs, of no more than the entries of W."""
    return float(model.similarity.detach().norm())


@pytest.mark.parametrize("separated", [True, False])
def test_fusing_changes_nothing_that_can_be_heard(separated):
    model = make(separated).double()  # what fusing must not change is algebra, and float64 leaves nothing else to see
    fused = copy.deepcopy(model).fuse()
    found = fused.score(*SOUNDS)
    for mode, score in model.score(*SOUNDS).items():
        assert abs(found[mode] - score) <= float32_step(scale_of_scores(model))
    assert not any(value.requires_grad for value in fused.parameters())
    with pytest.raises(ValueError, match="fused"):
        fused.files()
    assert fused.fuse().score(*SOUNDS) == fused.score(*SOUNDS)


def test_a_score_is_that_of_the_embeddings_of_the_masked_pictures(model):
    model = copy.deepcopy(model).double()
    found = model.score(*SOUNDS)
    assert list(found) == list(coherence.MODES) == list(model.modes)
    for mode, score in found.items():
        placed = model.embed(list(SOUNDS), mode)
        assert placed.shape == (2, 512) and float(placed.abs().max()) < 1
        with torch.inference_mode():
            assert abs(float(model.similarities(placed[:1], placed[1:])) - score) <= float32_step(
                scale_of_scores(model)
            )
    assert found["harmonic"] != found["percussive"] != found["both"]


def test_the_order_counts(model):
    assert model.score(*SOUNDS)["both"] != pytest.approx(model.score(*SOUNDS[::-1])["both"], abs=SHOWN)


def test_a_mask_hides_a_channel_of_the_picture():
    pictures = torch.randn(3, 2, 64, 40)
    assert mask_channel(pictures, "both") is pictures
    harmonic, percussive = mask_channel(pictures, "harmonic"), mask_channel(pictures, "percussive")
    assert not harmonic[:, 1].any() and torch.equal(harmonic[:, 0], pictures[:, 0])
    assert not percussive[:, 0].any() and torch.equal(percussive[:, 1], pictures[:, 1])
    for mode, wrong in (("harmonic", pictures[:, :1]), ("loud", pictures)):
        with pytest.raises(ValueError, match=f"mode '{mode}'"):
            mask_channel(wrong, mode)


@pytest.mark.parametrize("n", [SHORTEST_WINDOW_SAMPLES, 7777, WINDOW_SAMPLES + 1])
def test_windows_of_other_lengths_can_be_scored(model, n):
    assert all(np.isfinite(score) for score in model.score(noise(6, RATE)[:n], noise(6, RATE, 1)[:n]).values())


@pytest.mark.parametrize(
    ("heard", "spoken"),
    [(0, 0), (WINDOW_SAMPLES, WINDOW_SAMPLES - 1), (SHORTEST_WINDOW_SAMPLES - 1,) * 2, (1, 1), (WINDOW_SAMPLES, 0)],
)
def test_windows_that_cannot_be_compared_are_refused(model, heard, spoken):
    with pytest.raises(CoherenceError, match=r"samples cannot be compared: give windows of one length, of 4960"):
        model.score(np.zeros(heard, np.float32), np.zeros(spoken, np.float32))


def test_no_windows_and_no_numbers_are_refused(model):
    with pytest.raises(CoherenceError, match="windows of no samples"):
        model.embed([])
    with pytest.raises(CoherenceError, match="no numbers"):
        model.score(np.full(WINDOW_SAMPLES, np.nan, np.float32), SOUNDS[0])


def test_a_model_without_separation_has_one_score():
    model = make(separated=False)
    assert list(model.score(*SOUNDS)) == ["both"]
    with pytest.raises(ValueError, match="two channels"):
        model.embed(list(SOUNDS), "harmonic")


# --- files


def test_what_is_kept_is_loaded(model, kept):
    loaded = Coherence.load(kept)
    assert (loaded.source, loaded.calibration.pairs, loaded.separated) == ("a test", 3, True)
    assert loaded.calibration.true["both"] == QUANTILES["true"]
    rounded = Coherence().eval()  # float16 is how weights are kept, and the only difference
    rounded.load_weights(
        {name: value.half() for name, value in model.state_dict().items() if "num_batches" not in name}
    )
    assert Coherence.load(kept, fuse=False).score(*SOUNDS) == rounded.score(*SOUNDS)
    for mode, score in loaded.score(*SOUNDS).items():
        assert abs(score - rounded.score(*SOUNDS)[mode]) < SHOWN / 2
    for name, content in Coherence.load(kept, fuse=False).files().items():
        assert content == (kept / name).read_bytes()


def test_in_float32_nothing_is_lost(model, tmp_path):
    for name, content in model.files(torch.float32).items():
        (tmp_path / name).write_bytes(content)
    assert Coherence.load(tmp_path, fuse=False).score(*SOUNDS) == model.score(*SOUNDS)


def about(change):
    def damage(folder):
        held = json.loads((folder / "coherence.json").read_text())
        change(held)
        (folder / "coherence.json").write_text(json.dumps(held))

    return damage


def weights(change):
    def damage(folder):
        held = load((folder / "coherence.safetensors").read_bytes())
        change(held)
        (folder / "coherence.safetensors").write_bytes(save(held))

    return damage


DAMAGES = {
    "no json": lambda folder: (folder / "coherence.json").unlink(),
    "no weights": lambda folder: (folder / "coherence.safetensors").unlink(),
    "weights cut off": lambda folder: (folder / "coherence.safetensors").write_bytes(b"\x10" * 100),
    "half a json": lambda folder: (folder / "coherence.json").write_text('{"format": 1,'),
    "no text": lambda folder: (folder / "coherence.json").write_bytes(b"\xff\xfe\x00"),
    "a list": lambda folder: (folder / "coherence.json").write_text("[]"),
    "a number": lambda folder: (folder / "coherence.json").write_text("1"),
    "format 3": about(lambda held: held.update(format=3)),
    "no format": about(lambda held: held.pop("format")),
    "not separated": about(lambda held: held.update(separated=False)),
    "a calibration of NaN": about(lambda held: held["calibration"]["true"].update(both=[0.0, float("nan")])),
    "an empty calibration": about(lambda held: held["calibration"]["true"].update(both=[])),
    "a calibration of words": about(lambda held: held["calibration"]["true"].update(both=["high", "low"])),
    "a calibration of lists": about(lambda held: held["calibration"]["true"].update(both=[[1.0], [2.0]])),
    "a calibration that is a number": about(lambda held: held["calibration"]["true"].update(both=3)),
    "half a calibration": about(lambda held: held["calibration"].pop("shuffled")),
    "a calibration without a mode": about(
        lambda held: [held["calibration"][kind].pop("harmonic") for kind in QUANTILES]
    ),
    "a mode in true only": about(lambda held: held["calibration"]["shuffled"].pop("both")),
    "a calibration with more": about(lambda held: held["calibration"].update(mean=1)),
    "strangers for one mode only": about(lambda held: held["calibration"]["strangers"].pop("harmonic")),
    "strangers of another size": about(lambda held: held["calibration"]["strangers"].update(both=[1.0])),
    "strangers that are no numbers": about(
        lambda held: held["calibration"]["strangers"].update(both=[math.nan] * coherence.EMBEDDING_DIM)
    ),
    "strangers that are a list": about(lambda held: held["calibration"].update(strangers=[1.0])),
    "a calibration that is a list": about(lambda held: held.update(calibration=[1])),
    "a weight less": weights(lambda held: held.pop("project.bias")),
    "a statistic less": weights(lambda held: held.pop("encoder.stem.1.running_mean")),
    "a weight more": weights(lambda held: held.update(more=torch.zeros(1))),
    "another shape": weights(lambda held: held.update({"norm.bias": torch.zeros(3)})),
    "NaN": weights(lambda held: held["norm.bias"].fill_(torch.nan)),
}


@pytest.mark.parametrize("how", DAMAGES)
def test_a_damaged_model_is_refused_in_one_sentence(kept, how):
    DAMAGES[how](kept)
    with pytest.raises(CoherenceError, match=r"is no coherence model \(.+\): give a folder") as refusal:
        Coherence.load(kept)
    assert "\n" not in str(refusal.value) and len(str(refusal.value)) < 500


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(CoherenceError, match="is no coherence model"):
        Coherence.load(tmp_path / "nowhere")


# --- calibration

SCORES = st.floats(-1e6, 1e6)
LISTS = st.lists(SCORES, min_size=1, max_size=9).map(sorted)


@settings(max_examples=200)
@given(LISTS, LISTS, SCORES, SCORES)
def test_a_position_rises_with_the_score(true, shuffled, one, other):
    calibration = Calibration({"both": true}, {"both": shuffled}, "numbers", 1)
    low, high = calibration.position(min(one, other)), calibration.position(max(one, other))
    assert 0 <= low <= high <= 1
    strangers, partners = np.median(shuffled), np.median(true)
    if strangers < partners:
        assert calibration.position(strangers) == 0 and calibration.position(partners) == 1
    else:
        assert low == high == 0.5


def test_a_position_is_on_a_line():
    calibration = Calibration({"both": QUANTILES["true"]}, {"both": QUANTILES["shuffled"]}, "numbers", 3)
    assert [calibration.position(score) for score in (-9, 0, 1, 2, 4, 99)] == [0, 0, 0.25, 0.5, 1, 1]


def test_what_an_input_scores_with_anything_does_not_count(model):
    """With the very strangers it was measured with, an input leads by nothing on average, and so does any input."""
    rng = torch.Generator().manual_seed(0)
    inputs, outputs = (torch.rand(n, coherence.EMBEDDING_DIM, generator=rng) for n in (5, 7))
    mean = {"both": outputs.mean(0).tolist()}
    wide = {"true": {"both": [1e3]}, "shuffled": {"both": [-1e3]}}  # nothing is clipped
    model = copy.deepcopy(model)
    model.calibration = Calibration(**wide, source="numbers", pairs=1, strangers=mean)
    with torch.inference_mode():
        scores = model.similarities(inputs, outputs)
    positions = model.positions(scores, inputs, "both")
    # A score is a product of two sums of 512; 2000 of it are a position of 1. Strangers' means are rounded likewise.
    most = rounding(steps=3, terms=coherence.EMBEDDING_DIM, scale=scale_of_scores(model)) / 2e3
    assert positions.shape == (5, 7) and np.abs(positions.mean(1) - 0.5).max() <= most
    order = scores.argsort(1).numpy()  # for one input a better score is a better position
    assert (np.diff(np.take_along_axis(positions, order, 1), axis=1) >= 0).all()
    alone = model.positions(scores[:, 0], inputs, "both")
    assert alone == pytest.approx(positions[:, 0])
    model.calibration = Calibration(**wide, source="numbers", pairs=1)
    assert model.positions(scores, inputs, "both") == pytest.approx((scores.numpy() + 1e3) / 2e3)


def test_a_fit_is_scores_and_where_they_lie(kept):
    model = Coherence.load(kept).double()
    found = model.compare(*SOUNDS)
    assert found.scores == model.score(*SOUNDS) and set(found.positions) == set(model.modes)
    for mode in model.modes:
        placed = model.embed([SOUNDS[0]], mode)
        expected = model.positions(torch.tensor([found.scores[mode]], dtype=torch.float64), placed, mode)[0]
        assert abs(found.positions[mode] - expected) <= float32_step(scale_of_scores(model))
    model.calibration = None
    assert model.compare(*SOUNDS) == (found.scores, None)


def test_a_model_of_the_first_format_has_one_scale_for_all_inputs(kept):
    held = json.loads((kept / "coherence.json").read_text())
    del held["calibration"]["strangers"]
    (kept / "coherence.json").write_text(json.dumps(held | {"format": 1}))
    model = Coherence.load(kept)
    found = model.compare(*SOUNDS)
    assert found.positions == {m: float(model.calibration.position(v, m)) for m, v in found.scores.items()}


# --- the gate


@pytest.mark.parametrize(
    ("window", "heard"),
    [
        (np.zeros(800, np.float32), False),
        (np.zeros(0, np.float32), False),
        (np.float32(10 ** (-49 / 20)) * ALTERNATING, True),
        (np.float32(10 ** (-51 / 20)) * ALTERNATING, False),
        (np.full(800, np.nan, np.float32), False),
        (np.full(800, np.inf, np.float32), False),
    ],
)
def test_the_gate(window, heard):
    assert audible(window) is heard
