"""The whole way in a Blender with a window: install, drop a photo, watch, move a slider, undo, save, reopen, export.

    ./relief test --window

starts the Blender named in BLENDER with this file. Each step checks what it did and leaves a screenshot; the first that
fails ends the walk. Where all steps passed, the last line is "walk: done" and Blender ends with 0, else with 1.
"""

from __future__ import annotations

import json
import math
import os
import shutil
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path

import bpy
from mathutils import Vector

ZIP, PHOTO, OUTPUT = (Path(argument) for argument in sys.argv[sys.argv.index("--") + 1 :])
MODULE = "bl_ext.user_default.photo_to_relief"
PATIENCE_S = 60.0
FIRST_FILE_PX = 38
"""From the upper edge of a File Browser's list, below the titles of its columns, to the middle of the first file."""
SMALL_PX = 640, 480
"""Size of the window while the main loop is timed: where OpenGL runs in software, drawing a window of 1600 x 1000
pixels takes more than the 50 ms that are asked for, whatever has changed in it."""
state: dict[str, object] = {}


def viewport() -> dict[str, object]:
    """Where a user's mouse would be: the context of the 3D viewport."""
    window = bpy.context.window_manager.windows[0]
    area = next(area for area in window.screen.areas if area.type == "VIEW_3D")
    region = next(region for region in area.regions if region.type == "WINDOW")
    return {"window": window, "area": area, "region": region}


def positions() -> list[float]:
    mesh = bpy.context.view_layer.objects.active.data
    values = [0.0] * (3 * len(mesh.vertices))
    mesh.attributes["position"].data.foreach_get("vector", values)
    return values


def split() -> bpy.types.Area:
    """Another area beside the viewport."""
    with bpy.context.temp_override(**viewport()):
        bpy.ops.screen.area_split(direction="VERTICAL", factor=0.5)
    return next(area for area in bpy.context.window_manager.windows[0].screen.areas if area.type == "VIEW_3D")


def browse(area: bpy.types.Area, path: Path) -> bool | None:
    """A File Browser that lists this file alone; it has settings only once it has been drawn."""
    state["browser"] = area
    area.type = "FILE_BROWSER"
    settings = area.spaces.active.params
    if settings is None:
        return False
    settings.directory, settings.filter_search = bytes(path.parent), path.name
    settings.display_type = "LIST_VERTICAL"
    return None


def drag_to_viewport(name: str) -> bool:
    """Drag the file that the File Browser lists into the viewport, as a hand does; False until it is let go."""
    if name not in state:
        listed = next(region for region in state["browser"].regions if region.type == "WINDOW")
        target = viewport()["region"]
        x, y = listed.x + 60, screen_height() - (listed.y + listed.height - FIRST_FILE_PX)
        to_x, to_y = target.x + target.width // 3, screen_height() - (target.y + target.height // 2)
        words = f"xdotool mousemove {x} {y} sleep 0.5 mousemove {x + 1} {y} sleep 0.5 mousedown 1 sleep 0.5".split()
        for along, down in ((x + 10, y + 5), (x + 30, y + 20), (to_x - 5, to_y), (to_x, to_y)):
            words += f"mousemove {along} {down} sleep 0.6".split()
        state[name] = subprocess.Popen([*words, "mouseup", "1"])
    return state[name].poll() is not None


def browse_zip() -> bool | None:
    viewport()["area"].spaces.active.show_region_ui = True
    return browse(state.get("browser") or split(), ZIP) if shutil.which("xdotool") else None


def drag_zip() -> bool | None:
    """Blender asks whether to install it."""
    return drag_to_viewport("zip") if shutil.which("xdotool") else None


def install() -> bool | None:
    if not shutil.which("xdotool"):
        bpy.ops.extensions.package_install_files(filepath=str(ZIP), repo="user_default", enable_on_install=True)
    elif "agreed" not in state:
        subprocess.run(["xdotool", "key", "Return"], check=True)
        state["agreed"] = True
    if MODULE not in bpy.context.preferences.addons:
        return False
    if "browser" in state:
        with bpy.context.temp_override(window=bpy.context.window_manager.windows[0], area=state.pop("browser")):
            bpy.ops.screen.area_close()
    for thing in list(bpy.data.objects):
        bpy.data.objects.remove(thing)
    return None


