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
