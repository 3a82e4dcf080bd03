"""What each setting does to a known prediction."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from inference.prediction import Prediction, reduced
from inference.refinement import refine
from inference.settings import RefinementSettings

SIZE = (128, 160)
# The longer side is 160 px, so waves of 10 px stand at the crossover of coarse height and slopes.
COARSE_PX, FINE_PX = 160, 5


def wave(wavelength_px: float, rows: int = SIZE[0], columns: int = SIZE[1]) -> np.ndarray:
    x = np.arange(columns) + 0.5
    return np.broadcast_to(np.cos(2 * np.pi * x / wavelength_px), (rows, columns)).astype(np.float32)


def prediction(height: np.ndarray, surface: np.ndarray, classes: np.ndarray | int = 1) -> Prediction:
    """Coarse height, slopes of a surface, and one certain edge class per pixel."""
    rows, columns = height.shape
    down, right = np.gradient(surface)
    soft_edges = np.eye(4, dtype=np.float32)[np.broadcast_to(classes, height.shape)]
    return Prediction(
        height=height.astype(np.float32),
        slopes=np.stack([right, down], axis=-1).astype(np.float32),
        soft_edges=np.ascontiguousarray(soft_edges),
        segments=np.full((rows, columns, 6), 1 / 6, np.float32),
        confidence=np.ones((rows, columns), np.float32),
        light=np.array([0.0, 0.0, 1.0], np.float32),
        weights="test",
        runtime="test",
    )


def share(height: np.ndarray, pattern: np.ndarray) -> float:
    """How much of a pattern is in a height."""
    return float((height * pattern).sum() / (pattern * pattern).sum())


def test_defaults_join_coarse_height_and_fine_slopes() -> None:
    coarse, fine = wave(COARSE_PX), 0.1 * wave(FINE_PX)
    # The coarse height lacks the fine wave; the slopes have the coarse one wrong.
    height = refine(prediction(coarse, 0.5 * coarse + fine))
    assert height.dtype == np.float32 and height.shape == SIZE
    assert share(height, wave(COARSE_PX)) == pytest.approx(1.0, abs=0.02)
    # Of 5 px waves (angle a = 72 degrees a pixel) central differences and step taps keep 0.881: cos(a/2) times
    # 1.25 cos(a/2) - 0.25 cos(3a/2); the screening leaves 1.382 / (1.382 + 0.395) of that.
    assert share(height, wave(FINE_PX)) == pytest.approx(0.0685, abs=5e-4)


@pytest.mark.parametrize(
    "settings, expected",
    [
        ({"flatten_ground": 1.0}, 0.6),
        ({"layering": 0.0}, 0.0),
        ({"layering": 2.0}, 1.2),
        ({"raise_figure": 0.5}, 1.1),
        ({"bevel": 1.0}, 0.6),
    ],
)
def test_a_frieze_is_carved_as_one_figure_of_it(settings: dict[str, float], expected: float) -> None:
    """However long it is, a figure 0.6 high keeps its size."""
    for columns in (200, 4000):
        surface = np.zeros((200, columns), np.float32)
        surface[40:160, columns // 2 - 40 : columns // 2 + 40] = 0.6
        known = prediction(surface, surface, np.where(surface > 0, 1, 0))
        known.segments[:] = np.eye(6, dtype=np.float32)[np.where(surface > 0, 1, 0)]
        height = refine(known, RefinementSettings(**settings))
        assert height[100, columns // 2] == pytest.approx(expected, abs=0.08), columns


def test_detail() -> None:
    known = prediction(wave(COARSE_PX), wave(COARSE_PX) + 0.1 * wave(FINE_PX))
    fine = [share(refine(known, RefinementSettings(detail=detail)), wave(FINE_PX)) for detail in (0.0, 1.0, 2.0)]
    coarse = [share(refine(known, RefinementSettings(detail=detail)), wave(COARSE_PX)) for detail in (0.0, 1.0, 2.0)]
    assert fine[0] == pytest.approx(0.0, abs=1e-3)
    assert fine[2] == pytest.approx(2 * fine[1], rel=1e-3)
    np.testing.assert_allclose(coarse, 1.0, atol=0.01)


def test_detail_zero_also_takes_the_fine_part_of_the_coarse_height() -> None:
    height = refine(prediction(0.1 * wave(FINE_PX), wave(FINE_PX)), RefinementSettings(detail=0.0))
    # screening / (eigenvalue + screening) = 0.395 / (1.382 + 0.395) = 0.222
    assert share(height, wave(FINE_PX)) == pytest.approx(0.0222, abs=5e-4)


@pytest.mark.parametrize("index, name", [(1, "strength_soft"), (2, "strength_medium"), (3, "strength_sharp")])
def test_each_strength_moves_its_own_class_and_place(index: int, name: str) -> None:
    classes = np.zeros(SIZE, int)
    classes[:, 80:] = index
    known = prediction(np.zeros(SIZE), 0.1 * wave(FINE_PX), classes)
    plain, strong = refine(known), refine(known, RefinementSettings(**{name: 3.0}))
    left, right = np.s_[:, 5:60], np.s_[:, 100:155]
    assert share(strong[right], wave(FINE_PX)[right]) == pytest.approx(
        3 * share(plain[right], wave(FINE_PX)[right]), rel=0.02
    )
    np.testing.assert_allclose(strong[left], plain[left], atol=2e-3)
    others = {f"strength_{other}": 0.0 for other in ("soft", "medium", "sharp") if f"strength_{other}" != name}
    np.testing.assert_allclose(refine(known, RefinementSettings(**others)), plain, atol=1e-6)


def test_strength_acts_in_proportion_to_the_probability() -> None:
    known = prediction(np.zeros(SIZE), 0.1 * wave(FINE_PX))
    known.soft_edges[:] = (0.5, 0.0, 0.0, 0.5)
    plain, strong = refine(known), refine(known, RefinementSettings(strength_sharp=3.0))
    np.testing.assert_allclose(strong, 2 * plain, atol=1e-6)


def test_smoothing_stops_at_edges() -> None:
    classes = np.zeros(SIZE, int)
    classes[:, 80:] = 2
    known = prediction(np.zeros(SIZE), 0.1 * wave(FINE_PX), classes)
    plain, smooth = refine(known), refine(known, RefinementSettings(smoothing=1.0))
    assert np.abs(smooth[:, 5:60]).max() < 0.002 < np.abs(plain[:, 5:60]).max()
    np.testing.assert_allclose(smooth[:, 100:155], plain[:, 100:155], atol=2e-3)


def test_down_is_down_and_right_is_right() -> None:
    step = np.zeros(SIZE, np.float32)
    step[100:, :] = 0.3
    height = refine(prediction(step, step))
    assert height[108, 20] > height[92, 20] + 0.2
    assert height[92, 20] == pytest.approx(height[92, 140], abs=1e-5)


def test_flat_stays_flat_and_nothing_is_renormalised() -> None:
    assert not refine(prediction(np.zeros(SIZE), np.zeros(SIZE), 0)).any()
    surface = 0.5 * wave(COARSE_PX) + 0.1 * wave(FINE_PX)
    small = refine(prediction(0.01 * surface, 0.01 * surface))
    np.testing.assert_allclose(small, 0.01 * refine(prediction(surface, surface)), atol=1e-6)


def test_odd_sizes() -> None:
    surface = wave(200, 101, 131)
    np.testing.assert_allclose(refine(prediction(surface, surface)), surface, atol=0.02)


def test_edge_threshold_makes_faint_edges_plain_stone() -> None:
    known = prediction(np.zeros(SIZE), 0.1 * wave(FINE_PX))
    known.soft_edges[:] = (0.7, 0.0, 0.3, 0.0)
    smooth = refine(known, RefinementSettings(smoothing=1.0))
    # Smoothing leaves the 0.3 that is an edge; above the threshold it is none any more.
    np.testing.assert_allclose(smooth, 0.3 * refine(known), atol=1e-6)
    assert not refine(known, RefinementSettings(smoothing=1.0, edge_threshold=0.4)).any()
    np.testing.assert_allclose(refine(known, RefinementSettings(smoothing=1.0, edge_threshold=0.2)), smooth, atol=1e-6)
    # Half of it is left where the probability is the threshold.
    half = refine(known, RefinementSettings(smoothing=1.0, edge_threshold=0.3))
    np.testing.assert_allclose(half, 0.5 * smooth, atol=1e-6)


def test_bevel_widens_a_step_and_keeps_its_height() -> None:
    rows, columns = 200, 400
    step = np.zeros((rows, columns), np.float32)
    step[:, 200:] = 0.3
    classes = np.zeros((rows, columns), int)
    classes[:, 195:205] = 3
    known = prediction(step, step, classes)
    plain, bevelled = refine(known), refine(known, RefinementSettings(bevel=1.0))

    def rise_px(height: np.ndarray) -> int:
        """Pixels between 10 and 90 % of the step."""
        return int(((height[100] > 0.03) & (height[100] < 0.27)).sum())

    # The blur's sigma is 400 / 200 = 2 px: a step then rises over 2 * 1.28 * 2 = 5.1 px, the slopes' own width apart.
    assert rise_px(plain) <= 2 and 4 <= rise_px(bevelled) <= 7
    far = np.s_[:, 215:230]
    np.testing.assert_allclose(bevelled[far], plain[far], atol=0.01)
    assert np.abs(bevelled[:, 100:150] - plain[:, 100:150]).max() < 0.005


def test_layering_scales_the_large_forms_alone() -> None:
    known = prediction(wave(COARSE_PX), wave(COARSE_PX) + 0.1 * wave(FINE_PX))
    plain, deep = refine(known), refine(known, RefinementSettings(layering=2.0))
    assert share(deep, wave(COARSE_PX)) == pytest.approx(2 * share(plain, wave(COARSE_PX)), rel=0.02)
    assert share(deep, wave(FINE_PX)) == pytest.approx(share(plain, wave(FINE_PX)), rel=0.02)


def test_ground_is_flattened_and_segments_are_raised_where_they_are() -> None:
    surface = 0.3 + 0.1 * wave(COARSE_PX)
    known = prediction(surface, surface)
    known.segments[:] = 0.0
    known.segments[:, :100, 0] = 1.0
    known.segments[:, 100:, 2] = 0.5
    known.segments[:, 100:, 5] = 0.5
    plain = refine(known)
    # The border between them is blurred by 160 / 128 px.
    left, right, border = np.s_[:, :94], np.s_[:, 106:], np.s_[:, 99:101]
    flattened = refine(known, RefinementSettings(flatten_ground=0.75))
    np.testing.assert_allclose(flattened[left], 0.25 * plain[left], atol=1e-5)
    np.testing.assert_allclose(flattened[right], plain[right], atol=1e-5)
    # Half animal, half object: half of each.
    moved = refine(known, RefinementSettings(raise_animal=0.4, raise_object=-0.1, raise_figure=1.0)) - plain
    np.testing.assert_allclose(moved[left], 0.0, atol=1e-5)
    np.testing.assert_allclose(moved[right], 0.15, atol=1e-5)
    assert moved[border].mean() == pytest.approx(0.075, abs=1e-3)


@pytest.mark.parametrize(
    "settings", [{"flatten_ground": 1.0}, {"raise_figure": 0.3}, {"bevel": 1.0}, {"detail": 2.0}, {"layering": 2.0}]
)
def test_a_panel_is_carved_alike_on_any_page(settings: dict[str, float]) -> None:
    """Ground beside it is none of its own, and it is measured by itself."""
    y, x = np.mgrid[:400, :400]
    inside = (np.hypot(y - 200, x - 200) < 140).astype(np.float32)
    surface = 0.5 + 0.1 * np.cos(x / 30.0) * np.cos(y / 40.0)
    heights = []
    for margin in (0, 200):
        known = prediction(np.pad(surface, margin, mode="edge"), np.pad(surface, margin, mode="edge"), 2)
        known = replace(known, panel=np.pad(inside, margin))
        known.segments[:] = np.eye(6, dtype=np.float32)[np.where(known.panel > 0, 1, 0)]
        height = refine(known, RefinementSettings(**settings))
        heights.append(height[margin : 400 + margin, margin : 400 + margin])
        assert not height[known.panel == 0].any()
        if "flatten_ground" in settings:  # and there is no ground
            np.testing.assert_allclose(height, refine(known), atol=1e-3)
        if "raise_figure" in settings:
            np.testing.assert_allclose(height, refine(known) + 0.3 * known.panel, atol=1e-3)
    np.testing.assert_allclose(*heights, atol=5e-3)


def test_a_panel_that_the_maps_do_not_show_is_bare_slab() -> None:
    known = replace(prediction(wave(COARSE_PX), wave(COARSE_PX)), panel=np.zeros(SIZE, np.float32))
    assert not refine(known, RefinementSettings(flatten_ground=1.0, raise_figure=0.5)).any()


def test_a_large_mask_has_a_smooth_rim() -> None:
    level = np.ones(SIZE, np.float32)
    known = prediction(level, level)
    y, x = np.mgrid[: 8 * SIZE[0], : 8 * SIZE[1]]
    radius = 3.0 * SIZE[0]
    disc = (np.hypot(y - 4.0 * SIZE[0], x - 4.0 * SIZE[1]) < radius).astype(np.float32)
    kept = refine(known, mask=disc) / refine(known)
    partly = ((kept > 0.02) & (kept < 0.98)).sum()
    assert partly > 0.8 * 2 * np.pi * radius / 8, "a pixel or so wherever the rim goes"


def test_no_stroke_of_a_mask_in_other_proportions_is_lost() -> None:
    level = np.ones(SIZE, np.float32)
    known = prediction(level, level)
    for shape in ((SIZE[0] // 2, 20 * SIZE[1]), (20 * SIZE[0], SIZE[1] // 2)):
        mask = np.ones(shape, np.float32)
        across = int(shape[1] < shape[0])
        strokes = np.arange(7, max(shape), 97)
        for stroke in strokes:
            mask[(slice(None), slice(stroke, stroke + 2)) if not across else (slice(stroke, stroke + 2),)] = 0.0
        left = (refine(known, mask=mask) / refine(known)).mean(axis=across)
        places = (strokes * left.size) // max(shape)
        assert (left[places.clip(0, left.size - 1)] < 0.96).all()


def test_mask_leaves_bare_slab_outside() -> None:
    known = prediction(wave(COARSE_PX), wave(COARSE_PX))
    mask = np.zeros((SIZE[0] // 2, SIZE[1] // 2), np.float32)
    mask[:, : SIZE[1] // 4] = 1.0
    plain, masked = refine(known), refine(known, mask=mask)
    assert masked[:, : SIZE[1] // 2 - 2] == pytest.approx(plain[:, : SIZE[1] // 2 - 2])
    assert not masked[:, SIZE[1] // 2 + 2 :].any()


def test_reduced_prediction_refines_to_the_same_large_forms() -> None:
    known = prediction(wave(COARSE_PX), wave(COARSE_PX) + 0.1 * wave(40))
    small = reduced(known, (SIZE[0] // 2, SIZE[1] // 2))
    assert small.height.shape == (SIZE[0] // 2, SIZE[1] // 2)
    whole = refine(known).reshape(SIZE[0] // 2, 2, SIZE[1] // 2, 2).mean(axis=(1, 3))
    assert refine(small) == pytest.approx(whole, abs=0.02)
    assert reduced(known, SIZE) is known


def test_predictions_are_reduced_to_any_size() -> None:
    known = prediction(wave(COARSE_PX), wave(COARSE_PX))
    small = reduced(known, (100, 130))
    assert small.segments.shape == (100, 130, 6) and small.soft_edges.shape == (100, 130, 4)
    assert small.segments.sum(axis=2) == pytest.approx(1.0, abs=1e-5)
    # Slopes are per pixel of the result.
    rise = np.diff(small.height, axis=1)[:, 5:-5]
    found = small.slopes[:, 5:-6, 0] / 2 + small.slopes[:, 6:-5, 0] / 2
    assert (rise * found).sum() / (rise * rise).sum() == pytest.approx(1.0, abs=0.02)
