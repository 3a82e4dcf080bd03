"""The two soft-edge detectors: A reads the photograph, B reads a height.

Both answer the same question, how soft the edge at a pixel is (``EDGE_CLASSES``); an edge that A sees and B does not is
either paint or stain, or relief that the height has missed.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..prediction import EDGE_CLASSES
from .blocks import Head, conv_bn_relu, shuffle, single
from .config import SLOPE_SCALE, NetworkConfig


class SoftEdgeDetectorA(nn.Module):
    """Edge logits from the detail features of the photograph."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.head = Head(config.detail, 4 * len(EDGE_CLASSES), fine=False)

    def forward(self, detail: Tensor) -> Tensor:
        """(N, detail, H/2, W/2) to logits (N, 4, H, W)."""
        return shuffle(self.head(detail))


def folded(norm: nn.Module, weight: Tensor, bias: Tensor | None) -> tuple[Tensor, Tensor]:
    """Weight (C, ...) and bias (C,) of a convolution with the normalisation after it in them, as in evaluation."""
    assert isinstance(norm, nn.BatchNorm2d) and norm.running_mean is not None and norm.running_var is not None
    scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
    mean = norm.running_mean if bias is None else norm.running_mean - bias
    return weight * scale[:, None, None, None], norm.bias - scale * mean


class SoftEdgeDetectorB(nn.Module):
    """Edge logits from a height alone; trained on true heights, then frozen, lest both detectors agree on a fault."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        channels = config.detector
        self.first = nn.Conv2d(1, channels, 4, stride=2, padding=1)
        self.body = nn.Sequential(
            nn.BatchNorm2d(channels),
            nn.ReLU(inplace=True),
            *(conv_bn_relu(channels, channels, dilation=dilation) for dilation in (1, 2, 4)),
        )
        self.last = nn.Conv2d(channels, 4 * len(EDGE_CLASSES), 1)
        self.frozen = False

    def _features(self, squares: Tensor) -> Tensor:
        # Filters of zero sum: an edge is a change of height, whatever the level. In float32, or the steps of
        # bfloat16 around 1 would look like edges.
        with torch.autocast(squares.device.type, enabled=False):
            weight = SLOPE_SCALE * (self.first.weight - self.first.weight.mean((1, 2, 3), keepdim=True))
            bias = self.first.bias
            if self.frozen:
                weight, bias = folded(self.body[0], weight, bias)
            # The 4 x 4 pixels that it sees lie within 3 x 3 squares; OpenCV takes 12 ms instead of 29 so, one thread.
            weight = F.pad(weight, (1, 1, 1, 1)).reshape(-1, 3, 2, 3, 2).permute(0, 2, 4, 1, 3)
            x = F.conv2d(single(squares), weight.reshape(self.first.out_channels, 4, 3, 3), bias, padding=1)
        if not self.frozen:
            y: Tensor = self.body(x)
            return y
        x = F.relu(x)
        for block in list(self.body)[2:]:
            assert isinstance(block, nn.Sequential) and isinstance(block[0], nn.Conv2d)
            conv = block[0]
            weight, bias = folded(block[1], conv.weight, None)
            x = F.relu(F.conv2d(x, weight, bias, padding=conv.padding, dilation=conv.dilation))
        return x

    def forward(self, height: Tensor) -> Tensor:
        """Height (N, 1, H, W) to logits (N, 4, H, W); the gradient toward the height flows even when frozen."""
        return shuffle(single(self.last(self._features(F.pixel_unshuffle(height, 2)))))

    def halved(self, squares: Tensor) -> Tensor:
        """The same logits of a height in squares (N, 4, H/2, W/2), averaged over each, for the price of one quarter."""
        assert self.last.bias is not None
        weight = self.last.weight.view(len(EDGE_CLASSES), 4, -1, 1, 1).mean(1)
        bias = self.last.bias.view(len(EDGE_CLASSES), 4).mean(1)
        return single(F.conv2d(self._features(squares), weight, bias))

    def freeze(self) -> None:
        """Keep weights and statistics from now on."""
        self.frozen = True
        self.requires_grad_(False)
        self.eval()

    def train(self, mode: bool = True) -> SoftEdgeDetectorB:
        """As of any module, but a frozen detector stays in evaluation mode."""
        return super().train(mode and not self.frozen)
