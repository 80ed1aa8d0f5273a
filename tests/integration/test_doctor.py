"""`pelton doctor` on a real broker: sound, without topics, with a clock that is wrong, and without any broker."""

from __future__ import annotations

import json

from click.testing import CliRunner
from kafka import KafkaProducer
from kafka.admin import NewTopic

from cli.main import pelton
from streams.kafka.connection import open_admin


def looked(*words: str) -> tuple[int, dict[str, list[dict[str, str]]]]:
    """Exit code, and findings by area."""
    done = CliRunner().invoke(pelton, ["doctor", "--json", *words])
    found: dict[str, list[dict[str, str]]] = {}
    for finding in json.loads(done.stdout):
        found.setdefault(finding["area"], []).append(finding)
    return done.exit_code, found


def of(settings) -> tuple[str, ...]:
    return "--bootstrap-servers", settings.bootstrap_servers, "--topic-prefix", settings.topic_prefix


def test_a_sound_installation_is_said_to_be_and_the_broker_s_version_with_it(settings):
    code, found = looked(*of(settings))
    assert code == 0
    assert "Kafka 4." in found["broker"][0]["told"]
    assert [found[area][0]["level"] for area in ("packages", "broker", "topics", "clock", "groups")] == ["ok"] * 5


def test_missing_topics_and_records_whose_time_is_in_seconds_are_found_with_what_to_do(settings):
    other = settings.model_copy(update={"topic_prefix": settings.topic_prefix + "other."})
    name = other.topics.samples.name
    with open_admin(other, "making a topic") as admin:
        admin.create_topics([NewTopic(name, 1, 1, topic_configs={"message.timestamp.type": "CreateTime"})])
        admin.wait_for_topics([name], timeout_ms=30_000)
    producer = KafkaProducer(bootstrap_servers=other.bootstrap_servers)
    producer.send(name, b"{}", timestamp_ms=1_790_000_000).get(30)
    producer.close()
    code, found = looked(*of(other))
    assert code == 1
    assert found["topics"][0]["todo"] == "pelton topics create"
    assert "missing" in found["topics"][0]["told"]
    [clock] = found["clock"]
    assert (clock["level"], "1790000000 ms" in clock["told"], "milliseconds" in clock["todo"]) == ("bad", True, True)


def test_without_a_broker_it_says_so_once_and_looks_at_the_rest(tmp_path):
    code, found = looked("--bootstrap-servers", "127.0.0.1:1", "--run-dir", str(tmp_path / "not" / "there"))
    assert code == 1
    assert found["broker"][0]["told"] == "nothing listens at 127.0.0.1:1"
    assert "pelton broker" in found["broker"][0]["todo"]
    assert found["disk"][0]["level"] in ("ok", "note")
    assert not (tmp_path / "not").exists(), "it changes nothing"
