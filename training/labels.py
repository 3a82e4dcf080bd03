"""Soft-edge classes of a known height: how softly the surface turns."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from inference.prediction import FloatArray

SIGMAS_PX = (1.0, 2.0, 4.0)
REACH_PX = 16
"""Beyond the border, what the widest blur sees."""
THRESHOLDS = (0.015, 0.03, 0.055)
"""Edge strength from which a pixel counts as soft, medium, sharp: about the 75th, 90th and 97th percentile of carved
scenes."""
FACES_FROM, FACE_RIM_PX = 0.75, 8
"""Value of ``heads`` from which a face is seen, and how much of a head's rim is left out."""


def edge_strength(height: FloatArray) -> FloatArray:
    """How sharply a surface turns.

    The largest principal curvature of the height at three scales, each times its sigma, so that a step counts by its
    height and a rounded one counts less the rounder it is.

    Args:
        height: (H, W) float32, 0 = slab, 1 = full depth.

    Returns:
        (H, W) float32, at least 0; a step of height 1 between two pixels gives about 0.18.

    Source: soft edges as regions of low curvature, Pan et al., ACM Multimedia 2024; the measure is this project's own.
    """
    # Slopes go on beyond the border: mirrored they would crease there, and every crop has borders.
    height = np.pad(height, REACH_PX, mode="reflect", reflect_type="odd")
    strongest = np.zeros_like(height)
    for sigma in SIGMAS_PX:
        g = cv2.GaussianBlur(height, (0, 0), sigma, borderType=cv2.BORDER_REFLECT_101)
        gx = cv2.Sobel(g, cv2.CV_32F, 1, 0, ksize=1, scale=0.5)
        xx = cv2.filter2D(g, cv2.CV_32F, np.array([[1, -2, 1]], np.float32))
        yy = cv2.filter2D(g, cv2.CV_32F, np.array([[1], [-2], [1]], np.float32))
        xy = cv2.Sobel(gx, cv2.CV_32F, 0, 1, ksize=1, scale=0.5)
        curvature = np.abs(xx + yy) / 2 + np.sqrt((xx - yy) ** 2 / 4 + xy * xy)
        strongest = np.maximum(strongest, sigma * curvature)
    return strongest[REACH_PX:-REACH_PX, REACH_PX:-REACH_PX]


def soft_edge_classes(height: FloatArray) -> npt.NDArray[np.uint8]:
    """Index into inference.prediction.EDGE_CLASSES for each pixel of a known height.

    Args:
        height: (H, W) float32, 0 = slab, 1 = full depth.

    Returns:
        (H, W) uint8: 0 none, 1 soft, 2 medium, 3 sharp.
    """
    return np.digitize(edge_strength(height), THRESHOLDS).astype(np.uint8)


def within_faces(heads: FloatArray) -> FloatArray:
    """1 within the faces that are seen, 0 along their outlines and elsewhere; both (H, W).

    Args:
        heads: as those of `training.compose.Scene`.
    """
    seen = (heads > FACES_FROM).astype(np.uint8)
    return np.asarray(cv2.erode(seen, np.ones((2 * FACE_RIM_PX + 1,) * 2, np.uint8)), np.float32)
