"""Vertices, faces and UVs of a small panel, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from inference.meshing import build_mesh, grid_size, over_panel, resampled, vertex_heights
from inference.prediction import Prediction
from inference.settings import MeshSettings

# Two rows of three; the highest point at the top right.
HEIGHT = np.array([[0.0, 0.5, 1.0], [0.25, 0.0, 0.0]], np.float32)


def prediction_of(edges: np.ndarray, segments: np.ndarray) -> Prediction:
    rows, columns = edges.shape
    return Prediction(
        height=np.zeros((rows, columns), np.float32),
        slopes=np.zeros((rows, columns, 2), np.float32),
        soft_edges=np.eye(4, dtype=np.float32)[edges],
        segments=np.eye(6, dtype=np.float32)[segments],
        confidence=np.ones((rows, columns), np.float32),
        light=np.array([0.0, 0.0, 1.0], np.float32),
        weights="test",
        runtime="test",
    )


def test_vertices_in_metres() -> None:
    mesh = build_mesh(HEIGHT, MeshSettings(width_m=0.6, depth_m=0.08))
    assert mesh.grid == (2, 3) and mesh.vertices.dtype == np.float32
    expected = [(-0.3, 0.4, 0.0), (0.0, 0.4, 0.04), (0.3, 0.4, 0.08), (-0.3, 0, 0.02), (0, 0, 0), (0.3, 0, 0)]
    np.testing.assert_allclose(mesh.vertices, expected, atol=1e-7)
    assert mesh.size_px == (2, 3)
    assert np.array_equal(mesh.height, HEIGHT.ravel())
    assert mesh.soft_edge is None and mesh.segment is None


def test_faces_are_counter_clockwise_from_the_front() -> None:
    mesh = build_mesh(HEIGHT, MeshSettings())
    assert mesh.faces.dtype == np.int32
    assert mesh.faces.tolist() == [[3, 4, 1, 0], [4, 5, 2, 1]]
    a, b, c, _ = (mesh.vertices[mesh.faces[:, k]].astype(float) for k in range(4))
    assert (np.cross(b - a, c - b)[:, 2] > 0).all()


def test_uvs_run_from_edge_to_edge() -> None:
    mesh = build_mesh(HEIGHT, MeshSettings())
    expected = [(u, 1.0) for u in (0.0, 0.5, 1.0)] + [(u, 0.0) for u in (0.0, 0.5, 1.0)]
    np.testing.assert_array_equal(mesh.uvs, np.array(expected, np.float32))


@pytest.mark.parametrize("shape", [(400, 600), (120, 960)])
@pytest.mark.parametrize("limit", [4, 500, 1000, 5000, 1_000_000])
def test_size_and_places_are_the_same_at_every_number_of_vertices(shape: tuple[int, int], limit: int) -> None:
    prediction = prediction_of(np.zeros(shape, int), np.zeros(shape, int))
    for height in (np.zeros(shape, np.float32), np.zeros((shape[0] // 4, shape[1] // 4), np.float32)):
        mesh = build_mesh(height, MeshSettings(width_m=2.0, max_vertices=limit), prediction)
        tall = np.float32(2.0 * shape[0] / shape[1])
        assert mesh.size_px == shape and mesh.vertices[:, :2].min(axis=0).tolist() == [-1.0, 0.0]
        assert mesh.vertices[:, :2].max(axis=0).tolist() == [1.0, tall]
        assert mesh.uvs.min(axis=0).tolist() == [0.0, 0.0] and mesh.uvs.max(axis=0).tolist() == [1.0, 1.0]
        # A point of the photograph, wherever it is.
        np.testing.assert_allclose(mesh.vertices[:, 0], 2.0 * mesh.uvs[:, 0] - 1.0, atol=3e-7)
        np.testing.assert_allclose(mesh.vertices[:, 1], tall * mesh.uvs[:, 1], atol=3e-7)


@pytest.mark.parametrize("limit", [500, 5000, 60_000, 150_000, 230_000, 1_000_000])
def test_a_ramp_stays_a_ramp(limit: int) -> None:
    """And lies where it lay, but for half a pixel where vertices are pixels."""
    y, x = np.mgrid[0:400, 0:600].astype(np.float32)
    ramp = 0.3 * (x + 0.5) - 0.2 * (y + 0.5)
    mesh = build_mesh(ramp, MeshSettings(max_vertices=limit))
    heights, u, v = (values.reshape(mesh.grid) for values in (mesh.height, *mesh.uvs.T))
    inside = (slice(6, -6), slice(6, -6))
    for axis, slope in ((1, 0.3 * 600), (0, -0.2 * 400)):
        cells = mesh.grid[axis] - (heights.shape != ramp.shape)
        np.testing.assert_allclose(np.diff(heights, axis=axis)[inside], slope / cells, rtol=2e-3)
    off = 0.25 if heights.shape == ramp.shape else 0.02
    np.testing.assert_allclose(heights[inside], (0.3 * 600 * u - 0.2 * 400 * (1 - v))[inside], atol=off)


@pytest.mark.parametrize("limit", [4, 100, 5000, 100_000, 200_000])
def test_what_is_finer_than_the_cells_is_averaged(limit: int) -> None:
    """Each vertex has the mean of what lies nearest to it, so that all of them have that of the whole."""
    noise = np.random.default_rng(1).standard_normal((400, 600)).astype(np.float32)
    mesh = build_mesh(noise, MeshSettings(max_vertices=limit))
    heights = mesh.height.reshape(mesh.grid)
    cells = (mesh.grid[0] - 1) * (mesh.grid[1] - 1)
    areas = np.sqrt(cells / noise.size)
    assert heights[1:-1, 1:-1].std() < 1.1 * areas if limit > 4 else np.abs(heights).max() < 4 * 2 * areas
    shares = np.ones(mesh.grid)
    shares[[0, -1]] /= 2
    shares[:, [0, -1]] /= 2
    assert (heights * shares).sum() / cells == pytest.approx(noise.mean(), abs=5e-4)


def test_classes() -> None:
    edges = np.array([[0, 1, 2], [3, 0, 1]])
    segments = np.array([[5, 4, 3], [2, 1, 0]])
    mesh = build_mesh(HEIGHT, MeshSettings(), prediction_of(edges, segments))
    assert mesh.soft_edge is not None and mesh.soft_edge.dtype == np.int32
    assert mesh.soft_edge.tolist() == [0, 1, 2, 3, 0, 1]
    assert mesh.segment is not None and mesh.segment.tolist() == [5, 4, 3, 2, 1, 0]


def test_confidence_is_that_of_the_pixel_under_each_vertex() -> None:
    prediction = prediction_of(np.zeros((4, 6), int), np.zeros((4, 6), int))
    prediction.confidence[:] = np.arange(24).reshape(4, 6) / 24
    mesh = build_mesh(np.zeros((4, 6), np.float32), MeshSettings(max_vertices=6), prediction)
    # 2 x 3 vertices stand at the corners and in the middle of edges: pixels (0, 0), (0, 3), (0, 5), (3, 0), ...
    assert mesh.confidence is not None
    np.testing.assert_allclose(mesh.confidence * 24, [0, 3, 5, 18, 21, 23], atol=1e-5)
    assert build_mesh(HEIGHT).confidence is None


def test_limit_averages_heights_and_keeps_width_and_classes_in_place() -> None:
    height = np.repeat(np.repeat(HEIGHT, 4, axis=0), 4, axis=1)  # 8 x 12
    height[0, 0] = 1.6  # one of the twelve pixels of the first vertex
    edges = np.repeat(np.repeat([[0, 1, 2], [3, 0, 1]], 4, axis=0), 4, axis=1)
    settings = MeshSettings(width_m=2.0, depth_m=1.0, max_vertices=6)
    mesh = build_mesh(height, settings, prediction_of(edges, edges))
    assert mesh.grid == (2, 3)
    np.testing.assert_allclose(mesh.height, [0.08, 0.47, 0.94, 0.23, 0.06, 0.06], atol=0.02)
    assert mesh.vertices[2, 0] - mesh.vertices[0, 0] == 2.0
    assert mesh.vertices[0, 1] - mesh.vertices[3, 1] == np.float32(4 / 3)
    assert mesh.soft_edge is not None and mesh.soft_edge.tolist() == [0, 1, 2, 3, 0, 1]


@pytest.mark.parametrize(
    "height_px, width_px, limit, expected",
    [
        (1024, 1024, 2_000_000, (1024, 1024)),  # never more than pixels
        (1024, 1024, 1_000_000, (1000, 1000)),
        (100, 800, 100, (3, 24)),
        (800, 100, 100, (24, 3)),
        (100, 800, 4, (2, 2)),
        (64, 64, 5, (2, 2)),
    ],
)
def test_grid_size(height_px: int, width_px: int, limit: int, expected: tuple[int, int]) -> None:
    assert grid_size(height_px, width_px, limit) == expected


def test_grid_size_never_exceeds_the_limit() -> None:
    for limit in range(4, 400):
        rows, columns = grid_size(75, 190, limit)
        assert min(rows, columns) >= 2 and rows * columns <= limit


def test_vertex_heights_are_a_copy() -> None:
    height = HEIGHT.copy()
    vertex_heights(height, (2, 3))[0] = 9.0
    assert height[0, 0] == 0.0


def test_paint_on_a_coarser_grid_is_averaged() -> None:
    """A stroke one vertex wide thins out and is not lost, wherever it lies: a cell is five times as wide now."""
    for column in range(3, 13):
        stroke = np.zeros((16, 16, 3), np.float32)
        stroke[:, column] = 1.0
        found = resampled(stroke, (4, 4))
        found[:, [0, -1]] /= 2  # which have half a cell
        assert found.sum(axis=1) == pytest.approx(0.2)
        if column in (4, 5, 6):  # nearer to vertex 1 than to others, all of it
            assert found[:, 1] == pytest.approx(0.2)


@pytest.mark.parametrize("grid", [(7, 10), (61, 91), (40, 60)])
def test_values_of_vertices_stay_where_they_are_on_another_grid(grid: tuple[int, int]) -> None:
    """A ramp over the panel, which is 1 at its right edge and at its lower one."""

    def ramps(rows: int, columns: int) -> np.ndarray:
        across, down = np.meshgrid(np.linspace(0, 1, columns), np.linspace(0, 1, rows))
        return np.dstack((across, down, 1.0 - across)).astype(np.float32)

    found, wanted = resampled(ramps(40, 60), grid), ramps(*grid)
    if grid < (40, 60):
        np.testing.assert_allclose(found[1:-1, 1:-1], wanted[1:-1, 1:-1], atol=2e-4)
        assert np.abs(found - wanted).max() < 0.26 / (min(grid) - 1), "a quarter of a cell at the edge"
    else:
        np.testing.assert_allclose(found, wanted, atol=1e-6)


def test_a_stroke_of_one_vertex_keeps_its_height_on_a_finer_grid() -> None:
    stroke = np.zeros((3, 5, 3), np.float32)
    stroke[1] = 1.0
    found = resampled(stroke, (5, 13))
    np.testing.assert_allclose(found[:, 4, 0], [0, 0.5, 1, 0.5, 0], atol=1e-6)


@pytest.mark.parametrize("limit, least", [(1_000_000, 1.0), (230_000, 0.73), (150_000, 0.6)])
def test_chisel_marks_stay_where_vertices_are_nearly_as_many_as_pixels(limit: int, least: float) -> None:
    wave = np.tile(np.cos(2 * np.pi * np.arange(600) / 4).astype(np.float32), (400, 1))
    mesh = build_mesh(wave, MeshSettings(max_vertices=limit))
    assert mesh.height.std() / wave.std() >= least


def test_values_of_vertices_are_themselves_on_the_same_grid() -> None:
    noise = np.random.default_rng(2).random((5, 7, 3), np.float32)
    np.testing.assert_array_equal(resampled(noise, (5, 7)), noise)


def test_what_is_painted_on_vertices_is_a_picture_of_the_panel_in_their_places() -> None:
    """Half-cells whose middles lie a quarter of a cell from a vertex have three quarters of its value."""
    paint = np.zeros((3, 4), np.float32)
    paint[0, 0], paint[1, 2] = 1.0, 2.0
    found = over_panel(paint)
    assert found.shape == (4, 6)
    columns = np.array([0.75, 0.25, 0, 0, 0, 0]), np.array([0, 0, 0.25, 0.75, 0.75, 0.25])
    rows = np.array([0.75, 0.25, 0, 0]), np.array([0.25, 0.75, 0.75, 0.25])
    expected = np.outer(rows[0], columns[0]) + 2.0 * np.outer(rows[1], columns[1])
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert over_panel(np.dstack((paint, paint, paint)))[..., 1].tolist() == found.tolist()
