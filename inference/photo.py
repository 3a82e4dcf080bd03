"""Photograph files and pixel arrays become one upright, display-referred Photo."""

from __future__ import annotations

import hashlib
import math
import os
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from .colour_profile import ColourProfile, read_profile
from .errors import ReliefError
from .image_header import ASSOCIATED_ALPHA, FORMATS, NO_ALPHA, read_header, with_stored_rows
from .prediction import ByteArray, FloatArray

AnyArray = npt.NDArray[Any]

MIN_SIDE_PX = 64
MAX_PIXELS = 300_000_000
MAX_FILE_BYTES = (2 << 30) - 1
"""The decoder takes no more."""
_TIFF_COMPRESSIONS = {*range(1, 9), 32766, 32773, 32809, 32909, 32946, 34661, 34676, 34677, 34887, 34925, 50000, 50001}
"""What the TIFF decoder reads, or refuses itself where it was built without it. Of others it makes a black picture, of
32771, lines of fax in whole words, a wrong one."""
KEPT_PIXELS = 60_000_000
"""Larger photographs are scaled down to so many: what the network says takes about 150 bytes a pixel while it is made,
and a third of that in the store."""

# Rec. 601 luma of R, G, B.
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)
# Behind transparent pixels lies what unlit flat stone would show, but nothing that would be read: of a panel cut out by
# an ellipse r with the reading of the whole is 0.95, 0.95 and 0.96 on black, as stone of a mean grey of 0.76, 0.38 and
# 0.19, and 0.91, 0.92 and 0.43 on mid grey (weights 0.21).
BACKDROP = 0.5
# Transparent places within that are smaller, as a share of the picture or in pixels, are specks of whoever cut it out,
# or gaps between photographs, and filled: each would be a shaft down to the slab.
_LEAST_HOLE, _SPECK_PX = 0.0002, 9
# Of values that are neither 8- nor 16-bit unsigned, one glint does not decide what is white.
_DARKEST_BRIGHTEST, _LOOKED_AT = (0.1, 99.9), 4_000_000
# Rows converted at once: float copies of a whole large photograph would not fit into memory.
_BLOCK_ROWS = 512


@dataclass(frozen=True)
class Photo:
    """One photograph, upright.

    Convention:
        Row 0 at the top, column 0 at the left, as a viewer sees the photograph. Values are display-referred (sRGB,
        gamma included), never stretched.

    Attributes:
        grey: (H, W) float32, luma 0 to 1, in the full precision of the source.
        colour: (H, W, 3) uint8, R G B.
        name: the file's name without folder and suffix, as Unicode text.
        sha256: of the file's bytes, hexadecimal.
        source_size: (width, height) in pixels of the upright original, before any downscaling.
        opaque: (H, W) bool, where a cut-out shows something; None where nothing is transparent.
    """

    grey: FloatArray
    colour: ByteArray
    name: str
    sha256: str
    source_size: tuple[int, int]
    opaque: npt.NDArray[np.bool_] | None = None


