"""The background thread and the modal operator around it."""

from __future__ import annotations

import threading
from types import SimpleNamespace

import pytest

TIMER = SimpleNamespace(type="TIMER", value="NOTHING")
ESC = SimpleNamespace(type="ESC", value="PRESS")
MOUSE = SimpleNamespace(type="MOUSEMOVE", value="NOTHING")


class _Context:
    """What a modal operator touches of a window."""

    def __init__(self) -> None:
        self.timers: list[object] = []
        self.status: str | None = None
        self.window = object()
        self.workspace = SimpleNamespace(status_text_set=lambda text: setattr(self, "status", text))
        self.window_manager = SimpleNamespace(
            event_timer_add=lambda _step, window: self.timers.append(window) or window,
            event_timer_remove=self.timers.remove,
            modal_handler_add=lambda _operator: True,
            relief_progress=SimpleNamespace(active=False, share=0.0, stage=""),
            windows=[],
        )


@pytest.fixture
def job(module, monkeypatch):
    job = module("operators.job")
    monkeypatch.setattr(job, "bpy", SimpleNamespace(app=SimpleNamespace(background=False)))
    return job


@pytest.fixture
def start(job):
    """Starts a modal operator whose work waits at half way until it may go on."""

    def begin(fail: Exception | None = None):
        go_on = threading.Event()

        class Operator(job.JobOperator):
            placed: list[str] = []
            reports: list[tuple[set[str], str]] = []

            def prepare(self, _context):
                def work(progress):
                    progress(1.0, 2.0, "Half")
                    assert go_on.wait(10.0)
                    if fail is not None:
                        raise fail
                    job_errors.report(progress, 1.0, 1.0, "End")
                    return "relief"

                return work

            def finish(self, _context, result):
                self.placed.append(result)

            def report(self, kind, text):
                self.reports.append((kind, text))

        operator, context = Operator(), _Context()
        operator.placed, operator.reports = [], []
        assert operator.invoke(context, None) == {"RUNNING_MODAL"}
        return operator, context, go_on

    import sys

    job_errors = sys.modules[job.ReliefError.__module__]
    return begin


def _idle(job, context) -> bool:
    progress = context.window_manager.relief_progress
    return not (job.running() or context.timers or progress.active or context.status)


def test_progress_is_shown_then_the_result_is_placed(job, start):
    operator, context, go_on = start()
    thread = job._running
    while thread.share == 0.0:
        thread.wait(0.01)
    assert operator.modal(context, TIMER) == {"PASS_THROUGH"}
    progress = context.window_manager.relief_progress
    assert (progress.active, progress.share, progress.stage) == (True, 0.5, "Half")
    assert context.status.startswith("Half 50%")
    go_on.set()
    thread.wait(10.0)
    assert operator.modal(context, MOUSE) == {"PASS_THROUGH"}
    assert operator.modal(context, TIMER) == {"FINISHED"}
    assert operator.placed == ["relief"]
    assert _idle(job, context)


def test_esc_ends_at_once_and_places_nothing(job, start):
    operator, context, go_on = start()
    thread = job._running
    assert operator.modal(context, ESC) == {"CANCELLED"}
    assert _idle(job, context)
    go_on.set()
    thread.wait(10.0)
    assert thread.done
    with pytest.raises(job.Cancelled):
        thread.result()
    assert operator.placed == []
    assert operator.reports[0][0] == {"INFO"}


def test_cancel_button_ends_it_too(job, start):
    operator, context, go_on = start()
    job.stop_running()
    assert operator.modal(context, TIMER) == {"CANCELLED"}
    assert _idle(job, context)
    go_on.set()


def test_named_errors_are_reported(job, start):
    operator, context, go_on = start(fail=job.ReliefError("Too dark."))
    thread = job._running
    go_on.set()
    thread.wait(10.0)
    assert operator.modal(context, TIMER) == {"CANCELLED"}
    assert operator.reports == [({"ERROR"}, "Too dark.")]
    assert _idle(job, context)


def test_bugs_keep_their_traceback_and_free_the_window(job, start):
    operator, context, go_on = start(fail=ZeroDivisionError("bug"))
    thread = job._running
    go_on.set()
    thread.wait(10.0)
    with pytest.raises(ZeroDivisionError):
        operator.modal(context, TIMER)
    assert _idle(job, context)


def test_closing_blender_waits_for_the_thread(job, start):
    operator, context, go_on = start()
    thread = job._running
    go_on.set()
    operator.cancel(context)
    assert thread.done
    assert _idle(job, context)
