"""The ear: hops and frames agree for hours, a stream hears what a file hears, only the last `context` counts."""

import json
import shutil

import numpy as np
import pytest
import soxr
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import (
    AutoModel,
    Data2VecAudioConfig,
    Data2VecAudioModel,
    HubertConfig,
    HubertModel,
    UniSpeechSatConfig,
    UniSpeechSatModel,
    Wav2Vec2Config,
    Wav2Vec2FeatureExtractor,
    Wav2Vec2ForCTC,
    Wav2Vec2Model,
    WavLMConfig,
    WavLMModel,
)

from perception.stream import RESAMPLER_DELAY, Listener, boundary
from perception.transformer import ConvLayer
from perception.wav2vec2 import EncoderError, Wav2Vec2Encoder, music_config, music_filters
from tests.conftest import KINDS, glide, melody, noise
from tests.tolerance import encoder_rounding, rounding

RATES = (22050, 44100, 48000, 96000)
HOPS = (0.25, 0.35, 0.5)
ENCODERS = ("music", "group", "normalised", "hubert", "hubert large", "data2vec")
LAYERED = ("music", "hubert large", "hubert batch norm", "data2vec", "adapter")  # each frame normalised by itself
EXTRACTOR = Wav2Vec2FeatureExtractor(do_normalize=True)
SOME = settings(max_examples=12)


def group_config(dim: int = 32) -> Wav2Vec2Config:
    """wav2vec2-base in small: seven layers, the first under group norm, no bias."""
    return Wav2Vec2Config(
        hidden_size=dim, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64, conv_dim=(16,) * 7,
        feat_extract_norm="group", num_conv_pos_embeddings=16, num_conv_pos_embedding_groups=4,
    )  # fmt: skip


def kin() -> dict:
    """Random models of the other kinds, in small: base and large HuBERT, data2vec, and rarer layers.

    Their biases begin as zeros, with which some wrong layers would not be noticed.
    """
    small = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64,
             "conv_dim": (16,) * 7, "num_conv_pos_embedding_groups": 4}  # fmt: skip
    one = small | {"num_conv_pos_embeddings": 16}
    large = one | {"feat_extract_norm": "layer", "do_stable_layer_norm": True, "conv_bias": True}
    models = {
        "hubert": HubertModel(HubertConfig(**one)),
        "hubert large": HubertModel(HubertConfig(**large, feat_proj_layer_norm=False)),
        "hubert batch norm": HubertModel(HubertConfig(**large, conv_pos_batch_norm=True)),
        "data2vec": Data2VecAudioModel(
            Data2VecAudioConfig(**small, conv_pos_kernel_size=5, num_conv_pos_embeddings=3, do_stable_layer_norm=True)
        ),
        "adapter": Wav2Vec2Model(Wav2Vec2Config(**large, adapter_attn_dim=8)),
    }
    for model in models.values():
        for name, value in [*model.named_parameters(), *model.named_buffers()]:
            if name.endswith((".bias", "running_mean")):
                value.data.normal_(0, 0.1)
            elif name.endswith("running_var"):
                value.data.uniform_(0.5, 2)
    return models


@pytest.fixture(scope="module")
def folders(tmp_path_factory, tiny):
    """Checkpoints as `transformers` saves them: our music front end, one of the kind of wav2vec2-base, and `kin`."""
    where = tmp_path_factory.mktemp("encoders")
    torch.manual_seed(5)
    Wav2Vec2Model(group_config()).save_pretrained(where / "group")
    for name, model in kin().items():
        model.save_pretrained(where / name)
        Wav2Vec2FeatureExtractor(do_normalize=name == "hubert").save_pretrained(where / name)
    shutil.copytree(tiny / "encoder", where / "normalised")
    EXTRACTOR.save_pretrained(where / "normalised")
    return {path.name: path for path in where.iterdir()} | {"music": tiny / "encoder"}


@pytest.fixture(scope="module", params=ENCODERS)
def kind(request):
    return request.param


