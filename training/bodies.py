"""Bodies: posed, dressed, crowned, with carved faces and folds, as height maps.

Convention: of `training.height_maps`.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from training import procedural
from training.body_model import BODY_VERTICES, BodyModel, rotation
from training.dress import (
    Dressing,
    add_beard,
    add_earrings,
    add_headgear,
    add_held,
    add_jewellery,
    fold_height,
    strands,
)
from training.faces import BEHIND_SKIN, FACE, carved_face, shows_face
from training.height_maps import Frame, HeightMap, Triangles, finished, pick, random_size, view_matrix, z_buffer
from training.people import FLOATING, STRIDING, random_morph, random_pose, stands
from training.procedural import Canvas, Points, Rng

SKIN, CLOTH, HAIR = 0, 1, 2
HANGING = 1.2
"""Decimetres that a beard is lifted at most to lie on what it hangs before: in profile the chest would swallow it."""
FACES_CARVED = 0.75
"""Of the bodies have eyes, brows and lips as sculptors cut them, the others those of nature."""


def _similarity(source: Points, goal: Points) -> tuple[Points, Points, Points]:
    """Scaled rotation and both centres that carry source onto goal (least squares)."""
    a, b = source.mean(0), goal.mean(0)
    u, s, vt = np.linalg.svd((goal - b).T @ (source - a))
    d = np.diag([1, 1, np.sign(np.linalg.det(u @ vt))])
    scale = (s * np.diag(d)).sum() / ((source - a) ** 2).sum()
    return np.asarray(scale * u @ d @ vt), a, b


def _random_yaw(rng: Rng) -> float:
    """How far a body is turned from the viewer, in degrees: mostly so that its face is seen, an eighth in profile.

    Three quarters as sculptors turn it, that the far eye is seen; with 45 degrees a third of all faces were beyond 55.
    """
    return float(
        rng.choice(
            [
                rng.normal(0, 8),
                rng.normal(90, 8),
                rng.normal(-90, 8),
                rng.normal(32, 12),
                rng.normal(-32, 12),
                rng.uniform(-180, 180),
            ],
            p=[0.4, 0.06, 0.06, 0.23, 0.23, 0.02],
        )
    )


def _at_rest(
    points: Points, triangles: Triangles, rest: Points, owner: npt.NDArray[np.int32]
) -> npt.NDArray[np.float64]:
    """Where on the body at rest each drawn pixel lies: carving follows the pose so."""
    v, u = np.nonzero(owner >= 0)
    of = triangles[owner[v, u]]
    corner = points[of][:, :, :2]
    e1, e2 = corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0]
    d = np.stack([u, v], 1) - corner[:, 0]
    area = e1[:, 0] * e2[:, 1] - e1[:, 1] * e2[:, 0]
    w1 = ((d[:, 0] * e2[:, 1] - d[:, 1] * e2[:, 0]) / area)[:, None]
    w2 = ((d[:, 1] * e1[:, 0] - d[:, 0] * e1[:, 1]) / area)[:, None]
    return np.asarray(rest[of[:, 0]] * (1 - w1 - w2) + rest[of[:, 1]] * w1 + rest[of[:, 2]] * w2)


def _laid_on(z: Canvas, points: Points, most: float) -> npt.NDArray[np.float64]:
    """Depths of points (x, y, depth), lifted by so many pixels at most to lie on what a canvas shows."""
    rows, columns = z.shape
    across, down = (np.rint(points[:, k]).astype(int) for k in (0, 1))
    lying = z[down.clip(0, rows - 1), across.clip(0, columns - 1)]
    return np.where(lying - points[:, 2] < most, np.maximum(lying, points[:, 2]), points[:, 2])


def body_map(model: BodyModel, rng: Rng, holdout: bool, close: str = "") -> HeightMap | None:
    """A dressed body in a random pose; close is "" (all of it), "head" or "bust"."""
    amounts, woman = random_morph(model, rng)
    rest = model.morph(amounts)
    joints = model.joints(rest)
    rotations, name, turned = random_pose(model, joints, rng, holdout)
    posed = model.pose(rest, rotations)
    head_rest = model.on_head > 0.95
    head_rest[BODY_VERTICES:] = False
    turn, from_, to = _similarity(rest[head_rest], posed[head_rest])

    parts: list[tuple[Points, Points, Triangles, int]] = []  # posed, rest, triangles, material
    if close:
        finer, triangles = model.finer()
        parts.append((finer @ posed, finer @ rest, triangles, SKIN))
    else:
        parts.append((posed, rest, model.body, SKIN))
    foot, knee = (float(joints[model.bone[n]][1]) for n in ("foot.L", "lowerleg01.L"))
    kilt = knee + rng.uniform(-0.8, 1.4)
    hem = float(rng.choice([foot + 0.3, kilt, knee - rng.uniform(1, 3)], p=[0.45, 0.4, 0.15]))
    standing = stands(name)
    if not close and (standing or name in STRIDING) and rng.random() < 0.55:
        hem = hem if standing else kilt
        worn_part = (rest[model.skirt][:, :, 1] > hem).all(1)
        parts.append((posed, rest, model.skirt[worn_part], CLOTH))
    haired = bool(rng.random() < 0.25)
    if haired:
        hair = model.hair(pick(rng, model.hairs, holdout), rest)
        parts.append(((hair.vertices - from_) @ turn.T + to, hair.vertices, hair.triangles, HAIR))

    dressing, worn, grown, beard = Dressing(), Dressing(), Dressing(), Dressing()
    add_headgear(rest, float(joints[model.bone["eye.L"]][1]), model.on_head, rng, worn, not haired, turned != 0)
    if rng.random() < 0.5:
        add_earrings(np.array([rest[model.lobe[side]].mean(0) for side in "lr"]), rng, worn)
    if not woman and rng.random() < (0.8 if turned else 0.3):
        add_beard(rest, joints[model.bone["oris05"]], model.on_head, turned != 0, rng, worn, grown)
    size_of_head = float(np.cbrt(abs(np.linalg.det(turn))))
    for on_head, posed_too in ((worn, dressing), (grown, beard)):
        for centres, radii, flatness in on_head.items:
            posed_too.add((centres - from_) @ turn.T + to, radii * size_of_head, flatness)
    add_jewellery(model, rest, posed, joints, rng, dressing)
    if not close and rng.random() < 0.3:
        add_held(model, posed, rng, dressing)

    yaw = float(np.sign(turned)) * rng.uniform(-5, 20) if turned else _random_yaw(rng)
    view = view_matrix(yaw, rng.uniform(-8, 13))
    if name in FLOATING and rng.random() < 0.7:
        view = rotation(z=rng.uniform(-50, 50)) @ view
    size = 2 * random_size(rng)
    beads, curls = ([(c @ view.T, r, f) for c, r, f in part.items] for part in (dressing, beard))
    seen = [p @ view.T for p, _, _, _ in parts]
    skull = seen[0][: len(rest)][head_rest]
    middle = (skull.min(0) + skull.max(0)) / 2
    radius = float(np.ptp(skull[:, 1]) / 2)
    if rng.random() < 0.05:  # a halo faces the viewer, behind the head, however the head is turned
        halo = radius * rng.uniform(1.3, 1.8)
        a = np.linspace(0, 2 * np.pi, 160)
        centre = np.array([middle[0], middle[1], skull[:, 2].min() - 0.1])
        rim = centre + halo * np.stack([np.cos(a), np.sin(a), 0 * a], 1)
        beads += [(centre[None], np.array([halo]), 0.04), (rim, np.full(len(a), 0.1), 1.0)]
    extent = [s[np.unique(t)] for s, (_, _, t, _) in zip(seen, parts, strict=True)]
    extent += [c + np.sign(k) * r[:, None] * np.array([1, 1, 0]) for c, r, _ in beads + curls for k in (-1, 1)]
    every = np.concatenate(extent)
    if close:
        down = 1.25 if close == "head" else rng.uniform(2.6, 4.2)
        side = 1.9 if close == "head" else 3.0
        kept = (every[:, 1] > middle[1] - down * radius) & (np.abs(every[:, 0] - middle[0]) < side * radius)
        every = every[kept]
    frame = Frame.around(every, size)
    points = np.concatenate([frame.project(s) for s in seen])
    first = np.cumsum([0] + [len(s) for s in seen])
    triangles = np.concatenate([t + o for (_, _, t, _), o in zip(parts, first, strict=False)])
    z, owner = z_buffer(points, triangles, frame.rows, frame.columns)
    drawn = owner >= 0
    at_rest = _at_rest(points, triangles, np.concatenate([r for _, r, _, _ in parts]), owner)
    material = np.concatenate([np.full(len(t), m) for _, _, t, m in parts])[owner[drawn]]
    carved = np.zeros(len(at_rest))
    if close != "head":
        carved = np.where(material == HAIR, 0, fold_height(at_rest, joints, model, material == CLOTH, hem, rng))
    if rng.random() < FACES_CARVED:
        carved += (material == SKIN) * carved_face(at_rest, joints, model, rng)
    if haired and rng.random() < 0.8:
        carved += (material == HAIR) * strands(at_rest, from_, rng)
    z[drawn] += (frame.scale * carved).astype(np.float32)
    for centres, radii, flatness in beads:
        procedural.draw_spheres(z, frame.project(centres), radii * frame.scale, flatness)
    gaze, across = (view @ turn[:, k] / size_of_head for k in (2, 0))
    before = z.copy()  # the beard lies on the body, not on itself
    for centres, radii, flatness in curls:
        at = frame.project(centres)
        if gaze[2] > -0.3:  # the head does not hide its beard
            at[:, 2] = _laid_on(before, at, HANGING * frame.scale)
        procedural.draw_spheres(z, at, radii * frame.scale, flatness)
    face = frame.project(np.stack([model.joints(posed)[model.bone[n]] for n in FACE]) @ view.T)
    head_px = frame.project(middle[None])[0]
    head = (float(head_px[0]) / 2, float(head_px[1]) / 2, radius * frame.scale / 2)
    upright = not close and name not in FLOATING
    seen_face = shows_face(z, face, gaze, across, BEHIND_SKIN * frame.scale * size_of_head)
    return finished(z, "figure", rng, head, upright, holdout, 1.0 if close else 0.7, seen_face)
