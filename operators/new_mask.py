"""The operator that makes a mask to paint on."""

from __future__ import annotations

from dataclasses import dataclass, field
from zlib import crc32

import bpy

from .bridge import GRID, off_grid
from .words import spoken

LONGER_PX = 2048


@dataclass
class _Kept:
    """What a mask was packed as at the last save, and checksums of what it had been packed as before that."""

    data: bytes = b""
    older: set[int] = field(default_factory=set)


_kept: dict[int, _Kept] = {}
"""By the mask's session_uid: packing is in no step of undo, and undo would leave the mask as it was before it."""


@bpy.app.handlers.persistent
def keep_masks(*_: object) -> None:
    """Before a file is saved: painted masks go into it, but for those that are files of the artist's own."""
    for mask in _masks():
        packed = mask.packed_file
        own = mask.source == "GENERATED" or packed is not None
        if own and mask.is_dirty and mask.library is None:
            kept = _kept.setdefault(mask.session_uid, _Kept())
            if packed is not None:
                kept.older.add(crc32(packed.data))
            mask.pack()
            kept.data = bytes(mask.packed_file.data)


@bpy.app.handlers.persistent
def restore_masks(*_: object) -> None:
    """After undo and redo: masks that lost what they were last saved as have it again."""
    for mask in _masks():
        kept, packed = _kept.get(mask.session_uid), mask.packed_file
        if kept is None or mask.is_dirty:
            continue
        stale = mask.source == "GENERATED" if packed is None else crc32(packed.data) in kept.older - {crc32(kept.data)}
        if stale:
            mask.pack(data=kept.data, data_len=len(kept.data))
            mask.source = "FILE"
            mask.buffers_free()


@bpy.app.handlers.persistent
def forget_masks(*_: object) -> None:
    """Before another file is opened."""
    _kept.clear()


def _masks() -> set[bpy.types.Image]:
    return {relief.relief_mask for relief in bpy.data.objects if relief.relief_mask is not None}


class RELIEF_OT_new_mask(bpy.types.Operator):
    """Give the selected relief a white mask, which leaves it whole until black is painted in the Image Editor"""

    bl_idname = "relief.new_mask"
    bl_label = "New Mask"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        held = off_grid(context.view_layer.objects.active)
        if held:
            cls.poll_message_set(spoken(held))
        return held is None

    def execute(self, context: bpy.types.Context) -> set[str]:
        relief = context.view_layer.objects.active
        rows, columns = (max(round(side * LONGER_PX / max(relief[GRID])), 1) for side in relief[GRID])
        mask = bpy.data.images.new(f"{relief.name} mask", columns, rows)
        mask.generated_color = (1.0, 1.0, 1.0, 1.0)
        relief.relief_mask = mask
        return {"FINISHED"}
