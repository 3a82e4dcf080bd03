"""The dots of printed pictures: found where they are, nowhere else, and taken out."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from inference.descreening import find_screen, without_screen
from inference.prediction import FloatArray


def picture(rows: int = 420, columns: int = 500) -> FloatArray:
    """Round forms and grain, from dark to bright."""
    rng = np.random.default_rng(3)
    forms = cv2.GaussianBlur(rng.standard_normal((rows, columns)).astype(np.float32), (0, 0), 12.0)
    grain = cv2.GaussianBlur(rng.standard_normal((rows, columns)).astype(np.float32), (0, 0), 1.0)
    return (0.5 + 0.18 * forms / forms.std() + 0.02 * grain / grain.std()).clip(0.05, 0.95).astype(np.float32)


def printed(grey: FloatArray, pitch_px: float, angle_deg: float) -> FloatArray:
    """Black dots on white paper, drawn at four times the size and scanned."""
    fine = 4
    rows, columns = (n * fine for n in grey.shape)
    y, x = np.mgrid[0:rows, 0:columns].astype(np.float32) * np.float32(2.0 * np.pi / (pitch_px * fine))
    cosine, sine = np.cos(np.radians(angle_deg)), np.sin(np.radians(angle_deg))
    screen = np.cos(x * cosine + y * sine) + np.cos(y * cosine - x * sine)
    dots = (cv2.resize(grey, (columns, rows), interpolation=cv2.INTER_CUBIC) > 0.5 + 0.25 * screen).astype(np.float32)
    dots = cv2.GaussianBlur(dots, (0, 0), 0.6 * fine)
    return np.asarray(cv2.resize(dots, grey.shape[::-1], interpolation=cv2.INTER_AREA), np.float32)


@pytest.mark.parametrize(("pitch_px", "angle_deg"), [(2.6, 45.0), (4.0, 15.0), (7.0, 45.0), (10.0, 75.0)])
def test_dots_are_found_and_taken_out(pitch_px: float, angle_deg: float) -> None:
    grey = picture()
    scan = printed(grey, pitch_px, angle_deg)
    frequency = find_screen(scan)
    assert frequency is not None and 1.0 / frequency == pytest.approx(pitch_px, rel=0.04)
    cleaned = without_screen(scan)
    assert cleaned.shape == scan.shape and cleaned.dtype == np.float32
    assert cleaned.min() >= 0.0 and cleaned.max() <= 1.0

    def fine(image: FloatArray) -> float:
        return float((image - cv2.GaussianBlur(image, (0, 0), pitch_px)).std())

    def alike(image: FloatArray) -> float:
        return float(np.corrcoef(image.ravel(), grey.ravel())[0, 1])

    assert fine(cleaned) < 0.3 * fine(scan)
    assert alike(cleaned) > 0.95 and alike(cleaned) > alike(scan) + 0.04
    assert find_screen(cleaned) is None


@pytest.mark.parametrize(("pitch_px", "angle_deg"), [(9.9, 45.0), (14.28, 45.0), (13.57, 15.0), (6.47, 75.0)])
def test_dots_are_not_taken_for_their_harmonics(pitch_px: float, angle_deg: float) -> None:
    frequency = find_screen(printed(picture(), pitch_px, angle_deg))
    assert frequency is not None and 1.0 / frequency == pytest.approx(pitch_px, rel=0.04)


@pytest.mark.parametrize("pitch_px", [18.0, 30.0])
def test_dots_too_coarse_to_take_out_are_left(pitch_px: float) -> None:
    assert find_screen(printed(picture(), pitch_px, 15.0)) is None


def test_dots_on_a_page_are_found() -> None:
    page = 0.93 + 0.006 * np.random.default_rng(1).standard_normal((1100, 800))
    page[200:620, 150:650] = printed(picture(), 5.0, 15.0)
    frequency = find_screen(page.astype(np.float32))
    assert frequency is not None and 1.0 / frequency == pytest.approx(5.0, rel=0.04)


@pytest.mark.parametrize("pitch_px", [5.0, 8.0])
def test_an_ornament_behind_figures_is_no_screen(pitch_px: float) -> None:
    grey = picture()
    y, x = np.mgrid[0 : len(grey), 0 : len(grey[0])].astype(np.float32) * np.float32(2.0 * np.pi / pitch_px)
    lozenges = np.cos((x + y) / np.sqrt(2)) + np.cos((x - y) / np.sqrt(2))
    carved = grey.copy()
    carved[:, :240] += 0.1 * lozenges[:, :240]  # on half of the picture
    assert find_screen(carved.clip(0.0, 1.0)) is None
    everywhere = (grey + 0.1 * lozenges).clip(0.0, 1.0)
    assert find_screen(everywhere) is not None, "else it would not be seen at all"


def test_what_is_no_print_is_left_as_it_is() -> None:
    grey = picture()
    rows, columns = np.mgrid[0 : len(grey), 0 : len(grey[0])].astype(np.float32)
    lines = grey + 0.1 * np.sin(rows * 0.9 + columns * 0.3)  # one wave: tool marks, cloth, an engraving
    blocks = grey + 0.05 * ((rows % 8 < 1) | (columns % 8 < 1))  # as JPEG leaves them
    for other in (grey, lines, blocks, np.zeros_like(grey), grey[:40, :33]):
        other = np.asarray(other, np.float32)
        assert find_screen(other) is None
        assert without_screen(other) is other
