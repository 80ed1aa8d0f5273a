"""A folder of a worker's own for as long as it runs: Faust wants one, and writes nothing of ours there."""

from __future__ import annotations

import contextlib
import fcntl
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil

PREFIX = "pelton-worker-"


@contextlib.contextmanager
def scratch_folder(parent: Path | None = None) -> Iterator[str]:
    """Made in the system's temporary folder, or in `parent`. One that was killed leaves its folder behind: those of processes that are
    gone are removed first, unless a file stands in them.
    """
    place = parent or Path(tempfile.gettempdir())
    for left in place.glob(f"{PREFIX}*-*"):
        number = left.name.removeprefix(PREFIX).partition("-")[0]
        if number.isdigit() and not psutil.pid_exists(int(number)):
            _remove_folders(left)
    with tempfile.TemporaryDirectory(prefix=f"{PREFIX}{os.getpid()}-", dir=place) as folder, _locked(Path(folder)):
        yield folder


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """So that a process that does not see ours, in another container, does not take it for gone."""
    held = os.open(folder, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):  # of a file system without locks
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(held)


def _remove_folders(folder: Path) -> None:
    """A folder and the empty ones that Faust makes in it."""
    with contextlib.suppress(OSError), _held_by_nobody(folder):  # not empty, or somebody else's
        for below, _, _ in os.walk(folder, topdown=False):
            Path(below).rmdir()


@contextlib.contextmanager
def _held_by_nobody(folder: Path) -> Iterator[None]:
    """Raises OSError where a process holds it."""
    looked_at = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(looked_at, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(looked_at)
