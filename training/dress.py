"""What bodies wear and hold: headgear, beards, jewellery, things in hands, folds of cloth, locks of hair.

Convention: decimetres, y up, z ahead; on the body at rest, unless it says in the pose.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from training import procedural
from training.body_model import BODY_VERTICES, BodyModel, unit
from training.procedural import Points, Rng


@dataclass
class Dressing:
    """Spheres to draw over a body: each item centres (N, 3) in decimetres, radii, and flatness."""

    items: list[tuple[Points, Points, float]] = field(default_factory=list)

    def add(self, centres: npt.ArrayLike, radii: npt.ArrayLike, flatness: float = 1.0) -> None:
        """Adds spheres."""
        c = np.asarray(centres, np.float64).reshape(-1, 3)
        self.items.append((c, np.broadcast_to(np.asarray(radii, np.float64), (len(c),)), flatness))

    def line(self, points: npt.ArrayLike, radii: npt.ArrayLike, closed: bool = False, beads: bool = False) -> None:
        """Adds a string of beads or a smooth tube."""
        c, r = procedural.densify(np.asarray(points), np.asarray(radii), closed, 1.9 if beads else 0.3)
        self.add(c, r)


def _ring(
    model: BodyModel, rest: Points, posed: Points, at: Points, normal: Points, reach: float, lift: float
) -> Points:
    """The outline of the body where a plane cuts it at rest, carried to the pose and lifted off the skin."""
    offset = rest - at
    near = np.abs(offset @ unit(normal)) < 0.12
    near &= np.linalg.norm(offset, axis=1) < reach
    near[BODY_VERTICES:] = False  # helpers lie behind the body's own vertices
    index = np.flatnonzero(near)
    if len(index) < 6:
        return np.zeros((0, 3))
    side = unit(np.cross(normal, [0.3, 0.2, 1.0]))
    other = np.cross(unit(normal), side)
    centre = offset[index].mean(0)
    angle = np.arctan2((offset[index] - centre) @ other, (offset[index] - centre) @ side)
    far = np.linalg.norm(offset[index] - centre, axis=1)
    slots = ((angle + np.pi) / (2 * np.pi) * 20).astype(int).clip(0, 19)
    chosen = [int(index[slots == s][np.argmax(far[slots == s])]) for s in range(20) if (slots == s).any()]
    points = posed[chosen]
    return np.asarray(
        points
        + lift * (points - points.mean(0)) / np.linalg.norm(points - points.mean(0), axis=1, keepdims=True).clip(1e-6)
    )


def add_jewellery(model: BodyModel, rest: Points, posed: Points, joints: Points, rng: Rng, dressing: Dressing) -> None:
    """Tubes and strings of beads about wrists, arms, ankles, neck and hips, in the pose."""
    b = model.bone
    up = np.array([0, 1.0, 0])
    for limb, end, at, reach in (
        ("lowerarm01", "wrist", 0.88, 0.6),
        ("upperarm01", "lowerarm01", 0.45, 0.9),
        ("lowerleg01", "foot", 0.92, 0.7),
    ):
        if rng.random() < 0.45:
            for side in "LR":
                a, c = joints[b[f"{limb}.{side}"]], joints[b[f"{end}.{side}"]]
                for k in range(int(rng.integers(1, 3))):
                    ring = _ring(model, rest, posed, a + (at - 0.04 * k) * (c - a), c - a, reach, 0.02)
                    if len(ring):
                        dressing.line(ring, rng.uniform(0.07, 0.13), True, bool(rng.random() < 0.4))
    if rng.random() < 0.5:
        neck = joints[b["neck01"]]
        for k in range(int(rng.integers(1, 4))):
            at = neck + np.array([0, -0.15 - 0.45 * k, 0.35 + 0.25 * k])
            ring = _ring(model, rest, posed, at, np.array([0, 1.0, 0.9]), 1.25 + 0.3 * k, 0.03)
            if len(ring):
                dressing.line(ring, rng.uniform(0.07, 0.14), True, bool(rng.random() < 0.6))
    if rng.random() < 0.6:
        height = joints[b["root"]][1] + rng.uniform(0.3, 1.4)
        for k in range(int(rng.integers(1, 4))):
            ring = _ring(model, rest, posed, np.array([0, height - 0.25 * k, 0.1]), up, 2.2, 0.08)
            if len(ring):
                dressing.line(ring, rng.uniform(0.09, 0.18), True, bool(rng.random() < 0.35))


def add_headgear(
    rest: Points,
    eyes: float,
    on_head: npt.NDArray[np.float64],
    rng: Rng,
    dressing: Dressing,
    bare: bool,
    composite: bool,
) -> None:
    """Crowns, piled hair, helmets, curls and caps in rest axes (the caller carries them to the pose)."""
    skull = rest[:BODY_VERTICES][on_head[:BODY_VERTICES] > 0.6]
    top = float(skull[:, 1].max())
    upper = skull[skull[:, 1] > top - 0.75]
    cx, cz = float(upper[:, 0].mean()), float((upper[:, 2].min() + upper[:, 2].max()) / 2)
    half_x, half_z = float(np.ptp(upper[:, 0]) / 2), float(np.ptp(upper[:, 2]) / 2)
    brow = eyes + rng.uniform(0.5, 0.62) * (top - eyes)  # above the carved brows, where the skull is still wide

    def circle(y: float, factor: float, count: int = 40, tilt: float = 0.0) -> Points:
        a = np.linspace(0, 2 * np.pi, count, endpoint=False)
        z = cz + factor * half_z * np.cos(a)
        return np.stack([cx + factor * half_x * np.sin(a), y + tilt * (z - cz), z], 1)

    def curls(count: int, low: float, size: float, swell: float) -> None:
        k = np.arange(count) + 0.5
        y = 1 - k / count * (1 + low)
        a = k * 2.399963
        s = np.sqrt(np.clip(1 - y * y, 0, 1))
        middle = brow + 0.05
        p = np.stack(
            [
                cx + swell * half_x * s * np.sin(a),
                middle + swell * (top - middle) * y,
                cz + swell * half_z * s * np.cos(a),
            ],
            1,
        )
        face = (p[:, 2] > cz + 0.35 * half_z) & (p[:, 1] < brow - 0.02)
        dressing.add(p[~face], size)

    # Half are crowns and piled hair, as Borobudur's; composite figures wear Assyrian helmets, bands and nets of curls.
    share = [0.06, 0.3, 0.26, 0.12, 0.08, 0.06, 0.06, 0.06] if bare else [0.4, 0.3, 0.12, 0.0, 0.06, 0.06, 0.06, 0.0]
    if composite:
        share = [0.1, 0.1, 0.0, 0.2, 0.35, 0.2, 0.05, 0.0]
    style = rng.choice(["none", "crown", "jata", "curls", "cone", "band", "cap", "bun"], p=share)
    if bare and style in ("crown", "jata", "cone", "band"):  # hair beneath it
        curls(150, rng.uniform(0.3, 0.6), rng.uniform(0.08, 0.12), 1.04)
    if style == "crown":
        tiers = int(rng.integers(3, 7))
        y, f = brow + 0.05, 1.12
        dressing.line(circle(y, f, tilt=-0.1), 0.12, True)
        for _ in range(tiers):
            y += rng.uniform(0.18, 0.36)
            f *= rng.uniform(0.76, 0.95)
            dressing.add(circle(y - 0.12, f * 0.9, 24), 0.2)
            dressing.line(circle(y, f), rng.uniform(0.09, 0.14), True, bool(rng.random() < 0.6))
            dressing.add([[cx, y - 0.1, cz]], 0.7 * f * half_x)
        dressing.line([[cx, y, cz], [cx, y + 0.45, cz]], [0.22, 0.06])
        if rng.random() < 0.7:
            for a in (-0.9, 0.0, 0.9):
                front = [cx + 1.15 * half_x * np.sin(a), brow + 0.2, cz + 1.15 * half_z * np.cos(a)]
                dressing.line([front, [front[0], front[1] + 0.4, front[2] - 0.08]], [0.17, 0.05])
    elif style == "jata":  # strands piled high and tied in rows, above a diadem with leaves
        tall, wide, rows = rng.uniform(1.0, 1.9), rng.uniform(0.65, 0.9), int(rng.integers(1, 4))
        locks = int(rng.integers(12, 22))
        for t in np.linspace(0, 1, 60):
            f = wide * (1 - 0.3 * t) * (0.85 + 0.15 * abs(math.sin(np.pi * rows * t))) * math.sqrt(1 - t**6)
            y = top - 0.3 + t * tall
            dressing.add(circle(y, f, locks), 2.8 * half_x * f / locks)
            dressing.add([[cx, y, cz]], 0.9 * f * min(half_x, half_z))
        dressing.line(circle(brow + 0.05, 1.1, tilt=-0.1), 0.11, True)
        for a in (-0.8, 0.0, 0.8):
            front = [cx + 1.12 * half_x * np.sin(a), brow + 0.15, cz + 1.12 * half_z * np.cos(a)]
            dressing.line([front, [front[0], front[1] + rng.uniform(0.3, 0.5), front[2] - 0.1]], [0.2, 0.05])
    elif style == "curls":
        curls(int(rng.integers(90, 260)), rng.uniform(0.25, 0.6), rng.uniform(0.09, 0.14), rng.uniform(1.0, 1.12))
        if rng.random() < 0.5:
            dressing.add([[cx, top + 0.12, cz - 0.1]], 0.38)
    elif style == "cone":
        s = np.linspace(0, 1, 60)
        tall, power = rng.uniform(0.5, 1.5), rng.uniform(0.6, 1.5)
        for t in s:
            f = 1.1 * (1 - t**power) + 0.04
            dressing.add(circle(brow + t * (top - brow + tall), f, 44), 0.07)
        dressing.line(circle(brow, 1.12), 0.09, True)
    elif style == "band":
        dressing.line(circle(brow + rng.uniform(0.0, 0.2), 1.08, tilt=-0.12), rng.uniform(0.07, 0.13), True)
        if rng.random() < 0.6:
            dressing.line([[cx, brow, cz + half_z], [cx, top + 0.7, cz + 0.2 * half_z]], [0.12, 0.08])
    elif style == "cap":
        for t in np.linspace(0, 1, 30):
            f = 1.12 * np.sqrt(1 - t * t) + 0.02
            dressing.add(circle(brow + t * (top + 0.15 - brow), f, 30), 0.08)
    elif style == "bun":
        curls(150, 0.5, rng.uniform(0.08, 0.12), 1.04)
        place = [cx, top + 0.15, cz - 0.1] if rng.random() < 0.6 else [cx, top - 0.5, cz - 1.15 * half_z]
        r = rng.uniform(0.3, 0.5)
        dressing.add([place], r)
        if place[1] > top:
            dressing.line(circle(place[1] - 0.7 * r, 0.5), 0.09, True, True)


def add_beard(
    rest: Points,
    mouth: Points,
    on_head: npt.NDArray[np.float64],
    long: bool,
    rng: Rng,
    worn: Dressing,
    hanging: Dressing,
) -> None:
    """Curls along the jaw, and rows of them that hang from the chin, to the chest where long; in rest axes."""
    skull = rest[:BODY_VERTICES][on_head[:BODY_VERTICES] > 0.6]
    size = rng.uniform(0.08, 0.13)
    x, y, z = (skull - mouth).T
    jaw = (y < -0.5 * z - 0.25) & (z > -0.95) & ((z < -0.3) | (y < -0.3))  # from the ears down, below the lips
    worn.add(skull[jaw], size)
    chin, ahead = float(skull[:, 1].min()) + 0.15, float(skull[:, 2].max()) - 0.45
    reach, wide = rng.uniform(1.3, 2.2) if long else rng.uniform(0.5, 1.6), rng.uniform(0.4, 0.62)
    deep = rng.uniform(0.7, 0.9)  # so that it is no thin sheet in profile
    angle = np.arange(-1.4, 1.41, 1.7 * size / deep)
    first = min(chin + 0.25, float(mouth[1]) - 0.2 - size)  # below the lips
    for below in np.arange(first, chin - reach, -1.6 * size).tolist():
        t = (first - below) / (first - chin + reach)
        w = wide * (1 - (0.2 if long else 0.5) * t)
        z = ahead - deep * (1 - np.cos(angle)) - 0.1 * t
        hanging.add(np.stack([mouth[0] + w * np.sin(angle), 0 * angle + below, z], 1), size)


def add_earrings(lobes: Points, rng: Rng, dressing: Dressing) -> None:
    """A ring, a drop or a string of beads beneath each ear toward the shoulders, in rest axes, outside of the jaw."""
    kind = rng.choice(["ring", "drop", "string"])
    long, thick = rng.uniform(0.5, 0.95), rng.uniform(0.09, 0.15)
    for lobe in lobes:
        out = np.array([np.sign(lobe[0]), 0.0, 0.0])
        top = lobe + thick * out
        if kind == "ring":
            a = np.linspace(0, 2 * np.pi, 30, endpoint=False)[:, None]
            r = long / 2.5  # it stands across, as carvers turn rings to the viewer from both sides
            middle = top + 0.25 * r * out - np.array([0, r, 0.3 * r])
            dressing.line(middle + r * (np.sin(a) * (0.7 * out - [0, 0, 0.7]) + np.cos(a) * [0, 1.0, 0]), thick, True)
        else:
            end = top + 0.2 * long * out - np.array([0, long, 0.1])
            if kind == "drop":
                dressing.line([top, end], [0.6 * thick, 1.5 * thick])
            else:
                dressing.add(np.linspace(top, end, math.ceil(long / (1.7 * thick)) + 1), thick)


def add_held(model: BodyModel, posed: Points, rng: Rng, dressing: Dressing) -> None:
    """A staff, flower stem, sword or round shield in one hand, in the pose."""
    joints = model.joints(posed)
    side = str(rng.choice(["L", "R"]))
    hand = 0.4 * joints[model.bone["wrist." + side]] + 0.6 * joints[model.bone["finger3-1." + side]]
    kind = rng.choice(["staff", "lotus", "sword", "shield"])
    lean = unit([rng.normal(0, 0.25), 1.0, rng.normal(0, 0.15)])
    if kind == "staff":
        dressing.line([hand - lean * rng.uniform(1, 8), hand + lean * rng.uniform(3, 9)], rng.uniform(0.12, 0.22))
    elif kind == "lotus":
        tip = hand + 3 * lean
        dressing.line([hand - lean, hand + 1.5 * lean + np.array([0.3, 0, 0.2]), tip], 0.11)
        a = np.linspace(0, 2 * np.pi, 8, endpoint=False)
        for f, y in ((0.55, 0.0), (0.35, 0.25), (0.0, 0.4)):
            dressing.add(np.stack([tip[0] + f * np.cos(a), 0 * a + tip[1] + y, tip[2] + f * np.sin(a)], 1), 0.27)
    elif kind == "sword":
        dressing.line([hand - 0.6 * lean, hand + 0.7 * lean, hand + 6 * lean], [0.15, 0.2, 0.08], False)
    else:
        r = rng.uniform(1.8, 3.4)
        middle = hand + np.array([0, 0, 0.5])
        dressing.add([middle], r, rng.uniform(0.1, 0.3))
        a = np.linspace(0, 2 * np.pi, 90)
        for f in (1.0, rng.uniform(0.4, 0.8)):
            dressing.line(
                np.stack([middle[0] + f * r * np.cos(a), middle[1] + f * r * np.sin(a), 0 * a + middle[2]], 1), 0.14
            )
        dressing.add([middle + np.array([0, 0, 0.2 * r])], 0.25 * r, 0.7)


def fold_height(
    rest: Points, joints: Points, model: BodyModel, skirt: npt.NDArray[np.bool_], hem: float, rng: Rng
) -> npt.NDArray[np.float64]:
    """Carved cloth in decimetres for surface points given by where they lie on the body at rest."""
    b = model.bone
    hip, neck = (float(joints[b[n]][1]) for n in ("root", "neck01"))
    x, y, z = rest.T
    result = np.zeros(len(rest))
    arm = np.abs(x) > 1.75 + 0.25 * np.clip(5.0 - y, 0, 6) * 0.35
    arm &= y > hip + 0.3

    def pattern() -> npt.NDArray[np.float64]:
        pitch = rng.uniform(0.3, 0.95)
        leg = np.abs(np.abs(x) - 1.4)
        kind = rng.integers(0, 5)
        if kind == 0:
            phase = y + rng.uniform(0.0, 0.9) * leg
        elif kind == 1:
            phase = np.arctan2(x, z + 0.3) * rng.uniform(1.5, 3.0)
        elif kind == 2:
            phase = y + rng.uniform(0.3, 1.0) * x
        elif kind == 3:
            phase = np.hypot(x - rng.normal(0, 0.6), (y - hip) * 0.8)
        else:
            phase = np.abs(np.abs(x) - 1.3) + 0.15 * y
        phase = phase / pitch + 0.12 * np.sin(1.3 * y + rng.uniform(0, 6)) + rng.uniform(0, 1)
        t = np.abs(phase % 1.0 - 0.5) * 2
        form = rng.integers(0, 3)
        if form == 0:
            return np.asarray(-np.exp(-((t / rng.uniform(0.15, 0.3)) ** 2)))  # incised lines
        return np.asarray(np.sqrt(np.clip(1 - t * t, 0, 1)) - 0.7 if form == 1 else (phase % 1.0) - 0.5)

    waist = hip + rng.uniform(0.2, 1.2)
    lower = ((y < waist) & (y > hem) & ~arm) | skirt
    if rng.random() < 0.8:
        result += lower * (rng.uniform(0.05, 0.16) + rng.uniform(0.05, 0.14) * pattern())
        if rng.random() < 0.6:
            result += 0.1 * (lower & (y < hem + 0.3))
            result += 0.1 * (lower & (np.abs(x) < rng.uniform(0.2, 0.6)))  # a hanging middle fold
    if rng.random() < 0.35:
        upper = (y >= waist - 0.1) & (y < neck - 0.3) & ~arm
        if rng.random() < 0.3:
            cells = procedural.ornament(
                str(rng.choice(["scales", "hatch", "chevron", "curls", "rosettes"])),
                256,
                256,
                256 / rng.uniform(8, 22),
                rng,
            )
            worn = cells[
                (np.clip((neck - y) / 8, 0, 0.999) * 255).astype(int),
                (np.clip(0.5 + x / 8, 0, 0.999) * 255).astype(int),
            ]
            result += upper * (0.08 + 0.12 * worn)
        else:
            result += upper * (0.08 + rng.uniform(0.03, 0.08) * pattern())
    elif rng.random() < 0.4:  # a scarf across the chest
        band = np.abs(y - (hip + 3.2) - rng.choice([-1, 1]) * x * rng.uniform(0.8, 1.5))
        result += 0.12 * ((band < 0.45) & ~arm & (y > hip + 0.5))
    return result


def strands(at_rest: Points, middle: Points, rng: Rng) -> npt.NDArray[np.float64]:
    """Locks of hair in decimetres: ridges that run down from the crown of the head, straight or wavy, or in rows."""
    x, y, z = (at_rest - middle).T
    around = np.arctan2(x, z + 0.2)
    wave = rng.choice([0.0, rng.uniform(0.1, 0.4)]) * np.sin(y * rng.uniform(4, 12))
    phase = (around + wave) * rng.uniform(3, 9)
    height = np.abs(np.sin(phase)) ** 0.6
    if rng.random() < 0.3:
        height = height * np.abs(np.sin(y * rng.uniform(6, 14))) ** 0.6
    return np.asarray(rng.uniform(0.04, 0.1) * height)
