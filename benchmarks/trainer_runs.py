"""What the benchmarks of the trainer share: a broker with samples on its band topics."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from schemas.sample import Task
from schemas.training_sample import BANDS, TrainingSample
from schemas.turns import Turn
from streams.kafka.admin import create_topics
from streams.kafka.embedded import EmbeddedBroker
from streams.kafka.producer import Producer
from streams.kafka.settings import KafkaSettings


@contextlib.contextmanager
def broker_with_samples(folder: Path, count: int) -> Iterator[KafkaSettings]:
    """An embedded Kafka with so many samples, spread over the bands of `sft`."""
    broker = EmbeddedBroker(folder)
    broker.start()
    try:
        settings = KafkaSettings(bootstrap_servers=broker.bootstrap_servers)
        create_topics(settings, settings.topics).raise_if_wrong()
        with Producer(settings) as producer:
            for number in range(count):
                made = sample(number)
                producer.send(settings.topics.band("sft", made.band), made.sample_id, made)
        yield settings
    finally:
        broker.stop()


def sample(number: int) -> TrainingSample:
    """The sample of a number: always the same."""
    return TrainingSample(
        sample_id=f"{number:016x}",
        objective="sft",
        task=Task.QA,
        band=number % BANDS,
        prompt=(Turn(role="user", content=f"What is {number} plus {number % 7}?"),),
        completion=f"{number} plus {number % 7} is {number + number % 7}.",
    )
