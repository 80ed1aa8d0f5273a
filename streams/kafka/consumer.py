"""Reading: records as bytes, and finite reads of a topic from one set of offsets to another."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kafka import KafkaConsumer, TopicPartition
from kafka.consumer import fetcher

from schemas.errors import BrokerError, DataLossError
from schemas.topics import MAX_LETTER_BYTES
from streams.kafka.connection import BOOTSTRAP_TIMEOUT_MS, broker_errors, connect
from streams.kafka.decompression import bound_decompression
from streams.kafka.header_names import tolerate_header_names

if TYPE_CHECKING:
    from streams.kafka.settings import KafkaSettings

POLL_MS = 500
"""How long one poll waits for records, in milliseconds."""
STALL_SECONDS = 60.0
"""How long a finite read goes on asking a broker that gives nothing."""


tolerate_header_names(fetcher)
bound_decompression(fetcher)


@dataclass(frozen=True)
class Record:
    """One record of the log, undecoded: what a poison record holds is for the reader to judge."""

    topic: str
    """Topic name with prefix."""
    partition: int
    """Partition number."""
    offset: int
    """Offset in the partition."""
    key: bytes | None
    """Key, as sent."""
    value: bytes | None
    """Value, as sent; None is a tombstone."""
    headers: tuple[tuple[str, bytes], ...]
    """Headers, as sent."""
    timestamp: int
    """When it was sent, in milliseconds since the epoch."""

    @classmethod
    def of(cls, raw: Any) -> Record:
        """From a kafka-python `ConsumerRecord`."""
        headers = tuple((name, value or b"") for name, value in raw.headers)
        return cls(raw.topic, raw.partition, raw.offset, raw.key, raw.value, headers, raw.timestamp)


def make_consumer(settings: KafkaSettings, group: str | None = None, purpose: str | None = None, **overrides: Any) -> KafkaConsumer:
    """A consumer whose surprising defaults are set: it starts at the earliest record, commits only when told to, makes no topic.

    It reads committed records only, and gives bytes (a deserializer that raises would hang kafka-python's fetcher for good).
    It is not thread-safe: one thread owns it. Subscribe or assign is the caller's.

    Raises:
        BrokerError: no broker answers.
    """
    options = {
        **settings.client_options(),
        "group_id": group,
        "auto_offset_reset": "earliest",
        "enable_auto_commit": False,
        "isolation_level": "read_committed",
        "max_partition_fetch_bytes": MAX_LETTER_BYTES + 200_000,
        "fetch_max_bytes": 50_000_000,
        "bootstrap_timeout_ms": BOOTSTRAP_TIMEOUT_MS,
        **overrides,
    }
    with broker_errors(settings, "connecting a consumer"):
        return connect(KafkaConsumer, purpose, **options)


def read_range(
    settings: KafkaSettings, topic_name: str, start: Mapping[int, int] | None = None, end: Mapping[int, int] | None = None
) -> Iterator[Record]:
    """All committed records of a topic, from the beginning (or `start`) to the end offsets seen at the call (or `end`, if lower).

    Offsets are by partition: `start` is the first to read, `end` the first not to. A partition that `start` or `end` does not name is
    read whole. It ends although the last offsets may be transaction markers or compacted away: the consumer's position counts, not the
    last record. Order holds within a partition.

    Raises:
        BrokerError: the topic is missing, or the broker goes away for a minute.
        DataLossError: `start` names an offset that the log no longer holds.
    """
    consumer = make_consumer(settings)
    try:
        with broker_errors(settings, f"reading {topic_name}"):
            yield from read_topic(consumer, topic_name, start or {}, end or {})
    finally:
        consumer.close()


def read_topic(consumer: KafkaConsumer, topic_name: str, start: Mapping[int, int], end: Mapping[int, int]) -> Iterator[Record]:
    """As `read_range`, with a consumer that is there already."""
    partitions = [TopicPartition(topic_name, number) for number in sorted(topic_partitions(consumer, topic_name))]
    begin = _begin(consumer, partitions, start)
    last = {tp: min(offset, end.get(tp.partition, offset)) for tp, offset in consumer.end_offsets(partitions).items()}
    return read_partitions(consumer, begin, last)


def read_partitions(consumer: KafkaConsumer, begin: Mapping[TopicPartition, int], last: Mapping[TopicPartition, int]) -> Iterator[Record]:
    """The records of each partition from `begin` up to `last`, which is not read."""
    unread = {tp for tp in begin if begin[tp] < last[tp]}
    consumer.unsubscribe()  # else a partition that an earlier read has paused stays so
    consumer.assign(sorted(unread))
    for tp in unread:
        consumer.seek(tp, begin[tp])
    positions, moved_at = dict(begin), time.monotonic()
    while unread:
        for tp, batch in consumer.poll(timeout_ms=POLL_MS).items():
            yield from (Record.of(raw) for raw in batch if raw.offset < last[tp])
        reached = {tp: consumer.position(tp) or 0 for tp in unread}
        if any(reached[tp] != positions[tp] for tp in unread):
            positions, moved_at = positions | reached, time.monotonic()
        elif time.monotonic() - moved_at > STALL_SECONDS:
            slowest = min(reached, key=lambda tp: reached[tp])
            raise BrokerError(
                f"{slowest.topic}: the broker gave nothing for {STALL_SECONDS:.0f} s at {slowest.partition}:{reached[slowest]}"
            )
        done = {tp for tp in unread if reached[tp] >= last[tp]}
        consumer.pause(*done)
        unread -= done


def _begin(consumer: KafkaConsumer, partitions: list[TopicPartition], start: Mapping[int, int]) -> dict[TopicPartition, int]:
    """Where to start in each partition: never later than asked for without saying so."""
    kept = consumer.beginning_offsets(partitions)
    for tp in partitions:
        if start.get(tp.partition, kept[tp]) < kept[tp]:
            gap = kept[tp] - start[tp.partition]
            raise DataLossError(
                f"{tp.topic}:{tp.partition} begins at offset {kept[tp]}; {start[tp.partition]} was asked for, {gap} are gone"
            )
    return {tp: start.get(tp.partition, kept[tp]) for tp in partitions}


def topic_partitions(consumer: KafkaConsumer, topic_name: str) -> set[int]:
    """Numbers of a topic's partitions.

    Raises:
        BrokerError: the topic is missing.
    """
    numbers = consumer.partitions_for_topic(topic_name)
    if not numbers:
        raise BrokerError(f"topic {topic_name} does not exist; make the topics with `pelton topics create`")
    return set(numbers)


def next_offset(consumer: KafkaConsumer, partition: TopicPartition) -> int | None:
    """Next offset the consumer will fetch, as far as it knows.

    `KafkaConsumer.position` first looks through all partitions for what `poll` has just looked through. Asked for each of a dozen after
    each poll, that was half of what polling itself takes (`benchmarks/bench_feed.py --parts`).
    """
    position = consumer._subscription.assignment[partition].position
    return None if position is None else int(position.offset)


def forget_drained(consumer: KafkaConsumer) -> None:
    """Let kafka-python take up again what it had fetched of a partition before that was paused; call it before each poll.

    Version 3.0 does so only where nothing is in line, takes what is drained for something in line, and does not fetch the partition until
    then; on a quiet topic that is for ever (`Fetcher.fetched_records`: `_next_partition_records` is drained, but not None).
    """
    if not consumer._fetcher._next_partition_records:
        consumer._fetcher._next_partition_records = None
