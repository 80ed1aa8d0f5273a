"""Lag is what a group has not committed, on any topic, whatever takes offsets."""

from __future__ import annotations

import json
import threading
import time
import urllib.request

from click.testing import CliRunner
from kafka import OffsetAndMetadata, TopicPartition
from prometheus_client.parser import text_string_to_metric_families

from cli.main import pelton
from streams import metrics
from streams.kafka.connection import open_admin
from streams.kafka.consumer import make_consumer
from streams.kafka.lag import Lag, LagReader, commit_note, group_lag
from streams.kafka.producer import Producer
from streams.kafka.settings import KafkaSettings
from streams.lag_exporter import LagExporter


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
    [row] = json.loads(pelton_lag(settings, "--json", "--window", "0").stdout)
    assert (row["topic"], row["committed"], row["lag"], row["status"], row["members"]) == (facts, 1, 2, "STOP", 0)
    assert 0 <= row["seconds_behind"] < 600


def pelton_lag(settings: KafkaSettings, *flags: str):
    broker = ["--bootstrap-servers", settings.bootstrap_servers, "--topic-prefix", settings.topic_prefix]
    return CliRunner().invoke(pelton, ["lag", *broker, *flags])


def delete_before(settings: KafkaSettings, tp: TopicPartition, offset: int) -> None:
    with open_admin(settings, "deleting records") as admin:
        admin.delete_records({tp: offset})


def scraped(url: str) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    with urllib.request.urlopen(url, timeout=10) as answer:
        text = answer.read().decode()
    return {
        (one.name, frozenset(one.labels.items())): one.value for family in text_string_to_metric_families(text) for one in family.samples
    }


def test_the_exporter_says_what_the_broker_says_under_kafka_exporter_s_names(settings: KafkaSettings):
    """Expired history, a partition without a commit, transaction markers, a closed band, a run that is over."""
    prefix, topics = settings.topic_prefix, settings.topics
    samples, models, band, losses = topics.samples.name, topics.models.name, topics.band("sft", 3).name, topics.losses.name
    for topic in (samples, band, losses):
        send(settings, topic, 20)
    with Producer(settings, transactional_id=prefix + "tx") as producer, producer.transaction():
        producer.send_bytes(models, b"k", b"v")
    with LagReader(settings) as reader:
        _, end = reader.offsets([samples, models, losses])
    first = next(tp for tp in sorted(end) if tp.topic == samples and end[tp] > 4)
    commit(settings, prefix + "curriculum", 1, samples, first.partition)
    delete_before(settings, first, 4)
    commit(settings, prefix + "ops", 1, models)  # of the one record and its marker, the marker is left
    commit(settings, prefix + "trainer.over", 5, losses, next(tp.partition for tp in end if tp.topic == losses and end[tp] > 5))
    note_closed = make_consumer(settings, prefix + "band")
    note_closed.commit({TopicPartition(band, 0): OffsetAndMetadata(3, commit_note(True, 300.0), -1)})
    note_closed.close()
    exporter = LagExporter(settings, window_s=1.0)
    registry = metrics.registry_of("lag")
    registry.register(exporter)
    looking = threading.Thread(target=exporter.run, args=(0.2,))
    looking.start()
    try:
        with metrics.start_metrics("lag", 0, ready=exporter.waiting_for, registry=registry) as server:
            deadline = time.monotonic() + 60
            while exporter.waiting_for() is not None:
                assert time.monotonic() < deadline, exporter.waiting_for()
                time.sleep(0.1)
            told = scraped(f"http://127.0.0.1:{server.port}/metrics")
    finally:
        exporter.stop()
        looking.join()

    def of(name: str, **labels: str) -> float | None:
        return told.get((name, frozenset(labels.items())))

    def by(group: str, topic: str, partition: int) -> dict[str, str]:
        return {"consumergroup": prefix + group, "topic": topic, "partition": str(partition)}

    curriculum = by("curriculum", samples, first.partition)
    assert of("kafka_consumergroup_current_offset", **curriculum) == 1
    assert of("kafka_consumergroup_lag", **curriculum) == end[first] - 1, "as kafka_exporter has it, what has expired included"
    other = 1 - first.partition
    assert of("kafka_consumergroup_lag", **by("curriculum", samples, other)) == -1
    assert of("kafka_consumergroup_current_offset", **by("curriculum", samples, other)) == -1
    assert of("kafka_consumergroup_lag_sum", consumergroup=prefix + "curriculum", topic=samples) == end[first] - 1
    assert of("kafka_topic_partition_oldest_offset", topic=samples, partition=str(first.partition)) == 4
    assert of("kafka_topic_partition_current_offset", topic=samples, partition=str(first.partition)) == end[first]
    assert 0 < of("pelton_consumergroup_lag_seconds", **curriculum) < 600
    assert of("pelton_consumergroup_status", **curriculum, status="STOP") == 1
    assert of("kafka_consumergroup_lag", **by("ops", models, 0)) == 1, "a marker takes an offset"
    assert of("pelton_consumergroup_lag_seconds", **by("ops", models, 0)) is None, "and has no time"
    assert of("pelton_consumergroup_status", **by("band", band, 0), status="CLOSED") == 1
    assert of("pelton_topic_retention_seconds", topic=samples) == topics.samples.retention_ms / 1000
    assert of("pelton_broker_up", node="lag") == 1
    assert not any(("consumergroup", prefix + "trainer.over") in labels for _, labels in told), "a run that is over has no series"

    shown = pelton_lag(settings, "--window", "0")
    assert "trainer.over" not in shown.stdout
    assert "1 groups of runs of which no node lives are left out" in shown.stdout
    assert "STOP, 3 lost" in shown.stdout
    assert "trainer.over" in pelton_lag(settings, "--window", "0", "--all").stdout
    assert [pelton_lag(settings, "--window", "0", *flags).exit_code for flags in LIMITS] == [1, 0, 1, 1, 0]
    watched = pelton_lag(settings, "--window", "1", "--watch", "--max-lag", "3")
    assert watched.exit_code == 1
    assert "curriculum" in watched.stdout, "not on a terminal, tables stand one below the other"


LIMITS = (["--max-lag", "3"], ["--max-lag", "99"], ["--strict"], ["--max-seconds", "0"], [])


def test_a_worker_that_is_down_is_shown_as_long_as_another_node_of_its_run_lives(settings: KafkaSettings):
    """At 3 in the morning nobody thinks of --all."""
    prefix, samples, outputs = settings.topic_prefix, settings.topics.samples.name, settings.topics.outputs.name
    send(settings, outputs, 20)
    commit(settings, prefix + "feedback.nightly", 1, outputs)
    commit(settings, prefix + "curriculum.nightly", 0, samples)
    assert "feedback.nightly" not in pelton_lag(settings, "--window", "0").stdout
    living = make_consumer(settings, prefix + "curriculum.nightly")
    living.subscribe([samples])
    while not living.assignment():
        living.poll(timeout_ms=5_000)  # a shorter one may leave kafka-python outside for good
    shown = pelton_lag(settings, "--window", "0", "--json")
    living.close()
    states = {row["group"].removeprefix(prefix): row["status"] for row in json.loads(shown.stdout)}
    assert states["feedback.nightly"] == "STOP"
    assert states["curriculum.nightly"] == "OK"
