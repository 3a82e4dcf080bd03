"""How well a predicted height agrees with a measured one."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from .errors import ReliefError
from .prediction import BoolArray, FloatArray


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


def fit(a: FloatArray, b: FloatArray, mask: BoolArray) -> tuple[float, float]:
    """The scale and offset that bring a closest to b within a mask, by least squares.

    The scale is 0 where a is constant, and where it would be negative: a mould is no relief.
    """
    x, y = _centred(a, mask), _centred(b, mask)
    scale = _scale(x, y)
    if x.size == 0:
        return 0.0, 0.0
    return scale, float(np.mean(b[mask], dtype=np.float64) - scale * np.mean(a[mask], dtype=np.float64))


def rmse_fitted(a: FloatArray, b: FloatArray, mask: BoolArray) -> float:
    """Root mean square of b - (scale * a + offset) within a mask, for the best scale and offset; in the unit of b."""
    scale, _ = fit(a, b, mask)
    residual = _centred(b, mask) - scale * _centred(a, mask)
    return float(np.sqrt(np.dot(residual, residual) / residual.size)) if residual.size else 0.0


def accuracy(a: FloatArray, b: FloatArray, mask: BoolArray) -> float:
    """1 - mean error / range of b, for the best scale and offset of a; a flat guess has most of it already."""
    scale, offset = fit(a, b, mask)
    span = float(np.ptp(b[mask])) if mask.any() else 0.0
    return 1.0 - float(np.mean(np.abs(scale * a[mask] + offset - b[mask]))) / span if span > 0.0 else 0.0


def ordinal_accuracy(a: FloatArray, b: FloatArray, mask: BoolArray, least: float = 0.05) -> float:
    """Share of 50,000 pairs of points, always the same, whose order in b is that in a; a half is chance.

    Args:
        a, b: (H, W) predicted and true height.
        mask: (H, W) bool.
        least: pairs nearer than this share of the range of b (1st to 99th percentile) do not count.
    """
    rng = np.random.default_rng(0)
    x, y = a[mask], b[mask]
    if y.size == 0:
        return 0.5
    first, second = rng.integers(0, y.size, (2, 50_000))
    true = y[first] - y[second]
    counted = np.abs(true) >= max(least * float(np.ptp(np.percentile(y, (1, 99)))), 1e-9)
    given = (x[first] - x[second])[counted]
    right = np.where(given == 0, 0.5, (given > 0) == (true[counted] > 0))
    return float(right.mean()) if right.size else 0.5


def normal_error_deg(a: FloatArray, b: FloatArray, mask: BoolArray) -> float:
    """Mean angle between the normals of a and those of b, in degrees.

    The scale of a is that which brings its slopes closest to those of b: large forms have their say in other scores.

    Args:
        a: (H, W), any scale and offset; values outside the mask do not count, not even as NaN.
        b: (H, W), in pixels; likewise.
        mask: (H, W) bool; a pixel has a normal where its neighbours above, below, left and right are in it too.
    """
    inner = cv2.erode(mask.astype(np.uint8), cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))) > 0
    if not inner.any():
        return 0.0
    (ay, ax), (by, bx) = (
        [slope[inner] for slope in np.gradient(np.where(mask, height, 0.0).astype(np.float64))] for height in (a, b)
    )
    scale = _scale(np.concatenate((ax, ay)), np.concatenate((bx, by)))
    ay, ax = scale * ay, scale * ax
    dot = ax * bx + ay * by + 1.0
    cosine = dot / np.sqrt((ax**2 + ay**2 + 1.0) * (bx**2 + by**2 + 1.0))
    return float(np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0))).mean())


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


def _scale(x: npt.NDArray[np.float64], y: npt.NDArray[np.float64]) -> float:
    """What brings x closest to y by least squares, at least 0."""
    power = float(np.dot(x, x))
    return max(float(np.dot(x, y)) / power, 0.0) if power > 0.0 else 0.0


def _centred(values: FloatArray, mask: BoolArray) -> npt.NDArray[np.float64]:
    inside = values[mask].astype(np.float64)
    return inside - inside.mean() if inside.size else inside
