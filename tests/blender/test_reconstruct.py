"""The operator that makes a relief."""

from __future__ import annotations

import json
import math
import os
import tempfile
from pathlib import Path
from types import SimpleNamespace

import addon_utils
import bpy
import cv2
import numpy as np
import pytest
from bpy_extras.object_utils import world_to_camera_view
from mathutils import Euler, Vector


def _positions(relief: bpy.types.Object) -> np.ndarray:
    values = np.empty(3 * len(relief.data.vertices), np.float32)
    relief.data.attributes["position"].data.foreach_get("vector", values)
    return values.reshape(-1, 3)


def _values(relief: bpy.types.Object, name: str, dtype: type) -> np.ndarray:
    values = np.empty(len(relief.data.vertices), dtype)
    relief.data.attributes[name].data.foreach_get("value", values)
    return values


def _corners(relief: bpy.types.Object) -> tuple[Vector, Vector]:
    bpy.context.view_layer.update()
    points = [relief.matrix_world @ Vector(corner) for corner in relief.bound_box]
    return Vector(map(min, zip(*points, strict=True))), Vector(map(max, zip(*points, strict=True)))


def _data() -> dict[str, int]:
    names = ("objects", "meshes", "materials", "images", "collections")
    return {name: len(getattr(bpy.data, name)) for name in names}


def _add_reference(image: bpy.types.Image, **values: object) -> bpy.types.Object:
    empty = bpy.data.objects.new("Reference", None)
    empty.empty_display_type = "IMAGE"
    empty.data = image
    for name, value in values.items():
        setattr(empty, name, value)
    bpy.context.scene.collection.objects.link(empty)
    bpy.context.view_layer.objects.active = empty
    empty.select_set(True)
    bpy.context.view_layer.update()
    return empty


def test_operator_equals_api(module, photo):
    """With the bundled network, through OpenCV."""
    inference = module("inference")
    refinement = inference.RefinementSettings(strength_soft=1.5, detail=0.5, smoothing=0.25)
    settings = inference.MeshSettings(width_m=1.2, depth_m=0.3, max_vertices=2000)
    picture = inference.read_photo(photo)
    prediction = inference.Predictor.load(runtime="opencv").predict(picture)
    mesh = inference.build_mesh(inference.refine(prediction, refinement), settings, prediction)
    for name, value in {**refinement.to_mapping(), **settings.to_mapping()}.items():
        setattr(bpy.context.scene.relief, name, value)

    assert bpy.ops.relief.reconstruct(filepath=str(photo)) == {"FINISHED"}

    relief = bpy.context.active_object
    x, y, z = mesh.vertices.T
    np.testing.assert_allclose(_positions(relief), np.stack((x, -z, y), axis=1), atol=1e-6)
    np.testing.assert_array_equal(_values(relief, "soft_edge", np.int32), mesh.soft_edge)
    np.testing.assert_array_equal(_values(relief, "segment", np.int32), mesh.segment)
    np.testing.assert_allclose(_values(relief, "height", np.float32), mesh.height, atol=1e-6)
    assert [list(face.vertices) for face in relief.data.polygons[:50]] == mesh.faces[:50].tolist()
    uvs = np.empty(2 * len(relief.data.loops), np.float32)
    relief.data.uv_layers.active.uv.foreach_get("vector", uvs)
    np.testing.assert_allclose(uvs.reshape(-1, 2), mesh.uvs[mesh.faces.ravel()], atol=1e-6)
    assert relief["relief_photo_sha256"] == picture.sha256
    assert relief["relief_weights"] == prediction.weights
    assert json.loads(relief["relief_settings"]) == {**refinement.to_mapping(), **settings.to_mapping()}


def test_relief_is_upright_to_scale_and_sound(known, photo):
    bpy.context.scene.relief.width_m = 3.0
    bpy.context.scene.relief.depth_m = 0.5
    bpy.context.scene.cursor.location = (10.0, 20.0, 30.0)
    bpy.ops.relief.reconstruct(filepath=str(photo))
    relief = bpy.context.active_object
    low, high = _corners(relief)
    # 120 x 80 pixels across 3 m, hence 2 m upward, from the cursor up.
    assert (low.x, high.x) == pytest.approx((8.5, 11.5), abs=1e-5)
    assert (low.z, high.z) == pytest.approx((30.0, 32.0), abs=1e-5)
    # The upper right quarter stands 0.5 * 0.5 m out of the slab, to -Y; its middle is free of the edges.
    positions = _positions(relief).reshape(80, 120, 3)
    assert positions[20, 90] == pytest.approx((3 / 119 * 30.5, -0.25, 2 / 79 * 59), abs=0.02)
    assert positions[60, 30, 1] == pytest.approx(0.0, abs=0.02)
    assert relief.data.polygons[0].normal.y < -0.9
    assert not relief.data.validate(verbose=True)
    assert len(relief.data.edges) == 80 * 119 + 79 * 120
    assert all(face.use_smooth for face in relief.data.polygons)
    assert [c.name for c in relief.users_collection] == ["Relief"]
    assert bpy.context.selected_objects == [relief]


def test_material_wears_the_photo_upright(known, photo):
    bpy.ops.relief.reconstruct(filepath=str(photo))
    material = bpy.context.active_object.data.materials[0]
    shader = next(n for n in material.node_tree.nodes if n.type == "BSDF_PRINCIPLED")
    image = shader.inputs["Base Color"].links[0].from_node.image
    assert shader.inputs["Roughness"].default_value == pytest.approx(0.9)
    assert image.colorspace_settings.name == "sRGB"
    assert image.packed_file is not None
    assert tuple(image.size) == (120, 80)
    pixels = np.array(image.pixels[:]).reshape(80, 120, 4)[::-1, :, 2::-1]  # Blender's rows run upward
    np.testing.assert_allclose(pixels * 255, cv2.imread(str(photo)), atol=12)


def test_photo_turned_by_exif_is_placed_upright(known, turned_photo, photo):
    bpy.ops.relief.reconstruct(filepath=str(turned_photo))
    image = _texture()
    assert tuple(image.size) == (120, 80)
    pixels = np.array(image.pixels[:]).reshape(80, 120, 4)[::-1, :, 2::-1]
    assert np.abs(pixels * 255 - cv2.imread(str(photo))).mean() < 3


@pytest.mark.parametrize("stored", ["file", "packed", "generated"])
def test_image_of_the_sidebar(known, photo, stored):
    image = bpy.data.images.load(str(photo))
    if stored == "packed":
        image.pack()
        photo.unlink()
    elif stored == "generated":
        image = bpy.data.images.new("painted", 100, 70)
        image.pixels.foreach_set(np.linspace(0, 1, 4 * 100 * 70, dtype=np.float32))
    bpy.context.scene.relief.image = image
    images = len(bpy.data.images)
    assert bpy.ops.relief.reconstruct() == {"FINISHED"}
    relief = bpy.context.active_object
    assert relief.name == ("painted" if stored == "generated" else "panel")
    assert len(relief.data.vertices) == (7000 if stored == "generated" else 9600)
    assert len(bpy.data.images) == images + 1


