"""What was found in each file: its shape, its rows by task, what was passed over and why. Its memory does not grow with the file."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from reading.refusal import Skip

WATCHED_IDS = 500_000
"""Ids given by the producer that are remembered, over all files, to find one that stands for two contents."""
DIGEST_BITS = 28
"""Of an id's content: of 268 million ids that are sent again with other content, one is not noticed."""
ALL_BITS = (1 << 64) - 1
EXAMPLES = 3
"""Bad rows of each reason whose line and fault are kept."""


@dataclass
class FileSummary:
    """Of one file."""

    path: str
    format: str = ""
    """JSON Lines, CSV, Parquet and so on."""
    shapes: Counter[str] = field(default_factory=Counter)
    """Rows of each shape."""
    by_task: Counter[str] = field(default_factory=Counter)
    skipped: Counter[Skip] = field(default_factory=Counter)
    examples: dict[Skip, list[str]] = field(default_factory=dict)
    """The first bad rows of each reason, as `file:line: fault`."""
    ignored: Counter[str] = field(default_factory=Counter)
    """Rows with each column that nothing was made of."""
    notes: Counter[str] = field(default_factory=Counter)
    """Rows of which something was changed by a stated rule, by rule."""
    repeated_ids: int = 0
    """Rows whose id another row had before, with other content."""
    first_repeated: str = ""

    @property
    def read(self) -> int:
        """Samples read."""
        return sum(self.by_task.values())

    @property
    def shape(self) -> str:
        """The shapes of its rows, the most frequent first."""
        return ", ".join(name for name, _ in self.shapes.most_common()) or "none"

    def skip(self, line: int, reason: Skip, why: str) -> str:
        """Count a bad row; returns `file:line: fault`."""
        told = f"{self.path}:{line}: {why}" if line else f"{self.path}: {why}"
        self.skipped[reason] += 1
        kept = self.examples.setdefault(reason, [])
        if len(kept) < EXAMPLES:
            kept.append(told)
        return told

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "path": self.path,
            "format": self.format,
            "shape": self.shape,
            "read": self.read,
            "by_task": dict(self.by_task),
            "skipped": {reason.value: count for reason, count in self.skipped.items()},
            "repeated_ids": self.repeated_ids,
            "first_skipped": {reason.value: kept[0] for reason, kept in self.examples.items()},
            "ignored_columns": dict(self.ignored),
            "notes": dict(self.notes),
        }


class Ids:
    """Producers' ids with a digest of what each stands for, in a table whose size does not change.

    Args:
        limit: ids that are remembered, the first that come.
    """

    def __init__(self, limit: int = WATCHED_IDS) -> None:
        self._left = limit
        self._slots = 1 << (2 * limit - 1).bit_length()
        self._table: memoryview[int] | None = None
        self.is_full = False

    def stands_for_another(self, sample_id: str, content: bytes) -> bool:
        """Whether an id was seen with other content."""
        key, digest = hash(sample_id) & ALL_BITS, hash(content) & (1 << DIGEST_BITS) - 1
        known_by, place = (key >> DIGEST_BITS) or 1, key % self._slots
        if self._table is None:
            self._table = memoryview(bytearray(8 * self._slots)).cast("Q")  # 0: empty; else bits of the id's hash, then of its content's
        while there := self._table[place]:
            if there >> DIGEST_BITS == known_by:
                return there & (1 << DIGEST_BITS) - 1 != digest
            place = (place + 1) % self._slots
        if self._left:
            self._table[place] = known_by << DIGEST_BITS | digest
            self._left -= 1
        else:
            self.is_full = True
        return False
