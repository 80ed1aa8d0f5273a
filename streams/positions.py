"""Where a worker's group goes on in its topic, and that nothing it has not read is passed over unsaid.

What a group has committed is an offset. Beside it, as the commit's metadata, stands the id of the topic that it is of: in a topic made anew
the group begins at the beginning, however long that topic is. An offset that retention has overtaken, or that lies behind a log's end, is
told, with the gap; both clients, left to themselves, go on at the first record that is there.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from kafka import KafkaAdminClient, TopicPartition
from kafka.admin import OffsetSpec

from streams import metrics
from streams.kafka.admin import partition_offsets
from streams.kafka.connection import BOOTSTRAP_TIMEOUT_MS, broker_errors, connect
from streams.kafka.settings import KafkaSettings
from streams.kafka.topic_ids import commit_metadata, ids_by_admin, made_anew, metadata_id

OURS = ("pelton.", "faust-")
"""How the client ids of workers begin; the second is what those of earlier versions have."""

logger = logging.getLogger(__name__)

Committed = tuple[int, str]
"""Offset and metadata of a commit."""


class GroupPositions:
    """What the broker says of one topic's log, asked through one connection. May be used from any thread."""

    def __init__(self, settings: KafkaSettings, node: str, topic: str) -> None:
        self._settings = settings
        self._node = node
        self._topic = topic
        self._known: dict[str, str] = {}
        self._admin: KafkaAdminClient | None = None
        self._lock = threading.Lock()

    @property
    def topic_id(self) -> str | None:
        """Id of the topic that positions are of; None where it is not known."""
        return self._known.get(self._topic)

    @property
    def metadata(self) -> str:
        """What is committed beside an offset."""
        return commit_metadata(self.topic_id)

    def starts(self, committed: Mapping[TopicPartition, Committed | None]) -> dict[TopicPartition, int]:
        """Where to go on in each partition; says so where that is not where the group stood. What nothing was committed of begins anew.

        Raises:
            BrokerError: the broker is away.
        """
        found, begins, ends = self._asked(with_offsets=True)
        if made_anew(self._known, found):
            logger.warning("%s: topic %s was deleted and made anew; it is read from its beginning", self._node, self._topic)
        self._known |= found
        return {
            tp: begins.get(tp, 0) if said is None else self._start(tp, *said, begins.get(tp, 0), ends.get(tp, said[0]))
            for tp, said in committed.items()
        }

    def _start(self, tp: TopicPartition, offset: int, metadata: str, begin: int, end: int) -> int:
        was = metadata_id(metadata)
        if was is not None and made_anew({tp.topic: was}, self._known):
            logger.warning(
                "%s: topic %s was deleted and made anew (its id was %s, and is %s): it is read from its beginning, not from offset %d",
                self._node, tp.topic, was, self.topic_id, offset,
            )  # fmt: skip
            return begin
        if offset > end:
            logger.warning(
                "%s: %s:%d ends at offset %d, and %d was committed: the log was cut, or is another; it is read again from its beginning",
                self._node, tp.topic, tp.partition, end, offset,
            )  # fmt: skip
            return begin
        if offset < begin:
            self._tell_gap(tp, offset, begin)
        return max(offset, begin)

    def is_made_anew(self) -> bool:
        """Whether the topic is another one now than the one that `starts` was asked for last.

        Raises:
            BrokerError: the broker is away.
        """
        found, _, _ = self._asked()
        return bool(made_anew(self._known, found))

    def is_missing(self) -> bool:
        """Whether there is no such topic now.

        Raises:
            BrokerError: the broker is away.
        """
        with self._asking() as admin:
            return self._topic not in admin.list_topics()

    def strangers(self, group: str) -> list[str]:
        """Members of a group that are no workers of ours: a console consumer that uses its name, say.

        Raises:
            BrokerError: the broker is away.
        """
        with self._asking() as admin:
            members = admin.describe_groups([group])[group]["members"]
        return sorted(f"{one['client_id']} at {one['client_host']}" for one in members if not one["client_id"].startswith(OURS))

    def look_at_gap(self, tp: TopicPartition, expected: int, came: int) -> None:
        """Records came from offset `came` on, where `expected` was next. Markers and what compaction leaves make such gaps; retention too.

        Raises:
            BrokerError: the broker is away.
        """
        _, begins, _ = self._asked(with_offsets=True)
        if (begin := begins.get(tp, 0)) > expected:
            self._tell_gap(tp, expected, min(begin, came))

    def _tell_gap(self, tp: TopicPartition, offset: int, begin: int) -> None:
        metrics.OFFSETS_LOST.labels(self._node, tp.topic).inc(begin - offset)
        logger.warning(
            "%s: retention has overtaken this reader: offsets %d to %d of %s:%d were not read, and the log no longer holds them;"
            " give the topic a longer retention.ms, or this node more time",
            self._node, offset, begin - 1, tp.topic, tp.partition,
        )  # fmt: skip

    def _asked(self, with_offsets: bool = False) -> tuple[dict[str, str], dict[TopicPartition, int], dict[TopicPartition, int]]:
        """The topic's id, and where its partitions begin and end, as the broker says now."""
        with self._asking() as admin:
            ids = ids_by_admin(admin, [self._topic])
            if not with_offsets:
                return ids, {}, {}
            begins = partition_offsets(admin, [self._topic], OffsetSpec.EARLIEST)
            return ids, begins, partition_offsets(admin, [self._topic], OffsetSpec.LATEST)

    @contextmanager
    def _asking(self) -> Iterator[KafkaAdminClient]:
        with self._lock, broker_errors(self._settings, f"asking about {self._topic}"):
            try:
                if self._admin is None:
                    self._admin = connect(KafkaAdminClient, **self._settings.client_options(), bootstrap_timeout_ms=BOOTSTRAP_TIMEOUT_MS)
                yield self._admin
            except BaseException:
                self._drop()
                raise

    def _drop(self) -> None:
        admin, self._admin = self._admin, None
        if admin is not None:
            admin.close()

    def close(self) -> None:
        """Disconnect."""
        with self._lock:
            self._drop()
