"""A finite read gives every committed record and ends, whatever takes offsets besides records."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace

import pytest
from aiokafka import AIOKafkaConsumer
from kafka import KafkaProducer, TopicPartition

from schemas.errors import BrokerError, DataLossError
from streams.kafka.admin import create_topics, delete_topics, end_offsets
from streams.kafka.connection import open_admin
from streams.kafka.consumer import make_consumer, read_range
from streams.kafka.producer import Producer
from streams.kafka.reader import TopicReader
from streams.kafka.settings import KafkaSettings

JOIN_MS = 5_000
"""Of a poll that joins a group: one that is over before the join is may leave kafka-python outside for good."""


def offsets(settings: KafkaSettings, topic: str, **bounds: dict[int, int]) -> list[int]:
    return [record.offset for record in read_range(settings, topic, **bounds)]


def send(settings: KafkaSettings, topic: str, *keys: str) -> None:
    with Producer(settings) as producer:
        for key in keys:
            producer.send_bytes(topic, key.encode(), f"value of {key}".encode(), [("h", b"1")])


def test_every_record_comes_with_all_it_was_sent_with(settings: KafkaSettings) -> None:
    topic = settings.topics.samples.name
    send(settings, topic, *map(str, range(1000)))
    found = list(read_range(settings, topic))
    assert sorted(int(record.key or b"") for record in found) == list(range(1000))
    assert all(record.value == b"value of " + (record.key or b"") and record.headers == (("h", b"1"),) for record in found)
    assert all(record.timestamp > 1_600_000_000_000 and record.topic == topic for record in found)
    for partition in range(settings.partitions):
        mine = [record.offset for record in found if record.partition == partition]
        assert mine == list(range(len(mine)))


def test_an_empty_topic_ends_at_once(settings: KafkaSettings) -> None:
    assert list(read_range(settings, settings.topics.losses.name)) == []


def test_bounds_are_first_to_read_and_first_not_to(settings: KafkaSettings) -> None:
    topic = settings.topics.facts.name
    send(settings, topic, *"abcdef")
    assert offsets(settings, topic, start={0: 2}, end={0: 5}) == [2, 3, 4]
    assert offsets(settings, topic, end={0: 99}) == [0, 1, 2, 3, 4, 5]
    assert offsets(settings, topic, start={0: 6}) == []


def test_records_sent_during_the_read_are_not_of_it(settings: KafkaSettings) -> None:
    topic = settings.topics.facts.name
    send(settings, topic, *"abc")
    reading = read_range(settings, topic)
    first = next(reading)
    send(settings, topic, *"def")
    assert [first.offset, *(record.offset for record in reading)] == [0, 1, 2]


def test_a_missing_topic_is_an_error(settings: KafkaSettings) -> None:
    with pytest.raises(BrokerError, match="does not exist"):
        list(read_range(settings, settings.topic_prefix + "absent"))


def test_transaction_markers_at_the_end_do_not_hang_it(settings: KafkaSettings) -> None:
    topic = settings.topics.models.name
    with Producer(settings, transactional_id=settings.topic_prefix + "tx") as producer:
        for key in (b"a", b"b", b"c"):
            with producer.transaction():
                producer.send_bytes(topic, key, b"v")
    assert offsets(settings, topic) == [0, 2, 4]
    assert end_offsets(settings, [topic]) == {TopicPartition(topic, 0): 6}


def test_an_aborted_transaction_is_not_read_and_does_not_hang_it(settings: KafkaSettings) -> None:
    topic = settings.topics.models.name
    send(settings, topic, "before")
    producer = Producer(settings, transactional_id=settings.topic_prefix + "tx")
    with pytest.raises(ZeroDivisionError), producer.transaction():  # noqa: PT012 - the block is the transaction
        producer.send_bytes(topic, b"k", b"v")
        producer.flush()
        raise ZeroDivisionError
    producer.close()
    assert offsets(settings, topic) == [0]
    assert end_offsets(settings, [topic]) == {TopicPartition(topic, 0): 3}


def test_an_open_transaction_does_not_hang_it(settings: KafkaSettings) -> None:
    topic = settings.topics.models.name
    send(settings, topic, "before")
    with Producer(settings, transactional_id=settings.topic_prefix + "tx") as producer, producer.transaction():
        producer.send_bytes(topic, b"k", b"v")
        producer.flush()
        assert offsets(settings, topic) == [0]
    assert offsets(settings, topic) == [0, 1]


def test_an_offset_that_the_log_no_longer_holds_is_a_named_gap(settings: KafkaSettings) -> None:
    topic = settings.topics.band("sft", 0).name
    send(settings, topic, *"abcdef")
    with open_admin(settings, "deleting records") as admin:
        admin.delete_records({TopicPartition(topic, 0): 4})
    assert offsets(settings, topic) == [4, 5]
    with pytest.raises(DataLossError, match="begins at offset 4; 1 was asked for, 3 are gone"):
        offsets(settings, topic, start={0: 1})


def test_a_compacted_topic_is_read_to_its_end(settings: KafkaSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    topic = replace(settings.topics.facts, name=settings.topic_prefix + "compacted")
    config = {"segment.ms": "1", "min.cleanable.dirty.ratio": "0.0", "delete.retention.ms": "0", "segment.bytes": "1048576"}
    monkeypatch.setattr(type(topic), "config", lambda self: {"cleanup.policy": "compact", "max.message.bytes": "1200000", **config})
    create_topics(settings, [topic])
    send(settings, topic.name, *["same key"] * 50)
    with Producer(settings) as producer:
        producer.send_bytes(topic.name, b"same key", None)
    end = end_offsets(settings, [topic.name])
    deadline = time.monotonic() + 120
    left = offsets(settings, topic.name)
    while len(left) > 2 and time.monotonic() < deadline:  # the cleaner comes every 15 s, after a new record closed the segment
        time.sleep(1)
        left = offsets(settings, topic.name)
    delete_topics(settings, [topic.name])
    assert len(left) <= 2, "the cleaner did not come"
    assert end == {TopicPartition(topic.name, 0): 51}


@pytest.mark.parametrize("codec", ["gzip", "lz4", "zstd", "snappy"])
def test_whatever_codec_a_producer_uses_is_read(settings: KafkaSettings, codec: str) -> None:
    """Also by Faust's client: external producers compress as they like, and a codec that is missing would stop a node."""
    if codec == "snappy":
        pytest.importorskip("snappy", reason="python-snappy is not installed")
    if codec != "gzip":
        pytest.importorskip("cramjam", reason="cramjam, for Faust's client, is not installed")
    facts = settings.topics.facts.name
    producer = KafkaProducer(**settings.client_options(), compression_type=codec, batch_size=1_000_000, linger_ms=50)
    for number in range(50):
        producer.send(facts, key=str(number).encode(), value=b"x" * 10_000)
    producer.close()
    assert [len(record.value or b"") for record in read_range(settings, facts)] == [10_000] * 50

    async def read_as_faust_does() -> list[int]:
        consumer = AIOKafkaConsumer(facts, bootstrap_servers=settings.servers, auto_offset_reset="earliest")
        await consumer.start()
        found = [len((await consumer.getone()).value or b"") for _ in range(50)]
        await consumer.stop()
        return found

    assert asyncio.run(asyncio.wait_for(read_as_faust_does(), 60)) == [10_000] * 50


