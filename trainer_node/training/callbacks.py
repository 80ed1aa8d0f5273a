"""The two moments of TRL's training loop that the node takes part in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from transformers import TrainerCallback


class StepCallback(TrainerCallback):
    """Calls back before the optimizer acts and after it has."""

    def __init__(self, before_optimizer: Callable[[], None], after_step: Callable[[], None]) -> None:
        self._before = before_optimizer
        self._after = after_step

    def on_pre_optimizer_step(self, *args: Any, **kwargs: Any) -> None:  # noqa: ARG002 - Transformers' signature
        """Gradients are complete; the weights are still the old ones."""
        self._before()

    def on_step_end(self, *args: Any, **kwargs: Any) -> None:  # noqa: ARG002 - Transformers' signature
        """Weights, optimizer and schedule have moved."""
        self._after()
