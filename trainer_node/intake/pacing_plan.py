"""How a run is paced, from its settings."""

from __future__ import annotations

from dataclasses import dataclass

from schemas.training_sample import BANDS
from trainer_node.competence import ENDLESS, Form, Horizon, horizon_of
from trainer_node.curricula import Curriculum


@dataclass(frozen=True)
class PacingPlan:
    """How a run is paced."""

    form: Form = Form.ROOT
    horizon: Horizon | None = None
    """None: the pass, whose length the log tells."""
    mixed: bool = False
    """All bands from the first batch on, each by what is left of it: no curriculum."""
    bandit: bool = False
    """All bands from the first batch on, each by what is learnt of it."""
    self_paced: bool = False
    """All bands, and of what may be next the samples of the smallest loss."""
    reverse: bool = False
    """The hardest band first; bands are counted from it."""


def plan_of(curriculum: Curriculum, form: Form, pace_over: str, pace_steps: int | None, ends: bool) -> PacingPlan:
    """How a run is paced.

    Args:
        curriculum: the order.
        form: how competence grows.
        pace_over: over what it does, as `horizon_of` takes it.
        pace_steps: optimizer steps of each band, instead of both.
        ends: whether the run is to end when everything is consumed.
    """
    horizon = horizon_of(pace_over) or (None if ends else ENDLESS)
    if pace_steps is not None:
        form, horizon = Form.STEP, Horizon(pace_steps * BANDS, "steps")
    is_loss, is_bandit = curriculum is Curriculum.LOSS, curriculum is Curriculum.BANDIT
    return PacingPlan(form, horizon, curriculum.is_mixed, bandit=is_bandit, self_paced=is_loss, reverse=curriculum is Curriculum.REVERSE)
