"""The contract of ``relief reconstruct``."""

from __future__ import annotations

import contextlib
import errno
import functools
import hashlib
import io
import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections import namedtuple
from pathlib import Path
from types import SimpleNamespace

import bpy
import cv2
import numpy as np
import pytest
from bpy_extras.object_utils import world_to_camera_view
from mathutils import Vector

ROOT = Path(__file__).resolve().parents[2]
MAPS = [".edges.png", ".height.tif", ".json", ".normal.png", ".preview.png", ".segments.png"]


@pytest.fixture
def relief(module, known, tmp_path, monkeypatch):
    """Runs the command with its results in tmp_path / "out"; the network is the known surface."""
    main = module("operators.command").main
    monkeypatch.setattr(module("operators.command"), "_PATIENCE_S", 0.0)
    return lambda *arguments: main(["reconstruct", *map(str, arguments), "--output", str(tmp_path / "out")])


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def test_maps_without_a_model(relief, photo, tmp_path, capsys):
    scene = bpy.context.scene
    assert relief(photo, "--formats", "none", "--depth-m", "0.4", "--width-m", "2") == 0
    assert _names(tmp_path / "out") == [f"panel{suffix}" for suffix in MAPS]
    assert bpy.context.scene is scene, "maps alone leave Blender's file as it is"
    height = cv2.imread(str(tmp_path / "out/panel.height.tif"), cv2.IMREAD_UNCHANGED)
    assert (height.dtype, height.shape) == (np.float32, (80, 120))
    # The known surface stands 0.5 high in the upper right quarter: 0.5 * 0.4 m, first row at the top.
    assert height[20, 90] == pytest.approx(0.2, abs=0.02)
    assert height[60, 30] == pytest.approx(0.0, abs=0.02)
    normal = cv2.imread(str(tmp_path / "out/panel.normal.png"), cv2.IMREAD_UNCHANGED)
    assert (normal.dtype, normal.shape) == (np.uint16, (80, 120, 3))
    for name, index in (("edges", 0), ("segments", 1)):
        data = (tmp_path / f"out/panel.{name}.png").read_bytes()
        assert data[24:26] == b"\x08\x03", "8 bits with a palette"
        assert index == _indices(data)[20, 90]
    captured = capsys.readouterr()
    assert "panel.height.tif" in captured.out
    assert captured.err == "", "no progress where nobody looks"


def test_the_height_map_in_blender_has_the_metres_that_were_written(relief, photo, tmp_path):
    """As the README says to load it: Non-Color, and a Displace modifier with Midlevel 0 and Strength 1."""
    assert relief(photo, "--formats", "none", "--depth-m", "0.054") == 0
    written = cv2.imread(str(tmp_path / "out/panel.height.tif"), cv2.IMREAD_UNCHANGED)
    image = bpy.data.images.load(str(tmp_path / "out/panel.height.tif"))
    texture = bpy.data.textures.new("height", "IMAGE")
    texture.image, texture.extension = image, "EXTEND"
    bpy.ops.mesh.primitive_grid_add(x_subdivisions=60, y_subdivisions=40, size=1)
    card = bpy.context.object
    displace = card.modifiers.new("height", "DISPLACE")
    displace.texture, displace.texture_coords, displace.mid_level, displace.strength = texture, "UV", 0.0, 1.0

    def highest() -> tuple[float, float]:
        """Of the image's pixels, and of the displaced card."""
        pixels = np.empty(written.size * 4, np.float32)
        image.pixels.foreach_get(pixels)
        card.update_tag()
        mesh = card.evaluated_get(bpy.context.evaluated_depsgraph_get()).data
        return pixels.reshape(-1, 4)[:, 0].max(), max(vertex.co.z for vertex in mesh.vertices)

    assert max(highest()) < 0.003, "as a colour, which Blender takes it for"
    image.colorspace_settings.name = "Non-Color"
    assert 0.025 < written.max() < 0.035
    assert highest() == pytest.approx((written.max(), written.max()), rel=0.1), "between pixels, the card"
    pixels = np.empty(written.size * 4, np.float32)
    image.pixels.foreach_get(pixels)
    np.testing.assert_array_equal(pixels.reshape(*written.shape, 4)[::-1, :, 0], written)


def _indices(png: bytes) -> np.ndarray:
    """The stored values of an 8-bit PNG with unfiltered lines."""
    import struct
    import zlib

    width, height = struct.unpack(">II", png[16:24])
    start, data = 8, b""
    while start < len(png):
        length, kind = struct.unpack(">I4s", png[start : start + 8])
        data += png[start + 8 : start + 8 + length] if kind == b"IDAT" else b""
        start += length + 12
    lines = np.frombuffer(zlib.decompress(data), np.uint8).reshape(height, width + 1)
    assert not lines[:, 0].any()
    return lines[:, 1:]


def test_record_says_how_it_was_made(relief, module, photo, tmp_path):
    assert relief(photo, "--formats", "none", "--max-size", "102", "--width-m", "2.5", "--max-vertices", "700") == 0
    record = json.loads((tmp_path / "out/panel.json").read_text(encoding="utf-8"))
    digest = hashlib.sha256(photo.read_bytes()).hexdigest()
    told = photo.stat()
    touched = {"bytes": told.st_size, "modified_ns": told.st_mtime_ns, "changed_ns": told.st_ctime_ns}
    assert record["photo"] == {"file": "panel.png", "sha256": digest, **touched, "width_px": 120, "height_px": 80}
    assert record["maps"] == {"width_px": 102, "height_px": 68}
    assert record["weights"] == "known+00000000"
    assert record["runtime"] == "known"
    assert record["light"] == {"direction_deg": 180, "elevation_deg": 53}
    assert record["max_size"] == 102
    assert record["formats"] == []
    assert record["settings"] == {
        **module("inference.settings").RefinementSettings().to_mapping(),
        "width_m": 2.5,
        "depth_m": 0.05,
        "max_vertices": 700,
    }
    assert {"read", "predict", "refine", "mesh", "maps"} <= record["times_s"].keys()
    height = cv2.imread(str(tmp_path / "out/panel.height.tif"), cv2.IMREAD_UNCHANGED)
    assert height.shape == (68, 102), "--max-vertices limits the mesh alone"


def test_settings_of_an_earlier_run(relief, photo, tmp_path):
    values = {"strength_sharp": 0.25, "detail": 0.5, "width_m": 3.0, "depth_m": 0.6, "max_vertices": 500}
    file = tmp_path / "earlier.json"
    file.write_text(json.dumps({"weights": "x", "settings": values}), encoding="utf-8")
    assert relief(photo, "--formats", "none", "--settings", file, "--depth-m", "0.2") == 0
    record = json.loads((tmp_path / "out/panel.json").read_text(encoding="utf-8"))
    assert record["settings"].items() >= {**values, "depth_m": 0.2}.items(), "options win over the file"
    first = cv2.imread(str(tmp_path / "out/panel.height.tif"), cv2.IMREAD_UNCHANGED)
    again = tmp_path / "panel.json"
    shutil.copyfile(tmp_path / "out/panel.json", again)
    assert relief(photo, "--formats", "none", "--settings", again, "--overwrite") == 0
    np.testing.assert_array_equal(first, cv2.imread(str(tmp_path / "out/panel.height.tif"), cv2.IMREAD_UNCHANGED))
    assert json.loads((tmp_path / "out/panel.json").read_text(encoding="utf-8"))["settings"] == record["settings"]


def test_a_settings_file_of_an_editor_that_marks_its_beginning(relief, photo, tmp_path):
    (tmp_path / "marked.json").write_text('{"settings": {"width_m": 3.0}}', encoding="utf-8-sig")
    assert relief(photo, "--formats", "none", "--settings", tmp_path / "marked.json") == 0
    assert json.loads((tmp_path / "out/panel.json").read_text(encoding="utf-8"))["settings"]["width_m"] == 3.0


def test_corners_and_light_of_a_settings_file_can_be_left_out(relief, known, photo, tmp_path):
    preparation = {"corners": [[0.1, 0.1], [0.9, 0.1], [0.9, 0.9], [0.1, 0.9]], "light_deg": 45}
    (tmp_path / "one.json").write_text(json.dumps({"settings": {}, "preparation": preparation}))
    words = [photo, "--formats", "none", "--overwrite", "--settings", tmp_path / "one.json"]
    record = tmp_path / "out/panel.json"
    assert relief(*words) == 0
    assert json.loads(record.read_text(encoding="utf-8"))["preparation"].items() >= preparation.items()
    assert relief(*words, "--corners", "none", "--light", "auto") == 0
    assert json.loads(record.read_text(encoding="utf-8"))["preparation"] == {} and known.light_deg is None
    assert relief(*words, "--corners", "none", "--light", "-30") == 0
    assert known.light_deg == -30
    assert relief(*words, "--negative") == 0
    (tmp_path / "one.json").write_text(record.read_text(encoding="utf-8"), encoding="utf-8")
    assert json.loads(record.read_text(encoding="utf-8"))["preparation"]["negative"] is True
    calls = known.calls
    assert relief(*words) == 0 and known.calls == calls, "the file says so too"
    assert relief(*words, "--no-negative") == 0 and known.calls == calls + 1
    assert json.loads(record.read_text(encoding="utf-8"))["preparation"]["negative"] is False


