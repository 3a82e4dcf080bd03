"""The maps beside the model, as files: height, normals, classes, and a picture to look at."""

from __future__ import annotations

import struct
import zlib
from os import PathLike
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from .errors import ReliefError
from .lowpass import extent, lowpass
from .photo import Photo
from .prediction import ByteArray, FloatArray, Prediction
from .settings import MeshSettings

# R G B, one for each of EDGE_CLASSES and SEGMENT_CLASSES.
EDGE_PALETTE: ByteArray = np.array([(24, 24, 32), (64, 140, 220), (120, 200, 90), (250, 120, 60)], np.uint8)
SEGMENT_PALETTE: ByteArray = np.array(
    [(96, 88, 80), (230, 160, 110), (200, 90, 90), (100, 170, 90), (110, 140, 200), (220, 200, 90)], np.uint8
)

# A panel as deep as a twentieth of its longer side, as a metre of width is by default, see `settings.MeshSettings`.
DEPTH_TO_SIDE = 0.05
# From the upper left at 32 degrees above the stone, as a raking lamp; x right, y up, z to the viewer.
_RAKING = (-0.6, 0.6, 0.53)
_AMBIENT = 0.15
# Leaves room above flat stone for what faces the lamp.
_EXPOSURE = 0.8
_PREVIEW_TILE_PX = 640
_CAPTION_PX = 28


def write_maps(stem: Path, height: FloatArray, prediction: Prediction, settings: MeshSettings) -> list[Path]:
    """Write height, normals, soft edges and segments as files of one name: NAME.height.tif and so on.

    Args:
        stem: folder and NAME.
        height: (H, W) float32, refined, 0 slab to 1 full depth.
        prediction: for the soft edges and segments.
        settings: size of the panel.

    Returns:
        The files, that of the height first.
    """
    paths = [stem.with_name(stem.name + s) for s in (".height.tif", ".normal.png", ".edges.png", ".segments.png")]
    height_m = height * settings.depth_m
    write_height(paths[0], height_m)
    write_normals(paths[1], height_m, settings.width_m)
    write_classes(paths[2], prediction.soft_edges, EDGE_PALETTE)
    write_classes(paths[3], prediction.segments, SEGMENT_PALETTE)
    return paths


def write_height(path: str | PathLike[str], height_m: FloatArray) -> None:
    """Write a height map as TIFF: float32, one channel, row 0 at the top, metres above the slab."""
    _write(path, encode(".tif", height_m.astype(np.float32, copy=False), [cv2.IMWRITE_TIFF_COMPRESSION, 1]))


def write_normals(path: str | PathLike[str], height_m: FloatArray, width_m: float) -> None:
    """Write the surface normals of a height map as 16-bit PNG.

    Convention:
        OpenGL's: red is x to the right, green y up, blue z out of the stone; -1 to 1 become 0 to 65535.

    Args:
        path: the file to write.
        height_m: (H, W) float32, metres, row 0 at the top.
        width_m: width of the panel in metres, over all W pixels.
    """
    normals = surface_normals(height_m, width_m / height_m.shape[1])
    stored = np.rint(normals[..., ::-1] * 32767.5 + 32767.5).astype(np.uint16)  # the writer wants B G R
    _write(path, encode(".png", stored, [cv2.IMWRITE_PNG_COMPRESSION, 1]))


def write_classes(path: str | PathLike[str], probabilities: FloatArray, palette: ByteArray) -> None:
    """Write the likeliest class of every pixel as 8-bit PNG with a palette; the stored values are the class indices.

    Args:
        path: the file to write.
        probabilities: (H, W, C) float32.
        palette: (C, 3) uint8, R G B.
    """
    rows, columns, _ = probabilities.shape
    lines = np.zeros((rows, 1 + columns), np.uint8)  # each line begins with its filter: 0, none
    lines[:, 1:] = np.argmax(probabilities, axis=-1)
    header = struct.pack(">IIBBBBB", columns, rows, 8, 3, 0, 0, 0)
    chunks = [
        (b"IHDR", header),
        (b"PLTE", palette.tobytes()),
        (b"IDAT", zlib.compress(lines.tobytes(), 6)),
        (b"IEND", b""),
    ]
    png = b"\x89PNG\r\n\x1a\n"
    for kind, data in chunks:
        png += struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    _write(path, png)


