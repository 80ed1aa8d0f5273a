"""Publishes a durable checkpoint: a `ModelVersion`, sent by a transactional producer, then group offsets for lag tools.

The transactional id is the run's: a newer incarnation of the run fences this one at the broker, so that a process that wakes up too late
cannot publish.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from concurrent.futures import Future, wait

from schemas.errors import BrokerError, Fenced
from schemas.model_version import ModelVersion, PartitionPosition
from streams.kafka.producer import Producer
from streams.kafka.settings import KafkaSettings
from trainer_node.commit.manifest import Checkpoint
from trainer_node.commit.positions import offsets_in, partition_of
from trainer_node.intake.consumer_thread import ConsumerThread

logger = logging.getLogger(__name__)

WAIT_S = 10.0
"""Longest wait for the broker's answer before training goes on."""
LAST_WAIT_S = 30.0
"""Longest wait, at the run's end, for what is still being published."""


class Publisher:
    """Publishes the checkpoints of one run. Made before the run chooses what to resume from: then no older one publishes any more."""

    def __init__(self, settings: KafkaSettings, run_id: str) -> None:
        self._topic = settings.topics.models
        self._consumer: ConsumerThread | None = None
        self._in_flight: Future[None] | None = None
        self._newest: Checkpoint | None = None
        self._published: Checkpoint | None = None
        self._producer = Producer(settings, transactional_id=f"{settings.topic_prefix}trainer.{run_id}")

    def commit_through(self, consumer: ConsumerThread) -> None:
        """Group offsets are committed by the consumer that reads."""
        self._consumer = consumer

    def __call__(self, checkpoint: Checkpoint) -> None:
        """Publish and commit group offsets; waits for it a moment, not longer.

        A broker that is away only delays the news: the checkpoint is durable, and the next one publishes further. So does one whose
        answer takes long (after a leader's death, half a minute): training goes on meanwhile.

        Raises:
            Fenced: a newer incarnation of the run has taken over.
        """
        self._newest = checkpoint
        if self._in_flight is not None and not self._in_flight.done():
            logger.warning("checkpoint %s is durable; the one before is still being published", checkpoint.path.name)
            return
        self._raise_fenced()
        self._publish_newest(WAIT_S)

    def _publish_newest(self, patience_s: float) -> None:
        assert self._newest is not None
        checkpoint = self._newest
        self._in_flight = Future()
        threading.Thread(target=self._publish, args=(checkpoint, self._in_flight), name="publish", daemon=True).start()
        if wait([self._in_flight], timeout=patience_s).not_done:
            logger.warning("checkpoint %s is durable, but could not be published in %.0f s", checkpoint.path.name, patience_s)
        self._raise_fenced()

    def _raise_fenced(self) -> None:
        if self._in_flight is not None and self._in_flight.done():
            self._in_flight.result()

    def _publish(self, checkpoint: Checkpoint, done: Future[None]) -> None:
        """On a thread of its own; `done` gets what is to end the run."""
        assert self._consumer is not None
        version = model_version(checkpoint)
        try:
            if not self._consumer.connected:
                raise BrokerError("the broker is away")
            with self._producer.transaction():
                self._producer.send(self._topic, version.version, version)
            self._published = checkpoint
            self._consumer.commit({(tp.topic, tp.partition): tp.watermark for tp in version.positions})
            done.set_result(None)
        except Fenced as error:
            told = f"a newer incarnation of run {version.run_id} publishes on {self._topic.name} now; this one stops ({error})"
            done.set_exception(Fenced(told))
        except BrokerError as error:
            logger.warning("checkpoint %s is durable, but could not be published: %s", checkpoint.path.name, error)
            done.set_result(None)
        except BaseException as error:  # noqa: BLE001 - handed to the training thread, which raises it
            done.set_exception(error)

    def finish(self) -> None:
        """At the run's end: see to it that the newest checkpoint is published, if the broker answers.

        Raises:
            Fenced: a newer incarnation of the run has taken over.
        """
        if self._in_flight is not None:
            wait([self._in_flight], timeout=LAST_WAIT_S)
        self._raise_fenced()
        if self._newest is None or self._published is self._newest:
            return
        if self._in_flight is None or self._in_flight.done():
            self._publish_newest(LAST_WAIT_S)
        if self._published is not self._newest:
            logger.warning("checkpoint %s was not published; a start of the same run publishes it", self._newest.path.name)

    def close(self) -> None:
        """Disconnect."""
        with contextlib.suppress(BrokerError):
            self._producer.close(timeout=5.0)


def model_version(checkpoint: Checkpoint) -> ModelVersion:
    """What is published of a checkpoint."""
    manifest = checkpoint.manifest
    positions = []
    for name, state in manifest.feed.position.partitions.items():
        topic, number = partition_of(name)
        done = tuple(offsets_in(state.done))
        positions.append(PartitionPosition(topic=topic, partition=number, watermark=state.watermark, done_above=done))
    return ModelVersion(
        run_id=manifest.run_id,
        version=f"{manifest.run_id}/{manifest.step}",
        step=manifest.step,
        pass_number=manifest.feed.pass_number,
        epoch=manifest.epoch,
        base_model=manifest.base_model,
        path=str(checkpoint.path),
        sha256=checkpoint.sha256,
        positions=tuple(positions),
        metrics=manifest.metrics,
        created_at=time.time(),
    )
