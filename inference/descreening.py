"""The dots of a printed picture, found in its scan and taken out of it."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator

import cv2
import numpy as np
import numpy.typing as npt

from .prediction import FloatArray

TILE_PX = 512
"""Side of the squares in which a screen is looked for; their spectra are averaged."""
MOST_TILES = 3
"""Along either side of the photograph."""
PITCHES_PX, COARSEST_PX = (2.2, 16.0), 40.0
"""Distance between a screen's rows of dots; up to the last one they are looked for, but left as they are: their
harmonics must not pass for finer dots."""
FIRST_PEAK, SECOND_PEAK = 200.0, 60.0
"""Least power of a screen's two strongest waves, relative to the median of what is as fine. Screens of 2.5 to 10 px
have more than 10,000 (printed from a panel of Cycles'), photographs of stone up to 228 and 7."""
SQUARE_PX, LEAST_EVERYWHERE, BLANK = 128, 100.0, 0.02
"""A screen's wave stands out so much, by power, in three quarters of such squares at least, but for those that deviate
less from their mean, as a page's margins do: of six lozenge grounds carved behind figures 10 to 20, of twelve screens
582 and more."""
LEAST_WAVE = 0.01
"""Amplitude of a screen's strongest wave. In what is blurred, next to nothing may stand out."""
AXES_DEG = 4.0
"""Where the strongest wave is nearer to the picture's axes than this, they are JPEG's blocks or a scanner's lines."""
APART_DEG = 50.0
"""Least angle between the two waves: 90 degrees, or 60 where dots stand as in a honeycomb."""
ALIKE = 0.06
"""Most that their frequencies differ by."""
PASSED, STOPPED = 0.6, 0.9
"""Relative to the screen's frequency: finer forms fade out between these, for a screen carries none.

Two of Cycles' panels of 768 px, printed with screens of 2.6, 3.5, 5 and 7 px, are read with r of the high-passed height
0.870, 0.808, 0.670, 0.448 and 0.800, 0.773, 0.730, 0.297 as they are, 0.890, 0.890, 0.873, 0.825 and 0.812, 0.808,
0.798, 0.768 without the dots; before they were printed with 0.906 and 0.821 (weights 0.16).
"""


def find_screen(grey: FloatArray) -> float | None:
    """Cycles per pixel of the screen that a scanned picture was printed with.

    Args:
        grey: (H, W), 0 to 1.

    Returns:
        None where there is none.
    """
    side = min(TILE_PX, *grey.shape)
    down, across = np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)[None, :]
    fineness = np.hypot(down, across)
    power = _power(grey, side)
    ring = np.rint(fineness * side).astype(np.intp)
    usual = np.array([np.median(power[ring == r]) for r in range(ring.max() + 1)])
    peaks = power / np.maximum(usual[ring], 1e-20)
    angle = np.degrees(np.arctan2(down, across))
    peaks[(fineness < 1.0 / COARSEST_PX) | (fineness > 1.0 / PITCHES_PX[0])] = 0.0
    # Of all that stand out, the strongest: their harmonics may stand out more.
    first = np.unravel_index(int(np.argmax(np.where(peaks >= FIRST_PEAK, power, 0.0))), peaks.shape)
    on_axis = abs((angle[first] + 45.0) % 90.0 - 45.0) < AXES_DEG
    too_coarse = fineness[first] < 1.0 / PITCHES_PX[1]
    if on_axis or too_coarse or peaks[first] < FIRST_PEAK or power[first] < (LEAST_WAVE / 2.0) ** 2:
        return None
    apart = np.abs((angle - angle[first] + 90.0) % 180.0 - 90.0)
    peaks[(apart < APART_DEG) | (np.abs(fineness / fineness[first] - 1.0) > ALIKE)] = 0.0
    if peaks.max() <= SECOND_PEAK or not _is_everywhere(grey, float(down[first[0], 0]), float(across[0, first[1]])):
        return None
    return float(fineness[first])


def _is_everywhere(grey: FloatArray, down: float, across: float) -> bool:
    """Whether a wave, in cycles per pixel, stands out all over a picture, and not on an ornament or a cloth alone."""
    side = min(SQUARE_PX, *grey.shape)
    far = np.hypot(*np.meshgrid(np.fft.fftfreq(side) - down, np.fft.rfftfreq(side) - across, indexing="ij")) * side
    fineness = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)[None, :]) * side
    there, alike = far < 1.8, np.abs(fineness - math.hypot(down, across) * side) < 2.0
    shares = [
        power[there].max() / max(float(np.median(power[alike])), 1e-20)
        for deviation, power in _spectra(grey, side)
        if deviation > BLANK
    ]
    return bool(shares) and float(np.percentile(shares, 25)) > LEAST_EVERYWHERE


def _power(grey: FloatArray, side: int) -> npt.NDArray[np.float64]:
    """Mean power spectrum (side, side // 2 + 1) of squares spread over a picture; a wave has (amplitude / 2)^2."""
    return np.asarray(np.mean([power for _, power in _spectra(grey, side, MOST_TILES)], axis=0))


def _spectra(grey: FloatArray, side: int, most: int | None = None) -> Iterator[tuple[float, npt.NDArray[np.float64]]]:
    """Standard deviation and power spectrum of squares spread over a picture, at most so many along either side."""
    window = np.hanning(side + 2)[1:-1]
    window = np.outer(window, window) / window.sum() ** 2
    counts = [min(math.ceil(n / side), most or n) for n in grey.shape]
    places = [np.linspace(0, n - side, count).astype(int) for n, count in zip(grey.shape, counts, strict=True)]
    for top, left in itertools.product(*places):
        square = grey[top : top + side, left : left + side]
        yield float(square.std()), np.square(np.abs(np.fft.rfft2((square - square.mean()) * window)))


def without_screen(grey: FloatArray) -> FloatArray:
    """A picture (H, W) without the dots that it was printed with; the same where it has none."""
    frequency = find_screen(grey)
    return grey if frequency is None else without_finer(grey, frequency)


def without_finer(image: FloatArray, frequency: float) -> FloatArray:
    """An image (H, W) without the forms of a screen of this frequency, in cycles per pixel, and all finer ones."""
    rows, columns = image.shape
    margin = math.ceil(2.0 / frequency)
    size = [cv2.getOptimalDFTSize(n + 2 * margin) for n in (rows, columns)]
    below, right = size[0] - rows - margin, size[1] - columns - margin
    # Dots in a mirror would not go on as they do: what is around the picture has none.
    dotless = cv2.GaussianBlur(image, (0, 0), 0.8 / frequency, borderType=cv2.BORDER_REFLECT)
    padded = cv2.copyMakeBorder(dotless, margin, below, margin, right, cv2.BORDER_REFLECT)
    padded[margin : margin + rows, margin : margin + columns] = image
    fineness = np.hypot(np.fft.fftfreq(size[0])[:, None], np.fft.fftfreq(size[1])[None, :]) / frequency
    fading = np.clip((fineness - PASSED) / (STOPPED - PASSED), 0.0, 1.0)
    waves = np.asarray(cv2.dft(padded, flags=cv2.DFT_COMPLEX_OUTPUT), np.float32)
    waves *= (0.5 + 0.5 * np.cos(np.pi * fading)).astype(np.float32)[..., None]
    back = cv2.dft(waves, flags=cv2.DFT_INVERSE | cv2.DFT_SCALE | cv2.DFT_REAL_OUTPUT)
    return np.asarray(back[margin : margin + rows, margin : margin + columns].clip(0.0, 1.0), np.float32)
