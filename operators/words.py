"""The interface's words in other languages. Drafts: a native speaker's correction of ``words.json`` is welcome."""

from __future__ import annotations

import functools
import json
import re
from pathlib import Path

FILE = Path(__file__).with_name("words.json")
"""For each English text its translations. {0}, {1} ... stand for what changes from time to time: names, numbers."""
CONTEXTS = ("*", "Operator", "Relief")
"""Blender looks up the names of operators apart from all other words, and those of the sidebar's panels."""

Translations = dict[str, dict[tuple[str, str], str]]


def translations() -> Translations:
    """For each language, the word for each (context, English word), as Blender registers them."""
    table: Translations = {}
    for english, words in _words().items():
        for language, word in words.items():
            table.setdefault(language, {}).update({(context, english): word for context in CONTEXTS})
    return table


def spoken(text: str) -> str:
    """An English text, its names and numbers already in it, in the language of the interface.

    Bytes of a file's name that are no UTF-8, which Blender would not take, become what stands for such.
    """
    text = text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    if text in _words():
        return _translated(text)
    for pattern, english in _patterns():
        found = pattern.fullmatch(text)
        if found:
            return _translated(english).format(*(spoken(part) for part in found.groups()))
    return text


def _translated(text: str) -> str:
    import bpy

    return str(bpy.app.translations.pgettext_iface(text))


@functools.cache
def _words() -> dict[str, dict[str, str]]:
    words: dict[str, dict[str, str]] = json.loads(FILE.read_text(encoding="utf-8"))
    return words


@functools.cache
def _patterns() -> list[tuple[re.Pattern[str], str]]:
    """What matches each text that has places in it, the longest first: it says most."""
    texts = sorted((text for text in _words() if "{0}" in text), key=len, reverse=True)
    return [(re.compile("(.+?)".join(map(re.escape, re.split(r"\{\d\}", text))), re.DOTALL), text) for text in texts]
