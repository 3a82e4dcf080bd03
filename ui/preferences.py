"""The extension's preferences."""

from __future__ import annotations

import bpy

_RUNTIMES = (
    ("auto", "Automatic", "PyTorch where it is present and has a graphics processor, else OpenCV"),
    ("opencv", "OpenCV", "The runtime that comes with the extension; runs on the processor"),
    ("torch", "PyTorch", "Needs PyTorch in Blender's Python"),
)


class RELIEF_AP_preferences(bpy.types.AddonPreferences):
    """Runtime of the network, and the stored predictions"""

    bl_idname = __package__.rpartition(".")[0]

    runtime: bpy.props.EnumProperty(  # type: ignore[valid-type]
        name="Runtime", description="What runs the network", items=_RUNTIMES, default="auto"
    )

    def draw(self, _context: bpy.types.Context) -> None:
        layout = self.layout
        layout.use_property_split = True
        layout.prop(self, "runtime")
        layout.operator("relief.clear_cache", icon="TRASH")
