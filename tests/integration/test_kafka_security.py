"""Credentials and TLS reach the broker through every client we use: kafka-python's, and Faust's."""

from __future__ import annotations

import asyncio
import base64
import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from kafka.admin import ScramMechanism, UserScramCredentialUpsertion

from schemas.errors import BrokerError
from streams.kafka.admin import create_topics, end_offsets
from streams.kafka.broker import EmbeddedBroker
from streams.kafka.connection import open_admin
from streams.kafka.consumer import read_range
from streams.kafka.embedded import free_port
from streams.kafka.producer import Producer
from streams.kafka.settings import KafkaSettings

LOGIN = 'org.apache.kafka.common.security.plain.PlainLoginModule required user_ada="countess";'
SCRAM_LOGIN = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
TOKEN_LOGIN = 'org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="broker";'
WAYS = {
    "plain": ("SASL_PLAINTEXT", "PLAIN"),
    "plain-tls": ("SASL_SSL", "PLAIN"),
    "scram": ("SASL_PLAINTEXT", "SCRAM-SHA-256"),
    "scram-tls": ("SASL_SSL", "SCRAM-SHA-512"),
    "token": ("SASL_PLAINTEXT", "OAUTHBEARER"),
    "token-tls": ("SASL_SSL", "OAUTHBEARER"),
    "certificate": ("SSL", ""),
}
"""How a client may be let in, and the protocol and mechanism of it."""


class SecuredBroker(EmbeddedBroker):
    """Apache Kafka with three more listeners: SASL over plain text, SASL over TLS, and TLS with a client's certificate."""

    def __init__(self, data_dir: Path, key: str, certificate: str) -> None:
        super().__init__(data_dir)
        self.ports = {protocol: free_port() for protocol in ("SASL_PLAINTEXT", "SASL_SSL", "SSL")}
        self._pem = {"keystore.key": key, "keystore.certificate.chain": certificate, "truststore.certificates": certificate}

    def properties(self, node: int) -> str:
        given = dict(line.split("=", 1) for line in super().properties(node).splitlines())
        more = "".join(f",{protocol}://127.0.0.1:{port}" for protocol, port in self.ports.items())
        given["listeners"] += more
        given["advertised.listeners"] += more
        given["listener.security.protocol.map"] += ",SASL_PLAINTEXT:SASL_PLAINTEXT,SASL_SSL:SASL_SSL,SSL:SSL"
        given["sasl.enabled.mechanisms"] = "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER"
        for listener in ("sasl_plaintext", "sasl_ssl"):
            given[f"listener.name.{listener}.plain.sasl.jaas.config"] = LOGIN
            given[f"listener.name.{listener}.oauthbearer.sasl.jaas.config"] = TOKEN_LOGIN
            for bits in ("256", "512"):
                given[f"listener.name.{listener}.scram-sha-{bits}.sasl.jaas.config"] = SCRAM_LOGIN
        given["ssl.keystore.type"] = given["ssl.truststore.type"] = "PEM"
        given["listener.name.ssl.ssl.client.auth"] = "required"
        for name, text in self._pem.items():
            given[f"ssl.{name}"] = text.replace("\n", "\\n")
        return "".join(f"{name}={value}\n" for name, value in given.items())


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A key and a certificate that signs itself, for 127.0.0.1; and the same key under a password, beside it."""
    if shutil.which("openssl") is None:
        pytest.skip("needs the program openssl to make a certificate")
    folder = tmp_path_factory.mktemp("certificate")
    key, cert = folder / "key.pem", folder / "cert.pem"
    make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", str(key), "-out", str(cert), "-days", "2"]
    subprocess.run([*make, "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True)
    locked = [
        "openssl",
        "pkcs8",
        "-topk8",
        "-in",
        str(key),
        "-out",
        str(folder / "locked.pem"),
        "-v2",
        "aes-256-cbc",
        "-passout",
        "pass:sesame",
    ]
    subprocess.run(locked, check=True, capture_output=True)
    return key, cert


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory, certificate: tuple[Path, Path]) -> Iterator[SecuredBroker]:
    started = SecuredBroker(tmp_path_factory.mktemp("secured"), *(path.read_text() for path in certificate))
    started.start()
    with open_admin(KafkaSettings(bootstrap_servers=started.bootstrap_servers), "adding users") as admin:
        for how in (ScramMechanism.SCRAM_SHA_256, ScramMechanism.SCRAM_SHA_512):  # one request takes a user once
            made = admin.alter_user_scram_credentials([UserScramCredentialUpsertion("ada", how, "countess", iterations=4096)])
            assert made == {"ada": None}
    yield started
    started.stop()


def token() -> str:
    """A bearer token as the broker's development mode takes it: a JSON Web Token that nobody signed."""
    now = int(time.time())
    parts = ({"alg": "none"}, {"sub": "ada", "iat": now, "exp": now + 600})
    return ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts) + "."


