"""Fixtures of the whole suite: one broker per session, topics and groups of its own for every test.

With KAFKA_BOOTSTRAP_SERVERS set, the integration suite runs unchanged against that broker.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from typing import TYPE_CHECKING

import hypothesis
import pytest

if TYPE_CHECKING:
    from streams.kafka.broker import Broker
    from streams.kafka.settings import KafkaSettings

pytest_plugins = ["tests.timing"]

# It is for this process alone: the processes that tests start are not to warn of what libraries open.
os.environ.pop("PYTHONWARNDEFAULTENCODING", None)

# Before torch is imported, and for the processes that tests start: with models this small, and with several tests at a time on a few
# cores, threads within one product of matrices mostly wait for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# No test fails for being slow: an example may take as long as the machine's other work makes it take.
hypothesis.settings.register_profile("pelton", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("pelton")


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """A started broker: the one that the environment names, else Apache Kafka in a temporary folder."""
    from streams.kafka.broker import open_broker
    from streams.kafka.settings import KafkaSettings

    started = open_broker(KafkaSettings.load(), tmp_path_factory.mktemp("broker"))
    yield started
    started.stop()


@pytest.fixture
def settings(broker: Broker) -> Iterator[KafkaSettings]:
    """Settings with a prefix of this test's own, its topics made. Name groups `settings.topic_prefix + ...`."""
    from streams.kafka.admin import create_topics, delete_topics
    from streams.kafka.connection import open_admin
    from streams.kafka.settings import KafkaSettings

    mine = KafkaSettings.load(bootstrap_servers=broker.bootstrap_servers, topic_prefix=f"t{uuid.uuid4().hex[:10]}.")
    create_topics(mine, mine.topics).raise_if_wrong()
    yield mine
    if broker.alive():
        with open_admin(mine, "tidying up") as admin:
            names = [name for name in admin.list_topics() if name.startswith(mine.topic_prefix)]
        delete_topics(mine, names)


@pytest.fixture
def clean_environ(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An environment without our variables, so that a developer's own settings do not change a unit test."""
    for name in list(os.environ):
        if name.startswith(("KAFKA_", "PELTON_")) and name != "PELTON_CACHE":
            monkeypatch.delenv(name)
    return monkeypatch
