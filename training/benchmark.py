"""Scores the bundled weights beside baselines and other weights, in one table and one contact sheet.

    python -m training.benchmark --references DIR --library DIR --shapes DIR --weights DIR --sheet sheet.jpg

References: folders that hold ``height_u16.png`` (hundredths of a millimetre toward the viewer, offset 100 mm),
``valid.png`` and, for each photograph, ``photo_NAME.jpg``, with ``photo_NAME_valid.png`` where it shows less. A panel
that was rendered has ``panel.json`` (``mm_per_px`` and ``depth_mm``, what 1 of height is), ``segments.png`` and
``heads.png`` (bright where a head is seen) too: its normals, soft edges, segments and faces are known.
"""

from __future__ import annotations

import argparse
import itertools
import json
import logging
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from inference.errors import ReliefError
from inference.evaluation import accuracy, correlation, highpass, normal_error_deg, ordinal_accuracy, score_panel
from inference.maps import shade
from inference.photo import Photo, photo_from_array, read_photo
from inference.prediction import EDGE_CLASSES, SEGMENT_CLASSES, FloatArray
from inference.predictor import Predictor, enlarged
from inference.refinement import refine
from inference.runtime import Weights, load_runtime

from .compose import Composer, Scene
from .data import crop_scene, photographed
from .labels import soft_edge_classes
from .library import Library
from .lighting import light_vector
from .panel import write_image
from .photograph import FACE_FORMS, face_forms, take_photograph
from .textures import Stone

log = logging.getLogger(__name__)

Method = Callable[[Photo], FloatArray]
SYNTHETIC_PX = 512
LIGHTS_PX, LIGHTS_ELEVATION = 512, 35.0
SCALES, TRAINING_PX = (0.5, 1, 2, 4), 256
"""Sizes of one panel, relative to a scene as the network saw it whole."""
LEAST_HEAD_PX = 12
"""Side of such a square below which a head has no face."""
LEAST_FLATS = 20
"""Photographs of flat stone, at least: on four of them weights in the making spread 0.032, on twenty others 0.052."""
SMALL_PX, SMALL_GRAIN, SMALL_QUALITY = 312, 0.04, 80
"""Shorter side of what an archive's website shows of a panel, the grain of its film, and the quality of its JPEG."""
HIGHPASS_SHARE = 1 / 16
"""Sigma of the high-pass of synthetic panels, relative to their size; the real panel's is 60 px of 1150."""


@dataclass(frozen=True)
class Panel:
    """A measured panel and its photographs.

    Attributes:
        name: of the folder.
        height_mm: (H, W) float32.
        photos: photographs on the same grid, each with the (H, W) bool mask of what can be scored.
        mm_per_px: of the grid, where the height is exact enough for normals.
        depth_mm: what 1 of height is, where the panel was rendered.
        segments: (H, W) uint8, likewise.
        heads: (H, W) bool, where a head is seen, likewise.
    """

    name: str
    height_mm: FloatArray
    photos: list[tuple[Photo, npt.NDArray[np.bool_]]]
    mm_per_px: float | None = None
    depth_mm: float | None = None
    segments: npt.NDArray[np.uint8] | None = None
    heads: npt.NDArray[np.bool_] | None = None


def small_and_grainy(photo: Photo) -> Photo:
    """A photograph as an archive's website shows it, see SMALL_PX."""
    scale = SMALL_PX / min(photo.grey.shape)
    grey = np.asarray(cv2.resize(photo.grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.float32)
    grey += np.float32(SMALL_GRAIN) * np.random.default_rng(1).standard_normal(grey.shape, dtype=np.float32)
    coded = (grey.clip(0.0, 1.0) * 255 + 0.5).astype(np.uint8)
    _, data = cv2.imencode(".jpg", coded, [cv2.IMWRITE_JPEG_QUALITY, SMALL_QUALITY])
    return photo_from_array(np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE), np.uint8), photo.name)


def luminance(photo: Photo) -> FloatArray:
    """Bright is high: what a displacement by the photograph gives."""
    return photo.grey


def flat_slab(photo: Photo) -> FloatArray:
    """Nothing carved at all: what scores are worth that reward doing little."""
    return np.zeros_like(photo.grey)


def blurred_luminance(photo: Photo) -> FloatArray:
    """`luminance` without grain and small stains."""
    return np.asarray(cv2.GaussianBlur(photo.grey, (0, 0), max(photo.grey.shape) / 200), np.float32)


