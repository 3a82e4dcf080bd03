"""The operator that keeps the sidebar's settings as a preset."""

from __future__ import annotations

from dataclasses import fields

import bpy
from bl_operators.presets import AddPresetBase

from ..inference.settings import RefinementSettings


class RELIEF_OT_add_preset(AddPresetBase, bpy.types.Operator):
    """Keep the settings of edges and layers under a name, or take a kept one away"""

    bl_idname = "relief.add_preset"
    bl_label = "Add Relief Preset"
    preset_menu = "RELIEF_PT_presets"
    preset_subdir = "photo_to_relief"
    preset_defines = ["relief = bpy.context.scene.relief"]
    preset_values = [f"relief.{setting.name}" for setting in fields(RefinementSettings)]
