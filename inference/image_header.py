"""What an image file says of itself before it is decoded: format, size, orientation, colours, and whether it is whole.

Decoders fill in what a truncated file lacks, and set aside memory for any size that a header claims, so both are
looked at here first.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from .errors import ReliefError

FORMATS = "JPEG, PNG, TIFF, WebP or BMP"
SUFFIXES = (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".tif", ".tiff", ".webp", ".bmp")
"""Of their files' names, in small letters."""
NO_ALPHA, ASSOCIATED_ALPHA = 0, 1
"""Values of a TIFF's ExtraSamples (Source: TIFF 6.0, tag 338)."""


@dataclass(frozen=True)
class ImageHeader:
    """What the header says.

    Attributes:
        format: "JPEG", "PNG", "TIFF", "WebP" or "BMP".
        width, height: pixels, as stored (before the orientation is applied).
        orientation: EXIF value 1 to 8; 1 is upright.
        white_is_zero: a TIFF whose 0 means white.
        extra_sample: what a TIFF says of the channel after its colours: NO_ALPHA, ASSOCIATED_ALPHA (the colours are
            multiplied by it) or 2 (they are not); None where it says nothing.
        planes: a TIFF that stores each of its colours apart.
        samples: how many channels a TIFF stores, alpha among them.
        bits: of each sample of a TIFF.
        compression: of a TIFF (tag 259); 1 is none.
        lab: a TIFF whose colours are CIELab's.
        clear: the value of 8 or 16 bits that means nothing at all in a grey PNG; None where each is a tone.
        profile: the embedded ICC profile, unread; empty where there is none, or not all of it.
    """

    format: str
    width: int
    height: int
    orientation: int = 1
    white_is_zero: bool = False
    extra_sample: int | None = None
    planes: bool = False
    samples: int = 1
    bits: int = 8
    compression: int = 1
    lab: bool = False
    clear: int | None = None
    profile: bytes = b""


class _Thumbnail(Exception):
    """What the file shows first is a small copy of what it holds, as in the raw files of cameras."""


class _CutOff(Exception):
    """The file ends before its contents do."""


class _Damaged(Exception):
    """The file contradicts itself."""


def read_header(data: bytes, name: str) -> ImageHeader:
    """Read the header of an image file, and walk through the file to see that it is whole.

    Args:
        data: the whole file.
        name: what to call the file in an error.

    Raises:
        ReliefError: not an image of a known format, a raw file of a camera, cut off, or damaged.
    """
    parser = _parser(data)
    if parser is None:
        other = _other_format(data)
        if other is not None:
            raise ReliefError(f"{name} is of the format {other}, which cannot be read. Export it as JPEG or PNG.")
        raise ReliefError(f"{name} is no image that can be read. Give a {FORMATS} file.")
    try:
        header = parser(data)
        if header.width < 1 or header.height < 1:
            raise _Damaged
    except (_CutOff, struct.error, IndexError, OverflowError) as error:
        raise ReliefError(f"{name} is cut off: its end is missing. Copy or download it again.") from error
    except _Thumbnail as error:
        raise ReliefError(
            f"{name} begins with a small copy of its picture, as the raw files of cameras do. "
            "Develop it to JPEG or TIFF, then try again."
        ) from error
    except _Damaged as error:
        raise ReliefError(
            f"{name} is damaged. Copy or download it again, or save it anew from another program."
        ) from error
    return header


