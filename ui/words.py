"""The interface's words in other languages. Drafts: a native speaker's correction of ``words.json`` is welcome."""

from __future__ import annotations

import json
from pathlib import Path

FILE = Path(__file__).with_name("words.json")
CONTEXTS = ("*", "Operator")
"""Blender looks up the names of operators apart from all other words."""

Translations = dict[str, dict[tuple[str, str], str]]


def translations() -> Translations:
    """For each language, the word for each (context, English word), as Blender registers them."""
    table: Translations = {}
    for english, words in json.loads(FILE.read_text(encoding="utf-8")).items():
        for language, word in words.items():
            table.setdefault(language, {}).update({(context, english): word for context in CONTEXTS})
    return table
