"""The body: morph targets, skeleton, skin weights, hair.

Convention: of `training.height_maps`.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
import scipy.sparse

from training.height_maps import Mesh, Triangles, loop_matrix
from training.procedural import Points

Rotations = npt.NDArray[np.float64]
BODY_VERTICES = 13380
"""Those of the body itself come first; helpers, for clothes and joints, lie behind them."""
OVER_FACES = {"bob01", "bob02"}
"""Hair that lies over more than a third of a face between brows and lips."""


def rotation(x: float = 0.0, y: float = 0.0, z: float = 0.0) -> Points:
    """Rotation (3, 3) by degrees about x, then y, then z."""
    a, b, c = np.radians([x, y, z])
    about_x = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    about_y = np.array([[np.cos(b), 0, np.sin(b)], [0, 1, 0], [-np.sin(b), 0, np.cos(b)]])
    about_z = np.array([[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]])
    return np.asarray(about_z @ about_y @ about_x)


def unit(v: npt.ArrayLike) -> Points:
    """A vector of length 1 along another."""
    a = np.asarray(v, np.float64)
    return np.asarray(a / max(float(np.linalg.norm(a)), 1e-9))


def _axes(along: Points, across: Points) -> Points:
    a = unit(along)
    h = unit(across - a * (across @ a))
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
        result[b["root"]] = rotation(*spec.get("root", (0, 0, 0)))
        for name in ("spine04", "spine03", "spine02", "spine01"):
            result[b[name]] = rotation(*(np.array(spec.get("spine", (0, 0, 0))) / 4))
        for name in ("neck01", "neck02", "head"):
            result[b[name]] = rotation(*(np.array(spec.get("head", (0, 0, 0))) / 3))
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
                rest_1, rest_2 = unit(joints[second] - joints[first]), unit(joints[end] - joints[second])
                hinge_rest = np.array([1.0, 0, 0]) if limb == "leg" else unit(np.cross(rest_1, [0, 0, 1.0]))
                u, v = unit(aim[0]), unit(aim[1])
                hinge = np.asarray(np.cross(u, v), np.float64)
                if np.linalg.norm(hinge) < 0.05:
                    hinge = hinge_rest
                aims[first] = _axes(u, hinge) @ _axes(rest_1, hinge_rest).T
                aims[second] = _axes(v, hinge) @ _axes(rest_2, hinge_rest).T
                if len(aim) > 2 and limb == "leg":
                    aims[end] = _axes(unit(aim[2]), hinge) @ _axes(np.array([0, 0, 1.0]), hinge_rest).T
                elif len(aim) > 2:
                    hands[end] = unit(aim[2])
        world = np.zeros_like(result)
        for i, p in enumerate(self.parent):
            before = world[p] if p >= 0 else np.eye(3)
            if i in aims:
                result[i] = before.T @ world[b["root"]] @ aims[i]
            elif i in hands:
                now = before @ unit(joints[b["finger3-1." + self.bones[i][-1]]] - joints[i])
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
