"""Who may write for a run: an epoch claimed by exclusive creation in the run directory.

A paused process keeps its file locks, so a lock cannot tell a live writer from one that wakes up too late. An epoch can: each incarnation
creates the next number, exclusively, and whoever finds a higher one than its own must stop. The transactional producer on `models`
(`run/publisher.py`) is the second fence, kept by the broker.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

from schemas.errors import Fenced
from trainer_node.commit.durable import create_durably, write_durably


class Fence:
    """One incarnation's claim on a run."""

    def __init__(self, run_dir: Path) -> None:
        self.folder = run_dir / "epochs"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.epoch = self._claim()

    def _claim(self) -> int:
        while True:
            epoch = max(claimed(self.folder), default=0) + 1
            claim = json.dumps({"pid": os.getpid(), "claimed_at": time.time()})
            try:
                create_durably(self.folder / f"{epoch:06d}", claim.encode())
            except FileExistsError:
                continue
            return epoch

    def check(self) -> None:
        """Raises Fenced when a newer incarnation has claimed the run."""
        newest = max([self.epoch, *claimed(self.folder)])
        if newest > self.epoch:
            raise Fenced(f"epoch {newest} has taken over this run; this process, of epoch {self.epoch}, stops and writes nothing more")

    def resumed_from(self, epoch: int, serial: int) -> None:
        """Record which checkpoint this incarnation goes on from: what older epochs write beyond it later is never chosen."""
        write_durably(self.folder / f"{self.epoch:06d}.base", json.dumps({"epoch": epoch, "serial": serial}).encode())

    def first_claimed_at(self) -> float:
        """When the run's first incarnation began, in seconds since the epoch; now, where that cannot be read."""
        try:
            return float(json.loads((self.folder / f"{min(claimed(self.folder)):06d}").read_text(encoding="utf-8"))["claimed_at"])
        except (OSError, ValueError, KeyError, TypeError):
            return time.time()


def claimed(folder: Path) -> list[int]:
    """All epochs claimed so far."""
    return [int(path.name) for path in folder.iterdir() if path.name.isdigit()] if folder.is_dir() else []


def overtaken(folder: Path, epoch: int, serial: int) -> int | None:
    """The epoch that went on from an earlier checkpoint than this one, if any: then this one was written late, by a zombie."""
    for later in sorted(claimed(folder)):
        base = folder / f"{later:06d}.base"
        if later <= epoch or not base.is_file():
            continue
        start = json.loads(base.read_text(encoding="utf-8"))
        if (start["epoch"], start["serial"]) < (epoch, serial):
            return later
    return None
