"""What masons and time do to a carved panel: joints, new stones, weather, chips, ragged ends."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from inference.prediction import FloatArray

from .chance import between, fractal

Segments = npt.NDArray[np.uint8]
DEEPEST_JOINT = 0.25
"""Of the carving's depth, half as much again in the widest gaps. Deeper ones are black lines anyway."""
DENT_PX = 6
"""Smaller chips are in the light alone, as the pits of `training.photograph` are, which look the same."""
REPLACED_SHARE, REPLACED = 0.12, 0.15
"""Of the walls of blocks were put together again with new stones for lost ones, and so many of their blocks are new:
plain, whatever was carved there. There were twice as many until weights 0.21; faint blocks shall not pass for new."""
WORN_FACES, WORN_SIGMA, WORN_SHARE, LEAST_FACE_PX = 0.5, (0.02, 0.08), (0.7, 1.0), 24
"""Of weathered walls have worn faces; sigmas by which they are, relative to the head; how far they are, for stone that
weathers keeps no sharp line at half its height; and heads smaller than the fourth are left as they are, for they show
no face anyway. Heads are hardly worn by `wear`, whose sigma is that of all stone: of 222 faces 1 % had lost a third of
their forms, and on temples most have."""
FACE_FORMS, LEAST_KEPT = 0.2, 0.4
"""Length of the forms that make a face, relative to the head, and the least share of them by which it is still seen."""
SETTING = 0.08
"""Of the carving's depth stand blocks before or behind their course, and courses before or behind the wall, at most, as
standard deviations."""


def find_joints(blocks: npt.NDArray[np.integer[Any]]) -> npt.NDArray[np.bool_]:
    """Where one block meets the next, one pixel wide; both (H, W)."""
    joints = np.zeros(blocks.shape, bool)
    joints[:, 1:] = blocks[:, 1:] != blocks[:, :-1]
    joints[1:] |= blocks[1:] != blocks[:-1]
    return joints


def lay_blocks(
    height: FloatArray, segments: Segments, depth_px: float, course_px: float, rng: np.random.Generator
) -> tuple[npt.NDArray[np.int32], FloatArray]:
    """Courses of blocks, each of both a little before or behind the next; joints open or tight; figures run across.

    Some walls have new stones without their carving, flush with the ground or a little proud of it.

    Args:
        height, segments: (H, H), of the scene; new stones change them in place.
        depth_px: what 1 of height is, in pixels.
        course_px: height of a course.
        rng: source of chance.

    Returns:
        The number of the block at each pixel, (H, H) int32, and the masonry, see `training.compose.Scene`.
    """
    n = len(height)
    blocks = np.zeros((n, n), np.int32)
    groove = np.zeros((n, n), np.float32)
    thickness = max(between(rng, 0.0012, 0.008) * n, 1.0)
    # Arrises are chipped: no joint is a ruled line, nor as wide here as there.
    ragged = rng.uniform(0.0, 0.0025) * n
    down, across = (ragged * fractal(n, n, n * rng.uniform(0.02, 0.06), rng, 5) for _ in range(2))
    down += np.arange(n, dtype=np.float32)[:, None] - fractal(1, n, n * 0.2, rng, 3) * rng.uniform(0, 1.5)
    across += np.arange(n, dtype=np.float32)
    chips = fractal(n, n, n * rng.uniform(0.01, 0.05), rng, 3)
    width = np.exp(rng.uniform(0.0, 0.5) * chips) * (1 + rng.uniform(0, 3) * np.clip(chips - 1.2, 0, 1))
    width *= np.float32(thickness)
    beside = int(np.abs(across - np.arange(n)).max() + 4 * width.max()) + 1
    offset = rng.uniform(0, SETTING)
    replaced = REPLACED if rng.random() < REPLACED_SHARE else 0.0
    proud = rng.uniform(0.0, 0.15) if rng.random() < 0.2 else 0.0
    masonry = np.zeros((n, n), np.float32)
    bare = height[segments == 0]
    ground = float(np.percentile(bare, 40) if bare.size > 0.02 * n * n else np.percentile(height, 5))
    y, block = -rng.uniform(0, course_px), 1
    while y < n:
        below = y + course_px * rng.uniform(0.8, 1.2)
        course = (down >= y) & (down < below)
        groove = np.maximum(groove, np.exp(-(((down - y) / width) ** 2)))
        there = np.flatnonzero(course.any(axis=1))
        high = slice(int(there[0]), int(there[-1]) + 1) if len(there) else slice(0, 0)
        x = -rng.uniform(0, 2) * course_px
        setting = rng.normal(0, offset)
        while x < n:
            right = x + course_px * rng.uniform(0.8, 2.6)
            part = np.s_[high, max(int(x) - beside, 0) : max(int(right) + beside, 0)]
            inside = course[part] & (across[part] >= x) & (across[part] < right)
            blocks[part][inside] = block
            if rng.random() < replaced and inside.any():
                height[part][inside] = ground + proud + rng.normal(0, 0.02)
                segments[part][inside] = 0
            masonry[part] += inside * np.float32(rng.normal(setting, offset))
            if 0 < x < n:
                near = np.s_[high, max(int(x) - beside, 0) : int(x) + beside]
                line = np.exp(-(((across[near] - x) / (width[near] * 0.8)) ** 2)) * course[near]
                groove[near] = np.maximum(groove[near], line)
            x, block = right, block + 1
        y = below
    gaps = np.clip(fractal(n, n, n * 0.15, rng, 3) * 0.6 + rng.uniform(0.3, 1.2), 0.0, 1.5)
    deep = max(rng.uniform(0.01, 0.05) * course_px, 1.0) / max(depth_px, 1.0)
    tight = rng.uniform(0.05, 0.3) if rng.random() < 0.5 else 1.0
    masonry -= groove * gaps * min(deep, DEEPEST_JOINT) * tight
    return blocks, masonry


