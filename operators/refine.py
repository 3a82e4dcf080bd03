"""The operator that solves a relief anew from its stored prediction, and the full solve that follows a draft."""

from __future__ import annotations

from typing import TYPE_CHECKING

import bpy

from ..inference.errors import ReliefError
from ..inference.settings import MeshSettings, RefinementSettings
from . import prediction_store, thumbnails
from .bridge import (
    PHOTO_SHA256,
    WEIGHTS,
    finest_paint,
    in_another_mode,
    is_relief,
    locked,
    read_mask,
    settings_of,
    sharers,
    update_relief,
)
from .job import QUIET_S, in_words, refused, rendering
from .material import (
    CONTENT,
    content_of,
    detail_of,
    fill_detail,
    material_of,
    own_material,
    place_detail,
    show_packed,
    with_detail,
    with_others,
)
from .scene_settings import read_settings
from .words import spoken

if TYPE_CHECKING:
    from ..inference.meshing import ReliefMesh
    from ..inference.prediction import FloatArray, Prediction

DRAFT = "relief_draft"
"""Stands on a mesh that is a draft; undone and saved with it, which an object's properties are not always."""


class RELIEF_OT_refine(bpy.types.Operator):
    """Carve the selected relief again with these settings and with what is painted on it, in place and at once"""

    bl_idname = "relief.refine"
    bl_label = "Refine"
    bl_options = {"REGISTER", "UNDO"}

    draft: bpy.props.BoolProperty(  # type: ignore[valid-type]
        name="Draft First",
        description="Answer with a coarser surface where the photograph is large; the full one follows by itself",
        options={"SKIP_SAVE"},
    )

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        relief = context.view_layer.objects.active
        held = _held(relief) if is_relief(relief) else None
        if held:
            cls.poll_message_set(spoken(held))
            return False
        return holds_prediction(cls, relief)

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        relief, sliders = context.view_layer.objects.active, context.scene.relief
        if not sliders.shows(relief):  # but another's, or a next photograph's
            sliders.take_over(relief)
        return self.execute(context)

    def execute(self, context: bpy.types.Context) -> set[str]:
        relief = context.view_layer.objects.active
        try:
            settings = read_settings(context.scene)
            prediction = stored_prediction(relief)
            draft = self.draft and max(prediction.height.shape) > prediction_store.DRAFT_PX
            coarse = prediction_store.store().get_draft(relief[PHOTO_SHA256], relief[WEIGHTS]) if draft else None
            solve(relief, coarse or prediction, *settings, prediction)
        except Exception as error:  # noqa: BLE001 (a bug is raised again)
            return refused(self, error)
        if draft:
            relief.data[DRAFT] = True
            settle_later()
        context.window_manager.relief_progress.trouble = ""
        return {"FINISHED"}


def _held(relief: bpy.types.Object) -> str | None:
    """Why a relief cannot be refined now; None where it can."""
    if not relief.visible_get():
        return "This relief is hidden. Show it first"
    if relief.mode not in ("OBJECT", "VERTEX_PAINT"):
        return "Return to Object Mode, then press Refine"
    return locked(relief)


def holds_prediction(operator: type[bpy.types.Operator], relief: bpy.types.Object | None) -> bool:
    """Whether an object is a relief and what the network said of it stored, for an operator's poll; says where not."""
    if not is_relief(relief):
        operator.poll_message_set(spoken("Select a relief, in Object Mode"))
        return False
    operator.poll_message_set(
        spoken("What the network said of this photograph is no longer stored. Let it read the photograph again")
    )
    return prediction_store.store().holds(relief[PHOTO_SHA256], relief[WEIGHTS])


def stored_prediction(relief: bpy.types.Object) -> Prediction:
    """What the network said of a relief's photograph.

    Raises:
        ReliefError: it is stored no longer, or cannot be read.
    """
    prediction = prediction_store.store().get(relief[PHOTO_SHA256], relief[WEIGHTS])
    if prediction is None:
        raise ReliefError("The stored prediction could not be read. Let the photograph be read again.")
    return prediction


def solve(
    relief: bpy.types.Object,
    solved: Prediction,
    refinement_settings: RefinementSettings,
    mesh_settings: MeshSettings,
    prediction: Prediction,
    settling: bool = False,
) -> ReliefMesh:
    """Solve a relief with its paint and its mask, and move its vertices.

    Args:
        relief: the object, in Object or Vertex Paint Mode.
        solved: what is solved, the prediction or a smaller draft of it.
        refinement_settings: of the height.
        mesh_settings: of the mesh.
        prediction: whose edges, segments and confidence the vertices get.
        settling: outside any step of undo, where no data-block may come or go: one that is freed would be brought back.

    Returns:
        The relief's mesh, without what was sculpted.

    Raises:
        ReliefError: the mask cannot be read, or the mesh is such that `update_relief` refuses it.
    """
    from ..inference.meshing import build_mesh, grid_size
    from ..inference.texture import detail_size, encode_detail

    height = solved_height(relief, solved, refinement_settings)
    mesh = build_mesh(height, mesh_settings, prediction)
    draft = solved is not prediction
    detail = None if draft else encode_detail(height, mesh, mesh_settings)
    update_relief(relief, mesh, {**refinement_settings.to_mapping(), **mesh_settings.to_mapping()})
    if not settling:
        whole = prediction.height.shape
        grid = grid_size(whole[0], whole[1], int(mesh_settings.max_vertices))
        _place_detail(relief, detail_size(whole, grid) is not None)
    if not draft:
        _wear(relief, detail)
    relief.data.pop(DRAFT, None)
    thumbnails.forget(relief)
    return mesh


