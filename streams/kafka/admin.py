"""Topics as they must be: made where missing, verified where found; and the offsets the broker knows."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kafka import KafkaAdminClient, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType, OffsetSpec
from kafka.errors import TopicAlreadyExistsError, UnknownTopicOrPartitionError, for_code
from kafka.structs import OffsetAndMetadata

from schemas.errors import BrokerError
from schemas.topics import Topic
from streams.kafka.connection import open_admin, patiently

if TYPE_CHECKING:
    from streams.kafka.settings import KafkaSettings

VERIFIED = ("cleanup.policy", "max.message.bytes")
"""Topic-level settings that must be as the catalogue says; retention is the operator's to change."""
CLOCK = {"message.timestamp.type": "LogAppendTime"}
"""Whose clock a record's age is told by: the broker's. By a producer's, a record that says seconds where milliseconds are meant, or whose
clock stands in the past, is older than retention and deleted before anyone has read it."""
OFFSETS_RETENTION = "offsets.retention.minutes"
"""The broker's setting for how long it keeps what a group without members has committed."""
READY_MS = 30_000
"""How long to wait for leaders of new topics, in milliseconds."""

logger = logging.getLogger(__name__)


BAD = ("wrong", "missing")
"""States in which a topic cannot be used."""


@dataclass(frozen=True)
class TopicState:
    """What was found, or done, about one topic."""

    name: str
    """Topic name with prefix."""
    state: str
    """`created`, `altered`, `ok`, `risky` (it works, and may lose records), `wrong` or `missing`."""
    problems: tuple[str, ...] = ()
    """What differs from the catalogue, for a person."""


@dataclass(frozen=True)
class TopicReport:
    """All topics asked about."""

    topics: tuple[TopicState, ...]
    """One row a topic, in the catalogue's order."""

    @property
    def ok(self) -> bool:
        """Whether every topic is there and as it must be."""
        return not any(topic.state in BAD for topic in self.topics)

    @property
    def created(self) -> list[str]:
        """Names of the topics made by this call."""
        return [topic.name for topic in self.topics if topic.state == "created"]

    def raise_if_wrong(self) -> None:
        """Raise `BrokerError` naming the first topic that is missing or wrong; a risky one is warned of."""
        self._raise(BAD)

    def raise_if_missing(self) -> None:
        """Raise `BrokerError` naming the first topic that is missing: others may be as an operator wants them. A risky one is warned of."""
        self._raise(("missing",))

    def _raise(self, states: tuple[str, ...]) -> None:
        for topic in self.topics:
            if topic.state == "risky":
                logger.warning("topic %s: %s", topic.name, "; ".join(topic.problems))
        bad = [topic for topic in self.topics if topic.state in states]
        if bad:
            first = bad[0]
            what = "; ".join(first.problems) or "missing"
            more = f" (and {len(bad) - 1} more topics)" if len(bad) > 1 else ""
            remedy = "make the topics with `pelton topics create`" if first.state == "missing" else "see `pelton topics check`"
            raise BrokerError(f"topic {first.name}: {what}{more}; {remedy}")


def create_topics(settings: KafkaSettings, topics: Iterable[Topic], replication: int | None = None) -> TopicReport:
    """Make the topics that are missing, wait until they have leaders, verify those that are there, and set their clock.

    Raises:
        BrokerError: the broker is away, or refuses (for instance, more replicas than brokers).
    """
    wanted = list(topics)
    with open_admin(settings, "making topics") as admin:
        missing = set(_missing(admin, [topic.name for topic in wanted]))
        new = {topic.name: _new_topic(topic, replication or settings.replication_factor) for topic in wanted if topic.name in missing}
        created = _create(admin, new) if new else set()
        admin.wait_for_topics([topic.name for topic in wanted], timeout_ms=READY_MS)
        found = _describe(admin, wanted)
        states = [TopicState(t.name, "created") if t.name in created else _verify(t, found[t.name]) for t in wanted]
        return TopicReport(tuple(_set_clock(admin, state) if state.state == "risky" else state for state in states))