def test_other_corners_are_of_a_panel_of_other_proportions(relief, photo, tmp_path):
    preparation = {"corners": [[0, 0], [1, 0], [1, 1], [0, 1]], "aspect": 1.4, "even_light": 0.5}
    (tmp_path / "one.json").write_text(json.dumps({"settings": {}, "preparation": preparation}))
    for words, aspect in (
        ([], 1.4),
        (["--corners", "0.02,0.02 0.98,0.02 0.98,0.98 0.02,0.98"], 0.0),
        (["--corners", "0.02,0.02 0.98,0.02 0.98,0.98 0.02,0.98", "--aspect", "1.2"], 1.2),
        (["--corners", "none"], 0.0),
    ):
        assert relief(photo, "--formats", "none", "--overwrite", "--settings", tmp_path / "one.json", *words) == 0
        done = json.loads((tmp_path / "out/panel.json").read_text(encoding="utf-8"))["preparation"]
        assert (done["aspect"], done["even_light"]) == (aspect, 0.5), words


def test_a_straightened_panel_keeps_the_largest_side(relief, photo, tmp_path):
    words = ["--max-size", "100", "--corners", "0,0 1,0 1,1 0,1", "--aspect", "0.7"]
    assert relief(photo, "--formats", "none", *words) == 0
    record = json.loads((tmp_path / "out/panel.json").read_text(encoding="utf-8"))
    assert record["maps"] == {"width_px": 70, "height_px": 100}
    words = ["--max-size", "80", "--corners", "0,0 0.8,0 0.8,0.8 0,0.8", "--aspect", "1.0", "--overwrite"]
    assert relief(photo, "--formats", "none", *words) == 0
    record = json.loads((tmp_path / "out/panel.json").read_text(encoding="utf-8"))
    assert record["maps"] == {"width_px": 80, "height_px": 80}, "of the panel, not of the whole photograph"


def test_what_exists_is_skipped_and_named(relief, known, photo, tmp_path, capsys):
    other = tmp_path / "other.png"
    other.write_bytes(photo.read_bytes())
    (tmp_path / "out").mkdir()
    kept = tmp_path / "out/panel.height.tif"
    kept.write_bytes(b"mine")
    assert relief(photo, other, "--formats", "none") == 1
    assert kept.read_bytes() == b"mine"
    assert _names(tmp_path / "out") == [f"other{suffix}" for suffix in MAPS] + ["panel.height.tif"]
    captured = capsys.readouterr()
    words = "incomplete, 1 of 6 results exist: panel.height.tif. Move them: without panel.json nothing says that a run"
    assert words in captured.err
    assert captured.out.endswith("\n1 done, 0 existed already, 1 failed or skipped\n")
    assert known.calls == 1
    assert relief(photo, "--formats", "none", "--overwrite") == 1 and words in capsys.readouterr().err
    assert kept.read_bytes() == b"mine"
    kept.rename(tmp_path / "mine.tif")
    assert relief(photo, "--formats", "none") == 0
    kept.unlink()
    assert relief(photo, "--formats", "none") == 1
    assert "incomplete, 5 of 6 results exist" in capsys.readouterr().err
    assert relief(photo, "--formats", "none", "--overwrite") == 0 and kept.read_bytes()[:2] in (b"II", b"MM")


@pytest.mark.parametrize("notes", ['{"title": "Panel 17"}', "Panel 17", "[]"])
def test_an_archives_own_notes_are_kept(relief, known, photo, tmp_path, capsys, notes):
    kept = tmp_path / "out/panel.json"
    kept.parent.mkdir()
    kept.write_text(notes, encoding="utf-8")
    for words in ([], ["--overwrite"]):
        assert relief(photo, "--formats", "none", *words) == 1
        assert "skipped, panel.json exists and is no record of results. Move it" in capsys.readouterr().err
    assert kept.read_text(encoding="utf-8") == notes and _names(kept.parent) == ["panel.json"] and not known.calls


def test_a_results_folder_that_is_gone_is_not_made_anew(module, relief, known, photo, tmp_path, monkeypatch, capsys):
    """It may lie on a drive that is away, and what is below its place then on another."""
    command, other = module("operators.command"), tmp_path / "second.png"
    other.write_bytes(photo.read_bytes())
    make = command._make

    def make_and_unmount(*arguments):
        made = make(*arguments)
        shutil.rmtree(tmp_path / "out")
        return made

    monkeypatch.setattr(command, "_make", make_and_unmount)
    assert relief(photo, other, "--formats", "none") == 1
    told = capsys.readouterr()
    assert f"second.png: --output {tmp_path / 'out'} is gone. Bring it back" in told.err
    assert not (tmp_path / "out").exists() and known.calls == 1


def test_what_was_made_as_asked_for_now_is_done(relief, known, photo, tmp_path, capsys):
    other = tmp_path / "other.png"
    other.write_bytes(photo.read_bytes())
    words = ["--formats", "none", "--light", "45", "--width-m", "2"]
    assert relief(photo, *words) == 0
    before = (tmp_path / "out/panel.json").read_bytes()
    capsys.readouterr()
    assert relief(photo, other, *words) == 0
    captured = capsys.readouterr()
    assert captured.err == "" and captured.out.startswith(f"{photo}: exists already\n")
    assert captured.out.endswith("\n1 done, 1 existed already, 0 failed or skipped\n")
    assert relief(photo, other, *words, "--quiet") == 0
    assert capsys.readouterr().out == ""
    assert (tmp_path / "out/panel.json").read_bytes() == before and known.calls == 2
    assert relief(photo, *words, "--overwrite") == 0 and known.calls == 2
    (tmp_path / "out/panel.edges.png").unlink()
    assert relief(photo, *words, "--overwrite") == 0 and known.calls == 3
    assert relief(photo, *words[:-1], "3", "--overwrite") == 0 and known.calls == 4
    assert capsys.readouterr().err == ""


def test_an_interrupted_replacing_of_results_goes_on(relief, known, photo, tmp_path, monkeypatch):
    other, again = tmp_path / "other.png", known.predict
    other.write_bytes(photo.read_bytes())
    words = [photo, other, "--formats", "none"]
    assert relief(*words) == 0 and known.calls == 2

    def stop(*_arguments, **_named):
        if known.calls == 3:
            raise KeyboardInterrupt
        return again(*_arguments, **_named)

    with monkeypatch.context() as patched:
        patched.setattr(known, "predict", stop)
        assert relief(*words, "--width-m", "2", "--overwrite") == 130 and known.calls == 3
    assert relief(*words, "--width-m", "2", "--overwrite") == 0 and known.calls == 4
    known.weights = "newer+00000000"
    assert relief(*words, "--width-m", "2", "--overwrite") == 0 and known.calls == 6


def test_a_photograph_that_nobody_touched_is_not_read_again(relief, known, photo, monkeypatch, capsys):
    """Of one that was moved, or whose time alone is another, the bytes decide."""
    assert relief(photo, "--formats", "none") == 0
    with monkeypatch.context() as patched:
        patched.setattr("hashlib.file_digest", None)
        assert relief(photo, "--formats", "none") == 0
    told, data = photo.stat(), photo.read_bytes()
    os.utime(photo, (1e9, 1e9))
    assert relief(photo, "--formats", "none") == 0 and known.calls == 1
    photo.write_bytes(data[:-1] + b"?")
    os.utime(photo, ns=(told.st_atime_ns, told.st_mtime_ns))
    assert relief(photo, "--formats", "none") == 1
    assert "another photograph has this name" in capsys.readouterr().err


def test_other_results_of_the_same_name_are_told_apart(relief, known, photo, tmp_path, capsys):
    assert relief(photo, "--formats", "none") == 0
    for words in (["none", "--width-m", "2"], ["none", "--light", "45"], ["none", "--max-size", "100"], ["glb"]):
        assert relief(photo, "--formats", *words) == 1
        said = "skipped, made with other settings, formats, weights or an older version, as panel.json says. "
        assert said in capsys.readouterr().err
    known.weights = "newer+00000000"
    assert relief(photo, "--formats", "none") == 1 and said in capsys.readouterr().err
    known.weights = "known+00000000"
    path = tmp_path / "out/panel.json"
    record = json.loads(path.read_text())
    path.write_text(json.dumps({**record, "reading": record["reading"] - 1}))
    assert relief(photo, "--formats", "none") == 1 and said in capsys.readouterr().err
    with photo.open("ab") as file:
        file.write(b"more")
    assert relief(photo, "--formats", "none") == 1
    told = capsys.readouterr().err
    assert "skipped, another photograph has this name: panel.height.tif" in told and "--overwrite" in told
    for record in ("", "[]", '"panel"', '{"photo": {"sha256": "0"}, "formats": null}'):
        (tmp_path / "out/panel.json").write_text(record)
        assert relief(photo, "--formats", "none") == 1
        assert "skipped, panel.json exists and is no record of results. Move it, or" in capsys.readouterr().err
    (tmp_path / "out/panel.json").unlink()
    assert relief(photo, "--formats", "none") == 1
    assert "incomplete, 5 of 6 results exist" in capsys.readouterr().err
    assert known.calls == 1


