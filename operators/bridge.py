"""The one bridge between arrays and Blender's data: meshes, attributes, materials, images.

Convention:
    A `ReliefMesh` has x right, y up, z to the viewer; Blender's object X right, Z up and the carving facing -Y. Hence
    (x, y, z) becomes (x, -z, y), a rotation, so faces keep their winding.
"""

from __future__ import annotations

import itertools
import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import bpy

from ..inference.errors import ReliefError
from .material import CONTENT, PAINT, content_of, fill_material, named_by_content, pack_as_file, wear_detail

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt
    from mathutils import Matrix

    from ..inference.meshing import ReliefMesh
    from .reconstruction import Reconstruction

COLLECTION = "Relief"
PHOTO_SHA256, WEIGHTS, SETTINGS = "relief_photo_sha256", "relief_weights", "relief_settings"
GRID, PREPARATION, PHOTO_NAME = "relief_grid", "relief_preparation", "relief_photo"
OPAQUE = "relief_opaque"
"""Stands on the picture that a relief wears, which has no alpha: where its photograph shows something, if it was cut
out. Of an object's own bytes exporters would make text; Alembic's ends Blender at a NUL."""
SIZE_PX = "relief_size_px"
"""Rows and columns of the map from edge to edge of which a relief's vertices run."""
MOST_ASIDE = 0.01
"""Where half of the vertices lie further aside than this, relative to the panel's width, nobody sculpted that."""
LEAST_DEEPENED, MOST_BESIDE = 0.05, 0.001
"""Where the depth grew by more than such a share, and nothing lies beside that by a part of the way, it was scaled."""
MADE_ANEW = {"position", "height", "soft_edge", "segment", "confidence", PAINT}
MADE_ANEW |= {".edge_verts", ".corner_vert", ".corner_edge"}
"""Attributes that another grid has too."""
PASSING = (".select_", ".hide_", ".uv_select_", ".vs.", ".es.", ".pn.", ".sculpt_dyntopo_", ".sculpt_persistent_")
"""How attributes begin that say only what is selected and hidden, and from where a brush began."""
PLAIN = {"sharp_face", "sharp_edge", "uv_seam", ".uv_seam", "crease_edge", "crease_vert", ".sculpt_mask"}
PLAIN |= {".sculpt_face_set", "bevel_weight_edge", "bevel_weight_vert", "freestyle_edge", "freestyle_face"}
"""Attributes of Blender's that say nothing where they are nothing all over."""
ALIKE = {".sculpt_face_set", "sharp_face"}
"""Those of which nothing is lost where they are the same all over: one face set is none, and flat faces stay flat."""
LEAST_UNFOLDED = 1e-5
"""UVs moved by less were not moved by hand but rounded."""
LEAST_SCULPTED = 1e-5
"""Vertices moved by less, relative to the panel's width, were not moved by hand but rounded."""

_finest: dict[tuple[int, tuple[int, int]], tuple[list[Any], list[Any]]] = {}
"""Of each mesh that had another grid before, by its session_uid and its present grid, to which undo may return: what
was made by hand on its finest grid, and what became of that on the present one. Else Vertices, dragged to and fro,
would blur it."""
MOST_GRIDS = 8
"""So many of a mesh are remembered, the last ones."""


def is_relief(object_: bpy.types.Object | None) -> bool:
    """Whether an object was made by `create_relief`."""
    made = object_ is not None and object_.type == "MESH"
    return made and all(name in object_ for name in (PHOTO_SHA256, WEIGHTS, SETTINGS))


def locked(object_: bpy.types.Object) -> str | None:
    """Why a relief's vertices would not move, or not stay moved; None where they would."""
    # What is written on an override is lost with the session.
    if any(part.library is not None or part.override_library is not None for part in (object_, object_.data)):
        return "This relief is linked from another file. Make object and data local first"
    if object_.data.shape_keys is not None:
        return "This relief has shape keys, which would stay as they are. Remove them first"
    if in_another_mode(object_):
        return "Leave Edit, Sculpt or Paint Mode first"
    if not has_its_grid(object_):
        return "This relief was remeshed or cut by hand, which refining would lose. Reconstruct it anew"
    return None


def in_another_mode(object_: bpy.types.Object) -> bool:
    """Whether a relief's mesh is edited, sculpted or painted through a linked duplicate, but for its corrections."""
    mesh = object_.data
    return mesh.users > 1 and any(o.mode not in ("OBJECT", "VERTEX_PAINT") for o in sharers(mesh) if o != object_)


