"""Photograph to prediction: the network run at several scales, in tiles where the photograph is large."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from .background import Box, at_size, continued, find_box, find_panel, find_shown
from .descreening import without_screen
from .errors import Progress, report
from .lowpass import extent, lowpass
from .normalisation import MULTIPLE_PX, believed, lit, standardise, standardise_around
from .photo import KEPT_PIXELS, Photo
from .poisson import solve_screened
from .prediction import EDGE_CLASSES, SEGMENT_CLASSES, BoolArray, FloatArray, Prediction, reduced
from .runtime import Runtime, Weights, load_runtime

TILE_PX = 1024
"""Largest side of a tile."""

OVERLAP_PX = 128
"""What neighbouring tiles share at least; their answers are blended over it."""

LEAST_PX = 64
"""Passes are padded to at least this on either side: where the coarsest features are one cell wide, OpenCV 5.0.0.93
reads memory that is not theirs."""

OVERVIEW_PX = 384
"""Shorter side of the coarsest pass, as far as the longer one is no problem: there the network sees the whole panel at
once. One of 256 px, as before, told nothing that larger passes do not tell better; see CROSSOVER_PX."""

MIRRORED_PX = 2**19
"""The overview, and passes of at most so many pixels, are made of the photograph and of its mirror image, and averaged:
they decide who stands before whom, and cost little."""

SMALL_PX, MOST_ENLARGED = 768, 4.0
"""A photograph whose shorter side is below the first is enlarged to it, at most by the second: small faces are read
better.

Found on panels that Cycles rendered, told the light, their photographs reduced and the heights compared at 768 px: with
weights 0.18 three aged panels have at 128 px r 0.734 enlarged by 2, 0.754 by 3, 0.761 by 4, at 192 px 0.782, 0.800 and
0.811; two have at 256 px 0.824 by 2, 0.838 by 3.
"""

FINER, FINEST_PX = 1.5, 4e6
"""Every photograph below 2.7 megapixels is read enlarged by the first at least, as far as that makes no more pixels
than the second; its maps are reduced afterwards. What shows in one or two pixels, an eye or the hem of a sleeve, is
lost otherwise. Larger ones would be enlarged by next to nothing.

On Cycles' twelve panels of 768 px, weights 0.11, r is 0.710 aged and 0.774 clean with it, 0.708 and 0.770 without, the
error of the normals 15.7 and 15.3 degrees instead of 15.9 and 15.3. Borobudur's photographs, which are enlarged by 2
anyway, lost features of faces when they were enlarged by 3.
"""

LEVEL_STEP = 1.5
"""Each further pass is larger by this factor, until the size at which the photograph is read."""

CROSSOVER_PX = 3.0
"""Sigma, in pixels of the coarser of two passes: forms above it are shared by both, those below it are the finer's.

Each form was asked which passes tell it best, by least squares over what they say of it: those in which it is at
most about 60 px wide, all alike; an overview of 256 px adds nothing to any. On 36 photographs of Cycles' panels and 32
of held-out shapes, of 768 px, weights 0.21, with an overview of 384 px, this crossover and a share of 0.7 r is 0.816
and 0.690, with 256 px, 2 px and 0.75, as before, 0.814 and 0.683; r of faces 0.724 and 0.606 instead of 0.718 and
0.602, the order of points 0.850 and 0.796 instead of 0.852 and 0.792, the error of Cycles' normals 14.7 instead of 14.9
degrees. On three of 1600 px r is 0.832, 0.827 as before. Shares by confidence, or steps of 1.33 between the passes,
added nothing.
"""

COARSE_SHARE = 0.7
"""How much of the forms above the crossover the coarser pass decides; it sees more of the panel at once."""

SEEN_PX = 448
"""Side of what the network saw at once while it was trained, each brought to its own mean and spread. Larger passes
are brought to those around each place: where part of a photograph lies in the dark, its figures came out shallower."""

HEIGHT, SLOPES, SOFT_EDGES = slice(0, 1), slice(1, 3), slice(3, 3 + len(EDGE_CLASSES))
SEGMENTS = slice(SOFT_EDGES.stop, SOFT_EDGES.stop + len(SEGMENT_CLASSES))
CONFIDENCE = slice(SEGMENTS.stop, SEGMENTS.stop + 1)
CHANNELS = CONFIDENCE.stop
"""All maps of one pass lie in one array (CHANNELS, H, W), so that they are padded, tiled and blended alike."""

DISAGREEMENT = 0.3
"""Where two passes differ by this in height, they are half as sure as the finer one says."""

SHARED = (HEIGHT, SLOPES, SEGMENTS)
"""What passes share; soft edges are the finest's up to EDGES_PX, and so is the confidence, less where they disagree."""

