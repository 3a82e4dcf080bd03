"""Height maps of single shapes, from posed bodies, animals, statues and things; writes the library for training.

Convention: of `training.height_maps`.
"""

from __future__ import annotations

import argparse
import logging
import multiprocessing
import os
import time
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from inference.prediction import SEGMENT_CLASSES
from training import procedural
from training.bodies import body_map
from training.body_model import BodyModel
from training.height_maps import (
    HeightMap,
    Mesh,
    Triangles,
    finished,
    load_meshes,
    loop_matrix,
    pick,
    random_size,
    render_mesh,
    turned_in_plane,
)
from training.library import packed
from training.people import random_morph
from training.procedural import EMPTY, Points, Rng

LOG = logging.getLogger(__name__)

HOLDOUT_EVERY = 12

ANIMALS = ("Animal", "Farm", "Fish", "Easy", "Monster")
LYING = ("Sword", "Dagger", "Axe", "Spear", "Bow", "Ladder", "Rope", "sword")


class ShapeMaker:
    """Makes random height maps out of a folder of shapes."""

    def __init__(self, folder: Path) -> None:
        self.model = BodyModel(folder / "makehuman")
        self._paths = {
            p.stem: p
            for d in ("statues_threedscans", "quaternius_lowpoly", "odedstein_meshes")
            for p in sorted((folder / d).glob("*.npz"))
        }
        names = list(self._paths)
        self._statues = [n for n in names if self._paths[n].parent.name == "statues_threedscans"]
        others = [n for n in names if n not in self._statues]
        self._animals = [n for n in others if n.startswith(ANIMALS)] + ["spot", "fish", "cat-low-resolution"]
        self._buildings = [n for n in others if n.startswith("Civilization")]
        self._things = [n for n in others if n.startswith(("Medieval", "Ship", "Platformer"))] + [
            "sword",
            "hand_closed",
            "skull_low_resolution",
        ]
        self._load = lru_cache(maxsize=None)(self._load_uncached)

    def _load_uncached(self, name: str) -> tuple[list[Points], Triangles]:
        poses, triangles = load_meshes(self._paths[name])
        smooth = self._paths[name].parent.name == "quaternius_lowpoly" and name.startswith(ANIMALS)
        for _ in range(2 if smooth and len(triangles) < 6000 else 0):
            matrix, triangles = loop_matrix(triangles, len(poses[0]))
            poses = [np.asarray(matrix @ p) for p in poses]
        return poses, triangles

    def animal(self, rng: Rng, holdout: bool) -> HeightMap | None:
        """An animal, an elephant, or a horse with its rider."""
        choice = rng.random()
        size = 2 * random_size(rng)
        if choice < 0.22:
            canvas, upright = procedural.make("elephant", size, rng)
            return finished(canvas, "animal", rng, upright=upright, holdout=holdout, sigma_px=0.8)
        if choice < 0.36:
            return self.rider(rng, size, holdout)
        name = pick(rng, self._animals + [n for n in self._animals if n.startswith("Farm")], holdout)
        poses, triangles = self._load(name)
        vertices = poses[int(rng.integers(len(poses)))]
        along = np.ptp(vertices, axis=0)
        profile = 0.0 if along[0] > along[2] else 90.0
        yaw = profile + float(
            rng.choice([rng.normal(0, 10), rng.normal(0, 35), rng.uniform(0, 360)], p=[0.5, 0.4, 0.1])
        )
        swims = "ish" in name or any(k in name for k in ("Whale", "Shark", "Dolphin", "Manta", "Eagle", "bird"))
        canvas = render_mesh(
            Mesh(vertices, triangles), size, yaw, rng.uniform(-6, 15) + (rng.uniform(0, 50) if "Manta" in name else 0)
        )
        if rng.random() < 0.3:
            relief = procedural.ornament(
                "scales" if swims else "curls", canvas.shape[0], canvas.shape[1], size / rng.uniform(14, 30), rng
            )
            canvas = np.where(canvas > EMPTY / 2, canvas + size * rng.uniform(0.004, 0.012) * relief, canvas).astype(
                np.float32
            )
        return finished(canvas, "animal", rng, upright=not swims, holdout=holdout, sigma_px=1.2)

    def rider(self, rng: Rng, size: int, holdout: bool) -> HeightMap | None:
        """A horse and its rider."""
        poses, triangles = self._load("Farm_Animals_Animated___Horse")
        horse = poses[int(rng.integers(len(poses)))] * 21.0
        near = (np.abs(horse[:, 0]) < 1.5) & (np.abs(horse[:, 2] + 1.0) < 2.5)
        model = self.model
        rest = model.morph(random_morph(model, rng)[0])
        joints = model.joints(rest)
        spec = {k: list(v) for k, v in model.directed["ride"].items()}
        for key in ("armL", "armR"):
            arms = ["archer", "point_talk", "stand_offer", "ride", "stand_flywhisk"]
            other = model.directed[pick(rng, arms, holdout)]
            if key in other:
                spec[key] = list(other[key])
        rotations = model.rotations(spec, joints)
        rotations[model.bone["head"]] *= rng.uniform(1.0, 1.25)
        posed = model.pose(rest, rotations)
        seat = np.array([0, float(horse[near][:, 1].max()) if near.any() else 6.0, -1.0])
        posed = posed - model.joints(posed)[model.bone["root"]] + seat + np.array([0, 0.75, 0])
        both = Mesh(np.concatenate([horse, posed]), np.concatenate([triangles, model.body + len(horse)]))
        canvas = render_mesh(both, size, 90 + rng.normal(0, 14), rng.uniform(-5, 10))
        return finished(canvas, "animal", rng, holdout=holdout, sigma_px=0.9)

    def statue(self, rng: Rng, holdout: bool) -> HeightMap | None:
        """A museum statue seen from any side."""
        name = pick(rng, self._statues, holdout)
        poses, triangles = self._load(name)
        canvas = render_mesh(Mesh(poses[0], triangles), 2 * random_size(rng), rng.normal(0, 50), rng.uniform(-8, 12))
        segment = "architecture" if name == "Column03" else "figure"
        return finished(canvas, segment, rng, holdout=holdout, sigma_px=0.8)

    def thing(self, rng: Rng, holdout: bool) -> HeightMap | None:
        """A weapon, boat, ladder, vessel, parasol, wheel ..."""
        if rng.random() < 0.55:
            name = str(rng.choice(list(procedural.OBJECTS)))
            canvas, upright = procedural.make(name, 2 * random_size(rng), rng)
            lies = name in ("ladder", "bow", "staff")
        else:
            name = pick(rng, self._things, holdout)
            poses, triangles = self._load(name)
            lies = any(k in name for k in LYING)
            side = 90.0 if "boat" in name.lower() or "ship" in name.lower() or "Ladder" in name else 0.0
            if "Ladder" in name or "Rope" in name:
                side = 0.0
            yaw = side + rng.normal(0, 12 if lies else 25)
            canvas = render_mesh(Mesh(poses[0], triangles), 2 * random_size(rng), yaw, rng.uniform(-5, 15))
            upright = "hip" in name or "Fence" in name
        if lies and rng.random() < 0.7:
            canvas = turned_in_plane(
                canvas, float(rng.choice([rng.normal(0, 12), rng.normal(40, 12), rng.uniform(-180, 180)]))
            )
            upright = False
        return finished(canvas, "object", rng, upright=upright, holdout=holdout, sigma_px=0.5)

    def plant(self, rng: Rng, holdout: bool) -> HeightMap | None:
        """A tree, palm, bush, scroll or lotus."""
        name = str(rng.choice(list(procedural.PLANTS), p=[0.42, 0.14, 0.16, 0.14, 0.14]))
        canvas, upright = procedural.make(name, 2 * random_size(rng), rng)
        return finished(canvas, "plant", rng, upright=upright, holdout=holdout, sigma_px=0.6)

    def building(self, rng: Rng, holdout: bool) -> HeightMap | None:
        """A pavilion, tower, throne, stairs, arch or temple."""
        if rng.random() < 0.2:
            name = pick(rng, self._buildings, holdout)
            poses, triangles = self._load(name)
            canvas = render_mesh(
                Mesh(poses[0], triangles), 2 * random_size(rng), rng.normal(0, 25), rng.uniform(-3, 15)
            )
        else:
            name = str(rng.choice(list(procedural.ARCHITECTURE), p=[0.36, 0.26, 0.16, 0.08, 0.14]))
            canvas, _ = procedural.make(name, 2 * random_size(rng), rng)
        return finished(canvas, "architecture", rng, holdout=holdout)

    def make(self, seed: int, index: int) -> HeightMap:
        """The map number index of the library of this seed; every HOLDOUT_EVERY-th is of shapes held out."""
        rng = np.random.default_rng([seed, index])
        holdout = index % HOLDOUT_EVERY == 0
        while True:
            kind = rng.choice(
                ["body", "head", "bust", "animal", "statue", "thing", "plant", "building"],
                p=[0.48, 0.05, 0.06, 0.12, 0.04, 0.07, 0.12, 0.06],
            )
            if kind == "body":
                made = body_map(self.model, rng, holdout)
            elif kind in ("head", "bust"):
                made = body_map(self.model, rng, holdout, str(kind))
            else:
                makers = {"animal": self.animal, "statue": self.statue, "thing": self.thing, "plant": self.plant}
                made = makers.get(str(kind), self.building)(rng, holdout)
            if made is not None:
                return made


