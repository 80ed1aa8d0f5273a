"""Which of two values of `val_metric` is better. Values of different measures are never compared."""

from __future__ import annotations

import math

LOSS = "val_loss"
ACCURACY = "val_accuracy"
HIGHER_IS_BETTER = {LOSS: False, ACCURACY: True}
"""What `val_metric` may be, and its good direction."""


def is_better(measure: str, value: float, than: float | None) -> bool:
    """Whether a value of `val_metric` improves on another, or on none; one that is not a number improves on nothing."""
    if not math.isfinite(value):
        return False
    return than is None or (value > than if HIGHER_IS_BETTER[measure] else value < than)
