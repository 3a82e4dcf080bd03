"""What counts as want of memory."""

from __future__ import annotations

import pytest

from inference.errors import is_out_of_memory


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (MemoryError(), True),
        (RuntimeError("OpenCV(5.0.0) alloc.cpp:73: error: (-4:Insufficient memory) Failed to allocate"), True),
        (RuntimeError("std::bad_alloc"), True),
        (RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory"), True),
        (RuntimeError("OpenCV(5.0.0) resize.cpp: error: (-215:Assertion failed) !ssize.empty()"), False),
    ],
)
def test_want_of_memory_is_told_from_other_faults(error: Exception, expected: bool) -> None:
    assert is_out_of_memory(error) is expected
