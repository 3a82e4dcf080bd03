"""The GLB, read by a reader of its own: glTF 2.0, chapters 3.6 (buffers), 4 (GLB)."""

from __future__ import annotations

import json
import struct
from typing import Any

import cv2
import numpy as np
import pytest

DTYPES = {5123: np.uint16, 5125: np.uint32, 5126: np.float32}
WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4}


class Glb:
    """JSON and binary chunk of a GLB, its accessors as arrays."""

    def __init__(self, data: bytes) -> None:
        magic, version, length = struct.unpack("<4sII", data[:12])
        assert (magic, version, length) == (b"glTF", 2, len(data))
        size, kind = struct.unpack("<I4s", data[12:20])
        assert kind == b"JSON"
        self.json: dict[str, Any] = json.loads(data[20 : 20 + size])
        start = 20 + size
        size, kind = struct.unpack("<I4s", data[start : start + 8])
        assert kind == b"BIN\0"
        self.binary = data[start + 8 : start + 8 + size]

    def view(self, index: int) -> bytes:
        view = self.json["bufferViews"][index]
        assert "byteStride" not in view
        return self.binary[view.get("byteOffset", 0) :][: view["byteLength"]]

    def accessor(self, index: int) -> np.ndarray:
        accessor = self.json["accessors"][index]
        width, dtype = WIDTHS[accessor["type"]], DTYPES[accessor["componentType"]]
        count, offset = width * accessor["count"], accessor.get("byteOffset", 0)
        return np.frombuffer(self.view(accessor["bufferView"]), dtype, count, offset).reshape(-1, width)


@pytest.fixture
def glb(module, known, photo, tmp_path) -> Glb:
    """Of the known surface, 2 m wide and 0.4 m deep: the upper right quarter stands 0.2 m out."""
    arguments = ["reconstruct", str(photo), "--output", str(tmp_path), "--formats", "glb"]
    assert module("operators.command").main([*arguments, "--width-m", "2", "--depth-m", "0.4"]) == 0
    return Glb((tmp_path / "panel.glb").read_bytes())


@pytest.fixture
def primitive(glb):
    assert len(glb.json["meshes"]) == 1
    (primitive,) = glb.json["meshes"][0]["primitives"]
    return primitive


def test_the_relief_is_alone_and_untransformed(glb):
    (node,) = glb.json["nodes"]
    assert node["mesh"] == 0
    assert not node.keys() & {"matrix", "translation", "rotation", "scale"}
    assert "cameras" not in glb.json


def test_scale_and_orientation(glb, primitive):
    """glTF: metres, +Y up, the front facing +Z; from the bottom centre of the slab."""
    position = glb.accessor(primitive["attributes"]["POSITION"])
    low, high = position.min(axis=0), position.max(axis=0)
    assert (low[0], high[0]) == pytest.approx((-1.0, 1.0), abs=1e-5)
    assert (low[1], high[1]) == pytest.approx((0.0, 2 * 2 / 3), abs=1e-5)
    assert 0.2 < high[2] < 0.3, "the solve overshoots a little at the step"
    x, y, z = position.T
    assert np.median(z[(x > 0.3) & (y > 0.9)]) == pytest.approx(0.2, abs=0.02)
    assert np.median(z[(x < -0.3) & (y < 0.4)]) == pytest.approx(0.0, abs=0.02)
    assert np.median(z[(x < -0.3) & (y > 0.9)]) == pytest.approx(0.0, abs=0.05)


def test_normals_point_out_of_the_stone(glb, primitive):
    normal = glb.accessor(primitive["attributes"]["NORMAL"])
    np.testing.assert_allclose(np.linalg.norm(normal, axis=1), 1.0, atol=1e-3)
    assert normal[:, 2].min() > 0.0
    assert normal[:, 2].mean() > 0.9
    corners = glb.accessor(primitive["attributes"]["POSITION"])[glb.accessor(primitive["indices"])[:, 0]].reshape(
        -1, 3, 3
    )
    winding = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    assert len(winding) == 2 * 119 * 79
    assert winding[:, 2].min() > 0.0


