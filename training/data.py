"""The endless stream of training samples: composed, cropped, lit, photographed."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from queue import Empty, Queue
from threading import Thread
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from inference.background import at_size, find_panel
from inference.lowpass import resized_height
from inference.normalisation import standardise
from inference.prediction import FloatArray

from .compose import FACELESS, Composer, Scene
from .labels import soft_edge_classes, within_faces
from .library import Library
from .masonry import find_joints
from .photograph import face_forms, take_photograph
from .textures import Stone

USES_PER_SCENE = 24
SCENES_KEPT = 40
LARGE_SHARE, LARGE = 0.6, 1.5
"""Of the scenes are so much larger: their faces have features where small scenes', enlarged, have blur."""
WIDEST = 2.0
"""Largest window, relative to the crop made of it, but for those of whole panels."""
WHOLE_SHARE, WHOLE_FROM, MOST_ENLARGED_SHARP = 0.2, 1.5, 1.3
"""Of the crops show a whole panel or much of it, their windows are at least so large relative to the crop, and their
photographs are enlarged by so much at most: so the coarsest pass sees photographs, sharp and with figures of 30 to 120
px. Such crops were one in a hundred, and read at 320 px forms of 11 to 57 px had r 0.45, at 896 px 0.61."""
CLEAN_SHARE = 0.45
MARGIN_SHARE = 0.2
WIDEST_MARGIN = 0.08
"""Of the photograph's size: wall, mount or print beside the panel, that has nothing of its light."""
MARGIN_FADE_PX = 10.0
JOINT_PX, JOINT_SLOPE = 9, 0.1
"""Width of what counts as beside a joint, in a photograph that is not enlarged, and the slope of masonry that does too:
chipped edges are wider. A quarter of such slopes lay outside the first alone."""
CLOSEST = 0.63
"""Least window, relative to the crop made of it: full-size photographs show figures larger than a crop."""
HEADS_SHARE, CLOSEST_HEADS = 0.4, 0.42
"""Of the crops have a head about their middle (half for weights 0.21, whose large forms of aged photographs lost a
little), and their windows are at least so large relative to the crop. Heads as large as small photographs show them,
once they are enlarged, were one in eight; of features that could be seen, r was 0.68."""
CLEAN_HEADS_SHARE = 0.6
"""Of these crops' photographs are not aged: of faces that cannot be seen lumps are learnt."""
LEAST_HEAD, ROUND_HEAD = 1400, (2.5, 6.0)
"""Pixels of a head that is looked at so, and the range of the window relative to its longer side. Of heads below 30 px
across 3 % show a face, of those of 45 to 80 px 27 %; windows up to a whole crop showed most faces as small as other
crops do."""
LEAST_ROUND, LEAST_FORMS, MOST_FORMS, LEAST_RANGE = 0.43, 0.08, 0.2, 0.02
"""Share of its box that such a head fills, else something covers most of it; and the standard deviation of the forms of
its face, relative to how far the head's surface comes forward, else it has none. The third is the most that forms
count: those of brims are larger. The fourth is the least of what they are relative to, in sides of the head. Measured
in pixels of depth, as before, 25 of 30 good heads on plateaus were left out, and closer looks at heads were deep."""
FAR_HEADS_SHARE, FAR_HEADS, LARGE_HEAD_PX = 0.25, (6.0, 14.0), 80.0
"""Of the crops about a head show it from so far, relative to its longer side, and sharp, for it has so many pixels in
the scene: as coarse passes see the heads of walls. Else each was 75 to 180 px, and of one read at 32 px r of the face
is 0.72, of the same photograph enlarged by 1.5 0.77 (weights 0.22)."""
ENLARGED_SHARE, MOST_ENLARGED = 0.6, 3.0
"""Of the photographs are taken small and enlarged, by the second at most, as `inference.predictor.enlarged` does before
it reads them."""
RESTING, MOST_KEPT, MOST_READ = 24, 160, 6
"""Batches that must wait until one is read again, that are kept for it, and how often each is read at most."""
BLOTS = (7, 28, 112)
"""Cells along a side of what stains a photograph anew when it is read again."""


@dataclass(frozen=True)
class Sample:
    """One photograph and its truth, all of one size.

    Attributes:
        grey: (H, W) float32, 0 to 1.
        height: (H, W) float32, 0 = slab, 1 = full depth.
        edges: (H, W) uint8, index into EDGE_CLASSES.
        segments: (H, W) uint8, index into SEGMENT_CLASSES.
        light: (3,) float32, toward the light: x right, y up, z to the viewer.
        heads: (H, W) float32, as those of `training.compose.Scene`.
        joints: (H, W) uint8, 1 beside the joints of blocks.
    """

    grey: npt.NDArray[np.float32]
    height: npt.NDArray[np.float32]
    edges: npt.NDArray[np.uint8]
    segments: npt.NDArray[np.uint8]
    light: npt.NDArray[np.float32]
    heads: npt.NDArray[np.float32]
    joints: npt.NDArray[np.uint8]


