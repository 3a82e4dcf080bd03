"""Shapes made by rule: plants, elephants, architecture, things, jewellery, and ornament textures.

Convention:
    Every map is drawn on a canvas (rows, columns) float32, x right, y down; the value is the height toward the
    viewer in pixels, and EMPTY where nothing is. Drawing takes the higher of old and new.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt
from numba import njit

Canvas = npt.NDArray[np.float32]
Points = npt.NDArray[np.float64]
Rng = np.random.Generator

EMPTY = -1.0e6
ORNAMENTS = ("waves", "scales", "beads", "braid", "rosettes", "hatch", "chevron", "bricks", "fringe", "curls")


def new_canvas(rows: int, columns: int) -> Canvas:
    """An empty canvas."""
    return np.full((rows, columns), EMPTY, np.float32)


@njit(cache=True)
def draw_spheres(canvas: Canvas, centres: Points, radii: Points, flatness: float) -> None:
    """Draws the front halves of spheres; centres (N, 3) and radii (N,) in pixels, depth scaled by flatness."""
    rows, columns = canvas.shape
    for i in range(centres.shape[0]):
        x, y, z = centres[i, 0], centres[i, 1], centres[i, 2]
        r = max(radii[i], 0.7)
        for v in range(max(0, int(math.ceil(y - r))), min(rows - 1, int(y + r)) + 1):
            for u in range(max(0, int(math.ceil(x - r))), min(columns - 1, int(x + r)) + 1):
                d = r * r - (u - x) * (u - x) - (v - y) * (v - y)
                if d > 0.0:
                    h = z + flatness * math.sqrt(d)
                    if h > canvas[v, u]:
                        canvas[v, u] = h


@njit(cache=True)
def _merge(canvas: Canvas, layer: Canvas, blend: float) -> None:
    for v in range(canvas.shape[0]):
        for u in range(canvas.shape[1]):
            a, b = canvas[v, u], layer[v, u]
            if b <= -1.0e5:
                continue
            if a <= -1.0e5 or blend <= 0.0:
                canvas[v, u] = max(a, b)
            else:
                t = max(blend - abs(a - b), 0.0)
                canvas[v, u] = max(a, b) + t * t / (4.0 * blend)


@njit(cache=True)
def draw_leaf(
    canvas: Canvas,
    x: float,
    y: float,
    length: float,
    width: float,
    angle: float,
    base: float,
    rise: float,
    thickness: float,
    veins: float,
) -> None:
    """Draws one pointed leaf from (x, y) toward angle (y down), height base at its root and base + rise at its tip."""
    rows, columns = canvas.shape
    c, s = math.cos(angle), math.sin(angle)
    reach = length + width
    for v in range(max(0, int(y - reach)), min(rows - 1, int(y + reach)) + 1):
        for u in range(max(0, int(x - reach)), min(columns - 1, int(x + reach)) + 1):
            a = ((u - x) * c + (v - y) * s) / length
            if a <= 0.0 or a >= 1.0:
                continue
            half = 0.5 * width * math.sin(math.pi * a**0.75) ** 0.8
            b = (-(u - x) * s + (v - y) * c) / max(half, 1e-6)
            if b <= -1.0 or b >= 1.0:
                continue
            h = base + rise * a * a + thickness * math.sqrt(1.0 - b * b)
            h -= 0.5 * thickness * math.exp(-((b / 0.18) ** 2)) * (1.0 - a)
            if veins > 0.0:
                h += 0.15 * thickness * math.sin(veins * (a - 0.35 * abs(b)))
            if h > canvas[v, u]:
                canvas[v, u] = h


def densify(points: Points, radii: Points, closed: bool = False, step: float = 0.35) -> tuple[Points, Points]:
    """Fills a polyline of spheres until neighbours are nearer than step radii."""
    p = np.asarray(points, np.float64)
    r = np.broadcast_to(np.asarray(radii, np.float64), (len(p),))
    if closed:
        p, r = np.vstack([p, p[:1]]), np.append(r, r[0])
    lengths = np.linalg.norm(np.diff(p, axis=0), axis=1)
    along = np.concatenate([[0.0], np.cumsum(lengths)])
    count = int(np.clip(along[-1] / max(step * float(r.mean()), 1e-6), 2, 4000))
    t = np.linspace(0.0, along[-1], count)
    return np.stack([np.interp(t, along, p[:, i]) for i in range(3)], 1), np.interp(t, along, r)


def tube(
    canvas: Canvas, points: npt.ArrayLike, radii: npt.ArrayLike, blend: float = 0.0, flatness: float = 1.0
) -> None:
    """Draws a tube through points (N, 3) with radii (N,) or one radius, joined smoothly where blend (pixels) > 0."""
    p, r = densify(np.asarray(points, np.float64), np.asarray(radii, np.float64), step=0.15)
    if blend <= 0.0:
        draw_spheres(canvas, p, r, flatness)
        return
    layer = new_canvas(*canvas.shape)
    draw_spheres(layer, p, r, flatness)
    _merge(canvas, layer, blend)


def slab(canvas: Canvas, polygon: npt.ArrayLike, base: float, thickness: float, bevel: float = 2.0) -> None:
    """Draws a flat piece with the outline polygon (N, 2), its rim rounded over bevel pixels."""
    mask = np.zeros(canvas.shape, np.uint8)
    cv2.fillPoly(mask, [np.round(np.asarray(polygon)).astype(np.int32)], 1)
    _raise_mask(canvas, mask, base, thickness, bevel)


def _raise_mask(canvas: Canvas, mask: npt.NDArray[np.uint8], base: float, thickness: float, bevel: float) -> None:
    inside = cv2.distanceTransform(mask, cv2.DIST_L2, 3)
    t = np.clip(inside / max(bevel, 0.5), 0.0, 1.0)
    height = base + thickness * np.sqrt(1.0 - (1.0 - t) ** 2)
    np.copyto(canvas, np.where(mask > 0, np.maximum(canvas, height), canvas).astype(np.float32))


def box(canvas: Canvas, x0: float, y0: float, x1: float, y1: float, base: float, thickness: float) -> None:
    """Draws an upright rectangle with slightly rounded rims."""
    slab(canvas, [(x0, y0), (x1, y0), (x1, y1), (x0, y1)], base, thickness, bevel=max(1.5, 0.15 * thickness))


# ---- ornament textures -------------------------------------------------------------------------------------------


def ornament(kind: str, rows: int, columns: int, scale_px: float, rng: Rng) -> Canvas:
    """A carved pattern for ground or garments.

    Args:
        kind: one of ORNAMENTS.
        rows: height of the result in pixels.
        columns: width of the result in pixels.
        scale_px: distance between repeats in pixels.
        rng: chooses phase and proportions.

    Returns:
        (rows, columns) float32, 0 (groove) to 1 (ridge).
    """
    y, x = np.mgrid[0:rows, 0:columns].astype(np.float32)
    x = (x + rng.uniform(0, 99)) / scale_px
    y = (y + rng.uniform(0, 99)) / scale_px
    x = x + 0.08 * np.sin(0.5 * y + rng.uniform(0, 6))  # hand-carved: never quite straight
    y = y + 0.08 * np.sin(0.4 * x + rng.uniform(0, 6))
    two_pi = np.float32(2 * np.pi)
    if kind == "waves":
        wave = rng.uniform(0.15, 0.5) * np.sin(two_pi * x / rng.uniform(1.5, 4.0))
        value = 0.5 + 0.5 * np.cos(two_pi * (y + wave))
    elif kind == "scales":
        value = np.zeros_like(x)
        for shift in (1, 0):  # the row below is overlapped by the row above
            row = np.floor(y) - shift
            u = (x + 0.5 * (row % 2)) % 1.0 - 0.5
            v = y - row
            d = np.sqrt((2 * u) ** 2 + (v / 1.45) ** 2)
            value = np.where(d < 1.0, 0.3 + 0.7 * v / 1.45 * np.sqrt(np.clip(1.15 - d, 0, 1)), value)
    elif kind in ("beads", "curls"):
        row = np.floor(y)
        u = (x + 0.5 * (row % 2 if kind == "curls" else 0)) % 1.0 - 0.5
        v = y - row - 0.5
        r = np.sqrt(u * u + v * v) * 2.1
        value = np.sqrt(np.clip(1 - r * r, 0, 1))
        if kind == "curls":
            value = value * (0.75 + 0.25 * np.sin(6.0 * r + np.arctan2(v, u)))
    elif kind == "braid":
        u = x % 2.0 - 1.0
        strand = np.abs(((y + np.abs(u) * 0.8) % 1.0) - 0.5) * 2
        value = np.sqrt(np.clip(1 - strand**2, 0, 1)) * np.sqrt(np.clip(1 - u * u, 0, 1))
    elif kind == "rosettes":
        u, v = x % 2.0 - 1.0, y % 2.0 - 1.0
        r = np.sqrt(u * u + v * v) * 1.1
        petals = int(rng.integers(5, 13))
        lobe = np.abs(np.cos(0.5 * petals * np.arctan2(v, u)))
        value = np.where(
            r < 0.25, np.sqrt(np.clip(1 - (r / 0.27) ** 2, 0, 1)), lobe**0.5 * (r < 0.6 + 0.35 * lobe) * 0.8
        )
    elif kind == "hatch":
        value = 0.5 + 0.5 * np.cos(two_pi * (x * rng.choice([-1.0, 1.0]) + y * rng.uniform(0.4, 1.6)))
    elif kind == "chevron":
        value = 0.5 + 0.5 * np.cos(two_pi * (y + 2 * np.abs(x / 2 % 1.0 - 0.5)))
    elif kind == "bricks":
        row = np.floor(y)
        u = np.abs((x / 2 + 0.5 * (row % 2)) % 1.0 - 0.5) * 2
        v = np.abs(y - row - 0.5) * 2
        value = np.clip((1 - u) * 16, 0, 1) * np.clip((1 - v) * 8, 0, 1)
    elif kind == "fringe":
        value = np.abs(np.cos(np.pi * x)) ** 0.7 * (0.4 + 0.6 * ((y % 3.0) > 0.4))
    else:
        raise ValueError(f"ornament must be one of {', '.join(ORNAMENTS)}, not {kind!r}")
    return np.asarray(np.clip(value, 0.0, 1.0), np.float32)


# ---- plants ------------------------------------------------------------------------------------------------------


def rosette(canvas: Canvas, x: float, y: float, radius: float, base: float, rng: Rng, layers: int = 3) -> None:
    """A tuft of leaves in layers, outer ones lower, as Borobudur's trees carry them."""
    count = int(rng.integers(5, 12))
    veins = float(rng.choice([0.0, rng.uniform(20, 45)]))
    slender = rng.uniform(0.3, 0.75)
    droop = rng.uniform(-0.3, 0.3)
    for layer in range(layers):
        t = 1.0 - layer / layers * 0.75
        start = rng.uniform(0, 6.3)
        for k in range(count):
            angle = start + 2 * np.pi * k / count + rng.normal(0, 0.12)
            length = radius * t * rng.uniform(0.85, 1.1)
            height = base + layer * 0.16 * radius
            draw_leaf(canvas, x, y, length, length * slender, angle, height, droop * length, 0.14 * radius * t, veins)
    draw_spheres(canvas, np.array([[x, y, base + layers * 0.14 * radius]]), np.array([0.13 * radius]), 0.8)


