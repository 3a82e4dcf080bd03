"""Photographs panels of shapes that no training set holds with Cycles: the example, and panels for the benchmark.

    python -m training.panel --library DIR --shapes DIR --output examples/panel.jpg
    python -m training.panel --library DIR --shapes DIR --panels training/panels --size 768 --seed 8

The shapes are those that the library holds out. Cycles is another renderer than the one that lights the training data,
and its light bounces; the ageing is drawn here, not by `training.photograph`. What a seed gives changes whenever the
synthesis does: the committed pictures were made by the version that they were committed with.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from inference.meshing import ReliefMesh, build_mesh
from inference.prediction import SEGMENT_CLASSES, FloatArray
from inference.settings import MeshSettings

from .chance import fractal
from .compose import Composer, Scene
from .library import Library
from .lighting import SHALLOW_SLOPE, draw_lighting, light_vector, shade
from .photograph import carving_slope, draw_albedo, weathered_albedo, weathered_grain
from .textures import Stone

SANDSTONE = np.array([0.52, 0.43, 0.33], np.float32)
WIDTH_M = 1.0
FIGURE = SEGMENT_CLASSES.index("figure")
LEAST_FIGURES = 0.15
"""Share of a benchmark panel that figures cover: they are what matters most."""
EXAMPLE_LIGHT = np.array([-0.55, 0.5, 0.67], np.float32)


@dataclass(frozen=True)
class Options:
    """What all pictures share."""

    shapes: Path | None
    samples: int
    rng: np.random.Generator


def framed(height: FloatArray, depth_m: float) -> tuple[ReliefMesh, float]:
    """The mesh of a height that a picture of as many pixels, WIDTH_M wide, shows one vertex a pixel.

    A border of one more vertex, beyond the picture, keeps the sky out of its outermost pixels.

    Returns:
        The mesh of (H + 2) x (W + 2) vertices, row by row, and how high the middle of the picture lies on it.
    """
    bordered = np.pad(height, 1, mode="edge")
    rows, columns = bordered.shape
    pixel_m = WIDTH_M / height.shape[1]
    settings = MeshSettings(width_m=pixel_m * (columns - 1), depth_m=depth_m, max_vertices=bordered.size)
    relief = build_mesh(bordered, settings)
    # It runs from edge to edge of rows x columns pixels in width_m; here each vertex stands in the middle of its own.
    relief.vertices[:, 1] *= np.float32(columns / (columns - 1) * (rows - 1) / rows)
    return relief, pixel_m * (rows - 1) / 2


def render(height: FloatArray, depth_m: float, albedo: FloatArray, light: FloatArray, path: Path, samples: int) -> None:
    """Render a relief from the front with Cycles, one picture pixel per pixel of the height.

    Args:
        height: (H, W) float32, 0 = slab, 1 = full depth; the panel is WIDTH_M wide.
        depth_m: what 1 of height is.
        albedo: (H, W, 3) float32 linear.
        light: (3,) toward the sun: x right, y up, z to the viewer.
        path: PNG file.
        samples: per pixel.
    """
    import bpy
    from mathutils import Vector

    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    rows, columns = height.shape
    relief, middle_m = framed(height, depth_m)
    albedo = np.pad(albedo, ((1, 1), (1, 1), (0, 0)), mode="edge")
    mesh = bpy.data.meshes.new("panel")
    mesh.from_pydata(relief.vertices.tolist(), [], relief.faces.tolist())
    mesh.shade_smooth()
    colours = mesh.color_attributes.new("albedo", "FLOAT_COLOR", "POINT")
    rgba = np.pad(albedo.reshape(-1, 3), ((0, 0), (0, 1)), constant_values=1)
    colours.data.foreach_set("color", rgba.ravel())
    material = bpy.data.materials.new("stone")
    material.use_nodes = True
    nodes, links = material.node_tree.nodes, material.node_tree.links
    attribute = nodes.new("ShaderNodeVertexColor")
    attribute.layer_name = "albedo"
    stone = nodes["Principled BSDF"]
    links.new(attribute.outputs["Color"], stone.inputs["Base Color"])
    stone.inputs["Roughness"].default_value = 0.9
    mesh.materials.append(material)
    scene.collection.objects.link(bpy.data.objects.new("panel", mesh))

    sun = bpy.data.lights.new("sun", "SUN")
    sun.energy, sun.angle = 4.0, 0.03
    lamp = bpy.data.objects.new("sun", sun)
    lamp.rotation_euler = Vector(light.tolist()).to_track_quat("Z", "Y").to_euler()
    scene.collection.objects.link(lamp)
    scene.world = bpy.data.worlds.new("sky")
    scene.world.use_nodes = True
    scene.world.node_tree.nodes["Background"].inputs["Color"].default_value = (0.7, 0.8, 1.0, 1.0)
    scene.world.node_tree.nodes["Background"].inputs["Strength"].default_value = 0.35

    camera = bpy.data.cameras.new("camera")
    camera.type, camera.ortho_scale = "ORTHO", WIDTH_M * max(1.0, rows / columns)
    view = bpy.data.objects.new("camera", camera)
    view.location = (0, middle_m, 2)
    scene.collection.objects.link(view)
    scene.camera = view
    scene.render.engine = "CYCLES"
    scene.cycles.samples = samples
    scene.cycles.use_denoising = True
    scene.view_settings.view_transform = "Standard"
    scene.render.resolution_x, scene.render.resolution_y = columns, rows
    scene.render.image_settings.file_format = "PNG"
    scene.render.filepath = str(path)
    bpy.ops.render.render(write_still=True)


def age(picture: npt.NDArray[np.uint8], rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """A worn print: warm tone, faded blacks, vignette, grain, a few scratches; (H, W, 3) BGR."""
    rows, columns = picture.shape[:2]
    image = cv2.GaussianBlur(picture, (0, 0), 0.7).astype(np.float32) / 255
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)[..., None]
    image = 0.35 * image + 0.65 * grey * np.array([0.82, 0.95, 1.05], np.float32)
    image = 0.07 + 0.9 * image ** np.float32(0.92)
    y, x = np.mgrid[-1 : 1 : rows * 1j, -1 : 1 : columns * 1j].astype(np.float32)
    image *= (1 - 0.18 * (x * x + y * y))[..., None]
    image += (0.02 * fractal(rows, columns, 4, rng, 2) + 0.02 * rng.standard_normal((rows, columns)))[..., None]
    for _ in range(6):
        start = rng.uniform(0, (columns, rows))
        end = start + rng.normal(0, 60, 2)
        line = [tuple(int(v) for v in p) for p in (start, end)]
        cv2.line(image, line[0], line[1], (0.85, 0.88, 0.9), 1, cv2.LINE_AA)
    return (np.clip(image, 0, 1) * 255).round().astype(np.uint8)


def write_image(
    path: Path, image: npt.NDArray[np.uint8] | npt.NDArray[np.uint16], parameters: tuple[int, ...] = ()
) -> None:
    """Write under a temporary name, then rename."""
    part = path.with_name(f".{path.stem}.part{path.suffix}")
    if not cv2.imwrite(str(part), image, parameters):
        raise OSError(f"Could not write {part}.")
    os.replace(part, path)


def photograph(
    scene: Scene, rows: slice, light: FloatArray, options: Options, weathered: bool = False
) -> npt.NDArray[np.uint8]:
    """Cycles' picture of some rows of a scene, (H, W, 3) BGR; stains are drawn by ``options.rng``."""
    height, masonry, blocks = scene.height[rows], scene.masonry[rows], scene.blocks[rows]
    height_px, stone = height * np.float32(scene.depth_px), Stone.load(options.shapes)
    if weathered:
        grain = weathered_grain(height.shape, options.rng, stone, carving_slope(height_px))
        masonry = masonry + grain / np.float32(scene.depth_px)
        shades = shade(height_px, draw_lighting(options.rng, light))
        tone = weathered_albedo(height_px, options.rng, stone, blocks, shades)
    else:
        tone = draw_albedo(height_px, options.rng, stone, blocks)
    albedo = np.clip(tone, 0.03 if weathered else 0.1, 1.6)[..., None] * SANDSTONE
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "render.png"
        render(height + masonry, scene.depth_px / height.shape[1] * WIDTH_M, albedo, light, path, options.samples)
        return np.asarray(cv2.imread(str(path), cv2.IMREAD_COLOR), np.uint8)


