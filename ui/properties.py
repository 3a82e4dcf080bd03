"""Properties of the scene, made from the fields of `inference`'s settings: same names, limits and defaults."""

from __future__ import annotations

import json
import math
import sys
from dataclasses import Field, fields
from typing import Any

import bpy

from ..inference.settings import MeshSettings, PreparationSettings, RefinementSettings

CONTEXT = "Relief"
"""Of the names of properties: elsewhere Blender's own words come first, and to it "Lower" is a limit."""

_held = False
_owner = object()
_shown: dict[int, int] = {}
"""By scene, whose settings its sliders show; those that were moved since, and could not act yet, among them."""


def is_relief(object_: bpy.types.Object | None) -> bool:
    """What operators take for a relief too."""
    return object_ is not None and {"relief_photo_sha256", "relief_weights", "relief_settings"} <= set(object_.keys())


def hold(held: bool) -> None:
    """Let the relief wait while several settings move."""
    global _held
    _held = held


def refine(context: bpy.types.Context, moved: str = "") -> None:
    """Carve the active relief anew, where there is one, with the sliders as they stand; tell why where that fails."""
    if _held:
        return
    scene, relief = context.scene, context.view_layer.objects.active
    if not is_relief(relief) or not relief.visible_get():
        _shown.pop(scene.session_uid, None)
        return  # the next photograph's
    # The message bus speaks to one window's scene alone, so a slider fetches the others itself where they are not its.
    if moved and not _shows(scene.relief, relief):
        _take_over(scene.relief, relief, but=moved)
    try:
        # Elsewhere nobody drags: a script may save or export what it gets at once.
        bpy.ops.relief.refine(draft=context.area is not None and context.area.type == "VIEW_3D")
    except RuntimeError as error:  # what the operator reports; of a slider Blender shows no report
        context.window_manager.relief_progress.trouble = _said(error)
        scene.relief.waits = _state(relief)
        if bpy.app.background:
            sys.stderr.write(f"relief: {relief.name}: {_said(error)}\n")
        return
    sharers = {sharer.session_uid for sharer in bpy.data.objects if sharer.data == relief.data}
    for other in [uid for uid, shown in _shown.items() if shown in sharers and uid != scene.session_uid]:
        del _shown[other]


def _masked(relief: bpy.types.Object, context: bpy.types.Context) -> None:
    """Cut the active relief anew where it is its own mask that was chosen, with its own settings."""
    if not is_relief(relief):
        return
    for sharer in bpy.data.objects:  # linked duplicates have one surface, so one mask
        if sharer.data == relief.data and sharer.library is None and sharer.relief_mask != relief.relief_mask:
            sharer.relief_mask = relief.relief_mask
    if relief == context.view_layer.objects.active:
        refine(context, "relief_mask")


def _said(error: RuntimeError) -> str:
    """What an operator reported, or why it is not offered.

    Without the "Error: " before it, which Blender says in the language of its window, or the operator's name.
    """
    text = str(error).strip()
    return text.partition(".poll() ")[2] or text.partition(": ")[2] or text


@bpy.app.handlers.persistent
def follow(*_: object) -> None:
    """Let the sliders show what the active relief was made with, so that moving one changes nothing else of it."""
    context = bpy.context
    relief = context.view_layer.objects.active
    context.window_manager.relief_progress.trouble = ""
    if not is_relief(relief):
        return
    _take_over(context.scene.relief, relief)


@bpy.app.handlers.persistent
def follow_restored(*_: object) -> None:
    """After undo and redo: `follow`, for Blender keeps a step before `follow` hears what became active in it.

    Where sliders cannot act, those that were moved wait for Refine, and what is undone leaves them alone.
    """
    relief = bpy.context.view_layer.objects.active
    held = relief is not None and relief.mode not in ("OBJECT", "VERTEX_PAINT")
    if not held and not _waits(bpy.context.scene.relief, relief):
        follow()


def _waits(sliders: bpy.types.PropertyGroup, relief: bpy.types.Object | None) -> bool:
    """Whether sliders that could not act on a relief wait for Refine, which has not acted on it since."""
    return is_relief(relief) and sliders.waits == _state(relief)


def _state(relief: bpy.types.Object) -> str:
    return str(relief.session_uid) + relief["relief_settings"]


def _shows(sliders: bpy.types.PropertyGroup, relief: bpy.types.Object | None) -> bool:
    """Whether a scene's sliders are this relief's, or of None, the next photograph's."""
    return _shown.get(sliders.id_data.session_uid) == (None if relief is None else relief.session_uid)


def _take_over(sliders: bpy.types.PropertyGroup, relief: bpy.types.Object, but: str = "") -> None:
    """Set a scene's sliders to what a relief was made with."""
    _shown[sliders.id_data.session_uid] = relief.session_uid
    sliders.waits = ""
    hold(True)
    try:
        defaults = {f.name: f.default for cls in (RefinementSettings, MeshSettings) for f in fields(cls)}
        for name, value in (defaults | json.loads(relief["relief_settings"])).items():
            if name in _settings and name != but:
                setattr(sliders, name, type(getattr(sliders, name))(value))
    finally:
        hold(False)


def _reference(_sliders: bpy.types.PropertyGroup, context: bpy.types.Context) -> bpy.types.Image | None:
    """The image of the selected reference: an empty that shows it, and is seen itself; a click beside it lets it go."""
    active = context.view_layer.objects.active
    shows = active is not None and active.type == "EMPTY" and active.empty_display_type == "IMAGE"
    return active.data if shows and active.visible_get() and active.select_get() else None


