"""The screened Poisson solve against surfaces that are known."""

from __future__ import annotations

import numpy as np
import pytest

from inference.poisson import solve_screened

SIZES = [(64, 96), (65, 97), (61, 128), (50, 7), (2, 3)]


def central_slopes(height: np.ndarray) -> np.ndarray:
    down, right = np.gradient(height)
    return np.stack([right, down], axis=-1).astype(np.float32)


def cosines(rows: int, columns: int) -> np.ndarray:
    """Slow waves with a flat border; another one across than down."""
    y, x = np.meshgrid((np.arange(rows) + 0.5) / rows, (np.arange(columns) + 0.5) / columns, indexing="ij")
    return (0.4 * np.cos(2 * np.pi * x) + 0.2 * np.cos(np.pi * x) * np.cos(2 * np.pi * y)).astype(np.float32)


@pytest.mark.parametrize("rows, columns", SIZES)
def test_a_ramp_is_solved_to_the_last_pixel(rows: int, columns: int) -> None:
    x, y = np.arange(columns), np.arange(rows)[:, None]
    ramp = (0.02 * x - 0.01 * y).astype(np.float32)
    slopes = np.broadcast_to(np.array([0.02, -0.01], np.float32), (rows, columns, 2)).copy()
    solved = solve_screened(slopes, np.full_like(ramp, ramp.mean()), 1e-7)
    assert solved.dtype == np.float32 and solved.shape == ramp.shape
    np.testing.assert_allclose(solved, ramp, atol=2e-3)


@pytest.mark.parametrize("rows, columns", SIZES[:3])
def test_cosines_come_back_from_their_slopes_alone(rows: int, columns: int) -> None:
    surface = cosines(rows, columns)
    solved = solve_screened(central_slopes(surface), np.zeros_like(surface), 1e-8)
    np.testing.assert_allclose(solved - solved.mean(), surface - surface.mean(), atol=4e-3)


@pytest.mark.parametrize("rows, columns", SIZES)
def test_without_contradiction_the_screening_does_not_matter(rows: int, columns: int) -> None:
    ramp = (0.03 * np.arange(columns) + 0.01 * np.arange(rows)[:, None]).astype(np.float32)
    slopes = np.broadcast_to(np.array([0.03, 0.01], np.float32), (rows, columns, 2)).copy()
    for screening in (1e-4, 1.0):
        np.testing.assert_allclose(solve_screened(slopes, ramp, screening), ramp, atol=1e-5)


@pytest.mark.parametrize("rows, columns", SIZES[:3])
def test_each_wave_is_shared_as_the_screening_says(rows: int, columns: int) -> None:
    # For slopes 0 and a height of one cosine the minimum is the cosine times screening / (eigenvalue + screening).
    x = (np.arange(columns) + 0.5) / columns
    wave = np.broadcast_to(np.cos(3 * np.pi * x), (rows, columns)).astype(np.float32)
    eigenvalue = 2 - 2 * np.cos(3 * np.pi / columns)
    solved = solve_screened(np.zeros((rows, columns, 2), np.float32), wave, eigenvalue * 3)
    np.testing.assert_allclose(solved, 0.75 * wave, atol=1e-3 if columns % 2 else 1e-5)


def test_it_is_the_minimum_of_the_sum_of_squares() -> None:
    rng = np.random.default_rng(5)
    rows, columns, screening = 6, 8, 0.3
    height = rng.standard_normal((rows, columns)).astype(np.float32)
    slopes = rng.standard_normal((rows, columns, 2)).astype(np.float32)
    # Dense least squares, steps from the same four taps.
    padded = np.pad(slopes, ((1, 2), (1, 2), (0, 0)), mode="edge")
    taps = (-0.125, 0.625, 0.625, -0.125)
    equations, wanted = [], []
    pixel = np.eye(rows * columns).reshape(rows, columns, -1)
    for y in range(rows):
        for x in range(columns):
            equations.append(np.sqrt(screening) * pixel[y, x])
            wanted.append(np.sqrt(screening) * height[y, x])
            if x + 1 < columns:
                equations.append(pixel[y, x + 1] - pixel[y, x])
                wanted.append(sum(t * padded[y + 1, x + k, 0] for k, t in enumerate(taps)))
            if y + 1 < rows:
                equations.append(pixel[y + 1, x] - pixel[y, x])
                wanted.append(sum(t * padded[y + k, x + 1, 1] for k, t in enumerate(taps)))
    best = np.linalg.lstsq(np.array(equations), np.array(wanted), rcond=None)[0].reshape(rows, columns)
    np.testing.assert_allclose(solve_screened(slopes, height, screening), best, atol=1e-5)


def test_fine_detail_keeps_its_height() -> None:
    x = np.arange(128)
    for wavelength, kept in ((8, 0.95), (4, 0.7)):
        wave = np.broadcast_to(np.cos(2 * np.pi * (x + 0.5) / wavelength), (64, 128)).astype(np.float32)
        solved = solve_screened(central_slopes(wave), np.zeros_like(wave), 1e-4)
        share = float((solved * wave).sum() / (wave * wave).sum())
        assert kept < share < 1.05


def test_flat_stays_exactly_flat() -> None:
    flat = np.full((40, 33), 0.25, np.float32)
    assert np.array_equal(solve_screened(np.zeros((40, 33, 2), np.float32), flat, 0.01), flat)
