"""Work on a background thread, shown and cancelled by a modal operator."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import bpy

from ..inference.errors import Cancelled, Progress, ReliefError

Work = Callable[[Progress | None], Any]

_running: Job | None = None


class Job:
    """One piece of work on its own thread. The work never touches bpy; it learns of a stop by its progress callback."""

    def __init__(self, work: Work) -> None:
        self.share = 0.0
        self.stage = "Starting"
        self._work = work
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
    def done(self) -> bool:
        return not self._thread.is_alive()

    def result(self) -> Any:
        """What the work returned, or its exception."""
        if self._error is not None:
            raise self._error
        return self._result

    def _run(self) -> None:
        try:
            self._result = self._work(self._progress)
        except BaseException as error:  # noqa: BLE001 (kept whole, for the main thread to raise)
            self._error = error

    def _progress(self, done: float, total: float, stage: str) -> bool:
        self.share, self.stage = done / total, stage
        return self._stop.is_set()


def running() -> bool:
    """Whether a modal job is under way."""
    return _running is not None


def stop_running() -> None:
    """Ask the job under way to stop, if there is one."""
    if _running is not None:
        _running.stop()


class JobOperator:
    """An operator whose work runs at once from a script, and on a thread with progress and Esc from the interface.

    Subclasses give `prepare`, which takes all it needs from the scene, and `finish`, which places the result.
    """

    _timer: bpy.types.Timer

    def prepare(self, context: bpy.types.Context) -> Work:
        raise NotImplementedError

    def finish(self, context: bpy.types.Context, result: Any) -> None:
        raise NotImplementedError

    def execute(self, context: bpy.types.Context) -> set[str]:
        try:
            self.finish(context, self.prepare(context)(None))
        except ReliefError as error:
            return self._refuse(error)
        return {"FINISHED"}

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        global _running
        if bpy.app.background:
            return self.execute(context)
        try:
            work = self.prepare(context)
        except ReliefError as error:
            return self._refuse(error)
        _running = Job(work)
        _running.start()
        self._timer = context.window_manager.event_timer_add(0.1, window=context.window)
        context.window_manager.modal_handler_add(self)
        return {"RUNNING_MODAL"}

    def modal(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        job = _running
        assert job is not None
        if event.type == "ESC" and event.value == "PRESS":
            job.stop()
        if job.stopping:  # the thread ends at its next report; nothing of it is awaited or kept
            self._close(context)
            return self._refuse(Cancelled("Stopped. Nothing was changed."))
        if event.type != "TIMER":
            return {"PASS_THROUGH"}
        _show(context, job.share, job.stage, True)
        if not job.done:
            return {"PASS_THROUGH"}
        self._close(context)
        try:
            self.finish(context, job.result())
        except ReliefError as error:
            return self._refuse(error)
        return {"FINISHED"}

    def cancel(self, context: bpy.types.Context) -> None:
        """Blender closes or loads another file: the thread must not outlive what it works for."""
        job = _running
        self._close(context)
        if job is not None:
            job.stop()
            job.wait(2.0)

    def _close(self, context: bpy.types.Context) -> None:
        global _running
        _running = None
        context.window_manager.event_timer_remove(self._timer)
        _show(context, 0.0, "", False)

    def _refuse(self, error: ReliefError) -> set[str]:
        self.report({"INFO" if isinstance(error, Cancelled) else "ERROR"}, str(error))  # type: ignore[attr-defined]
        return {"CANCELLED"}


def _show(context: bpy.types.Context, share: float, stage: str, active: bool) -> None:
    progress = context.window_manager.relief_progress
    progress.active, progress.share, progress.stage = active, share, stage
    if context.workspace is not None:
        context.workspace.status_text_set(f"{stage} {share:.0%} | Esc: cancel" if active else None)
    for window in context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "VIEW_3D":
                area.tag_redraw()
