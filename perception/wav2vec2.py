"""wav2vec 2.0 and its kin as a streaming music encoder (Baevski et al., 2020, arXiv:2006.11477).

Any `transformers` checkpoint of a type in `KINDS` can be used: wav2vec 2.0, HuBERT (Hsu et al., 2021) and data2vec
(Baevski et al., 2022), which differ in how they were trained and, here, in the positional convolutions alone; and a
MERT (Li et al., 2024) whose layers are those of HuBERT. Frame j is the output of the convolution stack for
samples [stride*j, stride*j + support), counted from the beginning of the stream, so every frame is computed once,
whatever the hop. The Transformer above it is not causal: each hop it reads the newest `context` of frames again,
and the features of a hop are the mean of the frames whose centre lies in that hop. A token therefore depends on
the last `context` samples and on nothing else, live or from a file.

The music front end (`music_config`) is a plain `Wav2Vec2Config`: its first convolution is a bank of windowed
cosines and sines at quarter-tone spacing, each in both signs so that the GELU after it, which suppresses negative
values, loses nothing. All windows end with the newest sample of their frame, and the shorter they are, the later they
begin: a low note needs 128 ms to be resolved from its neighbour, a high one 10 ms, and none should wait for
the other. Some short windows of wide bands resolve onsets.
"""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from safetensors import SafetensorError
from torch import Tensor, nn
from transformers import Data2VecAudioConfig, Data2VecAudioModel, HubertConfig, HubertModel, PretrainedConfig
from transformers import Wav2Vec2Config as Wav2Vec2Config
from transformers import Wav2Vec2Model as Wav2Vec2Model
from transformers.utils import cached_file
from transformers.utils import logging as transformers_logging

from perception.compiled import compiled
from perception.safe_unpickle import MalformedError
from perception.torch_file import read_state
from perception.transformer import PRECISIONS, ConvLayer, KeysValues, Transformer, beside

SAMPLERATE = 16000  # Hz, of every checkpoint of this family
# model_type of config.json -> its classes. WavLM and others are not here: other layers under the same names.
KINDS: dict[str, tuple[Any, Any]] = {
    "wav2vec2": (Wav2Vec2Config, Wav2Vec2Model),
    "hubert": (HubertConfig, HubertModel),
    "data2vec-audio": (Data2VecAudioConfig, Data2VecAudioModel),
}
MERT = "mert_model"
# What a MERT may say in its config.json and still be a HuBERT; anything else is code of its own, which is never run.
MERT_AS_HUBERT = {"feature_extractor_cqt": False, "deepnorm": False, "attention_relax": -1.0, "sample_rate": SAMPLERATE}
WEIGHTS, PICKLED_WEIGHTS = "model.safetensors", "pytorch_model.bin"
PREPROCESSOR = "preprocessor_config.json"
NORMALISE_EPSILON = 1e-7  # variance added by Wav2Vec2FeatureExtractor
NORM_BLOCK_FRAMES = 256  # first-layer frames that share statistics under group norm
LOWEST_PITCH_HZ, BANDS_PER_OCTAVE, MAX_PERIODS = 32.7032, 24, 34  # C1 in Hz; bank spacing; longest window in periods
WIDE_BANDS, WIDE_WINDOW_S = 24, 0.016
DEAF_S = 0.03  # delay from the time a frame of the music front end stands for to its last sample


class EncoderError(ValueError):
    """A checkpoint that cannot be used; the message says why and what to do."""


class Encoder(Protocol):
    """What any encoder must offer; wav2vec 2.0 is one."""

    samplerate: int  # Hz
    context: int  # samples before the end of a hop that its features may depend on
    hop: int  # samples between two features
    dim: int

    def start(self) -> EncoderState:
        """State of a stream that has not begun, after `context` samples of silence."""

    def step(self, state: EncoderState, audio: np.ndarray) -> np.ndarray:
        """Hear the next (hop,) float32 samples in [-1, 1]; return the (dim,) float32 features of that hop."""

    def batch(self, audio: np.ndarray) -> list[np.ndarray]:
        """(samples,) float32 from a file -> [(samples // hop, dim) float32], equal to `step` hop by hop."""


