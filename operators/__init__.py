"""Blender operators, the bridge between Blender and arrays, exporters and the command line.

Importing this package needs no bpy: the command line runs without it where no model is asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

_commands: list[Any] = []


def _classes() -> tuple[type, ...]:
    from . import (
        add_preset,
        cancel,
        clear_cache,
        import_photo,
        job,
        new_mask,
        open_image,
        paint,
        prepare,
        read_again,
        reconstruct,
        refine,
        save_maps,
        show,
        staging,
    )

    return (
        reconstruct.RELIEF_OT_reconstruct,
        refine.RELIEF_OT_refine,
        read_again.RELIEF_OT_read_again,
        job.RELIEF_OT_resume,
        cancel.RELIEF_OT_cancel,
        clear_cache.RELIEF_OT_clear_cache,
        import_photo.RELIEF_OT_import_photo,
        add_preset.RELIEF_OT_add_preset,
        show.RELIEF_OT_show,
        save_maps.RELIEF_OT_save_maps,
        staging.RELIEF_OT_stage,
        paint.RELIEF_OT_paint,
        new_mask.RELIEF_OT_new_mask,
        open_image.RELIEF_OT_open_photo,
        open_image.RELIEF_OT_open_mask,
        prepare.RELIEF_OT_pick_corners,
        prepare.RELIEF_OT_preview_preparation,
    )


def _command(argv: list[str]) -> int:
    from .command import main  # only when called: enabling the extension stays quick

    return main(argv)


def _handlers() -> list[tuple[list[Any], Callable[..., None]]]:
    """Blender's lists, and what is to be called by each, in this order."""
    from bpy.app import handlers

    from . import bridge, job, new_mask, paint, refine

    undone = (handlers.undo_post, handlers.redo_post)
    restored = (*undone, handlers.load_post)
    return [
        *((list_, new_mask.restore_masks) for list_ in undone),  # first: what follows may read them
        *((list_, function) for list_ in restored for function in (refine.settle_restored, paint.show_again)),
        (handlers.load_pre, job.forget_paused),
        (handlers.load_pre, bridge.forget_finest),
        (handlers.load_pre, new_mask.forget_masks),
        (handlers.load_post, paint.watch),
        (handlers.save_pre, refine.settle_saved),
        (handlers.save_pre, new_mask.keep_masks),
    ]


def register() -> None:
    import bpy

    from . import paint, photo_source, show, words

    bpy.app.translations.register(__package__, words.translations())
    for cls in _classes():
        bpy.utils.register_class(cls)
    bpy.types.Object.relief_view = show.view_property
    bpy.types.Image.relief_turns = photo_source.turns_property
    _commands.append(bpy.utils.register_cli_command("relief", _command))
    for handlers, function in _handlers():
        handlers.append(function)
    paint.watch()


def unregister() -> None:
    import bpy

    from . import bridge, job, new_mask, paint, prepare, refine, thumbnails

    for handlers, function in _handlers():
        handlers.remove(function)
    paint.unwatch()
    bridge.forget_finest()
    new_mask.forget_masks()
    refine.stop_settling()
    job.abandon()
    prepare.abandon_picking()
    prepare.abandon_preview()
    bpy.utils.unregister_cli_command(_commands.pop())
    del bpy.types.Image.relief_turns
    del bpy.types.Object.relief_view
    thumbnails.clear()
    for cls in reversed(_classes()):
        bpy.utils.unregister_class(cls)
    bpy.app.translations.unregister(__package__)
