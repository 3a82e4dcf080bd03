"""Paint: which colour means what, and what it does to the surface."""

from __future__ import annotations

import numpy as np
import pytest

from inference.corrections import FLAT_COLOUR, NEUTRAL, Corrections, read_paint
from inference.maps import EDGE_PALETTE
from inference.prediction import Prediction
from inference.refinement import refine
from inference.settings import RefinementSettings

ROWS, COLUMNS = 96, 128


def painted(colour: tuple[float, ...], strength: float = 1.0) -> np.ndarray:
    """A neutral sheet, its right half painted."""
    sheet = np.full((ROWS, COLUMNS, 3), NEUTRAL, np.float32)
    sheet[:, COLUMNS // 2 :] += (np.array(colour, np.float32) / 255 - NEUTRAL) * strength
    return np.rint(sheet * 255).astype(np.float32) / 255


def prediction() -> Prediction:
    """Waves 32 px long over a slope, all of it a soft edge for certain."""
    x = np.arange(COLUMNS, dtype=np.float32)
    height = np.broadcast_to(0.3 + 0.002 * x, (ROWS, COLUMNS)).astype(np.float32)
    slopes = np.zeros((ROWS, COLUMNS, 2), np.float32)
    slopes[..., 0] = 0.002 + 0.01 * np.cos(2 * np.pi * x / 8)
    soft_edges = np.zeros((ROWS, COLUMNS, 4), np.float32)
    soft_edges[..., 1] = 1
    segments = np.full((ROWS, COLUMNS, 6), 1 / 6, np.float32)
    ones = np.ones((ROWS, COLUMNS), np.float32)
    return Prediction(height, slopes, soft_edges, segments, ones, np.array([0, 0, 1], np.float32), "test", "test")


def roughness(height: np.ndarray, columns: slice) -> float:
    return float(np.abs(np.diff(height[20:-20, columns], 2, axis=1)).mean())


LEFT, RIGHT = slice(8, COLUMNS // 2 - 12), slice(COLUMNS // 2 + 12, -8)


def test_neutral_grey_corrects_nothing() -> None:
    assert read_paint(painted((128, 128, 128))) is None


@pytest.mark.parametrize("strength", [0.5, 1.0])
def test_white_raises_and_black_lowers_by_as_much_as_is_painted(strength: float) -> None:
    for colour, sign in ((255, 1.0), (0, -1.0)):
        corrections = read_paint(painted((colour,) * 3, strength))
        assert corrections is not None
        assert corrections.raised[10, -10] == pytest.approx(sign * strength, abs=0.02)
        assert corrections.raised[10, 10] == 0.0
        assert not corrections.flat.any() and not corrections.edges.any()


@pytest.mark.parametrize("strength", [0.4, 1.0])
def test_colours_mean_flat_and_edges_and_neither_raise_nor_lower(strength: float) -> None:
    for index, colour in enumerate((FLAT_COLOUR, *EDGE_PALETTE[1:])):
        corrections = read_paint(painted(tuple(colour), strength))
        assert corrections is not None
        values = np.dstack((corrections.flat, corrections.edges))
        wanted = np.zeros(4)
        wanted[index] = strength
        assert values[10, -10] == pytest.approx(wanted, abs=0.03)
        assert not values[10, 10].any()
        assert np.abs(corrections.raised).max() < 0.02


def test_white_paint_lifts_where_it_is() -> None:
    known = prediction()
    settings = RefinementSettings(paint_height=0.3)
    moved = refine(known, settings, read_paint(painted((255, 255, 255)))) - refine(known, settings)
    assert moved[10, -10] == pytest.approx(0.3, abs=1e-4)
    assert moved[10, 10] == pytest.approx(0.0, abs=1e-4)


def test_flat_paint_takes_waves_and_slope_away_where_it_is() -> None:
    known = prediction()
    plain, flat = refine(known), refine(known, None, read_paint(painted(FLAT_COLOUR)))
    assert roughness(flat, RIGHT) < 0.05 * roughness(plain, RIGHT)
    assert roughness(flat, LEFT) == pytest.approx(roughness(plain, LEFT), rel=0.05)
    assert np.ptp(flat[48, RIGHT]) < 0.4 * np.ptp(plain[48, RIGHT])


DOME_PX = 256


def dome() -> Prediction:
    """A round dome 0.8 high, certain plain stone."""
    y, x = np.mgrid[:DOME_PX, :DOME_PX].astype(np.float32) - DOME_PX / 2
    height = (0.8 * np.exp(-(np.hypot(x, y) ** 2) / (0.3 * DOME_PX) ** 2)).astype(np.float32)
    down, right = np.gradient(height)
    slopes, ones = np.dstack((right, down)), np.ones(height.shape, np.float32)
    soft_edges = np.zeros((*height.shape, 4), np.float32)
    soft_edges[..., 0] = 1
    segments = np.full((*height.shape, 6), 1 / 6, np.float32)
    return Prediction(height, slopes, soft_edges, segments, ones, np.array([0, 0, 1], np.float32), "test", "test")


def flat_paint(flat: np.ndarray) -> Corrections:
    nothing = np.zeros(flat.shape, np.float32)
    return Corrections(nothing, flat.astype(np.float32), np.repeat(nothing[..., None], 3, axis=2))


def test_thin_flat_paint_flattens_in_part() -> None:
    flat = np.zeros((DOME_PX, DOME_PX))
    flat[75:175, 75:175] = 0.45
    inside = np.s_[85:165, 85:165]
    assert refine(dome(), None, flat_paint(flat))[inside].std() < 0.7 * refine(dome())[inside].std()


def test_a_soft_brush_leaves_no_cliff() -> None:
    y, x = np.mgrid[:DOME_PX, :DOME_PX] - DOME_PX / 2
    within = np.clip(1 - np.hypot(x, y) / (0.49 * DOME_PX), 0, 1)
    paint = flat_paint(within**2 * (3 - 2 * within))
    plain, soft = (np.abs(np.diff(height, axis=1)).max() for height in (refine(dome()), refine(dome(), None, paint)))
    assert soft < 2 * plain


def test_places_painted_flat_keep_levels_of_their_own() -> None:
    """Each the mean of what was there: a strong place, one of thin paint, and all the panel."""
    known, flat = dome(), np.zeros((DOME_PX, DOME_PX))
    strong, thin = np.s_[108:148, 108:148], np.s_[108:148, 8:48]
    flat[strong], flat[thin] = 1.0, 0.5
    height = refine(known, None, flat_paint(flat))
    assert height[strong].mean() == pytest.approx(known.height[strong].mean(), abs=0.02)
    assert height[thin].mean() == pytest.approx(known.height[thin].mean(), abs=0.02)
    whole = refine(known, None, flat_paint(np.ones(flat.shape)))
    assert whole == pytest.approx(known.height.mean(), abs=1e-4)
    unpainted = refine(known, None, flat_paint(np.zeros(flat.shape)))
    np.testing.assert_array_equal(unpainted, refine(known))


def test_thin_strokes_stay_when_the_panel_is_reduced() -> None:
    """As while a slider is dragged: strokes 3 px wide on an eighth of the pixels."""
    strokes = np.zeros((8 * ROWS, 8 * COLUMNS), np.float32)
    at = np.arange(100, 900, 101)
    for column in at:
        strokes[:, column : column + 3] = 1.0
    nothing = np.zeros_like(strokes)
    paint = Corrections(strokes, nothing, np.repeat(nothing[..., None], 3, axis=2))
    settings = RefinementSettings(paint_height=0.3)
    raised = refine(prediction(), settings, paint) - refine(prediction(), settings)
    # 3 of 8 px, wherever the borders between pixels are.
    sums = [raised[10, column // 8 - 1 : column // 8 + 3].sum() for column in at]
    assert sums == pytest.approx([0.3 * 3 / 8] * len(at), abs=1e-3)


def test_painted_edges_are_steeper_or_rounder() -> None:
    known = prediction()
    plain = roughness(refine(known), RIGHT)
    soft, medium, sharp = (
        roughness(refine(known, None, read_paint(painted(tuple(colour)))), RIGHT) / plain for colour in EDGE_PALETTE[1:]
    )
    assert soft < 0.95
    assert medium == pytest.approx(1.5, abs=0.1)
    assert sharp == pytest.approx(2.0, abs=0.15)


def test_a_painted_edge_obeys_the_strength_of_its_class() -> None:
    known, paint = prediction(), read_paint(painted(tuple(EDGE_PALETTE[3])))
    without = refine(known, RefinementSettings(strength_sharp=0.0), paint)
    assert roughness(without, RIGHT) < 0.05 * roughness(refine(known), RIGHT)
    assert roughness(without, LEFT) == pytest.approx(roughness(refine(known), LEFT), rel=0.05)


def test_paint_of_another_size_covers_the_same_panel() -> None:
    known = prediction()
    full = read_paint(painted((255, 255, 255)))
    assert full is not None
    half = Corrections(full.raised[::2, ::2], full.flat[::2, ::2], np.ascontiguousarray(full.edges[::2, ::2]))
    a, b = refine(known, None, full), refine(known, None, half)
    assert np.abs(a - b)[:, : COLUMNS // 2 - 2].max() < 1e-5
    assert np.abs(a - b)[:, COLUMNS // 2 + 2 :].max() < 1e-5
