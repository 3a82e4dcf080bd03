"""Settings of refinement and mesh: the one place of their defaults, limits, names and descriptions."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, TypeVar

from .errors import ReliefError

RUNTIMES = ("auto", "opencv", "torch", "torch-cpu")
"""What can be asked to run the network; "torch" takes a GPU where there is one, "torch-cpu" never."""

READING = 7
"""How photographs are read; raised whenever the same weights and settings come to give another relief."""

S = TypeVar("S", bound="_Limited")


def _setting(default: float, low: float, high: float, label: str, description: str, unit: str = "NONE") -> Any:
    """A field that carries what the sidebar and the command line need to show it."""
    limits = {"low": low, "high": high, "label": label, "description": description, "unit": unit}
    return field(default=default, metadata=limits)


def _raise(label: str, what: str) -> Any:
    return _setting(
        0.0,
        -1.0,
        1.0,
        f"Raise {label}",
        f"Lifts {what} off the panel, or sinks them; 1 is the full depth of the carving",
    )


@dataclass(frozen=True)
class _Limited:
    def __post_init__(self) -> None:
        for f in fields(self):
            value = getattr(self, f.name)
            low, high = f.metadata["low"], f.metadata["high"]
            number = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
            if not number or not low <= value <= high:
                label = f.metadata["label"]
                raise ReliefError(f"{label} ({f.name}) is {value!r}. Give a number from {low:.9g} to {high:.9g}.")

    @classmethod
    def from_mapping(cls: type[S], values: Mapping[str, Any]) -> S:
        """The settings whose names occur in ``values``; others there are ignored, missing ones keep their default.

        Raises:
            ReliefError: a value is not a number or out of its limits.
        """
        return cls(**{f.name: values[f.name] for f in fields(cls) if f.name in values})

    def to_mapping(self) -> dict[str, float]:
        """Field names to values, as JSON keeps them."""
        return asdict(self)


@dataclass(frozen=True)
class RefinementSettings(_Limited):
    """How the network's answer becomes one surface; see the descriptions of the fields."""

    strength_soft: float = _setting(
        1.0, 0.0, 3.0, "Soft Edges", "How strongly gentle transitions are carved: cheeks, limbs, worn folds"
    )
    strength_medium: float = _setting(
        1.0, 0.0, 3.0, "Medium Edges", "How strongly rounded edges are carved: drapery, hair, fingers"
    )
    strength_sharp: float = _setting(
        1.0, 0.0, 3.0, "Sharp Edges", "How strongly crisp edges are carved: outlines, joints, chisel lines"
    )
    detail: float = _setting(
        1.0, 0.0, 2.0, "Detail", "Fine chisel work against the coarse layering: 0 keeps only the large forms"
    )
    smoothing: float = _setting(
        0.0, 0.0, 1.0, "Smoothing", "Calms rough stone between the edges; the edges themselves stay"
    )
    edge_threshold: float = _setting(
        0.0, 0.0, 1.0, "Edge Threshold", "Edges fainter than this count as plain stone, which Smoothing calms"
    )
    bevel: float = _setting(
        0.0, 0.0, 1.0, "Bevel", "Rounds medium and sharp edges off: 1 spreads a step over a fiftieth of the panel"
    )
    layering: float = _setting(
        1.0, 0.0, 3.0, "Layering", "How far figures stand out from the ground and from each other: the large forms"
    )
    flatten_ground: float = _setting(
        0.0, 0.0, 1.0, "Flatten Ground", "Presses what is ground toward the slab; figures and things keep their height"
    )
    raise_figure: float = _raise("Figures", "people")
    raise_animal: float = _raise("Animals", "animals")
    raise_plant: float = _raise("Plants", "trees, leaves and flowers")
    raise_architecture: float = _raise("Buildings", "buildings, frames and ledges")
    raise_object: float = _raise("Objects", "weapons, vessels, furniture and ornament")
    paint_height: float = _setting(
        0.2, 0.0, 1.0, "Paint Height", "How far white paint raises and black paint lowers; 1 is the full depth"
    )


@dataclass(frozen=True)
class MeshSettings(_Limited):
    """Real size of the panel and the limit of its mesh; lengths in metres.

    In Blender they are its units, a thousandth of a metre where the scene says so: hence the high limits.
    """

    width_m: float = _setting(1.0, 0.001, 1e6, "Width", "Width of the panel", "LENGTH")
    depth_m: float = _setting(
        0.05, 0.0, 1e5, "Depth", "From the slab to the highest point of a fully carved panel", "LENGTH"
    )
    max_vertices: int = _setting(
        1_000_000, 4, 100_000_000, "Vertices", "The mesh has at most this many vertices; the maps keep full resolution"
    )


@dataclass(frozen=True)
class PreparationSettings(_Limited):
    """What is done to a photograph before the network sees it."""

    even_light: float = _setting(
        0.0, 0.0, 1.0, "Even Light", "Lifts dark corners and dims bright ones, as of a lamp too near or a faded print"
    )
    remove_dust: float = _setting(
        0.0, 0.0, 1.0, "Remove Dust", "Fills specks and scratches of an old print; more takes fainter ones for dust"
    )
    aspect: float = _setting(
        0.0, 0.0, 100.0, "Proportions", "Width of the panel divided by its height, once straightened; 0 finds it"
    )
