"""The one error family of the project, and the progress callback that may ask to stop."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[float, float, str], bool | None]
"""``progress(done, total, stage)``; a return value of True asks the work to stop."""


class ReliefError(Exception):
    """What is wrong with the input or the machine, and what to do about it; the text is shown to users as it is."""


class Cancelled(ReliefError):
    """The user asked to stop."""


def is_out_of_memory(error: BaseException) -> bool:
    """Whether a piece of work failed for want of memory, which OpenCV and PyTorch tell in errors of their own."""
    told = str(error)
    words = ("Insufficient memory", "std::bad_alloc", "DefaultCPUAllocator")
    return isinstance(error, MemoryError) or any(word in told for word in words)


def report(progress: Progress | None, done: float, total: float, stage: str) -> None:
    """Tell how far the work is.

    Raises:
        Cancelled: the callback asked to stop.
    """
    if progress is not None and progress(done, total, stage):
        raise Cancelled("Stopped before the relief was finished. Nothing was changed.")