def test_what_another_run_wrote_meanwhile_stays(relief, known, photo, tmp_path, monkeypatch, capsys):
    again, out = known.predict, tmp_path / "out"

    def predict(*arguments, **named):
        (out / "panel.height.tif").write_bytes(b"theirs")
        return again(*arguments, **named)

    with monkeypatch.context() as patched:
        patched.setattr(known, "predict", predict)
        assert relief(photo, "--formats", "none") == 1
    assert "incomplete, 1 of 6 results exist" in capsys.readouterr().err
    assert _names(out) == ["panel.height.tif"] and (out / "panel.height.tif").read_bytes() == b"theirs"
    (out / "panel.height.tif").unlink()
    made = []

    def predict_after_another(*arguments, **named):
        monkeypatch.setattr(known, "predict", again)
        assert relief(photo, "--formats", "none") == 0
        made.append((out / "panel.json").read_bytes())
        return again(*arguments, **named)

    monkeypatch.setattr(known, "predict", predict_after_another)
    assert relief(photo, "--formats", "none") == 0
    assert capsys.readouterr().out.endswith(f"{photo}: exists already\n")
    assert made == [(out / "panel.json").read_bytes()]


def test_what_another_process_is_still_moving_is_waited_for(module, relief, known, photo, tmp_path, monkeypatch):
    command, rest, calls = module("operators.command"), tmp_path / "out/panel.edges.png", []
    assert relief(photo, "--formats", "none") == 0
    kept = rest.read_bytes()

    def arrive(seconds):
        calls.append(seconds)
        rest.write_bytes(kept)

    monkeypatch.setattr(command, "_PATIENCE_S", 1.5)
    monkeypatch.setattr(command.time, "sleep", arrive)
    for words in ([], ["--overwrite"]):
        rest.unlink()
        assert relief(photo, "--formats", "none", *words) == 0
    assert calls == [1.5, 1.5] and known.calls == 1
    monkeypatch.setattr(command.time, "sleep", calls.append)
    rest.unlink()
    record = tmp_path / "out/panel.json"
    made = record.stat().st_mtime
    os.utime(record, (made, made - 2 * command._MOVING_S))
    assert relief(photo, "--formats", "none") == 1 and len(calls) == 2, "nobody is at it any more"
    os.utime(record, (made, made))
    rest.write_bytes(kept)
    rest.unlink()
    assert relief(photo, "--formats", "none") == 1 and len(calls) == 3, "once"
    assert relief(photo, "--formats", "none", "--width-m", "2") == 1 and len(calls) == 3, "no other results"


def _killed_after(patched, steps):
    """Lets so many files be moved between folders, and nothing after that be put back."""
    left, replace = [None] * steps, os.replace

    def refuse(*_words, **_named):
        raise OSError("killed")

    def move(source, target):
        if Path(source).parent != Path(target).parent:
            left.pop() if left else refuse()
        replace(source, target)

    patched.setattr("os.replace", move)
    patched.setattr(Path, "unlink", lambda path, **named: refuse() if path.parent.name == "out" else os.unlink(path))


def test_results_that_were_cut_short_are_no_photographs(relief, known, photo, tmp_path, monkeypatch, capsys):
    other = tmp_path / "a.png"
    words = [tmp_path / "**/*.png", "--formats", "none"]
    for steps in range(1, len(MAPS)):
        with monkeypatch.context() as patched:
            _killed_after(patched, steps)
            assert relief(*words) == 1
        capsys.readouterr()
        other.write_bytes(photo.read_bytes())
        assert relief(*words) == 1
        captured = capsys.readouterr()
        assert f"{photo}: incomplete, {steps} of 6 results exist" in captured.err
        assert captured.out.endswith("\n1 done, 0 existed already, 1 failed or skipped\n")
        for path in (other, *(tmp_path / "out").glob("*")):
            path.unlink()


def test_a_replacing_that_was_cut_short_reads_as_incomplete(module, relief, photo, tmp_path, monkeypatch, capsys):
    move, names = module("operators.hidden").replace_all, ["a.glb", "a.edges.png", "a.json"]
    for steps in range(1, 2 * len(names)):
        out, part = tmp_path / f"{steps}/out", tmp_path / f"{steps}/part"
        for folder in (out, part):
            folder.mkdir(parents=True)
            for name in names:
                (folder / name).touch()
        with monkeypatch.context() as patched, pytest.raises(OSError, match="killed"):
            _killed_after(patched, steps)
            move({part / name: out / name for name in names}, part / "old")
        assert len(_names(out)) < len(names) and ("a.json" in _names(out) or not _names(out)), steps
    words = [photo, "--formats", "none"]
    assert relief(*words) == 0
    with monkeypatch.context() as patched:
        _killed_after(patched, 9)
        assert relief(*words, "--width-m", "2", "--overwrite") == 1
    for again in (["--width-m", "2"], ["--width-m", "2", "--overwrite"]):
        assert relief(*words) == 1, "neither the old command nor the new one takes it for done"
        capsys.readouterr()
        assert relief(*words, *again) == ("--overwrite" not in again)
    assert relief(*words) == 1


def test_a_photograph_with_the_name_of_what_is_put_aside(module, relief, photo, tmp_path, monkeypatch, capsys):
    """A new result of it is no earlier one that could not be put back."""

    def full(*_arguments):
        raise module("inference.errors").ReliefError("The disk is full.")

    monkeypatch.setattr(module("inference.maps"), "write_preview", full)
    for name in ("old temple", "old", "old 1"):
        named = photo.rename(tmp_path / f"{name}.png")
        assert relief(named, "--formats", "none") == 1
        assert capsys.readouterr().err == f"relief: {named}: The disk is full.\n"
        assert _names(tmp_path / "out") == []
        named.rename(photo)


def test_what_could_not_be_put_back_is_told_and_kept_under_its_name(relief, photo, tmp_path, monkeypatch, capsys):
    named = photo.rename(tmp_path / "old temple.png")
    assert relief(named, "--formats", "none") == 0
    before = (tmp_path / "out/old temple.height.tif").read_bytes()
    with monkeypatch.context() as patched:
        _killed_after(patched, 3)
        assert relief(named, "--formats", "none", "--width-m", "2", "--overwrite") == 1
    (place,) = (tmp_path / "out").glob(".relief-*/old")
    assert f"relief: earlier results that could not be put back lie in {place}\n" in capsys.readouterr().err
    assert (place / "old temple.height.tif").read_bytes() == before


def test_a_log_on_a_full_disk_ends_no_batch(relief, known, photo, tmp_path, monkeypatch):
    class Log(io.StringIO):
        number = errno.ENOSPC

        def write(self, _text):
            raise OSError(self.number, "refused")

    (tmp_path / "other.png").write_bytes(photo.read_bytes())
    words = [photo, tmp_path / "missing.png", tmp_path / "other.png", "--formats", "none"]
    for name in ("stdout", "stderr"):
        monkeypatch.setattr(sys, name, Log())
    assert relief(*words) == 1 and known.calls == 2
    Log.number = errno.EPIPE
    with pytest.raises(BrokenPipeError):
        relief(*words)


def test_models_that_the_record_no_longer_describes_are_named(relief, photo, tmp_path, capsys):
    (tmp_path / "out").mkdir()
    for name in ("panel.blend", "panel.render.png"):
        (tmp_path / "out" / name).write_text("of an earlier run")
    assert relief(photo, "--formats", "none", "--overwrite") == 0
    said = f"{photo}: panel.blend, panel.render.png are not of this run. Delete them, or name their formats too\n"
    assert said in capsys.readouterr().err
    assert (tmp_path / "out/panel.blend").read_text() == "of an earlier run"


def test_results_are_on_the_disk_before_they_have_their_names(relief, photo, tmp_path, monkeypatch):
    fsync, replace, kept, moved = os.fsync, os.replace, set(), set()
    monkeypatch.setattr("os.fsync", lambda number: (kept.add(os.fstat(number).st_ino), fsync(number)))

    def noted(source, target):
        if Path(target).parent == tmp_path / "out":
            moved.add(Path(source).stat().st_ino)
            assert moved <= kept
        replace(source, target)

    monkeypatch.setattr("os.replace", noted)
    assert relief(photo, "--formats", "none") == 0
    assert len(moved) == len(MAPS)


def test_a_full_disk_is_found_before_the_network_runs(module, relief, known, photo, tmp_path, monkeypatch, capsys):
    usage = namedtuple("usage", "free")
    monkeypatch.setattr(module("operators.command").shutil, "disk_usage", lambda folder: usage(255_000_000))
    assert relief(photo, "--formats", "none") == 1
    assert f"less than 256 MB are free in {tmp_path / 'out'}. Make room." in capsys.readouterr().err
    monkeypatch.setattr(module("operators.command").shutil, "disk_usage", lambda folder: usage(300_000_000))
    large = tmp_path / "large.png"
    cv2.imwrite(str(large), np.zeros((5000, 6000), np.uint8))
    assert relief(large, "--formats", "none") == 1
    assert "less than 360 MB are free" in capsys.readouterr().err
    assert known.calls == 0 and _names(tmp_path / "out") == []


