"""The one bridge between arrays and Blender's data: meshes, attributes, materials, images.

Convention:
    A `ReliefMesh` has x right, y up, z to the viewer; Blender's object X right, Z up and the carving facing -Y. Hence
    (x, y, z) becomes (x, -z, y), a rotation, so faces keep their winding.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import bpy

from .material import fill_material

if TYPE_CHECKING:
    import numpy.typing as npt
    from mathutils import Matrix

    from ..inference.meshing import ReliefMesh
    from .reconstruction import Reconstruction

COLLECTION = "Relief"
PHOTO_SHA256, WEIGHTS, SETTINGS = "relief_photo_sha256", "relief_weights", "relief_settings"


def is_relief(object_: bpy.types.Object | None) -> bool:
    """Whether an object was made by `create_relief`."""
    return object_ is not None and object_.type == "MESH" and PHOTO_SHA256 in object_


def create_relief(result: Reconstruction, scene: bpy.types.Scene, matrix: Matrix) -> bpy.types.Object:
    """A textured object in the collection "Relief" of ``scene``; where that fails, nothing of it stays."""
    from ..inference.texture import encode_texture

    name = result.photo.name
    with _removed_on_error() as made:
        image = bpy.data.images.new(name, 8, 8)
        made.append(image)
        texture = encode_texture(result.photo.colour)
        image.pack(data=texture, data_len=len(texture))
        image.source = "FILE"
        image.colorspace_settings.name = "sRGB"
        material = bpy.data.materials.new(name)
        made.append(material)
        fill_material(material, image)
        mesh = bpy.data.meshes.new(name)
        made.append(mesh)
        _fill_mesh(mesh, result.mesh)
        mesh.materials.append(material)
        object_ = bpy.data.objects.new(name, mesh)
        made.append(object_)
        object_.matrix_world = matrix
        _note_origin(object_, result.photo.sha256, result.prediction.weights, result.settings)
        _collection(scene).objects.link(object_)
    return object_


def update_relief(object_: bpy.types.Object, relief: ReliefMesh, settings: dict[str, float]) -> None:
    """Move the vertices of a relief in place; its faces are made anew only where the grid changed."""
    mesh = object_.data
    if len(mesh.vertices) == len(relief.vertices) and len(mesh.polygons) == len(relief.faces):
        _write_vertices(mesh, relief)
        mesh.update()
    else:
        mesh.clear_geometry()
        _fill_mesh(mesh, relief)
    object_[SETTINGS] = json.dumps(settings)


def _fill_mesh(mesh: bpy.types.Mesh, relief: ReliefMesh) -> None:
    """Give an empty mesh the vertices, faces, UVs and attributes of a relief; without validate(), they are sound."""
    import numpy as np

    faces = np.ascontiguousarray(relief.faces, dtype=np.int32)
    mesh.vertices.add(len(relief.vertices))
    mesh.loops.add(faces.size)
    mesh.polygons.add(len(faces))
    mesh.attributes[".corner_vert"].data.foreach_set("value", faces.ravel())
    mesh.polygons.foreach_set("loop_start", np.arange(0, faces.size, 4, dtype=np.int32))
    corner_uvs = np.ascontiguousarray(relief.uvs[faces.ravel()], dtype=np.float32)
    mesh.uv_layers.new(name="UVMap", do_init=False).uv.foreach_set("vector", corner_uvs.ravel())
    _write_vertices(mesh, relief)
    mesh.update(calc_edges=True)


def _write_vertices(mesh: bpy.types.Mesh, relief: ReliefMesh) -> None:
    import numpy as np

    x, y, z = relief.vertices.T
    positions = np.stack((x, -z, y), axis=1).astype(np.float32, copy=False)
    mesh.attributes["position"].data.foreach_set("vector", positions.ravel())
    _write_attribute(mesh, "height", "FLOAT", relief.height)
    _write_attribute(mesh, "soft_edge", "INT", relief.soft_edge)
    _write_attribute(mesh, "segment", "INT", relief.segment)
    _write_attribute(mesh, "confidence", "FLOAT", relief.confidence)


def _write_attribute(mesh: bpy.types.Mesh, name: str, type_: str, values: npt.NDArray[Any] | None) -> None:
    import numpy as np

    if values is None:
        return
    attribute = mesh.attributes.get(name) or mesh.attributes.new(name, type_, "POINT")
    attribute.data.foreach_set(
        "value", np.ascontiguousarray(values, dtype=np.float32 if type_ == "FLOAT" else np.int32)
    )


def _note_origin(object_: bpy.types.Object, photo_sha256: str, weights: str, settings: dict[str, float]) -> None:
    """A file from last year says how it was made."""
    object_[PHOTO_SHA256], object_[WEIGHTS], object_[SETTINGS] = photo_sha256, weights, json.dumps(settings)


def _collection(scene: bpy.types.Scene) -> bpy.types.Collection:
    collection = scene.collection.children.get(COLLECTION)
    if collection is None:
        collection = bpy.data.collections.get(COLLECTION) or bpy.data.collections.new(COLLECTION)
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
