"""Publishes a durable checkpoint: a `ModelVersion`, sent by a transactional producer, then group offsets for lag tools.

The transactional id is the run's: a newer incarnation of the run fences this one at the broker, so that a process that wakes up too late
cannot publish.
"""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import threading
import time
from concurrent.futures import Future, wait
from pathlib import Path

from kafka.structs import OffsetAndMetadata

from schemas.errors import BrokerError, Fenced
from schemas.model_version import ModelVersion, PartitionPosition
from schemas.topics import Topics
from streams.kafka.connection import listens
from streams.kafka.lag import commit_note
from streams.kafka.producer import Producer
from streams.kafka.settings import KafkaSettings
from streams.node import group_name
from trainer_node.commit.fencing import Fence
from trainer_node.commit.manifest import Checkpoint
from trainer_node.commit.positions import offsets_in, partition_of
from trainer_node.commit.state import FeedState
from trainer_node.models.base import recorded_base
from trainer_node.run.announced import Announced
from trainer_node.run.group_member import GroupMember, members_of

logger = logging.getLogger(__name__)

WAIT_S = 10.0
"""Longest wait for the broker's answer before training goes on."""
PROBE_S = 1.0
"""How long the answer to "is a broker there" may take."""
OPEN_MS = 60_000
"""How long the broker bears an announcement that has begun and does not end, in milliseconds."""
LAST_WAIT_S = 30.0
"""Longest wait, at the run's end, for what is still being published."""


