"""Work on a background thread, one piece after the other, shown and cancelled by a modal operator."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import bpy

from ..inference.errors import Cancelled, Progress, ReliefError, is_out_of_memory
from .scene_settings import read_settings
from .words import spoken

LEAST_TOLD = 0.12
"""Share of the work from which on the time left is told."""

LOOK_S = 0.5
"""How often it is looked whether the artist is back in Object Mode."""

QUIET_S = 0.3
"""How long a slider rests before what must not be disturbed by it: a full solve, a new active object."""

HELD_S = 10.0
"""How long at most finished work waits for another operator to end, and Esc is that one's: some add-ons' never do."""

YIELDING = 10
"""Niceness of the background thread."""

FULL = "Not enough memory for this photograph. Close other programs, or scale it down, then try again."

Work = Callable[[Progress | None], Any]

_running: Job | None = None
_waiting: deque[Task] = deque()
_paused: Pause | None = None
_owner: ModalJob | None = None
"""The operator whose window shows the work under way."""
_at_work = threading.Lock()
"""Two pieces of work never run at once: a stopped one may still be at its last tile, and the network is one."""


class Job:
    """One piece of work on its own thread. The work never touches bpy; it learns of a stop by its progress callback."""

    def __init__(self, work: Work, alone: threading.Lock = _at_work) -> None:
        """
        Args:
            work: what is done.
            alone: work of the same lock waits for each other.
        """
        self.share = 0.0
        self.stage = "Starting"
        self._begun = time.monotonic()
        self._work = work
        self._alone = alone
        self._stop = threading.Event()
        self._result: Any = None
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="relief", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Ask the work to end at its next report of progress."""
        self._stop.set()

    def wait(self, timeout_s: float) -> None:
        self._thread.join(timeout_s)

    @property
    def stopping(self) -> bool:
        return self._stop.is_set()

    @property
    def left_s(self) -> float | None:
        """Seconds that are left, if the rest goes as fast; None while there is too little to tell by."""
        return None if self.share < LEAST_TOLD else (time.monotonic() - self._begun) * (1.0 / self.share - 1.0)

    @property
    def done(self) -> bool:
        return not self._thread.is_alive()

    @property
    def failed(self) -> bool:
        return self._error is not None

    def result(self) -> Any:
        """What the work returned, or its exception."""
        if self._error is not None:
            raise self._error
        return self._result

    def _run(self) -> None:
        try:
            _give_way()
            with self._alone:
                if not self.stopping:
                    self._result = _done(self._work, self._progress)
        except BaseException as error:  # noqa: BLE001 (kept whole, for the main thread to raise)
            self._error = error

    def _progress(self, done: float, total: float, stage: str) -> bool:
        self.share, self.stage = done / total, stage
        return self._stop.is_set()


def _done(work: Work, progress: Progress | None) -> Any:
    """What the work returns; too little memory is told in words."""
    try:
        return work(progress)
    except BaseException as error:
        if not is_out_of_memory(error):
            raise
    raise ReliefError(FULL)  # without the first error, which would keep the photograph's arrays alive


def in_words(error: Exception) -> str | None:
    """What is told of an error; None of a bug, which keeps its traceback."""
    if isinstance(error, ReliefError):
        return str(error)
    return FULL if is_out_of_memory(error) else None


def refused(operator: Any, error: Exception, level: str = "ERROR") -> set[str]:
    """Report an error that can be told, for the operator to return; raise a bug again. What was stopped is no error."""
    told = in_words(error)
    if told is None:
        raise error
    operator.report({"INFO" if isinstance(error, Cancelled) else level}, spoken(told))
    return {"CANCELLED"}


def _give_way() -> None:
    """Lower the priority of this thread and of those that it starts, so that the interface stays quick.

    Linux alone has priorities that threads hand on; elsewhere the system favours the window in front by itself.
    """
    if sys.platform == "linux":
        thread = threading.get_native_id()
        # The system would refuse to raise the priority of a Blender that gives way more than this itself.
        os.setpriority(os.PRIO_PROCESS, thread, max(os.getpriority(os.PRIO_PROCESS, thread), YIELDING))


