"""Official checkpoints become models that score the same, and nothing that is in them is carried out."""

from __future__ import annotations

import copy
import enum
import io
import os
import pickle
import sys
import types
import zipfile
from unittest.mock import patch

import numpy as np
import pytest
import torch
from efficientnet_pytorch import EfficientNet
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from perception import safe_unpickle
from perception.coherence import SAMPLERATE, Coherence, CoherenceError, mask_channel
from tests.conftest import melody, noise
from tests.tolerance import float32_step
from train.fit_coherence import main
from train.official_cocola.import_checkpoint import convert, read

SOUNDS = [melody(5, SAMPLERATE, 1), noise(5, SAMPLERATE, 2), melody(4.03, SAMPLERATE, 3), noise(4.03, SAMPLERATE, 4)]


class Reference(nn.Module):
    """The official model's layout, as its code has it."""

    def __init__(self, channels: int):
        super().__init__()
        backbone = EfficientNet.from_name("efficientnet-b0", include_top=False, in_channels=channels)
        self.encoder = nn.Module()
        self.encoder.encoder = nn.Module()
        self.encoder.encoder.model = nn.Sequential(backbone, nn.Dropout(0.1), nn.Flatten())
        self.encoder.projection = nn.Linear(1280, 512)
        self.layer_norm = nn.LayerNorm(512)
        self.similarity = nn.Module()
        self.similarity.w = nn.Parameter(torch.empty(512, 512).normal_(0, 0.05))

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        return torch.tanh(self.layer_norm(self.encoder.projection(self.encoder.encoder.model(pictures))))

    def score(self, x: torch.Tensor, y: torch.Tensor) -> float:
        with torch.no_grad():
            return float(self(x[None]) @ self.similarity.w @ self(y[None]).T)


def reference(channels: int) -> Reference:
    """Random, with statistics of sounds."""
    torch.manual_seed(channels)
    model, features = Reference(channels), Coherence(channels == 2).features
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 1.0
            module.weight.data.uniform_(0.5, 1.5)
            module.bias.data.normal_(0, 0.3)
    with torch.no_grad():
        model.train()(torch.stack([features(sound) for sound in SOUNDS[:2]]))
    return model.eval()


class Reduced:
    """Pickles as a call."""

    def __init__(self, *call):
        self.call = call

    def __reduce__(self):
        return self.call


def checkpoint(state: dict, **more) -> dict:
    """What Lightning saves, with the official package's enums, which are gone once it is saved."""
    kinds = types.ModuleType("contrastive_model.constants")
    kind = enum.Enum("ModelInputType", {"DOUBLE": "double"}, module=kinds.__name__)
    kinds.ModelInputType = kind
    optimizer = torch.optim.Adam([nn.Parameter(torch.ones(2))])
    content = {
        "epoch": 3, "global_step": 17, "pytorch-lightning_version": "2.2.4", "state_dict": state, "loops": {},
        "callbacks": {"ModelCheckpoint{'monitor': 'valid_loss'}": {"best_model_score": torch.tensor(0.5)}},
        "optimizer_states": [optimizer.state_dict()], "lr_schedulers": [], "hparams_name": "kwargs",
        "hyper_parameters": {"learning_rate": 1e-3, "embedding_dim": 512, "input_type": kind.DOUBLE}, **more,
    }  # fmt: skip
    with patch.dict(sys.modules, {"contrastive_model": types.ModuleType("contrastive_model"), kinds.__name__: kinds}):
        file = io.BytesIO()
        torch.save(content, file)
    return file.getvalue()


@pytest.fixture(scope="module", params=[2, pytest.param(1, marks=pytest.mark.slow)])
def official(request):
    return request.param, reference(request.param)


@pytest.fixture(scope="module")
def double() -> Reference:
    return reference(2)


def test_a_checkpoint_scores_as_the_official_model(official, tmp_path):
    channels, theirs = official
    (tmp_path / "best.ckpt").write_bytes(checkpoint(theirs.state_dict()))
    main(["--import", str(tmp_path / "best.ckpt"), "-o", str(tmp_path / "out")])
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"coherence.json", "coherence.safetensors"}
    theirs, scale = copy.deepcopy(theirs).double(), float(theirs.similarity.w.detach().norm())
    ours = Coherence.load(tmp_path / "out", fuse=False).double()
    assert (ours.separated, ours.source, ours.calibration) == (channels == 2, "imported from best.ckpt", None)
    fused = Coherence.load(tmp_path / "out", fuse=False).double().fuse()
    for x, y in (SOUNDS[:2], SOUNDS[1::-1], SOUNDS[2:]):
        pictures = torch.stack([ours.features(x), ours.features(y)]).double()
        expected = {mode: theirs.score(*mask_channel(pictures, mode)) for mode in ours.modes}
        for scores in (ours.score(x, y), fused.score(x, y)):
            assert scores.keys() == expected.keys()
            assert all(abs(score - expected[mode]) <= float32_step(scale) for mode, score in scores.items())


