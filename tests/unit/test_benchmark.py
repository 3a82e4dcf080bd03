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

from inference.errors import ReliefError
from inference.photo import Photo, photo_from_array
from inference.prediction import EDGE_CLASSES, SEGMENT_CLASSES
from inference.predictor import Predictor
from training import benchmark
from training.benchmark import (
    SCALES,
    SMALL_GRAIN,
    SMALL_PX,
    at_size,
    blurred_luminance,
    by_photograph,
    flat_slab,
    flat_stone,
    luminance,
    plain,
    read_panels,
    refined,
    relief_of,
    score_classes,
    score_faces,
    score_group,
    score_lights,
    score_reference,
    score_scales,
    score_synthetic,
    sheet,
    synthetic,
    table,
)
from training.compose import Scene
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
    for folder in references.iterdir():
        (folder / "photo_bright.jpg").rename(folder / "photo_clean.jpg")
    groups = by_photograph(references)
    assert list(groups)[0::2] == [f"{references.name} clean", f"{references.name} small"]
    ((small, valid),) = groups[f"{references.name} small"][0].photos
    ((clean, _),) = groups[f"{references.name} clean"][0].photos
    assert min(small.grey.shape) == SMALL_PX and valid.shape == (600, 560)
    reduced = cv2.resize(clean.grey, small.grey.shape[::-1], interpolation=cv2.INTER_AREA)
    assert (small.grey - reduced).std() == pytest.approx(SMALL_GRAIN, rel=0.2)
    assert 0.9 < score_group(luminance, groups[f"{references.name} small"])["r"] < 1


def test_of_several_panels_the_error_is_told_as_a_share_of_that_of_a_flat_slab(references: Path) -> None:
    (panel,) = read_panels(references)
    panel = replace(panel, photos=panel.photos[:1])
    deeper = replace(panel, height_mm=10 * panel.height_mm)
    one, flat = score_group(luminance, [panel]), score_group(flat_slab, [panel])
    both = score_group(luminance, [panel, deeper])
    assert "RMSE share" not in one and "RMSE mm" not in both
    assert both["RMSE share"] == pytest.approx(one["RMSE mm"] / flat["RMSE mm"], rel=1e-3)
    assert 0.01 < both["RMSE share"] < 0.5 and both["r"] == pytest.approx(one["r"], rel=1e-3)
    assert score_group(flat_slab, [panel, deeper])["RMSE share"] == 1


def test_panels_that_cannot_be_told_apart_or_scored(references: Path) -> None:
    with pytest.raises(ReliefError, match="no panel below .*nowhere"):
        by_photograph(references / "nowhere")
    shutil.copytree(references / "panel", references / "more/panel")
    assert len(by_photograph(references)) == 2, "scored together, a kind of photograph each"
    (references / "more/panel/photo_dark.jpg").unlink()
    with pytest.raises(ReliefError, match="of one name"):
        by_photograph(references)
    (references / "more/panel").rename(references / "more/other")
    assert list(by_photograph(references)) == ["other", "panel"]
    (references / "more/other/photo_bright.jpg").unlink()
    with pytest.raises(ReliefError, match=r"no photo_NAME.jpg: other\."):
        by_photograph(references)


@pytest.fixture
def carved() -> np.ndarray:
    """A height of 100 x 140 px with forms of all sizes, from 3 px on."""
    rng = np.random.default_rng(2)
    noise = [rng.standard_normal((100, 140)).astype(np.float32) for _ in range(4)]
    return np.asarray(sum(s * cv2.GaussianBlur(n, (0, 0), s) for s, n in zip((3, 6, 12, 24), noise, strict=True)))


def test_faces_are_scored_at_the_size_of_each_head(carved: np.ndarray) -> None:
    heads = np.zeros(carved.shape, np.uint8)
    cv2.circle(heads, (40, 40), 22, 1, -1)
    cv2.circle(heads, (100, 60), 15, 1, -1)
    found = carved + np.roll(carved, 37, axis=1)

    def scored(scale: int) -> float:
        shape = 140 * scale, 100 * scale
        a, b = (np.asarray(cv2.resize(h, shape, interpolation=cv2.INTER_CUBIC), np.float32) for h in (found, carved))
        return score_faces(a, b, heads.repeat(scale, axis=0).repeat(scale, axis=1) > 0)["faces r"]

    assert 0.1 < scored(1) < 0.9
    assert scored(4) == pytest.approx(scored(1), abs=0.03)


