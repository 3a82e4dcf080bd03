"""The pictures that a model wears: the photograph, and what is finer than its mesh."""

from __future__ import annotations

import cv2
import numpy as np

from .lowpass import resized_height
from .maps import encode, surface_normals
from .meshing import ReliefMesh, at_pixels, vertex_normals
from .prediction import ByteArray, FloatArray
from .settings import MeshSettings

_MOST_PX = 65500
"""Longest side that a JPEG may have."""
_QUALITY = [cv2.IMWRITE_JPEG_QUALITY, 95, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]
DETAIL_PX = 2048
"""Longest side of a normal map: what headsets and phones take."""
FINER = 2.1
"""A normal map is worth its size where it has so many rows to one of the mesh: never with a million vertices."""


def encode_texture(colour: ByteArray, most_px: int | None = None) -> bytes:
    """The upright pixels as a JPEG file: what Blender packs and glTF carries, free of EXIF rotation, alpha and 16 bits.

    Args:
        colour: (H, W, 3) uint8, R G B, row 0 at the top.
        most_px: longest side of the picture; None: what the format takes.
    """
    rows, columns = colour.shape[:2]
    scale = min(most_px or _MOST_PX, _MOST_PX) / max(rows, columns)
    if scale < 1.0:
        size = (max(round(columns * scale), 1), max(round(rows * scale), 1))
        colour = np.asarray(cv2.resize(colour, size, interpolation=cv2.INTER_AREA), np.uint8)
    return encode(".jpg", colour[..., ::-1], _QUALITY)


def detail_size(size_px: tuple[int, ...], grid: tuple[int, int], most_px: int | None = None) -> tuple[int, int] | None:
    """Rows and columns of the normal map of a height map of so many on a grid of so many; None where it wears none."""
    rows, columns = size_px
    scale = min(min(most_px or DETAIL_PX, DETAIL_PX) / max(rows, columns), 1.0)
    size = max(round(rows * scale), 2), max(round(columns * scale), 2)
    return None if size[0] < FINER * grid[0] else size


def encode_detail(
    height: FloatArray, mesh: ReliefMesh, settings: MeshSettings, most_px: int | None = None
) -> bytes | None:
    """What is finer than a mesh: a normal map as a PNG file, with which few vertices are lit like many.

    Convention:
        Tangent space of the mesh, as glTF and Blender have it: red is along u, green along v, blue out of the mesh.

    Args:
        height: (H, W) float32, what the mesh was made of, 0 slab to 1 full depth, row 0 at the top.
        mesh: of all of it, as `meshing.build_mesh` made it.
        settings: that it was made with.
        most_px: longest side of the picture; None, and at most: DETAIL_PX.

    Returns:
        None where the mesh is nearly as fine as the picture would be.
    """
    size = detail_size(height.shape, mesh.grid, most_px)
    if size is None:
        return None
    height_m = np.float32(settings.depth_m) * resized_height(height, size)
    fine = surface_normals(height_m, settings.width_m / size[1])
    normal = at_pixels(vertex_normals(mesh), size)
    normal /= np.linalg.norm(normal, axis=2, keepdims=True)
    x, y, z = np.moveaxis(normal, 2, 0)
    steep = np.hypot(x, z)
    along_u = (z * fine[..., 0] - x * fine[..., 2]) / steep
    along_v = steep * fine[..., 1] - y * (x * fine[..., 0] + z * fine[..., 2]) / steep
    out = np.sum(normal * fine, axis=2)
    stored = np.rint(127.5 + 127.5 * np.dstack((out, along_v, along_u))).astype(np.uint8)  # the writer wants B G R
    return encode(".png", stored, [cv2.IMWRITE_PNG_COMPRESSION, 6])
