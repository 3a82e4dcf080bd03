"""The network's answer and the edge settings become one height map."""

from __future__ import annotations

import math

import cv2
import numpy as np

from .corrections import Corrections
from .lowpass import extent, lowpass, resized_values
from .poisson import solve_screened
from .prediction import SEGMENT_CLASSES, FloatArray, Prediction
from .settings import RefinementSettings

# Above this wavelength the coarse height decides, below it the slopes: 64 px on a panel of 1024 px.
_CROSSOVER = 1.0 / 16.0
# Sigma of the widest bevel, relative to the panel's extent; about 95 % of a step lies within 4 sigma.
_WIDEST_BEVEL = 1.0 / 200.0
# How far around the threshold the probability of an edge fades out.
_FADE = 0.05

# Sigma by which segments are blurred before they move the surface, relative to the extent: their probabilities are
# rough, and a raised figure needs a slope at its foot.
_SEGMENT_BLUR = 1.0 / 128.0
_GROUND = SEGMENT_CLASSES.index("ground")

# By how much an edge painted medium or sharp steepens what is there; one painted soft is rounded by the widest bevel.
_PAINTED_STEEPER = (0.5, 1.0)


def refine(
    prediction: Prediction,
    settings: RefinementSettings | None = None,
    corrections: Corrections | None = None,
    mask: FloatArray | None = None,
) -> FloatArray:
    """Solve slopes and coarse height into one surface, with the settings applied.

    Every slope is scaled by what its edge class asks for, in proportion to the class probabilities: none by
    1 - smoothing, the others by their strength, all by detail. Since only the slopes are scaled, the large forms stay
    where the coarse height puts them, and flat stone stays flat. Layering scales the coarse height. In the end the
    ground is flattened and segments are raised, in proportion to their probability. Painted edges and flat places
    enter the solve, so flat places move with their segments; painted height is added after these, and the mask, and
    the panel of what was cut out, multiply all.

    Convention:
        Pixel frame of the prediction. 0 is the slab, 1 the full depth of a carved panel; never renormalised.

    Args:
        prediction: the network's answer.
        settings: None takes the defaults, which keep height and slopes as predicted.
        corrections: what is painted, on a grid of any size.
        mask: (H', W') float32 over the whole panel, 1 relief to 0 bare slab; None keeps all.

    Returns:
        (H, W) float32.
    """
    settings = settings or RefinementSettings()
    edges = _above_threshold(prediction.soft_edges, settings.edge_threshold)
    painted = None if corrections is None else _corrections_resized(corrections, prediction.height.shape)
    if painted:
        edges = edges * (1.0 - painted.edges.sum(axis=2, keepdims=True))
        edges[..., 1:] += painted.edges
    strengths = (1.0 - settings.smoothing, settings.strength_soft, settings.strength_medium, settings.strength_sharp)
    factor = cv2.transform(edges, settings.detail * np.array([strengths], np.float32))
    slopes = prediction.slopes * factor[..., None]
    size = _extent(prediction)
    if settings.bevel > 0.0:
        slopes = _bevelled(slopes, edges[..., 2] + edges[..., 3], settings.bevel * _WIDEST_BEVEL * size)
    coarse = prediction.height * np.float32(settings.layering)
    if painted:
        slopes, coarse = _corrected(slopes, coarse, painted, size)
    height = solve_screened(slopes, coarse, (2.0 * math.pi / (_CROSSOVER * size)) ** 2)
    raised = [0.0 if name == "ground" else getattr(settings, f"raise_{name}") for name in SEGMENT_CLASSES]
    if settings.flatten_ground > 0.0:
        ground = np.ascontiguousarray(prediction.segments[..., _GROUND])
        height *= 1.0 - np.float32(settings.flatten_ground) * _blurred(ground, prediction.panel, _SEGMENT_BLUR * size)
    if any(raised):
        offset = np.asarray(cv2.transform(prediction.segments, np.array([raised], np.float32)), np.float32)
        height += _blurred(offset, prediction.panel, _SEGMENT_BLUR * size)
    if painted:
        height += painted.raised * np.float32(settings.paint_height)
    if prediction.panel is not None:
        height *= prediction.panel
    if mask is not None:
        height *= resized_values(mask, height.shape)
    return height


