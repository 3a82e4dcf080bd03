"""A height map becomes a grid of real vertices."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
import numpy.typing as npt

from .lowpass import resized_height
from .prediction import FloatArray, Prediction
from .settings import MeshSettings

IntArray = npt.NDArray[np.int32]


@dataclass(frozen=True)
class ReliefMesh:
    """A displaced grid, one sheet without a back.

    Convention:
        Metres; x right, y up, z toward the viewer; the origin at the bottom centre of the slab; z = height * depth_m.
        Vertices run row by row from the top left: number = row * columns + column. Each stands at the centre of the
        part of the photograph that it samples, and so does its UV: u = (column + 0.5) / columns, to the right,
        v = 1 - (row + 0.5) / rows, upward. From the first to the last column it is exactly width_m; cells are square.

    Attributes:
        vertices: (N, 3) float32.
        grid: (rows, columns) of vertices.
        height: (N,) float32, 0 slab to 1 full depth.
        prediction: what gives the vertices their classes, or None.
    """

    vertices: FloatArray
    grid: tuple[int, int]
    height: FloatArray
    prediction: Prediction | None = None

    # All that follows stays as it is when the surface moves, so it is made only where it is asked for.

    @property
    def face_count(self) -> int:
        rows, columns = self.grid
        return (rows - 1) * (columns - 1)

    @cached_property
    def faces(self) -> IntArray:
        """(M, 4) int32, counter-clockwise seen from +z, beginning at the bottom left corner."""
        rows, columns = self.grid
        corner = np.arange(rows * columns, dtype=np.int32).reshape(rows, columns)
        faces = np.empty((rows - 1, columns - 1, 4), np.int32)
        faces[..., 0] = corner[1:, :-1]
        faces[..., 1] = corner[1:, 1:]
        faces[..., 2] = corner[:-1, 1:]
        faces[..., 3] = corner[:-1, :-1]
        return faces.reshape(-1, 4)

    @cached_property
    def uvs(self) -> FloatArray:
        """(N, 2) float32."""
        rows, columns = self.grid
        uvs = np.empty((rows, columns, 2), np.float32)
        uvs[..., 0] = (np.arange(columns) + 0.5) / columns
        uvs[..., 1] = (1.0 - (np.arange(rows) + 0.5) / rows)[:, None]
        return uvs.reshape(-1, 2)

    @cached_property
    def soft_edge(self) -> IntArray | None:
        """(N,) int32, index into EDGE_CLASSES, or None."""
        return None if self.prediction is None else _vertex_classes(self.prediction.soft_edges, self.grid)

    @cached_property
    def segment(self) -> IntArray | None:
        """(N,) int32, index into SEGMENT_CLASSES, or None."""
        return None if self.prediction is None else _vertex_classes(self.prediction.segments, self.grid)

    @cached_property
    def confidence(self) -> FloatArray | None:
        """(N,) float32, 0 (the network is unsure) to 1 (sure), or None."""
        return None if self.prediction is None else _at_vertices(self.prediction.confidence, self.grid).ravel()

    def complete(self) -> None:
        """Make all that is otherwise made when it is first asked for."""
        _ = self.faces, self.uvs, self.soft_edge, self.segment, self.confidence


def build_mesh(
    height: FloatArray, settings: MeshSettings | None = None, prediction: Prediction | None = None
) -> ReliefMesh:
    """Make the mesh of a height map.

    Args:
        height: (H, W) float32, 0 slab to 1 full depth, row 0 at the top; smaller than the prediction where it is a
            draft of it.
        settings: size of the panel and limit of the vertices; None takes the defaults.
        prediction: gives the mesh its grid, and each vertex its soft-edge class and segment.

    Returns:
        A grid of at most ``settings.max_vertices`` vertices, and at most one per pixel, in the proportions of the
        height map.
    """
    settings = settings or MeshSettings()
    rows_px, columns_px = height.shape if prediction is None else prediction.height.shape
    rows, columns = grid_size(rows_px, columns_px, int(settings.max_vertices))
    heights = vertex_heights(height, (rows, columns))
    cell_m = settings.width_m / (columns - 1)

    vertices = np.empty((rows, columns, 3), np.float32)
    vertices[..., 0] = (np.arange(columns) - (columns - 1) / 2) * cell_m
    vertices[..., 1] = ((rows - 1 - np.arange(rows)) * cell_m)[:, None]
    vertices[..., 2] = (heights * np.float32(settings.depth_m)).reshape(rows, columns)

    return ReliefMesh(vertices.reshape(-1, 3), (rows, columns), heights, prediction)


def vertex_heights(height: FloatArray, grid: tuple[int, int]) -> FloatArray:
    """Heights of the vertices of a grid of (rows, columns), in their order: (N,) float32, 0 slab to 1 full depth."""
    if height.shape == grid:
        return height.flatten()
    return resized_height(height, grid).ravel()


def resampled(values: FloatArray, grid: tuple[int, int]) -> FloatArray:
    """Values of the vertices of one grid, (rows, columns, C) float32, for those of another over the same panel."""
    rows, columns = grid
    how = cv2.INTER_AREA if rows < len(values) else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(values, (columns, rows), interpolation=how), np.float32)


def grid_size(height_px: int, width_px: int, max_vertices: int) -> tuple[int, int]:
    """Rows and columns of the largest grid within the limit, in the proportions of the picture; at least 2 by 2."""
    short, long = sorted((height_px, width_px))
    scale = min(1.0, math.sqrt(max_vertices / (short * long)))
    # The short side is cut to a whole number first: the long one can then follow its proportion closely.
    short_count = max(2, math.floor(short * scale))
    long_count = max(2, min(round(short_count * long / short), max_vertices // short_count))
    return (short_count, long_count) if height_px <= width_px else (long_count, short_count)


def _vertex_classes(probabilities: FloatArray, grid: tuple[int, int]) -> IntArray:
    """The likeliest class at the pixel on which each vertex stands."""
    classes: IntArray = np.argmax(_at_vertices(probabilities, grid), axis=-1).astype(np.int32).ravel()
    return classes


def _at_vertices(values: FloatArray, grid: tuple[int, int]) -> FloatArray:
    """(rows, columns, ...) values of the pixels on which the vertices stand."""
    (height_px, width_px), (rows, columns) = values.shape[:2], grid
    at_rows = ((np.arange(rows) + 0.5) * (height_px / rows)).astype(np.intp)
    at_columns = ((np.arange(columns) + 0.5) * (width_px / columns)).astype(np.intp)
    sampled: FloatArray = values[at_rows[:, None], at_columns]
    return sampled
