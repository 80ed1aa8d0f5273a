"""Connecting to a broker that is away: said in one line, and nothing is left behind however often it is tried."""

from __future__ import annotations

import contextlib
import socket
import threading

import pytest

from schemas.errors import BrokerError
from streams.kafka import connection, producer
from streams.kafka.connection import listens, open_admin
from streams.kafka.consumer import make_consumer
from streams.kafka.embedded import free_port
from streams.kafka.producer import Producer
from streams.kafka.settings import KafkaSettings


def open_and_close_an_admin(settings):
    with open_admin(settings, "asking"):
        pass


@pytest.mark.parametrize("connect", [make_consumer, Producer, open_and_close_an_admin], ids=["consumer", "producer", "admin"])
def test_a_try_that_finds_no_broker_leaves_no_thread(connect, monkeypatch):
    for module in (connection, producer):
        monkeypatch.setattr(module, "BOOTSTRAP_TIMEOUT_MS", 200)
    monkeypatch.setattr("streams.kafka.consumer.BOOTSTRAP_TIMEOUT_MS", 200)
    settings = KafkaSettings(bootstrap_servers=f"127.0.0.1:{free_port()}")
    before = set(threading.enumerate())
    for _ in range(3):
        with pytest.raises(BrokerError, match="no broker answers"):
            connect(settings)
    assert not set(threading.enumerate()) - before


@pytest.mark.parametrize(("family", "host", "written"), [(socket.AF_INET, "127.0.0.1", "127.0.0.1"), (socket.AF_INET6, "::1", "[::1]")])
def test_what_listens_is_found_by_its_address_as_settings_write_it(family, host, written):
    try:
        server = socket.create_server((host, 0), family=family)
    except OSError:
        pytest.skip(f"this machine has no address {host}")
    with contextlib.closing(server):
        address = f"{written}:{server.getsockname()[1]}"
        assert KafkaSettings(bootstrap_servers=address).servers == [address]
        assert listens(address)
    assert not listens(address)
