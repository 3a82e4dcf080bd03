"""Scores of heights whose agreement is known."""

from __future__ import annotations

import numpy as np
import pytest

from inference.errors import ReliefError
from inference.evaluation import (
    accuracy,
    correlation,
    fit,
    highpass,
    normal_error_deg,
    ordinal_accuracy,
    rmse_fitted,
    score_panel,
)

ALL = np.ones((4, 5), bool)


def test_correlation_by_hand() -> None:
    a = np.array([[1.0, 2.0, 3.0, 99.0]], np.float32)
    b = np.array([[2.0, 2.0, 5.0, -9.0]], np.float32)
    mask = np.array([[True, True, True, False]])
    # Centred: (-1, 0, 1) and (-1, -1, 2): 3 / sqrt(2 * 6).
    assert correlation(a, b, mask) == pytest.approx(3 / np.sqrt(12), abs=1e-9)
    assert correlation(a, -2 * b + 7, mask) == pytest.approx(-3 / np.sqrt(12), abs=1e-6)


def test_correlation_with_a_flat_map_is_nothing() -> None:
    a = np.arange(20, dtype=np.float32).reshape(4, 5)
    assert correlation(a, np.full_like(a, 3.0), ALL) == 0.0
    assert correlation(a, a, np.zeros((4, 5), bool)) == 0.0


def test_rmse_by_hand() -> None:
    a = np.array([[1.0, 2.0, 3.0, np.nan]], np.float32)
    b = np.array([[2.0, 2.0, 5.0, 50.0]], np.float32)
    mask = np.array([[True, True, True, False]])
    # Best scale 3 / 2; residuals (0.5, -1, 0.5).
    assert rmse_fitted(a, b, mask) == pytest.approx(np.sqrt(0.5), abs=1e-6)
    # In the unit of b, whatever the scale of a; a flat guess leaves the spread of b, and a mould is no better.
    assert rmse_fitted(40 * a + 3, b, mask) == pytest.approx(np.sqrt(0.5), abs=1e-5)
    for guess in (np.ones_like(a), -40 * a + 3):
        assert rmse_fitted(guess, b, mask) == pytest.approx(np.sqrt(2.0), abs=1e-6)


def test_fit_and_accuracy_by_hand() -> None:
    a = np.array([[1.0, 2.0, 3.0, 7.0]], np.float32)
    b = np.array([[2.0, 2.0, 5.0, 50.0]], np.float32)
    mask = np.array([[True, True, True, False]])
    # Scale 3 / 2 (see above), offset 3 - 2 * 3 / 2; errors 0.5, 1, 0.5 of a range of 3.
    assert fit(a, b, mask) == pytest.approx((1.5, 0.0), abs=1e-6)
    assert accuracy(a, b, mask) == pytest.approx(1 - 2 / 3 / 3, abs=1e-6)
    # A flat guess: errors 1, 1, 2 about the mean of 3.
    assert accuracy(np.ones_like(a), b, mask) == pytest.approx(1 - 4 / 3 / 3, abs=1e-6)


def test_ordinal_accuracy_of_the_same_order_of_none_and_of_the_opposite() -> None:
    b = np.arange(600, dtype=np.float32).reshape(20, 30)
    everywhere = np.ones(b.shape, bool)
    assert ordinal_accuracy(np.exp(b / 100), b, everywhere) == 1.0
    assert ordinal_accuracy(-b, b, everywhere) == 0.0
    assert ordinal_accuracy(np.zeros_like(b), b, everywhere) == 0.5
    # Known apart from the two halves alone: a pair lies in different halves half of the time, more where it is far.
    halves = ordinal_accuracy((b >= 300).astype(np.float32), b, everywhere, least=0.0)
    assert halves == pytest.approx(0.75, abs=0.01)


def test_normal_error_of_planes() -> None:
    y, x = np.mgrid[0:20, 0:30].astype(np.float32)
    everywhere = np.ones(x.shape, bool)
    # The plane x rises at 45 degrees, whatever the scale of the guess; against a flat guess that is the error.
    assert normal_error_deg(7 * x + 3, x, everywhere) == pytest.approx(0, abs=1e-3)
    assert normal_error_deg(np.zeros_like(x), x, everywhere) == pytest.approx(45, abs=1e-3)
    assert normal_error_deg(-x, x, everywhere) == pytest.approx(45, abs=1e-3), "a mould is no better than a flat guess"
    # A slab that leans wrongly costs the angle that it leans: the scale is that of the slopes.
    y, x = np.mgrid[0:20, 0:300].astype(np.float32)
    assert normal_error_deg(np.sin(x) - 0.1 * x, np.sin(x), np.ones(x.shape, bool)) < np.degrees(np.arctan(0.1)) + 1


