"""A broker to run against: one of our own, or an address. `open_broker` chooses."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from schemas.errors import BrokerError
from streams.kafka.connection import open_admin
from streams.kafka.distribution import fetch_broker
from streams.kafka.embedded import EmbeddedBroker
from streams.kafka.settings import ENVIRONMENT

if TYPE_CHECKING:
    from streams.kafka.settings import KafkaSettings

__all__ = ["AddressBroker", "Broker", "BrokerError", "EmbeddedBroker", "fetch_broker", "open_broker"]


class Broker(Protocol):
    """Something that answers as Kafka does, and that we may have to start and stop."""

    @property
    def kind(self) -> str:
        """`apache`, or `address` where others run it."""

    @property
    def bootstrap_servers(self) -> str:
        """`host:port`, several with commas."""

    @property
    def log_path(self) -> Path | None:
        """Its log, where it is ours."""

    def start(self) -> None:
        """Start it and wait until it answers; nothing to do where it runs."""

    def stop(self) -> None:
        """Stop it in order, where it is ours."""

    def alive(self) -> bool:
        """Whether it runs."""


class AddressBroker:
    """A broker that others run. Starting it means asking whether it is there; stopping it, nothing."""

    kind = "address"
    log_path: Path | None = None

    def __init__(self, settings: KafkaSettings) -> None:
        self.settings = settings

    @property
    def bootstrap_servers(self) -> str:
        """Its address."""
        return self.settings.bootstrap_servers

    def start(self) -> None:
        """Ask whether it is there.

        Raises:
            BrokerError: no broker answers.
        """
        with open_admin(self.settings, "connecting"):
            pass

    def stop(self) -> None:
        """Nothing: it is not ours."""

    def alive(self) -> bool:
        """Whether it answers now."""
        try:
            self.start()
        except BrokerError:
            return False
        return True


def open_broker(
    settings: KafkaSettings,
    data_dir: Path | str,
    *,
    port: int | None = None,
    brokers: int = 1,
    progress: Callable[[str], None] | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Broker:
    """A started broker: the one that `KAFKA_BOOTSTRAP_SERVERS` names, else Apache Kafka in `data_dir`.

    `progress` is told the files of a download. The caller stops it.

    Raises:
        BrokerError: it does not start or answer.
        DownloadError: none is named, and Kafka cannot be fetched; the line says what else can be done.
    """
    if environ.get(ENVIRONMENT["bootstrap_servers"]):
        broker: Broker = AddressBroker(settings)
    else:
        fetch_broker(progress)
        broker = EmbeddedBroker(data_dir, port, brokers)
    broker.start()
    return broker
