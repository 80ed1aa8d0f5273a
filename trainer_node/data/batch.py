"""A sample on its way into an optimizer step, and the samples of one step: as the feed chose them, and as every rank trains them."""

from __future__ import annotations

from dataclasses import dataclass

from schemas.training_sample import Objective, TrainingSample
from streams.kafka.consumer import Record
from trainer_node.commit.positions import RecordPosition
from trainer_node.commit.raised_step import RaisedStep
from trainer_node.data.examples import AnyExample


@dataclass(frozen=True, eq=False)
class WaitingSample:
    """A sample ready to be chosen."""

    record: Record
    sample: TrainingSample
    example: AnyExample
    """Its tokens."""

    @property
    def position(self) -> RecordPosition:
        """Of its record: topic, partition, offset."""
        return self.record.topic, self.record.partition, self.record.offset


@dataclass(frozen=True)
class Suspicion:
    """What earlier starts have found of a step, or of the model: it is tried before it is trained."""

    of_model: bool = False
    """Nothing could be trained, not even a plain sentence."""
    raised: RaisedStep | None = None
    """The step raised in one of several processes."""


@dataclass(frozen=True)
class StepExamples:
    """What the ranks need to know of a step: tokens and names. Rank 0 sends it to the others."""

    step: int
    """Number of the optimizer step, from 1."""
    examples: list[AnyExample]
    """In training order; all of one objective, and so of one type."""
    sample_ids: list[str]
    """Of each example."""
    objective: Objective = Objective.SFT
    """Whose trainer trains them."""
    suspicion: Suspicion | None = None
    """Why it is tried first, if it is."""


@dataclass(frozen=True)
class StepBatch:
    """The samples of one optimizer step, in training order, as the feed chose them on rank 0."""

    step: int
    pass_number: int
    objective: Objective
    items: list[WaitingSample]
    suspicion: Suspicion | None = None

    def examples(self) -> StepExamples:
        """The same, without records."""
        sample_ids = [item.sample.sample_id for item in self.items]
        return StepExamples(self.step, [item.example for item in self.items], sample_ids, self.objective, self.suspicion)
