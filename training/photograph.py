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
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import cv2
import numba
import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]
IntArray = npt.NDArray[np.integer[Any]]

NOISE_TILE_PX = 512
FINE_PX = 6.0
"""Sigma below which a form of photographed stone is grain."""
# Slopes of the carving, see `carving_slope`: below the first there is none, below the second it is shallow.
FLAT_SLOPE = 0.005
SHALLOW_SLOPE = 0.09
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
TRANSLUCENT_SHARE = 0.3
"""Of the photographs show marble or alabaster, in which light spreads before it comes out again."""
SKY_LIGHTS = 12
SKY_SPREAD = 0.5
SECOND_SPREAD = 0.2
LEAST_PENUMBRA_PX = 0.3
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
    def load(cls, shapes: Path | None = None, seed: int = 0) -> Stone:
        """Load `stone_textures/*_albedo.jpg` and `*_height.png` of a folder of shapes; noise where there is none."""
        folder = None if shapes is None else shapes / "stone_textures"
        rng = np.random.default_rng(seed)
        noise = {
            kind: tuple(_fractal_tile(NOISE_TILE_PX, exponent, rng) for _ in range(2))
            for kind, exponent in NOISE_EXPONENTS.items()
        }
        albedos = _read_tiles(folder, "*_albedo.jpg") or noise["rough"]
        reliefs = tuple(map(_fine, _read_tiles(folder, "*_height.png"))) or noise["rough"]
        return cls(noise, albedos, reliefs)


@dataclass(frozen=True)
class Lighting:
    """One photograph's light.

    Attributes:
        light: (3,) unit vector toward the main light.
        spread: width of the main light, as the tangent of the angle that it fills: what a shadow's edge grows by.
        sky: share of the flat slab's light that comes from the sky, 0 to 1.
        sky_top: 0 the sky is as bright below as above (a room), 1 all of it is above (a wall outdoors).
        distance: distance of the main light in image diagonals; 0 is a light at infinity.
        second: (3,) unit vector toward a second, weak light.
        second_share: its strength beside the main light.
        bounce: share of light that the stone throws back, into its own hollows.
        roughness: 0 Lambert, 1 flat as a full moon.
        sheen: brightness of the stone's mirroring of the main light, relative to its own; 0 is matt.
        gloss: exponent of that mirroring: the greater, the narrower.
    """

    light: FloatArray
    spread: float
    sky: float
    sky_top: float
    distance: float
    second: FloatArray
    second_share: float
    bounce: float
    roughness: float
    sheen: float = 0.0
    gloss: float = 1.0


def light_vector(azimuth_deg: float, elevation_deg: float) -> FloatArray:
    """Unit vector toward a light; azimuth 0 is right, 90 above; elevation is over the slab's plane."""
    azimuth, elevation = math.radians(azimuth_deg), math.radians(elevation_deg)
    flat = math.cos(elevation)
    return np.array([flat * math.cos(azimuth), flat * math.sin(azimuth), math.sin(elevation)], np.float32)


def draw_lighting(rng: np.random.Generator, light: FloatArray | None = None, slope: float = SHALLOW_SLOPE) -> Lighting:
    """Draw a photograph's light: three quarters from above, elevation 15 to 70 degrees.

    Shallow carving is photographed under raking light, or nothing of it would be seen: there it is mostly 8 to 35.

    Args:
        rng: source of every random choice.
        light: (3,) toward the main light, or None to draw it.
        slope: of the carving, see `carving_slope`.
    """
    if light is None:
        azimuth = rng.uniform(25.0, 155.0) if rng.random() < 0.65 else rng.uniform(0.0, 360.0)
        raking = slope < SHALLOW_SLOPE and rng.random() < 0.7
        light = light_vector(azimuth, rng.uniform(8.0, 35.0) if raking else rng.uniform(15.0, 70.0))
    else:
        light = np.asarray(light, np.float32) / np.float32(np.linalg.norm(light))
    kind = rng.random()
    if kind < 0.25:  # overcast, shade
        sky, spread = rng.uniform(0.55, 0.95), rng.uniform(0.1, 0.5)
    elif kind < 0.65:  # sun, with the open sky
        sky, spread = rng.uniform(0.1, 0.4), rng.uniform(0.01, 0.04)
    else:  # lamps, haze
        sky, spread = rng.uniform(0.05, 0.6), rng.uniform(0.02, 0.3)
    return Lighting(
        light=light,
        spread=spread,
        sky=sky,
        sky_top=rng.uniform(0.0, 1.0),
        distance=rng.uniform(1.5, 4.0) if rng.random() < 0.3 else 0.0,
        second=light_vector(rng.uniform(0.0, 360.0), rng.uniform(15.0, 70.0)),
        second_share=rng.uniform(0.05, 0.3) if rng.random() < 0.4 else 0.0,
        bounce=rng.uniform(0.2, 0.7),
        roughness=rng.uniform(0.0, 0.6),
        sheen=rng.uniform(0.1, 0.6) if rng.random() < 0.3 else 0.0,
        gloss=rng.uniform(5.0, 30.0),
    )