def stream(encoder: Wav2Vec2Encoder, audio: np.ndarray) -> np.ndarray:
    """(hops, dim) features, hop by hop."""
    frames = encoder.start()
    hops = audio[: len(audio) // encoder.hop * encoder.hop].reshape(-1, encoder.hop)
    return np.stack([encoder.step(frames, hop) for hop in hops])


# --- time


@pytest.mark.parametrize("hop", HOPS)
@pytest.mark.parametrize("rate", [8000, 11025, 16000, *RATES, 192000])
def test_no_hop_drifts_in_an_hour(hop, rate):
    count = round(3600 / hop)
    edges = np.array([boundary(i, hop, rate) for i in range(count + 1)])
    assert np.abs(edges - np.arange(count + 1) * hop * rate).max() <= 0.5
    sizes = np.diff(edges)
    assert sizes.max() - sizes.min() <= 1
    assert sizes.sum() == edges[-1]
    assert abs(edges[-1] / rate - count * hop) <= 0.501 / rate


@pytest.mark.parametrize("hop", HOPS)
def test_the_frames_of_a_hop_lie_in_it_for_an_hour(folders, kind, hop):
    encoder = Wav2Vec2Encoder.load(folders[kind], hop)
    before = None
    for number in [*range(200), *range(round(3600 / hop) - 50, round(3600 / hop))]:
        first, end = encoder.hop_frames(number)
        assert first < end
        centres = encoder.stride * np.array([first, end - 1]) + encoder.centre
        assert number * encoder.hop <= centres[0] and centres[1] < (number + 1) * encoder.hop
        last_sample = (end - 1) * encoder.stride + encoder.support
        assert last_sample <= (number + 1) * encoder.hop < last_sample + encoder.stride, "the newest that has ended"
        assert encoder.stride * (first - 1) + encoder.centre < number * encoder.hop, "none is left out at the front"
        if before is not None and number == before[0] + 1:
            assert first >= before[1], "no frame is in two hops"
        before = number, end


@pytest.mark.parametrize("hop", HOPS)
@pytest.mark.parametrize("rate", RATES)
def test_resampling_by_hops_is_that_of_the_whole_file(load, hop, rate):
    listener = load(hop).listener(rate, -50.0)
    for make in KINDS.values():
        audio = make(6.0, rate, 4)
        hearing, heard = listener.start(), []
        while (end := boundary(hearing.hops + 1, hop, rate)) <= len(audio):
            hop_audio = audio[boundary(hearing.hops, hop, rate) : end]
            heard.append(listener._resampled(hearing, hop_audio))
            hearing.hops += 1
        made = np.concatenate(heard)
        whole = soxr.resample(audio, rate, listener.encoder.samplerate, "HQ")
        assert len(made) == hearing.hops * listener.encoder.hop
        assert not made[:RESAMPLER_DELAY].any()
        settled = slice(None, len(made) - RESAMPLER_DELAY)
        # The filter's tail that the delay cuts off is below a step of 16 bits, 250 times what float32 rounds.
        np.testing.assert_allclose(made[RESAMPLER_DELAY:], whole[settled], rtol=0, atol=2**-15)


def test_at_the_rate_of_the_encoder_nothing_is_late(load):
    listener = load(0.5).listener(16000, -50.0)
    hop = melody(0.5, 16000)
    assert listener._resampled(listener.start(), hop) is hop


# --- the encoder


@pytest.mark.parametrize("layered", LAYERED)
@pytest.mark.parametrize("hop", HOPS)
def test_a_step_is_the_forward_pass_of_transformers_on_the_same_window(folders, hop, layered):
    plain = AutoModel.from_pretrained(folders[layered]).eval()
    encoder = Wav2Vec2Encoder.load(folders[layered], hop)
    audio = melody(5.0, 16000, 2)
    found = stream(encoder, audio)
    padded = np.concatenate([np.zeros(encoder.context, np.float32), audio])
    for number in range(len(found)):
        first, end = encoder.hop_frames(number)
        begin = (end - encoder.window) * encoder.stride
        window = padded[encoder.context + begin :][: (encoder.window - 1) * encoder.stride + encoder.support]
        with torch.inference_mode():
            hidden = plain(torch.from_numpy(window.copy())[None]).last_hidden_state[0]
        assert len(hidden) == encoder.window
        expected, allowed = hidden[first - end :].mean(0).numpy(), encoder_rounding(encoder, hidden.numpy())
        np.testing.assert_allclose(found[number], expected, rtol=0, atol=allowed)


@pytest.mark.parametrize("hop", HOPS)
def test_a_batch_is_its_steps(folders, kind, hop):
    audio = np.concatenate([make(4.0, 16000, 9) for make in KINDS.values()])
    encoder = Wav2Vec2Encoder.load(folders[kind], hop)
    steps = stream(encoder, audio)
    for windows in (encoder.batch(audio)[0], encoder.batch(audio, windows=3)[0]):
        np.testing.assert_allclose(windows, steps, rtol=0, atol=encoder_rounding(encoder, steps))


@pytest.mark.parametrize("hop", HOPS)
@pytest.mark.parametrize("offset", [0.0, 0.1])
def test_sound_is_normalised_as_the_feature_extractor_does(folders, hop, offset):
    """The newest hop of what `Wav2Vec2FeatureExtractor` makes of the window that ends with it."""
    encoder = Wav2Vec2Encoder.load(folders["normalised"], hop)
    audio = melody(4.0, 16000, 3) + np.float32(offset)
    padded, state = np.concatenate([np.zeros(encoder.window_samples, np.float32), audio]), encoder.start()
    for number in range(len(audio) // encoder.hop):
        end = (number + 1) * encoder.hop
        found = encoder._normalised(state, torch.from_numpy(audio[end - encoder.hop : end])).numpy()
        expected = EXTRACTOR(padded[end : end + encoder.window_samples], sampling_rate=16000).input_values[0]
        # The extractor adds up n samples in float32, one after the other at worst: n roundings of 2^-24 of the largest.
        allowed = encoder.window_samples * 2**-24 * np.abs(expected).max()
        np.testing.assert_allclose(found, expected[-encoder.hop :], rtol=0, atol=allowed)


def test_a_normalised_encoder_hears_sound_at_any_level_alike(folders):
    """Ten times louder, with direct current: the same features. An encoder that is not normalised hears others."""
    audio = np.random.default_rng(3).uniform(-0.05, 0.05, 64000).astype(np.float32)
    louder, alike = 10 * audio + np.float32(0.1), {}
    for kind in ("normalised", "music"):
        encoder = Wav2Vec2Encoder.load(folders[kind], 0.5)
        assert encoder.normalise == (kind == "normalised")
        alike[kind] = np.corrcoef(stream(encoder, audio)[3:].ravel(), stream(encoder, louder)[3:].ravel())[0, 1]
    assert alike["normalised"] > 0.999 > alike["music"]


@pytest.mark.parametrize(
    ("about", "told"),
    [
        ("{", "preprocessor_config.json of .* is damaged"),
        ("[]", "preprocessor_config.json of .* is damaged"),
        ('{"do_normalize": "yes"}', "do_normalize = 'yes'"),
        ('{"sampling_rate": 24000}', "sampling_rate = 24000"),
    ],
)
def test_a_preprocessor_that_is_none_is_refused(folders, tmp_path, about, told):
    shutil.copytree(folders["music"], tmp_path / "encoder")
    (tmp_path / "encoder" / "preprocessor_config.json").write_text(about)
    with pytest.raises(EncoderError, match=told):
        Wav2Vec2Encoder.load(tmp_path / "encoder", 0.5)


@pytest.mark.parametrize("do_normalize", [True, False])
def test_what_the_preprocessor_says_is_done(folders, tmp_path, do_normalize):
    shutil.copytree(folders["music"], tmp_path / "encoder")
    Wav2Vec2FeatureExtractor(do_normalize=do_normalize).save_pretrained(tmp_path / "encoder")
    assert Wav2Vec2Encoder.load(tmp_path / "encoder", 0.5).normalise is do_normalize


OTHERS = {
    "wavlm": (WavLMConfig, WavLMModel),
    "unispeech-sat": (UniSpeechSatConfig, UniSpeechSatModel),
}


@pytest.mark.parametrize("kind", OTHERS)
def test_another_kind_of_model_is_refused_by_its_name(tmp_path, kind):
    """Their weights bear the same names, so they would load and be wrong."""
    config, model = OTHERS[kind]
    small = group_config().to_dict() | {"model_type": kind, "architectures": None}
    model(config.from_dict(small)).save_pretrained(tmp_path / kind)
    with pytest.raises(EncoderError, match=f"is a '{kind}', and only 'wav2vec2'"):
        Wav2Vec2Encoder.load(tmp_path / kind, 0.5)


ABOUT_MERT = {"feature_extractor_cqt": False, "deepnorm": False, "attention_relax": -1.0, "sample_rate": 16000}


def as_mert(folder, **about) -> None:
    """Change a HuBERT folder into that of a MERT, which names code of its own."""
    own = {"model_type": "mert_model", "architectures": ["MERTModel"], "auto_map": {"AutoModel": "trap.MERTModel"}}
    content = json.loads((folder / "config.json").read_text()) | own | ABOUT_MERT | about
    (folder / "config.json").write_text(json.dumps(content))
    (folder / "trap.py").write_text("raise SystemExit('run')")


def test_a_mert_that_is_a_hubert_is_taken_as_one(folders, tmp_path):
    shutil.copytree(folders["hubert"], tmp_path / "mert")
    as_mert(tmp_path / "mert")
    audio = melody(3.0, 16000, 4)
    found, expected = (stream(Wav2Vec2Encoder.load(f, 0.5), audio) for f in (tmp_path / "mert", folders["hubert"]))
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    "about", [{"feature_extractor_cqt": True}, {"deepnorm": True}, {"attention_relax": 32.0}, {"sample_rate": 24000}]
)
def test_a_mert_with_layers_of_its_own_is_refused_and_its_code_is_not_run(folders, tmp_path, about):
    shutil.copytree(folders["hubert"], tmp_path / "mert")
    as_mert(tmp_path / "mert", **about)
    (name, value), *_ = about.items()
    with pytest.raises(EncoderError, match=rf"has {name} = {value}: .* runs no code .* attention_relax = -1\.0, "):
        Wav2Vec2Encoder.load(tmp_path / "mert", 0.5)


@pytest.mark.parametrize("which", ["music", "hubert", "data2vec"])
@pytest.mark.parametrize("names", ["new", "old", "of a model with a head"])
def test_weights_that_are_pickled_are_read_as_they_are(folders, tmp_path, which, names):
    """A pytorch_model.bin, as many on the hub have it, with the names that PyTorch gave to a weight norm before 2.0."""
    shutil.copytree(folders[which], tmp_path / "encoder")
    (tmp_path / "encoder" / "model.safetensors").unlink()
    model = AutoModel.from_pretrained(folders[which])
    state = {name: value.clone() for name, value in model.state_dict().items()} | {"counted": torch.tensor(3)}
    if names != "new":
        for ours, theirs in (("original0", "weight_g"), ("original1", "weight_v")):
            state = {name.replace(f"parametrizations.weight.{ours}", theirs): value for name, value in state.items()}
    if names == "of a model with a head":
        state = {f"{model.base_model_prefix}.{name}": value for name, value in state.items()}
        state["lm_head.weight"] = torch.zeros(30, 32)
    torch.save(state, tmp_path / "encoder" / "pytorch_model.bin")
    loaded, expected = Wav2Vec2Encoder.load(tmp_path / "encoder", 0.5), Wav2Vec2Encoder.load(folders[which], 0.5)
    audio = melody(2.0, 16000, 1)
    np.testing.assert_array_equal(stream(loaded, audio), stream(expected, audio))


class Trap:
    """Pickles as a call that leaves a file behind."""

    def __init__(self, file):
        self.file = file

    def __reduce__(self):
        return open, (str(self.file), "w")


@pytest.mark.parametrize("fate", ["a trap among the weights", "nothing but a trap", "cut off", "without a layer"])
def test_pickled_weights_that_are_damaged_or_harm_are_not_run(folders, tmp_path, fate):
    shutil.copytree(folders["hubert"], tmp_path / "encoder")
    (tmp_path / "encoder" / "model.safetensors").unlink()
    file = tmp_path / "encoder" / "pytorch_model.bin"
    state = dict(AutoModel.from_pretrained(folders["hubert"]).state_dict())
    if fate == "without a layer":
        state = {name: value for name, value in state.items() if "layers.1." not in name}
    torch.save(
        Trap(tmp_path / "trap") if fate == "nothing but a trap" else state | {"more": Trap(tmp_path / "trap")}, file
    )
    if fate == "cut off":
        file.write_bytes(file.read_bytes()[:-500])
    if fate == "a trap among the weights":
        assert Wav2Vec2Encoder.load(tmp_path / "encoder", 0.5).dim == 32
    else:
        with pytest.raises(EncoderError, match=r"holds no weights|cut off|it lacks encoder\.layers\.1\."):
            Wav2Vec2Encoder.load(tmp_path / "encoder", 0.5)
    assert not (tmp_path / "trap").exists()


def test_the_head_of_a_fine_tuned_model_is_left_out(folders, tmp_path):
    torch.manual_seed(2)
    model = Wav2Vec2ForCTC(group_config())
    model.save_pretrained(tmp_path / "ctc")
    encoder = Wav2Vec2Encoder.load(tmp_path / "ctc", 0.5)
    for name, value in model.wav2vec2.state_dict().items():
        assert torch.equal(encoder.model.state_dict()[name], value)


def test_hops_taken_two_at_a_time_are_those_of_twice_the_length(folders, kind):
    audio = melody(6.0, 16000, 5)
    quarter, half = (Wav2Vec2Encoder.load(folders[kind], hop) for hop in (0.25, 0.5))
    single, double = quarter.batch(audio, (1, 2))
    for found, encoder in ((single, quarter), (double, half)):
        steps = stream(encoder, audio)
        np.testing.assert_allclose(found, steps, rtol=0, atol=encoder_rounding(encoder, steps))


@pytest.mark.parametrize("normalise", [False, True])
@pytest.mark.parametrize("which", ["group", "hubert", "hubert large", "data2vec"])
def test_after_steady_sound_it_hears_what_the_same_model_hears_in_one_window(folders, tmp_path, which, normalise):
    """After `context` s of steady sound the running statistics are those of a window of it.

    They are those of a group norm, and those of what the feature extractor does.
    """
    shutil.copytree(folders[which], tmp_path / "encoder")
    extractor = Wav2Vec2FeatureExtractor(do_normalize=normalise)
    extractor.save_pretrained(tmp_path / "encoder")
    encoder = Wav2Vec2Encoder.load(tmp_path / "encoder", 0.5)
    plain = AutoModel.from_pretrained(folders[which]).eval()
    audio = np.tile(np.random.default_rng(1).uniform(-0.2, 0.2, 1280).astype(np.float32), 75) + np.float32(0.05)
    first, end = encoder.hop_frames(11)
    window = audio[(end - encoder.window) * encoder.stride : (end - 1) * encoder.stride + encoder.support]
    window = extractor(window, sampling_rate=16000).input_values[0]
    with torch.inference_mode():
        hidden = plain(torch.from_numpy(window.copy())[None]).last_hidden_state[0, first - end :].mean(0).numpy()
    found = stream(encoder, audio)[11]
    assert np.corrcoef(found, hidden)[0, 1] > 0.999


@SOME
@given(kind=st.sampled_from(ENCODERS), hop=st.sampled_from(HOPS), seed=st.integers(0, 99), data=st.data())
def test_what_is_to_come_changes_nothing(folders, kind, hop, seed, data):
    encoder = Wav2Vec2Encoder.load(folders[kind], hop)
    audio = melody(4.0, 16000, seed)
    known = data.draw(st.integers(1, int(4.0 / hop) - 1))
    changed = audio.copy()
    changed[known * encoder.hop :] = noise(4.0, 16000, seed)[known * encoder.hop :]
    np.testing.assert_array_equal(stream(encoder, audio)[:known], stream(encoder, changed)[:known])


@SOME
@given(kind=st.sampled_from(ENCODERS), hop=st.sampled_from(HOPS), seed=st.integers(0, 99))
def test_what_is_older_than_the_context_changes_nothing(folders, kind, hop, seed):
    encoder = Wav2Vec2Encoder.load(folders[kind], hop)
    audio, old = melody(6.0, 16000, seed), glide(6.0, 16000, seed)
    last = len(audio) // encoder.hop - 1
    forgotten = (last + 1) * encoder.hop - encoder.context
    assert forgotten > 0
    changed = audio.copy()
    changed[:forgotten] = old[:forgotten]
    whole = stream(encoder, audio)
    # Running sums in float64 keep the rounding of what has left them, so a float32 after them may be rounded otherwise.
    allowed = 0 if kind == "music" else encoder_rounding(encoder, whole)
    np.testing.assert_allclose(whole[last], stream(encoder, changed)[last], rtol=0, atol=allowed)
    changed = audio.copy()
    changed[-encoder.hop // 2 :] = np.random.default_rng(seed).uniform(-0.1, 0.1, encoder.hop // 2)
    least = encoder_rounding(encoder, whole)
    assert np.abs(whole[last] - stream(encoder, changed)[last]).max() > least, "the newest sound counts"


def test_a_step_refuses_any_other_length(folders):
    encoder = Wav2Vec2Encoder.load(folders["music"], 0.5)
    with pytest.raises(ValueError, match="expected one hop of 8000 samples"):
        encoder.step(encoder.start(), np.zeros(7999, np.float32))


@pytest.mark.parametrize("hop", [0.01, 1.5, 0.33333, -0.5])
def test_a_hop_that_no_encoder_can_take_is_refused(hop):
    with pytest.raises(EncoderError, match="whole samples at 16 kHz"):
        Wav2Vec2Encoder(Wav2Vec2Model(group_config()), hop)


def test_the_music_front_end_is_a_filter_bank():
    bank = music_filters(48)
    assert bank.shape == (4 * (48 + 24), 2048) and bank.dtype == np.float32
    np.testing.assert_allclose((bank**2).sum(1), 1, atol=1e-5)
    np.testing.assert_array_equal(bank[0::2], -bank[1::2])
    time = np.arange(2048) / 16000
    for number in (12, 24, 40):
        tone = np.sin(2 * np.pi * 32.7032 * 2 ** (number / 24) * time)
        power = (bank[:192] @ tone).reshape(48, 4)[:, [0, 2]] ** 2
        assert abs(int(power.sum(1).argmax()) - number) <= 1
    assert music_config(48).conv_dim[0] == len(bank)


@pytest.mark.parametrize("signs", ["both", "one"])
def test_filters_in_both_signs_are_multiplied_once(signs):
    """The same numbers as the convolution itself, whether or not its filters come in pairs."""
    model = Wav2Vec2Model(music_config(pitches=8, dim=32, layers=1, heads=2)).eval()
    layer = model.feature_extractor.conv_layers[0]
    with torch.no_grad():
        layer.conv.weight[:, 0] = torch.from_numpy(music_filters(8))
        layer.conv.weight[0] += 0 if signs == "both" else 0.01
        layer.conv.bias.normal_()
        audio = torch.from_numpy(melody(0.5, 16000))
        made, wanted = ConvLayer(layer).linear(audio[:, None]), layer.conv(audio[None, None])[0].T
    assert ConvLayer(layer).paired == (signs == "both")
    allowed = rounding(steps=1, terms=layer.conv.kernel_size[0], scale=float(wanted.abs().max()))
    assert made.shape == wanted.shape and (made - wanted).abs().max() < allowed


# --- checkpoints


def test_a_folder_saved_by_transformers_loads(folders, kind):
    encoder = Wav2Vec2Encoder.load(folders[kind], 0.25)
    assert (encoder.samplerate, encoder.hop, encoder.dim) == (16000, 4000, 32)
    assert encoder.context >= 1.28 * 16000


def test_half_precision_and_a_context_of_its_own_are_read(tmp_path):
    config = music_config(pitches=24, dim=32, layers=1, heads=2)
    config.context = 0.64
    Wav2Vec2Model(config).half().save_pretrained(tmp_path / "half")
    encoder = Wav2Vec2Encoder.load(tmp_path / "half", 0.25)
    assert encoder.window == 32
    assert next(encoder.model.parameters()).dtype == torch.float32


def damage(folder, how):
    weights = folder / "model.safetensors"
    if how == "no weights":
        weights.unlink()
    elif how == "no config":
        (folder / "config.json").unlink()
    elif how == "config is no JSON":
        (folder / "config.json").write_text("{")
    elif how == "config is a list":
        (folder / "config.json").write_text("[]")
    elif how == "cut off":
        weights.write_bytes(weights.read_bytes()[:-1000])
    elif how == "no safetensors":
        weights.write_bytes(b"x" * 5000)
    elif how == "empty":
        weights.write_bytes(b"")
    elif how == "another shape":
        about = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps(about | {"intermediate_size": 99}))
    elif how == "a deeper config":
        about = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps(about | {"num_hidden_layers": 3}))
    elif how == "not finite":
        model = Wav2Vec2Model.from_pretrained(folder)
        with torch.no_grad():
            model.encoder.layers[0].final_layer_norm.bias[3] = float("nan")
        model.save_pretrained(folder)