def music_config(
    pitches: int = 168, dim: int = 256, layers: int = 4, heads: int = 4, wide: int = WIDE_BANDS
) -> Wav2Vec2Config:
    """Configuration of the music front end: 100 spectra/s over `pitches` quarter tones from C1 and `wide` wide bands,
    50 frames/s out. `centre` is an attribute of ours: the sample of a frame whose time the frame stands for."""
    config = Wav2Vec2Config(
        hidden_size=dim,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        intermediate_size=4 * dim,
        conv_dim=(4 * (pitches + wide), 256),
        conv_kernel=(2048, 3),
        conv_stride=(160, 2),
        num_feat_extract_layers=2,
        feat_extract_norm="layer",
        do_stable_layer_norm=True,
        conv_bias=True,
        num_conv_pos_embeddings=16,
        num_conv_pos_embedding_groups=16,
        num_codevectors_per_group=64,
        codevector_dim=128,
        proj_codevector_dim=128,
        num_negatives=50,
        diversity_loss_weight=0.1,
        hidden_dropout=0.0,
        attention_dropout=0.0,
        feat_proj_dropout=0.0,
        activation_dropout=0.0,
        layerdrop=0.0,
    )
    config.centre = receptive_field(list(config.conv_kernel), list(config.conv_stride)) - round(DEAF_S * SAMPLERATE)
    return config


def music_filters(pitches: int, wide: int = WIDE_BANDS, kernel: int = 2048) -> np.ndarray:
    """(4 * (pitches + wide), kernel) float32: windowed cos, -cos, sin, -sin of each band, all of unit energy.

    A window of a pitch is at most `MAX_PERIODS` periods long (constant Q) and at most the kernel (128 ms); those of the
    wide bands, spread evenly on a logarithmic scale from 60 Hz to 7 kHz, are 16 ms long. All end with the kernel, rise
    for seven tenths of their length and fall for three, so that the newest sound counts most.
    """
    pitch_hz = LOWEST_PITCH_HZ * 2 ** (np.arange(pitches) / BANDS_PER_OCTAVE)
    lengths = np.minimum(kernel, MAX_PERIODS * SAMPLERATE / pitch_hz).astype(int)
    frequencies = np.concatenate([pitch_hz, np.geomspace(60.0, 7000.0, wide)])
    lengths = np.concatenate([lengths, np.full(wide, round(WIDE_WINDOW_S * SAMPLERATE))])
    time = np.arange(kernel) - kernel
    bank = np.zeros((4 * len(frequencies), kernel))
    for number, (frequency, length) in enumerate(zip(frequencies, lengths, strict=True)):
        window = np.zeros(kernel)
        window[kernel - length :] = _skewed_window(length)
        for part, wave in enumerate((np.cos, np.sin)):
            filter_ = window * wave(2 * np.pi * frequency * time / SAMPLERATE)
            filter_ /= np.sqrt((filter_**2).sum())
            bank[4 * number + 2 * part] = filter_
            bank[4 * number + 2 * part + 1] = -filter_
    return bank.astype(np.float32)


def _skewed_window(length: int) -> np.ndarray:
    """(length,) two halves of Hann windows of different lengths: it rises over seven tenths, and falls over three."""
    rise = length - round(0.3 * length)
    x = np.concatenate(
        [(np.arange(rise) + 0.5) / rise, (length - rise - np.arange(length - rise) - 0.5) / (length - rise)]
    )
    return np.asarray(np.sin(np.pi / 2 * x) ** 2)


class LongConv(nn.Conv1d):
    """A one-channel convolution as frames x one matrix product: 3 x faster here, bf16 where autocast asks for it."""

    def forward(self, audio: Tensor) -> Tensor:
        """(B, 1, samples) -> (B, channels, frames)."""
        frames = audio[:, 0].unfold(1, self.kernel_size[0], self.stride[0])
        return nn.functional.linear(frames, self.weight[:, 0], self.bias).transpose(1, 2)

    @classmethod
    def replace(cls, model: Any) -> None:
        """Exchange the first convolution of `model`, keeping its parameters, if its kernel is long."""
        layer = model.feature_extractor.conv_layers[0]
        if layer.conv.kernel_size[0] >= 256:
            layer.conv.__class__ = cls


@dataclass
class EncoderState:
    """State of the encoder after the samples since the stream began."""

    samples: int  # since the stream began
    pending: list[Tensor]  # per convolution layer (n, channels): input not yet consumed
    window: Tensor  # (frames of context, hidden): projected frames, oldest first
    norm_sums: Tensor | None  # (blocks, 2, channels) float64, where group norm needs them: see `_group_norm`
    norm_frames: int = 0  # first-layer frames that the newest of these blocks holds
    recent: Tensor | None = None  # (samples of the window,) float32 raw sound, where the input is normalised
    seen: list[KeysValues] | None = None  # of the frames of the window in each layer, where not all are recomputed