def test_pixels_painted_in_blender_are_carved(known, photo):
    image = bpy.data.images.load(str(photo))
    painted = np.ones((80, 120, 4), np.float32)
    painted[:40, :, :3] = 0.25
    image.pixels.foreach_set(painted.ravel())
    assert image.is_dirty
    bpy.context.scene.relief.image = image
    bpy.ops.relief.reconstruct()
    shown = np.array(_texture().pixels[:]).reshape(80, 120, 4)
    assert shown[:35, :, :3] == pytest.approx(0.25, abs=0.03) and shown[45:, :, :3] == pytest.approx(1.0, abs=0.03)
    assert image.is_dirty and cv2.imread(str(photo)).std() > 10.0, "the artist's file stays"


@pytest.mark.parametrize("space", ["sRGB", "Non-Color"])
def test_pixels_painted_on_sixteen_bits_keep_their_tone(known, tmp_path, space):
    path = tmp_path / "deep.png"
    cv2.imwrite(str(path), np.full((80, 120, 3), 32768, np.uint16))
    image = bpy.data.images.load(str(path))
    image.colorspace_settings.name = space
    pixels = np.array(image.pixels[:], np.float32)
    image.pixels.foreach_set(pixels)
    assert image.is_float and image.is_dirty
    bpy.context.scene.relief.image = image
    bpy.ops.relief.reconstruct()
    shown = np.array(_texture().pixels[:]).reshape(80, 120, 4)
    assert shown[..., :3] == pytest.approx(0.5, abs=0.02)


def test_the_same_photograph_again_stands_beside_the_first(known, photo):
    bpy.context.scene.relief.width_m = 2.0
    for _ in range(3):
        bpy.ops.relief.reconstruct(filepath=str(photo))
        bpy.context.view_layer.update()
    places = sorted(o.location.x for o in bpy.data.objects)
    assert places == pytest.approx([0.0, 2.2, 4.4])
    assert bpy.context.active_object.location.x == pytest.approx(4.4)


def test_a_relief_that_is_hidden_keeps_no_place(known, photo):
    bpy.ops.relief.reconstruct(filepath=str(photo))
    bpy.context.active_object.hide_set(True)
    bpy.ops.relief.reconstruct(filepath=str(photo))
    assert bpy.context.active_object.location.x == 0.0


def test_a_narrow_relief_stands_beside_a_wide_one_and_not_inside(known, photo):
    spans = []
    for width_m in (3.0, 1.0, 0.5, 2.0):
        bpy.context.view_layer.objects.active = None
        bpy.context.scene.relief.width_m = width_m
        bpy.ops.relief.reconstruct(filepath=str(photo))
        low, high = _corners(bpy.context.active_object)
        spans += [low.x, high.x]
    assert spans == pytest.approx([-1.5, 1.5, 1.6, 2.6, 2.65, 3.15, 3.35, 5.35])


@pytest.mark.parametrize("to", ["GEOMETRY_ORIGIN", "ORIGIN_GEOMETRY", "ORIGIN_CURSOR"])
def test_a_relief_stands_beside_another_whose_origin_was_set_anew(known, photo, to):
    bpy.ops.relief.reconstruct(filepath=str(photo))
    bpy.context.scene.cursor.location = (0.4, 0.2, 0.5)
    bpy.ops.object.origin_set(type=to, center="BOUNDS")
    bpy.context.scene.cursor.location = (0.0, 0.0, 0.0)
    bpy.ops.relief.reconstruct(filepath=str(photo))
    assert _corners(bpy.context.active_object)[0].x == pytest.approx(0.6, abs=1e-5)


def test_several_files_of_which_one_is_missing_are_finished_for_scripts(known, photo):
    files = [{"name": photo.name}, {"name": "missing.png"}, {"name": photo.name}]
    assert bpy.ops.relief.reconstruct(directory=str(photo.parent), files=files) == {"FINISHED"}
    assert len(bpy.data.objects) == 2
    with pytest.raises(RuntimeError, match="missing"):
        bpy.ops.relief.reconstruct(directory=str(photo.parent), files=[{"name": "missing.png"}])


def test_bounds_follow_the_vertices(known, photo):
    bpy.ops.relief.reconstruct(filepath=str(photo))
    relief = bpy.context.active_object
    bpy.context.view_layer.update()
    assert relief.dimensions.x == pytest.approx(1.0)
    bpy.context.scene.relief.width_m = 2.0
    bpy.context.view_layer.update()
    assert relief.dimensions.x == pytest.approx(2.0)
    assert relief.ray_cast((0.9, -9.0, 1.2), (0.0, 1.0, 0.0))[0]
    bpy.ops.relief.reconstruct(filepath=str(photo))
    assert bpy.context.active_object.location.x == pytest.approx(2.2)


def test_a_relief_on_top_of_another_stays_there(known, photo):
    bpy.ops.relief.reconstruct(filepath=str(photo))
    bpy.context.scene.cursor.location.z = _corners(bpy.context.active_object)[1].z
    bpy.ops.relief.reconstruct(filepath=str(photo))
    assert bpy.context.active_object.location.x == 0.0


def test_far_out_where_no_step_is_left_it_stands_in_the_others_place(module):
    bpy.ops.mesh.primitive_plane_add(size=0.01, location=(300_000.0, 0.0, 0.0))
    there = bpy.context.active_object.matrix_world.copy()
    assert module("operators.placement").step_aside(there, 0.01, [bpy.context.active_object]) == there


def test_reference_keeps_its_place(known, photo):
    """An empty turned, moved and scaled: the slab's corners lie on the corners of the image that it shows."""
    empty = _add_reference(
        bpy.data.images.load(str(photo)),
        empty_display_size=5.0,
        empty_image_offset=(-0.25, -0.75),
        location=(1.0, 2.0, 3.0),
        rotation_euler=Euler((0.3, -0.7, 1.1)),
        scale=(2.0, 2.0, 2.0),
    )
    before = empty.matrix_world.copy()
    bpy.context.scene.relief.depth_m = 0.0
    bpy.ops.relief.reconstruct()
    relief = bpy.context.active_object
    assert empty.name in bpy.context.scene.objects and empty.matrix_world == before
    # 120 x 80 pixels at display size 5: 5 wide, 10 / 3 high; the offset puts the left edge at -0.25 * 5 and the
    # lower one at -0.75 * 10 / 3.
    left, right, bottom, top = -1.25, 3.75, -2.5, -2.5 + 10 / 3
    expected = {
        79 * 120: before @ Vector((left, bottom, 0.0)),
        80 * 120 - 1: before @ Vector((right, bottom, 0.0)),
        0: before @ Vector((left, top, 0.0)),
        119: before @ Vector((right, top, 0.0)),
    }
    bpy.context.view_layer.update()
    for index, corner in expected.items():
        # A vertex of depth 0: the slab alone.
        assert (relief.matrix_world @ relief.data.vertices[index].co - corner).length < 1e-4
    towards = (relief.matrix_world.to_3x3() @ Vector((0.0, -1.0, 0.0))).normalized()
    assert (towards - (before.to_3x3() @ Vector((0.0, 0.0, 1.0))).normalized()).length < 1e-5
    # The scale went into the mesh: the depth stays in metres, and the slider shows the width.
    assert tuple(relief.scale) == pytest.approx((1.0, 1.0, 1.0), abs=1e-5)
    assert bpy.context.scene.relief.width_m == pytest.approx(10.0, abs=1e-4)