@pytest.mark.parametrize("aspect", [0.0, 0.3])
def test_a_panel_seen_at_an_angle_is_reckoned_as_large_as_it_is_straightened(module, tmp_path, aspect):
    large, restoration = tmp_path / "large.png", module("inference.restoration")
    cv2.imwrite(str(large), np.zeros((600, 900), np.uint8))
    corners = ((0.1, 0.05), (0.4, 0.35), (0.4, 0.6), (0.1, 0.95))
    settings = module("inference.settings").PreparationSettings(aspect=aspect)
    options = SimpleNamespace(corners=corners, preparation=settings, max_size=None)
    photo = module("inference.photo").read_photo(large)
    panel = restoration.prepare(photo, restoration.Preparation(settings, corners)).grey.shape
    assert panel[0] * panel[1] > 1.2 * 0.3 * 0.9 * 600 * 900, "than the box around its corners"
    sizes = module("operators.command")._sizes(large, options, None)
    read_size = module("inference.predictor").read_size
    assert sizes == (600 * 900 + panel[0] * panel[1], np.prod(read_size(*panel)))


def test_the_hidden_folder_is_there_first_and_as_open_as_others(relief, known, photo, tmp_path, monkeypatch):
    """On Windows a file that is moved keeps the rights of the folder that it was made in."""
    (tmp_path / "usual").mkdir()
    again, modes = known.predict, []

    def predict(*arguments, **named):
        modes.extend(path.stat().st_mode for path in (tmp_path / "out").glob(".relief-*"))
        return again(*arguments, **named)

    monkeypatch.setattr(known, "predict", predict)
    assert relief(photo, "--formats", "none") == 0
    assert modes == [(tmp_path / "usual").stat().st_mode]


def test_failed_photos_are_named_and_the_others_done(relief, photo, tmp_path, capsys):
    (tmp_path / "empty.jpg").touch()
    (tmp_path / "cut.png").write_bytes(photo.read_bytes()[:2000])
    (tmp_path / "text.webp").write_text("no picture")
    bad = [tmp_path / name for name in ("empty.jpg", "cut.png", "text.webp", "missing.jpg")]
    assert relief(*bad[:2], photo, *bad[2:], "--formats", "none", "--quiet") == 1
    captured = capsys.readouterr()
    assert all(path.name in captured.err for path in bad)
    assert captured.out == "" and "panel" not in captured.err
    assert _names(tmp_path / "out") == [f"panel{suffix}" for suffix in MAPS]


@pytest.mark.parametrize("gone", [False, True])
def test_an_output_beside_a_stale_pwd(module, known, photo, tmp_path, monkeypatch, gone):
    """As where a program starts the command in another folder; Blender takes the beginning of a path from PWD."""
    (tmp_path / "here").mkdir()
    (tmp_path / "stale").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("PWD", str(tmp_path / ("gone" if gone else "stale")))
    words = ["reconstruct", str(photo), "--max-vertices", "500"]
    assert module("operators.command").main([*words, "--output", "deep/out"]) == 0
    models = [".blend", ".glb", ".render.png"]
    assert _names(tmp_path / "here/deep/out") == sorted(f"panel{suffix}" for suffix in [*models, *MAPS])
    assert _names(tmp_path / "stale") == []


@pytest.mark.skipif(os.name == "nt", reason="a folder in use stays there")
def test_an_output_in_a_folder_that_is_gone(module, known, photo, tmp_path, monkeypatch, capsys):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    (tmp_path / "here").rmdir()
    assert module("operators.command").main(["reconstruct", str(photo), "--output", "out"]) == 2
    assert "--output out lies in a folder that is gone. Give a full path." in capsys.readouterr().err
    monkeypatch.chdir(tmp_path)


def test_the_home_folder_is_known_without_a_shell(module, known, photo, tmp_path, monkeypatch):
    """In quotes and after an equals sign the shell leaves ~ as it is."""
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    (tmp_path / "home/scans").mkdir(parents=True)
    photo.rename(tmp_path / "home/scans/panel.png")
    (tmp_path / "home/mine.json").write_text('{"settings": {"width_m": 3}}', encoding="utf-8")
    (tmp_path / "home/scans/other.png").write_bytes((tmp_path / "home/scans/panel.png").read_bytes())
    monkeypatch.chdir(tmp_path)
    words = ["--output=~/out", "--settings=~/mine.json", "--formats", "none"]
    assert module("operators.command").main(["reconstruct", "~/scans/panel.png", "~/scans/*.png", *words]) == 0
    assert _names(tmp_path) == ["home"] and known.calls == 2
    record = json.loads((tmp_path / "home/out/other.json").read_text(encoding="utf-8"))
    assert record["settings"]["width_m"] == 3


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere no names are no UTF-8")
def test_folders_of_a_tree_whose_names_blender_cannot_write(relief, known, photo, tmp_path):
    for name in (os.fsdecode(b"gr\xfcn"), "a\\b"):
        (tmp_path / "scans" / name).mkdir(parents=True)
        for number in (1, 2):
            shutil.copy(photo, tmp_path / "scans" / name / f"{number}.png")
    for _ in range(2):  # the folders of the results are there at the second time
        words = (tmp_path / "scans/**/*", "--tree", "--formats", "blend,glb", "--max-vertices", "500", "--overwrite")
        assert relief(*words) == 0
    made = list((tmp_path / "out").rglob("*.blend"))
    assert len(made) == 4 and not list((tmp_path / "out").rglob(".relief-*"))


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there are none")
def test_limits_of_cgroups_above_the_own_count(module, monkeypatch):
    told, read = "9:cpu,memory:/a/b\n3:pids:/x\n0::/user.slice/job\n", Path.read_text
    monkeypatch.setattr(Path, "read_text", lambda p, **how: told if p == Path("/proc/self/cgroup") else read(p, **how))
    top = Path("/sys/fs/cgroup")
    assert set(module("operators.command")._memory_limits()) == {
        *(top / part / "memory.max" for part in ("user.slice/job", "user.slice", ".")),
        *(top / "memory" / part / "memory.limit_in_bytes" for part in ("a/b", "a", ".")),
    }


@pytest.mark.skipif(os.name == "nt", reason="there it parts folders")
def test_a_backslash_is_refused_before_the_network_runs(module, relief, known, photo, tmp_path, capsys):
    named, main = photo.rename(tmp_path / "scans\\IMG_1.png"), module("operators.command").main
    (tmp_path / "other.png").write_bytes(named.read_bytes())
    assert relief(named, tmp_path / "other.png", "--formats", "blend", "--max-vertices", "500") == 1
    told = f"relief: {named}: its name has a backslash, which Blender takes for a slash. Rename it, or leave blend out"
    assert told in capsys.readouterr().err and known.calls == 1 and (tmp_path / "out/other.blend").exists()
    assert relief(named, "--formats", "glb,render", "--max-vertices", "500") == 0
    assert {"scans\\IMG_1.glb", "scans\\IMG_1.render.png"} < set(_names(tmp_path / "out"))
    words = ["reconstruct", str(tmp_path / "other.png"), "--output", str(tmp_path / "a\\b"), "--formats"]
    assert main([*words, "blend"]) == 2 and not (tmp_path / "a\\b").exists()
    assert "a\\b has a backslash, which Blender takes for a slash. Choose another," in capsys.readouterr().err
    assert main([*words, "none"]) == 0


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere no path is so long")
def test_a_path_too_long_for_blender_is_refused_before_the_network_runs(module, known, photo, tmp_path, capsys):
    """It would write to the beginning of it. The longest that is not refused is written whole."""
    long = len("/.relief-01234567/panel.render.png")
    for length, code in ((1023, 0), (1024, 1)):
        out = tmp_path
        while length - len(str(out).encode()) - long > 200:
            out /= "é" * 49
        out /= "e" * (length - len(str(out).encode()) - long - 1)
        words = ["reconstruct", str(photo), "--output", str(out), "--max-vertices", "500"]
        assert module("operators.command").main([*words, "--formats", "blend,render"]) == code
        assert len(_names(out)) == (2 + len(MAPS)) * (code == 0)
    assert "its render would have a path of 1024 bytes, and Blender writes none above 1023." in capsys.readouterr().err
    assert known.calls == 1
    assert module("operators.command").main([*words, "--formats", "none"]) == 0


@pytest.mark.parametrize(
    "wrong",
    [
        ["--formats", "obj"],
        ["--formats", "none,glb"],
        ["--runtime", "abacus"],
        ["--width-m", "0"],
        ["--depth-m", "deep"],
        ["--max-vertices", "3"],
        ["--max-size", "10"],
        ["--light", "nan"],
        ["--light", "up"],
        ["--corners", "0,0 1,0 1,1"],
        ["--settings", "missing.json"],
        ["--polish"],
    ],
)
def test_wrong_usage_does_no_work(relief, known, photo, tmp_path, wrong, capsys):
    assert relief(photo, *wrong) == 2
    assert capsys.readouterr().err != ""
    assert not (tmp_path / "out").exists()
    assert known.calls == 0


