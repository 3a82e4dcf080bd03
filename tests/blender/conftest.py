"""The zip built, validated and installed as a user would, in a Blender with a home of its own."""

from __future__ import annotations

import importlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

_HOME = tempfile.mkdtemp(prefix="relief-blender-")
os.environ["BLENDER_USER_RESOURCES"] = _HOME  # read when bpy is imported

import bpy  # noqa: E402
import cv2  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = "bl_ext.user_default.photo_to_relief"
_STATUS = pytest.StashKey[int]()


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    session.config.stash[_STATUS] = int(exitstatus)


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """End with the tests' own status, after the reports are written and before Blender's exit.

    After a glTF export, of the factory scene too, the bpy wheel 4.2.23 crashes there, and 4.5.15 was seen to hang.
    """
    shutil.rmtree(_HOME, ignore_errors=True)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(config.stash.get(_STATUS, int(pytest.ExitCode.INTERNAL_ERROR)))


@pytest.fixture(scope="session")
def zip_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The extension's zip for this platform, as `./relief package` makes it with Blender's own tool."""
    folder = tmp_path_factory.mktemp("dist")
    platform = {"darwin": "macos-arm64", "win32": "windows-x64"}.get(sys.platform, "linux-x64")
    words = [sys.executable, str(ROOT / "relief"), "package", platform, "--output", str(folder)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (path,) = folder.iterdir()
    return path


@pytest.fixture(scope="session")
def installed(zip_path: Path) -> Callable[[str], ModuleType]:
    """Installs and enables the zip; gives the installed package's modules by name."""
    done = bpy.ops.extensions.package_install_files(filepath=str(zip_path), repo="user_default", enable_on_install=True)
    assert done == {"FINISHED"}
    assert PACKAGE in bpy.context.preferences.addons
    bpy.context.preferences.addons[PACKAGE].preferences.runtime = "opencv"
    return lambda name: importlib.import_module(f"{PACKAGE}.{name}")


@pytest.fixture(autouse=True)
def module(installed: Callable[[str], ModuleType]) -> Callable[[str], ModuleType]:
    """A fresh scene and an empty store for each test; gives the installed package's modules by name."""
    bpy.ops.wm.read_homefile(use_empty=True)
    installed("operators.prediction_store").store().clear()
    bpy.types.RELIEF_PT_presets.bl_label = "Relief Presets"  # Blender writes a chosen preset's name there
    return installed


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """A photograph of 120 x 80 pixels, different in every corner: a lit dome upper right, a step lower left."""
    y, x = np.mgrid[0:80, 0:120].astype(np.float32)
    dome = np.exp(-(((x - 85) / 14) ** 2 + ((y - 25) / 10) ** 2))
    grey = 110 - 60 * np.gradient(dome, axis=1) * 8 + 40 * (x + y > 130) + 3 * np.sin(x * 0.7) * np.sin(y * 0.9)
    colour = np.clip(np.stack((grey * 0.7, grey * 0.85, grey), axis=-1), 0, 255).astype(np.uint8)
    path = tmp_path / "panel.png"
    cv2.imwrite(str(path), colour)
    return path


class KnownPredictor:
    """Stands for the network where a test needs a surface that it knows: the upper right quarter stands 0.5 high."""

    weights = "known+00000000"
    runtime = "known"

    def __init__(self, prediction: type) -> None:
        self.calls = 0
        self._prediction = prediction

    def predict(self, photo: Any, progress: Any = None, light_deg: float | None = None) -> Any:
        self.calls += 1
        self.light_deg = light_deg
        if progress is not None:
            progress(1.0, 2.0, "Half")
        height: npt.NDArray[np.float32] = np.zeros_like(photo.grey)
        rows, columns = height.shape
        height[: rows // 2, columns // 2 :] = 0.5
        across, down = np.zeros_like(height), np.zeros_like(height)
        across[:, :-1], down[:-1] = np.diff(height, axis=1), np.diff(height, axis=0)
        edges = np.eye(4, dtype=np.float32)[np.where(across + np.abs(down) > 0, 3, 0)]
        segments = np.eye(6, dtype=np.float32)[np.where(height > 0, 1, 0)]
        light = np.array([-0.6, 0.0, 0.8], np.float32)
        confidence = np.ones_like(height)
        slopes = np.stack((across, down), axis=-1)
        return self._prediction(height, slopes, edges, segments, confidence, light, self.weights, self.runtime)


@pytest.fixture
def known(module: Callable[[str], ModuleType], monkeypatch: pytest.MonkeyPatch) -> KnownPredictor:
    """Puts the known surface in the network's place."""
    predictor = KnownPredictor(module("inference.prediction").Prediction)
    monkeypatch.setattr(module("operators.reconstruction"), "load_predictor", lambda _runtime: predictor)
    return predictor


@pytest.fixture
def linked(known: KnownPredictor, photo: Path, tmp_path: Path) -> bpy.types.Object:
    """A relief of another file, linked into an empty one and active."""
    bpy.ops.relief.reconstruct(filepath=str(photo))
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "library.blend"))
    bpy.ops.wm.read_homefile(use_empty=True)
    with bpy.data.libraries.load(str(tmp_path / "library.blend"), link=True) as (there, here):
        here.objects = list(there.objects)
    (relief,) = here.objects
    bpy.context.scene.collection.objects.link(relief)
    bpy.context.view_layer.objects.active = relief
    return relief


@pytest.fixture
def turned_photo(tmp_path: Path, photo: Path) -> Path:
    """The photograph as a phone stores it on its side, 80 x 120 pixels, to be turned clockwise."""
    stored = cv2.rotate(cv2.imread(str(photo)), cv2.ROTATE_90_COUNTERCLOCKWISE)
    jpeg = cv2.imencode(".jpg", stored, [cv2.IMWRITE_JPEG_QUALITY, 98])[1].tobytes()
    exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"
    turned = tmp_path / "turned.jpg"
    turned.write_bytes(jpeg[:2] + b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif + jpeg[2:])
    return turned
