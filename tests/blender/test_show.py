"""What the relief's material can show."""

from __future__ import annotations

from types import SimpleNamespace
from unittest.mock import MagicMock

import bpy
import numpy as np
import pytest


def _colour_source() -> bpy.types.Node:
    shader = next(n for n in bpy.context.active_object.active_material.node_tree.nodes if n.type == "BSDF_PRINCIPLED")
    return shader.inputs["Base Color"].links[0].from_node


def _shown(material: bpy.types.Material) -> str:
    """Name of the node that colours a material."""
    shader = next(n for n in material.node_tree.nodes if n.type == "BSDF_PRINCIPLED")
    return shader.inputs["Base Color"].links[0].from_node.name


def _screen(linear) -> list[int]:
    return [round(255 * (12.92 * v if v <= 0.0031308 else 1.055 * v ** (1 / 2.4) - 0.055)) for v in list(linear)[:3]]


def test_photograph_first_and_again(module, known, photo):
    bpy.ops.relief.reconstruct(filepath=str(photo))
    texture = _colour_source()
    assert texture.type == "TEX_IMAGE"
    bpy.ops.relief.show(view="height")
    nodes = len(bpy.context.active_object.active_material.node_tree.nodes)
    bpy.ops.relief.show(view="photo")
    assert _colour_source() == texture and texture.image.colorspace_settings.name == "sRGB"
    bpy.ops.relief.show(view="height")
    assert len(bpy.context.active_object.active_material.node_tree.nodes) == nodes, "made once"


@pytest.mark.parametrize("view", ["height", "confidence", "soft_edge", "segment"])
def test_views_read_the_attribute_of_their_name(module, known, photo, view):
    bpy.ops.relief.reconstruct(filepath=str(photo))
    bpy.ops.relief.show(view=view)
    relief = bpy.context.active_object
    ramp, node = _colour_source(), _colour_source()
    while node.type != "ATTRIBUTE":
        node = node.inputs[0].links[0].from_node
    assert node.attribute_name == view and view in relief.data.attributes
    palette = {"soft_edge": "EDGE_PALETTE", "segment": "SEGMENT_PALETTE"}.get(view)
    if palette is None:
        return
    expected = getattr(module("inference.maps"), palette)
    middle = ramp.inputs["Fac"].links[0].from_node
    scale, offset = middle.inputs[1].default_value, middle.inputs[2].default_value
    seen = [_screen(ramp.color_ramp.evaluate(k * scale + offset)) for k in range(len(expected))]
    np.testing.assert_allclose(seen, expected, atol=1)


def test_unsure_is_red_and_the_slab_is_dark(module, known, photo):
    bpy.ops.relief.reconstruct(filepath=str(photo))
    bpy.ops.relief.show(view="confidence")
    red, green, _ = _screen(_colour_source().color_ramp.evaluate(0.7))
    assert red > 4 * green
    assert min(_screen(_colour_source().color_ramp.evaluate(1.0))) > 200
    bpy.ops.relief.show(view="height")
    assert _screen(_colour_source().color_ramp.evaluate(0.0)) == [0, 0, 0]


def test_paint_lies_over_the_photograph(module, known, photo):
    bpy.ops.relief.reconstruct(filepath=str(photo))
    texture = _colour_source()
    with pytest.raises(RuntimeError, match="Nothing is painted"):
        bpy.ops.relief.show(view="corrections")
    assert _colour_source() == texture
    bpy.ops.relief.paint(meaning="flat")
    bpy.ops.object.mode_set(mode="OBJECT")
    mix = _colour_source()
    assert mix.bl_idname == "ShaderNodeMix" and mix.data_type == "RGBA"
    below, above = (next(s for s in mix.inputs if s.name == n and s.type == "RGBA") for n in ("A", "B"))
    assert below.links[0].from_node == texture
    paint = above.links[0].from_node.inputs["Color"].links[0].from_node
    assert paint.layer_name in bpy.context.active_object.data.color_attributes
    shader = next(n for n in texture.id_data.nodes if n.type == "BSDF_PRINCIPLED")
    assert shader.inputs["Base Color"].links[0].from_socket.type == "RGBA"


