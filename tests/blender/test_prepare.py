"""Straightening and restoring a photograph before it is carved, from the sidebar and from the command line."""

from __future__ import annotations

import functools
import json
import math
import threading
from contextlib import nullcontext
from types import SimpleNamespace
from unittest.mock import MagicMock

import bpy
import cv2
import numpy as np
import pytest
from mathutils import Matrix, Vector

CORNERS = [0.25, 0.1, 0.75, 0.1, 0.75, 0.9, 0.25, 0.9]


@pytest.fixture
def image(photo):
    chosen = bpy.data.images.load(str(photo))
    bpy.context.scene.relief.image = chosen
    return chosen


def test_corners_straighten_the_panel_and_are_recorded(known, image, monkeypatch):
    image.relief.corners = CORNERS
    bpy.ops.relief.reconstruct()
    plain = bpy.context.active_object
    assert tuple(plain["relief_grid"]) == (80, 120)
    assert "relief_preparation" not in plain
    image.relief.straighten = True
    image.relief.aspect = 1.0
    bpy.ops.relief.reconstruct()
    straight = bpy.context.active_object
    assert tuple(straight["relief_grid"]) == (64, 64)
    record = json.loads(straight["relief_preparation"])
    assert record["corners"] == [[0.25, 0.1], [0.75, 0.1], [0.75, 0.9], [0.25, 0.9]]
    assert straight["relief_photo_sha256"] != plain["relief_photo_sha256"]
    assert straight.active_material.node_tree.nodes["photo"].image.size[:] == (64, 64)
    assert known.calls == 2
    # Each still refines from its own prediction.
    bpy.context.scene.relief.detail = 0.5
    assert tuple(straight["relief_grid"]) == (64, 64)


def test_corners_picked_on_a_photograph_that_lies_on_its_side(known, photo, turned_photo):
    """Blender shows it as its file stores it, 80 x 120 pixels; the panel stands at the lower left of that."""
    image = bpy.data.images.load(str(turned_photo))
    assert image.size[:] == (80, 120)
    bpy.context.scene.relief.image = image
    image.relief.corners, image.relief.straighten = [0.0, 0.4, 0.9, 0.4, 0.9, 1.0, 0.0, 1.0], True
    image.relief.aspect = 1.0
    for packed in (False, True):
        if packed:
            image.pack()
        bpy.ops.relief.reconstruct()
        relief = bpy.context.active_object
        bpy.context.view_layer.objects.active = None
        corners = json.loads(relief["relief_preparation"])["corners"]
        np.testing.assert_allclose(sorted(corners), [[0.0, 0.0], [0.0, 0.9], [0.6, 0.0], [0.6, 0.9]], atol=1e-6)
        shown = relief.active_material.node_tree.nodes["photo"].image
        pixels = np.array(shown.pixels[:]).reshape(*tuple(shown.size)[::-1], 4)[::-1, :, 2::-1] * 255
        there = cv2.resize(cv2.imread(str(photo))[:72, :72], tuple(shown.size)).astype(float)
        assert np.abs(pixels - there).mean() < 4


