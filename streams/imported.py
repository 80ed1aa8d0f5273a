"""Heavy libraries, imported for less: without what they would take along, and without a look for garbage on the way."""

from __future__ import annotations

import contextlib
import gc
import sys
from collections.abc import Iterator


@contextlib.contextmanager
def kept_out(*names: str) -> Iterator[None]:
    """A block whose imports find these modules not installed, as far as nothing has loaded them before.

    For what a library takes where it is there, does without where it is not, and never needs here: spaCy's torch (460 MB and 3 s of a
    process), TRL's wandb.
    """
    absent = [name for name in names if name not in sys.modules]
    for name in absent:
        sys.modules[name] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        for name in absent:
            if sys.modules.get(name, name) is None:
                del sys.modules[name]


@contextlib.contextmanager
def uncollected() -> Iterator[None]:
    """A block of imports during which the garbage collector rests: what they make stays, and it would walk through that time and again."""
    was_at_work = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_at_work:
            gc.enable()
