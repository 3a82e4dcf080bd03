"""The background thread and the modal operator around it."""

from __future__ import annotations

import functools
import os
import sys
import threading
from contextlib import nullcontext
from types import SimpleNamespace

import pytest

TIMER = SimpleNamespace(type="TIMER", value="NOTHING")
ESC = SimpleNamespace(type="ESC", value="PRESS")
MOUSE = SimpleNamespace(type="MOUSEMOVE", value="NOTHING")


class _Window:
    def __init__(self, scene, layer) -> None:
        self.scene, self.view_layer = scene, layer
        self.modal_operators: list[str] = []
        self.screen = SimpleNamespace(areas=[])


class _Context:
    """What a modal operator touches of a window."""

    @property
    def mode(self) -> str:
        return self.active.mode

    def __init__(self) -> None:
        self.timers: list[object] = []
        self.status: str | None = None
        self.active = SimpleNamespace(mode="OBJECT")
        layer = SimpleNamespace(objects=SimpleNamespace(active=self.active))
        self.scene = SimpleNamespace(session_uid=1, view_layers=[layer], relief="sliders")
        self.window = _Window(self.scene, layer)
        self.screen = SimpleNamespace(is_animation_playing=False)
        self.workspace = SimpleNamespace(status_text_set=lambda text: setattr(self, "status", text))
        self.blend_data = SimpleNamespace(workspaces=[self.workspace])
        self.temp_override = lambda **_: nullcontext()
        self.window_manager = SimpleNamespace(
            event_timer_add=lambda _step, window: self.timers.append(window) or window,
            event_timer_remove=self.timers.remove,
            modal_handler_add=lambda _operator: True,
            relief_progress=SimpleNamespace(active=False, share=0.0, stage=""),
            windows=[self.window],
        )


@pytest.fixture
def job(module, monkeypatch):
    job = module("operators.job")
    job.resumed = []
    ops = SimpleNamespace(relief=SimpleNamespace(resume=job.resumed.append))
    timers = SimpleNamespace(registered=[])
    timers.register = lambda function, first_interval: timers.registered.append(function)
    monkeypatch.setattr(job.Job, "left_s", 1.0)  # else what is told depends on the machine
    app, data = SimpleNamespace(background=False, timers=timers), SimpleNamespace(scenes=[])
    job.blenders = set()
    app.is_job_running = lambda kind: kind in job.blenders
    monkeypatch.setattr(job, "bpy", SimpleNamespace(app=app, ops=ops, data=data))
    monkeypatch.setattr(job, "read_settings", lambda scene: scene.relief)
    return job


@pytest.fixture
def start(job):
    """Starts a modal operator whose tasks wait at half way until they may go on, then return their number or fail.

    It places them itself, as those do that take up another one's work.
    """

    def begin(*failures: Exception | None, invoke=True, places=True):
        go_on, half_way = threading.Event(), threading.Event()

        def work(number, fail, progress):
            progress(1.0, 2.0, "Half")
            half_way.set()
            assert go_on.wait(10.0)
            if fail is not None:
                raise fail
            job_errors.report(progress, 1.0, 1.0, "End")
            return number

        class Operator(job.JobOperator):
            def tasks(self, _context):
                place = lambda _context, result: self.placed.append(result)  # noqa: E731
                numbered = enumerate(failures or (None,), start=1)
                return [job.Task(functools.partial(work, number, fail), place, 1) for number, fail in numbered]

            def report(self, kind, text):
                self.reports.append((kind, text))

        operator, context = Operator(), _Context()
        operator._places = places
        job.bpy.context, job.bpy.data.scenes = context, [context.scene]
        operator.placed, operator.reports, operator.half_way = [], [], half_way
        if invoke:
            assert operator.invoke(context, None) == {"RUNNING_MODAL"}
        return operator, context, go_on

    job_errors = sys.modules[job.ReliefError.__module__]
    return begin


def _idle(job, context) -> bool:
    progress = context.window_manager.relief_progress
    return not (job.running() or context.timers or progress.active or context.status)


