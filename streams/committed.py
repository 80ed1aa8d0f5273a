"""Reading only what transactions have committed: Faust's consumer made to do so, a range of one partition, what is new in a topic, and
the markers at a partition's end."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import aiokafka
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread, Consumer, Transport
from kafka import KafkaConsumer, TopicPartition

from streams.kafka.connection import broker_errors
from streams.kafka.consumer import POLL_MS, Record, make_consumer, topic_partitions
from streams.kafka.settings import KafkaSettings

_faust_log = logging.getLogger("faust.transport")


class _CommittedThread(AIOKafkaConsumerThread):
    logger = _faust_log

    def _create_worker_consumer(self, transport: Any) -> aiokafka.AIOKafkaConsumer:
        consumer = super()._create_worker_consumer(transport)
        assert consumer._isolation_level == "read_uncommitted"  # used when it starts, which is later
        consumer._isolation_level = "read_committed"
        return consumer


class _CommittedConsumer(Consumer):
    logger = _faust_log

    def _new_consumer_thread(self) -> AIOKafkaConsumerThread:
        return _CommittedThread(self, loop=self.loop, beacon=self.beacon)


class CommittedTransport(Transport):
    """Faust's Kafka transport, which by itself also reads what was never committed, and has no setting for it."""

    Consumer = _CommittedConsumer


def read_partition(settings: KafkaSettings, topic_name: str, partition: int, start: int, end: int) -> Iterator[Record]:
    """The committed records of one partition from offset `start` up to, without, `end`.

    Raises:
        BrokerError: the broker is away.
    """
    with _at(settings, topic_name, partition, start) as (consumer, tp):
        last = min(end, consumer.end_offsets([tp])[tp])
        while consumer.position(tp) < last:
            for raw in consumer.poll(timeout_ms=POLL_MS).get(tp, []):
                if raw.offset < last:
                    yield Record.of(raw)


def past_markers(settings: KafkaSettings, topic_name: str, partition: int, start: int) -> int:
    """The end of a partition's committed part where no record is left from offset `start` on, only markers; else `start`.

    Raises:
        BrokerError: the broker is away.
    """
    with _at(settings, topic_name, partition, start) as (consumer, tp):
        end: int = consumer.end_offsets([tp])[tp]
        while consumer.position(tp) < end:
            if consumer.poll(timeout_ms=POLL_MS):
                return start
        return max(start, end)


def newer_records(
    settings: KafkaSettings, topic_name: str, positions: dict[int, int], look_back: int, since: float | None = None
) -> Iterator[Record]:
    """The committed records of a topic's partitions from `positions` on, which are moved to the ends there are now.

    At most the last `look_back` offsets of each partition, and none sent before `since` (seconds since the epoch).

    Raises:
        BrokerError: the broker is away, or the topic missing.
    """
    with broker_errors(settings, f"reading {topic_name}"):
        consumer = make_consumer(settings)
        try:
            partitions = [TopicPartition(topic_name, number) for number in sorted(topic_partitions(consumer, topic_name))]
            ends, begins = consumer.end_offsets(partitions), consumer.beginning_offsets(partitions)
            dated = consumer.offsets_for_times(dict.fromkeys(partitions, round(since * 1000))) if since is not None else {}
        finally:
            consumer.close()
    for tp in partitions:
        first = max(positions.get(tp.partition, 0), begins[tp], ends[tp] - look_back)
        if since is not None:
            first = max(first, found.offset if (found := dated.get(tp)) is not None else ends[tp])
        if first < ends[tp]:
            yield from read_partition(settings, topic_name, tp.partition, first, ends[tp])
        positions[tp.partition] = ends[tp]


@contextmanager
def _at(settings: KafkaSettings, topic_name: str, partition: int, start: int) -> Iterator[tuple[KafkaConsumer, TopicPartition]]:
    """A consumer of one partition that stands at `start`, or at the first offset kept where that is later."""
    tp = TopicPartition(topic_name, partition)
    with broker_errors(settings, f"reading {topic_name}"):
        consumer = make_consumer(settings)
        try:
            consumer.assign([tp])
            consumer.seek(tp, max(start, consumer.beginning_offsets([tp])[tp]))
            yield consumer, tp
        finally:
            consumer.close()
