"""The network: a shared encoder, two decoders, two soft-edge detectors, and the matching that refines the height.

Source: the method of Pan et al., "Reconstructing, Understanding, and Analyzing Relief-Type Cultural Heritage from a
Single Old Photo", ACM Multimedia 2024; sizes and blocks are this project's own.
"""

from __future__ import annotations

from .config import PRESETS, SLOPE_SCALE, NetworkConfig
from .model import Inference, ReliefNetwork, ReliefOutput, build_network

__all__ = [
    "PRESETS",
    "SLOPE_SCALE",
    "Inference",
    "NetworkConfig",
    "ReliefNetwork",
    "ReliefOutput",
    "build_network",
]
