"""When to stop early: after some evaluations in a row without a better `val_metric`."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from trainer_node.commit.best import is_better
from trainer_node.commit.state import EarlyStoppingState


@dataclass
class EarlyStopping:
    """Stops after `patience` evaluations in a row without a better `val_metric`."""

    patience: int
    """0 never stops."""
    state: EarlyStoppingState = field(default_factory=EarlyStoppingState)

    def update(self, measure: str, value: float, candidates: int = 0) -> bool:
        """Note an evaluation; True when training should stop.

        Values of another measure, or of another number of candidate labels, cannot be compared: they begin anew.
        """
        anew = EarlyStoppingState(measure=measure, candidates=candidates)
        state = self.state if (measure, candidates) == (self.state.measure, self.state.candidates) else anew
        if is_better(measure, value, state.best):
            self.state = anew.model_copy(update={"best": value, "last": value})
        else:
            last = value if math.isfinite(value) else None
            self.state = state.model_copy(update={"since_best": state.since_best + 1, "last": last})
        return bool(self.patience) and self.state.since_best >= self.patience
