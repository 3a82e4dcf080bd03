"""Panels that Cycles photographs show each height where its truth has it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from training.compose import Scene
from training.lighting import draw_lighting, light_vector, shade
from training.panel import WIDTH_M, Options, crisp, framed, photograph


@pytest.mark.parametrize("shape", [(5, 8), (9, 6)])
def test_each_pixel_sees_its_own_vertex(shape: tuple[int, int]) -> None:
    rows, columns = shape
    height = np.random.default_rng(0).random(shape, np.float32)
    relief, middle_m = framed(height, 0.1)
    pixel_m = WIDTH_M / columns
    seen = relief.vertices.reshape(rows + 2, columns + 2, 3)[1:-1, 1:-1]
    across = (np.arange(columns) + 0.5 - columns / 2) * pixel_m
    down = middle_m + (rows / 2 - 0.5 - np.arange(rows)) * pixel_m
    np.testing.assert_allclose(seen[..., 0], np.broadcast_to(across, shape), atol=1e-6)
    np.testing.assert_allclose(seen[..., 1], np.broadcast_to(down[:, None], shape), atol=1e-6)
    np.testing.assert_allclose(seen[..., 2], 0.1 * height, atol=1e-6)


def test_a_weathered_photograph_is_stained_and_rough_on_the_same_carving(monkeypatch: pytest.MonkeyPatch) -> None:
    given: dict[bool, tuple[Any, Any]] = {}

    def render(height: Any, depth_m: float, albedo: Any, light: Any, path: Path, samples: int) -> None:
        given[len(given) == 1] = height, albedo
        cv2.imwrite(str(path), np.zeros((*height.shape, 3), np.uint8))

    monkeypatch.setattr("training.panel.render", render)
    y, x = np.mgrid[0:96, 0:96]
    height = (np.sin(x / 9.0) * np.sin(y / 9.0)).astype(np.float32)
    zero = np.zeros_like(height)
    scene = Scene(height, 8.0, zero.astype(np.uint8), (x // 48).astype(np.int32), zero, zero)
    for weathered in (False, True):
        options = Options(None, 1, np.random.default_rng(5))
        picture = photograph(scene, slice(None), light_vector(90.0, 40.0), options, weathered)
        assert picture.shape == (96, 96, 3)
    np.testing.assert_array_equal(given[False][0], height)
    rough = given[True][0] - height
    assert 0.001 < np.abs(rough).mean() < 0.3
    light = shade(8.0 * height, draw_lighting(np.random.default_rng(6), light_vector(90.0, 40.0)))
    stained, seen = (np.log(np.maximum(image, 0.02)) for image in (given[True][1][..., 0], light))
    assert 0.2 < stained.std() / seen.std() < 3.0, "stains are measured by what the light shows"


def test_a_crisp_picture_has_all_tones_and_sharper_steps() -> None:
    grey = np.full((40, 60, 3), 100, np.uint8)
    grey[:, 30:] = 120
    grey = cv2.GaussianBlur(grey, (0, 0), 1.5)
    found = crisp(grey)
    assert found.min() == 0 and found.max() == 255
    steepest = np.abs(np.diff(found[20, :, 0].astype(int))).max() / 255
    assert steepest > 1.2 * np.abs(np.diff(grey[20, :, 0].astype(int))).max() / 20