def test_progress_is_shown_then_the_result_is_placed(job, start):
    operator, context, go_on = start()
    thread = job._running
    assert operator.half_way.wait(10.0)
    assert operator.modal(context, TIMER) == {"PASS_THROUGH"}
    progress = context.window_manager.relief_progress
    assert (progress.active, progress.share) == (True, 0.5)
    assert progress.stage == "Half, 1 s left"
    assert context.status == "50% Half, 1 s left | Esc: cancel"
    go_on.set()
    thread.wait(10.0)
    assert operator.modal(context, MOUSE) == {"PASS_THROUGH"}
    assert operator.modal(context, TIMER) == {"FINISHED"}
    assert operator.placed == [1]
    assert _idle(job, context)
    assert "_task" not in vars(operator), "Blender keeps the operator, which would keep copies of photographs"


def test_another_operator_places_what_one_began_so_that_no_older_panel_undoes_it(job, module, start):
    operator, context, go_on = start(None, places=False)
    go_on.set()
    assert _finish_one(operator, job, context) == {"CANCELLED"} and operator.placed == []
    assert not context.timers and operator.reports == [] and "_task" not in vars(operator)
    second = _next(job, context)
    assert second.modal(context, TIMER) == {"FINISHED"} and operator.placed == [1] and _idle(job, context)
    resume = job.RELIEF_OT_resume
    assert resume.bl_options >= {"REGISTER", "UNDO"}, "else it is not Blender's last operator"
    assert not hasattr(resume, "execute"), "else the panel undoes it and carves anew"
    assert resume._places
    for name in ("reconstruct", "read_again"):
        assert not module(f"operators.{name}").__dict__[f"RELIEF_OT_{name}"]._places


def test_an_operator_that_never_ends_holds_up_what_is_handed_over_but_once(job, start, monkeypatch):
    monkeypatch.setattr(job, "HELD_S", 1000.0)
    operator, context, go_on = start(None, places=False)
    context.window.modal_operators += ["one that never ends", "relief.reconstruct"]
    go_on.set()
    assert _finish_one(operator, job, context) == {"PASS_THROUGH"}
    operator._held_at -= 1000.0
    assert operator.modal(context, TIMER) == {"CANCELLED"} and operator.placed == []
    context.window.modal_operators.remove("relief.reconstruct")
    second = _next(job, context)
    context.window.modal_operators.insert(0, "relief.resume")
    assert second.modal(context, TIMER) == {"FINISHED"} and operator.placed == [1]


def test_esc_that_is_meant_for_what_the_artist_is_in_the_middle_of_stops_no_queue(job, start):
    """What takes up the work is put above that, and is asked first."""
    operator, context, go_on = start(None, None)
    context.window.modal_operators.append("relief.reconstruct")
    go_on.set()
    assert _finish_one(operator, job, context) == {"FINISHED"}
    context.window.modal_operators[:] = ["view3d.walk"]
    second = _next(job, context)
    context.window.modal_operators.insert(0, "relief.resume")
    assert second.modal(context, ESC) == {"PASS_THROUGH"} and not job._running.stopping
    context.window.modal_operators.remove("view3d.walk")
    assert second.modal(context, MOUSE) == {"PASS_THROUGH"}
    context.window.modal_operators.insert(0, "begun later, above it, and it lets Esc through")
    assert second.modal(context, ESC) == {"CANCELLED"}


def test_esc_is_an_operators_that_never_ends_for_a_while_alone(job, start):
    operator, context, go_on = start(None, None)
    context.window.modal_operators.append("relief.reconstruct")
    go_on.set()
    assert _finish_one(operator, job, context) == {"FINISHED"}
    context.window.modal_operators[:] = ["one that never ends"]
    second = _next(job, context)
    context.window.modal_operators.insert(0, "relief.resume")
    assert second.modal(context, ESC) == {"PASS_THROUGH"}
    second._attached_at -= job.HELD_S
    assert second.modal(context, ESC) == {"CANCELLED"}


def test_what_failed_is_told_where_it_began(job, start):
    operator, context, go_on = start(job.ReliefError("Too dark."), places=False)
    go_on.set()
    assert _finish_one(operator, job, context) == {"CANCELLED"}
    assert operator.reports == [({"ERROR"}, "Too dark.")] and _idle(job, context)


def test_esc_ends_at_once_and_places_nothing(job, start):
    operator, context, go_on = start()
    thread = job._running
    assert operator.half_way.wait(10.0)
    assert operator.modal(context, ESC) == {"CANCELLED"}
    assert _idle(job, context)
    go_on.set()
    thread.wait(10.0)
    assert thread.done
    with pytest.raises(job.Cancelled):
        thread.result()
    assert operator.placed == []
    assert operator.reports[0][0] == {"INFO"}