DAMAGES = ["no weights", "no config", "config is no JSON", "config is a list", "cut off", "no safetensors", "empty",
           "another shape", "a deeper config", "not finite"]  # fmt: skip


@pytest.mark.parametrize("how", DAMAGES)
def test_a_damaged_checkpoint_has_its_sentence(folders, tmp_path, how):
    shutil.copytree(folders["music"], tmp_path / "encoder")
    damage(tmp_path / "encoder", how)
    with pytest.raises(EncoderError) as error:
        Wav2Vec2Encoder.load(tmp_path / "encoder", 0.5)
    text = str(error.value)
    assert "encoder" in text and "\n" not in text and ": " in text


def test_loading_is_silent(folders, capfd):
    Wav2Vec2Encoder.load(folders["music"], 0.5)
    assert capfd.readouterr() == ("", "")


# --- the listener


def test_below_the_gate_is_silence(load):
    model = load(0.5)
    tone = np.sin(2 * np.pi * 220 * np.arange(24000) / 48000).astype(np.float32)
    for decibels, silent in ((-80, True), (-50.1, True), (-49.9, False), (-3.1, False)):
        listener = model.listener(48000, -50.0)
        level = np.float32(10 ** (decibels / 20) * 2**0.5)
        heard = listener.step(listener.start(), level * tone)
        assert heard.level_db == pytest.approx(decibels, abs=0.01)
        assert (heard.label == model.alphabet.silence) == silent
        assert 0 <= heard.label <= model.alphabet.units
    heard = listener.step(listener.start(), np.zeros(24000, np.float32))
    assert (heard.label, heard.level_db) == (model.alphabet.silence, pytest.approx(-120))