def solved_height(relief: bpy.types.Object, solved: Prediction, refinement_settings: RefinementSettings) -> FloatArray:
    """The height map of a relief with its paint and its mask, (H, W) float32, 0 slab to 1 full depth.

    Raises:
        ReliefError: the mask cannot be read.
    """
    from ..inference.corrections import Corrections, read_paint
    from ..inference.meshing import over_panel
    from ..inference.refinement import refine

    colours = finest_paint(relief)
    paint = None if colours is None else read_paint(colours)
    if paint is not None and paint.raised.shape != solved.height.shape:
        paint = Corrections(*(over_panel(values) for values in (paint.raised, paint.flat, paint.edges)))
    return refine(solved, refinement_settings, paint, read_mask(relief))


def _place_detail(relief: bpy.types.Object, wanted: bool) -> None:
    """Make room for a relief's normal map in the materials of all that have its mesh, or take it away."""
    for sharer in sharers(relief.data):
        material = with_detail(sharer) or (material_of(sharer) if wanted else None)
        if material is not None:
            place_detail(own_material(sharer, material), wanted)


def _wear(relief: bpy.types.Object, detail: bytes | None) -> None:
    """Give a relief the normal map of its new surface, where there is room for it."""
    relief.data.pop(CONTENT, None)
    if detail is None:
        return
    for sharer in sharers(relief.data):
        material, image = with_detail(sharer), detail_of(sharer)
        if material is None or image is None or image.library is not None:
            continue
        # One that others wear too, by Link Materials, shows what they are; copies of a draft wait for the same as it.
        if all(DRAFT in other.data for other in with_others(sharer, material)):
            fill_detail(image, detail)
            relief.data[CONTENT] = content_of(detail)


def settle_later() -> None:
    """Solve in full once the sliders rest."""
    stop_settling()
    bpy.app.timers.register(_settle, first_interval=QUIET_S)


def stop_settling() -> None:
    """Forget a full solve that has not begun."""
    if bpy.app.timers.is_registered(_settle):
        bpy.app.timers.unregister(_settle)


def _settle() -> float | None:
    """Solve every draft in full, with the settings that it was made with; those being edited or sculpted later.

    One that cannot be solved stays a draft, for `settle_restored` to try again. While Blender renders nothing changes.
    """
    if rendering():
        return QUIET_S
    later = None
    for relief in _drafts():
        if not _is_draft(relief):  # any longer, for one that has its mesh was solved
            continue
        if relief.mode not in ("OBJECT", "VERTEX_PAINT") or in_another_mode(relief):
            later = QUIET_S
            continue
        values = settings_of(relief)
        try:
            settings = RefinementSettings.from_mapping(values), MeshSettings.from_mapping(values)
            prediction = stored_prediction(relief)
            solve(relief, prediction, *settings, prediction, settling=True)
        except Exception as error:
            told = in_words(error)
            if told is None:
                raise
            bpy.context.window_manager.relief_progress.trouble = spoken(told)
    return later


def _drafts() -> list[bpy.types.Object]:
    """The reliefs that are drafts, and those whose normal map undo did not bring back with them."""
    drafts = (o for o in bpy.data.objects if is_relief(o) and _is_draft(o))
    return [o for o in drafts if in_another_mode(o) or locked(o) is None]


def _is_draft(relief: bpy.types.Object) -> bool:
    """Whether a relief's mesh is a draft, or its normal map another surface's: undo keeps what no step has changed."""
    mesh, material, image = relief.data, with_detail(relief), detail_of(relief)
    if DRAFT in mesh or CONTENT not in mesh or material is None or image is None:
        return DRAFT in mesh
    return image.get(CONTENT, mesh[CONTENT]) != mesh[CONTENT] and not with_others(relief, material)


@bpy.app.handlers.persistent
def settle_restored(*_: object) -> None:
    """After undo, redo and opening a file: a draft that came back is solved in full, from the settings with it."""
    thumbnails.forget_all()
    show_packed(filter(None, map(detail_of, filter(is_relief, bpy.data.objects))))
    if not _drafts():
        return
    if bpy.app.background:  # where no timer runs, and the file may be rendered next
        _settle()
    else:
        settle_later()


@bpy.app.handlers.persistent
def settle_saved(*_: object) -> None:
    """Before a file is saved: its drafts are solved in full, but for those being edited or sculpted."""
    if _settle() is None:
        stop_settling()
