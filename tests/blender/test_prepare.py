"""Straightening and restoring a photograph before it is carved, from the sidebar and from the command line."""

from __future__ import annotations

import json

import bpy
import pytest

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
    assert bpy.data.images["panel.png prepared"].size[:] == (64, 64)
    assert image.size[:] == (120, 80)


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


def test_light_that_is_told_reaches_the_network(known, image):
    bpy.ops.relief.reconstruct()
    assert known.light_deg is None
    image.relief.know_light = True
    image.relief.light_angle = 3.14159265
    bpy.ops.relief.reconstruct()
    assert known.light_deg == pytest.approx(180.0, abs=1e-3)
    assert known.calls == 2, "another light is another question to the network"
    assert json.loads(bpy.context.active_object["relief_preparation"])["light_deg"] == pytest.approx(180.0, abs=1e-3)


def test_command_line_tells_the_light(module, known, photo, tmp_path):
    words = ["reconstruct", str(photo), "--formats", "none", "--light", "270", "--output", str(tmp_path / "a")]
    assert module("operators.command").main(words) == 0
    assert known.light_deg == 270.0
