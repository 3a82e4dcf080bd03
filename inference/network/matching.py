"""Edge matching: where the photograph's edges and the height's edges disagree, correct the height."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..prediction import EDGE_CLASSES
from .blocks import Head, conv_bn_relu, shuffle
from .config import NetworkConfig


class EdgeMatching(nn.Module):
    """The second pass on the height, driven by the mismatch of the two edge maps."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        # Two convolutions and their sum are one convolution of all channels, without the copy that joins them.
        self.seen = nn.Conv2d(len(EDGE_CLASSES) + 1 + 2, config.matching, 3, padding=1, bias=False)
        self.detail = nn.Conv2d(config.detail, config.matching, 3, padding=1, bias=False)
        # No dilation: PyTorch 2.13 returns garbage as the weight gradient of a dilated 3x3 of 24 channels in bfloat16
        # on a CPU, now and then.
        self.body = nn.Sequential(
            nn.BatchNorm2d(config.matching),
            nn.ReLU(inplace=True),
            conv_bn_relu(config.matching, config.matching),
        )
        # Zero at the start: the first pass is trained before its corrections mean anything.
        self.head = Head(config.matching, 4, zero=True)

    def forward(self, difference: Tensor, height: Tensor, slopes: Tensor, detail: Tensor) -> Tensor:
        """What to add to the height.

        Args:
            difference: (N, 4, H/2, W/2), |P_A - P_B|, between the probabilities of the two detectors.
            height: (N, 1, H, W), first pass.
            slopes: (N, 2, H, W).
            detail: (N, C, H/2, W/2), features of the photograph.

        Returns:
            (N, 1, H, W).
        """
        seen = torch.cat((difference, F.avg_pool2d(height, 2), F.avg_pool2d(slopes, 2)), 1)
        return shuffle(self.head(self.body(self.seen(seen) + self.detail(detail))))
