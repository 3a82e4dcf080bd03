"""The operator that turns photographs into reliefs."""

from __future__ import annotations

import functools
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import bpy

from ..inference.errors import ReliefError
from . import job, prediction_store
from .bridge import create_relief, is_relief, unpack_photo
from .photo_source import REFERENCE, PhotoSource, choose_photos, opened
from .placement import step_aside
from .reconstruction import reconstruct, solved_anew
from .scene_settings import packs_photographs, read_runtime, read_settings
from .staging import join_local_views
from .words import spoken

if TYPE_CHECKING:
    from ..inference.errors import Progress
    from ..inference.settings import MeshSettings, RefinementSettings
    from .placement import Placement
    from .reconstruction import Reconstruction


class RELIEF_OT_reconstruct(job.JobOperator, bpy.types.Operator):
    """Carve a photograph of a relief: from the selected reference image, or the photograph chosen in the sidebar"""

    bl_idname = "relief.reconstruct"
    bl_label = "Reconstruct"
    bl_options = {"UNDO"}

    filepath: bpy.props.StringProperty(  # type: ignore[valid-type]
        name="Photograph", description="File of the photograph", subtype="FILE_PATH", options={"SKIP_SAVE"}
    )
    directory: bpy.props.StringProperty(subtype="DIR_PATH", options={"SKIP_SAVE", "HIDDEN"})  # type: ignore[valid-type]
    files: bpy.props.CollectionProperty(  # type: ignore[valid-type]
        name="Photographs",
        description="Names of several photographs in one folder; their reliefs stand in a row",
        type=bpy.types.OperatorFileListElement,
        options={"SKIP_SAVE", "HIDDEN"},
    )

    chosen: bpy.props.BoolProperty(  # type: ignore[valid-type]
        name="Choose", description="Choose the photograph in the sidebar too", options={"SKIP_SAVE", "HIDDEN"}
    )

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if context.scene.library is not None:
            cls.poll_message_set(spoken("This scene is linked from another file. Go to a scene of this one"))
            return False
        cls.poll_message_set(spoken("Leave Edit, Sculpt or Paint Mode first"))
        return context.mode == "OBJECT"

    def tasks(self, context: bpy.types.Context) -> list[job.Task]:
        refinement_settings, mesh_settings = read_settings(context.scene)
        names = [file.name for file in self.files]
        sources = choose_photos(context, self.filepath, self.directory, names, mesh_settings.width_m)
        runtime, store = read_runtime(context), prediction_store.store()
        tasks = []
        for source in sources:
            settings = refinement_settings, _sized(mesh_settings, source.placement)
            work = functools.partial(carve, source, *settings, runtime, store)
            scene_uid = context.scene.session_uid
            tasks.append(job.Task(work, functools.partial(_place, source, self.chosen, scene_uid), scene_uid))
        return tasks


def carve(
    source: PhotoSource,
    refinement_settings: RefinementSettings,
    mesh_settings: MeshSettings,
    runtime: str,
    store: prediction_store.PredictionStore,
    progress: Progress | None,
) -> Reconstruction:
    """The work on one photograph, which knows no bpy."""
    return reconstruct(
        source.path,
        refinement_settings,
        mesh_settings,
        source.preparation,
        runtime=runtime,
        opaque=source.opaque,
        store=store,
        progress=progress,
    )


def _sized(settings: MeshSettings, placement: Placement) -> MeshSettings:
    """The settings in a place: a reference says how wide a relief is, and that is as much deeper as it is wider."""
    if placement.width_m is None:
        return settings
    depth_m = settings.depth_m * placement.width_m / settings.width_m
    return replace(settings, width_m=placement.width_m, depth_m=depth_m)


def _as_sliders_stand(
    source: PhotoSource, scene: bpy.types.Scene, layer: bpy.types.ViewLayer, result: Reconstruction
) -> Reconstruction:
    """The result, with the sliders as they stand by now if they were moved for it: while they are no relief's."""
    active = layer.objects.active
    if (is_relief(active) and active.visible_get(view_layer=layer)) or not scene.relief.shows(None):
        return result
    refinement_settings, mesh_settings = read_settings(scene)
    settings = refinement_settings, _sized(mesh_settings, source.placement)
    taken = result.refinement_settings, result.mesh_settings
    return result if settings == taken else solved_anew(result, *settings)


def _place(
    source: PhotoSource, chosen: bool, scene_uid: int, context: bpy.types.Context, result: Reconstruction
) -> str | None:
    # Another scene may be shown by now.
    scene = next((scene for scene in bpy.data.scenes if scene.session_uid == scene_uid), context.scene)
    layer = context.view_layer if scene == context.scene else scene.view_layers[0]
    result = _as_sliders_stand(source, scene, layer, result)
    others = (o for o in scene.objects if is_relief(o) and o.visible_get(view_layer=layer))
    relief = create_relief(result, scene, step_aside(source.placement.matrix, result.mesh_settings.width_m, others))
    empty = next((o for o in scene.objects if o.session_uid == source.reference_uid), None)
    if empty is not None and empty.data is not None:  # so that its light can be told on the relief too
        relief[REFERENCE], scene.relief.image = empty.name, empty.data
    if chosen:  # what is to be done next with this photograph finds it in the sidebar
        with suppress(RuntimeError):  # its file may be gone by now
            scene.relief.image = opened(source.path)
    context.window_manager.relief_progress.runtime = result.prediction.runtime
    within = (child for child in layer.layer_collection.children if child.collection in relief.users_collection)
    if any(child.exclude or child.hide_viewport or child.collection.hide_viewport for child in within):
        scene.collection.objects.link(relief)
    for object_ in list(layer.objects.selected):
        object_.select_set(False, view_layer=layer)
    relief.select_set(True, view_layer=layer)
    layer.objects.active = relief
    scene.relief.take_over(relief)  # width and depth taken from an empty too
    join_local_views(context, scene, [relief])
    return None if packs_photographs(context) else _unpack(relief, source, result)


def _unpack(relief: bpy.types.Object, source: PhotoSource, result: Reconstruction) -> str | None:
    """Keep the photograph out of the .blend: the artist's own file where it shows the same, else a copy.

    Returns:
        Why it could not be kept out.
    """
    from ..inference.photo import is_upright_jpeg

    try:
        if source.folder is None and not result.preparation and is_upright_jpeg(source.path):
            unpack_photo(relief, source.path)
        elif bpy.data.is_saved:
            unpack_photo(relief)
    except ReliefError as error:
        return str(error)
    return None