def test_photos_and_output_are_needed(module, photo, capsys):
    main = module("operators.command").main
    assert main([]) == main(["reconstruct", str(photo)]) == main(["reconstruct", "--output", "x"]) == 2
    assert main(["reconstruct", "--help"]) == 0
    assert '"scans/**/*.jpg"' in capsys.readouterr().out, "the quotes that Windows' shell knows"


def test_a_check_does_no_work(module, known, photo, tmp_path):
    check, words = module("operators.command").check, ["reconstruct", str(photo), "--output", str(tmp_path / "out")]
    assert (check([*words, "--help"]), check([*words, "--polish"]), check(words)) == (0, 2, None)
    assert known.calls == 0 and _names(tmp_path / "out") == []


@pytest.mark.parametrize(
    "settings",
    [
        "[1]",
        '{"detail": 1}',
        '{"settings": {"detial": 1}}',
        '{"settings": {"detail": "a"}}',
        '{"settings": {}, "preparation": null}',
        '{"settings": {}, "preparation": {"corners": 5}}',
        '{"settings": {}, "preparation": {"light_deg": "up"}}',
        '{"settings": {}, "preparation": {"light_deg": NaN}}',
        '{"settings": {}, "preparation": {"negative": 1}}',
        '{"settings": {}, "preparation": {"even_ligth": 0.5}}',
        '{"settings": {}, "preparation": {"width_m": 2}}',
        '{"settings": {}, "preparation": {"corners": [[0, 0], [1, 0], [1, 1]]}}',
        '{"settings": {}, "preparation": {"corners": [[0, 0], [120, 0], [120, 80], [0, 80]]}}',
    ],
)
def test_settings_that_cannot_be_meant(relief, photo, tmp_path, settings):
    (tmp_path / "wrong.json").write_text(settings)
    assert relief(photo, "--settings", tmp_path / "wrong.json") == 2


def test_two_photos_of_one_stem(relief, known, photo, tmp_path, capsys):
    (tmp_path / "b").mkdir()
    twin = tmp_path / "b/panel.jpg"
    twin.write_bytes(photo.read_bytes())
    assert relief(photo, twin) == 2
    assert str(twin) in capsys.readouterr().err
    assert known.calls == 0


def test_a_result_never_replaces_a_photo(relief, photo, tmp_path):
    (tmp_path / "out").mkdir()
    in_the_way = tmp_path / "out/panel.preview.png"
    in_the_way.write_bytes(photo.read_bytes())
    assert relief(photo, in_the_way, "--overwrite") == 2
    assert in_the_way.read_bytes() == photo.read_bytes()


def test_names_that_are_not_ascii(relief, photo, tmp_path):
    named = photo.rename(tmp_path / "Ängkor 石 ж.v2.png")
    assert relief(named, "--formats", "blend,glb") == 0
    assert _names(tmp_path / "out") == sorted(f"Ängkor 石 ж.v2{s}" for s in [".blend", ".glb", *MAPS])


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere names are Unicode")
def test_names_in_no_known_encoding(relief, photo, tmp_path):
    named = tmp_path / os.fsdecode(b"Bl\xe4tter {1}.png")
    photo.rename(named)
    assert relief(named, "--formats", "blend,glb,render", "--max-vertices", "2000") == 0
    assert {named.stem + suffix for suffix in (".blend", ".glb", ".render.png")} < set(_names(tmp_path / "out"))
    record = (tmp_path / "out" / (named.stem + ".json")).read_text(encoding="utf-8")
    assert json.loads(record)["photo"]["file"] == "Bl\ufffdtter {1}.png"


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere names are Unicode")
def test_an_output_in_no_known_encoding_is_refused_where_blender_writes(module, known, photo, tmp_path):
    main, out = module("operators.command").main, tmp_path / os.fsdecode(b"caf\xe9")
    assert main(["reconstruct", str(photo), "--output", str(out)]) == 2
    assert known.calls == 0 and not out.exists()
    assert main(["reconstruct", str(photo), "--output", str(out), "--formats", "none"]) == 0


def test_a_photograph_is_made_once_however_it_is_given(relief, known, photo, tmp_path):
    (tmp_path / "other [1].png").write_bytes(photo.read_bytes())
    assert relief(photo, tmp_path / "*.png", photo, tmp_path / "other [1].png", "--formats", "none") == 0
    assert known.calls == 2


def test_a_link_to_a_folder_above_makes_no_photograph_twice(relief, known, photo, tmp_path):
    (tmp_path / "scans/deep").mkdir(parents=True)
    photo.rename(tmp_path / "scans/deep/panel.png")
    (tmp_path / "scans/deep/loop").symlink_to(tmp_path / "scans")
    words = [tmp_path / "scans/**/*.png", tmp_path / "scans/deep/loop/deep/panel.png"]
    assert relief(*words, "--formats", "none") == 0 and known.calls == 1


def test_links_do_not_name_what_has_a_name_of_its_own(relief, known, photo, tmp_path):
    (tmp_path / "scans/2021").mkdir(parents=True)
    photo.rename(tmp_path / "scans/2021/panel.png")
    (tmp_path / "scans/1_latest").symlink_to(tmp_path / "scans/2021")
    (tmp_path / "scans/a_all").symlink_to(tmp_path / "scans")
    for pattern in ("scans/*/*.png", "scans/**/*.png"):
        assert relief(tmp_path / pattern, "--formats", "none", "--tree") == 0 and known.calls == 1
        assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["2021"]


def test_links_that_multiply_end(relief, known, photo, tmp_path):
    folders = [tmp_path / "scans" / name for name in "abc"]
    for folder in folders:
        folder.mkdir(parents=True)
        (folder / f"{folder.name}.png").write_bytes(photo.read_bytes())
        for other in folders:
            (folder / f"see {other.name}").symlink_to(other)
    assert relief(tmp_path / "scans/**/*", "--formats", "none", "--tree") == 0 and known.calls == 3
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a", "b", "c"]


