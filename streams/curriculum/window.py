"""Quantiles of a window that moves: what was calibrated first, then blocks of the newest samples, the oldest of which are let go.

A function of the numbers seen, in their order. Ranks are those of all blocks together.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from streams.curriculum.quantiles import RunningQuantiles, bucket_of

BLOCK = 2500
"""Numbers of a block."""
BLOCKS = 4
"""Blocks kept: the window is of three to four of them. What was calibrated is one block, however large."""


class WindowQuantiles:
    """Not thread-safe."""

    def __init__(self) -> None:
        self._blocks = [RunningQuantiles()]
        self._all = RunningQuantiles()

    def observe(self, value: float, may_close: bool = True) -> None:
        """Count one number; `may_close`: whether a block that is full is followed by the next.

        Raises:
            ValueError: it is negative or not finite.
        """
        if may_close and self._blocks[-1].count >= BLOCK:
            self._blocks.append(RunningQuantiles())
            if len(self._blocks) > BLOCKS:
                self._all.subtract(self._blocks.pop(0))
        bucket = bucket_of(value)
        self._blocks[-1].add(bucket)
        self._all.add(bucket)

    def below(self, value: float) -> float:
        """Share of the window that is smaller, in [0,1)."""
        return self._all.below(value)

    def mid_rank(self, value: float) -> float:
        """Share of the window that is smaller, plus half the share that is equal; 0.5 before the first."""
        return self._all.mid_rank(value)

    def to_json(self) -> list[dict[str, int]]:
        """The blocks, the oldest first, as JSON takes them."""
        return [block.to_json() for block in self._blocks]

    @classmethod
    def from_json(cls, state: list[Mapping[str, Any]]) -> Self:
        """What `to_json` wrote.

        Raises:
            ValueError, TypeError, AttributeError: it is no such state.
        """
        if not isinstance(state, list) or not state:
            raise ValueError("blocks are wanted")
        made = cls()
        made._blocks = [RunningQuantiles.from_json(block) for block in state]
        for block in made._blocks:
            made._all.merge(block)
        return made