def rendering() -> bool:
    """Whether Blender renders or bakes, which reads what would change."""
    return any(map(bpy.app.is_job_running, ("RENDER", "OBJECT_BAKE")))


def within_another(operator: Any, context: bpy.types.Context, done: bool) -> bool:
    """Whether the artist is in another operator's middle, for which what is done waits, HELD_S at most.

    Args:
        operator: the modal one that asks; since it began, ``_others`` says how many others ran, ``_held_at`` when.
        context: of its window.
        done: whether its work is.
    """
    count, now = len(context.window.modal_operators), time.monotonic()
    operator._others = min(operator._others, count - 1)  # some of those have ended
    if not done:
        operator._held_at = now
    return count > operator._others + 1 and now - operator._held_at < HELD_S


def running() -> bool:
    """Whether a modal job is under way."""
    return _running is not None


def stop_running() -> None:
    """Ask the job under way to stop, if there is one."""
    if _running is not None:
        _running.stop()


def abandon() -> None:
    """End all work where the operators' classes go: Blender calls nothing of them any more, `cancel` neither."""
    if _owner is not None:
        _owner.cancel(bpy.context)
    forget_paused()


@bpy.app.handlers.persistent
def forget_paused(*_: object) -> None:
    """Before another file is loaded, whose Object Mode is not what finished work waits for."""
    global _running, _paused
    if _paused is None:
        return
    stop_running()
    _running = _paused = None
    _waiting.clear()
    _show(bpy.context, 0.0, "", False)


def _look_for_object_mode() -> float | None:
    """Have finished work placed once the artist is back in Object Mode, or dropped where it was cancelled."""
    if _paused is None or _running is None:
        return None
    windows = list(bpy.context.window_manager.windows)
    with bpy.context.temp_override(window=_paused.window if _paused.window in windows else windows[0]):
        if _edited(bpy.context, _paused.task) and _running.done and not _running.stopping:
            return LOOK_S
        bpy.ops.relief.resume("INVOKE_DEFAULT")
    return None


@dataclass(frozen=True)
class Task:
    """One entry of the queue.

    Attributes:
        work: runs on a thread of its own and never touches bpy.
        finish: places what the work returned, on the main thread, in Object Mode; returns what is to be told of it.
        scene_uid: of the scene in which it is placed.
    """

    work: Work
    finish: Callable[[bpy.types.Context, Any], str | None]
    scene_uid: int


@dataclass(frozen=True)
class Pause:
    """A task without a modal operator: made and to be placed, the next of a queue, or one that waits for Object Mode.

    Attributes:
        task: that waits.
        begun: how many had begun.
        placed: how many were placed.
        others: how many other modal operators ran at first.
        window: in which the work is shown.
        held_at: since when finished work waits for one of those that came since; None where it does not yet.
    """

    task: Task
    begun: int
    placed: int
    others: int
    window: bpy.types.Window
    held_at: float | None = None


def _edited(context: bpy.types.Context, task: Task) -> bool:
    """Whether the artist edits, sculpts or paints in this window, or where the result is placed or seen."""
    scene = next((scene for scene in bpy.data.scenes if scene.session_uid == task.scene_uid), context.scene)
    seen = [w.view_layer for w in context.window_manager.windows if w.scene == scene]
    actives = [layer.objects.active for layer in (seen or scene.view_layers[:1])]
    return context.mode != "OBJECT" or any(active is not None and active.mode != "OBJECT" for active in actives)


