"""A skewed, unevenly lit or dusty photograph is made ready for the network: each step optional, and recorded."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass, field, replace
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from .background import at_size, continued, find_box, find_panel, find_shown
from .descreening import without_screen
from .errors import ReliefError
from .lowpass import extent, lowpass
from .photo import BACKDROP, KEPT_PIXELS, MIN_SIDE_PX, Photo
from .prediction import BoolArray, ByteArray, FloatArray
from .settings import PreparationSettings

Corners = tuple[tuple[float, float], ...]

USUAL_FOCAL = 1.2
"""Focal length relative to the photograph's longer side, where the corners do not tell it."""
_FOCAL_SPREAD = 0.5
"""Standard deviation of 1 / focal length squared, relative to the usual one's: from 0.98 to 1.7 times the longer side,
or 35 to 61 mm on film 36 mm wide."""
_SHORTEST_FOCAL, _LONGEST_FOCAL = 0.5, 5.0
"""Relative to the longer side: what lies beyond is not believed."""
_CLICK = 0.0015
"""Standard deviation of a clicked corner, across and down, relative to the longer side: a pixel or two of a screen."""
_LIGHT_SIGMA = 1.0 / 8.0
"""Sigma of what counts as the light's unevenness, relative to the panel's extent."""
_MOST_GAIN = 3.0
_SPECK = 1.0 / 120.0
"""Largest side of a speck, relative to the panel's extent; what is larger may be carved."""
_SCRATCH_WIDTH_PX, _SCRATCH_LENGTH = 4, 1.0 / 25.0
_VERSION = 7
"""Of the preparation: goes up when it makes other pixels of a photograph, or stored predictions would not fit."""
_DUST_WINDOW_PX, _DUST_PX = 9, 500
"""Of the median that dust stands out from, and the extent below which a photograph is not halved once more for it: what
is as wide as a speck may be must not fill the window."""


@dataclass(frozen=True)
class Preparation:
    """What is done to a photograph before the network sees it.

    Attributes:
        settings: evening out of light, removal of dust, proportions.
        corners: four (x, y) of the panel's corners as parts of the photograph's width and height, from the top left,
            in any order; none leaves the photograph as it is.
        light_deg: where the main light comes from, 0 right and 90 above; None leaves it to the network. It changes no
            pixel, only what they are taken for.
        negative: whether dark and bright are turned round first, as of a glass plate; what comes of it is grey.
    """

    settings: PreparationSettings = field(default_factory=PreparationSettings)
    corners: Corners = ()
    light_deg: float | None = None
    negative: bool = False

    @property
    def needed(self) -> bool:
        """Whether it does anything."""
        return (
            bool(self.corners)
            or self.light_deg is not None
            or self.negative
            or self.settings.even_light > 0.0
            or self.settings.remove_dust > 0.0
        )

    def to_mapping(self) -> dict[str, Any]:
        """As JSON keeps it."""
        corners = [list(corner) for corner in self.corners]
        given = {"corners": corners, "light_deg": self.light_deg, "negative": self.negative}
        return {**self.settings.to_mapping(), **given}


def prepare(photo: Photo, preparation: Preparation, max_size: int | None = None) -> Photo:
    """Turn a negative round, straighten, remove dust, even out the light, in this order.

    Args:
        photo: as it was read.
        preparation: what is done to it.
        max_size: the longest side in pixels of a panel that is straightened.

    Returns:
        The prepared photograph, or ``photo`` itself where there is nothing to do. Its hash tells both apart.

    Raises:
        ReliefError: the corners make no panel.
    """
    if not preparation.needed:
        return photo
    settings, grey, colour, opaque = preparation.settings, photo.grey, photo.colour, photo.opaque
    if preparation.negative:
        grey = 1.0 - grey
        colour = np.repeat(np.rint(grey * 255.0).astype(np.uint8)[..., None], 3, axis=2)
        if opaque is not None:
            grey[~opaque], colour[~opaque] = 0.0, round(BACKDROP * 255)
    if preparation.corners:
        rows, columns = grey.shape
        corners = np.array(preparation.corners, np.float64) * (columns, rows)
        if opaque is not None:
            shown, _ = straighten(opaque.astype(np.float32), colour, corners, settings.aspect, max_size)
            opaque = shown > 0.5 if (shown > 0.5).any() and (shown <= 0.5).any() else None
        grey, colour = straighten(grey, colour, corners, settings.aspect, max_size)
    if settings.remove_dust > 0.0:
        grey, colour = remove_dust(grey, colour, settings.remove_dust, opaque)
    if settings.even_light > 0.0:
        grey, colour = even_light(grey, colour, settings.even_light, opaque)
    how = json.dumps(preparation.to_mapping(), sort_keys=True)
    digest = hashlib.sha256(f"{photo.sha256} {_VERSION} {how}".encode()).hexdigest()
    return replace(photo, grey=grey, colour=colour, sha256=digest, opaque=opaque)