def test_each_view_says_that_exports_would_lose_the_photograph_with_it(module, known, photo, tmp_path):
    bpy.ops.relief.reconstruct(filepath=str(photo))
    relief = bpy.context.active_object
    bpy.ops.relief.paint(meaning="flat")
    bpy.ops.object.mode_set(mode="OBJECT")
    for view, _, description in module("operators.material").VIEWS:
        relief.relief_view = view
        bpy.ops.wm.obj_export(filepath=str(tmp_path / "model.obj"))
        assert ("map_Kd panel-" in (tmp_path / "model.mtl").read_text()) == (view == "photo")
        assert description.endswith("; set Show back to Photograph before exporting") == (view != "photo")


def _add_hue(relief: bpy.types.Object) -> bpy.types.Node:
    """An artist's own node between what colours the shader and that."""
    tree, before = relief.active_material.node_tree, _colour_source()
    hue = tree.nodes.new("ShaderNodeHueSaturation")
    shader = next(n for n in tree.nodes if n.type == "BSDF_PRINCIPLED")
    tree.links.new(next(s for s in before.outputs if s.is_linked), hue.inputs["Color"])
    tree.links.new(hue.outputs["Color"], shader.inputs["Base Color"])
    return hue


def test_an_artists_own_nodes_come_back_with_the_photograph(known, photo):
    bpy.ops.relief.reconstruct(filepath=str(photo))
    relief, texture = bpy.context.active_object, _colour_source()
    hue = _add_hue(relief)
    for view in ("height", "soft_edge"):
        bpy.ops.relief.show(view=view)
    bpy.ops.relief.paint(meaning="raise")
    bpy.ops.object.mode_set(mode="OBJECT")
    below = next(s for s in _colour_source().inputs if s.name == "A" and s.type == "RGBA")
    assert below.links[0].from_node == hue, "the paint lies over them"
    hue.name = "renamed"
    bpy.ops.relief.show(view="photo")
    assert _colour_source() == hue and hue.inputs["Color"].links[0].from_node == texture
    bpy.ops.relief.show(view="height")
    relief.active_material.node_tree.nodes.remove(hue)
    bpy.ops.relief.show(view="corrections")
    assert below.links[0].from_node == texture
    bpy.ops.relief.show(view="photo")
    assert _colour_source() == texture


def test_an_artists_own_nodes_over_the_paint_close_no_loop(known, photo):
    bpy.ops.relief.reconstruct(filepath=str(photo))
    texture = _colour_source()
    bpy.ops.relief.paint(meaning="raise")
    bpy.ops.object.mode_set(mode="OBJECT")
    mix, hue = _colour_source(), _add_hue(bpy.context.active_object)
    bpy.ops.relief.show(view="height")
    bpy.ops.relief.show(view="corrections")
    assert _colour_source() == mix
    assert next(s for s in mix.inputs if s.name == "A" and s.type == "RGBA").links[0].from_node == texture
    bpy.ops.relief.show(view="photo")
    assert _colour_source() == hue and hue.inputs["Color"].links[0].from_node == mix


def test_the_property_shows_and_offers_paint_only_once_there_is_some(module, known, photo):
    bpy.ops.relief.reconstruct(filepath=str(photo))
    relief = bpy.context.active_object
    assert relief.relief_view == "photo"
    relief.relief_view = "height"
    assert _colour_source().name == "height"
    with pytest.raises(TypeError):
        relief.relief_view = "corrections"
    bpy.ops.relief.paint(meaning="flat")
    bpy.ops.object.mode_set(mode="OBJECT")
    assert relief.relief_view == "corrections"
    bpy.ops.relief.show(view="photo")
    assert relief.relief_view == "photo" and _colour_source().type == "TEX_IMAGE"


