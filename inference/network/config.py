"""Widths and depths of the network, and the units it speaks."""

from __future__ import annotations

from dataclasses import dataclass

SLOPE_SCALE = 16.0
"""The network's slopes are this times d height per pixel, so that their spread is near 1."""


@dataclass(frozen=True)
class NetworkConfig:
    """Sizes of the network.

    Attributes:
        stem: channels at 1/2 of the photograph's size.
        widths: channels of the encoder at 1/4, 1/8, 1/16, 1/32.
        depths: blocks of the encoder at 1/4, 1/8, 1/16, 1/32.
        decoder: channels of either decoder at 1/16, 1/8, 1/4.
        detail: channels of the detail decoder at 1/2.
        light: channels of the light branch at 1/4, 1/8, 1/16, 1/32.
        detector: channels of the soft-edge detector on height.
        matching: channels of the edge matching.
    """

    name: str
    stem: int
    widths: tuple[int, int, int, int]
    depths: tuple[int, int, int, int]
    decoder: tuple[int, int, int]
    detail: int
    light: tuple[int, int, int, int] = (24, 48, 96, 128)
    detector: int = 16
    matching: int = 24


PRESETS = {
    config.name: config
    for config in (
        # As large as two packed float16 copies (one per runtime) in 17 MB allow.
        NetworkConfig("base", 24, (48, 96, 160, 256), (2, 2, 7, 3), (96, 64, 48), 24),
        # For ablations: half as wide, so that many runs fit into an hour or two.
        NetworkConfig("small", 16, (24, 48, 80, 128), (2, 2, 4, 2), (48, 32, 24), 16, (12, 24, 48, 64), 12, 16),
        # For tests: the same parts, hardly any weights.
        NetworkConfig("tiny", 8, (8, 12, 16, 24), (1, 1, 1, 1), (16, 12, 8), 8, (4, 8, 8, 8), detector=8, matching=8),
    )
}
