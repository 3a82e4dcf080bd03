"""Small pictures of what the network said of a relief, for the sidebar."""

from __future__ import annotations

from typing import TYPE_CHECKING

import bpy
import bpy.utils.previews

from .bridge import SETTINGS, grid_of
from .material import DOUBTFUL, PAINT, SURE, UNSURE, photograph_of

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

LONGER_PX, ICON_PX = 128, 32

_pictures: list[bpy.utils.previews.ImagePreviewCollection] = []
_drawn: dict[str, object] = {}
"""By a picture's name: what the relief was when it was drawn."""


def icon(relief: bpy.types.Object, view: str) -> int:
    """Number of the icon of one of VIEWS, made when it is first asked for; 0 where there is nothing to show."""
    if view in ("photo", PAINT):
        image = photograph_of(relief)
        return 0 if view == PAINT or image is None else image.preview_ensure().icon_id
    if not _pictures:
        _pictures.append(bpy.utils.previews.new())
    key = f"{relief.data.session_uid} {view}"
    picture = _pictures[0].get(key)
    now = relief[SETTINGS] if view == "height" else grid_of(relief)
    if picture is None or _drawn.get(key) != now:
        colours = thumbnail(relief, view)
        if colours is None:
            return 0
        picture, _drawn[key] = picture or _pictures[0].new(key), now
        rows, columns, _ = colours.shape
        picture.image_size = columns, rows
        picture.image_pixels_float.foreach_set(colours[::-1].ravel())  # icons begin below
        picture.icon_size = ICON_PX, ICON_PX
        picture.icon_pixels_float.foreach_set(small(colours)[::-1].ravel())
    return picture.icon_id


def thumbnail(relief: bpy.types.Object, view: str) -> npt.NDArray[np.float32] | None:
    """A map of the relief, at most LONGER_PX on its longer side.

    Returns:
        (rows, columns, 4) float32 sRGB, 0 to 1, row 0 at the top; None where the relief's grid was changed by hand.
    """
    import numpy as np

    from ..inference.maps import EDGE_PALETTE, SEGMENT_PALETTE

    rows, columns = grid_of(relief)
    attribute = relief.data.attributes.get(view)
    if attribute is None or len(attribute.data) != rows * columns:
        return None
    palette = {"soft_edge": EDGE_PALETTE, "segment": SEGMENT_PALETTE}.get(view)
    values = np.empty((rows, columns), np.float32 if palette is None else np.int32)
    attribute.data.foreach_get("value", values.ravel())
    step = -(-max(rows, columns) // LONGER_PX)
    values = values[::step, ::step]
    if palette is not None:
        colours = palette[values]
    else:
        dark, bright, low = ((0, 0, 0), (255, 255, 255), 0.0) if view == "height" else (UNSURE, SURE, DOUBTFUL)
        share = ((values - low) / (1 - low)).clip(0.0, 1.0)[..., None]
        colours = np.array(dark) * (1 - share) + np.array(bright) * share
    opaque = np.ones((*values.shape, 4), np.float32)
    opaque[..., :3] = colours / np.float32(255)
    return opaque


def small(colours: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """A picture as an icon for menus, (ICON_PX, ICON_PX, 4), in the middle of a transparent square."""
    import numpy as np

    longer = max(colours.shape[:2])
    rows, columns = (max(round(side * ICON_PX / longer), 1) for side in colours.shape[:2])
    down, across = np.arange(rows) * longer // ICON_PX, np.arange(columns) * longer // ICON_PX
    top, left = (ICON_PX - rows) // 2, (ICON_PX - columns) // 2
    square = np.zeros((ICON_PX, ICON_PX, 4), np.float32)
    limits = np.array(colours.shape[:2]) - 1
    square[top : top + rows, left : left + columns] = colours[np.minimum(down, limits[0])][
        :, np.minimum(across, limits[1])
    ]
    return square


def forget(relief: bpy.types.Object) -> None:
    """Have a relief's pictures made anew, once they are drawn again."""
    for key in [key for key in _drawn if key.startswith(f"{relief.data.session_uid} ")]:
        del _drawn[key]


def forget_all() -> None:
    """The same for every relief: undo brings back surfaces of other paint and masks under the same settings."""
    _drawn.clear()


def clear() -> None:
    """Forget all pictures."""
    for pictures in _pictures:
        bpy.utils.previews.remove(pictures)
    _pictures.clear()
    _drawn.clear()
