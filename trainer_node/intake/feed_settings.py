"""What the feed needs to know of a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from schemas.training_sample import Objective
from trainer_node.curricula import Curriculum
from trainer_node.intake.pacing_plan import PacingPlan


@dataclass(frozen=True)
class FeedSettings:
    """What the feed needs to know of the run."""

    run_id: str
    batch_size: int
    """Samples of an optimizer step, over all ranks."""
    linger_s: float
    """Seconds a partly filled batch waits for more."""
    repeat_horizon: int
    """Sample ids remembered in a pass."""
    pacing: PacingPlan = field(default_factory=PacingPlan)
    """How the bands are given."""
    curriculum: Curriculum = Curriculum.DIFFICULTY
    """What the samples are ordered by."""
    objectives: tuple[Objective, ...] = (Objective.SFT,)
    """What is trained, in order."""
    interleaved: bool = False
    """Whether each step may be of another objective; else one is trained after another."""
    shares: Mapping[Objective, float] = field(default_factory=dict)
    """Weights of interleaved objectives; empty: by what waits of each."""