def test_a_link_alone_leads_to_photographs_too(relief, known, photo, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    photo.rename(tmp_path / "elsewhere/panel.png")
    (tmp_path / "scans").mkdir()
    (tmp_path / "scans/link").symlink_to(tmp_path / "elsewhere")
    assert relief(tmp_path / "scans/**/*.png", "--formats", "none", "--tree") == 0
    assert (tmp_path / "out/link/panel.json").exists()


def test_hidden_files_are_meant_by_their_dot_alone(relief, known, photo, tmp_path):
    for name in (".cache/a.png", "s/.b.png", "s/c.png"):
        (tmp_path / "scans" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "scans" / name).write_bytes(photo.read_bytes())
    assert relief(tmp_path / "scans/**/*.png", "--formats", "none") == 0 and known.calls == 1
    assert relief(tmp_path / "scans/.cache/*.png", tmp_path / "scans/s/.*.png", "--formats", "none") == 0
    assert known.calls == 3


def test_a_folder_of_the_tree_that_cannot_be_made_is_found_before_any_work(relief, known, photo, tmp_path, capsys):
    (tmp_path / "scans/a").mkdir(parents=True)
    photo.rename(tmp_path / "scans/a/panel.png")
    (tmp_path / "out").mkdir()
    (tmp_path / "out/a").write_bytes(b"a file")
    assert relief(tmp_path / "scans/**/*.png", "--formats", "none", "--tree") == 1
    assert "out/a is no folder" in capsys.readouterr().err.replace(os.sep, "/") and known.calls == 0


def test_a_path_too_long_for_blender_is_that_of_the_folder_it_is_made_in(
    module, relief, known, photo, tmp_path, monkeypatch, capsys
):
    (tmp_path / "scans/deep").mkdir(parents=True)
    photo.rename(tmp_path / "scans/deep/panel.png")
    (tmp_path / "out/deep").mkdir(parents=True)
    most = len(f"{tmp_path}/out/.relief-12345678/panel.glb") + 2
    monkeypatch.setattr(module("operators.command"), "_BLENDERS_PATH_BYTES", most)
    assert relief(tmp_path / "scans/**/*.png", "--formats", "glb", "--tree") == 1 and known.calls == 0
    assert "its glb would have a path of" in capsys.readouterr().err


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no pipes with a name")
def test_a_photograph_out_of_a_pipe(relief, known, photo, tmp_path):
    pipe = tmp_path / "pipe.png"
    os.mkfifo(pipe)
    data = photo.read_bytes()
    writer = threading.Thread(target=pipe.write_bytes, args=(data,))
    writer.start()
    assert relief(pipe, "--formats", "none") == 0 and known.calls == 1
    writer.join()


def test_folders_that_cannot_be_read_are_named(relief, known, photo, tmp_path, monkeypatch, capsys):
    for name in ("locked [1]", "open"):
        (tmp_path / "scans" / name).mkdir(parents=True)
    photo.rename(tmp_path / "scans/open/panel.png")
    scandir = os.scandir

    def refuse(folder="."):
        if "locked" in os.path.basename(os.path.normpath(str(folder))):
            raise PermissionError(errno.EACCES, "Permission denied", folder)
        return scandir(folder)

    monkeypatch.setattr("os.scandir", refuse)
    for pattern in ("**/*.png", "*/*.png", "**"):
        capsys.readouterr()
        assert relief(tmp_path / "scans" / pattern, "--formats", "none", "--quiet") == 1
        assert f"relief: {tmp_path / 'scans/locked [1]'}: left out, it cannot be read." in capsys.readouterr().err
    assert known.calls == 1 and (tmp_path / "out/panel.json").exists()
    capsys.readouterr()
    assert relief(tmp_path / "scans/open/*.png", "--formats", "none") == 0
    assert capsys.readouterr().err == ""


def test_a_folder_that_may_not_be_entered_keeps_none_from_its_turn(relief, known, photo, tmp_path, monkeypatch, capsys):
    """Its files' names can be listed, and nothing else."""
    for name in ("open", "shut"):
        (tmp_path / "scans" / name).mkdir(parents=True)
        (tmp_path / "scans" / name / f"{name}.render.png").write_bytes(photo.read_bytes())
    stat, lstat, shut = os.stat, os.lstat, tmp_path / "scans/shut"

    def refusing(look):
        def refuse(path, *words, **named):
            if not isinstance(path, int) and str(path).startswith(f"{shut}{os.sep}") and str(path) != f"{shut}{os.sep}":
                raise PermissionError(errno.EACCES, "Permission denied", path)
            return look(path, *words, **named)

        return refuse

    monkeypatch.setattr("os.stat", refusing(stat))
    monkeypatch.setattr("os.lstat", refusing(lstat))
    for pattern in ("**/*.png", "*/*", "shut/*.png"):
        capsys.readouterr()
        assert relief(tmp_path / "scans" / pattern, "--formats", "none", "--quiet") == 1
        assert f"relief: {shut}: left out, it cannot be read. Mend that" in capsys.readouterr().err
    assert known.calls == 1 and (tmp_path / "out/open.render.json").exists()
    assert relief(shut / "shut.render.png", tmp_path / "panel.png", "--formats", "none") == 1 and known.calls == 2


def test_patterns_find_photographs_alone_and_in_capitals(relief, known, photo, tmp_path, capsys):
    for name in ("s/1/a.jpg", "s/1/B.JPG", "s/2/c.Tif", "s/2/d.jpeg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(photo.read_bytes())
    for name in ("s/2/Thumbs.db", "s/2/note.txt", "s/1/a.xmp", "s/1/a.jpg.xmp", "s/1/noted"):
        (tmp_path / name).touch()
    (tmp_path / "s/folder.jpg/empty").mkdir(parents=True)
    for pattern, calls in (("s/**/*.jpg", 2), ("s/?/d.[Jj]peg", 3), ("s/*/c.tif", 4), ("s/**/*", 4), ("s/**", 4)):
        assert (relief(tmp_path / pattern, "--formats", "none"), known.calls) == (0, calls), pattern
    assert capsys.readouterr().err == ""
    assert relief(tmp_path / "s/2/note.txt", "--formats", "none") == 1
    assert "note.txt is empty" in capsys.readouterr().err, "what is named is tried"
    idle = [str(tmp_path / "s/*/*.xmp"), str(tmp_path / "gone/*.xmp")]
    assert relief(*idle, tmp_path / "s/1/?.jpg", "--formats", "none", "--overwrite") == 1 and known.calls == 4
    said = [f"relief: {name}: no photograph matches this pattern. Check it, and the folder." for name in idle]
    assert capsys.readouterr().err.splitlines() == said, "what finds nothing is told, and keeps nothing from its turn"
    (tmp_path / "s [1]").mkdir()
    assert relief(tmp_path / "s [1]/gone.jpg", "--formats", "none") == 1
    assert "gone.jpg does not exist" in capsys.readouterr().err


def test_a_tree_of_folders_is_kept(relief, known, photo, tmp_path, capsys):
    for name in ("s [1]/a/1.png", "s [1]/b/c/1.png", "s [1]/1.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(photo.read_bytes())
    pattern = tmp_path / "s [1]" / "**" / "*.png"
    assert relief(pattern, "--formats", "none") == 2
    assert "keep the folders of a pattern with --tree" in capsys.readouterr().err
    assert relief(*tmp_path.glob("s*/a/*.png"), photo, "--formats", "none", "--tree") == 2 and known.calls == 0
    assert "--tree keeps the folders of a pattern, and here is none. Give it in quotes" in capsys.readouterr().err
    words = [pattern, photo, "--formats", "none", "--tree"]
    assert relief(*words) == 0 and known.calls == 4
    stems = ("1", "a/1", "b/c/1", "panel")
    made = sorted(path for path in (tmp_path / "out").rglob("*") if path.is_file())
    assert made == sorted(tmp_path / f"out/{stem}{suffix}" for stem in stems for suffix in MAPS)
    assert relief(*words) == 0 and known.calls == 4
    assert relief(tmp_path / "s [1]/b/*/*.png", "--formats", "none", "--tree") == 0 and known.calls == 5
    assert (tmp_path / "out/c/1.json").exists()


def test_photographs_have_the_same_suffixes_everywhere(module):
    suffixes = module("inference.image_header").SUFFIXES
    assert tuple(module("ui.doors").RELIEF_FH_photo.bl_file_extensions.split(";")) == suffixes
    assert all(suffix == suffix.lower() for suffix in suffixes)


def test_patterns_reach_into_folders_and_past_brackets(relief, known, photo, tmp_path):
    for folder in ("x [1970]", "x 1", "deep/er"):
        (tmp_path / folder).mkdir(parents=True)
    photo.rename(tmp_path / "x [1970]/a.png")
    for name in ("x 1/b.png", "deep/er/c.png"):
        (tmp_path / name).write_bytes((tmp_path / "x [1970]/a.png").read_bytes())
    assert relief(tmp_path / "x [1970]/*.png", tmp_path / "deep/**/*.png", "--formats", "none") == 0
    assert {path.name for path in (tmp_path / "out").glob("*.json")} == {"a.json", "c.json"}
    assert relief(tmp_path / "x [1970]/../x [1970]/**/a.png", tmp_path / "x [12]/*.png", "--formats", "none") == 0
    assert known.calls == 3 and (tmp_path / "out/b.json").exists()


def test_a_pattern_leaves_out_what_an_earlier_run_wrote(relief, known, photo, tmp_path, capsys):
    """Also where the results lie among the photographs.

    What has a plain name, or a result's without the record of a run beside it, is none.
    """
    for name in ("out/a.png", "out/c.edges.png"):
        (tmp_path / "out").mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(photo.read_bytes())
    for name in ("panel.json", "out/c.json"):
        (tmp_path / name).write_text('{"inventory": 7}')
    words = [tmp_path / "**/*.png", tmp_path / "**/*.tif", tmp_path / "out/a*", "--formats", "none"]
    assert relief(*words) == 1  # there is no TIFF yet
    made = {f"{stem}{suffix}" for stem in ("a", "c.edges", "panel") for suffix in MAPS}
    assert {path.name for path in (tmp_path / "out").iterdir()} == made | {"a.png", "c.edges.png", "c.json"}
    capsys.readouterr()
    assert relief(*words) == 1 and known.calls == 3
    said = capsys.readouterr()
    assert said.out.endswith("\n0 done, 3 existed already, 0 failed or skipped\n")
    assert said.err == f"relief: {words[1]}: no photograph matches this pattern. Check it, and the folder.\n"
    assert relief(tmp_path / "out/a.normal.png", tmp_path / "out/a.png", "--formats", "none") == 2
    assert "a.normal.png would be overwritten by a result" in capsys.readouterr().err


def test_ten_thousand_photographs_are_begun_at_once(module, known, tmp_path, monkeypatch):
    """Where a look at a file is a question to another machine; a folder above is looked at once."""
    folder = tmp_path / "a/b/c/d/e"
    folder.mkdir(parents=True)
    for number in range(50):
        (folder / f"{number}.png").touch()
    looks, lstat = [], os.lstat
    monkeypatch.setattr("os.lstat", lambda *words, **named: (looks.append(words), lstat(*words, **named))[1])
    words = ["reconstruct", str(folder / "*.png"), "--output", str(folder / "out")]
    assert module("operators.command").check(words) is None
    assert len(looks) < 2 * 50


def test_all_clashes_are_told_before_any_work(relief, known, photo, tmp_path, capsys):
    (tmp_path / "b").mkdir()
    others = [tmp_path / name for name in ("panel.jpg", "b/panel.png", "x.png", "b/x.png")]
    for path in others:
        path.write_bytes(photo.read_bytes())
    assert relief(photo, *others, "--formats", "none") == 2
    told = capsys.readouterr().err
    assert f"{photo} and {others[0]} and {others[1]}; {others[2]} and {others[3]}" in told
    assert "give each its own --output" in told
    assert known.calls == 0 and _names(tmp_path / "out") == []


def test_a_photograph_among_the_results_stays(relief, photo, tmp_path, capsys):
    """Also where it is named through a link to the folder."""
    (tmp_path / "out").mkdir()
    kept = photo.rename(tmp_path / "out/panel.preview.png")
    (tmp_path / "link").symlink_to(tmp_path / "out")
    (tmp_path / "panel.png").write_bytes(kept.read_bytes())
    before = kept.read_bytes()
    for name in ("out", "link"):
        photos = tmp_path / "panel.png", tmp_path / name / "panel.preview.png"
        assert relief(*photos, "--formats", "none", "--overwrite") == 2
        assert "would be overwritten" in capsys.readouterr().err
    assert kept.read_bytes() == before
    (tmp_path / "scan.png").symlink_to(kept)
    assert relief(tmp_path / "panel.png", tmp_path / "scan.png", "--formats", "none", "--overwrite") == 2
    kept.rename(tmp_path / "kept.png")
    kept.symlink_to(tmp_path / "kept.png")
    assert relief(tmp_path / "panel.png", kept, "--formats", "none", "--overwrite") == 2
    assert kept.is_symlink() and kept.read_bytes() == before


def test_a_failed_export_leaves_no_complaint_behind(module, capsys):
    with (
        pytest.raises(module("inference.errors").ReliefError, match="could not write"),
        module("operators.scene_io")._blender_says("write it"),
    ):
        logging.getLogger("glTFImporter").addHandler(logging.StreamHandler(sys.stdout))
        raise RuntimeError("no")
    logging.getLogger("glTFImporter").warning("again")
    assert "Logging error" not in capsys.readouterr().err


@pytest.mark.parametrize("kind", [KeyboardInterrupt, MemoryError])
def test_what_stopped_an_exporter_is_no_refusal_of_it(module, kind):
    with pytest.raises(kind), module("operators.scene_io")._blender_says("write it"):
        raise RuntimeError(f"Error: Python: Traceback (most recent call last):\n{kind.__name__}\n")


@pytest.mark.parametrize("once", [False, True], ids=["python", "launcher"])
def test_a_signal_that_blender_swallowed_stops_after_it(module, once):
    """In a callback Blender prints what is raised, and goes on."""

    def interrupt(*_told):
        if once:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, interrupt)
    try:
        with pytest.raises(KeyboardInterrupt), module("operators.scene_io")._blender_says("render it"):
            with contextlib.suppress(KeyboardInterrupt):
                signal.raise_signal(signal.SIGINT)
            made = True
        assert made and signal.getsignal(signal.SIGINT) == (signal.SIG_IGN if once else interrupt)
        with module("operators.scene_io")._blender_says("write it"):
            pass
        assert signal.getsignal(signal.SIGINT) == (signal.SIG_IGN if once else interrupt)
    finally:
        signal.signal(signal.SIGINT, before)


_WAITING = f"""
import importlib.util, sys, time
root = {str(ROOT)!r}
spec = importlib.util.spec_from_file_location("reliefs", root + "/__init__.py", submodule_search_locations=[root])
sys.modules["reliefs"] = importlib.util.module_from_spec(spec)
from reliefs.operators import command, reconstruction
reconstruction.check_opencv = lambda: None
reconstruction.load_predictor = lambda runtime: (print("waiting", flush=True), time.sleep(60))
sys.exit(command.main(["reconstruct", "a.jpg", "--formats", "none", "--output", sys.argv[1]]))
"""


def _waiting(out, number, action):
    """The command in a process of its own, which begins with that for a signal."""
    words = [sys.executable, "-c", _WAITING, str(out)]
    begin = functools.partial(signal.signal, number, action)
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=begin)
    assert process.stdout.readline() == b"waiting\n"
    process.send_signal(number)
    return process


@pytest.mark.skipif(os.name == "nt", reason="a process there ends without a word")
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_to_end_is_as_ctrl_c(tmp_path, name):
    """Of Ctrl-C itself Blender keeps Python from hearing."""
    action = signal.SIG_IGN if name == "SIGINT" else signal.SIG_DFL
    with _waiting(tmp_path / "out", getattr(signal, name), action) as process:
        assert (process.wait(20), process.stderr.read()) == (130, b"\nrelief: stopped\n")


@pytest.mark.skipif(os.name == "nt", reason="there is no hanging up there")
def test_what_is_to_outlive_its_terminal_does(tmp_path):
    with _waiting(tmp_path / "out", signal.SIGHUP, signal.SIG_IGN) as process:
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.5)
        process.kill()


