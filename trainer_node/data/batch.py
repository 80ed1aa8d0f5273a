"""A sample on its way into an optimizer step, and the samples of one step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from schemas.training_sample import Objective, TrainingSample
from streams.kafka.consumer import Record


@dataclass(frozen=True, eq=False)
class Waiting:
    """A sample ready to be chosen."""

    record: Record
    sample: TrainingSample
    example: Any
    """Tokenised form (`trainer_node.data.tokenization`)."""

    @property
    def place(self) -> tuple[str, int, int]:
        """Topic, partition, offset."""
        return self.record.topic, self.record.partition, self.record.offset


@dataclass(frozen=True)
class StepBatch:
    """The samples of one optimizer step, in training order."""

    step: int
    pass_number: int
    objective: Objective
    items: list[Waiting]


@dataclass(frozen=True)
class FeedSettings:
    """What the feed needs to know of the run."""

    run_id: str
    batch_size: int
    linger_s: float
    repeat_horizon: int
