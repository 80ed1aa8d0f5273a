"""Where settings come from, and that a wrong one is named in one line."""

from __future__ import annotations

import ssl
import subprocess
import sys
from pathlib import Path

import pytest

from schemas.errors import ConfigError
from streams.kafka.settings import ENVIRONMENT, KafkaSettings

SASL = {"security_protocol": "SASL_PLAINTEXT", "sasl_username": "ada", "sasl_password": "secret word"}


def yaml_file(folder: Path, text: str) -> Path:
    path = folder / "pelton.yaml"
    path.write_text(text)
    return path


def test_defaults_need_nothing() -> None:
    settings = KafkaSettings.load(environ={})
    assert settings.bootstrap_servers == "127.0.0.1:9092"
    assert settings.topics.samples.name == "pelton.samples"
    assert settings.client_options() == {"bootstrap_servers": ["127.0.0.1:9092"], "security_protocol": "PLAINTEXT"}


def test_flags_win_over_environment_over_yaml_over_defaults(tmp_path: Path) -> None:
    path = yaml_file(tmp_path, "kafka:\n  bootstrap_servers: yaml:1\n  topic_prefix: y.\n  partitions: 7\n")
    environ = {"KAFKA_BOOTSTRAP_SERVERS": "env:2", "PELTON_TOPIC_PREFIX": "e."}
    settings = KafkaSettings.load(path, environ, topic_prefix="f.", bootstrap_servers=None)
    assert (settings.bootstrap_servers, settings.topic_prefix, settings.partitions) == ("env:2", "f.", 7)
    assert settings.replication_factor == 1


def test_an_empty_variable_counts_as_unset() -> None:
    assert KafkaSettings.load(environ={"KAFKA_BOOTSTRAP_SERVERS": ""}).bootstrap_servers == "127.0.0.1:9092"


def test_a_child_process_loads_the_same_settings() -> None:
    settings = KafkaSettings.load(environ={}, bootstrap_servers="a:1,b:2", topic_prefix="x.", partitions=5, replication_factor=3, **SASL)
    assert KafkaSettings.load(environ=settings.to_environ()) == settings


def test_every_variable_has_a_field() -> None:
    assert set(ENVIRONMENT) == set(KafkaSettings.model_fields)


def test_the_password_is_never_shown() -> None:
    settings = KafkaSettings.load(environ={}, **SASL)
    assert "secret word" not in repr(settings)
    assert settings.client_options()["sasl_plain_password"] == "secret word"
    assert settings.client_options()["sasl_mechanism"] == "PLAIN"


@pytest.mark.parametrize(
    ("flags", "named"),
    [
        ({"bootstrap_servers": "localhost"}, "'localhost' is not host:port"),
        ({"bootstrap_servers": "a:1,b"}, "'b' is not host:port"),
        ({"bootstrap_servers": "a:99999"}, "host:port"),
        ({"security_protocol": "TLS"}, "security_protocol"),
        ({"security_protocol": "SASL_SSL"}, "needs sasl_username and sasl_password"),
        ({"sasl_username": "ada", "sasl_password": "x"}, "set SASL_SSL or SASL_PLAINTEXT"),
        ({**SASL, "sasl_mechanism": "GSSAPI"}, "sasl_mechanism"),
        ({"topic_prefix": "no spaces"}, "topic_prefix"),
        ({"partitions": 0}, "partitions"),
        ({"ssl_cafile": "/nowhere/ca.pem", "security_protocol": "SSL"}, "ssl_cafile: no file /nowhere/ca.pem"),
    ],
)
def test_a_wrong_setting_is_named_in_one_line(flags: dict[str, object], named: str) -> None:
    with pytest.raises(ConfigError) as caught:
        KafkaSettings.load(environ={}, **flags)
    assert named in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("kafka:\n  bootstrap_server: a:1\n", "bootstrap_server"),
        ("kafka: [1]\n", "must be a mapping"),
        ("- 1\n", "mapping of sections"),
        ("kafka: {a\n", "not YAML at line"),
    ],
)
def test_a_wrong_yaml_file_is_named(tmp_path: Path, text: str, named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        KafkaSettings.load(yaml_file(tmp_path, text), {})


def test_a_missing_yaml_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"absent\.yaml: cannot be read"):
        KafkaSettings.load(tmp_path / "absent.yaml", {})


def test_a_yaml_file_of_other_sections_is_no_error(tmp_path: Path) -> None:
    assert KafkaSettings.load(yaml_file(tmp_path, "train:\n  epochs: 3\n"), {}) == KafkaSettings()


def test_faust_gets_every_server_and_credentials_as_objects() -> None:
    faust = pytest.importorskip("faust")
    plain = KafkaSettings(bootstrap_servers="a:1, b:2").faust_options()
    assert plain == {"broker": "kafka://a:1;kafka://b:2"}
    options = KafkaSettings.load(environ={}, sasl_mechanism="SCRAM-SHA-256", **SASL).faust_options()
    credentials = options["broker_credentials"]
    assert isinstance(credentials, faust.SASLCredentials)
    assert (credentials.username, credentials.password, credentials.mechanism.value) == ("ada", "secret word", "SCRAM-SHA-256")
    assert credentials.protocol.value == "SASL_PLAINTEXT"


def test_faust_speaks_tls_where_kafka_does() -> None:
    pytest.importorskip("faust")
    over_tls = KafkaSettings.load(environ={}, **{**SASL, "security_protocol": "SASL_SSL"}).faust_options()["broker_credentials"]
    assert over_tls.protocol.value == "SASL_SSL"
    assert isinstance(over_tls.ssl_context, ssl.SSLContext)
    only_tls = KafkaSettings(security_protocol="SSL").faust_options()["broker_credentials"]
    assert only_tls.protocol.value == "SSL"


def test_settings_import_neither_kafka_nor_faust() -> None:
    code = "import sys, streams.kafka.settings; print([m for m in ('kafka', 'faust', 'aiokafka') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