@pytest.mark.skipif(os.name == "nt", reason="files have no limit there")
def test_a_file_that_blender_could_not_write_whole_is_no_result(module, relief, photo, tmp_path):
    import resource

    assert relief(photo, "--formats", "blend", "--max-vertices", "2000") == 0
    assert not bpy.data.objects, "memory for the next photograph"
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "out/panel.blend"))
    bpy.context.scene.render.resolution_percentage = 25
    scene_io, limits = module("operators.scene_io"), resource.getrlimit(resource.RLIMIT_FSIZE)
    for write, name in ((scene_io.save_blend, "a.blend"), (scene_io.render, "a.render.png")):
        write(tmp_path / name)
        resource.setrlimit(resource.RLIMIT_FSIZE, ((tmp_path / name).stat().st_size - 3000, limits[1]))
        try:
            with pytest.raises(module("inference.errors").ReliefError, match=f"{name} could not be written whole. Is"):
                write(tmp_path / name)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_braces_are_no_variables(relief, photo, tmp_path):
    named = photo.rename(tmp_path / "panel {1}.png")
    assert relief(named, "--formats", "blend,render", "--max-vertices", "2000") == 0
    rendered = tmp_path / "out/panel {1}.render.png"
    first = rendered.read_bytes()
    assert relief(named, "--formats", "blend,render", "--max-vertices", "2100", "--overwrite") == 0
    assert relief(named, "--formats", "blend,render", "--max-vertices", "2000", "--overwrite") == 0
    assert rendered.read_bytes() == first, "made anew it is the same file"
    assert cv2.imread(str(rendered), cv2.IMREAD_UNCHANGED).shape[2] == 3


def test_a_name_too_long_keeps_none_from_its_turn(relief, known, photo, tmp_path, capsys):
    assert relief(tmp_path / f"{'a' * 245}.png", photo, "--formats", "none") == 1
    assert "too long" in capsys.readouterr().err and known.calls == 1
    assert _names(tmp_path / "out") == [f"panel{suffix}" for suffix in MAPS]


def test_a_fault_is_shown_and_keeps_none_from_its_turn(module, relief, known, photo, tmp_path, monkeypatch, capsys):
    other, again = tmp_path / "other.png", known.predict
    other.write_bytes(photo.read_bytes())
    faults = [ZeroDivisionError("bug"), RuntimeError("OpenCV: (-4:Insufficient memory) Failed to allocate")]

    def predict(*arguments, **named):
        if faults:
            raise faults.pop(0)
        return again(*arguments, **named)

    monkeypatch.setattr(known, "predict", predict)
    (tmp_path / "third.png").write_bytes(photo.read_bytes())
    assert relief(photo, other, tmp_path / "third.png", "--formats", "none") == 1
    said = capsys.readouterr().err
    assert "ZeroDivisionError: bug" in said and "Use a smaller --max-size." in said
    assert _names(tmp_path / "out") == [f"third{suffix}" for suffix in MAPS]


def test_a_photograph_too_large_for_the_memory_keeps_none_from_its_turn(
    module, relief, known, photo, tmp_path, monkeypatch, capsys
):
    large = tmp_path / "large.png"
    cv2.imwrite(str(large), np.zeros((800, 1000), np.uint8))
    command = module("operators.command")
    assert command._free_memory() > 1e8 if sys.platform == "linux" else True
    monkeypatch.setattr(command, "_free_memory", lambda: 240e6)  # the small one is read at 1152 x 768
    assert relief(large, photo, "--formats", "none") == 1
    said = capsys.readouterr().err
    assert "of which 0.2 GB are free. Use a smaller --max-size" in said and "large.png" in said
    assert _names(tmp_path / "out") == [f"panel{suffix}" for suffix in MAPS]
    assert relief(large, "--formats", "none", "--max-size", "200") == 0, "three quarters of a megapixel"
    corners = "0.4,0.4 0.6,0.4 0.6,0.6 0.4,0.6"
    assert relief(large, "--formats", "none", "--overwrite", "--corners", corners) == 0, "of it a small part"
    monkeypatch.setattr(command, "_free_memory", lambda: 100.0)
    assert relief(large, "--formats", "none", "--overwrite") == 1
    assert "its file of 0.0 GB needs more memory than is free. Scale the file down." in capsys.readouterr().err
    monkeypatch.setattr(command, "_free_memory", lambda: 10e6)
    assert relief(large, "--formats", "none", "--max-size", "100", "--overwrite") == 1
    assert "Scale the file down: to open it alone takes more" in capsys.readouterr().err
    huge = tmp_path / "huge.png"
    with huge.open("wb") as file:
        file.truncate(3 << 30)
    assert relief(huge, "--formats", "none") == 1
    assert "too large a file" in capsys.readouterr().err, "and not read for its size"


def test_a_folder_that_is_protected_is_found_before_any_work(relief, known, photo, monkeypatch, capsys):
    mkdir = Path.mkdir

    def protected(path, *arguments, **named):
        if path.parent.name == "out":
            raise PermissionError(13, "Permission denied")
        mkdir(path, *arguments, **named)

    monkeypatch.setattr(Path, "mkdir", protected)
    assert relief(photo, "--formats", "none") == 2
    assert "cannot be written to: Permission denied" in capsys.readouterr().err and known.calls == 0