def refined(predictor: Predictor) -> Method:
    """Prediction and refinement with default settings."""
    return lambda photo: refine(predictor.predict(photo))


def plain(predictor: Predictor) -> Method:
    """The height as the network gives it, for one that learned nothing but heights."""
    return lambda photo: predictor.read(photo).height


def predictor_of(folder: Path, runtime: str) -> Predictor:
    """What runs the weights in a folder."""
    weights = Weights.read(folder)
    return Predictor(load_runtime(runtime, weights), weights.label)


def read_panels(folder: Path) -> list[Panel]:
    """All measured panels below a folder."""
    panels = []
    for path in sorted(folder.rglob("height_u16.png")):
        raw = np.asarray(cv2.imread(str(path), cv2.IMREAD_UNCHANGED))
        height = np.asarray(raw.astype(np.float32) / 100 - 100, np.float32)
        valid = np.asarray(cv2.imread(str(path.with_name("valid.png")), cv2.IMREAD_GRAYSCALE)) > 0
        photos = []
        for photo in sorted(path.parent.glob("photo_*.jpg")):
            less = photo.with_name(f"{photo.stem}_valid.png")
            seen = np.asarray(cv2.imread(str(less), cv2.IMREAD_GRAYSCALE)) > 0 if less.exists() else valid
            photos.append((read_photo(photo), valid & seen))
        panel = Panel(path.parent.name, height, photos)
        about = path.with_name("panel.json")
        if about.exists():
            known = json.loads(about.read_text(encoding="utf-8"))
            segments = np.asarray(cv2.imread(str(path.with_name("segments.png")), cv2.IMREAD_GRAYSCALE), np.uint8)
            heads = np.asarray(cv2.imread(str(path.with_name("heads.png")), cv2.IMREAD_GRAYSCALE), np.uint8) > 127
            panel = replace(
                panel, mm_per_px=known["mm_per_px"], depth_mm=known["depth_mm"], segments=segments, heads=heads
            )
        panels.append(panel)
    return panels


def at_size(values: FloatArray, shape: tuple[int, ...]) -> FloatArray:
    """Maps (h, w) or (h, w, C) at the size (H, W) of their truth; those of small photographs are larger."""
    if values.shape[:2] == shape:
        return values
    layers = np.atleast_3d(values)  # one by one, as OpenCV takes four at most
    sized = [cv2.resize(layers[..., k], shape[::-1], interpolation=cv2.INTER_AREA) for k in range(layers.shape[2])]
    return np.asarray(np.stack(sized, -1).reshape(*shape, *values.shape[2:]), np.float32)


def score_reference(method: Method, panel: Panel) -> dict[str, float]:
    """Means over the photographs: median r and RMSE of crops, order of points, accuracy, angle of normals if known.

    The RMSE is given in millimetres, and as a share of that of a flat slab: panels differ in depth a hundredfold.
    """
    rows = []
    for photo, valid in panel.photos:
        height = at_size(method(photo), panel.height_mm.shape)
        r, rmse_mm = score_panel(height, panel.height_mm, valid)
        _, flat_mm = score_panel(np.zeros_like(panel.height_mm), panel.height_mm, valid)
        row = {
            "r": r,
            "RMSE mm": rmse_mm,
            "RMSE share": rmse_mm / flat_mm,
            "order": ordinal_accuracy(height, panel.height_mm, valid),
            "accuracy": accuracy(height, panel.height_mm, valid),
        }
        if panel.mm_per_px:
            row["normals deg"] = normal_error_deg(height, panel.height_mm / np.float32(panel.mm_per_px), valid)
        if panel.heads is not None:
            row |= score_faces(height, panel.height_mm, valid & panel.heads)
        rows.append(row)
    return means(rows)


def score_group(method: Method, panels: list[Panel]) -> dict[str, float]:
    """Means over panels; one alone is told in its own millimetres, of several the shares are comparable."""
    scores = means([score_reference(method, panel) for panel in panels])
    del scores["RMSE share" if len(panels) == 1 else "RMSE mm"]
    return scores


def means(rows: list[dict[str, float]]) -> dict[str, float]:
    """The mean of each score over the rows that have it."""
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: float(np.mean([row[name] for row in rows if name in row])) for name in names}


