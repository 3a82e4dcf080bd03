"""Embedded ICC profiles: colours as a scanner, a phone or an archive stored them become sRGB.

Source: ICC.1:2022 (header 7.2, curves 10.6 and 10.18, matrix F.3, grey F.2), IEC 61966-2-1 (sRGB).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from .prediction import FloatArray

_SRGB = np.array([[28578, 25241, 9376], [14581, 46981, 3972], [912, 6362, 46799]]) / 65536.0
"""X, Y, Z of sRGB's red, green and blue (columns), adapted to D50, as its profiles store them."""
_D50 = (0.9642, 1.0, 0.8249)
_OFF = 0.05
"""What is this far from giving black for black and white for white is no profile of a picture."""
_STEPS = np.linspace(0.0, 1.0, 65536)
_GRID = 33
_LEAST = 0.5 / 255.0
"""Of a profile that changes no colour by more the picture stays as it is: it is that of sRGB."""


@dataclass(frozen=True)
class ColourProfile:
    """What makes sRGB of the colours that a file stores.

    Attributes:
        curves: (1, 65536, 3) float32, the light of stored red, green and blue, 0 to 1; of a grey profile (1, 65536),
            the sRGB value itself.
        matrix: (3, 3) float32, from the light of the file's R G B to that of sRGB's; None of a grey profile.
    """

    curves: FloatArray
    matrix: FloatArray | None

    def fits(self, pixels: npt.NDArray[np.generic]) -> bool:
        """Whether (H, W) or (H, W, 3 or 4) pixels, R G B and alpha, are of the profile's kind.

        Grey may come with alpha as colours that are all alike.
        """
        if pixels.ndim == 2 or self.matrix is not None:
            return pixels.ndim == (2 if self.matrix is None else 3)
        red, green, blue = (pixels[..., channel] for channel in range(3))
        return np.array_equal(red, green) and np.array_equal(green, blue)

    def to_srgb(self, values: FloatArray) -> FloatArray:
        """Convert colours, relative colorimetric; what sRGB cannot show is clipped.

        Args:
            values: (H, W, 3) float32 R G B, or of a grey profile (H, W, C), 0 to 1; read in 16 bits.

        Returns:
            The same shape, float32, sRGB, 0 to 1.
        """
        stored = (values * np.float32(65535.0) + np.float32(0.5)).astype(np.uint16)
        light = np.asarray(cv2.LUT(stored, self.curves), np.float32).reshape(values.shape)
        if self.matrix is None:
            return light
        return _encoded(np.clip(np.asarray(cv2.transform(light, self.matrix), np.float32), 0.0, 1.0))


def read_profile(data: bytes) -> ColourProfile | None:
    """Read an ICC profile of version 2 or 4: R G B by curves and a matrix, or grey by a curve.

    Args:
        data: the profile as a file embeds it; empty where it has none.

    Returns:
        None where the colours stay as they are: there is no profile, it is that of sRGB, it is of another kind
        (tables alone, CMYK, Lab), or it is damaged.
    """
    try:
        with np.errstate(all="ignore"):
            profile = _parsed(data)
    except (struct.error, ArithmeticError, LookupError, ValueError):
        return None
    ramp = np.linspace(0.0, 1.0, _GRID, dtype=np.float32)
    grid = ramp[:, None, None] if profile.matrix is None else np.stack(np.meshgrid(ramp, ramp, ramp), 3)
    grid = np.ascontiguousarray(grid.reshape(-1, 1, grid.shape[-1]))
    return profile if np.abs(profile.to_srgb(grid) - grid).max() > _LEAST else None


def _parsed(data: bytes) -> ColourProfile:
    """The profile, whatever it changes; one of several errors where there is none of a kind that is read."""
    space, connection, signature = data[16:20], data[20:24], data[36:40]
    if signature != b"acsp" or connection != b"XYZ " or space not in (b"RGB ", b"GRAY"):
        raise ValueError
    (count,) = struct.unpack_from(">I", data, 128)
    entries = (struct.unpack_from(">4sII", data, 132 + 12 * i) for i in range(count))
    places = {name: slice(start, start + size) for name, start, size in entries}
    if space == b"GRAY":
        curve = _encoded(_curve(data[places[b"kTRC"]]).astype(np.float32))
        return ColourProfile(curve[None], None)
    curves = np.stack([_curve(data[places[name]]) for name in (b"rTRC", b"gTRC", b"bTRC")], 1)
    colorants = np.stack([_xyz(data[places[name]]) for name in (b"rXYZ", b"gXYZ", b"bXYZ")], 1)
    if np.abs(colorants.sum(1) - _D50).max() > _OFF:
        raise ValueError
    matrix = np.linalg.inv(_SRGB) @ colorants
    return ColourProfile(curves[None].astype(np.float32), matrix.astype(np.float32))


def _xyz(tag: bytes) -> npt.NDArray[np.float64]:
    if tag[:4] != b"XYZ ":
        raise ValueError
    return np.array(struct.unpack_from(">3i", tag, 8)) / 65536.0


def _curve(tag: bytes) -> npt.NDArray[np.float64]:
    """The light, 0 to 1, of every value of 16 bits."""
    kind, count = struct.unpack_from(">4s4xI", tag)
    if kind == b"para":
        function = count >> 16
        given = [p / 65536.0 for p in struct.unpack_from(f">{(1, 3, 4, 5, 7)[function]}i", tag, 12)]
        gamma, a, b, c, d, e, f = given + [1.0, 0.0, 0.0, 0.0, 0.0, 0.0][len(given) - 1 :]
        if function in (1, 2):
            c, d, e, f = 0.0, -b / a, c, c
        curve = np.where(d <= _STEPS, np.maximum(a * _STEPS + b, 0.0) ** gamma + e, c * _STEPS + f)
    elif kind == b"curv" and count < 2:
        curve = _STEPS ** (struct.unpack_from(">H", tag, 12)[0] / 256.0 if count else 1.0)
    elif kind == b"curv":
        points = np.frombuffer(tag, ">u2", count, 12) / 65535.0
        curve = np.interp(_STEPS, np.linspace(0.0, 1.0, count), points)
    else:
        raise ValueError
    if not (np.isfinite(curve).all() and curve[0] < _OFF and curve[-1] > 1.0 - _OFF):
        raise ValueError
    return np.clip(curve, 0.0, 1.0)


def _encoded(light: FloatArray) -> FloatArray:
    """SRGB values of light, both 0 to 1 (Source: IEC 61966-2-1, 5.2)."""
    curved = light ** np.float32(1 / 2.4)
    curved *= np.float32(1.055)
    curved -= np.float32(0.055)
    return np.multiply(light, np.float32(12.92), out=curved, where=light <= 0.0031308)
