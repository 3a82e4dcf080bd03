"""Photographs of every format, depth, orientation and kind of damage."""

from __future__ import annotations

import hashlib
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from inference.errors import ReliefError
from inference.image_header import read_header
from inference.photo import is_upright_jpeg, photo_from_array, quarter_turns, read_photo, upright_points

SUFFIXES = (".jpg", ".png", ".tif", ".webp", ".bmp")
# Corners of a picture, clockwise from the top left.
RED, GREEN, BLUE, GREY = (200, 20, 20), (20, 200, 20), (20, 20, 200), (120, 120, 120)


def corners(width: int = 96, height: int = 64) -> np.ndarray:
    """R G B quadrants: red, green, blue and grey, clockwise from the top left; wider than high."""
    picture = np.empty((height, width, 3), np.uint8)
    picture[: height // 2, : width // 2] = RED
    picture[: height // 2, width // 2 :] = GREEN
    picture[height // 2 :, width // 2 :] = BLUE
    picture[height // 2 :, : width // 2] = GREY
    return picture


def encoded(suffix: str, picture: np.ndarray) -> bytes:
    """A file of grey or R G B (A) pixels."""
    if picture.ndim == 3:
        picture = picture[..., [2, 1, 0, 3][: picture.shape[2]]]
    options = [cv2.IMWRITE_JPEG_QUALITY, 95] if suffix == ".jpg" else []
    done, data = cv2.imencode(suffix, picture, options)
    assert done
    return data.tobytes()


def exif(orientation: int, order: str = "<") -> bytes:
    """A TIFF directory with the orientation as its only tag."""
    head = b"II*\0" if order == "<" else b"MM\0*"
    return head + struct.pack(order + "IHHHIHHI", 8, 1, 274, 3, 1, orientation, 0, 0)


def png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, depth: int, colour_type: int, lines: bytes, *before: tuple[bytes, bytes]) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, 0)
    chunks = [(b"IHDR", header), *before, (b"IDAT", zlib.compress(lines)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(kind, data) for kind, data in chunks)


def tiff(
    pixels: np.ndarray,
    orientation: int = 1,
    photometric: int | None = None,
    order: str = "<",
    extra: int = 2,
    tile: int | None = None,
) -> bytes:
    """An uncompressed TIFF of (H, W) or (H, W, C) pixels, R G B (A), in one strip or in square tiles."""
    height, width = pixels.shape[:2]
    channels = pixels.shape[2] if pixels.ndim == 3 else 1
    stored = pixels.astype(pixels.dtype.newbyteorder(order))
    if tile:
        sides = ((0, -height % tile), (0, -width % tile), (0, 0))[: pixels.ndim]
        whole = np.pad(stored, sides)
        rows, columns = range(0, height, tile), range(0, width, tile)
        parts = [whole[row : row + tile, column : column + tile].tobytes() for row in rows for column in columns]
    else:
        parts = [stored.tobytes()]
    sizes = [len(part) for part in parts]
    if photometric is None:
        photometric = 2 if channels > 2 else 1
    sample_format = {"u": 1, "i": 2, "f": 3}[pixels.dtype.kind]
    tags = [
        (256, 4, [width]),
        (257, 4, [height]),
        (258, 3, [8 * pixels.itemsize] * channels),
        (259, 3, [1]),
        (262, 3, [photometric]),
        (274, 3, [orientation]),
        (277, 3, [channels]),
        (339, 3, [sample_format] * channels),
    ]
    if channels in (2, 4):
        tags.append((338, 3, [extra]))
    if tile:
        tags += [(322, 4, [tile]), (323, 4, [tile]), (324, 4, [0] * len(parts)), (325, 4, sizes)]
    else:
        tags += [(273, 4, [0]), (278, 4, [height]), (279, 4, sizes)]
    tags.sort()
    rest_at = 8 + 2 + 12 * len(tags) + 4
    rest_size = sum(size for size in (len(values) * (2 if kind == 3 else 4) for _, kind, values in tags) if size > 4)
    starts = [rest_at + rest_size + sum(sizes[:number]) for number in range(len(parts))]
    rest = directory = b""
    for tag, kind, values in tags:
        values = starts if tag in (273, 324) else values
        packed = struct.pack(f"{order}{len(values)}{'H' if kind == 3 else 'I'}", *values)
        if len(packed) > 4:
            rest, packed = rest + packed, struct.pack(order + "I", rest_at + len(rest))
        directory += struct.pack(order + "HHI", tag, kind, len(values)) + packed.ljust(4, b"\0")
    head = b"II*\0" if order == "<" else b"MM\0*"
    return head + struct.pack(order + "IH", 8, len(tags)) + directory + bytes(4) + rest + b"".join(parts)


def turned(picture: np.ndarray, orientation: int) -> np.ndarray:
    """How a camera stores an upright picture under an EXIF orientation: the 0th row and column of the file are ...

    1 top, left; 2 top, right; 3 bottom, right; 4 bottom, left; 5 left, top; 6 right, top; 7 right, bottom;
    8 left, bottom (EXIF 2.3, tag 274).
    """
    rows_first = orientation <= 4
    row_from_end = orientation in (3, 4, 6, 7)  # row 0 of the file is the picture's bottom or right
    column_from_end = orientation in (2, 3, 7, 8)  # column 0 of the file is the picture's right or bottom
    stored = picture if rows_first else picture.swapaxes(0, 1)
    return np.ascontiguousarray(stored[:: -1 if row_from_end else 1, :: -1 if column_from_end else 1])


def with_orientation(suffix: str, picture: np.ndarray, orientation: int) -> bytes:
    """A file that stores ``picture`` as it is, and says ``orientation``."""
    data = encoded(suffix, picture)
    if suffix == ".jpg":
        segment = b"Exif\0\0" + exif(orientation, ">")
        return data[:2] + b"\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment + data[2:]
    if suffix == ".png":
        return data[:33] + png_chunk(b"eXIf", exif(orientation)) + data[33:]
    if suffix == ".webp":
        height, width = picture.shape[:2]
        flags = struct.pack("<I", 8) + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
        tag = exif(orientation)
        body = b"WEBPVP8X" + struct.pack("<I", 10) + flags + data[12:] + b"EXIF" + struct.pack("<I", len(tag)) + tag
        return b"RIFF" + struct.pack("<I", len(body)) + body
    assert suffix == ".tif"
    return tiff(picture, orientation, order=">")


def write(folder: Path, name: str, data: bytes) -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_colour_of_every_format(tmp_path: Path, suffix: str) -> None:
    data = encoded(suffix, corners())
    photo = read_photo(write(tmp_path, f"panel{suffix}", data))
    assert photo.colour.shape == (64, 96, 3) and photo.colour.dtype == np.uint8
    assert photo.grey.shape == (64, 96) and photo.grey.dtype == np.float32
    for (row, column), value in {(10, 10): RED, (10, 80): GREEN, (50, 80): BLUE, (50, 10): GREY}.items():
        assert np.abs(photo.colour[row, column].astype(int) - value).max() <= 6
    # 0.299 * 200 + 0.587 * 20 + 0.114 * 20 = 73.82
    assert photo.grey[10, 10] == pytest.approx(73.82 / 255, abs=0.012)
    assert photo.name == "panel"
    assert photo.sha256 == hashlib.sha256(data).hexdigest()
    assert photo.source_size == (96, 64)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_grey_of_every_format(tmp_path: Path, suffix: str) -> None:
    ramp = np.tile(np.arange(0, 192, 2, dtype=np.uint8), (64, 1))
    photo = read_photo(write(tmp_path, f"ramp{suffix}", encoded(suffix, ramp)))
    assert photo.colour.shape == (64, 96, 3)
    np.testing.assert_allclose(photo.grey[30, [3, 90]], [6 / 255, 180 / 255], atol=0.01)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_points_turn_as_the_picture_does(tmp_path: Path, orientation: int) -> None:
    stored = np.zeros((80, 128, 3), np.uint8)
    stored[20, 96] = 255
    path = tmp_path / "turned.png"
    path.write_bytes(with_orientation(".png", stored, orientation))
    read = read_photo(path).grey
    row, column = np.unravel_index(read.argmax(), read.shape)
    (point,) = upright_points(path, np.array([[96.5 / 128, 20.5 / 80]]))
    assert point == pytest.approx(((column + 0.5) / read.shape[1], (row + 0.5) / read.shape[0]))
    toward_top = ((0.0, -0.1), (-0.1, 0.0), (0.0, 0.1), (0.1, 0.0))[quarter_turns(path.read_bytes(), path.name)]
    (above,) = upright_points(path, np.array([[0.5, 0.5]]) + toward_top)
    assert above == pytest.approx((0.5, 0.4))


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".webp"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation(tmp_path: Path, suffix: str, orientation: int) -> None:
    data = with_orientation(suffix, turned(corners(), orientation), orientation)
    photo = read_photo(write(tmp_path, f"turned{suffix}", data))
    assert photo.source_size == (96, 64)
    for (row, column), value in {(10, 10): RED, (10, 80): GREEN, (50, 80): BLUE, (50, 10): GREY}.items():
        assert np.abs(photo.colour[row, column].astype(int) - value).max() <= 6
    assert photo.grey[50, 10] == pytest.approx(120 / 255, abs=0.012)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_tiffs_in_tiles_are_turned_as_a_whole(tmp_path: Path, dtype: type, channels: int, orientation: int) -> None:
    """As archives keep photographs that shall be seen part by part."""
    values = np.random.default_rng(4).random((80, 112, channels))
    values[..., 3:] = 1.0
    pixels = values.astype(dtype) if dtype is np.float32 else np.rint(values * np.iinfo(dtype).max).astype(dtype)
    stored = turned(pixels if channels > 1 else pixels[..., 0], orientation)
    for tile in (32, 64, None):
        photo = read_photo(write(tmp_path, "tiles.tif", tiff(stored, orientation, tile=tile)))
        assert photo.source_size == (112, 80)
        np.testing.assert_allclose(photo.colour, np.rint(values[..., :3] * 255) + np.zeros(3), atol=1.0)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("orientation", [1, 6])
def test_tiff_orientation_of_every_depth(tmp_path: Path, dtype: type, orientation: int) -> None:
    ramp = np.tile(np.linspace(0, 1, 96, dtype=np.float64), (64, 1))
    ramp[:32] /= 2
    pixels = ramp.astype(dtype) if dtype is np.float32 else np.rint(ramp * np.iinfo(dtype).max).astype(dtype)
    photo = read_photo(write(tmp_path, "ramp.tif", tiff(turned(pixels, orientation), orientation)))
    np.testing.assert_allclose(photo.grey, ramp, atol=0.003)


def test_which_files_other_programs_show_alike(tmp_path: Path) -> None:
    for name, data, alike in (
        ("upright.jpg", encoded(".jpg", corners()), True),
        ("turned.jpg", with_orientation(".jpg", corners(), 6), False),
        ("picture.png", encoded(".png", corners()), False),
    ):
        assert is_upright_jpeg(write(tmp_path, name, data)) is alike, name
    with pytest.raises(ReliefError, match="gone.jpg does not exist"):
        is_upright_jpeg(tmp_path / "gone.jpg")


def test_the_first_exif_of_a_jpeg_counts(tmp_path: Path) -> None:
    """As other programs have it; where the first says nothing it is upright."""
    data = with_orientation(".jpg", corners(), 6)
    segment = data[2 : 4 + int.from_bytes(data[4:6], "big")]
    again = segment.replace(exif(6, ">"), exif(3, ">"))
    path = write(tmp_path, "two.jpg", data[:2] + again + data[2:])
    assert quarter_turns(path.read_bytes(), path.name) == 2
    assert read_photo(path).source_size == (96, 64)


def test_broken_exif_counts_as_upright(tmp_path: Path) -> None:
    data = encoded(".jpg", corners())
    broken = data[:2] + b"\xff\xe1\x00\x0cExif\0\0II*\0" + data[2:]
    assert read_photo(write(tmp_path, "a.jpg", broken)).source_size == (96, 64)


def test_a_broken_tag_of_exif_leaves_the_orientation(tmp_path: Path) -> None:
    """A title whose text lies beyond the end, before or after the orientation."""
    title, turn = struct.pack("<HHII", 0x9C9B, 1, 40, 5000), struct.pack("<HHIHH", 274, 3, 1, 6, 0)
    stored = encoded(".jpg", turned(corners(), 6))
    for tags in (title + turn, turn + title):
        segment = b"Exif\0\0II*\0" + struct.pack("<IH", 8, 2) + tags + bytes(4)
        data = stored[:2] + b"\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment + stored[2:]
        assert read_photo(write(tmp_path, "a.jpg", data)).source_size == (96, 64)


def test_sixteen_bits_keep_their_precision(tmp_path: Path) -> None:
    low = np.arange(64 * 96, dtype=np.uint16).reshape(64, 96) % 500 + 20_000
    for name, data in (("a.png", encoded(".png", low)), ("a.tif", encoded(".tif", low))):
        photo = read_photo(write(tmp_path, name, data))
        np.testing.assert_allclose(photo.grey, low / 65535.0, atol=1e-7)
        assert len(np.unique(photo.grey)) == 500
        assert np.array_equal(photo.colour[..., 1], np.rint(low / 257.0))


def test_sixteen_bit_colour(tmp_path: Path) -> None:
    picture = corners().astype(np.uint16) * 257 + 3
    photo = read_photo(write(tmp_path, "a.png", encoded(".png", picture)))
    assert np.array_equal(photo.colour, corners())
    assert photo.grey[10, 10] == pytest.approx((73.82 * 257 + 3) / 65535, abs=1e-6)


def test_float_tiff_within_one_is_kept(tmp_path: Path) -> None:
    ramp = np.tile(np.linspace(0.2, 0.6, 96, dtype=np.float32), (64, 1))
    photo = read_photo(write(tmp_path, "a.tif", tiff(ramp)))
    np.testing.assert_allclose(photo.grey, ramp, atol=1e-6)


def test_float_tiff_beyond_one_is_scaled_and_gaps_are_black(tmp_path: Path) -> None:
    ramp = np.tile(np.linspace(-100.0, 300.0, 96, dtype=np.float32), (64, 1))
    ramp[5, 7] = np.nan
    photo = read_photo(write(tmp_path, "a.tif", tiff(ramp)))
    assert photo.grey[5, 7] == 0.0
    np.testing.assert_allclose(photo.grey[9, [0, 95]], [0.0, 1.0], atol=1e-6)
    assert photo.grey[9, 19] == pytest.approx(0.2, abs=1e-5)


def test_one_glint_does_not_decide_what_is_white(tmp_path: Path) -> None:
    ramp = np.tile(np.linspace(0.0, 1.0, 96, dtype=np.float32), (64, 1))
    ramp[5, 7] = 50.0
    photo = read_photo(write(tmp_path, "a.tif", tiff(ramp)))
    assert photo.grey[5, 7] == 1.0
    np.testing.assert_allclose(np.delete(photo.grey, 5, 0), np.delete(ramp, 5, 0), atol=1e-6)


def test_deep_colours_stored_apart_are_refused(tmp_path: Path) -> None:
    """The decoder mixes them up, but for those of 8 bits."""
    deep = np.zeros((64, 64, 3), np.uint16)
    data = tiff(deep).replace(struct.pack("<HHII", 278, 4, 1, 64), struct.pack("<HHIHH", 284, 3, 1, 2, 0))
    with pytest.raises(ReliefError, match="cannot be decoded. Save it as PNG or JPEG"):
        read_photo(write(tmp_path, "planes.tif", data))


def test_a_gap_in_the_alpha_is_transparent_and_spoils_nothing() -> None:
    picture = np.full((64, 70, 4), 0.25, np.float32)
    picture[..., 3] = 1.0
    picture[5, 5, 3] = np.nan
    photo = photo_from_array(picture, "gap")
    assert photo.opaque is None and np.isfinite(photo.grey).all() and photo.grey[9, 9] == 0.25
    np.testing.assert_allclose(photo.grey[5, 5], 0.25, atol=1e-3)  # a speck is filled
    picture[5, 5, 3], picture[20:50, 20:50, 3] = 1.0, np.nan
    photo = photo_from_array(picture, "gap")
    assert photo.opaque is not None and photo.opaque.sum() == 64 * 70 - 30 * 30 and not photo.grey[20:50, 20:50].any()


def test_specks_are_filled_with_what_lies_around_them() -> None:
    y, x = np.mgrid[:200, :300]
    grey = 0.5 + 0.4 * np.sin(x / 9.0) * np.cos(y / 7.0)
    rng = np.random.default_rng(6)
    shown = np.ones(grey.shape)
    for row, column in rng.integers(10, 190, (40, 2)):
        shown[row, column : column + 3] = 0.0
    for depth in (255, 65535):
        pixels = np.rint(np.dstack([grey] * 3 + [shown]) * depth).astype(np.uint8 if depth == 255 else np.uint16)
        filled = photo_from_array(pixels, "stitched")
        np.testing.assert_allclose(filled.grey, grey, atol=0.1)
        np.testing.assert_allclose(filled.colour[..., 1] / 255.0, grey, atol=0.1)


def test_specks_in_the_alpha_are_no_holes_but_what_was_cut_out_is() -> None:
    y, x = np.mgrid[:300, :400]
    away = np.hypot(y - 150, x - 200)
    picture = np.full((300, 400, 4), 0.5, np.float32)
    picture[..., 3] = (away < 140) & (away > 30)  # a ring
    specks = [(80, 150), (81, 150), (200, 260)]
    for place in specks:
        picture[*place, 3] = 0.1
    photo = photo_from_array(picture, "wreath")
    np.testing.assert_array_equal(photo.opaque, (away < 140) & (away > 30))
    for place in specks:
        assert photo.grey[place] == pytest.approx(0.5, abs=0.01) and abs(int(photo.colour[place][0]) - 128) <= 1
    picture[..., 3] = 1.0
    picture[:20, :20, 3] = 0.0  # a corner that was cut off
    photo = photo_from_array(picture, "corner")
    assert photo.opaque is not None and (~photo.opaque).sum() == 400


@pytest.mark.parametrize("premultiplied", [False, True])
def test_the_feathered_rim_of_a_cut_out_is_read_as_bright_as_its_stone(tmp_path: Path, premultiplied: bool) -> None:
    opacity = np.tile(np.linspace(0.0, 1.0, 96), (64, 1))
    picture = np.dstack([np.full((64, 96, 3), 0.6) * (opacity[..., None] if premultiplied else 1.0), opacity])
    stored = np.rint(picture * 65535).astype(np.uint16)
    photo = read_photo(write(tmp_path, "a.tif", tiff(stored, extra=1 if premultiplied else 2)))
    np.testing.assert_array_equal(photo.opaque, opacity > 0.5)
    np.testing.assert_allclose(photo.grey[photo.opaque], 0.6, atol=0.002)
    np.testing.assert_allclose(photo.colour[..., 0], 255 * (0.6 * opacity + 0.5 * (1.0 - opacity)), atol=1.0)


def test_white_is_zero(tmp_path: Path) -> None:
    for dtype in (np.uint8, np.uint16):
        top = np.iinfo(dtype).max
        pixels = np.zeros((64, 96), dtype)
        pixels[:, 48:] = top // 5 * 4
        photo = read_photo(write(tmp_path, "a.tif", tiff(pixels, photometric=0)))
        np.testing.assert_allclose(photo.grey[8, [8, 80]], [1.0, 0.2], atol=0.01)
    photo = read_photo(write(tmp_path, "a.tif", tiff((pixels / top).astype(np.float32), photometric=0)))
    np.testing.assert_allclose(photo.grey[8, [8, 80]], [1.0, 0.2], atol=0.01)


@pytest.mark.parametrize("dtype", [np.int8, np.int16, np.int32, np.uint32, np.float32])
@pytest.mark.parametrize("photometric", [0, 1])
def test_white_is_zero_of_pixels_that_are_scaled(tmp_path: Path, dtype: type, photometric: int) -> None:
    """From the least to the most of their range, a third of the way in the middle."""
    low, high = (-50.0, 250.0) if dtype is np.float32 else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    values = np.array([low, low + (high - low) / 3, high]).astype(dtype)
    pixels = np.repeat(np.tile(values, (64, 1)), 32, axis=1)
    photo = read_photo(write(tmp_path, "a.tif", tiff(pixels, photometric=photometric)))
    expected = np.array([0.0, 1 / 3, 1.0])
    np.testing.assert_allclose(photo.grey[8, [8, 48, 80]], expected if photometric == 1 else 1.0 - expected, atol=0.005)


@pytest.mark.parametrize("kind, extra", [(np.uint8, 1), (np.uint8, 2), (np.uint16, 0), (np.uint16, 2), (np.int16, 1)])
def test_grey_tiff_with_alpha_is_refused(tmp_path: Path, kind: type, extra: int) -> None:
    """The decoder drops the alpha and makes eight bits of more."""
    data = tiff(np.full((64, 96, 2), 100, kind), extra=extra)
    with pytest.raises(ReliefError, match="a.tif is a grey TIFF with an alpha channel.*Save it as PNG, or without"):
        read_photo(write(tmp_path, "a.tif", data))


def test_grey_tiff_with_a_saved_selection_is_read(tmp_path: Path) -> None:
    pixels = np.full((64, 96, 2), 204, np.uint8)
    pixels[..., 1] = 50
    np.testing.assert_allclose(read_photo(write(tmp_path, "a.tif", tiff(pixels, extra=0))).grey, 0.8, atol=1e-6)


@pytest.mark.parametrize("suffix", [".png", ".webp", ".tif"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_transparent_parts_become_mid_grey_and_are_read_as_black(tmp_path: Path, suffix: str, dtype: type) -> None:
    if suffix == ".webp" and dtype is np.uint16:
        suffix = ".png"
    picture = np.dstack([corners(), np.full((64, 96), 255, np.uint8)])
    picture[:, 60:, 3] = 0
    picture[40:, :40, 3] = 51  # a fifth
    pixels = picture if dtype is np.uint8 else picture.astype(np.uint16) * 257
    data = tiff(pixels) if suffix == ".tif" else encoded(suffix, pixels)
    photo = read_photo(write(tmp_path, f"cut_out{suffix}", data))
    assert np.abs(photo.colour[10, 10].astype(int) - RED).max() <= 2
    assert np.abs(photo.colour[10, 80].astype(int) - 128).max() <= 2
    assert photo.grey[10, 80] == 0.0
    assert photo.grey[50, 10] == pytest.approx(0.2 * 120 / 255, abs=0.006)
    assert photo.opaque is not None and (photo.opaque == (picture[..., 3] > 127)).all()
    blue = np.array(corners()[50, 10], int)
    assert np.abs(photo.colour[50, 10] - (0.2 * blue + 0.8 * 127.5)).max() <= 2


def test_an_empty_alpha_channel_is_ignored(tmp_path: Path) -> None:
    picture = np.dstack([corners(), np.zeros((64, 96), np.uint8)])
    photo = read_photo(write(tmp_path, "a.png", encoded(".png", picture)))
    assert np.array_equal(photo.colour, corners())


def test_a_tiff_whose_colours_an_empty_alpha_took_away_says_so(tmp_path: Path) -> None:
    picture = np.dstack([corners(), np.zeros((64, 96), np.uint8)])
    path = write(tmp_path, "a.tif", encoded(".tif", picture))
    with pytest.raises(ReliefError, match="wholly transparent"):
        read_photo(path)


def test_too_little_memory_is_no_fault_of_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_arguments: object) -> None:
        error = cv2.error("Insufficient memory")
        error.code = cv2.Error.StsNoMem
        raise error

    path = write(tmp_path, "a.png", encoded(".png", corners()))
    monkeypatch.setattr(cv2, "imdecode", full)
    with pytest.raises(MemoryError):
        read_photo(path)


def test_grey_with_alpha_and_palette(tmp_path: Path) -> None:
    line = b"\0" + bytes([10, 255]) * 32 + bytes([90, 0]) * 32
    photo = read_photo(write(tmp_path, "ga.png", png(64, 64, 8, 4, line * 64)))
    np.testing.assert_allclose(photo.grey[3, [2, 60]], [10 / 255, 0.0], atol=1e-6)
    assert photo.colour[3, 60].tolist() == [128, 128, 128]
    line = b"\0" + bytes([0] * 40 + [1] * 24)
    photo = read_photo(write(tmp_path, "p.png", png(64, 64, 8, 3, line * 64, (b"PLTE", bytes(RED + GREEN)))))
    assert tuple(photo.colour[20, 39]) == RED and tuple(photo.colour[20, 40]) == GREEN


@pytest.mark.parametrize("bits", [1, 2, 4, 8, 16])
def test_a_tone_that_means_nothing_in_a_grey_png(tmp_path: Path, bits: int) -> None:
    """The decoder knows it in coloured ones alone."""
    line = {8: bytes([1] * 40 + [200] * 56), 16: b"\1\1" * 40 + b"\1\2" * 56}.get(bits, b"\0" * 20 + b"\xff" * 28)
    width = len(line) * 8 // bits
    tone = {1: 1, 2: 3, 4: 15, 8: 200, 16: 0x102}[bits]
    data = png(width, 64, bits, 0, (b"\0" + line) * 64, (b"tRNS", struct.pack(">H", tone)))
    photo = read_photo(write(tmp_path, "a.png", data))
    assert photo.opaque is not None
    shown = np.tile(np.arange(width) < width * 5 // 12, (64, 1))
    np.testing.assert_array_equal(photo.opaque, shown)
    assert (photo.colour[~shown] == 128).all() and np.ptp(photo.grey[shown]) == 0.0


def test_a_clear_tone_changes_no_other(tmp_path: Path) -> None:
    """Of the 12 bits of a sensor neither."""
    lines = (b"\0" + np.linspace(0, 4095, 96).astype(">u2").tobytes()) * 64
    plain = read_photo(write(tmp_path, "a.png", png(96, 64, 16, 0, lines)))
    assert plain.grey.max() > 0.9
    for tone in (0, 65535):
        data = png(96, 64, 16, 0, lines, (b"tRNS", struct.pack(">H", tone)))
        photo = read_photo(write(tmp_path, "b.png", data))
        np.testing.assert_allclose(photo.grey[:, 1:], plain.grey[:, 1:], atol=1e-6)


def test_a_grey_png_of_no_bits_is_damaged(tmp_path: Path) -> None:
    data = png(96, 64, 0, 0, bytes(97 * 64), (b"tRNS", b"\0\1"))
    with pytest.raises(ReliefError, match="a.png is damaged"):
        read_photo(write(tmp_path, "a.png", data))


@pytest.mark.parametrize("photometric", [8, 9, 10])
def test_lab_is_refused(tmp_path: Path, photometric: int) -> None:
    """The decoder makes white (255, 252, 222) of its white."""
    data = tiff(np.full((64, 96, 3), (255, 0, 0), np.uint8), photometric=photometric)
    with pytest.raises(ReliefError, match="a.tif is a TIFF with Lab colours. Save it with RGB colours"):
        read_photo(write(tmp_path, "a.tif", data))


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_a_saved_selection_is_no_transparency(tmp_path: Path, kind: type) -> None:
    """Image editors keep one as a channel of which the file says nothing (ExtraSamples 0)."""
    most = np.iinfo(kind).max
    for share in (0.0, 0.25):
        pixels = np.full((80, 96, 4), round(0.8 * most), kind)
        pixels[..., 3] = round(share * most)
        photo = read_photo(write(tmp_path, "selection.tif", tiff(pixels, extra=0)))
        np.testing.assert_allclose(photo.grey, 0.8, atol=0.005)


def test_sixteen_bit_colours_that_are_multiplied_by_alpha_are_not_multiplied_again(tmp_path: Path) -> None:
    pixels = np.full((80, 96, 4), 32768, np.uint16)
    pixels[..., :3] = round(0.4 * 65535)  # 0.8, half transparent
    photo = read_photo(write(tmp_path, "associated.tif", tiff(pixels, extra=1)))
    np.testing.assert_allclose(photo.grey, 0.8, atol=0.005)
    assert np.abs(photo.colour.astype(int) - round(255 * (0.4 + 0.5 * 0.5))).max() <= 1


def test_raw_file_of_a_camera_is_told(tmp_path: Path) -> None:
    """Its first directory is a thumbnail."""
    data = bytearray(tiff(np.zeros((80, 96, 3), np.uint8)))
    struct.pack_into("<HHII", data, 8 + 2 + 12 * 3, 254, 4, 1, 1)  # in the place of "not compressed"
    with pytest.raises(ReliefError, match="photo.dng begins with a small copy.*Develop it"):
        read_photo(write(tmp_path, "photo.dng", bytes(data)))


def test_a_giant_is_scaled_down_to_what_memory_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inference.photo.KEPT_PIXELS", 9600)
    photo = read_photo(write(tmp_path, "a.png", encoded(".png", corners(240, 160))))
    assert photo.grey.shape == (80, 120) and photo.source_size == (240, 160)


def test_a_path_that_is_none(tmp_path: Path) -> None:
    for name in ("x" * 300, "a\0b"):
        with pytest.raises(ReliefError, match="cannot be read: .*Check|is no path: .*Check"):
            read_photo(tmp_path / name)


def test_non_ascii_path(tmp_path: Path) -> None:
    folder = tmp_path / "レリーフ é"
    folder.mkdir()
    photo = read_photo(write(folder, "भित्ति 石.png", encoded(".png", corners())))
    assert photo.name == "भित्ति 石"
    assert tuple(photo.colour[10, 10]) == RED


def test_max_size_scales_down_by_areas_and_never_up(tmp_path: Path) -> None:
    path = write(tmp_path, "a.png", encoded(".png", corners(240, 160)))
    photo = read_photo(path, max_size=120)
    assert photo.grey.shape == (80, 120) and photo.colour.shape == (80, 120, 3)
    assert photo.source_size == (240, 160)
    assert tuple(photo.colour[39, 59]) == RED and tuple(photo.colour[40, 60]) == BLUE
    assert read_photo(path, max_size=500).grey.shape == (160, 240)
    stripes = np.tile(np.array([0, 100], np.uint8), (128, 64))
    striped = read_photo(write(tmp_path, "s.png", encoded(".png", stripes)), max_size=64)
    np.testing.assert_allclose(striped.grey, 50 / 255, atol=1e-6)
    with pytest.raises(ReliefError, match="too small at a largest side"):
        read_photo(path, max_size=90)


def cut(suffix: str, share: float) -> bytes:
    rng = np.random.default_rng(3)
    data = encoded(suffix, rng.integers(0, 256, (80, 100, 3), np.uint8))
    return data[: int(len(data) * share)]


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("share", [0.02, 0.5, 0.97, 0.9999])
def test_cut_off_files(tmp_path: Path, suffix: str, share: float, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ReliefError, match=r"part\.\w+ is cut off"):
        read_photo(write(tmp_path, f"part{suffix}", cut(suffix, share)))
    assert capfd.readouterr().err == ""


def test_a_trailer_behind_the_picture_is_no_damage(tmp_path: Path) -> None:
    photo = read_photo(write(tmp_path, "a.jpg", encoded(".jpg", corners()) + b"\0\xffmotion photo" * 9))
    assert photo.source_size == (96, 64)


@pytest.mark.parametrize("rows_per_strip", [8, 64])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_damaged_deflate_tiff(tmp_path: Path, dtype: type, rows_per_strip: int) -> None:
    """Of 8 bits the decoder gives what it can make of one, without a word."""
    noise = np.random.default_rng(1).integers(0, np.iinfo(dtype).max, (64, 96, 3)).astype(dtype)
    how = [cv2.IMWRITE_TIFF_COMPRESSION, 8, cv2.IMWRITE_TIFF_ROWSPERSTRIP, rows_per_strip]
    done, packed = cv2.imencode(".tif", noise, how)
    assert done and read_photo(write(tmp_path, "a.tif", packed.tobytes())).colour.shape == noise.shape
    for share in (0.3, 0.6):
        damaged = packed.copy()
        damaged[round(share * len(damaged))] ^= 0x10
        with pytest.raises(ReliefError, match="b.tif is damaged"):
            read_photo(write(tmp_path, "b.tif", damaged.tobytes()))


def test_a_damaged_animation_never_reaches_the_decoder(tmp_path: Path) -> None:
    """It would end the process."""
    still = png(64, 64, 8, 0, b"\0" * 65 * 64)
    data = still[:-12] + png_chunk(b"fdAT", b"\0\0\0\1data") + still[-12:]
    read_header(data, "a.png")
    with pytest.raises(ReliefError, match="a.png is damaged"):
        read_photo(write(tmp_path, "a.png", data.replace(b"data", b"dada")))


def test_damaged_png(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    data = bytearray(encoded(".png", corners()))
    data[60] ^= 255
    with pytest.raises(ReliefError, match=r"a\.png is damaged"):
        read_photo(write(tmp_path, "a.png", bytes(data)))
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("width, height", [(63, 200), (200, 63), (1, 1)])
def test_tiny(tmp_path: Path, width: int, height: int) -> None:
    picture = np.zeros((height, width, 3), np.uint8)
    with pytest.raises(ReliefError, match=f"too small: {width} x {height} pixels.*at least 64"):
        read_photo(write(tmp_path, "a.png", encoded(".png", picture)))


def bomb(suffix: str, side: int = 60000) -> bytes:
    """A small file that claims ``side`` by ``side`` pixels."""
    if suffix == ".png":
        return png(side, side, 8, 0, bytes(1000))
    if suffix == ".jpg":
        data = bytearray(encoded(".jpg", corners()))
        at = data.index(b"\xff\xc0")
        data[at + 5 : at + 9] = struct.pack(">HH", side, side)
        return bytes(data)
    if suffix == ".webp":
        body = b"WEBPVP8X" + struct.pack("<II", 10, 0) + (side - 1).to_bytes(3, "little") * 2
        return b"RIFF" + struct.pack("<I", len(body)) + body
    if suffix == ".tif":
        data = bytearray(tiff(np.zeros((64, 64), np.uint8)))
        for entry in (10, 22):
            data[entry + 8 : entry + 12] = struct.pack("<I", side)
        return bytes(data)
    return b"BM" + struct.pack("<IIIIiiHHIIIIII", 0, 0, 54, 40, side, side, 1, 8, 1, 8, 0, 0, 0, 0) + bytes(16)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_decompression_bomb(tmp_path: Path, suffix: str, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ReliefError, match="too large: 60000 x 60000 pixels, the limit is 300 megapixels"):
        read_photo(write(tmp_path, f"bomb{suffix}", bomb(suffix)))
    assert capfd.readouterr().err == ""


def test_no_image(tmp_path: Path) -> None:
    for name, data in (("a.jpg", b"no image at all" * 20), ("b.png", b"BMW is a car maker, and no bitmap" * 9)):
        with pytest.raises(ReliefError, match=f"{name} is no image.*JPEG, PNG, TIFF, WebP or BMP"):
            read_photo(write(tmp_path, name, data))


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"\0\0\0\x1cftypavif\0\0\0\0mif1avifmiaf", "AVIF"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC"),
        (b"\0\0\0\x18ftypmif1\0\0\0\0miafheix", "HEIC"),
        (b"\xff\x0a\xfa\x7f", "JPEG XL"),
        (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"),
        (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"),
        (b"GIF89a", "GIF"),
        (b"8BPS\0\x01", "Photoshop"),
        (b"%PDF-1.7", "PDF"),
    ],
)
def test_other_formats_are_named(tmp_path: Path, data: bytes, name: str) -> None:
    with pytest.raises(ReliefError, match=f"a.jpg is of the format {name}, which cannot be read. Export it as JPEG"):
        read_photo(write(tmp_path, "a.jpg", data + 200 * b"\0"))


def test_a_film_is_no_image_of_another_format(tmp_path: Path) -> None:
    with pytest.raises(ReliefError, match="is no image"):
        read_photo(write(tmp_path, "a.jpg", b"\0\0\0\x18ftypisom\0\0\x02\0isommp41" + 200 * b"\0"))


def test_contents_decide_not_the_suffix(tmp_path: Path) -> None:
    assert read_photo(write(tmp_path, "a.jpg", encoded(".png", corners()))).source_size == (96, 64)


def test_a_kind_of_tiff_that_cannot_be_decoded(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    data = tiff(np.zeros((64, 64, 2), np.float32))
    with pytest.raises(ReliefError, match="cannot be decoded. Save it as PNG or JPEG"):
        read_photo(write(tmp_path, "a.tif", data))
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("compression", [9, 33003, 33005, 34712, 34933, 34934, 50002, 52546, 65000])
def test_a_compression_that_the_decoder_does_not_know_is_refused(tmp_path: Path, compression: int) -> None:
    """JPEG 2000, PNG, JPEG XR, JPEG XL and others, of which it makes black pictures."""
    none, other = (struct.pack("<HHIHH", 259, 3, 1, value, 0) for value in (1, compression))
    data = tiff(corners())
    assert data.count(none) == 1
    with pytest.raises(ReliefError, match="a.tif is a TIFF file of a kind that cannot be decoded. Save it as PNG"):
        read_photo(write(tmp_path, "a.tif", data.replace(none, other)))


@pytest.mark.parametrize("compression", [1, 5, 8, 32773, 32946])
def test_compressions_that_the_decoder_knows(tmp_path: Path, compression: int) -> None:
    done, data = cv2.imencode(".tif", corners()[..., ::-1], [cv2.IMWRITE_TIFF_COMPRESSION, compression])
    assert done
    photo = read_photo(write(tmp_path, "a.tif", data.tobytes()))
    assert np.array_equal(photo.colour, corners())


def test_a_file_beyond_what_the_decoder_takes(tmp_path: Path) -> None:
    with (tmp_path / "a.tif").open("wb") as file:
        file.truncate(1 << 31)
    with pytest.raises(ReliefError, match=r"a.tif is too large a file \(2.1 GB\). Give one below 2.1 GB."):
        read_photo(tmp_path / "a.tif")


def test_empty_missing_and_folder(tmp_path: Path) -> None:
    with pytest.raises(ReliefError, match="is empty"):
        read_photo(write(tmp_path, "a.png", b""))
    with pytest.raises(ReliefError, match="does not exist"):
        read_photo(tmp_path / "missing.png")
    with pytest.raises(ReliefError, match="is a folder"):
        read_photo(tmp_path)


def test_arrays() -> None:
    photo = photo_from_array(corners(), "memory")
    assert tuple(photo.colour[50, 80]) == BLUE and photo.name == "memory"
    assert photo.grey[50, 80] == pytest.approx((0.299 * 20 + 0.587 * 20 + 0.114 * 200) / 255, abs=1e-6)
    glaring = np.full((64, 70, 4), 1.5, np.float32)
    glaring[:, 40:, 3] = 0.0
    photo = photo_from_array(glaring, "glare")
    np.testing.assert_allclose(photo.grey[2, [3, 60]], [1.0, 0.0], atol=1e-6)
    assert photo.colour[2, [3, 60]].tolist() == [[255] * 3, [128] * 3]
    deep = photo_from_array(np.full((64, 64), 1234, np.uint16), "deep")
    assert deep.grey[0, 0] == pytest.approx(1234 / 65535, abs=1e-8)
    assert len({photo.sha256, deep.sha256, photo_from_array(corners()[::-1], "memory").sha256}) == 3
    for wrong in (np.zeros((64, 64, 5), np.uint8), np.zeros((64, 64), np.int64), np.zeros(64, np.uint8)):
        with pytest.raises(ReliefError, match="has shape"):
            photo_from_array(wrong, "wrong")
    with pytest.raises(ReliefError, match="too small"):
        photo_from_array(np.zeros((64, 63), np.uint8), "tiny")


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
def test_a_sensors_own_values_in_16_bits_are_no_darkness(tmp_path: Path, suffix: str, bits: int) -> None:
    y, x = np.mgrid[:64, :96]
    stored = np.rint((0.2 + 0.6 * x / 95) * (2**bits - 1)).astype(np.uint16)
    path = tmp_path / f"raw{suffix}"
    cv2.imwrite(str(path), stored)
    np.testing.assert_allclose(read_photo(path).grey, 0.2 + 0.6 * x / 95, atol=2e-3)
