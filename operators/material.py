"""The material of a relief: dull stone that shows the photograph, or what the network said of it."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable
from typing import TYPE_CHECKING

import bpy

if TYPE_CHECKING:
    import numpy.typing as npt

PAINT = "corrections"
"""The colour attribute in which corrections are painted."""
VIEWS = (
    ("photo", "Photograph", "The photograph itself"),
    ("height", "Height", "Dark is the slab, bright stands out; set Show back to Photograph before exporting"),
    (
        "soft_edge",
        "Soft Edges",
        "Blue is soft, green medium, orange sharp; set Show back to Photograph before exporting",
    ),
    (
        "segment",
        "Segments",
        "Grey is ground, orange figures, red animals, green plants, blue buildings, yellow objects; set Show back to"
        " Photograph before exporting",
    ),
    (
        "confidence",
        "Confidence",
        "Red is where the network is unsure: look there first; set Show back to Photograph before exporting",
    ),
    (PAINT, "Paint", "The photograph, and over it what is painted; set Show back to Photograph before exporting"),
)
DETAIL = "relief_detail"
"""Name of the node that holds what is finer than the mesh."""
CONTENT, STEM = "relief_content", "relief_stem"
"""Stand on a normal map: what its file holds, and its name but for that. The first on a mesh too: what its map should
hold, for undo does not always bring that back."""
BASE = "relief_base"
"""Stands on the node that gave the shader its colour before a view did, and names the socket."""
UNSURE, SURE = (150, 20, 20), (235, 235, 225)
DOUBTFUL = 0.75
"""A confidence that is as red as can be: on real photographs 98 % of it lies between this and 1."""


def fill_material(material: bpy.types.Material, image: bpy.types.Image) -> None:
    """The photograph as the base colour of dull stone."""
    if bpy.app.version < (5, 0):  # always on since
        material.use_nodes = True
    nodes, links = material.node_tree.nodes, material.node_tree.links
    shader = _shader(material)
    shader.inputs["Roughness"].default_value = 0.9
    texture = nodes.new("ShaderNodeTexImage")
    texture.name, texture.image, texture.extension = "photo", image, "EXTEND"  # no rim shows the opposite one
    texture.location = (shader.location.x - 320.0, shader.location.y)
    links.new(texture.outputs["Color"], shader.inputs["Base Color"])


def wear_detail(material: bpy.types.Material, data: bytes | None) -> bpy.types.Image | None:
    """Light a relief by this normal map, a PNG file, or by its mesh alone; gives the map's image."""
    image = place_detail(material, data is not None)
    if image is not None and data is not None:
        fill_detail(image, data)
    return image


def place_detail(material: bpy.types.Material, wanted: bool) -> bpy.types.Image | None:
    """Make room for a normal map in a relief's material, or take the map away; gives its image, which may be empty.

    What an artist has given the shader for a normal stays, and so does what they made of an earlier map's nodes. Images
    and nodes come and go, so it belongs into a step of undo: else undo brings back a material whose image is freed.
    """
    nodes, links = material.node_tree.nodes, material.node_tree.links
    texture = _detail_node(material)
    old = None if texture is None else texture.image
    if wanted and old is not None and old.library is None and old.users == 1:
        return old
    takes_one = texture is not None or (is_of_relief(material) and not _shader(material).inputs["Normal"].is_linked)
    image = _normal_map(material.name) if wanted and takes_one else None
    if image is None and texture is not None:
        followers = [link.to_node for link in texture.outputs["Color"].links]
        for node in [texture, *(node for node in followers if node.type == "NORMAL_MAP")]:
            nodes.remove(node)
    elif image is not None and texture is not None:
        texture.image = image
    elif image is not None:
        place = _shader(material).location
        row = -320.0 * (len(VIEWS) + 1)
        texture = nodes.new("ShaderNodeTexImage")
        texture.name, texture.image, texture.extension = DETAIL, image, "EXTEND"
        texture.location = (place.x - 640.0, place.y + row)
        map_ = nodes.new("ShaderNodeNormalMap")
        map_.location = (place.x - 320.0, place.y + row)
        links.new(texture.outputs["Color"], map_.inputs["Color"])
        links.new(map_.outputs["Normal"], _shader(material).inputs["Normal"])
    if old is not None and old.users == 0:
        bpy.data.images.remove(old)
    return image


def fill_detail(image: bpy.types.Image, data: bytes) -> None:
    """Give a normal map's image the bytes of a PNG file."""
    if image.get(CONTENT) == content_of(data):
        return
    image.name = named_by_content(image.get(STEM, image.name), data)
    pack_as_file(image, data, ".png")
    image.buffers_free()  # else the viewport goes on with the pixels of before
    image[CONTENT] = _shown[image.session_uid] = content_of(data)


_shown: dict[int, str] = {}
"""By a normal map's session_uid: what its file held when it was last looked at."""


