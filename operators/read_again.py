"""The operator that reads a relief's own photograph again, where the network's answer is no longer stored."""

from __future__ import annotations

import functools
import json
from dataclasses import replace
from typing import TYPE_CHECKING

import bpy

from ..inference.errors import ReliefError
from ..inference.settings import MeshSettings, RefinementSettings
from . import job, prediction_store
from .bridge import (
    PHOTO_SHA256,
    PREPARATION,
    SIZE_PX,
    WEIGHTS,
    grid_of,
    is_relief,
    locked,
    needs_its_grid,
    read_mask,
    sculpted,
    settings_of,
    sharers,
    write_classes,
)
from .material import photograph_of
from .photo_source import photo_file
from .reconstruct import carve
from .refine import solve
from .scene_settings import read_runtime, read_settings
from .words import spoken

if TYPE_CHECKING:
    from .reconstruction import Reconstruction


class RELIEF_OT_read_again(job.JobOperator, bpy.types.Operator):
    """Let the network read the photograph on this relief anew, so that it can be refined; paint and sculpting stay"""

    bl_idname = "relief.read_again"
    bl_label = "Read Photograph Again"
    bl_options = {"UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        relief = context.view_layer.objects.active
        cls.poll_message_set(spoken("Select a relief, in Object Mode"))
        if not is_relief(relief) or relief.mode != "OBJECT":
            return False
        held = locked(relief)
        if held:
            cls.poll_message_set(spoken(held))
            return False
        cls.poll_message_set(spoken("What the network said of this photograph is still stored. Take Refine"))
        return not prediction_store.store().holds(relief[PHOTO_SHA256], relief[WEIGHTS])

    def tasks(self, context: bpy.types.Context) -> list[job.Task]:
        from ..inference.restoration import Preparation

        relief = context.view_layer.objects.active
        image = photograph_of(relief)
        if image is None:
            raise ReliefError("This relief no longer wears its photograph. Reconstruct the photograph anew.")
        # All other preparation is in the picture that the relief wears.
        light = Preparation(light_deg=json.loads(relief.get(PREPARATION, "{}")).get("light_deg"))
        values = settings_of(relief)
        read_mask(relief), sculpted(relief, values["width_m"])  # what would fail afterwards fails now
        settings = RefinementSettings.from_mapping(values), MeshSettings.from_mapping(values)
        source, store = replace(photo_file(image), preparation=light), prediction_store.store()
        work = functools.partial(carve, source, *settings, read_runtime(context), store)
        return [job.Task(work, functools.partial(_refine, relief.session_uid), context.scene.session_uid)]


def _refine(session_uid: int, context: bpy.types.Context, result: Reconstruction) -> str | None:
    relief = next((o for o in bpy.data.objects if o.session_uid == session_uid), None)
    if relief is None:
        raise ReliefError("The relief was removed while its photograph was read. Reconstruct the photograph anew.")
    held = locked(relief)
    if held:
        raise ReliefError(held)
    # Its sliders may have been moved meanwhile, as long as they are this relief's.
    sliders = context.scene.relief
    chosen = context.view_layer.objects.active == relief and sliders.shows(relief)
    settings = read_settings(context.scene) if chosen else (result.refinement_settings, result.mesh_settings)
    rows, columns = grid_of(relief)
    if (rows, columns) != result.mesh.grid and needs_its_grid(relief):
        # So many vertices have its grid in any size of its photograph.
        most = rows * columns + min(rows, columns) - 1
        settings = settings[0], replace(settings[1], max_vertices=most)
    size_before = tuple(relief[SIZE_PX])
    mesh = solve(relief, result.prediction, *settings, result.prediction)
    for sharer in sharers(relief.data):
        sharer[PHOTO_SHA256], sharer[WEIGHTS] = result.photo.sha256, result.prediction.weights
    if chosen:
        sliders.take_over(relief)
    write_classes(relief.data, mesh)
    context.window_manager.relief_progress.trouble = ""
    if max(result.mesh.size_px) < max(size_before):
        return "The picture on this relief is smaller than its photograph was, so it has less detail now"
    return None
