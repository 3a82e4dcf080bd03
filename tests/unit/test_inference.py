"""The package's front door."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def test_import_loads_neither_cv2_nor_torch() -> None:
    code = (
        "import sys, inference, inference.settings, inference.errors;"
        "print(sorted({'cv2', 'torch', 'numpy'} & set(sys.modules)), inference.RefinementSettings().detail)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["[]", "1.0"]


def test_every_name_of_the_contract_is_there() -> None:
    import inference

    for name in inference.__all__:
        assert getattr(inference, name).__name__ == name
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = inference.nothing
