"""Synthetic grey photographs of carved stone, taken of a height map.

Convention:
    Images are (H, W), row 0 at the top. Height is in pixels, toward the viewer. Slopes are dh/dx and dh/dy with y down.
    Light vectors point toward the light: x right, y UP, z to the viewer.

The true height is never changed here. Grain, pits and chisel marks go into the light only, and stains are drawn without
a look at the height (except dust and wear, in some photographs): what is seen in a photograph and is no carving must
not be learnt as carving.
"""

from __future__ import annotations

import math
from typing import cast

import cv2
import numpy as np
import numpy.typing as npt

from inference.descreening import without_screen
from inference.prediction import FloatArray

from .chance import between
from .lighting import SHALLOW_SLOPE, draw_lighting, mean_light, occlusion, shade
from .masonry import find_joints
from .textures import (
    IntArray,
    Stone,
    blur,
    mix,
    noise_field,
    patch,
    pick,
    power,
    resize,
    sample,
    scale_slope,
)

# Slopes of the carving, see `carving_slope`: below the first there is none, below the second it is shallow.
FLAT_SLOPE = 0.005
CLIFF_SLOPE = 0.3
STAINS = (0.5, 3.0)
"""Range of what bounds the stains' contrast, relative to that of the carving's shades. Beyond that they drown it, and
a photograph that shows nothing of the carving teaches nothing. On Cycles' panels stains have 0.4 to 2.7 of the shades,
about 1.2 in the middle; bounded by 0.2 to 2 the training's had 0.5."""
BLACKENED_SHARE, BLACKENED = 0.6, (0.4, 2.0)
"""Of the photographs of deep carving, which stands outdoors, have stains of at least so much of the contrast that light
and shadow have there. Within figures that contrast was 0.31 in the middle without, on Cycles' panels it is 1.2."""
ODD_BLOCKS_SHARE, ODD_BLOCKS = 0.4, 0.2
"""Of the photographs of walls have blocks that are darker or paler than stains may be, and so many of their blocks are;
on a wall put together again, they say nothing of what is carved there."""
WEATHERED_SHARE, WEATHERED, MOTTLED = 0.5, (0.4, 1.4), (0.3, 0.9)
"""Of the photographs of deep carving on walls of blocks show stone that rain, lichen and soot were at for a thousand
years: rough and mottled all over, black here and white there, each of which alone is in other photographs too. And the
ranges of the contrast of their stains and mottles, relative to that of light and shadow."""
FILLED_SHARE = 0.8
"""Of the walls have soot, or lime, in their joints: old joints are black lines, whatever stands beside them."""
WIDEST_JOINT_PX = 4.0
"""Sigma of what fills a joint."""
PRINTED_SHARE = 0.03
"""Of old photographs are printed in dots, which are taken out before the network reads them, here as there."""
FACE_FORMS = (1 / 27, 1 / 5)
"""Sigmas between which eyes, noses and lips lie, relative to the side of a square as large as the head."""
STAINED_FACES = 0.5
"""Contrast of the stains on a face that is to be seen, relative to that of its light. In three of ten such photographs
the stains had more than the light, and of faces that cannot be seen lumps are learnt."""
FADED_SHARE, FADED, FADED_PX, PALER = 0.3, (0.3, 0.8), (15.0, 50.0), (-0.3, 0.9)
"""Of the photographs of deep carving show places where light and shadow are faint, for stone is worn smooth there,
crusted or lit from everywhere; how much of their contrast is lost; the sigma of the tone that is left, in pixels; how
much paler that is, mostly of lime. Of figures on Borobudur's palest blocks little more than outlines is seen: what the
eye takes for heads came out as ground."""
TRANSLUCENT_SHARE = 0.3
"""Of the photographs that show no walls show marble or alabaster, in which light spreads before it comes out again."""
SPECKLED_SHARE, SPECKLED = 0.45, (0.05, 0.4)
"""Of the photographs show crystals, pores or the specks of plates, each as large as a pixel, and their contrast,
logarithms compared. Four in a hundred enlarged ones had grain of 0.03 or more: with 0.06 in a photograph of 312 px r of
the high-passed height fell by 0.18, by a quarter less where a blur of 0.7 px came first, so that it was not for want of
what is to be seen (weights 0.22)."""
FILM_SHARE, CLEAN_FILM_SHARE = 0.6, 0.3
"""Of the photographs have the grain of films, and of those that are not aged."""
UNEVEN_SHARE, UNEVEN, SHADED_SHARE, SHADED, SHADED_EDGE_PX = 0.3, 0.9, 0.15, (0.3, 0.75), (0.5, 6.0)
"""Of the photographs grow darker toward one side, and by how much at most, logarithms compared; and of those into which
something beside the carving casts its shadow, how much light that takes, and how wide its edge is. With paired
photographs r fell by 0.045 and by 0.04 to 0.08 (weights 0.22)."""


