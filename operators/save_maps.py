"""The operator that saves a relief's maps as picture files."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import bpy

from ..inference.errors import ReliefError
from ..inference.settings import MeshSettings, RefinementSettings
from .bridge import file_name, has_its_grid, is_relief, settings_of
from .hidden import hidden_name, replace_all
from .job import refused
from .material import PAINT
from .refine import holds_prediction, solved_height, stored_prediction
from .words import spoken

HEIGHT = ".height.tif"


class RELIEF_OT_save_maps(bpy.types.Operator):
    """Save height, normals, soft edges and segments of the selected relief as pictures; sculpting is not in them"""

    bl_idname = "relief.save_maps"
    bl_label = "Save Maps"

    filepath: bpy.props.StringProperty(  # type: ignore[valid-type]
        name="Height", description="File of the height map; the others get names like it", subtype="FILE_PATH",
        options={"SKIP_SAVE"},
    )  # fmt: skip
    check_existing: bpy.props.BoolProperty(default=True, options={"HIDDEN"})  # type: ignore[valid-type]
    filter_glob: bpy.props.StringProperty(default="*.tif", options={"HIDDEN"})  # type: ignore[valid-type]

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        relief = context.view_layer.objects.active
        # In other modes its paint and its mesh are out of reach.
        if is_relief(relief) and (relief.mode not in ("OBJECT", "VERTEX_PAINT") or relief.data.is_editmode):
            cls.poll_message_set(spoken("Leave Edit, Sculpt or Paint Mode first"))
            return False
        return holds_prediction(cls, relief)

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        folder = os.path.dirname(bpy.data.filepath) or os.path.expanduser("~")
        name = file_name(context.view_layer.objects.active.name)
        self.filepath = os.path.join(folder, name + HEIGHT)
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def check(self, _context: bpy.types.Context) -> bool:
        """Keep the ending, whatever name is typed."""
        path = _height_path(self.filepath)
        changed = path != self.filepath
        self.filepath = path
        return changed

    def execute(self, context: bpy.types.Context) -> set[str]:
        relief = context.view_layer.objects.active
        try:
            names = save_maps(relief, Path(_height_path(bpy.path.abspath(self.filepath))))
        except Exception as error:  # noqa: BLE001 (a bug is raised again)
            return refused(self, error)
        self.report({"INFO"}, spoken(f"Saved: {', '.join(names)}"))
        if PAINT in relief.data.color_attributes and not has_its_grid(relief):
            self.report({"WARNING"}, spoken("What was painted is not in the maps: the relief was remeshed since"))
        return {"FINISHED"}


def _height_path(path: str) -> str:
    """A path with the ending of height maps."""
    if path.endswith(HEIGHT):
        return path
    stem = path.removesuffix(".tif").removesuffix(".tiff")
    return stem + HEIGHT if os.path.basename(stem) else path


def save_maps(relief: bpy.types.Object, path: Path) -> list[str]:
    """Write the maps of a relief with the settings it was last refined with, all of them or none.

    Args:
        relief: the object.
        path: of the height map, which may be replaced; ends in HEIGHT.

    Returns:
        The files' names.

    Raises:
        ReliefError: nothing is stored of the photograph, another map's name is taken, or the folder cannot be written.
    """
    from ..inference.maps import write_maps

    if not path.name.removesuffix(HEIGHT) or not path.name.endswith(HEIGHT):
        raise ReliefError("No file is chosen.")
    if not path.parent.is_dir():
        raise ReliefError(f"{path.parent} does not exist. Choose another folder.")
    values = settings_of(relief)
    prediction = stored_prediction(relief)
    height = solved_height(relief, prediction, RefinementSettings.from_mapping(values))
    stem = path.name.removesuffix(HEIGHT)
    part = path.parent / hidden_name()
    aside, done = part / "old", False
    try:
        part.mkdir()
        try:
            made = write_maps(part / stem, height, prediction, MeshSettings.from_mapping(values))
            taken = [file.name for file in made[1:] if path.with_name(file.name).exists()]
            if taken and not path.exists():
                raise ReliefError(f"{taken[0]} exists already. Choose another name.")
            replace_all({file: path.with_name(file.name) for file in made}, aside)
            done = True
        finally:
            if done or not any(aside.glob("*")):  # else the last copy of something
                shutil.rmtree(part, ignore_errors=True)
    except OSError as error:
        if aside.exists():
            raise ReliefError(
                f"The maps cannot be written: {error.strerror}. Those of before lie in {aside}."
            ) from error
        raise ReliefError(f"The maps cannot be written: {error.strerror}. Choose another folder.") from error
    return [file.name for file in made]
