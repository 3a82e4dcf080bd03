"""The sidebar tab "Relief" of the 3D viewport."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Iterable
from dataclasses import Field, fields
from typing import Any

import bpy

from ..inference.settings import MeshSettings, RefinementSettings
from .presets_panel import RELIEF_PT_presets
from .properties import is_relief


class _Sidebar:
    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = "Relief"
    bl_translation_context = "Relief"  # elsewhere in Blender "Edges" are those of a mesh


class RELIEF_PT_main(_Sidebar, bpy.types.Panel):
    bl_label = "Photo to Relief"

    def draw_header_preset(self, _context: bpy.types.Context) -> None:
        RELIEF_PT_presets.draw_panel_header(self.layout)

    def draw(self, context: bpy.types.Context) -> None:
        layout, relief = self.layout, context.scene.relief
        progress = context.window_manager.relief_progress
        active = context.view_layer.objects.active
        photo = relief.photograph(context)
        if progress.active:
            layout.progress(factor=progress.share, text=progress.stage)
            layout.operator("relief.cancel", icon="CANCEL")
            layout.separator()
        for number, line in enumerate(_lines(context, progress.trouble)):
            layout.label(text=line, icon="BLANK1" if number else "ERROR", translate=False)
        if relief.reference(context) is not None:
            text = bpy.app.translations.pgettext_iface("Selected reference: {0}").format(active.data.name)
            for number, line in enumerate(_lines(context, text)):
                layout.label(text=line, icon="BLANK1" if number else "IMAGE_REFERENCE", translate=False)
        else:
            layout.template_ID(relief, "image", open="relief.open_photo")
        if photo is not None:
            layout.template_icon(icon_value=layout.icon(photo), scale=5.0)
        row = layout.row()
        row.scale_y = 1.5
        row.enabled = photo is not None
        row.operator(
            "relief.reconstruct", icon="MOD_DISPLACE", text="Reconstruct Next" if progress.active else "Reconstruct"
        )
        if photo is None and not progress.active:
            layout.label(text="Open or select a photograph", icon="INFO")
        if bpy.ops.relief.read_again.poll():
            layout.label(text="Read it again before refining", icon="ERROR")
            layout.operator("relief.read_again", icon="FILE_REFRESH")
        if bpy.ops.relief.show.poll():
            layout.prop(active, "relief_view", text="Show")
            if context.space_data is not None and not _sees(context.space_data.shading, active.relief_view):
                layout.prop_enum(context.space_data.shading, "type", "MATERIAL", text="Switch to Material Preview")
            layout.operator("relief.stage", icon="LIGHT_SUN")
        if bpy.ops.relief.paint.poll():
            row = layout.row(align=True)
            row.operator_menu_enum("relief.paint", "meaning", icon="BRUSH_DATA")
            row.operator("relief.refine", icon="FILE_REFRESH")


class RELIEF_PT_prepare(_Sidebar, bpy.types.Panel):
    bl_label = "Prepare Photo"
    bl_parent_id = "RELIEF_PT_main"
    bl_options = {"DEFAULT_CLOSED"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return context.scene.relief.photograph(context) is not None

    def draw(self, context: bpy.types.Context) -> None:
        layout, image = self.layout, context.scene.relief.photograph(context)
        layout.use_property_split = True
        layout.use_property_decorate = False
        layout.prop(image.relief, "negative")
        layout.prop(image.relief, "straighten")
        layout.operator("relief.pick_corners", icon="SELECT_SET")
        column = layout.column()
        column.active = image.relief.straighten
        column.prop(image.relief, "aspect")
        row = layout.row(heading="Light From")
        row.prop(image.relief, "know_light", text="")
        angle = row.row()
        angle.active = image.relief.know_light
        angle.prop(image.relief, "light_angle", text="")
        if shows_arrow(context):
            layout.label(text="Drag the arrow, then Reconstruct", icon="INFO")
        layout.prop(image.relief, "even_light", slider=True)
        layout.prop(image.relief, "remove_dust", slider=True)
        layout.operator("relief.preview_preparation", icon="HIDE_OFF")


def _sees(shading: bpy.types.View3DShading, view: str) -> bool:
    """Whether a viewport colours a relief with what it shows; a new one, which is Solid, does not."""
    if shading.type == "SOLID":
        return (view, shading.color_type) in {("photo", "TEXTURE"), ("corrections", "VERTEX")}
    return shading.type != "WIREFRAME"


def shows_arrow(context: bpy.types.Context) -> bool:
    """Whether the arrow for the chosen photograph's light lies on the active object, in this viewport."""
    photo, active = context.scene.relief.photograph(context), context.view_layer.objects.active
    return (
        photo is not None
        and photo.relief.know_light
        and active is not None
        and active.mode == "OBJECT"
        and active.visible_get()
        and active.visible_in_viewport_get(context.space_data)
        and (active.data == photo or is_of(active, photo))
    )