def tree(canvas: Canvas, rng: Rng) -> bool:
    """A trunk with layered rosettes of leaves."""
    rows, columns = canvas.shape
    cx, foot = columns * rng.uniform(0.42, 0.58), rows - 2.0
    split = rows * rng.uniform(0.45, 0.75)
    width = columns * rng.uniform(0.025, 0.06)
    lean = columns * rng.normal(0, 0.04)
    bend = [(cx, foot, 0), (cx + lean, (foot + split) / 2, 0), (cx, split, 0)]
    tube(canvas, bend, [1.5 * width, width, width], flatness=0.8)
    for _ in range(int(rng.integers(0, 4))):
        tube(canvas, [(cx, foot - width, 0), (cx + rng.normal(0, 3) * width, foot, 0)], [width, 0.5 * width])
    crown = rng.uniform(0.3, 0.47) * columns
    tall = split - 3
    spots: list[tuple[float, float]] = []
    radius = crown * rng.uniform(0.22, 0.5)
    for _ in range(200):
        a, d = rng.uniform(0, 2 * np.pi), np.sqrt(rng.uniform(0, 1))
        x = cx + d * np.cos(a) * (crown - 0.6 * radius)
        y = split - tall / 2 + d * np.sin(a) * (tall / 2 - 0.7 * radius)
        if all((x - u) ** 2 + (y - v) ** 2 > (0.9 * radius) ** 2 for u, v in spots):
            spots.append((x, y))
    top = split - tall / 2
    for x, y in sorted(spots, key=lambda s: -((s[0] - cx) ** 2 + (s[1] - top) ** 2)):
        tube(canvas, [(cx, split, 0), ((cx + x) / 2, (split + y) / 2, 0), (x, y, 0)], [0.7 * width, 0.3 * width, 2])
        near = 1 - np.hypot((x - cx) / crown, (y - top) / tall)
        rosette(canvas, x, y, radius * rng.uniform(0.9, 1.2), crown * 0.4 * near, rng, int(rng.integers(2, 5)))
    return True


