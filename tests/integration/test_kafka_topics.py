"""Topics are made once, as the catalogue says, and what is found is verified."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from dataclasses import replace

import aiokafka
import pytest
from aiokafka.errors import UnknownTopicOrPartitionError
from kafka import KafkaProducer, TopicPartition

from schemas.errors import BrokerError
from streams.kafka.admin import (
    beginning_offsets,
    check_topics,
    committed_offsets,
    create_topics,
    delete_topics,
    end_offsets,
    offsets_retention,
)
from streams.kafka.broker import EmbeddedBroker
from streams.kafka.connection import connect, open_admin
from streams.kafka.consumer import read_range
from streams.kafka.producer import Producer
from streams.kafka.settings import KafkaSettings


@pytest.fixture
def extra(settings: KafkaSettings):
    """A topic that this test makes itself, deleted afterwards."""
    topic = replace(settings.topics.losses, name=settings.topic_prefix + "extra", partitions=1)
    yield topic
    delete_topics(settings, [topic.name])


def test_topics_that_are_there_are_left_as_they_are(settings: KafkaSettings) -> None:
    report = create_topics(settings, settings.topics)
    assert offsets_retention(settings) is None, "our broker keeps what groups have committed for longer than records"
    assert report.created == []
    assert {topic.state for topic in report.topics} == {"ok"}
    assert [topic.name for topic in report.topics] == [topic.name for topic in settings.topics]


def test_a_topic_that_was_deleted_is_seen_by_nobody_afterwards(settings: KafkaSettings, extra) -> None:
    for _ in range(5):
        assert create_topics(settings, [extra]).created == [extra.name]
        delete_topics(settings, [extra.name])
        assert [topic.state for topic in check_topics(settings, [extra]).topics] == ["missing"]
    delete_topics(settings, [extra.name])  # no error


def test_a_missing_topic_is_named_then_made(settings: KafkaSettings, extra) -> None:
    report = check_topics(settings, [settings.topics.samples, extra])
    assert [topic.state for topic in report.topics] == ["ok", "missing"]
    with pytest.raises(BrokerError, match=f"topic {extra.name}: missing"):
        report.raise_if_wrong()
    assert create_topics(settings, [extra]).created == [extra.name]
    assert end_offsets(settings, [extra.name]) == {TopicPartition(extra.name, 0): 0}


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"partitions": 3}, "partitions is 1, must be 3"),
        ({"compacted": True}, "cleanup.policy is delete, must be compact"),
        ({"max_message_bytes": 5000}, "max.message.bytes is 1200000, must be 5000"),
    ],
)
def test_a_topic_made_otherwise_is_named_and_not_changed(settings: KafkaSettings, extra, change: dict[str, int], problem: str) -> None:
    create_topics(settings, [extra])
    wanted = replace(extra, **change)
    for report in (create_topics(settings, [wanted]), check_topics(settings, [wanted])):
        assert (report.topics[0].state, report.topics[0].problems) == ("wrong", (problem,))
        with pytest.raises(BrokerError, match=problem):
            report.raise_if_wrong()


def test_nodes_that_make_the_same_topics_at_once_all_succeed(settings: KafkaSettings) -> None:
    wanted = [replace(settings.topics.losses, name=f"{settings.topic_prefix}at-once-{number}") for number in range(5)]
    created: list[str] = []
    failures: list[BaseException] = []

    def make() -> None:
        try:
            created.extend(create_topics(settings, wanted).created)
        except BaseException as error:  # noqa: BLE001 - told to the test below
            failures.append(error)

    threads = [threading.Thread(target=make) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    names = [topic.name for topic in wanted]
    assert failures == []
    assert sorted(created) == names
    delete_topics(settings, names)


def test_more_replicas_than_brokers_is_one_line(settings: KafkaSettings, extra) -> None:
    with pytest.raises(BrokerError, match="could not be made") as caught:
        create_topics(settings, [extra], replication=99)
    assert "\n" not in str(caught.value)


def test_offsets_are_those_of_the_log(settings: KafkaSettings) -> None:
    losses = settings.topics.losses.name
    with Producer(settings) as producer:
        for number in range(20):
            producer.send_bytes(losses, str(number).encode(), b"x")
    assert sum(end_offsets(settings, [losses]).values()) == 20
    assert set(beginning_offsets(settings, [losses]).values()) == {0}


def test_offsets_of_a_missing_topic_are_an_error(settings: KafkaSettings) -> None:
    with pytest.raises(BrokerError, match=r"nowhere does not exist"):
        end_offsets(settings, ["nowhere"])


def test_a_group_that_never_was_has_committed_nothing(settings: KafkaSettings) -> None:
    assert committed_offsets(settings, settings.topic_prefix + "nobody") == {}


def test_every_topic_of_the_catalogue_has_its_partitions(settings: KafkaSettings) -> None:
    with open_admin(settings, "describing") as admin:
        found = {topic["name"]: len(topic["partitions"]) for topic in admin.describe_topics([t.name for t in settings.topics])}
    assert found == {topic.name: topic.partitions for topic in settings.topics}


def test_a_topic_whose_records_age_by_their_producers_clock_is_warned_of_and_mended(settings: KafkaSettings, extra, caplog) -> None:
    with open_admin(settings, "making a topic as others do") as admin:
        admin.create_topics({extra.name: {"num_partitions": extra.partitions, "replication_factor": 1, "configs": extra.config()}})
        admin.wait_for_topics([extra.name], timeout_ms=30_000)
    report = check_topics(settings, [extra])
    assert report.ok
    assert report.topics[0].state == "risky"
    for look in (report.raise_if_wrong, report.raise_if_missing):  # what trainers and workers ask before they start
        caplog.clear()
        look()
        assert "deleted unread; `pelton topics create`" in caplog.text
    assert create_topics(settings, [extra]).topics[0].state == "altered"
    assert check_topics(settings, [extra]).topics[0].state == "ok"


def test_a_record_that_says_a_time_in_seconds_is_as_old_as_its_arrival(settings: KafkaSettings, extra) -> None:
    create_topics(settings, [extra])
    now = time.time()
    client = connect(KafkaProducer, **settings.client_options())
    client.send(extra.name, b"{}", key=b"k", timestamp_ms=int(now)).get(30)
    client.close()
    (record,) = read_range(settings, extra.name)
    assert abs(record.timestamp - now * 1000) < 3_600_000


class OnItsDefaults(EmbeddedBroker):
    """A broker that makes a topic for whoever asks for one, as Kafka's own defaults have it."""

    def properties(self, node: int) -> str:
        return (
            super()
            .properties(node)
            .replace("auto.create.topics.enable=false", "auto.create.topics.enable=true")
            .replace("offsets.retention.minutes=86400", "offsets.retention.minutes=10080")
        )


