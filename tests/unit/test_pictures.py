"""The README's sheet of settings."""

from __future__ import annotations

from dataclasses import fields

import cv2
import numpy as np
import pytest

from inference.prediction import Prediction
from inference.settings import RefinementSettings
from training.pictures import painted_disc, settings_sheet


def test_each_setting_has_a_row_and_changes_what_is_seen() -> None:
    rng = np.random.default_rng(1)
    surface = 0.4 + 0.3 * cv2.GaussianBlur(rng.standard_normal((160, 200)), (0, 0), 6.0) / 0.05
    surface += 0.05 * rng.standard_normal(surface.shape)
    edges = rng.dirichlet((1.0, 1.0, 1.0, 1.0), surface.shape)
    prediction = Prediction(
        height=surface.astype(np.float32),
        slopes=np.stack(np.gradient(surface)[::-1], axis=-1).astype(np.float32),
        soft_edges=edges.astype(np.float32),
        segments=rng.dirichlet([0.3] * 6, surface.shape).astype(np.float32),
        confidence=np.ones(surface.shape, np.float32),
        light=np.array([0.0, 0.0, 1.0], np.float32),
        weights="test",
        runtime="test",
    )
    sheet = settings_sheet(prediction)
    rows = len(fields(RefinementSettings)) + 2  # and paint, and mask
    assert sheet.dtype == np.uint8 and sheet.shape[0] % rows == 0 and sheet.shape[1] % 3 == 0
    for row in np.split(sheet, rows):
        least, default, most = (cell[28:].astype(int) for cell in np.split(row, 3, axis=1))
        assert np.abs(least - most).max() > 8, "its two ends look alike"


def test_the_painted_disc_lies_in_the_middle_of_its_part() -> None:
    picture = painted_disc((100, 120), (slice(20, 80), slice(60, 120)))((255, 0, 0))
    assert picture.shape == (100, 120, 3) and picture.dtype == np.float32
    np.testing.assert_allclose(picture[50, 90], (1.0, 0.0, 0.0), atol=1e-6)
    np.testing.assert_allclose(picture[50, 30], picture[0, 0])
    assert picture[0, 0].tolist() == pytest.approx([128 / 255] * 3, abs=0.01)
