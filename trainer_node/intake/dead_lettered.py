"""Which records a run has dead-lettered already, so that a crash before the next checkpoint does not dead-letter them twice."""

from __future__ import annotations

import logging

from kafka import TopicPartition
from pydantic import ValidationError

from schemas.dead_letter import DeadLetter
from streams.kafka.connection import broker_errors
from streams.kafka.consumer import make_consumer, read_range
from streams.kafka.settings import KafkaSettings
from trainer_node.commit.positions import RecordPosition

logger = logging.getLogger(__name__)

CLOCK_SKEW_S = 600.0
"""How far the clocks of trainer and broker may be apart."""


def dead_lettered_since(settings: KafkaSettings, run_id: str, since: float) -> set[RecordPosition]:
    """Topic, partition and offset of every record that this run's trainer dead-lettered since a time, in seconds since the epoch."""
    topic = settings.topics.dead_letters.name
    found: set[RecordPosition] = set()
    for record in read_range(settings, topic, start=_offsets_at(settings, topic, since - CLOCK_SKEW_S)):
        try:
            letter = DeadLetter.from_headers(record.headers)
        except ValidationError:
            continue  # not ours
        if letter.stage == "trainer" and letter.run_id == run_id:
            found.add((letter.topic, letter.partition, letter.offset))
    return found


def _offsets_at(settings: KafkaSettings, topic: str, moment: float) -> dict[int, int]:
    """First offset of each partition at or after a time; the end where there is none."""
    with broker_errors(settings, f"reading {topic}"):
        consumer = make_consumer(settings)
        try:
            partitions = [TopicPartition(topic, number) for number in sorted(consumer.partitions_for_topic(topic) or ())]
            dated = consumer.offsets_for_times(dict.fromkeys(partitions, max(0, round(moment * 1000))))
            ends = consumer.end_offsets(partitions)
            return {tp.partition: dated[tp].offset if dated[tp] else ends[tp] for tp in partitions}
        finally:
            consumer.close()
