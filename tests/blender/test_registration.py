"""What enabling the extension brings, and what it costs."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from dataclasses import fields
from pathlib import Path

import bpy
import pytest


def test_properties_are_the_fields_of_the_settings(module):
    settings = module("inference.settings")
    group = bpy.context.scene.relief
    expected = [f for cls in (settings.RefinementSettings, settings.MeshSettings) for f in fields(cls)]
    names = {p.identifier for p in group.bl_rna.properties if not p.is_readonly} - {"name"}
    assert names == {f.name for f in expected} | {"image"}
    for f in expected:
        prop = group.bl_rna.properties[f.name]
        assert prop.default == pytest.approx(f.default)
        assert (prop.hard_min, prop.hard_max) == pytest.approx((f.metadata["low"], f.metadata["high"]))
        assert (prop.name, prop.description) == (f.metadata["label"], f.metadata["description"])


def test_default_properties_read_as_the_default_settings(module):
    settings = module("inference.settings")
    read = module("operators.scene_settings").read_settings(bpy.context.scene)
    assert read == (settings.RefinementSettings(), settings.MeshSettings())


def test_enabling_loads_no_network_and_no_arrays():
    code = (
        "import sys, bpy, addon_utils\n"
        "before = set(sys.modules)\n"
        "assert addon_utils.enable('bl_ext.user_default.photo_to_relief') is not None\n"
        "assert hasattr(bpy.types.Scene, 'relief')\n"
        "heavy = {'torch', 'cv2', 'numpy'} & (set(sys.modules) - before)\n"
        "assert not heavy, heavy\n"
        "print('light')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], env=os.environ, capture_output=True, text=True, check=False)
    assert "light" in done.stdout, done.stdout + done.stderr


def test_disabling_takes_everything_back():
    code = (
        "import bpy, addon_utils\n"
        "name = 'bl_ext.user_default.photo_to_relief'\n"
        "for _ in range(2):\n"
        "    addon_utils.enable(name)\n"
        "    assert hasattr(bpy.types, 'RELIEF_OT_reconstruct') and hasattr(bpy.types, 'RELIEF_PT_main')\n"
        "    addon_utils.disable(name)\n"
        "    assert not [n for n in dir(bpy.types) if n.startswith('RELIEF_')]\n"
        "    assert not hasattr(bpy.types.Scene, 'relief')\n"
        "    assert not hasattr(bpy.types.WindowManager, 'relief_progress')\n"
        "print('clean')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], env=os.environ, capture_output=True, text=True, check=False)
    assert "clean" in done.stdout, done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_zip_holds_the_extension_alone(zip_path: Path):
    names = zipfile.ZipFile(zip_path).namelist()
    top = {name.split("/")[0] for name in names}
    assert {"blender_manifest.toml", "__init__.py", "inference", "operators", "ui"} <= top
    assert not top & {"training", "tests", "docs", "examples", "relief", "requirements", "pyproject.toml"}
    assert not [name for name in names if "__pycache__" in name or name.startswith(".")]
