"""The operator that solves a relief anew from its stored prediction, and the full solve that follows a draft."""

from __future__ import annotations

import bpy

from ..inference.errors import ReliefError
from . import prediction_store
from .bridge import (
    PHOTO_SHA256,
    WEIGHTS,
    has_its_grid,
    is_relief,
    read_mask,
    read_paint_colours,
    update_relief,
)
from .scene_settings import read_settings
from .words import spoken

DRAFT = "relief_draft"
"""Stands on a relief whose surface is a draft; undone and saved with it."""
QUIET_S = 0.3
"""How long a slider rests before the full solve follows."""


class RELIEF_OT_refine(bpy.types.Operator):
    """Carve the selected relief again with these settings and with what is painted on it, in place and at once"""

    bl_idname = "relief.refine"
    bl_label = "Refine"
    bl_options = {"REGISTER", "UNDO"}

    draft: bpy.props.BoolProperty(  # type: ignore[valid-type]
        name="Draft First",
        description="Answer with a coarser surface where the photograph is large; the full one follows by itself",
        options={"SKIP_SAVE"},
    )

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        relief = context.view_layer.objects.active
        if not is_relief(relief) or relief.mode not in ("OBJECT", "VERTEX_PAINT"):
            cls.poll_message_set(spoken("Select a relief, in Object Mode"))
            return False
        if not has_its_grid(relief):
            cls.poll_message_set(
                spoken("This relief was remeshed or cut by hand, which refining would lose. Work on a copy")
            )
            return False
        cls.poll_message_set(
            spoken("What the network said of this photograph is no longer stored. Let it read the photograph again")
        )
        return prediction_store.store().holds(relief[PHOTO_SHA256], relief[WEIGHTS])

    def execute(self, context: bpy.types.Context) -> set[str]:
        from ..inference.corrections import read_paint
        from ..inference.meshing import build_mesh
        from ..inference.refinement import refine

        relief, store = context.view_layer.objects.active, prediction_store.store()
        origin = relief[PHOTO_SHA256], relief[WEIGHTS]
        try:
            refinement_settings, mesh_settings = read_settings(context.scene)
            prediction = store.get(*origin)
            if prediction is None:
                raise ReliefError("The stored prediction could not be read. Reconstruct the photograph again.")
            draft = self.draft and max(prediction.height.shape) > prediction_store.DRAFT_PX
            colours = read_paint_colours(relief)
            height = refine(
                (draft and store.get_draft(*origin)) or prediction,
                refinement_settings,
                None if colours is None else read_paint(colours),
                read_mask(relief),
            )
            mesh = build_mesh(height, mesh_settings, prediction)
        except ReliefError as error:
            self.report({"ERROR"}, spoken(str(error)))
            return {"CANCELLED"}
        update_relief(relief, mesh, {**refinement_settings.to_mapping(), **mesh_settings.to_mapping()})
        if draft:
            relief[DRAFT] = True
            settle_later()
        else:
            relief.pop(DRAFT, None)
        return {"FINISHED"}


def settle_later() -> None:
    """Solve in full once the sliders rest."""
    stop_settling()
    bpy.app.timers.register(_settle, first_interval=QUIET_S)


def stop_settling() -> None:
    """Forget a full solve that has not begun."""
    if bpy.app.timers.is_registered(_settle):
        bpy.app.timers.unregister(_settle)


def _settle() -> None:
    relief = bpy.context.view_layer.objects.active
    if relief is not None and DRAFT in relief and bpy.ops.relief.refine.poll():
        bpy.ops.relief.refine()


@bpy.app.handlers.persistent
def settle_restored(*_: object) -> None:
    """After undo, redo and opening a file: a draft that came back is solved in full, from the settings with it."""
    relief = bpy.context.view_layer.objects.active
    if relief is not None and DRAFT in relief:
        settle_later()
