"""What the network says of a photograph."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]

EDGE_CLASSES = ("none", "soft", "medium", "sharp")
SEGMENT_CLASSES = ("ground", "figure", "animal", "plant", "architecture", "object")


@dataclass(frozen=True)
class Prediction:
    """The network's answer for one photograph, at the photograph's size, or larger where that is small.

    Convention:
        Pixel frame: x right, y down, origin at the centre of the top left pixel. Height points to the viewer:
        0 is the slab, 1 the full depth of a carved panel.

    Attributes:
        height: (H, W) float32, coarse layering and figures.
        slopes: (H, W, 2) float32, d height / dx and d height / dy per pixel.
        soft_edges: (H, W, 4) float32, probabilities of EDGE_CLASSES.
        segments: (H, W, 6) float32, probabilities of SEGMENT_CLASSES.
        confidence: (H, W) float32, 0 (unsure) to 1 (sure).
        light: (3,) float32, unit vector toward the main light: x right, y up, z to the viewer.
        weights: version and hash of the weights that spoke.
        runtime: "opencv" or "torch", with its device.
    """

    height: FloatArray
    slopes: FloatArray
    soft_edges: FloatArray
    segments: FloatArray
    confidence: FloatArray
    light: FloatArray
    weights: str
    runtime: str