def palm(canvas: Canvas, rng: Rng) -> bool:
    """A ringed trunk and a fan of fronds; sometimes with fruit."""
    rows, columns = canvas.shape
    cx, top = columns / 2, rows * rng.uniform(0.3, 0.42)
    lean = columns * rng.normal(0, 0.1)
    width = columns * rng.uniform(0.03, 0.06)
    s = np.linspace(0, 1, 40)
    centres = np.stack([cx + lean * (s - s * s), rows - 2 + (top - rows + 2) * s, 0 * s], 1)
    tube(canvas, centres, width * (1.25 - 0.4 * s) * (1 + 0.12 * np.sin(s * rng.uniform(60, 120))))
    fronds = int(rng.integers(7, 14))
    reach = 0.48 * columns
    for k in range(fronds):
        a = -np.pi / 2 + (k / (fronds - 1) - 0.5) * rng.uniform(3.6, 4.4)
        t = np.linspace(0.05, 1, int(rng.integers(9, 16)))
        x = cx + np.cos(a) * reach * t
        y = top + np.sin(a) * reach * 0.8 * t + 0.45 * reach * t**2
        y = np.maximum(y, 3)
        for i in range(len(t)):
            heading = a + 1.0 * t[i] * np.sign(np.cos(a)) * 0.8
            for side in (-0.9, 0.9):
                leaf = reach * 0.3 * np.sin(np.pi * (0.15 + 0.8 * t[i])) + 4
                draw_leaf(canvas, x[i], y[i], leaf, leaf * 0.3, heading + side, 4.0 + k % 3 * 3, 0, 0.08 * leaf, 0)
        tube(canvas, np.stack([x, y, 0 * x + 4 + k % 3 * 3], 1), 0.03 * reach)
    for _ in range(int(rng.integers(0, 7))):
        spot = np.array([[cx + rng.normal(0, 1.4) * width, top + rng.uniform(0, 3) * width, width]])
        draw_spheres(canvas, spot, np.array([width * 0.9]), 1.0)
    return True


def bush(canvas: Canvas, rng: Rng) -> bool:
    """A low clump of leaves."""
    rows, columns = canvas.shape
    count = int(rng.integers(12, 45))
    slender = rng.uniform(0.25, 0.6)
    for k in range(count):
        x = columns * (0.5 + rng.uniform(-0.2, 0.2))
        angle = -np.pi / 2 + rng.normal(0, 0.65)
        length = min(rows, columns) * rng.uniform(0.4, 0.8) * (1 - 0.4 * k / count)
        draw_leaf(canvas, x, rows - 2, length, length * slender, angle, k * 1.2, 0.1 * length, 0.07 * length, 0)
    return True


