"""How far the stream is done, per partition: a low watermark and what is done above it.

Built on what was *delivered*, never on arithmetic over offsets: an offset that is never delivered (a transaction marker, a compacted or
expired record) is done as soon as the fetch position has passed it, or the watermark would stick on it.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from trainer_node.commit.state import PartitionState, Range, Ranges

Partition = tuple[str, int]
"""Topic name and partition number."""
RecordPosition = tuple[str, int, int]
"""Topic name, partition number, offset."""


@dataclass
class PartitionProgress:
    """Progress of one partition."""

    next_offset: int
    """Fetch position: every offset below was delivered, or never will be."""
    _waiting: list[int] = field(default_factory=list)
    _pending: set[int] = field(default_factory=set)
    _done: set[int] = field(default_factory=set)

    def delivered(self, offset: int) -> bool:
        """Note a delivered record; False when it is already done or already waiting, so that it must not be taken twice."""
        if offset in self._done or offset in self._pending or offset < self.watermark:
            return False
        self._pending.add(offset)
        heapq.heappush(self._waiting, offset)
        self.next_offset = max(self.next_offset, offset + 1)
        return True

    def fetched_to(self, position: int) -> None:
        """The consumer's position moved to here, past records and whatever is never delivered."""
        self.next_offset = max(self.next_offset, position)

    def done(self, offset: int) -> None:
        """The record needs nothing more."""
        self._pending.discard(offset)
        self._done.add(offset)

    @property
    def watermark(self) -> int:
        """All offsets below are done."""
        while self._waiting and self._waiting[0] not in self._pending:
            heapq.heappop(self._waiting)
        return self._waiting[0] if self._waiting else self.next_offset

    @property
    def pending(self) -> int:
        """Delivered and not done."""
        return len(self._pending)

    def lost(self, first: int, last: int) -> list[Range]:
        """Ranges of what is not done among the offsets from `first` to `last`, both inclusive."""
        gaps: list[Range] = []
        start = first
        for begin, end in ranges(sorted(offset for offset in self._done if first <= offset <= last)):
            if begin > start:
                gaps.append((start, begin - 1))
            start = end + 1
        return gaps + ([(start, last)] if start <= last else [])

    def snapshot(self) -> PartitionState:
        """For a checkpoint."""
        low = self.watermark
        self._done = {offset for offset in self._done if offset >= low}
        return PartitionState(watermark=low, done=tuple(ranges(sorted(self._done))))

    @classmethod
    def restore(cls, state: PartitionState) -> PartitionProgress:
        """From a snapshot; what was delivered but not done will be delivered again."""
        return cls(next_offset=state.watermark, _done=set(offsets_in(state.done)))


class Positions:
    """Progress of all partitions that a trainer reads."""

    def __init__(self, start: dict[Partition, int]) -> None:
        self.partitions: dict[Partition, PartitionProgress] = {tp: PartitionProgress(offset) for tp, offset in start.items()}

    def __getitem__(self, partition: Partition) -> PartitionProgress:
        return self.partitions[partition]

    def watermarks(self) -> dict[Partition, int]:
        """For Kafka's group offsets."""
        return {tp: progress.watermark for tp, progress in self.partitions.items()}

    def snapshot(self) -> dict[str, PartitionState]:
        """By `topic:partition`."""
        return {partition_name(tp): progress.snapshot() for tp, progress in sorted(self.partitions.items())}

    def restore(self, states: dict[str, PartitionState]) -> None:
        """Take over a snapshot; partitions it does not know keep their start."""
        for name, state in states.items():
            self.partitions[partition_of(name)] = PartitionProgress.restore(state)

    def rewind(self, start: dict[Partition, int]) -> None:
        """Begin these partitions anew: a pass is a rewind."""
        for tp, offset in start.items():
            self.partitions[tp] = PartitionProgress(offset)


def partition_name(partition: Partition) -> str:
    """`topic:partition`."""
    return f"{partition[0]}:{partition[1]}"


def partition_of(name: str) -> Partition:
    """The partition that `partition_name` named."""
    topic, _, number = name.rpartition(":")
    return topic, int(number)


def ranges(offsets: list[int]) -> list[Range]:
    """Sorted offsets as ranges."""
    found: list[Range] = []
    for offset in offsets:
        if found and offset == found[-1][1] + 1:
            found[-1] = (found[-1][0], offset)
        else:
            found.append((offset, offset))
    return found


def offsets_in(found: Iterable[Range]) -> Iterator[int]:
    """All offsets of some ranges."""
    return (offset for first, last in found for offset in range(first, last + 1))


def ranges_by_partition(positions: Iterable[RecordPosition]) -> Ranges:
    """Record positions as ranges of offsets."""
    offsets: dict[str, list[int]] = {}
    for topic, number, offset in sorted((topic, number, offset) for topic, number, offset in positions):
        offsets.setdefault(partition_name((topic, number)), []).append(offset)
    return {name: tuple(ranges(found)) for name, found in offsets.items()}


def positions_in(found: Ranges) -> Iterator[RecordPosition]:
    """The record positions of `ranges_by_partition`."""
    return ((*partition_of(name), offset) for name, spans in found.items() for offset in offsets_in(spans))
