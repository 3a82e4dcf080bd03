"""Where a relief stands: upright at a point, or in the place of a reference empty."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import bpy
from mathutils import Matrix, Vector

from ..inference.errors import ReliefError

ROW_GAP = 0.1
"""Between the reliefs of a row, relative to their width."""
SAME = 0.01
"""Reliefs nearer to each other than this, relative to their width, would hide each other."""
ALIKE = 0.99
"""Cosine of how far two reliefs of a row are turned from each other at most."""

LEAST_SCALE = 1e-6
"""Of an image's narrower side, relative to the scale of the other."""


@dataclass(frozen=True)
class Placement:
    """Location, rotation and scale of the relief's object.

    Convention:
        The relief's own frame: X right, Z up, the carving faces -Y, origin at the bottom centre of the slab.

    Attributes:
        matrix: 4x4 to world space.
        width_m: width that the mesh must have; None leaves it to the settings.
    """

    matrix: Matrix
    width_m: float | None = None


def place_upright(location: Vector) -> Placement:
    """Upright at ``location``, facing world -Y."""
    return Placement(Matrix.Translation(location))


def step_aside(matrix: Matrix, width_m: float, reliefs: Iterable[bpy.types.Object]) -> Matrix:
    """The same place, or where one stands there the next to its own right that no relief of the row reaches into.

    Where a relief stands is told by its bounds, for an artist may have set its origin anywhere.

    Args:
        matrix: 4x4 to world space of a relief.
        width_m: of the relief.
        reliefs: the others.
    """
    least, to_own = SAME * width_m, matrix.inverted()
    across, taken = [], False
    for relief in reliefs:
        turn = to_own @ relief.matrix_world
        points = zip(*(turn @ Vector(corner) for corner in relief.bound_box), strict=True)
        (left, right), (front, back), (low, high) = ((min(along), max(along)) for along in points)
        origin = turn.translation
        # It faces the same way, and the slab's lower edge lies within it; its bounds may end before its own slab.
        faces, deep = turn.to_3x3().normalized().col[1].y, max(back - front, least)
        within = low - least < 0.0 < high - least and front - deep < 0.0 < back + deep
        if (within and faces > ALIKE) or origin.yz.length < least:
            across.append((left, right))
            taken |= min(abs(left + right) / 2, abs(origin.x)) <= least
    x = 0.0
    while taken:
        ends = [right for left, right in across if left < x + width_m / 2 and right > x - width_m / 2]
        if not ends:
            break
        x = max(ends) + (0.5 + ROW_GAP) * width_m
    return matrix @ Matrix.Translation((x, 0.0, 0.0))


def place_on_reference(
    empty: bpy.types.Object, turns: int = 0, corners: Sequence[tuple[float, float]] = ()
) -> Placement:
    """In the plane of the image that ``empty`` shows, as wide as its panel, the lower edge on the panel's lower edge.

    Args:
        empty: shows an image.
        turns: quarter turns to the left from the image's top, as it is shown, to the photograph's.
        corners: x and y of the panel's corners as parts of the image's width and height, as it is shown, from the top
            left; without them the panel is the whole image.

    Convention:
        An empty shows its image in its local XY plane, y up, facing +z. The longer side of the image is
        ``empty_display_size``; ``empty_image_offset`` is the lower left corner in units of the image's sides. The
        empty's scale across goes into the mesh's width, so that the depth stays in real metres.
    """
    columns, rows = empty.data.size
    size = empty.empty_display_size / max(columns, rows, 1)
    width, height = columns * size, rows * size
    offset_x, offset_y = empty.empty_image_offset
    x, y = zip(*corners, strict=True) if corners else ((0.0, 1.0), (0.0, 1.0))
    middle_x, middle_y = offset_x + (min(x) + max(x)) / 2, offset_y + 1.0 - (min(y) + max(y)) / 2
    middle = Matrix.Translation((middle_x * width, middle_y * height, 0.0))
    width, height = (max(x) - min(x)) * width, (max(y) - min(y)) * height
    turned = Matrix.Rotation(turns * math.pi / 2, 4, "Z")
    if turns % 2:
        width, height = height, width
    bottom = Matrix.Translation((0.0, -height / 2, 0.0))
    stand_up = Matrix.Rotation(-math.pi / 2, 4, "X")  # the relief's Z is the image's y, its -Y the image's +z
    location, rotation, scale = (empty.matrix_world @ middle @ turned @ bottom @ stand_up).decompose()
    across = abs(scale.x)
    if not min(across, abs(scale.z)) > LEAST_SCALE * max(across, abs(scale.z)):  # turned, nothing is no longer 0
        raise ReliefError("The selected reference image is scaled to nothing. Scale it up, then try again.")
    scale = Vector((math.copysign(1.0, scale.x), math.copysign(1.0, scale.y), scale.z / across))
    return Placement(Matrix.LocRotScale(location, rotation, scale), width * across)
