"""Which broker is chosen, and what is said where none can be had."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import ClassVar

import pytest

from schemas.errors import BrokerError, DownloadError
from streams.kafka import broker as brokers
from streams.kafka.broker import AddressBroker, EmbeddedBroker, open_broker
from streams.kafka.embedded import PORT_ATTEMPTS, free_port
from streams.kafka.settings import KafkaSettings


@pytest.fixture
def unstarted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Brokers that are chosen, but not started."""
    for kind in (AddressBroker, EmbeddedBroker):
        monkeypatch.setattr(kind, "start", lambda self: None)
    monkeypatch.setattr(brokers, "fetch_broker", lambda progress: None)


@pytest.fixture
def no_download(unstarted: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def fetch_broker(progress: object) -> None:
        raise DownloadError("no way out")

    monkeypatch.setattr(brokers, "fetch_broker", fetch_broker)


def test_an_address_in_the_environment_is_taken(unstarted: None, tmp_path: Path) -> None:
    settings = KafkaSettings(bootstrap_servers="there:9092")
    chosen = open_broker(settings, tmp_path, environ={"KAFKA_BOOTSTRAP_SERVERS": "there:9092"})
    assert (chosen.kind, chosen.bootstrap_servers) == ("address", "there:9092")


def test_without_an_address_apache_kafka_is_taken(unstarted: None, tmp_path: Path) -> None:
    chosen = open_broker(KafkaSettings(), tmp_path, environ={})
    assert chosen.kind == "apache"


def test_without_a_download_the_failure_is_told_and_nothing_stands_in_for_kafka(no_download: None, tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match="no way out"):
        open_broker(KafkaSettings(), tmp_path, environ={})


def test_a_cluster_of_two_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BrokerError, match="take 1 or 3"):
        EmbeddedBroker(tmp_path, brokers=2)


def test_a_port_that_is_taken_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streams.kafka.embedded.fetch_broker", lambda progress: None)
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(BrokerError, match=f"port {port} is taken"):
            EmbeddedBroker(tmp_path, port).start()


class PortTaken:
    """A Kafka that formats its storage, but finds its port taken when it starts; the settings it was started with are noted."""

    returncode = 0
    started: ClassVar[list[str]] = []

    def __init__(self, command: list[str], log_path: Path, cwd: Path | None = None, held: object = None) -> None:
        if cwd is not None:
            log_path.write_text("java.net.BindException: Address already in use\n")
            self.started.append((cwd / "server.properties").read_text())

    def wait(self, timeout: float) -> bool:
        return True

    def alive(self) -> bool:
        return False

    def terminate(self) -> None: ...


def test_another_port_is_chosen_only_where_the_port_was_ours_to_choose(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, stand_in in {"fetch_broker": lambda progress: None, "cached_classpath": list, "ChildProcess": PortTaken}.items():
        monkeypatch.setattr(f"streams.kafka.embedded.{name}", stand_in)
    monkeypatch.setattr(PortTaken, "started", [])
    with pytest.raises(BrokerError, match="Address already in use"):
        EmbeddedBroker(tmp_path / "any").start()
    assert len(PortTaken.started) == len(set(PortTaken.started)) == PORT_ATTEMPTS
    PortTaken.started.clear()
    with pytest.raises(BrokerError, match="Address already in use"):
        EmbeddedBroker(tmp_path / "asked", port=free_port()).start()
    assert len(PortTaken.started) == 1


def test_a_broker_that_is_away_is_told_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streams.kafka.connection.BOOTSTRAP_TIMEOUT_MS", 300)
    with pytest.raises(BrokerError) as caught:
        AddressBroker(KafkaSettings(bootstrap_servers="127.0.0.1:1")).start()
    assert "no broker answers at 127.0.0.1:1" in str(caught.value)
    assert "\n" not in str(caught.value)
