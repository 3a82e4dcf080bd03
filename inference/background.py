"""What lies beside a panel that was photographed on black, cut out on white, or scanned with the page around it."""

from __future__ import annotations

import math

import cv2
import numpy as np
import numpy.typing as npt

from .lowpass import extent
from .prediction import FloatArray

BoolArray = npt.NDArray[np.bool_]
Box = tuple[slice, slice]
"""Rows and columns of a photograph."""

LOOKED_PX = 400
"""Extent to which a photograph is reduced for this."""
BLACK, WHITE = 0.08, 0.88
"""Darker and brighter than these, a background says nothing of the stone's light."""
PLAIN = 0.05
"""Most that greys of a background differ by from pixel to pixel; stone is rougher."""
EVEN, JUMP, JUMP_PX = 0.02, 0.1, 3
"""Most that the greys of a whole background deviate by from its middle one; least that all but a quarter of what lies
so many pixels beyond its outline differs from that. Smooth stone in light that fades away ends in no jump: on six of
Cycles' panels as pale plaster, with dark corners or a side in the dark that is at most 0.080, round black and white
backgrounds at least 0.119."""
OUTLINE_PX, OUTLINE_TONE = 2, 0.1
"""Within so many pixels of the outline found, what differs by more than that from the background beside it is panel: at
the size of a large photograph its outline would be a saw's else.
"""
LEAST_SHARE = 0.02
"""Of the photograph, below which a plain place at its border matters little, and may be a shadow."""
LEAST_LEFT = 0.1
"""Of the photograph, that must be left for a panel.

On five of Cycles' panels of 384 px in the middle of black and of white squares of 640, reading the panel alone lifts
the mean r of the high-passed height from 0.630 to 0.704 (weights 0.16); with the background as it is, but the
contrast of the panel alone, to 0.683.
"""

BLANK, LEAST_BLANK = 0.015, 0.95
"""Neighbours along a row or column beside the panel differ by less than the first, in so much of it at least: dust lies
there too."""
PARTS, LEAST_BEGUN, UNIFORM = 8, 6, 0.002
"""A side is divided into so many parts, and the panel must begin in so many of them where the blank ends: a spear that
stands out into smooth ground is carved. And what is cut away must differ by JUMP from the panel's tone, as no smooth
frame does, unless nothing in it differs by more than the last, as around a cut-out."""
LEAST_SIDE, LEAST_SIDE_PX = 0.1, 64
"""Of the photograph's side, and of pixels, that must be left for a panel."""


def find_box(grey: FloatArray) -> Box:
    """What is left of a photograph where blank strips along its sides are cut away: page, cloth, wall, a scanner's lid.

    Args:
        grey: (H, W), 0 to 1.

    Returns:
        Rows and columns; all of them where none are surely blank.
    """
    small = _reduced(grey)
    panel = find_panel(small)
    box = [[0, side] for side in small.shape]
    if panel is not None:
        box = [[int(lines[0]), int(lines[-1]) + 1] for lines in (np.flatnonzero(panel.any(k)) for k in (1, 0))]
    outside = [list(ends) for ends in box]
    moved = True
    while moved:
        moved = False
        for axis, end in ((0, 0), (0, 1), (1, 0), (1, 1)):
            while box[axis][1] - box[axis][0] > LEAST_SIDE * small.shape[axis] and _blank(_line(small, box, axis, end)):
                box[axis][end] += 1 - 2 * end
                moved = True
    (top, bottom), (left, right) = box
    stone = float(np.median(small[top:bottom, left:right]))
    for axis, end in ((0, 0), (0, 1), (1, 0), (1, 1)):
        if box[axis][end] != outside[axis][end] and not _begins(small, box, axis, end, stone):
            box[axis][end] = outside[axis][end]
    scales = [whole / side for whole, side in zip(grey.shape, small.shape, strict=True)]
    rows, columns = (
        slice(math.ceil(low * scale), math.floor(high * scale)) for (low, high), scale in zip(box, scales, strict=True)
    )
    if min(rows.stop - rows.start, columns.stop - columns.start) < LEAST_SIDE_PX:
        return slice(0, grey.shape[0]), slice(0, grey.shape[1])
    return rows, columns


def find_panel(grey: FloatArray) -> BoolArray | None:
    """Where a photograph shows more than black or white without anything on it that reaches in from its border.

    Args:
        grey: (H, W), 0 to 1.

    Returns:
        (h, w) of the same proportions, smaller where the photograph is large; None where all of it may be the panel.
    """
    small = _reduced(grey)
    panel = np.ones(small.shape, bool)
    for black in (True, False):
        panel &= ~_background(small, small < BLACK if black else small > WHITE)
    return panel if LEAST_LEFT * small.size <= np.count_nonzero(panel) < small.size else None


