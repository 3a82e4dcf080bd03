"""What the network says of a photograph."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]
ByteArray = npt.NDArray[np.uint8]
BoolArray = npt.NDArray[np.bool_]

EDGE_CLASSES = ("none", "soft", "medium", "sharp")
SEGMENT_CLASSES = ("ground", "figure", "animal", "plant", "architecture", "object")


@dataclass(frozen=True)
class Prediction:
    """The network's answer for one photograph, at the photograph's size, or larger where that is small.

    Convention:
        Pixel frame: x right, y down, origin at the centre of the top left pixel. Height points to the viewer:
        0 is the slab, 1 the full depth of a carved panel.

    Attributes:
        height: (H, W) float32, layering and figures; up to a quarter of the panel the slopes decide.
        slopes: (H, W, 2) float32, d height / dx and d height / dy per pixel.
        soft_edges: (H, W, 4) float32, probabilities of EDGE_CLASSES.
        segments: (H, W, 6) float32, probabilities of SEGMENT_CLASSES.
        confidence: (H, W) float32, 0 (unsure) to 1 (sure).
        light: (3,) float32, unit vector toward the main light: x right, y up, z to the viewer.
        weights: version and hash of the weights that spoke.
        runtime: "opencv" or "torch", with its device.
        panel: (H, W) float32, 1 on a panel that was cut out, or stands on a page, and 0 beside it; None where there is
            nothing beside it. What lies there is no relief: `refinement.refine` multiplies by it.
    """

    height: FloatArray
    slopes: FloatArray
    soft_edges: FloatArray
    segments: FloatArray
    confidence: FloatArray
    light: FloatArray
    weights: str
    runtime: str
    panel: FloatArray | None = None


def reduced(prediction: Prediction, size: tuple[int, int]) -> Prediction:
    """The same answer on a coarser grid of so many rows and columns, or itself where it has that many."""
    import cv2

    rows, columns = prediction.height.shape
    if (rows, columns) == size:
        return prediction

    def smaller(maps: FloatArray) -> FloatArray:
        if maps.ndim == 2:
            return np.asarray(cv2.resize(maps, size[::-1], interpolation=cv2.INTER_AREA), np.float32)
        # One by one: OpenCV averages no more than four channels at once, unless by a whole number of pixels.
        return np.dstack([smaller(maps[..., channel]) for channel in range(maps.shape[2])])

    return replace(
        prediction,
        height=smaller(prediction.height),
        # A slope is per pixel, and the pixels are larger now.
        slopes=smaller(prediction.slopes) * np.array([columns / size[1], rows / size[0]], np.float32),
        soft_edges=smaller(prediction.soft_edges),
        segments=smaller(prediction.segments),
        confidence=smaller(prediction.confidence),
        panel=None if prediction.panel is None else smaller(prediction.panel),
    )