@pytest.mark.parametrize("what", ["playing", "rendering"])
def test_esc_that_is_meant_for_something_else_stops_no_queue(job, start, what):
    operator, context, go_on = start()
    context.screen.is_animation_playing = what == "playing"
    job.blenders.update({"RENDER"} if what == "rendering" else set())
    assert operator.modal(context, ESC) == {"PASS_THROUGH"} and not job._running.stopping
    context.screen.is_animation_playing = False
    job.blenders.clear()
    assert operator.modal(context, ESC) == {"CANCELLED"}
    go_on.set()


def test_cancel_button_ends_it_too(job, start):
    operator, context, go_on = start()
    job.stop_running()
    assert operator.modal(context, TIMER) == {"CANCELLED"}
    assert _idle(job, context)
    go_on.set()


def test_named_errors_are_reported(job, start):
    operator, context, go_on = start(job.ReliefError("Too dark."))
    thread = job._running
    go_on.set()
    thread.wait(10.0)
    assert operator.modal(context, TIMER) == {"CANCELLED"}
    assert operator.reports == [({"ERROR"}, "Too dark.")]
    assert _idle(job, context)


def test_an_error_that_names_a_file_in_another_encoding_is_told(job, start):
    operator, context, go_on = start(job.ReliefError("caf\udce9.png is unknown."))
    operator.report = lambda kind, text: operator.reports.append((kind, text.encode("utf-8").decode()))
    go_on.set()
    assert _finish_one(operator, job, context) == {"CANCELLED"}
    assert operator.reports == [({"ERROR"}, "caf\ufffd.png is unknown.")]
    assert _idle(job, context)


def test_too_little_memory_is_told(job, start):
    operator, context, go_on = start(MemoryError(), RuntimeError("OpenCV: (-4:Insufficient memory)"))
    go_on.set()
    assert _finish_one(operator, job, context) == {"CANCELLED"} and job.running()
    second = _next(job, context)
    assert _finish_one(second, job, context) == {"CANCELLED"}
    assert operator.reports == second.reports == [({"ERROR"}, job.FULL)]
    assert _idle(job, context)


def test_bugs_keep_their_traceback_and_free_the_window(job, start):
    operator, context, go_on = start(ZeroDivisionError("bug"))
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


def test_disabling_the_extension_ends_all_work_and_leaves_none_waiting(job, start):
    operator, context, go_on = start(None, None)
    thread = job._running
    go_on.set()
    job.abandon()
    assert thread.done and _idle(job, context) and not job._waiting and operator.placed == []
    job.abandon()  # with nothing under way it does nothing
    again, _, go_on = start()
    assert job.running() and again.reports == []
    go_on.set()
    job.abandon()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere threads hand on no niceness")
def test_work_gives_way_no_less_than_blender_does(job):
    found = []

    def carve_in_a_blender_of_niceness_19():
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 19)
        work = job.Job(lambda _progress: os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))
        work.start()
        work.wait(10.0)
        found.append(work.result())

    blender = threading.Thread(target=carve_in_a_blender_of_niceness_19)
    blender.start()
    blender.join()
    assert found == [19]


def test_two_pieces_of_work_never_run_at_once(job):
    """Esc, then Reconstruct at once: the first thread may still be at its last tile."""
    first_may_end, second_began = threading.Event(), threading.Event()
    first_began = threading.Event()
    first = job.Job(lambda _progress: first_began.set() or first_may_end.wait(10.0))
    second = job.Job(lambda _progress: second_began.set())
    first.start()
    assert first_began.wait(10.0)
    first.stop()
    second.start()
    assert not second_began.wait(0.2)
    first_may_end.set()
    assert second_began.wait(10.0)


def _finish_one(operator, job, context):
    job._running.wait(10.0)
    return operator.modal(context, TIMER)


def test_tasks_run_one_after_the_other_and_a_failed_one_stops_none(job, start):
    operator, context, go_on = start(None, job.ReliefError("Too dark."), None)
    assert operator.half_way.wait(10.0)
    assert operator.modal(context, TIMER) == {"PASS_THROUGH"}
    assert context.window_manager.relief_progress.stage == "1 of 3: Half, 1 s left"
    go_on.set()
    assert _finish_one(operator, job, context) == {"FINISHED"}, "each that is placed has its step of undo"
    assert operator.placed == [1] and job.running()
    assert not context.timers, "nothing is modal between two: Blender saves by itself"
    second = _next(job, context)
    assert _finish_one(second, job, context) == {"CANCELLED"}
    assert second.reports == [({"ERROR"}, "Too dark.")]
    assert _finish_one(_next(job, context), job, context) == {"FINISHED"}
    assert operator.placed == [1, 3]
    assert _idle(job, context)