def test_texture_is_the_photo_upright(glb, primitive, photo):
    material = glb.json["materials"][primitive["material"]]["pbrMetallicRoughness"]
    assert material["roughnessFactor"] == pytest.approx(0.9)
    assert material.get("metallicFactor", 1.0) == 0.0
    image = glb.json["images"][glb.json["textures"][material["baseColorTexture"]["index"]]["source"]]
    assert image["mimeType"] == "image/jpeg"
    texture = cv2.imdecode(np.frombuffer(glb.view(image["bufferView"]), np.uint8), cv2.IMREAD_COLOR)
    assert texture.shape == (80, 120, 3)
    assert np.abs(texture.astype(float) - cv2.imread(str(photo))).mean() < 4
    # glTF's v runs downward: the vertex at the top left shows the picture's corner.
    x, y, _ = glb.accessor(primitive["attributes"]["POSITION"]).T
    u, v = glb.accessor(primitive["attributes"]["TEXCOORD_0"]).T
    np.testing.assert_allclose(u, (x + 1.0) / 2, atol=1e-4)
    np.testing.assert_allclose(v, 1.0 - y / (2 * 2 / 3), atol=1e-4)


@pytest.mark.parametrize(("vertices", "kinds"), [(9600, ["image/jpeg"]), (600, ["image/jpeg", "image/png"])])
def test_few_vertices_wear_what_is_finer_than_they_are(module, known, photo, tmp_path, vertices, kinds):
    arguments = ["reconstruct", str(photo), "--output", str(tmp_path), "--formats", "glb"]
    assert module("operators.command").main([*arguments, "--max-vertices", str(vertices)]) == 0
    glb = Glb((tmp_path / "panel.glb").read_bytes())
    assert sorted(image["mimeType"] for image in glb.json["images"]) == kinds
    (material,) = glb.json["materials"]
    assert ("normalTexture" in material) == (len(kinds) == 2)
    assert ("TANGENT" in glb.json["meshes"][0]["primitives"][0]["attributes"]) == (len(kinds) == 2)
    assert {(sampler["wrapS"], sampler["wrapT"]) for sampler in glb.json["samplers"]} == {(33071, 33071)}, "no repeat"
    if len(kinds) == 2:
        image = glb.json["images"][glb.json["textures"][material["normalTexture"]["index"]]["source"]]
        pixels = cv2.imdecode(np.frombuffer(glb.view(image["bufferView"]), np.uint8), cv2.IMREAD_COLOR)
        assert pixels.shape[0] * 3 == pixels.shape[1] * 2
        assert pixels[..., 0].mean() > 200, "blue is out of the stone"


def test_texture_size_bounds_the_normal_map_too(module, known, photo, tmp_path):
    arguments = ["reconstruct", str(photo), "--output", str(tmp_path), "--formats", "glb", "--max-vertices", "100"]
    assert module("operators.command").main([*arguments, "--texture-size", "64"]) == 0
    glb = Glb((tmp_path / "panel.glb").read_bytes())
    sizes = [
        cv2.imdecode(np.frombuffer(glb.view(image["bufferView"]), np.uint8), 1).shape[:2]
        for image in glb.json["images"]
    ]
    assert sizes == [(43, 64), (43, 64)]


def test_texture_size(module, known, photo, tmp_path):
    arguments = ["reconstruct", str(photo), "--output", str(tmp_path), "--formats", "glb"]
    for words, code in (
        (["--texture-size", "64"], 0),
        (["--texture-size", "64"], 0),
        ([], 1),
        (["--texture-size", "1"], 2),
    ):
        assert module("operators.command").main([*arguments, *words]) == code
    glb = Glb((tmp_path / "panel.glb").read_bytes())
    (image,) = glb.json["images"]
    assert cv2.imdecode(np.frombuffer(glb.view(image["bufferView"]), np.uint8), 1).shape[:2] == (43, 64)
    assert len(glb.accessor(glb.json["meshes"][0]["primitives"][0]["attributes"]["POSITION"])) == 120 * 80
    assert known.calls == 1
