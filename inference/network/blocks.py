"""Blocks that encoder and decoders share; every operation is one that OpenCV's DNN module runs."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

LAYER_SCALE = 0.2
"""What the blocks' residuals are multiplied by at the start of training."""


def conv_bn_relu(channels_in: int, channels_out: int, dilation: int = 1) -> nn.Sequential:
    """A 3x3 convolution that keeps the size; its normalisation folds into it at inference."""
    return nn.Sequential(
        nn.Conv2d(channels_in, channels_out, 3, padding=dilation, dilation=dilation, bias=False),
        nn.BatchNorm2d(channels_out),
        nn.ReLU(inplace=True),
    )


def upsample(x: Tensor, factor: int = 2) -> Tensor:
    """Bilinear, pixel areas aligned (not corners), so that sizes of any multiple agree."""
    return F.interpolate(x, scale_factor=float(factor), mode="bilinear", align_corners=False)


def shuffle(x: Tensor) -> Tensor:
    """PyTorch's ``pixel_shuffle`` by 2, as a permutation, which OpenCV runs in a fifth of the time.

    Heads answer in squares: maps (N, 4 C, H/2, W/2) whose channels are the 2 x 2 pixels that one place becomes.
    """
    y: Tensor = x.unflatten(1, (-1, 2, 2))
    return y.permute(0, 1, 4, 2, 5, 3).flatten(4, 5).flatten(2, 3)


def single(x: Tensor) -> Tensor:
    """In float32; a plain ``float()`` would be a copy in the exported graph even where nothing changes."""
    return x if x.dtype == torch.float32 else x.float()


def squareplus(x: Tensor) -> Tensor:
    """A smooth ReLU, ln 2 at 0 as softplus is; OpenCV computes it in a quarter of the time.

    Source: Barron, "Squareplus: A Softplus-Like Algebraic Rectifier", 2021.
    """
    return 0.5 * (x + torch.sqrt(x * x + (2.0 * math.log(2.0)) ** 2))


PARTS = 4
"""Parts in which an exported block computes its hidden channels."""


class Residual(nn.Module):
    """x + scale * (a branch that ends in ``last``), with a learned scale per channel.

    Source: the layer scale of Touvron et al., "Going deeper with Image Transformers", ICCV 2021.
    """

    last: nn.Conv2d

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.full((1, channels, 1, 1), LAYER_SCALE))
        self.folded = False

    def add(self, x: Tensor, branch: Tensor) -> Tensor:
        """The sum, with the scale applied unless it is folded."""
        return x + branch if self.folded else x + self.scale.to(branch.dtype) * branch

    @torch.no_grad()
    def fold(self) -> None:
        """Move the scale into the last convolution, which is the same function with one pass over memory less."""
        scale = self.scale.flatten()
        self.last.weight.mul_(scale[:, None, None, None])
        if self.last.bias is not None:
            self.last.bias.mul_(scale)
        self.scale.fill_(1.0)
        self.folded = True


class Block(Residual):
    """A residual block after ConvNeXt, with batch normalisation and ReLU, which cost nothing at inference.

    Source: Liu et al., "A ConvNet for the 2020s", CVPR 2022.
    """

    def __init__(self, channels: int) -> None:
        super().__init__(channels)
        self.depthwise = nn.Conv2d(channels, channels, 7, padding=3, groups=channels, bias=False)
        self.norm = nn.BatchNorm2d(channels)
        self.expand = nn.Conv2d(channels, 4 * channels, 1)
        self.last = nn.Conv2d(4 * channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm(self.depthwise(x))
        if not self.folded:
            return self.add(x, self.last(F.relu(self.expand(y))))
        # The same sum in parts, whose hidden channels stay in the processor's cache: OpenCV is faster by a tenth so.
        assert self.expand.bias is not None
        weights, biases = self.expand.weight.chunk(PARTS), self.expand.bias.chunk(PARTS)
        last_bias = self.last.bias
        for weight, bias, last in zip(weights, biases, self.last.weight.chunk(PARTS, 1), strict=True):
            x = x + F.conv2d(F.relu(F.conv2d(y, weight, bias)), last, last_bias)
            last_bias = None
        return x


class WideContext(Residual):
    """What the whole panel says, added to the coarsest features: a dilated 7x7 and the average over all places.

    Attention would see as far, but its cost grows with the square of the area and its training size shows.
    """

    def __init__(self, channels: int) -> None:
        super().__init__(channels)
        self.depthwise = nn.Conv2d(channels, channels, 7, padding=6, dilation=2, groups=channels, bias=False)
        self.norm = nn.BatchNorm2d(channels)
        self.local = nn.Conv2d(channels, channels, 1)
        self.everywhere = nn.Conv2d(channels, channels, 1)
        self.last = nn.Conv2d(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        # Expanded by hand: OpenCV fuses the addition into the convolution before it and knows no broadcasting there.
        everywhere = self.everywhere(F.adaptive_avg_pool2d(x, 1)).expand_as(x)
        y = self.local(self.norm(self.depthwise(x))) + everywhere
        return self.add(x, self.last(F.relu(y)))


class Head(nn.Module):
    """A 3x3 convolution that answers in float32; a fine one computes so too.

    Of heights and slopes bfloat16 would make visible steps; for the classes of edges and the error it is exact enough.
    """

    def __init__(self, channels_in: int, channels_out: int, *, zero: bool = False, fine: bool = True) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels_in, channels_out, 3, padding=1)
        self.zero, self.fine = zero, fine

    def forward(self, x: Tensor) -> Tensor:
        if not self.fine:
            return single(self.conv(x))
        with torch.autocast(x.device.type, enabled=False):
            y: Tensor = self.conv(single(x))
        return y


def initialise(module: nn.Module) -> None:
    """Start weights: He for convolutions, small ones for heads, zero for heads whose answer must start at zero."""
    for part in module.modules():
        if isinstance(part, nn.Conv2d):
            nn.init.kaiming_normal_(part.weight, mode="fan_in", nonlinearity="relu")
            if part.bias is not None:
                nn.init.zeros_(part.bias)
    for part in module.modules():
        if isinstance(part, Head):
            nn.init.normal_(part.conv.weight, std=0.0 if part.zero else 0.02)