def _parser(data: bytes) -> Callable[[bytes], ImageHeader] | None:
    if data.startswith(b"\xff\xd8\xff"):
        return _jpeg
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return _png
    if data[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return _tiff
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return _webp
    # "BM" alone begins many a text file: the header sizes in use tell a bitmap.
    if data.startswith(b"BM") and data[14:18] in [struct.pack("<I", n) for n in (12, 40, 52, 56, 64, 108, 124)]:
        return _bmp
    return None


def _other_format(data: bytes) -> str | None:
    """The name of a format of pictures that phones, browsers and archives use and that is not read.

    Source: ISO/IEC 14496-12 (brands of ftyp), ISO/IEC 18181-2, ISO/IEC 15444-1, GIF89a.
    """
    if data[4:8] == b"ftyp":
        brands = data[8:12] + data[16 : int.from_bytes(data[:4], "big")]
        if b"avif" in brands:
            return "AVIF"
        return "HEIC" if any(brand in brands for brand in (b"heic", b"heix", b"mif1")) else None
    starts = {
        b"\xff\x0a": "JPEG XL",
        b"\0\0\0\x0cJXL ": "JPEG XL",
        b"\0\0\0\x0cjP  ": "JPEG 2000",
        b"GIF8": "GIF",
        b"8BPS": "Photoshop",
        b"%PDF": "PDF",
    }
    return next((name for start, name in starts.items() if data.startswith(start)), None)


# In the compressed data ff is followed by 00 or by a restart marker (d0 to d7); anything else is the next segment.
_JPEG_MARKER = re.compile(rb"\xff([^\x00\x01\xd0-\xd8\xff])", re.DOTALL)
_JPEG_END = 0xD9
_JPEG_EXIF, _JPEG_PROFILE = 0xE1, 0xE2
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


def _jpeg(data: bytes) -> ImageHeader:
    width = height = 0
    orientation = None
    parts: dict[int, bytes] = {}  # of the profile, by number
    count = 0
    position = 2
    while True:
        found = _JPEG_MARKER.search(data, position)
        if found is None:
            raise _CutOff
        marker = found[1][0]
        if marker == _JPEG_END:
            profile = b"".join(parts[i] for i in sorted(parts)) if len(parts) == count else b""
            return ImageHeader("JPEG", width, height, orientation or 1, profile=profile)
        start = found.end()
        position = start + struct.unpack_from(">H", data, start)[0]
        if marker in _JPEG_FRAMES:
            height, width = struct.unpack_from(">HH", data, start + 3)
        elif marker == _JPEG_EXIF and orientation is None and data[start + 2 : start + 8] == b"Exif\0\0":
            orientation = _exif_orientation(data[start + 8 : position])
        elif marker == _JPEG_PROFILE and data[start + 2 : start + 14] == b"ICC_PROFILE\0":
            count = data[start + 15]
            parts[data[start + 14]] = data[start + 16 : position]


_PNG_FRAMES = b"acTL", b"fcTL", b"fdAT"
"""Of animations: OpenCV 5.0.0.93 checks none of them, and reads memory that is not theirs where one is damaged."""


def _png(data: bytes) -> ImageHeader:
    width, height, bits, colours = struct.unpack_from(">IIBB", data, 16)
    if bits not in (1, 2, 4, 8, 16):
        raise _Damaged
    orientation = 1
    profile = b""
    clear = None
    position = 8
    while True:
        (length,) = struct.unpack_from(">I", data, position)
        kind = data[position + 4 : position + 8]
        end = position + 12 + length
        if end > len(data):
            raise _CutOff
        decoded = kind[:1].isupper() or kind in _PNG_FRAMES
        if (
            decoded
            and zlib.crc32(memoryview(data)[position + 4 : end - 4]) != struct.unpack_from(">I", data, end - 4)[0]
        ):
            raise _Damaged
        if kind == b"eXIf":
            orientation = _exif_orientation(data[position + 8 : end - 4])
        if kind == b"iCCP":
            profile = _unpacked(data[position + 8 : end - 4].partition(b"\0")[2][1:])
        if kind == b"tRNS" and colours == 0:
            (value,) = struct.unpack_from(">H", data, position + 8)
            clear = value if bits == 16 else value * 255 // (2**bits - 1)  # fewer bits fill the 8 they become
        if kind == b"IEND":
            return ImageHeader("PNG", width, height, orientation, clear=clear, profile=profile)
        position = end


_PNG_NOTES = b"tEXt", b"zTXt", b"iTXt", b"tIME"


def without_notes(png: bytes) -> bytes:
    """A whole PNG file without what is said beside its picture: program, date, how long it took."""
    kept, position = [png[:8]], 8
    while position < len(png):
        end = position + 12 + int.from_bytes(png[position : position + 4], "big")
        if png[position + 4 : position + 8] not in _PNG_NOTES:
            kept.append(png[position:end])
        position = end
    return b"".join(kept)


_MOST_PROFILE_BYTES = 1 << 24
"""No curves and matrix come near it: a small chunk that unpacks to more is a bomb."""


def _unpacked(packed: bytes) -> bytes:
    try:
        return zlib.decompressobj().decompress(packed, _MOST_PROFILE_BYTES)
    except zlib.error:
        return b""


def _webp(data: bytes) -> ImageHeader:
    end = 8 + struct.unpack_from("<I", data, 4)[0]
    if end > len(data):
        raise _CutOff
    kind = data[12:16]
    if kind == b"VP8X":
        width = 1 + int.from_bytes(data[24:27], "little")
        height = 1 + int.from_bytes(data[27:30], "little")
    elif kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", data, 21)
        width, height = 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    elif kind == b"VP8 ":
        width, height = (side & 0x3FFF for side in struct.unpack_from("<HH", data, 26))
    else:
        raise _Damaged
    orientation = 1
    profile = b""
    position = 12
    while position + 8 <= end:
        (length,) = struct.unpack_from("<I", data, position + 4)
        if position + 8 + length > end:
            raise _CutOff
        chunk = slice(position + 8, position + 8 + length)
        if data[position : position + 4] == b"EXIF":
            orientation = _exif_orientation(data[chunk].removeprefix(b"Exif\0\0"))
        elif data[position : position + 4] == b"ICCP":
            profile = data[chunk]
        position += 8 + length + length % 2
    return ImageHeader("WebP", width, height, orientation, profile=profile)


def _bmp(data: bytes) -> ImageHeader:
    pixels_at, header_size = struct.unpack_from("<II", data, 10)
    if header_size == 12:
        width, height, _, bits = struct.unpack_from("<HHHH", data, 18)
        compression = stored = 0
    else:
        width, height, _, bits, compression, stored = struct.unpack_from("<iiHHII", data, 18)
    height = abs(height)  # negative: the rows are stored from the top
    run_lengths = compression in (1, 2)
    size = stored if run_lengths else (width * bits + 31) // 32 * 4 * height
    if pixels_at + size > len(data):
        raise _CutOff
    return ImageHeader("BMP", width, height)


_TIFF_WIDTH, _TIFF_HEIGHT, _TIFF_PHOTOMETRIC, _TIFF_ORIENTATION = 256, 257, 262, 274
_TIFF_SUBFILE, _TIFF_BITS, _TIFF_COMPRESSION, _TIFF_EXTRA = 254, 258, 259, 338
_TIFF_SAMPLES, _TIFF_PLANAR, _TIFF_PROFILE = 277, 284, 34675
_TIFF_DATA = ((273, 279), (324, 325))  # offsets and byte counts, of strips and of tiles
_TIFF_INTEGERS = {1: "B", 3: "H", 4: "I", 7: "B", 16: "Q"}  # BYTE, SHORT, LONG, UNDEFINED, LONG8
_TIFF_UNDEFINED = 7
_TIFF_DEFLATE = (8, 32946)
_TIFF_LAB = (8, 9, 10)
_PACKED_BYTES = 1 << 16
"""So much of a strip is unpacked at once, a thousand times as much at most, and forgotten."""


def _tiff(data: bytes) -> ImageHeader:
    tags = _tiff_tags(data)
    if _TIFF_WIDTH not in tags or _TIFF_HEIGHT not in tags:
        raise _Damaged
    if tags.get(_TIFF_SUBFILE, (0,))[0] & 1:
        raise _Thumbnail
    for offsets, sizes in _TIFF_DATA:
        ends = (offset + size for offset, size in zip(tags.get(offsets, ()), tags.get(sizes, ()), strict=False))
        if max(ends, default=0) > len(data):
            raise _CutOff
    if tags.get(_TIFF_COMPRESSION, (1,))[0] in _TIFF_DEFLATE:
        for offsets, sizes in _TIFF_DATA:
            for offset, size in zip(tags.get(offsets, ()), tags.get(sizes, ()), strict=False):
                _check_packed(memoryview(data)[offset : offset + size])
    samples = tags.get(_TIFF_SAMPLES, (1,))[0]
    return ImageHeader(
        "TIFF",
        tags[_TIFF_WIDTH][0],
        tags[_TIFF_HEIGHT][0],
        _orientation(tags),
        white_is_zero=tags.get(_TIFF_PHOTOMETRIC, (1,))[0] == 0,
        extra_sample=tags.get(_TIFF_EXTRA, (None,))[0],
        planes=tags.get(_TIFF_PLANAR, (1,))[0] == 2 and samples > 1,
        samples=samples,
        bits=tags.get(_TIFF_BITS, (1,))[0],
        compression=tags.get(_TIFF_COMPRESSION, (1,))[0],
        lab=tags.get(_TIFF_PHOTOMETRIC, (1,))[0] in _TIFF_LAB,
        profile=bytes(tags.get(_TIFF_PROFILE, ())),
    )


def _check_packed(packed: memoryview) -> None:
    """See that a strip or a tile agrees with its checksum: of 8 bits the decoder makes what it can of it."""
    unpacking = zlib.decompressobj()
    try:
        for start in range(0, len(packed), _PACKED_BYTES):
            if not unpacking.eof:
                unpacking.decompress(packed[start : start + _PACKED_BYTES])
    except zlib.error as error:
        raise _Damaged from error


def with_stored_rows(tiff: bytes) -> bytearray:
    """A whole TIFF whose orientation is that of its rows as they are stored; see `ImageHeader.orientation` for its own.

    The decoder turns each tile of 8 bits by itself, and leaves it where it lies.
    """
    data = bytearray(tiff)
    for tag, kinds, at in _tiff_values(tiff):
        if tag == _TIFF_ORIENTATION:
            struct.pack_into(kinds[0] + kinds[-1], data, at, 1)
    return data


def _tiff_tags(data: bytes, whole: bool = True) -> dict[int, tuple[int, ...]]:
    """The integer tags of the first directory of a TIFF or of EXIF data, and the bytes of its profile.

    Args:
        data: from the byte order on.
        whole: whether a tag whose values lie beyond the end is an error; else it is left out.
    """
    return {tag: struct.unpack_from(kinds, data, at) for tag, kinds, at in _tiff_values(data, whole)}


def _tiff_values(data: bytes, whole: bool = True) -> Iterator[tuple[int, str, int]]:
    """Those tags, what kinds of values they have, as `struct` writes them, and where these lie."""
    order = {b"II": "<", b"MM": ">"}.get(data[:2])
    if order is None:
        raise _Damaged
    big = struct.unpack_from(order + "H", data, 2)[0] == 43
    if big:
        (directory,) = struct.unpack_from(order + "Q", data, 8)
        (count,) = struct.unpack_from(order + "Q", data, directory)
        first, entry_size, inline, count_format, offset_format = directory + 8, 20, 8, "Q", "Q"
    else:
        (directory,) = struct.unpack_from(order + "I", data, 4)
        (count,) = struct.unpack_from(order + "H", data, directory)
        first, entry_size, inline, count_format, offset_format = directory + 2, 12, 4, "I", "I"
    if first + count * entry_size > len(data):
        raise _CutOff
    for at in range(first, first + count * entry_size, entry_size):
        tag, kind, length = struct.unpack_from(order + "HH" + count_format, data, at)
        profile = tag == _TIFF_PROFILE
        # Of what is of no type the profile alone: other programs keep whole pictures so.
        if kind not in _TIFF_INTEGERS or length == 0 or (kind == _TIFF_UNDEFINED) != profile:
            continue
        value_at = at + entry_size - inline
        size = length * struct.calcsize(_TIFF_INTEGERS[kind])
        if size > inline:
            (value_at,) = struct.unpack_from(order + offset_format, data, value_at)
        if value_at + size > len(data):
            if whole and not profile:
                raise _CutOff
            continue
        yield tag, f"{order}{length}{_TIFF_INTEGERS[kind]}", value_at


def _exif_orientation(exif: bytes) -> int:
    try:
        return _orientation(_tiff_tags(exif, whole=False))
    except (_CutOff, _Damaged, struct.error, OverflowError):
        return 1  # many programs write broken EXIF; the picture itself may be fine


def _orientation(tags: dict[int, tuple[int, ...]]) -> int:
    value = tags.get(_TIFF_ORIENTATION, (1,))[0]
    return value if 1 <= value <= 8 else 1
