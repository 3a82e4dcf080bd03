"""Composes carved panels from single shapes: layouts, layering, frames, ornament, inscriptions."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from inference.lowpass import lowpass
from inference.prediction import SEGMENT_CLASSES, FloatArray

from .carving import Style, carve, draw_style, from_head
from .chance import between, fractal
from .inscriptions import inscription
from .library import Library, Shape
from .masonry import WORN_FACES, end_inside, lay_blocks, wear, wear_faces
from .procedural import ORNAMENTS, ornament

FIGURE = SEGMENT_CLASSES.index("figure")
ARCHITECTURE = SEGMENT_CLASSES.index("architecture")
BEFORE_SHARE = 0.85
"""Of the items have what they cover recede behind them. When half of them were merely kept from sinking below it, the
covering one was the lower one on half of all contours, and overlap told nothing."""
BEHIND, LEANING, LEANING_LEVEL, LEAST_COVERED = 85.0, 0.2, 0.04, 0.03
"""Percentile of the covered heights that counts, sigma over which what is covered recedes, relative to the covering
item, that in a level scene, and the share of the covering item which must cover something."""
LEVEL_SHARE, LEVEL_RIM = 0.6, (0.7, 0.95)
"""Of the scenes of plateaus have all of them in the plane that the slab had, where the ground was cut away, and rims so
high. Each at a height of its own, the lower tenth stood half as high as the upper one, which only the width of rims and
shadows can tell. What one of them covers of another recedes along the contour alone: within figures that are flat a
wide ramp is more than they have of forms."""
PARTS_SHARE = 0.1
"""Of the heads and busts without a body are kept in registers and crowds, where they were a third of all figures by
area; no relief has giants' heads among small figures."""
JOINTS_SHARE, PLATEAU_JOINTS_SHARE = 0.55, 0.2
"""Of the scenes, and of those of plateaus, which are slabs, are built of blocks."""
COURSE = (0.25, 0.5)
"""Of a figure's height are the courses of temples."""
CARVED = tuple(kind for kind in ORNAMENTS if kind != "bricks")
"""What is carved on figures and grounds: courses of blocks are masonry there, see `masonry.lay_blocks`."""
TEMPLE_SHARE = 0.25
"""Of the scenes are walls of blocks with deep and crowded carving, as temples have. Drawn each for itself, depth, crowd
and joints came together in a tenth of the scenes."""
LAYOUTS, TEMPLE_LAYOUTS, FLAT_ROWS = (0.46, 0.2, 0.13, 0.06, 0.15), (0.53, 0.35, 0, 0, 0.12), (0.3, 1.0)
"""Shares of registers, crowds, close views, patterns and flat stone, of panels and of temple walls; and how high flat
walls' figures would be, relative to the scene, by which their courses go. Flat stone was 7 % of panels and no wall: the
fainter carving is in what is taught, the more of plain stains is taken for it. Of 20 photographs of stained stone the
relief spread 0.014 with weights 0.22, 0.031 with 0.23, 0.052 after a whole run with grain and shadows, and 0.032 after
one more with these."""
COURT_SHARE = 0.6
"""Of the rows of temples are courts and sermons, see `Composer._court`: small heads of one size, close together, are
what such walls show most."""
TREES_MOST = 2
"""Trees and pavilions that stand in a court before its rear rank, at most; such walls have them between the groups."""
SEATED_RADII = 8.0
"""Of a head, from its middle to the ground on which one sits."""
INSCRIBED_SHARE, RAISED_SHARE, ACROSS_SHARE = 0.15, 0.2, 0.3
"""Of the scenes that are no temples bear an inscription; of these some stand out of the stone instead of being cut into
it, and some run across the figures, as those of Nimrud do."""
SPARED_SHARE = 0.7
"""Of the items that would cover the better part of a head are left out: sculptors show faces."""
BENT_ZOOM = 0.96
"""What is left of a scene when it is turned and bent."""
DEEPEST, LEAST_THIN = 1.5, 0.25
"""Most that a thing stands out, relative to half of its greatest width, and the least share that is left of what it
would. Spears, stems and parasols were fins: in deep scenes things stood out by 2.9 times that in the middle, plants by
1.3, figures by 1.2."""
SUNK = (0.85, 1.02)
"""How far each figure of a sunk relief lies below its own highest point."""
FACELESS = 0.5
"""Of a head's weight has one whose face is not seen."""