def test_thumbnails_have_the_colours_of_their_view(module, known, photo):
    bpy.ops.relief.reconstruct(filepath=str(photo))
    relief, thumbnails = bpy.context.active_object, module("operators.thumbnails")
    rows, columns = relief["relief_grid"]
    maps = module("inference.maps")
    for view, palette in (("soft_edge", maps.EDGE_PALETTE), ("segment", maps.SEGMENT_PALETTE)):
        picture = thumbnails.thumbnail(relief, view)
        step = -(-max(rows, columns) // 128)
        assert picture.shape == (len(range(0, rows, step)), len(range(0, columns, step)), 4)
        classes = np.empty(rows * columns, np.int32)
        relief.data.attributes[view].data.foreach_get("value", classes)
        expected = palette[classes.reshape(rows, columns)[::step, ::step]] / 255
        np.testing.assert_allclose(picture[..., :3], expected, atol=1e-6)
    heights = np.empty(rows * columns, np.float32)
    relief.data.attributes["height"].data.foreach_get("value", heights)
    np.testing.assert_allclose(
        thumbnails.thumbnail(relief, "height")[0, 0, :3], heights.reshape(rows, columns)[0, 0].clip(0, 1), atol=1e-6
    )
    icon = thumbnails.small(picture)
    assert icon.shape == (32, 32, 4) and icon[16, 16, 3] == 1.0 and icon[0, 0, 3] == 0.0, "wide, in the middle"
    relief["relief_grid"] = "[80, 120]"  # as after FBX
    assert thumbnails.thumbnail(relief, "height") is None and thumbnails.icon(relief, "segment") == 0
    relief.data.clear_geometry()
    assert thumbnails.thumbnail(relief, "height") is None


def test_the_thumbnail_of_the_height_follows_the_sliders(module, known, photo):
    bpy.ops.relief.reconstruct(filepath=str(photo))
    relief, thumbnails = bpy.context.active_object, module("operators.thumbnails")
    thumbnails.clear()
    number = thumbnails.icon(relief, "height")

    def pixels():
        (picture,) = (p for key, p in thumbnails._pictures[0].items() if key.endswith(" height"))
        return list(picture.image_pixels_float), list(picture.icon_pixels_float)

    before = pixels()
    assert max(before[1]) > 0.0
    bpy.context.scene.relief.layering = 2.0
    bpy.ops.relief.refine()
    assert thumbnails.icon(relief, "height") == number and pixels() != before


@pytest.mark.parametrize("other", ["without nodes", "another shader"])
def test_nothing_to_show_on_another_material(known, photo, other):
    bpy.ops.relief.reconstruct(filepath=str(photo))
    relief = bpy.context.active_object
    if other == "without nodes":
        relief.data.materials[0] = bpy.data.materials.new("Clay")
    else:
        nodes = relief.active_material.node_tree.nodes
        nodes.remove(nodes["Principled BSDF"])
    assert not bpy.ops.relief.show.poll()
    relief.relief_view = "height"
    assert bpy.ops.relief.paint() == {"FINISHED"}


def test_who_painted_sees_what_was_shown_before(module, known, photo):
    bpy.ops.relief.reconstruct(filepath=str(photo))
    relief, paint = bpy.context.active_object, module("operators.paint")
    for chosen, seen in ((None, "height"), ("segment", "segment")):
        relief.relief_view = "height"
        assert bpy.ops.relief.paint() == bpy.ops.relief.paint(meaning="flat") == {"FINISHED"}
        paint.show_again()
        assert relief.relief_view == "corrections", "still at it"
        if chosen is not None:
            relief.relief_view = chosen
        bpy.ops.object.mode_set(mode="OBJECT")
        paint.show_again()
        assert relief.relief_view == seen and paint.VIEW_BEFORE not in relief
    relief.relief_view = "corrections"
    paint.show_again()
    assert relief.relief_view == "corrections", "it was chosen"


def test_undo_to_where_a_mode_was_left_shows_no_paint(module, known, photo):
    """Blender keeps that step before it tells of the mode."""
    bpy.ops.relief.reconstruct(filepath=str(photo))
    bpy.ops.relief.paint()
    bpy.ops.object.mode_set(mode="OBJECT")
    bpy.ops.ed.undo_push(message="Object Mode")
    module("operators.paint").show_again()
    bpy.context.active_object.location.x = 1.0
    bpy.ops.ed.undo_push(message="Move")
    bpy.ops.ed.undo()
    relief = bpy.context.active_object
    assert relief.location.x == 0.0 and relief.relief_view == "photo" and "relief_view_before" not in relief


def test_another_material_in_a_chosen_slot_hides_nothing(module, known, photo):
    bpy.ops.relief.reconstruct(filepath=str(photo))
    relief = bpy.context.active_object
    own = relief.active_material
    relief.data.materials.append(bpy.data.materials.new("Clay"))
    relief.active_material_index = 1
    assert bpy.ops.relief.show(view="height") == {"FINISHED"}
    assert _shown(own) == "height"
    module("operators.thumbnails").icon(relief, "photo")
    assert bpy.ops.relief.paint() == {"FINISHED"}
    bpy.ops.object.mode_set(mode="OBJECT")
    assert relief.relief_view == "corrections"
    bpy.ops.relief.clear_cache()
    assert bpy.ops.relief.read_again() == {"FINISHED"}


def test_a_duplicate_shows_what_it_likes(known, photo):
    bpy.ops.relief.reconstruct(filepath=str(photo))
    first = bpy.context.active_object
    twin, other = first.copy(), first.copy()  # as Alt-D and Shift-D
    other.data = first.data.copy()
    for object_ in (twin, other):
        bpy.context.scene.collection.objects.link(object_)
    bpy.context.view_layer.objects.active = other
    bpy.ops.relief.show(view="height")
    assert _shown(other.active_material) == "height" and _shown(first.active_material) == "photo"
    assert twin.active_material == first.active_material and len(bpy.data.materials) == 2
    bpy.ops.relief.show(view="segment")
    twin.relief_view = "confidence"
    assert _shown(other.active_material) == "segment" and _shown(first.active_material) == "confidence"
    assert first.relief_view == "confidence" and other.relief_view == "segment", "each says what it shows"
    assert len(bpy.data.materials) == 2


def test_paint_that_was_removed_while_it_is_shown_stays_in_the_list(module, known, photo):
    bpy.ops.relief.reconstruct(filepath=str(photo))
    relief, views = bpy.context.active_object, module("operators.show")._views
    bpy.ops.relief.paint()
    bpy.ops.object.mode_set(mode="OBJECT")
    relief.data.attributes.remove(relief.data.attributes["corrections"])
    assert relief.relief_view == "corrections" and views(relief, None)[-1][0] == "corrections"
    relief.relief_view = "photo"
    assert "corrections" not in [view[0] for view in views(relief, None)]


def test_a_linked_material_is_left_as_it_is(known, photo, tmp_path):
    bpy.ops.relief.reconstruct(filepath=str(photo))
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "library.blend"), copy=True)
    relief = bpy.context.active_object
    with bpy.data.libraries.load(str(tmp_path / "library.blend"), link=True) as (there, here):
        here.materials = list(there.materials)
    relief.data.materials[0] = here.materials[0]
    with pytest.raises(RuntimeError, match="material is linked from another file. Make it local first"):
        bpy.ops.relief.show(view="height")
    relief.relief_view = "height"
    assert bpy.ops.relief.paint() == {"FINISHED"}
    bpy.ops.object.mode_set(mode="OBJECT")
    assert _shown(here.materials[0]) == "photo" and relief.relief_view == "height"
    assert relief.data.materials[0] == here.materials[0]