def test_weights_in_other_layouts_are_the_same(double, tmp_path):
    """Parameters, half precision, channels last, storages that are shared, no Lightning around them."""
    state = dict(double.state_dict())
    stem, head = "encoder.encoder.model.0._conv_stem.weight", "encoder.encoder.model.0._conv_head.weight"
    state["similarity.w"] = double.similarity.w
    state[stem] = state[stem].to(memory_format=torch.channels_last)
    state[head] = torch.cat([state[head], state[head]])[1280:]
    state["layer_norm.bias"] = state["layer_norm.bias"].double()
    state["layer_norm.weight"] = state["layer_norm.weight"].bfloat16()
    torch.save(state, tmp_path / "state.ckpt")
    ours = read(tmp_path / "state.ckpt").state_dict()
    for name, theirs in (
        ("similarity", "similarity.w"),
        ("encoder.stem.0.weight", stem),
        ("encoder.head.0.weight", head),
    ):
        assert torch.equal(ours[name], double.state_dict()[theirs])


def test_what_a_pickle_calls_is_not_called(double, tmp_path):
    trap = tmp_path / "trap"
    calls = [Reduced(os.system, (f"touch {trap}",)), Reduced(eval, (f"open({str(trap)!r}, 'w')",))]
    (tmp_path / "in.ckpt").write_bytes(checkpoint(double.state_dict(), hyper_parameters=calls))
    convert(tmp_path / "in.ckpt", tmp_path / "out")  # the weights are whole: what else there is, is left there
    assert not trap.exists() and Coherence.load(tmp_path / "out")


def without(name: str):
    def change(state):
        del state[name]

    return change


def put(name: str, value):
    def change(state):
        state[name] = value

    return change


WEIGHTS = {
    "project.weight is missing": without("encoder.projection.weight"),
    "holds no weights of a COCOLA model": without("encoder.encoder.model.0._conv_stem.weight"),
    "running_mean is missing": without("encoder.encoder.model.0._blocks.3._bn1.running_mean"),
    "'decoder.weight' is no weight of a COCOLA model": put("decoder.weight", torch.zeros(3)),
    "has the shape": put("encoder.projection.weight", torch.zeros(256, 1280)),
    "'similarity' has the shape": put("similarity.w", torch.zeros(512)),
    "is no tensor": put("similarity.w", "a word"),
    "is no tensor of": put("similarity.w", torch.zeros(512, 512, dtype=torch.int32)),
    "no number": put("similarity.w", torch.full((512, 512), torch.nan)),
    "shape .*, expected": put("encoder.encoder.model.0._conv_stem.weight", torch.zeros(32, 3, 3, 3)),
    "'similarity.w' is no tensor": put("similarity.w", Reduced(os.system, ("touch trap",))),
}


def refused(file, out, why: str) -> None:
    """Whether a file is refused in one sentence, and nothing left behind."""
    before = sorted(file.parent.rglob("*"))
    with pytest.raises(CoherenceError, match=rf"cannot be imported \(.*{why}.*\): give a \.ckpt file") as refusal:
        convert(file, out)
    assert "\n" not in str(refusal.value) and len(str(refusal.value)) < 600
    assert sorted(file.parent.rglob("*")) == before


@pytest.mark.parametrize("why", WEIGHTS)
def test_wrong_weights_are_refused(double, tmp_path, monkeypatch, why):
    monkeypatch.chdir(tmp_path)
    state = dict(double.state_dict())
    WEIGHTS[why](state)
    (tmp_path / "in.ckpt").write_bytes(checkpoint(state))
    refused(tmp_path / "in.ckpt", tmp_path / "out", why)