def test_a_reference_that_was_renamed_is_still_its_reliefs(known, photo):
    image = bpy.data.images.load(str(photo))
    empty = _add_reference(image, location=(1.0, 2.0, 3.0), rotation_euler=Euler((0.3, -0.7, 1.1)))
    bpy.ops.relief.reconstruct()
    first = bpy.context.active_object
    empty.name = "Front view"
    bpy.ops.relief.reconstruct()
    second = bpy.context.active_object
    assert second != first and tuple(second.rotation_euler) == pytest.approx(tuple(first.rotation_euler))
    _add_reference(image)  # which of both it was is not known
    empty.name = "From the front"
    second["relief_reference"] = "Front view"
    bpy.ops.object.select_all(action="DESELECT")
    bpy.context.view_layer.objects.active = second
    bpy.ops.relief.reconstruct()
    assert tuple(bpy.context.active_object.rotation_euler) == pytest.approx((0.0, 0.0, 0.0))


def test_a_reference_makes_a_relief_as_much_deeper_as_it_is_wider(known, photo):
    """An image that is dropped on the viewport is 5 m wide."""
    sliders = bpy.context.scene.relief
    for size, depth_m in ((5.0, 0.25), (0.5, 0.025)):
        _add_reference(bpy.data.images.load(str(photo)), empty_display_size=size)
        bpy.ops.relief.reconstruct()
        settings = json.loads(bpy.context.active_object["relief_settings"])
        assert (settings["width_m"], settings["depth_m"]) == pytest.approx((size, depth_m))
        assert (sliders.width_m, sliders.depth_m) == pytest.approx((size, depth_m))
        bpy.context.view_layer.objects.active = None
        bpy.ops.relief.reconstruct(filepath=str(photo))
        assert json.loads(bpy.context.active_object["relief_settings"]) == settings, "they go together from then on"


def test_sliders_moved_while_the_network_reads_are_those_of_the_relief(module, known, photo):
    bpy.ops.relief.reconstruct(filepath=str(photo))
    first, task = bpy.context.active_object, _chosen_task(module, photo)
    sliders, surface = bpy.context.scene.relief, _positions(first)
    bpy.context.view_layer.objects.active = None
    sliders.width_m, sliders.depth_m, sliders.detail = 2.0, 0.2, 0.4
    task.finish(bpy.context, task.work(None))
    relief = bpy.context.active_object
    settings = json.loads(relief["relief_settings"])
    assert (settings["width_m"], settings["depth_m"], settings["detail"]) == (2.0, 0.2, 0.4)
    assert (sliders.width_m, sliders.depth_m, sliders.detail) == pytest.approx((2.0, 0.2, 0.4))
    assert np.ptp(_positions(relief)[:, 0]) == pytest.approx(2.0) and relief.location.x == pytest.approx(1.7)
    assert known.calls == 1
    np.testing.assert_array_equal(_positions(first), surface)


@pytest.mark.parametrize("active", ["relief", "nothing"])
def test_sliders_that_became_another_reliefs_meanwhile_are_not_the_next_ones(module, known, photo, active):
    task = _chosen_task(module, photo)
    bpy.context.scene.relief.detail = 0.4
    bpy.ops.relief.reconstruct(filepath=str(photo))
    if active == "nothing":
        bpy.context.view_layer.objects.active = None
    else:
        bpy.context.scene.relief.depth_m = 0.2
    task.finish(bpy.context, task.work(None))
    settings = json.loads(bpy.context.active_object["relief_settings"])
    assert (settings["detail"], settings["depth_m"]) == (1.0, 0.05)
    assert bpy.context.scene.relief.detail == pytest.approx(1.0)


def test_a_scene_of_another_file_is_told(known, photo, tmp_path):
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "library.blend"))
    bpy.ops.wm.read_homefile(use_empty=True)
    with bpy.data.libraries.load(str(tmp_path / "library.blend"), link=True) as (there, here):
        here.scenes = list(there.scenes)
    (scene,) = here.scenes
    told = pytest.raises(RuntimeError, match="This scene is linked from another file")
    with bpy.context.temp_override(scene=scene, view_layer=scene.view_layers[0]), told:
        bpy.ops.relief.reconstruct(filepath=str(photo))


@pytest.mark.parametrize("stored", ["packed", "painted"])
def test_a_temporary_folder_that_takes_nothing_is_told(known, photo, tmp_path, monkeypatch, stored):
    image = bpy.data.images.load(str(photo))
    bpy.context.scene.relief.image = image
    if stored == "packed":
        image.pack()
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    else:
        image.pixels.foreach_set([0.5] * (4 * 120 * 80))
        folder = tmp_path / "file"  # where no folder is, Blender cannot save
        folder.touch()
        monkeypatch.setattr(tempfile, "TemporaryDirectory", lambda prefix: SimpleNamespace(name=str(folder)))
    images = len(bpy.data.images)
    with pytest.raises(RuntimeError, match="panel.png could not be copied to the temporary folder"):
        bpy.ops.relief.reconstruct()
    assert len(bpy.data.images) == images


def test_reference_in_front_view_gives_an_upright_relief(known, photo):
    _add_reference(
        bpy.data.images.load(str(photo)),
        empty_display_size=1.2,
        empty_image_offset=(-0.5, -0.5),
        rotation_euler=Euler((math.pi / 2, 0.0, 0.0)),
    )
    bpy.ops.relief.reconstruct()
    relief = bpy.context.active_object
    assert tuple(relief.rotation_euler) == pytest.approx((0.0, 0.0, 0.0), abs=1e-6)
    assert tuple(relief.location) == pytest.approx((0.0, 0.0, -0.4), abs=1e-6)


@pytest.mark.parametrize("packed", [False, True])
def test_relief_of_a_reference_on_its_side_lies_as_it_is_shown(module, known, turned_photo, packed):
    """Blender shows what the file stores, 80 x 120 pixels, the photograph's top to the left."""
    image = bpy.data.images.load(str(turned_photo))
    if packed:
        image.pack()
        turned_photo.unlink()
    empty = _add_reference(
        image,
        empty_display_size=1.2,
        empty_image_offset=(-0.5, -0.25),
        rotation_euler=Euler((math.pi / 2, 0.0, 0.0)),
    )
    bpy.context.view_layer.update()
    plane = module("ui.light_arrow").picture_plane(empty)
    bpy.context.scene.relief.depth_m = 0.0
    bpy.ops.relief.reconstruct()
    relief = bpy.context.active_object
    bpy.context.view_layer.update()
    assert bpy.context.scene.relief.width_m == pytest.approx(1.2, abs=1e-5)
    corners = np.array([relief.matrix_world @ relief.data.vertices[i].co for i in (0, 119, 79 * 120, 80 * 120 - 1)])
    # Bottom centre of the relief: middle of the shown image's right side.
    expected = [(-0.4, -0.3), (-0.4, 0.9), (0.4, -0.3), (0.4, 0.9)]
    np.testing.assert_allclose(corners[:, [0, 2]], expected, atol=1e-4)
    np.testing.assert_allclose(plane.translation, (0.0, 0.0, 0.3), atol=1e-5)
    np.testing.assert_allclose((plane @ Vector((0, 1, 0)) - plane.translation).normalized(), (-1, 0, 0), atol=1e-5)
    front = module("ui.light_arrow").picture_plane(relief)
    np.testing.assert_allclose((front @ Vector((0, 1, 0)) - front.translation).normalized(), (-1, 0, 0), atol=1e-5)


