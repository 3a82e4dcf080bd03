"""How well a predicted height agrees with a measured one."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from .errors import ReliefError
from .prediction import FloatArray

BoolArray = npt.NDArray[np.bool_]


def highpass(height: FloatArray, mask: BoolArray, sigma_px: float) -> FloatArray:
    """What a Gaussian blur takes away, with only the pixels of the mask taking part (normalised convolution).

    Args:
        height: (H, W); values outside the mask do not count, not even as NaN.
        mask: (H, W) bool.
        sigma_px: of the Gaussian.

    Returns:
        (H, W) float32, 0 outside the mask.
    """
    inside = mask.astype(np.float32)
    # Around its mean the height has no large part that float32 would have to carry through the blur.
    mean = float(np.mean(height[mask], dtype=np.float64)) if mask.any() else 0.0
    values = np.where(mask, height - mean, 0.0).astype(np.float32)
    weight = cv2.GaussianBlur(inside, (0, 0), sigma_px, borderType=cv2.BORDER_CONSTANT)
    low = cv2.GaussianBlur(values, (0, 0), sigma_px, borderType=cv2.BORDER_CONSTANT)
    result = np.zeros(height.shape, np.float32)
    result[mask] = values[mask] - low[mask] / weight[mask]
    return result


def correlation(a: FloatArray, b: FloatArray, mask: BoolArray) -> float:
    """Pearson's r of two maps within a mask; 0 where one of them is constant there."""
    x, y = _centred(a, mask), _centred(b, mask)
    norm = float(np.sqrt(np.dot(x, x) * np.dot(y, y)))
    return float(np.dot(x, y)) / norm if norm > 0.0 else 0.0


def rmse_fitted(a: FloatArray, b: FloatArray, mask: BoolArray) -> float:
    """Root mean square of b - (scale * a + offset) within a mask, for the best scale and offset; in the unit of b."""
    x, y = _centred(a, mask), _centred(b, mask)
    if x.size == 0:
        return 0.0
    power = float(np.dot(x, x))
    scale = float(np.dot(x, y)) / power if power > 0.0 else 0.0
    residual = y - scale * x
    return float(np.sqrt(np.dot(residual, residual) / residual.size))


def score_panel(
    height_pred: FloatArray,
    height_true_mm: FloatArray,
    valid: BoolArray,
    crop_px: int = 512,
    stride_px: int = 256,
    min_valid: float = 0.6,
    sigma_px: float = 60.0,
) -> tuple[float, float]:
    """Score a predicted panel against a scan of it, crop by crop.

    Both heights are high-passed within the mask; every crop of which enough is valid gives one r and one RMSE.

    Args:
        height_pred: (H, W), any scale and offset.
        height_true_mm: (H, W), millimetres.
        valid: (H, W) bool, where both are known.
        crop_px: side of the square crops.
        stride_px: from one crop to the next.
        min_valid: share of a crop that must be valid.
        sigma_px: of the high-pass.

    Returns:
        Median r, and median RMSE in mm after the best scale and offset.

    Raises:
        ReliefError: no crop has enough valid pixels.
    """
    pred = highpass(height_pred, valid, sigma_px)
    true = highpass(height_true_mm, valid, sigma_px)
    scores = []
    for top in range(0, valid.shape[0] - crop_px + 1, stride_px):
        for left in range(0, valid.shape[1] - crop_px + 1, stride_px):
            crop = (slice(top, top + crop_px), slice(left, left + crop_px))
            if valid[crop].mean() >= min_valid:
                a, b, mask = pred[crop], true[crop], valid[crop]
                scores.append((correlation(a, b, mask), rmse_fitted(a, b, mask)))
    if not scores:
        raise ReliefError(
            f"No crop of {crop_px} px is at least {min_valid:.0%} valid. Give a larger panel or smaller crops."
        )
    r, rmse_mm = np.median(np.array(scores), axis=0)
    return float(r), float(rmse_mm)


def _centred(values: FloatArray, mask: BoolArray) -> npt.NDArray[np.float64]:
    inside = values[mask].astype(np.float64)
    return inside - inside.mean() if inside.size else inside