def wear(
    height: FloatArray, segments: Segments, masonry: FloatArray, heads: FloatArray, depth_px: float, weathered: bool,
    rng: np.random.Generator,
) -> None:  # fmt: skip
    """Rounding by weather, chips and parts that broke away, in place; small chips are in the light alone.

    Args:
        height, segments, masonry, heads: (H, H), of the scene; heads are worn less.
        depth_px: what 1 of height is, in pixels.
        weathered: as walls in the open, all over.
        rng: source of chance.
    """
    n = len(height)
    if weathered or rng.random() < 0.6:
        sigma = between(rng, 1.0, 5.0) if weathered else between(rng, 0.6, 4.0)
        worn = cv2.GaussianBlur(height, (0, 0), sigma)
        where = np.clip(fractal(n, n, n * 0.4, rng, 3) * 0.7 + rng.uniform(0, 1), 0, 1) * rng.uniform(0.4, 1)
        where *= 1 - np.float32(0.7) * heads
        height += (worn - height) * where
    if rng.random() < 0.3:  # broken away: back to a rough low surface
        noise = fractal(n, n, n * rng.uniform(0.1, 0.4), rng, 5)
        lost = np.clip((noise - rng.uniform(1.2, 2.2)) * 6, 0, 1)
        rough = fractal(n, n, n * 0.06, rng, 5) * rng.uniform(0.02, 0.08) + rng.uniform(-0.1, 0.25)
        height += (np.minimum(rough, height) - height) * lost
        segments[lost > 0.5] = 0
    count = int(rng.integers(0, 60)) if rng.random() < 0.5 else 0
    for _ in range(count):
        radius = int(np.exp(rng.uniform(np.log(1.5), np.log(10))))
        x, y = int(rng.integers(0, n)), int(rng.integers(0, n))
        chipped = height if radius > DENT_PX else masonry
        part = chipped[max(y - radius, 0) : y + radius + 1, max(x - radius, 0) : x + radius + 1]
        yy = np.arange(max(y - radius, 0), min(y + radius + 1, n))[:, None] - y
        xx = np.arange(max(x - radius, 0), min(x + radius + 1, n))[None] - x
        flat, lean = rng.uniform(0.6, 1.0), rng.uniform(-0.5, 0.5)
        bowl = np.clip(1 - ((xx + lean * yy) ** 2 + (yy / flat) ** 2) / (radius * radius + 1.0), 0, 1)
        part -= (bowl * min(rng.uniform(0.2, 0.8) * radius / max(depth_px, 1.0), 0.3)).astype(np.float32)


def wear_faces(height: FloatArray, faces: npt.NDArray[np.bool_], rng: np.random.Generator) -> npt.NDArray[np.bool_]:
    """Faces rounded by rain and hands, each by its own size, in place; returns (H, W) where nothing of one is left.

    Args:
        height: (H, W), of the scene.
        faces: (H, W), heads that show their face.
        rng: source of chance.
    """
    gone = np.zeros(faces.shape, bool)
    count, numbers, boxes, _ = cv2.connectedComponentsWithStats(faces.astype(np.uint8))
    for head in range(1, count):
        left, top, width, tall, _ = (int(number) for number in boxes[head])
        side, relative, share = max(width, tall), rng.uniform(*WORN_SIGMA), rng.uniform(*WORN_SHARE)
        if side < LEAST_FACE_PX:
            continue
        sigma = float(relative * side)
        reach = int(3 * sigma) + 1
        part = np.s_[max(top - reach, 0) : top + tall + reach, max(left - reach, 0) : left + width + reach]
        here = numbers[part] == head
        where = cv2.GaussianBlur(here.astype(np.float32), (0, 0), sigma / 2) * here  # what is beside stays
        height[part] += (cv2.GaussianBlur(height[part], (0, 0), sigma) - height[part]) * where * np.float32(share)
        kept = 1.0 - share * (1.0 - np.exp(-2.0 * (np.pi * relative / FACE_FORMS) ** 2))
        if kept < LEAST_KEPT:
            gone[part] |= here
    return gone


def end_inside(height: FloatArray, segments: Segments, masonry: FloatArray, rng: np.random.Generator) -> None:
    """The panel ends inside the picture, at a ragged edge, before a flat wall: maps (H, H), changed in place."""
    n = len(height)
    ragged = fractal(1, n, n * 0.2, rng, 5)[0] * rng.uniform(0.0, 0.04) * n
    beyond = np.arange(n)[:, None] < (rng.uniform(0.03, 0.25) * n + ragged)[None]
    if rng.random() < 0.5:
        beyond = beyond.T
    if rng.random() < 0.4:
        beyond = beyond[:, ::-1]
    height[beyond], masonry[beyond] = rng.uniform(-0.1, 0.0), 0.0
    segments[beyond] = 0
