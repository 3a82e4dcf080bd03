"""The benchmark's own parts, on panels small enough to reckon by hand."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest

from inference.photo import Photo, photo_from_array
from inference.prediction import EDGE_CLASSES, SEGMENT_CLASSES
from inference.predictor import Predictor
from training.benchmark import (
    SCALES,
    at_size,
    blurred_luminance,
    bundled,
    by_photograph,
    flat_slab,
    flat_stone,
    luminance,
    plain,
    read_panels,
    relief_of,
    score_classes,
    score_lights,
    score_reference,
    score_scales,
    table,
)
from training.labels import soft_edge_classes

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def references(tmp_path: Path) -> Path:
    """A panel of 560x600 px: a ramp of 0.002 mm a pixel to the right, a wave on it, a strip at the left unknown."""
    folder = tmp_path / "panel"
    folder.mkdir()
    y, x = np.mgrid[0:600, 0:560].astype(np.float32)
    height_mm = 0.002 * x + np.sin(x / 9) + 0.5 * np.cos(y / 13)
    cv2.imwrite(str(folder / "height_u16.png"), np.round((height_mm + 100) * 100).astype(np.uint16))
    valid = np.full((600, 560), 255, np.uint8)
    valid[:, :30] = 0
    cv2.imwrite(str(folder / "valid.png"), valid)
    bright = np.clip(128 + 40 * (np.sin(x / 9) + 0.5 * np.cos(y / 13)), 0, 255).astype(np.uint8)
    for name, picture in (("bright", bright), ("dark", 255 - bright)):
        cv2.imwrite(str(folder / f"photo_{name}.jpg"), picture, [cv2.IMWRITE_JPEG_QUALITY, 98])
        seen = valid.copy()
        seen[590:] = 0
        cv2.imwrite(str(folder / f"photo_{name}_valid.png"), seen)
    return tmp_path


def test_panels_are_read_in_millimetres_with_both_masks(references: Path) -> None:
    (panel,) = read_panels(references)
    assert panel.name == "panel" and [photo.name for photo, _ in panel.photos] == ["photo_bright", "photo_dark"]
    assert panel.height_mm[0, 100] == pytest.approx(0.002 * 100 + np.sin(100 / 9) + 0.5, abs=0.006)
    valid = panel.photos[0][1]
    assert not valid[300, 29] and valid[300, 30] and valid[589, 300] and not valid[590, 300]


def test_a_method_scores_the_mean_over_the_photographs(references: Path) -> None:
    (panel,) = read_panels(references)
    by_photo = [score_reference(luminance, type(panel)(panel.name, panel.height_mm, [p]))["r"] for p in panel.photos]
    assert by_photo[0] > 0.97 and by_photo[1] < -0.97
    scores = score_reference(luminance, panel)
    assert scores["r"] == pytest.approx(sum(by_photo) / 2, abs=1e-6)
    # Half of the photographs have every pair of points in order, the others in the opposite one.
    assert scores["order"] == pytest.approx(0.5, abs=0.02)
    assert "normals deg" not in scores


def test_rendered_panels_are_scored_by_kind_of_photograph_and_with_normals(references: Path) -> None:
    assert list(by_photograph(references)) == ["panel"]
    shutil.copytree(references / "panel", references / "other")
    for folder in references.iterdir():
        (folder / "panel.json").write_text('{"mm_per_px": 0.5, "depth_mm": 4}', encoding="utf-8")
        cv2.imwrite(str(folder / "segments.png"), np.eye(600, 560, dtype=np.uint8))
        heads = np.zeros((600, 560), np.uint8)
        heads[200:240, 300:340] = 255
        cv2.imwrite(str(folder / "heads.png"), heads)
    groups = by_photograph(references)
    assert list(groups) == [f"{references.name} bright", f"{references.name} dark"]
    assert [panel.name for panel in groups[f"{references.name} dark"]] == ["other", "panel"]
    panel = groups[f"{references.name} bright"][0]
    assert panel.depth_mm == 4 and panel.segments is not None and panel.segments[7, 7] == 1 > panel.segments[7, 8]
    exact = score_reference(lambda photo: panel.height_mm, panel)
    assert exact["normals deg"] == pytest.approx(0, abs=1e-3) and exact["accuracy"] == pytest.approx(1)
    assert exact["faces r"] == pytest.approx(1)
    shades = score_reference(luminance, panel)
    assert shades["normals deg"] > 0.1 and 0.8 < shades["faces r"] < 1
    nothing = score_reference(flat_slab, panel)
    assert nothing["r"] == nothing["faces r"] == 0 and nothing["normals deg"] > shades["normals deg"]
    assert panel.heads is not None
    panel.heads[:] = False
    assert "faces r" not in score_reference(luminance, panel)


def test_the_bundled_weights_read_a_panel() -> None:
    """One of Cycles' panels, aged, which most weights read well: a sign turned round anywhere shows."""
    (panel,) = read_panels(ROOT / "training" / "panels" / "09")
    aged = [photo for photo in panel.photos if photo[0].name.endswith("aged")]
    scores = score_reference(bundled(Predictor.load("opencv")), replace(panel, photos=aged))
    assert len(aged) == 1 and scores["r"] > 0.75 and scores["order"] > 0.8 and scores["normals deg"] < 25


