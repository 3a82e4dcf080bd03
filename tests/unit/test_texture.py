"""The pictures that a model wears."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from inference.lowpass import lowpass
from inference.maps import surface_normals
from inference.meshing import at_pixels, build_mesh, vertex_normals
from inference.settings import MeshSettings
from inference.texture import DETAIL_PX, encode_detail, encode_texture


def test_colours_and_rows_stay_in_their_order():
    colour = np.zeros((32, 48, 3), np.uint8)
    colour[:16, :24] = (200, 30, 20)  # upper left red
    colour[16:, 24:] = (10, 40, 220)  # lower right blue
    data = encode_texture(colour)
    assert data[:3] == b"\xff\xd8\xff"
    decoded = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
    np.testing.assert_allclose(decoded[8, 12], (200, 30, 20), atol=4)
    np.testing.assert_allclose(decoded[24, 36], (10, 40, 220), atol=4)
    np.testing.assert_allclose(decoded[24, 12], (0, 0, 0), atol=4)


def test_a_panorama_longer_than_a_jpeg_may_be():
    colour = np.zeros((64, 70_000, 3), np.uint8)
    colour[:, 35_000:] = 255
    decoded = cv2.imdecode(np.frombuffer(encode_texture(colour), np.uint8), cv2.IMREAD_COLOR)
    assert decoded.shape == (60, 65_500, 3)
    assert decoded[30, 32_000].max() < 5 and decoded[30, 33_500].min() > 250


def test_a_picture_as_large_as_is_asked_for() -> None:
    colour = np.full((40, 80, 3), 90, np.uint8)
    shapes = [cv2.imdecode(np.frombuffer(encode_texture(colour, m), np.uint8), 1).shape[:2] for m in (64, 80, 500)]
    assert shapes == [(32, 64), (40, 80), (40, 80)]


def _rough(rows: int, columns: int) -> np.ndarray:
    """A carving with forms of all sizes, 0 to 1."""
    rng = np.random.default_rng(3)
    noise = rng.normal(size=(3, rows, columns)).astype(np.float32)
    height = sum(size * size * lowpass(layer, size) for size, layer in zip((1.5, 4.0, 30.0), noise, strict=True))
    return ((height - height.min()) / np.ptp(height)).astype(np.float32)


def _degrees(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.degrees(np.arccos(np.clip((a * b).sum(2), -1.0, 1.0)))


@pytest.mark.parametrize("vertices", [100, 2000])
def test_few_vertices_and_the_normal_map_have_the_normals_of_all(vertices: int) -> None:
    height, settings = _rough(240, 320), MeshSettings(width_m=2.0, depth_m=0.4, max_vertices=vertices)
    mesh = build_mesh(height, settings)
    data = encode_detail(height, mesh, settings)
    assert data is not None
    along, up, out = np.moveaxis(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) / 127.5 - 1.0, 2, 0)[
        ::-1
    ]
    of_mesh = at_pixels(vertex_normals(mesh), height.shape)
    of_mesh /= np.linalg.norm(of_mesh, axis=2, keepdims=True)
    # As engines do: the tangent follows u, the bitangent v; the map's colours are shares of the three.
    tangent = np.cross((0.0, 1.0, 0.0), of_mesh)
    tangent /= np.linalg.norm(tangent, axis=2, keepdims=True)
    bitangent = np.cross(of_mesh, tangent)
    lit = along[..., None] * tangent + up[..., None] * bitangent + out[..., None] * of_mesh
    lit /= np.linalg.norm(lit, axis=2, keepdims=True)
    fine = surface_normals(0.4 * height, 2.0 / 320)
    assert np.median(_degrees(of_mesh, fine)) > 5.0
    assert np.median(_degrees(lit, fine)) < 0.3 and _degrees(lit, fine).max() < 1.0


def test_no_normal_map_where_the_mesh_is_nearly_as_fine() -> None:
    height = _rough(120, 160)
    for vertices, worn in ((1_000_000, False), (120 * 160 // 4, False), (120 * 160 // 5, True)):
        settings = MeshSettings(max_vertices=vertices)
        assert (encode_detail(height, build_mesh(height, settings), settings) is not None) == worn


def test_a_normal_map_is_no_larger_than_headsets_take() -> None:
    height, settings = np.zeros((30, 3000), np.float32), MeshSettings(max_vertices=500)
    data = encode_detail(height, build_mesh(height, settings), settings)
    flat = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert flat.shape == (20, DETAIL_PX, 3)
    assert (flat == (255, 128, 128)).all()
