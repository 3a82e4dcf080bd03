"""The ways into a relief besides the sidebar's button, and presets."""

from __future__ import annotations

import os
import re
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace

import bpy
import cv2
import numpy as np
import pytest

PRESETS = ("Coin or Medal", "High Relief", "Shallow Stone", "Stucco", "Wood")


def _entries(menu: type) -> list[str]:
    return [f"{draw.__module__.rpartition('.')[2]}.{draw.__name__}" for draw in menu._dyn_ui_initialize()]


def _values(module) -> dict[str, float]:
    return module("operators.scene_settings").read_settings(bpy.context.scene)[0].to_mapping()


def _files(subdir: str = "photo_to_relief") -> dict[str, Path]:
    found = [path for folder in bpy.utils.preset_paths(subdir) for path in Path(folder).glob("*.py")]
    return {path.stem.replace("_", " "): path for path in found}


def test_dropping_a_photo_on_the_viewport_is_offered(module):
    handler = module("ui.doors").RELIEF_FH_photo
    assert handler.is_registered and handler.bl_import_operator == "relief.import_photo"
    assert handler.poll_drop(SimpleNamespace(area=SimpleNamespace(type="VIEW_3D")))
    assert not handler.poll_drop(SimpleNamespace(area=SimpleNamespace(type="IMAGE_EDITOR")))
    assert not handler.poll_drop(SimpleNamespace(area=None))
    bpy.ops.mesh.primitive_cube_add()
    bpy.ops.object.mode_set(mode="EDIT")
    assert not handler.poll_drop(SimpleNamespace(area=SimpleNamespace(type="VIEW_3D"))), "it would fail there"


def test_menus_lead_to_a_relief(module, known, photo):
    assert "doors.draw_import" in _entries(bpy.types.TOPBAR_MT_file_import)
    assert "doors.draw_add" in _entries(bpy.types.VIEW3D_MT_mesh_add)
    assert bpy.ops.relief.import_photo(filepath=str(photo)) == {"FINISHED"}
    assert bpy.context.active_object.name == "panel" and known.calls == 1
    chosen = bpy.context.scene.relief.image
    assert Path(bpy.path.abspath(chosen.filepath)) == photo, "the photograph can be prepared and carved again"
    assert bpy.ops.relief.reconstruct(filepath=str(photo)) == {"FINISHED"}
    assert len([i for i in bpy.data.images if i.filepath == chosen.filepath]) == 1


def test_several_photos_stand_in_a_row(module, known, photo):
    second = photo.with_name("second.png")
    second.write_bytes(photo.read_bytes())
    bpy.context.scene.relief.width_m = 2.0
    bpy.context.scene.cursor.location = (1.0, -3.0, 0.5)
    names = [{"name": photo.name}, {"name": second.name}]
    assert bpy.ops.relief.import_photo(directory=str(photo.parent), files=names) == {"FINISHED"}
    places = {relief.name: tuple(relief.location) for relief in bpy.data.objects}
    assert places == {"panel": (1.0, -3.0, 0.5), "second": pytest.approx((3.2, -3.0, 0.5))}
    assert bpy.context.active_object.name == "second"


def test_import_of_what_is_no_photo_says_so_and_leaves_nothing(module, tmp_path):
    wrong = tmp_path / "notes.jpg"
    wrong.write_text("not a picture")
    with pytest.raises(RuntimeError, match="notes.jpg"):
        bpy.ops.relief.import_photo(filepath=str(wrong))
    with pytest.raises(RuntimeError, match="No file is chosen"):
        bpy.ops.relief.import_photo()
    assert not bpy.data.objects and not bpy.data.meshes and not bpy.data.images


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere names are Unicode")
def test_a_name_in_another_encoding_is_imported_and_told(module, known, photo):
    """As in archives of old; Blender gives the names of dropped files, and takes none that is no UTF-8."""
    name = os.fsdecode(b"caf\xe9.png")
    file = photo.rename(photo.with_name(name))
    operator = module("operators.import_photo").RELIEF_OT_import_photo
    dropped = SimpleNamespace(filepath="", directory=str(photo.parent), files=[SimpleNamespace(name=name)])
    dropped._chosen = lambda: operator._chosen(dropped)
    assert operator.execute(dropped, bpy.context) == {"FINISHED"}
    assert bpy.context.active_object.name == "caf\ufffd"
    assert os.fsencode(bpy.context.scene.relief.image.filepath) == os.fsencode(file)
    file.write_text("not a picture")
    with pytest.raises(RuntimeError, match="caf\ufffd.png"):
        bpy.ops.relief.import_photo(filepath=str(file))
    assert len(bpy.data.objects) == 1