def scroll(canvas: Canvas, rng: Rng) -> bool:
    """Scrolling foliage: a wavy stem with spirals and leaves on alternate sides."""
    rows, columns = canvas.shape
    turns = int(rng.integers(1, 4))
    s = np.linspace(0, 1, 160)
    amplitude = rows * 0.16
    x, y = columns * (0.04 + 0.92 * s), rows / 2 + amplitude * np.sin(2 * np.pi * turns * s)
    thick = rows * rng.uniform(0.02, 0.035)
    tube(canvas, np.stack([x, y, 0 * x], 1), thick)
    for k in range(2 * turns):
        centre = (k + 0.5) / (2 * turns)
        side = 1 if k % 2 else -1
        cx, cy = columns * (0.04 + 0.92 * centre), rows / 2 + side * rows * 0.08
        t = np.linspace(0, 1, 90)
        r = min(rows * 0.27, columns * 0.4 / turns) * (1 - 0.85 * t)
        a = side * (np.pi / 2 + t * rng.uniform(7, 11))
        tube(canvas, np.stack([cx + r * np.cos(a), cy + r * np.sin(a), 4 * t], 1), thick * (1 - 0.5 * t))
        for i in range(4, 70, int(rng.integers(6, 10))):
            leaf = r[i] * rng.uniform(0.5, 0.7)
            px, py = cx + r[i] * np.cos(a[i]), cy + r[i] * np.sin(a[i])
            draw_leaf(canvas, px, py, leaf, leaf * 0.6, a[i] + rng.normal(0.5, 0.3), 3.0, 0, 0.2 * leaf, 0)
        rosette(canvas, cx, cy, rows * 0.1, 4, rng, 2)
    return False


def lotus(canvas: Canvas, rng: Rng) -> bool:
    """A lotus flower, seen from the side on a stalk or from above."""
    rows, columns = canvas.shape
    cx, size = columns / 2, 0.46 * columns
    if rng.random() < 0.4:
        rosette(canvas, cx, rows / 2, min(rows, columns) * 0.48, 2, rng, int(rng.integers(2, 5)))
        return False
    cy = min(rows * 0.5, 1.1 * size)
    s = np.linspace(0, 1, 30)
    bend = columns * rng.normal(0, 0.1)
    tube(canvas, np.stack([cx + bend * np.sin(np.pi * s), cy + (rows - 3 - cy) * s, 0 * s], 1), 0.035 * columns)
    petals = int(rng.integers(7, 12))
    for layer in range(3):
        for k in range(petals):
            a = -np.pi / 2 + (k / (petals - 1) - 0.5) * (2.9 - 0.7 * layer)
            length = size * (1 - 0.12 * layer)
            draw_leaf(canvas, cx, cy, length, 0.4 * length, a, 6 * layer + 3, 0.1 * length, 0.13 * length, 0)
    for side in (-1, 1):
        if rng.random() < 0.5:
            leaf = 0.5 * columns * rng.uniform(0.6, 0.9)
            draw_leaf(
                canvas, cx, (cy + rows) / 2, leaf, 0.5 * leaf, side * 0.7 - np.pi / 2 + side * 0.5, 2, 0, 0.1 * leaf, 25
            )
    return bool(rng.random() < 0.7)


# ---- animals -----------------------------------------------------------------------------------------------------


def _turned(points: list[tuple[float, float, float]], yaw: float, unit: float, cx: float, foot: float) -> Points:
    """Model (length x to the right, height y up, side z) turned by yaw, in canvas pixels."""
    p = np.asarray(points, np.float64)
    c, s = np.cos(yaw), np.sin(yaw)
    return np.stack(
        [cx + unit * (c * p[:, 0] + s * p[:, 2]), foot - unit * p[:, 1], unit * (c * p[:, 2] - s * p[:, 0])], 1
    )


def elephant(canvas: Canvas, rng: Rng) -> bool:
    """An elephant of tubes, walking or standing, with tusks, cloth and bells at random."""
    rows, columns = canvas.shape
    yaw = float(rng.choice([0.0, rng.uniform(-0.9, 0.9)], p=[0.4, 0.6]))
    unit = 0.40 * min(columns / (0.75 + 0.25 * np.cos(yaw)), rows * 1.05)
    cx, foot = columns * 0.47, rows - 3.0
    blend = 0.12 * unit

    def part(points: list[tuple[float, float, float]], radii: list[float], joined: bool = True) -> None:
        p = _turned(points, yaw, unit, cx, foot)
        tube(canvas, p, unit * np.asarray(radii), blend if joined else 0.0)

    arch = rng.uniform(0.0, 0.08)
    part([(-0.62, 1.12, 0), (-0.3, 1.22 + arch, 0), (0.1, 1.22 + arch, 0), (0.4, 1.2, 0)], [0.36, 0.46, 0.46, 0.36])
    for x, z in ((-0.62, 0.22), (-0.62, -0.22), (0.36, 0.22), (0.36, -0.22)):
        step = rng.normal(0, 0.13)
        r = 0.165 * rng.uniform(0.9, 1.1)
        part([(x, 1.0, z), (x + 0.5 * step, 0.5, z), (x + step, 0.14, z)], [0.24, r, r * 0.95])
        part([(x + step, 0.10, z), (x + step + 0.05, 0.10, z)], [0.17, 0.15], False)
    nod = rng.uniform(-0.08, 0.12)
    part([(0.55, 1.38 + nod, 0), (0.8, 1.45 + nod, 0), (0.86, 1.2 + nod, 0)], [0.3, 0.3, 0.22])
    curl = rng.uniform(-0.3, 1.0)
    s = np.linspace(0, 1, 12)
    raised = rng.random() < 0.25
    trunk_y = 1.2 + nod + (np.sin(2.2 * s) * 0.7 if raised else -0.95 * s)
    trunk_x = 1.0 + 0.25 * np.sin(np.pi * s) + curl * 0.35 * s**3 + (0.25 * s if raised else 0)
    part([(float(a), float(b), 0.0) for a, b in zip(trunk_x, trunk_y, strict=True)], list(0.19 - 0.12 * s))
    ear = [(0.58, 1.55 + nod, 0.3), (0.48, 1.3 + nod, 0.38), (0.55, 1.0 + nod, 0.33)]
    for side in (1, -1):
        flap = [(x, y, side * z) for x, y, z in ear]
        p = _turned(flap, yaw, unit, cx, foot)
        tube(canvas, p, unit * np.array([0.13, 0.2, 0.1]), 0.0, flatness=0.4)
        if rng.random() < 0.7:
            part(
                [(0.95, 1.08 + nod, side * 0.17), (1.2, 0.95 + nod, side * 0.2), (1.38, 1.05 + nod, side * 0.2)],
                [0.06, 0.05, 0.02],
                False,
            )
        eye = _turned([(0.98, 1.4 + nod, side * 0.24)], yaw, unit, cx, foot)
        draw_spheres(canvas, eye, np.array([0.05 * unit]), 1.0)
    part([(-0.98, 1.3, 0), (-1.12, 1.0, 0), (-1.1, 0.6, 0)], [0.05, 0.04, 0.05], False)
    if rng.random() < 0.5:
        a = np.linspace(0.1, np.pi - 0.1, 25)
        for x in (-0.5, 0.1, rng.uniform(-0.3, 0)):
            girth = [(x, 1.2 + 0.49 * float(np.cos(t)), 0.49 * float(np.sin(t))) for t in a]
            p = _turned(girth, yaw, unit, cx, foot)
            draw_spheres(canvas, p, np.full(len(p), 0.045 * unit), 1.0)
    return True


