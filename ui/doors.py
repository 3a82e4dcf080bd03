"""Where Blender's own ways lead to a relief and on from it: dropping a file, File > Import and Export, Add > Mesh."""

from __future__ import annotations

import bpy


class RELIEF_FH_photo(bpy.types.FileHandler):
    bl_idname = "RELIEF_FH_photo"
    bl_label = "Relief from Photo"
    bl_import_operator = "relief.import_photo"
    bl_file_extensions = ".jpg;.jpeg;.jpe;.jfif;.png;.tif;.tiff;.webp;.bmp"

    @classmethod
    def poll_drop(cls, context: bpy.types.Context) -> bool:
        in_viewport = context.area is not None and context.area.type == "VIEW_3D"
        return in_viewport and bool(bpy.ops.relief.import_photo.poll())


def draw_import(menu: bpy.types.Menu, _context: bpy.types.Context) -> None:
    menu.layout.operator("relief.import_photo", text="Relief from Photo (.jpg, .png, .tif ...)")


def draw_export(menu: bpy.types.Menu, _context: bpy.types.Context) -> None:
    menu.layout.operator("relief.save_maps", text="Relief Maps (.tif, .png)")


def draw_add(menu: bpy.types.Menu, _context: bpy.types.Context) -> None:
    menu.layout.separator()
    menu.layout.operator("relief.import_photo", icon="MOD_DISPLACE")


def add() -> None:
    """Put the entries into Blender's menus."""
    bpy.types.TOPBAR_MT_file_import.append(draw_import)
    bpy.types.TOPBAR_MT_file_export.append(draw_export)
    bpy.types.VIEW3D_MT_mesh_add.append(draw_add)


def remove() -> None:
    """Take them out again."""
    bpy.types.VIEW3D_MT_mesh_add.remove(draw_add)
    bpy.types.TOPBAR_MT_file_export.remove(draw_export)
    bpy.types.TOPBAR_MT_file_import.remove(draw_import)
