"""The operator and the sliders that solve a relief anew."""

from __future__ import annotations

import json

import bpy
import numpy as np
import pytest


def _positions() -> np.ndarray:
    mesh = bpy.context.active_object.data
    values = np.empty(3 * len(mesh.vertices), np.float32)
    mesh.attributes["position"].data.foreach_get("vector", values)
    return values.reshape(-1, 3)


def _expected(module, known, photo) -> np.ndarray:
    inference = module("inference")
    refinement, mesh_settings = module("operators.scene_settings").read_settings(bpy.context.scene)
    calls = known.calls
    prediction = known.predict(inference.read_photo(photo))
    known.calls = calls
    x, y, z = inference.build_mesh(inference.refine(prediction, refinement), mesh_settings, prediction).vertices.T
    return np.stack((x, -z, y), axis=1)


def test_slider_moves_the_vertices_in_place_without_the_network(module, known, photo):
    bpy.ops.relief.reconstruct(filepath=str(photo))
    relief, mesh = bpy.context.active_object, bpy.context.active_object.data
    before = _positions()
    bpy.context.scene.relief.strength_sharp = 2.0
    after = _positions()
    assert np.abs(after[:, 1] - before[:, 1]).max() > 0.01
    np.testing.assert_allclose(after, _expected(module, known, photo), atol=1e-6)
    assert bpy.context.active_object is relief and relief.data is mesh
    assert len(bpy.data.meshes) == len(bpy.data.objects) == 1
    assert known.calls == 1
    assert json.loads(relief["relief_settings"])["strength_sharp"] == 2.0
    bpy.context.scene.relief.strength_sharp = 1.0
    np.testing.assert_allclose(_positions(), before, atol=1e-6)


def test_operator_refines_and_keeps_what_hangs_on_the_mesh(module, known, photo):
    bpy.ops.relief.reconstruct(filepath=str(photo))
    material, faces = bpy.context.active_object.data.materials[0], len(bpy.context.active_object.data.polygons)
    bpy.context.scene.relief.width_m = 2.0
    bpy.context.scene.relief.depth_m = 0.4
    assert bpy.ops.relief.refine() == {"FINISHED"}
    np.testing.assert_allclose(_positions(), _expected(module, known, photo), atol=1e-6)
    assert np.ptp(_positions()[:, 0]) == pytest.approx(2.0, abs=1e-5)
    mesh = bpy.context.active_object.data
    assert mesh.materials[0] is material
    assert len(mesh.polygons) == faces
    assert known.calls == 1


def test_another_number_of_vertices_makes_the_grid_anew(module, known, photo):
    bpy.ops.relief.reconstruct(filepath=str(photo))
    bpy.context.scene.relief.max_vertices = 600
    np.testing.assert_allclose(_positions(), _expected(module, known, photo), atol=1e-6)
    mesh = bpy.context.active_object.data
    assert len(mesh.vertices) == 600  # 30 x 20
    assert len(mesh.polygons) == 29 * 19
    assert len(mesh.materials) == 1
    assert [layer.name for layer in mesh.uv_layers] == ["UVMap"]
    assert {"height", "soft_edge", "segment"} <= set(mesh.attributes.keys())
    assert not mesh.validate(verbose=True)


def test_prediction_outlives_the_session_on_disk(module, known, photo):
    bpy.ops.relief.reconstruct(filepath=str(photo))
    module("operators.prediction_store").store()._memory.clear()
    bpy.context.scene.relief.detail = 0.5
    np.testing.assert_allclose(_positions(), _expected(module, known, photo), atol=1e-4)
    assert known.calls == 1


def test_same_photo_again_spares_the_network(module, known, photo):
    bpy.ops.relief.reconstruct(filepath=str(photo))
    bpy.ops.relief.reconstruct(filepath=str(photo))
    assert known.calls == 1
    assert len(bpy.data.objects) == 2


def test_saved_file_refines_after_it_is_opened_again(module, known, photo, tmp_path):
    bpy.ops.relief.reconstruct(filepath=str(photo))
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "scene.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "scene.blend"))
    photo.rename(tmp_path / "elsewhere.png")
    before = _positions()
    bpy.context.scene.relief.strength_sharp = 0.0
    assert np.abs(_positions() - before).max() > 0.01
    assert known.calls == 1


def test_lost_prediction_is_told_and_sliders_do_no_harm(module, known, photo):
    bpy.ops.relief.reconstruct(filepath=str(photo))
    before = _positions()
    assert bpy.ops.relief.clear_cache() == {"FINISHED"}
    bpy.context.scene.relief.strength_sharp = 2.0
    np.testing.assert_array_equal(_positions(), before)
    with pytest.raises(RuntimeError, match="no longer stored"):
        bpy.ops.relief.refine()


def test_poll_wants_a_relief(module):
    with pytest.raises(RuntimeError, match="Select a relief"):
        bpy.ops.relief.refine()


def test_undo_restores_settings_and_surface(known, photo):
    bpy.ops.relief.reconstruct(filepath=str(photo))
    before = _positions()
    bpy.ops.ed.undo_push(message="Reconstruct")
    bpy.context.scene.relief.strength_sharp = 2.5
    bpy.ops.ed.undo_push(message="Sharp Edges")
    bpy.ops.ed.undo()
    assert bpy.context.scene.relief.strength_sharp == 1.0
    np.testing.assert_allclose(_positions(), before, atol=1e-6)