EDGES_PX = 1300
"""Shorter side of passes beyond which an edge is one too where the coarser pass says so: how soft an edge is counts in
pixels, and enlarged enough each is plain stone. Of one of Cycles' panels of 768 px none, soft, medium and sharp edges
hold 0.22, 0.44, 0.23 and 0.10 of the slopes' power, of the same photograph enlarged by 3 0.20, 0.46, 0.24 and 0.11 with
this, 0.30, 0.42, 0.20 and 0.08 without, and full smoothing moves half as much again (weights 0.21)."""

LOOKS, MOST_LIGHT_PX = (0.7, 1.0, 1.5), 950.0
"""Times a photograph's size at which its light is looked for, and the most that this size counts for: the side of the
square of as many pixels. Rims and shadows tell the light, and in pictures of one size some are lost. Of 64 synthetic
photographs of 512 and 900 px of held-out shapes, lit from anywhere, the light of 86 % is found within 45 degrees, with
all of the photograph's own size, or of 1000 and 1400 px for larger ones, as before, 81 % (weights 0.19)."""

MIDDLE = 0.8
"""Share of the photograph's sides that is looked at then."""

LEAST_LIGHT_PX = 400.0
"""Shorter side to which small photographs are enlarged before that. Of 24 of Cycles' photographs, reduced to 128 px,
the light of 9 was found more than 60 degrees off, enlarged so of none; of 192 px of 4 and of none (weights 0.18)."""

SURENESS_PX = 512.0
"""Side of the square of as many pixels as the photograph has where it is read under several lights; its middle too."""

MOST_SURE = 2.0
"""A frieze counts for as many times the pixels of the two above as panels of 2:1 stand in it, of the second so many at
most, which take time. Of six of Cycles' photographs, repeated 4 and 12 times side by side, the light is found 4 degrees
aside from that of the photograph alone in the mean, 25 at most; 12 and 56 where friezes count like others."""

LIGHT_EVIDENCE, LIGHT_SURENESS, LIGHT_ABOVE = 1.8, 37.5, 0.5
"""How much three things count: the mean evidence of the light branch; how much surer of its segments the network is
when told that light; and the belief beforehand that light comes from above, see ``believed``.

Of 108 synthetic photographs of held-out shapes, lit from anywhere, the light is off by 23.0 degrees in the mean,
within 45 for 87 %; with 25 for the second, as before, by 24.2, and 85 %. Half of the belief lets it be off by 22.2
degrees, none by 21.3, for the branch has learnt from light that is mostly above; but of what shows nothing the light
shall be above. On Cycles' 36 photographs it is off by 6.7 degrees in the mean, 6.9 as before; the light of all real
ones that were looked at stays above (weights 0.20).
"""

SHARPENED_PX = 8.0
"""Sigma, in pixels of each pass, below which slopes are the mean of the network's slopes and of those of its height,
which the edge matching sharpened; larger ones are the network's slopes alone."""