def test_open_takes_the_chosen_file_of_a_cameras_series(module, known, tmp_path, photo):
    """Blender's own Open takes files numbered 1001 to 2000 for the tiles of one picture."""
    first, second = tmp_path / "IMG_1233.png", tmp_path / "IMG_1234.png"
    for path in (first, second):
        shutil.copy(photo, path)
    bpy.ops.relief.open_photo(filepath=str(second))
    chosen = bpy.context.scene.relief.image
    assert chosen.source == "FILE" and bpy.path.abspath(chosen.filepath) == str(second)
    bpy.ops.relief.open_photo(filepath=str(first))
    bpy.ops.relief.open_photo(filepath=str(second))
    assert bpy.context.scene.relief.image == chosen, "opened once"
    bpy.ops.relief.reconstruct()
    relief = bpy.context.active_object
    assert relief.name == "IMG_1234"
    black, white = tmp_path / "mask_1001.png", tmp_path / "mask_1002.png"
    for path, value in ((black, 0), (white, 255)):
        cv2.imwrite(str(path), np.full((8, 8), value, np.uint8))
    for path in (black, white):
        bpy.ops.relief.open_mask(filepath=str(path))
        assert bpy.path.abspath(relief.relief_mask.filepath) == str(path)
        assert any(vertex.co.y for vertex in relief.data.vertices) == (path == white)
    mask = relief.relief_mask
    for path in (tmp_path, tmp_path / "gone.png"):
        with pytest.raises(RuntimeError, match=f"{path.name} cannot be opened. Choose"):
            bpy.ops.relief.open_mask(filepath=str(path))
    assert relief.relief_mask == mask
    cv2.imwrite(str(white), np.zeros((16, 16), np.uint8))
    bpy.ops.relief.open_mask(filepath=str(white))
    assert relief.relief_mask == mask and not any(vertex.co.y for vertex in relief.data.vertices), "as it is by now"
    mask.source = "TILED"
    with pytest.raises(
        module("inference.errors").ReliefError,
        match="is a movie, a sequence or a tiled image. Open a single image",
    ):
        module("operators.bridge").read_mask(relief)
    bpy.ops.relief.open_mask(filepath=str(white))
    assert relief.relief_mask.source == "FILE"
    bpy.ops.object.select_all(action="DESELECT")
    bpy.context.view_layer.objects.active = None
    assert not bpy.ops.relief.open_mask.poll() and bpy.ops.relief.open_photo.poll()


def test_presets_of_the_extension_begin_with_the_defaults_and_refine_once(module, known, photo, monkeypatch):
    assert set(_files()) == set(PRESETS)
    bpy.ops.relief.reconstruct(filepath=str(photo))
    refined = []
    refinement = module("inference.refinement")
    refine = refinement.refine
    monkeypatch.setattr(refinement, "refine", lambda *given: refined.append(1) or refine(*given))
    default = _values(module)
    seen = []
    for name in PRESETS:
        named = dict(re.findall(r"^relief\.(\w+) = (\S+)$", _files()[name].read_text(encoding="utf-8"), re.MULTILINE))
        for setting in default:  # whatever stood there before
            setattr(bpy.context.scene.relief, setting, 0.5)
        refined.clear()
        bpy.ops.script.execute_preset(filepath=str(_files()[name]), menu_idname="RELIEF_PT_presets")
        seen.append(_values(module))
        assert len(refined) == 1, name
        assert named and seen[-1] == default | {setting: float(value) for setting, value in named.items()}
    assert all(a != b for i, a in enumerate(seen) for b in seen[:i])