# ---- architecture ------------------------------------------------------------------------------------------------


def _column(canvas: Canvas, x: float, top: float, foot: float, radius: float, base: float, rng: Rng) -> None:
    kind = rng.integers(0, 3)
    s = np.linspace(top, foot, 30)
    swell = 1 + 0.12 * np.sin(np.linspace(0, np.pi, 30)) * (kind > 0)
    tube(canvas, np.stack([0 * s + x, s, 0 * s + base], 1), radius * swell * 0.85)
    for y, k in ((top, 1.5), (top + 1.2 * radius, 1.2), (foot - 1.2 * radius, 1.2), (foot, 1.5)):
        box(canvas, x - k * radius, y - 0.5 * radius, x + k * radius, y + 0.5 * radius, base, radius * k)
    if kind == 2:
        for y in np.arange(top + 3 * radius, foot - 3 * radius, max(6.0, 3 * radius)).tolist():
            box(canvas, x - 1.15 * radius, y, x + 1.15 * radius, y + 0.6 * radius, base, radius * 1.15)


def pavilion(canvas: Canvas, rng: Rng) -> bool:
    """Columns on a stepped base under a stepped roof with finials."""
    rows, columns = canvas.shape
    cx, unit = columns / 2, columns / 100
    foot, base = rows - 2.0, 2.0
    for k in range(int(rng.integers(1, 5))):
        high = unit * rng.uniform(2, 5)
        box(canvas, (2 + 2 * k) * unit, foot - high, columns - (2 + 2 * k) * unit, foot, base, 14 * unit - 2 * k * unit)
        foot -= high
    eaves = rows * rng.uniform(0.35, 0.5)
    box(canvas, 14 * unit, eaves, columns - 14 * unit, foot, 1, 1)
    count = int(rng.integers(2, 6))
    for x in np.linspace(14 * unit, columns - 14 * unit, count):
        _column(canvas, float(x), eaves + 2 * unit, foot - 2 * unit, unit * rng.uniform(1.8, 3), base, rng)
    y, half = eaves, 48 * unit
    levels = int(rng.integers(2, 8))
    pitched = rng.random() < 0.4
    high = (eaves - 0.1 * rows) / levels
    for k in range(levels):
        inset = half * (1 - 1 / (levels + 1)) if k == 0 else half - 46 * unit / (levels + 1)
        upper = inset if pitched else half
        quad = [(cx - half, y), (cx + half, y), (cx + upper, y - high * 0.75), (cx - upper, y - high * 0.75)]
        slab(canvas, quad, base, (13 - 8 * k / levels) * unit, bevel=3 * unit)
        box(canvas, cx - upper * 0.92, y - high, cx + upper * 0.92, y - high * 0.7, base, (10 - 7 * k / levels) * unit)
        if rng.random() < 0.6:
            spots = np.linspace(cx - half * 0.93, cx + half * 0.93, int(rng.integers(3, 9)))
            for x in spots:
                draw_leaf(
                    canvas,
                    x,
                    y - 0.3 * high,
                    high * 0.9,
                    high * 0.7,
                    -np.pi / 2,
                    base + 13 * unit - 8 * k * unit / levels,
                    0,
                    2 * unit,
                    0,
                )
        y -= high
        half = inset
    tube(canvas, [(cx, y, base), (cx, max(4.0, y - 0.09 * rows), base)], [4 * unit, 0.6 * unit])
    return True


