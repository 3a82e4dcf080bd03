"""What enabling the extension brings, and what it costs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from dataclasses import fields
from pathlib import Path

import bpy
import pytest

ROOT = Path(__file__).resolve().parents[2]


def test_properties_are_the_fields_of_the_settings(module):
    settings = module("inference.settings")
    group = bpy.context.scene.relief
    expected = [f for cls in (settings.RefinementSettings, settings.MeshSettings) for f in fields(cls)]
    names = {p.identifier for p in group.bl_rna.properties if not p.is_readonly} - {"name"}
    assert names == {f.name for f in expected} | {"image", "waits"}
    for f in expected:
        prop = group.bl_rna.properties[f.name]
        assert prop.default == pytest.approx(f.default)
        assert (prop.hard_min, prop.hard_max) == pytest.approx((f.metadata["low"], f.metadata["high"]))
        assert (prop.name, prop.description) == (f.metadata["label"], f.metadata["description"])


def test_default_properties_read_as_the_default_settings(module):
    settings = module("inference.settings")
    read = module("operators.scene_settings").read_settings(bpy.context.scene)
    assert read == (settings.RefinementSettings(), settings.MeshSettings())


def in_another_blender(code: str, folder: Path) -> str:
    """Run code in a process on a copy of this one's home: Blender takes the wheels of disabled extensions away."""
    home = shutil.copytree(os.environ["BLENDER_USER_RESOURCES"], folder / "home")
    environment = {**os.environ, "BLENDER_USER_RESOURCES": str(home)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr, done.stderr
    return done.stdout


def test_enabling_loads_no_network_and_no_arrays(tmp_path: Path):
    code = (
        "import sys, bpy, addon_utils\n"
        "before = set(sys.modules)\n"
        "assert addon_utils.enable('bl_ext.user_default.photo_to_relief') is not None\n"
        "assert hasattr(bpy.types.Scene, 'relief')\n"
        "heavy = {'torch', 'cv2', 'numpy'} & (set(sys.modules) - before)\n"
        "assert not heavy, heavy\n"
        "print('light')\n"
    )
    assert "light" in in_another_blender(code, tmp_path)


def test_disabling_takes_everything_back(tmp_path: Path):
    code = (
        "import bpy, addon_utils\n"
        "name = 'bl_ext.user_default.photo_to_relief'\n"
        "for _ in range(2):\n"
        "    addon_utils.enable(name)\n"
        "    assert hasattr(bpy.types, 'RELIEF_OT_reconstruct') and hasattr(bpy.types, 'RELIEF_PT_main')\n"
        "    addon_utils.disable(name)\n"
        "    assert not [n for n in dir(bpy.types) if n.startswith('RELIEF_')]\n"
        "    entries = bpy.types.VIEW3D_MT_mesh_add._dyn_ui_initialize()\n"
        "    assert not [entry for entry in entries if 'photo_to_relief' in entry.__module__]\n"
        "    assert not hasattr(bpy.types.Scene, 'relief')\n"
        "    assert not hasattr(bpy.types.WindowManager, 'relief_progress')\n"
        "print('clean')\n"
    )
    assert "clean" in in_another_blender(code, tmp_path)


def test_zip_holds_the_extension_alone(zip_path: Path):
    names = zipfile.ZipFile(zip_path).namelist()
    top = {name.split("/")[0] for name in names}
    assert {"blender_manifest.toml", "__init__.py", "inference", "operators", "ui"} <= top
    assert not top & {"training", "tests", "docs", "examples", "relief", "requirements", "pyproject.toml"}
    assert not [name for name in names if "__pycache__" in name or name.startswith(".")]


def test_zip_is_small_and_named_for_its_platform(zip_path: Path):
    manifest = tomllib.loads((ROOT / "blender_manifest.toml").read_text(encoding="utf-8"))
    assert zip_path.name.startswith(f"{manifest['id']}-{manifest['version']}-") and zip_path.suffix == ".zip"
    assert zip_path.stat().st_size < 80e6


def test_opencv_comes_with_the_zip_and_runs_the_weights(module):
    """A Python that has NumPy alone, as Blender's has, finds OpenCV where the extension put it."""
    (site,) = Path(os.environ["BLENDER_USER_RESOURCES"]).glob("extensions/.local/lib/python3*/site-packages")
    weights = Path(module("inference.runtime").WEIGHTS_FOLDER)
    assert weights.is_relative_to(os.environ["BLENDER_USER_RESOURCES"])
    code = f"import sys; sys.path.insert(0, {str(site)!r}); import cv2; print(cv2.__file__)"
    code += f"; import gzip, numpy; model = gzip.open({str(weights / 'relief.onnx.gz')!r}).read()"
    code += "; net = cv2.dnn.readNetFromONNX(numpy.frombuffer(model, numpy.uint8)); print(net.empty())"
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=False)
    file, empty = done.stdout.split()
    assert Path(file).is_relative_to(site) and empty == "False", done.stderr