def test_an_open_gate_names_even_silence_and_a_shut_one_names_nothing(load):
    model, audio = load(0.25), melody(2.0, 48000)
    for gate, kinds in ((-121.0, {False}), (1.0, {True})):
        listener = model.listener(48000, gate)
        hearing = listener.start()
        labels = [listener.step(hearing, hop).label for hop in audio.reshape(-1, 12000)]
        assert {label == model.alphabet.silence for label in labels} == kinds


def test_a_unit_is_the_nearest_of_the_features_heard(load):
    model = load(0.25, 64)
    listener = model.listener(44100, -50.0)
    hearing = listener.start()
    for hop in melody(3.0, 44100, 6)[: 11025 * 12].reshape(-1, 11025):
        heard = listener.step(hearing, hop)
        assert heard.feature.shape == (32,) and heard.feature.dtype == np.float32
        if heard.label != model.alphabet.silence:
            assert heard.label == model.alphabet.quantize(heard.feature[None])[0]


def test_the_ear_of_training_is_the_ear_on_stage(load):
    """Token caches are made by `batch` at 16 kHz; a listener at 16 kHz gives the same labels."""
    for hop in HOPS:
        model = load(hop, 64)
        audio = np.concatenate([make(20.0, 16000, 8) for make in KINDS.values()])
        cached = model.alphabet.quantize(model.encoder.batch(audio)[0])
        listener = model.listener(16000, -200.0)
        hearing, size = listener.start(), model.encoder.hop
        heard = [listener.step(hearing, audio[i * size : (i + 1) * size]).label for i in range(len(cached))]
        assert np.mean(cached == heard) > 0.99  # a tie may fall the other way