def test_fine_grain_on_a_large_head_leaves_its_face(carved: np.ndarray) -> None:
    large = np.asarray(cv2.resize(carved, (560, 400), interpolation=cv2.INTER_CUBIC), np.float32)
    heads = np.zeros(large.shape, bool)
    heads[50:350, 100:400] = True
    grain = np.random.default_rng(3).standard_normal(large.shape).astype(np.float32)
    assert score_faces(large + grain, large, heads)["faces r"] > 0.98
    assert abs(score_faces(grain, large, heads)["faces r"]) < 0.2


def test_heads_count_by_their_areas_and_specks_not_at_all(carved: np.ndarray) -> None:
    heads = np.zeros(carved.shape, bool)
    heads[10:50, 10:50] = heads[70:90, 10:30] = True
    heads[70:81, 110:121] = True
    found = carved.copy()
    found[:, 100:] = 0
    right = score_faces(found, carved, heads)
    assert right == {"faces r": pytest.approx(1)}
    found[60:] *= -1
    (small,) = score_faces(found, carved, heads & (np.arange(100) >= 60)[:, None]).values()
    (large,) = score_faces(found, carved, heads & (np.arange(100) < 60)[:, None]).values()
    assert small < 0 < large
    assert score_faces(found, carved, heads)["faces r"] == pytest.approx((1600 * large + 400 * small) / 2000)
    heads[:, :100] = False
    assert score_faces(found, carved, heads) == {}


def test_a_sheet_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    photo = photo_from_array(np.zeros((64, 64), np.uint8), "any")
    with pytest.raises(OSError, match="Could not write"):
        sheet([photo], {"luminance": luminance}, tmp_path / "nowhere/sheet.png")
    sheet([photo, photo], {"luminance": luminance}, tmp_path / "sheet.png")
    assert np.asarray(cv2.imread(str(tmp_path / "sheet.png"))).shape == (1024, 1024, 3)


def test_the_bundled_weights_read_a_panel() -> None:
    """One of Cycles' panels, aged, which most weights read well: a sign turned round anywhere shows."""
    (panel,) = read_panels(ROOT / "training" / "panels" / "09")
    aged = [photo for photo in panel.photos if photo[0].name.endswith("aged")]
    scores = score_reference(refined(Predictor.load("opencv")), replace(panel, photos=aged))
    assert len(aged) == 1 and scores["r"] > 0.75 and scores["order"] > 0.8 and scores["normals deg"] < 25


def test_lights(library: Path) -> None:
    def size_in_all(photo: Photo) -> np.ndarray:
        """The same height whatever the light, at whatever size."""
        rows, columns = photo.grey.shape
        return np.tile(np.sin(np.linspace(0, 40, columns, dtype=np.float32)), (rows, 1))

    assert score_lights(size_in_all, library, None, 1, 3) == pytest.approx(1, abs=1e-6)
    # The stains stay where they are, whatever the light.
    assert 0.3 < score_lights(luminance, library, None, 2, 8) < 0.95


def test_a_method_that_knows_the_truth_has_the_full_score_at_the_full_size(
    library: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def seen(scene: Scene, *_others: Any) -> tuple[np.ndarray, None]:
        """A photograph as bright as the panel is high."""
        low, high = scene.height.min(), scene.height.max()
        return np.asarray((scene.height - low) / (high - low), np.float32), None

    monkeypatch.setattr(benchmark, "photographed", seen)
    monkeypatch.setattr(benchmark, "TRAINING_PX", 128)
    at, fine = score_scales(luminance, library, None, 1, 4)
    assert len(at) == len(SCALES) and at[-1] > 0.99 and at == sorted(at) and at[0] < 0.99 and fine > 0.9
    at, fine = score_scales(lambda photo: -photo.grey, library, None, 1, 4)
    assert at[-1] < -0.99 and fine < -0.9
    assert score_synthetic(luminance, synthetic(library, None, True, 1, 5)) > 0.99


def test_classes_of_a_prediction_that_is_right_but_for_one_column() -> None:
    height = np.zeros((64, 64), np.float32)
    height[:, 32:] = 0.5
    # Labelled at the size at which so small a photograph is read.
    edges = soft_edge_classes(np.asarray(cv2.resize(height, (256, 256), interpolation=cv2.INTER_CUBIC), np.float32))
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