# ---- the library -------------------------------------------------------------------------------------------------

_maker: ShapeMaker | None = None


def _start(folder: Path) -> None:
    global _maker
    cv2.setNumThreads(1)
    _maker = ShapeMaker(folder)


def _make(job: tuple[int, int]) -> HeightMap:
    assert _maker is not None
    return _maker.make(*job)


def maps(folder: Path, count: int, seed: int, workers: int) -> Iterator[HeightMap]:
    """Height maps of shapes of a folder, in the order of their numbers however many processes make them."""
    start = time.monotonic()
    with multiprocessing.get_context("spawn").Pool(workers, _start, (folder,)) as pool:
        for done, made in enumerate(pool.imap(_make, ((seed, i) for i in range(count)), chunksize=4), 1):
            yield made
            if done % 250 == 0:
                LOG.info("%d of %d, %.1f a second", done, count, done / (time.monotonic() - start))


def write_library(made: Iterable[HeightMap], output: Path) -> None:
    """Writes heights.u16 and index.npz, which `training.library.Library` reads, into the folder output."""
    output.mkdir(parents=True, exist_ok=True)
    columns: dict[str, list[Any]] = {}
    offset = 0
    temporary = output / "heights.u16.part"
    with temporary.open("wb") as file:
        for shape in made:
            file.write(packed(shape.height).tobytes())
            row = {
                "offset": np.int64(offset),
                "rows": np.int32(shape.height.shape[0]),
                "columns": np.int32(shape.height.shape[1]),
                "segment": np.uint8(SEGMENT_CLASSES.index(shape.segment)),
                "head": np.array(shape.head, np.float32),
                "upright": bool(shape.upright),
                "holdout": np.uint8(shape.holdout),
                "face": bool(shape.face),
            }
            for name, value in row.items():
                columns.setdefault(name, []).append(value)
            offset += shape.height.size
    os.replace(temporary, output / "heights.u16")
    index = output / "index.part.npz"
    np.savez(index, **{name: np.array(values) for name, values in columns.items()})
    os.replace(index, output / "index.npz")


def main() -> None:
    """Command line: python -m training.shapes --shapes DIR --output DIR --count N --seed S --workers W."""
    parser = argparse.ArgumentParser(description="Writes a library of height maps of single shapes.")
    parser.add_argument("--shapes", type=Path, required=True, help="folder of the packed shapes")
    parser.add_argument("--output", type=Path, required=True, help="folder for heights.u16 and index.npz")
    parser.add_argument("--count", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    write_library(maps(arguments.shapes, arguments.count, arguments.seed, arguments.workers), arguments.output)


if __name__ == "__main__":
    main()
