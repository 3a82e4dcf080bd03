"""Textures of stone and noise, and the patches, tones and slopes that photographs are made of."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import cv2
import numba
import numpy as np
import numpy.typing as npt

from inference.prediction import FloatArray

IntArray = npt.NDArray[np.integer[Any]]

NOISE_TILE_PX = 512
FINE_PX = 6.0
"""Sigma below which a form of photographed stone is grain."""
# Amplitude falls as frequency^-exponent: from salt and pepper to soft clouds.
NOISE_EXPONENTS = {"speckle": 0.35, "rough": 1.15, "ragged": 1.5, "cloud": 2.1}


@dataclass(frozen=True)
class Stone:
    """Tileable textures that stone is made of, each with zero mean and unit standard deviation.

    Attributes:
        noise: fractal noise by kind, a key of NOISE_EXPONENTS; several tiles each.
        albedos: relative albedo of photographed stone.
        reliefs: fine relief of photographed stone.
    """

    noise: dict[str, tuple[FloatArray, ...]]
    albedos: tuple[FloatArray, ...]
    reliefs: tuple[FloatArray, ...]

    @classmethod
    def load(cls, shapes: Path | None = None) -> Stone:
        """Load `stone_textures/*_albedo.jpg` and `*_height.png` of a folder of shapes; noise where there is none."""
        folder = None if shapes is None else shapes / "stone_textures"
        rng = np.random.default_rng(0)
        noise = {
            kind: tuple(_fractal_tile(NOISE_TILE_PX, exponent, rng) for _ in range(2))
            for kind, exponent in NOISE_EXPONENTS.items()
        }
        albedos = _read_tiles(folder, "*_albedo.jpg") or noise["rough"]
        reliefs = tuple(map(_fine, _read_tiles(folder, "*_height.png"))) or noise["rough"]
        return cls(noise, albedos, reliefs)


# --- Filters, with their types told ---


def blur(image: FloatArray, sigma_px: float) -> FloatArray:
    """Gaussian blur of an image (H, W)."""
    return cast(FloatArray, cv2.GaussianBlur(image, (0, 0), sigma_px))


def resize(image: FloatArray, columns: int, rows: int, interpolation: int) -> FloatArray:
    """An image at another size; interpolation is one of OpenCV's."""
    return cast(FloatArray, cv2.resize(image, (columns, rows), interpolation=interpolation))


def power(image: FloatArray, exponent: float) -> FloatArray:
    """Each value to a power."""
    return cast(FloatArray, cv2.pow(image, exponent))


# --- Textures ---


def _fractal_tile(size: int, exponent: float, rng: np.random.Generator) -> FloatArray:
    """Tileable noise of zero mean and unit deviation whose largest blots are about a quarter of the tile."""
    frequency_y = np.fft.fftfreq(size)[:, None] * size
    frequency_x = np.fft.rfftfreq(size)[None, :] * size
    amplitude = (frequency_x**2 + frequency_y**2 + 9.0) ** (-0.5 * exponent)
    amplitude[0, 0] = 0.0
    spectrum = np.fft.rfft2(rng.standard_normal((size, size))) * amplitude
    return _standardised(np.fft.irfft2(spectrum, s=(size, size)))


def _read_tiles(folder: Path | None, pattern: str) -> tuple[FloatArray, ...]:
    if folder is None:
        return ()
    tiles = []
    for path in sorted(folder.glob(pattern)):
        image = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
        if image is not None:
            tiles.append(_standardised(image.astype(np.float64)))
    return tuple(tiles)


def _fine(tile: FloatArray) -> FloatArray:
    """The fine forms of a tile alone: ledges, slabs and leaves would be carving that the truth knows nothing of."""
    margin = min(32, min(tile.shape))
    around = np.pad(tile, margin, mode="wrap")
    fine = (around - blur(around, FINE_PX))[margin:-margin, margin:-margin].astype(np.float64)
    return _standardised(np.clip(fine, -2.5 * fine.std(), 2.5 * fine.std()))


def _standardised(values: npt.NDArray[np.float64]) -> FloatArray:
    return cast(FloatArray, ((values - values.mean()) / values.std()).astype(np.float32))


def pick(tiles: tuple[FloatArray, ...], rng: np.random.Generator) -> FloatArray:
    """One of the tiles."""
    return tiles[int(rng.integers(len(tiles)))]