def resized(scene: Scene, size: int) -> Scene:
    """A scene at ``size`` rows and columns."""
    rows, square = len(scene.height), (size, size)
    nearest = cv2.INTER_NEAREST_EXACT
    blocks = np.asarray(cv2.resize(scene.blocks, square, interpolation=nearest), np.int32)
    if size > rows:  # or enlarged joints are staircases, which no carving is
        blocks = cv2.medianBlur(blocks.astype(np.float32), 5).astype(np.int32)
    return Scene(
        resized_height(scene.height, square),
        scene.depth_px * size / rows,
        np.asarray(cv2.resize(scene.segments, square, interpolation=nearest), np.uint8),
        blocks,
        resized_height(scene.masonry, square),
        np.asarray(cv2.resize(scene.heads, square, interpolation=cv2.INTER_LINEAR), np.float32),
    )


def crop_scene(
    scene: Scene,
    size: int,
    rng: np.random.Generator,
    heads: FloatArray | None = None,
    *,
    whole: bool = False,
    far: bool = False,
) -> Scene:
    """A random window of a scene at a random scale, mirrored half of the time.

    Args:
        scene: composed panel.
        size: rows and columns of the result in pixels.
        rng: source of chance.
        heads: of `find_heads`, one of which is about the middle of the window, and closer; those with more forms
            more often.
        whole: whether it shall be a large part of the scene, or all of it.
        far: whether the head shall be seen from far.
    """
    n = scene.height.shape[0]
    low, high = (WHOLE_FROM * size, float(n)) if whole else (CLOSEST * size, WIDEST * size)
    if heads is not None:
        top, left, head_px, _ = heads[rng.choice(len(heads), p=heads[:, 3] / heads[:, 3].sum())]
        around, widest = (FAR_HEADS, WIDEST * size) if far else (ROUND_HEAD, size)
        low = high = float(np.clip(rng.uniform(*around) * head_px, CLOSEST_HEADS * size, widest))
    low, high = min(low, float(n)), min(max(low, high), float(n))
    rows = int(np.exp(rng.uniform(np.log(low), np.log(high))))
    columns = int(np.clip(rows * rng.uniform(0.9, 1.1), 16, n))
    if heads is not None:
        y, x = (int(np.clip(m - s * rng.uniform(0.3, 0.7), 0, n - s)) for m, s in ((top, rows), (left, columns)))
    else:
        y, x = int(rng.integers(0, n - rows + 1)), int(rng.integers(0, n - columns + 1))
    window = np.s_[y : y + rows, x : x + columns]
    crop = resized(_each(scene, lambda values: values[window]), size)
    return _each(crop, lambda values: np.ascontiguousarray(values[:, ::-1])) if rng.random() < 0.5 else crop


def find_heads(scene: Scene) -> FloatArray:
    """Heads of a scene that show a face: middle (row, column), longer side in pixels, strength of its forms; (N, 4)."""
    count, numbers, boxes, middles = cv2.connectedComponentsWithStats(
        (scene.heads > (1.0 + FACELESS) / 2).astype(np.uint8)
    )
    found = []
    for head in range(1, count):
        left, top, width, height, area = boxes[head]
        side = max(width, height)
        window = np.s_[top : top + height, left : left + width]
        if area >= max(LEAST_HEAD, LEAST_ROUND * side * side):
            surface, within = scene.height[window] * scene.depth_px, numbers[window] == head
            forward = max(float(np.subtract(*np.percentile(surface[within], (98, 2)))), LEAST_RANGE * side)
            forms = face_forms(surface, side)[within].std() / forward
            if forms >= LEAST_FORMS:
                found.append((*middles[head, ::-1], side, min(forms, MOST_FORMS)))
    return np.array(found, np.float32).reshape(-1, 4)


def _each(scene: Scene, change: Callable[[Any], Any]) -> Scene:
    """A scene with the same done to all its maps."""
    maps = {f.name: getattr(scene, f.name) for f in fields(scene)}
    return Scene(**{name: value if name == "depth_px" else change(value) for name, value in maps.items()})


def margins(size: int, rng: np.random.Generator) -> npt.NDArray[np.bool_]:
    """Where a photograph shows what lies beside the panel: slanting strips along some of its sides, (size, size)."""
    beside = np.zeros((size, size), bool)
    for turn in range(4):
        if rng.random() < 0.5:
            first, last = rng.uniform(-WIDEST_MARGIN, WIDEST_MARGIN, 2) * size
            np.rot90(beside, turn)[np.arange(size)[:, None] < np.linspace(first, last, size)] = True
    return beside


