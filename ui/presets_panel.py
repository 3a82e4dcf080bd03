"""The presets of the main panel's header: those of the extension and the user's own."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import bpy
from bl_ui.utils import PresetPanel

from ..inference.settings import RefinementSettings
from . import properties

FOLDER = Path(__file__).parent
"""Holds ``presets``, where Blender looks for those that come with the extension."""


class RELIEF_PT_presets(PresetPanel, bpy.types.Panel):
    bl_label = "Relief Presets"
    preset_subdir = "photo_to_relief"
    preset_operator = "script.execute_preset"
    preset_add_operator = "relief.add_preset"

    @classmethod
    def reset_cb(cls, context: bpy.types.Context, _filepath: str) -> None:
        """A preset starts from the defaults; the relief follows once, when the last slider stands."""
        sliders, relief = context.scene.relief, context.view_layer.objects.active
        if bpy.ops.relief.refine.poll() and not sliders.shows(relief):  # the size is of no preset
            sliders.take_over(relief)
        properties.hold(True)
        for setting in fields(RefinementSettings):
            context.scene.relief.property_unset(setting.name)

    @classmethod
    def post_cb(cls, context: bpy.types.Context, _filepath: str) -> None:
        properties.hold(False)
        properties.refine(context)
        bpy.ops.ed.undo_push(message="Relief Preset")