def _extent(prediction: Prediction) -> int:
    """Of the panel, where the photograph shows more than that; one may be too thin for the maps to show it."""
    if prediction.panel is None or not prediction.panel.any():
        return extent(prediction.height.shape)
    sides = (np.flatnonzero(prediction.panel.max(axis=axis)) for axis in (1, 0))
    return extent(tuple(int(side[-1]) + 1 - int(side[0]) for side in sides))


def _blurred(values: FloatArray, panel: FloatArray | None, sigma_px: float) -> FloatArray:
    """Values (H, W) blurred, of what the panel shows alone: what lies beside it is no ground of a figure's."""
    if panel is None:
        return lowpass(values, sigma_px)
    return np.asarray(lowpass(values * panel, sigma_px) / np.maximum(lowpass(panel, sigma_px), 1e-3), np.float32)


def _corrections_resized(corrections: Corrections, size: tuple[int, ...]) -> Corrections:
    """The corrections at the prediction's size."""
    if corrections.raised.shape == size:
        return corrections
    return Corrections(*(resized_values(m, size) for m in (corrections.raised, corrections.flat, corrections.edges)))


def _corrected(
    slopes: FloatArray, coarse: FloatArray, painted: Corrections, size: int
) -> tuple[FloatArray, FloatArray]:
    """Slopes and coarse height with the painted edges in them, and level where they are painted flat."""
    slopes = _bevelled(slopes, painted.edges[..., 0], _WIDEST_BEVEL * size)
    slopes *= 1.0 + painted.edges[..., 1:] @ np.array(_PAINTED_STEEPER, np.float32)[:, None]
    if painted.flat.any():
        coarse = coarse + (_levels(coarse, painted.flat, _SEGMENT_BLUR * size) - coarse) * painted.flat
        slopes *= (1.0 - painted.flat)[..., None]
    return slopes, coarse


def _levels(height: FloatArray, flat: FloatArray, sigma_px: float) -> FloatArray:
    """Everywhere the mean height of the nearest place painted flat, so that it reaches as far as a soft brush does.

    A place is what is painted more than half, and a stroke of thin paint that has no such part.

    Args:
        height: (H, W).
        flat: (H, W), 0 to 1, somewhere above 0.
        sigma_px: by which the levels are blurred.
    """
    count, strokes = cv2.connectedComponents((flat > 0.0).astype(np.uint8))
    inside = flat > 0.5
    thin = np.ones(count, bool)
    thin[0] = False  # what is not painted
    thin[strokes[inside]] = False
    inside |= thin[strokes]
    _, nearest = cv2.distanceTransformWithLabels(
        (~inside).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_CCOMP
    )
    places = nearest[inside]
    # Places are numbered from 1: there is none of number 0 to divide by.
    means = np.bincount(places, height[inside]) / np.maximum(np.bincount(places), 1)
    return lowpass(means.astype(np.float32)[nearest], sigma_px)


def _above_threshold(soft_edges: FloatArray, threshold: float) -> FloatArray:
    """Class probabilities (H, W, 4) with what is probably no edge made plain stone."""
    if threshold == 0.0:
        return soft_edges
    kept = np.clip((1.0 - soft_edges[..., :1] - threshold) / (2.0 * _FADE) + 0.5, 0.0, 1.0)
    edges = soft_edges * kept
    edges[..., :1] += 1.0 - kept
    return edges


def _bevelled(slopes: FloatArray, edge: FloatArray, sigma_px: float) -> FloatArray:
    """Slopes of edges spread over their surroundings; every step keeps its height, for a blur keeps sums.

    Args:
        slopes: (H, W, 2).
        edge: (H, W), 0 to 1, how much of a slope belongs to an edge.
        sigma_px: of the blur.
    """
    moved = slopes * edge[..., None]
    blurred = np.dstack([lowpass(np.ascontiguousarray(moved[..., k]), sigma_px) for k in range(2)])
    return np.asarray(slopes - moved + blurred, np.float32)
