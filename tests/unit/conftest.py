"""What several tests share."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from training.library import packed


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dome of radius 20 px and a leaning wedge, each twice: one to train on, one held out."""
    folder = tmp_path_factory.mktemp("library")
    y, x = np.mgrid[-20:21, -20:21].astype(np.float32)
    dome = np.where(x * x + y * y <= 400, np.sqrt(np.maximum(400 - x * x - y * y, 0)) + 1, -1)
    wedge = np.tile(np.arange(1, 31, dtype=np.float32), (50, 1))
    maps = [dome, wedge, dome, wedge]
    flat = [packed(m).ravel() for m in maps]
    np.concatenate(flat).tofile(folder / "heights.u16")
    np.savez(
        folder / "index.npz",
        offset=np.cumsum([0] + [f.size for f in flat[:-1]]),
        rows=np.array([m.shape[0] for m in maps]),
        columns=np.array([m.shape[1] for m in maps]),
        segment=np.array([1, 2, 1, 2], np.uint8),
        head=np.tile(np.float32([[5, 8, 4]]), (4, 1)),
        upright=np.ones(4, bool),
        holdout=np.array([0, 0, 1, 1], np.uint8),
    )
    return folder