def show_packed(images: Iterable[bpy.types.Image]) -> None:
    """After undo and redo, which bring back a normal map's file and leave the pixels of what was undone."""
    for image in images:
        content = image.get(CONTENT, "")
        if _shown.get(image.session_uid) != content and image.packed_file is not None and not image.is_dirty:
            image.buffers_free()
        _shown[image.session_uid] = content


def content_of(data: bytes) -> str:
    """What tells a file from another."""
    return f"{zlib.crc32(data):08x}"


def with_detail(object_: bpy.types.Object) -> bpy.types.Material | None:
    """The material with an object's normal map in it, whatever else an artist made of it."""
    materials = (slot.material for slot in object_.material_slots if slot.material and slot.material.node_tree)
    return next((material for material in materials if _detail_node(material) is not None), None)


def detail_of(object_: bpy.types.Object) -> bpy.types.Image | None:
    """The image of an object's normal map."""
    material = with_detail(object_)
    return None if material is None else _detail_node(material).image


def _detail_node(material: bpy.types.Material) -> bpy.types.Node | None:
    node = material.node_tree.nodes.get(DETAIL)
    return node if node is not None and node.type == "TEX_IMAGE" else None


def _normal_map(name: str) -> bpy.types.Image | None:
    """An image that changes no normals, or None where Blender's colours would bend them."""
    stem = f"{name} normals"
    image = bpy.data.images.new(stem, 8, 8)
    try:
        image.colorspace_settings.name = "Non-Color"
    except TypeError:  # a studio's colours may know none of that name
        bpy.data.images.remove(image)
        return None
    image.generated_color = (0.5, 0.5, 1.0, 1.0)
    image[STEM] = stem
    return image


def pack_as_file(image: bpy.types.Image, data: bytes, suffix: str) -> None:
    """Fill an image with a file's bytes, packed."""
    image.pack(data=data, data_len=len(data))
    # Exporters leave out a picture without a file's name and take two of one for the same; USD writes the image's.
    image.filepath_raw = f"//textures/{image.name}{suffix}"
    image.source = "FILE"


def named_by_content(name: str, data: bytes) -> str:
    """A picture's name that no other picture has: USD keeps a file that has it already, whatever that shows."""
    name = re.sub(r"[/\\]", "_", name).encode()[:50].decode(errors="ignore")  # USD takes those for folders
    return f"{name}-{content_of(data)}"


def photograph_of(object_: bpy.types.Object) -> bpy.types.Image | None:
    """The photograph that a relief's material shows, or None where it is gone or the material another by now."""
    material = material_of(object_)
    return None if material is None else material.node_tree.nodes["photo"].image


def material_of(object_: bpy.types.Object) -> bpy.types.Material | None:
    """The material that shows a relief's photograph, whichever slot is chosen; None where it has none by now."""
    return next((slot.material for slot in object_.material_slots if is_of_relief(slot.material)), None)


def photographs_worn() -> set[bpy.types.Image]:
    """The photographs on all reliefs."""
    return {m.node_tree.nodes["photo"].image for m in bpy.data.materials if is_of_relief(m)}


def with_others(object_: bpy.types.Object, material: bpy.types.Material) -> list[bpy.types.Object]:
    """The objects of other meshes that wear an object's material."""
    return [
        other
        for other in bpy.data.objects
        if other.data != object_.data and any(slot.material == material for slot in other.material_slots)
    ]


def own_material(object_: bpy.types.Object, material: bpy.types.Material | None) -> bpy.types.Material | None:
    """One of an object's materials, a duplicate's or a linked one copied first: others do not show what this does."""
    if material is None:
        return None
    if not (material.library or material.override_library or with_others(object_, material)):
        return material
    copy = material.copy()
    for slot in object_.material_slots:
        if slot.material == material:
            slot.material = copy
    return copy


def shown(material: bpy.types.Material) -> str:
    """Name of the node that gives a relief's material its colour, which is that of one of VIEWS."""
    links = _shader(material).inputs["Base Color"].links
    return links[0].from_node.name if links else ""


def is_of_relief(material: bpy.types.Material | None) -> bool:
    """Whether a material is as `fill_material` made it, as far as `show` needs that."""
    nodes = None if material is None or material.node_tree is None else material.node_tree.nodes
    return (
        nodes is not None
        and "photo" in nodes
        and nodes["photo"].type == "TEX_IMAGE"
        and any(node.type == "BSDF_PRINCIPLED" for node in nodes)
    )


def show(material: bpy.types.Material, view: str) -> None:
    """Give a relief's material one of VIEWS as its colour; the nodes of a view are made when it is first shown."""
    nodes, links = material.node_tree.nodes, material.node_tree.links
    base = _base(material)
    if view == "photo":
        source = base
    elif view == PAINT:
        mix = nodes.get(view) or _overlay(material)
        if not _comes_from(base.node, mix):
            links.new(base, mix.inputs[_BELOW])
        source = mix.outputs[_MIXED]
    else:
        source = (nodes.get(view) or _ramp(material, view)).outputs["Color"]
    links.new(source, _shader(material).inputs["Base Color"])


