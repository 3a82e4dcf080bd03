"""The operator that makes a mask to paint on."""

from __future__ import annotations

import bpy

from .bridge import GRID, off_grid
from .words import spoken

LONGER_PX = 2048


@bpy.app.handlers.persistent
def keep_masks(*_: object) -> None:
    """Before a file is saved: painted masks go into it, but for those that are files of the artist's own."""
    masks = {relief.relief_mask for relief in bpy.data.objects if relief.relief_mask is not None}
    for mask in masks:
        own = mask.source == "GENERATED" or mask.packed_file is not None
        if own and mask.is_dirty and mask.library is None:
            mask.pack()


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