def take_photograph(
    height_px: FloatArray,
    rng: np.random.Generator,
    stone: Stone,
    clean: bool = False,
    light: FloatArray | None = None,
    blocks: IntArray | None = None,
    masonry: FloatArray | None = None,
    heads: FloatArray | None = None,
) -> tuple[FloatArray, FloatArray]:
    """Photograph a carved slab.

    Args:
        height_px: (H, W) height in pixels.
        rng: source of every random choice.
        stone: textures.
        clean: leave the picture's ageing and bad processing out.
        light: vector toward the main light, or None to draw one.
        blocks: (H, W) number of the stone block at each pixel; each block then has its own tone.
        masonry: (H, W) what joints and the setting of blocks add to the height in pixels: it is seen, and no carving.
        heads: (H, W) 1 where a head is seen, whose face no stains shall hide; None: whatever they hide.

    Returns:
        Grey picture (H, W), 0 to 1, display-referred, and the (3,) unit vector toward the light, see `mean_light`.
    """
    height = np.ascontiguousarray(height_px, np.float32)
    slope = carving_slope(height)
    lighting = draw_lighting(rng, light, slope)
    walled = blocks is not None and bool((blocks != blocks.flat[0]).any())
    weathered = walled and slope >= SHALLOW_SLOPE and rng.random() < WEATHERED_SHARE
    seen = height + draw_grain(height.shape, rng, stone, slope)
    if weathered:
        seen += weathered_grain(height.shape, rng, stone, slope)
    if masonry is not None:
        seen += masonry
    picture = shade(seen, lighting)
    if not walled and rng.random() < TRANSLUCENT_SHARE:
        spread = blur(picture, rng.uniform(1.5, 5.0))
        picture += (spread - picture) * np.float32(rng.uniform(0.2, 0.6))
    paler = np.ones((1, 1), np.float32)
    if heads is None and slope >= SHALLOW_SLOPE and rng.random() < FADED_SHARE:
        picture, paler = _faded(picture, rng, stone, blocks)
    towards = mean_light(lighting)
    if weathered:
        albedo = weathered_albedo(height, rng, stone, blocks, picture)
    else:
        albedo = _bounded(draw_albedo(height, rng, stone, blocks), rng, picture, slope, towards)
    if blocks is not None and rng.random() < ODD_BLOCKS_SHARE:
        albedo *= _odd_blocks(blocks, rng)
    if heads is not None:
        albedo = _showing(albedo, picture, heads)
    picture *= albedo * paler
    _shade_from_outside(picture, rng, stone)
    if rng.random() < SPECKLED_SHARE:
        picture *= np.exp(_fine_noise(picture.shape, rng, 0.9) * np.float32(between(rng, *SPECKLED)))
    picture = _expose(picture, rng, weathered)
    picture = _film(picture, rng, CLEAN_FILM_SHARE) if clean else _age(picture, rng, stone)
    return np.clip(picture, 0.0, 1.0, dtype=np.float32), towards


