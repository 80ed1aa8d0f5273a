"""Whole samples from shares that are none: systematic sampling, without a state and without chance.

The shares are laid end to end on a line, and a comb with one tooth a sample is laid over it. From batch to batch the comb is moved by the
golden ratio, so that a share of 0.1 samples gives one in ten batches, spread evenly (Weyl's sequence): nothing that has a share starves.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

_GOLDEN = (math.sqrt(5) - 1) / 2


def apportioned(weights: Sequence[float], count: int, number: int) -> list[int]:
    """So many samples, divided in proportion to weights: each share is rounded down or up.

    Args:
        weights: not negative.
        count: samples to divide.
        number: of the division, from 0: over many of them, each gets its exact share.

    Returns:
        Samples by weight; sums to `count`, or to 0 where all weights are 0.
    """
    total = sum(weights)
    if total <= 0:
        return [0] * len(weights)
    offset = ((number + 0.5) * _GOLDEN) % 1.0
    teeth, reached = [], 0.0
    for weight in weights:
        reached += weight
        teeth.append(count if reached >= total else math.floor(reached / total * count + offset))
    teeth = [min(tooth, count) for tooth in teeth]
    return [tooth - before for tooth, before in zip(teeth, [0, *teeth], strict=False)]