def test_the_relief_of_a_straightened_reference_lies_on_its_panel(known, photo):
    cv2.imwrite(str(photo), cv2.resize(cv2.imread(str(photo)), (240, 160)))
    image = bpy.data.images.load(str(photo))
    empty = _add_reference(image, empty_display_size=1.5, empty_image_offset=(-0.5, -0.5), scale=(2.0, 2.0, 2.0))
    image.relief.corners = [0.5, 0.5, 1.0, 0.5, 1.0, 1.0, 0.5, 1.0]
    for straighten, width, place in ((False, 3.0, (0.0, -1.0, 0.0)), (True, 1.5, (0.75, -1.0, 0.0))):
        image.relief.straighten = straighten
        bpy.context.view_layer.objects.active = empty
        empty.select_set(True)
        bpy.ops.relief.reconstruct()
        relief = bpy.context.active_object
        columns = 120 if straighten else 240
        assert tuple(relief["relief_grid"]) == (columns * 2 // 3, columns)
        assert tuple(relief.location) == pytest.approx(place, abs=1e-5)
        assert relief.dimensions.x == pytest.approx(width, abs=1e-5)
        assert relief.dimensions.z == pytest.approx(width * 2 / 3, abs=1e-5)


@pytest.mark.parametrize("packed", [False, True])
def test_the_panel_of_a_reference_on_its_side_is_where_its_corners_were_picked(known, turned_photo, packed):
    """Blender shows 80 x 120 pixels, the photograph's top to the left; the corners are parts of what it shows."""
    image = bpy.data.images.load(str(turned_photo))
    if packed:
        image.pack()
    _add_reference(
        image,
        empty_display_size=1.2,
        empty_image_offset=(-0.5, -0.25),
        rotation_euler=Euler((math.pi / 2, 0.0, 0.0)),
    )
    image.relief.corners, image.relief.straighten = [0.0, 0.2, 0.9, 0.2, 0.9, 1.0, 0.0, 1.0], True
    image.relief.aspect = 4 / 3
    bpy.context.scene.relief.depth_m = 0.0
    bpy.ops.relief.reconstruct()
    relief = bpy.context.active_object
    bpy.context.view_layer.update()
    assert tuple(relief["relief_grid"]) == (72, 96)
    assert bpy.context.scene.relief.width_m == pytest.approx(0.96, abs=1e-5)
    corners = np.array([relief.matrix_world @ relief.data.vertices[i].co for i in (0, 95, 71 * 96, 72 * 96 - 1)])
    # 0.8 m wide from -0.4, 1.2 m high from -0.3; the relief's bottom is the panel's right side.
    left, right, low, high = -0.4, 0.32, -0.3, 0.66
    expected = [(left, low), (left, high), (right, low), (right, high)]
    np.testing.assert_allclose(corners[:, [0, 2]], expected, atol=1e-4)


def test_reference_goes_before_the_sidebar_and_a_file_before_both(known, photo, tmp_path):
    other = tmp_path / "other.png"
    cv2.imwrite(str(other), cv2.imread(str(photo))[:70])
    bpy.context.scene.relief.image = bpy.data.images.load(str(photo))
    empty = _add_reference(bpy.data.images.load(str(other)))
    bpy.ops.relief.reconstruct()
    assert bpy.context.active_object.name == "other"
    bpy.context.view_layer.objects.active = empty
    bpy.ops.relief.reconstruct(filepath=str(photo))
    assert bpy.context.active_object.name == "panel"
    assert bpy.context.active_object.matrix_world.is_identity


@pytest.mark.parametrize("name", ["/abs", "../above.png", "a/b", "..", "a:b?.jpg", "ü" * 40])
@pytest.mark.parametrize("painted", [False, True])
def test_an_image_named_anyhow_lands_in_its_own_folder(module, photo, name, painted):
    image = bpy.data.images.load(str(photo))
    image.pack()
    image.filepath, image.name = "", name
    if painted:
        image.pixels.foreach_set([0.5] * (4 * 120 * 80))
    source = module("operators.photo_source").photo_file(image)
    assert source.path.parent == Path(source.folder.name) and source.path.is_file()
    assert len(os.fsencode(source.path.name)) < 256


def test_a_packed_photograph_keeps_the_dots_of_its_name(module, known, photo):
    image = bpy.data.images.load(str(photo))
    image.pack()
    image.filepath, image.name = "", "st. john 1.5 m.front.jpg"
    bpy.context.scene.relief.image = image
    bpy.ops.relief.reconstruct()
    relief = bpy.context.active_object
    assert relief.name == "st. john 1.5 m.front" and module("ui.panels").is_of(relief, image)


def test_an_error_about_a_packed_picture_has_its_name(module, tmp_path):
    path = tmp_path / "tiny.tga"
    made = bpy.data.images.new("made", 8, 8)
    made.file_format = "TARGA"
    made.save(filepath=str(path))
    bpy.context.scene.relief.image = bpy.data.images.load(str(path))
    bpy.context.scene.relief.image.pack()
    with pytest.raises(RuntimeError, match=r"tiny\.tga "):
        bpy.ops.relief.reconstruct()


@pytest.mark.parametrize("scale", [(0.0, 1.0, 1.0), (1.0, 0.0, 1.0)])
def test_a_reference_without_a_width_or_a_height_is_told(known, photo, scale):
    _add_reference(bpy.data.images.load(str(photo)), scale=scale, rotation_euler=Euler((math.pi / 2, 0.3, 0.0)))
    with pytest.raises(RuntimeError, match="scaled to nothing. Scale it up"):
        bpy.ops.relief.reconstruct()
    assert known.calls == 0 and not bpy.data.meshes


def test_undo_takes_the_relief_away(known, photo):
    bpy.ops.ed.undo_push(message="Before")
    before = _data()
    bpy.ops.relief.reconstruct("EXEC_DEFAULT", True, filepath=str(photo))
    assert len(bpy.data.objects) == 1
    bpy.ops.ed.undo_push(message="After")
    bpy.ops.ed.undo()
    if bpy.data.objects:  # with an undo step of the operator's own, two lead back
        bpy.ops.ed.undo()
    assert _data() == before


@pytest.mark.parametrize("fails_in", ["fill_material", "_fill_mesh", "_collection"])
def test_failure_while_placing_leaves_no_data(module, known, photo, monkeypatch, fails_in):
    def fail(*_arguments):
        raise ArithmeticError("broken")

    monkeypatch.setattr(module("operators.bridge"), fails_in, fail)
    before = _data()
    with pytest.raises(RuntimeError, match="broken"):
        bpy.ops.relief.reconstruct(filepath=str(photo))
    assert _data() == before


def test_cancelled_work_leaves_no_data(module, known, photo, monkeypatch):
    def stopped(_photo, progress=None, light_deg=None):
        raise module("inference.errors").Cancelled("Stopped.")

    monkeypatch.setattr(known, "predict", stopped)
    before = _data()
    assert bpy.ops.relief.reconstruct(filepath=str(photo)) == {"CANCELLED"}
    assert _data() == before


def test_no_photograph_chosen():
    before = _data()
    with pytest.raises(RuntimeError, match="No photograph is chosen"):
        bpy.ops.relief.reconstruct()
    assert _data() == before


@pytest.mark.parametrize("content", ["missing", "empty", "text", "truncated", "tiny"])
def test_bad_files_are_refused_and_leave_no_data(known, photo, tmp_path, content):
    bad = tmp_path / "bad.png"
    if content == "tiny":
        cv2.imwrite(str(bad), np.zeros((40, 90), np.uint8))
    elif content != "missing":
        bad.write_bytes({"empty": b"", "text": b"not a picture", "truncated": photo.read_bytes()[:2000]}[content])
    before = _data()
    with pytest.raises(RuntimeError, match="bad"):
        bpy.ops.relief.reconstruct(filepath=str(bad))
    assert _data() == before
    assert known.calls == 0


def test_a_render_is_told_apart_from_a_movie(module, known):
    with pytest.raises(RuntimeError, match="no camera"):
        bpy.ops.render.render()
    shown = bpy.data.images["Render Result"]
    assert not module("ui.properties")._keeps_pixels(bpy.context.scene.relief, shown), "not offered"
    assert module("ui.properties")._keeps_pixels(bpy.context.scene.relief, bpy.data.images.new("painted", 8, 8))
    _add_reference(shown)
    with pytest.raises(RuntimeError, match="Render Result is what Blender rendered last. Save it as a file"):
        bpy.ops.relief.reconstruct()


def test_image_whose_file_is_gone(known, photo):
    image = bpy.data.images.load(str(photo))
    bpy.context.scene.relief.image = image
    Path(photo).unlink()
    image.reload()
    with pytest.raises(RuntimeError, match="missing"):
        bpy.ops.relief.reconstruct()


def test_image_whose_file_the_system_refuses(module, tmp_path):
    image = bpy.data.images.new("refused", 8, 8)
    image.source, image.filepath = "FILE", str(tmp_path / ("a" * 300) / "panel.png")  # as in a folder without access
    with pytest.raises(module("inference.errors").ReliefError, match="The file of refused is missing"):
        module("operators.photo_source").photo_file(image)


def test_each_scene_has_its_own_collection_whatever_is_linked(known, photo, tmp_path):
    bpy.ops.relief.reconstruct(filepath=str(photo))
    first, scene = bpy.context.active_object, bpy.context.scene
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "library.blend"))
    for _ in range(2):
        bpy.ops.relief.reconstruct(filepath=str(photo))
    assert [c.name for c in scene.collection.children] == ["Relief"] and len(scene.collection.all_objects) == 3
    bpy.ops.scene.new(type="NEW")
    for _ in range(2):
        bpy.ops.relief.reconstruct(filepath=str(photo))
    assert [c.name for c in bpy.context.scene.collection.children] == ["Relief.001"]
    assert len(bpy.context.scene.collection.all_objects) == 2 and len(scene.collection.all_objects) == 3
    assert first.name not in bpy.context.scene.collection.all_objects
    bpy.ops.wm.read_homefile(use_empty=True)
    bpy.ops.wm.link(
        filename="Relief", directory=str(tmp_path / "library.blend") + "/Collection/", instance_collections=False
    )
    assert bpy.data.collections["Relief"].library is not None
    assert bpy.ops.relief.reconstruct(filepath=str(photo)) == {"FINISHED"}
    assert bpy.context.active_object.library is None and bpy.context.active_object.select_get()


