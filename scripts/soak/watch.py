"""What is measured of a soak's processes and folders while it runs."""

from __future__ import annotations

import contextlib
import os
import statistics
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

EVERY_S = 3.0


@dataclass
class Series:
    """Of one process: what it held at each look."""

    name: str
    pid: int
    times: list[float] = field(default_factory=list)
    rss: list[int] = field(default_factory=list)
    fds: list[int] = field(default_factory=list)

    def since(self, begin: float) -> Series:
        """The looks from a time on."""
        first = next((at for at, time_s in enumerate(self.times) if time_s >= begin), len(self.times))
        return Series(self.name, self.pid, self.times[first:], self.rss[first:], self.fds[first:])

    def slope_mb_per_minute(self) -> float:
        """Growth of the resident memory, by least squares over all looks."""
        if len(self.times) < 3:
            return 0.0
        return statistics.linear_regression(self.times, self.rss).slope * 60 / 1e6

    def fd_growth(self) -> int:
        """File descriptors at the end less those at the beginning: the medians of the last and the first third of the looks."""
        third = max(1, len(self.fds) // 3)
        return round(statistics.median(self.fds[-third:]) - statistics.median(self.fds[:third]))

    def summary(self) -> dict[str, Any]:
        """For the record: the slope, and memory in MB at about ten times."""
        step = max(1, len(self.times) // 10)
        return {
            "pid": self.pid,
            "slope_mb_per_minute": round(self.slope_mb_per_minute(), 3),
            "rss_mb": [round(value / 1e6, 1) for value in self.rss[::step]],
            "fds": [min(self.fds), max(self.fds)],
            "fd_growth": self.fd_growth(),
        }


class Watch:
    """Looks every few seconds at every process, from a thread of its own."""

    def __init__(self, targets: Callable[[], dict[str, psutil.Process]], folder: Path) -> None:
        self._targets = targets
        self._folder = folder
        self._began = time.monotonic()
        self._ended = 0.0
        self._stopping = threading.Event()
        self.series: dict[tuple[str, int], Series] = {}
        self.sizes: list[dict[str, float]] = []
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)

    @property
    def now(self) -> float:
        """Seconds since it was made, to its end."""
        return (self._ended or time.monotonic()) - self._began

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """Look no more."""
        self._stopping.set()
        self._thread.join()
        self._ended = time.monotonic()

    def alive_since(self, begin: float) -> list[Series]:
        """Of the processes that lived from a time on to the end."""
        if not self.series:
            return []
        last = max(series.times[-1] for series in self.series.values())
        parts = [series.since(begin) for series in self.series.values()]
        return [part for part in parts if part.times and part.times[0] < begin + 3 * EVERY_S and part.times[-1] > last - 3 * EVERY_S]

    def _run(self) -> None:
        looks = 0
        while not self._stopping.wait(EVERY_S):
            self._look()
            if looks % 10 == 0:
                self.sizes.append({"at_s": round(self.now, 1)} | sizes(self._folder))
            looks += 1
        self.sizes.append({"at_s": round(self.now, 1)} | sizes(self._folder))

    def _look(self) -> None:
        for name, process in self._targets().items():
            with contextlib.suppress(psutil.Error):
                rss, fds = process.memory_info().rss, process.num_fds()
                series = self.series.setdefault((name, process.pid), Series(name, process.pid))
                series.times.append(self.now)
                series.rss.append(rss)
                series.fds.append(fds)


def sizes(folder: Path) -> dict[str, float]:
    """Bytes on disk (blocks, so that a sparse file counts for what it takes) of each part."""
    parts = {f"run/{name}": folder / "run" / name for name in ("checkpoints", "ledger", "journal")}
    parts |= {name: folder / name for name in ("run", "broker", "state", "logs")}
    return {name: _blocks(path) for name, path in parts.items()}


def _blocks(folder: Path) -> int:
    total = 0
    for parent, _, names in os.walk(folder):  # passes over folders that vanish meanwhile: checkpoints do
        for name in names:
            with contextlib.suppress(OSError):
                total += Path(parent, name).lstat().st_blocks * 512
    return total
