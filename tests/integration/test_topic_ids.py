"""A topic that is deleted and made anew is told from the one that was."""

from __future__ import annotations

from dataclasses import replace

import pytest
from kafka import TopicPartition
from worker_process import eventually

from schemas.errors import DataLossError, TopicMadeAnew
from streams.kafka.admin import create_topics, delete_topics
from streams.kafka.consumer import make_consumer
from streams.kafka.settings import KafkaSettings
from streams.kafka.topic_ids import heard_ids, made_anew, raise_if_made_anew, topic_ids


def test_a_topic_made_anew_has_another_id_by_admin_and_in_a_readers_own_metadata(settings: KafkaSettings) -> None:
    mine, other = (replace(settings.topics.losses, name=settings.topic_prefix + name, partitions=1) for name in ("mine", "other"))
    create_topics(settings, [mine, other])
    names = [mine.name, other.name]
    known = topic_ids(settings, [*names, settings.topic_prefix + "missing"])
    assert sorted(known) == names
    consumer = make_consumer(settings)
    try:
        consumer.assign([TopicPartition(mine.name, 0)])
        consumer.poll(timeout_ms=500)
        assert heard_ids(consumer, [mine.name]) == {mine.name: known[mine.name]}
        delete_topics(settings, [mine.name])
        eventually(lambda: create_topics(settings, [mine]).created, "the topic made anew")
        found = topic_ids(settings, names)
        assert made_anew(known, found) == [mine.name]
        consumer._cluster.request_update()

        def hears() -> bool:
            consumer.poll(timeout_ms=200)
            return heard_ids(consumer, [mine.name]) == {mine.name: found[mine.name]}

        eventually(hears, "what the reader hears")
    finally:
        consumer.close()
    with pytest.raises(TopicMadeAnew, match=f"topic {mine.name} was deleted and made anew.*{known[mine.name]}.*start from its beginning"):
        raise_if_made_anew(known, found, "start from its beginning")
    assert topic_ids(settings, [settings.topic_prefix + "missing"]) == {}, "asking makes no topic"


def test_what_no_id_is_known_of_is_believed() -> None:
    raise_if_made_anew({"a": "1"}, {"b": "2"}, "")
    raise_if_made_anew({"a": "1"}, {}, "")
    raise_if_made_anew({"a": "1", "b": "2"}, {"a": "1", "b": "2"}, "")
    with pytest.raises(DataLossError, match=r"topic a \(and b\)"):
        raise_if_made_anew({"a": "1", "b": "2"}, {"a": "3", "b": "4"}, "")