@pytest.mark.parametrize("hidden", ["excluded", "eye", "monitor"])
def test_a_relief_is_seen_though_its_collection_is_not(known, photo, hidden):
    bpy.ops.relief.reconstruct(filepath=str(photo))
    layer = bpy.context.view_layer.layer_collection.children["Relief"]
    layer.exclude, layer.hide_viewport = hidden == "excluded", hidden == "eye"
    layer.collection.hide_viewport = hidden == "monitor"
    assert bpy.ops.relief.reconstruct(filepath=str(photo)) == {"FINISHED"}
    bpy.context.view_layer.update()
    relief = bpy.context.active_object
    assert relief.select_get() and relief.visible_get()
    assert [o for o in bpy.context.view_layer.objects if o.visible_get()] == [relief]


def test_a_relief_lands_in_the_scene_that_it_was_made_for(module, known, photo):
    """Another scene may be shown by the time that the network is done."""
    scene = bpy.context.scene
    operator = SimpleNamespace(files=[], filepath=str(photo), directory="", chosen=True)
    (task,) = module("operators.reconstruct").RELIEF_OT_reconstruct.tasks(operator, bpy.context)
    bpy.ops.scene.new(type="NEW")
    other = bpy.context.scene
    other.relief.width_m = 3.0
    bpy.ops.relief.reconstruct(filepath=str(photo))
    theirs = bpy.context.active_object
    surface, settings = _positions(theirs), theirs["relief_settings"]
    other.relief.image = None
    task.finish(bpy.context, task.work(None))
    (relief,) = scene.collection.all_objects
    assert list(other.collection.all_objects) == [theirs] and theirs["relief_settings"] == settings
    np.testing.assert_array_equal(_positions(theirs), surface)
    assert other.relief.width_m == 3.0 and other.relief.image is None and bpy.context.active_object == theirs
    assert scene.view_layers[0].objects.active == relief and scene.relief.image is not None


def _chosen_task(module, photo):
    operator = SimpleNamespace(files=[], filepath=str(photo), directory="", chosen=True)
    (task,) = module("operators.reconstruct").RELIEF_OT_reconstruct.tasks(operator, bpy.context)
    return task


def test_a_photograph_that_is_gone_by_then_leaves_its_relief(module, known, photo):
    """As one that was dragged out of a viewer of archives."""
    task = _chosen_task(module, photo)
    result = task.work(None)
    photo.unlink()
    task.finish(bpy.context, result)
    assert bpy.context.active_object.name == "panel" and bpy.context.scene.relief.image is None


def test_the_chosen_photograph_is_remembered_by_its_place_beside_the_file(module, known, photo, tmp_path):
    (tmp_path / "scenes").mkdir()
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "scenes" / "scene.blend"))
    for _ in range(2):
        task = _chosen_task(module, photo)
        task.finish(bpy.context, task.work(None))
        image = bpy.context.scene.relief.image
        assert image.filepath == "//../panel.png" and image.size[:] == (120, 80)
    assert len(bpy.data.images) == 3, "one in the sidebar, and one on each relief"


def test_no_reliefs_own_photograph_is_chosen_in_the_sidebar(module, known, photo, tmp_path):
    jpeg = tmp_path / "upright.jpg"
    cv2.imwrite(str(jpeg), cv2.imread(str(photo)))
    preferences = bpy.context.preferences.addons["bl_ext.user_default.photo_to_relief"].preferences
    preferences.pack = False
    try:
        for _ in range(2):
            task = _chosen_task(module, jpeg)
            task.finish(bpy.context, task.work(None))
            bpy.context.scene.relief.image = None
        first, second = (o.active_material.node_tree.nodes["photo"].image for o in bpy.data.objects)
        assert bpy.path.abspath(first.filepath) == bpy.path.abspath(second.filepath) == str(jpeg)
        bpy.data.images.remove(next(i for i in bpy.data.images if i not in (first, second)))
        task = _chosen_task(module, jpeg)
        task.finish(bpy.context, task.work(None))
        assert bpy.context.scene.relief.image not in (first, second, None)
    finally:
        preferences.pack = True


def test_a_photograph_that_another_program_turned_is_looked_at_anew(known, turned_photo, photo):
    image = bpy.data.images.load(str(turned_photo))
    assert image.relief_turns == 1
    cv2.imwrite(str(turned_photo), cv2.imread(str(photo)))
    image.reload()
    assert image.relief_turns == 0


