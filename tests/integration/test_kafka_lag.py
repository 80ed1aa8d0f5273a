"""Lag is what a group has not committed, on any topic, whatever takes offsets."""

from __future__ import annotations

import json

from click.testing import CliRunner
from kafka import OffsetAndMetadata, TopicPartition

from cli.main import pelton
from streams.kafka.consumer import make_consumer
from streams.kafka.lag import Lag, LagReader, group_lag
from streams.kafka.producer import Producer
from streams.kafka.settings import KafkaSettings


def send(settings: KafkaSettings, topic: str, count: int) -> None:
    with Producer(settings) as producer:
        for number in range(count):
            producer.send_bytes(topic, str(number).encode(), b"v")


def commit(settings: KafkaSettings, group: str, offset: int, topic: str, partition: int = 0) -> None:
    consumer = make_consumer(settings, group)
    consumer.commit({TopicPartition(topic, partition): OffsetAndMetadata(offset, "", -1)})
    consumer.close()


def test_a_group_that_committed_nothing_is_behind_by_all(settings: KafkaSettings) -> None:
    samples = settings.topics.samples.name
    send(settings, samples, 30)
    lag = group_lag(settings, settings.topic_prefix + "new", [samples])
    assert set(lag) == {TopicPartition(samples, 0), TopicPartition(samples, 1)}
    assert sum(lag.values()) == 30


def test_lag_is_the_end_less_what_was_committed(settings: KafkaSettings) -> None:
    facts, group = settings.topics.facts.name, settings.topic_prefix + "graph"
    send(settings, facts, 10)
    commit(settings, group, 7, facts)
    with LagReader(settings) as reader:
        assert reader.rows(group) == [Lag(group, facts, 0, 7, 10, 3)]
        commit(settings, group, 10, facts)
        assert reader.group_lag(group, [facts]) == {TopicPartition(facts, 0): 0}
        send(settings, facts, 1)
        assert reader.group_lag(group, [facts]) == {TopicPartition(facts, 0): 1}


def test_a_position_past_transaction_markers_is_lag_zero(settings: KafkaSettings) -> None:
    models, group = settings.topics.models.name, settings.topic_prefix + "ops"
    with Producer(settings, transactional_id=settings.topic_prefix + "tx") as producer, producer.transaction():
        producer.send_bytes(models, b"k", b"v")
    consumer = make_consumer(settings, group)
    tp = TopicPartition(models, 0)
    consumer.assign([tp])
    consumer.seek_to_beginning(tp)
    while consumer.position(tp) < consumer.end_offsets([tp])[tp]:
        consumer.poll(timeout_ms=500)
    consumer.commit()
    consumer.close()
    assert group_lag(settings, group, [models]) == {tp: 0}


def test_only_groups_on_our_topics_are_listed(settings: KafkaSettings) -> None:
    facts = settings.topics.facts.name
    send(settings, facts, 3)
    commit(settings, settings.topic_prefix + "ours", 1, facts)
    with LagReader(settings) as reader:
        assert reader.groups() == [settings.topic_prefix + "ours"]
    done = CliRunner().invoke(
        pelton, ["lag", "--json", "--bootstrap-servers", settings.bootstrap_servers, "--topic-prefix", settings.topic_prefix]
    )
    [row] = json.loads(done.stdout)
    assert (row["topic"], row["committed"], row["lag"]) == (facts, 1, 2)
