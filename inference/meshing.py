"""A height map becomes a grid of real vertices."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from .lowpass import resized_height, resized_values
from .prediction import FloatArray, Prediction
from .settings import MeshSettings

IntArray = npt.NDArray[np.int32]


@dataclass(frozen=True)
class ReliefMesh:
    """A displaced grid, one sheet without a back.

    Convention:
        Metres; x right, y up, z toward the viewer; the origin at the bottom centre of the slab; z = height * depth_m.
        Vertices run row by row from the top left: number = row * columns + column. However many there are, they run
        from edge to edge of the photograph: x from -width_m / 2 to width_m / 2, y from width_m * H / W down to 0, and
        u = column / (columns - 1), to the right, v = 1 - row / (rows - 1), upward. Cells need not be square.

    Attributes:
        vertices: (N, 3) float32.
        grid: (rows, columns) of vertices.
        size_px: (H, W) of the map that the mesh was made of, which has the photograph's proportions.
        height: (N,) float32, 0 slab to 1 full depth.
        prediction: what gives the vertices their classes, or None.
    """

    vertices: FloatArray
    grid: tuple[int, int]
    size_px: tuple[int, int]
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
        uvs[..., 0] = np.arange(columns) / (columns - 1)
        uvs[..., 1] = (1.0 - np.arange(rows) / (rows - 1))[:, None]
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
        A grid of at most ``settings.max_vertices`` vertices, and at most one per pixel, over a panel in the proportions
        of the height map.
    """
    settings = settings or MeshSettings()
    rows_px, columns_px = height.shape if prediction is None else prediction.height.shape
    grid = rows, columns = grid_size(rows_px, columns_px, int(settings.max_vertices))
    heights = vertex_heights(height, grid)
    x, y = places(grid, (rows_px, columns_px), settings.width_m)

    vertices = np.empty((rows, columns, 3), np.float32)
    vertices[..., 0] = x
    vertices[..., 1] = y[:, None]
    vertices[..., 2] = (heights * np.float32(settings.depth_m)).reshape(rows, columns)

    return ReliefMesh(vertices.reshape(-1, 3), grid, (rows_px, columns_px), heights, prediction)


def places(grid: tuple[int, int], size_px: tuple[int, int], width_m: float) -> tuple[FloatArray, FloatArray]:
    """Where columns and rows of a grid stand: x (columns,) and y (rows,), float32 metres, see `ReliefMesh`."""
    x = np.linspace(-width_m / 2, width_m / 2, grid[1], dtype=np.float32)
    return x, np.linspace(width_m * size_px[0] / size_px[1], 0.0, grid[0], dtype=np.float32)


def vertex_heights(height: FloatArray, grid: tuple[int, int]) -> FloatArray:
    """Heights of the vertices of a grid of (rows, columns), in their order: (N,) float32, 0 slab to 1 full depth.

    Each is the mean of the part of the map that lies nearest to its vertex. As many as pixels are the pixels
    themselves: to move them by up to half a pixel would blur them.
    """
    if height.shape == grid:
        return height.flatten()
    size = _halves(grid)
    down, across = height.shape[0] / size[0], height.shape[1] / size[1]
    if min(down, across) >= 0.5 and max(down, across) <= 1.0:  # to be joined is blur enough
        return _joined(resized_values(height, size)).ravel()
    return _joined(resized_height(height, size)).ravel()


def resampled(values: FloatArray, grid: tuple[int, int]) -> FloatArray:
    """Values of the vertices of one grid, (rows, columns, C) float32, for those of another over the same panel."""
    rows, columns = values.shape[:2]
    if rows < grid[0] or (rows, columns) == grid:
        return _between(values, np.linspace(0, rows - 1, grid[0]), np.linspace(0, columns - 1, grid[1]))
    return _joined(resized_values(over_panel(values), _halves(grid)))


def at_pixels(values: FloatArray, size: tuple[int, int]) -> FloatArray:
    """Values of vertices, (rows, columns, C) float32, at the pixels (H, W) of a picture of the whole panel."""
    places = ((np.arange(n) + 0.5) / n * (count - 1) for n, count in zip(size, values.shape[:2], strict=True))
    return _between(values, *places)