def carving_slope(height: FloatArray) -> float:
    """Mean slope of a height (H, W) in pixels, from every other row, where cliffs count as ``CLIFF_SLOPE``.

    The root mean square is that of the outlines: they are cliffs in the shallowest carving too, whose faces are gentle.
    """
    rows = height[: height.shape[0] // 2 * 2]
    right, down = np.diff(rows[::2], axis=1), (rows[1::2] - rows[::2])[:, 1:]
    return float(np.minimum(np.hypot(right, down), CLIFF_SLOPE).mean())


# --- Stone ---


def draw_grain(shape: tuple[int, ...], rng: np.random.Generator, stone: Stone, relief_slope: float = 0.0) -> FloatArray:
    """Draw fine relief, in pixels, for the light alone: grain, pits, tool marks.

    Args:
        shape: (H, W).
        rng: source of chance.
        stone: textures.
        relief_slope: of the carving, see `carving_slope`. Fine carving needs fine stone, so grain is bounded by it;
            0, a flat slab, bounds nothing.
    """
    most = 0.22 if relief_slope < FLAT_SLOPE else min(0.22, 0.06 + 0.6 * relief_slope)
    if rng.random() < 0.5:  # a weathered stone is rough here and smooth there
        smooth = patch(noise_field(stone, "cloud", shape, rng, 0.4, 2.0), rng.uniform(-0.8, 0.6), rng.uniform(0.3, 1.5))
        grain = _evenly_rough(shape, rng, stone, most * rng.uniform(1.0, 1.6))
        grain *= 1.0 - smooth * np.float32(rng.uniform(0.4, 1.0))
    else:
        grain = _evenly_rough(shape, rng, stone, most)
    if rng.random() < 0.3:  # fields of pits
        size = rng.uniform(1.5, 6.0)
        pits = blur(sample(pick(stone.noise["speckle"], rng), shape, rng, zoom=size), 0.4 * size)
        pits = patch(pits / pits.std(), rng.uniform(0.4, 1.6), rng.uniform(0.6, 1.2))
        pits *= patch(noise_field(stone, "cloud", shape, rng, 0.4, 2.0), rng.uniform(-1.5, 0.8), rng.uniform(0.3, 1.0))
        grain -= pits * np.float32(size * most * rng.uniform(0.3, 1.5))
    if rng.random() < 0.2:
        grain -= _draw_cracks(shape, rng) * np.float32(rng.uniform(0.5, 3.0))
    return grain


def _mottles(shape: tuple[int, ...], rng: np.random.Generator, stone: Stone, least_zoom: float) -> FloatArray:
    """Grains and crusts a few pixels wide, all over but not everywhere as strong; deviation about 1."""
    fine = noise_field(stone, "speckle", shape, rng, least_zoom, 2.5)
    fine = fine + noise_field(stone, "rough", shape, rng, 0.4, 1.2) * np.float32(rng.uniform(0.3, 1.5))
    strong = patch(noise_field(stone, "cloud", shape, rng, 0.4, 2.0), rng.uniform(-2.0, 0.0), rng.uniform(0.5, 2.0))
    return fine * (0.3 + np.float32(0.7) * strong) / np.float32(fine.std())


def _evenly_rough(shape: tuple[int, ...], rng: np.random.Generator, stone: Stone, most: float) -> FloatArray:
    """Fine relief in pixels, the same all over, whose parts have root mean square slopes up to ``most``."""
    grain = sample(pick(stone.reliefs, rng), shape, rng, zoom=rng.uniform(0.4, 1.6))
    scale_slope(grain, most * float(rng.uniform(0.05, 1.0)) * float(rng.uniform(0.2, 1.0)))
    if rng.random() < 0.6:
        rough = sample(pick(stone.noise["rough"], rng), shape, rng, zoom=rng.uniform(0.6, 2.0))
        scale_slope(rough, most * float(rng.uniform(0.1, 0.7)))
        grain += rough
    if rng.random() < 0.45:  # pits
        pits = sample(pick(stone.noise["rough"], rng), shape, rng, zoom=rng.uniform(0.5, 1.5))
        grain -= patch(pits, rng.uniform(1.6, 2.4), 0.5) * np.float32(7.0 * most * rng.uniform(0.2, 1.0))
    if rng.random() < 0.12:  # tool marks: noise drawn out along one way
        marks = sample(
            pick(stone.noise["rough"], rng), shape, rng, zoom=rng.uniform(0.7, 1.2), stretch=rng.uniform(6, 20)
        )
        scale_slope(marks, most * float(rng.uniform(0.15, 0.7)))
        grain += marks
    return grain


def _draw_cracks(shape: tuple[int, ...], rng: np.random.Generator) -> FloatArray:
    """Thin ragged lines from side to side, 0 beside them to 1."""
    rows, columns = shape
    cracks = np.zeros((rows, columns), np.float32)
    for _ in range(int(rng.integers(1, 5))):
        steps = int(rng.integers(12, 60))
        walk = np.cumsum(rng.standard_normal(steps)) / math.sqrt(steps)
        across = np.linspace(-0.1, 1.1, steps)
        along = rng.uniform(0.0, 1.0) + rng.normal(0.0, 0.3) * (across - 0.5) + 0.06 * walk
        places = (across, along) if rng.random() < 0.5 else (along, across)
        points = np.stack(places, 1) * (columns, rows)
        cv2.polylines(cracks, [np.round(points * 8).astype(np.int32)], False, rng.uniform(0.4, 1.0), 1, cv2.LINE_AA, 3)
    return blur(cracks, rng.uniform(0.4, 1.0))


def draw_albedo(
    height: FloatArray,
    rng: np.random.Generator,
    stone: Stone,
    blocks: IntArray | None = None,
    weathered: bool = False,
) -> FloatArray:
    """Draw the stone's relative albedo, about 1 in the middle.

    Args:
        height: (H, W) in pixels; only dust and wear look at it.
        rng: source of chance.
        stone: textures.
        blocks: (H, W) number of the block at each pixel.
        weathered: see WEATHERED_SHARE.
    """
    shape = height.shape
    amount = rng.random()
    if weathered:
        strength = rng.uniform(0.65, 1.0)
    elif amount < 0.36:
        strength = rng.uniform(0.5, 0.85)  # Borobudur: black and white patches outdo the carving
    elif amount < 0.62:
        strength = rng.uniform(0.25, 0.6)
    else:
        strength = rng.uniform(0.0, 0.25)
    tone = sample(pick(stone.albedos, rng), shape, rng, zoom=rng.uniform(0.5, 2.0))
    tone *= np.float32(rng.uniform(0.03, 0.1 + 0.15 * strength))
    clouds = 0.1 if weathered else 0.4  # there blocks differ instead
    tone += noise_field(stone, "cloud", shape, rng, 0.5, 2.0) * np.float32(strength * rng.uniform(0.1, clouds))
    tone += noise_field(stone, "ragged", shape, rng, 0.4, 2.0) * np.float32(strength * rng.uniform(0.05, 0.35))

    block_bias: FloatArray | np.float32 = np.float32(0.0)
    if blocks is not None:
        numbers, count = _numbered(blocks)
        # Masons took what stone there was: blocks may differ more than anything on them.
        contrast = rng.uniform(0.15, 0.5) if rng.random() < 0.3 else 0.05 + 0.5 * strength * rng.random()
        tone += (rng.standard_normal(count) * contrast).astype(np.float32)[numbers]
        # Lichen and soot stop at a joint: each block has its own readiness to be stained.
        block_bias = (rng.standard_normal(count) * 0.7 * rng.random()).astype(np.float32)[numbers]

    grit = noise_field(stone, "speckle", shape, rng, 0.8, 2.2)
    if rng.random() < 0.15 + 0.75 * strength:  # soot and damp, soft or ragged
        for _ in range(int(rng.integers(1, 3))):
            field = noise_field(stone, "cloud" if rng.random() < clouds else "ragged", shape, rng, 0.4, 1.8)
            field += grit * np.float32(rng.uniform(0.0, 0.6)) + block_bias
            mask = patch(field, rng.uniform(-0.2, 1.2), rng.uniform(0.3, 1.8))
            tone -= mask * np.float32(strength * rng.uniform(0.3, 1.4))
    if rng.random() < 0.1 + 0.6 * strength:  # streaks where water runs down
        kind = "rough" if rng.random() < 0.3 else "ragged"
        streaks = noise_field(stone, kind, shape, rng, 0.5, 1.5, stretch=rng.uniform(5.0, 25.0))
        where = patch(noise_field(stone, "cloud", shape, rng, 0.7, 2.0) + block_bias, rng.uniform(-0.8, 0.6), 1.0)
        mask = patch(streaks, rng.uniform(-0.2, 1.2), rng.uniform(0.4, 1.5)) * where
        sign = -1.0 if rng.random() < 0.75 else 0.7
        tone += mask * np.float32(sign * strength * rng.uniform(0.3, 1.3))
    albedo: FloatArray = np.exp(tone)
    if blocks is not None and rng.random() < FILLED_SHARE:
        _fill_joints(albedo, blocks, rng, stone)

    crumbs = noise_field(stone, "speckle", shape, rng, 0.8, 2.2)
    if rng.random() < 0.1 + 0.8 * strength:  # lichen, salt, lime: pale crusts with sharp ragged edges
        for _ in range(int(rng.integers(1, 3))):
            field = noise_field(stone, "ragged" if rng.random() < 0.6 else "rough", shape, rng, 0.3, 1.6)
            # A crust breaks up into grains, at its border first.
            field += crumbs * np.float32(rng.uniform(0.1, 0.9)) + block_bias
            cover = patch(field, rng.uniform(0.3, 1.9), rng.uniform(0.2, 1.4))
            cover *= np.float32(rng.uniform(0.3, 0.95) * min(1.0, 0.3 + strength))
            mix(albedo, cover, float(rng.uniform(1.2, 2.2)))
        albedo *= 1.0 + crumbs * np.float32(rng.uniform(0.0, 0.12))
    if rng.random() < 0.2 + 0.7 * strength:  # specks, in drifts
        for pale in (True, False):
            specks = noise_field(stone, "speckle", shape, rng, 0.7, 2.2)
            drift = noise_field(stone, "cloud", shape, rng, 0.5, 2.0) + block_bias
            specks += drift * np.float32(0.7)
            cover = patch(specks, rng.uniform(1.4, 2.8), 0.8) * np.float32(strength * rng.uniform(0.3, 0.9))
            mix(albedo, cover, float(rng.uniform(1.5, 2.8)) if pale else float(rng.uniform(0.1, 0.5)))
    if rng.random() < 0.06:  # remains of paint
        cover = patch(noise_field(stone, "ragged", shape, rng, 0.6, 1.6), rng.uniform(0.3, 1.2), 0.1)
        mix(albedo, cover * np.float32(rng.uniform(0.4, 0.9)), float(rng.uniform(0.3, 1.8)))
    if rng.random() < 0.12:  # dust in hollows, worn bright tops, here and there
        hollow = np.clip(occlusion(blur(height, 1.2)), -0.1, 0.8)
        hollow *= patch(noise_field(stone, "cloud", shape, rng, 0.5, 2.0), rng.uniform(-1.0, 0.5), 1.0)
        albedo *= np.exp(hollow * np.float32(rng.uniform(-0.8, 0.5)))
    return albedo


def _numbered(blocks: IntArray) -> tuple[npt.NDArray[np.int64], int]:
    """The numbers of blocks (H, W) from 0 on, and how many they go up to."""
    numbers = np.asarray(blocks, np.int64)
    numbers = numbers - numbers.min()
    return numbers, int(numbers.max()) + 1


def _odd_blocks(blocks: IntArray, rng: np.random.Generator) -> FloatArray:
    """Factors of the albedo, 1 but for a few blocks: damp, sooty or new ones are dark, cleaned ones pale."""
    numbers, count = _numbered(blocks)
    tone = np.where(rng.random(count) < 0.75, rng.uniform(-1.6, -0.4, count), rng.uniform(0.3, 0.8, count))
    factors = np.exp(np.where(rng.random(count) < ODD_BLOCKS, tone, 0.0))
    return cast(FloatArray, factors.astype(np.float32)[numbers])


def weathered_albedo(
    height: FloatArray, rng: np.random.Generator, stone: Stone, blocks: IntArray | None, light: FloatArray
) -> FloatArray:
    """Draw the albedo (H, W) of stone that was rained on for a thousand years, see WEATHERED_SHARE.

    Args:
        height, rng, stone, blocks: of `draw_albedo`.
        light: (H, W) light on the stone, linear: its contrast is what the stains' is measured by.
    """
    seen = _contrast(light)
    albedo = draw_albedo(height, rng, stone, blocks, True)
    wanted = seen * math.exp(rng.uniform(*np.log(WEATHERED)))
    albedo = power(albedo, float(np.clip(wanted / max(_contrast(albedo), 1e-3), 0.2, 4.0)))
    albedo *= np.exp(_mottles(height.shape, rng, stone, 1.0) * np.float32(seen * rng.uniform(*MOTTLED)))
    return albedo


def weathered_grain(shape: tuple[int, ...], rng: np.random.Generator, stone: Stone, slope: float) -> FloatArray:
    """Draw what makes such stone rough all over, (H, W) in pixels, for the light alone; ``slope`` of the carving."""
    return _mottles(shape, rng, stone, 0.5) * np.float32(slope * rng.uniform(0.2, 0.8))


def _bounded(
    albedo: FloatArray, rng: np.random.Generator, light: FloatArray, slope: float, towards: FloatArray
) -> FloatArray:
    """Albedo whose contrast is bounded by that of the light on the carving, and raised to it on some deep ones."""
    if slope < FLAT_SLOPE:
        return albedo
    tangent = float(np.hypot(towards[0], towards[1]) / towards[2])
    # Bounded below: ground beside small figures, and light from the front, have their stains too.
    shades = max(slope, 0.06) * max(tangent, 0.4)
    if slope >= SHALLOW_SLOPE:
        seen = _contrast(light)  # shadows too
        shades = max(shades, 0.7 * seen)
        if rng.random() < BLACKENED_SHARE:
            wanted = seen * math.exp(rng.uniform(*np.log(BLACKENED)))
            albedo = power(albedo, float(np.clip(wanted / max(_contrast(albedo), 1e-3), 1.0, 4.0)))
    return _calmed(albedo, shades * math.exp(rng.uniform(*np.log(STAINS))))


def _faded(
    light: FloatArray, rng: np.random.Generator, stone: Stone, blocks: IntArray | None
) -> tuple[FloatArray, FloatArray]:
    """Light (H, W) whose contrast is lower here and there, in walls on some blocks more than on others: FADED_SHARE.

    Returns:
        It, and factors (H, W) of the albedo.
    """
    field = noise_field(stone, "cloud", light.shape, rng, 0.4, 2.0)
    if blocks is not None:
        numbers, count = _numbered(blocks)
        field += (rng.standard_normal(count) * 0.8 * rng.random()).astype(np.float32)[numbers]
    where = patch(field, rng.uniform(-0.5, 0.8), rng.uniform(0.3, 1.5)) * np.float32(rng.uniform(*FADED))
    tone = np.log(np.maximum(light, np.float32(0.02)))
    # The mean of the light, not of its logarithms: that would leave a blot where a shadow lay.
    around = np.log(np.maximum(blur(light, rng.uniform(*FADED_PX)), np.float32(0.02)))
    faded, paler = np.exp(tone + (around - tone) * where), np.exp(where * np.float32(rng.uniform(*PALER)))
    return cast(FloatArray, faded), cast(FloatArray, paler)


def _showing(albedo: FloatArray, light: FloatArray, heads: FloatArray) -> FloatArray:
    """Albedo that hides no face: within heads it has at most STAINED_FACES of the contrast of the light there.

    Of the size of faces' features alone: when all of it was made fainter, half of the faces to be seen had no grain.
    """
    within = heads > 0.5
    if not within.any():
        return albedo
    # Where a head fills the picture there is no way out of it.
    side = min(2.0 * float(cv2.distanceTransform(within.astype(np.uint8), cv2.DIST_L2, 3).max()), max(heads.shape))
    tone, lit = (np.log(np.maximum(a, np.float32(0.02))) for a in (albedo, light))
    most = STAINED_FACES * float(face_forms(lit, side)[within].std())
    near = blur(within.astype(np.float32), max(side / 10.0, 0.5))
    for _ in range(4):  # each takes away less of what lies at the ends of that range
        forms = face_forms(tone, side)
        stains = float(forms[within].std())
        if stains <= most:
            return albedo
        tone = tone - near * forms * np.float32(1.0 - most / stains)
        albedo = cast(FloatArray, np.exp(tone))
    return power(albedo, min(1.0, most / float(face_forms(tone, side)[within].std())))


def face_forms(values: FloatArray, side_px: float) -> FloatArray:
    """What of (H, W) is of the size of eyes, noses and lips in a head as large as a square of this side."""
    fine, coarse = (blur(values, side_px * share) for share in FACE_FORMS)
    return fine - coarse


def _contrast(image: FloatArray) -> float:
    """How much the forms of a carving's size differ on the mean, logarithms compared, from every other pixel."""
    tone = np.log(np.maximum(image[::2, ::2], np.float32(0.02)))
    return float(np.abs(tone - blur(tone, max(tone.shape) / 32)).mean())


def _calmed(albedo: FloatArray, most: float) -> FloatArray:
    """Albedo whose forms of a carving's size differ by no more than ``most`` on the mean, logarithms compared."""
    return power(albedo, min(1.0, most / max(_contrast(albedo), 1e-6)))


def _fill_joints(albedo: FloatArray, blocks: IntArray, rng: np.random.Generator, stone: Stone) -> None:
    """Soot, or lime, in the joints here and there: lines that say nothing of how deep a joint is."""
    joints = find_joints(blocks)
    if not joints.any():
        return
    # Wider where an arris is chipped, and where moss and lime have crept out.
    ragged = noise_field(stone, "ragged" if rng.random() < 0.5 else "rough", blocks.shape, rng, 0.2, 1.2)
    width = np.exp(ragged * np.float32(rng.uniform(0.0, 0.6))) * np.float32(rng.uniform(0.5, 2.4))
    width = np.minimum(width, np.float32(WIDEST_JOINT_PX))
    away = cast(FloatArray, cv2.distanceTransform((~joints).astype(np.uint8), cv2.DIST_L2, 3)) / width
    cover = np.exp(np.float32(-0.5) * away * away)
    cover *= patch(noise_field(stone, "cloud", blocks.shape, rng, 0.4, 2.0), rng.uniform(-1.5, 0.5), 1.0)
    dark = rng.random() < 0.8
    mix(
        albedo,
        cover * np.float32(rng.uniform(0.5, 1.0)),
        float(rng.uniform(0.03, 0.4) if dark else rng.uniform(1.2, 2.0)),
    )


# --- Camera and age ---


def _expose(picture: FloatArray, rng: np.random.Generator, crisp: bool) -> FloatArray:
    """From linear light to a display-referred picture; a crisp one has all tones from black to white, and is sharp."""
    mean, wanted = float(picture.mean()) + 1e-6, rng.uniform(0.1, 0.42)
    # A shoulder instead of hard clipping: film and phones roll highlights off (Source: Reinhard et al., "Photographic
    # tone reproduction for digital images", SIGGRAPH 2002, equation 4; a white of 1 clips).
    white = between(rng, 1.0, 6.0)
    picture = picture * np.float32(wanted / (1.0 - wanted * (1.0 - white**-2)) / mean)
    picture = picture * (1.0 + picture * np.float32(white**-2)) / (1.0 + picture)
    picture = np.clip(picture, 0.0, 1.0)
    picture = power(picture, 1.0 / rng.uniform(1.9, 2.4))
    if rng.random() < (0.9 if crisp else 0.7):  # levels drawn out to the full range
        ordered = np.sort(picture[::3, ::3], axis=None)
        low, high = (
            ordered[int(rng.uniform(0.0, 0.04) * ordered.size)],
            ordered[int(rng.uniform(0.95, 1.0) * ordered.size)],
        )
        gain = min(1.0 / max(float(high - low), 1e-3), 5.0)
        share = rng.uniform(0.4, 1.0)
        middle = 0.5 * float(high + low)
        stretched = (picture - np.float32(middle)) * np.float32(gain) + np.float32(0.5)
        picture = picture + (stretched - picture) * np.float32(share)
    picture = blur(picture, rng.uniform(0.35, 0.8))  # no lens draws a staircase
    noise = rng.standard_normal(picture.shape, dtype=np.float32)
    picture = picture + noise * np.float32(rng.uniform(0.001, 0.012))
    if rng.random() < (0.7 if crisp else 0.35):  # phones sharpen
        picture = _sharpened(picture, rng.uniform(0.6, 1.5), rng.uniform(0.3, 1.5))
    return cast(FloatArray, np.clip(picture, 0.0, 1.0, dtype=np.float32))


def _age(picture: FloatArray, rng: np.random.Generator, stone: Stone) -> FloatArray:
    rows, columns = picture.shape
    if rng.random() < 0.3:  # local contrast, as in "HDR" pictures
        sigma = rng.uniform(6.0, 30.0)
        small = resize(picture, columns // 4, rows // 4, cv2.INTER_AREA)
        local = resize(blur(small, sigma / 4.0), columns, rows, cv2.INTER_LINEAR)
        picture = local + (picture - local) * np.float32(rng.uniform(1.3, 2.4))
        picture += (np.float32(0.5) - local) * np.float32(rng.uniform(0.0, 0.6))
    if rng.random() < 0.25:
        picture = _resample(picture, rng.uniform(0.4, 0.85))
    kind = rng.random()
    if kind < 0.3:
        picture = blur(picture, rng.uniform(0.4, 1.5))
    elif kind < 0.36:
        picture = cast(FloatArray, cv2.filter2D(picture, -1, _motion_kernel(rng), borderType=cv2.BORDER_REFLECT))
    if rng.random() < 0.5:
        picture = _tone_curve(picture, rng)
    if rng.random() < 0.3:  # vignette, uneven print
        y, x = np.ogrid[-1.0 : 1.0 : rows * 1j, -1.0 : 1.0 : columns * 1j]
        centre_x, centre_y = rng.uniform(-0.4, 0.4, 2)
        fall = ((x - centre_x) ** 2 + (y - centre_y) ** 2).astype(np.float32)
        picture = picture * (1.0 - np.float32(rng.uniform(0.05, 0.3)) * fall)
    picture = _film(picture, rng, FILM_SHARE)
    if rng.random() < 0.08:
        _scratch(picture, rng, stone)
    printed = rng.random() < PRINTED_SHARE
    if printed:
        picture = _halftone(picture, rng)
    if rng.random() < 0.15:  # scanners sharpen
        picture = _sharpened(picture, rng.uniform(0.8, 2.0), rng.uniform(0.4, 1.5))
    if rng.random() < 0.7:
        coded = np.clip(picture * 255.0 + 0.5, 0.0, 255.0).astype(np.uint8)
        _, data = cv2.imencode(".jpg", coded, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(30, 96))])
        decoded = cv2.imdecode(data, cv2.IMREAD_GRAYSCALE)
        picture = cast(FloatArray, decoded).astype(np.float32) * np.float32(1.0 / 255.0)
    picture = np.clip(picture, 0.0, 1.0, dtype=np.float32)
    return without_screen(picture) if printed else picture


