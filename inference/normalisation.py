"""How a photograph's grey becomes what the network reads; training and inference share it."""

from __future__ import annotations

import numpy as np

from .prediction import FloatArray

MULTIPLE_PX = 32
"""Height and width of the network's input are multiples of this: its coarsest features stand at 1/32."""

CONTRAST_FLOOR = 0.05
"""Added to the standard deviation, so that the noise of a blank photograph is not blown up into relief."""


def standardise(grey: FloatArray) -> FloatArray:
    """Zero mean and nearly unit spread.

    Args:
        grey: (H, W) float32, 0 to 1.

    Returns:
        (H, W) float32, (grey - mean) / (standard deviation + CONTRAST_FLOOR).
    """
    mean = float(grey.mean(dtype=np.float64))
    spread = float(grey.std(dtype=np.float64))
    return ((grey - mean) / (spread + CONTRAST_FLOOR)).astype(np.float32)