def test_a_studio_without_srgb_gets_its_relief(module, known, photo, monkeypatch):
    """Its colour configuration has other names."""
    bridge = module("operators.bridge")

    class Studio:
        def __setattr__(self, name: str, value: str) -> None:
            raise TypeError('enum "sRGB" not found in ("ACEScg")')

    class Image(SimpleNamespace):
        def __setitem__(self, name: str, value: str) -> None:
            self.of[name] = value

    class Images:
        def new(self, *arguments: object) -> Image:
            image = bpy.data.images.new(*arguments)
            return Image(name=image.name, pack=image.pack, colorspace_settings=Studio(), of=image)

    wanted = []
    data = SimpleNamespace(images=Images(), materials=bpy.data.materials, meshes=bpy.data.meshes)
    data.objects, data.collections, data.batch_remove = bpy.data.objects, bpy.data.collections, wanted.extend
    fill = bridge.fill_material
    monkeypatch.setattr(bridge, "fill_material", lambda material, image: fill(material, image.of))
    monkeypatch.setattr(bridge, "bpy", SimpleNamespace(data=data, types=bpy.types, path=bpy.path))
    assert bpy.ops.relief.reconstruct(filepath=str(photo)) == {"FINISHED"} and not wanted


def test_poll_says_why_not_in_edit_mode(known, photo):
    bpy.ops.relief.reconstruct(filepath=str(photo))
    bpy.ops.object.mode_set(mode="EDIT")
    with pytest.raises(RuntimeError, match="Leave Edit"):
        bpy.ops.relief.reconstruct(filepath=str(photo))


def test_photographs_lie_beside_the_file_where_they_are_not_packed(known, photo, tmp_path):
    preferences = bpy.context.preferences.addons["bl_ext.user_default.photo_to_relief"].preferences
    preferences.pack = False
    photo = photo.rename(tmp_path / "Fries Höhe.2.png")
    try:
        bpy.ops.relief.reconstruct(filepath=str(photo))
        assert _texture().packed_file is not None, "an unsaved .blend has no folder beside it"
        bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "scene.blend"))
        for number in ("", "_2"):
            bpy.ops.relief.reconstruct(filepath=str(photo))
            image = _texture()
            assert image.packed_file is None and image.size[:] == (120, 80)
            names = sorted(path.name for path in (tmp_path / "textures").iterdir())
            assert len(names) == (2 if number else 1) and names[0].startswith("Fries Höhe.2")
        (tmp_path / "textures").rename(tmp_path / "before")
        (tmp_path / "textures").touch()  # a file, where a folder is wanted
        bpy.ops.relief.reconstruct(filepath=str(photo))
        assert _texture().packed_file is not None and len(bpy.data.objects) == 4
    finally:
        preferences.pack = True
    bpy.ops.relief.reconstruct(filepath=str(photo))
    assert _texture().packed_file is not None
    assert bpy.context.window_manager.relief_progress.runtime == "known"


def test_a_relative_path_of_an_unsaved_file_is_kept_whole(known, photo, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    bpy.ops.relief.reconstruct(filepath=photo.name, chosen=True)
    assert bpy.context.scene.relief.image.filepath == str(photo)


@pytest.mark.parametrize("saved", [False, True])
def test_exporters_name_the_packed_photograph(known, photo, tmp_path, saved):
    bpy.ops.relief.reconstruct(filepath=str(photo))
    if saved:
        bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "scene.blend"))
        bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "scene.blend"))
    assert _texture().packed_file is not None and _texture().size[:] == (120, 80) and max(_texture().pixels[:3]) > 0.1
    bpy.ops.wm.obj_export(filepath=str(tmp_path / "model.obj"))
    (line,) = (line for line in (tmp_path / "model.mtl").read_text().splitlines() if line.startswith("map_Kd"))
    assert line == f"map_Kd {_texture().name}.jpg" and _texture().name.startswith("panel-")
    bpy.ops.relief.clear_cache()
    assert bpy.ops.relief.read_again() == {"FINISHED"}


@pytest.mark.parametrize("kind", ["fbx", "usdc"])
def test_two_photographs_of_one_name_are_two_in_exports(known, photo, tmp_path, kind):
    """As cameras number them, each folder from 1; these formats know a picture by its file's name."""
    (tmp_path / "other").mkdir()
    cv2.imwrite(str(tmp_path / "other" / photo.name), 255 - cv2.imread(str(photo)))
    first = cv2.imread(str(photo)).mean() / 255
    for path in (photo, tmp_path / "other" / photo.name):
        bpy.ops.relief.reconstruct(filepath=str(path))
    addon_utils.enable("io_scene_fbx")
    model = str(tmp_path / f"model.{kind}")
    if kind == "fbx":
        bpy.ops.export_scene.fbx(filepath=model, path_mode="COPY", embed_textures=True)
    else:
        bpy.ops.wm.usd_export(filepath=model)
    bpy.ops.wm.read_homefile(use_empty=True)
    (bpy.ops.import_scene.fbx if kind == "fbx" else bpy.ops.wm.usd_import)(filepath=model)
    grey = []
    for relief in sorted((o for o in bpy.data.objects if o.type == "MESH"), key=lambda o: o.matrix_world.translation.x):
        (texture,) = (n for n in relief.data.materials[0].node_tree.nodes if n.type == "TEX_IMAGE")
        grey.append(np.array(texture.image.pixels[:]).reshape(-1, 4)[:, :3].mean())
    assert grey == pytest.approx([first, 1.0 - first], abs=0.01)


def test_usd_exported_again_shows_the_photograph_of_now(known, photo, tmp_path):
    """It keeps a picture that lies there."""
    grey = []
    for _ in range(2):
        bpy.ops.wm.read_homefile(use_empty=True)
        bpy.ops.relief.reconstruct(filepath=str(photo))
        bpy.ops.wm.usd_export(filepath=str(tmp_path / "model.usdc"))
        bpy.ops.wm.read_homefile(use_empty=True)
        bpy.ops.wm.usd_import(filepath=str(tmp_path / "model.usdc"))
        (relief,) = (o for o in bpy.data.objects if o.type == "MESH")
        (texture,) = (n for n in relief.data.materials[0].node_tree.nodes if n.type == "TEX_IMAGE")
        grey += [cv2.imread(str(photo)).mean() / 255, np.array(texture.image.pixels[:]).reshape(-1, 4)[:, :3].mean()]
        cv2.imwrite(str(photo), 255 - cv2.imread(str(photo)))
    assert grey[0::2] == pytest.approx(grey[1::2], abs=0.01) and abs(grey[0] - grey[2]) > 0.05


def test_rims_of_the_photograph_do_not_show_the_opposite_ones(known, photo):
    bpy.ops.relief.reconstruct(filepath=str(photo))
    (texture,) = (n for n in bpy.context.active_object.active_material.node_tree.nodes if n.type == "TEX_IMAGE")
    assert texture.extension == "EXTEND"


def test_a_relief_of_a_reliefs_picture_has_its_name(known, photo):
    bpy.ops.relief.reconstruct(filepath=str(photo))
    image = _texture()
    bpy.context.view_layer.objects.active = None
    bpy.context.scene.relief.image = image
    assert bpy.ops.relief.reconstruct() == {"FINISHED"}
    assert bpy.context.active_object.name == "panel.001"