def _film(picture: FloatArray, rng: np.random.Generator, share: float) -> FloatArray:
    """A picture, which has the grain of a film with the probability ``share``."""
    if rng.random() >= share:
        return picture
    # Bounded by what there is to see: a photograph lost in its grain teaches nothing.
    most = min(0.07, 0.01 + 0.4 * float(picture[::4, ::4].std()))
    return picture + _fine_noise(picture.shape, rng, 1.2) * np.float32(rng.uniform(0.01, most))


def _fine_noise(shape: tuple[int, ...], rng: np.random.Generator, most_px: float) -> FloatArray:
    """Noise (H, W) of standard deviation 1, whose grains have a sigma of up to so many pixels."""
    noise, size = rng.standard_normal(shape, dtype=np.float32), rng.uniform(0.0, most_px)
    return blur(noise, size) * np.float32(2.0 * size + 0.5) if size > 0.4 else noise


def _shade_from_outside(picture: FloatArray, rng: np.random.Generator, stone: Stone) -> None:
    """Darken a picture toward one side, or where a cornice or a tree casts its shadow; it is changed in place."""
    y, x = (np.arange(side, dtype=np.float32) - np.float32(side / 2) for side in picture.shape)

    def away() -> FloatArray:
        """Pixels from a line through the middle."""
        angle = rng.uniform(0.0, 2.0 * math.pi)
        return cast(FloatArray, y[:, None] * np.float32(math.sin(angle)) + x * np.float32(math.cos(angle)))

    if rng.random() < UNEVEN_SHARE:
        picture *= np.exp(away() * np.float32(rng.uniform(0.0, UNEVEN) * 2.0 / max(picture.shape)))
    if rng.random() < SHADED_SHARE:
        wavy = noise_field(stone, "cloud", picture.shape, rng, 0.4, 2.0) * np.float32(rng.uniform(0.0, 0.1))
        out = away() + (wavy + np.float32(rng.uniform(-0.4, 0.4))) * np.float32(max(picture.shape))
        shadow = np.clip(out / np.float32(between(rng, *SHADED_EDGE_PX)) + np.float32(0.5), 0.0, 1.0)
        picture *= 1.0 - shadow * np.float32(rng.uniform(*SHADED))


