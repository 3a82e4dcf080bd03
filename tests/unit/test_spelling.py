"""The words that users read are spelt right: the interface, the errors, the README."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from spellchecker import SpellChecker

ROOT = Path(__file__).resolve().parents[2]

_TERMS = """
    adamw ambientcg bas bfloat bpy colour colours ctrl deg esc ffmpeg glb gltf macos makehuman metres midlevel miou mm
    multiresolution mypy nimrud numpy opencv opengl openssl pett px pytest pytorch quaternius remeshed runtime runtimes
    srgb uint viewport webp
"""
OWN = set(_TERMS.split())
"""Names and terms of the field that a plain dictionary does not hold."""


def words(text: str) -> set[str]:
    """The plain words of a text: no code, no addresses, no names of files, of settings or of constants."""
    text = re.sub(r"(?s)```.*?```|`[^`]*`|<[^>]*>|\]\([^)]*\)|https?:\S+", " ", text)
    text = re.sub(r"\S*[/_.\\]\w\S*|--?\w\S*|\{[^}]*\}", " ", text)
    found = re.findall(r"[A-Za-z]+(?:'[a-z]+)?", text)
    return {re.sub(r"'s?$", "", w).lower() for w in found if len(w) > 1 and not w.isupper()}


def errors() -> Iterator[tuple[str, str]]:
    """Where an error, a report or a reason stands in the source, and its text."""
    for path in sorted([*(ROOT / "inference").rglob("*.py"), *(ROOT / "operators").rglob("*.py")]):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name in ("ReliefError", "Cancelled", "report", "poll_message_set"):
                constants = [part.value for part in ast.walk(node) if isinstance(part, ast.Constant)]
                texts = [text for text in constants if isinstance(text, str) and " " in text]
                yield f"{path.relative_to(ROOT)}:{node.lineno}", " ".join(texts)


@pytest.fixture(scope="module")
def misspelt() -> SpellChecker:
    return SpellChecker(language="en", distance=1)


def unknown(checker: SpellChecker, text: str) -> set[str]:
    return checker.unknown(words(text) - OWN)


def test_the_checker_finds_a_slip(misspelt: SpellChecker) -> None:
    assert unknown(misspelt, "The photgraph of a relief in `cde`, see a/b_c.py and {nmae}.") == {"photgraph"}


def test_the_interface(misspelt: SpellChecker) -> None:
    texts = json.loads((ROOT / "operators" / "words.json").read_text(encoding="utf-8"))
    assert len(texts) > 100
    assert {t: found for t in texts if (found := unknown(misspelt, t))} == {}


def test_the_help_of_the_command_line(misspelt: SpellChecker) -> None:
    code = (
        "import importlib.util, sys, types; root = types.ModuleType('whole'); root.__path__ = ['.'];"
        "sys.modules['whole'] = root; from whole.operators.command import main; main(['reconstruct', '--help'])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    text = re.sub(r"\[.*?\]", " ", done.stdout, flags=re.DOTALL)
    assert "longest side" in text
    assert unknown(misspelt, text) == set()


def test_errors(misspelt: SpellChecker) -> None:
    texts = list(errors())
    assert len(texts) > 50
    assert {place: found for place, t in texts if (found := unknown(misspelt, t))} == {}


@pytest.mark.parametrize("name", ["README.md", "inference/weights/README.md", "training/HISTORY.md"])
def test_the_documents(misspelt: SpellChecker, name: str) -> None:
    assert unknown(misspelt, (ROOT / name).read_text(encoding="utf-8")) == set()