@pytest.mark.parametrize("ends", ["with a failure", "with Esc"])
def test_a_queue_whose_last_task_places_nothing_leaves_no_empty_step_of_undo(job, start, ends):
    operator, context, go_on = start(None, job.ReliefError("Too dark."))
    go_on.set()
    assert _finish_one(operator, job, context) == {"FINISHED"}
    second = _next(job, context)
    job._running.wait(10.0)
    event = ESC if ends == "with Esc" else TIMER
    assert second.modal(context, event) == {"CANCELLED"}, "FINISHED would make another step"
    assert operator.placed == [1] and _idle(job, context)


def test_the_result_waits_for_object_mode(job, start):
    operator, context, go_on = start()
    go_on.set()
    job._running.wait(10.0)
    context.active.mode = "SCULPT"
    assert operator.modal(context, TIMER) == {"CANCELLED"} and operator.placed == []
    progress = context.window_manager.relief_progress
    assert progress.active and progress.stage == "Done: return to Object Mode"
    assert job.running() and not context.timers and context.status is None, "nothing is modal: Blender saves by itself"
    (look,) = job.bpy.app.timers.registered
    assert look() == job.LOOK_S and not job.resumed
    context.active.mode = "OBJECT"
    assert look() is None and job.resumed == ["INVOKE_DEFAULT"]
    second = _taking_up(job, context)
    assert second.modal(context, TIMER) == {"FINISHED"} and operator.placed == [1]
    assert _idle(job, context) and look() is None


def test_finished_work_waits_for_the_mode_of_its_own_scene_and_goes_on_in_its_own_window(job, start):
    operator, context, go_on = start()
    go_on.set()
    job._running.wait(10.0)
    first = _Context()
    context.window_manager.windows.insert(0, first.window)
    first.window_manager.windows = context.window_manager.windows
    of = {first.window: first, context.window: context}
    first.temp_override = lambda window: setattr(job.bpy, "context", of[window]) or nullcontext()
    job.bpy.data.scenes = [first.scene, context.scene]
    first.scene.session_uid = 2  # what the first window shows
    context.active.mode = "SCULPT"
    assert operator.modal(context, TIMER) == {"CANCELLED"}
    (look,) = job.bpy.app.timers.registered
    job.bpy.context = first
    assert look() == job.LOOK_S and not job.resumed
    context.active.mode, first.active.mode, job.bpy.context = "OBJECT", "SCULPT", first
    assert look() is None and job.resumed == ["INVOKE_DEFAULT"] and job.bpy.context == context
    assert _taking_up(job, context).modal(context, TIMER) == {"FINISHED"} and operator.placed == [1]


@pytest.mark.parametrize("hand", ["on a slider", "in an operator"])
def test_nothing_is_placed_under_the_artists_hand(job, start, hand):
    operator, context, go_on = start()
    context.window.modal_operators.append("relief.reconstruct")
    go_on.set()
    job._running.wait(10.0)
    if hand == "on a slider":
        context.scene.relief = "dragged"
    else:
        context.window.modal_operators.append("transform.translate")
    for _ in range(2):
        assert operator.modal(context, TIMER) == {"PASS_THROUGH"} and operator.placed == []
    del context.window.modal_operators[1:]
    operator._moved_at -= job.QUIET_S
    assert operator.modal(context, TIMER) == {"FINISHED"} and operator.placed == [1]


def test_the_next_of_a_queue_is_not_placed_under_the_artists_hand_either(job, start):
    operator, context, go_on = start(None, None)
    context.window.modal_operators.append("relief.reconstruct")
    go_on.set()
    assert _finish_one(operator, job, context) == {"FINISHED"}
    context.window.modal_operators[:] = ["transform.translate"]
    second = _next(job, context)
    context.window.modal_operators.insert(0, "relief.resume")
    assert _finish_one(second, job, context) == {"PASS_THROUGH"} and operator.placed == [1]
    del context.window.modal_operators[1:]
    assert second.modal(context, TIMER) == {"FINISHED"} and operator.placed == [1, 2]


