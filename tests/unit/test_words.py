"""What operators say is in the list of translated words, placeholders for what changes from time to time."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
WORDS = json.loads((ROOT / "operators" / "words.json").read_text(encoding="utf-8"))
SPEAKERS = ("ReliefError", "Cancelled", "report", "poll_message_set", "spoken")
# What the command line and the trainers alone can meet; a terminal is spoken to in English.
ENGLISH = ("inference/evaluation.py", "inference/network/model.py", "operators/command.py", "operators/scene_io.py")


def templates(source: str) -> Iterator[tuple[int, str]]:
    """Line and text of all that a module says, with {0}, {1} ... for the parts that are computed."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if name not in SPEAKERS or not node.args:
            continue
        text = node.args[-1] if name == "report" else node.args[0]
        if isinstance(text, ast.Constant):
            yield node.lineno, text.value
        elif isinstance(text, ast.JoinedStr):
            parts, number = [], 0
            for part in text.values:
                if isinstance(part, ast.Constant):
                    parts.append(part.value)
                else:
                    parts.append(f"{{{number}}}")
                    number += 1
            yield node.lineno, "".join(parts)


def sources() -> list[str]:
    paths = [path for folder in ("inference", "operators") for path in (ROOT / folder).rglob("*.py")]
    return sorted(name for path in paths if (name := path.relative_to(ROOT).as_posix()) not in ENGLISH)


def test_templates_have_a_place_for_each_computed_part() -> None:
    source = 'raise ReliefError(f"{a} is {b:.1f} px. " "Give more.")\nself.report({"ERROR"}, "No.")\nprint("not said")'
    assert [text for _, text in templates(source)] == ["{0} is {1} px. Give more.", "No."]


@pytest.mark.parametrize("path", sources())
def test_all_that_is_said_can_be_said_in_other_languages(path: str) -> None:
    said = list(templates((ROOT / path).read_text(encoding="utf-8")))
    assert [(line, text) for line, text in said if text not in WORDS] == []


def labels(source: str) -> Iterator[tuple[int, str]]:
    """Line and text of what a panel writes itself: ``text=`` of its layout, what it has translated, what it returns."""
    for node in ast.walk(ast.parse(source)):
        texts: list[ast.expr] = []
        if isinstance(node, ast.Call):
            texts = [keyword.value for keyword in node.keywords if keyword.arg in ("text", "heading")]
            name = node.func.attr if isinstance(node.func, ast.Attribute) else ""
            texts += node.args if name == "pgettext_iface" else []
        elif isinstance(node, ast.Return) and node.value is not None:
            texts = [node.value]
        for text in texts:
            for part in (text.body, text.orelse) if isinstance(text, ast.IfExp) else (text,):
                if isinstance(part, ast.JoinedStr):
                    yield part.lineno, ast.unparse(part)
                elif isinstance(part, ast.Constant) and isinstance(part.value, str) and part.value:
                    yield part.lineno, part.value


@pytest.mark.parametrize("path", sorted(path.name for path in (ROOT / "ui").glob("*.py")))
def test_all_that_panels_write_can_be_written_in_other_languages(path: str) -> None:
    written = list(labels((ROOT / "ui" / path).read_text(encoding="utf-8")))
    assert [(line, text) for line, text in written if text not in WORDS] == []


def test_presets_have_names_in_other_languages() -> None:
    names = {path.stem.replace("_", " ") for path in (ROOT / "ui" / "presets").rglob("*.py")}
    assert names and names <= WORDS.keys()


def test_labels_of_panels_are_found() -> None:
    source = 'layout.label(text="A" if b else f"{c} d")\ntext = t.pgettext_iface("E {0}").format(f)'
    assert [text for _, text in labels(source)] == ["A", "f'{c} d'", "E {0}"]


def test_translations_keep_the_places() -> None:
    for english, words in WORDS.items():
        places = {f"{{{n}}}" for n in range(9) if f"{{{n}}}" in english}
        for language, word in words.items():
            assert {p for p in (f"{{{n}}}" for n in range(9)) if p in word} == places, (language, english)