async def read_as_faust_does(settings: KafkaSettings, topic: str) -> None:
    import streams.app  # noqa: F401 - it says how aiokafka asks for topics

    consumer = aiokafka.AIOKafkaConsumer(topic, bootstrap_servers=settings.bootstrap_servers, group_id="g")
    try:
        with contextlib.suppress(UnknownTopicOrPartitionError):
            await consumer.start()
            await consumer.getmany(timeout_ms=1000)
    finally:
        await consumer.stop()


def test_who_reads_or_sends_to_a_missing_topic_does_not_make_it(tmp_path) -> None:
    broker = OnItsDefaults(tmp_path)
    broker.start()
    try:
        settings = KafkaSettings(bootstrap_servers=broker.bootstrap_servers)
        with pytest.raises(BrokerError, match=r"missing|exist"):
            list(read_range(settings, "absent-read"))
        with Producer(settings) as producer, pytest.raises(BrokerError):
            producer.send_bytes("absent-sent", b"k", b"v")
        asyncio.run(read_as_faust_does(settings, "absent-faust"))
        with open_admin(settings, "looking") as admin:
            assert not {name for name in admin.list_topics() if name.startswith("absent")}
        assert "offsets.retention.minutes is 10080, and topics keep records for 20160 minutes" in (offsets_retention(settings) or "")
    finally:
        broker.stop()
