"""A library of ready height maps of single shapes, as `training.shapes` writes it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from inference.prediction import SEGMENT_CLASSES

OUTSIDE = -1.0
"""What a height map says beyond the silhouette."""
SEATED_HEADS = (3.6, 5.5)
"""How many heads a seated or kneeling figure is high; of those above most are as slender as who stands."""
STEPS_PER_PX = 64
"""Of the heights on disk. Half floats have steps of a quarter of a pixel beyond 256 px, where large faces are."""


def packed(height: npt.NDArray[np.float32]) -> npt.NDArray[np.uint16]:
    """A map as it lies on disk: STEPS_PER_PX steps a pixel, 0 outside; heights of at most 1,000 px."""
    return np.where(height < 0, 0, np.round(height * STEPS_PER_PX)).astype(np.uint16)


def unpacked(steps: npt.NDArray[np.uint16]) -> npt.NDArray[np.float32]:
    """The map of what lies on disk."""
    return np.where(steps == 0, np.float32(OUTSIDE), steps / np.float32(STEPS_PER_PX)).astype(np.float32)


@dataclass(frozen=True)
class Shape:
    """One shape seen from the front.

    Attributes:
        height: (h, w) float32, toward the viewer in pixels; -1 outside the silhouette.
        segment: index into SEGMENT_CLASSES.
        head: (3,) float32, x, y and radius of the head in pixels, -1 where there is none.
        upright: stands on the ground line.
        face: both eyes and the mouth of its head are seen, or in profile the near ones.
    """

    height: npt.NDArray[np.float32]
    segment: int
    head: npt.NDArray[np.float32]
    upright: bool
    face: bool = False

    @property
    def cut_off(self) -> bool:
        """Whether it ends below in a straight cut, as a bust does."""
        return bool((self.height[-1] >= 0).mean() > 0.4)


class Library:
    """Shapes on disk, drawn at random; one in twelve is held out for the benchmark."""

    def __init__(self, folder: Path, holdout: bool = False) -> None:
        index = np.load(folder / "index.npz")
        self._index = {name: index[name] for name in index.files}
        self._heights = np.memmap(folder / "heights.u16", np.uint16, "r")
        usable = self._index["holdout"].astype(bool) == holdout
        segment = self._index["segment"]
        self._of_kind = {name: np.flatnonzero(usable & (segment == i)) for i, name in enumerate(SEGMENT_CLASSES)}
        figures = self._of_kind["figure"]
        head_px = 2.0 * self._index["head"][figures, 2]
        low, high = (heads * head_px for heads in SEATED_HEADS)
        rows, upright = self._index["rows"][figures], self._index["upright"][figures].astype(bool)
        self._of_kind["seated"] = figures[upright & (rows > low) & (rows < high)]

    def draw(self, rng: np.random.Generator, kind: str) -> Shape:
        """A random shape of a kind, or a figure where the library has none of it.

        Args:
            rng: source of chance.
            kind: of SEGMENT_CLASSES, or "seated": a figure that sits or kneels.
        """
        of = self._of_kind[kind]
        i = int(rng.choice(of if len(of) else self._of_kind["figure"]))
        rows, columns, offset = (int(self._index[k][i]) for k in ("rows", "columns", "offset"))
        height = unpacked(self._heights[offset : offset + rows * columns].reshape(rows, columns))
        head = self._index["head"][i].astype(np.float32)
        if rng.random() < 0.5:
            height = np.ascontiguousarray(height[:, ::-1])
            head = np.array([columns - 1 - head[0], head[1], head[2]], np.float32) if head[2] > 0 else head
        segment, upright, face = (self._index[k][i] for k in ("segment", "upright", "face"))
        return Shape(height, int(segment), head, bool(upright), bool(face))
