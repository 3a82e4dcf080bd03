"""The operators that straighten a photograph by its corners and show how it will reach the network."""

from __future__ import annotations

import functools
import threading
import time
from typing import TYPE_CHECKING, Any

import bpy
from mathutils import Vector

from ..inference.errors import Progress, ReliefError, report
from .job import Job, clear_status, refused, rendering, within_another
from .photo_source import photo_file
from .words import spoken

if TYPE_CHECKING:
    from .photo_source import PhotoSource

_drawn: list[Any] = []
"""Handlers that draw what was clicked, while corners are picked."""
_picks = 0
"""How often picking began: the last alone takes clicks."""

PREVIEW = "relief_preview"
"""Stands on the preview of a photograph, and names that."""
PREPARING = "Preparing the photo"
_previewing: RELIEF_OT_preview_preparation | None = None
_preparing = threading.Lock()
"""One preview is prepared at a time, beside whatever is carved."""
HELP = "Click the four corners of the panel | Backspace: take the last one back | Esc: cancel"


class RELIEF_OT_pick_corners(bpy.types.Operator):
    """Click the four corners of the panel in the photograph, in any order; it is then straightened before carving"""

    bl_idname = "relief.pick_corners"
    bl_label = "Pick Corners"
    bl_options = {"REGISTER", "UNDO"}

    _pick: int
    _points: list[Vector]
    _image_uid: int
    _window: bpy.types.Window
    _opened: bool

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        cls.poll_message_set(spoken("Open a photograph, or select a reference image, first"))
        return context.scene.relief.photograph(context) is not None and not bpy.app.background

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        global _picks
        image = context.scene.relief.photograph(context)
        if not all(image.size):
            self.report({"ERROR"}, spoken(f"{image.name} cannot be shown. Open it again, or choose another."))
            return {"CANCELLED"}
        stop_drawing()  # an older one, which ends with its next event
        stop_preview()  # it would come under the clicks
        _picks += 1
        self._pick = _picks
        self._image_uid, self._points = image.session_uid, []  # undo makes images anew
        self._window, area, self._opened = show_image(context, image)
        _drawn.append(bpy.types.SpaceImageEditor.draw_handler_add(self._draw, (), "WINDOW", "POST_PIXEL"))
        with context.temp_override(window=self._window, area=area, region=_region(area)):
            context.window_manager.modal_handler_add(self)
        context.workspace.status_text_set(spoken(HELP))
        area.header_text_set(spoken(HELP))
        return {"RUNNING_MODAL"}

    def modal(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        if self._pick != _picks:
            return {"CANCELLED"}
        found = next((area for area in self._window.screen.areas if area.type == "IMAGE_EDITOR"), None)
        image = next((image for image in bpy.data.images if image.session_uid == self._image_uid), None)
        if found is None or image is None or event.type == "ESC":
            self._end(context, found)
            return {"CANCELLED"}
        region = _region(found)
        x, y = event.mouse_x - region.x, event.mouse_y - region.y
        inside = 0 <= x < region.width and 0 <= y < region.height
        undo = event.type == "Z" and (event.ctrl or event.oskey)
        if (event.type == "BACK_SPACE" or undo) and event.value == "PRESS":
            del self._points[-1:]
        elif undo:  # Blender's own would take the photograph away under it
            return {"RUNNING_MODAL"}
        elif event.type == "LEFTMOUSE" and event.value == "PRESS" and inside:
            u, v = region.view2d.region_to_view(x, y)
            self._points.append(Vector((min(max(u, 0.0), 1.0), min(max(v, 0.0), 1.0))))
        elif event.type == "LEFTMOUSE":
            return {"RUNNING_MODAL"}
        else:
            return {"PASS_THROUGH"}
        found.tag_redraw()
        if len(self._points) < 4:
            return {"RUNNING_MODAL"}
        kept = self._keep(image)
        self._end(context, found)
        return kept

    def _keep(self, image: bpy.types.Image) -> set[str]:
        import numpy as np

        from ..inference.restoration import ordered

        size = np.array(image.size, float)
        clicked = np.array([(u, 1.0 - v) for u, v in self._points])  # Blender's v goes up
        try:
            corners = ordered(clicked * size) / size
        except ReliefError as error:
            self.report({"ERROR"}, spoken(str(error)))
            return {"CANCELLED"}
        image.relief.corners = corners.ravel().tolist()
        image.relief.straighten = True
        return {"FINISHED"}

    def cancel(self, context: bpy.types.Context) -> None:
        """Blender closed the window, or loads another file."""
        stop_drawing()
        clear_status(context)

    def _end(self, context: bpy.types.Context, area: bpy.types.Area | None) -> None:
        stop_drawing()
        clear_status(context)
        if area is not None:
            area.header_text_set(None)
            if self._opened:  # later: Blender frees an operator whose window closes
                bpy.app.timers.register(functools.partial(_close, self._window), first_interval=0.0)

    def _draw(self) -> None:
        import gpu
        from gpu_extras.batch import batch_for_shader

        view = bpy.context.region.view2d
        points = [view.view_to_region(*point, clip=False) for point in self._points]
        shader = gpu.shader.from_builtin("UNIFORM_COLOR")
        shader.uniform_float("color", (1.0, 0.45, 0.1, 1.0))
        gpu.state.point_size_set(10.0)
        gpu.state.line_width_set(2.0)
        for kind in ("POINTS", "LINE_LOOP"):
            if len(points) > (kind == "LINE_LOOP"):
                batch_for_shader(shader, kind, {"pos": points}).draw(shader)


def _close(window: bpy.types.Window) -> None:
    if window in list(bpy.context.window_manager.windows):
        with bpy.context.temp_override(window=window):
            bpy.ops.wm.window_close()


def stop_drawing() -> None:
    """Draw no corners any more."""
    while _drawn:
        bpy.types.SpaceImageEditor.draw_handler_remove(_drawn.pop(), "WINDOW")


def abandon_picking() -> None:
    """The same where the operators' classes go: Blender calls nothing of them any more, and their words would stay."""
    if not _drawn:
        return
    stop_drawing()
    clear_status(bpy.context)
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "IMAGE_EDITOR":
                area.header_text_set(None)


class RELIEF_OT_preview_preparation(bpy.types.Operator):
    """Show the photograph straightened, evened and cleaned, as the network will see it; the original stays"""

    bl_idname = "relief.preview_preparation"
    bl_label = "Preview"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        cls.poll_message_set(spoken("Open a photograph, or select a reference image, first"))
        return context.scene.relief.photograph(context) is not None

    _name: str
    _job: Job
    _timer: bpy.types.Timer
    _others: int
    _held_at: float

    def execute(self, context: bpy.types.Context) -> set[str]:
        image = context.scene.relief.photograph(context)
        try:
            texture = _prepared(photo_file(image), None)
        except Exception as error:  # noqa: BLE001 (a bug is raised again)
            return refused(self, error)
        _show_prepared(context, image.name, texture)
        return {"FINISHED"}

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        global _previewing
        if bpy.app.background or context.window is None:  # as for a script that a timer runs
            return self.execute(context)
        stop_preview()  # an older one, of other settings
        image = context.scene.relief.photograph(context)
        try:
            work = functools.partial(_prepared, photo_file(image))
        except Exception as error:  # noqa: BLE001 (a bug is raised again)
            return refused(self, error)
        _previewing, self._name, self._job = self, image.name, Job(work, _preparing)
        self._job.start()
        self._others, self._held_at = len(context.window.modal_operators), time.monotonic()
        self._timer = context.window_manager.event_timer_add(0.1, window=context.window)
        context.window_manager.modal_handler_add(self)
        context.workspace.status_text_set(f"{spoken(PREPARING)} | {spoken('Esc: cancel')}")
        return {"RUNNING_MODAL"}

    def modal(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        if event.type == "ESC" and event.value == "PRESS" and not (rendering() or context.screen.is_animation_playing):
            self.end(context)
        if self._job.stopping:
            return {"CANCELLED"}
        if event.type != "TIMER" or not self._job.done or self._disturbs(context):
            return {"PASS_THROUGH"}
        self.end(context)
        try:
            texture = self._job.result()
        except Exception as error:  # noqa: BLE001 (a bug is raised again)
            return refused(self, error)
        _show_prepared(context, self._name, texture)
        return {"FINISHED"}

    def _disturbs(self, context: bpy.types.Context) -> bool:
        """Whether Blender renders, or the artist picks corners or is in another operator's middle."""
        return bool(_drawn) or rendering() or within_another(self, context, self._job.done)

    def cancel(self, context: bpy.types.Context) -> None:
        """Blender closes the window, or loads another file: the thread must not outlive what it works for."""
        self.end(context)
        self._job.wait(2.0)

    def end(self, context: bpy.types.Context) -> None:
        """Let go of the window, and of the work where it is not done."""
        global _previewing
        if not self._job.stopping:
            _previewing = None
            self._job.stop()
            context.window_manager.event_timer_remove(self._timer)
            clear_status(context)


def stop_preview() -> None:
    """Prepare no photograph for a preview any more."""
    if _previewing is not None:
        _previewing.end(bpy.context)


def abandon_preview() -> None:
    """The same, and wait for it, where the operators' classes go."""
    if _previewing is not None:
        _previewing.cancel(bpy.context)


def _prepared(source: PhotoSource, progress: Progress | None) -> bytes:
    """The photograph as the network will see it, as a picture's file; knows no bpy."""
    from ..inference.photo import read_photo
    from ..inference.restoration import Preparation, prepare
    from ..inference.texture import encode_texture

    photo = read_photo(source.path)
    report(progress, 0.5, 1.0, PREPARING)
    return encode_texture(prepare(photo, source.preparation or Preparation()).colour)


def _show_prepared(context: bpy.types.Context, name: str, texture: bytes) -> None:
    """Show the preview of the image of that name, in place of an earlier one."""
    shown = next((i for i in bpy.data.images if i.library is None and i.get(PREVIEW) == name), None)
    if shown is None:
        shown = bpy.data.images.new(f"{name} prepared", 8, 8)
        shown[PREVIEW] = name
    shown.pack(data=texture, data_len=len(texture))
    shown.source = "FILE"
    shown.buffers_free()  # an earlier preview's pixels
    if not bpy.app.background:
        show_image(context, shown)


def show_image(context: bpy.types.Context, image: bpy.types.Image) -> tuple[bpy.types.Window, bpy.types.Area, bool]:
    """Show all of an image in an Image Editor that is open, or in a new window; tells whether it is new."""
    places = ((window, area) for window in context.window_manager.windows for area in window.screen.areas)
    place = next(((window, area) for window, area in places if area.type == "IMAGE_EDITOR"), None)
    new = place is None
    if place is None:
        bpy.ops.wm.window_new()
        window = context.window_manager.windows[-1]
        place = window, max(window.screen.areas, key=lambda area: area.width * area.height)
        place[1].type = "IMAGE_EDITOR"
    window, area = place
    area.spaces.active.image = image
    with context.temp_override(window=window, area=area, region=_region(area)):
        bpy.ops.image.view_all("INVOKE_DEFAULT", fit_view=True)
    return window, area, new


def _region(area: bpy.types.Area) -> bpy.types.Region:
    """The part of an editor that shows its content."""
    return next(region for region in area.regions if region.type == "WINDOW")