def score_faces(found: FloatArray, true: FloatArray, heads: npt.NDArray[np.bool_]) -> dict[str, float]:
    """Mean r of the forms of faces over the heads, weighted by their areas; nothing where no head is large enough.

    Args:
        found: (H, W), any scale and offset.
        true: (H, W).
        heads: (H, W) bool; heads that touch count as one.
    """
    count, parts, about, _ = cv2.connectedComponentsWithStats(heads.astype(np.uint8))
    scores, areas = [], []
    for part in range(1, count):  # 0 is what is no head
        left, top, columns, rows, area = (int(number) for number in about[part])
        side = math.sqrt(area)
        if side < LEAST_HEAD_PX:
            continue
        around = math.ceil(4 * FACE_FORMS[1] * side)  # as far as a blur reaches
        crop = tuple(slice(max(a - around, 0), a + length + around) for a, length in ((top, rows), (left, columns)))
        a, b = (face_forms(height[crop], side) for height in (found, true))
        scores.append(correlation(a, b, parts[crop] == part))
        areas.append(area)
    return {"faces r": float(np.average(scores, weights=areas))} if scores else {}


def by_photograph(folder: Path) -> dict[str, list[Panel]]:
    """Panels of a folder in groups that are scored together: one each, or one a kind of photograph that all have.

    Of those that were rendered, clean photographs are scored as `small_and_grainy` ones too.

    Raises:
        ReliefError: there is no panel, one without photographs, or two of one name that are scored each.
    """
    panels = read_panels(folder)
    if not panels:
        raise ReliefError(f"There is no panel below {folder}: no height_u16.png. Give another folder.")
    bare = [panel.name for panel in panels if not panel.photos]
    if bare:
        raise ReliefError(f"Panels below {folder} have no photo_NAME.jpg: {', '.join(bare)}. Add some, or move them.")
    names = [{photo.name for photo, _ in panel.photos} for panel in panels]
    if len(panels) < 2 or any(n != names[0] for n in names):
        by_name = {panel.name: [panel] for panel in panels}
        if len(by_name) < len(panels):
            raise ReliefError(f"Two panels below {folder} have folders of one name. Rename one of them.")
        return by_name
    groups = {
        f"{folder.name} {name.removeprefix('photo_')}": [
            replace(panel, photos=[pair for pair in panel.photos if pair[0].name == name]) for panel in panels
        ]
        for name in sorted(names[0])
    }
    clean = groups.get(f"{folder.name} clean", [])
    if clean and all(panel.segments is not None for panel in clean):
        groups[f"{folder.name} small"] = [
            replace(panel, photos=[(small_and_grainy(photo), valid) for photo, valid in panel.photos])
            for panel in clean
        ]
    return groups


def synthetic(library: Path, shapes: Path | None, clean: bool, count: int, seed: int) -> list[tuple[Photo, Scene]]:
    """Photographs of panels made of held-out shapes."""
    rng = np.random.default_rng(seed)
    composer, stone = Composer(Library(library, holdout=True), rng), Stone.load(shapes)
    pairs: list[tuple[Photo, Scene]] = []
    while len(pairs) < count:
        scene = crop_scene(composer.compose(), SYNTHETIC_PX, rng)
        if scene.height.std() < 0.1:
            continue
        grey, _ = photographed(scene, rng, stone, clean)
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
        found = at_size(method(photo), scene.height.shape)
        a, b = (highpass(h, everywhere, sigma) for h in (found, scene.height))
        scores.append(correlation(a, b, everywhere))
    return float(np.median(scores))


def score_lights(method: Method, library: Path, shapes: Path | None, count: int, seed: int) -> float:
    """Mean r between the heights of one relief under eight lights around it, mean over the reliefs."""
    rng, stone = np.random.default_rng(seed), Stone.load(shapes)
    composer = Composer(Library(library, holdout=True), rng)
    everywhere = np.ones((LIGHTS_PX, LIGHTS_PX), bool)
    scores: list[float] = []
    while len(scores) < count:
        scene = crop_scene(composer.compose(), LIGHTS_PX, rng)
        if scene.height.std() < 0.1:
            continue
        one = int(rng.integers(2**31))
        heights = []
        for azimuth in range(0, 360, 45):
            # The same stone each time, only the light moves.
            light = light_vector(azimuth, LIGHTS_ELEVATION)
            grey, _ = photographed(scene, np.random.default_rng(one), stone, True, light)
            height = method(photo_from_array((grey * 255).astype(np.uint8), f"light {azimuth}"))
            heights.append(highpass(at_size(height, everywhere.shape), everywhere, LIGHTS_PX * HIGHPASS_SHARE))
        scores.append(float(np.mean([correlation(a, b, everywhere) for a, b in itertools.combinations(heights, 2)])))
    return float(np.mean(scores))


