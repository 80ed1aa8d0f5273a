"""What the broker acknowledged survives its crash, a node's death, and a restart; and none of it outlives its parent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from schemas.errors import BrokerError
from streams.kafka.admin import create_topics
from streams.kafka.broker import EmbeddedBroker
from streams.kafka.connection import open_admin
from streams.kafka.consumer import read_range
from streams.kafka.distribution import archive_of, cached_classpath, find_java
from streams.kafka.producer import Producer
from streams.kafka.settings import KafkaSettings

PARENT = """
import sys, time
from streams.kafka.broker import EmbeddedBroker
broker = EmbeddedBroker(sys.argv[1])
broker.start()
print(broker.processes[0].pid, broker.bootstrap_servers, flush=True)
time.sleep(600)
"""


def own(broker: EmbeddedBroker, replication: int = 1) -> KafkaSettings:
    """Settings for a broker of this test's own, its topics made."""
    settings = KafkaSettings(bootstrap_servers=broker.bootstrap_servers, replication_factor=replication)
    create_topics(settings, settings.topics).raise_if_wrong()
    return settings


def keys(settings: KafkaSettings) -> list[int]:
    return sorted(int(record.key or b"") for record in read_range(settings, settings.topics.losses.name))


class Sender(threading.Thread):
    """Sends numbered records until told to stop; `acknowledged` holds the numbers the broker took."""

    def __init__(self, settings: KafkaSettings) -> None:
        super().__init__()
        self.settings = settings
        self.acknowledged: set[int] = set()
        self.stopping = threading.Event()
        self.failure: BaseException | None = None

    def run(self) -> None:
        try:
            with Producer(self.settings) as producer:
                number = 0
                while not self.stopping.is_set():
                    future = producer.send_bytes(self.settings.topics.losses.name, str(number).encode(), b"x" * 200)
                    future.add_callback(lambda _, number=number: self.acknowledged.add(number))
                    number += 1
                    time.sleep(0.001)
        except BaseException as error:  # noqa: BLE001 - told to the test
            self.failure = error

    def wait_for(self, count: int) -> None:
        deadline = time.monotonic() + 120
        while len(self.acknowledged) < count:
            assert time.monotonic() < deadline, f"only {len(self.acknowledged)} acknowledged; {self.failure}"
            time.sleep(0.05)


def test_every_acknowledged_record_survives_kill_minus_9_once(broker, tmp_path: Path) -> None:
    mine = EmbeddedBroker(tmp_path)
    mine.start()
    try:
        settings = own(mine)
        sender = Sender(settings)
        sender.start()
        sender.wait_for(500)
        mine.kill()
        before = len(sender.acknowledged)
        mine.stop()
        mine.start()
        sender.wait_for(before + 500)  # the producer goes on by itself
        sender.stopping.set()
        sender.join()
        assert sender.failure is None
        assert keys(settings) == sorted(sender.acknowledged)
    finally:
        mine.stop()


def test_a_restart_keeps_what_was_there_in_the_same_folder(broker, tmp_path: Path) -> None:
    first = EmbeddedBroker(tmp_path)
    first.start()
    settings = own(first)
    with Producer(settings) as producer:
        producer.send_bytes(settings.topics.losses.name, b"7", b"v")
    assert "Kafka Server started" in first.log_path.read_text()
    first.stop()
    assert not first.alive()
    second = EmbeddedBroker(tmp_path)
    second.start()
    try:
        assert keys(settings.model_copy(update={"bootstrap_servers": second.bootstrap_servers})) == [7]
    finally:
        second.stop()


def test_a_broker_starts_on_the_archive_of_its_classes(broker) -> None:
    """Java passes over an archive that does not fit, and says nothing: so look at what it has mapped."""
    archive = archive_of(find_java(), cached_classpath() or ())
    if not archive.is_file():
        pytest.skip("`pelton fetch`, of which `make setup` is, has made none here")
    if not isinstance(broker, EmbeddedBroker):
        pytest.skip("the broker is another's (KAFKA_BOOTSTRAP_SERVERS)")
    assert str(archive) in Path(f"/proc/{broker.processes[0].pid}/maps").read_text()


def test_a_second_broker_on_the_same_folder_is_one_line(broker, tmp_path: Path) -> None:
    first = EmbeddedBroker(tmp_path)
    first.start()
    try:
        with pytest.raises(BrokerError) as caught:
            EmbeddedBroker(tmp_path).start()
        assert "another broker uses" in str(caught.value)
        assert "\n" not in str(caught.value)
        assert first.alive()
    finally:
        first.stop()


def test_the_broker_dies_with_a_parent_that_was_killed(broker, tmp_path: Path) -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT, str(tmp_path)], stdout=subprocess.PIPE, encoding="utf-8")
    assert parent.stdout is not None
    pid, address = parent.stdout.readline().split()
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    deadline = time.monotonic() + 60
    while Path(f"/proc/{pid}/cmdline").exists() and Path(f"/proc/{pid}/cmdline").read_bytes():
        assert time.monotonic() < deadline, f"pid {pid} at {address} outlives its parent"
        time.sleep(0.1)


@pytest.fixture
def cluster(broker, tmp_path: Path):
    three = EmbeddedBroker(tmp_path, brokers=3)
    three.start()
    yield three
    three.stop()


def leader_of(settings: KafkaSettings, partition: int) -> int:
    """Node number, counted from 0, of a partition's leader."""
    with open_admin(settings, "asking for the leader") as admin:
        [topic] = admin.describe_topics([settings.topics.losses.name])
    return next(p["leader_id"] for p in topic["partitions"] if p["partition_index"] == partition) - 1


def test_a_cluster_goes_on_without_a_leader_and_loses_nothing(cluster: EmbeddedBroker) -> None:
    settings = own(cluster, replication=3)
    with open_admin(settings, "describing") as admin:
        [topic] = admin.describe_topics([settings.topics.losses.name])
    assert all(len(partition["replica_nodes"]) == 3 for partition in topic["partitions"])
    sender = Sender(settings)
    sender.start()
    sender.wait_for(300)
    leader = leader_of(settings, 0)
    os.kill(cluster.processes[leader].pid, signal.SIGKILL)
    before = len(sender.acknowledged)
    sender.wait_for(before + 300)
    assert leader_of(settings, 0) != leader
    cluster.restart_node(leader)
    sender.wait_for(len(sender.acknowledged) + 300)
    sender.stopping.set()
    sender.join()
    assert sender.failure is None
    assert cluster.alive()
    assert keys(settings) == sorted(sender.acknowledged)
