"""Embedded colour profiles, built here byte by byte, against colours computed from the standards."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from inference.colour_profile import read_profile
from inference.photo import is_upright_jpeg, photo_from_array, read_photo

SUFFIXES = (".jpg", ".png", ".tif", ".webp")
# X, Y, Z of red, green and blue at D50, as Adobe's, the ICC's and Apple's profiles have them.
ADOBE = ((0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457))
SRGB = ((0.43607, 0.22249, 0.01392), (0.38515, 0.71687, 0.09708), (0.14307, 0.06061, 0.71410))
P3 = ((0.51512, 0.24120, -0.00105), (0.29198, 0.69225, 0.04189), (0.15710, 0.06657, 0.78407))
# Chromaticities of the same, and of their white D65.
ADOBE_XY = ((0.64, 0.33), (0.21, 0.71), (0.15, 0.06))
SRGB_XY = ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06))
P3_XY = ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060))
D65_XY = (0.3127, 0.3290)
SRGB_CURVE = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)


def xyz(colorant: tuple[float, ...]) -> bytes:
    return b"XYZ " + bytes(4) + struct.pack(">3i", *(round(v * 65536) for v in colorant))


def gamma(value: float) -> bytes:
    return b"curv" + bytes(4) + struct.pack(">IH", 1, round(value * 256))


def points(values: np.ndarray) -> bytes:
    return b"curv" + bytes(4) + struct.pack(">I", len(values)) + np.rint(values * 65535).astype(">u2").tobytes()


def parametric(function: int, *values: float) -> bytes:
    packed = struct.pack(f">{len(values)}i", *(round(v * 65536) for v in values))
    return b"para" + bytes(4) + struct.pack(">HH", function, 0) + packed


def profile(tags: dict[bytes, bytes], space: bytes = b"RGB ", version: int = 2) -> bytes:
    head = bytes(8) + bytes([version, 0, 0, 0]) + b"mntr" + space + b"XYZ " + bytes(12) + b"acsp"
    head = head.ljust(68, b"\0") + struct.pack(">3i", 63190, 65536, 54061)
    at = 128 + 4 + 12 * len(tags)
    table = struct.pack(">I", len(tags))
    body = b""
    for name, tag in tags.items():
        table += name + struct.pack(">II", at + len(body), len(tag))
        body += tag + bytes(-len(tag) % 4)
    data = head.ljust(128, b"\0") + table + body
    return struct.pack(">I", len(data)) + data[4:]


def rgb(colorants: tuple[tuple[float, ...], ...], curve: bytes, version: int = 2) -> bytes:
    tags = dict(zip((b"rXYZ", b"gXYZ", b"bXYZ"), map(xyz, colorants), strict=True))
    return profile(tags | dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve), version=version)


def grey(curve: bytes) -> bytes:
    return profile({b"kTRC": curve}, b"GRAY")


ADOBE_RGB = rgb(ADOBE, gamma(2.19921875))
DISPLAY_P3 = rgb(P3, parametric(3, *SRGB_CURVE), 4)
GREY_18 = grey(gamma(1.8))


def embedded(suffix: str, picture: np.ndarray, icc: bytes, parts: int = 1) -> bytes:
    """A file of grey or R G B (A) pixels with a profile; of a JPEG in so many segments, the last of them first."""
    if picture.ndim == 3:
        picture = picture[..., [2, 1, 0, 3][: picture.shape[2]]]
    options = {".jpg": [cv2.IMWRITE_JPEG_QUALITY, 100], ".webp": [cv2.IMWRITE_WEBP_QUALITY, 101]}.get(suffix, [])
    done, encoded = cv2.imencode(suffix, picture, options)
    assert done
    data = encoded.tobytes()
    if not icc:
        return data
    if suffix == ".jpg":
        size = -(-len(icc) // parts)
        pieces = [b"ICC_PROFILE\0" + bytes([i + 1, parts]) + icc[i * size : (i + 1) * size] for i in range(parts)]
        segments = (b"\xff\xe2" + struct.pack(">H", len(piece) + 2) + piece for piece in reversed(pieces))
        return data[:2] + b"".join(segments) + data[2:]
    if suffix == ".png":
        chunk = b"iCCPa name\0\0" + zlib.compress(icc)
        return data[:33] + struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk)) + data[33:]
    if suffix == ".webp":
        height, width = picture.shape[:2]
        head = struct.pack("<I", 0x20) + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
        body = b"WEBPVP8X" + struct.pack("<I", 10) + head
        body += b"ICCP" + struct.pack("<I", len(icc)) + icc + bytes(len(icc) % 2) + data[12:]
        return b"RIFF" + struct.pack("<I", len(body)) + body
    (at,) = struct.unpack_from("<I", data, 4)
    (count,) = struct.unpack_from("<H", data, at)
    tag = struct.pack("<HHII", 34675, 7, len(icc), len(data) + 2 + 12 * (count + 1) + 4)
    directory = struct.pack("<H", count + 1) + data[at + 2 : at + 2 + 12 * count] + tag + bytes(4)
    return data[:4] + struct.pack("<I", len(data)) + data[8:] + directory + icc


def write(folder: Path, suffix: str, data: bytes) -> Path:
    path = folder / f"panel{suffix}"
    path.write_bytes(data)
    return path


def to_xyz(primaries: tuple[tuple[float, float], ...]) -> np.ndarray:
    """From linear R G B to the X Y Z of D65 (SMPTE RP 177)."""
    columns = np.array([(x / y, 1.0, (1.0 - x - y) / y) for x, y in (*primaries, D65_XY)]).T
    return columns[:, :3] * np.linalg.solve(columns[:, :3], columns[:, 3])


def srgb_light(value: np.ndarray) -> np.ndarray:
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def srgb_value(light: np.ndarray) -> np.ndarray:
    light = np.clip(light, 0.0, 1.0)
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)


def converted(light: np.ndarray, primaries: tuple[tuple[float, float], ...]) -> np.ndarray:
    """What sRGB stores of light of other primaries, without D50 between them."""
    return srgb_value(light @ to_xyz(primaries).T @ np.linalg.inv(to_xyz(SRGB_XY)).T)


def patches(*colours: tuple[int, ...]) -> np.ndarray:
    """64 rows of squares of these colours."""
    return np.repeat(np.tile(np.array(colours, np.uint8), (64, 1, 1)), 64, axis=1)


COLOURS = ((128, 128, 128), (255, 255, 255), (0, 0, 0), (0, 255, 0), (60, 200, 90), (200, 90, 40), (20, 40, 160))


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("parts", [1, 3])
def test_adobe_rgb_of_every_format(tmp_path: Path, suffix: str, parts: int) -> None:
    expected = converted((np.array(COLOURS) / 255.0) ** 2.19921875, ADOBE_XY)
    path = write(tmp_path, suffix, embedded(suffix, patches(*COLOURS), ADOBE_RGB, parts))
    photo = read_photo(path)
    off = 0.03 if suffix == ".jpg" else 0.003
    np.testing.assert_allclose(photo.colour[32, 32::64] / 255.0, expected, atol=off)
    np.testing.assert_allclose(photo.grey[32, 32::64], expected @ (0.299, 0.587, 0.114), atol=off)
    assert np.abs(photo.colour[32, 32].astype(int) - 129).max() <= 1  # (128 / 255) ** 2.2 is 0.2196, and that 0.506


def test_display_p3_of_sixteen_bits_keeps_its_precision(tmp_path: Path) -> None:
    stored = np.random.default_rng(1).integers(0, 65536, (64, 64, 3)).astype(np.uint16)
    photo = read_photo(write(tmp_path, ".png", embedded(".png", stored, DISPLAY_P3)))
    expected = converted(srgb_light(stored / 65535.0), P3_XY)
    # A colorant's five digits are worth more in the dark, where the curve is steepest.
    np.testing.assert_allclose(photo.grey, expected @ (0.299, 0.587, 0.114), atol=1e-3)
    ramp = np.tile(np.arange(20_000, 20_064, dtype=np.uint16)[:, None], (64, 1, 3))
    photo = read_photo(write(tmp_path, ".png", embedded(".png", ramp, DISPLAY_P3)))
    assert len(np.unique(photo.grey[0])) == 64


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif"])
def test_grey_gamma(tmp_path: Path, suffix: str) -> None:
    ramp = np.tile(np.arange(0, 256, 2, dtype=np.uint8), (64, 1))
    photo = read_photo(write(tmp_path, suffix, embedded(suffix, ramp, GREY_18)))
    expected = srgb_value((ramp[9] / 255.0) ** 1.8)  # of which a profile keeps eight bits behind the point
    np.testing.assert_allclose(photo.grey[9], expected, atol=0.02 if suffix == ".jpg" else 3e-4)
    assert np.array_equal(photo.colour[..., 0], photo.colour[..., 2])


@pytest.mark.parametrize("icc", [ADOBE_RGB, GREY_18])
@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_transparent_parts_stay_mid_grey_and_are_read_as_black(tmp_path: Path, suffix: str, icc: bytes) -> None:
    """The colours of a TIFF are multiplied by their alpha, as they are stored."""
    picture = np.dstack([patches((100, 100, 100), (100, 100, 100)), np.full((64, 128), 255, np.uint8)])
    picture[:, 64:96, 3], picture[:, 96:, 3] = 0, 51
    if suffix == ".tif":
        picture[:, 64:96, :3], picture[:, 96:, :3] = 0, 20
    photo = read_photo(write(tmp_path, suffix, embedded(suffix, picture, icc)))
    value = float(srgb_value((np.array(100 / 255)) ** (1.8 if icc is GREY_18 else 2.19921875)))
    np.testing.assert_allclose(photo.grey[9, [9, 80, 120]], [value, 0.0, 0.2 * value], atol=0.004)
    seen = 255 * np.array([value, 0.5, 0.2 * value + 0.8 * 0.5])
    np.testing.assert_allclose(photo.colour[9, [9, 80, 120], 0], seen, atol=1.5)


CURVES = {
    "the ICC's table": points(srgb_light(np.linspace(0.0, 1.0, 1024))),
    "type 3": parametric(3, *SRGB_CURVE),
    "type 4": parametric(4, *SRGB_CURVE, 0.0, 0.0),
}


@pytest.mark.parametrize("curve", CURVES.values(), ids=CURVES)
def test_its_own_profile_leaves_every_pixel(tmp_path: Path, curve: bytes) -> None:
    rng = np.random.default_rng(2)
    colour = rng.integers(0, 256, (64, 96, 3)).astype(np.uint8)
    deep = rng.integers(0, 65536, (64, 96)).astype(np.uint16)
    for suffix in SUFFIXES:
        plain = read_photo(write(tmp_path, suffix, embedded(suffix, colour, b"")))
        same = read_photo(write(tmp_path, suffix, embedded(suffix, colour, rgb(SRGB, curve, 4))))
        assert np.array_equal(same.grey, plain.grey) and np.array_equal(same.colour, plain.colour)
    photo = read_photo(write(tmp_path, ".png", embedded(".png", deep, grey(curve))))
    assert np.array_equal(photo.grey, photo_from_array(deep, "deep").grey)


@pytest.mark.parametrize(
    ("curve", "expected"),
    [
        (parametric(0, 1.8), lambda x: x**1.8),
        (parametric(1, 2.0, 1.25, -0.25), lambda x: np.maximum(1.25 * x - 0.25, 0.0) ** 2),
        (parametric(2, 2.0, 1.25, -0.25, 0.02), lambda x: np.minimum(np.maximum(1.25 * x - 0.25, 0.0) ** 2 + 0.02, 1)),
        (parametric(3, 2.0, 0.9, 0.1, 0.2, 0.25), lambda x: np.where(x < 0.25, 0.2 * x, (0.9 * x + 0.1) ** 2)),
        (
            parametric(4, 2.0, 0.9, 0.1, 0.2, 0.25, -0.01, 0.03),
            lambda x: np.where(x < 0.25, 0.2 * x + 0.03, (0.9 * x + 0.1) ** 2 - 0.01),
        ),
        (points(np.array([0.0, 0.1, 1.0])), lambda x: np.interp(x, [0.0, 0.5, 1.0], [0.0, 0.1, 1.0])),
        (points(np.zeros(0)), lambda x: x),
    ],
)
def test_kinds_of_curves(curve: bytes, expected: object) -> None:
    x = np.linspace(0.0, 1.0, 256)
    read = read_profile(grey(curve))
    assert read is not None
    values = read.to_srgb(x.astype(np.float32)[None, :, None])
    np.testing.assert_allclose(values[0, :, 0], srgb_value(expected(x)), atol=3e-4)


def without(icc: bytes, name: bytes) -> bytes:
    return icc.replace(name, b"none", 1)


IGNORED = {
    "none": b"",
    "garbage": bytes(np.random.default_rng(3).integers(0, 256, 3000, np.uint8)),
    "no curve": without(ADOBE_RGB, b"gTRC"),
    "tables alone": profile({b"A2B0": b"mft2" + bytes(80)}),
    "CMYK": profile({b"A2B0": b"mft2" + bytes(80)}, b"CMYK"),
    "Lab": profile({b"kTRC": gamma(1.8)}, b"Lab "),
    "black": rgb(((0.0, 0.0, 0.0),) * 3, gamma(2.2)),
    "all white": rgb(ADOBE, gamma(0.0)),
    "flat line": rgb(ADOBE, parametric(1, 2.0, 0.0, 1.0)),
    "no such curve": rgb(ADOBE, parametric(9, 1.0)),
    "endless table": rgb(ADOBE, b"curv" + bytes(4) + b"\xff\xff\xff\xff"),
    "endless tags": ADOBE_RGB[:128] + b"\xff\xff\xff\xff" + ADOBE_RGB[132:],
    "of grey": GREY_18,
    **{f"cut off at {n}": ADOBE_RGB[:n] for n in (40, 130, 150, 300, len(ADOBE_RGB) - 8)},
}


@pytest.mark.parametrize("icc", IGNORED.values(), ids=IGNORED)
def test_other_and_damaged_profiles_are_passed_over(tmp_path: Path, icc: bytes) -> None:
    for suffix in SUFFIXES:
        plain = read_photo(write(tmp_path, suffix, embedded(suffix, patches(*COLOURS), b"")))
        photo = read_photo(write(tmp_path, suffix, embedded(suffix, patches(*COLOURS), icc)))
        assert np.array_equal(photo.colour, plain.colour) and np.array_equal(photo.grey, plain.grey)


def test_grey_with_a_profile_of_colours_is_as_it_was(tmp_path: Path) -> None:
    ramp = np.tile(np.arange(0, 256, 2, dtype=np.uint8), (64, 1))
    photo = read_photo(write(tmp_path, ".png", embedded(".png", ramp, ADOBE_RGB)))
    np.testing.assert_allclose(photo.grey, ramp / 255.0, atol=1e-6)


def test_a_profile_that_is_not_all_there(tmp_path: Path) -> None:
    picture = patches(*COLOURS)
    plain = read_photo(write(tmp_path, ".jpg", embedded(".jpg", picture, b"")))
    jpeg = embedded(".jpg", picture, ADOBE_RGB, 2)
    second = jpeg.index(b"ICC_PROFILE\0\2")
    lacking = jpeg.replace(jpeg[second : second + 14], b"ICC_PROGRAM\0\2\2")
    assert np.array_equal(read_photo(write(tmp_path, ".jpg", lacking)).colour, plain.colour)
    stored = read_photo(write(tmp_path, ".png", embedded(".png", picture, b""))).colour
    png, packed = embedded(".png", picture, ADOBE_RGB), zlib.compress(ADOBE_RGB)
    at, spoilt = png.index(packed), bytes(len(packed))
    crc = struct.pack(">I", zlib.crc32(b"iCCPa name\0\0" + spoilt))
    png = png[:at] + spoilt + crc + png[at + len(packed) + 4 :]
    assert np.array_equal(read_photo(write(tmp_path, ".png", png)).colour, stored)
    tiff = embedded(".tif", picture, ADOBE_RGB)[: -len(ADOBE_RGB) // 2]
    assert np.array_equal(read_photo(write(tmp_path, ".tif", tiff)).colour, stored)


def test_blender_shows_a_jpeg_alike_unless_its_profile_changes_colours(tmp_path: Path) -> None:
    for icc, alike in ((rgb(SRGB, CURVES["type 3"]), True), (IGNORED["tables alone"], True), (ADOBE_RGB, False)):
        assert is_upright_jpeg(write(tmp_path, ".jpg", embedded(".jpg", patches(*COLOURS), icc))) is alike


def test_all_rows_of_a_high_picture(tmp_path: Path) -> None:
    """More than are converted at once; a green far more vivid than sRGB's numbers for it."""
    picture = np.tile(patches((60, 200, 90)), (20, 1, 1))
    photo = read_photo(write(tmp_path, ".png", embedded(".png", picture, ADOBE_RGB)))
    assert (photo.colour == photo.colour[0, 0]).all() and photo.colour[0, 0, 0] < 15


@pytest.mark.parametrize("icc", [GREY_18, ADOBE_RGB])
def test_a_clear_tone_leaves_a_grey_picture_its_profile(tmp_path: Path, icc: bytes) -> None:
    """One of colours fits it no better than without that."""
    picture = np.tile(np.arange(0, 192, 2, dtype=np.uint8), (64, 1))
    data = embedded(".png", picture, icc)
    plain = read_photo(write(tmp_path, ".png", data)).grey
    chunk = b"tRNS\0\0"
    at = data.index(b"IDAT") - 4
    clear = data[:at] + struct.pack(">I", 2) + chunk + struct.pack(">I", zlib.crc32(chunk)) + data[at:]
    photo = read_photo(write(tmp_path, ".png", clear))
    np.testing.assert_allclose(photo.grey[:, 1:], plain[:, 1:], atol=1e-6)
    assert photo.opaque is not None and photo.opaque.sum() == photo.opaque.size - 64