def score_scales(
    method: Method, library: Path, shapes: Path | None, count: int, seed: int
) -> tuple[list[float], float]:
    """One photograph at several sizes.

    Returns:
        Median r at each of SCALES, on the largest grid, and at the last the median r of the detail finer than a pixel
        of scale 1.
    """
    rng, stone = np.random.default_rng(seed), Stone.load(shapes)
    full = int(TRAINING_PX * SCALES[-1])
    composer = Composer(Library(library, holdout=True), rng, full)
    everywhere = np.ones((full, full), bool)
    scores: list[list[float]] = []
    fine: list[float] = []
    while len(scores) < count:
        scene = composer.compose()
        if scene.height.std() < 0.1:
            continue
        grey, _ = photographed(scene, rng, stone, True)
        true = highpass(scene.height, everywhere, full * HIGHPASS_SHARE)
        row, height = [], scene.height
        for scale in SCALES:
            size = int(TRAINING_PX * scale)
            small = cv2.resize(grey, (size, size), interpolation=cv2.INTER_AREA)
            height = method(photo_from_array((small * 255).astype(np.uint8), f"at {scale}"))
            height = np.asarray(cv2.resize(height, (full, full), interpolation=cv2.INTER_CUBIC), np.float32)
            row.append(correlation(highpass(height, everywhere, full * HIGHPASS_SHARE), true, everywhere))
        scores.append(row)
        pixel = SCALES[-1] / SCALES[1] / 2
        a, b = (highpass(h, everywhere, pixel) for h in (height, scene.height))
        fine.append(correlation(a, b, everywhere))
    return [float(v) for v in np.median(np.array(scores), axis=0)], float(np.median(fine))


def relief_of(method: Method, photos: list[Photo]) -> float:
    """Median spread of the height (5th to 95th percentile); 1 is the full depth of a carved panel."""
    return float(np.median([np.ptp(np.percentile(method(photo), (5, 95))) for photo in photos]))


def score_classes(
    predictor: Predictor, truths: list[tuple[Photo, FloatArray, npt.NDArray[np.uint8]]]
) -> dict[str, float]:
    """F1 of each softness class but none, and mean IoU of the segments that occur.

    Args:
        predictor: of the weights to score.
        truths: photograph, height (H, W) with 1 = full depth, and segments (H, W).
    """
    edges = np.zeros((len(EDGE_CLASSES),) * 2)
    segments = np.zeros((len(SEGMENT_CLASSES),) * 2)
    for photo, height, parts in truths:
        prediction = predictor.predict(photo)
        # How soft an edge is depends on the size: it is labelled at that at which the photograph is read.
        rows, columns = enlarged(photo.grey).shape
        read = np.asarray(cv2.resize(height, (columns, rows), interpolation=cv2.INTER_CUBIC), np.float32)
        labels = np.eye(len(EDGE_CLASSES), dtype=np.float32)[soft_edge_classes(read)]
        true, found = (at_size(maps, parts.shape).argmax(2) for maps in (labels, prediction.soft_edges))
        np.add.at(edges, (true, found), 1)
        np.add.at(segments, (parts, at_size(prediction.segments, parts.shape).argmax(2)), 1)
    f1 = {
        f"F1 {name}": float(2 * edges[i, i] / max(edges[i].sum() + edges[:, i].sum(), 1))
        for i, name in enumerate(EDGE_CLASSES)
        if i > 0
    }
    union = segments.sum(0) + segments.sum(1) - segments.diagonal()
    return f1 | {"mIoU": float(np.mean((segments.diagonal() / np.maximum(union, 1))[segments.sum(1) > 0]))}


def sheet(photos: list[Photo], methods: dict[str, Method], path: Path) -> None:
    """One row a photograph: itself, then the shaded height of each method."""
    rows = []
    for photo in photos:
        pictures = [(photo.grey * 255).astype(np.uint8), *(shade(method(photo)) for method in methods.values())]
        rows.append(np.hstack([cv2.resize(p, (512, 512), interpolation=cv2.INTER_AREA) for p in pictures]))
    write_image(path, np.asarray(np.vstack(rows), np.uint8))