def test_jpeg_is_linked_where_photographs_are_not_packed(known, photo, tmp_path):
    jpeg = tmp_path / "upright.jpg"
    cv2.imwrite(str(jpeg), cv2.imread(str(photo)))
    chosen = bpy.data.images.load(str(jpeg))
    chosen.colorspace_settings.name = "Non-Color"
    preferences = bpy.context.preferences.addons["bl_ext.user_default.photo_to_relief"].preferences
    preferences.pack = False
    try:
        bpy.ops.relief.reconstruct(filepath=str(jpeg))
        image = _texture()
        assert image.packed_file is None and bpy.path.abspath(image.filepath) == str(jpeg)
        assert image.colorspace_settings.name == "sRGB", "whatever the artist does with an image of the same file"
        image.reload()
        assert image.size[:] == (120, 80)
        pixels = np.array(image.pixels[:]).reshape(80, 120, 4)[::-1, :, 2::-1]
        np.testing.assert_allclose(pixels * 255, cv2.imread(str(jpeg)), atol=12)
        chosen.relief.remove_dust = 1.0
        bpy.context.scene.relief.image = chosen
        bpy.context.view_layer.objects.active = None
        bpy.ops.relief.reconstruct()
        assert _texture().filepath != str(jpeg), "a prepared photograph is another picture than the file"
        bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "scene.blend"))
        bpy.context.scene.relief.image = None
        bpy.ops.relief.reconstruct(filepath=str(jpeg))
        assert _texture().filepath == "//upright.jpg", "the folder of a project may be moved"
    finally:
        preferences.pack = True


def _texture() -> bpy.types.Image:
    return bpy.context.active_object.active_material.node_tree.nodes["photo"].image


@pytest.mark.parametrize("mirrored", [False, True])
def test_camera_frames_the_relief_wherever_it_stands(known, photo, mirrored):
    bpy.ops.relief.reconstruct(filepath=str(photo))
    relief, scene = bpy.context.active_object, bpy.context.scene
    relief.location, relief.rotation_euler = (3.0, -2.0, 1.0), (0.2, 0.1, 2.0)
    relief.scale.x = -1.0 if mirrored else 1.0
    bpy.context.view_layer.update()
    assert bpy.ops.relief.stage() == {"FINISHED"}
    bpy.context.view_layer.update()
    seen = [world_to_camera_view(scene, scene.camera, relief.matrix_world @ Vector(c)) for c in relief.bound_box]
    assert all(0.0 < x < 1.0 and 0.0 < y < 1.0 and z > 0.0 for x, y, z in seen)
    spans = [max(p[axis] for p in seen) - min(p[axis] for p in seen) for axis in (0, 1)]
    assert max(spans) > 0.8
    outward = relief.matrix_world.to_3x3() @ Vector((0.0, -1.0, 0.0))
    assert (scene.camera.location - relief.location).dot(outward) > 0.0
    (sun,) = (o for o in scene.objects if o.type == "LIGHT")
    shines = sun.matrix_world.to_quaternion() @ Vector((0.0, 0.0, 1.0))
    assert 0.2 < shines.dot(outward) < 0.6, "raking, and from the front"
    assert bpy.context.view_layer.objects.active is relief
    framed = scene.camera.matrix_world.copy()
    relief.location.x += 5.0
    bpy.context.view_layer.update()
    assert bpy.ops.relief.stage() == {"FINISHED"}
    bpy.context.view_layer.update()
    assert len([o for o in scene.objects if o.type in ("LIGHT", "CAMERA")]) == 2, "a second time they move along"
    assert (scene.camera.matrix_world.translation - framed.translation).x == pytest.approx(5.0, abs=1e-3)
    assert bpy.data.user_map(subset=[relief])[relief] <= {relief.users_collection[0], scene}, "no camera keeps it alive"
    bpy.ops.relief.reconstruct(filepath=str(photo))
    assert bpy.ops.relief.stage() == {"FINISHED"}
    assert [len([o for o in scene.objects if o.type == kind]) for kind in ("LIGHT", "CAMERA")] == [1, 2]


@pytest.mark.parametrize("tied", ["parent", "quaternion", "delta"])
def test_camera_and_sun_find_their_place_whatever_they_are_tied_to(known, photo, tied):
    bpy.ops.relief.reconstruct(filepath=str(photo))
    relief, scene = bpy.context.active_object, bpy.context.scene
    relief.rotation_euler.z = 1.5
    bpy.context.view_layer.update()
    bpy.ops.relief.stage()
    bpy.context.view_layer.update()
    placed = [o for o in scene.objects if o.type in ("LIGHT", "CAMERA")]
    expected = [o.matrix_world.copy() for o in placed]
    dolly = bpy.data.objects.new("Dolly", None)
    dolly.location, dolly.rotation_euler, dolly.scale = (1.0, 2.0, 3.0), (0.3, 0.0, 1.0), (2.0,) * 3
    scene.collection.objects.link(dolly)
    for object_ in placed:
        if tied == "parent":
            object_.parent = dolly
        elif tied == "quaternion":
            object_.rotation_mode, object_.rotation_quaternion = "QUATERNION", (0.8, 0.6, 0.0, 0.0)
        else:
            object_.delta_location, object_.delta_rotation_euler.x = (1.0, 2.0, 3.0), 0.5
    bpy.context.view_layer.update()
    assert all(
        (o.matrix_world.translation - m.translation).length > 0.5 or tied == "quaternion"
        for o, m in zip(placed, expected, strict=True)
    )
    bpy.ops.relief.stage()
    bpy.context.view_layer.update()
    for object_, matrix in zip(placed, expected, strict=True):
        np.testing.assert_allclose(object_.matrix_world, matrix, atol=1e-4)


def test_what_the_artist_sees_behind_a_coin_stays_in_sight(known, photo):
    bpy.context.scene.relief.width_m, bpy.context.scene.relief.depth_m = 0.03, 0.002
    bpy.ops.relief.reconstruct(filepath=str(photo))
    bpy.ops.relief.stage()
    camera = bpy.context.scene.camera.data
    assert camera.clip_start < 0.001 and camera.clip_end >= 100.0
    camera.clip_start, camera.clip_end = 1e-4, 5000.0
    bpy.ops.relief.stage()
    assert (camera.clip_start, camera.clip_end) == pytest.approx((1e-4, 5000.0))
    camera.clip_start, camera.clip_end = 0.5, 0.6
    bpy.ops.relief.stage()
    assert camera.clip_start < 0.001 and camera.clip_end > 0.6, "so far as the coin needs it"


def test_a_sun_that_is_hidden_shines_again_and_one_out_of_reach_is_not_taken(known, photo):
    bpy.ops.relief.reconstruct(filepath=str(photo))
    relief, scene, layer = bpy.context.active_object, bpy.context.scene, bpy.context.view_layer
    bpy.ops.relief.stage()
    (sun,) = (o for o in scene.objects if o.type == "LIGHT")
    sun.hide_render = sun.hide_viewport = True
    sun.hide_set(True)
    bpy.ops.relief.stage()
    assert [o for o in scene.objects if o.type == "LIGHT"] == [sun]
    layer.update()
    assert sun.visible_get() and not sun.hide_render
    away = bpy.data.collections.new("away")
    scene.collection.children.link(away)
    away.objects.link(sun)
    scene.collection.objects.unlink(sun)
    layer.layer_collection.children["away"].exclude = True
    layer.objects.active = relief
    bpy.ops.relief.stage()
    assert len([o for o in scene.objects if o.type == "LIGHT"]) == 2


