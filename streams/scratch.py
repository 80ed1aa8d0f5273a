"""A folder of a worker's own for as long as it runs: Faust wants one, and writes nothing of ours there."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil

PREFIX = "pelton-worker-"


@contextlib.contextmanager
def scratch_folder(parent: Path | None = None) -> Iterator[str]:
    """Made in the system's temporary folder, or in `parent`. One that was killed leaves its folder behind: empty ones of processes that
    are gone are removed first.
    """
    place = parent or Path(tempfile.gettempdir())
    for left in place.glob(f"{PREFIX}*-*"):
        number = left.name.removeprefix(PREFIX).partition("-")[0]
        if number.isdigit() and not psutil.pid_exists(int(number)):
            with contextlib.suppress(OSError):  # not empty, or somebody else's
                left.rmdir()
    with tempfile.TemporaryDirectory(prefix=f"{PREFIX}{os.getpid()}-", dir=place) as folder:
        yield folder