def sample(
    tile: FloatArray,
    shape: tuple[int, ...],
    rng: np.random.Generator,
    zoom: float = 1.0,
    stretch: float = 1.0,
    upright: bool = False,
) -> FloatArray:
    """Cut a piece out of a tileable texture, at a random place, turned (unless upright), enlarged and stretched."""
    angle = 0.0 if upright else rng.uniform(0.0, 2.0 * math.pi)
    cosine, sine = math.cos(angle) / zoom, math.sin(angle) / zoom
    place_x, place_y = rng.uniform(0.0, 1.0, 2)
    rows, columns = shape
    piece = _sample_kernel(tile, rows, columns, place_x, place_y, cosine, sine, stretch)
    return cast(FloatArray, piece)


@numba.njit(cache=True, fastmath=True)
def _sample_kernel(tile, rows, columns, place_x, place_y, cosine, sine, stretch):  # type: ignore[no-untyped-def]
    piece = np.empty((rows, columns), np.float32)
    tile_rows, tile_columns = tile.shape
    for y in range(rows):
        u = (place_x * tile_columns - y * sine) % tile_columns
        v = (place_y * tile_rows + y * cosine / stretch) % tile_rows
        for x in range(columns):
            left, top = min(int(u), tile_columns - 1), min(int(v), tile_rows - 1)
            right = left + 1 if left + 1 < tile_columns else 0
            bottom = top + 1 if top + 1 < tile_rows else 0
            part_x, part_y = np.float32(u - left), np.float32(v - top)
            upper = tile[top, left] + (tile[top, right] - tile[top, left]) * part_x
            lower = tile[bottom, left] + (tile[bottom, right] - tile[bottom, left]) * part_x
            piece[y, x] = upper + (lower - upper) * part_y
            # Steps are shorter than a tile, so one comparison wraps.
            u += cosine
            v += sine / stretch
            if u >= tile_columns:
                u -= tile_columns
            elif u < 0.0:
                u += tile_columns
            if v >= tile_rows:
                v -= tile_rows
            elif v < 0.0:
                v += tile_rows
    return piece


def noise_field(
    stone: Stone,
    kind: str,
    shape: tuple[int, ...],
    rng: np.random.Generator,
    least_zoom: float,
    most_zoom: float,
    stretch: float = 1.0,
) -> FloatArray:
    """Noise of one kind at a random zoom; stretched noise stays upright, for water runs down."""
    zoom = float(rng.uniform(least_zoom, most_zoom))
    tile = pick(stone.noise[kind], rng)
    if kind == "cloud":  # smooth: half the size will do, at a quarter of the cost
        half = sample(tile, ((shape[0] + 1) // 2, (shape[1] + 1) // 2), rng, 0.5 * zoom, stretch, stretch != 1.0)
        return resize(half, shape[1], shape[0], cv2.INTER_LINEAR)
    return sample(tile, shape, rng, zoom, stretch, upright=stretch != 1.0)


@numba.njit(cache=True, fastmath=True)
def _patch_kernel(field, threshold, width):  # type: ignore[no-untyped-def]
    cover = np.empty_like(field)
    for y in range(field.shape[0]):
        for x in range(field.shape[1]):
            t = min(max((field[y, x] - threshold) / width, 0.0), 1.0)
            cover[y, x] = t * t * (3.0 - 2.0 * t)
    return cover


def patch(field: FloatArray, threshold: float, width: float) -> FloatArray:
    """Smooth step: 0 below the threshold, 1 above threshold + width."""
    return cast(FloatArray, _patch_kernel(field, np.float32(threshold), np.float32(width)))


@numba.njit(cache=True, fastmath=True)
def _mix_kernel(values, cover, tone):  # type: ignore[no-untyped-def]
    for y in range(values.shape[0]):
        for x in range(values.shape[1]):
            values[y, x] += (tone - values[y, x]) * cover[y, x]


def mix(values: FloatArray, cover: FloatArray, tone: float) -> None:
    """Paint one tone over the values, in place, as thick as the cover says."""
    _mix_kernel(values, cover, np.float32(tone))


def scale_slope(relief: FloatArray, slope: float) -> None:
    """Scale a relief, in place, so that its slopes have this root mean square, both ways together, every other row."""
    rows = relief[: relief.shape[0] // 2 * 2]
    right, down = np.diff(rows[::2], axis=1).ravel(), (rows[1::2] - rows[::2]).ravel()
    found = math.sqrt(float(right @ right) / right.size + float(down @ down) / down.size)
    relief *= np.float32(slope / (found + 1e-6))