def settings_for(secured: SecuredBroker, way: str, certificate: tuple[Path, Path], password: str = "countess") -> KafkaSettings:
    """As an operator gives them: through the environment, secrets by files."""
    protocol, mechanism = WAYS[way]
    folder = certificate[0].parent
    environ = {
        "KAFKA_BOOTSTRAP_SERVERS": f"127.0.0.1:{secured.ports[protocol]}",
        "KAFKA_SECURITY_PROTOCOL": protocol,
        "KAFKA_SASL_MECHANISM": mechanism,
        "PELTON_TOPIC_PREFIX": f"{way}.",
    }
    if mechanism == "OAUTHBEARER":
        (folder / "token").write_text(token() + "\n", encoding="utf-8")
        environ["KAFKA_SASL_OAUTH_TOKEN_PATH"] = str(folder / "token")
    elif mechanism:
        (folder / "password").write_text(password + "\n", encoding="utf-8")
        environ |= {"KAFKA_SASL_USERNAME": "ada", "KAFKA_SASL_PASSWORD_FILE": str(folder / "password")}
    if protocol.endswith("SSL"):
        environ["KAFKA_SSL_CAFILE"] = str(certificate[1])
    if protocol == "SSL":
        files = {"KAFKA_SSL_CERTFILE": str(certificate[1]), "KAFKA_SSL_KEYFILE": str(folder / "locked.pem")}
        environ |= files | {"KAFKA_SSL_KEYPASSWORD": "sesame"}
    return KafkaSettings.load(environ=environ)


@pytest.mark.parametrize("way", WAYS)
def test_every_client_of_ours_gets_in(secured: SecuredBroker, certificate: tuple[Path, Path], way: str) -> None:
    settings = settings_for(secured, way, certificate)
    create_topics(settings, settings.topics).raise_if_wrong()
    facts = settings.topics.facts.name
    with Producer(settings) as producer:
        producer.send_bytes(facts, b"k", b"v")
    assert [record.value for record in read_range(settings, facts)] == [b"v"]
    assert sum(end_offsets(settings, [facts]).values()) == 1


@pytest.mark.parametrize("way", WAYS)
def test_fausts_client_gets_in_with_the_same_settings(secured: SecuredBroker, certificate: tuple[Path, Path], way: str) -> None:
    from aiokafka.admin import AIOKafkaAdminClient
    from faust.transport.drivers.aiokafka import credentials_to_aiokafka_auth

    settings = settings_for(secured, way, certificate)

    async def brokers() -> int:
        options = settings.faust_options()
        auth = credentials_to_aiokafka_auth(options["broker_credentials"])
        client = AIOKafkaAdminClient(bootstrap_servers=options["broker"].removeprefix("kafka://"), **auth)
        await client.start()
        found = await client.describe_cluster()
        await client.close()
        return len(found["brokers"])

    assert asyncio.run(brokers()) == 1


@pytest.mark.parametrize("way", ["plain", "scram-tls"])
def test_a_wrong_password_is_one_line(
    secured: SecuredBroker, certificate: tuple[Path, Path], way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streams.kafka.connection.BOOTSTRAP_TIMEOUT_MS", 3000)
    with pytest.raises(BrokerError) as caught:
        end_offsets(settings_for(secured, way, certificate, password="wrong"), ["any"])
    assert "\n" not in str(caught.value)
    assert "127.0.0.1" in str(caught.value)
    assert "password" in str(caught.value)


def test_a_certificate_that_nobody_signed_is_refused(
    secured: SecuredBroker, certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streams.kafka.connection.BOOTSTRAP_TIMEOUT_MS", 3000)
    trusting_none_of_ours = settings_for(secured, "plain-tls", certificate).model_copy(update={"ssl_cafile": None})
    with pytest.raises(BrokerError):
        end_offsets(trusting_none_of_ours, ["any"])


def test_a_client_without_a_certificate_is_not_let_in_where_one_is_asked_for(
    secured: SecuredBroker, certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streams.kafka.connection.BOOTSTRAP_TIMEOUT_MS", 3000)
    bare = settings_for(secured, "certificate", certificate).model_copy(update={"ssl_certfile": None, "ssl_keyfile": None})
    with pytest.raises(BrokerError):
        end_offsets(bare, ["any"])