def check_topics(settings: KafkaSettings, topics: Iterable[Topic]) -> TopicReport:
    """Compare the broker's topics with the catalogue, changing nothing."""
    wanted = list(topics)
    with open_admin(settings, "checking topics") as admin:
        missing = set(_missing(admin, [topic.name for topic in wanted]))
        found = _describe(admin, [topic for topic in wanted if topic.name not in missing])
    states = [TopicState(t.name, "missing", ("missing",)) if t.name in missing else _verify(t, found[t.name]) for t in wanted]
    return TopicReport(tuple(states))


def broker_version(settings: KafkaSettings) -> tuple[int, str]:
    """How many brokers there are, and the version of Kafka that the first of them speaks, as its client makes it out.

    Raises:
        BrokerError: the broker is away.
    """
    with open_admin(settings, "asking for the version") as admin:
        brokers = admin.describe_cluster()["brokers"]
        data = admin.get_broker_version_data(brokers[0]["broker_id"])
    return len(brokers), ".".join(map(str, data.broker_version))


def offsets_retention(settings: KafkaSettings) -> str | None:
    """What to know where the broker keeps the offsets of an idle group for less time than topics keep records; else None."""
    with open_admin(settings, "asking how long offsets are kept") as admin:
        node = admin.describe_cluster()["brokers"][0]["broker_id"]
        found = admin.describe_configs([ConfigResource(ConfigResourceType.BROKER, str(node))], config_filter="all")
    said = found["broker"][str(node)].get(OFFSETS_RETENTION, {}).get("value")
    kept = max(topic.retention_ms for topic in (settings.topics.samples, settings.topics.losses, settings.topics.outputs)) // 60_000
    if said is None or int(said) >= kept:
        return None
    return (
        f"the broker's {OFFSETS_RETENTION} is {said}, and topics keep records for {kept} minutes: a group whose workers stood still for"
        f" longer than the first begins again at the log's beginning (ids make duplicates harmless); set it to {kept} or more"
    )


def delete_topics(settings: KafkaSettings, names: Iterable[str]) -> None:
    """Delete topics with all they hold, and wait until the broker lists them no more; a missing one is no error.

    Raises:
        BrokerError: the broker is away, refuses, or still has one of them after `READY_MS`.
    """
    wanted, accepted, refused = set(names), set[str](), dict[str, str]()
    with open_admin(settings, "deleting topics") as admin:
        deadline = time.monotonic() + READY_MS / 1000
        while there := sorted(wanted & set(admin.list_topics())):
            if left := [name for name in there if name not in accepted]:
                refused = _delete(admin, left)
                accepted |= set(left) - refused.keys()  # asked for no more: whoever makes it anew in the meantime keeps it
            if time.monotonic() > deadline:
                raise BrokerError(f"topic {there[0]} could not be deleted: {refused.get(there[0], 'it is there, or there again')}")
            time.sleep(0.05)


def end_offsets(settings: KafkaSettings, topic_names: Iterable[str]) -> dict[TopicPartition, int]:
    """The offset after the last record of every partition.

    Raises:
        BrokerError: a topic is missing, or the broker is away.
    """
    with open_admin(settings, "asking for end offsets") as admin:
        return partition_offsets(admin, topic_names, OffsetSpec.LATEST)


def beginning_offsets(settings: KafkaSettings, topic_names: Iterable[str]) -> dict[TopicPartition, int]:
    """The first offset still kept of every partition.

    Raises:
        BrokerError: a topic is missing, or the broker is away.
    """
    with open_admin(settings, "asking for beginning offsets") as admin:
        return partition_offsets(admin, topic_names, OffsetSpec.EARLIEST)


def committed_offsets(settings: KafkaSettings, group: str) -> dict[TopicPartition, int]:
    """What a group has committed, by partition; empty where the group has committed nothing or does not exist."""
    with open_admin(settings, f"asking what group {group} committed") as admin:
        return group_offsets(admin, group)


def partition_offsets(admin: KafkaAdminClient, topic_names: Iterable[str], spec: OffsetSpec) -> dict[TopicPartition, int]:
    """Offsets by partition through an open client; waits for leaders of topics made a moment ago."""
    names = sorted(set(topic_names))
    if missing := _missing(admin, names):
        raise BrokerError(f"topic {missing[0]} does not exist; make the topics with `pelton topics create`")
    admin.wait_for_topics(names, timeout_ms=READY_MS)
    partitions = {TopicPartition(t["name"], p["partition_index"]): spec for t in admin.describe_topics(names) for p in t["partitions"]}
    if not partitions:
        return {}
    return {tp: found.offset for tp, found in patiently(lambda: admin.list_partition_offsets(partitions)).items()}


