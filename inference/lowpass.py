"""Wide blurs at little cost."""

from __future__ import annotations

import math

import cv2
import numpy as np

from .prediction import FloatArray


def extent(shape: tuple[int, ...]) -> int:
    """What wide forms are measured by: the longer side, but no more than twice the shorter one.

    The figures of a frieze are no larger for its length.
    """
    return min(max(shape[:2]), 2 * min(shape[:2]))


def lowpass(image: FloatArray, sigma_px: float) -> FloatArray:
    """Gaussian blur of (H, W), computed at a reduced size where the blur is wide."""
    height, width = image.shape
    step = max(1, int(sigma_px / 4))
    small = cv2.resize(image, (math.ceil(width / step), math.ceil(height / step)), interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), sigma_px / step, borderType=cv2.BORDER_REFLECT)
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR).astype(np.float32, copy=False)
