"""The operator that lets an artist paint corrections on a relief."""

from __future__ import annotations

import bpy

from .bridge import grid_of, off_grid, read_paint_colours, write_paint_colours
from .material import PAINT, linear, material_of
from .words import spoken

MEANINGS = (
    ("raise", "Raise", "White: the surface comes forward, as far as Paint Height says"),
    ("lower", "Lower", "Black: the surface goes back"),
    ("flat", "Flat", "Purple: this place is level stone, whatever the photograph shows"),
    ("soft", "Soft Edge", "Blue: this edge is a gentle transition"),
    ("medium", "Medium Edge", "Green: this edge is rounded, and steeper than it was"),
    ("sharp", "Sharp Edge", "Orange: this edge is crisp, and twice as steep as it was"),
    ("erase", "Erase", "Grey: as the network says"),
)


VIEW_BEFORE = "relief_view_before"
"""Stands on a relief that is painted on, and names what it showed before."""

_owner = object()


@bpy.app.handlers.persistent
def watch(*_: object) -> None:
    """Have `show_again` called where a mode changes; Blender forgets it with every file that is opened."""
    unwatch()
    bpy.msgbus.subscribe_rna(key=(bpy.types.Object, "mode"), owner=_owner, args=(), notify=show_again)


def unwatch() -> None:
    """Take `watch` back."""
    bpy.msgbus.clear_by_owner(_owner)


@bpy.app.handlers.persistent
def show_again(*_: object) -> None:
    """Let reliefs that are painted on no longer show what they showed before, but where another view was chosen.

    Also after undo and redo: the step in which a mode is left holds what was shown in it.
    """
    for relief in bpy.data.objects:
        if VIEW_BEFORE in relief and relief.mode != "VERTEX_PAINT" and relief.library is None:
            before = relief.pop(VIEW_BEFORE)
            if relief.relief_view == PAINT:
                relief.relief_view = before


class RELIEF_OT_paint(bpy.types.Operator):
    """Paint corrections on the relief in Vertex Paint Mode; Refine carves them, and they stay"""

    bl_idname = "relief.paint"
    bl_label = "Paint"
    bl_options = {"REGISTER", "UNDO"}

    meaning: bpy.props.EnumProperty(  # type: ignore[valid-type]
        name="Meaning", items=MEANINGS, default="raise", translation_context="Relief"
    )

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        relief = context.view_layer.objects.active
        if context.mode == "EDIT_MESH":  # its colours are out of reach there
            cls.poll_message_set(spoken("Leave Edit, Sculpt or Paint Mode first"))
            return False
        held = off_grid(relief)
        if held is None and not relief.visible_get():  # Blender lets no hidden object into a mode
            held = "This relief is hidden. Show it first"
        if held:
            cls.poll_message_set(spoken(held))
        return held is None

    def execute(self, context: bpy.types.Context) -> set[str]:
        import numpy as np

        from ..inference.corrections import NEUTRAL

        relief = context.view_layer.objects.active
        if read_paint_colours(relief) is None:
            write_paint_colours(relief, np.full((*grid_of(relief), 3), NEUTRAL, np.float32))
        relief.data.color_attributes.active_color = relief.data.color_attributes[PAINT]
        material = material_of(relief)
        if material is not None and material.library is None:
            if relief.relief_view != PAINT and relief.library is None:
                relief[VIEW_BEFORE] = relief.relief_view
            relief.relief_view = PAINT
        if relief.mode != "VERTEX_PAINT":
            bpy.ops.object.mode_set(mode="VERTEX_PAINT")
        _dip(context.tool_settings, _colour(self.meaning))
        return {"FINISHED"}


def _colour(meaning: str) -> tuple[int, int, int]:
    """R G B of what is painted."""
    from ..inference.corrections import FLAT_COLOUR, NEUTRAL
    from ..inference.maps import EDGE_PALETTE

    greys = {"raise": 255, "lower": 0, "erase": round(255 * NEUTRAL)}
    if meaning in greys:
        return (greys[meaning],) * 3
    if meaning == "flat":
        return FLAT_COLOUR
    red, green, blue = EDGE_PALETTE[("none", "soft", "medium", "sharp").index(meaning)].tolist()
    return red, green, blue


def _dip(tools: bpy.types.ToolSettings, colour: tuple[int, int, int]) -> None:
    """Dip the brush, and the colour that brushes share, into a colour."""
    paint = tools.vertex_paint
    shared = getattr(paint, "unified_paint_settings", None) or getattr(tools, "unified_paint_settings", None)
    for holder in (paint.brush, shared):
        if holder is None:  # no brush without a window
            continue
        # Blender 5.0 holds them linear.
        gamma = holder.bl_rna.properties["color"].subtype == "COLOR_GAMMA"
        holder.color = [c / 255 for c in colour] if gamma else linear(colour)[:3]
