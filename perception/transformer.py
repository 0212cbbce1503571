"""A wav2vec 2.0, HuBERT or data2vec model taken apart for playing: as `transformers` has it, by fewer, larger steps.

`transformers` recomputes at each call what never changes (the norm of the positional weights, a mask that hides
nothing), takes queries, keys and values in three products, and carries the last layer to the end for frames that
are not needed. Here weights are folded and laid out once, and of the last layer only the newest frames are finished.
The law: equal to the model's own `forward` (`reference_hidden_states`) to 1e-5.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from perception.compiled import compiled

EXPECTED_ROWS = 64  # frames that a product meets at a time, roughly
PRECISIONS = ("float32", "bfloat16", "int8")  # of the matrix products of a Transformer


KeysValues = tuple[Tensor, Tensor]  # (B, heads, frames, head dim) each


class PackedLinear:
    """x W^T + b, float32 in and out, the weights laid out once as oneDNN multiplies them: a fifth less time per hop.

    weight (out, in), bias (out,); rows: expected number of rows of x. dtype: bfloat16 multiplies twice as fast where
    the processor can, and rounds. The operators are torch's own but not documented; without them it is `F.linear`.
    """

    def __init__(self, weight: Tensor, bias: Tensor | None, rows: int, dtype: torch.dtype = torch.float32):
        self.weight = weight.detach().to(dtype).contiguous()
        self.bias = None if bias is None else bias.detach().to(dtype)
        self.packed = False
        if torch.backends.mkldnn.is_available() and self.weight.device.type == "cpu":  # type: ignore[no-untyped-call]
            with suppress(AttributeError, RuntimeError):
                weight = torch.ops.mkldnn._reorder_linear_weight(self.weight, rows)
                torch.ops.mkldnn._linear_pointwise(self.weight[:1].clone(), weight, self.bias, "none", [], "")
                self.weight, self.packed = weight, True

    def __call__(self, x: Tensor) -> Tensor:
        """(n, in) -> (n, out)."""
        return self.rounded(x).float()

    def rounded(self, x: Tensor) -> Tensor:
        """The same in the dtype of the weights, as it is multiplied."""
        x = x.to(self.weight.dtype).contiguous()
        if self.packed:
            product: Tensor = torch.ops.mkldnn._linear_pointwise(x, self.weight, self.bias, "none", [], "")
            return product
        return F.linear(x, self.weight, self.bias)


class Int8Linear:
    """x W^T + b in whole numbers of 8 bits, float32 in and out: a quarter of the weights' bytes, two thirds of the time
    of bfloat16 where the processor has VNNI.

    weight (out, in), bias (out,). Each row of the weights has its scale; the scale and the zero of x are those of its
    smallest and largest number, found at each call. The operator of oneDNN is torch's own but not documented; without
    it the same rounded numbers are multiplied as floats.
    """

    def __init__(self, weight: Tensor, bias: Tensor):
        weight = weight.detach().float()
        self.scales = (weight.abs().amax(1) / 127).clamp(min=1e-12)
        self.bias, self.zeros = bias.detach().float(), torch.zeros(len(weight), dtype=torch.int64)
        whole = (weight / self.scales[:, None]).round().to(torch.int8)
        self.weight, self.packed = whole.float() * self.scales[:, None], False
        with suppress(AttributeError, RuntimeError):
            packed = torch.ops.onednn.qlinear_prepack(whole, [EXPECTED_ROWS, weight.shape[1]])
            self._product(torch.zeros(1, weight.shape[1], dtype=torch.uint8), 1.0, 0, packed)
            self.weight, self.packed = packed, True

    def __call__(self, x: Tensor) -> Tensor:
        """(..., in) -> (..., out)."""
        flat = x.reshape(-1, x.shape[-1]).contiguous()
        whole = torch.empty(flat.shape, dtype=torch.uint8)
        scale, zero = _as_bytes(flat.numpy().reshape(-1), whole.numpy().reshape(-1))
        if not self.packed:
            return F.linear((whole.float() - zero) * scale, self.weight, self.bias).view(*x.shape[:-1], -1)
        return self._product(whole, scale, zero, self.weight).view(*x.shape[:-1], -1)

    def _product(self, x: Tensor, scale: float, zero: int, packed: Tensor) -> Tensor:
        product: Tensor = torch.ops.onednn.qlinear_pointwise(
            x, scale, zero, packed, self.scales, self.zeros, self.bias, 1.0, 0, torch.float32, "none", [], ""
        )
        return product

    rounded = __call__  # as of `PackedLinear`


@compiled(fastmath=True)
def _as_bytes(x: np.ndarray, out: np.ndarray) -> tuple[float, int]:
    """out (n,) uint8 = x / scale + zero, rounded, of x (n,) float32; returns (scale, zero) that fit x."""
    low, high = np.float32(0), np.float32(0)
    for i in range(len(x)):
        low, high = min(low, x[i]), max(high, x[i])
    scale = max((high - low) / np.float32(255), np.float32(1e-12))
    inverse = np.float32(1) / scale
    zero = np.float32(int(np.float32(0.5) - low * inverse))
    for i in range(len(x)):
        out[i] = np.uint8(min(max(int(x[i] * inverse + zero + np.float32(0.5)), 0), 255))
    return float(scale), int(zero)


class ConvLayer:
    """A layer of the front end as one matrix product: frames of its input, end to end, by its weights.

    Signals are (time, channels), so that a frame is one stretch of memory and the layer norm needs no transposition.
    Filters that come in both signs, as those of the music front end do, are multiplied once. dtype: of the product.
    """

    def __init__(self, layer: Any, dtype: torch.dtype = torch.float32):
        conv = layer.conv
        self.kernel, self.stride = conv.kernel_size[0], conv.stride[0]
        weight = conv.weight.detach().transpose(1, 2).flatten(1)  # (out, kernel * in)
        self.paired = len(weight) % 2 == 0 and torch.equal(weight[1::2], -weight[::2])
        self.bias = conv.bias.detach() if self.paired and conv.bias is not None else None
        weight, bias = (weight[::2], None) if self.paired else (weight, conv.bias)
        self.product = PackedLinear(weight, bias, EXPECTED_ROWS, dtype)
        self.activation = layer.activation
        self.norm: Any = getattr(layer, "layer_norm", None)

    def linear(self, signal: Tensor) -> Tensor:
        """(n, in) -> ((n - kernel) // stride + 1, out), before norm and activation; n >= kernel."""
        channels = signal.shape[1]
        count = (len(signal) - self.kernel) // self.stride + 1
        product = self.product(signal.as_strided((count, self.kernel * channels), (self.stride * channels, 1)))
        if self.paired:
            product = torch.stack([product, -product], 2).flatten(1)
        return product if self.bias is None else product + self.bias

    def __call__(self, signal: Tensor) -> Tensor:
        """The whole layer, where its norm is that of single frames or none."""
        frames = self.linear(signal)
        activated: Tensor = self.activation(frames if self.norm is None else self.norm(frames))
        return activated


class TransformerLayer:
    """One Transformer layer; of the last one only the newest frames are wanted."""

    def __init__(self, layer: Any, precision: str, last: bool):
        attention, forward = layer.attention, layer.feed_forward
        self.heads, self.dim = attention.num_heads, attention.embed_dim
        three = [attention.q_proj, attention.k_proj, attention.v_proj]
        groups = [three[:1], three[1:]] if last else [three]
        self.mixed = [_joined(group, precision) for group in groups]
        self.out = _joined([attention.out_proj], precision)
        self.wide = _joined([forward.intermediate_dense], precision)
        self.narrow = _joined([forward.output_dense], precision)
        self.activation = forward.intermediate_act_fn
        self.norm, self.final_norm = layer.layer_norm, layer.final_layer_norm
        self.adapter: Any = getattr(layer, "adapter_layer", None)  # of some fine-tuned large models

    def attend(self, x: Tensor, newest: int, older: KeysValues | None = None) -> tuple[Tensor, KeysValues]:
        """(B, n, dim) -> (B, newest, dim): attention of the newest frames to all; newest = n but in the last.

        older: keys and values of frames before these. Second result: those of all frames attended to, older first.
        """
        parts = [x[:, x.shape[1] - newest :], x][-len(self.mixed) :]
        groups = [product(part).view(*part.shape[:2], -1, self.heads, self.dim // self.heads).permute(2, 0, 3, 1, 4)
                for product, part in zip(self.mixed, parts, strict=True)]  # fmt: skip
        query, key, value = (part for group in groups for part in group)
        if older is not None:
            key, value = torch.cat([older[0], key], 2), torch.cat([older[1], value], 2)
        mixed = F.scaled_dot_product_attention(query, key, value)
        return self.out(mixed.transpose(1, 2).flatten(2)), (key, value)

    def forward(self, x: Tensor) -> Tensor:
        """(B, n, dim) -> (B, n, dim): the two feed-forward products."""
        return self.narrow(self.activation(self.wide.rounded(x)))


class Position:
    """The positional convolutions of a model: one, or the stack that data2vec has, each with its norm.

    The weights of the one come from a direction and a norm, which `transformers` multiplies at each call; here once.
    dtype: of the one.
    """

    def __init__(self, embedding: Any, dtype: torch.dtype = torch.float32):
        self.embedding, self.dtype = embedding, dtype
        self.single = not hasattr(embedding, "layers") and getattr(embedding, "batch_norm", None) is None
        if self.single:
            conv = embedding.conv
            weight, bias = conv.weight.detach().to(dtype, copy=True).contiguous(), conv.bias.detach().to(dtype)
            self.conv = weight, bias, conv.padding[0], conv.groups

    def __call__(self, window: Tensor, newest: int | None = None) -> Tensor:
        """(B, n, hidden) -> (B, newest, hidden), to be added to the newest frames; None is all."""
        n = window.shape[1]
        if not self.single:
            stacked: Tensor = self.embedding(window)
            return stacked[:, n - (newest or n) :]
        weight, bias, padding, groups = self.conv
        if newest is None or newest == n:
            channels = window.transpose(1, 2).to(self.dtype)
            positions = F.conv1d(channels, weight, bias, padding=padding, groups=groups)[:, :, :n]
        else:  # of the frames that these depend on, and of the silence on both sides of the window
            first = n - newest - padding
            channels = window[:, max(first, 0) :].transpose(1, 2).to(self.dtype)
            channels = F.pad(channels, (max(-first, 0), weight.shape[2] - 1 - padding))
            positions = F.conv1d(channels, weight, bias, groups=groups)
        activated: Tensor = self.embedding.activation(positions.float()).transpose(1, 2)
        return activated


class Transformer:
    """The Transformer of a model over one window of projected frames.

    precision: of `PRECISIONS`. bfloat16 is faster where the processor has it, int8 is faster still (then the positional
    convolution is of bfloat16, where the processor has that), but neither is equal to 1e-5.
    The weights are a copy: make it anew after training.
    """

    def __init__(self, model: Any, precision: str = "float32"):
        encoder = model.encoder
        # Norms stand before each part, or after it. A data2vec may say `do_stable_layer_norm` and has them after it.
        self.pre_norm = type(encoder).__name__.endswith("StableLayerNorm")
        self.norm = encoder.layer_norm
        self.position = Position(encoder.pos_conv_embed, beside(precision))
        self.layers = [TransformerLayer(layer, precision, layer is encoder.layers[-1]) for layer in encoder.layers]

    def __call__(self, window: Tensor, newest: int) -> Tensor:
        """(n, hidden) projected frames, oldest first -> (newest, hidden) last hidden states of the newest."""
        return self.batch(window[None], newest)[0]

    def batch(self, windows: Tensor, newest: int) -> Tensor:
        """The same for many windows, (B, n, hidden) -> (B, newest, hidden)."""
        return self._through(windows + self.position(windows), newest, [None] * len(self.layers))[0]

    def advance(
        self, window: Tensor, newest: int, fresh: int, seen: list[KeysValues] | None, moved: int
    ) -> tuple[Tensor, list[KeysValues]]:
        """As a call, but only the `fresh` newest frames are computed: of those before, keys and values are remembered.

        seen: the second result for the window that began `moved` frames earlier; None computes all frames.
        moved <= fresh. newest <= fresh.
        """
        older: list[KeysValues | None] = [None] * len(self.layers)
        if seen is not None:
            end = moved + len(window) - fresh
            older = [(keys[:, :, moved:end], values[:, :, moved:end]) for keys, values in seen]
        rows = len(window) if seen is None else fresh
        x = window[None, len(window) - rows :] + self.position(window[None], rows)
        last, seen = self._through(x, newest, older)
        return last[0], seen

    def _through(self, x: Tensor, newest: int, older: Sequence[KeysValues | None]) -> tuple[Tensor, list[KeysValues]]:
        """Frames with their positions, (B, n, hidden), through all layers -> (B, newest, hidden)."""
        if not self.pre_norm:
            x = self.norm(x)
        seen = []
        for layer, before in zip(self.layers, older, strict=True):
            wanted = newest if layer is self.layers[-1] else x.shape[1]
            attended, kept = layer.attend(layer.norm(x) if self.pre_norm else x, wanted, before)
            seen.append(kept)
            x = x[:, x.shape[1] - wanted :] + attended
            if self.pre_norm:
                x = x + layer.forward(layer.final_norm(x))
                if layer.adapter is not None:
                    x = x + layer.adapter(x)
            else:
                x = layer.norm(x)
                x = layer.final_norm(x + layer.forward(x))
        last: Tensor = self.norm(x) if self.pre_norm else x
        return last, seen


def _joined(parts: list[nn.Linear], precision: str) -> PackedLinear | Int8Linear:
    """Several products of the same x as one, their results side by side."""
    weight, bias = torch.cat([part.weight for part in parts]), torch.cat([part.bias for part in parts])
    if precision == "int8":
        return Int8Linear(weight, bias)
    return PackedLinear(weight, bias, EXPECTED_ROWS, getattr(torch, precision))


def beside(precision: str) -> torch.dtype:
    """In what convolutions are multiplied beside matrix products of such a precision."""
    return torch.bfloat16 if precision == "int8" and has_bfloat16() else torch.float32


@torch.inference_mode()
def reference_hidden_states(model: Any, audio: np.ndarray) -> np.ndarray:
    """(n,) float32 at 16 kHz -> (frames, hidden) by the model's own `forward`: what all else is compared with."""
    return np.asarray(model(torch.from_numpy(audio)[None]).last_hidden_state[0].numpy())


def native_precision() -> str:
    """bfloat16 where this processor multiplies it by itself, else float32."""
    return "bfloat16" if has_bfloat16() else "float32"


def has_bfloat16() -> bool:
    """Whether this processor multiplies bfloat16 by itself; where it does not, bfloat16 is slower than float32."""
    for asked in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"):
        with suppress(AttributeError, RuntimeError):
            if getattr(torch.cpu, asked)():
                return True
    return False


def torch_threads(count: int | None = None) -> int:
    """Processor threads that a matrix product may take, changed to `count` if given.

    Two halve the time on idle cores, but wait for each other where another program has one of them.
    """
    if count is not None:
        torch.set_num_threads(count)
    return torch.get_num_threads()
