"""A demo run under way: its options, its processes and what is noted of it until it is reported."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from demo.dataset import Dataset
from streams.kafka.settings import KafkaSettings
from streams.supervisor import Supervisor


@dataclass(frozen=True)
class DemoOptions:
    """What the demo can be told."""

    run_dir: Path
    countries: int = 60
    epochs: int = 2
    model: str = "default"
    port: int | None = None
    seed: int = 7
    seconds: float = 300.0
    """In which it is to end: what does not fit is left out."""
    further: int = 60
    """Facts that are trained beside those that a question asks for, at most."""
    answers: int = 4
    """Sampled to each prompt that preference pairs are made of."""
    rl: bool = False
    """GRPO on questions, in place of samples and pairs."""
    train_flags: tuple[str, ...] = ()
    """Further flags for `pelton train`."""


@dataclass
class Session:
    """One demo run under way: what it was told, what it started, and what was noted on the way."""

    options: DemoOptions
    settings: KafkaSettings
    run_id: str
    supervisor: Supervisor
    dataset: Dataset
    stage: str = "starting"
    lag: list[tuple[float, dict[str, int]]] = field(default_factory=list)
    timings: dict[str, float] = field(default_factory=dict)
    peak_bytes: int = 0
    started: float = field(default_factory=time.monotonic)
    facts_sent: set[str] = field(default_factory=set)
    """Names of the facts that are trained."""
    left_out: str | None = None
    """What was not sent, and why."""

    @contextlib.contextmanager
    def during(self, stage: str) -> Iterator[None]:
        """Note how long a stage takes."""
        self.stage = stage
        started = time.monotonic()
        yield
        self.timings[stage] = time.monotonic() - started