def test_a_small_photograph_with_the_network_itself(module, photo, tmp_path):
    """Its maps are larger than itself."""
    words = ["reconstruct", str(photo), "--formats", "none", "--runtime", "opencv", "--output", str(tmp_path / "out")]
    assert module("operators.command").main(words) == 0
    assert _names(tmp_path / "out") == [f"panel{suffix}" for suffix in MAPS]
    rows, columns = module("inference.predictor").map_size(80, 120)
    height = cv2.imread(str(tmp_path / "out/panel.height.tif"), cv2.IMREAD_UNCHANGED)
    assert height.shape == (rows, columns) and rows > 80
    assert cv2.imread(str(tmp_path / "out/panel.preview.png")) is not None


def test_output_that_is_a_file(relief, known, photo, tmp_path):
    (tmp_path / "out").write_text("mine")
    assert relief(photo, "--formats", "none") == 2
    assert (tmp_path / "out").read_text() == "mine"
    assert known.calls == 0


def test_failure_while_writing_leaves_nothing(module, relief, photo, tmp_path, monkeypatch, capsys):
    def full(*_arguments):
        raise module("inference.errors").ReliefError("The disk is full.")

    monkeypatch.setattr(module("inference.maps"), "write_preview", full)
    assert relief(photo, "--formats", "none") == 1
    assert "The disk is full." in capsys.readouterr().err
    assert _names(tmp_path / "out") == []


def test_blend_holds_camera_sun_and_photo(relief, photo, tmp_path, capfd):
    assert relief(photo, "--formats", "blend", "--width-m", "40", "--depth-m", "4") == 0
    assert capfd.readouterr().out.count("\n") == 1, "Blender's own chatter stays off stdout"
    assert _names(tmp_path / "out") == sorted(f"panel{suffix}" for suffix in [".blend", *MAPS])
    photo.unlink()
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "out/panel.blend"))
    scene = bpy.context.scene
    bpy.context.view_layer.update()
    panel = scene.objects["panel"]
    assert panel.dimensions.x == pytest.approx(40.0, abs=1e-4)
    assert "relief_photo_sha256" in panel
    (image,) = (image for image in bpy.data.images if image.name.startswith("panel-"))
    assert image.packed_file is not None
    assert [o.data.type for o in scene.objects if o.type == "LIGHT"] == ["SUN"]
    towards = next(o for o in scene.objects if o.type == "LIGHT").matrix_world.to_3x3() @ Vector((0.0, 0.0, 1.0))
    assert -towards.y < 0.6, "raking: more from the side than from the front"
    assert towards.y < -0.2 and towards.z > 0.2, "on the carved face, from above"
    assert scene.render.engine == "CYCLES"
    views = [world_to_camera_view(scene, scene.camera, panel.matrix_world @ Vector(c)) for c in panel.bound_box]
    for axis in (0, 1):
        seen = [view[axis] for view in views]
        assert 0.0 < min(seen) < 0.1 and 0.9 < max(seen) < 1.0, "framed"
    assert all(scene.camera.data.clip_start < view.z < scene.camera.data.clip_end for view in views)


def test_render_shows_the_photo(relief, photo, tmp_path):
    named = photo.rename(tmp_path / "Render Result.png")  # as Blender calls its own picture
    assert relief(named, "--formats", "render", "--max-vertices", "2000") == 0
    picture = cv2.imread(str(tmp_path / "out/Render Result.render.png"))
    rows, columns = picture.shape[:2]
    assert columns == 1024 and 600 < rows < 800
    # A red of 0.7 of the blue, as in the file's B G R order: the stone, in the middle of the picture.
    blue, _, red = picture[rows // 2 - 200 : rows // 2 + 200, 300:700].reshape(-1, 3).mean(axis=0)
    assert red > 1.1 * blue
    assert picture.std() > 5


def test_a_bpy_that_cannot_be_loaded_is_told_first(relief, known, photo, tmp_path, capsys, monkeypatch):
    (tmp_path / "bare/bpy").mkdir(parents=True)
    (tmp_path / "bare/bpy/__init__.py").write_text("raise ImportError('libX11.so.6: cannot open')")
    monkeypatch.syspath_prepend(str(tmp_path / "bare"))
    monkeypatch.delitem(sys.modules, "bpy")
    other = tmp_path / "other.png"
    other.write_bytes(photo.read_bytes())
    assert relief(photo, other) == 1
    told = capsys.readouterr().err
    assert told.count("bpy, which cannot be loaded: libX11.so.6: cannot open. Install that, or") == 1
    assert known.calls == 0 and _names(tmp_path / "out") == []
    assert relief(photo, "--formats", "none") == 0


def test_an_opencv_that_is_missing_is_told_first(relief, known, photo, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "cv2", None)
    assert relief(photo, tmp_path / "other.png", "--formats", "none") == 1
    told = "relief: OpenCV is missing. Install the extension from the zip that was made for this system.\n"
    assert capsys.readouterr().err == told
    assert known.calls == 0 and _names(tmp_path / "out") == []


def test_an_opencv_that_cannot_be_loaded_is_told_first(module, relief, known, photo, tmp_path, capsys, monkeypatch):
    (tmp_path / "bare/cv2").mkdir(parents=True)
    (tmp_path / "bare/cv2/__init__.py").write_text("raise ImportError('libGL.so.1: cannot open')")
    monkeypatch.syspath_prepend(str(tmp_path / "bare"))
    for name in ("cv2", module("inference.photo").__name__):
        monkeypatch.delitem(sys.modules, name)
    assert relief(photo, tmp_path / "other.png", "--formats", "none") == 1
    told = "relief: OpenCV cannot be loaded: libGL.so.1: cannot open. Install that, or the extension from the zip for"
    assert capsys.readouterr().err == f"{told} this system.\n"
    assert known.calls == 0 and _names(tmp_path / "out") == []


def test_a_network_that_cannot_be_loaded_is_told_once_and_first(module, relief, photo, tmp_path, capsys, monkeypatch):
    def missing(_runtime):
        raise module("inference.errors").ReliefError("The network's weights are missing.")

    monkeypatch.setattr(module("operators.reconstruction"), "load_predictor", missing)
    monkeypatch.setattr(module("inference.photo"), "read_photo", lambda *_arguments, **_named: 1 / 0)
    other = tmp_path / "other.png"
    other.write_bytes(photo.read_bytes())
    assert relief(photo, other, "--formats", "none") == 1
    assert capsys.readouterr().err == "relief: The network's weights are missing.\n"
    assert _names(tmp_path / "out") == []


def test_results_of_an_earlier_run_stay_where_one_cannot_be_replaced(relief, photo, tmp_path, capsys, monkeypatch):
    out = tmp_path / "out"
    assert relief(photo, "--formats", "none") == 0
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    replace = os.replace

    def held(source, target):
        if Path(target) == out / "panel.normal.png" and Path(source).parent.name != "old":
            raise PermissionError("held by a viewer")
        replace(source, target)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "unlink", lambda *_args, **_words: 1 / 0)  # nothing needs to be deleted for it
        patched.setattr("os.replace", held)
        assert relief(photo, "--formats", "none", "--overwrite", "--depth-m", "0.5") == 1
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
    capsys.readouterr()
    monkeypatch.setattr("os.replace", held)
    assert relief(photo, "--formats", "none", "--overwrite", "--depth-m", "0.5") == 1
    assert "held by a viewer" in capsys.readouterr().err
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before


def test_a_line_of_progress_is_no_wider_than_the_terminal(module, monkeypatch, capsys):
    command = module("operators.command")
    monkeypatch.setattr(command.shutil, "get_terminal_size", lambda: os.terminal_size((60, 20)))
    command._Progress("[1/9] " + "long" * 20, True)(1.0, 1.0, "Placing the relief")
    line = capsys.readouterr().err
    assert line.endswith(": 100% Placing the relief\x1b[K") and len(line) < 60
    command._Progress("[1/9] " + "浮彫" * 20, True)(1.0, 1.0, "Placing the relief")
    label = capsys.readouterr().err.split(":")[0]
    assert len(label.strip("\r")) < 20, "letters of these kinds take two columns"


def test_a_batch_outlives_its_terminal(module, relief, known, photo, tmp_path, monkeypatch):
    """As one that was told to ignore that: each line of progress fails, and no photograph with it."""

    class Closed(io.StringIO):
        def write(self, _text):
            raise OSError(errno.EIO, "Input/output error")

        def isatty(self):
            return True

    other = tmp_path / "other.png"
    other.write_bytes(photo.read_bytes())
    monkeypatch.setattr("sys.stderr", Closed())
    monkeypatch.setattr("sys.stdout", Closed())
    assert relief(photo, other, tmp_path / "gone.png", "--formats", "none") == 1 and known.calls == 2
    assert (tmp_path / "out/other.json").exists()


@pytest.mark.parametrize("words", [["", "--output", "out"], ["a.png", "--output", ""], ["a.png", "--settings", ""]])
def test_an_empty_path_is_none(module, capsys, words):
    """As of a variable that is not set: the results would go where one is."""
    assert module("operators.command").main(["reconstruct", *words]) == 2
    assert "it is empty. Give a path" in capsys.readouterr().err