def photographed(
    scene: Scene,
    rng: np.random.Generator,
    stone: Stone,
    clean: bool = False,
    light: FloatArray | None = None,
    faces: bool = False,
) -> tuple[FloatArray, FloatArray]:
    """`take_photograph` of a scene, its masonry and blocks included, and its heads where faces shall be seen."""
    depth_px = np.float32(scene.depth_px)
    height, masonry = scene.height * depth_px, scene.masonry * depth_px
    return take_photograph(height, rng, stone, clean, light, scene.blocks, masonry, scene.heads if faces else None)


def photograph_sample(
    scene: Scene, stone: Stone, rng: np.random.Generator, heads: bool = False, *, sharp: bool = False
) -> Sample:
    """Light a scene anew, photograph it, and label it; some photographs are taken small and enlarged.

    Those of heads are aged less often, and then no stains hide their faces; sharp ones are hardly enlarged.
    """
    clean = bool(rng.random() < (CLEAN_HEADS_SHARE if heads else CLEAN_SHARE))
    size = len(scene.height)
    taken = scene
    if rng.random() < ENLARGED_SHARE:
        most = MOST_ENLARGED_SHARP if sharp else MOST_ENLARGED
        taken = resized(scene, round(size / math.exp(rng.uniform(0.0, math.log(most)))))
    grey, light = photographed(taken, rng, stone, clean, faces=heads and clean)
    if taken is not scene:
        grey = np.asarray(cv2.resize(grey, (size, size), interpolation=cv2.INTER_CUBIC).clip(0.0, 1.0), np.float32)
    joints = beside_joints(scene, size / len(taken.height))
    if rng.random() >= MARGIN_SHARE:
        return Sample(grey, scene.height, soft_edge_classes(scene.height), scene.segments, light, scene.heads, joints)
    beside = margins(size, rng)
    tone = rng.choice((0.0, rng.uniform(0.0, 1.0), 1.0)) + rng.normal(0.0, 0.01, grey.shape)
    grey = np.where(beside, tone.clip(0.0, 1.0), grey).astype(np.float32)
    # The panel's height fades out: a cliff all round would outweigh the carving where slopes are compared.
    away = cv2.distanceTransform((~beside).astype(np.uint8), cv2.DIST_L2, 3)
    height = scene.height * np.minimum(away / MARGIN_FADE_PX, 1.0).astype(np.float32)
    segments = np.where(beside, 0, scene.segments)
    return Sample(grey, height, soft_edge_classes(height), segments, light, scene.heads * ~beside, joints * ~beside)


def beside_joints(scene: Scene, enlarged: float) -> npt.NDArray[np.uint8]:
    """(H, W), 1 beside the joints of blocks, and where their edges are chipped.

    Args:
        scene: whose blocks they are.
        enlarged: how much its photograph was: what fills joints is as much wider.
    """
    width = round(JOINT_PX * enlarged) // 2 * 2 + 1
    joints = cv2.dilate(find_joints(scene.blocks).astype(np.uint8), np.ones((width, width), np.uint8))
    down, across = np.gradient(scene.masonry * np.float32(scene.depth_px))
    return np.asarray(joints | (np.hypot(down, across) > JOINT_SLOPE), np.uint8)


class Stream(IterableDataset[Sample]):
    """Endless samples; every worker composes its own scenes from its own seed."""

    def __init__(
        self, library: Path, shapes: Path | None, size: int, seed: int, scene_px: int = 896, holdout: bool = False
    ) -> None:
        self.library, self.shapes, self.size, self.seed, self.scene_px = library, shapes, size, seed, scene_px
        self.holdout = holdout

    def __iter__(self) -> Iterator[Sample]:
        cv2.setNumThreads(0)
        torch.set_num_threads(1)
        worker = get_worker_info()
        rng = np.random.default_rng([self.seed, worker.id if worker else 0])
        library = Library(self.library, holdout=self.holdout)
        composer, larger = (Composer(library, rng, round(by * self.scene_px)) for by in (1.0, LARGE))
        stone = Stone.load(self.shapes)
        scenes = [_with_heads(composer) for _ in range(4)]
        turn = 0
        while True:
            faced = [pair for pair in scenes if len(pair[1])]
            whole = bool(rng.random() < WHOLE_SHARE)
            heads = not whole and bool(faced) and bool(rng.random() < HEADS_SHARE / (1.0 - WHOLE_SHARE))
            among = faced if heads else scenes
            scene, seen = among[int(rng.integers(len(among)))]
            large = seen[:, 2] >= LARGE_HEAD_PX
            far = heads and bool(large.any()) and bool(rng.random() < FAR_HEADS_SHARE)
            about = (seen[large] if far else seen) if heads else None
            crop = crop_scene(scene, self.size, rng, about, whole=whole, far=far)
            yield photograph_sample(crop, stone, rng, heads, sharp=whole or far)
            turn += 1
            if turn % USES_PER_SCENE == 0 or (len(scenes) < SCENES_KEPT and turn % 2 == 0):
                if len(scenes) >= SCENES_KEPT:
                    scenes.pop(0)
                scenes.append(_with_heads(larger if rng.random() < LARGE_SHARE else composer))


