"""The extension's preferences."""

from __future__ import annotations

import importlib.util

import bpy

from .properties import CONTEXT

_RUNTIMES = (
    ("auto", "Automatic", "PyTorch where it is present and has a graphics processor, else OpenCV"),
    ("opencv", "OpenCV", "The runtime that comes with the extension; runs on the processor"),
    ("torch", "PyTorch", "Needs PyTorch in Blender's Python; on a graphics processor where it finds one"),
    ("torch-cpu", "PyTorch on Processor", "Needs PyTorch in Blender's Python; leaves graphics to Blender"),
)


class RELIEF_AP_preferences(bpy.types.AddonPreferences):
    """Runtime of the network, and the stored predictions"""

    bl_idname = __package__.rpartition(".")[0]

    runtime: bpy.props.EnumProperty(  # type: ignore[valid-type]
        name="Runtime",
        description="What runs the network",
        items=_RUNTIMES,
        default="auto",
        translation_context=CONTEXT,
    )

    pack: bpy.props.BoolProperty(  # type: ignore[valid-type]
        name="Pack Photographs",
        description="Keep each new relief's photograph inside the .blend. Otherwise a JPEG is linked where it lies; "
        "others, and prepared ones, go into the folder textures beside the .blend once that has been saved",
        default=True,
        translation_context=CONTEXT,
    )

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        layout.use_property_split = True
        layout.prop(self, "runtime")
        layout.label(text=self._why(), icon="INFO")
        last = context.window_manager.relief_progress.runtime
        if last:
            text = bpy.app.translations.pgettext_iface("The last photograph was read by {0}").format(last)
            layout.label(text=text, translate=False)
        layout.prop(self, "pack")
        layout.operator("relief.clear_cache", icon="TRASH")

    def _why(self) -> str:
        """Which runtime the choice means in this Blender."""
        installed = importlib.util.find_spec("torch") is not None
        if self.runtime == "opencv":
            return "OpenCV on the processor, as chosen"
        if self.runtime != "auto" and not installed:
            return "PyTorch is not installed in this Blender: choose another runtime"
        if self.runtime == "torch-cpu":
            return "PyTorch on the processor, as chosen"
        if self.runtime == "torch":
            return "PyTorch, on a graphics processor where it finds one"
        if installed:
            return "PyTorch is installed: it is used if it finds a graphics processor, else OpenCV"
        return "OpenCV on the processor: this Blender has no PyTorch"
