"""Property groups, preferences and panels."""

from __future__ import annotations


def _classes() -> tuple[type, ...]:
    from . import panels, preferences, properties

    return (
        properties.RELIEF_PG_settings,
        properties.RELIEF_PG_progress,
        preferences.RELIEF_AP_preferences,
        panels.RELIEF_PT_main,
        panels.RELIEF_PT_size,
        panels.RELIEF_PT_edges,
        panels.RELIEF_PT_layers,
    )


def register() -> None:
    import bpy

    from . import properties

    for cls in _classes():
        bpy.utils.register_class(cls)
    bpy.types.Scene.relief = bpy.props.PointerProperty(type=properties.RELIEF_PG_settings)
    bpy.types.WindowManager.relief_progress = bpy.props.PointerProperty(type=properties.RELIEF_PG_progress)


def unregister() -> None:
    import bpy

    del bpy.types.WindowManager.relief_progress
    del bpy.types.Scene.relief
    for cls in reversed(_classes()):
        bpy.utils.unregister_class(cls)