def off_grid(object_: bpy.types.Object | None) -> str | None:
    """Why nothing can be tied to the grid of a relief; None where it can."""
    if not is_relief(object_):
        return "Select a relief that has not been remeshed"
    return locked(object_)


def create_relief(
    result: Reconstruction, scene: bpy.types.Scene, matrix: Matrix, texture_px: int | None = None
) -> bpy.types.Object:
    """A textured object in the collection "Relief" of ``scene``; where that fails, nothing of it stays.

    ``texture_px`` is the most that the photograph it wears may have on the longer side.
    """
    from ..inference.photo import encode_opaque
    from ..inference.texture import encode_texture

    name = result.photo.name
    with _removed_on_error() as made:
        texture = encode_texture(result.photo.colour, texture_px)
        image = bpy.data.images.new(named_by_content(name, texture), 8, 8)
        made.append(image)
        pack_as_file(image, texture, ".jpg")
        image[PHOTO_NAME] = name
        if result.photo.opaque is not None:
            image[OPAQUE] = encode_opaque(result.photo.opaque)
        with suppress(TypeError):  # a studio's colours may know none of that name; bytes are shown as such anyway
            image.colorspace_settings.name = "sRGB"
        material = bpy.data.materials.new(name)
        made.append(material)
        fill_material(material, image)
        made += filter(None, [wear_detail(material, result.detail)])
        mesh = bpy.data.meshes.new(name)
        made.append(mesh)
        _fill_mesh(mesh, result.mesh)
        mesh.materials.append(material)
        object_ = bpy.data.objects.new(name, mesh)
        made.append(object_)
        object_.matrix_world = matrix
        _note_origin(object_, result.photo.sha256, result.prediction.weights, result.settings)
        object_[GRID], object_[SIZE_PX], object_[PHOTO_NAME] = result.mesh.grid, result.mesh.size_px, name
        if result.detail is not None:
            mesh[CONTENT] = content_of(result.detail)
        if result.preparation:
            object_[PREPARATION] = json.dumps(result.preparation)
        _collection(scene).objects.link(object_)
    return object_


def unpack_photo(object_: bpy.types.Object, own: Path | None = None) -> None:
    """Keep a new relief's photograph out of the .blend; no file is overwritten.

    Args:
        own: the artist's file, if Blender shows it alike; without it a copy goes into the folder textures.

    Raises:
        ReliefError: the copy cannot be written; the photograph stays packed.
    """
    image = object_.active_material.node_tree.nodes["photo"].image
    if own is not None:
        image.filepath_raw = linked(own)
        image.unpack(method="REMOVE")
        return
    name = file_name(image.name)
    numbers = itertools.chain([""], (f"_{n}" for n in itertools.count(2)))
    free = (f"//textures/{name}{number}.jpg" for number in numbers)
    packed_as, data = image.filepath_raw, image.packed_file.data
    image.filepath_raw = next(path for path in free if not os.path.exists(bpy.path.abspath(path)))
    try:
        image.unpack(method="WRITE_LOCAL")
    except RuntimeError as error:
        image.filepath_raw = packed_as
        image.pack(data=data, data_len=len(data))  # Blender has let go of it by now
        raise ReliefError(
            "The photograph stays inside the .blend: beside it, textures cannot be written. Make room or mend rights."
        ) from error


def file_name(name: str) -> str:
    """A name that every system takes for a file's, and for nothing above its folder, of anything named anyhow."""
    kept = re.sub(r'[\\/:*?"<>|\x00-\x1f]', "_", name)
    return os.fsencode(kept)[:200].decode("utf-8", "ignore").strip(" .") or "photograph"


def linked(file: Path) -> str:
    """The path by which a .blend remembers a file, as the preferences say."""
    if bpy.data.is_saved and bpy.context.preferences.filepaths.use_relative_paths:
        with suppress(ValueError):  # on another drive of Windows
            return bpy.path.relpath(str(file))
    return str(file)


def grid_of(object_: bpy.types.Object) -> tuple[int, int]:
    """Rows and columns of a relief's vertices; (0, 0) where a format kept none or made a text of them, as FBX."""
    pair = object_.get(GRID)
    if getattr(pair, "typecode", "") != "i" or len(pair) != 2:
        return 0, 0
    rows, columns = pair
    return rows, columns


