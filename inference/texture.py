"""The photograph as the picture that a model wears."""

from __future__ import annotations

import cv2

from .photo import ByteArray

_QUALITY = [cv2.IMWRITE_JPEG_QUALITY, 95, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]


def encode_texture(colour: ByteArray) -> bytes:
    """The upright pixels as a JPEG file: what Blender packs and glTF carries, free of EXIF rotation, alpha and 16 bits.

    Args:
        colour: (H, W, 3) uint8, R G B, row 0 at the top.
    """
    done, data = cv2.imencode(".jpg", colour[..., ::-1], _QUALITY)
    if not done:
        raise RuntimeError(f"cv2 could not encode {colour.shape} as JPEG")
    return data.tobytes()
