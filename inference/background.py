"""What lies beside a panel that was photographed on black, cut out on white, or scanned with the page around it."""

from __future__ import annotations

import math

import cv2
import numpy as np

from .lowpass import extent, lowpass
from .prediction import BoolArray, FloatArray

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
CALM_PX, CALM_EVEN, CALM_SHARE = 3, 0.04, 0.2
"""Side of the median that takes noise, JPEG's ripples and the weave of velvet out of what is black, most that its greys
deviate by then, and its least share of the photograph, for shadows are smaller. Of a broken piece on velvet r is 0.80
so, 0.71 as it is. Not so for white: bright stone was cut."""
SOLID, SOLID_SHARE = 1.0 / 30.0, 0.8
"""An opening by so much of the extent leaves at least such a share of a panel on white, 0.97 to 1 of 192; of plaster
that is overexposed, whose shadows alone are not white, it left 0.64."""
AS_LARGE = 0.25
"""Of the largest thing on a page, from which on another is panel too: half of a stereo card, and no colour chart."""
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

STRAIGHT = 0.97
"""Least share of its box that fills a panel beside which a page, cloth, mount or lid is cut away: what is carved before
smooth ground, a bust or a spear, fills its own less."""
UNLIKE, UNIFORM = 0.15, 0.002
"""Of the panel, less than the first may be within half of JUMP of the tone of what is cut away: a smooth frame has that
of its ground. Not so where nothing in it differs by more than the second, as around a cut-out."""
LEAST_SIDE_PX = 64
"""Pixels that must be left for a panel."""
WITHIN_EACH_OTHER = 3
"""How many such things may lie round a panel: a mount on a page on a scanner's lid."""
RIM_SIGMA_PX = 2.0
"""Of what is usual along the rim of a cut-out."""


def find_box(grey: FloatArray, opaque: BoolArray | None = None) -> Box:
    """What is left of a photograph without what is plain along its sides: a page, a mount, cloth, a scanner's lid.

    Args:
        grey: (H, W), 0 to 1.
        opaque: as `find_panel` takes it.

    Returns:
        Rows and columns of a straight-sided panel, or of a panel on black or white; all of them where none is sure.
    """
    small = _reduced(grey)
    if opaque is None:
        panel = find_panel(small)
    else:
        panel = cv2.resize(opaque.astype(np.float32), small.shape[::-1], interpolation=cv2.INTER_AREA) > 0.0
    top, bottom, left, right = (0, small.shape[0], 0, small.shape[1]) if panel is None else _around(panel)
    calm = small
    if extent(grey.shape) < 2 * LOOKED_PX:  # in larger photographs noise and lines of words are averaged already
        calm = np.asarray(cv2.medianBlur(small, CALM_PX), np.float32)
        calm = np.where(calm < BLACK, small, calm)  # there noise tells a shadow from a page
    for _ in range(WITHIN_EACH_OTHER):
        part = np.s_[top:bottom, left:right]
        found = _straight_panel(small[part], small[part])
        if found == (0, bottom - top, 0, right - left):
            found = _straight_panel(small[part], calm[part])
        top, bottom, left, right = top + found[0], top + found[1], left + found[2], left + found[3]
    ends = ((top, bottom), (left, right))
    rows, columns = (
        slice(math.ceil(low * whole / side) if low else 0, math.floor(high * whole / side) if high < side else whole)
        for (low, high), whole, side in zip(ends, grey.shape, small.shape, strict=True)
    )
    if min(rows.stop - rows.start, columns.stop - columns.start) < LEAST_SIDE_PX:
        return slice(0, grey.shape[0]), slice(0, grey.shape[1])
    return rows, columns


def find_panel(grey: FloatArray, opaque: BoolArray | None = None, shown: BoolArray | None = None) -> BoolArray | None:
    """Where a photograph shows more than black or white without anything on it that reaches in from its border.

    Args:
        grey: (H, W), 0 to 1.
        opaque: (H, W), where a cut-out shows something, which is its panel then, be it as dark as it may.
        shown: (H, W), of a part of a photograph, what `find_shown` gives.

    Returns:
        (h, w) of the same proportions, smaller where the photograph is large; None where all of it may be the panel.
    """
    if opaque is not None:
        return opaque
    small = _reduced(grey)
    panel = np.ones(small.shape, bool)
    if shown is not None:
        panel = cv2.resize(shown.astype(np.float32), small.shape[::-1], interpolation=cv2.INTER_AREA) > 0.5
    panel &= ~_background(small, small < BLACK)
    calm = np.asarray(cv2.medianBlur(small, CALM_PX), np.float32)
    panel &= ~_background(calm, calm < BLACK, CALM_EVEN, CALM_SHARE)
    on_white = ~_background(small, small > WHITE)
    side = max(round(SOLID * extent(small.shape)), 3)
    solid = cv2.morphologyEx(on_white.astype(np.uint8), cv2.MORPH_OPEN, np.ones((side, side), np.uint8))
    if np.count_nonzero(solid) >= SOLID_SHARE * np.count_nonzero(on_white):
        panel &= on_white
    return panel if LEAST_LEFT * small.size <= np.count_nonzero(panel) < small.size else None


def find_shown(grey: FloatArray, box: Box, opaque: BoolArray | None = None) -> BoolArray | None:
    """Where the part of a photograph in the box of `find_box` shows something, (h, w) of it, as all of it tells.

    In the part alone what reaches in from the border falls apart in corners that are too small to tell. What reaches in
    from the border of a picture on a page is told by the part alone, so `find_panel` takes both together.

    Returns:
        None where all of the photograph says nothing that its part does not.
    """
    if opaque is not None:
        return opaque[box]
    panel = find_panel(grey)
    if panel is None or grey[box].shape == grey.shape:
        return None
    return cv2.resize(panel.astype(np.uint8), grey.shape[::-1], interpolation=cv2.INTER_NEAREST)[box] > 0