def read_photo(path: str | PathLike[str], max_size: int | None = None) -> Photo:
    """Read a photograph: JPEG, PNG, TIFF, WebP or BMP, of any bit depth, grey or colour, with or without alpha.

    EXIF orientation and embedded colour profiles (see `colour_profile.read_profile`) are applied; without a profile,
    and with one that is not read or not of the pixels' kind, the values count as sRGB. Transparent parts become mid
    grey in ``colour`` and black in ``grey``, but for specks within, which are filled; of several pages or frames the
    first counts. Floating-point and signed pixels of which more than a few leave the range 0 to 1 are scaled, so that
    all but the darkest and brightest thousandth fit; 8, 10, 12 or 14 bits fill the 16 that they are kept in.

    Args:
        path: the file.
        max_size: the longest side in pixels; larger photographs are scaled down, smaller ones stay as they are.
            At most ``KEPT_PIXELS`` are kept in any case.

    Raises:
        ReliefError: the file is missing, a folder, empty, no image, cut off, damaged, of a kind that cannot be decoded,
            too small or too large.
    """
    path = Path(path)
    data = _read_bytes(path)
    header = read_header(data, path.name)
    _check_size(header.width, header.height, path.name)
    if header.lab:  # the decoder takes their white for that of a screen: all turns yellow
        raise ReliefError(f"{path.name} is a TIFF with Lab colours. Save it with RGB colours, then try again.")
    digest = hashlib.sha256(data).hexdigest()
    pixels = None
    if header.compression in _TIFF_COMPRESSIONS:
        turned = header.format == "TIFF" and header.orientation != 1
        pixels = _decode(with_stored_rows(data) if turned else data)
    del data  # as large as the pixels, where they are stored as they are
    if pixels is None or (header.planes and pixels.dtype != np.uint8):  # those the decoder mixes up
        raise ReliefError(
            f"{path.name} is a {header.format} file of a kind that cannot be decoded. "
            "Save it as PNG or JPEG, then try again."
        )
    premultiplied = False
    if header.format == "TIFF":
        # The TIFF decoder multiplies 8-bit colours by their alpha, and leaves deeper pixels as they are stored.
        premultiplied = pixels.dtype == np.uint8 or header.extra_sample == ASSOCIATED_ALPHA
        # Of grey with another channel the decoder gives the grey alone, in 8 bits.
        grey_alone = header.samples == 2 and pixels.ndim == 2
        if grey_alone and (header.extra_sample != NO_ALPHA or header.bits > 8):
            raise ReliefError(
                f"{path.name} is a grey TIFF with an alpha channel, which cannot be decoded faithfully. "
                "Save it as PNG, or without its alpha channel, then try again."
            )
        if header.extra_sample == NO_ALPHA and pixels.ndim == 3 and pixels.shape[2] == 4:
            pixels = pixels[..., :3]  # a selection that an image editor saved
        if pixels.dtype == np.uint8 and pixels.ndim == 3 and pixels.shape[2] == 4 and not pixels[..., 3].any():
            raise ReliefError(f"{path.name} is wholly transparent. Save it without its alpha channel, then try again.")
    pixels = _upright(pixels, header.orientation)
    if pixels.ndim == 3:
        pixels = pixels[..., [2, 1, 0, 3][: pixels.shape[2]]]
    shown = None
    if pixels.ndim == 2 and header.clear is not None:  # the decoder knows it with colours alone
        shown = pixels != header.clear
        pixels = np.where(shown, pixels, 0).astype(pixels.dtype)
    black, white = _value_range(pixels)
    if header.white_is_zero and pixels.ndim == 2 and pixels.itemsize > 1:
        black, white = white, black  # of 8 bits and less the decoder does it
    profile = read_profile(header.profile)
    if profile is not None and not profile.fits(pixels):
        profile = None
    if shown is not None:
        pixels = np.stack((pixels, shown * pixels.dtype.type(white)), axis=2)
    # Names in other encodings, of old archives, are no text for anyone else.
    name = os.fsencode(path.stem).decode("utf-8", "replace")
    return _photo(pixels, black, white, premultiplied, profile, name, digest, max_size)


def encode_opaque(opaque: npt.NDArray[np.bool_]) -> bytes:
    """Where a cut-out shows something, (H, W), as a PNG of 1 bit a pixel."""
    done, data = cv2.imencode(".png", opaque.astype(np.uint8) * 255, [cv2.IMWRITE_PNG_BILEVEL, 1])
    if not done:
        raise RuntimeError(f"cv2 could not encode {opaque.shape}")
    return data.tobytes()


