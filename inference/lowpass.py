"""Wide blurs at little cost, and heights at other sizes."""

from __future__ import annotations

import math

import cv2
import numpy as np

from .prediction import FloatArray

MANY = 8.0
"""Pixels across one of the new ones, from which on areas ripple by less than 1 %, and cost a tenth of a wide blur."""


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
    blurred = cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)
    if step > 1:  # or it has facets as wide as a step
        blurred = cv2.blur(blurred, (step | 1, step | 1), borderType=cv2.BORDER_REFLECT)
    return np.asarray(blurred, np.float32)


def resized_height(height: FloatArray, size: tuple[int, int]) -> FloatArray:
    """A height (H, W) at another size (rows, columns), its slopes as they were, but for a rim of a few pixels.

    OpenCV's INTER_AREA takes pixels for squares and its INTER_CUBIC does not keep a ramp: at ratios that are not whole
    slopes rippled by 5 to 12 %, which raking light shows as a fine grid. Linear samples of what was blurred keep them.
    """
    down, across = height.shape[0] / size[0], height.shape[1] / size[1]
    if min(down, across) > MANY:
        return np.asarray(cv2.resize(height, size[::-1], interpolation=cv2.INTER_AREA), np.float32)
    if max(down, across) > 1.0:
        height = _blurred(height, 0.3 * max(across, 1.0), 0.3 * max(down, 1.0))
    height = np.asarray(cv2.resize(height, size[::-1], interpolation=cv2.INTER_LINEAR), np.float32)
    if min(down, across) < 1.0:
        height = _blurred(height, 0.4 / min(across, 1.0), 0.4 / min(down, 1.0))
    return height


def resized_values(image: FloatArray, size: tuple[int, ...]) -> FloatArray:
    """A picture of the whole panel at another size (rows, columns); thin strokes get fainter, none gets lost."""
    down, across = (
        cv2.INTER_AREA if new < old else cv2.INTER_LINEAR for new, old in zip(size, image.shape, strict=False)
    )
    if down != across:  # a picture in other proportions
        image = np.asarray(cv2.resize(image, (image.shape[1], size[0]), interpolation=down), np.float32)
    return np.asarray(cv2.resize(image, size[::-1], interpolation=across), np.float32)


def _blurred(height: FloatArray, sigma_x_px: float, sigma_y_px: float) -> FloatArray:
    return np.asarray(cv2.GaussianBlur(height, (0, 0), sigma_x_px, sigmaY=sigma_y_px), np.float32)
