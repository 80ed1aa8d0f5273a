"""Looking things up on the log: many small reads through one connection."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Self

from kafka import TopicPartition

from streams.kafka.connection import broker_errors
from streams.kafka.consumer import Record, make_consumer, read_partitions, read_topic, topic_partitions

if TYPE_CHECKING:
    from streams.kafka.settings import KafkaSettings

Position = tuple[str, int, int]
"""Topic name, partition and offset."""
FETCH_BYTES = 256_000
"""Most that one fetch brings of a partition: most reads want one record."""


class TopicReader:
    """Finite reads, one after another, on one thread. Close it, or use it as a context.

    Raises:
        BrokerError: no broker answers; so do all methods, where a topic is missing or the broker goes away for a minute.
    """

    def __init__(self, settings: KafkaSettings) -> None:
        self.settings = settings
        self._consumer = make_consumer(settings, max_partition_fetch_bytes=FETCH_BYTES)

    def has(self, name: str) -> bool:
        """Whether there is such a topic."""
        with broker_errors(self.settings, f"looking for {name}"):
            return bool(self._consumer.partitions_for_topic(name))

    def topic(self, name: str, start: Mapping[int, int] | None = None, end: Mapping[int, int] | None = None) -> Iterator[Record]:
        """As `read_range`. Read it to its end before the next read begins."""
        with broker_errors(self.settings, f"reading {name}"):
            yield from read_topic(self._consumer, name, start or {}, end or {})

    def onwards(self, start: Mapping[tuple[str, int], int]) -> Iterator[Record]:
        """Records of some partitions of any topics, from an offset (or the log's beginning, where that is later) to the ends of now."""
        with broker_errors(self.settings, "reading on"):
            partitions = [TopicPartition(*name) for name in start]
            kept = self._consumer.beginning_offsets(partitions)
            begin = {tp: max(kept[tp], start[tp.topic, tp.partition]) for tp in partitions}
            yield from read_partitions(self._consumer, begin, self._consumer.end_offsets(partitions))

    def at(self, positions: Iterable[Position]) -> dict[Position, Record]:
        """The records at these places, without those that the log no longer holds."""
        wanted, found = sorted(set(positions)), {}
        with broker_errors(self.settings, "looking records up"):
            partitions = list({TopicPartition(topic, number) for topic, number, _ in wanted})
            kept = self._consumer.beginning_offsets(partitions) if partitions else {}
            ends = self._consumer.end_offsets(partitions) if partitions else {}
            for topic, number, offset in wanted:
                tp = TopicPartition(topic, number)
                if kept[tp] <= offset < ends[tp]:
                    for record in read_partitions(self._consumer, {tp: offset}, {tp: offset + 1}):
                        found[topic, number, offset] = record
        return found

    def offsets_at(self, name: str, time_ms: int) -> dict[int, int]:
        """By partition, the first offset whose record came at `time_ms` (since the epoch) or later; the end where there is none."""
        with broker_errors(self.settings, f"reading {name}"):
            partitions = [TopicPartition(name, number) for number in sorted(topic_partitions(self._consumer, name))]
            dated = self._consumer.offsets_for_times(dict.fromkeys(partitions, max(0, time_ms)))
            ends = self._consumer.end_offsets(partitions)
            return {tp.partition: dated[tp].offset if dated[tp] else ends[tp] for tp in partitions}

    def close(self) -> None:
        """Disconnect."""
        self._consumer.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
