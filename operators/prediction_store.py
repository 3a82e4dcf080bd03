"""Predictions kept in memory and, in an installed extension, on disk, so that refining never runs the network."""

from __future__ import annotations

import functools
import hashlib
import logging
import os
import re
import threading
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..inference.prediction import Prediction

LIMIT_BYTES = 2 * 2**30
MEMORY_BYTES = 2**29
"""Beyond this, what is on disk is not kept in memory too; a photograph of 12 megapixels takes 0.7 GB."""
ASKED = 10
"""Grows whenever `inference.photo` or `inference.predictor` asks the same weights otherwise: what was stored before is
then asked anew."""
DRAFT_PX = 1024
"""Longer side of a draft, which answers a slider at once."""
# Half precision is enough for these on disk, and only for these.
_PROBABILITIES = ("soft_edges", "segments", "confidence", "panel")

_OWN = re.compile(r"[0-9a-f]{64}(\.npz|\.\d+\.part)")
"""Names of its files."""

log = logging.getLogger(__name__)


class PredictionStore:
    """Predictions by the hashes of photograph and weights; the longest unused leave first.

    Args:
        folder: where they are kept between sessions; None keeps them in memory alone.
        limit_bytes: limit of the folder and of what is in memory alone; the newest is always kept in memory.
    """

    def __init__(self, folder: Path | None, limit_bytes: int = LIMIT_BYTES) -> None:
        self.folder = folder
        self.limit_bytes = limit_bytes
        self._memory: dict[str, Prediction] = {}
        self._changing = threading.Lock()
        self._unreadable: set[str] = set()
        self._draft: tuple[str, Prediction] | None = None

    def holds(self, photo_sha256: str, weights: str) -> bool:
        """Whether `get` would find it, as far as that is known without reading it."""
        key = _key(photo_sha256, weights)
        path = self._path(key)
        return key in self._memory or (path is not None and os.path.isfile(path) and key not in self._unreadable)

    def get(self, photo_sha256: str, weights: str) -> Prediction | None:
        """What these weights said of a photograph; None if it is not stored or cannot be read."""
        key = _key(photo_sha256, weights)
        prediction = self._memory.get(key) or self._read(key)
        if prediction is not None:
            self._remember(key, prediction)
        return prediction

    def get_draft(self, photo_sha256: str, weights: str) -> Prediction | None:
        """The stored prediction at DRAFT_PX; the last one is kept, for a slider asks again and again."""
        from ..inference.prediction import reduced

        key = _key(photo_sha256, weights)
        draft = self._draft  # which a thread that stores another takes away
        if draft is None or draft[0] != key:
            prediction = self.get(photo_sha256, weights)
            if prediction is None:
                return None
            rows, columns = prediction.height.shape
            scale = min(DRAFT_PX / max(rows, columns), 1.0)
            draft = key, reduced(prediction, (max(round(rows * scale), 1), max(round(columns * scale), 1)))
            self._draft = draft
        return draft[1]

    def put(self, photo_sha256: str, prediction: Prediction) -> None:
        """Store a prediction, in memory alone where the disk does not take it."""
        key = _key(photo_sha256, prediction.weights)
        self._draft = None
        self._remember(key, prediction)
        self._write(key, prediction)

    def clear(self) -> int:
        """Forget all predictions; returns the bytes freed on disk."""
        with self._changing:
            self._memory.clear()
        self._draft = None
        freed = 0
        for path in self._files():
            with suppress(PermissionError, FileNotFoundError):  # another Blender writes it, on Windows, or deleted it
                size = path.stat().st_size
                path.unlink()
                freed += size
        return freed

    def _remember(self, key: str, prediction: Prediction) -> None:
        with self._changing:
            self._memory.pop(key, None)
            self._memory[key] = prediction
            for old in list(self._memory)[:-1]:
                held, path = sum(map(_size_bytes, self._memory.values())), self._path(old)
                if held > (self.limit_bytes if path is None or not path.is_file() else MEMORY_BYTES):
                    del self._memory[old]

    def _path(self, key: str) -> Path | None:
        return None if self.folder is None else self.folder / f"{key}.npz"

    def _files(self) -> list[Path]:
        """Stored files, oldest first; half-written ones too, which a Blender that was closed leaves behind."""
        paths = [] if self.folder is None or not self.folder.is_dir() else self.folder.iterdir()
        found = []
        for path in paths:
            if _OWN.fullmatch(path.name):
                with suppress(FileNotFoundError):  # another Blender has just deleted it
                    found.append((path.stat().st_mtime, path))
        return [path for _, path in sorted(found)]

    def _read(self, key: str) -> Prediction | None:
        import zipfile

        import numpy as np

        from ..inference.prediction import Prediction

        path = self._path(key)
        if path is None or not os.path.isfile(path):
            return None
        try:
            with np.load(path) as stored:
                arrays = {name: stored[name] for name in stored.files}
            with suppress(OSError):  # a folder that may only be read
                os.utime(path)
            values = {n: str(a) if a.dtype.kind == "U" else a.astype(np.float32) for n, a in arrays.items()}
            return Prediction(**values)
        except (OSError, EOFError, KeyError, ValueError, TypeError, RuntimeError, zipfile.BadZipFile) as error:
            log.warning("Stored prediction %s cannot be read and is dropped: %s", path.name, error)
            self._unreadable.add(key)  # where it cannot be deleted either
            with suppress(OSError):
                path.unlink(missing_ok=True)
            return None

    def _write(self, key: str, prediction: Prediction) -> None:
        import numpy as np

        path = self._path(key)
        if path is None:
            return
        values = {f.name: getattr(prediction, f.name) for f in fields(prediction)}
        values = {name: value for name, value in values.items() if value is not None}
        values |= {name: values[name].astype(np.float16) for name in _PROBABILITIES if name in values}
        part = path.with_suffix(f".{os.getpid()}.part")
        try:
            try:
                with part.open("wb") as file:
                    np.savez(file, **values)
                    file.flush()
                    os.fsync(file.fileno())  # else a power cut may leave an empty file under the final name
                if part.stat().st_size > self.limit_bytes:  # it would cost all others, and itself
                    log.warning("The prediction of %s is too large to be stored.", key)
                    return
                os.replace(part, path)
                self._unreadable.discard(key)
            finally:
                part.unlink(missing_ok=True)
            self._trim()
        except OSError as error:  # a full disk costs only the store, never the relief
            log.warning("The prediction could not be stored: %s", error)

    def _trim(self) -> None:
        files = self._files()
        total = sum(path.stat().st_size for path in files)
        while total > self.limit_bytes:
            oldest = files.pop(0)
            total -= oldest.stat().st_size
            oldest.unlink(missing_ok=True)


@functools.cache
def store() -> PredictionStore:
    """The one store of this Blender, in memory alone where it has no folder or cannot make one."""
    import bpy

    try:
        folder = bpy.utils.extension_path_user(__package__.rpartition(".")[0], path="predictions", create=True)
    except ValueError:  # not an installed extension
        return PredictionStore(None)
    # Blender says "" where it could not make the folder; as a path that would be the current one.
    return PredictionStore(Path(folder) if folder else None)


def _key(photo_sha256: str, weights: str) -> str:
    return hashlib.sha256(f"{photo_sha256} {weights} {ASKED}".encode()).hexdigest()


def _size_bytes(prediction: Prediction) -> int:
    return sum(getattr(getattr(prediction, f.name), "nbytes", 0) for f in fields(prediction))
