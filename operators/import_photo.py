"""The operator behind File > Import, Add > Mesh and dropped files: choose photographs' files, carve them."""

from __future__ import annotations

import os

import bpy

from ..inference.image_header import SUFFIXES
from .words import spoken

PHOTO_FILES = ";".join(f"*{suffix}" for suffix in SUFFIXES)


class RELIEF_OT_import_photo(bpy.types.Operator):
    """Choose a photograph of a carved relief, or several, and carve it at the 3D cursor"""

    bl_idname = "relief.import_photo"
    bl_label = "Relief from Photo"

    filepath: bpy.props.StringProperty(  # type: ignore[valid-type]
        name="Photograph", subtype="FILE_PATH", options={"SKIP_SAVE"}
    )
    directory: bpy.props.StringProperty(subtype="DIR_PATH", options={"SKIP_SAVE", "HIDDEN"})  # type: ignore[valid-type]
    files: bpy.props.CollectionProperty(  # type: ignore[valid-type]
        type=bpy.types.OperatorFileListElement, options={"SKIP_SAVE", "HIDDEN"}
    )
    filter_glob: bpy.props.StringProperty(default=PHOTO_FILES, options={"HIDDEN"})  # type: ignore[valid-type]

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        return bool(bpy.ops.relief.reconstruct.poll())

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        if self._chosen():  # dropped
            return self.execute(context)
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def execute(self, _context: bpy.types.Context) -> set[str]:
        if not self._chosen():
            self.report({"ERROR"}, spoken("No file is chosen."))
            return {"CANCELLED"}
        names = [file.name for file in self.files if file.name]
        path = self.filepath
        if self.directory and len(names) == 1:  # a path may be in any encoding, a name in UTF-8 alone
            path, names = os.path.join(self.directory, names[0]), []
        try:
            # Where there is a window the work goes on behind it; either way it pushes its own undo step.
            bpy.ops.relief.reconstruct(
                "INVOKE_DEFAULT",
                True,
                filepath=path,
                directory=self.directory,
                files=[{"name": name} for name in names],
                chosen=True,
            )
        except RuntimeError as error:  # what the operator reported
            # Without the "Error: " before it, which Blender says in the language of its window.
            self.report({"ERROR"}, str(error).strip().partition(": ")[2] or str(error))
            return {"CANCELLED"}
        return {"FINISHED"}

    def _chosen(self) -> bool:
        return bool(self.filepath or any(file.name for file in self.files))
