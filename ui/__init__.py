"""Property groups, preferences and panels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def _classes() -> tuple[type, ...]:
    from . import doors, light_arrow, panels, preferences, presets_panel, properties

    return (
        properties.RELIEF_PG_settings,
        properties.RELIEF_PG_preparation,
        properties.RELIEF_PG_progress,
        preferences.RELIEF_AP_preferences,
        presets_panel.RELIEF_PT_presets,
        panels.RELIEF_PT_main,
        panels.RELIEF_PT_prepare,
        panels.RELIEF_PT_size,
        panels.RELIEF_PT_edges,
        panels.RELIEF_PT_layers,
        panels.RELIEF_PT_maps,
        light_arrow.RELIEF_GT_light,
        light_arrow.RELIEF_GGT_light,
        doors.RELIEF_FH_photo,
    )


def _handlers() -> tuple[tuple[list[Any], Callable[..., None]], ...]:
    """Blender's lists, and what is to be called by each."""
    from bpy.app import handlers

    from .properties import follow, follow_restored, watch

    return (
        (handlers.load_post, watch),
        (handlers.load_post, follow),
        (handlers.undo_post, follow_restored),
        (handlers.redo_post, follow_restored),
    )


def register() -> None:
    import bpy

    from . import doors, presets_panel, properties

    for cls in _classes():
        bpy.utils.register_class(cls)
    bpy.types.Scene.relief = bpy.props.PointerProperty(type=properties.RELIEF_PG_settings)
    bpy.types.Image.relief = bpy.props.PointerProperty(type=properties.RELIEF_PG_preparation)
    bpy.types.Object.relief_mask = properties.mask
    bpy.types.WindowManager.relief_progress = bpy.props.PointerProperty(type=properties.RELIEF_PG_progress)
    bpy.utils.register_preset_path(str(presets_panel.FOLDER))
    doors.add()
    properties.watch()
    for handlers, function in _handlers():
        handlers.append(function)


def unregister() -> None:
    import bpy

    from . import doors, presets_panel, properties

    for handlers, function in _handlers():
        handlers.remove(function)
    properties.unwatch()
    doors.remove()
    bpy.utils.unregister_preset_path(str(presets_panel.FOLDER))
    del bpy.types.WindowManager.relief_progress
    del bpy.types.Object.relief_mask
    del bpy.types.Image.relief
    del bpy.types.Scene.relief
    for cls in reversed(_classes()):
        bpy.utils.unregister_class(cls)