def tower(canvas: Canvas, rng: Rng) -> bool:
    """A walled town's towers with battlements, courses of brick and a gate."""
    rows, columns = canvas.shape
    count = int(rng.integers(1, 4))
    top = rows * 0.12
    edges = np.linspace(0.03 * columns, 0.97 * columns, count + 1)
    crenel = columns * rng.uniform(0.03, 0.06)
    for k in range(count):
        x0, x1 = float(edges[k]), float(edges[k + 1])
        mid = rng.uniform(0.15, 0.3) * (x1 - x0)
        if count > 1:
            box(canvas, x0, top + 0.2 * rows, x1, rows - 2, 1, 6)
        a, b = x0 + mid, x1 - mid
        box(canvas, a, top, b, rows - 2, 4, 14)
        box(canvas, a - 0.6 * crenel, top, b + 0.6 * crenel, top + 1.6 * crenel, 8, 14)
        for x in np.arange(a - 0.5 * crenel, b, 2 * crenel):
            tip = [
                (x, top),
                (x + crenel, top),
                (x + crenel, top - crenel),
                (x + crenel / 2, top - 2.2 * crenel),
                (x, top - crenel),
            ]
            slab(canvas, tip, 8, 14)
        if count > 1:
            for x in np.arange(x0, x1 - crenel, 2 * crenel):
                slab(
                    canvas,
                    [
                        (x, top + 0.2 * rows),
                        (x + crenel, top + 0.2 * rows),
                        (x + crenel / 2, top + 0.2 * rows - 2 * crenel),
                    ],
                    1,
                    6,
                )
        if rng.random() < 0.7:
            width, high = 0.22 * (b - a), 0.3 * rows
            gate = np.zeros(canvas.shape, np.uint8)
            c = (a + b) / 2
            cv2.rectangle(gate, (int(c - width), int(rows - high)), (int(c + width), rows), 1, -1)
            cv2.circle(gate, (int(c), int(rows - high)), int(width), 1, -1)
            rim = cv2.dilate(gate, np.ones((9, 9), np.uint8)) > 0
            canvas[rim & (canvas > EMPTY / 2)] += 5
            canvas[(gate > 0) & (canvas > EMPTY / 2)] -= rng.uniform(8, 16)
    if rng.random() < 0.6:
        pattern = ornament("bricks", rows, columns, rng.uniform(0.03, 0.07) * columns, rng)
        canvas[:] = np.where(canvas > EMPTY / 2, canvas + 2.5 * pattern, canvas)
    return True