@pytest.mark.parametrize("width_m, resolution_m", [(0.03, 3e-5), (2.0, 0.001)])
def test_the_suns_shadows_are_as_fine_as_the_relief(known, photo, width_m, resolution_m):
    bpy.context.scene.relief.width_m = width_m
    bpy.ops.relief.reconstruct(filepath=str(photo))
    bpy.ops.relief.stage()
    (sun,) = (o.data for o in bpy.context.scene.objects if o.type == "LIGHT")
    assert sun.shadow_maximum_resolution == pytest.approx(resolution_m)
    sun.shadow_maximum_resolution = 0.5
    bpy.ops.relief.stage()
    assert sun.shadow_maximum_resolution == 0.5, "the artist's by now"


@pytest.mark.parametrize("own_camera", [False, True])
def test_camera_and_sun_are_seen_in_local_view(known, photo, own_camera):
    bpy.ops.relief.reconstruct(filepath=str(photo))
    relief, scene = bpy.context.active_object, bpy.context.scene
    bpy.ops.relief.stage()
    camera, (sun,) = scene.camera, (o for o in scene.objects if o.type == "LIGHT")
    scene.camera = other = bpy.data.objects.new("Other", bpy.data.cameras.new("Other"))
    scene.collection.objects.link(other)
    window = bpy.context.window_manager.windows[0]
    area = next(area for area in window.screen.areas if area.type == "VIEW_3D")
    region, view = next(region for region in area.regions if region.type == "WINDOW"), area.spaces.active
    with bpy.context.temp_override(window=window, area=area, region=region):
        bpy.ops.view3d.localview(frame_selected=False)
    view.use_local_camera, view.camera = own_camera, other
    assert [o.visible_get(viewport=view) for o in (relief, sun, camera, other)] == [True, False, False, False]
    bpy.ops.relief.stage()
    assert [o.visible_get(viewport=view) for o in (relief, sun, camera, other)] == [True, True, True, False]
    assert scene.camera == camera and view.camera == (other if own_camera else camera)
    bpy.ops.relief.reconstruct(filepath=str(photo))
    assert bpy.context.active_object != relief and bpy.context.active_object.visible_get(viewport=view)


def test_staging_again_keeps_what_the_artist_set(known, photo):
    bpy.ops.relief.reconstruct(filepath=str(photo))
    relief, scene = bpy.context.active_object, bpy.context.scene
    bpy.ops.relief.stage()
    camera, (sun,) = scene.camera, (o for o in scene.objects if o.type == "LIGHT")
    assert (camera.data.lens, sun.data.energy) == (85.0, 3.0)
    camera.data.lens, sun.data.energy, relief.name = 50.0, 1.0, "Saint"
    bpy.ops.relief.reconstruct(filepath=str(photo))
    bpy.ops.relief.stage()
    assert scene.camera != camera, "another relief has the name by now"
    bpy.context.view_layer.objects.active = relief
    bpy.ops.relief.stage()
    assert scene.camera == camera and (camera.data.lens, sun.data.energy) == (50.0, 1.0)
    bpy.ops.object.select_all(action="DESELECT")
    relief.select_set(True)
    bpy.ops.object.duplicate()
    bpy.ops.relief.stage()
    assert bpy.context.active_object != relief and scene.camera != camera, "a duplicate gets its own"
    bpy.context.view_layer.objects.active = relief
    bpy.ops.relief.stage()
    assert scene.camera == camera
    assert len([o for o in scene.objects if o.type == "CAMERA"]) == 3


def test_a_linked_relief_keeps_its_camera_too(linked, tmp_path):
    for _ in range(2):
        bpy.context.view_layer.objects.active = bpy.data.objects["panel"]
        assert bpy.ops.relief.stage() == {"FINISHED"}
        bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "scene.blend"))
        bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "scene.blend"))
    assert len([o for o in bpy.context.scene.objects if o.type == "CAMERA"]) == 1


def test_a_camera_and_a_sun_of_another_file_stay_as_they_are(known, photo, tmp_path):
    bpy.ops.relief.reconstruct(filepath=str(photo))
    bpy.ops.relief.stage()
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "library.blend"))
    bpy.ops.wm.read_homefile(use_empty=True)
    with bpy.data.libraries.load(str(tmp_path / "library.blend"), link=True) as (there, here):
        here.objects = list(there.objects)
    for object_ in here.objects:
        bpy.context.scene.collection.objects.link(object_)
    relief = bpy.data.objects["panel"]
    bpy.context.view_layer.objects.active = relief
    relief.select_set(True)
    bpy.ops.object.make_local(type="SELECT_OBDATA")
    relief = bpy.context.active_object
    relief.location.x = 5.0
    bpy.context.view_layer.update()
    assert relief.library is None and bpy.ops.relief.stage() == {"FINISHED"}
    camera, scene = bpy.context.scene.camera, bpy.context.scene
    assert camera.library is None and camera.location.x > 3.0
    assert [o.library is None for o in scene.objects if o.type == "CAMERA" and o.location.x < 1.0] == [False]
    assert [o.library is None for o in scene.objects if o.type == "LIGHT"] == [False], "two would be too bright"


def test_a_sun_that_another_view_layer_alone_shows_lights_nothing_here(known, photo):
    bpy.ops.relief.reconstruct(filepath=str(photo))
    bpy.ops.relief.stage()
    scene = bpy.context.scene
    (sun,) = (o for o in scene.objects if o.type == "LIGHT")
    lamps = bpy.data.collections.new("lamps")
    scene.collection.children.link(lamps)
    for collection in sun.users_collection:
        collection.objects.unlink(sun)
    lamps.objects.link(sun)
    scene.view_layers.new("lit")
    bpy.context.view_layer.layer_collection.children["lamps"].exclude = True
    assert bpy.ops.relief.stage() == {"FINISHED"}
    assert [o.type for o in bpy.context.view_layer.objects].count("LIGHT") == 1


@pytest.mark.parametrize("size", [(1920, 1080), (400, 1000)])
def test_an_orthographic_camera_frames_the_relief_too(known, photo, size):
    bpy.ops.relief.reconstruct(filepath=str(photo))
    relief, scene = bpy.context.active_object, bpy.context.scene
    scene.render.resolution_x, scene.render.resolution_y = size
    bpy.ops.relief.stage()
    scene.camera.data.type = "ORTHO"
    relief.location, relief.rotation_euler = (3.0, -2.0, 1.0), (0.2, 0.1, 2.0)
    relief.scale = (2.0,) * 3
    bpy.context.view_layer.update()
    bpy.ops.relief.stage()
    bpy.context.view_layer.update()
    seen = [world_to_camera_view(scene, scene.camera, relief.matrix_world @ Vector(c)) for c in relief.bound_box]
    near, far = scene.camera.data.clip_start, scene.camera.data.clip_end
    assert all(0.0 < x < 1.0 and 0.0 < y < 1.0 and near < z < far for x, y, z in seen)
    assert max(max(p[axis] for p in seen) - min(p[axis] for p in seen) for axis in (0, 1)) > 0.9
