"""How far consumer groups are behind.

Lag is counted in offsets, from what a group committed (or, where it committed nothing, from the first offset kept) to the end of the
partition. Transaction markers and compacted records take offsets too, so lag is an upper bound of the records left, and is zero exactly
when the group has committed the end. The trainer's true position is in its checkpoint; its commits, and so its lag, are informative only.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from kafka import KafkaAdminClient, TopicPartition
from kafka.admin import OffsetSpec

from streams.kafka.admin import group_offsets, partition_offsets
from streams.kafka.connection import BOOTSTRAP_TIMEOUT_MS, broker_errors, connect

if TYPE_CHECKING:
    from streams.kafka.settings import KafkaSettings


DESERTED = ("Empty", "Dead", "Unknown")
"""States of a group that has no members."""


@dataclass(frozen=True)
class Lag:
    """One group on one partition."""

    group: str
    """Consumer group."""
    topic: str
    """Topic name with prefix."""
    partition: int
    """Partition number."""
    committed: int | None
    """Next offset the group will read; None where it has committed nothing."""
    end: int
    """The offset after the last record."""
    lag: int
    """Offsets between the two."""

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


class LagReader:
    """Reads lag through one open connection, so that it can be asked twice a second. One thread owns it."""

    def __init__(self, settings: KafkaSettings) -> None:
        self.settings = settings
        with broker_errors(settings, "connecting to read lag"):
            self._admin = connect(KafkaAdminClient, "lag", **settings.client_options(), bootstrap_timeout_ms=BOOTSTRAP_TIMEOUT_MS)

    def groups(self) -> list[str]:
        """Every group on the broker that has committed on a topic with our prefix."""
        with broker_errors(self.settings, "listing groups"):
            names = sorted(group["group_id"] for group in self._admin.list_groups())
            return [name for name in names if any(self._is_ours(tp) for tp in group_offsets(self._admin, name))]

    def has_members(self, group: str) -> bool:
        """Whether somebody reads as this group now.

        Raises:
            BrokerError: the broker is away.
        """
        with broker_errors(self.settings, f"looking for {group}"):
            found = self._admin.list_groups()
        return any(one["group_id"] == group and one["group_state"] not in DESERTED for one in found)

    def group_lag(self, group: str, topic_names: Iterable[str]) -> dict[TopicPartition, int]:
        """Lag of one group by partition of the topics named.

        Raises:
            BrokerError: a topic is missing, or the broker is away.
        """
        return {TopicPartition(row.topic, row.partition): row.lag for row in self.rows(group, topic_names)}

    def rows(self, group: str, topic_names: Iterable[str] | None = None) -> list[Lag]:
        """The same with its terms; unset, the topics with our prefix that the group has committed on."""
        with broker_errors(self.settings, f"reading the lag of {group}"):
            committed = group_offsets(self._admin, group)
            names = {tp.topic for tp in committed if self._is_ours(tp)} if topic_names is None else set(topic_names)
            end = partition_offsets(self._admin, names, OffsetSpec.LATEST)
            begin = partition_offsets(self._admin, names, OffsetSpec.EARLIEST)
        return [
            Lag(group, tp.topic, tp.partition, committed.get(tp), end[tp], max(0, end[tp] - committed.get(tp, begin[tp])))
            for tp in sorted(end)
        ]

    def close(self) -> None:
        """Disconnect."""
        self._admin.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _is_ours(self, tp: TopicPartition) -> bool:
        return bool(tp.topic.startswith(self.settings.topic_prefix))


def group_lag(settings: KafkaSettings, group: str, topic_names: Iterable[str]) -> dict[TopicPartition, int]:
    """Lag of one group by partition, once; see `LagReader` for asking often."""
    with LagReader(settings) as reader:
        return reader.group_lag(group, topic_names)
