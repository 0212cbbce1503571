"""EfficientNet-B0 (Tan & Le, 2019, table 1) without its top, as COCOLA trains it: any number of input channels.

Layers of stride 2 pad as the official COCOLA backbone does, whose padding is fixed for inputs of 224 x 224, where
every size is even. Padding to the actual size, as TensorFlow and other EfficientNets do, would give other
numbers for 501 frames, so weights would not carry over.
"""

from __future__ import annotations

from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

# expansion, kernel, stride, channels in, channels out, repeats
STAGES = (
    (1, 3, 1, 32, 16, 1),
    (6, 3, 2, 16, 24, 2),
    (6, 5, 2, 24, 40, 2),
    (6, 3, 2, 40, 80, 3),
    (6, 5, 1, 80, 112, 3),
    (6, 5, 2, 112, 192, 4),
    (6, 3, 1, 192, 320, 1),
)
FEATURE_DIM = 1280  # channels of the output
DROP_PATH = (
    0.2  # probability that training skips the last block; it grows linearly from 0 at the first (stochastic depth)
)
batch_norm = partial(nn.BatchNorm2d, eps=1e-3, momentum=0.01)


class Conv(nn.Conv2d):
    """A convolution without bias; at stride 2 it pads as for an even size, one more after than before."""

    def __init__(self, inner: int, outer: int, kernel: int = 1, stride: int = 1, groups: int = 1):
        padding = kernel // 2 if stride == 1 else 0
        super().__init__(inner, outer, kernel, stride, padding, groups=groups, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(n, inner, height, width) -> (n, outer, height', width'), at stride 2 half of it, rounded down."""
        if self.stride[0] == 2:
            before, after = (self.kernel_size[0] - 2) // 2, (self.kernel_size[0] - 1) // 2
            x = F.pad(x, (before, after, before, after))
        return super().forward(x)


class Block(nn.Module):
    """Mobile inverted bottleneck with squeeze and excitation.

    Activations overwrite the output of the convolution before them, which saves a tenth of the time or more.
    """

    def __init__(self, expansion: int, kernel: int, stride: int, inner: int, outer: int, drop: float):
        super().__init__()
        wide, few = inner * expansion, max(1, inner // 4)
        self.skip, self.drop = stride == 1 and inner == outer, drop
        self.expand = nn.Sequential(Conv(inner, wide), batch_norm(wide)) if expansion > 1 else None
        self.depthwise = Conv(wide, wide, kernel, stride, groups=wide)
        self.norm = batch_norm(wide)
        self.squeeze, self.excite = nn.Linear(wide, few), nn.Linear(few, wide)
        self.project = nn.Sequential(Conv(wide, outer), batch_norm(outer))

    def forward(self, x: Tensor) -> Tensor:
        """(n, inner, height, width) -> (n, outer, ...)."""
        y = x if self.expand is None else F.silu(self.expand(x), inplace=True)
        y = F.silu(self.norm(self.depthwise(y)), inplace=True)
        y = y.mul_(torch.sigmoid(self.excite(F.silu(self.squeeze(y.mean((2, 3))))))[:, :, None, None])
        projected: Tensor = self.project(y)
        if not self.skip:
            return projected
        if self.training and self.drop:
            survives = torch.rand(len(projected), 1, 1, 1, device=projected.device) >= self.drop
            projected = projected * survives / (1 - self.drop)
        return x + projected


class EfficientNet(nn.Module):
    """(n, channels, height, width) -> (n, 1280): stem, sixteen blocks, head, mean over height and width."""

    def __init__(self, channels: int):
        super().__init__()
        self.stem = nn.Sequential(Conv(channels, 32, 3, 2), batch_norm(32))
        blocks: list[nn.Module] = []
        total = sum(stage[-1] for stage in STAGES)
        for expansion, kernel, stride, inner, outer, repeats in STAGES:
            for again in range(repeats):
                first = (stride, inner) if again == 0 else (1, outer)
                blocks.append(Block(expansion, kernel, *first, outer, DROP_PATH * len(blocks) / total))
        self.blocks = nn.Sequential(*blocks)
        self.head = nn.Sequential(Conv(320, FEATURE_DIM), batch_norm(FEATURE_DIM))

    def feature_maps(self, x: Tensor) -> Tensor:
        """(n, channels, height, width) float -> (n, 1280, height / 32, width / 32), rounded down."""
        x = self.blocks(F.silu(self.stem(x), inplace=True))
        return F.silu(self.head(x), inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        """(n, channels, height, width) float -> (n, 1280)."""
        return self.feature_maps(x).mean((2, 3))
