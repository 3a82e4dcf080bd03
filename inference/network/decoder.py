"""The two decoders: one for layering (who stands before whom), one for the chisel's detail."""

from __future__ import annotations

from torch import Tensor, nn

from .blocks import Block, conv_bn_relu, upsample
from .config import NetworkConfig


class _Up(nn.Module):
    """Double the size of the coarse features and join the encoder's features of that size."""

    def __init__(self, coarse: int, skip: int, channels: int) -> None:
        super().__init__()
        self.coarse = nn.Conv2d(coarse, channels, 1)
        self.skip = nn.Conv2d(skip, channels, 1, bias=False)
        self.norm = nn.BatchNorm2d(channels)

    def forward(self, coarse: Tensor, skip: Tensor) -> Tensor:
        # A 1x1 convolution and a bilinear resize commute; the convolution is four times cheaper before.
        y: Tensor = self.norm(upsample(self.coarse(coarse)) + self.skip(skip))
        return y


class HeightDecoder(nn.Module):
    """Features at 1/4 of the size, for height and segments."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.ups = nn.ModuleList()
        self.blocks = nn.ModuleList()
        coarse = config.widths[-1]
        for skip, channels in zip(config.widths[-2::-1], config.decoder, strict=True):
            self.ups.append(_Up(coarse, skip, channels))
            self.blocks.append(Block(channels))
            coarse = channels

    def forward(self, features: list[Tensor]) -> Tensor:
        """Decode.

        Args:
            features: the encoder's, from 1/2 to 1/32.
        """
        x = features[-1]
        for up, block, skip in zip(self.ups, self.blocks, features[-2:0:-1], strict=True):
            x = block(up(x, skip))
        return x


class DetailDecoder(nn.Module):
    """Features at 1/2 of the size, for slopes, soft edges and fine height."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.quarter = HeightDecoder(config)
        self.up = _Up(config.decoder[-1], config.stem, config.detail)
        self.fine = nn.Sequential(
            nn.ReLU(inplace=True),
            conv_bn_relu(config.detail, config.detail),
            conv_bn_relu(config.detail, config.detail),
        )

    def forward(self, features: list[Tensor]) -> Tensor:
        """Decode.

        Args:
            features: the encoder's, from 1/2 to 1/32.
        """
        y: Tensor = self.fine(self.up(self.quarter(features), features[0]))
        return y