def test_lights_and_scales(library: Path) -> None:
    def size_in_all(photo: Photo) -> np.ndarray:
        """The same height whatever the light, at whatever size."""
        rows, columns = photo.grey.shape
        return np.tile(np.sin(np.linspace(0, 40, columns, dtype=np.float32)), (rows, 1))

    assert score_lights(size_in_all, library, None, 1, 3) == pytest.approx(1, abs=1e-6)
    # The stains stay where they are, whatever the light.
    assert 0.3 < score_lights(luminance, library, None, 2, 8) < 0.95
    at, fine = score_scales(luminance, library, None, 1, 4)
    assert len(at) == len(SCALES) and all(-1 < r < 1 for r in at) and -1 < fine < 1


def test_classes_of_a_prediction_that_is_right_but_for_one_column() -> None:
    height = np.zeros((64, 64), np.float32)
    height[:, 32:] = 0.5
    # Labelled at the size at which so small a photograph is read.
    edges = soft_edge_classes(np.asarray(cv2.resize(height, (128, 128), interpolation=cv2.INTER_CUBIC), np.float32))
    segments = np.zeros((64, 64), np.uint8)
    segments[:, 32:] = 2
    soft_edges = np.eye(len(EDGE_CLASSES), dtype=np.float32)[edges]
    given = segments.copy()
    given[:, 31] = 2
    prediction = SimpleNamespace(soft_edges=soft_edges, segments=np.eye(len(SEGMENT_CLASSES), dtype=np.float32)[given])
    predictor: Any = SimpleNamespace(predict=lambda photo: prediction)
    scores = score_classes(predictor, [(photo_from_array(np.zeros((64, 64), np.uint8), "any"), height, segments)])
    edges = at_size(soft_edges, (64, 64)).argmax(2)
    assert (edges > 0).any()
    assert [scores[f"F1 {name}"] for name in EDGE_CLASSES[1:]] == [float((edges == i).any()) for i in (1, 2, 3)]
    # Of 64 columns 31 + 32 are right; the wrong one is in either union: (31 / 32 + 32 / 33) / 2.
    assert scores["mIoU"] == pytest.approx((31 / 32 + 32 / 33) / 2)
    prediction.soft_edges, prediction.segments = (twice(maps) for maps in (prediction.soft_edges, prediction.segments))
    again = score_classes(predictor, [(photo_from_array(np.zeros((64, 64), np.uint8), "any"), height, segments)])
    assert again == pytest.approx(scores), "maps of an enlarged photograph are reduced first"


def twice(maps: np.ndarray) -> np.ndarray:
    """Each pixel as four."""
    return maps.repeat(2, axis=0).repeat(2, axis=1)


def test_heights_of_enlarged_photographs_are_reduced_first(references: Path) -> None:
    (panel,) = read_panels(references)
    assert score_reference(lambda photo: twice(photo.grey), panel) == pytest.approx(score_reference(luminance, panel))


def test_table_has_a_column_for_all_that_any_method_has() -> None:
    assert table({"a": {"r": 0.5}, "b": {"r": 1, "F1": 0.25}}).splitlines() == [
        "| | r | F1 |",
        "|---|---|---|",
        "| a | 0.500 |  |",
        "| b | 1.000 | 0.250 |",
    ]


def test_baselines() -> None:
    grey = np.zeros((100, 200), np.uint8)
    grey[:, 100:] = 255
    photo = photo_from_array(grey, "step")
    assert luminance(photo)[50, 150] == pytest.approx(1)
    # sigma is 200 / 200 = 1 px: at the first bright pixel's centre Phi(0.5)
    assert blurred_luminance(photo)[50, 100] == pytest.approx(0.691, abs=0.02)


def test_a_plain_network_is_scored_by_its_height_as_it_is() -> None:
    """What it says of slopes was never trained, and stays out."""
    said = SimpleNamespace(height=np.full((4, 4), 0.25, np.float32), slopes=np.full((4, 4, 2), np.nan, np.float32))
    found: Any = SimpleNamespace(read=lambda photo: said)
    assert (plain(found)(photo_from_array(np.zeros((64, 64), np.uint8), "any")) == 0.25).all()


def test_relief_is_the_spread_between_the_outer_twentieths() -> None:
    photo = photo_from_array(np.zeros((64, 64), np.uint8), "flat")

    def slope(photo: Photo) -> np.ndarray:
        return np.tile(np.linspace(0, 1, 101, dtype=np.float32), (64, 1))

    assert relief_of(slope, [photo]) == pytest.approx(0.9, abs=1e-4)


def test_flat_stone_is_stained_and_repeats() -> None:
    first, second = flat_stone(None, 2, seed=3)
    again = flat_stone(None, 2, seed=3)[1]
    assert first.grey.std() > 0.01 and not np.array_equal(first.grey, second.grey)
    np.testing.assert_array_equal(second.grey, again.grey)
