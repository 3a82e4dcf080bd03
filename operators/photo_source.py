"""Which photographs the operator takes, and as which files on disk."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import bpy
from mathutils import Vector

from ..inference.errors import ReliefError
from .bridge import OPAQUE, PHOTO_NAME, file_name, linked
from .material import photographs_worn
from .placement import ROW_GAP, Placement, place_on_reference, place_upright
from .scene_settings import read_preparation

if TYPE_CHECKING:
    import tempfile

    from ..inference.restoration import Preparation


REFERENCE = "relief_reference"
"""Stands on a relief that was made from an empty, and names it."""


@dataclass(frozen=True)
class PhotoSource:
    """A photograph's file and the place of the relief; the folder, where there is one, goes when this value goes.

    Attributes:
        reference_uid: session_uid of the empty that shows the photograph.
        opaque: where it was cut out, of the picture that a relief wears.
    """

    path: Path
    placement: Placement
    preparation: Preparation | None = None
    folder: tempfile.TemporaryDirectory[str] | None = None
    reference_uid: int | None = None
    opaque: bytes | None = None


def choose_photos(
    context: bpy.types.Context, filepath: str, directory: str, names: Sequence[str], width_m: float
) -> list[PhotoSource]:
    """The files if some are named, else the active image empty's image, else the one chosen in the sidebar.

    The sidebar's is made in the place of an empty where a relief is active that was made from that.

    Args:
        context: of the operator.
        filepath: one file, or "".
        directory: folder of several files.
        names: of the files in it; they stand in a row from the 3D cursor to the right, in this order.
        width_m: of each relief of a row.

    Raises:
        ReliefError: none of these is there, or the image has no still picture.
    """
    cursor = context.scene.cursor.location
    # Of an unsaved file bpy.path.abspath leaves relative ones as they are.
    paths = [Path(os.path.abspath(bpy.path.abspath(directory)), name) for name in names if name] if directory else []
    if not paths and filepath:
        paths = [Path(os.path.abspath(bpy.path.abspath(filepath)))]
    if paths:
        step = Vector(((1.0 + ROW_GAP) * width_m, 0.0, 0.0))
        return [PhotoSource(path, place_upright(cursor + i * step)) for i, path in enumerate(paths)]
    empty = _reference(context)
    if empty is not None:
        image = empty.data
        preparation = read_preparation(image)
        corners = () if preparation is None else preparation.corners
        source = photo_file(image, place_on_reference(empty, image.relief_turns, corners))
        return [replace(source, reference_uid=empty.session_uid)]
    if context.scene.relief.image is not None:
        return [photo_file(context.scene.relief.image, place_upright(cursor))]
    raise ReliefError("No photograph is chosen. Open one in the Relief sidebar, or select a reference image.")


def _reference(context: bpy.types.Context) -> bpy.types.Object | None:
    """The selected reference, or that of the selected relief as long as the sidebar has its photograph."""
    active, sliders = context.view_layer.objects.active, context.scene.relief
    if active is None or sliders.reference(context) is not None:
        return active
    if REFERENCE not in active or sliders.image is None:
        return None
    shown = [o for o in context.scene.objects if o.type == "EMPTY" and o.empty_display_type == "IMAGE"]
    shown = [empty for empty in shown if empty.data == sliders.image]
    named = next((empty for empty in shown if empty.name == active[REFERENCE]), None)
    return shown[0] if named is None and len(shown) == 1 else named  # it may have got another name since


def photo_file(image: bpy.types.Image, placement: Placement | None = None) -> PhotoSource:
    """An image of Blender as a file, with what is to be done to it first.

    Blender shows a photograph as its file stores it, whatever its EXIF says; so corners were picked on that.

    Raises:
        ReliefError: the image has no still picture, its file is gone, or a copy of it cannot be written.
    """
    placement = placement or place_upright(Vector())
    if image.source == "VIEWER":
        raise ReliefError(f"{image.name} is what Blender rendered last. Save it as a file, then choose that.")
    if image.source not in {"FILE", "GENERATED"}:
        raise ReliefError(f"{image.name} is a movie, a sequence or a tiled image. Open a single image instead.")
    path = _file_of(image) if image.filepath else None
    if path is not None and os.path.isfile(path) and image.packed_file is None and not image.is_dirty:
        return PhotoSource(path, placement, _upright(read_preparation(image), path), opaque=image.get(OPAQUE))
    packed = image.packed_file is not None and not image.is_dirty
    if not packed and not image.has_data and image.source != "GENERATED":
        raise ReliefError(
            f"The file of {image.name} is missing: {path}. Find it with File > External Data, or choose another."
        )
    import tempfile  # only here: enabling the extension stays quick

    stem = _file_stem(f"{image[PHOTO_NAME]}.jpg" if PHOTO_NAME in image else path.name if path else image.name)
    try:
        folder = tempfile.TemporaryDirectory(prefix="relief-")
        # The name goes on to the relief, without what follows its last dot; and errors tell it.
        suffix = re.search(r"\.\w{1,8}$", image.filepath_from_user() or image.name)
        copy = Path(folder.name, f"{stem}{suffix[0] if suffix else '.photo'}" if packed else f"{stem}.png")
        if packed:
            copy.write_bytes(image.packed_file.data)
        else:
            _save_png(image, copy)
    except (OSError, RuntimeError) as error:  # Blender's own is of the second kind
        raise ReliefError(
            f"{image.name} could not be copied to the temporary folder: {error}. Make room there, then try again."
        ) from error
    preparation = read_preparation(image)
    preparation = _upright(preparation, copy) if packed else preparation
    return PhotoSource(copy, placement, preparation, folder, opaque=image.get(OPAQUE))


def opened(path: Path) -> bpy.types.Image:
    """A file's image as the artist has opened it, or opened now; none that a relief wears, which has no preparation.

    Raises:
        RuntimeError: Blender's own, where it cannot be opened.
    """
    worn = photographs_worn()
    files = (i for i in bpy.data.images if i.source == "FILE" and i.filepath and not (i.packed_file or i.library))
    shown = (i for i in files if os.path.normpath(bpy.path.abspath(i.filepath)) == os.path.normpath(path))
    image = next((i for i in shown if i not in worn), None)
    if image is None:
        image = bpy.data.images.load(str(path))
        image.filepath_raw = linked(path)
    return image


def _file_stem(name: str) -> str:
    return file_name(os.path.splitext(name.replace("/", "_").replace("\\", "_"))[0])


def _file_of(image: bpy.types.Image) -> Path:
    return Path(bpy.path.abspath(image.filepath_from_user(), library=image.library))


def _turns(image: bpy.types.Image) -> int:
    if image.source != "FILE" or image.is_dirty:
        return 0
    packed = image.packed_file
    path = _file_of(image)
    try:
        file = None if packed else path.stat()
    except OSError:
        return 0
    stored = (image.session_uid, str(path), file.st_mtime_ns if file else 0, file.st_size if file else packed.size)
    if stored not in _known_turns:
        from ..inference.photo import quarter_turns

        try:
            _known_turns[stored] = quarter_turns(packed.data if packed else path.read_bytes(), image.name)
        except (OSError, ReliefError):
            _known_turns[stored] = 0  # whoever reads the photograph tells what is wrong with it
    return _known_turns[stored]


_known_turns: dict[tuple[int, str, int, int], int] = {}
"""By image, path, time and size of its file: asked at every redraw of the light arrow."""
turns_property = bpy.props.IntProperty(
    name="Turns",
    description="Quarter turns to the left from the top of the image, as Blender shows it, to its photograph's",
    get=_turns,
    options={"HIDDEN"},
)


def _upright(preparation: Preparation | None, path: Path) -> Preparation | None:
    """The preparation with its corners where they lie once the file's photograph is turned upright."""
    if preparation is None or not preparation.corners:
        return preparation
    import numpy as np

    from ..inference.photo import upright_points

    corners = upright_points(path, np.array(preparation.corners))
    return replace(preparation, corners=tuple((float(x), float(y)) for x, y in corners))


def _save_png(image: bpy.types.Image, path: Path) -> None:
    """Painted and generated pixels exist in Blender's memory alone, and a plain copy of the image would lack them."""
    import numpy as np

    columns, rows = image.size
    pixels = np.empty((rows * columns, image.channels), np.float32)
    image.pixels.foreach_get(pixels.ravel())
    colours = np.ones((rows * columns, 4), np.float32)
    colours[:, :3] = pixels[:, :3] if image.channels >= 3 else pixels[:, :1]
    if image.channels == 4:
        colours[:, 3] = pixels[:, 3]
    copy = bpy.data.images.new(image.name, columns, rows, alpha=True, float_buffer=image.is_float)
    try:
        # Other floating-point images hold scene-linear values, as a new one does.
        if not image.is_float or image.colorspace_settings.is_data:
            copy.colorspace_settings.name = image.colorspace_settings.name
        copy.alpha_mode = image.alpha_mode
        copy.pixels.foreach_set(colours.ravel())
        copy.file_format = "PNG"
        copy.save(filepath=str(path))
    finally:
        bpy.data.images.remove(copy)