def test_a_consumer_starts_at_the_first_record_and_commits_only_when_told(settings: KafkaSettings) -> None:
    topic = settings.topics.facts.name
    send(settings, topic, "before")
    group = settings.topic_prefix + "group"
    for _ in range(2):
        consumer = make_consumer(settings, group)
        consumer.subscribe([topic])
        found = []
        while not found:
            found = [record for batch in consumer.poll(timeout_ms=JOIN_MS).values() for record in batch]
        consumer.close()
        assert [record.key for record in found] == [b"before"]


def test_an_unknown_topic_is_not_made_by_asking_for_it(settings: KafkaSettings) -> None:
    consumer = make_consumer(settings)
    consumer.partitions_for_topic(settings.topic_prefix + "asked-for")
    consumer.close()
    with open_admin(settings, "listing") as admin:
        assert settings.topic_prefix + "asked-for" not in admin.list_topics()


def test_many_looks_through_one_reader_find_records_of_the_same_partition(settings):
    topic = settings.topics.facts.name
    with Producer(settings) as producer:
        for number in range(50):
            producer.send_bytes(topic, b"k%d" % number, b"%d" % number)
    with TopicReader(settings) as reader:
        found = reader.at([(topic, 0, offset) for offset in (3, 7, 20, 49, 50)])
        assert {place[2]: record.value for place, record in found.items()} == {3: b"3", 7: b"7", 20: b"20", 49: b"49"}
        assert [len(list(reader.topic(topic, start={0: start}))) for start in (0, 40, 0)] == [50, 10, 50]
        assert len(list(reader.onwards({(topic, 0): 45}))) == 5
        assert reader.offsets_at(topic, found[topic, 0, 49].timestamp + 1) == {0: 50}
