"""Samples that wait in memory to be chosen, by band topic."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator

from trainer_node.commit.positions import RecordPosition
from trainer_node.data.batch import WaitingSample

WAITING_LIMIT = 512
"""Samples that wait in memory per band; beyond, the band is paused and its backlog stays in Kafka."""


class Backlog:
    """What the feed chooses from. A band that has come to the limit is full until half of it is trained.

    What was fetched and not delivered is fetched again when a band is resumed; resumed after every batch, it would be all the time.
    """

    def __init__(self, topics: Iterable[str], batch_size: int) -> None:
        self.limit = max(WAITING_LIMIT, 2 * batch_size)
        self._waiting: dict[str, deque[WaitingSample]] = {topic: deque() for topic in topics}
        self._full: set[str] = set()

    def __iter__(self) -> Iterator[str]:
        """The topics."""
        return iter(self._waiting)

    def __getitem__(self, topic: str) -> deque[WaitingSample]:
        """What waits of a topic, in the log's order."""
        return self._waiting[topic]

    def add(self, sample: WaitingSample) -> None:
        """It may be chosen from now on."""
        self._waiting[sample.record.topic].append(sample)

    def remove(self, sample: WaitingSample) -> None:
        """It has been chosen."""
        self._waiting[sample.record.topic].remove(sample)

    def clear(self, topic: str) -> list[WaitingSample]:
        """Let go of a topic's samples, and return them."""
        gone = list(self._waiting[topic])
        self._waiting[topic].clear()
        return gone

    def find(self, positions: Iterable[RecordPosition]) -> dict[RecordPosition, WaitingSample]:
        """Those of the records at these positions that wait."""
        wanted = set(positions)
        topics = {topic for topic, _, _ in wanted}
        return {item.position: item for topic in topics for item in self._waiting[topic] if item.position in wanted}

    def is_full(self, topic: str) -> bool:
        """Whether a band has enough waiting: from the limit on, until it is below half of it."""
        waiting = len(self._waiting[topic])
        if waiting >= self.limit:
            self._full.add(topic)
        elif waiting < self.limit // 2:
            self._full.discard(topic)
        return topic in self._full
