"""What gets variants, when, and how many."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass

from streams.augmenter.families import Schedule
from streams.augmenter.paraphrase import Recipe
from streams.augmenter.threshold import QUANTILE, WARM_UP


@dataclass(frozen=True)
class AugmenterConfig:
    """Settings of the augmenter."""

    count: int = 2
    """Variants of one sample at a time (k)."""
    every: int = 2
    """Variants are made from the losses of every n-th pass."""
    every_samples: int = 500
    """And in any pass, of a sample that got none for so many of its run's losses; in the first pass: after so many."""
    every_minutes: float = math.inf
    """The same by the time of the losses."""
    max_generation: int = 1
    """Variants of variants end here, so that noise cannot breed."""
    quantile: float = QUANTILE
    """Share of the recent losses that count as normal."""
    warm_up: int = WARM_UP
    """Losses of a kind, in each partition, that are only counted."""
    control: float = 0.1
    """Share of the samples that are left without variants, to measure what these bring."""
    wordings: int = 1
    """Wordings in which each sample is learnt from the start: with 1, its own alone."""
    recipes: Collection[Recipe] = tuple(Recipe)
    """Ways of making variants that are used."""

    def schedule(self, partitions: int) -> Schedule:
        """When a hard sample gets variants, as one of so many partitions of the losses counts it."""
        return Schedule(self.every, max(1, round(self.every_samples / partitions)), self.every_minutes * 60_000)
