"""Panels that Cycles photographs show each height where its truth has it."""

from __future__ import annotations

import numpy as np
import pytest

from training.panel import WIDTH_M, framed


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
