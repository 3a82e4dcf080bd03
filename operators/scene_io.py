"""A relief as files of its own: a scene to look at it in, .blend, GLB and a rendered picture.

For a process that does nothing else: `stage` replaces the open file.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy
from mathutils import Matrix

from ..inference.errors import ReliefError
from ..inference.image_header import read_header, without_notes
from .bridge import create_relief
from .material import DETAIL
from .staging import add_camera, add_sun, seen_size

if TYPE_CHECKING:
    from .reconstruction import Reconstruction

_RENDER_SIDE_PX = 1024


def stage(result: Reconstruction, texture_px: int | None = None) -> bpy.types.Object:
    """Open an empty scene with the relief at the origin, a framed camera and a raking sun; see `create_relief`."""
    with _blender_says("set up the scene"):
        bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    scene = bpy.context.scene
    relief = create_relief(result, scene, Matrix.Identity(4), texture_px)
    _fill_world(scene)
    _set_rendering(scene, relief)
    add_sun(scene, relief)
    add_camera(scene, relief)
    return relief


def save_blend(path: Path) -> None:
    """Save the scene with its photograph packed."""
    name = f"{path.stem}.render.png"
    if bpy.app.version >= (4, 5):  # braces hold the variables of a path since
        name = name.replace("{", "{{").replace("}", "}}")
    bpy.context.scene.render.filepath = f"//{name}"
    with _blender_says(f"write {path.name}"):
        bpy.ops.wm.save_as_mainfile(filepath=str(path), copy=True, compress=True, check_existing=False)
        _check_whole(path)


def save_glb(path: Path, relief: bpy.types.Object) -> None:
    """Export the relief alone as binary glTF, +Y up, with its photograph as JPEG and its normal map as PNG."""
    import addon_utils

    addon_utils.enable("io_scene_gltf2")
    for object_ in bpy.context.view_layer.objects:
        object_.select_set(object_ is relief)
    with _blender_says(f"write {path.name}"):
        bpy.ops.export_scene.gltf(
            filepath=str(path),
            export_format="GLB",
            use_selection=True,
            export_yup=True,
            export_image_format="AUTO",  # each as it is packed
            export_tangents=DETAIL in relief.active_material.node_tree.nodes,  # else engines guess some 10 degrees off
            export_animations=False,
        )


def render(path: Path) -> None:
    """Render the scene with Cycles on the processor; needs no display."""
    with _blender_says(f"render {path.name}"):
        bpy.ops.render.render()
        # By its type: the photograph's texture may have its name.
        next(image for image in bpy.data.images if image.type == "RENDER_RESULT").save_render(str(path))
        _check_whole(path)
        # Blender's notes hold the time: no two runs would make one file.
        path.write_bytes(without_notes(path.read_bytes()))
        _check_whole(path)


def close() -> None:
    """Give the memory of the scene back."""
    with _blender_says("close the scene"):
        bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)


def _check_whole(path: Path) -> None:
    """Read what was written: Blender says nothing where the disk was full for the last of it.

    Raises:
        ReliefError: something of it is missing.
    """
    try:
        if path.suffix == ".png":
            read_header(path.read_bytes(), path.name)
        else:
            with bpy.data.libraries.load(str(path)):
                pass
    except (OSError, ReliefError) as error:
        raise ReliefError(f"{path.name} could not be written whole. Is the disk full? Make room.") from error


def _fill_world(scene: bpy.types.Scene) -> None:
    """A faint even light, so that the shadows of the raking sun stay readable."""
    scene.world = bpy.data.worlds.new("Relief")
    if bpy.app.version < (5, 0):  # always on since
        scene.world.use_nodes = True
    background = next(node for node in scene.world.node_tree.nodes if node.type == "BACKGROUND")
    background.inputs["Color"].default_value = (0.35, 0.35, 0.35, 1.0)


def _set_rendering(scene: bpy.types.Scene, relief: bpy.types.Object) -> None:
    import addon_utils

    size = seen_size(relief)
    sides_px = [max(16, round(_RENDER_SIDE_PX * side / max(size))) for side in size]
    scene.render.resolution_x, scene.render.resolution_y = sides_px

    addon_utils.enable("cycles")
    scene.render.image_settings.color_mode = "RGB"
    scene.render.engine = "CYCLES"
    scene.cycles.device = "CPU"
    scene.cycles.samples = 8
    scene.cycles.max_bounces = 2
    scene.cycles.use_denoising = False  # not in every build, and dull stone in the sun is nearly free of noise
    with suppress(TypeError):  # a studio's colours may know none of that name
        scene.view_settings.view_transform = "Standard"  # the photograph's own colours


@contextmanager
def _stopping() -> Iterator[None]:
    """Stop after the block what a signal was to stop in it: Blender prints what its callbacks raise, and goes on."""
    numbers = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
    handlers: dict[int, Any] = {number: signal.getsignal(number) for number in numbers}
    stopped: list[int] = []

    def hear(number: int, frame: Any) -> None:
        try:
            handlers[number](number, frame)
        except KeyboardInterrupt:
            stopped.append(number)
            raise

    for number, handler in handlers.items():
        if callable(handler):
            signal.signal(number, hear)
    try:
        yield
    finally:
        for number, handler in handlers.items():
            if signal.getsignal(number) is hear:  # the command's ignores all that follows, once told
                signal.signal(number, handler)
        if stopped:
            raise KeyboardInterrupt


@contextmanager
def _blender_says(doing: str) -> Iterator[None]:
    """Keep Blender's chatter, from Python and from C, off stdout, and give its refusals as errors of ours."""
    sys.stdout.flush()
    kept = os.dup(1)
    try:
        with (
            open(os.devnull, "w", encoding="utf-8", errors="replace") as nowhere,
            redirect_stdout(nowhere),
            _stopping(),
        ):
            os.dup2(nowhere.fileno(), 1)
            yield
    except RuntimeError as error:
        # An exporter that failed leaves a handler behind that writes where nobody listens, and says so each time.
        for name in ("glTFImporter", "glTFImporter_errors"):
            logging.getLogger(name).handlers.clear()
        # An operator in Python gives all that it meets as a RuntimeError.
        for kind in (KeyboardInterrupt, MemoryError):
            if kind.__name__ in str(error):
                raise kind from error
        raise ReliefError(f"Blender could not {doing}: {error}. Check the folder and the free space.") from error
    finally:
        os.dup2(kept, 1)
        os.close(kept)