def _base(material: bpy.types.Material) -> bpy.types.NodeSocket:
    """What gives the shader its colour where no view does: the photograph, or an artist's own nodes after it."""
    nodes, links = material.node_tree.nodes, _shader(material).inputs["Base Color"].links
    if links and links[0].from_node.name not in [name for name, *_ in VIEWS if name != "photo"]:
        for node in nodes:
            node.pop(BASE, None)
        links[0].from_node[BASE] = links[0].from_socket.identifier
    sockets = (socket for node in nodes for socket in node.outputs if socket.identifier == node.get(BASE))
    return next(sockets, nodes["photo"].outputs["Color"])


def _comes_from(node: bpy.types.Node, source: bpy.types.Node) -> bool:
    """Whether a node takes something from another one: a link the other way round would close a loop."""
    found = [node]
    for each in found:  # those found on the way too
        found += [link.from_node for socket in each.inputs for link in socket.links if link.from_node not in found]
    return source in found


def _shader(material: bpy.types.Material) -> bpy.types.Node:
    return next(node for node in material.node_tree.nodes if node.type == "BSDF_PRINCIPLED")


# A mix node has sockets of one name for each kind of value; these are the colours'.
_BELOW, _ABOVE, _MIXED = 6, 7, 2


def _overlay(material: bpy.types.Material) -> bpy.types.Node:
    """The paint, to lie over the photograph; neutral grey leaves that as it is."""
    nodes, links = material.node_tree.nodes, material.node_tree.links
    place = _shader(material).location
    row = -320.0 * len(VIEWS)
    paint = nodes.new("ShaderNodeVertexColor")
    paint.layer_name = PAINT
    paint.location = (place.x - 900.0, place.y + row)
    encoded = nodes.new("ShaderNodeGamma")  # as painted, so that neutral is one half
    encoded.inputs["Gamma"].default_value = 1 / 2.2
    encoded.location = (place.x - 600.0, place.y + row)
    mix = nodes.new("ShaderNodeMix")
    mix.name = PAINT
    mix.data_type, mix.blend_type = "RGBA", "LINEAR_LIGHT"
    mix.inputs[0].default_value = 0.5
    mix.location = (place.x - 320.0, place.y + row)
    links.new(paint.outputs["Color"], encoded.inputs["Color"])
    links.new(encoded.outputs["Color"], mix.inputs[_ABOVE])
    return mix


def _ramp(material: bpy.types.Material, view: str) -> bpy.types.Node:
    """Nodes from the mesh's attribute to a colour."""
    from ..inference.maps import EDGE_PALETTE, SEGMENT_PALETTE

    nodes, links = material.node_tree.nodes, material.node_tree.links
    place = _shader(material).location
    row = -320.0 * [name for name, *_ in VIEWS].index(view)
    attribute = nodes.new("ShaderNodeAttribute")
    attribute.attribute_name = view
    attribute.location = (place.x - 900.0, place.y + row)
    ramp = nodes.new("ShaderNodeValToRGB")
    ramp.name = view
    ramp.location = (place.x - 320.0, place.y + row)
    classes = {"soft_edge": EDGE_PALETTE, "segment": SEGMENT_PALETTE}.get(view)
    if classes is None:
        low, high = ((0, 0, 0), (255, 255, 255)) if view == "height" else (UNSURE, SURE)
        ramp.color_ramp.elements[0].color, ramp.color_ramp.elements[1].color = linear(low), linear(high)
        if view == "confidence":
            ramp.color_ramp.elements[0].position = DOUBTFUL
        links.new(attribute.outputs["Fac"], ramp.inputs["Fac"])
        return ramp
    # Class k of n lies in the middle of its n-th part of the ramp.
    count = len(classes)
    middle = nodes.new("ShaderNodeMath")
    middle.operation = "MULTIPLY_ADD"
    middle.inputs[1].default_value, middle.inputs[2].default_value = 1.0 / count, 0.5 / count
    middle.location = (place.x - 600.0, place.y + row)
    links.new(attribute.outputs["Fac"], middle.inputs[0])
    links.new(middle.outputs["Value"], ramp.inputs["Fac"])
    ramp.color_ramp.interpolation = "CONSTANT"
    elements = ramp.color_ramp.elements
    elements[1].position = 1.0 / count
    for k in range(2, count):
        elements.new(k / count)
    for k, colour in enumerate(classes):
        elements[k].color = linear(colour)
    return ramp


def linear(colour: npt.ArrayLike) -> tuple[float, float, float, float]:
    """A colour of the screen, three numbers to 255, as nodes hold it."""
    red, green, blue = (
        (v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4) for v in (int(c) / 255 for c in colour)
    )
    return red, green, blue, 1.0
