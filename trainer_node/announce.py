"""Tells the world of a durable checkpoint: group offsets for lag tools, then a `ModelVersion`, sent by a transactional producer.

The transactional id is the run's: a newer incarnation of the run fences this one at the broker, so that a process that wakes up too late
cannot publish.
"""

from __future__ import annotations

import logging
import time

from schemas.errors import BrokerError
from schemas.model_version import ModelVersion, PartitionPosition
from streams.kafka.producer import Producer
from streams.kafka.settings import KafkaSettings
from trainer_node.checkpoint import Checkpoint
from trainer_node.reader import Reader

logger = logging.getLogger(__name__)


class Announcer:
    """Publishes the checkpoints of one run."""

    def __init__(self, settings: KafkaSettings, run_id: str, reader: Reader) -> None:
        self._topic = settings.topics.models
        self._reader = reader
        self._producer = Producer(settings, transactional_id=f"{settings.topic_prefix}trainer.{run_id}")

    def __call__(self, checkpoint: Checkpoint) -> None:
        """Commit group offsets and publish.

        A broker that is away only delays the news: the checkpoint is durable, and the next one announces further.

        Raises:
            Fenced: a newer incarnation of the run has taken over.
        """
        version = model_version(checkpoint)
        try:
            self._reader.commit({(place.topic, place.partition): place.watermark for place in version.positions})
            with self._producer.transaction():
                self._producer.send(self._topic, version.version, version)
        except BrokerError as error:
            logger.warning("checkpoint %s is durable, but could not be announced: %s", checkpoint.path.name, error)

    def close(self) -> None:
        """Disconnect."""
        self._producer.close()


def model_version(checkpoint: Checkpoint) -> ModelVersion:
    """The announcement of a checkpoint."""
    manifest = checkpoint.manifest
    positions = []
    for name, place in manifest.feed["positions"].items():
        topic, _, number = name.rpartition(":")
        done = tuple(offset for first, last in place["done"] for offset in range(first, last + 1))
        positions.append(PartitionPosition(topic=topic, partition=int(number), watermark=place["watermark"], done_above=done))
    return ModelVersion(
        run_id=manifest.run_id,
        version=f"{manifest.run_id}/{manifest.step}",
        step=manifest.step,
        pass_number=manifest.feed["pass"],
        epoch=manifest.epoch,
        base_model=manifest.base_model,
        path=str(checkpoint.path),
        sha256=checkpoint.sha256,
        positions=tuple(positions),
        metrics=manifest.metrics,
        created_at=time.time(),
    )
