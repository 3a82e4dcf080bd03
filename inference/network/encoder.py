"""The encoder that all tasks share."""

from __future__ import annotations

from torch import Tensor, nn

from .blocks import Block, WideContext, conv_bn_relu
from .config import NetworkConfig


class Encoder(nn.Module):
    """Grey photograph to features at 1/2, 1/4, 1/8, 1/16 and 1/32 of its size."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(3, config.stem, 4, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(config.stem),
            nn.ReLU(inplace=True),
            conv_bn_relu(config.stem, config.stem),
        )
        self.stages = nn.ModuleList()
        before = config.stem
        for width, depth in zip(config.widths, config.depths, strict=True):
            self.stages.append(
                nn.Sequential(
                    nn.Conv2d(before, width, 2, stride=2, bias=False),
                    nn.BatchNorm2d(width),
                    *(Block(width) for _ in range(depth)),
                )
            )
            before = width
        self.context = WideContext(before)

    def forward(self, x: Tensor) -> list[Tensor]:
        """Features from fine (1/2) to coarse (1/32).

        Args:
            x: (N, 3, H, W), what ``inference.normalisation.lit`` makes.
        """
        features = [self.stem(x)]
        for stage in self.stages:
            features.append(stage(features[-1]))
        features[-1] = self.context(features[-1])
        return features
