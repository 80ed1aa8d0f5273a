"""Where a run stands: with each of its objectives, and in all."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from schemas.training_sample import Objective
from trainer_node.commit.state import EarlyStoppingState, ObjectiveState
from trainer_node.intake.pacing import Pacing
from trainer_node.intake.pacing_plan import PacingPlan


@dataclass
class Standing:
    """Where one objective stands. `ObjectiveState` says what the fields mean, and is what a checkpoint holds of it."""

    pacing: Pacing
    pass_number: int = 1
    first_pass: int = 1
    finished: bool = False
    begun: bool = False
    steps: int = 0
    credit: float = 0.0
    early_stopping: EarlyStoppingState = field(default_factory=EarlyStoppingState)

    @property
    def pass_of_round(self) -> int:
        """Which pass of its round this is, from 1."""
        return self.pass_number - self.first_pass + 1

    def begin_round(self) -> None:
        """What has come after all passes were done gets passes of its own, whose numbers go on."""
        self.pass_number += 1
        self.first_pass, self.finished, self.begun = self.pass_number, False, False
        self.early_stopping = self.early_stopping.model_copy(update={"since_best": 0})
        self.pacing.restart()

    def begin_pass(self) -> None:
        """Once more over what the round has."""
        self.pass_number += 1
        self.pacing.restart()

    def snapshot(self) -> ObjectiveState:
        """For a checkpoint."""
        return ObjectiveState(
            pass_number=self.pass_number,
            first_pass=self.first_pass,
            finished=self.finished,
            begun=self.begun,
            steps=self.steps,
            credit=self.credit,
            pacing=self.pacing.snapshot(),
            early_stopping=self.early_stopping,
        )

    def restore(self, state: ObjectiveState) -> None:
        """Take over a snapshot."""
        self.pass_number, self.first_pass, self.finished = state.pass_number, state.first_pass, state.finished
        self.begun, self.steps, self.credit, self.early_stopping = state.begun, state.steps, state.credit, state.early_stopping
        self.pacing.restore(state.pacing)


class Cursor:
    """Where the run stands."""

    def __init__(self, objectives: Iterable[Objective], pacing: PacingPlan | None = None) -> None:
        """`objectives`: what is trained, in order."""
        self.standings = {objective: Standing(Pacing(pacing or PacingPlan())) for objective in objectives}
        self.objective = next(iter(self.standings))
        """What was trained last, or is waited for."""
        self.step = 0
        """Optimizer steps chosen."""
        self.samples_trained = 0

    @property
    def current(self) -> Standing:
        """Of what was trained last."""
        return self.standings[self.objective]

    def pass_of(self, objective: Objective) -> int:
        """Pass over an objective's bands; 1 of one that is not trained."""
        return self.standings[objective].pass_number if objective in self.standings else 1

    def trains(self, objective: Objective) -> bool:
        """Whether it is one of the run's objectives."""
        return objective in self.standings
