"""Slopes and a coarse height become one surface: the screened Poisson equation, solved by cosine transforms."""

from __future__ import annotations

import math

import cv2
import numpy as np

from .prediction import FloatArray

# Slopes stand at pixels (central differences), the solve needs the step from each pixel to the next. The mean of two
# neighbours would lose half of the detail of 4 px wavelength; these four taps keep 75 % of it, and 98 % at 8 px.
_STEP_TAPS = np.array([[-0.125, 0.625, 0.625, -0.125]], np.float32)


def solve_screened(slopes: FloatArray, height: FloatArray, screening: float) -> FloatArray:
    """The surface h that minimises sum |grad h - slopes|^2 + screening * (h - height)^2.

    Convention:
        Pixel frame: x right, y down. ``slopes`` are per pixel, as central differences give them. The border is free
        (Neumann). Wavelengths above 2 pi / sqrt(screening) px follow ``height``, shorter ones follow ``slopes``.

    Args:
        slopes: (H, W, 2) float32, d height / dx and d height / dy.
        height: (H, W) float32.
        screening: above 0, per square pixel.

    Returns:
        (H, W) float32.

    Source:
        Bhat, Curless, Cohen, Zitnick, "Fourier Analysis of the 2D Screened Poisson Equation for Gradient Domain
        Problems", ECCV 2008, equation 4, with cosines in place of waves.
    """
    rows, columns = height.shape
    # What the slopes want beyond the steps that the height has already: small numbers, so float32 is exact enough.
    across = _filtered(slopes[..., 0], _STEP_TAPS, (1, 0))
    across[:, :-1] -= height[:, 1:] - height[:, :-1]
    across[:, -1] = 0.0
    down = _filtered(slopes[..., 1], _STEP_TAPS.T, (0, 1))
    down[:-1] -= height[1:] - height[:-1]
    down[-1] = 0.0

    padded_rows, padded_columns = _padded_length(rows, screening), _padded_length(columns, screening)
    if padded_columns > columns or padded_rows > rows:
        across = _mirror(across, padded_rows, padded_columns)
        down = _mirror(down.T, padded_columns, padded_rows).T

    divergence = across + down
    divergence[:, 1:] -= across[:, :-1]
    divergence[1:] -= down[:-1]
    spectrum = cv2.dct(divergence).astype(np.float32, copy=False)
    spectrum /= -(_eigenvalues(padded_rows)[:, None] + (_eigenvalues(padded_columns) + np.float32(screening)))
    solved: FloatArray = height + cv2.idct(spectrum)[:rows, :columns]
    return solved


def _filtered(values: FloatArray, taps: FloatArray, anchor: tuple[int, int]) -> FloatArray:
    filtered = cv2.filter2D(values, -1, taps, anchor=anchor, borderType=cv2.BORDER_REPLICATE)
    return filtered.astype(np.float32, copy=False)


def _padded_length(length: int, screening: float) -> int:
    """The length to solve at: itself if the cosine transform is quick there, which it is at twice a product of 2, 3, 5.

    Else the panel is continued as in a mirror. The mirrored part keeps the border free only if it is either the whole
    panel again or longer than the solve reaches: its far end is felt by exp(-8), there and back.
    """
    if _quick_length(length) == length:
        return length
    reach = math.ceil(4.0 / math.sqrt(screening))
    return min(_quick_length(length + reach), 2 * length)


def _quick_length(length: int) -> int:
    return 2 * cv2.getOptimalDFTSize((length + 1) // 2)


def _mirror(steps: FloatArray, rows: int, columns: int) -> FloatArray:
    """Continue steps toward the next column as those of a surface mirrored at its last row and last column."""
    height, width = steps.shape
    steps = cv2.copyMakeBorder(steps, 0, 0, 0, columns - width, cv2.BORDER_REFLECT_101).astype(np.float32, copy=False)
    steps[:, width:] *= -1.0
    steps[:, -1] = 0.0
    return cv2.copyMakeBorder(steps, 0, rows - height, 0, 0, cv2.BORDER_REFLECT).astype(np.float32, copy=False)


def _eigenvalues(length: int) -> FloatArray:
    """Of the negative second difference with a free border, for each cosine."""
    angles = np.arange(length) * (np.pi / (2 * length))
    eigenvalues: FloatArray = (4.0 * np.sin(angles) ** 2).astype(np.float32)
    return eigenvalues
