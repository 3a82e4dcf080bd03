"""What lies beside a panel that was photographed on black, cut out on white, or scanned with the page around it."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from .lowpass import extent
from .prediction import FloatArray

BoolArray = npt.NDArray[np.bool_]

LOOKED_PX = 400
"""Extent to which a photograph is reduced for this."""
BLACK, WHITE = 0.08, 0.88
"""Darker and brighter than these, a background says nothing of the stone's light."""
PLAIN = 0.05
"""Most that greys of a background differ by from pixel to pixel; stone is rougher."""
LEAST_SHARE = 0.02
"""Of the photograph, below which a plain place at its border matters little, and may be a shadow."""
LEAST_LEFT = 0.05
"""Of the photograph, that must be left for a panel.

On five of Cycles' panels of 384 px in the middle of black and of white squares of 640, reading the panel alone lifts
the mean r of the high-passed height from 0.630 to 0.704 (weights 0.16); with the background as it is, but the
contrast of the panel alone, to 0.683.
"""


def find_panel(grey: FloatArray) -> BoolArray | None:
    """Where a photograph shows more than black or white without anything on it that reaches in from its border.

    Args:
        grey: (H, W), 0 to 1.

    Returns:
        (h, w) of the same proportions, smaller where the photograph is large; None where all of it may be the panel.
    """
    rows, columns = grey.shape
    scale = min(LOOKED_PX / extent(grey.shape), 1.0)
    size = max(round(columns * scale), 1), max(round(rows * scale), 1)
    small = np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), np.float32)
    around = np.ones((5, 5), np.uint8)
    darkest, brightest = cv2.erode(small, around), cv2.dilate(small, around)
    plain = ((brightest < BLACK) | (darkest > WHITE)) & (brightest - darkest < PLAIN)
    count, places, stats, _ = cv2.connectedComponentsWithStats(plain.astype(np.uint8), connectivity=4)
    border = np.zeros(count, bool)
    border[np.concatenate((places[0], places[-1], places[:, 0], places[:, -1]))] = True
    beside = border & (stats[:, cv2.CC_STAT_AREA] >= LEAST_SHARE * small.size)
    beside[0] = False  # what is not plain
    panel = cv2.dilate(beside[places].astype(np.uint8), around) == 0
    return panel if LEAST_LEFT * small.size <= np.count_nonzero(panel) < small.size else None


def at_size(panel: BoolArray | None, size: tuple[int, ...]) -> BoolArray | None:
    """What `find_panel` found, at another size (rows, columns)."""
    return (
        None if panel is None else cv2.resize(panel.astype(np.uint8), size[::-1], interpolation=cv2.INTER_NEAREST) > 0
    )
