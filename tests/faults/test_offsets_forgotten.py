"""A broker that forgets what idle groups have committed after a minute: what we commit is committed anew. Takes minutes: `make fuzz`."""

from __future__ import annotations

import os
import time

import pytest

from schemas.fact import Fact
from streams.kafka.admin import committed_offsets, create_topics
from streams.kafka.dead_letters import DeadLetterWriter
from streams.kafka.embedded import EmbeddedBroker
from streams.kafka.producer import Producer
from streams.kafka.settings import KafkaSettings
from streams.knowledge import view as view_module
from streams.knowledge.ontology import Ontology
from streams.knowledge.view import FactsView
from tests.integration.worker_process import WorkerProcess, eventually


class Forgetful(EmbeddedBroker):
    """Looks every five seconds, and keeps a minute."""

    def properties(self, node: int) -> str:
        made = super().properties(node).replace("offsets.retention.minutes=86400", "offsets.retention.minutes=1")
        return made + "offsets.retention.check.interval.ms=5000\n"


@pytest.mark.timeout(4 * 3600)
@pytest.mark.skipif(not os.environ.get("PELTON_FUZZ_RECORDS"), reason="takes minutes: make fuzz")
def test_an_idle_worker_and_an_idle_view_keep_what_they_have_committed(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(view_module, "COMMIT_ANEW_SECONDS", 10.0)
    broker = Forgetful(tmp_path / "broker")
    broker.start()
    try:
        settings = KafkaSettings(bootstrap_servers=broker.bootstrap_servers)
        create_topics(settings, settings.topics)
        with Producer(settings) as producer:
            producer.send_bytes(settings.topics.facts.name, b"bad", b"{")
            producer.send(settings.topics.facts, "f", Fact(subject="a", predicate="capital", object="b"))
            producer.send_bytes(settings.topics.samples.name, b"s", b'{"text": "t"}')
            producer.flush()
            view = FactsView(settings, Ontology(), DeadLetterWriter(producer, settings, "facts")).start()
            with WorkerProcess("curriculum", settings, tmp_path):
                try:
                    eventually(lambda: sum(committed_offsets(settings, "pelton.curriculum").values()) == 1, "the worker's commit")
                    eventually(lambda: sum(committed_offsets(settings, "pelton.bad-facts").values()) == 2, "the view's commit")
                    time.sleep(90)
                    assert sum(committed_offsets(settings, "pelton.curriculum").values()) == 1
                    assert sum(committed_offsets(settings, "pelton.bad-facts").values()) == 2
                finally:
                    view.stop()
    finally:
        broker.stop()
