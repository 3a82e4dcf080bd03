"""Faces as chisels cut them, and whether a height map shows one."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from training.body_model import BodyModel
from training.procedural import Canvas, Points, Rng

FACE = ("eye.L", "eye.R", "oris05", "oris03.L", "oris03.R")
SEEN_DEG, PROFILE_DEG, BEHIND_SKIN = 55.0, 100.0, 0.33
"""Joints of a face; how far it is turned away at most where both eyes and the mouth are looked for, and in profile,
where the near eye and corner of the mouth are; and how many decimetres they lie below the skin at most: what is further
before them, a hand, a shield or a brim, hides them. By eye 41 of 42 heads whose both eyes are seen so show a face."""


def carved_face(rest: Points, joints: Points, model: BodyModel, rng: Rng) -> npt.NDArray[np.float64]:
    """Eyes, brows and lips in decimetres as chisels cut them: almonds within raised lids, ridges, a sharp mouth.

    Args:
        rest: (N, 3) surface points, where they lie on the body at rest.
        joints: (bones, 3) at rest.
        model: whose bones they are.
        rng: source of chance.
    """
    result = np.zeros(len(rest))
    wide, depth = rng.uniform(0.2, 0.3), rng.uniform(0.03, 0.1)
    high, droop = wide * rng.uniform(0.3, 0.55), rng.uniform(-0.1, 0.25)
    lid, shut = rng.uniform(0.03, 0.06), rng.random() < 0.2
    pupil = rng.uniform(0.4, 1.0) if rng.random() < 0.4 else 0.0
    brow_at, brow_wide = rng.uniform(0.28, 0.4), rng.uniform(0.04, 0.1)
    brow = rng.uniform(-0.5, 1.0) * depth  # a ridge, or a groove
    for side, name in ((1.0, "eye.L"), (-1.0, "eye.R")):
        x, y, z = (rest - joints[model.bone[name]]).T
        near = np.clip((side * x + 0.3) / 0.08, 0, 1) * ((np.abs(y) < 0.7) & (z > -0.45))
        # Along the skin outward, which is sideways in front and backward at the side: frontal eyes in profiles too.
        u = (side * x + np.minimum(0.16 - z, 0.5)) / (1.3 * wide)
        v = (y + droop * wide * u) / high
        arch = np.clip(1 - u * u, 0, None)
        upper, lower = 0.9 * arch, (-0.85 if shut else -0.6) * arch
        inside = (v < upper) & (v > lower)
        ball = np.sqrt(np.clip(1 - u * u - 0.5 * v * v, 0, 1))
        rim = np.maximum(
            0.0 if shut else np.exp(-(((v - upper) * high / lid) ** 2)), np.exp(-(((v - lower) * high / lid) ** 2))
        )
        rim = rim * np.clip(1.25 - np.abs(u), 0, 0.25) * 4
        eye = inside * (ball - 0.4) + 0.9 * rim
        eye -= pupil * inside * np.exp(-((np.hypot(u * wide, v * high) / (0.22 * wide)) ** 2))
        arc = (y - brow_at + 0.12 * u * u) / brow_wide
        result += near * (depth * eye + brow * np.exp(-arc * arc) * np.clip(1.7 - np.abs(u), 0, 0.4) * 2.5)
    x, y, z = (rest - joints[model.bone["oris05"]]).T
    mouth = (np.abs(x) < 0.4) & (np.abs(y) < 0.4) & (z > -0.4)
    parting = (y + 0.12) / rng.uniform(0.02, 0.045)  # between the lips, below the upper one's joint
    return np.asarray(result - mouth * 0.5 * depth * np.exp(-parting * parting) * np.clip(1 - (x / 0.36) ** 2, 0, 1))


def in_front(z: Canvas, points: Points, most: float) -> bool:
    """Whether nothing of a canvas lies further than so many pixels before any of some points (x, y, depth)."""
    rows, columns = z.shape
    across, down = (np.rint(points[:, k]).astype(int) for k in (0, 1))
    if (across < 0).any() or (down < 0).any() or (across >= columns).any() or (down >= rows).any():
        return False
    return bool((z[down, across] - points[:, 2] < most).all())


def shows_face(z: Canvas, face: Points, gaze: Points, across: Points, most: float) -> bool:
    """Whether both eyes and the mouth are seen, or in profile the near eye and corner of the mouth.

    Args:
        z: canvas.
        face: (5, 3) where the joints of FACE lie on it.
        gaze: (3,) unit vector ahead of the head, in view axes.
        across: likewise, to its left.
        most: of `in_front`.
    """
    if gaze[2] > math.cos(math.radians(SEEN_DEG)):
        return in_front(z, face[:3], most)
    in_profile = abs(across[2]) > math.sin(math.radians(SEEN_DEG)) and gaze[2] > math.cos(math.radians(PROFILE_DEG))
    # The temple lies further before an eye than its lid.
    return in_profile and in_front(z, face[[0, 3] if across[2] > 0 else [1, 4]], 1.3 * most)
