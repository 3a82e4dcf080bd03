"""The arrow in the viewport that tells where a photograph's light comes from."""

from __future__ import annotations

import math

import bpy
from bpy_extras import view3d_utils
from mathutils import Matrix, Vector
from mathutils.geometry import intersect_line_plane

from .panels import shows_arrow

SNAP = math.radians(15.0)
SHARE = 0.45
"""Length from the middle to the arrow's tail, of the picture's shorter side."""

_SHAFT, _HEAD = 0.035, 0.11
_ARROW = (
    (1.0, _SHAFT), (0.45, _SHAFT), (0.45, -_SHAFT), (1.0, _SHAFT), (0.45, -_SHAFT), (1.0, -_SHAFT),
    (0.2, 0.0), (0.45, -_HEAD), (0.45, _HEAD),
)  # fmt: skip
"""Triangles of an arrow that comes from the right and points to the middle; length 1."""


def picture_plane(object_: bpy.types.Object) -> Matrix:
    """From the picture's plane, unit SHARE of its shorter side, origin in its middle, x right and y up once it is
    upright, to world space.

    Args:
        object_: a relief, whose front the plane touches, or an empty that shows an image.
    """
    if object_.type == "EMPTY":
        columns, rows = object_.data.size
        unit = object_.empty_display_size / max(columns, rows, 1)
        x, y = ((object_.empty_image_offset[i] + 0.5) * side * unit for i, side in enumerate((columns, rows)))
        middle = Matrix.Translation((x, y, 0.0))
        middle @= Matrix.Rotation(object_.data.relief_turns * math.pi / 2, 4, "Z")
        short = min(columns, rows) * unit
    else:
        low, high = Vector(object_.bound_box[0]), Vector(object_.bound_box[6])
        middle = Matrix.Translation(((low.x + high.x) / 2, low.y, (low.z + high.z) / 2))
        middle @= Matrix.Rotation(math.pi / 2, 4, "X")  # the picture's y is the relief's Z
        short = min(high.x - low.x, high.z - low.z)
    return object_.matrix_world @ middle @ Matrix.Scale(SHARE * short, 4)


def angle_of(plane: Matrix, origin: Vector, direction: Vector) -> float | None:
    """Angle, 0 to 2 pi from the picture's right toward its top, of where a line of sight meets the picture's plane."""
    met = intersect_line_plane(origin, origin + direction, plane.translation, plane.col[2].to_3d())
    if met is None:
        return None
    x, y, _ = plane.inverted() @ met
    return math.atan2(y, x) % math.tau


class RELIEF_GT_light(bpy.types.Gizmo):
    """Drag round the picture: the light comes from the arrow's tail"""

    bl_idname = "RELIEF_GT_light"
    __slots__ = ("before", "shape")

    def setup(self) -> None:
        if not hasattr(self, "shape"):
            self.shape = self.new_custom_shape("TRIS", _ARROW)

    def draw(self, _context: bpy.types.Context) -> None:
        self.draw_custom_shape(self.shape)

    def draw_select(self, _context: bpy.types.Context, select_id: int) -> None:
        self.draw_custom_shape(self.shape, select_id=select_id)

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        self.before = context.scene.relief.photograph(context).relief.light_angle
        return {"RUNNING_MODAL"}

    def modal(self, context: bpy.types.Context, event: bpy.types.Event, tweak: set[str]) -> set[str]:
        at = (event.mouse_region_x, event.mouse_region_y)
        origin = view3d_utils.region_2d_to_origin_3d(context.region, context.region_data, at)
        sight = view3d_utils.region_2d_to_vector_3d(context.region, context.region_data, at)
        angle = angle_of(picture_plane(context.view_layer.objects.active), origin, sight)
        if angle is not None:
            preparation = context.scene.relief.photograph(context).relief
            preparation.light_angle = round(angle / SNAP) * SNAP if "SNAP" in tweak else angle
            context.area.tag_redraw()
        return {"RUNNING_MODAL"}

    def exit(self, context: bpy.types.Context, cancel: bool) -> None:
        if cancel:
            context.scene.relief.photograph(context).relief.light_angle = self.before
        else:
            bpy.ops.ed.undo_push(message="Light From")


class RELIEF_GGT_light(bpy.types.GizmoGroup):
    """Shown on the selected reference or relief while its photograph's light is told by hand"""

    bl_idname = "RELIEF_GGT_light"
    bl_label = "Light From"
    bl_space_type = "VIEW_3D"
    bl_region_type = "WINDOW"
    bl_options = {"3D", "PERSISTENT"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return shows_arrow(context)

    def setup(self, _context: bpy.types.Context) -> None:
        arrow = self.gizmos.new(RELIEF_GT_light.bl_idname)
        arrow.use_draw_scale = False
        arrow.use_draw_modal = True
        arrow.color, arrow.alpha = (1.0, 0.75, 0.2), 0.85
        arrow.color_highlight, arrow.alpha_highlight = (1.0, 0.9, 0.5), 1.0

    def draw_prepare(self, context: bpy.types.Context) -> None:
        turn = Matrix.Rotation(context.scene.relief.photograph(context).relief.light_angle, 4, "Z")
        self.gizmos[0].matrix_basis = picture_plane(context.view_layer.objects.active) @ turn
