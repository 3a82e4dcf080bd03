"""Edge matching: where the photograph's edges and the height's edges disagree, correct the height."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..prediction import EDGE_CLASSES
from .blocks import Head, conv_bn_relu
from .config import NetworkConfig


class EdgeMatching(nn.Module):
    """The second pass on the height, driven by the mismatch of the two edge maps."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        seen = len(EDGE_CLASSES) + 1 + 2 + config.detail
        # No dilation: PyTorch 2.13 returns garbage as the weight gradient of a dilated 3x3 of 24 channels in bfloat16
        # on a CPU, now and then.
        self.body = nn.Sequential(conv_bn_relu(seen, config.matching), conv_bn_relu(config.matching, config.matching))
        # Zero at the start: the first pass is trained before its corrections mean anything.
        self.head = Head(config.matching, 1, shuffle=True, zero=True)

    def forward(self, difference: Tensor, height: Tensor, slopes: Tensor, detail: Tensor) -> Tensor:
        """What to add to the height.

        Args:
            difference: (N, 4, H, W), |P_A - P_B|, between the probabilities of the two detectors.
            height: (N, 1, H, W), first pass.
            slopes: (N, 2, H, W).
            detail: (N, C, H/2, W/2), features of the photograph.

        Returns:
            (N, 1, H, W).
        """
        seen = F.avg_pool2d(torch.cat((difference, height, slopes), 1), 2)
        y: Tensor = self.head(self.body(torch.cat((seen, detail), 1)))
        return y
