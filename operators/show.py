"""The operator that lets a relief show what the network said of it."""

from __future__ import annotations

import bpy

from . import thumbnails
from .bridge import is_relief, sharers
from .material import PAINT, VIEWS, material_of, own_material, show, shown
from .words import spoken

_items: list[tuple[str, str, str, int, int]] = []
"""What `_views` gave last: Blender keeps no copy of a list that is made for it."""


class RELIEF_OT_show(bpy.types.Operator):
    """Colour the selected relief with its photograph, or with what the network said of it"""

    bl_idname = "relief.show"
    bl_label = "Show"
    bl_options = {"REGISTER", "UNDO"}

    view: bpy.props.EnumProperty(  # type: ignore[valid-type]
        name="View", items=VIEWS, default="photo", translation_context="Relief"
    )

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        cls.poll_message_set(spoken("Select a relief that has its material"))
        relief = context.view_layer.objects.active
        material = material_of(relief) if is_relief(relief) else None
        if material is not None and material.library is not None:
            cls.poll_message_set(spoken("This relief's material is linked from another file. Make it local first"))
            return False
        return material is not None

    def execute(self, context: bpy.types.Context) -> set[str]:
        if self.view == PAINT and PAINT not in context.view_layer.objects.active.data.color_attributes:
            self.report({"ERROR"}, spoken("Nothing is painted on this relief yet. Take Paint in the sidebar first."))
            return {"CANCELLED"}
        context.view_layer.objects.active.relief_view = self.view
        return {"FINISHED"}


def _views(relief: bpy.types.Object, _context: bpy.types.Context | None) -> list[tuple[str, str, str, int, int]]:
    material = material_of(relief) if is_relief(relief) else None
    painted = relief.type == "MESH" and PAINT in relief.data.color_attributes
    painted = painted or (material is not None and shown(material) == PAINT)  # else what is shown is not in the list
    _items[:] = [
        (*view, thumbnails.icon(relief, view[0]) if material else 0, number)
        for number, view in enumerate(VIEWS)
        if view[0] != PAINT or painted
    ]
    return _items


_telling = False


def _show(relief: bpy.types.Object, _context: bpy.types.Context) -> None:
    global _telling
    if _telling or not is_relief(relief):
        return
    material = material_of(relief)
    if material is None or material.library is not None:
        return
    material = own_material(relief, material)
    show(material, relief.relief_view)
    _telling = True
    try:  # linked duplicates are coloured alike
        for sharer in sharers(relief.data):
            if sharer.library is None and material_of(sharer) == material and sharer.relief_view != relief.relief_view:
                sharer.relief_view = relief.relief_view
    finally:
        _telling = False


view_property = bpy.props.EnumProperty(
    name="View",
    description="What the relief is coloured with",
    items=_views,
    options=set(),
    update=_show,
    translation_context="Relief",
)
"""Of every object; means something for reliefs alone."""
