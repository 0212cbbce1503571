"""Compares encoder, decision model and coherence meter with the naive way, for `antiphon bench`."""

from __future__ import annotations

import copy
from functools import partial
from importlib.util import find_spec
from typing import Any

import numpy as np
import torch
from threadpoolctl import threadpool_limits
from torch import nn
from transformers import Wav2Vec2Config, Wav2Vec2Model

from agent.performance.model_folder import encoder_of, find
from agent.verbs.measure import Rival, cpu_ratio, in_turns
from decision.model import PAPER, SMALL, Decision, DecisionConfig
from perception.coherence import EMBEDDING_DIM, MODES, WINDOW_SAMPLES, Coherence, mask_channel
from perception.efficientnet import FEATURE_DIM
from perception.hpss import FFT_SIZE, FRAME_STEP, MEL_BANDS, MEL_HIGH_HZ, MEL_LOW_HZ, WINDOW_SIZE
from perception.transformer import reference_hidden_states, torch_threads
from perception.wav2vec2 import SAMPLERATE, Wav2Vec2Encoder

LAYER_NORM = {
    "feat_extract_norm": "layer",
    "do_stable_layer_norm": True,
    "conv_bias": True,
}  # robust, large


def encoders(name: str, hop: float) -> dict:
    """Compare a step with `transformers`, which encodes the whole window again, for the model and for base size.

    Base size is 95 M parameters and a window of 2 s. Its ways: "step" in float32, "fast" in bfloat16, "int8", and
    "recompute", which is int8 and computes the newest two hops alone.
    {kind: {"parameters", "window": s, "naive" and each way: {"wall", "cpu"} ms, "ratio_" and each way}}.
    """
    own = Wav2Vec2Encoder.load(encoder_of(find(name)), hop)
    plain = type(own.model)(own.model.config).eval()  # of its kind, as transformers computes it
    plain.load_state_dict(own.model.state_dict())
    results = {"model": _against_naive(plain, {"step": own}, rounds=40)}
    for kind, config in (("base", Wav2Vec2Config()), ("base, layer norm", Wav2Vec2Config(**LAYER_NORM))):
        naive = Wav2Vec2Model(config).eval()
        model = copy.deepcopy(naive)
        encoders = {way: Wav2Vec2Encoder(model, hop, 2.0, **settings) for way, settings in ways(hop).items()}
        results[kind] = _against_naive(naive, encoders, rounds=6)
    return results


def ways(hop: float) -> dict[str, dict[str, Any]]:
    """The ways to step an encoder of base size, as `encoders` names them: arguments of `Wav2Vec2Encoder`."""
    return {
        "step": {},
        "fast": {"precision": "bfloat16"},
        "int8": {"precision": "int8"},
        "recompute": {"precision": "int8", "recompute": 2 * hop},
    }


def base_encoders(hop: float) -> dict[str, Wav2Vec2Encoder]:
    """An encoder of base size with random weights, stepped in each of the `ways`."""
    torch.manual_seed(0)
    network = Wav2Vec2Model(Wav2Vec2Config()).eval()
    return {way: Wav2Vec2Encoder(network, hop, 2.0, **settings) for way, settings in ways(hop).items()}


def _against_naive(naive: Wav2Vec2Model, encoders: dict[str, Wav2Vec2Encoder], rounds: int) -> dict:
    """One hop by each way, and the whole window by the model's own `forward`, by turns."""
    step = encoders["step"]
    rng = np.random.default_rng(0)
    heard = rng.standard_normal(step.hop).astype(np.float32) / 5
    window = rng.standard_normal((step.window - 1) * step.stride + step.support).astype(np.float32) / 5
    rivals: dict[str, Rival] = {"naive": lambda: reference_hidden_states(naive, window)}
    rivals |= {way: partial(encoder.step, encoder.start(), heard) for way, encoder in encoders.items()}
    times: dict = dict(in_turns(rivals, rounds))
    parameters = sum(weights.numel() for weights in naive.parameters())
    ratios = {f"ratio_{name}": cpu_ratio(times["naive"], times[name]) for name in rivals if name != "naive"}
    return {"parameters": parameters, "window": round(len(window) / SAMPLERATE, 3), **times, **ratios}


