"""How much of a partition is measured before the first band is given, so that bands do not hang on the order of arrival.

What is held back is a function of the log: the first `samples` records, or those sent within `seconds` of the first, whichever are fewer.
Whoever reads the partition again, after a kill or on another machine, calibrates on the same. A file that is there whole is calibrated on
whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from streams.curriculum.difficulty import RawTerms


@dataclass(frozen=True)
class HoldBack:
    """How much is held back at most."""

    samples: int | None = 2000
    """Records; None: all that is there when the first is read."""
    seconds: float = 2.0
    """From the first record's time to the last one's."""


MOST_HELD = 40_000
"""Samples of an objective whose terms are remembered while it is calibrated; of more, every second one, every fourth and so on."""


class Thinned:
    """Every so many-th of the samples seen, in their order, so that they fit: as good for quantiles as all of them."""

    def __init__(self) -> None:
        self.kept: list[RawTerms] = []
        self._stride = 1
        self._seen = 0

    def add(self, raw: RawTerms) -> None:
        """Remember one, or not."""
        if self._seen % self._stride == 0:
            self.kept.append(raw)
        self._seen += 1
        if len(self.kept) > MOST_HELD:
            self.kept, self._stride = self.kept[::2], 2 * self._stride

    def to_json(self) -> dict[str, Any]:
        """As JSON takes it."""
        return {"kept": [list(raw) for raw in self.kept], "stride": self._stride, "seen": self._seen}

    @classmethod
    def from_json(cls, state: Mapping[str, Any]) -> Self:
        """What `to_json` wrote. Raises KeyError or TypeError where it is no such state."""
        made = cls()
        made.kept = [RawTerms(*raw) for raw in state["kept"]]
        made._stride, made._seen = int(state["stride"]), int(state["seen"])
        return made


class Calibration:
    """Where the calibration of one partition stands."""

    def __init__(self, hold_back: HoldBack | None) -> None:
        """`hold_back`: None for none."""
        self._hold_back = hold_back or HoldBack(0)
        self.is_open = self._hold_back.samples != 0
        self.count = 0
        self.first_ms: int | None = None
        """When the first record was sent, in milliseconds since the epoch."""

    def wants(self, timestamp_ms: int) -> bool:
        """Whether the next record is calibrated on; one that is not closes the calibration."""
        limit = self._hold_back.samples
        if limit is not None and self.is_open and self.first_ms is not None:
            self.is_open = self.count < limit and timestamp_ms - self.first_ms < 1000 * self._hold_back.seconds
        return self.is_open

    def counts(self, timestamp_ms: int) -> None:
        """A record was read, and is calibrated on where it is wanted."""
        if self.wants(timestamp_ms):
            self.first_ms = timestamp_ms if self.first_ms is None else self.first_ms
            self.count += 1

    def close(self) -> None:
        """Nothing more is waited for."""
        self.is_open = False

    def to_json(self) -> dict[str, Any]:
        """As JSON takes it."""
        return {"is_open": self.is_open, "count": self.count, "first_ms": self.first_ms}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over what `to_json` wrote. Raises KeyError where it is no such state."""
        self.is_open, self.count, self.first_ms = bool(state["is_open"]), int(state["count"]), state["first_ms"]