def test_views_outlive_the_photograph(known, photo):
    bpy.ops.relief.reconstruct(filepath=str(photo))
    bpy.data.images.remove(bpy.context.active_object.active_material.node_tree.nodes["photo"].image)
    assert bpy.ops.relief.show(view="height") == {"FINISHED"}
    assert _colour_source().name == "height"


@pytest.mark.parametrize(
    "kind, colour, view, seen",
    [
        ("SOLID", "MATERIAL", "photo", False),
        ("SOLID", "TEXTURE", "photo", True),
        ("SOLID", "TEXTURE", "segment", False),
        ("SOLID", "VERTEX", "photo", False),
        ("WIREFRAME", "TEXTURE", "photo", False),
        ("MATERIAL", "MATERIAL", "segment", True),
        ("RENDERED", "MATERIAL", "segment", True),
        (None, None, "segment", True),
    ],
)
def test_the_sidebar_offers_to_see_what_is_shown(module, known, photo, kind, colour, view, seen):
    """A new viewport is Solid, in one colour for each material."""
    bpy.ops.relief.reconstruct(filepath=str(photo))
    bpy.context.active_object.relief_view = view
    viewport, layout = None, MagicMock()
    if kind is not None:
        viewport = next(a.spaces.active for s in bpy.data.screens for a in s.areas if a.type == "VIEW_3D")
        viewport.shading.color_type, viewport.shading.type = colour, kind
    context = SimpleNamespace(space_data=viewport, region=SimpleNamespace(width=280))
    context.preferences = SimpleNamespace(system=SimpleNamespace(ui_scale=1.0))
    for name in ("scene", "view_layer", "window_manager"):
        setattr(context, name, getattr(bpy.context, name))
    module("ui.panels").RELIEF_PT_main.draw(SimpleNamespace(layout=layout), context)
    assert layout.prop_enum.called != seen
    if not seen:
        (group, name, value), words = layout.prop_enum.call_args
        setattr(group, name, value)
        assert words == {"text": "Switch to Material Preview"} and viewport.shading.type == "MATERIAL"


