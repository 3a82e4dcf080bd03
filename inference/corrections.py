"""What an artist painted on a relief, as corrections of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .maps import EDGE_PALETTE
from .prediction import FloatArray

NEUTRAL = 128 / 255
"""The grey that corrects nothing; brighter raises, darker lowers."""
FLAT_COLOUR = (200, 60, 200)
"""R G B of "this is flat"; edges are painted in the colours in which they are shown."""
_COLOURS = np.array([FLAT_COLOUR, *EDGE_PALETTE[1:]], np.float32) / 255
_LEAST = 2 / 255
"""What rounding to 8 bits can leave of grey."""


@dataclass(frozen=True)
class Corrections:
    """Painted corrections, on a grid of any size over the whole panel.

    Attributes:
        raised: (H, W) float32, -1 lowered to 1 raised.
        flat: (H, W) float32, 0 to 1.
        edges: (H, W, 3) float32, 0 to 1: soft, medium and sharp.
    """

    raised: FloatArray
    flat: FloatArray
    edges: FloatArray


def read_paint(colours: FloatArray) -> Corrections | None:
    """Corrections from the colours painted, or None where all is neutral.

    A colour's hue says what is meant, its distance from grey how much; paint that is half transparent counts half.

    Args:
        colours: (H, W, 3) float32, sRGB, 0 to 1.
    """
    low, high = np.float32(NEUTRAL - _LEAST), np.float32(NEUTRAL + _LEAST)
    if colours.min() > low and colours.max() < high:
        return None
    red, green, blue = ((channel < low) | (channel > high) for channel in np.moveaxis(colours, 2, 0))
    painted = red | green | blue
    seen = colours[painted]  # most of a relief is not: (N, 3)
    grey = seen.mean(axis=1)
    wanted = _COLOURS - _COLOURS.mean(axis=1, keepdims=True)
    length = np.linalg.norm(wanted, axis=1)
    along = (seen - grey[:, None]) @ (wanted / length[:, None]).T
    nearest = along.argmax(axis=1)
    strength = np.clip(along.max(axis=1) / length[nearest], 0.0, 1.0)
    strength[strength < 2 * _LEAST] = 0.0
    # A colour is darker or brighter than grey by itself: that is no wish to lower or raise.
    own = strength * (_COLOURS.mean(axis=1)[nearest] - NEUTRAL)
    raised = np.clip((grey - NEUTRAL - own) / (1 - NEUTRAL), -1.0, 1.0)
    raised[np.abs(raised) < 2 * _LEAST] = 0.0
    maps = np.zeros((*painted.shape, 1 + len(_COLOURS)), np.float32)
    maps[painted] = np.column_stack((raised, strength[:, None] * (nearest[:, None] == np.arange(len(_COLOURS)))))
    return Corrections(*(np.ascontiguousarray(m) for m in (maps[..., 0], maps[..., 1], maps[..., 2:])))
