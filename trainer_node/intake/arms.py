"""Bands as the arms of a bandit: what the model learns most from now is given more of.

A band's progress is the size of the recent change of its loss (Matiisen, Oliver, Cohen and Schulman, "Teacher-student curriculum learning",
2017, eq. 3: its size, so that what is forgotten comes again, too), or, where rewards are learnt from, the mean |advantage| of its answers:
nothing is learnt from a group whose answers all earn the same. Both are moving averages. A band is given in proportion to its progress,
and a part of each batch is given evenly, so that every band is tried.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from schemas.training_sample import BANDS
from trainer_node.commit.state import ArmState

RATE = 0.1
"""Weight of the newest batch in a moving average."""
EVENLY = 0.25
"""Share of a batch that is given to all bands alike."""


@dataclass
class Arms:
    """What was learnt of each band lately."""

    state: list[ArmState] = field(default_factory=lambda: [ArmState()] * BANDS)

    def saw(self, losses: Sequence[float | None], are_progress: bool) -> None:
        """A step was trained.

        Args:
            losses: mean loss of each band's samples in it, in nats; None of a band that gave none.
            are_progress: whether they are mean |advantage|, and so progress themselves.
        """
        self.state = [arm if loss is None else _moved(arm, loss, are_progress) for arm, loss in zip(self.state, losses, strict=True)]

    def weights(self, is_open: Sequence[bool]) -> list[float]:
        """Share of each band, 0 of one that has nothing; the sum is 1, or 0 where none has."""
        count = sum(is_open)
        if not count:
            return [0.0] * BANDS
        known = [arm.progress for arm in self.state if arm.progress is not None]
        most = max(known, default=1.0) or 1.0  # a band that was not tried yet may be the best
        progress = [
            (most if arm.progress is None else arm.progress) if there else 0.0 for arm, there in zip(self.state, is_open, strict=True)
        ]
        total = sum(progress)
        return [
            there * (EVENLY / count + (1 - EVENLY) * (one / total if total else 1 / count))
            for one, there in zip(progress, is_open, strict=True)
        ]


def _moved(arm: ArmState, loss: float, is_progress: bool) -> ArmState:
    if is_progress:
        return ArmState(loss=loss, change=loss, progress=_mean(arm.progress, loss), trials=arm.trials + 1)
    if arm.loss is None:
        return ArmState(loss=loss, trials=1)
    change = _mean(arm.change, loss - arm.loss)
    return ArmState(loss=_mean(arm.loss, loss), change=change, progress=abs(change), trials=arm.trials + 1)


def _mean(before: float | None, new: float) -> float:
    return new if before is None else (1 - RATE) * before + RATE * new
