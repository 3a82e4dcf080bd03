"""A camera and a raking sun to look at a relief with, and the operator that puts them into the artist's own scene."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Iterable

import bpy
from mathutils import Matrix, Vector

from .bridge import is_relief
from .words import spoken

_TO_CAMERA = Vector((-0.25, -1.0, 0.12))  # a step to the left of the panel and a little above: enough to see depth
_TO_SUN = Vector((-0.75, -0.45, 0.6))  # raking, from the upper left
_MARGIN = 1.05
STAGED = "relief_staged"
"""Stands on cameras and suns that were made for a relief, and names it."""
IDENTIFIER = "relief_staged_id"
"""Stands on a relief and on its camera: names change."""


class RELIEF_OT_stage(bpy.types.Operator):
    """Add a camera that frames the selected relief and a sun that rakes over it; the scene's camera becomes this one"""

    bl_idname = "relief.stage"
    bl_label = "Camera and Light"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if context.scene.library is not None:
            cls.poll_message_set(spoken("This scene is linked from another file. Go to a scene of this one"))
            return False
        cls.poll_message_set(spoken("Select a relief, in Object Mode"))
        return context.mode == "OBJECT" and is_relief(context.view_layer.objects.active)

    def execute(self, context: bpy.types.Context) -> set[str]:
        relief = context.view_layer.objects.active
        sun, camera = add_sun(context.scene, relief), add_camera(context.scene, relief)
        for view in join_local_views(context, context.scene, [sun, camera]):
            if not view.use_local_camera:  # else it is one that the artist chose for this viewport
                view.camera = camera
        return {"FINISHED"}


def join_local_views(
    context: bpy.types.Context, scene: bpy.types.Scene, objects: Iterable[bpy.types.Object]
) -> list[bpy.types.SpaceView3D]:
    """Have objects seen where a viewport shows a few objects of their scene alone; gives those viewports."""
    windows = (window for window in context.window_manager.windows if window.scene == scene)
    areas = (area for window in windows for area in window.screen.areas if area.type == "VIEW_3D")
    views = [area.spaces.active for area in areas if area.spaces.active.local_view]
    for object_, view in itertools.product(objects, views):
        object_.local_view_set(view, True)
    return views


def add_sun(scene: bpy.types.Scene, relief: bpy.types.Object) -> bpy.types.Object:
    """A raking sun from the relief's upper left; the scene's own, if it was lit so before: two would be too bright."""
    layers = [bpy.context.view_layer] if scene == bpy.context.scene else scene.view_layers
    reached = {o for layer in layers for o in layer.objects}  # without those of excluded collections
    suns = [o for o in scene.objects if o.type == "LIGHT" and STAGED in o and o in reached]
    sun = next((o for o in suns if o.library is None), None)
    if sun is None:
        linked = next((o for o in suns if o.visible_get()), None)
        if linked is not None:  # as its file has it
            return linked
        sun = _staged("Raking Sun", bpy.data.lights.new("Raking Sun", "SUN"), scene, relief)
        sun.data.energy = 3.0
        # Eevee's millimetre dissolves the shadows of a coin.
        sun.data.shadow_maximum_resolution = min(0.001, relief.dimensions.x / 1000)
    sun.hide_render = sun.hide_viewport = False
    for layer in scene.view_layers:
        if sun.name in layer.objects:
            sun.hide_set(False, view_layer=layer)
    to_sun = _turn(relief) @ _TO_SUN
    place = relief.matrix_world.translation + to_sun * relief.dimensions.x
    # In the world, whatever the artist has tied it to.
    sun.matrix_world = Matrix.LocRotScale(place, to_sun.to_track_quat("Z", "Y"), None)
    return sun


def add_camera(scene: bpy.types.Scene, relief: bpy.types.Object) -> bpy.types.Object:
    """A camera that shows all of the relief in a picture of the scene's proportions; becomes the scene's own.

    A relief that has one keeps it.
    """
    camera = _camera_of(relief, scene)
    made = camera is None
    if camera is None:
        camera = _staged("Relief Camera", bpy.data.cameras.new("Relief Camera"), scene, relief)
        camera.data.lens = 85.0
    camera[STAGED] = relief.name
    if relief.library is None and relief.override_library is None:  # else it would be lost with the session
        if IDENTIFIER not in relief or not _alone(relief, scene):
            relief[IDENTIFIER] = uuid.uuid4().hex
        camera[IDENTIFIER] = relief[IDENTIFIER]
    turn = camera_turn(relief)
    camera.matrix_world = turn.to_4x4()
    scene.camera = camera
    bpy.context.view_layer.update()
    corners = _corners(relief)
    fitting = [coordinate for corner in corners for coordinate in corner]
    location, ortho_scale = camera.camera_fit_coords(bpy.context.evaluated_depsgraph_get(), fitting)
    centre = sum(corners, Vector()) / len(corners)
    step = (location - centre) * _MARGIN
    camera.matrix_world = Matrix.LocRotScale(centre + step, turn, None)
    if camera.data.type == "ORTHO":
        camera.data.ortho_scale = ortho_scale * _MARGIN
    near, far = step.length / 100.0, step.length * 10.0
    camera.data.clip_start = near if made else min(near, camera.data.clip_start)
    camera.data.clip_end = max(far, camera.data.clip_end)  # the relief may stand in a room
    return camera


def _camera_of(relief: bpy.types.Object, scene: bpy.types.Scene) -> bpy.types.Object | None:
    """The camera made for a relief: by its identifier, which a duplicate has too, or by the name, as of linked ones.

    None of another file, which would be back in its place when this one is opened again.
    """
    alone = _alone(relief, scene)
    for camera in (o for o in scene.objects if o.type == "CAMERA" and STAGED in o and o.library is None):
        identifier, called = camera.get(IDENTIFIER), camera[STAGED] == relief.name
        if called if identifier is None else identifier == relief.get(IDENTIFIER) and (alone or called):
            return camera
    return None


def _alone(relief: bpy.types.Object, scene: bpy.types.Scene) -> bool:
    """Whether no other relief of a scene has the same identifier, as duplicates have."""
    return all(o == relief or o.get(IDENTIFIER) != relief.get(IDENTIFIER) for o in scene.objects if is_relief(o))


def _staged(name: str, data: bpy.types.ID, scene: bpy.types.Scene, relief: bpy.types.Object) -> bpy.types.Object:
    object_ = bpy.data.objects.new(name, data)
    object_[STAGED] = relief.name  # its name alone: a pointer would keep a deleted relief in the file
    scene.collection.objects.link(object_)
    return object_


def seen_size(relief: bpy.types.Object) -> tuple[float, float]:
    """Width and height of the relief as the camera sees it, in metres."""
    to_camera = camera_turn(relief).inverted()
    seen = [to_camera @ corner for corner in _corners(relief)]
    width, height = (max(p[axis] for p in seen) - min(p[axis] for p in seen) for axis in (0, 1))
    return width, height


def camera_turn(relief: bpy.types.Object) -> Matrix:
    """The camera's rotation before a relief, upright as that is; before a mirrored one it is not mirrored itself."""
    turn = _turn(relief)
    back = (turn @ _TO_CAMERA).normalized()
    right = turn.col[2].cross(back).normalized()
    return Matrix((right, back.cross(right), back)).transposed()


def _turn(relief: bpy.types.Object) -> Matrix:
    """Where the relief's axes point; to a quaternion a mirrored relief is one that is turned about."""
    return relief.matrix_world.to_3x3().normalized()


def _corners(relief: bpy.types.Object) -> list[Vector]:
    return [relief.matrix_world @ Vector(corner) for corner in relief.bound_box]
