"""The operator that solves a relief anew from its stored prediction."""

from __future__ import annotations

import bpy

from ..inference.errors import ReliefError
from . import prediction_store
from .bridge import PHOTO_SHA256, WEIGHTS, has_its_grid, is_relief, read_mask, read_paint_colours, update_relief
from .scene_settings import read_settings


class RELIEF_OT_refine(bpy.types.Operator):
    """Solve the active relief anew with the sidebar's settings, in place; the network does not run again"""

    bl_idname = "relief.refine"
    bl_label = "Refine"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        relief = context.view_layer.objects.active
        if not is_relief(relief) or relief.mode not in ("OBJECT", "VERTEX_PAINT"):
            cls.poll_message_set("Select a relief, in Object Mode")
            return False
        if not has_its_grid(relief):
            cls.poll_message_set("This relief was remeshed or cut by hand, which refining would lose. Work on a copy")
            return False
        cls.poll_message_set("What the network said of this photograph is no longer stored. Reconstruct it again")
        return prediction_store.store().holds(relief[PHOTO_SHA256], relief[WEIGHTS])

    def execute(self, context: bpy.types.Context) -> set[str]:
        from ..inference.corrections import read_paint
        from ..inference.meshing import build_mesh
        from ..inference.refinement import refine

        relief = context.view_layer.objects.active
        try:
            refinement_settings, mesh_settings = read_settings(context.scene)
            prediction = prediction_store.store().get(relief[PHOTO_SHA256], relief[WEIGHTS])
            if prediction is None:
                raise ReliefError("The stored prediction could not be read. Reconstruct the photograph again.")
            colours = read_paint_colours(relief)
            corrections = None if colours is None else read_paint(colours)
            height = refine(prediction, refinement_settings, corrections, read_mask(relief))
            mesh = build_mesh(height, mesh_settings, prediction)
        except ReliefError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        update_relief(relief, mesh, {**refinement_settings.to_mapping(), **mesh_settings.to_mapping()})
        return {"FINISHED"}
