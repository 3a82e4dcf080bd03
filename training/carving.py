"""How single shapes are carved: styles of sculptors, and the compression of a shape to relief.

Source: gradient attenuation after Weyrich et al., "Digital Bas-Relief from 3D Scenes", SIGGRAPH 2007: steep slopes are
compressed by a logarithm, gentle ones stay nearly as they are, so that a shallow head still has its face.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from inference.lowpass import resized_height
from inference.poisson import solve_screened
from inference.prediction import FloatArray

from .chance import between
from .library import Shape

PLATEAU = 0.35
"""Least rim of plateaus."""
FACE_SHARE = 0.6
"""Of the figures have faces cut deeper than the rest, on plateaus most of all: what is within is shallow there, but
eyes and lips are cut in Nineveh too."""


@dataclass(frozen=True)
class Style:
    """How one sculptor carves; drawn once a scene."""

    rim: float  # least height at its rim, relative to an item's: 1 is a plateau, with 0 its own form alone stands there
    rim_px: float  # width of the rim relative to the item's size
    detail: float  # how much fine forms are exaggerated
    gamma: float  # below 1: bulging forms
    layer_step: float  # how far one layer stands before the other, relative to an item's thickness
    depth_ratio: float  # full depth of the carving relative to the height of a figure
    incision: float  # depth of the grooves along inner contours, relative to the item's height
    compression: float  # of steep slopes against gentle ones
    reach: float  # largest forms that keep their slopes, relative to the item's size
    stockiness: float = 1.0  # width of figures relative to nature
    level: bool = False  # all that is carved stands in one plane

    @property
    def plateaus(self) -> bool:
        return self.rim > PLATEAU


def draw_style(rng: np.random.Generator, deep: bool = False) -> Style:
    """The style of a random sculptor, or of one who carves round and deep."""
    kind = 0.4 if deep else rng.random()
    if kind < 0.4:  # shallow plateaus, as in Nineveh: steep rims, what lies within is cut almost as deep
        return Style(
            rng.uniform(0.35, 0.85), rng.uniform(0.004, 0.015), rng.uniform(0.5, 3.0), rng.uniform(0.6, 1.0),
            rng.uniform(0.1, 0.5), between(rng, 0.01, 0.07),
            rng.uniform(0.05, 0.35) if rng.random() < 0.6 else 0.0, between(rng, 2.0, 20.0), between(rng, 0.03, 0.15),
        )  # fmt: skip
    if kind < 0.82:  # round and deep, as in Borobudur
        return Style(
            rng.uniform(0.05, 0.3), rng.uniform(0.01, 0.05), rng.uniform(0.0, 1.5), rng.uniform(0.6, 1.0),
            rng.uniform(0.0, 0.25), between(rng, 0.1, 0.4),
            rng.uniform(0.02, 0.1) if rng.random() < 0.3 else 0.0, between(rng, 0.3, 3.0), between(rng, 0.1, 0.6),
        )  # fmt: skip
    return Style(
        rng.uniform(0.0, 0.8), rng.uniform(0.005, 0.03), rng.uniform(0.0, 2.0), rng.uniform(0.5, 1.2),
        rng.uniform(0.0, 1.0), between(rng, 0.03, 0.25),
        rng.uniform(0.02, 0.2) if rng.random() < 0.3 else 0.0, between(rng, 0.5, 6.0), between(rng, 0.05, 0.6),
    )  # fmt: skip


def compressed(depth: FloatArray, mask: npt.NDArray[np.bool_], compression: float, reach_px: float) -> FloatArray:
    """The surface with the depth's slopes, steep ones compressed, without forms much larger than ``reach_px``."""
    slopes = np.zeros((*depth.shape, 2), np.float32)
    for axis, there in ((1, np.s_[:, :-1]), (0, np.s_[:-1])):
        step = np.diff(depth, axis=axis)
        step *= (np.diff(mask.astype(np.int8), axis=axis) == 0) & mask[there]
        step = np.sign(step) * np.log1p(compression * np.abs(step)) / np.float32(compression)
        widths = [(0, 0), (0, 0)]
        widths[axis] = (1, 1)
        step = np.pad(step, widths)  # a pixel's slope is the mean of the steps to it and from it
        slopes[..., 1 - axis] = (step[:, 1:] + step[:, :-1] if axis else step[1:] + step[:-1]) / 2
    return solve_screened(slopes, np.zeros_like(depth), 1.0 / reach_px**2)