FORMS = 0.25
"""Forms up to this, relative to the panel's extent, are those of the slopes, larger ones those of the height.

The slopes tell forms better: on 20 synthetic panels of 832 px of held-out shapes, weights 0.14, forms of 64 to 512 px
with r 0.741 to 0.768, the height 0.711 to 0.740. With the next weights, on 16 others, r of high-passed heights is
0.787, the error of the normals 15.97 degrees, the order of points 0.823 with the height for all forms above a
sixteenth; 0.790, 15.81 and 0.824 with a quarter; 0.790, 15.77 and 0.824 with a half. On Cycles' panels r is 0.7065,
0.7102 and 0.7104: the deepest, whose shadows hide slopes, loses 0.027 and 0.049, shallow ones gain up to 0.05.
SHARPENED_PX gave 0.003 more.
"""

DEPTH = 1.2
"""What heights and slopes are multiplied by. The mean of all that an ambiguous photograph may show is shallower than
what it does show, in forms of all sizes alike. On 18 photographs of Cycles' panels least error asks for 0.99 to 1.54
times the high-passed height, 1.21 to 1.26 in the middle of clean, aged and weathered ones (weights 0.18)."""

CORING, CORED_PX = 1.0, (3.0, 12.0)
"""What slopes are weighed against, a rise of the full depth over the panel's extent; the sigma within which they are,
and the sigma of forms too wide for it, in pixels.

Slopes far below it are what grain and compression leave, and faint rings around figures, 35 px off in every pass:
raking light shows them on plain ground. On 12 photographs of Cycles' panels the error of the normals is 17.37 degrees
with 0.8 and with 1.5, 17.42 without, r of high-passed heights 0.8215, 0.8211 and 0.8216, of faces 0.713, 0.712 and
0.714, all with weights 0.21; on Borobudur's photographs ground, limbs and cloth lost a weave of fine stripes.
"""

FADE_PX = 8
"""Pixels within the outline of a panel over which its relief rises from what was cut away, which is flat."""

STAGE = "Reading the photo"


class Tile(NamedTuple):
    """One tile's place and its share in the blend.

    Attributes:
        rows, columns: where it lies in the photograph.
        window: (rows, columns) float32; the windows of all tiles add up to 1 at every pixel.
    """

    rows: slice
    columns: slice
    window: FloatArray


def _spans(size: int, tile: int) -> list[tuple[slice, npt.NDArray[np.float64]]]:
    """Evenly spread tiles along one axis with windows that add up to 1, no larger than their number asks for."""
    if size <= tile:
        return [(slice(0, size), np.ones(size))]
    count = math.ceil((size - OVERLAP_PX) / (tile - OVERLAP_PX))
    tile = math.ceil((size + (count - 1) * OVERLAP_PX) / count / MULTIPLE_PX) * MULTIPLE_PX
    starts = [round(i * (size - tile) / (count - 1)) for i in range(count)]
    ramp = np.sin(0.5 * np.pi * (np.arange(OVERLAP_PX) + 0.5) / OVERLAP_PX) ** 2
    windows, total = [], np.zeros(size)
    for start in starts:
        window = np.ones(tile)
        if start > 0:
            window[:OVERLAP_PX] = ramp
        if start + tile < size:
            window[-OVERLAP_PX:] = ramp[::-1]
        windows.append(window)
        total[start : start + tile] += window
    return [
        (slice(start, start + tile), window / total[start : start + tile])
        for start, window in zip(starts, windows, strict=True)
    ]


def tiles(height: int, width: int, tile: int = TILE_PX) -> Iterator[Tile]:
    """Overlapping tiles that cover the photograph, row by row."""
    for rows, down in _spans(height, tile):
        for columns, across in _spans(width, tile):
            yield Tile(rows, columns, np.outer(down, across).astype(np.float32))