@pytest.mark.parametrize("blenders", ["RENDER", "OBJECT_BAKE"])
def test_nothing_is_placed_while_blender_renders_or_bakes(job, start, monkeypatch, blenders):
    monkeypatch.setattr(job, "HELD_S", 0.0)  # that takes as long as it takes
    operator, context, go_on = start()
    go_on.set()
    job._running.wait(10.0)
    job.blenders.add(blenders)
    assert operator.modal(context, TIMER) == {"PASS_THROUGH"} and operator.placed == []
    job.blenders.clear()
    assert operator.modal(context, TIMER) == {"FINISHED"} and operator.placed == [1]


def test_too_little_memory_to_place_is_told(job, start):
    operator, context, go_on = start()
    operator.placed = SimpleNamespace(append=lambda _result: (_ for _ in ()).throw(MemoryError()))
    go_on.set()
    assert _finish_one(operator, job, context) == {"CANCELLED"}
    assert operator.reports == [({"ERROR"}, job.FULL)] and _idle(job, context)


def test_an_operator_that_never_ends_holds_nothing_up(job, start, monkeypatch):
    operator, context, go_on = start(invoke=False)
    context.window.modal_operators.append("another add-on's")
    operator.invoke(context, None)
    context.window.modal_operators.append("relief.reconstruct")
    go_on.set()
    assert _finish_one(operator, job, context) == {"FINISHED"}
    operator, context, go_on = start()
    context.window.modal_operators += ["relief.reconstruct", "one that began meanwhile"]
    assert operator.modal(context, TIMER) == {"PASS_THROUGH"}
    monkeypatch.setattr(job, "HELD_S", 0.0)
    go_on.set()
    assert _finish_one(operator, job, context) == {"FINISHED"} and operator.placed == [1]


def test_the_queue_goes_on_in_another_window_where_its_own_is_closed(job, start):
    operator, context, go_on = start(None, None)
    context.active.mode = "SCULPT"
    context.window_manager.windows[:] = [other] = [_Context().window]
    operator.cancel(context)
    assert job.running() and not job._running.stopping and len(job._waiting) == 1 and not context.timers
    overridden = []
    context.temp_override = lambda window: overridden.append(window) or nullcontext()
    assert job.bpy.app.timers.registered[-1]() is None, "what is not finished waits for no mode"
    assert job.resumed == ["INVOKE_DEFAULT"] and overridden == [other]
    context.window, context.active.mode, context.temp_override = other, "OBJECT", lambda **_: nullcontext()
    second = _taking_up(job, context)
    go_on.set()
    assert _finish_one(second, job, context) == {"FINISHED"}
    assert _finish_one(_next(job, context), job, context) == {"FINISHED"} and operator.placed == [1, 2]
    assert _idle(job, context)


def _next(job, context):
    """The operator that goes on, as Blender starts it where a timer looks."""
    assert job.bpy.app.timers.registered[-1]() is None and job.resumed.pop() == "INVOKE_DEFAULT"
    return _taking_up(job, context)


def _taking_up(job, context):
    class Resume(job.ModalJob):
        def report(self, kind, text):
            self.reports.append((kind, text))

    operator = Resume()
    operator.reports = []
    operator.take_up(context)
    return operator


def test_what_waits_for_object_mode_can_be_cancelled_and_goes_with_its_file(job, start):
    for way in ("cancel", "load"):
        operator, context, go_on = start(None, None)
        go_on.set()
        job._running.wait(10.0)
        context.active.mode = "SCULPT"
        assert operator.modal(context, TIMER) == {"CANCELLED"} and job.running()
        if way == "cancel":
            job.stop_running()
            assert job.bpy.app.timers.registered[-1]() is None and job.resumed == ["INVOKE_DEFAULT"]
            second = _taking_up(job, context)
            assert second.modal(context, TIMER) == {"CANCELLED"}
            assert second.reports == [({"INFO"}, "Stopped. Nothing was changed.")]
        else:
            at_work = job._running
            job.forget_paused()
            assert at_work.stopping
        assert _idle(job, context) and not job._waiting and operator.placed == []


