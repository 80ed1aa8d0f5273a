"""Who may write for a run: an epoch claimed by exclusive creation in the run directory.

A paused process keeps its file locks, so a lock cannot tell a live writer from one that wakes up too late. An epoch can: each incarnation
creates the next number, exclusively, and whoever finds a higher one than its own must stop. The transactional producer on `models`
(`run/publisher.py`) is the second fence, kept by the broker.
"""

from __future__ import annotations

import json
import time
from pathlib import Path

from schemas.errors import Fenced
from trainer_node.commit.durable import create_durably, write_durably
from trainer_node.commit.holder import claim_text, new_token


class Fence:
    """One incarnation's claim on a run."""

    def __init__(self, run_dir: Path, after: int | None = None) -> None:
        """Claim the next epoch; where `after` is given, the one after that and no other.

        Raises:
            FileExistsError: somebody has claimed that one meanwhile.
        """
        self.folder = folder_of(run_dir)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.token = new_token()
        """Tells this incarnation from every other."""
        self.epoch = self._claim(after)

    def _claim(self, after: int | None) -> int:
        while True:
            epoch = 1 + (max(claimed(self.folder), default=0) if after is None else after)
            try:
                create_durably(self.folder / f"{epoch:06d}", claim_text(self.token))
            except FileExistsError:
                if after is not None:
                    raise
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


def folder_of(run_dir: Path) -> Path:
    """Where a run's claims stand."""
    return run_dir / "epochs"


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