def open_tab() -> None:
    area = viewport()["area"]
    next(region for region in area.regions if region.type == "UI").active_panel_category = "Relief"
    area.spaces.active.shading.type = "MATERIAL"


def drop_photo() -> None:
    """Blender asks what to do with the image; the relief is one of the answers."""
    with bpy.context.temp_override(**viewport()):
        bpy.ops.object.select_all("EXEC_DEFAULT", True, action="DESELECT")  # the panel in the corner adjusts it
        bpy.ops.wm.drop_import_file("INVOKE_DEFAULT", directory=str(PHOTO.parent), files=[{"name": PHOTO.name}])


def choose_relief() -> None:
    if shutil.which("xdotool"):  # the letter that the menu underlines in "Relief from Photo"
        subprocess.run(["xdotool", "key", "r"], check=True)
        return
    with bpy.context.temp_override(**viewport()):
        files = [{"name": PHOTO.name}]
        bpy.ops.relief.import_photo("INVOKE_DEFAULT", directory=str(PHOTO.parent), files=files)


def progress_is_shown() -> bool:
    if not bpy.context.window_manager.relief_progress.active:
        return False
    if not bpy.app.timers.is_registered(watch_loop):
        gaps.clear()
        bpy.app.timers.register(watch_loop)
    return True


gaps: list[tuple[float, float, str]] = []
"""Seconds between two turns of Blender's main loop while the network runs, when they began, and the stage."""
idle: list[float] = []
"""The same while nothing runs and the sidebar is drawn as often: what this screen itself takes."""
own: list[tuple[float, float]] = []
"""Seconds that each turn of the extension's own operator took in the main loop, and when it began."""
turn = {"at": 0.0}


def resize(width: int, height: int) -> None:
    """Give Blender's window another size on the screen, and keep the mouse above it: keys go to where it is."""
    if shutil.which("xdotool"):
        subprocess.run(["xdotool", "mousemove", f"{width // 2}", f"{height // 2}"], check=True)
        name = ["xdotool", "search", "--onlyvisible", "--class", "blender"]
        for window in subprocess.run(name, check=True, capture_output=True, text=True).stdout.split():
            words = ["xdotool", "windowsize", window, f"{width}", f"{height}"]
            # Blender counts from below and asks where its window is only when that moves.
            words += ["windowmove", window, "1", "1", "windowmove", window, "0", "0"]
            subprocess.run(words, check=True)


def watch_idle() -> bool:
    """The baseline: two seconds without the network, with the redraws that its progress asks for."""
    if not idle:
        window = bpy.context.window_manager.windows[0]
        state["size"] = window.width, window.height
        resize(*SMALL_PX)
        # Where OpenGL runs in software, shading the stone takes seconds and would hide all else.
        viewport()["area"].spaces.active.shading.type = "WIREFRAME"
        state["idle from"] = time.monotonic() + 1.0  # the first picture in another shading takes its time
        idle.append(0.0)
        bpy.app.timers.register(turn_idly)
    return time.monotonic() - state["idle from"] > 2.0


def turn_idly() -> float | None:
    now = time.monotonic()
    if turn["at"] and now > state["idle from"]:
        idle.append(now - turn["at"])
    turn["at"] = now
    if len(idle) % 10 == 0:
        next(region for region in viewport()["area"].regions if region.type == "UI").tag_redraw()
    if now - state["idle from"] < 2.0:
        return 0.001
    turn["at"] = 0.0
    return None


