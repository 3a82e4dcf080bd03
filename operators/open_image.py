"""The operators behind the sidebar's Open: one chosen file becomes the photograph or the mask.

Blender's own takes a file whose name holds a number from 1001 to 2000, as a camera's do, for a tile of several files.
"""

from __future__ import annotations

import os
from pathlib import Path

import bpy

from .bridge import is_relief
from .import_photo import PHOTO_FILES
from .photo_source import opened
from .words import spoken


class _OpenImage:
    filepath: bpy.props.StringProperty(  # type: ignore[valid-type]
        name="Picture", subtype="FILE_PATH", options={"SKIP_SAVE"}
    )
    display_type: bpy.props.EnumProperty(  # type: ignore[valid-type]
        items=[("THUMBNAIL", "Thumbnails", "", "NONE", 3)], options={"HIDDEN"}
    )
    """What the file browser begins with, by Blender's own number."""

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        context.window_manager.fileselect_add(self)
        return {"RUNNING_MODAL"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        path = Path(os.path.abspath(bpy.path.abspath(self.filepath)))
        try:
            if not path.is_file():
                raise RuntimeError
            image = opened(path)
        except RuntimeError:
            self.report({"ERROR"}, spoken(f"{path.name} cannot be opened. Choose a picture's file."))  # type: ignore[attr-defined]
            return {"CANCELLED"}
        if not image.is_dirty:  # another program may have changed it since it was opened
            image.reload()
        self._take(context, image)
        return {"FINISHED"}

    def _take(self, context: bpy.types.Context, image: bpy.types.Image) -> None:
        raise NotImplementedError


class RELIEF_OT_open_photo(_OpenImage, bpy.types.Operator):
    """Open the photograph of a carved relief"""

    bl_idname = "relief.open_photo"
    bl_label = "Open Photograph"
    bl_options = {"REGISTER", "UNDO"}

    filter_glob: bpy.props.StringProperty(default=PHOTO_FILES, options={"HIDDEN"})  # type: ignore[valid-type]

    def _take(self, context: bpy.types.Context, image: bpy.types.Image) -> None:
        context.scene.relief.image = image


class RELIEF_OT_open_mask(_OpenImage, bpy.types.Operator):
    """Open a picture as the selected relief's mask: white is relief, black becomes bare slab"""

    bl_idname = "relief.open_mask"
    bl_label = "Open Mask"
    bl_options = {"REGISTER", "UNDO"}

    filter_image: bpy.props.BoolProperty(default=True, options={"HIDDEN"})  # type: ignore[valid-type]
    filter_folder: bpy.props.BoolProperty(default=True, options={"HIDDEN"})  # type: ignore[valid-type]

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        cls.poll_message_set(spoken("Select a relief first"))
        return is_relief(context.view_layer.objects.active)

    def _take(self, context: bpy.types.Context, image: bpy.types.Image) -> None:
        context.view_layer.objects.active.relief_mask = image