def test_corners_are_kept_though_the_window_that_opened_for_them_closes(module, image, monkeypatch):
    """Blender frees an operator whose window closes, and undo in another one makes images anew."""
    prepare, timers = module("operators.prepare"), []
    pick = prepare.RELIEF_OT_pick_corners
    view = SimpleNamespace(region_to_view=lambda x, y: (x / 100, y / 100))
    region = SimpleNamespace(type="WINDOW", x=0, y=0, width=100, height=100, view2d=view)
    area = SimpleNamespace(type="IMAGE_EDITOR", regions=[region], tag_redraw=list, header_text_set=lambda _text: None)
    window = SimpleNamespace(screen=SimpleNamespace(areas=[area]))
    points = [Vector((0.1, 0.1)), Vector((0.9, 0.1)), Vector((0.9, 0.9))]
    operator = SimpleNamespace(_pick=prepare._picks, _points=points, _window=window, _opened=True)
    operator._image_uid = image.session_uid
    operator._keep, operator._end = functools.partial(pick._keep, operator), functools.partial(pick._end, operator)
    windows = SimpleNamespace(windows=[window])
    context = SimpleNamespace(window_manager=windows, workspace=None, temp_override=lambda window: nullcontext())
    later = SimpleNamespace(register=lambda function, first_interval: timers.append(function))
    close = SimpleNamespace(wm=SimpleNamespace(window_close=operator.__dict__.clear))
    stand_in = {"app": SimpleNamespace(timers=later), "ops": close, "context": context}
    monkeypatch.setattr(prepare, "bpy", SimpleNamespace(**stand_in, data=bpy.data, types=bpy.types))
    click = SimpleNamespace(type="LEFTMOUSE", value="PRESS", mouse_x=10, mouse_y=90, ctrl=False, oskey=False)
    bpy.ops.ed.undo_push(message="Before")
    bpy.data.images.remove(image)
    bpy.ops.ed.undo_push(message="After")
    bpy.ops.ed.undo()
    assert pick.modal(operator, context, click) == {"FINISHED"}
    image = bpy.data.images["panel.png"]
    assert image.relief.straighten
    np.testing.assert_allclose(image.relief.corners, [0.1, 0.1, 0.9, 0.1, 0.9, 0.9, 0.1, 0.9], atol=1e-6)
    assert timers[0]() is None and not operator.__dict__, "closed then"
    windows.windows = []
    close.wm = None
    assert timers[0]() is None, "the artist closed it before"


def test_no_corners_are_picked_where_nothing_is_to_be_seen(module, photo):
    image = bpy.data.images.load(str(photo))
    photo.unlink()
    image.reload()
    told, sliders = [], SimpleNamespace(photograph=lambda _context: image)
    operator = SimpleNamespace(report=lambda kind, text: told.append((kind, text)))
    context = SimpleNamespace(scene=SimpleNamespace(relief=sliders))
    assert module("operators.prepare").RELIEF_OT_pick_corners.invoke(operator, context, None) == {"CANCELLED"}
    assert told == [({"ERROR"}, "panel.png cannot be shown. Open it again, or choose another.")]