def vertex_normals(mesh: ReliefMesh) -> FloatArray:
    """Unit normals of the vertices, (rows, columns, 3), x right, y up, z to the viewer, as Blender shades them.

    Each is the mean of the faces' around it, weighted by their angles there.
    """
    vertices = mesh.vertices.reshape(*mesh.grid, 3)
    corners = vertices[:-1, :-1], vertices[1:, :-1], vertices[1:, 1:], vertices[:-1, 1:]  # counter-clockwise
    faces = np.cross(corners[2] - corners[0], corners[3] - corners[1])
    faces /= np.linalg.norm(faces, axis=2, keepdims=True)
    normals = np.zeros_like(vertices)
    around = np.s_[:-1, :-1], np.s_[1:, :-1], np.s_[1:, 1:], np.s_[:-1, 1:]
    for k, corner in enumerate(corners):
        one, other = corners[k - 1] - corner, corners[(k + 1) % 4] - corner
        length = np.linalg.norm(one, axis=2) * np.linalg.norm(other, axis=2)
        angle = np.arccos(np.clip(np.sum(one * other, axis=2) / length, -1.0, 1.0))
        normals[around[k]] += angle[..., None] * faces
    unit: FloatArray = normals / np.linalg.norm(normals, axis=2, keepdims=True)
    return unit


def _between(values: FloatArray, down: npt.NDArray[np.float64], across: npt.NDArray[np.float64]) -> FloatArray:
    """Values at these rows and columns, what lies between two by its distance from them."""
    rows = _rows_between(values, down)
    return np.ascontiguousarray(_rows_between(rows.swapaxes(0, 1), across).swapaxes(0, 1))


def _rows_between(values: FloatArray, at: npt.NDArray[np.float64]) -> FloatArray:
    above = np.minimum(at.astype(np.intp), len(values) - 2)
    share = (at - above).astype(np.float32)[:, None, None]
    between: FloatArray = values[above] * (1 - share) + values[above + 1] * share
    return between


def over_panel(values: FloatArray) -> FloatArray:
    """Values of vertices, (rows, columns, ...), as a picture of the whole panel, two pixels to a cell each way."""
    rows, columns = values.shape[:2]
    return resized_values(values, (2 * rows, 2 * columns))[1:-1, 1:-1]  # the outermost ones lie beyond the edge


def _halves(grid: tuple[int, int]) -> tuple[int, int]:
    """Size of a picture of the whole panel that has two pixels to a cell of the grid each way."""
    return 2 * (grid[0] - 1), 2 * (grid[1] - 1)


def _joined(picture: FloatArray) -> FloatArray:
    """Values of vertices from a picture of `_halves`: the means of the pixels that meet in each."""
    rows = np.concatenate((picture[:1], picture, picture[-1:]))
    rows = rows[::2] + rows[1::2]
    both = np.concatenate((rows[:, :1], rows, rows[:, -1:]), axis=1)
    joined: FloatArray = (both[:, ::2] + both[:, 1::2]) / np.float32(4.0)
    return joined


def grid_size(height_px: int, width_px: int, max_vertices: int) -> tuple[int, int]:
    """Rows and columns of the largest grid within the limit, in the proportions of the picture; at least 2 by 2."""
    short, long = sorted((height_px, width_px))
    scale = min(1.0, math.sqrt(max_vertices / (short * long)))
    # The short side is cut to a whole number first: the long one can then follow its proportion closely.
    short_count = max(2, math.floor(short * scale))
    long_count = max(2, min(round(short_count * long / short), max_vertices // short_count))
    return (short_count, long_count) if height_px <= width_px else (long_count, short_count)


def _vertex_classes(probabilities: FloatArray, grid: tuple[int, int]) -> IntArray:
    """The likeliest class at the pixel nearest to each vertex."""
    classes: IntArray = np.argmax(_at_vertices(probabilities, grid), axis=-1).astype(np.int32).ravel()
    return classes


def _at_vertices(values: FloatArray, grid: tuple[int, int]) -> FloatArray:
    """(rows, columns, ...) values of the pixels nearest to the vertices, the lower right ones of those that meet."""
    (height_px, width_px), (rows, columns) = values.shape[:2], grid
    at_rows = np.minimum(np.arange(rows, dtype=np.int64) * height_px // (rows - 1), height_px - 1)
    at_columns = np.minimum(np.arange(columns, dtype=np.int64) * width_px // (columns - 1), width_px - 1)
    sampled: FloatArray = values[at_rows[:, None], at_columns]
    return sampled