def _with_heads(composer: Composer) -> tuple[Scene, FloatArray]:
    """A new scene, and its heads that show a face."""
    scene = composer.compose()
    return scene, find_heads(scene)


def collate(samples: list[Sample]) -> dict[str, torch.Tensor]:
    """Samples to a batch: ``x`` (N, 1, H, W) standardised, ``height`` (N, 1, H, W), classes (N, H, W), light (N, 3).

    ``heads``, ``faces`` and ``joints`` (N, 1, H, W).
    """
    return {
        "x": torch.from_numpy(
            np.stack([standardise(s.grey, at_size(find_panel(s.grey), s.grey))[None] for s in samples])
        ),
        "height": torch.from_numpy(np.stack([s.height[None] for s in samples])),
        "edges": torch.from_numpy(np.stack([s.edges for s in samples])),
        "segments": torch.from_numpy(np.stack([s.segments for s in samples])),
        "light": torch.from_numpy(np.stack([s.light for s in samples])),
        "heads": torch.from_numpy(np.stack([s.heads[None] for s in samples])),
        "faces": torch.from_numpy(np.stack([within_faces(s.heads)[None] for s in samples])),
        "joints": torch.from_numpy(np.stack([s.joints[None] for s in samples])),
    }


def mirrored(batch: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """A batch of `collate` as if its photographs had been taken of the mirrored panels."""
    turned = {name: value if name == "light" else value.flip(-1) for name, value in batch.items()}
    turned["light"] = batch["light"].clone()
    turned["light"][:, 0].neg_()
    return turned


def retouched(x: torch.Tensor) -> torch.Tensor:
    """Standardised photographs (N, 1, H, W) with other stains, sharpness, tones and grain, each as faint as it was."""
    count, _, rows, columns = x.shape
    contrast = x.std((2, 3), keepdim=True)

    def drawn(low: float, high: float) -> torch.Tensor:
        return torch.empty(count, 1, 1, 1, device=x.device).uniform_(low, high)

    for cells in BLOTS:
        blots = torch.randn(count, 1, cells, cells, device=x.device)
        x = x + drawn(0.0, 0.3) * F.interpolate(blots, (rows, columns), mode="bicubic")
    x = x + drawn(-0.5, 1.0) * (x - F.avg_pool2d(x, 3, 1, 1, count_include_pad=False))
    x = x + drawn(-0.12, 0.12) * x.clamp(-3.0, 3.0).square()  # no grey turns into its opposite
    x = x + drawn(0.0, 0.15) * torch.randn_like(x)
    x = x - x.mean((2, 3), keepdim=True)
    return x * (contrast / x.std((2, 3), keepdim=True).clamp_min(1e-6))


def again(
    stream: Iterator[dict[str, Any]], move: Callable[[dict[str, Any]], dict[str, torch.Tensor]]
) -> Iterator[dict[str, torch.Tensor]]:
    """Batches without a wait: where the next is not made yet, the one that rested longest is read again.

    Each is read MOST_READ times at most, each time retouched and the other way round.

    Args:
        stream: endless batches.
        move: to the device that trains.

    Raises:
        what the stream raised.
    """
    coming: Queue[dict[str, Any] | Exception] = Queue(4)

    def fetch() -> None:
        try:
            for batch in stream:
                coming.put(batch)
        except Exception as error:  # noqa: BLE001, raised where batches are waited for
            coming.put(error)

    Thread(target=fetch, daemon=True).start()
    kept: deque[tuple[int, dict[str, torch.Tensor]]] = deque(maxlen=MOST_KEPT)
    while True:
        try:
            fresh = coming.get(block=len(kept) < RESTING)
        except Empty:
            read, batch = kept.popleft()
            batch = mirrored(batch)
        else:
            if isinstance(fresh, Exception):
                raise fresh
            read, batch = 0, move(fresh)
        if read + 1 < MOST_READ:
            kept.append((read + 1, batch))
        yield batch | {"x": retouched(batch["x"])} if read else batch


def batches(stream: Stream, batch: int, workers: int) -> Iterator[dict[str, Any]]:
    """Endless batches from worker processes, or from this process where ``workers`` is 0."""
    extra: dict[str, Any] = {"prefetch_factor": 3, "persistent_workers": True} if workers else {}
    extra["pin_memory"] = torch.cuda.is_available()
    return iter(DataLoader(stream, batch_size=batch, num_workers=workers, collate_fn=collate, **extra))