@pytest.mark.parametrize("gap", [0.0, -100.0, np.nan])
def test_normals_do_not_reach_over_the_rim_of_the_mask(gap: float) -> None:
    y, x = np.mgrid[0:60, 0:80].astype(np.float32)
    true = 3 * np.sin(x / 5) + 2 * np.cos(y / 7)
    mask = np.ones(true.shape, bool)
    mask[20:30, 40:55] = False
    scan = np.where(mask, true, gap).astype(np.float32)
    assert normal_error_deg(true, scan, mask) == pytest.approx(0, abs=1e-3)
    assert normal_error_deg(scan, true, mask) == pytest.approx(0, abs=1e-3)
    stripes = np.broadcast_to(x % 2 == 0, mask.shape)
    assert normal_error_deg(scan, true, mask & stripes) == 0.0, "no pixel has all its neighbours"


def test_highpass_takes_the_slow_part_away_and_keeps_the_fast_one() -> None:
    x = np.arange(256, dtype=np.float32)
    slow, fast = np.cos(2 * np.pi * x / 256), np.cos(2 * np.pi * x / 8)
    height = np.broadcast_to(5 * slow + fast, (200, 256)).astype(np.float32)
    result = highpass(height, np.ones(height.shape, bool), 10.0)
    # A Gaussian passes exp(-(2 pi sigma / wavelength)^2 / 2): 0.970 of the slow wave.
    inner = np.s_[60:140, 64:192]
    np.testing.assert_allclose(result[inner], np.broadcast_to(0.03 * 5 * slow + fast, (200, 256))[inner], atol=0.01)


def test_highpass_sees_only_the_mask() -> None:
    rng = np.random.default_rng(4)
    height = rng.standard_normal((60, 80)).astype(np.float32)
    mask = np.zeros(height.shape, bool)
    mask[10:50, 20:70] = True
    spoiled = np.where(mask, height, np.nan).astype(np.float32)
    result = highpass(spoiled, mask, 6.0)
    assert np.array_equal(result, highpass(np.where(mask, height, 1e4).astype(np.float32), mask, 6.0))
    assert not result[~mask].any()
    # A constant within the mask has no fast part, at its border neither.
    np.testing.assert_allclose(highpass(np.where(mask, 700.0, 0.0).astype(np.float32), mask, 6.0), 0.0, atol=1e-3)
    assert not highpass(height, np.zeros_like(mask), 6.0).any()


def panel() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(6)
    return rng.standard_normal((96, 160)).astype(np.float32), np.ones((96, 160), bool)


def test_score_of_the_truth_itself_and_of_its_mould() -> None:
    true, valid = panel()
    r, rmse_mm = score_panel(0.02 * true + 5, true, valid, crop_px=64, stride_px=32, sigma_px=8)
    assert r == pytest.approx(1.0, abs=1e-4) and rmse_mm == pytest.approx(0.0, abs=1e-2)
    assert score_panel(-true, true, valid, crop_px=64, stride_px=32, sigma_px=8)[0] == pytest.approx(-1.0, abs=1e-6)


def test_score_is_the_median_of_the_crops_that_are_valid_enough() -> None:
    true, valid = panel()
    noise = np.random.default_rng(7).standard_normal(true.shape).astype(np.float32)
    pred = true.copy()
    pred[:, 64:] = noise[:, 64:]  # right of column 64 nothing agrees
    pred[~valid] = np.nan
    # Crops at columns 0, 32, 64, 96: wholly right, half, wrong, wrong; the median lies between half and wrong.
    r = score_panel(pred, true, valid, crop_px=64, stride_px=32, sigma_px=8)[0]
    assert 0.15 < r < 0.35
    # Without the two last ones it lies between right and half.
    valid[:, 120:] = False
    valid[:, 100:] = False
    r = score_panel(pred, true, valid, crop_px=64, stride_px=32, min_valid=0.9, sigma_px=8)[0]
    assert 0.65 < r < 0.85


def test_too_little_to_score() -> None:
    true, valid = panel()
    valid[:, ::2] = False
    with pytest.raises(ReliefError, match="No crop of 64 px"):
        score_panel(true, true, valid, crop_px=64)
    with pytest.raises(ReliefError, match="No crop of 512 px"):
        score_panel(true, true, np.ones_like(valid))