def cut_out(photo: Photo, opaque: bytes) -> Photo:
    """A photograph of what was cut out once, as what shows something where it did.

    Args:
        photo: with the backdrop in the place of what is transparent.
        opaque: what `encode_opaque` made of it.
    """
    decoded = cv2.imdecode(np.frombuffer(opaque, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert decoded is not None
    shown = np.asarray(cv2.resize(decoded, photo.grey.shape[::-1], interpolation=cv2.INTER_NEAREST) > 0)
    digest = hashlib.sha256(photo.sha256.encode() + opaque).hexdigest()
    return replace(photo, grey=np.where(shown, photo.grey, np.float32(0.0)), opaque=shown, sha256=digest)


def is_upright_jpeg(path: Path) -> bool:
    """Whether Blender, which knows no profiles, shows the file as `read_photo` reads it.

    It has no EXIF rotation, no alpha, no 16 bits, and no profile that changes colours then.

    Raises:
        ReliefError: as `read_photo`.
    """
    header = read_header(_read_bytes(path), path.name)
    return header.format == "JPEG" and header.orientation == 1 and read_profile(header.profile) is None


def quarter_turns(data: bytes, name: str) -> int:
    """Quarter turns to the left from the top of a picture as its file stores it to the top of what it shows, 0 to 3.

    Args:
        data: the whole file.
        name: what to call the file in an error.

    Raises:
        ReliefError: as `read_photo`.
    """
    return (0, 0, 2, 2, 1, 1, 3, 3)[read_header(data, name).orientation - 1]


def upright_points(path: Path, points: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Where points of a picture as its file stores it lie in the picture as `read_photo` turns it upright.

    Args:
        path: file of the picture.
        points: (N, 2) x and y as parts of the stored width and height, from the top left.

    Raises:
        ReliefError: as `read_photo`.
    """
    orientation = read_header(_read_bytes(path), path.name).orientation
    x, y = points[:, ::-1].T if orientation >= 5 else points.T
    x = 1.0 - x if orientation in (2, 3, 6, 7) else x
    y = 1.0 - y if orientation in (3, 4, 7, 8) else y
    return np.stack((x, y), axis=1)


def photo_from_array(pixels: AnyArray, name: str) -> Photo:
    """Make a Photo of pixels that are already in memory.

    Args:
        pixels: (H, W) grey, (H, W, 1), (H, W, 2) grey and alpha, (H, W, 3) R G B or (H, W, 4) R G B and alpha;
            row 0 at the top; uint8, uint16, or floating point, display-referred, 0 to 1 (clipped).
        name: what to call it.

    Raises:
        ReliefError: the array is no picture, too small or too large.
    """
    known = pixels.dtype in (np.uint8, np.uint16) or pixels.dtype.kind == "f"
    if pixels.ndim not in (2, 3) or (pixels.ndim == 3 and pixels.shape[2] not in (1, 2, 3, 4)) or not known:
        raise ReliefError(
            f"{name} has shape {pixels.shape} of {pixels.dtype}. "
            "Give (H, W) or (H, W, 1 to 4) of uint8, uint16 or float."
        )
    _check_size(pixels.shape[1], pixels.shape[0], name)
    digest = hashlib.sha256(f"{pixels.dtype.str} {pixels.shape} ".encode())
    digest.update(np.ascontiguousarray(pixels).data)
    white = 1.0 if pixels.dtype.kind == "f" else float(np.iinfo(pixels.dtype).max)
    return _photo(pixels, 0.0, white, False, None, name, digest.hexdigest(), None)


def _read_bytes(path: Path) -> bytes:
    try:
        if path.is_dir():
            raise ReliefError(f"{path} is a folder. Give the path of a photograph.")
        size = path.stat().st_size
        if size > MAX_FILE_BYTES:
            raise ReliefError(f"{path.name} is too large a file ({size / 1e9:.1f} GB). Give one below 2.1 GB.")
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise ReliefError(f"{path} does not exist. Check the path.") from error
    except PermissionError as error:
        raise ReliefError(f"{path} may not be read. Check who owns it and its access rights.") from error
    except OSError as error:
        raise ReliefError(f"{path} cannot be read: {error.strerror}. Check the path and the drive.") from error
    except ValueError as error:
        raise ReliefError(f"{str(path)!r} is no path: {error}. Check it.") from error
    if not data:
        raise ReliefError(f"{path.name} is empty (0 bytes). Give a {FORMATS} file.")
    return data


def _check_size(width: int, height: int, name: str) -> None:
    if width * height > MAX_PIXELS:
        limit = MAX_PIXELS // 1_000_000
        raise ReliefError(
            f"{name} is too large: {width} x {height} pixels, the limit is {limit} megapixels. "
            "Scale it down, then try again."
        )
    if min(width, height) < MIN_SIDE_PX:
        raise ReliefError(
            f"{name} is too small: {width} x {height} pixels. "
            f"Give a photograph of at least {MIN_SIDE_PX} pixels each way."
        )


def _decode(data: bytes | bytearray) -> AnyArray | None:
    """The pixels as they are stored, B G R (A); None where the decoder gives up."""
    # The decoder would log to stderr what read_photo says better.
    level = cv2.utils.logging.getLogLevel()
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error as error:
        if error.code == cv2.Error.StsNoMem:
            raise MemoryError(str(error)) from error
        return None
    finally:
        cv2.utils.logging.setLogLevel(level)


def _upright(pixels: AnyArray, orientation: int) -> AnyArray:
    """Apply an EXIF orientation (Source: EXIF 2.3, tag 274)."""
    if orientation >= 5:  # 5 to 8: rows of the file are columns of the picture
        pixels = pixels.swapaxes(0, 1)
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return pixels


_SENSORS = (2**8 - 1, 2**10 - 1, 2**12 - 1, 2**14 - 1)
"""White of sensors whose values a file of 16 bits may hold as they came; such a picture is all but black else."""


def _value_range(pixels: AnyArray) -> tuple[float, float]:
    """The values that mean black and white in a file's pixels."""
    if pixels.dtype == np.uint16 and (pixels.ndim == 2 or pixels.shape[2] == 3):
        brightest = int(pixels.max())
        return 0.0, next((float(most) for most in _SENSORS if brightest <= most), 65535.0)
    if pixels.dtype in (np.uint8, np.uint16):
        return 0.0, float(np.iinfo(pixels.dtype).max)
    colours = pixels[..., :3] if pixels.ndim == 3 else pixels
    some = colours[:: max(1, colours.size // _LOOKED_AT)]
    finite = some[np.isfinite(some)]
    low, high = (float(v) for v in np.percentile(finite, _DARKEST_BRIGHTEST)) if finite.size else (0.0, 1.0)
    if low >= 0.0 and high <= 1.0:
        return 0.0, 1.0
    return low, high if high > low else low + 1.0


def _photo(
    pixels: AnyArray,
    black: float,
    white: float,
    premultiplied: bool,
    profile: ColourProfile | None,
    name: str,
    digest: str,
    max_size: int | None,
) -> Photo:
    """Normalise, convert to sRGB, lay over the backdrop and scale down upright R G B (A) or grey (A) pixels."""
    if pixels.ndim == 2:
        pixels = pixels[..., None]
    height, width, channels = pixels.shape
    grey = np.empty((height, width), np.float32)
    colour = np.empty((height, width, 3), np.uint8)
    # Some programs write an alpha channel and leave it empty.
    alpha_used = channels in (2, 4) and bool(pixels[..., -1].any())
    opaque = np.empty((height, width), bool) if alpha_used else None
    for top in range(0, height, _BLOCK_ROWS):
        rows = slice(top, top + _BLOCK_ROWS)
        block = pixels[rows].astype(np.float32, order="C")
        values = block[..., : channels - 1] if channels in (2, 4) else block
        if pixels.dtype.kind == "f":
            values = np.nan_to_num(values, nan=black)
        values = np.clip((values - black) / (white - black), 0.0, 1.0)
        if alpha_used:
            opacity = block[..., -1:] / (white if pixels.dtype.kind == "u" else 1.0)
            opacity = np.asarray(np.clip(np.nan_to_num(opacity, nan=0.0), 0.0, 1.0), np.float32)
        if alpha_used and premultiplied:
            values = np.minimum(values / np.maximum(opacity, 1e-6), 1.0)
        if profile is not None:
            values = profile.to_srgb(values)
        grey[rows] = values @ _LUMA if values.shape[2] == 3 else values[..., 0]
        if alpha_used:
            assert opaque is not None
            opaque[rows] = opacity[..., 0] > 0.5
            grey[rows] *= np.where(opaque[rows], np.float32(1.0), opacity[..., 0])  # feathered stone is no darker
            values = np.minimum(values * opacity + BACKDROP * (1.0 - opacity), 1.0)
        colour[rows] = np.rint(values * 255.0)
    source_size = (width, height)
    scale = min(math.sqrt(KEPT_PIXELS / (width * height)), 1.0)
    if max_size is not None:
        scale = min(scale, max_size / max(source_size))
    if scale < 1.0:
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        if min(size) < MIN_SIDE_PX:
            raise ReliefError(
                f"{name} would be too small at a largest side of {max(size)} pixels: {size[0]} x {size[1]}. "
                f"Give a larger size, so that each side keeps at least {MIN_SIDE_PX} pixels."
            )
        grey = cv2.resize(grey, size, interpolation=cv2.INTER_AREA).astype(np.float32, copy=False)
        colour = cv2.resize(colour, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
        if opaque is not None:
            opaque = cv2.resize(opaque.astype(np.uint8), size, interpolation=cv2.INTER_AREA) > 0
    if opaque is not None and opaque.any():
        specks = _specks(opaque)
        if specks.any():
            opaque |= specks
            cover = specks.astype(np.uint8)
            # It adds about 1 to what it fills, in steps of the picture's, so those must be small.
            filled = cv2.inpaint(grey * np.float32(65535.0), cover, 3, cv2.INPAINT_TELEA) / np.float32(65535.0)
            grey = np.asarray(np.clip(filled, 0.0, 1.0), np.float32)
            colour = np.asarray(cv2.inpaint(colour, cover, 3, cv2.INPAINT_TELEA), np.uint8)
    if opaque is not None and (opaque.all() or not opaque.any()):
        opaque = None
    return Photo(grey, colour, name, digest, source_size, opaque)


def _specks(opaque: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """(H, W), small transparent places that are nowhere beside the picture's border."""
    _, places, boxes, _ = cv2.connectedComponentsWithStats((~opaque).astype(np.uint8))
    left, top, width, height, area = boxes.T
    rows, columns = opaque.shape
    within = (left > 0) & (top > 0) & (left + width < columns) & (top + height < rows)
    small = within & (area < max(_LEAST_HOLE * opaque.size, _SPECK_PX))
    small[0] = False  # all that is opaque
    return np.asarray(small[places])
