"""The written maps, read back by other means."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from inference.errors import ReliefError
from inference.maps import (
    EDGE_PALETTE,
    SEGMENT_PALETTE,
    shade,
    write_classes,
    write_height,
    write_normals,
    write_preview,
)
from inference.photo import photo_from_array
from inference.prediction import EDGE_CLASSES, SEGMENT_CLASSES, Prediction
from inference.predictor import map_size


def read(path: Path) -> np.ndarray:
    pixels = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_UNCHANGED)
    assert pixels is not None
    return pixels


def test_height_is_float_without_loss(tmp_path: Path) -> None:
    height = np.random.default_rng(2).standard_normal((5, 7)).astype(np.float32) * 0.037
    path = tmp_path / "石.height.tif"
    write_height(path, height)
    stored = read(path)
    assert stored.dtype == np.float32 and np.array_equal(stored, height)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_normals_of_a_plane(tmp_path: Path) -> None:
    # 4 pixels are 0.2 m wide: 0.05 m a pixel to the right is a slope of 1, -0.1 m a pixel down one of 2 upward.
    x, y = np.arange(4), np.arange(3)[:, None]
    write_normals(tmp_path / "n.png", (0.05 * x - 0.1 * y).astype(np.float32), 0.2)
    stored = read(tmp_path / "n.png")
    assert stored.dtype == np.uint16 and stored.shape == (3, 4, 3)
    normal = stored[1, 2, ::-1] / 32767.5 - 1.0
    np.testing.assert_allclose(normal, np.array([-1.0, -2.0, 1.0]) / np.sqrt(6.0), atol=1e-4)


def test_classes_are_indices_with_a_palette(tmp_path: Path) -> None:
    classes = np.array([[0, 1, 2, 3, 3], [3, 0, 1, 0, 2], [1, 1, 0, 2, 0]])
    write_classes(tmp_path / "c.png", np.eye(4, dtype=np.float32)[classes], EDGE_PALETTE)
    data = (tmp_path / "c.png").read_bytes()
    chunks, at = {}, 8
    while at < len(data):
        length = struct.unpack_from(">I", data, at)[0]
        chunks[data[at + 4 : at + 8]] = data[at + 8 : at + 8 + length]
        at += 12 + length
    assert struct.unpack(">IIBBBBB", chunks[b"IHDR"]) == (5, 3, 8, 3, 0, 0, 0)
    assert chunks[b"PLTE"] == EDGE_PALETTE.tobytes()
    lines = np.frombuffer(zlib.decompress(chunks[b"IDAT"]), np.uint8).reshape(3, 6)
    assert not lines[:, 0].any() and np.array_equal(lines[:, 1:], classes)
    assert np.array_equal(read(tmp_path / "c.png")[..., ::-1], EDGE_PALETTE[classes])


def test_a_colour_for_every_class() -> None:
    assert EDGE_PALETTE.shape == (len(EDGE_CLASSES), 3)
    assert SEGMENT_PALETTE.shape == (len(SEGMENT_CLASSES), 3)
    assert len({tuple(colour) for colour in SEGMENT_PALETTE}) == len(SEGMENT_CLASSES)


def roof() -> np.ndarray:
    """A pyramid on flat ground, apex at the centre, 64 px a side, 0.1 high a pixel of depth 6.4."""
    x, y = np.arange(64), np.arange(64)[:, None]
    return np.maximum(0.0, 1.0 - np.maximum(abs(x - 32), abs(y - 32)) / 20.0).astype(np.float32)


def test_light_comes_from_the_upper_left() -> None:
    shaded = shade(roof(), depth_px=10.0)
    assert shaded.dtype == np.uint8 and shaded.shape == (64, 64)
    left, right, top, bottom, ground = (int(shaded[at]) for at in ((32, 22), (32, 42), (22, 32), (42, 32), (4, 4)))
    assert left > ground > right and top > ground > bottom
    from_right = shade(roof(), depth_px=10.0, light=(0.6, 0.6, 0.53))
    assert from_right[32, 22] < ground < from_right[32, 42]


def test_shading_is_not_normalised() -> None:
    flat = shade(np.zeros((64, 80), np.float32))
    assert flat.min() == flat.max() and 140 < flat[0, 0] < 220
    assert np.array_equal(shade(np.full((64, 80), 0.7, np.float32)), flat)
    faint, strong = (int(np.ptp(shade(scale * roof()).astype(int))) for scale in (0.02, 2.0))
    assert faint < 8 < 40 < strong


def test_hollows_are_darker_than_open_ground() -> None:
    # Level ground on both: only the openness differs.
    pit = np.ones((64, 64), np.float32)
    pit[30:35, 30:35] = 0.0
    shaded = shade(pit, depth_px=6.0)
    assert int(shaded[32, 32]) < int(shaded[5, 5]) - 12


def test_hollows_of_a_frieze_are_as_dark_as_those_of_a_square() -> None:
    """The same furrows between figures, however long the wall that they stand in."""
    darkest = []
    for columns in (128, 2560):
        _, x = np.mgrid[:64, :columns].astype(np.float32)
        furrows = -np.exp(-(((x % 32) - 16.0) ** 2) / 8.0)
        middle = columns // 64 * 32 + 16
        darkest.append(int(shade(furrows, depth_px=6.0)[32, middle]))
    assert abs(darkest[0] - darkest[1]) <= 2


def test_preview_shows_four_pictures(tmp_path: Path) -> None:
    colour = np.zeros((160, 300, 3), np.uint8)
    colour[:, :150] = (200, 40, 40)
    height = np.zeros((160, 300), np.float32)
    height[:, 150:] = 1.0
    edges = np.zeros((160, 300, 4), np.float32)
    edges[:50, :, 3] = edges[50:, :, 0] = 1.0
    prediction = Prediction(
        height, np.zeros((160, 300, 2), np.float32), edges, np.zeros((160, 300, 6), np.float32),
        np.ones((160, 300), np.float32), np.array([0.0, 0.0, 1.0], np.float32), "test", "test",
    )  # fmt: skip
    write_preview(tmp_path / "p.png", photo_from_array(colour, "a"), height, prediction, 5.0)
    preview = read(tmp_path / "p.png")[..., ::-1]
    assert preview.shape[0] > 160 and preview.shape[1] % 4 == 0
    tile = preview.shape[1] // 4
    assert tuple(preview[50, 20]) == (200, 40, 40) and tuple(preview[50, 280]) == (0, 0, 0)
    assert tuple(preview[50, 2 * tile + 20]) == (0, 0, 0) and tuple(preview[50, 2 * tile + 280]) == (255, 255, 255)
    assert tuple(preview[20, 3 * tile + 50]) == tuple(EDGE_PALETTE[3])
    assert tuple(preview[80, 3 * tile + 50]) == tuple(EDGE_PALETTE[0])
    assert preview[160:, :tile].max() > 150  # the caption


def test_the_preview_of_a_frieze_is_a_column(tmp_path: Path) -> None:
    flat = np.zeros((100, 2000), np.float32)
    edges = np.zeros((100, 2000, 4), np.float32)
    prediction = Prediction(
        flat, np.zeros((100, 2000, 2), np.float32), edges, np.zeros((100, 2000, 6), np.float32), flat + 1.0,
        np.array([0.0, 0.0, 1.0], np.float32), "test", "test",
    )  # fmt: skip
    write_preview(tmp_path / "p.png", photo_from_array(np.full((100, 2000), 90, np.uint8), "a"), flat, prediction, 5.0)
    rows, columns = read(tmp_path / "p.png").shape[:2]
    assert columns == 1280 + 4 and 4 * 64 < rows < 4 * 110


def test_preview_shades_the_relief_as_deep_as_it_is_made(tmp_path: Path) -> None:
    shape = (64, 64)
    prediction = Prediction(
        roof(), np.zeros((*shape, 2), np.float32), np.zeros((*shape, 4), np.float32),
        np.zeros((*shape, 6), np.float32), np.ones(shape, np.float32), np.array([0.0, 0.0, 1.0], np.float32), "", "",
    )  # fmt: skip
    for depth_px in (2.0, 20.0):
        photo = photo_from_array(np.zeros(shape, np.uint8), "a")
        write_preview(tmp_path / "p.png", photo, roof(), prediction, depth_px)
        shaded = read(tmp_path / "p.png")[:64, 68:132, 0]  # the second picture, beside the first one's margin
        assert np.abs(shaded.astype(int) - shade(roof(), depth_px)).max() <= 1


def test_preview_of_a_large_photo_stays_small(tmp_path: Path) -> None:
    shape = (2000, 1500)
    prediction = Prediction(
        np.zeros(shape, np.float32), np.zeros((*shape, 2), np.float32), np.zeros((*shape, 4), np.float32),
        np.zeros((*shape, 6), np.float32), np.ones(shape, np.float32), np.array([0.0, 0.0, 1.0], np.float32), "", "",
    )  # fmt: skip
    photo = photo_from_array(np.zeros(shape, np.uint8), "a")
    write_preview(tmp_path / "p.png", photo, prediction.height, prediction, 5.0)
    assert max(read(tmp_path / "p.png").shape) < 2600


@pytest.mark.parametrize("shape", [(400, 500), (300, 200), (766, 878)])
def test_preview_of_a_photo_whose_maps_are_larger(tmp_path: Path, shape: tuple[int, int]) -> None:
    size = map_size(*shape)
    height = np.zeros(size, np.float32)
    prediction = Prediction(
        height, np.zeros((*size, 2), np.float32), np.zeros((*size, 4), np.float32),
        np.zeros((*size, 6), np.float32), np.ones(size, np.float32), np.array([0.0, 0.0, 1.0], np.float32), "", "",
    )  # fmt: skip
    photo = photo_from_array(np.full(shape, 200, np.uint8), "a")
    write_preview(tmp_path / "p.png", photo, height, prediction, 5.0)
    preview = read(tmp_path / "p.png")
    tile = preview.shape[1] // 4
    assert (preview[10, 10 : tile - 10] == 200).all(), "the photo fills its tile"


def test_failed_write_leaves_nothing(tmp_path: Path) -> None:
    height = np.zeros((4, 4), np.float32)
    with pytest.raises(ReliefError, match="^a.tif cannot be written"):
        write_height(tmp_path / "missing" / "a.tif", height)
    taken = tmp_path / "a.tif"
    taken.mkdir()
    (taken / "kept").write_text("kept")
    with pytest.raises(ReliefError, match="cannot be written"):
        write_height(taken, height)
    assert [p.name for p in tmp_path.iterdir()] == ["a.tif"]
