"""A sample on its way into an optimizer step, and the samples of one step."""

from __future__ import annotations

from dataclasses import dataclass

from schemas.training_sample import Objective, TrainingSample
from streams.kafka.consumer import Record
from trainer_node.commit.positions import RecordPosition
from trainer_node.data.tokenization import AnyExample


@dataclass(frozen=True, eq=False)
class WaitingSample:
    """A sample ready to be chosen."""

    record: Record
    sample: TrainingSample
    example: AnyExample
    """Its tokens."""

    @property
    def position(self) -> RecordPosition:
        """Topic, partition, offset."""
        return self.record.topic, self.record.partition, self.record.offset


@dataclass(frozen=True)
class StepBatch:
    """The samples of one optimizer step, in training order."""

    step: int
    pass_number: int
    objective: Objective
    items: list[WaitingSample]
