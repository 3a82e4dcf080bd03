"""Inscriptions in made-up languages: wedges as in Mesopotamia, signs as in Egypt, letters as in Rome."""

from __future__ import annotations

import math

import cv2
import numpy as np
import numpy.typing as npt

from inference.prediction import FloatArray

Mask = npt.NDArray[np.uint8]

LETTERS = "AAABCDEEEFGHIIIKLMNNOOPQRRSSTTVVX    "
"""As often as they stand in here, with gaps between the words."""
SHARPER = 4
"""Signs are drawn so much larger and reduced, so that their outlines are no staircases."""
SUBPIXEL_BITS = 4
"""Of the places that OpenCV draws at."""


def inscription(rows: int, columns: int, line_px: float, rng: np.random.Generator) -> FloatArray:
    """Lines of text, all over.

    Args:
        rows: height of the result in pixels.
        columns: its width.
        line_px: from line to line, in pixels.
        rng: chooses script, signs and their hand.

    Returns:
        (rows, columns) float32, 0 = the stone's face to 1 = the deepest cut, V-shaped.
    """
    draw = (_wedges, _signs, _letters)[rng.choice(3, p=(0.4, 0.3, 0.3))]
    mask = np.zeros((rows * SHARPER, columns * SHARPER), np.uint8)
    line = line_px * SHARPER
    for row in range(max(round(len(mask) / line), 1)):
        draw(mask, row * line, line, rng)
    deep = cv2.distanceTransform(np.pad(mask, 1), cv2.DIST_L2, 5)[1:-1, 1:-1]  # cuts end at the border
    deep = np.minimum(deep / max(rng.uniform(0.04, 0.08) * line, 1.0), 1.0)
    return np.asarray(cv2.resize(deep, (columns, rows), interpolation=cv2.INTER_AREA), np.float32)


def _fill(mask: Mask, points: npt.NDArray[np.float64]) -> None:
    fixed = np.round(points * (1 << SUBPIXEL_BITS)).astype(np.int32)
    cv2.fillPoly(mask, [fixed], 255, cv2.LINE_8, SUBPIXEL_BITS)


def _stroke(mask: Mask, points: npt.NDArray[np.float64], width: float) -> None:
    fixed = np.round(points * (1 << SUBPIXEL_BITS)).astype(np.int32)
    cv2.polylines(mask, [fixed], False, 255, max(round(width), 1), cv2.LINE_8, SUBPIXEL_BITS)


def _wedges(mask: Mask, top: float, line: float, rng: np.random.Generator) -> None:
    """A line of cuneiform: groups of wedges that lie, stand or lean."""
    if rng.random() < 0.5:  # ruled
        _stroke(mask, np.array([(0.0, top), (mask.shape[1], top)]), 0.03 * line)
    x = rng.uniform(0.0, 0.3) * line
    while x + (width := rng.uniform(0.5, 1.3) * line) < mask.shape[1]:
        for _ in range(int(rng.integers(4, 10))):
            head, kind = rng.uniform(0.18, 0.3) * line, rng.random()
            angle = rng.normal(0.0 if kind < 0.45 else (math.pi / 2 if kind < 0.85 else -0.8), 0.06)
            along, aside = np.array((math.cos(angle), math.sin(angle))), np.array((-math.sin(angle), math.cos(angle)))
            right, below = rng.uniform(0.0, 0.6), rng.uniform(0.15, 0.55)
            room = 1.0 - right if kind < 0.45 else 0.95 - below  # of the group, or of the line
            length = min(rng.uniform(0.35, 0.8) * line, room * (width if kind < 0.45 else line))
            start = np.array((x + right * width, top + below * line))
            outline = (
                (0.0, -0.5),
                (0.0, 0.5),
                (0.6, 0.14),
                (length / head, 0.03),
                (length / head, -0.03),
                (0.6, -0.14),
            )
            _fill(mask, np.array([start + head * (a * along + b * aside) for a, b in outline]))
        x += width + rng.uniform(0.0, 0.2) * line