@dataclass(frozen=True)
class Scene:
    """A carved panel.

    Attributes:
        height: (H, W) float32, 0 = slab, 1 = full depth of the carving.
        depth_px: what 1 of height is in pixels; a photograph is lit with height * depth_px.
        segments: (H, W) uint8, index into SEGMENT_CLASSES.
        blocks: (H, W) int32, the block of stone each pixel belongs to.
        masonry: (H, W) float32, what joints and the setting of blocks add to ``height`` in the light alone: it is
            seen, and no carving.
        heads: (H, W) float32, 1 where the head of a figure is seen with its face, FACELESS where without, 0 elsewhere.
    """

    height: FloatArray
    depth_px: float
    segments: npt.NDArray[np.uint8]
    blocks: npt.NDArray[np.int32]
    masonry: FloatArray
    heads: FloatArray


def _sink(height: FloatArray, figures: npt.NDArray[np.bool_], rng: np.random.Generator) -> None:
    """Lower what stands together by its own height, into a pit as deep as that; the height is changed in place."""
    count, places = cv2.connectedComponents(figures.astype(np.uint8))
    order = np.argsort(places, axis=None, kind="stable")
    ends = np.cumsum(np.bincount(places.ravel(), minlength=count))
    for start, end in zip(ends[:-1], ends[1:], strict=True):  # the first are the ground's
        of_one = order[start:end]
        height.flat[of_one] -= np.percentile(height.flat[of_one], 98) * rng.uniform(*SUNK)


