"""Which objective has the next optimizer step, of those that have a batch ready.

Each gets its share over time: by weights, or in proportion to what waits of it, so that nothing waits longer than anything else. What an
objective does not use while it has nothing ready is not saved up: after a pause it gets its share, and no more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from schemas.training_sample import Objective
from trainer_node.intake.standing import Standing


def next_turn(ready: Sequence[Objective], weights: Mapping[Objective, float], standings: Mapping[Objective, Standing]) -> Objective:
    """The one whose credit is greatest, once each has been given its share of a step; the step is taken from it.

    Args:
        ready: those that have a batch, at least one.
        weights: how much each of them counts for.
        standings: where each stands; their credits change.
    """
    total = sum(weights[objective] for objective in ready)
    for objective in ready:
        standings[objective].credit += weights[objective] / total if total else 1 / len(ready)
    chosen = max(ready, key=lambda objective: standings[objective].credit)
    standings[chosen].credit -= 1.0
    return chosen
