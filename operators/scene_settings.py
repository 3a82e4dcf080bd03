"""Settings as the scene and the preferences hold them, as the values that `inference` takes."""

from __future__ import annotations

import math
from dataclasses import fields
from typing import TYPE_CHECKING

import bpy

from ..inference.settings import MeshSettings, PreparationSettings, RefinementSettings

if TYPE_CHECKING:
    from ..inference.restoration import Preparation


def read_settings(scene: bpy.types.Scene) -> tuple[RefinementSettings, MeshSettings]:
    """The settings of ``scene.relief``."""
    names = [f.name for cls in (RefinementSettings, MeshSettings) for f in fields(cls)]
    values = {name: _exact(getattr(scene.relief, name)) for name in names}
    return RefinementSettings.from_mapping(values), MeshSettings.from_mapping(values)


def read_preparation(image: bpy.types.Image) -> Preparation | None:
    """What ``image.relief`` asks to be done to a photograph first, or None where it asks for nothing.

    Raises:
        ReliefError: a value is out of its limits.
    """
    group = image.relief
    values = {f.name: _exact(getattr(group, f.name)) for f in fields(PreparationSettings)}
    switches = group.straighten, group.know_light, group.negative
    if not (any(switches) or values["even_light"] or values["remove_dust"]):
        return None
    from ..inference.restoration import Preparation

    flat = [_exact(v) for v in group.corners] if group.straighten else []
    light_deg = _exact(math.degrees(group.light_angle)) if group.know_light else None
    corners = tuple(zip(flat[::2], flat[1::2], strict=True))
    return Preparation(PreparationSettings.from_mapping(values), corners, light_deg, group.negative)


def read_runtime(context: bpy.types.Context) -> str:
    """The runtime chosen in the preferences; "auto" where the extension has none, as in tests of the plain package."""
    preferences = _preferences(context)
    return "auto" if preferences is None else str(preferences.runtime)


def packs_photographs(context: bpy.types.Context) -> bool:
    """Whether photographs stay inside the .blend."""
    preferences = _preferences(context)
    return preferences is None or bool(preferences.pack)


def _preferences(context: bpy.types.Context) -> bpy.types.AddonPreferences | None:
    addon = context.preferences.addons.get(__package__.rpartition(".")[0])
    return None if addon is None else addon.preferences


def _exact(value: float) -> float:
    """Blender keeps 32-bit floats: 0.1 comes back as 0.10000000149, which is neither what was meant nor in limits."""
    return value if isinstance(value, int) else float(f"{value:.6g}")