def test_too_little_memory_for_a_preview_is_told(module, image, monkeypatch):
    def fail(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(module("inference.texture"), "encode_texture", fail)
    with pytest.raises(RuntimeError, match="Not enough memory for this photograph"):
        bpy.ops.relief.preview_preparation()
    assert len(bpy.data.images) == 1


def test_a_hidden_reference_leaves_the_sidebar_its_photograph(known, photo, image):
    empty = bpy.data.objects.new("reference", None)
    empty.empty_display_type, empty.data = "IMAGE", bpy.data.images.new("other", 90, 90)
    bpy.context.scene.collection.objects.link(empty)
    bpy.context.view_layer.objects.active = empty
    empty.select_set(True)
    sliders = bpy.context.scene.relief
    assert sliders.reference(bpy.context) == sliders.photograph(bpy.context) == empty.data
    empty.hide_set(True)
    assert bpy.context.view_layer.objects.active == empty
    assert sliders.reference(bpy.context) is None and sliders.photograph(bpy.context) == image
    bpy.ops.relief.reconstruct()
    assert bpy.context.active_object.name == "panel"


def test_impossible_corners_are_told(known, image):
    image.relief.straighten = True
    image.relief.corners = [0.0, 0.0, 1.0, 0.0, 0.5, 0.1, 0.5, 1.0]
    with pytest.raises(RuntimeError, match="corners do not go round a panel"):
        bpy.ops.relief.reconstruct()
    assert not bpy.data.objects


def test_preview_shows_the_prepared_photograph_and_keeps_the_original(image):
    image.relief.straighten = True
    image.relief.corners = CORNERS
    image.relief.aspect = 1.0
    image.relief.even_light = 1.0
    for _ in range(2):
        assert bpy.ops.relief.preview_preparation() == {"FINISHED"}
    assert sorted(i.name for i in bpy.data.images) == ["panel.png", "panel.png prepared"]
    shown = bpy.data.images["panel.png prepared"]
    assert shown.size[:] == (64, 64)
    assert image.size[:] == (120, 80)
    before = np.array(shown.pixels[:])
    image.relief.corners = [0.0, 0.1, 0.5, 0.1, 0.5, 0.9, 0.0, 0.9]
    assert bpy.ops.relief.preview_preparation() == {"FINISHED"}
    assert np.abs(np.array(shown.pixels[:]) - before).max() > 0.1, "the earlier preview's pixels are not shown again"


def test_a_preview_replaces_no_image_of_the_artists_and_no_preview_piles_up(image):
    mine = bpy.data.images.new("panel.png prepared", 16, 16)
    image.name = "a long name of a photograph in an archive, which goes on"
    mine.name = f"{image.name} prepared"
    for _ in range(3):
        assert bpy.ops.relief.preview_preparation() == {"FINISHED"}
    assert len(bpy.data.images) == 3 and mine.size[:] == (16, 16)


@pytest.fixture
def window(module, image, monkeypatch):
    """What a preview touches of a Blender with a window; `begin` starts one, which waits there for `go_on`."""
    prepare, texture = module("operators.prepare"), module("inference.texture")
    window = SimpleNamespace(timers=[], status=None, shown=[], told=[], go_on=threading.Event(), modal_operators=[])
    encode = texture.encode_texture
    monkeypatch.setattr(texture, "encode_texture", lambda colour: window.go_on.wait(10.0) and encode(colour))
    add, remove = (lambda _step, window: window.timers.append(window)), (lambda _timer: window.timers.pop())
    manager = SimpleNamespace(
        modal_handler_add=window.modal_operators.append, event_timer_add=add, event_timer_remove=remove
    )
    workspace = SimpleNamespace(status_text_set=functools.partial(setattr, window, "status"))
    data, override = SimpleNamespace(workspaces=[workspace]), lambda workspace: nullcontext()
    named = {"window": window, "window_manager": manager, "workspace": workspace, "blend_data": data}
    window.context = SimpleNamespace(**named, scene=bpy.context.scene, temp_override=override)
    window.context.view_layer, window.context.screen = (
        bpy.context.view_layer,
        SimpleNamespace(is_animation_playing=False),
    )
    app = SimpleNamespace(background=False)
    stand_in = SimpleNamespace(app=app, context=window.context, data=bpy.data, path=bpy.path, types=bpy.types)
    monkeypatch.setattr(prepare, "bpy", stand_in)
    monkeypatch.setattr(prepare, "show_image", lambda _context, image: window.shown.append(image))
    monkeypatch.setattr(prepare, "rendering", lambda: window.renders)
    window.renders = False
    names = ("invoke", "modal", "cancel", "end", "_disturbs")
    methods = {name: vars(prepare.RELIEF_OT_preview_preparation)[name] for name in names}
    methods["report"] = lambda _self, kind, text: window.told.append((kind, text))

    def begin():
        operator = type("Preview", (), methods)()
        assert operator.invoke(window.context, None) == {"RUNNING_MODAL"}
        return operator

    window.begin = begin
    return window


TIMER, ESC = (SimpleNamespace(type=kind, value="PRESS") for kind in ("TIMER", "ESC"))


def test_a_preview_is_prepared_while_blender_goes_on(window):
    operator = window.begin()
    assert operator.modal(window.context, TIMER) == {"PASS_THROUGH"}
    assert window.status == "Preparing the photo | Esc: cancel" and len(window.timers) == 1 and not window.shown
    window.go_on.set()
    operator._job.wait(10.0)
    assert operator.modal(window.context, TIMER) == {"FINISHED"}
    assert [shown.name for shown in window.shown] == ["panel.png prepared"] and window.shown[0].size[:] == (120, 80)
    assert not window.timers and window.status is None and not window.told


def test_a_preview_ends_by_esc_by_another_and_with_the_extension(module, window):
    first, second = window.begin(), window.begin()
    assert first.modal(window.context, TIMER) == {"CANCELLED"} and len(window.timers) == 1
    assert second.modal(window.context, ESC) == {"CANCELLED"} and not window.timers and window.status is None
    window.begin()
    window.go_on.set()
    module("operators.prepare").abandon_preview()
    assert not window.timers and window.status is None and not window.shown
    module("operators.prepare").abandon_preview()


def test_a_preview_waits_for_renders_for_picked_corners_and_for_other_operators(module, window):
    prepare, operator = module("operators.prepare"), window.begin()
    window.go_on.set()
    operator._job.wait(10.0)
    for busy, idle in (
        (lambda: setattr(window, "renders", True), lambda: setattr(window, "renders", False)),
        (lambda: prepare._drawn.append("corners"), prepare._drawn.clear),
        (lambda: window.modal_operators.append("grab"), window.modal_operators.pop),
    ):
        busy()
        assert operator.modal(window.context, TIMER) == {"PASS_THROUGH"} and not window.shown
        idle()
    window.context.screen.is_animation_playing = True
    assert operator.modal(window.context, ESC) == {"PASS_THROUGH"}, "it ends that"
    assert operator.modal(window.context, TIMER) == {"FINISHED"} and len(window.shown) == 1


def test_a_preview_that_fails_tells_why(window, image):
    image.relief.straighten = True
    image.relief.corners = [0.0, 0.0, 1.0, 0.0, 0.5, 0.1, 0.5, 1.0]
    operator = window.begin()
    operator._job.wait(10.0)
    assert operator.modal(window.context, TIMER) == {"CANCELLED"} and not window.timers and window.status is None
    assert [kind for kind, _ in window.told] == [{"ERROR"}] and "corners do not go round a panel" in window.told[0][1]


@pytest.mark.parametrize("turn_deg", [0.0, 40.0])
def test_the_arrow_lies_in_the_picture_of_a_reference_and_of_a_relief(module, known, photo, image, turn_deg):
    """120 x 80 pixels; 2 m wide as a reference, whose picture hangs from its middle."""
    arrow = module("ui.light_arrow")
    empty = bpy.data.objects.new("reference", None)
    empty.empty_display_type, empty.data, empty.empty_display_size = "IMAGE", image, 2.0
    bpy.context.scene.collection.objects.link(empty)
    empty.location, empty.rotation_euler = (3.0, 1.0, 0.5), (math.pi / 2, 0.0, math.radians(turn_deg))
    bpy.context.view_layer.objects.active = empty
    empty.select_set(True)
    bpy.context.view_layer.update()
    turn = Matrix.Rotation(math.radians(turn_deg), 3, "Z")
    plane = arrow.picture_plane(empty)
    np.testing.assert_allclose(plane.translation, (3.0, 1.0, 0.5), atol=1e-6)
    half = 0.45 * (2.0 * 80 / 120)
    np.testing.assert_allclose(plane @ Vector((1, 0, 0)), Vector((3, 1, 0.5)) + turn @ Vector((half, 0, 0)), atol=1e-6)
    np.testing.assert_allclose(plane @ Vector((0, 1, 0)), (3.0, 1.0, 0.5 + half), atol=1e-6)
    bpy.ops.relief.reconstruct()
    relief = bpy.context.active_object
    bpy.context.view_layer.update()
    front = arrow.picture_plane(relief)
    for corner in ((1, 0, 0), (0, 1, 0)):
        along = (front @ Vector(corner) - front.translation).normalized()
        np.testing.assert_allclose(along, (plane @ Vector(corner) - plane.translation).normalized(), atol=1e-5)


@pytest.mark.parametrize("stored", ["file", "packed", "painted"])
def test_the_arrow_lies_on_reliefs_of_its_photograph_alone(module, known, photo, image, stored):
    is_of = module("ui.panels").is_of
    other = bpy.data.images.new("other", 90, 90)
    if stored == "packed":
        image.pack()
    elif stored == "painted":
        image.pixels.foreach_set([0.5] * (4 * 120 * 80))
    for _ in range(2):
        bpy.ops.relief.reconstruct()
        relief = bpy.context.active_object
        relief.name = "renamed"
        assert is_of(relief, image) and not is_of(relief, other)
        bpy.context.view_layer.objects.active = None
    bpy.context.scene.relief.image = other
    bpy.ops.relief.reconstruct()
    assert is_of(bpy.context.active_object, other) and not is_of(bpy.context.active_object, image)


def test_the_sidebar_tells_of_the_arrow_where_there_is_one(module, known, photo, image):
    bpy.ops.relief.reconstruct()
    relief = bpy.context.active_object
    view = next(a.spaces.active for s in bpy.data.screens for a in s.areas if a.type == "VIEW_3D")
    context = SimpleNamespace(scene=bpy.context.scene, view_layer=bpy.context.view_layer, space_data=view)

    def told() -> bool:
        texts, layout = [], MagicMock()
        layout.label = lambda text, icon: texts.append(text)
        module("ui.panels").RELIEF_PT_prepare.draw(SimpleNamespace(layout=layout), context)
        return "Drag the arrow, then Reconstruct" in texts

    assert not told(), "the network is to find out where the light comes from"
    image.relief.know_light = True
    assert told() and module("ui.light_arrow").RELIEF_GGT_light.poll(context)
    relief.hide_set(True)
    assert not told() and not module("ui.light_arrow").RELIEF_GGT_light.poll(context)
    relief.hide_set(False)
    bpy.context.view_layer.objects.active = None
    assert not told()


def test_the_arrow_lies_on_the_relief_of_a_reference_and_the_next_stands_beside_it(module, known, photo):
    image = bpy.data.images.load(str(photo))
    image.relief.know_light = True
    empty = bpy.data.objects.new("reference", None)
    empty.empty_display_type, empty.data, empty.empty_display_size = "IMAGE", image, 2.0
    bpy.context.scene.collection.objects.link(empty)
    empty.location, empty.rotation_euler = (3.0, 1.0, 0.5), (math.pi / 2, 0.0, math.radians(40.0))
    bpy.context.view_layer.objects.active = empty
    empty.select_set(True)
    view = next(a.spaces.active for s in bpy.data.screens for a in s.areas if a.type == "VIEW_3D")
    context = SimpleNamespace(scene=bpy.context.scene, view_layer=bpy.context.view_layer, space_data=view)
    places = []
    for light_deg in (90.0, 180.0, 270.0):
        image.relief.light_angle = math.radians(light_deg)
        bpy.context.view_layer.update()
        bpy.ops.relief.reconstruct()
        assert known.light_deg == pytest.approx(light_deg, abs=1e-3)
        assert context.scene.relief.photograph(context) == image and module("ui.panels").shows_arrow(context)
        places.append(Vector(bpy.context.active_object.location))
    assert bpy.context.active_object.dimensions.x == pytest.approx(2.0, abs=1e-5)
    aside = Matrix.Rotation(math.radians(40.0), 3, "Z") @ Vector((2.2, 0.0, 0.0))
    np.testing.assert_allclose(places, [places[0], places[0] + aside, places[0] + 2 * aside], atol=1e-5)
    other = bpy.data.images.new("other", 90, 90)
    context.scene.relief.image = other
    bpy.ops.relief.reconstruct()
    assert bpy.context.active_object.location.length == 0.0, "another photograph stands at the cursor"


def test_the_arrow_follows_the_mouse(module):
    angle_of, plane = (
        module("ui.light_arrow").angle_of,
        Matrix.Translation((1.0, 0.0, 2.0)) @ Matrix.Rotation(math.pi / 2, 4, "X"),
    )
    into = Vector((0.0, 1.0, 0.0))
    for place, expected in (((4, -9, 2), 0.0), ((1, -9, 3), 90.0), ((0, -9, 2), 180.0), ((3, -9, 0), 315.0)):
        assert math.degrees(angle_of(plane, Vector(place), into)) == pytest.approx(expected, abs=1e-4)
    assert angle_of(plane, Vector((0, -1, 0)), Vector((1.0, 0.0, 0.0))) is None


def test_command_line_prepares_and_its_record_repeats_it(module, known, photo, tmp_path, capsys):
    main = module("operators.command").main
    words = ["reconstruct", str(photo), "--formats", "none"]
    corners = "0.25,0.1 0.75,0.1 0.75,0.9 0.25,0.9"
    prepared = ["--corners", corners, "--aspect", "1", "--even-light", "0.5"]
    assert main([*words, *prepared, "--output", str(tmp_path / "a")]) == 0
    first = json.loads((tmp_path / "a/panel.json").read_text(encoding="utf-8"))
    assert first["maps"] == {"width_px": 64, "height_px": 64}
    assert first["preparation"]["even_light"] == 0.5
    assert main([*words, "--settings", str(tmp_path / "a/panel.json"), "--output", str(tmp_path / "b")]) == 0
    second = json.loads((tmp_path / "b/panel.json").read_text(encoding="utf-8"))
    assert second["preparation"] == first["preparation"]
    assert (tmp_path / "a/panel.height.tif").read_bytes() == (tmp_path / "b/panel.height.tif").read_bytes()
    capsys.readouterr()
    assert main([*words, "--corners", "0,0 1,0", "--output", str(tmp_path / "c")]) == 2
    assert "--corners" in capsys.readouterr().err
    assert main([*words, "--aspect", "2", "--output", str(tmp_path / "d")]) == 2
    assert "--aspect is that of the panel between --corners" in capsys.readouterr().err


def test_light_that_is_told_reaches_the_network(known, image):
    bpy.ops.relief.reconstruct()
    assert known.light_deg is None
    image.relief.know_light = True
    image.relief.light_angle = 3.14159265
    bpy.ops.relief.reconstruct()
    assert known.light_deg == pytest.approx(180.0, abs=1e-3)
    assert known.calls == 2, "another light is another question to the network"
    assert json.loads(bpy.context.active_object["relief_preparation"])["light_deg"] == pytest.approx(180.0, abs=1e-3)


def test_a_negative_is_turned_round(known, image):
    image.relief.negative = True
    assert bpy.ops.relief.preview_preparation() == {"FINISHED"}
    shown = np.array(bpy.data.images["panel.png prepared"].pixels[:]).reshape(80, 120, 4)
    luma = np.array(image.pixels[:]).reshape(80, 120, 4)[..., :3] @ (0.299, 0.587, 0.114)
    assert np.abs(shown[..., :3] - (1.0 - luma)[..., None]).mean() < 0.02
    bpy.ops.relief.reconstruct()
    assert json.loads(bpy.context.active_object["relief_preparation"])["negative"] is True


def test_command_line_tells_the_light(module, known, photo, tmp_path):
    words = ["reconstruct", str(photo), "--formats", "none", "--light", "270", "--output", str(tmp_path / "a")]
    assert module("operators.command").main(words) == 0
    assert known.light_deg == 270.0


def test_picking_ends_with_the_extension(module, monkeypatch):
    prepare, cleared = module("operators.prepare"), []
    monkeypatch.setattr(prepare, "clear_status", cleared.append)
    prepare.abandon_picking()
    assert cleared == [], "the words are another's"
    draw = bpy.types.SpaceImageEditor.draw_handler_add
    prepare._drawn.append(draw(lambda: None, (), "WINDOW", "POST_PIXEL"))
    prepare.abandon_picking()
    assert prepare._drawn == [] and len(cleared) == 1
