"""Hidden folders in which results are finished before they are moved beside one another."""

from __future__ import annotations

import uuid
from pathlib import Path


def hidden_name() -> str:
    """A name that nothing has."""
    return f".relief-{uuid.uuid4().hex[:8]}"


def make_hidden(folder: Path) -> Path:
    """A new hidden folder; one that tempfile makes is private, and so stays on Windows what is moved out of it."""
    place = folder / hidden_name()
    place.mkdir()
    return place