def at_size(panel: BoolArray | None, grey: FloatArray) -> BoolArray | None:
    """What `find_panel` found, at the size (H, W) of the same photograph, whose own greys draw the outline."""
    if panel is None:
        return None
    rows, columns = grey.shape
    sized = cv2.resize(panel.astype(np.uint8), (columns, rows), interpolation=cv2.INTER_NEAREST)
    reach = math.ceil(OUTLINE_PX * max(rows / len(panel), 1.0))
    around = np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)
    outline = cv2.morphologyEx(sized, cv2.MORPH_GRADIENT, around) > 0
    beyond = ((sized == 0) & ~outline).astype(np.float32)
    wide = (4 * reach + 1, 4 * reach + 1)
    tone = cv2.blur(grey * beyond, wide) / np.maximum(cv2.blur(beyond, wide), 1e-6)
    return np.where(outline, np.abs(grey - tone) > OUTLINE_TONE, sized > 0)


def _reduced(grey: FloatArray) -> FloatArray:
    """A photograph of an extent of LOOKED_PX at most."""
    rows, columns = grey.shape
    scale = min(LOOKED_PX / extent(grey.shape), 1.0)
    size = max(round(columns * scale), 1), max(round(rows * scale), 1)
    return np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), np.float32)


def _line(small: FloatArray, box: list[list[int]], axis: int, end: int, inside: int = 0) -> FloatArray:
    """The row (axis 0) or column (1) so many lines within the upper or left (end 0), the lower or right (1) side."""
    at = box[axis][0] + inside if end == 0 else box[axis][1] - 1 - inside
    (top, bottom), (left, right) = box
    return small[at, left:right] if axis == 0 else small[top:bottom, at]


def _blank(line: FloatArray) -> bool:
    return bool((np.abs(np.diff(line)) < BLANK).mean() >= LEAST_BLANK)


def _begins(small: FloatArray, box: list[list[int]], axis: int, end: int, stone: float) -> bool:
    """Whether a panel of this tone begins all along a side: rough, or of another tone than what lies before it."""
    beside = _line(small, box, axis, end, -1)
    tone = np.median(beside)
    if abs(tone - stone) < JUMP and np.ptp(beside) > UNIFORM:
        return False
    parts = np.array_split(_line(small, box, axis, end, JUMP_PX - 1), PARTS)
    rough = (np.abs(np.diff(part)).max() > BLANK for part in parts)
    jumps = (abs(np.median(part) - tone) > JUMP for part in parts)
    return bool(np.sum([a or b for a, b in zip(rough, jumps, strict=True)]) >= LEAST_BEGUN)


def _background(small: FloatArray, candidates: BoolArray) -> BoolArray:
    """Those of the candidates that are plain, reach the border, are even all over and end in a jump, (h, w)."""
    beyond, beyond_less = (np.ones((2 * n + 1, 2 * n + 1), np.uint8) for n in (JUMP_PX, JUMP_PX - 1))
    found = np.zeros(small.shape, bool)
    for place in _reaching_in(small, candidates):
        tone = np.median(small[place])
        # Pale stone on a white page has nearly the page's tone, but not quite.
        for part in _reaching_in(small, candidates & (np.abs(small - tone) < EVEN)):
            mask = part.astype(np.uint8)
            rim = cv2.dilate(mask, beyond) > cv2.dilate(mask, beyond_less)
            if rim.any() and np.percentile(np.abs(small[rim] - tone), 25) > JUMP:
                found |= part
    return found


def _reaching_in(small: FloatArray, candidates: BoolArray) -> list[BoolArray]:
    """The places (h, w) among the candidates that are plain, reach the border and matter."""
    around = np.ones((5, 5), np.uint8)
    lowest, highest = cv2.erode(small, around), cv2.dilate(small, around)
    plain = (cv2.erode(candidates.astype(np.uint8), around) > 0) & (highest - lowest < PLAIN)
    count, places, stats, _ = cv2.connectedComponentsWithStats(plain.astype(np.uint8), connectivity=4)
    border = np.unique(np.concatenate((places[0], places[-1], places[:, 0], places[:, -1])))
    kept = [k for k in border if k > 0 and stats[k, cv2.CC_STAT_AREA] >= LEAST_SHARE * small.size]
    return [cv2.dilate((places == k).astype(np.uint8), around) > 0 for k in kept]
