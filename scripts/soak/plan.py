"""How long a soak is, what it does when, and what it allows."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Plan:
    """All times in seconds from when every node is ready."""

    total_s: float
    """How long producers send."""
    quiet_s: float
    """The last part of it: nothing is killed, and memory and file descriptors are measured; longer where nodes take long to be ready."""
    kill_every_s: float
    """Between two kills."""
    seed: int
    """Of who is killed, and of what is sent."""
    mistyped_starts: int = 3
    """Starts of the same run with a model that is not there."""
    bad_records: int = 300
    """Sent by one producer, in one go."""
    samples_per_s: float = 4.0
    """Of all kinds together."""
    warm_s: float = 60.0
    """After the last kill and when all nodes are ready again: what a process takes in once, before its memory is measured."""
    settle_s: float = 60.0
    """After the producers' end: by then everything is to be trained."""
    overtime_s: float = 240.0
    """After that, how long is waited to tell what is late from what is lost."""

    @property
    def kills_end_s(self) -> float:
        """When the last process is killed, at the latest."""
        return self.total_s - self.quiet_s


LONG = {"total_s": 45 * 60.0, "quiet_s": 15 * 60.0, "kill_every_s": 60.0}
SHORT = {"total_s": 240.0, "quiet_s": 90.0, "kill_every_s": 30.0, "mistyped_starts": 1, "warm_s": 20.0}

RSS_SLOPE_MB_PER_MINUTE = 1.0
"""Growth of a process's resident memory that is allowed while it is left alone."""
RSS_LEAST_S = 600.0
"""How long memory must have been measured for that to say anything: in its first minutes a process takes in what it needs."""
FD_GROWTH = 3
"""File descriptors that a process may have more at that time's end than at its beginning: a connection comes and goes."""
RUN_BYTES_PER_SAMPLE = 64
"""What the run's folder may grow by for each record that the trainer took, checkpoints aside; docs/operations.md states it."""
RUN_BYTES_FIXED = 8_000_000
"""What it may grow by besides: a journal, and logs."""
