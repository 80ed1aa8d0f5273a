"""What reaches the disk, in order: the real calls, written down as they are made."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


class Disk:
    """Calls that make or unmake what is on disk: ("sync", name), ("rename", old, new), ("delete", name)."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.events: list[tuple[str, ...]] = []
        self.synced: dict[str, bytes] = {}
        """Content of each file at its last sync."""
        monkeypatch.setattr(os, "fsync", self._watched(os.fsync, self._sync))
        for name in ("rename", "replace"):
            monkeypatch.setattr(os, name, self._watched(getattr(os, name), self._rename))
        monkeypatch.setattr(os, "unlink", self._watched(os.unlink, self._delete))
        monkeypatch.setattr(shutil, "rmtree", self._watched(shutil.rmtree, self._delete))

    def _watched(self, call: Callable[..., Any], note: Callable[..., None]) -> Callable[..., Any]:
        def noted(*args: Any, **kwargs: Any) -> Any:
            note(*args)
            return call(*args, **kwargs)

        return noted

    def _sync(self, descriptor: int) -> None:
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
        self.events.append(("sync", path.name))
        if path.is_file():
            self.synced[path.name] = path.read_bytes()

    def _rename(self, old: str | Path, new: str | Path) -> None:
        self.events.append(("rename", Path(old).name, Path(new).name))

    def _delete(self, path: str | Path, *_: Any) -> None:
        self.events.append(("delete", Path(path).name))

    def at(self, *event: str) -> int:
        """When an event came first."""
        return self.events.index(event)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    return Disk(monkeypatch)
