"""Which losses are high: above the streaming 95th percentile of their own run and pass, once enough of these were seen."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

from streams.curriculum.quantiles import RunningQuantiles

QUANTILE = 0.95
"""Share of losses that count as normal."""
WARM_UP = 20
"""Losses of a pass that are only counted: with fewer, the 5 % above the percentile are less than one sample."""
MAX_PASSES = 32
"""Passes (of all runs) remembered; the one longest without a loss is forgotten first."""


class LossThreshold:
    """The percentile of each (run, pass), whose losses are on different scales. A function of the losses seen, in their order."""

    def __init__(self, quantile: float = QUANTILE, warm_up: int = WARM_UP) -> None:
        self.quantile = quantile
        self.warm_up = warm_up
        self._passes: OrderedDict[str, RunningQuantiles] = OrderedDict()

    def observe(self, run_id: str, pass_number: int, loss: float) -> bool:
        """Count a loss in nats, and say whether it is above the percentile of those before it (never during the warm-up).

        Raises:
            ValueError: the loss is negative or not finite.
        """
        losses = self._of(run_id, pass_number)
        high = self._is_high(losses, loss)
        losses.observe(loss)
        return high

    def look_up(self, run_id: str, pass_number: int, loss: float) -> bool:
        """Whether a loss that has been counted already is above the percentile."""
        return self._is_high(self._of(run_id, pass_number), loss)

    def _is_high(self, losses: RunningQuantiles, loss: float) -> bool:
        # "Above the percentile" by rank: a quantile's value has a relative error, by which equal losses could pass it.
        return losses.count >= self.warm_up and losses.below(loss) >= self.quantile

    def _of(self, run_id: str, pass_number: int) -> RunningQuantiles:
        key = f"{pass_number}/{run_id}"
        losses = self._passes.setdefault(key, RunningQuantiles())
        self._passes.move_to_end(key)
        while len(self._passes) > MAX_PASSES:
            self._passes.popitem(last=False)
        return losses

    def to_json(self) -> dict[str, Any]:
        """The state, as JSON takes it."""
        return {key: losses.to_json() for key, losses in self._passes.items()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over the state that `to_json` wrote.

        Raises:
            ValueError, TypeError, AttributeError: it is not such a state.
        """
        self._passes = OrderedDict((key, RunningQuantiles.from_json(losses)) for key, losses in state.items())