class Composer:
    """Makes scenes from a library of shapes; one a process, with its own generator of random numbers."""

    def __init__(self, library: Library, rng: np.random.Generator, size: int = 640) -> None:
        self.library = library
        self.rng = rng
        self.size = size
        # Of the scene being composed.
        self.heads = np.zeros((size, size), np.float32)
        self.ledges = np.zeros((size, size), bool)
        self.row_px = float(size)

    def compose(self) -> Scene:
        """A new panel of size x size pixels."""
        rng, n = self.rng, self.size
        temple = rng.random() < TEMPLE_SHARE
        style = replace(draw_style(rng, temple), stockiness=rng.uniform(0.95, 1.35))
        if style.plateaus and rng.random() < LEVEL_SHARE:
            style = replace(style, level=True, rim=rng.uniform(*LEVEL_RIM))
        height = np.zeros((n, n), np.float32)
        segments = np.zeros((n, n), np.uint8)
        self.heads[:] = 0
        self.ledges[:] = False
        self.row_px = float(n)
        layout = rng.choice(5, p=TEMPLE_LAYOUTS if temple else LAYOUTS)
        figure_px = n * (rng.uniform(*FLAT_ROWS) if layout == 4 and temple else 1.0)
        if layout == 0:
            figure_px = self._registers(height, segments, style, temple)
        elif layout == 1:
            figure_px = self._crowd(height, segments, style, temple)
        elif layout == 2:
            figure_px = self._close(height, segments, style)
        elif layout == 3:
            figure_px = self._pattern(height)
        flat = layout == 4
        if not flat:
            if rng.random() < 0.5:
                self._frame(height, segments)
            top = float(np.percentile(height, 99.5))
            height *= float(rng.uniform(0.75, 1.0)) / max(top, 1e-3)
        height += fractal(n, n, n * rng.uniform(0.2, 0.6), rng, 3) * rng.uniform(
            0, 0.04 if flat or rng.random() < 0.7 else 0.1
        )
        depth_px = style.depth_ratio * min(figure_px, 1.2 * n)
        if rng.random() < 0.06 and not flat:
            _sink(height, (segments > 0) & (segments != ARCHITECTURE), rng)
        if not temple and rng.random() < INSCRIBED_SHARE:
            self._inscribe(height, segments, depth_px)
        blocks, masonry = np.zeros((n, n), np.int32), np.zeros((n, n), np.float32)
        if temple or rng.random() < (PLATEAU_JOINTS_SHARE if style.plateaus else JOINTS_SHARE):
            course_px = rng.uniform(*COURSE) * min(figure_px, n) if temple else between(rng, 0.06, 0.5) * n
            blocks, masonry = lay_blocks(height, segments, depth_px, course_px, rng)
        wear(height, segments, masonry, self.heads, depth_px, temple, rng)
        if temple and rng.random() < WORN_FACES:
            self.heads[wear_faces(height, self.heads > (1.0 + FACELESS) / 2, rng)] = FACELESS
        if rng.random() < 0.08:
            end_inside(height, segments, masonry, rng)
        return self._bent(Scene(height, depth_px, segments, blocks, masonry, self.heads * (segments == FIGURE)))

    def _bent(self, scene: Scene) -> Scene:
        """Turned by about a degree and bent by a few pixels: no mason's ledge and no photograph is ruled.

        Left straight, the strongest line along the axes had 2.9 times the slope of a crop, in photographs of Borobudur
        it has 1.3; joints are ragged, so that a ruled line would have told carving from masonry.
        """
        rng, n = self.rng, self.size
        turn = math.radians(rng.normal(0.0, 1.0))
        y, x = np.mgrid[0:n, 0:n].astype(np.float32) - np.float32(n / 2)
        along, aside = BENT_ZOOM * math.cos(turn), BENT_ZOOM * math.sin(turn)
        straight = x * along - y * aside + n / 2, x * aside + y * along + n / 2
        waves = []
        for _ in straight:
            small = fractal(n // 4, n // 4, n / 4 * rng.uniform(0.08, 0.4), rng, 3) * rng.uniform(0.0005, 0.003) * n
            waves.append(cv2.resize(small, (n, n), interpolation=cv2.INTER_CUBIC))
        map_x, map_y = (np.asarray(place + wave, np.float32) for place, wave in zip(straight, waves, strict=True))

        def bent(values: npt.NDArray[Any], how: int = cv2.INTER_LINEAR) -> npt.NDArray[Any]:
            moved = cv2.remap(values, map_x, map_y, how, borderMode=cv2.BORDER_REFLECT_101)
            return np.asarray(moved)

        return Scene(
            bent(scene.height),
            scene.depth_px / BENT_ZOOM,
            bent(scene.segments, cv2.INTER_NEAREST),
            bent(scene.blocks.astype(np.float32), cv2.INTER_NEAREST).astype(np.int32),
            bent(scene.masonry),
            bent(scene.heads),
        )

    def _place(
        self, height: FloatArray, segments: npt.NDArray[np.uint8], shape: Shape, style: Style,
        x: float, foot: float, rows: int, base: float, thickness: float,
    ) -> None:  # fmt: skip
        """Carve a shape, its lower edge at ``foot``, its centre at ``x``; the later one stands before."""
        n, rng = self.size, self.rng
        stretch = style.stockiness if shape.segment == FIGURE else 1.0
        columns = max(int(round(stretch * shape.height.shape[1] * rows / shape.height.shape[0])), 2)
        if rows < 6 or columns < 3 or columns > 4 * n or rows > 4 * n:
            return
        if style.level:
            base, thickness = 0.0, rng.uniform(0.92, 1.0)
        form, cover = carve(shape, (rows, columns), style, rng)
        if not style.level:
            within = np.pad(cover > 0.5, 1).astype(np.uint8)  # the map's border is an outline too
            half_px = float(cv2.distanceTransform(within, cv2.DIST_L2, 3).max())
            thickness *= min(max(DEEPEST * half_px / (style.depth_ratio * self.row_px), LEAST_THIN), 1.0)
        if rng.random() < 0.4 and min(rows, columns) > 24:  # scales, hems, pleats
            kind = str(rng.choice(CARVED))
            pattern = ornament(kind, rows, columns, rng.uniform(0.03, 0.12) * max(rows, columns), rng)
            where = np.clip(fractal(rows, columns, rows * 0.5, rng, 2) * 3, 0, 1)
            if shape.head[2] > 0:  # but for the face
                where *= np.clip((from_head(shape, rows, columns) - 1.1) / 0.6, 0, 1)
            form = form + (pattern - 0.5) * where * rng.uniform(0.05, 0.3) * (form > 0.1)
        top, left = int(round(foot - rows)), int(round(x - columns / 2))
        y0, y1, x0, x1 = max(top, 0), min(top + rows, n), max(left, 0), min(left + columns, n)
        if y1 <= y0 or x1 <= x0:
            return
        part = np.s_[y0 - top : y1 - top, x0 - left : x1 - left]
        there = np.s_[y0:y1, x0:x1]
        f, c = form[part], cover[part]
        head = self.heads[there]
        if (head * c).sum() > 0.4 * head.sum() > 0 and rng.random() < SPARED_SHARE:
            return
        new = base + thickness * f
        new = np.where(self.ledges[there], np.maximum(new, height[there]), new)  # feet stand on it, or before it
        behind = (segments > 0) & ~self.ledges
        covered = height[there][behind[there] & (c > 0.5)]
        if rng.random() < BEFORE_SHARE and covered.size > LEAST_COVERED * c.sum():
            # It stands before what it covers: that is what covering tells of carved stone. What is behind recedes, as a
            # sculptor cuts it back: lifted instead, what is before would be tilted, and stand on a plinth.
            level = max(float(np.percentile(covered, BEHIND)), 1e-3)
            if style.level:
                kept, leaning = rng.uniform(0.5, 0.8) * style.rim * thickness, LEANING_LEVEL
            else:
                kept, leaning = rng.uniform(0.35, 0.5) * (base + 0.4 * thickness), LEANING
            keep = min(kept / level, 1.0)
            sigma = max(leaning * min(rows, columns), 1.0)
            reach = int(3 * sigma) + 1
            near = np.minimum(2 * lowpass(np.pad(c, reach), sigma), 1)
            up, left_of = max(reach - y0, 0), max(reach - x0, 0)  # what of it lies outside
            around = np.s_[max(y0 - reach, 0) : y1 + reach, max(x0 - reach, 0) : x1 + reach]
            seen = height[around]
            seen *= 1 - near[up:, left_of:][: len(seen), : seen.shape[1]] * (1 - keep) * behind[around]
        under = height[there]
        height[there] = under * (1 - c) + new * c
        segments[there][c > 0.5] = shape.segment
        head *= 1 - c
        if shape.head[2] > 0:
            shown = 1.0 if shape.face else FACELESS
            head += shown * c * np.clip((1.1 - from_head(shape, rows, columns)[part]) / 0.2, 0, 1)

    def _draw(self, kind: str) -> Shape:
        """A shape for a row of figures: few heads and busts without their bodies."""
        while True:
            shape = self.library.draw(self.rng, kind)
            if not shape.cut_off or self.rng.random() < PARTS_SHARE:
                return shape

    def _registers(self, height: FloatArray, segments: npt.NDArray[np.uint8], style: Style, crowded: bool) -> float:
        rng, n = self.rng, self.size
        count = int(rng.choice((1, 2, 3, 4), p=(0.15, 0.35, 0.3, 0.2) if crowded else (0.35, 0.35, 0.2, 0.1)))
        edges = np.linspace(0, n, count + 1) + rng.uniform(-0.04, 0.04, count + 1) * n
        figure_px = 0.0
        for top, bottom in zip(edges[:-1], edges[1:], strict=True):
            row = float(bottom - top)
            ground = bottom - row * rng.uniform(0.0, 0.12)
            if rng.random() < 0.3:
                self._texture(height, int(max(top, 0)), int(min(bottom, n)))
            full = self.row_px = row * rng.uniform(0.6, 0.98)
            if rng.random() < 0.7:  # a ledge to stand on
                y0, y1 = int(np.clip(ground, 0, n)), int(np.clip(ground + row * rng.uniform(0.01, 0.12), 0, n))
                height[y0:y1] = np.maximum(height[y0:y1], rng.uniform(0.1, 0.9))
                segments[y0:y1] = ARCHITECTURE
                self.ledges[y0:y1] = True
            for _ in range(int(rng.integers(0, 4))):  # behind: trees, pavilions
                shape = self.library.draw(rng, str(rng.choice(("plant", "architecture", "plant", "object"))))
                self._place(height, segments, shape, style, rng.uniform(0, n), ground,
                            int(full * rng.uniform(0.6, 1.15)), 0.0, rng.uniform(0.3, 0.9))  # fmt: skip
            if crowded and rng.random() < COURT_SHARE:
                figure_px = max(figure_px, self._court(height, segments, style, ground, full))
                continue
            figure_px = max(figure_px, full)
            x = rng.uniform(-0.3, 0.5) * full
            isocephaly = rng.random() < 0.5
            dense = crowded or rng.random() < 0.55  # shoulder to shoulder, as files of soldiers
            step = rng.uniform(0.15, 0.32) if dense else rng.uniform(0.25, 0.6)
            items = []
            while x < n + 0.3 * full:
                items.append(x)
                x += full * step * rng.uniform(0.5, 1.6)
            order = rng.permutation(len(items)) if rng.random() < 0.5 else np.arange(len(items))
            for k in order:
                kind = str(rng.choice(("figure", "animal", "object", "plant"), p=(0.67, 0.13, 0.1, 0.1)))
                shape = self._draw(kind)
                aspect = shape.height.shape[1] / shape.height.shape[0]
                rows = full * (rng.uniform(0.9, 1.0) if isocephaly else rng.uniform(0.45, 1.0))
                if aspect > 1.0:
                    rows = min(rows, full * 1.3 / aspect)
                if kind == "object":
                    rows *= rng.uniform(0.2, 1.0)
                foot = ground if shape.upright or shape.cut_off else ground - rng.uniform(0, 1) * max(row - rows, 0)
                base = rng.uniform(0, 1) * style.layer_step
                self._place(height, segments, shape, style, items[k], foot + rng.uniform(-0.02, 0.02) * row,
                            int(rows), base, rng.uniform(0.55, 1.0))  # fmt: skip
        return figure_px

    def _court(
        self, height: FloatArray, segments: npt.NDArray[np.uint8], style: Style, ground: float, full: float
    ) -> float:
        """Equals who sit shoulder to shoulder in ranks, the heads of the rear ones in lines above those before.

        Mostly about one who is larger, some with attendants.

        Args:
            height, segments: (H, W), of the scene, changed in place.
            style: of the scene.
            ground: row on which the front rank sits.
            full: rows from there to the top of the register.

        Returns:
            How high an equal is, in pixels.
        """
        rng, n = self.rng, self.size
        radius = full * rng.uniform(0.045, 0.08)  # of a head
        spacing = radius * rng.uniform(2.8, 4.5)
        ranks = int(rng.choice((1, 2, 3), p=(0.25, 0.5, 0.25)))
        line, rise = SEATED_RADII * radius, radius * rng.uniform(1.6, 2.6)

        def seat(shape: Shape, x: float, size: float, base: float, foot: float, head: float | None = None) -> None:
            larger = size / shape.head[2] if shape.head[2] > 0 else SEATED_RADII * size / len(shape.height)
            if head is not None and shape.head[2] > 0:  # its feet are hidden, or below the register's ledge
                foot = head + (len(shape.height) - float(shape.head[1])) * larger
            rows = min(len(shape.height) * larger, full - (ground - foot))
            self._place(height, segments, shape, style, x, foot, int(rows), base, rng.uniform(0.65, 1.0))

        room, chief = 0.0, rng.uniform(0.1, 0.9) * n
        if rng.random() < 0.75:
            room = radius * rng.uniform(4.5, 8.0)
            shape = self.library.draw(rng, "seated") if rng.random() < 0.6 else self._draw("figure")
            size, throne = radius * rng.uniform(1.1, 1.7), rng.uniform(0.0, 3.0) * radius
            seat(shape, chief, size, style.layer_step, ground - throne)
            for side in (-1, 1):
                if rng.random() < 0.4:
                    size = radius * rng.uniform(0.95, 1.15)
                    seat(self._draw("figure"), chief + side * 0.7 * room, size, style.layer_step, ground)
        for rank in range(ranks):
            behind = ranks - 1 - rank
            x = spacing * (rng.uniform(-0.3, 0.3) - rank % 2 / 2)
            while x < n + spacing:
                if abs(x - chief) > room:
                    shape, about = self.library.draw(rng, "seated"), rng.uniform(-0.3, 0.3) * radius
                    head = ground - line - behind * rise + about if behind else None
                    size, base = radius * rng.uniform(0.92, 1.08), style.layer_step * rank / ranks
                    seat(shape, x, size, base, ground + about, head)
                x += spacing * (rng.uniform(0.85, 1.2) if rng.random() < 0.9 else rng.uniform(1.5, 4.0))
            if rank == 0:
                for x in rng.uniform(0, n, int(rng.integers(0, TREES_MOST + 1))):
                    shape = self.library.draw(rng, "plant" if rng.random() < 0.75 else "architecture")
                    if abs(x - chief) > room:
                        self._place(height, segments, shape, style, x, ground,
                                    int(full * rng.uniform(0.6, 1.0)), 0.0, rng.uniform(0.5, 1.0))  # fmt: skip
        return line + radius

    def _crowd(self, height: FloatArray, segments: npt.NDArray[np.uint8], style: Style, crowded: bool) -> float:
        rng, n = self.rng, self.size
        tiers = int(rng.integers(2, 6))
        rows = self.row_px = n * rng.uniform(0.2, 0.6)
        for tier in range(tiers):
            foot = n * (tier + 1) / tiers + rng.uniform(-0.1, 0.3) * rows
            x = rng.uniform(-0.3, 0.3) * rows
            while x < n + 0.2 * rows:
                kind = str(
                    rng.choice(("figure", "animal", "plant", "architecture", "object"), p=(0.6, 0.14, 0.12, 0.06, 0.08))
                )
                shape = self._draw(kind)
                aspect = shape.height.shape[1] / shape.height.shape[0]
                size = rows * rng.uniform(0.5, 1.1) / max(1.0, aspect)
                base = style.layer_step * (tier / tiers if rng.random() < 0.6 else rng.random())
                self._place(height, segments, shape, style, x, foot + rng.uniform(-0.15, 0.15) * rows,
                            int(size), base, rng.uniform(0.5, 1.0))  # fmt: skip
                x += rows * rng.uniform(0.2, 0.45 if crowded else 0.8)
        return rows

    def _close(self, height: FloatArray, segments: npt.NDArray[np.uint8], style: Style) -> float:
        rng, n = self.rng, self.size
        if rng.random() < 0.4:
            self._texture(height, 0, n)
        rows = n * rng.uniform(0.7, 1.9)
        self.row_px = min(rows, 1.2 * n)
        for _ in range(int(rng.integers(1, 5))):
            kind = str(
                rng.choice(("figure", "animal", "plant", "architecture", "object"), p=(0.7, 0.12, 0.08, 0.04, 0.06))
            )
            shape = self.library.draw(rng, kind)
            aspect = shape.height.shape[1] / shape.height.shape[0]
            size = rows * rng.uniform(0.6, 1.0) / max(1.0, 0.8 * aspect)
            foot = n * rng.uniform(0.85, 1.0) + max(size - n, 0) * rng.uniform(0, 1)
            self._place(height, segments, shape, style, n * rng.uniform(0.1, 0.9), foot, int(size),
                        rng.uniform(0, 1) * style.layer_step, rng.uniform(0.6, 1.0))  # fmt: skip
        return rows

    def _pattern(self, height: FloatArray) -> float:
        rng, n = self.rng, self.size
        self._texture(height, 0, n, strong=True)  # ground, as behind figures: chevrons and scales are no plants
        return n * rng.uniform(0.2, 0.8)

    def _texture(self, height: FloatArray, top: int, bottom: int, strong: bool = False) -> None:
        """Ornament over part of the ground: water, scales, hatching."""
        rng, n = self.rng, self.size
        if bottom - top < 8:
            return
        amplitude = rng.uniform(0.5, 1.0) if strong else rng.uniform(0.05, 0.35)
        pattern = ornament(
            str(rng.choice(CARVED)), bottom - top, n, rng.uniform(0.015, 0.2 if strong else 0.06) * n, rng
        )
        fade = 1.0 if rng.random() < 0.5 else np.clip(fractal(bottom - top, n, n * 0.5, rng, 2) + 0.5, 0, 1)
        height[top:bottom] += amplitude * pattern * fade

    def _frame(self, height: FloatArray, segments: npt.NDArray[np.uint8]) -> None:
        """Raised or stepped borders along some sides."""
        rng, n = self.rng, self.size
        for side in range(4):
            if rng.random() < 0.4:
                continue
            level = rng.uniform(0.2, 1.1)
            start = rng.uniform(0.0, 0.05) * n
            for _ in range(int(rng.integers(1, 4))):
                width = rng.uniform(0.008, 0.06) * n
                band = np.s_[int(start) : int(start + width) + 1]
                view, part = (height, segments) if side < 2 else (height.T, segments.T)
                if side % 2:
                    view, part = view[::-1], part[::-1]
                over = np.maximum(view[band], level)
                if rng.random() < 0.3:  # level, but for the figures
                    over = np.where((part[band] > 0) & (part[band] != ARCHITECTURE), over, np.float32(level))
                part[band][(over > view[band]) | (part[band] == 0)] = ARCHITECTURE  # figures stand before it
                view[band] = over
                start += width
                level *= rng.uniform(0.3, 1.0)

    def _inscribe(self, height: FloatArray, segments: npt.NDArray[np.uint8], depth_px: float) -> None:
        """Lines of text in a band or a field, on ground and architecture, or across the figures except for their heads.

        Args:
            height, segments: (H, W), of the scene; the height is changed in place.
            depth_px: what 1 of height is, in pixels.
        """
        rng, n = self.rng, self.size
        line_px = between(rng, 0.02, 0.1) * n
        rows = min(max(round(rng.integers(1, 9) * line_px), 8), n)
        columns = n if rng.random() < 0.5 else int(rng.uniform(0.2, 0.8) * n)
        top, left = int(rng.integers(0, n - rows + 1)), int(rng.integers(0, n - columns + 1))
        field = np.s_[top : top + rows, left : left + columns]
        across = rng.random() < ACROSS_SHARE
        where = (
            self.heads[field] < FACELESS / 2 if across else (segments[field] == 0) | (segments[field] == ARCHITECTURE)
        )
        amount = min(rng.uniform(0.04, 0.12) * line_px / max(depth_px, 1.0), 0.5)
        sign = 1.0 if not across and rng.random() < RAISED_SHARE else -1.0
        height[field] += np.float32(sign * amount) * inscription(rows, columns, line_px, rng) * where
