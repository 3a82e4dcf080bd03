"""Installed, upgraded, disabled and uninstalled as a user would: what stays and what goes. In a Blender of its own."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

STORY = """
import json, os, sys
from pathlib import Path
import bpy
old, new, home = sys.argv[1], sys.argv[2], Path(os.environ["BLENDER_USER_RESOURCES"])
package = "bl_ext.user_default.photo_to_relief"
seen = {}

def install(path):
    return bpy.ops.extensions.package_install_files(filepath=path, repo="user_default", enable_on_install=True)

def version():
    return (home / "extensions/user_default/photo_to_relief/blender_manifest.toml").read_text(encoding="utf-8")

def note(moment):
    seen[moment] = sorted(p.relative_to(home).as_posix() for p in home.rglob("*") if p.is_file())

assert install(old) == {"FINISHED"}
bpy.context.scene.relief.detail = 0.25
assert bpy.ops.relief.add_preset(name="My Stone") == {"FINISHED"}
bpy.ops.relief.reconstruct(filepath=sys.argv[3])
relief = bpy.context.active_object
note("installed")
seen["first version"] = version()
assert install(new) == {"FINISHED"}
note("upgraded")
seen["second version"] = version()
bpy.context.scene.relief.detail = 0.5  # refines from the prediction that was kept
seen["still refines"] = json.loads(relief["relief_settings"])["detail"]
bpy.ops.preferences.addon_disable(module=package)
seen["disabled"] = [hasattr(bpy.types.Scene, "relief"), hasattr(bpy.types, "RELIEF_PT_main")]
repo = [r.module for r in bpy.context.preferences.extensions.repos].index("user_default")
assert bpy.ops.extensions.package_uninstall(repo_index=repo, pkg_id="photo_to_relief") == {"FINISHED"}
note("uninstalled")
print("SEEN" + json.dumps(seen), flush=True)
os._exit(0)
"""


def _newer(zip_path: Path, folder: Path) -> Path:
    """The same zip as a later version."""
    path = folder / "newer.zip"
    with zipfile.ZipFile(zip_path) as old, zipfile.ZipFile(path, "w") as new:
        for item in old.infolist():
            data = old.read(item)
            if item.filename.endswith("blender_manifest.toml"):
                data = re.sub(rb'(?m)^version = ".*"$', b'version = "99.0.0"', data)
            new.writestr(item, data)
    return path


@pytest.fixture(scope="module")
def seen(zip_path: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """All files of the Blender home after each step of the story."""
    import cv2
    import numpy as np

    folder = tmp_path_factory.mktemp("install")
    photo = folder / "stone.png"
    cv2.imwrite(str(photo), np.random.default_rng(0).integers(0, 255, (64, 96), np.uint8))
    words = [sys.executable, "-I", "-c", STORY, str(zip_path), str(_newer(zip_path, folder)), str(photo)]
    home = folder / "home"
    done = subprocess.run(
        words, capture_output=True, text=True, check=False, env={**os.environ, "BLENDER_USER_RESOURCES": str(home)}
    )
    found = re.search(r"SEEN(\{.*\})", done.stdout)
    assert found, done.stdout + done.stderr
    return json.loads(found[1])


def test_an_upgrade_keeps_presets_and_predictions(seen):
    assert 'version = "99.0.0"' not in seen["first version"]
    assert 'version = "99.0.0"' in seen["second version"]
    kept = [path for path in seen["installed"] if "My_Stone" in path or ".user/" in path]
    assert len(kept) >= 2, seen["installed"]
    assert set(kept) <= set(seen["upgraded"])
    assert seen["still refines"] == 0.5


def test_disabling_leaves_no_class_and_no_property(seen):
    assert seen["disabled"] == [False, False]


def test_uninstalling_leaves_nothing_but_presets(seen):
    left = [p for p in seen["uninstalled"] if re.search(r"relief|My_Stone", p, re.IGNORECASE)]
    assert [Path(p).name for p in left] == ["My_Stone.py"], left
    assert not any("cv2" in p or ".local" in p for p in seen["uninstalled"]), seen["uninstalled"]
