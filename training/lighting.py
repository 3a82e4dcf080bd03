"""Light: how it falls on a height map, and how it is drawn for a photograph.

Convention:
    Images are (H, W), row 0 at the top. Height is in pixels, toward the viewer. Slopes are dh/dx and dh/dy with y down.
    Light vectors point toward the light: x right, y UP, z to the viewer.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numba
import numpy as np

from inference.prediction import FloatArray

from .textures import blur, resize

SHALLOW_SLOPE = 0.09
SKY_LIGHTS = 12
SKY_SPREAD = 0.5
SECOND_SPREAD = 0.2
GALLERY_SHARE = 0.5
"""Of the overcast skies are seen over a wall alone, as from the galleries of temples: soft light from above, with dark
undersides. Else the light of overcast photographs is 65 degrees high in the middle, almost from the front."""
LEAST_PENUMBRA_PX = 0.3


@dataclass(frozen=True)
class Lighting:
    """One photograph's light.

    Attributes:
        light: (3,) unit vector toward the main light.
        spread: width of the main light, as the tangent of the angle that it fills: what a shadow's edge grows by.
        sky: share of the flat slab's light that comes from the sky, 0 to 1.
        sky_top: 0 the sky is as bright below as above (a room), 1 it fades out downward (a wall outdoors), -1 upward;
            the further beyond, the narrower what is seen of it, as over the wall across a gallery.
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
        azimuth = rng.uniform(25.0, 155.0) if rng.random() < 0.5 else rng.uniform(0.0, 360.0)
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
    sky_top = rng.uniform(0.0, 1.0)
    if kind < 0.25 and rng.random() < GALLERY_SHARE:
        sky_top = rng.uniform(1.5, 5.0)
    if light[1] < 0.0:  # a lamp in a room, or a photograph that was turned round
        sky_top *= rng.choice((0.0, -1.0, 1.0), p=(0.4, 0.4, 0.2))
    return Lighting(
        light=light,
        spread=spread,
        sky=sky,
        sky_top=sky_top,
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
    brightness = sky_brightness(directions, lighting.sky_top)
    lights = np.vstack((lighting.light, lighting.second, directions))
    direct = 1.0 - lighting.sky
    shares = np.concatenate(
        ([direct * (1.0 - lighting.second_share), direct * lighting.second_share], lighting.sky * brightness)
    )
    # A flat slab gets the same from each, so what counts is how fast a slope gains or loses: the tangent.
    mean = np.append(shares @ (lights[:, :2] / lights[:, 2:]), 1.0)
    return np.asarray(mean / np.linalg.norm(mean), np.float32)


def shade(height: FloatArray, lighting: Lighting) -> FloatArray:
    """Light on a height map, linear; 1 is a flat open slab (at the picture's centre, where the light is near).

    Every light casts its shadow, the sky as SKY_LIGHTS wide lights: darkness that merely follows the depth of hollows
    told the network the height, and what it learnt from that was worth nothing on any other picture.
    """
    normals = _normals(height)
    sky, openness = np.zeros_like(height), np.zeros_like(height)
    directions = sky_directions(float(lighting.light[0]))
    brightness = sky_brightness(directions, lighting.sky_top)
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
    near = blur(resize(picture, max(columns // 4, 1), max(rows // 4, 1), cv2.INTER_AREA), 1.5)
    near = resize(near, columns, rows, cv2.INTER_LINEAR)
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


def sky_brightness(directions: FloatArray, sky_top: float) -> FloatArray:
    """The share of the sky's light from each of its (N, 3) directions, (N,); see `Lighting.sky_top`."""
    brightness = np.maximum(1.0 + sky_top * directions[:, 1], 0.0)
    return np.asarray(brightness / brightness.sum(), np.float32)


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
        blurred = blur(level, 1.6)
        if level.shape != height.shape:
            blurred = resize(blurred, height.shape[1], height.shape[0], cv2.INTER_LINEAR)
        _add_hollows(total, blurred, height, weight / (1.6 * scale))
        if min(level.shape) < 16:
            break
        step = 2 if scale == 1.0 else 3
        level = resize(level, level.shape[1] // step, level.shape[0] // step, cv2.INTER_AREA)
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
