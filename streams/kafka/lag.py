"""How far consumer groups are behind.

Lag is counted in offsets, from what a group committed (or, where it committed nothing, from the first offset kept) to the end of the
partition. Transaction markers and compacted records take offsets too, so lag is an upper bound of the records left, and is zero exactly
when the group has committed the end. The trainer's true position is in its checkpoint; its commits, and so its lag, are informative only.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from kafka import KafkaAdminClient, TopicPartition
from kafka.admin import OffsetSpec
from kafka.structs import OffsetAndMetadata

from streams.kafka.admin import group_commits, partition_offsets
from streams.kafka.connection import BOOTSTRAP_TIMEOUT_MS, broker_errors, connect

if TYPE_CHECKING:
    from streams.kafka.settings import KafkaSettings


DESERTED = ("Empty", "Dead", "Unknown")
"""States of a group that has no members."""
CLOSED = "closed"
"""In the metadata of a commit: pacing has not opened the band."""
EVERY = "every="
"""In the metadata of a commit: longest time to the next one, in seconds."""


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
    begin: int = 0
    """The first offset that the log still holds."""
    closed: bool = False
    """Whether the group's reader said with its commit that it keeps the band closed."""
    every_s: float = 0.0
    """Longest time between two of its commits, in seconds, where it said so."""

    @property
    def first(self) -> int:
        """Where the group goes on reading."""
        return self.begin if self.committed is None else max(self.begin, self.committed)

    @property
    def lost(self) -> int:
        """Offsets that retention removed before the group had committed them."""
        return 0 if self.committed is None else max(0, self.begin - self.committed)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self) | {"lost": self.lost}


def commit_note(closed: bool, every_s: float) -> str:
    """What a reader says with its commit, for those who look at its lag."""
    return f"{CLOSED} {EVERY}{every_s:g}" if closed else f"{EVERY}{every_s:g}"


class LagReader:
    """Reads lag through one open connection, so that it can be asked twice a second. One thread owns it."""

    def __init__(self, settings: KafkaSettings) -> None:
        self.settings = settings
        with broker_errors(settings, "connecting to read lag"):
            self._admin = connect(KafkaAdminClient, "lag", **settings.client_options(), bootstrap_timeout_ms=BOOTSTRAP_TIMEOUT_MS)

    def groups(self) -> list[str]:
        """Every group on the broker that has committed on a topic with our prefix."""
        return sorted(self.commits(list(self.states())))

    def states(self) -> dict[str, str]:
        """Every group on the broker and its state.

        Raises:
            BrokerError: the broker is away.
        """
        with broker_errors(self.settings, "listing groups"):
            return {group["group_id"]: group["group_state"] for group in self._admin.list_groups()}

    def members(self, groups: list[str]) -> dict[str, int]:
        """How many members each group has."""
        with broker_errors(self.settings, "asking who is in the groups"):
            return {name: len(found["members"]) for name, found in self._admin.describe_groups(groups).items()} if groups else {}

    def commits(self, groups: Iterable[str]) -> dict[str, dict[TopicPartition, OffsetAndMetadata]]:
        """What each group has committed on topics with our prefix; without groups that have committed nothing there."""
        with broker_errors(self.settings, "asking what groups have committed"):
            found = {name: group_commits(self._admin, name) for name in groups}
        ours = {name: {tp: said for tp, said in commits.items() if self._is_ours(tp)} for name, commits in found.items()}
        return {name: commits for name, commits in ours.items() if commits}

    def has_members(self, group: str) -> bool:
        """Whether somebody reads as this group now.

        Raises:
            BrokerError: the broker is away.
        """
        return self.states().get(group, "Dead") not in DESERTED

    def group_lag(self, group: str, topic_names: Iterable[str]) -> dict[TopicPartition, int]:
        """Lag of one group by partition of the topics named.

        Raises:
            BrokerError: a topic is missing, or the broker is away.
        """
        return {TopicPartition(row.topic, row.partition): row.lag for row in self.rows(group, topic_names)}

    def rows(self, group: str, topic_names: Iterable[str] | None = None) -> list[Lag]:
        """The same with its terms; unset, the topics with our prefix that the group has committed on."""
        with broker_errors(self.settings, f"reading the lag of {group}"):
            commits = group_commits(self._admin, group)
        names = {tp.topic for tp in commits if self._is_ours(tp)} if topic_names is None else set(topic_names)
        begin, end = self.offsets(names)
        return rows_of(group, commits, begin, end)

    def offsets(self, topic_names: Iterable[str]) -> tuple[dict[TopicPartition, int], dict[TopicPartition, int]]:
        """First offset kept, and the one behind the last, of every partition of the topics.

        Raises:
            BrokerError: a topic is missing, or the broker is away.
        """
        names = set(topic_names)
        with broker_errors(self.settings, "asking for the ends of topics"):
            end = partition_offsets(self._admin, names, OffsetSpec.LATEST)
            return partition_offsets(self._admin, names, OffsetSpec.EARLIEST), end

    def close(self) -> None:
        """Disconnect."""
        self._admin.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _is_ours(self, tp: TopicPartition) -> bool:
        return bool(tp.topic.startswith(self.settings.topic_prefix))


def rows_of(
    group: str, commits: Mapping[TopicPartition, OffsetAndMetadata], begin: Mapping[TopicPartition, int], end: Mapping[TopicPartition, int]
) -> list[Lag]:
    """A group's lag on each of these partitions, in order."""
    rows = []
    for tp in sorted(end):
        said = commits.get(tp)
        committed = said.offset if said is not None else None
        notes = (said.metadata or "").split() if said is not None else []
        behind = max(0, end[tp] - max(begin[tp], committed if committed is not None else begin[tp]))
        rows.append(Lag(group, tp.topic, tp.partition, committed, end[tp], behind, begin[tp], CLOSED in notes, _every(notes)))
    return rows


def _every(notes: list[str]) -> float:
    """Anybody may write a commit's metadata: what is no number says nothing."""
    said = next((note.removeprefix(EVERY) for note in notes if note.startswith(EVERY)), "")
    return float(said) if said.replace(".", "", 1).isdecimal() and len(said) < 12 else 0.0


def group_lag(settings: KafkaSettings, group: str, topic_names: Iterable[str]) -> dict[TopicPartition, int]:
    """Lag of one group by partition, once; see `LagReader` for asking often."""
    with LagReader(settings) as reader:
        return reader.group_lag(group, topic_names)