def map_size(rows: int, columns: int) -> tuple[int, int]:
    """Rows and columns of a photograph's maps: its own, unless it is small."""
    most = math.sqrt(KEPT_PIXELS / (rows * columns))  # of a frieze's long strip
    scale = max(min(SMALL_PX / min(rows, columns), MOST_ENLARGED, most), 1.0)
    return round(rows * scale), round(columns * scale)


def read_size(rows: int, columns: int) -> tuple[int, int]:
    """Rows and columns at which a photograph is read, at least those of its maps."""
    finer = min(math.sqrt(FINEST_PX / (rows * columns)), FINER)
    if finer < math.sqrt(LEVEL_STEP):  # enlarged by so little, a photograph only loses sharpness, here and there
        finer = 1.0
    return max((round(rows * finer), round(columns * finer)), map_size(rows, columns))


def enlarged(grey: FloatArray) -> FloatArray:
    """A photograph (H, W) at the size at which it is read."""
    size = read_size(*grey.shape)
    if size == grey.shape:
        return grey
    larger = cv2.resize(grey, size[::-1], interpolation=cv2.INTER_CUBIC)
    return np.asarray(np.clip(larger, 0.0, 1.0), np.float32)


def levels(height: int, width: int) -> list[tuple[int, int]]:
    """Sizes (height, width) of the passes, from the overview to the size of the photograph as it is read."""
    scale = min(OVERVIEW_PX / min(height, width), TILE_PX / math.sqrt(height * width))
    sizes = []
    # A pass that is nearly the photograph's size would say the same again.
    while scale * math.sqrt(LEVEL_STEP) < 1.0:
        # However long the frieze, it keeps one cell of the coarsest features across.
        sizes.append((max(round(height * scale), MULTIPLE_PX), max(round(width * scale), MULTIPLE_PX)))
        scale *= LEVEL_STEP
    return [*sizes, (height, width)]


def merge(fine: FloatArray, coarse: FloatArray, tile: Tile, size: tuple[int, int]) -> FloatArray:
    """A tile of the finer pass with its large forms from the coarser pass.

    One tile of several has all of its height from the coarser pass: tiles may differ in the height that they stand on,
    and blending them would make slopes that are in neither. Their slopes give the detail back.

    Convention:
        Pixel areas of both passes are aligned: x_coarse + 0.5 = (x_fine + 0.5) * width_coarse / width_fine.

    Args:
        fine: (CHANNELS, h, w), the tile; slopes per pixel of the finer pass.
        coarse: (CHANNELS, H', W'), the whole panel; slopes per pixel of the coarser pass.
        tile: where ``fine`` lies in the finer pass.
        size: (H, W) of the whole finer pass.

    Returns:
        (CHANNELS, h, w).
    """
    down, across = coarse.shape[1] / size[0], coarse.shape[2] / size[1]
    to_coarse = np.array(
        [
            [across, 0.0, (tile.columns.start + 0.5) * across - 0.5],
            [0.0, down, (tile.rows.start + 0.5) * down - 0.5],
        ]
    )
    sigma = CROSSOVER_PX / math.sqrt(down * across)
    # One coarse pixel holds 1 / across fine ones, and the height climbs as much over all of them together.
    unit = np.ones(CHANNELS)
    unit[SLOPES] = across, down
    merged = fine.copy()
    for channels in SHARED:
        for channel in range(channels.start, channels.stop):
            sampled = _sampled(coarse[channel], to_coarse, fine.shape)
            difference = (sampled * np.float32(unit[channel]) - fine[channel]).astype(np.float32)
            shared = lowpass(difference, sigma)
            merged[channel] += np.float32(COARSE_SHARE) * shared
            if channels == HEIGHT:
                if fine.shape[1:] != size:
                    merged[channel] = sampled
                    shared -= shared.mean()  # whatever the tile stands on, which is not asked
                merged[CONFIDENCE] /= 1.0 + np.square(shared / np.float32(DISAGREEMENT))
    if min(size) > EDGES_PX:
        edges = merged[SOFT_EDGES]
        for channel in range(1, len(EDGE_CLASSES)):
            np.maximum(edges[channel], _sampled(coarse[SOFT_EDGES][channel], to_coarse, fine.shape), edges[channel])
        edges[0] = np.minimum(edges[0], np.maximum(1.0 - edges[1:].sum(axis=0), 0.0))
        edges /= edges.sum(axis=0)
    segments = np.clip(merged[SEGMENTS], 1e-6, None)
    merged[SEGMENTS] = segments / segments.sum(axis=0)
    return merged


