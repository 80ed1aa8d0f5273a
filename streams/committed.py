"""Reading only what transactions have committed: Faust's consumer made to do so, a range of one partition, and the markers at its end."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import aiokafka
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread, Consumer, Transport
from kafka import KafkaConsumer, TopicPartition

from streams.kafka.connection import broker_errors
from streams.kafka.consumer import POLL_MS, Record, make_consumer
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
        end = consumer.end_offsets([tp])[tp]
        while consumer.position(tp) < end:
            if consumer.poll(timeout_ms=POLL_MS):
                return start
        return max(start, end)


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