def decision(size: str, hop: float) -> dict:
    """Time a plan of 4 labels after 1 and after 60 minutes of a performance, ms.

    size: "small" or "paper". The minutes are not played: the state is set to the number of its hop.
    {"minute_1", "minute_60": {"wall", "cpu"}, "ratio": minute 60 / minute 1}.
    """
    model = random_decision(size, hop)
    config = model.config
    states = {f"minute_{minute}": _at_minute(model, minute) for minute in (1, 60)}

    def play(state) -> None:
        model.hear(state, state.heard % config.vocab)
        plan = model.plan(state, lambda logits: int(logits.argmax()), 4)
        model.commit(state, plan[0])

    rivals: dict[str, Rival] = {name: partial(play, state) for name, state in states.items()}
    times = in_turns(rivals, 60 if size == "small" else 20)
    return {**times, "ratio": cpu_ratio(times["minute_60"], times["minute_1"])}


def random_decision(size: str, hop: float, **more: Any) -> Decision:
    """An untrained decision model of 64 units, its weights rounded to float16, as every model has them from its file.

    size: "small" or "paper". more: further fields of its configuration.
    """
    shape: dict[str, Any] = {"small": SMALL, "paper": PAPER}[size]
    model = Decision(DecisionConfig(units=64, hop=hop, window=int(np.ceil(15 / hop - 1e-6)), **shape, **more)).eval()
    with torch.no_grad():
        for weights in model.parameters():
            weights.copy_(weights.half().float())
    return model


def _at_minute(model: Decision, minute: int):
    """A state whose window is full and whose hop lies `minute` minutes after the beginning of the performance."""
    config = model.config
    origin = round(60 * minute / config.hop) - config.window
    state = model.start(origin=max(origin, 0))
    for label in range(config.window):
        model.hear(state, label % config.vocab)
        model.logits(state)
        model.commit(state, label % config.vocab)
    return state


def coherence(rounds: int = 7) -> dict:
    """Time the coherence meter on windows of 5 s: features and embedding of one, the three scores of a pair.

    Medians, ms, of one thread, since the live meter and each worker of `antiphon score` have one thread. The
    official code is timed too where librosa and efficientnet_pytorch are installed. The weights are random, which
    changes no time. {name: {"wall", "cpu"}, "ratios": {name: official / ours}}.
    """
    rng = np.random.default_rng(0)
    heard, spoken = (0.1 * rng.standard_normal((2, WINDOW_SAMPLES))).astype(np.float32)
    model = Coherence().fuse()
    rivals: dict[str, Rival] = {
        "features": lambda: model.features(heard),
        "embed": lambda: model.embed([heard]),
        "score": lambda: model.score(heard, spoken),
    }
    if find_spec("librosa"):
        rivals["features, official"] = lambda: _official_features(heard)
        if find_spec("efficientnet_pytorch"):
            rivals["score, official"] = partial(_official_scores, _official_network(), heard, spoken)
    before = torch_threads()
    with threadpool_limits(1):
        torch_threads(1)
        try:
            times: dict = dict(in_turns(rivals, rounds))
        finally:
            torch_threads(before)
    both = [name for name in rivals if f"{name}, official" in rivals]
    return times | {"ratios": {name: cpu_ratio(times[f"{name}, official"], times[name]) for name in both}}


def _official_features(audio: np.ndarray) -> np.ndarray:
    """(2, mels, frames) float: log mel powers of both parts, computed as in the official COCOLA code."""
    import librosa
    from librosa.decompose import hpss

    mel = {"sr": SAMPLERATE, "fmin": MEL_LOW_HZ, "fmax": MEL_HIGH_HZ, "n_mels": MEL_BANDS}
    parts = hpss(librosa.stft(audio, n_fft=FFT_SIZE, win_length=WINDOW_SIZE, hop_length=FRAME_STEP))
    powers = [librosa.feature.melspectrogram(S=np.abs(part) ** 2, **mel) for part in parts]
    return np.stack([librosa.power_to_db(power, ref=np.max) for power in powers])


def _official_network() -> nn.Module:
    """The official backbone and head: (n, 2, mels, frames) features -> (n, EMBEDDING_DIM)."""
    from efficientnet_pytorch import EfficientNet

    backbone = EfficientNet.from_name("efficientnet-b0", include_top=False, in_channels=2)
    head = nn.Linear(FEATURE_DIM, EMBEDDING_DIM), nn.LayerNorm(EMBEDDING_DIM), nn.Tanh()
    return nn.Sequential(backbone, nn.Flatten(), *head).eval()


@torch.inference_mode()
def _official_scores(network: nn.Module, heard: np.ndarray, spoken: np.ndarray) -> list[float]:
    """Compute the features once and the embeddings for each mode; the bilinear form takes no time and is left out."""
    pictures = torch.from_numpy(np.stack([_official_features(heard), _official_features(spoken)]))
    return [float(torch.dot(*network(mask_channel(pictures, mode)))) for mode in MODES]
