"""Where the light comes from: the one thing about a photograph that decides convex and concave."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .config import NetworkConfig


def _conv(channels_in: int, channels_out: int, kernel: int, stride: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels_in, channels_out, kernel, stride, (kernel - stride + 1) // 2, bias=False),
        nn.BatchNorm2d(channels_out),
        nn.ReLU(inplace=True),
    )


class LightBranch(nn.Module):
    """Evidence of the main light's direction, from the photograph alone.

    A branch of its own, for the other features are there to see through the light. It is taught by turned photographs
    too, so that it looks at shadows and rims, not at what stands upright.
    """

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        first, second, third, fourth = config.light
        self.body = nn.Sequential(
            _conv(1, first, 8, 4),
            _conv(first, second, 3, 2),
            _conv(second, second, 3, 1),
            _conv(second, third, 3, 2),
            _conv(third, third, 3, 1),
            _conv(third, fourth, 3, 2),
        )
        self.votes = nn.Conv2d(fourth, 3, 1)

    def forward(self, grey: Tensor) -> Tensor:
        """Photographs to evidence.

        Args:
            grey: (N, 1, H, W), standardised.

        Returns:
            (N, 3): two parts, x right and y up, of a vector that points toward the light and is longer the surer it is,
            the natural parameter of a von Mises distribution; and the light's elevation as the logit of its sine.
        """
        votes = self.votes(self.body(grey))
        with torch.autocast(grey.device.type, enabled=False):
            # Places vote, the panel decides.
            y: Tensor = votes.float().mean((2, 3))
        return y


def light_loss(evidence: Tensor, light: Tensor) -> Tensor:
    """Negative log likelihood of the true azimuth, and error of the sine of the elevation.

    Args:
        evidence: (N, 3), of the branch.
        light: (N, 3), unit vectors toward the light.
    """
    around = light[:, :2] / light[:, :2].norm(dim=1, keepdim=True).clamp_min(1e-6)
    sureness = evidence[:, :2].square().sum(1).add(1e-6).sqrt()
    log_bessel = torch.special.i0e(sureness).log() + sureness
    likelihood = log_bessel - (evidence[:, :2] * around).sum(1)
    loss: Tensor = (likelihood + (torch.sigmoid(evidence[:, 2]) - light[:, 2]).abs()).mean()
    return loss
