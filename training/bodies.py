"""Bodies: posed, dressed, crowned, with carved faces and folds, as height maps.

Convention: of `training.height_maps`.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import scipy.sparse

from training import procedural
from training.height_maps import (
    Frame,
    HeightMap,
    Mesh,
    Triangles,
    finished,
    loop_matrix,
    pick,
    random_size,
    view_matrix,
    z_buffer,
)
from training.procedural import Canvas, Points, Rng

Rotations = npt.NDArray[np.float64]

STANDING = (
    "stand_arms_down",
    "stand_anjali",
    "tribhanga",
    "stand_flywhisk",
    "stand_offer",
    "stand_umbrella",
    "walk",
    "point_talk",
    "carry_pole",
)
STRIDING = {
    "archer",
    "dance",
    "dance_kick",
    "fight01",
    "fight02",
    "fight03",
    "fight04",
    "run01",
    "standing01",
    "kneel_one",
}
SEATED = {
    "padmasana_dhyana",
    "padmasana_anjali",
    "padmasana_teach",
    "bhumisparsa",
    "lalitasana",
    "rajalila",
    "seiza",
    "seiza_anjali",
    "kneel_one",
    "kneel_offer",
    "squat",
    "chair_sit",
    "sit01",
}
SEATED_SHARE, COMPOSITE_SHARE = 0.4, 0.2
"""Of the poses sit or kneel, as rows of Borobudur's figures do; and of the standing ones are composite, as Assyrian and
Egyptian figures are: head and legs in profile, the chest to the viewer."""
SKIN, CLOTH, HAIR = 0, 1, 2
FACE = ("eye.L", "eye.R", "oris05", "oris03.L", "oris03.R")
SEEN_DEG, PROFILE_DEG, BEHIND_SKIN = 55.0, 100.0, 0.33
"""Joints of a face; how far it is turned away at most where both eyes and the mouth are looked for, and in profile,
where the near eye and corner of the mouth are; and how many decimetres they lie below the skin at most: what is further
before them, a hand, a shield or a brim, hides them. By eye 41 of 42 heads whose both eyes are seen so show a face."""
HANGING = 1.2
"""Decimetres that a beard is lifted at most to lie on what it hangs before: in profile the chest would swallow it."""
FACES_CARVED = 0.75
"""Of the bodies have eyes, brows and lips as sculptors cut them, the others those of nature."""
OVER_FACES = {"bob01", "bob02"}
"""Hair that lies over more than a third of a face between brows and lips."""
FLOATING = {"flying_vidyadhara", "fly01", "fly02", "gym01"}


def _rotation(x: float = 0.0, y: float = 0.0, z: float = 0.0) -> Points:
    a, b, c = np.radians([x, y, z])
    about_x = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    about_y = np.array([[np.cos(b), 0, np.sin(b)], [0, 1, 0], [-np.sin(b), 0, np.cos(b)]])
    about_z = np.array([[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]])
    return np.asarray(about_z @ about_y @ about_x)


def _unit(v: npt.ArrayLike) -> Points:
    a = np.asarray(v, np.float64)
    return np.asarray(a / max(float(np.linalg.norm(a)), 1e-9))


def _axes(along: Points, across: Points) -> Points:
    a = _unit(along)
    h = _unit(across - a * (across @ a))
    return np.stack([a, h, np.cross(a, h)], 1)


class BodyModel:
    """The MakeHuman body: morph targets, skeleton, skin weights, hair and skirt (packed assets, decimetres)."""

    def __init__(self, folder: Path) -> None:
        with np.load(folder / "base_rig.npz") as packed:
            data = {name: packed[name] for name in packed.files}
        self.base = data["verts"].astype(np.float64)
        self.bones = [str(name) for name in data["bone_names"]]
        self.bone = {name: i for i, name in enumerate(self.bones)}
        self.parent = data["bone_parent"].astype(int)
        self._joint = [data["head_idx"][a:b] for a, b in zip(data["head_off"], data["head_off"][1:], strict=False)]
        weights = np.zeros((len(self.base), len(self.bones)))
        weights[data["w_vert"], data["w_bone"]] = data["w_val"]
        total = weights.sum(1, keepdims=True)
        weights[total[:, 0] == 0, 0] = 1
        self.weights = weights / weights.sum(1, keepdims=True)
        self._skin = scipy.sparse.csr_matrix(self.weights)
        with np.load(folder / "targets.npz") as packed:
            self.target = {str(name): i for i, name in enumerate(packed["names"])}
            self._index, self._delta, self._offset = packed["idx"], packed["delta_milli"], packed["off"]
        self.target_groups: dict[str, list[str]] = {}
        for name in self.target:
            self.target_groups.setdefault(name.split("/")[0], []).append(name)
        with np.load(folder / "hair_clothes.npz") as packed:
            self._hair = {name: packed[name] for name in packed.files}
        self.hairs = sorted({name.split("__")[0] for name in self._hair} - OVER_FACES)
        with np.load(folder / "poses_bvh.npz") as packed:
            self.recorded = {name: packed[name].astype(np.float64) for name in packed.files if name != "tpose"}
        self.directed = json.loads((folder / "poses_dir.json").read_text())
        self.body = self._triangles(data, "body", "helper_l_eye", "helper_r_eye")
        self.skirt = self._triangles(data, "helper_skirt")
        head = self.bone["head"]
        below = {head}
        for i, p in enumerate(self.parent):
            if int(p) in below:
                below.add(i)
        self.lobe: dict[str, npt.NDArray[np.int64]] = {}
        for side in "lr":
            i = self.target[f"ears/{side}-ear-lobe-incr"]
            self.lobe[side] = self._index[self._offset[i] : self._offset[i + 1]].astype(np.int64)
        self.on_head = self.weights[:, sorted(below)].sum(1)
        self._finer: tuple[scipy.sparse.csr_matrix, Triangles] | None = None
        self._hair_finer: dict[str, tuple[scipy.sparse.csr_matrix, Triangles]] = {}

    @staticmethod
    def _triangles(data: dict[str, npt.NDArray[np.generic]], *groups: str) -> Triangles:
        quads = np.concatenate([data[f"quads_{g}"] for g in groups]).astype(np.int64)
        return np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])

    def finer(self) -> tuple[scipy.sparse.csr_matrix, Triangles]:
        """One Loop step of the body, for heads seen large."""
        if self._finer is None:
            self._finer = loop_matrix(self.body, len(self.base))
        return self._finer

    def morph(self, amounts: dict[str, float]) -> Points:
        """Vertices (N, 3) at rest; names that are no target (the average body has none) are passed over."""
        vertices: Points = self.base.copy()
        for name, amount in amounts.items():
            i = self.target.get(name)
            if i is None:
                continue
            part = slice(self._offset[i], self._offset[i + 1])
            vertices[self._index[part]] += self._delta[part] * (amount / 1000.0)  # an index appears once a target
        return vertices

    def joints(self, vertices: Points) -> Points:
        """Where each bone begins (bones, 3)."""
        return np.stack([vertices[index].mean(0) for index in self._joint])

    def pose(self, vertices: Points, rotations: Rotations) -> Points:
        """Linear blend skinning with (bones, 3, 3) rotations in rest axes."""
        joints = self.joints(vertices)
        turn, place = np.zeros((len(self.bones), 3, 3)), np.zeros((len(self.bones), 3))
        for i, p in enumerate(self.parent):
            if p < 0:
                turn[i], place[i] = rotations[i], joints[i]
            else:
                turn[i] = turn[p] @ rotations[i]
                place[i] = place[p] + turn[p] @ (joints[i] - joints[p])
        offset = place - np.einsum("nij,nj->ni", turn, joints)
        affine = (self._skin @ np.concatenate([turn, offset[..., None]], -1).reshape(-1, 12)).reshape(-1, 3, 4)
        return np.asarray(np.einsum("nij,nj->ni", affine[..., :3], vertices) + affine[..., 3])

    def rotations(self, spec: dict[str, list], joints: Points) -> Rotations:  # type: ignore[type-arg]
        """Bone rotations from a direction spec: limb = [upper, lower(, hand or foot)], in body axes."""
        result = np.tile(np.eye(3), (len(self.bones), 1, 1))
        b = self.bone
        result[b["root"]] = _rotation(*spec.get("root", (0, 0, 0)))
        for name in ("spine04", "spine03", "spine02", "spine01"):
            result[b[name]] = _rotation(*(np.array(spec.get("spine", (0, 0, 0))) / 4))
        for name in ("neck01", "neck02", "head"):
            result[b[name]] = _rotation(*(np.array(spec.get("head", (0, 0, 0))) / 3))
        aims: dict[int, Points] = {}
        hands: dict[int, Points] = {}
        for side in "LR":
            for limb, upper, lower in (("arm", "upperarm01", "lowerarm01"), ("leg", "upperleg01", "lowerleg01")):
                aim = spec.get(limb + side)
                if aim is None and side == "R" and limb + "L" in spec:
                    aim = [[-q[0], q[1], q[2]] for q in spec[limb + "L"]]
                if aim is None:
                    continue
                end = b[("wrist." if limb == "arm" else "foot.") + side]
                first, second = b[f"{upper}.{side}"], b[f"{lower}.{side}"]
                rest_1, rest_2 = _unit(joints[second] - joints[first]), _unit(joints[end] - joints[second])
                hinge_rest = np.array([1.0, 0, 0]) if limb == "leg" else _unit(np.cross(rest_1, [0, 0, 1.0]))
                u, v = _unit(aim[0]), _unit(aim[1])
                hinge = np.asarray(np.cross(u, v), np.float64)
                if np.linalg.norm(hinge) < 0.05:
                    hinge = hinge_rest
                aims[first] = _axes(u, hinge) @ _axes(rest_1, hinge_rest).T
                aims[second] = _axes(v, hinge) @ _axes(rest_2, hinge_rest).T
                if len(aim) > 2 and limb == "leg":
                    aims[end] = _axes(_unit(aim[2]), hinge) @ _axes(np.array([0, 0, 1.0]), hinge_rest).T
                elif len(aim) > 2:
                    hands[end] = _unit(aim[2])
        world = np.zeros_like(result)
        for i, p in enumerate(self.parent):
            before = world[p] if p >= 0 else np.eye(3)
            if i in aims:
                result[i] = before.T @ world[b["root"]] @ aims[i]
            elif i in hands:
                now = before @ _unit(joints[b["finger3-1." + self.bones[i][-1]]] - joints[i])
                v = np.cross(now, hands[i])
                k = np.array([[0, -v[2], v[1]], [v[2], 0, -v[0]], [-v[1], v[0], 0]])
                result[i] = before.T @ (np.eye(3) + k + k @ k / (1 + now @ hands[i] + 1e-6)) @ before
            world[i] = before @ result[i]
        return result

    def hair(self, name: str, vertices: Points) -> Mesh:
        """A hair mesh fitted to the vertices at rest."""
        part = {key: self._hair[f"{name}__{key}"] for key in ("ref", "w", "off", "scale", "faces")}
        size = [
            abs(vertices[int(a), i] - vertices[int(b), i]) / d if a != b else 1.0
            for i, (a, b, d) in enumerate(part["scale"])
        ]
        fitted = (vertices[part["ref"].astype(int)] * part["w"][..., None]).sum(1) + part["off"] * np.array(size)
        if name not in self._hair_finer:
            matrix, triangles = loop_matrix(part["faces"].astype(np.int64), len(fitted))
            again, triangles = loop_matrix(triangles, matrix.shape[0])
            self._hair_finer[name] = again @ matrix, triangles
        matrix, triangles = self._hair_finer[name]
        return Mesh(np.asarray(matrix @ fitted), triangles)


def random_morph(model: BodyModel, rng: Rng) -> tuple[dict[str, float], bool]:
    """Amounts of targets for a random person, faces somewhat exaggerated; and whether it is a woman."""
    woman = bool(rng.random() < 0.4)
    sex = "female" if woman else "male"
    age = str(rng.choice(["young", "young", "young", "young", "old", "child"], p=[0.2, 0.2, 0.2, 0.22, 0.1, 0.08]))
    amounts: dict[str, float] = {}
    share = rng.dirichlet([0.9, 0.9, 0.9])
    for race, part in zip(("asian", "african", "caucasian"), share, strict=True):
        amounts[f"macrodetails/{race}-{sex}-{age}"] = float(part)
    muscle = rng.choice(["averagemuscle", "maxmuscle", "minmuscle"])
    weight = rng.choice(["averageweight", "averageweight", "maxweight", "minweight"])
    amounts[f"macrodetails/universal-{sex}-{age}-{muscle}-{weight}"] = rng.uniform(0.3, 1.0)
    if woman:
        cup = f"breast/female-{age}-averagemuscle-averageweight-maxcup-averagefirmness"
        amounts[cup] = rng.uniform(0.2, 0.9)
    for group, count, most in (
        ("nose", 3, 1.0),
        ("mouth", 3, 0.9),
        ("chin", 2, 0.7),
        ("cheek", 1, 0.8),
        ("head", 2, 0.6),
        ("torso", 1, 0.5),
        ("hip", 1, 0.5),
        ("stomach", 1, 0.6),
    ):
        for name in rng.choice(model.target_groups[group], count, replace=False):
            if "trans" not in name:
                amounts[str(name)] = rng.uniform(0.1, most)
    strong = rng.uniform(0.0, 1.0)
    for name in (
        "eyes/{}-eye-scale-incr",
        "ears/{}-ear-lobe-incr",
        "ears/{}-ear-scale-incr",
        "eyes/{}-eye-bag-incr",
        "eyes/{}-eye-push1-out",
    ):
        amount = strong * rng.uniform(0.0, 1.0)
        for side in "lr":
            amounts[name.format(side)] = amount
    for name in (
        "nose/nose-volume-incr",
        "nose/nose-width3-incr",
        "mouth/mouth-upperlip-volume-incr",
        "mouth/mouth-lowerlip-volume-incr",
        "mouth/mouth-scale-horiz-incr",
        "nose/nose-scale-depth-incr",
    ):
        amounts[name] = strong * rng.uniform(0.0, 1.0)
    full = rng.uniform(0.4, 1.0)
    if rng.random() < 0.4:  # broad and full, as most of Borobudur's faces are
        for name in ("l-cheek-volume-incr", "r-cheek-volume-incr"):
            amounts[f"cheek/{name}"] = full
        for name in ("head-fat-incr", "head-round", "head-scale-horiz-incr"):
            amounts[f"head/{name}"] = full * rng.uniform(0.3, 0.9)
    return amounts, woman


def _stands(name: str) -> bool:
    return name in STANDING or name.startswith("standing")


def random_pose(model: BodyModel, joints: Points, rng: Rng, holdout: bool) -> tuple[Rotations, str, float]:
    """A recorded or written pose, limbs exchanged between poses and shaken at random.

    Returns:
        its rotations, its name, and how far a composite one's head is turned against its chest in degrees, else 0.
    """
    seated = bool(rng.random() < SEATED_SHARE)
    names = [n for n in (*model.directed, *model.recorded, *STANDING) if (n in SEATED) == seated]
    name = pick(rng, names, holdout)
    turned = 0.0
    if _stands(name) and rng.random() < COMPOSITE_SHARE:
        turned = float(rng.choice([-1.0, 1.0]) * rng.uniform(60, 85))
    if name in model.recorded:
        rotations = model.recorded[name].copy()
        shake = rng.normal(0, 5, (len(model.bones), 3))
        for bone in (
            "spine03",
            "neck01",
            "head",
            "upperarm01.L",
            "upperarm01.R",
            "lowerarm01.L",
            "lowerarm01.R",
            "upperleg01.L",
            "upperleg01.R",
        ):
            i = model.bone[bone]
            rotations[i] = rotations[i] @ _rotation(*shake[i])
    else:
        spec = {key: list(value) for key, value in model.directed[name].items()}
        if rng.random() < 0.5:
            other = model.directed[pick(rng, list(model.directed), holdout)]
            for key in ("armL", "armR", "head"):
                spec.pop(key, None)
                if key in other:
                    spec[key] = list(other[key])
        if turned:
            spec |= {key: list(model.directed["walk"][key]) for key in ("legL", "legR")}
        loose = rng.uniform(0.02, 0.16)
        for key, value in spec.items():
            if key[:3] in ("arm", "leg"):
                if key[:3] == "leg" and name not in STANDING:
                    loose = min(loose, 0.06)
                spec[key] = [_unit(_unit(v) + rng.normal(0, loose, 3)).tolist() for v in value]
        spec["head"] = (np.array(spec.get("head", (0, 0, 0))) + rng.normal(0, [9, 16, 8])).tolist()
        spec["spine"] = (np.array(spec.get("spine", (0, 0, 0))) + rng.normal(0, 4, 3)).tolist()
        rotations = model.rotations(spec, joints)
    if turned:  # the hips with the head, and the chest back
        hips = turned * rng.uniform(0.6, 1.0)
        rotations[model.bone["root"]] = _rotation(y=hips) @ rotations[model.bone["root"]]
        for bone in ("spine04", "spine03", "spine02", "spine01"):
            rotations[model.bone[bone]] = rotations[model.bone[bone]] @ _rotation(y=-hips / 4)
        nod = rng.normal(0, 8)
        for bone in ("neck01", "neck02", "head"):
            rotations[model.bone[bone]] = _rotation(x=nod / 3, y=turned / 3)
    rotations[model.bone["head"]] *= rng.uniform(1.0, 1.28)  # carvers make heads and hands large
    hands = rng.uniform(0.95, 1.2)
    for side in "LR":
        wrist = model.bone["wrist." + side]
        rotations[wrist] *= hands
        curl = rng.choice([0.0, rng.uniform(0, 30), rng.uniform(40, 80)])
        across = _unit(joints[model.bone["finger5-1." + side]] - joints[model.bone["finger2-1." + side]])
        ahead = _unit(joints[model.bone["finger3-2." + side]] - joints[model.bone["finger3-1." + side]])
        thumb = joints[model.bone["finger1-3." + side]] - joints[wrist]
        sign = 1.0 if np.cross(across, ahead) @ thumb > 0 else -1.0
        turn, _ = cv2.Rodrigues(across * sign * np.radians(curl))
        for finger in range(2, 6):
            for part in range(1, 4):
                i = model.bone[f"finger{finger}-{part}.{side}"]
                rotations[i] = rotations[i] @ turn
    return rotations, name, turned


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
    near = np.abs(offset @ _unit(normal)) < 0.12
    near &= np.linalg.norm(offset, axis=1) < reach
    near[13380:] = False  # helpers lie behind the body's own vertices
    index = np.flatnonzero(near)
    if len(index) < 6:
        return np.zeros((0, 3))
    side = _unit(np.cross(normal, [0.3, 0.2, 1.0]))
    other = np.cross(_unit(normal), side)
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


def _jewellery(model: BodyModel, rest: Points, posed: Points, joints: Points, rng: Rng, dressing: Dressing) -> None:
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


def _headgear(
    rest: Points,
    eyes: float,
    on_head: npt.NDArray[np.float64],
    rng: Rng,
    dressing: Dressing,
    bare: bool,
    composite: bool,
) -> None:
    """Crowns, piled hair, helmets, curls and caps in rest axes (the caller carries them to the pose)."""
    skull = rest[:13380][on_head[:13380] > 0.6]
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
        strands = int(rng.integers(12, 22))
        for t in np.linspace(0, 1, 60):
            f = wide * (1 - 0.3 * t) * (0.85 + 0.15 * abs(math.sin(np.pi * rows * t))) * math.sqrt(1 - t**6)
            y = top - 0.3 + t * tall
            dressing.add(circle(y, f, strands), 2.8 * half_x * f / strands)
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


def _beard(
    rest: Points,
    mouth: Points,
    on_head: npt.NDArray[np.float64],
    long: bool,
    rng: Rng,
    worn: Dressing,
    hanging: Dressing,
) -> None:
    """Curls along the jaw, and rows of them that hang from the chin, to the chest where long; in rest axes."""
    skull = rest[:13380][on_head[:13380] > 0.6]
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


def _earrings(lobes: Points, rng: Rng, dressing: Dressing) -> None:
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


def _held(model: BodyModel, posed: Points, rng: Rng, dressing: Dressing) -> None:
    """A staff, flower stem, sword or round shield in one hand."""
    joints = model.joints(posed)
    side = str(rng.choice(["L", "R"]))
    hand = 0.4 * joints[model.bone["wrist." + side]] + 0.6 * joints[model.bone["finger3-1." + side]]
    kind = rng.choice(["staff", "lotus", "sword", "shield"])
    lean = _unit([rng.normal(0, 0.25), 1.0, rng.normal(0, 0.15)])
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


def _fold_height(
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


def _carved_face(rest: Points, joints: Points, model: BodyModel, rng: Rng) -> npt.NDArray[np.float64]:
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


def _strands(at_rest: Points, middle: Points, rng: Rng) -> npt.NDArray[np.float64]:
    """Locks of hair in decimetres: ridges that run down from the crown of the head, straight or wavy, or in rows."""
    x, y, z = (at_rest - middle).T
    around = np.arctan2(x, z + 0.2)
    wave = rng.choice([0.0, rng.uniform(0.1, 0.4)]) * np.sin(y * rng.uniform(4, 12))
    phase = (around + wave) * rng.uniform(3, 9)
    height = np.abs(np.sin(phase)) ** 0.6
    if rng.random() < 0.3:
        height = height * np.abs(np.sin(y * rng.uniform(6, 14))) ** 0.6
    return np.asarray(rng.uniform(0.04, 0.1) * height)


def _in_front(z: Canvas, points: Points, most: float) -> bool:
    """Whether nothing of a canvas lies further than so many pixels before any of some points (x, y, depth)."""
    rows, columns = z.shape
    across, down = (np.rint(points[:, k]).astype(int) for k in (0, 1))
    if (across < 0).any() or (down < 0).any() or (across >= columns).any() or (down >= rows).any():
        return False
    return bool((z[down, across] - points[:, 2] < most).all())


def _shows_face(z: Canvas, face: Points, gaze: Points, across: Points, most: float) -> bool:
    """Whether both eyes and the mouth are seen, or in profile the near eye and corner of the mouth.

    Args:
        z: canvas.
        face: (5, 3) where the joints of FACE lie on it.
        gaze: (3,) unit vector ahead of the head, in view axes.
        across: likewise, to its left.
        most: of `_in_front`.
    """
    if gaze[2] > math.cos(math.radians(SEEN_DEG)):
        return _in_front(z, face[:3], most)
    in_profile = abs(across[2]) > math.sin(math.radians(SEEN_DEG)) and gaze[2] > math.cos(math.radians(PROFILE_DEG))
    # The temple lies further before an eye than its lid.
    return in_profile and _in_front(z, face[[0, 3] if across[2] > 0 else [1, 4]], 1.3 * most)


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
    head_rest[13380:] = False
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
    standing = _stands(name)
    if not close and (standing or name in STRIDING) and rng.random() < 0.55:
        hem = hem if standing else kilt
        worn_part = (rest[model.skirt][:, :, 1] > hem).all(1)
        parts.append((posed, rest, model.skirt[worn_part], CLOTH))
    haired = bool(rng.random() < 0.25)
    if haired:
        hair = model.hair(pick(rng, model.hairs, holdout), rest)
        parts.append(((hair.vertices - from_) @ turn.T + to, hair.vertices, hair.triangles, HAIR))

    dressing, worn, grown, beard = Dressing(), Dressing(), Dressing(), Dressing()
    _headgear(rest, float(joints[model.bone["eye.L"]][1]), model.on_head, rng, worn, not haired, turned != 0)
    if rng.random() < 0.5:
        _earrings(np.array([rest[model.lobe[side]].mean(0) for side in "lr"]), rng, worn)
    if not woman and rng.random() < (0.8 if turned else 0.3):
        _beard(rest, joints[model.bone["oris05"]], model.on_head, turned != 0, rng, worn, grown)
    size_of_head = float(np.cbrt(abs(np.linalg.det(turn))))
    for on_head, posed_too in ((worn, dressing), (grown, beard)):
        for centres, radii, flatness in on_head.items:
            posed_too.add((centres - from_) @ turn.T + to, radii * size_of_head, flatness)
    _jewellery(model, rest, posed, joints, rng, dressing)
    if not close and rng.random() < 0.3:
        _held(model, posed, rng, dressing)

    yaw = float(np.sign(turned)) * rng.uniform(-5, 20) if turned else _random_yaw(rng)
    view = view_matrix(yaw, rng.uniform(-8, 13))
    if name in FLOATING and rng.random() < 0.7:
        view = _rotation(z=rng.uniform(-50, 50)) @ view
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
        carved = np.where(material == HAIR, 0, _fold_height(at_rest, joints, model, material == CLOTH, hem, rng))
    if rng.random() < FACES_CARVED:
        carved += (material == SKIN) * _carved_face(at_rest, joints, model, rng)
    if haired and rng.random() < 0.8:
        carved += (material == HAIR) * _strands(at_rest, from_, rng)
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
    seen_face = _shows_face(z, face, gaze, across, BEHIND_SKIN * frame.scale * size_of_head)
    return finished(z, "figure", rng, head, upright, holdout, 1.0 if close else 0.7, seen_face)