def has_its_grid(object_: bpy.types.Object) -> bool:
    """Whether a relief has as many vertices and faces as it was made with; the vertices may have been moved."""
    (rows, columns), mesh = grid_of(object_), object_.data
    return (len(mesh.vertices), len(mesh.polygons)) == (rows * columns, (rows - 1) * (columns - 1))


def update_relief(object_: bpy.types.Object, relief: ReliefMesh, settings: dict[str, float]) -> None:
    """Move the vertices of a relief in place; its faces are made anew only where the grid changed.

    What was sculpted stays, as an offset from the surface that was solved, and so does the paint. Objects that share
    the mesh, as linked duplicates do, learn what it was made with too.

    Raises:
        ReliefError: its vertices were scaled or turned all together, or it has what another grid would lose.
    """
    from ..inference.meshing import resampled

    mesh = object_.data
    by_hand, paint = sculpted(object_, settings["width_m"]), read_paint_colours(object_)
    # A photograph turned on its side has as many vertices and faces, but others.
    alike = (len(mesh.vertices), len(mesh.polygons)) == (len(relief.vertices), relief.face_count)
    if alike and grid_of(object_) == relief.grid:
        _write_vertices(mesh, relief, by_hand)
        mesh.update()
    else:
        if needs_its_grid(object_):
            raise ReliefError(
                "Another number of vertices would lose this relief's multiresolution, vertex groups, UV maps, face "
                "sets or other attributes. Set Vertices back, or remove those from a copy."
            )
        width_m = settings["width_m"]
        finest = _on_finest_grid(object_, [None if by_hand is None else by_hand / width_m, paint])
        by_hand, paint = present = [None if f is None else resampled(f, relief.grid) for f in finest]
        relief.complete()  # before anything is cleared: there may be too little memory for it
        flat = mesh.polygons[0].use_smooth is False
        uv_map = mesh.uv_layers[0].name if mesh.uv_layers else "UVMap"
        mesh.clear_geometry()
        _fill_mesh(mesh, relief, None if by_hand is None else by_hand * width_m)
        mesh.uv_layers[0].name = uv_map
        if flat:
            mesh.shade_flat()
        if paint is not None:
            write_paint_colours(object_, paint)
        _finest.pop((mesh.session_uid, relief.grid), None)  # the last comes last
        if any(made is not None for made in finest):
            _finest[mesh.session_uid, relief.grid] = finest, present
        alive = {other.session_uid for other in bpy.data.meshes}
        own = [key for key in _finest if key[0] == mesh.session_uid]
        for key in [key for key in _finest if key[0] not in alive] + own[:-MOST_GRIDS]:
            del _finest[key]
    for sharer in sharers(mesh):
        sharer[SETTINGS], sharer[GRID], sharer[SIZE_PX] = json.dumps(settings), relief.grid, relief.size_px


def _on_finest_grid(object_: bpy.types.Object, made: list[Any]) -> list[Any]:
    """What was made by hand, relative to the panel's width, and the paint, from before the mesh got a coarser grid.

    Where something else was made since, it is that; Blender rounds both a little.
    """
    known = _finest.get((object_.data.session_uid, grid_of(object_)))
    if known is None:
        return made
    return [_carried(*each) for each in zip(made, *known, (LEAST_SCULPTED, 1 / 255), strict=True)]


def _carried(
    now: npt.NDArray[np.float32] | None,
    finest: npt.NDArray[np.float32] | None,
    then: npt.NDArray[np.float32] | None,
    off: float,
) -> npt.NDArray[np.float32] | None:
    """What is there now, and where it is what became of the finest, that; all (rows, columns, 3), None is zeros."""
    from ..inference.meshing import resampled

    if finest is None or then is None or (now is not None and now.shape != then.shape):
        return now
    changed = abs(then if now is None else now - then).max(axis=2) >= off
    if not changed.any():
        return finest
    if now is None or changed.all():
        return now
    grid = max(finest.shape[:2], now.shape[:2])  # it may have got more vertices since
    anew = resampled(changed[..., None].repeat(3, axis=2).astype("float32"), grid)
    before: npt.NDArray[np.float32] = resampled(finest, grid)
    return before + (resampled(now, grid) - before) * anew


@bpy.app.handlers.persistent
def forget_finest(*_: object) -> None:
    """Before another file is opened: let go of what was kept for the grids of this one's reliefs."""
    _finest.clear()


