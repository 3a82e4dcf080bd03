"""Property groups, preferences and panels."""

from __future__ import annotations

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


def _restoring() -> tuple[list[Any], ...]:
    import bpy

    return bpy.app.handlers.undo_post, bpy.app.handlers.redo_post, bpy.app.handlers.load_post


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
    bpy.app.handlers.load_post.append(properties.watch)
    for handlers in _restoring():
        handlers.append(properties.follow)


def unregister() -> None:
    import bpy

    from . import doors, presets_panel, properties

    for handlers in _restoring():
        handlers.remove(properties.follow)
    bpy.app.handlers.load_post.remove(properties.watch)
    properties.unwatch()
    doors.remove()
    bpy.utils.unregister_preset_path(str(presets_panel.FOLDER))
    del bpy.types.WindowManager.relief_progress
    del bpy.types.Object.relief_mask
    del bpy.types.Image.relief
    del bpy.types.Scene.relief
    for cls in reversed(_classes()):
        bpy.utils.unregister_class(cls)