def throne(canvas: Canvas, rng: Rng) -> bool:
    """A seat of mouldings, or a lotus seat; a back with a rounded top at random."""
    rows, columns = canvas.shape
    seat = rows * rng.uniform(0.5, 0.65)
    unit = columns / 100
    if rng.random() < 0.5:
        back = np.zeros(canvas.shape, np.uint8)
        cv2.ellipse(back, (columns // 2, int(seat)), (int(0.4 * columns), int(seat - 4)), 0, 180, 360, 1, -1)
        _raise_mask(canvas, back, 0, 8, 4)
        inner = cv2.erode(back, np.ones((3, 3), np.uint8), iterations=max(2, int(5 * unit)))
        canvas[inner > 0] -= 3 * unit
    y = seat
    lotus_seat = rng.random() < 0.5
    while y < rows - 4:
        high = min(unit * rng.uniform(4, 14), rows - 2 - y)
        inset = columns * rng.uniform(0.02, 0.16)
        depth = 20 * unit * (1 - inset / columns * 3)
        if lotus_seat and high > 6 * unit:
            for x in np.arange(inset, columns - inset, 7 * unit):
                draw_leaf(canvas, x, y, high * 1.1, 9 * unit, np.pi / 2, depth, 0, 4 * unit, 0)
        box(canvas, inset, y, columns - inset, y + high, 1, depth)
        y += high
    return True


def stairs(canvas: Canvas, rng: Rng) -> bool:
    """Steps seen from the front, each one nearer than the one above, or a stepped side."""
    rows, columns = canvas.shape
    count = int(rng.integers(4, 13))
    side = rng.random() < 0.5
    for k in range(count):
        y = 2 + (rows - 4) * k / count
        x1 = columns - 2 if not side else (k + 1) * columns / count - 2
        box(canvas, 2, y, x1, rows - 2, 1, 5.0 + (30.0 * k / count if not side else 6))
    return True


def arch(canvas: Canvas, rng: Rng) -> bool:
    """A portal: two posts and an arch of brick or with leaves round it."""
    rows, columns = canvas.shape
    mask = np.zeros(canvas.shape, np.uint8)
    mid, outer = columns // 2, int(0.46 * columns)
    centre = outer + 3
    inner = int(outer * rng.uniform(0.55, 0.82))
    cv2.circle(mask, (mid, centre), outer, 1, -1)
    cv2.rectangle(mask, (mid - outer, centre), (mid + outer, rows - 2), 1, -1)
    cv2.circle(mask, (mid, centre), inner, 0, -1)
    cv2.rectangle(mask, (mid - inner, centre), (mid + inner, rows), 0, -1)
    _raise_mask(canvas, mask, 1, (outer - inner) * 0.5, (outer - inner) * rng.uniform(0.1, 0.5))
    if rng.random() < 0.6:
        pattern = ornament(
            str(rng.choice(["bricks", "braid", "rosettes", "beads"])), rows, columns, (outer - inner) * 0.4, rng
        )
        canvas[:] = np.where(canvas > EMPTY / 2, canvas + 3 * pattern, canvas)
    return True


# ---- things ------------------------------------------------------------------------------------------------------


def parasol(canvas: Canvas, rng: Rng) -> bool:
    """A parasol on its pole, of one or several tiers."""
    rows, columns = canvas.shape
    cx = columns / 2
    tiers = int(rng.choice([1, 1, 2, 3, 5]))
    tube(canvas, [(cx, rows - 3, 0), (cx, 4, 0)], columns * 0.025)
    y, half = rows * 0.12 + 0, columns * 0.48
    for k in range(tiers):
        w = half * (0.45 + 0.55 * (k + 1) / tiers)
        h = min(w * rng.uniform(0.4, 0.8), rows * 0.4 / tiers)
        a = np.linspace(np.pi, 2 * np.pi, 30)
        dome = np.stack([cx + w * np.cos(a), y + h + h * np.sin(a)], 1)
        slab(canvas, dome, 2, w * 0.4, bevel=h)
        for x in np.linspace(cx - w * 0.95, cx + w * 0.95, int(rng.integers(8, 20))):
            tube(canvas, [(x, y + h, w * 0.25), (x, y + h * 1.2, w * 0.25)], w * 0.04)
        y += h * 1.25
    return True


def vase(canvas: Canvas, rng: Rng) -> bool:
    """A turned vessel with bands; sometimes with flowers."""
    rows, columns = canvas.shape
    flowers = rng.random() < 0.4
    top = rows * (0.42 if flowers else 0.03)
    s = np.linspace(0, 1, 200)
    knots = rng.uniform(0.35, 1.0, 6) * [0.6, 0.35, 1.0, 1.0, 0.5, 0.6]
    r = np.interp(s, np.linspace(0, 1, 6), knots)
    r = np.convolve(np.pad(r, 20, mode="edge"), np.ones(41) / 41, "valid") / knots.max()
    r = r * columns * 0.46
    y = top + (rows - 3 - top) * s
    for i in range(len(s) - 1):
        v = np.arange(int(y[i]), max(int(y[i + 1]), int(y[i]) + 1))
        u = np.arange(columns)
        t = (u - columns / 2) / r[i]
        canvas[v[0] : v[-1] + 1] = np.maximum(
            canvas[v[0] : v[-1] + 1], np.where(np.abs(t) < 1, r[i] * np.sqrt(np.clip(1 - t * t, 0, 1)), EMPTY)
        )
    for _ in range(int(rng.integers(1, 5))):
        band = int(rng.integers(int(top), rows - 6))
        canvas[band : band + int(rng.integers(3, 9))] += 3
    if flowers:
        for _ in range(int(rng.integers(3, 9))):
            x, b = columns / 2 + columns * rng.uniform(-0.32, 0.32), top * rng.uniform(0.3, 0.8)
            tube(canvas, [(columns / 2, top, 2), (x, b, 2)], 3)
            rosette(canvas, x, b, columns * rng.uniform(0.1, 0.16), 8, rng, 2)
    return True


def wheel(canvas: Canvas, rng: Rng) -> bool:
    """A wheel or a round shield with spokes, bosses or rings."""
    rows, columns = canvas.shape
    n = min(rows, columns)
    c, r = n / 2, 0.47 * n
    a = np.linspace(0, 2 * np.pi, 200)
    rim = np.stack([c + r * 0.95 * np.cos(a), c + r * 0.95 * np.sin(a), 0 * a], 1)
    solid = rng.random() < 0.5
    if solid:
        y, x = np.mgrid[0:rows, 0:columns]
        d = np.hypot(x - c, y - c) / r
        dish = rng.uniform(0.05, 0.3) * r * np.sqrt(np.clip(1 - d * d, 0, 1))
        dish += 0.02 * r * np.sin(d * rng.uniform(10, 50)) * (rng.random() < 0.7)
        np.copyto(canvas, np.where(d < 1, dish, canvas).astype(np.float32))
    tube(canvas, rim, 0.05 * r)
    if not solid:
        for k in range(spokes := int(rng.choice([6, 8, 12, 16]))):
            t = 2 * np.pi * k / spokes
            tube(canvas, [(c, c, 0), (c + 0.95 * r * np.cos(t), c + 0.95 * r * np.sin(t), 0)], 0.03 * r)
    draw_spheres(canvas, np.array([[c, c, float(0.1 * r)]]), np.array([r * rng.uniform(0.08, 0.25)]), 0.8)
    return bool(rng.random() < 0.5)


def ladder(canvas: Canvas, rng: Rng) -> bool:
    """A long ladder, upright; the caller turns it."""
    rows, columns = canvas.shape
    r = columns * rng.uniform(0.05, 0.09)
    for x in (r + 2, columns - r - 2):
        tube(canvas, [(x, 4, 0), (x, rows - 4, 0)], r, flatness=0.7)
    for y in np.arange(12, rows - 8, columns * rng.uniform(0.45, 0.9)):
        tube(canvas, [(r, y, 0), (columns - r, y, 0)], r * 0.7, flatness=0.7)
    return True


def bow(canvas: Canvas, rng: Rng) -> bool:
    """A drawn bow with string and arrow, or a single arrow or staff."""
    rows, columns = canvas.shape
    a = np.linspace(-1, 1, 60)
    width = max(2.0, rows * 0.012)
    curve = columns * (0.1 + 0.75 * (1 - a * a))
    tube(canvas, np.stack([curve, rows / 2 + rows * 0.47 * a, 0 * a], 1), width * (1.5 - 0.7 * np.abs(a)))
    pull = columns * rng.uniform(0.02, 0.1)
    tube(
        canvas,
        [(curve[0], rows * 0.03, 0), (pull + 2, rows / 2, 0), (curve[-1], rows * 0.97, 0)],
        max(1.2, 0.4 * width),
    )
    if rng.random() < 0.6:
        tube(canvas, [(pull, rows / 2, 2), (columns - 3, rows / 2, 2)], 0.6 * width)
    return False


def staff(canvas: Canvas, rng: Rng) -> bool:
    """A spear, standard, fly whisk or trident on a long shaft."""
    rows, columns = canvas.shape
    cx, width = columns / 2, max(2.0, columns * 0.05)
    tube(canvas, [(cx, rows - 3, 0), (cx, 8, 0)], width)
    kind = rng.integers(0, 4)
    head = rows * rng.uniform(0.1, 0.2)
    if kind == 0:
        draw_leaf(canvas, cx, head, head, columns * 0.5, -np.pi / 2, 0, 0, 3 * width, 0)
        draw_leaf(canvas, cx, head * 0.8, head * 0.5, columns * 0.5, np.pi / 2, 0, 0, 3 * width, 0)
    elif kind == 1:
        for x in (-0.3, 0, 0.3):
            tube(
                canvas, [(cx, head, 0), (cx + x * columns, head * 0.7, 0), (cx + x * columns, 5, 0)], [width, width, 1]
            )
    elif kind == 2:
        for _ in range(30):
            draw_leaf(
                canvas,
                cx,
                6,
                head * rng.uniform(1, 2),
                4 * width,
                np.pi / 2 + rng.normal(0, 0.16),
                rng.uniform(0, 6),
                0,
                width,
                0,
            )
    else:
        flag = [(cx, 6), (columns - 3, 8), (columns - 3 - 0.2 * columns, head), (columns - 3, 2 * head), (cx, 2 * head)]
        slab(canvas, flag, 0, 4)
    return True


def sheet(canvas: Canvas, rng: Rng) -> bool:
    """A hanging cloth or a scroll with folds and a rolled rim."""
    rows, columns = canvas.shape
    y, x = np.mgrid[0:rows, 0:columns] / float(columns)
    fold = np.sin(2 * np.pi * (x * rng.uniform(2, 7) + 0.3 * np.sin(3 * y + rng.uniform(0, 6))))
    np.copyto(canvas, (6 + columns * rng.uniform(0.01, 0.03) * fold).astype(np.float32))
    for edge in (5, rows - 6):
        tube(canvas, [(4, edge, 4), (columns - 4, edge, 4)], max(4.0, columns * 0.03))
    return False


def boat(canvas: Canvas, rng: Rng) -> bool:
    """A hull with planks, raised ends, and a mast with a sail at random."""
    rows, columns = canvas.shape
    deck = rows * rng.uniform(0.6, 0.75)
    s = np.linspace(-1, 1, 60)
    sheer = deck - (rows * rng.uniform(0.06, 0.3)) * np.abs(s) ** 3
    keel = rows - 3 - (rows - deck) * 0.75 * np.abs(s) ** 2.5
    hull = np.concatenate(
        [np.stack([columns * (0.5 + 0.48 * s), sheer], 1), np.stack([columns * (0.5 + 0.46 * s), keel], 1)[::-1]]
    )
    slab(canvas, hull, 1, columns * 0.08, bevel=(rows - deck) * 0.7)
    for k in range(4):
        t = k / 4
        line = np.stack(
            [columns * (0.5 + 0.48 * s), sheer * (1 - t) + keel * t, 0 * s + columns * 0.08 * (1 - s * s)], 1
        )
        tube(canvas, line, 3.0)
    if rng.random() < 0.6:
        cx = columns * rng.uniform(0.4, 0.6)
        tube(canvas, [(cx, deck, 2), (cx, 4, 2)], columns * 0.015)
        sail = [
            (cx - 0.3 * columns, 8),
            (cx + 0.3 * columns, 12),
            (cx + 0.25 * columns, deck * 0.8),
            (cx - 0.28 * columns, deck * 0.78),
        ]
        slab(canvas, sail, 2, 12, bevel=40)
    return True


Maker = Callable[[Canvas, Rng], bool]

# name: (maker, columns to rows at the tallest and the widest)
PLANTS: dict[str, tuple[Maker, float, float]] = {
    "tree": (tree, 0.5, 1.0),
    "palm": (palm, 0.55, 0.9),
    "bush": (bush, 0.8, 1.6),
    "scroll": (scroll, 1.2, 3.0),
    "lotus": (lotus, 0.5, 1.1),
}
ARCHITECTURE: dict[str, tuple[Maker, float, float]] = {
    "pavilion": (pavilion, 0.6, 1.2),
    "tower": (tower, 0.5, 1.5),
    "throne": (throne, 0.7, 2.0),
    "stairs": (stairs, 0.6, 2.0),
    "arch": (arch, 0.5, 0.9),
}
OBJECTS: dict[str, tuple[Maker, float, float]] = {
    "parasol": (parasol, 0.35, 0.7),
    "vase": (vase, 0.5, 0.9),
    "wheel": (wheel, 1.0, 1.0),
    "ladder": (ladder, 0.08, 0.2),
    "bow": (bow, 0.3, 0.6),
    "staff": (staff, 0.1, 0.2),
    "sheet": (sheet, 0.4, 2.0),
    "boat": (boat, 1.2, 2.4),
}


def make(name: str, size: int, rng: Rng) -> tuple[Canvas, bool]:
    """Draws the named shape on a canvas whose longer side is size; returns it and whether it stands on the ground."""
    maker, narrow, wide = {**PLANTS, **ARCHITECTURE, **OBJECTS, "elephant": (elephant, 1.1, 1.3)}[name]
    ratio = rng.uniform(narrow, wide)
    rows, columns = (size, max(24, int(size * ratio))) if ratio < 1 else (max(24, int(size / ratio)), size)
    canvas = new_canvas(rows, columns)
    return canvas, maker(canvas, rng)