def finest_paint(object_: bpy.types.Object) -> npt.NDArray[np.float32] | None:
    """The same as `read_paint_colours`, from before the relief got a coarser grid, unless it was painted since."""
    paint: npt.NDArray[np.float32] | None = _on_finest_grid(object_, [None, read_paint_colours(object_)])[1]
    return paint


def needs_its_grid(object_: bpy.types.Object) -> bool:
    """Whether an artist gave a relief's mesh what hangs on each of its vertices."""
    mesh, (rows, columns) = object_.data, grid_of(object_)
    edges = len(mesh.edges) != rows * (columns - 1) + columns * (rows - 1)
    normals = mesh.has_custom_normals  # before Blender 4.5 they are no attribute
    multires = any(modifier.type == "MULTIRES" for sharer in sharers(mesh) for modifier in sharer.modifiers)
    groups = any(sharer.vertex_groups for sharer in sharers(mesh))
    hangs = edges or normals or multires or groups or len(mesh.uv_layers) > 1
    return hangs or any(map(_is_artists, mesh.attributes)) or _unfolded(mesh, (rows, columns))


def _unfolded(mesh: bpy.types.Mesh, grid: tuple[int, int]) -> bool:
    """Whether an artist moved a relief's UVs, as into an atlas."""
    import numpy as np

    rows, columns = grid
    if not mesh.uv_layers:
        return False
    corners, uvs = _corners(mesh), np.empty((len(mesh.loops), 2), np.float32)
    mesh.uv_layers[0].uv.foreach_get("vector", uvs.ravel())
    # From where `ReliefMesh` has them.
    uvs[:, 0] -= (np.arange(columns) / (columns - 1)).astype(np.float32)[corners % columns]
    uvs[:, 1] -= (1.0 - np.arange(rows) / (rows - 1)).astype(np.float32)[corners // columns]
    return max(float(uvs.max()), -float(uvs.min())) > LEAST_UNFOLDED


def _corners(mesh: bpy.types.Mesh) -> npt.NDArray[np.int32]:
    """The vertices at the corners of all faces."""
    import numpy as np

    corners = np.empty(len(mesh.loops), np.int32)
    mesh.attributes[".corner_vert"].data.foreach_get("value", corners)
    return corners


def _is_artists(attribute: bpy.types.Attribute) -> bool:
    """Whether an attribute of a relief's mesh would be lost with its grid, and missed."""
    import numpy as np

    name, kind = attribute.name, {"FLOAT": np.float32, "INT": np.int32, "BOOLEAN": np.bool_}.get(attribute.data_type)
    if name in MADE_ANEW or name in attribute.id_data.uv_layers or name.startswith(PASSING):
        return False
    if attribute.data_type == "BYTE_COLOR" and attribute.domain == "CORNER":  # Vertex Paint Mode makes a white one
        colours = np.empty((len(attribute.data), 4), np.float32)
        attribute.data.foreach_get("color", colours.ravel())
        return bool((colours != 1.0).any())
    if kind is None or not (name in PLAIN or name == "material_index"):
        return True
    values = np.zeros(len(attribute.data), kind)
    attribute.data.foreach_get("value", values)
    return bool((values != values[:1]).any()) if name in ALIKE else bool(values.any())


def sharers(mesh: bpy.types.Mesh) -> list[bpy.types.Object]:
    """The objects that have this mesh: several are linked duplicates of each other."""
    return [object_ for object_ in bpy.data.objects if object_.data == mesh]


def settings_of(object_: bpy.types.Object) -> dict[str, float]:
    """The settings that a relief was last made with, by name."""
    settings: dict[str, float] = json.loads(object_[SETTINGS])
    return settings


def read_paint_colours(object_: bpy.types.Object) -> npt.NDArray[np.float32] | None:
    """The colours painted on a relief, (rows, columns, 3) float32 sRGB, or None where nothing was ever painted."""
    import numpy as np

    mesh, (rows, columns) = object_.data, grid_of(object_)
    attribute = mesh.color_attributes.get(PAINT)
    if attribute is None or len(mesh.vertices) != rows * columns:
        return None
    colours = np.empty((len(attribute.data), 4), np.float32)
    attribute.data.foreach_get("color_srgb", colours.ravel())
    if attribute.domain == "CORNER":  # converted by hand
        of_corners, colours = colours, np.empty((rows * columns, 4), np.float32)
        colours[_corners(mesh)] = of_corners
    return np.ascontiguousarray(colours[:, :3]).reshape(rows, columns, 3)


def write_paint_colours(object_: bpy.types.Object, colours: npt.NDArray[np.float32]) -> None:
    """Give a relief these colours, (rows, columns, 3) float32 sRGB, as the attribute that is painted on."""
    import numpy as np

    layers = object_.data.color_attributes
    attribute = layers.get(PAINT)
    if attribute is not None and attribute.domain != "POINT":
        layers.remove(attribute)
        attribute = None
    attribute = attribute or layers.new(PAINT, "BYTE_COLOR", "POINT")
    opaque = np.concatenate((colours, np.ones((*colours.shape[:2], 1), np.float32)), axis=2)
    attribute.data.foreach_set("color_srgb", opaque.ravel())
    layers.active_color = attribute


def read_mask(object_: bpy.types.Object) -> npt.NDArray[np.float32] | None:
    """The relief's mask, (H, W) float32, 1 where white and opaque, row 0 at the top; None where it has none.

    Raises:
        ReliefError: the picture cannot be read, or is not a single one.
    """
    import numpy as np

    image = object_.relief_mask
    if image is None:
        return None
    if image.source not in {"FILE", "GENERATED"}:
        raise ReliefError(f"{image.name} is a movie, a sequence or a tiled image. Open a single image instead.")
    columns, rows = image.size
    if rows * columns == 0:
        raise ReliefError(f"The mask {image.name} cannot be read. Open it again, or choose no mask.")
    pixels = np.empty((rows * columns, 4), np.float32)
    image.pixels.foreach_get(pixels.ravel())
    # A product of matrices: at every move of a slider a mean would take several times as long.
    grey, alpha = pixels @ np.array((1 / 3, 1 / 3, 1 / 3, 0.0), np.float32), pixels[:, 3]
    if image.is_float and image.colorspace_settings.name == "sRGB" and image.file_format != "OPEN_EXR":
        # A file of 16 bits, whose colours Blender holds linear and multiplied by their alpha.
        if image.alpha_mode != "CHANNEL_PACKED":
            grey /= np.maximum(alpha, 1e-6)
        curved = 1.055 * np.maximum(grey, 0.0031308) ** (1 / 2.4) - 0.055
        grey = np.where(grey <= 0.0031308, 12.92 * grey, curved).clip(0.0, 1.0)
    return np.ascontiguousarray((grey * alpha).clip(0.0, 1.0).reshape(rows, columns)[::-1])


def sculpted(object_: bpy.types.Object, width_m: float) -> npt.NDArray[np.float32] | None:
    """How far the vertices were moved by hand, (rows, columns, 3) float32 for a panel of this width, or None.

    Raises:
        ReliefError: they were scaled or turned all together.
    """
    import numpy as np

    from ..inference.meshing import places

    mesh, (rows, columns) = object_.data, grid_of(object_)
    heights = mesh.attributes.get("height")
    if heights is None or len(mesh.vertices) != rows * columns:
        return None
    settings = settings_of(object_)
    x, z = places((rows, columns), tuple(object_[SIZE_PX]), settings["width_m"])
    moved = np.empty((rows, columns, 3), np.float32)
    mesh.attributes["position"].data.foreach_get("vector", moved.ravel())
    height = np.empty((rows, columns), np.float32)
    heights.data.foreach_get("value", height.ravel())
    height *= np.float32(settings["depth_m"])
    # From where `build_mesh` stood them, in Blender's frame.
    moved[..., 0] -= x
    moved[..., 1] += height
    moved[..., 2] -= z[:, None]
    step = max(min(rows, columns) // 64, 1)
    some = moved[::step, ::step]
    middle = np.median(some, (0, 1))
    beside = np.abs(some - middle)  # another origin is no harm
    aside = np.median(beside[..., ::2].max(2)) > MOST_ASIDE * settings["width_m"]
    if aside or _is_deepened(height[::step, ::step], some[..., 1]):
        raise ReliefError(
            "The scale or the rotation of this relief was applied to its vertices. Undo that, or reconstruct it anew."
        )
    if max(moved.max(), -moved.min()) < LEAST_SCULPTED * settings["width_m"]:
        return None
    # Where most of them are, which is how far the origin was moved; that stays so at every width.
    rounded = np.median(beside, (0, 1)) < LEAST_SCULPTED * (settings["width_m"] + np.abs(middle))
    origin = np.where(rounded, middle, np.float32(0.0))
    moved -= origin
    moved *= np.float32(width_m / settings["width_m"])
    moved += origin
    return moved


def _is_deepened(depth: npt.NDArray[np.float32], moved: npt.NDArray[np.float32]) -> bool:
    """Whether vertices were moved in proportion to how far they stand out and by nothing else, which no hand does."""
    import numpy as np

    depth, moved = depth - depth.mean(dtype=np.float64), moved - moved.mean(dtype=np.float64)
    share = (depth * moved).sum() / max((depth * depth).sum(), 1e-30)
    return bool(abs(share) > LEAST_DEEPENED and np.ptp(moved - share * depth) < MOST_BESIDE * np.ptp(moved))


def _fill_mesh(mesh: bpy.types.Mesh, relief: ReliefMesh, by_hand: npt.NDArray[np.float32] | None = None) -> None:
    """Give an empty mesh the vertices, faces, UVs and attributes of a relief; without validate(), they are sound."""
    import numpy as np

    faces = np.ascontiguousarray(relief.faces, dtype=np.int32)
    mesh.vertices.add(len(relief.vertices))
    mesh.loops.add(faces.size)
    mesh.polygons.add(len(faces))
    mesh.attributes[".corner_vert"].data.foreach_set("value", faces.ravel())
    mesh.polygons.foreach_set("loop_start", np.arange(0, faces.size, 4, dtype=np.int32))
    _write_uvs(mesh.uv_layers.new(name="UVMap", do_init=False), relief, faces.ravel())
    _write_vertices(mesh, relief, by_hand)
    write_classes(mesh, relief)
    mesh.update(calc_edges=True)


def _write_uvs(layer: bpy.types.MeshUVLoopLayer, relief: ReliefMesh, corners: npt.NDArray[np.int32]) -> None:
    """Give the corners of faces, which are at these vertices, the UVs of a relief."""
    import numpy as np

    layer.uv.foreach_set("vector", np.ascontiguousarray(relief.uvs[corners], dtype=np.float32).ravel())


def write_classes(mesh: bpy.types.Mesh, relief: ReliefMesh) -> None:
    """Give the vertices what the network says of them beside their height."""
    _write_attribute(mesh, "soft_edge", "INT", relief.soft_edge)
    _write_attribute(mesh, "segment", "INT", relief.segment)
    _write_attribute(mesh, "confidence", "FLOAT", relief.confidence)


def _write_vertices(mesh: bpy.types.Mesh, relief: ReliefMesh, by_hand: npt.NDArray[np.float32] | None = None) -> None:
    import numpy as np

    x, y, z = relief.vertices.T
    positions = np.stack((x, -z, y), axis=1).astype(np.float32, copy=False)
    if by_hand is not None:
        positions += by_hand.reshape(-1, 3)
    mesh.vertices.foreach_set("co", positions.ravel())  # through the attribute Blender keeps the bounds of before
    _write_attribute(mesh, "height", "FLOAT", relief.height)


def _write_attribute(mesh: bpy.types.Mesh, name: str, type_: str, values: npt.NDArray[Any]) -> None:
    import numpy as np

    attribute = mesh.attributes.get(name) or mesh.attributes.new(name, type_, "POINT")
    attribute.data.foreach_set(
        "value", np.ascontiguousarray(values, dtype=np.float32 if type_ == "FLOAT" else np.int32)
    )


def _note_origin(object_: bpy.types.Object, photo_sha256: str, weights: str, settings: dict[str, float]) -> None:
    """A file from last year says how it was made."""
    object_[PHOTO_SHA256], object_[WEIGHTS], object_[SETTINGS] = photo_sha256, weights, json.dumps(settings)


def _collection(scene: bpy.types.Scene) -> bpy.types.Collection:
    """The scene's own collection "Relief", "Relief.001" where another scene or a linked file has that name."""
    for child in scene.collection.children:
        if child.name.partition(".")[0] == COLLECTION and child.library is None and child.override_library is None:
            return child
    collection = bpy.data.collections.new(COLLECTION)
    scene.collection.children.link(collection)
    return collection


@contextmanager
def _removed_on_error() -> Iterator[list[bpy.types.ID]]:
    made: list[bpy.types.ID] = []
    try:
        yield made
    except BaseException:
        bpy.data.batch_remove(made)
        raise
