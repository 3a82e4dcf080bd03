"""What several tests share."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from training.height_maps import HeightMap
from training.shapes import write_library


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dome of radius 20 px and a leaning wedge, each twice: one to train on, one held out."""
    folder = tmp_path_factory.mktemp("library")
    y, x = np.mgrid[-20:21, -20:21].astype(np.float32)
    dome = np.where(x * x + y * y <= 400, np.sqrt(np.maximum(400 - x * x - y * y, 0)) + 1, -1)
    wedge = np.tile(np.arange(1, 31, dtype=np.float32), (50, 1))
    head = (5.0, 8.0, 4.0)
    made = [
        HeightMap(np.asarray(height, np.float32), segment, head, True, holdout, True)
        for holdout in (False, True)
        for height, segment in ((dome, "figure"), (wedge, "animal"))
    ]
    write_library(made, folder)
    return folder
