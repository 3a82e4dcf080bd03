"""Meshes drawn from the front as height maps of single shapes.

Convention:
    Meshes: x to the model's left (the picture's right), y up, z to the viewer. A map (rows, columns): x right, y down,
    value = height toward the viewer in pixels, from 1 at the farthest visible point; OUTSIDE beyond the silhouette.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import scipy.sparse
from numba import njit

from training.library import OUTSIDE
from training.procedural import EMPTY, Canvas, Points, Rng

Triangles = npt.NDArray[np.int64]

MAX_HEIGHT = 1000.0
MARGIN_PX = 4
"""Around what is drawn."""
HELD_OUT = {
    "rajalila",
    "archer",
    "stand_offer",
    "seiza_anjali",
    "fight03",
    "run01",
    "standing04",
    "Nymph",
    "Gutenberg",
    "Farm_Animals_Animated___Zebra",
    "Animal_Pack_Vol.2__Wolf",
    "Farm_Animals_Animated___Pig",
    "Fish_Pack_Animated__Fish2",
    "Medieval_Weapons_Pack__Sword_2",
    "Medieval_Weapons_Pack__Shield_Round_2",
    "Ship_pack__Viking_boat",
    "Civilization_Buildings__Pantheon",
}


@dataclass(frozen=True)
class HeightMap:
    """One shape's map with what the composer needs to place it.

    Attributes:
        height: (rows, columns) float32, pixels toward the viewer, OUTSIDE beyond the silhouette.
        segment: one of SEGMENT_CLASSES.
        head: x, y and radius of the head in pixels, or -1 each.
        upright: stands on the ground line.
        holdout: made of shapes kept apart for testing.
        face: both eyes and the mouth of its head are seen, or in profile the near ones.
    """

    height: Canvas
    segment: str
    head: tuple[float, float, float] = (-1.0, -1.0, -1.0)
    upright: bool = True
    holdout: bool = False
    face: bool = False


@dataclass(frozen=True)
class Mesh:
    """Triangles: vertices (N, 3) and indices (M, 3)."""

    vertices: Points
    triangles: Triangles


@njit(cache=True)
def z_buffer(points: Points, triangles: Triangles, rows: int, columns: int) -> tuple[Canvas, npt.NDArray[np.int32]]:
    z = np.full((rows, columns), np.float32(-1.0e6), np.float32)
    owner = np.full((rows, columns), -1, np.int32)
    for t in range(triangles.shape[0]):
        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        x0, y0, z0 = points[a, 0], points[a, 1], points[a, 2]
        x1, y1, z1 = points[b, 0] - x0, points[b, 1] - y0, points[b, 2] - z0
        x2, y2, z2 = points[c, 0] - x0, points[c, 1] - y0, points[c, 2] - z0
        area = x1 * y2 - x2 * y1
        if abs(area) < 1e-12:
            continue
        inverse = 1.0 / area
        left = max(0, int(np.ceil(x0 + min(0.0, x1, x2))))
        right = min(columns - 1, int(np.floor(x0 + max(0.0, x1, x2))))
        top = max(0, int(np.ceil(y0 + min(0.0, y1, y2))))
        bottom = min(rows - 1, int(np.floor(y0 + max(0.0, y1, y2))))
        for v in range(top, bottom + 1):
            for u in range(left, right + 1):
                w1 = ((u - x0) * y2 - (v - y0) * x2) * inverse
                w2 = ((v - y0) * x1 - (u - x0) * y1) * inverse
                if w1 < -1e-9 or w2 < -1e-9 or w1 + w2 > 1.0 + 1e-9:
                    continue
                h = z0 + w1 * z1 + w2 * z2
                if h > z[v, u]:
                    z[v, u] = h
                    owner[v, u] = t
    return z, owner


def load_meshes(path: Path) -> tuple[list[Points], Triangles]:
    """The poses (each (N, 3)) and the triangles of one packed mesh, equal vertices merged."""
    with np.load(path) as packed:
        vertices = packed["v"].astype(np.float64)
        triangles = packed["f"].astype(np.int64)
    key = np.round(vertices.transpose(1, 0, 2).reshape(vertices.shape[1], -1), 5)
    _, first, inverse = np.unique(key, axis=0, return_index=True, return_inverse=True)
    triangles = inverse.reshape(-1)[triangles]
    distinct = (np.diff(np.sort(triangles, axis=1), axis=1) > 0).all(1)
    return [v[first] for v in vertices], triangles[distinct]


def loop_matrix(triangles: Triangles, count: int) -> tuple[scipy.sparse.csr_matrix, Triangles]:
    """One step of Loop subdivision as a matrix (new, count) to multiply the vertices with, and the new triangles.

    Source: Loop 1987, with Warren's weights (3/16 at valence 3, else 3/(8 n)); borders stay where they are.
    """
    pairs = np.sort(np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]]), axis=1)
    opposite = np.concatenate([triangles[:, 2], triangles[:, 0], triangles[:, 1]])
    edges, of_edge, uses = np.unique(pairs, axis=0, return_inverse=True, return_counts=True)
    of_edge = of_edge.reshape(-1)
    inner = uses == 2
    n = len(edges)
    ends = np.where(inner, 3 / 8, 1 / 2)
    rows = [count + np.arange(n), count + np.arange(n), count + of_edge[inner[of_edge]]]
    columns = [edges[:, 0], edges[:, 1], opposite[inner[of_edge]]]
    values = [ends, ends, np.full(int(inner[of_edge].sum()), 1 / 8)]
    valence = np.bincount(edges.reshape(-1), minlength=count)
    fixed = np.zeros(count, bool)
    fixed[edges[~inner].reshape(-1)] = True
    beta = np.where(valence == 3, 3 / 16, 3 / (8 * np.maximum(valence, 1)))
    beta[fixed | (valence == 0)] = 0
    rows += [np.arange(count), edges[:, 0], edges[:, 1]]
    columns += [np.arange(count), edges[:, 1], edges[:, 0]]
    values += [1 - beta * valence, beta[edges[:, 0]], beta[edges[:, 1]]]
    matrix = scipy.sparse.csr_matrix(
        (np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))), shape=(count + n, count)
    )
    middle = (count + of_edge).reshape(3, -1).T  # of edges 01, 12, 20
    a, b, c = triangles.T
    ab, bc, ca = middle.T
    finer = np.concatenate([np.stack(t, 1) for t in ((a, ab, ca), (b, bc, ab), (c, ca, bc), (ab, bc, ca))])
    return matrix, finer


def view_matrix(yaw_deg: float, pitch_deg: float) -> Points:
    """Turns the model by yaw about the vertical (its front to the picture's right), then looks from pitch above."""
    a, b = np.radians([yaw_deg, pitch_deg])
    turn = np.array([[np.cos(a), 0, np.sin(a)], [0, 1, 0], [-np.sin(a), 0, np.cos(a)]])
    tilt = np.array([[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]])
    return np.asarray(tilt @ turn)


@dataclass
class Frame:
    """An orthographic picture plane: pixels = (scale x + left, top - scale y, scale z)."""

    scale: float
    left: float
    top: float
    rows: int
    columns: int

    @classmethod
    def around(cls, points: Points, size: int) -> Frame:
        """The frame whose longer side is size pixels and holds the points."""
        low, high = points.min(0), points.max(0)
        scale = (size - 2 * MARGIN_PX) / max(high[0] - low[0], high[1] - low[1], 1e-9)
        rows, columns = (int(np.ceil(scale * (high[i] - low[i]))) + 2 * MARGIN_PX for i in (1, 0))
        return cls(scale, MARGIN_PX - scale * low[0], MARGIN_PX + scale * high[1], rows, columns)

    def project(self, points: Points) -> Points:
        """Pixels (N, 3) of points in view axes."""
        x, y, z = points.T
        return np.stack([self.scale * x + self.left, self.top - self.scale * y, self.scale * z], 1)


def render_mesh(mesh: Mesh, size: int, yaw_deg: float = 0.0, pitch_deg: float = 0.0) -> Canvas:
    """The canvas (EMPTY outside) of a mesh whose longer side becomes size pixels."""
    seen = mesh.vertices @ view_matrix(yaw_deg, pitch_deg).T
    frame = Frame.around(seen[np.unique(mesh.triangles)], size)
    z, _ = z_buffer(frame.project(seen), mesh.triangles, frame.rows, frame.columns)
    return z


def halve(canvas: Canvas) -> Canvas:
    """Half the size: the mean of what is drawn, where at least two of four pixels are; heights halved too."""
    rows, columns = canvas.shape[0] // 2 * 2, canvas.shape[1] // 2 * 2
    blocks = canvas[:rows, :columns].reshape(rows // 2, 2, columns // 2, 2).transpose(0, 2, 1, 3).reshape(-1, 4)
    drawn = blocks > EMPTY / 2
    count = drawn.sum(1)
    mean = np.where(drawn, blocks, 0).sum(1) / np.maximum(count, 1) * 0.5
    return np.where(count >= 2, mean, EMPTY).astype(np.float32).reshape(rows // 2, columns // 2)


def smooth_inside(canvas: Canvas, sigma_px: float) -> Canvas:
    """Gaussian smoothing of what is drawn, blind to what is not."""
    mask = (canvas > EMPTY / 2).astype(np.float32)
    value = cv2.GaussianBlur(np.where(mask > 0, canvas, 0).astype(np.float32), (0, 0), sigma_px)
    weight = cv2.GaussianBlur(mask, (0, 0), sigma_px)
    return np.where(mask > 0, value / np.maximum(weight, 1e-6), EMPTY).astype(np.float32)


def crop(canvas: Canvas, head: tuple[float, float, float]) -> tuple[Canvas, tuple[float, float, float]] | None:
    """The tight crop from height 1 with OUTSIDE beyond the silhouette; None where next to nothing is drawn."""
    mask = canvas > EMPTY / 2
    if mask.sum() < 64:
        return None
    ys, xs = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    part = (slice(ys[0], ys[-1] + 1), slice(xs[0], xs[-1] + 1))
    value = canvas[part]
    far = max(float(value[mask[part]].min()), float(value[mask[part]].max()) - MAX_HEIGHT + 1.0)  # keep what is near
    value = np.where(mask[part], np.clip(value - far + 1.0, 1.0, MAX_HEIGHT), OUTSIDE)
    if head[2] > 0:
        head = (head[0] - float(xs[0]), head[1] - float(ys[0]), head[2])
    return value.astype(np.float32), head


def turned_in_plane(canvas: Canvas, angle_deg: float) -> Canvas:
    """The canvas turned about its centre, grown to hold all of it."""
    rows, columns = canvas.shape
    matrix = cv2.getRotationMatrix2D((columns / 2, rows / 2), angle_deg, 1.0)
    c, s = abs(matrix[0, 0]), abs(matrix[0, 1])
    wide, tall = int(columns * c + rows * s) + 4, int(columns * s + rows * c) + 4
    matrix[:, 2] = matrix[:, 2] + np.array([wide / 2 - columns / 2, tall / 2 - rows / 2])
    mask = (canvas > EMPTY / 2).astype(np.float32)
    weight = cv2.warpAffine(mask, matrix, (wide, tall))
    value = cv2.warpAffine(np.where(mask > 0, canvas, 0).astype(np.float32), matrix, (wide, tall))
    return np.where(weight > 0.5, value / np.maximum(weight, 1e-6), EMPTY).astype(np.float32)


def random_size(rng: Rng) -> int:
    """Longer side of a map in pixels; it is drawn at twice the size."""
    return int(np.clip(rng.normal(480, 90), 240, 672))


def finished(
    canvas: Canvas,
    segment: str,
    rng: Rng,
    head: tuple[float, float, float] = (-1.0, -1.0, -1.0),
    upright: bool = True,
    holdout: bool = False,
    sigma_px: float = 0.5,
    face: bool = False,
) -> HeightMap | None:
    """The map of a canvas drawn at twice the size; mirrored at random."""
    small = smooth_inside(halve(canvas), sigma_px)
    if rng.random() < 0.5:
        small = np.ascontiguousarray(small[:, ::-1])
        head = (small.shape[1] - 1 - head[0], head[1], head[2]) if head[2] > 0 else head
    done = crop(small, head)
    if done is None:
        return None
    return HeightMap(done[0], segment, done[1], upright, holdout, face)


def pick(rng: Rng, names: list[str], holdout: bool) -> str:
    """One of the names that are held out, or one of those that are not."""
    kept = [n for n in names if (n in HELD_OUT) == holdout] or names
    return str(kept[int(rng.integers(len(kept)))])
