"""Vertices, faces and UVs of a small panel, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from inference.meshing import build_mesh, grid_size, resampled, vertex_heights
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
    expected = [(-0.3, 0.3, 0.0), (0.0, 0.3, 0.04), (0.3, 0.3, 0.08), (-0.3, 0, 0.02), (0, 0, 0), (0.3, 0, 0)]
    np.testing.assert_allclose(mesh.vertices, expected, atol=1e-7)
    assert np.array_equal(mesh.height, HEIGHT.ravel())
    assert mesh.soft_edge is None and mesh.segment is None


def test_faces_are_counter_clockwise_from_the_front() -> None:
    mesh = build_mesh(HEIGHT, MeshSettings())
    assert mesh.faces.dtype == np.int32
    assert mesh.faces.tolist() == [[3, 4, 1, 0], [4, 5, 2, 1]]
    a, b, c, _ = (mesh.vertices[mesh.faces[:, k]].astype(float) for k in range(4))
    assert (np.cross(b - a, c - b)[:, 2] > 0).all()


def test_uvs_stand_at_pixel_centres() -> None:
    mesh = build_mesh(HEIGHT, MeshSettings())
    sixths = [1 / 6, 3 / 6, 5 / 6]
    expected = [(u, 0.75) for u in sixths] + [(u, 0.25) for u in sixths]
    np.testing.assert_allclose(mesh.uvs, expected, atol=1e-7)


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
    # 2 x 3 vertices stand at pixels (1, 1), (1, 3), (1, 5), (3, 1), ...
    assert mesh.confidence is not None
    np.testing.assert_allclose(mesh.confidence * 24, [7, 9, 11, 19, 21, 23], atol=1e-5)
    assert build_mesh(HEIGHT).confidence is None


def test_limit_averages_heights_and_keeps_width_and_classes_in_place() -> None:
    height = np.repeat(np.repeat(HEIGHT, 4, axis=0), 4, axis=1)  # 8 x 12
    height[0, 0] = 1.6  # one of the sixteen pixels of the first vertex
    edges = np.repeat(np.repeat([[0, 1, 2], [3, 0, 1]], 4, axis=0), 4, axis=1)
    settings = MeshSettings(width_m=2.0, depth_m=1.0, max_vertices=6)
    mesh = build_mesh(height, settings, prediction_of(edges, edges))
    assert mesh.grid == (2, 3)
    np.testing.assert_allclose(mesh.height, [0.08, 0.47, 0.92, 0.22, 0.04, 0.06], atol=0.02)
    assert mesh.vertices[2, 0] - mesh.vertices[0, 0] == 2.0
    assert mesh.vertices[0, 1] - mesh.vertices[3, 1] == 1.0  # square cells
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
    """A stroke one vertex wide thins out and is not lost, wherever it lies."""
    for column in range(4, 8):
        stroke = np.zeros((16, 16, 3), np.float32)
        stroke[:, column] = 1.0
        assert resampled(stroke, (4, 4))[:, 1] == pytest.approx(0.25)