class ModalJob:
    """An operator in whose window a job is shown, and cancelled by Esc, and which places what it made."""

    _places = True
    _timer: bpy.types.Timer
    _task: Task
    _begun = 0
    _placed = 0
    _others = 0
    _sliders: object
    _moved_at = 0.0
    _held_at = 0.0
    _attached_at = 0.0
    _above = False
    """Whether it was put above an operator that the artist was in the middle of, so that it is asked first."""

    def _attach(self, context: bpy.types.Context) -> None:
        global _owner
        _owner = self
        self._sliders, self._held_at = read_settings(context.scene), time.monotonic()
        self._attached_at = self._held_at
        self._others = len(context.window.modal_operators)  # some add-ons' never end
        self._timer = context.window_manager.event_timer_add(0.1, window=context.window)
        context.window_manager.modal_handler_add(self)

    def _pause(self, context: bpy.types.Context, look_s: float = LOOK_S, held_at: float | None = None) -> None:
        """Let go of the window for a while: Blender saves nothing by itself while an operator is modal."""
        global _owner, _paused
        _owner = None
        _paused = Pause(self._task, self._begun, self._placed, self._others, context.window, held_at)
        del self._task  # Blender keeps the operator for a while, and the task may keep a copy of a photograph
        context.window_manager.event_timer_remove(self._timer)
        bpy.app.timers.register(_look_for_object_mode, first_interval=look_s)

    def _disturbs(self, context: bpy.types.Context) -> bool:
        """Whether the artist moves a slider, which would go on with the new relief, or is in an operator's middle.

        Or Blender renders or bakes, which reads what would change.
        """
        sliders, now = read_settings(context.scene), time.monotonic()
        if sliders != self._sliders:
            self._sliders, self._moved_at = sliders, now
        within = within_another(self, context, _running is not None and _running.done)
        return now - self._moved_at < QUIET_S or within or rendering()

    def take_up(self, context: bpy.types.Context) -> None:
        """Go on where another operator paused."""
        global _paused
        assert _paused is not None
        paused, _paused = _paused, None
        self._task, self._begun, self._placed = paused.task, paused.begun, paused.placed
        self._attach(context)
        self._above = self._others > paused.others
        self._others = min(self._others, paused.others)  # not what the artist is in the middle of
        if paused.held_at is not None:
            self._held_at = paused.held_at

    def modal(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        job = _running
        assert job is not None
        lately = time.monotonic() - self._attached_at < HELD_S
        self._above &= lately and len(context.window.modal_operators) > self._others + 1
        for_another = self._above or rendering() or context.screen.is_animation_playing
        if event.type == "ESC" and event.value == "PRESS" and not for_another:
            job.stop()
        if job.stopping:  # the thread ends at its next report; nothing of it is awaited or kept
            self._close(context)
            kept = "What was finished before stays." if self._placed else "Nothing was changed."
            return refused(self, Cancelled(f"Stopped. {kept}"))
        if event.type != "TIMER":
            return {"PASS_THROUGH"}
        total = self._begun + len(_waiting)
        stage = f"{self._begun} of {total}: {job.stage}" if total > 1 else job.stage
        # What the artist edits or sculpts meanwhile stays the active object.
        done, disturbs = job.done, self._disturbs(context)
        if done and not job.failed and _edited(context, self._task):
            self._pause(context)
            _show(context, 1.0, "Done: return to Object Mode", True)
            clear_status(context)
            return {"CANCELLED"}
        _show(context, job.share, stage, True, told(job.left_s))
        if not done or (disturbs and not job.failed):
            return {"PASS_THROUGH"}
        if not self._places and not job.failed:
            self._pause(context, 0.0, self._held_at)
            return {"CANCELLED"}
        before = self._placed
        try:
            self._finish(context, self._task, job.result())
        except ReliefError as error:
            refused(self, error)
        except BaseException:
            self._close(context)
            raise
        if _waiting:
            self._begin()
            self._pause(context)
        else:
            self._close(context)
        return {"FINISHED"} if self._placed > before else {"CANCELLED"}  # each placed one has its step of undo

    def cancel(self, context: bpy.types.Context) -> None:
        """Blender closes or loads another file: the thread must not outlive what it works for.

        Where it closes this window alone, which it lists no longer by then, another one goes on.
        """
        windows, job = list(context.window_manager.windows), _running
        if windows and context.window is not None and context.window not in windows:
            self._pause(context)
            return
        self._close(context)
        if job is not None:
            job.stop()
            job.wait(2.0)

    def _finish(self, context: bpy.types.Context, task: Task, result: Any) -> None:
        said = _done(lambda _progress: task.finish(context, result), None)
        self._placed += 1
        if said:
            self.report({"WARNING"}, spoken(said))  # type: ignore[attr-defined]

    def _begin(self) -> None:
        global _running
        self._task = _waiting.popleft()
        self._begun += 1
        _running = Job(self._task.work)
        _running.start()

    def _close(self, context: bpy.types.Context) -> None:
        global _running, _owner
        _running = _owner = None
        _waiting.clear()
        del self._task
        context.window_manager.event_timer_remove(self._timer)
        _show(context, 0.0, "", False)


class JobOperator(ModalJob):
    """An operator whose tasks run at once from a script, and on a thread with progress and Esc from the interface.

    Subclasses give `tasks`, which takes all it needs from the scene. Invoked while another one runs, it leaves its
    tasks in the queue of that one. A task that fails is reported, and the next one begins.

    From the interface `RELIEF_OT_resume` places what is made, as Blender's last operator: else the panel that adjusts
    an older one would undo the relief too. That panel asks for what can be executed, as a script executes this one.
    """

    _places = False

    def tasks(self, context: bpy.types.Context) -> list[Task]:
        raise NotImplementedError

    def execute(self, context: bpy.types.Context) -> set[str]:
        try:
            tasks = self.tasks(context)
        except Exception as error:  # noqa: BLE001 (a bug is raised again)
            return refused(self, error)
        self._placed = 0
        failed = []
        for task in tasks:
            try:
                with _at_work:
                    result = _done(task.work, None)
                self._finish(context, task, result)
            except ReliefError as error:
                failed.append(error)
        for error in failed:  # of an error a script learns by an exception, and may take all for failed
            refused(self, error, "WARNING" if self._placed else "ERROR")
        return {"FINISHED"} if self._placed else {"CANCELLED"}

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        if bpy.app.background or context.window is None:  # as for a script that a timer runs
            return self.execute(context)
        try:
            tasks = self.tasks(context)
        except Exception as error:  # noqa: BLE001 (a bug is raised again)
            return refused(self, error)
        _waiting.extend(tasks)
        if running():
            return refused(self, Cancelled(f"{len(_waiting)} more to carve after this one."))
        self._attach(context)
        self._begin()
        return {"RUNNING_MODAL"}


class RELIEF_OT_resume(ModalJob, bpy.types.Operator):
    """Go on with what is carved, and place it once Object Mode is back"""

    bl_idname = "relief.resume"
    bl_label = "Place Finished Relief"
    bl_options = {"REGISTER", "UNDO", "INTERNAL"}

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        return _paused is not None

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        self.take_up(context)
        return {"RUNNING_MODAL"}


def told(seconds: float | None) -> str:
    """The time left in words, rounded so that it does not flicker; nothing where it is not known."""
    if seconds is None:
        return ""
    if seconds < 60:
        return f", {max(round(seconds), 1)} s left"
    return f", {round(seconds / 60)} min left"


def clear_status(context: bpy.types.Context) -> None:
    """Give the status bar back to Blender, in every workspace that was visited meanwhile."""
    if context.workspace is None:
        return
    for workspace in context.blend_data.workspaces:
        with context.temp_override(workspace=workspace):  # the call goes to the context's workspace, whose ever it is
            workspace.status_text_set(None)


def _show(context: bpy.types.Context, share: float, stage: str, active: bool, left: str = "") -> None:
    """Tell sidebar and status bar, where there is news; the 3D view, which may be slow to draw, stays as it is."""
    progress, text = context.window_manager.relief_progress, spoken(stage + left)
    told_before = progress.active, round(progress.share, 2), progress.stage
    if told_before == (active, round(share, 2), text):
        return
    progress.active, progress.share, progress.stage = active, share, text
    if not active:
        clear_status(context)
    elif context.workspace is not None:
        context.workspace.status_text_set(f"{share:.0%} {text} | {spoken('Esc: cancel')}")
    for window in context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "VIEW_3D":
                for region in area.regions:
                    if region.type == "UI":
                        region.tag_redraw()
