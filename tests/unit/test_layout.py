"""The import rules of the layout, read from the source: who may import what, at the top of a module or inside it."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("inference", "operators", "ui", "training")
BLENDER = {"bpy", "bpy_extras", "bl_operators", "bl_ui", "mathutils", "addon_utils", "gpu", "gpu_extras", "blf"}

# What each package may import besides the standard library and itself. A dotted name stands for itself and below.
ALLOWED = {
    "": {"operators", "ui"},
    "inference": {"numpy", "cv2"},
    "operators": {"inference", "numpy", *BLENDER},
    "ui": {"inference.settings", *BLENDER},
    "training": {"inference", "numpy", "cv2", "torch", "scipy", "numba", "onnx", *BLENDER},
}
# Where the network and its runtime live.
TORCH = ("inference/network/", "inference/runtime.py")


def imported(source: str, path: str) -> list[tuple[int, str, bool]]:
    """Line, dotted name from the root and whether it was written as a relative import, for all imports of a module."""
    found: list[tuple[int, str, bool]] = []
    for node in ast.walk(ast.parse(source, path)):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name, False) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            package = Path(path).parts[: -node.level] if node.level else ()
            base = [*package, *([node.module] if node.module else [])]
            found += [(node.lineno, ".".join([*base, alias.name]), node.level > 0) for alias in node.names]
        elif isinstance(node, ast.Call) and node.args:
            function = node.func
            name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
            argument = node.args[0]
            if name in ("import_module", "__import__") and isinstance(argument, ast.Constant):
                found.append((node.lineno, str(argument.value), False))
    return found


def violations(source: str, path: str) -> list[str]:
    """The imports of a module that the layout forbids, as ``path:line name``."""
    package = path.split("/")[0] if "/" in path else ""
    bad = []
    for line, name, relative in imported(source, path):
        top = name.split(".")[0]
        allowed = any(name == own or name.startswith(f"{own}.") for own in {package, *ALLOWED[package]} if own)
        if top == "torch" and path.startswith(TORCH):
            allowed = True
        if top in PACKAGES and package != "training" and not relative:
            allowed = False  # it would load a second copy beside the extension's own
        if top in sys.stdlib_module_names and not relative:
            allowed = True
        if not allowed:
            bad.append(f"{path}:{line} {name}")
    return bad


def modules() -> list[str]:
    paths = [ROOT / "__init__.py", *(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))]
    return sorted(path.relative_to(ROOT).as_posix() for path in paths)


@pytest.mark.parametrize("path", modules())
def test_imports_keep_to_the_layout(path: str) -> None:
    assert violations((ROOT / path).read_text(encoding="utf-8"), path) == []


@pytest.mark.parametrize(
    ("path", "line", "name"),
    [
        ("inference/photo.py", "import bpy", "bpy"),
        ("inference/photo.py", "import torch", "torch"),
        ("inference/photo.py", "from ..operators import job", "operators.job"),
        ("inference/photo.py", "from inference.errors import ReliefError", "inference.errors.ReliefError"),
        ("inference/network/model.py", "from ...training import train", "training.train"),
        ("operators/refine.py", "import cv2", "cv2"),
        ("operators/refine.py", "import torch.nn as nn", "torch.nn"),
        ("operators/refine.py", "from ..ui import panels", "ui.panels"),
        ("operators/refine.py", "importlib.import_module('torch')", "torch"),
        ("ui/panels.py", "from ..inference import refine", "inference.refine"),
        ("ui/panels.py", "from ..operators.job import start", "operators.job.start"),
        ("training/train.py", "from operators import bridge", "operators.bridge"),
        ("__init__.py", "from . import training", "training"),
    ],
)
def test_forbidden_imports_are_found_inside_functions_too(path: str, line: str, name: str) -> None:
    assert violations(f"def f():\n    {line}\n", path) == [f"{path}:2 {name}"]


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("inference/network/model.py", "from ..prediction import EDGE_CLASSES"),
        ("inference/runtime.py", "import torch"),
        ("inference/photo.py", "import os.path, cv2"),
        ("operators/refine.py", "from ..inference.refinement import refine"),
        ("operators/__init__.py", "from . import job"),
        ("ui/panels.py", "from ..inference.settings import MeshSettings"),
        ("training/train.py", "from inference.network import build_network"),
        ("__init__.py", "from . import operators, ui"),
    ],
)
def test_allowed_imports_pass(path: str, line: str) -> None:
    assert violations(f"def f():\n    {line}\n", path) == []


def test_the_packages_are_walked() -> None:
    assert {"__init__.py", "inference/errors.py", "operators/__init__.py", "ui/__init__.py"} <= set(modules())


@pytest.mark.parametrize(
    "names", ["inference", "inference, inference.errors, inference.settings, inference.prediction, inference.runtime"]
)
def test_importing_inference_loads_neither_torch_nor_cv2(names: str) -> None:
    code = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r}); import {names}; print(*{{'torch', 'cv2'}} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_the_map_of_the_training_leaves_out_no_module() -> None:
    described = set(re.findall(r"`(\w+)`", (ROOT / "training/__init__.py").read_text(encoding="utf-8")))
    assert described == {path.stem for path in (ROOT / "training").glob("[a-z]*.py")}
