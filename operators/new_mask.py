"""The operator that makes a mask to paint on."""

from __future__ import annotations

import bpy

from .bridge import GRID, off_grid
from .words import spoken

LONGER_PX = 2048


class RELIEF_OT_new_mask(bpy.types.Operator):
    """Give the selected relief a white mask, which leaves it whole until black is painted in the Image Editor"""

    bl_idname = "relief.new_mask"
    bl_label = "New Mask"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        held = off_grid(context.view_layer.objects.active)
        if held:
            cls.poll_message_set(spoken(held))
        return held is None

    def execute(self, context: bpy.types.Context) -> set[str]:
        relief = context.view_layer.objects.active
        rows, columns = (max(round(side * LONGER_PX / max(relief[GRID])), 1) for side in relief[GRID])
        mask = bpy.data.images.new(f"{relief.name} mask", columns, rows)
        mask.generated_color = (1.0, 1.0, 1.0, 1.0)
        relief.relief_mask = mask
        return {"FINISHED"}