class Wav2Vec2Encoder:
    """Streams a model of one of `KINDS`: the convolution stack once per new sample, attention over the window.

    hop: seconds; context: seconds of frames the Transformer reads at each hop. precision: of `PRECISIONS`, that of the
    products of `step`; its features then stray from those of `batch`, in bfloat16 by about 1 % of their spread.
    recompute: seconds of the newest frames that `step` computes again at each hop, at least the hop; the keys and
    values of older ones stay what they were when these last were so new. They know less of what followed them, so
    features stray, and a label depends, weakly, on more than `context`. 0: all are computed again. normalise: the model
    was trained on sound of zero mean and unit variance (`do_normalize` of its feature extractor), see `_normalised`.
    A group-norm front end (the original base models) is normalised, frame by frame, by the statistics of the `context`
    before it; there, and with `normalise`, a label depends on up to twice as much.
    """

    def __init__(
        self,
        model: Any,
        hop: float,
        context: float = 1.28,
        precision: str = "float32",
        normalise: bool = False,
        recompute: float = 0.0,
    ):
        config, self.precision, self.normalise = model.config, precision, normalise
        if precision not in PRECISIONS:
            raise EncoderError(f"precision = '{precision}': expected one of {', '.join(PRECISIONS)}")
        if abs(hop * SAMPLERATE - round(hop * SAMPLERATE)) > 1e-6 or not 0.02 < hop <= context:
            raise EncoderError(f"hop = {hop} s: expected whole samples at 16 kHz, more than 0.02 s, at most {context}")
        if recompute and recompute < hop:
            raise EncoderError(f"recompute = {recompute:g} s: expected 0, which is all, or at least a hop, {hop:g} s")
        LongConv.replace(model)
        self.model = model.eval().requires_grad_(False)
        self.samplerate, self.hop, self.dim = SAMPLERATE, round(hop * SAMPLERATE), config.hidden_size
        kernels, strides = list(config.conv_kernel), list(config.conv_stride)
        self.stride = int(np.prod(strides))
        self.support = receptive_field(kernels, strides)
        self.centre = getattr(config, "centre", None) or self.support / 2  # sample of a frame that it stands for
        self.window = round(context * SAMPLERATE / self.stride)  # frames
        fresh = min(math.ceil(recompute * SAMPLERATE / self.stride) + 1, self.window) if recompute else self.window
        self.fresh = fresh  # frames of the window that a hop computes
        self.window_samples = (self.window - 1) * self.stride + self.support
        self.context = self.window_samples + self.stride - 1
        if normalise:  # the oldest frame of the window was normalised with what came before it
            self.context += self.window_samples
        self.file_block = self.hop if normalise else 8 * SAMPLERATE  # samples of a file per pass
        self.grouped = isinstance(getattr(model.feature_extractor.conv_layers[0], "layer_norm", None), nn.GroupNorm)
        if self.grouped:  # the oldest frame of the window was normalised by what came before it
            self.blocks = -(-round(context * SAMPLERATE / strides[0]) // NORM_BLOCK_FRAMES)
            self.context += (self.blocks + 1) * NORM_BLOCK_FRAMES * strides[0]

    @cached_property
    def conv_layers(self) -> list[ConvLayer]:
        """The convolution stack; taken from the model at first use, as `transformer` is: do not train it afterwards."""
        first, *others = self.model.feature_extractor.conv_layers
        return [ConvLayer(first), *(ConvLayer(layer, beside(self.precision)) for layer in others)]

    @cached_property
    def transformer(self) -> Transformer:
        """The Transformer."""
        return Transformer(self.model, self.precision)

    @classmethod
    def load(
        cls,
        where: str | Path,
        hop: float,
        context: float | None = None,
        precision: str = "float32",
        recompute: float = 0.0,
    ) -> Wav2Vec2Encoder:
        """From a folder with config.json and weights, or a hub id; EncoderError if it is neither.

        The weights are a model.safetensors, or a pytorch_model.bin, whose pickle is parsed and not run. context: s;
        None takes the `context` the folder's config.json names, else 1.28 s. precision, recompute: see the class.
        """
        transformers_logging.set_verbosity_error()
        transformers_logging.disable_progress_bar()
        try:
            config, of_kind = _config(str(where))
            normalise, state = _normalises(str(where)), _pickled_state(str(where))
            source: dict[str, Any] = {"use_safetensors": True} if state is None else {"state_dict": state}
            model, report = of_kind.from_pretrained(
                str(where) if state is None else None,
                config=config, dtype=torch.float32, output_loading_info=True, **source,
            )  # fmt: skip
        except EncoderError:
            raise
        except (OSError, ValueError, TypeError, KeyError, AttributeError, RuntimeError, SafetensorError) as error:
            raise EncoderError(
                f"no wav2vec 2.0 model at '{where}': expected a folder with config.json and model.safetensors, or a "
                f"hub id that can be fetched ({_first_line(error)})"
            ) from None
        absent = sorted(set(report["missing_keys"]) - {"masked_spec_embed"})  # of use in training only
        if absent or not all(parameter.isfinite().all() for parameter in model.parameters()):
            why = f"it lacks {absent[0]}" if absent else "it holds numbers that are not finite"
            raise EncoderError(f"the encoder at '{where}' is damaged ({why}): copy or train it again")
        seconds: float = context or getattr(config, "context", None) or 1.28
        return cls(model, hop, seconds, precision, normalise, recompute)

    def complete_frames(self, heard: int) -> int:
        """One past the last frame that lies wholly before sample `heard`; negative before the first has ended."""
        return (heard - self.support) // self.stride + 1

    def hop_frames(self, hop: int, span: int = 1) -> tuple[int, int]:
        """[first, end) of the frames whose centre lies in hop number `hop` and that have ended with it.

        A frame is centred `centre` samples after its start; found from sample positions, so it never drifts. span: with
        hops taken so many at a time.
        """
        first = math.ceil((hop * span * self.hop - self.centre) / self.stride)
        end = self.complete_frames((hop + 1) * span * self.hop)
        return min(first, end - 1), end

    @torch.inference_mode()
    def start(self) -> EncoderState:
        """See `Encoder.start`. The silence is whole strides, so that a frame begins with the stream itself."""
        pending = [torch.zeros(0, c) for c in (1, *self.model.config.conv_dim[:-1])]
        channels, double = self.model.config.conv_dim[0], torch.float64
        sums = torch.zeros(self.blocks + 1, 2, channels, dtype=double) if self.grouped else None
        state = EncoderState(0, pending, torch.zeros(0, self.dim), sums)
        self._hear(state, torch.zeros((self.window - self.complete_frames(0)) * self.stride))
        state.recent = torch.zeros(self.window_samples) if self.normalise else None
        if self.fresh < self.window:
            state.seen = self.transformer.advance(state.window, 1, self.fresh, None, 0)[1]
        return state

    @torch.inference_mode()
    def step(self, state: EncoderState, audio: np.ndarray) -> np.ndarray:
        """See `Encoder.step`."""
        if audio.shape != (self.hop,):
            raise ValueError(f"expected one hop of {self.hop} samples, got {audio.shape}")
        hop = state.samples // self.hop
        state.samples += self.hop
        new = self._hear(state, torch.from_numpy(np.ascontiguousarray(audio, np.float32)))
        first, end = self.hop_frames(hop)
        if state.seen is None:
            return self.transformer(state.window, end - first).mean(0).numpy()
        hidden, state.seen = self.transformer.advance(state.window, end - first, self.fresh, state.seen, len(new))
        return hidden.mean(0).numpy()

    def _normalised(self, state: EncoderState, audio: Tensor) -> Tensor:
        """(n,) samples with the mean and the variance of the window that ends with them taken out.

        `Wav2Vec2FeatureExtractor` does so with a whole recording, which a stream never has: here the recording is the
        window that the Transformer reads. Equal, for the newest hop, to the extractor's output for that window.
        """
        assert state.recent is not None
        state.recent = torch.cat([state.recent, audio])[-self.window_samples :]
        exact = state.recent.double()
        return ((audio - exact.mean()) / (exact.var(correction=0) + NORMALISE_EPSILON).sqrt()).float()

    def _hear(self, state: EncoderState, audio: Tensor) -> Tensor:
        """Push samples (n,) through the convolution stack; the frames that come out join the window and are returned.

        A layer of kernel k and stride s makes frame j of its inputs [s j, s j + k). Of n inputs it makes
        c = (n - k) // s + 1 frames; the next one, frame c, begins at input s c, so the inputs from there on are kept
        as `pending` and stand before what comes next. Each frame is thus computed once, from the same inputs however
        the sound is cut.
        """
        signal = (audio if state.recent is None else self._normalised(state, audio))[:, None]
        for number, layer in enumerate(self.conv_layers):
            signal = torch.cat([state.pending[number], signal])
            count = (len(signal) - layer.kernel) // layer.stride + 1
            if count < 1:
                state.pending[number] = signal
                return state.window[:0]
            state.pending[number] = signal[count * layer.stride :].clone()
            signal = self._group_norm(state, layer, signal) if number == 0 and self.grouped else layer(signal)
        projected = self.model.feature_projection(signal)
        new: Tensor = projected if isinstance(projected, Tensor) else projected[0]
        state.window = torch.cat([state.window, new])[-self.window :]
        return new

    def _group_norm(self, state: EncoderState, layer: ConvLayer, signal: Tensor) -> Tensor:
        """First layer under group norm (one group a channel): each frame by the statistics of the frames up to it.

        They reach back to where a block began, `blocks` blocks before its own. Blocks are counted from the start of the
        stream, so that nothing depends on how many samples come at a time.
        """
        assert state.norm_sums is not None
        normal = layer.linear(signal).numpy()
        sums = state.norm_sums.numpy().copy()
        state.norm_frames = _normalise_group(normal, sums, state.norm_frames, layer.norm.eps)
        state.norm_sums = torch.from_numpy(sums)
        activated: Tensor = layer.activation(torch.from_numpy(normal) * layer.norm.weight + layer.norm.bias)
        return activated

    @torch.inference_mode()
    def batch(self, audio: np.ndarray, spans: tuple[int, ...] = (1,), windows: int = 64) -> list[np.ndarray]:
        """A file at once: for each span m, the features of its hops taken m at a time, (hops // m, dim) float32.

        Equal to `step` of an encoder whose hop is m times this one's, up to the rounding of larger matrix products
        (about 1e-5). `windows` hops go through the Transformer at a time.
        """
        if self.normalise:  # the window that a hop is normalised with ends with that hop
            return [self._batch(audio, (span,), windows, span * self.hop)[0] for span in spans]
        return self._batch(audio, spans, windows, self.file_block)

    @torch.inference_mode()
    def frames(self, audio: np.ndarray, block: int) -> Tensor:
        """(frames, hidden) projected frames of a file (samples,), after the window of silence that begins a stream.

        The sound is heard in blocks of so many samples. The window of hop t begins with frame complete_frames((t + 1) *
        hop) - complete_frames(0).
        """
        state = self.start()
        projected = [state.window]
        for begin in range(0, len(audio), block):
            part = np.ascontiguousarray(audio[begin : begin + block], np.float32)
            projected.append(self._hear(state, torch.from_numpy(part)))
        return torch.cat(projected)

    def _batch(self, audio: np.ndarray, spans: tuple[int, ...], windows: int, block: int) -> list[np.ndarray]:
        """`batch` with the sound heard in blocks of so many samples."""
        count = len(audio) // self.hop
        stream = self.frames(audio[: count * self.hop], block)
        features = [np.zeros((count // span, self.dim), np.float32) for span in spans]
        wanted = [hop for hop in range(count) if any((hop + 1) % span == 0 for span in spans)]
        for begin in range(0, len(wanted), windows):
            hops = wanted[begin : begin + windows]
            starts = [self.complete_frames((hop + 1) * self.hop) - self.complete_frames(0) for hop in hops]
            stack = torch.stack([stream[start : start + self.window] for start in starts])
            hidden = self.model.encoder(stack).last_hidden_state.float()
            for hop, states in zip(hops, hidden, strict=True):
                for span, rows in zip(spans, features, strict=True):
                    if (hop + 1) % span == 0:
                        first, end = self.hop_frames((hop + 1) // span - 1, span)
                        rows[(hop + 1) // span - 1] = states[self.window - (end - first) :].mean(0).numpy()
        return features


@compiled()
def _normalise_group(frames: np.ndarray, sums: np.ndarray, done: int, eps: float) -> int:
    """Normalise first-layer frames (n, channels) float32 in place, and move on their sums: see `_group_norm`.

    sums: (blocks + 1, 2, channels), of the newest block last, which holds `done` frames. Returns the new `done`.
    """
    count, channels = frames.shape
    blocks = len(sums) - 1
    before = sums[:-1].sum(0)
    for i in range(count):
        done += 1
        heard = blocks * NORM_BLOCK_FRAMES + done
        for c in range(channels):
            value = np.float64(frames[i, c])
            sums[-1, 0, c] += value
            sums[-1, 1, c] += value * value
            mean = (sums[-1, 0, c] + before[0, c]) / heard
            spread = max((sums[-1, 1, c] + before[1, c]) / heard - mean * mean, 0.0) + eps
            frames[i, c] = (value - mean) / math.sqrt(spread)
        if done == NORM_BLOCK_FRAMES:
            sums[:-1] = sums[1:].copy()
            sums[-1] = 0
            before, done = sums[:-1].sum(0), 0
    return done


def weights_hash(encoder: str | Path) -> str:
    """SHA-256 of the weights of an encoder's folder; its name where it has no file of that name."""
    weights = Path(encoder) / WEIGHTS
    return hashlib.sha256(weights.read_bytes()).hexdigest() if weights.is_file() else str(encoder)


def receptive_field(kernels: list[int], strides: list[int]) -> int:
    """Samples that one frame of a stack of convolutions depends on.

    From the top down: r frames of a layer depend on (r - 1) * stride + kernel frames of the one below.

    >>> receptive_field([10, 3, 3, 3, 3, 2, 2], [5, 2, 2, 2, 2, 2, 2]), receptive_field([2048, 3], [160, 2])
    (400, 2368)
    """
    field = 1
    for kernel, stride in zip(kernels[::-1], strides[::-1], strict=True):
        field = (field - 1) * stride + kernel
    return field


def _config(where: str) -> tuple[Any, Any]:
    """(configuration, class of the model) of a checkpoint. EncoderError for a kind that is not one of `KINDS`."""
    content = PretrainedConfig.get_config_dict(where)[0]
    kind = content.get("model_type", "wav2vec2")
    if kind == MERT:
        own = {key: content[key] for key, value in MERT_AS_HUBERT.items() if content.get(key, value) != value}
        if own:
            has, needs = (", ".join(f"{key} = {value}" for key, value in of.items()) for of in (own, MERT_AS_HUBERT))
            raise EncoderError(
                f"the MERT at '{where}' has {has}: Antiphon runs no code that comes with a model, so it takes a MERT "
                f"only where its layers are HuBERT's ({needs}), such as m-a-p/MERT-v0"
            )
        kind = "hubert"
    if kind not in KINDS:
        known = [f"'{name}'" for name in KINDS]
        raise EncoderError(
            f"the encoder at '{where}' is a '{kind}', and only {', '.join(known[:-1])} and {known[-1]} are supported: "
            "name another folder or hub id, or train one: antiphon train encoder"
        )
    of_config, of_model = KINDS[kind]
    return of_config.from_dict(content | {"model_type": kind}), of_model


def found_file(where: str, name: str) -> Path | None:
    """A file of a folder or of a hub id, which is fetched unless it has been before; None where there is none."""
    path = cached_file(
        where,
        name,
        _raise_exceptions_for_missing_entries=False,
        _raise_exceptions_for_gated_repo=False,
        _raise_exceptions_for_connection_errors=False,
    )
    return None if path is None else Path(path)


def _pickled_state(where: str) -> dict[str, Tensor] | None:
    """The weights of a pytorch_model.bin where there is no model.safetensors, by the names of a model without heads."""
    if found_file(where, WEIGHTS) is not None or (path := found_file(where, PICKLED_WEIGHTS)) is None:
        return None
    try:
        state = read_state(path)
    except MalformedError as error:
        raise EncoderError(
            f"{PICKLED_WEIGHTS} of '{where}' cannot be read ({error}): copy it again, or save the model with "
            "transformers as model.safetensors"
        ) from None
    return state


def _normalises(where: str) -> bool:
    """`do_normalize` of the preprocessor_config.json beside a model; False where there is none. EncoderError."""
    path = found_file(where, PREPROCESSOR)
    if path is None:
        return False
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        normalises, rate = content.get("do_normalize", True), content.get("sampling_rate", SAMPLERATE)
    except (OSError, ValueError, AttributeError) as error:
        raise EncoderError(
            f"preprocessor_config.json of '{where}' is damaged ({_first_line(error)}): copy it again"
        ) from None
    if rate != SAMPLERATE or not isinstance(normalises, bool):
        raise EncoderError(
            f"preprocessor_config.json of '{where}' says sampling_rate = {rate!r} and do_normalize = {normalises!r}: "
            f"expected {SAMPLERATE} Hz and true or false"
        )
    return normalises


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)