def time_own_turns() -> None:
    """Measure the extension's modal operator from outside."""
    job = sys.modules[f"{MODULE}.operators.job"].ModalJob
    modal = job.modal

    def measured(self: object, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        begun = time.monotonic()
        try:
            return modal(self, context, event)
        finally:
            own.append((time.monotonic() - begun, begun))

    job.modal = measured


def watch_loop() -> float | None:
    progress, now = bpy.context.window_manager.relief_progress, time.monotonic()
    if turn["at"]:
        gaps.append((now - turn["at"], turn["at"], progress.stage))
    turn["at"] = now
    return 0.001 if progress.active else None


def slow(seconds: list[float]) -> str:
    """How a list of turns stands to the 50 ms that an eye forgives."""
    middle = sorted(seconds)[len(seconds) // 2]
    return f"{len(seconds)} turns, median {1000 * middle:.0f} ms, {sum(s > 0.05 for s in seconds)} over 50 ms"


def relief_stands() -> bool:
    if bpy.context.window_manager.relief_progress.active or PHOTO.stem not in bpy.data.objects:
        return False
    placing_s, placed_at = own[-1]
    before = [gap for gap in gaps if not gap[1] <= placed_at <= gap[1] + gap[0]]
    longest_s, _, stage = max(before)
    say(f"the extension's own {len(own)} turns until the placing: longest {1000 * max(own[:-1])[0]:.1f} ms; "
        f"with the placing {1000 * placing_s:.0f} ms")  # fmt: skip
    say(f"main loop without the network: {slow(idle)}, longest {1000 * max(idle):.0f} ms")
    say(f"main loop while it ran: {slow([gap[0] for gap in before])}, longest {1000 * longest_s:.0f} ms ({stage})")
    state["first"] = positions()
    return True


def no_older_step_is_adjusted() -> None:
    """The panel that adjusts the step before the relief is gone, for it would undo the relief."""
    assert bpy.context.window_manager.operators[-1].bl_idname == "RELIEF_OT_resume"
    with bpy.context.temp_override(**viewport()):
        bpy.ops.ed.undo_redo()
    assert PHOTO.stem in bpy.data.objects, "adjusting what came before took the relief away"


def widen() -> bool:
    """The window's own size again, and the relief in the middle of it."""
    window = bpy.context.window_manager.windows[0]
    if (window.width, window.height) != state["size"]:
        resize(*state["size"])
        return False
    viewport()["area"].spaces.active.shading.type = "MATERIAL"
    with bpy.context.temp_override(**viewport()):
        bpy.ops.view3d.view_axis(type="FRONT")
        bpy.ops.view3d.view_all()
    return True


def move_slider() -> None:
    bpy.context.scene.relief.strength_sharp = 3.0
    bpy.ops.ed.undo_push(message="Sharp Edges")
    state["moved"] = positions()
    assert state["moved"] != state["first"], "the slider moved nothing"


def undo() -> None:
    with bpy.context.temp_override(**viewport()):
        bpy.ops.ed.undo()
    assert bpy.context.scene.relief.strength_sharp == 1.0, "undo left the slider where it was"
    assert positions() == state["first"], "undo left the mesh as it was"


def redo() -> None:
    with bpy.context.temp_override(**viewport()):
        bpy.ops.ed.redo()
    assert bpy.context.scene.relief.strength_sharp == 3.0
    assert positions() == state["moved"], "redo left the mesh as it was"


def show_edges() -> None:
    assert bpy.ops.relief.show(view="soft_edge") == {"FINISHED"}


def save() -> None:
    bpy.ops.wm.save_as_mainfile(filepath=str(OUTPUT / "walk.blend"))


def reopen() -> None:
    bpy.ops.wm.open_mainfile(filepath=str(OUTPUT / "walk.blend"))


def refine_again() -> None:
    assert bpy.context.scene.relief.strength_sharp == 3.0
    bpy.context.scene.relief.strength_sharp = 1.0
    near = max(abs(a - b) for a, b in zip(positions(), state["first"], strict=True))
    assert near < 1e-5, f"after reopening, the same settings give another relief, by {near} m"


def move(u: float, v: float) -> None:
    """Put the mouse on a place of the Image Editor's picture and click."""
    window, area = state["editor"]
    region = next(region for region in area.regions if region.type == "WINDOW")
    x, y = region.view2d.view_to_region(u, v, clip=False)
    scale = f"xdotool mousemove {window.x + region.x + x} {screen_height() - (window.y + region.y + y)}"
    subprocess.run(f"{scale} sleep 0.2 click 1", shell=True, check=True)


def still_clicking(corners: str, places: list[tuple[float, float]]) -> bool:
    """Click the next of some places; whether there was one left."""
    left = state.setdefault(corners, places)
    if left:
        move(*left.pop(0))
        return True
    return False


def screen_height() -> int:
    text = subprocess.run(["xdotool", "getdisplaygeometry"], check=True, capture_output=True, text=True).stdout
    return int(text.split()[1])


def speak_indonesian() -> None:
    speak("id_ID", "Rekonstruksi")


def speak_japanese() -> None:
    speak("ja_JP", "復元")


def speak(language: str, word: str) -> None:
    """The sidebar in another language, if this Blender has it."""
    try:
        bpy.context.preferences.view.language = language
    except TypeError:
        say(f"this Blender does not speak {language}")
        return
    assert bpy.app.translations.pgettext("Reconstruct", "Operator") == word
    open_tab()


def speak_english() -> None:
    bpy.context.preferences.view.language = "en_US"
    assert bpy.app.translations.pgettext("Reconstruct", "Operator") == "Reconstruct"


def begin_corners_alone() -> None:
    """Blender's own layout has no Image Editor: a window opens for the clicks."""
    if not shutil.which("xdotool"):
        return
    bpy.context.scene.relief.image = bpy.data.images.load(str(PHOTO))
    bpy.context.view_layer.objects.active = None
    windows = bpy.context.window_manager.windows
    with bpy.context.temp_override(window=windows[0]):
        assert bpy.ops.relief.pick_corners("INVOKE_DEFAULT") == {"RUNNING_MODAL"}
    assert len(windows) == 2
    state["editor"] = windows[-1], next(area for area in windows[-1].screen.areas if area.type == "IMAGE_EDITOR")


def click_corners_alone() -> bool | None:
    """It closes by itself, and the corners are kept."""
    if not shutil.which("xdotool"):
        return None
    if still_clicking("corners alone", [(0.8, 0.8), (0.2, 0.8), (0.2, 0.2), (0.8, 0.2)]):
        return False
    if len(bpy.context.window_manager.windows) > 1:
        return False
    assert bpy.context.scene.relief.image.relief.straighten
    return None


def begin_corners() -> None:
    """An Image Editor opens beside the viewport, the operator waits for clicks."""
    image = bpy.data.images.load(str(PHOTO))
    bpy.context.scene.relief.image = image
    window, area = bpy.context.window_manager.windows[0], split()
    area.type = "IMAGE_EDITOR"
    state["editor"] = window, area
    bpy.context.view_layer.objects.active = None
    with bpy.context.temp_override(window=window):
        assert bpy.ops.relief.pick_corners("INVOKE_DEFAULT") == {"RUNNING_MODAL"}


def click_corners() -> bool | None:
    image = bpy.context.scene.relief.image
    if not shutil.which("xdotool"):
        return None
    if still_clicking("corners", [(0.9, 0.85), (0.1, 0.9), (0.12, 0.15), (0.88, 0.1)]) or not image.relief.straighten:
        return False
    corners = list(image.relief.corners)
    wanted = [0.1, 0.1, 0.9, 0.15, 0.88, 0.9, 0.12, 0.85]
    assert max(abs(a - b) for a, b in zip(corners, wanted, strict=True)) < 0.02, corners
    return None


def preview() -> bool | None:
    if "previewed" not in state:
        state["previewed"] = True
        with bpy.context.temp_override(window=bpy.context.window_manager.windows[0]):
            assert bpy.ops.relief.preview_preparation("INVOKE_DEFAULT") == {"RUNNING_MODAL"}
        return False
    shown = state["editor"][1].spaces.active.image
    return None if shown is not None and shown.name.endswith(" prepared") else False


def paint() -> None:
    relief = bpy.data.objects[PHOTO.stem]
    bpy.context.view_layer.objects.active = relief
    state["view"] = relief.relief_view
    with bpy.context.temp_override(**viewport()):
        assert bpy.ops.relief.paint(meaning="flat") == {"FINISHED"}
    assert relief.relief_view == "corrections"


def leave_paint() -> None:
    with bpy.context.temp_override(**viewport()):
        bpy.ops.object.mode_set(mode="OBJECT")


def paint_is_put_away() -> None:
    assert bpy.data.objects[PHOTO.stem].relief_view == state["view"] != "corrections"


def show_arrow() -> None:
    relief = bpy.data.objects[PHOTO.stem]
    bpy.context.view_layer.objects.active = relief
    relief.select_set(True)
    bpy.context.scene.relief.image.relief.know_light = True
    viewport()["area"].spaces.active.show_region_ui = False
    with bpy.context.temp_override(**viewport()):
        bpy.ops.view3d.view_axis(type="FRONT")
        bpy.ops.view3d.view_selected()


def drag_arrow() -> bool | None:
    """From above, where it points at first, to the right: the light's angle follows."""
    if not shutil.which("xdotool"):
        return None
    image = bpy.context.scene.relief.image
    if "dragged" not in state:
        from bpy_extras.view3d_utils import location_3d_to_region_2d

        arrow = sys.modules[f"{MODULE}.ui.light_arrow"]
        plane, view = arrow.picture_plane(bpy.data.objects[PHOTO.stem]), viewport()
        window, region = view["window"], view["region"]
        words = ["xdotool"]
        for place, click in (((0.0, 0.7, 0.0), "mousedown"), ((0.5, 0.5, 0.0), None), ((0.7, 0.0, 0.0), "mouseup")):
            x, y = location_3d_to_region_2d(region, region.data, plane @ Vector(place))
            across, down = round(window.x + region.x + x), screen_height() - round(window.y + region.y + y)
            words += ["mousemove", f"{across - 2}", f"{down}", "sleep", "0.4", "mousemove", f"{across}", f"{down}"]
            words += ["sleep", "0.6", *([click, "1"] if click else []), "sleep", "0.3"]
        state["dragged"] = subprocess.Popen(words)
    off = (image.relief.light_angle + math.pi) % math.tau - math.pi
    if state["dragged"].poll() is None or off > 1.0:
        return False
    assert abs(off) < 0.1, off
    return None


def show_maps() -> None:
    area = viewport()["area"]
    area.spaces.active.show_region_ui = True
    open_tab()
    relief = bpy.context.view_layer.objects.active
    relief.relief_view = "segment"
    made = sys.modules[f"{MODULE}.operators.thumbnails"]
    assert all(made.icon(relief, view) for view in ("photo", "height", "soft_edge", "segment", "confidence"))


def browse_photo() -> bool | None:
    state["reliefs"] = len(bpy.data.objects)
    for relief in bpy.data.objects:  # drawn in software, each redraw of one takes more than a second
        relief.hide_set(True)
    bpy.ops.relief.clear_cache()
    return browse(state["editor"][1], PHOTO) if shutil.which("xdotool") else None


def drag_photo() -> bool | None:
    """By the mouse this time; Blender shows the menu of what an image can become."""
    return drag_to_viewport("photo") if shutil.which("xdotool") else drop_photo()


def dropped_is_read() -> bool:
    if "chosen" not in state:
        choose_relief()
        state["chosen"] = True
    return running()


def start_anew() -> None:
    """Another run on the same photograph, by the network itself."""
    bpy.ops.relief.clear_cache()
    invoke()


def invoke() -> None:
    with bpy.context.temp_override(**viewport()):
        bpy.ops.relief.reconstruct("INVOKE_DEFAULT", filepath=str(PHOTO))


def running() -> bool:
    return sys.modules[f"{MODULE}.operators.job"].running()


def under_way() -> bool:
    return bpy.context.window_manager.relief_progress.share > 0.1


def stop_by_esc() -> bool | None:
    """A second at most from the key to the end."""
    if "stopping" not in state:
        if not under_way():
            return False
        state["stopping"] = time.monotonic()
        if shutil.which("xdotool"):
            subprocess.run(["xdotool", "mousemove", "600", "500", "key", "Escape"], check=True)
        else:
            bpy.ops.relief.cancel()
        bpy.app.timers.register(watch_stop)
    if "stopped" not in state:
        return False
    say(f"{state['stopped'] - state['stopping']:.2f} s from Esc to the end")
    assert state["stopped"] - state["stopping"] < 1.0
    assert len(bpy.data.objects) == state["reliefs"], "a stopped run left something"
    return None


def watch_stop() -> float | None:
    if running():
        return 0.01
    state["stopped"] = time.monotonic()
    return None


def queue_two() -> bool | None:
    """The second waits for the first, and both stand in the end."""
    if "queued" not in state:
        start_anew()
        invoke()
        state["queued"] = True
    if running():
        return False
    assert len(bpy.data.objects) == state["reliefs"] + 2
    return None


def sculpt_meanwhile() -> bool | None:
    """What is finished while the artist sculpts waits, with nothing modal, and stands once Object Mode is back."""
    window = bpy.context.window_manager.windows[0]
    if "sculpting" not in state:
        start_anew()
        bpy.ops.mesh.primitive_cube_add()
        bpy.ops.object.mode_set(mode="SCULPT")
        state["sculpting"], state["objects"] = True, len(bpy.data.objects)
        return False
    if state["sculpting"]:
        if [operator.bl_idname for operator in window.modal_operators]:
            return False
        assert running() and len(bpy.data.objects) == state["objects"]
        assert bpy.context.window_manager.relief_progress.stage == "Done: return to Object Mode"
        bpy.ops.object.mode_set(mode="OBJECT")
        state["sculpting"] = False
    if running():
        return False
    assert len(bpy.data.objects) == state["objects"] + 1
    return None


def sliders_follow() -> bool | None:
    """Another relief becomes active: the sliders show what it was made with, and nothing of it moves."""
    active, sliders = bpy.context.view_layer.objects.active, bpy.context.scene.relief
    if "followed" not in state:
        sliders.smoothing = 0.5
        state["followed"] = active.name
        bpy.context.view_layer.objects.active = bpy.data.objects[PHOTO.stem]
        state["first"] = positions()
        return False
    wanted = json.loads(active["relief_settings"])["smoothing"]
    if abs(sliders.smoothing - wanted) > 1e-6:
        return False
    assert active.name != state["followed"] and positions() == state["first"]
    return None


def begin_open() -> None:
    """The sidebar's Open shows the files of photographs, as pictures."""
    with bpy.context.temp_override(**viewport()):
        bpy.ops.relief.open_photo("INVOKE_DEFAULT", filepath=f"{PHOTO.parent}{os.sep}")


def choose_open() -> bool | None:
    image = bpy.context.scene.relief.image
    if "chosen" in state and image is not None:
        assert os.path.samefile(bpy.path.abspath(image.filepath), PHOTO)
        return None
    places = ((window, area) for window in bpy.context.window_manager.windows for area in window.screen.areas)
    for window, area in places:
        browser = area.spaces.active
        if area.type == "FILE_BROWSER" and browser.active_operator is not None and "chosen" not in state:
            bpy.context.scene.relief.image = None
            assert browser.params.display_type == "THUMBNAIL"
            browser.params.directory, browser.params.filename = bytes(PHOTO.parent), PHOTO.name
            region = next(region for region in area.regions if region.type == "WINDOW")
            state["chosen"] = True
            with bpy.context.temp_override(window=window, area=area, region=region):
                bpy.ops.file.execute()
    return False


def load_while_running() -> bool | None:
    """Another file in the middle of a run: nothing of the run comes into it."""
    if not running():
        start_anew()
    if not under_way():
        return False
    bpy.ops.wm.open_mainfile(filepath=str(OUTPUT / "walk.blend"))
    assert not running() and not bpy.context.window_manager.relief_progress.active
    assert PHOTO.stem in bpy.data.objects and f"{PHOTO.stem}.001" not in bpy.data.objects
    return None


def disable_while_running() -> bool | None:
    """Off and on again in the middle of a run: the next one does not wait for the one that is gone."""
    if not running():
        start_anew()
    if not under_way():
        return False
    bpy.ops.preferences.addon_disable(module=MODULE)
    bpy.ops.preferences.addon_enable(module=MODULE)
    assert not running()
    return None


def opened(tab: str, *shown: str) -> bool | None:
    """Panels, or all of them, open: copies of them in a tab of their own, for Blender remembers which were closed."""
    region = next(region for region in viewport()["area"].regions if region.type == "UI")
    if state.get("opened") != tab:
        bpy.context.view_layer.objects.active = bpy.data.objects[PHOTO.stem]
        panels = sys.modules[f"{MODULE}.ui.panels"]
        names = [name for name in vars(panels) if name.startswith("RELIEF_PT_") and name != "RELIEF_PT_presets"]
        for name in shown or names:
            panel = getattr(panels, name)
            copied = {key: value for key, value in vars(panel).items() if key[:2] != "__" and key != "bl_rna"}
            copied |= {"bl_options": set(), "bl_category": tab, "bl_idname": f"{name}_{tab}"}
            if copied.pop("bl_parent_id", None) and not shown:
                copied["bl_parent_id"] = f"{panel.bl_parent_id}_{tab}"
            bpy.utils.register_class(type(f"{name}_{tab}", (bpy.types.Panel,), {**vars(panels._Sidebar), **copied}))
        state["opened"] = tab
        region.tag_redraw()
        return False
    region.active_panel_category = tab  # drawn by now, it has this tab
    return None


def open_panels() -> bool | None:
    return opened("Open")


def open_lower_panels() -> bool | None:
    """Those that the window is too low for among all."""
    return opened("Lower", "RELIEF_PT_layers", "RELIEF_PT_maps")


def show_preferences() -> None:
    bpy.ops.preferences.addon_show(module=MODULE)


def export() -> None:
    bpy.ops.export_scene.gltf(filepath=str(OUTPUT / "walk.glb"), use_selection=False)
    assert (OUTPUT / "walk.glb").stat().st_size > 1e6


STEPS: list[Callable[[], bool | None]] = [
    browse_zip, drag_zip, install,
    open_tab, watch_idle, time_own_turns, drop_photo, choose_relief, progress_is_shown, relief_stands,
    no_older_step_is_adjusted, widen,
    move_slider, undo, redo,
    show_edges, save, reopen, refine_again, export, speak_indonesian, speak_japanese, speak_english,
    begin_corners_alone, click_corners_alone, begin_corners, click_corners, preview,
    paint, leave_paint, paint_is_put_away, show_arrow, drag_arrow, show_maps, browse_photo, drag_photo, dropped_is_read,
    stop_by_esc, queue_two, sculpt_meanwhile, sliders_follow,
    begin_open, choose_open, load_while_running, disable_while_running,
    open_panels, open_lower_panels, show_preferences,
]  # fmt: skip
begun = {"step": 0, "at": time.monotonic()}


def walk() -> float | None:
    """Runs in Blender's main loop: the picture of the last step, which has been drawn by now, and the next step."""
    number = begun["step"]
    if begun["at"] == 0.0:
        take_picture(OUTPUT / f"{number:02}_{STEPS[number - 1].__name__}.png")
        begun["at"] = time.monotonic()
    if number == len(STEPS):
        say("done")
        end(0)
    step = STEPS[number]
    try:
        if step() is False:
            assert time.monotonic() - begun["at"] < PATIENCE_S, f"waited {PATIENCE_S:.0f} s for it"
            return 0.2
    except BaseException:  # noqa: BLE001 (whatever it is, the walk ends and says so)
        traceback.print_exc()
        say(f"{step.__name__} FAILED")
        take_picture(OUTPUT / f"{number + 1:02}_{step.__name__}.png")
        end(1)
    say(f"{step.__name__} passed")
    begun["step"], begun["at"] = number + 1, 0.0
    return 2.0


def say(text: str) -> None:
    sys.stdout.write(f"walk: {text}\n")
    sys.stdout.flush()


def take_picture(path: Path) -> None:
    """The whole screen; Blender's own screenshot is black where OpenGL runs in software, so X11's tools come first."""
    turn["at"] = 0.0  # the time that a picture takes is no turn of the main loop
    bpy.ops.wm.redraw_timer(type="DRAW_WIN_SWAP", iterations=1)
    if shutil.which("xwd") and shutil.which("convert"):
        subprocess.run(f"xwd -root -silent | convert xwd:- '{path}'", shell=True, check=True)
        return
    with bpy.context.temp_override(**viewport()):
        bpy.ops.screen.screenshot(filepath=str(path))


def end(code: int) -> None:
    """Blender's own quitting asks for what is not saved; the tests ask nothing."""
    sys.stdout.flush()
    os._exit(code)


say(f"Blender {bpy.app.version_string.split()[0]} {sys.version.split()[0].rsplit('.', 1)[0]} (Python)")
bpy.context.preferences.view.show_splash = False
bpy.app.timers.register(walk, first_interval=3.0, persistent=True)
