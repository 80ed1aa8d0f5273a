"""Nothing sent is lost without an error, and an error does not stop what follows."""

from __future__ import annotations

import threading

import pytest

from schemas.errors import BadRecord, BrokerError, Fenced
from schemas.sample import Sample
from streams.kafka.connection import open_admin
from streams.kafka.consumer import read_range
from streams.kafka.producer import Producer
from streams.kafka.settings import KafkaSettings


def keys(settings: KafkaSettings, topic: str) -> list[bytes | None]:
    return [record.key for record in read_range(settings, topic)]


def test_a_message_is_read_as_it_was_sent(settings: KafkaSettings) -> None:
    sample = Sample(prompt="q", answer="ä")
    with Producer(settings) as producer:
        producer.send(settings.topics.samples, sample.sample_id, sample, [("h", b"1")])
    [record] = read_range(settings, settings.topics.samples.name)
    assert (record.key, record.headers) == (sample.sample_id.encode(), (("h", b"1"),))
    assert Sample.decode(record.value) == sample


def test_a_record_of_the_largest_size_passes_and_a_larger_one_is_refused(settings: KafkaSettings) -> None:
    samples = settings.topics.samples
    with Producer(settings) as producer:
        producer.send_bytes(samples.name, b"k", b"x" * (samples.max_message_bytes - 100))
        with pytest.raises(BadRecord, match="too_large"):
            producer.send_bytes(samples.name, b"k", b"x" * samples.max_message_bytes)
        producer.send_bytes(samples.name, b"after", b"x")
    assert sorted(len(record.value or b"") for record in read_range(settings, samples.name)) == [1, samples.max_message_bytes - 100]


def narrow_topic(settings: KafkaSettings) -> str:
    """Not in the catalogue, so that only the broker can refuse; narrow from birth: a broker obeys changes some time later."""
    narrow = settings.topic_prefix + "narrow"
    with open_admin(settings, "making a topic") as admin:
        admin.create_topics({narrow: {"num_partitions": 1, "replication_factor": 1, "configs": {"max.message.bytes": "1000"}}})
        admin.wait_for_topics([narrow], timeout_ms=30_000)
    return narrow


def test_a_refused_record_is_told_by_flush_once_and_the_producer_goes_on(settings: KafkaSettings) -> None:
    narrow = narrow_topic(settings)
    producer = Producer(settings)
    producer.send_bytes(narrow, b"large", b"x" * 50_000)
    with pytest.raises(BrokerError, match="1 records were not acknowledged"):
        producer.flush()
    producer.flush()
    producer.send_bytes(narrow, b"small", b"x")
    producer.flush()
    producer.close()
    assert keys(settings, narrow) == [b"small"]


def test_a_missing_topic_is_an_error_not_a_new_topic(settings: KafkaSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streams.kafka.producer.METADATA_MS", 2000)
    absent = settings.topic_prefix + "absent"
    producer = Producer(settings)
    with pytest.raises(BrokerError, match=absent):
        producer.send_bytes(absent, b"k", b"v")
    producer.close()


def test_memory_is_bounded_and_everything_arrives(settings: KafkaSettings) -> None:
    losses = settings.topics.losses.name
    most = 0
    with Producer(settings, buffer_bytes=200_000) as producer:
        for number in range(2000):
            producer.send_bytes(losses, str(number).encode(), b"x" * 1000)
            most = max(most, producer.unacknowledged)
    assert most <= 200_000
    assert producer.unacknowledged == 0
    assert len(keys(settings, losses)) == 2000


def test_a_record_larger_than_the_buffer_goes_alone(settings: KafkaSettings) -> None:
    losses = settings.topics.losses.name
    with Producer(settings, buffer_bytes=1000) as producer:
        producer.send_bytes(losses, b"k", b"x" * 5000)
        producer.send_bytes(losses, b"k", b"x" * 5000)
    assert len(keys(settings, losses)) == 2


def test_threads_share_a_producer(settings: KafkaSettings) -> None:
    losses = settings.topics.losses.name
    with Producer(settings, buffer_bytes=50_000) as producer:

        def send(worker: int) -> None:
            for number in range(500):
                producer.send_bytes(losses, f"{worker}-{number}".encode(), b"x" * 100)

        threads = [threading.Thread(target=send, args=(worker,)) for worker in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    found = keys(settings, losses)
    assert len(found) == len(set(found)) == 2000


def test_a_newer_producer_of_the_same_id_fences_the_older(settings: KafkaSettings) -> None:
    models = settings.topics.models.name
    older = Producer(settings, transactional_id=settings.topic_prefix + "run")
    with older.transaction():
        older.send_bytes(models, b"older", b"v")
    newer = Producer(settings, transactional_id=settings.topic_prefix + "run")
    for _ in range(2):
        with pytest.raises(Fenced), older.transaction():
            older.send_bytes(models, b"too late", b"v")
    with newer.transaction():
        newer.send_bytes(models, b"newer", b"v")
    older.close()
    newer.close()
    assert keys(settings, models) == [b"older", b"newer"]


def test_a_transaction_whose_block_fails_leaves_nothing_behind_that_the_next_one_would_be_told_of(settings: KafkaSettings) -> None:
    models = settings.topics.models.name
    producer = Producer(settings, transactional_id=settings.topic_prefix + "run", linger_ms=4000)
    with pytest.raises(ZeroDivisionError), producer.transaction():  # noqa: PT012 - the block is the transaction
        producer.send_bytes(models, b"with it", b"v")
        raise ZeroDivisionError
    with producer.transaction():
        producer.send_bytes(models, b"next", b"v")
    producer.close()
    assert keys(settings, models) == [b"next"]


def test_a_transaction_with_a_refused_record_shows_nothing_and_the_next_one_works(settings: KafkaSettings) -> None:
    narrow = narrow_topic(settings)
    producer = Producer(settings, transactional_id=settings.topic_prefix + "run")
    with pytest.raises(BrokerError, match="not acknowledged"), producer.transaction():  # noqa: PT012 - the block is the transaction
        producer.send_bytes(settings.topics.models.name, b"with it", b"v")
        producer.flush()
        producer.send_bytes(narrow, b"large", b"x" * 50_000)
    with producer.transaction():
        producer.send_bytes(settings.topics.models.name, b"next", b"v")
    producer.close()
    assert keys(settings, settings.topics.models.name) == [b"next"]
    assert keys(settings, narrow) == []