def _sharpened(picture: FloatArray, sigma_px: float, amount: float) -> FloatArray:
    return picture + (picture - blur(picture, sigma_px)) * np.float32(amount)


def _resample(picture: FloatArray, share: float) -> FloatArray:
    rows, columns = picture.shape
    small = resize(picture, int(columns * share), int(rows * share), cv2.INTER_AREA)
    return resize(small, columns, rows, cv2.INTER_CUBIC)


def _motion_kernel(rng: np.random.Generator) -> FloatArray:
    kernel = np.zeros((7, 7), np.float32)
    angle, length = rng.uniform(0.0, math.pi), rng.uniform(1.0, 3.0)
    for t in np.linspace(-length, length, 25):
        kernel[round(3 + t * math.sin(angle)), round(3 + t * math.cos(angle))] += 1.0
    return cast(FloatArray, kernel / kernel.sum())


def _tone_curve(picture: FloatArray, rng: np.random.Generator) -> FloatArray:
    picture = np.clip(picture, 0.0, 1.0)
    kind = rng.random()
    if kind < 0.35:  # S-curve
        curved = picture * picture * (3.0 - 2.0 * picture)
        picture = picture + (curved - picture) * np.float32(rng.uniform(0.3, 1.2))
    elif kind < 0.6:  # gamma
        picture = power(picture, rng.uniform(0.65, 1.5))
    elif kind < 0.85:  # fading
        low, high = rng.uniform(0.0, 0.3), rng.uniform(0.65, 1.0)
        picture = picture * np.float32(high - low) + np.float32(low)
    else:  # too much light
        picture = picture * np.float32(rng.uniform(1.1, 1.6))
    return cast(FloatArray, np.clip(picture, 0.0, 1.0, dtype=np.float32))


