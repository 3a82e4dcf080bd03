"""The network's answer and the edge settings become one height map."""

from __future__ import annotations

import math

import cv2
import numpy as np

from .poisson import solve_screened
from .prediction import FloatArray, Prediction
from .settings import RefinementSettings

# Above this wavelength the coarse height decides, below it the slopes: 64 px on a panel of 1024 px.
_CROSSOVER = 1.0 / 16.0


def refine(prediction: Prediction, settings: RefinementSettings | None = None) -> FloatArray:
    """Solve slopes and coarse height into one surface, with the edge settings applied.

    Every slope is scaled by what its edge class asks for, in proportion to the class probabilities: none by
    1 - smoothing, the others by their strength, all by detail. Since only the slopes are scaled, the large forms stay
    where the coarse height puts them, and flat stone stays flat.

    Convention:
        Pixel frame of the prediction. 0 is the slab, 1 the full depth of a carved panel; never renormalised.

    Args:
        prediction: the network's answer.
        settings: None takes the defaults, which keep the slopes as predicted.

    Returns:
        (H, W) float32.
    """
    settings = settings or RefinementSettings()
    strengths = (1.0 - settings.smoothing, settings.strength_soft, settings.strength_medium, settings.strength_sharp)
    factor = cv2.transform(prediction.soft_edges, settings.detail * np.array([strengths], np.float32))
    slopes = prediction.slopes * factor[..., None]
    crossover_px = _CROSSOVER * max(prediction.height.shape)
    return solve_screened(slopes, prediction.height, (2.0 * math.pi / crossover_px) ** 2)
