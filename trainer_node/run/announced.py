"""Which checkpoints of a run stand on `models`: kept in its folder, so that one that is deleted gets its tombstone, after a crash too."""

from __future__ import annotations

import json
import logging
from pathlib import Path

logger = logging.getLogger(__name__)

FILE = "announced.json"


class Announced:
    """Version on `models` -> name of the checkpoint's folder. One thread at a time."""

    def __init__(self, run_dir: Path) -> None:
        self._file = run_dir / FILE
        self._checkpoints = run_dir / "checkpoints"
        self._names: dict[str, str] = self._read()

    def add(self, version: str, name: str) -> None:
        """A version was announced, and what is gone was taken back with it."""
        kept = {version: name for version, name in self._names.items() if (self._checkpoints / name).is_dir()}
        self._names = kept | {version: name}
        self._write()

    def gone(self, besides: str | None = None) -> list[str]:
        """Versions that stand there still and whose checkpoint does not."""
        return [version for version, name in self._names.items() if version != besides and not (self._checkpoints / name).is_dir()]

    def forget(self, versions: list[str]) -> None:
        """Tombstones were sent for these."""
        self._names = {version: name for version, name in self._names.items() if version not in versions}
        self._write()

    def _read(self) -> dict[str, str]:
        try:
            return dict(json.loads(self._file.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            logger.warning("%s cannot be read (%s): deleted checkpoints announced before stay on the topic", self._file, error)
            return {}

    def _write(self) -> None:
        beside = self._file.with_suffix(".new")
        beside.write_text(json.dumps(self._names), encoding="utf-8")
        beside.replace(self._file)
