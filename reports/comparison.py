"""Whether two things differ: paired permutation for a probability, and the bootstrap for an interval.

Pairs are what both have in common: the same seed, or the same held-out item. SciPy's `permutation_test` is for independent samples unless
it is told, and its BCa interval has no value where all differences are equal, so both are written out here, in NumPy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

EXACT_UP_TO = 16
"""Pairs up to which all assignments of signs are gone through."""
DRAWS = 20_000
"""Assignments, and resamples, that are drawn otherwise."""


@dataclass(frozen=True)
class Difference:
    """Of the second to the first, over pairs."""

    pairs: int
    mean: float
    low: float | None
    """Ends of the 95 % percentile interval of the mean, by bootstrap over pairs; None for one pair. With few pairs it is too narrow: of
    8 it covers some 88 %."""
    high: float | None
    p: float | None
    """Two-sided: how often the mean of differences with signs drawn at random lies as far from 0. None for no pairs."""
    smallest_p: float | None
    """What `p` could be at the least with so many pairs, none of them equal: 2 / 2^n. No result is "significant" below it."""

    def told(self) -> str:
        """In one line, with what it cannot show."""
        if self.p is None or self.smallest_p is None:
            return "nothing to compare"
        interval = f", 95 % interval {self.low:+.4g} to {self.high:+.4g}" if self.low is not None else ""
        return f"{self.mean:+.4g}{interval}, p {self.p:.2g} ({self.pairs} pairs; cannot be below {self.smallest_p:.2g})"


def compare_paired(first: Sequence[float], second: Sequence[float], seed: int = 0, draws: int = DRAWS) -> Difference:
    """Compare two equally long sequences whose items belong together in order.

    Raises:
        ValueError: they are not equally long, or hold what is no number.
    """
    one, two = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if one.shape != two.shape or not (np.isfinite(one).all() and np.isfinite(two).all()):
        raise ValueError("paired values must be as many, and finite")
    differences = two - one
    if not differences.size:
        return Difference(0, float("nan"), None, None, None, None)
    generator = np.random.default_rng(seed)
    low, high = bootstrap_interval(differences, generator, draws) if differences.size > 1 else (None, None)
    p, smallest = sign_flip_p(differences, generator, draws)
    return Difference(differences.size, float(differences.mean()), low, high, p, smallest)


def sign_flip_p(differences: np.ndarray, generator: np.random.Generator, draws: int = DRAWS) -> tuple[float, float]:
    """Two-sided probability under exchange within pairs, exact for few pairs; and the smallest that is reachable.

    Of drawn assignments the observed one counts as one (Phipson and Smyth 2010), so that p is never 0.
    """
    count, observed = differences.size, abs(float(differences.sum()))
    slack = 1e-12 * max(1.0, float(np.abs(differences).sum()))
    if count <= EXACT_UP_TO:
        signs = 1 - 2 * ((np.arange(2**count)[:, None] >> np.arange(count)) & 1)
        return float((np.abs(signs @ differences) >= observed - slack).mean()), min(1.0, 2.0 / 2**count)
    extreme = 0
    for start in range(0, draws, 1000):
        signs = generator.choice((-1.0, 1.0), size=(min(1000, draws - start), count))
        extreme += int((np.abs(signs @ differences) >= observed - slack).sum())
    return (extreme + 1) / (draws + 1), 1 / (draws + 1)


def bootstrap_interval(values: np.ndarray, generator: np.random.Generator, draws: int = DRAWS, level: float = 0.95) -> tuple[float, float]:
    """Percentile interval of the mean, by resampling items."""
    means = np.concatenate(
        [
            values[generator.integers(0, values.size, size=(min(500, draws - start), values.size))].mean(axis=1)
            for start in range(0, draws, 500)
        ]
    )
    low, high = np.quantile(means, ((1 - level) / 2, (1 + level) / 2))
    return float(low), float(high)
