"""The operator that lets a relief show what the network said of it."""

from __future__ import annotations

import bpy

from .bridge import is_relief
from .material import PAINT, VIEWS, show


class RELIEF_OT_show(bpy.types.Operator):
    """Colour the selected relief with its photograph, or with what the network said of it"""

    bl_idname = "relief.show"
    bl_label = "Show"
    bl_options = {"REGISTER", "UNDO"}

    view: bpy.props.EnumProperty(name="View", items=VIEWS, default="photo")  # type: ignore[valid-type]

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        cls.poll_message_set("Select a relief that has its material")
        relief = context.view_layer.objects.active
        return is_relief(relief) and relief.active_material is not None and "photo" in _nodes(relief)

    def execute(self, context: bpy.types.Context) -> set[str]:
        if self.view == PAINT and PAINT not in context.view_layer.objects.active.data.color_attributes:
            self.report({"ERROR"}, "Nothing is painted on this relief yet. Take Paint in the sidebar first.")
            return {"CANCELLED"}
        show(context.view_layer.objects.active.active_material, self.view)
        return {"FINISHED"}


def _nodes(relief: bpy.types.Object) -> bpy.types.Nodes:
    return relief.active_material.node_tree.nodes
