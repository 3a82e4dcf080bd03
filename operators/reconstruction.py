"""The road from a photograph's file to a mesh's arrays, as operator and command line both walk it. Knows no bpy."""

from __future__ import annotations

import functools
import importlib.util
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..inference.errors import Progress, ReliefError, report

if TYPE_CHECKING:
    from ..inference.meshing import ReliefMesh
    from ..inference.photo import Photo
    from ..inference.prediction import FloatArray, Prediction
    from ..inference.predictor import Predictor
    from ..inference.restoration import Preparation
    from ..inference.settings import MeshSettings, RefinementSettings
    from .prediction_store import PredictionStore

# Shares of the whole at which the stages begin; the network takes nearly all of it.
_READ, _PREDICT, _REFINE, _MESH = 0.0, 0.05, 0.85, 0.95


@dataclass(frozen=True)
class Reconstruction:
    """All that one photograph became.

    Attributes:
        photo: as the network saw it, prepared.
        file_sha256: of the photograph's file.
        preparation: what was done to it first, as `Preparation.to_mapping` gives it; empty where nothing was.
        detail: what is finer than the mesh, see `inference.texture.encode_detail`.
        times_s: the seconds of each stage.
    """

    photo: Photo
    file_sha256: str
    preparation: dict[str, Any]
    prediction: Prediction
    height: FloatArray
    mesh: ReliefMesh
    detail: bytes | None
    refinement_settings: RefinementSettings
    mesh_settings: MeshSettings
    times_s: dict[str, float]

    @property
    def settings(self) -> dict[str, float]:
        return {**self.refinement_settings.to_mapping(), **self.mesh_settings.to_mapping()}


@contextmanager
def timed(times_s: dict[str, float], stage: str) -> Iterator[None]:
    """Note the seconds that the block takes."""
    start = time.perf_counter()
    yield
    times_s[stage] = round(time.perf_counter() - start, 4)


def check_opencv() -> None:
    """See that what reads photographs is there and runs.

    Raises:
        ReliefError: it does not.
    """
    if importlib.util.find_spec("cv2") is None:
        raise ReliefError("OpenCV is missing. Install the extension from the zip that was made for this system.")
    try:
        from ..inference.photo import read_photo  # noqa: F401
    except ImportError as error:  # of a library of the system that it needs, or made for another system
        raise ReliefError(
            f"OpenCV cannot be loaded: {error}. Install that, or the extension from the zip for this system."
        ) from error


@functools.lru_cache(maxsize=1)
def load_predictor(runtime: str) -> Predictor:
    """The network, loaded once for a whole session or batch."""
    from ..inference.predictor import Predictor

    return Predictor.load(runtime=runtime)


def reconstruct(
    path: Path,
    refinement_settings: RefinementSettings,
    mesh_settings: MeshSettings,
    preparation: Preparation | None = None,
    *,
    runtime: str = "auto",
    max_size: int | None = None,
    texture_px: int | None = None,
    opaque: bytes | None = None,
    store: PredictionStore | None = None,
    progress: Progress | None = None,
) -> Reconstruction:
    """Read, prepare, predict, refine and mesh one photograph; a stored prediction spares the network.

    ``max_size`` is the most that the photograph, or its panel between corners, may have on its longer side in pixels,
    ``texture_px`` what the picture of the detail may have, ``opaque`` where it was cut out before, see
    `inference.photo.cut_out`.

    Raises:
        ReliefError: the photograph or the runtime cannot be used.
        Cancelled: `progress` asked to stop.
    """
    check_opencv()
    from ..inference.meshing import build_mesh
    from ..inference.photo import cut_out, read_photo
    from ..inference.refinement import refine
    from ..inference.restoration import prepare
    from ..inference.texture import encode_detail

    times_s: dict[str, float] = {}
    report(progress, _READ, 1.0, "Opening the photo")
    with timed(times_s, "read"):
        # Of a panel between corners max_size is the panel's.
        photo = read_photo(path, None if preparation is not None and preparation.corners else max_size)
    file_sha256 = photo.sha256
    photo = photo if opaque is None else cut_out(photo, opaque)
    if preparation is not None and preparation.needed:
        report(progress, _READ, 1.0, "Preparing the photo")
        with timed(times_s, "prepare"):
            photo = prepare(photo, preparation, max_size)
    report(progress, _PREDICT, 1.0, "Loading the network")
    with timed(times_s, "load"):
        predictor = load_predictor(runtime)
    with timed(times_s, "predict"):
        prediction = store.get(photo.sha256, predictor.weights) if store else None
        if prediction is None:
            light_deg = None if preparation is None else preparation.light_deg
            prediction = predictor.predict(photo, _part(progress, _PREDICT, _REFINE), light_deg)
            if store:
                store.put(photo.sha256, prediction)
    report(progress, _REFINE, 1.0, "Refining the edges")
    with timed(times_s, "refine"):
        height = refine(prediction, refinement_settings)
    report(progress, _MESH, 1.0, "Building the mesh")
    with timed(times_s, "mesh"):
        mesh = build_mesh(height, mesh_settings, prediction)
        mesh.complete()  # here, away from Blender's main thread
        detail = encode_detail(height, mesh, mesh_settings, texture_px)
    report(progress, 1.0, 1.0, "Placing the relief")
    done = preparation.to_mapping() if preparation is not None and preparation.needed else {}
    return Reconstruction(
        photo, file_sha256, done, prediction, height, mesh, detail, refinement_settings, mesh_settings, times_s
    )


def solved_anew(
    result: Reconstruction, refinement_settings: RefinementSettings, mesh_settings: MeshSettings
) -> Reconstruction:
    """The same with other settings, from what the network said."""
    from ..inference.meshing import build_mesh
    from ..inference.refinement import refine
    from ..inference.texture import encode_detail

    height = refine(result.prediction, refinement_settings)
    mesh = build_mesh(height, mesh_settings, result.prediction)
    detail = encode_detail(height, mesh, mesh_settings)
    made = {"refinement_settings": refinement_settings, "mesh_settings": mesh_settings}
    return replace(result, height=height, mesh=mesh, detail=detail, **made)


def _part(progress: Progress | None, start: float, end: float) -> Progress | None:
    """Progress of a stage as its part of the whole."""
    if progress is None:
        return None
    return lambda done, total, stage: progress(start + (end - start) * done / total, 1.0, stage)
