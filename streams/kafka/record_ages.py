"""How old the oldest record is that a reader has not read: lag in seconds, as the records' own times tell."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Self

from kafka import TopicPartition
from kafka.errors import KafkaError

from schemas.errors import BrokerError
from streams.kafka.consumer import Record, make_consumer, next_offset

if TYPE_CHECKING:
    from streams.kafka.settings import KafkaSettings

WAIT_S = 2.0
"""Longest wait for the records of one look; what has not come by then is not told."""
FETCH_BYTES = 64_000
"""Of a partition: one batch comes whole, however large."""


class RecordAges:
    """Reads the time of single records. One thread owns it."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._consumer = make_consumer(settings, purpose="ages", auto_offset_reset="none", max_partition_fetch_bytes=FETCH_BYTES)
        self._known: dict[TopicPartition, tuple[int, int]] = {}

    def times(self, firsts: Mapping[TopicPartition, int]) -> dict[TopicPartition, int]:
        """When the first record at or behind each offset was written, in milliseconds since the epoch.

        Without those behind which there is no record (but markers of transactions), and those that did not come in time.
        """
        found = {tp: at for tp, first in firsts.items() if (known := self._known.get(tp)) and known[0] == first and (at := known[1])}
        found |= self._read({tp: first for tp, first in firsts.items() if tp not in found})
        self._known = {tp: (firsts[tp], at) for tp, at in found.items()}
        return found

    def _read(self, firsts: Mapping[TopicPartition, int]) -> dict[TopicPartition, int]:
        found: dict[TopicPartition, int] = {}
        left, until = dict(firsts), time.monotonic() + WAIT_S
        try:
            if left:
                self._consumer.assign(sorted(left))
            for tp, first in left.items():
                self._consumer.seek(tp, first)
            while left and time.monotonic() < until:
                for tp, batch in self._consumer.poll(timeout_ms=100).items():
                    if batch and tp in left:
                        found[tp] = Record.of(batch[0]).timestamp
                for tp in [tp for tp in left if tp in found or self._is_at_end(tp)]:
                    del left[tp]
                    self._consumer.pause(tp)
        except (KafkaError, BrokerError, ValueError):  # a record that cannot be unpacked, or an offset that is gone meanwhile
            return found
        return found

    def _is_at_end(self, tp: TopicPartition) -> bool:
        """Whether only markers were left: the position has come to the end, without a record."""
        end = self._consumer.highwater(tp)
        return end is not None and (next_offset(self._consumer, tp) or 0) >= end

    def close(self) -> None:
        """Disconnect."""
        self._consumer.close(autocommit=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
