"""The photograph as the picture that a model wears."""

from __future__ import annotations

import cv2
import numpy as np

from .photo import ByteArray

_MOST_PX = 65500
"""Longest side that a JPEG may have."""
_QUALITY = [cv2.IMWRITE_JPEG_QUALITY, 95, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]


def encode_texture(colour: ByteArray) -> bytes:
    """The upright pixels as a JPEG file: what Blender packs and glTF carries, free of EXIF rotation, alpha and 16 bits.

    Pictures too long for that format are made smaller.

    Args:
        colour: (H, W, 3) uint8, R G B, row 0 at the top.
    """
    rows, columns = colour.shape[:2]
    scale = _MOST_PX / max(rows, columns)
    if scale < 1.0:
        size = (max(round(columns * scale), 1), max(round(rows * scale), 1))
        colour = np.asarray(cv2.resize(colour, size, interpolation=cv2.INTER_AREA), np.uint8)
    done, data = cv2.imencode(".jpg", colour[..., ::-1], _QUALITY)
    if not done:
        raise RuntimeError(f"cv2 could not encode {colour.shape} as JPEG")
    return data.tobytes()
