"""The operator that empties the store of predictions."""

from __future__ import annotations

import bpy

from . import prediction_store
from .words import spoken


class RELIEF_OT_clear_cache(bpy.types.Operator):
    """Delete the stored predictions. Reliefs stay as they are; to refine one again, let its photograph be read again"""

    bl_idname = "relief.clear_cache"
    bl_label = "Clear Stored Predictions"

    def execute(self, _context: bpy.types.Context) -> set[str]:
        freed_bytes = prediction_store.store().clear()
        self.report({"INFO"}, spoken(f"{freed_bytes / 2**20:.0f} MB freed"))
        return {"FINISHED"}