def _photograph(sliders: bpy.types.PropertyGroup, context: bpy.types.Context) -> bpy.types.Image | None:
    """What Reconstruct would take: the selected reference's image, else the sidebar's."""
    return _reference(sliders, context) or sliders.image


@bpy.app.handlers.persistent
def watch(*_: object) -> None:
    """Have `follow` called when another object becomes active; Blender forgets it with every file that is opened."""
    bpy.msgbus.clear_by_owner(_owner)
    bpy.msgbus.subscribe_rna(key=(bpy.types.LayerObjects, "active"), owner=_owner, args=(), notify=follow)


def unwatch() -> None:
    """Take `watch` back."""
    bpy.msgbus.clear_by_owner(_owner)


def _property(setting: Field[Any]) -> Any:
    limits = setting.metadata

    def update(group: bpy.types.PropertyGroup, context: bpy.types.Context) -> None:
        if group.id_data == context.scene:
            refine(context, setting.name)

    shared = {
        "name": limits["label"],
        "description": limits["description"],
        "default": setting.default,
        "min": limits["low"],
        "max": limits["high"],
        "update": update,
        "translation_context": CONTEXT,
        "options": set(),  # a keyframe or a driver would carve nothing
    }
    if isinstance(setting.default, int):
        return bpy.props.IntProperty(**shared, soft_max=4 * setting.default)
    # A click of the arrows is a fiftieth of a length; Blender counts steps in hundredths.
    length = limits["unit"] == "LENGTH"
    step, soft_max = (2 * setting.default, 1000 * setting.default) if length else (3.0, limits["high"])
    return bpy.props.FloatProperty(**shared, unit=limits["unit"], precision=3, step=step, soft_max=soft_max)


def _keeps_pixels(_owner: object, image: bpy.types.Image) -> bool:
    """Whether an image has pixels of its own; what Blender renders is nowhere until it is saved."""
    return image.source != "VIEWER"


_image = bpy.props.PointerProperty(
    type=bpy.types.Image,
    name="Photograph",
    description="The photograph of a carved relief, seen from the front",
    poll=_keeps_pixels,
    options=set(),
    translation_context=CONTEXT,
)
mask = bpy.props.PointerProperty(
    type=bpy.types.Image,
    name="Mask",
    description="White is relief, black becomes bare slab; painted in the Image Editor, it acts at the next Refine",
    poll=_keeps_pixels,
    update=_masked,
    options=set(),
    translation_context=CONTEXT,
)
_waiting = bpy.props.StringProperty(options={"HIDDEN"}, translation_context=CONTEXT)
"""Undone with the sliders, unlike `_shown`: of which state of which relief those are that could not act yet."""
_settings = {f.name: _property(f) for cls in (RefinementSettings, MeshSettings) for f in fields(cls)}
RELIEF_PG_settings = type(
    "RELIEF_PG_settings",
    (bpy.types.PropertyGroup,),
    {
        "__doc__": "The photograph and every setting of a relief",
        "__annotations__": {"image": _image, "waits": _waiting, **_settings},
        # For operators, which may not import this.
        "reference": _reference,
        "photograph": _photograph,
        "shows": _shows,
        "take_over": _take_over,
    },
)


WHOLE = (0.0, 0.0, 1.0, 0.0, 1.0, 1.0, 0.0, 1.0)
"""The photograph's own corners."""


def _plain(setting: Field[Any]) -> Any:
    limits = setting.metadata
    return bpy.props.FloatProperty(
        name=limits["label"],
        description=limits["description"],
        default=setting.default,
        min=limits["low"],
        max=limits["high"],
        precision=3,
        options=set(),
        translation_context=CONTEXT,
    )


_preparation = {
    "negative": bpy.props.BoolProperty(
        name="Negative",
        description="Swap dark and bright first, for a glass negative that was scanned as it is",
        options=set(),
        translation_context=CONTEXT,
    ),
    "straighten": bpy.props.BoolProperty(
        name="Straighten",
        description="Map the panel between four corners of the photograph onto a rectangle",
        options=set(),
        translation_context=CONTEXT,
    ),
    "corners": bpy.props.FloatVectorProperty(
        name="Corners",
        description="x and y of each corner as parts of the photograph's width and height, from the top left",
        size=8,
        min=0.0,
        max=1.0,
        default=WHOLE,
        options=set(),
        translation_context=CONTEXT,
    ),
    "know_light": bpy.props.BoolProperty(
        name="Light From",
        description="Tell where the light comes from, where the network takes it wrong and hollows stand out",
        options=set(),
        translation_context=CONTEXT,
    ),
    "light_angle": bpy.props.FloatProperty(
        name="Angle",
        description="Direction toward the main light in the photograph: 0 right, 90 above, 180 left, 270 below",
        subtype="ANGLE",
        default=math.pi / 2,
        min=0.0,
        max=2 * math.pi,
        options=set(),
        translation_context=CONTEXT,
    ),
    **{f.name: _plain(f) for f in fields(PreparationSettings)},
}
RELIEF_PG_preparation = type(
    "RELIEF_PG_preparation",
    (bpy.types.PropertyGroup,),
    {"__doc__": "What is done to a photograph before it is carved", "__annotations__": _preparation},
)


class RELIEF_PG_progress(bpy.types.PropertyGroup):
    """How far the reconstruction under way is; drawn by the sidebar, never saved"""

    active: bpy.props.BoolProperty()  # type: ignore[valid-type]
    share: bpy.props.FloatProperty()  # type: ignore[valid-type]
    stage: bpy.props.StringProperty()  # type: ignore[valid-type]
    runtime: bpy.props.StringProperty()  # type: ignore[valid-type]
    trouble: bpy.props.StringProperty(options={"HIDDEN"})  # type: ignore[valid-type]