def at_size(panel: BoolArray | None, grey: FloatArray, *, exact: bool = False) -> BoolArray | None:
    """What `find_panel` found, at the size (H, W) of the same photograph.

    Its own greys draw the outline, whose notches, where stone is as dark as the background, are closed; not so where
    the outline is ``exact``, as that of a cut-out.
    """
    if panel is None:
        return None
    rows, columns = grey.shape
    sized = cv2.resize(panel.astype(np.uint8), (columns, rows), interpolation=cv2.INTER_NEAREST)
    if exact:
        return sized > 0
    reach = math.ceil(OUTLINE_PX * max(rows / len(panel), 1.0))
    around = np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)
    outline = cv2.morphologyEx(sized, cv2.MORPH_GRADIENT, around) > 0
    beyond = ((sized == 0) & ~outline).astype(np.float32)
    wide = (4 * reach + 1, 4 * reach + 1)
    tone = cv2.blur(grey * beyond, wide) / np.maximum(cv2.blur(beyond, wide), 1e-6)
    found = np.where(outline, np.abs(grey - tone) > OUTLINE_TONE, sized > 0)
    return cv2.morphologyEx(found.astype(np.uint8), cv2.MORPH_CLOSE, around) > 0


def continued(values: FloatArray, opaque: BoolArray) -> FloatArray:
    """(H, W), beyond a cut-out's rim what is usual at the nearest place within: a thin staff is no thin line there."""
    shown = opaque.astype(np.float32)
    usual = lowpass(values * shown, RIM_SIGMA_PX) / np.maximum(lowpass(shown, RIM_SIGMA_PX), 1e-3)
    _, nearest = cv2.distanceTransformWithLabels(
        (~opaque).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
    )
    ends = np.zeros(int(nearest.max()) + 1, np.float32)
    ends[nearest[opaque]] = usual[opaque]
    return np.where(opaque, values, ends[nearest])


def _reduced(grey: FloatArray) -> FloatArray:
    """A photograph of an extent of LOOKED_PX at most."""
    rows, columns = grey.shape
    scale = min(LOOKED_PX / extent(grey.shape), 1.0)
    size = max(round(columns * scale), 1), max(round(rows * scale), 1)
    return np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), np.float32)


def _around(places: BoolArray) -> tuple[int, int, int, int]:
    """Top, bottom, left and right of what is true, (h, w)."""
    rows, columns = (np.flatnonzero(places.any(axis)) for axis in (1, 0))
    return int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1


def _straight_panel(small: FloatArray, calm: FloatArray) -> tuple[int, int, int, int]:
    """Top, bottom, left and right of a panel without what is plain along its sides, or of everything.

    The page is looked for in ``calm``, the same without its noise; what lies beside a side is told by ``small``.
    """
    everything = (0, small.shape[0], 0, small.shape[1])
    page = np.zeros(small.shape, bool)
    for place in _reaching_in(calm, np.ones(small.shape, bool)):
        page |= place
    count, places, stats, _ = cv2.connectedComponentsWithStats((~page).astype(np.uint8), connectivity=4)
    if count < 2 or not page.any():
        return everything
    areas = stats[1:, cv2.CC_STAT_AREA]
    panel = places == 1 + int(np.argmax(areas))
    top, bottom, left, right = _around(panel)
    if panel[top:bottom, left:right].mean() < STRAIGHT or min(bottom - top, right - left) <= 2 * JUMP_PX:
        return everything
    top, bottom, left, right = ends = _around(np.isin(places, 1 + np.flatnonzero(areas >= AS_LARGE * areas.max())))
    stone, kept = small[top:bottom, left:right], list(everything)
    for side, (across, edge, out) in enumerate(
        ((small, top, -1), (small, bottom - 1, 1), (small.T, left, -1), (small.T, right - 1, 1))
    ):
        along = slice(left, right) if side < 2 else slice(top, bottom)
        beyond = edge + 2 * out
        if 0 <= beyond < len(across) and _is_beside(across[beyond, along], across[edge - 2 * out, along], stone):
            kept[side] = ends[side]
    return kept[0], kept[1], kept[2], kept[3]


def _is_beside(before: FloatArray, behind: FloatArray, stone: FloatArray) -> bool:
    """Whether a line before a side of a panel is no part of it, told from a line behind it and the whole panel."""
    if np.ptp(before) <= UNIFORM:
        return True
    unlike = (np.abs(stone - np.median(before)) < JUMP / 2).mean() < UNLIKE
    return bool(unlike and (np.abs(behind - before) > JUMP).mean() > 0.5)


def _background(small: FloatArray, candidates: BoolArray, even: float = EVEN, share: float = LEAST_SHARE) -> BoolArray:
    """Those of the candidates that are plain, reach the border, are even all over and end in a jump, (h, w)."""
    beyond, beyond_less = (np.ones((2 * n + 1, 2 * n + 1), np.uint8) for n in (JUMP_PX, JUMP_PX - 1))
    found = np.zeros(small.shape, bool)
    for place in _reaching_in(small, candidates):
        tone = np.median(small[place])
        # Pale stone on a white page has nearly the page's tone, but not quite.
        for part in _reaching_in(small, candidates & (np.abs(small - tone) < even)):
            if np.count_nonzero(part) < share * small.size:
                continue
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
