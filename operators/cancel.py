"""The operator of the Cancel button."""

from __future__ import annotations

import bpy

from . import job
from .words import spoken


class RELIEF_OT_cancel(bpy.types.Operator):
    """Stop the reconstruction that is under way and those that wait; the scene stays as it is"""

    bl_idname = "relief.cancel"
    bl_label = "Cancel"
    bl_options = {"INTERNAL"}

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        cls.poll_message_set(spoken("No reconstruction is under way"))
        return job.running()

    def execute(self, _context: bpy.types.Context) -> set[str]:
        job.stop_running()
        return {"FINISHED"}
