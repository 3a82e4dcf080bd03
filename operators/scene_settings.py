"""Settings as the scene and the preferences hold them, as the values that `inference` takes."""

from __future__ import annotations

from dataclasses import fields

import bpy

from ..inference.settings import MeshSettings, RefinementSettings


def read_settings(scene: bpy.types.Scene) -> tuple[RefinementSettings, MeshSettings]:
    """The settings of ``scene.relief``."""
    names = [f.name for cls in (RefinementSettings, MeshSettings) for f in fields(cls)]
    values = {name: _exact(getattr(scene.relief, name)) for name in names}
    return RefinementSettings.from_mapping(values), MeshSettings.from_mapping(values)


def read_runtime(context: bpy.types.Context) -> str:
    """The runtime chosen in the preferences; "auto" where the extension has none, as in tests of the plain package."""
    addon = context.preferences.addons.get(__package__.rpartition(".")[0])
    return "auto" if addon is None or addon.preferences is None else str(addon.preferences.runtime)


def _exact(value: float) -> float:
    """Blender keeps 32-bit floats: 0.1 comes back as 0.10000000149, which is neither what was meant nor in limits."""
    return value if isinstance(value, int) else float(f"{value:.6g}")