def straighten(
    grey: FloatArray,
    colour: ByteArray,
    corners: npt.NDArray[np.float64],
    aspect: float = 0.0,
    max_size: int | None = None,
) -> tuple[FloatArray, ByteArray]:
    """Map the panel between four corners onto a rectangle.

    Convention:
        Corners in pixels from the photograph's top left corner (not from its first pixel's centre).

    Args:
        grey: (H, W).
        colour: (H, W, 3).
        corners: (4, 2) x and y, in any order.
        aspect: width of the panel divided by its height; 0 estimates it from the corners.
        max_size: the longest side in pixels of the result, at most.

    Raises:
        ReliefError: the corners are not those of a panel, or the panel is too small.
    """
    quad = ordered(corners)
    whole, size = panel_sizes(quad, grey.shape, aspect, max_size)
    if min(size) < MIN_SIDE_PX:
        raise ReliefError(
            f"The panel between the corners would have {size[0]} x {size[1]} pixels. "
            f"Choose corners further apart, at least {MIN_SIDE_PX} pixels, other proportions, "
            "or a larger size if one is given."
        )
    target = np.array([(0, 0), (whole[0], 0), whole, (0, whole[1])], np.float64)
    # Pixel centres lie half a pixel inside the corners of the picture.
    matrix = cv2.getPerspectiveTransform((quad - 0.5).astype(np.float32), (target - 0.5).astype(np.float32))

    def warp(image: npt.NDArray[Any]) -> npt.NDArray[Any]:
        straight = cv2.warpPerspective(image, matrix, whole, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
        return straight if size == whole else cv2.resize(straight, size, interpolation=cv2.INTER_AREA)

    return np.clip(warp(grey), 0.0, 1.0).astype(np.float32, copy=False), warp(colour)


def panel_sizes(
    quad: npt.NDArray[np.float64], shape: tuple[int, ...], aspect: float, max_size: int | None
) -> tuple[tuple[int, int], tuple[int, int]]:
    """Width and height in pixels of a straightened panel, with all that the photograph shows of it and as it is kept.

    Args:
        quad: (4, 2), what `ordered` gives.
        shape: rows and columns of the photograph.
        aspect, max_size: as of `straighten`.
    """
    if not aspect:
        aspect = panel_aspect(quad, (shape[1], shape[0]))
    top, right, bottom, left = (float(np.linalg.norm(quad[(i + 1) % 4] - quad[i])) for i in range(4))
    height = min(max(left, right, max(top, bottom) / aspect), math.sqrt(KEPT_PIXELS / aspect))
    kept = height if max_size is None else min(height, max_size / max(aspect, 1.0))
    return (round(height * aspect), round(height)), (round(kept * aspect), round(kept))


def ordered(corners: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Four corners from the top left one, clockwise as seen.

    Raises:
        ReliefError: they are not four, or one lies within the triangle of the others.
    """
    if corners.shape != (4, 2) or not np.isfinite(corners).all():
        raise ReliefError("Give four corners of the panel, each with x and y.")
    away = corners - corners.mean(axis=0)
    quad = corners[np.argsort(np.arctan2(away[:, 1], away[:, 0]))]
    sides = np.roll(quad, -1, axis=0) - quad
    following = np.roll(sides, -1, axis=0)
    turns = sides[:, 0] * following[:, 1] - sides[:, 1] * following[:, 0]
    if not (turns > 1e-3 * np.abs(sides).max() ** 2).all():
        raise ReliefError("The four corners do not go round a panel. Place one at each of its corners.")
    # The first is that from which the sides run right, down, left and up. The one furthest to the upper left is the
    # top right one where a panel is seen along a wall, from its right.
    right, down = sides.T
    upright = [np.roll(right, -i) @ (1, 0, -1, 0) + np.roll(down, -i) @ (0, 1, 0, -1) for i in range(4)]
    return np.asarray(np.roll(quad, -int(np.argmax(upright)), axis=0))


def panel_aspect(quad: npt.NDArray[np.float64], size: tuple[int, int]) -> float:
    """Width divided by height of the rectangle that a camera saw as these corners.

    Where the panel is tilted both ways, its sides are at right angles under one focal length alone. Where it is tilted
    one way they are under any, and the least error of a click would decide. So what the angle says is weighed against
    the usual focal length by how far uncertain clicks turn it: one step of a Kalman filter, whose state is
    1 / focal length squared and whose measurement is that the sides are at right angles.

    Args:
        quad: (4, 2) in pixels, from the top left, clockwise.
        size: (width, height) of the photograph; its middle is taken for the camera's axis.

    Source:
        Zhang, He, "Whiteboard scanning and image enhancement", Digital Signal Processing 17, 2007, section 3.
    """
    corners = (quad - np.array(size) / 2) / max(size)
    usual = 1.0 / USUAL_FOCAL**2

    def off_square(corners: npt.NDArray[np.float64]) -> float:
        """The scalar product of the sides under the usual focal length, 0 at right angles."""
        across, down = _sides(corners)
        return float(across[2] * down[2] + usual * np.dot(across[:2], down[:2]))

    step = 1e-6
    moves = step * np.eye(8).reshape(8, 4, 2)
    by_move = np.array([off_square(corners + move) - off_square(corners - move) for move in moves]) / (2.0 * step)
    across, down = _sides(corners)
    by_state = np.dot(across[:2], down[:2])
    clicks_variance, focal_variance = _CLICK**2 * np.dot(by_move, by_move), (_FOCAL_SPREAD * usual) ** 2
    gain = focal_variance * by_state / (clicks_variance + focal_variance * by_state**2)
    state = min(max(usual - gain * off_square(corners), _LONGEST_FOCAL**-2), _SHORTEST_FOCAL**-2)
    scale = np.sqrt((state, state, 1.0))
    return float(np.linalg.norm(across * scale) / np.linalg.norm(down * scale))


def _sides(corners: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """The upper and the left side in space, but for one common factor: x and y times the focal length, and depth.

    Args:
        corners: (4, 2) in any unit from the camera's axis, from the top left, clockwise; the focal length is in it too.
    """
    top_left, top_right, bottom_right, bottom_left = np.column_stack((corners, np.ones(4)))
    k2 = np.dot(np.cross(top_left, bottom_right), bottom_left) / np.dot(np.cross(top_right, bottom_right), bottom_left)
    k3 = np.dot(np.cross(top_left, bottom_right), top_right) / np.dot(np.cross(bottom_left, bottom_right), top_right)
    return k2 * top_right - top_left, k3 * bottom_left - top_left


def even_light(
    grey: FloatArray, colour: ByteArray, strength: float, opaque: BoolArray | None = None
) -> tuple[FloatArray, ByteArray]:
    """Lift what lies in the dark and dim what is bright, over wide areas alone; what lies beside the panel stays.

    Args:
        grey: (H, W).
        colour: (H, W, 3).
        strength: 0 as it is, 1 as bright everywhere.
        opaque: (H, W), where a cut-out shows something; None where nothing is transparent.
    """
    box = find_box(grey, opaque)
    part, shown = grey[box], find_shown(grey, box, opaque)
    exact = opaque is not None
    found = at_size(shown if exact else find_panel(part, shown=shown), part, exact=exact)
    panel = np.zeros(grey.shape, bool)
    panel[box] = True if found is None else found
    sigma = _LIGHT_SIGMA * extent(grey.shape)
    light = lowpass(grey * panel, sigma) / np.maximum(lowpass(panel.astype(np.float32), sigma), 1e-3)
    usual = float(light[panel].mean())
    gain = np.clip(usual / np.maximum(light, 1e-3), 1 / _MOST_GAIN, _MOST_GAIN) ** np.float32(strength)
    gain[~panel] = 1.0
    brighter = np.clip(np.rint(colour * gain[..., None]), 0, 255).astype(np.uint8)
    return np.clip(grey * gain, 0.0, 1.0).astype(np.float32, copy=False), brighter


def remove_dust(
    grey: FloatArray, colour: ByteArray, strength: float, opaque: BoolArray | None = None
) -> tuple[FloatArray, ByteArray]:
    """Fill specks and scratches from their surroundings; what lies beside a cut-out stays, and tells nothing of it.

    Args:
        grey: (H, W).
        colour: (H, W, 3).
        strength: 0 to 1: how faint a speck is still taken for dust.
        opaque: (H, W), where a cut-out shows something; None where nothing is transparent.
    """
    seen = grey if opaque is None else continued(grey, opaque)
    cover = find_dust(without_screen(seen), strength)  # a print's dots are no dust
    if opaque is not None:
        cover[~opaque] = 0
    if not cover.any():
        return grey, colour
    levels, shown = np.rint(seen * 255).astype(np.uint8), colour
    if opaque is not None:
        shown = np.dstack([np.rint(continued(colour[..., k].astype(np.float32), opaque)) for k in range(3)])
        shown = shown.astype(np.uint8)
    filled = cv2.inpaint(levels, cover, 3, cv2.INPAINT_TELEA).astype(np.float32) / 255
    coloured = cv2.inpaint(shown, cover, 3, cv2.INPAINT_TELEA)
    return np.where(cover > 0, filled, grey), np.where(cover[..., None] > 0, coloured, colour)


def find_dust(grey: FloatArray, strength: float) -> ByteArray:
    """(H, W) uint8, not 0 where a small or thin thing is far brighter or darker than all around it.

    It is looked for in the photograph, and in halves of it where it is large, as the scratch of a large scan is wide.
    """
    cover = _dust_of_size(np.rint(grey * 255).astype(np.uint8), strength)
    rows, columns = grey.shape
    if extent(grey.shape) >= 2 * _DUST_PX:
        half = cv2.resize(grey, (columns // 2, rows // 2), interpolation=cv2.INTER_AREA)
        wider = find_dust(np.asarray(half, np.float32), strength)
        larger = np.asarray(cv2.resize(wider, grey.shape[::-1], interpolation=cv2.INTER_NEAREST), np.uint8)
        cover = np.maximum(cover, larger)
    return cover


def _dust_of_size(levels: ByteArray, strength: float) -> ByteArray:
    """As `find_dust`, where it is less than half as wide as the median's window."""
    size = extent(levels.shape)
    aside = np.asarray(cv2.absdiff(levels, cv2.medianBlur(levels, _DUST_WINDOW_PX)), np.float32)
    # Rough stone is no dust: what stands out is told against how restless the neighbourhood is.
    restless = np.sqrt(lowpass(np.square(np.minimum(aside, 40.0), dtype=np.float32), size / 40))
    marked = (aside > np.maximum(6.0 * restless, 12.0) * (2.0 - 1.4 * strength)).astype(np.uint8)
    count, places, stats, _ = cv2.connectedComponentsWithStats(marked, connectivity=8)
    sides, area = stats[:, 2:4].max(axis=1), stats[:, cv2.CC_STAT_AREA]
    speck = sides <= max(_SPECK * size, 3)
    length = np.hypot(stats[:, 2], stats[:, 3])
    scratch = (length > _SCRATCH_LENGTH * size) & (area < _SCRATCH_WIDTH_PX * length)
    dust = speck | scratch
    dust[0] = False  # the picture itself
    cover = dust[places].astype(np.uint8)
    return np.asarray(cv2.dilate(cover, np.ones((3, 3), np.uint8)), np.uint8)
