"""`FeedState`: where a run stands on the stream. A checkpoint holds one, and a resume begins with it.

Positions are by partition, named `topic:partition`; a band has one partition. Ranges of offsets are `(first, last)`, both inclusive.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from schemas.training_sample import BANDS, Objective, TrainingSample

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


class ArmState(State):
    """What was learnt lately of a band, where bands are the arms of a bandit."""

    loss: float | None = None
    """Moving average of its samples' loss, in nats, or the newest mean |advantage|; None before it was tried."""
    change: float | None = None
    """Moving average of how its newest loss differed from that."""
    progress: float | None = None
    """What it is given by."""
    trials: int = 0
    """Steps that had samples of it."""


class PacingState(State):
    """Which bands are open, and what of them was chosen in the pass. Bands are counted in the order in which they open."""

    highest: int = 0
    """Highest open band."""
    steps_here: int | None = Field(default=None, exclude=True)
    """Optimizer steps since it opened: all that was kept, before the fields below were."""
    steps: int = 0
    """Optimizer steps of the pass."""
    tokens: int = 0
    """Tokens chosen in the pass."""
    taken: tuple[int, ...] = (0,) * BANDS
    """Samples chosen in the pass, by band."""
    reached: tuple[int, ...] = (-1,) * BANDS
    """Offset behind the last sample chosen in the pass, by band; -1 where that is not known."""
    reverse: bool = False
    """Whether the hardest band is the first."""
    arms: tuple[ArmState, ...] = ()
    """Of each band, where they are arms."""


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
    last: float | None = None
    """What the newest evaluation found."""
    at: int = 0
    """Optimizer steps of the objective at the newest evaluation that counted."""
    candidates: int = 0
    """Labels that could be chosen then: values of another number do not compare."""


class HeldOutState(State):
    """Samples that are measured by and never trained on."""

    validation: tuple[TrainingSample, ...] = ()
    prompts: tuple[TrainingSample, ...] = ()
    fixed: tuple[Objective, ...] = ()
    """Objectives that were measured once: their samples stay what they are."""
    labels: tuple[str, ...] = ()
    """Labels seen, of training too, of samples without a label set. Empty before that was kept."""


class ObjectiveState(State):
    """Where one objective stands."""

    pass_number: int = 1
    """Pass over the objective's bands, from 1."""
    first_pass: int = 1
    """The pass that began the round: what came after the objective had done its passes is trained in a further round."""
    finished: bool = False
    """Whether the round's passes are done."""
    begun: bool = False
    """Whether a batch of the round was taken."""
    steps: int = 0
    """Optimizer steps taken for it."""
    credit: float = 0.0
    """How much of its share of the steps it has not had yet, in steps."""
    pacing: PacingState = PacingState()
    early_stopping: EarlyStoppingState = EarlyStoppingState()


class FeedState(State):
    """All that the feed and early stopping need to go on."""

    version: int = 2
    """Of this model; a manifest of format 4 holds version 2."""
    objective: Objective
    """What was trained last."""
    step: int = 0
    """Optimizer steps taken, of all objectives."""
    samples_trained: int = 0
    objectives: dict[Objective, ObjectiveState] = {}
    """Where each stands that has been trained, or waited for."""
    position: StreamPosition = StreamPosition()
    repeats: RepeatState = RepeatState()
    held_out: HeldOutState = Field(default=HeldOutState(), exclude=True)
    """In a file of their own (`commit.held_out_file`), which the manifest names with its hash."""

    def of(self, objective: Objective) -> ObjectiveState:
        """Where an objective stands; at its beginning, if nothing is known of it."""
        return self.objectives.get(objective, ObjectiveState())

    @property
    def pass_number(self) -> int:
        """Pass over the bands of what was trained last."""
        return self.of(self.objective).pass_number

    @property
    def early_stopping(self) -> EarlyStoppingState:
        """Of what was trained last."""
        return self.of(self.objective).early_stopping
