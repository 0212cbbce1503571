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

    Base size is 95 M parameters and a window of 2 s.
    {kind: {"parameters", "window": s, "naive", "step", "fast": {"wall", "cpu"} ms, "ratio_step", "ratio_fast"}}.
    """
    own = Wav2Vec2Encoder.load(encoder_of(find(name)), hop)
    plain = type(own.model)(own.model.config).eval()  # of its kind, as transformers computes it
    plain.load_state_dict(own.model.state_dict())
    results = {"model": _against_naive(plain, own, rounds=40)}
    for kind, config in (("base", Wav2Vec2Config()), ("base, layer norm", Wav2Vec2Config(**LAYER_NORM))):
        naive = Wav2Vec2Model(config).eval()
        step = Wav2Vec2Encoder(copy.deepcopy(naive), hop, context=2.0)
        fast = Wav2Vec2Encoder(step.model, hop, context=2.0, bfloat16=True)
        results[kind] = _against_naive(naive, step, fast, rounds=6)
    return results


def _against_naive(
    naive: Wav2Vec2Model, step: Wav2Vec2Encoder, fast: Wav2Vec2Encoder | None = None, rounds: int = 10
) -> dict:
    rng = np.random.default_rng(0)
    heard = rng.standard_normal(step.hop).astype(np.float32) / 5
    window = rng.standard_normal((step.window - 1) * step.stride + step.support).astype(np.float32) / 5
    frames = step.start()
    rivals: dict[str, Rival] = {
        "naive": lambda: reference_hidden_states(naive, window),
        "step": lambda: step.step(frames, heard),
    }
    if fast:
        rivals["fast"] = partial(fast.step, fast.start(), heard)
    times: dict = dict(in_turns(rivals, rounds))
    parameters = sum(weights.numel() for weights in naive.parameters())
    ratios = {f"ratio_{name}": cpu_ratio(times["naive"], times[name]) for name in rivals if name != "naive"}
    return {"parameters": parameters, "window": round(len(window) / SAMPLERATE, 3), **times, **ratios}


def decision(size: str, hop: float) -> dict:
    """Time a plan of 4 labels after 1 and after 60 minutes of a performance, ms.

    size: "small" or "paper". The minutes are not played: the state is set to the number of its hop.
    {"minute_1", "minute_60": {"wall", "cpu"}, "ratio": minute 60 / minute 1}.
    """
    shape: dict[str, Any] = {"small": SMALL, "paper": PAPER}[size]
    config = DecisionConfig(units=64, hop=hop, window=int(np.ceil(15 / hop - 1e-6)), **shape)
    model = Decision(config).eval()
    states = {f"minute_{minute}": _at_minute(model, minute) for minute in (1, 60)}

    def play(state) -> None:
        model.hear(state, state.heard % config.vocab)
        plan = model.plan(state, lambda logits: int(logits.argmax()), 4)
        model.commit(state, plan[0])

    rivals: dict[str, Rival] = {name: partial(play, state) for name, state in states.items()}
    times = in_turns(rivals, 60 if size == "small" else 20)
    return {**times, "ratio": cpu_ratio(times["minute_60"], times["minute_1"])}


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