def archive(pickled: bytes, compression: int = zipfile.ZIP_STORED, **files: bytes) -> bytes:
    """An archive as PyTorch makes it, with any pickle."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", compression) as zipped:
        zipped.writestr("archive/data.pkl", pickled)
        for name, content in files.items():
            zipped.writestr(f"archive/{name}", content)
    return made.getvalue()


def old_format() -> bytes:
    file = io.BytesIO()
    torch.save({"state_dict": {}}, file, _use_new_zipfile_serialization=False)
    return file.getvalue()


HARM = pickle.dumps(Reduced(os.system, ("touch trap",)), 2)
FILES = {
    "nothing": (b"", "cut off"),
    "text": (b"no checkpoint", "cut off"),
    "before 1.6": (old_format(), "before 1.6"),
    "a bare pickle that harms": (HARM, "cut off"),
    "a pickle that harms": (archive(HARM), "holds no weights"),
    "a state that harms": (archive(pickle.dumps({"state_dict": Reduced(os.system, ("touch trap",))})), "no weights"),
    "no pickle": (
        archive(b"")[:0] + archive(b"", version=b"3").replace(b"data.pkl", b"data.txt"),
        "no data.pkl",
    ),
    "an empty pickle": (archive(b""), "pickle"),
    "half a pickle": (archive(HARM[:-9]), "pickle"),
    "a pickle of nonsense": (archive(b"\x80\x02a."), "makes no sense"),
    "an unknown opcode": (archive(b"\x80\x02(cos\nsystem\no."), "opcode OBJ"),
    "a list": (archive(pickle.dumps([1])), "holds no weights"),
    "no weights": (archive(pickle.dumps({"state_dict": {"a": 1}})), "'a' is no tensor"),
    "compressed": (archive(pickle.dumps({}), zipfile.ZIP_DEFLATED), "compressed"),
    "big-endian": (archive(pickle.dumps({}), byteorder=b"big"), "little-endian"),
}


@pytest.mark.parametrize("what", FILES)
def test_what_is_no_checkpoint_is_refused(tmp_path, monkeypatch, what):
    monkeypatch.chdir(tmp_path)
    content, why = FILES[what]
    (tmp_path / "in.ckpt").write_bytes(content)
    refused(tmp_path / "in.ckpt", tmp_path / "out", why)


def test_a_checkpoint_cut_off_or_with_bytes_missing_is_refused(double, tmp_path):
    whole = checkpoint(double.state_dict())
    for size in (100, len(whole) // 2, len(whole) - 30):
        (tmp_path / "in.ckpt").write_bytes(whole[:size])
        refused(tmp_path / "in.ckpt", tmp_path / "out", "cut off")
    short = bytearray(whole)
    at = whole.index(double.similarity.w.detach().numpy().tobytes()[:64])
    short[at] ^= 1
    (tmp_path / "in.ckpt").write_bytes(short)
    refused(tmp_path / "in.ckpt", tmp_path / "out", "CRC")


def test_files_that_cannot_be_opened_are_refused(tmp_path):
    refused(tmp_path / "nowhere.ckpt", tmp_path / "out", "no such file")
    (tmp_path / "folder").mkdir()
    refused(tmp_path / "folder", tmp_path / "out", "is a directory")


# --- pickles that are only read


@pytest.mark.parametrize("protocol", [2, 3, 4])
def test_what_is_no_call_is_understood(protocol):
    value = {"a": [1, 2.5, -(2**70), None, True], "b": ("x", (), "é"), 3: {"deep": [{}]}}
    assert safe_unpickle.parse_pickle(pickle.dumps(value, protocol)) == value


def test_calls_become_notes():
    parsed = safe_unpickle.parse_pickle(pickle.dumps(Reduced(os.getcwd, ()), 2))
    assert parsed == safe_unpickle.Call(safe_unpickle.Name(f"{os.getcwd.__module__} getcwd"), ())


def test_keys_whose_hash_would_take_for_ever_are_left_out():
    doubled = b"".join(b"h" + bytes([n]) + b"\x86q" + bytes([n + 1]) for n in range(100))  # ((((), ()), ...), ...)
    assert safe_unpickle.parse_pickle(b"\x80\x02}" + b")q\x00" + doubled + b"K\x01s.") == {}


@settings(max_examples=300)
@given(st.binary(max_size=60), st.integers(0, 400))
def test_any_bytes_are_understood_or_refused(junk, at):
    sound = pickle.dumps({"state_dict": {"a": Reduced(os.getcwd, ()), "b": [np.float64(1.0)] * 3}}, 2)
    for pickled in (junk, sound[:at] + junk + sound[at:], sound[:at] + junk + sound[at + len(junk) :]):
        try:
            safe_unpickle.parse_pickle(pickled)
        except ValueError as refusal:
            assert str(refusal)