def mean_light(lighting: Lighting) -> FloatArray:
    """Unit vector toward the one light that would shade gentle slopes as all the lights together do.

    Under an overcast sky that is the sky itself, wherever what is left of the sun stands: told the sun's place there,
    the network took light from above for light from anywhere.

    Returns:
        (3,) float32.
    """
    directions = sky_directions(float(lighting.light[0]))
    brightness = 1.0 + lighting.sky_top * directions[:, 1]
    brightness /= brightness.sum()
    lights = np.vstack((lighting.light, lighting.second, directions))
    direct = 1.0 - lighting.sky
    shares = np.concatenate(
        ([direct * (1.0 - lighting.second_share), direct * lighting.second_share], lighting.sky * brightness)
    )
    # A flat slab gets the same from each, so what counts is how fast a slope gains or loses: the tangent.
    mean = np.append(shares @ (lights[:, :2] / lights[:, 2:]), 1.0)
    return np.asarray(mean / np.linalg.norm(mean), np.float32)


def take_photograph(
    height_px: FloatArray,
    rng: np.random.Generator,
    stone: Stone,
    clean: bool = False,
    light: FloatArray | None = None,
    blocks: IntArray | None = None,
    masonry: FloatArray | None = None,
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
    if rng.random() < TRANSLUCENT_SHARE:
        spread = _blur(picture, rng.uniform(1.5, 5.0))
        picture += (spread - picture) * np.float32(rng.uniform(0.2, 0.6))
    towards = mean_light(lighting)
    if weathered:
        albedo = weathered_albedo(height, rng, stone, blocks, picture)
    else:
        albedo = _bounded(draw_albedo(height, rng, stone, blocks), rng, picture, slope, towards)
    if blocks is not None and rng.random() < ODD_BLOCKS_SHARE:
        albedo *= _odd_blocks(blocks, rng)
    picture *= albedo
    picture = _expose(picture, rng, weathered)
    if not clean:
        picture = _age(picture, rng, stone)
    return np.clip(picture, 0.0, 1.0, dtype=np.float32), towards


def carving_slope(height: FloatArray) -> float:
    """Mean slope of a height (H, W) in pixels, from every other row, where cliffs count as ``CLIFF_SLOPE``.

    The root mean square is that of the outlines: they are cliffs in the shallowest carving too, whose faces are gentle.
    """
    rows = height[: height.shape[0] // 2 * 2]
    right, down = np.diff(rows[::2], axis=1), (rows[1::2] - rows[::2])[:, 1:]
    return float(np.minimum(np.hypot(right, down), CLIFF_SLOPE).mean())


# --- Light ---


def shade(height: FloatArray, lighting: Lighting) -> FloatArray:
    """Light on a height map, linear; 1 is a flat open slab (at the picture's centre, where the light is near).

    Every light casts its shadow, the sky as SKY_LIGHTS wide lights: darkness that merely follows the depth of hollows
    told the network the height, and what it learnt from that was worth nothing on any other picture.
    """
    normals = _normals(height)
    sky, openness = np.zeros_like(height), np.zeros_like(height)
    directions = sky_directions(float(lighting.light[0]))
    brightness = 1.0 + lighting.sky_top * directions[:, 1]
    brightness /= brightness.sum()
    for direction, share in zip(directions, brightness, strict=True):
        shadow = cast_shadow(height, direction, SKY_SPREAD)
        _add_light(sky, openness, shadow, normals, direction, np.float32(share), np.float32(1.0 / SKY_LIGHTS))
    main = np.empty_like(height)
    shadow = cast_shadow(height, lighting.light, lighting.spread)
    distance = lighting.distance * math.hypot(*height.shape)
    _add_lamp(main, shadow, normals, lighting.light.astype(np.float64), distance, lighting.roughness)
    if lighting.sheen > 0.0:
        halfway = lighting.light + np.array((0.0, 0.0, 1.0), np.float32)
        halfway /= np.linalg.norm(halfway)
        _add_sheen(main, shadow, normals, halfway, np.float32(lighting.sheen), np.float32(lighting.gloss))
    picture = main * np.float32((1.0 - lighting.sky) * (1.0 - lighting.second_share))
    picture += sky * np.float32(lighting.sky)
    if lighting.second_share > 0.0:
        second, unused = np.zeros_like(height), np.zeros_like(height)
        shadow = cast_shadow(height, lighting.second, SECOND_SPREAD)
        share = (1.0 - lighting.sky) * lighting.second_share
        _add_light(second, unused, shadow, normals, lighting.second, np.float32(share), np.float32(0.0))
        picture += second
    # What the open sky does not reach sees stone instead, as bright as the neighbourhood.
    columns, rows = height.shape[1], height.shape[0]
    near = _blur(_resize(picture, max(columns // 4, 1), max(rows // 4, 1), cv2.INTER_AREA), 1.5)
    near = _resize(near, columns, rows, cv2.INTER_LINEAR)
    picture += near * np.maximum(1.0 - openness, 0.0) * np.float32(lighting.bounce)
    return picture


def sky_directions(turn: float) -> FloatArray:
    """(SKY_LIGHTS, 3) unit vectors over the half sphere before the slab, which a flat slab sees as equally bright."""
    steps = np.arange(SKY_LIGHTS // 2)
    up = np.sqrt(1.0 - (steps + 0.5) / len(steps))
    around = 2.399963 * steps + 40.0 * turn
    flat = np.sqrt(1.0 - up * up)
    half = np.stack((flat * np.cos(around), flat * np.sin(around), up), 1)
    # Each has its opposite, so that no side gets more than another.
    directions: FloatArray = np.concatenate((half, half * (-1.0, -1.0, 1.0))).astype(np.float32)
    return directions


def cast_shadow(height: FloatArray, light: FloatArray, spread: float) -> FloatArray:
    """How deep each pixel lies in shadow, 0 lit to 1, by one sweep along the light's way.

    Args:
        height: (H, W) in pixels.
        light: (3,) unit vector toward the light.
        spread: tangent of the angle that the light fills: the further off what casts a shadow, the softer its edge.
    """
    right, down, up = float(light[0]), -float(light[1]), float(light[2])
    along_columns = abs(right) > abs(down)
    swept = np.ascontiguousarray(height.T) if along_columns else height
    main, side = (right, down) if along_columns else (down, right)
    if abs(main) < 1e-6:
        return np.zeros_like(height)
    # The sweep steps away from the light; each step looks one line back, `shift` pixels aside.
    shift = side / abs(main)
    fall = up / abs(main)
    # The rays of the light's two rims part by this at each step; shadow begins where the lower rim goes out of sight.
    growth = min(spread * math.hypot(1.0, shift) / max(1.0 - up * up, 0.05), 1.8 * fall)
    shadow: FloatArray = _sweep(swept, main < 0.0, shift, fall - growth / 2, growth)
    return np.ascontiguousarray(shadow.T) if along_columns else shadow


def occlusion(height: FloatArray) -> FloatArray:
    """Depth below the surroundings over four scales: about 0 in the open, 0.5 and more in grooves."""
    total = np.zeros_like(height)
    level, scale = height, 1.0
    for weight in (0.8, 0.8, 0.6, 0.4):
        blurred = _blur(level, 1.6)
        if level.shape != height.shape:
            blurred = _resize(blurred, height.shape[1], height.shape[0], cv2.INTER_LINEAR)
        _add_hollows(total, blurred, height, weight / (1.6 * scale))
        if min(level.shape) < 16:
            break
        step = 2 if scale == 1.0 else 3
        level = _resize(level, level.shape[1] // step, level.shape[0] // step, cv2.INTER_AREA)
        scale *= step
    return total


@numba.njit(cache=True, fastmath=True)
def _add_hollows(total, blurred, height, weight):  # type: ignore[no-untyped-def]
    for y in range(total.shape[0]):
        for x in range(total.shape[1]):
            depth = (blurred[y, x] - height[y, x]) * weight
            # Proud edges get a little more sky than a flat slab; a bound keeps cliffs from going black.
            total[y, x] += min(max(depth, -0.05), 0.5)


@numba.njit(cache=True, fastmath=True)
def _sweep(height, light_first, shift, fall, growth):  # type: ignore[no-untyped-def]
    rows, columns = height.shape
    shadow = np.zeros((rows, columns), np.float32)
    ridge, following = np.empty(columns, np.float32), np.empty(columns, np.float32)
    steps, next_steps = np.zeros(columns, np.float32), np.zeros(columns, np.float32)
    for i in range(rows):
        y = i if light_first else rows - 1 - i
        if i == 0:
            for x in range(columns):
                ridge[x] = height[y, x]
            continue
        for x in range(columns):
            position = min(max(x + shift, 0.0), columns - 1.0)
            left = min(int(position), columns - 2)
            part = np.float32(position - left)
            top = ridge[left] * (1 - part) + ridge[left + 1] * part - np.float32(fall)
            depth = top - height[y, x]
            if depth > 0.0:
                taken = steps[left] * (1 - part) + steps[left + 1] * part + 1
                t = min(depth / (np.float32(LEAST_PENUMBRA_PX) + np.float32(growth) * taken), np.float32(1.0))
                shadow[y, x] = t * t * (3 - 2 * t)
                following[x] = top
                next_steps[x] = taken
            else:
                following[x] = height[y, x]
                next_steps[x] = 0
        ridge, following = following, ridge
        steps, next_steps = next_steps, steps
    return shadow


@numba.njit(cache=True, fastmath=True)
def _normals(height):  # type: ignore[no-untyped-def]
    """(3, H, W) unit normals: x right, y up, z to the viewer."""
    rows, columns = height.shape
    normals = np.empty((3, rows, columns), np.float32)
    for y in range(rows):
        above, below = max(y - 1, 0), min(y + 1, rows - 1)
        for x in range(columns):
            left, right = max(x - 1, 0), min(x + 1, columns - 1)
            slope_x = (height[y, right] - height[y, left]) / (right - left)
            slope_y = (height[below, x] - height[above, x]) / (below - above)
            scale = np.float32(1.0) / math.sqrt(np.float32(1.0) + slope_x * slope_x + slope_y * slope_y)
            normals[0, y, x], normals[1, y, x], normals[2, y, x] = -slope_x * scale, slope_y * scale, scale
    return normals


@numba.njit(cache=True, fastmath=True)
def _add_light(picture, openness, shadow, normals, light, share, open_share):  # type: ignore[no-untyped-def]
    """Add a light at infinity of which a flat slab gets ``share``, and to the openness where it is seen."""
    lx, ly, lz = light[0], light[1], light[2]
    for y in range(picture.shape[0]):
        for x in range(picture.shape[1]):
            seen = np.float32(1.0) - shadow[y, x]
            facing = normals[0, y, x] * lx + normals[1, y, x] * ly + normals[2, y, x] * lz
            picture[y, x] += max(facing, np.float32(0.0)) * seen * (share / lz)
            openness[y, x] += seen * open_share


@numba.njit(cache=True, fastmath=True)
def _add_lamp(picture, shadow, normals, light, distance, roughness):  # type: ignore[no-untyped-def]
    """The main light, which may be near; a flat slab gets 1."""
    rows, columns = picture.shape
    light_x, light_y, light_z = light[0], light[1], light[2]
    for y in range(rows):
        for x in range(columns):
            strength = 1.0
            if distance > 0.0:
                light_x = light[0] * distance - (x - 0.5 * columns)
                light_y = light[1] * distance + (y - 0.5 * rows)
                light_z = light[2] * distance
                squared = light_x * light_x + light_y * light_y + light_z * light_z
                inverse = 1.0 / math.sqrt(squared)
                light_x, light_y, light_z = light_x * inverse, light_y * inverse, light_z * inverse
                strength = min(distance * distance / squared, 4.0)
            facing = normals[0, y, x] * light_x + normals[1, y, x] * light_y + normals[2, y, x] * light_z
            facing = max(facing, 0.0)
            # A rough surface is flatter than Lambert's: toward its square root, as the full moon has no dark limb.
            facing = facing + roughness * 0.5 * (math.sqrt(facing * max(light_z, 0.05)) - facing)
            picture[y, x] = facing * strength * (1.0 - shadow[y, x]) / (light[2] + 0.05)


@numba.njit(cache=True, fastmath=True)
def _add_sheen(picture, shadow, normals, halfway, sheen, gloss):  # type: ignore[no-untyped-def]
    """The mirrored light of a worn or polished stone, after Blinn; ``halfway`` between the light and the viewer."""
    for y in range(picture.shape[0]):
        for x in range(picture.shape[1]):
            facing = normals[0, y, x] * halfway[0] + normals[1, y, x] * halfway[1] + normals[2, y, x] * halfway[2]
            if facing > np.float32(0.0):
                picture[y, x] += sheen * facing**gloss * (np.float32(1.0) - shadow[y, x])


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
        smooth = _patch(_field(stone, "cloud", shape, rng, 0.4, 2.0), rng.uniform(-0.8, 0.6), rng.uniform(0.3, 1.5))
        grain = _evenly_rough(shape, rng, stone, most * rng.uniform(1.0, 1.6))
        grain *= 1.0 - smooth * np.float32(rng.uniform(0.4, 1.0))
    else:
        grain = _evenly_rough(shape, rng, stone, most)
    if rng.random() < 0.3:  # fields of pits
        size = rng.uniform(1.5, 6.0)
        pits = _blur(_sample(_pick(stone.noise["speckle"], rng), shape, rng, zoom=size), 0.4 * size)
        pits = _patch(pits / pits.std(), rng.uniform(0.4, 1.6), rng.uniform(0.6, 1.2))
        pits *= _patch(_field(stone, "cloud", shape, rng, 0.4, 2.0), rng.uniform(-1.5, 0.8), rng.uniform(0.3, 1.0))
        grain -= pits * np.float32(size * most * rng.uniform(0.3, 1.5))
    if rng.random() < 0.2:
        grain -= _draw_cracks(shape, rng) * np.float32(rng.uniform(0.5, 3.0))
    return grain


def _mottles(shape: tuple[int, ...], rng: np.random.Generator, stone: Stone, least_zoom: float) -> FloatArray:
    """Grains and crusts a few pixels wide, all over but not everywhere as strong; deviation about 1."""
    fine = _field(stone, "speckle", shape, rng, least_zoom, 2.5)
    fine = fine + _field(stone, "rough", shape, rng, 0.4, 1.2) * np.float32(rng.uniform(0.3, 1.5))
    strong = _patch(_field(stone, "cloud", shape, rng, 0.4, 2.0), rng.uniform(-2.0, 0.0), rng.uniform(0.5, 2.0))
    return fine * (0.3 + np.float32(0.7) * strong) / np.float32(fine.std())


def _evenly_rough(shape: tuple[int, ...], rng: np.random.Generator, stone: Stone, most: float) -> FloatArray:
    """Fine relief in pixels, the same all over, whose parts have root mean square slopes up to ``most``."""
    grain = _sample(_pick(stone.reliefs, rng), shape, rng, zoom=rng.uniform(0.4, 1.6))
    _scale_slope(grain, most * float(rng.uniform(0.05, 1.0)) * float(rng.uniform(0.2, 1.0)))
    if rng.random() < 0.6:
        rough = _sample(_pick(stone.noise["rough"], rng), shape, rng, zoom=rng.uniform(0.6, 2.0))
        _scale_slope(rough, most * float(rng.uniform(0.1, 0.7)))
        grain += rough
    if rng.random() < 0.45:  # pits
        pits = _sample(_pick(stone.noise["rough"], rng), shape, rng, zoom=rng.uniform(0.5, 1.5))
        grain -= _patch(pits, rng.uniform(1.6, 2.4), 0.5) * np.float32(7.0 * most * rng.uniform(0.2, 1.0))
    if rng.random() < 0.12:  # tool marks: noise drawn out along one way
        marks = _sample(
            _pick(stone.noise["rough"], rng), shape, rng, zoom=rng.uniform(0.7, 1.2), stretch=rng.uniform(6, 20)
        )
        _scale_slope(marks, most * float(rng.uniform(0.15, 0.7)))
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
    return _blur(cracks, rng.uniform(0.4, 1.0))


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
    tone = _sample(_pick(stone.albedos, rng), shape, rng, zoom=rng.uniform(0.5, 2.0))
    tone *= np.float32(rng.uniform(0.03, 0.1 + 0.15 * strength))
    clouds = 0.1 if weathered else 0.4  # there blocks differ instead
    tone += _field(stone, "cloud", shape, rng, 0.5, 2.0) * np.float32(strength * rng.uniform(0.1, clouds))
    tone += _field(stone, "ragged", shape, rng, 0.4, 2.0) * np.float32(strength * rng.uniform(0.05, 0.35))

    block_bias: FloatArray | np.float32 = np.float32(0.0)
    if blocks is not None:
        numbers = np.asarray(blocks, np.int64)
        numbers = numbers - numbers.min()
        count = int(numbers.max()) + 1
        # Masons took what stone there was: blocks may differ more than anything on them.
        contrast = rng.uniform(0.15, 0.5) if rng.random() < 0.3 else 0.05 + 0.5 * strength * rng.random()
        tone += (rng.standard_normal(count) * contrast).astype(np.float32)[numbers]
        # Lichen and soot stop at a joint: each block has its own readiness to be stained.
        block_bias = (rng.standard_normal(count) * 0.7 * rng.random()).astype(np.float32)[numbers]

    grit = _field(stone, "speckle", shape, rng, 0.8, 2.2)
    if rng.random() < 0.15 + 0.75 * strength:  # soot and damp, soft or ragged
        for _ in range(int(rng.integers(1, 3))):
            field = _field(stone, "cloud" if rng.random() < clouds else "ragged", shape, rng, 0.4, 1.8)
            field += grit * np.float32(rng.uniform(0.0, 0.6)) + block_bias
            mask = _patch(field, rng.uniform(-0.2, 1.2), rng.uniform(0.3, 1.8))
            tone -= mask * np.float32(strength * rng.uniform(0.3, 1.4))
    if rng.random() < 0.1 + 0.6 * strength:  # streaks where water runs down
        kind = "rough" if rng.random() < 0.3 else "ragged"
        streaks = _field(stone, kind, shape, rng, 0.5, 1.5, stretch=rng.uniform(5.0, 25.0))
        where = _patch(_field(stone, "cloud", shape, rng, 0.7, 2.0) + block_bias, rng.uniform(-0.8, 0.6), 1.0)
        mask = _patch(streaks, rng.uniform(-0.2, 1.2), rng.uniform(0.4, 1.5)) * where
        sign = -1.0 if rng.random() < 0.75 else 0.7
        tone += mask * np.float32(sign * strength * rng.uniform(0.3, 1.3))
    albedo: FloatArray = np.exp(tone)
    if blocks is not None and rng.random() < FILLED_SHARE:
        _fill_joints(albedo, blocks, rng, stone)

    crumbs = _field(stone, "speckle", shape, rng, 0.8, 2.2)
    if rng.random() < 0.1 + 0.8 * strength:  # lichen, salt, lime: pale crusts with sharp ragged edges
        for _ in range(int(rng.integers(1, 3))):
            field = _field(stone, "ragged" if rng.random() < 0.6 else "rough", shape, rng, 0.3, 1.6)
            # A crust breaks up into grains, at its border first.
            field += crumbs * np.float32(rng.uniform(0.1, 0.9)) + block_bias
            cover = _patch(field, rng.uniform(0.3, 1.9), rng.uniform(0.2, 1.4))
            cover *= np.float32(rng.uniform(0.3, 0.95) * min(1.0, 0.3 + strength))
            _mix(albedo, cover, float(rng.uniform(1.2, 2.2)))
        albedo *= 1.0 + crumbs * np.float32(rng.uniform(0.0, 0.12))
    if rng.random() < 0.2 + 0.7 * strength:  # specks, in drifts
        for pale in (True, False):
            specks = _field(stone, "speckle", shape, rng, 0.7, 2.2)
            drift = _field(stone, "cloud", shape, rng, 0.5, 2.0) + block_bias
            specks += drift * np.float32(0.7)
            cover = _patch(specks, rng.uniform(1.4, 2.8), 0.8) * np.float32(strength * rng.uniform(0.3, 0.9))
            _mix(albedo, cover, float(rng.uniform(1.5, 2.8)) if pale else float(rng.uniform(0.1, 0.5)))
    if rng.random() < 0.06:  # remains of paint
        cover = _patch(_field(stone, "ragged", shape, rng, 0.6, 1.6), rng.uniform(0.3, 1.2), 0.1)
        _mix(albedo, cover * np.float32(rng.uniform(0.4, 0.9)), float(rng.uniform(0.3, 1.8)))
    if rng.random() < 0.12:  # dust in hollows, worn bright tops, here and there
        hollow = np.clip(occlusion(_blur(height, 1.2)), -0.1, 0.8)
        hollow *= _patch(_field(stone, "cloud", shape, rng, 0.5, 2.0), rng.uniform(-1.0, 0.5), 1.0)
        albedo *= np.exp(hollow * np.float32(rng.uniform(-0.8, 0.5)))
    return albedo


def _odd_blocks(blocks: IntArray, rng: np.random.Generator) -> FloatArray:
    """Factors of the albedo, 1 but for a few blocks: damp, sooty or new ones are dark, cleaned ones pale."""
    numbers = np.asarray(blocks, np.int64)
    numbers = numbers - numbers.min()
    count = int(numbers.max()) + 1
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
    albedo = _power(albedo, float(np.clip(wanted / max(_contrast(albedo), 1e-3), 0.2, 4.0)))
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
            albedo = _power(albedo, float(np.clip(wanted / max(_contrast(albedo), 1e-3), 1.0, 4.0)))
    return _calmed(albedo, shades * math.exp(rng.uniform(*np.log(STAINS))))


def _contrast(image: FloatArray) -> float:
    """How much the forms of a carving's size differ on the mean, logarithms compared, from every other pixel."""
    tone = np.log(np.maximum(image[::2, ::2], np.float32(0.02)))
    return float(np.abs(tone - _blur(tone, max(tone.shape) / 32)).mean())


def _calmed(albedo: FloatArray, most: float) -> FloatArray:
    """Albedo whose forms of a carving's size differ by no more than ``most`` on the mean, logarithms compared."""
    tone = np.log(np.maximum(albedo, np.float32(0.02)))
    contrast = float(np.abs(tone - _blur(tone, max(albedo.shape) / 32)).mean())
    return cast(FloatArray, np.exp(tone * np.float32(min(1.0, most / max(contrast, 1e-6)))))


def _fill_joints(albedo: FloatArray, blocks: IntArray, rng: np.random.Generator, stone: Stone) -> None:
    """Soot, or lime, in the joints here and there: lines that say nothing of how deep a joint is."""
    apart = np.ones(blocks.shape, np.uint8)
    apart[:, 1:][blocks[:, 1:] != blocks[:, :-1]] = 0
    apart[1:][blocks[1:] != blocks[:-1]] = 0
    if apart.all():
        return
    # Wider where an arris is chipped, and where moss and lime have crept out.
    ragged = _field(stone, "ragged" if rng.random() < 0.5 else "rough", blocks.shape, rng, 0.2, 1.2)
    width = np.exp(ragged * np.float32(rng.uniform(0.0, 0.6))) * np.float32(rng.uniform(0.5, 2.4))
    width = np.minimum(width, np.float32(WIDEST_JOINT_PX))
    away = cast(FloatArray, cv2.distanceTransform(apart, cv2.DIST_L2, 3)) / width
    cover = np.exp(np.float32(-0.5) * away * away)
    cover *= _patch(_field(stone, "cloud", blocks.shape, rng, 0.4, 2.0), rng.uniform(-1.5, 0.5), 1.0)
    dark = rng.random() < 0.8
    _mix(
        albedo,
        cover * np.float32(rng.uniform(0.5, 1.0)),
        float(rng.uniform(0.03, 0.4) if dark else rng.uniform(1.2, 2.0)),
    )


# --- Camera and age ---


def _expose(picture: FloatArray, rng: np.random.Generator, crisp: bool) -> FloatArray:
    """From linear light to a display-referred picture; a crisp one has all tones from black to white, and is sharp."""
    mean = float(picture.mean()) + 1e-6
    picture = picture * np.float32(rng.uniform(0.1, 0.42) / mean)
    # A shoulder instead of hard clipping: film and phones roll highlights off.
    shoulder = np.float32(rng.uniform(1.0, 3.0))
    picture = picture * (1.0 + picture / (shoulder * shoulder)) / (1.0 + picture / shoulder * np.float32(0.7))
    picture = np.clip(picture, 0.0, 1.0)
    picture = _power(picture, 1.0 / rng.uniform(1.9, 2.4))
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
    picture = _blur(picture, rng.uniform(0.35, 0.8))  # no lens draws a staircase
    noise = rng.standard_normal(picture.shape, dtype=np.float32)
    picture = picture + noise * np.float32(rng.uniform(0.001, 0.012))
    if rng.random() < (0.7 if crisp else 0.35):  # phones sharpen
        picture = _sharpened(picture, rng.uniform(0.6, 1.5), rng.uniform(0.3, 1.5))
    return cast(FloatArray, np.clip(picture, 0.0, 1.0, dtype=np.float32))


def _age(picture: FloatArray, rng: np.random.Generator, stone: Stone) -> FloatArray:
    rows, columns = picture.shape
    if rng.random() < 0.3:  # local contrast, as in "HDR" pictures
        sigma = rng.uniform(6.0, 30.0)
        small = _resize(picture, columns // 4, rows // 4, cv2.INTER_AREA)
        local = _resize(_blur(small, sigma / 4.0), columns, rows, cv2.INTER_LINEAR)
        picture = local + (picture - local) * np.float32(rng.uniform(1.3, 2.4))
        picture += (np.float32(0.5) - local) * np.float32(rng.uniform(0.0, 0.6))
    if rng.random() < 0.25:
        picture = _resample(picture, rng.uniform(0.4, 0.85))
    kind = rng.random()
    if kind < 0.3:
        picture = _blur(picture, rng.uniform(0.4, 1.5))
    elif kind < 0.36:
        picture = cast(FloatArray, cv2.filter2D(picture, -1, _motion_kernel(rng), borderType=cv2.BORDER_REFLECT))
    if rng.random() < 0.5:
        picture = _tone_curve(picture, rng)
    if rng.random() < 0.3:  # vignette, uneven print
        y, x = np.ogrid[-1.0 : 1.0 : rows * 1j, -1.0 : 1.0 : columns * 1j]
        centre_x, centre_y = rng.uniform(-0.4, 0.4, 2)
        fall = ((x - centre_x) ** 2 + (y - centre_y) ** 2).astype(np.float32)
        picture = picture * (1.0 - np.float32(rng.uniform(0.05, 0.3)) * fall)
    if rng.random() < 0.4:  # grain of film, correlated over its size
        noise = rng.standard_normal((rows, columns), dtype=np.float32)
        size = rng.uniform(0.0, 1.2)
        if size > 0.4:
            noise = _blur(noise, size) * np.float32(2.0 * size + 0.5)
        # Bounded by what there is to see: a photograph lost in its grain teaches nothing.
        most = min(0.07, 0.01 + 0.4 * float(picture[::4, ::4].std()))
        picture = picture + noise * np.float32(rng.uniform(0.01, most))
    if rng.random() < 0.08:
        _scratch(picture, rng, stone)
    if rng.random() < 0.03:
        picture = _halftone(picture, rng)
    if rng.random() < 0.15:  # scanners sharpen
        picture = _sharpened(picture, rng.uniform(0.8, 2.0), rng.uniform(0.4, 1.5))
    if rng.random() < 0.7:
        coded = np.clip(picture * 255.0 + 0.5, 0.0, 255.0).astype(np.uint8)
        _, data = cv2.imencode(".jpg", coded, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(30, 96))])
        decoded = cv2.imdecode(data, cv2.IMREAD_GRAYSCALE)
        picture = cast(FloatArray, decoded).astype(np.float32) * np.float32(1.0 / 255.0)
    return cast(FloatArray, np.clip(picture, 0.0, 1.0, dtype=np.float32))


def _sharpened(picture: FloatArray, sigma_px: float, amount: float) -> FloatArray:
    return picture + (picture - _blur(picture, sigma_px)) * np.float32(amount)


def _resample(picture: FloatArray, share: float) -> FloatArray:
    rows, columns = picture.shape
    small = _resize(picture, int(columns * share), int(rows * share), cv2.INTER_AREA)
    return _resize(small, columns, rows, cv2.INTER_CUBIC)


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
        picture = _power(picture, rng.uniform(0.65, 1.5))
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
        field = _field(stone, "ragged", picture.shape, rng, 0.5, 1.5)
        cover = np.maximum(cover, (np.abs(field) < 0.02).astype(np.float32) * np.float32(0.7))
    tone = 1.0 if rng.random() < 0.7 else 0.0
    _mix(picture, cover * np.float32(rng.uniform(0.3, 0.9)), tone)


def _halftone(picture: FloatArray, rng: np.random.Generator) -> FloatArray:
    rows, columns = picture.shape
    angle, pitch = rng.uniform(0.0, math.pi), rng.uniform(2.2, 4.5)
    y, x = np.mgrid[0:rows, 0:columns].astype(np.float32)
    turn = np.float32(2.0 * math.pi / pitch)
    cosine, sine = np.float32(math.cos(angle)), np.float32(math.sin(angle))
    screen = np.cos((x * cosine + y * sine) * turn) + np.cos((y * cosine - x * sine) * turn)
    dots = np.clip((picture - 0.5 + 0.25 * screen) * np.float32(rng.uniform(1.5, 4.0)) + 0.5, 0.0, 1.0)
    printed = _blur(dots.astype(np.float32), rng.uniform(0.5, 1.0))
    return cast(FloatArray, picture + (printed - picture) * np.float32(rng.uniform(0.2, 0.7)))


# --- Filters, with their types told ---


def _blur(image: FloatArray, sigma_px: float) -> FloatArray:
    return cast(FloatArray, cv2.GaussianBlur(image, (0, 0), sigma_px))


def _resize(image: FloatArray, columns: int, rows: int, interpolation: int) -> FloatArray:
    return cast(FloatArray, cv2.resize(image, (columns, rows), interpolation=interpolation))


def _power(image: FloatArray, exponent: float) -> FloatArray:
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
    fine = (around - _blur(around, FINE_PX))[margin:-margin, margin:-margin].astype(np.float64)
    return _standardised(np.clip(fine, -2.5 * fine.std(), 2.5 * fine.std()))


def _standardised(values: npt.NDArray[np.float64]) -> FloatArray:
    return cast(FloatArray, ((values - values.mean()) / values.std()).astype(np.float32))


def _pick(tiles: tuple[FloatArray, ...], rng: np.random.Generator) -> FloatArray:
    return tiles[int(rng.integers(len(tiles)))]


def _sample(
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


def _field(
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
    tile = _pick(stone.noise[kind], rng)
    if kind == "cloud":  # smooth: half the size will do, at a quarter of the cost
        half = _sample(tile, ((shape[0] + 1) // 2, (shape[1] + 1) // 2), rng, 0.5 * zoom, stretch, stretch != 1.0)
        return _resize(half, shape[1], shape[0], cv2.INTER_LINEAR)
    return _sample(tile, shape, rng, zoom, stretch, upright=stretch != 1.0)


@numba.njit(cache=True, fastmath=True)
def _patch_kernel(field, threshold, width):  # type: ignore[no-untyped-def]
    cover = np.empty_like(field)
    for y in range(field.shape[0]):
        for x in range(field.shape[1]):
            t = min(max((field[y, x] - threshold) / width, 0.0), 1.0)
            cover[y, x] = t * t * (3.0 - 2.0 * t)
    return cover


def _patch(field: FloatArray, threshold: float, width: float) -> FloatArray:
    """Smooth step: 0 below the threshold, 1 above threshold + width."""
    return cast(FloatArray, _patch_kernel(field, np.float32(threshold), np.float32(width)))


@numba.njit(cache=True, fastmath=True)
def _mix_kernel(values, cover, tone):  # type: ignore[no-untyped-def]
    for y in range(values.shape[0]):
        for x in range(values.shape[1]):
            values[y, x] += (tone - values[y, x]) * cover[y, x]


def _mix(values: FloatArray, cover: FloatArray, tone: float) -> None:
    """Paint one tone over the values, in place, as thick as the cover says."""
    _mix_kernel(values, cover, np.float32(tone))


def _scale_slope(relief: FloatArray, slope: float) -> None:
    """Scale a relief, in place, so that its slopes have this root mean square, both ways together, every other row."""
    rows = relief[: relief.shape[0] // 2 * 2]
    right, down = np.diff(rows[::2], axis=1).ravel(), (rows[1::2] - rows[::2]).ravel()
    found = math.sqrt(float(right @ right) / right.size + float(down @ down) / down.size)
    relief *= np.float32(slope / (found + 1e-6))