def test_a_listener_refuses_what_is_no_hop(load):
    listener = load(0.35).listener(22050, -50.0)
    hearing = listener.start()
    assert [listener.next_hop_samples(hearing), boundary(2, 0.35, 22050) - boundary(1, 0.35, 22050)] == [7717, 7718]
    for wrong in (np.zeros(7718, np.float32), np.zeros((7717, 2), np.float32), np.zeros(0, np.float32)):
        with pytest.raises(ValueError, match="expected one hop of 7717"):
            listener.step(hearing, wrong)
    assert hearing.hops == 0


def test_encoder_and_alphabet_must_be_of_one_hop(load):
    with pytest.raises(ValueError, match=r"names hops of 0.25 s"):
        Listener(load(0.5).encoder, load(0.25).alphabet, 48000)


def test_a_hearing_does_not_grow(load):
    listener = load(0.25).listener(44100, -50.0)
    hearing, hop = listener.start(), melody(0.25, 44100)
    sizes = []
    for _ in range(40):
        listener.step(hearing, hop[: listener.next_hop_samples(hearing)])
        sizes.append(
            (len(hearing.recent), len(hearing.encoder.window), sum(p.numel() for p in hearing.encoder.pending))
        )
    assert max(sizes[20:])[0] <= listener._recent_samples
    assert {s[1] for s in sizes} == {listener.encoder.window}
    assert max(s[2] for s in sizes[20:]) <= max(s[2] for s in sizes[:20])