def _scratch(picture: FloatArray, rng: np.random.Generator, stone: Stone) -> None:
    """Draw scratches, hairs, dust and cracks of the emulsion into the picture."""
    rows, columns = picture.shape
    cover = np.zeros_like(picture)
    for _ in range(int(rng.integers(1, 9))):
        start, way = rng.uniform(0.0, 1.0, 2) * (columns, rows), rng.normal(0.0, 0.3, 2) * (columns, rows)
        bend = rng.normal(0.0, 0.05, 2) * (columns, rows)
        t = np.linspace(0.0, 1.0, 12)[:, None]
        points = start + way * t + bend * t * (1.0 - t) * 4.0
        cv2.polylines(cover, [np.round(points * 8).astype(np.int32)], False, rng.uniform(0.3, 1.0), 1, cv2.LINE_AA, 3)
    for _ in range(int(rng.integers(0, 30))):
        centre = (int(rng.integers(0, columns)), int(rng.integers(0, rows)))
        cv2.circle(cover, centre, int(rng.integers(0, 3)), rng.uniform(0.3, 1.0), -1, cv2.LINE_AA)
    if rng.random() < 0.2:  # cracks run along the zero lines of noise
        field = noise_field(stone, "ragged", picture.shape, rng, 0.5, 1.5)
        cover = np.maximum(cover, (np.abs(field) < 0.02).astype(np.float32) * np.float32(0.7))
    tone = 1.0 if rng.random() < 0.7 else 0.0
    mix(picture, cover * np.float32(rng.uniform(0.3, 0.9)), tone)


def _halftone(picture: FloatArray, rng: np.random.Generator) -> FloatArray:
    rows, columns = picture.shape
    angle, pitch = rng.uniform(0.0, math.pi), rng.uniform(2.2, 6.0)
    y, x = np.mgrid[0:rows, 0:columns].astype(np.float32)
    turn = np.float32(2.0 * math.pi / pitch)
    cosine, sine = np.float32(math.cos(angle)), np.float32(math.sin(angle))
    screen = np.cos((x * cosine + y * sine) * turn) + np.cos((y * cosine - x * sine) * turn)
    dots = np.clip((picture - 0.5 + 0.25 * screen) * np.float32(rng.uniform(1.5, 4.0)) + 0.5, 0.0, 1.0)
    printed = blur(dots.astype(np.float32), rng.uniform(0.5, 1.0))
    return cast(FloatArray, picture + (printed - picture) * np.float32(rng.uniform(0.2, 0.7)))