def deepen_face(form: FloatArray, head: FloatArray, most: float, rng: np.random.Generator) -> None:
    """Exaggerate the fine forms of a head, in place, as sculptors cut eyes and lips deeper than nature has them.

    Args:
        form: (H, W).
        head: (3,) x, y and radius in pixels.
        most: by how much at most.
        rng: source of chance.
    """
    x, y, radius = (float(value) for value in head)
    rows, columns = np.ogrid[: form.shape[0], : form.shape[1]]
    near = np.clip((1.3 * radius - np.hypot(rows - y, columns - x)) / (0.4 * radius), 0.0, 1.0).astype(np.float32)
    fine = form - cv2.GaussianBlur(form, (0, 0), max(rng.uniform(0.08, 0.35) * radius, 0.5))
    form += near * fine * np.float32(rng.uniform(0.5, most))


def carve(shape: Shape, size: tuple[int, int], style: Style, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    """One shape compressed to relief.

    Args:
        shape: as the library gives it.
        size: (rows, columns) wanted.
        style: of the sculptor.
        rng: source of chance.

    Returns:
        The form, (rows, columns) float32 from 0 to about 1, and its coverage, 0 to 1.
    """
    rows, columns = size
    inside = (shape.height >= 0).astype(np.float32)
    weight = resized_height(inside, size)
    carved = resized_height(np.maximum(shape.height, 0) * inside, size)
    depth = carved / np.maximum(weight, 1e-3)
    enlarged = rows / shape.height.shape[0]
    if enlarged > 1:  # or the pixels of the map become a staircase
        within = weight > 0.5
        weight, around = (np.asarray(cv2.GaussianBlur(m, (0, 0), 0.9 * enlarged), np.float32) for m in (weight, carved))
        depth = np.where(within, depth, around / np.maximum(weight, 1e-3))
    cover = np.clip((weight - 0.25) * 2.0, 0, 1).astype(np.float32)
    mask = weight > 0.3
    if mask.sum() < 12:
        return np.zeros(size, np.float32), np.zeros(size, np.float32)
    depth *= enlarged
    if enlarged > 1:
        depth = np.asarray(cv2.GaussianBlur(depth, (0, 0), 0.5 * enlarged), np.float32)
    extent = float(max(rows, columns))
    form = compressed(depth, mask, style.compression, style.reach * extent)
    form += np.float32(style.detail) * (form - cv2.GaussianBlur(form, (0, 0), extent * rng.uniform(0.01, 0.03)))
    low, high = np.percentile(form[mask], (1, 99))
    if shape.head[2] > 0 and rng.random() < FACE_SHARE:
        stretch = np.array((columns / shape.height.shape[1], enlarged, enlarged), np.float32)
        deepen_face(form, shape.head * stretch, 3.0 / (1.0 - style.rim), rng)
    form = np.maximum((form - low) / max(high - low, 0.02 * extent), 0)
    form = np.where(form > 1, 1 + 0.5 * np.tanh(2 * (form - 1)), form) ** np.float32(style.gamma)
    bordered = np.pad(mask.astype(np.uint8), 1)  # the map's border is an outline too
    distance = cv2.distanceTransform(bordered, cv2.DIST_L2, 5)[1:-1, 1:-1]
    rim_px = max(style.rim_px * extent, 0.7)
    rise = np.clip(cv2.GaussianBlur(distance, (0, 0), 0.3 * rim_px) / rim_px, 0, 1)
    rise = np.sqrt(np.maximum(1 - (1 - rise) ** 2, 0))  # a quarter round
    rise = cv2.GaussianBlur(rise, (0, 0), 0.5 * max(enlarged, 1.0))
    thickest = max(float(distance.max()), 1.0)
    bulge = cv2.GaussianBlur(distance, (0, 0), 0.3 * thickest) / thickest  # smooth, or its ridge is a crease
    mix = rng.uniform(0.6, 1.0)
    out = rise * np.maximum(style.rim + (1 - style.rim) * (mix * form + (1 - mix) * bulge), 0.05)
    if style.incision:
        jump = cv2.morphologyEx(depth, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)) > 0.03 * extent
        contour = (jump & (distance > 2)).astype(np.float32)
        out -= style.incision * np.minimum(2 * cv2.GaussianBlur(contour, (0, 0), rng.uniform(0.6, 1.5)), 1)
    return out.astype(np.float32), cover * (rise > 0)


def from_head(shape: Shape, rows: int, columns: int) -> FloatArray:
    """How far each pixel of a shape, brought to (rows, columns), is from the middle of its head, in radii of that."""
    enlarged = rows / shape.height.shape[0]
    x, y, radius = (float(v) for v in shape.head * (columns / shape.height.shape[1], enlarged, enlarged))
    down, across = np.ogrid[:rows, :columns]
    return np.asarray(np.hypot(down - y, across - x) / radius, np.float32)