def write_preview(
    path: str | PathLike[str], photo: Photo, height: FloatArray, prediction: Prediction, depth_px: float
) -> None:
    """Write photo, shaded relief, height and soft edges as PNG, each with its caption; those of a frieze in a column.

    Args:
        path: the file to write.
        photo: the photograph, of the maps' size or smaller.
        height: (H, W) float32, refined, 0 slab to 1 full depth.
        prediction: for the soft edges.
        depth_px: how many pixels high a height of 1 stands in the shaded relief.
    """
    grey = np.rint(np.clip(height, 0.0, 1.0) * 255.0).astype(np.uint8)
    edges = np.clip(cv2.transform(prediction.soft_edges, EDGE_PALETTE.T.astype(np.float32)), 0.0, 255.0)
    pictures = [
        ("photo", photo.colour),
        ("shaded relief", shade(height, depth_px)),
        ("height", grey),
        ("edges: soft blue, medium green, sharp orange", edges.astype(np.uint8)),
    ]
    rows, columns = height.shape
    side = _PREVIEW_TILE_PX * (2 if max(rows, columns) > 2 * min(rows, columns) else 1)
    scale = min(1.0, side / max(rows, columns))
    size = (max(1, round(columns * scale)), max(1, round(rows * scale)))
    tiles = [_tile(picture, size, caption) for caption, picture in pictures]
    preview = np.concatenate(tiles, axis=0 if columns > 2 * rows else 1)
    _write(path, encode(".png", preview[..., ::-1], []))


def shade(height: FloatArray, depth_px: float | None = None, light: tuple[float, float, float] = _RAKING) -> ByteArray:
    """A height map as matte stone under raking light, with the hollows a little darker.

    Nothing is normalised by the picture itself, so flat stone looks flat and two pictures can be compared.

    Args:
        height: (H, W) float32, row 0 at the top.
        depth_px: how many pixels high a height of 1 stands; None: a twentieth of the longer side.
        light: unit vector toward the light; x right, y up, z to the viewer.

    Returns:
        (H, W) uint8.
    """
    if depth_px is None:
        depth_px = DEPTH_TO_SIDE * max(height.shape)
    relief_px = height * np.float32(depth_px)
    lambert = np.maximum(surface_normals(relief_px, 1.0) @ np.array(light, np.float32), 0.0)
    openness = np.ones_like(relief_px)
    for part in (1 / 256, 1 / 64):
        sigma_px = max(1.0, part * extent(height.shape))
        hollow = np.maximum(lowpass(relief_px, sigma_px) - relief_px, 0.0)
        openness /= 1.0 + hollow / np.float32(sigma_px)
    linear = _EXPOSURE * (_AMBIENT + (1.0 - _AMBIENT) * lambert) * openness
    shaded: ByteArray = np.rint(255.0 * np.clip(linear, 0.0, 1.0) ** (1.0 / 2.2)).astype(np.uint8)
    return shaded


def surface_normals(height: FloatArray, pixel_size: float) -> FloatArray:
    """Unit normals (H, W, 3), x right, y up, z out, of a height in the unit of ``pixel_size``."""
    down, right = np.gradient(height, np.float32(pixel_size))
    normals: FloatArray = np.stack([-right, down, np.ones_like(height)], axis=-1).astype(np.float32, copy=False)
    normals /= np.sqrt(np.sum(normals * normals, axis=-1, keepdims=True))
    return normals


def _tile(picture: ByteArray, size: tuple[int, int], caption: str) -> ByteArray:
    """A picture at a size (columns, rows), above its caption."""
    enlarges = picture.shape[0] < size[1]
    small = cv2.resize(picture, size, interpolation=cv2.INTER_LINEAR if enlarges else cv2.INTER_AREA)
    if small.ndim == 2:
        small = cv2.cvtColor(small, cv2.COLOR_GRAY2RGB)
    tile = cv2.copyMakeBorder(small, 0, _CAPTION_PX, 0, 4, cv2.BORDER_CONSTANT, value=(16, 16, 16))
    baseline = (6, size[1] + _CAPTION_PX - 9)
    return cv2.putText(tile, caption, baseline, cv2.FONT_HERSHEY_SIMPLEX, 0.45, (220, 220, 220), 1, cv2.LINE_AA).astype(
        np.uint8, copy=False
    )


def encode(suffix: str, pixels: npt.NDArray[Any], options: list[int]) -> bytes:
    """Pixels, B G R where they have colour, as the bytes of a file of this suffix."""
    done, data = cv2.imencode(suffix, pixels, options)
    if not done:
        raise RuntimeError(f"cv2 could not encode {pixels.shape} {pixels.dtype} as {suffix}")
    return data.tobytes()


def _write(path: str | PathLike[str], data: bytes) -> None:
    """Write a file; the folder is a hidden one, whose files are moved to their places when all of them are whole.

    Raises:
        ReliefError: the folder is missing or protected, or the disk is full.
    """
    path = Path(path)
    try:
        path.write_bytes(data)
    except OSError as error:
        raise ReliefError(
            f"{path.name} cannot be written: {error.strerror}. Check the folder and the free space."
        ) from error
