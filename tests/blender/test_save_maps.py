"""The maps of a relief in the scene, as files."""

from __future__ import annotations

import os

import bpy
import cv2
import numpy as np
import pytest

NAMES = ["panel.height.tif", "panel.normal.png", "panel.edges.png", "panel.segments.png"]


def _save(tmp_path) -> set[str]:
    (tmp_path / "maps").mkdir(exist_ok=True)
    return bpy.ops.relief.save_maps(filepath=str(tmp_path / "maps" / NAMES[0]))


def test_maps_are_those_of_the_sliders_at_full_resolution(module, known, photo, tmp_path):
    bpy.context.scene.relief.max_vertices = 600
    bpy.ops.relief.reconstruct(filepath=str(photo))
    bpy.context.scene.relief.depth_m, bpy.context.scene.relief.layering = 0.4, 2.0
    assert _save(tmp_path) == {"FINISHED"}
    assert sorted(os.listdir(tmp_path / "maps")) == sorted(NAMES)
    inference = module("inference")
    prediction = known.predict(inference.read_photo(photo))
    expected = 0.4 * inference.refine(prediction, inference.RefinementSettings(layering=2.0))
    height = cv2.imread(str(tmp_path / "maps" / NAMES[0]), cv2.IMREAD_UNCHANGED)
    np.testing.assert_allclose(height, expected, atol=1e-6)
    for name in NAMES[1:]:
        assert cv2.imread(str(tmp_path / "maps" / name), cv2.IMREAD_UNCHANGED).shape[:2] == expected.shape
    assert module("operators.save_maps")._height_path("/a/panel") == "/a/panel.height.tif"
    assert module("operators.save_maps")._height_path("/a/panel.tif") == "/a/panel.height.tif"


def test_the_mask_is_in_the_maps(known, photo, tmp_path):
    bpy.ops.relief.reconstruct(filepath=str(photo))
    relief = bpy.context.active_object
    relief.relief_mask = bpy.data.images.new("mask", 12, 8)  # black
    assert _save(tmp_path) == {"FINISHED"}
    assert not cv2.imread(str(tmp_path / "maps" / NAMES[0]), cv2.IMREAD_UNCHANGED).any()


def test_the_chosen_file_is_replaced_and_no_other(known, photo, tmp_path):
    bpy.ops.relief.reconstruct(filepath=str(photo))
    assert _save(tmp_path) == _save(tmp_path) == {"FINISHED"}
    (tmp_path / "maps" / NAMES[0]).unlink()
    (tmp_path / "maps" / NAMES[2]).write_bytes(b"another's")
    with pytest.raises(RuntimeError, match=r"panel\.edges\.png exists already|panel\.normal\.png exists already"):
        _save(tmp_path)
    assert (tmp_path / "maps" / NAMES[2]).read_bytes() == b"another's"
    assert sorted(os.listdir(tmp_path / "maps")) == sorted(NAMES[1:]), "nothing half-made is left"


def test_all_of_them_or_none(known, photo, tmp_path, monkeypatch):
    bpy.ops.relief.reconstruct(filepath=str(photo))
    assert _save(tmp_path) == {"FINISHED"}
    before = {name: (tmp_path / "maps" / name).read_bytes() for name in NAMES}
    bpy.context.scene.relief.depth_m = 0.4
    replace, calls = os.replace, []

    def fail_once(made, place):
        calls.append(place)
        if len(calls) == len(NAMES) + 3:  # all of before are aside, two are in their place
            raise PermissionError(13, "Permission denied")
        replace(made, place)

    monkeypatch.setattr(os, "replace", fail_once)
    with pytest.raises(RuntimeError, match="cannot be written: Permission denied"):
        _save(tmp_path)
    assert {path.name: path.read_bytes() for path in (tmp_path / "maps").iterdir()} == before


def test_nothing_is_left_inside_a_scripts_handler(known, photo, tmp_path):
    bpy.ops.relief.reconstruct(filepath=str(photo))
    try:
        raise ValueError
    except ValueError:
        assert _save(tmp_path) == _save(tmp_path) == {"FINISHED"}
    assert sorted(os.listdir(tmp_path / "maps")) == sorted(NAMES)


def test_paint_of_a_remeshed_relief_is_missed(known, photo, tmp_path, capsys):
    bpy.ops.relief.reconstruct(filepath=str(photo))
    relief = bpy.context.active_object
    bpy.ops.relief.paint(meaning="raise")
    bpy.ops.object.mode_set(mode="OBJECT")
    assert _save(tmp_path) == {"FINISHED"} and "painted" not in capsys.readouterr().out
    relief.data.vertices.add(1)
    assert _save(tmp_path) == {"FINISHED"}
    assert "What was painted is not in the maps" in capsys.readouterr().out


def test_a_name_before_the_ending(known, photo, tmp_path):
    bpy.ops.relief.reconstruct(filepath=str(photo))
    with pytest.raises(RuntimeError, match="No file is chosen"):
        bpy.ops.relief.save_maps(filepath=str(tmp_path / ".height.tif"))
    assert sorted(os.listdir(tmp_path)) == ["panel.png"]


def test_not_while_a_linked_duplicate_is_edited(known, photo, tmp_path):
    bpy.ops.relief.reconstruct(filepath=str(photo))
    relief = bpy.context.active_object
    twin = bpy.data.objects.new("twin", relief.data)
    bpy.context.scene.collection.objects.link(twin)
    bpy.context.view_layer.objects.active = twin
    bpy.ops.object.mode_set(mode="EDIT")
    bpy.context.view_layer.objects.active = relief
    with pytest.raises(RuntimeError, match="Leave Edit"):
        _save(tmp_path)


def test_no_folder_no_relief_nothing_stored(module, known, photo, tmp_path):
    with pytest.raises(RuntimeError, match="Select a relief"):
        _save(tmp_path)
    bpy.ops.relief.reconstruct(filepath=str(photo))
    with pytest.raises(RuntimeError, match="No file is chosen"):
        bpy.ops.relief.save_maps(filepath="")
    with pytest.raises(RuntimeError, match="none does not exist. Choose another folder"):
        bpy.ops.relief.save_maps(filepath=str(tmp_path / "none" / NAMES[0]))
    module("operators.prediction_store").store().clear()
    with pytest.raises(RuntimeError, match="no longer stored"):
        _save(tmp_path)


def test_not_in_edit_mode(known, photo, tmp_path):
    bpy.ops.relief.reconstruct(filepath=str(photo))
    bpy.ops.relief.paint(meaning="raise")
    assert _save(tmp_path) == {"FINISHED"}
    bpy.ops.object.mode_set(mode="EDIT")
    with pytest.raises(RuntimeError, match="Leave Edit"):
        _save(tmp_path)