def table(rows: dict[str, dict[str, float]]) -> str:
    """Markdown, one row a method."""
    columns = list(dict.fromkeys(column for row in rows.values() for column in row))
    lines = ["| | " + " | ".join(columns) + " |", "|---" * (len(columns) + 1) + "|"]
    for name, row in rows.items():
        lines.append(f"| {name} | " + " | ".join(f"{row[c]:.3f}" if c in row else "" for c in columns) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m training.benchmark", description="Score the bundled weights.")
    parser.add_argument("--references", type=Path, action="append", default=[], help="folder of panels; repeatable")
    parser.add_argument("--library", type=Path, help="folder that training.shapes wrote")
    parser.add_argument("--shapes", type=Path, help="folder that holds stone_textures")
    parser.add_argument("--weights", type=Path, action="append", default=[], help="folder of other weights; repeatable")
    parser.add_argument(
        "--plain", type=Path, action="append", default=[], help="folder of weights trained on heights alone; repeatable"
    )
    parser.add_argument("--sheet", type=Path, help="contact sheet of synthetic and measured panels")
    parser.add_argument("--count", type=int, default=16, help="synthetic panels of each kind")
    parser.add_argument("--runtime", default="auto")
    options = parser.parse_args()
    predictors = [
        Predictor.load(runtime=options.runtime),
        *(predictor_of(folder, options.runtime) for folder in options.weights),
    ]
    methods: dict[str, Method] = {"flat": flat_slab, "luminance": luminance}
    methods["blurred luminance"] = blurred_luminance
    methods |= {predictor.weights: refined(predictor) for predictor in predictors}
    for folder in options.plain:
        predictor = predictor_of(folder, options.runtime)
        methods[f"{predictor.weights}, height alone"] = plain(predictor)
    groups: dict[str, list[Panel]] = {}
    for folder in options.references:
        try:
            found = by_photograph(folder)
        except ReliefError as error:
            parser.error(str(error))
        for title, panels in found.items():
            if title in groups:
                parser.error(f"two --references have {title!r}: rename one of the folders")
            groups[title] = panels
    flat = flat_stone(options.shapes, max(options.count, LEAST_FLATS), 7)
    library = options.library
    clean = synthetic(library, options.shapes, True, options.count, 5) if library else []
    aged = synthetic(library, options.shapes, False, options.count, 6) if library else []
    rows: dict[str, dict[str, float]] = {}
    for name, method in methods.items():
        row = rows[name] = {}
        for group, panels in groups.items():
            row |= {f"{group}: {column}": value for column, value in score_group(method, panels).items()}
        row["flat stone, spread"] = relief_of(method, flat)
        if library:
            row["synthetic clean r"] = score_synthetic(method, clean)
            row["synthetic aged r"] = score_synthetic(method, aged)
            carved = relief_of(method, [photo for photo, _ in clean])
            if carved > 0:
                row["flat against carved"] = row["flat stone, spread"] / carved
            row["eight lights r"] = score_lights(method, library, options.shapes, max(options.count // 4, 1), 8)
            at, fine = score_scales(method, library, options.shapes, max(options.count // 4, 1), 9)
            row |= {f"r at {scale}x": r for scale, r in zip(SCALES, at, strict=True)} | {"fine r at 4x": fine}
        log.info("%s: %s", name, " | ".join(f"{column} {value:.3f}" for column, value in row.items()))
    truths = [(photo, scene.height, scene.segments) for photo, scene in clean + aged]
    for panel in [panel for group in groups.values() for panel in group]:
        if panel.segments is not None and panel.depth_mm:
            truths += [
                (photo, panel.height_mm / np.float32(panel.depth_mm), panel.segments)
                for photo, _ in panel.photos
                if photo.grey.shape == panel.segments.shape
            ]
    for predictor in predictors if truths else []:
        rows[predictor.weights] |= score_classes(predictor, truths)
    print(table(rows))
    if options.sheet:
        panels = [panel for group in groups.values() for panel in group[:3]]
        shown = [photo for panel in panels for photo, _ in panel.photos] + [p for p, _ in aged[:6]] + flat[:2]
        sheet(shown, methods, options.sheet)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    main()