def is_of(object_: bpy.types.Object, photo: bpy.types.Image) -> bool:
    """Whether an object is a relief of this photograph, as far as its name tells."""
    name = photo.get("relief_photo") or os.path.splitext(bpy.path.basename(photo.filepath) or photo.name)[0]
    return is_relief(object_) and object_.get("relief_photo") == name


def _lines(context: bpy.types.Context, text: str) -> list[str]:
    """A text in lines that the sidebar is wide enough for; a label would end in dots."""
    letter_px = (7 if text.isascii() else 13) * context.preferences.system.ui_scale
    return textwrap.wrap(text, max(int(context.region.width / letter_px) - 6, 12))


class RELIEF_PT_size(_Sidebar, bpy.types.Panel):
    bl_label = "Size"
    bl_parent_id = "RELIEF_PT_main"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: bpy.types.Context) -> None:
        _draw_settings(self.layout, context, fields(MeshSettings))
        refers = context.scene.relief.reference(context) is not None
        text = "Depth scales with the reference" if refers else "The depth is yours to choose"
        self.layout.label(text=text, icon="INFO")


class RELIEF_PT_edges(_Sidebar, bpy.types.Panel):
    bl_label = "Edges"
    bl_parent_id = "RELIEF_PT_main"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: bpy.types.Context) -> None:
        _draw_settings(self.layout, context, [f for f in fields(RefinementSettings) if not _of_layers(f)])


class RELIEF_PT_layers(_Sidebar, bpy.types.Panel):
    bl_label = "Layers"
    bl_parent_id = "RELIEF_PT_main"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: bpy.types.Context) -> None:
        _draw_settings(self.layout, context, [f for f in fields(RefinementSettings) if _of_layers(f)])
        relief = context.view_layer.objects.active
        if is_relief(relief):
            self.layout.template_ID(relief, "relief_mask", new="relief.new_mask", open="relief.open_mask", text="Mask")


class RELIEF_PT_maps(_Sidebar, bpy.types.Panel):
    bl_label = "Maps"
    bl_parent_id = "RELIEF_PT_main"
    bl_options = {"DEFAULT_CLOSED"}

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        return bpy.ops.relief.show.poll() or bpy.ops.relief.save_maps.poll()

    def draw(self, context: bpy.types.Context) -> None:
        relief = context.view_layer.objects.active
        if bpy.ops.relief.show.poll():  # else it has another material by now
            self.layout.template_icon_view(relief, "relief_view", show_labels=True, scale=8.0, scale_popup=5.0)
        self.layout.operator("relief.save_maps", text="Save Maps...", icon="EXPORT")


def _of_layers(setting: Field[Any]) -> bool:
    return setting.name in ("layering", "flatten_ground", "paint_height") or setting.name.startswith("raise_")


def _acts(name: str, sliders: bpy.types.PropertyGroup, context: bpy.types.Context) -> bool:
    """Whether moving a slider changes anything, as the others stand."""
    if name == "width_m":  # a reference says how wide it is
        return sliders.reference(context) is None
    if name == "edge_threshold":
        strengths = sliders.strength_soft, sliders.strength_medium, sliders.strength_sharp
        return sliders.smoothing > 0.0 or sliders.bevel > 0.0 or strengths != (1.0, 1.0, 1.0)
    return True


def _draw_settings(layout: bpy.types.UILayout, context: bpy.types.Context, settings: Iterable[Field[Any]]) -> None:
    layout.use_property_split = True
    layout.use_property_decorate = False
    sliders = context.scene.relief
    for setting in settings:
        share = isinstance(setting.default, float) and setting.metadata["unit"] == "NONE"
        row = layout.row()
        row.active = _acts(setting.name, sliders, context)
        row.prop(sliders, setting.name, slider=share)
