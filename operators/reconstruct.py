"""The operator that turns a photograph into a relief."""

from __future__ import annotations

import functools
from dataclasses import replace
from typing import TYPE_CHECKING

import bpy

from . import job, prediction_store
from .bridge import create_relief
from .photo_source import PhotoSource, choose_photo
from .reconstruction import reconstruct
from .scene_settings import read_runtime, read_settings

if TYPE_CHECKING:
    from .reconstruction import Reconstruction


class RELIEF_OT_reconstruct(job.JobOperator, bpy.types.Operator):
    """Carve a photograph of a relief: from the selected reference image, or the photograph chosen in the sidebar"""

    bl_idname = "relief.reconstruct"
    bl_label = "Reconstruct"
    bl_options = {"REGISTER", "UNDO"}

    filepath: bpy.props.StringProperty(  # type: ignore[valid-type]
        name="Photograph", description="File of the photograph", subtype="FILE_PATH", options={"SKIP_SAVE"}
    )
    _source: PhotoSource

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if job.running():
            cls.poll_message_set("A reconstruction is under way. Wait for it, or press Esc")
            return False
        cls.poll_message_set("Leave Edit, Sculpt or Paint Mode first")
        return context.mode == "OBJECT"

    def prepare(self, context: bpy.types.Context) -> job.Work:
        self._source = choose_photo(context, self.filepath)
        refinement_settings, mesh_settings = read_settings(context.scene)
        if self._source.placement.width_m is not None:
            mesh_settings = replace(mesh_settings, width_m=self._source.placement.width_m)
        runtime, store, path = read_runtime(context), prediction_store.store(), self._source.path
        make = functools.partial(reconstruct, path, refinement_settings, mesh_settings, runtime=runtime, store=store)
        return lambda progress: make(progress=progress)

    def finish(self, context: bpy.types.Context, result: Reconstruction) -> None:
        relief = create_relief(result, context.scene, self._source.placement.matrix)
        context.scene.relief.width_m = result.mesh_settings.width_m  # the slider shows the width taken from an empty
        for object_ in context.selected_objects:
            object_.select_set(False)
        relief.select_set(True)
        context.view_layer.objects.active = relief