def crisp(picture: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """As phones and editors leave it: all tones from black to white, sharpened; (H, W, 3) BGR."""
    image = picture.astype(np.float32)
    low, high = np.percentile(image, (1, 99))
    image = (image - low) * np.float32(255 / max(high - low, 1))
    image += image - cv2.GaussianBlur(image, (0, 0), 1.2)
    return np.asarray(np.clip(image, 0, 255).round(), np.uint8)


def example(path: Path, composer: Composer, options: Options) -> None:
    """The example photograph, three quarters as high as wide."""
    scene = composer.compose()
    top = composer.size // 8
    picture = photograph(scene, slice(top, top + composer.size * 3 // 4), EXAMPLE_LIGHT, options)
    write_image(path, age(picture, options.rng), (cv2.IMWRITE_JPEG_QUALITY, 90))


def reference(folder: Path, composer: Composer, options: Options) -> None:
    """A panel for the benchmark, in the form that it reads: height, segments, photographs clean, aged and weathered."""
    scene = composer.compose()
    while (scene.segments == FIGURE).mean() < LEAST_FIGURES:
        scene = composer.compose()
    shallow = carving_slope(scene.height * np.float32(scene.depth_px)) < SHALLOW_SLOPE
    light = light_vector(options.rng.uniform(25, 155), options.rng.uniform(*((10, 30) if shallow else (20, 60))))
    picture = photograph(scene, slice(None), light, options)
    folder.mkdir(parents=True)
    write_image(folder / "photo_clean.jpg", picture, (cv2.IMWRITE_JPEG_QUALITY, 92))
    write_image(folder / "photo_aged.jpg", age(picture, options.rng), (cv2.IMWRITE_JPEG_QUALITY, 85))
    picture = crisp(photograph(scene, slice(None), light, options, weathered=True))
    write_image(folder / "photo_weathered.jpg", picture, (cv2.IMWRITE_JPEG_QUALITY, 85))
    # One pixel is one millimetre; hundredths of one, offset 100 mm.
    height_mm = np.clip(scene.height * scene.depth_px, -100, 500)
    write_image(folder / "height_u16.png", np.round((height_mm + 100) * 100).astype(np.uint16))
    write_image(folder / "segments.png", scene.segments)
    write_image(folder / "heads.png", np.round(scene.heads * 255).astype(np.uint8))
    write_image(folder / "valid.png", np.full(scene.height.shape, 255, np.uint8))
    about = {"mm_per_px": 1.0, "depth_mm": round(scene.depth_px, 3), "light": [round(float(v), 4) for v in light]}
    (folder / "panel.json").write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m training.panel", description="Make photographs with Cycles.")
    parser.add_argument("--library", type=Path, required=True)
    parser.add_argument("--shapes", type=Path)
    made = parser.add_mutually_exclusive_group(required=True)
    made.add_argument("--output", type=Path, help="the example photograph")
    made.add_argument("--panels", type=Path, help="new folder of panels for the benchmark")
    parser.add_argument("--count", type=int, default=12, help="of panels")
    parser.add_argument("--seed", type=int, default=40)
    parser.add_argument("--size", type=int, default=1024, help="columns in pixels")
    parser.add_argument("--samples", type=int, default=16)
    given = parser.parse_args()
    options = Options(given.shapes, given.samples, np.random.default_rng(given.seed))
    composer = Composer(Library(given.library, holdout=True), options.rng, given.size)
    if given.output:
        example(given.output, composer, options)
        return
    given.panels.mkdir(parents=True)
    for number in range(given.count):
        reference(given.panels / f"{number + 1:02}", composer, options)


if __name__ == "__main__":
    main()
