"""The interface in other languages."""

from __future__ import annotations

import json
from pathlib import Path

import bpy

PACKAGE = "bl_ext.user_default.photo_to_relief"
LANGUAGES = ("ja_JP", "id_ID")


def _groups() -> list[type]:
    """The settings of scenes and of photographs, and the preferences, which `bpy.types` does not list."""
    preferences = bpy.context.preferences.addons[PACKAGE].preferences
    return [type(bpy.context.scene.relief), type(bpy.data.images.new("any", 1, 1).relief), type(preferences)]


def _spoken() -> set[str]:
    """Every name and description that Blender shows of the extension's classes."""
    words: set[str] = set()
    classes = {name: getattr(bpy.types, name) for name in dir(bpy.types) if name.startswith("RELIEF_")}
    for name, cls in (classes | {group.__name__: group for group in _groups()}).items():
        words |= {cls.bl_label} if getattr(cls, "bl_label", "") else set()
        rna = cls.bl_rna
        if "_OT_" in name:
            words |= {cls.bl_label, rna.description}
            rna = getattr(bpy.ops.relief, name.partition("_OT_")[2]).get_rna_type()
            base = bpy.types.Operator.bl_rna.properties.keys()
        else:
            base = {"name"}
        if "_PT_" in name or "_FH_" in name or "_AP_" in name:
            base = {p.identifier for p in rna.base.properties} if rna.base else set()
        for prop in rna.properties:
            if prop.identifier in base or prop.identifier in ("rna_type", "name") or prop.is_hidden:
                continue
            words |= {prop.name, prop.description}
            if prop.type == "ENUM":
                words |= {text for item in prop.enum_items for text in (item.name, item.description)}
    return words


def test_every_word_has_its_translations(module):
    known = json.loads(Path(module("operators.words").FILE).read_text(encoding="utf-8"))
    own = {"", "bl_idname"}
    missing = sorted(w for w in _spoken() - known.keys() - own if " " in w or w[:1].isupper())
    assert [w for w in missing if not _blenders_own(w)] == []
    for english, words in known.items():
        assert set(words) == set(LANGUAGES), english
        assert all(text.strip() for text in words.values()), english


def _blenders_own(word: str) -> bool:
    """Names of properties that Blender gives to classes of every extension, and names of things unseen."""
    return word in {"Presets", "Module", "Active", "Share", "Stage", "Directory", "Files", "Filepath"}


def test_operators_and_other_words_are_found_in_their_contexts(module):
    """The bpy wheel speaks English alone; that Blender takes the words is seen in the walk with a window."""
    table = module("operators.words").translations()
    assert set(table) == set(LANGUAGES)
    for context in ("*", "Operator", "Relief"):
        assert table["ja_JP"][context, "Reconstruct"] == "復元"
        assert table["id_ID"][context, "Reconstruct"] == "Rekonstruksi"


def test_errors_are_spoken_with_their_names_and_numbers(module, monkeypatch):
    words = module("operators.words")
    japanese = words.translations()["ja_JP"]
    monkeypatch.setattr(words, "_translated", lambda text: japanese["*", text])
    said = words.spoken("stone.png is too small: 12 x 9 pixels. Give a photograph of at least 64 pixels each way.")
    assert said == "stone.png は小さすぎます: 12 x 9 ピクセル。縦横とも 64 ピクセル以上の写真を指定してください。"
    assert words.spoken("2 of 3: Opening the photo, 5 s left") == "3 件中 2 件目: 写真を読み込み中、残り 5 秒"
    assert words.spoken("Stopped. Nothing was changed.").endswith(japanese["*", "Nothing was changed."])
    assert words.spoken("Something else") == "Something else"


def test_english_stays_as_it_is(module):
    words = module("operators.words")
    text = "a {b} c.png is damaged. Copy or download it again, or save it anew from another program."
    assert words.spoken(text) == text


def test_names_are_looked_up_in_the_extensions_own_context():
    """Elsewhere Blender's words come first, and "Lower" would be a limit."""
    seen = {
        (cls.__name__, prop.identifier): prop.translation_context
        for cls in _groups()
        for prop in cls.bl_rna.properties
        if prop.identifier in cls.__annotations__
    }
    seen["paint"] = bpy.ops.relief.paint.get_rna_type().properties["meaning"].translation_context
    seen["mask"] = bpy.types.Object.bl_rna.properties["relief_mask"].translation_context
    seen["view"] = bpy.types.Object.bl_rna.properties["relief_view"].translation_context
    assert len(seen) > 25 and set(seen.values()) == {"Relief"}
