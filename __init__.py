"""Photo to Relief: a photograph of a carved relief becomes a textured 3D relief.

The repository root is the Blender extension and, loaded under a name by the launcher, a plain package. Importing it
needs no bpy; registration does.
"""

from __future__ import annotations


def register() -> None:
    """Called by Blender when the extension is enabled."""
    from . import operators, ui

    ui.register()
    operators.register()


def unregister() -> None:
    """Called by Blender when the extension is disabled; mirrors `register`."""
    from . import operators, ui

    operators.unregister()
    ui.unregister()
