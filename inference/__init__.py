"""From a photograph to the arrays of a relief: NumPy in, NumPy out, no Blender.

The names below are loaded when first used, so that ``import inference`` costs nothing and loads neither cv2 nor torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .errors import Cancelled, ReliefError
    from .meshing import build_mesh
    from .photo import Photo, read_photo
    from .prediction import Prediction
    from .predictor import Predictor
    from .refinement import refine
    from .settings import MeshSettings, RefinementSettings

__all__ = [
    "Cancelled",
    "MeshSettings",
    "Photo",
    "Prediction",
    "Predictor",
    "RefinementSettings",
    "ReliefError",
    "build_mesh",
    "read_photo",
    "refine",
]

_MODULES = {
    "Cancelled": "errors",
    "MeshSettings": "settings",
    "Photo": "photo",
    "Prediction": "prediction",
    "Predictor": "predictor",
    "RefinementSettings": "settings",
    "ReliefError": "errors",
    "build_mesh": "meshing",
    "read_photo": "photo",
    "refine": "refinement",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f".{_MODULES[name]}", __name__), name)
    globals()[name] = value
    return value