def _sampled(coarse: FloatArray, to_coarse: npt.NDArray[np.float64], shape: tuple[int, ...]) -> FloatArray:
    """One map of a coarser pass where the tile of the finer one lies, (h, w)."""
    how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    place = cv2.warpAffine(coarse, to_coarse, shape[:0:-1], flags=how, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(place, np.float32)


def cored(slopes: FloatArray) -> FloatArray:
    """Slopes (H, W, 2) without the faintest of their fine forms; what is as strong as CORING asks is halved.

    Each place's fine forms are weighed by their energy around it, as Wiener's filter does with noise of that energy.
    """
    around_px, wide_px = CORED_PX
    wide = np.dstack([lowpass(np.ascontiguousarray(slopes[..., axis]), wide_px) for axis in range(2)])
    fine = slopes - wide
    energy = lowpass(np.square(fine).sum(axis=2), around_px)
    noise = np.float32((CORING / extent(slopes.shape)) ** 2)
    return np.asarray(wide + fine * (energy / (energy + noise))[..., None], np.float32)


def _without_dots(grey: FloatArray, opaque: BoolArray | None) -> FloatArray:
    """(H, W) without the dots of a print; a cut-out's go on beyond its rim until they are found, and black stays."""
    if opaque is None:
        return without_screen(grey)
    whole = continued(grey, opaque)
    found = without_screen(whole)
    return grey if found is whole else np.where(opaque, found, np.float32(0.0))


def placed(prediction: Prediction, box: Box, shape: tuple[int, ...]) -> Prediction:
    """The answer for a part of a photograph as that for all of it: beside its panel is flat ground, of no confidence.

    The height goes on there as it ends, without slopes: a cliff at the outline would leak out wherever slopes are
    scaled, and `panel` takes away what stands there in the end.

    Args:
        prediction: for the rows and columns of ``box``; 1 in its ``panel`` is what shows something.
        box: of `find_box`.
        shape: (H, W) of the whole photograph.

    Returns:
        Maps of at least the size that `map_size` gives the whole photograph, as fine as the part's up to FINEST_PX.
    """
    whole = tuple((side.start, side.stop) for side in box) == ((0, shape[0]), (0, shape[1]))
    if whole and prediction.panel is None:
        return prediction
    finer = prediction.height.shape[0] / (box[0].stop - box[0].start)
    scale = max(min(finer, math.sqrt(FINEST_PX / (shape[0] * shape[1]))), map_size(shape[0], shape[1])[0] / shape[0])
    size = round(shape[0] * scale), round(shape[1] * scale)
    rows, columns = place = tuple(map(_spot, box, shape, size, prediction.height.shape))
    part = reduced(prediction, (rows.stop - rows.start, columns.stop - columns.start))
    shown = np.zeros(size, bool)
    shown[place] = True if part.panel is None else part.panel > 0.5
    _, nearest = cv2.distanceTransformWithLabels(
        (~shown).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
    )
    ends = np.zeros(int(nearest.max()) + 1, np.float32)
    height = np.zeros(size, np.float32)
    height[place] = part.height
    ends[nearest[shown]] = height[shown]
    panel = np.minimum(cv2.distanceTransform(shown.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE) / FADE_PX, 1.0)

    def within(maps: FloatArray, beside: int | None = None) -> FloatArray:
        """Maps of the part where it shows something, nothing elsewhere, or all of the channel ``beside``."""
        values = np.zeros((*size, *maps.shape[2:]), np.float32)
        values[place] = maps
        values[~shown] = 0.0
        if beside is not None:
            values[~shown, beside] = 1.0
        return values

    return replace(
        part,
        height=ends[nearest],
        slopes=within(part.slopes),
        soft_edges=within(part.soft_edges, EDGE_CLASSES.index("none")),
        segments=within(part.segments, SEGMENT_CLASSES.index("ground")),
        confidence=within(part.confidence),
        panel=panel.astype(np.float32),
    )


def _spot(side: slice, old: int, new: int, own: int) -> slice:
    """Where one side of a part lies once the whole's was ``old`` and is ``new``: of its ``own`` length if it can be."""
    start, stop = round(side.start * new / old), round(side.stop * new / old)
    if abs(stop - start - own) > 1 or own > new:
        return slice(start, stop)
    start = min(start, new - own)
    return slice(start, start + own)


def _middle(grey: FloatArray, panel: BoolArray | None, side_px: float) -> FloatArray:
    """The middle of a photograph, brought to about ``side_px`` x ``side_px`` pixels in all, standardised.

    Borders are left out: what lies beside the panel, and the frames that a photographer cut at random, cast shadows of
    their own. It is at least LEAST_PX on either side.
    """
    rows, columns = grey.shape
    scale = max(side_px / math.sqrt(rows * columns), LEAST_PX / (MIDDLE * min(rows, columns)))
    size = round(columns * scale), round(rows * scale)
    if scale != 1.0:
        how = cv2.INTER_AREA if scale < 1.0 else cv2.INTER_CUBIC
        grey = np.asarray(cv2.resize(grey, size, interpolation=how).clip(0.0, 1.0), np.float32)
    left, top = (int(side * (1.0 - MIDDLE) / 2) for side in size)
    middle = slice(top, size[1] - top), slice(left, size[0] - left)
    panel = at_size(panel, grey)
    return standardise(grey[middle], None if panel is None else panel[middle])


def _light_px(rows: int, columns: int) -> float:
    """Side of the square of as many pixels as a photograph counts for where its light is looked for."""
    enlarged_by = max(LEAST_LIGHT_PX / min(rows, columns), 1.0)
    return min(math.sqrt(rows * columns) * enlarged_by, MOST_LIGHT_PX * math.sqrt(_friezes(rows, columns)))


def _friezes(rows: int, columns: int) -> float:
    """How many panels of 2:1 stand in a row in a photograph, at least 1."""
    return max(max(rows, columns) / (2 * min(rows, columns)), 1.0)


def _direction(light_deg: float) -> FloatArray:
    """(2,) unit vector toward a light, 0 right and 90 above."""
    angle = math.radians(light_deg)
    return np.array([math.cos(angle), math.sin(angle)], np.float32)


def _unit(towards: FloatArray, elevation_logit: float) -> FloatArray:
    """(3,) unit vector toward the light, of its direction in the picture and the logit of the sine of its elevation."""
    around = towards / max(float(np.linalg.norm(towards)), 1e-6)
    up = 1.0 / (1.0 + math.exp(-elevation_logit))
    return np.array([*(around * math.sqrt(1.0 - up * up)), up], np.float32)


@dataclass(frozen=True)
class Predictor:
    """Runs the network on photographs of any size.

    Attributes:
        network: what runs it.
        weights: version and hash of the weights.
    """

    network: Runtime
    weights: str

    @classmethod
    def load(cls, runtime: str = "auto") -> Predictor:
        """The bundled network.

        Args:
            runtime: one of RUNTIMES; "auto" is PyTorch where it is installed and has a GPU, else OpenCV.

        Raises:
            ReliefError: no such runtime, or the weights are missing or damaged.
        """
        weights = Weights.read()
        return cls(load_runtime(runtime, weights), weights.label)

    @property
    def runtime(self) -> str:
        """Name and device of what runs the network."""
        return self.network.name

    def predict(self, photo: Photo, progress: Progress | None = None, light_deg: float | None = None) -> Prediction:
        """What the network says of a photograph, `cored`, DEPTH times as deep; forms up to FORMS are as slopes tell.

        What is blank along the photograph's sides is not read, for it takes the panel's place in every pass: on two of
        Cycles' panels of 384 px, alone with r 0.864 of the high-passed height, r within 640 px of a white page is 0.861
        instead of 0.814, of a scanner's lid and paper 0.861 instead of 0.802, of dark cloth 0.861 instead of 0.781, in
        a mount a twentieth wide 0.862 instead of 0.837 (weights 0.19).

        Args:
            photo: at least ``MIN_SIDE_PX`` on either side, as all that `photo` and `restoration` make.
            progress: called before each tile with the share of pixels done.
            light_deg: where the main light comes from, 0 right and 90 above; None finds it in the photograph.

        Returns:
            Maps of the size that `map_size` gives the photograph, or larger ones, see `placed`.

        Raises:
            Cancelled: ``progress`` asked to stop.
        """
        box = find_box(photo.grey, photo.opaque)
        shown = find_shown(photo.grey, box, photo.opaque)
        part = replace(photo, grey=photo.grey[box], opaque=None if photo.opaque is None else shown)
        prediction = self.read(part, progress, light_deg, shown)
        screen = (2.0 * math.pi / (FORMS * extent(prediction.height.shape))) ** 2
        slopes, height = np.float32(DEPTH) * cored(prediction.slopes), np.float32(DEPTH) * prediction.height
        prediction = replace(prediction, height=solve_screened(slopes, height, screen), slopes=slopes)
        return placed(prediction, box, photo.grey.shape)

    def read(
        self,
        photo: Photo,
        progress: Progress | None = None,
        light_deg: float | None = None,
        shown: BoolArray | None = None,
    ) -> Prediction:
        """What the passes of the network over a photograph say together.

        The scale of a photograph is unknown, so passes from the whole panel at OVERVIEW_PX to the size at which it is
        read are merged, each giving the forms of its own scale. All maps are of the photograph's size, or larger where
        that is small, see ``map_size``.

        Args, returns, errors: of `predict`; ``shown`` as `find_panel` takes it.
        """
        grey = _without_dots(photo.grey, photo.opaque)
        panel = find_panel(grey, photo.opaque, shown)
        full = enlarged(grey)
        size = full.shape
        sizes = levels(*size)
        total = float(sum(height * width for height, width in sizes))
        done = 0.0
        maps: FloatArray | None = None
        report(progress, done, total, STAGE)
        towards, elevation_logit = self._find_light(grey, panel, light_deg, progress, total)
        for height, width in sizes:
            grey = full
            if (height, width) != size:
                grey = np.asarray(cv2.resize(grey, (width, height), interpolation=cv2.INTER_AREA), np.float32)
            stone = at_size(panel, grey, exact=photo.opaque is not None)
            whole = max(height, width) <= SEEN_PX
            grey = standardise(grey, stone) if whole else standardise_around(grey, stone, SEEN_PX / 2)
            answer = np.zeros((CHANNELS, height, width), np.float32)
            # The first pass sees the whole panel, however long.
            for tile in tiles(height, width, TILE_PX if maps is not None else max(height, width)):
                report(progress, done, total, STAGE)
                seen = grey[tile.rows, tile.columns]
                part = self._run(lit(seen, towards))
                if maps is None or height * width <= MIRRORED_PX:
                    part = (part + self._run_mirrored(seen, towards)) / 2
                if maps is not None:
                    part = merge(part, maps, tile, (height, width))
                answer[:, tile.rows, tile.columns] += part * tile.window
                done += float(tile.window.sum())
            maps = answer
        report(progress, total, total, STAGE)
        assert maps is not None
        # Copies, channels last: views of all maps would keep them in memory, and are refined at half the speed at best.
        slopes, soft_edges, segments = (np.moveaxis(maps[k], 0, -1).copy() for k in (SLOPES, SOFT_EDGES, SEGMENTS))
        prediction = Prediction(
            height=maps[HEIGHT][0].copy(),
            slopes=slopes,
            soft_edges=soft_edges,
            segments=segments,
            confidence=np.clip(maps[CONFIDENCE][0], 0.0, 1.0),
            light=_unit(towards, elevation_logit),
            weights=self.weights,
            runtime=self.runtime,
            panel=None if stone is None else stone.astype(np.float32),
        )
        return reduced(prediction, map_size(*photo.grey.shape))

    def _find_light(
        self,
        grey: FloatArray,
        panel: BoolArray | None,
        light_deg: float | None,
        progress: Progress | None,
        total: float,
    ) -> tuple[FloatArray, float]:
        """Toward the light (2,), as far as it is believed or told, and the logit of the sine of its elevation."""
        side = _light_px(*grey.shape)
        evidence = np.mean([self.network.find_light(_middle(grey, panel, look * side)) for look in LOOKS], axis=0)
        if light_deg is not None:
            return _direction(light_deg), float(evidence[2])
        sure_px = SURENESS_PX * math.sqrt(min(_friezes(*grey.shape), MOST_SURE))
        tried = self._sureness(_middle(grey, panel, min(side, sure_px)), progress, total)
        around = np.float32(LIGHT_EVIDENCE) * evidence[:2] + np.float32(LIGHT_SURENESS) * tried
        return believed(around, LIGHT_ABOVE), float(evidence[2])

    def _sureness(self, grey: FloatArray, progress: Progress | None, total: float) -> FloatArray:
        """Where from light makes most sense of a photograph: it is read as lit from the right, above, left and below.

        Told the true light the network is surer of what it sees, for figures seen inside out are none.

        Returns:
            (2,) float32, x right and y up: differences of the mean share of the likeliest segment.
        """
        sureness = np.zeros(2, np.float32)
        for light_deg in (0.0, 90.0, 180.0, 270.0):
            report(progress, 0.0, total, STAGE)
            towards = _direction(light_deg)
            sureness += towards * self._run(lit(grey, towards))[SEGMENTS].max(axis=0).mean() / 2
        return sureness

    def _run_mirrored(self, grey: FloatArray, towards: FloatArray) -> FloatArray:
        """What the network says of the mirror image, mirrored back: all maps (CHANNELS, h, w)."""
        left_to_right = np.array([-1.0, 1.0], np.float32)
        maps = self._run(lit(np.ascontiguousarray(grey[:, ::-1]), towards * left_to_right))
        mirrored = maps[:, :, ::-1].copy()
        mirrored[SLOPES.start] *= -1.0
        return mirrored

    def _run(self, seen: FloatArray) -> FloatArray:
        """One pass over one tile (3, h, w) of any size: all maps (CHANNELS, h, w)."""
        height, width = seen.shape[1:]
        below = max(-height % MULTIPLE_PX, LEAST_PX - height)
        right = max(-width % MULTIPLE_PX, LEAST_PX - width)
        raw = self.network.run(np.pad(seen, ((0, 0), (0, below), (0, right)), mode="reflect"))
        # The edge matching sharpened the height, not the slopes: fine ones are the mean of both.
        down, across = np.gradient(raw.height)
        apart = np.stack((across, down)) - raw.slopes
        slopes = raw.slopes + (apart - np.stack([lowpass(part, SHARPENED_PX) for part in apart])) / 2
        maps = np.concatenate((raw.height[None], slopes, raw.soft_edges, raw.segments, raw.confidence[None]))
        return np.asarray(maps[:, :height, :width], np.float32)
