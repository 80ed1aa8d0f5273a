"""`FeedState`: where a run stands on the stream. A checkpoint holds one, and a resume begins with it.

Positions are by partition, named `topic:partition`; a band has one partition. Ranges of offsets are `(first, last)`, both inclusive.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from schemas.training_sample import Objective, TrainingSample

Range = tuple[int, int]
"""First and last offset, both inclusive."""
Ranges = dict[str, tuple[Range, ...]]
"""Ranges of offsets by `topic:partition`."""


class State(BaseModel):
    """Base of all parts: what a checkpoint says does not change."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class PartitionState(State):
    """How far one partition is done."""

    watermark: int
    """All offsets below are done."""
    done: tuple[Range, ...] = ()
    """What is done at or above the watermark."""

    def is_done(self, offset: int) -> bool:
        """Whether a record needs nothing more."""
        return offset < self.watermark or any(first <= offset <= last for first, last in self.done)


class DataLoss(State):
    """Offsets that retention removed before they were trained on, passed over because the run was told to."""

    topic: str
    partition: int
    first: int
    last: int
    pass_number: int


class StreamPosition(State):
    """How far the stream is done, and where a pass begins."""

    partitions: dict[str, PartitionState] = {}
    pass_start: dict[str, int] = {}
    """Offset to which a rewind goes, by partition."""
    bounds: dict[str, int] = {}
    """Offset before which a partition ends, where the run replays ranges of the log."""
    data_losses: tuple[DataLoss, ...] = ()
    topic_ids: dict[str, str] = {}
    """Which topic each name stood for: a position means nothing in another of the same name. Empty before that was kept."""


class PacingState(State):
    """Which bands are open."""

    highest: int = 0
    """Highest open band."""
    steps_here: int = 0
    """Optimizer steps since it opened."""


class RepeatState(State):
    """What must not be taken a second time. The ids trained in this pass are read back from the ledger."""

    dead_lettered: Ranges = {}
    """Records that are dead letters already: a later pass does not dead-letter them again."""


class EarlyStoppingState(State):
    """What evaluations have found so far."""

    measure: str | None = None
    """What `best` is a value of; None before the first evaluation."""
    best: float | None = None
    since_best: int = 0
    """Evaluations in a row without a better value."""


class HeldOutState(State):
    """Samples that are measured by and never trained on."""

    validation: tuple[TrainingSample, ...] = ()
    prompts: tuple[TrainingSample, ...] = ()


class FeedState(State):
    """All that the feed and early stopping need to go on."""

    version: int = 1
    """Of this model; a manifest of format 3 holds version 1."""
    objective: Objective
    """What is being trained."""
    pass_number: int = 1
    """Pass over the objective's bands, from 1."""
    step: int = 0
    """Optimizer steps taken."""
    samples_trained: int = 0
    position: StreamPosition = StreamPosition()
    pacing: PacingState = PacingState()
    repeats: RepeatState = RepeatState()
    early_stopping: EarlyStoppingState = EarlyStoppingState()
    held_out: HeldOutState = HeldOutState()