def test_the_result_waits_for_the_mode_of_its_scene_whatever_its_window_shows_by_now(job, start):
    operator, context, go_on = start()
    go_on.set()
    job._running.wait(10.0)
    theirs, context.scene = context.scene, SimpleNamespace(session_uid=2, view_layers=[], relief="sliders")
    context.window.scene = context.scene
    theirs.view_layers[0].objects.active = SimpleNamespace(mode="SCULPT")
    job.bpy.data.scenes.append(context.scene)
    assert context.mode == "OBJECT" and operator.modal(context, TIMER) == {"CANCELLED"} and operator.placed == []
    job.forget_paused()


def test_a_failure_waits_for_no_mode(job, start):
    operator, context, go_on = start(job.ReliefError("Too dark."))
    go_on.set()
    context.active.mode = "SCULPT"
    assert _finish_one(operator, job, context) == {"CANCELLED"}
    assert operator.reports == [({"ERROR"}, "Too dark.")]


def test_what_finishing_says_is_told(job, start):
    operator, context, go_on = start()
    operator.placed = SimpleNamespace(append=lambda _result: "It stays packed.")
    go_on.set()
    assert _finish_one(operator, job, context) == {"FINISHED"}
    assert operator.reports == [({"WARNING"}, "It stays packed.")]


def test_a_second_run_waits_in_the_queue_of_the_first(job, start):
    operator, context, go_on = start(None)
    second, other, _ = start(None, None, invoke=False)
    assert second.invoke(other, None) == {"CANCELLED"}
    assert second.reports == [({"INFO"}, "2 more to carve after this one.")] and not other.timers
    go_on.set()
    assert _finish_one(operator, job, context) == {"FINISHED"}
    job.stop_running()
    third = _next(job, context)
    assert third.modal(context, TIMER) == {"CANCELLED"} and operator.placed == [1]
    assert third.reports == [({"INFO"}, "Stopped. What was finished before stays.")]
    assert _idle(job, context) and not job._waiting and second.placed == []


def test_from_a_script_all_tasks_run_before_it_returns(job, start):
    operator, context, go_on = start(None, job.ReliefError("Too dark."), None, invoke=False)
    go_on.set()
    tasks = [
        job.Task(functools.partial(lambda work, _: work(lambda *_: False), t.work), t.finish, 1)
        for t in operator.tasks(0)
    ]
    operator.tasks = lambda _context: tasks
    assert operator.execute(context) == {"FINISHED"}
    assert operator.placed == [1, 3] and operator.reports == [({"WARNING"}, "Too dark.")]


def test_a_script_without_a_window_waits_for_its_result(job, start):
    operator, context, _ = start(invoke=False)
    context.window = None
    operator.tasks = lambda _context: [job.Task(lambda _progress: 7, lambda _context, n: operator.placed.append(n), 1)]
    assert operator.invoke(context, None) == {"FINISHED"}
    assert operator.placed == [7] and _idle(job, context)


def test_too_little_memory_for_one_stops_none_from_a_script_either(job, start):
    operator, _, go_on = start(MemoryError(), None, invoke=False)
    go_on.set()
    tasks = [
        job.Task(functools.partial(lambda work, _: work(lambda *_: False), t.work), t.finish, 1)
        for t in operator.tasks(0)
    ]
    operator.tasks = lambda _context: tasks
    assert operator.execute(None) == {"FINISHED"}
    assert operator.placed == [2] and operator.reports == [({"WARNING"}, job.FULL)]


def test_the_status_bar_is_given_back_in_every_workspace(job):
    seen = []
    names = [SimpleNamespace(name=name) for name in ("Layout", "Sculpting")]
    for workspace in names:
        workspace.status_text_set = lambda text, workspace=workspace: seen.append((workspace.name, text))
    overridden = []
    context = SimpleNamespace(
        workspace=names[0], blend_data=SimpleNamespace(workspaces=names),
        temp_override=lambda workspace: overridden.append(workspace.name) or nullcontext(),
    )  # fmt: skip
    job.clear_status(context)
    assert seen == [("Layout", None), ("Sculpting", None)] and overridden == ["Layout", "Sculpting"]


def test_time_left_is_told_in_words_once_it_can_be_known(module):
    job = module("operators.job")
    assert [job.told(s) for s in (None, 0.2, 7.6, 59.0, 75.0, 200.0)] == [
        "", ", 1 s left", ", 8 s left", ", 59 s left", ", 1 min left", ", 3 min left",
    ]  # fmt: skip
    work = job.Job(lambda progress: None)
    assert work.left_s is None
    work.share, work._begun = 0.25, work._begun - 10.0
    assert work.left_s == pytest.approx(30.0, abs=1.0)
