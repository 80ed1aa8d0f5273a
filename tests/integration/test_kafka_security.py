"""Credentials and TLS reach the broker through every client we use: kafka-python's, and Faust's."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from schemas.errors import BrokerError
from streams.kafka.admin import create_topics, end_offsets
from streams.kafka.broker import EmbeddedBroker
from streams.kafka.consumer import read_range
from streams.kafka.embedded import free_port
from streams.kafka.producer import Producer
from streams.kafka.settings import KafkaSettings

LOGIN = 'org.apache.kafka.common.security.plain.PlainLoginModule required user_ada="countess";'


class SecuredBroker(EmbeddedBroker):
    """Apache Kafka with two more listeners: SASL over plain text, and SASL over TLS."""

    def __init__(self, data_dir: Path, key: str, certificate: str) -> None:
        super().__init__(data_dir)
        self.sasl, self.sasl_ssl = free_port(), free_port()
        self._pem = {"key": key, "certificate.chain": certificate}

    def properties(self, node: int) -> str:
        given = dict(line.split("=", 1) for line in super().properties(node).splitlines())
        more = f",SASL_PLAINTEXT://127.0.0.1:{self.sasl},SASL_SSL://127.0.0.1:{self.sasl_ssl}"
        given["listeners"] += more
        given["advertised.listeners"] += more
        given["listener.security.protocol.map"] += ",SASL_PLAINTEXT:SASL_PLAINTEXT,SASL_SSL:SASL_SSL"
        given["sasl.enabled.mechanisms"] = "PLAIN"
        for listener in ("sasl_plaintext", "sasl_ssl"):
            given[f"listener.name.{listener}.plain.sasl.jaas.config"] = LOGIN
        given["ssl.keystore.type"] = "PEM"
        for name, text in self._pem.items():
            given[f"ssl.keystore.{name}"] = text.replace("\n", "\\n")
        return "".join(f"{name}={value}\n" for name, value in given.items())


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A key and a certificate that signs itself, for 127.0.0.1."""
    if shutil.which("openssl") is None:
        pytest.skip("needs the program openssl to make a certificate")
    folder = tmp_path_factory.mktemp("certificate")
    key, cert = folder / "key.pem", folder / "cert.pem"
    make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", str(key), "-out", str(cert), "-days", "2"]
    subprocess.run([*make, "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True)
    return key, cert


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory, certificate: tuple[Path, Path]) -> Iterator[SecuredBroker]:
    started = SecuredBroker(tmp_path_factory.mktemp("secured"), *(path.read_text() for path in certificate))
    started.start()
    yield started
    started.stop()


def settings_for(secured: SecuredBroker, protocol: str, certificate: tuple[Path, Path], password: str = "countess") -> KafkaSettings:
    """As an operator gives them: through the environment."""
    environ = {
        "KAFKA_BOOTSTRAP_SERVERS": f"127.0.0.1:{secured.sasl_ssl if protocol == 'SASL_SSL' else secured.sasl}",
        "KAFKA_SECURITY_PROTOCOL": protocol,
        "KAFKA_SASL_MECHANISM": "PLAIN",
        "KAFKA_SASL_USERNAME": "ada",
        "KAFKA_SASL_PASSWORD": password,
        "PELTON_TOPIC_PREFIX": protocol.lower() + ".",
    }
    if protocol == "SASL_SSL":
        environ["KAFKA_SSL_CAFILE"] = str(certificate[1])
    return KafkaSettings.load(environ=environ)


@pytest.mark.parametrize("protocol", ["SASL_PLAINTEXT", "SASL_SSL"])
def test_every_client_of_ours_gets_in(secured: SecuredBroker, certificate: tuple[Path, Path], protocol: str) -> None:
    settings = settings_for(secured, protocol, certificate)
    create_topics(settings, settings.topics).raise_if_wrong()
    facts = settings.topics.facts.name
    with Producer(settings) as producer:
        producer.send_bytes(facts, b"k", b"v")
    assert [record.value for record in read_range(settings, facts)] == [b"v"]
    assert sum(end_offsets(settings, [facts]).values()) == 1


@pytest.mark.parametrize("protocol", ["SASL_PLAINTEXT", "SASL_SSL"])
def test_fausts_client_gets_in_with_the_same_settings(secured: SecuredBroker, certificate: tuple[Path, Path], protocol: str) -> None:
    from aiokafka.admin import AIOKafkaAdminClient
    from faust.transport.drivers.aiokafka import credentials_to_aiokafka_auth

    settings = settings_for(secured, protocol, certificate)
    options = settings.faust_options()
    auth = credentials_to_aiokafka_auth(options["broker_credentials"])

    async def brokers() -> int:
        client = AIOKafkaAdminClient(bootstrap_servers=options["broker"].removeprefix("kafka://"), **auth)
        await client.start()
        found = await client.describe_cluster()
        await client.close()
        return len(found["brokers"])

    assert asyncio.run(brokers()) == 1


@pytest.mark.parametrize("protocol", ["SASL_PLAINTEXT", "SASL_SSL"])
def test_a_wrong_password_is_one_line(
    secured: SecuredBroker, certificate: tuple[Path, Path], protocol: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streams.kafka.connection.BOOTSTRAP_TIMEOUT_MS", 3000)
    with pytest.raises(BrokerError) as caught:
        end_offsets(settings_for(secured, protocol, certificate, password="wrong"), ["any"])
    assert "\n" not in str(caught.value)
    assert "127.0.0.1" in str(caught.value)
    assert "password" in str(caught.value)


def test_a_certificate_that_nobody_signed_is_refused(
    secured: SecuredBroker, certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streams.kafka.connection.BOOTSTRAP_TIMEOUT_MS", 3000)
    trusting_none_of_ours = settings_for(secured, "SASL_SSL", certificate).model_copy(update={"ssl_cafile": None})
    with pytest.raises(BrokerError):
        end_offsets(trusting_none_of_ours, ["any"])
