"""The whole network and its builder."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..errors import ReliefError
from ..prediction import SEGMENT_CLASSES
from .blocks import Head, initialise, shuffle, squareplus, upsample
from .config import PRESETS, SLOPE_SCALE, NetworkConfig
from .decoder import DetailDecoder, HeightDecoder
from .edges import SoftEdgeDetectorA, SoftEdgeDetectorB
from .encoder import Encoder
from .light import LightBranch
from .matching import EdgeMatching


class ReliefOutput(NamedTuple):
    """All that the network says, in its own units.

    Convention:
        Pixel frame: x right, y down. Height toward the viewer, 0 slab, 1 full depth of a carved panel.

    Attributes:
        height: (N, 1, H, W), after edge matching.
        height_first: (N, 1, H, W), before it.
        slopes: (N, 2, H, W), SLOPE_SCALE times d height / dx and d height / dy per pixel.
        edges_photo: (N, 4, H, W), logits of detector A.
        soft_edges: (N, 4, H, W), their probabilities.
        segments: (N, 6, H/4, W/4), logits.
        error: (N, 1, H, W), at least 0: expected mean absolute error of both slopes, in the unit of ``slopes``.
        light: (N, 3), evidence of where the light comes from, see ``LightBranch``; from the photograph alone.
        mismatch: (N, 4, H/2, W/2), difference of the two detectors' probabilities; B looks at the first height.
    """

    height: Tensor
    height_first: Tensor
    slopes: Tensor
    edges_photo: Tensor
    soft_edges: Tensor
    segments: Tensor
    error: Tensor
    light: Tensor
    mismatch: Tensor


class ReliefNetwork(nn.Module):
    """Photograph to height, slopes, soft edges, segments, confidence and light."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = Encoder(config)
        self.height_decoder = HeightDecoder(config)
        self.detail_decoder = DetailDecoder(config)
        layering = 16
        self.layering = nn.Conv2d(config.decoder[-1], layering, 1)
        self.height_head = Head(layering + config.detail, 4)
        self.slope_head = Head(config.detail, 8)
        self.error_head = Head(config.detail, 1, fine=False)
        self.segment_head = Head(config.decoder[-1], len(SEGMENT_CLASSES))
        self.light_branch = LightBranch(config)
        self.detector_a = SoftEdgeDetectorA(config)
        self.detector_b = SoftEdgeDetectorB(config)
        self.matching = EdgeMatching(config)
        initialise(self)

    def forward(self, x: Tensor) -> ReliefOutput:
        """Predict.

        Args:
            x: (N, 3, H, W), what ``inference.normalisation.lit`` makes; H and W multiples of 32.
        """
        light = self.light_branch(x[:, :1])
        features = self.encoder(x)
        coarse = self.height_decoder(features)
        detail = self.detail_decoder(features)
        squares = self.height_head(torch.cat((upsample(self.layering(coarse)), detail), 1))
        height_first, slopes = shuffle(squares), shuffle(self.slope_head(detail))
        edges_photo = self.detector_a(detail)
        # In training this pass tells what differs, the loss's own how to mend it.
        shown = self.detector_b.halved(squares.detach() if self.training else squares)
        seen = F.avg_pool2d(edges_photo, 2)
        difference = (torch.softmax(seen, 1) - torch.softmax(shown, 1)).abs()
        height = height_first + self.matching(difference, height_first, slopes, detail)
        return ReliefOutput(
            height=height,
            height_first=height_first,
            slopes=slopes,
            edges_photo=edges_photo,
            soft_edges=torch.softmax(edges_photo, 1),
            segments=self.segment_head(coarse),
            error=upsample(squareplus(self.error_head(detail))),
            light=light,
            mismatch=difference,
        )


class Inference(nn.Module):
    """The network as the runtimes run it: answers in the units of ``Prediction``, channels first."""

    def __init__(self, network: ReliefNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """(N, 3, H, W) to height, slopes, soft edges, segments, confidence."""
        out = self.network(x)
        return (
            out.height,
            out.slopes / SLOPE_SCALE,
            out.soft_edges,
            upsample(torch.softmax(out.segments, 1), 4),
            1.0 / (1.0 + out.error),
        )


def build_network(name: str) -> ReliefNetwork:
    """A network with start weights.

    Args:
        name: of PRESETS.

    Raises:
        ReliefError: no preset has that name.
    """
    if name not in PRESETS:
        raise ReliefError(f"There is no network named {name!r}. Choose one of: {', '.join(PRESETS)}.")
    return ReliefNetwork(PRESETS[name])
