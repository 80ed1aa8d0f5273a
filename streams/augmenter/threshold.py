"""Which losses are high: above the 95th percentile of the recent losses of their own run, objective and task.

Recent: the newest WINDOW losses, of which one counts half as much for every HALF_LIFE optimizer steps that it is older. The level that a
loss's rank must reach follows the share of losses that were called high (Gibbs and Candès, "Adaptive conformal inference under distribution
shift", NeurIPS 2021), so that the share stays what was asked for while losses fall, or rise because a harder band has opened.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

QUANTILE = 0.95
"""Share of losses that count as normal."""
WARM_UP = 20
"""Losses that are only counted: with fewer, the 5 % above the percentile are less than one sample."""
BAND_WARM_UP = 5
"""Losses of a band that are only counted: it is not measured by easier bands alone."""
WINDOW = 512
"""Losses that one is compared with, at most."""
HALF_LIFE = 32
"""Optimizer steps after which a loss counts half."""
WEIGHTS = [0.5 ** (age / HALF_LIFE) for age in range(32 * HALF_LIFE)]
"""By age in steps; what is older counts for nothing."""
RATE = 0.02
"""By how much the level moves for one loss that is called high, against the share that should be."""
LEEWAY = (0.25, 0.05)
"""How far the level may go below and above the quantile's own."""
TIED_FROM = 0.5
"""Of equal losses at least so many others must lie below them; else they are what is usual, and none of them is high."""
MOST_KINDS = 64
"""Kinds of losses (of all runs) remembered; the one longest without a loss is forgotten first."""


class Measured(NamedTuple):
    """One loss, with what it is measured by."""

    step: int
    """Optimizer step that it is of."""
    band: int
    """Difficulty band of its sample."""
    loss: float
    """In nats; finite, not negative."""
    tie: float = 0.0
    """A number in [0,1) that decides among equal losses: a hash of the event, say."""


@dataclass
class _Kind:
    """The recent losses of one kind, and the rank from which one is high."""

    level: float
    recent: deque[tuple[int, int, float]] = field(default_factory=lambda: deque(maxlen=WINDOW))


class LossThreshold:
    """The threshold of each kind of loss (a run's objective and task): losses of two kinds are on different scales.

    A function of the losses seen, in their order.
    """

    def __init__(self, quantile: float = QUANTILE, warm_up: int = WARM_UP) -> None:
        self.quantile = quantile
        self.warm_up = warm_up
        self._kinds: OrderedDict[str, _Kind] = OrderedDict()

    def observe(self, kind: str, measured: Measured) -> bool:
        """Count a loss, and say whether it is high among those before it (never during the warm-up)."""
        known = self._of(kind)
        high = self._is_high(known, measured)
        if high is not None:
            below, above = LEEWAY
            moved = known.level + RATE * (high - (1 - self.quantile))
            known.level = min(max(moved, self.quantile - below, 0.0), self.quantile + above)
        known.recent.append((measured.step, measured.band, round(measured.loss, 6)))
        return bool(high)

    def _is_high(self, known: _Kind, measured: Measured) -> bool | None:
        """None: too little is known to say."""
        of_band = sum(band == measured.band for _, band, _ in known.recent)
        if len(known.recent) < self.warm_up or of_band < min(BAND_WARM_UP, self.warm_up):
            return None
        return self._rank(known, measured) >= known.level

    def _rank(self, known: _Kind, measured: Measured) -> float:
        """Share of the recent losses that are smaller; of equal ones that are no lower half, a part by the tie."""
        loss = round(measured.loss, 6)
        total = below = equal = 0.0
        for step, _, other in known.recent:
            age = abs(measured.step - step)
            weight = WEIGHTS[age] if age < len(WEIGHTS) else 0.0
            total += weight
            if other < loss:
                below += weight
            elif other == loss:
                equal += weight
        if not total:  # all are too long ago to count
            return 0.0
        return (below + measured.tie * equal * (below >= TIED_FROM * total)) / total

    def _of(self, kind: str) -> _Kind:
        known = self._kinds.setdefault(kind, _Kind(self.quantile))
        self._kinds.move_to_end(kind)
        while len(self._kinds) > MOST_KINDS:
            self._kinds.popitem(last=False)
        return known

    def to_json(self) -> dict[str, Any]:
        """The state, as JSON takes it."""
        return {name: {"level": known.level, "recent": [list(row) for row in known.recent]} for name, known in self._kinds.items()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over the state that `to_json` wrote.

        Raises:
            ValueError, TypeError, KeyError, AttributeError: it is not such a state.
        """
        kinds: OrderedDict[str, _Kind] = OrderedDict()
        for name, known in state.items():
            rows = deque(((int(step), int(band), float(loss)) for step, band, loss in known["recent"]), maxlen=WINDOW)
            kinds[name] = _Kind(float(known["level"]), rows)
        self._kinds = kinds