def test_a_preset_of_ones_own_is_kept_and_taken_away(module):
    relief = bpy.context.scene.relief
    relief.strength_sharp, relief.bevel, relief.width_m = 2.25, 0.5, 3.0
    kept = _values(module)
    assert bpy.ops.relief.add_preset(name="My Stone") == {"FINISHED"}
    path = _files()["My Stone"]
    assert path.is_relative_to(os.environ["BLENDER_USER_RESOURCES"]) and not path.is_relative_to(
        Path(module("ui.presets_panel").__file__).parent
    )
    relief.strength_sharp, relief.bevel, relief.width_m = 1.0, 0.0, 1.0
    bpy.ops.script.execute_preset(filepath=str(path), menu_idname="RELIEF_PT_presets")
    assert _values(module) == pytest.approx(kept)
    np.testing.assert_allclose(relief.width_m, 1.0)  # the panel's size is no matter of style
    bpy.ops.relief.add_preset(name="My Stone", remove_name=True)
    assert "My Stone" not in _files()


def test_a_preset_whose_relief_cannot_follow_is_told_and_is_a_step_of_its_own(
    module, known, photo, monkeypatch, capsys
):
    bpy.ops.relief.reconstruct(filepath=str(photo))
    relief, steps = bpy.context.active_object, []
    relief.scale = (2.0,) * 3
    bpy.ops.object.transform_apply(location=False, rotation=False, scale=True)
    before = [tuple(vertex.co) for vertex in relief.data.vertices], relief["relief_settings"]
    step = SimpleNamespace(undo_push=lambda **words: steps.append(words["message"]))
    operators = SimpleNamespace(ed=step, relief=bpy.ops.relief)
    monkeypatch.setattr(module("ui.presets_panel"), "bpy", SimpleNamespace(ops=operators))
    done = bpy.ops.script.execute_preset(filepath=str(_files()["Wood"]), menu_idname="RELIEF_PT_presets")
    assert done == {"FINISHED"} and steps == ["Relief Preset"]
    assert "Internal error" not in "".join(capsys.readouterr())
    assert "was applied to its vertices. Undo that" in bpy.context.window_manager.relief_progress.trouble
    assert ([tuple(vertex.co) for vertex in relief.data.vertices], relief["relief_settings"]) == before


def test_a_report_in_another_language_is_told_without_its_prefix(module):
    said = module("ui.properties")._said
    assert said(RuntimeError("Error: Mask: unreadable.\n")) == "Mask: unreadable."
    assert said(RuntimeError("エラー: マスクを読み込めません")) == "マスクを読み込めません"
    assert said(RuntimeError("poll failed")) == "poll failed"


def test_trouble_is_told_in_lines_as_wide_as_the_sidebar(module):
    lines = module("ui.panels")._lines
    context = SimpleNamespace(
        region=SimpleNamespace(width=280), preferences=SimpleNamespace(system=SimpleNamespace(ui_scale=1.0))
    )
    text = "The scale or the rotation of this relief was applied to its vertices. Undo that, or reconstruct it anew."
    assert " ".join(lines(context, text)) == text and max(map(len, lines(context, text))) <= 34
    assert max(map(len, lines(context, "頂点に適用されています" * 4))) <= 16
    assert lines(context, "") == []


def test_an_image_that_its_empty_no_longer_shows_is_no_reference(module, photo):
    image = bpy.data.images.load(str(photo))
    empty = bpy.data.objects.new("reference", None)
    bpy.context.scene.collection.objects.link(empty)
    bpy.context.view_layer.objects.active = empty
    empty.empty_display_type, empty.data = "IMAGE", image
    empty.select_set(True)
    sliders = bpy.context.scene.relief
    assert sliders.reference(bpy.context) == sliders.photograph(bpy.context) == image
    empty.select_set(False)  # a click beside it; it stays the active object
    assert sliders.reference(bpy.context) is sliders.photograph(bpy.context) is None
    empty.select_set(True)
    empty.empty_display_type = "PLAIN_AXES"
    assert sliders.reference(bpy.context) is sliders.photograph(bpy.context) is None


def test_vertices_are_no_slider_up_to_a_hundred_million(module):
    properties = bpy.context.scene.relief.bl_rna.properties
    assert properties["max_vertices"].soft_max == 4_000_000 and properties["max_vertices"].hard_max == 100_000_000
    assert properties["depth_m"].step == pytest.approx(0.1)