class Publisher:
    """Publishes the checkpoints of one run. Made before the run chooses what to resume from: then no older one publishes any more."""

    def __init__(
        self, settings: KafkaSettings, run_id: str, fence: Fence, stopping: threading.Event, checkpoint_every_s: float = 0.0
    ) -> None:
        """`checkpoint_every_s`: told with what is committed, so that lag tools know when to expect more."""
        self._settings = settings
        self._topic = settings.topics.models
        self._announced = Announced(fence.folder.parent)
        self._fence = fence
        self._stopping = stopping
        self._checkpoint_every_s = checkpoint_every_s
        self._group = group_name(settings, "trainer", run_id)
        self._in_flight: Future[None] | None = None
        """Done once the checkpoint is announced; the thread goes on to commit offsets."""
        self._thread: threading.Thread | None = None
        self._newest: Checkpoint | None = None
        self._published: Checkpoint | None = None
        self._producer = Producer(settings, transactional_id=f"{settings.topic_prefix}trainer.{run_id}", open_ms=OPEN_MS)
        self._member = GroupMember(settings, self._group, run_id, {"token": fence.token, "host": socket.gethostname(), "pid": os.getpid()})

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
        self._thread = threading.Thread(target=self._publish, args=(checkpoint, self._in_flight), name="publish", daemon=True)
        self._thread.start()
        until = time.monotonic() + patience_s
        while wait([self._in_flight], timeout=PROBE_S).not_done and time.monotonic() < until and not self._stopping.is_set():
            pass
        if not self._in_flight.done():
            logger.warning(
                "checkpoint %s is durable, but could not be published in %.0f s",
                checkpoint.path.name,
                time.monotonic() - until + patience_s,
            )
        self._raise_fenced()

    def _raise_fenced(self) -> None:
        if self._in_flight is not None and self._in_flight.done():
            self._in_flight.result()

    def _publish(self, checkpoint: Checkpoint, done: Future[None]) -> None:
        """On a thread of its own; `done` gets what is to end the run."""
        version = model_version(checkpoint)
        try:
            if not any(listens(server, PROBE_S) for server in self._settings.servers):
                raise BrokerError("the broker is away")
            self._announce(version)
            self._published = checkpoint
            done.set_result(None)
            self._commit_offsets(checkpoint, version)
        except Fenced as error:
            done.set_exception(error)
        except BrokerError as error:
            logger.warning("checkpoint %s is durable, but could not be published: %s", checkpoint.path.name, error)
            done.set_result(None)
        except BaseException as error:  # noqa: BLE001 - handed to the training thread, which raises it
            done.set_exception(error)

    def _announce(self, version: ModelVersion) -> None:
        """Send it; where the broker takes this producer for an older one, find out whether it is.

        A transaction that stays open for longer than the broker bears (the process was suspended in it) ends with the same error.

        Raises:
            Fenced: a newer incarnation has taken over.
            BrokerError: it was not taken.
        """
        try:
            self._send(version)
        except Fenced as error:
            self._fence.check()
            self._raise_if_replaced(version.run_id, error)
            logger.warning("%s: the broker had given our producer up (was this process suspended?); a new one goes on", self._topic.name)
            self._producer.begin_anew()
            self._send(version)

    def _send(self, version: ModelVersion) -> None:
        """The checkpoint, and a tombstone for each announced before whose folder is gone."""
        with self._producer.transaction():
            self._producer.send(self._topic, version.version, version)
            for gone in self._announced.gone(besides=version.version):
                self._producer.send_bytes(self._topic.name, gone.encode(), None)
        self._announced.add(version.version, Path(version.path).name)

    def _retire(self) -> None:
        """Tombstones for what the last commit deleted; where the broker is away, a later announcement brings them."""
        gone = self._announced.gone()
        if not gone:
            return
        with contextlib.suppress(BrokerError, Fenced):
            with self._producer.transaction():
                for version in gone:
                    self._producer.send_bytes(self._topic.name, version.encode(), None)
            self._announced.forget(gone)

    def _raise_if_replaced(self, run_id: str, error: Fenced) -> None:
        """Another folder's run of the same name has a claim of its own, and stands in the group now."""
        others = [entry for entry in members_of(self._settings, self._group) if entry.get("token") != self._fence.token]
        if others:
            where = f"process {others[0].get('pid')} on {others[0].get('host')}"
            told = f"{where} has taken run {run_id} over from another folder and publishes on {self._topic.name} now; this one stops"
            raise Fenced(f"{told} ({error})")

    def _commit_offsets(self, checkpoint: Checkpoint, version: ModelVersion) -> None:
        try:
            closed = closed_bands(self._settings.topics, checkpoint.manifest.feed)
            said = {name: commit_note(name in closed, self._checkpoint_every_s) for name in {tp.topic for tp in version.positions}}
            offsets = {(tp.topic, tp.partition): OffsetAndMetadata(tp.watermark, said[tp.topic], -1) for tp in version.positions}
            self._member.commit(offsets, WAIT_S)
        except BrokerError as error:
            logger.warning("checkpoint %s is announced; its offsets, for lag tools, are not committed yet: %s", checkpoint.path.name, error)

    def finish(self) -> None:
        """At the run's end: see to it that the newest checkpoint is published, if the broker answers.

        Raises:
            Fenced: a newer incarnation of the run has taken over.
        """
        if self._in_flight is not None:
            wait([self._in_flight], timeout=LAST_WAIT_S)
        self._raise_fenced()
        if self._newest is not None and self._published is not self._newest and (self._in_flight is None or self._in_flight.done()):
            self._publish_newest(LAST_WAIT_S)
        if self._thread is not None:
            self._thread.join(WAIT_S)
        self._member.settle(LAST_WAIT_S)
        if self._newest is not None and self._published is self._newest:
            self._retire()
        if self._newest is not None and self._published is not self._newest:
            logger.warning("checkpoint %s was not published; a start of the same run publishes it", self._newest.path.name)

    def close(self) -> None:
        """Disconnect."""
        self._member.close()
        with contextlib.suppress(BrokerError):
            self._producer.close(timeout=5.0)


def closed_bands(topics: Topics, state: FeedState) -> set[str]:
    """Topics that pacing has not opened at a checkpoint."""
    closed = set()
    for objective, standing in state.objectives.items():
        in_order = topics.bands(objective)[:: -1 if standing.pacing.reverse else 1]
        closed |= {topic.name for topic in in_order[standing.pacing.highest + 1 :]}
    return closed


def model_version(checkpoint: Checkpoint) -> ModelVersion:
    """What is published of a checkpoint."""
    manifest = checkpoint.manifest
    base, precision = recorded_base(manifest), manifest.precision
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
        base_model=base.source,
        base_revision=base.revision,
        base_weights=base.weights,
        bits=precision.bits if precision else None,
        dtype=precision.dtype if precision else None,
        path=str(checkpoint.path),
        sha256=checkpoint.sha256,
        positions=tuple(positions),
        metrics=manifest.metrics,
        created_at=time.time(),
    )
