"""Hidden folders in which results are finished before they are moved beside one another."""

from __future__ import annotations

import os
import uuid
from contextlib import suppress
from pathlib import Path

from ..inference.errors import ReliefError


def hidden_name() -> str:
    """A name that nothing has."""
    return f".relief-{uuid.uuid4().hex[:8]}"


def make_hidden(folder: Path) -> Path:
    """A new hidden folder; one that tempfile makes is private, and so stays on Windows what is moved out of it."""
    place = folder / hidden_name()
    place.mkdir()
    return place


def replace_all(places: dict[Path, Path], aside: Path) -> None:
    """Move files to their places: all of them, or what was there before stays; on Windows a viewer may hold one.

    The NAME.json, the last of them, leaves last and comes first. So whatever ends the process in between, a NAME.json
    lies there with too few files beside it: that reads as incomplete, and no pattern takes those for photographs.
    """
    for path in places.values():
        if path.is_dir():
            raise ReliefError(f"{path} is a folder with the name of a result. Move it away.")
    old = {path: aside / path.name for path in places.values()}
    aside.mkdir()
    try:
        for path in old:
            if path.exists():
                os.replace(path, old[path])
        for made, path in reversed(places.items()):
            os.replace(made, path)
    except BaseException:
        for made, path in reversed(places.items()):
            with suppress(OSError):
                if old[path].exists():
                    os.replace(old[path], path)
                elif not made.exists():
                    path.unlink(missing_ok=True)
        raise