def test_sliders_that_change_nothing_are_dimmed(module, known, photo):
    acts, sliders = module("ui.panels")._acts, bpy.context.scene.relief
    assert not acts("edge_threshold", sliders, bpy.context) and acts("smoothing", sliders, bpy.context)
    for name in ("smoothing", "bevel", "strength_soft", "strength_medium", "strength_sharp"):
        setattr(sliders, name, 0.5)
        assert acts("edge_threshold", sliders, bpy.context), name
        sliders.property_unset(name)
    assert acts("width_m", sliders, bpy.context)
    empty = bpy.data.objects.new("reference", None)
    empty.empty_display_type, empty.data = "IMAGE", bpy.data.images.new("picture", 90, 90)
    bpy.context.scene.collection.objects.link(empty)
    bpy.context.view_layer.objects.active = empty
    empty.select_set(True)
    assert not acts("width_m", sliders, bpy.context) and acts("depth_m", sliders, bpy.context)


def test_nothing_to_show_without_a_relief(module):
    assert not bpy.ops.relief.show.poll()
    bpy.ops.mesh.primitive_cube_add()
    assert not bpy.ops.relief.show.poll()


def test_the_picture_of_the_height_follows_paint(module, known, photo):
    bpy.ops.relief.reconstruct(filepath=str(photo))
    relief, thumbnails = bpy.context.active_object, module("operators.thumbnails")
    thumbnails.icon(relief, "height")
    (pictures,) = thumbnails._pictures
    before = list(pictures[f"{relief.data.session_uid} height"].image_pixels_float)
    bpy.ops.relief.paint(meaning="raise")
    bpy.ops.object.mode_set(mode="OBJECT")
    for vertex in relief.data.color_attributes["corrections"].data[:3000]:
        vertex.color_srgb = (1.0, 1.0, 1.0, 1.0)
    bpy.ops.relief.refine()
    thumbnails.icon(relief, "height")
    after = list(pictures[f"{relief.data.session_uid} height"].image_pixels_float)
    assert np.abs(np.subtract(after, before)).max() > 0.1


def test_the_picture_of_the_height_follows_undo(module, known, photo):
    """The settings are the same before and after a painted Refine."""
    bpy.ops.relief.reconstruct(filepath=str(photo))
    relief, thumbnails = bpy.context.active_object, module("operators.thumbnails")
    bpy.ops.relief.paint(meaning="raise")
    bpy.ops.object.mode_set(mode="OBJECT")
    for vertex in relief.data.color_attributes["corrections"].data[:3000]:
        vertex.color_srgb = (1.0, 1.0, 1.0, 1.0)
    bpy.ops.ed.undo_push(message="Paint")

    def picture() -> list[float]:
        relief = bpy.context.active_object
        thumbnails.icon(relief, "height")
        (pictures,) = thumbnails._pictures
        return list(pictures[f"{relief.data.session_uid} height"].image_pixels_float)

    before = picture()
    bpy.ops.relief.refine()
    bpy.ops.ed.undo_push(message="Refine")
    after = picture()
    assert np.abs(np.subtract(after, before)).max() > 0.1
    bpy.ops.ed.undo()
    np.testing.assert_array_equal(picture(), before)
    bpy.ops.ed.redo()
    np.testing.assert_array_equal(picture(), after)
