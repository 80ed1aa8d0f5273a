"""What is free within the process goes back to the system: a run of months must not keep what its largest moment took."""

from __future__ import annotations

import ctypes
from collections.abc import Callable


def _trim() -> Callable[[int], int] | None:
    """glibc's own, which other C libraries have not."""
    try:
        found = ctypes.CDLL(None).malloc_trim
    except (OSError, TypeError, AttributeError):
        return None
    found.argtypes, found.restype = [ctypes.c_size_t], ctypes.c_int
    return found


TRIM = _trim()


def give_back() -> None:
    """Return the free pages of the C heap. Of a gigabyte it takes milliseconds; steps of varied length leave holes that grow for hours."""
    if TRIM is not None:
        TRIM(0)
