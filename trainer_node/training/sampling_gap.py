"""How far the model that answered is from the model that is trained: the same weights, through two kinds of passes.

A policy gradient takes the answers for the policy's own. With a cache and in 16 bits they are nearly so: token by token the
log-probabilities differ by some hundredths. A gap that grows is a fault of the sampler, or weights that it does not see.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

RATIOS = (0.8, 1.25)
"""Between these, the ratio of two probabilities is as good as 1: PPO and GRPO clip beyond."""


@dataclass(frozen=True)
class SamplingGap:
    """Of a step's tokens at this rank."""

    nats: float
    """Mean distance of the log-probabilities of a token that was drawn, by the sampler and by the pass that trains."""
    outside: float
    """Share of the tokens, 0 to 1, whose ratio of the two probabilities is outside RATIOS."""


class GapMeter:
    """Sums over the micro-batches of a step, on the device."""

    def __init__(self) -> None:
        self._sums: torch.Tensor | None = None

    def begin(self) -> None:
        """Another step."""
        self._sums = None

    @torch.no_grad()
    def add(self, sampled: torch.Tensor, trained: torch.Tensor, mask: torch.Tensor) -> None:
        """Log-probabilities of the tokens drawn, by both, and which of them are tokens of an answer: each (rows, tokens)."""
        apart, counted = (trained.float() - sampled.float()), mask.bool()
        ratio = apart.exp()
        is_outside = ((ratio < RATIOS[0]) | (ratio > RATIOS[1])) & counted
        sums = torch.stack([(apart.abs() * counted).sum(), is_outside.sum().float(), counted.sum().float()])
        self._sums = sums if self._sums is None else self._sums + sums

    def read(self) -> SamplingGap | None:
        """Of what was added since the step began; None of no tokens."""
        if self._sums is None:
            return None
        nats, outside, count = self._sums.tolist()
        return SamplingGap(nats / count, outside / count) if count else None


def padded(rows: list[list[float]], width: int, device: Any) -> torch.Tensor:
    """Lists of unequal length as one tensor, zeros to the right: (rows, width)."""
    return torch.tensor([row + [0.0] * (width - len(row)) for row in rows], device=device)
