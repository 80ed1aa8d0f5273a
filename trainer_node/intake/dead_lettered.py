"""Which records a run has dead-lettered already, so that a crash before the next checkpoint does not dead-letter them twice."""

from __future__ import annotations

import logging

from pydantic import ValidationError

from schemas.dead_letter import DeadLetter
from streams.kafka.reader import TopicReader
from streams.kafka.settings import KafkaSettings
from trainer_node.commit.positions import RecordPosition

logger = logging.getLogger(__name__)

CLOCK_SKEW_S = 600.0
"""How far the clocks of trainer and broker may be apart."""


def dead_lettered_since(settings: KafkaSettings, run_id: str, since: float) -> set[RecordPosition]:
    """Topic, partition and offset of every record that this run's trainer dead-lettered since a time, in seconds since the epoch."""
    topic = settings.topics.dead_letters.name
    found: set[RecordPosition] = set()
    with TopicReader(settings) as reader:
        for record in reader.topic(topic, start=reader.offsets_at(topic, round((since - CLOCK_SKEW_S) * 1000))):
            try:
                letter = DeadLetter.from_headers(record.headers)
            except ValidationError:
                continue  # not ours
            if letter.stage == "trainer" and letter.run_id == run_id:
                found.add((letter.topic, letter.partition, letter.offset))
    return found
