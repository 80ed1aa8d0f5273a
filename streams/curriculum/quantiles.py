"""Running quantiles in bounded memory: a DDSketch, with ranks.

Masson, Rim and Lee, "DDSketch: a fast and fully-mergeable quantile sketch with relative-error guarantees", VLDB 12(12), 2019.
Observations are counted in buckets whose bounds grow by a constant factor. It draws no random numbers and its state is a sum of counts:
equal observations give equal states in any order, two sketches merge by adding, and the state is plain JSON. (The `ddsketch` wheel has
quantiles but no ranks.)
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from typing import Any, Self

RELATIVE_ERROR = 0.01
"""A quantile is off by at most this share of its value."""
_GAMMA = (1 + RELATIVE_ERROR) / (1 - RELATIVE_ERROR)
_LOG_GAMMA = math.log(_GAMMA)
SMALLEST = 1e-6
"""Values below count as zero."""
LARGEST = 1e9
"""Values above count as this, which bounds a sketch to 1,728 buckets."""
_ZERO = math.floor(math.log(SMALLEST) / _LOG_GAMMA) - 1


class RunningQuantiles:
    """Quantiles and ranks of the non-negative numbers seen so far. Not thread-safe."""

    def __init__(self) -> None:
        self._counts: dict[int, int] = {}
        self._sums: list[int] | None = None
        self.count = 0
        """Numbers seen."""

    def observe(self, value: float) -> None:
        """Count one number.

        Raises:
            ValueError: it is negative or not finite.
        """
        self.add(bucket_of(value))

    def add(self, bucket: int) -> None:
        """Count one number of a bucket (`bucket_of`)."""
        self._counts[bucket] = self._counts.get(bucket, 0) + 1
        self.count += 1
        if self._sums is not None:
            _count_in(self._sums, bucket, 1)

    def quantile(self, q: float) -> float | None:
        """The value below which a share `q` in [0,1] of the numbers lies, within RELATIVE_ERROR; None before the first number."""
        if not 0 <= q <= 1:
            raise ValueError(f"a quantile is in [0,1], not {q}")
        if not self.count:
            return None
        wanted = q * (self.count - 1)
        seen = 0
        for bucket in sorted(self._counts):
            seen += self._counts[bucket]
            if seen > wanted:
                break
        return 0.0 if bucket == _ZERO else 2 * _GAMMA**bucket / (_GAMMA + 1)

    def below(self, value: float) -> float:
        """Share of the numbers seen that are smaller, in [0,1): the empirical distribution function from the left; 0 before the first."""
        return self._shares(value)[0]

    def mid_rank(self, value: float) -> float:
        """Share of the numbers that are smaller, plus half the share that are equal, in [0,1]; 0.5 before the first."""
        smaller, equal = self._shares(value)
        return smaller + equal / 2 if self.count else 0.5

    def _shares(self, value: float) -> tuple[float, float]:
        bucket = bucket_of(value)
        if not self.count:
            return 0.0, 0.0
        if self._sums is None:
            self._sums = [0] * (_BUCKETS + 1)
            for other, count in self._counts.items():
                _count_in(self._sums, other, count)
        return _counted_below(self._sums, bucket) / self.count, self._counts.get(bucket, 0) / self.count

    def merge(self, other: Self) -> None:
        """Take in another sketch's numbers."""
        for bucket, count in other._counts.items():
            self._counts[bucket] = self._counts.get(bucket, 0) + count
        self.count += other.count
        self._sums = None

    def subtract(self, other: Self) -> None:
        """Take another sketch's numbers, which are in this one, out of it."""
        for bucket, count in other._counts.items():
            self._counts[bucket] -= count
            if not self._counts[bucket]:
                del self._counts[bucket]
        self.count -= other.count
        self._sums = None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RunningQuantiles) and self._counts == other._counts

    __hash__ = None  # type: ignore[assignment]

    def to_json(self) -> dict[str, int]:
        """Bucket number -> count, as JSON takes it."""
        return {str(bucket): self._counts[bucket] for bucket in sorted(self._counts)}

    @classmethod
    def from_json(cls, state: Mapping[str, Any]) -> Self:
        """The sketch that `to_json` wrote.

        Raises:
            ValueError: it is not such a state.
        """
        sketch = cls()
        for bucket, count in state.items():
            if not isinstance(count, int) or count <= 0:
                raise ValueError(f"bucket {bucket!r} has the count {count!r}")
            sketch._counts[int(bucket)] = count
        sketch.count = sum(sketch._counts.values())
        return sketch


@functools.lru_cache(maxsize=4096)
def bucket_of(value: float) -> int:
    """The bucket of a number.

    Raises:
        ValueError: it is negative or not finite.
    """
    if not math.isfinite(value) or value < 0:
        raise ValueError(f"a non-negative finite number is wanted, not {value}")
    return _ZERO if value < SMALLEST else math.ceil(math.log(min(value, LARGEST)) / _LOG_GAMMA)


_BUCKETS = bucket_of(LARGEST) - _ZERO + 1


def _count_in(sums: list[int], bucket: int, count: int) -> None:
    """Fenwick, "A new data structure for cumulative frequency tables", Software: Practice and Experience 24(3), 1994."""
    place = bucket - _ZERO + 1
    while place <= _BUCKETS:
        sums[place] += count
        place += place & -place


def _counted_below(sums: list[int], bucket: int) -> int:
    place, total = bucket - _ZERO, 0
    while place:
        total += sums[place]
        place -= place & -place
    return total
