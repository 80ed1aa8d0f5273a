"""Which difficulty bands are open, and how many samples each one gives to a batch.

A pass starts with band 0 open. The next band opens after `pace_steps` optimizer steps, or when the open ones are dry, so that nobody waits
for ever. Bands that are not open are paused at the consumer: their backlog stays in Kafka.
"""

from __future__ import annotations

from dataclasses import dataclass

from schemas.training_sample import BANDS
from trainer_node.commit.state import PacingState


@dataclass
class Pacing:
    """State of the curriculum's pacing; part of every checkpoint."""

    pace_steps: int
    """Optimizer steps before the next band opens."""
    highest: int = 0
    """Highest open band."""
    steps_here: int = 0
    """Optimizer steps since it opened."""

    def step_chosen(self) -> None:
        """A batch has been chosen; opens the next band when it is time."""
        self.steps_here += 1
        if self.steps_here >= self.pace_steps:
            self.advance()

    def advance(self) -> bool:
        """Open the next band; False when all are open."""
        if self.highest >= BANDS - 1:
            return False
        self.highest += 1
        self.steps_here = 0
        return True

    def open_to(self, band: int) -> None:
        """Open bands up to this one, as `advance` does each."""
        while self.highest < band and self.advance():
            pass

    def restart(self) -> None:
        """A new pass begins with the easiest band."""
        self.highest = self.steps_here = 0

    def shares(self, available: list[int], batch_size: int) -> list[int]:
        """How many samples each band gives: half from the highest open band, the rest spread evenly below, gaps filled from the easiest up.

        The lower bands never starve and never crowd out the newest one: rehearsal beside new material.

        Args:
            available: waiting samples by band, length BANDS.
            batch_size: samples wanted.

        Returns:
            Samples by band; sums to `min(batch_size, what the open bands have)`.
        """
        open_bands = range(self.highest + 1)
        lower = batch_size // 2 // max(1, self.highest)
        wanted = [lower if band < self.highest else batch_size - lower * self.highest for band in open_bands]
        shares = [min(wanted[band], available[band]) for band in open_bands]
        for band in open_bands:
            missing = batch_size - sum(shares)
            shares[band] += min(missing, available[band] - shares[band])
        return shares + [0] * (BANDS - len(shares))

    def snapshot(self) -> PacingState:
        """For a checkpoint."""
        return PacingState(highest=self.highest, steps_here=self.steps_here)

    def restore(self, state: PacingState) -> None:
        """Take over a snapshot."""
        self.highest, self.steps_here = state.highest, state.steps_here