def group_offsets(admin: KafkaAdminClient, group: str) -> dict[TopicPartition, int]:
    """What a group has committed, through an open client."""
    return {tp: committed.offset for tp, committed in group_commits(admin, group).items()}


def group_commits(admin: KafkaAdminClient, group: str) -> dict[TopicPartition, OffsetAndMetadata]:
    """The same with what was committed beside each offset."""
    found = patiently(lambda: admin.list_group_offsets({group: None}))
    return {tp: committed for tp, committed in found[group].items() if committed.offset >= 0}


def _missing(admin: KafkaAdminClient, names: Iterable[str]) -> list[str]:
    there = set(admin.list_topics())
    return [name for name in names if name not in there]


def _new_topic(topic: Topic, replication: int) -> dict[str, Any]:
    return {"num_partitions": topic.partitions, "replication_factor": replication, "configs": topic.config() | CLOCK}


def _create(admin: KafkaAdminClient, new: Mapping[str, Mapping[str, Any]]) -> set[str]:
    """Names really made by this call: another node may make the same topics at the same moment."""
    response = admin.create_topics(dict(new), raise_errors=False)
    created = set()
    for topic in response["topics"]:
        error = for_code(topic["error_code"])
        if topic["error_code"] == 0:
            created.add(topic["name"])
        elif error is not TopicAlreadyExistsError:
            raise BrokerError(f"topic {topic['name']} could not be made: {topic.get('error_message') or error.__name__}")
    return created


def _delete(admin: KafkaAdminClient, names: list[str]) -> dict[str, str]:
    """Ask for it; what was refused for now, by name. One that is on its way already is unknown, which is what was wanted."""
    refused = {}
    for topic in admin.delete_topics(names, raise_errors=False)["topics"]:
        error = for_code(topic["error_code"])
        if topic["error_code"] == 0 or error is UnknownTopicOrPartitionError:
            continue
        refused[topic["name"]] = topic.get("error_message") or error.__name__
        if not error.retriable:
            raise BrokerError(f"topic {topic['name']} could not be deleted: {refused[topic['name']]}")
    return refused


def _describe(admin: KafkaAdminClient, topics: list[Topic]) -> dict[str, dict[str, str]]:
    """Name -> partitions and settings, as strings."""
    if not topics:
        return {}
    names = [topic.name for topic in topics]
    counts = {topic["name"]: len(topic["partitions"]) for topic in admin.describe_topics(names)}
    configs = admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name) for name in names], config_filter="all")
    described = _values(configs["topic"])
    return {name: {"partitions": str(counts[name]), **described[name]} for name in names}


def _values(configs: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> dict[str, dict[str, str]]:
    pick: Callable[[Mapping[str, Any]], str] = lambda entry: str(entry["value"])  # noqa: E731 - one field of an answer
    return {name: {key: pick(entries[key]) for key in (*VERIFIED, *CLOCK) if key in entries} for name, entries in configs.items()}


def _verify(topic: Topic, found: Mapping[str, str]) -> TopicState:
    expected = {"partitions": str(topic.partitions), **{key: topic.config()[key] for key in VERIFIED}}
    problems = tuple(f"{key} is {found.get(key)}, must be {value}" for key, value in expected.items() if found.get(key) != value)
    if problems:
        return TopicState(topic.name, "wrong", problems)
    risks = tuple(
        f"{key} is {found.get(key)}: records that say an old time are deleted unread; `pelton topics create` sets {value}"
        for key, value in CLOCK.items()
        if found.get(key) != value
    )
    return TopicState(topic.name, "risky" if risks else "ok", risks)


def _set_clock(admin: KafkaAdminClient, state: TopicState) -> TopicState:
    """Have the broker's clock tell the age of an existing topic's records, from the next one on."""
    admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, state.name, dict(CLOCK))])
    return TopicState(state.name, "altered", tuple(f"{key} is {value} now" for key, value in CLOCK.items()))
