"""The photographs that paths and patterns mean: each once, by the road that has no links where there is one."""

from __future__ import annotations

import fnmatch
import functools
import glob
import itertools
import os
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from ..inference.image_header import SUFFIXES

_Meant = Callable[[Path], bool]


def find_photographs(arguments: Sequence[Path], left_out: _Meant) -> tuple[dict[Path, str], list[str], list[str]]:
    """The photographs that are meant, each once; patterns that match none; folders that they reach and cannot be read.

    With each photograph its folder below the fixed part of the pattern that matched it, or nothing.

    Patterns are taken too, which not every shell writes out. Of what they match, only what has the suffix of a
    photograph is meant: archives hold notes, sidecars and folders besides.

    Args:
        arguments: paths and patterns.
        left_out: whether a file that a pattern matches is not meant all the same.
    """
    found: list[tuple[Path, str]] = []
    idle: list[str] = []
    shut: list[str] = []
    real = functools.cache(os.path.realpath)
    for path in arguments:
        # The name of a folder that is there may hold brackets.
        folder = next((parent for parent in path.parents if os.path.isdir(parent)), path.parent)
        parts = path.relative_to(folder).parts
        if not any(map(glob.has_magic, parts)) or os.path.exists(path):
            found.append((path, ""))
            continue
        if parts[-1] == "**":
            parts = (*parts, "*")
        parts = (*parts[:-1], _in_capitals_too(parts[-1]))
        matches = sorted(match for match in _matches(folder, parts, shut) if _is_photograph(match))
        matches = [match for match in matches if not left_out(match)]
        if not matches:
            idle.append(str(path))
        linked = {parent: _is_linked(folder, parent) for parent in {match.parent for match in matches}}
        matches.sort(key=lambda match: linked[match.parent])
        fixed = folder.joinpath(*itertools.takewhile(lambda part: not glob.has_magic(part), parts[:-1]))
        found += [(match, str(match.parent.relative_to(fixed))) for match in matches]
    # A link to a folder leads to the same photographs again.
    places: dict[str, tuple[Path, str]] = {}
    for path, below in found:
        places.setdefault(os.path.join(real(path.parent), path.name), (path, below))
    return dict(places.values()), idle, list(dict.fromkeys(map(real, sorted(shut))))


def _is_linked(folder: Path, below: Path) -> bool:
    """Whether the road from a folder down to another has links in it."""
    straight = os.path.join(os.path.realpath(folder), below.relative_to(folder))
    return os.path.realpath(below) != os.path.normpath(straight)


def _matches(folder: Path, parts: Sequence[str], shut: list[str]) -> Iterator[Path]:
    """What of a folder a pattern in parts matches, as `glob.glob` would; folders that cannot be read go into ``shut``.

    Where links lead in circles, `glob.glob` goes on for as many steps as a path may have. Here ``**`` enters each
    folder once, and through links last.
    """
    part, rest = parts[0], parts[1:]
    if part == "**":
        for below in _folders(folder, shut):
            yield from _matches(below, rest, shut)
    elif not glob.has_magic(part):
        if rest:
            yield from _matches(folder / part, rest, shut)
        elif os.path.lexists(folder / part):
            yield folder / part
    else:
        names = [name for name in fnmatch.filter(_names(folder, shut), part) if _is_seen(name, part)]
        for place in (folder / name for name in names):
            if not rest:
                yield place
            elif os.path.isdir(place):
                yield from _matches(place, rest, shut)


def _folders(folder: Path, shut: list[str]) -> Iterator[Path]:
    """A folder and all below it, each once, those that links alone lead to after the others."""
    entered: set[str] = set()
    waiting, linked = [folder], list[Path]()
    while waiting or linked:
        place = waiting.pop() if waiting else linked.pop(0)
        real = os.path.realpath(place)
        if real in entered:
            continue
        entered.add(real)
        yield place
        below = [place / name for name in sorted(_names(place, shut), reverse=True) if _is_seen(name, "**")]
        for child in filter(os.path.isdir, below):
            (linked if os.path.islink(child) else waiting).append(child)


def _names(folder: Path, shut: list[str]) -> list[str]:
    """The names in a folder; none of one that may not be read, or whose files may not."""
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in entries]
        os.stat(os.path.join(folder, os.curdir))
    except (NotADirectoryError, FileNotFoundError):
        return []
    except OSError:
        shut.append(str(folder))
        return []
    return names


def _is_seen(name: str, part: str) -> bool:
    """Whether a pattern's part means a name that begins with a dot, as its own beginning says."""
    return part.startswith(".") or not name.startswith(".")


def _in_capitals_too(pattern: str) -> str:
    """The last part of a pattern, with its suffix in small letters or capitals; brackets in that stay as they are."""
    stem, suffix = os.path.splitext(pattern)
    if "[" in suffix or "]" in suffix:
        return pattern
    return stem + re.sub("[A-Za-z]", lambda found: f"[{found[0].lower()}{found[0].upper()}]", suffix)


def _is_photograph(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES and not os.path.isdir(path)