def _letters(mask: Mask, top: float, line: float, rng: np.random.Generator) -> None:
    """A line of capitals."""
    font = int(rng.choice((cv2.FONT_HERSHEY_TRIPLEX, cv2.FONT_HERSHEY_COMPLEX, cv2.FONT_HERSHEY_DUPLEX)))
    scale = rng.uniform(0.6, 0.72) * line / cv2.getTextSize("H", font, 1.0, 1)[0][1]
    x = rng.uniform(0.0, 0.5) * line
    while True:
        letter = str(rng.choice(list(LETTERS)))
        wide = cv2.getTextSize(letter, font, scale, 1)[0][0]
        if x + wide > mask.shape[1]:
            return
        place = round(x), round(top + (0.86 + rng.normal(0.0, 0.01)) * line)
        cv2.putText(mask, letter, place, font, scale, 255, max(round(rng.uniform(0.07, 0.1) * line), 1))
        x += wide * rng.uniform(1.0, 1.15)


def _signs(mask: Mask, top: float, line: float, rng: np.random.Generator) -> None:
    """A line of pictures: discs, reeds, waves, snakes, birds, loops."""
    x = rng.uniform(0.0, 0.5) * line
    turn = np.linspace(0.0, 2 * math.pi, 40)
    ring = np.stack((np.cos(turn), np.sin(turn)), 1)
    while x + 2 * (size := rng.uniform(0.3, 0.45) * line) < mask.shape[1]:
        centre = np.array((x + size, top + line / 2 + rng.normal(0.0, 0.04) * line))
        kind = int(rng.integers(0, 7))
        thin = rng.uniform(0.1, 0.2) * line
        if kind == 0:
            _fill(mask, centre + ring * size * rng.uniform(0.4, 0.8, 2))
        elif kind == 1:  # a reed
            leaf = ring * size * (0.22, 1.0)
            _fill(mask, centre + leaf + np.stack((0.25 * size * ring[:, 1] ** 2, 0 * turn), 1))
        elif kind == 2:  # water, or a snake
            s = np.linspace(-1.0, 1.0, 33)
            wave = np.stack((s, 0.25 * np.sin(s * rng.uniform(6.0, 14.0))), 1)
            _stroke(mask, centre + wave * size, thin)
        elif kind == 3:  # a loop on a cross
            _stroke(mask, centre + (ring * (0.3, 0.4) - (0.0, 0.6)) * size, thin * 0.7)
            for a, b in (((0.0, -0.2), (0.0, 1.0)), ((-0.5, 0.0), (0.5, 0.0))):
                _stroke(mask, centre + np.array((a, b)) * size, thin)
        elif kind == 4:  # a bird
            facing = np.array((rng.choice((-1.0, 1.0)), 1.0)) * size
            outline = ((-0.9, 0.5), (-0.2, -0.3), (0.2, -0.5), (0.3, -0.9), (0.6, -0.9), (0.9, -0.7), (0.6, -0.6),
                       (0.5, 0.1), (0.1, 0.5), (-0.4, 0.4))  # fmt: skip
            _fill(mask, centre + np.array(outline) * facing)
            for leg in (-0.1, 0.1):
                _stroke(mask, centre + np.array(((leg, 0.4), (leg, 1.0), (leg + 0.25, 1.0))) * facing, thin * 0.5)
        elif kind == 5:  # a house
            square = np.array(((-0.4, 0.7), (-0.8, 0.7), (-0.8, -0.6), (0.8, -0.6), (0.8, 0.7), (0.4, 0.7)))
            _stroke(mask, centre + square * size, thin * 0.8)
        else:  # strokes
            for place in np.linspace(-0.6, 0.6, int(rng.integers(1, 4))):
                _stroke(mask, centre + np.array(((place, -0.6), (place, 0.6))) * size, thin)
        x += 2 * size + rng.uniform(0.05, 0.25) * line
