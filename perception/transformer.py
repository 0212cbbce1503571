"""A wav2vec 2.0 model taken apart for playing: the same mathematics as `transformers`, by fewer and larger steps.

`transformers` recomputes at each call what never changes (the norm of the positional weights, a mask that hides
nothing), takes queries, keys and values in three products, and carries the last layer to the end for frames that
nobody asked for. Here weights are folded once, and of the last layer only the newest frames are finished.
The law: equal to the model's own `forward` to 1e-5.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import Wav2Vec2Model


class Convolution:
    """A layer of the front end as one matrix product: frames of its input, end to end, by its weights.

    Signals are (time, channels), so that a frame is one stretch of memory and the layer norm needs no transposition.
    """

    def __init__(self, layer: nn.Module):
        conv = layer.conv
        self.kernel, self.stride = conv.kernel_size[0], conv.stride[0]
        self.weight = conv.weight.transpose(1, 2).flatten(1).contiguous()  # (out, kernel * in)
        self.bias, self.activation = conv.bias, layer.activation
        self.norm = getattr(layer, "layer_norm", None)

    def linear(self, signal: Tensor) -> Tensor:
        """(n, in) -> ((n - kernel) // stride + 1, out), before norm and activation; n >= kernel."""
        channels = signal.shape[1]
        count = (len(signal) - self.kernel) // self.stride + 1
        frames = signal.as_strided((count, self.kernel * channels), (self.stride * channels, 1))
        return F.linear(frames, self.weight, self.bias)

    def __call__(self, signal: Tensor) -> Tensor:
        """The whole layer, where its norm is that of single frames or none."""
        made = self.linear(signal)
        return self.activation(made if self.norm is None else self.norm(made))


class Layer:
    """Weights of one Transformer layer, queries, keys and values in one matrix."""

    def __init__(self, layer: nn.Module, dtype: torch.dtype):
        attention, forward = layer.attention, layer.feed_forward
        three = [attention.q_proj, attention.k_proj, attention.v_proj]
        self.heads, self.dim = attention.num_heads, attention.embed_dim
        self.mixed = _joined(three, dtype)
        self.out = _joined([attention.out_proj], dtype)
        self.wide = _joined([forward.intermediate_dense], dtype)
        self.narrow = _joined([forward.output_dense], dtype)
        self.activation = forward.intermediate_act_fn
        self.norm, self.final_norm = layer.layer_norm, layer.final_layer_norm

    def attend(self, x: Tensor, newest: int) -> Tensor:
        """(n, dim) -> (newest, dim): attention of the newest frames to all of them."""
        (weight, bias), dim, n = self.mixed, self.dim, len(x)
        if newest == n:
            query, key, value = linear(x, self.mixed).view(n, 3, self.heads, -1).permute(1, 2, 0, 3)
        else:
            query = linear(x[n - newest :], (weight[:dim], bias[:dim])).view(newest, self.heads, -1).transpose(0, 1)
            key, value = linear(x, (weight[dim:], bias[dim:])).view(n, 2, self.heads, -1).permute(1, 2, 0, 3)
        mixed = F.scaled_dot_product_attention(query[None], key[None], value[None])[0]
        return linear(mixed.transpose(0, 1).reshape(newest, dim), self.out)

    def forward(self, x: Tensor) -> Tensor:
        """(n, dim) -> (n, dim): the two feed-forward products."""
        return linear(self.activation(linear(x, self.wide)), self.narrow)


class Reader:
    """The Transformer of a model over one window of projected frames.

    dtype: of the matrix products; bfloat16 is faster where the processor has it, but no longer equal to 1e-5.
    The weights are a copy: make it anew after training.
    """

    def __init__(self, model: Wav2Vec2Model, dtype: torch.dtype = torch.float32):
        encoder = model.encoder
        self.before = model.config.do_stable_layer_norm  # norms stand before each part, or after it
        self.norm = encoder.layer_norm
        self.position = encoder.pos_conv_embed
        conv = self.position.conv
        self.place = conv.weight.detach().clone().contiguous(), conv.bias, conv.padding[0], conv.groups
        self.layers = [Layer(layer, dtype) for layer in encoder.layers]

    def __call__(self, window: Tensor, newest: int) -> Tensor:
        """(n, hidden) projected frames, oldest first -> (newest, hidden) last hidden states of the newest."""
        weight, bias, padding, groups = self.place
        placed = F.conv1d(window.T[None], weight, bias, padding=padding, groups=groups)[0, :, : len(window)]
        x = window + self.position.activation(placed).T
        if not self.before:
            x = self.norm(x)
        for layer in self.layers:
            wanted = newest if layer is self.layers[-1] else len(x)
            if self.before:
                x = x[len(x) - wanted :] + layer.attend(layer.norm(x), wanted)
                x = x + layer.forward(layer.final_norm(x))
            else:
                x = layer.norm(x[len(x) - wanted :] + layer.attend(x, wanted))
                x = layer.final_norm(x + layer.forward(x))
        return self.norm(x) if self.before else x


def _joined(parts: list[nn.Linear], dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    weight, bias = torch.cat([part.weight for part in parts]), torch.cat([part.bias for part in parts])
    return weight.detach().to(dtype).contiguous(), bias.detach().to(dtype)


def linear(x: Tensor, weights: tuple[Tensor, Tensor]) -> Tensor:
    """float32 in and out, multiplied in the type of the weights."""
    weight, bias = weights
    return F.linear(x.to(weight.dtype), weight, bias).float()
