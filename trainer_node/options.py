"""Where and until when a run trains, and what its time goes into."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from trainer_node.data.batch import StepBatch
from trainer_node.intake.start_point import StartPoint


@dataclass(frozen=True)
class RunOptions:
    """Where and until when, as opposed to how (`TrainConfig`)."""

    run_id: str
    run_dir: Path
    until_consumed: bool = False
    """End when everything is consumed and producers are closed; else run for ever."""
    closed_file: Path | None = None
    """Producers are closed once this file exists; unset, they already are."""
    wait_for: tuple[str, ...] = ()
    """Nodes whose lag must be zero before the run is over: `curriculum`, `augmenter`."""
    workers_run_id: str | None = None
    """Run id in the workers' group names, where they serve this run alone."""
    worker_gone_s: float | None = 60.0
    """Seconds without a curriculum worker, where it has something to read, after which a run that is to end fails; None where another
    looks after it."""
    take_over: bool = False
    """Do not look whether another incarnation is at work: end it."""
    start: StartPoint = field(default_factory=StartPoint)
    """Where a run without a checkpoint of its own begins."""
    metrics_port: int | None = None
    """None for that of its kind, or the next free one."""
    metrics_host: str = "127.0.0.1"
    vram_cap_gib: float | None = None
    """What `gpu_vram_bytes` should stay below; None for most of the device."""
    wandb_project: str | None = None
    on_commit_step: Callable[[int], None] = lambda number: None
    """Told of each step of the commit protocol before it is taken (fault tests)."""
    on_batch: Callable[[StepBatch], None] = lambda batch: None
    """Told of each batch before it is trained (fault tests)."""


@dataclass
class Timings:
    """Seconds by what they were spent on."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextlib.contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        """Add the block's duration to what is already spent on `name`."""
        started = time.monotonic()
        try:
            yield
        finally:
            self.add(name, time.monotonic() - started)

    def add(self, name: str, seconds: float) -> None:
        """Add to what is already spent on `name`."""
        self.seconds[name] = self.seconds.get(name, 0.0) + seconds
