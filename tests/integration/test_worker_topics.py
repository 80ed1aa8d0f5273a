"""Workers and logs that are not what they were: a topic made anew, and retention that overtakes. Nothing is passed over unsaid."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import aiokafka
from kafka import TopicPartition
from worker_process import WorkerProcess, eventually

from schemas.sample import Sample
from streams.committed import ReadSoFar, newer_records, seek_to_group
from streams.kafka.admin import committed_offsets, create_topics, delete_topics, end_offsets
from streams.kafka.connection import open_admin
from streams.kafka.consumer import read_range
from streams.kafka.producer import Producer
from streams.kafka.settings import KafkaSettings
from streams.positions import GroupPositions


def send(settings: KafkaSettings, numbers: Iterable[int]) -> set[str]:
    ids = {f"q{number}" for number in numbers}
    with Producer(settings) as producer:
        for sample_id in ids:
            producer.send(settings.topics.samples, sample_id, Sample(sample_id=sample_id, prompt="what?", answer=sample_id))
    return ids


def banded(settings: KafkaSettings) -> set[str]:
    return {(record.key or b"").decode() for topic in settings.topics.bands("sft") for record in read_range(settings, topic.name)}


def make_anew(settings: KafkaSettings) -> None:
    delete_topics(settings, [settings.topics.samples.name])
    eventually(lambda: create_topics(settings, [settings.topics.samples]).created, "the topic made anew")


def delete_before(settings: KafkaSettings, offsets: dict[TopicPartition, int]) -> None:
    with open_admin(settings, "deleting records") as admin:
        admin.delete_records(offsets)


def client_ids(settings: KafkaSettings, group: str) -> set[str]:
    with open_admin(settings, "describing a group") as admin:
        return {member["client_id"] for member in admin.describe_groups([group])[group]["members"]}


def test_a_worker_reads_a_topic_made_anew_from_its_beginning_and_names_what_retention_took(settings: KafkaSettings, tmp_path) -> None:
    state = ("--state-dir", str(tmp_path / "state"))
    first = send(settings, range(30))
    with WorkerProcess("curriculum", settings, tmp_path, *state) as worker:
        eventually(lambda: banded(settings) == first, "the first topic's samples")
        make_anew(settings)
        second = send(settings, range(100, 200))
        eventually(lambda: banded(settings) == first | second, "all of the topic made anew while the worker ran")
        assert f"topic {settings.topics.samples.name} was deleted and made anew" in worker.stderr
        group = settings.topic_prefix + "curriculum"
        ends = end_offsets(settings, [settings.topics.samples.name])
        eventually(lambda: committed_offsets(settings, group) == ends, "the commit")
        assert client_ids(settings, group) == {"pelton.curriculum.records"}
        assert worker.stop() == 0
    third = send(settings, range(300, 400))
    overtaken = {tp: end + 10 for tp, end in ends.items()}
    delete_before(settings, overtaken)
    kept = {(record.key or b"").decode() for record in read_range(settings, settings.topics.samples.name)}
    assert kept < third
    with WorkerProcess("curriculum", settings, tmp_path, *state, name="again") as worker:
        eventually(lambda: banded(settings) >= kept, "what is left")
        for tp, end in ends.items():
            assert f"offsets {end} to {end + 9} of {tp.topic}:{tp.partition} were not read" in worker.stderr
        assert worker.metric("pelton_offsets_lost_total", node="curriculum") == 20


def given_partitions(settings: KafkaSettings, group: str) -> int:
    with open_admin(settings, "describing a group") as admin:
        members = admin.describe_groups([group])[group]["members"]
    return sum(len(topic["partitions"]) for member in members for topic in member["member_assignment"]["assigned_partitions"])


def test_a_topic_that_was_away_while_partitions_were_given_is_read_as_soon_as_it_is_there_again(settings: KafkaSettings, tmp_path) -> None:
    """Nobody has a partition then, nothing is fetched, and no refused fetch tells that there is something to read."""
    group, topic = settings.topic_prefix + "curriculum", settings.topics.samples
    first = send(settings, range(30))
    with WorkerProcess("curriculum", settings, tmp_path, "--state-dir", str(tmp_path / "state")) as worker:
        eventually(lambda: banded(settings) == first, "the first topic's samples")
        delete_topics(settings, [topic.name])
        eventually(lambda: given_partitions(settings, group) == 0, "the worker's assignment without partitions")
        eventually(lambda: worker.get("/readyz")[0] == 503, "that it is not ready")
        assert f"topic {topic.name}, which is not there" in worker.get("/readyz")[1]
        eventually(lambda: create_topics(settings, [topic]).created, "the topic made anew")
        second = send(settings, range(100, 200))
        eventually(lambda: banded(settings) == first | second, "all of the topic that came back")
        assert worker.stderr.count(f"topic {topic.name} is not there any more") == 1
        assert worker.stderr.count(f"topic {topic.name} was deleted and made anew") == 1
        worker.ready()
        assert worker.stop() == 0


def told(caplog) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == "streams.positions"]


def test_what_was_committed_of_another_topic_or_behind_the_end_begins_anew(settings: KafkaSettings, caplog) -> None:
    topic = settings.topics.samples.name
    send(settings, range(40))
    ends = end_offsets(settings, [topic])
    positions = GroupPositions(settings, "curriculum", topic)
    try:
        ours = positions.starts(dict.fromkeys(ends, (3, ""))) and positions.metadata
        assert positions.starts(dict.fromkeys(ends, (3, ours))) == dict.fromkeys(ends, 3)
        assert told(caplog) == []
        assert positions.starts(dict.fromkeys(ends, (3, "topic_id=another"))) == dict.fromkeys(ends, 0)
        assert positions.starts({tp: (end + 1, ours) for tp, end in ends.items()}) == dict.fromkeys(ends, 0)
        assert not positions.is_made_anew()
        caplog.clear()
        tp = min(ends)
        positions.look_at_gap(tp, 1, 3)
        assert told(caplog) == [], "a gap of markers"
        delete_before(settings, {tp: 3})
        positions.look_at_gap(tp, 1, 3)
        assert f"offsets 1 to 2 of {topic}:0 were not read" in caplog.text
        make_anew(settings)
        assert positions.is_made_anew()
    finally:
        positions.close()


def test_what_was_fetched_and_not_committed_comes_again_also_of_a_partition_that_nothing_was_committed_of(settings: KafkaSettings) -> None:
    """As in a rebalance before the first commit: what was fetched by then is thrown away."""
    topic = settings.topics.samples.name
    send(settings, range(40))
    with_commit, without = sorted(end_offsets(settings, [topic]))
    positions = GroupPositions(settings, "curriculum", topic)

    async def fetched_again() -> tuple[dict[tuple[str, int], int | None], dict[int, int]]:
        async with aiokafka.AIOKafkaConsumer(
            topic, bootstrap_servers=settings.bootstrap_servers, group_id=topic, enable_auto_commit=False, auto_offset_reset="earliest"
        ) as consumer:
            for _ in range(2):
                firsts: dict[int, int] = {}
                for _ in range(20):  # looks for records, half a second each at most
                    for tp, records in (await consumer.getmany(timeout_ms=500)).items():
                        firsts.setdefault(tp.partition, records[0].offset)
                    if len(firsts) == 2:
                        break
                await consumer.commit({aiokafka.TopicPartition(*with_commit): 7})
                starts = await seek_to_group(consumer, positions)
            return {tuple(tp): start for tp, start in starts.items()}, firsts

    try:
        starts, firsts = asyncio.run(fetched_again())
    finally:
        positions.close()
    assert starts == {tuple(with_commit): 7, tuple(without): 0}
    assert firsts == {with_commit.partition: 7, without.partition: 0}


def test_a_reader_without_a_group_reads_a_topic_made_anew_from_its_beginning(settings: KafkaSettings, caplog) -> None:
    topic, read = settings.topics.samples.name, ReadSoFar()

    def new() -> set[str]:
        return {(record.key or b"").decode() for record in newer_records(settings, topic, read, 1000)}

    assert new() == set()
    first = send(settings, range(20))
    assert new() == first
    make_anew(settings)
    second = send(settings, range(100, 150))
    assert new() == second
    assert "was deleted and made anew" in caplog.text
    send(settings, range(200, 240))
    begins = {TopicPartition(topic, partition): offset + 5 for partition, offset in read.offsets.items()}
    delete_before(settings, begins)
    assert len(new()) == 30
    assert caplog.text.count("retention has overtaken") == 2
