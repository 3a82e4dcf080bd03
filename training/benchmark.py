"""Scores the bundled weights beside simple baselines, in one table and one contact sheet.

    python -m training.benchmark --references DIR --library DIR --shapes DIR --sheet sheet.jpg

References: folders that hold ``height_u16.png`` (hundredths of a millimetre toward the viewer, offset 100 mm),
``valid.png`` and, for each photograph, ``photo_NAME.jpg`` with ``photo_NAME_valid.png``.
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from inference.evaluation import correlation, highpass, score_panel
from inference.maps import shade
from inference.photo import Photo, photo_from_array, read_photo
from inference.prediction import EDGE_CLASSES, SEGMENT_CLASSES, FloatArray
from inference.predictor import Predictor
from inference.refinement import refine

from .compose import Composer, Scene
from .data import crop_scene
from .labels import soft_edge_classes
from .library import Library
from .photograph import Stone, take_photograph

log = logging.getLogger(__name__)

Method = Callable[[Photo], FloatArray]
SYNTHETIC_PX = 512
HIGHPASS_SHARE = 1 / 16
"""Sigma of the high-pass of synthetic panels, relative to their size; the real panel's is 60 px of 1150."""


@dataclass(frozen=True)
class Panel:
    """A measured panel and its photographs.

    Attributes:
        name: of the folder.
        height_mm: (H, W) float32.
        photos: photographs on the same grid, each with the (H, W) bool mask of what can be scored.
    """

    name: str
    height_mm: FloatArray
    photos: list[tuple[Photo, npt.NDArray[np.bool_]]]


def luminance(photo: Photo) -> FloatArray:
    """Bright is high: what a displacement by the photograph gives."""
    return photo.grey


def blurred_luminance(photo: Photo) -> FloatArray:
    """The same without grain and small stains."""
    return np.asarray(cv2.GaussianBlur(photo.grey, (0, 0), max(photo.grey.shape) / 200), np.float32)


def bundled(predictor: Predictor) -> Method:
    """Prediction and refinement with default settings."""
    return lambda photo: refine(predictor.predict(photo))


def read_panels(folder: Path) -> list[Panel]:
    """All measured panels below a folder."""
    panels = []
    for path in sorted(folder.rglob("height_u16.png")):
        raw = np.asarray(cv2.imread(str(path), cv2.IMREAD_UNCHANGED))
        height = raw.astype(np.float32) / 100 - 100
        valid = np.asarray(cv2.imread(str(path.with_name("valid.png")), cv2.IMREAD_GRAYSCALE)) > 0
        photos = []
        for photo in sorted(path.parent.glob("photo_*.jpg")):
            seen = np.asarray(cv2.imread(str(photo.with_name(f"{photo.stem}_valid.png")), cv2.IMREAD_GRAYSCALE)) > 0
            photos.append((read_photo(photo), valid & seen))
        panels.append(Panel(path.parent.name, height, photos))
    return panels


def score_reference(method: Method, panel: Panel) -> tuple[float, float]:
    """Mean over the photographs of the median r and of the median RMSE in mm."""
    scores = [score_panel(method(photo), panel.height_mm, valid) for photo, valid in panel.photos]
    r, rmse = np.mean(np.array(scores), axis=0)
    return float(r), float(rmse)


def synthetic(library: Path, shapes: Path | None, clean: bool, count: int, seed: int) -> list[tuple[Photo, Scene]]:
    """Photographs of panels made of held-out shapes."""
    rng = np.random.default_rng(seed)
    composer, stone = Composer(Library(library, holdout=True), rng), Stone.load(shapes)
    pairs: list[tuple[Photo, Scene]] = []
    while len(pairs) < count:
        scene = crop_scene(composer.compose(), SYNTHETIC_PX, rng)
        if scene.height.std() < 0.1:
            continue
        height_px = scene.height * np.float32(scene.depth_px)
        grey, _ = take_photograph(height_px, rng, stone, clean=clean, blocks=scene.blocks)
        pairs.append((photo_from_array((grey * 255).astype(np.uint8), f"panel {len(pairs)}"), scene))
    return pairs


def flat_stone(shapes: Path | None, count: int, seed: int) -> list[Photo]:
    """Photographs of flat stained stone."""
    rng, stone = np.random.default_rng(seed), Stone.load(shapes)
    flat = np.zeros((SYNTHETIC_PX, SYNTHETIC_PX), np.float32)
    greys = [take_photograph(flat, rng, stone)[0] for _ in range(count)]
    return [photo_from_array((grey * 255).astype(np.uint8), f"flat {i}") for i, grey in enumerate(greys)]


