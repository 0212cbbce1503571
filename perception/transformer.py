"""A wav2vec 2.0, HuBERT or data2vec model taken apart for playing: as `transformers` has it, by fewer, larger steps.

`transformers` recomputes at each call what never changes (the norm of the positional weights, a mask that hides
nothing), takes queries, keys and values in three products, and carries the last layer to the end for frames that
are not needed. Here weights are folded and laid out once, and of the last layer only the newest frames are finished.
The law: equal to the model's own `forward` (`reference_hidden_states`) to 1e-5.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

EXPECTED_ROWS = 64  # frames that a product meets at a time, roughly


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


class ConvLayer:
    """A layer of the front end as one matrix product: frames of its input, end to end, by its weights.

    Signals are (time, channels), so that a frame is one stretch of memory and the layer norm needs no transposition.
    Filters that come in both signs, as those of the music front end do, are multiplied once.
    """

    def __init__(self, layer: Any):
        conv = layer.conv
        self.kernel, self.stride = conv.kernel_size[0], conv.stride[0]
        weight = conv.weight.detach().transpose(1, 2).flatten(1)  # (out, kernel * in)
        self.paired = len(weight) % 2 == 0 and torch.equal(weight[1::2], -weight[::2])
        self.bias = conv.bias.detach() if self.paired and conv.bias is not None else None
        weight, bias = (weight[::2], None) if self.paired else (weight, conv.bias)
        self.product = PackedLinear(weight, bias, EXPECTED_ROWS)
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

    def __init__(self, layer: Any, dtype: torch.dtype, last: bool):
        attention, forward = layer.attention, layer.feed_forward
        self.heads, self.dim = attention.num_heads, attention.embed_dim
        three = [attention.q_proj, attention.k_proj, attention.v_proj]
        groups = [three[:1], three[1:]] if last else [three]
        self.mixed = [_joined(group, dtype) for group in groups]
        self.out = _joined([attention.out_proj], dtype)
        self.wide = _joined([forward.intermediate_dense], dtype)
        self.narrow = _joined([forward.output_dense], dtype)
        self.activation = forward.intermediate_act_fn
        self.norm, self.final_norm = layer.layer_norm, layer.final_layer_norm
        self.adapter: Any = getattr(layer, "adapter_layer", None)  # of some fine-tuned large models

    def attend(self, x: Tensor, newest: int) -> Tensor:
        """(B, n, dim) -> (B, newest, dim): attention of the newest frames to all; newest = n but in the last."""
        parts = [x[:, x.shape[1] - newest :], x][-len(self.mixed) :]
        groups = [product(part).view(*part.shape[:2], -1, self.heads, self.dim // self.heads).permute(2, 0, 3, 1, 4)
                for product, part in zip(self.mixed, parts, strict=True)]  # fmt: skip
        query, key, value = (part for group in groups for part in group)
        mixed = F.scaled_dot_product_attention(query, key, value)
        return self.out(mixed.transpose(1, 2).flatten(2))

    def forward(self, x: Tensor) -> Tensor:
        """(B, n, dim) -> (B, n, dim): the two feed-forward products."""
        return self.narrow(self.activation(self.wide.rounded(x)))


class Position:
    """The positional convolutions of a model: one, or the stack that data2vec has, each with its norm.

    The weights of the one come from a direction and a norm, which `transformers` multiplies at each call; here once.
    """

    def __init__(self, embedding: Any):
        self.embedding = embedding
        self.single = not hasattr(embedding, "layers") and getattr(embedding, "batch_norm", None) is None
        if self.single:
            conv = embedding.conv
            self.conv = conv.weight.detach().clone().contiguous(), conv.bias, conv.padding[0], conv.groups

    def __call__(self, window: Tensor) -> Tensor:
        """(B, n, hidden) -> (B, n, hidden), to be added."""
        if not self.single:
            stacked: Tensor = self.embedding(window)
            return stacked
        weight, bias, padding, groups = self.conv
        positions = F.conv1d(window.transpose(1, 2), weight, bias, padding=padding, groups=groups)
        activated: Tensor = self.embedding.activation(positions[:, :, : window.shape[1]]).transpose(1, 2)
        return activated


class Transformer:
    """The Transformer of a model over one window of projected frames.

    dtype: of the matrix products; bfloat16 is faster where the processor has it, but no longer equal to 1e-5.
    The weights are a copy: make it anew after training.
    """

    def __init__(self, model: Any, dtype: torch.dtype = torch.float32):
        encoder = model.encoder
        # Norms stand before each part, or after it. A data2vec may say `do_stable_layer_norm` and has them after it.
        self.pre_norm = type(encoder).__name__.endswith("StableLayerNorm")
        self.norm = encoder.layer_norm
        self.position = Position(encoder.pos_conv_embed)
        self.layers = [TransformerLayer(layer, dtype, layer is encoder.layers[-1]) for layer in encoder.layers]

    def __call__(self, window: Tensor, newest: int) -> Tensor:
        """(n, hidden) projected frames, oldest first -> (newest, hidden) last hidden states of the newest."""
        return self.batch(window[None], newest)[0]

    def batch(self, windows: Tensor, newest: int) -> Tensor:
        """The same for many windows, (B, n, hidden) -> (B, newest, hidden)."""
        x = windows + self.position(windows)
        if not self.pre_norm:
            x = self.norm(x)
        for layer in self.layers:
            wanted = newest if layer is self.layers[-1] else x.shape[1]
            if self.pre_norm:
                x = x[:, x.shape[1] - wanted :] + layer.attend(layer.norm(x), wanted)
                x = x + layer.forward(layer.final_norm(x))
                if layer.adapter is not None:
                    x = x + layer.adapter(x)
            else:
                x = layer.norm(x[:, x.shape[1] - wanted :] + layer.attend(x, wanted))
                x = layer.final_norm(x + layer.forward(x))
        last: Tensor = self.norm(x) if self.pre_norm else x
        return last


def _joined(parts: list[nn.Linear], dtype: torch.dtype) -> PackedLinear:
    """Several products of the same x as one, their results side by side."""
    weight, bias = torch.cat([part.weight for part in parts]), torch.cat([part.bias for part in parts])
    return PackedLinear(weight, bias, EXPECTED_ROWS, dtype)


@torch.inference_mode()
def reference_hidden_states(model: Any, audio: np.ndarray) -> np.ndarray:
    """(n,) float32 at 16 kHz -> (frames, hidden) by the model's own `forward`: what all else is compared with."""
    return np.asarray(model(torch.from_numpy(audio)[None]).last_hidden_state[0].numpy())


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