def score_synthetic(method: Method, pairs: list[tuple[Photo, Scene]]) -> float:
    """Median r of high-passed heights."""
    scores = []
    for photo, scene in pairs:
        everywhere = np.ones(scene.height.shape, bool)
        sigma = SYNTHETIC_PX * HIGHPASS_SHARE
        a, b = (highpass(h, everywhere, sigma) for h in (method(photo), scene.height))
        scores.append(correlation(a, b, everywhere))
    return float(np.median(scores))


def relief_of(method: Method, photos: list[Photo]) -> float:
    """Median spread of the height (5th to 95th percentile); 1 is the full depth of a carved panel."""
    return float(np.median([np.ptp(np.percentile(method(photo), (5, 95))) for photo in photos]))


def score_classes(predictor: Predictor, pairs: list[tuple[Photo, Scene]]) -> tuple[list[float], float]:
    """F1 of each softness class but none, and mean IoU of the segments that occur."""
    edges = np.zeros((len(EDGE_CLASSES),) * 2)
    segments = np.zeros((len(SEGMENT_CLASSES),) * 2)
    for photo, scene in pairs:
        prediction = predictor.predict(photo)
        np.add.at(edges, (soft_edge_classes(scene.height), prediction.soft_edges.argmax(2)), 1)
        np.add.at(segments, (scene.segments, prediction.segments.argmax(2)), 1)
    f1 = [2 * edges[i, i] / max(edges[i].sum() + edges[:, i].sum(), 1) for i in range(1, len(EDGE_CLASSES))]
    union = segments.sum(0) + segments.sum(1) - segments.diagonal()
    return f1, float(np.mean((segments.diagonal() / np.maximum(union, 1))[segments.sum(1) > 0]))


def sheet(photos: list[Photo], methods: dict[str, Method], path: Path) -> None:
    """One row a photograph: itself, then the shaded height of each method."""
    rows = []
    for photo in photos:
        pictures = [(photo.grey * 255).astype(np.uint8), *(shade(method(photo)) for method in methods.values())]
        rows.append(np.hstack([cv2.resize(p, (512, 512), interpolation=cv2.INTER_AREA) for p in pictures]))
    cv2.imwrite(str(path), np.vstack(rows))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m training.benchmark", description="Score the bundled weights.")
    parser.add_argument("--references", type=Path, help="folder of measured panels")
    parser.add_argument("--library", type=Path, help="folder that training.shapes wrote")
    parser.add_argument("--shapes", type=Path, help="folder that holds stone_textures")
    parser.add_argument("--sheet", type=Path, help="contact sheet of synthetic and measured panels")
    parser.add_argument("--count", type=int, default=16, help="synthetic panels of each kind")
    parser.add_argument("--runtime", default="auto")
    options = parser.parse_args()
    predictor = Predictor.load(runtime=options.runtime)
    methods: dict[str, Method] = {
        "luminance": luminance,
        "blurred luminance": blurred_luminance,
        predictor.weights: bundled(predictor),
    }
    panels = read_panels(options.references) if options.references else []
    flat = flat_stone(options.shapes, options.count, 7)
    clean = synthetic(options.library, options.shapes, True, options.count, 5) if options.library else []
    aged = synthetic(options.library, options.shapes, False, options.count, 6) if options.library else []
    for name, method in methods.items():
        cells = [f"{panel.name}: r %.3f, RMSE %.2f mm" % score_reference(method, panel) for panel in panels]
        cells += [f"synthetic clean r {score_synthetic(method, clean):.3f}"] if clean else []
        cells += [f"synthetic aged r {score_synthetic(method, aged):.3f}"] if aged else []
        cells += [f"flat stone {relief_of(method, flat):.3f}"]
        print(f"{name:24}", " | ".join(cells), flush=True)
    if aged:
        f1, iou = score_classes(predictor, clean + aged)
        print("F1", " ".join(f"{n} {v:.3f}" for n, v in zip(EDGE_CLASSES[1:], f1, strict=True)), f"| mIoU {iou:.3f}")
        carved = float(np.median([np.ptp(np.percentile(methods[predictor.weights](p), (5, 95))) for p, _ in clean]))
        print(f"flat stone against carved panels: {relief_of(methods[predictor.weights], flat) / carved:.1%}")
    if options.sheet:
        shown = [photo for panel in panels for photo, _ in panel.photos] + [p for p, _ in aged[:6]] + flat[:2]
        sheet(shown, methods, options.sheet)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    main()
